//! `auscult register`: the asset register.

use std::path::PathBuf;

use super::{Failure, Settings, output};
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

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
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
    })
}
