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
];

/// Whether signatures may set an attribute of this name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    ATTRIBUTES.contains(&name)
}

/// The list's own copy of a name, so that a match lends it for as long as the program runs.
pub(super) fn interned(name: &str) -> Option<&'static str> {
    ATTRIBUTES.iter().copied().find(|known| *known == name)
}
