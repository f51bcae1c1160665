//! Times as people write them: the same forms for all commands.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;

use crate::time::calendar::{Day, Zone, parse_date};
use crate::time::{SECOND, Timestamp};

/// What is allowed; for messages.
const FORMS: &str = "a time is a day (2026-01-31), a day with a time by the site's clock \
                     (2026-01-31T12:00) or with an offset (2026-01-31T12:00+09:00, \
                     2026-01-31T03:00Z), or a while ago (90m, 24h, 7d, -24h)";

/// A time, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// A local day.
    Day(Day),
    /// Seconds since 1970 on the site's wall clock.
    Wall(i64),
    /// A moment.
    At(Timestamp),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, now).ok_or_else(|| FORMS.to_owned())
    }
}

impl When {
    fn parse(text: &str, now: impl Fn() -> Timestamp) -> Option<Self> {
        if let Some(day) = parse_date(text) {
            return Some(Self::Day(day));
        }
        let bare = text.strip_prefix('-').unwrap_or(text);
        let unit = |suffix, seconds| {
            let number = bare.strip_suffix(suffix)?;
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            let number = number.parse::<u32>().ok().filter(|_| digits)?;
            Some(i64::from(number).saturating_mul(seconds))
        };
        let ago = unit('s', 1).or_else(|| unit('m', 60)).or_else(|| unit('h', 3600));
        if let Some(seconds) = ago.or_else(|| unit('d', 86_400)) {
            let Timestamp(now) = now();
            return Some(Self::At(Timestamp(now.checked_sub(seconds.checked_mul(SECOND)?)?)));
        }
        // A day as above, and a time.
        let (day, time) = text.split_at_checked(10)?;
        parse_date(day)?;
        let is_local = written(time)?;
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return i64::try_from(at.as_nanosecond()).ok().map(|at| Self::At(Timestamp(at)));
        }
        let at: DateTime = text.parse().ok().filter(|_| is_local)?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Self::Wall(at.as_second()))
    }

    /// The moment; of a day its first. None where the site's clock has none.
    pub(super) fn moment(self, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => Some(Timestamp::new(zone.bounds(day).0.saturating_mul(60), 0)),
            Self::Wall(wall) => zone.instant(wall, None),
            Self::At(at) => Some(at),
        }
    }

    /// The local day in which it lies.
    pub(super) fn day(self, zone: &Zone) -> Day {
        match self {
            Self::Day(day) => day,
            Self::Wall(wall) => Zone::default().day(wall.div_euclid(60)),
            Self::At(at) => zone.day(at.minute()),
        }
    }
}

/// Hours, minutes, perhaps seconds and a fraction of them, perhaps an offset: whether there
/// is none. Nothing shorter, no second that clocks do not have, no name of a zone, no offset
/// of a day.
fn written(time: &str) -> Option<bool> {
    let two = |text: &str, most: u8| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|n: &u8| digits && *n <= most)
    };
    let clock = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        two(hours, 23).and(two(minutes, 59))
    };
    let (at, rest) = time.strip_prefix(['T', 't', ' '])?.split_at_checked(5)?;
    clock(at)?;
    let rest = match rest.strip_prefix(':').and_then(|it| it.split_at_checked(2)) {
        Some((seconds, rest)) => {
            two(seconds, 59)?;
            let parts = rest
                .strip_prefix('.')
                .map(|it| it.trim_start_matches(|c: char| c.is_ascii_digit()));
            let digits = rest.len().saturating_sub(parts.map_or(rest.len(), str::len) + 1);
            parts.filter(|_| (1..=9).contains(&digits)).unwrap_or(rest)
        }
        None => rest,
    };
    match rest.strip_prefix(['+', '-']) {
        Some(offset) => clock(offset).map(|_| false),
        None if ["Z", "z"].contains(&rest) => Some(false),
        None => rest.is_empty().then_some(true),
    }
}

#[allow(clippy::disallowed_methods, reason = "what a user calls an hour ago")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_a_time_or_a_while_ago() {
        let zone = Zone::named("Asia/Tokyo").unwrap();
        let noon = Timestamp::new(1_767_268_800, 0); // 2026-01-01T12:00:00Z
        let parse = |text: &str| When::parse(text, || noon);
        let moment = |text: &str| parse(text).and_then(|it| it.moment(&zone)).unwrap().rfc3339();
        for (text, at) in [
            ("2026-01-31", "2026-01-30T15:00:00+00:00"),
            ("2026-01-31T00:00", "2026-01-30T15:00:00+00:00"),
            ("2026-01-31 12:30:05", "2026-01-31T03:30:05+00:00"),
            ("2026-01-31T12:00Z", "2026-01-31T12:00:00+00:00"),
            ("2026-01-31T12:00:00.5+01:00", "2026-01-31T11:00:00+00:00"),
            ("2026-01-31T12:00-05:00", "2026-01-31T17:00:00+00:00"),
            ("24h", "2025-12-31T12:00:00+00:00"),
            ("-24h", "2025-12-31T12:00:00+00:00"),
            ("90m", "2026-01-01T10:30:00+00:00"),
            ("-7d", "2025-12-25T12:00:00+00:00"),
            ("30s", "2026-01-01T11:59:30+00:00"),
        ] {
            assert_eq!(moment(text), at, "{text}");
        }
        let day = |text: &str| parse(text).unwrap().day(&zone);
        let date = parse_date("2026-01-31").unwrap();
        assert_eq!([day("2026-01-31"), day("2026-01-31T23:59")], [date, date]);
        assert_eq!([day("2026-01-31T16:00Z"), day("2026-01-31T01:00+09:00")], [date + 1, date]);
        for bad in [
            "",
            "1",
            "d",
            "-",
            "-d",
            "--1d",
            "+1d",
            "99999999999d",
            "yesterday",
            "2026-02-30",
            "2026-1-31",
            "20260131",
            "2026-01-31T",
            "2026-01-31T25:00",
            "2026-01-31T24:00",
            "2026-01-31T12",
            "2026-01-31T12Z",
            "2026-01-31T1200",
            "2026-01-31T12:00:60",
            "2026-01-31T23:59:60Z",
            "2026-01-31T12:00:",
            "2026-01-31T12:00:00.",
            "2026-01-31T12:00:00,5",
            "2026-01-31T12:00+25:00",
            "2026-01-31T12:00+09",
            "2026-01-31T12:00+0900",
            "2026-01-31T12:00+09:00:00",
            "2026-01-31T12:00-24:00",
            "2026-01-31T12:00Zx",
            "4294967295d",
            "-4294967295d",
            "2026-01-31T12:00[Asia/Tokyo]",
            "2026-01-31-05:00",
            "1.1.26",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!("x".parse::<When>().unwrap_err().contains("2026-01-31T12:00+09:00"));
    }
}
