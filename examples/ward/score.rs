//! What an inventory says of the hospital's minutes against what is true of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use auscult::store::{Error, Inventory, Known};

use crate::hospital::truth::{Device, Start, Truth};

/// Part of the minutes that may be wrong.
const TOLERANCE: f64 = 0.02;
/// Minutes that may be wrong however few there are.
const LEAST: f64 = 1.0;

/// True and counted.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    truth: f64,
    counted: f64,
}

impl Pair {
    const fn of(truth: u64, counted: u64) -> Self {
        Self { truth: truth as f64, counted: counted as f64 }
    }

    fn is_good(self, doubtful: f64) -> bool {
        let wrong = (self.counted - self.truth).abs();
        wrong <= (TOLERANCE * self.truth + doubtful).max(LEAST)
    }

    /// In percent of the truth; none of nothing.
    fn error(self) -> Option<f64> {
        (self.truth > 0.0).then(|| 100.0 * (self.counted - self.truth) / self.truth)
    }

    fn add(&mut self, other: Self) {
        self.truth += other.truth;
        self.counted += other.counted;
    }
}

/// Starts: how many there were, how many of these showed, were told; and told that were none.
#[derive(Clone, Copy, Debug, Default)]
struct Starts {
    truth: usize,
    shown: usize,
    found: usize,
    wrong: usize,
}

/// One device.
#[derive(Debug)]
struct Row {
    name: String,
    kind: String,
    observed: Option<Pair>,
    online: Option<Pair>,
    method: String,
    in_use: Option<Pair>,
    examinations: Option<(u64, u64)>,
    starts: Starts,
    faults: Vec<String>,
}

/// All devices.
#[derive(Debug)]
pub(crate) struct Score {
    rows: Vec<Row>,
    /// What is wrong with the whole.
    faults: Vec<String>,
}

/// Scores an inventory into which the capture of a truth was read.
///
/// # Errors
/// The inventory cannot be read.
pub(crate) fn score(truth: &Truth, db: &Path) -> Result<Score, Error> {
    let inventory = Inventory::open(db)?;
    let assets = inventory.assets()?;
    let mut rows = Vec::new();
    for device in &truth.devices {
        rows.push(row(device, truth.from, &assets, &inventory)?);
    }
    let mut faults = Vec::new();
    let zone = inventory.calendar()?.zone.name();
    if zone != truth.zone {
        faults.push(format!("read with the zone {zone}, not {}", truth.zone));
    }
    for canary in &truth.canaries {
        for end in ["", "-wal", "-journal"] {
            let mut path = db.as_os_str().to_owned();
            path.push(end);
            let bytes = fs::read(&path).unwrap_or_default();
            let wide: Vec<u8> = canary.bytes().flat_map(|b| [b, 0]).collect();
            let holds = |what: &[u8]| bytes.windows(what.len()).any(|it| it == what);
            if holds(canary.as_bytes()) || holds(&wide) {
                faults.push(format!("`{canary}` stands in {}", path.display()));
            }
        }
    }
    Ok(Score { rows, faults })
}

fn row(device: &Device, from: u64, assets: &[Known], inventory: &Inventory) -> Result<Row, Error> {
    let own = |it: &&Known| it.shown("mac_addresses").any(|mac| mac.value == device.mac);
    let found: Vec<&Known> = assets.iter().filter(own).collect();
    let mut faults = Vec::new();
    let spoke = device.online.is_none_or(|minutes| minutes > 0);
    if found.len() != 1 && spoke {
        faults.push(format!("{} assets", found.len()));
    }
    let activity = found.first().and_then(|it| it.activity.as_ref());
    let minutes = |of: fn(&auscult::store::activity::Activity) -> u64| activity.map_or(0, of);
    let observed = device.observed.map(|truth| Pair::of(truth, minutes(|it| it.observed)));
    let online = device.online.map(|truth| Pair::of(truth, minutes(|it| it.online)));
    for (what, pair) in [("observed", observed), ("on line", online)] {
        if pair.is_some_and(|it| !it.is_good(0.0)) {
            faults.push(what.to_owned());
        }
    }
    let used = activity.and_then(|it| it.used.as_ref());
    let method = used.map(|it| it.methods.join("+")).unwrap_or_default();
    let counted = used.map_or(0, |it| it.minutes);
    let in_use =
        device.in_use.as_ref().map(|(_, truth)| Pair { truth: *truth, counted: counted as f64 });
    match (&device.in_use, in_use) {
        (Some((how, _)), Some(pair)) => {
            if !pair.is_good(device.doubtful) {
                faults.push("in use".to_owned());
            }
            if pair.truth > 0.0 && !method.split('+').any(|it| it == how) {
                faults.push(format!("by `{method}`, not {how}"));
            }
        }
        _ if counted > 0 => faults.push(format!("{counted} minutes in use that are none")),
        _ => {}
    }
    let examinations = device
        .examinations
        .map(|truth| (truth, used.and_then(|it| it.examinations).unwrap_or_default()));
    if examinations.is_some_and(|(truth, counted)| truth != counted) {
        faults.push("examinations".to_owned());
    }
    let mut starts = Starts::default();
    if let Some(asset) = found.first() {
        faults.extend(days(device, &asset.id, inventory)?);
        let fault;
        (starts, fault) = self::starts(device, from, &asset.id, inventory)?;
        faults.extend(fault);
    }
    let (name, kind) = (device.name.clone(), device.kind.clone());
    Ok(Row { name, kind, observed, online, method, in_use, examinations, starts, faults })
}

