//! What an interface says that it dropped itself, before anybody could read it.

use std::fs;
use std::path::Path;
use std::time::Instant;

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

/// Whether an interface has a carrier: a cable, and a partner that is switched on. None where
/// nobody can say, as of an interface that is down.
#[must_use]
pub fn has_carrier(interface: &str) -> Option<bool> {
    let path = Path::new("/sys/class/net").join(interface).join("carrier");
    Some(fs::read_to_string(path).ok()?.trim() != "0")
}

fn of(directory: &Path) -> Option<u64> {
    let read = |name: &&str| fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok();
    let reasons: Vec<u64> = REASONS.iter().filter_map(read).collect();
    let no_buffer: Option<u64> = NO_BUFFER.iter().filter_map(read).max();
    // Without the first there are none.
    reasons.first()?;
    Some(reasons.into_iter().chain(no_buffer).fold(0, u64::saturating_add))
}

/// What an interface dropped itself, beside what sockets did not take: of AF_XDP the driver
/// counts both. Sockets tell later than the driver is asked, so what it answered is held
/// against what all of them told after that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// When it was asked, and what it had dropped by then.
    asked: Option<(Instant, u64)>,
    /// Frames so far.
    pub frames: u64,
}

impl Beside {
    /// What the driver has dropped by `now`, and what the sockets had not taken when the one
    /// that said so first did: `told`.
    pub fn look(&mut self, (now, dropped): (Instant, u64), (told, missed): (Option<Instant>, u64)) {
        if let Some((asked, dropped)) = self.asked
            && told.is_some_and(|told| told > asked)
        {
            self.frames = self.frames.max(dropped.saturating_sub(missed));
            self.asked = None;
        }
        self.asked.get_or_insert((now, dropped));
    }

    /// The same where sockets miss nothing that the driver counts, but what they `missed`
    /// before.
    pub fn look_alone(&mut self, dropped: u64, missed: u64) {
        self.frames = self.frames.max(dropped.saturating_sub(missed));
        self.asked = None;
    }
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
    use std::time::Duration;

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
    fn what_a_socket_missed_is_not_counted_again_as_the_drivers() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let mut beside = Beside::default();
        let mut look = |now, dropped, told: Option<u64>, missed| {
            beside.look((at(now), dropped), (told.map(at), missed));
            beside.frames
        };
        assert_eq!(look(0, 0, None, 0), 0);
        // The driver tells of 900 at once, the socket of what it was before.
        assert_eq!(look(250, 900, Some(100), 0), 0);
        assert_eq!(look(500, 900, Some(300), 900), 0, "what was asked at first is over");
        assert_eq!(look(750, 907, Some(400), 900), 0, "told before it was asked");
        assert_eq!(look(1000, 907, Some(700), 900), 0);
        assert_eq!(look(1250, 907, Some(1100), 900), 7, "its own");
        assert_eq!(look(1500, 1907, Some(1400), 1900), 7, "none goes away");
        beside.look_alone(1950, 1900);
        assert_eq!(beside.frames, 50);
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
