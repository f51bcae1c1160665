//! Oracle's Transparent Network Substrate: which program on which computer asks for a
//! database, and what a server says of its version when it refuses. Users, services and
//! all data are not read.

use super::label::label;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// File name of the program that asks.
const PROGRAM: Key = Key::new("oracle.program");
/// Name of the computer that asks.
const HOSTNAME: Key = Key::new("oracle.hostname");
/// `11.2.0`, of the server.
const VERSION: Key = Key::new("oracle.version");
/// Version of the protocol that the server accepts: `314`.
const ACCEPTED: Key = Key::new("oracle.tns_version");

/// TNS as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "oracle",
    standard: "Oracle Net (TNS), as observed",
    keys: &[PROGRAM, HOSTNAME, VERSION, ACCEPTED],
    ports: &[1521],
    body: Body::Stream { probe, start: || Box::new(Tns) },
};

const HEADER: usize = 8;
/// Types of packets.
const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const RESEND: u8 = 11;
/// Longest packet that is read, and parts of a descriptor that are looked at.
const MAX_PACKET: usize = 4096;
const MAX_PARTS: usize = 128;
/// Versions of the protocol, from Oracle 7 on.
const VERSIONS: std::ops::RangeInclusive<u16> = 300..=330;

/// Length and type of a packet.
fn head(bytes: &[u8]) -> Result<Option<(usize, u8)>, Error> {
    let Some([high, low, 0, 0, kind, _, 0, 0]) = bytes.first_chunk::<HEADER>() else {
        let begins = bytes.len() < HEADER && bytes.iter().skip(2).take(2).all(|b| *b == 0);
        return if begins { Ok(None) } else { Err(Error::invalid("header")) };
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !(HEADER..=MAX_PACKET).contains(&length) {
        return Err(Error::invalid("length"));
    }
    Ok(Some((length, *kind)))
}

/// A connect packet whose data is a descriptor.
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    match head(bytes) {
        Ok(Some((length, CONNECT))) => match bytes.get(HEADER..34) {
            None => Verdict::More,
            Some(_) if connect_fits(bytes, length) => Verdict::Yes,
            Some(_) => Verdict::No,
        },
        Ok(None) if bytes.get(4).is_none_or(|kind| *kind == CONNECT) => Verdict::More,
        _ => Verdict::No,
    }
}

fn connect_fits(bytes: &[u8], length: usize) -> bool {
    let (Ok(version), Ok((size, offset))) = (u16_at(bytes, HEADER), place(bytes)) else {
        return false;
    };
    VERSIONS.contains(&version)
        && size > 0
        // Long descriptors follow in a packet of their own.
        && (offset.saturating_add(size) == length || offset == length)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    Reader::new(bytes).at(at, "version")?.u16_be("version")
}

/// Length and offset of the connect data.
fn place(bytes: &[u8]) -> Result<(usize, usize), Error> {
    let mut r = Reader::new(bytes).at(24, "connect data")?;
    let size = usize::from(r.u16_be("connect data length")?);
    Ok((size, usize::from(r.u16_be("connect data offset")?)))
}

struct Tns;

