//! One record as it comes, byte by byte (LIS02-A2 §5): a header whole, of orders and
//! results the fields of [`kept`], of all others the letter.

use super::is_control;

/// Longest header record that is read; real ones have some 200 bytes.
const MAX_HEADER: usize = 1024;
/// Longest field that is kept: a time, or the name of a specimen.
const MAX_FIELD: usize = 64;

/// The record being read.
#[derive(Default)]
pub(super) enum Record {
    #[default]
    Start,
    /// Its first byte.
    Letter(u8),
    /// A header, whole.
    Header(Vec<u8>),
    /// Another record.
    Known(Fields),
    /// No record, or a header without end.
    Passed,
}

/// Two fields of a record that is no header.
pub(super) struct Fields {
    pub(super) letter: u8,
    delimiter: u8,
    /// Number of the field that is coming, from 2: the letter is the first.
    number: u8,
    first: Vec<u8>,
    second: Vec<u8>,
}

/// Which fields are kept, the better one first: of an order the specimen (§8.4.3, §8.4.4),
/// of a result when the test was completed and when it was begun (§9.4.13, §9.4.12).
const fn kept(letter: u8) -> (u8, u8) {
    match letter {
        b'O' => (3, 4),
        b'R' => (13, 12),
        _ => (0, 0),
    }
}

impl Fields {
    const fn new(letter: u8, delimiter: u8) -> Self {
        Self { letter, delimiter, number: 2, first: Vec::new(), second: Vec::new() }
    }

    fn push(&mut self, byte: u8) {
        if byte == self.delimiter {
            self.number = self.number.saturating_add(1);
            return;
        }
        let (first, second) = kept(self.letter);
        let field = match self.number {
            n if n == first => &mut self.first,
            n if n == second => &mut self.second,
            _ => return,
        };
        if field.len() < MAX_FIELD {
            field.push(byte);
        }
    }

    /// The better field that is not empty.
    pub(super) fn best(&self) -> &[u8] {
        match self.first.trim_ascii() {
            [] => self.second.trim_ascii(),
            first => first,
        }
    }
}

impl Record {
    pub(super) fn push(&mut self, byte: u8) {
        match self {
            Self::Start if is_control(byte) => {}
            Self::Start => *self = Self::Letter(byte),
            Self::Letter(letter) => {
                *self = match (*letter, byte.is_ascii_punctuation()) {
                    (b'H', true) => Self::Header(vec![b'H', byte]),
                    (letter, true) => Self::Known(Fields::new(letter, byte)),
                    (_, false) => Self::Passed,
                };
            }
            Self::Header(line) if line.len() < MAX_HEADER => line.push(byte),
            Self::Header(_) => *self = Self::Passed,
            Self::Known(fields) => fields.push(byte),
            Self::Passed => {}
        }
    }
}
