//! Takes connections, and keeps those who are slow, or many, from harming the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower_service::Service as _;

use super::app::App;
use super::layers::Peer;
use super::problem::Problem;

/// How long a caller may take for TLS, and for the head of a request; also how long a connection
/// stays open without one.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long callers who are in the middle of a request have to end it when the service does.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;

/// Header fields of a request.
const FIELDS: usize = 64;

/// Takes connections until the service ends, then lets the requests in flight be answered.
pub(super) async fn serve(app: &Arc<App>, listener: &TcpListener, router: &Router, most: usize) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Connections::new(most));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.close.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let tls = app.credentials().tls.clone();
                let Some(guest) = Connections::admit(&connections) else {
                    if tls.is_none() {
                        tokio::spawn(tokio::time::timeout(FAREWELL, turn_away(stream)));
                    }
                    continue;
                };
                let (router, watcher) = (router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    let evicted = Arc::clone(&guest.state);
                    tokio::select! {
                        () = connection(stream, peer, tls, router, watcher, &guest) => {}
                        () = evicted.leave.notified() => {}
                    }
                });
            }
            Err(error) => {
                // Such as no file descriptors: without a pause this would be a busy loop.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Who has an answer to come gets it; who has only been slow to ask is not waited for.
    let mut ended = std::pin::pin!(graceful.shutdown());
    if tokio::time::timeout(FAREWELL, &mut ended).await.is_err() {
        connections.dismiss_idle();
        ended.await;
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

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    watcher: Watcher,
    guest: &Guest,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => requests(stream, peer, router, watcher, guest).await,
        Some(tls) => {
            match tokio::time::timeout(PATIENCE, TlsAcceptor::from(tls).accept(stream)).await {
                Ok(Ok(stream)) => requests(stream, peer, router, watcher, guest).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
                Err(_) => {}
            }
        }
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    guest: &Guest,
) {
    let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let (mut router, state) = (router.clone(), Arc::clone(&guest.state));
        async move {
            state.is_busy.store(true, Ordering::Relaxed);
            let answer = router.call(request).await;
            state.is_busy.store(false, Ordering::Relaxed);
            answer
        }
    });
    let stream = Watched { stream, state: Arc::clone(&guest.state) };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(FIELDS)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection has ended badly");
    }
}

/// All open connections, oldest first.
struct Connections {
    most: usize,
    open: Mutex<(u64, BTreeMap<u64, Arc<State>>)>,
}

#[derive(Default)]
struct State {
    /// A request of it is being worked on.
    is_busy: AtomicBool,
    /// Since when an answer waits for the caller to take more of it.
    stuck: Mutex<Option<Instant>>,
    /// It must make room.
    leave: Notify,
}

impl State {
    /// Whether it waits for its caller, who has all that was to come, or takes too long to take it.
    fn is_idle(&self) -> bool {
        let stuck = *self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        !self.is_busy.load(Ordering::Relaxed)
            && stuck.is_none_or(|since| since.elapsed() > PATIENCE)
    }
}

/// A stream that tells when it cannot write.
struct Watched<S> {
    stream: S,
    state: Arc<State>,
}

impl<S> Watched<S> {
    fn note<T>(&self, written: &Poll<T>) {
        let mut stuck = self.state.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        *stuck = match written {
            Poll::Ready(_) => None,
            Poll::Pending => stuck.or_else(|| Some(Instant::now())),
        };
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let watched = self.get_mut();
        let written = Pin::new(&mut watched.stream).poll_write(cx, bytes);
        watched.note(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let watched = self.get_mut();
        let written = Pin::new(&mut watched.stream).poll_write_vectored(cx, parts);
        watched.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// One of them; it leaves when dropped.
struct Guest {
    number: u64,
    state: Arc<State>,
    connections: Arc<Connections>,
}

impl Connections {
    fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// Lets one more in. When there are too many, the oldest that waits for its caller makes room;
    /// when there is none, the new one has to be turned away.
    fn admit(connections: &Arc<Self>) -> Option<Guest> {
        let mut open = connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, all) = &mut *open;
        if all.len() >= connections.most {
            let idle = all.iter().find(|(_, state)| state.is_idle());
            let number = idle.map(|(number, _)| *number)?;
            if let Some(state) = all.remove(&number) {
                state.leave.notify_one();
            }
        }
        *next += 1;
        let (number, state) = (*next, Arc::new(State::default()));
        all.insert(number, Arc::clone(&state));
        Some(Guest { number, state, connections: Arc::clone(connections) })
    }
}

impl Connections {
    /// Ends those that wait for their callers.
    fn dismiss_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.1.values().filter(|state| state.is_idle());
        idle.for_each(|state| state.leave.notify_one());
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.1.remove(&self.number);
    }
}
