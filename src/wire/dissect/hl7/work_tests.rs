use super::super::testing::{facts, stream, works};
use crate::observe::{Study, When, Work};

/// 2023-11-14T00:00:00.
const DAY: i64 = 1_699_920_000;

fn said(framed: bool, lines: &[&str]) -> Vec<(Work, Study, When)> {
    let text = lines.join("\r");
    let text = if framed { format!("\x0b{text}\r\x1c\r") } else { format!("{text}\r") };
    let said = stream("hl7", &[(b'C', text.as_bytes())]);
    assert!(!facts(&said).iter().any(|it| it.contains("CANARY") || it.contains("1928")));
    let works = works(&said);
    assert!(works.iter().all(|it| it.0 == "C"));
    works.into_iter().map(|(_, it)| (it.work, it.study, it.when)).collect()
}

fn msh(kind: &str, processing: &str, profile: &str) -> String {
    format!("MSH|^~\\&|ANALYZER|LAB|||20231114||{kind}|1|{processing}|2.5.1|||||||||{profile}")
}

const fn told(from: i64, to: i64, offset: Option<i16>) -> When {
    When::Told { from: DAY + from, to: DAY + to, offset }
}

const PID: &str = "PID|||CANARY||CANARY^NAME||19280118|M";

#[test]
fn an_analyzer_tells_results_by_their_orders() {
    let head = msh("OUL^R22^OUL_R22", "P", "LAB-29^IHE");
    let lines = [
        &head,
        PID,
        "SPM|1|CANARY7&X||SER",
        "OBR|1|CANARY1|CANARY2^LIS|GLU",
        "OBX|1|NM|2345-7^Glucose^LN||5.1|mmol/L|||||F|||20230101||||SN^X|20231114100000+0100",
        "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|||||F|||||||SN^X|20231114100130+0100",
        "OBR|2|||CRP",
        "OBX|1|NM|1988-5^CRP^LN||3|mg/L|||||F|||20231114110000",
        "OBR|3||CANARY3|ALT||||||||||||||||||20231114120000",
        "OBX|1|NM|1742-6^ALT^LN||3|mg/L|||||F",
        "OBR|4||CANARY4|AST",
        "OBX|1|NM|1920-8^AST^LN||CANARY|mg/L|||||F",
        "OBR|5||CANARY5|LDH",
    ];
    let order = |name: &str| Study::of(name.as_bytes());
    let hour = 3600;
    let expected = [
        (Work::Result, order("CANARY2^LIS"), told(10 * hour, 10 * hour + 90, Some(60))),
        (Work::Result, order("CANARY7&X"), told(11 * hour, 11 * hour, None)),
        (Work::Result, order("CANARY3"), told(12 * hour, 12 * hour, None)),
        (Work::Result, order("CANARY4"), When::Now),
    ];
    assert_eq!(said(true, &lines), expected);
    // Without blocks each order is told with its first value.
    let mut at_once = expected;
    at_once[0].2 = told(10 * hour, 10 * hour, Some(60));
    assert_eq!(said(false, &lines), at_once);
}

#[test]
fn what_is_no_time_says_nothing() {
    let result = |time: &str| {
        let row = format!("OBX|1|NM|1-8^A^LN||5|m|||||F|||{time}");
        said(true, &[&msh("ORU^R01", "P", ""), "OBR|1|2|3|X", &row]).len()
    };
    assert_eq!(result("20231114101500"), 1);
    assert_eq!(result(""), 1);
    for nonsense in ["20231114", "yesterday", "19280118PID|||CANARY"] {
        assert_eq!(result(nonsense), 0, "{nonsense}");
    }
    // Where another segment runs on, no time is sure.
    assert_eq!(result("20231114101500|||||||Z"), 1);
    assert_eq!(result("20231114101500|||||||PID|1||CANARY"), 0);
    assert_eq!(result("20231114101500||PID|||19280118"), 0);
}

#[test]
fn a_monitor_tells_vitals() {
    let row = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|CANARY||||||R|||20231114101500";
    let device = "OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.0|Acme^M9||||||R";
    let philips = "OBX|1|NM|0002-4bb8^SpO2^MDIL|0|98|||||F";
    let vitals = [(Work::Vitals, Study::UNTOLD, When::Now)];
    let pcd = msh("ORU^R01^ORU_R01", "P", "IHE_PCD_001^IHE PCD");
    assert_eq!(said(true, &[&pcd, PID, "OBR|1|A|CANARY|X", row, row]), vitals);
    let plain = msh("ORU^R01", "P", "");
    assert_eq!(said(true, &[&plain, "OBR|1|A|B|X", row]), vitals);
    assert_eq!(said(true, &[&plain, "OBR|1|A|B|X", philips]), vitals);
    let alarm = msh("ORU^R40^ORU_R40", "P", "");
    assert_eq!(said(true, &[&alarm, "OBR|1|A|B|X", row]), vitals);
    assert_eq!(said(true, &[&pcd, "OBR|1|A|B|X", device]), []);
    let implant = "OBX|1|ST|720897^MDC_IDC_DEV_TYPE^MDC|1|CANARY||||||F";
    assert_eq!(said(true, &[&pcd, "OBR|1|A|B|X", implant, row]), []);
}

#[test]
fn other_messages_are_no_work() {
    let row = "OBX|1|NM|1-8^A^LN||5|m|||||F";
    let work = |kind, processing| said(true, &[&msh(kind, processing, ""), "OBR|1|2|3|X", row]);
    assert_eq!(work("ORU^R32", "P").len(), 1);
    for kind in ["ADT^A01", "ORM^O01", "OML^O33", "ACK^R01", "QBP^Q11", "MDM^T02", "RGV^O15"] {
        assert_eq!(work(kind, "P"), [], "{kind}");
    }
    assert_eq!(work("ORU^R01", "T"), []);
    assert_eq!(work("ORU^R01", "D"), []);
}

#[test]
fn a_message_tells_so_many_orders() {
    let mut lines = vec![msh("ORU^R01", "P", "")];
    for n in 0..500 {
        lines.push(format!("OBR|1||{n}|X"));
        lines.push("OBX|1|NM|1-8^A^LN||5|m|||||F".to_owned());
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(said(true, &lines).len(), 64);
    assert_eq!(said(false, &lines).len(), 64);
}
