use super::super::testing::{facts, stream, works, works_of};
use super::super::torture;
use crate::observe::Work;

const MSH: &str = "MSH|^~\\&|PUMPS^0003B10000000001^EUI-64|F|||20231114||ORU^R01^ORU_R01|1|P|2.6\
|||||||||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO";
const MDS: &str =
    "OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|1.0.0.0|||||||X|||||||P1^^0003B1FFFE000001^EUI-64";
const OTHER: &str =
    "OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|2.0.0.0|||||||X|||||||P2^^0003B1FFFE000002^EUI-64";
const VOLUME: &str = "OBX|9|NM|157993^MDC_VOL_FLUID_DELIV_TOTAL^MDC|1.1.2.1|CANARY||||||R";

fn status(place: &str, word: &str) -> String {
    format!("OBX|2|CWE|184519^MDC_PUMP_INFUSING_STATUS^MDC|{place}|^{word}||||||R")
}

fn flow(name: &str, value: &str) -> String {
    format!("OBX|3|NM|158014^{name}^MDC|1.1.1.2|{value}||||||R")
}

fn event(place: &str, name: &str) -> String {
    format!("OBX|2|CWE|68487^MDC_ATTR_EVT_COND^MDC|{place}|197288^{name}^MDC||||||R")
}

fn text(framed: bool, rows: &[&str]) -> String {
    let rows = [&[MSH, "PID|||CANARY||CANARY", "OBR|1|A|CANARY|X"], rows].concat().join("\r");
    if framed { format!("\x0b{rows}\r\x1c\r") } else { format!("{rows}\r") }
}

/// Whether the sender is in use, and how many of the equipment that it describes.
fn in_use(framed: bool, rows: &[&str]) -> (bool, usize) {
    let said = stream("hl7", &[(b'C', text(framed, rows).as_bytes())]);
    assert!(!facts(&said).iter().any(|it| it.contains("CANARY")));
    assert!(works(&said).iter().all(|(_, it)| it.work == Work::Vitals));
    let mut others: Vec<_> = works_of(&said).into_iter().map(|(piece, ..)| piece).collect();
    others.dedup();
    (!works(&said).is_empty(), others.len())
}

/// Whether a pump, which speaks itself and describes itself, is in use.
fn is_used(rows: &[&str]) -> bool {
    let rows = [&[MDS], rows].concat();
    let (own, described) = in_use(true, &rows);
    assert_eq!(usize::from(own), described, "{rows:?}");
    own
}

#[test]
fn a_status_says_whether_a_pump_delivers() {
    let words = [
        ("pump-status-infusing", true),
        ("PUMP-STATUS-INFUSING", true),
        ("pump-status-kvo", true),
        ("pump-status-bolus", true),
        ("pump-delivery-status-delivering", true),
        ("pump-delivery-status-kvo", true),
        // As where nothing is said.
        ("pump-status-alarm", true),
        ("pump-delivery-status-transitioning", true),
        ("what the maker calls it", true),
        ("standby", true),
        ("", true),
        ("pump-status-not-infusing", false),
        ("pump-delivery-status-not-delivering", false),
        ("Pump-Status-Ready", false),
        (" pump-status-standby ", false),
        ("pump-status-paused", false),
        ("pump-status-stopped", false),
        ("pump-status-idle", false),
        ("pump-status-complete", false),
        ("pump-status-expel", false),
    ];
    let codes = [
        "184508^MDC_PUMP_STAT^MDC",
        "184519^MDC_PUMP_INFUSING_STATUS^MDC",
        "158005^MDC_PUMP_CURRENT_DELIVERY_STATUS^MDC",
        "158005^MDC_DEV_PUMP_CURRENT_DELIVERY_STATUS^MDC",
    ];
    for (word, expected) in words {
        for code in codes {
            for said in [word.to_owned(), format!("^{word}"), format!("^{word}^MDC")] {
                let row = format!("OBX|2|CWE|{code}|1.1.1.1|{said}||||||R");
                assert_eq!(is_used(&[&row, VOLUME]), expected, "{row}");
                assert_eq!(is_used(&[VOLUME, &row]), expected, "{row} behind the values");
                let own = in_use(false, &[MDS, &row, VOLUME]).0;
                assert_eq!(own, expected, "{row} without blocks");
            }
        }
    }
    let reason = "OBX|2|CWE|158006^MDC_PUMP_NOT_DELIVERING_REASON^MDC|1.1.1.1|^pump-status-idle";
    assert!(is_used(&[reason, VOLUME]), "another row says nothing of it");
    assert!(is_used(&[VOLUME]));
}

