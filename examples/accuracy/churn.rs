//! Whether assets are devices where addresses change hands: captures of `examples/churn`.
//!
//! Every piece of evidence there says which device it came from: a product token, an AE
//! title, a name that no other has, a MAC. Each asset's candidates with all their reasons
//! are looked through for these.
//!
//! * **merged**: an asset that holds evidence of several devices. Devices behind a
//!   translator count as the translator, whose address is all that the mirror sees.
//! * **split**: a device whose evidence lies in several assets. What stands under a bare
//!   address does not count when it was said before the mirror could have seen whose the
//!   address was at that time, nor does what others describe.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use auscult::census::signature::{Book, Source};
use auscult::store::{Inventory, Known};
use serde::{Deserialize, Serialize};

use crate::scoring::{Read, Score, Truth, claims};

/// Shows the tokens as software. No signature of the project knows them.
const TOKENS: Source<'static> = Source {
    name: "churn.toml",
    text: r#"
[[signature]]
id = "churn.client"
key = "http.user_agent"
pattern = 'HTTPClient/1\.0 \((unit [0-9]+)\)'
confidence = 0.9
source = "examples/churn"
set = { software = "$1" }
examples = [ { value = "HTTPClient/1.0 (unit 7)", set = { software = "unit 7" } } ]

[[signature]]
id = "churn.server"
key = "http.server"
pattern = 'HTTPServer/1\.0 \((unit [0-9]+)\)'
confidence = 0.9
source = "examples/churn"
set = { software = "$1" }
examples = [ { value = "HTTPServer/1.0 (unit 7)", set = { software = "unit 7" } } ]
"#,
};

/// Examples of a fault that are shown.
const SHOWN: usize = 10;

/// The whole truth of one capture.
#[derive(Deserialize)]
struct Hospital {
    hosts: Vec<Unit>,
    /// Seconds since 1970 at which it begins.
    start: u64,
    conflicts: Vec<Conflict>,
    routers: Vec<String>,
}

#[derive(Deserialize)]
struct Unit {
    unit: usize,
    kind: String,
    macs: Vec<String>,
    spoke: bool,
    shares_name: bool,
    behind: Option<usize>,
    facts: BTreeMap<String, String>,
    /// Address, VLAN, from, to, and since when the mirror could know it; in seconds.
    tenures: Vec<(IpAddr, u16, u64, u64, Option<u64>)>,
}

#[derive(Deserialize)]
struct Conflict {
    ip: Option<IpAddr>,
    units: [usize; 2],
}

/// What reading cost.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// Processor time, user and system, in seconds.
    seconds: f64,
    /// Most memory held at once, in KiB.
    peak: u64,
}

/// What one capture came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    name: String,
    devices: usize,
    found: usize,
    assets: usize,
    /// Assets that hold evidence of several devices, and these devices.
    merged: usize,
    merged_devices: usize,
    /// Devices in several assets.
    split: usize,
    /// The same by kind of device.
    split_kinds: BTreeMap<String, usize>,
    conflicts: usize,
    conflicts_found: usize,
    conflicts_invented: usize,
    cost: Cost,
    examples: Vec<String>,
}

impl Outcome {
    /// Nothing is merged wrongly, and less than 2 % of the devices are split.
    pub(crate) const fn is_good(&self) -> bool {
        self.merged == 0 && self.split * 50 < self.devices
    }
}

