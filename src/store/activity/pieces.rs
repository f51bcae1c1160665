//! Pieces of one examination that nothing told to belong together: its begin came by
//! another way through the network than its end, in another run, or while nobody watched.

use std::collections::BTreeMap;

use super::exam::{FURTHER, Run, Stored};
use crate::census::activity::Method;
use crate::census::activity::method::{IMAGES_GAP, LONGEST_STEP};

/// How far from a stretch its pieces may lie, in seconds.
pub(super) const REACH: i64 = LONGEST_STEP;

const STEP: u8 = Method::Mpps.code();

/// Puts together what must be one; sorted by begin. `watched` says whether somebody
/// watched all the time from one second to another, but for short pauses.
pub(super) fn joined(
    mut all: Vec<Stored>,
    mut watched: impl FnMut(i64, i64) -> bool,
) -> Vec<Stored> {
    all.sort_unstable_by_key(|it| (it.begin, it.method, it.end, it.speaker, it.id));
    once(&mut all);
    for (begin, end) in pairs(&all, &mut watched) {
        all.retain(|it| it.id != end.id);
        for it in all.iter_mut().filter(|it| it.id == begin.id) {
            (it.end, it.open) = (end.end, 0);
        }
    }
    let ends: Vec<Stored> = all.iter().filter(|it| it.orphan != 0).copied().collect();
    for end in ends {
        let Some(images) = images_before(&all, &end) else { continue };
        all.retain(|it| it.id != images.id);
        for it in all.iter_mut().filter(|it| it.id == end.id) {
            it.begin = it.begin.min(images.begin);
            (it.part, it.orphan) = (it.part.max(images.part), 0);
        }
    }
    let begins: Vec<Stored> = all.iter().filter(|it| is_begun(it)).copied().collect();
    for begin in begins {
        let Some(images) = images_after(&all, &begin) else { continue };
        all.retain(|it| it.id != images.id);
        for it in all.iter_mut().filter(|it| it.id == begin.id) {
            it.end = it.end.max(images.end);
        }
    }
    // What steps tell wins over images.
    let steps: Vec<Stored> = all.iter().filter(|it| it.method == STEP).copied().collect();
    all.retain(|it| {
        let covered = |step: &Stored| it.begin <= step.end && step.begin <= it.end;
        it.method == STEP || !steps.iter().any(covered)
    });
    all.sort_unstable_by_key(|it| (it.begin, it.method, it.end, it.id));
    reach(&mut all);
    all
}

const fn is_begun(it: &Stored) -> bool {
    it.method == STEP && it.open != 0
}

/// The run that saw a piece and could have known what it belongs to. What earlier versions
/// wrote is of one.
const fn run(it: &Stored) -> Run {
    let run = if it.open > it.orphan { it.open } else { it.orphan };
    if run > 1 { run } else { 1 }
}

/// Whether two pieces came by one way in one run: that they are of one step would be known.
const fn would_know(a: &Stored, b: &Stored) -> bool {
    a.speaker == b.speaker && run(a) == run(b)
}

/// What several ways or runs told counts once. Sorted by begin.
fn once(all: &mut Vec<Stored>) {
    // Two addresses of one device tell the same.
    all.dedup_by_key(|it| (it.begin, it.method, it.end));
    // Nearly all days have none.
    if !all.iter().any(|it| it.method == STEP && (it.open != 0 || it.orphan != 0)) {
        return;
    }
    let steps: Vec<Stored> = all.iter().filter(|it| it.method == STEP).copied().collect();
    // By begin, and by end: a step of which one piece alone was seen elsewhere.
    let mut begun: BTreeMap<i64, Vec<&Stored>> = BTreeMap::new();
    let mut ended: BTreeMap<i64, Vec<&Stored>> = BTreeMap::new();
    for step in &steps {
        if step.orphan == 0 {
            begun.entry(step.begin).or_default().push(step);
        }
        if step.open == 0 {
            ended.entry(step.end).or_default().push(step);
        }
    }
    all.retain(|it| {
        let is_known = |other: &&Stored| match it.orphan != 0 {
            // Of two ends that are one, the one behind which more images lie.
            true => other.orphan == 0 || (other.begin, other.id) < (it.begin, it.id),
            false => other.open == 0 || (other.end, other.id) > (it.end, it.id),
        };
        let others = match (is_begun(it), it.orphan != 0) {
            (true, _) => begun.get(&it.begin),
            (_, true) if it.method == STEP => ended.get(&it.end),
            _ => None,
        };
        let mut others = others.into_iter().flatten().copied();
        !others.any(|other| other.id != it.id && !would_know(other, it) && is_known(&other))
    });
}

