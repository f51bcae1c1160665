//! Messages in UTF-16 (HL7 table 0211 `UNICODE UTF-16`), with or without a byte order
//! mark. The block characters around them are single bytes all the same (MLLP release 1).

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::{FS, VT};
use crate::wire::dissect::Verdict;

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

/// How `MSH` begins, by its order, the mark and without it.
const HEADS: [(&[u8], Order); 4] = [
    (b"\xfe\xff\0M\0S\0H\0", Order::Big),
    (b"\xff\xfeM\0S\0H\0", Order::Little),
    (b"\0M\0S\0H\0", Order::Big),
    (b"M\0S\0H\0", Order::Little),
];
const MARKS: [&[u8]; 2] = [b"\xfe\xff", b"\xff\xfe"];

/// The order of a message that begins here, and the length of its mark.
pub(super) fn begins(bytes: &[u8]) -> Option<(Order, usize)> {
    let (_, order) = HEADS.iter().find(|(head, _)| bytes.starts_with(head))?;
    let mark = if MARKS.iter().any(|mark| bytes.starts_with(mark)) { 2 } else { 0 };
    Some((*order, mark))
}

/// Whether a message may begin here: there are too few bytes to tell.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    HEADS.iter().any(|(head, _)| head.starts_with(bytes))
}

/// As [`begins`], for bytes of which more may come.
pub(super) fn probe(bytes: &[u8]) -> Verdict {
    match bytes {
        _ if begins(bytes).is_some() => Verdict::Yes,
        // One byte is any protocol's.
        [_, _, ..] if HEADS.iter().any(|(head, _)| head.starts_with(bytes)) => Verdict::More,
        _ => Verdict::No,
    }
}

/// What ended a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A carriage return.
    Cr,
    /// A line feed, where lines do not end in CR.
    Lf,
    /// The block.
    Block,
    /// The block, by the start of the next.
    Next,
}

/// A line of whole units at the start of some bytes.
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) end: End,
    /// With what ended it.
    pub(super) taken: usize,
}

/// The end of a block where a unit could stand. As a unit it would be a letter of
/// Malayalam or Lepcha: a message of theirs ends early, and its rest is passed over.
/// What comes behind cannot be asked, since it may not have come yet.
fn ends_block(rest: &[u8]) -> bool {
    matches!(rest, [FS, b'\r' | VT, ..])
}

impl Order {
    const fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(pair),
            Self::Little => u16::from_le_bytes(pair),
        }
    }

    /// The next line; `cr` when a line feed is text, `start` when the bytes are those of
    /// its beginning. None when it is not complete yet.
    pub(super) fn line(self, bytes: &[u8], cr: bool, start: bool) -> Option<Line<'_>> {
        // No segment begins with a unit that has a block character as its first byte.
        match bytes {
            _ if !start => {}
            [FS, ..] => return Some(Line { bytes: &[], end: End::Block, taken: 1 }),
            [VT, ..] => return Some(Line { bytes: &[], end: End::Next, taken: 1 }),
            _ => {}
        }
        let (pairs, _) = bytes.as_chunks::<2>();
        for (n, pair) in pairs.iter().enumerate() {
            let at = n.saturating_mul(2);
            let end = match self.unit(*pair) {
                0x0d => End::Cr,
                0x0a if !cr => End::Lf,
                0x0b | 0x1c => End::Block,
                // Careless senders end the last segment with the block.
                _ if ends_block(bytes.get(at..).unwrap_or_default()) => End::Block,
                _ => continue,
            };
            let line = bytes.get(..at).unwrap_or_default();
            let next = bytes.get(at..).is_some_and(|rest| rest.starts_with(&[FS, VT]));
            let ended = if next { 1 } else { 2 };
            return Some(Line { bytes: line, end, taken: at.saturating_add(ended) });
        }
        None
    }

    /// As UTF-8; none when it is not UTF-16 after all.
    pub(super) fn text(self, line: &[u8]) -> Option<String> {
        let set = if self == Self::Big { UTF_16BE } else { UTF_16LE };
        let text = set.decode_without_bom_handling_and_without_replacement(line)?;
        Some(text.trim_start_matches([' ', '\0', '\u{feff}']).to_owned())
    }
}
