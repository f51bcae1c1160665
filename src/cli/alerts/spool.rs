//! Hands one receiver what it does not have yet. The table of alerts is the spool: it
//! outlives this process, the receiver and the sensor, and only the cursor moves.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Filter;
use super::cursor::{Position, State};
use super::sink::Sink;
use crate::store::{self, Alert, Inventory, Kind, Severity};

/// Alerts handed over at once; half as many after each failure, down to one, so that a
/// receiver that takes only few a connection gets on.
const BATCH: u32 = 50;
/// What a receiver has read so often to its end is certain, whatever became of it between:
/// one that fails time and again would never be caught up with otherwise.
const OFTEN: usize = 3;
/// The inventory is asked for new ones this often.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at whether it should end; and the pause before the next try where
/// something was taken since the last failure.
const BLINK: Duration = Duration::from_millis(50);
/// A receiver that takes some and fails, over and over, is told of this often.
const OFTEN_SAID: Duration = Duration::from_secs(60);

/// What all receivers share.
pub(super) struct Spool<'s> {
    pub(super) db: &'s Path,
    pub(super) state: &'s State,
    pub(super) filter: &'s Filter,
    /// Go on for ever.
    pub(super) follow: bool,
    /// The longest pause between two tries.
    pub(super) longest: Duration,
    /// Ends it, each.
    pub(super) stop: &'s AtomicBool,
    pub(super) reload: &'s AtomicBool,
}

/// Why a turn did nothing.
enum Trouble {
    /// The inventory cannot be read.
    Inventory(store::Error),
    /// The receiver has not taken it.
    Receiver(io::Error),
}

/// One receiver's way through the spool.
struct Way<'s> {
    spool: &'s Spool<'s>,
    sink: &'s Sink,
    name: String,
    /// Up to where it was handed over.
    position: Position,
    /// Up to where it is certain; what stands in the file.
    certain: Position,
    /// Handed over, and not yet certain.
    doubts: VecDeque<(Instant, Position)>,
    /// How far it was handed over before failures; all began at what was certain. The
    /// furthest first.
    passes: Vec<Position>,
    /// Alerts handed over at once.
    batch: u32,
    /// The cursor could not be written the last time.
    unwritten: bool,
}

impl Spool<'_> {
    /// Runs until all is handed over, or for ever; false when it was not.
    pub(super) fn run(&self, sink: &Sink) -> bool {
        let name = sink.target().shown();
        let loaded = self.state.load(&sink.target().name).unwrap_or_else(|error| {
            warn!("{name}: the cursor cannot be read ({error}); everything is handed over again");
            None
        });
        let certain = loaded.unwrap_or_default();
        let mut way = Way {
            spool: self,
            sink,
            name,
            position: certain.clone(),
            certain,
            doubts: VecDeque::new(),
            passes: Vec::new(),
            batch: BATCH,
            unwritten: false,
        };
        let done = way.walk();
        way.settle(self.follow);
        done && !way.unwritten
    }

    /// Waits, unless it should end.
    fn wait(&self, pause: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < pause && !self.is_over() {
            std::thread::sleep(BLINK.min(pause));
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.reload.load(Ordering::Relaxed)
    }
}

