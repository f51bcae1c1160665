//! The live sensor: `auscult listen`.
//!
//! ```text
//!  mirror port ─▸ lane (a thread a queue: source ▸ worker ▸ outlet) ══ bounded ══▸ census ▸ store
//!               ╰▸ lane …                                           never waits    one thread
//! ```

mod lane;
mod outlet;
mod port;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::census::Census;
use crate::census::signature::Book;
use crate::observe::Observation;
use crate::store::{Error, Writer};
use crate::wire::capture::live::{Opened, Options};
use port::{Port, Way};

/// How often the watcher is asked, ports are looked after and counters collected.
const BEAT: Duration = Duration::from_millis(250);
/// What was learnt is written this often.
const WRITE_EVERY: Duration = Duration::from_secs(3);
/// A write that takes long leaves at least this many times as long to other work.
const PAUSE_TIMES: u32 = 4;
/// How long the lanes may take to hand over what they have, at the end.
const DRAIN: Duration = Duration::from_secs(2);

/// What the watcher wants.
#[derive(Default)]
pub enum Wish {
    /// Go on.
    #[default]
    GoOn,
    /// Go on with these signatures.
    Reload(Arc<Book>),
    /// Write everything and end.
    Stop,
}

/// How it goes: what a watcher sees a few times a second.
pub struct Look {
    /// The mirror ports.
    pub ports: Vec<PortLook>,
    /// Speakers remembered.
    pub hosts: usize,
    /// Why the inventory could not be written the last time it was tried.
    pub unwritten: Option<String>,
}

/// How one mirror port does.
pub struct PortLook {
    /// Its name.
    pub interface: String,
    /// Everything counted since the start.
    pub counters: BTreeMap<String, u64>,
    /// Why no frames come, while that is so.
    pub fault: Option<String>,
    /// They will come only to a new process: this one has given up its rights.
    pub needs_restart: bool,
}

/// Live capture into an inventory.
pub struct Listening {
    census: Census,
    writer: Writer,
    ports: Vec<Port>,
    way: Way,
    observed: Receiver<(u32, Vec<Observation>)>,
    written: Instant,
    pause: Duration,
    failed: Option<Error>,
}

impl Listening {
    /// Into this inventory, with what the census knows already.
    #[must_use]
    pub fn new(census: Census, writer: Writer) -> Self {
        let (way, observed) = crossbeam_channel::bounded(outlet::PORTIONS);
        let (written, pause) = (Instant::now(), WRITE_EVERY);
        Self { census, writer, ports: Vec::new(), way, observed, written, pause, failed: None }
    }

    /// Begins to read an opened interface.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn listen(
        &mut self,
        interface: &str,
        options: Options,
        opened: Opened,
    ) -> std::io::Result<()> {
        let capture = self.census.capture(interface);
        self.ports.push(Port::start(interface, capture, options, opened, &self.way)?);
        Ok(())
    }

    /// Takes in what the lanes see until the watcher wants it to end.
    ///
    /// # Errors
    /// The inventory could not be written at the end; what was written before is kept.
    pub fn run(mut self, mut watch: impl FnMut(&Look) -> Wish) -> Result<Census, Error> {
        let mut beat = Instant::now();
        loop {
            self.take_in(BEAT.saturating_sub(beat.elapsed()));
            if beat.elapsed() < BEAT {
                continue;
            }
            beat = Instant::now();
            match watch(&self.look()) {
                Wish::GoOn => {}
                Wish::Reload(book) => self.census.turn_to(book),
                Wish::Stop => break,
            }
            for port in self.ports.iter_mut().filter(|port| port.has_ended()) {
                port.reopen(&self.way);
            }
            if self.written.elapsed() >= self.pause {
                self.write();
            }
        }
        self.finish()
    }

    /// Waits at most so long for observations and applies all that are there.
    fn take_in(&mut self, most: Duration) {
        let begun = Instant::now();
        let mut next = self.observed.recv_timeout(most);
        while let Ok((capture, portion)) = next {
            for observation in portion {
                self.census.apply(capture, observation);
            }
            // A stream that never ends must not keep the rest of the work waiting.
            if begun.elapsed() > BEAT {
                return;
            }
            next = self.observed.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    fn look(&self) -> Look {
        let ports = self.ports.iter().map(|port| PortLook {
            interface: port.interface.clone(),
            counters: port.counters(),
            fault: port.fault(),
            needs_restart: port.needs_restart(),
        });
        Look {
            ports: ports.collect(),
            hosts: self.census.len(),
            unwritten: self.failed.as_ref().map(ToString::to_string),
        }
    }

    fn write(&mut self) {
        let begun = Instant::now();
        let mut counters = BTreeMap::new();
        for port in &self.ports {
            for (name, n) in port.counters() {
                counters.insert((port.capture, name), n);
            }
        }
        self.failed = self.writer.write(&mut self.census, &counters).err();
        self.written = Instant::now();
        self.pause = begun.elapsed().saturating_mul(PAUSE_TIMES).max(WRITE_EVERY);
    }

    /// Lets the lanes hand over what they have and writes everything.
    fn finish(mut self) -> Result<Census, Error> {
        self.ports.iter().for_each(Port::stop);
        let begun = Instant::now();
        while begun.elapsed() < DRAIN && !self.ports.iter().all(Port::has_ended) {
            self.take_in(Duration::from_millis(20));
        }
        while !self.observed.is_empty() {
            self.take_in(Duration::ZERO);
        }
        self.write();
        match self.failed {
            Some(error) => Err(error),
            None => {
                self.writer.close();
                Ok(self.census)
            }
        }
    }
}
