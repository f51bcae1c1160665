//! What is kept of long times and of wrong ones.

use super::*;

const A_DAY: i64 = 1440;

/// Ten minutes on line on a day, five of them an examination.
fn work(ward: &mut Ward, day: i64) {
    let noon = A_DAY * day + 720;
    ward.watch(noon, noon + 10);
    for minute in [noon, noon + 9] {
        ward.online(1, minute, minute + 1);
    }
    ward.image(1, noon + 9, day.unsigned_abs() + 1, noon + 2, noon + 7);
}

/// Days of which minutes are kept.
fn kept(ward: &Ward) -> (i64, i64) {
    let sql = "SELECT count(DISTINCT day), min(day) FROM speaker_day";
    let first = MONDAY / 86_400;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)? - first));
    ward.writer.connection().query_row(sql, [], row).unwrap()
}

fn sums(it: &Activity) -> (u64, u64, u64, Option<u64>) {
    let used = it.used.as_ref().unwrap();
    (it.observed, it.online, used.minutes, used.examinations)
}

#[test]
fn days_whose_minutes_are_gone_count_with_what_was_observed_on_them() {
    let mut ward = Ward::new();
    ward.modality(1, 720);
    for day in 0..410 {
        work(&mut ward, day);
        if day % 100 == 99 {
            ward.write();
        }
    }
    ward.write();
    assert_eq!(kept(&ward), (400, 10));
    let all = (4100, 820, 5 * 410, Some(410));
    assert_eq!(sums(&ward.activity(1, None)), all);
    let monday = parse_date("2026-01-05").unwrap();
    assert_eq!(sums(&ward.activity(1, Some((monday, monday + 4)))), (50, 10, 25, Some(5)));
    assert_eq!(ward.inventory().days(&ward.id(1), None).unwrap().unwrap().len(), 410);
    // Opening hours hold for the old days as well, on both sides.
    let mut hours = Hours::default();
    hours.week.fill(vec![parse_hours("12:00-12:04").unwrap()]);
    let calendar = Calendar { hours: Some(hours), ..Calendar::default() };
    ward.writer.keep_time(calendar);
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((sums(&it), it.available, it.open), (all, Some(1640), Some(1640)));
    assert_eq!(it.used.unwrap().open, 820);
    // What is told of them later is not half a day instead of a whole one.
    let mut ward = ward.restart();
    ward.watch(A_DAY * 3, A_DAY * 3 + 5);
    ward.online(1, A_DAY * 3, A_DAY * 3 + 5);
    ward.write();
    assert_eq!(sums(&ward.activity(1, None)), all);
}

#[test]
fn days_go_after_five_years_of_them_with_what_was_observed() {
    let mut ward = Ward::new();
    ward.modality(1, 720);
    let days = i64::try_from(DAYS_FOR).unwrap() + 7;
    for day in 0..days {
        work(&mut ward, day);
        if day % 600 == 0 {
            ward.write();
        }
    }
    ward.write();
    let n = u64::try_from(DAYS_FOR).unwrap();
    assert_eq!(sums(&ward.activity(1, None)), (10 * n, 2 * n, 5 * n, Some(n)));
    assert_eq!(ward.inventory().days(&ward.id(1), None).unwrap().unwrap().len(), DAYS_FOR);
}

#[test]
fn a_wrong_time_costs_a_day_at_most_and_is_none_of_the_last() {
    let mut ward = Ward::new();
    ward.modality(1, 720);
    for day in 0..400 {
        work(&mut ward, day);
    }
    ward.write();
    assert_eq!(kept(&ward), (400, 0));
    let future = 29_200;
    work(&mut ward, future);
    for day in 400..410 {
        work(&mut ward, day);
        ward.write();
    }
    assert_eq!(kept(&ward), (400, 11));
    let days = ward.inventory().watched_days().unwrap();
    let monday = parse_date("2026-01-05").unwrap();
    assert_eq!(days.len(), 411);
    assert_eq!(
        days[381..],
        [&(381 + monday..410 + monday).collect::<Vec<_>>()[..], &[80 * 365 + monday]].concat()
    );
    // Eighty years between cost nothing.
    assert_eq!(sums(&ward.activity(1, Some((monday, 80 * 365 + monday)))).3, Some(411));
    ward.inventory().days(&ward.id(1), None).unwrap().unwrap();
}

#[test]
fn an_examination_that_began_unseen_is_of_the_hour_in_which_it_was_seen() {
    let mut ward = Ward::new();
    for (from, to) in [(0, 600), (720, 1440)] {
        ward.watch(from, to);
        ward.online(1, from, to);
    }
    ward.modality(1, 0);
    // Seen from 12:00 on; never; and until then.
    for (study, (from, to)) in (1..).zip([(610, 740), (650, 700), (610, 720)]) {
        ward.image(1, 760, study, from, to);
    }
    ward.write();
    let id = ward.id(1);
    let day = parse_date("2026-01-05").unwrap();
    let mut begun = Vec::new();
    let make = |_: &str, hours: &[Hour]| {
        let some = hours.iter().filter_map(|it| Some((it.hour, it.observed, it.examinations?)));
        some.filter(|(_, observed, count)| *observed == 0 || *count > 0).collect::<Vec<_>>()
    };
    let give = |some| -> Result<(), crate::store::Error> {
        begun.extend(some);
        Ok(())
    };
    ward.inventory().hours(&[&id], (day, day), make, give).unwrap();
    assert_eq!(begun, [(10, 0, 2), (12, 60, 1)]);
}

#[test]
fn an_examination_that_began_on_a_day_nobody_watched_counts_where_it_was_seen() {
    let mut ward = Ward::new();
    let tuesday = A_DAY + 60;
    ward.watch(tuesday, tuesday + 200);
    ward.online(1, tuesday, tuesday + 200);
    ward.modality(1, tuesday);
    let wall = |minute: i64| MONDAY + 60 * minute;
    let step = |work, minute: i64| {
        let when = When::Told { from: wall(minute), to: wall(minute), offset: Some(0) };
        Observed::Use(Use { work, study: Study(7), step: Study(8), when })
    };
    ward.say(1, tuesday + 1, step(Work::StepBegun, A_DAY - 30));
    ward.say(1, tuesday + 40, step(Work::StepEnded, tuesday + 40));
    ward.write();
    let monday = parse_date("2026-01-05").unwrap();
    let examined = |ward: &Ward| {
        [0, 1].map(|n| {
            let it = ward.activity(1, Some((monday + n, monday + n)));
            it.used.and_then(|it| it.examinations).unwrap_or(0)
        })
    };
    assert_eq!(examined(&ward), [0, 1]);
    assert_eq!(ward.activity(1, None).used.unwrap().examinations, Some(1));
    // A capture of Monday comes.
    ward.watch(A_DAY - 60, A_DAY);
    ward.online(1, A_DAY - 60, A_DAY);
    ward.write();
    assert_eq!(examined(&ward), [1, 0]);
    assert_eq!(ward.activity(1, None).used.unwrap().examinations, Some(1));
}