/// Reads a capture in this process, which does nothing else, and says what it cost.
pub(crate) fn read_apart(capture: &Path, db: &Path) -> Result<Cost, String> {
    let book = Book::from_sources(&[TOKENS]).map_err(|e| e.to_string())?;
    let census = claims::read_into(capture, db, Arc::new(book))?;
    drop(census);
    let text = |file: &str| fs::read_to_string(file).map_err(|e| e.to_string());
    let status = text("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
    // Fields 14 and 15 of proc(5), in hundredths of a second; the name stands in brackets.
    let stat = text("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let ticks = fields.map(|all| all.skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum());
    Ok(Cost { seconds: ticks.unwrap_or(0.0) / 100.0, peak: peak.unwrap_or(0) })
}

/// Scores one capture; its values are judged into `score`.
pub(crate) fn score(truth: &Truth, score: &mut Score) -> Result<Outcome, String> {
    let text = |e: &dyn std::fmt::Display| format!("{}: {e}", truth.file.display());
    let hospital = fs::read_to_string(&truth.file).map_err(|e| text(&e))?;
    let hospital: Hospital = serde_json::from_str(&hospital).map_err(|e| text(&e))?;
    let dir = tempfile::tempdir().map_err(|e| text(&e))?;
    let db = dir.path().join("churn.db");
    let own = std::env::current_exe().map_err(|e| text(&e))?;
    let run = Command::new(own).arg("--apart").arg(&truth.path).arg(&db).output();
    let run = run.map_err(|e| text(&e))?;
    let cost = serde_json::from_slice(&run.stdout)
        .map_err(|_| format!("reading failed: {}", String::from_utf8_lossy(&run.stderr)))?;
    let assets = Inventory::open(&db).and_then(|i| i.assets()).map_err(|e| text(&e))?;
    let held = Held::new(&hospital, &assets);
    let outcome = held.outcome(&hospital, &assets, cost, &truth.name);
    let read = Read { assets, facts: Vec::new() };
    // Who said nothing cannot be known, nor who stands behind a translator.
    let judged = |unit: &Unit| unit.spoke && unit.behind.is_none();
    let units: Vec<usize> =
        hospital.hosts.iter().filter(|it| judged(it)).map(|it| it.unit).collect();
    let mut truth = truth.clone();
    let mut all = hospital.hosts.iter();
    truth.hosts.retain(|_| all.next().is_some_and(judged));
    score.judge(&truth, &read, |at, _| {
        let unit = units.get(at)?;
        let counted = held.by_unit.get(unit).and_then(|places| places.first());
        read.assets.get(*counted.or_else(|| held.excused.get(unit))?)
    });
    Ok(outcome)
}

/// Which asset holds whose evidence.
struct Held {
    /// By asset.
    by_asset: Vec<BTreeSet<usize>>,
    /// By device, those with its MAC first; without what is excused.
    by_unit: HashMap<usize, Vec<usize>>,
    /// The address that stands for a device of which nothing else is known.
    excused: HashMap<usize, usize>,
    /// Devices with anything at all.
    found: BTreeSet<usize>,
}

impl Held {
    fn new(hospital: &Hospital, assets: &[Known]) -> Self {
        let known = tokens(hospital);
        let mut held = Self {
            by_asset: Vec::with_capacity(assets.len()),
            by_unit: HashMap::new(),
            excused: HashMap::new(),
            found: BTreeSet::new(),
        };
        for (at, asset) in assets.iter().enumerate() {
            let mut all = BTreeSet::new();
            let (mut counted, mut cards) = (BTreeSet::new(), BTreeSet::new());
            for (token, seen) in evidence(asset) {
                let Some(unit) = known.get(token.as_str()) else { continue };
                all.insert(*unit);
                if token.starts_with("mac_addresses:") {
                    cards.insert(*unit);
                }
                let early = asset.identity.starts_with("ip:")
                    && seen.is_some_and(|seen| {
                        let seen = seen.saturating_sub(hospital.start);
                        hospital.hosts.get(*unit).is_some_and(|it| it.is_unbound(seen))
                    });
                // What others describe is no speaker; whose it is is another question.
                if !early && !asset.identity.starts_with("equipment:") {
                    counted.insert(*unit);
                }
            }
            for unit in counted {
                let places = held.by_unit.entry(unit).or_default();
                if cards.contains(&unit) {
                    places.insert(0, at);
                } else {
                    places.push(at);
                }
            }
            if asset.identity.starts_with("ip:") {
                for unit in &all {
                    held.excused.entry(*unit).or_insert(at);
                }
            }
            held.found.extend(&all);
            held.by_asset.push(all);
        }
        held
    }

    fn outcome(&self, hospital: &Hospital, assets: &[Known], cost: Cost, name: &str) -> Outcome {
        let mut it = Outcome {
            name: name.to_owned(),
            assets: assets.len(),
            conflicts: hospital.conflicts.len(),
            cost,
            ..Outcome::default()
        };
        let mut merged: BTreeSet<usize> = BTreeSet::new();
        for (asset, units) in assets.iter().zip(&self.by_asset).filter(|(_, u)| u.len() > 1) {
            it.merged += 1;
            merged.extend(units);
            if it.merged <= SHOWN {
                let units: Vec<_> = units.iter().take(6).collect();
                it.examples.push(format!("merged {}: units {units:?}", asset.identity));
            }
        }
        it.merged_devices = merged.len();
        for unit in hospital.hosts.iter().filter(|unit| unit.spoke && unit.behind.is_none()) {
            it.devices += 1;
            it.found += usize::from(self.found.contains(&unit.unit));
            let places = self.by_unit.get(&unit.unit).map_or(&[][..], |all| all);
            if places.len() > 1 {
                it.split += 1;
                *it.split_kinds.entry(unit.kind.clone()).or_default() += 1;
                if it.split <= SHOWN {
                    let names = places.iter().filter_map(|at| assets.get(*at));
                    let names: Vec<_> = names.map(|asset| &*asset.identity).take(4).collect();
                    let (unit, kind) = (unit.unit, &unit.kind);
                    it.examples.push(format!("split unit {unit} ({kind}): {}", names.join(", ")));
                }
            }
        }
        self.quarrels(hospital, assets, &mut it);
        it
    }

    /// Conflicts that the register names, and whether there are such.
    fn quarrels(&self, hospital: &Hospital, assets: &[Known], it: &mut Outcome) {
        let mut said: BTreeSet<(String, usize)> = BTreeSet::new();
        for (asset, units) in assets.iter().zip(&self.by_asset) {
            for value in asset.shown("address_conflicts") {
                let ip = value.value.split(' ').next().unwrap_or_default().to_owned();
                said.extend(units.iter().map(|unit| (ip.clone(), *unit)));
            }
        }
        let mut used = BTreeSet::new();
        for conflict in &hospital.conflicts {
            let ip = conflict.ip.map(|ip| ip.to_string()).unwrap_or_default();
            let both = conflict.units.map(|unit| (ip.clone(), unit));
            it.conflicts_found += usize::from(both.iter().all(|one| said.contains(one)));
            used.extend(both);
        }
        it.conflicts_invented = said.difference(&used).count();
    }
}

impl Unit {
    /// Whether at this second the mirror could not yet know whose its address was.
    fn is_unbound(&self, second: u64) -> bool {
        let mut then = self
            .tenures
            .iter()
            .filter(|(_, _, from, to, _)| (*from..=to.saturating_add(1)).contains(&second));
        then.any(|(.., bound)| bound.is_none_or(|bound| bound > second))
    }
}

/// What only one device says, and whose it is. Routers come after the devices.
fn tokens(hospital: &Hospital) -> HashMap<String, usize> {
    let mut known = HashMap::new();
    for unit in &hospital.hosts {
        let owner = unit.behind.unwrap_or(unit.unit);
        known.insert(format!("software:unit {}", unit.unit), owner);
        known.extend(unit.macs.iter().map(|mac| (format!("mac_addresses:{mac}"), owner)));
        if let Some(title) = unit.facts.get("ae_title") {
            known.insert(format!("ae_titles:{}", title.to_lowercase()), owner);
        }
        if let (Some(name), false) = (unit.facts.get("hostname"), unit.shares_name) {
            known.insert(format!("hostname:{}", name.to_lowercase()), owner);
            known.insert(format!("station_name:{}", name.to_lowercase()), owner);
        }
    }
    for (router, n) in hospital.routers.iter().zip(hospital.hosts.len()..) {
        known.insert(format!("mac_addresses:{router}"), n);
    }
    known
}

/// Everything in an asset that may say whose it is, with the second in which each reason
/// was first seen.
fn evidence(asset: &Known) -> impl Iterator<Item = (String, Option<u64>)> {
    let wanted = ["software", "ae_titles", "hostname", "station_name", "mac_addresses"];
    wanted.into_iter().flat_map(move |name| {
        let values = asset.all(name).iter();
        values.flat_map(move |value| {
            let text = value.value.to_lowercase();
            let text = if name == "hostname" {
                text.split('.').next().unwrap_or_default().to_owned()
            } else {
                text
            };
            let token = format!("{name}:{text}");
            let none = value.reasons.is_empty().then(|| (token.clone(), None));
            let reasons = value.reasons.iter().map(move |why| {
                let seconds = why.first_seen.0 / 1_000_000_000;
                (token.clone(), u64::try_from(seconds).ok())
            });
            none.into_iter().chain(reasons).collect::<Vec<_>>()
        })
    })
}

/// The table.
pub(crate) fn report(all: &[Outcome], to: &mut impl Write) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(
        to,
        "\n{:<17} {:>8} {:>7} {:>7} {:>15} {:>15} {:>10} {:>9} {:>9}",
        "changing hands",
        "devices",
        "found",
        "assets",
        "merged (of)",
        "split",
        "conflicts",
        "cpu s",
        "peak MiB"
    )?;
    for it in all {
        let percent = 100.0 * it.split as f64 / it.devices.max(1) as f64;
        writeln!(
            to,
            "{:<17} {:>8} {:>7} {:>7} {:>15} {:>15} {:>10} {:>9.1} {:>9}",
            it.name,
            it.devices,
            it.found,
            it.assets,
            format!("{} ({})", it.merged, it.merged_devices),
            format!("{} ({percent:.1} %)", it.split),
            format!("{}/{}+{}", it.conflicts_found, it.conflicts, it.conflicts_invented),
            it.cost.seconds,
            it.cost.peak / 1024
        )?;
        for (kind, n) in &it.split_kinds {
            writeln!(to, "  split {kind}: {n}")?;
        }
        for example in &it.examples {
            writeln!(to, "  {example}")?;
        }
    }
    Ok(())
}
