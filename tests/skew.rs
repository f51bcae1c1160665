//! The two directions of a conversation may come by two ways: two queues of a card, two
//! taps. Each is in order, but one may run ahead of the other.

mod lab;

use std::ops::ControlFlow;

use auscult::wire::capture::parse_bytes;
use auscult::wire::packet::slice;

/// The hospital with one of the two directions (by the order of the addresses) running
/// ahead by so many frames.
fn skewed(ahead: usize, forward: bool) -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    let bytes = std::fs::read(lab::capture("hospital.pcapng")).expect("there");
    parse_bytes(&bytes, &mut |batch, _| {
        for frame in batch {
            let sliced = slice(frame, 0);
            let first = sliced.packet.addresses().is_some_and(|(src, dst)| (src < dst) == forward);
            frames.push((first, frame.at.0, frame.bytes.to_vec()));
        }
        ControlFlow::Continue(())
    })
    .expect("whole");
    let mut keyed: Vec<_> = frames
        .into_iter()
        .enumerate()
        .map(|(n, (first, at, bytes))| {
            (if first { n.saturating_sub(ahead) } else { n }, n, at, bytes)
        })
        .collect();
    keyed.sort_by_key(|(place, n, ..)| (*place, *n));
    keyed.into_iter().map(|(.., at, bytes)| (at, bytes)).collect()
}

/// As a pcap in memory: nanoseconds, little endian.
fn pcap(frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (at, bytes) in frames {
        let length = u32::try_from(bytes.len()).expect("short");
        let second = u32::try_from(at / 1_000_000_000).expect("this century");
        let nano = u32::try_from(at % 1_000_000_000).expect("less than a second");
        for word in [second, nano, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

#[test]
fn one_direction_may_run_ahead() {
    let dir = tempfile::tempdir().expect("a directory");
    let register = |name: &str, ahead, forward| {
        let path = dir.path().join(format!("{name}.pcap"));
        std::fs::write(&path, pcap(&skewed(ahead, forward))).expect("written");
        let inventory = lab::read(&dir.path().join(format!("{name}.db")), &[path]);
        lab::rows(&lab::csv(&inventory))
    };
    let plain = register("plain", 0, true);
    assert!(plain.len() > 20);
    for (name, ahead, forward) in [("ahead", 3, true), ("behind", 3, false)] {
        let skewed = register(name, ahead, forward);
        for (id, asset) in &plain {
            assert_eq!(skewed.get(id), Some(asset), "{name}");
        }
    }
}
