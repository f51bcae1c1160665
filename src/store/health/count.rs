//! What a port brought and what of it was lost: the one place that says so.

use rusqlite::Row;

/// The counters that are kept, by name.
pub const COUNTED: [&str; 14] = [
    "frames",
    "bytes",
    "lost.ring",
    "lost.fill",
    "lost.invalid",
    "lost.workers",
    "cut",
    "queue.lost",
    "queue.repeats",
    "acks",
    "acks.unseen",
    "clock.steps",
    "lost.interface",
    "lost.host",
];

/// Of these, frames that no worker ever had.
const LOST: [&str; 5] = ["lost.ring", "lost.fill", "lost.invalid", "lost.interface", "lost.host"];

/// What a port did within some seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Seconds in which all of its workers were reading.
    pub observed: u64,
    /// In the order of [`COUNTED`].
    pub counts: [u64; COUNTED.len()],
}

/// The first second of the minute of the clock in which one is: loss is told by minutes.
#[must_use]
pub const fn minute(at: i64) -> i64 {
    at.div_euclid(60).saturating_mul(60)
}

impl Health {
    /// What counters say by their names; others than [`COUNTED`] count nothing here.
    pub fn of_counters<'c>(all: impl IntoIterator<Item = (&'c str, u64)>) -> Self {
        let mut health = Self::default();
        for (name, n) in all {
            let counted = COUNTED.iter().zip(&mut health.counts).find(|(it, _)| **it == name);
            counted.into_iter().for_each(|(_, count)| *count = count.saturating_add(n));
        }
        health
    }

    /// One of [`COUNTED`]; 0 for any other.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        let all = COUNTED.iter().zip(&self.counts);
        all.filter(|(counted, _)| **counted == name).map(|(_, n)| *n).sum()
    }

    /// Frames that were on the port and that nobody read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        LOST.map(|name| self.get(name)).iter().sum::<u64>() + self.get("lost.workers")
    }

    /// Frames that were on the port, as far as the kernel told of them. What one worker
    /// has handed to another in vain is already among its frames.
    #[must_use]
    pub fn came(&self) -> u64 {
        LOST.map(|name| self.get(name)).iter().sum::<u64>() + self.get("frames")
    }

    /// Which share of the frames that came nobody read.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub fn share(&self) -> f64 {
        self.lost() as f64 / self.came().max(1) as f64
    }

    /// Whether so much was lost that it is told: this share of what came, or more.
    #[must_use]
    pub fn is_loss(&self, alarm: f64) -> bool {
        self.lost() > 0 && self.share() >= alarm
    }

    /// What was lost, of how much, in words.
    #[must_use]
    pub fn loss(&self) -> String {
        format!("{} of {} frames ({:.3} %)", self.lost(), self.came(), 100.0 * self.share())
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.observed = self.observed.saturating_add(other.observed);
        for (n, more) in self.counts.iter_mut().zip(&other.counts) {
            *n = n.saturating_add(*more);
        }
    }

    /// From a column of a row on.
    pub(super) fn of(row: &Row<'_>, from: usize) -> rusqlite::Result<Self> {
        let get = |at: usize| row.get::<_, i64>(from + at).map(i64::unsigned_abs);
        let mut health = Self { observed: get(0)?, ..Self::default() };
        for (at, n) in (1..).zip(&mut health.counts) {
            *n = get(at)?;
        }
        Ok(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_share_of_what_came() {
        let all = [("frames", 900), ("lost.ring", 60), ("lost.host", 40), ("lost.workers", 10)];
        let it = Health::of_counters(all.into_iter().chain([("flows", 7)]));
        // What one worker handed to another in vain is among the frames.
        assert_eq!((it.lost(), it.came(), it.share()), (110, 1000, 0.11));
        assert_eq!(it.loss(), "110 of 1000 frames (11.000 %)");
        assert!(it.is_loss(0.11) && !it.is_loss(0.111));
        assert!(!Health::default().is_loss(0.0), "of nothing nothing is lost");
        assert_eq!([-61, -60, -1, 0, 59, 60].map(minute), [-120, -60, -60, 0, 0, 60]);
    }
}
