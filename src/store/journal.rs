//! What was observed since the memory was last written: appended every few seconds, so
//! that a sensor that is killed loses no more than that; dropped when the memory is
//! written.

use rusqlite::{Connection, Transaction, params};

use super::record::{self, Unreadable};
use super::slice::Enough;
use super::writer::Failure;
use crate::census::Census;
use crate::observe::Observation;

/// Observations in one row: what is read at once at a start.
const IN_ROW: usize = 8_192;
/// Bytes in the inventory: some three million observations, where a minute of a large
/// hospital makes ten thousand. What comes beyond is safe only when the memory is written.
const MAX_BYTES: usize = 256 << 20;
/// Bytes that wait in memory for a disk that does not take them.
const MAX_WAITING: usize = 16 << 20;

/// A row of the journal.
struct Row {
    id: i64,
    capture: u32,
    blob: Vec<u8>,
    observations: u64,
}

/// What stands in the journal, and what waits to.
#[derive(Default)]
pub(super) struct Journal {
    /// The last row's number, waiting rows included.
    last: i64,
    written: usize,
    waiting: Vec<Row>,
    /// Observations that found no room.
    refused: u64,
    /// Rows that could not be read at the start.
    pub(super) unreadable: u64,
}

impl Journal {
    /// As the inventory says.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let sql =
            "SELECT coalesce(max(id), 0), coalesce(sum(length(observations)), 0) FROM journal";
        connection.query_row(sql, [], |row| {
            let written = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX);
            Ok(Self { last: row.get(0)?, written, ..Self::default() })
        })
    }

    /// Says everything in the journal to the census. A damaged row is passed over from
    /// where it is damaged, and counted. Left when there is no time for it.
    pub(super) fn replay(
        &mut self,
        connection: &Connection,
        census: &mut Census,
        enough: &Enough,
    ) -> Result<(), Failure> {
        let mut rows =
            connection.prepare("SELECT capture, observations FROM journal ORDER BY id")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            enough.yet()?;
            let (Ok(capture), Ok(blob)) = (row.get(0), row.get_ref(1)?.as_blob()) else {
                self.unreadable += 1;
                continue;
            };
            match apply(census, capture, blob) {
                Ok(()) => {}
                Err(newer @ Unreadable::Newer(_)) => return Err(newer.into()),
                Err(_) => self.unreadable += 1,
            }
        }
        Ok(())
    }

    /// Takes observations up to be written.
    pub(super) fn take(
        &mut self,
        capture: u32,
        observations: &[Observation],
    ) -> Result<(), Unreadable> {
        for some in observations.chunks(IN_ROW) {
            let mut blob = Vec::new();
            record::begin(&mut blob);
            some.iter().try_for_each(|it| record::add(&mut blob, it))?;
            self.last += 1;
            let observations = u64::try_from(some.len()).unwrap_or(u64::MAX);
            self.waiting.push(Row { id: self.last, capture, blob, observations });
        }
        while self.bytes() > MAX_BYTES {
            self.refuse();
        }
        Ok(())
    }

    /// Lets go of the newest of what waits.
    fn refuse(&mut self) {
        match self.waiting.pop() {
            Some(row) => self.refused += row.observations,
            // What is written has room by its own account.
            None => self.written = self.written.min(MAX_BYTES),
        }
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(|row| row.blob.len()).sum()
    }

    /// Bytes in the journal, those that wait included.
    pub(super) fn bytes(&self) -> usize {
        self.written + self.waiting_bytes()
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Nothing waits.
    pub(super) const fn is_written(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes what waits; [`Self::written`] or [`Self::failed`] says how it ended.
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached("INSERT INTO journal VALUES (?1, ?2, ?3)")?;
        for Row { id, capture, blob, .. } in &self.waiting {
            insert.execute(params![id, capture, blob])?;
        }
        Ok(())
    }

    /// What waited is committed.
    pub(super) fn written(&mut self) {
        self.written += self.waiting_bytes();
        self.waiting.clear();
    }

    /// What waited could not be written: it waits on, as far as there is room.
    pub(super) fn failed(&mut self) {
        while self.waiting_bytes() > MAX_WAITING {
            self.refuse();
        }
    }

    /// Up to where the journal reaches now.
    pub(super) const fn mark(&self) -> i64 {
        self.last
    }

    /// Drops what the memory holds: everything up to a mark.
    pub(super) fn drop_to(transaction: &Transaction<'_>, mark: i64) -> rusqlite::Result<()> {
        transaction.prepare_cached("DELETE FROM journal WHERE id <= ?1")?.execute([mark])?;
        Ok(())
    }

    /// That is committed; `left` bytes are still there.
    pub(super) fn dropped_to(&mut self, mark: i64, left: usize) {
        self.waiting.retain(|row| row.id > mark);
        self.written = left;
    }

    /// Bytes of what is written after a mark.
    pub(super) fn after(transaction: &Transaction<'_>, mark: i64) -> rusqlite::Result<usize> {
        let sql = "SELECT coalesce(sum(length(observations)), 0) FROM journal WHERE id > ?1";
        let left: i64 = transaction.prepare_cached(sql)?.query_row([mark], |row| row.get(0))?;
        Ok(usize::try_from(left).unwrap_or(0))
    }
}

fn apply(census: &mut Census, capture: u32, blob: &[u8]) -> Result<(), Unreadable> {
    let mut body = record::body(blob)?;
    while !body.is_empty() {
        let (observation, rest) = record::next::<Observation>(body)?;
        census.apply(capture, observation);
        body = rest;
    }
    Ok(())
}
