//! The activity of one device, for its dossier.

use std::fmt::Write as _;

use super::spread::{Heat, Spread, Spreading, clock};
use super::{BRIDGED, hours, is_bridged, percent};
use crate::store::activity::{Activity, Start};
use crate::store::{Error, Inventory};
use crate::time::calendar::{Day, Midnight, WEEKDAYS, date};

/// Starts listed.
const MAX_STARTS: usize = 10;

/// What a device did from one local day to another, as text; nothing where nobody tells its
/// VLAN, and nothing that would need a damaged row ([`Inventory::passed_over`]).
///
/// # Errors
/// The inventory cannot be read.
pub fn page(inventory: &Inventory, id: &str, days: (Day, Day)) -> Result<String, Error> {
    let _one = inventory.snapshot()?;
    let Some(activity) = inventory.activity_of(id, Some(days))? else {
        return Ok(String::new());
    };
    let zone = inventory.calendar()?.zone;
    let mut page = String::new();
    let _ = writeln!(page, "activity from {} to {} ({}):", date(days.0), date(days.1), zone.name());
    rates(&mut page, &activity);
    let of_days = inventory.days(id, Some(days))?;
    if let (Some(_), Some(of_days)) = (&activity.used, of_days) {
        let mut all = Spreading::default();
        for it in of_days {
            all.add(&Midnight::of(&zone, it.day), &it.examinations);
        }
        if let Some(spread) = Spreading::done(&[all]) {
            examinations(&mut page, &spread);
        }
        heat(&mut page, &Heat::load(inventory, id, days)?);
    }
    starts(&mut page, &inventory.starts(id, None)?);
    Ok(page)
}

/// Why work that was told is not counted.
const UNTIMELY: &str =
    "work is told with times that cannot be: a copy of the past, or see its clock and `time_zone`";

fn rates(page: &mut String, it: &Activity) {
    let share =
        |part, whole| percent(part, whole).map(|it| format!(" ({it} %)")).unwrap_or_default();
    let _ = writeln!(page, "  observed  {} h", hours(it.observed));
    if it.observed == 0 {
        return;
    }
    if it.only_told {
        let _ = writeln!(page, "  on line   unknown: only others speak of it");
        if it.used.is_none() && !it.untimely {
            return;
        }
    } else {
        let online = share(it.online, it.observed);
        let _ = writeln!(page, "  on line   {} h{online}", hours(it.online));
    }
    let Some(used) = &it.used else {
        let why = if it.untimely { UNTIMELY } else { "nothing that it sends tells" };
        let _ = writeln!(page, "  in use    unknown: {why}");
        return;
    };
    let _ = writeln!(
        page,
        "  in use    {} h by {}{}",
        hours(used.minutes),
        used.how(),
        share(used.minutes, it.observed)
    );
    if is_bridged(it) {
        let _ = writeln!(page, "            {BRIDGED}");
    }
    if it.untimely {
        let _ = writeln!(page, "            not counted: {UNTIMELY}");
    }
    if let (Some(open), Some(available), Some(line)) = (it.open, it.available, &it.hours) {
        let _ = writeln!(
            page,
            "            {} h within the opening hours{}, of those observed{} ({line})",
            hours(used.open),
            share(used.open, open),
            share(used.open, available)
        );
    }
}

/// The last starts, each with how it is told and how sure that is.
fn starts(page: &mut String, all: &[Start]) {
    for (n, it) in all.iter().rev().take(MAX_STARTS).enumerate() {
        let head = if n == 0 { "started" } else { "" };
        let (at, by) = (it.at.rfc3339(), it.by.join(", "));
        let _ = writeln!(page, "  {head:<9} {at} {} ({by}; {} %)", it.how, it.confidence);
    }
    if let Some(more) = all.len().checked_sub(MAX_STARTS).filter(|more| *more > 0) {
        let _ = writeln!(page, "            and {more} before");
    }
}

fn examinations(page: &mut String, it: &Spread) {
    let minutes = |seconds: i64| format!("{} min", seconds.saturating_add(30) / 60);
    let (count, days, mean) = (it.count, it.days, minutes(it.mean));
    let _ = writeln!(page, "  examined  {count} on {days} days, {mean} each");
    let [low, middle, high] = it.duration.map(minutes);
    let longest = minutes(it.longest);
    let _ = writeln!(
        page,
        "            half of them {low} to {high}, median {middle}, longest {longest}"
    );
    if let Some([low, middle, high]) = it.gap.map(|it| it.map(minutes)) {
        let _ = writeln!(
            page,
            "            between two: median {middle}, half of them {low} to {high}"
        );
    }
    let (first, last) = (clock(it.ends.0), clock(it.ends.1));
    let _ = writeln!(page, "            first of the day at {first}, last until {last} (medians)");
}

