//! A year of a hospital's devices in an inventory: how large it is, and how long views
//! take. `make year`; `cargo run --release --example year -- [--devices N] [--days N] DB`,
//! with `--look` of one that is there already, `--runs N` of each view, and `--auscult PATH`
//! for another program than the one that was built beside this.
//!
//! The devices are made up, and so is what they do; the census, the writer and the views
//! are those of the sensor.

mod views;
mod ward;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::store::{Counters, Inventory, Writer};
use auscult::time::calendar::{Calendar, Hours, Zone};
use auscult::view::activity::lately;

/// 2026-01-01.
const FIRST: i64 = 20_454;
/// Days between two writings: what a sensor writes each minute is the same in the end.
const WRITTEN: i64 = 7;
/// Looks at each question and view; median, least and most are told.
const LOOKS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut devices, mut days, mut db) = (20_000, 365, PathBuf::from("target/year.db"));
    let (mut look_only, mut looks) = (false, LOOKS);
    // target/release/examples/year, target/release/auscult
    let beside = std::env::current_exe().expect("a path");
    let mut auscult = beside.with_file_name("../auscult");
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).expect("a number");
        match arg.as_str() {
            "--look" => look_only = true,
            "--devices" => devices = number(),
            "--days" => days = number(),
            "--runs" => looks = number().max(1) as usize,
            "--auscult" => auscult = args.next().expect("a path").into(),
            path => db = path.into(),
        }
    }
    if !look_only {
        for end in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{end}", db.display()));
        }
        let begun = Instant::now();
        make(&db, devices, days.into());
        say(&format!("made in {:.0} s", begun.elapsed().as_secs_f64()));
    }
    let size = std::fs::metadata(&db).expect("there").len();
    say(&format!("{devices} devices, {days} days: {:.2} GiB", size as f64 / f64::from(1 << 30)));
    look(&db, looks);
    views::time(&db, &auscult, looks);
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A site that is open on weekdays.
fn calendar() -> Calendar {
    let mut hours = Hours::default();
    hours.week[..5].fill(vec![(8 * 60 + 30, 17 * 60 + 15)]);
    let zone = Zone::named("Asia/Tokyo").expect("known");
    Calendar { zone, hours: Some(hours), ..Calendar::default() }
}

fn make(db: &Path, devices: u32, days: i64) {
    let mut writer = Writer::open(db).expect("writable");
    writer.keep_time(calendar());
    let mut census: Census = writer.restore(Arc::clone(Book::builtin())).expect("new");
    census.capture("port");
    for day in 0..days {
        let base = (FIRST + day) * 1440;
        census.watched(base, base + 1440);
        for n in 0..devices {
            ward::day(&mut census, n, base);
        }
        if day % WRITTEN == WRITTEN - 1 || day == days - 1 {
            writer.write(&mut census, &Counters::new()).expect("written");
            let _ = write!(std::io::stderr(), "\rday {} ", day + 1);
        }
    }
    writer.close();
}

/// Times what is asked of the store, from the opening of the inventory on.
fn look(db: &Path, looks: usize) {
    let open = || Inventory::open(db).expect("there");
    let inventory = open();
    let month = lately(&inventory, None, 30).expect("read").expect("watched");
    let year = lately(&inventory, None, usize::MAX).expect("read").expect("watched");
    let ask = |what: &str, question: &dyn Fn()| {
        let times = (0..looks).map(|_| {
            let begun = Instant::now();
            question();
            begun.elapsed().as_secs_f64() * 1000.0
        });
        say(&told(times.collect(), what));
    };
    say("the store, in this process: median (least–most)");
    ask("assets, with the activity of all days", &|| drop(open().assets().expect("read")));
    ask("activity alone: all days", &|| drop(open().activity(None).expect("read")));
    ask("activity alone: 30 days", &|| drop(open().activity(Some(month)).expect("read")));
    ask("activity alone: the year, by days", &|| drop(open().activity(Some(year)).expect("read")));
}

/// A line of what took so many milliseconds.
fn told(mut times: Vec<f64>, what: &str) -> String {
    times.sort_by(f64::total_cmp);
    let (first, last) = (times[0], times[times.len() - 1]);
    format!("{:>7.1} ms ({first:.1}–{last:.1})  {what}", times[times.len() / 2])
}
