//! The files of `signatures/` in this binary. Patterns of one key are asked in this order.

/// A file name and its text.
type File = (&'static str, &'static str);

/// Names the file once.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../signatures/", $name)))
    };
}

/// The day on which the signatures were last edited, `2026-11-22`.
pub const EDITION: &str = include_str!("../../../signatures/EDITION").trim_ascii();

/// The device classes.
pub(super) static CLASSES: File = file!("classes.toml");

/// What makers are called.
pub(super) static MAKERS: File = file!("makers.toml");

/// What findings weigh, and until when operating systems are mended: no signatures.
pub(crate) static RISK: File = file!("risk.toml");
pub(crate) static SUPPORT: File = file!("support.toml");

/// What makers and products of advisories are called by devices.
pub(crate) static ALIASES: File = file!("aliases.toml");

/// All files of signatures, sorted by name.
pub(super) static FILES: &[File] = &[
    file!("behaviour.toml"),
    file!("clinical.toml"),
    file!("database.toml"),
    file!("dicom-implementations.toml"),
    file!("dicom-manufacturers.toml"),
    file!("dicom-modalities.toml"),
    file!("dicom-roles.toml"),
    file!("directory.toml"),
    file!("exposure.toml"),
    file!("facility.toml"),
    file!("hl7.toml"),
    file!("hostnames.toml"),
    file!("medical-oui.toml"),
    file!("network-gear.toml"),
    file!("os-apple-mobile.toml"),
    file!("os-unix.toml"),
    file!("os-windows.toml"),
    file!("printers.toml"),
    file!("radius.toml"),
    file!("remote-access.toml"),
    file!("services.toml"),
    file!("tcp-syn.toml"),
    file!("telephony.toml"),
    file!("tunnels.toml"),
    file!("video.toml"),
];
