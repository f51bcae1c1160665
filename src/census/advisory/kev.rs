//! CISA's list of known exploited vulnerabilities, as JSON or CSV.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::csaf::Maybe;
use super::set::{Exploited, field, is_day, is_id};

/// Largest list. It has grown to a tenth of it in four years.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Most entries.
const MAX_ENTRIES: usize = 100_000;

/// The entries by CVE, and the day of the list; empty where it is not said.
#[derive(Debug)]
pub(super) struct List {
    /// `2025-08-25`.
    pub(super) day: String,
    /// By CVE.
    pub(super) entries: BTreeMap<String, Exploited>,
    /// Entries that cannot be read, or have no CVE or no day.
    pub(super) left_out: usize,
    /// The first of these: where in the list, of which CVE, and why.
    pub(super) named: Vec<String>,
}

/// Entries that are named where they are left out; of more only the number is said.
const MAX_NAMED: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    #[serde(default)]
    date_released: String,
    vulnerabilities: Vec<Maybe<Entry>>,
}

/// What it is about is known by its CVE; the rest is for people, and may be missing or null.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve_id: Option<String>,
    vendor_project: Option<String>,
    product: Option<String>,
    date_added: Option<String>,
    known_ransomware_campaign_use: Option<String>,
}

/// `CVE-2017-0144`: a year, and four digits or more.
fn is_cve(text: &str) -> bool {
    let digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    let parts = text.strip_prefix("CVE-").and_then(|it| it.split_once('-'));
    parts.is_some_and(|(year, number)| {
        year.len() == 4 && number.len() >= 4 && digits(year) && digits(number) && is_id(text)
    })
}

/// Whether a file is the list: JSON with its counter, or CSV that begins with its names.
pub(super) fn is_one(bytes: &[u8], csv: bool) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        catalog_version: Option<serde::de::IgnoredAny>,
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let named = || bytes.starts_with(b"cveID,") || bytes.starts_with(b"\"cveID\",");
    csv && named()
        || serde_json::from_slice::<Kind>(bytes).is_ok_and(|it| it.catalog_version.is_some())
}

/// Reads the list: JSON where it begins with a brace, else CSV with the same names. A day
/// after `until` is not believed.
///
/// # Errors
/// In one line, what is wrong.
pub(super) fn read(bytes: &[u8], until: Option<&str>) -> Result<List, String> {
    let told = |day: &str| until.is_none_or(|until| day <= until);
    if bytes.len() > MAX_BYTES {
        return Err(format!("{} bytes; the list may have {MAX_BYTES}", bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"{") {
        let list: Catalog = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let day = list.date_released.get(..10).filter(|day| is_day(day) && told(day));
        let entries = list.vulnerabilities.into_iter().map(|it| match it {
            Maybe::Is(it) => Some(it),
            Maybe::Not(_) => None,
        });
        return collect(entries, day.unwrap_or_default(), told);
    }
    let mut reader = csv::Reader::from_reader(bytes);
    collect(reader.deserialize::<Entry>().map(Result::ok), "", told)
}

/// None is an entry that cannot be read. The others count all the same.
fn collect(
    all: impl Iterator<Item = Option<Entry>>,
    day: &str,
    told: impl Fn(&str) -> bool,
) -> Result<List, String> {
    let (mut entries, mut left_out, mut named) = (BTreeMap::new(), 0_usize, Vec::new());
    for (at, it) in all.enumerate() {
        let is_read = it.is_some();
        let it = it.unwrap_or_default();
        let cve = it.cve_id.unwrap_or_default().trim().to_ascii_uppercase();
        let added = it.date_added.unwrap_or_default();
        let fault = match () {
            () if !is_read => Some("a field is no text"),
            () if !is_cve(&cve) => Some("no CVE"),
            () if !is_day(&added) => Some("no day"),
            () if !told(&added) => Some("of a day to come"),
            () => None,
        };
        if let Some(fault) = fault {
            left_out += 1;
            if named.len() < MAX_NAMED {
                let cve = field(&cve);
                let gap = if cve.is_empty() { "" } else { " " };
                named.push(format!("entry {}{gap}{cve}: {fault}", at + 1));
            }
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} entries"));
        }
        let mut exploited = Exploited {
            added,
            ransomware: it
                .known_ransomware_campaign_use
                .is_some_and(|it| it.eq_ignore_ascii_case("known")),
            maker: field(&it.vendor_project.unwrap_or_default()),
            product: field(&it.product.unwrap_or_default()),
        };
        // Of one that is there twice, what one of both knows is known.
        if let Some(known) = entries.get(&cve) {
            let known: &Exploited = known;
            exploited.ransomware |= known.ransomware;
            exploited.added = exploited.added.min(known.added.clone());
        }
        entries.insert(cve, exploited);
    }
    // A CSV does not say its day: it is not older than its last entry.
    let last = entries.values().map(|it| it.added.as_str()).max().unwrap_or_default();
    let day = if day.is_empty() { last } else { day }.to_owned();
    match entries.is_empty() {
        true => Err(format!("it has no entries, {left_out} without a CVE or a day")),
        false => Ok(List { day, entries, left_out, named }),
    }
}
