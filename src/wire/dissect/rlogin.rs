//! The Berkeley r-commands: rlogin (RFC 1282), rsh (rshd(8)) and rexec (rexecd(8)). That
//! somebody logged on, whether a password went readable or the address alone was believed,
//! and well-known accounts. Other names, passwords, commands and what is shown are not read.

use super::terminal::{Event, Terminal};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
    account,
};
use crate::observe::Key;

/// `yes`: the client sends its password readable; the server takes it.
const RLOGIN_CLEAR: Key = Key::new("rlogin.clear_login");
const RLOGIN_TAKES: Key = Key::new("rlogin.takes_clear_login");
const REXEC_CLEAR: Key = Key::new("rexec.clear_login");
const REXEC_TAKES: Key = Key::new("rexec.takes_clear_login");
/// `yes`: the server believes the client's address and asks for no password.
const RLOGIN_TRUSTS: Key = Key::new("rlogin.trusts_address");
const RSH_TRUSTS: Key = Key::new("rsh.trusts_address");
/// What kind of a well-known account was let in.
const RLOGIN_KNOWN: Key = Key::new("rlogin.takes_known_account");
const RSH_KNOWN: Key = Key::new("rsh.takes_known_account");
const REXEC_KNOWN: Key = Key::new("rexec.takes_known_account");

/// The protocols.
pub(super) static REXEC: Protocol = Protocol {
    name: "rexec",
    standard: "rexecd(8)",
    keys: &[REXEC_CLEAR, REXEC_TAKES, REXEC_KNOWN],
    ports: &[512],
    body: Body::Stream { probe: |o| Kind::Rexec.probe(o), start: || Kind::Rexec.start() },
};
pub(super) static RLOGIN: Protocol = Protocol {
    name: "rlogin",
    standard: "RFC 1282",
    keys: &[RLOGIN_CLEAR, RLOGIN_TAKES, RLOGIN_TRUSTS, RLOGIN_KNOWN],
    ports: &[513],
    body: Body::Stream { probe: |o| Kind::Rlogin.probe(o), start: || Kind::Rlogin.start() },
};
pub(super) static RSH: Protocol = Protocol {
    name: "rsh",
    standard: "rshd(8)",
    keys: &[RSH_TRUSTS, RSH_KNOWN],
    ports: &[514],
    body: Body::Stream { probe: |o| Kind::Rsh.probe(o), start: || Kind::Rsh.start() },
};

/// Characters of a name, a password and a terminal; rshd(8) takes 16 of a name.
const MAX_WORD: usize = 64;
/// Digits of a port for errors.
const MAX_PORT: usize = 5;
/// Ports from which only the system may ask: rshd(8) takes no other, and rexec(3) needs none.
const PRIVILEGED: u16 = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rexec,
    Rlogin,
    Rsh,
}

/// What a client says first, each with a NUL behind: a port or nothing, and two words. Of
/// what follows the beginning is looked at.
struct Hello<'b> {
    port: &'b [u8],
    words: [&'b [u8]; 2],
    rest: &'b [u8],
}

/// None while more must come.
fn hello(bytes: &[u8]) -> Result<Option<Hello<'_>>, Error> {
    let Some((port, rest)) = word(bytes, MAX_PORT, u8::is_ascii_digit)? else { return Ok(None) };
    let Some((first, rest)) = word(rest, MAX_WORD, u8::is_ascii_graphic)? else {
        return Ok(None);
    };
    // A password may be empty, and have any character.
    let Some((second, rest)) = word(rest, MAX_WORD, |b| *b >= 0x20)? else { return Ok(None) };
    if first.is_empty() {
        return Err(Error::invalid("user name"));
    }
    Ok(Some(Hello { port, words: [first, second], rest }))
}

/// A word, and what stands behind its NUL.
type Word<'b> = (&'b [u8], &'b [u8]);

