//! Hands one receiver what it does not have yet. The table of alerts is the spool: it
//! outlives this process, the receiver and the sensor, and only the cursor moves.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Filter;
use super::cursor::{Cursor, Position, State};
use super::receiver::Target;
use super::sink::{Sink, is_refusal};
use crate::store::{self, Alert, Inventory, Kind, Severity};

/// Alerts handed over at once; half as many after each failure, down to one, so that a
/// receiver that takes only few a connection gets on.
const BATCH: u32 = 50;
/// What a receiver has read so often to its end is certain, whatever became of it between:
/// one that fails time and again would never be caught up with otherwise.
const OFTEN: usize = 3;
/// An alert that is refused for what it is so often in a row is passed over, where the
/// receiver takes the next one: else whoever gives a device a name could silence it for ever.
const REFUSALS: u32 = 5;
/// So far the next one is looked for.
const AHEAD: u32 = 1000;
/// The inventory is asked for new ones this often.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at whether it should end; and the pause before the next try where
/// something was taken since the last failure.
pub(super) const BLINK: Duration = Duration::from_millis(50);
/// A receiver that takes some and fails, over and over, is told of this often.
const OFTEN_SAID: Duration = Duration::from_secs(60);

/// What all receivers share.
pub(super) struct Spool {
    pub(super) db: PathBuf,
    pub(super) state: State,
    pub(super) filter: Filter,
    /// The filter in the words of the command line; empty for everything.
    pub(super) asked: String,
    /// Go on for ever.
    pub(super) follow: bool,
}

/// How one receiver is served.
pub(super) struct Service {
    pub(super) sink: Sink,
    /// The longest pause between two tries.
    pub(super) longest: Duration,
    /// Ends it.
    pub(super) stop: Arc<AtomicBool>,
}

/// How far a receiver is, and how certain that is: outlives a change of its configuration.
#[derive(Default)]
pub(super) struct Progress {
    /// Up to where it was handed over.
    position: Position,
    /// Up to where it is certain.
    certain: Position,
    /// Handed over, and not yet certain.
    doubts: VecDeque<(Instant, Position)>,
    /// How far it was handed over before failures, and before this process began; all began
    /// at what was certain. The furthest first.
    passes: Vec<Position>,
    /// Passes are of another process: it may have read another inventory.
    is_loaded: bool,
    /// What stands in the file.
    written: Cursor,
    /// It begins here: what was told before `--since` is not for it.
    is_new: bool,
    /// One alert was handed over by itself and refused for what it is, so often in a row.
    refusals: u32,
    /// The cursor could not be written the last time.
    unwritten: bool,
    /// All that there was, was handed over.
    done: bool,
}

impl Progress {
    /// As its file says.
    fn load(state: &State, target: &Target) -> Self {
        let loaded = state.load(&target.name).unwrap_or_else(|error| {
            let name = target.shown();
            warn!("{name}: the cursor cannot be read ({error}); everything is handed over again");
            None
        });
        let is_new = loaded.is_none();
        let written = loaded.unwrap_or_default();
        let Cursor { certain, passes, .. } = written.clone();
        Self {
            position: certain.clone(),
            certain,
            passes,
            is_loaded: true,
            written,
            is_new,
            ..Self::default()
        }
    }

    /// How far it is, for who begins after this process.
    fn cursor(&self, asked: &str) -> Cursor {
        let mut passes = self.passes.clone();
        passes.extend((self.position.id > self.certain.id).then(|| self.position.clone()));
        furthest(&mut passes);
        Cursor { certain: self.certain.clone(), passes, asked: asked.to_owned() }
    }

    /// Everything was handed over, and that is written down.
    pub(super) const fn is_whole(&self) -> bool {
        self.done && !self.unwritten
    }
}

/// The furthest first, and no more of them than tell anything.
fn furthest(passes: &mut Vec<Position>) {
    passes.sort_by_key(|position| std::cmp::Reverse(position.id));
    passes.truncate(OFTEN);
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
    spool: &'s Spool,
    service: &'s Service,
    name: String,
    at: Progress,
    /// Alerts handed over at once.
    batch: u32,
}

impl Spool {
    /// Runs until all is handed over, or for ever; goes on from what is known of it.
    pub(super) fn run(&self, service: &Service, before: Option<Progress>) -> Progress {
        let target = service.sink.target();
        let at = before.unwrap_or_else(|| Progress::load(&self.state, target));
        let mut way = Way { spool: self, service, name: target.shown(), at, batch: BATCH };
        way.at.done = way.walk();
        way.settle(self.follow);
        way.at
    }
}

