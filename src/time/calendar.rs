//! The site's calendar: its time zone, its opening hours, its holidays.

mod midnight;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp as Instant, ToSpan as _};

pub use midnight::Midnight;

use super::minutes::Minutes;
use super::{SECOND, Timestamp};

/// A local day, counted from 1970-01-01.
pub type Day = i32;

/// Where the site is in time.
#[derive(Clone)]
pub struct Zone(TimeZone);

impl Default for Zone {
    /// UTC.
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

fn epoch(day: Day) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok()
}

fn day_of(date: Date) -> Day {
    date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days())
}

/// A clock that tells when something is done is no further ahead, where that hour comes twice.
const AHEAD: i64 = 120 * SECOND;

impl Zone {
    /// By its IANA name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// That of this machine; UTC where it has none.
    #[must_use]
    pub fn of_system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// Its IANA name, where it has one.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.iana_name().unwrap_or("local").to_owned()
    }

    /// When a clock on the wall showed this many seconds after 1970-01-01T00:00:00: by its
    /// own offset (minutes ahead of UTC), else by the site's zone. An hour that comes twice
    /// is the first one.
    #[must_use]
    pub fn instant(&self, wall: i64, offset: Option<i16>) -> Option<Timestamp> {
        if let Some(offset) = offset {
            return Some(Timestamp::new(wall.saturating_sub(60 * i64::from(offset)), 0));
        }
        let wall = Instant::from_second(wall).ok()?;
        let wall = TimeZone::UTC.to_datetime(wall);
        let at = self.0.to_ambiguous_timestamp(wall).compatible().ok()?;
        Some(Timestamp::new(at.as_second(), 0))
    }

    /// The same of what was told at a time, not before it was: of an hour that comes twice the
    /// second, unless that is later than when it was told, but for what clocks differ by.
    #[must_use]
    pub fn instant_by(&self, wall: i64, offset: Option<i16>, told: Timestamp) -> Option<Timestamp> {
        let first = self.instant(wall, offset)?;
        if offset.is_some() {
            return Some(first);
        }
        let wall = TimeZone::UTC.to_datetime(Instant::from_second(wall).ok()?);
        let later = self.0.to_ambiguous_timestamp(wall);
        let AmbiguousOffset::Fold { .. } = later.offset() else { return Some(first) };
        let later = Timestamp::new(later.later().ok()?.as_second(), 0);
        Some(if later.since(told) <= AHEAD { later } else { first })
    }

    fn civil(&self, minute: i64) -> Option<DateTime> {
        let at = Instant::from_second(minute.saturating_mul(60)).ok()?;
        Some(self.0.to_datetime(at))
    }

    /// The local day of a minute.
    #[must_use]
    pub fn day(&self, minute: i64) -> Day {
        self.civil(minute).map_or(0, |at| day_of(at.date()))
    }

    /// The local date of a time.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        let at = Instant::from_second(at.seconds()).unwrap_or_default();
        self.0.to_datetime(at).date()
    }

    /// What the clock shows at a minute, 0 to 23.
    #[must_use]
    pub fn hour(&self, minute: i64) -> usize {
        self.civil(minute).and_then(|at| usize::try_from(at.hour()).ok()).unwrap_or(0)
    }

    /// The first minute of a local day, and that of the next.
    #[must_use]
    pub fn bounds(&self, day: Day) -> (i64, i64) {
        let start = |day: Day| self.minute(day, Time::midnight());
        let from = start(day).unwrap_or_else(|| i64::from(day).saturating_mul(super::minutes::DAY));
        let next = || from.saturating_add(super::minutes::DAY);
        (from, day.checked_add(1).and_then(start).unwrap_or_else(next))
    }

    /// The minute in which a day's clock shows a time.
    fn minute(&self, day: Day, time: Time) -> Option<i64> {
        let at = epoch(day)?.to_datetime(time);
        let at = self.0.to_ambiguous_timestamp(at).compatible().ok()?;
        Some(at.as_second().div_euclid(60))
    }

    /// The hours of a local day in order: what the clock shows, the first minute, and that of
    /// the next. Where the clock is turned there are 23 or 25, and what it shows twice are two.
    #[must_use]
    pub fn clock_hours(&self, day: Day) -> Vec<(usize, i64, i64)> {
        let mut all: Vec<(usize, i64, i64)> = Vec::new();
        let (first, last) = self.bounds(day);
        // Zones are whole quarters of an hour apart.
        for begin in (first..last).step_by(15) {
            let (hour, end) = (self.hour(begin), begin.saturating_add(15).min(last));
            match all.last_mut() {
                Some((shown, from, to)) if *shown == hour && end.saturating_sub(*from) <= 60 => {
                    *to = end;
                }
                _ => all.push((hour, begin, end)),
            }
        }
        all
    }
}

