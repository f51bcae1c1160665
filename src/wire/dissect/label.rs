//! Whether a text may be the name of a thing: what devices write of themselves is one
//! short line, what people write is longer.

/// Characters of one name.
const MAX_CHARS: usize = 80;
/// Words of one name.
const MAX_WORDS: usize = 8;

/// The text trimmed, when it is one short line without control characters.
pub(super) fn label(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let fits = !text.is_empty()
        && !text.contains(char::is_control)
        && text.chars().count() <= MAX_CHARS
        && text.split_whitespace().count() <= MAX_WORDS;
    fits.then_some(text)
}

/// As [`label`], of bytes that are a text padded with NUL.
pub(super) fn padded(bytes: &[u8]) -> Option<&str> {
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    label(std::str::from_utf8(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_line() {
        assert_eq!(label(" DCA Vantage\0"), Some("DCA Vantage"));
        assert_eq!(label("a\nb"), None);
        assert_eq!(label(" "), None);
        assert_eq!(label(&"x".repeat(81)), None);
        assert_eq!(label("one two three four five six seven eight nine"), None);
        assert_eq!(padded(b"ICU\0\xff\xff"), Some("ICU"));
        assert_eq!(padded(b"\xff"), None);
    }
}