/// Begins and the ends that are theirs. The latest begins before an end that are still open,
/// unless another step was worked at since then: those were forgotten. Where several are open,
/// what began first ended first.
fn pairs(all: &[Stored], watched: &mut impl FnMut(i64, i64) -> bool) -> Vec<(Stored, Stored)> {
    let steps = || all.iter().filter(|it| it.method == STEP);
    let mut ends: Vec<Stored> = steps().filter(|it| it.orphan != 0).copied().collect();
    ends.sort_unstable_by_key(|it| (it.end, it.begin, it.id));
    let mut pairs: Vec<(Stored, Stored)> = Vec::new();
    let whole: Vec<&Stored> = steps().filter(|it| it.orphan == 0 && it.open == 0).collect();
    let fits = |begin: &Stored, end: &Stored| {
        begin.begin <= end.begin
            && begin.end <= end.end
            && end.end.saturating_sub(begin.begin) <= LONGEST_STEP
            && !would_know(begin, end)
    };
    for end in ends {
        let since = whole.iter().filter(|it| it.end <= end.begin).map(|it| it.begin).max();
        let is_free = |it: &&Stored| {
            since.is_none_or(|since| it.begin > since) && pairs.iter().all(|(b, _)| b.id != it.id)
        };
        let begins = steps().filter(|it| is_begun(it) && fits(it, &end)).filter(is_free);
        if let Some(begin) = begins.max_by_key(|it| (it.begin, it.id))
            && watched(begin.begin, end.end)
        {
            pairs.push((*begin, end));
        }
    }
    pairs.sort_unstable_by_key(|(begin, _)| (begin.begin, begin.id));
    for first in 0..pairs.len() {
        for later in first.saturating_add(1)..pairs.len() {
            if let [Some((a, x)), Some((b, y))] = [first, later].map(|at| pairs.get(at).copied())
                && x.end > y.end
                && fits(&a, &y)
                && fits(&b, &x)
            {
                pairs.iter_mut().skip(first).take(1).for_each(|it| it.1 = y);
                pairs.iter_mut().skip(later).take(1).for_each(|it| it.1 = x);
            }
        }
    }
    pairs
}

/// The images that were made last before an end, if no step is known that they are of.
fn images_before(all: &[Stored], end: &Stored) -> Option<Stored> {
    let is_of = |step: &Stored, it: &Stored| {
        step.method == STEP
            && step.id != end.id
            && step.begin <= it.end
            && (it.begin <= step.end || (step.open != 0 && !would_know(step, it)))
    };
    let free = |it: &&Stored| !all.iter().any(|step| is_of(step, it));
    let images = all.iter().filter(|it| it.method != STEP && it.begin <= end.end);
    let near = images.filter(|it| end.end.saturating_sub(it.end) <= IMAGES_GAP);
    near.filter(free).max_by_key(|it| it.begin).copied()
}

/// The images that came by another way or in another run after a begin, before any other step.
fn images_after(all: &[Stored], begin: &Stored) -> Option<Stored> {
    let others = all.iter().filter(|it| it.method == STEP && it.id != begin.id);
    let next = others.map(|it| it.begin).filter(|at| *at > begin.begin).min();
    let images = all.iter().filter(|it| it.method != STEP && !would_know(it, begin));
    let fits = |it: &&Stored| {
        // In another run it may have been another patient, after a while.
        let gap = if it.speaker == begin.speaker { IMAGES_GAP } else { LONGEST_STEP };
        it.begin >= begin.begin
            && it.begin.saturating_sub(begin.end) <= gap
            && next.is_none_or(|next| it.end <= next)
            && it.end.saturating_sub(begin.begin) <= LONGEST_STEP
    };
    images.filter(fits).min_by_key(|it| it.begin).copied()
}

