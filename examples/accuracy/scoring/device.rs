//! What people call a device, as classes of `signatures/classes.toml`.

use super::text::words;

/// Words in a device type or role, and the classes that are right for them. The first
/// row that fits counts, so the longer names stand first.
const CLASSES: &[(&str, &[&str])] = &[
    ("patient monitor gateway", &["monitor-gateway", "central-monitor", "device-integration"]),
    ("patient monitor", &["patient-monitor"]),
    ("infusion pump", &["infusion-pump"]),
    ("interface engine", &["interface-engine"]),
    ("point of care", &["point-of-care", "laboratory-analyzer"]),
    ("analyser", &["laboratory-analyzer"]),
    ("analyzer", &["laboratory-analyzer"]),
    ("film printer", &["film-printer"]),
    ("printer", &["printer"]),
    ("mri scanner", &["mri"]),
    ("ct scanner", &["ct"]),
    ("ultrasound", &["ultrasound"]),
    ("cr reader", &["xray"]),
    ("mammography", &["mammography"]),
    ("viewing workstation", &["viewer", "imaging-workstation"]),
    ("workstation", &["workstation", "laptop"]),
    ("desktop", &["workstation"]),
    ("industrial pc", &["workstation", "industrial-controller"]),
    ("industrial switch", &["switch"]),
    ("managed switch", &["switch"]),
    ("switch", &["switch"]),
    ("router", &["router", "firewall"]),
    ("ip phone", &["ip-phone"]),
    ("phone", &["phone"]),
    ("nas", &["nas"]),
    ("plc", &["plc"]),
    ("building controller", &["building-controller"]),
    ("kiosk", &["kiosk", "digital-signage"]),
    ("pacs", &["pacs", "vna"]),
    ("dicom router", &["dicom-router"]),
    ("ris", &["ris", "worklist-server"]),
    ("lis", &["lis"]),
    ("his", &["his"]),
    ("serial server", &["serial-server"]),
    ("access point", &["access-point"]),
    ("wireless controller", &["wireless-controller"]),
    ("server", &["server"]),
];

/// The classes that are right for a device type; none when the words are not known.
pub(super) fn classes(device_type: &str) -> Option<&'static [&'static str]> {
    let text = format!(" {} ", words(device_type));
    // "DICOM router" and "DHCP server" are more than their last word.
    let whole = CLASSES.iter().find(|(name, _)| text.trim() == *name);
    let found = whole.or_else(|| CLASSES.iter().find(|(n, _)| text.contains(&format!(" {n} "))));
    found.map(|(_, classes)| *classes)
}

/// The classes of a role that is nothing but the name of a device: `switch` is one,
/// `print client` is what it does.
pub(super) fn of_role(role: &str) -> Option<&'static [&'static str]> {
    let text = words(role);
    CLASSES.iter().find(|(name, _)| text == *name).map(|(_, classes)| *classes)
}

/// The class that a trap's words name, when they are nothing but that.
pub(super) fn named(trap: &str) -> Option<&'static [&'static str]> {
    of_role(trap.strip_prefix("one ").unwrap_or(trap))
}
