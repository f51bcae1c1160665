//! The one writer. Memory and knowledge are written apart:
//!
//! * [`Writer::append`]: what was just observed, every few seconds; small and quick.
//! * [`Writer::keep`]: the speakers that changed, in slices; then the journal can go.
//! * [`Writer::publish`]: the assets that changed, for the views.
//! * [`Writer::write`]: memory and knowledge in one transaction, for whoever reads files.
//!
//! What could not be written stays to be written: a full disk loses nothing that memory
//! holds.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::activity::{self, Diary, Roll};
use super::alert::Policy;
use super::damage::Damage;
use super::health::{self, Health, Waiting};
use super::journal::Journal;
use super::ledger::{Ledger, Published};
use super::record::Unreadable;
use super::slice::{Enough, count, name, saved, store, within};
use super::{Error, Fault, Hold, memory, open_somehow};
use crate::census::Census;
use crate::census::signature::Book;
use crate::observe::Observation;
use crate::time::calendar::Calendar;

/// Counters by capture and name.
pub type Counters = BTreeMap<(u32, String), u64>;

/// Why something was not written.
#[derive(Debug)]
pub(super) enum Failure {
    Database(rusqlite::Error),
    Record(Unreadable),
    /// There was no time for it.
    Unfinished,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Record(error)
    }
}

/// A writing of the memory that takes several slices.
#[derive(Clone, Copy)]
struct Checkpoint {
    /// The next place to be written, and the first one that is not part of this.
    next: usize,
    end: usize,
    /// What the journal held when it began is dropped when it ends.
    mark: i64,
}

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Writes one inventory.
pub struct Writer {
    path: PathBuf,
    connection: Connection,
    /// None until it is needed.
    ledger: Option<Ledger>,
    policy: Policy,
    journal: Journal,
    health: Waiting,
    diary: Diary,
    /// Captures whose names are stored.
    captures: usize,
    checkpoint: Option<Checkpoint>,
    enough: Enough,
    damage: Damage,
    /// The inventory remembers speakers that no census knows yet.
    unread: bool,
    /// Nothing was in it and no reader can miss anything: the first load may be written
    /// without a write-ahead log, which would double it.
    first: bool,
    /// [`Hold::Alone`] as long as the disk has no room for anything else.
    hold: Hold,
    /// Held as long as this writes: two writers would each undo the other's work. Its
    /// place after the connection matters: closing any handle of the file would let go
    /// of SQLite's own locks.
    alone: File,
}

