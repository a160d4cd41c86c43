//! SIGHUP: files are read again, and used if they are valid.
//!
//! Tokens and certificates do not depend on the manifest: a token that was revoked is refused from
//! then on, whatever is wrong with the manifest or the database.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tracing::{error, info, warn};

use super::files::Files;
use crate::cli::Global;
use crate::error::Error;
use crate::explain::Explain as _;
use crate::fleet::Fleet;
use crate::reconcile;
use crate::server::{Acceptance, NotAccepted, Server, check_manifest};
use crate::telemetry::{self, Reload};

/// How long to wait before the servers are tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How often is looked whether a day is over.
const DAYS_CHECKED: Duration = Duration::from_mins(1);

/// Reads all files again at each signal, and when something that the manifest allows has ended. Signals during a reload count as one.
pub(super) async fn on_signal(
    hang_up: &mut Signal,
    files: &Files,
    global: &Global,
    server: &Server,
) {
    loop {
        tokio::select! {
            signal = hang_up.recv() => if signal.is_none() { return },
            () = end_of_consent(server) => info!("something that the manifest allowed has ended"),
        }
        // A signal while waiting for a database starts again.
        while reload(hang_up, files, global, server).await.is_none() {}
    }
}

/// Waits until the day is over that is the last one of something that the manifest in use allows.
async fn end_of_consent(server: &Server) {
    let today = reconcile::today();
    let last = server.consent_ends(today);
    while last.is_none_or(|last| reconcile::today() <= last) {
        tokio::time::sleep(DAYS_CHECKED).await;
    }
}

/// `None` when another signal has arrived before this one was handled.
async fn reload(
    hang_up: &mut Signal,
    files: &Files,
    global: &Global,
    server: &Server,
) -> Option<()> {
    let is_usable = match files.credentials().await {
        Ok(credentials) => {
            server.replace_credentials(credentials);
            info!("tokens and certificates were reloaded");
            true
        }
        Err(error) => {
            refuse("tokens or certificates", &error);
            false
        }
    };
    let fleet = match files.fleet(global).await {
        Ok(fleet) => fleet,
        Err(error) => {
            refuse("the manifest", &error);
            telemetry::reloaded(Reload::Refused);
            return Some(());
        }
    };
    let is_accepted = switch_to(hang_up, server, fleet).await?;
    telemetry::reloaded(if is_usable && is_accepted { Reload::Ok } else { Reload::Refused });
    Some(())
}

fn refuse(what: &str, error: &Error) {
    error!(
        code = error.code(),
        error = crate::causes::chain(error),
        hint = error.hint(),
        "{what} could not be reloaded; the previous version stays in use"
    );
}

/// Switches to the manifest if the servers accept it; returns whether they do.
async fn switch_to(hang_up: &mut Signal, server: &Server, fleet: Fleet) -> Option<bool> {
    let mut is_postponed = false;
    loop {
        match check_manifest(&fleet).await {
            Acceptance::Accepted { unavailable } => {
                for NotAccepted { server, error, .. } in &unavailable {
                    warn!(
                        server,
                        code = error.code,
                        error = error.message,
                        "a server is unavailable; the others accept the manifest"
                    );
                }
                server.replace_fleet(fleet);
                info!("the manifest was reloaded");
                return Some(true);
            }
            Acceptance::Rejected(NotAccepted { server, error, .. }) => {
                error!(
                    server,
                    code = error.code,
                    error = error.message,
                    hint = error.hint,
                    "the server rejects the new manifest; the previous one stays in use"
                );
                return Some(false);
            }
            Acceptance::Unknown(refusals) if !is_postponed => {
                is_postponed = true;
                telemetry::reloaded(Reload::Postponed);
                for NotAccepted { server, error, .. } in &refusals {
                    warn!(
                        server,
                        code = error.code,
                        error = error.message,
                        hint = error.hint,
                        "no server is available to check the new manifest; the previous one stays in use \
                         until one is"
                    );
                }
            }
            Acceptance::Unknown(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            _ = hang_up.recv() => return None,
        }
    }
}
