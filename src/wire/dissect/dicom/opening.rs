//! How a conversation begins (PS3.8 §9.3): an association that is asked for, granted or
//! refused, and in the middle of one a command.

use crate::wire::dissect::{Error, Opening, Reader, Verdict};

/// Longest A-ASSOCIATE PDU read: 128 presentation contexts with dozens of transfer
/// syntaxes each stay under it.
pub(super) const MAX_ASSOCIATE: u32 = 192 * 1024;
/// The fixed part of A-ASSOCIATE PDUs behind their header (PS3.8 §9.3.2).
pub(super) const MIN_ASSOCIATE: u32 = 68;
/// An application context item with the only name there is (PS3.8 §9.3.2.1, Annex A).
const APPLICATION_CONTEXT: &[u8] = b"\x10\0\0\x151.2.840.10008.3.1.1.1";
/// Where the items start in A-ASSOCIATE PDUs.
const ITEMS: usize = 74;
/// Group Length, the element that starts every command set (PS3.7 §6.3.1).
const COMMAND_START: [u8; 8] = [0, 0, 0, 0, 4, 0, 0, 0];
/// A P-DATA-TF PDU header, a data value header and [`COMMAND_START`].
pub(super) const COMMAND_PDU: usize = 20;

// PDU types (PS3.8 §9.3.1).
pub(super) const ASSOCIATE_RQ: u8 = 1;
pub(super) const ASSOCIATE_AC: u8 = 2;
pub(super) const ASSOCIATE_RJ: u8 = 3;
pub(super) const P_DATA_TF: u8 = 4;

/// Whether the first bytes of one side are DICOM's.
pub(super) fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    match bytes.first() {
        Some(&(ASSOCIATE_RQ | ASSOCIATE_AC)) => is_associate(bytes),
        Some(&ASSOCIATE_RJ) => is_reject(bytes),
        Some(&P_DATA_TF) => is_command(bytes),
        None => Verdict::More,
        Some(_) => Verdict::No,
    }
}

/// Header, protocol version and application context as they must be.
fn is_associate(bytes: &[u8]) -> Verdict {
    let mut r = Reader::new(bytes);
    let mut plausible = || -> Result<bool, Error> {
        r.skip(1, "PDU type")?;
        if r.u8("reserved")? != 0 {
            return Ok(false);
        }
        if !(MIN_ASSOCIATE..=MAX_ASSOCIATE).contains(&r.u32_be("PDU length")?) {
            return Ok(false);
        }
        Ok(r.u16_be("protocol version")? & 1 == 1)
    };
    let context = bytes.get(ITEMS..).unwrap_or_default();
    let shown = context.len().min(APPLICATION_CONTEXT.len());
    match plausible() {
        Ok(true) if context.get(..shown) != APPLICATION_CONTEXT.get(..shown) => Verdict::No,
        Ok(true) if shown == APPLICATION_CONTEXT.len() => Verdict::Yes,
        Ok(false) => Verdict::No,
        Ok(true) | Err(_) => Verdict::More,
    }
}

/// A whole A-ASSOCIATE-RJ (PS3.8 §9.3.4), for mirrors that show one direction.
fn is_reject(bytes: &[u8]) -> Verdict {
    match bytes {
        [3, 0, 0, 0, 0, 4, 0, 1 | 2, 1..=3, 1..=7] => Verdict::Yes,
        _ if bytes.len() < 10 && [3, 0, 0, 0, 0, 4, 0].starts_with(bytes) => Verdict::More,
        _ => Verdict::No,
    }
}

/// A P-DATA-TF PDU that starts with a command set.
pub(super) fn is_command(bytes: &[u8]) -> Verdict {
    let mut r = Reader::new(bytes);
    let mut plausible = || -> Result<bool, Error> {
        r.skip(1, "PDU type")?;
        let reserved = r.u8("reserved")?;
        let (outer, inner) = (r.u32_be("PDU length")?, r.u32_be("PDV length")?);
        let (id, control) = (r.u8("presentation context id")?, r.u8("message control header")?);
        let fits = inner >= 14 && outer.checked_sub(4).is_some_and(|room| inner <= room);
        let sane = reserved == 0 && id & 1 == 1 && matches!(control, 1 | 3);
        Ok(sane && fits && r.array("group length")? == COMMAND_START)
    };
    match plausible() {
        Ok(true) => Verdict::Yes,
        Ok(false) => Verdict::No,
        Err(_) => Verdict::More,
    }
}
