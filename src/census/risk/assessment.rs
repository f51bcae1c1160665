//! What an assessment says: stored as it is, and read by every view.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How bad something is, in the words of NIST SP 800-30.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Hardly worth a word.
    #[default]
    VeryLow,
    /// Little.
    Low,
    /// Some.
    Moderate,
    /// Much.
    High,
    /// As much as can be.
    VeryHigh,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Self; 5] =
        [Self::VeryLow, Self::Low, Self::Moderate, Self::High, Self::VeryHigh];

    /// So many steps higher, the highest at most.
    #[must_use]
    pub fn raised(self, steps: usize) -> Self {
        let at = Self::ALL.iter().position(|it| *it == self).unwrap_or_default();
        Self::ALL.get(at + steps).copied().unwrap_or(Self::VeryHigh)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::VeryHigh => "very-high",
        })
    }
}

/// Whether somebody still mends an operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supported {
    /// Whatever the edition is.
    Yes,
    /// Of no edition that it may be, and nobody can pay for it.
    No,
    /// On the edition, on the version, or on whether somebody pays.
    Depends,
}

impl Supported {
    /// Of two that it may be.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Depends }
    }
}

impl fmt::Display for Supported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Depends => "depends",
        })
    }
}

/// How much a device should worry, in the words of the register.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing was found.
    #[default]
    None,
    /// From `low` of `[level]` on.
    Low,
    /// From `medium` on.
    Medium,
    /// From `high` on.
    High,
    /// From `critical` on.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// The key properties of IEC 80001-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Freedom from harm to patients.
    Safety,
    /// Care as it is meant to be.
    Effectiveness,
    /// Confidentiality, integrity and availability of data and systems.
    Data,
}

impl Property {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Safety, Self::Effectiveness, Self::Data];
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Safety => "safety",
            Self::Effectiveness => "effectiveness",
            Self::Data => "data security",
        })
    }
}

/// Something that speaks for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What was seen.
    pub text: String,
    /// Number of the capture.
    pub capture: u32,
    /// Number of the frame in it; 0 where no single frame says it.
    pub frame: u64,
}

/// A finding with which somebody lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Who has decided so.
    pub by: String,
    /// The last day on which it holds.
    pub until: String,
    /// Why.
    pub reason: String,
}

/// One thing to be feared of a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its rule in `signatures/risk.toml`.
    pub rule: String,
    /// What it is.
    pub text: String,
    /// How likely it makes harm.
    pub severity: Severity,
    /// What that word is worth.
    pub weight: f64,
    /// How much of it applies, for what grows with a number.
    pub degree: f64,
    /// The degree at worst, where how much of it applies is in doubt; else 0. Not kept.
    #[serde(skip)]
    pub most: f64,
    /// How sure it is.
    pub confidence: f64,
    /// The properties that it touches.
    pub touches: Vec<Property>,
    /// What speaks for it.
    pub evidence: Vec<Proof>,
    /// What would end it.
    pub remedy: String,
    /// Since when, where one frame says so.
    pub since: Option<Timestamp>,
    /// Its part of the score.
    pub share: f64,
    /// The score without it.
    pub without: f64,
    /// Somebody lives with it: it does not count.
    pub accepted: Option<Acceptance>,
    /// Somebody lived with it until a day that has passed: it counts again.
    pub lapsed: Option<Acceptance>,
}

impl Finding {
    /// Its likelihood: weight × degree × confidence.
    #[must_use]
    pub fn likelihood(&self) -> f64 {
        self.weight * self.degree * self.confidence
    }
}

/// A finding that does not speak against a device any more: it was not seen again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Its rule in `signatures/risk.toml`.
    pub rule: String,
    /// What it was.
    pub text: String,
    /// When it was last seen.
    pub last: Timestamp,
    /// On how many days it was in conversations since; 64 may be more.
    pub days: u32,
}

/// What raises the impact of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImpactTerm {
    /// `class mri`, or the name of a step.
    pub what: String,
    /// Why, in words.
    pub text: String,
    /// The levels that it sets, by [`Property::ALL`]; none for a step.
    pub sets: Option<[Severity; 3]>,
    /// The steps by which it raises them.
    pub raises: [u8; 3],
}

/// What speaks for a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlTerm {
    /// Its name in `signatures/risk.toml`.
    pub what: String,
    /// Why, in words.
    pub text: String,
    /// The share by which it lowers the likelihood.
    pub lowers: f64,
}

/// What comes out for one property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// 0 to 1, controls included.
    pub likelihood: f64,
    /// The level after all steps.
    pub level: Severity,
    /// What that word is worth.
    pub impact: f64,
    /// 0 to 100.
    pub score: f64,
}

