//! Documents of the Common Security Advisory Framework 2.0 (OASIS), as far as they say
//! which products are affected. Untrusted: whatever does not fit is refused as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize as Derived;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::cpe;
use super::digits::Digits;
use super::set::{Advisory, Cve, MAX_LISTED, Product, field, is_day, is_id};

/// Largest document. Those of the largest makers have a tenth of it.
pub(super) const MAX_BYTES: usize = 8 << 20;
/// Pairs of a weakness and a product of one document.
const MAX_PAIRS: usize = 500_000;
/// Branches below each other; the standard's own examples have five.
const MAX_DEPTH: usize = 16;

/// A list that ends the reading when it grows too long.
#[derive(Debug)]
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(next) = list.next_element()? {
                    if all.len() == MAX_LISTED {
                        return Err(A::Error::custom("a list is too long"));
                    }
                    all.push(next);
                }
                Ok(Few(all))
            }
        }
        from.deserialize_seq(Each(PhantomData))
    }
}

/// An entry that is what it should be, or anything else, which is left out.
#[derive(Derived)]
#[serde(untagged)]
pub(super) enum Maybe<T> {
    Is(T),
    Not(IgnoredAny),
}

#[derive(Derived)]
struct Document {
    document: Head,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Few<Vulnerability>,
}

#[derive(Derived)]
struct Head {
    tracking: Tracking,
}

#[derive(Derived)]
struct Tracking {
    id: String,
    initial_release_date: String,
    current_release_date: String,
    /// Whole numbers, or three of them (CSAF 2.0, section 3.1.11).
    #[serde(default)]
    version: String,
    /// `draft`, `interim` or `final`.
    #[serde(default)]
    status: Option<Maybe<String>>,
}

#[derive(Default, Derived)]
#[serde(default)]
struct Tree {
    branches: Few<Branch>,
    full_product_names: Few<FullName>,
    relationships: Few<Relationship>,
    product_groups: Few<ProductGroup>,
}

#[derive(Derived)]
struct Branch {
    category: String,
    name: String,
    #[serde(default)]
    branches: Few<Branch>,
    #[serde(default)]
    product: Option<Named>,
}

#[derive(Derived)]
struct Named {
    product_id: String,
}

/// A product outside of all branches: its name is for people, its maker stands in its CPE.
#[derive(Derived)]
struct FullName {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Helper,
}

#[derive(Default, Derived)]
#[serde(default)]
struct Helper {
    cpe: Option<Maybe<String>>,
}

/// A product on or in another is the product that it consists of.
#[derive(Derived)]
struct Relationship {
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: Named,
}

#[derive(Derived)]
struct ProductGroup {
    group_id: String,
    product_ids: Few<String>,
}

#[derive(Derived)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    product_status: Status,
    #[serde(default)]
    scores: Few<Maybe<Score>>,
}

/// What is said of products. Only the first three say that they are affected.
#[derive(Default, Derived)]
#[serde(default)]
struct Status {
    known_affected: Few<String>,
    first_affected: Few<String>,
    last_affected: Few<String>,
    known_not_affected: Few<String>,
    first_fixed: Few<String>,
    fixed: Few<String>,
    recommended: Few<String>,
    under_investigation: Few<String>,
}

#[derive(Default, Derived)]
#[serde(default)]
struct Score {
    cvss_v2: Base,
    cvss_v3: Base,
    cvss_v4: Base,
}

#[derive(Default, Derived)]
#[serde(default)]
struct Base {
    #[serde(rename = "baseScore")]
    base_score: Option<Number>,
}

/// Some write numbers as texts.
#[derive(Derived)]
#[serde(untagged)]
enum Number {
    Is(f32),
    Text(String),
    Not(IgnoredAny),
}

