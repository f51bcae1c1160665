//! How the examinations of a device are spread over its days, and its use over the hours of
//! the week: told by `auscult show` as text, and as tables by `auscult activity
//! --examinations` and `--heat`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;

use foldhash::fast::RandomState;

use super::list::NAMING;
use super::percent;
use super::table::Column::{Number, Text};
use super::table::{Columns, Format, table};
use crate::store::activity::{Examination, Hour, Use};
use crate::store::{self, Inventory, Known};
use crate::time::calendar::{Day, Midnight, WEEKDAYS, date, weekday};
use crate::view::register::{self, Error};

/// The one in the middle of some values, were they sorted, and those at a quarter and three
/// quarters.
fn quartiles(values: &mut [u32]) -> Option<[i64; 3]> {
    let last = values.len().checked_sub(1)?;
    let (mut all, mut from) = ([0; 3], 0);
    for (quarter, it) in (1..).zip(&mut all) {
        // What is before the last one is no greater than it: that need not be looked at again.
        let (place, parts) = (last * quarter / 4, i64::try_from(last * quarter % 4).ok()?);
        let (_, low, above) = values.get_mut(from..)?.select_nth_unstable(place - from);
        let high = above.iter().min().map_or(*low, |it| *it);
        from = place;
        // Between two of them where it falls between.
        let (low, high) = (i64::from(*low), i64::from(high));
        *it = low.saturating_add(high.saturating_sub(low).saturating_mul(parts) / 4);
    }
    Some(all)
}

/// How examinations are spread; all in seconds, three are the quartiles.
pub(super) struct Spread {
    /// Days with examinations.
    pub(super) days: usize,
    pub(super) count: usize,
    pub(super) mean: i64,
    pub(super) duration: [i64; 3],
    pub(super) longest: i64,
    /// From the end of one to the begin of the next of the same day; none where no day has
    /// two.
    pub(super) gap: Option<[i64; 3]>,
    /// When the first of a day begins and the last ends, since midnight; medians.
    pub(super) ends: (i64, i64),
}

/// Examinations, a day after the other; all in seconds. Of a year they are millions.
#[derive(Default)]
pub(super) struct Spreading {
    durations: Vec<u32>,
    gaps: Vec<u32>,
    /// When the first of each day begins, as the clock shows it.
    firsts: Vec<u32>,
    /// And the last ends.
    lasts: Vec<u32>,
}

