//! When a tenant that failed is tried again: after increasing waits.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::name::TenantId;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(15);

/// The tenants that failed when they were tried last.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: HashMap<TenantId, (u32, Instant)>,
}

impl Backoff {
    /// Whether the tenant may be tried now.
    pub(super) fn allows(&self, id: &TenantId, now: Instant) -> bool {
        self.failed.get(id).is_none_or(|(_, next)| *next <= now)
    }

    /// Whether the tenant failed, and may be tried now.
    pub(super) fn is_due(&self, id: &TenantId, now: Instant) -> bool {
        self.failed.get(id).is_some_and(|(_, next)| *next <= now)
    }

    /// It failed: the wait doubles, and half of it is random.
    pub(super) fn failed(&mut self, id: &TenantId, now: Instant) {
        let (failures, next) = self.failed.entry(id.clone()).or_insert((0, now));
        let doubled = FIRST.saturating_mul(1 << (*failures).min(16)).min(LONGEST);
        *failures = failures.saturating_add(1);
        *next = now + doubled.mul_f64(0.5 + fastrand::f64() / 2.0);
    }

    pub(super) fn succeeded(&mut self, id: &TenantId) {
        self.failed.remove(id);
    }

    /// What was due and has neither failed again nor succeeded (its server is away) waits as well.
    pub(super) fn postpone(&mut self, now: Instant) {
        let due: Vec<TenantId> = self
            .failed
            .iter()
            .filter(|(_, (_, next))| *next <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.failed(&id, now);
        }
    }

    /// Whether no tenant failed when it was tried last.
    pub(super) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// Forgets tenants that no longer exist.
    pub(super) fn retain(&mut self, is_there: impl Fn(&TenantId) -> bool) {
        self.failed.retain(|id, _| is_there(id));
    }

    /// When the first of them may be tried again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.failed.values().map(|(_, next)| *next).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_longer_each_time_up_to_a_limit() {
        let (mut backoff, id, now) =
            (Backoff::default(), TenantId::new("a").unwrap(), Instant::now());
        assert!(backoff.allows(&id, now) && !backoff.is_due(&id, now));
        let mut waits = Vec::new();
        for _ in 0..40 {
            backoff.failed(&id, now);
            waits.push(backoff.next().unwrap() - now);
        }
        assert!(!backoff.allows(&id, now) && backoff.is_due(&id, now + LONGEST));
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
        assert!(waits[3] > waits[0] && waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        backoff.postpone(now);
        assert!(!backoff.is_due(&id, now + FIRST), "what is not due stays where it is");
        backoff.postpone(now + LONGEST);
        assert!(backoff.next().unwrap() > now + LONGEST);
        backoff.succeeded(&id);
        assert!(backoff.next().is_none() && backoff.is_empty());
    }
}
