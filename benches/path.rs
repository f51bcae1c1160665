//! Packets and bytes a second of the whole path on one core, over each capture of the
//! laboratory: headers, copies, flows, dissectors, observations, census.
//!
//! A capture is held in memory and read again and again, each time three hours later,
//! so that no flow and no repeat of the last time is left: every pass is a first pass,
//! full of openings. Long captures are faster.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::sensor::Worker;
use auscult::time::{SECOND, Timestamp};
use auscult::wire::capture::{Totals, parse_bytes};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Longer than any flow may rest.
const LATER: i64 = 3 * 3_600 * SECOND;

/// The plain captures of the laboratory. There is no bench without them.
fn captures() -> Vec<PathBuf> {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab");
    let entries = std::fs::read_dir(&lab).unwrap_or_else(|e| panic!("{}: {e}", lab.display()));
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        .collect();
    found.sort();
    assert!(found.iter().any(|p| p.ends_with("hospital.pcapng")), "{found:?}");
    found
}

/// One pass; `later` is added to every time.
fn read(bytes: &[u8], later: i64, worker: &mut Worker, census: &mut Census) -> Totals {
    parse_bytes(bytes, &mut |frames, _| {
        let mut shifted = [frames[0]; auscult::wire::capture::BATCH];
        for (to, from) in shifted.iter_mut().zip(frames) {
            *to = *from;
            to.at = Timestamp(from.at.0 + later);
        }
        worker.read(&shifted[..frames.len()]);
        for observation in worker.observed() {
            census.apply(0, observation);
        }
        ControlFlow::Continue(())
    })
    .expect("a whole capture")
}

fn path(c: &mut Criterion) {
    let mut group = c.benchmark_group("path");
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for capture in captures() {
        let bytes = std::fs::read(&capture).expect("readable");
        let name = capture.file_name().expect("a file").to_string_lossy();
        let mut worker = Worker::default();
        let mut census = Census::new(Arc::clone(Book::builtin()));
        let totals = read(&bytes, 0, &mut worker, &mut census);
        assert!(totals.frames > 0, "{name} is empty");
        group.throughput(Throughput::ElementsAndBytes {
            elements: totals.frames,
            bytes: totals.bytes,
        });
        let mut later = 0;
        group.bench_function(&*name, |b| {
            b.iter(|| {
                later += LATER;
                black_box(read(&bytes, later, &mut worker, &mut census))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, path);
criterion_main!(benches);
