//! One device: score, terms, what is not known, and what would lower it.

use std::fmt::Write as _;

use super::status;
use crate::store::Capture;
use crate::store::risk::{Assessment, Property};

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
}

fn support(page: &mut String, it: &Assessment) {
    let Some(state) = it.supported else { return };
    let _ = writeln!(page, "operating system supported: {state}");
    for until in &it.support {
        let _ = write!(page, "  {} until {}", until.edition, until.end);
        if let Some((day, offer)) = &until.paid {
            let _ = write!(page, ", {offer} until {day}");
        }
        page.push('\n');
    }
}

/// What each remedy would bring, alone: those that bring the most first.
fn lower(page: &mut String, it: &Assessment) {
    // What touches only another property than the leading one lowers nothing alone.
    let mut bring: Vec<_> = it
        .findings
        .iter()
        .filter(|finding| finding.accepted.is_none())
        .map(|finding| (it.score - finding.without, finding))
        .filter(|(points, _)| *points >= 0.05)
        .collect();
    bring.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.rule.cmp(&b.1.rule)));
    if !bring.is_empty() {
        let _ = writeln!(page, "what would lower it:");
    }
    for (points, finding) in bring {
        let _ = writeln!(
            page,
            "  −{:.1} to {:.1}  {} ({})",
            points, finding.without, finding.remedy, finding.rule
        );
    }
}