impl Number {
    /// From 0 to 10, as all base scores are.
    fn score(&self) -> Option<f32> {
        let score = match self {
            Self::Is(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Not(_) => None,
        };
        score.filter(|it| (0.0..=10.0).contains(it))
    }
}

impl Maybe<Score> {
    fn bases(&self) -> Option<[&Base; 3]> {
        match self {
            Self::Is(it) => Some([&it.cvss_v2, &it.cvss_v3, &it.cvss_v4]),
            Self::Not(_) => None,
        }
    }

    /// It is there and cannot be read.
    fn is_unreadable(&self) -> bool {
        self.bases().is_none_or(|all| {
            all.iter().filter_map(|it| it.base_score.as_ref()).any(|it| it.score().is_none())
        })
    }
}

/// What orders versions, whole (`3`) or semantic (`1.4.0`, CSAF 2.0, section 3.1.11): whether
/// it has a number, three numbers, whether it is released, and the numbers of a pre-release.
/// What follows a `+` is a build, which orders nothing.
fn revision(version: &str, is_draft: bool) -> Vec<Digits> {
    let version = version.split('+').next().unwrap_or_default();
    let (numbers, before) = version.split_once('-').unzip();
    let numbers: Vec<Digits> = numbers
        .unwrap_or(version)
        .split('.')
        .map_while(|it| Digits::parse(it.trim()))
        .take(3)
        .collect();
    let mut all = vec![Digits::from(!numbers.is_empty())];
    all.extend(numbers);
    all.resize(4, Digits::default());
    all.push(Digits::from(before.is_none() && !is_draft));
    let parts = before.into_iter().flat_map(|it| it.split('.'));
    all.extend(parts.filter_map(Digits::parse).take(3));
    all
}

/// The longest fraction of a second that is told apart: nanoseconds.
const FRACTION: usize = 9;

/// The moment that a date says (RFC 3339), with its offset and its fraction; in UTC where it
/// has no offset.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (mut short, mut digits) = (String::new(), None);
    for c in text.chars() {
        digits = match (c, digits) {
            ('.' | ',', None) => Some(0),
            (c, Some(n)) if c.is_ascii_digit() => Some(n + 1),
            _ => None,
        };
        if digits.is_none_or(|n| n <= FRACTION) {
            short.push(c);
        }
    }
    let civil = || {
        let at: DateTime = short.parse().ok()?;
        at.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp())
    };
    short.parse().ok().or_else(civil)
}

/// Whether a JSON text is such a document: it has a `document`.
#[derive(Derived)]
struct Kind {
    document: Option<IgnoredAny>,
}

pub(super) fn is_one(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Kind>(bytes).is_ok_and(|it| it.document.is_some())
}

