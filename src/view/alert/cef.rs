//! ArcSight's Common Event Format, version 0, behind the header of traditional syslog
//! (RFC 3164) as its receivers expect it.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{escaped, host_name, out_of_ten};
use crate::store::Alert;
use crate::time::SECOND;

/// Fields that have a key of their own in no dictionary: `cs1` and so on, with labels.
const CUSTOM: [&str; 6] = ["asset_id", "label", "subject", "before", "after", "evidence"];

/// One message, without a line feed.
#[must_use]
pub fn cef(alert: &Alert, sensor: &str) -> String {
    let priority = super::FACILITY * 8 + alert.severity.number();
    let host = host_name(sensor);
    let head = |text: &str| escaped(text, &['|', '\\']);
    let mut line = format!(
        "<{priority}>{} {host} CEF:0|auscult|auscult|{}|{}|{}|{}|",
        time(alert),
        head(env!("CARGO_PKG_VERSION")),
        head(alert.kind.name()),
        head(alert.kind.title()),
        out_of_ten(alert.severity)
    );
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(line, "{key}={} ", escaped(value, &['=', '\\']));
        }
    };
    add("rt", &(alert.at.0 / (SECOND / 1000)).to_string());
    add("externalId", &alert.id.to_string());
    add("dvchost", &host);
    match alert.address.parse() {
        Ok(IpAddr::V4(_)) => add("src", &alert.address),
        Ok(IpAddr::V6(_)) => {
            add("c6a2Label", "Source IPv6 Address");
            add("c6a2", &alert.address);
        }
        Err(_) => {}
    }
    add("smac", &alert.mac);
    add("cnt", &alert.repeats.saturating_add(1).to_string());
    if let Some(id) = alert.resolves {
        add("cn1Label", "resolves");
        add("cn1", &id.to_string());
    }
    for (at, name) in (1..).zip(CUSTOM) {
        let value = super::cell(alert, name);
        if !value.is_empty() {
            add(&format!("cs{at}Label"), name);
            add(&format!("cs{at}"), &value);
        }
    }
    add("msg", &alert.summary);
    line.truncate(line.trim_end().len());
    line
}

/// `Jan 15 08:00:00`, in UTC.
fn time(alert: &Alert) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = alert.at.rfc3339();
    let part = |from: usize, to: usize| at.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|n| MONTHS.get(n.checked_sub(1)?));
    let day = part(8, 10).trim_start_matches('0');
    format!("{} {day:>2} {}", month.unwrap_or(&"Jan"), part(11, 19))
}

#[cfg(test)]
mod tests {
    use super::super::tests::hostile;
    use super::*;

    #[test]
    fn it_is_cef() {
        let line = cef(&hostile(), "sensor 1");
        let head = "<132>Jan 15 08:00:00 sensor1 CEF:0|auscult|auscult|";
        assert!(line.starts_with(head), "{line}");
        let fields: Vec<&str> = line.splitn(8, '|').collect();
        assert_eq!(fields[4..7], ["new_service", "New service", "7"]);
        assert!(
            fields[7].starts_with("rt=1800000000123 externalId=7 dvchost=sensor1 src=10.0.0.5")
        );
        // A key begins after a space; an equals sign in a value has a backslash before it.
        let keys: Vec<&str> = fields[7]
            .split(' ')
            .filter_map(|word| word.split_once('='))
            .map(|(key, _)| key)
            .filter(|key| !key.ends_with('\\'))
            .collect();
        let known = ["rt", "externalId", "dvchost", "src", "smac", "cnt", "cn1Label", "cn1", "msg"];
        let is_known = |key: &&str| known.contains(key) || key.starts_with("cs");
        assert!(keys.iter().all(is_known), "{keys:?}");
        assert!(fields[7].contains("cs4=\\=cmd()") && fields[7].contains("c\\\\d|e\\=f"), "{line}");
    }
}
