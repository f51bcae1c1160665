//! Alerts as lines: for people, for a SIEM by syslog (RFC 5424) or CEF, as JSON, as CSV.
//!
//! What is in an alert has been on the wire, so whoever sends packets has a hand in it:
//! nothing of it may end a line or a field, whatever the inventory holds.

mod cef;
mod jsonl;
mod syslog;

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::store::{Alert, Severity};
use crate::view::register::neutral;

pub use cef::cef;
pub use jsonl::{json, object};
pub use syslog::{FACILITY, syslog};

/// Columns of the CSV, keys of the JSON, in this order.
pub const COLUMNS: [&str; 16] = [
    "id",
    "at",
    "kind",
    "severity",
    "asset_id",
    "label",
    "ip_address",
    "mac_address",
    "subject",
    "before",
    "after",
    "summary",
    "evidence",
    "resolves",
    "repeats",
    "last_at",
];

/// One cell, as it is; unknown is empty.
#[must_use]
pub fn cell(alert: &Alert, column: &str) -> String {
    match column {
        "id" => alert.id.to_string(),
        "at" => alert.at.rfc3339(),
        "kind" => alert.kind.to_string(),
        "severity" => alert.severity.to_string(),
        "asset_id" => plain(&alert.asset),
        "label" => plain(&alert.label),
        "ip_address" => plain(&alert.address),
        "mac_address" => plain(&alert.mac),
        "subject" => plain(&alert.subject),
        "before" => plain(&alert.before),
        "after" => plain(&alert.after),
        "summary" => plain(&alert.summary),
        "evidence" => plain(&alert.evidence),
        "resolves" => alert.resolves.map(|id| id.to_string()).unwrap_or_default(),
        "repeats" => alert.repeats.to_string(),
        "last_at" => alert.last_at.rfc3339(),
        _ => String::new(),
    }
}

/// A line for people, its evidence below.
#[must_use]
pub fn text(alert: &Alert) -> String {
    let Alert { id, kind, severity, repeats, .. } = alert;
    let at = alert.at.rfc3339();
    let mut line = format!("{id:>6}  {at}  {severity:<8}  {kind:<16}  {}", plain(&alert.summary));
    if *repeats > 0 {
        let _ = write!(line, "  ({repeats} times more, until {})", alert.last_at.rfc3339());
    }
    line.push('\n');
    if !alert.evidence.is_empty() {
        let _ = writeln!(line, "        {}", plain(&alert.evidence));
    }
    line
}

/// The header of the CSV.
///
/// # Errors
/// The output cannot be written.
pub fn csv_header(to: &mut dyn Write) -> io::Result<()> {
    csv_row(COLUMNS.map(str::to_owned), to)
}

/// A row of the CSV.
///
/// # Errors
/// The output cannot be written.
pub fn csv(alert: &Alert, to: &mut dyn Write) -> io::Result<()> {
    csv_row(COLUMNS.map(|column| neutral(cell(alert, column)).into_owned()), to)
}

fn csv_row(row: [String; COLUMNS.len()], to: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(row).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })?;
    writer.flush()
}

/// Text that ends no line, moves no cursor and turns no line round.
fn plain(text: &str) -> String {
    let is_break = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    text.chars().map(|c| if is_break(c) { ' ' } else { c }).collect()
}

/// The same with a character before each of some.
fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A host's name as headers take it: printable ASCII without spaces, `-` when unknown.
fn host_name(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// From 0 to 10, as CEF counts.
const fn out_of_ten(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 2,
        Severity::Notice => 4,
        Severity::Warning => 7,
        Severity::Critical => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;
    use crate::time::Timestamp;

    /// An alert of which everything that can come from the wire is hostile.
    pub(super) fn hostile() -> Alert {
        let evil = "a\"b]c\\d|e=f\n<0>1 - evil\r\n\u{1b}[2J\u{85}\u{2028}g";
        Alert {
            id: 7,
            at: Timestamp::new(1_800_000_000, 123_456_789),
            kind: Kind::NewService,
            severity: Severity::Warning,
            asset: "A0123456789".to_owned(),
            label: format!("ct · {evil}"),
            address: "10.0.0.5".to_owned(),
            mac: "00:00:5e:00:53:01".to_owned(),
            subject: evil.to_owned(),
            before: "=cmd()".to_owned(),
            after: evil.to_owned(),
            summary: format!("放射線 {evil}"),
            evidence: evil.to_owned(),
            resolves: Some(3),
            repeats: 2,
            last_at: Timestamp::new(1_800_000_060, 0),
        }
    }

    #[test]
    fn no_line_is_broken() {
        let alert = hostile();
        let one = |line: &str| !line.chars().any(|c| c.is_control() || c == '\u{2028}');
        assert!(one(&syslog(&alert, "sensor\n1")), "{}", syslog(&alert, "s"));
        assert!(one(&cef(&alert, "sensor\n1")), "{}", cef(&alert, "s"));
        assert!(one(&json(&alert, "sensor\n1")), "{}", json(&alert, "s"));
        let text = text(&alert);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(one), "{text}");
    }

    #[test]
    fn a_spreadsheet_runs_nothing_and_reads_every_cell() {
        let mut bytes = Vec::new();
        csv_header(&mut bytes).unwrap();
        csv(&hostile(), &mut bytes).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[0].len()), (1, COLUMNS.len()));
        assert_eq!(&rows[0][9], "'=cmd()");
    }
}
