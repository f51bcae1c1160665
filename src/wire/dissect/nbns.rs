//! NetBIOS name service (RFC 1002 §4.2): hosts register their names, and tell them
//! with their MAC when asked for their status.
//!
//! A name query is for another's name and says nothing of the sender. Names with
//! suffix 03 are those of logged-on users too and never leave.

use std::net::{IpAddr, Ipv4Addr};

use super::netbios::{NetbiosName, skip_labels};
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Arrival, Key};
use crate::wire::packet::Packet;

const HOSTNAME: Key = Key::new("nbns.hostname");
/// Domain or workgroup.
const DOMAIN: Key = Key::new("nbns.domain");
/// `domain-controller`.
const ROLE: Key = Key::new("nbns.role");
/// Unit identifier of a node status: the MAC of its adapter, also across routers.
const MAC: Key = Key::new("nbns.mac");

const PORT: u16 = 137;
/// Resource record types (RFC 1002 §4.2.1.3).
const NB: u16 = 0x0020;
const NBSTAT: u16 = 0x0021;
/// Operations of a registration, of one card or of several (RFC 1002 §4.2.1.1, MS-NBTE §2.2.1):
/// a refresh is neither.
const REGISTERS: [u16; 2] = [5, 15];
/// Flag of a group name (RFC 1002 §4.2.1.3, G).
const GROUP: u16 = 0x8000;

/// NetBIOS name service as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "nbns",
    standard: "RFC 1002",
    keys: &[HOSTNAME, DOMAIN, ROLE, MAC],
    ports: &[PORT],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// A header and the start of an encoded name behind it.
fn probe(packet: &Packet<'_>) -> Verdict {
    let at_port = packet.ports().is_some_and(|(src, dst)| src == PORT || dst == PORT);
    if at_port && packet.payload.get(12) == Some(&32) { Verdict::Yes } else { Verdict::No }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(2, "NAME_TRN_ID")?;
    let flags = r.u16_be("flags")?;
    let questions = r.u16_be("QDCOUNT")?;
    r.skip(6, "record counts")?;
    let (response, opcode, rcode) = (flags & 0x8000 != 0, (flags >> 11) & 0x0f, flags & 0x0f);
    match (response, opcode) {
        // Registration, refresh in both spellings, multi-homed registration (§4.2.1.1).
        (false, 5 | 8 | 9 | 15) => {
            let name = NetbiosName::read(&mut r)?;
            r.skip(4, "QUESTION_TYPE, QUESTION_CLASS")?;
            skip_labels(&mut r)?; // RR_NAME, the same name
            let is_own = own_name(packet, &name, r, out)?;
            // To all on the link; to a name server it may come through routers.
            let to_all = packet.dst_mac == Some(Mac([255; 6]));
            if is_own && to_all && REGISTERS.contains(&opcode) {
                Who::card(packet).into_iter().for_each(|card| out.arrives(card, Arrival::Netbios));
            }
            Ok(())
        }
        (true, 0) if rcode == 0 && questions == 0 => {
            let name = NetbiosName::read(&mut r)?;
            if r.rest().starts_with(&NBSTAT.to_be_bytes()) {
                node_status(r, out)
            } else {
                own_name(packet, &name, r, out).map(|_| ())
            }
        }
        _ => Ok(()),
    }
}

/// An NB record with the sender's own address (§4.2.2, §4.2.13): names of others,
/// as a name server tells them, are passed over. Whether it was.
fn own_name(
    packet: &Packet<'_>,
    name: &NetbiosName,
    mut r: Reader<'_>,
    out: &mut dyn Sink,
) -> Result<bool, Error> {
    if r.u16_be("RR_TYPE")? != NB {
        return Ok(false);
    }
    r.skip(8, "RR_CLASS, TTL, RDLENGTH")?;
    let flags = r.u16_be("NB_FLAGS")?;
    let ip = IpAddr::V4(Ipv4Addr::from(r.array::<4>("NB_ADDRESS")?));
    let is_own = packet.addresses().is_some_and(|(src, _)| src == ip);
    if is_own {
        say(name, flags, out);
    }
    Ok(is_own)
}

/// Node status response (§4.2.18): all names of the sender, then its unit identifier.
fn node_status(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(10, "RR_TYPE, RR_CLASS, TTL, RDLENGTH")?;
    for _ in 0..r.u8("NUM_NAMES")? {
        let name = NetbiosName::new(r.array("NODE_NAME")?);
        say(&name, r.u16_be("NAME_FLAGS")?, out);
    }
    let mac = Mac(r.array("UNIT_ID")?);
    // Samba leaves it zero.
    if mac.is_unicast() {
        out.fact(Who::Sender, &MAC, &mac.to_string());
    }
    Ok(())
}

