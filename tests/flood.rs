//! Floods of invented senders: memory stays within the budget, nothing known is lost, also
//! while it is written.
//! `FLOOD=10000000 cargo test --release --test flood` is the full measure; by default
//! each flood is just larger than every table.
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

mod lab;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use auscult::census::signature::Book;
use auscult::census::{Budget, Census};
use auscult::sensor::Worker;
use auscult::store::{Counters, Writer};
use auscult::time::Timestamp;
use auscult::wire::capture::{File, Frame, LinkType};
use etherparse::PacketBuilder;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Counts bytes held.
struct Counting;

fn held(more: usize, less: usize) {
    let now = HELD.fetch_add(more, Relaxed) + more;
    MOST.fetch_max(now, Relaxed);
    HELD.fetch_sub(less, Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        held(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        held(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        held(0, layout.size());
        // SAFETY: `at` came from the system with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        held(size, layout.size());
        // SAFETY: `at` came from the system with this layout.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// What wire, census and inventory may hold together, whatever comes: 1 GiB without the ring
/// of 64 MiB, the program, and what is on the way between the threads.
const BUDGET: usize = 700 << 20;

/// Numbers that do not repeat soon and look like chance.
fn mixed(n: u64) -> u64 {
    let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 32;
    x.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// The frame number `n` of a flood.
type Flood = fn(u64, &mut Vec<u8>);

fn mac(n: u64) -> [u8; 6] {
    let [a, b, c, d, e, ..] = mixed(n).to_le_bytes();
    [0x02, a, b, c, d, e]
}

fn ip(n: u64) -> [u8; 4] {
    let [a, b, c, ..] = mixed(n).to_le_bytes();
    [10, a, b, c]
}

fn macs(n: u64, into: &mut Vec<u8>) {
    let build = PacketBuilder::ethernet2(mac(n), [0xff; 6]).ipv4(ip(n), [10, 255, 255, 255], 64);
    build.udp(9, 9).write(into, b"").expect("written");
}

fn addresses(n: u64, into: &mut Vec<u8>) {
    let build = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ip(n), [10, 0, 0, 1], 61);
    build.udp(9, 9).write(into, b"x").expect("written");
}

fn syns(n: u64, into: &mut Vec<u8>) {
    let port = (mixed(n) >> 40) as u16 | 1024;
    let build = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(ip(n), [10, 0, 0, 1], 64);
    build.tcp(port, 80, 7, 64_240).syn().write(into, b"").expect("written");
}

fn vlans(n: u64, into: &mut Vec<u8>) {
    let id = |bits: u64| ((bits & 0xfff) as u16).try_into().expect("twelve bits");
    let build = PacketBuilder::ethernet2(mac(n), [0xff; 6])
        .double_vlan(id(mixed(n) >> 8), id(mixed(n) >> 24))
        .ipv4(ip(n), [10, 255, 255, 255], 64);
    build.udp(9, 9).write(into, b"").expect("written");
}

fn fragments(n: u64, into: &mut Vec<u8>) {
    addresses(n, into);
    // More fragments follow, and never come.
    into[20] = 0x20;
    into[18..20].copy_from_slice(&(n as u16).to_be_bytes());
    into.resize(600, 7);
    into[16..18].copy_from_slice(&576_u16.to_be_bytes());
}

fn claims(n: u64, into: &mut Vec<u8>) {
    into.extend([0xff; 6]);
    into.extend(mac(n));
    into.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    into.extend(mac(n));
    into.extend(ip(n));
    into.extend([0; 6]);
    into.extend(ip(n));
}

/// Writes all of it as the sensor does, twice: what is derived for that and what is
/// remembered of it stays within the budget as well, beside all conversations.
fn written(census: &mut Census) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = Writer::open(&dir.path().join("flood.db")).expect("an inventory");
    for round in 1..=2 {
        MOST.store(HELD.load(Relaxed), Relaxed);
        while !writer.keep(census, 1000).expect("kept") {}
        writer.publish(census, &Counters::new()).expect("published");
        say(&format!("published ({round})"), census);
    }
}

fn say(what: &str, census: &Census) {
    let most = MOST.load(Relaxed);
    let line = format!("{what}: at most {} MiB, {} hosts\n", most >> 20, census.len());
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    assert!(most < BUDGET, "{what}: {} MiB", most >> 20);
}

#[test]
fn floods_neither_outgrow_the_budget_nor_push_out_what_is_known() {
    let many: u64 = std::env::var("FLOOD").ok().and_then(|n| n.parse().ok()).unwrap_or(1_200_000);
    let mut worker = Worker::default();
    let mut census = Census::new(Arc::clone(Book::builtin()));
    census.hold(Budget::of_process(1024));
    let mut now = 0;
    for capture in ["hospital.pcapng", "dicom.pcap"] {
        let number = census.capture(capture);
        let file = File::open(&lab::capture(capture)).expect("there");
        file.run(&mut |frames, _| {
            now = frames.last().map_or(now, |frame| frame.at.0.max(now));
            worker.read(frames);
            worker.observed().for_each(|observation| census.apply(number, observation));
            std::ops::ControlFlow::Continue(())
        })
        .expect("whole");
    }
    let known = |census: &Census| -> BTreeSet<(String, String)> {
        let devices = census.assets();
        let medical = devices.iter().filter_map(|asset| {
            let category = asset.shown("device_category").first()?.value.clone();
            (category == "medical").then(|| {
                let shown = |name: &str| asset.shown(name).first().map(|c| c.value.clone());
                (asset.id.to_string(), format!("{:?} {:?}", shown("model"), shown("serial_number")))
            })
        });
        medical.collect()
    };
    let before = known(&census);
    assert!(before.len() > 10);
    let floods: [(&str, Flood); 6] = [
        ("macs", macs),
        ("addresses", addresses),
        ("syns", syns),
        ("vlans", vlans),
        ("fragments", fragments),
        ("claims", claims),
    ];
    let number = census.capture("flood");
    for (name, flood) in floods {
        MOST.store(HELD.load(Relaxed), Relaxed);
        let mut bytes = Vec::new();
        for n in 0..many {
            bytes.clear();
            flood(n, &mut bytes);
            now += 1_000;
            let wire_len = u32::try_from(bytes.len()).expect("short");
            let link = LinkType::Ethernet;
            worker.read(&[Frame { at: Timestamp(now), link, wire_len, number: n, bytes: &bytes }]);
            worker.observed().for_each(|observation| census.apply(number, observation));
        }
        say(&format!("{many} {name}"), &census);
    }
    written(&mut census);
    assert!(census.refused() > 0, "the floods were larger than the table");
    let after = known(&census);
    assert!(before.is_subset(&after), "{:?}", before.difference(&after));
}
