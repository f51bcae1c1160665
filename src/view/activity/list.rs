//! What devices did within some days, one row each: `auscult activity`.

use std::borrow::Cow;
use std::io::Write;

use super::table::Column::{Number, Text};
use super::table::{Columns, Format, table};
use super::{BRIDGED, Believed, believed, hours, is_bridged, percent};
use crate::store::activity::{Activity, InUse};
use crate::store::{Inventory, Known};
use crate::time::Timestamp;
use crate::time::calendar::{Day, date};
use crate::view::register::{self, Error};

/// What names a device in the columns.
pub const NAMING: &[&str] =
    &["device_class", "modality", "manufacturer", "model", "hostname", "vlans"];

const COLUMNS: Columns = Columns {
    naming: NAMING,
    own: &[
        Text("last_seen"),
        Number("silent_days"),
        Text("from"),
        Text("to"),
        Number("observed_hours"),
        Number("online_hours"),
        Number("online_percent"),
        Text("method"),
        Number("in_use_hours"),
        Number("utilization_percent"),
        Number("opening_hours"),
        Number("available_hours"),
        Number("in_use_opening_hours"),
        Number("utilization_opening_percent"),
        Number("utilization_available_percent"),
        Number("examinations"),
        Number("examinations_per_day"),
        Number("examination_minutes"),
    ],
    shown: &[
        ("asset_id", "ASSET", 11),
        ("device_class", "CLASS", 20),
        ("model", "MODEL", 24),
        ("observed_hours", "OBSERVED", -9),
        ("online_hours", "ON LINE", -8),
        ("online_percent", "%", -6),
        ("in_use_hours", "IN USE", -8),
        ("utilization_percent", "%", -6),
        ("examinations", "EXAMS", -6),
        ("method", "BY", 29),
    ],
};

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Minutes of a day: of less time there is no rate by day.
const WHOLE_DAY: u64 = 1440;

/// Which devices are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this class.
    pub class: Option<String>,
    /// Only those that were on line, whose use would have shown, and that were not used.
    pub idle: bool,
    /// Only those that were not seen for so many days before the last watched minute.
    pub silent: Option<u32>,
}

/// One row.
struct Row<'a> {
    asset: &'a Known<'a>,
    /// None where nothing may be said: nobody tells its VLAN, or a row of it is damaged.
    activity: Option<Activity>,
    days: (Day, Day),
    /// Nanoseconds since it was last seen, at the last watched minute.
    silent: i64,
}

impl Filter {
    /// Whether a device is of the class that is asked for.
    #[must_use]
    pub fn lets_class(&self, asset: &Known<'_>) -> bool {
        let class = asset.first("device_class").unwrap_or("unknown");
        self.class.as_ref().is_none_or(|wanted| class == wanted)
    }

    fn lets(&self, row: &Row<'_>) -> bool {
        let is_idle = || {
            let unused = |used: &InUse| used.minutes == 0;
            let it = row.activity.as_ref().filter(|it| it.online > 0);
            it.and_then(|it| it.used.as_ref()).is_some_and(unused)
        };
        self.lets_class(row.asset)
            && (!self.idle || is_idle())
            && self.silent.is_none_or(|days| row.silent >= i64::from(days).saturating_mul(DAY))
    }
}

/// Writes what devices did from one local day to another, by asset: all devices of the site,
/// also those of which only others speak; how many. Hosts on the Internet are nobody's
/// business here.
///
/// # Errors
/// The inventory or the output.
pub fn list(
    inventory: &Inventory,
    days: (Day, Day),
    filter: &Filter,
    format: Format,
    mut to: impl Write,
) -> Result<u64, Error> {
    let shelf = inventory.shelf(false)?;
    let assets = shelf.known(Some(NAMING));
    let mut activity = inventory.activity(Some(days))?;
    let zone = inventory.calendar()?.zone;
    // What was watched after the time that several have reached are frames of a wrong one.
    let Believed { days: watched, now, .. } = believed(inventory)?;
    let end = inventory.watched()?.map_or(0, |(_, last)| last.min(now.minute()).saturating_add(1));
    let end = Timestamp::new(end.saturating_mul(60), 0);
    let rows: Vec<Row<'_>> = assets
        .iter()
        .filter(|asset| !asset.external)
        .map(|asset| {
            let activity = activity.remove(&*asset.id);
            // Days on which nobody watched prove nothing, a wrong clock's in between neither.
            let last = zone.day(asset.last_seen.minute());
            let after = watched.len().saturating_sub(watched.partition_point(|day| *day <= last));
            let most = i64::try_from(after).unwrap_or(i64::MAX).saturating_mul(DAY);
            let silent = end.since(asset.last_seen).clamp(0, most);
            Row { asset, activity, days, silent }
        })
        .filter(|row| filter.lets(row))
        .collect();
    let count = table(&rows, cell, &COLUMNS, format, &mut to)?;
    if format == Format::Text {
        let (from, last) = (date(days.0), date(days.1));
        writeln!(to, "hours from {from} to {last}, whole days ({})", zone.name())?;
        if rows.iter().filter_map(|row| row.activity.as_ref()).any(is_bridged) {
            writeln!(to, "{BRIDGED}")?;
        }
    }
    Ok(count)
}

fn cell<'r>(row: &'r Row<'_>, column: &str) -> Cow<'r, str> {
    text(row, column).into()
}

