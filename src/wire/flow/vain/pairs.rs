//! Who asked whom before: what tells a list that is asked again and again from a search.

use crate::wire::flow::limits::{ASKING, MAX_PAIRS, PAIR_KEPT};

/// Places of which a pair has one.
const WAYS: usize = 4;
/// Steps after which a question is no repetition of the one before by a program that waits
/// for an answer a little.
const NEXT_ROUND: i64 = 2;

#[derive(Clone, Copy)]
struct Pair {
    /// Stands for both; 0 for a free place.
    print: u64,
    /// In which the round began in which it was last asked.
    step: i64,
    /// In more than one round.
    again: bool,
    answered: bool,
}

impl Pair {
    const NONE: Self = Self { print: 0, step: i64::MIN, again: false, answered: false };

    const fn is_kept(&self, step: i64) -> bool {
        step.saturating_sub(self.step).saturating_mul(ASKING) < PAIR_KEPT
    }
}

/// What a question is to what was asked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Never, as far as is remembered.
    First,
    /// A moment ago, or in more rounds than two.
    Known,
    /// In the first round, which began in this step.
    Again(i64),
}

/// Pairs, each in one of a few places. A newcomer takes a free one, else that of a pair that
/// was forgotten or asked once; pairs asked again stay, and the newcomer is not remembered:
/// who asks many others does not make a list look new.
#[derive(Default)]
pub(super) struct Pairs(Vec<Pair>);

impl Pairs {
    fn places(&mut self, print: u64) -> &mut [Pair] {
        let ways = u64::try_from(MAX_PAIRS / WAYS).unwrap_or(1);
        let home = usize::try_from(print.checked_rem(ways).unwrap_or_default()).unwrap_or_default();
        let first = home.saturating_mul(WAYS);
        self.0.get_mut(first..first.saturating_add(WAYS)).unwrap_or_default()
    }

    /// A question in this step.
    pub(super) fn asks(&mut self, print: u64, step: i64) -> Asked {
        if self.0.is_empty() {
            self.0 = vec![Pair::NONE; MAX_PAIRS];
        }
        let print = print.max(1);
        let places = self.places(print);
        if let Some(pair) = places.iter_mut().find(|it| it.print == print && it.is_kept(step)) {
            if step.saturating_sub(pair.step) < NEXT_ROUND {
                return Asked::Known;
            }
            let first = std::mem::replace(&mut pair.step, step);
            let again = std::mem::replace(&mut pair.again, true);
            return if again { Asked::Known } else { Asked::Again(first) };
        }
        let rank = |it: &&mut Pair| (it.is_kept(step), it.again, it.step);
        if let Some(place) = places.iter_mut().min_by_key(rank)
            && !(place.again && place.is_kept(step))
        {
            *place = Pair { print, step, ..Pair::NONE };
        }
        Asked::First
    }

    /// An answer; gives the step of the question where it is the first answer, in the first
    /// round.
    pub(super) fn answers(&mut self, print: u64) -> Option<i64> {
        let print = print.max(1);
        let pair = self.places(print).iter_mut().find(|it| it.print == print)?;
        let is_first = !std::mem::replace(&mut pair.answered, true) && !pair.again;
        is_first.then_some(pair.step)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.fill(Pair::NONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_asked_first_and_again_and_its_first_answer_counts() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.answers(7), None, "nobody asked");
        assert_eq!(pairs.asks(7, 100), Asked::First);
        assert_eq!(pairs.asks(7, 101), Asked::Known, "a second attempt");
        assert_eq!((pairs.answers(7), pairs.answers(7)), (Some(100), None));
        assert_eq!(pairs.asks(7, 102), Asked::Again(100));
        assert_eq!(pairs.asks(7, 130), Asked::Known, "a third round");
        assert_eq!(pairs.asks(7, 130 + PAIR_KEPT / ASKING), Asked::First, "long ago");
        assert_eq!(pairs.asks(7, 20), Asked::Known, "the clock was set back");
    }

