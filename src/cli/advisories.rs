//! `auscult advisories`: known weaknesses, imported and compared offline.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::{Failure, Settings, is_whole, output, printable};
use crate::census::advisory::{
    Advisories, Advisory, Device, MAX_FILE, Match, Product, Set, Taken, Verdict, Versions, check,
    take,
};
use crate::store::{Inventory, Known};
use crate::view::dossier;
use crate::view::register::neutral;

/// Folders below each other: CISA's repository has six.
const MAX_DEPTH: usize = 12;
/// Files of one import: CISA's repository has about 12,000.
const MAX_FILES: usize = 200_000;
/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a set of the CSAF documents and the KEV list of a folder
    Import {
        /// Folder with CSAF 2.0 documents and known_exploited_vulnerabilities (JSON or CSV)
        dir: PathBuf,
        /// Into this file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// One line an advisory, and how old the set is
    List,
    /// Lint the aliases of makers and products, and run their examples
    Check,
    /// One advisory, whole: products, versions and how they are understood
    Explain {
        /// ICSMA-20-343-01, or a CVE
        id: String,
    },
    /// The advisories that name the assets of the inventory
    Match {
        /// Only this one: asset id, MAC, IP address, hostname, AE title …
        asset: Option<String>,
        /// Those that are fixed too
        #[arg(long)]
        all: bool,
        /// How to write them
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    match &args.what {
        What::Import { dir, output } => import(dir, output.as_deref(), settings),
        What::List => list(&*settings.advisories()?, settings),
        What::Check => lint(&*settings.advisories()?),
        What::Explain { id } => explain(&*settings.advisories()?, id),
        What::Match { asset, all, format } => compare(settings, asset.as_deref(), *all, *format),
    }
}

fn import(dir: &Path, to: Option<&Path>, settings: &Settings) -> Result<(), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::Said(format!("{}: cannot read ({error})", path.display()))
    };
    let mut set = Set { until: Some(tomorrow()), ..Set::default() };
    let (mut refused, mut seen) = (0_usize, 0_usize);
    let (mut unread, mut older, mut others) = (0_usize, 0_usize, 0_usize);
    let mut folders = vec![(dir.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?;
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed(&folder, &error))?;
            // A link may lead anywhere, and round in a circle.
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), &error))?;
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                paths.push(entry.path());
            } else if !kind.is_dir() {
                refused += 1;
                let shown = entry.path();
                warn!("{}: left out: no file but a link or a device", shown.display());
            }
            seen += 1;
            if seen > MAX_FILES {
                let shown = dir.display();
                return Err(Failure::Said(format!("{shown}: more than {MAX_FILES} files")));
            }
        }
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
            let lower = name.to_ascii_lowercase();
            if ![".json", ".csv"].iter().any(|end| lower.ends_with(end)) {
                // Beside each document lie its hashes and signature: they are counted alone.
                others += 1;
                continue;
            }
            let mut bytes = Vec::new();
            let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
            let read = fs::File::open(&path).and_then(|it| it.take(most).read_to_end(&mut bytes));
            let taken = match read {
                Err(error) => Err(error.to_string()),
                Ok(_) if bytes.len() > MAX_FILE => Err(format!("more than {MAX_FILE} bytes")),
                Ok(_) => take(&name, &bytes, &mut set),
            };
            match taken {
                Ok(Taken::Nothing) => {
                    refused += 1;
                    warn!("{}: left out: neither advisory nor list", path.display());
                }
                Ok(Taken::Advisory { left_out, again }) => {
                    unread += left_out;
                    older += usize::from(again);
                }
                Ok(Taken::List { left_out, named, again }) => {
                    unread += left_out;
                    for entry in named {
                        warn!("{}: left out: {}", path.display(), printable(&entry));
                    }
                    if again {
                        let shown = path.display();
                        warn!("{shown}: one more list of exploited weaknesses; the latest counts");
                    }
                }
                Err(why) => {
                    refused += 1;
                    warn!("{}: left out: {}", path.display(), printable(&why));
                }
            }
        }
    }
    if set.advisories.is_empty() && set.exploited.is_empty() {
        let shown = dir.display();
        return Err(Failure::Said(format!("{shown}: no CSAF documents and no KEV list in it")));
    }
    let kept = keep(&mut set, dir, settings)?;
    let more = [
        (unread, "entries that cannot be read"),
        (older, "older revisions"),
        (others, "files that are called neither .json nor .csv"),
    ];
    let more = more.into_iter().filter(|(n, _)| *n > 0);
    let more: String = more.map(|(n, what)| format!(", {n} {what}")).collect();
    info!("{}{kept}, {refused} files left out{more}", summary(&set));
    output(to, |to| Ok(to.write_all(set.to_text().as_bytes())?))
}

