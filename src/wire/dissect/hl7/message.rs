//! What a message says of the system that sends it: MSH (§2.15.9), SFT (§2.15.12)
//! and, for the one that answers, MSA (§2.15.8).
//!
//! MSH-5 and MSH-6 are only what the sender believes of the receiver: they leave
//! this module never. The receiver names itself in its acknowledgement.

use std::borrow::Cow;
use std::cell::OnceCell;

use hl7_parser::message::Separators;

use super::delivery::Deliveries;
use super::equipment::{self, Gear};
use super::memory::{Memory, Sent, hash};
use super::segment::{self, Charset, Segment};
use super::through::Through;
use super::work::Traces;
use super::{
    header,
    intact::{self, Alone},
};
use crate::observe::{Equipment, Key, Observed, Origin};
use crate::wire::dissect::{Sink, Who};

/// MSH-3, its namespace.
pub(super) const SENDING_APPLICATION: Key = Key::new("hl7.sending_application");
/// MSH-4, its namespace.
pub(super) const SENDING_FACILITY: Key = Key::new("hl7.sending_facility");
/// MSH-3 or MSH-4 where their type is EUI-64.
pub(super) const EUI64: Key = Key::new("hl7.eui64");
/// MSH-9, type and trigger: `ORU^R01`.
pub(super) const MESSAGE_TYPE: Key = Key::new("hl7.message_type");
/// MSH-12.
pub(super) const VERSION: Key = Key::new("hl7.version");
/// MSH-11: `P` production, `T` training, `D` debugging.
pub(super) const PROCESSING: Key = Key::new("hl7.processing");
/// MSH-21, one fact for each repetition.
pub(super) const PROFILE: Key = Key::new("hl7.profile");
/// Type of a message of the other side that this side accepted.
pub(super) const ACKNOWLEDGES: Key = Key::new("hl7.acknowledges");
/// SFT: `vendor^product^version`.
pub(super) const SOFTWARE: Key = Key::new("hl7.software");
/// SFT-1.
pub(super) const SOFTWARE_VENDOR: Key = Key::new("hl7.software_vendor");
/// SFT-3.
pub(super) const SOFTWARE_PRODUCT: Key = Key::new("hl7.software_product");
/// SFT-2.
pub(super) const SOFTWARE_VERSION: Key = Key::new("hl7.software_version");

/// Characters of SFT-1, SFT-3 and SFT-2: twice what v2.5 grants them (§2.15.12, XON-1 of
/// §2.A.88). Senders overrun by a little, text that is out of place by much.
const MAX_SOFTWARE: [usize; 3] = [100, 40, 30];
/// IHE LAW: the results of an analyzer.
const ANALYZER_PROFILE: &str = "LAB-29";
/// IHE PCD-09, implantable device: the device is a patient's (IHE PCD TF-2).
const IMPLANT_PROFILE: &str = "1.3.6.1.4.1.19376.1.6.1.9";

/// A message being read.
pub(super) struct Message {
    separators: Separators,
    charset: Charset,
    /// An end block will tell its end.
    framed: bool,
    /// Its equipment is a patient's implant.
    implant: bool,
    /// MSH-3 and MSH-4 until it is known that they are the sender's own.
    named: Option<Named>,
    /// Nothing but SFT came after MSH: what is called so later is somebody's text.
    head: bool,
    /// The last SFT.
    software: Vec<(Key, Cow<'static, str>)>,
    gear: Gear,
    deliveries: Deliveries,
    work: Traces,
    through: Through,
}

/// How a message came.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Behind a start block.
    pub(super) framed: bool,
    /// In UTF-16, and is UTF-8 by now.
    pub(super) wide: bool,
}

struct Named {
    hash: u64,
    facts: Vec<(Key, String)>,
}

impl Named {
    fn tell(self, out: &mut dyn Sink) {
        for (key, value) in self.facts {
            out.fact(Who::Sender, &key, &value);
        }
    }
}

