//! Which days are meant where nobody says: the last ones on which somebody watched.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::net::{HostId, Mac, Segment};
use auscult::store::{Counters, Writer};

/// 2026-01-05, in days since 1970.
const MONDAY: i64 = 20_458;

/// An inventory of one device that is on for an hour on each of these days.
fn made(db: &Path, days: impl Iterator<Item = i64>) {
    several(db, &[(1, days.collect())]);
}

/// The same of several, each with its days.
fn several(db: &Path, all: &[(u8, Vec<i64>)]) {
    let mut writer = Writer::open(db).expect("writable");
    let mut census: Census = writer.restore(Arc::clone(Book::builtin())).expect("new");
    census.capture("port");
    for (n, days) in all {
        let (mac, ip) = (Some(Mac([0, 9, 0xfb, 0, 0, *n])), Some([10, 0, 0, *n].into()));
        let host = HostId { segment: Segment::default(), mac, ip };
        for day in days {
            let noon = (MONDAY + day) * 1440 + 720;
            census.watched(noon, noon + 120);
            census.was_present(host, noon, noon + 60);
        }
    }
    writer.write(&mut census, &Counters::new()).expect("written");
    writer.close();
}

/// From, to and hours on line of the only device.
fn window(db: &Path, args: &[&str]) -> [String; 3] {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(db).args(["activity", "--format", "csv"]).args(args);
    let out = command.current_dir(db.parent().expect("a place")).output().expect("runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut rows = csv::Reader::from_reader(&out.stdout[..]);
    let head = rows.headers().expect("a header").clone();
    let row = rows.records().next().expect("one device").expect("whole");
    ["from", "to", "online_hours"].map(|name| {
        let at = head.iter().position(|it| it == name).expect("a column");
        row[at].to_owned()
    })
}

#[test]
fn thirty_observed_days_are_shown_where_nothing_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("a.db");
    // Forty days; after the twentieth nobody watched for a hundred.
    made(&db, (0..20).chain(120..140));
    let days = |first, last, n: i64| {
        let date = |day: i64| {
            let at = jiff::civil::date(2026, 1, 5) + jiff::ToSpan::days(day);
            at.to_string()
        };
        [date(first), date(last), format!("{n}.0")]
    };
    // The last thirty on which somebody watched, not the last month.
    assert_eq!(window(&db, &[]), days(10, 139, 30));
    // Up to a day: thirty of those before it, or as many as there are.
    assert_eq!(window(&db, &["--to", "2026-05-14"]), days(0, 129, 30));
    assert_eq!(window(&db, &["--to", "2026-01-14"]), days(0, 9, 10));
    // From a day to the last one.
    assert_eq!(window(&db, &["--from", "2026-05-24"]), days(139, 139, 1));
    // Fewer than thirty are all there are.
    let few = dir.path().join("b.db");
    made(&few, 3..6);
    assert_eq!(window(&few, &[]), days(3, 5, 3));
}

#[test]
fn wrong_dates_of_one_device_move_neither_the_days_nor_a_silence() {
    let dir = tempfile::tempdir().expect("a directory");
    let ward = |name: &str, wrong: &[i64]| {
        let db = dir.path().join(name);
        let all: Vec<i64> = (0..40).collect();
        let mut devices: Vec<_> = (1..=3).map(|n| (n, all.clone())).collect();
        devices.push((4, (0..30).collect()));
        devices.push((5, wrong.to_vec()));
        several(&db, &devices);
        db
    };
    let silent = |db: &Path, days: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
        command.arg("--db").arg(db).args(["activity", "--format", "csv", "--silent", days]);
        let out = command.current_dir(dir.path()).output().expect("runs");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        (csv::Reader::from_reader(&out.stdout[..]).records().count(), said)
    };
    let right = ward("right.db", &[39]);
    // In the year 2106, on seven days.
    let wrong = ward("wrong.db", &(29_200..29_207).collect::<Vec<_>>());
    assert_eq!(window(&right, &[]), window(&wrong, &[]));
    for (days, devices) in [("9", 1), ("11", 0), ("16", 0)] {
        assert_eq!(silent(&right, days).0, devices, "{days}");
        assert_eq!(silent(&wrong, days).0, devices, "{days}");
    }
    assert_eq!(silent(&right, "1").1, "");
    let (_, said) = silent(&wrong, "1");
    assert!(said.contains("7 watched days after 2026-02-13") && said.contains("--to"), "{said}");
}

/// What a command says of an inventory: rows by asset, and warnings.
fn told(db: &Path, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(db).args(args);
    let out = command.current_dir(db.parent().expect("a place")).output().expect("runs");
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    assert!(out.status.success(), "{}", text(out.stderr));
    (text(out.stdout), text(out.stderr))
}

