//! Hour by hour: what the numbers of a device's day are the sums of.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::ask::{Asked, User, how_by, located};
use super::basis::Basis;
use super::detail::detail;
use super::kept::Kept;
use super::made::{Made, made};
use super::pieces::REACH;
use super::read::Read;
use super::seen::Seen;
use super::sheet::{TOTALS, Table};
use super::stretch::rounded;
use super::through::THROUGH;
use super::utc_days;
use crate::census::activity::UtcDay;
use crate::census::activity::method::FARTHEST;
use crate::net::Segment;
use crate::store::readers::Readers;
use crate::store::{Error, Fault, Inventory};
use crate::time::calendar::Day;
use crate::time::minutes::Minutes;

/// Days of devices that are read before their hours are told.
const AT_ONCE: usize = 4096;
/// The same, of which one reader takes the rows together.
const TOGETHER: usize = 1024;

/// An hour of the site's clock, of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// The day it is of.
    pub day: Day,
    /// What the clock shows at its begin, 0 to 23.
    pub hour: usize,
    /// Its first minute, since 1970 in UTC, and that of the next.
    pub time: (i64, i64),
    /// Minutes in which the device could have been seen.
    pub observed: u64,
    /// Minutes on line; none where that is not known, or no longer.
    pub online: Option<u64>,
    /// Minutes in use; none where no method tells, or nobody saw it.
    pub in_use: Option<u64>,
    /// Examinations that began, where it makes such; where nobody saw it none is known but
    /// those that were told later.
    pub examinations: Option<u64>,
    /// How use is told: in this hour, or ever where it was not used.
    pub method: &'static str,
}

/// A local day.
struct Clock {
    day: Day,
    /// Its first minute, and that of the next.
    bounds: (i64, i64),
    /// What the clock shows in its hours, their first minutes and those of the next.
    hours: Vec<(usize, i64, i64)>,
    /// Whether its minutes are kept.
    is_kept: bool,
}

/// A device on a day.
struct OfDay<'a> {
    day: &'a Clock,
    /// Minutes of the day in which it could have been seen.
    observed: Minutes,
    made: Made,
    is_online_known: bool,
    /// The codes of the methods by which its use would show.
    told: u8,
    /// Those of the methods that ever told anything.
    ever: u8,
    examines: bool,
}

impl OfDay<'_> {
    /// Adds its hours, whose numbers are those of the day, to the minute.
    fn hours(&self, all: &mut Vec<Hour>) {
        let Clock { day, bounds: (begin, _), hours, .. } = self.day;
        let seen: Vec<u64> =
            hours.iter().map(|(_, from, to)| self.observed.count_within(*from, *to)).collect();
        let mut begun = vec![0_u64; hours.len()];
        let hour_of = |second: i64| {
            let minute = begin.saturating_add(second.div_euclid(60));
            let last = hours.len().saturating_sub(1);
            hours.partition_point(|(.., to)| *to <= minute).min(last)
        };
        for (at, took, _) in &self.made.exams {
            // Where nobody saw its begin it counts from when somebody did while it went on.
            let (from, to) = (hour_of(*at), hour_of(at.saturating_add(took.saturating_sub(1))));
            let is_seen = |at: &usize| seen.get(*at).is_some_and(|seen| *seen > 0);
            let of = (from..=to).find(is_seen).unwrap_or(from);
            begun.get_mut(of).into_iter().for_each(|count| *count += 1);
        }
        let work = self.made.work();
        let (mut seconds, mut counted) = (0_i64, 0);
        for (((hour, from, to), observed), begun) in hours.iter().copied().zip(seen).zip(begun) {
            let visible = self.made.visible.within(from, to);
            seconds = seconds.saturating_add(work.seconds_within(&visible));
            // A day's seconds are rounded once, so its hours are what each adds to that.
            let before = std::mem::replace(&mut counted, rounded(seconds));
            let is_within = |(_, a, b): &&(u8, i64, i64)| {
                let whole = (a.div_euclid(60), b.saturating_add(59).div_euclid(60));
                visible.count_within(whole.0, whole.1) > 0
            };
            let now = self.made.parts.iter().filter(is_within).fold(0, |all, it| all | it.0);
            let used = (self.told != 0 && observed > 0).then(|| counted.saturating_sub(before));
            let shown = if now == 0 { self.told } else { now };
            let through = THROUGH & if now == 0 { self.ever } else { self.made.methods };
            let method = used.map(|_| how_by(shown & !THROUGH | through));
            let online = self.made.online.count_within(from, to);
            all.push(Hour {
                day: *day,
                hour,
                time: (from, to),
                observed,
                online: Some(online).filter(|_| self.is_online_known && observed > 0),
                in_use: used,
                examinations: Some(begun)
                    .filter(|begun| self.examines && (used.is_some() || *begun > 0)),
                method: method.unwrap_or_default(),
            });
        }
    }
}

