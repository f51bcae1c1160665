//! RFC 5424.

use std::fmt::Write as _;

use super::{COLUMNS, cell, escaped, host_name, plain};
use crate::store::Alert;

/// local0.
pub const FACILITY: u8 = 16;

/// The element that holds the fields. 32473 is the number set aside for examples
/// (RFC 5612): auscult has none of its own.
const ELEMENT: &str = "auscult@32473";

/// One message, without a line feed. Every field is a parameter of structured data; the
/// message is the sentence.
#[must_use]
pub fn syslog(alert: &Alert, sensor: &str) -> String {
    let priority = FACILITY * 8 + alert.severity.number();
    let (at, host) = (time(alert), host_name(sensor));
    let mut line = format!("<{priority}>1 {at} {host} auscult - {} [{ELEMENT}", alert.kind);
    for name in COLUMNS.iter().filter(|name| **name != "summary") {
        let value = cell(alert, name);
        if !value.is_empty() {
            let _ = write!(line, " {name}=\"{}\"", escaped(&value, &['"', '\\', ']']));
        }
    }
    // The mark of UTF-8 (section 6.4).
    let _ = write!(line, "] \u{feff}{}", plain(&alert.summary));
    line
}

/// With microseconds; `-` for a time outside the calendar (section 6.2.3).
fn time(alert: &Alert) -> String {
    let at = alert.at.rfc3339();
    let micros = alert.at.0.rem_euclid(crate::time::SECOND) / 1000;
    match at.strip_suffix("+00:00") {
        Some(second) => format!("{second}.{micros:06}Z"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::hostile;
    use super::*;

    /// Reads structured data back as RFC 5424 says.
    fn parameters(line: &str) -> Vec<(String, String)> {
        let mut rest = line.split_once(&format!("[{ELEMENT} ")).unwrap().1;
        let mut all = Vec::new();
        loop {
            let (name, value) = rest.split_once("=\"").unwrap();
            let (mut text, mut chars) = (String::new(), value.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (_, '\\') => text.push(chars.next().unwrap().1),
                    (at, '"') => break at,
                    (_, ']') => panic!("the element ends in {name}"),
                    (_, c) => text.push(c),
                }
            };
            all.push((name.to_owned(), text));
            rest = &value[end + 1..];
            match rest.strip_prefix(' ') {
                Some(more) => rest = more,
                None => break,
            }
        }
        assert!(rest.starts_with("] \u{feff}"), "{rest}");
        all
    }

    #[test]
    fn it_is_rfc_5424() {
        let line = syslog(&hostile(), "sen sor-1\u{e9}\n<0>");
        let head = "<132>1 2027-01-15T08:00:00.123456Z sensor-1<0> auscult - new_service [auscult";
        assert!(line.starts_with(head), "{line}");
        let all = parameters(&line);
        assert_eq!(all.len(), COLUMNS.len() - 1);
        assert_eq!(all[8].0, "subject");
        assert!(all[8].1.starts_with("a\"b]c\\d|e=f <0>1 - evil"), "{:?}", all[8]);
        assert!(line.contains("\u{feff}放射線"));
        assert!(syslog(&hostile(), "\n").contains("Z - auscult"));
    }
}
