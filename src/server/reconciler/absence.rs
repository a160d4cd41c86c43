//! How long no replica has led, and when to log that.

use std::time::Duration;

use tokio::time::Instant;

/// No replica has led for longer than two intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LongAbsence {
    pub(super) since: Instant,
    /// It is logged once per interval.
    pub(super) should_log: bool,
}

#[derive(Debug)]
pub(super) struct LeaderAbsence {
    /// From one pass of a leader to the next.
    interval: Duration,
    since: Option<Instant>,
    logged: Option<Instant>,
}

impl LeaderAbsence {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, since: None, logged: None }
    }

    /// A replica leads.
    pub(super) fn end(&mut self) {
        (self.since, self.logged) = (None, None);
    }

    /// No replica is known to lead.
    pub(super) fn noticed(&mut self, now: Instant) -> Option<LongAbsence> {
        let since = *self.since.get_or_insert(now);
        if now - since <= self.interval * 2 {
            return None;
        }
        let should_log = self.logged.is_none_or(|logged| now - logged >= self.interval);
        if should_log {
            self.logged = Some(now);
        }
        Some(LongAbsence { since, should_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reported_after_two_intervals_and_once_in_each() {
        let (begin, minute) = (Instant::now(), Duration::from_mins(1));
        let mut absence = LeaderAbsence::new(minute);
        let at = |absence: &mut LeaderAbsence, seconds| {
            let long = absence.noticed(begin + Duration::from_secs(seconds))?;
            assert_eq!(long.since, begin);
            Some(long.should_log)
        };
        assert_eq!(at(&mut absence, 0), None);
        assert_eq!(at(&mut absence, 120), None);
        assert_eq!(at(&mut absence, 125), Some(true));
        assert_eq!(at(&mut absence, 140), Some(false));
        assert_eq!(at(&mut absence, 184), Some(false));
        assert_eq!(at(&mut absence, 185), Some(true));
        absence.end();
        assert_eq!(absence.noticed(begin + minute * 10), None);
    }
}
