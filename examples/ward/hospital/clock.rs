//! The hospital's clock and calendar. Times are microseconds since local midnight of the
//! first day, Monday, 2 March 2026, in Japan, which keeps one offset all year.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

/// Seconds from 1970 to that midnight: 15:00 UTC of the day before.
pub(crate) const EPOCH: u64 = 1_772_409_600 - 9 * 3600;
/// What the site's clock is ahead of UTC.
pub(crate) const OFFSET: &str = "+0900";
/// The site's zone as the configuration names it.
pub(crate) const ZONE: &str = "Asia/Tokyo";

pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// Days on which the out-patient departments are closed: 20 March, 29 April, 3 to 6 May.
const HOLIDAYS: &[u64] = &[18, 58, 62, 63, 64, 65];

/// Whether the departments are open on this day, counted from the first.
pub(crate) fn is_open(day: u64) -> bool {
    day % 7 < 5 && !HOLIDAYS.contains(&day)
}

/// A time of a day.
pub(crate) const fn of_day(day: u64, hour: u64, minute: u64) -> u64 {
    day * DAY + hour * HOUR + minute * MINUTE
}

/// A time so many days before another, which may be before the first day: such times are
/// negative, and only told.
pub(crate) const fn before(at: u64, days: u64) -> u64 {
    at.wrapping_sub(days * DAY)
}

fn day_of(at: u64) -> Date {
    date(2026, 3, 2).saturating_add((at as i64).div_euclid(DAY as i64).days())
}

/// `2026-03-02`.
pub(crate) fn day_text(day: u64) -> String {
    day_of(day * DAY).to_string()
}

/// DA (DICOM PS3.5 §6.2): `20260302`.
pub(crate) fn da(at: u64) -> String {
    let day = day_of(at);
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

/// TM: `083015.250000`.
pub(crate) fn tm(at: u64) -> String {
    let at = (at as i64).rem_euclid(DAY as i64) as u64;
    let [h, m, s] = [at % DAY / HOUR, at % HOUR / MINUTE, at % MINUTE / SECOND];
    format!("{h:02}{m:02}{s:02}.{:06}", at % SECOND)
}

/// DTM (HL7 v2.8.2 §2.A.22) and DT without fraction and offset: `20260302083015`.
pub(crate) fn dtm(at: u64) -> String {
    let time = tm(at);
    format!("{}{}", da(at), time.split('.').next().unwrap_or_default())
}
