//! Packet time: the only clock of the analysis; clock minutes, and the site's calendar.

pub mod calendar;
pub mod minutes;

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01T00:00:00Z, as the capture says.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// Nanoseconds in one second.
pub const SECOND: i64 = 1_000_000_000;

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates instead of wrapping.
    #[must_use]
    pub const fn new(seconds: i64, nanos: u32) -> Self {
        #[allow(clippy::as_conversions, reason = "u32 to i64 never loses, and From is not const")]
        Self(seconds.saturating_mul(SECOND).saturating_add(nanos as i64))
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// The clock minute it lies in, counted from 1970 in UTC.
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(60 * SECOND)
    }

    /// Nanoseconds since `earlier`; negative when the clock stepped back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// So many nanoseconds later.
    #[must_use]
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// RFC 3339 in UTC with whole seconds, empty for a time outside the calendar.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.seconds())
            .map(|t| format!("{}+00:00", t.strftime("%Y-%m-%dT%H:%M:%S")))
            .unwrap_or_default()
    }
}

/// So many make it a day: one packet has two speakers, and may have any time.
const SEVERAL: usize = 3;

/// The time that several devices have reached, of when each was last heard; all of them
/// where they are fewer. This is "now" wherever packets say what time it is: a single one
/// from the future moves nothing.
#[derive(Clone, Debug, Default)]
pub struct Several(Vec<Timestamp>);

impl Several {
    /// One more device, and when it was last heard.
    pub fn add(&mut self, at: Timestamp) {
        let place = self.0.partition_point(|it| *it > at);
        self.0.insert(place, at);
        self.0.truncate(SEVERAL);
    }

    /// What they have reached; 1970 without any.
    #[must_use]
    pub fn reached(&self) -> Timestamp {
        self.0.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_what_several_have_reached() {
        let of = |times: &[i64]| {
            let mut all = Several::default();
            times.iter().for_each(|at| all.add(Timestamp(*at)));
            all.reached().0
        };
        assert_eq!((of(&[]), of(&[7]), of(&[7, 5]), of(&[1, 9, 3, 8, 2])), (0, 7, 5, 3));
    }

    #[test]
    fn rfc3339_has_an_offset() {
        assert_eq!(Timestamp::new(0, 5).rfc3339(), "1970-01-01T00:00:00+00:00");
        assert_eq!(Timestamp(i64::MAX).rfc3339(), "2262-04-11T23:47:16+00:00");
        assert_eq!(Timestamp(-1).rfc3339(), "1969-12-31T23:59:59+00:00");
    }
}
