//! Of which equipment work was told lately: a gateway tells of a thousand beds every few
//! seconds, and of each a word a minute is enough. Apart from what is remembered of speakers,
//! of whom one has room for a few things.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;

use super::limits::{PRESENT_EVERY, SEEN_PIECES};
use super::second;
use super::seen::{Thing, remember};
use crate::net::HostId;
use crate::time::Timestamp;

/// Things that stand side by side: any of them may be the oldest.
const BESIDE: usize = 4;

/// So many times.
const SETS: usize = SEEN_PIECES / BESIDE;

/// See the module.
#[derive(Default)]
pub(super) struct Pieces {
    /// None until something is told.
    sets: Vec<[Thing; BESIDE]>,
    hasher: FixedState,
}

impl Pieces {
    /// Whether this was not yet said of a speaker in this minute of the clock; remembers that
    /// it was. What is driven out is said again, and changes nothing.
    pub(super) fn is_news(&mut self, host: &HostId, what: impl Hash, at: Timestamp) -> bool {
        if self.sets.is_empty() {
            self.sets = vec![[Thing::default(); BESIDE]; SETS];
        }
        let (print, now) = (self.hasher.hash_one((host, what)), second(at));
        let home = usize::try_from(print >> 32).unwrap_or_default() % SETS;
        let Some(set) = self.sets.get_mut(home) else { return true };
        remember(set, print, now, u64::from(now % PRESENT_EVERY).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_beds_are_told_of_once_a_minute() {
        let mut pieces = Pieces::default();
        let host = HostId::default();
        let mut told = |bed: u64, second| pieces.is_news(&host, bed, Timestamp::new(second, 0));
        let mut all = |second| (0..1000).filter(|bed| told(*bed, second)).count();
        assert_eq!(all(600), 1000);
        // A few drive each other out.
        assert!(all(615) < 50 && all(659) < 50);
        assert_eq!(all(660), 1000, "the next minute");
        // Whoever invents beds is told of, and takes no more room.
        assert!((0..1_000_000).filter(|bed| told(*bed, 670)).count() > 900_000);
        assert_eq!(pieces.sets.len() * BESIDE, SEEN_PIECES);
        assert!(told_by_another(&mut pieces));
    }

    fn told_by_another(pieces: &mut Pieces) -> bool {
        let other = HostId { ip: Some([10, 0, 0, 1].into()), ..HostId::default() };
        let at = Timestamp::new(700, 0);
        pieces.is_news(&HostId::default(), 7, at) && pieces.is_news(&other, 7, at)
    }
}
