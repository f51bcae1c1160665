//! `auscult activity`: when devices were on and in use.

use std::path::PathBuf;

use tracing::warn;

use super::{Failure, Settings, output, register};
use crate::store::Inventory;
use crate::time::calendar::{Day, date, parse_date};
use crate::view::activity::{self, Filter, believed, lately};

/// Days that are told where none are named.
const DAYS: usize = 30;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// First day, like 2026-01-31 [default: of the last 30 observed]
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Day>,
    /// Last day [default: the last one observed]
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<Day>,
    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Only devices of this class (mri, ct, workstation …)
    #[arg(long)]
    class: Option<String>,
    /// Only devices that were on line and not used at all
    #[arg(long)]
    idle: bool,
    /// Only devices that were not seen in the last so many days
    #[arg(long, value_name = "DAYS")]
    silent: Option<u32>,
    /// Into this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn day(text: &str) -> Result<Day, String> {
    parse_date(text).ok_or_else(|| "a day is written like 2026-01-31".to_owned())
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    register::check_class(args.class.as_deref(), settings)?;
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(Failure::Usage("--from is after --to".to_owned()));
    }
    let inventory = Inventory::open(&settings.db)?;
    // Nothing was watched yet: the list is empty, and of no day.
    let (_, last) = lately(&inventory, None, DAYS)?.unwrap_or((0, 0));
    if args.to.is_none()
        && let (days, beyond @ 1..) = believed(&inventory)?
        && let Some(last) = days.last()
    {
        warn!(
            "{beyond} watched days after {} are of fewer than three devices, as frames of a wrong \
             time are; --to DATE shows them",
            date(*last)
        );
    }
    let to = args.to.unwrap_or(last.max(args.from.unwrap_or(last)));
    let first = lately(&inventory, Some(to), DAYS)?.map_or(to, |(first, _)| first);
    let from = args.from.unwrap_or(first).min(to);
    let filter = Filter { class: args.class.clone(), idle: args.idle, silent: args.silent };
    let format = match args.format {
        Format::Text => activity::Format::Text,
        Format::Csv => activity::Format::Csv,
        Format::Json => activity::Format::Json,
    };
    output(args.output.as_deref(), |out| {
        Ok(activity::list(&inventory, (from, to), &filter, format, out)?)
    })
}
