use super::super::testing::{facts, stream, works, works_of};
use super::super::torture;
use super::super::{Opening, Verdict};
use super::probe;
use crate::observe::{Piece, Study, When, Work};

const PHI: &[&str] = &["CANARY", "20000101", "5.9"];

/// Frames each record as LIS01-A2 does; `end` is ETX or ETB.
fn framed(records: &[&str], end: u8) -> Vec<u8> {
    let mut bytes = vec![super::ENQ];
    for (n, record) in (1_u8..).zip(records) {
        let mut frame = vec![b'0' + n % 8];
        frame.extend_from_slice(record.as_bytes());
        frame.extend([b'\r', end]);
        let sum = frame.iter().fold(0_u8, |sum, b| sum.wrapping_add(*b));
        bytes.push(super::STX);
        bytes.extend(frame);
        bytes.extend(format!("{sum:02X}\r\n").bytes());
    }
    bytes.push(super::EOT);
    bytes
}

const RESULTS: &[&str] = &[
    "H|\\^&||CANARY|LAB^Acme^c111^4.2.2^1^13147|CANARY||CANARY||host|CANARY|P|1|20230803131713",
    "P|1||CANARY||CANARY^NAME||20000101|M",
    "O|1||CANARY^^6||S",
    "R|1|^^^413|5.9|g/L||N||F||CANARY",
    "C|1|I|CANARY|I",
    "L|1|N",
];
const TOLD: &[&str] = &[
    "C astm.role=results",
    "C astm.sender=LAB^Acme^c111^4.2.2^1^13147",
    "C astm.receiver=host",
    "C astm.processing=P",
    "C astm.version=1",
];

#[test]
fn an_analyser_sends_results() {
    for end in [super::ETX, super::ETB] {
        let sent = framed(RESULTS, end);
        assert_eq!(facts(&stream("astm", &[(b'C', &sent), (b'S', &[super::ACK; 7])])), TOLD);
    }
}

#[test]
fn results_are_of_the_analyser_whose_header_stands_before_them() {
    let message = |sender: &str, processing: &str, record: &str| {
        let header = format!("H|\\^&|||{sender}|||||||{processing}|1");
        framed(&[&header, "P|1||CANARY", "O|1||CANARY||S", record, "L|1|N"], super::ETX)
    };
    const RESULT: &str = "R|1|^^^413|5.9|g/L||N||F||CANARY||20231114101500|c1";
    let sent = [
        message("Acme^c111^13147", "P", RESULT),
        message("Other^x5^877", "P", RESULT),
        // Without a name, for training, and orders: nobody's.
        message("", "P", RESULT),
        message("Acme^c111^13147", "T", RESULT),
        message("Acme^c111^13147", "P", "C|1|I|CANARY|I"),
    ];
    let said = stream("astm", &[(b'C', &sent.concat())]);
    let told: Vec<_> = works_of(&said).into_iter().map(|(piece, work, _)| (piece, work)).collect();
    let of = |sender| (Piece::of([("astm.sender", sender)]), Work::Result);
    assert_eq!(told, [of("Acme^c111^13147"), of("Other^x5^877")]);
}

#[test]
fn results_are_work_at_their_time() {
    const DAY: i64 = 1_699_920_000;
    let result = |time: &str| format!("R|2|^^^9|CANARY|g/L||N||F||CANARY|20231114080000|{time}|c1");
    let said = |processing: &str, records: &[&str]| {
        let header = format!("H|\\^&|||A^B|||||||{processing}|1");
        let all: Vec<&str> =
            [header.as_str(), "P|1"].into_iter().chain(records.iter().copied()).collect();
        let said = stream("astm", &[(b'C', &framed(&all, super::ETX))]);
        let works = works(&said);
        assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Result)));
        works.into_iter().map(|(_, it)| (it.study, it.when)).collect::<Vec<_>>()
    };
    let at = |from, to| When::Told { from: DAY + from, to: DAY + to, offset: None };
    let (one, two, three) =
        (result("20231114090000"), result("20231114090300"), result("20231114090200"));
    let records = ["O|1|CANARY^1||S", &one, &two, &three, "P|2", "O|1||CANARY2|S", &one, "L|1"];
    let first = Study::of(b"CANARY^1");
    let expected = [
        (first, at(32_400, 32_400)),
        (first, at(32_400, 32_580)),
        (Study::of(b"CANARY2"), at(32_400, 32_400)),
    ];
    assert_eq!(said("P", &records), expected);
    assert_eq!(said("T", &records), []);
    // Begun at 8; without any time it is now; what is no time says nothing.
    assert_eq!(said("P", &[&result("")]), [(Study::UNTOLD, at(28_800, 28_800))]);
    assert_eq!(said("P", &["R|1|x|5", "R|2|x|5"])[0], (Study::UNTOLD, When::Now));
    assert_eq!(said("P", &[&result("yesterday"), &result("20231114")]), []);
}

