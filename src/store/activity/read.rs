//! What the speakers of a device wrote, as views read it: each row once, however many of its
//! days and methods ask for it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::exam::{self, LONGEST};
use super::made::Written;
use super::turn::Turn;
use super::{ONLINE, Speaker, minutes_in, utc_days};
use crate::census::activity::UtcDay;
use crate::store::Inventory;
use crate::time::calendar::date;
use crate::time::minutes::Minutes;

/// Minutes of a speaker and a UTC day, by their kind; none where they are damaged.
type OfDay = BTreeMap<u8, Option<Minutes>>;

/// The rows of one device.
pub(super) struct Read<'i> {
    inventory: &'i Inventory,
    id: &'i str,
    days: BTreeMap<(UtcDay, Speaker), OfDay>,
    exams: BTreeMap<Speaker, Vec<exam::Stored>>,
    /// The seconds of which the examinations are all asked for at once.
    stretch: (i64, i64),
}

impl<'i> Read<'i> {
    /// Of a device, by its id, of whose examinations those between two seconds will be asked
    /// for.
    pub(super) fn of(inventory: &'i Inventory, id: &'i str, stretch: (i64, i64)) -> Self {
        Self { inventory, id, days: BTreeMap::new(), exams: BTreeMap::new(), stretch }
    }

    /// What lies before a UTC day is not asked for again.
    pub(super) fn forget_before(&mut self, day: UtcDay) {
        self.days = self.days.split_off(&(day, Speaker::MIN));
    }

    /// Minutes of a UTC day in which it did something; none where a row is damaged, which is
    /// noted.
    pub(super) fn of_day(
        &mut self,
        turns: &[Turn],
        day: UtcDay,
        what: u8,
    ) -> rusqlite::Result<Option<Minutes>> {
        let mut all = Minutes::default();
        for turn in turns {
            match (self.speaker(day, turn.speaker)?.get(&what), turn.minutes()) {
                (None, _) => {}
                (Some(None), _) => {
                    let (id, day) = (self.id.escape_debug(), date(day));
                    let did = if what == ONLINE { "was on line" } else { "worked" };
                    self.inventory.damage.note(format!(
                        "in which minutes of {day} {id} {did} (speaker_day) is not as it was \
                         written"
                    ));
                    return Ok(None);
                }
                (Some(Some(minutes)), None) => all.unite(minutes),
                (Some(Some(minutes)), Some((from, to))) => all.unite(&minutes.within(from, to)),
            }
        }
        Ok(Some(all))
    }

    fn speaker(&mut self, day: UtcDay, speaker: Speaker) -> rusqlite::Result<&OfDay> {
        let free = match self.days.entry((day, speaker)) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(free) => free,
        };
        let sql = "SELECT minutes, what FROM speaker_day WHERE day = ?1 AND speaker = ?2";
        let mut rows = self.inventory.connection.prepare_cached(sql)?;
        let rows = rows.query_map([i64::from(day), speaker], |row| {
            Ok((row.get(1)?, minutes_in(day, row)?.ok()))
        })?;
        Ok(free.insert(rows.collect::<Result<_, _>>()?))
    }
}

impl Written for Read<'_> {
    type Error = rusqlite::Error;

    fn minutes(
        &mut self,
        turns: &[Turn],
        what: u8,
        (from, to): (i64, i64),
    ) -> rusqlite::Result<Option<Minutes>> {
        let mut all = Minutes::default();
        for day in utc_days(from, to) {
            let Some(minutes) = self.of_day(turns, day, what)? else { return Ok(None) };
            all.unite(&minutes);
        }
        Ok(Some(all.within(from, to)))
    }

    fn exams(
        &mut self,
        speaker: Speaker,
        (begin, end): (i64, i64),
    ) -> rusqlite::Result<Vec<exam::Stored>> {
        let (first, last) = self.stretch;
        let all = match self.exams.entry(speaker) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let all = exam::between(&self.inventory.connection, speaker, first, last)?;
                free.insert(all)
            }
        };
        let from = all.partition_point(|it| it.begin < begin.saturating_sub(LONGEST));
        let near = all.iter().skip(from).take_while(|it| it.begin <= end);
        Ok(near.filter(|it| it.end >= begin).copied().collect())
    }
}
