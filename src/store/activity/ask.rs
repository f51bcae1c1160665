//! What views ask of activity.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use foldhash::fast::RandomState;
use rusqlite::params;

use super::detail::{self, detail};
use super::kept::{days_of, next_watched_by};
use super::roll::Basis;
use super::sheet::{DAYS, Sums, TOTALS, Table};
use super::{damaged, record, stored};
use crate::census::activity::method::SEGMENT_GAP;
use crate::census::activity::{Method, UNTIMELY};
use crate::net::Segment;
use crate::store::{Error, Fault, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::{Calendar, Day, Hours, date};
use crate::time::minutes::{DAY, Minutes};

/// Local days, from the first to the last; none is all.
pub type Period = Option<(Day, Day)>;

/// What one device did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Minutes in which it could have been seen: somebody watched, and its segment was there.
    pub observed: u64,
    /// Of these, minutes within the opening hours; none where there are no hours.
    pub available: Option<u64>,
    /// Minutes of the opening hours of days on which somebody watched, seen or not.
    pub open: Option<u64>,
    /// The opening hours, in one line.
    pub hours: Option<String>,
    /// Minutes on line.
    pub online: u64,
    /// How it was used; none when no method tells.
    pub used: Option<InUse>,
}

/// How a device was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// How that is told: `mpps`, `images`, `results`, `vitals`, `sessions`.
    pub methods: Vec<String>,
    /// Minutes in use.
    pub minutes: u64,
    /// Of these, minutes within the opening hours.
    pub open: u64,
    /// Examinations, where it makes such.
    pub examinations: Option<u64>,
    /// Seconds that they took.
    pub duration: u64,
}

/// A day of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOf {
    /// The day.
    pub day: Day,
    /// First and last minute on line.
    pub online: Option<(i64, i64)>,
    /// Minutes in use.
    pub in_use: Minutes,
    /// Examinations that began, in order.
    pub examinations: Vec<Examination>,
}

/// An examination; whose it was is known to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examination {
    /// Seconds since 1970, UTC.
    pub begin: i64,
    /// Seconds that it took.
    pub duration: i64,
}

/// Minutes of a UTC day, just as they were written.
fn whole(base: i64, blob: &[u8]) -> rusqlite::Result<Minutes> {
    Minutes::decode_whole(base, blob, DAY).ok_or_else(|| {
        let day = date(i32::try_from(base.div_euclid(DAY)).unwrap_or(i32::MAX));
        damaged(format!("in which minutes of {day} a VLAN was seen (segment_day)"))
    })
}

/// How a device's use is told.
fn basis(id: &str, blob: &[u8]) -> rusqlite::Result<Basis> {
    record::only(blob).map_err(|_| {
        let id = id.escape_debug();
        damaged(format!("how {id} was used (asset_use)"))
    })
}

/// Minutes in which segments were seen, and somebody watched.
pub(super) struct Seen {
    watched: Minutes,
    segments: HashMap<Vec<u8>, Minutes, RandomState>,
}

impl Seen {
    /// From one minute to another, a little more on both sides; of all segments, or some.
    fn load(
        inventory: &Inventory,
        (from, to): (i64, i64),
        only: Option<&[Segment]>,
    ) -> Result<Self, Error> {
        let mut it = Self { watched: Minutes::default(), segments: HashMap::default() };
        let name = |segment: &Segment| super::segment_name(Some(*segment)).unwrap_or_default();
        let only: Option<Vec<_>> = only.map(|some| some.iter().map(name).collect());
        let utc = |minute: i64| minute.div_euclid(DAY);
        let sql = "SELECT day, segment, minutes FROM segment_day WHERE day >= ?1 AND day <= ?2
                   ORDER BY day";
        inventory.rows(sql, params![utc(from) - 1, utc(to) + 1], |row| {
            let base = row.get::<_, i64>(0)?.saturating_mul(DAY);
            let name = row.get_ref(1)?.as_blob()?;
            let is_wanted = |only: &Vec<Vec<u8>>| only.iter().any(|it| it == name);
            if !name.is_empty() && !only.as_ref().is_none_or(is_wanted) {
                return Ok(());
            }
            let minutes = whole(base, row.get_ref(2)?.as_blob()?)?;
            if name.is_empty() {
                it.watched.unite(&minutes);
            } else {
                it.segments.entry(name.to_vec()).or_default().unite(&minutes);
            }
            Ok(())
        })?;
        for minutes in it.segments.values_mut() {
            *minutes = minutes.bridged(SEGMENT_GAP);
        }
        Ok(it)
    }

