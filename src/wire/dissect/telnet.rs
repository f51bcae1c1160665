//! Telnet (RFC 854): the first line that a server shows before anybody has typed, which
//! names the system, and that it asks for a password readable. What is typed is not read.

use super::label::label;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// First line of what the server shows.
const BANNER: Key = Key::new("telnet.banner");
/// What stands before `login:` where it is one word: the host's name, or its system.
const PROMPT: Key = Key::new("telnet.prompt");
/// `yes`: the server asks for a name or password, which nothing encrypts.
const CLEAR_LOGIN: Key = Key::new("telnet.clear_login");

/// Telnet as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "telnet",
    standard: "RFC 854",
    keys: &[BANNER, PROMPT, CLEAR_LOGIN],
    ports: &[23],
    body: Body::Stream { probe, start: || Box::<Telnet>::default() },
};

/// Commands (RFC 854): interpret as command, beginning and end of a subnegotiation.
const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
/// WILL, WONT, DO, DONT.
const NEGOTIATES: std::ops::RangeInclusive<u8> = 251..=254;
/// Options that exist, but for the extended list.
const LAST_OPTION: u8 = 49;
/// Bytes that are read of what the server shows, and of a subnegotiation.
const MAX_SHOWN: usize = 1024;
const MAX_SUB: usize = 512;

/// Two negotiations of options that exist.
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let shown = bytes.get(..6).unwrap_or(bytes);
    let fits = shown.iter().enumerate().all(|(at, b)| match at % 3 {
        0 => *b == IAC,
        1 => NEGOTIATES.contains(b),
        _ => *b <= LAST_OPTION,
    });
    match (fits, shown.len()) {
        (true, 6) => Verdict::Yes,
        (true, _) => Verdict::More,
        (false, _) => Verdict::No,
    }
}

#[derive(Default)]
struct Telnet {
    shown: Vec<u8>,
}

impl Dissector for Telnet {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        match bytes {
            [IAC] => Ok(Progress::Need(2)),
            [IAC, SB, ..] => {
                let end = bytes.windows(2).take(MAX_SUB).position(|it| it == [IAC, SE]);
                match end {
                    Some(at) => Ok(Progress::Consumed(at.saturating_add(2))),
                    None if bytes.len() > MAX_SUB => Err(Error::too_large("subnegotiation")),
                    None => Ok(Progress::Need(bytes.len().saturating_add(1))),
                }
            }
            [IAC, what, ..] if NEGOTIATES.contains(what) => match bytes.len() {
                2 => Ok(Progress::Need(3)),
                _ => Ok(Progress::Consumed(3)),
            },
            [IAC, ..] => Ok(Progress::Consumed(2)),
            // Somebody types.
            [_, ..] if from == Side::Client => Ok(Progress::Done),
            [byte, ..] => {
                self.shown.push(*byte);
                if self.asks() {
                    self.tell(out);
                    out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
                    return Ok(Progress::Done);
                }
                Ok(if self.shown.len() < MAX_SHOWN {
                    Progress::Consumed(1)
                } else {
                    Progress::Done
                })
            }
            [] => Ok(Progress::Need(1)),
        }
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Telnet {
    /// What is shown ends with a prompt.
    fn asks(&self) -> bool {
        let prompts = [&b"login:"[..], b"username:", b"password:", b"user name:"];
        self.shown.ends_with(b":")
            && prompts.iter().any(|it| {
                let at = self.shown.len().saturating_sub(it.len());
                self.shown.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(it))
            })
    }

    /// The first line with a letter in it, unless it is the prompt itself.
    fn tell(&self, out: &mut dyn Sink) {
        let text = String::from_utf8_lossy(&self.shown);
        let mut lines = text.split(['\r', '\n']).map(str::trim);
        let line = lines.find(|line| line.chars().any(char::is_alphabetic));
        if let Some(line) = line.and_then(label).filter(|line| !line.ends_with(':')) {
            out.fact(Who::Sender, &BANNER, line);
        }
        let prompt = text.rsplit(['\r', '\n']).next().and_then(|line| line.strip_suffix(" login:"));
        if let Some(name) = prompt.map(str::trim).filter(|name| !name.contains(' ')) {
            out.fact(Who::Sender, &PROMPT, label(name).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    #[test]
    fn what_is_shown_before_anybody_types() {
        let segments: &[(u8, &[u8])] = &[
            (b'S', b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01"),
            (b'C', b"\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0"),
            (b'S', b"\r\n\r\nUser Access Verification\r\n\r\nUsername: "),
            (b'C', b"CANARY\r\n"),
            (b'S', b"CANARY"),
        ];
        let expected = ["S telnet.banner=User Access Verification", "S telnet.clear_login=yes"];
        assert_eq!(facts(&stream("telnet", segments)), expected);
        torture::stream("telnet", segments, &["CANARY"]);
        let only: &[(u8, &[u8])] =
            &[(b'S', b"\xff\xfd\x18\xff\xfd\x20\r\nct-1 login:"), (b'C', b"CANARY")];
        let expected = ["S telnet.prompt=ct-1", "S telnet.clear_login=yes"];
        assert_eq!(facts(&stream("telnet", only)), expected);
    }

    #[test]
    fn nothing_once_somebody_types() {
        let segments: &[(u8, &[u8])] = &[
            (b'S', b"\xff\xfd\x18\xff\xfd\x20"),
            (b'C', b"CANARY\r\n"),
            (b'S', b"Welcome CANARY\r\nlogin:"),
        ];
        assert!(stream("telnet", segments).is_empty());
    }

    #[test]
    fn probe_is_strict() {
        let ask =
            |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        assert_eq!(ask(b"\xff\xfd\x18\xff\xfd\x20"), Verdict::Yes);
        assert_eq!(ask(b"\xff\xfd"), Verdict::More);
        assert_eq!(ask(b"\xff\xd8\xff\xe0"), Verdict::No);
        assert_eq!(ask(b"\xff\xfd\x18login:"), Verdict::No);
    }
}
