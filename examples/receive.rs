//! Counts the frames of an interface, one thread a queue, and says what was lost.
//!
//! ```text
//! receive METHOD INTERFACE SECONDS [KEY=VALUE…]
//!   METHOD  af-xdp, af-xdp-generic, af-packet, pcap
//!   KEY     frames (AF_XDP: buffers a queue), busy (AF_XDP: 1 polls busily),
//!           queues, ring (AF_PACKET: sockets, bytes of each ring),
//!           touch (1 reads the first and the last byte of each frame),
//!           quiet (milliseconds without frames, after the first, that end it)
//! ```
//!
//! The rate is that between the first and the last frame.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use auscult::wire::capture::live;
use auscult::wire::capture::live::{Loss, Method, OpenError, Source, af_packet, af_xdp};

/// What one source came to.
#[derive(Default)]
struct Count {
    frames: u64,
    bytes: u64,
    seconds: f64,
    loss: Loss,
    /// Of the bytes that were read; keeps the reading from being left out.
    sum: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, interface, seconds, rest @ ..] = arguments.as_slice() else {
        eprintln!("receive METHOD INTERFACE SECONDS [KEY=VALUE…]");
        return ExitCode::from(2);
    };
    let settings: HashMap<&str, usize> =
        rest.iter().filter_map(|s| s.split_once('=')).map(|(k, v)| (k, number(v))).collect();
    let sources = match open(method, interface, &settings) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let until = Duration::from_secs_f64(seconds.parse().unwrap_or(5.0));
    let touch = settings.get("touch") == Some(&1);
    let quiet = settings.get("quiet").and_then(|&ms| u64::try_from(ms).ok());
    let quiet = quiet.map_or(until, Duration::from_millis);
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let count = |source| scope.spawn(move || count(source, until, quiet, touch));
        let threads: Vec<_> = sources.into_iter().map(count).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    for (queue, Count { frames, bytes, seconds, loss, sum }) in counts.iter().enumerate() {
        let rate = *frames as f64 / seconds.max(1e-9) / 1e6;
        let bits = *bytes as f64 * 8.0 / seconds.max(1e-9) / 1e9;
        println!("queue {queue}: {frames} frames, {rate:.3} M/s, {bits:.2} Gb/s, {loss:?}");
        std::hint::black_box(sum);
    }
    ExitCode::SUCCESS
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn open(
    method: &str,
    interface: &str,
    settings: &HashMap<&str, usize>,
) -> Result<Vec<Box<dyn Source>>, OpenError> {
    let setting = |name: &str, default: usize| settings.get(name).copied().unwrap_or(default);
    if method == "af-packet" {
        let default = af_packet::Options::default();
        let queues = u16::try_from(setting("queues", 1)).unwrap_or(1);
        let options = af_packet::Options { queues, ring: setting("ring", default.ring) };
        let sources = af_packet::open(interface, options, None)?;
        return Ok(sources.into_iter().map(|source| Box::new(source) as _).collect());
    }
    if method == "pcap" {
        let ring = setting("ring", 64 << 20);
        let method = Some(Method::Pcap);
        let options = live::Options { method, ring, ..live::Options::default() };
        return live::open(interface, &options).map(|opened| opened.sources);
    }
    let generic = method == "af-xdp-generic";
    let options = af_xdp::Options {
        frames: u32::try_from(setting("frames", 32768)).unwrap_or(0),
        mode: if generic { af_xdp::Mode::Generic } else { af_xdp::Mode::Auto },
        busy_poll: setting("busy", 0) == 1,
    };
    let opened = af_xdp::open(interface, &options).map_err(|refusal| refusal.of(interface))?;
    println!("{}", opened.note);
    Ok(opened.sources.into_iter().map(|source| Box::new(source) as _).collect())
}

fn count(mut source: Box<dyn Source>, until: Duration, quiet: Duration, touch: bool) -> Count {
    let mut count = Count::default();
    let start = Instant::now();
    let (mut first, mut last) = (None, None::<Instant>);
    while start.elapsed() < until {
        let result = source.receive(Duration::from_millis(50), &mut |frames| {
            count.frames += frames.len() as u64;
            count.bytes += frames.iter().map(|frame| u64::from(frame.wire_len)).sum::<u64>();
            for frame in frames.iter().filter(|_| touch) {
                let ends = [frame.bytes.first(), frame.bytes.last()];
                count.sum += ends.into_iter().flatten().map(|&byte| u64::from(byte)).sum::<u64>();
            }
        });
        match result {
            Ok(0) if last.is_some_and(|last| last.elapsed() >= quiet) => break,
            Ok(0) => {}
            Ok(_) => {
                last = Some(Instant::now());
                let first = *first.get_or_insert_with(Instant::now);
                count.seconds = first.elapsed().as_secs_f64();
            }
            Err(fault) => {
                eprintln!("{fault}");
                break;
            }
        }
    }
    count.loss = source.loss();
    count
}
