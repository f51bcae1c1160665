//! Traces of examinations: of which they are, and when they were.

use super::fixture::*;
use crate::observe::{Study, Use, When, Work};

const STUDY: &str = "1.99.100";
const STEP: &str = "1.99.200";
const N_SET: u16 = 0x0120;
const N_CREATE: u16 = 0x0140;
const C_STORE: u16 = 0x0001;
const RELEASE: u8 = 5;
/// 2023-11-14T00:00:00.
const DAY: i64 = 1_699_920_000;

const fn told(from: i64, to: i64, offset: Option<i16>) -> When {
    When::Told { from: DAY + from, to: DAY + to, offset }
}

fn texts(elements: &[(u32, &str, &str)]) -> Vec<u8> {
    let one =
        |(tag, vr, value): &(u32, &str, &str)| element(Vr::Explicit, *tag, vr, value.as_bytes());
    elements.iter().flat_map(one).collect()
}

fn message(command: &[u8], set: &[u8]) -> Vec<u8> {
    [data(1, true, command, 4096), data(1, false, set, 50)].concat()
}

/// What a client does that sends these messages, each a second later.
fn of(messages: &[Vec<u8>]) -> Vec<Use> {
    let segments: Vec<_> = (0..).zip(messages).map(|(n, m)| (b'C', m.clone(), n)).collect();
    works(&segments).into_iter().map(|it| it.1).collect()
}

fn create(set: &[u8]) -> Vec<u8> {
    message(&affected(N_CREATE, MPPS, STEP), set)
}

fn set(attributes: &[u8]) -> Vec<u8> {
    let command = command(&[
        (0x0003, MPPS.as_bytes()),
        (0x0100, &N_SET.to_le_bytes()),
        (0x0110, &[2, 0]),
        (0x0800, &[0, 0]),
        (0x1001, STEP.as_bytes()),
    ]);
    message(&command, attributes)
}

#[test]
fn a_step_begins_and_ends() {
    let scheduled = |undefined| {
        let item = texts(&[(0x0008_0050, "SH", "CANARY"), (0x0020_000d, "UI", STUDY)]);
        sequence(Vr::Explicit, 0x0040_0270, &[item], undefined)
    };
    for undefined in [true, false] {
        let begin = [
            texts(&[
                (0x0008_0060, "CS", "MR"),
                (0x0008_0201, "SH", "+0900"),
                (0x0010_0010, "PN", "CANARY"),
                (0x0040_0244, "DA", "20231114"),
                (0x0040_0245, "TM", "101500.25"),
                (0x0040_0252, "CS", "IN PROGRESS"),
            ]),
            scheduled(undefined),
        ];
        let end = |status| {
            let time = [(0x0040_0250, "DA", "20231114"), (0x0040_0251, "TM", "1040")];
            set(&[texts(&time), texts(&[(0x0040_0252, "CS", status)])].concat())
        };
        let said = of(&[
            create(&begin.concat()),
            end("IN PROGRESS"),
            end("COMPLETED"),
            end("DISCONTINUED"),
        ]);
        let (study, step) = (Study::of(STUDY.as_bytes()), Study::of(STEP.as_bytes()));
        let when = told(10 * 3600 + 900, 10 * 3600 + 900, Some(540));
        let begun = Use { work: Work::StepBegun, study, step, when };
        let when = told(10 * 3600 + 2400, 10 * 3600 + 2400, None);
        let ended = Use { work: Work::StepEnded, study: Study::UNTOLD, step, when };
        assert_eq!(said, [begun, ended, ended]);
    }
}

#[test]
fn a_step_without_a_time_is_now_and_with_nonsense_nothing() {
    let when = |set: &[u8]| of(&[create(set)]).first().map(|it| it.when);
    assert_eq!(when(&texts(&[(0x0008_0060, "CS", "MR")])), Some(When::Now));
    let nonsense = [(0x0040_0244, "DA", "20231114"), (0x0040_0245, "TM", "25")];
    assert_eq!(when(&texts(&nonsense)), None);
}

fn image(class: &str, study: &str, times: &[(u32, &str, &str)]) -> Vec<u8> {
    let behind = [
        (0x0010_0010, "PN", "CANARY"),
        (0x0018_1000, "LO", "77"),
        (0x0020_000d, "UI", study),
        (0x0020_000e, "UI", "1.99.5"),
    ];
    let set = [texts(times), texts(&behind), element(Vr::Explicit, 0x7fe0_0010, "OW", &[0; 9000])];
    message(&affected(C_STORE, class, "1.99.6"), &set.concat())
}

fn acquired(study: &str, time: &str) -> Vec<u8> {
    image(MR, study, &[(0x0008_0022, "DA", "20231114"), (0x0008_0032, "TM", time)])
}

