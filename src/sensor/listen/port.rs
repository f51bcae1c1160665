//! One mirror port: an interface with a lane for each of its queues. A port whose
//! interface goes away is opened again when it is back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::lane::{Came, Lane, PacketClock, Report};
use super::outlet::Outlet;
use super::pulse::Pulse;
use super::{Lately, Turn};
use crate::observe::Observation;
use crate::sensor::Share;
use crate::store::Health;
use crate::time::Timestamp;
use crate::wire::capture::live::statistics::{Beside, Dropped, dropped, has_carrier};
use crate::wire::capture::live::{self, Loss, Method, OpenError, Opened, Options, Source, Spares};

/// A lane that tells nothing for so long reads nothing.
const STUCK: Duration = Duration::from_secs(3);

/// Why no frames come over a cable that is not there.
const NO_CARRIER: &str = "no carrier: the cable is out, or what is at its other end is off";

/// See the module.
pub(super) struct Port {
    pub(super) interface: String,
    /// Number of its counters' capture in the census.
    pub(super) capture: u32,
    options: Options,
    spares: Spares,
    /// How its frames come now.
    pub(super) method: Method,
    /// Why they do not come from what was opened at the start.
    pub(super) turned: Option<Turn>,
    /// What the interface has dropped itself.
    dropped: Dropped,
    /// Of these, what is counted as lost by a socket already: what one of AF_XDP does not
    /// take, the driver drops.
    of_sockets: u64,
    /// The rest.
    beside: Beside,
    /// Since when it has no carrier, and the frames until then.
    dark: Option<(Instant, u64)>,
    /// Why it could not be opened again although its interface is back.
    hindrance: Option<OpenError>,
    lanes: Vec<Running>,
    stop: Arc<AtomicBool>,
    /// What the inventory held of its counters when it began.
    before: BTreeMap<String, u64>,
    /// Steps of the system's clock.
    clock_steps: u64,
    pulse: Pulse,
}

/// One lane at work.
struct Running {
    thread: JoinHandle<()>,
    report: Arc<Mutex<Report>>,
    fresh: Sender<Box<dyn Source>>,
}

impl Running {
    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a lane is given beside its source.
#[derive(Default)]
pub(super) struct Seat {
    /// Its part, where workers share frames.
    pub(super) share: Option<Share>,
    /// The processor that it stays on.
    pub(super) cpu: Option<usize>,
    /// Whether it says who logs on.
    pub(super) users: bool,
}

/// What a lane sends to the census: observations, and of which capture they are.
pub(super) type Way = Sender<(u32, Vec<Observation>)>;

impl Port {
    /// Takes over an opened interface and begins to read; a seat for each of its sources.
    /// What is observed is of capture `evidence`.
    pub(super) fn start(
        interface: &str,
        (capture, evidence): (u32, u32),
        options: Options,
        opened: Opened,
        seats: impl Iterator<Item = Seat>,
        (way, before): (&Way, BTreeMap<String, u64>),
    ) -> std::io::Result<Self> {
        let (mut seats, stop) = (seats.fuse(), Arc::new(AtomicBool::new(false)));
        let start = |(queue, source)| {
            let report = Arc::new(Mutex::new(Report::default()));
            let (fresh, coming) = crossbeam_channel::bounded(1);
            let Seat { share, cpu, users } = seats.next().unwrap_or_default();
            let lane = Lane {
                source: Some(source),
                fresh: coming,
                share,
                cpu,
                users,
                outlet: Outlet::new(way.clone(), evidence),
                report: Arc::clone(&report),
                stop: Arc::clone(&stop),
                before: Loss::default(),
                clock: PacketClock::default(),
                came: Came::default(),
            };
            let name = format!("{interface}:{queue}");
            let thread = std::thread::Builder::new().name(name).spawn(|| lane.run())?;
            Ok(Running { thread, report, fresh })
        };
        let lanes: std::io::Result<_> = opened.sources.into_iter().enumerate().map(start).collect();
        Ok(Self {
            interface: interface.to_owned(),
            capture,
            options,
            spares: opened.spares,
            method: opened.method,
            turned: None,
            dropped: Dropped::since_now(interface),
            of_sockets: 0,
            beside: Beside::default(),
            dark: None,
            hindrance: None,
            lanes: lanes?,
            stop,
            before,
            clock_steps: 0,
            pulse: Pulse::new(super::lane::now(), Instant::now()),
        })
    }

    /// Whether all its lanes have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.thread.is_finished())
    }

