//! Bodies in which devices and servers describe themselves: the only ones that are read,
//! and of each no more than its beginning.
//!
//! * SOAP (`application/soap+xml`): ThisModel and ThisDevice of DPWS 1.1 §5, MetaData of
//!   IEEE 11073-10207 §5.3, device information of ONVIF; what Windows tells of itself
//!   ([`windows`]); of metric reports only that they have valid values;
//! * FHIR: CapabilityStatement and Device, asked for by their own paths;
//! * a device's own description in UPnP (Device Architecture 2.0 §2.3), and a printer's
//!   attributes in IPP;
//! * HL7 version 2 (`x-application/hl7-v2+er7`), for its own dissector.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::GzDecoder;

use super::super::label::label;
use super::super::xml::{Event, Path, closing, events, unescape};
use super::super::{Dissector, Error, Progress, Side, Sink, Who};
use super::{form, ipp, json, sdc, windows};
use crate::observe::{Equipment, Key, Observed, Origin, Study, When, Work};

/// DPWS ThisModel/Manufacturer.
pub(super) const MANUFACTURER: Key = Key::new("dpws.manufacturer");
/// DPWS ThisModel/ModelName.
pub(super) const MODEL: Key = Key::new("dpws.model");
/// DPWS ThisModel/ModelNumber.
pub(super) const MODEL_NUMBER: Key = Key::new("dpws.model_number");
/// DPWS ThisDevice/FriendlyName.
pub(super) const NAME: Key = Key::new("dpws.friendly_name");
/// DPWS ThisDevice/FirmwareVersion.
pub(super) const FIRMWARE: Key = Key::new("dpws.firmware");
/// DPWS ThisDevice/SerialNumber.
pub(super) const SERIAL: Key = Key::new("dpws.serial");
/// ONVIF GetDeviceInformationResponse/Manufacturer.
pub(super) const ONVIF_MANUFACTURER: Key = Key::new("onvif.manufacturer");
/// ONVIF GetDeviceInformationResponse/Model.
pub(super) const ONVIF_MODEL: Key = Key::new("onvif.model");
/// ONVIF GetDeviceInformationResponse/FirmwareVersion.
pub(super) const ONVIF_FIRMWARE: Key = Key::new("onvif.firmware");
/// ONVIF GetDeviceInformationResponse/SerialNumber.
pub(super) const ONVIF_SERIAL: Key = Key::new("onvif.serial");
/// UPnP root/device/manufacturer.
pub(super) const UPNP_MANUFACTURER: Key = Key::new("upnp.manufacturer");
/// UPnP root/device/modelName.
pub(super) const UPNP_MODEL: Key = Key::new("upnp.model");
/// UPnP root/device/modelNumber.
pub(super) const UPNP_MODEL_NUMBER: Key = Key::new("upnp.model_number");
/// UPnP root/device/serialNumber.
pub(super) const UPNP_SERIAL: Key = Key::new("upnp.serial");
/// UPnP root/device/deviceType.
pub(super) const UPNP_TYPE: Key = Key::new("upnp.device_type");
/// FHIR CapabilityStatement.software: `name version`.
pub(super) const FHIR_SOFTWARE: Key = Key::new("fhir.software");
/// FHIR CapabilityStatement.software.name.
pub(super) const FHIR_SOFTWARE_NAME: Key = Key::new("fhir.software_name");
/// FHIR CapabilityStatement.software.version.
pub(super) const FHIR_SOFTWARE_VERSION: Key = Key::new("fhir.software_version");
/// FHIR CapabilityStatement.fhirVersion.
pub(super) const FHIR_VERSION: Key = Key::new("fhir.version");
/// The same equipment as in HL7 version 2, so the same keys.
const DEVICE_MANUFACTURER: Key = Key::new("hl7.equipment_manufacturer");
const DEVICE_MODEL: Key = Key::new("hl7.equipment_model");
const DEVICE_SERIAL: Key = Key::new("hl7.equipment_serial");

/// Bytes of a body that are kept. Metadata of a device has 2 to 10 KiB; the software
/// stands before the long list of a CapabilityStatement.
const MAX_KEPT: usize = 64 * 1024;

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An envelope of SOAP.
    Soap,
    /// A resource of FHIR as JSON.
    Fhir,
    /// A message of HL7 version 2.
    Er7,
    /// A description of a UPnP device.
    Upnp,
    /// An answer of a printer.
    Ipp,
    /// What somebody has filled in.
    Form,
    /// What a program asks for.
    Json,
}

