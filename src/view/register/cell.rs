//! A cell that no spreadsheet runs.

use std::borrow::Cow;

/// A cell that begins like a formula gets an apostrophe before it (OWASP CSV
/// injection): `=`, `+`, `-`, `@`, tab and carriage return, and the full-width forms
/// that spreadsheets read as the same.
#[must_use]
pub fn neutral<'c>(cell: impl Into<Cow<'c, str>>) -> Cow<'c, str> {
    let cell = cell.into();
    if is_run(&cell) { Cow::Owned(format!("'{cell}")) } else { cell }
}

/// Whether a spreadsheet would run a cell as it is.
#[inline]
#[must_use]
pub fn is_run(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => true,
        Some(0..0x80) | None => false,
        _ => cell.starts_with(['＝', '＋', '－', '＠']),
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
