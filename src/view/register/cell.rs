//! A cell that no spreadsheet runs.

use std::borrow::Cow;

/// A cell that begins like a formula gets an apostrophe before it (OWASP CSV
/// injection): `=`, `+`, `-`, `@`, tab and carriage return, and the full-width forms
/// that spreadsheets read as the same.
#[must_use]
pub fn neutral<'c>(cell: impl Into<Cow<'c, str>>) -> Cow<'c, str> {
    let cell = cell.into();
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{cell}"))
        }
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        assert_eq!(neutral("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(neutral("＝1"), "'＝1");
        assert_eq!(neutral("a=1"), "a=1");
        assert_eq!(neutral(String::new()), "");
    }
}
