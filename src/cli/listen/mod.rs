//! `auscult listen -i IFACE…`: the sensor.

mod metrics;
mod notify;
mod screen;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tracing::{error, info, warn};

use super::site::Site;
use super::{Failure, LOSS_ALARM, Settings, config, log};
use crate::census::Budget;
use crate::census::signature::Book;
use crate::sensor::{Anew, Listening, Look, Placement, Wish};
use crate::store::Writer;
use crate::wire::capture::live::host::{Voice, raise, silence, uses, voice};
use crate::wire::capture::live::{Method, Options, open};
use crate::wire::capture::privilege::{Confine, Confined, confine};
use metrics::{Board, Endpoint};
use notify::Manager;
use screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Mirror interfaces
    #[arg(short, long = "interface", required = true, value_name = "IFACE", num_args = 1..)]
    interfaces: Vec<String>,
    /// How to capture
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Capture::Auto)]
    capture: Capture,
    /// Read only frames that this BPF expression keeps (pcap-filter(7); not with af-xdp).
    /// The outer VLAN tag is out by then: `port 104` keeps tagged frames as well. Names
    /// are not looked up on the network
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Workers for each interface
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    queues: u16,
    /// Change nothing on the card. Otherwise an interface that the host does not use is made
    /// silent (ARP and IPv6 are switched off on it) and brought up, and for af-xdp its VLAN offload, which
    /// hides tags, is switched off and the hash of its queues made symmetric; all stays so
    #[arg(long, alias = "keep-offload")]
    keep_card: bool,
    /// MiB of memory for the frames of each worker
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=4096))]
    ring: u16,
    /// Processors for the workers, like 2,4-7, or `near`: those of the card's memory node
    /// [default: where the system likes]
    #[arg(long, value_name = "LIST")]
    cpus: Option<Placement>,
    /// The worker of af-xdp polls the card itself: lower latency, and a processor that
    /// never rests
    #[arg(long)]
    busy_poll: bool,
    /// User to turn to once the interfaces are open [default: auscult, where the
    /// inventory's directory is theirs]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Tell counters to Prometheus here: a port of this machine, or an address with its port
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
}

/// Ways to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Capture {
    /// The first that works
    Auto,
    /// Frames straight from the driver; takes the whole interface from the host
    AfXdp,
    /// The same without the driver's help: slower, for a driver whose XDP is broken
    AfXdpGeneric,
    /// The kernel's packet socket with a memory-mapped ring
    AfPacket,
    /// libpcap: the last resort, with one worker
    Pcap,
}

impl Capture {
    pub(super) const fn method(self) -> Option<Method> {
        match self {
            Self::Auto => None,
            Self::AfXdp | Self::AfXdpGeneric => Some(Method::AfXdp),
            Self::AfPacket => Some(Method::AfPacket),
            Self::Pcap => Some(Method::Pcap),
        }
    }
}