/// What stands before the first NUL, and what behind it; none while more must come.
fn word(bytes: &[u8], most: usize, fits: impl Fn(&u8) -> bool) -> Result<Option<Word<'_>>, Error> {
    let mut parts = bytes.splitn(2, |&b| b == 0);
    let word = parts.next().unwrap_or_default();
    match word.len() <= most && word.iter().all(fits) {
        true => Ok(parts.next().map(|rest| (word, rest))),
        false => Err(Error::invalid("word")),
    }
}

/// A terminal and its speed: `vt100/9600` (RFC 1282); none while more must come.
fn terminal(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let Some((word, _)) = word(bytes, MAX_WORD, u8::is_ascii_graphic)? else { return Ok(None) };
    let mut parts = word.split(|&b| b == b'/');
    let (name, speed) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let fits = !name.is_empty() && (2..=7).contains(&speed.len()) && parts.next().is_none();
    match fits && speed.iter().all(u8::is_ascii_digit) {
        true => Ok(Some(word.len().saturating_add(1))),
        false => Err(Error::invalid("terminal")),
    }
}

impl Kind {
    fn start(self) -> Box<dyn Dissector> {
        Box::new(Remote { kind: self, account: None, asked: false, let_in: false, terminal: None })
    }

    /// What a client says first, and that rsh asks from a port of the system's.
    fn probe(self, opening: &Opening<'_>) -> Verdict {
        let is_privileged = opening.src_port < PRIVILEGED;
        if !opening.from_start || self == Self::Rsh && !is_privileged {
            return Verdict::No;
        }
        let Ok(said) = hello(opening.bytes) else { return Verdict::No };
        let Some(Hello { port, rest, words }) = said else { return Verdict::More };
        let is_rlogin = port.is_empty().then(|| terminal(rest));
        match (self, is_rlogin) {
            (Self::Rlogin, Some(Ok(Some(_)))) if !words.iter().any(|it| it.is_empty()) => {
                Verdict::Yes
            }
            (_, Some(Ok(None))) => Verdict::More,
            (Self::Rlogin, _) | (_, Some(Ok(Some(_)))) => Verdict::No,
            // A port beside which nothing is privileged is no program's for errors.
            (Self::Rsh, _) if words.iter().any(|it| it.is_empty()) => Verdict::No,
            (Self::Rexec, _) if is_privileged && opening.dst_port != 512 => Verdict::No,
            _ => match rest.first() {
                Some(b' '..=b'~') => Verdict::Yes,
                Some(_) => Verdict::No,
                None => Verdict::More,
            },
        }
    }
}

struct Remote {
    kind: Kind,
    /// What kind of a well-known account is named.
    account: Option<&'static str>,
    /// The client has said who asks.
    asked: bool,
    /// The server has agreed, which of rlogin only says that it has read this.
    let_in: bool,
    terminal: Option<Terminal>,
}

