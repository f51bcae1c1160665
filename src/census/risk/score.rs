//! From terms to a score. The whole formula; nothing is rounded before the end:
//!
//! ```text
//!  term        p = weight × degree × confidence
//!  likelihood  L = (1 − Π (1 − p)) × Π (1 − lowers)      of what touches the property
//!  score         = 100 × L × impact                      for each property
//!  the score     = the largest of the three, to one decimal
//! ```

use super::assessment::{Assessment, Feared, Finding, Level, Outcome, Property, Severity, Worst};
use super::book::RiskBook;

/// Findings that a worst case turns into others.
const DEPENDS: &str = "os-support-depends";
const UNSUPPORTED: &str = "os-unsupported";
const POSSIBLE: &str = "advisory-possible";
const AFFECTED: &str = "advisory-affected";
const EXPLOITED: &str = "advisory-exploited";

/// Fills in what follows from the terms.
pub(super) fn settle(it: &mut Assessment, book: &RiskBook) {
    let lowers: Vec<f64> = it.controls.iter().map(|control| control.lowers).collect();
    let levels = levels(it);
    it.outcomes = outcomes(&it.findings, &lowers, levels, book);
    it.score = largest(&it.outcomes);
    let leading = Property::ALL
        .into_iter()
        .zip(it.outcomes)
        .reduce(|best, next| if next.1.score > best.1.score { next } else { best })
        .map_or(Property::Safety, |(property, _)| property);
    share(&mut it.findings, leading, it.score);
    for at in 0..it.findings.len() {
        let others = it.findings.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, f)| f);
        let without = round(largest(&outcomes(others, &lowers, levels, book)), 1);
        if let Some(finding) = it.findings.get_mut(at) {
            finding.without = without;
        }
    }
    it.findings.sort_by(|a, b| {
        b.share
            .total_cmp(&a.share)
            .then_with(|| b.likelihood().total_cmp(&a.likelihood()))
            .then_with(|| a.rule.cmp(&b.rule))
    });
    worst(it, book);
    it.score = round(it.score, 1);
    let level = book.level(it.score);
    let sure = level >= Level::Medium || level == book.level(it.worst);
    let enough = it.coverage() >= book.limits.coverage || sure;
    it.level = enough.then_some(level);
}

/// The level of impact of each property, after all steps.
fn levels(it: &Assessment) -> [Severity; 3] {
    let mut levels = [Severity::VeryLow; 3];
    for term in &it.impact {
        if let Some(sets) = term.sets {
            for (level, set) in levels.iter_mut().zip(sets) {
                *level = (*level).max(set);
            }
        }
    }
    for term in &it.impact {
        for (level, steps) in levels.iter_mut().zip(term.raises) {
            *level = level.raised(usize::from(steps));
        }
    }
    levels
}

fn outcomes<'f>(
    findings: impl IntoIterator<Item = &'f Finding> + Clone,
    lowers: &[f64],
    levels: [Severity; 3],
    book: &RiskBook,
) -> [Outcome; 3] {
    let kept: f64 = lowers.iter().map(|lowers| 1.0 - lowers).product();
    let mut all = [Outcome::default(); 3];
    for ((outcome, property), level) in all.iter_mut().zip(Property::ALL).zip(levels) {
        let touching = findings.clone().into_iter().filter(|f| counts(f, property));
        let unharmed: f64 = touching.map(|finding| 1.0 - finding.likelihood()).product();
        let likelihood = (1.0 - unharmed) * kept;
        let impact = book.impact(level);
        *outcome = Outcome { likelihood, level, impact, score: 100.0 * likelihood * impact };
    }
    all
}

fn counts(finding: &Finding, property: Property) -> bool {
    finding.accepted.is_none() && finding.touches.contains(&property)
}

fn largest(outcomes: &[Outcome; 3]) -> f64 {
    outcomes.iter().map(|outcome| outcome.score).fold(0.0, f64::max)
}

