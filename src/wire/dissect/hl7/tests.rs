use super::super::testing::{facts, stream};
use super::super::torture;
use super::super::{Opening, Verdict};
use super::{equipment, probe};

/// Stands for everything of a patient: must never leave.
const PHI: &[&str] = &["CANARY", "19280118", "PASSWORD"];

const MONITOR: &[u8] = b"\x0bMSH|^~\\&|ACME_Gateway^080019FFFE3ED02D^EUI-64|WARD 7|EHR|HOSP|\
20240102030405|PASSWORD|ORU^R01^ORU_R01|CTRL1|P|2.6|||AL|NE||UNICODE UTF-8|||\
PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
SFT|Acme Medical|4.2.1|Gateway Server|b17||20230101\r\
PID|||CANARY1^^^HOSP||CANARY^NAME||19280118|M\r\
PV1||I|ICU^1^CANARY\r\
OBR|1|CANARY2^GW^080019FFFE3ED02D^EUI-64|CANARY3|CANARY4\r\
OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||XY150Z0409^^0009FBFFFF059322^EUI-64\r\
OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.0|Acme^Model 9||||||R\r\
OBX|3||69854^MDC_DEV_METER_PHYSIO_MULTI_PARAM_VMD^MDC|1.1.0.0|||||||X\r\
OBX|4|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|CANARY5||||||R|||||CANARY6||XY150Z0409^^0009FBFFFF059322^EUI-64\r\
NTE|1||CANARY7\r\x1c\r";

const ACK: &[u8] = b"\x0bMSH|^~\\&|EHR|HOSP|ACME_Gateway|WARD 7|20240102||ACK^R01|9|P|2.6\r\
MSA|AA|CTRL1|CANARY8\r\x1c\r";

#[test]
fn monitor_gateway_and_its_receiver() {
    let said = stream("hl7", &[(b'C', MONITOR), (b'S', ACK)]);
    assert_eq!(
        facts(&said),
        [
            "C hl7.message_type=ORU^R01",
            "C hl7.version=2.6",
            "C hl7.processing=P",
            "C hl7.profile=PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
            "C hl7.sending_application=ACME_Gateway",
            "C hl7.eui64=080019FFFE3ED02D",
            "C hl7.sending_facility=WARD 7",
            "C [own] hl7.software=Acme Medical^Gateway Server^4.2.1; hl7.software_vendor=Acme Medical; \
             hl7.software_product=Gateway Server; hl7.software_version=4.2.1",
            "C [creator] hl7.equipment_type=69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS; \
             hl7.equipment_id=XY150Z0409; hl7.equipment_eui64=0009FBFFFF059322; \
             hl7.equipment_mac=00:09:fb:05:93:22; hl7.equipment_manufacturer=Acme; \
             hl7.equipment_model=Model 9",
            "S hl7.message_type=ACK^R01",
            "S hl7.version=2.6",
            "S hl7.processing=P",
            "S hl7.acknowledges=ORU^R01",
            "S hl7.sending_application=EHR",
            "S hl7.sending_facility=HOSP",
        ]
    );
}

#[test]
fn endures_cuts_truncation_and_changed_bytes() {
    torture::stream("hl7", &[(b'C', MONITOR), (b'S', ACK)], PHI);
    let bare = [&MONITOR[1..MONITOR.len() - 2], &ACK[1..]].concat();
    torture::stream("hl7", &[(b'C', &bare)], PHI);
}

#[test]
fn bad_framing_gives_the_same_facts() {
    let good = facts(&stream("hl7", &[(b'C', MONITOR), (b'S', ACK)]));
    let without_cr = [&MONITOR[..MONITOR.len() - 1], b"\0\0"].concat();
    let crlf = String::from_utf8(MONITOR.to_vec()).unwrap().replace('\r', "\r\n").into_bytes();
    let lf = String::from_utf8(MONITOR.to_vec()).unwrap().replace('\r', "\n").into_bytes();
    let keep_alive = [b"\r\n\0\x0b\x1c\r", MONITOR].concat();
    for bad in [without_cr, crlf, lf, keep_alive] {
        assert_eq!(facts(&stream("hl7", &[(b'C', &bad), (b'S', ACK)])), good);
    }
}

