//! The option field: overload (RFC 2132 §9.3) and long options in parts (RFC 3396).

use std::borrow::Cow;

use super::super::{Error, Reader};

const PAD: u8 = 0;
const OVERLOAD: u8 = 52;
const END: u8 = 255;

/// Up to three option areas, in the order in which RFC 3396 §5 joins them.
pub(super) struct Options<'a> {
    areas: [&'a [u8]; 3],
    /// Whether the last area was whole.
    pub(super) end: Result<(), Error>,
}

impl<'a> Options<'a> {
    /// From a reader that stands at `sname`.
    pub(super) fn read(mut r: Reader<'a>) -> Result<Self, Error> {
        let sname = r.take(64, "sname")?;
        let file = r.take(128, "file")?;
        r.skip(4, "magic cookie")?;
        let mut options = Self { areas: [r.rest(), &[], &[]], end: Ok(()) };
        let overload = options.get(OVERLOAD).and_then(|v| v.first().copied()).unwrap_or(0);
        if overload & 1 != 0 {
            options.areas[1] = file;
        }
        if overload & 2 != 0 {
            options.areas[2] = sname;
        }
        let whole = |area: &[u8]| walk(area, |_, _| {});
        options.end = options.areas.into_iter().try_for_each(whole);
        Ok(options)
    }

    /// The value of an option, its parts joined; borrowed when there is one part.
    pub(super) fn get(&self, wanted: u8) -> Option<Cow<'a, [u8]>> {
        let mut found: Option<Cow<'a, [u8]>> = None;
        for area in self.areas {
            // A part behind a damaged one is not reached; what came before counts.
            let _ = walk(area, |code, value| match (&mut found, code == wanted) {
                (Some(parts), true) => parts.to_mut().extend_from_slice(value),
                (None, true) => found = Some(Cow::Borrowed(value)),
                (_, false) => {}
            });
        }
        found
    }
}

/// Calls `each` with code and value of every option of one area.
fn walk<'a>(area: &'a [u8], mut each: impl FnMut(u8, &'a [u8])) -> Result<(), Error> {
    let mut r = Reader::new(area);
    while !r.is_empty() {
        match r.u8("option code")? {
            PAD => {}
            END => break,
            code => {
                let n = r.u8("option length")?;
                each(code, r.take(usize::from(n), "option value")?);
            }
        }
    }
    Ok(())
}

/// A sub-option of the relay agent information (RFC 3046 §2.0).
pub(super) fn find(info: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut r = Reader::new(info);
    while !r.is_empty() {
        let code = r.u8("sub-option code").ok()?;
        let n = r.u8("sub-option length").ok()?;
        let value = r.take(usize::from(n), "sub-option value").ok()?;
        if code == wanted && !value.is_empty() {
            return Some(value);
        }
    }
    None
}
