//! What changed in the knowledge, and when: an append-only log.
//!
//! A device that appears, that turns out to be a part of another, that is called
//! otherwise or sits elsewhere: all of it stays, whatever is believed later.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Params, Transaction, params};

use super::record::Attribute;
use super::risk::{FINDING, FINDINGS};
use super::{Error, Inventory};
use crate::census::asset::AssetId;
use crate::time::Timestamp;

/// Attributes of which each change is kept.
const WATCHED: &[&str] = &[
    "address_conflicts",
    "ae_titles",
    "device_class",
    "hostname",
    "ip_addresses",
    "joined",
    "mac_addresses",
    "manufacturer",
    "model",
    "os_build",
    "os_name",
    "os_supported",
    "os_version",
    "risk_level",
    "serial_number",
    "software_version",
    "switch",
    "switch_port",
];

/// Changes kept: at 100 a minute for two weeks, at a hospital's pace for years. A flood
/// of invented devices pushes the oldest out and grows no further.
const MAX_CHANGES: i64 = 2_000_000;

/// One change of what is known of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The last packet that was known of it then.
    pub at: Timestamp,
    /// The asset's id.
    pub asset: String,
    /// `appeared`, `gone` (`after` names what it is a part of now), or the attribute.
    pub what: String,
    /// The values until then, joined by `; `.
    pub before: String,
    /// The values from then on.
    pub after: String,
}

/// Appends changes in one transaction.
pub(super) struct Log<'t> {
    transaction: &'t Transaction<'t>,
    /// The first load of an inventory is no news.
    silent: bool,
    appended: bool,
}

impl<'t> Log<'t> {
    pub(super) const fn new(transaction: &'t Transaction<'t>, silent: bool) -> Self {
        Self { transaction, silent, appended: false }
    }

    /// A new one, as it is recognised.
    pub(super) fn appeared(
        &mut self,
        at: Timestamp,
        id: AssetId,
        identity: &str,
    ) -> rusqlite::Result<()> {
        if self.silent { Ok(()) } else { self.append(at, id, "appeared", "", identity) }
    }

    /// One that is no more, as it was recognised; what it is a part of now.
    pub(super) fn gone(
        &mut self,
        at: Timestamp,
        id: AssetId,
        into: Option<AssetId>,
    ) -> rusqlite::Result<()> {
        let into = into.map(|into| into.to_string()).unwrap_or_default();
        self.append(at, id, "gone", "", &into)
    }

    /// What is known otherwise than before.
    pub(super) fn changed(
        &mut self,
        at: Timestamp,
        id: AssetId,
        before: &[Attribute<'_>],
        after: &[Attribute<'_>],
    ) -> rusqlite::Result<()> {
        for what in WATCHED {
            let (before, after) = (shown(before, what), shown(after, what));
            if before != after {
                self.append(at, id, what, &before, &after)?;
            }
        }
        let (before, after) = (findings(before), findings(after));
        let rules: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for rule in rules {
            let [before, after] = [&before, &after].map(|all| all.get(rule).unwrap_or(&""));
            if before != after {
                self.append(at, id, &format!("{FINDING}{rule}"), before, after)?;
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        at: Timestamp,
        id: AssetId,
        what: &str,
        before: &str,
        after: &str,
    ) -> rusqlite::Result<()> {
        self.appended = true;
        let sql = "INSERT INTO change (at, asset, what, before, after) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.transaction.prepare_cached(sql)?;
        insert.execute(params![at.0, id.to_string(), what, before, after]).map(|_| ())
    }

    /// Lets go of the oldest where there are too many.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        if self.appended {
            let sql = "DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ?1";
            self.transaction.prepare_cached(sql)?.execute([MAX_CHANGES])?;
        }
        Ok(())
    }
}

/// The shown values of an attribute; their order says nothing.
fn shown(all: &[Attribute<'_>], name: &str) -> String {
    let values = all.iter().filter(|attribute| attribute.name == name).flat_map(|it| &it.values);
    let mut values: Vec<&str> = values.filter(|it| it.shown).map(|it| &*it.value).collect();
    values.sort_unstable();
    values.join("; ")
}

/// Rules that are met, with how bad that is.
fn findings<'a>(all: &'a [Attribute<'_>]) -> BTreeMap<&'a str, &'a str> {
    let values =
        all.iter().filter(|attribute| attribute.name == FINDINGS).flat_map(|it| &it.values);
    values.filter_map(|it| it.value.split_once(' ')).collect()
}

impl Inventory {
    /// What changed of an asset, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn history(&self, id: &str) -> Result<Vec<Change>, Error> {
        self.changes("WHERE asset = ?1 ORDER BY id", [id])
    }

    pub(super) fn changes(&self, of: &str, with: impl Params) -> Result<Vec<Change>, Error> {
        let sql = format!("SELECT at, asset, what, before, after FROM change {of}");
        self.rows(&sql, with, |row| {
            Ok(Change {
                at: Timestamp(row.get(0)?),
                asset: row.get(1)?,
                what: row.get(2)?,
                before: row.get(3)?,
                after: row.get(4)?,
            })
        })
    }
}
