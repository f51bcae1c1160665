//! Segments that do not end where they should: nothing of the next may leave.

use super::super::testing::{facts, stream};

const MSH: &str = "MSH|^~\\&|MON|WARD|EHR|HOSP|20240102||ORU^R01|1|P|2.6|||AL|NE||UNICODE UTF-8";
const PID: &str = "PID|1||CANARY1^IHE^1.2.3^ISO||CANARY^NAME||19280118|M|||CANARY STREET";
const BREAKS: &[&[u8]] = &[
    b"\x1e",
    b"\x1d",
    b"\x1f",
    b"\0",
    b"\\r",
    b"\\X0D\\",
    b"\t",
    b" ",
    b"\x0c",
    b"\x7f",
    b"\x85",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9",
    b"<cr>",
    b"<CR>",
    b"\x95",
    b"|",
    b"",
];

fn said(message: &[u8]) -> Vec<String> {
    let framed = [b"\x0b", message, b"\r\x1c\r"].concat();
    let after = b"\x0bMSH|^~\\&|NEXT||||||ADT^A01|2|P|2.5\r\x1c\r";
    facts(&stream("hl7", &[(b'C', &framed), (b'C', after)]))
}

fn tells(said: &[String], what: &str) -> bool {
    said.iter().any(|line| line.contains(what))
}

#[test]
fn a_header_that_runs_on_is_passed_over() {
    let fields = |n: usize| MSH.split('|').take(n).collect::<Vec<_>>().join("|");
    let padded = [MSH.to_owned(), format!("{MSH}|"), format!("{MSH}|||PCD_DEC_001^IHE PCD")];
    // Cut after every field, so that each field of PID comes to stand everywhere.
    for head in (3..18).map(fields).chain(padded) {
        for by in BREAKS {
            for next in [
                PID,
                "ZPI|CANARY1|CANARY",
                "Z01|CANARY1|CANARY",
                "Z9X|CANARY1|CANARY",
                "NK1|1|CANARY",
                "EVN|A01|CANARY|DECKER^CANARY",
            ] {
                for fill in ["", "|LAB-29^CANARY|CANARY|CANARY|CANARY|LAB-29^CANARY"] {
                    let message = [head.as_bytes(), by, next.as_bytes(), fill.as_bytes()].concat();
                    let said = said(&message);
                    let shown = String::from_utf8_lossy(&message);
                    assert!(
                        !tells(&said, "CANARY") && !tells(&said, "19280118"),
                        "{shown:?} {said:?}"
                    );
                    assert!(tells(&said, "application=NEXT"), "{shown:?}");
                    assert_eq!(said.len(), 4, "{shown:?} {said:?}");
                }
            }
        }
    }
}

#[test]
fn names_that_look_like_segments_are_names() {
    let rapid = said(MSH.replace("|MON|WARD|", "|RAPID|ORC|").as_bytes());
    assert!(tells(&rapid, "application=RAPID") && tells(&rapid, "facility=ORC"));
    let portugal = said(MSH.replace("|NE||", "|NE|PRT|").as_bytes());
    assert!(tells(&portugal, "application=MON"));
    assert!(tells(&said(format!("{MSH}\0 ").as_bytes()), "application=MON"));
}

#[test]
fn only_profiles_are_told_as_profiles() {
    let told = |field: &str| tells(&said(format!("{MSH}|||{field}").as_bytes()), "hl7.profile");
    for profile in [
        "LAB-29^IHE",
        "LAB-28",
        "PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
        "IHE_PCD_001",
        "X^IHE_LAB",
        "ELR_Receiver^^2.16.840.1.113883.9.11^ISO",
        "CANARY^NAME~LAB-29^IHE",
    ] {
        assert!(told(profile), "{profile}");
    }
    let long = format!("LAB-29^{}", "A".repeat(200));
    for other in ["DECKER^JAN", "OBI^IHEANACHO", "1234^^^HOSP^MR", "A^B^1.x^ISO", "A^B^^ISO", &long]
    {
        assert!(!told(other), "{other}");
    }
}

#[test]
fn software_stands_behind_the_header() {
    let late = said(
        format!("{MSH}\rSFT|Maker|1|Product\rPID|1\rOBX|1|TX|X||a\rSFT|CANARY|2|CANARY").as_bytes(),
    );
    assert!(tells(&late, "software=Maker^Product^1") && !tells(&late, "CANARY"));
    let run_on = said(format!("{MSH}\rSFT|CANARY\\rPID|1||CANARY\rSFT|CANARY|2").as_bytes());
    assert!(tells(&run_on, "application=MON") && !tells(&run_on, "CANARY"));
    let long = "x".repeat(2 * super::MAX_SEGMENT);
    let behind = said(format!("{MSH}\rOBX|{long}\rSFT|CANARY|2").as_bytes());
    assert!(!tells(&behind, "CANARY"));
}