    /// Gives its lanes new sources when its interface was gone and is back, or when frames
    /// come by queues that nobody reads. As long as it is gone this changes nothing.
    pub(super) fn look_after(&mut self) {
        let passed =
            self.method == Method::AfXdp && self.lanes.iter().any(|lane| lane.report().passed);
        if !passed && !self.lanes.iter().all(|lane| lane.report().gone) {
            return;
        }
        self.hindrance = None;
        let queues = u16::try_from(self.lanes.len()).unwrap_or(u16::MAX);
        match live::reopen(&self.interface, &self.options, queues, &mut self.spares) {
            Ok(sources) => {
                for (lane, source) in self.lanes.iter().zip(sources) {
                    // Nothing is in this way but what the lane has not yet taken.
                    let _ = lane.fresh.try_send(source);
                    let mut report = lane.report();
                    (report.gone, report.fault) = (false, None);
                }
                let before = std::mem::replace(&mut self.method, Method::AfPacket);
                let other_way = before != Method::AfPacket;
                self.turned = Some(if passed { Turn::Queues } else { Turn::Anew { other_way } });
            }
            // Otherwise what its lanes said last is true: it is gone.
            Err(error) => {
                self.hindrance = Some(error).filter(|_| live::index_of(&self.interface).is_some());
            }
        }
    }

    /// Whether only a process with new rights can open it again.
    pub(super) fn needs_restart(&self) -> bool {
        self.hindrance.as_ref().is_some_and(OpenError::needs_restart)
    }

    /// Feels its pulse; `note` takes what is to be kept.
    pub(super) fn feel(
        &mut self,
        time: (Timestamp, Instant),
        clock_steps: u64,
        note: impl FnOnce(i64, &Health),
    ) {
        self.clock_steps = clock_steps;
        self.dropped.look(dropped(&self.interface));
        self.look_beside(Instant::now());
        self.look_at_cable();
        let watched = self.reads() && self.fault().is_none() && self.dark.is_none();
        let counters = self.counters();
        self.pulse.look(time, watched, &counters, note);
    }

    /// What the interface dropped that no socket has counted.
    fn look_beside(&mut self, now: Instant) {
        if self.method != Method::AfXdp {
            return self.beside.look_alone(self.dropped.frames, self.of_sockets);
        }
        let (told, counters) = (self.told(), self.counters());
        let of = |name: &str| counters.get(name).copied().unwrap_or(0);
        self.of_sockets = of("lost.ring") + of("lost.fill") + of("lost.invalid");
        self.beside.look((now, self.dropped.frames), (told, self.of_sockets));
    }

    /// Whether anything can come. A driver may not know of its carrier: what came tells.
    fn look_at_cable(&mut self) {
        let frames = self.counters().get("frames").copied().unwrap_or(0);
        let is_dark = has_carrier(&self.interface) == Some(false);
        self.dark = match self.dark {
            Some((since, before)) if is_dark && frames == before => Some((since, before)),
            _ => is_dark.then(|| (Instant::now(), frames)),
        };
    }

    /// When the lane that told first of all told last; never where one has not yet.
    fn told(&self) -> Option<Instant> {
        self.lanes.iter().map(|lane| lane.report().at).min().flatten()
    }

    /// Feels its pulse once more, at the end.
    pub(super) fn feel_last(&mut self, note: impl FnOnce(i64, &Health)) {
        self.look_beside(Instant::now());
        let counters = self.counters();
        self.pulse.end(&counters, note);
    }

    /// The last minute that is over.
    pub(super) fn lately(&self) -> Lately {
        self.pulse.lately()
    }

    /// Whether all its lanes have told something a moment ago.
    pub(super) fn reads(&self) -> bool {
        self.told().is_some_and(|at| at.elapsed() < STUCK)
    }

    /// How far packet time is ahead of the system's clock, in nanoseconds, when that is
    /// more than a second.
    pub(super) fn ahead(&self) -> i64 {
        self.lanes.iter().map(|lane| lane.report().ahead).find(|ahead| *ahead != 0).unwrap_or(0)
    }

    /// As [`Self::counters`], with what earlier processes have counted.
    pub(super) fn total(&self) -> BTreeMap<String, u64> {
        let mut all = self.counters();
        for (name, n) in &self.before {
            let sum = all.entry(name.clone()).or_insert(0);
            *sum = sum.saturating_add(*n);
        }
        all
    }

    /// Everything counted on this port since the start, by name.
    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for lane in &self.lanes {
            for (name, n) in &lane.report().counters {
                *all.entry(name.clone()).or_insert(0) += n;
            }
        }
        *all.entry("clock.steps".to_owned()).or_insert(0) += self.clock_steps;
        all.insert("lost.interface".to_owned(), self.beside.frames);
        all
    }

    /// Why no frames come, while that is so.
    pub(super) fn fault(&self) -> Option<String> {
        if let Some(hindrance) = &self.hindrance {
            return Some(hindrance.what().to_owned());
        }
        let fault = self.lanes.iter().find_map(|lane| lane.report().fault.clone());
        let is_dark = self.dark.is_some_and(|(since, _)| since.elapsed() >= STUCK);
        // A link that is just coming up has none for a moment.
        let dark = || is_dark.then(|| NO_CARRIER.to_owned());
        fault.map(|fault| fault.replace("IFACE", &self.interface)).or_else(dark)
    }

    /// Asks its lanes to end; they do so within a moment, and hand over what they have.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
