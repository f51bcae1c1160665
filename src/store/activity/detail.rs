//! Days of assets as they are stored.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::Period;
use crate::store::record;
use crate::store::writer::Failure;
use crate::time::calendar::Day;

/// An examination of a day: its begin in seconds from the day's first on, how long it took in
/// seconds, its method's code.
pub(super) type Exam = (i64, i64, u8);

/// A day of an asset, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    /// First and last minute on line, from the day's first on.
    pub(super) online: Option<(i64, i64)>,
    /// Minutes in use, written from the day's first on.
    pub(super) in_use: Vec<u8>,
    /// Examinations that count on it.
    pub(super) exams: Vec<Exam>,
}

/// Minutes of which it was to be made anew are not as they were written.
const SPOILED: i64 = 2;

/// Writes a day of an asset; none when there is nothing of it.
pub(super) fn write(
    connection: &Connection,
    (number, day): (i64, Day),
    settled: bool,
    detail: Option<&Detail>,
) -> Result<(), Failure> {
    let Some(detail) = detail else {
        let sql = "DELETE FROM asset_day WHERE day = ?1 AND asset = ?2";
        connection.prepare_cached(sql)?.execute(params![day, number])?;
        return Ok(());
    };
    let mut blob = Vec::new();
    record::begin(&mut blob);
    record::add(&mut blob, detail)?;
    let sql = "INSERT INTO asset_day VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET settled = excluded.settled, detail = excluded.detail
               WHERE settled <> excluded.settled OR detail <> excluded.detail";
    connection.prepare_cached(sql)?.execute(params![day, number, settled, blob])?;
    Ok(())
}

/// A day stays as it is, because what it is made of is damaged: whoever reads it is told.
pub(super) fn spoil(connection: &Connection, number: i64, day: Day) -> Result<(), Failure> {
    let mut blob = Vec::new();
    record::begin(&mut blob);
    record::add(&mut blob, &Detail::default())?;
    let sql = "INSERT INTO asset_day VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET settled = excluded.settled";
    connection.prepare_cached(sql)?.execute(params![day, number, SPOILED, blob])?;
    Ok(())
}

/// Who has days in a period, of one asset or of any, that could not be made anew: the first of
/// them, and how many there are.
pub(super) fn spoiled(
    connection: &Connection,
    id: Option<&str>,
    period: Period,
) -> rusqlite::Result<Vec<(String, Day, u32)>> {
    let (first, last) = period.unwrap_or((Day::MIN, Day::MAX));
    let sql = "SELECT id, min(day), count(*) FROM asset_day JOIN asset ON asset = number
               WHERE settled = 2 AND day >= ?1 AND day <= ?2 AND (?3 IS NULL OR id = ?3)
               GROUP BY number ORDER BY id";
    let mut all = connection.prepare_cached(sql)?;
    let rows = all.query_map(params![first, last, id], |row| {
        // Who cannot be named is told as such by who asks for assets.
        Ok((row.get(0).unwrap_or_default(), row.get(1)?, row.get(2)?))
    })?;
    rows.collect()
}

/// From which day to which there are rows of an asset.
pub(super) fn span(connection: &Connection, number: i64) -> rusqlite::Result<Option<(Day, Day)>> {
    let sql = "SELECT min(day), max(day) FROM asset_day WHERE asset = ?1";
    connection.query_row(sql, [number], |row| {
        let (first, last): (Option<Day>, Option<Day>) = (row.get(0)?, row.get(1)?);
        Ok(first.zip(last))
    })
}

/// What is stored of a day of an asset.
pub(super) fn detail(
    connection: &Connection,
    day: Day,
    asset: i64,
) -> rusqlite::Result<Option<Result<Detail, record::Unreadable>>> {
    let sql = "SELECT detail FROM asset_day WHERE day = ?1 AND asset = ?2";
    let mut one = connection.prepare_cached(sql)?;
    let blob = one.query_row(params![day, asset], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    Ok(blob.map(|blob| record::only(&blob)))
}
