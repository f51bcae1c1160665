//! Where local days begin, for what is told by the clock.

use jiff::Timestamp as Instant;

use super::{Day, Zone};
use crate::time::minutes::DAY;

/// The begin of a local day, and what its clock shows.
pub struct Midnight<'z> {
    /// The day that begins.
    pub day: Day,
    /// Its first minute, since 1970 in UTC.
    pub minute: i64,
    /// On days on which the clock is turned.
    turned: Option<&'z Zone>,
}

impl<'z> Midnight<'z> {
    /// Of a day in a zone.
    #[must_use]
    pub fn of(zone: &'z Zone, day: Day) -> Self {
        let (minute, next) = zone.bounds(day);
        let is_turned = next.saturating_sub(minute) != DAY;
        Self { day, minute, turned: is_turned.then_some(zone) }
    }

    /// The seconds since 00:00 that the clock shows at a second since 1970; of the next day,
    /// more than those of one.
    #[must_use]
    pub fn clock(&self, second: i64) -> i64 {
        let passed = || second.saturating_sub(self.minute.saturating_mul(60));
        let shown = |zone: &Zone| {
            let at = Instant::from_second(second).ok()?;
            let shown = second.saturating_add(zone.0.to_offset(at).seconds().into());
            Some(shown.saturating_sub(i64::from(self.day).saturating_mul(86_400)))
        };
        self.turned.and_then(shown).unwrap_or_else(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_date;
    use super::*;

    #[test]
    fn a_clock_that_is_turned_shows_what_it_shows() {
        let shown = |zone: &str, day: &str, minute: i64| {
            let zone = Zone::named(zone).unwrap();
            let midnight = Midnight::of(&zone, parse_date(day).unwrap());
            midnight.clock((midnight.minute + minute) * 60) / 60
        };
        for (zone, day, minute, clock) in [
            ("Europe/Berlin", "2026-07-01", 500, 500),
            ("Europe/Berlin", "2026-07-01", 1500, 1500),
            ("Europe/Berlin", "2026-10-25", 60, 60),
            ("Europe/Berlin", "2026-10-25", 600, 540),
            ("Europe/Berlin", "2026-03-29", 600, 660),
            ("Europe/Berlin", "2026-03-29", 1380, 1440),
            // There is no midnight: the day begins at one.
            ("Africa/Cairo", "2026-04-24", 0, 60),
            ("Australia/Lord_Howe", "2026-10-04", 600, 630),
        ] {
            assert_eq!(shown(zone, day, minute), clock, "{zone}, {day}, {minute} minutes");
        }
    }
}