/// A folder with one half alone, documents or list, renews that half: the other stays as it
/// is in the set in force. What a new half has fewer of than the one in force is said, since
/// it takes its place whole.
fn keep(set: &mut Set, dir: &Path, settings: &Settings) -> Result<&'static str, Failure> {
    let shown = dir.display();
    let (no_documents, no_list) = (set.advisories.is_empty(), set.exploited.is_empty());
    let known = match settings.advisories() {
        Ok(known) => known,
        Err(_) if !no_documents && !no_list => return Ok(""),
        Err(failure) => {
            return Err(Failure::Said(format!(
                "{shown}: it has one half alone (documents or list), and the set in force, whose \
                 other half would stay, cannot be read ({failure}); put both into the folder"
            )));
        }
    };
    let known = known.set();
    let mut kept = "";
    if no_documents {
        set.advisories.clone_from(&known.advisories);
        kept = " (no CSAF documents in the folder: the advisories of the set in force stay)";
    }
    if no_list {
        (set.kev, set.exploited) = (known.kev.clone(), known.exploited.clone());
        kept = " (no KEV list in the folder: the exploited weaknesses of the set in force stay)";
    }
    for (what, now, before) in [
        ("advisories", set.advisories.len(), known.advisories.len()),
        ("exploited weaknesses", set.exploited.len(), known.exploited.len()),
    ] {
        if now < before {
            warn!(
                "{now} {what}, where the set in force has {before}: these take the place of all; what \
                 should stay belongs into {shown} too"
            );
        }
    }
    Ok(kept)
}

/// By some clock it is tomorrow already; what is of a later day is not believed. In UTC.
#[allow(clippy::disallowed_methods, reason = "what is to come depends on today")]
pub(super) fn tomorrow() -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.tomorrow().unwrap_or(today).to_string()
}

/// How much is in a set, and up to when.
fn summary(set: &Set) -> String {
    let day = |day: &str| if day.is_empty() { "never".to_owned() } else { day.to_owned() };
    format!(
        "{} advisories to {}, {} exploited weaknesses to {}",
        set.advisories.len(),
        day(set.csaf()),
        set.exploited.len(),
        day(&set.kev),
    )
}

/// Days between a set and the last packet of an inventory.
pub(super) fn age(set: &Set, last: crate::time::Timestamp) -> Option<i64> {
    let day: jiff::civil::Date = set.date().parse().ok()?;
    let day = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(last.seconds().checked_sub(day)?.max(0) / DAY)
}

fn list(all: &Advisories, settings: &Settings) -> Result<(), Failure> {
    let now = || -> Result<_, crate::store::Error> {
        let inventory = Inventory::open(&settings.db)?;
        Ok((!inventory.is_empty()?).then_some(inventory.now()?))
    };
    let last = now().unwrap_or(None);
    let set = all.set();
    output(None, |to| {
        write!(to, "{}", summary(set))?;
        match last.and_then(|last| age(set, last)) {
            Some(days) => writeln!(to, ", {days} days before the last packet of the inventory")?,
            None => writeln!(to)?,
        }
        for it in set.advisories.values() {
            let score = score(it.cves.iter().filter_map(|cve| cve.score).reduce(f32::max));
            let exploited = it.cves.iter().any(|cve| set.exploited.contains_key(&cve.id));
            let kev = if exploited { "KEV" } else { "" };
            let mut makers: Vec<&str> = it.products.iter().map(|it| it.maker.as_str()).collect();
            makers.dedup();
            let (count, id, makers) = (it.products.len(), &it.id, makers.join(", "));
            writeln!(to, "{id:<18} {} {score:>4} {kev:<3} {count:>3} {makers}", it.revised)?;
        }
        Ok(())
    })
}

