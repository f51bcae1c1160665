//! `auscult register`: the asset register.

use std::path::PathBuf;

use super::{Failure, Settings, is_whole, output};
use crate::census::signature::CATEGORIES;
use crate::store::Inventory;
use crate::view::register::{self, Filter};

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Csv,
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to write it
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Only assets of this category (medical, it, network, iot, facility, unknown)
    #[arg(long)]
    category: Option<String>,
    /// Only assets of this class (mri, ct, workstation …)
    #[arg(long)]
    class: Option<String>,
    /// Hosts on the Internet too
    #[arg(long)]
    external: bool,
    /// Into this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What an asset has when no signature says more.
const UNKNOWN: &str = "unknown";

/// Refuses a word that no asset can have: an empty list would look like an answer.
fn check<'a>(
    option: &str,
    given: Option<&str>,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), Failure> {
    let mut known = known.chain([UNKNOWN]);
    match given {
        Some(given) if !known.clone().any(|it| it == given) => {
            let first = known.next().unwrap_or_default().to_owned();
            let all = known.fold(first, |all, it| format!("{all}, {it}"));
            let given = given.escape_debug();
            Err(Failure::Usage(format!("{option} `{given}` is unknown; it is one of: {all}")))
        }
        _ => Ok(()),
    }
}

/// Refuses a class that there is none of.
pub(super) fn check_class(given: Option<&str>, settings: &Settings) -> Result<(), Failure> {
    match given {
        None => Ok(()),
        Some(_) => check("--class", given, settings.book()?.classes().keys().map(String::as_str)),
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    check("--category", args.category.as_deref(), CATEGORIES.iter().copied())?;
    check_class(args.class.as_deref(), settings)?;
    let inventory = Inventory::open(&settings.db)?;
    let filter = Filter {
        external: args.external,
        category: args.category.clone(),
        class: args.class.clone(),
    };
    output(args.output.as_deref(), |to| {
        match args.format {
            Format::Csv => register::csv(&inventory, &filter, to)?,
            Format::Json => register::json(&inventory, &filter, to)?,
        }
        Ok(())
    })?;
    is_whole(&inventory)
}
