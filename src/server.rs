//! The service: tenants are provisioned when an application asks for them, and all of them are kept
//! up to date.
//!
//! A connection ([`listen`](self)) brings a request through `layers` (id, counts, token) to a
//! handler (`orders`, `looks`, `probes`), which starts `work` or looks, and answers with an
//! `answer` or a `problem`. Beside the requests, the `reconciler` works through all tenants. Both
//! use what the command line uses: [`reconcile`](crate::reconcile) and [`fleet`](crate::fleet).
//!
//! What holds:
//!
//! - Every path needs a token but those of [`OPEN`].
//! - Work on a tenant runs in a task of its own: no caller, however he leaves, cuts it off.
//! - What callers send decides neither the labels of counts nor the text of log lines.
//! - Callers learn what they can do something about; the rest stands in the log.

mod answer;
mod app;
mod auth;
mod current;
mod extract;
mod jobs;
mod layers;
mod listen;
mod looks;
mod orders;
mod probes;
mod problem;
mod readiness;
mod reconciler;
mod refusals;
mod routes;
mod tls;
mod verdict;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use app::{Bounds, Credentials};
pub use auth::{TOKEN_BYTES, TokenError, Tokens};
pub use layers::OPEN;
pub use routes::openapi;
pub use tls::{TlsError, tls};
pub use verdict::{Doubt, Verdict, judge};

use self::app::App;
use crate::fleet::Fleet;
use crate::telemetry::{self, Recorder};

/// How the service behaves.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub bounds: Bounds,
    /// Open connections at a time.
    pub connections: usize,
    /// From one pass over all tenants to the next; `None`: there are none.
    pub interval: Option<Duration>,
}

/// A service that runs.
pub struct Server {
    app: Arc<App>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

/// Starts to answer on `listener`, and to reconcile.
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
    let examining = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let current = app.current();
            tokio::select! {
                () = readiness::examine(&current) => {}
                () = app.stop.cancelled() => {}
            }
        })
    };
    let mut tasks = vec![answering, examining];
    if let Some(interval) = options.interval {
        tasks.push(tokio::spawn(reconciler::run(Arc::clone(&app), interval)));
    }
    Server { app, tasks }
}

impl Server {
    /// Goes on with a different manifest, which should have been [judged](judge) before. Work that
    /// is going on ends with what it began with.
    pub fn replace_fleet(&self, fleet: Fleet) {
        self.app.replace_fleet(fleet);
        self.app.look_again.notify_one();
    }

    /// Goes on with different tokens and certificates.
    pub fn replace_credentials(&self, credentials: Credentials) {
        self.app.replace_credentials(credentials);
    }

    /// Begins nothing new, waits until what was begun has ended and been answered, and ends; after
    /// `grace` it ends in any case, and the servers roll back what was not committed. Returns
    /// whether all was ended in time.
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
