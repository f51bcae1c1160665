//! Cells of CSV that no spreadsheet runs.

use std::borrow::Cow;
use std::io;

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
fn is_run(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => true,
        Some(0..0x80) | None => false,
        _ => cell.starts_with(['＝', '＋', '－', '＠']),
    }
}

/// Adds a field of CSV (RFC 4180). Of half a million rows nearly all are just their text.
///
/// # Errors
/// None: the buffer takes it.
pub fn field(to: &mut Vec<u8>, cell: Cow<'_, str>) -> io::Result<()> {
    let special = |byte: u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    // All bytes, without a stop: that is done many at once.
    let is_plain = !cell.bytes().fold(false, |any, byte| any | special(byte));
    if is_plain && !is_run(&cell) {
        to.extend_from_slice(cell.as_bytes());
        return Ok(());
    }
    let mut quoted = csv::Writer::from_writer(Vec::new());
    quoted.write_record([neutral(cell).as_bytes(), b""])?;
    let line = quoted.into_inner().map_err(csv::IntoInnerError::into_error)?;
    to.extend_from_slice(line.strip_suffix(b",\n").unwrap_or(&line));
    Ok(())
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
