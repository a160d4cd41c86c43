//! The day by which what the manifest accepts or allows ends.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::hold::day_of;

/// The date in UTC.
#[must_use]
pub fn today() -> Date {
    day_of(Timestamp::now())
}