/// Reads one document; with it the number of scores that are none, and are left out. A day
/// after `until` is not believed.
///
/// # Errors
/// In one line, what is wrong.
pub(super) fn read(bytes: &[u8], until: Option<&str>) -> Result<(Advisory, usize), String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("{} bytes; a document may have {MAX_BYTES}", bytes.len()));
    }
    let it: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Tracking { id, initial_release_date, current_release_date, version, status } =
        it.document.tracking;
    // By one clock, whatever offset they are written with.
    let day = |text: &str| {
        let at = moment(text).map(|at| at.to_zoned(TimeZone::UTC).date().to_string());
        at.as_deref().or_else(|| text.get(..10)).filter(|day| is_day(day)).map(str::to_owned)
    };
    let (Some(released), Some(revised)) = (day(&initial_release_date), day(&current_release_date))
    else {
        return Err("its days cannot be read".to_owned());
    };
    let is_ahead = |day: &String| until.is_some_and(|until| day.as_str() > until);
    if is_ahead(&released) {
        return Err("its release is of a day to come".to_owned());
    }
    // Nothing tells when it was revised: not before it was released.
    let ahead = is_ahead(&revised);
    let revised = if ahead { released.clone() } else { revised };
    let id = id.trim().to_ascii_uppercase();
    if !is_id(&id) {
        return Err("its id cannot be read".to_owned());
    }
    let (mut leaves, mut narrowed) = (BTreeMap::new(), BTreeSet::new());
    for branch in it.product_tree.branches.0 {
        walk(branch, &Path::default(), 0, &mut leaves, &mut narrowed)?;
    }
    let mut has_unnamed = false;
    for it in it.product_tree.full_product_names.0 {
        narrowed.insert(it.product_id.clone());
        let cpe = match &it.product_identification_helper.cpe {
            Some(Maybe::Is(name)) => cpe::read(name),
            _ => None,
        };
        has_unnamed |= cpe.is_none();
        if let Some([maker, name, versions]) = cpe.filter(|_| leaves.len() < MAX_LISTED) {
            leaves.entry(it.product_id).or_insert(Leaf { maker, name, versions });
        }
    }
    // Products of which nothing is said at all.
    let mut untold: BTreeSet<String> = leaves.keys().cloned().collect();
    for it in it.product_tree.relationships.0 {
        untold.remove(&it.relates_to_product_reference);
        untold.remove(&it.product_reference);
        narrowed.insert(it.full_product_name.product_id.clone());
        if let Some(part) = leaves.get(&it.product_reference).cloned() {
            leaves.entry(it.full_product_name.product_id).or_insert(part);
        }
    }
    let is_draft = matches!(status, Some(Maybe::Is(it)) if it.eq_ignore_ascii_case("draft"));
    let revision = revision(&version, is_draft);
    let moment = moment(&current_release_date).filter(|_| !ahead);
    let mut advisory = Advisory { id, released, revised, moment, revision, ..Advisory::default() };
    let mut named: BTreeMap<Leaf, BTreeSet<usize>> = BTreeMap::new();
    let mut freed: BTreeMap<Leaf, BTreeSet<usize>> = BTreeMap::new();
    let groups: BTreeMap<String, Vec<String>> = it
        .product_tree
        .product_groups
        .0
        .into_iter()
        .map(|it| (it.group_id, it.product_ids.0))
        .collect();
    let mut pairs = 0_usize;
    let mut left_out = 0_usize;
    for weakness in it.vulnerabilities.0 {
        left_out += weakness.scores.0.iter().filter(|it| it.is_unreadable()).count();
        let cve = weakness.cve.map(|id| id.trim().to_ascii_uppercase());
        let at =
            cve.filter(|id| is_id(id)).map(|id| place(&mut advisory.cves, id, &weakness.scores));
        let told = weakness.product_status;
        let free = [told.known_not_affected, told.first_fixed, told.fixed];
        let free = free.into_iter().flat_map(|it| it.0).map(|it| (it, true));
        let others = [told.recommended, told.under_investigation];
        let others = others.into_iter().flat_map(|it| it.0).map(|it| (it, false));
        for (product, is_free) in free.chain(others) {
            let alone = [product];
            let members = alone.first().and_then(|it| groups.get(it)).map_or(&alone[..], |it| it);
            pairs = pairs.saturating_add(members.len());
            if pairs > MAX_PAIRS {
                return Err("it names too many products".to_owned());
            }
            for it in members {
                untold.remove(it);
                let whole = leaves.get(it).filter(|_| is_free && !narrowed.contains(it));
                if let (Some(leaf), Some(at)) = (whole, at) {
                    freed.entry(leaf.clone()).or_default().insert(at);
                }
            }
        }
        let listed = [told.known_affected.0, told.first_affected.0, told.last_affected.0];
        for product in listed.into_iter().flatten() {
            let alone = [product];
            let members = alone.first().and_then(|it| groups.get(it)).map_or(&alone[..], |it| it);
            pairs = pairs.saturating_add(members.len());
            if pairs > MAX_PAIRS {
                return Err("it names too many products".to_owned());
            }
            for product in members {
                untold.remove(product);
                if let Some(leaf) = leaves.get(product) {
                    named.entry(leaf.clone()).or_default().extend(at);
                }
            }
        }
    }
    // Some documents name all their products in the tree and one of them as affected: the
    // others are meant too, and in which versions is not certain.
    for leaf in untold.iter().filter_map(|product| leaves.get(product)) {
        let leaf = Leaf { versions: String::new(), ..leaf.clone() };
        pairs = pairs.saturating_add(advisory.cves.len());
        if pairs > MAX_PAIRS {
            return Err("it names too many products".to_owned());
        }
        named.entry(leaf).or_default().extend(0..advisory.cves.len());
    }
    // Of what is said to be both, the worse is believed.
    for (leaf, mut cves) in freed {
        cves.retain(|cve| named.get(&leaf).is_none_or(|affected| !affected.contains(cve)));
        if !cves.is_empty() && advisory.fixed.len() < MAX_LISTED {
            advisory.fixed.push(leaf.product(cves));
        }
    }
    advisory.products = named.into_iter().map(|(leaf, cves)| leaf.product(cves)).collect();
    match advisory.products.len() {
        0 if has_unnamed => {
            Err("it names products without their makers (no branches, no CPE 2.3)".to_owned())
        }
        0 => Err("it names no product as affected".to_owned()),
        count if count > MAX_LISTED => Err("it names too many products".to_owned()),
        _ => Ok((advisory, left_out)),
    }
}

