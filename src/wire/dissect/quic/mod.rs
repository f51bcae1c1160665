//! QUIC versions 1 and 2 (RFC 9000, RFC 9369): whom a client asks for, in the first packet
//! of a conversation. Its keys follow from the packet itself (RFC 9001 §5.2), so whoever
//! sees it can read it, and a right tag proves that it is one. All else is encrypted.
//!
//! Of a ClientHello that needs several datagrams only what one of them holds is read.

mod keys;
#[cfg(test)]
mod tests;

use keys::Keys;

use super::reader::wide;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who, tls};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Server name indication, as of TLS.
const REQUESTS_HOST: Key = Key::new("quic.requests_host");
/// JA4 fingerprint of the client.
const JA4: Key = Key::new("quic.ja4");
/// `1` or `2`.
const VERSION: Key = Key::new("quic.version");

/// QUIC as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "quic",
    standard: "RFC 9000, RFC 9001, RFC 9369",
    keys: &[REQUESTS_HOST, JA4, VERSION],
    ports: &[443],
    body: Body::Datagram { probe, answers, read },
};

/// A client fills its first datagram up to here (RFC 9000 §14.1).
const MIN_DATAGRAM: usize = 1200;
/// Connection identifiers (RFC 9000 §17.2, §7.2).
const MIN_FIRST_ID: u8 = 8;
const MAX_ID: u8 = 20;
/// Bytes from the packet number to the sample of header protection (RFC 9001 §5.4.2).
const TO_SAMPLE: usize = 4;
const SAMPLE: usize = 16;
/// Longest ClientHello that is put together, and pieces that it may come in.
const MAX_HELLO: usize = 4096;
const MAX_FRAMES: usize = 1024;
const CLIENT_HELLO: u8 = 1;

/// Versions that are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The head of a client's first packet, without its protection.
struct Initial<'a> {
    version: Version,
    /// What the keys follow from.
    id: &'a [u8],
    /// Bytes before the packet number.
    head: usize,
    /// The packet, up to its end.
    packet: &'a [u8],
}

impl<'a> Initial<'a> {
    /// Long header (RFC 9000 §17.2.2).
    fn read(payload: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(payload);
        let first = r.u8("Header Form")?;
        if first & 0xc0 != 0xc0 || payload.len() < MIN_DATAGRAM {
            return Err(Error::invalid("Header Form"));
        }
        // The types have other numbers in version 2 (RFC 9369 §3.2).
        let version = match (r.u32_be("Version")?, first & 0x30) {
            (0x0000_0001, 0x00) => Version::One,
            (0x6b33_43cf, 0x10) => Version::Two,
            _ => return Err(Error::invalid("Version")),
        };
        let length = r.u8("Destination Connection ID Length")?;
        if !(MIN_FIRST_ID..=MAX_ID).contains(&length) {
            return Err(Error::invalid("Destination Connection ID Length"));
        }
        let id = r.take(usize::from(length), "Destination Connection ID")?;
        let length = r.u8("Source Connection ID Length")?;
        if length > MAX_ID {
            return Err(Error::invalid("Source Connection ID Length"));
        }
        r.skip(usize::from(length), "Source Connection ID")?;
        let token = varint(&mut r, "Token Length")?;
        r.skip(token, "Token")?;
        let length = varint(&mut r, "Length")?;
        let head = r.position();
        r.take(length, "Packet Payload")?;
        let packet = payload.get(..r.position()).unwrap_or_default();
        Ok(Self { version, id, head, packet })
    }