fn score(it: Option<f32>) -> String {
    it.map_or_else(|| "-".to_owned(), |it| format!("{it:.1}"))
}

fn lint(all: &Advisories) -> Result<(), Failure> {
    let faults = check(all);
    output(None, |to| {
        for fault in &faults {
            writeln!(to, "{fault}")?;
        }
        let leaves = || all.set().advisories.values().flat_map(|it| &it.products);
        let read = leaves().filter(|it| Versions::parse(&it.versions).is_some()).count();
        let decides = |it: &Versions| it.decides();
        let ranges = leaves().filter_map(|it| Versions::parse(&it.versions)).filter(decides);
        for maker in all.unknown_makers() {
            writeln!(to, "no alias: {maker}")?;
        }
        writeln!(
            to,
            "{}; {} products, versions of {read} understood, {} with a limit; {} faults",
            summary(all.set()),
            leaves().count(),
            ranges.count(),
            faults.len()
        )?;
        Ok(())
    })?;
    if faults.is_empty() { Ok(()) } else { Err(Failure::Silent) }
}

fn explain(all: &Advisories, id: &str) -> Result<(), Failure> {
    let id = id.trim().to_ascii_uppercase();
    let set = all.set();
    if let Some(cves) = all.named_weakness(&id) {
        return output(None, |to| {
            writeln!(to, "{id}  a weakness that is recognised by what a device does")?;
            for cve in cves {
                let kev = set.exploited.get(cve).map(|it| format!("  exploited, {}", it.added));
                writeln!(to, "  {cve:<16}{}", kev.unwrap_or_default())?;
            }
            Ok(())
        });
    }
    let names = |it: &&Advisory| it.id == id || it.cves.iter().any(|cve| cve.id == id);
    let found: Vec<&Advisory> = set.advisories.values().filter(names).collect();
    let listed = set.exploited.get(&id);
    if found.is_empty() && listed.is_none() {
        let id = id.escape_debug();
        let what = format!("no advisory `{id}`; `auscult advisories list` has them all");
        return Err(Failure::Said(what));
    }
    output(None, |to| {
        if let Some(it) = listed {
            let ransomware = if it.ransomware { ", by ransomware too" } else { "" };
            writeln!(to, "{id}  exploited since before {}{ransomware}", it.added)?;
            writeln!(to, "  {} {}", it.maker, it.product)?;
        }
        for it in &found {
            writeln!(to, "{}  {}, revised {}", it.id, it.released, it.revised)?;
            for cve in &it.cves {
                let kev = set.exploited.get(&cve.id).map(|it| format!("  exploited, {}", it.added));
                writeln!(to, "  {:<16} {}{}", cve.id, score(cve.score), kev.unwrap_or_default())?;
            }
            for product in &it.products {
                let understood = match Versions::parse(&product.versions) {
                    Some(versions) => versions.to_string(),
                    None => {
                        "not understood: affected where a device says the very same, else possible"
                            .to_owned()
                    }
                };
                let of = (product.cves.len() < it.cves.len())
                    .then(|| format!("  ({} of the CVEs)", product.cves.len()));
                writeln!(to, "  {} {}{}", product.maker, product.name, of.unwrap_or_default())?;
                writeln!(to, "    {}  →  {understood}", product.versions)?;
            }
            for Product { maker, name, versions, .. } in &it.fixed {
                writeln!(to, "  {maker} {name}\n    {versions}  →  said to be fixed")?;
            }
        }
        Ok(())
    })
}

