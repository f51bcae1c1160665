//! Texts made comparable.

/// Lower case, words of letters and digits only, one blank between.
pub(super) fn words(text: &str) -> String {
    let mut out = String::new();
    for part in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(part);
    }
    out
}

/// Letters and digits only, in lower case, without the `v` that versions begin with.
pub(super) fn version(text: &str) -> String {
    let tight = words(text).replace(' ', "");
    match tight.strip_prefix('v') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest.to_owned(),
        _ => tight,
    }
}

/// Every word of `part` is one of `whole`.
pub(super) fn within(part: &str, whole: &str) -> bool {
    let (part, whole) = (words(part), words(whole));
    !part.is_empty() && part.split(' ').all(|word| whole.split(' ').any(|w| w == word))
}

/// The text before a remark in parentheses.
pub(super) fn bare(text: &str) -> &str {
    text.split(" (").next().unwrap_or(text).trim()
}
