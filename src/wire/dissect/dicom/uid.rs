//! Unique identifiers (PS3.5 §9): which are classes of interest, whose root one
//! hangs on, and the serial numbers that some makers build into them.
//!
//! An instance UID can be traced to a patient, so it never leaves: only its
//! maker's root and a serial number in a layout known for that maker do.

use dicom_dictionary_std::uids;

/// Most characters of a UID (PS3.5 §9.1).
const MAX_CHARS: usize = 64;
/// Roots under which a DICOM storage class stands (PS3.6 Annex A).
const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";
/// Below [`STORAGE`], what is made of images and at other places than they: presentation
/// states, registrations and segmentations, value mappings, reports, documents, displays,
/// protocols, and the plans, structures and doses of radiotherapy.
const DERIVED: &[&str] = &[
    "11", "66.1", "66.2", "66.3", "66.4", "66.5", "66.6", "66.7", "67", "88", "90", "104", "131",
    "200", "481.2", "481.3", "481.5", "481.8", "481.10",
];
/// All that the standard itself names (PS3.6 Annex A).
const STANDARD: &str = "1.2.840.10008.";
/// The arc of IANA's private enterprise numbers.
const ENTERPRISES: &str = "1.3.6.1.4.1";

/// Organisation roots as seen in UIDs of equipment; one that lies under another
/// comes before it. The knowledge of whose they are is in `signatures/`.
const ROOTS: &[&str] = &[
    "1.2.124.113532",
    "1.2.156.112536",
    "1.2.156.112605",
    "1.2.156.14702",
    "1.2.246.352",
    "1.2.250.1.90",
    "1.2.276.0.20",
    "1.2.276.0.26",
    "1.2.276.0.48",
    "1.2.276.0.7230010",
    "1.2.276.0.7238010",
    "1.2.392.200036.9107",
    "1.2.392.200036.9116",
    "1.2.392.200036.9123",
    "1.2.392.200036.9125",
    "1.2.392.200036.9133",
    "1.2.392.200039",
    "1.2.392.200046",
    "1.2.392.200106",
    "1.2.40.0.13.1",
    "1.2.410.200001",
    "1.2.410.200010",
    "1.2.528.1.1001",
    "1.2.752.24",
    "1.2.752.243",
    "1.2.826.0.1.3680043.1.2.100",
    "1.2.826.0.1.3680043.10.1462",
    "1.2.826.0.1.3680043.2.1143",
    "1.2.826.0.1.3680043.2.135",
    "1.2.826.0.1.3680043.2.1585",
    "1.2.826.0.1.3680043.2.93",
    "1.2.826.0.1.3680043.8.498",
    "1.2.826.0.1.3680043.9.3811",
    "1.2.826.0.1.3680043.9.7433",
    "1.2.840.113543",
    "1.2.840.113564",
    "1.2.840.113619",
    "1.2.840.113663",
    "1.2.840.113680",
    "1.2.840.113681",
    "1.2.840.113704",
    "1.2.840.114089",
    "1.2.840.114257",
    "1.2.840.114340",
    "1.3.12.2.1107.5",
    "1.3.46.423632",
    "1.3.46.670589",
    "1.3.51.0",
    "1.3.76.13",
    "2.16.756.5.5.100",
    "2.16.840.1.113669",
    "2.16.840.1.114033",
    "2.16.840.1.114151",
];

/// The text of a UID field: its padding gone, and none if anything but digits and
/// dots is left or it is longer than a UID may be.
pub(super) fn read(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?.trim_matches(['\0', ' ']);
    let sane = text.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= MAX_CHARS
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    sane.then_some(text)
}

/// A SOP class under which instances are stored (PS3.4 Annex B.5).
pub(super) fn is_storage(class: &str) -> bool {
    class.starts_with(STORAGE)
}

/// A SOP class of what a modality acquires: images, waveforms, raw data and the like.
pub(super) fn is_acquired(class: &str) -> bool {
    match class.strip_prefix(STORAGE) {
        Some(arc) => !DERIVED.iter().any(|it| arc == *it || below(arc, it).is_some()),
        None => !class.is_empty() && is_private(class),
    }
}

/// Not of the standard: a maker's own SOP class.
pub(super) fn is_private(class: &str) -> bool {
    !class.starts_with(STANDARD)
}

