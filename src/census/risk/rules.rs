//! The rules: each one function, in a sorted table. A rule that is met gives a hit; what
//! it weighs stands under its name in `signatures/risk.toml`. Rules that only ask for
//! exposures need no function: their values stand there too.

use jiff::civil::Date;

use super::Watched;
use super::advisory::{Match, Verdict};
use super::assessment::{Finding, Proof, Supported, Unseen};
use super::book::{RiskBook, Terms};
use super::network;
use super::score::round;
use super::spreading;
use super::support::Support;
use super::surroundings::Surroundings;
use super::unseen;
use crate::census::asset::{Asset, Candidate};
use crate::census::heard::Heard;
use crate::time::Timestamp;
use crate::time::calendar::Zone;

/// What a rule may look at.
pub(super) struct Look<'l, 'a> {
    pub(super) asset: &'l Asset<'a>,
    pub(super) book: &'l RiskBook,
    pub(super) around: &'l Surroundings,
    pub(super) watched: Watched,
    pub(super) support: &'l Support,
    pub(super) advisories: &'l [Match],
    /// On which days it was in conversations.
    pub(super) heard: Heard,
    /// Days after which what was not seen again does not count; with 0 everything counts.
    pub(super) unseen_days: u32,
}

impl Look<'_, '_> {
    /// The first shown value of an attribute.
    pub(super) fn first(&self, name: &str) -> Option<String> {
        self.asset.shown(name).first().map(|it| it.value.to_string())
    }
}

/// A rule that is met.
#[derive(Debug, Default)]
pub(super) struct Hit {
    /// 0 to 1.
    pub(super) confidence: f64,
    /// 0 to 1, for what grows with a number.
    pub(super) degree: f64,
    /// The same at worst, where it is in doubt; else 0.
    pub(super) most: f64,
    pub(super) evidence: Vec<Proof>,
    pub(super) since: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Hit {
    /// Wholly, for what the census itself has seen.
    pub(super) fn seen(confidence: f64, evidence: Vec<String>) -> Self {
        let proof = |text| Proof { text, capture: 0, frame: 0 };
        let evidence = evidence.into_iter().map(proof).collect();
        Self { confidence, degree: 1.0, evidence, ..Self::default() }
    }

    /// For values of an attribute, as sure as the surest of them.
    fn of(values: &[&Candidate<'_>]) -> Option<Self> {
        let surest = values.iter().map(|it| it.confidence).reduce(f32::max)?;
        let reasons = values.iter().flat_map(|it| it.reasons.iter().map(move |why| (it, why)));
        let proof = |(it, why): (&&Candidate<'_>, &crate::census::asset::Reason<'_>)| Proof {
            text: format!("{}: {}={} [{}]", it.value, why.key, why.value, why.signature),
            capture: why.said.evidence.capture,
            frame: why.said.evidence.frame,
        };
        // Whoever moved, or was read twice, may have said the same under several names: it is
        // said once, by the first frame.
        let mut evidence: Vec<Proof> = Vec::new();
        for proof in reasons.clone().map(proof) {
            match evidence.iter_mut().find(|it| it.text == proof.text) {
                Some(known) if (proof.capture, proof.frame) < (known.capture, known.frame) => {
                    *known = proof;
                }
                Some(_) => {}
                None => evidence.push(proof),
            }
        }
        Some(Self {
            confidence: f64::from(surest),
            degree: 1.0,
            evidence,
            since: reasons.map(|(_, why)| why.said.span.first).min(),
            last: values.iter().filter_map(|it| unseen::last(it)).max(),
            ..Self::default()
        })
    }

    fn and(mut self, other: Self) -> Self {
        self.confidence = self.confidence.max(other.confidence);
        self.degree = self.degree.max(other.degree);
        self.most = self.most.max(other.most);
        self.evidence.extend(other.evidence);
        self.since = self.since.into_iter().chain(other.since).min();
        self.last = self.last.max(other.last);
        self
    }
}

/// Proofs kept of one finding.
const MAX_PROOFS: usize = 12;

type Rule = fn(&Look<'_, '_>) -> Option<Hit>;

/// Rules that are more than exposures, sorted by name.
pub(super) static RULES: &[(&str, Rule)] = &[
    ("address-conflict", network::address_conflict),
    ("advisory-affected", |look| advisory(look, Verdict::Affected, false)),
    ("advisory-exploited", |look| advisory(look, Verdict::Affected, true)),
    ("advisory-possible", |look| advisory(look, Verdict::Possible, false)),
    ("certificate-expired", certificate_expired),
    ("cleartext-phi", network::cleartext_phi),
    ("dangerous-peer", network::dangerous_peer),
    ("flat-exposure", network::flat_exposure),
    ("internet-inbound", network::internet_inbound),
    ("internet-outbound", network::internet_outbound),
    ("new-clinical-peer", network::new_clinical_peer),
    ("os-support-depends", |look| os(look, Supported::Depends)),
    ("os-unsupported", |look| os(look, Supported::No)),
    ("remote-access", |look| Hit::of(&look.seen("remote_access"))),
    ("tunnel", tunnel),
    ("unauthenticated-clinical", network::unauthenticated_clinical),
    ("unauthenticated-control", network::unauthenticated_control),
    ("unknown-in-medical-vlan", network::unknown_in_medical_vlan),
];

/// Which rules are met, in the order of their names.
fn hits<'l>(look: &Look<'l, '_>) -> impl Iterator<Item = (&'l str, &'l Terms, Hit)> {
    let exposures = look.seen("exposure");
    look.book.rules.iter().filter_map(move |(name, terms)| {
        let named = |it: &&&Candidate<'_>| terms.exposures.iter().any(|e| *e == *it.value);
        let counts = |it: &&&Candidate<'_>| !spreading::is_its_work(look, &it.value);
        let exposed: Vec<_> = exposures.iter().filter(named).filter(counts).copied().collect();
        let rule = RULES.binary_search_by(|(rule, _)| (*rule).cmp(name));
        let judged = rule.ok().and_then(|at| RULES.get(at)).and_then(|(_, rule)| rule(look));
        let hit = match (judged, Hit::of(&exposed)) {
            (Some(one), Some(other)) => one.and(other),
            (one, other) => one.or(other)?,
        };
        Some((name.as_str(), terms, hit))
    })
}

/// What would be to be feared of an asset if it were still seen.
pub(super) fn unseen(look: &Look<'_, '_>, found: &[Finding]) -> Vec<Unseen> {
    if !look.has_unseen() {
        return Vec::new();
    }
    let whole = Look { unseen_days: 0, ..*look };
    let gone = hits(&whole).filter(|(name, ..)| !found.iter().any(|it| it.rule == *name));
    let told = gone.filter_map(|(rule, terms, hit)| {
        let (rule, text, last) = (rule.to_owned(), terms.text.clone(), hit.last?);
        Some(Unseen { rule, text, last, days: look.heard.days_after(last) })
    });
    told.collect()
}

/// Everything that is to be feared of an asset.
pub(super) fn findings(look: &Look<'_, '_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, terms, hit) in hits(look) {
        let mut evidence = hit.evidence;
        let more = evidence.len().saturating_sub(MAX_PROOFS);
        evidence.truncate(MAX_PROOFS);
        if more > 0 {
            let text = format!("and {more} more");
            evidence.push(Proof { text, capture: 0, frame: 0 });
        }
        found.push(Finding {
            rule: name.to_owned(),
            text: terms.text.clone(),
            severity: terms.severity,
            weight: look.book.weight(name),
            // As they are printed: whoever recomputes the score has the same numbers.
            degree: round(hit.degree, 2),
            most: round(hit.most, 2),
            confidence: round(hit.confidence, 2),
            touches: terms.touches.clone(),
            evidence,
            remedy: terms.remedy.clone(),
            since: hit.since,
            ..Finding::default()
        });
    }
    found
}

