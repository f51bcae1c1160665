//! Internet Key Exchange, versions 1 and 2 (RFC 2408, RFC 7296): the ends of an IPsec
//! tunnel say by Vendor ID payloads whose software they are.

use super::winstr::hex;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `1` or `2`.
const VERSION: Key = Key::new("ike.version");
/// A Vendor ID in hexadecimal, its first twenty bytes.
const VENDOR_ID: Key = Key::new("ike.vendor_id");

/// IKE as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ike",
    standard: "RFC 2408, RFC 7296",
    keys: &[VERSION, VENDOR_ID],
    ports: &[500, 4500],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// Vendor ID payload of version 1 (RFC 2408 §3.1) and of version 2 (RFC 7296 §3.2).
const VENDOR: [u8; 2] = [13, 43];
/// Payloads of one message that are looked at.
const MAX_PAYLOADS: usize = 32;
const MAX_ID: usize = 20;
/// Flag of an encrypted message (RFC 2408 §3.1), and the payload that is (RFC 7296 §3.14).
const ENCRYPTED: u8 = 1;
const ENCRYPTED_PAYLOAD: u8 = 46;

/// The header (RFC 7296 §3.1), behind four zero bytes on port 4500 (RFC 3948 §2.2):
/// version, first payload, and the payloads when they are not encrypted.
fn message(payload: &[u8]) -> Result<(u8, u8, Option<&[u8]>), Error> {
    let payload = payload.strip_prefix(&[0; 4]).unwrap_or(payload);
    let mut r = Reader::new(payload);
    if r.array::<8>("initiator SPI")? == [0; 8] {
        return Err(Error::invalid("initiator SPI"));
    }
    r.skip(8, "responder SPI")?;
    let first = r.u8("next payload")?;
    let version = r.u8("version")?;
    let exchange = r.u8("exchange type")?;
    let flags = r.u8("flags")?;
    r.skip(4, "message ID")?;
    let length = super::reader::wide(r.u32_be("length")?);
    // Exchange types of RFC 2408 §3.1 with RFC 2409, and of RFC 7296 §3.1 on.
    let known = match version {
        0x10 => matches!(exchange, 1..=6 | 32..=34) && flags <= 7,
        0x20 => matches!(exchange, 34..=43) && flags & 0xc7 == 0,
        _ => false,
    };
    if !known || length != payload.len() {
        return Err(Error::invalid("header"));
    }
    let clear = version == 0x20 || flags & ENCRYPTED == 0;
    Ok((version >> 4, first, clear.then_some(r.rest())))
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if message(packet.payload).is_ok() { Verdict::Yes } else { Verdict::No }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    // On port 4500 the tunnel's own packets come in the same conversation.
    let Ok((version, mut kind, rest)) = message(packet.payload) else { return Ok(()) };
    out.fact(Who::Sender, &VERSION, if version == 1 { "1" } else { "2" });
    let mut r = Reader::new(rest.unwrap_or_default());
    for _ in 0..MAX_PAYLOADS {
        if kind == 0 || kind == ENCRYPTED_PAYLOAD || r.is_empty() {
            break;
        }
        let next = r.u8("next payload")?;
        r.skip(1, "reserved")?;
        let length = r.u16_be("payload length")?.checked_sub(4);
        let length = length.ok_or(Error::invalid("payload length"))?;
        let payload = r.take(usize::from(length), "payload")?;
        if VENDOR.contains(&kind) {
            let id = payload.get(..payload.len().min(MAX_ID)).unwrap_or_default();
            out.fact(Who::Sender, &VENDOR_ID, &hex(id));
        }
        kind = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn sent(version: u8, exchange: u8, flags: u8, payloads: &[(u8, &[u8])]) -> Vec<u8> {
        let mut it = vec![7; 8];
        it.extend([0; 8]);
        it.extend([payloads.first().map_or(0, |p| p.0), version, exchange, flags, 0, 0, 0, 0]);
        let mut rest = Vec::new();
        for (at, (_, body)) in payloads.iter().enumerate() {
            rest.push(payloads.get(at + 1).map_or(0, |p| p.0));
            rest.push(0);
            rest.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
            rest.extend(*body);
        }
        it.extend(u32::try_from(28 + rest.len()).unwrap().to_be_bytes());
        it.extend(rest);
        it
    }

    #[test]
    fn vendors_are_named() {
        let said = |m: &[u8]| facts(&packet("ike", &udp(500, 500, m)).unwrap());
        let first = sent(0x10, 2, 0, &[(1, b"CANARY"), (13, &[0xaf, 0xca, 0xd7]), (13, &[9; 40])]);
        let long = format!("C ike.vendor_id={}", "09".repeat(20));
        assert_eq!(said(&first), ["C ike.version=1", "C ike.vendor_id=afcad7", &long]);
        let second = sent(0x20, 34, 8, &[(33, b"CANARY"), (43, b"strong")]);
        assert_eq!(said(&second), ["C ike.version=2", "C ike.vendor_id=7374726f6e67"]);
        assert_eq!(said(&[&[0; 4][..], &second].concat()).len(), 2, "on port 4500");
        let encrypted = sent(0x10, 5, 1, &[(13, b"CANARY")]);
        assert_eq!(said(&encrypted), ["C ike.version=1"]);
        torture::packet("ike", &udp(500, 500, &first), &["CANARY"]);
    }

    #[test]
    fn others_are_not_recognised() {
        let whole = sent(0x20, 34, 8, &[(43, b"x")]);
        let mut other = whole.clone();
        other[17] = 0x30;
        for payload in [&whole[..whole.len() - 1], &other, &[0; 28], b""] {
            assert_eq!(probe(&udp(500, 500, payload)), Verdict::No);
        }
    }
}