/// Where a CVE stands in the list of its advisory; a new one goes to its end.
fn place(all: &mut Vec<Cve>, id: String, scores: &Few<Maybe<Score>>) -> usize {
    let [v2, v3, v4] = [0_usize, 1, 2].map(|version| {
        let bases = scores.0.iter().filter_map(Maybe::bases);
        let given = bases.filter_map(|all| all.get(version)?.base_score.as_ref()?.score());
        given.reduce(f32::max)
    });
    let score = v4.into_iter().chain(v3).reduce(f32::max).or(v2);
    match all.iter().position(|known| known.id == id) {
        Some(at) => at,
        None => {
            all.push(Cve { id, score });
            all.len() - 1
        }
    }
}

/// A product of the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    maker: String,
    name: String,
    versions: String,
}

impl Leaf {
    fn product(self, cves: BTreeSet<usize>) -> Product {
        let Self { maker, name, versions } = self;
        Product { maker, name, versions, cves: cves.into_iter().collect() }
    }
}

/// What the branches above say.
#[derive(Clone, Default)]
struct Path {
    maker: String,
    family: String,
    product: String,
    versions: String,
    /// More must hold: an architecture, a patch, a language.
    is_narrowed: bool,
}

/// Collects the products of a branch by their ids, and which of them are not whole.
fn walk(
    branch: Branch,
    above: &Path,
    depth: usize,
    leaves: &mut BTreeMap<String, Leaf>,
    narrowed: &mut BTreeSet<String>,
) -> Result<(), String> {
    if depth == MAX_DEPTH {
        return Err("its product tree is too deep".to_owned());
    }
    let mut path = above.clone();
    let name = field(&branch.name);
    match branch.category.as_str() {
        "vendor" => path.maker = name,
        "product_family" => path.family = name,
        "product_name" => path.product = name,
        "product_version" | "product_version_range" => path.versions = name,
        // Architectures, languages, hosts and the like narrow what is named.
        _ => path.is_narrowed = true,
    }
    if let Some(Named { product_id }) = branch.product {
        if leaves.len() == MAX_LISTED {
            return Err("it names too many products".to_owned());
        }
        let Path { maker, family, product, versions, is_narrowed } = path.clone();
        narrowed.extend(is_narrowed.then(|| product_id.clone()));
        let name = if product.is_empty() { family } else { product };
        if !name.is_empty() {
            leaves.insert(product_id, Leaf { maker, name, versions });
        }
    }
    let mut below = branch.branches.0.into_iter();
    below.try_for_each(|below| walk(below, &path, depth + 1, leaves, narrowed))
}