/// Days of which the examinations are not those that there were.
fn days(device: &Device, id: &str, inventory: &Inventory) -> Result<Option<String>, Error> {
    if device.examinations.is_none() {
        return Ok(None);
    }
    let days = inventory.days(id, None)?.unwrap_or_default();
    let counted: BTreeMap<i32, usize> =
        days.into_iter().map(|it| (it.day, it.examinations.len())).collect();
    let wrong = device.days.iter().filter(|day| {
        counted.get(&day.number).copied().unwrap_or_default() as u64 != day.examinations
    });
    let wrong: Vec<&str> = wrong.map(|day| day.date.as_str()).collect();
    Ok((!wrong.is_empty()).then(|| format!("examinations of {}", wrong.join(", "))))
}

/// A counter and firmware tell a start to the second or two; a network comes up within a
/// minute.
fn is_near(start: &Start, told: i64) -> bool {
    let late = told - start.at as i64;
    let most = if start.shows == "network" || start.shows == "perhaps" { 60 } else { 2 };
    (-2..=most).contains(&late)
}

/// Starts since the first frame. Those that showed must be told, and none that was none.
fn starts(
    device: &Device,
    from: u64,
    id: &str,
    inventory: &Inventory,
) -> Result<(Starts, Option<String>), Error> {
    let told = inventory.starts(id, None)?.into_iter().map(|it| it.at.seconds());
    let told: Vec<i64> = told.filter(|at| *at >= from as i64).collect();
    let is_told = |start: &&Start| told.iter().any(|at| is_near(start, *at));
    let is_none = |at: &&i64| !device.starts.iter().any(|start| is_near(start, **at));
    let shows = |start: &&Start| start.shows != "nothing" && start.shows != "perhaps";
    let missed = device.starts.iter().filter(shows).filter(|start| !is_told(start));
    let (missed, wrong): (Vec<_>, Vec<_>) =
        (missed.collect(), told.iter().filter(is_none).collect());
    let starts = Starts {
        truth: device.starts.len(),
        shown: device.starts.iter().filter(shows).count(),
        found: device.starts.iter().filter(is_told).count(),
        wrong: wrong.len(),
    };
    let is_bad = !missed.is_empty() || !wrong.is_empty();
    Ok((starts, is_bad.then(|| format!("starts missed {missed:?}, wrong {wrong:?}"))))
}

impl Score {
    /// Whether all aims are met.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty() && self.rows.iter().all(|row| row.faults.is_empty())
    }

    /// A table for people.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) fn report(&self, to: &mut impl Write) -> io::Result<()> {
        let pair = |it: Option<Pair>| {
            it.map_or_else(String::new, |it| {
                let error = it.error().map_or_else(String::new, |error| format!("{error:+.1} %"));
                format!("{:.1} {:.1} {error}", it.truth, it.counted)
            })
        };
        writeln!(
            to,
            "{:<11} {:<17} {:<22} {:<22} {:<9} {:<22} {:<9}",
            "device", "kind", "observed", "on line", "method", "in use", "exams"
        )?;
        for row in &self.rows {
            let exams = row.examinations.map_or_else(String::new, |(t, c)| format!("{t} {c}"));
            writeln!(
                to,
                "{:<11} {:<17} {:<22} {:<22} {:<9} {:<22} {exams:<9} {}",
                row.name,
                row.kind,
                pair(row.observed),
                pair(row.online),
                row.method,
                pair(row.in_use),
                row.faults.join("; ")
            )?;
        }
        writeln!(to)?;
        let sum = |of: fn(&Row) -> Option<Pair>| {
            let mut sum = Pair::default();
            let all: Vec<Pair> = self.rows.iter().filter_map(of).collect();
            all.iter().for_each(|it| sum.add(*it));
            let worst = all.iter().filter_map(|it| it.error()).map(f64::abs).fold(0.0, f64::max);
            (all.len(), sum, worst)
        };
        for (what, (count, sum, worst)) in [
            ("observed", sum(|row| row.observed)),
            ("on line", sum(|row| row.online)),
            ("in use", sum(|row| row.in_use)),
        ] {
            let error = sum.error().unwrap_or_default();
            writeln!(
                to,
                "{what}: {count} devices, {:.0} minutes true, {:.0} counted ({error:+.2} %), worst device {worst:.1} %",
                sum.truth, sum.counted
            )?;
        }
        let exams: Vec<(u64, u64)> = self.rows.iter().filter_map(|row| row.examinations).collect();
        let (truth, counted) = exams.iter().fold((0, 0), |(a, b), (t, c)| (a + t, b + c));
        let exact = exams.iter().filter(|(t, c)| t == c).count();
        writeln!(
            to,
            "examinations: {truth} true, {counted} counted; exact at {exact} of {} devices",
            exams.len()
        )?;
        let starts = self.rows.iter().map(|row| row.starts);
        let all = starts.fold(Starts::default(), |all, it| Starts {
            truth: all.truth + it.truth,
            shown: all.shown + it.shown,
            found: all.found + it.found,
            wrong: all.wrong + it.wrong,
        });
        writeln!(
            to,
            "starts: {} true, {} of them shown, {} found, {} false",
            all.truth, all.shown, all.found, all.wrong
        )?;
        let bad = self.rows.iter().filter(|row| !row.faults.is_empty()).count();
        writeln!(to, "{bad} devices of {} miss an aim", self.rows.len())?;
        self.faults.iter().try_for_each(|fault| writeln!(to, "{fault}"))
    }
}
