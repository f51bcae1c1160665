//! Control and Provisioning of Wireless Access Points (RFC 5415): an access point that
//! looks for its controller describes itself before anything is encrypted.

use super::winstr::unmarked;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `access-point` or `controller`.
const ROLE: Key = Key::new("capwap.role");
const MODEL: Key = Key::new("capwap.model");
const SERIAL: Key = Key::new("capwap.serial_number");
const BASE_MAC: Key = Key::new("capwap.base_mac");
const HARDWARE: Key = Key::new("capwap.hardware_version");
const SOFTWARE: Key = Key::new("capwap.software_version");
/// IANA enterprise number of the maker, decimal.
const VENDOR_ID: Key = Key::new("capwap.vendor_id");
/// Name of the access point as configured.
const WTP_NAME: Key = Key::new("capwap.wtp_name");
/// Name of the controller.
const AC_NAME: Key = Key::new("capwap.ac_name");

/// CAPWAP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "capwap",
    standard: "RFC 5415",
    keys: &[ROLE, MODEL, SERIAL, BASE_MAC, HARDWARE, SOFTWARE, VENDOR_ID, WTP_NAME, AC_NAME],
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

const PORT: u16 = 5246;
/// Message types (§4.5.1.1).
const DISCOVERY: u32 = 1;
const DISCOVERY_ANSWER: u32 = 2;
const JOIN: u32 = 3;
const JOIN_ANSWER: u32 = 4;
const PRIMARY: u32 = 19;
const PRIMARY_ANSWER: u32 = 20;
/// Message elements (§4.6).
const AC_DESCRIPTOR: u16 = 1;
const AC_NAME_ELEMENT: u16 = 4;
const BOARD_DATA: u16 = 38;
const WTP_DESCRIPTOR: u16 = 39;
const WTP_NAME_ELEMENT: u16 = 45;

/// Message type and its elements (§4.3, §4.5.1).
fn open(payload: &[u8]) -> Result<(u32, Reader<'_>), Error> {
    let mut r = Reader::new(payload);
    // Version 0 and no DTLS.
    if r.u8("preamble")? != 0 {
        return Err(Error::invalid("preamble"));
    }
    let [lengths, _, flags] = r.array("HLEN … flags")?;
    // A fragment begins in the middle.
    if flags & 0x80 != 0 {
        return Err(Error::invalid("fragment"));
    }
    let header = usize::from(lengths >> 3).saturating_mul(4);
    r.skip(header.checked_sub(4).ok_or(Error::invalid("HLEN"))?, "header")?;
    let kind = r.u32_be("message type")?;
    r.skip(1, "sequence number")?;
    let len = usize::from(r.u16_be("message element length")?);
    r.skip(1, "flags")?;
    // It counts itself and the flags.
    if header < 8 || !(1..=26).contains(&kind) || len.checked_sub(3) != Some(r.remaining()) {
        return Err(Error::invalid("message element length"));
    }
    Ok((kind, r))
}

