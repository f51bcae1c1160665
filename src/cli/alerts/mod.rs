//! `auscult alerts`: lists what was told, follows it, and delivers it to others. The
//! sensor sends nothing: this is another process, and it only reads the inventory.

mod config;
mod cursor;
mod receiver;
mod sink;
mod spool;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tracing::{info, warn};

use super::when::When;
use super::{Failure, Settings, is_whole, output};
use crate::store::{Alert, Inventory, Kind, Severity};
use crate::time::Timestamp;
use crate::view::{alert, dossier};
pub(super) use config::Config;
use cursor::State;
use receiver::Target;
use sink::Sink;
use spool::{BLINK, Progress, Service, Spool};

/// Alerts that are asked for at once.
const PAGE: u32 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only what was told since then (a receiver with a cursor goes on from there): a day (2026-01-31), with a time (2026-01-31T12:00) and
    /// an offset (2026-01-31T12:00+09:00), or a while ago (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<When>,
    /// Only these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<Kind>,
    /// Only from this severity on (info, notice, warning, critical)
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// Only of this asset: id, MAC, IP address, hostname, AE title or serial number
    #[arg(long, value_name = "ASSET")]
    asset: Option<String>,
    /// How to write the list [default: text]; json is an object a line. How a receiver gets
    /// alerts, its kind says
    #[arg(long, value_enum, conflicts_with_all = ["deliver", "to"])]
    format: Option<Format>,
    /// Go on with what is told from now on, until SIGINT or SIGTERM
    #[arg(short, long)]
    follow: bool,
    /// Deliver to the receivers of the configuration ([[alerts.to]])
    #[arg(long, requires = "state")]
    deliver: bool,
    /// Deliver to this receiver: syslog:tcp://192.0.2.7:514 (or udp, tls), cef:…,
    /// webhook:https://192.0.2.8/hook, jsonl:/path
    #[arg(long, value_name = "KIND:ADDRESS", requires = "state", value_parser = Target::ad_hoc)]
    to: Vec<Target>,
    /// Where it is kept how far each receiver is
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Which alerts are meant.
#[derive(Clone, Debug, Default)]
struct Filter {
    since: Option<Timestamp>,
    kinds: Vec<Kind>,
    severity: Option<Severity>,
    /// Ids; none for all.
    assets: Option<Vec<String>>,
}

impl Filter {
    fn is_in_time(&self, alert: &Alert) -> bool {
        self.since.is_none_or(|since| alert.last_at >= since)
    }

    /// Apart from its time.
    fn lets(&self, alert: &Alert) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
            && self.severity.is_none_or(|least| alert.severity >= least)
            && self.assets.as_ref().is_none_or(|ids| ids.contains(&alert.asset))
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let signals = Signals::default();
    if args.follow || args.deliver || !args.to.is_empty() {
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&signals.stop))?;
        }
    }
    if args.follow && args.deliver {
        signal_hook::flag::register(SIGHUP, Arc::clone(&signals.reload))?;
    }
    match &args.state {
        Some(state) if args.deliver || !args.to.is_empty() => {
            deliver(args, settings, state, &signals)
        }
        Some(_) => {
            let why = "--state is for --deliver or --to: nothing else is delivered";
            Err(Failure::Usage(why.to_owned()))
        }
        None => list(args, settings, &signals.stop),
    }
}

/// What signals ask for.
#[derive(Default)]
struct Signals {
    stop: Arc<AtomicBool>,
    /// Receivers are to be read anew.
    reload: Arc<AtomicBool>,
}

/// Writes what was told, and goes on where that is wished.
fn list(args: &Args, settings: &Settings, stop: &AtomicBool) -> Result<(), Failure> {
    let filter = filter(args, settings)?;
    let sensor = sensor();
    let format = args.format.unwrap_or(Format::Text);
    let (mut any, mut shown) = (false, false);
    output(None, |to| {
        if format == Format::Csv {
            alert::csv_header(to)?;
        }
        let (mut after, mut open) = (0, None);
        while !stop.load(Ordering::Relaxed) {
            let inventory = match open.take() {
                Some(inventory) => inventory,
                None => Inventory::open(&settings.db)?,
            };
            let page = inventory.alerts(after, PAGE)?;
            any |= !page.is_empty();
            for it in page.iter().filter(|it| filter.is_in_time(it) && filter.lets(it)) {
                shown = true;
                match format {
                    Format::Text => to.write_all(alert::text(it).as_bytes())?,
                    Format::Json => writeln!(to, "{}", alert::json(it, &sensor))?,
                    Format::Csv => alert::csv(it, to)?,
                }
            }
            match page.last() {
                // While there is more it is asked for in one; else it may be another's by then.
                Some(last) => (after, open) = (last.id, Some(inventory)),
                None if args.follow => {
                    to.flush()?;
                    thread::sleep(Duration::from_millis(500));
                }
                None => break,
            }
        }
        Ok(())
    })?;
    // Who follows waits; a program sees that there is nothing.
    if !shown && !args.follow && format == Format::Text {
        info!("{}", if any { "no alert is as asked for" } else { "there are no alerts" });
    }
    Ok(())
}