/// A device, with the codes of the methods by which its use was ever told.
type Wanted<'a> = (&'a (User, Basis), u8);

/// Whose hours are asked for, and what of them is the same.
struct Days<'a> {
    wanted: Vec<Wanted<'a>>,
    days: Vec<Clock>,
    /// The UTC days whose minutes are kept that matter for them.
    utc: BTreeSet<UtcDay>,
    /// When each could have been seen, by where it is.
    places: HashMap<&'a [Segment], Option<Minutes>, RandomState>,
    /// Of which seconds examinations matter.
    near: (i64, i64),
}

impl Days<'_> {
    /// How many devices have so many days of devices.
    fn devices(&self, days: usize) -> usize {
        days.checked_div(self.days.len()).unwrap_or(0).max(1)
    }

    /// The hours of some devices that have any, each given with its place among them.
    fn of(
        &self,
        inventory: &Inventory,
        some: &[(usize, Wanted<'_>)],
        mut give: impl FnMut(usize, &User, &[Hour]),
    ) -> Result<(), Error> {
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let mut rows = Read::of(inventory, "", self.near);
        let all = some.iter().flat_map(|(_, ((_, it), _))| it.turns.iter().chain(&it.told));
        let speakers: BTreeSet<_> = all.map(|turn| turn.speaker).collect();
        rows.ahead(&speakers, self.utc.iter().copied()).map_err(read)?;
        let mut hours = Vec::new();
        for (at, it @ ((user, _), _)) in some {
            rows.turn_to(&user.id);
            hours.clear();
            self.of_one(inventory, *it, &mut rows, &mut hours)?;
            if !hours.is_empty() {
                give(*at, user, &hours);
            }
        }
        Ok(())
    }

    fn of_one(
        &self,
        inventory: &Inventory,
        ((user, basis), ever): Wanted<'_>,
        rows: &mut Read<'_>,
        to: &mut Vec<Hour>,
    ) -> Result<(), Error> {
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let place = self.places.get(&*basis.segments).and_then(Option::as_ref);
        let Some(place) = place else { return Ok(()) };
        for day in &self.days {
            let (from, until) = day.bounds;
            if until <= user.since {
                continue;
            }
            let here = place.within(from, until);
            let connection = &inventory.connection;
            let made = match day.is_kept {
                true => made(connection, basis, (from, until), &here, rows).map_err(read)?,
                false => inventory.left_of(user, day.day, (from, &here))?,
            };
            let Some(made) = made else { continue };
            let mut observed = here.within(user.since, until);
            observed.unite(&made.online);
            let it = OfDay {
                day,
                observed,
                is_online_known: day.is_kept && !basis.turns.is_empty(),
                told: basis.shows(ever | made.methods),
                ever,
                examines: basis.examines(),
                made,
            };
            it.hours(to);
        }
        Ok(())
    }
}

/// In the order in which what they said is stored, with their places.
fn as_stored<'a>(some: &[Wanted<'a>]) -> Vec<(usize, Wanted<'a>)> {
    let mut all: Vec<_> = some.iter().copied().enumerate().collect();
    all.sort_by_key(|(_, ((_, basis), _))| basis.turns.first().map(|turn| turn.speaker));
    all
}

