//! When devices were on and in use: hours and shares of them.

mod believed;
mod hours;
mod list;
mod minutes;
mod page;
mod spread;
mod starts;
mod table;

pub use believed::{Believed, believed, lately};
pub use hours::by_hour;
pub use list::{Filter, NAMING, list};
pub use minutes::minutes;
pub use page::page;
pub use spread::{examinations, heat};
pub use starts::starts;
pub use table::Format;

use crate::store::activity::Activity;

/// What is said where more time in use is shown than on line.
const BRIDGED: &str = "in use is more than on line where work goes on while the device itself \
                       sends nothing: a step or an examination from begin to end, pauses between \
                       results or values, what others tell of it";

/// Minutes as hours with one place.
#[must_use]
pub fn hours(minutes: u64) -> String {
    let tenths = tenths(minutes);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Minutes as tenths of hours. Whole numbers: the same everywhere, and half of one is up.
const fn tenths(minutes: u64) -> u64 {
    minutes.saturating_add(3) / 6
}

/// Whether more hours in use are shown than on line, where both are.
fn is_bridged(it: &Activity) -> bool {
    let used = it.used.as_ref().filter(|_| it.observed > 0 && !it.only_told);
    used.is_some_and(|used| tenths(used.minutes) > tenths(it.online))
}

/// A share in percent with one place; nothing of nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = part.saturating_mul(1000).saturating_add(whole / 2).checked_div(whole)?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// A register's cell of activity; none for any other column.
#[must_use]
pub fn cell(activity: Option<&Activity>, column: &str) -> Option<String> {
    let known = |text: Option<String>| Some(text.unwrap_or_default());
    let observed = activity.filter(|it| it.observed > 0);
    // Of whom only others speak nobody knows whether it is on.
    let spoke = observed.filter(|it| !it.only_told);
    let used = observed.and_then(|it| Some((it, it.used.as_ref()?)));
    match column {
        "observed_hours" => known(activity.map(|it| hours(it.observed))),
        "online_hours" => known(spoke.map(|it| hours(it.online))),
        "online_percent" => known(spoke.and_then(|it| percent(it.online, it.observed))),
        "in_use_hours" => known(used.map(|(_, used)| hours(used.minutes))),
        "utilization_percent" => known(used.and_then(|(it, used)| match it.available {
            Some(available) => percent(used.open, available),
            None => percent(used.minutes, it.observed),
        })),
        "examinations" => {
            known(used.and_then(|(_, used)| used.examinations).map(|n| n.to_string()))
        }
        _ => None,
    }
}

/// How the cells of activity came about, as evidence of a register.
#[must_use]
pub fn evidence(activity: &Activity) -> Vec<String> {
    let Some(used) = activity.used.as_ref().filter(|_| activity.observed > 0) else {
        return Vec::new();
    };
    let methods = used.how();
    let of = match &activity.hours {
        Some(line) => format!("the opening hours observed ({line})"),
        None => "the hours observed".to_owned(),
    };
    vec![format!("in_use_hours: by {methods}"), format!("utilization_percent: of {of}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::activity::InUse;

    #[test]
    fn hours_and_shares_have_one_place() {
        assert_eq!(
            [0, 2, 3, 59, 60, 90, 1439].map(hours),
            ["0.0", "0.0", "0.1", "1.0", "1.0", "1.5", "24.0"]
        );
        assert_eq!(percent(1, 3).unwrap(), "33.3");
        assert_eq!((percent(0, 7).unwrap().as_str(), percent(1, 0)), ("0.0", None));
        assert_eq!(percent(u64::MAX, u64::MAX).map(|it| it.len()), Some(3), "saturates");
    }

    #[test]
    fn more_in_use_than_on_line_is_what_is_shown() {
        let (off, on) = ((600, false), (600, true));
        for (online, minutes, (observed, only_told), more) in [
            (60, 60, off, false),
            (60, 66, off, true),
            (63, 68, off, false),
            (66, 60, off, false),
            (0, 60, on, false),
            (0, 60, (0, false), false),
        ] {
            let used = Some(InUse { minutes, ..InUse::default() });
            let it = Activity { observed, online, only_told, used, ..Activity::default() };
            let shown = ["online_hours", "in_use_hours"].map(|it_of| cell(Some(&it), it_of));
            assert_eq!(is_bridged(&it), more, "{shown:?}");
        }
        assert!(!is_bridged(&Activity { observed: 600, ..Activity::default() }));
    }

    #[test]
    fn who_else_tells_is_said() {
        let mut used = InUse { methods: vec!["vitals".to_owned()], ..InUse::default() };
        let mut it = Activity { observed: 60, used: Some(used.clone()), ..Activity::default() };
        assert_eq!(evidence(&it)[0], "in_use_hours: by vitals");
        used.through = true;
        it.used = Some(used);
        assert_eq!(evidence(&it)[0], "in_use_hours: by vitals (seen through)");
    }

    #[test]
    fn what_no_method_tells_is_empty_and_what_was_not_used_is_nought() {
        let columns = [
            "observed_hours",
            "online_hours",
            "online_percent",
            "in_use_hours",
            "utilization_percent",
            "examinations",
        ];
        let row = |it: Option<&Activity>| columns.map(|column| cell(it, column).unwrap());
        assert_eq!(row(None), ["", "", "", "", "", ""]);
        let mut it = Activity { observed: 600, online: 60, ..Activity::default() };
        assert_eq!(row(Some(&it)), ["10.0", "1.0", "10.0", "", "", ""]);
        it.used = Some(InUse { examinations: Some(0), ..InUse::default() });
        assert_eq!(row(Some(&it)), ["10.0", "1.0", "10.0", "0.0", "0.0", "0"]);
        it.used = Some(InUse { minutes: 300, open: 60, ..InUse::default() });
        assert_eq!(row(Some(&it))[3..], ["5.0", "50.0", ""]);
        it.available = Some(120);
        assert_eq!(row(Some(&it))[4], "50.0");
        it.observed = 0;
        assert_eq!(row(Some(&it)), ["0.0", "", "", "", "", ""], "unseen is not off");
        let told = Activity { observed: 600, only_told: true, ..Activity::default() };
        assert_eq!(row(Some(&told)), ["10.0", "", "", "", "", ""], "nor is who never spoke");
        assert_eq!(cell(Some(&it), "model"), None);
    }
}
