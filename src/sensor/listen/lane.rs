//! One queue of one interface with its own worker: a thread that never waits for
//! anything but frames.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::outlet::Outlet;
use crate::sensor::Worker;
use crate::time::Timestamp;
use crate::wire::capture::live::{Fault, Source};
use crate::wire::capture::privilege::confine_worker;

/// How long a lane waits for frames before it looks at the clock.
const WAIT: Duration = Duration::from_millis(100);
/// How often it tells what it counted.
const REPORT: Duration = Duration::from_millis(250);
/// How long it waits before it asks a failing interface again.
const PAUSE: Duration = Duration::from_millis(250);
/// Observations handed over at once while frames keep coming.
const MANY: usize = 4096;

/// What a lane last told of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// Everything counted since the lane began, by name.
    pub(super) counters: BTreeMap<String, u64>,
    /// Why no frames come, while that is so.
    pub(super) fault: Option<String>,
}

/// See the module.
pub(super) struct Lane {
    pub(super) source: Box<dyn Source>,
    pub(super) outlet: Outlet,
    pub(super) report: Arc<Mutex<Report>>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Lane {
    /// Reads until it is told to stop or the interface is gone, then closes what is open.
    pub(super) fn run(mut self) {
        // Where the kernel cannot, `confine` has said so; and what it put on the process
        // holds for this thread too.
        let _ = confine_worker();
        let mut worker = Worker::default();
        let mut told: Option<Instant> = None;
        let mut fault = None;
        while !self.stop.load(Ordering::Relaxed) && !matches!(fault, Some(Fault::Gone)) {
            let outlet = &mut self.outlet;
            let received = self.source.receive(WAIT, &mut |frames| {
                worker.read(frames);
                if worker.waiting() >= MANY {
                    outlet.offer(worker.observed());
                }
            });
            match received {
                Ok(0) => worker.idle(now()),
                Ok(_) => fault = None,
                Err(why) => {
                    worker.idle(now());
                    fault = Some(why);
                    std::thread::sleep(PAUSE);
                }
            }
            self.outlet.offer(worker.observed());
            if told.is_none_or(|told| told.elapsed() >= REPORT) {
                told = Some(Instant::now());
                self.tell(&worker, fault.as_ref());
            }
        }
        worker.finish();
        self.outlet.offer(worker.observed());
        self.tell(&worker, fault.as_ref());
    }

    fn tell(&mut self, worker: &Worker, fault: Option<&Fault>) {
        let mut counters = worker.counters();
        let refused = self.outlet.refused();
        let loss = self.source.loss();
        for (name, n) in [
            ("queue.repeats", refused.repeats),
            ("queue.lost", refused.observations),
            ("lost.ring", loss.ring_full),
            ("lost.fill", loss.fill_empty),
            ("lost.invalid", loss.invalid),
            ("cut.capture", loss.cut),
        ] {
            counters.insert(name.to_owned(), n);
        }
        let fault = fault.map(ToString::to_string);
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Report { counters, fault };
    }
}

/// The system's clock, which stamps live packets: only where none come is it asked.
#[allow(clippy::disallowed_methods, reason = "packet time of an idle mirror is the system's")]
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
}