#[test]
fn without_block_characters_equipment_is_told_at_once() {
    let bare = b"MSH|^~\\&|A|B|||||ORU^R01|1|P|2.5\rOBX|1|ST|X||1|||||||||||||SN 77\r";
    let said = facts(&stream("hl7", &[(b'C', bare)]));
    assert_eq!(said.last().unwrap(), "C [creator] hl7.equipment_id=SN 77");
}

#[test]
fn several_messages_in_one_block() {
    let two = b"\x0bMSH|^~\\&|A||||||ORU^R01|1|P|2.5\rEQU|U1^NS\rMSH|^~\\&|A||||||ADT^A01|2|P|2.5\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', two)]));
    assert!(said.contains(&"C [creator] hl7.equipment_id=U1; hl7.equipment_namespace=NS".into()));
    assert!(said.contains(&"C hl7.message_type=ADT^A01".into()));
}

#[test]
fn joined_in_the_middle() {
    let late = b"CANARY|F\rOBX|2|NM|X||9|||||||||||||LOST\r\x1c\r";
    let opening = Opening { bytes: late, src_port: 50000, dst_port: 6661, from_start: false };
    assert_eq!(probe(&opening), Verdict::Yes);
    assert_eq!(probe(&Opening { from_start: true, ..opening }), Verdict::No);
    let said = facts(&stream("hl7", &[(b'c', late), (b'C', MONITOR), (b'S', ACK)]));
    assert_eq!(said, facts(&stream("hl7", &[(b'C', MONITOR), (b'S', ACK)])));
}

#[test]
fn a_gap_drops_what_was_half_read() {
    let said = facts(&stream(
        "hl7",
        &[(b'C', &MONITOR[..500]), (b'c', b"X||LOST\rEQU|BAD\r\x1c\r"), (b'C', MONITOR)],
    ));
    assert_eq!(said.iter().filter(|line| line.contains("[creator]")).count(), 1);
}

#[test]
fn a_document_of_any_length_is_passed_over() {
    let mut long = MONITOR[..MONITOR.len() - 2].to_vec();
    long.extend_from_slice(b"OBX|5|ED|PDF||^application^pdf^Base64^");
    long.extend(std::iter::repeat_n(b'J', 3 * super::MAX_SEGMENT));
    long.extend_from_slice(b"||||||F\rEQU|AFTER\r\x1c\r");
    for cut in [1, 1000, super::MAX_SEGMENT, 2 * super::MAX_SEGMENT] {
        let (a, b) = long.split_at(cut);
        let said = facts(&stream("hl7", &[(b'C', a), (b'C', b), (b'S', ACK)]));
        assert!(said.iter().any(|line| line.ends_with("hl7.equipment_id=AFTER")), "{cut}");
        assert!(said.iter().any(|line| line.contains("XY150Z0409")));
    }
}

#[test]
fn an_echoed_header_names_nobody() {
    let request = b"\x0bMSH|^~\\&|MON|WARD|EHR|HOSP|||ORU^R01|7|P|2.3\r\x1c\r";
    let echo = b"\x0bMSH|^~\\&|MON|WARD|EHR|HOSP|||ACK|7|P|2.3\rMSA|AE|7\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', request), (b'S', echo)]));
    let server: Vec<_> = said.iter().filter(|line| line.starts_with('S')).collect();
    assert_eq!(server, ["S hl7.message_type=ACK", "S hl7.version=2.3", "S hl7.processing=P"]);
}

#[test]
fn implants_are_the_patients() {
    let profile = b"\x0bMSH|^~\\&|Paceart|Medtronic|||||ORU^R01|1|P|2.5|||||||||IHE_PCD_ORU_R01^IHE PCD^1.3.6.1.4.1.19376.1.6.1.9.1^ISO\r\
PID|||MODEL:CANARY/SERIAL:CANARY\rOBX|1|ST|X||1|||||||||||||CANARY\r\x1c\r";
    let code = b"\x0bMSH|^~\\&|Paceart|Medtronic|||||ORU^R01|1|P|2.5\r\
OBX|1|ST|X||1|||||||||||||CANARY\rOBX|2|ST|720898^MDC_IDC_DEV_MODEL^MDC||CANARY|||||||||||||CANARY\r\x1c\r";
    for message in [&profile[..], code] {
        let said = facts(&stream("hl7", &[(b'C', message)]));
        assert!(said.contains(&"C hl7.sending_application=Paceart".into()));
        assert!(!said.iter().any(|line| line.contains("CANARY") || line.contains("[creator]")));
    }
}

