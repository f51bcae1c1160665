//! Somebody logs on at a terminal (RFC 854, RFC 1282): what is shown, one prompt after the
//! other, and what is typed. A well-known account is told by its kind; any other name is
//! forgotten as it is read, and of a password only that it was typed.

use super::account;

/// Bytes that are read of what is shown.
const MAX_SHOWN: usize = 1024;
/// Characters of a name that is typed; longer ones are well-known to nobody.
const MAX_NAME: usize = 32;

/// What a byte shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing yet.
    Nothing,
    /// The first prompt stands at the end of what is shown.
    Asks,
    /// A password was typed, behind which nothing more can be learned where it is the `last`.
    Password {
        /// The account is none that is known.
        last: bool,
    },
    /// Somebody is let in, by a well-known account or not, with a password or without.
    LetsIn {
        /// What kind of an account.
        kind: Option<&'static str>,
        /// A password was typed before.
        password: bool,
    },
    /// Nothing more can be learned.
    Over,
}

/// A terminal at which nobody has logged on yet.
#[derive(Default)]
pub(super) struct Terminal {
    pub(super) shown: Vec<u8>,
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
    /// An account has been named; what follows is for the server to say.
    Named { kind: Option<&'static str>, password: Typed },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Typed {
    NotAsked,
    Asked,
    Begun,
    Done,
}

impl Terminal {
    /// One whose account is named before anything is shown.
    pub(super) fn named(kind: Option<&'static str>) -> Self {
        Self { shown: Vec::new(), stage: Stage::Named { kind, password: Typed::NotAsked } }
    }

    /// Nobody was asked, and nothing was shown but line ends.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.stage, Stage::Before) && self.shown.iter().all(|b| b"\r\n\0".contains(b))
    }

    /// One byte that the server shows.
    pub(super) fn shows(&mut self, byte: u8) -> Event {
        self.shown.push(byte);
        let event = match self.stage {
            Stage::Before if self.asks() => Event::Asks,
            Stage::Named { kind, password: Typed::NotAsked }
                if asks_for(&self.shown, PASSWORDS) =>
            {
                self.stage = Stage::Named { kind, password: Typed::Asked };
                self.shown.clear();
                Event::Nothing
            }
            Stage::Named { .. } if self.refuses() => Event::Over,
            _ => Event::Nothing,
        };
        if self.shown.len() < MAX_SHOWN { event } else { Event::Over }
    }

    /// The first prompt is read: a name is typed now, or a password where that is all that
    /// is asked for.
    pub(super) fn turn(&mut self) {
        self.stage = match asks_for(&self.shown, PASSWORDS) {
            true => Stage::Named { kind: None, password: Typed::Asked },
            false => Stage::Name(Vec::new()),
        };
        self.shown.clear();
    }

    /// One character of somebody who types.
    pub(super) fn typed(&mut self, byte: u8) -> Event {
        let lets_in = self.lets_in();
        match &mut self.stage {
            Stage::Before => return Event::Over,
            Stage::Name(name) => match byte {
                b'\r' | b'\n' if !name.is_empty() => {
                    let kind = account::kind(name);
                    self.stage = Stage::Named { kind, password: Typed::NotAsked };
                    self.shown.clear();
                }
                b'\r' | b'\n' | 0 => {}
                _ if name.len() < MAX_NAME => name.push(byte),
                _ => return Event::Over,
            },
            Stage::Named { password, .. } if *password == Typed::Asked => match byte {
                b'\r' | b'\n' | 0 => {}
                _ => *password = Typed::Begun,
            },
            Stage::Named { kind, password } if *password == Typed::Begun => {
                if matches!(byte, b'\r' | b'\n') {
                    *password = Typed::Done;
                    self.shown.clear();
                    return Event::Password { last: kind.is_none() };
                }
            }
            // The first command.
            Stage::Named { kind, password } if lets_in => {
                return Event::LetsIn { kind: *kind, password: *password == Typed::Done };
            }
            Stage::Named { .. } => {}
        }
        Event::Nothing
    }

    /// What is shown ends with a prompt.
    fn asks(&self) -> bool {
        asks(&self.shown)
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
        let asks_again = self.asks() && !asks_for(&self.shown, PASSWORDS);
        asks_again || refusals.into_iter().any(|it| ends_with(&self.shown, it))
    }
}

