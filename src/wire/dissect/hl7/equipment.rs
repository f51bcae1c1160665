//! The equipment that a message names: OBX-3, OBX-4 and OBX-18, EQU-1, and the
//! device fields of PRT (HL7 v2 §7.4.2, §13.4.1, §7.4.4; IHE PCD TF-2 for the codes).
//!
//! OBX-5 is a patient's value, except where OBX-3 is a device's own identity
//! attribute of IEEE 11073-10101.

use std::borrow::Cow;

use super::intact;
use super::segment::{Parts, Segment};
use crate::net::Mac;
use crate::observe::{Equipment, Key, Observed, Origin};
use crate::wire::dissect::{Sink, Who};

/// EI-1 of OBX-18, EQU-1 or PRT-10.
pub(super) const ID: Key = Key::new("hl7.equipment_id");
/// EI-2.
pub(super) const NAMESPACE: Key = Key::new("hl7.equipment_namespace");
/// EI-3 where EI-4 says EUI-64: 16 hexadecimal digits.
pub(super) const EUI64: Key = Key::new("hl7.equipment_eui64");
/// The EUI-48 inside that EUI-64.
pub(super) const MAC: Key = Key::new("hl7.equipment_mac");
/// PRT-20, or the identity attribute.
pub(super) const SERIAL: Key = Key::new("hl7.equipment_serial");
/// PRT-16.
pub(super) const UDI: Key = Key::new("hl7.equipment_udi");
/// OBX-3 or PRT-22: `69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS`.
pub(super) const TYPE: Key = Key::new("hl7.equipment_type");
/// Identity attribute.
pub(super) const MANUFACTURER: Key = Key::new("hl7.equipment_manufacturer");
/// Identity attribute.
pub(super) const MODEL: Key = Key::new("hl7.equipment_model");
/// Identity attribute.
pub(super) const SOFTWARE: Key = Key::new("hl7.equipment_software_version");
/// Identity attribute.
pub(super) const FIRMWARE: Key = Key::new("hl7.equipment_firmware_version");
/// Identity attribute.
pub(super) const HARDWARE: Key = Key::new("hl7.equipment_hardware_version");

/// Pieces of equipment of one message.
const MAX_PIECES: usize = 16;
/// Facts of one piece.
const MAX_FACTS: usize = 24;
/// Repetitions of an EI that are read.
const MAX_REPETITIONS: usize = 4;
/// GE writes its company code before three octets of the real address, so the six
/// together are nobody's (GE B40 service manual).
const SUBSTITUTED: [u8; 3] = [0x08, 0x00, 0x19];

/// OBX-3 of implanted cardiac devices: the equipment is a patient's.
pub(super) fn is_implant(obx: &Segment<'_>) -> bool {
    obx.raw(3).contains("MDC_IDC_")
}

/// All equipment of one message.
pub(super) struct Gear {
    pieces: Vec<Piece>,
    /// The message is of IHE LAW, which says what the repetitions of OBX-18 are.
    analyzer: bool,
}

/// One piece: an MDS, or a part of one that has its own identifier.
#[derive(Default)]
struct Piece {
    /// First number of OBX-4: which medical device system (IHE PCD TF-2 §B.8).
    mds: String,
    /// The identifier as it stands, empty until one is seen.
    id: String,
    facts: Vec<(Key, Cow<'static, str>)>,
    /// Not told yet.
    fresh: bool,
}

impl Gear {
    pub(super) const fn new(analyzer: bool) -> Self {
        Self { pieces: Vec::new(), analyzer }
    }