    #[test]
    fn only_what_was_asked_first_and_once_is_answered() {
        let mut pairs = Pairs::default();
        assert_eq!((pairs.asks(7, 100), pairs.asks(7, 102)), (Asked::First, Asked::Again(100)));
        assert_eq!(pairs.answers(7), None, "to the second round");
        // Kept from when it was last asked.
        let kept = PAIR_KEPT / ASKING;
        let mut pairs = Pairs::default();
        assert_eq!(pairs.asks(7, 0), Asked::First);
        assert_eq!(pairs.asks(7, kept - 1), Asked::Again(0));
        assert_eq!(pairs.asks(7, kept + 1), Asked::Known);
        pairs.clear();
        assert_eq!((pairs.answers(7), pairs.asks(7, kept + 2)), (None, Asked::First));
    }

    #[test]
    fn a_newcomer_takes_the_place_of_who_was_forgotten_else_of_who_was_asked_once() {
        // All of these have the same places.
        let one = |n: usize| u64::try_from(5 + n * (MAX_PAIRS / WAYS)).unwrap();
        let ask = |pairs: &mut Pairs, asked: &[(usize, i64)]| {
            asked.iter().map(|(n, step)| pairs.asks(one(*n), *step)).collect::<Vec<_>>()
        };
        let mut pairs = Pairs::default();
        // One is asked again before three others are asked at all.
        ask(&mut pairs, &[(0, 100), (0, 110), (1, 120), (2, 121), (3, 122)]);
        assert_eq!(ask(&mut pairs, &[(4, 123), (4, 130)]), [Asked::First, Asked::Again(123)]);
        assert_eq!(ask(&mut pairs, &[(0, 131), (2, 131)]), [Asked::Known, Asked::Again(121)]);
        // Those that are a list stay, and who is new is not remembered.
        ask(&mut pairs, &[(3, 132)]);
        assert_eq!(ask(&mut pairs, &[(5, 140), (5, 150)]), [Asked::First; 2]);
        assert_eq!(ask(&mut pairs, &[(0, 151), (2, 151), (3, 151), (4, 151)]), [Asked::Known; 4]);
        // Of those asked once, the one of longest ago.
        let mut pairs = Pairs::default();
        ask(&mut pairs, &[(0, 100), (0, 110), (1, 122), (2, 120), (3, 121), (4, 123)]);
        let known = [Asked::Again(122), Asked::Again(121), Asked::First];
        assert_eq!(ask(&mut pairs, &[(1, 130), (3, 130), (2, 130)]), known);
        // A list that is forgotten has no place before who was asked of late.
        let late = 151 + PAIR_KEPT / ASKING;
        let mut pairs = Pairs::default();
        ask(&mut pairs, &[(0, 100), (0, 151), (1, late), (2, late), (3, late)]);
        assert_eq!(ask(&mut pairs, &[(4, late + 1), (4, late + 9)])[1], Asked::Again(late + 1));
        assert_eq!(ask(&mut pairs, &[(1, late + 9)]), [Asked::Again(late)]);
    }

    #[test]
    fn many_new_ones_do_not_drive_out_a_list() {
        let mut pairs = Pairs::default();
        // Half as many as there is room for, mixed as prints are.
        let print = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let list = u64::try_from(MAX_PAIRS / 4).unwrap();
        (0..list).for_each(|n| assert_eq!(pairs.asks(print(n), 100), Asked::First));
        (0..list).for_each(|n| _ = pairs.asks(print(n), 130));
        (list..list * 20).for_each(|n| _ = pairs.asks(print(n), 140));
        let kept = (0..list).filter(|n| pairs.asks(print(*n), 160) == Asked::Known).count();
        assert!(kept * 100 > MAX_PAIRS / 4 * 98, "{kept} of {list}");
        assert_eq!(pairs.0.len(), MAX_PAIRS);
    }
}