/// A finding as it is in the worst case, where it is certain and so without a confidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Feared {
    /// Its rule in `signatures/risk.toml`, which may be a worse one than that of the finding.
    pub rule: String,
    /// What the severity of that rule is worth.
    pub weight: f64,
    /// How much of it applies at most.
    pub degree: f64,
    /// The properties that it touches.
    pub touches: Vec<Property>,
}

/// What the worst case is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// What comes out, by [`Property::ALL`].
    pub outcomes: [Outcome; 3],
    /// Everything that counts in it.
    pub feared: Vec<Feared>,
}

/// Until when an edition that the device may have is mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// Row of `signatures/support.toml`.
    pub row: String,
    /// Product and edition.
    pub edition: String,
    /// The last day that everybody has; "before" and a day where only that is known.
    pub end: String,
    /// The last day for who pays, and what for.
    pub paid: Option<(String, String)>,
}

impl Until {
    /// The last day that everybody has; none where only a day after it is known.
    #[must_use]
    pub fn last(&self) -> Option<Date> {
        self.end.parse().ok()
    }

    /// The last day for who pays.
    #[must_use]
    pub fn bought(&self) -> Option<Date> {
        self.paid.as_ref()?.0.parse().ok()
    }

    /// Whether it is mended on a day.
    #[must_use]
    pub fn on(&self, day: Date) -> Supported {
        match (self.last(), self.bought()) {
            (Some(last), _) if day <= last => Supported::Yes,
            (_, Some(bought)) if day <= bought => Supported::Depends,
            _ => Supported::No,
        }
    }

    /// Edition and day in words.
    #[must_use]
    pub fn said(&self) -> String {
        let verb = if self.end.starts_with("before ") { "ended" } else { "until" };
        format!("{} {verb} {}", self.edition, self.end)
    }
}

/// How much a device should worry, with every term.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// 0 to 100: the largest of the three outcomes.
    pub score: f64,
    /// What that is called; none where too little is known to say so.
    pub level: Option<Level>,
    /// By [`Property::ALL`].
    pub outcomes: [Outcome; 3],
    /// The score if everything unknown were as bad as it can be.
    pub worst: f64,
    /// What that assumes.
    pub assumed: Vec<String>,
    /// Its terms; none where it was judged before they were kept. Stored behind the rest.
    #[serde(skip)]
    pub at_worst: Option<Worst>,
    /// What is known of what it is.
    pub known: Vec<String>,
    /// What is not.
    pub missing: Vec<String>,
    /// What it would mean.
    pub impact: Vec<ImpactTerm>,
    /// What speaks for it.
    pub controls: Vec<ControlTerm>,
    /// What is to be feared, the largest share first.
    pub findings: Vec<Finding>,
    /// Whether its operating system is still mended; none where that is not known.
    pub supported: Option<Supported>,
    /// Until when, by the editions that it may be.
    pub support: Vec<Until>,
    /// The same in one line.
    pub editions: String,
    /// Who says which operating system it is, and how sure that is.
    pub system: Option<(Proof, f32)>,
    /// Who is responsible for weights that the site has changed.
    pub signed: Option<String>,
    /// What is not seen any more; stored after the rest.
    #[serde(skip)]
    pub unseen: Vec<Unseen>,
}

impl Assessment {
    /// The score, to one decimal, when some of its findings are ended; with it the sum of
    /// the scores of all properties, which tells more where two of them lead together.
    #[must_use]
    pub fn without(&self, is_ended: impl Fn(&Finding) -> bool) -> (f64, f64) {
        let kept: f64 = self.controls.iter().map(|control| 1.0 - control.lowers).product();
        let of = |(property, out): (Property, Outcome)| {
            let left = self.findings.iter().filter(|it| {
                it.accepted.is_none() && it.touches.contains(&property) && !is_ended(it)
            });
            let unharmed: f64 = left.map(|finding| 1.0 - finding.likelihood()).product();
            100.0 * (1.0 - unharmed) * kept * out.impact
        };
        let (mut most, mut sum) = (0.0_f64, 0.0);
        for score in Property::ALL.into_iter().zip(self.outcomes).map(of) {
            most = most.max(score);
            sum += score;
        }
        (super::score::round(most, 1), super::score::round(sum, 3))
    }

    /// Whether its operating system is mended on a day, whatever edition it is; none where
    /// no date is known.
    #[must_use]
    pub fn supported_on(&self, day: Date) -> Option<Supported> {
        self.support.iter().map(|it| it.on(day)).reduce(Supported::or)
    }

    /// Share of what identifies a device that is known, from 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        let [known, missing] = [&self.known, &self.missing].map(|names| small(names.len()));
        if known + missing > 0.0 { known / (known + missing) } else { 0.0 }
    }
}

/// A small number.
pub(super) fn small(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}