fn probe(packet: &Packet<'_>) -> Verdict {
    let here = packet.ports().is_some_and(|(src, dst)| src == PORT || dst == PORT);
    if here && open(packet.payload).is_ok() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    let (kind, _) = open(packet.payload).ok()?;
    match kind {
        DISCOVERY | JOIN | PRIMARY => Some(false),
        DISCOVERY_ANSWER | JOIN_ANSWER | PRIMARY_ANSWER => Some(true),
        _ => None,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let (kind, mut r) = open(packet.payload)?;
    let point = match kind {
        DISCOVERY | JOIN | PRIMARY => true,
        DISCOVERY_ANSWER | JOIN_ANSWER | PRIMARY_ANSWER => false,
        _ => return Ok(()),
    };
    out.fact(Who::Sender, &ROLE, if point { "access-point" } else { "controller" });
    while !r.is_empty() {
        let (element, len) = (r.u16_be("element type")?, r.u16_be("element length")?);
        let value = Reader::new(r.take(usize::from(len), "element")?);
        match (element, point) {
            (BOARD_DATA, true) => board(value, out)?,
            (WTP_DESCRIPTOR, true) => descriptor(value, out)?,
            (WTP_NAME_ELEMENT, true) => {
                out.fact(Who::Sender, &WTP_NAME, &unmarked(value.rest()));
            }
            (AC_NAME_ELEMENT, false) => out.fact(Who::Sender, &AC_NAME, &unmarked(value.rest())),
            (AC_DESCRIPTOR, false) => {
                let mut value = value;
                value.skip(12, "stations … DTLS policy")?;
                versions(value, (4, 5), out)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// WTP Board Data (§4.6.40): the maker, then items of type and length.
fn board(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let vendor = r.u32_be("vendor identifier")?;
    out.fact(Who::Sender, &VENDOR_ID, &vendor.to_string());
    while !r.is_empty() {
        let (kind, len) = (r.u16_be("board data type")?, r.u16_be("board data length")?);
        let value = r.take(usize::from(len), "board data")?;
        match kind {
            0 => out.fact(Who::Sender, &MODEL, &unmarked(value)),
            1 => out.fact(Who::Sender, &SERIAL, &unmarked(value)),
            4 => {
                let mac = value.as_array::<6>().copied().map(Mac).filter(|mac| mac.is_unicast());
                if let Some(mac) = mac {
                    out.fact(Who::Sender, &BASE_MAC, &mac.to_string());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// WTP Descriptor (§4.6.41): radios, encryption capabilities, then versions.
fn descriptor(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(2, "radios")?;
    let encryption = usize::from(r.u8("number of encryption elements")?);
    r.skip(encryption.saturating_mul(3), "encryption")?;
    versions(r, (0, 1), out)
}

/// Items of maker, type, length, text; `wanted` are the types of hardware and software.
fn versions(mut r: Reader<'_>, wanted: (u16, u16), out: &mut dyn Sink) -> Result<(), Error> {
    while !r.is_empty() {
        r.skip(4, "descriptor vendor")?;
        let (kind, len) = (r.u16_be("descriptor type")?, r.u16_be("descriptor length")?);
        let value = r.take(usize::from(len), "descriptor")?;
        // Some makers put bytes here instead of text.
        if !value.iter().all(|b| (0x20..0x7f).contains(b) || *b == 0) {
            continue;
        }
        if kind == wanted.0 {
            out.fact(Who::Sender, &HARDWARE, &unmarked(value));
        } else if kind == wanted.1 {
            out.fact(Who::Sender, &SOFTWARE, &unmarked(value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn item(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    fn message(kind: u8, elements: &[u8]) -> Vec<u8> {
        let mut m = vec![0, 2 << 3, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, kind, 1];
        m.extend((elements.len() as u16 + 3).to_be_bytes());
        m.push(0);
        m.extend(elements);
        m
    }

    fn discovery() -> Vec<u8> {
        let mac = [0, 0x1b, 0x0d, 1, 2, 3];
        let parts = [item(0, b"AP-505"), item(1, b"CNSN0815"), item(4, &mac)];
        let board = [&[0, 0, 0x39, 0xe7][..], &parts.concat()].concat();
        let version = [&[0, 0, 0x39, 0xe7][..], &item(1, b"8.10.0.5")].concat();
        let binary = [&[0, 0, 0x39, 0xe7][..], &item(0, &[1, 2, 3, 4])].concat();
        let descriptor = [&[2, 2, 1, 1, 0, 7][..], &binary, &version].concat();
        let elements = [item(20, &[0]), item(38, &board), item(39, &descriptor)];
        message(1, &[elements.concat(), item(45, b"ward-3")].concat())
    }

    #[test]
    fn access_point_describes_itself() {
        let expected = [
            "C capwap.role=access-point",
            "C capwap.vendor_id=14823",
            "C capwap.model=AP-505",
            "C capwap.serial_number=CNSN0815",
            "C capwap.base_mac=00:1b:0d:01:02:03",
            "C capwap.software_version=8.10.0.5",
            "C capwap.wtp_name=ward-3",
        ];
        let m = discovery();
        assert_eq!(facts(&packet("capwap", &udp(50000, 5246, &m)).unwrap()), expected);
        assert_eq!(answers(&udp(50000, 5246, &m)), Some(false));
        torture::packet("capwap", &udp(50000, 5246, &m), &[]);
    }

    #[test]
    fn controller_answers() {
        let version = [&[0, 0, 0x39, 0xe7][..], &item(5, b"8.10")].concat();
        let about = [&[0; 12][..], &version].concat();
        let m = message(2, &[item(1, &about), item(4, b"wlc-1")].concat());
        let expected = [
            "C capwap.role=controller",
            "C capwap.software_version=8.10",
            "C capwap.ac_name=wlc-1",
        ];
        assert_eq!(facts(&packet("capwap", &udp(5246, 50000, &m)).unwrap()), expected);
        assert_eq!(probe(&udp(1, 2, &m)), Verdict::No);
        assert_eq!(probe(&udp(5246, 2, &m[..20])), Verdict::No);
        assert_eq!(probe(&udp(5246, 2, &[1, 0, 0, 0, 22, 254, 255])), Verdict::No, "DTLS");
    }
}