#[test]
fn plain_text_equipment_and_a_serial_number() {
    let pump = b"\x0bMSH|^~\\&|SENDER||||20110613||ADT^A01|93|P|2.3||||\rOBX|A|B|C|D|E|F|G|H|I|J|K|L|M|N|O|P|Q|Hospira Plum A+||||\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', pump)]));
    assert_eq!(said.last().unwrap(), "C [creator] hl7.equipment_id=Hospira Plum A+");
    let participant = b"\x0bMSH|^~\\&|S||||||ORU^R01|93|P|2.8\rPRT||UC||EQUIP^^HL70912|CANARY|||||PUMP1^^0003B10000000001^EUI-64||||||00812345||||SN5|||\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', participant)]));
    assert_eq!(
        said.last().unwrap(),
        "C [creator] hl7.equipment_udi=00812345; hl7.equipment_serial=SN5; \
         hl7.equipment_id=PUMP1; hl7.equipment_eui64=0003B10000000001"
    );
}

#[test]
fn two_systems_in_one_message_stay_apart() {
    let two = b"\x0bMSH|^~\\&|S||||||ORU^R01|93|P|2.6\r\
OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS|1.0.0.0|||||||X|||||||P1\r\
OBX|2||69985^MDC_DEV_PUMP_INFUS_MDS|2.0.0.0|||||||X|||||||P2\r\
OBX|3|ST|531972^MDC_ID_PROD_SPEC_SERIAL|2.0.0.0|SN2||||||R\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', two)]));
    assert!(said.contains(
        &"C [creator] hl7.equipment_type=69985^MDC_DEV_PUMP_INFUS_MDS; hl7.equipment_id=P1".into()
    ));
    assert!(said.contains(&"C [creator] hl7.equipment_type=69985^MDC_DEV_PUMP_INFUS_MDS; hl7.equipment_id=P2; hl7.equipment_serial=SN2".into()));
}

#[test]
fn odd_delimiters_and_escapes() {
    let name = |msh: &[u8]| facts(&stream("hl7", &[(b'C', msh)])).join("\n");
    assert!(name(b"MSH|^~\\&#|A \\T\\ B||||||ORU^R01|1|P|2.7\r\x1c").contains("hl7.version=2.7"));
    assert!(
        name(b"MSH|^~\\&|A \\T\\ B\\.br\\|F|||||ORU|1|P|2.1\r\x1c").contains("application=A & B\n")
    );
    assert!(name(b"MSH$%*!#$A%1.2%ISO$F$$$$$ORU%R01$1$P$2.3\r\x1c").contains("type=ORU^R01"));
    assert!(name(b"MSH|^~&|A|F||||||1|P|2.3\r\x1c").contains("facility=F"));
    assert!(
        name("MSH|^~\\&|\u{30a2}\\X8\u{30a2}\u{30a2}|F||||||1|P|2.3\r\x1c".as_bytes())
            .contains("facility=F")
    );
}

#[test]
fn charsets() {
    let msh = |name: &[u8], set: &[u8]| {
        let all = [b"MSH|^~\\&|", name, b"|F|||||ADT^A01|1|P|2.5||||||", set, b"\r\x1c"].concat();
        facts(&stream("hl7", &[(b'C', &all)])).join("\n")
    };
    let name = "検査システム表";
    let sjis = encoding_rs::SHIFT_JIS.encode(name).0;
    let jis = encoding_rs::ISO_2022_JP.encode(name).0;
    let expected = format!("hl7.sending_application={name}\n");
    assert!(sjis.contains(&b'\\') || sjis.contains(&b'|') || sjis.contains(&b'^'), "a hard case");
    for (bytes, set) in [
        (name.as_bytes(), &b"UNICODE UTF-8"[..]),
        (name.as_bytes(), b""),
        (&sjis, b""),
        (&sjis, b"~ISO IR87"),
        (&sjis, b"ISO IR13"),
        (&jis, b"~ISO IR87"),
        (&jis, b"ISO IR14~ISO IR87~ISO IR159"),
    ] {
        let said = msh(bytes, set);
        assert!(said.contains(&expected), "{}: {said}", String::from_utf8_lossy(set));
    }
    assert!(msh(b"Radiologie \xe9", b"8859/1").contains("=Radiologie é\n"));
}