fn os(look: &Look<'_, '_>, state: Supported) -> Option<Hit> {
    let support = look.support;
    (support.state == Some(state)).then(|| Hit {
        confidence: support.system.as_ref().map_or(0.0, |(_, sure)| f64::from(*sure)),
        degree: 1.0,
        evidence: support.evidence(),
        ..Hit::default()
    })
}

/// A weakness that is exploited counts once, as that.
fn advisory(look: &Look<'_, '_>, verdict: Verdict, exploited: bool) -> Option<Hit> {
    let named = look.advisories.iter().filter(|it| match exploited {
        true => it.exploited && it.verdict != Verdict::Fixed,
        false => !it.exploited && it.verdict == verdict,
    });
    // What is exploited counts in full, or half where it is only possible; the rest counts
    // by its CVSS base score, and in full where nobody has scored it.
    let degree = |it: &Match| match (exploited, it.verdict) {
        (true, Verdict::Affected) => 1.0,
        (true, _) => 0.5,
        (false, _) => it.score.map_or(1.0, |score| f64::from(score) / 10.0),
    };
    let worst = named.clone().max_by(|a, b| {
        let weight = |it: &Match| degree(it) * f64::from(it.confidence);
        weight(a).total_cmp(&weight(b))
    })?;
    // The one that weighs the most may be another once all are sure.
    let most = match exploited {
        true => 1.0,
        false => named.clone().map(degree).fold(0.0, f64::max),
    };
    let evidence = named.map(|it| format!("{}: {}", it.advisory, it.because)).collect();
    let hit = Hit::seen(f64::from(worst.confidence), evidence);
    Some(Hit { degree: degree(worst), most, ..hit })
}

/// Certificates whose last day has passed, in UTC as they are made.
fn certificate_expired(look: &Look<'_, '_>) -> Option<Hit> {
    let ends = look.seen("certificate_end");
    let today = Zone::default().date(look.around.now());
    // One that was replaced in time was never shown after its end.
    let shown = |it: &Candidate<'_>| unseen::last(it).map(|at| Zone::default().date(at));
    let past = |it: &&&Candidate<'_>| {
        let is_over = |end: Date| end < today && shown(it).is_some_and(|last| end < last);
        it.value.parse().is_ok_and(is_over)
    };
    Hit::of(&ends.iter().filter(past).copied().collect::<Vec<_>>())
}

/// Devices whose work it is are none that hide a tunnel.
fn tunnel(look: &Look<'_, '_>) -> Option<Hit> {
    let carries = look.first("device_category").as_deref() == Some("network");
    Hit::of(&look.seen("vpn")).filter(|_| !carries)
}