impl Service {
    /// Waits, unless it should end.
    fn wait(&self, pause: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < pause && !self.is_over() {
            std::thread::sleep(BLINK.min(pause));
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Way<'_> {
    fn walk(&mut self) -> bool {
        let (spool, service) = (self.spool, self.service);
        let mut pause = Duration::ZERO;
        // Whether anything was taken since the last failure, and when such was last said.
        let (mut goes_on, mut said) = (false, None::<Instant>);
        while !service.is_over() {
            let trouble = match self.turn() {
                Ok(true) => None,
                Ok(false) if !spool.follow => return true,
                Ok(false) => {
                    self.settle(true);
                    service.wait(PAUSE);
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
                service.wait(BLINK);
                continue;
            }
            let was = pause;
            pause = pause.saturating_mul(2).clamp(PAUSE.min(service.longest), service.longest);
            match trouble {
                Trouble::Inventory(error) if !spool.follow => {
                    warn!("{error}");
                    return false;
                }
                Trouble::Inventory(error) => warn!("{error}"),
                Trouble::Receiver(error) => {
                    self.go_back();
                    if was < service.longest {
                        let again = if spool.follow { "; trying again" } else { "" };
                        warn!("{}: alerts are not taken ({error}){again}", self.name);
                    }
                    if !spool.follow {
                        return false;
                    }
                }
            }
            service.wait(pause);
        }
        true
    }

    /// Hands over some; false when there are none.
    fn turn(&mut self) -> Result<bool, Trouble> {
        let inventory = Inventory::open(&self.spool.db).map_err(Trouble::Inventory)?;
        let span = inventory.alert_span().map_err(Trouble::Inventory)?;
        let (first, last) = span.unwrap_or((1, 0));
        if self.is_elsewhere(&inventory, first, last).map_err(Trouble::Inventory)? {
            warn!("{}: another inventory than before; it is handed over from its first", self.name);
            self.at.position = Position { missed: self.at.position.missed, ..Position::default() };
            self.at.certain = self.at.position.clone();
            self.at.doubts.clear();
            self.at.passes.clear();
        }
        if std::mem::take(&mut self.at.is_loaded) {
            self.forget_others(&inventory).map_err(Trouble::Inventory)?;
        }
        let missing = first.saturating_sub(self.at.position.id).saturating_sub(1);
        let page = inventory.alerts(self.at.position.id, self.batch).map_err(Trouble::Inventory)?;
        let Some(end) = page.last() else { return Ok(false) };
        let mut next = self.at.position.after(end);
        let mut wanted: Vec<Alert> = page.iter().filter(|it| self.lets(it)).cloned().collect();
        // Who is new here has missed nothing.
        if let (1.., Some(next_one), 1..) = (self.at.position.id, page.first(), missing) {
            warn!("{}: {missing} alerts went before it had them", self.name);
            next.missed = next.missed.saturating_add(missing.unsigned_abs());
            let said = format!("{missing} alerts went before this receiver had them");
            let evidence = format!("the oldest that is there is {}", next_one.id);
            wanted.insert(0, lost(next_one, missing, said, evidence));
        }
        let refused = wanted.last().filter(|_| self.batch == 1 && self.at.refusals >= REFUSALS);
        let over = match refused {
            Some(refused) => self.pass_over(&inventory, refused)?,
            None => None,
        };
        if let Some(over) = over {
            next = over;
        } else if !wanted.is_empty() {
            let alone = self.batch == 1;
            self.service.sink.deliver(&wanted).map_err(|error| {
                let refused = alone && is_refusal(&error);
                // Before the next is tried again, this one is some more times.
                let refusals = self.at.refusals.min(REFUSALS.saturating_sub(3));
                self.at.refusals = match (refused, self.at.refusals) {
                    (false, _) => 0,
                    (true, REFUSALS..) => refusals,
                    (true, n) => n.saturating_add(1),
                };
                Trouble::Receiver(error)
            })?;
            self.at.refusals = 0;
        }
        self.at.position = next;
        self.at.doubts.push_back((Instant::now(), self.at.position.clone()));
        self.batch = self.batch.saturating_mul(2).min(BATCH);
        Ok(true)
    }

    /// Whether an alert is for this receiver. Who has had some goes on where it was: what has
    /// come since is for it, however long ago that is.
    fn lets(&self, alert: &Alert) -> bool {
        let filter = &self.spool.filter;
        let in_time = !self.at.is_new || filter.is_in_time(alert);
        alert.severity >= self.service.sink.target().least && in_time && filter.lets(alert)
    }

    /// Hands over what follows an alert that is refused, and says so; how far it is then.
    fn pass_over(
        &mut self,
        inventory: &Inventory,
        refused: &Alert,
    ) -> Result<Option<Position>, Trouble> {
        let page = inventory.alerts(refused.id, AHEAD).map_err(Trouble::Inventory)?;
        let Some(following) = page.iter().find(|it| self.lets(it)) else { return Ok(None) };
        let said = format!("alert {} was refused by this receiver", refused.id);
        let evidence = format!("so often alone: {REFUSALS}");
        let lost = lost(following, 1, said, evidence);
        if let Err(error) = self.service.sink.deliver(&[lost, following.clone()]) {
            return if is_refusal(&error) { Ok(None) } else { Err(Trouble::Receiver(error)) };
        }
        warn!("{}: alert {} is refused and passed over", self.name, refused.id);
        self.at.refusals = 0;
        let mut over = self.at.position.after(following);
        over.missed = over.missed.saturating_add(1);
        Ok(Some(over))
    }

    /// What it may not have read before it went is handed over again.
    fn go_back(&mut self) {
        self.at.doubts.clear();
        self.batch = (self.batch / 2).max(1);
        let reached = std::mem::replace(&mut self.at.position, self.at.certain.clone());
        self.at.passes.push(reached);
        furthest(&mut self.at.passes);
    }

    /// Up to where it was handed over often enough.
    fn often(&self) -> Option<Position> {
        let mut all: Vec<_> = self.at.passes.iter().chain([&self.at.position]).collect();
        all.sort_by_key(|position| std::cmp::Reverse(position.id));
        let found = all.get(OFTEN.saturating_sub(1)).copied();
        found.filter(|position| position.id > self.at.certain.id).cloned()
    }

    /// Whether the cursor is of an inventory that was here before this one.
    fn is_elsewhere(
        &self,
        inventory: &Inventory,
        first: i64,
        last: i64,
    ) -> Result<bool, store::Error> {
        let id = self.at.position.id;
        if id == 0 || id < first {
            return Ok(false);
        }
        let found = inventory.alerts(id.saturating_sub(1), 1)?;
        Ok(id > last || !found.first().is_some_and(|it| self.at.position.is_after(it)))
    }

    /// Passes count only through the inventory that is here.
    fn forget_others(&mut self, inventory: &Inventory) -> Result<(), store::Error> {
        for position in std::mem::take(&mut self.at.passes) {
            let found = inventory.alerts(position.id.saturating_sub(1), 1)?;
            if found.first().is_some_and(|it| position.is_after(it)) {
                self.at.passes.push(position);
            }
        }
        Ok(())
    }

    /// Writes down how far it is after each batch, and what is certain by now; what is not for
    /// who goes on.
    fn settle(&mut self, goes_on: bool) {
        let doubt = if goes_on { self.service.sink.doubt() } else { Duration::ZERO };
        let mut settled = None;
        while let Some((_, position)) = self.at.doubts.pop_front_if(|(at, _)| at.elapsed() >= doubt)
        {
            settled = Some(position);
        }
        // In one inventory the further of both is the later.
        let settled = settled.into_iter().chain(self.often()).max_by_key(|position| position.id);
        if let Some(settled) = settled {
            self.at.certain = settled;
            self.at.passes.retain(|position| position.id > self.at.certain.id);
        }
        let cursor = self.at.cursor(&self.spool.asked);
        if cursor == self.at.written {
            return;
        }
        let saved = self.spool.state.save(&self.service.sink.target().name, &cursor);
        let was = std::mem::replace(&mut self.at.unwritten, saved.is_err());
        match saved {
            Ok(()) => self.at.written = cursor,
            Err(_) if was => {}
            Err(error) => warn!(
                "{}: the cursor cannot be written ({error}); after a restart alerts will come \
                   again",
                self.name
            ),
        }
    }
}

/// Says that so many before this one were not taken.
fn lost(next: &Alert, missing: i64, summary: String, evidence: String) -> Alert {
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
        summary,
        evidence,
        resolves: None,
        repeats: 0,
        last_at: next.at,
    }
}
