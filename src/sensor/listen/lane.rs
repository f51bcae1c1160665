//! One queue of one interface with its own worker: a thread that never waits for
//! anything but frames.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::outlet::Outlet;
use super::placement::stay_on;
use crate::sensor::{Share, Worker};
use crate::time::{SECOND, Timestamp};
use crate::wire::capture::Frame;
use crate::wire::capture::live::{Fault, Loss, Source};
use crate::wire::capture::privilege::confine_worker;

/// How long a lane waits for frames before it looks at the clock.
const WAIT: Duration = Duration::from_millis(100);
/// How long it still reads when it is told to stop: several times as long as the kernel
/// may keep frames to itself.
const LAST: Duration = Duration::from_millis(100);
/// How often it tells what it counted.
const REPORT: Duration = Duration::from_millis(250);
/// The same where other workers may hand something over meanwhile.
const WAIT_SHARED: Duration = Duration::from_millis(2);
/// Observations handed over at once while frames keep coming.
const MANY: usize = 4096;

/// Packet time may differ from the system's clock by so many nanoseconds.
const APART: i64 = SECOND;

/// What a lane last told of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// When that was; never yet.
    pub(super) at: Option<Instant>,
    /// Everything counted since the lane began, by name.
    pub(super) counters: BTreeMap<String, u64>,
    /// Why no frames come, while that is so.
    pub(super) fault: Option<String>,
    /// It wants another source.
    pub(super) gone: bool,
    /// How far packet time is ahead of the system's clock, in nanoseconds; 0 within a
    /// second.
    pub(super) ahead: i64,
    /// Frames pass its source by: it wants another one.
    pub(super) passed: bool,
}

/// See the module.
pub(super) struct Lane {
    /// None while its interface is gone.
    pub(super) source: Option<Box<dyn Source>>,
    /// Brings another source when the interface is back.
    pub(super) fresh: Receiver<Box<dyn Source>>,
    /// Where the sensor's workers share its frames among them.
    pub(super) share: Option<Share>,
    /// The processor that it stays on.
    pub(super) cpu: Option<usize>,
    pub(super) outlet: Outlet,
    pub(super) report: Arc<Mutex<Report>>,
    pub(super) stop: Arc<AtomicBool>,
    /// Says who logs on.
    pub(super) users: bool,
    /// What sources that are gone have lost.
    pub(super) before: Loss,
    pub(super) clock: PacketClock,
    pub(super) came: Came,
}

/// What came to a lane's own queue, whoever reads it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    frames: u64,
    bytes: u64,
    /// When the last one was stamped; none since the clock was last looked at.
    newest: Option<Timestamp>,
}

