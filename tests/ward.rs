//! A generated day of a small hospital whose every minute is known, read by the program
//! itself: on line and in use within two percent, examinations exact, nothing of what
//! archives and gateways send, no patient.

#[path = "../examples/ward/hospital/mod.rs"]
mod hospital;
#[path = "../examples/ward/score.rs"]
mod score;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
