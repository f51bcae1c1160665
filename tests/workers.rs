//! What two workers see of one another's halves comes together in the census.

use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType};
use etherparse::PacketBuilder;

/// One device asks so many for SMB within a second, of which each worker sees a share.
fn sweeps(workers: usize, asked: u8) -> bool {
    let mut all: Vec<Worker> = (0..workers).map(|_| Worker::default()).collect();
    for n in 1..=asked {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 1, n])
            .ipv4([10, 0, 0, 1], [10, 0, 1, n], 64)
            .tcp(40_000 + u16::from(n), 445, 1, 1024)
            .syn();
        packet.write(&mut bytes, &[]).expect("fits");
        let frame = Frame {
            at: Timestamp::new(60, u32::from(n)),
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
    for workers in [1, 2, 4] {
        assert!(sweeps(workers, 40), "{workers} workers");
        assert!(!sweeps(workers, 12), "{workers} workers: twelve are no sweep");
    }
}
