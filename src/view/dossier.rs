//! Everything known of one asset, each value with who says so: `auscult show`.

use std::fmt::Write as _;

use crate::store::{Change, Identifier, Known, Value};

/// Losing candidates listed of one attribute.
const MAX_LOSING: usize = 5;
/// Changes listed of one asset.
const MAX_CHANGES: usize = 50;
/// Reasons listed of one value.
const MAX_REASONS: usize = 4;

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

/// What stands in a reason that is a date of support: the page of the risk lists them.
const SUPPORT: &str = "support";
/// Said of a card whose address no maker gave it.
const LOCAL: &str = "  (an address that no maker gave: it may be random, and another tomorrow)";

/// Whether a card's address is locally administered (IEEE 802 §8.2.2).
fn is_local(identity: &str) -> bool {
    let first = identity.strip_prefix("mac:").and_then(|mac| mac.get(..2));
    first.and_then(|octet| u8::from_str_radix(octet, 16).ok()).is_some_and(|it| it & 2 == 2)
}

/// The attributes by which [`find`] knows an asset, beside its id.
pub const NAMES: &[&str] =
    &["mac_addresses", "ip_addresses", "hostname", "ae_titles", "serial_number", "station_name"];

/// The asset that a user means by an id, a MAC, an IP address, a hostname, an AE title
/// or a serial number; several when it is not clear.
#[must_use]
pub fn find<'a>(assets: &'a [Known<'a>], wanted: &str) -> Vec<&'a Known<'a>> {
    let wanted = wanted.trim();
    let mac = wanted.replace(['-', '.', ':'], "").to_lowercase();
    let is_mac = mac.len() == 12 && mac.bytes().all(|b| b.is_ascii_hexdigit());
    let exact: Vec<_> =
        assets.iter().filter(|asset| asset.id.eq_ignore_ascii_case(wanted)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let has = |asset: &&Known<'_>| {
        if is_mac && asset.shown("mac_addresses").any(|v| v.value.replace(':', "") == mac) {
            return true;
        }
        NAMES.iter().any(|n| asset.shown(n).any(|v| v.value.eq_ignore_ascii_case(wanted)))
    };
    assets.iter().filter(has).collect()
}

/// The dossier as text, one value a line, its reasons indented below.
#[must_use]
pub fn text(asset: &Known<'_>) -> String {
    let mut page = String::new();
    let title = ["manufacturer", "model", "device_class", "hostname"]
        .iter()
        .filter_map(|name| asset.first(name))
        .collect::<Vec<_>>()
        .join(" · ");
    let _ = writeln!(page, "{}  {title}", asset.id);
    let local = if is_local(&asset.identity) { LOCAL } else { "" };
    let _ = writeln!(page, "  recognised by  {}{local}", asset.identity);
    let _ = writeln!(
        page,
        "  seen           {} to {}",
        asset.first_seen.rfc3339(),
        asset.last_seen.rfc3339()
    );
    for (name, values) in &asset.values {
        let (shown, losing): (Vec<_>, Vec<_>) = values.iter().partition(|value| value.shown);
        if shown.iter().all(|value| value.reasons.is_empty()) {
            if !shown.is_empty() {
                let list: Vec<_> = shown.iter().map(|value| &*value.value).collect();
                let _ = writeln!(page, "{name}: {}", list.join("; "));
            }
            continue;
        }
        // The dates of support stand together, and whole, below.
        if let (true, [first, ..]) = (name == "os_support_end", shown.as_slice()) {
            let days: Vec<_> = shown.iter().map(|value| &*value.value).collect();
            let _ = writeln!(page, "{name}: {}  ({:.2})", days.join("; "), first.confidence);
            continue;
        }
        for value in shown {
            line(&mut page, name, value, "");
        }
        for value in losing.into_iter().take(MAX_LOSING) {
            line(&mut page, name, value, "  not shown: ");
        }
    }
    page
}

/// What tells an asset from others, two lines each, the strongest first.
#[must_use]
pub fn identifiers(all: &[Identifier]) -> String {
    let mut page = String::new();
    for it in all {
        let Identifier { kind, value, strength, key, capture, .. } = it;
        let _ = writeln!(page, "  {strength:<8}  {kind}: {value}");
        let unit = if it.within < DAY { "hour" } else { "day" };
        let (first, last) = (it.first.rfc3339(), it.last.rfc3339());
        let _ = write!(page, "    from {first}, last in the {unit} from {last}");
        let _ = match it.frame {
            0 => writeln!(page, " ▸ {key}"),
            frame => writeln!(page, " ▸ {capture} frame {frame} ▸ {key}"),
        };
    }
    if !page.is_empty() {
        page.insert_str(0, "identifiers:\n");
    }
    page
}

