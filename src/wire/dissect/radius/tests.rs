use super::super::testing::{facts, packet, udp};
use super::super::torture;
use super::*;

fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(value.len()).unwrap() + 2], value].concat()
}

fn message(code: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let rest: Vec<u8> = attributes.iter().flat_map(|(kind, v)| attribute(*kind, v)).collect();
    let length = u16::try_from(rest.len()).unwrap() + HEADER;
    [&[code, 7], &length.to_be_bytes()[..], &[0xa5; 16], &rest].concat()
}

fn said(payload: &[u8]) -> Vec<String> {
    facts(&packet("radius", &udp(50000, 1812, payload)).unwrap())
}

const WIRED: &[(u8, &[u8])] = &[
    (1, b"CANARY-person@hospital"),
    (2, b"CANARY-password."),
    (4, &[10, 0, 0, 1]),
    (5, &[0, 0, 0, 12]),
    (30, b"00-1B-0D-AA-BB-0C"),
    (31, b"00-09-FB-05-93-22"),
    (32, b"sw-radiology-2"),
    (61, &[0, 0, 0, 15]),
    (87, b"GigabitEthernet1/0/12"),
];

#[test]
fn a_wired_station_asks_to_join() {
    let asked = message(ACCESS_REQUEST, WIRED);
    let expected = [
        "C radius.nas_id=sw-radiology-2",
        "C radius.nas_serves=ethernet",
        "<00:09:fb:05:93:22|> Attached(SwitchPort { switch: \"sw-radiology-2\", port: \
         \"GigabitEthernet1/0/12\", vlan: None, by: Some(10.0.0.1) })",
    ];
    assert_eq!(said(&asked), expected);
    torture::packet("radius", &udp(50000, 1812, &asked), &["CANARY-p"]);
}

#[test]
fn accounting_tells_address_and_vlan() {
    let told = message(
        ACCOUNTING_REQUEST,
        &[
            (1, b"0009fb059322"),
            (4, &[10, 9, 9, 9]),
            (5, &[0, 0, 0, 12]),
            (8, &[10, 1, 2, 3]),
            (31, b"0009.fb05.9322"),
            (61, &[0, 0, 0, 15]),
            (64, &[1, 0, 0, 13]),
            (81, b"\x01120"),
        ],
    );
    // Another's address in NAS-IP-Address: the sender only hands it on.
    let expected = [
        "C radius.hands_on=10.9.9.9",
        "<00:09:fb:05:93:22|> Attached(SwitchPort { switch: \"10.9.9.9\", port: \"port 12\", \
         vlan: Some(120), by: Some(10.0.0.1) })",
        "<00:09:fb:05:93:22|> radius.mac_auth=yes",
        "<00:09:fb:05:93:22|> radius.vlan=120",
        "<00:09:fb:05:93:22|> Address(10.1.2.3, Radius { session: 1046782, answered: false })",
    ];
    assert_eq!(said(&told), expected);
    // The session is over.
    let stop: &[(u8, &[u8])] =
        &[(4, &[10, 0, 0, 1]), (8, &[10, 1, 2, 3]), (31, b"0009.fb05.9322"), (40, &[0, 0, 0, 2])];
    let told = said(&message(ACCOUNTING_REQUEST, stop));
    let ended = "<00:09:fb:05:93:22|> Address(10.1.2.3, RadiusEnded { session: 1046782 })";
    assert_eq!(told, [ended]);
    assert_ne!(session(None, b"17"), session(None, b"18"));
    let unset = message(ACCOUNTING_REQUEST, &[(4, &[10, 9, 9, 9]), (8, &[255, 255, 255, 254])]);
    assert!(said(&unset).is_empty());
}