#[test]
fn records_without_frames_or_all_in_one() {
    let lines = format!("{}\r", RESULTS.join("\r"));
    assert_eq!(facts(&stream("astm", &[(b'C', lines.as_bytes())])), TOLD);
    let one = [b"\x05\x021".as_slice(), lines.as_bytes(), b"\x03A5\r\n\x04"].concat();
    assert_eq!(facts(&stream("astm", &[(b'C', &one)])), TOLD);
    let wrapped = format!("\x01{lines}\x04");
    assert_eq!(facts(&stream("astm", &[(b'C', wrapped.as_bytes())])), TOLD);
    let unix = RESULTS.join("\n");
    assert_eq!(facts(&stream("astm", &[(b'C', unix.as_bytes())])), TOLD);
}

#[test]
fn a_record_goes_on_in_the_next_frame() {
    let (head, tail) = RESULTS[0].split_at(30);
    let sent = format!(
        "\x05\x021{head}\x17A1\r\n\x022{tail}\r\x17A2\r\n\x023R|1|^^^413|5.9\r\x03A3\r\n\x04"
    );
    assert_eq!(facts(&stream("astm", &[(b'C', sent.as_bytes())])), TOLD);
}

#[test]
fn a_host_sends_orders_and_an_analyser_asks() {
    let query = framed(&["H|\\^&|||XN-1000^00-13|||||||P|LIS2-A2", "Q|1|^CANARY", "L|1|N"], 3);
    let orders =
        framed(&["H|\\^&|||LIS|||||||P|1", "P|1||CANARY", "O|1|CANARY||^^^WBC", "L|1|F"], 3);
    let nothing = framed(&["H|\\^&|||LIS", "L|1|I"], 3);
    let said = stream("astm", &[(b'S', &query), (b'C', &orders), (b'C', &nothing)]);
    assert_eq!(
        facts(&said),
        [
            "S astm.role=query",
            "S astm.sender=XN-1000^00-13",
            "S astm.processing=P",
            "S astm.version=LIS2-A2",
            "C astm.role=orders",
            "C astm.host=LIS",
            "C astm.processing=P",
            "C astm.version=1"
        ]
    );
}

#[test]
fn a_patient_in_the_header_is_not_told() {
    for header in [
        "H|\\^&|||Analyser P|1||CANARY|||CANARY^CANARY\rR|1|x\r",
        "H|\\^&|||Analyser\u{1e}P|1||CANARY|||CANARY\rR|1|x\r",
        "H|\\^&|||||P|1||CANARY\rR|1|x\r",
        "H|\\^&|||one two three four five six CANARY seven eight\rR|1|x\r",
    ] {
        let said = facts(&stream("astm", &[(b'C', header.as_bytes())]));
        assert!(!said.iter().any(|it| it.contains("CANARY")), "{said:?}");
        assert!(!said.iter().any(|it| it.contains("sender")), "{said:?}");
    }
}

#[test]
fn endures() {
    let sent = framed(RESULTS, super::ETX);
    torture::stream("astm", &[(b'C', &sent), (b'S', b"\x06\x06\x06")], PHI);
    let lines = format!("{}\r", RESULTS.join("\r"));
    torture::stream("astm", &[(b'C', lines.as_bytes())], PHI);
}

#[test]
fn after_a_gap_a_header_is_found_again() {
    let sent = framed(RESULTS, super::ETX);
    let lost = b"ARY|whatever|CANARY\r\x03B2\r\n\x04";
    let said = stream("astm", &[(b'C', &sent), (b'c', lost), (b'C', &sent)]);
    assert_eq!(facts(&said), [TOLD, TOLD].concat());
}

#[test]
fn recognition() {
    let ask = |bytes: &[u8], from_start: bool| {
        probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start })
    };
    assert_eq!(ask(b"\x05", true), Verdict::More);
    assert_eq!(ask(b"\x05\x021H|\\^&|", true), Verdict::Yes);
    assert_eq!(ask(b"\x021H|\\^&|", true), Verdict::Yes);
    assert_eq!(ask(b"H|\\\\^&|||x", true), Verdict::Yes);
    assert_eq!(ask(b"H|\\^", true), Verdict::More);
    assert_eq!(ask(b"HTTP/1.1 200 OK\r\n", true), Verdict::No);
    assert_eq!(ask(b"HELO x\r\n", true), Verdict::No);
    assert_eq!(ask(b"\x05\x01\x00", true), Verdict::No);
    assert_eq!(ask(b"\x02\x00\x00", true), Verdict::No);
    assert_eq!(ask(&[6; 100], true), Verdict::No);
    assert_eq!(ask(b"|N\r\x0312\r\n\x025R|2|^^^1", true), Verdict::No);
    assert_eq!(ask(b"|N\r\x0312\r\n\x025R|2|^^^1", false), Verdict::Yes);
}
