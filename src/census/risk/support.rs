//! Until when an operating system is mended: `signatures/support.toml`.

use jiff::civil::Date;
use serde::Deserialize;

use super::assessment::{Proof, Supported, Until};
use super::book::{RiskBook, date};
use crate::census::asset::{Asset, Candidate};

/// A product, or some builds or versions of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    builds: Vec<String>,
    #[serde(default)]
    versions: Vec<String>,
    pub(super) source: String,
    pub(super) editions: Vec<Edition>,
}

/// An edition with its dates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edition {
    pub(super) edition: String,
    #[serde(deserialize_with = "date::read")]
    end: Date,
    #[serde(default, deserialize_with = "date::read_some")]
    free: Option<Date>,
    #[serde(default, deserialize_with = "date::read_some")]
    paid: Option<Date>,
    #[serde(default)]
    offer: String,
    #[serde(default)]
    when: Vec<String>,
}

impl Product {
    /// Its name, with the version where it is about one.
    fn title(&self) -> String {
        match self.versions.as_slice() {
            [version] => format!("{} {version}", self.name),
            _ => self.name.clone(),
        }
    }
}

impl Edition {
    /// The last day that everybody has.
    fn last(&self) -> Date {
        self.free.map_or(self.end, |free| free.max(self.end))
    }

    /// How many words of its name stand in that of an edition: all of one text, or none.
    fn words_in(&self, edition: &str) -> usize {
        let edition = edition.to_lowercase();
        let stands = |word: &str| edition.contains(&word.to_lowercase());
        let texts = self.when.iter().map(|text| text.split_whitespace());
        let whole = texts.filter(|words| words.clone().all(stands));
        whole.map(Iterator::count).max().unwrap_or_default()
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match (self.paid, self.offer.is_empty()) {
            (Some(paid), _) if paid <= self.end => Some("`paid` is not after `end`"),
            (Some(_), true) | (None, false) => Some("`paid` and `offer` go together"),
            _ if self.free.is_some_and(|free| free <= self.end) => {
                Some("`free` is not after `end`")
            }
            _ => None,
        }
    }
}

/// What is known of the support of an asset's operating system.
#[derive(Debug, Default)]
pub(super) struct Support {
    /// None where no date is known.
    pub(super) state: Option<Supported>,
    /// The editions that it may be.
    pub(super) ends: Vec<Until>,
    /// Who says which operating system it is, and how sure that is.
    pub(super) system: Option<(Proof, f32)>,
}

/// Until when the operating system of an asset is mended, and whether it is today.
pub(super) fn of(book: &RiskBook, asset: &Asset<'_>, today: Date) -> Support {
    let first = |name: &str| asset.shown(name).first().copied().cloned();
    let Some(name) = first("os_name") else { return Support::default() };
    let [version, build, edition] = ["os_version", "os_build", "os_edition"].map(first);
    let text = |it: &Option<Candidate<'_>>| it.as_ref().map(|it| it.value.to_string());
    let known = Known { version: text(&version), build: text(&build), edition: text(&edition) };
    let mut editions: Vec<(&Product, &Edition)> = Vec::new();
    let mut older: Vec<Until> = Vec::new();
    for alternative in alternatives(&name.value) {
        let found = known.editions(&alternative, &book.products);
        if found.is_empty() {
            let Some(before) = known.before_all(&alternative, &book.products, today) else {
                // Of one thing that it may be nothing is known: then nothing is known.
                return Support::default();
            };
            older.push(before);
        }
        editions.extend(found);
    }
    let ends = editions.iter().map(|(product, it)| Until {
        row: product.id.clone(),
        edition: match it.edition.as_str() {
            "all" => product.title(),
            edition => format!("{}, {edition}", product.title()),
        },
        end: it.last().to_string(),
        paid: it.paid.map(|paid| (paid.to_string(), it.offer.clone())),
    });
    let ends: Vec<_> = ends.chain(older).collect();
    let state = ends.iter().map(|it| it.on(today)).reduce(Supported::or);
    // Which version it is does not depend on anything: it is not known.
    if state == Some(Supported::Depends) && version.is_none() && build.is_none() {
        return Support::default();
    }
    // Rows by version are those that were sold so far, and another may come any year: a name
    // alone is of none of them.
    let is_open = |product: &Product| product.builds.is_empty() && !product.versions.is_empty();
    if version.is_none() && editions.iter().any(|(product, _)| is_open(product)) {
        return Support::default();
    }
    let said = build.as_ref().or(version.as_ref()).unwrap_or(&name);
    let evidence = said.reasons.first().map(|why| Proof {
        text: format!("{}={} says {}", why.key, why.value, name.value),
        capture: why.said.evidence.capture,
        frame: why.said.evidence.frame,
    });
    Support { state, ends, system: evidence.map(|proof| (proof, name.confidence)) }
}