/// A body being collected.
pub(super) struct Body {
    kind: Kind,
    /// Its length is not known: it ends with the connection, or with its last tag.
    open: bool,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn new(kind: Kind, open: bool) -> Self {
        Self { kind, open, bytes: Vec::new() }
    }

    /// Takes more of it; whether enough is there.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let known = self.bytes.len();
        let room = MAX_KEPT.saturating_sub(known).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let ends = self.open && self.kind == Kind::Soap && !is_packed(&self.bytes);
        // Wherever segments end: what stands behind the last tag is no part of it.
        let end = if ends { closing(&self.bytes, b"Envelope>", known) } else { None };
        self.bytes.truncate(end.unwrap_or(usize::MAX));
        room < bytes.len() || end.is_some()
    }

    /// Reads it; gives the kind of a well-known account that logs on.
    pub(super) fn tell(
        mut self,
        from: Side,
        hl7: &mut Option<Box<dyn Dissector>>,
        out: &mut dyn Sink,
    ) -> Option<&'static str> {
        match self.kind {
            Kind::Soap => soap(&String::from_utf8_lossy(&unpacked(&self.bytes)), out),
            Kind::Fhir => fhir(&String::from_utf8_lossy(&self.bytes), out),
            Kind::Upnp => upnp(&String::from_utf8_lossy(&self.bytes), out),
            Kind::Form | Kind::Json => return form::tell(&self.bytes, out),
            Kind::Ipp => {
                // What was whole has been said.
                let _ = ipp::read(&self.bytes, out);
            }
            Kind::Er7 => {
                self.bytes.extend(b"\x1c\r");
                let hl7 = hl7.get_or_insert_with(super::super::hl7::conversation);
                let mut rest = self.bytes.as_slice();
                while let Ok(Progress::Consumed(n)) = hl7.dissect(from, rest, out) {
                    rest = rest.get(n..).unwrap_or_default();
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
        None
    }
}

/// Whether it is packed by gzip (RFC 1952).
fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b")
}

/// As it was before it was packed by gzip (RFC 1952), no more of it than is kept.
fn unpacked(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !is_packed(bytes) {
        return Cow::Borrowed(bytes);
    }
    let mut whole = Vec::new();
    let most = u64::try_from(MAX_KEPT).unwrap_or(0);
    // What came out before it breaks off is as good as a body that breaks off.
    let _ = GzDecoder::new(bytes).take(most).read_to_end(&mut whole);
    Cow::Owned(whole)
}

/// Elements that are read, with what must stand around them.
const ELEMENTS: &[(&[&str], Key)] = &[
    (&["ThisModel", "Manufacturer"], MANUFACTURER),
    (&["ThisModel", "ModelName"], MODEL),
    (&["ThisModel", "ModelNumber"], MODEL_NUMBER),
    (&["ThisDevice", "FriendlyName"], NAME),
    (&["ThisDevice", "FirmwareVersion"], FIRMWARE),
    (&["ThisDevice", "SerialNumber"], SERIAL),
    (&["Mds", "MetaData", "Manufacturer"], MANUFACTURER),
    (&["Mds", "MetaData", "ModelName"], MODEL),
    (&["Mds", "MetaData", "ModelNumber"], MODEL_NUMBER),
    (&["Mds", "MetaData", "SerialNumber"], SERIAL),
    (&["GetDeviceInformationResponse", "Manufacturer"], ONVIF_MANUFACTURER),
    (&["GetDeviceInformationResponse", "Model"], ONVIF_MODEL),
    (&["GetDeviceInformationResponse", "FirmwareVersion"], ONVIF_FIRMWARE),
    (&["GetDeviceInformationResponse", "SerialNumber"], ONVIF_SERIAL),
];

