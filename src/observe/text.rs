//! Text from the wire: made printable and short before anything else sees it.

use std::borrow::Cow;

/// Longest value kept, in characters: a DICOM LO is 64, a sysDescr 255 (RFC 3418).
pub const MAX_CHARS: usize = 256;

/// What stands in a line of text for words that were left out: they may be somebody's name.
pub const LEFT_OUT: char = '…';

/// Printable Unicode only, trimmed, at most [`MAX_CHARS`] characters.
///
/// Control, format, private-use, bidirectional-override and unassigned-replacement
/// characters become nothing; line breaks and tabs become one space. Borrows when
/// there is nothing to do.
#[must_use]
pub fn clean(raw: &str) -> Cow<'_, str> {
    let raw = raw.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if raw.len() <= MAX_CHARS && raw.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(raw);
    }
    let spaced = raw.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|&c| is_printable(c)).take(MAX_CHARS).collect();
    Cow::Owned(kept.trim().to_owned())
}

/// Whether a character may reach a screen, a cell or a page.
#[must_use]
pub fn is_printable(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(clean(" MAGNETOM Skyra\0"), Cow::Borrowed("MAGNETOM Skyra")));
    }

    #[test]
    fn escapes_and_overrides_vanish() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd"), "a[31mbc d");
        assert_eq!(clean("放射線科 \u{feff}"), "放射線科");
        assert_eq!(clean(&"é".repeat(1000)).chars().count(), MAX_CHARS);
    }
}
