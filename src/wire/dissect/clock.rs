//! Times as messages write them: on the clock of the device, which may be wrong and mostly
//! says nothing of its zone. Read strictly, since what is no time says nothing: DA, TM and
//! DT of DICOM (PS3.5 §6.2), DTM of HL7 (v2 §2.A.22), which LIS02-A2 takes up, and ISO 8601.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::observe::When;

/// A moment on such a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Since 1970-01-01T00:00:00 there.
    seconds: i64,
    /// Minutes that it is ahead of UTC, where that is said.
    offset: Option<i16>,
}

impl Clock {
    /// None when the two make no moment.
    pub(super) fn new(date: Date, time: Time, offset: Option<i16>) -> Option<Self> {
        let zoned = date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
        Some(Self { seconds: zoned.timestamp().as_second(), offset })
    }

    /// `YYYYMMDDHH[MM[SS[.F]]][±ZZZZ]`: DT, DTM. A day alone is no moment.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let raw = trimmed(raw);
        let zone = raw.iter().position(|b| matches!(b, b'+' | b'-')).unwrap_or(raw.len());
        let (local, zone) = raw.split_at_checked(zone)?;
        let (date, time) = local.split_at_checked(8)?;
        let zone = if zone.is_empty() { None } else { Some(offset(zone)?) };
        Self::new(self::date(date)?, self::time(time)?, zone)
    }

    /// `YYYY-MM-DDTHH:MM[:SS[.F]][Z|±HH:MM]` of ISO 8601.
    pub(super) fn iso(text: &str) -> Option<Self> {
        let (date, time) = text.trim().split_once('T')?;
        if !is_cut(date, b'-', &[4, 7]) {
            return None;
        }
        let zone = time.find(['+', '-', 'Z']).unwrap_or(time.len());
        let (time, zone) = time.split_at_checked(zone)?;
        if !is_cut(time, b':', &[2, 5]) || (zone.len() > 1 && !is_cut(zone, b':', &[3])) {
            return None;
        }
        let zone = if zone == "Z" { "+0000" } else { zone };
        Self::read([date, time, zone].concat().replacen('-', "", 2).replace(':', "").as_bytes())
    }

    /// The same with this zone, unless it says one.
    pub(super) fn or_offset(self, offset: Option<i16>) -> Self {
        Self { offset: self.offset.or(offset), ..self }
    }

    /// This moment.
    pub(super) const fn when(self) -> When {
        When::Told { from: self.seconds, to: self.seconds, offset: self.offset }
    }
}

/// Whether a mark stands at these places, as far as the text goes, and nowhere else.
fn is_cut(text: &str, mark: u8, places: &[usize]) -> bool {
    text.bytes().enumerate().all(|(at, byte)| (byte == mark) == places.contains(&at))
}

/// Seconds that may lie between two moments of one stretch: less than any pause that is
/// bridged by who counts them, so that what lies further apart is told as two.
const APART: i64 = 4 * 60;

/// The stretch of both, where they are of one clock and one zone, and near each other.
pub(super) fn join(one: When, other: When) -> Option<When> {
    match (one, other) {
        (When::Told { from, to, offset }, When::Told { from: begin, to: end, offset: same })
            if offset == same
                && begin.saturating_sub(to) <= APART
                && from.saturating_sub(end) <= APART =>
        {
            Some(When::Told { from: from.min(begin), to: to.max(end), offset })
        }
        (When::Unreadable, When::Unreadable) => Some(one),
        _ => None,
    }
}