/// `2026-01-31`.
#[must_use]
pub fn date(day: Day) -> String {
    epoch(day).map(|date| date.to_string()).unwrap_or_default()
}

/// The day of `2026-01-31`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Day> {
    // Nothing more of it: a day with a time is another thing.
    let is_bare =
        text.len() == 10 && [4, 7].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    text.parse::<Date>().ok().filter(|_| is_bare).map(day_of)
}

/// No day is longer, wherever its clock is turned: two of the usual length.
const MOST_MINUTES: usize = 2880;

/// When a site is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// From Monday on: minutes of the day from and to, 1440 for its end.
    pub week: [Vec<(i16, i16)>; 7],
    /// Days on which other hours hold; sorted.
    pub holidays: Vec<Day>,
    /// The hours of these days; none where it is closed.
    pub holiday: Vec<(i16, i16)>,
}

/// Where and when a site works.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// Its time zone.
    pub zone: Zone,
    /// When it is open, where it says so.
    pub hours: Option<Hours>,
    /// The same of devices of some classes, where they differ.
    pub by_class: BTreeMap<String, Hours>,
}

impl Calendar {
    /// When devices of a class can be used.
    #[must_use]
    pub fn hours_of(&self, class: Option<&str>) -> Option<&Hours> {
        class.and_then(|class| self.by_class.get(class)).or(self.hours.as_ref())
    }
}

/// As it is stored: the zone by its name.
impl Serialize for Calendar {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.zone.name(), &self.hours, &self.by_class).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Calendar {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (zone, hours, by_class): (String, _, _) = Deserialize::deserialize(from)?;
        let zone = Zone::named(&zone).unwrap_or_else(Zone::of_system);
        Ok(Self { zone, hours, by_class })
    }
}

/// The day of the week, from Monday on as 0.
#[must_use]
pub fn weekday(day: Day) -> usize {
    // 1970 began on a Thursday.
    usize::try_from((i64::from(day) + 3).rem_euclid(7)).unwrap_or(0)
}

/// The days as they are written.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Hours {
    /// The minutes of a local day in which it is open.
    #[must_use]
    pub fn on(&self, zone: &Zone, day: Day) -> Minutes {
        let mut open = Minutes::default();
        let hours = match self.holidays.binary_search(&day) {
            Ok(_) => Some(&self.holiday),
            Err(_) => self.week.get(weekday(day)),
        };
        let minute = |of: i16| {
            let time = Time::midnight().checked_add(i64::from(of).minutes());
            match time {
                Ok(time) => zone.minute(day, time),
                Err(_) => Some(zone.bounds(day).1),
            }
        };
        let (start, end) = zone.bounds(day);
        if end.saturating_sub(start) == super::minutes::DAY {
            for (from, to) in hours.into_iter().flatten() {
                if let (Some(from), Some(to)) = (minute(*from), minute(*to)) {
                    open.add(from, to);
                }
            }
            return open;
        }
        // The clock is turned: it is open while the clock shows so, not at all or twice.
        for at in (start..end).take(MOST_MINUTES) {
            let shown = zone.civil(at).map(|it| 60 * i16::from(it.hour()) + i16::from(it.minute()));
            let is_open = |it: &(i16, i16)| shown.is_some_and(|of| (it.0..it.1).contains(&of));
            if hours.into_iter().flatten().any(is_open) {
                open.add(at, at.saturating_add(1));
            }
        }
        open
    }

    /// All that it says, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let clock = |of: i16| format!("{:02}:{:02}", of / 60, of % 60);
        let mut lines = Vec::<(&str, &str, &Vec<_>)>::new();
        for (name, hours) in WEEKDAYS.iter().zip(&self.week) {
            match lines.last_mut() {
                Some((_, last, same)) if *same == hours => *last = name,
                _ => lines.push((name, name, hours)),
            }
        }
        // What holds on no day that is named is told of none.
        if !self.holidays.is_empty() {
            lines.push(("holidays", "holidays", &self.holiday));
        }
        let days = lines.into_iter().filter(|(.., hours)| !hours.is_empty());
        let days = days.map(|(first, last, hours)| {
            let hours: Vec<_> =
                hours.iter().map(|(a, b)| format!("{}-{}", clock(*a), clock(*b))).collect();
            let days = if first == last { first.to_owned() } else { format!("{first}-{last}") };
            format!("{days} {}", hours.join("+"))
        });
        days.collect::<Vec<_>>().join(", ")
    }
}

