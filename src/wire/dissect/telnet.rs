//! Telnet (RFC 854): the first line that a server shows before anybody has typed, which
//! names the system, that it asks for a password readable, who types one, and whether it
//! lets in a well-known account. Any other name is forgotten as it is read, and a password is
//! not. Who agrees on no options (RFC 854 needs none) is told by the prompt.

use super::label::label;
use super::terminal::{Event, Terminal};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
    spectrum, terminal,
};
use crate::observe::Key;

/// First line of what the server shows.
const BANNER: Key = Key::new("telnet.banner");
/// What stands before `login:` where it is one word: the host's name, or its system.
const PROMPT: Key = Key::new("telnet.prompt");
/// `yes`: the server asks for a name or password, which nothing encrypts.
const CLEAR_LOGIN: Key = Key::new("telnet.clear_login");
/// `yes`: the client types a password, which anybody on the way can read.
const TYPES: Key = Key::new("telnet.types_clear_login");
/// What kind of a well-known account it let in.
const TAKES_KNOWN: Key = Key::new("telnet.takes_known_account");

/// Telnet as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "telnet",
    standard: "RFC 854",
    keys: &[BANNER, PROMPT, CLEAR_LOGIN, TYPES, TAKES_KNOWN],
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
/// Bytes that are read of a subnegotiation.
const MAX_SUB: usize = 512;

/// Two negotiations of options that exist; or no options, but a prompt that asks who it is.
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    // A pump's terminal names the pump.
    if spectrum::begins(bytes) == Verdict::Yes {
        return Verdict::No;
    }
    if opening.from_start && bytes.first().is_some_and(|b| *b != IAC) {
        return match terminal::prompts(bytes) {
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No,
            None => Verdict::More,
        };
    }
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
struct Telnet(Terminal);

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
            // The pump's, whose options came alone before.
            [b'W', ..] if self.0.is_blank() && spectrum::begins(bytes) != Verdict::No => {
                Ok(match spectrum::begins(bytes) {
                    Verdict::Yes => Progress::Restart(0),
                    _ => Progress::Need(bytes.len().saturating_add(1)),
                })
            }
            [byte, ..] => Ok(match self.0.shows(*byte) {
                Event::Over => Progress::Done,
                Event::Asks => {
                    tell(&self.0.shown, out);
                    out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
                    self.0.turn();
                    Progress::Consumed(1)
                }
                _ => Progress::Consumed(1),
            }),
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
        match self.0.typed(byte) {
            Event::Over => Progress::Done,
            Event::Password { last } => {
                out.fact(Who::Sender, &TYPES, "yes");
                if last { Progress::Done } else { Progress::Consumed(1) }
            }
            Event::LetsIn { kind, .. } => {
                if let Some(kind) = kind {
                    out.fact(Who::Receiver, &TAKES_KNOWN, kind);
                }
                Progress::Done
            }
            Event::Nothing | Event::Asks => Progress::Consumed(1),
        }
    }
}

/// The first line with a letter in it, unless it is the prompt itself.
fn tell(shown: &[u8], out: &mut dyn Sink) {
    let text = String::from_utf8_lossy(shown);
    let mut lines = text.split(['\r', '\n']).map(str::trim);
    let line = lines.find(|line| line.chars().any(char::is_alphabetic));
    if let Some(line) = line.and_then(label).filter(|line| is_banner(line)) {
        out.fact(Who::Sender, &BANNER, line);
    }
    let prompt = text.rsplit(['\r', '\n']).next().and_then(|line| line.strip_suffix(" login:"));
    // Solaris says at which terminal.
    let prompt = prompt.map(|name| name.strip_suffix(" console").unwrap_or(name));
    if let Some(name) = prompt.map(str::trim).filter(|name| !name.contains(' ')) {
        out.fact(Who::Sender, &PROMPT, label(name).unwrap_or_default());
    }
}

