//! Captures that are cut amid examinations, in runs of their own, in any order and over one
//! another; examinations of several steps.

use super::*;

/// Work, its study, and the minutes of the day that it names; it is told in the last of these.
type Trace = (Work, u64, i64, i64);

/// Minutes in use, examinations and methods.
type Used = Option<(u64, Option<u64>, String)>;

/// What a modality tells on a day.
fn day() -> Vec<Trace> {
    let step = |study, from: i64, to: i64| {
        [(Work::StepBegun, study, from, from), (Work::StepEnded, study, to, to)]
    };
    let mut all = Vec::new();
    all.extend(step(1, 540, 585));
    all.push((Work::Image, 1, 541, 584));
    all.extend(step(2, 600, 630));
    // Two patients at once, and two one after the other.
    all.extend(step(3, 700, 730));
    all.extend(step(4, 720, 750));
    all.extend(step(5, 800, 830));
    all.extend(step(6, 830, 860));
    all.push((Work::Image, 7, 900, 920));
    // Over midnight.
    all.extend(step(8, 1430, 1455));
    all.push((Work::Image, 8, 1431, 1450));
    all.sort_by_key(|it| it.3);
    all
}

/// Reads pieces, from one minute to before another, each in a run of its own.
fn read(pieces: &[(i64, i64)]) -> (Used, Vec<(i64, i64)>) {
    let mut ward = Ward::new();
    for (run, (from, to)) in (0..).zip(pieces) {
        ward.watch(*from, *to);
        ward.online(1, *from, *to);
        ward.modality(1, *from);
        for (work, study, begin, end) in day() {
            if !(*from..*to).contains(&end) {
                continue;
            }
            // The keys are others in each.
            let study = 100 * run + study;
            match work {
                Work::Image => ward.image(1, end, study, begin, end),
                work => ward.used(1, end, work, study, When::Now),
            }
        }
        ward.write();
        ward = ward.restart();
    }
    let days = ward.inventory().days(&ward.id(1), None).unwrap().unwrap();
    let exams = days.iter().flat_map(|it| &it.examinations);
    let exams = exams.map(|it| ((it.begin - MONDAY) / 60, it.duration / 60)).collect();
    (used(&ward.activity(1, None)), exams)
}

#[test]
fn captures_cut_amid_steps_are_as_one_in_whatever_order() {
    let whole = read(&[(480, 1500)]);
    let exams =
        [(540, 45), (600, 30), (700, 30), (720, 30), (800, 30), (830, 30), (900, 20), (1430, 25)];
    assert_eq!(whole.1, exams);
    assert_eq!(whole.0, Some((230, Some(8), "mpps+images".to_owned())));
    // Amid the first, amid both of two at once, amid the one over midnight.
    let cut = [(480, 560), (560, 725), (725, 1440), (1440, 1500)];
    let orders: &[&[usize]] =
        &[&[0, 1, 2, 3], &[3, 2, 1, 0], &[2, 0, 3, 1], &[1, 3, 0, 2], &[0, 2, 1, 3, 0, 2]];
    for order in orders {
        let pieces: Vec<_> = order.iter().map(|at| cut[*at]).collect();
        assert_eq!(read(&pieces), whole, "{order:?}");
    }
    // Over one another: each of two has seen steps of which the other saw a part.
    let over = [(480, 725), (550, 1440), (710, 1500)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        assert_eq!(read(&order.map(|at| over[at])), whole, "{order:?}");
    }
    let all = (480, 1500);
    for part in [(560, 610), (725, 1440)] {
        assert_eq!([read(&[all, part]), read(&[part, all])], [whole.clone(), whole.clone()]);
    }
}

#[test]
fn a_begin_long_before_a_time_of_which_nobody_knows_is_another_step() {
    // An hour is missing in between.
    let (used, exams) = read(&[(480, 560), (620, 700)]);
    assert_eq!(exams, [(540, 1), (630, 1)]);
    assert_eq!(used.unwrap().1, Some(2));
    // The next file was begun a little later.
    assert_eq!(read(&[(480, 560), (570, 590)]).1, [(540, 45)]);
}

#[test]
fn an_examination_of_several_steps_lasts_from_the_first_to_the_last() {
    let made = |often: bool| {
        let mut ward = Ward::new();
        ward.watch(0, 1440);
        ward.online(1, 0, 1440);
        ward.modality(1, 0);
        let steps = [
            // Back to back, with a pause, and a patient who comes again.
            (1, [(540, 550), (550, 565)]),
            (2, [(660, 670), (672, 700)]),
            (3, [(780, 785), (810, 840)]),
        ];
        for (study, steps) in steps {
            for (step, (from, to)) in (10 * study..).zip(steps) {
                for (work, at) in [(Work::StepBegun, from), (Work::StepEnded, to)] {
                    let study = if work == Work::StepBegun { Study(study) } else { Study::UNTOLD };
                    let it = Use { work, study, step: Study(step), when: When::Now };
                    ward.say(1, at, Observed::Use(it));
                    if often {
                        ward.write();
                    }
                }
            }
        }
        ward.write();
        let days = ward.inventory().days(&ward.id(1), None).unwrap().unwrap();
        let exam = |it: &Examination| ((it.begin - MONDAY) / 60, it.duration / 60);
        let it = ward.activity(1, None).used.unwrap();
        (days[0].examinations.iter().map(exam).collect::<Vec<_>>(), it.minutes, it.duration / 60)
    };
    for often in [false, true] {
        let (exams, in_use, duration) = made(often);
        assert_eq!(exams, [(540, 25), (660, 40), (780, 5)], "{often}");
        assert_eq!((in_use, duration), (25 + 38 + 35, 70), "the pause is no work");
    }
}
