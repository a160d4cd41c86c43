//! Holds: a person wants a tenant to be left alone, for a reason, perhaps until a date.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::name::printable;

/// The most characters of a reason.
pub const REASON_CHARS: usize = 1_000;

/// The most characters of a person's name that are kept.
const NAME_CHARS: usize = 200;

/// What the recorded form begins with. Whatever else begins so is a hold that cannot be read.
const MARK: &str = "Held by provision: ";

/// A tenant that is to be left alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// Who holds it.
    pub by: String,
    /// By the server's clock; `None`: the record of the hold cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    pub reason: String,
    /// The last day, in UTC by the server's clock; `None`: until it is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    pub reason: Reason,
    /// The last day, in UTC; `None`: until it is released.
    pub until: Option<Date>,
    /// Who wants it; `None`: the actor of this process.
    pub by: Option<String>,
}

/// Why a tenant is held: some text, of [`REASON_CHARS`] characters at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Why a hold cannot be as requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    #[error("the reason is empty: say why the tenant is to be left alone")]
    NoReason,
    #[error("the reason has {0} characters; {REASON_CHARS} are the most")]
    LongReason(usize),
    #[error("{0:?} is not a date such as 2027-01-31")]
    NotADate(String),
    #[error("a hold until {until} would have ended: on the server it is {today} (UTC)")]
    Past { until: Date, today: Date },
}

impl Reason {
    /// # Errors
    /// When the text is empty or too long.
    pub fn new(text: &str) -> Result<Self, HoldError> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(HoldError::NoReason),
            1..=REASON_CHARS => Ok(Self(text.to_owned())),
            count => Err(HoldError::LongReason(count)),
        }
    }
}

/// The last day of a hold, such as `2027-01-31`.
///
/// # Errors
/// When the text is not a date.
pub fn last_day(text: &str) -> Result<Date, HoldError> {
    text.parse().map_err(|_| HoldError::NotADate(text.to_owned()))
}

impl Hold {
    /// The hold that is requested at this time; `actor` wants it unless the request names somebody.
    ///
    /// # Errors
    /// When it would have ended.
    pub fn new(request: &HoldRequest, actor: &str, now: Timestamp) -> Result<Self, HoldError> {
        let HoldRequest { reason, until, by } = request;
        let today = day_of(now);
        if let Some(until) = *until
            && until < today
        {
            return Err(HoldError::Past { until, today });
        }
        let by = by.as_deref().map(str::trim).filter(|by| !by.is_empty()).unwrap_or(actor);
        Ok(Self {
            by: by.chars().take(NAME_CHARS).collect(),
            since: Some(now),
            reason: reason.0.clone(),
            until: *until,
        })
    }

    /// As it is recorded, in one line of ASCII or other visible text.
    #[must_use]
    pub fn recorded(&self) -> String {
        // It has string keys only, so writing it cannot fail.
        MARK.to_owned() + &serde_json::to_string(self).unwrap_or_default()
    }

    /// The hold that is recorded, unless it has ended; `now` is the server's clock. What is marked as a
    /// hold and cannot be read is one that does not end by itself: to leave a tenant alone is safe.
    #[must_use]
    pub fn in_force(recorded: &str, now: Timestamp) -> Option<Self> {
        let text = recorded.strip_prefix(MARK)?;
        let Ok(Self { by, since, reason, until }) = serde_json::from_str(text) else {
            return Some(Self::unreadable());
        };
        if until.is_some_and(|until| until < day_of(now)) {
            return None;
        }
        let first = |text: String, count| text.chars().take(count).collect();
        Some(Self { by: first(by, NAME_CHARS), since, reason: first(reason, REASON_CHARS), until })
    }

    fn unreadable() -> Self {
        Self {
            by: "somebody".into(),
            since: None,
            reason: "the record of the hold cannot be read: it was edited, or a newer version of the tool wrote it"
                .into(),
            until: None,
        }
    }
}

/// The date in UTC.
pub(crate) fn day_of(time: Timestamp) -> Date {
    jiff::tz::Offset::UTC.to_datetime(time).date()
}