/// Whether a line is no prompt, and was read in the letters in which it is written.
fn is_banner(line: &str) -> bool {
    !line.ends_with([':', '：']) && !line.contains(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    const OPTIONS: &[u8] = b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01";

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
            let mut said = facts(&stream("telnet", segments)).split_off(2);
            assert_eq!(said.remove(0), "C telnet.types_clear_login=yes");
            said
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
    fn who_agrees_on_no_options_is_told_by_the_prompt() {
        let logon = |shown: &[&[u8]]| {
            let line = b"CANARY\r\n";
            let segments: Vec<(u8, &[u8])> =
                shown.iter().flat_map(|it| [(b'S', *it), (b'C', &line[..])]).collect();
            torture::stream("telnet", &segments, &["CANARY"]);
            facts(&stream("telnet", &segments))
        };
        let (asks, types) = ("S telnet.clear_login=yes", "C telnet.types_clear_login=yes");
        let banner = "S telnet.banner=Lantronix UDS1100";
        assert_eq!(logon(&[b"Lantronix UDS1100\r\n\r\nPassword:"]), [banner, asks, types]);
        assert_eq!(logon(&[b"\r\nlogin: ", b"Password: "]), [asks, types]);
        assert_eq!(logon(&[b"\r\nlogin: ", b"Login incorrect\r\n", b"login: "]), [asks]);
    }

    #[test]
    fn prompts_of_other_languages_and_what_only_looks_like_one() {
        let japanese = |words: [&str; 2]| {
            let both = |it: &'static encoding_rs::Encoding| words.map(|w| it.encode(w).0.to_vec());
            [encoding_rs::UTF_8, encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP].map(both)
        };
        let latin =
            |words: [&str; 2]| words.map(|it| encoding_rs::WINDOWS_1252.encode(it).0.to_vec());
        let mut cases = vec![
            latin(["Benutzername:", "Kennwort:"]),
            latin(["Anmeldung: ", "Passwort: "]),
            latin(["Identifiant : ", "Mot de passe : "]),
            latin(["Usuario:", "Contraseña:"]),
            ["Usuario:", "CONTRASEñA:"].map(|it| it.as_bytes().to_vec()),
            ["Identifiant\u{a0}:", "Mot de passe\u{a0}:"].map(|it| it.as_bytes().to_vec()),
        ];
        cases.extend(japanese(["ログイン:", "パスワード:"]));
        cases.extend(japanese(["ユーザー名： ", "パスワード："]));
        let (asks, types) = ("S telnet.clear_login=yes", "C telnet.types_clear_login=yes");
        let known = "S telnet.takes_known_account=administrator";
        for [name, password] in &cases {
            let name = [b"\r\n", &name[..]].concat();
            let segments: &[(u8, &[u8])] = &[
                (b'S', &name),
                (b'C', b"root\r\n"),
                (b'S', password),
                (b'C', b"CANARY\r\n"),
                (b'S', b"\r\nward7:~# "),
                (b'C', b"id\r\n"),
            ];
            torture::stream("telnet", segments, &["CANARY"]);
            assert_eq!(facts(&stream("telnet", segments)), [asks, types, known], "{name:?}");
        }
        let notes =
            ["Last login: ", "Letzte Anmeldung: ", "login", "Kennwortes: ", "最終ログイン："];
        for note in notes {
            let note = [b"\r\n", note.as_bytes()].concat();
            let segments: &[(u8, &[u8])] = &[(b'S', OPTIONS), (b'S', &note), (b'C', b"CANARY\r\n")];
            assert_eq!(facts(&stream("telnet", segments)), [""; 0], "{note:?}");
        }
    }

    #[test]
    fn a_terminals_word_is_no_host() {
        let prompt = |shown: &[u8]| {
            let said = facts(&stream("telnet", &[(b'S', OPTIONS), (b'S', shown)]));
            said.iter().find_map(|it| it.strip_prefix("S telnet.prompt=").map(str::to_owned))
        };
        for (shown, name) in [
            (&b"\r\nward7 login: "[..], Some("ward7")),
            (b"\r\nward7 console login: ", Some("ward7")),
            (b"\r\nlogin: ", None),
            (b"\r\nWelcome to ward7 login: ", None),
        ] {
            assert_eq!(prompt(shown).as_deref(), name);
        }
    }

    #[test]
    fn a_pumps_terminal_is_given_on() {
        let next = |shown: &[u8], bytes: &[u8]| {
            let mut it = Telnet::default();
            it.0.shown.extend_from_slice(shown);
            let mut progress = Progress::Done;
            let said = torture::facts_of(|out| {
                progress = it.dissect(Side::Server, bytes, out)?;
                Ok(())
            });
            assert!(said.unwrap().is_empty());
            progress
        };
        let pump = b"Welcome to the SIGMA Spectrum Diagnostic Terminal\r\n\r\nlogin: ";
        assert_eq!(next(b"\r\n", pump), Progress::Restart(0));
        assert_eq!(next(b"\r\0\r\n", pump), Progress::Restart(0));
        assert_eq!(next(b"", &pump[..9]), Progress::Need(10));
        assert_eq!(next(b"", b"Welcome to CT-1"), Progress::Consumed(1));
        assert_eq!(next(b"> ", pump), Progress::Consumed(1), "somebody else's text");
        let mut it = Telnet::default();
        it.0.shown.extend_from_slice(b"login:");
        it.0.turn();
        let said = torture::facts_of(|out| {
            assert_eq!(
                it.dissect(Side::Server, pump, out)?,
                Progress::Consumed(1),
                "a name is typed"
            );
            Ok(())
        });
        assert!(said.unwrap().is_empty());
        let opening = Opening { bytes: pump, src_port: 23, dst_port: 2, from_start: true };
        assert_eq!(probe(&opening), Verdict::No);
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
        assert_eq!(ask(b"\r\nct-1 login: "), Verdict::Yes);
        assert_eq!(ask(b"\r\nct-1 lo"), Verdict::More);
        let long = [&[b'x'; 70][..], b"login:"].concat();
        assert_eq!(ask(&long), Verdict::More, "no prompt, as far as this goes");
        for other in
            [&b"220 host login:"[..], b"+OK login:", b"* OK login:", b"<login:", b"\x01login:"]
        {
            assert_eq!(ask(other), Verdict::No, "{other:?}");
        }
        assert_eq!(ask(&[b'x'; 1025]), Verdict::No);
    }
}
