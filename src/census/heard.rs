//! On which of the latest days a speaker was heard: whether a thing that is not said any more
//! could have been said.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const DAY: i64 = 86_400;

/// The last 64 days, by UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Since 1970.
    last: i32,
    /// A bit for each day, the last one's the lowest; none where nothing was heard.
    days: u64,
}

impl Heard {
    /// So many days at most are remembered.
    pub const MOST: u32 = u64::BITS;

    /// Of who was not heard.
    pub(super) const NEVER: Self = Self { last: 0, days: 0 };

    /// It was heard then.
    pub(super) fn note(&mut self, at: Timestamp) {
        self.unite(Self { last: day(at), days: 1 });
    }

    /// And on the days of another name.
    pub(super) fn unite(&mut self, other: Self) {
        let (newer, older) = if self.last < other.last { (other, *self) } else { (*self, other) };
        let apart = u32::try_from(i64::from(newer.last) - i64::from(older.last));
        let seen = apart.ok().and_then(|apart| older.days.checked_shl(apart)).unwrap_or(0);
        *self = match newer.days {
            0 => older,
            days => Self { last: newer.last, days: days | seen },
        };
    }

    /// On how many days after that of a time it was heard.
    #[must_use]
    pub fn days_after(&self, at: Timestamp) -> u32 {
        let apart = i64::from(self.last) - i64::from(day(at));
        let later = match u32::try_from(apart) {
            Err(_) => 0,
            Ok(apart) => 1_u64.checked_shl(apart).map_or(u64::MAX, |bit| bit - 1),
        };
        (self.days & later).count_ones()
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
        assert_eq!(after(&on(&[0, 100]), -1), 1);
        let mut ends = Heard::default();
        for at in [i64::MIN, 0, i64::MAX, i64::MIN] {
            ends.note(Timestamp(at));
            let _ = ends.days_after(Timestamp(at));
        }
        assert_eq!(ends.days_after(Timestamp(0)), 1);
    }
}
