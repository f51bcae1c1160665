//! Which advisories name a device.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;

use super::alias::{Alias, Aliases, Name, fold};
use super::set::{Advisory, Exploited, MAX_BYTES, Product, Set};
use super::version::{Answer, Versions};
use super::{Match, Verdict};
use crate::census::asset::Asset;
use crate::census::signature::{ALIASES, BookError, Fault, Pattern};
use crate::observe::Role;

/// The set that comes along, made by `auscult advisories import`.
static OWN_SET: &str = include_str!("../../../signatures/advisories.tsv");
/// The set of a site, in its directory of signatures.
const SET_FILE: &str = "advisories.tsv";

/// Attributes that are compared.
const COMPARED: [&str; 10] = [
    "device_class",
    "exposure",
    "manufacturer",
    "model",
    "os_build",
    "os_name",
    "os_version",
    "remote_access",
    "software",
    "software_version",
];

/// The protocols that a device answers, among those.
const SERVES: &str = "serves";

/// Characters of a value that evidence repeats.
const MAX_SHOWN: usize = 80;

/// What is known of a device, as far as it is compared: the shown values.
#[derive(Clone, Debug, Default)]
pub struct Device {
    values: BTreeMap<&'static str, Vec<(String, f32)>>,
}

impl Device {
    /// Of an asset.
    #[must_use]
    pub fn of(asset: &Asset<'_>) -> Self {
        let mut device = Self::default();
        for name in COMPARED {
            for it in asset.shown(name) {
                device.add(name, &it.value, it.confidence);
            }
        }
        for (_, _, name, role) in &asset.services {
            if *role == Role::Server && !name.is_empty() {
                device.serves(name);
            }
        }
        device
    }

    /// Adds a value; attributes that are not compared are passed over.
    pub fn add(&mut self, attribute: &str, value: &str, confidence: f32) {
        if let Some(name) = COMPARED.iter().find(|it| **it == attribute) {
            self.values.entry(name).or_default().push((value.to_owned(), confidence));
        }
    }

    /// It answers to a protocol.
    pub fn serves(&mut self, protocol: &str) {
        let all = self.values.entry(SERVES).or_default();
        if !all.iter().any(|(known, _)| known == protocol) {
            all.push((protocol.to_owned(), 1.0));
        }
    }

    /// Whether an attribute is compared.
    pub(super) fn compares(attribute: &str) -> bool {
        attribute == SERVES || COMPARED.contains(&attribute)
    }

