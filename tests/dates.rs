//! Captures with frames of an old date, and captures of which one file follows the other.

mod lab;

use std::path::Path;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::net::{HostId, Mac, Segment};
use auscult::store::{Counters, Writer};
use lab::told;

/// 2026-01-05, in days since 1970.
const MONDAY: i64 = 20_458;

/// Columns of all devices, sorted.
fn columns<const N: usize>(table: &str, names: [&str; N]) -> Vec<[String; N]> {
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let head = rows.headers().expect("a header").clone();
    let at = names.map(|name| head.iter().position(|it| it == name).expect("a column"));
    let cells = |row: csv::StringRecord| at.map(|at| row[at].to_owned());
    let mut rows: Vec<_> = rows.records().map(|row| cells(row.expect("whole"))).collect();
    rows.sort();
    rows
}

#[test]
fn a_frame_of_an_old_date_moves_neither_the_days_nor_what_was_observed() {
    let dir = tempfile::tempdir().expect("a directory");
    // Two are there on three days; of one a frame is dated long ago, or a day before all.
    let ward = |name: &str, old: Option<i64>| {
        let db = dir.path().join(name);
        let mut writer = Writer::open(&db).expect("writable");
        let mut census: Census = writer.restore(Arc::clone(Book::builtin())).expect("new");
        census.capture("port");
        let host = |n: u8| {
            let (mac, ip) = (Some(Mac([0, 9, 0xfb, 0, 0, n])), Some([10, 0, 0, n].into()));
            HostId { segment: Segment::default(), mac, ip }
        };
        let old = old.map(|day| (MONDAY + day) * 1440 + 100);
        if let Some(minute) = old {
            census.watched(minute, minute + 1);
            census.was_present(host(1), minute, minute + 1);
        }
        for begin in (0..3).map(|day| (MONDAY + day) * 1440) {
            census.watched(begin, begin + 1440);
            census.was_present(host(2), begin, begin + 1440);
            census.was_present(host(1), begin + 480, begin + 600);
        }
        writer.write(&mut census, &Counters::new()).expect("written");
        writer.close();
        let (table, said) = told(&db, &["activity", "--format", "csv"]);
        (columns(&table, ["from", "online_hours", "observed_hours"]), said)
    };
    let right = ward("right.db", None);
    assert_eq!(right.0[0], ["2026-01-05", "6.0", "64.0"]);
    assert_eq!(right.1, "");
    // A while ago is reckoned by today's clock, and the inventory is older.
    for (days, is_dark) in [
        (["--from", "2027-01-01"], true),
        (["--to", "2025-12-31"], true),
        (["--from", "2026-01-07"], false),
        (["--from", "2025-01-01"], false),
    ] {
        let args = [&["activity", "--format", "csv"], &days[..]].concat();
        let (_, said) = told(&dir.path().join("right.db"), &args);
        let nobody = "the last observed day is 2026-01-07";
        assert_eq!(said.contains(nobody), is_dark, "{days:?}: {said}");
    }
    for old in [-MONDAY, -40, -8] {
        let (rows, said) = ward(&format!("{old}.db"), Some(old));
        assert_eq!(rows, right.0, "{old}");
        assert!(said.contains("1 watched days before 2026-01-05"), "{said}");
        assert!(said.contains("--from") && said.lines().count() == 1, "{said}");
    }
    let (rows, said) = ward("near.db", Some(-7));
    assert_eq!((&rows[0][0], &*said), (&"2025-12-29".to_owned(), ""), "a week is no long time");
}

/// A capture of three who ask each four minutes, from one minute of the day to before another.
fn capture(path: &Path, from: i64, to: i64) {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for minute in (0..1440).step_by(4).map(|it| it + 1).filter(|it| (from..to).contains(it)) {
        for n in 1..=3_u8 {
            let second = (MONDAY * 1440 + minute) * 60 + i64::from(n);
            let mac = [0, 9, 0x6b, 0, 0, n];
            let mut frame = [&[0xff; 6][..], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &mac].concat();
            frame.extend([10, 0, 0, n, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9]);
            frame.resize(60, 0);
            for word in [u32::try_from(second).expect("before 2106"), 0, 60, 60] {
                file.extend(word.to_le_bytes());
            }
            file.extend(frame);
        }
    }
    std::fs::write(path, file).expect("written");
}

#[test]
fn what_one_file_after_the_other_has_seen_is_what_one_would_have() {
    let dir = tempfile::tempdir().expect("a directory");
    let hours: Vec<String> = (0..6).map(|hour| format!("{hour}.pcap")).collect();
    for (hour, name) in (0..).zip(&hours) {
        capture(&dir.path().join(name), 60 * hour, 60 * (hour + 1));
    }
    capture(&dir.path().join("all.pcap"), 0, 360);
    let observed = |runs: &[Vec<&str>]| {
        let db = dir.path().join("a.db");
        let _ = std::fs::remove_file(&db);
        for files in runs {
            told(&db, &[&["read", "-q"], &files[..]].concat());
        }
        let (table, _) = told(&db, &["activity", "--format", "csv"]);
        columns(&table, ["observed_hours", "online_hours"])
    };
    let whole = observed(&[vec!["all.pcap"]]);
    assert_eq!(whole.len(), 3);
    let names: Vec<&str> = hours.iter().map(String::as_str).collect();
    assert_eq!(observed(std::slice::from_ref(&names)), whole, "in one run");
    let mut alone: Vec<Vec<&str>> = names.iter().map(|it| vec![*it]).collect();
    assert_eq!(observed(&alone), whole, "in runs of their own");
    alone.reverse();
    assert_eq!(observed(&alone), whole, "the last first");
    alone.remove(2);
    assert_ne!(observed(&alone), whole, "an hour is missing");
}
