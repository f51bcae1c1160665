//! A set of advisories: what is compared with devices, as a text of lines.
//!
//! ```text
//! # auscult advisories 1
//! # csaf 2024-09-10 144        last revision and number of the documents
//! # kev 2025-08-25 1404        day and number of the exploited weaknesses
//! A  id  released  revised  CVE:score CVE:score …
//! P  maker  product  versions  which of those CVEs (* or 1,3,4)
//! F  maker  product  versions  the same: said to be fixed, or not to be affected
//! K  CVE  added  ransomware|-  maker  product
//! ```
//!
//! Fields are separated by tabs. `P` and `F` belong to the `A` above. Makers, products and
//! versions are as the advisory spells them; nothing else of its text is kept.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::digits::Digits;
use crate::observe::text::clean;

/// First line of a set, with the number of its format.
const TITLE: &str = "# auscult advisories 1";
/// Largest set: the one that comes along has a sixtieth of it.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// CVEs of one advisory, and products of one advisory.
pub(super) const MAX_LISTED: usize = 20_000;
/// Longest text of a product tree that is kept, in bytes.
const MAX_FIELD: usize = 200;

/// A published weakness with what its scores say.
#[derive(Clone, Debug, PartialEq)]
pub struct Cve {
    /// `CVE-2020-25175`.
    pub id: String,
    /// CVSS base score, the highest of those given; 0 to 10.
    pub score: Option<f32>,
}

/// A product that an advisory names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Maker, as the advisory spells it.
    pub maker: String,
    /// Product, as the advisory spells it.
    pub name: String,
    /// Versions, as the advisory spells them; empty where it names none.
    pub versions: String,
    /// Which of the advisory's CVEs apply, by their place; sorted.
    pub cves: Vec<usize>,
}

/// One advisory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advisory {
    /// `ICSMA-20-343-01`.
    pub id: String,
    /// First day, `2020-12-08`.
    pub released: String,
    /// Day of its last revision.
    pub revised: String,
    /// The moment of that, where two documents are compared; not written.
    pub moment: Option<jiff::Timestamp>,
    /// Number of that revision, for the same; not written.
    pub revision: Vec<Digits>,
    /// What it is about.
    pub cves: Vec<Cve>,
    /// What it names.
    pub products: Vec<Product>,
    /// Versions of these that it says are fixed, or were never affected.
    pub fixed: Vec<Product>,
}

impl Advisory {
    /// Whether it is the later revision of both.
    fn is_later(&self, other: &Self) -> bool {
        let moments = self.moment.zip(other.moment);
        let moments = moments.map_or(Ordering::Equal, |(own, other)| own.cmp(&other));
        let order = self.revised.cmp(&other.revised).then(moments);
        order.then_with(|| self.revision.cmp(&other.revision)) == Ordering::Greater
    }
}

/// A weakness that is known to be exploited (CISA KEV).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploited {
    /// Day on which it was added.
    pub added: String,
    /// Whether ransomware uses it.
    pub ransomware: bool,
    /// Maker, as the list spells it.
    pub maker: String,
    /// Product, as the list spells it.
    pub product: String,
}

/// Advisories and exploited weaknesses, with their days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// By id.
    pub advisories: BTreeMap<String, Advisory>,
    /// By CVE.
    pub exploited: BTreeMap<String, Exploited>,
    /// Day of the list of exploited weaknesses; empty without one.
    pub kev: String,
    /// The last day that is believed where files are taken in, as `2025-08-26`; any where
    /// none is said.
    pub until: Option<String>,
}

impl Set {
    /// The last revision of all advisories; empty without any.
    #[must_use]
    pub fn csaf(&self) -> &str {
        self.advisories.values().map(|it| it.revised.as_str()).max().unwrap_or_default()
    }

    /// The day up to which the set is complete in both parts.
    #[must_use]
    pub fn date(&self) -> &str {
        [self.csaf(), &self.kev].into_iter().filter(|day| !day.is_empty()).min().unwrap_or_default()
    }

    /// Adds an advisory; of two with the same id the later revision stays: by its day, its
    /// moment where both tell it, then by its number, and of two that say the same the one
    /// that comes last.
    pub fn add(&mut self, advisory: Advisory) {
        match self.advisories.get_mut(&advisory.id) {
            Some(known) if known.is_later(&advisory) => {}
            Some(known) => *known = advisory,
            None => {
                self.advisories.insert(advisory.id.clone(), advisory);
            }
        }
    }