impl Dissector for Remote {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        match from {
            Side::Client if !self.asked => self.hello(bytes),
            Side::Server if !self.asked => Err(Error::invalid("order")),
            Side::Server if !self.let_in => {
                // Agreed, or an error as a line (rexecd(8)); anything else is no answer.
                let answer = bytes.first().copied().unwrap_or(u8::MAX);
                if self.kind == Kind::Rexec && answer <= 1 {
                    out.fact(Who::Receiver, &REXEC_CLEAR, "yes");
                }
                self.let_in = answer == 0;
                Ok(if self.let_in { self.lets_in(out) } else { Progress::Done })
            }
            Side::Client => match bytes {
                // The size of the window (RFC 1282).
                [0xff, 0xff, b's', b's', ..] if bytes.len() < WINDOW => Ok(Progress::Need(WINDOW)),
                [0xff, 0xff, b's', b's', ..] => Ok(Progress::Consumed(WINDOW)),
                [0xff] | [0xff, 0xff] | [0xff, 0xff, b's'] => {
                    Ok(Progress::Need(bytes.len().saturating_add(1)))
                }
                [byte, ..] => Ok(self.typed(*byte, out)),
                [] => Ok(Progress::Need(1)),
            },
            Side::Server => {
                let byte = bytes.first().copied().unwrap_or_default();
                match self.terminal.as_mut().map(|it| it.shows(byte)) {
                    Some(Event::Over) | None => Ok(Progress::Done),
                    Some(_) => Ok(Progress::Consumed(1)),
                }
            }
        }
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// Bytes that tell the size of a window: two marks, and four numbers.
const WINDOW: usize = 12;

impl Remote {
    /// Who asks for whom.
    fn hello(&mut self, bytes: &[u8]) -> Result<Progress, Error> {
        let more = Ok(Progress::Need(bytes.len().saturating_add(1)));
        let Some(Hello { words: [first, second], rest, .. }) = hello(bytes)? else { return more };
        let used = bytes.len().saturating_sub(rest.len());
        match self.kind {
            Kind::Rlogin => {
                let Some(terminal) = terminal(rest)? else { return more };
                self.asked = true;
                self.account = account::kind(second);
                return Ok(Progress::Consumed(used.saturating_add(terminal)));
            }
            Kind::Rsh => self.account = account::kind(second),
            Kind::Rexec => {
                self.account = account::kind(first);
                if second.is_empty() {
                    return Ok(Progress::Done);
                }
            }
        }
        self.asked = true;
        Ok(Progress::Skip(u64::MAX))
    }

    /// The server agrees.
    fn lets_in(&mut self, out: &mut dyn Sink) -> Progress {
        let (key, known) = match self.kind {
            Kind::Rlogin => {
                self.terminal = Some(Terminal::named(self.account));
                return Progress::Consumed(1);
            }
            Kind::Rsh => (&RSH_TRUSTS, &RSH_KNOWN),
            Kind::Rexec => (&REXEC_TAKES, &REXEC_KNOWN),
        };
        out.fact(Who::Sender, key, "yes");
        if let Some(kind) = self.account {
            out.fact(Who::Sender, known, kind);
        }
        Progress::Done
    }