/// What changed of an asset, a line each, the last first.
#[must_use]
pub fn history(changes: &[Change]) -> String {
    let mut page = String::new();
    for it in changes.iter().rev().take(MAX_CHANGES) {
        let at = it.at.rfc3339();
        let _ = match (it.what.as_str(), it.before.as_str(), it.after.as_str()) {
            ("appeared", _, identity) => writeln!(page, "  {at}  appeared as {identity}"),
            ("gone", _, "") => writeln!(page, "  {at}  was no device any more"),
            ("gone", _, into) => writeln!(page, "  {at}  turned out to be {into}"),
            (what, "", after) => writeln!(page, "  {at}  {what}: {after}"),
            (what, before, "") => writeln!(page, "  {at}  {what}: no longer {before}"),
            (what, before, after) => writeln!(page, "  {at}  {what}: {before} -> {after}"),
        };
    }
    if !page.is_empty() {
        page.insert_str(0, "history:\n");
    }
    page
}

fn line(page: &mut String, name: &str, value: &Value<'_>, mark: &str) {
    let _ = writeln!(page, "{mark}{name}: {}  ({:.2})", value.value, value.confidence);
    for why in value.reasons.iter().filter(|why| why.key != SUPPORT).take(MAX_REASONS) {
        let place = match why.frame {
            0 if why.key == "mac.oui" => "registry of addresses".to_owned(),
            0 => "no single frame".to_owned(),
            frame => format!("{} frame {frame}", why.capture),
        };
        let _ = writeln!(
            page,
            "    {place} ▸ {}={} ▸ {} ({:.2})",
            why.key, why.value, why.signature, why.confidence
        );
    }
    if value.reasons.len() > MAX_REASONS {
        let _ = writeln!(page, "    and {} more", value.reasons.len() - MAX_REASONS);
    }
}

/// A page whose lines are as wide as the terminal, as far as there are spaces to break them
/// at; what is broken is indented further.
#[must_use]
pub fn wrapped(page: &str, width: usize) -> String {
    let mut out = String::with_capacity(page.len());
    for line in page.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let deeper = (indent + 4).min(width / 2);
        let mut used = 0;
        for (n, word) in line.trim_start_matches(' ').split(' ').enumerate() {
            let wide: usize = word.chars().map(columns).sum();
            if n == 0 {
                out.extend(std::iter::repeat_n(' ', indent));
                used = indent;
            } else if used + 1 + wide > width && !word.is_empty() {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', deeper));
                used = deeper;
            } else {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += wide;
        }
        out.push('\n');
    }
    out
}

/// Columns of a terminal that a character takes: two where East Asian Width is wide or full
/// (Unicode Standard Annex 11).
const fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_the_terminal() {
        let page =
            "a: b\n    x.pcap frame 1 ▸ http.user_agent=Mozilla/5.0 (X11; Linux) ▸ os\n\nend\n";
        assert_eq!(wrapped(page, 200), page);
        let narrow = wrapped(page, 30);
        assert!(narrow.lines().all(|line| line.chars().count() <= 36), "{narrow}");
        assert!(narrow.contains("    x.pcap frame 1 ▸\n        http.user_agent"), "{narrow}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&narrow), words(page));
        assert_eq!(wrapped("放射線科 救急部\n", 10), "放射線科\n    救急部\n");
        assert_eq!(wrapped("a b\n", 0), "a\nb\n");
    }

    #[test]
    fn an_identifier_is_told_with_its_strength_its_times_and_its_packet() {
        let at = |second| crate::time::Timestamp::new(second, 0);
        let it = Identifier {
            kind: "AE title".to_owned(),
            value: "CT1".to_owned(),
            strength: "weak".to_owned(),
            key: "dicom.ae_title".to_owned(),
            capture: "a.pcap".to_owned(),
            frame: 7,
            first: at(10),
            last: at(0),
            within: 3600,
        };
        let none = Identifier { frame: 0, within: DAY, ..it.clone() };
        let page = identifiers(&[it, none]);
        let lines: Vec<&str> = page.lines().collect();
        let from = "    from 1970-01-01T00:00:10+00:00, last in the";
        let last = "from 1970-01-01T00:00:00+00:00 ▸";
        assert_eq!(
            lines,
            [
                "identifiers:",
                "  weak      AE title: CT1",
                &format!("{from} hour {last} a.pcap frame 7 ▸ dicom.ae_title"),
                "  weak      AE title: CT1",
                &format!("{from} day {last} dicom.ae_title"),
            ]
        );
        assert_eq!(identifiers(&[]), "");
    }

    #[test]
    fn an_address_that_no_maker_gave_is_marked() {
        assert!(is_local("mac:da:a1:19:0a:00:30") && !is_local("mac:d8:a1:19:0a:00:30"));
        assert!(!is_local("ip:10.0.0.1") && !is_local("mac:") && !is_local("mac:放"));
    }
}
