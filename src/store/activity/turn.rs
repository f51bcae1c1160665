//! Which part of what was said under a name is of one device: an address goes to others.

use serde::{Deserialize, Serialize};

use super::{Speaker, speaker};
use crate::census::{Census, Host};
use crate::net::HostId;
use crate::time::minutes::Minutes;

/// A name, for as long as it was of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) speaker: Speaker,
    /// From this second on, since 1970; none when nobody had it before.
    from: Option<i64>,
    /// Until before this one; none when nobody has had it since.
    to: Option<i64>,
}

/// What is so far off that nothing lies beyond it, in minutes.
const EVER: i64 = i64::MAX / 60;

impl Turn {
    /// That of a speaker, with the first and the last minute in which it was heard.
    pub(super) fn of(id: &HostId, host: &Host, census: &Census) -> (Self, (i64, i64)) {
        let (from, to) = census.turn(id, host);
        let heard = (host.span.first.minute(), host.span.last.minute());
        (Self { speaker: speaker(id), from, to }, heard)
    }

    /// The same part of what was said under another name.
    pub(super) fn named(self, speaker: Speaker) -> Self {
        Self { speaker, ..self }
    }

    /// Whether what was said at a second is of it.
    pub(super) fn has(&self, second: i64) -> bool {
        self.from.is_none_or(|from| from <= second) && self.to.is_none_or(|to| second < to)
    }

    /// Its minutes, from one to before another; none when all are.
    pub(super) fn minutes(&self) -> Option<(i64, i64)> {
        let from = self.from.map(|from| from.div_euclid(60));
        // Of the minute of the hand-over it had a part.
        let to = self.to.map(|to| to.saturating_sub(1).div_euclid(60).saturating_add(1));
        (from.is_some() || to.is_some()).then(|| (from.unwrap_or(-EVER), to.unwrap_or(EVER)))
    }

    /// Its part of some minutes, from one to before another; none where it has none of them.
    pub(super) fn part_of(&self, (from, to): (i64, i64)) -> Option<(i64, i64)> {
        let (begin, end) = self.minutes().unwrap_or((from, to));
        let (begin, end) = (begin.max(from), end.min(to));
        (begin < end).then_some((begin, end))
    }

    fn set(&self) -> Minutes {
        let (from, to) = self.minutes().unwrap_or((-EVER, EVER));
        Minutes::run(from, to)
    }
}

/// Sorted, those that follow one another as one.
pub(super) fn united(mut all: Vec<(Turn, (i64, i64))>) -> Vec<(Turn, (i64, i64))> {
    all.sort_unstable();
    all.dedup_by(|(next, heard), (turn, all)| {
        let follows = turn.speaker == next.speaker
            && turn.to.is_none_or(|to| next.from.is_none_or(|from| from <= to));
        if follows {
            turn.to = turn.to.zip(next.to).map(|(a, b)| a.max(b));
            *all = (all.0.min(heard.0), all.1.max(heard.1));
        }
        follows
    });
    all
}

/// The minutes of a turn that are in none of others.
pub(super) fn changed(turn: Turn, others: &[Turn]) -> Minutes {
    let mut rest = turn.set();
    for other in others.iter().filter(|it| it.speaker == turn.speaker) {
        rest = rest.without(&other.set());
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(speaker: Speaker, from: impl Into<Option<i64>>, to: impl Into<Option<i64>>) -> Turn {
        Turn { speaker, from: from.into(), to: to.into() }
    }

    #[test]
    fn turns_that_follow_one_another_are_one() {
        let parts = [turn(7, 600, None), turn(7, None, 120), turn(7, 120, 300), turn(8, 1, 2)];
        let all = united(parts.iter().map(|it| (*it, (1, 2))).collect());
        let all: Vec<_> = all.into_iter().map(|(turn, _)| turn).collect();
        assert_eq!(all, [turn(7, None, 300), turn(7, 600, None), turn(8, 1, 2)]);
        let whole = united(vec![(turn(7, 60, None), (5, 9)), (turn(7, None, 60), (0, 1))]);
        assert_eq!(whole, [(turn(7, None, None), (0, 9))]);
    }

    #[test]
    fn a_hand_over_within_a_minute_is_of_both() {
        let (before, after) = (turn(7, None, 90), turn(7, 90, None));
        assert_eq!((before.minutes(), after.minutes()), (Some((-EVER, 2)), Some((1, EVER))));
        assert_eq!(
            [89, 90].map(|at| (before.has(at), after.has(at))),
            [(true, false), (false, true)]
        );
        assert_eq!(turn(7, None, 120).minutes(), Some((-EVER, 2)));
        assert_eq!(turn(7, None, None).minutes(), None);
    }

    #[test]
    fn what_is_another_s_now_is_known() {
        let (all, rest) = (turn(7, None, None), turn(7, 6000, None));
        assert_eq!(changed(all, &[rest]).runs(), [(-EVER, 100)]);
        assert!(changed(rest, &[all]).is_empty() && changed(all, &[all]).is_empty());
        assert!(!changed(all, &[turn(8, None, None)]).is_empty());
    }
}
