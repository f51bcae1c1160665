//! Times every view of the program itself, from the start of its process to its last byte.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use auscult::store::Inventory;
use auscult::time::calendar::{Day, date, weekday};
use auscult::view::activity::lately;

use crate::{say, told};

/// Whatever of a class is first, the last day, the last from Monday to Friday, that 29 days before
/// the last, and the first of all stand for these.
const CT: &str = "CT";
const DAY: &str = "DAY";
const WORKDAY: &str = "WORKDAY";
const MONTH: &str = "MONTH";
const FIRST: &str = "FIRST";

/// The views, as they are asked for.
const VIEWS: &[&str] = &[
    "register",
    "register --format json",
    "activity",
    "activity --format csv",
    "activity --format json",
    "activity --format csv --from FIRST",
    "activity --idle",
    "activity --silent 7",
    "activity --starts --class ct --format csv",
    "activity --starts",
    "activity --starts --format csv --from WORKDAY --to WORKDAY",
    "activity --starts --format csv --from MONTH",
    "activity --minutes CT --format csv",
    "activity --hours CT --format csv",
    "activity --hours CT --format csv --from FIRST",
    "activity --hours --format csv --from DAY --to DAY",
    "activity --heat CT --format csv",
    "activity --heat --class ct --format csv",
    "activity --heat --format csv",
    "activity --examinations --format csv",
    "activity --examinations --format csv --from FIRST",
    "risk",
    "risk --terms csv",
    "risk --forecast",
    "risk --changes",
    "risk CT",
    "show CT",
    "alerts",
    "alerts --format json",
    "alerts --asset CT",
    "advisories match --format csv",
];

/// Asks for each so many times.
pub(crate) fn time(db: &Path, auscult: &Path, runs: usize) {
    if !auscult.is_file() {
        say("no views: build the program first (cargo build --release), or name it (--auscult)");
        return;
    }
    let inventory = Inventory::open(db).expect("there");
    let assets = inventory.assets().expect("read");
    let ct = assets.iter().find(|it| it.first("device_class") == Some("ct")).expect("one");
    let days = lately(&inventory, None, usize::MAX).expect("read").expect("watched");
    say(&format!("{}, from its start to its last byte: median (least–most)", auscult.display()));
    for view in VIEWS {
        let args: Vec<String> = view.split(' ').map(|it| meant(it, &ct.id, days)).collect();
        let mut bytes = 0;
        let times = (0..runs).map(|_| {
            let begun = Instant::now();
            bytes = run(auscult, db, &args);
            begun.elapsed().as_secs_f64() * 1000.0
        });
        let line = told(times.collect(), view);
        say(&format!("{line}: {:.1} MB", bytes as f64 / 1e6));
    }
}

/// A word of a view as it is asked of this inventory.
fn meant(word: &str, ct: &str, (first, last): (Day, Day)) -> String {
    match word {
        CT => ct.to_owned(),
        DAY => date(last),
        WORKDAY => date((last - 6..=last).rfind(|day| weekday(*day) < 5).unwrap_or(last)),
        MONTH => date(last - 29),
        FIRST => date(first),
        word => word.to_owned(),
    }
}

/// Runs it; how much it says. Whoever fails says so on standard error.
fn run(auscult: &Path, db: &Path, args: &[String]) -> u64 {
    let mut command = Command::new(auscult);
    command.arg("--quiet").arg("--db").arg(db).args(args).stdout(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let mut out = child.stdout.take().expect("piped");
    let bytes = io::copy(&mut out.by_ref(), &mut io::sink()).expect("read");
    assert!(child.wait().expect("ended").success(), "auscult {}", args.join(" "));
    bytes
}