impl Way<'_> {
    fn walk(&mut self) -> bool {
        let spool = self.spool;
        let mut pause = Duration::ZERO;
        // Whether anything was taken since the last failure, and when such was last said.
        let (mut goes_on, mut said) = (false, None::<Instant>);
        while !spool.is_over() {
            let trouble = match self.turn() {
                Ok(true) => None,
                Ok(false) if !spool.follow => return true,
                Ok(false) => {
                    self.settle(true);
                    spool.wait(PAUSE);
                    continue;
                }
                Err(trouble) => Some(trouble),
            };
            let Some(trouble) = trouble else {
                goes_on = true;
                if pause > Duration::ZERO {
                    info!("{}: takes alerts again", self.name);
                    pause = Duration::ZERO;
                }
                self.settle(true);
                continue;
            };
            if let (Trouble::Receiver(error), true, true) = (&trouble, goes_on, spool.follow) {
                // It gets on: no failure that it must be spared after.
                self.go_back();
                goes_on = false;
                if said.is_none_or(|at| at.elapsed() >= OFTEN_SAID) {
                    warn!("{}: not all alerts are taken ({error}); trying again", self.name);
                    said = Some(Instant::now());
                }
                spool.wait(BLINK);
                continue;
            }
            let was = pause;
            pause = pause.saturating_mul(2).clamp(PAUSE.min(spool.longest), spool.longest);
            match trouble {
                Trouble::Inventory(error) if !spool.follow => {
                    warn!("{error}");
                    return false;
                }
                Trouble::Inventory(error) => warn!("{error}"),
                Trouble::Receiver(error) => {
                    self.go_back();
                    if was < spool.longest {
                        let again = if spool.follow { "; trying again" } else { "" };
                        warn!("{}: alerts are not taken ({error}){again}", self.name);
                    }
                    if !spool.follow {
                        return false;
                    }
                }
            }
            spool.wait(pause);
        }
        true
    }

    /// Hands over some; false when there are none.
    fn turn(&mut self) -> Result<bool, Trouble> {
        let inventory = Inventory::open(self.spool.db).map_err(Trouble::Inventory)?;
        let span = inventory.alert_span().map_err(Trouble::Inventory)?;
        let (first, last) = span.unwrap_or((1, 0));
        if self.is_elsewhere(&inventory, first, last).map_err(Trouble::Inventory)? {
            warn!("{}: another inventory than before; it is handed over from its first", self.name);
            self.position = Position { missed: self.position.missed, ..Position::default() };
            self.certain = self.position.clone();
            self.doubts.clear();
            self.passes.clear();
        }
        let missing = first.saturating_sub(self.position.id).saturating_sub(1);
        let page = inventory.alerts(self.position.id, self.batch).map_err(Trouble::Inventory)?;
        let Some(end) = page.last() else { return Ok(false) };
        let mut next = self.position.after(end);
        let lets =
            |it: &&Alert| it.severity >= self.sink.target().least && self.spool.filter.lets(it);
        let mut wanted: Vec<Alert> = page.iter().filter(lets).cloned().collect();
        // Who is new here has missed nothing.
        if let (1.., Some(next_one), 1..) = (self.position.id, page.first(), missing) {
            warn!("{}: {missing} alerts went before it had them", self.name);
            next.missed = next.missed.saturating_add(missing.unsigned_abs());
            wanted.insert(0, lost(next_one, missing));
        }
        if !wanted.is_empty() {
            self.sink.deliver(&wanted).map_err(Trouble::Receiver)?;
        }
        self.position = next;
        self.doubts.push_back((Instant::now(), self.position.clone()));
        self.batch = self.batch.saturating_mul(2).min(BATCH);
        Ok(true)
    }

    /// What it may not have read before it went is handed over again.
    fn go_back(&mut self) {
        self.doubts.clear();
        self.batch = (self.batch / 2).max(1);
        let reached = std::mem::replace(&mut self.position, self.certain.clone());
        self.passes.push(reached);
        self.passes.sort_by_key(|position| std::cmp::Reverse(position.id));
        self.passes.truncate(OFTEN);
    }

    /// Up to where it was handed over often enough.
    fn often(&self) -> Option<Position> {
        let mut all: Vec<_> = self.passes.iter().chain([&self.position]).collect();
        all.sort_by_key(|position| std::cmp::Reverse(position.id));
        let found = all.get(OFTEN.saturating_sub(1)).copied();
        found.filter(|position| position.id > self.certain.id).cloned()
    }

    /// Whether the cursor is of an inventory that was here before this one.
    fn is_elsewhere(
        &self,
        inventory: &Inventory,
        first: i64,
        last: i64,
    ) -> Result<bool, store::Error> {
        let id = self.position.id;
        if id == 0 || id < first {
            return Ok(false);
        }
        let found = inventory.alerts(id.saturating_sub(1), 1)?;
        Ok(id > last || !found.first().is_some_and(|it| self.position.is_after(it)))
    }

    /// Writes down what is certain by now; what is not for who goes on.
    fn settle(&mut self, goes_on: bool) {
        let doubt = if goes_on { self.sink.doubt() } else { Duration::ZERO };
        let mut settled = None;
        while let Some((_, position)) = self.doubts.pop_front_if(|(at, _)| at.elapsed() >= doubt) {
            settled = Some(position);
        }
        // In one inventory the further of both is the later.
        let settled = settled.into_iter().chain(self.often()).max_by_key(|position| position.id);
        let Some(settled) = settled else { return };
        self.certain = settled;
        self.passes.retain(|position| position.id > self.certain.id);
        let saved = self.spool.state.save(&self.sink.target().name, &self.certain);
        self.unwritten = saved.is_err();
        if let Err(error) = saved {
            warn!(
                "{}: the cursor cannot be written ({error}); after a restart alerts will come \
                   again",
                self.name
            );
        }
    }
}

/// Says that so many before this one are not there any more.
fn lost(next: &Alert, missing: i64) -> Alert {
    Alert {
        id: next.id.saturating_sub(1),
        at: next.at,
        kind: Kind::AlertsLost,
        severity: Severity::Critical,
        asset: String::new(),
        label: String::new(),
        address: String::new(),
        mac: String::new(),
        subject: String::new(),
        before: String::new(),
        after: missing.to_string(),
        summary: format!("{missing} alerts went before this receiver had them"),
        evidence: format!("the oldest that is there is {}", next.id),
        resolves: None,
        repeats: 0,
        last_at: next.at,
    }
}
