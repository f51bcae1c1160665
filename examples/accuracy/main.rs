//! How often the register is right: `cargo run --release --example accuracy -- DIR…`.
//!
//! Each DIR holds captures and, in `DIR/truth`, what is true of their hosts
//! (`docs/accuracy.md`). Ends with 1 when a field is less precise than it must be, or
//! when something could not be scored.

mod report;
mod scoring;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use scoring::Score;

/// Scores the register against captures whose truth is known
#[derive(Debug, Parser)]
struct Args {
    /// Folders with captures and truth files
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Least share of right values among those claimed, for every field
    #[arg(long, value_name = "SHARE", default_value_t = 0.98)]
    min_precision: f64,
    /// Everything as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let mut score = Score::default();
    for folder in &args.folders {
        score.folder(folder);
    }
    let mut to = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut to, &report::json(&score))?;
        writeln!(to)?;
    } else {
        report::text(&score, &mut to)?;
    }
    let low = |n: scoring::Count| n.precision().is_some_and(|p| p < args.min_precision);
    let failed = !score.faults.is_empty() || score.table().into_iter().any(|(_, n)| low(n));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