/// What a suffix makes of a name (MS-NBTE §1.8 lists them).
fn say(name: &NetbiosName, flags: u16, out: &mut dyn Sink) {
    match (flags & GROUP != 0, name.suffix) {
        (false, 0x00 | 0x20) => out.fact(Who::Sender, &HOSTNAME, &name.text),
        (true, 0x00) => out.fact(Who::Sender, &DOMAIN, &name.text),
        (true, 0x1c) if !name.text.is_empty() => {
            out.fact(Who::Sender, &DOMAIN, &name.text);
            out.fact(Who::Sender, &ROLE, "domain-controller");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::netbios::encode;
    use super::super::testing::{facts, packet, starts, udp};
    use super::super::torture;
    use crate::net::Mac;
    use crate::wire::packet::Packet;

    fn registration(name: &str, suffix: u8, flags: u16, ip: [u8; 4]) -> Vec<u8> {
        let mut m = b"\x80\x01\x29\x10\0\x01\0\0\0\0\0\x01".to_vec();
        m.extend(encode(name, suffix));
        m.extend(b"\0\x20\0\x01\xc0\x0c\0\x20\0\x01\0\x04\x93\xe0\0\x06");
        m.extend(flags.to_be_bytes());
        m.extend(ip);
        m
    }

    fn status() -> Vec<u8> {
        let mut m = b"\0\0\x84\0\0\0\0\x01\0\0\0\0".to_vec();
        m.extend(encode("*", 0));
        m.extend(b"\0\x21\0\x01\0\0\0\0\0\x9b\x05");
        m.extend(b"CT-CONSOLE     \x00\x04\x00");
        m.extend(b"RAD            \x00\x84\x00");
        m.extend(b"CT-CONSOLE     \x20\x04\x00");
        m.extend(b"CANARY         \x03\x04\x00");
        m.extend(b"RAD            \x1c\x84\x00");
        m.extend([0x00, 0x09, 0xfb, 5, 0x93, 0x22]);
        m.extend([0; 40]);
        m
    }

    fn said(m: &[u8]) -> Vec<String> {
        facts(&packet("nbns", &udp(137, 137, m)).unwrap())
    }

    #[test]
    fn registrations_of_the_sender() {
        let own = [10, 0, 0, 1];
        assert_eq!(said(&registration("PACS1", 0x20, 0, own)), ["C nbns.hostname=PACS1"]);
        assert_eq!(said(&registration("RAD", 0, 0x8000, own)), ["C nbns.domain=RAD"]);
        assert!(said(&registration("CANARY", 3, 0, own)).is_empty());
        assert!(said(&registration("PACS1", 0, 0, [10, 0, 0, 9])).is_empty());
    }

    #[test]
    fn who_claims_a_name_of_all_has_come() {
        let said = |to, m: &[u8]| {
            let packet_of = Packet { dst_mac: Some(Mac(to)), ..udp(137, 137, m) };
            starts(&packet("nbns", &packet_of).unwrap())
        };
        let claim = registration("PACS1", 0x20, 0, [10, 0, 0, 1]);
        assert_eq!(said([255; 6], &claim), ["<02:00:00:00:00:01|> Netbios"]);
        assert!(said([2, 0, 0, 0, 0, 9], &claim).is_empty(), "a name server, by a router");
        let mut refresh = claim;
        refresh[2] = 0x40;
        assert!(said([255; 6], &refresh).is_empty());
        let anothers = registration("PACS1", 0x20, 0, [10, 0, 0, 9]);
        assert!(said([255; 6], &anothers).is_empty());
    }

    #[test]
    fn node_status_tells_names_and_mac() {
        let expected = [
            "C nbns.hostname=CT-CONSOLE",
            "C nbns.domain=RAD",
            "C nbns.hostname=CT-CONSOLE",
            "C nbns.domain=RAD",
            "C nbns.role=domain-controller",
            "C nbns.mac=00:09:fb:05:93:22",
        ];
        assert_eq!(said(&status()), expected);
    }

    #[test]
    fn survives_anything() {
        torture::packet("nbns", &udp(137, 137, &registration("P", 0, 0, [10, 0, 0, 1])), &[]);
        torture::packet("nbns", &udp(137, 137, &status()), &["\u{3}"]);
    }
}
