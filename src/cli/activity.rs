//! `auscult activity`: when devices were on and in use.

use std::io::Write;
use std::path::PathBuf;

use tracing::{info, warn};

use super::when::When;
use super::{Failure, Settings, is_whole, output, register};
use crate::store::Inventory;
use crate::time::calendar::{Day, date};
use crate::view::activity::{self, Filter, believed, lately};
use crate::view::dossier;

/// Days that are told where none are named.
const DAYS: usize = 30;
/// Days of which all devices are told hour by hour at once: 744 rows of each.
const HOURS_OF_ALL: Day = 31;

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
    /// When devices started, one row each, in place of their hours [default of all: the last
    /// day]
    #[arg(long, group = "table", conflicts_with_all = ["idle", "silent"])]
    starts: bool,
    /// Which minutes of one device these were, one row each run of them: by id, MAC, IP
    /// address, hostname, AE title or serial number
    #[arg(long, value_name = "ASSET", group = "table", conflicts_with_all = ["class", "idle", "silent"])]
    minutes: Option<String>,
    /// Hour by hour of the site's clock, of one device or of all (31 days at most) [default of
    /// all: the last day]
    #[arg(long, value_name = "ASSET", num_args = 0..=1, group = "table", conflicts_with_all = ["idle", "silent"])]
    hours: Option<Option<String>>,
    /// In use by hour and weekday, of one device or of all of which it would show
    #[arg(long, value_name = "ASSET", num_args = 0..=1, group = "table", conflicts_with_all = ["idle", "silent"])]
    heat: Option<Option<String>>,
    /// How long examinations take, the gaps between them, the first and the last of a day: a
    /// row each device that makes such
    #[arg(long, value_name = "ASSET", num_args = 0..=1, group = "table", conflicts_with_all = ["idle", "silent"])]
    examinations: Option<Option<String>>,
    /// Into this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    register::check_class(args.class.as_deref(), settings)?;
    let of_one =
        [&args.hours, &args.heat, &args.examinations].into_iter().flatten().any(Option::is_some);
    if of_one && args.class.is_some() {
        return Err(Failure::Usage(
            "--class is of all devices, not of one that is named".to_owned(),
        ));
    }
    let inventory = Inventory::open(&settings.db)?;
    let zone = inventory.calendar()?.zone;
    let behind = inventory.days_behind()?;
    if behind > 0 {
        warn!(
            "the days of {behind} devices are still those of another time zone or other opening \
             hours: a sensor, or any `auscult read`, goes on with them"
        );
    }
    let (from, to) = (args.from.map(|it| it.day(&zone)), args.to.map(|it| it.day(&zone)));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Failure::Usage("--from is after --to".to_owned()));
    }
    // Nothing was watched yet: the list is empty, and of no day.
    let believed = believed(&inventory)?;
    let last = believed.days.last().copied().unwrap_or(0);
    if to.is_none() {
        believed.doubt().iter().for_each(|doubt| warn!("{doubt}"));
    }
    let to = to.unwrap_or(last.max(from.unwrap_or(last)));
    let of_all = args.hours.as_ref().is_some_and(Option::is_none);
    // Half a million rows are nobody's first question.
    let days = if of_all || (args.starts && args.class.is_none()) { 1 } else { DAYS };
    let first = lately(&inventory, Some(to), days)?.map_or(to, |(first, _)| first);
    let from = from.unwrap_or(first).min(to);
    if of_all && to.saturating_sub(from) >= HOURS_OF_ALL {
        let why = "--hours of all devices is of 31 days at most; name a device, or fewer days";
        return Err(Failure::Usage(why.to_owned()));
    }
    let is_named = args.from.is_some() || args.to.is_some();
    let watched = if is_named { inventory.watched_days()? } else { Vec::new() };
    if let Some(last) = watched.last()
        && !watched.iter().any(|day| (from..=to).contains(day))
    {
        let (from, to, last) = (date(from), date(to), date(*last));
        warn!("nobody watched from {from} to {to}: the last observed day is {last}");
    }
    let format = match args.format {
        Format::Text => activity::Format::Text,
        Format::Csv => activity::Format::Csv,
        Format::Json => activity::Format::Json,
    };
    let mut rows = 0;
    output(args.output.as_deref(), |out| {
        rows = write(args, &inventory, (from, to), format, out)?;
        Ok(())
    })?;
    if rows == 0 && format == activity::Format::Text {
        info!("{}", args.nothing((from, to), believed.days.is_empty()));
    }
    is_whole(&inventory)
}

