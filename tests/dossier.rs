//! What `show`, `signatures list` and tables of activity tell, as people read it.

mod lab;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::net::{HostId, Mac, Segment};
use auscult::observe::{Equipment, Key, Observation, Observed, Origin, Study, Use, When, Work};
use auscult::store::{Counters, Writer};
use auscult::time::Timestamp;

fn told(dir: &Path, columns: Option<&str>, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.args(args).current_dir(dir).env_remove("COLUMNS");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    let out = command.output().expect("runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn a_place_is_told_with_its_hour() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("plugs.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.60.41"]);
    let line = page.lines().find(|line| line.starts_with("switch_last_told: ")).expect(&page);
    assert!(line.contains("sw-3w-01 GigabitEthernet1/0/7 in the hour from 20"), "{line}");
    assert!(line.ends_with(":00:00+00:00"), "{line}");
}

#[test]
fn identifiers_are_listed_with_their_strength_their_times_and_their_packets() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dhcp-relay.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.20.21"]);
    let (_, section) = page.split_once("\nidentifiers:\n").expect(&page);
    let lines: Vec<&str> = section.lines().take_while(|line| line.starts_with(' ')).collect();
    let at = |what: &str| lines.iter().position(|line| line.starts_with(what)).expect(&page);
    let order = [at("  proves    MAC ("), at("  joins     IP address: 10.20.20.21")];
    assert!(order[0] < order[1] && order[1] < at("  supports  hostname (DHCP): "), "{page}");
    for pair in lines.chunks(2) {
        let &[_, when] = pair else { panic!("{pair:?}") };
        assert!(when.starts_with("    from 20") && when.contains(", last in the hour from 20"));
        assert!(when.contains("▸ dhcp-relay.pcap frame "), "{when}");
    }
}

#[test]
fn a_page_is_as_wide_as_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dhcp-relay.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.20.21"]);
    let ends: Vec<_> = page.lines().filter(|line| line.starts_with("os_support_end")).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends[0].contains("2017-04-11; 2020-01-14"), "{ends:?}");
    assert!(!page.contains("support=Windows"), "the dates stand below, once:\n{page}");
    assert!(page.contains("  Windows Vista until 2017-04-11\n"), "{page}");
    // A VLAN's interface of the relay is where many hang.
    assert!(!page.contains("switch_port") && page.contains("\nvlans: 20\n"), "{page}");
    let narrow = told(dir.path(), Some("60"), &["show", "10.20.20.21"]);
    let long = |line: &&str| line.chars().count() > 60 && line.trim().contains(' ');
    let long: Vec<_> = narrow.lines().filter(long).collect();
    let broken = |line: &str| line.trim().split(' ').all(|word| word.chars().count() < 30);
    assert!(long.iter().all(|line| !broken(line)), "{long:#?}");
    let words = |page: &str| page.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&narrow), words(&page));
}

#[test]
fn signatures_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let list = told(dir.path(), None, &["signatures", "list"]);
    let last = list.lines().last().unwrap();
    let number = |word: &str| {
        let before = last.split(word).next().unwrap().trim_end();
        before.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let all = number("signatures:");
    assert_eq!(all, list.lines().count() - 1, "{last}");
    assert!(number("of medical devices") > 100 && number("with examples") == all, "{last}");
    assert!(number("with a source") == all && number("not verified") > 0, "{last}");
}

/// 2026-01-05T12:00:00Z.
const NOON: i64 = 1_767_614_400;

/// Writes that a device is on line for an hour, and that a scanner is heard at its begin and
/// after fifty minutes, when it sends an image that was made in between.
fn examining(db: &Path, is_examining: bool) {
    let mut writer = Writer::open(db).expect("writable");
    let mut census: Census = writer.restore(Arc::clone(Book::builtin())).expect("restored");
    census.capture("port");
    let host = |n: u8| {
        let (mac, ip) = (Some(Mac([0, 9, 0xfb, 0, 0, n])), Some([10, 0, 0, n].into()));
        HostId { segment: Segment::default(), mac, ip }
    };
    census.watched(NOON / 60, NOON / 60 + 60);
    census.was_present(host(1), NOON / 60, NOON / 60 + 60);
    let facts = [
        ("dicom.manufacturer", "SIEMENS"),
        ("dicom.model", "MAGNETOM Skyra"),
        ("dicom.modality", "MR"),
        ("dicom.serial", "41587"),
    ];
    let facts = facts.iter().map(|(what, it)| (Key::new(what), (*it).into())).collect();
    let when = When::Told { from: NOON + 300, to: NOON + 2700, offset: Some(0) };
    let image = Use { work: Work::Image, study: Study(1), step: Study::UNTOLD, when };
    let said = [
        (0, Observed::Equipment(Equipment { origin: Origin::Creator, facts })),
        (0, Observed::Fact(Key::new("dicom.scu"), "1.2.840.10008.5.1.4.31".into())),
        (3000, Observed::Use(image)),
    ];
    for (second, what) in said.into_iter().filter(|_| is_examining) {
        let at = Timestamp::new(NOON + second, 0);
        census.apply(0, Observation { at, frame: 1, host: host(2), what });
        census.was_present(host(2), at.minute(), at.minute() + 1);
    }
    writer.write(&mut census, &Counters::new()).expect("written");
    writer.close();
}

#[test]
fn more_in_use_than_on_line_is_explained_to_people_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("a.db");
    let tables = [&["activity"][..], &["activity", "--hours"]];
    let said = |args: &[&str]| lab::told(&db, args).0;
    let notes = |args: &[&str]| said(args).matches("in use is more than on line").count();
    examining(&db, false);
    assert_eq!(tables.map(notes), [0, 0], "nobody is in use");
    examining(&db, true);
    assert_eq!(tables.map(notes), [1, 1], "{}", said(tables[0]));
    let ends = |args: &[&str]| said(args).lines().last().map(|it| it.starts_with("in use is more"));
    assert_eq!(tables.map(ends), [Some(true); 2], "below the table");
    for format in ["csv", "json"] {
        let of = |table: &[&str]| notes(&[table, &["--format", format]].concat());
        assert_eq!(tables.map(of), [0, 0], "{format}");
    }
}
