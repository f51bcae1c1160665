//! Who asks many for one port within a minute. Workers say whom they saw asked: of a card
//! with several queues each sees some of those. All that was said counts together, whoever
//! said it and in which order.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::net::HostId;
use crate::observe::SWEPT;
use crate::time::{SECOND, Timestamp};

/// A minute is six of these, and begins with each: a sweep across a minute's border is one.
const STEP: i64 = 10 * SECOND;
/// Steps of a minute.
const MINUTE: i64 = 6;
/// Askers of which a step is remembered: some 4 MB. The oldest steps make room; then who is
/// new is not counted. Who hides a sweep so is a flood himself.
const ASKERS: usize = 1 << 16;

/// Who asks for which port.
type Asker = (HostId, u16);

/// Whom askers asked, by step.
#[derive(Default)]
pub(super) struct Sweeps {
    steps: BTreeMap<i64, HashMap<Asker, u64, RandomState>>,
    count: usize,
}

impl Sweeps {
    /// What one worker saw; true when all together are many within some minute.
    pub(super) fn add(&mut self, who: HostId, port: u16, asked: u64, at: Timestamp) -> bool {
        let (step, asker) = (at.0.div_euclid(STEP), (who, port));
        if self.count >= ASKERS {
            self.make_room(step);
        }
        let of_step = self.steps.entry(step).or_default();
        match of_step.get_mut(&asker) {
            Some(all) if *all | asked == *all => return false,
            Some(all) => *all |= asked,
            None if self.count >= ASKERS => return false,
            None => {
                of_step.insert(asker, asked);
                self.count += 1;
            }
        }
        // All minutes that this step is in.
        let first = step.saturating_sub(MINUTE - 1);
        let near = self.steps.range(first..step.saturating_add(MINUTE));
        let near: Vec<(i64, u64)> =
            near.filter_map(|(at, of)| Some((*at, *of.get(&asker)?))).collect();
        near.iter().any(|(from, _)| {
            let minute = near.iter().filter(|(at, _)| (0..MINUTE).contains(&(at - from)));
            minute.fold(0, |all, (_, asked)| all | asked).count_ones() >= SWEPT
        })
    }

    /// Forgets the oldest step, but not this one.
    fn make_room(&mut self, step: i64) {
        if let Some(oldest) = self.steps.first_entry().filter(|it| *it.key() != step) {
            self.count = self.count.saturating_sub(oldest.remove().len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    #[test]
    fn parts_of_a_minute_add_up_and_there_are_not_too_many() {
        let mut sweeps = Sweeps::default();
        let who = HostId::default();
        assert!(!sweeps.add(who, 445, 0x3ff, at(1)), "ten");
        assert!(!sweeps.add(who, 445, 0x3ff, at(2)), "the same ten");
        assert!(!sweeps.add(who, 22, 0x3ff << 20, at(3)), "for another port");
        assert!(!sweeps.add(who, 445, 0x3ff << 20, at(70)), "a minute later");
        assert!(sweeps.add(who, 445, 0x7f << 20, at(4)), "and seven more");
        for n in 0..100_000_u32 {
            let segment = crate::net::Segment { vni: n, ..crate::net::Segment::default() };
            sweeps.add(HostId { segment, ..who }, 445, 1, at(i64::from(n / 50_000) * 60));
        }
        let all: usize = sweeps.steps.values().map(HashMap::len).sum();
        assert!(all == sweeps.count && all <= ASKERS, "{all}");
        for minute in 0..100_000 {
            sweeps.add(who, 445, 1, at(minute * 60));
        }
        assert!(sweeps.count <= ASKERS && sweeps.steps.len() <= ASKERS);
    }

    #[test]
    fn a_minute_has_no_border_and_no_order() {
        let who = HostId::default();
        // One each two seconds, from wherever in the minute they begin: forty seconds.
        let told = |begin: i64, every: i64, backwards: bool| {
            let mut sweeps = Sweeps::default();
            let mut all: Vec<i64> = (0..20).collect();
            if backwards {
                all.reverse();
            }
            all.into_iter().any(|n| sweeps.add(who, 445, 1 << n, at(begin + every * n)))
        };
        for begin in 0..60 {
            assert!(told(begin, 2, false) && told(begin, 2, true), "from second {begin}");
            assert!(!told(begin, 4, false) && !told(begin, 4, true), "fifteen a minute");
        }
    }
}
