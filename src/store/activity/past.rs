//! Whether a device had been off: of all minutes that are kept of it and of its VLANs.

use std::collections::BTreeMap;

use super::basis::Basis;
use super::read::Read;
use super::seen::of_segment;
use super::turn::Turn;
use super::{Damaged, ONLINE, seen, segment_name, utc_days};
use crate::census::activity::method::SEGMENT_GAP;
use crate::census::activity::{BEFORE, OFF, UtcDay};
use crate::store::{Error, Fault, Inventory};
use crate::time::minutes::Minutes;

/// What is known of the minutes before a time.
#[derive(Default)]
pub(super) struct Past {
    /// By UTC day: when the device that is asked for was on line.
    online: BTreeMap<UtcDay, Minutes>,
    /// By UTC day and segment, the empty one for those in which somebody watched.
    seen: BTreeMap<(UtcDay, Vec<u8>), Minutes>,
}

impl Past {
    /// Another device is asked for.
    pub(super) fn next(&mut self) {
        self.online.clear();
    }

    /// Whether a device could have been seen before a second, and was not on line, for long
    /// enough. What it said just before belongs to its coming. None where a row that says so
    /// is damaged, which is noted.
    pub(super) fn was_off(
        &mut self,
        inventory: &Inventory,
        (id, basis): (&str, &Basis),
        at: i64,
    ) -> Result<Option<bool>, Error> {
        let minute = at.div_euclid(60);
        let from = minute.saturating_sub(BEFORE).saturating_sub(OFF);
        let Some(online) = self.online(inventory, (id, &basis.turns), (from, minute))? else {
            return Ok(None);
        };
        let mut begin = minute;
        while begin > minute.saturating_sub(BEFORE) && online.holds(begin.saturating_sub(1)) {
            begin = begin.saturating_sub(1);
        }
        let before = (begin.saturating_sub(OFF), begin);
        if online.count_within(before.0, before.1) > 0 {
            return Ok(Some(false));
        }
        // It may have been in any of its segments.
        let names = basis.segments.iter().map(|it| segment_name(Some(*it)).unwrap_or_default());
        for name in names.chain([Vec::new()]) {
            let Some(seen) = self.seen(inventory, &name, before)? else { return Ok(None) };
            if seen.count_within(before.0, before.1) < OFF.unsigned_abs() {
                return Ok(Some(false));
            }
        }
        Ok(Some(!basis.segments.is_empty()))
    }

    fn online(
        &mut self,
        inventory: &Inventory,
        (id, turns): (&str, &[Turn]),
        (from, to): (i64, i64),
    ) -> Result<Option<Minutes>, Error> {
        let mut all = Minutes::default();
        for day in utc_days(from, to.saturating_add(1)) {
            if let Some(known) = self.online.get(&day) {
                all.unite(known);
                continue;
            }
            let read = |error| Error::new(&inventory.path, Fault::Read(error));
            let of_day = Read::of(inventory, id, (0, 0)).of_day(turns, day, ONLINE);
            let Some(of_day) = of_day.map_err(read)? else { return Ok(None) };
            all.unite(&of_day);
            self.online.insert(day, of_day);
        }
        Ok(Some(all))
    }

    /// In which minutes about some a segment was seen; of the empty one, somebody watched.
    fn seen(
        &mut self,
        inventory: &Inventory,
        name: &[u8],
        (from, to): (i64, i64),
    ) -> Result<Option<Minutes>, Error> {
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let gap = if name.is_empty() { 0 } else { SEGMENT_GAP };
        let mut all = Minutes::default();
        for day in utc_days(from.saturating_sub(gap), to.saturating_add(gap)) {
            let key = (day, name.to_vec());
            if let Some(known) = self.seen.get(&key) {
                all.unite(known);
                continue;
            }
            let minutes = match seen(&inventory.connection, day, name).map_err(read)? {
                Some(Err(Damaged)) => {
                    let row = of_segment(i64::from(day), name);
                    inventory.damage.note(format!("{row} is not as it was written"));
                    return Ok(None);
                }
                known => known.map(Result::unwrap_or_default).unwrap_or_default(),
            };
            all.unite(&minutes);
            self.seen.insert(key, minutes);
        }
        Ok(Some(if gap > 0 { all.bridged(gap) } else { all }))
    }
}