impl Inventory {
    /// Makes something of the hours of each of some devices that has any, by their ids and in the
    /// order of these: of all days within some on which somebody watched, from the one on which
    /// it was first seen, in order. Nothing is told that would need a damaged row, which is
    /// noted, nor of a device whose VLAN nobody tells. Only so many are in memory at a time, and
    /// no state is held while something is given.
    ///
    /// # Errors
    /// The inventory cannot be read, or what `give` says.
    pub fn hours<T: Send, E: From<Error>>(
        &self,
        ids: &[&str],
        days: (Day, Day),
        make: impl Fn(&str, &[Hour]) -> T + Sync,
        mut give: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut held = Readers::open(self, ids.len()).hold()?;
        let Some(asked) = self.asked(Some(days))? else { return Ok(()) };
        let users = located(self.users_about(ids)?);
        let all = self.of_days(ids, (days, &asked), &users)?;
        for some in all.wanted.chunks(all.devices(AT_ONCE)) {
            let stored = as_stored(some);
            let parts: Vec<_> = stored.chunks(all.devices(TOGETHER)).collect();
            let made = held.each(parts.len(), |inventory, at| {
                let part = parts.get(at).copied().unwrap_or_default();
                let mut made = Vec::with_capacity(part.len());
                all.of(inventory, part, |at, user, hours| made.push((at, make(&user.id, hours))))?;
                Ok(made)
            })?;
            let readers = held.let_go();
            let mut made: Vec<(usize, T)> = made.into_iter().flatten().collect();
            made.sort_unstable_by_key(|(at, _)| *at);
            made.into_iter().try_for_each(|(_, it)| give(it))?;
            held = readers.hold()?;
        }
        Ok(())
    }

    /// Adds up the same hours of some devices, by their ids; those of one device in order.
    /// Who has no hours is not among them.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn sums_of_hours<S: Default + Send>(
        &self,
        ids: &[&str],
        days: (Day, Day),
        add: impl Fn(&mut S, &Hour) + Sync,
    ) -> Result<HashMap<String, S, RandomState>, Error> {
        let mut held = Readers::open(self, ids.len()).hold()?;
        let Some(asked) = self.asked(Some(days))? else { return Ok(HashMap::default()) };
        let users = located(self.users_about(ids)?);
        let all = self.of_days(ids, (days, &asked), &users)?;
        let stored = as_stored(&all.wanted);
        let parts: Vec<_> = stored.chunks(all.devices(TOGETHER)).collect();
        let made = held.each(parts.len(), |inventory, at| {
            let mut sums = Vec::new();
            let part = parts.get(at).copied().unwrap_or_default();
            all.of(inventory, part, |_, user, hours| {
                let mut sum = S::default();
                hours.iter().for_each(|hour| add(&mut sum, hour));
                sums.push((user.id.clone(), sum));
            })?;
            Ok(sums)
        })?;
        Ok(made.into_iter().flatten().collect())
    }

    /// What is asked of some devices, by their ids.
    fn of_days<'a>(
        &self,
        ids: &[&str],
        (days, asked): ((Day, Day), &Asked),
        users: &'a [(User, Basis)],
    ) -> Result<Days<'a>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let one = if let [one] = ids { Some(*one) } else { None };
        let users: HashMap<&str, &(User, Basis), RandomState> =
            users.iter().map(|it| (&*it.0.id, it)).collect();
        let segments = one.and_then(|id| users.get(id)).map(|it| it.1.segments.as_slice());
        let seen = Seen::load(self, asked.utc, segments)?;
        let mut ever = Table::default();
        TOTALS.sum(&self.connection, (0, 1), &mut ever).map_err(read)?;
        let spoiled = self.spoiled(one, Some(days))?;
        let kept = Kept::load(&self.connection).map_err(read)?;
        let zone = &asked.calendar.zone;
        let clock = |day: &Day| Clock {
            day: *day,
            bounds: zone.bounds(*day),
            hours: zone.clock_hours(*day),
            is_kept: kept.has(zone, *day),
        };
        let days: Vec<Clock> = asked.watched.iter().map(clock).collect();
        // Years between them in which nobody watched cost nothing.
        let utc = days.iter().filter(|it| it.is_kept).flat_map(|it| {
            utc_days(it.bounds.0.saturating_sub(FARTHEST), it.bounds.1.saturating_add(FARTHEST))
        });
        let utc = utc.collect();
        let near = near(asked.minutes);
        let (wanted, places) = (Vec::new(), HashMap::default());
        let mut all = Days { wanted, days, utc, places, near };
        let mut is_damaged = false;
        for it @ (user, basis) in ids.iter().filter_map(|id| users.get(id).copied()) {
            let ever = ever.whole(user.number);
            is_damaged |= ever.is_none();
            let Some(ever) = ever.filter(|_| !spoiled.contains(&user.id)) else { continue };
            all.places.entry(&basis.segments).or_insert_with(|| seen.of(&basis.segments));
            all.wanted.push((it, ever.methods));
        }
        if is_damaged {
            self.note_sheets(&[&ever]);
        }
        Ok(all)
    }

    /// What is left of a day whose minutes are gone: its minutes in use and its examinations.
    fn left_of(
        &self,
        user: &User,
        day: Day,
        (from, observed): (i64, &Minutes),
    ) -> Result<Option<Made>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let it = detail(&self.connection, day, user.number).map_err(read)?;
        let Some(it) = it else { return Ok(Some(Made::default())) };
        let Some(it) = self.detail(&user.id, day, it) else { return Ok(None) };
        let Some(in_use) = self.in_use(&user.id, day, (from, &it.in_use)) else { return Ok(None) };
        let mut visible = observed.clone();
        visible.unite(&in_use);
        let methods = it.exams.iter().fold(0, |all, (.., method)| all | method);
        let part = |(a, b): &(i64, i64)| (methods, a.saturating_mul(60), b.saturating_mul(60));
        let parts = in_use.runs().iter().map(part).collect();
        // So much it was on line at least, and no more is known.
        let made =
            Made { online: in_use, visible, parts, methods, exams: it.exams, ..Made::default() };
        Ok(Some(made))
    }
}

