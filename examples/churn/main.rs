//! A hospital at a core mirror whose addresses change hands:
//! `cargo run --release --example churn -- OUT.pcap OUT.truth.json`.
//!
//! Made from a seed, the same bytes in every run. Devices come and go, get addresses by
//! DHCP through relays, move between VLANs, share names and placeholders of serial
//! numbers, stand behind translators, quarrel over an address. Each says in a harmless
//! product name (`HTTPClient/1.0 (unit 4711)`) which device it is, so that
//! `examples/accuracy` can tell whose evidence an asset was given.

mod ask;
#[path = "../shared/dhcp.rs"]
mod dhcp;
#[path = "../shared/frame.rs"]
mod frame;
mod lease;
mod message;
mod mirror;
#[path = "../shared/pdu.rs"]
mod pdu;
mod play;
#[path = "../shared/rng.rs"]
mod rng;
mod talk;
mod truth;
mod world;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;

use play::Play;
use rng::Rng;
use world::World;

/// Writes a capture of changing addresses with its truth
#[derive(Debug, Parser)]
struct Args {
    /// Devices, about (a few are added for what must be there)
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(60..=100_000))]
    devices: u32,
    /// VLANs
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(20..=4094))]
    vlans: u16,
    /// Days of packet time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    days: u64,
    /// Another seed, another hospital
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The capture (pcap)
    capture: PathBuf,
    /// The truth (JSON)
    truth: PathBuf,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let mut rng = Rng::new(args.seed);
    let world = World::new(args.devices as usize, args.vlans, &mut rng);
    let out = BufWriter::with_capacity(1 << 20, File::create(&args.capture)?);
    let mut play = Play::new(world, rng, out, args.days)?;
    play.run()?;
    let name = args.capture.file_name().unwrap_or_default().to_string_lossy();
    let mut truth = BufWriter::new(File::create(&args.truth)?);
    play.truth(&name, args.seed, &mut truth)?;
    truth.flush()?;
    let (devices, frames, bytes) =
        (play.world.devices.len(), play.mirror.frames, play.mirror.bytes);
    play.mirror.finish()?;
    writeln!(io::stdout(), "{devices} devices, {frames} frames, {bytes} bytes")
}
