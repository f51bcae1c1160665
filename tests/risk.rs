//! How much the devices of the lab's hospital should worry: computed again from the terms
//! that are printed, and who is on top, and why.

mod lab;

use std::collections::BTreeMap;
use std::path::Path;

use auscult::census::risk::{Accepted, RiskBook};
use auscult::census::signature::Book;
use auscult::sensor::Reading;
use auscult::store::{Inventory, Writer};
use auscult::time::calendar::Zone;
use auscult::view::risk;
use auscult::wire::capture::File;

type Row = BTreeMap<String, String>;

/// The terms of every device, by asset, as anybody gets them.
fn terms(inventory: &Inventory) -> BTreeMap<String, Vec<Row>> {
    let (assets, risks) = (inventory.assets().unwrap(), inventory.risks().unwrap());
    let mut text = Vec::new();
    risk::csv(&risk::ranked(&assets, &risks), &mut text).unwrap();
    let mut reader = csv::Reader::from_reader(&*text);
    let header = reader.headers().unwrap().clone();
    let mut all: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in reader.records() {
        let row = row.unwrap();
        let row: Row = header.iter().zip(&row).map(|(k, v)| (k.into(), v.into())).collect();
        all.entry(row["asset_id"].clone()).or_default().push(row);
    }
    all
}

fn of<'r>(rows: &'r [Row], kind: &str) -> Vec<&'r Row> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

const WORDS: [&str; 5] = ["very-low", "low", "moderate", "high", "very-high"];

/// The score by nothing but the printed terms and the worth of the words.
fn by_hand(rows: &[Row]) -> f64 {
    let weights = include_str!("../signatures/risk.toml").parse::<toml::Table>().unwrap();
    let worth = |word: &str| weights["impact"][word].as_float().unwrap();
    let [class] = of(rows, "impact")[..] else { panic!("one impact: {rows:?}") };
    let mut largest = 0.0_f64;
    for property in ["safety", "effectiveness", "data"] {
        let base = WORDS.iter().position(|word| *word == class[property]).unwrap();
        let steps: f64 = of(rows, "step").iter().map(|row| number(row, property)).sum();
        let level = (base + steps as usize).min(4);
        let mut left = 1.0;
        for row in of(rows, "finding") {
            if row[property] == "1" && !row["status"].starts_with("accepted") {
                let [w, d, c] = ["weight", "degree", "confidence"].map(|it| number(row, it));
                left *= 1.0 - w * d * c;
            }
        }
        let kept: f64 = of(rows, "control").iter().map(|row| 1.0 - number(row, "lowers")).product();
        largest = largest.max(100.0 * (1.0 - left) * kept * worth(WORDS[level]));
    }
    (largest * 10.0).round() / 10.0
}

/// The worst case by nothing but its own rows and the controls.
fn worst_by_hand(rows: &[Row]) -> f64 {
    let worst = of(rows, "worst");
    let impact = worst.iter().find(|row| row["term"] == "impact").expect("what it would mean");
    let kept: f64 = of(rows, "control").iter().map(|row| 1.0 - number(row, "lowers")).product();
    let score = |property: &str| {
        let touching = of(rows, "feared").into_iter().filter(|row| row[property] == "1");
        let p = |row| number(row, "weight") * number(row, "degree") * number(row, "confidence");
        let left: f64 = touching.map(|row| 1.0 - p(row)).product();
        100.0 * (1.0 - left) * kept * number(impact, property)
    };
    let all = ["safety", "effectiveness", "data"].map(score);
    (all.into_iter().fold(0.0, f64::max) * 10.0).round() / 10.0
}

fn total_of(rows: &[Row], term: &str) -> f64 {
    let totals = of(rows, "total");
    number(totals.iter().find(|row| row["term"] == term).expect("a total"), "share")
}

fn total(rows: &[Row]) -> f64 {
    total_of(rows, "score")
}

#[test]
fn every_score_is_computed_again_from_its_terms() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["hospital.pcapng", "plugs.pcap", "things.pcap", "vpn.pcap", "windows.pcap"];
    let inventory = lab::read(&dir.path().join("a.db"), &names.map(lab::capture));
    let all = terms(&inventory);
    let local = inventory.assets().unwrap().iter().filter(|it| !it.external).count();
    assert_eq!(all.len(), local, "every device is judged");
    for (asset, rows) in &all {
        assert_eq!(by_hand(rows), total(rows), "{asset}: {rows:#?}");
        let shares: f64 = of(rows, "finding").iter().map(|row| number(row, "share")).sum();
        assert!((shares - total(rows)).abs() < 0.001, "{asset}: {shares}");
        let worst = total_of(rows, "worst case");
        assert_eq!(worst_by_hand(rows), worst, "{asset}: {rows:#?}");
        assert!(worst >= total(rows), "{asset}");
    }
    assert!(all.values().filter(|rows| total(rows) > 0.0).count() > 20);
    // Some have findings that are other ones at worst, some a system that nobody knows.
    let feared = |rows: &Vec<Row>| {
        let rules = |kind| of(rows, kind).iter().map(|row| row["term"].clone()).collect::<Vec<_>>();
        (rules("finding"), rules("feared"))
    };
    assert!(all.values().map(feared).any(|(found, feared)| found.len() < feared.len()));
    let instead = |(found, feared): &(Vec<String>, Vec<String>)| {
        found.len() == feared.len() && found != feared
    };
    assert!(all.values().map(feared).any(|it| instead(&it)));
}

