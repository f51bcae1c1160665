//! `auscult read FILE…`: captures into the inventory.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use tracing::{Level, error, warn};

use super::{Failure, Settings, log, printable};
use crate::census::asset::Tally;
use crate::sensor::{Reading, Watch};
use crate::store::{Health, Writer};
use crate::time::Timestamp;
use crate::wire::capture::File;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Captures (pcap, pcapng, also .gz and .zst), read in the order of their first
    /// packets; `-` is standard input, and with it they are read as named
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Shows progress and listens for the wish to stop.
struct Screen {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
    seen: u64,
}

impl Watch for Screen {
    fn progress(&mut self, bytes: u64, frames: u64, hosts: usize) -> ControlFlow<()> {
        // Drawing has its own clock; asking it for every batch would cost time.
        if frames.saturating_sub(self.seen) >= 16_384 {
            self.seen = frames;
            self.bar.set_position(bytes);
            self.bar.set_message(format!("{frames} packets, {hosts} hosts"));
        }
        if self.stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let book = settings.book()?;
    let (pins, risks) = (settings.pins()?, settings.risks()?);
    // What cannot be opened makes no inventory.
    let mut whole = true;
    let files = by_time(&args.files);
    let mut captures = files.iter().map(|path| match File::open(path) {
        Ok(file) => Some((path, file)),
        Err(error) => {
            error!("{error}");
            None
        }
    });
    let first = captures.by_ref().inspect(|it| whole &= it.is_some()).flatten().next();
    let Some(first) = first else { return Err(Failure::Silent) };
    let policy = settings.alerts.policy(false, settings.loss_alarm)?;
    let mut writer = Writer::open(&settings.db)?;
    writer.tell(policy);
    writer.keep_time(settings.calendar.clone());
    let mut census = writer.restore(book)?;
    let damaged = writer.passed_over();
    super::name_passed_over(&damaged);
    whole &= damaged.is_empty();
    census.keep_users(settings.users);
    census.pin(pins);
    census.judge_by(risks);
    let mut reading = Reading::new(census, writer);
    // Ctrl-C ends the reading, not the inventory: what was read is written.
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    for capture in std::iter::once(Some(first)).chain(captures) {
        whole &= capture.is_some_and(|(path, file)| one(path, file, &mut reading, settings, &stop));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if stop.load(Ordering::Relaxed) {
        warn!("stopped; what was read so far is in the inventory");
        whole = false;
    }
    let totals: Vec<(String, u64)> =
        reading.totals().into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    let (census, tally) = reading.finish()?;
    for device in census.unseen_pins() {
        warn!("the file of identities names {device}, of which nothing was seen");
    }
    for asset in census.unseen_accepted() {
        super::risk::name_one(&asset, "of which nothing was seen");
    }
    if !settings.quiet {
        summary(Some(&tally), &totals, settings)?;
    }
    if whole { Ok(()) } else { Err(Failure::Silent) }
}

/// The captures in the order of their first packets: a shell sorts them by name, and what
/// was said first tells whose the words are that come later. What flows only once cannot
/// be looked at before, so with a pipe the order stays as it is.
fn by_time(files: &[PathBuf]) -> Vec<&PathBuf> {
    let mut sorted: Vec<&PathBuf> = files.iter().collect();
    if let [_, _, ..] = files
        && files.iter().all(|path| path.is_file())
    {
        sorted.sort_by_cached_key(|path| begin(path));
    }
    sorted
}

/// The time of the first frame; none where there is no such, which then is said before
/// anything is read.
fn begin(path: &Path) -> Option<Timestamp> {
    let mut first = None;
    let file = File::open(path).ok()?;
    // That it breaks later is said when it is read.
    let _ = file.run(&mut |frames, _| {
        first = frames.first().map(|frame| frame.at);
        ControlFlow::Break(())
    });
    first
}

/// Reads one capture; false when it could not be read to its end.
fn one(
    path: &Path,
    file: File,
    reading: &mut Reading,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
) -> bool {
    let shown = !settings.quiet && io::stderr().is_terminal();
    let bar = match (shown, file.size()) {
        (false, _) => ProgressBar::hidden(),
        (true, Some(size)) => ProgressBar::new(size)
            .with_style(style("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}  {msg}")),
        (true, None) => ProgressBar::new_spinner().with_style(style("{spinner} {bytes}  {msg}")),
    };
    let mut screen = Screen { bar, stop: Arc::clone(stop), seen: 0 };
    let result = reading.file(path, file, &mut screen);
    screen.bar.finish_and_clear();
    match result {
        Ok(totals) if totals.skipped > 0 => {
            let link = totals.skipped_link.unwrap_or_default();
            warn!(
                "{}: {} frames of link type {link} cannot be read and were passed over",
                path.display(),
                totals.skipped
            );
            true
        }
        Ok(_) => true,
        Err(broken) => {
            error!("{broken}");
            false
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One screen: what was read, what was found, what was lost.
pub(super) fn summary(
    tally: Option<&Tally>,
    totals: &[(String, u64)],
    settings: &Settings,
) -> Result<(), Failure> {
    let get = |name: &str| totals.iter().find(|(n, _)| n == name).map_or(0, |(_, n)| *n);
    let mut to = Vec::new();
    let frames = get("frames");
    writeln!(to, "{frames} packets, {} bytes, {} conversations", get("bytes"), get("flows"))?;
    let health = Health::of_counters(totals.iter().map(|(name, n)| (name.as_str(), *n)));
    if health.lost() > 0 {
        let lost = totals.iter().filter(|(n, of)| n.starts_with("lost.") && *of > 0);
        let list: Vec<_> = lost.map(|(name, n)| format!("{name} {n}")).collect();
        let loss = health.loss();
        log::answer(Level::INFO, &String::from_utf8_lossy(&std::mem::take(&mut to)));
        let what = format!("{loss} were lost before they were read: {}", list.join(", "));
        log::answer(Level::WARN, &what);
    }
    let copies = get("duplicates.same") + get("duplicates.routed");
    if copies > 0 {
        let share = 100.0 * ratio(copies, frames);
        writeln!(
            to,
            "{copies} packets seen more than once on the mirror ({share:.1} %), counted once"
        )?;
    }
    if let Some(tally) = tally {
        writeln!(to, "{} devices, {} more on the Internet", tally.local(), tally.external)?;
    }
    for category in ["medical", "it", "network", "iot", "facility", "unknown"] {
        let Some(of) = tally.and_then(|tally| tally.kinds.get(category)) else { continue };
        let mut classes: Vec<(&String, usize)> = of.iter().map(|(name, n)| (name, *n)).collect();
        classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let mut list: Vec<_> =
            classes.iter().take(8).map(|(name, n)| format!("{n} {name}")).collect();
        list.extend((classes.len() > 8).then(|| "…".to_owned()));
        writeln!(to, "  {category:<9} {:>5}  {}", of.values().sum::<usize>(), list.join(", "))?;
    }
    let trouble = [
        "cut",
        "streams.gaps",
        "streams.oversize",
        "streams.refused",
        "flows.evicted",
        "fragments.evicted",
        "hosts.refused",
        "facts.refused",
        "activity.refused",
        "activity.untimely",
    ];
    for name in trouble.iter().filter(|name| get(name) > 0) {
        writeln!(to, "  {name} {}", get(name))?;
    }
    let unreadable: u64 =
        totals.iter().filter(|(n, _)| n.starts_with("unreadable.")).map(|(_, n)| n).sum();
    if unreadable > 0 {
        writeln!(to, "  {unreadable} messages could not be read")?;
    }
    if settings.verbose {
        for (name, n) in totals {
            writeln!(to, "  {name} {n}")?;
        }
    }
    writeln!(
        to,
        "{}: `auscult register --db {0}` lists the devices",
        printable(&settings.db.display().to_string())
    )?;
    log::answer(Level::INFO, &String::from_utf8_lossy(&to));
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a percentage for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
