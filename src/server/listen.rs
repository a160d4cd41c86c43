//! Accepts connections, and keeps slow or numerous clients from harming the others.
//!
//! When the service stops, every client gets a response or cannot connect. From the signal on, each
//! response closes its connection. Once the work is done, the connections that the kernel has accepted
//! are taken over, the listener is closed, and their requests are served. What remains are connections
//! between two requests, which either side may close at any time (RFC 9112, §9.5).

mod connections;
mod watched;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use self::connections::{CLIENT_TIMEOUT, ConnectionGuard, Connections};
use self::watched::Watched;
use super::app::App;
use super::layers::Peer;
use super::problem::Problem;

/// How long the service keeps listening after its work is done, so that clients that reuse a connection
/// get a response that closes it, rather than a reset.
const DRAIN_TIME: Duration = Duration::from_millis(200);

/// How long clients in the middle of a request have to complete it when the service stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest head of a request in bytes.
const HEAD: usize = 16 * 1024;

/// The most header fields of a request.
const FIELDS: usize = 64;

/// The most connections that are taken over when the listener is closed.
const BACKLOG: usize = 4096;

/// What all connections share.
#[derive(Clone)]
struct Shared {
    app: Arc<App>,
    router: Router,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    /// Cancelled when the listener is closed.
    closing: CancellationToken,
}

/// Accepts connections until the service stops, then waits for the requests in flight.
pub(super) async fn serve(app: &Arc<App>, listener: TcpListener, router: Router, most: usize) {
    let shared = Shared {
        app: Arc::clone(app),
        router,
        connections: Arc::new(Connections::new(most)),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
    };
    let mut end = std::pin::pin!(async {
        app.close.cancelled().await;
        shared.tasks.close();
        timeout(DRAIN_TIME, shared.tasks.wait()).await
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut end => break,
        };
        match accepted {
            Ok((stream, peer)) => shared.receive(stream, peer),
            Err(error) => {
                // Such as no file descriptors: without a pause this would be a busy loop.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    for (stream, peer) in close(listener) {
        shared.receive(stream, peer);
    }
    shared.closing.cancel();
    // Requests that have arrived get their response; incomplete ones are not waited for.
    if timeout(CLOSE_TIMEOUT, shared.tasks.wait()).await.is_err() {
        shared.connections.close_idle();
        shared.tasks.wait().await;
    }
}

/// Closes the listener, and returns the connections that the kernel has accepted: it would reset
/// them. Nothing may be awaited between the last accept and the close.
fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut accepted = Vec::new();
    if let Ok(listener) = listener.into_std() {
        while accepted.len() < BACKLOG {
            match listener.accept() {
                Ok(one) => accepted.push(one),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) => {}
                Err(_) => break,
            }
        }
    }
    let usable = accepted.into_iter().filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    usable.collect()
}

impl Shared {
    fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        let tls = self.app.credentials().tls.clone();
        let Some(guard) = Connections::add(&self.connections) else {
            if tls.is_none() {
                self.tasks.spawn(timeout(CLOSE_TIMEOUT, reject(stream)));
            }
            return;
        };
        let shared = self.clone();
        self.tasks.spawn(async move {
            let evicted = Arc::clone(&guard.state);
            tokio::select! {
                () = shared.connection(stream, peer, tls, &guard) => {}
                () = evicted.evict.notified() => {}
            }
        });
    }

    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        guard: &ConnectionGuard,
    ) {
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.requests(stream, peer, guard).await,
            Some(tls) => match timeout(CLIENT_TIMEOUT, TlsAcceptor::from(tls).accept(stream)).await
            {
                Ok(Ok(stream)) => self.requests(stream, peer, guard).await,
                Ok(Err(error)) => tracing::debug!(%error, "the TLS handshake failed"),
                Err(_) => {}
            },
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        guard: &ConnectionGuard,
    ) {
        let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let (mut router, state) = (self.router.clone(), Arc::clone(&guard.state));
            async move {
                state.started();
                let response = router.call(request).await;
                state.answered();
                response
            }
        });
        let is_closing = Arc::new(AtomicBool::new(false));
        let (state, watched) = (Arc::clone(&guard.state), Arc::clone(&is_closing));
        let stream = Watched { stream, state, is_closing: watched };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(CLIENT_TIMEOUT)
            .max_headers(FIELDS)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.closing.cancelled() => {
                is_closing.store(true, Ordering::Relaxed);
                // It reads once more for a request.
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }
}

/// Responds that there are too many connections, without reading the request.
async fn reject(mut stream: TcpStream) -> std::io::Result<()> {
    let problem = Problem::too_many_connections();
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         retry-after: 2\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread data would discard the response (RFC 9112, §9.6).
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
