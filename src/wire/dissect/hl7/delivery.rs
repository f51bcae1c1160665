//! Whether infusion pumps deliver, where a message says so: one that stands by goes on to
//! report what it was set to.
//!
//! It is said by a status (MDC_PUMP_STAT, IHE PCD TF-3 §7.1; MDC_PUMP_INFUSING_STATUS and
//! MDC_PUMP_CURRENT_DELIVERY_STATUS, IHE PCD supplement IPEC §X.1.2), by the flow, and by the
//! events at which a delivery starts, stops and is complete (IPEC). A pump is a virtual medical
//! device, the first two numbers of OBX-4 (IHE PCD TF-2 §B.8), so a monitor's values count
//! beside its idle pump. Of OBX-5 nothing is kept but whether it delivers.

use super::memory::hash;
use super::segment::Segment;
use super::work::is_value;

/// Virtual medical devices of one message: a rack has some twenty pumps.
const MAX_PARTS: usize = 64;

/// What says it; each outweighs those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// The flow that was set, which may be that of an infusion to come.
    Set,
    /// An event, after which a vein may be kept open.
    Event,
    /// The flow of now.
    Flow,
    Status,
}

/// A virtual medical device, or a whole system.
struct Part {
    /// Hash of its first number.
    system: u64,
    /// Hash of its second number; none where that is 0, of the whole.
    device: Option<u64>,
    /// Whether it delivers; one of its channels is enough.
    delivers: Option<(By, bool)>,
    /// It has values of a patient.
    valued: bool,
}

/// The parts of one message, with what it says of each.
#[derive(Default)]
pub(super) struct Deliveries {
    parts: Vec<Part>,
    /// There are values that are of none of them.
    others: bool,
}

impl Deliveries {
    /// Reads OBX; gives the part that it is of.
    pub(super) fn read(&mut self, obx: &Segment<'_>) -> Option<usize> {
        let part = self.part(obx);
        match part.and_then(|at| self.parts.get_mut(at)) {
            Some(part) => {
                part.delivers = part.delivers.max(delivers(obx));
                part.valued |= is_value(obx);
            }
            None => self.others |= is_value(obx),
        }
        part
    }

    fn part(&mut self, obx: &Segment<'_>) -> Option<usize> {
        let mut numbers = obx.raw(4).split('.');
        let (system, device) = (numbers.next()?, numbers.next()?);
        let system = hash(&[system]);
        let device = (device != "0").then(|| hash(&[device]));
        let same = |it: &Part| (it.system, it.device) == (system, device);
        let known = self.parts.iter().position(same);
        if known.is_none() && self.parts.len() < MAX_PARTS {
            self.parts.push(Part { system, device, delivers: None, valued: false });
            return self.parts.len().checked_sub(1);
        }
        known
    }

    /// Whether the values of a part are those of a pump that does not deliver. What says
    /// nothing of itself is as the system says that it is a part of, and a whole is idle where
    /// none of its parts delivers.
    pub(super) fn is_idle(&self, part: Option<usize>) -> bool {
        let Some(part) = part.and_then(|at| self.parts.get(at)) else { return false };
        let of_system = self.parts.iter().filter(|it| it.system == part.system);
        let said = of_system
            .filter(|it| match (part.device, part.delivers) {
                (None, _) => true,
                (Some(_), None) => it.device.is_none(),
                (device, Some(_)) => it.device == device,
            })
            .filter_map(|it| it.delivers)
            .map(|(_, delivers)| delivers);
        said.max() == Some(false)
    }

    /// Whether all values are those of pumps that do not deliver.
    pub(super) fn are_idle(&self) -> bool {
        let mut valued =
            (0..self.parts.len()).filter(|at| self.parts.get(*at).is_some_and(|it| it.valued));
        !self.others && valued.all(|at| self.is_idle(Some(at)))
    }
}

/// What a row says of a delivery: whether there is one.
fn delivers(obx: &Segment<'_>) -> Option<(By, bool)> {
    let code = obx.raw(3);
    if code.contains("_EVT_COND") {
        let event = obx.raw(5).split_once("PUMP_DELIV_")?.1;
        let is = |names: &[&str]| names.iter().any(|name| event.starts_with(name));
        return (is(&["START"]) || is(&["STOP", "COMP"])).then(|| (By::Event, is(&["START"])));
    }
    if code.contains("MDC_FLOW_FLUID_PUMP") {
        let now = code.contains("_CURRENT");
        let flow = obx.raw(5).parse::<f32>().ok().filter(|it| it.is_finite())?;
        return Some((if now { By::Flow } else { By::Set }, flow > 0.0));
    }
    if !code.contains("PUMP") || !code.contains("STAT") {
        return None;
    }
    let status = obx.field(5);
    let mut words = (1..=2).filter_map(|n| status.component(1, n));
    words.find_map(|word| status_of(&word)).map(|it| (By::Status, it))
}

/// Neither is an alarm, nor one delivery that becomes another.
fn status_of(word: &str) -> Option<bool> {
    let word = word.trim().to_ascii_lowercase();
    match word
        .strip_prefix("pump-status-")
        .or_else(|| word.strip_prefix("pump-delivery-status-"))?
    {
        "infusing" | "delivering" | "kvo" | "bolus" => Some(true),
        "not-infusing" | "not-delivering" | "ready" | "standby" | "paused" | "stopped" | "idle"
        | "complete" | "expel" => Some(false),
        _ => None,
    }
}