    fn of(&self, segments: &[Segment]) -> Minutes {
        let mut alive = Minutes::default();
        for segment in segments {
            let name = super::segment_name(Some(*segment)).unwrap_or_default();
            if let Some(minutes) = self.segments.get(&name) {
                alive.unite(minutes);
            }
        }
        alive.common(&self.watched)
    }
}

impl Inventory {
    /// The zone and the opening hours with which days were made.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn calendar(&self) -> Result<Calendar, Error> {
        stored(&self.connection)
            .flatten()
            .map_err(|error| Error::new(&self.path, Fault::Read(error)))
    }

    /// The first and the last minute in which somebody watched.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn watched(&self) -> Result<Option<(i64, i64)>, Error> {
        let sql = "SELECT day, minutes FROM segment_day WHERE segment = x'' AND day IN
                   (SELECT min(day) FROM segment_day UNION SELECT max(day) FROM segment_day)
                   ORDER BY day";
        let all = self.rows(sql, [], |row| {
            let base = row.get::<_, i64>(0)?.saturating_mul(DAY);
            whole(base, row.get_ref(1)?.as_blob()?)
        })?;
        let first = all.first().and_then(Minutes::first);
        Ok(first.zip(all.last().and_then(Minutes::last)))
    }

    /// The local days on which somebody watched, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn watched_days(&self) -> Result<Vec<Day>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let zone = self.calendar()?.zone;
        let (mut days, mut after) = (BTreeSet::new(), i32::MIN);
        while let Some((day, minutes)) =
            next_watched_by(&self.connection, after, whole).map_err(read)?
        {
            days.extend(minutes.first().into_iter().chain(minutes.last()).map(|at| zone.day(at)));
            after = day;
        }
        Ok(days.into_iter().collect())
    }

    /// What each device did within some days, by its id. Those that never were on a link
    /// are not among them.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn activity(
        &self,
        period: Period,
    ) -> Result<HashMap<String, Activity, RandomState>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let calendar = self.calendar()?;
        let Some((first, last)) = self.within(&calendar, period)? else {
            return Ok(HashMap::default());
        };
        let (from, to) = (calendar.zone.bounds(first).0, calendar.zone.bounds(last).1);
        let (mut ever, mut sums) = (Table::default(), Table::default());
        TOTALS.sum(&self.connection, (0, 1), &mut ever).map_err(read)?;
        if period.is_some() {
            let days = (first, last.saturating_add(1));
            DAYS.sum_side_by_side(&self.connection, days, &mut sums).map_err(read)?;
        }
        ever.whole().and_then(|()| sums.whole()).map_err(read)?;
        detail::whole(&self.connection, None, period).map_err(read)?;
        let seen = Seen::load(self, (from, to), None)?;
        let mut of_segments = Shared::new(&calendar, self.open_days((first, last))?, (from, to));
        let sql = "SELECT asset, id, first_seen, basis FROM asset_use JOIN asset ON asset = number";
        let all = self.rows(sql, [], |row| {
            let number: i64 = row.get(0)?;
            let basis = basis(row.get_ref(1)?.as_str()?, row.get_ref(3)?.as_blob()?)?;
            let since = Timestamp(row.get(2)?).minute();
            let ever = ever.get(number);
            let sums = if period.is_some() { sums.get(number) } else { ever };
            let shared = of_segments.of(&seen, &basis);
            Ok((row.get(1)?, shared.activity(since.max(from), &basis, &sums, ever.methods)))
        })?;
        Ok(all.into_iter().collect())
    }

    /// The same of one device; none when it never was on a link.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn activity_of(&self, id: &str, period: Period) -> Result<Option<Activity>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let calendar = self.calendar()?;
        let days = self.within(&calendar, period)?;
        let (Some(days), Some((number, basis))) = (days, self.bases(id)?.pop()) else {
            return Ok(None);
        };
        detail::whole(&self.connection, Some(id), period).map_err(read)?;
        let minutes = (calendar.zone.bounds(days.0).0, calendar.zone.bounds(days.1).1);
        let ever = TOTALS.sum_of(&self.connection, (0, 1), number).map_err(read)?;
        let sums = match period {
            Some(_) => {
                let days = (days.0, days.1.saturating_add(1));
                DAYS.sum_of(&self.connection, days, number).map_err(read)?
            }
            None => ever,
        };
        let sql = "SELECT first_seen FROM asset WHERE number = ?1";
        let since = self.rows(sql, [number], |row| Ok(Timestamp(row.get(0)?).minute()))?;
        let since = since.first().copied().unwrap_or(minutes.0).max(minutes.0);
        let seen = Seen::load(self, minutes, Some(&basis.segments))?;
        let shared = Shared::new(&calendar, self.open_days(days)?, minutes).of(&seen, &basis);
        Ok(Some(shared.activity(since, &basis, &sums, ever.methods)))
    }

    /// The days of a period in which somebody watched.
    fn within(&self, calendar: &Calendar, period: Period) -> Result<Option<(Day, Day)>, Error> {
        let Some((first, last)) = self.watched()? else { return Ok(None) };
        let (first, last) = (calendar.zone.day(first), calendar.zone.day(last));
        let (from, to) = period.unwrap_or((first, last));
        Ok(Some((from.max(first), to.min(last))))
    }

    /// The days of these on which somebody watched.
    fn open_days(&self, (first, last): (Day, Day)) -> Result<Vec<Day>, Error> {
        let mut days = self.watched_days()?;
        days.retain(|day| (first..=last).contains(day));
        Ok(days)
    }

    /// The days of one device within some days, in order; only those on which it did
    /// anything.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn days(&self, id: &str, period: Period) -> Result<Vec<DayOf>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let zone = self.calendar()?.zone;
        detail::whole(&self.connection, Some(id), period).map_err(read)?;
        let mut days = Vec::new();
        for (number, basis) in self.bases(id)? {
            let (mut first, mut last) = basis.days.unwrap_or((0, -1));
            if let Some((from, to)) = period {
                (first, last) = (first.max(from), last.min(to));
            }
            for day in days_of(&self.connection, "asset_day", (first, last)).map_err(read)? {
                let Some(it) = detail(&self.connection, day, number).map_err(read)? else {
                    continue;
                };
                let spoiled = |_| {
                    let (id, day) = (id.escape_debug(), date(day));
                    damaged(format!("what {id} did on {day} (asset_day)"))
                };
                let it = it.map_err(|why| read(spoiled(why)))?;
                let base = zone.bounds(day).0;
                let at = |minute: i64| base.saturating_add(minute);
                let exam = |(begin, duration, _): &(i64, i64, u8)| Examination {
                    begin: base.saturating_mul(60).saturating_add(*begin),
                    duration: *duration,
                };
                days.push(DayOf {
                    day,
                    online: it.online.map(|(a, b)| (at(a), at(b))),
                    in_use: Minutes::decode(base, &it.in_use),
                    examinations: it.exams.iter().map(exam).collect(),
                });
            }
        }
        Ok(days)
    }

    /// In which minutes a device could have been seen, within some days.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn observed(&self, id: &str, period: Period) -> Result<Minutes, Error> {
        let calendar = self.calendar()?;
        let Some((first, last)) = self.within(&calendar, period)? else {
            return Ok(Minutes::default());
        };
        let (from, to) = (calendar.zone.bounds(first).0, calendar.zone.bounds(last).1);
        let mut all = Minutes::default();
        for (_, basis) in self.bases(id)? {
            let seen = Seen::load(self, (from, to), Some(&basis.segments))?;
            all.unite(&seen.of(&basis.segments).within(from, to));
        }
        Ok(all)
    }

    /// How the use of all devices is told, by their ids.
    pub(super) fn all_bases(&self) -> Result<Vec<(String, Basis)>, Error> {
        let sql = "SELECT id, basis FROM asset_use JOIN asset ON asset = number";
        self.rows(sql, [], |row| {
            let id: String = row.get(0)?;
            let basis = basis(&id, row.get_ref(1)?.as_blob()?)?;
            Ok((id, basis))
        })
    }

    pub(super) fn bases(&self, id: &str) -> Result<Vec<(i64, Basis)>, Error> {
        let sql = "SELECT asset, basis FROM asset_use JOIN asset ON asset = number WHERE id = ?1";
        self.rows(sql, [id], |row| Ok((row.get(0)?, basis(id, row.get_ref(1)?.as_blob()?)?)))
    }
}

