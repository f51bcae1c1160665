//! Days of devices as they were stored: what they were in use for, and their examinations.

use std::collections::BTreeSet;

use super::ask::{Period, User};
use super::detail::{Detail, detail};
use super::kept::days_of;
use super::record;
use crate::census::activity::Method;
use crate::store::{Error, Fault, Inventory};
use crate::time::calendar::{Day, date};
use crate::time::minutes::{DAY, Minutes};

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
    fn examinations(&self, base: i64) -> Vec<Examination> {
        let exam = |(begin, duration, method): &(i64, i64, u8)| Examination {
            begin: base.saturating_mul(60).saturating_add(*begin),
            duration: *duration,
            method: Method::of(*method).map_or("", Method::name),
        };
        self.exams.iter().map(exam).collect()
    }
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
        let users = self.users(Some(id))?;
        is_whole &= users.iter().all(|it| it.basis.is_some());
        self.each_day(&users, period, |_, day, it| {
            let base = zone.bounds(day).0;
            let in_use = it.as_ref().and_then(|it| self.in_use(id, day, (base, &it.in_use)));
            let Some((it, in_use)) = it.zip(in_use) else {
                is_whole = false;
                return;
            };
            let at = |minute: i64| base.saturating_add(minute);
            let online = it.online.map(|(a, b)| (at(a), at(b)));
            days.push(DayOf { day, online, in_use, examinations: it.examinations(base) });
        })?;
        Ok(is_whole.then_some(days))
    }

    /// Gives the examinations of some devices within some days, those of a day together and the
    /// days in order. The ids of those of which a day is damaged, whose other days say less than
    /// there was.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn examinations(
        &self,
        ids: &[&str],
        period: Period,
        mut give: impl FnMut(&str, Day, &[Examination]),
    ) -> Result<BTreeSet<String>, Error> {
        let _one = self.snapshot()?;
        let zone = self.calendar()?.zone;
        let mut damaged = self.spoiled(None, period)?;
        let ids: BTreeSet<&str> = ids.iter().copied().collect();
        let mut users = self.users(None)?;
        users.retain(|it| ids.contains(&*it.id));
        let unread = users.iter().filter(|it| it.basis.is_none());
        damaged.extend(unread.map(|it| it.id.clone()));
        let mut base = (Day::MIN, 0);
        self.each_day(&users, period, |id, day, it| {
            if base.0 != day {
                base = (day, zone.bounds(day).0);
            }
            match it {
                Some(it) => give(id, day, &it.examinations(base.1)),
                None => _ = damaged.insert(id.to_owned()),
            }
        })?;
        Ok(damaged)
    }

    /// Each day of some devices on which they did anything, a day of all after the other as
    /// they are stored; none of one that is damaged, which is noted.
    fn each_day(
        &self,
        users: &[User],
        period: Period,
        mut give: impl FnMut(&str, Day, Option<Detail>),
    ) -> Result<(), Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let known = users.iter().filter_map(|it| Some((it, it.basis.as_ref()?.days?)));
        let mut known: Vec<_> = known.collect();
        known.sort_unstable_by_key(|(user, _)| user.number);
        let ends = known.iter().map(|(_, days)| *days);
        let Some(ends) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return Ok(()) };
        let (from, to) = period.unwrap_or(ends);
        let days = (ends.0.max(from), ends.1.min(to));
        for day in days_of(&self.connection, "asset_day", days).map_err(read)? {
            for (user, (first, last)) in &known {
                if !(*first..=*last).contains(&day) {
                    continue;
                }
                let stored = detail(&self.connection, day, user.number).map_err(read)?;
                match self.detail(&user.id, day, stored) {
                    Some(None) => {}
                    it => give(&user.id, day, it.flatten()),
                }
            }
        }
        Ok(())
    }

    /// A day of a device as it was stored, where it was; none where it is damaged, which is
    /// noted.
    #[allow(clippy::option_option, reason = "nothing stored, and nothing that can be read")]
    pub(super) fn detail(
        &self,
        id: &str,
        day: Day,
        stored: Option<Result<Detail, record::Unreadable>>,
    ) -> Option<Option<Detail>> {
        match stored.transpose() {
            Ok(it) => Some(it),
            Err(why) => {
                self.note_day(id, day, why);
                None
            }
        }
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
