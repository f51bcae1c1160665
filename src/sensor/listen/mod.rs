//! The live sensor: `auscult listen`.
//!
//! ```text
//!  mirror port ─▸ lane (a thread a queue: source ▸ worker ▸ outlet) ══ bounded ══▸ census ▸ store
//!               ╰▸ lane …                                           never waits    one thread
//! ```

mod lane;
mod outlet;
mod placement;
mod port;
mod pulse;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::census::Census;
use crate::census::asset::{Pins, Tally};
use crate::census::risk::RiskBook;
use crate::census::signature::Book;
use crate::observe::Observation;
use crate::sensor::Share;
use crate::store::{Counters, Error, Health, Policy, Writer};
use crate::time::Timestamp;
use crate::wire::capture::live::{Opened, Options};
pub use placement::Placement;
use port::{Port, Seat, Way};
use pulse::Clock;

/// How often the watcher is asked, ports are looked after and counters collected.
const BEAT: Duration = Duration::from_millis(250);
/// What was observed is safe from a crash after so long.
const APPEND_EVERY: Duration = Duration::from_secs(2);
/// So many observations are made safe at once, earlier than that: what a flood brings in two
/// seconds would take more memory than it is worth.
const APPEND_MANY: usize = 65_536;
/// The memory is written as a whole this often, a slice a beat; then the journal can go.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Speakers written in one slice: some 10 ms.
const SLICE: usize = 1000;
/// What is known is derived and written for the views this often.
const PUBLISH_EVERY: Duration = Duration::from_secs(3);
/// That takes the longer the more is known, and leaves at least so many times as long to
/// other work.
const PAUSE_TIMES: u32 = 10;
/// How long the lanes may take to hand over what they have, at the end.
const DRAIN: Duration = Duration::from_secs(2);
/// What has taken longer to publish is not published again at the end.
const LAST: Duration = Duration::from_secs(2);
/// Counter of observations that found no room in the journal.
const UNJOURNALED: &str = "journal.lost";

/// What the watcher wants.
#[derive(Default)]
pub enum Wish {
    /// Go on.
    #[default]
    GoOn,
    /// Go on with what the site says now.
    Reload(Box<Anew>),
    /// Write everything and end.
    Stop,
}

/// What the site says, read anew.
pub struct Anew {
    /// The signatures.
    pub book: Arc<Book>,
    /// Who is who.
    pub pins: Pins,
    /// How it judges.
    pub risks: RiskBook,
    /// What it wants to be told.
    pub policy: Policy,
}

/// How it goes: what a watcher sees a few times a second.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The mirror ports.
    pub ports: Vec<PortLook>,
    /// Speakers remembered.
    pub hosts: usize,
    /// Speakers that are not, or no more, because there were too many.
    pub refused: u64,
    /// Why the inventory could not be written the last time it was tried.
    pub unwritten: Option<String>,
    /// Portions of observations on their way to the census, and how many there can be.
    pub queue: (usize, usize),
    /// Bytes in the journal.
    pub journal_bytes: usize,
    /// Observations that found no room in the journal.
    pub unjournaled: u64,
    /// When assets were last written for the views; never since the start.
    pub published: Option<Instant>,
    /// Assets that were written then.
    pub assets: usize,
    /// The system's clock stepped by so many nanoseconds since the last look.
    pub clock_step: Option<i64>,
}

/// How one mirror port does.
#[derive(Clone, Debug, Default)]
pub struct PortLook {
    /// Its name.
    pub interface: String,
    /// Everything counted since the start.
    pub counters: BTreeMap<String, u64>,
    /// The last minute that is over.
    pub lately: Lately,
    /// Every lane has told something within the last seconds.
    pub reads: bool,
    /// How far packet time is ahead of the system's clock, in nanoseconds, when that is
    /// more than a second; else 0.
    pub ahead: i64,
    /// How its frames come now.
    pub method: String,
    /// Why they do not come from what was opened at the start.
    pub turned: Option<Turn>,
    /// Why no frames come, while that is so.
    pub fault: Option<String>,
    /// They will come only to a new process: this one has given up its rights.
    pub needs_restart: bool,
}