/// What all devices of the same segments and hours have in common.
struct OfSegments {
    observed: Rc<Minutes>,
    /// Opening hours, and these as far as they were observed.
    hours: Option<(Rc<Minutes>, Minutes)>,
    line: Option<String>,
}

/// Asked for by each device, made once for each set of segments.
struct Shared<'a> {
    calendar: &'a Calendar,
    days: Vec<Day>,
    minutes: (i64, i64),
    open: BTreeMap<Option<String>, Option<Rc<Minutes>>>,
    observed: HashMap<Vec<Segment>, Rc<Minutes>, RandomState>,
    known: HashMap<(Vec<Segment>, Option<String>), Rc<OfSegments>, RandomState>,
}

impl<'a> Shared<'a> {
    fn new(calendar: &'a Calendar, days: Vec<Day>, minutes: (i64, i64)) -> Self {
        let (open, observed, known) = (BTreeMap::new(), HashMap::default(), HashMap::default());
        Self { calendar, days, minutes, open, observed, known }
    }

    fn of(&mut self, seen: &Seen, basis: &Basis) -> Rc<OfSegments> {
        let Self { calendar, days, minutes, open, observed, known } = self;
        let own = basis.class.clone().filter(|class| calendar.by_class.contains_key(class));
        let key = (basis.segments.clone(), own.clone());
        let make = || {
            let hours = open.entry(own.clone()).or_insert_with(|| {
                let hours = calendar.hours_of(own.as_deref())?;
                let mut open = Minutes::default();
                for day in days.iter() {
                    open.unite(&hours.on(&calendar.zone, *day));
                }
                Some(Rc::new(open))
            });
            let observed = observed
                .entry(basis.segments.clone())
                .or_insert_with(|| Rc::new(seen.of(&basis.segments).within(minutes.0, minutes.1)));
            let hours = hours.as_ref().map(|open| (Rc::clone(open), open.common(observed)));
            let line = calendar.hours_of(own.as_deref()).map(Hours::line);
            Rc::new(OfSegments { observed: Rc::clone(observed), hours, line })
        };
        Rc::clone(known.entry(key).or_insert_with(make))
    }
}

