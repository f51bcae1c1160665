//! PROFINET Discovery and Configuration Protocol (IEC 61158-6-10 §4.3): a controller or
//! field device answers who it is, or says so when it starts.

use super::winstr::unmarked;
use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::observe::Key;
use crate::wire::packet::{Layer3, Packet};

const STATION_NAME: Key = Key::new("profinet.station_name");
/// Type of station, in the maker's words: `S7-300`.
const STATION_TYPE: Key = Key::new("profinet.station_type");
/// `vendor:device` in hexadecimal, the vendor as PI gives it.
const DEVICE_ID: Key = Key::new("profinet.device_id");
/// `device`, `controller`, `multidevice`, `supervisor`, joined by commas.
const ROLE: Key = Key::new("profinet.role");

/// PROFINET DCP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "profinet",
    standard: "IEC 61158-6-10",
    keys: &[STATION_NAME, STATION_TYPE, DEVICE_ID, ROLE],
    ports: &[],
    body: Body::Packet { wants, read },
};

const ETHER_TYPE: u16 = 0x8892;
/// FrameIDs of Hello, Get and Set, and of the answer to Identify.
const HELLO: [u8; 2] = [0xfe, 0xfc];
const GET_SET: [u8; 2] = [0xfe, 0xfd];
const IDENTIFIED: [u8; 2] = [0xfe, 0xff];
/// Service ids; Set is not read.
const SERVICE_GET: u8 = 3;
const SERVICE_IDENTIFY: u8 = 5;
const SERVICE_HELLO: u8 = 6;
/// Blocks of device properties.
const PROPERTIES: u8 = 2;

fn wants(packet: &Packet<'_>) -> bool {
    packet.l3 == Layer3::Other(ETHER_TYPE)
        && [HELLO, GET_SET, IDENTIFIED].iter().any(|id| packet.payload.starts_with(id))
}

/// FrameID, service, type, transaction, delay, length, then blocks.
fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(2, "FrameID")?;
    let (service, kind) = (r.u8("ServiceID")?, r.u8("ServiceType")?);
    match (service, kind) {
        (SERVICE_GET | SERVICE_IDENTIFY, 1) | (SERVICE_HELLO, 0) => {}
        _ => return Ok(()),
    }
    r.skip(6, "Xid, ResponseDelay")?;
    let len = usize::from(r.u16_be("DCPDataLength")?);
    let mut r = Reader::new(r.take(len, "blocks")?);
    while !r.is_empty() {
        let (option, sub) = (r.u8("option")?, r.u8("suboption")?);
        let len = usize::from(r.u16_be("block length")?);
        let mut block = Reader::new(r.take(len, "block")?);
        if len % 2 == 1 && !r.is_empty() {
            r.skip(1, "padding")?;
        }
        if option == PROPERTIES && len > 2 {
            block.skip(2, "block info")?;
            property(sub, block, out)?;
        }
    }
    Ok(())
}

fn property(sub: u8, mut block: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    match sub {
        1 => out.fact(Who::Sender, &STATION_TYPE, &unmarked(block.rest())),
        2 => out.fact(Who::Sender, &STATION_NAME, &unmarked(block.rest())),
        3 => {
            let (vendor, device) = (block.u16_be("vendor id")?, block.u16_be("device id")?);
            out.fact(Who::Sender, &DEVICE_ID, &format!("{vendor:04x}:{device:04x}"));
        }
        4 => {
            let bits = block.u8("role")?;
            let names = [(1, "device"), (2, "controller"), (4, "multidevice"), (8, "supervisor")];
            let set: Vec<_> =
                names.iter().filter(|(bit, _)| bits & bit != 0).map(|n| n.1).collect();
            out.fact(Who::Sender, &ROLE, &set.join(","));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer4;

    fn frame(payload: &[u8]) -> Packet<'_> {
        Packet { l3: Layer3::Other(ETHER_TYPE), l4: Layer4::None, ..udp(0, 0, payload) }
    }

    fn answer(id: [u8; 2], service: u8, kind: u8) -> Vec<u8> {
        let mut blocks = Vec::new();
        let all: [(u8, u8, &[u8]); 5] = [
            (2, 5, b"\0\0\x01\x01\x01\x02"),
            (2, 1, b"\0\0S7-300"),
            (2, 2, b"\0\0ahu-3"),
            (2, 3, b"\0\0\0\x2a\x01\x01"),
            (2, 4, b"\0\0\x02\0"),
        ];
        for (option, sub, value) in all {
            blocks.extend([option, sub, 0, value.len() as u8]);
            blocks.extend(value);
            blocks.resize(blocks.len().next_multiple_of(2), 0);
        }
        let head = [id[0], id[1], service, kind, 0, 0, 0, 1, 0, 0, 0, blocks.len() as u8];
        [&head[..], &blocks, &[0; 8]].concat()
    }

    #[test]
    fn station_names_itself() {
        let expected = [
            "C profinet.station_type=S7-300",
            "C profinet.station_name=ahu-3",
            "C profinet.device_id=002a:0101",
            "C profinet.role=controller",
        ];
        let m = answer(IDENTIFIED, 5, 1);
        assert_eq!(facts(&packet("profinet", &frame(&m)).unwrap()), expected);
        torture::packet("profinet", &frame(&m), &[]);
        // What is asked for or set is not the sender's.
        for (service, kind) in [(4, 0), (4, 1), (3, 0)] {
            let m = answer(GET_SET, service, kind);
            assert!(packet("profinet", &frame(&m)).unwrap().is_empty());
        }
        assert!(!wants(&frame(&answer([0xfe, 0xfe], 5, 0))), "the question");
        assert!(!wants(&frame(&[0x80, 0])), "cyclic data");
    }
}
