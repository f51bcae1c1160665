//! Which days are meant where nobody says: the last ones on which somebody watched. What is
//! told of devices of which only a gateway speaks.

mod lab;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::net::{HostId, Mac, Segment};
use auscult::store::{Counters, Inventory, Writer};
use auscult::time::calendar::{Calendar, Zone, parse_date};
use lab::told;

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
        // The hours need none of the sums of days, and nothing of what is known of a device but
        // that it is there.
        let hours = ["activity", "--hours", "--format", "csv"];
        if ["of day_sheet", "(known)"].contains(&named) {
            let (told, said) = told(&db, &hours);
            assert!(told.lines().count() == 24 * 3 + 1 && said.is_empty(), "{sql}: {told}{said}");
        } else {
            let (told, said) = incomplete(&db, &hours);
            let hours = told.lines().count().saturating_sub(1);
            let is_one = ["(asset_use)", "speaker_day", "row of asset"].contains(&named);
            let whole = if is_one { 2 } else { 0 };
            assert_eq!(hours, 24 * whole, "{sql}: {told}{said}");
            assert!(said.contains(named), "{sql}: {said}");
        }
    }
}

/// 2026-01-05T10:00:00Z.
const TEN: u32 = 1_767_607_200;

/// A frame of one conversation: the gateway's, or the engine's.
fn frame(of_gateway: bool, flags: u8, (seq, ack): (u32, u32), said: &[u8]) -> Vec<u8> {
    let (gateway, engine) = ([0, 0x50, 0x56, 0, 0, 1], [0, 0x50, 0x56, 0, 0, 2]);
    let ends = [(gateway, [10, 0, 0, 1], 50_000_u16), (engine, [10, 0, 0, 2], 6661)];
    let (from, to) = if of_gateway { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let length = u16::try_from(40 + said.len()).expect("short").to_be_bytes();
    let mut it =
        [&to.0[..], &from.0, &[8, 0, 0x45, 0], &length, &[0, 1, 0, 0, 64, 6, 0, 0]].concat();
    it.extend([from.1, to.1].concat());
    it.extend([from.2.to_be_bytes(), to.2.to_be_bytes()].concat());
    it.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    it.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
    it.extend(said);
    it
}

/// One message of the gateway: values of a monitor, made at a minute past ten.
fn values(monitor: u8, minute: u32, number: u32) -> Vec<u8> {
    let eui = format!("00A0CBFFFE0000{monitor:02X}");
    let time = format!("2026010510{minute:02}00+0000");
    let id = format!("MON{monitor}^^{eui}^EUI-64");
    let all = [
        format!(
            "MSH|^~\\&|GATEWAY|WARD|EHR|HOSP|{time}||ORU^R01^ORU_R01|{number}|P|2.6|||AL|NE|||||\
             IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"
        ),
        "PID|||CANARY^^^HOSP||CANARY^NAME||19280118|M".to_owned(),
        "PV1||I|ICU^7^CANARY".to_owned(),
        format!("OBR|1|A{number}|B{number}|182777000^monitoring|||{time}"),
        format!("OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||{id}"),
        "OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.0|Acme^M9||||||R".to_owned(),
        format!("OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|CANARY|||||R|||||||{id}"),
    ];
    format!("\x0b{}\r\x1c\r", all.join("\r")).into_bytes()
}

/// Two captures of half an hour each of a gateway of three monitors: the first has a patient
/// all the time, the second is off for twenty minutes about the half hour, the third reports
/// each quarter of an hour.
fn wards() -> [Vec<u8>; 2] {
    let (mut seq, mut number) = ([1_u32, 1], 0);
    let mut halves = [Vec::new(), Vec::new()];
    for half in &mut halves {
        half.extend(0xa1b2_c3d4_u32.to_le_bytes());
        half.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
    }
    for minute in 0..60_u32 {
        let half = &mut halves[usize::from(minute >= 30)];
        let mut packet = |second: u32, it: Vec<u8>| {
            let length = u32::try_from(it.len()).expect("short");
            for number in [TEN + 60 * minute + second, 0, length, length] {
                half.extend(number.to_le_bytes());
            }
            half.extend(it);
        };
        if minute == 0 {
            packet(0, frame(true, 2, (0, 0), &[]));
            packet(0, frame(false, 18, (0, 1), &[]));
            packet(0, frame(true, 16, (1, 1), &[]));
        }
        let of = [true, !(20..40).contains(&minute), minute % 15 == 0];
        for (monitor, _) in (1_u8..).zip(of).filter(|(_, tells)| *tells) {
            number += 1;
            // Whoever is slow has the time of what it tells.
            let said = values(monitor, minute, number);
            packet(10, frame(true, 24, (seq[0], seq[1]), &said));
            seq[0] += u32::try_from(said.len()).expect("short");
            let taken = format!(
                "\x0bMSH|^~\\&|EHR|HOSP|||||ACK^R01|{number}|P|2.6\rMSA|AA|{number}\r\x1c\r"
            );
            packet(11, frame(false, 24, (seq[1], seq[0]), taken.as_bytes()));
            seq[1] += u32::try_from(taken.len()).expect("short");
        }
    }
    halves
}

#[test]
fn monitors_behind_a_gateway_are_in_use_when_it_tells_of_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let halves = wards();
    for (name, bytes) in ["1.pcap", "2.pcap"].iter().zip(&halves) {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    std::fs::write(dir.path().join("a.toml"), "time_zone = \"UTC\"\n").expect("written");
    let read = |db: &str, captures: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
        command.args(["--config", "a.toml", "--db", db, "read", "-q"]).args(captures);
        let out = command.current_dir(dir.path()).output().expect("runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    let use_of = |db: &str| {
        let inventory = Inventory::open(&dir.path().join(db)).expect("opened");
        let assets = inventory.assets().expect("read");
        let of = |monitor: u8| {
            let end = format!("00a0cbfffe0000{monitor:02x}");
            let it = assets.iter().find(|it| it.identity.ends_with(&end)).expect("described");
            let days = inventory.days(&it.id, None).expect("read").expect("whole");
            let runs: Vec<_> = days.iter().flat_map(|day| day.in_use.runs().to_vec()).collect();
            let ten = i64::from(TEN) / 60;
            let runs: Vec<_> = runs.iter().map(|(a, b)| (a - ten, b - ten)).collect();
            (it.id.to_string(), it.activity.clone().expect("told"), runs)
        };
        let gateway = assets.iter().find(|it| it.identity.ends_with("00:50:56:00:00:01"));
        let gateway = gateway.expect("heard").activity.clone().expect("heard");
        assert_eq!(gateway.used, None, "whoever tells is in nobody's use");
        [of(1), of(2), of(3)]
    };
    read("forth.db", &["1.pcap"]);
    read("forth.db", &["2.pcap"]);
    let all = use_of("forth.db");
    let runs = all.each_ref().map(|(_, _, runs)| runs.clone());
    let alone = |minute| (minute, minute + 1);
    let quarters = vec![alone(0), alone(15), alone(30), alone(45)];
    assert_eq!(runs, [vec![(0, 60)], vec![(0, 20), (40, 60)], quarters]);
    for (_, it, _) in &all {
        assert!(it.only_told && it.online == 0 && it.observed >= 59, "{it:?}");
        assert!(it.used.as_ref().is_some_and(|it| it.how() == "vitals (seen through)"));
    }
    // In any order, and together.
    read("back.db", &["2.pcap"]);
    read("back.db", &["1.pcap"]);
    read("once.db", &["2.pcap", "1.pcap"]);
    assert_eq!(use_of("back.db").map(|it| it.2), runs);
    assert_eq!(use_of("once.db").map(|it| it.2), runs);
    // What people are shown.
    let db = dir.path().join("forth.db");
    let id = &all[1].0;
    let (page, _) = told(&db, &["show", id]);
    assert!(page.contains("in use    0.7 h by vitals (seen through) (66.7 %)"), "{page}");
    assert!(page.contains("on line   unknown"), "{page}");
    let (rows, _) = told(&db, &["activity", "--minutes", id, "--format", "csv"]);
    let row = "in use,,2026-01-05T10:40:00+00:00,2026-01-05T11:00:00+00:00,20";
    assert!(rows.contains(row) && rows.contains("trace,vitals (seen through),"), "{rows}");
    assert!(!rows.contains("on line"), "{rows}");
    let (register, _) = told(&db, &["register"]);
    let line = register.lines().find(|it| it.contains(id.as_str())).expect("described");
    assert!(line.contains("in_use_hours: by vitals (seen through)"), "{line}");
    for said in [page, rows, register] {
        assert!(!said.contains("CANARY") && !said.contains("19280118"), "{said}");
    }
}

/// An inventory in a zone of two devices that are on line and seen without a break: from the
/// day before the first of these days to the day after the last.
fn always(db: &Path, zone: &str, days: &[i32]) {
    let zone = Zone::named(zone).expect("known");
    let (from, to) = (zone.bounds(days[0] - 1).0, zone.bounds(days[days.len() - 1] + 1).1);
    let mut writer = Writer::open(db).expect("writable");
    writer.keep_time(Calendar { zone, ..Calendar::default() });
    let mut census: Census = writer.restore(Arc::clone(Book::builtin())).expect("new");
    census.capture("port");
    census.watched(from, to);
    for n in 1..=2 {
        let (mac, ip) = (Some(Mac([0, 9, 0xfb, 0, 0, n])), Some([10, 0, 0, n].into()));
        census.was_present(HostId { segment: Segment::default(), mac, ip }, from, to);
    }
    writer.write(&mut census, &Counters::new()).expect("written");
    writer.close();
}

#[test]
fn a_day_on_which_the_clock_is_turned_has_23_or_25_hours() {
    let dir = tempfile::tempdir().expect("a directory");
    for (date, hours, three) in
        [("2026-03-28", 24, 3), ("2026-03-29", 23, 2), ("2026-10-25", 25, 4)]
    {
        let db = dir.path().join(date);
        always(&db, "Europe/Berlin", &[parse_date(date).expect("a day")]);
        let of_day = ["--from", date, "--to", date, "--format", "json"];
        for device in [&["--hours"][..], &["--hours", "00:09:fb:00:00:02"]] {
            let (json, _) = told(&db, &[&["activity"][..], &of_day, device].concat());
            let rows: Vec<serde_json::Value> = serde_json::from_str(&json).expect("JSON");
            let devices = 3 - device.len();
            assert_eq!(rows.len(), hours * devices, "{date} {json}");
            assert!(
                rows.iter().all(|it| it["day"] == date && it["online_minutes"] == 60),
                "{json}"
            );
            assert!(rows.iter().all(|it| it["in_use_minutes"].is_null() && it["method"] == ""));
            let early = rows.iter().filter(|it| it["hour"].as_u64() < Some(3)).count();
            assert_eq!(early, three * devices, "{date}: before three o'clock");
            let times: BTreeSet<_> = rows.iter().map(|it| it["from"].as_str()).collect();
            assert_eq!(times.len(), hours, "each is told once");
        }
        let (json, _) = told(&db, &[&["activity"][..], &of_day].concat());
        let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let whole = f64::from(u8::try_from(hours).expect("few"));
        assert_eq!(rows[0]["online_hours"], whole, "{json}");
        assert!(rows[0]["in_use_hours"].is_null() && rows[0]["silent_days"] == 0, "{json}");
    }
}

#[test]
fn hours_of_all_devices_are_of_a_day_unless_said_and_of_a_month_at_most() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("a.db");
    made(&db, 0..40);
    let lines = |args: &[&str]| told(&db, &[&["activity", "--format", "csv"], args].concat()).0;
    let count = |args: &[&str]| lines(args).lines().count() - 1;
    assert_eq!(count(&["--hours"]), 24, "the last day");
    assert_eq!(count(&["--hours", "10.0.0.1"]), 30 * 24);
    assert_eq!(count(&["--hours", "--from", "2026-01-14"]), 31 * 24);
    // Days on which nobody watched have no hours; nor has what was before it was first seen.
    assert_eq!(count(&["--hours", "10.0.0.1", "--from", "2025-01-01"]), 40 * 24);
    let many = ["activity", "--hours", "--from", "2026-01-13"];
    let out = Command::new(env!("CARGO_BIN_EXE_auscult"))
        .arg("--db")
        .arg(&db)
        .args(many)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && said.contains("31 days at most"), "{said}");
    // In the hours after it nobody saw anything of its VLAN.
    let noon = lines(&["--hours", "--from", "2026-01-05", "--to", "2026-01-05"]);
    let noon: Vec<&str> = noon.lines().filter(|it| !it.ends_with(",0,,,,")).collect();
    assert_eq!(noon.len(), 2, "{noon:?}");
    let row = "12,2026-01-05T12:00:00+00:00,2026-01-05T13:00:00+00:00,60,60,,,";
    assert!(noon[1].ends_with(row), "{noon:?}");
}

