//! Tagged values (ASHRAE 135 clause 20.2).

use crate::wire::dissect::{Error, Reader};

/// A tag (clause 20.2.1): number, whether it is of the context, and what it holds.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) number: u8,
    pub(super) context: bool,
    pub(super) content: Content<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Open,
    Close,
    Data(&'a [u8]),
}

/// The next one.
pub(super) fn tag<'a>(r: &mut Reader<'a>) -> Result<Tag<'a>, Error> {
    let head = r.u8("tag")?;
    let number = if head >> 4 == 15 { r.u8("tag number")? } else { head >> 4 };
    let context = head & 0x08 != 0;
    let len = match head & 0x07 {
        6 if context => return Ok(Tag { number, context, content: Content::Open }),
        7 if context => return Ok(Tag { number, context, content: Content::Close }),
        // A Boolean of the application has its value here (clause 20.2.3).
        _ if !context && number == 1 => 0,
        5 => match r.u8("tag length")? {
            254 => usize::from(r.u16_be("tag length")?),
            255 => return Err(Error::too_large("tag length")),
            len => usize::from(len),
        },
        len @ 0..=4 => usize::from(len),
        _ => return Err(Error::invalid("tag length")),
    };
    Ok(Tag { number, context, content: Content::Data(r.take(len, "tag value")?) })
}

/// An unsigned integer of at most four bytes (clause 20.2.4).
pub(super) fn unsigned(bytes: &[u8]) -> Option<u32> {
    let fits = (1..=4).contains(&bytes.len());
    fits.then(|| bytes.iter().fold(0, |n: u32, &b| n.wrapping_shl(8) | u32::from(b)))
}

/// Data with the wanted tag.
pub(super) fn expect<'a>(
    r: &mut Reader<'a>,
    wanted: (u8, bool),
    field: &'static str,
) -> Result<&'a [u8], Error> {
    match tag(r)? {
        Tag { number, context, content: Content::Data(data) } if (number, context) == wanted => {
            Ok(data)
        }
        _ => Err(Error::invalid(field)),
    }
}
