//! Of which equipment the values of a message are: a gateway tells of the monitors, pumps and
//! ventilators behind it, middleware of its analysers.
//!
//! A value is of the equipment that its row names (OBX-18), of the system that it is a part of
//! (OBX-4; IHE PCD TF-2 appendix B.8), or of the participant behind it (PRT-10). The bed of
//! PV1-3 is no equipment. When it was made says OBX-14, or OBR-7 and OBR-8 (§7.4.1, §7.4.2);
//! of analyses OBX-19, OBX-14, OBR-22. Values are not read, only whether there are any.

use super::delivery::Deliveries;
use super::equipment::Gear;
use super::segment::Segment;
use super::work::{is_monitoring, is_value};
use crate::observe::{When, Work};
use crate::wire::dissect::clock::Clock;
use crate::wire::dissect::{Sink, Who};

/// Stretches of time of one message: an hour of a piece, told minute by minute and with
/// pauses.
const MAX_STRETCHES: usize = 64;
/// Of all parts of its pieces, of which each may be a pump.
const MAX_OF_PARTS: usize = 256;
/// Moments of one stretch lie no further apart, in seconds: what is between two that are
/// told each minute belongs to them.
const BESIDE: i64 = 60;
/// Seconds that a message may be about: gateways that do not report each minute do so every
/// quarter of an hour, or every hour. What is told of a longer time is a summary.
const LONGEST_REPORT: i64 = 60 * 60;

/// A stretch of time in which one piece worked; no piece where none was named yet.
struct Stretch {
    piece: Option<usize>,
    /// The part of a system that its values are of, which may be a pump.
    part: Option<usize>,
    work: Work,
    when: When,
}

/// What is gathered of one message.
pub(super) struct Through {
    /// What its values are, if they are any work.
    work: Option<Work>,
    /// OBR-7 and OBR-8; when values were made that say nothing of it.
    made: When,
    /// OBR-22.
    reported: When,
    all: Vec<Stretch>,
    /// Of the last row, where it is the participant's that may follow.
    open: Option<Stretch>,
    /// A row named its equipment.
    named: bool,
}

impl Through {
    /// Of a message whose values are this work.
    pub(super) const fn new(work: Option<Work>) -> Self {
        let (made, reported) = (When::Now, When::Now);
        Self { work, made, reported, all: Vec::new(), open: None, named: false }
    }

    /// Whether its orders are to be read.
    pub(super) const fn wants_orders(&self) -> bool {
        self.work.is_some()
    }

    /// Reads OBR, OBX of a part, or PRT, behind `gear`; `alone` says until which field nothing
    /// else runs on in it.
    pub(super) fn read(
        &mut self,
        it: &Segment<'_>,
        part: Option<usize>,
        gear: &Gear,
        alone: impl Fn(usize) -> bool,
    ) {
        match it.name() {
            "OBR" => self.order(it, alone),
            "OBX" => self.row(it, part, gear, alone),
            "PRT" => self.participant(it, gear),
            _ => {}
        }
    }

    fn order(&mut self, obr: &Segment<'_>, alone: impl Fn(usize) -> bool) {
        self.settle();
        self.made = match (obr.raw(7), obr.raw(8)) {
            ("", "") => When::Now,
            _ if !alone(8) => When::Unreadable,
            (from, "") => moment(from),
            (from, to) => interval(moment(from), moment(to)),
        };
        self.reported = time(obr, 22, &alone).unwrap_or(When::Now);
    }

