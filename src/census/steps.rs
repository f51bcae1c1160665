//! Who told first of a performed step. A manager of steps reports them once more under its own
//! title (IHE RAD TF-1): the same instance, a moment later, from another address. Nothing of a
//! step is stored.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::Census;
use super::host::Said;
use super::sent::age;
use crate::net::HostId;
use crate::observe::{PASSES_ON, SENDS, Study, Use, Work};

/// Steps remembered; the oldest go. They are passed on within minutes, and a large hospital
/// begins some thousands a day.
const MANY: usize = 1 << 12;

/// By step: who told first that it was begun.
#[derive(Default)]
pub(super) struct Steps {
    of: HashMap<Study, (HostId, Said), RandomState>,
    order: VecDeque<Study>,
}

impl Steps {
    /// Somebody tells that a step was begun; who passes it on, when, and whose it is, where
    /// two have told. Workers may tell in any order.
    fn begun(&mut self, step: Study, who: HostId, said: Said) -> Option<(HostId, Said, HostId)> {
        if let Some(first) = self.of.get_mut(&step) {
            let mut later = (who, said);
            if said.span.first < first.1.span.first {
                std::mem::swap(first, &mut later);
            }
            // One speaker may be seen before a router and behind it.
            return (first.0.ip != later.0.ip).then_some((later.0, later.1, first.0));
        }
        if self.order.len() >= MANY
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
        self.order.push_back(step);
        self.of.insert(step, (who, said));
        None
    }
}

impl Census {
    /// The speaker in a place tells of work.
    pub(super) fn works(&mut self, (place, id): (usize, HostId), it: &Use, said: Said) {
        if let Some(others) = self.turns.get(&id) {
            self.activity.goes_on(it.study, place, others);
        }
        if let Some(age) = age(it, said.span.last)
            && let Some((_, host)) = self.hosts.get_mut(place)
        {
            host.learn(SENDS, age.into(), said, &mut self.room);
        }
        if it.work != Work::StepBegun || it.step == Study::UNTOLD {
            return;
        }
        let Some((who, said, own)) = self.steps.begun(it.step, id, said) else { return };
        let place = if who == id { Some(place) } else { self.places.get(&who).copied() };
        if let (Some(at), Some(ip)) = (place, own.ip)
            && let Some((_, host)) = self.hosts.get_mut(at)
        {
            host.learn(PASSES_ON, ip.to_string().into(), said, &mut self.room);
            host.dirty = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::Evidence;
    use crate::time::Timestamp;

    fn host(n: u8) -> HostId {
        HostId { ip: Some([10, 0, 0, n].into()), ..HostId::default() }
    }

    fn at(second: i64) -> Said {
        Said::new(Timestamp::new(second, 0), Evidence { capture: 0, frame: 1 })
    }

    #[test]
    fn who_tells_later_passes_it_on_in_whatever_order_they_are_heard() {
        let told = |all: &[(u8, i64)]| {
            let mut steps = Steps::default();
            let of = |(n, second): &(u8, i64)| steps.begun(Study(7), host(*n), at(*second));
            all.iter().filter_map(of).map(|(who, _, own)| (who, own)).last()
        };
        let passed = Some((host(2), host(1)));
        assert_eq!(told(&[(1, 100), (2, 101)]), passed);
        assert_eq!(told(&[(2, 101), (1, 100)]), passed);
        assert_eq!(told(&[(1, 100), (1, 110)]), None, "its own once more");
        assert_eq!(told(&[(1, 100)]), None);
    }

    #[test]
    fn the_oldest_go() {
        let mut steps = Steps::default();
        for n in 1..100_000 {
            assert_eq!(steps.begun(Study(n), host(1), at(0)), None);
        }
        assert_eq!((steps.of.len(), steps.order.len()), (MANY, MANY));
        assert!(steps.begun(Study(99_999), host(2), at(1)).is_some());
        assert_eq!(steps.begun(Study(7), host(2), at(1)), None);
    }
}