impl Support {
    /// Who says which operating system it is, and which dates follow.
    pub(super) fn evidence(&self) -> Vec<Proof> {
        let dates = self.ends.iter().map(|it| {
            let text = format!("{} [support.{}]", line(it), it.row);
            Proof { text, capture: 0, frame: 0 }
        });
        self.system.iter().map(|(proof, _)| proof.clone()).chain(dates).collect()
    }

    /// The editions and their dates in one line.
    pub(super) fn editions(&self) -> String {
        self.ends.iter().map(line).collect::<Vec<_>>().join(" / ")
    }
}

/// An edition with its dates.
fn line(it: &Until) -> String {
    let paid = it.paid.as_ref();
    let paid = paid.map(|(day, offer)| format!(" ({offer} until {day})")).unwrap_or_default();
    format!("{}{paid}", it.said())
}

/// "Windows 7 / Server 2008 R2": what it may be, each with its family.
fn alternatives(name: &str) -> Vec<String> {
    let family = if name.starts_with("Windows") { "Windows " } else { "" };
    let whole = |one: &str| match one.starts_with("Server") {
        true => format!("{family}{one}"),
        false => one.to_owned(),
    };
    name.split(" / ").map(whole).collect()
}

/// What else is known of it.
struct Known {
    version: Option<String>,
    build: Option<String>,
    edition: Option<String>,
}

impl Known {
    /// The editions of a product that it may be.
    fn editions<'b>(&self, name: &str, all: &'b [Product]) -> Vec<(&'b Product, &'b Edition)> {
        let mut found = Vec::new();
        for product in all.iter().filter(|it| it.name == name && self.may_be(it)) {
            let Some(edition) = &self.edition else {
                found.extend(product.editions.iter().map(|it| (product, it)));
                continue;
            };
            let words = product.editions.iter().map(|it| it.words_in(edition));
            let most = words.max().unwrap_or_default();
            let fits = |it: &&Edition| match most {
                0 => it.when.is_empty(),
                most => it.words_in(edition) == most,
            };
            found.extend(product.editions.iter().filter(fits).map(|it| (product, it)));
        }
        found
    }

    /// A version below all of a family of which only versions are told: the makers ended it
    /// before the lowest that has a row, whose date is said once it has passed. A higher one
    /// is of a row that is still to be written.
    fn before_all(&self, name: &str, all: &[Product], today: Date) -> Option<Until> {
        let version = numbers(self.version.as_ref()?);
        let mut lowest: Option<(Vec<u32>, &str, &Product)> = None;
        for product in all.iter().filter(|it| it.name == name) {
            if !product.builds.is_empty() || product.versions.is_empty() {
                return None;
            }
            for of in &product.versions {
                let row = (numbers(of), of.as_str(), product);
                if lowest.as_ref().is_none_or(|(least, ..)| row.0 < *least) {
                    lowest = Some(row);
                }
            }
        }
        let (least, row, product) = lowest?;
        // Where it has fewer numbers and all are the same, it may be this very one.
        let mut both = version.iter().zip(&least);
        let (own, other) = both.find(|(own, other)| own != other)?;
        let ends = product.editions.iter().map(|it| it.paid.unwrap_or(it.end).max(it.last()));
        let end = ends.max().filter(|end| own < other && *end < today)?;
        let edition = format!("{} before {row}", product.name);
        Some(Until { row: product.id.clone(), edition, end: format!("before {end}"), paid: None })
    }

    fn may_be(&self, product: &Product) -> bool {
        match (&self.build, &self.version) {
            (Some(build), _) if !product.builds.is_empty() => is_of(build, &product.builds),
            (_, Some(version)) if !product.versions.is_empty() => is_of(version, &product.versions),
            _ => true,
        }
    }
}

