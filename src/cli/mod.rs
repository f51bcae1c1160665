//! The command line: one file a command.
//!
//! Machine output goes to standard output alone, everything else to standard error.
//! Exit codes: 0 done, 1 failed (one line: what, where, what to do), 2 bad usage. A
//! reader that goes away is no failure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where text leaves")]

mod activity;
mod advisories;
mod alerts;
mod config;
mod doctor;
mod listen;
mod log;
mod read;
mod register;
mod risk;
mod show;
mod signatures;
mod site;
mod when;

use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};
use tracing::{Level, error, warn};

use crate::census::advisory::Advisories;
use crate::census::asset::Pins;
use crate::census::risk::RiskBook;
use crate::census::signature::Book;
use crate::observe::text::is_printable;
use crate::store::Inventory;
use crate::time::calendar::Calendar;
use crate::wire::capture::privilege::out_was_closed;
use config::Config;
use site::Site;

/// The stethoscope of a hospital network: tells every device from its own traffic.
#[derive(Debug, Parser)]
#[command(name = "auscult", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
struct Common {
    /// The inventory [default: auscult.db in the working directory]
    #[arg(long, global = true, value_name = "PATH")]
    db: Option<PathBuf>,
    /// Configuration file [default: /etc/auscult/auscult.toml, where there is one]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// How lines on standard error look [default: journald where they go to the journal,
    /// else text]
    #[arg(long, global = true, value_name = "FORMAT", value_enum)]
    log: Option<log::Format>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyse captures into the inventory
    Read(read::Args),
    /// The sensor: live capture on mirror interfaces, until SIGINT or SIGTERM
    Listen(listen::Args),
    /// The asset register
    Register(register::Args),
    /// How much each device should worry, with every term
    Risk(risk::Args),
    /// When devices were on and in use
    Activity(activity::Args),
    /// Everything known of one asset, each value with its evidence
    Show(show::Args),
    /// What changed: lists it, follows it, delivers it
    Alerts(alerts::Args),
    /// Known weaknesses: import advisories, and compare them with the inventory
    Advisories(advisories::Args),
    /// Lint, list and explain signatures
    Signatures(signatures::Args),
    /// Can this host capture, and does the mirror show what it should
    Doctor(doctor::Args),
    /// Shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// The manual page
    Man,
}

/// Why a command ended without doing what it should: one line.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What, where, what to do.
    #[error("{0}")]
    Said(String),
    /// An argument that no parser can judge alone: what, and what is allowed.
    #[error("{0}")]
    Usage(String),
    /// Said already; only the exit code is left.
    #[error("")]
    Silent,
    /// Whoever read the output is gone.
    #[error("")]
    BrokenPipe,
    /// What was made cannot be written to standard output.
    #[error("standard output: cannot write ({0}); check where it goes")]
    Write(io::Error),
}

impl Failure {
    /// Nothing is known by this name.
    fn nobody(wanted: &str) -> Self {
        let wanted = wanted.escape_debug();
        Self::Said(format!("no asset is called `{wanted}`; `auscult register` lists them"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Write(error),
        }
    }
}

impl From<crate::store::Error> for Failure {
    fn from(error: crate::store::Error) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<crate::view::register::Error> for Failure {
    fn from(error: crate::view::register::Error) -> Self {
        match error {
            crate::view::register::Error::Output(error) => error.into(),
            other => Self::Said(other.to_string()),
        }
    }
}

/// Loss is said from one frame in a thousand on.
const LOSS_ALARM: f64 = 0.001;

/// Who last logged on is remembered for so long where the site does not say.
const LAST_USER_DAYS: u32 = 30;
/// MiB below which a sensor stays, where the configuration does not say it.
const MEMORY: usize = 1024;

/// Options as meant: the command line over the configuration file over the defaults.
struct Settings {
    /// The configuration file that was named.
    config: Option<PathBuf>,
    db: PathBuf,
    site: Site,
    user: Option<String>,
    metrics: Option<String>,
    /// Days for which users are remembered; none when they are not.
    users: Option<u32>,
    loss_alarm: f64,
    /// MiB below which a sensor stays.
    memory: usize,
    alerts: alerts::Config,
    /// What a sensor reads at its start alone, by key.
    of_start: Vec<(&'static str, String)>,
    calendar: Calendar,
    quiet: bool,
    verbose: bool,
}

impl Settings {
    fn new(common: &Common) -> Result<Self, Failure> {
        let config = Config::load(common.config.as_deref())?;
        let calendar = config.calendar().map_err(Failure::Said)?;
        let (of_start, site) = (config.of_start(), config.site());
        let db = common.db.clone().or(config.db);
        let it = Self {
            of_start,
            config: common.config.clone(),
            db: db.unwrap_or_else(|| PathBuf::from("auscult.db")),
            site,
            user: config.user,
            metrics: config.metrics,
            users: config
                .last_user
                .unwrap_or(false)
                .then(|| config.last_user_days.unwrap_or(LAST_USER_DAYS)),
            loss_alarm: config.loss_alarm.unwrap_or(LOSS_ALARM),
            memory: config.memory.unwrap_or(MEMORY),
            alerts: config.alerts,
            calendar,
            quiet: common.quiet,
            verbose: common.verbose,
        };
        // Signatures that cannot be read are told by who needs them.
        if !it.calendar.by_class.is_empty()
            && let Ok(book) = it.book()
        {
            let is_none = |class: &&String| !book.classes().contains_key(class.as_str());
            if let Some(wrong) = it.calendar.by_class.keys().find(is_none) {
                let all: Vec<_> = book.classes().keys().map(String::as_str).collect();
                let (wrong, all) = (wrong.escape_debug(), all.join(", "));
                let why = format!("hours: `{wrong}` is no class of devices; they are {all}");
                return Err(Failure::Said(why));
            }
        }
        Ok(it)
    }

