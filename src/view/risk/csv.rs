//! Every term of every assessment as CSV: what it takes to compute the scores again
//! (`docs/risk.md`).

use std::borrow::Cow;
use std::io::{self, Write};

use super::status;
use crate::store::risk::{Assessment, Feared, Finding, Outcome, Property};
use crate::store::{Known, side_by_side};
use crate::view::register::field;

/// The columns. What `safety`, `effectiveness` and `data` hold depends on the kind.
pub const COLUMNS: [&str; 15] = [
    "asset_id",
    "kind",
    "term",
    "safety",
    "effectiveness",
    "data",
    "weight",
    "degree",
    "confidence",
    "lowers",
    "share",
    "without",
    "status",
    "text",
    "evidence",
];

/// One row: cells by column but that of the asset, which is the first.
struct Row<'a>([Cow<'a, str>; COLUMNS.len() - 1]);

impl<'a> Row<'a> {
    fn new(kind: &'static str, term: &'a str) -> Self {
        let row = Self(std::array::from_fn(|_| Cow::Borrowed("")));
        row.with("kind", kind).with("term", term)
    }

    /// With a cell for each property.
    fn by_property(self, cells: [Cow<'a, str>; 3]) -> Self {
        let [safety, effectiveness, data] = cells;
        self.with("safety", safety).with("effectiveness", effectiveness).with("data", data)
    }

    fn with(mut self, column: &str, cell: impl Into<Cow<'a, str>>) -> Self {
        let mut cells = COLUMNS.iter().skip(1).zip(&mut self.0);
        if let Some((_, of)) = cells.find(|(name, _)| **name == column) {
            *of = cell.into();
        }
        self
    }
}

/// Writes the terms of all assets, in the order given.
///
/// # Errors
/// The output.
pub fn csv(ranked: &[(&Known<'_>, &Assessment)], mut to: impl Write) -> io::Result<()> {
    let parts = side_by_side(ranked, |part| -> io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        for (asset, it) in part {
            for Row(cells) in rows(it) {
                field(&mut lines, Cow::Borrowed(&asset.id))?;
                for cell in cells {
                    lines.push(b',');
                    field(&mut lines, cell)?;
                }
                lines.push(b'\n');
            }
        }
        Ok(lines)
    });
    writeln!(to, "{}", COLUMNS.join(","))?;
    for part in parts {
        to.write_all(&part?)?;
    }
    to.flush()
}

fn rows(it: &Assessment) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for term in &it.impact {
        let (kind, cells) = match term.sets {
            Some(sets) => ("impact", sets.map(|level| level.to_string().into())),
            None => ("step", term.raises.map(|n| n.to_string().into())),
        };
        rows.push(Row::new(kind, &term.what).by_property(cells).with("text", &term.text));
    }
    rows.extend(it.findings.iter().map(finding));
    for control in &it.controls {
        let row =
            Row::new("control", &control.what).by_property(["1", "1", "1"].map(Cow::Borrowed));
        rows.push(row.with("lowers", control.lowers.to_string()).with("text", &control.text));
    }
    rows.extend(outcome("outcome", &it.outcomes));
    let known = format!("known: {}; missing: {}", it.known.join(" "), it.missing.join(" "));
    let score = Row::new("total", "score").with("share", format!("{:.1}", it.score));
    let level = it.level.map_or_else(|| "unknown".to_owned(), |level| level.to_string());
    rows.push(score.with("status", level).with("text", known));
    let worst = Row::new("total", "worst case").with("share", format!("{:.1}", it.worst));
    rows.push(worst.with("text", it.assumed.join("; ")));
    if let Some(worst) = &it.at_worst {
        rows.extend(worst.feared.iter().map(feared));
        rows.extend(outcome("worst", &worst.outcomes));
    }
    rows
}

/// What comes out for each property, as rows of a kind.
fn outcome<'a>(kind: &'static str, of: &'a [Outcome; 3]) -> [Row<'a>; 4] {
    let row = |what: &'static str, cell: fn(&Outcome) -> String| {
        Row::new(kind, what).by_property(of.each_ref().map(|it| cell(it).into()))
    };
    [
        row("likelihood", |out| format!("{:.4}", out.likelihood)),
        row("level", |out| out.level.to_string()),
        row("impact", |out| out.impact.to_string()),
        row("score", |out| format!("{:.1}", out.score)),
    ]
}

/// Which properties are touched, as cells.
fn touched(by: &[Property]) -> [Cow<'static, str>; 3] {
    Property::ALL.map(|property| if by.contains(&property) { "1" } else { "0" }.into())
}

/// A finding as the worst case has it: certain.
fn feared(it: &Feared) -> Row<'_> {
    let row = Row::new("feared", &it.rule).by_property(touched(&it.touches));
    let row = row.with("weight", it.weight.to_string()).with("degree", it.degree.to_string());
    row.with("confidence", "1")
}

fn finding(it: &Finding) -> Row<'_> {
    let evidence: Vec<_> = it.evidence.iter().map(|proof| proof.text.replace("; ", ", ")).collect();
    Row::new("finding", &it.rule)
        .by_property(touched(&it.touches))
        .with("weight", it.weight.to_string())
        .with("degree", it.degree.to_string())
        .with("confidence", it.confidence.to_string())
        .with("share", format!("{:.1}", it.share))
        .with("without", format!("{:.1}", it.without))
        .with("status", status(it))
        .with("text", &it.text)
        .with("evidence", evidence.join("; "))
}
