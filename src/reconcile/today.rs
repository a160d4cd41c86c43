//! The day by which what the manifest accepts or allows ends.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// The date in UTC.
#[must_use]
pub fn today() -> Date {
    Offset::UTC.to_datetime(Timestamp::now()).date()
}