#[test]
fn a_flow_and_an_event_say_it_where_no_status_does() {
    let [now, set] = ["MDC_FLOW_FLUID_PUMP_CURRENT", "MDC_FLOW_FLUID_PUMP"];
    let [start, stop, done, other] =
        ["PUMP_DELIV_START", "PUMP_DELIV_STOP", "PUMP_DELIV_COMP", "PUMP_VOL_COUNTERS_CLEARED"]
            .map(|name| event("1.1.1.0", &format!("MDC_EVT_{name}")));
    let [delivers, idle] =
        ["pump-status-infusing", "pump-status-not-infusing"].map(|it| status("1.1.1.1", it));
    let cases: &[(&[&str], bool)] = &[
        (&[&flow(now, "0")], false),
        (&[&flow(now, "0.00")], false),
        (&[&flow(now, "15.4")], true),
        (&[&flow(now, "nought")], true),
        (&[&flow(now, "NaN")], true),
        (&[&flow(now, "0"), &flow(now, "4")], true),
        (&[&flow(set, "0")], false),
        (&[&flow(set, "75")], true),
        (&[&flow(set, "0"), &flow(set, "75")], true),
        (&[&flow(set, "75"), &flow(now, "0")], false),
        (&[&flow(set, "0"), &flow(now, "75")], true),
        (&[&start], true),
        (&[&stop], false),
        (&[&done], false),
        (&[&other], true),
        (&[&event("1.1.1.0", "MDCX_PUMP_DELIV_STOP")], false),
        (&[&stop, &flow(set, "75")], false),
        (&[&start, &flow(set, "0")], true),
        // A vein is kept open.
        (&[&done, &flow(now, "3")], true),
        (&[&start, &flow(now, "0")], false),
        (&[&done, &delivers], true),
        (&[&start, &idle], false),
        (&[&delivers, &flow(now, "0")], true),
        (&[&idle, &flow(now, "75")], false),
        // Of two sources one is enough.
        (&[&delivers, &idle], true),
    ];
    for (rows, expected) in cases {
        assert_eq!(is_used(&[*rows, &[VOLUME]].concat()), *expected, "{rows:?}");
        let turned: Vec<_> = rows.iter().rev().copied().collect();
        assert_eq!(is_used(&[&[VOLUME], &*turned].concat()), *expected, "{turned:?}");
    }
}