    /// Reads OBX, PRT or EQU; whether there was something new.
    pub(super) fn read(&mut self, segment: &Segment<'_>) -> bool {
        let (id_field, mds) = match segment.name() {
            "OBX" => (18, Some(segment.raw(4).split('.').next().unwrap_or_default())),
            "PRT" => (10, None),
            _ => (1, Some("")),
        };
        let mut facts = match segment.name() {
            "OBX" => observation(segment),
            "PRT" => participation(segment),
            _ => Vec::new(),
        };
        // Every row of a result repeats the identifier.
        let raw = segment.raw(id_field);
        let repeated = |it: &Piece| it.id == raw && mds.is_none_or(|mds| it.mds == mds);
        if !raw.is_empty() && !self.pieces.iter().any(repeated) {
            let ei = segment.field(id_field);
            match self.analyzer && id_field == 18 && ei.repetitions() > 1 {
                true => analyzer(&ei, &mut facts),
                false => identifier(&ei, &mut facts),
            }
        }
        facts.retain(|(_, value)| intact::is_label(value));
        if facts.is_empty() {
            return false;
        }
        let id = match raw {
            // A participant without identifier is told from others by what it says.
            "" if mds.is_none() => facts.iter().map(|(_, value)| value.as_str()).collect(),
            raw => raw.to_owned(),
        };
        let same = |it: &Piece| match mds {
            None => it.id == id,
            Some(mds) => it.mds == mds && (id.is_empty() || it.id.is_empty() || it.id == id),
        };
        let piece = match self.pieces.iter().position(same) {
            Some(at) => self.pieces.get_mut(at),
            None if self.pieces.len() < MAX_PIECES => {
                let mds = mds.unwrap_or_default().to_owned();
                self.pieces.push(Piece { mds, ..Piece::default() });
                self.pieces.last_mut()
            }
            None => None,
        };
        piece.is_some_and(|piece| piece.add(id, facts))
    }

    /// Of which pieces the value of a row is: of the one that it names, and of the system that
    /// it is a part of.
    pub(super) fn whose(&self, obx: &Segment<'_>) -> [Option<usize>; 2] {
        let (id, system) = (obx.raw(18), obx.raw(4).split_once('.').map(|(mds, _)| mds));
        let named = self.pieces.iter().position(|it| !id.is_empty() && it.id == id);
        [named, self.pieces.iter().position(|it| system.is_some_and(|mds| it.mds == mds))]
    }

    /// The piece that a participant is.
    pub(super) fn participant(&self, prt: &Segment<'_>) -> Option<usize> {
        let id = prt.raw(10);
        self.pieces.iter().position(|it| !id.is_empty() && it.id == id)
    }

    /// The piece of a message that has no other.
    pub(super) fn only(&self) -> Option<usize> {
        (self.pieces.len() == 1).then_some(0)
    }

