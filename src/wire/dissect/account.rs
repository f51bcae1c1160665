//! Well-known accounts: names that makers set and publish. A name that stands here is told
//! by what kind it is; any other is a person's, and is not kept.

use data_encoding::BASE64_NOPAD;

/// What kind of a well-known account a name is; none for any other.
pub(super) fn kind(name: &[u8]) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
}

/// What kind of a well-known account `Basic …` (RFC 7617 §2) names, if any.
pub(super) fn of_basic(value: &str) -> Option<&'static str> {
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let token = BASE64_NOPAD.decode(token.trim().trim_end_matches('=').as_bytes()).ok()?;
    kind(token.split(|&b| b == b':').next()?)
}

/// Names by what they are. Those of one maker alone are of CISA ICSMA-18-037-02 and
/// ICSMA-20-343-01; `dicom` stands there too, but others call an account so as well.
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
    (b"dicom", "service"),
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
