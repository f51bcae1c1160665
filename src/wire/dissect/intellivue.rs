//! Philips IntelliVue monitors: Data Export Interface (Philips 4535 642 59271), after
//! IEEE 1073.
//!
//! A monitor announces itself (Connect Indication, multicast and broadcast, port 24005)
//! and describes itself when somebody associates with it (MDS Create Event, port 24105).
//! Of both the model, the product specification, the system identifier and the system
//! type are read. Patient, bed and measured values are not; of those only that there are
//! some: see [`poll`].

mod poll;

use super::label::label;
use super::reader::wide;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Key, Study, When, Work};
use crate::wire::packet::Packet;

/// Manufacturer of the system model.
const MANUFACTURER: Key = Key::new("intellivue.manufacturer");
/// Model number: a product number, `866062` or `M8007A`.
const MODEL: Key = Key::new("intellivue.model");
/// Serial number.
const SERIAL: Key = Key::new("intellivue.serial");
/// Part number of the software.
const SOFTWARE_PART: Key = Key::new("intellivue.software_part");
/// Revision of the software.
const SOFTWARE: Key = Key::new("intellivue.software_version");
/// Revision of the hardware.
const HARDWARE: Key = Key::new("intellivue.hardware_version");
/// The address inside its EUI-64.
const MAC: Key = Key::new("intellivue.mac");
/// Code of the kind of device (IEEE 11073-10101, context free).
const TYPE: Key = Key::new("intellivue.type");
/// `monitor`, or `client`: who collects what monitors measure.
const ROLE: Key = Key::new("intellivue.role");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "intellivue",
    standard: "Philips 4535 642 59271",
    keys: &[MANUFACTURER, MODEL, SERIAL, SOFTWARE_PART, SOFTWARE, HARDWARE, MAC, TYPE, ROLE],
    ports: &[24105, 24005],
    body: Body::Datagram { probe, answers, read },
};

/// Session header of a connect indication: the nomenclature.
const NOMENCLATURE: [u8; 4] = [0, 0, 1, 0];
/// Session header of data: session and presentation context.
const SESSION: [u8; 4] = [0xe1, 0, 0, 2];
/// NOM_NOTI_MDS_CONNECT_INDIC.
const CONNECT_INDICATION: u16 = 0x0d17;
/// NOM_NOTI_MDS_CREAT.
const CREATE: u16 = 0x0d06;
/// Attributes of one list, entries of one specification.
const MAX_ENTRIES: u16 = 64;
/// ID_COMP_PRODUCT: the monitor as a whole.
const PRODUCT: u16 = 0x0008;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The monitor describes itself.
    Description,
    /// It sends or is asked for anything else.
    Data,
    /// A client asks for an association.
    Asks,
    /// A monitor grants it.
    Grants,
}

/// Recognises a datagram, and leaves the reader at the attributes of a description.
fn kind(r: &mut Reader<'_>) -> Result<Kind, Error> {
    let all = r.rest();
    let header = r.array::<4>("session header")?;
    match header {
        SESSION | NOMENCLATURE => {}
        [0x0d | 0x0e, ..] => return association(all),
        _ => return Err(Error::invalid("session header")),
    }
    let (operation, length) = (r.u16_be("ro_type")?, r.u16_be("ROapdus length")?);
    if !matches!(operation, 1..=5) || usize::from(length) != r.remaining() {
        return Err(Error::invalid("ROapdus"));
    }
    let data = if header == SESSION { Ok(Kind::Data) } else { Err(Error::invalid("ro_type")) };
    if operation != 1 {
        return data;
    }
    r.skip(2, "invoke_id")?;
    let command = r.u16_be("command_type")?;
    if usize::from(r.u16_be("ROIVapdu length")?) != r.remaining() {
        return Err(Error::invalid("ROIVapdu length"));
    }
    if !matches!(command, 0 | 1) {
        return data;
    }
    r.skip(10, "managed object, event_time")?;
    match (r.u16_be("event_type")?, r.u16_be("event length")?) {
        (CONNECT_INDICATION, _) if header == NOMENCLATURE => {}
        (CREATE, _) if header == SESSION => r.skip(6, "created object")?,
        _ => return data,
    }
    Ok(Kind::Description)
}

