use super::super::testing::{facts, stream, works_of};
use crate::observe::{Observed, Piece, When, Work};

/// 2023-11-14T00:00:00.
const DAY: i64 = 1_699_920_000;
const HOUR: i64 = 3600;

/// Of which equipment what is told, by the last two digits of its identifier, and which of
/// it is described with that name.
fn said(framed: bool, lines: &[&str]) -> Vec<(String, Work, When)> {
    let text = lines.join("\r");
    let text = if framed { format!("\x0b{text}\r\x1c\r") } else { format!("{text}\r") };
    let said = stream("hl7", &[(b'C', text.as_bytes())]);
    assert!(!facts(&said).iter().any(|it| it.contains("CANARY") || it.contains("1928")));
    let described = said.iter().filter_map(|(_, what)| match what {
        Observed::Equipment(it) => {
            let id = it.facts.iter().find(|(key, _)| key.as_str() == "hl7.equipment_id");
            let piece = Piece::of(it.facts.iter().map(|(key, value)| (key.as_str(), &**value)));
            Some((piece, id.map_or("", |(_, id)| id.as_ref()).to_owned()))
        }
        _ => None,
    });
    let described: Vec<_> = described.collect();
    let name = |piece| {
        let known = described.iter().find(|(it, _)| *it == piece);
        known.expect("only of what is described work is told").1.clone()
    };
    works_of(&said).into_iter().map(|(piece, work, when)| (name(piece), work, when)).collect()
}

fn msh(kind: &str, processing: &str, profile: &str) -> String {
    format!("MSH|^~\\&|GATEWAY|WARD|||20231114||{kind}|1|{processing}|2.6|||||||||{profile}")
}

fn pcd() -> String {
    msh("ORU^R01^ORU_R01", "P", "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO")
}

const fn told(from: i64, to: i64) -> When {
    When::Told { from: DAY + from, to: DAY + to, offset: None }
}

fn vitals(name: &str, when: When) -> (String, Work, When) {
    (name.to_owned(), Work::Vitals, when)
}

const PID: &str = "PID|||CANARY||CANARY^NAME||19280118|M";
const BED: &str = "PV1||I|ICU^1^CANARY";
const ORDER: &str = "OBR|1|CANARY|CANARY|182777000^monitoring";
const SYSTEM: &str = "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON1^^0009FBFFFF059301^EUI-64";
const RATE: &str = "OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|CANARY||||||R";

#[test]
fn a_gateway_tells_of_the_system_that_a_value_is_a_part_of() {
    let all = [&pcd(), PID, BED, ORDER, SYSTEM, RATE, RATE];
    assert_eq!(said(true, &all), [vitals("MON1", When::Now)]);
    // Without blocks each row is told at once; what is said twice a minute passes once.
    assert_eq!(said(false, &all), [vitals("MON1", When::Now), vitals("MON1", When::Now)]);
    // Two systems in one message: of whose part nothing is told was not used.
    let second = SYSTEM.replace("|1.0", "|2.0").replace("MON1", "MON2").replace("01^EUI", "02^EUI");
    let all = [&pcd(), ORDER, SYSTEM, &second, RATE];
    assert_eq!(said(true, &all), [vitals("MON1", When::Now)]);
    let rate = RATE.replace("1.1.1.1", "2.1.1.1");
    let all = [&pcd(), ORDER, SYSTEM, &second, &rate];
    assert_eq!(said(true, &all), [vitals("MON2", When::Now)]);
    let stray = RATE.replace("1.1.1.1", "7");
    assert_eq!(said(true, &[&pcd(), ORDER, SYSTEM, &second, &stray]), []);
}

#[test]
fn what_is_no_value_of_a_patient_is_no_use() {
    let empty = RATE.replace("CANARY", "");
    let own = "OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.0|Acme^M9||||||R";
    let event = "OBX|2|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0|CANARY||||||R";
    for row in [&*empty, own, event] {
        assert_eq!(said(true, &[&pcd(), ORDER, SYSTEM, row]), [], "{row}");
    }
    let trial = msh("ORU^R01", "T", "IHE_PCD_001^IHE PCD");
    let orders = msh("OML^O33", "P", "");
    for head in [trial, orders] {
        assert_eq!(said(true, &[&head, ORDER, SYSTEM, RATE]), [], "{head}");
    }
    let implant = "OBX|1|ST|720897^MDC_IDC_DEV_TYPE^MDC|1|CANARY||||||F";
    assert_eq!(said(true, &[&pcd(), ORDER, SYSTEM, RATE, implant]), []);
    // A bed is no device, nor is a patient.
    assert_eq!(said(true, &[&pcd(), PID, BED, ORDER, RATE]), []);
}

