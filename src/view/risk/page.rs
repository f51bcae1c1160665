//! One device: score, terms, what is not known, and what would lower it.

use std::fmt::Write as _;

use super::status;
use crate::store::Capture;
use crate::store::risk::{Assessment, Finding, Property};

/// Every term of an assessment, and what would lower it.
#[must_use]
pub fn page(it: &Assessment, captures: &[Capture]) -> String {
    let mut page = String::new();
    let level = it.level.map_or_else(
        || "too little is known to say how much".to_owned(),
        |level| level.to_string(),
    );
    let _ = writeln!(page, "risk: {:.1} of 100 ({level})", it.score);
    for (property, out) in Property::ALL.into_iter().zip(it.outcomes) {
        let _ = writeln!(
            page,
            "  {property:<14} {:>5.1} = 100 × likelihood {:.3} × impact {:.2} ({})",
            out.score, out.likelihood, out.impact, out.level
        );
    }
    let (known, of) = (it.known.len(), it.known.len() + it.missing.len());
    let _ = write!(page, "  identified     {known} of {of}");
    if !it.missing.is_empty() {
        let _ = write!(page, ", not known: {}", it.missing.join(", "));
    }
    page.push('\n');
    let _ = write!(page, "  at worst       {:.1}", it.worst);
    if !it.assumed.is_empty() {
        let _ = write!(page, ", if {}", it.assumed.join("; if "));
    }
    page.push('\n');
    impact(&mut page, it);
    findings(&mut page, it, captures);
    support(&mut page, it);
    lower(&mut page, it);
    if let Some(by) = &it.signed {
        let _ = writeln!(page, "weights of this site, signed off by {by}");
    }
    page
}

fn impact(page: &mut String, it: &Assessment) {
    let _ = writeln!(page, "impact and controls:");
    for term in &it.impact {
        let levels: Vec<String> = match term.sets {
            Some(sets) => {
                let sets = Property::ALL.into_iter().zip(sets);
                sets.map(|(property, level)| format!("{property} {level}")).collect()
            }
            None => {
                let raises = Property::ALL.into_iter().zip(term.raises).filter(|(_, n)| *n > 0);
                raises.map(|(property, n)| format!("{property} +{n} step")).collect()
            }
        };
        let _ = writeln!(page, "  {}: {} ({})", term.what, levels.join(", "), term.text);
    }
    for control in &it.controls {
        let _ = writeln!(
            page,
            "  {}: likelihood × {:.2} ({})",
            control.what,
            1.0 - control.lowers,
            control.text
        );
    }
}

fn findings(page: &mut String, it: &Assessment, captures: &[Capture]) {
    let _ = writeln!(page, "findings:");
    for finding in &it.findings {
        let touches: Vec<_> = finding.touches.iter().map(ToString::to_string).collect();
        let _ = writeln!(page, "  {} +{:.1}  {}", finding.rule, finding.share, finding.text);
        let _ = writeln!(
            page,
            "    {}: {:.2} × degree {:.2} × confidence {:.2} = {:.3}; touches {}; {}",
            finding.severity,
            finding.weight,
            finding.degree,
            finding.confidence,
            finding.likelihood(),
            touches.join(", "),
            status(finding)
        );
        for proof in &finding.evidence {
            let capture = usize::try_from(proof.capture).ok().and_then(|at| captures.get(at));
            let _ = match (proof.frame, capture) {
                (frame @ 1.., Some(capture)) => {
                    writeln!(page, "    {} frame {frame} ▸ {}", capture.name, proof.text)
                }
                _ => writeln!(page, "    {}", proof.text),
            };
        }
        if let Some(since) = finding.since {
            let _ = writeln!(page, "    since {}", since.rfc3339());
        }
    }
    if it.findings.is_empty() {
        let _ = writeln!(page, "  none");
    }
    if !it.unseen.is_empty() {
        let _ = writeln!(page, "not seen any more, and not counted:");
    }
    for it in &it.unseen {
        let last = it.last.rfc3339();
        let more = if it.days >= 64 { " or more" } else { "" };
        let _ = writeln!(
            page,
            "  {}  {}: last seen {last}, in other conversations on {}{more} days since",
            it.rule, it.text, it.days
        );
    }
}

fn support(page: &mut String, it: &Assessment) {
    let Some(state) = it.supported else { return };
    let _ = writeln!(page, "operating system supported: {state}");
    for until in &it.support {
        let _ = write!(page, "  {}", until.said());
        if let Some((day, offer)) = &until.paid {
            let _ = write!(page, ", {offer} until {day}");
        }
        page.push('\n');
    }
}