/// Seconds of a day and a bit.
fn seconds(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

impl Spreading {
    /// Adds those of a day, in order.
    pub(super) fn add(&mut self, day: &Midnight<'_>, examinations: &[Examination]) {
        let Some(first) = examinations.first() else { return };
        self.durations.extend(examinations.iter().map(|it| seconds(it.duration)));
        let mut until = None;
        for it in examinations {
            if let Some(until) = until {
                self.gaps.push(seconds(it.begin.saturating_sub(until)));
            }
            until = until.max(Some(it.begin.saturating_add(it.duration)));
        }
        self.firsts.push(seconds(day.clock(first.begin)));
        self.lasts.extend(until.map(|until| seconds(day.clock(until))));
    }

    /// How those of some days and those after them are spread; none of none.
    pub(super) fn done(all: &[Self]) -> Option<Spread> {
        let of = |values: fn(&Self) -> &[u32]| -> Vec<u32> {
            let all: Vec<&[u32]> = all.iter().map(values).collect();
            all.concat()
        };
        let mut durations = of(|it| &it.durations);
        let (mut firsts, mut lasts) = (of(|it| &it.firsts), of(|it| &it.lasts));
        let total = durations.iter().fold(0_i64, |all, it| all.saturating_add(i64::from(*it)));
        Some(Spread {
            days: firsts.len(),
            count: durations.len(),
            mean: total.checked_div(i64::try_from(durations.len()).ok()?)?,
            longest: i64::from(*durations.iter().max()?),
            duration: quartiles(&mut durations)?,
            gap: quartiles(&mut of(|it| &it.gaps)),
            ends: (quartiles(&mut firsts)?[1], quartiles(&mut lasts)?[1]),
        })
    }
}

/// Seconds since midnight as the clock shows them; beyond it, more than 24 hours.
pub(super) fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// Minutes in use and observed, by weekday (from Monday on) and hour: sums of hours.
#[derive(Default)]
pub(super) struct Heat(pub(super) [[(u64, u64); 24]; 7]);

impl Heat {
    /// Of one device from one local day to another.
    pub(super) fn load(
        inventory: &Inventory,
        id: &str,
        days: (Day, Day),
    ) -> Result<Self, store::Error> {
        Ok(inventory.sums_of_hours(&[id], days, Self::add)?.remove(id).unwrap_or_default())
    }

    pub(super) fn add(&mut self, it: &Hour) {
        let of_day = self.0.get_mut(weekday(it.day));
        if let Some((used, whole)) = of_day.and_then(|day| day.get_mut(it.hour)) {
            *used = used.saturating_add(it.in_use.unwrap_or_default());
            *whole = whole.saturating_add(it.observed);
        }
    }
}

const SPREAD: Columns = Columns {
    naming: NAMING,
    own: &[
        Text("from"),
        Text("to"),
        Number("days"),
        Number("examinations"),
        Number("minutes_mean"),
        Number("minutes_quarter"),
        Number("minutes_median"),
        Number("minutes_three_quarters"),
        Number("minutes_longest"),
        Number("gap_minutes_quarter"),
        Number("gap_minutes_median"),
        Number("gap_minutes_three_quarters"),
        Text("first_median"),
        Text("last_median"),
    ],
    shown: &[
        ("asset_id", "ASSET", 11),
        ("device_class", "CLASS", 16),
        ("model", "MODEL", 20),
        ("examinations", "EXAMS", -6),
        ("days", "DAYS", -5),
        ("minutes_quarter", "1/4", -6),
        ("minutes_median", "MEDIAN", -6),
        ("minutes_three_quarters", "3/4", -6),
        ("gap_minutes_median", "GAP", -6),
        ("first_median", "FIRST", -5),
        ("last_median", "LAST", -5),
    ],
};

/// Writes how the examinations of some devices are spread, from one local day to another: a
/// row each that makes such; how many.
///
/// # Errors
/// The inventory or the output.
pub fn examinations(
    inventory: &Inventory,
    period: (Day, Day),
    assets: &[&Known<'_>],
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let mut used = used(inventory, (period, Use::Examinations), assets)?;
    let ids: Vec<&str> = used.iter().map(|asset| &*asset.id).collect();
    let (mut all, damaged) =
        inventory.examinations(&ids, Some(period), Spreading::add, Spreading::done)?;
    // What is damaged is noted, and told at the end.
    used.retain(|asset| !damaged.contains(&*asset.id));
    let shelf = inventory.shelf_among(&ids)?;
    let named = shelf.known(Some(NAMING));
    let named: HashMap<&str, &Known<'_>, RandomState> =
        named.iter().map(|asset| (&*asset.id, asset)).collect();
    let mut spread = |id: &str| all.remove(id).flatten();
    let rows = used.into_iter().filter_map(|it| Some((*named.get(&*it.id)?, spread(&it.id))));
    let rows: Vec<_> = rows.collect();
    table(
        &rows,
        |(asset, it), column| spread_cell((asset, period), it.as_ref(), column).into(),
        &SPREAD,
        format,
        to,
    )
}

fn spread_cell(
    (asset, days): (&Known<'_>, (Day, Day)),
    it: Option<&Spread>,
    column: &str,
) -> String {
    let count = |n: Option<usize>| n.unwrap_or(0).to_string();
    let gap = |at: usize| it.and_then(|it| it.gap?.get(at).copied());
    let duration = |at: usize| it.and_then(|it| it.duration.get(at).copied());
    let minutes = |seconds: Option<i64>| {
        let tenths = seconds.map(|it| it.max(0).saturating_add(3) / 6);
        tenths.map(|it| format!("{}.{}", it / 10, it % 10)).unwrap_or_default()
    };
    match column {
        "from" => date(days.0),
        "to" => date(days.1),
        "days" => count(it.map(|it| it.days)),
        "examinations" => count(it.map(|it| it.count)),
        "minutes_mean" => minutes(it.map(|it| it.mean)),
        "minutes_quarter" => minutes(duration(0)),
        "minutes_median" => minutes(duration(1)),
        "minutes_three_quarters" => minutes(duration(2)),
        "minutes_longest" => minutes(it.map(|it| it.longest)),
        "gap_minutes_quarter" => minutes(gap(0)),
        "gap_minutes_median" => minutes(gap(1)),
        "gap_minutes_three_quarters" => minutes(gap(2)),
        "first_median" => it.map(|it| clock(it.ends.0)).unwrap_or_default(),
        "last_median" => it.map(|it| clock(it.ends.1)).unwrap_or_default(),
        column => register::cell(asset, column),
    }
}

const HEAT: Columns = Columns {
    naming: &[],
    own: &[
        Text("weekday"),
        Number("hour"),
        Number("observed_minutes"),
        Number("in_use_minutes"),
        Number("in_use_percent"),
    ],
    shown: &[
        ("asset_id", "ASSET", 11),
        ("weekday", "DAY", 3),
        ("hour", "HOUR", -4),
        ("observed_minutes", "OBSERVED", -8),
        ("in_use_minutes", "IN USE", -8),
        ("in_use_percent", "%", -6),
    ],
};

/// Writes when some devices were in use, from one local day to another, by weekday and hour: 168
/// rows for each of which it would show; how many.
///
/// # Errors
/// The inventory or the output.
pub fn heat(
    inventory: &Inventory,
    period: (Day, Day),
    assets: &[&Known<'_>],
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let used = used(inventory, (period, Use::Any), assets)?;
    let ids: Vec<&str> = used.iter().map(|asset| &*asset.id).collect();
    let heats = inventory.sums_of_hours(&ids, period, Heat::add)?;
    let mut rows = Vec::new();
    for asset in used {
        let Some(Heat(grid)) = heats.get(&*asset.id) else { continue };
        for (weekday, hours) in WEEKDAYS.iter().zip(grid) {
            let of_day = hours.iter().enumerate();
            rows.extend(of_day.map(|(hour, it)| ((&*asset.id, *weekday, hour), *it)));
        }
    }
    table(&rows, |(of, it), column| heat_cell(*of, *it, column), &HEAT, format, to)
}

fn heat_cell<'r>(
    (asset, weekday, hour): (&'r str, &'r str, usize),
    (part, whole): (u64, u64),
    column: &str,
) -> Cow<'r, str> {
    match column {
        "asset_id" => asset.into(),
        "weekday" => weekday.into(),
        "hour" => hour.to_string().into(),
        "observed_minutes" => whole.to_string().into(),
        // Where nobody saw it nothing is known of it.
        "in_use_minutes" if whole == 0 => "".into(),
        "in_use_minutes" => part.to_string().into(),
        _ => percent(part, whole).unwrap_or_default().into(),
    }
}

/// Those whose use would show.
fn used<'a>(
    inventory: &Inventory,
    (period, of): ((Day, Day), Use),
    assets: &[&'a Known<'a>],
) -> Result<Vec<&'a Known<'a>>, Error> {
    let ids: Vec<&str> = assets.iter().map(|asset| &*asset.id).collect();
    let showing = inventory.showing(&ids, Some(period), of)?;
    Ok(assets.iter().copied().filter(|it| showing.contains(&*it.id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::calendar::Zone;

    /// Of days, each with when its examinations begin and how long they take, in minutes, and
    /// added up by itself.
    fn of(days: &[&[(i64, i64)]]) -> Option<Spread> {
        let mut sums = Vec::new();
        let zone = Zone::default();
        for (n, day) in (0..).zip(days) {
            let (of, base) = (Midnight::of(&zone, n), i64::from(n) * 86_400);
            let mut all = Spreading::default();
            let exam = |(begin, minutes): &(i64, i64)| Examination {
                begin: base + 60 * begin,
                duration: 60 * minutes,
                method: "images",
            };
            all.add(&of, &day.iter().map(exam).collect::<Vec<_>>());
            sums.push(all);
        }
        Spreading::done(&sums)
    }

    const DAYS: [&[(i64, i64)]; 3] = [&[(540, 10), (560, 20), (600, 30)], &[], &[(480, 20)]];

    #[test]
    fn examinations_have_durations_gaps_and_a_first_and_last() {
        let it = of(&DAYS).unwrap();
        assert_eq!((it.count, it.days, it.mean, it.longest), (4, 2, 1200, 1800));
        assert_eq!(it.duration, [1050, 1200, 1350]);
        assert_eq!(it.gap, Some([750, 900, 1050]));
        assert_eq!((clock(it.ends.0), clock(it.ends.1)), ("08:30".into(), "09:25".into()));
        let one = of(&DAYS[2..]).unwrap();
        assert_eq!((one.gap, one.duration), (None, [1200; 3]), "between none is no gap");
        assert!(of(&[]).is_none() && of(&[&[]]).is_none());
    }

    #[test]
    fn cells_are_minutes_and_empty_where_nothing_is_known() {
        let asset = Known {
            id: "A1".into(),
            identity: "mac:00:00:00:00:00:01".into(),
            external: false,
            first_seen: crate::time::Timestamp(0),
            last_seen: crate::time::Timestamp(0),
            values: Vec::new(),
            activity: None,
        };
        let row = |it: Option<&Spread>| {
            let cells = SPREAD.names().skip(1 + NAMING.len());
            cells.map(|column| spread_cell((&asset, (4, 5)), it, column)).collect::<Vec<_>>()
        };
        let known = row(of(&DAYS).as_ref()).join(" ");
        assert_eq!(
            known,
            "1970-01-05 1970-01-06 2 4 20.0 17.5 20.0 22.5 30.0 12.5 15.0 17.5 08:30 09:25"
        );
        assert_eq!(row(None).join(" ").trim_end(), "1970-01-05 1970-01-06 0 0");
        let cells = |it: (u64, u64)| {
            HEAT.names().map(|column| heat_cell(("A1", "mon", 9), it, column)).collect::<Vec<_>>()
        };
        assert_eq!(cells((15, 60)), ["A1", "mon", "9", "60", "15", "25.0"]);
        assert_eq!(cells((0, 0)), ["A1", "mon", "9", "0", "", ""], "unseen is not unused");
    }

    #[test]
    fn quartiles_of_few() {
        assert_eq!(quartiles(&mut []), None);
        assert_eq!(quartiles(&mut [7]), Some([7, 7, 7]));
        assert_eq!(quartiles(&mut [3, 5, 1, 4, 2]), Some([2, 3, 4]));
        assert_eq!(
            quartiles(&mut [40, 10, 80, 20]),
            Some([17, 30, 50]),
            "between the two in the middle"
        );
    }
}