#[test]
fn an_idle_pump_takes_nothing_from_others() {
    let idle = &*status("1.1.1.1", "pump-status-standby");
    let infusing = &*status("1.1.1.1", "pump-status-infusing");
    let second = &*status("1.3.1.1", "pump-status-infusing");
    let second_idle = &*status("1.3.1.1", "pump-status-standby");
    let heart = "OBX|7|NM|147842^MDC_ECG_HEART_RATE^MDC|1.2.1.1|CANARY||||||R";
    let nowhere = "OBX|7|NM|147842^MDC_ECG_HEART_RATE^MDC||CANARY||||||R";
    let flat = "OBX|7|NM|147842^MDC_ECG_HEART_RATE^MDC|1|CANARY||||||R";
    let whole = "OBX|8|NM|1^MDC_SOMETHING^MDC|1.0.0.7|CANARY||||||R";
    let stopped = &*event("1.0.0.2", "MDC_EVT_PUMP_DELIV_STOP");
    let started = &*event("1.0.0.2", "MDC_EVT_PUMP_DELIV_START");
    let elsewhere = &*event("2.0.0.2", "MDC_EVT_PUMP_DELIV_STOP");
    let cases: &[(&[&str], (bool, usize))] = &[
        (&[idle, VOLUME], (false, 0)),
        // A monitor of that system, values of no place, another pump of it.
        (&[idle, VOLUME, heart], (true, 1)),
        (&[idle, VOLUME, flat], (true, 0)),
        (&[&status("1", "pump-status-standby"), flat], (true, 1)),
        (&[idle, VOLUME, nowhere], (true, 0)),
        (&[idle, VOLUME, second], (true, 1)),
        (&[idle, VOLUME, second_idle], (false, 0)),
        // Values of the whole.
        (&[idle, VOLUME, whole], (false, 0)),
        (&[idle, second, whole], (true, 1)),
        // What the whole says is of a part that says nothing.
        (&[stopped, VOLUME], (false, 0)),
        (&[started, VOLUME], (true, 1)),
        (&[elsewhere, VOLUME], (true, 1)),
        (&[stopped, infusing, VOLUME], (true, 1)),
        (&[started, idle, VOLUME], (false, 0)),
        (&[idle, VOLUME, OTHER, &status("2.1.1.1", "pump-status-infusing")], (true, 1)),
        (&[infusing, VOLUME, OTHER, &status("2.1.1.1", "pump-status-infusing")], (true, 2)),
        (&[infusing, VOLUME, OTHER, &status("2.1.1.1", "pump-status-paused")], (true, 1)),
    ];
    for (rows, expected) in cases {
        assert_eq!(in_use(true, &[&[MDS], *rows].concat()), *expected, "{rows:?}");
    }
    // Without blocks one that is idle waits for one that is not.
    assert_eq!(in_use(false, &[MDS, idle, VOLUME, second]), (true, 1));
    assert_eq!(in_use(false, &[MDS, idle, VOLUME, second_idle]), (false, 0));
}

#[test]
fn each_piece_counts_each_minute_once() {
    let infusing = status("1.1.1.1", "pump-status-infusing");
    let second = status("1.3.1.1", "pump-status-infusing");
    let said = stream("hl7", &[(b'C', text(true, &[MDS, &infusing, &second, VOLUME]).as_bytes())]);
    assert_eq!((works(&said).len(), works_of(&said).len()), (1, 1));
}

#[test]
fn more_parts_than_are_kept_count_as_any_other() {
    let rows = |most: usize| {
        let rows: Vec<_> =
            (0..most).map(|n| status(&format!("1.{n}.1.1"), "pump-status-standby")).collect();
        in_use(true, &[&[MDS], &*rows.iter().map(String::as_str).collect::<Vec<_>>()].concat())
    };
    assert_eq!(rows(64), (false, 0));
    assert_eq!(rows(65), (true, 1));
    assert_eq!(rows(500), (true, 1));
}

#[test]
fn an_idle_pump_is_idle_however_much_of_its_message_comes() {
    let [delivers, idle] =
        ["pump-status-infusing", "pump-status-standby"].map(|it| status("1.1.1.1", it));
    let now = flow("MDC_FLOW_FLUID_PUMP_CURRENT", "0");
    let start = event("1.0.0.2", "MDC_EVT_PUMP_DELIV_START");
    let idle: [&str; 5] = [MDS, &idle, &now, &start, VOLUME];
    let delivers: [&str; 5] = [MDS, &delivers, &now, &start, VOLUME];
    for framed in [true, false] {
        for rows in [idle, delivers] {
            let text = text(framed, &rows);
            torture::stream("hl7", &[(b'C', text.as_bytes())], &["CANARY"]);
        }
        let text = text(framed, &idle);
        // Behind what makes it HL7.
        for length in text.find("|PUMPS").unwrap()..=text.len() {
            let said = stream("hl7", &[(b'C', &text.as_bytes()[..length])]);
            assert_eq!((works(&said).len(), works_of(&said).len()), (0, 0), "{length}");
        }
    }
}
