//! What the speakers of devices wrote, as views read it: each row once, however many days and
//! methods of a device ask for it, and those of many devices in the order in which they are
//! stored.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::exam::{self, LONGEST};
use super::made::Written;
use super::turn::Turn;
use super::{ONLINE, Speaker, minutes_in, utc_days};
use crate::census::activity::UtcDay;
use crate::store::Inventory;
use crate::store::leap::leap;
use crate::time::calendar::date;
use crate::time::minutes::{DAY, Minutes};

/// Minutes of a speaker and a UTC day, by their kind; none where they are damaged.
type OfDay = Vec<(u8, Option<Minutes>)>;

/// The rows of one device, or of one after the other.
pub(super) struct Read<'i> {
    inventory: &'i Inventory,
    id: &'i str,
    days: HashMap<(UtcDay, Speaker), OfDay, RandomState>,
    exams: HashMap<Speaker, Vec<exam::Stored>, RandomState>,
    /// The seconds of which the examinations are all asked for at once.
    stretch: (i64, i64),
}

impl<'i> Read<'i> {
    /// Of a device, by its id, of whose examinations those between two seconds will be asked
    /// for.
    pub(super) fn of(inventory: &'i Inventory, id: &'i str, stretch: (i64, i64)) -> Self {
        Self { inventory, id, days: HashMap::default(), exams: HashMap::default(), stretch }
    }

    /// From now on another device is asked for.
    pub(super) fn turn_to(&mut self, id: &'i str) {
        self.id = id;
    }

    /// Reads the minutes of some speakers and UTC days before they are asked for.
    pub(super) fn ahead(
        &mut self,
        speakers: &BTreeSet<Speaker>,
        days: impl IntoIterator<Item = UtcDay>,
    ) -> rusqlite::Result<()> {
        let sql = "SELECT speaker, what, minutes FROM speaker_day
                   WHERE day = ?1 AND speaker >= ?2 ORDER BY speaker";
        let speakers: Vec<Speaker> = speakers.iter().copied().collect();
        for day in days {
            self.days.extend(speakers.iter().map(|speaker| ((day, *speaker), OfDay::new())));
            let days = &mut self.days;
            let query = (sql, Some(i64::from(day)));
            leap(&self.inventory.connection, query, &speakers, |speaker, row| {
                let minutes = minutes_in(day, row, 2).ok();
                days.entry((day, speaker)).or_default().push((row.get(1)?, minutes));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Adds the minutes of a UTC day and a stretch in which it did something; false where a row
    /// is damaged, which is noted.
    fn of_day(
        &mut self,
        (turns, what): (&[Turn], u8),
        (day, stretch): (UtcDay, (i64, i64)),
        to: &mut Minutes,
    ) -> rusqlite::Result<bool> {
        let base = i64::from(day).saturating_mul(DAY);
        let own = (stretch.0.max(base), stretch.1.min(base.saturating_add(DAY)));
        for turn in turns {
            // Whose an address was on other days is no matter.
            let Some((from, until)) = turn.part_of(own) else { continue };
            let of_day = self.speaker(day, turn.speaker)?;
            let minutes = of_day.iter().find(|(it, _)| *it == what).map(|(_, it)| it);
            match minutes {
                None => {}
                Some(None) => {
                    let (id, day) = (self.id.escape_debug(), date(day));
                    let did = if what == ONLINE { "was on line" } else { "worked" };
                    self.inventory.damage.note(format!(
                        "in which minutes of {day} {id} {did} (speaker_day) is not as it was \
                         written"
                    ));
                    return Ok(false);
                }
                Some(Some(minutes)) => {
                    minutes.parts(from, until).for_each(|(from, until)| to.add(from, until));
                }
            }
        }
        Ok(true)
    }

    fn speaker(&mut self, day: UtcDay, speaker: Speaker) -> rusqlite::Result<&OfDay> {
        let free = match self.days.entry((day, speaker)) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(free) => free,
        };
        let sql = "SELECT minutes, what FROM speaker_day WHERE day = ?1 AND speaker = ?2";
        let mut rows = self.inventory.connection.prepare_cached(sql)?;
        let rows = rows.query_map([i64::from(day), speaker], |row| {
            Ok((row.get(1)?, minutes_in(day, row, 0).ok()))
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
            if !self.of_day((turns, what), (day, (from, to)), &mut all)? {
                return Ok(None);
            }
        }
        Ok(Some(all))
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
