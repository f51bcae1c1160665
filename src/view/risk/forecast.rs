//! Whose operating system will be mended no longer, and when.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::Date;

use super::title;
use crate::store::Known;
use crate::store::risk::{Assessment, Supported, Until};
use crate::time::Timestamp;
use crate::time::calendar::Zone;

/// A day on which something ends for a device.
struct End<'a> {
    day: Date,
    asset: &'a Known<'a>,
    of: &'a Assessment,
    until: &'a Until,
    /// What ends is what somebody may have bought.
    is_bought: bool,
}

/// A stretch of days, and the day on which what it did to a device is judged.
struct Span {
    name: &'static str,
    from: Date,
    to: Date,
    judged: Date,
}

/// The ends of support that are past, within 12 and within 24 months of the last packet, by
/// the site's clock. A device is counted as surely ended where no edition that it may be is
/// mended any more and nobody can pay for it, which is what the register calls `no`.
#[must_use]
pub fn forecast(ranked: &[(&Known<'_>, &Assessment)], now: Timestamp, zone: &Zone) -> String {
    let today = zone.date(now);
    let [one, two] = [12, 24].map(|months| today.checked_add(months.months()).unwrap_or(Date::MAX));
    let yesterday = today.yesterday().unwrap_or(today);
    let after = |day: Date| day.tomorrow().unwrap_or(day);
    let mut ends: Vec<End<'_>> = ranked.iter().flat_map(|(asset, of)| ends(asset, of)).collect();
    ends.sort_by(|a, b| {
        (a.day, &a.asset.id, &a.until.edition).cmp(&(b.day, &b.asset.id, &b.until.edition))
    });
    let mut page = format!("end of support, as of {today}\n");
    for span in [
        // The last day itself is still supported.
        Span { name: "ended", from: Date::MIN, to: yesterday, judged: today },
        Span { name: "within 12 months", from: today, to: one, judged: after(one) },
        Span { name: "within 24 months", from: after(one), to: two, judged: after(two) },
    ] {
        section(&mut page, &ends, &span, today);
    }
    let later = ends.iter().filter(|it| it.day > two);
    let later: BTreeSet<&str> = later.map(|it| &*it.asset.id).collect();
    let _ = writeln!(page, "later: {} devices", later.len());
    let undated = || ranked.iter().filter(|(_, it)| it.support.is_empty());
    let nameless = undated().filter(|(_, it)| it.missing.iter().any(|name| name == "os_name"));
    let _ = writeln!(
        page,
        "no date known: {} devices, of {} of which the operating system is not known either",
        undated().count(),
        nameless.count()
    );
    page
}

/// What ends for a device: for everybody, and for who pays.
fn ends<'a>(asset: &'a Known<'a>, of: &'a Assessment) -> Vec<End<'a>> {
    let mut all = Vec::new();
    for until in &of.support {
        let everybody = until.end.trim_start_matches("before ").parse().ok();
        for (day, is_bought) in [(everybody, false), (until.bought(), true)] {
            all.extend(day.map(|day| End { day, asset, of, until, is_bought }));
        }
    }
    all
}

