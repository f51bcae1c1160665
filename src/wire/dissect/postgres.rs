//! PostgreSQL (frontend/backend protocol 3.0): the version that a server tells when
//! somebody has logged on. Names of users and databases, passwords and queries are not read.

use super::package;
use super::reader::wide;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `16.2 (Debian 16.2-1.pgdg120+2)`: the number, and a package's version. What else who
/// built it wrote there stays.
const VERSION: Key = Key::new("postgres.version");
/// `yes`: the client sends its password as it is; the server asks for it so.
const CLEAR_LOGIN: Key = Key::new("postgres.clear_login");
const TAKES: Key = Key::new("postgres.takes_clear_login");

/// PostgreSQL as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "postgres",
    standard: "PostgreSQL frontend/backend protocol 3.0",
    keys: &[VERSION, CLEAR_LOGIN, TAKES],
    ports: &[5432],
    body: Body::Stream { probe, start: || Box::<Postgres>::default() },
};

/// Codes of first messages.
const STARTUP: u32 = 0x0003_0000;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
/// Longest message of start-up, and of a parameter.
const MAX_STARTUP: u32 = 10_000;
const MAX_PARAMETER: usize = 256;

/// Length and code of a client's first message.
fn startup(bytes: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let mut r = Reader::new(bytes);
    let Ok(length) = r.u32_be("length") else { return Ok(None) };
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(Error::invalid("length"));
    }
    let Ok(code) = r.u32_be("code") else { return Ok(None) };
    match (code, length) {
        (SSL_REQUEST | GSS_REQUEST, 8) => {}
        (STARTUP, 14..) => {}
        _ => return Err(Error::invalid("code")),
    }
    Ok(Some((length, code)))
}

fn probe(opening: &Opening<'_>) -> Verdict {
    match (startup(opening.bytes), opening.bytes.get(8..)) {
        (Ok(Some((_, STARTUP))), Some(rest)) => {
            // Names and values, all with a NUL behind.
            let words =
                [&b"user\0"[..], b"database\0", b"client_encoding\0", b"application_name\0"];
            match words.iter().any(|word| rest.starts_with(word)) {
                true => Verdict::Yes,
                false if words.iter().any(|word| word.starts_with(rest)) => Verdict::More,
                false => Verdict::No,
            }
        }
        (Ok(Some(_)), _) => Verdict::Yes,
        (Ok(None), _) => Verdict::More,
        (Err(_), _) => Verdict::No,
    }
}

#[derive(Default)]
struct Postgres {
    /// The client waits for one byte that says whether it may encrypt, and how.
    asks: Option<u32>,
    started: bool,
    /// The server asks for the password as it is.
    clear: bool,
}