impl Dissector for Tns {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let Some((length, kind)) = head(bytes)? else { return Ok(Progress::Need(HEADER)) };
        let Some(packet) = bytes.get(..length) else { return Ok(Progress::Need(length)) };
        match (kind, from) {
            (CONNECT, Side::Client) => {
                let (size, offset) = place(packet)?;
                if offset < length {
                    let mut r = Reader::new(packet).at(offset, "connect data")?;
                    caller(r.take(size, "connect data")?, out);
                }
            }
            (ACCEPT, Side::Server) => {
                let version = u16_at(packet, HEADER)?;
                if VERSIONS.contains(&version) {
                    out.fact(Who::Sender, &ACCEPTED, &version.to_string());
                }
                return Ok(Progress::Done);
            }
            (REFUSE, Side::Server) => {
                if let Some(version) = refused(packet) {
                    out.fact(Who::Sender, &VERSION, &version);
                }
                return Ok(Progress::Done);
            }
            (RESEND, Side::Server) => {}
            // The descriptor by itself, where it is too long.
            (6, Side::Client) => {
                caller(packet.get(HEADER.saturating_add(2)..).unwrap_or_default(), out);
            }
            (REDIRECT, Side::Server) => return Ok(Progress::Done),
            _ => return Ok(Progress::Done),
        }
        Ok(Progress::Consumed(length))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// PROGRAM and HOST of the part that says who calls: `(CID=(PROGRAM=…)(HOST=…)(USER=…))`.
/// The same names elsewhere are the server's.
fn caller(descriptor: &[u8], out: &mut dyn Sink) {
    let upper = descriptor.to_ascii_uppercase();
    let Some(at) = upper.windows(5).position(|it| it == b"(CID=") else { return };
    let rest = descriptor.get(at.saturating_add(5)..).unwrap_or_default();
    for part in rest.split(|&b| b == b'(').skip(1).take(MAX_PARTS) {
        let Some(end) = part.iter().position(|&b| b == b')') else { return };
        let (part, behind) = part.split_at(end);
        let Ok(part) = std::str::from_utf8(part) else { return };
        if let Some((name, value)) = part.split_once('=') {
            match name.trim().to_ascii_uppercase().as_str() {
                "PROGRAM" => {
                    // A path may lead through a person's folder.
                    let file = value.rsplit(['/', '\\']).next().and_then(label);
                    out.fact(Who::Sender, &PROGRAM, file.unwrap_or_default());
                }
                "HOST" => out.fact(Who::Sender, &HOSTNAME, label(value).unwrap_or_default()),
                _ => {}
            }
        }
        // Two in a row end the part.
        if behind.starts_with(b"))") {
            return;
        }
    }
}

/// `VSNNUM` in the text of a refusal: parts of 8, 4, 8 bits, from 18 on of 8, 8, 4.
fn refused(packet: &[u8]) -> Option<String> {
    let at = packet.windows(8).position(|it| it == b"(VSNNUM=")?;
    let rest = packet.get(at.saturating_add(8)..)?;
    let end = rest.iter().take(12).position(|&b| b == b')')?;
    let number: u32 = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
    let [major, second, third, _] = number.to_be_bytes();
    match major {
        7..18 => {
            let third = (second & 0x0f) << 4 | third >> 4;
            Some(format!("{major}.{}.{third}", second >> 4))
        }
        18..40 => Some(format!("{major}.{second}.{}", third >> 4)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + HEADER).unwrap().to_be_bytes();
        [&length[..], &[0, 0, kind, 0, 0, 0], body].concat()
    }

    fn connect(version: u16, descriptor: &[u8]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([1, 44, 12, 65, 32, 0, 255, 255, 127, 8, 0, 0, 1, 0]);
        body.extend(u16::try_from(descriptor.len()).unwrap().to_be_bytes());
        body.extend([0, 58]);
        body.resize(50, 0);
        body.extend(descriptor);
        framed(CONNECT, &body)
    }

    const DESCRIPTOR: &[u8] = b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=CANARY)\
        (CID=(PROGRAM=C:\\Users\\CANARY\\pacs.exe)(HOST=CT-WS-1)(USER=CANARY)))\
        (ADDRESS=(PROTOCOL=TCP)(HOST=CANARY)(PORT=1521)))";

    #[test]
    fn who_asks_and_what_refuses() {
        let asked = connect(314, DESCRIPTOR);
        let refusal = b"\x04\x22\0\x40(DESCRIPTION=(TMP=)(VSNNUM=186647552)(ERR=12514))";
        let refusal = framed(REFUSE, refusal);
        let segments: &[(u8, &[u8])] = &[(b'C', &asked), (b'S', &refusal)];
        let said = facts(&stream("oracle", segments));
        let expected =
            ["C oracle.program=pacs.exe", "C oracle.hostname=CT-WS-1", "S oracle.version=11.2.0"];
        assert_eq!(said, expected);
        torture::stream("oracle", segments, &[]);
        let accepted = framed(ACCEPT, &[1, 58, 0, 0]);
        let said = stream("oracle", &[(b'C', &asked), (b'S', &accepted)]);
        assert_eq!(facts(&said)[2], "S oracle.tns_version=314");
    }

    #[test]
    fn numbers_of_versions() {
        let said = |number: &str| refused(format!("(VSNNUM={number})").as_bytes());
        assert_eq!(said("318767104").as_deref(), Some("19.0.0"));
        assert_eq!(said("169870592").as_deref(), Some("10.2.0"));
        assert_eq!(said("1"), None);
        assert_eq!(said("99999999999"), None);
    }

    #[test]
    fn probe_is_strict() {
        let ask =
            |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        let it = connect(314, DESCRIPTOR);
        assert_eq!(ask(&it), Verdict::Yes);
        assert_eq!(ask(&it[..7]), Verdict::More);
        assert_eq!(ask(&connect(100, DESCRIPTOR)), Verdict::No);
        assert_eq!(ask(&framed(ACCEPT, &[0; 40])), Verdict::No);
        assert_eq!(ask(b"\0\x40\0\0\x01\0\0\0CANARYCANARYCANARYCANARYCANARY"), Verdict::No);
    }
}