/// What is known of a stored asset, as far as it is compared.
fn device(asset: &Known<'_>) -> Device {
    let mut device = Device::default();
    for (name, values) in &asset.values {
        for it in values.iter().filter(|it| it.shown) {
            let (protocol, client) = (it.value.split(' ').next(), it.value.ends_with(" client"));
            match (&**name, protocol) {
                ("services", Some(protocol)) if !client && !protocol.contains('/') => {
                    device.serves(protocol);
                }
                #[allow(clippy::cast_possible_truncation, reason = "it was an f32")]
                (name, _) => device.add(name, &it.value, it.confidence as f32),
            }
        }
    }
    device
}

fn compare(
    settings: &Settings,
    wanted: Option<&str>,
    fixed: bool,
    format: Format,
) -> Result<(), Failure> {
    let all = settings.advisories()?;
    let inventory = Inventory::open(&settings.db)?;
    let shelf = inventory.shelf(false)?;
    let assets = shelf.known(None);
    let chosen: Vec<&Known<'_>> = match wanted {
        Some(wanted) => dossier::find(&assets, wanted),
        None => assets.iter().filter(|it| !it.external).collect(),
    };
    if chosen.is_empty() {
        is_whole(&inventory)?;
        return Err(wanted.map_or_else(
            || Failure::Said("the inventory has no assets; `auscult read` fills it".to_owned()),
            Failure::nobody,
        ));
    }
    let counts = |it: &Match| fixed || it.verdict != Verdict::Fixed;
    let found = |asset: &Known<'_>| {
        all.of(&device(asset)).into_iter().filter(counts).collect::<Vec<Match>>()
    };
    if format == Format::Csv {
        output(None, |to| table(chosen.iter().map(|it| (&*it.id, found(it))), to))?;
        return is_whole(&inventory);
    }
    output(None, |to| {
        for asset in &chosen {
            let matches = found(asset);
            if matches.is_empty() {
                if wanted.is_some() {
                    writeln!(to, "{}  no advisory of the set names it", asset.id)?;
                }
                continue;
            }
            let names = ["manufacturer", "model", "device_class", "hostname"];
            let title: Vec<&str> = names.iter().filter_map(|name| asset.first(name)).collect();
            writeln!(to, "{}  {}", asset.id, title.join(" · "))?;
            for it in matches {
                let kev = if it.exploited { "KEV" } else { "" };
                let (score, sure) = (score(it.score), it.confidence);
                writeln!(
                    to,
                    "  {:<8} {:<18} {score:>4} {kev:<3} {sure:.2}  {}",
                    it.verdict, it.advisory, it.because
                )?;
                writeln!(to, "           {}", cves(&it.cves))?;
            }
        }
        Ok(())
    })?;
    is_whole(&inventory)
}

/// One row a match. No cell is run by a spreadsheet.
fn table<'a>(
    all: impl Iterator<Item = (&'a str, Vec<Match>)>,
    to: &mut dyn std::io::Write,
) -> Result<(), Failure> {
    // With its kind: a reader that leaves is no failure.
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Failure::from(error),
        other => Failure::Said(format!("cannot write the output: {other:?}")),
    };
    let mut csv = csv::Writer::from_writer(to);
    let names =
        ["asset_id", "advisory", "verdict", "exploited", "score", "confidence", "cves", "because"];
    csv.write_record(names).map_err(failed)?;
    for (asset, it) in all.flat_map(|(id, matches)| matches.into_iter().map(move |it| (id, it))) {
        let exploited = if it.exploited { "yes" } else { "no" };
        let row = [
            asset.to_owned(),
            it.advisory,
            it.verdict.to_string(),
            exploited.to_owned(),
            it.score.map_or_else(String::new, |it| format!("{it:.1}")),
            format!("{:.2}", it.confidence),
            it.cves.join("; "),
            it.because,
        ];
        csv.write_record(row.map(|cell| neutral(cell).into_owned())).map_err(failed)?;
    }
    Ok(csv.flush()?)
}

/// CVEs listed of one match.
const MAX_CVES: usize = 8;

fn cves(all: &[String]) -> String {
    let few = all.iter().take(MAX_CVES).cloned().collect::<Vec<_>>().join(" ");
    match all.len().saturating_sub(MAX_CVES) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}