/// Divides the score, as it is printed, among the findings that make it: as the logarithms
/// of what each leaves, which add up where the likelihoods do not. In tenths; those that are
/// left over go to the largest remainders, so that the shares add up to the score.
fn share(findings: &mut [Finding], leading: Property, score: f64) {
    let part = |finding: &Finding| match counts(finding, leading) {
        true => -(1.0 - finding.likelihood()).ln(),
        false => 0.0,
    };
    let whole: f64 = findings.iter().map(part).sum();
    let tenths = (score * 10.0).round();
    let exact = |finding: &Finding| if whole > 0.0 { tenths * part(finding) / whole } else { 0.0 };
    let mut remainders: Vec<(usize, f64)> =
        findings.iter().map(exact).map(f64::fract).enumerate().collect();
    remainders.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
    let given: f64 = findings.iter().map(|finding| exact(finding).floor()).sum();
    let mut left = if whole > 0.0 { tenths - given } else { 0.0 };
    for (at, _) in remainders {
        let one = if left > 0.5 { 1.0 } else { 0.0 };
        left -= one;
        if let Some(finding) = findings.get_mut(at) {
            finding.share = (exact(finding).floor() + one) / 10.0;
        }
    }
}

/// The score as if all that is unknown were as bad as it can be.
fn worst(it: &mut Assessment, book: &RiskBook) {
    let mut feared: Vec<Finding> = it.findings.clone();
    let mut assumed = Vec::new();
    let mut is_doubted = false;
    // Without the list nobody knows which weaknesses are exploited.
    let no_list = book.advisories.set().exploited.is_empty();
    for finding in feared.iter_mut().filter(|finding| finding.accepted.is_none()) {
        let instead = match finding.rule.as_str() {
            DEPENDS => Some((UNSUPPORTED, "the edition or contract is one that has ended")),
            POSSIBLE | AFFECTED if no_list => {
                Some((EXPLOITED, "the advisories apply and their weaknesses are exploited"))
            }
            POSSIBLE => Some((AFFECTED, "the advisories apply to its version")),
            _ => None,
        };
        if finding.most > finding.degree {
            finding.degree = finding.most;
            assumed.push(match finding.rule.as_str() {
                EXPLOITED => "the exploited weaknesses apply to it".to_owned(),
                rule => format!("{rule} counts in full"),
            });
        }
        // A site may weigh what is certain less than what is not.
        let instead = instead.filter(|(rule, _)| book.weight(rule) >= finding.weight);
        if let Some((rule, what)) = instead {
            finding.weight = book.weight(rule);
            finding.rule = rule.to_owned();
            if rule == EXPLOITED {
                finding.degree = 1.0;
            }
            assumed.push(what.to_owned());
        }
        is_doubted |= finding.confidence < 1.0;
        finding.confidence = 1.0;
    }
    for unseen in &it.unseen {
        let Some(terms) = book.rules.get(&unseen.rule) else { continue };
        let (rule, touches) = (unseen.rule.clone(), terms.touches.clone());
        let (weight, degree, confidence) = (book.weight(&rule), 1.0, 1.0);
        feared.push(Finding { rule, weight, degree, confidence, touches, ..Finding::default() });
        assumed.push("what is not seen any more still is so".to_owned());
    }
    assumed.dedup();
    if is_doubted {
        assumed.insert(0, "every finding is certain".to_owned());
    }
    let is_guess = it.missing.iter().any(|name| name == "os_name");
    let told = feared.iter().any(|finding| finding.rule == UNSUPPORTED);
    if (it.supported.is_none() || is_guess) && !told {
        let touches = Property::ALL.to_vec();
        let weight = book.weight(UNSUPPORTED);
        let (degree, confidence) = (1.0, 1.0);
        let rule = UNSUPPORTED.to_owned();
        feared.push(Finding { rule, weight, degree, confidence, touches, ..Finding::default() });
        assumed.push("nobody mends its operating system any more".to_owned());
    }
    let mut levels = levels(it);
    if it.missing.iter().any(|name| name == "device_class") {
        levels = [Severity::VeryHigh; 3];
        assumed.push("it is a device on which a life depends".to_owned());
    }
    let lowers: Vec<f64> = it.controls.iter().map(|control| control.lowers).collect();
    let outcomes = outcomes(&feared, &lowers, levels, book);
    it.worst = round(largest(&outcomes), 1);
    it.assumed = assumed;
    let counted = feared.into_iter().filter(|finding| finding.accepted.is_none());
    let term = |Finding { rule, weight, degree, touches, .. }: Finding| Feared {
        rule,
        weight,
        degree,
        touches,
    };
    it.at_worst = Some(Worst { outcomes, feared: counted.map(term).collect() });
}

