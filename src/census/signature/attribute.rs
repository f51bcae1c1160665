//! The closed list of what a signature may say of a device.

/// Every attribute that `set` may name, in the order of the register.
///
/// * `device_category`, `device_class`: values of `signatures/classes.toml`; the
///   category follows from the class and is set alone only where no class is certain.
/// * `os_name`: the product ("Windows 10", "Debian", "Linux"); alternatives that the
///   evidence cannot tell apart are joined by ` / ` ("Windows 7 / Server 2008 R2").
/// * `os_version`: service pack, release or major version ("SP1", "22H2", "12").
/// * `os_edition`: edition where it decides the support end ("LTSC", "Enterprise").
/// * `os_role`: `client` or `server`: picks among joined alternatives of `os_name`.
/// * `software`: a product that runs there, with its version ("DCMTK 3.6.5").
/// * `software_version`: of the device as its maker counts it.
/// * `ae_titles`: one DICOM application entity title per fact.
/// * `exposure`: one word per fact that rules of `signatures/risk.toml` weigh
///   (`smb1-server`); `certificate_end`: the last day of a certificate that it shows. Only
///   signatures whose id begins with `exposure.` set these two, and nothing else.
pub static ATTRIBUTES: &[&str] = &[
    "device_category",
    "device_class",
    "modality",
    "manufacturer",
    "model",
    "serial_number",
    "software_version",
    "software",
    "os_name",
    "os_version",
    "os_build",
    "os_edition",
    "os_role",
    "hostname",
    "domain",
    "ae_titles",
    "station_name",
    "department",
    "remote_access",
    "vpn",
    "exposure",
    "certificate_end",
];

/// What signatures of the topic [`EXPOSURE`] set.
pub(super) const EXPOSED: [&str; 2] = ["exposure", "certificate_end"];

/// Signatures whose ids begin so are asked beside the others, not instead of them: what a
/// fact says of a device's identity does not hide that it is dangerous.
pub(super) const EXPOSURE: &str = "exposure.";

/// Whether signatures may set an attribute of this name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    ATTRIBUTES.contains(&name)
}

/// The list's own copy of a name, so that a match lends it for as long as the program runs.
pub(super) fn interned(name: &str) -> Option<&'static str> {
    ATTRIBUTES.iter().copied().find(|known| *known == name)
}
