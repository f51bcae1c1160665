//! In which frame it was first seen that two talk: for those to whom a new partner is told,
//! soon after. Nothing of it is stored.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::host::Evidence;
use crate::net::HostId;

/// Meetings remembered; the oldest go. Between two publications, a minute, a hospital that
/// is known has fewer; at a time when more meet, everything is new.
const MANY: usize = 1 << 12;

/// By speaker: whom it met, and where that was said.
#[derive(Default)]
pub(super) struct Meetings {
    of: HashMap<HostId, Vec<(HostId, Evidence)>, RandomState>,
    order: VecDeque<HostId>,
}

impl Meetings {
    /// Somebody was met for the first time.
    pub(super) fn note(&mut self, who: HostId, whom: HostId, evidence: Evidence) {
        if self.order.len() >= MANY
            && let Some(oldest) = self.order.pop_front()
            && let Some(all) = self.of.get_mut(&oldest)
        {
            // In the order in which they were noted.
            all.drain(..all.len().min(1));
            if all.is_empty() {
                self.of.remove(&oldest);
            }
        }
        self.order.push_back(who);
        self.of.entry(who).or_default().push((whom, evidence));
    }

    /// Whom a speaker has met of late.
    pub(super) fn of(&self, who: &HostId) -> &[(HostId, Evidence)] {
        self.of.get(who).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Segment;

    #[test]
    fn the_oldest_go() {
        let host =
            |vni| HostId { segment: Segment { vni, ..Segment::default() }, ..HostId::default() };
        let mut meetings = Meetings::default();
        for n in 0..100_000 {
            meetings.note(host(n % 7), host(n), Evidence { capture: 0, frame: u64::from(n) });
        }
        assert_eq!(meetings.order.len(), MANY);
        assert_eq!(meetings.of.values().map(Vec::len).sum::<usize>(), MANY);
        let last = Evidence { capture: 0, frame: 99_999 };
        assert_eq!(meetings.of(&host(99_999 % 7)).last(), Some(&(host(99_999), last)));
        assert!(meetings.of(&host(8)).is_empty());
    }
}