/// Hour by weekday: tenths of the observed time in use.
fn heat(page: &mut String, Heat(grid): &Heat) {
    let mark = |(part, whole): &(u64, u64)| match part.saturating_mul(10).checked_div(*whole) {
        None => ' ',
        Some(_) if *part == 0 => '.',
        Some(tenths) => {
            char::from_digit(u32::try_from(tenths).unwrap_or(9).min(9), 10).unwrap_or('9')
        }
    };
    let _ =
        writeln!(page, "  tenths of each hour in use, . not at all, blank where nobody saw it:");
    let _ = writeln!(page, "      0     6     12    18");
    for (name, row) in WEEKDAYS.iter().zip(grid) {
        let row: String = row.iter().map(mark).collect();
        let _ = writeln!(page, "  {name} {}", row.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::activity::{Hour, InUse};
    use crate::time::Timestamp;

    #[test]
    fn examinations_are_told_in_minutes() {
        let mut it = Spread {
            days: 2,
            count: 4,
            mean: 1200,
            duration: [1050, 1200, 1350],
            longest: 1800,
            gap: Some([750, 900, 1050]),
            ends: (8 * 3600 + 1800, 9 * 3600 + 1500),
        };
        let mut page = String::new();
        examinations(&mut page, &it);
        let lines = [
            "  examined  4 on 2 days, 20 min each",
            "            half of them 18 min to 23 min, median 20 min, longest 30 min",
            "            between two: median 15 min, half of them 13 min to 18 min",
            "            first of the day at 08:30, last until 09:25 (medians)",
        ];
        assert_eq!(page.lines().collect::<Vec<_>>(), lines);
        (page, it.gap) = (String::new(), None);
        examinations(&mut page, &it);
        assert_eq!(page.lines().count(), 3);
    }

    #[test]
    fn work_that_is_not_counted_says_why() {
        let of = |only_told, untimely, used: Option<InUse>| {
            let mut page = String::new();
            let it = Activity { observed: 60, only_told, untimely, used, ..Activity::default() };
            rates(&mut page, &it);
            page.lines().skip(1).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        let told = "on line   unknown: only others speak of it";
        let online = "on line   0.0 h (0.0 %)";
        let not_used = "in use    0.0 h by vitals (0.0 %)";
        let used = || Some(InUse { methods: vec!["vitals".to_owned()], ..InUse::default() });
        let (unknown, not_counted) =
            (format!("in use    unknown: {UNTIMELY}"), format!("not counted: {UNTIMELY}"));
        assert_eq!(of(true, false, None), [told], "nothing is told of its work");
        assert_eq!(of(true, true, None), [told, &unknown]);
        assert_eq!(of(true, true, used()), [told, not_used, &not_counted]);
        assert_eq!(of(true, false, used()), [told, not_used]);
        let nothing = "in use    unknown: nothing that it sends tells";
        assert_eq!(of(false, false, None), [online, nothing]);
        assert_eq!(of(false, true, None), [online, &unknown]);
        let much = Some(InUse { minutes: 30, ..used().unwrap() });
        let longer = "in use    0.5 h by vitals (50.0 %)";
        assert_eq!(of(false, false, much.clone()), [online, longer, BRIDGED]);
        assert_eq!(of(true, false, much), [told, longer], "of whose time on line nobody knows");
    }

    #[test]
    fn starts_say_how_they_are_told() {
        let start = |n: i64| Start {
            at: Timestamp::new(n * 86_400, 0),
            how: "network boot",
            by: vec!["DHCP", "SNMP"],
            confidence: 97,
        };
        let mut page = String::new();
        starts(&mut page, &(0..12).map(start).collect::<Vec<_>>());
        let first = "  started   1970-01-12T00:00:00+00:00 network boot (DHCP, SNMP; 97 %)";
        assert_eq!(page.lines().next(), Some(first));
        assert_eq!(
            (page.lines().count(), page.lines().last()),
            (11, Some("            and 2 before"))
        );
        page.clear();
        starts(&mut page, &[]);
        assert!(page.is_empty());
    }

    #[test]
    fn the_heat_map_tells_unused_from_unseen() {
        let mut page = String::new();
        // 1970-01-05 is a Monday, and so is the day a week after.
        let mut all = Heat::default();
        let mut hour = |day, hour: usize, observed, in_use| {
            all.add(&Hour {
                day,
                hour,
                time: (0, 0),
                observed,
                online: None,
                in_use,
                examinations: None,
                method: "",
            });
        };
        hour(4, 7, 0, None);
        hour(4, 8, 60, Some(0));
        hour(4, 9, 60, Some(59));
        hour(4, 10, 60, Some(7));
        hour(4, 11, 60, Some(0));
        hour(11, 10, 40, Some(40));
        heat(&mut page, &all);
        let monday = page.lines().find(|line| line.contains("mon")).unwrap();
        assert_eq!(monday, "  mon         .94.");
        assert!(page.lines().any(|line| line == "  tue "), "{page:?}");
    }
}