/// What each remedy would bring, alone and together with those above it: each time the one
/// that then brings the most. Where two properties lead together no single one lowers the
/// score; it goes on with the one that lowers all properties the most.
fn lower(page: &mut String, it: &Assessment) {
    let mut left: Vec<&Finding> = it.findings.iter().filter(|f| f.accepted.is_none()).collect();
    let mut done: Vec<&Finding> = Vec::new();
    let (mut score, mut sum) = it.without(|_| false);
    while let Some((at, after)) = best(it, &left, &done) {
        // Nothing is left to lower, or nothing that is left touches what counts here.
        if score < LEAST || after.1 >= sum {
            break;
        }
        if done.is_empty() {
            let _ = writeln!(page, "what would lower it:");
        }
        (score, sum) = after;
        let finding = left.remove(at);
        let (points, alone) = (it.score - finding.without, finding.without);
        let _ = write!(page, "  −{points:.1} to {alone:.1}");
        if !done.is_empty() {
            let _ = write!(page, ", with all above −{:.1} to {score:.1}", it.score - score);
        }
        let _ = writeln!(page, "  {} ({})", finding.remedy, finding.rule);
        done.push(finding);
    }
}

/// Points that are worth a line.
const LEAST: f64 = 0.05;

/// Which of those that are left lowers the score the most once others are ended, and to
/// what score and sum; of equals the one that lowers the sum the most, then the first by its
/// rule.
fn best(it: &Assessment, left: &[&Finding], done: &[&Finding]) -> Option<(usize, (f64, f64))> {
    let after = |(at, next): (usize, &&Finding)| {
        let ended = |finding: &Finding| {
            std::ptr::eq(finding, *next) || done.iter().any(|it| std::ptr::eq(*it, finding))
        };
        (at, it.without(ended))
    };
    let rule = |at: usize| left.get(at).map(|it| it.rule.as_str());
    let all = left.iter().enumerate().map(after);
    all.min_by(|(a, (score, sum)), (b, (other, its))| {
        let by_score = score.total_cmp(other).then_with(|| sum.total_cmp(its));
        by_score.then_with(|| rule(*a).cmp(&rule(*b)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::risk::{ControlTerm, Outcome};

    fn finding(rule: &str, weight: f64, touches: &[Property], without: f64) -> Finding {
        Finding {
            rule: rule.to_owned(),
            remedy: format!("end {rule}"),
            weight,
            degree: 1.0,
            confidence: 1.0,
            touches: touches.to_vec(),
            without,
            ..Finding::default()
        }
    }

    #[test]
    fn where_two_properties_lead_together_it_goes_on() {
        let out = |impact| Outcome { impact, ..Outcome::default() };
        let it = Assessment {
            score: 40.0,
            outcomes: [out(1.0), out(0.0), out(1.0)],
            findings: vec![
                finding("a", 0.4, &[Property::Safety], 40.0),
                finding("b", 0.4, &[Property::Data], 40.0),
                finding("c", 0.4, &[Property::Effectiveness], 40.0),
            ],
            ..Assessment::default()
        };
        let mut page = String::new();
        lower(&mut page, &it);
        let lines: Vec<&str> = page.lines().skip(1).collect();
        assert_eq!(
            lines,
            ["  −0.0 to 40.0  end a (a)", "  −0.0 to 40.0, with all above −40.0 to 0.0  end b (b)",],
            "the effectiveness has no weight here"
        );
        // Of those that leave the score as it is, the one that lowers the most comes first.
        let it = Assessment {
            outcomes: [out(1.0); 3],
            findings: vec![
                finding("a", 0.4, &[Property::Safety], 40.0),
                finding("b", 0.4, &[Property::Effectiveness, Property::Data], 40.0),
            ],
            ..it
        };
        let mut page = String::new();
        lower(&mut page, &it);
        assert!(page.lines().nth(1).unwrap().ends_with("end b (b)"), "{page}");
        assert!(page.ends_with("−40.0 to 0.0  end a (a)\n"), "{page}");
    }

    #[test]
    fn remedies_add_up_in_the_order_of_the_best() {
        let out = |impact| Outcome { impact, ..Outcome::default() };
        let (what, text) = ("c".to_owned(), String::new());
        let it = Assessment {
            // Safety: 0.9 × (1 − 0.5 × 0.6) = 0.63; data: 0.9 × (1 − 0.6 × 0.7) × 0.5 = 0.261.
            score: 63.0,
            outcomes: [out(1.0), out(0.0), out(0.5)],
            controls: vec![ControlTerm { what, text, lowers: 0.1 }],
            findings: vec![
                finding("a", 0.5, &[Property::Safety], 36.0),
                finding("b", 0.4, &[Property::Safety, Property::Data], 45.0),
                finding("c", 0.3, &[Property::Data], 63.0),
            ],
            ..Assessment::default()
        };
        let mut page = String::new();
        lower(&mut page, &it);
        // Without a: 0.9 × 0.4; without a and b the data leads: 0.9 × 0.3 × 0.5.
        let lines: Vec<&str> = page.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "  −27.0 to 36.0  end a (a)",
                "  −18.0 to 45.0, with all above −49.5 to 13.5  end b (b)",
                "  −0.0 to 63.0, with all above −63.0 to 0.0  end c (c)",
            ]
        );
    }
}
