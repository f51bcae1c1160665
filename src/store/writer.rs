//! The one writer: memory in batches as it changes, knowledge as a whole.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use super::{Error, Fault, open_writer};
use crate::census::asset::Asset;
use crate::census::signature::Book;
use crate::census::{Census, Host};
use crate::net::HostId;
use crate::observe::Role;

/// Writes one inventory.
pub struct Writer {
    path: PathBuf,
    connection: Connection,
    /// Held as long as this writes: two writers would each undo the other's work. Its
    /// place after the connection matters: closing any handle of the file would let go
    /// of SQLite's own locks.
    _alone: File,
}

impl Writer {
    /// Opens or creates the inventory.
    ///
    /// # Errors
    /// The path cannot be written, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // By its real name: SQLite makes the file, so it must exist before it is locked.
        let connection = open_writer(path)?;
        let open = |error| Error::new(path, Fault::Lock(error));
        let alone = File::open(path).map_err(open)?;
        match alone.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), connection, _alone: alone }),
            Err(TryLockError::WouldBlock) => Err(Error::new(path, Fault::Busy)),
            Err(TryLockError::Error(error)) => Err(open(error)),
        }
    }

    /// The census as it was when it was last written.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn restore(&self, book: Arc<Book>) -> Result<Census, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let row = |error| Error::new(&self.path, Fault::Row(error));
        let mut census = Census::new(book);
        let mut captures =
            self.connection.prepare("SELECT name FROM capture ORDER BY id").map_err(read)?;
        for name in captures.query_map([], |r| r.get::<_, String>(0)).map_err(read)? {
            census.capture(&name.map_err(read)?);
        }
        let mut hosts = self.connection.prepare("SELECT id, said FROM host").map_err(read)?;
        let rows = hosts
            .query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))
            .map_err(read)?;
        for found in rows {
            let (id, said) = found.map_err(read)?;
            let id: HostId = serde_json::from_str(&id).map_err(row)?;
            let host: Host = serde_json::from_str(&said).map_err(row)?;
            census.restore(id, host);
        }
        Ok(census)
    }

    /// Writes what changed of the memory and all of the knowledge, in one transaction:
    /// all of it is there afterwards, or what was there before.
    ///
    /// # Errors
    /// Disk full, or the inventory cannot be written.
    pub fn write(
        &mut self,
        census: &mut Census,
        counters: &BTreeMap<(u32, String), u64>,
    ) -> Result<(), Error> {
        let path = self.path.clone();
        let row = |error| Error::new(&path, Fault::Row(error));
        let mut hosts = Vec::new();
        for (id, host) in census.changed() {
            let id = serde_json::to_string(id).map_err(row)?;
            hosts.push((id, serde_json::to_string(host).map_err(row)?));
        }
        // In the order of the table, so that each row is appended.
        hosts.sort_unstable();
        let assets = census.assets();
        let done = (|| {
            let transaction = self.connection.transaction()?;
            for (at, name) in census.captures().iter().enumerate() {
                let at = i64::try_from(at).unwrap_or(i64::MAX);
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO capture VALUES (?1, ?2)")?
                    .execute(params![at, name])?;
            }
            for (id, said) in &hosts {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO host VALUES (?1, ?2)")?
                    .execute(params![id, said])?;
            }
            transaction
                .execute_batch("DELETE FROM reason; DELETE FROM value; DELETE FROM asset;")?;
            for asset in &assets {
                write_asset(&transaction, asset)?;
            }
            for ((capture, name), value) in counters {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO counter VALUES (?1, ?2, ?3)")?
                    .execute(params![capture, name, i64::try_from(*value).unwrap_or(i64::MAX)])?;
            }
            transaction.commit()
        })();
        done.map_err(|error| {
            census.mark_all();
            Error::write(&self.path, error)
        })
    }

    /// Folds the write-ahead log into the file, so that the file alone is the inventory
    /// and can be read where nothing can be written. Everything is safe before: where a
    /// reader is at it, or the disk is full, the log stays beside the file.
    pub fn close(self) {
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
        let _ = self.connection.execute_batch("PRAGMA journal_mode = DELETE;");
    }
}

