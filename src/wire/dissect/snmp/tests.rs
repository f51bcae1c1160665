use super::super::testing::{facts, packet, udp};
use super::super::torture;
use super::*;
use crate::observe::{Observed, Sign};

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
fn a_community_that_everybody_knows() {
    let with = |community: &[u8], kind| {
        let pdu = body(kind, 0, &[]);
        said(&tlv(SEQUENCE, &[&[2, 1, 1], &tlv(OCTET_STRING, &[community]), &pdu]))
    };
    let told = ["C snmp.version=2c", "C snmp.well_known=public"];
    assert_eq!(with(b"public", RESPONSE), told);
    assert_eq!(with(b"public", 0xa0), told[..1], "who asks has none");
    assert_eq!(with(b"CANARY", RESPONSE), told[..1]);
}

#[test]
fn questions_settings_and_errors_say_only_the_version() {
    for (kind, error) in [(0xa0, 0), (0xa3, 0), (RESPONSE, 2)] {
        assert_eq!(said(&v2c(&body(kind, error, &system()))), ["C snmp.version=2c"]);
    }
}

#[test]
fn a_printer_names_its_model() {
    let first =
        binding(b"\x2b\x06\x01\x02\x01\x19\x03\x02\x01\x03\x01", OCTET_STRING, b"HP LaserJet 4250");
    let other = binding(b"\x2b\x06\x01\x02\x01\x19\x03\x02\x01\x03\x02", OCTET_STRING, b"CANARY");
    let answer = v2c(&body(RESPONSE, 0, &[first, other]));
    assert_eq!(said(&answer), ["C snmp.version=2c", "C snmp.device_descr=HP LaserJet 4250"]);
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

const NEVER: [i64; 0] = [];

/// Seconds for which the sender has been running.
fn runs(payload: &[u8]) -> Vec<i64> {
    let packet_of = udp(161, 50000, payload);
    let said = packet("snmp", &packet_of).unwrap();
    let since = said.iter().filter_map(|(who, what)| match what {
        Observed::Booted(at, Sign::Snmp) => {
            Some((who == "C").then(|| packet_of.at.seconds() - at.seconds())?)
        }
        _ => None,
    });
    since.collect()
}

#[test]
fn since_when_an_agent_runs() {
    // 1,234,567.89 s and a day.
    let up = || binding(SYS_UPTIME, TIME_TICKS, &[0x07, 0x5b, 0xcd, 0x15]);
    let host = || binding(HR_SYSTEM_UPTIME, TIME_TICKS, &[0, 0x83, 0xd6, 0]);
    let answer = |bindings: &[Vec<u8>]| v2c(&body(RESPONSE, 0, bindings));
    assert_eq!(runs(&answer(&[up()])), [1_234_568]);
    assert_eq!(runs(&answer(&[up(), host()])), [86_400], "the host, not its agent");
    assert_eq!(runs(&answer(&[binding(ENGINE_TIME, INTEGER, &[60])])), [60]);
    assert_eq!(runs(&v2c(&body(0xa0, 0, &[up()]))), NEVER, "a question");
    assert_eq!(runs(&answer(&[binding(SYS_UPTIME, INTEGER, &[60])])), NEVER);
    let of = |address: [u8; 4]| binding(TRAP_ADDRESS, IP_ADDRESS, &address);
    assert_eq!(runs(&v2c(&body(TRAP, 0, &[up(), of([10, 0, 0, 1])]))), [1_234_568]);
    assert_eq!(runs(&v2c(&body(TRAP, 0, &[up(), of([10, 0, 0, 9])]))), NEVER, "handed on");
    torture::packet("snmp", &udp(161, 50000, &answer(&[up(), host()])), &["CANARY"]);

    let trap = |address: [u8; 4]| {
        let cold = [2, 1, 0, 2, 1, 0, TIME_TICKS, 1, 100, SEQUENCE, 0];
        let head = [tlv(OID, &[&[0x2b, 6, 1, 4, 1, 9]]), tlv(IP_ADDRESS, &[&address])].concat();
        let pdu = tlv(TRAP_V1, &[&head, &cold]);
        tlv(SEQUENCE, &[&[2, 1, 0], &tlv(OCTET_STRING, &[b"CANARY"]), &pdu])
    };
    assert_eq!(runs(&trap([10, 0, 0, 1])), [1]);
    assert_eq!(runs(&trap([10, 0, 0, 9])), NEVER);

    let engine = [0x80, 0, 0, 9, 3, 0, 0x1b, 0x2c, 1, 2, 3];
    let encrypted = |flags| v3(flags, &engine, &tlv(OCTET_STRING, &[b"CANARY"]));
    assert_eq!(runs(&encrypted(0x03)), [1]);
    assert_eq!(runs(&encrypted(0x07)), NEVER, "of a question the clock is the other's");
}

#[test]
fn others_are_not_recognised() {
    let cldap = [0x30, 8, 2, 1, 1, 0x63, 3, 1, 2, 3];
    for payload in [&cldap[..], b"0\x03\x02\x01\x01", b"", b"\x30\x00"] {
        assert_eq!(probe(&udp(161, 161, payload)), Verdict::No);
    }
}

/// An identifier's contents from its arcs; the first two as one.
fn identifier(arcs: &[u32]) -> Vec<u8> {
    let mut contents = Vec::new();
    for arc in arcs {
        let septets = (0..5).rev().map(|n| (arc >> (7 * n) & 0x7f) as u8);
        let mut septets: Vec<u8> = septets.skip_while(|s| *s == 0).collect();
        if septets.is_empty() {
            septets.push(0);
        }
        let last = septets.len() - 1;
        septets[..last].iter_mut().for_each(|s| *s |= 0x80);
        contents.extend(septets);
    }
    contents
}

/// A walk of a switch's tables in one answer.
fn tables() -> Vec<u8> {
    let mac = [0x00, 0x09, 0xfb, 0x05, 0x93, 0x22];
    let row = |column: &[u32], index: &[u32], tag, value: &[u8]| {
        binding(&identifier(&[column, index].concat()), tag, value)
    };
    let arcs = mac.map(u32::from);
    let physical = [0x2b, 6, 1, 2, 1, 4, 35, 1, 4];
    let v6: Vec<u32> = [7, 2, 16, 0x20, 1].into_iter().chain([0; 13]).chain([9]).collect();
    v2c(&body(
        RESPONSE,
        0,
        &[
            row(&[0x2b, 6, 1, 2, 1, 17, 4, 3, 1, 2], &arcs, INTEGER, &[12]),
            row(&[0x2b, 6, 1, 2, 1, 17, 4, 3, 1, 2], &arcs, INTEGER, &[0]),
            row(&[0x2b, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2, 120], &arcs, INTEGER, &[13]),
            row(&[0x2b, 6, 1, 2, 1, 17, 4, 3, 1, 2], &[1; 6], INTEGER, &[12]),
            row(&[0x2b, 6, 1, 2, 1, 17, 1, 4, 1, 2], &[12], INTEGER, &[0x27, 0x80]),
            row(&[0x2b, 6, 1, 2, 1, 31, 1, 1, 1, 1], &[10112], OCTET_STRING, b"Gi1/0/12"),
            row(&[0x2b, 6, 1, 2, 1, 2, 2, 1, 2], &[10112], OCTET_STRING, b"GigabitEthernet1/0/12"),
            row(&[0x2b, 6, 1, 2, 1, 31, 1, 1, 1, 18], &[10112], OCTET_STRING, b"CANARY alias"),
            row(&[0x2b, 6, 1, 2, 1, 4, 22, 1, 2], &[7, 10, 1, 2, 3], OCTET_STRING, &mac),
            row(&physical, &[7, 1, 4, 10, 1, 2, 4], OCTET_STRING, &mac),
            row(&physical, &v6, OCTET_STRING, &mac),
            row(&[0x28, 8802, 1, 1, 2, 1, 4, 1, 1, 5], &[0, 49, 1], OCTET_STRING, &mac),
            row(&[0x28, 8802, 1, 1, 2, 1, 4, 1, 1, 5], &[0, 49, 1], OCTET_STRING, b"sw-001"),
            row(&[0x28, 8802, 1, 1, 2, 1, 3, 7, 1, 4], &[49], OCTET_STRING, b"Te1/1"),
        ],
    ))
}

#[test]
fn a_switch_tells_who_hangs_where() {
    let card = "<00:09:fb:05:93:22|";
    let at = |port: &str, vlan: &str| {
        format!(
            "{card}> Attached(SwitchPort {{ switch: \"10.0.0.1\", port: \"{port}\", vlan: {vlan}, by: None }})"
        )
    };
    let expected = [
        "C snmp.version=2c".to_owned(),
        at("bridge-port 12", "None"),
        at("bridge-port 13", "Some(120)"),
        "C snmp.bridge_port=12 10112".to_owned(),
        "C snmp.if_name=10112 Gi1/0/12".to_owned(),
        "C snmp.if_descr=10112 GigabitEthernet1/0/12".to_owned(),
        format!("{card}10.1.2.3> Address(10.1.2.3, Table)"),
        format!("{card}10.1.2.4> Address(10.1.2.4, Table)"),
        format!("{card}2001::9> Address(2001::9, Table)"),
        at("lldp-port 49", "None"),
        "C snmp.lldp_port=49 Te1/1".to_owned(),
    ];
    assert_eq!(said(&tables()), expected);
    torture::packet("snmp", &udp(161, 50000, &tables()), &["CANARY"]);
}

#[test]
fn who_asks_for_one_vlan_is_told_of_it() {
    let column = [0x2b, 6, 1, 2, 1, 17, 4, 3, 1, 2, 0, 9, 0xfb, 5, 0x93, 0x22];
    let row = binding(&identifier(&column), INTEGER, &[12]);
    let vlan = |message: &[u8]| {
        let said = said(message).join(" ");
        let (_, behind) = said.split_once("vlan: ").unwrap();
        behind.split_once(", by").unwrap().0.to_owned()
    };
    let asked = |community: &[u8]| {
        let pdu = body(RESPONSE, 0, std::slice::from_ref(&row));
        vlan(&tlv(SEQUENCE, &[&[2, 1, 1], &tlv(OCTET_STRING, &[community]), &pdu]))
    };
    assert_eq!(asked(b"CANARY@60"), "Some(60)");
    for community in [&b"CANARY"[..], b"CANARY@", b"CANARY@0", b"CANARY@5000", b"60@x"] {
        assert_eq!(asked(community), "None");
    }
    let pdu = body(RESPONSE, 0, std::slice::from_ref(&row));
    let public = tlv(SEQUENCE, &[&[2, 1, 1], &tlv(OCTET_STRING, &[b"public@60"]), &pdu]);
    assert!(said(&public).contains(&"C snmp.well_known=public".to_owned()), "whatever the VLAN");
    let id = [0x80, 0, 0, 9, 3, 0, 0x1b, 0x2c, 1, 2, 3];
    let context = tlv(OCTET_STRING, &[b"vlan-61"]);
    let pdu = body(RESPONSE, 0, std::slice::from_ref(&row));
    let scoped = tlv(SEQUENCE, &[&tlv(OCTET_STRING, &[&id]), &context, &pdu]);
    assert_eq!(vlan(&v3(0, &id, &scoped)), "Some(61)");
}

#[test]
fn engine_addresses() {
    let id = [0x80, 0, 0x1f, 0x88, 1, 10, 2, 3, 4];
    let scoped = tlv(SEQUENCE, &[&tlv(OCTET_STRING, &[&id]), &[4, 0], &body(RESPONSE, 0, &[])]);
    let expected =
        ["C snmp.version=3", "C snmp.engine_id=80001f88010a020304", "C snmp.engine_ip=10.2.3.4"];
    assert_eq!(said(&v3(0, &id, &scoped)), expected);
}

#[test]
fn a_trap_of_version_1() {
    let trap = |agent: [u8; 4], generic| {
        let pdu = tlv(
            TRAP_V1,
            &[
                &tlv(OID, &[&identifier(&[0x2b, 6, 1, 4, 1, 9, 1, 516])]),
                &tlv(IP_ADDRESS, &[&agent]),
                &[2, 1, generic, 2, 1, 0, 0x43, 1, 9, 0x30, 0],
            ],
        );
        tlv(SEQUENCE, &[&[2, 1, 0], &tlv(OCTET_STRING, &[b"CANARY"]), &pdu])
    };
    let full = ["C snmp.version=1", "C snmp.sysobjectid=1.3.6.1.4.1.9.1.516"];
    assert_eq!(said(&trap([10, 0, 0, 1], 0)), full);
    assert_eq!(said(&trap([10, 0, 0, 1], 6)), full[..1], "an enterprise's own trap");
    assert_eq!(said(&trap([10, 7, 7, 7], 0)), full[..1], "handed on");
}
