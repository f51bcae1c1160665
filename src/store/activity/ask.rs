//! What views ask of activity.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::basis::Basis;
use super::detail;
use super::kept::{last_watched_by, next_watched_by};
use super::seen::{Seen, Shared, of_segment, whole};
use super::sheet::{DAYS, Sums, TOTALS, Table};
use super::through::THROUGH;
use super::{CALENDAR, record, stored};
use crate::census::activity::{Method, UtcDay};
use crate::net::Segment;
use crate::store::inventory::of_asset;
use crate::store::readers::Readers;
use crate::store::{Error, Fault, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::{Calendar, Day, date};
use crate::time::minutes::{DAY, Minutes};

/// Days whose sums one reader adds up at once.
const SHEETS: Day = 64;

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
    /// Only others speak of it: whether it was on line is not known, and `online` says nothing.
    pub only_told: bool,
    /// Some of its work was told with times that cannot be, and is not counted.
    pub untimely: bool,
    /// How it was used; none when no method tells.
    pub used: Option<InUse>,
}

/// How a device was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// How that is told: `mpps`, `images`, `results`, `vitals`, `sessions`.
    pub methods: Vec<String>,
    /// Others tell of it, or of a part of it: who describes the device.
    pub through: bool,
    /// Minutes in use.
    pub minutes: u64,
    /// Of these, minutes within the opening hours.
    pub open: u64,
    /// Examinations, where it makes such.
    pub examinations: Option<u64>,
    /// Seconds that they took.
    pub duration: u64,
}

impl InUse {
    /// How that is told, as it is shown.
    #[must_use]
    pub fn how(&self) -> String {
        let methods: Vec<_> = self.methods.iter().map(String::as_str).collect();
        how(&methods, self.through)
    }
}

/// How use is told by methods of these codes, as it is shown.
pub(super) fn how_by(codes: u8) -> &'static str {
    /// Asked for by each hour of a year.
    static ALL: LazyLock<Vec<String>> = LazyLock::new(|| {
        let names = |codes| Method::among(codes).map(Method::name).collect::<Vec<_>>();
        (0..=u8::MAX).map(|codes| how(&names(codes), codes & THROUGH != 0)).collect()
    });
    ALL.get(usize::from(codes)).map_or("", String::as_str)
}

fn how(methods: &[&str], through: bool) -> String {
    let through = if through { " (seen through)" } else { "" };
    format!("{}{through}", methods.join("+"))
}

/// A device, with how its use is told.
pub(super) struct User {
    pub(super) number: i64,
    pub(super) id: String,
    /// The minute in which it was first seen.
    pub(super) since: i64,
    /// None where its row is damaged.
    pub(super) basis: Option<Basis>,
}

