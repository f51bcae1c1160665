//! Hour by hour of the site's clock, a row each: `auscult activity --hours`. The hours of a day
//! add up to its row of `auscult activity`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;

use foldhash::fast::RandomState;

use super::table::Column::{Number, Text};
use super::table::{Columns, Format, Table};
use crate::store::activity::Hour;
use crate::store::{Inventory, Known};
use crate::time::Timestamp;
use crate::time::calendar::{Day, date};
use crate::view::register::Error;

const COLUMNS: Columns = Columns {
    naming: &[],
    own: &[
        Text("day"),
        Number("hour"),
        Text("from"),
        Text("to"),
        Number("observed_minutes"),
        Number("online_minutes"),
        Number("in_use_minutes"),
        Number("examinations"),
        Text("method"),
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
    let mut table = Table::begin(&COLUMNS, format, to)?;
    let mut clock = Clock::default();
    inventory.hours(&ids, days, |hours| {
        hours.iter().for_each(|(_, it)| clock.learn(it));
        table.add(hours, |(id, it), column| cell(id, it, &clock, column))
    })?;
    table.end()
}

/// Days and times as they are shown: those of one device are those of all.
#[derive(Default)]
struct Clock {
    days: HashMap<Day, String, RandomState>,
    minutes: HashMap<i64, String, RandomState>,
}

impl Clock {
    fn learn(&mut self, it: &Hour) {
        self.days.entry(it.day).or_insert_with(|| date(it.day));
        for minute in [it.time.0, it.time.1] {
            let text = || Timestamp::new(minute.saturating_mul(60), 0).rfc3339();
            self.minutes.entry(minute).or_insert_with(text);
        }
    }

    fn minute(&self, minute: i64) -> Cow<'_, str> {
        self.minutes.get(&minute).map_or("", String::as_str).into()
    }
}

fn cell<'r>(id: &'r str, it: &Hour, clock: &'r Clock, column: &str) -> Cow<'r, str> {
    let count = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default().into();
    match column {
        "asset_id" => id.into(),
        "day" => clock.days.get(&it.day).map_or("", String::as_str).into(),
        "hour" => it.hour.to_string().into(),
        "from" => clock.minute(it.time.0),
        "to" => clock.minute(it.time.1),
        "observed_minutes" => count(Some(it.observed)),
        "online_minutes" => count(it.online),
        "in_use_minutes" => count(it.in_use),
        "examinations" => count(it.examinations),
        _ => it.method.into(),
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
            method: "mpps+images",
        };
        let row = |it: &Hour| {
            let mut clock = Clock::default();
            clock.learn(it);
            let cells = COLUMNS.names().map(|column| cell("A1", it, &clock, column));
            cells.collect::<Vec<_>>().join(" ").replace(":00+00:00", "")
        };
        let name = "A1 1970-01-05 9 1970-01-05T09:00 1970-01-05T10:00";
        assert_eq!(row(&hour), format!("{name} 60 0 20 1 mpps+images"));
        (hour.online, hour.in_use, hour.examinations) = (None, None, None);
        hour.method = "";
        assert_eq!(row(&hour).trim_end(), format!("{name} 60"));
    }
}
