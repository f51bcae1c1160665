//! Devices whose days are still those of another time zone or other opening hours: of many days
//! some are made anew with each write, and a kill may come between two.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::{Error, Fault, Inventory};

/// How it is called among the states.
const NAME: &str = "days_behind";

/// So many are.
pub(super) fn note(connection: &Connection, devices: usize) -> rusqlite::Result<()> {
    if devices == 0 {
        connection.prepare_cached("DELETE FROM alert_state WHERE name = ?1")?.execute([NAME])?;
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO alert_state VALUES (?1, ?2)";
    let devices = i64::try_from(devices).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute(params![NAME, devices])?;
    Ok(())
}

impl Inventory {
    /// Of how many devices days are still those of another calendar: what is told of them is
    /// neither by the one nor by the other.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn days_behind(&self) -> Result<u64, Error> {
        let sql = "SELECT value FROM alert_state WHERE name = ?1";
        let known = self.connection.query_row(sql, [NAME], |row| row.get::<_, i64>(0)).optional();
        let known = known.map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        Ok(known.unwrap_or_default().unsigned_abs())
    }
}
