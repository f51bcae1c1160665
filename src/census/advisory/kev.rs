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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    #[serde(default)]
    date_released: String,
    vulnerabilities: Vec<Maybe<Entry>>,
}

/// What it is about is known by its CVE; the rest is for people.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve_id: String,
    vendor_project: String,
    product: String,
    date_added: String,
    known_ransomware_campaign_use: String,
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
    let (mut entries, mut left_out) = (BTreeMap::new(), 0_usize);
    for it in all {
        let it = it.unwrap_or_default();
        let Entry { cve_id, vendor_project, product, date_added, known_ransomware_campaign_use } =
            it;
        let cve = cve_id.trim().to_ascii_uppercase();
        if !is_id(&cve) || !is_day(&date_added) || !told(&date_added) {
            left_out += 1;
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} entries"));
        }
        let mut exploited = Exploited {
            added: date_added,
            ransomware: known_ransomware_campaign_use.eq_ignore_ascii_case("known"),
            maker: field(&vendor_project),
            product: field(&product),
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
        false => Ok(List { day, entries, left_out }),
    }
}
