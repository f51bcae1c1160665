//! Services that greet with a line of text: FTP (RFC 959), SMTP (RFC 5321), POP3
//! (RFC 1939) and IMAP (RFC 9051). The greeting names the server's program; whether a
//! password goes over the wire readable is told, never whose or which. What is written
//! or fetched is not read.

mod plain;
#[cfg(test)]
mod tests;

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// First line of the greeting, without its code.
const FTP_BANNER: Key = Key::new("ftp.banner");
const SMTP_BANNER: Key = Key::new("smtp.banner");
const POP3_BANNER: Key = Key::new("pop3.banner");
const IMAP_BANNER: Key = Key::new("imap.banner");
/// `yes`: the client sends its password readable; the server takes it.
const FTP_CLEAR: Key = Key::new("ftp.clear_login");
const FTP_TAKES: Key = Key::new("ftp.takes_clear_login");
const SMTP_CLEAR: Key = Key::new("smtp.clear_login");
const SMTP_TAKES: Key = Key::new("smtp.takes_clear_login");
const POP3_CLEAR: Key = Key::new("pop3.clear_login");
const POP3_TAKES: Key = Key::new("pop3.takes_clear_login");
const IMAP_CLEAR: Key = Key::new("imap.clear_login");
const IMAP_TAKES: Key = Key::new("imap.takes_clear_login");
/// What kind of a well-known account the server let in.
const FTP_TAKES_KNOWN: Key = Key::new("ftp.takes_known_account");
/// What the server says that its system is: `UNIX Type: L8`.
const FTP_SYSTEM: Key = Key::new("ftp.system");
/// Name by which a client introduces its computer.
const SMTP_HOSTNAME: Key = Key::new("smtp.hostname");

/// The protocols.
pub(super) static FTP: Protocol = Protocol {
    name: "ftp",
    standard: "RFC 959",
    keys: &[FTP_BANNER, FTP_CLEAR, FTP_TAKES, FTP_TAKES_KNOWN, FTP_SYSTEM],
    ports: &[21],
    body: Body::Stream { probe: |o| Kind::Ftp.probe(o), start: || Kind::Ftp.start() },
};
pub(super) static IMAP: Protocol = Protocol {
    name: "imap",
    standard: "RFC 9051",
    keys: &[IMAP_BANNER, IMAP_CLEAR, IMAP_TAKES],
    ports: &[143],
    body: Body::Stream { probe: |o| Kind::Imap.probe(o), start: || Kind::Imap.start() },
};
pub(super) static POP3: Protocol = Protocol {
    name: "pop3",
    standard: "RFC 1939",
    keys: &[POP3_BANNER, POP3_CLEAR, POP3_TAKES],
    ports: &[110],
    body: Body::Stream { probe: |o| Kind::Pop3.probe(o), start: || Kind::Pop3.start() },
};
pub(super) static SMTP: Protocol = Protocol {
    name: "smtp",
    standard: "RFC 5321",
    keys: &[SMTP_BANNER, SMTP_CLEAR, SMTP_TAKES, SMTP_HOSTNAME],
    ports: &[25, 587],
    body: Body::Stream { probe: |o| Kind::Smtp.probe(o), start: || Kind::Smtp.start() },
};

/// Longest line (RFC 5321 §4.5.3.1.5), and lines of one side that are looked at.
const MAX_LINE: usize = 512;
const MAX_LINES: u8 = 40;
/// As much of a line may leave.
const MAX_BANNER: usize = 120;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ftp,
    Imap,
    Pop3,
    Smtp,
}

impl Kind {
    fn start(self) -> Box<dyn Dissector> {
        Box::new(Talk {
            kind: self,
            greeted: false,
            asks_tls: false,
            account: None,
            is_nobody: false,
            lines: [0; 2],
        })
    }