fn soap(text: &str, out: &mut dyn Sink) {
    let mut path = Path::default();
    let mut told: Vec<&Key> = Vec::new();
    let mut measures = false;
    let mut windows = windows::Reader::default();
    for event in events(text.trim_start_matches('\u{feff}')) {
        if !measures && sdc::is_measured(event, &path) {
            measures = true;
            out.work(Who::Sender, Work::Vitals, Study::UNTOLD, When::Now);
        }
        if path.follow(event).is_none() {
            return;
        }
        let Event::Text(text) = event else { continue };
        let all = || ELEMENTS.iter().chain(windows::ELEMENTS);
        let Some((_, key)) = all().find(|(names, _)| path.ends_with(names)) else {
            if path.contains("Body") {
                windows.read(&path, text, out);
            }
            continue;
        };
        // A name may be there in several languages: the first is the device's own.
        if path.contains("Body") && !told.contains(&key) {
            let text = unescape(text);
            if let Some(text) = label(&text) {
                told.push(key);
                out.fact(Who::Sender, key, text);
            }
        }
    }
}

/// The root device; embedded ones lie deeper. `friendlyName` often has a person's name
/// in it.
const UPNP: &[(&[&str], Key)] = &[
    (&["root", "device", "deviceType"], UPNP_TYPE),
    (&["root", "device", "manufacturer"], UPNP_MANUFACTURER),
    (&["root", "device", "modelName"], UPNP_MODEL),
    (&["root", "device", "modelNumber"], UPNP_MODEL_NUMBER),
    (&["root", "device", "serialNumber"], UPNP_SERIAL),
];

fn upnp(text: &str, out: &mut dyn Sink) {
    let mut path = Path::default();
    for event in events(text.trim_start_matches('\u{feff}')) {
        if path.follow(event).is_none() {
            return;
        }
        let Event::Text(text) = event else { continue };
        let Some((_, key)) = UPNP.iter().find(|(names, _)| path.ends_with(names)) else {
            continue;
        };
        let text = unescape(text);
        if let Some(text) = label(&text) {
            out.fact(Who::Sender, key, text);
        }
    }
}

fn fhir(text: &str, out: &mut dyn Sink) {
    let mut kind = String::new();
    let (mut name, mut version, mut standard) = (String::new(), String::new(), String::new());
    let mut device = Vec::new();
    json::strings(text, |path, value| {
        let Some(value) = label(value) else { return };
        let slot = match path {
            ["resourceType"] => &mut kind,
            ["software", "name"] => &mut name,
            ["software", "version"] => &mut version,
            ["fhirVersion"] => &mut standard,
            ["manufacturer"] => return device.push((DEVICE_MANUFACTURER, value.to_owned())),
            ["modelNumber"] => return device.push((DEVICE_MODEL, value.to_owned())),
            ["serialNumber"] => return device.push((DEVICE_SERIAL, value.to_owned())),
            _ => return,
        };
        if slot.is_empty() {
            value.clone_into(slot);
        }
    });
    match kind.as_str() {
        "CapabilityStatement" | "Conformance" => {
            let both = format!("{name} {version}");
            let told = if name.is_empty() { "" } else { both.trim_end() };
            for (key, value) in [
                (&FHIR_SOFTWARE, told),
                (&FHIR_SOFTWARE_NAME, &name),
                (&FHIR_SOFTWARE_VERSION, &version),
                (&FHIR_VERSION, &standard),
            ] {
                if !value.is_empty() {
                    out.fact(Who::Sender, key, value);
                }
            }
        }
        // A server speaks of devices that are others.
        "Device" if !device.is_empty() => {
            let facts = device.into_iter().map(|(key, value)| (key, Cow::Owned(value)));
            let facts = Cow::Owned(facts.collect());
            let it = Equipment { origin: Origin::Forwarded, facts };
            out.observe(Who::Sender, Observed::Equipment(it));
        }
        _ => {}
    }
}

/// How much of `length` lies in `there` bytes, and how much behind them.
pub(super) fn step(length: u64, there: usize) -> (usize, u64) {
    let n = usize::try_from(length).unwrap_or(usize::MAX).min(there);
    (n, length.saturating_sub(u64::try_from(n).unwrap_or(u64::MAX)))
}

/// `size [; extensions]`, in hexadecimal.
pub(super) fn chunk_size(line: &[u8]) -> Result<u64, Error> {
    let digits = line.split(|b| matches!(b, b';' | b' ' | b'\t')).next().unwrap_or_default();
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(Error::invalid("chunk-size"))
}
