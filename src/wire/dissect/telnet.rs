//! Telnet (RFC 854): the first line that a server shows before anybody has typed, which
//! names the system, that it asks for a password readable, and whether it lets in a
//! well-known account. Any other name is forgotten as it is read, and a password is not.

use super::label::label;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
    account,
};
use crate::observe::Key;

/// First line of what the server shows.
const BANNER: Key = Key::new("telnet.banner");
/// What stands before `login:` where it is one word: the host's name, or its system.
const PROMPT: Key = Key::new("telnet.prompt");
/// `yes`: the server asks for a name or password, which nothing encrypts.
const CLEAR_LOGIN: Key = Key::new("telnet.clear_login");
/// What kind of a well-known account it let in.
const TAKES_KNOWN: Key = Key::new("telnet.takes_known_account");

/// Telnet as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "telnet",
    standard: "RFC 854",
    keys: &[BANNER, PROMPT, CLEAR_LOGIN, TAKES_KNOWN],
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
/// Characters of a name that is typed; longer ones are well-known to nobody.
const MAX_NAME: usize = 32;

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
    stage: Stage,
}

/// How far somebody who logs on has come.
#[derive(Default)]
enum Stage {
    /// Nobody was asked.
    #[default]
    Before,
    /// The name is typed.
    Name(Vec<u8>),
    /// A well-known account has been named; the server has to say what it thinks of it.
    Named(&'static str),
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
            [byte, ..] if from == Side::Client => Ok(self.typed(*byte, out)),
            [byte, ..] => {
                self.shown.push(*byte);
                let goes_on = match self.stage {
                    Stage::Before if self.asks() => {
                        self.tell(out);
                        out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
                        let wants_name = !self.ends_with(b"password:");
                        self.stage = Stage::Name(Vec::new());
                        self.shown.clear();
                        wants_name
                    }
                    Stage::Before | Stage::Name(_) => true,
                    Stage::Named(_) => !self.refuses(),
                };
                Ok(match goes_on && self.shown.len() < MAX_SHOWN {
                    true => Progress::Consumed(1),
                    false => Progress::Done,
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
    /// One character of somebody who types.
    fn typed(&mut self, byte: u8, out: &mut dyn Sink) -> Progress {
        let lets_in = self.lets_in();
        match &mut self.stage {
            Stage::Before => return Progress::Done,
            Stage::Name(name) => match byte {
                b'\r' | b'\n' if !name.is_empty() => match account::kind(name) {
                    Some(kind) => {
                        self.stage = Stage::Named(kind);
                        self.shown.clear();
                    }
                    None => return Progress::Done,
                },
                b'\r' | b'\n' | 0 => {}
                _ if name.len() < MAX_NAME => name.push(byte),
                _ => return Progress::Done,
            },
            // The first command.
            Stage::Named(kind) if lets_in => {
                out.fact(Who::Receiver, &TAKES_KNOWN, kind);
                return Progress::Done;
            }
            // A password.
            Stage::Named(_) => {}
        }
        Progress::Consumed(1)
    }

    /// What is shown ends with a prompt.
    fn asks(&self) -> bool {
        let prompts = [&b"login:"[..], b"username:", b"password:", b"user name:"];
        self.shown.ends_with(b":") && prompts.into_iter().any(|it| self.ends_with(it))
    }

    /// In letters of either case.
    fn ends_with(&self, words: &[u8]) -> bool {
        let at = self.shown.len().saturating_sub(words.len());
        self.shown.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(words))
    }

    /// The server waits for commands: a line of its own that ends as shells' prompts do.
    fn lets_in(&self) -> bool {
        let line = self.shown.rsplit(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
        let line = line.trim_ascii();
        let ends = line.last().is_some_and(|b| matches!(b, b'#' | b'$' | b'>' | b'%'));
        let is_prompt = line.len() == 1 || line.iter().any(u8::is_ascii_alphanumeric);
        ends && is_prompt && self.shown.len() > line.len()
    }

    /// It asks again, or says no.
    fn refuses(&self) -> bool {
        let refusals = [&b"incorrect"[..], b"failed", b"denied", b"invalid", b"bad password"];
        let asks_again = self.asks() && !self.ends_with(b"password:");
        asks_again || refusals.into_iter().any(|it| self.ends_with(it))
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
    fn only_well_known_accounts_that_are_let_in_are_told() {
        let logon = |name: &[u8], answer: &[u8]| {
            let segments: &[(u8, &[u8])] = &[
                (b'S', b"\xff\xfd\x18\xff\xfd\x20\r\nct-1 login: "),
                (b'C', name),
                (b'S', name),
                (b'S', b"Password: "),
                (b'C', b"CANARY\r\n"),
                (b'S', answer),
                (b'C', b"CANARY\r\n"),
            ];
            torture::stream("telnet", segments, &["CANARY"]);
            facts(&stream("telnet", segments)).split_off(2)
        };
        let let_in = b"\r\n### Welcome ###\r\nroot@ct-1:~# ";
        assert_eq!(logon(b"Insite\r\0", let_in), ["S telnet.takes_known_account=maker"]);
        assert_eq!(logon(b"root\r\n", b"\r\n$ "), ["S telnet.takes_known_account=administrator"]);
        let none: [&str; 0] = [];
        assert_eq!(logon(b"CANARY\r\n", let_in), none);
        assert_eq!(logon(b"root\r\n", b"\r\nLogin incorrect\r\nct-1 login: "), none);
        assert_eq!(logon(b"root\r\n", b"\r\n####"), none, "no prompt");
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
