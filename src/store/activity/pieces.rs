//! Pieces of one examination that nothing told to belong together: its begin came by
//! another way through the network than its end, or was told while nobody watched.

use super::exam::Stored;
use crate::census::activity::Method;
use crate::census::activity::method::{IMAGES_GAP, LONGEST_STEP};

/// How far from a stretch its pieces may lie, in seconds.
pub(super) const REACH: i64 = LONGEST_STEP;

const STEP: u8 = Method::Mpps.code();

/// Puts together what must be one; sorted by begin. `watched` says whether somebody
/// watched all the time from one second to another.
pub(super) fn joined(
    mut all: Vec<Stored>,
    mut watched: impl FnMut(i64, i64) -> bool,
) -> Vec<Stored> {
    all.sort_unstable_by_key(|it| (it.begin, it.method, it.end));
    // Two addresses of one device tell the same.
    all.dedup_by_key(|it| (it.begin, it.method, it.end));
    let ends: Vec<Stored> = all.iter().filter(|it| it.orphan).copied().collect();
    for end in ends {
        let before = begin_of(&all, &end).filter(|begin| watched(begin.begin, end.end));
        let Some(piece) = before.or_else(|| images_before(&all, &end)) else { continue };
        all.retain(|it| it.id != piece.id);
        for it in all.iter_mut().filter(|it| it.id == end.id) {
            it.begin = it.begin.min(piece.begin);
            it.counts |= piece.counts;
            it.orphan = false;
        }
    }
    let begins: Vec<Stored> = all.iter().filter(|it| it.open).copied().collect();
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
    all.sort_unstable_by_key(|it| (it.begin, it.method, it.end));
    all
}

/// The step that was begun last before an end, by another way, and is still open. Of one
/// way it would be known that it is the same.
fn begin_of(all: &[Stored], end: &Stored) -> Option<Stored> {
    let steps = all.iter().filter(|it| it.method == STEP && it.id != end.id);
    let last = steps.filter(|it| it.begin <= end.end).max_by_key(|it| it.begin)?;
    let fits = last.open
        && last.speaker != end.speaker
        && end.end.saturating_sub(last.begin) <= LONGEST_STEP;
    fits.then_some(*last)
}

/// The images that were made last before an end, if no step is known that they are of.
fn images_before(all: &[Stored], end: &Stored) -> Option<Stored> {
    let is_of = |step: &Stored, it: &Stored| {
        step.method == STEP
            && step.id != end.id
            && step.begin <= it.end
            && (it.begin <= step.end || (step.open && step.speaker != it.speaker))
    };
    let free = |it: &&Stored| !all.iter().any(|step| is_of(step, it));
    let images = all.iter().filter(|it| it.method != STEP && it.begin <= end.end);
    let near = images.filter(|it| end.end.saturating_sub(it.end) <= IMAGES_GAP);
    near.filter(free).max_by_key(|it| it.begin).copied()
}

/// The images that came by another way after a begin, before any other step.
fn images_after(all: &[Stored], begin: &Stored) -> Option<Stored> {
    let others = all.iter().filter(|it| it.method == STEP && it.id != begin.id);
    let next = others.map(|it| it.begin).filter(|at| *at > begin.begin).min();
    let images = all.iter().filter(|it| it.method != STEP && it.speaker != begin.speaker);
    let fits = |it: &&Stored| {
        it.begin >= begin.begin
            && next.is_none_or(|next| it.end <= next)
            && it.end.saturating_sub(begin.begin) <= LONGEST_STEP
    };
    images.filter(fits).min_by_key(|it| it.begin).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: u8 = Method::Images.code();

    fn piece(id: i64, speaker: i64, method: u8, (begin, end): (i64, i64)) -> Stored {
        let (open, orphan, counts) = (false, false, true);
        Stored { id, speaker, begin, end, said: end, method, open, orphan, counts }
    }

    fn begun(id: i64, speaker: i64, at: i64) -> Stored {
        Stored { open: true, ..piece(id, speaker, STEP, (at, at)) }
    }

    fn ended(id: i64, speaker: i64, at: i64) -> Stored {
        Stored { orphan: true, ..piece(id, speaker, STEP, (at, at)) }
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
    fn a_begin_takes_the_images_that_come_by_another_way() {
        let images = piece(1, 8, IMAGES, (1100, 3000));
        assert_eq!(times(&[begun(2, 7, 1000), images], false), [(1000, 3000)]);
        assert_eq!(times(&[begun(2, 8, 1000), images], false).len(), 2, "one way knows");
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
}
