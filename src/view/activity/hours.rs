//! Hour by hour of the site's clock, a row each: `auscult activity --hours`. The hours of a day
//! add up to its row of `auscult activity`.

use std::io::Write;

use super::table::{Columns, Format, written};
use crate::store::activity::Hour;
use crate::store::{Inventory, Known};
use crate::time::Timestamp;
use crate::time::calendar::{Day, date};
use crate::view::register::Error;

const COLUMNS: Columns = Columns {
    all: &[
        "asset_id",
        "day",
        "hour",
        "from",
        "to",
        "observed_minutes",
        "online_minutes",
        "in_use_minutes",
        "examinations",
        "method",
    ],
    shown: &[
        ("asset_id", "ASSET", 11),
        ("day", "DAY", 10),
        ("hour", "HOUR", -4),
        ("observed_minutes", "OBSERVED", -8),
        ("online_minutes", "ON LINE", -8),
        ("in_use_minutes", "IN USE", -8),
        ("examinations", "EXAMS", -6),
        ("method", "BY", 12),
    ],
    numbers: &["hour", "observed_minutes", "online_minutes", "in_use_minutes", "examinations"],
};

/// Writes what some devices did in each hour, from one local day to another, a device after
/// the other as they are read; how many hours.
///
/// # Errors
/// The inventory or the output.
pub fn by_hour(
    inventory: &Inventory,
    days: (Day, Day),
    assets: &[&Known<'_>],
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let ids: Vec<&str> = assets.iter().map(|asset| &*asset.id).collect();
    written(&COLUMNS, format, to, |row| {
        inventory.hours(&ids, days, |id, hours| {
            hours.iter().try_for_each(|it| row(&|column| cell(id, it, column)))
        })
    })
}

fn cell(id: &str, it: &Hour, column: &str) -> String {
    let at = |minute: i64| Timestamp::new(minute.saturating_mul(60), 0).rfc3339();
    let count = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    match column {
        "asset_id" => id.to_owned(),
        "day" => date(it.day),
        "hour" => it.hour.to_string(),
        "from" => at(it.time.0),
        "to" => at(it.time.1),
        "observed_minutes" => it.observed.to_string(),
        "online_minutes" => count(it.online),
        "in_use_minutes" => count(it.in_use),
        "examinations" => count(it.examinations),
        _ => it.method.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_a_row_and_what_is_not_known_is_empty() {
        let mut hour = Hour {
            day: 4,
            hour: 9,
            time: (5760 + 540, 5760 + 600),
            observed: 60,
            online: Some(0),
            in_use: Some(20),
            examinations: Some(1),
            method: "mpps+images".to_owned(),
        };
        let row = |it: &Hour| {
            let cells = COLUMNS.all.iter().map(|column| cell("A1", it, column));
            cells.collect::<Vec<_>>().join(" ").replace(":00+00:00", "")
        };
        let name = "A1 1970-01-05 9 1970-01-05T09:00 1970-01-05T10:00";
        assert_eq!(row(&hour), format!("{name} 60 0 20 1 mpps+images"));
        (hour.online, hour.in_use, hour.examinations) = (None, None, None);
        hour.method.clear();
        assert_eq!(row(&hour).trim_end(), format!("{name} 60"));
    }
}
