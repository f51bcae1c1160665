//! What views ask of the inventory; read-only, and never of SQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::{Error, Fault, open_reader};
use crate::time::Timestamp;

/// One reason for a value.
#[derive(Clone, Debug)]
pub struct Why {
    /// Id of the signature.
    pub signature: String,
    /// The fact's key.
    pub key: String,
    /// The fact's value, as it was on the wire.
    pub value: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Name of the capture.
    pub capture: String,
    /// Number of the frame, from 1; 0 when no single frame says it.
    pub frame: u64,
    /// First time.
    pub first_seen: Timestamp,
    /// Last time.
    pub last_seen: Timestamp,
}

/// One value of an attribute.
#[derive(Clone, Debug)]
pub struct Value {
    /// The value.
    pub value: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Whether it is the one shown; the others are losing candidates.
    pub shown: bool,
    /// Strongest first.
    pub reasons: Vec<Why>,
}

/// Everything known of one asset.
#[derive(Clone, Debug)]
pub struct Known {
    /// Stable name.
    pub id: String,
    /// What it is recognised by: `mac:…`, `ip:…`, `equipment:…`.
    pub identity: String,
    /// A public address behind a router.
    pub external: bool,
    /// First time.
    pub first_seen: Timestamp,
    /// Last time.
    pub last_seen: Timestamp,
    /// Values by attribute, the best first.
    pub values: BTreeMap<String, Vec<Value>>,
}

impl Known {
    /// The shown values of an attribute.
    pub fn shown(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.values.get(name).into_iter().flatten().filter(|value| value.shown)
    }

    /// The first shown value of an attribute.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.shown(name).next().map(|value| value.value.as_str())
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

/// An inventory opened for reading.
pub struct Inventory {
    path: PathBuf,
    connection: Connection,
}

impl Inventory {
    /// Opens an inventory that exists.
    ///
    /// # Errors
    /// There is none, or it is no inventory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), connection: open_reader(path)? })
    }

    fn rows<T>(
        &self,
        sql: &str,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let mut statement = self.connection.prepare_cached(sql).map_err(read)?;
        let rows = statement.query_map([], |row| each(row)).map_err(read)?;
        rows.collect::<Result<_, _>>().map_err(read)
    }

    /// All assets, in the order of their identities.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn assets(&self) -> Result<Vec<Known>, Error> {
        // One snapshot for all three queries, whatever the writer does meanwhile.
        let snapshot = self
            .connection
            .unchecked_transaction()
            .map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        let mut assets = self.rows(
            "SELECT id, identity, external, first_seen, last_seen FROM asset ORDER BY identity, id",
            |row| {
                Ok(Known {
                    id: row.get(0)?,
                    identity: row.get(1)?,
                    external: row.get(2)?,
                    first_seen: Timestamp(row.get(3)?),
                    last_seen: Timestamp(row.get(4)?),
                    values: BTreeMap::new(),
                })
            },
        )?;
        let places: BTreeMap<String, usize> =
            assets.iter().enumerate().map(|(at, asset)| (asset.id.clone(), at)).collect();
        let values = self.rows(
            "SELECT asset, name, value, confidence, shown FROM value ORDER BY asset, name, rank",
            |row| {
                let value = Value {
                    value: row.get(2)?,
                    confidence: row.get(3)?,
                    shown: row.get(4)?,
                    reasons: Vec::new(),
                };
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, value))
            },
        )?;
        for (id, name, value) in values {
            if let Some(asset) = places.get(&id).and_then(|at| assets.get_mut(*at)) {
                asset.values.entry(name).or_default().push(value);
            }
        }
        let reasons = self.rows(
            "SELECT asset, reason.name, rank, signature, key, value, confidence, capture.name,
                    frame, first_seen, last_seen
             FROM reason LEFT JOIN capture ON capture.id = reason.capture
             ORDER BY asset, reason.name, rank, number",
            |row| {
                let why = Why {
                    signature: row.get(3)?,
                    key: row.get(4)?,
                    value: row.get(5)?,
                    confidence: row.get(6)?,
                    capture: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                    frame: row.get::<_, i64>(8)?.unsigned_abs(),
                    first_seen: Timestamp(row.get(9)?),
                    last_seen: Timestamp(row.get(10)?),
                };
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, why))
            },
        )?;
        drop(snapshot);
        for (id, name, rank, why) in reasons {
            let place = places.get(&id).and_then(|at| assets.get_mut(*at));
            let rank = usize::try_from(rank).unwrap_or(usize::MAX);
            let value = place
                .and_then(|asset| asset.values.get_mut(&name))
                .and_then(|values| values.get_mut(rank));
            if let Some(value) = value {
                value.reasons.push(why);
            }
        }
        Ok(assets)
    }

    /// What was read into the inventory, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn captures(&self) -> Result<Vec<Capture>, Error> {
        let mut captures = self.rows("SELECT name FROM capture ORDER BY id", |row| {
            Ok(Capture { name: row.get(0)?, counters: BTreeMap::new() })
        })?;
        let counters = self.rows("SELECT capture, name, value FROM counter", |row| {
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
