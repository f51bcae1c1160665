//! NetBIOS names as UDP and TCP carry them (RFC 1001 §14, RFC 1002 §4.1).

use super::winstr::oem;
use super::{Error, Reader};

/// A name of 15 characters and the suffix that says what it names.
pub(super) struct NetbiosName {
    /// Without its padding; empty when it is no printable name.
    pub(super) text: String,
    /// 0x00 workstation or domain, 0x20 file server, 0x1c domain controllers …
    pub(super) suffix: u8,
}

impl NetbiosName {
    /// From the 16 bytes that the encodings carry. Names with control characters
    /// or two underscores before them are the protocol's own (`__MSBROWSE__`,
    /// `__SAMBA__`), as are those with a tilde (`IS~`).
    pub(super) fn new(raw: [u8; 16]) -> Self {
        let [name @ .., suffix] = raw;
        let text = oem(&name);
        let text = text.trim_end_matches(' ');
        let odd = |c: char| c.is_control() || c == '~' || c == '*';
        let real = !text.contains(odd) && !text.starts_with("__");
        Self { text: if real { text.to_owned() } else { String::new() }, suffix }
    }

    /// A first-level encoded name with its scope (RFC 1002 §4.1): a label of 32
    /// half-bytes counted from `A`, more labels, a zero; or a pointer to one.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        if r.u8("name length")? != 32 {
            return Err(Error::invalid("name length"));
        }
        let mut raw = [0; 16];
        let (halves, _) = r.take(32, "name")?.as_chunks::<2>();
        for (byte, [high, low]) in raw.iter_mut().zip(halves) {
            let half = |b: &u8| b.checked_sub(b'A').filter(|n| *n < 16);
            let (Some(high), Some(low)) = (half(high), half(low)) else {
                return Err(Error::invalid("name"));
            };
            *byte = high << 4 | low;
        }
        skip_labels(r)?;
        Ok(Self::new(raw))
    }
}

/// Passes over the rest of a name: the scope, or a pointer.
pub(super) fn skip_labels(r: &mut Reader<'_>) -> Result<(), Error> {
    loop {
        match r.u8("label length")? {
            0 => return Ok(()),
            n if n >> 6 == 3 => return r.skip(1, "name pointer"),
            n if n >> 6 == 0 => r.skip(usize::from(n), "label")?,
            _ => return Err(Error::invalid("label length")),
        }
    }
}

/// Encodes a name for tests.
#[cfg(test)]
pub(super) fn encode(name: &str, suffix: u8) -> Vec<u8> {
    let mut raw = [b' '; 16];
    raw[..name.len()].copy_from_slice(name.as_bytes());
    raw[15] = suffix;
    let halves = raw.iter().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 15)]);
    [32].into_iter().chain(halves).chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let mut bytes = encode("MR-CONSOLE", 0x20);
        let name = NetbiosName::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!((name.text.as_str(), name.suffix), ("MR-CONSOLE", 0x20));
        bytes[5] = b'Z';
        assert!(NetbiosName::read(&mut Reader::new(&bytes)).is_err());
        assert_eq!(NetbiosName::new(*b"\x01\x02__MSBROWSE__\x02\x01").text, "");
        assert_eq!(NetbiosName::new(*b"__SAMBA__      \0").text, "");
    }
}
