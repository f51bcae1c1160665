//! A cell that no spreadsheet runs.

/// A cell that begins like a formula gets an apostrophe before it (OWASP CSV
/// injection): `=`, `+`, `-`, `@`, tab and carriage return, and the full-width forms
/// that spreadsheets read as the same.
#[must_use]
pub fn neutral(cell: String) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠') => {
            format!("'{cell}")
        }
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        assert_eq!(neutral("=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(neutral("＝1".into()), "'＝1");
        assert_eq!(neutral("a=1".into()), "a=1");
        assert_eq!(neutral(String::new()), "");
    }
}
