//! A generated day of a small hospital whose every minute is known, read by the program
//! itself: on line and in use within two percent, examinations exact, nothing of what
//! archives and gateways send, no patient.

#[path = "../examples/ward/hospital/mod.rs"]
mod hospital;
#[path = "../examples/ward/score.rs"]
mod score;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auscult::time::calendar::{WEEKDAYS, parse_date, weekday};
use hospital::truth::Truth;
use hospital::{Plan, write};

const PLAN: Plan = Plan { days: 1, seed: 7, small: true, thin: true };

fn auscult(config: &Path, db: &Path, what: &[&str]) {
    let out = Command::new(env!("CARGO_BIN_EXE_auscult"))
        .arg("--config")
        .arg(config)
        .arg("--db")
        .arg(db)
        .args(what)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Makes a day and reads it: its truth, and the inventory.
fn day(dir: &Path) -> (Truth, PathBuf) {
    let (truth, bytes) = write(PLAN, "day.pcap", Vec::new()).unwrap();
    let (capture, config, db) = (dir.join("day.pcap"), dir.join("a.toml"), dir.join("a.db"));
    fs::write(&capture, &bytes).unwrap();
    fs::write(&config, format!("time_zone = \"{}\"\n", truth.zone)).unwrap();
    auscult(&config, &db, &["read", "-q", capture.to_str().unwrap()]);
    (truth, db)
}

#[test]
fn a_day_is_counted_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (mut truth, db) = day(dir.path());
    let mut table = Vec::new();
    let result = score::score(&truth, &db).unwrap();
    result.report(&mut table).unwrap();
    assert!(result.is_good(), "{}", String::from_utf8_lossy(&table));

    // The score is seen to fail.
    let is_good = |truth: &Truth| score::score(truth, &db).unwrap().is_good();
    type Change = fn(&mut Truth) -> bool;
    let changes: &[Change] = &[
        |it| it.devices.iter_mut().find_map(|it| it.online.as_mut()).is_some_and(more),
        |it| it.devices.iter_mut().find_map(|it| it.observed.as_mut()).is_some_and(more),
        |it| it.devices.iter_mut().find_map(|it| it.examinations.as_mut()).is_some_and(more),
        |it| {
            let mut used = it.devices.iter_mut().filter_map(|it| it.in_use.as_mut());
            used.next().is_some_and(|(_, minutes)| {
                *minutes *= 1.1;
                true
            })
        },
        |it| {
            // What was in use is infrastructure now.
            let mut used = it.devices.iter_mut().filter(|it| it.in_use.is_some());
            used.next().is_some_and(|it| it.in_use.take().is_some())
        },
        |it| {
            // A start that is not told, and one that is told and was none.
            let mut shown = it.devices.iter_mut().flat_map(|it| &mut it.starts);
            shown.find(|it| it.shows == "network").is_some_and(|it| {
                it.at += 7200;
                true
            })
        },
        |it| it.devices.iter_mut().find_map(|it| it.starts.pop()).is_some(),
        |it| {
            it.canaries.push("workstation".to_owned());
            true
        },
    ];
    let text = serde_json::to_string(&truth).unwrap();
    for (n, change) in changes.iter().enumerate() {
        truth = serde_json::from_str(&text).unwrap();
        assert!(change(&mut truth) && !is_good(&truth), "change {n}");
    }
}

/// Rows of a table of activity, each by its columns.
fn rows(config: &Path, db: &Path, what: &[&str]) -> Vec<HashMap<String, String>> {
    let out = Command::new(env!("CARGO_BIN_EXE_auscult"))
        .arg("--config")
        .arg(config)
        .arg("--db")
        .arg(db)
        .args(["activity", "--format", "csv"])
        .args(what)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    csv::Reader::from_reader(&out.stdout[..]).deserialize().map(Result::unwrap).collect()
}