/// An examination of several steps lasts to the end of the last one, as long as no pause
/// between them is that of a patient who comes again. Sorted by begin.
fn reach(all: &mut [Stored]) {
    if all.iter().all(|it| it.part >= FURTHER) {
        all.iter_mut().for_each(|it| it.whole = it.end);
        return;
    }
    let mut whole: BTreeMap<i64, i64> = BTreeMap::new();
    for it in all.iter() {
        let Some(first) = it.part.checked_neg().filter(|first| *first > 0) else {
            whole.insert(it.id, it.end);
            continue;
        };
        if let Some(end) = whole.get_mut(&first)
            && it.begin <= end.saturating_add(IMAGES_GAP)
        {
            *end = it.end.max(*end);
        }
    }
    for it in all {
        it.whole = whole.get(&it.id).copied().unwrap_or(it.end);
    }
}

#[cfg(test)]
mod tests {
    use super::super::exam::FIRST;
    use super::*;

    const IMAGES: u8 = Method::Images.code();

    fn piece(id: i64, speaker: i64, method: u8, (begin, end): (i64, i64)) -> Stored {
        let (open, orphan) = (if method == IMAGES { 5 } else { 0 }, 0);
        let (said, part, whole) = (end, FIRST, end);
        Stored { id, speaker, begin, end, said, method, open, orphan, part, whole }
    }

    fn begun(id: i64, speaker: i64, at: i64) -> Stored {
        Stored { open: 5, ..piece(id, speaker, STEP, (at, at)) }
    }

    fn ended(id: i64, speaker: i64, at: i64) -> Stored {
        Stored { orphan: 5, ..piece(id, speaker, STEP, (at, at)) }
    }

    /// The same in another run.
    fn later(it: Stored) -> Stored {
        let run = |of: Run| if of == 0 { 0 } else { 9 };
        Stored { open: run(it.open), orphan: run(it.orphan), ..it }
    }

    fn times(all: &[Stored], watched: bool) -> Vec<(i64, i64)> {
        joined(all.to_vec(), |_, _| watched).iter().map(|it| (it.begin, it.end)).collect()
    }

    #[test]
    fn a_begin_and_an_end_by_two_ways_are_one() {
        let two = [begun(1, 7, 1000), ended(2, 8, 4000)];
        assert_eq!(times(&two, true), [(1000, 4000)]);
        let apart = [(1000, 1000), (4000, 4000)];
        assert_eq!(times(&two, false), apart, "who knows what was meanwhile");
        assert_eq!(times(&[begun(1, 7, 1000), ended(2, 7, 4000)], true), apart, "one way knows");
        let between = [two[0], piece(3, 7, STEP, (2000, 3000)), two[1]];
        assert_eq!(times(&between, true).len(), 3, "another step lies between");
        let late = ended(2, 8, 1000 + LONGEST_STEP + 1);
        assert_eq!(times(&[two[0], late], true).len(), 2);
    }

    #[test]
    fn a_begin_and_an_end_in_two_runs_are_one() {
        let (begin, end) = (begun(1, 7, 1000), later(ended(2, 7, 4000)));
        assert_eq!(times(&[begin, end], true), [(1000, 4000)]);
        assert_eq!(times(&[end, begin], true), [(1000, 4000)]);
        assert_eq!(times(&[begin, end], false).len(), 2);
        // Two at once: what began first ended first, and another goes on over the end.
        let two = [begin, begun(3, 7, 2000), end, later(ended(4, 7, 5000))];
        assert_eq!(times(&two, true), [(1000, 4000), (2000, 5000)]);
        let over = [begin, piece(3, 7, STEP, (2000, 5000)), end];
        assert_eq!(times(&over, true), [(1000, 4000), (2000, 5000)]);
        // The images that name the step reach behind the later begin.
        let images = Stored { begin: 1100, ..end };
        assert_eq!(times(&[begin, begun(3, 7, 2000), images], true), [(1000, 4000), (2000, 2000)]);
        // One that was forgotten before a step that was seen whole.
        let forgotten = [begun(3, 7, 100), piece(5, 7, STEP, (200, 300)), begin, end];
        assert_eq!(times(&forgotten, true), [(100, 100), (200, 300), (1000, 4000)]);
    }