/// The numbers of a version, up to where it is anything else: 15.1(3)S2 is 15 and 1.
fn numbers(version: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let Some(number) = part.get(..end).and_then(|digits| digits.parse().ok()) else { break };
        numbers.push(number);
        if end < part.len() {
            break;
        }
    }
    numbers
}

/// Whether a version is one of these or below it: 12.5 is a 12, 120 is none. Numbers may
/// begin with noughts: 17.09.04a is a 17.9.
fn is_of(version: &str, of: &[String]) -> bool {
    let version = without_noughts(version);
    of.iter().any(|of| {
        version.strip_prefix(&without_noughts(of)).is_some_and(|rest| {
            rest.is_empty() || !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
        })
    })
}

fn without_noughts(version: &str) -> String {
    let bare = |part: &str| match part.trim_start_matches('0') {
        // Of noughts alone one is a number.
        bare if !bare.starts_with(|c: char| c.is_ascii_digit()) && bare.len() < part.len() => {
            format!("0{bare}")
        }
        bare => bare.to_owned(),
    };
    version.split('.').map(bare).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_begin_with_noughts() {
        let of = |version: &str, of: &str| is_of(version, &[of.to_owned()]);
        assert!(of("17.09.04a", "17.9") && of("017.9.1", "17.9") && of("22.04.3", "22.04"));
        assert!(of("4.0.1", "4.0") && of("4.00", "4.0") && of("0.9", "0.9"));
        assert!(!of("17.90.1", "17.9") && !of("17.9", "17.09.1") && !of("", "1"));
    }

    #[test]
    fn what_is_older_than_all_rows_has_ended_before_them() {
        let before = |name: &str, version: &str, today: &str| {
            let version = Some(version.to_owned());
            let known = Known { version, build: None, edition: None };
            let products = &RiskBook::builtin().products;
            assert!(known.editions(name, products).is_empty(), "{name}");
            let until = known.before_all(name, products, today.parse().unwrap());
            until.map(|it| it.said())
        };
        let today = "2026-11-02";
        let eos = "Arista EOS before 4.26 ended before 2024-04-15";
        assert_eq!(before("Arista EOS", "4.20.1F", today).as_deref(), Some(eos));
        assert_eq!(before("Arista EOS", "4.20.1F", "2024-04-15"), None, "not yet certain");
        let xe = "Cisco IOS XE before 16.12 ended before 2023-07-31";
        for version in ["16.6.1", "03.16.05.S", "15.1(3)S2", "16.9.5"] {
            assert_eq!(before("Cisco IOS XE", version, today).as_deref(), Some(xe), "{version}");
        }
        for (name, version) in [
            ("Cisco IOS XE", "16"),
            ("Cisco IOS XE", "18.1.1"),
            ("Cisco IOS XE", "Everest"),
            ("Arista EOS", "5.1.0F"),
            // Between two rows; below one that is not over; of a family told by builds.
            ("SUSE Linux", "15.1"),
            ("Rocky Linux", "7"),
            ("Windows 10", "1"),
            ("VxWorks", "5.5"),
        ] {
            assert_eq!(before(name, version, today), None, "{name} {version}");
        }
    }
}
