//! Everything known of one asset, each value with who says so: `auscult show`.

use std::fmt::Write as _;

use crate::store::{Change, Known, Value};

/// Losing candidates listed of one attribute.
const MAX_LOSING: usize = 5;
/// Changes listed of one asset.
const MAX_CHANGES: usize = 50;
/// Reasons listed of one value.
const MAX_REASONS: usize = 4;

/// The attributes by which [`find`] knows an asset, beside its id.
pub const NAMES: &[&str] =
    &["mac_addresses", "ip_addresses", "hostname", "ae_titles", "serial_number", "station_name"];

/// The asset that a user means by an id, a MAC, an IP address, a hostname, an AE title
/// or a serial number; several when it is not clear.
#[must_use]
pub fn find<'a>(assets: &'a [Known<'a>], wanted: &str) -> Vec<&'a Known<'a>> {
    let wanted = wanted.trim();
    let mac = wanted.replace(['-', '.', ':'], "").to_lowercase();
    let is_mac = mac.len() == 12 && mac.bytes().all(|b| b.is_ascii_hexdigit());
    let exact: Vec<_> =
        assets.iter().filter(|asset| asset.id.eq_ignore_ascii_case(wanted)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let has = |asset: &&Known<'_>| {
        if is_mac && asset.shown("mac_addresses").any(|v| v.value.replace(':', "") == mac) {
            return true;
        }
        NAMES.iter().any(|n| asset.shown(n).any(|v| v.value.eq_ignore_ascii_case(wanted)))
    };
    assets.iter().filter(has).collect()
}

/// The dossier as text, one value a line, its reasons indented below.
#[must_use]
pub fn text(asset: &Known<'_>) -> String {
    let mut page = String::new();
    let title = ["manufacturer", "model", "device_class", "hostname"]
        .iter()
        .filter_map(|name| asset.first(name))
        .collect::<Vec<_>>()
        .join(" · ");
    let _ = writeln!(page, "{}  {title}", asset.id);
    let _ = writeln!(page, "  recognised by  {}", asset.identity);
    let _ = writeln!(
        page,
        "  seen           {} to {}",
        asset.first_seen.rfc3339(),
        asset.last_seen.rfc3339()
    );
    for (name, values) in &asset.values {
        let (shown, losing): (Vec<_>, Vec<_>) = values.iter().partition(|value| value.shown);
        if shown.iter().all(|value| value.reasons.is_empty()) {
            if !shown.is_empty() {
                let list: Vec<_> = shown.iter().map(|value| &*value.value).collect();
                let _ = writeln!(page, "{name}: {}", list.join("; "));
            }
            continue;
        }
        for value in shown {
            line(&mut page, name, value, "");
        }
        for value in losing.into_iter().take(MAX_LOSING) {
            line(&mut page, name, value, "  not shown: ");
        }
    }
    page
}

/// What changed of an asset, a line each, the last first.
#[must_use]
pub fn history(changes: &[Change]) -> String {
    let mut page = String::new();
    for it in changes.iter().rev().take(MAX_CHANGES) {
        let at = it.at.rfc3339();
        let _ = match (it.what.as_str(), it.before.as_str(), it.after.as_str()) {
            ("appeared", _, identity) => writeln!(page, "  {at}  appeared as {identity}"),
            ("gone", _, "") => writeln!(page, "  {at}  was no device any more"),
            ("gone", _, into) => writeln!(page, "  {at}  turned out to be {into}"),
            (what, "", after) => writeln!(page, "  {at}  {what}: {after}"),
            (what, before, "") => writeln!(page, "  {at}  {what}: no longer {before}"),
            (what, before, after) => writeln!(page, "  {at}  {what}: {before} -> {after}"),
        };
    }
    if !page.is_empty() {
        page.insert_str(0, "history:\n");
    }
    page
}

fn line(page: &mut String, name: &str, value: &Value<'_>, mark: &str) {
    let _ = writeln!(page, "{mark}{name}: {}  ({:.2})", value.value, value.confidence);
    for why in value.reasons.iter().take(MAX_REASONS) {
        let place = match why.frame {
            0 if why.key == "mac.oui" => "registry of addresses".to_owned(),
            0 => "no single frame".to_owned(),
            frame => format!("{} frame {frame}", why.capture),
        };
        let _ = writeln!(
            page,
            "    {place} ▸ {}={} ▸ {} ({:.2})",
            why.key, why.value, why.signature, why.confidence
        );
    }
    if value.reasons.len() > MAX_REASONS {
        let _ = writeln!(page, "    and {} more", value.reasons.len() - MAX_REASONS);
    }
}
