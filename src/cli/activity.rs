//! `auscult activity`: when devices were on and in use.

use std::path::PathBuf;

use tracing::warn;

use super::when::When;
use super::{Failure, Settings, is_whole, output, register};
use crate::store::Inventory;
use crate::view::activity::{self, Filter, believed, lately};
use crate::view::dossier;

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
    /// First day: 2026-01-31, or that of a time (2026-01-31T12:00, with an offset or without)
    /// or of a while ago (7d, 24h) [default: of the last 30 observed]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Last day, in the same forms [default: the last one observed]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
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
    /// When devices started, one row each, in place of their hours
    #[arg(long, conflicts_with_all = ["idle", "silent"])]
    starts: bool,
    /// Which minutes of one device these were, one row each run of them: by id, MAC, IP
    /// address, hostname, AE title or serial number
    #[arg(long, value_name = "ASSET", conflicts_with_all = ["class", "idle", "silent", "starts"])]
    minutes: Option<String>,
    /// Into this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    register::check_class(args.class.as_deref(), settings)?;
    let inventory = Inventory::open(&settings.db)?;
    let zone = inventory.calendar()?.zone;
    let (from, to) = (args.from.map(|it| it.day(&zone)), args.to.map(|it| it.day(&zone)));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Failure::Usage("--from is after --to".to_owned()));
    }
    // Nothing was watched yet: the list is empty, and of no day.
    let believed = believed(&inventory)?;
    let last = believed.days.last().copied().unwrap_or(0);
    if let (None, Some(doubt)) = (to, believed.doubt()) {
        warn!("{doubt}");
    }
    let to = to.unwrap_or(last.max(from.unwrap_or(last)));
    let first = lately(&inventory, Some(to), DAYS)?.map_or(to, |(first, _)| first);
    let from = from.unwrap_or(first).min(to);
    let filter = Filter { class: args.class.clone(), idle: args.idle, silent: args.silent };
    let format = match args.format {
        Format::Text => activity::Format::Text,
        Format::Csv => activity::Format::Csv,
        Format::Json => activity::Format::Json,
    };
    let to_file = args.output.as_deref();
    if let Some(wanted) = &args.minutes {
        let shelf = inventory.shelf(false)?;
        let assets = shelf.known(None);
        let found = dossier::find(&assets, wanted);
        if found.is_empty() {
            is_whole(&inventory)?;
            return Err(Failure::nobody(wanted));
        }
        output(to_file, |out| Ok(activity::minutes(&inventory, (from, to), &found, format, out)?))?;
        return is_whole(&inventory);
    }
    output(to_file, |out| {
        let write = if args.starts { activity::starts } else { activity::list };
        Ok(write(&inventory, (from, to), &filter, format, out)?)
    })?;
    is_whole(&inventory)
}
