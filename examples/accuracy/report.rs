//! The score, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::scoring::{Finding, Score, Verdict};

/// Wrong values of a field that are shown where there may be thousands.
const SHOWN: u32 = 3;

/// Table, then what is wrong, vague and missing.
pub(crate) fn text(score: &Score, to: &mut impl Write) -> io::Result<()> {
    writeln!(to, "{} captures, {} hosts", score.files, score.hosts)?;
    fields(score, to)?;
    for (title, verdict) in
        [("wrong", Verdict::Wrong), ("vague", Verdict::Vague), ("missing", Verdict::Missing)]
    {
        let all = score.with(verdict);
        if !all.is_empty() {
            writeln!(to, "\n{title} ({})", all.len())?;
        }
        for finding in all {
            line(finding, to)?;
        }
    }
    for fault in &score.faults {
        writeln!(to, "not scored: {fault}")?;
    }
    Ok(())
}

/// One line a field; nothing where nothing was scored.
pub(crate) fn fields(score: &Score, to: &mut impl Write) -> io::Result<()> {
    if score.hosts == 0 {
        return Ok(());
    }
    writeln!(
        to,
        "\n{:<17} {:>6} {:>6} {:>6} {:>8} {:>9} {:>10} {:>7}",
        "field", "right", "wrong", "vague", "missing", "unjudged", "precision", "recall"
    )?;
    let share = |s: Option<f64>| s.map_or_else(|| "-".to_owned(), |s| format!("{s:.3}"));
    for (field, n) in score.table() {
        writeln!(
            to,
            "{field:<17} {:>6} {:>6} {:>6} {:>8} {:>9} {:>10} {:>7}",
            n.right,
            n.wrong,
            n.vague,
            n.missing,
            n.unjudged,
            share(n.precision()),
            share(n.recall())
        )?;
    }
    Ok(())
}

/// The first wrong values of each field.
pub(crate) fn wrong(score: &Score, to: &mut impl Write) -> io::Result<()> {
    let mut shown: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in score.with(Verdict::Wrong) {
        let n = shown.entry(finding.field).or_default();
        *n += 1;
        if *n <= SHOWN {
            line(finding, to)?;
        }
    }
    Ok(())
}

/// One comparison.
pub(crate) fn line(f: &Finding, to: &mut impl Write) -> io::Result<()> {
    write!(to, "  {:<16} {}: {:?}", f.field, f.host, f.truth)?;
    if !f.claim.is_empty() {
        write!(to, ", said {:?}", f.claim)?;
    }
    if f.why.is_empty() { writeln!(to) } else { writeln!(to, " ({})", f.why) }
}

/// Everything, as one object.
pub(crate) fn json(score: &Score) -> Value {
    let fields: serde_json::Map<String, Value> = score
        .table()
        .into_iter()
        .map(|(field, n)| {
            let row = json!({
                "right": n.right, "wrong": n.wrong, "vague": n.vague, "missing": n.missing,
                "unjudged": n.unjudged, "precision": n.precision(), "recall": n.recall(),
            });
            (field.to_owned(), row)
        })
        .collect();
    let findings: Vec<Value> = score
        .findings
        .iter()
        .map(|f| {
            json!({
                "field": f.field, "verdict": format!("{:?}", f.verdict).to_lowercase(),
                "host": f.host, "truth": f.truth, "claim": f.claim, "why": f.why,
            })
        })
        .collect();
    json!({
        "captures": score.files, "hosts": score.hosts, "fields": fields,
        "findings": findings, "faults": score.faults,
    })
}