    #[test]
    fn what_two_runs_saw_of_a_step_counts_once() {
        let whole = piece(1, 7, STEP, (1000, 4000));
        let end = ended(2, 7, 4000);
        for it in [begun(2, 7, 1000), end, Stored { begin: 1200, ..end }] {
            for other in [it, Stored { speaker: 8, ..it }] {
                assert_eq!(times(&[whole, other], true), [(1000, 4000)], "{other:?}");
            }
        }
        let ends = [ended(1, 7, 4000), later(Stored { begin: 3000, ..ended(2, 7, 4000) })];
        assert_eq!(times(&ends, true), [(3000, 4000)]);
        let begins = [begun(1, 7, 1000), later(Stored { end: 1600, ..begun(2, 7, 1000) })];
        assert_eq!(times(&begins, true), [(1000, 1600)]);
    }

    #[test]
    fn an_end_takes_the_images_before_it() {
        let images = piece(1, 7, IMAGES, (1000, 3000));
        assert_eq!(times(&[images, ended(2, 7, 3000 + IMAGES_GAP)], false), [(1000, 3900)]);
        assert_eq!(times(&[images, ended(2, 7, 3001 + IMAGES_GAP)], false).len(), 2);
        let lost = [begun(3, 7, 500), images, ended(2, 7, 3100)];
        assert_eq!(times(&lost, false), [(500, 500), (1000, 3100)], "one way would know");
        let theirs = [images, piece(3, 7, STEP, (900, 3050)), ended(2, 7, 3100)];
        assert_eq!(times(&theirs, false), [(900, 3050), (3100, 3100)], "those are another's");
    }

    #[test]
    fn a_begin_takes_the_images_that_come_by_another_way_or_in_another_run() {
        let images = piece(1, 8, IMAGES, (1100, 3000));
        assert_eq!(times(&[begun(2, 7, 1000), images], false), [(1000, 3000)]);
        assert_eq!(times(&[begun(2, 8, 1000), images], false).len(), 2, "one way knows");
        assert_eq!(times(&[begun(2, 8, 1000), later(images)], false), [(1000, 3000)]);
        let far = piece(1, 8, IMAGES, (1001 + IMAGES_GAP, 3000));
        assert_eq!(times(&[begun(2, 8, 1000), later(far)], false).len(), 2, "the next patient");
        let next = piece(3, 7, STEP, (2000, 4000));
        assert_eq!(times(&[begun(2, 7, 1000), images, next], false).len(), 2);
    }

    #[test]
    fn what_two_addresses_tell_and_what_a_step_covers_counts_once() {
        let all = [
            piece(1, 7, STEP, (1000, 2000)),
            piece(2, 8, STEP, (1000, 2000)),
            piece(3, 8, IMAGES, (1100, 2100)),
            piece(4, 8, IMAGES, (2500, 2600)),
        ];
        assert_eq!(times(&all, true), [(1000, 2000), (2500, 2600)]);
    }

    #[test]
    fn an_examination_lasts_to_the_end_of_its_last_step() {
        let part = |id, of: i64, times| Stored { part: -of, ..piece(id, 7, STEP, times) };
        let steps = [
            piece(4, 7, STEP, (1000, 1600)),
            piece(5, 7, STEP, (1500, 1900)),
            part(6, 4, (1700, 2500)),
            part(7, 4, (2500 + IMAGES_GAP, 4000)),
            part(8, 4, (4001 + IMAGES_GAP, 6000)),
            part(9, 99, (6000, 6100)),
        ];
        let all = joined(steps.to_vec(), |_, _| true);
        let whole: Vec<_> = all.iter().map(|it| (it.id, it.whole, it.counts())).collect();
        assert_eq!(
            whole,
            [
                (4, 4000, true),
                (5, 1900, true),
                (6, 2500, false),
                (7, 4000, false),
                (8, 6000, false),
                (9, 6100, false)
            ]
        );
    }
}