/// How long work goes on that takes long, once the end is asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What signals ask for.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// True when it is a while since they asked for the end.
    fn patience(&self) -> impl Fn() -> bool + Send + 'static {
        let (stop, asked) = (Arc::clone(&self.stop), OnceLock::new());
        move || stop.load(Ordering::Relaxed) && asked.get_or_init(Instant::now).elapsed() > PATIENCE
    }

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
    let mut names: Vec<_> = args.interfaces.iter().collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
        return Err(Failure::Usage(format!("{twice}: named twice; once is enough")));
    }
    crate::store::can_be_at(&settings.db)?;
    let (book, pins, risks, wrong) = settings.site.as_far_as_readable();
    // What is not captured is lost for good; what is not recognised is derived again.
    for why in wrong {
        error!("{why}; auscult goes on WITHOUT IT: mend it, then reload auscult (SIGHUP)");
    }
    let policy = settings.alerts.policy(true, settings.loss_alarm)?;
    let signals = Signals::heed()?;
    let options = Options {
        method: args.capture.method(),
        generic: args.capture == Capture::AfXdpGeneric,
        queues: args.queues,
        ring: usize::from(args.ring) << 20,
        adjust: !args.keep_card,
        busy_poll: args.busy_poll,
        filter: args.filter.clone().filter(|filter| !filter.trim().is_empty()),
    };
    // Interfaces first: who may not capture leaves no empty inventory behind.
    let mut opened: Vec<(String, _)> = Vec::new();
    let mut speaks = Vec::new();
    for interface in &args.interfaces {
        let quiet = quiet(interface, &options);
        // Once rights are given up nothing but a packet socket could still be had.
        let raised =
            options.adjust && !matches!(quiet, Quiet::Not(_)) && raise(interface).unwrap_or(false);
        let mut port = open(interface, &options).map_err(|e| Failure::Said(e.to_string()))?;
        let mut note = |what: String| {
            let comma = if port.note.is_empty() { "" } else { ", " };
            port.note.push_str(&format!("{comma}{what}"));
        };
        match quiet {
            Quiet::Made(what) => note(format!("silenced: {what}")),
            Quiet::Is => {}
            Quiet::Not(why) => speaks.push(why),
        }
        if raised {
            note("brought up".to_owned());
        }
        opened.push((interface.clone(), port));
    }
    let endpoint = endpoint(args, settings)?;
    let mut manager = Manager::find()
        .map_err(|e| Failure::Said(format!("the service manager cannot be told ({e})")))?;
    let confined = give_up_rights(args, settings)?;
    info!("rights given up: {confined}");
    let mut writer = Writer::open(&settings.db)?;
    writer.tell(policy);
    let mut edition = edition(&book);
    writer.keep_time(settings.calendar.clone());
    writer.give_up_when(signals.patience());
    let mut census = match writer.restore(book) {
        Err(error) if error.is_unfinished() => {
            warn!("{error}");
            return Ok(());
        }
        restored => restored?,
    };
    super::name_passed_over(&writer.passed_over());
    census.hold(Budget::of_process(settings.memory));
    census.keep_users(settings.users);
    census.pin(pins);
    super::risk::unknown_accepted(settings, &risks);
    census.judge_by(risks);
    let mut listening = Listening::new(census, writer);
    for (interface, port) in &opened {
        let note = if port.note.is_empty() { String::new() } else { format!(" ({})", port.note) };
        info!("{interface}: {}{note}, workers: {}", port.method, port.sources.len());
    }
    speaks.iter().for_each(|why| warn!("{why}"));
    let no_thread = |error| Failure::Said(format!("no worker could be started ({error})"));
    let board = endpoint.is_some().then(Board::default);
    if let (Some(endpoint), Some(board)) = (endpoint, &board) {
        info!("metrics: http://{}/metrics", endpoint.address);
        endpoint.serve(board.clone()).map_err(no_thread)?;
    }
    listening
        .listen(opened, &options, &args.cpus.clone().unwrap_or_default())
        .map_err(no_thread)?;
    let shown = !settings.quiet && io::stderr().is_terminal();
    let mut screen = Screen::new(shown, settings.loss_alarm);
    let mut totals = Vec::new();
    let mut spent = None;
    let tally = listening.run(|look| {
        screen.show(look);
        log::catch_up(false);
        if let Some(board) = &board {
            board.show(look, &edition);
        }
        manager.look(look, || screen.status(look));
        totals = sums(look);
        spent = look.ports.iter().find(|port| port.needs_restart).map(|port| {
            let why = port.fault.as_deref().unwrap_or_default();
            Failure::Said(format!("{}: {why}", port.interface))
        });
        if spent.is_some() || signals.stop.load(Ordering::Relaxed) {
            manager.stopping();
            return Wish::Stop;
        }
        if !signals.reload.swap(false, Ordering::Relaxed) {
            return Wish::GoOn;
        }
        manager.reloading();
        let wish = match anew(settings) {
            Ok((anew, loss_alarm, of_start)) => {
                screen.alarm = loss_alarm;
                info!("signatures, identities, risks and [alerts] are read anew, and loss_alarm");
                // Rights are given up, and days are counted by one calendar.
                let changed: Vec<_> = of_start
                    .iter()
                    .zip(&settings.of_start)
                    .filter(|(now, then)| now != then)
                    .map(|((key, _), _)| *key)
                    .collect();
                if !changed.is_empty() {
                    warn!(
                        "{}: changed since the start; restart auscult for that",
                        changed.join(", ")
                    );
                }
                edition = self::edition(&anew.book);
                super::risk::unknown_accepted(settings, &anew.risks);
                Wish::Reload(Box::new(anew))
            }
            Err(failure) => {
                warn!("signatures, identities, risks and [alerts] stay as they are: {failure}");
                Wish::GoOn
            }
        };
        manager.reloaded();
        wish
    })?;
    screen.bar.finish_and_clear();
    if !settings.quiet {
        super::read::summary(tally.as_ref(), &totals, settings)?;
    }
    spent.map_or(Ok(()), Err)
}

/// Whether the host sends anything on a mirror port.
enum Quiet {
    /// No more: this was switched off.
    Made(Voice),
    /// No.
    Is,
    /// It may; what to do.
    Not(String),
}

/// Sees to it that the host sends nothing on a mirror port, before it is opened: a driver
/// may restart its link then, which is when IPv6 speaks.
fn quiet(interface: &str, options: &Options) -> Quiet {
    if let Some(why) = uses(interface) {
        let what = format!(
            "{interface}: {why}, so it may send on it; a mirror port has none: `ip addr flush dev {interface}`"
        );
        return Quiet::Not(what);
    }
    let done = match options.adjust {
        true => silence(interface),
        false => voice(interface).map(|speaks| (Voice::default(), speaks)),
    };
    match done {
        Ok((done, left)) => match left.remedy(interface) {
            Some(remedy) => Quiet::Not(format!(
                "{interface}: the host may send {left} on it; {remedy} stops that"
            )),
            None if done == Voice::default() => Quiet::Is,
            None => Quiet::Made(done),
        },
        // What is not there is told when it is opened.
        Err(_) => Quiet::Is,
    }
}

