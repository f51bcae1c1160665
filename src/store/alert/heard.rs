//! Hours in which somebody was heard.

use crate::time::minutes::Minutes;

/// Hours remembered of a segment: a month.
const WORDS: usize = 12;
pub(super) const KEPT: i64 = 64 * 12;

/// In which hours anybody was heard: bit n is the n-th hour before the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) newest: i64,
    bits: [u64; WORDS],
}

impl Hours {
    pub(super) fn of(hour: i64) -> Self {
        let mut hours = Self { newest: hour, bits: [0; WORDS] };
        hours.bits[0] = 1;
        hours
    }

    pub(super) fn mark(&mut self, hour: i64) {
        if hour > self.newest {
            self.shift(hour.saturating_sub(self.newest));
            self.newest = hour;
        }
        // What was so long ago is not kept.
        let back = self.newest.saturating_sub(hour);
        let (word, bit) = place(back);
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
    }

    pub(super) fn shift(&mut self, by: i64) {
        let before = std::mem::take(&mut self.bits);
        for back in 0..KEPT.saturating_sub(by) {
            let ((from, bit), (to, there)) = (place(back), place(back.saturating_add(by)));
            if before.get(from).is_some_and(|word| word & bit != 0)
                && let Some(word) = self.bits.get_mut(to)
            {
                *word |= there;
            }
        }
    }

    pub(super) fn has(&self, hour: i64) -> bool {
        let back = self.newest.saturating_sub(hour);
        let (word, bit) = place(back);
        (0..KEPT).contains(&back) && self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Those after one hour and before another, in order.
    pub(super) fn all_between(&self, after: i64, before: i64) -> impl Iterator<Item = i64> {
        let first = after.saturating_add(1).max(self.newest.saturating_sub(KEPT - 1));
        let last = before.min(self.newest.saturating_add(1));
        (first..last).filter(|hour| self.has(*hour))
    }

    /// How many these are.
    pub(super) fn between(&self, after: i64, before: i64) -> u32 {
        u32::try_from(self.all_between(after, before).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bits.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    pub(super) fn from_bytes(newest: i64, bytes: &[u8]) -> Self {
        let mut hours = Self { newest, bits: [0; WORDS] };
        let words = bytes.chunks_exact(8).filter_map(|it| it.try_into().ok());
        hours.bits.iter_mut().zip(words).for_each(|(to, it)| *to = u64::from_be_bytes(it));
        hours
    }
}

fn place(back: i64) -> (usize, u64) {
    (usize::try_from(back / 64).unwrap_or(usize::MAX), 1 << back.rem_euclid(64))
}

/// An hour in which a device was heard: the first and the last minute of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) hour: i64,
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Heard {
    pub(super) fn at(minute: i64) -> Self {
        Self { hour: minute.div_euclid(60), first: minute, last: minute }
    }

    /// The hours that these minutes are of, in order.
    pub(super) fn all(minutes: &Minutes) -> impl Iterator<Item = Self> {
        let hours =
            |(from, to): &(i64, i64)| from.div_euclid(60)..=to.saturating_sub(1).div_euclid(60);
        let mut before = i64::MIN;
        let hours = minutes.runs().iter().flat_map(hours);
        // Two runs may lie in one.
        let hours = hours.filter(move |hour| std::mem::replace(&mut before, *hour) < *hour);
        hours.filter_map(|hour| {
            let begin = hour.saturating_mul(60);
            let of = minutes.within(begin, begin.saturating_add(60));
            Some(Self { hour, first: of.first()?, last: of.last()? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_kept_for_a_month() {
        let mut hours = Hours::of(1000);
        [1000, 1003, 999].into_iter().for_each(|hour| hours.mark(hour));
        assert_eq!(hours.between(998, 1004), 3);
        assert_eq!((hours.between(999, 1003), hours.between(1003, 2000)), (1, 0));
        assert_eq!(Hours::from_bytes(hours.newest, &hours.bytes()), hours);
        hours.mark(1000 + KEPT);
        assert_eq!(hours.between(0, i64::MAX), 2, "1003 is still known, 999 and 1000 are not");
        hours.mark(50);
        assert_eq!((hours.newest, hours.between(0, i64::MAX)), (1000 + KEPT, 2), "long ago");
        [i64::MAX, i64::MIN].into_iter().for_each(|hour| hours.mark(hour));
    }

    #[test]
    fn minutes_are_of_the_hours_that_they_touch() {
        let mut minutes = Minutes::run(7 * 60 + 50, 9 * 60 + 1);
        minutes.add(9 * 60 + 30, 9 * 60 + 31);
        let of = |it: Heard| (it.hour, it.first - 60 * it.hour, it.last - 60 * it.hour);
        let all: Vec<_> = Heard::all(&minutes).map(of).collect();
        assert_eq!(all, [(7, 50, 59), (8, 0, 59), (9, 0, 30)]);
        assert_eq!(of(Heard::at(-1)), (-1, 59, 59));
        assert_eq!(Heard::all(&Minutes::default()).count(), 0);
    }
}
