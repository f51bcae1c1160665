//! Days of devices as they were stored: what they were in use for, and their examinations.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::ask::{Period, User};
use super::detail::Detail;
use super::kept::days_of;
use super::record;
use crate::census::activity::Method;
use crate::store::leap::leap;
use crate::store::readers::{Readers, side_by_side};
use crate::store::{Error, Fault, Inventory};
use crate::time::calendar::{Day, Midnight, Zone, date};
use crate::time::minutes::{DAY, Minutes};

/// Devices for whose days several readers are worth it.
const MANY: usize = 32;
/// Days of which one reader takes those of all devices: they are stored side by side.
const TOGETHER: usize = 16;

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
    /// How it is told: `mpps` or `images`.
    pub method: &'static str,
}

impl Detail {
    /// Its examinations, of a day that begins at a minute.
    fn examinations(&self, base: i64) -> impl Iterator<Item = Examination> {
        self.exams.iter().map(move |(begin, duration, method)| Examination {
            begin: base.saturating_mul(60).saturating_add(*begin),
            duration: *duration,
            method: Method::of(*method).map_or("", Method::name),
        })
    }
}

/// The days of some devices, by their rows.
struct Rows<'u> {
    /// On which any of them did anything.
    days: Vec<Day>,
    /// Their ids, and from which day to which each did anything, by their numbers.
    known: HashMap<i64, (&'u str, (Day, Day)), RandomState>,
    /// These, in order.
    numbers: Vec<i64>,
}

