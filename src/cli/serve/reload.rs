//! SIGHUP: what was read from files is read again, and used if it is usable.
//!
//! Tokens and certificates are one thing, the manifest another: a token that was given away is
//! refused from then on, whatever is wrong with the manifest or the database.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tracing::{error, info, warn};

use super::files::{self, Files};
use crate::cli::Global;
use crate::error::Error;
use crate::explain::Explain as _;
use crate::fleet::Fleet;
use crate::server::{Doubt, Server, Verdict, judge};
use crate::telemetry::{self, Reload};

/// After so long it is asked again whether a server takes the manifest.
const AGAIN: Duration = Duration::from_secs(5);

/// Reads all again at each signal. Signals that come while it does are one.
pub(super) async fn at_each(hang_up: &mut Signal, files: &Files, global: &Global, server: &Server) {
    while hang_up.recv().await.is_some() {
        // A signal in the middle of waiting for a database begins anew.
        while reload(hang_up, files, global, server).await.is_none() {}
    }
}

/// `None` when another signal has come before this one was seen to.
async fn reload(
    hang_up: &mut Signal,
    files: &Files,
    global: &Global,
    server: &Server,
) -> Option<()> {
    let is_usable = match files.credentials().await {
        Ok(credentials) => {
            server.replace_credentials(credentials);
            info!("tokens and certificates were read again");
            true
        }
        Err(error) => {
            refuse("tokens or certificates", &error);
            false
        }
    };
    let fleet = match files::fleet(global).await {
        Ok(fleet) => fleet,
        Err(error) => {
            refuse("the manifest", &error);
            telemetry::reloaded(Reload::Refused);
            return Some(());
        }
    };
    let is_taken = offer(hang_up, server, fleet).await?;
    telemetry::reloaded(if is_usable && is_taken { Reload::Ok } else { Reload::Refused });
    Some(())
}

fn refuse(what: &str, error: &Error) {
    error!(
        code = error.code(),
        error = crate::causes::chain(error),
        hint = error.hint(),
        "{what} could not be read again; going on with what was read before"
    );
}

/// Goes on with the manifest if the servers take it; says whether they do.
async fn offer(hang_up: &mut Signal, server: &Server, fleet: Fleet) -> Option<bool> {
    let mut is_postponed = false;
    loop {
        match judge(&fleet).await {
            Verdict::Accepted { unasked } => {
                for Doubt { server, error, .. } in &unasked {
                    warn!(
                        server,
                        code = error.code,
                        error = error.message,
                        "a server could not be asked whether it takes the manifest; others do"
                    );
                }
                server.replace_fleet(fleet);
                info!("the manifest was read again");
                return Some(true);
            }
            Verdict::Refused(Doubt { server, error, .. }) => {
                error!(
                    server,
                    code = error.code,
                    error = error.message,
                    hint = error.hint,
                    "the server refuses the manifest that was read again; going on with the one \
                     that was read before"
                );
                return Some(false);
            }
            Verdict::Unknown(doubts) if !is_postponed => {
                is_postponed = true;
                telemetry::reloaded(Reload::Postponed);
                for Doubt { server, error, .. } in &doubts {
                    warn!(
                        server,
                        code = error.code,
                        error = error.message,
                        hint = error.hint,
                        "no server can be asked whether it takes the manifest that was read \
                         again; going on with the one that was read before until one can"
                    );
                }
            }
            Verdict::Unknown(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _ = hang_up.recv() => return None,
        }
    }
}
