//! The service: it provisions tenants on request, and keeps all of them up to date.
//!
//! A connection ([`listen`](self)) passes a request through `layers` (id, metrics, token) to a
//! handler (`provision`, `reads`, `probes`), which starts `work` or reads, and returns a `response` or
//! a `problem`. In the background, the `reconciler` works through all tenants. Both use what the
//! command line uses: [`reconcile`](crate::reconcile) and [`fleet`](crate::fleet).
//!
//! What holds:
//!
//! - Every path needs a token, except those of [`OPEN`].
//! - Work on a tenant runs in a task of its own: a client that disconnects does not interrupt it.
//! - What clients send is used neither in labels of metrics nor in the text of log lines.
//! - Responses contain what clients can act on; the rest is logged.

mod acceptance;
mod app;
mod auth;
mod current;
mod error_responses;
mod extract;
mod holds;
mod jobs;
mod layers;
mod listen;
mod probes;
mod problem;
mod provision;
mod readiness;
mod reads;
mod reconciler;
mod response;
mod routes;
mod tls;
mod work;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use acceptance::{Acceptance, NotAccepted, check_manifest};
pub use app::{Bounds, Credentials};
pub use auth::{TOKEN_BYTES, TokenError, Tokens};
pub use layers::OPEN;
pub use routes::openapi;
pub use tls::{TlsError, tls};

use self::app::App;
use crate::fleet::Fleet;
use crate::telemetry::{self, Recorder};

/// How the service behaves.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub bounds: Bounds,
    /// Open connections at a time.
    pub connections: usize,
    /// From one pass over all tenants to the next; `None`: no passes.
    pub interval: Option<Duration>,
}

/// A running service.
pub struct Server {
    app: Arc<App>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

/// Starts to serve `listener`, and to reconcile.
#[must_use]
pub fn start(
    listener: TcpListener,
    fleet: Fleet,
    credentials: Credentials,
    options: Options,
    recorder: Recorder,
) -> Server {
    telemetry::serves();
    let app = Arc::new(App::new(fleet, credentials, options.bounds, recorder));
    let router = routes::router(Arc::clone(&app));
    let answering = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            listen::serve(&app, listener, router, options.connections).await;
        })
    };
    let checking = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let current = app.current();
            tokio::select! {
                () = readiness::log_manifest_check(&current) => {}
                () = app.stop.cancelled() => {}
            }
        })
    };
    let mut tasks = vec![answering, checking];
    if let Some(interval) = options.interval {
        tasks.push(tokio::spawn(reconciler::run(Arc::clone(&app), interval)));
    }
    Server { app, tasks }
}

impl Server {
    /// Switches to a different manifest, which should have been [checked](check_manifest) before. Work in
    /// progress ends with the manifest it started with.
    pub fn replace_fleet(&self, fleet: Fleet) {
        self.app.replace_fleet(fleet);
        self.app.pass_requested.notify_one();
    }

    /// The first day, from `today` on, that is the last one of something that the manifest allows.
    #[must_use]
    pub fn consent_ends(&self, today: Date) -> Option<Date> {
        let current = self.app.current();
        let all = current.fleet.manifest.allow.iter().map(|allowed| allowed.until);
        all.filter(|until| *until >= today).min()
    }

    /// Switches to different tokens and certificates.
    pub fn replace_credentials(&self, credentials: Credentials) {
        self.app.replace_credentials(credentials);
    }

    /// Starts nothing new, waits until work in progress has ended and its requests are answered, and
    /// stops; after `grace` it stops in any case, and the servers roll back what was not committed.
    /// Returns whether everything ended in time.
    pub async fn stop(self, grace: Duration) -> bool {
        let Self { app, tasks } = self;
        app.end();
        let all = async {
            app.tracker.wait().await;
            app.close.cancel();
            futures_util::future::join_all(tasks).await;
        };
        tokio::time::timeout(grace, all).await.is_ok()
    }
}
