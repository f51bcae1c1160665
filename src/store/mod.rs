//! Hinge: the SQLite inventory. One [`Writer`], any number of read-only
//! [`Inventory`]s beside it (WAL), and no SQL outside this module.

pub mod activity;
mod alert;
mod damage;
mod health;
mod history;
mod identifier;
mod inventory;
mod journal;
mod leap;
mod ledger;
mod memory;
mod owner;
mod readers;
mod record;
pub mod risk;
mod shelf;
mod slice;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::time::Timestamp;

pub use alert::{Alert, DAY, Kind, Level, Policy, Severity, Unknown};
pub use health::{COUNTED, Health, Stretch, minute};
pub use history::Change;
pub use identifier::Identifier;
pub use inventory::{Capture, Inventory, Known, Snapshot, Value, Why};
pub use ledger::Published;
pub use readers::side_by_side;
pub use shelf::Shelf;
pub use writer::{Counters, Writer};

/// A reader or a writer waits so long for the other.
const BUSY: Duration = Duration::from_secs(10);

/// How many steps [`migrations`] has: a database with more is of a newer auscult.
const SCHEMA: i64 = 9;

/// The schema, step by step; a step that has been released is never changed.
fn migrations() -> Migrations<'static> {
    let steps = [
        include_str!("migrations/001.sql"),
        include_str!("migrations/002.sql"),
        include_str!("migrations/003.sql"),
        include_str!("migrations/004.sql"),
        include_str!("migrations/005.sql"),
        include_str!("migrations/006.sql"),
        include_str!("migrations/007.sql"),
        include_str!("migrations/008.sql"),
        include_str!("migrations/009.sql"),
    ];
    Migrations::new(steps.map(M::up).into())
}

/// The inventory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), why)]
pub struct Error {
    path: PathBuf,
    why: Fault,
}

