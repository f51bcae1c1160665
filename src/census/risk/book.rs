//! The weights of `signatures/risk.toml` and the dates of `signatures/support.toml`, with
//! the site's own laid over them.

mod check;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use toml::Value;

use super::accepted::Accepted;
use super::assessment::{Level, Property, Severity};
use super::impact::CONTROLS;
use super::overlay;
use super::rules::RULES;
use super::support::Product;
use crate::census::advisory::Advisories;
use crate::census::heard::Heard;
use crate::census::signature::{self, BookError, Fault, RISK, SUPPORT};

pub use check::check;

/// The largest weight: nothing is certain, and the formula has no room for it.
const HEAVIEST: f64 = 0.99;

/// The classes that a group of `[[class]]` may not forget stand in `classes.toml`.
const UNKNOWN: &str = "unknown";

/// What `risk.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Text {
    sign_off: Option<SignOff>,
    likelihood: Scale,
    impact: Scale,
    level: Levels,
    limits: Limits,
    protocols: Protocols,
    rule: BTreeMap<String, Terms>,
    control: BTreeMap<String, Control>,
    dangerous: Vec<Dangerous>,
    class: Vec<Group>,
    category: Vec<Group>,
}

/// Who is responsible for what the site has changed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOff {
    by: String,
    #[serde(deserialize_with = "date::read")]
    on: jiff::civil::Date,
}

/// What the words of a scale are worth.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Scale {
    very_low: f64,
    low: f64,
    moderate: f64,
    high: f64,
    very_high: f64,
}

impl Scale {
    const fn of(&self, severity: Severity) -> f64 {
        match severity {
            Severity::VeryLow => self.very_low,
            Severity::Low => self.low,
            Severity::Moderate => self.moderate,
            Severity::High => self.high,
            Severity::VeryHigh => self.very_high,
        }
    }

    /// Whether the words stand in their order, within 0 and `most`.
    fn is_sound(&self, most: f64) -> bool {
        let all = Severity::ALL.map(|severity| self.of(severity));
        all.iter().all(|value| (0.0..=most).contains(value)) && all.is_sorted()
    }
}

/// From which score on a level is reached.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    low: f64,
    medium: f64,
    high: f64,
    critical: f64,
}

/// From when on something counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Limits {
    pub(super) coverage: f64,
    pub(super) coverage_confidence: f64,
    pub(super) flat_subnets: usize,
    pub(super) settled_days: i64,
    pub(super) unseen_days: u32,
    pub(super) watched_days: u32,
    pub(super) hub_peers: usize,
    pub(super) medical_vlan: usize,
    pub(super) medical_untagged: usize,
    pub(super) busy_share: f64,
}

/// Protocols by what they carry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protocols {
    pub(super) patients: Vec<String>,
    pub(super) clinical: Vec<String>,
    pub(super) control: Vec<String>,
}

/// What a rule weighs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    pub(super) severity: Severity,
    pub(super) touches: Vec<Property>,
    #[serde(default)]
    pub(super) exposures: Vec<String>,
    pub(super) text: String,
    pub(super) remedy: String,
    pub(super) source: String,
}

/// What a control takes away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Control {
    pub(super) lowers: f64,
    pub(super) text: String,
    source: String,
}

/// An address that nothing in a hospital has to call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dangerous {
    address: String,
    pub(super) text: String,
    pub(super) source: String,
}

impl Dangerous {
    /// Address and length of the prefix.
    fn network(&self) -> Option<(IpAddr, u32)> {
        let (ip, length) = self.address.split_once('/').unwrap_or((&self.address, ""));
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let length = if length.is_empty() { most } else { length.parse().ok()? };
        (1..=most).contains(&length).then_some((ip, length))
    }

    /// Whether an address is one of these.
    pub(super) fn holds(&self, ip: IpAddr) -> bool {
        match (self.network(), ip) {
            (Some((IpAddr::V4(net), length)), IpAddr::V4(ip)) => {
                let differ = u32::from(net) ^ u32::from(ip);
                differ.leading_zeros() >= length
            }
            (Some((IpAddr::V6(net), length)), IpAddr::V6(ip)) => {
                let differ = u128::from(net) ^ u128::from(ip);
                differ.leading_zeros() >= length
            }
            _ => false,
        }
    }
}

/// What harm to some classes would mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    names: Vec<String>,
    pub(super) safety: Severity,
    pub(super) effectiveness: Severity,
    pub(super) data: Severity,
    pub(super) source: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Support {
    #[serde(default)]
    os: Vec<Product>,
}

/// Weights, dates and acceptances: all that judges a device.
#[derive(Clone, Debug)]
pub struct RiskBook {
    sign_off: Option<SignOff>,
    /// The site has laid weights of its own over these.
    of_site: bool,
    likelihood: Scale,
    impact: Scale,
    level: Levels,
    pub(super) limits: Limits,
    pub(super) protocols: Protocols,
    pub(super) rules: BTreeMap<String, Terms>,
    pub(super) controls: BTreeMap<String, Control>,
    pub(super) dangerous: Vec<Dangerous>,
    classes: Vec<Group>,
    categories: Vec<Group>,
    unknown: Group,
    pub(super) products: Vec<Product>,
    pub(super) accepted: Accepted,
    pub(super) advisories: Arc<Advisories>,
}

