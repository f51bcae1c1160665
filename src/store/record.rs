//! The blobs of the inventory: a byte that says the format, then the value in postcard's
//! wire format (<https://postcard.jamesmunns.com>), whose text stays readable as it is.

use std::borrow::Cow;
use std::fmt;

use postcard::ser_flavors::Flavor;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::time::Timestamp;

/// The format written. A change of what stands in a blob needs a new number and, as long
/// as inventories of the old one are about, a reader for it.
const FORMAT: u8 = 1;
/// The same with a second value after the first, which rows of [`FORMAT`] do not have.
const WITH_TAIL: u8 = 2;

/// A blob cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("format {0}, which a newer auscult writes")]
    Newer(u8),
    #[error("damaged: {0}")]
    Damaged(#[from] postcard::Error),
    #[error("damaged: empty")]
    Empty,
    #[error("damaged: {0} bytes too many")]
    Longer(usize),
    #[error("damaged: host {0} stands in the place of another")]
    Place(i64),
}

/// Begins a blob.
pub(super) fn begin(blob: &mut Vec<u8>) {
    blob.clear();
    blob.push(FORMAT);
}

/// Begins a blob of two values.
pub(super) fn begin_with_tail(blob: &mut Vec<u8>) {
    blob.clear();
    blob.push(WITH_TAIL);
}

/// Adds a value to a blob.
pub(super) fn add(blob: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Unreadable> {
    Ok(postcard::serialize_with_flavor(value, Tail(blob))?)
}

/// Serialises to the end of a buffer that is used again and again.
struct Tail<'b>(&'b mut Vec<u8>);

impl Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// What follows the format.
pub(super) fn body(blob: &[u8]) -> Result<&[u8], Unreadable> {
    match blob.split_first() {
        Some((&FORMAT, body)) => Ok(body),
        Some((0, _)) | None => Err(Unreadable::Empty),
        Some((format, _)) => Err(Unreadable::Newer(*format)),
    }
}

/// The next value of a body, and the rest.
pub(super) fn next<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<(T, &'b [u8]), Unreadable> {
    Ok(postcard::take_from_bytes(body)?)
}

/// The only value of a blob.
pub(super) fn only<'b, T: Deserialize<'b>>(blob: &'b [u8]) -> Result<T, Unreadable> {
    match next(body(blob)?)? {
        (value, []) => Ok(value),
        (_, rest) => Err(Unreadable::Longer(rest.len())),
    }
}

/// The two values of a blob; of an earlier auscult's the first, and nothing.
pub(super) fn with_tail<'b, T, U>(blob: &'b [u8]) -> Result<(T, U), Unreadable>
where
    T: Deserialize<'b>,
    U: Deserialize<'b> + Default,
{
    let Some((&WITH_TAIL, body)) = blob.split_first() else {
        return Ok((only(blob)?, U::default()));
    };
    let (value, rest) = next(body)?;
    match next(rest)? {
        (tail, []) => Ok((value, tail)),
        (_, rest) => Err(Unreadable::Longer(rest.len())),
    }
}

/// One attribute of an asset with its values, the best first.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Attribute<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) values: Vec<ValueOf<'a>>,
}

/// One value of an attribute.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ValueOf<'a> {
    #[serde(borrow)]
    pub(super) value: Cow<'a, str>,
    pub(super) confidence: f32,
    pub(super) shown: bool,
    #[serde(borrow)]
    pub(super) reasons: Vec<ReasonOf<'a>>,
}

/// One reason for a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ReasonOf<'a> {
    pub(super) signature: &'a str,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) confidence: f32,
    pub(super) capture: u32,
    pub(super) frame: u64,
    pub(super) first_seen: Timestamp,
}

/// An [`Attribute`] of which one reason a value is enough.
#[derive(Debug, Deserialize)]
pub(super) struct Bare<'a> {
    pub(super) name: &'a str,
    #[serde(borrow)]
    pub(super) values: Vec<BareValue<'a>>,
}

/// A [`ValueOf`] with its first reason.
#[derive(Debug, Deserialize)]
pub(super) struct BareValue<'a> {
    pub(super) value: &'a str,
    pub(super) confidence: f32,
    pub(super) shown: bool,
    #[serde(borrow, deserialize_with = "first")]
    pub(super) reason: Option<ReasonOf<'a>>,
}

/// The first of a list; the others are read and not kept.
fn first<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ReasonOf<'de>>, D::Error> {
    struct Each;
    impl<'de> Visitor<'de> for Each {
        type Value = Option<ReasonOf<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("reasons")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let first = all.next_element()?;
            while all.next_element::<ReasonOf<'de>>()?.is_some() {}
            Ok(first)
        }
    }
    from.deserialize_seq(Each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_may_be_enough() {
        let first_seen = Timestamp(7);
        let (signature, key, value) = ("s", "k", "v");
        let reason =
            ReasonOf { signature, key, value, confidence: 0.5, capture: 1, frame: 9, first_seen };
        let value = |value: &'static str, reasons| ValueOf {
            value: value.into(),
            confidence: 0.5,
            shown: true,
            reasons,
        };
        let other = ReasonOf { signature: "t", ..reason };
        let values = vec![value("a", vec![reason, other]), value("b", Vec::new())];
        let all = [Attribute { name: "x".into(), values }];
        let mut blob = Vec::new();
        begin(&mut blob);
        add(&mut blob, &all.as_slice()).unwrap();
        let bare: Vec<Bare<'_>> = only(&blob).unwrap();
        let said = |it: &BareValue<'_>| it.reason.as_ref().map(|why| why.signature.to_owned());
        let values: Vec<_> = bare[0].values.iter().map(|it| (it.value, said(it))).collect();
        assert_eq!((bare[0].name, values), ("x", vec![("a", Some("s".into())), ("b", None)]));
    }

    #[test]
    fn a_second_value_is_read_where_it_is_and_missed_where_it_was_cut() {
        let mut blob = Vec::new();
        begin(&mut blob);
        add(&mut blob, &"text").unwrap();
        assert_eq!(with_tail::<&str, Vec<u8>>(&blob).unwrap(), ("text", Vec::new()));
        begin_with_tail(&mut blob);
        add(&mut blob, &"text").unwrap();
        add(&mut blob, &vec![7_u8]).unwrap();
        assert_eq!(with_tail::<&str, Vec<u8>>(&blob).unwrap(), ("text", vec![7]));
        for end in 0..blob.len() {
            assert!(with_tail::<&str, Vec<u8>>(&blob[..end]).is_err(), "cut at {end}");
        }
        let more = [&blob[..], b"x"].concat();
        assert!(with_tail::<&str, Vec<u8>>(&more).is_err() && only::<&str>(&blob).is_err());
    }

    #[test]
    fn what_is_not_ours_is_said_to_be_so() {
        let mut blob = Vec::new();
        begin(&mut blob);
        add(&mut blob, &"text").unwrap();
        assert_eq!(only::<&str>(&blob).unwrap(), "text");
        let says = |blob: &[u8]| only::<&str>(blob).unwrap_err().to_string();
        assert!(says(&[]).contains("empty"));
        assert!(says(&[FORMAT + 1, 0]).contains("newer"));
        for end in 1..blob.len() {
            assert!(says(&blob[..end]).contains("damaged"), "cut at {end}");
        }
        // A length that was damaged leaves a rest.
        assert!(says(&[&blob[..], b"x"].concat()).contains("damaged: 1 bytes too many"));
    }
}
