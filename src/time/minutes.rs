//! Sets of clock minutes: when something was on, seen or in use.

/// Minutes in a day of UTC.
pub const DAY: i64 = 24 * 60;

/// A run of minutes, counted from 1970 in UTC: the first, and the one after the last.
pub type Run = (i64, i64);

/// A set of minutes, kept as sorted runs that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minutes(Vec<Run>);

/// Bytes that follow are runs: what is left out and what is in, in turn.
const RUNS: u8 = 0;
/// Bytes that follow are a map: one bit a minute, the lowest first.
const MAP: u8 = 1;

impl Minutes {
    /// One run; none when it ends before it begins.
    #[must_use]
    pub fn run(from: i64, to: i64) -> Self {
        let mut set = Self::default();
        set.add(from, to);
        set
    }

    /// The runs, sorted.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    /// No minute is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many minutes are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(from, to)| to.saturating_sub(*from).unsigned_abs()).sum()
    }

    /// How many of a stretch are in it.
    #[must_use]
    pub fn count_within(&self, from: i64, to: i64) -> u64 {
        self.parts(from, to).map(|(a, b)| b.saturating_sub(a).max(0).unsigned_abs()).sum()
    }

    /// Whether a minute is in it.
    #[must_use]
    pub fn holds(&self, minute: i64) -> bool {
        let at = self.0.partition_point(|(_, to)| *to <= minute);
        self.0.get(at).is_some_and(|(from, _)| *from <= minute)
    }

    /// The first minute.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.0.first().map(|(from, _)| *from)
    }

    /// The last minute.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.0.last().map(|(_, to)| to.saturating_sub(1))
    }

    fn overlapping(&self, from: i64, to: i64) -> &[Run] {
        let begin = self.0.partition_point(|(_, end)| *end <= from);
        let end = self.0.partition_point(|(begin, _)| *begin < to);
        self.0.get(begin..end.max(begin)).unwrap_or_default()
    }

    /// The runs of a stretch, as far as they are in it.
    pub fn parts(&self, from: i64, to: i64) -> impl Iterator<Item = Run> {
        self.overlapping(from, to).iter().map(move |(a, b)| ((*a).max(from), (*b).min(to)))
    }

    /// Whether so many minutes in a row of a stretch are not in it.
    #[must_use]
    pub fn misses(&self, from: i64, to: i64, many: i64) -> bool {
        let mut at = from;
        for (begin, end) in self.overlapping(from, to) {
            if begin.saturating_sub(at) >= many {
                return true;
            }
            at = *end;
        }
        to.saturating_sub(at) >= many
    }

    /// Adds a run.
    pub fn add(&mut self, from: i64, to: i64) {
        if from >= to {
            return;
        }
        // Nearly all come in order.
        match self.0.last_mut() {
            Some((begin, end)) if *begin <= from && from <= *end => *end = to.max(*end),
            Some((_, end)) if *end >= from => self.insert(from, to),
            _ => self.0.push((from, to)),
        }
    }

    fn insert(&mut self, from: i64, to: i64) {
        let begin = self.0.partition_point(|(_, end)| *end < from);
        let end = self.0.partition_point(|(begin, _)| *begin <= to);
        let touched = self.0.get(begin..end).unwrap_or_default();
        let first = touched.first().map_or(from, |(a, _)| from.min(*a));
        let last = touched.last().map_or(to, |(_, b)| to.max(*b));
        self.0.splice(begin..end.max(begin), [(first, last)]);
    }

    /// Adds all of another set.
    pub fn unite(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        if other.0.len() <= 4 {
            other.0.iter().for_each(|(from, to)| self.add(*from, *to));
            return;
        }
        let mut all: Vec<Run> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        *self = Self::of(all);
    }

    /// Of runs that are sorted by their beginnings.
    fn of(sorted: impl IntoIterator<Item = Run>) -> Self {
        let mut set = Self::default();
        sorted.into_iter().for_each(|(from, to)| set.add(from, to));
        set
    }

    /// What is in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Self::default();
        while let (Some((from, to)), Some((begin, end))) = (a.peek(), b.peek()) {
            both.add(*from.max(begin), *to.min(end));
            if to <= end {
                a.next();
            } else {
                b.next();
            }
        }
        both
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for (from, to) in &self.0 {
            let mut at = *from;
            for (begin, end) in other.overlapping(*from, *to) {
                left.add(at, (*begin).min(*to));
                at = at.max(*end);
            }
            left.add(at, *to);
        }
        left
    }

    /// What is in it of a stretch.
    #[must_use]
    pub fn within(&self, from: i64, to: i64) -> Self {
        Self::of(self.parts(from, to))
    }

    /// With the minutes between runs that lie at most so many minutes apart: a run that
    /// begins `gap` minutes after the last minute of the one before goes on with it.
    #[must_use]
    pub fn bridged(&self, gap: i64) -> Self {
        let mut all = Self::default();
        for (from, to) in &self.0 {
            match all.0.last_mut() {
                Some((_, end)) if from.saturating_sub(*end) < gap => *end = (*to).max(*end),
                _ => all.0.push((*from, *to)),
            }
        }
        all
    }

    /// As bytes, from a first minute on; the shorter of two ways.
    #[must_use]
    pub fn encode(&self, base: i64) -> Vec<u8> {
        let mut runs = vec![RUNS];
        let mut at = base;
        for (from, to) in &self.0 {
            for next in [from, to] {
                number(&mut runs, next.saturating_sub(at).max(0).unsigned_abs());
                at = *next;
            }
        }
        let length = at.saturating_sub(base).max(0).unsigned_abs().div_ceil(8);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if runs.len() <= length.saturating_add(1) {
            return runs;
        }
        let mut map = vec![0; length.saturating_add(1)];
        map[0] = MAP;
        for minute in self.0.iter().flat_map(|(from, to)| *from..*to) {
            let at = usize::try_from(minute.saturating_sub(base)).unwrap_or(usize::MAX);
            if let Some(byte) = map.get_mut((at / 8).saturating_add(1)) {
                *byte |= 1 << (at % 8);
            }
        }
        map
    }

    /// What [`Self::encode`] has written; damaged bytes give as much as can be read.
    #[must_use]
    pub fn decode(base: i64, bytes: &[u8]) -> Self {
        let mut set = Self::default();
        match bytes.split_first() {
            Some((&RUNS, mut rest)) => {
                let mut at = base;
                let mut next = || {
                    let (n, left) = read_number(rest)?;
                    rest = left;
                    at = at.saturating_add(i64::try_from(n).ok()?);
                    Some(at)
                };
                while let (Some(from), Some(to)) = (next(), next()) {
                    set.add(from, to);
                }
            }
            Some((_, map)) => {
                let bits = map.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
                for (minute, _) in (base..i64::MAX).zip(bits).filter(|(_, is_in)| *is_in) {
                    set.add(minute, minute.saturating_add(1));
                }
            }
            None => {}
        }
        set
    }

    /// The same; none when the bytes are not just as [`Self::encode`] writes minutes of less
    /// than so many from the base on.
    #[must_use]
    pub fn decode_whole(base: i64, bytes: &[u8], most: i64) -> Option<Self> {
        let set = match bytes.split_first() {
            Some((&RUNS, runs)) => Self::decode_runs(base, runs)?,
            _ => Some(Self::decode(base, bytes)).filter(|set| set.encode(base) == bytes)?,
        };
        set.last().is_none_or(|last| last < base.saturating_add(most)).then_some(set)
    }

    /// Runs, just as they are written where they are the shorter way.
    fn decode_runs(base: i64, bytes: &[u8]) -> Option<Self> {
        // Most take three bytes.
        let (mut all, mut at, mut rest) = (Vec::with_capacity(bytes.len() / 3 + 1), base, bytes);
        let mut next = |least| {
            let (n, left) = read_number(rest)?;
            let written = rest.get(..rest.len().checked_sub(left.len())?)?;
            rest = left;
            at = at.checked_add(i64::try_from(n).ok()?)?;
            let is_short = written.len() == 1 || written.last() != Some(&0);
            (n >= least && is_short).then_some((at, left.is_empty()))
        };
        let mut is_done = bytes.is_empty();
        while !is_done {
            // Runs do not touch.
            let (from, _) = next(u64::from(!all.is_empty()))?;
            let (to, is_last) = next(1)?;
            all.push((from, to));
            is_done = is_last;
        }
        let length = at.checked_sub(base)?.unsigned_abs().div_ceil(8);
        (bytes.len() as u64 <= length).then_some(Self(all))
    }
}

