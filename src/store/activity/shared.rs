//! Days on which two known devices were there together.

use rusqlite::params;

use super::detail::detail;
use super::sheet::DAYS;
use crate::store::inventory::of_asset;
use crate::store::{Error, Fault, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::Day;

/// Minutes on line that each of two has: frames of a wrong date are one or a few.
const SEVERAL_MINUTES: u64 = 5;

impl Inventory {
    /// The last of these days (in order) on which two devices that were known at a time were
    /// on line, each in several minutes; and until when both were. The frames of one device
    /// name others at most that nobody knew.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn last_shared(
        &self,
        days: &[Day],
        known: Timestamp,
    ) -> Result<Option<(Day, Timestamp)>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        if days.is_empty() {
            return Ok(None);
        }
        let zone = self.calendar()?.zone;
        let sql = "SELECT number, id FROM asset_day JOIN asset ON asset = number
                   WHERE day = ?1 AND first_seen <= ?2";
        let each = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        for day in days.iter().rev() {
            let mut until = Vec::new();
            let there: Vec<(i64, String)> =
                self.whole_rows(sql, params![day, known.0], |row| of_asset(row.get(0)), each)?;
            for (number, id) in there {
                let of_day = (*day, day.saturating_add(1));
                let sums = DAYS.sum_of(&self.connection, of_day, number).map_err(read)?;
                self.note_sheets(&[&sums]);
                let it = detail(&self.connection, *day, number).map_err(read)?;
                let it = it.and_then(|it| self.detail(&id, *day, it));
                let last = it.and_then(|it| it.online);
                let is_several = sums.whole(number).is_some_and(|it| it.online >= SEVERAL_MINUTES);
                until.extend(last.filter(|_| is_several).map(|(_, it)| it));
            }
            until.sort_unstable();
            if let Some(both) = until.iter().rev().nth(1) {
                let minute = zone.bounds(*day).0.saturating_add(*both);
                return Ok(Some((*day, Timestamp::new(minute.saturating_mul(60), 0))));
            }
        }
        Ok(None)
    }
}