#[test]
fn equipment_that_runs_on_is_no_equipment() {
    for by in BREAKS {
        for start in ["OBX|1|ST|X||1|||||||||||||", "OBX|1|ST|X||1", "EQU|", "PRT||UC||EQUIP|||||"]
        {
            for next in [
                "PID|1||CANARY1||CANARY|||CANARY|CANARY|CANARY|CANARY|CANARY|CANARY|CANARY|CANARY|CANARY",
                "OBX|2|TX|X||CANARY",
                "NTE|1||CANARY",
            ] {
                let row = [MSH.as_bytes(), b"\r", start.as_bytes(), b"CANARY", by, next.as_bytes()]
                    .concat();
                let said = said(&row);
                assert!(!tells(&said, "CANARY"), "{:?} {said:?}", String::from_utf8_lossy(&row));
            }
        }
    }
}

#[test]
fn equipment_is_a_short_label() {
    let told = |id: &str| {
        tells(&said(format!("{MSH}\rOBX|1|ST|X||1|||||||||||||{id}^NS").as_bytes()), "equipment_id")
    };
    assert!(told("Model Z10 of the west wing") && told(&"A".repeat(80)));
    assert!(!told(&"A".repeat(81)) && !told("a b c d e f g h i") && !told("PUMP\tCANARY"));
    let z10 = said(format!("{MSH}\rOBX|1|ST|X||1|||||||||||||MX-Z10|").as_bytes());
    assert!(tells(&z10, "equipment_id=MX-Z10"));
}

#[test]
fn a_sites_own_segment_is_a_segment_whatever_its_name() {
    let fields = "|CANARY".repeat(24);
    for start in
        ["OBX|1|ST|X||1", "OBX|1|ST|X||1|||||||||||Method", "PRT||UC||EQUIP|||||P1", "SFT|Maker|1"]
    {
        for by in ["", " ", "\\r", "<CR>", "\\X0D\\", "-"] {
            for name in ["Z01", "Z9X", "ZAA"] {
                let said = said(format!("{MSH}\r{start}{by}{name}{fields}").as_bytes());
                assert!(!tells(&said, "CANARY"), "{start}{by}{name} {said:?}");
            }
        }
        for name in ["A01", "X1A", "ABC"] {
            let said = said(format!("{MSH}\r{start}\\r{name}{fields}").as_bytes());
            assert!(!tells(&said, "CANARY"), "{start} {name} {said:?}");
        }
    }
    // Before the version of a header that is laid out as one it is part of a word.
    let name = said(MSH.replace("|MON|WARD|", "|MX-Z10|WARDZ01|").as_bytes());
    assert!(tells(&name, "application=MX-Z10") && tells(&name, "facility=WARDZ01"));
}

#[test]
fn software_is_no_longer_than_software_is() {
    let told = |sft: &str| tells(&said(format!("{MSH}\r{sft}").as_bytes()), "hl7.software");
    let long = |n: usize| "A".repeat(n);
    assert!(told(&format!("SFT|{}|{}|{}", long(80), long(30), long(40))));
    assert!(!told(&format!("SFT|{}|1|P", long(81))));
    assert!(!told(&format!("SFT|M|{}|P", long(31))));
    assert!(!told(&format!("SFT|M|1|{}", long(41))));
    assert!(!told("SFT|M|1|a b c d e f g h i"));
    let name = MSH.replace("|MON|", &format!("|{}|", long(81)));
    assert!(!tells(&said(name.as_bytes()), &long(81)));
}

#[test]
fn an_analyzer_says_model_and_serial_number() {
    let told = |profile: &str, id: &str| {
        let row = format!("{MSH}|||{profile}\rOBX|1|ST|X||1|||||||||||||{id}");
        said(row.as_bytes()).into_iter().find(|line| line.contains("[creator]")).unwrap()
    };
    assert_eq!(
        told("LAB-29^IHE", "Model m^Maker~M01133^Maker"),
        "C [creator] hl7.equipment_model=Model m; hl7.equipment_manufacturer=Maker; \
         hl7.equipment_serial=M01133"
    );
    assert!(told("LAB-29^IHE", "A1^Maker").contains("equipment_id=A1"));
    assert!(!told("LAB-27^IHE", "Model^Maker~M01133^Maker").contains("serial"));
    // The third component names the authority unless it is an EUI-64.
    assert!(!told("", "A1^NS^1.2.3.4^ISO").contains("1.2.3.4"));
}
