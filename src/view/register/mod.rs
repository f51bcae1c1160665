//! The asset register: one row an asset, the columns of the contract, as CSV or JSON.

mod cell;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::activity;
use super::json::{Array, Objects};
use crate::store::{Inventory, Known, Value};

pub use cell::{field, neutral};

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
    fn lets(&self, asset: &Known<'_>) -> bool {
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
pub fn csv(inventory: &Inventory, filter: &Filter, mut to: impl Write) -> Result<(), Error> {
    let mut head = csv::Writer::from_writer(&mut to);
    // Asked for first: where the inventory cannot be read there is no register. An asset
    // whose row is damaged has none in it, and nothing is told that would need such a row.
    let shelf = inventory.shelf(true)?;
    let parts = shelf.parts(COLUMNS, |known| -> csv::Result<Vec<u8>> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let mut text = String::new();
        for asset in known.iter().filter(|asset| filter.lets(asset)) {
            let of = columns(asset);
            for (column, values) in COLUMNS.iter().zip(of) {
                text.clear();
                put(&mut text, asset, column, values, &of);
                rows.write_field(neutral(&text).as_bytes())?;
            }
            rows.write_record(None::<&[u8]>)?;
        }
        rows.into_inner().map_err(|error| error.into_error().into())
    });
    head.write_record(COLUMNS).and_then(|()| Ok(head.flush()?)).map_err(output)?;
    drop(head);
    for part in parts {
        to.write_all(&part.map_err(output)?)?;
    }
    Ok(to.flush()?)
}

fn output(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::Output(error),
        other => Error::Output(io::Error::other(format!("{other:?}"))),
    }
}

/// Writes an array of objects whose keys are [`COLUMNS`].
///
/// # Errors
/// The inventory or the output.
pub fn json(inventory: &Inventory, filter: &Filter, to: impl Write) -> Result<(), Error> {
    let shelf = inventory.shelf(true)?;
    let parts = shelf.parts(COLUMNS, |known| -> io::Result<Vec<u8>> {
        let mut objects = Objects::default();
        let mut text = String::new();
        for asset in known.iter().filter(|asset| filter.lets(asset)) {
            let of = columns(asset);
            objects.begin();
            for (column, values) in COLUMNS.iter().zip(of) {
                text.clear();
                put(&mut text, asset, column, values, &of);
                objects.text(column, &text)?;
            }
            objects.end();
        }
        Ok(objects.done())
    });
    let mut array = Array::new(to);
    parts.into_iter().try_for_each(|part| array.add(&part?))?;
    Ok(array.end()?)
}

/// The values of each column, where an attribute has its name.
type Of<'k> = [&'k [Value<'k>]; COLUMNS.len()];

fn columns<'k>(asset: &'k Known<'k>) -> Of<'k> {
    /// Where each column is, by name.
    static PLACES: LazyLock<HashMap<&str, usize, RandomState>> =
        LazyLock::new(|| COLUMNS.iter().copied().zip(0..).collect());
    let mut of: Of<'k> = [&[]; COLUMNS.len()];
    for (name, values) in &asset.values {
        let place = PLACES.get(&**name).and_then(|at| of.get_mut(*at));
        place.into_iter().for_each(|it| *it = values);
    }
    of
}

/// One cell, as it is; unknown is empty.
#[must_use]
pub fn cell(asset: &Known<'_>, column: &str) -> String {
    let mut text = String::new();
    // Only the evidence is that of all.
    let of: Of<'_> = if column == "evidence" { columns(asset) } else { [&[]; _] };
    put(&mut text, asset, column, asset.all(column), &of);
    text
}

/// Writes one cell, as it is.
fn put(to: &mut String, asset: &Known<'_>, column: &str, values: &[Value<'_>], of: &Of<'_>) {
    match column {
        "asset_id" => to.push_str(&asset.id),
        "status" => to.push_str(status(asset)),
        "first_seen" => to.push_str(&asset.first_seen.rfc3339()),
        "last_seen" => to.push_str(&asset.last_seen.rfc3339()),
        "device_category" => to.push_str(asset.first(column).unwrap_or("unknown")),
        "confidence" => {
            if let Some(sure) = confidence(asset) {
                let _ = write!(to, "{sure:.2}");
            }
        }
        "evidence" => evidence(to, asset, of),
        column => match activity::cell(asset.activity.as_ref(), column) {
            Some(text) => to.push_str(&text),
            None => {
                for (n, value) in values.iter().filter(|value| value.shown).enumerate() {
                    separate(to, n);
                    unparted(to, &value.value);
                }
            }
        },
    }
}

/// `seen`: it spoke itself. `described`: only others speak of it. `external`: a
/// public address behind a router.
fn status(asset: &Known<'_>) -> &'static str {
    match asset {
        asset if asset.external => "external",
        asset if asset.identity.starts_with("equipment:") => "described",
        _ => "seen",
    }
}

/// Before a value of a cell that is not its first.
fn separate(to: &mut String, before: usize) {
    if before > 0 {
        to.push_str("; ");
    }
}

/// What separates values cannot stand inside one.
fn unparted(to: &mut String, value: &str) {
    for (n, part) in value.split("; ").enumerate() {
        if n > 0 {
            to.push_str(", ");
        }
        to.push_str(part);
    }
}

fn confidence(asset: &Known<'_>) -> Option<f64> {
    NAMING
        .iter()
        .filter_map(|name| asset.shown(name).next())
        .map(|value| value.confidence)
        .reduce(f64::max)
}

/// For every shown value that a signature made: the fact, its frame and the signature.
fn evidence(to: &mut String, asset: &Known<'_>, of: &Of<'_>) {
    let mut lines = 0..;
    let mut next = |to: &mut String| separate(to, lines.next().unwrap_or(1));
    for (name, values) in COLUMNS.iter().zip(of) {
        for value in values.iter().filter(|value| value.shown) {
            let Some(why) = value.reasons.first() else { continue };
            next(to);
            let _ = write!(to, "{name}={:.2}: {}=", value.confidence, why.key);
            unparted(to, &why.value);
            let _ = write!(to, " [{}]", why.signature);
            if why.frame > 0 {
                let _ = write!(to, " {}#{}", why.capture, why.frame);
            }
        }
    }
    for line in asset.activity.iter().flat_map(activity::evidence) {
        next(to);
        to.push_str(&line);
    }
}