    /// One character that is typed at the terminal.
    fn typed(&mut self, byte: u8, out: &mut dyn Sink) -> Progress {
        let Some(terminal) = &mut self.terminal else { return Progress::Consumed(1) };
        match terminal.typed(byte) {
            Event::Password { last } => {
                out.fact(Who::Sender, &RLOGIN_CLEAR, "yes");
                out.fact(Who::Receiver, &RLOGIN_TAKES, "yes");
                if last {
                    return Progress::Done;
                }
            }
            Event::LetsIn { kind, password } => {
                if !password {
                    out.fact(Who::Receiver, &RLOGIN_TRUSTS, "yes");
                }
                if let Some(kind) = kind {
                    out.fact(Who::Receiver, &RLOGIN_KNOWN, kind);
                }
                return Progress::Done;
            }
            Event::Over => return Progress::Done,
            Event::Nothing | Event::Asks => {}
        }
        Progress::Consumed(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn a_terminal_by_trust_or_by_password() {
        let logon = |hello: &[u8], shown: &[&[u8]], typed: &[u8]| {
            let mut segments: Vec<(u8, &[u8])> = vec![(b'C', hello), (b'S', b"\0")];
            for shown in shown {
                segments.extend([(b'S', *shown), (b'C', typed)]);
            }
            torture::stream("rlogin", &segments, &["CANARY"]);
            facts(&stream("rlogin", &segments))
        };
        let (root, other) = (b"\0CANARY\0root\0vt100/9600\0", b"\0CANARY\0CANARY\0xterm/38400\0");
        let trusts = "S rlogin.trusts_address=yes";
        let takes = ["C rlogin.clear_login=yes", "S rlogin.takes_clear_login=yes"];
        let known = "S rlogin.takes_known_account=administrator";
        let (asks, prompt) = (&b"Password: "[..], &b"\r\nLast login: CANARY\r\nct:~# "[..]);
        let line = b"CANARY\r";
        assert_eq!(logon(other, &[prompt], line), [trusts]);
        assert_eq!(logon(root, &[prompt], line), [trusts, known]);
        assert_eq!(logon(other, &[asks, prompt], line), takes);
        assert_eq!(logon(root, &[asks, prompt], line), [&takes[..], &[known]].concat());
        assert_eq!(logon(root, &[asks, b"\r\nLogin incorrect\r\n"], line), takes);
        assert_eq!(logon(root, &[b"rlogind: Permission denied.\r\n"], line), NONE);
        // A window is no password.
        let window = b"\xff\xffss\0\x18\0\x50\0\0\0\0";
        assert_eq!(logon(other, &[b"\r\nWelcome\r\n", asks], window), NONE);
    }

    #[test]
    fn commands_by_trust_or_by_password() {
        let run = |protocol: &str, hello: &[u8], answer: &[u8]| {
            let segments: &[(u8, &[u8])] = &[(b'C', hello), (b'S', answer), (b'S', b"CANARY\n")];
            torture::stream(protocol, segments, &["CANARY"]);
            facts(&stream(protocol, segments))
        };
        let (rsh, rexec) = (b"1022\0CANARY\0root\0cat CANARY\0", b"0\0service\0CANARY\0id\0");
        let expected = ["S rsh.trusts_address=yes", "S rsh.takes_known_account=administrator"];
        assert_eq!(run("rsh", rsh, b"\0"), expected);
        assert_eq!(run("rsh", rsh, b"\x01Permission denied.\n"), NONE);
        let said = run("rexec", rexec, b"\0");
        let sends = "C rexec.clear_login=yes";
        let known = "S rexec.takes_known_account=service";
        assert_eq!(said, [sends, "S rexec.takes_clear_login=yes", known]);
        assert_eq!(run("rexec", rexec, b"\x01Login incorrect.\n"), [sends]);
        assert_eq!(run("rexec", b"\0CANARY\0\0id\0", b"\0"), NONE, "no password");
        assert_eq!(run("rexec", rexec, b"\x02"), NONE, "no answer");
    }

    #[test]
    fn probes_are_strict() {
        let ask = |kind: Kind, src_port, dst_port, bytes: &[u8]| {
            kind.probe(&Opening { bytes, src_port, dst_port, from_start: true })
        };
        let rlogin = b"\0a\0b\0vt100/9600\0";
        let rsh = b"1022\0a\0b\0ls -l\0";
        for kind in [Kind::Rexec, Kind::Rlogin, Kind::Rsh] {
            let wanted = if kind == Kind::Rlogin { Verdict::Yes } else { Verdict::No };
            assert_eq!(ask(kind, 1023, 9999, rlogin), wanted);
        }
        assert_eq!(ask(Kind::Rsh, 1023, 9999, rsh), Verdict::Yes);
        assert_eq!(ask(Kind::Rsh, 40_000, 514, rsh), Verdict::No);
        assert_eq!(ask(Kind::Rexec, 40_000, 9999, rsh), Verdict::Yes);
        assert_eq!(ask(Kind::Rexec, 1023, 514, rsh), Verdict::No);
        assert_eq!(ask(Kind::Rexec, 1023, 512, rsh), Verdict::Yes);
        for short in [&b"10"[..], b"1022\0", b"1022\0a\0b", b"1022\0a\0b\0"] {
            assert_eq!(ask(Kind::Rexec, 40_000, 512, short), Verdict::More, "{short:?}");
        }
        for other in [
            &b"\0\0\0\x20\xffSMB"[..],
            b"GET / HTTP/1.1",
            b"123456\0",
            b"1\0a b\0",
            b"\0a\0b\0\x01",
        ] {
            for kind in [Kind::Rexec, Kind::Rlogin, Kind::Rsh] {
                assert_eq!(ask(kind, 1023, 514, other), Verdict::No, "{other:?}");
            }
        }
    }
}