impl Dissector for Postgres {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        match from {
            Side::Client if self.started => {
                // PasswordMessage is the first behind the start.
                if self.clear && bytes.first() == Some(&b'p') {
                    out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
                }
                Ok(Progress::Skip(u64::MAX))
            }
            Side::Client => {
                // Judged when all of it is there: the same however it comes in segments.
                let Some(head) = bytes.get(..8) else { return Ok(Progress::Need(8)) };
                let Some((length, code)) = startup(head)? else { return Ok(Progress::Need(8)) };
                match code {
                    STARTUP => self.started = true,
                    _ => self.asks = Some(code),
                }
                Ok(Progress::Skip(u64::from(length)))
            }
            Side::Server => self.server(bytes, out),
        }
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Postgres {
    fn server(&mut self, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let kind = r.u8("message type")?;
        if let Some(code) = self.asks.take() {
            return match (code, kind) {
                (SSL_REQUEST, b'S') => Ok(Progress::Restart(1)),
                (GSS_REQUEST, b'G') => Ok(Progress::Done),
                (_, b'N') => Ok(Progress::Consumed(1)),
                _ => Err(Error::invalid("answer")),
            };
        }
        let Ok(length) = r.u32_be("length") else { return Ok(Progress::Need(5)) };
        let whole = wide(length).saturating_add(1);
        match kind {
            b'R' | b'S' if (8..=MAX_PARAMETER).contains(&whole) => {
                let Some(message) = bytes.get(..whole) else { return Ok(Progress::Need(whole)) };
                let body = message.get(5..).unwrap_or_default();
                let mut words = body.split(|&b| b == 0);
                if kind == b'R' && body == 3_u32.to_be_bytes() {
                    self.clear = true;
                    out.fact(Who::Sender, &TAKES, "yes");
                } else if kind == b'S' && words.next() == Some(b"server_version") {
                    let text = String::from_utf8_lossy(words.next().unwrap_or_default());
                    if let Some(version) = version(&text) {
                        out.fact(Who::Sender, &VERSION, &version);
                    }
                    return Ok(Progress::Done);
                }
                Ok(Progress::Consumed(whole))
            }
            // Authentication of other lengths, parameters, notices, key, negotiation.
            b'R' | b'S' | b'N' | b'K' | b'v' if length >= 4 => {
                Ok(Progress::Skip(u64::from(length).saturating_add(1)))
            }
            _ => Ok(Progress::Done),
        }
    }
}

/// The number of a version, and the distribution's own where it is one.
fn version(text: &str) -> Option<String> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let first = if package::is_version(first) { first } else { package::number(first)? };
    let mark = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let mark = mark.and_then(|(mark, _)| mark.split_once(' '));
    let known = |(name, version): &(&str, &str)| {
        matches!(*name, "Debian" | "Ubuntu") && package::is_version(version)
    };
    Some(match mark.filter(known) {
        Some((name, version)) => format!("{first} ({name} {version})"),
        None => first.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    const START: &[u8] = b"\0\0\0\x1c\0\x03\0\0user\0CANARY1234567\0\0";
    const ANSWER: &[u8] = b"R\0\0\0\x08\0\0\0\x00S\0\0\0\x1bapplication_name\0CANAR\0\
        S\0\0\0\x32server_version\x0016.2 (Debian 16.2-1.pgdg120+2)\0Z\0\0\0\x05I";

    #[test]
    fn a_server_tells_its_version() {
        assert_eq!(START.len(), 0x1c);
        let segments: &[(u8, &[u8])] = &[
            (b'C', b"\0\0\0\x08\x04\xd2\x16\x2f"),
            (b'S', b"N"),
            (b'C', START),
            (b'S', b"R\0\0\0\x08\0\0\0\x03"),
            (b'C', b"p\0\0\0\x0bCANARY\0"),
            (b'S', ANSWER),
        ];
        let said = facts(&stream("postgres", segments));
        let version = "S postgres.version=16.2 (Debian 16.2-1.pgdg120+2)";
        let login = ["S postgres.takes_clear_login=yes", "C postgres.clear_login=yes"];
        assert_eq!(said, [&login[..], &[version]].concat());
        torture::stream("postgres", segments, &[]);
        assert!(said.iter().all(|line| !line.contains("CANAR")));
    }

    #[test]
    fn what_stands_behind_a_version_stays() {
        for (text, kept) in [
            ("15.4 (CANARY)", Some("15.4")),
            ("15.4 (Debian CANARY)", Some("15.4")),
            (
                "15.4-CANARY (Ubuntu 15.4-0ubuntu0.22.04.1) CANARY",
                Some("15.4 (Ubuntu 15.4-0ubuntu0.22.04.1)"),
            ),
            ("17beta1", Some("17beta1")),
            ("CANARY", None),
            ("", None),
        ] {
            assert_eq!(version(text).as_deref(), kept, "{text}");
        }
    }

    #[test]
    fn encryption_is_another_protocol() {
        let segments: &[(u8, &[u8])] =
            &[(b'C', b"\0\0\0\x08\x04\xd2\x16\x2f"), (b'S', b"S"), (b'S', ANSWER)];
        assert!(stream("postgres", segments).is_empty());
    }

    #[test]
    fn probe_is_strict() {
        let ask =
            |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        assert_eq!(ask(START), Verdict::Yes);
        assert_eq!(ask(&START[..6]), Verdict::More);
        assert_eq!(ask(&START[..10]), Verdict::More);
        assert_eq!(ask(b"\0\0\0\x1c\0\x03\0\0shoe\0"), Verdict::No);
        assert_eq!(ask(b"\0\0\0\x09\x04\xd2\x16\x2f"), Verdict::No);
        assert_eq!(ask(b"GET / HTTP/1.1"), Verdict::No);
    }
}