#[test]
fn the_windows_7_mri_is_on_top_for_the_right_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let inventory = lab::read(&dir.path().join("a.db"), &[lab::capture("hospital.pcapng")]);
    let (assets, risks) = (inventory.assets().unwrap(), inventory.risks().unwrap());
    let ranked = risk::ranked(&assets, &risks);
    let (mri, it) = ranked[0];
    assert_eq!(mri.first("model"), Some("MAGNETOM Skyra"));
    assert_eq!(mri.first("os_name"), Some("Windows 7"));
    assert_eq!(mri.first("risk_level"), Some("critical"));
    assert_eq!(mri.first("os_supported"), Some("no"));
    assert_eq!(mri.first("os_support_end"), Some("2020-01-14"));
    let rules: Vec<&str> = it.findings.iter().map(|it| it.rule.as_str()).collect();
    for rule in ["os-unsupported", "smb1-server", "unauthenticated-clinical", "cleartext-phi"] {
        assert!(rules.contains(&rule), "{rule} is missing: {rules:?}");
    }
    assert!(rules[..2].contains(&"os-unsupported") && rules[..2].contains(&"smb1-server"));
    assert!(it.findings.iter().all(|it| !it.evidence.is_empty()));
    let page = risk::page(it, &inventory.captures().unwrap());
    assert!(page.contains("what would lower it:") && page.contains("hospital.pcapng frame"));
    // Windows 10 of build 17763 may be dead or alive: no worse than XP, no better than new.
    let ct = assets.iter().find(|it| it.first("model") == Some("Aquilion ONE")).unwrap();
    assert_eq!(ct.first("os_supported"), Some("depends"));
    let forecast = risk::forecast(&ranked, mri.last_seen, &Zone::default());
    // Sure is what the register calls `no`, and nothing else.
    let end = |state| assets.iter().filter(|it| it.first("os_supported") == Some(state)).count();
    let ended = format!("ended: {} devices, and perhaps {}\n", end("no"), end("depends"));
    assert!(forecast.contains(&ended), "{ended}{forecast}");
    assert!(forecast.contains("no date known: "), "{forecast}");
    assert!(forecast.contains("2020-01-14") && forecast.contains("within 24 months"), "{forecast}");
    let low = assets.iter().find(|it| it.first("device_class") == Some("printer")).unwrap();
    assert!(risks[&*low.id].score < 20.0, "no printer outranks a scanner");
}

/// Reads a capture as a site that lives with something.
fn read(db: &Path, capture: &str, accepted: &str) -> Inventory {
    let mut writer = Writer::open(db).unwrap();
    let mut census = writer.restore(std::sync::Arc::clone(Book::builtin())).unwrap();
    let book = RiskBook::builtin().clone();
    let accepted = Accepted::parse(accepted, &book).unwrap();
    census.judge_by(book.accepting(accepted));
    let mut reading = Reading::new(census, writer);
    let path = lab::capture(capture);
    reading.file(&path, File::open(&path).unwrap(), &mut ()).unwrap();
    reading.finish().unwrap();
    Inventory::open(db).unwrap()
}

#[test]
fn what_changes_of_a_finding_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("a.db");
    let before = read(&db, "hospital.pcapng", "").finding_changes().unwrap();
    assert!(before.is_empty(), "the first load is no news: {before:?}");
    let accepted = "[[accepted]]\nrule = 'smb1-server'\nasset = 'A8b3b74a8a7'\nby = 'board'\n
        until = '2099-01-01'\nreason = 'own segment'";
    let inventory = read(&db, "hospital.pcapng", accepted);
    let changes = inventory.finding_changes().unwrap();
    let mri: Vec<_> = changes.iter().filter(|it| it.asset == "A8b3b74a8a7").collect();
    let [only] = mri[..] else { panic!("{changes:?}") };
    assert_eq!((only.before.as_str(), only.after.as_str()), ("high", "accepted"));
    assert!(risk::changes(&changes).contains("accepted  A8b3b74a8a7  smb1-server"));
    let rows = &terms(&inventory)["A8b3b74a8a7"];
    assert_eq!(by_hand(rows), total(rows));
    assert_eq!(worst_by_hand(rows), total_of(rows, "worst case"), "nor in the worst case");
    assert!(total(rows) < 80.0, "what is accepted does not count");
    let again = read(&db, "hospital.pcapng", "").finding_changes().unwrap();
    assert_eq!(again.last().map(|it| it.after.as_str()), Some("high"), "it counts again");
}
