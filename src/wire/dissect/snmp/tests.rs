use super::super::testing::{facts, packet, udp};
use super::super::torture;
use super::*;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], &body].concat()
}

fn binding(name: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OID, &[name]), &tlv(tag, &[value])])
}

fn body(kind: u8, error: u8, bindings: &[Vec<u8>]) -> Vec<u8> {
    let list = tlv(SEQUENCE, &[&bindings.concat()]);
    tlv(kind, &[&[2, 1, 9], &[2, 1, error], &[2, 1, 0], &list])
}

fn v2c(pdu: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&[2, 1, 1], &tlv(OCTET_STRING, &[b"CANARY"]), pdu])
}

fn v3(flags: u8, engine: &[u8], scoped: &[u8]) -> Vec<u8> {
    let global = tlv(SEQUENCE, &[&[2, 1, 1, 2, 2, 5, 220, 4, 1, flags, 2, 1, 3]]);
    let usm = tlv(
        SEQUENCE,
        &[&tlv(OCTET_STRING, &[engine]), &[2, 1, 1, 2, 1, 1], &tlv(OCTET_STRING, &[b"CANARY"])],
    );
    tlv(SEQUENCE, &[&[2, 1, 3], &global, &tlv(OCTET_STRING, &[&usm]), scoped])
}

fn system() -> Vec<Vec<u8>> {
    vec![
        binding(
            COLUMNS[0].0,
            OCTET_STRING,
            b"Hardware: x86 Software: Windows Version 6.1 (Build 7601)",
        ),
        binding(COLUMNS[1].0, OID, &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 1]),
        binding(b"\x2b\x06\x01\x02\x01\x01\x04\x00", OCTET_STRING, b"a person"),
        binding(COLUMNS[2].0, OCTET_STRING, b"MR-CONSOLE"),
        binding(COLUMNS[3].0, OCTET_STRING, &SHIFT_JIS.encode("放射線科").0),
        binding(COLUMNS[5].0, OCTET_STRING, b"SN1"),
        binding(b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0b\x07", OCTET_STRING, b"CANARY psu"),
        binding(COLUMNS[11].0, OCTET_STRING, b"WS-C3850"),
    ]
}

const SYSTEM: [&str; 6] = [
    "C snmp.sysdescr=Hardware: x86 Software: Windows Version 6.1 (Build 7601)",
    "C snmp.sysobjectid=1.3.6.1.4.1.311.1",
    "C snmp.sysname=MR-CONSOLE",
    "C snmp.location=放射線科",
    "C snmp.serial=SN1",
    "C snmp.model=WS-C3850",
];

fn said(payload: &[u8]) -> Vec<String> {
    facts(&packet("snmp", &udp(161, 50000, payload)).unwrap())
}

#[test]
fn an_answer() {
    let answer = v2c(&body(RESPONSE, 0, &system()));
    assert_eq!(said(&answer), [&["C snmp.version=2c"][..], &SYSTEM].concat());
    torture::packet("snmp", &udp(161, 50000, &answer), &["CANARY"]);
}

#[test]
fn questions_settings_and_errors_say_only_the_version() {
    for (kind, error) in [(0xa0, 0), (0xa3, 0), (RESPONSE, 2)] {
        assert_eq!(said(&v2c(&body(kind, error, &system()))), ["C snmp.version=2c"]);
    }
}

#[test]
fn version_3() {
    let engine = [0x80, 0, 0, 9, 3, 0, 0x1b, 0x2c, 1, 2, 3];
    let scoped =
        tlv(SEQUENCE, &[&tlv(OCTET_STRING, &[&engine]), &[4, 0], &body(RESPONSE, 0, &system())]);
    let answer = v3(0x01, &engine, &scoped);
    let expected = [
        "C snmp.version=3",
        "C snmp.engine_id=8000000903001b2c010203",
        "C snmp.engine_mac=00:1b:2c:01:02:03",
    ];
    assert_eq!(said(&answer), [&expected[..], &SYSTEM].concat());
    torture::packet("snmp", &udp(161, 50000, &answer), &["CANARY"]);
    let encrypted = v3(0x03, &engine, &tlv(OCTET_STRING, &[b"CANARY"]));
    assert_eq!(said(&encrypted), expected);
    // Of a question the engine is the other's.
    assert_eq!(said(&v3(0x07, &engine, &tlv(OCTET_STRING, &[b"x"]))), ["C snmp.version=3"]);
}

#[test]
fn others_are_not_recognised() {
    let cldap = [0x30, 8, 2, 1, 1, 0x63, 3, 1, 2, 3];
    for payload in [&cldap[..], b"0\x03\x02\x01\x01", b"", b"\x30\x00"] {
        assert_eq!(probe(&udp(161, 161, payload)), Verdict::No);
    }
}