#[test]
fn the_hours_of_a_day_add_up_to_its_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (_, db) = day(dir.path());
    let config = dir.path().join("a.toml");
    let (mut used, mut examined) = (0, 0);
    let days = rows(&config, &db, &["--from", "2020-01-01"]);
    let last = days[0]["to"].clone();
    // Of each day, and of each device of that.
    let first = rows(&config, &db, &[])[0]["from"].clone();
    for day in [first, last] {
        let of_day = ["--from", &day, "--to", &day];
        let all = rows(&config, &db, &[&["--hours"][..], &of_day].concat());
        for device in rows(&config, &db, &of_day) {
            let id = &device["asset_id"];
            let hours: Vec<_> = all.iter().filter(|row| row["asset_id"] == *id).collect();
            let sum = |column: &str| {
                let known = hours.iter().filter_map(|row| row[column].parse::<u64>().ok());
                known.reduce(|a, b| a + b)
            };
            // Hours of the list have one place.
            let as_hours = |minutes: Option<u64>| {
                let tenths = minutes.map(|it| (it + 3) / 6);
                tenths.map(|it| format!("{}.{}", it / 10, it % 10)).unwrap_or_default()
            };
            for (minutes, of_day) in [
                ("observed_minutes", "observed_hours"),
                ("online_minutes", "online_hours"),
                ("in_use_minutes", "in_use_hours"),
            ] {
                assert_eq!(as_hours(sum(minutes)), device[of_day], "{id} {minutes}: {hours:?}");
            }
            let count = sum("examinations").map(|it| it.to_string()).unwrap_or_default();
            assert_eq!(count, device["examinations"], "{id}: {hours:?}");
            used += usize::from(sum("in_use_minutes").is_some_and(|it| it > 0));
            examined += sum("examinations").unwrap_or_default();
            for hour in &hours {
                let of = |column: &str| hour[column].parse::<u64>().unwrap_or(0);
                assert!(of("observed_minutes") <= 60 && of("online_minutes") <= 60, "{hour:?}");
                assert!(of("online_minutes") <= of("observed_minutes"), "{hour:?}");
                assert!(of("in_use_minutes") <= of("observed_minutes"), "{hour:?}");
                // What was used says by what, and those are among the day's.
                let methods = |row: &HashMap<String, String>| -> Vec<String> {
                    let named = row["method"].replace(" (seen through)", "");
                    named.split('+').filter(|it| !it.is_empty()).map(str::to_owned).collect()
                };
                let of_day = methods(&device);
                let by = methods(hour);
                assert!(by.iter().all(|it| of_day.contains(it)), "{hour:?} {device:?}");
                assert!(of("in_use_minutes") == 0 || !by.is_empty(), "{hour:?}");
            }
            // Of one device the same is told as of all.
            let alone = rows(&config, &db, &[&["--hours", id][..], &of_day].concat());
            assert!(alone.iter().eq(hours), "{id}");
        }
    }
    assert!(used > 5 && examined > 5, "{used} {examined}");
}

#[test]
fn a_heat_map_is_the_sum_of_hours() {
    let dir = tempfile::tempdir().unwrap();
    let (_, db) = day(dir.path());
    let config = dir.path().join("a.toml");
    let all = ["--from", "2020-01-01"];
    let heat = rows(&config, &db, &[&["--heat"][..], &all].concat());
    let devices: BTreeSet<&str> = heat.iter().map(|row| &*row["asset_id"]).collect();
    let mut used = 0;
    for id in &devices {
        let mut sums: HashMap<(&str, String), (u64, u64)> = HashMap::new();
        for hour in rows(&config, &db, &[&["--hours", id][..], &all].concat()) {
            let weekday = WEEKDAYS[weekday(parse_date(&hour["day"]).unwrap())];
            let sum = sums.entry((weekday, hour["hour"].clone())).or_default();
            sum.0 += hour["observed_minutes"].parse::<u64>().unwrap();
            sum.1 += hour["in_use_minutes"].parse().unwrap_or(0);
        }
        let of_one: Vec<_> = heat.iter().filter(|row| row["asset_id"] == *id).collect();
        assert_eq!(of_one.len(), 168, "{id}");
        for row in of_one {
            let of = |column: &str| row[column].parse().unwrap_or(0);
            let sum = sums.get(&(&*row["weekday"], row["hour"].clone())).copied();
            let told = (of("observed_minutes"), of("in_use_minutes"));
            assert_eq!(told, sum.unwrap_or_default(), "{row:?}");
            assert!(told.1 <= told.0, "{row:?}");
            used += told.1;
        }
    }
    assert!(devices.len() > 5 && used > 60, "{} {used}", devices.len());
}

fn more(minutes: &mut u64) -> bool {
    *minutes += *minutes / 10 + 2;
    true
}

#[test]
fn the_same_seed_makes_the_same_hospital() {
    let (truth, bytes) = write(PLAN, "a", Vec::new()).unwrap();
    let (again, same) = write(PLAN, "a", Vec::new()).unwrap();
    assert!(bytes == same, "the capture");
    let text = |truth: &Truth| serde_json::to_string(truth).unwrap();
    assert_eq!(text(&truth), text(&again));
    let (_, other) = write(Plan { seed: 8, ..PLAN }, "a", Vec::new()).unwrap();
    assert!(bytes != other);
}