impl Message {
    /// Reads MSH. None when its delimiters make no sense, when it heads a batch, or when
    /// it runs on into another segment: such a message is passed over whole.
    pub(super) fn begin(
        line: &[u8],
        how: How,
        memory: &mut Memory,
        other: &Memory,
        out: &mut dyn Sink,
    ) -> Option<Self> {
        let separators = segment::separators(line).filter(|_| line.starts_with(b"MSH"))?;
        let plain = segment::lossy(line);
        let charset = match how.wide {
            true => Charset::UTF_8,
            false => Charset::declared(Segment::new(&plain, separators).raw(18), separators),
        };
        let text = charset.decode(line);
        let text = intact::trimmed(&text);
        let msh = Segment::new(text, separators);
        if !header::is_alone(line, text, &msh, separators.field) {
            return None;
        }

        let kind = header::message_type(&msh);
        if let Some(kind) = &kind {
            out.fact(Who::Sender, &MESSAGE_TYPE, kind);
        }
        if let Some(version) = msh.first(12).filter(|v| header::is_version(v)) {
            out.fact(Who::Sender, &VERSION, &version);
        }
        if let Some(id) = header::processing(&msh) {
            out.fact(Who::Sender, &PROCESSING, &id);
        }
        for profile in header::profiles(&msh, separators.repetition, separators.component) {
            out.fact(Who::Sender, &PROFILE, profile);
        }

        let told = kind.as_deref().unwrap_or_default();
        let implant = msh.raw(21).contains(IMPLANT_PROFILE);
        let mut work = Traces::new(told, msh.raw(11), msh.raw(21), how.framed);
        if implant {
            work.forget();
        }
        let sender = hash(&[msh.raw(3), msh.raw(4)]);
        if let Some(kind) = kind.filter(|kind| !kind.starts_with("ACK") && !msh.raw(10).is_empty())
        {
            let to_itself = sender == hash(&[msh.raw(5), msh.raw(6)]);
            memory.keep(Sent { control: hash(&[msh.raw(10)]), sender, to_itself, kind });
        }
        let mut message = Self {
            separators,
            charset,
            framed: how.framed,
            implant,
            named: Some(Named { hash: sender, facts: header::names(&msh) }),
            head: true,
            software: Vec::new(),
            gear: Gear::new(msh.raw(21).contains(ANALYZER_PROFILE)),
            deliveries: Deliveries::default(),
            through: Through::new(work.work()),
            work,
        };
        // Who speaks first answers nobody; others are held until MSA could have come.
        if other.waiting.is_empty() {
            message.tell_name(out);
        }
        Some(message)
    }

    /// Reads a segment that is not MSH.
    pub(super) fn segment(&mut self, line: &[u8], other: &Memory, out: &mut dyn Sink) {
        let name = line.get(..3).unwrap_or_default();
        if name != b"MSA" {
            self.tell_name(out);
        }
        if name != b"SFT" {
            self.tell_software(Origin::Own, out);
        }
        let head = self.head;
        self.head = head && name == b"SFT";
        let works = self.work.wants(name);
        let orders = name == b"OBR" && self.through.wants_orders();
        if !works && !orders && !matches!(name, b"MSA" | b"SFT" | b"OBX" | b"PRT" | b"EQU") {
            return;
        }
        let text = self.charset.decode(line);
        let text = intact::trimmed(&text);
        let segment = Segment::new(text, self.separators);
        let known = OnceCell::new();
        let is_alone = |last| {
            let of = || Alone::of(line, text, self.separators.field);
            known.get_or_init(of).until(last)
        };
        let part = if name == b"OBX" { self.deliveries.read(&segment) } else { None };
        if works && !equipment::is_implant(&segment) {
            let alone = self.work.last(&segment).is_some_and(is_alone);
            self.work.read(&segment, &self.deliveries, alone, out);
        }
        let last = match segment.name() {
            "OBX" => 18,
            "PRT" => 22,
            "SFT" => 3,
            _ => 1,
        };
        let alone = || is_alone(last);
        match segment.name() {
            // Of its text nothing is told.
            "MSA" => self.acknowledge(&segment, other, out),
            "OBX" if equipment::is_implant(&segment) => {
                self.implant = true;
                self.work.forget();
            }
            "OBR" | "SPM" => self.through.read(&segment, part, &self.gear, is_alone),
            _ if !alone() => self.head = false,
            "SFT" if head => self.software(&segment, out),
            "OBX" | "PRT" | "EQU" if !self.implant => {
                let is_new = self.gear.read(&segment);
                self.through.read(&segment, part, &self.gear, is_alone);
                // Without an end block no later moment is sure to come.
                if !self.framed {
                    if is_new {
                        self.gear.tell(out);
                    }
                    self.through.tell(&self.gear, &self.deliveries, out);
                }
            }
            _ => {}
        }
    }

