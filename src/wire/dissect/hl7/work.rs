//! What a message shows of work: results that a laboratory or a device at the bedside
//! tells (chapters 7 and 13), and values of a patient that flow (IHE PCD).
//!
//! Orders and specimens can be traced to a patient: of OBR-2, OBR-3 and SPM-2 only a hash
//! is kept. Values are not read, only whether there are any.

use super::delivery::Deliveries;
use super::segment::Segment;
use crate::observe::{Study, When, Work};
use crate::wire::dissect::clock::{self, Clock};
use crate::wire::dissect::{Sink, Who};

/// The transactions of IHE PCD, by the name of the domain and its arc in MSH-21.
const PCD: [&str; 3] = ["PCD", "1.3.6.1.4.1.19376.1.6.1.", "DEC_"];
/// Coding systems of IEEE 11073 and of Philips monitors, in OBX-3.
const MONITORING: [&str; 2] = ["^MDC", "^MDIL"];
/// OBX-3 of rows that tell of the device, not of the patient.
const OF_DEVICE: [&str; 5] = ["MDC_DEV_", "MDC_ID_", "MDC_ATTR_", "MDC_TIME_", "MDC_EVT_"];
/// Orders of one message that are told: a meter in its dock tells what a day has brought.
const MAX_ORDERS: u8 = 64;

/// Whether a row tells something of a patient.
pub(super) fn is_value(obx: &Segment<'_>) -> bool {
    let code = obx.raw(3);
    !code.is_empty() && !obx.raw(5).is_empty() && !OF_DEVICE.iter().any(|it| code.contains(it))
}

/// Whether what it tells was measured at the bedside.
pub(super) fn is_monitoring(obx: &Segment<'_>) -> bool {
    MONITORING.iter().any(|it| obx.raw(3).contains(it))
}

/// What is gathered of one message.
pub(super) struct Traces {
    /// What the message tells, if anything of the kind.
    work: Option<Work>,
    /// Its time came behind a start block, so that its end will be told.
    framed: bool,
    specimen: Study,
    order: Study,
    /// Times of the order: of the analysis, of the observation, of the report.
    times: [Times; 3],
    /// A value of this order was seen, and is not told yet.
    waiting: bool,
    /// A value of this order was seen.
    begun: bool,
    orders: u8,
}

/// Times of one kind.
#[derive(Clone, Copy, Default)]
struct Times {
    /// Something stood there.
    any: bool,
    /// What of it could be read.
    when: Option<When>,
}

impl Times {
    fn add(&mut self, raw: &str) {
        if raw.is_empty() {
            return;
        }
        self.any = true;
        if let Some(fresh) = Clock::read(raw.as_bytes()).map(Clock::when) {
            // Of values that lie far apart the last: what was between nobody knows.
            self.when = self.when.and_then(|known| clock::join(known, fresh)).or(Some(fresh));
        }
    }
}

impl Traces {
    /// Of a message with this MSH-9, MSH-11 and MSH-21.
    pub(super) fn new(kind: &str, processing: &str, profiles: &str, framed: bool) -> Self {
        let work = match kind {
            // Training and debugging are no work.
            _ if matches!(processing, "T" | "D") => None,
            "ORU" | "ORU^R01" if PCD.iter().any(|it| profiles.contains(it)) => Some(Work::Vitals),
            "ORU" | "ORU^R01" | "ORU^R30" | "ORU^R31" | "ORU^R32" => Some(Work::Result),
            "OUL^R22" | "OUL^R23" | "OUL^R24" => Some(Work::Result),
            // Alarms (PCD-04) and events of infusion pumps (PCD-10).
            "ORU^R40" | "ORU^R42" => Some(Work::Vitals),
            _ => None,
        };
        Self {
            work,
            framed,
            specimen: Study::UNTOLD,
            order: Study::UNTOLD,
            times: Default::default(),
            waiting: false,
            begun: false,
            orders: 0,
        }
    }

    /// What the message tells, as far as its head says.
    pub(super) const fn work(&self) -> Option<Work> {
        self.work
    }

    /// Whether a segment is to be read.
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        let flows = self.work == Some(Work::Vitals);
        match name {
            b"SPM" | b"OBR" => self.work.is_some() && !flows,
            // Of a patient's values one is enough; without an end block one of a pump that
            // does not deliver may wait for another's.
            b"OBX" => self.work.is_some() && !(flows && self.waiting && self.framed),
            _ => false,
        }
    }

    /// The last field of a segment that is read, of those that tell a time.
    pub(super) fn last(&self, segment: &Segment<'_>) -> Option<usize> {
        let told = match segment.name() {
            _ if self.work == Some(Work::Vitals) => false,
            "OBX" => !segment.raw(14).is_empty() || !segment.raw(19).is_empty(),
            "OBR" => !segment.raw(22).is_empty(),
            _ => false,
        };
        told.then_some(if segment.name() == "OBX" { 19 } else { 22 })
    }

    /// Reads a segment, behind `deliveries`; `alone` when nothing else runs on in it.
    pub(super) fn read(
        &mut self,
        segment: &Segment<'_>,
        deliveries: &Deliveries,
        alone: bool,
        out: &mut dyn Sink,
    ) {
        let time = |n: usize| match segment.raw(n) {
            "" => "",
            raw if alone => raw,
            _ => "run on",
        };
        match segment.name() {
            "SPM" => self.specimen = Study::of(segment.raw(2).as_bytes()),
            "OBR" => {
                self.tell(deliveries, out);
                let order = [segment.raw(3), segment.raw(2)].into_iter().find(|it| !it.is_empty());
                self.order = Study::of(order.unwrap_or_default().as_bytes());
                (self.times, self.begun) = Default::default();
                self.times[2].add(time(22));
            }
            _ if !is_value(segment) => {}
            _ => {
                if is_monitoring(segment) {
                    self.work = Some(Work::Vitals);
                }
                self.times[0].add(time(19));
                self.times[1].add(time(14));
                self.waiting |= !self.begun || self.framed;
                self.begun = true;
                // Without an end block no later moment is sure to come.
                if !self.framed {
                    self.tell(deliveries, out);
                }
            }
        }
    }

    /// The order is complete. The values of a pump that does not deliver are no use.
    pub(super) fn tell(&mut self, deliveries: &Deliveries, out: &mut dyn Sink) {
        let idle = || self.work == Some(Work::Vitals) && deliveries.are_idle();
        if !self.waiting || self.orders >= MAX_ORDERS || idle() {
            return;
        }
        self.waiting = false;
        self.orders = self.orders.saturating_add(1);
        match self.work {
            Some(Work::Result) => {
                let when = match self.times.iter().find_map(|it| it.when) {
                    Some(when) => when,
                    // What cannot be read as a time says nothing.
                    None if self.times.iter().any(|it| it.any) => return,
                    None => When::Now,
                };
                let study = if self.order == Study::UNTOLD { self.specimen } else { self.order };
                out.work(Who::Sender, Work::Result, study, when);
            }
            Some(work) => {
                out.work(Who::Sender, work, Study::UNTOLD, When::Now);
                self.work = None;
            }
            None => {}
        }
    }

    /// It is of a patient's implant, which works by itself.
    pub(super) const fn forget(&mut self) {
        self.work = None;
    }
}
