//! EtherNet/IP (CIP Networks Library volume 2 §2-4): what a controller or drive answers
//! to ListIdentity. Sessions and the data in them are not read.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Vendor number as ODVA gives it, decimal.
const VENDOR_ID: Key = Key::new("enip.vendor_id");
/// Device type (profile) number, decimal.
const DEVICE_TYPE: Key = Key::new("enip.device_type");
const PRODUCT_CODE: Key = Key::new("enip.product_code");
/// `major.minor`.
const REVISION: Key = Key::new("enip.revision");
/// Eight hexadecimal digits.
const SERIAL: Key = Key::new("enip.serial_number");
const PRODUCT_NAME: Key = Key::new("enip.product_name");

const KEYS: &[Key] = &[VENDOR_ID, DEVICE_TYPE, PRODUCT_CODE, REVISION, SERIAL, PRODUCT_NAME];

/// EtherNet/IP over UDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "enip",
    standard: "CIP Networks Library volume 2",
    keys: KEYS,
    ports: &[44818],
    body: Body::Datagram { probe, answers, read },
};

/// EtherNet/IP over TCP as a protocol.
pub(super) static TCP: Protocol = Protocol {
    name: "enip-tcp",
    standard: "CIP Networks Library volume 2",
    keys: KEYS,
    ports: &[44818],
    body: Body::Stream { probe: probe_tcp, start: || Box::new(Enip) },
};

/// Encapsulation header (§2-3.1).
const HEADER: usize = 24;
/// Largest data of a message (§2-3.4).
const MAX_DATA: u16 = 65511;
/// Commands (§2-3.2).
const LIST_SERVICES: u16 = 0x0004;
const LIST_IDENTITY: u16 = 0x0063;
const LIST_INTERFACES: u16 = 0x0064;
const REGISTER_SESSION: u16 = 0x0065;
/// Item of the answer to ListIdentity (§2-4.3.3).
const IDENTITY_ITEM: u16 = 0x000c;

struct Header {
    command: u16,
    length: u16,
}

/// Command, length, session, status, sender context, options, which must be zero.
fn header(r: &mut Reader<'_>) -> Result<Header, Error> {
    let (command, length) = (r.u16_le("command")?, r.u16_le("length")?);
    r.skip(4, "session handle")?;
    let status = r.u32_le("status")?;
    r.skip(8, "sender context")?;
    let known = matches!(command, 0 | LIST_SERVICES | LIST_IDENTITY..=0x0066 | 0x006f | 0x0070);
    if !known || status > 0xff || length > MAX_DATA || r.u32_le("options")? != 0 {
        return Err(Error::invalid("encapsulation header"));
    }
    Ok(Header { command, length })
}

fn lists(command: u16) -> bool {
    matches!(command, LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES)
}

fn probe(packet: &Packet<'_>) -> Verdict {
    let mut r = Reader::new(packet.payload);
    match header(&mut r) {
        Ok(it) if lists(it.command) && usize::from(it.length) == r.remaining() => Verdict::Yes,
        _ => Verdict::No,
    }
}

/// A question has no data; an answer has.
fn answers(packet: &Packet<'_>) -> Option<bool> {
    Some(packet.payload.len() > HEADER)
}

