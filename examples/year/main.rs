//! A year of a hospital's devices in an inventory: how large it is, and how long views
//! take. `make year`; `cargo run --release --example year -- [--devices N] [--days N] DB`,
//! with `--look` of one that is there already.
//!
//! The devices are made up, and so is what they do; the census, the writer and the views
//! are those of the sensor.

mod ward;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::store::{Counters, Inventory, Writer};
use auscult::time::calendar::{Calendar, Hours, Zone};
use auscult::view::activity::{self, Filter, Format, lately};
use auscult::view::register;

/// 2026-01-01.
const FIRST: i64 = 20_454;
/// Days between two writings: what a sensor writes each minute is the same in the end.
const WRITTEN: i64 = 7;
/// Looks at each view; the median is told.
const LOOKS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut devices, mut days, mut db) = (20_000, 365, PathBuf::from("target/year.db"));
    let mut look_only = false;
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).expect("a number");
        match arg.as_str() {
            "--look" => look_only = true,
            "--devices" => devices = number(),
            "--days" => days = number(),
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
    look(&db);
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

/// Times each view's question, from the opening of the inventory to the last byte.
fn look(db: &Path) {
    let inventory = Inventory::open(db).expect("there");
    let month = lately(&inventory, None, 30).expect("read").expect("watched");
    let year = lately(&inventory, None, usize::MAX).expect("read").expect("watched");
    let assets = inventory.assets().expect("read");
    let modality = assets.iter().find(|it| it.first("device_class") == Some("ct")).expect("one");
    let list = |days, filter: Filter| {
        let inventory = Inventory::open(db).expect("there");
        activity::list(&inventory, days, &filter, Format::Csv, std::io::sink()).expect("listed");
    };
    let open = || Inventory::open(db).expect("there");
    time("assets, with the activity of all days", &|| drop(open().assets().expect("read")));
    time("activity alone: all days", &|| drop(open().activity(None).expect("read")));
    time("activity alone: 30 days", &|| drop(open().activity(Some(month)).expect("read")));
    time("activity alone: the year, by days", &|| drop(open().activity(Some(year)).expect("read")));
    time("register", &|| {
        register::csv(&open(), &register::Filter::default(), std::io::sink()).expect("written");
    });
    time("activity, 30 days", &|| list(month, Filter::default()));
    time("activity, the year", &|| list(year, Filter::default()));
    time("activity --idle, 30 days", &|| list(month, Filter { idle: true, ..Filter::default() }));
    let silent = || Filter { silent: Some(7), ..Filter::default() };
    time("activity --silent 7, 30 days", &|| list(month, silent()));
    time("one device, 30 days with its heat map", &|| {
        drop(activity::page(&open(), &modality.id, month).expect("read"));
    });
    time("one device, the year with its heat map", &|| {
        drop(activity::page(&open(), &modality.id, year).expect("read"));
    });
    say(&activity::page(&inventory, &modality.id, month).expect("read"));
}

fn time(what: &str, view: &dyn Fn()) {
    let mut times: Vec<_> = (0..LOOKS)
        .map(|_| {
            let begun = Instant::now();
            view();
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (first, last) = (times[0], times[LOOKS - 1]);
    say(&format!("{:>7.1} ms ({first:.1}–{last:.1})  {what}", times[LOOKS / 2]));
}
