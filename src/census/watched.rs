//! When somebody watched: what was said before and after a time of which nothing is known
//! may be of two, for an older capture may tell later who had an address meanwhile.

use super::Census;
use super::activity::method::FILE_GAP;
use crate::time::Timestamp;
use crate::time::minutes::Minutes;

/// Minutes in which an address may go to another unseen.
const UNSEEN: i64 = 10;

/// Minutes in which somebody watched.
#[derive(Default)]
pub(super) struct Watched(Minutes);

impl Watched {
    /// Somebody did from one minute to before another.
    pub(super) fn add(&mut self, from: i64, to: i64) {
        self.0.add(from, to);
    }

    /// Whether an address may have gone to another unseen between two times. Where it is
    /// not known when anybody watched, all was seen.
    pub(super) fn missed(&self, from: Timestamp, to: Timestamp) -> bool {
        let (from, to) = (from.minute().saturating_add(1), to.minute());
        to.saturating_sub(from) >= UNSEEN && !self.0.is_empty() && self.0.misses(from, to, UNSEEN)
    }
}

impl Census {
    /// A capture begins or ends in a minute. Who records into one file after the other has
    /// watched between two as well, where the pause is one that may be within a file.
    pub fn seam(&mut self, minute: i64) {
        let Self { watched: Watched(all), .. } = self;
        let before = all.within(minute.saturating_sub(FILE_GAP), minute).last();
        let next = minute.saturating_add(1);
        let after = all.within(next, next.saturating_add(FILE_GAP)).first();
        let (from, to) = (before.unwrap_or(minute), after.unwrap_or(next));
        self.watched(from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn what_nobody_watched_for_ten_minutes_was_missed() {
        let mut it = Watched::default();
        let missed = |it: &Watched, from: i64, to: i64| {
            let at = |minute: i64| Timestamp(minute * 60 * SECOND);
            it.missed(at(from), at(to))
        };
        assert!(!missed(&it, 0, 1000), "nobody says when he watched");
        for (from, to) in [(0, 100), (109, 200), (210, 300)] {
            it.add(from, to);
        }
        assert!(!missed(&it, 50, 150), "nine minutes");
        assert!(missed(&it, 150, 250) && missed(&it, 150, 210) && missed(&it, 199, 299));
        assert!(missed(&it, 299, 310) && !missed(&it, 299, 309) && missed(&it, -30, 5));
        it.add(199, 211);
        assert!(!missed(&it, 0, 299));
    }
}