/// A receiver that is served, by a thread of its own: one that hangs keeps no other waiting.
struct Served {
    target: Target,
    longest: Duration,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Progress>,
}

impl Served {
    /// Serves a receiver from now on, and when `before` has ended, from where that was.
    fn begin(spool: &Arc<Spool>, sink: Sink, longest: Duration, before: Option<Self>) -> Self {
        info!("{}: gets alerts", sink.target().shown());
        let (target, stop) = (sink.target().clone(), Arc::<AtomicBool>::default());
        let service = Service { sink, longest, stop: Arc::clone(&stop) };
        if let Some(before) = &before {
            before.stop.store(true, Ordering::Relaxed);
        }
        let spool = Arc::clone(spool);
        let thread = thread::spawn(move || {
            let before = before.and_then(|it| it.thread.join().ok());
            spool.run(&service, before)
        });
        Self { target, longest, stop, thread }
    }

    /// Goes on as it is. What stands behind a certificate may have been renewed.
    fn is_same(&self, target: &Target, longest: Duration) -> bool {
        let goes_on = !self.stop.load(Ordering::Relaxed);
        self.target == *target && self.longest == longest && goes_on && !target.is_tls()
    }

    /// Waits for its end; false when not all was handed over.
    fn end(self) -> bool {
        self.thread.join().is_ok_and(|it| it.is_whole())
    }
}

/// Hands alerts to receivers, until all have them, or for ever.
fn deliver(
    args: &Args,
    settings: &Settings,
    state: &std::path::Path,
    signals: &Signals,
) -> Result<(), Failure> {
    let sinks = receivers(args, &settings.alerts)?;
    let longest = Duration::from_secs(settings.alerts.retry_seconds());
    let (filter, state) = (filter(args, settings)?, State::open(state)?);
    let asked = asked(args);
    is_asked_as_before(&state, &sinks, &asked)?;
    let (db, follow) = (settings.db.clone(), args.follow);
    let spool = Arc::new(Spool { db, state, filter, asked, follow });
    let begin = |sink| Served::begin(&spool, sink, longest, None);
    let mut served: Vec<_> = sinks.into_iter().map(begin).collect();
    let mut gone = Vec::<Served>::new();
    while !signals.stop.load(Ordering::Relaxed) && !served.iter().all(|it| it.thread.is_finished())
    {
        thread::sleep(BLINK);
        if signals.reload.swap(false, Ordering::Relaxed) {
            let anew = anew(args, settings).and_then(|anew| {
                is_asked_as_before(&spool.state, &anew.0, &spool.asked).map(|()| anew)
            });
            match anew {
                Ok((sinks, longest)) => {
                    info!("receivers are read anew");
                    served.append(&mut gone);
                    (served, gone) = change(&spool, sinks, longest, served);
                }
                Err(failure) => warn!("receivers stay as they are: {failure}"),
            }
        }
    }
    for it in served.iter().filter(|_| signals.stop.load(Ordering::Relaxed)) {
        it.stop.store(true, Ordering::Relaxed);
    }
    let ended: Vec<bool> = served.into_iter().map(Served::end).collect();
    for it in gone {
        let _ = it.end();
    }
    if ended.contains(&false) { Err(Failure::Silent) } else { Ok(()) }
}

/// Which alerts are asked for, in the words of the command line.
fn asked(args: &Args) -> String {
    let mut words = Vec::new();
    words.extend(args.severity.map(|it| format!("--severity {it}")));
    let mut kinds: Vec<String> = args.kind.iter().map(ToString::to_string).collect();
    kinds.sort();
    kinds.dedup();
    words.extend((!kinds.is_empty()).then(|| format!("--kind {}", kinds.join(","))));
    words.extend(args.asset.as_ref().map(|it| format!("--asset {it}")));
    words.join(" ")
}