impl RiskBook {
    /// The weights and dates in this binary, read once.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BOOK: LazyLock<RiskBook> =
            LazyLock::new(|| RiskBook::from_texts(&[]).expect("the built-in weights are tested"));
        &BOOK
    }

    /// The built-in ones with `risk.toml`, `support.toml` and advisories of a directory
    /// laid over them.
    ///
    /// # Errors
    /// Every fault of all, and a directory or file that cannot be read.
    pub fn load(directory: Option<&Path>) -> Result<Self, BookError> {
        let files = directory.map_or_else(|| Ok(Vec::new()), signature::overlay)?;
        let texts: Vec<_> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let mut book = Self::from_texts(&texts)?;
        if let Some(directory) = directory {
            book.advisories = Arc::new(Advisories::load(directory)?);
        }
        Ok(book)
    }

    /// The built-in ones with these files laid over them, by name; others are passed over.
    ///
    /// # Errors
    /// Every fault.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, BookError> {
        let fault = |file: &str, line, what: String| {
            BookError(vec![Fault { file: file.to_owned(), line, id: String::new(), what }])
        };
        let table = |name: &str, text: &str| {
            text.parse::<toml::Table>().map(Value::Table).map_err(|error| {
                let before = error.span().and_then(|it| text.get(..it.start)).unwrap_or_default();
                fault(name, before.matches('\n').count() + 1, error.message().to_owned())
            })
        };
        let built_in = table(RISK.0, RISK.1)?;
        let mut weights = built_in.clone();
        let (mut site, mut own) = ("", Value::Table(toml::Table::new()));
        for (name, text) in files.iter().filter(|(name, _)| *name == RISK.0) {
            (site, own) = (text, table(name, text)?);
            overlay::lay_over(&mut weights, own.clone());
        }
        let idle = overlay::idle(&built_in, &own, site);
        if !idle.is_empty() {
            return Err(BookError(idle));
        }
        let text: Text = weights.try_into().map_err(|error: toml::de::Error| {
            let found = overlay::mistakes::<Text>(&built_in, &own, site);
            let whole = || fault(RISK.0, 0, error.message().to_owned());
            if found.is_empty() { whole() } else { BookError(found) }
        })?;
        let mut products = Vec::new();
        let own = files.iter().filter(|(name, _)| *name == SUPPORT.0);
        for (name, text) in std::iter::once(&SUPPORT).chain(own) {
            let Support { os } = toml::from_str(text).map_err(|error| {
                let before = error.span().and_then(|it| text.get(..it.start)).unwrap_or_default();
                fault(name, before.matches('\n').count() + 1, error.message().to_owned())
            })?;
            for product in os {
                match products.iter_mut().find(|it: &&mut Product| it.id == product.id) {
                    Some(known) => *known = product,
                    None => products.push(product),
                }
            }
        }
        let Some(unknown) = text.category.iter().rev().find(|it| it.holds(UNKNOWN)).cloned() else {
            return Err(fault(RISK.0, 0, "no [[category]] is `unknown`".to_owned()));
        };
        let book = Self {
            sign_off: text.sign_off,
            of_site: files.iter().any(|(name, _)| *name == RISK.0),
            likelihood: text.likelihood,
            impact: text.impact,
            level: text.level,
            limits: text.limits,
            protocols: text.protocols,
            rules: text.rule,
            controls: text.control,
            dangerous: text.dangerous,
            classes: text.class,
            categories: text.category,
            unknown,
            products,
            accepted: Accepted::default(),
            advisories: Arc::clone(Advisories::builtin()),
        };
        let mut faults = book.faults();
        for it in faults.iter_mut().filter(|it| it.file == RISK.0) {
            it.line = overlay::line_of(site, &it.id);
        }
        if faults.is_empty() { Ok(book) } else { Err(BookError(faults)) }
    }

    /// The advisories with which devices are compared.
    #[must_use]
    pub fn advisories(&self) -> &Advisories {
        &self.advisories
    }

    /// From now on lives with these findings.
    #[must_use]
    pub fn accepting(mut self, accepted: Accepted) -> Self {
        self.accepted = accepted;
        self
    }

    /// Every rule with its severity and what it says, by name.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Severity, &str)> {
        self.rules.iter().map(|(name, it)| (name.as_str(), it.severity, it.text.as_str()))
    }

    /// Who is responsible for what the site has changed, and since when; `nobody` where none
    /// has signed. None where nothing is changed.
    pub(super) fn signed(&self) -> Option<String> {
        let own = self.of_site.then(|| "nobody".to_owned());
        self.sign_off.as_ref().map(|it| format!("{}, {}", it.by, it.on)).or(own)
    }

    /// The day on which it was signed, `2026-11-02`.
    #[must_use]
    pub fn signed_on(&self) -> Option<String> {
        self.sign_off.as_ref().map(|it| it.on.to_string())
    }

    /// What the severity of a rule is worth; 0 for one that is not known.
    pub(super) fn weight(&self, rule: &str) -> f64 {
        self.rules.get(rule).map_or(0.0, |it| self.likelihood.of(it.severity))
    }

    /// What a level of impact is worth.
    pub(super) const fn impact(&self, level: Severity) -> f64 {
        self.impact.of(level)
    }

    /// What a score is called.
    pub(super) fn level(&self, score: f64) -> Level {
        match score {
            score if score >= self.level.critical => Level::Critical,
            score if score >= self.level.high => Level::High,
            score if score >= self.level.medium => Level::Medium,
            score if score >= self.level.low => Level::Low,
            _ => Level::None,
        }
    }

    /// What harm would mean, by class, by category, or for what is not known; the last
    /// that names it counts, which is the site's.
    pub(super) fn group(&self, class: Option<&str>, category: Option<&str>) -> (String, &Group) {
        let among = |groups: &'_ [Group], name: &str| groups.iter().rposition(|it| it.holds(name));
        if let Some(class) = class
            && let Some(group) = among(&self.classes, class).and_then(|at| self.classes.get(at))
        {
            return (format!("class {class}"), group);
        }
        if let Some(of) = category
            && let Some(group) = among(&self.categories, of).and_then(|at| self.categories.get(at))
        {
            return (format!("category {of}"), group);
        }
        (UNKNOWN.to_owned(), &self.unknown)
    }

    /// What a reader of TOML does not notice.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut wrong = |file: &str, id: &str, what: &str| {
            let (file, id, what) = (file.to_owned(), id.to_owned(), what.to_owned());
            faults.push(Fault { file, line: 0, id, what });
        };
        if !self.likelihood.is_sound(HEAVIEST) {
            wrong(RISK.0, "likelihood", "not in order, or not from 0 to 0.99");
        }
        if !self.impact.is_sound(1.0) {
            wrong(RISK.0, "impact", "not in order, or not from 0 to 1");
        }
        let Levels { low, medium, high, critical } = self.level;
        if ![0.0, low, medium, high, critical, 100.0].is_sorted() {
            wrong(RISK.0, "level", "not in order, or not from 0 to 100");
        }
        let Limits { coverage, coverage_confidence, busy_share, .. } = self.limits;
        let shares = [coverage, coverage_confidence, busy_share];
        if shares.iter().any(|it| !(0.0..=1.0).contains(it)) || self.limits.flat_subnets < 2 {
            wrong(RISK.0, "limits", "shares are from 0 to 1, subnets at least 2");
        }
        let Limits { hub_peers, medical_vlan, medical_untagged, .. } = self.limits;
        if [hub_peers, medical_vlan, medical_untagged].contains(&0) || self.limits.settled_days < 0
        {
            wrong(RISK.0, "limits", "devices are at least 1, and days no fewer than 0");
        }
        if self.limits.unseen_days >= Heard::MOST {
            wrong(RISK.0, "limits", "unseen-days are fewer than 64: no more days are remembered");
        }
        for (name, terms) in &self.rules {
            let judged = RULES.binary_search_by(|(rule, _)| (*rule).cmp(name.as_str())).is_ok();
            if !judged && terms.exposures.is_empty() {
                wrong(RISK.0, name, "no such rule, and it names no exposures");
            }
            let texts = [&terms.text, &terms.remedy, &terms.source];
            if terms.touches.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
                wrong(RISK.0, name, "touches nothing, or has no text, remedy or source");
            }
        }
        for (name, _) in RULES.iter().filter(|(name, _)| !self.rules.contains_key(*name)) {
            wrong(RISK.0, name, "has no weight");
        }
        for (name, control) in &self.controls {
            if !CONTROLS.contains(&name.as_str()) {
                wrong(RISK.0, name, "no such control");
            }
            if !(0.0..=HEAVIEST).contains(&control.lowers) || control.source.trim().is_empty() {
                wrong(RISK.0, name, "lowers by 0 to 0.99, and has a source");
            }
        }
        for it in self.dangerous.iter().filter(|it| it.network().is_none()) {
            wrong(RISK.0, &it.address, "neither an address nor address/length");
        }
        for product in &self.products {
            if product.source.trim().is_empty() || product.editions.is_empty() {
                wrong(SUPPORT.0, &product.id, "no source or no edition");
            }
            for (edition, what) in product.editions.iter().filter_map(|it| Some((it, it.fault()?)))
            {
                wrong(SUPPORT.0, &product.id, &format!("{}: {what}", edition.edition));
            }
        }
        faults
    }
}

impl Group {
    fn holds(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }
}

/// Days in TOML: `"2029-01-09"`.
pub(super) mod date {
    use jiff::civil::Date;
    use serde::de::{Deserialize, Deserializer, Error};

    pub(in super::super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no day like 2029-01-09")))
    }

    pub(in super::super) fn read_some<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Date>, D::Error> {
        read(from).map(Some)
    }
}