    /// All that is told of a piece.
    pub(super) fn facts(&self, piece: usize) -> Option<&[(Key, Cow<'static, str>)]> {
        self.pieces.get(piece).map(|it| it.facts.as_slice())
    }

    /// Says what was not said yet, each piece with all its facts.
    pub(super) fn tell(&mut self, out: &mut dyn Sink) {
        for piece in self.pieces.iter_mut().filter(|piece| piece.fresh) {
            piece.fresh = false;
            let facts = Cow::Borrowed(piece.facts.as_slice());
            let it = Equipment { origin: Origin::Creator, facts };
            out.observe(Who::Sender, Observed::Equipment(it));
        }
    }
}

impl Piece {
    fn add(&mut self, id: String, facts: Vec<(Key, String)>) -> bool {
        if self.id.is_empty() {
            self.id = id;
        }
        for (key, value) in facts {
            let known = self.facts.iter().any(|(k, v)| {
                // The first device code is that of the whole; its parts follow.
                *k == key && (key == TYPE || v.as_ref() == value)
            });
            if !known && self.facts.len() < MAX_FACTS {
                self.facts.push((key, Cow::Owned(value)));
                self.fresh = true;
            }
        }
        self.fresh
    }
}

/// OBX-3: a device code, or an identity attribute whose OBX-5 is the device's own.
fn observation(obx: &Segment<'_>) -> Vec<(Key, String)> {
    let raw = obx.raw(3);
    let named = |name: &&str| raw.contains(*name);
    if !named(&"MDC_") || !["MDC_DEV_", "MDC_ID_", "MDC_ATTR_ID_"].iter().any(named) {
        return Vec::new();
    }
    let code = obx.field(3);
    let (Some(number), Some(name)) = (code.component(1, 1), code.component(1, 2)) else {
        return Vec::new();
    };
    if let Some(kind) = device_type(&number, &name) {
        return vec![(TYPE, kind)];
    }
    let value = obx.field(5);
    let key = match (number.as_ref(), name.as_ref()) {
        ("67880", "MDC_ATTR_ID_MODEL") => {
            // SystemModel is manufacturer and model number (11073-10201 §7.3.2).
            let (first, second) = (value.component(1, 1), value.component(1, 2));
            let both = match second {
                Some(second) => [(MANUFACTURER, first), (MODEL, Some(second))],
                None => [(MODEL, first), (MANUFACTURER, None)],
            };
            return both.into_iter().filter_map(|(k, v)| Some((k, v?.into_owned()))).collect();
        }
        (_, "MDC_ID_MODEL_NUMBER") => MODEL,
        (_, "MDC_ID_MODEL_MANUFACTURER") => MANUFACTURER,
        (_, "MDC_ID_PROD_SPEC_SERIAL") => SERIAL,
        (_, "MDC_ID_PROD_SPEC_SW") => SOFTWARE,
        (_, "MDC_ID_PROD_SPEC_FW") => FIRMWARE,
        (_, "MDC_ID_PROD_SPEC_HW") => HARDWARE,
        _ => return Vec::new(),
    };
    value.component(1, 1).map(|text| (key, text.into_owned())).into_iter().collect()
}

/// PRT-16 device identifier, PRT-20 serial number, PRT-22 type (v2.7 and later).
fn participation(prt: &Segment<'_>) -> Vec<(Key, String)> {
    let mut facts = Vec::new();
    for (key, n) in [(UDI, 16), (SERIAL, 20)] {
        facts.extend(prt.first(n).map(|text| (key, text.into_owned())));
    }
    let kind = prt.field(22);
    if let (Some(number), Some(name)) = (kind.component(1, 1), kind.component(1, 2)) {
        facts.extend(device_type(&number, &name).map(|text| (TYPE, text)));
    }
    facts
}

/// A code of IEEE 11073-10101 that names a device, not one of its channels.
fn device_type(number: &str, name: &str) -> Option<String> {
    let is_name = name.starts_with("MDC_DEV_")
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !name.contains("_CHAN");
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (is_name && is_number).then(|| format!("{number}^{name}"))
}

/// OBX-18 of an analyzer (IHE LAW, LAB-29): `model^maker`, then `serial number^maker`.
fn analyzer(ei: &Parts<'_>, facts: &mut Vec<(Key, String)>) {
    let parts = [(MODEL, 1, 1), (MANUFACTURER, 1, 2), (SERIAL, 2, 1)];
    let told = parts.map(|(key, n, part)| Some((key, ei.component(n, part)?.into_owned())));
    facts.extend(told.into_iter().flatten());
}

/// An EI field (`id^namespace^universal id^type of it`, §2.A.28) and its repetitions.
/// The third and fourth component name the authority that gave the first, and the
/// equipment itself only where they are an EUI-64 (table 0301; IHE PCD TF-2).
fn identifier(ei: &Parts<'_>, facts: &mut Vec<(Key, String)>) {
    for n in 1..=ei.repetitions().min(MAX_REPETITIONS) {
        let id = ei.component(n, 1);
        let universal = ei.component(n, 3);
        let typed = ei.component(n, 4).is_some_and(|it| it == "EUI-64");
        facts.extend(id.as_deref().map(|it| (ID, it.to_owned())));
        facts.extend(ei.component(n, 2).map(|it| (NAMESPACE, it.into_owned())));
        let declared = universal.as_deref().filter(|_| typed).and_then(eui64);
        // GE writes the EUI-64 and the name of the equipment into EI-1.
        let within = || id.as_deref()?.get(..16).and_then(eui64).filter(has_company);
        let Some(eui) = declared.or_else(within) else { continue };
        facts.push((EUI64, eui64_text(eui)));
        facts.extend(embedded_mac(eui).map(|mac| (MAC, mac.to_string())));
    }
}

/// 16 hexadecimal digits, with or without separators.
pub(super) fn eui64(text: &str) -> Option<[u8; 8]> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':' | '.')).collect();
    if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(&digits, 16).ok().map(u64::to_be_bytes)
}

/// As the messages write it: upper case, no separators.
pub(super) fn eui64_text(eui: [u8; 8]) -> String {
    format!("{:016X}", u64::from_be_bytes(eui))
}

fn has_company(eui: &[u8; 8]) -> bool {
    matches!(eui, [a, b, c, 0xff, 0xfe, ..] if [*a, *b, *c] == SUBSTITUTED)
}

/// The EUI-48 that was widened with FF-FF or FF-FE (IEEE guidelines for EUI-64).
pub(super) fn embedded_mac(eui: [u8; 8]) -> Option<Mac> {
    match eui {
        [a, b, c, 0xff, 0xfe | 0xff, d, e, f] if [a, b, c] != SUBSTITUTED => {
            Some(Mac([a, b, c, d, e, f])).filter(|mac| mac.is_unicast())
        }
        _ => None,
    }
}