/// `08:30-17:15` in minutes of the day; `24:00` is its end. What goes past midnight is two.
#[must_use]
pub fn parse_hours(text: &str) -> Option<(i16, i16)> {
    let clock = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i16>().ok().filter(|_| digits)
        };
        let (hour, minute) = (two(hour)?, two(minute)?);
        let of = hour.checked_mul(60)?.checked_add(minute)?;
        (minute < 60 && of <= 1440).then_some(of)
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (clock(from)?, clock(to)?);
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokyo() -> Zone {
        Zone::named("Asia/Tokyo").unwrap()
    }

    #[test]
    fn the_wall_clock_is_the_zones_unless_it_says_otherwise() {
        let nine = 1_767_258_000; // 2026-01-01T09:00:00 on a wall
        assert_eq!(tokyo().instant(nine, None), Some(Timestamp::new(nine - 9 * 3600, 0)));
        assert_eq!(tokyo().instant(nine, Some(-60)), Some(Timestamp::new(nine + 3600, 0)));
        assert_eq!(Zone::default().instant(i64::MAX, None), None);
        assert!(Zone::default().instant(i64::MIN, Some(i16::MAX)).is_some());
    }

    #[test]
    fn of_an_hour_that_comes_twice_the_one_is_meant_that_was_there_when_it_was_told() {
        // Until 2025-10-26T01:00:00Z the clock shows 03:00, then 02:00.
        const TURN: i64 = 1_761_440_400;
        let berlin = Zone::named("Europe/Berlin").unwrap();
        // Seconds after the turn at which it was told and meant; the clock shows them.
        for (wall, told, meant) in [
            (-1800, -1800, -1800),
            (-1800, 0, -1800),
            (-1800, 1679, -1800),
            (-1800, 1680, 1800),
            (-1800, 1800, 1800),
            (-1800, 7200, 1800),
            (-3600, -121, -3600),
            (-3600, 0, 0),
            (-3601, 9000, -3601),
            // 03:00 in the winter there is once.
            (0, 9000, 3600),
        ] {
            let told = Timestamp::new(TURN + told, 0);
            let at = berlin.instant_by(TURN + 7200 + wall, None, told);
            assert_eq!(at, Some(Timestamp::new(TURN + meant, 0)), "{wall} {told:?}");
            let summer = berlin.instant_by(TURN + 7200 + wall, Some(120), told);
            assert_eq!(summer, Some(Timestamp::new(TURN + wall, 0)), "where the clock says so");
        }
        let spring = Timestamp::new(1_774_746_000, 0);
        let missing = spring.seconds() + 3600 + 1800;
        let told = berlin.instant_by(missing, None, spring);
        assert_eq!(told, berlin.instant(missing, None), "an hour that there is not");
    }

    #[test]
    fn days_are_local_and_may_have_25_hours() {
        let day = parse_date("2026-01-01").unwrap();
        let (from, to) = tokyo().bounds(day);
        assert_eq!((from * 60, to - from), (1_767_193_200, 1440));
        assert_eq!((tokyo().day(from), tokyo().day(from - 1)), (day, day - 1));
        assert_eq!((tokyo().hour(from + 61), weekday(day)), (1, 3), "a Thursday");
        assert_eq!((weekday(-4), weekday(-3), weekday(4)), (6, 0, 0));
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let autumn = parse_date("2026-10-25").unwrap();
        let (from, to) = berlin.bounds(autumn);
        assert_eq!(to - from, 1500);
        let hours = berlin.clock_hours(autumn).into_iter();
        let twice: i64 = hours.filter(|it| it.0 == 2).map(|it| it.2 - it.1).sum();
        assert_eq!((twice, date(autumn).as_str()), (120, "2026-10-25"));
        for day in [Day::MIN, Day::MAX] {
            let (from, to) = berlin.bounds(day);
            assert!(from < to && berlin.clock_hours(day).len() < 100);
        }
    }

    #[test]
    fn a_day_has_as_many_hours_as_the_clock_shows() {
        // Zone, day, hours of it, and what its second and third show, with their minutes.
        let table = [
            ("Asia/Tokyo", "2026-03-29", 24, [(2, 60), (3, 60)]),
            ("Europe/Berlin", "2026-03-29", 23, [(3, 60), (4, 60)]),
            ("Europe/Berlin", "2026-10-25", 25, [(2, 60), (2, 60)]),
            // By half an hour, and a quarter of an hour off.
            ("Australia/Lord_Howe", "2026-04-05", 25, [(1, 30), (2, 60)]),
            ("Australia/Lord_Howe", "2026-10-04", 24, [(2, 30), (3, 60)]),
            ("Asia/Kathmandu", "2026-01-05", 24, [(2, 60), (3, 60)]),
        ];
        for (zone, day, count, shown) in table {
            let (zone, day) = (Zone::named(zone).unwrap(), parse_date(day).unwrap());
            let hours = zone.clock_hours(day);
            let ends: Vec<_> = hours.iter().map(|it| (it.0, it.2 - it.1)).collect();
            assert_eq!((hours.len(), &ends[2..4]), (count, &shown[..]), "{zone:?} {day}");
            let (from, to) = zone.bounds(day);
            assert_eq!((hours[0].1, hours.last().unwrap().2), (from, to));
            assert!(hours.windows(2).all(|it| it[0].2 == it[1].1));
        }
    }

    #[test]
    fn a_site_is_open_by_the_week_but_not_on_holidays() {
        let mut hours = Hours::default();
        hours.week[3] =
            vec![parse_hours("08:30-12:00").unwrap(), parse_hours("13:00-24:00").unwrap()];
        let thursday = parse_date("2026-01-08").unwrap();
        let (from, to) = tokyo().bounds(thursday);
        let open = hours.on(&tokyo(), thursday);
        assert_eq!(open.runs(), [(from + 510, from + 720), (from + 780, to)]);
        assert!(hours.on(&tokyo(), thursday + 1).is_empty());
        assert_eq!(hours.line(), "thu 08:30-12:00+13:00-24:00");
        let mut week = Hours::default();
        week.week[..5].fill(vec![(510, 1035)]);
        assert_eq!(week.line(), "mon-fri 08:30-17:15");
        hours.holidays.push(thursday);
        assert!(hours.on(&tokyo(), thursday).is_empty());
        // Or open for emergencies.
        hours.holiday.push((540, 600));
        assert_eq!(hours.on(&tokyo(), thursday).runs(), [(from + 540, from + 600)]);
        assert_eq!(hours.line(), "thu 08:30-12:00+13:00-24:00, holidays 09:00-10:00");
        for wrong in
            ["2026-01-31T00:00", "20260131", "2026-1-31", "2026-02-30", "", "+002026-01-31"]
        {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
        for wrong in ["8:30-12:00", "08:30", "12:00-08:00", "08:60-09:00", "23:00-24:01", "-", ""] {
            assert_eq!(parse_hours(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hours_follow_the_clock_on_days_on_which_it_is_turned() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let open = |day: &str, spans: &[&str]| {
            let mut hours = Hours::default();
            hours.week.fill(spans.iter().map(|it| parse_hours(it).unwrap()).collect());
            let day = parse_date(day).unwrap();
            let open = hours.on(&berlin, day);
            let (from, to) = berlin.bounds(day);
            assert!(open.first().is_none_or(|at| at >= from));
            assert!(open.last().is_none_or(|at| at < to));
            open.count()
        };
        let (spring, summer, autumn) = ("2026-03-29", "2026-07-01", "2026-10-25");
        for (spans, minutes) in [
            (&["00:00-24:00"][..], [1380, 1440, 1500]),
            (&["01:00-04:00"], [120, 180, 240]),
            // An hour that there is not, and one that there is twice.
            (&["02:00-03:00"], [0, 60, 120]),
            (&["02:30-02:45"], [0, 15, 30]),
            (&["02:30-03:00"], [0, 30, 60]),
            (&["00:00-02:30"], [120, 150, 180]),
            (&["02:30-08:00"], [300, 330, 360]),
            // Over one another, in any order, said twice: each minute counts once.
            (&["13:00-17:00", "08:00-14:00", "08:00-14:00", "12:00-12:30"], [540, 540, 540]),
            (&["00:00-24:00", "23:00-24:00"], [1380, 1440, 1500]),
            (&[], [0, 0, 0]),
        ] {
            let all = [spring, summer, autumn].map(|day| open(day, spans));
            assert_eq!(all, minutes, "{spans:?}");
        }
    }
}
