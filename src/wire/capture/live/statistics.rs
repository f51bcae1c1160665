//! What an interface says that it dropped itself, before anybody could read it.

use std::fs;
use std::path::Path;

/// What is dropped for different reasons (`struct rtnl_link_stats64`).
const REASONS: [&str; 3] = ["rx_dropped", "rx_missed_errors", "rx_length_errors"];
/// Two names under which drivers count the same: no buffer was free.
const NO_BUFFER: [&str; 2] = ["rx_over_errors", "rx_fifo_errors"];

/// Frames that came to an interface since it is there and that it dropped itself; none
/// where it is not there, or nobody may ask.
#[must_use]
pub fn dropped(interface: &str) -> Option<u64> {
    of(&Path::new("/sys/class/net").join(interface).join("statistics"))
}

fn of(directory: &Path) -> Option<u64> {
    let read = |name: &&str| fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok();
    let reasons: Vec<u64> = REASONS.iter().filter_map(read).collect();
    let no_buffer: Option<u64> = NO_BUFFER.iter().filter_map(read).max();
    // Without the first there are none.
    reasons.first()?;
    Some(reasons.into_iter().chain(no_buffer).fold(0, u64::saturating_add))
}

/// Counts what was dropped while it is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropped {
    last: Option<u64>,
    /// Frames so far.
    pub frames: u64,
}

impl Dropped {
    /// From what an interface says now.
    #[must_use]
    pub fn since_now(interface: &str) -> Self {
        Self { last: dropped(interface), frames: 0 }
    }

    /// What it says now; where it is gone, another one may come, which begins at 0.
    pub fn look(&mut self, now: Option<u64>) {
        let (Some(last), Some(said)) = (self.last, now) else {
            self.last = Some(now.unwrap_or(0));
            return;
        };
        let more = said.checked_sub(last).unwrap_or(said);
        self.frames = self.frames.saturating_add(more);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_drop_under_two_names_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of(dir.path()), None);
        for (name, n) in
            REASONS.iter().chain(&NO_BUFFER).zip(["1\n", "20\n", "300\n", "4000\n", "5000\n"])
        {
            fs::write(dir.path().join(name), n).unwrap();
        }
        assert_eq!(of(dir.path()), Some(5321));
        assert!(dropped("lo").is_some() && dropped("no-such-if0").is_none());
    }

    #[test]
    fn drops_are_counted_from_the_start_over_another_interface_too() {
        let mut dropped = Dropped { last: Some(100), frames: 0 };
        let mut look = |now| {
            dropped.look(now);
            dropped.frames
        };
        assert_eq!(look(Some(100)), 0);
        assert_eq!(look(Some(107)), 7);
        assert_eq!(look(Some(3)), 10, "another one of this name");
        assert_eq!((look(None), look(Some(5))), (10, 15), "gone, and back");
        let mut unknown = Dropped::default();
        unknown.look(Some(500));
        assert_eq!(unknown.frames, 0, "what was before is not known");
    }
}
