//! A segment as text: delimiters (HL7 v2 §2.5.4), character set (§2.15.9.18) and
//! escape sequences (§2.7).
//!
//! Text is decoded before it is split: in Shift-JIS the second byte of a character
//! may be `|`, `^`, `~` or the escape character.

use std::borrow::Cow;

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};
use hl7_parser::message::{Field, Separators};
use hl7_parser::parser::parse_field_with_separators;

/// Longest field that is looked into; an EI is at most 427 characters (v2.5).
const MAX_FIELD: usize = 1024;

/// The delimiters that MSH-1 and MSH-2 declare; what is left out has its usual value.
pub(super) fn separators(msh: &[u8]) -> Option<Separators> {
    let (&field, encoding) = msh.get(3..)?.split_first()?;
    let encoding = encoding.split(|&b| b == field).next()?;
    if !field.is_ascii_punctuation() || !encoding.iter().all(u8::is_ascii_punctuation) {
        return None;
    }
    let usual = Separators::default();
    let at = |n: usize, or: char| encoding.get(n).map_or(or, |&b| char::from(b));
    // Without an escape character the subcomponent delimiter moves up: `^~&`.
    let no_escape = encoding.get(2) == Some(&b'&') && encoding.len() == 3;
    Some(Separators {
        field: char::from(field),
        component: at(0, usual.component),
        repetition: at(1, usual.repetition),
        escape: if no_escape { usual.escape } else { at(2, usual.escape) },
        subcomponent: at(3, usual.subcomponent),
        lenient_newlines: false,
    })
}

/// What MSH-18 declares, as far as it says how to decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Charset(Option<&'static Encoding>);

impl Charset {
    /// Known without being declared.
    pub(super) const UTF_8: Self = Self(Some(UTF_8));

    /// From MSH-18 (HL7 table 0211); the repetitions name the sets that escape
    /// sequences may switch to.
    pub(super) fn declared(msh18: &str, separators: Separators) -> Self {
        let sets = || msh18.split(separators.repetition).map(str::trim);
        let has = |name: &str| sets().any(|it| it.eq_ignore_ascii_case(name));
        if has("ISO IR87") || has("ISO IR159") || has("ISO IR14") || has("ISO IR13") {
            // Escapes are told from the text; 8-bit text under these names is Shift-JIS.
            return Self(None);
        }
        let first = sets().next().unwrap_or_default().to_ascii_uppercase();
        let label = match first.as_str() {
            "UNICODE" | "UNICODE UTF-8" | "UTF-8" | "UTF8" => "utf-8",
            "GB 18030-2000" | "GB18030" => "gb18030",
            "KS X 1001" => "euc-kr",
            "BIG-5" => "big5",
            "SHIFT-JIS" | "SHIFT_JIS" | "SJIS" => "shift_jis",
            part => match part.strip_prefix("8859/") {
                Some(n) => return Self(Encoding::for_label(format!("iso-8859-{n}").as_bytes())),
                None => return Self(None),
            },
        };
        Self(Encoding::for_label(label.as_bytes()))
    }

    /// The text: as declared when that fits, otherwise what it looks like.
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        if bytes.is_ascii() && !bytes.contains(&0x1b) {
            return String::from_utf8_lossy(bytes);
        }
        // Every set but ISO 2022 is read without its state, so the escapes decide.
        let iso2022 = bytes.is_ascii().then_some(ISO_2022_JP);
        [iso2022, self.0, Some(UTF_8), Some(SHIFT_JIS)]
            .into_iter()
            .flatten()
            .find_map(|set| set.decode_without_bom_handling_and_without_replacement(bytes))
            .unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0)
    }
}

/// One segment, ready to be asked for its fields by their numbers in the standard.
pub(super) struct Segment<'a> {
    text: &'a str,
    separators: Separators,
    /// MSH-1 is the delimiter itself, so its fields are one further.
    shift: usize,
}

impl<'a> Segment<'a> {
    pub(super) fn new(text: &'a str, separators: Separators) -> Self {
        Self { text, separators, shift: usize::from(text.starts_with("MSH")) }
    }

    /// Three letters.
    pub(super) fn name(&self) -> &'a str {
        self.text.split(self.separators.field).next().unwrap_or_default()
    }

    /// Field `n` as it stands; empty when there is none or it is too long.
    pub(super) fn raw(&self, n: usize) -> &'a str {
        let raw = self.text.split(self.separators.field).nth(n.saturating_sub(self.shift));
        raw.filter(|it| it.len() <= MAX_FIELD).unwrap_or_default().trim()
    }

    /// Repetitions of field `n`, each with its components.
    pub(super) fn field(&self, n: usize) -> Parts<'a> {
        Parts {
            field: parse_field_with_separators(self.raw(n), self.separators).ok(),
            separators: self.separators,
        }
    }

    /// First component of the first repetition of field `n`.
    pub(super) fn first(&self, n: usize) -> Option<Cow<'a, str>> {
        self.field(n).component(1, 1)
    }
}

/// A field taken apart.
pub(super) struct Parts<'a> {
    field: Option<Field<'a>>,
    separators: Separators,
}

impl<'a> Parts<'a> {
    /// How many repetitions there are.
    pub(super) fn repetitions(&self) -> usize {
        self.field.as_ref().map_or(0, |field| field.repeats.len())
    }

    /// Component of a repetition, both from 1; none when empty or null (`""`).
    pub(super) fn component(&self, repetition: usize, component: usize) -> Option<Cow<'a, str>> {
        let raw = self.field.as_ref()?.repeat(repetition)?.component(component)?.raw_value();
        let text = unescape(raw.trim(), self.separators);
        (!text.is_empty() && text != "\"\"").then_some(text)
    }
}

/// Undoes the escapes of delimiters (§2.7.1); other sequences are formatting and vanish.
fn unescape(raw: &str, separators: Separators) -> Cow<'_, str> {
    if !raw.contains(separators.escape) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once(separators.escape) {
        text.push_str(before);
        let Some((code, behind)) = after.split_once(separators.escape) else {
            text.push_str(after);
            return Cow::Owned(text);
        };
        text.extend(match code {
            "F" => Some(separators.field),
            "S" => Some(separators.component),
            "T" => Some(separators.subcomponent),
            "R" => Some(separators.repetition),
            "E" => Some(separators.escape),
            _ => None,
        });
        rest = behind;
    }
    text.push_str(rest);
    Cow::Owned(text)
}
