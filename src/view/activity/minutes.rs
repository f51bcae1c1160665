//! What the hours of devices are made of, one row a run of minutes: `auscult activity
//! --minutes`.

use std::borrow::Cow;
use std::io::Write;

use super::table::Column::{Number, Text};
use super::table::{Columns, Format, table};
use crate::store::activity::Told;
use crate::store::{Inventory, Known};
use crate::time::Timestamp;
use crate::time::calendar::Day;
use crate::time::minutes::Minutes;
use crate::view::register::Error;

const COLUMNS: Columns = Columns {
    naming: &[],
    own: &[Text("what"), Text("method"), Text("from"), Text("to"), Number("minutes")],
    shown: &[
        ("asset_id", "ASSET", 11),
        ("what", "WHAT", 12),
        ("method", "BY", 22),
        ("from", "FROM", 25),
        ("to", "TO", 25),
        ("minutes", "MINUTES", -8),
    ],
};

/// One run of minutes, or one examination.
struct Row<'a> {
    asset: &'a str,
    what: &'static str,
    method: &'static str,
    /// Seconds since 1970, UTC; the second is the first after it.
    time: (i64, i64),
}

/// Writes for some devices, from one local day to another, in which minutes they were
/// observed, on line, left traces of work and were in use; and examinations, to the second;
/// how many rows.
///
/// # Errors
/// The inventory or the output.
pub fn minutes(
    inventory: &Inventory,
    days: (Day, Day),
    assets: &[&Known<'_>],
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let mut all = Vec::new();
    let snapshot = inventory.snapshot()?;
    for asset in assets {
        // What is damaged is noted, and told at the end.
        if let Some(told) = inventory.told(&asset.id, Some(days))? {
            all.extend(rows(&asset.id, &told));
        }
    }
    drop(snapshot);
    table(&all, cell, &COLUMNS, format, to)
}

fn rows<'a>(asset: &'a str, told: &Told) -> Vec<Row<'a>> {
    let mut all = Vec::new();
    let mut add = |what, method, minutes: &Minutes| {
        let runs = minutes.runs().iter();
        all.extend(runs.map(|(from, to)| Row {
            asset,
            what,
            method,
            time: (from.saturating_mul(60), to.saturating_mul(60)),
        }));
    };
    add("observed", "", &told.observed);
    add("on line", "", &told.online);
    told.traces.iter().for_each(|(method, minutes)| add("trace", *method, minutes));
    add("in use", "", &told.in_use);
    all.extend(told.examinations.iter().map(|it| Row {
        asset,
        what: "examination",
        method: it.method,
        time: (it.begin, it.begin.saturating_add(it.duration)),
    }));
    all
}

fn cell<'r>(row: &'r Row<'_>, column: &str) -> Cow<'r, str> {
    let at = |second: i64| Timestamp::new(second, 0).rfc3339().into();
    match column {
        "asset_id" => row.asset.into(),
        "what" => row.what.into(),
        "method" => row.method.into(),
        "from" => at(row.time.0),
        "to" => at(row.time.1),
        // Half of one is one: an examination is told to the second.
        _ => (row.time.1.saturating_sub(row.time.0).saturating_add(30) / 60).to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::activity::Examination;

    #[test]
    fn each_run_is_a_row() {
        let told = Told {
            observed: Minutes::run(0, 90),
            online: Minutes::run(10, 20),
            traces: vec![("results", Minutes::run(12, 13))],
            examinations: vec![Examination { begin: 660, duration: 89, method: "mpps" }],
            in_use: Minutes::run(11, 13),
        };
        let rows = rows("A1", &told);
        let line = |row: &Row<'_>| {
            let cells = ["what", "method", "from", "to", "minutes"].map(|it| cell(row, it));
            cells.join(" ").replace("1970-01-01T", "").replace(":00+00:00", "")
        };
        assert_eq!(
            rows.iter().map(line).collect::<Vec<_>>(),
            [
                "observed  00:00 01:30 90",
                "on line  00:10 00:20 10",
                "trace results 00:12 00:13 1",
                "in use  00:11 00:13 2",
                "examination mpps 00:11 00:12:29+00:00 1",
            ]
        );
    }
}
