//! What a writer does within a transaction, and when it leaves it.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::activity::{Diary, Stored};
use super::record;
use super::writer::{Counters, Failure};
use crate::census::Census;

/// Says that there is no time for anything long any more.
pub(super) struct Enough(Box<dyn Fn() -> bool + Send>);

impl Default for Enough {
    fn default() -> Self {
        Self(Box::new(|| false))
    }
}

impl Enough {
    pub(super) fn when(is_so: impl Fn() -> bool + Send + 'static) -> Self {
        Self(Box::new(is_so))
    }

    /// Leaves what it stands in: nothing of that is written.
    pub(super) fn yet(&self) -> Result<(), Failure> {
        if (self.0)() { Err(Failure::Unfinished) } else { Ok(()) }
    }
}

/// One transaction: all of it, or nothing.
pub(super) fn within<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Writes the names of captures that have none yet.
pub(super) fn name(
    transaction: &Transaction<'_>,
    census: &Census,
    known: usize,
) -> Result<(), Failure> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO capture VALUES (?1, ?2)")?;
    for (at, name) in census.captures().iter().enumerate().skip(known) {
        insert.execute(params![i64::try_from(at).unwrap_or(i64::MAX), name])?;
    }
    Ok(())
}

pub(super) fn count(transaction: &Transaction<'_>, counters: &Counters) -> Result<(), Failure> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO counter VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
    )?;
    for ((capture, name), value) in counters {
        upsert.execute(params![capture, name, i64::try_from(*value).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}

/// A speaker that was written: its place, and what became of what it did.
pub(super) type Kept = (usize, Stored);

/// That is committed.
pub(super) fn saved(census: &mut Census, kept: &[Kept]) {
    let places: Vec<_> = kept.iter().map(|(place, _)| *place).collect();
    census.saved(&places);
    for (place, stored) in kept {
        census.trail_saved(*place, &stored.exams, stored.refused);
    }
    census.segments_saved();
}

/// Writes at most `limit` speakers that changed, of those from place `from` to before
/// `end`, and what they did; gives their places, and where to go on.
pub(super) fn store(
    transaction: &Transaction<'_>,
    census: &Census,
    diary: &mut Diary,
    (from, end): (usize, usize),
    limit: usize,
    enough: &Enough,
) -> Result<(Vec<Kept>, Option<usize>), Failure> {
    // Apart: an insertion that may replace makes SQLite keep each page beside.
    let mut insert = transaction.prepare_cached("INSERT INTO host VALUES (?1, ?2)")?;
    let mut change = transaction.prepare_cached("UPDATE host SET said = ?2 WHERE place = ?1")?;
    let last = "SELECT coalesce(max(place), -1) FROM host";
    let last: i64 = transaction.prepare_cached(last)?.query_row([], |row| row.get(0))?;
    let (mut blob, mut places) = (Vec::new(), Vec::new());
    for (place, id, host) in census.unsaved(from).take_while(|(place, ..)| *place < end) {
        if places.len() >= limit {
            return Ok((places, Some(place)));
        }
        enough.yet()?;
        record::begin_with_tail(&mut blob);
        record::add(&mut blob, &(id, host))?;
        record::add(&mut blob, &host.heard)?;
        let row = i64::try_from(place).unwrap_or(i64::MAX);
        if row > last || change.execute(params![row, blob])? == 0 {
            insert.execute(params![row, blob])?;
        }
        let stored = match census.trail(place) {
            Some(trail) => diary.keep(transaction, (id, host), trail)?,
            None => Stored::default(),
        };
        places.push((place, stored));
    }
    Ok((places, None))
}
