//! KNXnet/IP (ISO 22510, EN 13321-2): interfaces and routers of building wiring answer
//! a search with a description of themselves.

use super::winstr::{hex, unmarked};
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Name as configured.
const NAME: Key = Key::new("knx.name");
/// Twelve hexadecimal digits, of which the first four are the maker.
const SERIAL: Key = Key::new("knx.serial_number");
const MAC: Key = Key::new("knx.mac");
/// Address on the wiring: `1.1.250`.
const ADDRESS: Key = Key::new("knx.address");

/// KNXnet/IP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "knx",
    standard: "ISO 22510",
    keys: &[NAME, SERIAL, MAC, ADDRESS],
    ports: &[3671],
    body: Body::Datagram { probe, answers, read },
};

/// Services (core, §7.5): answers to a search, a description, an extended search.
const SEARCH_ANSWER: u16 = 0x0202;
const DESCRIPTION: u16 = 0x0204;
const EXTENDED_ANSWER: u16 = 0x020c;
/// Description block with the device itself (§7.5.4.2).
const DEVICE: u8 = 1;

/// Service of a frame whose header is whole and whose length fits (§2.3).
fn service(payload: &[u8]) -> Option<u16> {
    let [6, 0x10, high, low, a, b] = *payload.first_chunk()? else { return None };
    let fits = usize::from(u16::from_be_bytes([a, b])) == payload.len();
    let service = u16::from_be_bytes([high, low]);
    let known = matches!(service >> 8, 0x02 | 0x03 | 0x04 | 0x05 | 0x09);
    (fits && known).then_some(service)
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if service(packet.payload).is_some() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    match service(packet.payload)? {
        SEARCH_ANSWER | DESCRIPTION | EXTENDED_ANSWER | 0x0206 | 0x0208 => Some(true),
        0x0201 | 0x0203 | 0x0205 | 0x0207 | 0x020b => Some(false),
        _ => None,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(6, "header")?;
    match service(packet.payload) {
        Some(SEARCH_ANSWER | EXTENDED_ANSWER) => r.skip(8, "control endpoint")?,
        Some(DESCRIPTION) => {}
        _ => return Ok(()),
    }
    while !r.is_empty() {
        let len = usize::from(r.u8("block length")?);
        let len = len.checked_sub(2).ok_or(Error::invalid("block length"))?;
        let kind = r.u8("block type")?;
        let block = r.take(len, "block")?;
        if kind == DEVICE {
            device(Reader::new(block), out)?;
        }
    }
    Ok(())
}

/// Medium, status, address, project, serial number, multicast, MAC, name.
fn device(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(2, "medium, status")?;
    let [high, low] = r.array("address")?;
    r.skip(2, "project")?;
    let serial = r.array::<6>("serial number")?;
    r.skip(4, "multicast address")?;
    let mac = Mac(r.array("MAC")?);
    let name = r.take(30, "name")?;
    out.fact(Who::Sender, &ADDRESS, &format!("{}.{}.{low}", high >> 4, high & 0x0f));
    if is_telling(serial) {
        out.fact(Who::Sender, &SERIAL, &hex(&serial));
    }
    if mac.is_unicast() {
        out.fact(Who::Sender, &MAC, &mac.to_string());
    }
    out.fact(Who::Sender, &NAME, &unmarked(name));
    Ok(())
}

/// Whether a serial number was given: not one byte all through, nor the first of all.
fn is_telling(serial: [u8; 6]) -> bool {
    let [first, ..] = serial;
    serial.iter().any(|byte| *byte != first) && serial != [0, 0, 0, 0, 0, 1]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn answer() -> Vec<u8> {
        let mut m = vec![6, 0x10, 2, 2, 0, 76, 8, 1, 10, 0, 0, 1, 0x0e, 0x57, 54, 1, 2, 0];
        m.extend([0x11, 0xfa, 0, 0, 0, 0xa6, 1, 2, 3, 4, 224, 0, 23, 12, 0, 0x0e, 0x8c, 1, 2, 3]);
        let mut name = b"KNX IP Router 752".to_vec();
        name.resize(30, 0);
        m.extend(name);
        m.extend([8, 2, 2, 1, 3, 1, 4, 1]);
        m
    }

    #[test]
    fn a_serial_number_that_was_never_given_is_none() {
        for serial in [[0; 6], [0xff; 6], [1; 6], [0, 0, 0, 0, 0, 1]] {
            let mut m = answer();
            m[22..28].copy_from_slice(&serial);
            let said = facts(&packet("knx", &udp(3671, 3671, &m)).unwrap());
            assert_eq!(said.len(), 3, "{serial:?}: {said:?}");
        }
    }

    #[test]
    fn router_describes_itself() {
        let m = answer();
        let expected = [
            "C knx.address=1.1.250",
            "C knx.serial_number=00a601020304",
            "C knx.mac=00:0e:8c:01:02:03",
            "C knx.name=KNX IP Router 752",
        ];
        assert_eq!(facts(&packet("knx", &udp(3671, 3671, &m)).unwrap()), expected);
        assert_eq!(answers(&udp(3671, 3671, &m)), Some(true));
        torture::packet("knx", &udp(3671, 3671, &m), &[]);
        for other in [&m[..75], b"\x06\x10\x07\x01\x00\x06", b""] {
            assert_eq!(probe(&udp(3671, 3671, other)), Verdict::No);
        }
    }
}