    /// What a greeting begins with.
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Ftp | Self::Smtp => b"220",
            Self::Imap => b"* OK ",
            Self::Pop3 => b"+OK",
        }
    }

    /// A word in a greeting by which it is told from another protocol's.
    const fn word(self) -> &'static [u8] {
        match self {
            Self::Ftp => b"ftp",
            Self::Imap => b"imap",
            Self::Pop3 => b"pop3",
            Self::Smtp => b"smtp",
        }
    }

    /// A whole line that begins as a greeting does, and names the protocol or comes from
    /// its port.
    fn probe(self, opening: &Opening<'_>) -> Verdict {
        let bytes = opening.bytes;
        let shown = bytes.len().min(self.mark().len());
        if !opening.from_start || bytes.get(..shown) != self.mark().get(..shown) {
            return Verdict::No;
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            return if bytes.len() < MAX_LINE { Verdict::More } else { Verdict::No };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let Some(text) = self.text(line) else { return Verdict::No };
        let word = self.word();
        let named = text.windows(word.len()).any(|it| it.eq_ignore_ascii_case(word));
        let port = match self {
            Self::Ftp => FTP.ports,
            Self::Imap => IMAP.ports,
            Self::Pop3 => POP3.ports,
            Self::Smtp => SMTP.ports,
        };
        if named || port.contains(&opening.src_port) { Verdict::Yes } else { Verdict::No }
    }

    /// The text of a greeting.
    fn text(self, line: &[u8]) -> Option<&[u8]> {
        match line.strip_prefix(self.mark())? {
            [b' ' | b'-', text @ ..] if self != Self::Imap => Some(text.trim_ascii()),
            [] | [b'\r'] if self != Self::Imap => Some(&[]),
            text if self == Self::Imap => {
                // Capabilities stand before the text (RFC 9051 §7.1).
                let behind = text.strip_prefix(b"[").and_then(|text| {
                    let end = text.iter().position(|&b| b == b']')?;
                    text.get(end.saturating_add(1)..)
                });
                Some(behind.unwrap_or(text).trim_ascii())
            }
            _ => None,
        }
    }

    fn banner(self) -> Key {
        match self {
            Self::Ftp => FTP_BANNER,
            Self::Imap => IMAP_BANNER,
            Self::Pop3 => POP3_BANNER,
            Self::Smtp => SMTP_BANNER,
        }
    }

    /// What a readable password says of the client and of the server.
    fn clear(self) -> [Key; 2] {
        match self {
            Self::Ftp => [FTP_CLEAR, FTP_TAKES],
            Self::Imap => [IMAP_CLEAR, IMAP_TAKES],
            Self::Pop3 => [POP3_CLEAR, POP3_TAKES],
            Self::Smtp => [SMTP_CLEAR, SMTP_TAKES],
        }
    }
}