    /// A segment too long to be read stood here.
    pub(super) fn passed_over(&mut self) {
        self.head = false;
    }

    /// The message is complete.
    pub(super) fn finish(mut self, out: &mut dyn Sink) {
        self.tell_name(out);
        self.tell_software(Origin::Own, out);
        if self.framed && !self.implant {
            self.gear.tell(out);
            self.work.tell(&self.deliveries, out);
            self.through.tell(&self.gear, &self.deliveries, out);
        }
    }

    fn tell_name(&mut self, out: &mut dyn Sink) {
        if let Some(named) = self.named.take() {
            named.tell(out);
        }
    }

    /// MSA-1 acknowledgement code (table 0008), MSA-2 the MSH-10 that is answered.
    fn acknowledge(&mut self, msa: &Segment<'_>, other: &Memory, out: &mut dyn Sink) {
        let control = hash(&[msa.raw(2)]);
        let asked = other.waiting.iter().rev().find(|sent| sent.control == control);
        if let (Some(sent), "AA" | "CA") = (asked, msa.raw(1)) {
            out.fact(Who::Sender, &ACKNOWLEDGES, &sent.kind);
        }
        // Careless receivers send the header back as it came: then it is not their name.
        let echoed = |named: &Named| {
            let same = |sent: &Sent| sent.sender == named.hash && !sent.to_itself;
            match asked {
                Some(sent) => same(sent),
                None => other.waiting.iter().any(same),
            }
        };
        if let Some(named) = self.named.take().filter(|named| !echoed(named)) {
            named.tell(out);
        }
    }

    /// SFT-1 vendor (XON), SFT-2 version, SFT-3 product. Of several the first made
    /// the message and each later one changed it, so the last is the speaker's own.
    fn software(&mut self, sft: &Segment<'_>, out: &mut dyn Sink) {
        self.tell_software(Origin::Creator, out);
        let fields = [(SOFTWARE_VENDOR, 1), (SOFTWARE_PRODUCT, 3), (SOFTWARE_VERSION, 2)];
        let parts = fields.map(|(key, n)| (key, sft.first(n).unwrap_or_default().into_owned()));
        let fits = |(part, longest): (&(Key, String), &usize)| {
            part.1.chars().count() <= *longest && intact::is_label(&part.1)
        };
        if !parts.iter().zip(&MAX_SOFTWARE).all(fits) {
            return;
        }
        let whole = parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("^");
        if whole == "^^" {
            return;
        }
        self.software.push((SOFTWARE, Cow::Owned(whole)));
        let known = parts.into_iter().filter(|(_, text)| !text.is_empty());
        self.software.extend(known.map(|(key, text)| (key, Cow::Owned(text))));
    }

    fn tell_software(&mut self, origin: Origin, out: &mut dyn Sink) {
        let facts = std::mem::take(&mut self.software);
        if !facts.is_empty() {
            let facts = Cow::Owned(facts);
            out.observe(Who::Sender, Observed::Equipment(Equipment { origin, facts }));
        }
    }
}
