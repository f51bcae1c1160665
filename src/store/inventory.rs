//! What views ask of the inventory; read-only, and never of SQL.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Params, Row, Transaction};

use super::activity::Activity;
use super::damage::Damage;
use super::{Error, Fault, open_reader};
use crate::time::{Several, Timestamp};

/// One reason for a value.
#[derive(Clone, Debug)]
pub struct Why<'a> {
    /// Id of the signature.
    pub signature: Cow<'a, str>,
    /// The fact's key.
    pub key: Cow<'a, str>,
    /// The fact's value, as it was on the wire.
    pub value: Cow<'a, str>,
    /// 0 to 1.
    pub confidence: f64,
    /// Name of the capture.
    pub capture: Cow<'a, str>,
    /// Number of the frame, from 1; 0 when no single frame says it.
    pub frame: u64,
    /// First time.
    pub first_seen: Timestamp,
}

/// One value of an attribute.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// The value.
    pub value: Cow<'a, str>,
    /// 0 to 1.
    pub confidence: f64,
    /// Whether it is the one shown; the others are losing candidates.
    pub shown: bool,
    /// Strongest first.
    pub reasons: Vec<Why<'a>>,
}

/// Everything known of one asset; its text is lent by a [`Shelf`](super::Shelf), or its own.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Stable name.
    pub id: Cow<'a, str>,
    /// What it is recognised by: `mac:…`, `ip:…`, `equipment:…`.
    pub identity: Cow<'a, str>,
    /// A public address behind a router.
    pub external: bool,
    /// First time.
    pub first_seen: Timestamp,
    /// Last time.
    pub last_seen: Timestamp,
    /// Values by attribute, the best first. Sorted by attribute where everything was asked
    /// for.
    pub values: Vec<(Cow<'a, str>, Vec<Value<'a>>)>,
    /// What it did since it is known, where it is seen on a link.
    pub activity: Option<Activity>,
}

impl<'a> Known<'a> {
    /// All values of an attribute.
    #[must_use]
    pub fn all(&self, name: &str) -> &[Value<'a>] {
        let found = self.values.iter().rev().find(|(it, _)| it == name);
        found.map_or(&[], |(_, values)| values)
    }

    /// The shown values of an attribute.
    pub fn shown(&self, name: &str) -> impl Iterator<Item = &Value<'a>> {
        self.all(name).iter().filter(|value| value.shown)
    }

    /// The first shown value of an attribute.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.shown(name).next().map(|value| &*value.value)
    }

    /// With text of its own.
    #[must_use]
    pub fn into_owned(self) -> Known<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        let why = |it: Why<'_>| Why {
            signature: own(it.signature),
            key: own(it.key),
            value: own(it.value),
            capture: own(it.capture),
            ..it
        };
        let value = |it: Value<'_>| Value {
            value: own(it.value),
            confidence: it.confidence,
            shown: it.shown,
            reasons: it.reasons.into_iter().map(why).collect(),
        };
        let values = self.values.into_iter();
        Known {
            id: own(self.id),
            identity: own(self.identity),
            external: self.external,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            values: values
                .map(|(name, values)| (own(name), values.into_iter().map(value).collect()))
                .collect(),
            activity: self.activity,
        }
    }
}

/// What was read, with what was counted in it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Name of the file or interface.
    pub name: String,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
}

/// What a row of the table of assets is called that is not as it was written.
pub(super) fn of_asset(number: rusqlite::Result<i64>) -> String {
    number
        .map_or_else(|_| "a device (asset)".to_owned(), |it| format!("device {it} (row of asset)"))
}

/// The same of what was read.
pub(super) fn of_capture(number: rusqlite::Result<i64>) -> String {
    let number = number.unwrap_or(-1);
    format!("the name of what was read as number {number} (capture)")
}

/// One state of an inventory ([`Inventory::snapshot`]); within another it is a part of that.
#[must_use]
pub struct Snapshot<'i>(#[allow(dead_code, reason = "held")] Option<Transaction<'i>>);

