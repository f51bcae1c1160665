//! Whether a device had been off: of all minutes that are kept of it and of its VLANs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::basis::Basis;
use super::made::Written as _;
use super::read::Read;
use super::seen::of_segment;
use super::turn::Turn;
use super::{Damaged, ONLINE, Speaker, seen, segment_name, utc_days};
use crate::census::activity::method::SEGMENT_GAP;
use crate::census::activity::{BEFORE, OFF, UtcDay};
use crate::store::{Error, Fault, Inventory};
use crate::time::minutes::Minutes;

/// When a segment could be seen, from one UTC day to another; none where a row that says so is
/// damaged.
type OfDays = HashMap<(UtcDay, UtcDay), Option<Arc<Minutes>>, RandomState>;

/// When segments could be seen, by their names, the empty one for when somebody watched; as far
/// as any reader has asked.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashMap<Vec<u8>, OfDays, RandomState>>);

impl Watched {
    fn get(&self, name: &[u8], days: (UtcDay, UtcDay)) -> Option<Option<Arc<Minutes>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name)?.get(&days).cloned()
    }

    fn add(&self, name: &[u8], days: (UtcDay, UtcDay), minutes: Option<Arc<Minutes>>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_vec()).or_default().insert(days, minutes);
    }
}

/// What is known of the minutes before a time.
pub(super) struct Past<'i> {
    inventory: &'i Inventory,
    rows: Read<'i>,
    watched: &'i Watched,
    /// The names of the segments of the device that is asked for.
    names: Vec<Vec<u8>>,
}

impl<'i> Past<'i> {
    /// Of some devices, each before some seconds at which it came.
    pub(super) fn before<'b>(
        (inventory, watched): (&'i Inventory, &'i Watched),
        came: impl Iterator<Item = (&'b Basis, BTreeSet<i64>)>,
    ) -> Result<Self, Error> {
        let mut days: BTreeMap<UtcDay, BTreeSet<Speaker>> = BTreeMap::new();
        for (of, seconds) in came {
            for (from, to) in seconds.into_iter().map(before) {
                for turn in of.turns.iter().filter(|it| it.part_of((from, to)).is_some()) {
                    for day in utc_days(from, to) {
                        days.entry(day).or_default().insert(turn.speaker);
                    }
                }
            }
        }
        let mut rows = Read::of(inventory, "", (0, 0));
        for (day, speakers) in days {
            rows.ahead(&speakers, [day])
                .map_err(|error| Error::new(&inventory.path, Fault::Read(error)))?;
        }
        Ok(Self { inventory, rows, watched, names: Vec::new() })
    }

    /// From now on another device is asked for.
    pub(super) fn turn_to(&mut self, id: &'i str, basis: &Basis) {
        self.rows.turn_to(id);
        let names = basis.segments.iter().map(|it| segment_name(Some(*it)).unwrap_or_default());
        self.names = names.chain([Vec::new()]).collect();
    }

    /// Whether a device could have been seen before a second, and was not on line, for long
    /// enough. What it said just before belongs to its coming. None where a row that says so
    /// is damaged, which is noted.
    pub(super) fn was_off(&mut self, basis: &Basis, at: i64) -> Result<Option<bool>, Error> {
        let minute = at.div_euclid(60);
        let Some(online) = self.online(&basis.turns, before(at))? else { return Ok(None) };
        let mut begin = minute;
        while begin > minute.saturating_sub(BEFORE) && online.holds(begin.saturating_sub(1)) {
            begin = begin.saturating_sub(1);
        }
        let before = (begin.saturating_sub(OFF), begin);
        if online.count_within(before.0, before.1) > 0 {
            return Ok(Some(false));
        }
        // It may have been in any of its segments.
        for name in &self.names {
            let Some(seen) = self.seen(name, before)? else { return Ok(None) };
            if seen.count_within(before.0, before.1) < OFF.unsigned_abs() {
                return Ok(Some(false));
            }
        }
        Ok(Some(!basis.segments.is_empty()))
    }

    fn online(&mut self, turns: &[Turn], of: (i64, i64)) -> Result<Option<Minutes>, Error> {
        let read = |error| Error::new(&self.inventory.path, Fault::Read(error));
        self.rows.minutes(turns, ONLINE, of).map_err(read)
    }

    /// In which minutes about some a segment was seen; of the empty one, somebody watched.
    fn seen(&self, name: &[u8], (from, to): (i64, i64)) -> Result<Option<Arc<Minutes>>, Error> {
        let gap = if name.is_empty() { 0 } else { SEGMENT_GAP };
        let days = utc_days(from.saturating_sub(gap), to.saturating_add(gap)).into_inner();
        if let Some(known) = self.watched.get(name, days) {
            return Ok(known);
        }
        let minutes = self.of_segment(name, days)?;
        let minutes = minutes.map(|it| Arc::new(if gap > 0 { it.bridged(gap) } else { it }));
        self.watched.add(name, days, minutes.clone());
        Ok(minutes)
    }

    fn of_segment(
        &self,
        name: &[u8],
        (first, last): (UtcDay, UtcDay),
    ) -> Result<Option<Minutes>, Error> {
        let inventory = self.inventory;
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let mut all = Minutes::default();
        for day in first..=last {
            match seen(&inventory.connection, day, name).map_err(read)? {
                Some(Ok(minutes)) => all.unite(&minutes),
                Some(Err(Damaged)) => {
                    let row = of_segment(i64::from(day), name);
                    inventory.damage.note(format!("{row} is not as it was written"));
                    return Ok(None);
                }
                None => {}
            }
        }
        Ok(Some(all))
    }
}

/// The minutes of which it matters who was on line before a second.
const fn before(at: i64) -> (i64, i64) {
    let minute = at.div_euclid(60);
    (minute.saturating_sub(BEFORE).saturating_sub(OFF), minute.saturating_add(1))
}
