//! Link-Local Multicast Name Resolution (RFC 4795): a host answers for its own name.
//!
//! A query is for somebody else's name, so only answers count.

use super::dns::message::Message;
use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

const HOSTNAME: Key = Key::new("llmnr.hostname");
const PORT: u16 = 5355;

/// LLMNR as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "llmnr",
    standard: "RFC 4795",
    keys: &[HOSTNAME],
    ports: &[PORT],
    body: Body::Datagram { probe, answers: |_| None, read },
};

fn probe(packet: &Packet<'_>) -> Verdict {
    let one_question = |m: Message<'_>| m.opcode() == 0 && m.counts.first() == Some(&1);
    match packet.ports() {
        Some((src, dst)) if src == PORT || dst == PORT => {
            let fits = Message::read(packet.payload).is_ok_and(one_question);
            if fits { Verdict::Yes } else { Verdict::No }
        }
        _ => Verdict::No,
    }
}

/// An answer with the sender's own address: RFC 4795 §2.3 has a host answer only
/// for names that are its own.
fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let message = Message::read(packet.payload)?;
    let from_responder = packet.ports().is_some_and(|(src, _)| src == PORT);
    if !message.is_response() || message.rcode() != 0 || !from_responder {
        return Ok(());
    }
    let src = packet.addresses().map(|(src, _)| src);
    message.records(|record| {
        if record.address().is_some_and(|ip| Some(ip) == src) {
            out.fact(Who::Sender, &HOSTNAME, &record.name.text());
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;

    fn answer(ip: [u8; 4]) -> Vec<u8> {
        let mut m = b"\x12\x34\x80\0\0\x01\0\x01\0\0\0\0\x06PACS-1\0\0\x01\0\x01".to_vec();
        m.extend(b"\x06PACS-1\0\0\x01\0\x01\0\0\0\x1e\0\x04");
        m.extend(ip);
        m
    }

    #[test]
    fn own_name_only() {
        let said = |src, m: &[u8]| facts(&packet("llmnr", &udp(src, 40000, m)).unwrap());
        assert_eq!(said(5355, &answer([10, 0, 0, 1])), ["C llmnr.hostname=PACS-1"]);
        assert!(said(5355, &answer([10, 0, 0, 9])).is_empty());
        let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x06PACS-1\0\0\x01\0\x01";
        assert!(facts(&packet("llmnr", &udp(40000, 5355, query)).unwrap()).is_empty());
    }

    #[test]
    fn survives_anything() {
        torture::packet("llmnr", &udp(5355, 40000, &answer([10, 0, 0, 1])), &[]);
    }
}