/// A number in groups of seven bits, the lowest first.
fn number(to: &mut Vec<u8>, mut n: u64) {
    loop {
        let low = u8::try_from(n & 0x7f).unwrap_or(0);
        n >>= 7;
        if n == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

fn read_number(from: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0_u64;
    for (at, byte) in from.iter().enumerate().take(9) {
        n |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((n, from.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(runs: &[Run]) -> Minutes {
        let mut set = Minutes::default();
        runs.iter().for_each(|(from, to)| set.add(*from, *to));
        set
    }

    #[test]
    fn runs_that_touch_are_one_in_any_order() {
        let runs = [(5, 9), (20, 30), (9, 12), (0, 1), (29, 40), (3, 5), (50, 50), (60, 58)];
        let there = set(&runs);
        let back: Vec<_> = runs.iter().rev().copied().collect();
        assert_eq!(there.runs(), [(0, 1), (3, 12), (20, 40)]);
        assert_eq!(there, set(&back));
        assert_eq!((there.count(), there.first(), there.last()), (30, Some(0), Some(39)));
        assert!(there.holds(3) && there.holds(11) && !there.holds(12) && !there.holds(45));
    }

    #[test]
    fn sets_meet_part_and_unite() {
        let (a, b) = (set(&[(0, 10), (20, 30)]), set(&[(5, 25), (28, 29), (40, 41)]));
        assert_eq!(a.common(&b).runs(), [(5, 10), (20, 25), (28, 29)]);
        assert_eq!(a.without(&b).runs(), [(0, 5), (25, 28), (29, 30)]);
        let mut all = a.clone();
        all.unite(&b);
        assert_eq!(all.runs(), [(0, 30), (40, 41)]);
        let many: Vec<_> = (0..9).map(|n| (100 - 10 * n, 103 - 10 * n)).collect();
        all.unite(&set(&many));
        assert_eq!(all.count(), set(&many).without(&a).without(&b).count() + 31);
        assert_eq!((a.within(8, 22).count(), a.count_within(8, 22)), (4, 4));
    }

    #[test]
    fn a_gap_is_bridged_up_to_its_length() {
        let a = set(&[(0, 1), (5, 6), (11, 12)]);
        assert_eq!(a.bridged(5).runs(), [(0, 6), (11, 12)], "0 to 5 is five minutes, 5 to 11 six");
        assert_eq!(a.bridged(6).runs(), [(0, 12)]);
        assert_eq!(a.bridged(0), a);
    }

    #[test]
    fn what_is_written_is_read() {
        let every_other: Vec<_> = (0..720).map(|n| (1000 + 2 * n, 1001 + 2 * n)).collect();
        let some = [set(&[]), set(&[(1000, 2440)]), set(&[(1003, 1004), (2000, 2300)])];
        for minutes in some.into_iter().chain([set(&every_other)]) {
            let bytes = minutes.encode(1000);
            assert!(bytes.len() <= 181, "{}", bytes.len());
            assert_eq!(Minutes::decode(1000, &bytes), minutes);
        }
        assert!(set(&[(1000, 2440)]).encode(1000).len() <= 4, "a whole day is a few bytes");
        for bytes in [&[][..], &[0, 0x80], &[0, 0xff, 0xff], &[7, 1]] {
            assert!(Minutes::decode(i64::MAX, bytes).count() <= 1);
        }
    }

    #[test]
    fn only_what_was_written_just_so_is_read_whole() {
        // Numbers that anyone can make again (Knuth's MMIX).
        let mut state = 7_u64;
        let mut random = move |most: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        let (mut whole, base) = (0, 20_000 * DAY);
        for n in 0..20_000 {
            let mut set = Minutes::default();
            let (runs, long) = ([0, 1, 3, 12, 200][n % 5], [1, 5, 60, 900][n % 4]);
            for _ in 0..runs {
                let from = base + i64::try_from(random(1440)).unwrap();
                set.add(from, from + i64::try_from(random(long) + 1).unwrap());
            }
            let mut bytes = set.encode(base);
            let at = usize::try_from(random(bytes.len() as u64)).unwrap();
            match n % 3 {
                0 => {}
                1 => bytes[at] ^= 1 << random(8),
                _ => bytes.insert(at, u8::try_from(random(256)).unwrap()),
            }
            let slow = Minutes::decode(base, &bytes);
            let is_whole =
                slow.encode(base) == bytes && slow.last().is_none_or(|last| last < base + DAY);
            let read = Minutes::decode_whole(base, &bytes, DAY);
            assert_eq!(read, is_whole.then_some(slow), "{bytes:?}");
            whole += usize::from(is_whole);
        }
        assert!(whole > 5_000, "{whole}");
    }
}