/// The days that were asked for.
pub(super) struct Asked {
    pub(super) calendar: Calendar,
    /// The first and the last of them on which somebody watched.
    pub(super) days: (Day, Day),
    /// From their first minute to before their last.
    pub(super) minutes: (i64, i64),
    /// UTC days of which is asked what was observed.
    pub(super) utc: (UtcDay, UtcDay),
    /// Those on which somebody watched, in order.
    pub(super) watched: Vec<Day>,
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
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let decode = |base: i64, blob: &[u8]| self.whole_day(base, blob);
        let (mut after, mut first) = (UtcDay::MIN, None);
        while first.is_none()
            && let Some((day, it)) =
                next_watched_by(&self.connection, after, decode).map_err(read)?
        {
            (after, first) = (day, it.as_ref().and_then(Minutes::first));
        }
        let (mut before, mut last) = (UtcDay::MAX, None);
        while last.is_none()
            && let Some((day, it)) =
                last_watched_by(&self.connection, before, decode).map_err(read)?
        {
            (before, last) = (day, it.as_ref().and_then(Minutes::last));
        }
        Ok(first.zip(last))
    }

    /// In which minutes of a day somebody watched; none where its row is damaged.
    fn whole_day(&self, base: i64, blob: &[u8]) -> rusqlite::Result<Option<Minutes>> {
        self.damage.take(whole(base, blob), || of_segment(base.div_euclid(DAY), &[]))
    }

    /// The local days on which somebody watched, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn watched_days(&self) -> Result<Vec<Day>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let zone = self.calendar()?.zone;
        let decode = |base: i64, blob: &[u8]| self.whole_day(base, blob);
        let (mut days, mut after) = (BTreeSet::new(), i32::MIN);
        while let Some((day, it)) =
            next_watched_by(&self.connection, after, decode).map_err(read)?
        {
            let ends = it.iter().flat_map(|it| [it.first(), it.last()]).flatten();
            days.extend(ends.map(|at| zone.day(at)));
            after = day;
        }
        Ok(days.into_iter().collect())
    }

    /// What each device did within some days, by its id. Not among them are those whose VLAN
    /// nobody tells, and those of which a row is damaged ([`Self::passed_over`]): what the
    /// whole rows say of them would be less than there is.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn activity(
        &self,
        period: Period,
    ) -> Result<HashMap<String, Activity, RandomState>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let parts = period.map_or(0, |(from, to)| to.saturating_sub(from) / SHEETS);
        let readers = Readers::open(self, usize::try_from(parts).unwrap_or(0));
        let mut held = readers.hold()?;
        let Some(asked) = self.asked(period)? else { return Ok(HashMap::default()) };
        let (mut ever, mut sums) = (Table::default(), Table::default());
        TOTALS.sum(&self.connection, (0, 1), &mut ever).map_err(read)?;
        if period.is_some() {
            let (from, to) = asked.days;
            let parts: Vec<Day> = (from..=to).step_by(SHEETS as usize).collect();
            let sums_of = |it: &Self, at: usize| {
                let mut sums = Table::default();
                let from = parts.get(at).copied().unwrap_or(to);
                let before = from.saturating_add(SHEETS).min(to.saturating_add(1));
                let read = DAYS.sum(&it.connection, (from, before), &mut sums);
                read.map_err(|error| Error::new(&it.path, Fault::Read(error))).map(|()| sums)
            };
            held.each(parts.len(), sums_of)?.into_iter().for_each(|it| sums.unite(it));
        }
        self.note_sheets(&[&ever, &sums]);
        let spoiled = self.spoiled(None, period)?;
        let seen = Seen::load(self, asked.utc, None)?;
        let mut of_segments = Shared::new(&asked.calendar, asked.watched, asked.minutes);
        let mut all = HashMap::default();
        for (user, basis) in located(self.users(None)?) {
            let Some((ever, sums)) = sums_of(&user, period, (&ever, &sums)) else { continue };
            if !spoiled.contains(&user.id)
                && let Some(shared) = of_segments.of(&seen, &basis)
            {
                let since = user.since.max(asked.minutes.0);
                all.insert(user.id, shared.activity(since, &basis, &sums, ever.methods));
            }
        }
        Ok(all)
    }

    /// The same of one device.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn activity_of(&self, id: &str, period: Period) -> Result<Option<Activity>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let _one = self.snapshot()?;
        let Some(asked) = self.asked(period)? else { return Ok(None) };
        let Some((user, basis)) =
            located(self.users_about(&[id])?).into_iter().find(|(it, _)| it.id == id)
        else {
            return Ok(None);
        };
        let ever = TOTALS.sum_of(&self.connection, (0, 1), user.number).map_err(read)?;
        let mut sums = Table::default();
        if period.is_some() {
            let days = (asked.days.0, asked.days.1.saturating_add(1));
            sums = DAYS.sum_of(&self.connection, days, user.number).map_err(read)?;
        }
        self.note_sheets(&[&ever, &sums]);
        let Some((ever, sums)) = sums_of(&user, period, (&ever, &sums)) else {
            return Ok(None);
        };
        if !self.spoiled(Some(id), period)?.is_empty() {
            return Ok(None);
        }
        let seen = Seen::load(self, asked.utc, Some(&basis.segments))?;
        let mut shared = Shared::new(&asked.calendar, asked.watched, asked.minutes);
        let since = user.since.max(asked.minutes.0);
        let shared = shared.of(&seen, &basis);
        Ok(shared.map(|it| it.activity(since, &basis, &sums, ever.methods)))
    }

    /// Notes the sheets that are damaged.
    pub(super) fn note_sheets(&self, all: &[&Table]) {
        for name in all.iter().flat_map(|it| it.damaged()) {
            self.damage.note(format!("{name} are not as they were written"));
        }
    }

    /// The days of a period; none where nobody watched, or nobody knows which days they are.
    pub(super) fn asked(&self, period: Period) -> Result<Option<Asked>, Error> {
        let calendar =
            stored(&self.connection).map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        let Ok(calendar) = calendar else {
            self.damage.note(format!("{CALENDAR} are not as they were written"));
            return Ok(None);
        };
        let Some((first, last)) = self.watched()? else { return Ok(None) };
        let zone = &calendar.zone;
        let (first, last) = (zone.day(first), zone.day(last));
        let (from, to) = period.unwrap_or((first, last));
        let days = (from.max(first), to.min(last));
        let minutes = (zone.bounds(days.0).0, zone.bounds(days.1).1);
        // A little more on both sides; of all days, also those that cannot be read.
        let utc = |minute: i64| UtcDay::try_from(minute.div_euclid(DAY)).unwrap_or(UtcDay::MAX);
        let utc = match period {
            Some((from, to)) => (
                utc(zone.bounds(from).0).saturating_sub(1),
                utc(zone.bounds(to).1).saturating_add(1),
            ),
            None => (UtcDay::MIN, UtcDay::MAX),
        };
        let mut watched = self.watched_days()?;
        watched.retain(|day| (days.0..=days.1).contains(day));
        Ok(Some(Asked { calendar, days, minutes, utc, watched }))
    }

    /// Who has days in a period that could not be made anew, of one device or of all.
    pub(super) fn spoiled(
        &self,
        id: Option<&str>,
        period: Period,
    ) -> Result<BTreeSet<String>, Error> {
        let all = detail::spoiled(&self.connection, id, period)
            .map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        for (id, day, count) in &all {
            let (id, day) = (id.escape_debug(), date(*day));
            let more = match count {
                0 | 1 => String::new(),
                more => format!(" and {} other days", more - 1),
            };
            self.damage.note(format!(
                "what {id} did on {day}{more} (asset_day) is older than what is known: its \
                 minutes in speaker_day, or its sums in day_sheet, are not as they were written"
            ));
        }
        Ok(all.into_iter().map(|(id, ..)| id).collect())
    }

    /// In which minutes a device could have been seen, within some days. None where a row
    /// that says so is damaged, which is noted.
    pub(super) fn observed(&self, id: &str, period: Period) -> Result<Option<Minutes>, Error> {
        let mut all = Minutes::default();
        let Some(asked) = self.asked(period)? else { return Ok(Some(all)) };
        let users = self.users_about(&[id])?;
        if users.iter().any(|it| it.basis.is_none()) {
            return Ok(None);
        }
        for (User { since, .. }, basis) in located(users).into_iter().filter(|it| it.0.id == id) {
            let seen = Seen::load(self, asked.utc, Some(&basis.segments))?;
            let Some(of_one) = seen.of(&basis.segments) else { return Ok(None) };
            all.unite(&of_one.within(asked.minutes.0.max(since), asked.minutes.1));
        }
        Ok(Some(all))
    }

    /// How the use of some devices is told, and of those who tell where they are.
    pub(super) fn users_about(&self, ids: &[&str]) -> Result<Vec<User>, Error> {
        self.users_where(ids, |_| true)
    }

    /// The same of those whose use is told so, or is not known.
    pub(super) fn users_where(
        &self,
        ids: &[&str],
        is_wanted: impl Fn(&Basis) -> bool,
    ) -> Result<Vec<User>, Error> {
        let mut users = self.users(Some(ids))?;
        users.retain(|it| it.basis.as_ref().is_none_or(&is_wanted));
        let through = users.iter().filter_map(|it| it.basis.as_ref()).flat_map(|it| &it.through);
        let mut tellers: BTreeSet<String> = through.cloned().collect();
        users.iter().for_each(|it| _ = tellers.remove(&it.id));
        if !tellers.is_empty() {
            let tellers: Vec<&str> = tellers.iter().map(String::as_str).collect();
            users.extend(self.users(Some(&tellers))?);
        }
        Ok(users)
    }

    /// From the first minute of some days to before their last, as far as somebody watched.
    pub(super) fn bounds(&self, period: Period) -> Result<Option<(i64, i64)>, Error> {
        Ok(self.asked(period)?.map(|asked| asked.minutes))
    }

    /// How the use of all devices is told, or of some.
    pub(super) fn users(&self, only: Option<&[&str]>) -> Result<Vec<User>, Error> {
        let sql = "SELECT number, id, first_seen, basis FROM asset_use
                   JOIN asset ON asset = number";
        let only: Option<HashSet<&str, RandomState>> =
            only.map(|ids| ids.iter().copied().collect());
        let is_other = |id: &str| only.as_ref().is_some_and(|only| !only.contains(id));
        let users = self.whole_rows(
            sql,
            [],
            |row| of_asset(row.get(0)),
            |row| {
                if row.get_ref(1)?.as_str().is_ok_and(is_other) {
                    return Ok(None);
                }
                let id: String = row.get(1)?;
                // What is no blob is damaged, as nothing is.
                let blob = row.get_ref(3)?.as_blob().unwrap_or_default();
                let basis = record::only(blob);
                if let Err(why) = &basis {
                    let id = id.escape_debug();
                    self.damage
                        .note(format!("how {id} was used (asset_use) cannot be read: {why}"));
                }
                let seen = Timestamp(row.get(2)?).minute();
                let since = basis.as_ref().map_or(seen, |it: &Basis| it.since);
                Ok(Some(User { number: row.get(0)?, id, since, basis: basis.ok() }))
            },
        )?;
        Ok(users.into_iter().flatten().collect())
    }
}