impl Inventory {
    /// The days of one device within some days, in order; only those on which it did
    /// anything. None where one of them is damaged.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn days(&self, id: &str, period: Period) -> Result<Option<Vec<DayOf>>, Error> {
        let _one = self.snapshot()?;
        let zone = self.calendar()?.zone;
        let mut is_whole = self.spoiled(Some(id), period)?.is_empty();
        let mut days = Vec::new();
        let users = self.users(Some(&[id]))?;
        is_whole &= users.iter().all(|it| it.basis.is_some());
        let rows = self.rows_of(&users, period)?;
        self.each_day((&rows, &rows.days), &zone, |_, of, it| {
            let (day, base) = (of.day, of.minute);
            let in_use = it.as_ref().and_then(|it| self.in_use(id, day, (base, &it.in_use)));
            let Some((it, in_use)) = it.zip(in_use) else {
                is_whole = false;
                return;
            };
            let at = |minute: i64| base.saturating_add(minute);
            let online = it.online.map(|(a, b)| (at(a), at(b)));
            days.push(DayOf { day, online, in_use, examinations: it.examinations(base).collect() });
        })?;
        Ok(is_whole.then_some(days))
    }

    /// Adds up the examinations of some devices within some days, by their ids: those of a day
    /// together, with when it begins, and the days of a device in order, in
    /// several sums one after the other; and what is made of these. With them the ids of those of
    /// which a day is damaged, whose other days say less than there was.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn examinations<S: Default + Send + Sync, T: Send>(
        &self,
        ids: &[&str],
        period: Period,
        add: impl Fn(&mut S, &Midnight<'_>, &[Examination]) + Sync,
        done: impl Fn(&[S]) -> T + Sync,
    ) -> Result<(HashMap<String, T>, BTreeSet<String>), Error> {
        let mut held = Readers::open(self, ids.len().div_ceil(MANY)).hold()?;
        let zone = self.calendar()?.zone;
        let mut damaged = self.spoiled(None, period)?;
        let users = self.users(Some(ids))?;
        let unread = users.iter().filter(|it| it.basis.is_none());
        damaged.extend(unread.map(|it| it.id.clone()));
        let rows = self.rows_of(&users, period)?;
        let parts: Vec<&[Day]> = rows.days.chunks(TOGETHER).collect();
        let made = held.each(parts.len(), |inventory, at| {
            let (mut all, mut damaged) = (HashMap::<&str, S, RandomState>::default(), Vec::new());
            let (part, mut exams) = (parts.get(at).copied().unwrap_or_default(), Vec::new());
            inventory.each_day((&rows, part), &zone, |id, of, it| match it {
                Some(it) => {
                    exams.clear();
                    exams.extend(it.examinations(of.minute));
                    add(all.entry(id).or_default(), of, &exams);
                }
                None => damaged.push(id.to_owned()),
            })?;
            Ok((all, damaged))
        })?;
        let mut all: HashMap<&str, Vec<S>, RandomState> = HashMap::default();
        for (some, also_damaged) in made {
            some.into_iter().for_each(|(id, sums)| all.entry(id).or_default().push(sums));
            damaged.extend(also_damaged);
        }
        let all: Vec<(&str, Vec<S>)> = all.into_iter().collect();
        let made = side_by_side(&all, |some| {
            let made = some.iter().map(|(id, sums)| ((*id).to_owned(), done(sums)));
            made.collect::<Vec<_>>()
        });
        Ok((made.into_iter().flatten().collect(), damaged))
    }

    /// Which rows are of the days of some devices within some days.
    fn rows_of<'u>(&self, users: &'u [User], period: Period) -> Result<Rows<'u>, Error> {
        let known =
            users.iter().filter_map(|it| Some((it.number, (&*it.id, it.basis.as_ref()?.days?))));
        let known: HashMap<i64, (&str, (Day, Day)), RandomState> = known.collect();
        let mut numbers: Vec<i64> = known.keys().copied().collect();
        numbers.sort_unstable();
        let ends = known.values().map(|(_, days)| *days);
        let ends = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let Some(ends) = ends else { return Ok(Rows { days: Vec::new(), known, numbers }) };
        let (from, to) = period.unwrap_or(ends);
        let days = days_of(&self.connection, "asset_day", (ends.0.max(from), ends.1.min(to)));
        let days = days.map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        Ok(Rows { days, known, numbers })
    }

    /// Each of some days of some devices on which they did anything, with its begin, a day of all
    /// after the other as they are stored; none of one that is damaged, which is noted.
    fn each_day<'u>(
        &self,
        (rows, days): (&Rows<'u>, &[Day]),
        zone: &Zone,
        mut give: impl FnMut(&'u str, &Midnight<'_>, Option<Detail>),
    ) -> Result<(), Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let sql = "SELECT asset, detail FROM asset_day WHERE day = ?1 AND asset >= ?2
                   ORDER BY asset";
        for day in days {
            let begin = Midnight::of(zone, *day);
            let query = (sql, Some(i64::from(*day)));
            leap(&self.connection, query, &rows.numbers, |number, row| {
                let of = rows.known.get(&number).filter(|(_, (a, b))| (a..=b).contains(&day));
                if let Some((id, _)) = of {
                    let stored = record::only(row.get_ref(1)?.as_blob()?);
                    give(id, &begin, self.detail(id, *day, stored));
                }
                Ok(())
            })
            .map_err(read)?;
        }
        Ok(())
    }

    /// A day of a device as it was stored; none where it is damaged, which is noted.
    pub(super) fn detail(
        &self,
        id: &str,
        day: Day,
        stored: Result<Detail, record::Unreadable>,
    ) -> Option<Detail> {
        stored.inspect_err(|why| self.note_day(id, day, why)).ok()
    }

    /// The minutes in use of a day as they were stored; none where they are damaged, which is
    /// noted.
    pub(super) fn in_use(&self, id: &str, day: Day, (from, blob): (i64, &[u8])) -> Option<Minutes> {
        let in_use = Minutes::decode_whole(from, blob, 2 * DAY);
        if in_use.is_none() {
            self.note_day(id, day, "they are not minutes of a day");
        }
        in_use
    }

    fn note_day(&self, id: &str, day: Day, why: impl std::fmt::Display) {
        let (id, day) = (id.escape_debug(), date(day));
        self.damage.note(format!("what {id} did on {day} (asset_day) cannot be read: {why}"));
    }
}