/// To so many decimals, half away from zero.
pub(super) fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::risk::{ImpactTerm, Supported};

    fn finding(rule: &str, weight: f64, touches: &[Property]) -> Finding {
        let (rule, touches) = (rule.to_owned(), touches.to_vec());
        Finding { rule, weight, degree: 1.0, confidence: 1.0, touches, ..Finding::default() }
    }

    fn settled(findings: Vec<Finding>, sets: [Severity; 3]) -> Assessment {
        let (what, text) = ("class".to_owned(), String::new());
        let impact = vec![ImpactTerm { what, text, sets: Some(sets), raises: [0, 1, 0] }];
        let known = vec!["device_class".to_owned()];
        let supported = Some(Supported::Yes);
        let mut it = Assessment { findings, impact, known, supported, ..Assessment::default() };
        settle(&mut it, RiskBook::builtin());
        it
    }

    #[test]
    fn the_worst_case_is_never_better_than_the_score() {
        let site = "[rule.os-unsupported]\nseverity = 'very-low'\n\
                    [rule.advisory-affected]\nseverity = 'very-low'\n";
        let book = RiskBook::from_texts(&[("risk.toml", site)]).expect("understood");
        assert_eq!(book.signed().as_deref(), Some("nobody"));
        assert_eq!(RiskBook::builtin().signed(), None);
        for rule in [DEPENDS, POSSIBLE] {
            let findings = vec![finding(rule, book.weight(rule), &Property::ALL)];
            let supported = Some(Supported::Yes);
            let mut it = Assessment { findings, supported, ..Assessment::default() };
            settle(&mut it, &book);
            assert!(it.score > 0.0 && it.worst >= it.score, "{rule}: {} {}", it.worst, it.score);
        }
    }

    /// Whatever is in doubt is as bad as it can be; who knows less fears no less.
    #[test]
    fn the_worst_case_is_the_worst() {
        let builtin = RiskBook::builtin();
        let title = "# auscult advisories 1\n";
        let mut unlisted = builtin.clone();
        let none = crate::census::advisory::Advisories::from_texts(Some(title), None);
        unlisted.advisories = std::sync::Arc::new(none.expect("empty"));
        let of = |rule: &str, degree: f64, most: f64, confidence: f64| Finding {
            degree,
            most,
            confidence,
            ..finding(rule, builtin.weight(rule), &Property::ALL)
        };
        let worst = |book: &RiskBook, finding: Finding, missing: &[&str]| {
            let (what, text) = ("class".to_owned(), String::new());
            let sets = Some([Severity::VeryHigh; 3]);
            let mut it = Assessment {
                findings: vec![finding],
                supported: Some(Supported::Yes),
                impact: vec![ImpactTerm { what, text, sets, raises: [0; 3] }],
                missing: missing.iter().map(ToString::to_string).collect(),
                ..Assessment::default()
            };
            settle(&mut it, book);
            assert!(it.worst >= it.score);
            (it.worst, it.assumed.join("; "))
        };
        let (certain, apply) = ("every finding is certain", "the advisories apply to its version");
        let listed = "the exploited weaknesses apply to it";
        let unknown = "the advisories apply and their weaknesses are exploited";
        for (book, it, worst_case, assumed) in [
            (builtin, of("smb1-server", 1.0, 0.0, 0.95), 50.0, certain.to_owned()),
            (builtin, of("smb1-server", 1.0, 0.0, 1.0), 50.0, String::new()),
            // What is measured stays as it is.
            (builtin, of("flat-exposure", 0.5, 0.0, 1.0), 12.5, String::new()),
            (builtin, of(EXPLOITED, 0.5, 1.0, 0.62), 80.0, format!("{certain}; {listed}")),
            (builtin, of(EXPLOITED, 1.0, 1.0, 1.0), 80.0, String::new()),
            (
                builtin,
                of(POSSIBLE, 0.5, 0.98, 1.0),
                49.0,
                format!("{POSSIBLE} counts in full; {apply}"),
            ),
            (builtin, of(AFFECTED, 0.5, 0.5, 1.0), 25.0, String::new()),
            (&unlisted, of(POSSIBLE, 0.5, 0.5, 1.0), 80.0, unknown.to_owned()),
            (&unlisted, of(AFFECTED, 0.5, 0.5, 1.0), 80.0, unknown.to_owned()),
        ] {
            let rule = it.rule.clone();
            assert_eq!(worst(book, it, &[]), (worst_case, assumed), "{rule}");
        }
        // A system that is guessed may be another, unless it is feared already.
        let (more, _) = worst(builtin, of("smb1-server", 1.0, 0.0, 1.0), &["os_name"]);
        assert_eq!(more, 75.0);
        let (once, _) = worst(builtin, of(UNSUPPORTED, 1.0, 0.0, 0.4), &["os_name"]);
        assert_eq!(once, 50.0);
    }

    /// Its own terms and the controls make it, and nothing that is accepted.
    #[test]
    fn the_worst_case_is_computed_again_from_its_terms() {
        let mut accepted = finding("a", 0.5, &Property::ALL);
        let (by, until, reason) = ("x".into(), "2030-01-01".into(), "y".into());
        accepted.accepted = Some(super::super::Acceptance { by, until, reason });
        let sure = finding("b", 0.25, &[Property::Data]);
        let (what, text) = ("c".to_owned(), String::new());
        let mut it = Assessment {
            findings: vec![accepted, Finding { confidence: 0.5, ..sure }],
            controls: vec![crate::census::risk::ControlTerm { what, text, lowers: 0.2 }],
            missing: vec!["device_class".to_owned()],
            ..Assessment::default()
        };
        settle(&mut it, RiskBook::builtin());
        let at_worst = it.at_worst.expect("its terms");
        let rules: Vec<_> = at_worst.feared.iter().map(|it| it.rule.as_str()).collect();
        assert_eq!(rules, ["b", UNSUPPORTED]);
        let scores = at_worst.outcomes.map(|it| round(it.score, 2));
        assert_eq!(scores, [40.0, 40.0, round(100.0 * (1.0 - 0.75 * 0.5) * 0.8, 2)]);
        assert_eq!(it.worst, 50.0);
    }

    #[test]
    fn the_formula_by_hand() {
        let all = Property::ALL;
        let findings = vec![
            finding("a", 0.5, &all),
            finding("b", 0.25, &all),
            finding("c", 0.25, &[Property::Data]),
        ];
        let it = settled(findings, [Severity::Low, Severity::High, Severity::High]);
        // Safety: (1 − 0.5 × 0.75) × 0.2; effectiveness is raised to 1; data: one more term.
        let scores = it.outcomes.map(|outcome| round(outcome.score, 2));
        assert_eq!(scores, [12.5, 62.5, round((1.0 - 0.5 * 0.75 * 0.75) * 80.0, 2)]);
        assert_eq!((it.score, it.level), (62.5, Some(Level::High)));
        let shares: Vec<_> = it.findings.iter().map(|f| (f.rule.as_str(), f.share)).collect();
        assert_eq!(shares, [("a", 44.2), ("b", 18.3), ("c", 0.0)]);
        assert_eq!(it.findings[0].without, round((1.0 - 0.75 * 0.75) * 80.0, 1));
    }

    #[test]
    fn what_is_accepted_does_not_count() {
        let mut only = finding("a", 0.5, &Property::ALL);
        only.accepted = Some(super::super::Acceptance {
            by: "x".into(),
            until: "2030-01-01".into(),
            reason: "y".into(),
        });
        let it = settled(vec![only], [Severity::High; 3]);
        assert_eq!((it.score, it.findings[0].share, it.findings.len()), (0.0, 0.0, 1));
    }

    #[test]
    fn too_little_known_is_no_low() {
        let missing = vec!["device_class".to_owned(); 4];
        let known = vec!["model".to_owned()];
        let mut it = Assessment { known, missing, ..Assessment::default() };
        settle(&mut it, RiskBook::builtin());
        assert_eq!((it.score, it.level, it.worst), (0.0, None, 50.0));
        assert_eq!(it.assumed.len(), 2);
    }
}