/// An inventory opened for reading.
pub struct Inventory {
    pub(super) path: PathBuf,
    /// The file that is open; none where another took its place just then.
    pub(super) file: Option<FileId>,
    pub(super) connection: Connection,
    pub(super) damage: Damage,
}

/// Device and inode: no other file has the same while this one is open.
pub(super) type FileId = (u64, u64);

fn file_at(path: &Path) -> Option<FileId> {
    std::fs::metadata(path).ok().map(|it| (it.dev(), it.ino()))
}

impl Inventory {
    /// Opens an inventory that exists.
    ///
    /// # Errors
    /// There is none, or it is no inventory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_by(path, open_reader)
    }

    /// The same by what opens a path.
    pub(super) fn open_by(
        path: &Path,
        open: impl FnOnce(&Path) -> Result<Connection, Error>,
    ) -> Result<Self, Error> {
        let before = file_at(path);
        let connection = open(path)?;
        let file = before.filter(|it| Some(*it) == file_at(path));
        Ok(Self { path: path.to_owned(), file, connection, damage: Damage::default() })
    }

    /// While it is held all is asked of one state, whatever the writer does meanwhile, and
    /// nothing is locked and looked up anew for each query. It is not held while something is
    /// told: who reads slowly would keep the writer waiting.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        let begin = || self.connection.unchecked_transaction();
        let is_held = !self.connection.is_autocommit();
        let held = (!is_held).then(begin).transpose();
        Ok(Snapshot(held.map_err(|error| Error::new(&self.path, Fault::Read(error)))?))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        which: impl Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let mut statement = self.connection.prepare_cached(sql).map_err(read)?;
        let rows = statement.query_map(which, |row| each(row)).map_err(read)?;
        rows.collect::<Result<_, _>>().map_err(read)
    }

    /// All assets, in the order of their identities. Who only looks at them takes
    /// [`Self::shelf`].
    ///
    /// # Errors
    /// The inventory cannot be read, or a newer program wrote it.
    pub fn assets(&self) -> Result<Vec<Known<'static>>, Error> {
        let shelf = self.shelf(true)?;
        Ok(shelf.known(None).into_iter().map(Known::into_owned).collect())
    }

    /// The ids of all assets, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn ids(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT id, number FROM asset ORDER BY id";
        self.whole_rows(sql, [], |row| of_asset(row.get(1)), |row| row.get(0))
    }

    /// Whether no device is known.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn is_empty(&self) -> Result<bool, Error> {
        let any = self.rows("SELECT 1 FROM asset LIMIT 1", [], |row| row.get::<_, i64>(0))?;
        Ok(any.is_empty())
    }

    /// What "now" means to views: the time that several devices have reached, or up to which
    /// a sensor has listened, whoever was to be heard. Captures may have any time. Devices of
    /// which only others speak do not count, as they do not for what is judged.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn now(&self) -> Result<Timestamp, Error> {
        let mut heard = Several::default();
        let sql = "SELECT last_seen FROM asset WHERE identity NOT GLOB 'equipment:*'";
        self.rows(sql, [], |row| {
            heard.add(Timestamp(row.get(0)?));
            Ok(())
        })?;
        let listened = self.listened()?.map(|second| Timestamp::new(second, 0));
        Ok(heard.reached().max(listened.unwrap_or(Timestamp(i64::MIN))))
    }

    /// What was read into the inventory, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn captures(&self) -> Result<Vec<Capture>, Error> {
        let mut captures = self.rows("SELECT name, id FROM capture ORDER BY id", [], |row| {
            // They are known by their places, so one without a name is among them too.
            let name = self.damage.take(row.get(0), || of_capture(row.get(1)))?;
            Ok(Capture { name: name.unwrap_or_default(), counters: BTreeMap::new() })
        })?;
        let counters = self.rows("SELECT capture, name, value FROM counter", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        for (at, name, value) in counters {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            if let Some(capture) = captures.get_mut(at) {
                capture.counters.insert(name, value.unsigned_abs());
            }
        }
        Ok(captures)
    }
}