fn text(row: &Row<'_>, column: &str) -> String {
    let it = row.activity.as_ref();
    let used = it.filter(|it| it.observed > 0).and_then(|it| it.used.as_ref());
    let (open, available) = (it.and_then(|it| it.open), it.and_then(|it| it.available));
    let observed = it.map(|it| it.observed);
    let of = |part: Option<u64>, whole: Option<u64>| {
        part.zip(whole).and_then(|(part, whole)| percent(part, whole)).unwrap_or_default()
    };
    let open_in_use = used.map(|used| used.open).filter(|_| open.is_some());
    let examined = used.and_then(|used| Some((used.examinations?, used.duration)));
    match column {
        "from" => date(row.days.0),
        "to" => date(row.days.1),
        "silent_days" => (row.silent / DAY).to_string(),
        "method" => used.map(InUse::how).unwrap_or_default(),
        // Here against all hours; the register takes the opening hours where there are some.
        "utilization_percent" => of(used.map(|used| used.minutes), observed),
        "opening_hours" => open.map(hours).unwrap_or_default(),
        "available_hours" => available.map(hours).unwrap_or_default(),
        "in_use_opening_hours" => open_in_use.map(hours).unwrap_or_default(),
        "utilization_opening_percent" => of(open_in_use, open),
        "utilization_available_percent" => of(open_in_use, available),
        // Of less than a day nobody knows whether it is like the rest.
        "examinations_per_day" if observed.is_none_or(|it| it < WHOLE_DAY) => String::new(),
        "examinations_per_day" => {
            let of = observed.unwrap_or_default();
            let tenths = |n: u64| n.saturating_mul(14_400).saturating_add(of / 2);
            let rate = examined.and_then(|(n, _)| tenths(n).checked_div(of));
            rate.map(|rate| format!("{}.{}", rate / 10, rate % 10)).unwrap_or_default()
        }
        "examination_minutes" => {
            let tenths = |(n, seconds): (u64, u64)| (seconds / 6 + n / 2).checked_div(n);
            let mean = examined.and_then(tenths);
            mean.map(|mean| format!("{}.{}", mean / 10, mean % 10)).unwrap_or_default()
        }
        column => super::cell(it, column).unwrap_or_else(|| register::cell(row.asset, column)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known<'static> {
        Known {
            id: "A1".into(),
            identity: "mac:00:00:00:00:00:01".into(),
            external: false,
            first_seen: Timestamp(0),
            last_seen: Timestamp(0),
            values: Vec::new(),
            activity: None,
        }
    }

    fn row<'a>(asset: &'a Known<'a>) -> Row<'a> {
        let used = InUse {
            methods: vec!["mpps".to_owned()],
            through: false,
            minutes: 600,
            open: 480,
            examinations: Some(20),
            duration: 36_000,
        };
        let activity = Activity {
            observed: 2880,
            available: Some(900),
            open: Some(960),
            hours: Some("mon 08:00-16:00".to_owned()),
            online: 1440,
            only_told: false,
            untimely: false,
            used: Some(used),
        };
        Row { asset, activity: Some(activity), days: (0, 1), silent: 3 * DAY }
    }

    #[test]
    fn rates_are_against_all_hours_opening_hours_and_those_observed() {
        let asset = known();
        let row = row(&asset);
        let of = |column| cell(&row, column);
        assert_eq!(of("utilization_percent"), "20.8");
        assert_eq!(of("utilization_opening_percent"), "50.0");
        assert_eq!(of("utilization_available_percent"), "53.3");
        assert_eq!((of("online_percent"), of("in_use_hours")), ("50.0".into(), "10.0".into()));
        assert_eq!(
            (of("examinations_per_day"), of("examination_minutes")),
            ("10.0".into(), "30.0".into())
        );
        let mut short = self::row(&asset);
        short.activity.as_mut().unwrap().observed = 1439;
        assert_eq!(cell(&short, "examinations_per_day"), "", "less than a day");
        short.activity.as_mut().unwrap().observed = 1440;
        assert_eq!(cell(&short, "examinations_per_day"), "20.0");
        assert_eq!((of("from"), of("silent_days")), ("1970-01-01".into(), "3".into()));
        let mut lines = Vec::new();
        table(&[row], cell, &COLUMNS, Format::Text, &mut lines).unwrap();
        assert_eq!(String::from_utf8(lines).unwrap().lines().count(), 2);
    }

    #[test]
    fn idle_is_on_and_unused_where_use_would_show() {
        let asset = known();
        let filter = Filter { idle: true, ..Filter::default() };
        let mut row = row(&asset);
        assert!(!filter.lets(&row));
        let activity = row.activity.as_mut().unwrap();
        activity.used.as_mut().unwrap().minutes = 0;
        assert!(filter.lets(&row));
        row.activity.as_mut().unwrap().online = 0;
        assert!(!filter.lets(&row), "it is off");
        row.activity.as_mut().unwrap().used = None;
        assert!(!filter.lets(&row));
        row.activity = None;
        assert!(!filter.lets(&row), "nobody knows");
        let silent = |days| Filter { silent: Some(days), ..Filter::default() };
        assert!(silent(3).lets(&row) && !silent(4).lets(&row));
        let class = Filter { class: Some("ct".to_owned()), ..Filter::default() };
        assert!(!class.lets(&row));
    }
}