/// Why a port is not read any more by what was opened at the start. There are no rights
/// left then: it is read by a packet socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Frames came by receive queues that were not there.
    Queues,
    /// The interface was removed and there is another one of its name.
    Anew {
        /// It was read in another way before.
        other_way: bool,
    },
}

/// A minute of the clock that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lately {
    /// Its first second, since 1970, UTC.
    pub at: i64,
    /// What came in it and what was lost: the same that alerts are told of.
    pub health: Health,
}

/// Live capture into an inventory.
pub struct Listening {
    census: Census,
    writer: Writer,
    ports: Vec<Port>,
    way: Way,
    observed: Receiver<(u32, Vec<Observation>)>,
    /// Observed and not yet in the journal, and how many.
    fresh: BTreeMap<u32, Vec<Observation>>,
    fresh_many: usize,
    /// The capture whose evidence all ports together are.
    evidence: u32,
    /// Observations that earlier processes found no room for in the journal.
    unjournaled_before: u64,
    clock: Clock,
    /// Of its steps, those that a watcher has seen.
    steps_seen: u64,
    appended: Instant,
    /// What was observed until then is in the journal.
    safe: Timestamp,
    kept: Option<Instant>,
    published: Instant,
    pause: Duration,
    /// How long that took.
    takes: Duration,
    /// When that last went well, and how many assets there were.
    shown: Option<(Instant, usize)>,
    /// Why the last appending, keeping and publishing failed.
    failed: [Option<Error>; 3],
}

impl Listening {
    /// Into this inventory, with what the census knows already.
    #[must_use]
    pub fn new(census: Census, writer: Writer) -> Self {
        let (way, observed) = crossbeam_channel::bounded(outlet::PORTIONS);
        let now = Instant::now();
        Self {
            census,
            writer,
            ports: Vec::new(),
            way,
            observed,
            fresh: BTreeMap::new(),
            fresh_many: 0,
            evidence: 0,
            unjournaled_before: 0,
            clock: Clock::new(lane::now(), now),
            steps_seen: 0,
            appended: now,
            safe: lane::now(),
            kept: Some(now),
            published: now,
            pause: PUBLISH_EVERY,
            takes: Duration::ZERO,
            shown: None,
            failed: [const { None }; 3],
        }
    }

