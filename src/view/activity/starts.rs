//! When devices started within some days, one row each: `auscult activity --starts`.

use std::borrow::Cow;
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
    let mut named: Vec<(Named<'_>, Vec<Start>)> = Vec::new();
    for asset in wanted {
        named.extend(all.remove(&*asset.id).map(|starts| (Named::of(asset), starts)));
    }
    let rows = named.iter().flat_map(|(of, starts)| starts.iter().map(move |start| (start, of)));
    let mut rows: Vec<(&Start, &Named<'_>)> = rows.collect();
    rows.sort_unstable_by(|(a, x), (b, y)| (a.at, x.id).cmp(&(b.at, y.id)));
    table(&rows, |(start, of), column| cell(start, of, column), &COLUMNS, format, to)
}

/// A device, with the cells that name it: it may have started often.
struct Named<'a> {
    id: &'a str,
    cells: Vec<String>,
}

impl<'a> Named<'a> {
    fn of(asset: &'a Known<'_>) -> Self {
        let cells = NAMING.iter().map(|column| register::cell(asset, column)).collect();
        Self { id: &asset.id, cells }
    }
}

fn cell<'r>(start: &'r Start, of: &'r Named<'_>, column: &str) -> Cow<'r, str> {
    match column {
        "asset_id" => of.id.into(),
        "started" => start.at.rfc3339().into(),
        "how" => start.how.into(),
        "protocols" => match start.by.as_slice() {
            [one] => (*one).into(),
            all => all.join("; ").into(),
        },
        "confidence" => format!("{}.{:02}", start.confidence / 100, start.confidence % 100).into(),
        column => {
            let at = NAMING.iter().position(|it| *it == column);
            at.and_then(|at| of.cells.get(at)).map_or("", String::as_str).into()
        }
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
        let of = Named::of(&asset);
        let row: Vec<Cow<'_, str>> = COLUMNS.names().map(|it| cell(&start, &of, it)).collect();
        let tail = ["1970-01-02T00:00:00+00:00", "network boot", "DHCP; SNMP", "0.97"];
        assert_eq!((&*row[0], &row[7..]), ("A1", &tail.map(Cow::Borrowed)[..]));
        let mut json = Vec::new();
        let cells = |(start, of): &(&Start, &Named<'_>), column: &str| -> String {
            cell(start, of, column).into_owned()
        };
        let rows = [(&start, &of)];
        table(&rows, |row, column| cells(row, column).into(), &COLUMNS, Format::Json, &mut json)
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json[0]["confidence"], 0.97);
    }
}
