//! Hour by hour of the site's clock, a row each: `auscult activity --hours`. The hours of a day
//! add up to its row of `auscult activity`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use foldhash::fast::RandomState;

use super::BRIDGED;
use super::table::Column::{Number, Text};
use super::table::{Columns, Format, Table};
use crate::store::activity::Hour;
use crate::store::{Inventory, Known};
use crate::time::Timestamp;
use crate::time::calendar::{Day, Zone, date};
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
        ("method", "BY", 29),
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
    mut to: impl Write,
) -> Result<u64, Error> {
    let ids: Vec<&str> = assets.iter().map(|asset| &*asset.id).collect();
    let mut table = Table::begin(&COLUMNS, format, &mut to)?;
    let clock = Clock::of(&inventory.calendar()?.zone, days);
    let lines = table.lines();
    let make = |id: &str, hours: &[Hour]| {
        let rows: Vec<(&str, &Hour)> = hours.iter().map(|it| (id, it)).collect();
        let lines = lines.of(&rows, |(id, it), column| cell(id, it, &clock, column));
        (lines, rows.len(), hours.iter().any(is_bridged))
    };
    let mut any_bridged = false;
    inventory.hours(&ids, days, make, |(lines, rows, is_bridged)| {
        any_bridged |= is_bridged;
        table.append(&lines?, rows)
    })?;
    let count = table.end()?;
    if any_bridged && format == Format::Text {
        writeln!(to, "{BRIDGED}")?;
    }
    Ok(count)
}

/// Whether more minutes in use are shown than on line, where both are.
fn is_bridged(it: &Hour) -> bool {
    it.online.zip(it.in_use).is_some_and(|(online, in_use)| in_use > online)
}

/// Days of which times are known as they are shown.
const KNOWN: usize = 400;

/// Days, times and numbers as they are shown: those of one device are those of all.
struct Clock {
    days: HashMap<Day, String, RandomState>,
    minutes: HashMap<i64, String, RandomState>,
    /// From 0 on: no hour has many more minutes.
    numbers: Vec<String>,
}

impl Clock {
    /// Of some days, the last of them where they are many.
    fn of(zone: &Zone, (first, last): (Day, Day)) -> Self {
        let days: Vec<Day> = (first..=last).rev().take(KNOWN).collect();
        let hours = days.iter().flat_map(|day| zone.clock_hours(*day));
        let minutes: BTreeSet<i64> = hours.flat_map(|(_, from, to)| [from, to]).collect();
        Self {
            days: days.into_iter().map(|day| (day, date(day))).collect(),
            minutes: minutes.into_iter().map(|at| (at, time(at))).collect(),
            numbers: (0..=60).map(|n: u8| n.to_string()).collect(),
        }
    }

    fn day(&self, day: Day) -> Cow<'_, str> {
        self.days.get(&day).map_or_else(|| date(day).into(), |it| it.as_str().into())
    }

    fn minute(&self, minute: i64) -> Cow<'_, str> {
        self.minutes.get(&minute).map_or_else(|| time(minute).into(), |it| it.as_str().into())
    }

    fn number(&self, n: u64) -> Cow<'_, str> {
        let known = usize::try_from(n).ok().and_then(|n| self.numbers.get(n));
        known.map_or_else(|| n.to_string().into(), |it| it.as_str().into())
    }
}

/// A minute since 1970 as it is shown.
fn time(minute: i64) -> String {
    Timestamp::new(minute.saturating_mul(60), 0).rfc3339()
}

fn cell<'r>(id: &'r str, it: &Hour, clock: &'r Clock, column: &str) -> Cow<'r, str> {
    let count = |n: Option<u64>| n.map_or(Cow::Borrowed(""), |n| clock.number(n));
    match column {
        "asset_id" => id.into(),
        "day" => clock.day(it.day),
        "hour" => count(u64::try_from(it.hour).ok()),
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
        let cells_of = |it: &Hour, clock: &Clock| {
            let cells = COLUMNS.names().map(|column| cell("A1", it, clock, column));
            cells.collect::<Vec<_>>().join(" ").replace(":00+00:00", "")
        };
        let clocks = [(4, 4), (5, 5)].map(|days| Clock::of(&Zone::default(), days));
        let row = |it: &Hour| {
            let [row, other] = clocks.each_ref().map(|clock| cells_of(it, clock));
            assert_eq!(row, other, "also of a day that it does not know");
            row
        };
        let name = "A1 1970-01-05 9 1970-01-05T09:00 1970-01-05T10:00";
        assert_eq!(row(&hour), format!("{name} 60 0 20 1 mpps+images"));
        assert!(is_bridged(&hour));
        hour.online = Some(20);
        assert!(!is_bridged(&hour));
        (hour.online, hour.in_use, hour.examinations) = (None, None, None);
        assert!(!is_bridged(&hour) && !is_bridged(&Hour { in_use: Some(20), ..hour }));
        hour.method = "";
        assert_eq!(row(&hour).trim_end(), format!("{name} 60"));
    }
}
