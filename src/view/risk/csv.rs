//! Every term of every assessment as CSV: what it takes to compute the scores again
//! (`docs/risk.md`).

use std::borrow::Cow;
use std::io::{self, Write};

use super::status;
use crate::store::risk::{Assessment, Feared, Finding, Outcome, Property};
use crate::store::{Known, side_by_side};
use crate::view::register::neutral;

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

/// One row: cells by column, the others empty.
type Row = Vec<(&'static str, String)>;

/// Writes the terms of all assets, in the order given.
///
/// # Errors
/// The output.
pub fn csv(ranked: &[(&Known<'_>, &Assessment)], mut to: impl Write) -> io::Result<()> {
    let parts = side_by_side(ranked, |part| -> csv::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for (asset, it) in part {
            for row in rows(it) {
                write(&mut writer, &asset.id, &row)?;
            }
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    });
    let output = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    let mut head = csv::Writer::from_writer(&mut to);
    head.write_record(COLUMNS).map_err(output)?;
    head.flush()?;
    drop(head);
    for part in parts {
        to.write_all(&part.map_err(output)?)?;
    }
    to.flush()
}

fn write(writer: &mut csv::Writer<Vec<u8>>, id: &str, row: &Row) -> csv::Result<()> {
    let own = |column| row.iter().find(|(name, _)| *name == column);
    for column in COLUMNS {
        let cell = match column {
            "asset_id" => Cow::Borrowed(id),
            column => neutral(own(column).map_or("", |(_, cell)| cell)),
        };
        writer.write_field(cell.as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)
}

fn rows(it: &Assessment) -> Vec<Row> {
    let mut rows = Vec::new();
    for term in &it.impact {
        let (kind, cells) = match term.sets {
            Some(sets) => ("impact", sets.map(|level| level.to_string())),
            None => ("step", term.raises.map(|n| n.to_string())),
        };
        let mut row = by_property(kind, &term.what, cells);
        row.push(("text", term.text.clone()));
        rows.push(row);
    }
    rows.extend(it.findings.iter().map(finding));
    for control in &it.controls {
        let mut row = by_property("control", &control.what, ["1", "1", "1"].map(str::to_owned));
        row.push(("lowers", control.lowers.to_string()));
        row.push(("text", control.text.clone()));
        rows.push(row);
    }
    rows.extend(outcome("outcome", &it.outcomes));
    let known = format!("known: {}; missing: {}", it.known.join(" "), it.missing.join(" "));
    rows.push(vec![
        ("kind", "total".to_owned()),
        ("term", "score".to_owned()),
        ("share", format!("{:.1}", it.score)),
        ("status", it.level.map_or_else(|| "unknown".to_owned(), |level| level.to_string())),
        ("text", known),
    ]);
    rows.push(vec![
        ("kind", "total".to_owned()),
        ("term", "worst case".to_owned()),
        ("share", format!("{:.1}", it.worst)),
        ("text", it.assumed.join("; ")),
    ]);
    if let Some(worst) = &it.at_worst {
        rows.extend(worst.feared.iter().map(feared));
        rows.extend(outcome("worst", &worst.outcomes));
    }
    rows
}

/// What comes out for each property, as rows of a kind.
fn outcome(kind: &str, of: &[Outcome; 3]) -> [Row; 4] {
    let row =
        |what: &str, cell: fn(&Outcome) -> String| by_property(kind, what, of.each_ref().map(cell));
    [
        row("likelihood", |out| format!("{:.4}", out.likelihood)),
        row("level", |out| out.level.to_string()),
        row("impact", |out| out.impact.to_string()),
        row("score", |out| format!("{:.1}", out.score)),
    ]
}

fn by_property(kind: &str, term: &str, cells: [String; 3]) -> Row {
    let names = ["safety", "effectiveness", "data"];
    let head = [("kind", kind.to_owned()), ("term", term.to_owned())];
    head.into_iter().chain(names.into_iter().zip(cells)).collect()
}

/// Which properties are touched, as cells.
fn touched(by: &[Property]) -> [String; 3] {
    Property::ALL.map(|property| u8::from(by.contains(&property)).to_string())
}

/// A finding as the worst case has it: certain.
fn feared(it: &Feared) -> Row {
    let mut row = by_property("feared", &it.rule, touched(&it.touches));
    row.push(("weight", it.weight.to_string()));
    row.push(("degree", it.degree.to_string()));
    row.push(("confidence", "1".to_owned()));
    row
}

fn finding(it: &Finding) -> Row {
    let mut row = by_property("finding", &it.rule, touched(&it.touches));
    let evidence: Vec<_> = it.evidence.iter().map(|proof| proof.text.replace("; ", ", ")).collect();
    row.extend([
        ("weight", it.weight.to_string()),
        ("degree", it.degree.to_string()),
        ("confidence", it.confidence.to_string()),
        ("share", format!("{:.1}", it.share)),
        ("without", format!("{:.1}", it.without)),
        ("status", status(it)),
        ("text", it.text.clone()),
        ("evidence", evidence.join("; ")),
    ]);
    row
}