/// `YYYYMMDD`: DA.
pub(super) fn date(raw: &[u8]) -> Option<Date> {
    let [a, b, c, d, e, f, g, h] = *trimmed(raw).as_array()?;
    let year = number(&[a, b, c, d])?;
    let (month, day) = (number(&[e, f])?, number(&[g, h])?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `HH[MM[SS[.F]]]`: TM. A leap second is the one before it.
pub(super) fn time(raw: &[u8]) -> Option<Time> {
    let raw = trimmed(raw);
    let dot = raw.iter().position(|b| *b == b'.').unwrap_or(raw.len());
    let (whole, fraction) = raw.split_at_checked(dot)?;
    let plain = match fraction {
        [] => true,
        [_, digits @ ..] => {
            whole.len() == 6
                && (1..=6).contains(&digits.len())
                && digits.iter().all(u8::is_ascii_digit)
        }
    };
    if !plain || !matches!(whole.len(), 2 | 4 | 6) {
        return None;
    }
    let part = |at: usize| match whole.get(at..at.saturating_add(2)) {
        Some(digits) => i8::try_from(number(digits)?).ok(),
        None => Some(0),
    };
    let second = part(4)?;
    let second = if second == 60 { 59 } else { second };
    Time::new(part(0)?, part(2)?, second, 0).ok()
}

/// The same, or as ACR-NEMA wrote it before DICOM: `YYYY.MM.DD` (PS3.5 §6.2, note on DA).
pub(super) fn date_or_older(raw: &[u8]) -> Option<Date> {
    match *trimmed(raw) {
        [a, b, c, d, b'.', e, f, b'.', g, h] => date(&[a, b, c, d, e, f, g, h]),
        ref plain => date(plain),
    }
}

/// The same of a time: `HH:MM:SS[.F]` or `HH:MM` (PS3.5 §6.2, note on TM).
pub(super) fn time_or_older(raw: &[u8]) -> Option<Time> {
    match trimmed(raw) {
        [a, b, b':', c, d] => time(&[*a, *b, *c, *d]),
        [a, b, b':', c, d, b':', rest @ ..] if !rest.is_empty() => {
            time(&[&[*a, *b, *c, *d], rest].concat())
        }
        plain => time(plain),
    }
}

/// `±HHMM`: minutes ahead of UTC, within the zones that there are.
pub(super) fn offset(raw: &[u8]) -> Option<i16> {
    let (sign, digits) = trimmed(raw).split_first()?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    if minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    let all = match sign {
        b'+' => all,
        b'-' => all.checked_neg()?,
        _ => return None,
    };
    (minutes < 60 && (-720..=840).contains(&all)).then_some(all)
}

/// Without padding.
fn trimmed(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|b| !matches!(b, b' ' | 0)).map_or(0, |n| n.saturating_add(1));
    raw.get(..end).unwrap_or_default()
}

/// Digits and nothing else, four at most.
fn number(digits: &[u8]) -> Option<i16> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0_i16, |n, digit| {
        let value = char::from(*digit).to_digit(10)?;
        n.checked_mul(10)?.checked_add(i16::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20.
    const SECONDS: i64 = 1_700_000_000;

    fn told(raw: &str) -> Option<(i64, Option<i16>)> {
        Clock::read(raw.as_bytes()).map(|it| (it.seconds - SECONDS, it.offset))
    }

    #[test]
    fn moments() {
        assert_eq!(told("20231114221320"), Some((0, None)));
        assert_eq!(told("20231114221320.123456+0900 "), Some((0, Some(540))));
        assert_eq!(told("202311142213-0330\0"), Some((-20, Some(-210))));
        assert_eq!(told("2023111422"), Some((-800, None)));
        assert_eq!(told("20240229000000").map(|it| it.1), Some(None));
        assert_eq!(told("20231114235960"), told("20231114235959"));
    }

    #[test]
    fn nonsense_is_none() {
        for raw in [
            "",
            "20231114",
            "2023111",
            "20231314221320",
            "20230229000000",
            "20231114241320",
            "20231114226020",
            "2023111422132",
            "20231114221320.",
            "20231114221320.1234567",
            "202311142213.5",
            "20231114221320+09",
            "20231114221320+0960",
            "20231114221320+2400",
            "20231114221320Z",
            "2023-11-14 22:13",
            "+0900",
            "2023111422132x",
            "２０２３１１１４",
            " 20231114221320",
            "20231114221320+0900+0900",
            "YYYYMMDDHHMMSS",
        ] {
            assert_eq!(told(raw), None, "{raw}");
        }
        assert_eq!((date(b"20231114"), date(b"2023.11.14")), (Date::new(2023, 11, 14).ok(), None));
        assert_eq!((time(b"2213  "), time(b"22:13:20")), (Time::new(22, 13, 0, 0).ok(), None));
    }

    #[test]
    fn older_forms() {
        let day = Date::new(2023, 11, 14).ok();
        assert_eq!((date_or_older(b"2023.11.14"), date_or_older(b"20231114 ")), (day, day));
        let at = |second| Time::new(22, 13, second, 0).ok();
        for (raw, time) in [("22:13:20", at(20)), ("22:13:20.5", at(20)), ("22:13", at(0))] {
            assert_eq!(time_or_older(raw.as_bytes()), time, "{raw}");
        }
        assert_eq!(time_or_older(b"221320.25"), at(20));
        for raw in ["22:1320", "2213:20", "22:13:", "22:13:2", "22.13.20", "2:13:20", ":::::"] {
            assert_eq!(time_or_older(raw.as_bytes()), None, "{raw}");
        }
        for raw in ["2023.1114", "2023-11-14", "2023.13.14", "..........", "2023:11:14"] {
            assert_eq!(date_or_older(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn iso() {
        let told = |text| Clock::iso(text).map(|it| (it.seconds - SECONDS, it.offset));
        assert_eq!(told("2023-11-14T22:13:20"), Some((0, None)));
        assert_eq!(told("2023-11-14T22:13:20.5-05:00"), Some((0, Some(-300))));
        assert_eq!(told("2023-11-14T22:13Z"), Some((-20, Some(0))));
        for text in ["2023-11-14", "20231114T221320", "2023-11-14T2213", "2023-11-14T22:13:20+9"] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn stretches() {
        let at = |raw: &str| Clock::read(raw.as_bytes()).unwrap().when();
        let (first, last) = (at("202311142210"), at("202311142214"));
        let When::Told { from, to, .. } = join(last, first).unwrap() else { panic!() };
        assert_eq!((from - SECONDS, to - SECONDS), (-200, 40));
        assert_eq!(join(first, at("202311142214+0000")), None);
        let later = at("20231114221401");
        assert_eq!((join(first, later), join(later, first)), (None, None), "a pause");
        assert_eq!(join(first, When::Now), None);
    }
}
