//! Well-known accounts: names that makers set and publish. A name that stands here is told
//! by what kind it is; any other is a person's, and is not kept.

/// What kind of a well-known account a name is; none for any other.
pub(super) fn kind(name: &[u8]) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
}

/// Names by what they are. The makers' are of CISA ICSMA-18-037-02 and ICSMA-20-343-01.
const KINDS: &[(&[u8], &str)] = &[
    (b"anonymous", "anonymous"),
    (b"ftp", "anonymous"),
    (b"admin", "administrator"),
    (b"administrator", "administrator"),
    (b"root", "administrator"),
    (b"supervisor", "administrator"),
    (b"sysadm", "administrator"),
    (b"sysadmin", "administrator"),
    (b"insite", "maker"),
    (b"geservice", "maker"),
    (b"dicom", "maker"),
    (b"field", "service"),
    (b"maintenance", "service"),
    (b"service", "service"),
    (b"support", "service"),
    (b"tech", "service"),
    (b"default", "default"),
    (b"demo", "default"),
    (b"guest", "default"),
    (b"operator", "default"),
    (b"public", "default"),
    (b"test", "default"),
    (b"user", "default"),
];
