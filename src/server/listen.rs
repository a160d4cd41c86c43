//! Takes connections, and keeps those who are slow, or many, from harming the others.
//!
//! When the service ends, every caller gets an answer or finds nobody listening. From the signal
//! on, each answer ends its connection. Once the work is done, the listener is closed after those
//! were let in whom the kernel had let in, and what they ask is answered. What remains are
//! connections between two requests, which either side may close at any time (RFC 9112, §9.5).

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

use self::connections::{ConnectionGuard, Connections, PATIENCE};
use self::watched::Watched;
use super::app::App;
use super::layers::Peer;
use super::problem::Problem;

/// How long the service goes on to listen when its work is done, so that callers who come again and
/// again on one connection are told that it ends, rather than cut off.
const LINGER: Duration = Duration::from_millis(200);

/// How long callers who are in the middle of a request have to end it when the service does.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;

/// Header fields of a request.
const FIELDS: usize = 64;

/// So many connections at most are let in when the listener is closed.
const BACKLOG: usize = 4096;

/// What all connections share.
#[derive(Clone)]
struct Hall {
    app: Arc<App>,
    router: Router,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    /// Cancelled when the listener is closed.
    closing: CancellationToken,
}

/// Takes connections until the service ends, then lets the requests in flight be answered.
pub(super) async fn serve(app: &Arc<App>, listener: TcpListener, router: Router, most: usize) {
    let hall = Hall {
        app: Arc::clone(app),
        router,
        connections: Arc::new(Connections::new(most)),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
    };
    let mut end = std::pin::pin!(async {
        app.close.cancelled().await;
        hall.tasks.close();
        timeout(LINGER, hall.tasks.wait()).await
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut end => break,
        };
        match accepted {
            Ok((stream, peer)) => hall.receive(stream, peer),
            Err(error) => {
                // Such as no file descriptors: without a pause this would be a busy loop.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    for (stream, peer) in close(listener) {
        hall.receive(stream, peer);
    }
    hall.closing.cancel();
    // Who has an answer to come gets it; who has only been slow to ask is not waited for.
    if timeout(FAREWELL, hall.tasks.wait()).await.is_err() {
        hall.connections.dismiss_idle();
        hall.tasks.wait().await;
    }
}

/// Closes the listener, and returns the connections that the kernel had let in: it would reset
/// them. Nothing may come between the last look and the closing.
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

impl Hall {
    fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        let tls = self.app.credentials().tls.clone();
        let Some(guest) = Connections::admit(&self.connections) else {
            if tls.is_none() {
                self.tasks.spawn(timeout(FAREWELL, turn_away(stream)));
            }
            return;
        };
        let hall = self.clone();
        self.tasks.spawn(async move {
            let evicted = Arc::clone(&guest.state);
            tokio::select! {
                () = hall.connection(stream, peer, tls, &guest) => {}
                () = evicted.leave.notified() => {}
            }
        });
    }

    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        guest: &ConnectionGuard,
    ) {
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.requests(stream, peer, guest).await,
            Some(tls) => match timeout(PATIENCE, TlsAcceptor::from(tls).accept(stream)).await {
                Ok(Ok(stream)) => self.requests(stream, peer, guest).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
                Err(_) => {}
            },
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        guest: &ConnectionGuard,
    ) {
        let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let (mut router, state) = (self.router.clone(), Arc::clone(&guest.state));
            async move {
                state.begun();
                let answer = router.call(request).await;
                state.answered();
                answer
            }
        });
        let is_closing = Arc::new(AtomicBool::new(false));
        let (state, watched) = (Arc::clone(&guest.state), Arc::clone(&is_closing));
        let stream = Watched { stream, state, is_closing: watched };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_headers(FIELDS)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.closing.cancelled() => {
                is_closing.store(true, Ordering::Relaxed);
                // It looks for a request once more.
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection has ended badly");
        }
    }
}

/// Tells a caller that there is no room, without looking at what he wants.
async fn turn_away(mut stream: TcpStream) -> std::io::Result<()> {
    let problem = Problem::crowded();
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         retry-after: 2\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with something unread would take the answer back (RFC 9112, §9.6).
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
