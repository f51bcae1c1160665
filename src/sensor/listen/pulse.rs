//! The pulse of the sensor: second by second what each port brought and lost, whether all
//! of its lanes were reading, and whether the clocks go evenly.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Lately;
use crate::store::{COUNTED, Health, minute};
use crate::time::{SECOND, Timestamp};

/// The system's clock beside one that nobody can set.
pub(super) struct Clock {
    at: Timestamp,
    seen: Instant,
    /// Steps of more than a second so far, and the last of them in nanoseconds.
    pub(super) steps: u64,
    pub(super) last_step: i64,
}

impl Clock {
    pub(super) const fn new(at: Timestamp, seen: Instant) -> Self {
        Self { at, seen, steps: 0, last_step: 0 }
    }

    /// Another look at both.
    pub(super) fn look(&mut self, at: Timestamp, seen: Instant) {
        let passed = nanos(seen.saturating_duration_since(self.seen));
        let step = at.since(self.at).saturating_sub(passed);
        if step.saturating_abs() > SECOND {
            self.steps = self.steps.saturating_add(1);
            self.last_step = step;
        }
        (self.at, self.seen) = (at, seen);
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// One port's pulse.
pub(super) struct Pulse {
    /// Counters up to which everything is in a row.
    before: [u64; COUNTED.len()],
    /// The second that is open, and when it began.
    second: i64,
    begun: Instant,
    /// All lanes were reading at every look of it.
    watched: bool,
    /// The last row: where it begins and where it ends, in seconds.
    row: Option<(i64, i64)>,
    /// The minute that is open, and the last one that is over: a second is of that in which
    /// its row begins.
    open: Lately,
    lately: Lately,
}

impl Pulse {
    pub(super) fn new(at: Timestamp, begun: Instant) -> Self {
        let (before, second) = ([0; COUNTED.len()], at.seconds());
        let open = Lately { at: minute(second), ..Lately::default() };
        Self { before, second, begun, watched: true, row: None, open, lately: Lately::default() }
    }

    /// Looks at a port. When its second is over, `note` takes what is to be added to the
    /// row that begins at a second.
    pub(super) fn look(
        &mut self,
        (at, seen): (Timestamp, Instant),
        watched: bool,
        counters: &BTreeMap<String, u64>,
        note: impl FnOnce(i64, &Health),
    ) {
        self.watched &= watched;
        let second = at.seconds();
        if second == self.second {
            return;
        }
        let mut health = Health::default();
        let now = COUNTED.map(|name| counters.get(name).copied().unwrap_or(0));
        for ((n, now), before) in health.counts.iter_mut().zip(now).zip(self.before) {
            *n = now.saturating_sub(before);
        }
        self.before = now;
        let passed = seen.saturating_duration_since(self.begun);
        if self.watched {
            // By the clock as long as it goes evenly, so that every second counts once.
            let (by_clock, by_time) = (second.saturating_sub(self.second), seconds(passed));
            let even = by_clock.abs_diff(by_time) <= 1;
            health.observed = if even { by_clock } else { by_time }.unsigned_abs();
        }
        self.remember(&health, second);
        self.say(health, note);
        (self.second, self.begun, self.watched) = (second, seen, watched);
    }

    /// The end: what the second brought that is open, although it was not watched as a
    /// whole.
    pub(super) fn end(
        &mut self,
        counters: &BTreeMap<String, u64>,
        note: impl FnOnce(i64, &Health),
    ) {
        let next = Timestamp::new(self.second.saturating_add(1), 0);
        self.look((next, self.begun), false, counters, note);
    }

    /// Says what the second that is open brought.
    fn say(&mut self, health: Health, note: impl FnOnce(i64, &Health)) {
        let end = self.second.saturating_add(i64::try_from(health.observed).unwrap_or(0));
        let quiet = health.counts.iter().all(|n| *n == 0);
        match &mut self.row {
            _ if quiet && health.observed == 0 => self.row = None,
            // The row before goes on: nothing more came. But not into another minute.
            Some((begin, until))
                if quiet
                    && *until == self.second
                    && begin.div_euclid(60) == self.second.div_euclid(60) =>
            {
                *until = end;
                note(*begin, &health);
            }
            _ => {
                self.row = (health.observed > 0).then_some((self.second, end));
                note(self.second, &health);
            }
        }
    }

    /// Adds what the second that is open brought to its minute, which may be over by now.
    fn remember(&mut self, health: &Health, now: i64) {
        self.open.health.add(health);
        if minute(now) != self.open.at {
            self.lately = self.open;
            self.open = Lately { at: minute(now), ..Lately::default() };
        }
    }

    /// The last minute that is over.
    pub(super) const fn lately(&self) -> Lately {
        self.lately
    }
}

/// Whole seconds, the nearest.
fn seconds(passed: Duration) -> i64 {
    nanos(passed).saturating_add(SECOND / 2).div_euclid(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that is looked at four times a second.
    struct Port {
        pulse: Pulse,
        begun: Instant,
        passed: Duration,
        /// What the system's clock is ahead.
        ahead: i64,
        counters: BTreeMap<String, u64>,
        rows: BTreeMap<i64, Health>,
        said: usize,
    }

    impl Port {
        fn new() -> Self {
            let begun = Instant::now();
            Self {
                pulse: Pulse::new(Timestamp::new(6000, 0), begun),
                begun,
                passed: Duration::ZERO,
                ahead: 0,
                counters: BTreeMap::new(),
                rows: BTreeMap::new(),
                said: 0,
            }
        }

        fn time(&self) -> (Timestamp, Instant) {
            let at = Timestamp::new(6000, 0).0 + nanos(self.passed) + self.ahead;
            (Timestamp(at), self.begun + self.passed)
        }

        fn pass(&mut self, looks: usize, each: Duration, frames: u64, watched: bool) {
            for _ in 0..looks {
                self.passed += each;
                *self.counters.entry("frames".into()).or_default() += frames;
                let time = self.time();
                self.pulse.look(time, watched, &self.counters, |at, health| {
                    self.rows.entry(at).or_default().add(health);
                    self.said += 1;
                });
            }
        }

        fn sums(&self) -> (u64, u64) {
            let mut all = Health::default();
            self.rows.values().for_each(|row| all.add(row));
            (all.observed, all.get("frames"))
        }
    }

    const BEAT: Duration = Duration::from_millis(250);

    #[test]
    fn every_second_is_observed_once_and_every_frame_counted_once() {
        let mut port = Port::new();
        port.pass(40, BEAT, 3, true);
        assert_eq!(port.sums(), (10, 120));
        assert_eq!(port.rows.len(), 10);
        // The census was busy for a while: one row for all of it.
        port.pass(1, Duration::from_millis(4300), 50, true);
        assert_eq!((port.rows.len(), port.sums()), (11, (14, 170)));
        port.pass(8, BEAT, 1, true);
        assert_eq!(port.sums().0, 16);
    }

    #[test]
    fn silence_is_a_row_a_minute_and_a_gap_is_none() {
        let mut port = Port::new();
        port.pass(4 * 300, BEAT, 0, true);
        assert_eq!((port.rows.len(), port.sums()), (5, (300, 0)));
        port.pass(4 * 60, BEAT, 0, false);
        assert_eq!((port.rows.len(), port.sums()), (5, (300, 0)), "nobody watched");
        port.pass(4, BEAT, 7, false);
        assert_eq!(port.sums(), (300, 28), "some lanes did read");
        port.pass(4 * 10, BEAT, 0, true);
        // The second in which it began again was not watched as a whole.
        assert_eq!(port.sums(), (309, 28));
        port.counters.insert("frames".into(), 30);
        let Port { pulse, counters, rows, .. } = &mut port;
        pulse.end(counters, |at, health| rows.entry(at).or_default().add(health));
        assert_eq!(port.sums(), (309, 30), "nothing is left over");
    }

    #[test]
    fn a_clock_that_steps_makes_no_seconds() {
        let mut port = Port::new();
        let mut clock = Clock::new(port.time().0, port.time().1);
        port.pass(20, BEAT, 1, true);
        for ahead in [3_600, -86_400, 0, 1_000_000_000] {
            port.ahead = ahead * SECOND;
            port.pass(40, BEAT, 1, true);
            let (at, seen) = port.time();
            clock.look(at, seen);
        }
        assert_eq!(clock.steps, 4);
        assert_eq!(clock.last_step, 1_000_000_000 * SECOND);
        let (observed, frames) = port.sums();
        assert_eq!(frames, 180);
        assert!((44..=46).contains(&observed), "{observed}");
        port.passed += Duration::from_secs(5);
        clock.look(port.time().0, port.time().1);
        assert_eq!(clock.steps, 4, "being late is no step");
    }

    #[test]
    fn loss_of_late_is_that_of_a_whole_minute_of_the_clock() {
        let mut port = Port::new();
        // Begun at the full minute, 100.
        port.pass(4 * 30, BEAT, 5, true);
        port.counters.insert("lost.ring".into(), 10);
        assert_eq!(port.pulse.lately(), Lately::default(), "none is over");
        port.pass(4 * 30, BEAT, 5, true);
        // What is stored of that minute, and so what alerts are told of.
        let stored = |port: &Port, at: i64| {
            let mut all = Health::default();
            port.rows.range(at..at + 60).for_each(|(_, row)| all.add(row));
            Lately { at, health: all }
        };
        let over = port.pulse.lately();
        assert_eq!((over, over.health.lost()), (stored(&port, 6000), 10));
        // The beats of a busy census: a row that goes into the next minute is of its own.
        port.pass(4 * 58, BEAT, 5, true);
        port.counters.insert("lost.ring".into(), 17);
        port.pass(1, Duration::from_secs(5), 5, true);
        assert_eq!(port.pulse.lately(), stored(&port, 6060));
        assert_eq!(port.pulse.lately().health.lost(), 7);
        port.pass(4 * 60, BEAT, 5, true);
        assert_eq!(port.pulse.lately(), stored(&port, 6120));
        assert_eq!(port.pulse.lately().health.lost(), 0);
    }
}
