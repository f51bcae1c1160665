//! One mirror port: an interface with a lane for each of its queues. A port whose
//! interface goes away is opened again when it is back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use super::lane::{Lane, Report};
use super::outlet::Outlet;
use crate::observe::Observation;
use crate::sensor::Share;
use crate::wire::capture::live::{self, Loss, OpenError, Opened, Options, Source, Spares};

/// See the module.
pub(super) struct Port {
    pub(super) interface: String,
    /// Number of its counters' capture in the census.
    pub(super) capture: u32,
    options: Options,
    spares: Spares,
    /// Why it could not be opened again although its interface is back.
    hindrance: Option<OpenError>,
    lanes: Vec<Running>,
    stop: Arc<AtomicBool>,
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

/// What a lane sends to the census: observations, and of which capture they are.
pub(super) type Way = Sender<(u32, Vec<Observation>)>;

impl Port {
    /// Takes over an opened interface and begins to read. `shares` has one for each of
    /// its sources, where workers share frames. What is observed is of capture
    /// `evidence`.
    pub(super) fn start(
        interface: &str,
        (capture, evidence): (u32, u32),
        options: Options,
        opened: Opened,
        shares: impl Iterator<Item = Share>,
        way: &Way,
    ) -> std::io::Result<Self> {
        let (mut shares, stop) = (shares.fuse(), Arc::new(AtomicBool::new(false)));
        let start = |(queue, source)| {
            let report = Arc::new(Mutex::new(Report::default()));
            let (fresh, coming) = crossbeam_channel::bounded(1);
            let lane = Lane {
                source: Some(source),
                fresh: coming,
                share: shares.next(),
                outlet: Outlet::new(way.clone(), evidence),
                report: Arc::clone(&report),
                stop: Arc::clone(&stop),
                before: Loss::default(),
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
            hindrance: None,
            lanes: lanes?,
            stop,
        })
    }

    /// Whether all its lanes have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.thread.is_finished())
    }

    /// Gives its lanes new sources when its interface was gone and is back. As long as it
    /// is gone this changes nothing.
    pub(super) fn look_after(&mut self) {
        if !self.lanes.iter().all(|lane| lane.report().gone) {
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

    /// Everything counted on this port so far, by name.
    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for lane in &self.lanes {
            for (name, n) in &lane.report().counters {
                *all.entry(name.clone()).or_insert(0) += n;
            }
        }
        all
    }

    /// Why no frames come, while that is so.
    pub(super) fn fault(&self) -> Option<String> {
        if let Some(hindrance) = &self.hindrance {
            return Some(hindrance.what().to_owned());
        }
        self.lanes.iter().find_map(|lane| lane.report().fault.clone())
    }

    /// Asks its lanes to end; they do so within a moment, and hand over what they have.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