/// What is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no inventory here; make one with `auscult read`, or name it with --db")]
    Missing,
    #[error("cannot open the inventory ({0}); check the path and its rights")]
    Open(#[source] rusqlite::Error),
    #[error("no file but a directory, a device or the like; name a file with --db")]
    NoFile,
    #[error("its file system is mounted read-only; remount it writable, or name another --db")]
    ReadOnly,
    #[error(
        "{file} belongs to {whose}, and this process is {who} and may not write it: {remedy}, or \
         name another --db"
    )]
    NotOurs { file: String, whose: String, who: String, remedy: String },
    #[error("another auscult is writing this inventory; wait for it to end, or name another --db")]
    Busy,
    #[error("cannot lock the inventory ({0})")]
    Lock(#[source] std::io::Error),
    #[error("a database of another program; name another file with --db")]
    Foreign,
    #[error("not an inventory ({0}); name another file with --db")]
    NoDatabase(#[source] rusqlite::Error),
    #[error("the inventory is damaged ({0}); move it away and read the captures again")]
    Damaged(#[source] rusqlite::Error),
    #[error(
        "the inventory is damaged: {0} is not as it was written; put a copy in its place, or \
         move it away and read the captures again (a sensor begins a new one)"
    )]
    Spoiled(Box<dyn std::error::Error + Send + Sync>),
    #[error("the inventory was made by a newer auscult; use that one, or name another --db")]
    Newer,
    #[error("the inventory cannot be brought up to date ({0}); name another --db")]
    Schema(#[source] Box<rusqlite_migration::Error>),
    #[error(
        "disk full: what was written before is kept; free some space, then a sensor that runs writes \
         the rest by itself and captures are read again"
    )]
    Full,
    #[error(
        "disk full at the end: what was observed is in the journal, which the next start reads; \
         free some space for it"
    )]
    FullUnpublished,
    #[error(
        "disk full at the end: what was observed since {} is not written and lost; what was \
         written before is kept", .0.rfc3339()
    )]
    FullUnwritten(Timestamp),
    #[error(
        "its file was removed, or another was put in its place: nothing is written any more; \
         start again, with the file back in its place or with a new one"
    )]
    Lost,
    #[error(
        "told to end before all of it was read or written; the journal keeps the rest for the \
         next start"
    )]
    Unfinished,
    #[error("cannot write the inventory ({0})")]
    Write(#[source] rusqlite::Error),
    #[error("cannot read the inventory ({0})")]
    Read(#[source] rusqlite::Error),
    #[error("a row of the inventory is not as it was written ({0})")]
    Row(#[source] record::Unreadable),
    #[error("the inventory remembers more than it was asked for: restore it first")]
    Unread,
}

impl Error {
    fn new(path: &Path, why: Fault) -> Self {
        // A page may turn out broken at any query.
        let why = match why {
            Fault::Read(rusqlite::Error::FromSqlConversionFailure(_, Type::Blob, why)) => {
                Fault::Spoiled(why)
            }
            Fault::Open(error) | Fault::Read(error) | Fault::Write(error) if is_damage(&error) => {
                Fault::Damaged(error)
            }
            Fault::Open(error) | Fault::Read(error) | Fault::Write(error)
                if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) =>
            {
                Fault::NoDatabase(error)
            }
            why => why,
        };
        Self { path: path.to_owned(), why }
    }

    /// There was no time for it ([`Writer::give_up_when`]), or no room; nothing is lost.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        matches!(self.why, Fault::Unfinished | Fault::FullUnpublished)
    }

    /// The same at the end, when nobody will try again: a full disk has then lost what was
    /// observed since a time, or nothing, where the journal has all.
    #[must_use]
    pub fn at_the_end(self, lost_since: Option<Timestamp>) -> Self {
        let why = match (self.why, lost_since) {
            (Fault::Full, None) => Fault::FullUnpublished,
            (Fault::Full, Some(since)) => Fault::FullUnwritten(since),
            (why, _) => why,
        };
        Self { path: self.path, why }
    }

    /// The disk has no room.
    const fn is_full(&self) -> bool {
        matches!(self.why, Fault::Full)
    }

    /// The file is no longer where it was.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self.why, Fault::Lost)
    }

    fn write(path: &Path, error: rusqlite::Error) -> Self {
        let full = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
        );
        Self::new(path, if full { Fault::Full } else { Fault::Write(error) })
    }
}

/// Whether SQLite found its own file broken, or a value where none of its kind can be.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
    ) || error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

/// Cache of the writer, in KiB with SQLite's minus sign. Rows are written in the order of
/// their tables, so what does not fit here is written once all the same.
const WRITER_CACHE: i32 = -8_192;

/// That of a reader: what is read through in the order in which it is stored needs none, and
/// more memory costs more than reading again what the system has.
const READER_CACHE: i32 = -2_048;

/// Bytes of a page: large rows need no chains of small ones.
const PAGE: i64 = 16_384;

/// What the write-ahead log keeps of its size when a large transaction is through.
const LOG_LIMIT: i64 = 64 << 20;

/// Says in the file's header whose database it is (the `application_id` pragma).
const APPLICATION: i64 = 0x6175_7363;

/// Whether an inventory can be at this path: SQLite would take a device for an empty
/// database and leave a journal beside it.
///
/// # Errors
/// Something is there that is no file.
pub fn can_be_at(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::new(path, Fault::NoFile)),
        _ => Ok(()),
    }
}

/// Whether the file system of a path is mounted read-only.
fn is_read_only(path: &Path) -> bool {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let found = rustix::fs::statvfs(path)
        .or_else(|_| rustix::fs::statvfs(directory.unwrap_or(Path::new("."))));
    found.is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// How a writer has the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Readers may read beside it: needs a file of 32 KiB beside the write-ahead log.
    Shared,
    /// Alone, which needs no file but leaves readers waiting: for a disk that has no room for
    /// that one either.
    Alone,
}

