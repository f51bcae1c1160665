//! A hospital whose every minute is known: `cargo run --release --example ward -- make
//! FILE.pcap TRUTH.json`, then `auscult read`, then `ward score TRUTH.json DB`.
//!
//! Made from a seed, the same bytes in every run. Modalities with and without performed
//! steps, archives and gateways that send what others made, analysers, bedside devices,
//! workstations; nights, weekends, a holiday; addresses that change hands, a sensor that
//! stands still, a VLAN that is not mirrored for hours.

mod hospital;
mod score;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use hospital::Plan;

/// Writes a capture of a known hospital, or scores what was made of it
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Writes a capture and its truth
    Make {
        /// Days of packet time
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=366))]
        days: u64,
        /// Another seed, another hospital
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Some twenty devices in place of a hundred
        #[arg(long)]
        small: bool,
        /// The capture (pcap; .zst is compressed; `-` is standard output)
        capture: PathBuf,
        /// The truth (JSON)
        truth: PathBuf,
    },
    /// Compares an inventory with the truth; ends with 1 where an aim is missed
    Score {
        /// The truth (JSON)
        truth: PathBuf,
        /// The inventory
        db: PathBuf,
    },
}

/// From so many days on, fewer frames say the same.
const THIN: u64 = 8;

fn main() -> io::Result<ExitCode> {
    match Args::parse().what {
        What::Make { days, seed, small, capture, truth } => {
            let plan = Plan { days, seed, small, thin: days >= THIN };
            make(plan, &capture, &truth)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Score { truth, db } => {
            let truth = serde_json::from_reader(BufReader::new(File::open(truth)?))?;
            let score = score::score(&truth, &db).map_err(io::Error::other)?;
            score.report(&mut io::stdout().lock())?;
            Ok(if score.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn make(plan: Plan, capture: &Path, path: &Path) -> io::Result<()> {
    let name = capture.file_name().unwrap_or_default().to_string_lossy();
    let truth = if name == "-" {
        hospital::write(plan, &name, BufWriter::with_capacity(1 << 20, io::stdout().lock()))?.0
    } else if name.ends_with(".zst") {
        let to = zstd::Encoder::new(BufWriter::new(File::create(capture)?), 3)?;
        let (truth, to) = hospital::write(plan, &name, to)?;
        to.finish()?.flush()?;
        truth
    } else {
        let to = BufWriter::with_capacity(1 << 20, File::create(capture)?);
        hospital::write(plan, &name, to)?.0
    };
    let mut to = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut to, &truth)?;
    writeln!(to)?;
    to.flush()?;
    let (devices, frames, bytes) = (truth.devices.len(), truth.frames, truth.bytes);
    let exams: usize = truth.devices.iter().map(|it| it.exams.len()).sum();
    writeln!(
        io::stderr(),
        "{devices} devices, {exams} examinations, {frames} frames, {bytes} bytes"
    )
}
