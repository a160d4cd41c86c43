//! Whether tenants can be provisioned: a server is reached and takes the manifest.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::current::Current;
use super::verdict::{Doubt, Verdict, ask, judge};

/// So long is believed what was found out.
const BELIEVED: Duration = Duration::from_secs(1);

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether tenants can be provisioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// No server is known to take the manifest; why the first of them is not.
    Not(Option<Doubt>),
}

/// What was found out last, when, and of which manifest.
#[derive(Default)]
pub(super) struct Known(Mutex<Option<(Instant, Weak<Current>, Readiness)>>);

/// Finds out. The servers are asked at most once a second, whoever wants to know.
pub(super) async fn readiness(known: &Known, current: &Arc<Current>) -> Readiness {
    let mut known = known.0.lock().await;
    let of_current = known.as_ref().filter(|(_, of, _)| of.as_ptr() == Arc::as_ptr(current));
    let before = of_current.map(|(_, _, readiness)| readiness.clone());
    if let Some((at, _, readiness)) = of_current
        && at.elapsed() < BELIEVED
    {
        return readiness.clone();
    }
    let mut readiness = Readiness::Not(None);
    for server in &current.fleet.servers {
        match (ask(server, PATIENCE).await, &readiness) {
            (Ok(()), _) => {
                readiness = Readiness::Ready;
                break;
            }
            (Err(doubt), Readiness::Not(None)) => readiness = Readiness::Not(Some(doubt)),
            (Err(_), _) => {}
        }
    }
    // Probes come every few seconds; the log need not say the same each time.
    if before.as_ref() != Some(&readiness)
        && let Readiness::Not(Some(doubt)) = &readiness
    {
        tracing::warn!(
            server = doubt.server,
            code = doubt.error.code,
            error = doubt.error.message,
            hint = doubt.error.hint,
            "not ready"
        );
    }
    *known = Some((Instant::now(), Arc::downgrade(current), readiness.clone()));
    readiness
}

/// Tells at once in the log what is wrong with the manifest that the service began with.
pub(super) async fn examine(current: &Current) {
    let told = |doubt: &Doubt| {
        let Doubt { server, error, .. } = doubt;
        if doubt.is_away {
            tracing::warn!(
                server,
                code = error.code,
                error = error.message,
                hint = error.hint,
                "a server is away, and could not be asked whether it takes the manifest"
            );
        } else {
            tracing::error!(
                server,
                code = error.code,
                error = error.message,
                hint = error.hint,
                "the server refuses the manifest: no tenant can be provisioned there"
            );
        }
    };
    match judge(&current.fleet).await {
        Verdict::Accepted { unasked } => unasked.iter().for_each(told),
        Verdict::Refused(doubt) => told(&doubt),
        Verdict::Unknown(doubts) => doubts.iter().for_each(told),
    }
}
