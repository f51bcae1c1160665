//! `auscult listen -i IFACE…`: the sensor.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Failure, Settings, complain, config};
use crate::sensor::{Listening, Look, Wish};
use crate::store::Writer;
use crate::wire::capture::live::{Method, Options, open};
use crate::wire::capture::privilege::{Confine, Confined, confine};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Mirror interfaces
    #[arg(short, long = "interface", required = true, value_name = "IFACE", num_args = 1..)]
    interfaces: Vec<String>,
    /// How to capture
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Capture::Auto)]
    capture: Capture,
    /// Workers for each interface
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    queues: u16,
    /// Never switch off the card's VLAN offload, which hides tags from af-xdp
    #[arg(long)]
    keep_offload: bool,
    /// MiB of memory for the frames of each worker
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=4096))]
    ring: u16,
    /// User to turn to once the interfaces are open [default: auscult, where the
    /// inventory's directory is theirs]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

/// Ways to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Capture {
    /// The first that works
    Auto,
    /// Frames straight from the driver; takes the whole interface from the host
    AfXdp,
    /// The kernel's packet socket with a memory-mapped ring
    AfPacket,
}

impl Capture {
    pub(super) const fn method(self) -> Option<Method> {
        match self {
            Self::Auto => None,
            Self::AfXdp => Some(Method::AfXdp),
            Self::AfPacket => Some(Method::AfPacket),
        }
    }
}

/// What signals ask for.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn heed() -> io::Result<Self> {
        let (stop, reload) = (Arc::default(), Arc::default());
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        signal_hook::flag::register(SIGHUP, Arc::clone(&reload))?;
        Ok(Self { stop, reload })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let book = settings.book()?;
    let signals = Signals::heed()?;
    let options = Options {
        method: args.capture.method(),
        queues: args.queues,
        ring: usize::from(args.ring) << 20,
        keep_tags: !args.keep_offload,
    };
    // Interfaces first: who may not capture leaves no empty inventory behind.
    let mut opened: Vec<(String, _)> = Vec::new();
    for interface in &args.interfaces {
        if opened.iter().any(|(name, _)| name == interface) {
            return Err(Failure::Said(format!("{interface}: named twice")));
        }
        let port = open(interface, &options).map_err(|e| Failure::Said(e.to_string()))?;
        opened.push((interface.clone(), port));
    }
    let confined = give_up_rights(args, settings)?;
    if !settings.quiet {
        complain(&format!("rights given up: {confined}"));
    }
    let mut writer = Writer::open(&settings.db)?;
    let census = writer.restore(book)?;
    let mut listening = Listening::new(census, writer);
    for (interface, port) in opened.iter().filter(|_| !settings.quiet) {
        let note = if port.note.is_empty() { String::new() } else { format!(" ({})", port.note) };
        complain(&format!("{interface}: {}{note}, workers: {}", port.method, port.sources.len()));
    }
    listening
        .listen(opened, &options)
        .map_err(|error| Failure::Said(format!("no worker could be started ({error})")))?;
    let mut screen = Screen::new(!settings.quiet && io::stderr().is_terminal());
    let mut totals = Vec::new();
    let mut spent = None;
    let census = listening.run(|look| {
        screen.show(look);
        totals = sums(look);
        spent = look.ports.iter().find(|port| port.needs_restart).map(|port| {
            let why = port.fault.as_deref().unwrap_or_default();
            Failure::Said(format!("{}: {why}", port.interface))
        });
        if spent.is_some() || signals.stop.load(Ordering::Relaxed) {
            return Wish::Stop;
        }
        if !signals.reload.swap(false, Ordering::Relaxed) {
            return Wish::GoOn;
        }
        match settings.book() {
            Ok(book) => {
                complain(&"signatures are read anew");
                Wish::Reload(book)
            }
            Err(failure) => {
                complain(&format!("the signatures stay as they are: {failure}"));
                Wish::GoOn
            }
        }
    })?;
    screen.bar.finish_and_clear();
    if !settings.quiet {
        super::read::summary(&census, &totals, settings)?;
    }
    spent.map_or(Ok(()), Err)
}

/// Keeps the inventory's directory and the signatures, and gives up everything else.
fn give_up_rights(args: &Args, settings: &Settings) -> Result<Confined, Failure> {
    // An inventory may be a link to where it is.
    let db = settings.db.canonicalize().unwrap_or_else(|_| settings.db.clone());
    let state = match db.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Signatures of the site may be replaced as a whole, directory and all.
    let readable = [Some(Path::new(config::DIRECTORY)), settings.overlay.as_deref()];
    let readable: Vec<_> = readable.into_iter().flatten().collect();
    let user = args.user.as_deref().or(settings.user.as_deref());
    let wanted = Confine { user, state, writable: &[], readable: &readable };
    confine(&wanted).map_err(|refusal| Failure::Said(refusal.to_string()))
}

/// Counters of all ports together.
fn sums(look: &Look) -> Vec<(String, u64)> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, n) in look.ports.iter().flat_map(|port| &port.counters) {
        *all.entry(name).or_insert(0) += n;
    }
    all.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
}

/// Says what changes; a line that lives, on a terminal.
struct Screen {
    bar: ProgressBar,
    faults: BTreeMap<String, String>,
    unwritten: Option<String>,
}

impl Screen {
    fn new(shown: bool) -> Self {
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{elapsed_precise}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, faults: BTreeMap::new(), unwritten: None }
    }

    fn show(&mut self, look: &Look) {
        for port in &look.ports {
            let before = self.faults.get(&port.interface);
            match &port.fault {
                Some(fault) if before != Some(fault) => {
                    self.say(&format!("{}: {fault}", port.interface));
                    self.faults.insert(port.interface.clone(), fault.clone());
                }
                None if before.is_some() => {
                    self.say(&format!("{}: frames come again", port.interface));
                    self.faults.remove(&port.interface);
                }
                _ => {}
            }
        }
        if self.unwritten != look.unwritten {
            self.say(look.unwritten.as_deref().unwrap_or("the inventory is written again"));
            self.unwritten.clone_from(&look.unwritten);
        }
        let all = sums(look);
        let get = |name: &str| all.iter().find(|(n, _)| n == name).map_or(0, |(_, n)| *n);
        let lost = get("lost.ring") + get("lost.fill") + get("lost.invalid");
        self.bar.set_message(format!(
            "{} packets, {lost} lost, {} conversations, {} hosts",
            get("frames"),
            get("flows"),
            look.hosts
        ));
    }

    /// A line above the living one.
    fn say(&self, what: &str) {
        self.bar.suspend(|| complain(&what));
    }
}
