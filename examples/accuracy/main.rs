//! How often the register is right: `cargo run --release --example accuracy -- DIR…`.
//!
//! Each DIR holds captures and, in `DIR/truth`, what is true of their hosts
//! (`docs/accuracy.md`). Ends with 1 when a field is less precise than it must be, or
//! when something could not be scored.

mod calibration;
mod churn;
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
    #[arg(required_unless_present = "apart", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Fail where assets are not devices although addresses change hands
    #[arg(long)]
    strict: bool,
    /// Read one capture into an inventory and say what that cost
    #[arg(long, hide = true, num_args = 2)]
    apart: Option<Vec<PathBuf>>,
    /// Least share of right values among those claimed, for every field
    #[arg(long, value_name = "SHARE", default_value_t = 0.98)]
    min_precision: f64,
    /// Everything as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let mut to = io::stdout().lock();
    if let Some([capture, db]) = args.apart.as_deref() {
        let cost = churn::read_apart(capture, db).map_err(io::Error::other)?;
        serde_json::to_writer(&mut to, &cost)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut score = Score::default();
    // Devices whose addresses change hands are many and alike: they are scored for
    // themselves, and count for what a confidence means.
    let (mut moving, mut outcomes) = (Score::default(), Vec::new());
    for folder in &args.folders {
        for truth in score.folder(folder) {
            match churn::score(&truth, &mut moving) {
                Ok(outcome) => outcomes.push(outcome),
                Err(fault) => score.faults.push(fault),
            }
        }
    }
    let bands = calibration::bands(&[&score, &moving]);
    if args.json {
        let mut all = report::json(&score);
        all["churn"] = serde_json::to_value(&outcomes)?;
        all["calibration"] = calibration::json(&bands);
        serde_json::to_writer_pretty(&mut to, &all)?;
        writeln!(to)?;
    } else {
        report::text(&score, &mut to)?;
        churn::report(&outcomes, &mut to)?;
        report::fields(&moving, &mut to)?;
        report::wrong(&moving, &mut to)?;
        calibration::text(&bands, &mut to)?;
    }
    let low = |n: scoring::Count| n.precision().is_some_and(|p| p < args.min_precision);
    let mixed = args.strict && !outcomes.iter().all(churn::Outcome::is_good);
    let failed =
        mixed || !score.faults.is_empty() || score.table().into_iter().any(|(_, n)| low(n));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
