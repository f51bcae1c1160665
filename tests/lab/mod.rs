//! What the tests of whole captures share: the captures of `pcaps/lab`, read into
//! inventories of their own.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::sensor::Reading;
use auscult::store::{Inventory, Known, Writer};
use auscult::view::register::{self, COLUMNS, Filter};
use auscult::wire::capture::{File, parse_bytes};

/// Every committed capture, sorted.
pub(crate) fn captures() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("pcaps/lab")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|end| name.ends_with(end))
        })
        .collect();
    found.sort();
    assert!(found.len() >= 5, "captures are missing");
    found
}

/// One committed capture.
pub(crate) fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab").join(name)
}

/// Frames of a committed capture.
pub(crate) fn frames_of(capture: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    parse_bytes(&std::fs::read(self::capture(capture)).expect("there"), &mut |frames, _| {
        all.extend(frames.iter().map(|frame| frame.bytes.to_vec()));
        ControlFlow::Continue(())
    })
    .expect("whole");
    all
}

/// Reads captures into the inventory at `db`.
pub(crate) fn read(db: &Path, captures: &[PathBuf]) -> Inventory {
    let mut writer = Writer::open(db).expect("writable");
    let census: Census = writer.restore(Arc::clone(Book::builtin())).expect("restores");
    let mut reading = Reading::new(census, writer);
    for path in captures {
        let file = File::open(path).expect("opens");
        reading.file(path, file, &mut ()).expect("reads");
    }
    reading.finish().expect("writes");
    Inventory::open(db).expect("opens")
}

/// What a command says of an inventory, in whose directory it runs: output, and warnings.
pub(crate) fn told(db: &Path, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(db).args(args);
    let out = command.current_dir(db.parent().expect("a place")).output().expect("runs");
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    assert!(out.status.success(), "{}", text(out.stderr));
    (text(out.stdout), text(out.stderr))
}

/// The register as CSV, hosts on the Internet included.
pub(crate) fn csv(inventory: &Inventory) -> Vec<u8> {
    let mut text = Vec::new();
    let all = Filter { external: true, ..Filter::default() };
    register::csv(inventory, &all, &mut text).expect("writes");
    text
}

/// One asset as lines of its known columns.
pub(crate) fn page(asset: &Known) -> String {
    COLUMNS
        .iter()
        .map(|column| (column, register::cell(asset, column)))
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(column, cell)| match *column {
            "evidence" => format!("  {}\n", cell.replace("; ", "\n  ")),
            column => format!("{column}: {cell}\n"),
        })
        .collect()
}

/// Columns that depend on when something was seen.
const WHEN: &[&str] = &[
    "first_seen",
    "last_seen",
    "observed_hours",
    "online_hours",
    "online_percent",
    "in_use_hours",
    "utilization_percent",
    "examinations",
    "evidence",
];

/// Rows of a register by asset, without what depends on when and in which frame it was
/// seen.
pub(crate) fn rows(csv: &[u8]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().expect("a header").clone();
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        let cells = header.iter().zip(&row).map(|(k, v)| (k.to_owned(), v.to_owned()));
        let kept: BTreeMap<_, _> = cells.filter(|(k, _)| !WHEN.contains(&k.as_str())).collect();
        (kept["asset_id"].clone(), kept)
    });
    rows.collect()
}
