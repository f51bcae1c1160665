//! On which of the latest days a speaker took part in conversations: whether a thing that is
//! not said any more could have been said.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const DAY: i64 = 86_400;

/// The last 64 days, by UTC, and as many before the last longer pause: of two that lie so far
/// apart one may be a wrong date, of which the other must know nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    latest: Days,
    earlier: Days,
}

/// See [`Heard`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Days {
    /// Since 1970.
    last: i32,
    /// A bit for each day, the last one's the lowest; none where nothing was heard.
    bits: u64,
}

impl Days {
    const NONE: Self = Self { last: 0, bits: 0 };

    /// Days of both, as far as they are not too long before the last.
    fn unite(&mut self, other: Self) {
        let (newer, older) = if self.last < other.last { (other, *self) } else { (*self, other) };
        *self = match (newer.bits, older.bits) {
            (0, _) => older,
            (_, 0) => newer,
            (bits, more) => {
                let more = newer.distance(older).and_then(|apart| more.checked_shl(apart));
                Self { last: newer.last, bits: bits | more.unwrap_or(0) }
            }
        };
    }

    fn distance(self, other: Self) -> Option<u32> {
        u32::try_from(i64::from(self.last).abs_diff(i64::from(other.last))).ok()
    }

    fn after(self, day: i32) -> u32 {
        let apart = i64::from(self.last) - i64::from(day);
        let later = match u32::try_from(apart) {
            Err(_) if apart < 0 => 0,
            Err(_) => u64::MAX,
            Ok(apart) => 1_u64.checked_shl(apart).map_or(u64::MAX, |bit| bit - 1),
        };
        (self.bits & later).count_ones()
    }
}

impl Heard {
    /// So many days in a row at most are remembered.
    pub const MOST: u32 = u64::BITS;

    /// Of who was not heard.
    pub(super) const NEVER: Self = Self { latest: Days::NONE, earlier: Days::NONE };

    /// It was heard then.
    pub(super) fn note(&mut self, at: Timestamp) {
        self.add(Days { last: day(at), bits: 1 });
    }

    /// And on the days of another name.
    pub(super) fn unite(&mut self, other: Self) {
        self.add(other.earlier);
        self.add(other.latest);
    }

    fn add(&mut self, days: Days) {
        let is_near = self.latest.distance(days).is_some_and(|apart| apart < Self::MOST);
        if days.bits == 0 {
        } else if is_near || self.latest.bits == 0 {
            self.latest.unite(days);
        } else if self.latest.last < days.last {
            self.earlier = std::mem::replace(&mut self.latest, days);
        } else {
            self.earlier.unite(days);
        }
    }

    /// On how many days after that of a time it was heard, of those that are remembered.
    #[must_use]
    pub fn days_after(&self, at: Timestamp) -> u32 {
        self.latest.after(day(at)).saturating_add(self.earlier.after(day(at)))
    }
}

fn day(at: Timestamp) -> i32 {
    let day = at.seconds().div_euclid(DAY);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(days: &[i64]) -> Heard {
        let mut heard = Heard::default();
        days.iter().for_each(|day| heard.note(Timestamp::new(day * DAY + 7, 0)));
        heard
    }

    fn after(heard: &Heard, day: i64) -> u32 {
        heard.days_after(Timestamp::new(day * DAY, 0))
    }

    #[test]
    fn days_are_counted_once_in_any_order() {
        for days in [[3, 5, 5, 9], [9, 5, 3, 5], [5, 9, 5, 3]] {
            let heard = on(&days);
            let counted = [2, 3, 4, 5, 8, 9, 10].map(|day| after(&heard, day));
            assert_eq!(counted, [3, 2, 2, 1, 1, 0, 0], "{days:?}");
        }
        let mut both = on(&[1, 7]);
        both.unite(on(&[4, 7]));
        both.unite(Heard::default());
        assert_eq!((after(&both, 0), after(&both, 1)), (3, 2));
        let mut none = Heard::default();
        none.unite(Heard::default());
        assert_eq!(after(&none, -1), 0);
        none.unite(on(&[-3]));
        assert_eq!((after(&none, -4), after(&none, -3)), (1, 0), "before 1970 as well");
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_any_time_may_come() {
        let all: Vec<i64> = (0..200).collect();
        assert_eq!([199, 198, 136, 135, 0].map(|day| after(&on(&all), day)), [0, 1, 63, 64, 64]);
        assert_eq!(after(&on(&[0, 100]), -1), 2);
        let mut ends = Heard::default();
        for at in [i64::MIN, 0, i64::MAX, i64::MIN] {
            ends.note(Timestamp(at));
            let _ = ends.days_after(Timestamp(at));
        }
        assert!(ends.days_after(Timestamp(0)) <= 2);
    }

    #[test]
    fn one_wrong_date_forgets_nothing() {
        let wrong = 49_673;
        let (mut before, mut amid) = ((0..40).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
        before.insert(0, wrong);
        amid.insert(20, wrong);
        for days in [before, amid] {
            let heard = on(&days);
            assert_eq!([after(&heard, 9), after(&heard, 38)], [31, 2], "{days:?}");
        }
    }
}