impl Writer {
    /// Opens or creates the inventory.
    ///
    /// # Errors
    /// The path cannot be written, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // By its real name: SQLite makes the file, so it must exist before it is locked.
        let (connection, hold) = open_somehow(path)?;
        let open = |error| Error::new(path, Fault::Lock(error));
        let alone = File::open(path).map_err(open)?;
        // A process that is just being started holds what its parent has let go of, for
        // the moment until it is what it is to be.
        let patience = Instant::now();
        loop {
            match alone.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if patience.elapsed() < PATIENCE => {
                    std::thread::sleep(PATIENCE / 20);
                }
                Err(TryLockError::WouldBlock) => return Err(Error::new(path, Fault::Busy)),
                Err(TryLockError::Error(error)) => return Err(open(error)),
            }
        }
        let read = |error| Error::new(path, Fault::Read(error));
        let journal = Journal::load(&connection).map_err(read)?;
        let diary = Diary::load(&connection).map_err(read)?;
        let holds = |table: &str| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
            connection.query_row(&sql, [], |row| row.get::<_, bool>(0)).map_err(read)
        };
        let unread = holds("host")? || holds("journal")?;
        let first = !unread && !holds("asset")?;
        let mut writer = Self {
            path: path.to_owned(),
            connection,
            ledger: None,
            policy: Policy::default(),
            journal,
            health: Waiting::default(),
            diary,
            captures: 0,
            checkpoint: None,
            enough: Enough::default(),
            damage: Damage::default(),
            unread,
            first,
            hold,
            alone,
        };
        if !writer.first {
            writer.log_ahead();
        }
        Ok(writer)
    }

    /// From now on tells what the site wants to know.
    pub fn tell(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Whatever takes long is left when this says so: reading the memory, keeping and
    /// publishing. The journal takes what is observed all the same.
    pub fn give_up_when(&mut self, enough: impl Fn() -> bool + Send + 'static) {
        self.enough = Enough::when(enough);
    }

    /// From now on readers and this writer do not wait for each other. Where a reader is
    /// at it this instant, they do until the next time.
    fn log_ahead(&mut self) {
        self.first = false;
        let _ = self.connection.pragma_update(None, "journal_mode", "WAL");
    }

    /// The census as it was when it was last kept, and all that the journal holds since.
    ///
    /// # Errors
    /// The inventory cannot be read, or a newer program wrote it.
    pub fn restore(&mut self, book: Arc<Book>) -> Result<Census, Error> {
        let mut census = Census::new(book);
        match self.remember(&mut census) {
            Ok(()) => {
                self.unread = false;
                Ok(census)
            }
            Err(error) => {
                // Who has no time has none to give back the memory of each speaker either.
                if error.is_unfinished() {
                    std::mem::forget(census);
                }
                Err(error)
            }
        }
    }

    fn remember(&mut self, census: &mut Census) -> Result<(), Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        census.keep_time(self.diary.calendar.zone.clone());
        let failed = |failure| match failure {
            Failure::Database(error) => read(error),
            Failure::Record(why) => Error::new(&self.path, Fault::Row(why)),
            Failure::Unfinished => Error::new(&self.path, Fault::Unfinished),
        };
        memory::captures(&self.connection, census, &self.damage).map_err(failed)?;
        self.captures = census.captures().len();
        // First: what was said before and after nobody watched is not of one speaker.
        census.was_watched(&activity::watched(&self.connection).map_err(read)?);
        health::watched(&self.connection, |from, to| census.watched(from, to)).map_err(read)?;
        memory::hosts(&self.connection, census, &self.enough, &self.damage).map_err(failed)?;
        self.journal.replay(&self.connection, census, &self.enough).map_err(failed)?;
        match self.journal.unreadable {
            0 => {}
            rows => self
                .damage
                .note(format!("{rows} rows of what was said last (journal) cannot be read")),
        }
        Ok(())
    }

    /// The rows that were passed over by the last [`Self::restore`], because they are damaged:
    /// each what it says, its table, and what is wrong; in order.
    #[must_use]
    pub fn passed_over(&self) -> Vec<String> {
        self.damage.all()
    }

    /// From now on days and opening hours are these; what is known by others is made anew
    /// with the next publication. To be said before [`Self::restore`], so that what the
    /// journal says again is of this zone.
    pub fn keep_time(&mut self, calendar: Calendar) {
        self.diary.turn_to(calendar);
    }

    /// Some days are still those of another calendar: each publication makes more of them.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.diary.is_stale()
    }

    /// Rows of the journal that could not be read, wholly or in part, by the last
    /// [`Self::restore`].
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.journal.unreadable
    }

    /// Bytes in the journal: from 256 MiB on it takes no more until the memory is kept.
    #[must_use]
    pub fn journal_bytes(&self) -> usize {
        self.journal.bytes()
    }

    /// Observations that found no room in the journal; the census has them.
    #[must_use]
    pub const fn unjournaled(&self) -> u64 {
        self.journal.refused()
    }

    /// Takes up what a port (the number of its capture) did from a second on, to be
    /// written with the next [`Self::append`].
    pub fn note(&mut self, port: u32, second: i64, health: &Health) {
        self.health.note(port, second, health);
    }

    /// What the inventory holds of a capture's counters.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn counted(&self, capture: u32) -> Result<BTreeMap<String, u64>, Error> {
        health::counted(&self.connection, capture)
            .map_err(|error| Error::new(&self.path, Fault::Read(error)))
    }

    /// Appends observations to the journal, to be called with what `census` has just
    /// taken in: after a crash the next [`Self::restore`] says it again. When it cannot
    /// be written it is tried again with the next one.
    ///
    /// # Errors
    /// Disk full, or the inventory cannot be written.
    pub fn append(
        &mut self,
        census: &Census,
        capture: u32,
        observations: &[Observation],
    ) -> Result<(), Error> {
        self.readable()?;
        self.there()?;
        let row = |error| Error::new(&self.path, Fault::Row(error));
        self.journal.take(capture, observations).map_err(row)?;
        if self.journal.is_written() && !self.health.is_due() {
            return Ok(());
        }
        if let Err(error) = self.share() {
            self.journal.failed();
            return Err(error);
        }
        self.log_ahead_once();
        let Self { connection, journal, health, captures, .. } = self;
        let done = within(connection, |transaction| {
            name(transaction, census, *captures)?;
            health.write(transaction)?;
            Ok(journal.write(transaction)?)
        });
        match done {
            Ok(()) => {
                self.captures = census.captures().len();
                self.journal.written();
                self.health.written();
                Ok(())
            }
            Err(failure) => {
                self.journal.failed();
                Err(self.because(failure))
            }
        }
    }

    /// Writes speakers that changed since they were last written, at most `limit` of
    /// them; true when all are written that had changed when the first slice was asked
    /// for. Then the journal lets go of what they said until then.
    ///
    /// # Errors
    /// Disk full, or the inventory cannot be written; what was to be written still is.
    pub fn keep(&mut self, census: &mut Census, limit: usize) -> Result<bool, Error> {
        self.readable()?;
        self.log_ahead_once();
        if self.checkpoint.is_none() && census.keeps_users() {
            census.forget_users();
        }
        let begun = Checkpoint { next: 0, end: census.len(), mark: self.journal.mark() };
        let at = self.checkpoint.unwrap_or(begun);
        let Self { connection, captures, diary, enough, .. } = self;
        let done = within(connection, |transaction| {
            name(transaction, census, *captures)?;
            diary.keep_segments(transaction, census)?;
            let (places, next) =
                store(transaction, census, diary, (at.next, at.end), limit.max(1), enough)?;
            let left = match next {
                Some(_) => None,
                None => {
                    Journal::drop_to(transaction, at.mark)?;
                    Some(Journal::after(transaction, at.mark)?)
                }
            };
            Ok((places, next, left))
        });
        let (places, next, left) = done.map_err(|failure| self.failed(failure))?;
        saved(census, &places);
        self.captures = census.captures().len();
        self.checkpoint = next.map(|next| Checkpoint { next, ..at });
        if let Some(left) = left {
            self.journal.dropped_to(at.mark, left);
        }
        Ok(self.checkpoint.is_none())
    }

    /// Derives the assets and writes those that changed, with the counters.
    ///
    /// # Errors
    /// Disk full, or the inventory cannot be written; the next time writes it all.
    pub fn publish(&mut self, census: &Census, counters: &Counters) -> Result<Published, Error> {
        self.readable()?;
        self.log_ahead_once();
        let mut ledger = self.take_ledger()?;
        let Self { connection, captures, policy, diary, enough, .. } = self;
        let done = within(connection, |transaction| {
            name(transaction, census, *captures)?;
            count(transaction, counters)?;
            let mut roll = Roll::new(transaction, diary)?;
            let changes = ledger.publish(transaction, census, policy, &mut roll, enough)?;
            Ok((changes, roll.close()?))
        });
        let published = done.map(|(changes, rolled)| {
            diary.settle(rolled);
            ledger.settle(changes)
        });
        self.ledger = Some(ledger);
        if published.is_ok() {
            self.captures = census.captures().len();
        }
        published.map_err(|failure| self.failed(failure))
    }

    /// Keeps everything and publishes it, in one transaction: all of it is there
    /// afterwards, or what was there before.
    ///
    /// # Errors
    /// Disk full, or the inventory cannot be written.
    pub fn write(&mut self, census: &mut Census, counters: &Counters) -> Result<Published, Error> {
        self.readable()?;
        let mut ledger = self.take_ledger()?;
        let mark = self.journal.mark();
        let Self { connection, health, captures, policy, diary, enough, .. } = self;
        let done = within(connection, |transaction| {
            name(transaction, census, *captures)?;
            count(transaction, counters)?;
            health.write(transaction)?;
            diary.keep_segments(transaction, census)?;
            let (places, _) =
                store(transaction, census, diary, (0, census.len()), usize::MAX, enough)?;
            Journal::drop_to(transaction, mark)?;
            let mut roll = Roll::new(transaction, diary)?;
            let changes = ledger.publish(transaction, census, policy, &mut roll, enough)?;
            Ok((places, changes, roll.close()?))
        });
        let done = done.map(|(places, changes, rolled)| {
            diary.settle(rolled);
            (places, ledger.settle(changes))
        });
        self.ledger = Some(ledger);
        let (places, published) = done.map_err(|failure| self.failed(failure))?;
        saved(census, &places);
        self.captures = census.captures().len();
        self.checkpoint = None;
        self.journal.dropped_to(mark, 0);
        self.health.written();
        self.log_ahead_once();
        Ok(published)
    }

    /// Writes the counters alone, where there is no time to publish; the error says that.
    ///
    /// # Errors
    /// Always: it is not all there is to be written.
    pub fn count(&mut self, counters: &Counters) -> Result<Published, Error> {
        let done = within(&mut self.connection, |transaction| count(transaction, counters));
        Err(self.because(done.err().unwrap_or(Failure::Unfinished)))
    }

    /// Folds the write-ahead log into the file, so that the file alone is the inventory
    /// and can be read where nothing can be written. Everything is safe before: where a
    /// reader is at it, or the disk is full, the log stays beside the file.
    pub fn close(self) {
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
        let _ = self.connection.execute_batch("PRAGMA journal_mode = DELETE;");
    }

    #[cfg(test)]
    pub(in crate::store) const fn connection(&self) -> &Connection {
        &self.connection
    }

    fn log_ahead_once(&mut self) {
        if self.first {
            self.log_ahead();
        }
    }

    /// Where the disk had no room for readers at the start: lets them in once it has.
    fn share(&mut self) -> Result<(), Error> {
        if self.hold == Hold::Alone {
            // One after the other: nobody is let in beside who has it alone. Where it cannot
            // be opened for now, what stands in its place takes nothing.
            let nothing = Connection::open_in_memory();
            let nothing = nothing.map_err(|error| Error::new(&self.path, Fault::Open(error)))?;
            drop(std::mem::replace(&mut self.connection, nothing));
            (self.connection, self.hold) = open_somehow(&self.path)?;
        }
        Ok(())
    }

    /// A census that does not know what the inventory remembers would overwrite it.
    fn readable(&self) -> Result<(), Error> {
        if self.unread { Err(Error::new(&self.path, Fault::Unread)) } else { Ok(()) }
    }

    /// Somebody has removed the file, or put another in its place: what is written goes to
    /// one that has no name any more.
    fn there(&self) -> Result<(), Error> {
        let lost = |_| Error::new(&self.path, Fault::Lost);
        let (named, open) = (std::fs::metadata(&self.path), self.alone.metadata());
        let (named, open) = (named.map_err(lost)?, open.map_err(lost)?);
        let same = (named.dev(), named.ino()) == (open.dev(), open.ino());
        if same { Ok(()) } else { Err(Error::new(&self.path, Fault::Lost)) }
    }

    fn take_ledger(&mut self) -> Result<Ledger, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        match self.ledger.take() {
            Some(ledger) => Ok(ledger),
            None => Ledger::load(&self.connection).map_err(read),
        }
    }

    /// What the transaction was to write is not written.
    fn failed(&mut self, failure: Failure) -> Error {
        self.diary.failed();
        self.because(failure)
    }

    fn because(&self, failure: Failure) -> Error {
        match failure {
            Failure::Database(error) => Error::write(&self.path, error),
            Failure::Record(error) => Error::new(&self.path, Fault::Row(error)),
            Failure::Unfinished => Error::new(&self.path, Fault::Unfinished),
        }
    }
}