impl OfSegments {
    /// Of a device that is known since a minute.
    fn activity(&self, since: i64, basis: &Basis, sums: &Sums, ever: u8) -> Activity {
        let from = |minutes: &Minutes| minutes.count_within(since, i64::MAX);
        let methods = basis.ways & sums.methods;
        // It has shown before how its use can be told; or it asks for work that would have
        // shown, and never sent images of a time that cannot be.
        let told = match basis.ways & (ever | methods) {
            0 if ever & UNTIMELY == 0 => basis.ways & (Method::Mpps.code() | Method::Images.code()),
            told => told,
        };
        let used = (told != 0).then(|| {
            let shown = if methods == 0 { told } else { methods };
            let codes = (0..8).map(|bit| 1 << bit).filter(|code| shown & code != 0);
            let images = (Method::Mpps.code() | Method::Images.code()) & basis.ways != 0;
            InUse {
                methods: codes.filter_map(Method::of).map(|it| it.to_string()).collect(),
                minutes: sums.in_use,
                open: sums.open_in_use,
                examinations: images.then_some(sums.examinations),
                duration: sums.duration,
            }
        });
        // What was counted was observed, also where its segments are others by now.
        let observed = from(&self.observed).saturating_add(sums.beyond);
        let available = self.hours.as_ref().map(|(_, seen)| from(seen).max(sums.open_in_use));
        let open = self.hours.as_ref().map(|(open, _)| from(open));
        Activity {
            observed: observed.max(sums.online).max(sums.in_use),
            available,
            open: open.max(available),
            hours: self.line.clone(),
            online: sums.online,
            used: used.filter(|_| self.observed.count() > 0 || sums.online > 0),
        }
    }
}