/// What a device did ever, and in the period that is asked for; none where a row of it is
/// damaged.
fn sums_of(user: &User, period: Period, (ever, sums): (&Table, &Table)) -> Option<(Sums, Sums)> {
    let ever = ever.whole(user.number)?;
    let sums = if period.is_some() { sums.whole(user.number)? } else { ever };
    Some((ever, sums))
}

/// Those of which it is known where they are: in their own VLANs, or, of equipment of which
/// others tell, in those of who tells of it. Not where a row that says so is damaged.
pub(super) fn located(users: Vec<User>) -> Vec<(User, Basis)> {
    let is_told = |it: &User| it.basis.as_ref().is_some_and(|it| !it.through.is_empty());
    let mut places: HashMap<String, Option<Vec<Segment>>, RandomState> = HashMap::default();
    if users.iter().any(is_told) {
        let place = |it: &User| (it.id.clone(), it.basis.as_ref().map(|it| it.segments.clone()));
        places.extend(users.iter().map(place));
    }
    let located = users.into_iter().filter_map(|mut user| {
        let mut basis = user.basis.take()?;
        for id in &basis.through {
            // Who is on the Internet has no row.
            let Some(known) = places.get(id) else { continue };
            basis.segments.extend(known.as_ref()?);
        }
        basis.segments.sort_unstable();
        basis.segments.dedup();
        let is_somewhere = !basis.segments.is_empty() || !basis.turns.is_empty();
        is_somewhere.then_some((user, basis))
    });
    located.collect()
}
