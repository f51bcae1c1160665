//! What two workers see of one another's halves comes together in the census.

use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType};
use etherparse::PacketBuilder;

/// One device asks so many for SMB, one each so many milliseconds from a second on, of which
/// each worker sees a share.
fn sweeps(workers: usize, asked: u8, (begin, every): (i64, i64)) -> bool {
    let mut all: Vec<Worker> = (0..workers).map(|_| Worker::default()).collect();
    for n in 1..=asked {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 1, n])
            .ipv4([10, 0, 0, 1], [10, 0, 1, n], 64)
            .tcp(40_000 + u16::from(n), 445, 1, 1024)
            .syn();
        packet.write(&mut bytes, &[]).expect("fits");
        let frame = Frame {
            at: Timestamp::new(begin, 0).plus(i64::from(n) * every * 1_000_000),
            number: u64::from(n),
            link: LinkType::Ethernet,
            wire_len: u32::try_from(bytes.len()).expect("short"),
            bytes: &bytes,
        };
        all[usize::from(n) % workers].read(&[frame]);
    }
    let mut census = Census::new(Arc::clone(Book::builtin()));
    census.capture("port");
    for worker in &mut all {
        worker.finish();
        census.apply_all(0, worker.observed());
    }
    let mut hosts = census.hosts();
    hosts.any(|(_, host)| host.values("network.sweeps").eq(["445"]))
}

#[test]
fn a_sweep_is_told_however_many_workers_see_it() {
    for workers in [1, 2, 4, 40] {
        assert!(sweeps(workers, 40, (60, 1)), "{workers} workers");
        assert!(!sweeps(workers, 12, (60, 1)), "{workers} workers: twelve are no sweep");
    }
}

#[test]
fn a_sweep_across_a_minutes_border_is_one() {
    for workers in [1, 2, 7] {
        for begin in 60..120 {
            // Thirty within 45 seconds, of which no clock minute may have more than fifteen.
            assert!(sweeps(workers, 30, (begin, 1500)), "{workers} workers from second {begin}");
        }
        assert!(!sweeps(workers, 60, (97, 6000)), "ten a minute");
    }
}
