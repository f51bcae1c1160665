use super::super::ber::OCTET_STRING;
use super::super::testing::{facts, packet, stream, udp, works};
use super::super::torture;
use super::*;
use crate::observe::Work;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], &body].concat()
}

fn number(n: i8) -> Vec<u8> {
    vec![INTEGER, 1, n.to_be_bytes()[0]]
}

fn name(kind: i8, parts: &[&str]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|p| tlv(GENERAL_STRING, &[p.as_bytes()])).collect();
    let parts = tlv(SEQUENCE, &[&parts.concat()]);
    tlv(SEQUENCE, &[&tlv(0xa0, &[&number(kind)]), &tlv(0xa1, &[&parts])])
}

fn asks(tag: u8, client: &[&str], etypes: &[i8]) -> Vec<u8> {
    let etypes: Vec<u8> = etypes.iter().flat_map(|e| number(*e)).collect();
    let address = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&number(20)]),
            &tlv(0xa1, &[&tlv(OCTET_STRING, &[b"XP-CONSOLE      \x20"])]),
        ],
    );
    let body = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&[3, 5, 0, 0x40, 0x81, 0, 0x10]]),
            &tlv(0xa1, &[&name(1, client)]),
            &tlv(0xa2, &[&tlv(GENERAL_STRING, &[b"HOSPITAL.EXAMPLE"])]),
            &tlv(0xa3, &[&name(2, &["krbtgt", "HOSPITAL.EXAMPLE"])]),
            &tlv(0xa8, &[&tlv(SEQUENCE, &[&etypes])]),
            &tlv(0xa9, &[&tlv(SEQUENCE, &[&address])]),
        ],
    );
    let fields = tlv(
        SEQUENCE,
        &[
            &[0xa1, 3, 2, 1, 5, 0xa2, 3, 2, 1, 10],
            &tlv(0xa3, &[&tlv(SEQUENCE, &[b""])]),
            &tlv(0xa4, &[&body]),
        ],
    );
    tlv(tag, &[&fields])
}

fn gives(etype: i8) -> Vec<u8> {
    let part = tlv(
        SEQUENCE,
        &[&tlv(0xa0, &[&number(etype)]), &tlv(0xa2, &[&tlv(OCTET_STRING, &[b"CANARY"])])],
    );
    let ticket = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&number(5)]),
            &tlv(0xa1, &[&tlv(GENERAL_STRING, &[b"HOSPITAL.EXAMPLE"])]),
            &tlv(0xa2, &[&name(2, &["cifs", "CANARY"])]),
            &tlv(0xa3, &[&part]),
        ],
    );
    let fields = tlv(
        SEQUENCE,
        &[
            &[0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 11],
            &tlv(0xa4, &[&name(1, &["CANARY"])]),
            &tlv(0xa5, &[&tlv(0x61, &[&ticket])]),
        ],
    );
    tlv(AS_REP, &[&fields])
}

fn said(payload: &[u8]) -> Vec<String> {
    facts(&packet("kerberos", &udp(50000, 88, payload)).unwrap())
}

#[test]
fn a_computer_logs_on() {
    let asked = asks(AS_REQ, &["CT-WS-1$"], &[18, 17, 23, 24, -121, 3]);
    let expected = [
        "C kerberos.hostname=XP-CONSOLE",
        "C kerberos.hostname=CT-WS-1",
        "C kerberos.realm=HOSPITAL.EXAMPLE",
        "C kerberos.etypes=18,17,23,24,-121,3",
    ];
    assert_eq!(said(&asked), expected);
    let host = said(&asks(AS_REQ, &["host", "pacs1.hospital.example"], &[18]));
    assert_eq!(host[1], "C kerberos.hostname=pacs1.hospital.example");
}

#[test]
fn a_person_stays_unnamed() {
    let asked = asks(AS_REQ, &["CANARY"], &[23, -128, 3]);
    let expected = [
        "C kerberos.hostname=XP-CONSOLE",
        "C kerberos.realm=HOSPITAL.EXAMPLE",
        "C kerberos.etypes=23,-128,3",
        "C kerberos.weak=rc4",
    ];
    assert_eq!(said(&asked), expected);
    torture::packet("kerberos", &udp(50000, 88, &asked), &["CANARY"]);
    // In a request for a service the realm may be another's.
    let service = said(&asks(TGS_REQ, &["CANARY"], &[18]));
    assert_eq!(service, ["C kerberos.hostname=XP-CONSOLE", "C kerberos.etypes=18"]);
}

#[test]
fn a_person_works_at_the_client() {
    let who = |payload: &[u8]| {
        let said = packet("kerberos", &udp(50000, 88, payload)).unwrap();
        let works = works(&said);
        assert!(works.iter().all(|it| it.1.work == Work::Session));
        works.into_iter().map(|it| it.0.to_owned()).collect::<String>()
    };
    assert_eq!(who(&asks(AS_REQ, &["CANARY"], &[18])), "C");
    // The server gives a ticket to whom it answers.
    assert_eq!(who(&gives(18)), "S");
    for names in [&["CT-WS-1$"][..], &["host", "pacs1"], &["krbtgt"], &[""], &[]] {
        assert_eq!(who(&asks(AS_REQ, names, &[18])), "", "{names:?}");
    }
}

#[test]
fn tickets_and_their_ciphers() {
    let given = ["C kerberos.kdc=yes", "C kerberos.realm=HOSPITAL.EXAMPLE"];
    assert_eq!(said(&gives(18)), given);
    assert_eq!(said(&gives(23))[2], "C kerberos.weak_ticket=rc4");
    assert_eq!(said(&gives(3))[2], "C kerberos.weak_ticket=des");
    torture::packet("kerberos", &udp(88, 50000, &gives(23)), &["CANARY"]);
}

#[test]
fn over_tcp() {
    let framed = |m: Vec<u8>| [&u32::try_from(m.len()).unwrap().to_be_bytes()[..], &m].concat();
    let asked = framed(asks(AS_REQ, &["CT-WS-1$"], &[18]));
    let given = framed(gives(18));
    let said = stream("kerberos-tcp", &[(b'C', &asked), (b'S', &given)]);
    let expected = [
        "C kerberos.hostname=XP-CONSOLE",
        "C kerberos.hostname=CT-WS-1",
        "C kerberos.realm=HOSPITAL.EXAMPLE",
        "C kerberos.etypes=18",
        "S kerberos.kdc=yes",
        "S kerberos.realm=HOSPITAL.EXAMPLE",
    ];
    assert_eq!(facts(&said), expected);
    torture::stream("kerberos-tcp", &[(b'C', &asked), (b'S', &given)], &["CANARY"]);
}

#[test]
fn others_are_not_recognised() {
    for payload in [&b"\x6a\x03\x30\x01\x00"[..], b"\x30\x03\x02\x01\x05", b"", b"\x6a"] {
        assert_eq!(probe(&udp(50000, 88, payload)), Verdict::No);
    }
    let whole = asks(AS_REQ, &["X$"], &[18]);
    assert_eq!(probe(&udp(50000, 88, &whole[..whole.len() - 1])), Verdict::No);
    assert_eq!(weakest_word(&[18, 23]), None);
    assert_eq!(weakest_word(&[]), None);
}
