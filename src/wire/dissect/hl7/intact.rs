//! Whether a segment is one segment. Senders that write no CR (a record separator,
//! NUL, a blank, the two characters `\r`) let MSH run on into PID, and the fields
//! that are counted from its start are then a patient's.

use std::borrow::Cow;

use super::segment::{delimiters_in, lossy};

/// Segments that may follow one that is read (HL7 v2 appendix A.4), in order.
const NAMES: &[&str] = &[
    "ABS", "ACC", "AIG", "AIL", "AIP", "AIS", "AL1", "ARQ", "ARV", "AUT", "BHS", "BLG", "BPO",
    "BPX", "BTX", "CTD", "CTI", "DB1", "DG1", "DRG", "DSC", "EQU", "ERR", "EVN", "FHS", "FT1",
    "GOL", "GT1", "IAM", "IN1", "IN2", "IN3", "IPC", "MRG", "MSA", "MSH", "NK1", "NTE", "OBR",
    "OBX", "ODS", "ODT", "ORC", "PD1", "PDA", "PEO", "PES", "PID", "PR1", "PRA", "PRB", "PRD",
    "PRT", "PTH", "PV1", "PV2", "QAK", "QID", "QPD", "QRD", "QRF", "RCP", "REL", "RF1", "RGS",
    "ROL", "RXA", "RXC", "RXD", "RXE", "RXG", "RXO", "RXR", "SAC", "SCH", "SFT", "SID", "SPM",
    "STF", "TCD", "TQ1", "TQ2", "TXA", "UAC", "UB1", "UB2", "VAR",
];

/// Characters of one value of equipment; free text is longer.
const MAX_VALUE: usize = 80;
/// Words of one value.
const MAX_WORDS: usize = 8;

/// What ends a line somewhere, or has no place in one.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Without what a careless sender puts before CR.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_end_matches(|c: char| is_break(c) || c.is_whitespace())
}

pub(super) fn has_break(text: &str) -> bool {
    match text.is_ascii() {
        // Without leaving early: many at a time.
        true => text.bytes().fold(false, |any, b| any | b.is_ascii_control()),
        false => text.contains(is_break),
    }
}

/// The bytes that a text came as, where it is to be looked for names in them as well;
/// nothing where they are that text, but for their end.
pub(super) fn as_sent<'l>(line: &'l [u8], text: &str, field: char) -> Cow<'l, str> {
    let behind = line.strip_prefix(text.as_bytes());
    match behind.is_some_and(|rest| !rest.iter().any(|b| char::from(*b) == field)) {
        true => Cow::Borrowed(""),
        false => lossy(line),
    }
}

/// Whether a segment is whole and alone, in its text and in the bytes it came as:
/// a wrong character set may swallow the first letter of a name.
pub(super) struct Alone {
    /// The first field behind which another segment may run on; none when one is sure to.
    until: Option<usize>,
}

impl Alone {
    pub(super) fn of(line: &[u8], text: &str, field: char) -> Self {
        let plain = as_sent(line, text, field);
        let mut until = (!has_break(text)).then_some(usize::MAX);
        for (n, piece) in suspects(text, field).chain(suspects(&plain, field)) {
            until = match until {
                Some(_) if ends_in_name(piece) => None,
                Some(known) if ends_in_code(piece) => Some(known.min(n)),
                known => known,
            };
        }
        Self { until }
    }

    /// Whether it is as far as `last`, the last field that is read: what runs on behind it
    /// does no harm.
    pub(super) fn until(&self, last: usize) -> bool {
        self.until.is_some_and(|until| until >= last)
    }
}

/// Line ends that were written out instead of made.
const WRITTEN: &[&str] = &["\\r", "\\n", "\\X0D\\", "\\X0A\\", "\\X0D0A\\", "<cr>", "<lf>"];

/// As [`starts`], for names that are in no list: `Z01` glued to what stands before it, and
/// any letter with two more letters or digits behind a line end that was written out.
pub(super) fn local_starts(text: &str, field: char) -> impl Iterator<Item = usize> {
    suspects(text, field).filter(|(_, piece)| ends_in_code(piece)).map(|(n, _)| n)
}

fn ends_in_code(piece: &str) -> bool {
    let at = piece.len().checked_sub(3);
    let Some((before, name)) = at.and_then(|at| piece.split_at_checked(at)) else { return false };
    let is_code = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let written = |end: &str| {
        let at = before.len().checked_sub(end.len());
        at.and_then(|at| before.get(at..)).is_some_and(|it| it.eq_ignore_ascii_case(end))
    };
    is_code && (name.starts_with('Z') || WRITTEN.iter().any(|end| written(end)))
}

/// Where the name of a segment stands before a delimiter, other than at the start:
/// counted in delimiters.
pub(super) fn starts(text: &str, field: char) -> impl Iterator<Item = usize> {
    suspects(text, field).filter(|(_, piece)| ends_in_name(piece)).map(|(n, _)| n)
}

/// What stands between delimiters and ends as a name does: counted in delimiters. All
/// text is looked through here, so the look is short.
fn suspects(text: &str, field: char) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut from = 0_usize;
    delimiters_in(bytes, field).enumerate().filter_map(move |(n, at)| {
        let start = std::mem::replace(&mut from, at.saturating_add(1));
        // What comes first is the segment's own name; what comes last has no delimiter
        // behind it.
        let piece = bytes.get(start..at).filter(|piece| n > 0 && could_be_name(piece))?;
        Some((n, std::str::from_utf8(piece).ok()?))
    })
}

/// A capital, then two more or digits.
fn could_be_name(piece: &[u8]) -> bool {
    matches!(piece, [.., b'A'..=b'Z', b'A'..=b'Z' | b'0'..=b'9', b'A'..=b'Z' | b'0'..=b'9'])
}

fn ends_in_name(piece: &str) -> bool {
    let at = piece.len().checked_sub(3);
    let Some((before, name)) = at.and_then(|at| piece.split_at_checked(at)) else { return false };
    NAMES.binary_search(&name).is_ok() || is_local(before, name)
}

/// `ZPI`: a site's own segment. `Z10` at the end of a word is rather a model.
fn is_local(before: &str, name: &str) -> bool {
    let Some(rest) = name.strip_prefix('Z') else { return false };
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let is_code = rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_code && (rest.starts_with(|c: char| c.is_ascii_uppercase()) || !before.ends_with(word))
}

/// Whether a value may name equipment: one short line.
pub(super) fn is_label(value: &str) -> bool {
    !has_break(value)
        && value.chars().count() <= MAX_VALUE
        && value.split_whitespace().count() <= MAX_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_look_like_names() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().all(|name| could_be_name(name.as_bytes())));
        let found: Vec<_> = starts("MSH|xPID|PID|P1D|éPV1|ZPI|OBX", '|').collect();
        assert_eq!(found, [1, 2, 4, 5]);
        assert_eq!(local_starts("MSH|Z01|x<cr>A9B|Z0|Z01", '|').collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn bytes_that_are_the_text_are_not_looked_at_twice() {
        assert_eq!(as_sent(b"MSH|a|b \0", "MSH|a|b", '|'), "");
        assert_eq!(as_sent(b"MSH|a|b \0|", "MSH|a|b", '|'), "MSH|a|b \0|");
        assert_eq!(as_sent(b"MSH|\x8fPID|", "MSH|\u{3000}ID|", '|'), "MSH|\u{fffd}PID|");
    }
}