#[test]
fn nothing_to_tell_is_said_to_people_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("a.db");
    made(&db, 0..2);
    for (args, why) in [
        (&["alerts"][..], "there are no alerts"),
        (&["alerts", "--kind", "new_device"], "there are no alerts"),
        (&["activity", "--idle"], "no device was on line, not used"),
        (&["activity", "--silent", "3"], "no device was silent for the last 3 days"),
        (&["activity", "--starts", "--class", "ct"], "no device of the class ct is known"),
        (&["activity", "--heat"], "no device would have shown its use"),
        (&["activity", "--examinations"], "no device would have shown examinations"),
        (&["risk", "--changes"], "no finding has changed"),
    ] {
        let (_, said) = told(&db, args);
        assert!(said.contains(why) && said.lines().count() == 1, "{args:?}: {said}");
        assert_eq!(told(&db, &[args, &["-q"]].concat()).1, "", "{args:?}");
        if args[0] == "risk" {
            continue;
        }
        for format in ["csv", "json"] {
            let (out, said) = told(&db, &[args, &["--format", format]].concat());
            assert!(said.is_empty() && !out.contains(why), "{args:?}: {out}{said}");
        }
    }
    assert_eq!(told(&db, &["activity"]).1, "", "there is something");
}

#[test]
fn a_device_that_is_named_is_asked_for_without_a_class() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("a.db");
    made(&db, 0..2);
    for table in ["--hours", "--heat", "--examinations", "--minutes"] {
        let args = ["-q", "activity", table, "00:09:fb:00:00:01", "--class", "ct"];
        let out = Command::new(env!("CARGO_BIN_EXE_auscult"))
            .arg("--db")
            .arg(&db)
            .args(args)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&out.stderr);
        let is_usage = out.status.code() == Some(2) && out.stdout.is_empty();
        assert!(is_usage && said.contains("--class"), "{table}: {said}");
    }
}