/// Opens for writing; creates and migrates.
fn open_writer(path: &Path, hold: Hold) -> Result<Connection, Error> {
    can_be_at(path)?;
    let open = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Error::new(path, Fault::Full),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(path, Fault::Busy),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if is_read_only(path) => {
            Error::new(path, Fault::ReadOnly)
        }
        _ => Error::new(path, Fault::Open(error)),
    };
    owner::begin(path);
    if let Some(fault) = owner::refused(path) {
        return Err(Error::new(path, fault));
    }
    let mut connection = Connection::open(path).map_err(open)?;
    connection.busy_timeout(BUSY).map_err(open)?;
    if hold == Hold::Alone {
        // Before anything is read: the log's index is in memory then.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(open)?;
    }
    if let Some(fault) = unusable(&connection).map_err(open)? {
        return Err(Error::new(path, fault));
    }
    // Of a database that is no longer empty the page is as it is.
    connection.pragma_update(None, "page_size", PAGE).map_err(open)?;
    // Writes a page, for which a full disk has no room.
    let whose: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(open)?;
    if whose != APPLICATION {
        connection.pragma_update(None, "application_id", APPLICATION).map_err(open)?;
    }
    // What is committed survives a loss of power too, not the end of the process alone.
    connection.pragma_update(None, "synchronous", "FULL").map_err(open)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT).map_err(open)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE).map_err(open)?;
    // What a statement would undo is kept in memory: no file is written beside for it.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(open)?;
    migrations().to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => open(err),
        error => Error::new(path, Fault::Schema(Box::new(error))),
    })?;
    Ok(connection)
}

/// Opens it so that others can read it, or alone where the disk has no room for that.
fn open_somehow(path: &Path) -> Result<(Connection, Hold), Error> {
    match open_writer(path, Hold::Shared) {
        Err(full) if full.is_full() => {
            let alone = open_writer(path, Hold::Alone).map_err(|_| full)?;
            Ok((alone, Hold::Alone))
        }
        shared => Ok((shared?, Hold::Shared)),
    }
}

/// Why this program should not touch the database; nothing is written to find out.
fn unusable(connection: &Connection) -> Result<Option<Fault>, rusqlite::Error> {
    let count = "SELECT count(*) FROM sqlite_master";
    let tables: i64 = connection.query_row(count, [], |row| row.get(0))?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    let (whose, schema): (i64, i64) = (pragma("application_id")?, pragma("user_version")?);
    Ok(match (tables, whose) {
        (0, _) => None,
        (_, APPLICATION) if !(0..=SCHEMA).contains(&schema) => Some(Fault::Newer),
        (_, APPLICATION) => None,
        _ => Some(Fault::Foreign),
    })
}

/// Opens for reading only.
fn open_reader(path: &Path) -> Result<Connection, Error> {
    if !path.exists() {
        return Err(Error::new(path, Fault::Missing));
    }
    can_be_at(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |error| Error::new(path, Fault::Open(error));
    let (connection, tables) = match tables(path, flags) {
        // A writer was killed amid the first load: what it left is rolled back, which
        // only who may write can do.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            let mend = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            tables(path, mend).and_then(|_| tables(path, flags))
        }
        other => other,
    }
    .map_err(open)?;
    if let Some(fault) = unusable(&connection).map_err(open)? {
        return Err(Error::new(path, fault));
    }
    if tables == 0 {
        return Err(Error::new(path, Fault::Missing));
    }
    Ok(connection)
}

/// Opens, and says how many tables of an inventory are there.
fn tables(path: &Path, flags: OpenFlags) -> rusqlite::Result<(Connection, i64)> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    let count = "SELECT count(*) FROM sqlite_master WHERE name = 'asset'";
    let tables = connection.query_row(count, [], |row| row.get(0))?;
    Ok((connection, tables))
}

#[cfg(test)]
mod tests;