/// Session layer of ISO 8327: CONNECT or ACCEPT, with the options that all monitors ask for.
fn association(all: &[u8]) -> Result<Kind, Error> {
    let mut r = Reader::new(all);
    let spdu = r.u8("SPDU")?;
    let length = match r.u8("LI")? {
        0xff => usize::from(r.u16_be("LI")?),
        n => usize::from(n),
    };
    let options = r.array::<6>("connect options")?;
    let fits = length.checked_sub(6) == Some(r.remaining());
    match (fits && options == [5, 8, 0x13, 1, 0, 0x16], spdu) {
        (true, 0x0d) => Ok(Kind::Asks),
        (true, 0x0e) => Ok(Kind::Grants),
        _ => Err(Error::invalid("SPDU")),
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    match kind(&mut Reader::new(packet.payload)) {
        Ok(_) => Verdict::Yes,
        Err(_) => Verdict::No,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    match kind(&mut Reader::new(packet.payload)).ok()? {
        Kind::Description | Kind::Grants => Some(true),
        Kind::Asks => Some(false),
        Kind::Data => None,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    match kind(&mut r)? {
        Kind::Data => {
            let operation = Reader::new(packet.payload).at(4, "ro_type")?.rest();
            // What cannot be followed shows nothing.
            if poll::measures(operation) == Ok(true) {
                out.work(Who::Sender, Work::Vitals, Study::UNTOLD, When::Now);
            }
            return Ok(());
        }
        Kind::Asks => {
            out.fact(Who::Sender, &ROLE, "client");
            return Ok(());
        }
        Kind::Grants | Kind::Description => out.fact(Who::Sender, &ROLE, "monitor"),
    }
    if r.position() == 4 {
        return Ok(());
    }
    let count = r.u16_be("AttributeList count")?;
    r.skip(2, "AttributeList length")?;
    for _ in 0..count.min(MAX_ENTRIES) {
        let id = r.u16_be("attribute_id")?;
        let length = r.u16_be("attribute length")?;
        attribute(id, r.take(usize::from(length), "attribute_val")?, out)?;
    }
    Ok(())
}

/// Attributes that are read, by their codes of the nomenclature.
fn attribute(id: u16, value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(value);
    match id {
        // NOM_ATTR_ID_MODEL.
        0x0928 => {
            for key in [MANUFACTURER, MODEL] {
                let length = r.u16_be("SystemModel")?;
                say(&key, r.take(usize::from(length), "SystemModel")?, out);
            }
        }
        // NOM_ATTR_ID_PROD_SPECN.
        0x092d => {
            let count = r.u16_be("ProductionSpec count")?;
            r.skip(2, "ProductionSpec length")?;
            for _ in 0..count.min(MAX_ENTRIES) {
                let kind = r.u16_be("spec_type")?;
                let component = r.u16_be("component_id")?;
                let length = r.u16_be("prod_spec length")?;
                let text = r.take(usize::from(length), "prod_spec")?;
                match (kind, component) {
                    (1, PRODUCT) => say(&SERIAL, text, out),
                    (2, component) if component != PRODUCT => say(&SOFTWARE_PART, text, out),
                    (3, PRODUCT) => say(&HARDWARE, text, out),
                    (4, _) => say(&SOFTWARE, text, out),
                    _ => {}
                }
            }
        }
        // NOM_ATTR_SYS_ID: an EUI-64 with a MAC inside.
        0x0984 => {
            if r.u16_be("system id length")? == 8
                && let [a, b, c, 0xff, 0xfe | 0xff, d, e, f] = r.array::<8>("system id")?
            {
                let mac = Mac([a, b, c, d, e, f]);
                if mac.is_unicast() {
                    out.fact(Who::Sender, &MAC, &mac.to_string());
                }
            }
        }
        // NOM_ATTR_SYS_TYPE: partition and code.
        0x0986 => {
            let partition = u32::from(r.u16_be("partition")?);
            let code = u32::from(r.u16_be("code")?);
            let free = wide(partition.saturating_mul(0x1_0000).saturating_add(code));
            out.fact(Who::Sender, &TYPE, &free.to_string());
        }
        _ => {}
    }
    Ok(())
}

/// Text is padded with NUL and, in the field, with whatever follows one.
fn say(key: &Key, bytes: &[u8], out: &mut dyn Sink) {
    let text = bytes.split(u8::is_ascii_control).next().unwrap_or_default();
    let text = std::str::from_utf8(text).ok().and_then(label);
    if let Some(text) = text.filter(|text| text.bytes().any(|b| b.is_ascii_alphanumeric())) {
        out.fact(Who::Sender, key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn attributes() -> Vec<u8> {
        let text = |text: &[u8]| {
            let mut field = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
            field.extend_from_slice(text);
            field
        };
        let spec = |kind: u16, component: u16, value: &[u8]| {
            [&kind.to_be_bytes()[..], &component.to_be_bytes(), &text(value)].concat()
        };
        let specs = [
            spec(1, 8, b"DE12345678\0\t"),
            spec(2, 8, b"866062\0"),
            spec(3, 8, b" A.00.30"),
            spec(5, 0x78, b"--------"),
            spec(2, 0x58, b"S-M8003-1402A\0"),
            spec(4, 0x58, b"L.01.18\n"),
        ];
        let list = specs.concat();
        let size = u16::try_from(list.len()).unwrap().to_be_bytes();
        let mut all = Vec::new();
        for (id, value) in [
            (0x091e_u16, b"\0\x06CANARY".to_vec()),
            (0x0986, vec![0, 1, 0x11, 0x4d]),
            (0x0984, vec![0, 8, 0, 9, 0xfb, 0xff, 0xff, 5, 0x93, 0x22]),
            (0x0928, [text(b"Philips\0"), text(b"866062\0\0")].concat()),
            (0x092d, [&[0, 6][..], &size, &list].concat()),
            (0x095d, b"CANARY".to_vec()),
        ] {
            all.extend(id.to_be_bytes());
            all.extend(text(&value));
        }
        all
    }

    fn message(header: [u8; 4], event: u16, object: &[u8]) -> Vec<u8> {
        let list = attributes();
        let length = u16::try_from(list.len()).unwrap();
        let mut event_report = vec![0, 0x23, 0, 0, 0, 0, 9, 0x45, 0x7f, 0];
        event_report.extend(event.to_be_bytes());
        event_report.extend((length + 4).to_be_bytes());
        event_report.extend_from_slice(object);
        event_report.extend([0, 6]);
        event_report.extend(length.to_be_bytes());
        event_report.extend(list);
        let length = u16::try_from(event_report.len()).unwrap();
        let mut all = header.to_vec();
        all.extend([0, 1]);
        all.extend((length + 6).to_be_bytes());
        all.extend([0, 0, 0, 0]);
        all.extend(length.to_be_bytes());
        all.extend(event_report);
        all
    }

    const TOLD: &[&str] = &[
        "C intellivue.role=monitor",
        "C intellivue.type=69965",
        "C intellivue.mac=00:09:fb:05:93:22",
        "C intellivue.manufacturer=Philips",
        "C intellivue.model=866062",
        "C intellivue.serial=DE12345678",
        "C intellivue.hardware_version=A.00.30",
        "C intellivue.software_part=S-M8003-1402A",
        "C intellivue.software_version=L.01.18",
    ];

    #[test]
    fn a_monitor_announces_and_describes_itself() {
        for bytes in [
            message(NOMENCLATURE, CONNECT_INDICATION, &[]),
            message(SESSION, CREATE, &[0, 0x21, 0, 0, 0, 0]),
        ] {
            let from = udp(24005, 24005, &bytes);
            assert_eq!(facts(&packet("intellivue", &from).unwrap()), TOLD);
            assert_eq!(answers(&from), Some(true));
            torture::packet("intellivue", &from, &["CANARY"]);
        }
    }

    #[test]
    fn associations_and_data() {
        let mut asks = vec![0x0d, 10, 5, 8, 0x13, 1, 0, 0x16, 1, 2, 0x80, 0];
        let said = facts(&packet("intellivue", &udp(5000, 24105, &asks)).unwrap());
        assert_eq!(said, ["C intellivue.role=client"]);
        assert_eq!(answers(&udp(5000, 24105, &asks)), Some(false));
        asks[0] = 0x0e;
        let said = facts(&packet("intellivue", &udp(24105, 5000, &asks)).unwrap());
        assert_eq!(said, ["C intellivue.role=monitor"]);
        let data = [0xe1, 0, 0, 2, 0, 2, 0, 4, 1, 2, 3, 4];
        assert!(packet("intellivue", &udp(24105, 5000, &data)).unwrap().is_empty());
    }

    #[test]
    fn others_are_not_recognised() {
        for bytes in [
            &[][..],
            &[0xe1, 0, 0, 2],
            &[0xe1, 0, 0, 2, 0, 2, 0, 5, 1, 2, 3, 4],
            &[0, 0, 1, 0, 0, 2, 0, 4, 1, 2, 3, 4],
            &[0x0d, 9, 5, 8, 0x13, 1, 0, 0x16, 1, 2, 0x80, 0],
        ] {
            assert_eq!(probe(&udp(24105, 24005, bytes)), Verdict::No, "{bytes:?}");
        }
    }
}
