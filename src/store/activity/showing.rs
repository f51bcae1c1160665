//! Of which devices views tell how they were used.

use std::collections::{BTreeSet, HashMap, HashSet};

use foldhash::fast::RandomState;

use super::ask::{Period, located};
use super::basis::Basis;
use super::seen::Seen;
use super::sheet::{DAYS, TOTALS, Table, place};
use crate::net::Segment;
use crate::store::{Error, Fault, Inventory};

/// Which use is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Of any method.
    Any,
    /// That of devices that make examinations.
    Examinations,
}

impl Inventory {
    /// Those of some devices whose use would have shown within some days, by their ids: those
    /// of which [`Self::activity`] tells how they were used. Not those of which a row that says
    /// so is damaged, which is noted.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn showing(
        &self,
        ids: &[&str],
        period: Period,
        of: Use,
    ) -> Result<HashSet<String, RandomState>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let _one = self.snapshot()?;
        let Some(asked) = self.asked(period)? else { return Ok(HashSet::default()) };
        let is_wanted = |basis: &Basis| of == Use::Any || basis.examines();
        let mut users = located(self.users_where(ids, is_wanted)?);
        // Those who only tell where others are.
        users.retain(|(_, basis)| is_wanted(basis));
        let (mut ever, mut sums) = (Table::default(), Table::default());
        TOTALS.sum(&self.connection, (0, 1), &mut ever).map_err(read)?;
        let spoiled = self.spoiled(None, period)?;
        let seen = Seen::load(self, asked.utc, None)?;
        let mut places: HashMap<&[Segment], Option<bool>, RandomState> = HashMap::default();
        let (mut all, mut unseen) = (HashSet::default(), Vec::new());
        for (user, basis) in users.iter().filter(|(user, _)| !spoiled.contains(&user.id)) {
            // What it did within some days it did ever.
            let Some(whole) = ever.whole(user.number) else { continue };
            let is_seen = || {
                let minutes = seen.of(&basis.segments)?;
                Some(minutes.count_within(asked.minutes.0, asked.minutes.1) > 0)
            };
            let is_seen = *places.entry(&basis.segments).or_insert_with(is_seen);
            match is_seen.filter(|_| basis.shows(whole.methods) != 0) {
                Some(true) => _ = all.insert(user.id.clone()),
                Some(false) => unseen.push(user),
                None => {}
            }
        }
        // Who was on line was seen, also where its segments are others by now.
        let blocks: BTreeSet<i64> = unseen.iter().map(|user| place(user.number).0).collect();
        let days = (asked.days.0, asked.days.1.saturating_add(1));
        DAYS.sum_among(&self.connection, days, &blocks, &mut sums).map_err(read)?;
        let is_online = |number| sums.whole(number).is_some_and(|it| it.online > 0);
        let online = unseen.into_iter().filter(|user| is_online(user.number));
        all.extend(online.map(|user| user.id.clone()));
        self.note_sheets(&[&ever, &sums]);
        Ok(all)
    }
}
