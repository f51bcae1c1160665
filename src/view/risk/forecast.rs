//! Whose operating system will be mended no longer, and when.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::title;
use crate::store::Known;
use crate::store::risk::{Assessment, Until};
use crate::time::Timestamp;

/// The ends of support that are past, within 12 and within 24 months of the last packet.
#[must_use]
pub fn forecast(ranked: &[(&Known<'_>, &Assessment)], now: Timestamp) -> String {
    let now = jiff::Timestamp::from_second(now.seconds()).unwrap_or_default();
    let today = now.to_zoned(TimeZone::UTC).date();
    let [one, two] = [12, 24].map(|months| today.checked_add(months.months()).unwrap_or(Date::MAX));
    let mut ends: Vec<(Date, &Known<'_>, &Until, bool)> = ranked
        .iter()
        .flat_map(|(asset, it)| it.support.iter().map(move |until| (*asset, *it, until)))
        .filter_map(|(asset, it, until)| {
            // Of several editions it has one: the others say nothing of it.
            let day = until.end.trim_start_matches("before ");
            Some((day.parse().ok()?, asset, until, it.support.len() > 1))
        })
        .collect();
    ends.sort_by(|a, b| (a.0, &a.1.id, &a.2.edition).cmp(&(b.0, &b.1.id, &b.2.edition)));
    let mut page = format!("end of support, as of {today}\n");
    let spans = [
        ("ended", Date::MIN, today),
        ("within 12 months", today, one),
        ("within 24 months", one, two),
    ];
    for (name, from, to) in spans {
        // The last day itself is still supported.
        let within = |day: Date| match name {
            "ended" => day < to,
            "within 12 months" => (from..=to).contains(&day),
            _ => day > from && day <= to,
        };
        let such: Vec<_> = ends.iter().filter(|(day, ..)| within(*day)).collect();
        // Sure ones, and those of which it depends on an edition that nothing tells.
        let count = |may: bool| {
            let of = such.iter().filter(|it| it.3 == may).map(|it| &*it.1.id);
            of.collect::<BTreeSet<&str>>().len()
        };
        let _ = write!(page, "{name}: {} devices", count(false));
        let perhaps = count(true);
        if perhaps > 0 {
            let _ = write!(page, ", and perhaps {perhaps}");
        }
        page.push('\n');
        // Many end on the same day.
        let mut ends = (Date::MIN, String::new());
        for (day, asset, until, may) in such {
            if ends.0 != *day || ends.1.is_empty() {
                let left = today.until(*day).map_or(0, |span| span.get_days());
                ends = (*day, format!("  {day}  {left:>6} days  "));
            }
            page.extend([&ends.1, &*asset.id, "  "]);
            page.push_str(&title(asset));
            let _ = write!(page, "  ({}{}", if *may { "if it is " } else { "" }, until.edition);
            if let Some((day, offer)) = &until.paid {
                let _ = write!(page, "; {offer} until {day}");
            }
            page.push_str(")\n");
        }
    }
    page
}
