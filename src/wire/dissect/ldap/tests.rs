use super::super::ntlm::tests as tokens;
use super::super::testing::{facts, packet, stream, udp};
use super::super::torture;
use super::*;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], &body].concat()
}

fn text(text: &str) -> Vec<u8> {
    tlv(OCTET_STRING, &[text.as_bytes()])
}

fn message(operation: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&[INTEGER, 1, 1], operation])
}

fn entry_of(name: &str, attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let one = |(name, value): &(&str, &[u8])| {
        tlv(SEQUENCE, &[&text(name), &tlv(0x31, &[&tlv(OCTET_STRING, &[value])])])
    };
    let all: Vec<u8> = attributes.iter().flat_map(one).collect();
    message(&tlv(SEARCH_ENTRY, &[&text(name), &tlv(SEQUENCE, &[&all])]))
}

fn bind_with(name: &str, tag: u8, value: &[u8]) -> Vec<u8> {
    message(&tlv(BIND_REQUEST, &[&[INTEGER, 1, 3], &text(name), &tlv(tag, &[value])]))
}

fn root() -> Vec<u8> {
    let attributes: &[(&str, &[u8])] = &[
        ("dnsHostName", b"dc1.hospital.example"),
        ("defaultNamingContext", b"DC=hospital,DC=example"),
        ("supportedCapabilities", ACTIVE_DIRECTORY),
        ("domainControllerFunctionality", b"7"),
        ("ldapServiceName", b"CANARY"),
    ];
    [entry_of("", attributes), message(&tlv(SEARCH_DONE, &[&[ENUMERATED, 1, 0]]))].concat()
}

const ROOT: [&str; 4] = [
    "S ldap.dns_hostname=dc1.hospital.example",
    "S ldap.domain=hospital.example",
    "S ldap.service=active-directory",
    "S ldap.dc_level=7",
];

#[test]
fn a_server_describes_itself_and_nobody_else() {
    let person = entry_of("CN=CANARY,DC=x", &[("dnsHostName", b"CANARY"), ("mail", b"CANARY")]);
    let login = bind_with("cn=CANARY", 0x80, b"CANARY");
    let segments: &[(u8, &[u8])] =
        &[(b'C', &bind_with("", 0x80, b"")), (b'S', &person), (b'S', &root()), (b'C', &login)];
    let said = stream("ldap", segments);
    assert_eq!(facts(&said), [&ROOT[..], &["C ldap.clear_login=yes"]].concat());
    torture::stream("ldap", segments, &["CANARY"]);
}

#[test]
fn a_server_takes_a_password_that_it_compares() {
    let (sends, takes) = ("C ldap.clear_login=yes", "S ldap.takes_clear_login=yes");
    // success, invalidCredentials; strongerAuthRequired, confidentialityRequired.
    for (result, takes) in [(0, Some(takes)), (49, Some(takes)), (8, None), (13, None)] {
        let answer =
            message(&tlv(BIND_RESPONSE, &[&[ENUMERATED, 1, result], &text(""), &text("")]));
        let login = bind_with("cn=CANARY", 0x80, b"CANARY");
        let said = facts(&stream("ldap", &[(b'C', &login), (b'S', &answer)]));
        assert!(said.iter().eq([Some(sends), takes].iter().flatten()), "{result}: {said:?}");
        let anonymous = bind_with("", 0x80, b"");
        assert!(stream("ldap", &[(b'C', &anonymous), (b'S', &answer)]).is_empty());
    }
}

#[test]
fn ntlm_inside() {
    let challenge = tokens::challenge_of("HOSPITAL");
    let answer = message(&tlv(
        BIND_RESPONSE,
        &[&[ENUMERATED, 1, 14], &text(""), &text(""), &tlv(0x87, &[&challenge])],
    ));
    let sasl = [text("GSS-SPNEGO"), tlv(OCTET_STRING, &[&challenge])].concat();
    let said = stream("ldap", &[(b'C', &bind_with("", 0xa3, &sasl)), (b'S', &answer)]);
    assert!(facts(&said).iter().any(|line| line.starts_with("S ntlm.server_version=")));
}

#[test]
fn starttls_ends_it() {
    let start = message(&tlv(EXTENDED_REQUEST, &[&tlv(0x80, &[START_TLS])]));
    let granted = message(&tlv(EXTENDED_RESPONSE, &[&[ENUMERATED, 1, 0], &text(""), &text("")]));
    let login = bind_with("cn=CANARY", 0x80, b"CANARY");
    let said = stream("ldap", &[(b'C', &start), (b'S', &granted), (b'C', &login)]);
    assert!(said.is_empty());
}

fn ping() -> Vec<u8> {
    let pair = |name: &str, value: &str| tlv(EQUALITY_MATCH, &[&text(name), &text(value)]);
    let inner = tlv(0xa0, &[&pair("Host", "CT-WS-1"), &pair("User", "CANARY")]);
    let filter = tlv(0xa0, &[&pair("DnsDomain", "hospital.example."), &inner]);
    let fixed = [ENUMERATED, 1, 0, ENUMERATED, 1, 0, INTEGER, 1, 0, INTEGER, 1, 0, 1, 1, 0];
    let attributes = tlv(SEQUENCE, &[&text("NetLogon")]);
    message(&tlv(SEARCH_REQUEST, &[&text(""), &fixed, &filter, &attributes]))
}

const EQUALITY_MATCH: u8 = 0xa3;

fn pong() -> Vec<u8> {
    let mut it = vec![23, 0, 0, 0, 0xbd, 0x11, 1, 0];
    it.extend([0xaa; 16]);
    it.extend(b"\x08hospital\x07example\0"); // at 24
    it.extend([0xc0, 24]);
    it.extend(b"\x03dc1\xc0\x18");
    it.extend(b"\x08HOSPITAL\0\x03DC1\0\x06CANARY\0\x05Main1\0");
    entry_of("", &[("netlogon", &it)])
}

#[test]
fn the_locator() {
    let (ping, pong) = (ping(), pong());
    let asked = udp(50000, 389, &ping);
    let expected = ["C ldap.domain=hospital.example", "C ldap.computer=CT-WS-1"];
    assert_eq!(facts(&packet("cldap", &asked).unwrap()), expected);
    torture::packet("cldap", &asked, &["CANARY"]);
    let answered = udp(389, 50000, &pong);
    let expected = [
        "C ldap.service=active-directory",
        "C ldap.dns_hostname=dc1.hospital.example",
        "C ldap.domain=hospital.example",
        "C ldap.computer=DC1",
        "C ldap.site=Main1",
        "C ldap.dc_level=7",
    ];
    assert_eq!(facts(&packet("cldap", &answered).unwrap()), expected);
    // A flipped pointer may show the name of a user as another: it is not tortured for it.
    torture::packet("cldap", &answered, &[]);
    assert_eq!((answers(&asked), answers(&answered)), (Some(false), Some(true)));
}

#[test]
fn others_are_not_recognised() {
    let snmp = [0x30, 8, 2, 1, 1, 4, 3, 1, 2, 3];
    for payload in [&snmp[..], b"\x30\x05\x02\x01\x01\x63", b"", b"GET / HTTP/1.1\r\n"] {
        assert_eq!(probe(&udp(389, 389, payload)), Verdict::No);
    }
    assert_eq!(dotted("CN=x,DC=y"), "");
}
