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
use crate::wire::capture::live::{self, OpenError, Opened, Options, Source, Spares};

/// See the module.
pub(super) struct Port {
    pub(super) interface: String,
    /// Number of its capture in the census.
    pub(super) capture: u32,
    options: Options,
    spares: Spares,
    /// Why it could not be opened again although its interface is back.
    hindrance: Option<OpenError>,
    lanes: Vec<(JoinHandle<()>, Arc<Mutex<Report>>)>,
    /// Counted by lanes that have ended.
    before: BTreeMap<String, u64>,
    stop: Arc<AtomicBool>,
}

/// What a lane sends to the census: observations, and of which capture they are.
pub(super) type Way = Sender<(u32, Vec<Observation>)>;

impl Port {
    /// Takes over an opened interface and begins to read.
    pub(super) fn start(
        interface: &str,
        capture: u32,
        options: Options,
        opened: Opened,
        way: &Way,
    ) -> std::io::Result<Self> {
        let mut port = Self {
            interface: interface.to_owned(),
            capture,
            options,
            spares: opened.spares,
            hindrance: None,
            lanes: Vec::new(),
            before: BTreeMap::new(),
            stop: Arc::new(AtomicBool::new(false)),
        };
        port.begin(opened.sources, way)?;
        Ok(port)
    }

    fn begin(&mut self, sources: Vec<Box<dyn Source>>, way: &Way) -> std::io::Result<()> {
        for (queue, source) in sources.into_iter().enumerate() {
            let report = Arc::new(Mutex::new(Report::default()));
            let lane = Lane {
                source,
                outlet: Outlet::new(way.clone(), self.capture),
                report: Arc::clone(&report),
                stop: Arc::clone(&self.stop),
            };
            let name = format!("{}:{queue}", self.interface);
            let thread = std::thread::Builder::new().name(name).spawn(|| lane.run())?;
            self.lanes.push((thread, report));
        }
        Ok(())
    }

    /// Whether its interface is gone and all its lanes have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lanes.iter().all(|(thread, _)| thread.is_finished())
    }

    /// Tries to open it again after it has ended. As long as its interface is gone this
    /// changes nothing.
    pub(super) fn reopen(&mut self, way: &Way) {
        self.hindrance = None;
        let tried = live::reopen(&self.interface, &self.options, &mut self.spares);
        let begun = tried.and_then(|sources| {
            self.before = self.counters();
            self.lanes.clear();
            self.begin(sources, way)
                .map_err(|error| OpenError::new(&self.interface, error.to_string()))
        });
        // Otherwise what its lanes said last is true: it is gone.
        self.hindrance = begun.err().filter(|_| live::index_of(&self.interface).is_some());
    }

    /// Whether only a process with new rights can open it again.
    pub(super) fn needs_restart(&self) -> bool {
        self.hindrance.as_ref().is_some_and(OpenError::needs_restart)
    }

    /// Everything counted on this port so far, by name.
    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut all = self.before.clone();
        for (_, report) in &self.lanes {
            let report = report.lock().unwrap_or_else(PoisonError::into_inner);
            for (name, n) in &report.counters {
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
        let fault = |report: &Mutex<Report>| {
            report.lock().unwrap_or_else(PoisonError::into_inner).fault.clone()
        };
        self.lanes.iter().find_map(|(_, report)| fault(report))
    }

    /// Asks its lanes to end; they do so within a moment, and hand over what they have.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
