//! One worker against two: the frames of a capture, from memory, read by one worker and
//! then by two, each on its own processor with half of the conversations, as a card with
//! a symmetric hash would give them to its queues. Worker after worker, five times in turn; medians and ranges.
//!
//! ```text
//! workers CAPTURE [MOST]
//!   MOST  frames taken (2 million)
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::Instant;

use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{BATCH, File, Frame, LinkType};
use auscult::wire::packet::{Layer4, slice};
use rustix::thread::{CpuSet, sched_setaffinity};

const TIMES: usize = 5;

/// Frames of one queue, one after the other.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    frames: Vec<(Timestamp, LinkType, u32, std::ops::Range<usize>)>,
}

impl Queue {
    fn add(&mut self, frame: &Frame<'_>) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        self.frames.push((frame.at, frame.link, frame.wire_len, from..self.bytes.len()));
    }

    /// Reads all of it by a worker on this processor; seconds.
    fn read(&self, cpu: usize, start: &Barrier) -> f64 {
        let mut only = CpuSet::new();
        only.set(cpu);
        let _ = sched_setaffinity(None, &only);
        let mut worker = Worker::default();
        start.wait();
        let begun = Instant::now();
        for (batch, frames) in (0..).zip(self.frames.chunks(BATCH)) {
            let lend =
                |(n, (at, link, wire_len, range)): (u64, &(_, _, _, std::ops::Range<usize>))| {
                    let bytes = &self.bytes[range.clone()];
                    let number = batch * BATCH as u64 + n + 1;
                    Frame { at: *at, link: *link, wire_len: *wire_len, number, bytes }
                };
            let lent: Vec<_> = (0..).zip(frames).map(lend).collect();
            worker.read(&lent);
            worker.observed().for_each(drop);
        }
        worker.finish();
        begun.elapsed().as_secs_f64()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = arguments.first() else {
        eprintln!("workers CAPTURE [MOST]");
        return ExitCode::from(2);
    };
    let most = arguments.get(1).and_then(|most| most.parse().ok()).unwrap_or(2_000_000);
    let (mut all, mut parts) = (Queue::default(), [Queue::default(), Queue::default()]);
    let mut queues: HashMap<Ends, usize> = HashMap::new();
    let mut each = |frames: &[Frame<'_>], _| {
        for frame in frames {
            let next = usize::from(parts[0].frames.len() > parts[1].frames.len());
            let queue = ends(frame).map_or(0, |ends| *queues.entry(ends).or_insert(next));
            all.add(frame);
            parts[queue].add(frame);
        }
        if all.frames.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    if let Err(why) = File::open(Path::new(path)).map(|file| file.run(&mut each)) {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    let frames = all.frames.len();
    println!(
        "{frames} frames; of two queues: {} and {}",
        parts[0].frames.len(),
        parts[1].frames.len()
    );
    let time = |queues: &[&Queue]| {
        let start = Barrier::new(queues.len());
        std::thread::scope(|scope| {
            let read = |(cpu, queue)| {
                let (queue, start): (&Queue, _) = (queue, &start);
                scope.spawn(move || queue.read(cpu, start))
            };
            let threads: Vec<_> = queues.iter().copied().enumerate().map(read).collect();
            let took = threads.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN));
            took.fold(0.0, f64::max)
        })
    };
    let [mut one, mut two, mut times] = [const { Vec::new() }; 3];
    for _ in 0..TIMES {
        let (a, b) = (time(&[&all]), time(&[&parts[0], &parts[1]]));
        one.push(frames as f64 / a / 1e6);
        two.push(frames as f64 / b / 1e6);
        times.push(a / b);
    }
    for (what, values) in [("one, M/s", one), ("two, M/s", two), ("times", times)] {
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        println!("{what}: {:.2} ({:.2}–{:.2})", sorted[TIMES / 2], sorted[0], sorted[TIMES - 1]);
    }
    ExitCode::SUCCESS
}

/// Both ends of a conversation, the lower first.
type Ends = [(IpAddr, u16); 2];

fn ends(frame: &Frame<'_>) -> Option<Ends> {
    let sliced = slice(frame, 0);
    let (a, b) = sliced.packet.addresses()?;
    let (from, to) = match sliced.packet.l4 {
        Layer4::Tcp { src, dst, .. } | Layer4::Udp { src, dst, .. } => (src, dst),
        _ => (0, 0),
    };
    let mut ends = [(a, from), (b, to)];
    ends.sort_unstable();
    Some(ends)
}