    /// See [`Site::advisories`].
    fn advisories(&self) -> Result<Arc<Advisories>, Failure> {
        self.site.advisories()
    }

    /// See [`Site::book`].
    fn book(&self) -> Result<Arc<Book>, Failure> {
        self.site.book()
    }

    /// See [`Site::risks`].
    fn risks(&self) -> Result<RiskBook, Failure> {
        self.site.risks()
    }

    /// See [`Site::pins`].
    fn pins(&self) -> Result<Pins, Failure> {
        self.site.pins()
    }
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if asked.exit_code() != 0 && log::misunderstood(&asked.render().to_string()) => {
            return ExitCode::from(u8::try_from(asked.exit_code()).unwrap_or(2));
        }
        Err(asked) => {
            // Help and version are no errors; a reader that is gone is none either.
            return match asked.print().and_then(|()| io::stdout().flush()).map_err(Failure::from) {
                _ if asked.exit_code() == 0 && out_was_closed() => {
                    let _ = writeln!(io::stderr(), "auscult: {}", closed());
                    ExitCode::FAILURE
                }
                Err(why @ Failure::Write(_)) if asked.exit_code() == 0 => {
                    let _ = writeln!(io::stderr(), "auscult: {why}");
                    ExitCode::FAILURE
                }
                _ => ExitCode::from(u8::try_from(asked.exit_code()).unwrap_or(2)),
            };
        }
    };
    let Common { log: format, verbose, quiet, .. } = cli.common;
    log::begin(
        format,
        match (verbose, quiet) {
            (true, _) => Level::DEBUG,
            (_, true) => Level::WARN,
            _ => Level::INFO,
        },
    );
    let done = dispatch(&cli);
    log::catch_up(true);
    match done {
        Ok(()) | Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Silent) => ExitCode::FAILURE,
        Err(failure) => {
            error!("{failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// One line that a terminal can show whatever is in it.
fn printable(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.map(|c| if is_printable(c) { c } else { '?' }).collect()
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let settings = Settings::new(&cli.common)?;
    match &cli.command {
        Command::Read(args) => read::run(args, &settings),
        Command::Listen(args) => listen::run(args, &settings),
        Command::Register(args) => register::run(args, &settings),
        Command::Risk(args) => risk::run(args, &settings),
        Command::Activity(args) => activity::run(args, &settings),
        Command::Show(args) => show::run(args, &settings),
        Command::Alerts(args) => alerts::run(args, &settings),
        Command::Advisories(args) => advisories::run(args, &settings),
        Command::Signatures(args) => signatures::run(args, &settings),
        Command::Doctor(args) => doctor::run(args, &settings),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "auscult", &mut text);
            output(None, |to| Ok(to.write_all(&text)?))
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            output(None, |to| Ok(to.write_all(&text)?))
        }
    }
}

/// Rows that are named one by one.
const NAMED: usize = 20;

/// Names the rows that are damaged, without which an answer was given: it is not whole, and
/// the exit code says so.
fn is_whole(inventory: &Inventory) -> Result<(), Failure> {
    let all = inventory.passed_over();
    name_passed_over(&all);
    match all.len() {
        0 => Ok(()),
        count => Err(Failure::Said(format!(
            "the answer is not whole: {count} rows of the inventory are damaged and passed over; \
             put a copy of it in its place, or move it away and read the captures again (a sensor \
             begins a new one)"
        ))),
    }
}

/// Names rows that are damaged, the first of many.
fn name_passed_over(all: &[String]) {
    for row in all.iter().take(NAMED) {
        warn!("passed over: {row}");
    }
    if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        warn!("passed over: {more} more rows");
    }
}

/// Where output goes: standard output, or a file that is replaced only by a whole one.
/// A device, a pipe or whatever else is no regular file is written to as it is.
fn output(
    path: Option<&Path>,
    make: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path else {
        if out_was_closed() {
            return Err(closed());
        }
        let mut to = io::BufWriter::new(io::stdout().lock());
        return make(&mut to).and_then(|()| Ok(to.flush()?));
    };
    let failed = |error: io::Error| {
        let shown = path.display();
        Failure::Said(format!("{shown}: cannot write ({error}); check the path and the disk"))
    };
    let fill = |file: std::fs::File| -> Result<(), Failure> {
        let mut to = io::BufWriter::new(file);
        let made = make(&mut to).and_then(|()| Ok(to.flush()?));
        made.map_err(|failure| match failure {
            Failure::Write(error) => failed(error),
            other => other,
        })
    };
    // Behind a link stands what is meant.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let before = std::fs::metadata(&target).ok();
    if before.as_ref().is_some_and(|is| !is.is_file()) {
        let file = std::fs::OpenOptions::new().write(true).open(&target).map_err(failed)?;
        return fill(file);
    }
    if before.is_some() && is_database(&target) {
        let shown = path.display();
        return Err(Failure::Said(format!(
            "{shown}: an inventory stands there; name another file"
        )));
    }
    let part = target.with_extension("part");
    let made = std::fs::File::create(&part).map_err(failed).and_then(fill).and_then(|()| {
        if let Some(before) = before {
            std::fs::set_permissions(&part, before.permissions()).map_err(failed)?;
        }
        std::fs::rename(&part, &target).map_err(failed)
    });
    if made.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    made
}

/// The runtime gives who has none a standard output that takes everything and keeps nothing.
fn closed() -> Failure {
    let why = "standard output: it is closed, so nothing can be written; send it somewhere";
    Failure::Said(why.to_owned())
}

/// Whether a file begins as every database of SQLite does (file format §1.3.1).
fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