/// As JAHIS' conventions and SS-MIX2 have it: version 2.5, JIS behind escape sequences.
#[test]
fn conventions_of_japan() {
    let text = "MSH|^~\\&|EGMAIN-GX|病院|GW|RCV|20260701224603.984||RDE^O11^RDE_O11|1|P|2.5||||||\
        ~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r\
        PID|0001||CANARY^^^^PI||CANARY^太郎^^^^^L^I~CANARY^タロウ^^^^^L^P||19480405|M\r\
        ORC|NW|CANARY||||||||||CANARY^医師\r";
    let bytes = [b"\x0b", &encoding_rs::ISO_2022_JP.encode(text).0[..], b"\x1c\r"].concat();
    let said = facts(&stream("hl7", &[(b'C', &bytes)]));
    let expected = [
        "hl7.sending_application=EGMAIN-GX",
        "hl7.sending_facility=病院",
        "hl7.message_type=RDE^O11",
        "hl7.profile=SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO",
    ];
    for fact in expected {
        assert!(said.contains(&format!("C {fact}")), "{fact}: {said:?}");
    }
    torture::stream("hl7", &[(b'C', &bytes)], &["CANARY", "太郎", "19480405"]);
    for kind in ["PPR^ZD1", "PPR^ZD1^PPR_ZD1"] {
        let diagnosis = text.replace("RDE^O11^RDE_O11", kind);
        let bytes = encoding_rs::ISO_2022_JP.encode(&diagnosis).0;
        let bytes = [b"\x0b", &bytes[..], b"\x1c\r"].concat();
        let said = facts(&stream("hl7", &[(b'C', &bytes)]));
        assert!(said.contains(&"C hl7.message_type=PPR^ZD1".to_owned()), "{kind}: {said:?}");
        torture::stream("hl7", &[(b'C', &bytes)], &["CANARY", "太郎", "19480405"]);
    }
    // A site's own segment that runs on there is still one.
    let glued = text.replace("RDE^O11^RDE_O11", "RDE^O11^RDE_O11ZPI");
    let bytes = encoding_rs::ISO_2022_JP.encode(&glued).0;
    let bytes = [b"\x0b", &bytes[..], b"\x1c\r"].concat();
    assert!(facts(&stream("hl7", &[(b'C', &bytes)])).is_empty());
}

#[test]
fn eui64_forms() {
    let mac = |text: &str| {
        equipment::eui64(text).and_then(equipment::embedded_mac).map(|m| m.to_string())
    };
    assert_eq!(mac("0009FBFFFF059322").as_deref(), Some("00:09:fb:05:93:22"));
    assert_eq!(mac("00-09-FB-FF-FE-05-93-22").as_deref(), Some("00:09:fb:05:93:22"));
    assert_eq!(mac("00A037009A0053DE"), None);
    assert_eq!(mac("0003B10000000001"), None);
    // GE substitutes its company code: the six octets are no address.
    assert_eq!(mac("080019FFFE3ED02D"), None);
    assert_eq!(equipment::eui64("0009FBFFFF05932"), None);
    assert_eq!(equipment::eui64("0009FBFFFF05932G"), None);
    let ge = b"\x0bMSH|^~\\&|GW||||||ORU^R01|1|P|2.6\rOBX|1|||||||||||||||||080019FFFE3ED02DMON1^B40_GE\r\x1c\r";
    assert_eq!(
        facts(&stream("hl7", &[(b'C', ge)])).last().unwrap(),
        "C [creator] hl7.equipment_id=080019FFFE3ED02DMON1; hl7.equipment_namespace=B40_GE; \
         hl7.equipment_eui64=080019FFFE3ED02D"
    );
}

#[test]
fn layers_of_software() {
    let sft = b"\x0bMSH|^~\\&|E||||||ORU^R01|1|P|2.5\rSFT|Monitor Co|1.0|Central\rSFT|Engine Co|9|Router\r\x1c\r";
    let said = facts(&stream("hl7", &[(b'C', sft)]));
    assert!(
        said.iter().any(|line| line.starts_with("C [creator] hl7.software=Monitor Co^Central^1.0"))
    );
    assert!(said.iter().any(|line| line.starts_with("C [own] hl7.software=Engine Co^Router^9")));
}