fn probe_tcp(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let begins =
        bytes.is_empty() || matches!(bytes, [0x04 | 0x63..=0x65] | [0x04 | 0x63..=0x65, 0, ..]);
    let mut r = Reader::new(bytes);
    match header(&mut r) {
        _ if !begins => Verdict::No,
        Ok(Header { command: REGISTER_SESSION, length: 4 }) => match r.rest() {
            // Protocol version 1, no options (§2-4.4).
            [1, 0, 0, 0, ..] => Verdict::Yes,
            rest if rest.len() < 4 => Verdict::More,
            _ => Verdict::No,
        },
        Ok(it) if lists(it.command) => Verdict::Yes,
        Ok(_) => Verdict::No,
        Err(_) if bytes.len() < HEADER => Verdict::More,
        Err(_) => Verdict::No,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    match header(&mut r)?.command {
        LIST_IDENTITY if !r.is_empty() => identities(r, out),
        _ => Ok(()),
    }
}

struct Enip;

impl Dissector for Enip {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < HEADER {
            return Ok(Progress::Need(HEADER));
        }
        let mut r = Reader::new(bytes);
        let Header { command, length } = header(&mut r)?;
        let whole = HEADER.saturating_add(usize::from(length));
        if (command, from) != (LIST_IDENTITY, Side::Server) {
            return Ok(Progress::Skip(u64::try_from(whole).unwrap_or(u64::MAX)));
        }
        let Ok(data) = r.take(usize::from(length), "data") else {
            return Ok(Progress::Need(whole));
        };
        identities(Reader::new(data), out)?;
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// The identity item (§2-4.3.3). Of several the first is the device itself.
fn identities(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if r.u16_le("item count")? == 0 {
        return Ok(());
    }
    if r.u16_le("item type")? != IDENTITY_ITEM {
        return Err(Error::invalid("item type"));
    }
    let len = usize::from(r.u16_le("item length")?);
    let mut item = Reader::new(r.take(len, "item")?);
    item.skip(18, "protocol version, socket address")?;
    let (vendor, kind) = (item.u16_le("vendor id")?, item.u16_le("device type")?);
    let code = item.u16_le("product code")?;
    let [major, minor] = item.array("revision")?;
    item.skip(2, "status")?;
    let serial = item.u32_le("serial number")?;
    let len = usize::from(item.u8("product name length")?);
    let name = item.take(len, "product name")?;
    out.fact(Who::Sender, &VENDOR_ID, &vendor.to_string());
    out.fact(Who::Sender, &DEVICE_TYPE, &kind.to_string());
    out.fact(Who::Sender, &PRODUCT_CODE, &code.to_string());
    out.fact(Who::Sender, &REVISION, &format!("{major}.{minor}"));
    // Zero where the maker gives none.
    if serial != 0 {
        out.fact(Who::Sender, &SERIAL, &format!("{serial:08x}"));
    }
    out.fact(Who::Sender, &PRODUCT_NAME, &String::from_utf8_lossy(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, stream, udp};
    use super::super::torture;
    use super::*;

    fn message(command: u16, data: &[u8]) -> Vec<u8> {
        let mut m = [command.to_le_bytes(), (data.len() as u16).to_le_bytes()].concat();
        m.resize(24, 0);
        m.extend(data);
        m
    }

    fn identity() -> Vec<u8> {
        let name = b"1769-L33ER";
        let mut data = vec![1, 0, 0x0c, 0, 34 + name.len() as u8, 0, 1, 0];
        data.extend([0, 2, 0xaf, 0x12, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        data.extend([1, 0, 14, 0, 107, 0, 30, 11, 0x60, 0, 0x4d, 0x3c, 0x2b, 0x1a]);
        data.push(name.len() as u8);
        data.extend(name);
        data.push(3);
        message(0x63, &data)
    }

    const FACTS: [&str; 6] = [
        "enip.vendor_id=1",
        "enip.device_type=14",
        "enip.product_code=107",
        "enip.revision=30.11",
        "enip.serial_number=1a2b3c4d",
        "enip.product_name=1769-L33ER",
    ];

    #[test]
    fn over_udp() {
        let m = identity();
        let answer = udp(44818, 50000, &m);
        assert_eq!(facts(&packet("enip", &answer).unwrap()), FACTS.map(|f| format!("C {f}")));
        assert_eq!(answers(&answer), Some(true));
        torture::packet("enip", &answer, &[]);
        let ask = message(0x63, &[]);
        assert_eq!(probe(&udp(1, 44818, &ask)), Verdict::Yes);
        assert_eq!(probe(&udp(1, 44818, &ask[..23])), Verdict::No);
        assert_eq!(probe(&udp(1, 44818, &message(0x6f, &[]))), Verdict::No);
    }

    #[test]
    fn over_tcp() {
        let (register, data) = (message(0x65, &[1, 0, 0, 0]), message(0x6f, b"CANARY"));
        let (ask, answer) = (message(0x63, &[]), identity());
        let talk = [(b'C', &register[..]), (b'S', &register), (b'C', &data), (b'C', &ask)];
        let talk = [&talk[..], &[(b'S', &answer[..])]].concat();
        assert_eq!(facts(&stream("enip-tcp", &talk)), FACTS.map(|f| format!("S {f}")));
        torture::stream("enip-tcp", &talk, &["CANARY"]);
        let open =
            |bytes| probe_tcp(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        assert_eq!(open(&register[..25]), Verdict::More);
        assert_eq!(open(b"e"), Verdict::More);
        assert_eq!(open(b"ehlo x"), Verdict::No);
    }
}
