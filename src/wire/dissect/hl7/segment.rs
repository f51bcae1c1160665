//! A segment as text: delimiters (HL7 v2 §2.5.4), character set (§2.15.9.18) and
//! escape sequences (§2.7).
//!
//! Text is decoded before it is split: in Shift-JIS the second byte of a character
//! may be `|`, `^`, `~` or the escape character.

use std::borrow::Cow;

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};
use hl7_parser::message::Separators;

/// Longest field that is looked into; an EI is at most 427 characters (v2.5).
const MAX_FIELD: usize = 1024;
/// Delimiters of a segment that are remembered: behind the last field that is asked for.
const DELIMITERS: usize = 23;

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
        if msh18.is_empty() {
            return Self(None);
        }
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
            return lossy(bytes);
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

/// As it stands, with what is no UTF-8 replaced; quick for what is all UTF-8.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Where a delimiter stands, which is always ASCII: see [`separators`].
pub(super) fn delimiters_in(text: &[u8], delimiter: char) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(u8::try_from(delimiter).unwrap_or(b'|'), text)
}

/// One segment, ready to be asked for its fields by their numbers in the standard.
pub(super) struct Segment<'a> {
    text: &'a str,
    separators: Separators,
    /// MSH-1 is the delimiter itself, so its fields are one further.
    shift: usize,
    /// Where its first delimiters are; the length of the text for those it has not.
    delimiters: [usize; DELIMITERS],
}

impl<'a> Segment<'a> {
    pub(super) fn new(text: &'a str, separators: Separators) -> Self {
        let mut delimiters = [text.len(); DELIMITERS];
        let found = delimiters_in(text.as_bytes(), separators.field);
        for (place, at) in delimiters.iter_mut().zip(found) {
            *place = at;
        }
        Self { text, separators, shift: usize::from(text.starts_with("MSH")), delimiters }
    }

    /// Three letters.
    pub(super) fn name(&self) -> &'a str {
        self.piece(0)
    }

    /// What stands before delimiter `n`, from 0; empty when there is none.
    fn piece(&self, n: usize) -> &'a str {
        let from = match n.checked_sub(1) {
            None => 0,
            Some(before) => {
                self.delimiters.get(before).map_or(usize::MAX, |at| at.saturating_add(1))
            }
        };
        let to = self.delimiters.get(n).copied().unwrap_or_default();
        self.text.get(from..to).unwrap_or_default()
    }

    /// Field `n` as it stands; empty when there is none or it is too long.
    pub(super) fn raw(&self, n: usize) -> &'a str {
        let raw = self.piece(n.saturating_sub(self.shift));
        if raw.len() <= MAX_FIELD { raw.trim() } else { "" }
    }

    /// Repetitions of field `n`, each with its components.
    pub(super) fn field(&self, n: usize) -> Parts<'a> {
        Parts { field: self.raw(n), separators: self.separators }
    }

    /// First component of the first repetition of field `n`.
    pub(super) fn first(&self, n: usize) -> Option<Cow<'a, str>> {
        self.field(n).component(1, 1)
    }
}

/// A field taken apart.
pub(super) struct Parts<'a> {
    field: &'a str,
    separators: Separators,
}

impl<'a> Parts<'a> {
    /// How many repetitions there are.
    pub(super) fn repetitions(&self) -> usize {
        self.pieces().last().map_or(1, |(repetition, ..)| repetition)
    }

    /// Component of a repetition, both from 1; none when empty or null (`""`).
    pub(super) fn component(&self, repetition: usize, component: usize) -> Option<Cow<'a, str>> {
        let (.., raw) = self.pieces().find(|(r, c, _)| (*r, *c) == (repetition, component))?;
        let text = unescape(raw.trim(), self.separators);
        (!text.is_empty() && text != "\"\"").then_some(text)
    }

    /// Components with their repetition and number, both from 1. Where a message declares
    /// one delimiter for two things, it is that of the smaller one.
    fn pieces(&self) -> impl Iterator<Item = (usize, usize, &'a str)> {
        let Self { field, separators: of } = *self;
        let mut next = Some((1_usize, 1_usize, 0_usize));
        std::iter::from_fn(move || {
            let (repetition, component, from) = next.take()?;
            let rest = field.get(from..)?;
            let ends = |c: char| c != of.subcomponent && (c == of.component || c == of.repetition);
            let Some((at, c)) = rest.bytes().map(char::from).enumerate().find(|(_, c)| ends(*c))
            else {
                return Some((repetition, component, rest));
            };
            let behind = from.saturating_add(at).saturating_add(1);
            next = Some(match c == of.component {
                true => (repetition, component.saturating_add(1), behind),
                false => (repetition.saturating_add(1), 1, behind),
            });
            Some((repetition, component, rest.get(..at)?))
        })
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

#[cfg(test)]
mod tests {
    use hl7_parser::parser::parse_field_with_separators;

    use super::*;

    /// Fields are taken apart as the library does that keeps to the standard.
    #[test]
    fn fields_are_taken_apart_as_by_the_library() {
        let usual = Separators::default();
        let odd = Separators { repetition: '^', ..usual };
        let odder = Separators { subcomponent: '^', ..usual };
        let letters = ['a', 'é', '^', '~', '&', '\\'];
        let fields = (0..6_usize.pow(6))
            .map(|n| (0..6).map(|i| letters[n / 6_usize.pow(i) % 6]).collect::<String>());
        for (n, field) in fields.enumerate() {
            let separators = [usual, odd, odder][n % 3];
            let parts = Parts { field: &field, separators };
            let known = parse_field_with_separators(&field, separators).unwrap();
            assert_eq!(parts.repetitions(), known.repeats.len(), "{field}");
            let mut all = known.repeats.iter().enumerate().flat_map(|(r, repeat)| {
                let components = repeat.components.iter().enumerate();
                components.map(move |(c, it)| (r + 1, c + 1, it.raw_value()))
            });
            assert!(parts.pieces().eq(all.by_ref()), "{field}");
        }
    }

    #[test]
    fn fields_are_counted_as_in_the_standard() {
        let separators = Separators::default();
        let long = format!("OBX{}|z", "|é".repeat(30));
        let (obx, msh) =
            (Segment::new(&long, separators), Segment::new("MSH|^~\\&|a| b |", separators));
        assert_eq!((obx.name(), obx.raw(1), obx.raw(22)), ("OBX", "é", "é"));
        assert_eq!((msh.raw(2), msh.raw(3), msh.raw(4)), ("^~\\&", "a", "b"));
        assert_eq!((msh.raw(5), msh.raw(6), msh.raw(40)), ("", "", ""));
    }
}