/// A table of one device, or of all of a class.
#[derive(Clone, Copy)]
enum Table {
    Minutes,
    Hours,
    Heat,
    Examinations,
}

impl Args {
    /// The table of named devices that is asked for, and of which one.
    fn table(&self) -> Option<(Table, Option<&str>)> {
        let of_one = self.minutes.as_ref().map(|one| (Table::Minutes, Some(one)));
        let of_any = [
            (Table::Hours, &self.hours),
            (Table::Heat, &self.heat),
            (Table::Examinations, &self.examinations),
        ];
        let mut of_any = of_any.into_iter().filter_map(|(table, of)| Some((table, of.as_ref()?)));
        let asked = of_one.or_else(|| of_any.next().map(|(table, of)| (table, of.as_ref())));
        asked.map(|(table, of)| (table, of.map(String::as_str)))
    }

    /// What an empty table says.
    fn nothing(&self, (from, to): (Day, Day), is_new: bool) -> String {
        if is_new {
            return "nobody has watched yet: there is no activity to tell".to_owned();
        }
        let devices = match &self.class {
            Some(class) => format!("no device of the class {class}"),
            None => "no device".to_owned(),
        };
        let did = match self {
            Self { silent: Some(days), idle: false, .. } => {
                return format!("{devices} was silent for the last {days} days");
            }
            Self { starts: true, .. } => "is known to have started",
            Self { idle: true, .. } => "was on line, not used, and would have shown it",
            Self { heat: Some(_), .. } => "would have shown its use",
            Self { examinations: Some(_), .. } => "would have shown examinations",
            _ => "did anything that is told",
        };
        format!("{devices} {did} from {} to {}", date(from), date(to))
    }
}

fn write(
    args: &Args,
    inventory: &Inventory,
    days: (Day, Day),
    format: activity::Format,
    out: &mut dyn Write,
) -> Result<u64, Failure> {
    let filter = Filter { class: args.class.clone(), idle: args.idle, silent: args.silent };
    let Some((table, of)) = args.table() else {
        let write = if args.starts { activity::starts } else { activity::list };
        return Ok(write(inventory, days, &filter, format, out)?);
    };
    // Of all devices nothing is asked but who they are.
    let is_bare = of.is_none() && args.class.is_none();
    let shelf = if is_bare { inventory.bare_shelf()? } else { inventory.shelf(false)? };
    let names = match of {
        Some(_) => [dossier::NAMES, activity::NAMING].concat(),
        None => vec!["device_class"],
    };
    let assets = shelf.known(Some(&names));
    let mut wanted = match of {
        Some(wanted) => dossier::find(&assets, wanted),
        None => assets.iter().filter(|asset| !asset.external).collect(),
    };
    if let (Some(wanted), true) = (of, wanted.is_empty()) {
        // It may be one of those that are damaged.
        is_whole(inventory)?;
        return Err(Failure::nobody(wanted));
    }
    wanted.retain(|asset| filter.lets_class(asset));
    Ok(match table {
        Table::Minutes => activity::minutes(inventory, days, &wanted, format, out),
        Table::Hours => activity::by_hour(inventory, days, &wanted, format, out),
        Table::Heat => activity::heat(inventory, days, &wanted, format, out),
        Table::Examinations => activity::examinations(inventory, days, &wanted, format, out),
    }?)
}
