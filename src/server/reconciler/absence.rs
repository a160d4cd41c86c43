//! How long nobody has been seen to lead, and when that is to be told.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody has been seen to lead, for longer than two intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Long {
    pub(super) since: Instant,
    /// It is told once in an interval.
    pub(super) is_to_be_told: bool,
}

#[derive(Debug)]
pub(super) struct Absence {
    /// From one pass of a leader to the next.
    interval: Duration,
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Absence {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, since: None, told: None }
    }

    /// Somebody leads.
    pub(super) fn end(&mut self) {
        (self.since, self.told) = (None, None);
    }

    /// Nobody is seen to lead.
    pub(super) fn noticed(&mut self, now: Instant) -> Option<Long> {
        let since = *self.since.get_or_insert(now);
        if now - since <= self.interval * 2 {
            return None;
        }
        let is_to_be_told = self.told.is_none_or(|told| now - told >= self.interval);
        if is_to_be_told {
            self.told = Some(now);
        }
        Some(Long { since, is_to_be_told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_after_two_intervals_and_once_in_each() {
        let (begin, minute) = (Instant::now(), Duration::from_mins(1));
        let mut absence = Absence::new(minute);
        let at = |absence: &mut Absence, seconds| {
            let long = absence.noticed(begin + Duration::from_secs(seconds))?;
            assert_eq!(long.since, begin);
            Some(long.is_to_be_told)
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