/// What a DIMSE service is done on, in a word, where the class says more of its
/// user than the service does.
pub(super) fn subject(class: &str) -> Option<&'static str> {
    Some(match class {
        uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND => "worklist",
        uids::MODALITY_PERFORMED_PROCEDURE_STEP => "mpps",
        uids::MODALITY_PERFORMED_PROCEDURE_STEP_RETRIEVE => "mpps-retrieve",
        uids::MODALITY_PERFORMED_PROCEDURE_STEP_NOTIFICATION => "mpps-notification",
        uids::STORAGE_COMMITMENT_PUSH_MODEL => "storage-commitment",
        uids::BASIC_FILM_SESSION => "film-session",
        uids::BASIC_FILM_BOX => "film-box",
        uids::BASIC_GRAYSCALE_IMAGE_BOX | uids::BASIC_COLOR_IMAGE_BOX => "image-box",
        uids::PRINTER => "printer",
        uids::DISPLAY_SYSTEM => "display",
        uids::INSTANCE_AVAILABILITY_NOTIFICATION => "instance-availability",
        _ if class.starts_with("1.2.840.10008.5.1.4.1.2.1.") => "patient-root",
        _ if class.starts_with("1.2.840.10008.5.1.4.1.2.2.") => "study-root",
        _ if class.starts_with("1.2.840.10008.5.1.4.34.6.") => "ups",
        _ => return None,
    })
}

/// The part of a UID that names an organisation: a known root, or an IANA private
/// enterprise number. None for UUID-derived ones (PS3.5 §B.2) and unknown roots.
pub(super) fn root(uid: &str) -> Option<&str> {
    if let Some(rest) = below(uid, ENTERPRISES) {
        let number = rest.split('.').next().filter(|n| (1..=6).contains(&n.len()))?;
        let end = ENTERPRISES.len().checked_add(number.len())?.checked_add(1)?;
        return uid.get(..end);
    }
    ROOTS.iter().copied().find(|root| below(uid, root).is_some())
}

/// The serial number of the equipment, where the maker's layout is known to hold
/// one that equals its Device Serial Number:
///
/// * Siemens MR: `1.3.12.2.1107.5.2.<system>.<serial>.…`
/// * Philips MR: `1.3.46.670589.11.<serial>.5.…`
pub(super) fn serial(uid: &str) -> Option<&str> {
    let number = if let Some(rest) = below(uid, "1.3.12.2.1107.5.2") {
        let (_system, rest) = rest.split_once('.')?;
        rest.split_once('.')?.0
    } else {
        let (number, rest) = below(uid, "1.3.46.670589.11")?.split_once('.')?;
        rest.starts_with("5.").then_some(number)?
    };
    // Shorter ones are version numbers of private classes, longer ones are times.
    ((4..=6).contains(&number.len()) && !number.starts_with('0')).then_some(number)
}

/// What follows `root` and a dot.
fn below<'a>(uid: &'a str, root: &str) -> Option<&'a str> {
    uid.strip_prefix(root)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_text() {
        assert_eq!(read(b"1.2.840.10008.1.1\0"), Some("1.2.840.10008.1.1"));
        assert_eq!(read(b"1.2 "), Some("1.2"));
        for bad in [&b""[..], b"1.2\xff", b"1.2.DOE", b".1", &[b'1'; 65]] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn serials_of_known_layouts_only() {
        assert_eq!(serial("1.3.12.2.1107.5.2.43.166038.2019.1"), Some("166038"));
        assert_eq!(serial("1.3.12.2.1107.5.2.32.35131.30000015.7"), Some("35131"));
        assert_eq!(serial("1.3.46.670589.11.17240.5.0.6800.2016"), Some("17240"));
        for none in [
            "1.3.12.2.1107.5.2",
            "1.3.12.2.1107.5.2.43",
            "1.3.12.2.1107.5.2.43.166038",
            "1.3.12.2.1107.5.99.3.20080101",
            "1.3.46.670589.11.0.0.12.1",
            "1.3.46.670589.11.17240.6.1",
            "1.3.46.670589.111.17240.5.1",
            "1.2.840.113619.2.283.4120.7575399.1",
        ] {
            assert_eq!(serial(none), None, "{none}");
        }
    }

    #[test]
    fn roots() {
        assert_eq!(root("1.2.840.113619.2.1"), Some("1.2.840.113619"));
        assert_eq!(root("1.2.752.243.1"), Some("1.2.752.243"));
        assert_eq!(root("1.2.752.24.5.1"), Some("1.2.752.24"));
        assert_eq!(root("1.3.6.1.4.1.5962.99.1.1"), Some("1.3.6.1.4.1.5962"));
        assert_eq!(root("1.3.6.1.4.1"), None);
        assert_eq!(root("2.25.175220362680028036156011002668768058626"), None);
        assert_eq!(root("1.2.840.1136190"), None);
    }
}
