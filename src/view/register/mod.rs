//! The asset register: one row an asset, the columns of the contract, as CSV or JSON.

mod cell;

use std::io::{self, Write};

use super::activity;
use crate::store::{Inventory, Known};

pub use cell::neutral;

/// The columns, in the order that other programs rely on.
pub const COLUMNS: &[&str] = &[
    "asset_id",
    "status",
    "first_seen",
    "last_seen",
    "device_category",
    "device_class",
    "modality",
    "manufacturer",
    "model",
    "serial_number",
    "software_version",
    "os_name",
    "os_version",
    "os_build",
    "os_support_end",
    "os_supported",
    "hostname",
    "ae_titles",
    "station_name",
    "department",
    "mac_addresses",
    "mac_vendor",
    "ip_addresses",
    "ip_assignment",
    "vlans",
    "switch",
    "switch_port",
    "services",
    "peers",
    "handles_phi",
    "phi_in_clear",
    "remote_access",
    "vpn",
    "last_user",
    "risk_score",
    "risk_level",
    "risk_reasons",
    "observed_hours",
    "online_hours",
    "online_percent",
    "in_use_hours",
    "utilization_percent",
    "examinations",
    "confidence",
    "evidence",
];

/// Attributes that say what a device is: their confidence is the row's.
const NAMING: &[&str] = &["device_class", "manufacturer", "model", "os_name", "hostname"];

/// Which assets are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Hosts on the Internet too.
    pub external: bool,
    /// Only this category.
    pub category: Option<String>,
    /// Only this class.
    pub class: Option<String>,
}

impl Filter {
    fn lets(&self, asset: &Known) -> bool {
        let is = |name: &str, wanted: &Option<String>| match wanted {
            None => true,
            Some(wanted) => asset.first(name).unwrap_or("unknown") == wanted,
        };
        (self.external || !asset.external)
            && is("device_category", &self.category)
            && is("device_class", &self.class)
    }
}

/// The register could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inventory cannot be read.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The output cannot be written.
    #[error("cannot write the register: {0}")]
    Output(#[from] io::Error),
}

/// Writes CSV (quoted as RFC 4180 says, a line feed after each row) with the header of
/// [`COLUMNS`].
///
/// # Errors
/// The inventory or the output.
pub fn csv(inventory: &Inventory, filter: &Filter, to: impl Write) -> Result<(), Error> {
    // Asked for first: half a register is worse than none.
    let assets = inventory.assets()?;
    let mut writer = csv::Writer::from_writer(to);
    let output = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::Output(error),
        other => Error::Output(io::Error::other(format!("{other:?}"))),
    };
    writer.write_record(COLUMNS).map_err(output)?;
    for asset in assets.iter().filter(|asset| filter.lets(asset)) {
        let row = COLUMNS.iter().map(|column| neutral(cell(asset, column)));
        writer.write_record(row).map_err(output)?;
    }
    writer.flush().map_err(Error::Output)
}

/// Writes an array of objects whose keys are [`COLUMNS`].
///
/// # Errors
/// The inventory or the output.
pub fn json(inventory: &Inventory, filter: &Filter, mut to: impl Write) -> Result<(), Error> {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = inventory
        .assets()?
        .iter()
        .filter(|asset| filter.lets(asset))
        .map(|asset| COLUMNS.iter().map(|c| ((*c).to_owned(), cell(asset, c).into())).collect())
        .collect();
    serde_json::to_writer_pretty(&mut to, &rows).map_err(|error| Error::Output(error.into()))?;
    Ok(writeln!(to)?)
}

/// One cell, as it is; unknown is empty.
#[must_use]
pub fn cell(asset: &Known, column: &str) -> String {
    match column {
        "asset_id" => asset.id.clone(),
        "status" => status(asset).to_owned(),
        "first_seen" => asset.first_seen.rfc3339(),
        "last_seen" => asset.last_seen.rfc3339(),
        "device_category" => asset.first(column).unwrap_or("unknown").to_owned(),
        "confidence" => confidence(asset).map(|c| format!("{c:.2}")).unwrap_or_default(),
        "evidence" => evidence(asset),
        column => activity::cell(asset.activity.as_ref(), column)
            .unwrap_or_else(|| joined(asset.shown(column).map(|value| value.value.as_str()))),
    }
}

/// `seen`: it spoke itself. `described`: only others speak of it. `external`: a
/// public address behind a router.
fn status(asset: &Known) -> &'static str {
    match asset {
        asset if asset.external => "external",
        asset if asset.identity.starts_with("equipment:") => "described",
        _ => "seen",
    }
}

/// Several values in one cell; what separates them cannot stand inside them.
fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.map(|v| v.replace("; ", ", ")).collect::<Vec<_>>().join("; ")
}

fn confidence(asset: &Known) -> Option<f64> {
    NAMING
        .iter()
        .filter_map(|name| asset.shown(name).next())
        .map(|value| value.confidence)
        .reduce(f64::max)
}

/// For every shown value that a signature made: the fact, its frame and the signature.
fn evidence(asset: &Known) -> String {
    let mut lines = Vec::new();
    for name in COLUMNS {
        for value in asset.shown(name) {
            let Some(why) = value.reasons.first() else { continue };
            let place = match why.frame {
                0 => String::new(),
                frame => format!(" {}#{frame}", why.capture),
            };
            lines.push(format!(
                "{name}={:.2}: {}={} [{}]{place}",
                value.confidence,
                why.key,
                why.value.replace("; ", ", "),
                why.signature
            ));
        }
    }
    lines.extend(asset.activity.iter().flat_map(activity::evidence));
    lines.join("; ")
}
