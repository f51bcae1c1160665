//! The activity of one device, for its dossier.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{hours, percent};
use crate::store::activity::{Activity, DayOf, Start};
use crate::store::{Error, Inventory};
use crate::time::calendar::{Day, WEEKDAYS, Zone, date};
use crate::time::minutes::Minutes;

/// Starts listed.
const MAX_STARTS: usize = 10;

/// What a device did from one local day to another, as text; nothing where nobody tells its
/// VLAN, and nothing that would need a damaged row ([`Inventory::passed_over`]).
///
/// # Errors
/// The inventory cannot be read.
pub fn page(inventory: &Inventory, id: &str, days: (Day, Day)) -> Result<String, Error> {
    let Some(activity) = inventory.activity_of(id, Some(days))? else {
        return Ok(String::new());
    };
    let zone = inventory.calendar()?.zone;
    let mut page = String::new();
    let _ = writeln!(page, "activity from {} to {} ({}):", date(days.0), date(days.1), zone.name());
    rates(&mut page, &activity);
    let of_days = inventory.days(id, Some(days))?;
    if let (Some(_), Some(of_days)) = (&activity.used, of_days) {
        examinations(&mut page, &of_days, &zone);
        let observed = inventory.observed(id, Some(days))?.unwrap_or_default();
        heat(&mut page, &of_days, &observed, &zone, days);
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
        if it.used.is_none() {
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

/// The one in the middle of sorted values, and those at a quarter and three quarters.
fn quartiles(sorted: &[i64]) -> Option<[i64; 3]> {
    let last = sorted.len().checked_sub(1)?;
    // Between two of them where it falls between.
    let at = |quarter: usize| {
        let (place, parts) = (last * quarter / 4, i64::try_from(last * quarter % 4).ok()?);
        let low = *sorted.get(place)?;
        let high = sorted.get(place + 1).copied().unwrap_or(low);
        Some(low.saturating_add(high.saturating_sub(low).saturating_mul(parts) / 4))
    };
    Some([at(1)?, at(2)?, at(3)?])
}

fn examinations(page: &mut String, days: &[DayOf], zone: &Zone) {
    let mut durations: Vec<i64> = Vec::new();
    let (mut gaps, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for day in days.iter().filter(|day| !day.examinations.is_empty()) {
        let base = zone.bounds(day.day).0.saturating_mul(60);
        durations.extend(day.examinations.iter().map(|it| it.duration));
        let mut until = None;
        for it in &day.examinations {
            if let Some(until) = until {
                gaps.push(it.begin.saturating_sub(until).max(0));
            }
            until = until.max(Some(it.begin.saturating_add(it.duration)));
        }
        firsts.extend(day.examinations.first().map(|it| it.begin.saturating_sub(base).max(0)));
        lasts.extend(until.map(|until| until.saturating_sub(base)));
    }
    for all in [&mut durations, &mut gaps, &mut firsts, &mut lasts] {
        all.sort_unstable();
    }
    let count = i64::try_from(durations.len()).unwrap_or(i64::MAX);
    let Some([low, middle, high]) = quartiles(&durations) else { return };
    let minutes = |seconds: i64| format!("{} min", seconds.saturating_add(30) / 60);
    let total = durations.iter().fold(0_i64, |all, it| all.saturating_add(*it));
    let _ = writeln!(
        page,
        "  examined  {count} on {} days, {} each",
        firsts.len(),
        minutes(total / count)
    );
    let longest = durations.last().copied().unwrap_or_default();
    let _ = writeln!(
        page,
        "            half of them {} to {}, median {}, longest {}",
        minutes(low),
        minutes(high),
        minutes(middle),
        minutes(longest)
    );
    if let Some([low, middle, high]) = quartiles(&gaps) {
        let _ = writeln!(
            page,
            "            between two: median {}, half of them {} to {}",
            minutes(middle),
            minutes(low),
            minutes(high)
        );
    }
    let clock = |seconds: i64| format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if let (Some([_, first, _]), Some([_, last, _])) = (quartiles(&firsts), quartiles(&lasts)) {
        let (first, last) = (clock(first), clock(last));
        let _ =
            writeln!(page, "            first of the day at {first}, last until {last} (medians)");
    }
}

/// Hour by weekday: tenths of the observed time in use.
fn heat(
    page: &mut String,
    days: &[DayOf],
    observed: &Minutes,
    zone: &Zone,
    (from, to): (Day, Day),
) {
    let mut grid = [[(0_u64, 0_u64); 24]; 7];
    let mut used = Minutes::default();
    days.iter().for_each(|day| used.unite(&day.in_use));
    // Only days of which something was observed: between them may lie years.
    let of = |(begin, end): &(i64, i64)| zone.day(*begin)..=zone.day(end.saturating_sub(1));
    let seen: BTreeSet<Day> = observed.runs().iter().flat_map(of).collect();
    for day in seen.into_iter().filter(|day| (from..=to).contains(day)) {
        for (hour, weekday, begin, end) in zone.hours(day) {
            if let Some((part, whole)) = grid.get_mut(weekday).and_then(|it| it.get_mut(hour)) {
                *part = part.saturating_add(used.count_within(begin, end));
                *whole = whole.saturating_add(observed.count_within(begin, end));
            }
        }
    }
    let mark = |(part, whole): &(u64, u64)| match part.saturating_mul(10).checked_div(*whole) {
        None => ' ',
        Some(_) if *part == 0 => '.',
        Some(tenths) => {
            char::from_digit(u32::try_from(tenths).unwrap_or(9).min(9), 10).unwrap_or('9')
        }
    };
    let _ = writeln!(page, "  tenths of each hour in use, blank where nobody saw it:");
    let _ = writeln!(page, "      0     6     12    18");
    for (name, row) in WEEKDAYS.iter().zip(&grid) {
        let row: String = row.iter().map(mark).collect();
        let _ = writeln!(page, "  {name} {}", row.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::activity::Examination;
    use crate::time::Timestamp;

    fn day(n: Day, exams: &[(i64, i64)]) -> DayOf {
        let base = i64::from(n) * 1440;
        let mut in_use = Minutes::default();
        let exam = |(begin, minutes): &(i64, i64)| {
            in_use.add(base + begin, base + begin + minutes);
            Examination { begin: 60 * (base + begin), duration: 60 * minutes, method: "images" }
        };
        let examinations = exams.iter().map(exam).collect();
        DayOf { day: n, online: None, in_use, examinations }
    }

    #[test]
    fn examinations_have_durations_gaps_and_a_first_and_last() {
        let mut page = String::new();
        let days = [day(4, &[(540, 10), (560, 20), (600, 30)]), day(5, &[(480, 20)])];
        examinations(&mut page, &days, &Zone::default());
        assert!(page.contains("4 on 2 days, 20 min each"), "{page}");
        assert!(
            page.contains("half of them 18 min to 23 min, median 20 min, longest 30 min"),
            "{page}"
        );
        assert!(
            page.contains("between two: median 15 min, half of them 13 min to 18 min"),
            "{page}"
        );
        assert!(page.contains("first of the day at 08:30, last until 09:25"), "{page}");
        let mut none = String::new();
        examinations(&mut none, &[], &Zone::default());
        assert!(none.is_empty());
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
        // 1970-01-05 is a Monday.
        let observed = Minutes::run(4 * 1440 + 480, 4 * 1440 + 720);
        heat(&mut page, &[day(4, &[(540, 60), (600, 7)])], &observed, &Zone::default(), (4, 5));
        let monday = page.lines().find(|line| line.contains("mon")).unwrap();
        assert_eq!(monday, "  mon         .91.");
        assert!(page.lines().any(|line| line == "  tue "), "{page:?}");
    }

    #[test]
    fn quartiles_of_few() {
        assert_eq!(quartiles(&[]), None);
        assert_eq!(quartiles(&[7]), Some([7, 7, 7]));
        assert_eq!(quartiles(&[1, 2, 3, 4, 5]), Some([2, 3, 4]));
        assert_eq!(
            quartiles(&[10, 20, 40, 80]),
            Some([17, 30, 50]),
            "between the two in the middle"
        );
    }
}