    /// Begins to read opened interfaces.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn listen(
        &mut self,
        interfaces: Vec<(String, Opened)>,
        options: &Options,
        placement: &Placement,
    ) -> std::io::Result<()> {
        // With several ports, one may carry the questions and another the answers: then,
        // as with a card that spreads frames its own way, all workers share.
        let workers = interfaces.iter().map(|(_, opened)| opened.sources.len()).sum();
        let alone = interfaces.len() == 1 && interfaces.iter().all(|(_, o)| o.symmetric);
        let mut shares = if alone { Vec::new() } else { Share::among(workers) }.into_iter();
        let names: Vec<_> = interfaces.iter().map(|(name, _)| name.as_str()).collect();
        let evidence = self.census.capture(&names.join("+"));
        self.evidence = evidence;
        let before = self.writer.counted(evidence).map_err(std::io::Error::other)?;
        self.unjournaled_before = before.get(UNJOURNALED).copied().unwrap_or(0);
        let users = self.census.keeps_users();
        let mut lanes = 0;
        for (interface, opened) in interfaces {
            let captures = (self.census.capture(&interface), evidence);
            let seats: Vec<_> = (0..opened.sources.len())
                .map(|queue| {
                    let cpu = placement.of(&interface, lanes + queue, queue);
                    Seat { share: shares.next(), cpu, users }
                })
                .collect();
            lanes += seats.len();
            let options = options.clone();
            let mut before = self.writer.counted(captures.0).map_err(std::io::Error::other)?;
            before.remove(UNJOURNALED);
            let from = (&self.way, before);
            let port = Port::start(&interface, captures, options, opened, seats.into_iter(), from)?;
            self.ports.push(port);
        }
        Ok(())
    }

    /// Takes in what the lanes see until the watcher wants it to end. What is known then is
    /// counted, unless there was no time to publish it.
    ///
    /// # Errors
    /// The inventory could not be written at the end; what was written before is kept.
    pub fn run(mut self, mut watch: impl FnMut(&Look) -> Wish) -> Result<Option<Tally>, Error> {
        let mut beat = Instant::now();
        loop {
            self.take_in(BEAT.saturating_sub(beat.elapsed()));
            if beat.elapsed() < BEAT {
                continue;
            }
            beat = Instant::now();
            self.feel();
            match watch(&self.look()) {
                Wish::GoOn => {}
                Wish::Reload(anew) => {
                    self.census.turn_to(anew.book);
                    self.census.pin(anew.pins);
                    self.census.judge_by(anew.risks);
                    self.writer.tell(anew.policy);
                }
                Wish::Stop => break,
            }
            self.ports.iter_mut().for_each(Port::look_after);
            self.write();
            if self.failed[0].as_ref().is_some_and(Error::is_lost) {
                break;
            }
        }
        self.finish(watch)
    }

    /// Waits at most so long for observations and applies all that are there.
    fn take_in(&mut self, most: Duration) {
        let begun = Instant::now();
        let mut next = self.observed.recv_timeout(most);
        while let Ok((capture, portion)) = next {
            self.fresh_many = self.fresh_many.saturating_add(portion.len());
            self.fresh.entry(capture).or_default().extend(portion.iter().cloned());
            for observation in portion {
                self.census.apply(capture, observation);
            }
            if self.fresh_many >= APPEND_MANY {
                self.append_now();
            }
            // A stream that never ends must not keep the rest of the work waiting.
            if begun.elapsed() > BEAT {
                return;
            }
            next = self.observed.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    /// Notes for the inventory what each port did.
    fn feel(&mut self) {
        let time = (lane::now(), Instant::now());
        self.clock.look(time.0, time.1);
        for port in &mut self.ports {
            let (capture, writer, census) = (port.capture, &mut self.writer, &mut self.census);
            port.feel(time, self.clock.steps, |at, health| {
                writer.note(capture, at, health);
                watched(census, at, health);
            });
        }
    }

    fn look(&mut self) -> Look {
        let ports = self.ports.iter().map(|port| PortLook {
            interface: port.interface.clone(),
            counters: port.counters(),
            lately: port.lately(),
            reads: port.reads(),
            ahead: port.ahead(),
            method: port.method.to_string(),
            turned: port.turned,
            fault: port.fault(),
            needs_restart: port.needs_restart(),
        });
        let stepped = std::mem::replace(&mut self.steps_seen, self.clock.steps) < self.clock.steps;
        Look {
            ports: ports.collect(),
            hosts: self.census.len(),
            refused: self.census.refused(),
            unwritten: self.failed.iter().flatten().next().map(ToString::to_string),
            queue: (self.observed.len(), outlet::PORTIONS),
            journal_bytes: self.writer.journal_bytes(),
            unjournaled: self.writer.unjournaled(),
            published: self.shown.map(|(at, _)| at),
            assets: self.shown.map_or(0, |(_, assets)| assets),
            clock_step: stepped.then_some(self.clock.last_step),
        }
    }

    /// Writes what is due.
    fn write(&mut self) {
        if self.appended.elapsed() >= APPEND_EVERY {
            self.append_now();
        }
        if self.kept.is_none_or(|kept| kept.elapsed() >= KEEP_EVERY) {
            let kept = self.writer.keep(&mut self.census, SLICE);
            // None while slices are left.
            self.kept = (!matches!(kept, Ok(false))).then(Instant::now);
            self.failed[1] = kept.err();
        }
        if self.published.elapsed() >= self.pause {
            let begun = Instant::now();
            let published = self.writer.publish(&self.census, &self.counters());
            self.published = Instant::now();
            if let Ok(published) = &published {
                self.shown = Some((self.published, published.assets));
            }
            self.failed[2] = published.err();
            self.takes = begun.elapsed();
            self.pause = begun.elapsed().saturating_mul(PAUSE_TIMES).max(PUBLISH_EVERY);
        }
    }

    fn append_now(&mut self) {
        self.appended = Instant::now();
        let now = lane::now();
        self.failed[0] = self.append().err();
        if self.failed[0].is_none() {
            self.safe = now;
        }
    }

    /// Makes safe what was observed since the last time.
    fn append(&mut self) -> Result<(), Error> {
        let mut fresh = std::mem::take(&mut self.fresh);
        self.fresh_many = 0;
        // Even when nothing was observed: that somebody watched is kept, and what a full
        // disk refused is tried again.
        fresh.entry(self.evidence).or_default();
        let append = |(capture, observations): (u32, Vec<_>)| {
            self.writer.append(&self.census, capture, &observations)
        };
        // All are taken, even when one cannot be written: the next append tries again.
        fresh.into_iter().map(append).fold(Ok(()), Result::and)
    }

    fn counters(&self) -> Counters {
        let of = |port: &Port| {
            let capture = port.capture;
            port.total().into_iter().map(move |(name, n)| ((capture, name), n))
        };
        let mut counters: Counters = self.ports.iter().flat_map(of).collect();
        let unjournaled = self.unjournaled_before.saturating_add(self.writer.unjournaled());
        if unjournaled > 0 {
            counters.insert((self.evidence, UNJOURNALED.to_owned()), unjournaled);
        }
        let (uncounted, untimely) = self.census.uncounted();
        let few = [
            ("hosts.refused", self.census.refused()),
            ("facts.refused", self.census.overflow()),
            ("activity.refused", uncounted),
            ("activity.untimely", untimely),
        ];
        let few = few.into_iter().filter(|(_, n)| *n > 0);
        counters.extend(few.map(|(name, n)| ((self.evidence, name.to_owned()), n)));
        counters
    }

    /// Lets the lanes hand over what they have and writes everything.
    fn finish(mut self, mut watch: impl FnMut(&Look) -> Wish) -> Result<Option<Tally>, Error> {
        let begun = Instant::now();
        self.ports.iter().for_each(Port::stop);
        while begun.elapsed() < DRAIN && !self.ports.iter().all(Port::has_ended) {
            self.take_in(Duration::from_millis(20));
        }
        while !self.observed.is_empty() && begun.elapsed() < DRAIN {
            self.take_in(Duration::ZERO);
        }
        for port in &mut self.ports {
            let (capture, writer, census) = (port.capture, &mut self.writer, &mut self.census);
            port.feel_last(|at, health| {
                writer.note(capture, at, health);
                watched(census, at, health);
            });
        }
        // Safe first, since the rest may take longer than there is time.
        let (safe, counters) = (self.append(), self.counters());
        let lost_since = safe.is_err().then_some(self.safe);
        let done = match safe {
            Err(error) if error.is_lost() => Err(error),
            // The rest needs no journal.
            _ if self.takes < LAST => self.writer.write(&mut self.census, &counters),
            safe => safe.and_then(|()| self.writer.count(&counters)),
        };
        let done = match done {
            Err(error) if error.is_unfinished() => self.writer.count(&counters),
            done => done,
        };
        let tally = match done.map_err(|error| error.at_the_end(lost_since)) {
            Ok(published) => Ok(Some(published.tally)),
            Err(error) if error.is_unfinished() => {
                self.failed = [None, None, Some(error)];
                Ok(None)
            }
            Err(error) => Err(error),
        };
        // Nothing can be wished for any more; but this is how it went.
        watch(&self.look());
        if tally.is_ok() {
            self.writer.close();
        }
        // To give back the memory of each speaker takes longer than all else.
        std::mem::forget(self.census);
        tally
    }
}

/// Tells the census that somebody watched in these seconds.
fn watched(census: &mut Census, at: i64, health: &Health) {
    let seconds = i64::try_from(health.observed).unwrap_or(0);
    if seconds > 0 {
        let last = at.saturating_add(seconds - 1);
        census.watched(at.div_euclid(60), last.div_euclid(60).saturating_add(1));
    }
}
