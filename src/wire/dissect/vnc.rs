//! VNC, the Remote Framebuffer Protocol (RFC 6143 §7.1): versions and what a server asks
//! for before it shows its screen. The desktop's name may be a person's and is not read.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `003.008`: the newest version that each side speaks.
const VERSION: Key = Key::new("vnc.version");
/// Security types that a server offers, in its order, joined by commas: `none` lets
/// anybody in.
const SECURITY: Key = Key::new("vnc.security");

/// VNC as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "vnc",
    standard: "RFC 6143",
    keys: &[VERSION, SECURITY],
    ports: &[5900, 5901],
    body: Body::Stream { probe, start: || Box::<Vnc>::default() },
};

/// `RFB xxx.yyy` and a line feed (§7.1.1).
const LINE: usize = 12;

fn version(line: &[u8]) -> Option<&str> {
    let number = line.strip_prefix(b"RFB ")?.strip_suffix(b"\n")?;
    let fits = number.len() == 7
        && number.iter().enumerate().all(|(at, b)| match at {
            3 => *b == b'.',
            _ => b.is_ascii_digit(),
        });
    fits.then(|| std::str::from_utf8(number).ok()).flatten()
}

fn probe(opening: &Opening<'_>) -> Verdict {
    match opening.bytes.get(..LINE) {
        Some(line) if version(line).is_some() => Verdict::Yes,
        None if b"RFB 00".starts_with(opening.bytes.get(..6).unwrap_or(opening.bytes)) => {
            Verdict::More
        }
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Vnc {
    /// Version of the client, by which the answer's form is decided.
    client: Option<String>,
    server: bool,
}

impl Dissector for Vnc {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let said = if from == Side::Client { self.client.is_some() } else { self.server };
        if said {
            return self.security(from, bytes, out);
        }
        let Some(line) = bytes.get(..LINE) else { return Ok(Progress::Need(LINE)) };
        let version = version(line).ok_or(Error::invalid("ProtocolVersion"))?;
        out.fact(Who::Sender, &VERSION, version);
        match from {
            Side::Client => self.client = Some(version.to_owned()),
            Side::Server => self.server = true,
        }
        Ok(Progress::Consumed(LINE))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Vnc {
    /// §7.1.2: a count and the types, or with version 3.3 the one type that it will be.
    fn security(&self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if from == Side::Client {
            // A choice, which the server's list says better.
            return Ok(Progress::Skip(u64::MAX));
        }
        let mut r = Reader::new(bytes);
        let types: Vec<u8> = if self.client.as_deref().is_some_and(|version| version < "003.007") {
            let Ok(kind) = r.u32_be("security-type") else { return Ok(Progress::Need(4)) };
            vec![u8::try_from(kind).map_err(|_| Error::invalid("security-type"))?]
        } else {
            let count = usize::from(r.u8("number-of-security-types")?);
            match r.take(count, "security-types") {
                Ok(types) => types.to_vec(),
                Err(_) => return Ok(Progress::Need(count.saturating_add(1))),
            }
        };
        let names: Vec<String> =
            types.iter().filter(|kind| **kind != 0).map(|k| name(*k)).collect();
        out.fact(Who::Sender, &SECURITY, &names.join(","));
        Ok(Progress::Done)
    }
}

/// Security types as IANA registers them (RFC 6143 §8.1.2).
fn name(kind: u8) -> String {
    match kind {
        1 => "none".to_owned(),
        2 => "vnc".to_owned(),
        5 => "ra2".to_owned(),
        16 => "tight".to_owned(),
        17 => "ultra".to_owned(),
        18 => "tls".to_owned(),
        19 => "vencrypt".to_owned(),
        20 => "sasl".to_owned(),
        30 => "apple".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream, try_stream};
    use super::super::torture;

    #[test]
    fn versions_and_security() {
        let segments: &[(u8, &[u8])] = &[
            (b'S', b"RFB 003.008\n"),
            (b'C', b"RFB 003.008\n"),
            (b'S', b"\x02\x02\x01"),
            (b'C', b"\x01"),
            (b'S', b"\0\0\0\0CANARY"),
        ];
        let expected =
            ["S vnc.version=003.008", "C vnc.version=003.008", "S vnc.security=vnc,none"];
        assert_eq!(facts(&stream("vnc", segments)), expected);
        torture::stream("vnc", segments, &["CANARY"]);
        let old: &[(u8, &[u8])] =
            &[(b'S', b"RFB 003.889\n"), (b'C', b"RFB 003.003\n"), (b'S', b"\0\0\0\x01CANARY")];
        assert_eq!(facts(&stream("vnc", old))[2], "S vnc.security=none");
    }

    #[test]
    fn a_false_answer_ends_it() {
        let segments: &[(u8, &[u8])] = &[(b'S', b"RFB 003.008\n"), (b'C', b"GET / HTTP/1.1\r\n")];
        assert!(try_stream("vnc", segments).is_err());
    }
}