    fn values(&self, name: &str) -> &[(String, f32)] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A product of an advisory: their places.
type Leaf = (usize, usize);

/// All advisories, ready to be compared with devices.
#[derive(Clone, Debug)]
pub struct Advisories {
    set: Set,
    /// The set is the one that comes along.
    pub(super) is_own: bool,
    /// The advisories of the set in their order, with the ranges of their products.
    ranges: Vec<(String, Vec<Option<Versions>>)>,
    pub(super) aliases: Aliases,
    /// For each alias the products that it means.
    pub(super) means: Vec<Vec<Leaf>>,
    /// For each alias the CVEs of the weakness that it is.
    weak: Vec<BTreeSet<String>>,
    /// Aliases by maker; those of no maker under none.
    by_maker: HashMap<Option<usize>, Vec<usize>, RandomState>,
    /// Products that no alias means, by maker and folded name: compared with the model.
    by_name: HashMap<(usize, String), Vec<Leaf>, RandomState>,
}

/// What one alias or name says of a device.
struct Hit {
    verdict: Verdict,
    confidence: f32,
    because: String,
    cves: BTreeSet<String>,
    score: Option<f32>,
}

/// Why a device is a product.
struct Grounds {
    /// `model=LOGIQ 7`.
    seen: String,
    version: Option<String>,
    /// Whoever packs it mends it and keeps the number.
    backports: bool,
    confidence: f32,
}

impl Advisories {
    /// Those in this binary, read once.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        static OWN: LazyLock<Arc<Advisories>> = LazyLock::new(|| {
            let own = Advisories::from_texts(None, None);
            Arc::new(own.expect("the built-in advisories are tested"))
        });
        &OWN
    }

    /// The built-in ones; a set that is given takes their place, aliases are laid over them.
    ///
    /// # Errors
    /// Every fault of both.
    pub fn from_texts(set: Option<&str>, aliases: Option<&str>) -> Result<Self, BookError> {
        let is_own = set.is_none();
        let set = Set::parse(set.unwrap_or(OWN_SET)).map_err(|(line, what)| {
            let file = SET_FILE.to_owned();
            BookError(vec![Fault { file, line, id: String::new(), what }])
        })?;
        Ok(Self::new(set, is_own, Aliases::read(aliases)?))
    }

    /// The CVEs of a weakness that has a name of its own (`MS17-010`), whatever its case.
    #[must_use]
    pub fn named_weakness(&self, name: &str) -> Option<&BTreeSet<String>> {
        let is_it = |alias: &Alias| alias.is_weakness && alias.id.eq_ignore_ascii_case(name);
        let at = self.aliases.all.iter().position(is_it)?;
        self.weak.get(at)
    }

    /// The built-in ones, with `advisories.tsv` in their place and `aliases.toml` laid over
    /// them where a directory has them.
    ///
    /// # Errors
    /// Every fault, and files that cannot be read.
    pub fn load(directory: &std::path::Path) -> Result<Self, BookError> {
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let text = |name: &str| {
            let mut text = String::new();
            File::open(directory.join(name))?.take(most).read_to_string(&mut text)?;
            Ok::<_, std::io::Error>(text)
        };
        let read = |name: &str| match text(name) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let (file, what) = (name.to_owned(), error.to_string());
                Err(BookError(vec![Fault { file, line: 0, id: String::new(), what }]))
            }
        };
        let (set, aliases) = (read(SET_FILE)?, read(ALIASES.0)?);
        Self::from_texts(set.as_deref(), aliases.as_deref())
    }

    fn new(set: Set, is_own: bool, mut aliases: Aliases) -> Self {
        let mut means = vec![Vec::new(); aliases.all.len()];
        let mut by_maker: HashMap<Option<usize>, Vec<usize>, RandomState> = HashMap::default();
        for (at, alias) in aliases.all.iter().enumerate() {
            by_maker.entry(alias.maker).or_default().push(at);
        }
        let mut by_name: HashMap<(usize, String), Vec<Leaf>, RandomState> = HashMap::default();
        let mut ranges = Vec::with_capacity(set.advisories.len());
        for (at, advisory) in set.advisories.values().enumerate() {
            let mut versions = Vec::with_capacity(advisory.products.len());
            for (place, product) in advisory.products.iter().enumerate() {
                versions.push(Versions::parse(&product.versions));
                let maker = aliases.maker_of(&product.maker);
                let folded = fold(&product.name);
                let mut is_named = false;
                for (alias, leaves) in aliases.all.iter().zip(&mut means) {
                    if alias.means(advisory, maker, &folded) {
                        leaves.push((at, place));
                        is_named = true;
                    }
                }
                if let Some(maker) = maker.filter(|_| !is_named) {
                    let name = aliases.bare(maker, &product.name);
                    by_name.entry((maker, name)).or_default().push((at, place));
                }
            }
            ranges.push((advisory.id.clone(), versions));
        }
        let weak = aliases.all.iter().map(|it| it.cves(&set)).collect();
        Self { set, is_own, ranges, aliases, means, weak, by_maker, by_name }
    }

    /// What is compared.
    #[must_use]
    pub const fn set(&self) -> &Set {
        &self.set
    }

    /// Makers of products of the set of whom no alias tells what devices call them: they are
    /// found where devices and advisories have one name for them.
    #[must_use]
    pub fn unknown_makers(&self) -> BTreeSet<&str> {
        let all = self.set.advisories.values().flat_map(|it| &it.products);
        let unknown = all.filter(|it| {
            let named = self.aliases.all.iter().any(|alias| {
                alias.maker.is_none() && alias.products.iter().any(|name| name.is(&fold(&it.name)))
            });
            !self.aliases.is_listed(&it.maker) && !named
        });
        unknown.map(|it| it.maker.as_str()).collect()
    }

    /// The advisories that name a device, the worst first.
    #[must_use]
    pub fn of(&self, device: &Device) -> Vec<Match> {
        let mut found: BTreeMap<&str, Vec<Hit>> = BTreeMap::new();
        let makers: BTreeSet<(usize, &str)> = device
            .values("manufacturer")
            .iter()
            .filter_map(|(name, _)| Some((self.aliases.said(name)?, name.as_str())))
            .collect();
        let own = makers.iter().map(|(at, _)| Some(*at)).chain([None]);
        for at in own.filter_map(|maker| self.by_maker.get(&maker)).flatten() {
            let Some(alias) = self.aliases.all.get(*at) else { continue };
            let Some(grounds) = alias.recognises(device) else { continue };
            if alias.is_weakness {
                let hit = self.weakness(*at, alias, &grounds);
                found.entry(&alias.id).or_default().extend(hit);
                continue;
            }
            for leaf in self.means.get(*at).into_iter().flatten() {
                self.hit(*leaf, &grounds, &mut found);
            }
        }
        for ((maker, _), (model, sure)) in
            makers.iter().flat_map(|maker| device.values("model").iter().map(move |it| (maker, it)))
        {
            let name = self.aliases.bare(*maker, model);
            let Some(leaves) = self.by_name.get(&(*maker, name)) else { continue };
            let version = device.values("software_version").first();
            let grounds = Grounds {
                seen: shown("model", model),
                version: version.map(|(value, _)| value.clone()),
                backports: false,
                confidence: version.map_or(*sure, |(_, of)| of.min(*sure)),
            };
            leaves.iter().for_each(|leaf| self.hit(*leaf, &grounds, &mut found));
        }
        let mut all: Vec<Match> =
            found.into_iter().filter_map(|(id, hits)| self.summed(id, hits)).collect();
        all.sort_by(|a, b| {
            let score = |it: &Match| it.score.unwrap_or(0.0);
            (a.verdict.cmp(&b.verdict))
                .then(b.exploited.cmp(&a.exploited))
                .then(score(b).total_cmp(&score(a)))
                .then(a.advisory.cmp(&b.advisory))
        });
        all
    }

    /// What a product of an advisory says of a device that it is.
    fn hit<'s>(&'s self, (at, place): Leaf, on: &Grounds, found: &mut BTreeMap<&'s str, Vec<Hit>>) {
        let Some((id, ranges)) = self.ranges.get(at) else { return };
        let Some(advisory) = self.set.advisories.get(id) else { return };
        let Some(product) = advisory.products.get(place) else { return };
        let range = ranges.get(place).and_then(Option::as_ref);
        let (mut verdict, mut because) =
            (verdict(range, &product.versions, on), because(product, on));
        let mut left = product.cves.clone();
        for it in advisory.fixed.iter().filter(|it| product.is_freed_by(it, on)) {
            left.retain(|cve| !it.cves.contains(cve));
            because.push_str(&format!("; said to be fixed: {}", it.versions));
        }
        if left.is_empty() && !product.cves.is_empty() {
            (verdict, left) = (Verdict::Fixed, product.cves.clone());
        }
        let cves = left.iter().filter_map(|at| advisory.cves.get(*at));
        let hit = Hit {
            verdict,
            confidence: on.confidence,
            because,
            cves: cves.clone().map(|it| it.id.clone()).collect(),
            score: cves.filter_map(|it| it.score).reduce(f32::max),
        };
        found.entry(id).or_default().push(hit);
    }

    /// What a weakness that is exploited says of a device that has the component.
    fn weakness(&self, at: usize, alias: &Alias, on: &Grounds) -> Option<Hit> {
        let cves = self.weak.get(at).filter(|cves| !cves.is_empty())?.clone();
        let range = (!alias.versions.is_empty()).then(|| Versions::parse(&alias.versions));
        let range = range.flatten();
        let named = if alias.versions.is_empty() {
            "patches are not seen".to_owned()
        } else {
            format!("versions {}", alias.versions)
        };
        let because = match &on.version {
            Some(version) => format!("{}, version {}; {named}", on.seen, short(version)),
            None => format!("{}; {named}", on.seen),
        };
        let scores = self.set.advisories.values().flat_map(|it| &it.cves);
        let score = scores.filter(|it| cves.contains(&it.id)).filter_map(|it| it.score);
        let score = score.reduce(f32::max);
        let verdict = verdict(range.as_ref(), &alias.versions, on);
        let confidence = on.confidence;
        Some(Hit { verdict, confidence, because, cves, score })
    }

    /// One match of all that an advisory says of a device.
    fn summed(&self, id: &str, mut hits: Vec<Hit>) -> Option<Match> {
        hits.sort_by(|a, b| {
            let by = a.verdict.cmp(&b.verdict).then(b.confidence.total_cmp(&a.confidence));
            by.then_with(|| a.because.cmp(&b.because))
        });
        let worst = hits.first()?;
        let (verdict, confidence, because) =
            (worst.verdict, worst.confidence, worst.because.clone());
        // What the device is certainly free of does not count among what it may have.
        let counted =
            || hits.iter().filter(|it| it.verdict == verdict || it.verdict < Verdict::Fixed);
        let cves: BTreeSet<&String> = counted().flat_map(|it| &it.cves).collect();
        Some(Match {
            advisory: id.to_owned(),
            verdict,
            exploited: cves.iter().any(|cve| self.set.exploited.contains_key(*cve)),
            confidence,
            because,
            cves: cves.into_iter().cloned().collect(),
            score: counted().filter_map(|it| it.score).reduce(f32::max),
        })
    }
}