#[test]
fn a_wireless_station() {
    let asked = message(
        ACCESS_REQUEST,
        &[
            (1, b"host/CT-WS-1.hospital.example"),
            (30, b"00-a7-42-d0-e0-00:Ward Net"),
            (31, b"f0:79:60:d1:7d:37"),
            (32, b"wlc"),
            (61, &[0, 0, 0, 19]),
        ],
    );
    let expected = [
        "C radius.nas_id=wlc",
        "C radius.nas_serves=wireless",
        "<f0:79:60:d1:7d:37|> Attached(SwitchPort { switch: \"wlc\", port: \
         \"AP 00:a7:42:d0:e0:00\", vlan: None, by: Some(10.0.0.1) })",
    ];
    assert_eq!(said(&asked), expected);
}

#[test]
fn an_answer_that_nobody_asked_for_places_nobody() {
    let accept: &[(u8, &[u8])] = &[(1, b"0009fb059322"), (64, &[0, 0, 0, 13]), (81, b"30")];
    let answer = message(ACCESS_ACCEPT, accept);
    let it = udp(1812, 50000, &answer);
    assert!(facts(&packet("radius", &it).unwrap()).is_empty());
    assert_eq!(answers(&it), Some(true));
}

#[test]
fn spellings_of_a_card() {
    for text in ["0009FB059322", "00-09-fb-05-93-22", "00:09:FB:05:93:22", "0009.fb05.9322"] {
        assert_eq!(attribute::mac(text.as_bytes()), Some(Mac([0, 9, 0xfb, 5, 0x93, 0x22])));
    }
    for text in
        ["0009FB05932", "0009FB0593222", "10.1.2.3", "", "ffffffffffff", "00-09-fb-05-93-2g"]
    {
        assert_eq!(attribute::mac(text.as_bytes()), None, "{text}");
    }
    let telephone: &[(u8, &[u8])] = &[(4, &[10, 0, 0, 1]), (5, &[0; 4]), (31, b"080012345678")];
    assert!(said(&message(ACCESS_REQUEST, telephone)).is_empty());
}

#[test]
fn computers_are_no_persons() {
    let computer = |name: &str| {
        let bytes = attribute(1, name.as_bytes());
        Attributes::read(&bytes).unwrap().computer().map(str::to_owned)
    };
    assert_eq!(computer("host/ct1.hospital.example").as_deref(), Some("ct1.hospital.example"));
    for person in [
        "HOSP\\CT1$",
        "host/CT1",
        "host/.",
        "host/ct1..example",
        "HOSP\\taro",
        "taro@hospital.example",
        "$",
        "host/",
        "host/a b",
    ] {
        assert_eq!(computer(person), None, "{person}");
    }
}

#[test]
fn others_are_not_recognised() {
    let probe_at = |port, payload: &[u8]| probe(&udp(50000, port, payload));
    let request = message(ACCESS_REQUEST, WIRED);
    assert_eq!(probe_at(40000, &request), Verdict::Yes, "on any port");
    assert_eq!(probe_at(40000, &message(ACCESS_ACCEPT, &[(1, b"x")])), Verdict::No);
    assert_eq!(probe_at(40000, &message(ACCESS_REQUEST, &[(1, b"x")])), Verdict::No);
    assert_eq!(probe_at(1812, &request[..request.len() - 1]), Verdict::No);
    assert_eq!(probe_at(1812, &message(99, WIRED)), Verdict::No);
    assert_eq!(probe_at(1812, b""), Verdict::No);
}

#[test]
fn a_port_is_one_word_and_numbers() {
    for (written, port) in [
        ("Gi1/0/1 CANARY", "Gi1/0/1"),
        ("GigabitEthernet 1/0/12 CANARY", "GigabitEthernet 1/0/12"),
        ("slot=1;subslot=0;port=9;vlanid=10", "slot=1;subslot=0;port=9;vlanid=10"),
    ] {
        let attributes: Vec<(u8, &[u8])> = WIRED
            .iter()
            .map(|(kind, value)| (*kind, if *kind == 87 { written.as_bytes() } else { *value }))
            .collect();
        let told = said(&message(ACCESS_REQUEST, &attributes));
        let port = format!("port: \"{port}\",");
        assert!(told.iter().any(|it| it.contains(&port)), "{told:?}");
    }
}
