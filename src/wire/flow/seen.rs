//! The redundancy cache: what was said of a host a moment ago is not said again.
//! Only what passes it is copied to the heap.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::limits::{REPEAT_AFTER, SEEN_ENTRIES};
use crate::net::HostId;
use crate::observe::Observed;
use crate::time::Timestamp;

const WAYS: usize = 4;

/// Fingerprints that share a place, with the time each was last let through: one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set([(u64, i64); WAYS]);

/// A fixed table of fingerprints.
pub(super) struct Seen {
    sets: Vec<Set>,
    hasher: FixedState,
    mask: u64,
}

impl Seen {
    /// For an engine with room for so many flows.
    pub(super) fn new(flows: usize) -> Self {
        let sets = flows.checked_next_power_of_two().unwrap_or(SEEN_ENTRIES / WAYS);
        let sets = sets.clamp(1, SEEN_ENTRIES / WAYS);
        let mask = u64::try_from(sets.saturating_sub(1)).unwrap_or(0);
        let none = Set([(0, i64::MIN); WAYS]);
        Self { sets: vec![none; sets], hasher: FixedState::default(), mask }
    }

    /// Whether this is worth saying now; remembers that it was said.
    pub(super) fn is_news(&mut self, host: &HostId, what: &Observed<'_>, at: Timestamp) -> bool {
        // A present host differs by minute alone: its TTL is carried, not compared.
        let print = match what {
            Observed::Present(_) => self.hasher.hash_one((host, "present")),
            other => self.hasher.hash_one((host, other)),
        };
        self.fresh(print, at, REPEAT_AFTER)
    }

    /// Whether `print` was not let through within `period` nanoseconds before `at`.
    fn fresh(&mut self, print: u64, at: Timestamp, period: i64) -> bool {
        let place = usize::try_from(print & self.mask).unwrap_or(0);
        let Some(Set(bucket)) = self.sets.get_mut(place) else { return true };
        if let Some((_, said)) = bucket.iter_mut().find(|(p, _)| *p == print) {
            let age = at.0.saturating_sub(*said);
            // A clock that stepped back far is a new time, not an old one.
            if age.unsigned_abs() < period.unsigned_abs() {
                return false;
            }
            *said = at.0;
            return true;
        }
        if let Some(oldest) = bucket.iter_mut().min_by_key(|(_, said)| *said) {
            *oldest = (print, at.0);
        }
        true
    }

    /// As [`Self::is_news`] for anything hashable with a period of its own.
    pub(super) fn is_due(&mut self, what: impl Hash, at: Timestamp, period: i64) -> bool {
        let print = self.hasher.hash_one(what);
        self.fresh(print, at, period)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::observe::Key;

    #[test]
    fn repeats_are_dropped_for_a_while() {
        let mut seen = Seen::new(SEEN_ENTRIES);
        let host = HostId::default();
        let what = Observed::Fact(Key::new("a.b"), Cow::Borrowed("x"));
        let other = Observed::Fact(Key::new("a.b"), Cow::Borrowed("y"));
        assert!(seen.is_news(&host, &what, Timestamp(0)));
        assert!(!seen.is_news(&host, &what, Timestamp(REPEAT_AFTER - 1)));
        assert!(seen.is_news(&host, &other, Timestamp(1)));
        assert!(seen.is_news(&host, &what, Timestamp(REPEAT_AFTER)));
    }
}