    fn row(
        &mut self,
        obx: &Segment<'_>,
        part: Option<usize>,
        gear: &Gear,
        alone: impl Fn(usize) -> bool,
    ) {
        self.settle();
        let Some(work) = self.work.filter(|_| is_value(obx)) else { return };
        let work = if is_monitoring(obx) { Work::Vitals } else { work };
        let own = || time(obx, 14, &alone);
        let when = match work {
            Work::Vitals => own().unwrap_or(self.made),
            _ => time(obx, 19, &alone).or_else(own).unwrap_or(self.reported),
        };
        // What is no time says nothing.
        if when == When::Unreadable {
            return;
        }
        let [named, system] = gear.whose(obx);
        if named.or(system).is_none() {
            self.open = Some(Stretch { piece: None, part, work, when });
        }
        for piece in named.into_iter().chain(system.filter(|_| system != named)) {
            self.named = true;
            self.add(Stretch { piece: Some(piece), part, work, when });
        }
    }

    /// The equipment that made the value before it.
    fn participant(&mut self, prt: &Segment<'_>, gear: &Gear) {
        let Some(piece) = gear.participant(prt) else { return };
        if let Some(it) = self.open.take() {
            self.named = true;
            self.add(Stretch { piece: Some(piece), ..it });
        }
    }

    /// Nobody more will say of what the last row is.
    fn settle(&mut self) {
        if let Some(it) = self.open.take() {
            self.add(it);
        }
    }

    fn add(&mut self, it: Stretch) {
        add(&mut self.all, MAX_OF_PARTS, it);
    }

    /// Says what was not said yet. What names nothing is of the only equipment of a message
    /// of which nothing else is. The values of a pump that does not deliver are no use.
    pub(super) fn tell(&mut self, gear: &Gear, deliveries: &Deliveries, out: &mut dyn Sink) {
        self.settle();
        let only = gear.only().filter(|_| !self.named);
        let mut told = Vec::new();
        for it in self.all.drain(..) {
            if it.work != Work::Vitals || !deliveries.is_idle(it.part) {
                add(&mut told, MAX_STRETCHES, Stretch { part: None, ..it });
            }
        }
        for Stretch { piece, work, when, .. } in told {
            if let Some(facts) = piece.or(only).and_then(|piece| gear.facts(piece)) {
                out.work_of(Who::Sender, facts, work, when);
            }
        }
    }
}

/// Adds a stretch to so many, or to one of them that it belongs to.
fn add(all: &mut Vec<Stretch>, most: usize, it: Stretch) {
    let same = |known: &&mut Stretch| {
        (known.piece, known.part, known.work) == (it.piece, it.part, it.work)
    };
    let mut known = all.iter_mut().rev().filter(same);
    if let Some((known, when)) =
        known.find_map(|known| joined(known.when, it.when).map(|when| (known, when)))
    {
        known.when = when;
    } else if all.len() < most {
        all.push(it);
    }
}

/// The time of a field, where something stands there.
fn time(of: &Segment<'_>, n: usize, alone: impl Fn(usize) -> bool) -> Option<When> {
    match of.raw(n) {
        "" => None,
        raw if alone(n) => Some(moment(raw)),
        _ => Some(When::Unreadable),
    }
}

fn moment(raw: &str) -> When {
    Clock::read(raw.as_bytes()).map_or(When::Unreadable, Clock::when)
}

/// The time that a message is about, to before its end; the end of a summary, and of two
/// that are of no one clock.
fn interval(begin: When, end: When) -> When {
    match (begin, end) {
        (When::Told { from, offset, .. }, When::Told { from: to, offset: same, .. })
            if offset == same && (1..=LONGEST_REPORT).contains(&to.saturating_sub(from)) =>
        {
            When::Told { from, to: to.saturating_sub(1), offset }
        }
        _ => end,
    }
}

/// Both as one stretch, where nothing lies between them.
fn joined(one: When, other: When) -> Option<When> {
    match (one, other) {
        (When::Now, When::Now) => Some(one),
        (When::Told { from, to, offset }, When::Told { from: begin, to: end, offset: same })
            if offset == same
                && begin.saturating_sub(to) <= BESIDE
                && from.saturating_sub(end) <= BESIDE =>
        {
            Some(When::Told { from: from.min(begin), to: to.max(end), offset })
        }
        _ => None,
    }
}