/// What a client's line means here.
enum Asked {
    /// To be let in, by a well-known account or not.
    Account(Option<&'static str>),
    /// A password, readable.
    Password,
    /// Encryption from the answer on.
    Tls,
    /// The name of its computer.
    Hello(String),
    /// Preparation: nothing.
    Other,
    /// Work begins, of which nothing is read.
    Work,
}

struct Talk {
    kind: Kind,
    greeted: bool,
    asks_tls: bool,
    /// What kind of a well-known account asks to be let in.
    account: Option<&'static str>,
    /// Who asked last did so as anybody, whatever was answered in between.
    is_nobody: bool,
    lines: [u8; 2],
}

impl Dissector for Talk {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            return match bytes.len() {
                n if n >= MAX_LINE => Err(Error::too_large("line")),
                n => Ok(Progress::Need(n.saturating_add(1))),
            };
        };
        let taken = end.saturating_add(1);
        let line = bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(lines) = self.lines.get_mut(usize::from(from == Side::Server)) {
            *lines = lines.saturating_add(1);
            if *lines > MAX_LINES {
                return Ok(Progress::Done);
            }
        }
        match from {
            Side::Server if !self.greeted => {
                let text = self.kind.text(line).ok_or(Error::invalid("greeting"))?;
                self.greeted = true;
                let text = match self.kind {
                    Kind::Ftp => plain::greeting(text),
                    Kind::Smtp => plain::mail(text),
                    Kind::Imap | Kind::Pop3 => text,
                };
                tell(&self.kind.banner(), text, out);
            }
            Side::Server if self.asks_tls => {
                self.asks_tls = false;
                if agrees(line) {
                    return Ok(Progress::Restart(taken));
                }
            }
            Side::Server => {
                // Reply 230: logged on (RFC 959 §4.2).
                // A reply 3yz asks for more (RFC 959 §4.2.1).
                let answered = |_: &mut &str| !line.starts_with(b"3");
                if let (Some(kind), true) =
                    (self.account.take_if(answered), line.starts_with(b"230"))
                {
                    out.fact(Who::Sender, &FTP_TAKES_KNOWN, kind);
                }
                // Reply 215 to SYST (RFC 959 §4.2).
                if let (Kind::Ftp, Some(line)) = (self.kind, line.strip_prefix(b"215 "))
                    && let Some(system) = plain::system(line)
                {
                    out.fact(Who::Sender, &FTP_SYSTEM, system);
                }
            }
            Side::Client => match self.asked(line) {
                Asked::Password => {
                    // Who is let in as anybody is asked for no secret (RFC 1635).
                    if !self.is_nobody {
                        let [sends, takes] = self.kind.clear();
                        out.fact(Who::Sender, &sends, "yes");
                        out.fact(Who::Receiver, &takes, "yes");
                    }
                    // The server's system is asked for only behind it.
                    if self.kind != Kind::Ftp {
                        return Ok(Progress::Done);
                    }
                }
                Asked::Account(kind) => {
                    (self.account, self.is_nobody) = (kind, kind == Some("anonymous"));
                }
                Asked::Tls => self.asks_tls = true,
                Asked::Hello(name) => out.fact(Who::Sender, &SMTP_HOSTNAME, &name),
                Asked::Other => {}
                Asked::Work => return Ok(Progress::Done),
            },
        }
        Ok(Progress::Consumed(taken))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Talk {
    fn asked(&self, line: &[u8]) -> Asked {
        let line = line.to_ascii_uppercase();
        let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
        if self.kind == Kind::Imap {
            words.next(); // The tag (RFC 9051 §2.2.1).
        }
        let word = words.next().unwrap_or_default();
        let second = words.next();
        match (self.kind, word, second) {
            (Kind::Ftp, b"USER", Some(name)) => Asked::Account(super::account::kind(name)),
            (Kind::Ftp | Kind::Pop3, b"PASS", _)
            | (Kind::Imap, b"LOGIN", Some(_))
            | (
                Kind::Smtp | Kind::Pop3 | Kind::Imap,
                b"AUTH" | b"AUTHENTICATE",
                Some(b"PLAIN" | b"LOGIN"),
            ) => Asked::Password,
            (Kind::Ftp, b"AUTH", Some(b"TLS" | b"SSL"))
            | (Kind::Smtp | Kind::Imap, b"STARTTLS", None)
            | (Kind::Pop3, b"STLS", None) => Asked::Tls,
            (Kind::Smtp, b"EHLO" | b"HELO", Some(name)) => match host(name) {
                Some(name) => Asked::Hello(name),
                None => Asked::Other,
            },
            (Kind::Ftp, b"RETR" | b"STOR" | b"STOU" | b"APPE" | b"LIST" | b"NLST" | b"MLSD", _)
            | (Kind::Smtp, b"MAIL" | b"RCPT" | b"DATA" | b"BDAT", _)
            | (Kind::Pop3, b"LIST" | b"RETR" | b"TOP" | b"STAT" | b"UIDL" | b"APOP" | b"AUTH", _)
            | (Kind::Imap, b"SELECT" | b"EXAMINE" | b"LIST" | b"APPEND" | b"AUTHENTICATE", _) => {
                Asked::Work
            }
            _ => Asked::Other,
        }
    }
}

/// A yes to STARTTLS in each of the protocols.
fn agrees(line: &[u8]) -> bool {
    let second = line.split(|&b| b == b' ').nth(1);
    line.starts_with(b"220")
        || line.starts_with(b"234")
        || line.starts_with(b"+OK")
        || second == Some(b"OK")
}

/// A computer's name: no address, and nothing that could be a mailbox.
fn host(name: &[u8]) -> Option<String> {
    let plain = (1..=63).contains(&name.len())
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        && name.iter().any(u8::is_ascii_alphabetic);
    plain.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// The beginning of a line.
fn tell(key: &Key, text: &[u8], out: &mut dyn Sink) {
    let text = text.get(..MAX_BANNER).unwrap_or(text);
    out.fact(Who::Sender, key, String::from_utf8_lossy(text).trim());
}