#[test]
fn times_are_those_of_the_values_and_else_of_what_the_message_is_about() {
    let of = |order: &str, times: &[&str]| {
        let order = format!("OBR|1|A|B|182777000^monitoring|||{order}");
        let row =
            |time| format!("OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|7||||||R|||{time}");
        let rows: Vec<String> = times.iter().map(row).collect();
        let head = pcd();
        let mut all = vec![&*head, &*order, SYSTEM];
        all.extend(rows.iter().map(String::as_str));
        said(true, &all).into_iter().map(|(_, _, when)| when).collect::<Vec<_>>()
    };
    assert_eq!(of("", &[""]), [When::Now]);
    assert_eq!(of("20231114100000", &[""]), [told(10 * HOUR, 10 * HOUR)]);
    assert_eq!(of("20231114100000", &["20231114095500"]), [told(9 * HOUR + 3300, 9 * HOUR + 3300)]);
    // A quarter of an hour, to before its end; so one touches the next and is not in it.
    let quarter = told(10 * HOUR, 10 * HOUR + 899);
    assert_eq!(of("20231114100000|20231114101500", &["", ""]), [quarter]);
    assert_eq!(of("20231114100000|20231114110000", &[""]), [told(10 * HOUR, 11 * HOUR - 1)]);
    // The summary of a shift says only that it ended with a value.
    assert_eq!(of("20231114070000|20231114150000", &[""]), [told(15 * HOUR, 15 * HOUR)]);
    assert_eq!(of("20231114110000|20231114100000", &[""]), [told(10 * HOUR, 10 * HOUR)]);
    assert_eq!(of("|20231114100000", &[""]), [told(10 * HOUR, 10 * HOUR)]);
    // What was kept, minute by minute and with a pause.
    let kept = ["20231114100000", "20231114100100", "20231114100200", "20231114100500"];
    assert_eq!(
        of("20231114101500", &kept),
        [told(10 * HOUR, 10 * HOUR + 120), told(10 * HOUR + 300, 10 * HOUR + 300)]
    );
    // A pressure of some time ago beside what is measured all the time.
    assert_eq!(
        of("20231114101500", &["", "20231114094000", ""]),
        [told(10 * HOUR + 900, 10 * HOUR + 900), told(9 * HOUR + 2400, 9 * HOUR + 2400)]
    );
    for nonsense in ["20231114", "yesterday", "19280118PID"] {
        assert_eq!(of(nonsense, &[""]), [], "{nonsense}");
        assert_eq!(of("20231114101500", &[nonsense]), [], "{nonsense}");
    }
}

#[test]
fn a_participant_made_the_value_before_it() {
    let prt = |id| format!("PRT|1|UC||EQUIP|||||BED 7|{id}^^0009FBFFFF0593{:02}^EUI-64", 1);
    let rate = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|CANARY||||||R";
    let (one, two) = (prt("MON1"), prt("MON2").replace("01^EUI", "02^EUI"));
    let both = said(true, &[&pcd(), ORDER, rate, &one, rate, &two]);
    assert_eq!(both, [vitals("MON1", When::Now), vitals("MON2", When::Now)]);
    // The only one of a message made all of it, wherever it stands.
    let only = vec![vitals("MON1", When::Now)];
    assert_eq!(said(true, &[&pcd(), &one, ORDER, rate, rate]), only);
    assert_eq!(said(true, &[&pcd(), ORDER, rate, rate, &one]), only);
    // Of two that stand before all values neither did for certain.
    assert_eq!(said(true, &[&pcd(), &one, &two, ORDER, rate]), []);
}

#[test]
fn middleware_tells_of_its_analysers_by_their_own_times() {
    let head = msh("OUL^R22^OUL_R22", "P", "LAB-29^IHE");
    let row = |id, time| {
        format!("OBX|1|NM|2345-7^Glucose^LN||CANARY|mg/dL|||||F|||20230101||||{id}|{time}")
    };
    let one = row("AU680^Beckman~2013111^Beckman", "20231114100000");
    let two = row("XN^Sysmex~13877^Sysmex", "20231114110000");
    let all = [&head, PID, "SPM|1|CANARY||SER", "OBR|1||CANARY|GLU", &one, &two];
    let result = |from| (String::new(), Work::Result, told(from, from));
    assert_eq!(said(true, &all), [result(10 * HOUR), result(11 * HOUR)]);
    // By hand, in the same message: not the analyser's.
    let hand = row("", "20231114130000");
    assert_eq!(said(true, &[&head, "OBR|1||CANARY|GLU", &one, &hand]), [result(10 * HOUR)]);
    let reported = row("AU680^Beckman~2013111^Beckman", "").replace("20230101", "");
    let order = "OBR|1||CANARY|GLU||||||||||||||||||20231114120000";
    assert_eq!(said(true, &[&head, order, &reported]), [result(12 * HOUR)]);
}

#[test]
fn a_message_tells_so_much() {
    let mut lines = vec![pcd(), ORDER.to_owned(), SYSTEM.to_owned()];
    for n in 0..500 {
        let (hour, minute) = (n * 2 / 60, n * 2 % 60);
        lines.push(format!("{RATE}|||20231114{hour:02}{minute:02}00"));
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(said(true, &lines).len(), 64);
}