/// What another filter left out lies behind a cursor, and would never be delivered.
fn is_asked_as_before(state: &State, sinks: &[Sink], asked: &str) -> Result<(), Failure> {
    let words = |asked: &str| match asked {
        "" => "without a filter".to_owned(),
        asked => format!("with {asked}"),
    };
    for target in sinks.iter().map(Sink::target) {
        let Ok(Some(cursor)) = state.load(&target.name) else { continue };
        if cursor.asked != asked {
            return Err(Failure::Usage(format!(
                "{}: was served from this directory {}, and now {}: what the one leaves out the \
                 other would never get; ask as before, or name another directory with --state",
                target.shown(),
                words(&cursor.asked),
                words(asked)
            )));
        }
    }
    Ok(())
}

/// The receivers, as the configuration names them now.
fn anew(args: &Args, settings: &Settings) -> Result<(Vec<Sink>, Duration), Failure> {
    let config = Config::anew(settings)?;
    Ok((receivers(args, &config)?, Duration::from_secs(config.retry_seconds())))
}

/// Who is as before goes on, who is otherwise begins where he was, and who is no more ends:
/// those that are served then, and those that are about to end.
fn change(
    spool: &Arc<Spool>,
    sinks: Vec<Sink>,
    longest: Duration,
    mut served: Vec<Served>,
) -> (Vec<Served>, Vec<Served>) {
    let mut all = Vec::new();
    for sink in sinks {
        let before = served.iter().position(|it| it.target.name == sink.target().name);
        let before = before.map(|at| served.swap_remove(at));
        all.push(match before {
            Some(it) if it.is_same(sink.target(), longest) => it,
            before => Served::begin(spool, sink, longest, before),
        });
    }
    served.retain(|it| !it.thread.is_finished());
    served.iter().for_each(|it| it.stop.store(true, Ordering::Relaxed));
    (all, served)
}

/// All that the arguments and the configuration name.
fn receivers(args: &Args, config: &Config) -> Result<Vec<Sink>, Failure> {
    let mut targets = args.to.clone();
    if args.deliver {
        for receiver in &config.to {
            targets.push(Target::new(receiver)?);
        }
    }
    if targets.is_empty() {
        let why = "no receiver: name one in the configuration ([[alerts.to]]) or by --to";
        return Err(Failure::Said(why.to_owned()));
    }
    let mut names: Vec<_> = targets.iter().map(|target| &target.name).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
        return Err(Failure::Said(format!("two receivers are called {twice}; name one otherwise")));
    }
    let sinks = targets.into_iter().map(|target| Sink::new(target, sensor()));
    sinks.inspect(|sink| sink.iter().for_each(Sink::look_ahead)).collect()
}

fn filter(args: &Args, settings: &Settings) -> Result<Filter, Failure> {
    let assets = match &args.asset {
        None => None,
        Some(wanted) => {
            let inventory = Inventory::open(&settings.db)?;
            let shelf = inventory.shelf(false)?;
            let known = shelf.known(Some(dossier::NAMES));
            let found = dossier::find(&known, wanted);
            let mut ids: Vec<_> = found.into_iter().map(|asset| asset.id.to_string()).collect();
            // One that is no more has alerts all the same.
            let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
            let is_id = wanted.len() == 11
                && wanted.strip_prefix('A').is_some_and(|it| it.bytes().all(is_hex));
            if ids.is_empty() && !is_id {
                // It may be one that cannot be read.
                is_whole(&inventory)?;
                return Err(Failure::nobody(wanted));
            }
            // Whose row is damaged is asked for by nothing but its id.
            let _ = is_whole(&inventory);
            ids.push(wanted.clone());
            Some(ids)
        }
    };
    // By the site's clock, as the inventory knows it.
    let moment = |when: When| {
        let known = Inventory::open(&settings.db).and_then(|it| it.calendar());
        when.moment(&known.map_or_else(|_| settings.calendar.zone.clone(), |it| it.zone))
    };
    let since = args.since.map(|when| {
        let none = || Failure::Usage("--since: the site's clock has no such time".to_owned());
        moment(when).ok_or_else(none)
    });
    Ok(Filter {
        since: since.transpose()?,
        kinds: args.kind.clone(),
        severity: args.severity,
        assets,
    })
}

/// What this machine is called.
fn sensor() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
