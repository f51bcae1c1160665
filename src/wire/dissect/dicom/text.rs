//! Character sets of data elements (PS3.3 §C.12.1.1.2, PS3.5 §6.1): what Specific
//! Character Set (0008,0005) declares, with the code extensions of ISO 2022.
//!
//! The conversion tables are `encoding_rs`'s; the escape sequences are followed
//! here, because 0x5C is a delimiter in one-byte sets and half a character in
//! two-byte ones, which no decoder that sees the bytes alone can know. What a set
//! does not define becomes U+FFFD, never another letter.

use encoding_rs::Encoding;

const ESC: u8 = 0x1b;

/// A one-byte or two-byte set in the upper half of the code table (G1), or a
/// two-byte one in the lower half (G0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plane {
    /// Not defined: ASCII only in G0, nothing in G1.
    None,
    /// One byte to a character, as in this encoding's upper half.
    Single(&'static Encoding),
    /// JIS X 0201 half-width katakana (ISO IR 13).
    Katakana,
    /// Two bytes to a character, as this encoding writes them with both high bits.
    Double(&'static Encoding),
    /// JIS X 0212 (ISO IR 159): two bytes behind EUC-JP's single shift three.
    Jisx0212,
}

/// What Specific Character Set declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// Sets that go by ISO 2022: what is in G1 before the first escape sequence.
    Iso2022(Start),
    /// One encoding for all, without code extensions: UTF-8, GB18030, GBK.
    Whole(&'static Encoding),
}

/// The upper half of the code table at the start of every value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start(Plane);

impl Default for Charset {
    /// ISO IR 6, the default repertoire (PS3.5 §6.1.2.1).
    fn default() -> Self {
        Self::Iso2022(Start(Plane::None))
    }
}

impl Charset {
    /// From the value of (0008,0005). Only the first of its values matters: sets
    /// that follow are announced in the text itself.
    pub(super) fn declared(raw: &[u8]) -> Self {
        let first = raw.split(|&b| b == b'\\').next().unwrap_or_default();
        // Defined terms are often misspelt with `-` and `_`.
        let words = || first.split(|b| !b.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
        let last = words().next_back().unwrap_or_default();
        let plane = match last {
            b"192" | b"UTF8" => return Self::Whole(encoding_rs::UTF_8),
            b"GB18030" => return Self::Whole(encoding_rs::GB18030),
            b"GBK" => return Self::Whole(encoding_rs::GBK),
            b"100" => Plane::Single(encoding_rs::WINDOWS_1252),
            b"101" => Plane::Single(encoding_rs::ISO_8859_2),
            b"109" => Plane::Single(encoding_rs::ISO_8859_3),
            b"110" => Plane::Single(encoding_rs::ISO_8859_4),
            b"144" => Plane::Single(encoding_rs::ISO_8859_5),
            b"127" => Plane::Single(encoding_rs::ISO_8859_6),
            b"126" => Plane::Single(encoding_rs::ISO_8859_7),
            b"138" => Plane::Single(encoding_rs::ISO_8859_8),
            b"148" => Plane::Single(encoding_rs::WINDOWS_1254),
            b"166" => Plane::Single(encoding_rs::WINDOWS_874),
            b"203" => Plane::Single(encoding_rs::ISO_8859_15),
            b"13" => Plane::Katakana,
            b"149" => Plane::Double(encoding_rs::EUC_KR),
            b"58" => Plane::Double(encoding_rs::GBK),
            _ => Plane::None,
        };
        Self::Iso2022(Start(plane))
    }

    /// The text of a value, its values (PS3.5 §6.4) trimmed, the empty ones left
    /// out, and joined by ` \ `.
    pub(super) fn decode(self, raw: &[u8]) -> String {
        let text = match self {
            // No set of one byte that ISO 2022 knows defines these (PS3.5 §6.1.2.3).
            Self::Iso2022(start)
                if matches!(start.0, Plane::None | Plane::Single(_) | Plane::Katakana)
                    && !raw.contains(&ESC)
                    && raw.iter().any(|b| (0x80..=0x9f).contains(b)) =>
            {
                undeclared(raw)
            }
            // Senders that declare nothing but write UTF-8 are common; UTF-8 that
            // is valid by chance is not.
            Self::Iso2022(start) if start.0 == Plane::None && !raw.contains(&ESC) => {
                match std::str::from_utf8(raw) {
                    Ok(text) => text.to_owned(),
                    Err(_) => iso2022(start.0, raw),
                }
            }
            Self::Iso2022(start) => iso2022(start.0, raw),
            Self::Whole(encoding) => encoding.decode_without_bom_handling(raw).0.into_owned(),
        };
        let values = text.split('\\').map(|v| v.trim_matches([' ', '\0']));
        values.filter(|v| !v.is_empty()).collect::<Vec<_>>().join(" \\ ")
    }
}

/// Text in a set that it does not declare: UTF-8, or Shift-JIS, as devices in Japan write
/// whatever they declare. Nothing where it is neither.
fn undeclared(raw: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(raw) {
        return text.to_owned();
    }
    let text = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(raw);
    let is_japanese = |c: char| matches!(c, '\u{3000}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff9f}');
    // One character alone may be two of another set: a dash or quote, and the letter behind.
    let is_word = |text: &str| {
        let mut two = text.chars().zip(text.chars().skip(1));
        text.chars().all(|c| c.is_ascii() || is_japanese(c))
            && two.any(|(a, b)| is_japanese(a) && is_japanese(b))
    };
    text.filter(|text| is_word(text)).map(std::borrow::Cow::into_owned).unwrap_or_default()
}

/// Follows the escape sequences of PS3.3 Table C.12-3 and C.12-4.
fn iso2022(start: Plane, raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let (mut g0, mut g1) = (Plane::None, start);
    let mut rest = raw;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let plane = if byte < 0x80 { g0 } else { g1 };
        match byte {
            ESC => match escape(rest) {
                Some((low, plane, n)) => {
                    *(if low { &mut g0 } else { &mut g1 }) = plane;
                    rest = rest.get(n..).unwrap_or_default();
                }
                None => text.push(char::REPLACEMENT_CHARACTER),
            },
            // Controls and, in one-byte sets, the delimiters reset all (PS3.5 §6.1.2.5.3).
            0..=0x1f => {
                (g0, g1) = (Plane::None, start);
                text.push(char::from(byte));
            }
            b'\\' if g0 == Plane::None => {
                g1 = start;
                text.push('\\');
            }
            0x21..=0x7e if g0 == Plane::None => text.push(char::from(byte)),
            b' ' => text.push(' '),
            0xa0..=0xff | 0x21..=0x7e => match plane {
                Plane::Double(_) | Plane::Jisx0212 => match rest.split_first() {
                    Some((&second, behind)) if is_trail(byte, second) => {
                        rest = behind;
                        double(plane, byte, second, &mut text);
                    }
                    _ => text.push(char::REPLACEMENT_CHARACTER),
                },
                Plane::Single(encoding) => {
                    text.push_str(&encoding.decode_without_bom_handling(&[byte]).0);
                }
                Plane::Katakana => text.push(katakana(byte)),
                Plane::None => text.push(char::REPLACEMENT_CHARACTER),
            },
            0x7f..=0x9f => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text
}

/// A second byte in the same half of the code table as the first.
const fn is_trail(first: u8, second: u8) -> bool {
    matches!(second & 0x7f, 0x21..=0x7e) && (first < 0x80) == (second < 0x80)
}

fn double(plane: Plane, first: u8, second: u8, text: &mut String) {
    let (first, second) = (first | 0x80, second | 0x80);
    let mut push = |encoding: &'static Encoding, bytes: &[u8]| {
        text.push_str(&encoding.decode_without_bom_handling(bytes).0);
    };
    match plane {
        Plane::Double(encoding) => push(encoding, &[first, second]),
        _ => push(encoding_rs::EUC_JP, &[0x8f, first, second]),
    }
}

/// JIS X 0201 right half: 0xA1–0xDF are U+FF61–U+FF9F in the same order.
fn katakana(byte: u8) -> char {
    let offset = byte.checked_sub(0xa1).filter(|&n| n <= 0x3e);
    offset
        .and_then(|n| char::from_u32(u32::from(n).saturating_add(0xff61)))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The set that an escape sequence designates: whether to G0, which, and the
/// length of the sequence behind the escape character.
fn escape(rest: &[u8]) -> Option<(bool, Plane, usize)> {
    let single = |encoding| Some((false, Plane::Single(encoding), 2));
    match rest {
        // ASCII and JIS X 0201 romaji, which differs only in the yen sign and overline.
        [b'(', b'B' | b'J', ..] => Some((true, Plane::None, 2)),
        [b')', b'I', ..] => Some((false, Plane::Katakana, 2)),
        [b'-', b'A', ..] => single(encoding_rs::WINDOWS_1252),
        [b'-', b'B', ..] => single(encoding_rs::ISO_8859_2),
        [b'-', b'C', ..] => single(encoding_rs::ISO_8859_3),
        [b'-', b'D', ..] => single(encoding_rs::ISO_8859_4),
        [b'-', b'L', ..] => single(encoding_rs::ISO_8859_5),
        [b'-', b'G', ..] => single(encoding_rs::ISO_8859_6),
        [b'-', b'F', ..] => single(encoding_rs::ISO_8859_7),
        [b'-', b'H', ..] => single(encoding_rs::ISO_8859_8),
        [b'-', b'M', ..] => single(encoding_rs::WINDOWS_1254),
        [b'-', b'T', ..] => single(encoding_rs::WINDOWS_874),
        [b'-', b'b', ..] => single(encoding_rs::ISO_8859_15),
        [b'$', b'B' | b'@', ..] => Some((true, Plane::Double(encoding_rs::EUC_JP), 2)),
        [b'$', b'(', b'D', ..] => Some((true, Plane::Jisx0212, 3)),
        [b'$', b')', b'C', ..] => Some((false, Plane::Double(encoding_rs::EUC_KR), 3)),
        [b'$', b')', b'A', ..] => Some((false, Plane::Double(encoding_rs::GBK), 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(charset: &str, raw: &[u8]) -> String {
        Charset::declared(charset.as_bytes()).decode(raw)
    }

    #[test]
    fn one_byte_sets() {
        assert_eq!(decoded("ISO_IR 100", b"R\xf6ntgen "), "Röntgen");
        assert_eq!(decoded("ISO-IR_100", b"R\xf6ntgen"), "Röntgen");
        assert_eq!(decoded("ISO_IR 144", b"\xbb\xee\xda"), "Люк");
        assert_eq!(decoded("ISO_IR 13", b"X\xbe\xdd"), "Xｾﾝ");
        assert_eq!(decoded("", b"R\xf6ntgen"), "R\u{fffd}ntgen");
        assert_eq!(decoded("ISO_IR 100", b"a\x85b"), "", "no letter of ISO 8859-1");
    }

    #[test]
    fn what_is_not_as_declared_is_read_as_it_is_or_not_at_all() {
        let sjis = encoding_rs::SHIFT_JIS.encode("放射線科 CT3室").0;
        for declared in ["ISO_IR 100", "ISO_IR 13", "", "ISO_IR 144"] {
            assert_eq!(decoded(declared, &sjis), "放射線科 CT3室", "{declared}");
            assert_eq!(decoded(declared, "放射線科".as_bytes()), "放射線科", "{declared}");
        }
        // A second byte may be a backslash, which stands between values.
        let sjis = encoding_rs::SHIFT_JIS.encode("予定表").0;
        assert!(sjis.contains(&b'\\'));
        assert_eq!(decoded("ISO_IR 100", &sjis), "予定表");
        for latin in [&b"station\x92s"[..], b"M\xfcller\x92s R\xf6ntgen", b"CT\x8f"] {
            assert_eq!(decoded("ISO_IR 100", latin), "", "{latin:?}");
        }
    }

    #[test]
    fn whole_encodings() {
        assert_eq!(decoded("ISO_IR 192", "放射線科".as_bytes()), "放射線科");
        assert_eq!(decoded("", "放射線科".as_bytes()), "放射線科");
        assert_eq!(decoded("GB18030", b"\xb7\xc5\xc9\xe4\xbf\xc6"), "放射科");
        // U+8A8C is 0xD5 0x5C in GBK: the second byte is no delimiter.
        assert_eq!(decoded("GBK", b"\xd5\x5c\\2"), "誠 \\ 2");
    }

    #[test]
    fn code_extensions() {
        let jis = b"\x1b$BJ|<M@~2J\x1b(B CT\\B";
        assert_eq!(decoded("\\ISO 2022 IR 87", jis), "放射線科 CT \\ B");
        // 0x25 0x5C is katakana BO: no delimiter inside a two-byte set.
        assert_eq!(decoded("\\ISO 2022 IR 87", b"\x1b$B%\x5c\x1b(B"), "ボ");
        let mixed = b"\xbe\xdd\x1b$B@~\x1b(J";
        assert_eq!(decoded("ISO 2022 IR 13\\ISO 2022 IR 87", mixed), "ｾﾝ線");
        assert_eq!(decoded("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8\xc8\xf1"), "김희");
        assert_eq!(decoded("\\ISO 2022 IR 58", b"\x1b$)A\xb7\xc5\xc9\xe4\xbf\xc6"), "放射科");
        assert_eq!(decoded("\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(BX"), "丂X");
        assert_eq!(decoded("\\ISO 2022 IR 87", b"\x1b$BJ"), "\u{fffd}");
        assert_eq!(decoded("", b"a\x1b[31m"), "a\u{fffd}[31m");
    }

    #[test]
    fn values_are_joined() {
        assert_eq!(decoded("", b"27\\LX\\ \\DV26.0 "), "27 \\ LX \\ DV26.0");
    }
}
