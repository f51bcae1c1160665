//! MySQL and MariaDB: the greeting of a server names its version. Logons and queries are
//! not read.

use super::package;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `8.0.36-0ubuntu0.22.04.1`, `5.5.5-10.6.12-MariaDB`: numbers, and words that makers and
/// distributions put behind them. What a site has written there (`version`) stays.
const VERSION: Key = Key::new("mysql.version");

/// MySQL as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "mysql",
    standard: "MySQL client/server protocol, version 10",
    keys: &[VERSION],
    ports: &[3306],
    body: Body::Stream { probe, start: || Box::new(MySql) },
};

const HEADER: usize = 4;
/// Longest greeting, and longest version in it.
const MAX_GREETING: usize = 256;
const MAX_VERSION: usize = 80;
/// Version of the protocol, since MySQL 3.21.
const PROTOCOL_VERSION: u8 = 10;

/// Length of the greeting with its header; none when its head is not all there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    match bytes {
        [a, b, 0, 0, PROTOCOL_VERSION, ..] => {
            let length = usize::from(u16::from_le_bytes([*a, *b]));
            // A version of five characters, and what stands behind it.
            if !(32..=MAX_GREETING).contains(&length) {
                return Err(Error::invalid("payload_length"));
            }
            Ok(Some(length.saturating_add(HEADER)))
        }
        [_, _, 0, 0] | [_, _, 0] | [_, _] | [_] | [] => Ok(None),
        _ => Err(Error::invalid("sequence_id")),
    }
}

/// The version inside a whole greeting.
fn version(bytes: &[u8]) -> Result<&str, Error> {
    let mut r = Reader::new(bytes);
    r.skip(HEADER.saturating_add(1), "protocol version")?;
    let end = r.rest().iter().take(MAX_VERSION).position(|&b| b == 0);
    let text = r.take(end.ok_or(Error::too_large("server version"))?, "server version")?;
    r.skip(13, "auth-plugin-data-part-1")?;
    // NUL, thread and scramble are followed by a filler of zero.
    let text = std::str::from_utf8(text).map_err(|_| Error::invalid("server version"))?;
    let fits = text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains('.')
        && text.bytes().all(|b| b.is_ascii_graphic());
    if !fits || r.u8("filler")? != 0 {
        return Err(Error::invalid("server version"));
    }
    Ok(text)
}

/// What stands in a version between hyphens, besides numbers.
const WORDS: &[&str] = &[
    "aurora",
    "azure",
    "cll",
    "cluster",
    "commercial",
    "community",
    "debian",
    "debug",
    "enterprise",
    "google",
    "log",
    "lve",
    "MariaDB",
    "nt",
    "percona",
    "rds",
    "standard",
    "ubuntu",
    "vitess",
];

/// A version up to the first part that nobody knows.
fn plain(text: &str) -> Option<String> {
    let mut kept = package::number(text)?.to_owned();
    let Some(parts) = text.strip_prefix(&*kept).and_then(|rest| rest.strip_prefix('-')) else {
        return Some(kept);
    };
    let known = |part: &&str| {
        package::is_version(part) || WORDS.iter().any(|word| word.eq_ignore_ascii_case(part))
    };
    for part in parts.split('-').take_while(known) {
        kept.push('-');
        kept.push_str(part);
    }
    Some(kept)
}

fn probe(opening: &Opening<'_>) -> Verdict {
    match length(opening.bytes) {
        Ok(None) => Verdict::More,
        Ok(Some(whole)) => match opening.bytes.get(..whole) {
            Some(bytes) if version(bytes).is_ok() => Verdict::Yes,
            Some(_) => Verdict::No,
            None => Verdict::More,
        },
        Err(_) => Verdict::No,
    }
}

struct MySql;

impl Dissector for MySql {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if from == Side::Client {
            return Ok(Progress::Skip(u64::MAX));
        }
        let Some(whole) = length(bytes)? else {
            return Ok(Progress::Need(HEADER.saturating_add(1)));
        };
        let Some(greeting) = bytes.get(..whole) else { return Ok(Progress::Need(whole)) };
        if let Some(version) = plain(version(greeting)?) {
            out.fact(Who::Sender, &VERSION, &version);
        }
        Ok(Progress::Done)
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    fn greeting(version: &str) -> Vec<u8> {
        let mut body = vec![PROTOCOL_VERSION];
        body.extend(version.as_bytes());
        body.push(0);
        body.extend(*b"\x07\0\0\0CANARY12\0\xff\xf7\x08\x02\0\xff\x81\x15");
        body.resize(body.len() + 10, 0);
        body.extend(*b"CANARY345678\0");
        let length = u16::try_from(body.len()).unwrap().to_le_bytes();
        [&length[..], &[0, 0], &body].concat()
    }

    #[test]
    fn a_greeting_names_the_version() {
        let it = greeting("8.0.36-0ubuntu0.22.04.1");
        let segments: &[(u8, &[u8])] = &[(b'S', &it), (b'C', b"CANARY")];
        let expected = ["S mysql.version=8.0.36-0ubuntu0.22.04.1"];
        assert_eq!(facts(&stream("mysql", segments)), expected);
        torture::stream("mysql", segments, &["CANARY"]);
    }

    #[test]
    fn what_stands_behind_a_version_stays() {
        for (text, kept) in [
            ("8.0.36-CANARY", "8.0.36"),
            ("8.0.CANARY", "8.0"),
            ("8.0.36-log-CANARY-log", "8.0.36-log"),
            ("8.0.36-19470311", "8.0.36"),
            ("5.5.5-10.11.6-MariaDB-0+deb12u1", "5.5.5-10.11.6-MariaDB-0+deb12u1"),
            ("5.7.44-48-percona", "5.7.44-48-percona"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(kept), "{text}");
        }
    }

    #[test]
    fn probe_is_strict() {
        let ask =
            |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        let it = greeting("5.5.5-10.6.12-MariaDB");
        assert_eq!(ask(&it), Verdict::Yes);
        assert_eq!(ask(&it[..20]), Verdict::More);
        assert_eq!(ask(&greeting("unknown")), Verdict::No);
        assert_eq!(ask(&[0x40, 0, 0, 0, 9]), Verdict::No);
        assert_eq!(ask(&[0x40, 0, 0, 1, 10]), Verdict::No);
    }
}