impl Alias {
    /// Whether it is what an advisory names.
    fn means(&self, advisory: &Advisory, maker: Option<usize>, folded: &str) -> bool {
        !self.is_weakness
            && (self.maker.is_none() || self.maker == maker)
            && (self.advisories.is_empty() || self.advisories.contains(&advisory.id))
            && self.products.iter().any(|name| name.is(folded))
    }

    /// The CVEs of a weakness: those that are named, and those of the list that are meant.
    fn cves(&self, set: &Set) -> BTreeSet<String> {
        let maker = self.listed.as_ref().map(|it| fold(&it.maker));
        let names = self.listed.iter().flat_map(|it| &it.products);
        let names: Vec<Name> = names.map(|name| Name::new(name)).collect();
        let is_meant = |it: &Exploited| {
            let product = fold(&it.product);
            maker.as_ref() == Some(&fold(&it.maker)) && names.iter().any(|it| it.is(&product))
        };
        let listed = set.exploited.iter().filter(|(_, it)| is_meant(it)).map(|(cve, _)| cve);
        self.cves.iter().chain(listed).cloned().collect()
    }

    /// Whether a device is it, and why.
    fn recognises(&self, device: &Device) -> Option<Grounds> {
        let mut seen = String::new();
        let mut confidence = 1.0_f32;
        for (name, pattern) in &self.device {
            let (value, sure) = first(device, name, pattern)?;
            confidence = confidence.min(*sure);
            seen.push_str(if seen.is_empty() { "" } else { ", " });
            seen.push_str(&shown(name, value));
        }
        let mut version = None;
        for (name, pattern) in &self.version {
            let Some((value, sure)) = first(device, name, pattern) else { continue };
            let group = pattern.captures(value).and_then(|it| it.get(1));
            if let Some(text) = group.filter(|it| !it.is_empty()) {
                confidence = confidence.min(*sure);
                version = Some(text.as_str().to_owned());
                break;
            }
        }
        let (backports, confidence) = (self.backports, confidence * self.sure);
        Some(Grounds { seen, version, backports, confidence })
    }

