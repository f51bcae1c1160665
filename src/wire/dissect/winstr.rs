//! Strings of the Windows protocols: UTF-16LE or the sender's OEM code page.

use std::borrow::Cow;

use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1252};

use super::{Error, Reader};

/// UTF-16LE without a byte order mark, up to the first NUL; an odd last byte is dropped.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let end = bytes.chunks_exact(2).position(|c| c == [0, 0]);
    let end = end.unwrap_or(bytes.len() / 2).saturating_mul(2);
    let (text, _) = UTF_16LE.decode_without_bom_handling(bytes.get(..end).unwrap_or_default());
    text.into_owned()
}

/// An OEM code page, which no message names: Shift_JIS where it fits without an
/// error, else Windows-1252. ASCII, the usual case, is the same in both.
pub(super) fn oem(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    let text = SHIFT_JIS
        .decode_without_bom_handling_and_without_replacement(bytes)
        .unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0);
    text.into_owned()
}

/// Text of a sender that says neither system nor code page: UTF-8 where it is valid,
/// Shift_JIS where it fits and gives Japanese, else Windows-1252. Up to the first NUL.
pub(super) fn unmarked(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    let utf8 = std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    let sjis = || {
        let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes);
        text.filter(|text| text.contains(is_japanese))
    };
    let text = utf8.or_else(sjis);
    text.unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0).into_owned()
}

/// Kana, ideographs, and katakana of half width.
fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ff66}'..='\u{ff9f}')
}

/// The next NUL-terminated string of a message, or all that is left when the
/// terminator is missing, as several servers leave out the last one. For UTF-16
/// the reader must stand where the string's alignment begins.
pub(super) fn terminated<'a>(
    r: &mut Reader<'a>,
    unicode: bool,
    field: &'static str,
) -> Result<&'a [u8], Error> {
    let rest = r.rest();
    let (text, skip) = if unicode {
        match rest.chunks_exact(2).position(|c| c == [0, 0]) {
            Some(units) => (units.saturating_mul(2), 2),
            None => (rest.len(), 0),
        }
    } else {
        match rest.iter().position(|&b| b == 0) {
            Some(at) => (at, 1),
            None => (rest.len(), 0),
        }
    };
    let text = r.take(text, field)?;
    r.skip(skip, field)?;
    Ok(text)
}

/// Decodes what [`terminated`] took.
pub(super) fn decode(bytes: &[u8], unicode: bool) -> String {
    if unicode { utf16(bytes) } else { oem(bytes) }
}

/// Lower-case hexadecimal, two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_both_kinds() {
        assert_eq!(utf16(b"M\0R\x001\0\0\0X\0"), "MR1");
        assert_eq!(utf16(b"M\0R"), "M");
        assert_eq!(oem(b"CT-2\0junk"), "CT-2");
        assert_eq!(oem(b"\x95\xfa\x8e\xcb\x90\xfc"), "放射線");
        assert_eq!(oem(b"R\xd6NTGEN"), "RﾖNTGEN");
        assert_eq!(oem(b"B\xff"), "B\u{ff}");
    }

    #[test]
    fn unmarked_text_is_told_from_its_bytes() {
        assert_eq!(unmarked("日本語ホスト".as_bytes()), "日本語ホスト");
        assert_eq!(unmarked("RÖNTGEN\0x".as_bytes()), "RÖNTGEN");
        let sjis = SHIFT_JIS.encode("日本語ホスト").0;
        assert_eq!(unmarked(&sjis), "日本語ホスト");
        // Greek in Shift_JIS and no Japanese: Windows-1252 is the better guess.
        assert_eq!(unmarked(b"\x83\xbfX"), "ƒ¿X");
        assert_eq!(unmarked(b"B\xff"), "B\u{ff}");
    }

    #[test]
    fn takes_strings_with_and_without_terminator() {
        let mut r = Reader::new(b"a\0b\0\0\0c\0");
        assert_eq!(terminated(&mut r, true, "x"), Ok(&b"a\0b\0"[..]));
        assert_eq!(terminated(&mut r, true, "x"), Ok(&b"c\0"[..]));
        assert!(r.is_empty());
        let mut r = Reader::new(b"ab\0c");
        assert_eq!(terminated(&mut r, false, "x"), Ok(&b"ab"[..]));
        assert_eq!(terminated(&mut r, false, "x"), Ok(&b"c"[..]));
    }
}
