//! What views ask of the inventory; read-only, and never of SQL.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use rusqlite::{Connection, Params, Row};

use super::activity::Activity;
use super::record::{self, Attribute, Unreadable};
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
    /// What it did since it is known, where it is seen on a link.
    pub activity: Option<Activity>,
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
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

impl Inventory {
    /// Opens an inventory that exists.
    ///
    /// # Errors
    /// There is none, or it is no inventory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), connection: open_reader(path)? })
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

    /// All assets, in the order of their identities.
    ///
    /// # Errors
    /// The inventory cannot be read, or a newer program wrote it.
    pub fn assets(&self) -> Result<Vec<Known>, Error> {
        self.known(None)
    }

    /// As [`Self::assets`], but only the shown values of these attributes, without reasons
    /// and without activity: for lists of many.
    ///
    /// # Errors
    /// The inventory cannot be read, or a newer program wrote it.
    pub fn assets_with(&self, attributes: &[&str]) -> Result<Vec<Known>, Error> {
        self.known(Some(attributes))
    }

    fn known(&self, wanted: Option<&[&str]>) -> Result<Vec<Known>, Error> {
        // One snapshot for all queries, whatever the writer does meanwhile.
        let snapshot = self
            .connection
            .unchecked_transaction()
            .map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        let mut places: HashMap<i64, usize, RandomState> = HashMap::default();
        let mut assets = self.rows(
            "SELECT number, id, identity, external, first_seen, last_seen FROM asset
             ORDER BY identity, id",
            [],
            |row| {
                places.insert(row.get(0)?, places.len());
                Ok(Known {
                    id: row.get(1)?,
                    identity: row.get(2)?,
                    external: row.get(3)?,
                    first_seen: Timestamp(row.get(4)?),
                    last_seen: Timestamp(row.get(5)?),
                    values: BTreeMap::new(),
                    activity: None,
                })
            },
        )?;
        let captures = self.rows("SELECT id, name FROM capture", [], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?))
        })?;
        let captures: BTreeMap<u32, String> = captures.into_iter().collect();
        let known = self.rows("SELECT asset, attributes FROM known", [], |row| {
            let place = places.get(&row.get(0)?);
            let Some(asset) = place.and_then(|at| assets.get_mut(*at)) else { return Ok(Ok(())) };
            let blob = row.get_ref(1)?.as_blob()?;
            Ok(values(blob, &captures, wanted).map(|values| asset.values = values))
        })?;
        let mut activity = match wanted {
            None => self.activity(None)?,
            Some(_) => HashMap::default(),
        };
        drop(snapshot);
        for asset in &mut assets {
            asset.activity = activity.remove(&asset.id);
        }
        known
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(|error| Error::new(&self.path, Fault::Row(error)))?;
        Ok(assets)
    }

    /// What was read into the inventory, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn captures(&self) -> Result<Vec<Capture>, Error> {
        let mut captures = self.rows("SELECT name FROM capture ORDER BY id", [], |row| {
            Ok(Capture { name: row.get(0)?, counters: BTreeMap::new() })
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

/// The values of one asset by attribute.
fn values(
    blob: &[u8],
    captures: &BTreeMap<u32, String>,
    wanted: Option<&[&str]>,
) -> Result<BTreeMap<String, Vec<Value>>, Unreadable> {
    let mut attributes: Vec<Attribute<'_>> = record::only(blob)?;
    if let Some(wanted) = wanted {
        attributes.retain(|attribute| wanted.contains(&&*attribute.name));
        for attribute in &mut attributes {
            attribute.values.retain(|value| value.shown);
            attribute.values.iter_mut().for_each(|value| value.reasons.clear());
        }
    }
    let value = |it: record::ValueOf<'_>| Value {
        value: it.value.into_owned(),
        confidence: f64::from(it.confidence),
        shown: it.shown,
        reasons: it.reasons.iter().map(|why| reason(why, captures)).collect(),
    };
    let named = attributes.into_iter().map(|attribute| {
        (attribute.name.into_owned(), attribute.values.into_iter().map(value).collect())
    });
    Ok(named.collect())
}

fn reason(why: &record::ReasonOf<'_>, captures: &BTreeMap<u32, String>) -> Why {
    Why {
        signature: why.signature.to_owned(),
        key: why.key.to_owned(),
        value: why.value.to_owned(),
        confidence: f64::from(why.confidence),
        capture: captures.get(&why.capture).cloned().unwrap_or_default(),
        frame: why.frame,
        first_seen: why.first_seen,
    }
}