fn write_asset(transaction: &Transaction<'_>, asset: &Asset) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT INTO asset VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            asset.id,
            asset.identity.to_string(),
            asset.external,
            asset.span.first.0,
            asset.span.last.0,
        ],
    )?;
    let mut value =
        transaction.prepare_cached("INSERT INTO value VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut reason = transaction.prepare_cached(
        "INSERT INTO reason VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for (name, candidates) in &asset.attributes {
        let shown = asset.shown(name);
        for (rank, candidate) in (0_i64..).zip(candidates) {
            let is_shown = shown.iter().any(|c| std::ptr::eq(*c, candidate));
            value.execute(params![
                asset.id,
                name,
                rank,
                candidate.value,
                f64::from(candidate.confidence),
                is_shown
            ])?;
            for (number, why) in (0_i64..).zip(&candidate.reasons).take(MAX_REASONS) {
                reason.execute(params![
                    asset.id,
                    name,
                    rank,
                    number,
                    why.signature,
                    why.key,
                    why.value,
                    f64::from(why.confidence),
                    why.said.evidence.capture,
                    i64::try_from(why.said.evidence.frame).unwrap_or(i64::MAX),
                    why.said.span.first.0,
                    why.said.span.last.0,
                ])?;
            }
        }
    }
    for (name, values) in places(asset) {
        for (rank, text) in (0_i64..).zip(values) {
            value.execute(params![asset.id, name, rank, text, 1.0, true])?;
        }
    }
    Ok(())
}

/// Reasons kept of one value; a hundred agreeing frames say no more than the best.
const MAX_REASONS: usize = 16;
/// Services and peers listed of one asset.
const MAX_LISTED: usize = 64;

/// Addresses, places, services and peers as values.
fn places(asset: &Asset) -> Vec<(&'static str, Vec<String>)> {
    let text = |items: &mut dyn Iterator<Item = String>| items.take(MAX_LISTED).collect::<Vec<_>>();
    let mut services: Vec<String> = asset
        .services
        .keys()
        .map(|(transport, port, name, role)| match (name.as_str(), role) {
            ("", Role::Server) => format!("{transport}/{port}"),
            ("", Role::Client) => String::new(),
            (name, Role::Server) => format!("{name} {transport}/{port}"),
            (name, Role::Client) => format!("{name} client"),
        })
        .filter(|s| !s.is_empty())
        .collect();
    services.sort();
    services.dedup();
    services.truncate(MAX_LISTED);
    let speaks = |wanted: &[&str]| {
        asset.services.keys().any(|(_, _, name, _)| wanted.contains(&name.as_str()))
    };
    let clear = speaks(&["dicom", "hl7"]);
    vec![
        ("mac_addresses", text(&mut asset.macs.iter().map(ToString::to_string))),
        (
            "mac_vendor",
            text(
                &mut asset
                    .macs
                    .iter()
                    .filter_map(|m| crate::census::signature::oui::vendor(*m).map(str::to_owned)),
            ),
        ),
        ("ip_addresses", text(&mut asset.ips.iter().map(ToString::to_string))),
        ("ip_assignment", text(&mut asset.assignment.iter().map(ToString::to_string))),
        (
            "vlans",
            text(&mut asset.segments.iter().map(ToString::to_string).filter(|s| !s.is_empty())),
        ),
        ("switch", text(&mut asset.attached.iter().map(|(s, ..)| s.clone()))),
        ("switch_port", text(&mut asset.attached.iter().map(|(_, p, _)| p.clone()))),
        ("services", services),
        ("peers", text(&mut asset.peers.iter().cloned())),
        ("seen_through", text(&mut asset.seen_through.iter().cloned())),
        ("handles_phi", clear.then(|| "yes".to_owned()).into_iter().collect()),
        ("phi_in_clear", clear.then(|| "yes".to_owned()).into_iter().collect()),
    ]
}