#[test]
fn the_most_telling_time_of_an_image() {
    let when =
        |times: &[(u32, &str, &str)]| of(&[image(MR, STUDY, times)]).first().map(|it| it.when);
    let all = [
        (0x0008_0020, "DA", "20231114"),
        (0x0008_0021, "DA", "20231114"),
        (0x0008_0022, "DA", "20231114"),
        (0x0008_0023, "DA", "20231114"),
        (0x0008_002a, "DT", "202311140005-0100"),
        (0x0008_0030, "TM", "0001"),
        (0x0008_0031, "TM", "0002"),
        (0x0008_0032, "TM", "0004"),
        (0x0008_0033, "TM", "0003"),
    ];
    let without = |tags: &[u32]| {
        when(&all.iter().copied().filter(|it| !tags.contains(&it.0)).collect::<Vec<_>>())
    };
    let at = |minute: i64| Some(told(minute * 60, minute * 60, None));
    assert_eq!(when(&all), Some(told(300, 300, Some(-60))));
    assert_eq!(without(&[0x0008_002a]), at(4));
    assert_eq!(without(&[0x0008_002a, 0x0008_0032]), at(3));
    assert_eq!(without(&[0x0008_002a, 0x0008_0022, 0x0008_0023]), at(2));
    assert_eq!(without(&[0x0008_002a, 0x0008_0022, 0x0008_0033, 0x0008_0021]), at(1));
    assert_eq!(when(&all[..4]), Some(When::Unreadable), "days alone");
    assert_eq!(when(&[(0x0008_002a, "DT", "20231399")]), Some(When::Unreadable));
    assert_eq!(when(&[]), Some(When::Unreadable), "that it was sent is told all the same");
    let older = [(0x0008_0022, "DA", "2023.11.14"), (0x0008_0032, "TM", "00:07:00")];
    assert_eq!(when(&older), at(7), "as ACR-NEMA wrote it");
}

#[test]
fn many_images_are_few_traces() {
    let mut segments: Vec<_> = (0_u8..100)
        .map(|n| (b'C', acquired(STUDY, &format!("10{:02}{:02}", n / 60, n % 60)), i64::from(n)))
        .collect();
    segments.push((b'C', acquired("1.99.101", "1200"), 100));
    segments.push((b'C', acquired("1.99.101", "1100"), 101));
    segments.push((b'C', pdu(RELEASE, &[0; 4]), 102));
    let said = works(&segments);
    assert!(said.iter().all(|(sender, it)| *sender == 'C' && it.work == Work::Image));
    let whens: Vec<_> = said.iter().map(|it| it.1.when).collect();
    let (ten, eleven, twelve) = (36_000, 39_600, 43_200);
    let expected = [
        told(ten, ten, None),
        told(ten, ten + 59, None),
        told(ten + 60, ten + 60, None),
        told(ten + 60, ten + 99, None),
        told(twelve, twelve, None),
        // An hour apart they are no stretch.
        told(eleven, eleven, None),
    ];
    assert_eq!(whens, expected);
    let studies: Vec<_> = said.iter().map(|it| it.1.study).collect();
    assert!(studies[..4].iter().all(|it| *it == Study::of(STUDY.as_bytes())));
    assert!(studies[4..].iter().all(|it| *it == Study::of(b"1.99.101")));
}

#[test]
fn an_image_names_its_step() {
    let item = texts(&[(0x0008_1150, "UI", MPPS), (0x0008_1155, "UI", STEP)]);
    let times = texts(&[(0x0008_002a, "DT", "20231114120000")]);
    let step = sequence(Vr::Explicit, 0x0008_1111, &[item], false);
    let set = [times, step, texts(&[(0x0020_000d, "UI", STUDY)])].concat();
    let said = of(&[message(&affected(C_STORE, MR, "1.99.6"), &set)]);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].study, Study::of(STUDY.as_bytes()));
    assert_eq!(said[0].step, Study::of(STEP.as_bytes()));
}

#[test]
fn only_what_is_acquired_counts() {
    let count =
        |class: &str| of(&[image(class, STUDY, &[(0x0008_002a, "DT", "20231114120000")])]).len();
    let below = |arc: &str| format!("1.2.840.10008.5.1.4.1.1.{arc}");
    for arc in ["2", "4", "6.1", "7", "9.1.1", "66", "88888", "481.1", "1.2"] {
        assert_eq!(count(&below(arc)), 1, "{arc}");
    }
    assert_eq!(count("1.3.12.2.1107.5.9.1"), 1);
    for arc in ["11.1", "66.4", "67", "88.11", "88.59", "104.1", "481.5"] {
        assert_eq!(count(&below(arc)), 0, "{arc}");
    }
    assert_eq!(count("1.2.840.10008.1.20.1"), 0, "storage commitment");
    assert_eq!(of(&[image(MR, "", &[(0x0008_002a, "DT", "20231114120000")])]), []);
}

#[test]
fn the_acceptor_that_sends_is_told_as_the_sender() {
    let said = works(&[(b'S', acquired(STUDY, "1000"), 0), (b's', acquired(STUDY, "1001"), 1)]);
    assert_eq!(said.iter().map(|it| it.0).collect::<String>(), "S");
    let said = works(&[
        (b'S', acquired(STUDY, "1000"), 0),
        (b's', acquired(STUDY, "1001"), 1),
        (b'S', pdu(6, &[0; 4]), 2),
    ]);
    assert_eq!(said.len(), 2, "a gap loses no study");
}