/// The seconds of which the examinations matter for days of some minutes.
const fn near((from, to): (i64, i64)) -> (i64, i64) {
    let (from, to) = (from.saturating_mul(60), to.saturating_mul(60));
    (from.saturating_sub(REACH), to.saturating_add(REACH))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac};
    use crate::store::{Counters, Writer};
    use crate::time::minutes::DAY;

    /// 2026-01-05, in days since 1970.
    const MONDAY: Day = 20_458;

    /// Days that are told, UTC days that are read for them, and hours: of a device that is on at
    /// noon of a day and of one so many days before, which alone were watched.
    fn asked(before: Day) -> (Vec<Day>, Vec<UtcDay>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        let mut writer = Writer::open(&db).unwrap();
        let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
        census.capture("port");
        let (mac, ip) = (Some(Mac([0, 9, 0xfb, 0, 0, 1])), Some([10, 0, 0, 1].into()));
        let host = HostId { segment: Segment::default(), mac, ip };
        for day in [MONDAY - before, MONDAY] {
            let noon = i64::from(day) * DAY + 720;
            census.watched(noon, noon + 60);
            census.was_present(host, noon, noon + 60);
        }
        writer.write(&mut census, &Counters::new()).unwrap();
        let inventory = Inventory::open(&db).unwrap();
        let assets = inventory.assets().unwrap();
        let (ids, days) = ([&*assets[0].id], (MONDAY - before, MONDAY));
        let asked = inventory.asked(Some(days)).unwrap().unwrap();
        let users = located(inventory.users_about(&ids).unwrap());
        let all = inventory.of_days(&ids, (days, &asked), &users).unwrap();
        let mut hours = 0;
        all.of(&inventory, &as_stored(&all.wanted), |_, _, told| hours += told.len()).unwrap();
        (all.days.iter().map(|it| it.day).collect(), all.utc.into_iter().collect(), hours)
    }

    #[test]
    fn years_in_which_nobody_watched_are_not_read() {
        for before in [10, 400, 14_600] {
            let (days, utc, hours) = asked(before);
            let first = MONDAY - before;
            assert_eq!((days, hours), (vec![first, MONDAY], 48));
            // Those beside them have what begins or ends about midnight.
            let near = [first, MONDAY].map(|day| [day - 1, day, day + 1]).concat();
            assert_eq!(utc, near, "{before} days before");
        }
    }
}
