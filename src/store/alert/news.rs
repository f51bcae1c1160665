//! One thing to be told, and of whom.

use rusqlite::{Connection, OptionalExtension};

use super::{Kind, Severity};
use crate::store::record::{self, Attribute, ValueOf};
use crate::store::writer::Failure;
use crate::time::Timestamp;

/// Longest text of one field, in characters.
const LONGEST: usize = 256;

/// What says best what a device is.
const LABEL: [&str; 4] = ["device_class", "manufacturer", "model", "hostname"];

/// Of whom something is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Device {
    /// Id of the asset.
    pub(super) asset: String,
    /// What it is called.
    pub(super) label: String,
    /// Its first address.
    pub(super) address: String,
    /// Its first MAC.
    pub(super) mac: String,
    /// `medical`, `network` …; empty when unknown.
    pub(super) category: String,
    /// Someone on the Internet.
    pub(super) external: bool,
}

impl Device {
    /// As everything known of it says.
    pub(super) fn new(asset: String, external: bool, known: &[Attribute<'_>]) -> Self {
        let first = |name| shown(known, name).next().map(|it| short(&it.value));
        let label: Vec<_> = LABEL.into_iter().filter_map(first).collect();
        Self {
            asset,
            label: short(&label.join(" · ")),
            address: first("ip_addresses").unwrap_or_default(),
            mac: first("mac_addresses").unwrap_or_default(),
            category: first("device_category").unwrap_or_default(),
            external,
        }
    }

    /// Of an asset as it is stored.
    pub(super) fn stored(connection: &Connection, number: i64) -> Result<Option<Self>, Failure> {
        let sql = "SELECT id, external, attributes FROM asset JOIN known ON asset = number
                   WHERE number = ?1";
        let row = connection
            .prepare_cached(sql)?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)));
        let Some((id, external, blob)) = row.optional()? else { return Ok(None) };
        // Of a damaged row only who it is can be said.
        let known: Vec<Attribute<'_>> = record::only(&blob).unwrap_or_default();
        Ok(Some(Self::new(id, external, &known)))
    }

    pub(super) fn is_medical(&self) -> bool {
        self.category == "medical"
    }

    /// For a sentence: what it is called, or its address.
    pub(super) fn name(&self) -> String {
        let name = [&self.label, &self.address, &self.mac].into_iter().find(|it| !it.is_empty());
        name.map_or_else(|| self.asset.clone(), |name| format!("{} ({name})", self.asset))
    }
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    pub(super) of: Device,
    pub(super) subject: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) summary: String,
    pub(super) evidence: String,
    pub(super) resolves: Option<i64>,
}

impl News {
    pub(super) fn new(kind: Kind, severity: Severity, at: Timestamp) -> Self {
        Self {
            at,
            kind,
            severity,
            of: Device::default(),
            subject: String::new(),
            before: String::new(),
            after: String::new(),
            summary: String::new(),
            evidence: String::new(),
            resolves: None,
        }
    }
}

/// The shown values of an attribute.
pub(super) fn shown<'k>(
    known: &'k [Attribute<'_>],
    name: &str,
) -> impl Iterator<Item = &'k ValueOf<'k>> {
    let found = known.iter().find(|attribute| attribute.name == name);
    found.into_iter().flat_map(|it| &it.values).filter(|value| value.shown)
}

/// Not longer than a field may be.
pub(super) fn short(text: &str) -> String {
    cut(text, LONGEST)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => text.chars().take(longest.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Who says a value: the fact, its frame, the signature.
pub(super) fn evidence(value: &ValueOf<'_>, captures: &[String]) -> String {
    let Some(why) = value.reasons.first() else { return String::new() };
    let capture = usize::try_from(why.capture).ok().and_then(|at| captures.get(at));
    let place = match (why.frame, capture) {
        (0, _) | (_, None) => String::new(),
        (frame, Some(capture)) => format!(" {capture}#{frame}"),
    };
    cut(&format!("{}={} [{}]{place}", why.key, why.value, why.signature), 2 * LONGEST)
}