/// How a name is asked for, up to the colon: English, German, French, Spanish, Italian,
/// Japanese.
const NAMES: &[&[u8]] = &[
    b"login",
    b"username",
    b"user name",
    b"anmeldung",
    b"benutzer",
    b"benutzername",
    b"identifiant",
    b"utilisateur",
    b"usuario",
    b"utente",
    // ログイン in UTF-8, Shift_JIS, EUC-JP.
    b"\xe3\x83\xad\xe3\x82\xb0\xe3\x82\xa4\xe3\x83\xb3",
    b"\x83\x8d\x83\x4f\x83\x43\x83\x93",
    b"\xa5\xed\xa5\xb0\xa5\xa4\xa5\xf3",
    // ユーザー名 in UTF-8, Shift_JIS, EUC-JP.
    b"\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe3\x83\xbc\xe5\x90\x8d",
    b"\x83\x86\x81\x5b\x83\x55\x81\x5b\x96\xbc",
    b"\xa5\xe6\xa1\xbc\xa5\xb6\xa1\xbc\xcc\xbe",
    // ユーザ名 in UTF-8, Shift_JIS, EUC-JP.
    b"\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe5\x90\x8d",
    b"\x83\x86\x81\x5b\x83\x55\x96\xbc",
    b"\xa5\xe6\xa1\xbc\xa5\xb6\xcc\xbe",
];
/// How a password is asked for. Of the Spanish word the `ñ` is in UTF-8, ISO 8859-1 and code
/// page 850.
const PASSWORDS: &[&[u8]] = &[
    b"password",
    b"kennwort",
    b"passwort",
    b"mot de passe",
    b"contrase\xc3\xb1a",
    b"contrase\xf1a",
    b"contrase\xa4a",
    // パスワード in UTF-8, Shift_JIS, EUC-JP.
    b"\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89",
    b"\x83\x70\x83\x58\x83\x8f\x81\x5b\x83\x68",
    b"\xa5\xd1\xa5\xb9\xa5\xef\xa1\xbc\xa5\xc9",
];
/// Notes of the last login, which end as prompts do.
const NOTES: &[&[u8]] = &[
    b"last login",
    b"letzte anmeldung",
    // 最終ログイン in UTF-8, Shift_JIS, EUC-JP.
    b"\xe6\x9c\x80\xe7\xb5\x82\xe3\x83\xad\xe3\x82\xb0\xe3\x82\xa4\xe3\x83\xb3",
    b"\x8d\xc5\x8f\x49\x83\x8d\x83\x4f\x83\x43\x83\x93",
    b"\xba\xc7\xbd\xaa\xa5\xed\xa5\xb0\xa5\xa4\xa5\xf3",
];
/// A colon, and the wide one of Japanese in UTF-8, Shift_JIS and EUC-JP.
const COLONS: [&[u8]; 4] = [b":", b"\xef\xbc\x9a", b"\x81\x46", b"\xa1\xa7"];
/// What may stand before a colon: a blank, one that does not break in UTF-8 and ISO 8859-1.
const BLANKS: [&[u8]; 3] = [b" ", b"\xc2\xa0", b"\xa0"];

/// Whether what is shown ends with one of these words and a colon.
fn asks_for(shown: &[u8], words: &[&[u8]]) -> bool {
    let Some(stem) = COLONS.iter().find_map(|it| shown.strip_suffix(*it)) else { return false };
    let stem = BLANKS.iter().find_map(|it| stem.strip_suffix(*it)).unwrap_or(stem);
    words.iter().any(|it| ends_with(stem, it))
}

/// Whether what is shown ends with a prompt; a note of the last login is none.
fn asks(shown: &[u8]) -> bool {
    (asks_for(shown, NAMES) || asks_for(shown, PASSWORDS)) && !asks_for(shown, NOTES)
}

/// In letters of either case.
fn ends_with(shown: &[u8], words: &[u8]) -> bool {
    let at = shown.len().saturating_sub(words.len());
    shown.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(words))
}

/// Whether a text is what a terminal shows up to its first prompt; none while that may come.
pub(super) fn prompts(shown: &[u8]) -> Option<bool> {
    let is_text = |b: &u8| matches!(b, b'\t' | b'\r' | b'\n' | 0x1b | 0x20..=0x7e | 0x80..=0xfe);
    // Replies of other protocols begin with a number or a mark, and end with a line.
    let is_reply = shown.iter().take(3).filter(|b| b.is_ascii_digit()).count() == 3
        || matches!(shown.first(), Some(b'+' | b'*' | b'<' | b'{' | b'[' | b'('));
    if is_reply || !shown.iter().all(is_text) || shown.len() > MAX_SHOWN {
        return Some(false);
    }
    let blanks = shown.iter().rev().take_while(|b| **b == b' ').count();
    let shown = shown.get(..shown.len().saturating_sub(blanks)).unwrap_or_default();
    let asks = asks(shown);
    let line = shown.rsplit(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    (asks && line.len() <= MAX_NAME.saturating_mul(2)).then_some(true)
}