/// Such as "held by ana since 2026-11-28T09:30:00Z until 2026-12-01: migration of invoices".
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held by {}", printable(&self.by))?;
        if let Some(since) = self.since {
            write!(f, " since {since:.0}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        write!(f, ": {}", printable(&self.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn request(reason: &str, until: Option<&str>) -> HoldRequest {
        let until = until.map(|day| last_day(day).unwrap());
        HoldRequest { reason: Reason::new(reason).unwrap(), until, by: None }
    }

    #[test]
    fn a_hold_is_in_force_to_the_end_of_its_last_day() {
        let now = at("2026-11-28T09:30:00.123Z");
        let hold = Hold::new(&request("r", Some("2026-12-01")), "ana", now).unwrap();
        let shown = "held by ana since 2026-11-28T09:30:00Z until 2026-12-01: r";
        assert_eq!(hold.to_string(), shown);
        let recorded = hold.recorded();
        assert_eq!(Hold::in_force(&recorded, at("2026-12-01T23:59:59.9Z")), Some(hold));
        assert_eq!(Hold::in_force(&recorded, at("2026-12-02T00:00:00Z")), None);
        let endless = Hold::new(&request("r", None), "ana", now).unwrap();
        assert_eq!(Hold::in_force(&endless.recorded(), at("2999-01-01T00:00:00Z")), Some(endless));
    }

    #[test]
    fn what_would_have_ended_or_says_nothing_is_refused() {
        let now = at("2026-11-28T00:00:00Z");
        assert!(Hold::new(&request("r", Some("2026-11-28")), "ana", now).is_ok());
        let past = Hold::new(&request("r", Some("2026-11-27")), "ana", now).unwrap_err();
        assert!(matches!(past, HoldError::Past { .. }), "{past}");
        assert_eq!(Reason::new(" \n\t"), Err(HoldError::NoReason));
        assert!(Reason::new(&"é".repeat(REASON_CHARS)).is_ok());
        let long = REASON_CHARS + 1;
        assert_eq!(Reason::new(&"é".repeat(long)), Err(HoldError::LongReason(long)));
        assert!(last_day("tomorrow").is_err());
    }

    #[test]
    fn the_one_who_asks_is_named_before_the_actor() {
        let now = at("2026-11-28T00:00:00Z");
        let by = |by: &str| HoldRequest { by: Some(by.into()), ..request("r", None) };
        assert_eq!(Hold::new(&by(" ana "), "service", now).unwrap().by, "ana");
        assert_eq!(Hold::new(&by(" "), "service", now).unwrap().by, "service");
    }

    #[test]
    fn what_cannot_be_read_holds_and_what_is_not_marked_does_not() {
        let now = at("2026-11-28T00:00:00Z");
        for text in ["Held by provision: ", "Held by provision: {\"by\":", "Held by provision: []"]
        {
            let hold = Hold::in_force(text, now).unwrap();
            assert_eq!((hold.since, hold.until), (None, None), "{text}");
        }
        assert_eq!(Hold::in_force("", now), None);
        assert_eq!(Hold::in_force("the sequence of applies", now), None);
        let newer = "Held by provision: {\"by\":\"a\",\"since\":\"2026-01-01T00:00:00Z\",\"reason\":\"r\",\
                     \"ticket\":7}";
        assert_eq!(Hold::in_force(newer, now).unwrap().reason, "r");
    }

    proptest! {
        #[test]
        fn any_reason_is_recorded_and_shown_in_one_line(reason in "\\PC{0,20}[\\x00-\\x{ff}]{1,40}x") {
            let now = at("2026-11-28T00:00:00Z");
            let hold = Hold::new(&request(&reason, None), &reason, now).unwrap();
            let recorded = hold.recorded();
            prop_assert!(!recorded.contains(['\0', '\n']));
            prop_assert!(!hold.to_string().chars().any(char::is_control));
            prop_assert_eq!(Hold::in_force(&recorded, now), Some(hold));
        }
    }
}