/// What the site says now: its files, and of the configuration file what is told.
/// With it the share of loss that is told, and what is read at the start alone.
fn anew(settings: &Settings) -> Result<Renewed, Failure> {
    let config = config::Config::load(settings.config.as_deref())?;
    let loss_alarm = config.loss_alarm.unwrap_or(LOSS_ALARM);
    let policy = config.alerts.policy(true, loss_alarm)?;
    // They may lie elsewhere by now.
    let site = config.site();
    let (book, pins, risks) = (site.book()?, site.pins()?, site.risks()?);
    Ok((Anew { book, pins, risks, policy }, loss_alarm, config.of_start()))
}

/// See [`anew`].
type Renewed = (Anew, f64, Vec<(&'static str, String)>);

/// Opens the port for Prometheus, if one is wanted.
fn endpoint(args: &Args, settings: &Settings) -> Result<Option<Endpoint>, Failure> {
    let Some(written) = args.metrics.as_ref().or(settings.metrics.as_ref()) else {
        return Ok(None);
    };
    let address =
        metrics::address(written).map_err(|why| Failure::Usage(format!("metrics: {why}")))?;
    if !address.ip().is_loopback() {
        warn!("metrics: other machines can read {address}");
    }
    // Counters are no reason not to listen to the wire.
    match Endpoint::bind(address) {
        Ok(endpoint) => {
            if endpoint.ahead {
                warn!("metrics: no interface has {address} yet; told there as soon as one has");
            }
            Ok(Some(endpoint))
        }
        Err(error) => {
            warn!(
                "metrics: cannot listen on {address} ({error}); nothing is told until auscult is \
                 restarted"
            );
            Ok(None)
        }
    }
}

/// Tells two sets of signatures apart.
fn edition(book: &Book) -> String {
    let mut hash = Sha256::new();
    for signature in book.iter() {
        hash.update(format!("{signature:?}"));
    }
    let digest = HEXLOWER.encode(&hash.finalize());
    digest.chars().take(12).collect()
}

/// Keeps the inventory's directory and the signatures, and gives up everything else.
fn give_up_rights(args: &Args, settings: &Settings) -> Result<Confined, Failure> {
    let db = meant(&settings.db);
    let state = match db.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Where they lie, not they alone: a file that is written anew is another one, and so is a
    // directory that is put in the place of one.
    let Site { overlay, identity, accepted } = &settings.site;
    let files = [&settings.config, overlay, identity, accepted].map(|path| path.as_deref());
    let folders: Vec<_> = files.into_iter().flatten().map(folder).collect();
    let readable = folders.iter().map(PathBuf::as_path).chain(files.into_iter().flatten());
    let readable: Vec<_> = readable.chain([Path::new(config::DIRECTORY)]).collect();
    let user = args.user.as_deref().or(settings.user.as_deref());
    let wanted = Confine { user, state, writable: &[], readable: &readable };
    confine(&wanted).map_err(|refusal| Failure::Said(refusal.to_string()))
}

/// The directory in which something lies; what lies in the root itself alone.
fn folder(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match path.parent() {
        Some(parent) if parent.parent().is_some() => parent.to_owned(),
        _ => path,
    }
}

/// Where an inventory is to be: it may be a link to there, and need not be there yet.
fn meant(db: &Path) -> PathBuf {
    let mut path = db.to_owned();
    // As many links as the kernel follows.
    for _ in 0..40 {
        let Ok(to) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    path.canonicalize().unwrap_or(path)
}

/// Counters of all ports together.
fn sums(look: &Look) -> Vec<(String, u64)> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, n) in look.ports.iter().flat_map(|port| &port.counters) {
        *all.entry(name).or_insert(0) += n;
    }
    if look.refused > 0 {
        all.insert("hosts.refused", look.refused);
    }
    all.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_means_where_it_leads_also_before_anything_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().canonicalize().unwrap().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::create_dir(at("b")).unwrap();
        symlink("../b/new.db", at("a/link.db")).unwrap();
        symlink(at("a/link.db"), at("a/again.db")).unwrap();
        symlink("round.db", at("a/round.db")).unwrap();
        let directory = |name: &str| meant(&at(name)).parent().unwrap().canonicalize().unwrap();
        assert_eq!(directory("a/plain.db"), at("a"));
        assert_eq!(directory("a/again.db"), at("b"));
        assert_eq!(directory("a/round.db"), at("a"), "and it ends");
        std::fs::write(at("b/new.db"), "").unwrap();
        assert_eq!(meant(&at("a/link.db")), at("b/new.db"));
    }
}