#[test]
fn two_known_devices_make_a_day_and_one_makes_none() {
    let dir = tempfile::tempdir().expect("a directory");
    // Six on the first day; on the third two of them, and nobody else.
    let two = dir.path().join("two.db");
    let ward = |n| (n, if n <= 2 { vec![0, 2] } else { vec![0] });
    several(&two, &(1..=6).map(ward).collect::<Vec<_>>());
    assert_eq!(window(&two, &[]), ["2026-01-05", "2026-01-07", "2.0"]);
    // Who was not there is silent for it, and who was is not.
    let (silent, said) = told(&two, &["activity", "--format", "csv", "--silent", "1"]);
    assert!(silent.lines().count() == 5 && said.is_empty(), "{silent}{said}");
    let (page, said) = told(&two, &["show", "00:09:fb:00:00:01"]);
    assert!(page.contains("activity from 2026-01-05 to 2026-01-07") && said.is_empty(), "{page}");
    // One alone, and one with another that nobody knew.
    for (name, others) in [("one.db", &[][..]), ("new.db", &[(9, vec![2])])] {
        let one = dir.path().join(name);
        let ward = |n| (n, if n == 1 { vec![0, 2] } else { vec![0] });
        let all = (1..=6).map(ward).chain(others.iter().cloned());
        several(&one, &all.collect::<Vec<_>>());
        assert_eq!(window(&one, &[])[1], "2026-01-05", "{name}");
        let (page, said) = told(&one, &["show", "00:09:fb:00:00:01"]);
        assert!(page.contains("activity from 2026-01-05 to 2026-01-05"), "{page}");
        assert!(said.contains("1 watched days after 2026-01-05"), "{name}: {said}");
        assert!(said.contains("activity --to DATE") && said.lines().count() == 1, "{said}");
    }
}

/// What a command writes of an inventory with damaged rows, and what it says of them.
fn incomplete(db: &Path, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(db).args(args);
    let out = command.current_dir(db.parent().expect("a place")).output().expect("runs");
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    let (told, said) = (text(out.stdout), text(out.stderr));
    assert_eq!(out.status.code(), Some(1), "{args:?}: {told}{said}");
    (told, said)
}

#[test]
fn a_damaged_row_is_named_once_and_the_rest_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    for (sql, named, register, activity) in [
        ("UPDATE known SET attributes = x'01ff' WHERE asset = 2", "(known)", 2, 2),
        ("UPDATE asset SET id = CAST(x'41ff' AS TEXT) WHERE number = 2", "row of asset", 2, 2),
        // The device is there, without its hours.
        ("UPDATE asset_use SET basis = x'01ff' WHERE asset = 2", "(asset_use)", 3, 3),
        ("UPDATE day_sheet SET sheet = x'00'", "of day_sheet", 3, 3),
        ("UPDATE total_sheet SET sheet = x'00'", "of total_sheet", 3, 3),
        ("UPDATE segment_day SET minutes = x'ff' WHERE segment = x''", "(segment_day)", 3, 3),
        ("UPDATE asset_day SET settled = 2 WHERE asset = 2", "speaker_day", 3, 3),
        ("INSERT OR REPLACE INTO calendar VALUES (0, x'01ff')", "(calendar)", 3, 0),
    ] {
        let db = dir.path().join("damaged.db");
        let _ = std::fs::remove_file(&db);
        several(&db, &[(1, vec![0, 1]), (2, vec![0, 1]), (3, vec![0, 1])]);
        let rows = |args: &[&str]| told(&db, args).0.lines().count() - 1;
        assert_eq!((rows(&["register"]), rows(&["activity", "--format", "csv"])), (3, 3));
        let inventory = rusqlite::Connection::open(&db).expect("opened");
        assert!(inventory.execute(sql, []).expect("changed") > 0);
        drop(inventory);
        for (args, rows) in
            [(&["register"][..], register), (&["activity", "--format", "csv"], activity)]
        {
            // Sums of single days are none of the register's.
            if args == ["register"] && named == "of day_sheet" {
                continue;
            }
            let (told, said) = incomplete(&db, args);
            assert_eq!(told.lines().count().saturating_sub(1), rows, "{sql}: {told}");
            // Of no day is anything known without the calendar.
            let last = usize::from(rows > 0);
            assert_eq!(said.matches(named).count(), said.lines().count() - last, "{said}");
            assert_eq!(said.matches("the answer is not whole").count(), last, "{sql}: {said}");
            assert!(said.contains("read the captures again"), "{args:?} {sql}: {said}");
        }
    }
}