    /// The version that is read of a device that it is.
    pub(super) fn version_of(&self, device: &Device) -> Option<String> {
        self.recognises(device).map(|it| it.version.unwrap_or_default())
    }
}

fn first<'d>(device: &'d Device, name: &str, pattern: &Pattern) -> Option<&'d (String, f32)> {
    device.values(name).iter().find(|(value, _)| pattern.is_match(value))
}

/// From this confidence on maker, product and version are certain enough to be judged.
const CERTAIN: f32 = 0.5;

/// Whether a version is one of these, by its range or letter by letter.
fn answer(range: Option<&Versions>, versions: &str, read: &str) -> Answer {
    match range {
        _ if Versions::is_named(versions, read) => Answer::Inside,
        Some(range) => range.answer(read),
        None => Answer::Unknown,
    }
}

impl Product {
    /// Whether these versions of it are said to be fixed, and the device certainly has one.
    fn is_freed_by(&self, fixed: &Self, on: &Grounds) -> bool {
        let same = |one: &str, other: &str| fold(one) == fold(other);
        let Some(version) = on.version.as_ref().filter(|_| on.confidence >= CERTAIN) else {
            return false;
        };
        let range = || Versions::parse(&fixed.versions);
        same(&self.maker, &fixed.maker)
            && same(&self.name, &fixed.name)
            && answer(range().as_ref(), &fixed.versions, version) == Answer::Inside
    }
}

fn verdict(range: Option<&Versions>, versions: &str, on: &Grounds) -> Verdict {
    let Some(version) = &on.version else { return Verdict::Possible };
    match answer(range, versions, version) {
        Answer::Inside if on.confidence >= CERTAIN && !on.backports => Verdict::Affected,
        Answer::Outside if on.confidence >= CERTAIN => Verdict::Fixed,
        _ => Verdict::Possible,
    }
}

fn because(product: &Product, on: &Grounds) -> String {
    let Product { maker, name, versions, .. } = product;
    let named = if versions.is_empty() { "no versions" } else { versions };
    let version = match &on.version {
        Some(version) => format!("version {}", short(version)),
        None => "no version to compare".to_owned(),
    };
    let maker = if name.starts_with(maker.as_str()) { String::new() } else { format!("{maker} ") };
    format!("{}, {version}; named: {maker}{name}, {named}", on.seen)
}

fn shown(name: &str, value: &str) -> String {
    format!("{name}={}", short(value))
}

fn short(value: &str) -> String {
    value.chars().take(MAX_SHOWN).collect()
}