    /// The frames, when the tag is right (RFC 9001 §5.3, §5.4).
    fn open(&self) -> Result<Vec<u8>, Error> {
        let field = "Packet Payload";
        let at = self.head.saturating_add(TO_SAMPLE);
        let sample = Reader::new(self.packet).at(at, field)?.array::<SAMPLE>(field)?;
        let keys = Keys::of(self.version, self.id).ok_or(Error::invalid(field))?;
        let [mask, masks @ ..] = keys.mask(sample);
        let mut head = self.packet.get(..at).unwrap_or_default().to_vec();
        let first = head.first_mut().ok_or(Error::short(field))?;
        *first ^= mask & 0x0f;
        let number = usize::from(*first & 3).saturating_add(1);
        head.truncate(self.head.saturating_add(number));
        let mut packet_number = 0_u64;
        for (byte, mask) in head.iter_mut().skip(self.head).zip(masks) {
            *byte ^= mask;
            packet_number = packet_number << 8 | u64::from(*byte);
        }
        let sealed = self.packet.get(head.len()..).ok_or(Error::short(field))?;
        keys.open(packet_number, &head, sealed).ok_or(Error::invalid(field))
    }
}

/// Variable-length integer (RFC 9000 §16).
fn varint(r: &mut Reader<'_>, field: &'static str) -> Result<usize, Error> {
    let first = r.u8(field)?;
    let low = u32::from(first & 0x3f);
    match first >> 6 {
        0 => Ok(wide(low)),
        1 => Ok(wide(low << 8 | u32::from(r.u8(field)?))),
        2 => {
            let [a, b, c] = r.array(field)?;
            Ok(wide(low << 24 | u32::from_be_bytes([0, a, b, c])))
        }
        _ => Err(Error::too_large(field)),
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    match Initial::read(packet.payload).and_then(|it| it.open()) {
        Ok(_) => Verdict::Yes,
        Err(_) => Verdict::No,
    }
}

/// Only a client's first packets can be read at all.
fn answers(packet: &Packet<'_>) -> Option<bool> {
    (probe(packet) == Verdict::Yes).then_some(false)
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    // What follows in the conversation has other keys.
    let Ok(initial) = Initial::read(packet.payload) else { return Ok(()) };
    let Ok(frames) = initial.open() else { return Ok(()) };
    let version = if initial.version == Version::One { "1" } else { "2" };
    out.fact(Who::Sender, &VERSION, version);
    let (hello, whole) = crypto(&frames)?;
    let Some(([CLIENT_HELLO, a, b, c], body)) = hello.split_first_chunk::<4>() else {
        return Ok(()); // It begins in another datagram.
    };
    let length = wide(u32::from_be_bytes([0, *a, *b, *c]));
    match body.get(..length) {
        Some(body) if whole => {
            let hello = tls::Hello::read(body)?;
            if let Some(name) = hello.name {
                out.fact(Who::Sender, &REQUESTS_HOST, &name);
            }
            out.fact(Who::Sender, &JA4, &hello.offer.fingerprint('q'));
        }
        _ => {
            if let Some(name) = tls::Hello::name_of_part(body) {
                out.fact(Who::Sender, &REQUESTS_HOST, &name);
            }
        }
    }
    Ok(())
}

/// What the CRYPTO frames (RFC 9000 §19.6) hold without a hole from the beginning on,
/// and whether that is all that they hold.
fn crypto(frames: &[u8]) -> Result<(Vec<u8>, bool), Error> {
    let mut r = Reader::new(frames);
    let mut pieces: Vec<(usize, &[u8])> = Vec::new();
    while !r.is_empty() && pieces.len() < MAX_FRAMES {
        match r.u8("Frame Type")? {
            // PADDING, PING.
            0 | 1 => {}
            6 => {
                let offset = varint(&mut r, "Offset")?;
                let length = varint(&mut r, "Length")?;
                pieces.push((offset, r.take(length, "Crypto Data")?));
            }
            // ACK, CONNECTION_CLOSE: no hello comes with them.
            _ => break,
        }
    }
    pieces.sort_by_key(|(offset, _)| *offset);
    let (mut hello, mut whole) = (Vec::new(), true);
    for (offset, piece) in pieces {
        let Some(known) = hello.len().checked_sub(offset) else {
            whole = false;
            break;
        };
        hello.extend_from_slice(piece.get(known..).unwrap_or_default());
        if hello.len() > MAX_HELLO {
            return Err(Error::too_large("Crypto Data"));
        }
    }
    Ok((hello, whole))
}