    /// The set as text; the same for the same set.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\n");
        let _ = writeln!(text, "# csaf {} {}", self.csaf(), self.advisories.len());
        let _ = writeln!(text, "# kev {} {}", self.kev, self.exploited.len());
        text.push_str(
            "# Makers, products, versions, CVEs, scores and days as CISA publishes them.\n",
        );
        for it in self.advisories.values() {
            let _ = write!(text, "A\t{}\t{}\t{}\t", it.id, it.released, it.revised);
            for (at, cve) in it.cves.iter().enumerate() {
                let gap = if at > 0 { " " } else { "" };
                let _ = match cve.score {
                    Some(score) => write!(text, "{gap}{}:{score:.1}", cve.id),
                    None => write!(text, "{gap}{}", cve.id),
                };
            }
            text.push('\n');
            let named = it.products.iter().map(|product| ('P', product));
            let all = named.chain(it.fixed.iter().map(|product| ('F', product)));
            for (kind, Product { maker, name, versions, cves }) in all {
                let _ = write!(text, "{kind}\t{maker}\t{name}\t{versions}\t");
                if cves.len() == it.cves.len() {
                    text.push('*');
                } else {
                    let places: Vec<String> = cves.iter().map(|at| (at + 1).to_string()).collect();
                    text.push_str(&places.join(","));
                }
                text.push('\n');
            }
        }
        for (cve, it) in &self.exploited {
            let ransomware = if it.ransomware { "ransomware" } else { "-" };
            let Exploited { added, maker, product, .. } = it;
            let _ = writeln!(text, "K\t{cve}\t{added}\t{ransomware}\t{maker}\t{product}");
        }
        text
    }

    /// Reads what [`Self::to_text`] writes.
    ///
    /// # Errors
    /// The number of the line, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        if text.len() > MAX_BYTES {
            return Err((0, format!("{} bytes; it may have {MAX_BYTES}", text.len())));
        }
        if text.lines().next() != Some(TITLE) {
            return Err((1, format!("does not begin with `{TITLE}`")));
        }
        let mut set = Self::default();
        let mut open: Option<Advisory> = None;
        for (at, line) in text.lines().enumerate() {
            let at = at + 1;
            if let Some(comment) = line.strip_prefix('#') {
                let mut words = comment.split_whitespace();
                if words.next() == Some("kev") {
                    set.kev = words.next().filter(|it| is_day(it)).unwrap_or_default().to_owned();
                }
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            match fields.as_slice() {
                ["A", id, released, revised, cves] => {
                    if !is_id(id) || !is_day(released) || !is_day(revised) {
                        return Err((at, "an advisory has an id and two days".to_owned()));
                    }
                    open.take().into_iter().for_each(|it| set.add(it));
                    let cves: Option<Vec<Cve>> = cves.split_whitespace().map(cve).collect();
                    let cves = cves.filter(|all| all.len() <= MAX_LISTED);
                    let cves = cves.ok_or((at, "no CVEs with scores".to_owned()))?;
                    let own = |text: &&str| (*text).to_owned();
                    open = Some(Advisory {
                        id: own(id),
                        released: own(released),
                        revised: own(revised),
                        moment: None,
                        revision: Vec::new(),
                        cves,
                        products: Vec::new(),
                        fixed: Vec::new(),
                    });
                }
                [kind @ ("P" | "F"), maker, name, versions, cves] => {
                    let few = |it: &&mut Advisory| {
                        it.products.len() < MAX_LISTED && it.fixed.len() < MAX_LISTED
                    };
                    let Some(advisory) = open.as_mut().filter(few) else {
                        return Err((at, "a product without its advisory, or too many".to_owned()));
                    };
                    let count = advisory.cves.len();
                    let cves = places(cves, count).ok_or((at, "no places of CVEs".to_owned()))?;
                    let [maker, name, versions] = [maker, name, versions].map(|it| field(it));
                    let product = Product { maker, name, versions, cves };
                    match *kind {
                        "F" => advisory.fixed.push(product),
                        _ => advisory.products.push(product),
                    }
                }
                ["K", cve, added, ransomware, maker, product] => {
                    if !is_id(cve) || !is_day(added) {
                        return Err((at, "an exploited weakness has a CVE and a day".to_owned()));
                    }
                    let exploited = Exploited {
                        added: (*added).to_owned(),
                        ransomware: *ransomware == "ransomware",
                        maker: field(maker),
                        product: field(product),
                    };
                    set.exploited.insert((*cve).to_owned(), exploited);
                }
                _ => return Err((at, "neither an advisory, a product nor a weakness".to_owned())),
            }
        }
        open.into_iter().for_each(|it| set.add(it));
        Ok(set)
    }
}

/// Text of a document, printable, on one line and short.
pub(super) fn field(text: &str) -> String {
    let mut text = clean(text).into_owned();
    while text.len() > MAX_FIELD {
        text.pop();
    }
    // A blank at the end would be gone when it is read again.
    text.truncate(text.trim_end().len());
    text
}

/// `CVE-2020-25175`, `ICSMA-20-343-01`, `SSA-123456`: nothing that a terminal or a
/// spreadsheet could take for something else.
pub(super) fn is_id(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    first && rest && text.len() <= 64
}

/// `2020-12-08`.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn cve(text: &str) -> Option<Cve> {
    let (id, score) = match text.split_once(':') {
        Some((id, score)) => (id, Some(score.parse().ok()?)),
        None => (text, None),
    };
    let sound = score.is_none_or(|it: f32| (0.0..=10.0).contains(&it));
    (sound && is_id(id)).then(|| Cve { id: id.to_owned(), score })
}

fn places(text: &str, count: usize) -> Option<Vec<usize>> {
    if text == "*" {
        return Some((0..count).collect());
    }
    let place = |it: &str| it.parse().ok().filter(|at| (1..=count).contains(at)).map(|at| at - 1);
    let mut all: Vec<usize> = match text {
        "" => Vec::new(),
        text => text.split(',').map(place).collect::<Option<_>>()?,
    };
    all.sort_unstable();
    all.dedup();
    Some(all)
}
