//! When devices started within some days, one row each: `auscult activity --starts`.

use std::io::Write;

use super::list::{Filter, NAMING};
use super::table::Column::{Number, Text};
use super::table::{Columns, Format, table};
use crate::store::activity::Start;
use crate::store::{Inventory, Known};
use crate::time::calendar::Day;
use crate::view::register::{self, Error};

const COLUMNS: Columns = Columns {
    naming: NAMING,
    own: &[Text("started"), Text("how"), Text("protocols"), Number("confidence")],
    shown: &[
        ("started", "STARTED", 25),
        ("asset_id", "ASSET", 11),
        ("device_class", "CLASS", 20),
        ("hostname", "HOST", 16),
        ("confidence", "SURE", -4),
        ("protocols", "BY", 26),
        ("how", "HOW", 58),
    ],
};

/// Writes when devices of a class, or all, started from one local day to another, by time; how
/// many times.
///
/// # Errors
/// The inventory or the output.
pub fn starts(
    inventory: &Inventory,
    days: (Day, Day),
    filter: &Filter,
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let shelf = inventory.shelf(false)?;
    let assets = shelf.known(Some(NAMING));
    let wanted: Vec<&Known<'_>> = assets.iter().filter(|it| filter.lets_class(it)).collect();
    let ids: Vec<&str> = wanted.iter().map(|asset| &*asset.id).collect();
    let mut all = inventory.starts_among(&ids, Some(days))?;
    let mut rows: Vec<(Start, &Known<'_>)> = Vec::new();
    for asset in wanted {
        let starts = all.remove(&*asset.id).unwrap_or_default();
        rows.extend(starts.into_iter().map(|start| (start, asset)));
    }
    rows.sort_by(|(a, x), (b, y)| a.at.cmp(&b.at).then_with(|| x.id.cmp(&y.id)));
    table(&rows, |(start, asset), column| cell(start, asset, column).into(), &COLUMNS, format, to)
}

fn cell(start: &Start, asset: &Known<'_>, column: &str) -> String {
    match column {
        "started" => start.at.rfc3339(),
        "how" => start.how.to_owned(),
        "protocols" => start.by.join("; "),
        "confidence" => format!("{}.{:02}", start.confidence / 100, start.confidence % 100),
        column => register::cell(asset, column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_start_says_when_how_and_how_sure() {
        let asset = Known {
            id: "A1".into(),
            identity: "mac:00:00:00:00:00:01".into(),
            external: false,
            first_seen: Timestamp(0),
            last_seen: Timestamp(0),
            values: Vec::new(),
            activity: None,
        };
        let start = Start {
            at: Timestamp::new(86_400, 0),
            how: "network boot",
            by: vec!["DHCP", "SNMP"],
            confidence: 97,
        };
        let row: Vec<String> = COLUMNS.names().map(|it| cell(&start, &asset, it)).collect();
        let tail = ["1970-01-02T00:00:00+00:00", "network boot", "DHCP; SNMP", "0.97"];
        assert_eq!((row[0].as_str(), &row[7..]), ("A1", &tail.map(str::to_owned)[..]));
        let mut json = Vec::new();
        let cells = |it: &Start, column: &str| cell(it, &asset, column);
        table(&[start], |it, column| cells(it, column).into(), &COLUMNS, Format::Json, &mut json)
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json[0]["confidence"], 0.97);
    }
}
