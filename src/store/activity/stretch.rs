//! Work to the second: examinations begin and end within minutes, and a day has many of
//! them. Counted by the minutes that they touch, each would be a minute too long.

use crate::time::minutes::{Minutes, Run};

/// Stretches of seconds since 1970, in no order; they may overlap.
#[derive(Default)]
pub(super) struct Stretches(Vec<Run>);

impl Stretches {
    /// From one second to before another.
    pub(super) fn add(&mut self, from: i64, to: i64) {
        if from < to {
            self.0.push((from, to));
        }
    }

    /// Sorted, and none touches another.
    pub(super) fn unite(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, before| {
            let touches = next.0 <= before.1;
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
    }

    /// The minutes whose middle is in it: as many as it lasts, give or take.
    pub(super) fn minutes(&self) -> Minutes {
        let mut all = Minutes::default();
        for (from, to) in &self.0 {
            let middle = |second: i64| second.saturating_add(29).div_euclid(60);
            all.add(middle(*from), middle(*to));
        }
        all
    }

    /// Minutes of it that lie in these, counted by seconds.
    pub(super) fn within(&self, minutes: &Minutes) -> u64 {
        rounded(self.seconds_within(minutes))
    }

    /// The seconds of it that lie in these minutes.
    pub(super) fn seconds_within(&self, minutes: &Minutes) -> i64 {
        let mut seconds = 0_i64;
        for (from, to) in &self.0 {
            for (a, b) in minutes.parts(from.div_euclid(60), to.saturating_add(59).div_euclid(60)) {
                let (a, b) = (a.saturating_mul(60).max(*from), b.saturating_mul(60).min(*to));
                seconds = seconds.saturating_add(b.saturating_sub(a).max(0));
            }
        }
        seconds
    }
}

/// Seconds as minutes; half of one is one.
pub(super) fn rounded(seconds: i64) -> u64 {
    seconds.saturating_add(30).unsigned_abs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(all: &[Run]) -> Stretches {
        let mut it = Stretches::default();
        all.iter().for_each(|(from, to)| it.add(*from, *to));
        it.unite();
        it
    }

    #[test]
    fn many_short_ones_are_as_long_as_they_are() {
        let all: Vec<Run> = (0..20).map(|n| (n * 600 + 50, n * 600 + 200)).collect();
        let it = stretches(&all);
        assert_eq!(it.within(&Minutes::run(0, 1440)), 50);
        assert_eq!(it.within(&Minutes::run(0, 100)), 25, "the first ten of them");
        assert_eq!(it.minutes().count(), 40, "two middles each");
    }

    #[test]
    fn what_overlaps_counts_once() {
        let all = [(0, 120), (60, 180), (180, 240), (600, 660), (5, 5), (600, 720)];
        let it = stretches(&all);
        assert_eq!(it.0, [(0, 240), (600, 720)]);
        assert_eq!((it.within(&Minutes::run(0, 100)), it.minutes().count()), (6, 6));
    }

    #[test]
    fn a_minute_from_any_second_is_one_minute() {
        for second in 0..60 {
            let it = stretches(&[(second, second + 60)]);
            assert_eq!((it.minutes().count(), it.within(&Minutes::run(0, 9))), (1, 1), "{second}");
        }
        let minute = stretches(&[(30, 31)]).minutes();
        assert_eq!(minute, Minutes::run(0, 1), "its middle");
        assert!(stretches(&[(31, 90)]).minutes().is_empty());
    }
}
