//! The part of ASN.1 BER (X.690) that management protocols use: one-byte tags and
//! definite lengths of up to four bytes, nothing copied, no recursion.

use std::fmt::Write as _;

use super::reader::wide;
use super::{Error, Reader};

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// SEQUENCE and SEQUENCE OF.
pub(super) const SEQUENCE: u8 = 0x30;

/// The next element: its tag and contents.
///
/// # Errors
/// It ends early, has a long tag or an indefinite length.
pub(super) fn any<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<(u8, &'a [u8]), Error> {
    let tag = r.u8(field)?;
    if tag & 0x1f == 0x1f {
        return Err(Error::invalid(field));
    }
    // X.690 §8.1.3: short form, or a count of length bytes.
    let length = match r.u8(field)? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(r.u8(field)?),
        0x82 => usize::from(r.u16_be(field)?),
        0x83 => {
            let (high, low) = (r.u8(field)?, r.u16_be(field)?);
            wide(u32::from(high) << 16 | u32::from(low))
        }
        0x84 => wide(r.u32_be(field)?),
        _ => return Err(Error::invalid(field)),
    };
    Ok((tag, r.take(length, field)?))
}

/// The contents of the next element, which must have this tag.
///
/// # Errors
/// As [`any`], or another tag.
pub(super) fn expect<'a>(
    r: &mut Reader<'a>,
    tag: u8,
    field: &'static str,
) -> Result<&'a [u8], Error> {
    match any(r, field)? {
        (found, contents) if found == tag => Ok(contents),
        _ => Err(Error::invalid(field)),
    }
}

/// A small non-negative INTEGER.
///
/// # Errors
/// As [`expect`], or a negative number or one of more than 32 bits.
pub(super) fn number(r: &mut Reader<'_>, field: &'static str) -> Result<u32, Error> {
    let bytes = expect(r, INTEGER, field)?;
    match bytes {
        [] | [0x80..=0xff, ..] => Err(Error::invalid(field)),
        _ => unsigned(bytes).ok_or(Error::too_large(field)),
    }
}

/// The contents of a small non-negative INTEGER; none for another.
pub(super) fn unsigned(contents: &[u8]) -> Option<u32> {
    match contents {
        [] | [0x80..=0xff, ..] => None,
        [0, rest @ ..] | rest if rest.len() <= 4 => {
            Some(rest.iter().fold(0, |n: u32, &b| n << 8 | u32::from(b)))
        }
        _ => None,
    }
}

/// Numbers of a part of an OBJECT IDENTIFIER behind its first two (X.690 §8.19), in
/// `room`; none when one is cut, has more than 32 bits, or there are more.
pub(super) fn arcs<'r>(contents: &[u8], room: &'r mut [u32]) -> Option<&'r [u32]> {
    let (mut arc, mut many, mut whole) = (0_u32, 0_usize, true);
    for &byte in contents {
        arc = arc.checked_mul(128)?.checked_add(u32::from(byte & 0x7f))?;
        whole = byte & 0x80 == 0;
        if whole {
            *room.get_mut(many)? = std::mem::take(&mut arc);
            many = many.checked_add(1)?;
        }
    }
    room.get(..many).filter(|_| whole)
}

/// Dotted form of an OBJECT IDENTIFIER's contents (X.690 §8.19); none when an arc
/// is cut or has more than 32 bits.
pub(super) fn oid_text(contents: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut arc = 0_u32;
    let mut whole = false;
    for &byte in contents {
        arc = arc.checked_mul(128)?.checked_add(u32::from(byte & 0x7f))?;
        whole = byte & 0x80 == 0;
        if !whole {
            continue;
        }
        let written = if text.is_empty() {
            // The first two arcs share a number.
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc.checked_sub(first.checked_mul(40)?)?)
        } else {
            write!(text, ".{arc}")
        };
        written.ok()?;
        arc = 0;
    }
    whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let long = [&[4, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(expect(&mut Reader::new(&long), OCTET_STRING, "x").unwrap().len(), 256);
        assert!(expect(&mut Reader::new(&long[..200]), OCTET_STRING, "x").is_err());
        assert!(any(&mut Reader::new(&[0x30, 0x80, 0, 0]), "x").is_err());
        assert!(any(&mut Reader::new(&[0x04, 0x84, 255, 255, 255, 255]), "x").is_err());
        assert!(any(&mut Reader::new(&[0x1f, 0x01, 0]), "x").is_err());
    }

    #[test]
    fn numbers() {
        let read = |bytes: &[u8]| number(&mut Reader::new(bytes), "x");
        assert_eq!(read(&[2, 1, 5]), Ok(5));
        assert_eq!(read(&[2, 5, 0, 255, 255, 255, 255]), Ok(u32::MAX));
        assert!(read(&[2, 1, 0xff]).is_err());
        assert!(read(&[2, 0]).is_err());
        assert!(read(&[2, 5, 1, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn identifiers() {
        assert_eq!(oid_text(&[0x2b, 6, 1, 4, 1, 0x82, 0x37]).as_deref(), Some("1.3.6.1.4.1.311"));
        assert_eq!(oid_text(&[0x88, 0x37, 3]).as_deref(), Some("2.999.3"));
        assert_eq!(oid_text(&[0x2b, 0x82]), None);
        assert_eq!(oid_text(&[0x2b, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), None);
        assert_eq!(oid_text(&[]), None);
    }

    #[test]
    fn numbers_of_an_identifier() {
        let mut room = [0; 2];
        assert_eq!(arcs(&[0x81, 0x7f, 7], &mut room), Some(&[255, 7][..]));
        assert_eq!(arcs(&[], &mut room), Some(&[][..]));
        assert_eq!(arcs(&[1, 2, 3], &mut room), None, "more than there is room for");
        assert_eq!(arcs(&[1, 0x81], &mut room), None, "cut");
        assert_eq!(arcs(&[0xff, 0xff, 0xff, 0xff, 0x7f], &mut room), None, "more than 32 bits");
    }
}