fn section(page: &mut String, ends: &[End<'_>], span: &Span, today: Date) {
    // What was bought and is over stands with the end of what everybody had.
    let is_told = |it: &&End<'_>| {
        (span.from..=span.to).contains(&it.day) && (!it.is_bought || it.day >= today)
    };
    let such: Vec<&End<'_>> = ends.iter().filter(is_told).collect();
    let is_sure = |it: &End<'_>| it.of.supported_on(span.judged) == Some(Supported::No);
    let count = |sure: bool| {
        let of = such.iter().filter(|it| is_sure(it) == sure).map(|it| &*it.asset.id);
        of.collect::<BTreeSet<&str>>().len()
    };
    let _ = write!(page, "{}: {} devices", span.name, count(true));
    // It depends on an edition that nothing tells, or on whether somebody pays.
    let perhaps = count(false);
    if perhaps > 0 {
        let _ = write!(page, ", and perhaps {perhaps}");
    }
    page.push('\n');
    // Many end on the same day.
    let mut said = (Date::MIN, String::new());
    for it in such {
        if said.0 != it.day || said.1.is_empty() {
            let left = today.until(it.day).map_or(0, |span| span.get_days());
            said = (it.day, format!("  {}  {left:>6} days  ", it.day));
        }
        page.extend([&said.1, &*it.asset.id, "  "]);
        page.push_str(&title(it.asset));
        // Of several editions it has one.
        let may = if it.of.support.len() > 1 { "if it is " } else { "" };
        let _ = write!(page, "  ({may}{}", it.until.edition);
        let _ = match (&it.until.paid, it.is_bought) {
            (Some((_, offer)), true) => write!(page, "; {offer} ends"),
            (Some((day, offer)), false) => write!(page, "; {offer} until {day}"),
            (None, _) => Ok(()),
        };
        page.push_str(")\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(edition: &str, end: &str, paid: &str) -> Until {
        Until {
            row: "r".to_owned(),
            edition: edition.to_owned(),
            end: end.to_owned(),
            paid: (!paid.is_empty()).then(|| (paid.to_owned(), "ESU".to_owned())),
        }
    }

    fn known() -> Known<'static> {
        Known {
            id: "A1".into(),
            identity: "mac:00:00:5e:00:53:01".into(),
            external: false,
            first_seen: Timestamp(0),
            last_seen: Timestamp(0),
            values: Vec::new(),
            activity: None,
        }
    }

    #[test]
    fn what_is_sure_is_what_the_register_says() {
        let (a, b) = (("A", "2020-11-10"), ("B", "2029-01-09"));
        for (editions, heads) in [
            // One end, or two that have both passed: sure. The register says `no`.
            (vec![(a, "")], ["ended: 1 devices", "12 months: 0 devices", "24 months: 0 devices"]),
            (
                vec![(a, ""), (("C", "2021-05-11"), "")],
                ["ended: 1 devices", "12 months: 0 devices", "24 months: 0 devices"],
            ),
            (
                vec![(("C", "before 2024-04-15"), "")],
                ["ended: 1 devices", "12 months: 0 devices", "24 months: 0 devices"],
            ),
            // One of two, or what can be bought: perhaps. The register says `depends`.
            (
                vec![(a, ""), (b, "")],
                ["ended: 0 devices, and perhaps 1", "12 months: 0 devices", "24 months: 0 devices"],
            ),
            (
                vec![(("C", "2025-10-14"), "2028-10-10")],
                [
                    "ended: 0 devices, and perhaps 1",
                    "12 months: 0 devices",
                    // And then it is sure.
                    "24 months: 1 devices",
                ],
            ),
            (
                vec![(("C", "2025-10-14"), "2027-10-12")],
                ["ended: 0 devices, and perhaps 1", "12 months: 1 devices", "24 months: 0 devices"],
            ),
            // What was bought is over.
            (
                vec![(("C", "2020-01-14"), "2023-01-10")],
                ["ended: 1 devices", "12 months: 0 devices", "24 months: 0 devices"],
            ),
            // The last day is still a good one, also at the end of a stretch.
            (
                vec![(("C", "2026-11-22"), "")],
                ["ended: 0 devices", "12 months: 1 devices", "24 months: 0 devices"],
            ),
            (
                vec![(("C", "2027-11-22"), "")],
                ["ended: 0 devices", "12 months: 1 devices", "24 months: 0 devices"],
            ),
            (
                vec![(("C", "2027-11-23"), ""), (b, "")],
                ["ended: 0 devices", "12 months: 0 devices", "24 months: 0 devices, and perhaps 1"],
            ),
            (
                vec![(("C", "2027-03-01"), "2030-01-01")],
                ["ended: 0 devices", "12 months: 0 devices, and perhaps 1", "24 months: 0 devices"],
            ),
        ] {
            let support =
                editions.iter().map(|((name, end), paid)| until(name, end, paid)).collect();
            let it = Assessment { support, ..Assessment::default() };
            let asset = known();
            let now = Timestamp(1_795_305_600 * 1_000_000_000);
            let page = forecast(&[(&asset, &it)], now, &Zone::default());
            assert!(page.starts_with("end of support, as of 2026-11-22\n"), "{page}");
            for head in heads {
                assert!(page.contains(&format!("{head}\n")), "{head}: {page}");
            }
        }
    }

    #[test]
    fn devices_without_a_date_and_the_end_of_what_was_bought_are_told() {
        let asset = known();
        let bought = Assessment {
            support: vec![until("Windows 10", "2025-10-14", "2027-10-12")],
            ..Assessment::default()
        };
        let nothing = Assessment { missing: vec!["os_name".to_owned()], ..Assessment::default() };
        let named = Assessment { missing: vec!["os_support".to_owned()], ..Assessment::default() };
        let all = [(&asset, &bought), (&asset, &nothing), (&asset, &named)];
        let now = Timestamp(1_795_305_600 * 1_000_000_000);
        let page = forecast(&all, now, &Zone::default());
        assert!(page.contains("(Windows 10; ESU until 2027-10-12)"), "{page}");
        assert!(page.contains("  2027-10-12     324 days  A1"), "{page}");
        assert!(page.contains("(Windows 10; ESU ends)"), "{page}");
        let last = "no date known: 2 devices, of 1 of which the operating system is not known";
        assert!(page.contains(last), "{page}");
        // Of the day here, not of UTC.
        let havana = Zone::named("America/Havana").unwrap();
        assert!(forecast(&all, now, &havana).contains("as of 2026-11-21"));
    }
}