impl Came {
    fn see(&mut self, frames: &[Frame<'_>]) {
        self.newest = frames.last().map(|frame| frame.at).or(self.newest);
        self.frames = self.frames.saturating_add(u64::try_from(frames.len()).unwrap_or(0));
        let bytes = frames.iter().map(|frame| u64::from(frame.wire_len)).sum();
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The clock that stamps packets, beside the system's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PacketClock {
    /// How far it is ahead, as last said.
    ahead: i64,
    /// How often that has changed by more than a second.
    steps: u64,
}

impl PacketClock {
    /// A packet just read was stamped so.
    fn look(&mut self, packet: Timestamp, now: Timestamp) {
        let ahead = packet.since(now);
        if ahead.saturating_sub(self.ahead).saturating_abs() > APART {
            self.steps = self.steps.saturating_add(1);
            self.ahead = if ahead.saturating_abs() > APART { ahead } else { 0 };
        }
    }
}

impl Lane {
    /// Reads until it is told to stop, then closes what is open.
    pub(super) fn run(mut self) {
        // First of all: what the worker touches first is near it then.
        self.cpu.into_iter().for_each(stay_on);
        // Where the kernel cannot, `confine` has said so; and what it put on the process
        // holds for this thread too.
        let _ = confine_worker();
        let mut worker = Worker::default();
        worker.name_users(self.users);
        let mut told: Option<Instant> = None;
        let mut fault = None;
        while !self.stop.load(Ordering::Relaxed) {
            if let Ok(source) = self.fresh.try_recv() {
                // What the one before still has.
                if self.source.is_some() {
                    let _ = self.receive(&mut worker);
                }
                self.before = self.loss();
                self.source = Some(source);
                fault = None;
            }
            let due = told.is_none_or(|told| told.elapsed() >= REPORT);
            match self.receive(&mut worker) {
                Ok(frames) => {
                    // An interface that is up again says so before its first frame; one that
                    // is gone is, although others hand frames over.
                    if self.source.is_some() {
                        fault = None;
                    }
                    if frames == 0 {
                        worker.idle(now());
                    // Of its own card: what others hand over has another's stamp.
                    } else if due && let Some(newest) = self.came.newest.take() {
                        self.clock.look(newest, now());
                    }
                }
                Err(why) => {
                    if matches!(why, Fault::Gone) {
                        self.before = self.loss();
                        self.source = None;
                    }
                    fault = Some(why);
                }
            }
            self.outlet.offer(worker.observed());
            if due {
                told = Some(Instant::now());
                self.tell(&worker, fault.as_ref());
            }
        }
        // What came before the end and the kernel has not yet handed over.
        let end = Instant::now();
        while end.elapsed() < LAST && self.receive(&mut worker).is_ok() {}
        worker.finish();
        self.outlet.offer(worker.observed());
        self.tell(&worker, fault.as_ref());
    }

    /// Reads what has come to this queue and what other workers have handed over.
    fn receive(&mut self, worker: &mut Worker) -> Result<usize, Fault> {
        let Self { source, share, outlet, came, .. } = self;
        let mut frames = 0;
        if let Some(share) = share {
            frames = share.receive(now(), |frames| worker.read(frames));
        }
        let Some(source) = source else {
            std::thread::sleep(if share.is_some() { WAIT_SHARED } else { WAIT });
            return Ok(frames);
        };
        let wait = if share.is_some() { WAIT_SHARED } else { WAIT };
        let received = source.receive(wait, &mut |frames| {
            came.see(frames);
            match share {
                Some(share) => worker.read_share(frames, share),
                None => worker.read(frames),
            }
            if worker.waiting() >= MANY {
                outlet.offer(worker.observed());
            }
        });
        if let Some(share) = share {
            share.flush();
        }
        if matches!(received, Err(Fault::Down | Fault::Io(_))) {
            std::thread::sleep(WAIT);
        }
        Ok(frames.saturating_add(received?))
    }

    /// What the kernel lost, of all sources so far.
    fn loss(&mut self) -> Loss {
        let now = self.source.as_mut().map(|source| source.loss()).unwrap_or_default();
        self.before.and(now)
    }

    fn tell(&mut self, worker: &Worker, fault: Option<&Fault>) {
        // When it is told of what is not older than that.
        let at = Some(Instant::now());
        let mut counters = worker.counters();
        let refused = self.outlet.refused();
        let (handed, unread) = self.share.as_ref().map(Share::counts).unwrap_or_default();
        let loss = self.loss();
        for (name, n) in [
            ("queue.repeats", refused.repeats),
            ("queue.lost", refused.observations),
            ("workers.handed", handed),
            ("lost.workers", unread),
            ("lost.ring", loss.ring_full),
            ("lost.fill", loss.fill_empty),
            ("lost.invalid", loss.invalid),
            ("lost.host", loss.passed),
            ("frames", self.came.frames),
            ("bytes", self.came.bytes),
            ("cut.capture", loss.cut),
            ("clock.steps", self.clock.steps),
        ] {
            counters.insert(name.to_owned(), n);
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: a source that is on its way must not be asked for again.
        let coming = !self.fresh.is_empty();
        let fault = fault.filter(|_| !coming).map(ToString::to_string);
        let gone = self.source.is_none() && !coming;
        let passed = loss.passed > self.before.passed;
        *report = Report { at, counters, fault, gone, ahead: self.clock.ahead, passed };
    }
}

/// The system's clock, which stamps live packets: only where none come is it asked.
#[allow(clippy::disallowed_methods, reason = "packet time of an idle mirror is the system's")]
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_clock_of_its_own_is_a_step_each_time_it_moves() {
        let mut clock = PacketClock::default();
        let look = |clock: &mut PacketClock, ahead: i64| {
            clock.look(Timestamp::new(1_000_000 + ahead, 0), Timestamp::new(1_000_000, 5));
            (clock.steps, clock.ahead / SECOND)
        };
        assert_eq!(look(&mut clock, 0), (0, 0));
        // A card that keeps TAI.
        assert_eq!(look(&mut clock, 38), (1, 37));
        assert_eq!(look(&mut clock, 38), (1, 37));
        assert_eq!(look(&mut clock, 0), (2, 0));
        assert_eq!(look(&mut clock, -900_000), (3, -900_000));
    }
}
