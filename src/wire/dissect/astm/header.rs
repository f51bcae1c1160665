//! The header record (LIS02-A2 §6): `H` delimiters, then fields from the second on.

use super::super::Verdict;
use super::super::label::label;

/// Bytes of the delimiters field; three by the standard, some senders escape the first.
const DELIMITERS: std::ops::RangeInclusive<usize> = 2..=4;

/// What is told of a header; empty where it says nothing.
pub(super) struct Header {
    /// H-5.
    pub(super) sender: String,
    /// H-10.
    pub(super) receiver: String,
    /// H-12.
    pub(super) processing: String,
    /// H-13.
    pub(super) version: String,
}

/// Whether bytes are the beginning of a header: `H`, the field delimiter, others, and
/// the field delimiter again.
pub(super) fn begins(bytes: &[u8]) -> Verdict {
    let Some((b'H', rest)) = bytes.split_first() else {
        return if bytes.is_empty() { Verdict::More } else { Verdict::No };
    };
    let Some((field, rest)) = rest.split_first() else { return Verdict::More };
    let others = rest.iter().take_while(|b| *b != field);
    let n = others.clone().count();
    let fits = field.is_ascii_punctuation() && others.clone().all(u8::is_ascii_punctuation);
    match (fits, n < rest.len()) {
        (true, true) if DELIMITERS.contains(&n) && others.clone().any(|b| *b == b'^') => {
            Verdict::Yes
        }
        (true, false) if n < *DELIMITERS.end() => Verdict::More,
        _ => Verdict::No,
    }
}

impl Header {
    /// None when it is no header or another record runs on in it.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        if begins(line) != Verdict::Yes {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        let field = text.get(1..2)?;
        let fields: Vec<&str> = text.split(field).collect();
        if text.contains(char::is_control) || runs_on(&fields) {
            return None;
        }
        let get = |n: usize| {
            // H-1 is the letter, H-2 the delimiters.
            n.checked_sub(1).and_then(|at| fields.get(at)).map_or("", |field| field.trim())
        };
        let parts: Vec<&str> = get(5).split('^').map(str::trim).collect();
        let sender = parts.join("^");
        let one_of = |text: &str, of: &[&str]| of.contains(&text).then(|| text.to_owned());
        Some(Self {
            sender: label(sender.trim_end_matches('^')).unwrap_or_default().to_owned(),
            receiver: label(get(10)).unwrap_or_default().to_owned(),
            processing: one_of(get(12), &["P", "T", "D", "Q"]).unwrap_or_default(),
            version: version(get(13)).unwrap_or_default().to_owned(),
        })
    }
}

/// A sender that ends no record lets the patient follow: `name P|1|`. H-12 itself may be
/// `P` with a version `1` behind it, so what follows H-11 is not looked at.
fn runs_on(fields: &[&str]) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    fields.iter().zip(fields.iter().skip(1)).take(11).any(|(this, next)| {
        this.ends_with(['P', 'O', 'R', 'Q', 'C', 'M']) && number(next.trim()) && next.len() <= 3
    })
}

/// `1`, `1394-97`, `E1394-97`, `LIS2-A2`.
fn version(text: &str) -> Option<&str> {
    let short = text.len() <= 12
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b' ' | b'.'));
    let number = text.len() <= 2 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (short && (number || text.contains("LIS") || text.contains("1394"))).then_some(text)
}
