//! A capture cut in two and read in the wrong order: who is who does not depend on it.
#![allow(dead_code, reason = "of the generated hospital only its packets are wanted")]

mod lab;

#[path = "../examples/churn/ask.rs"]
mod ask;
#[path = "../examples/shared/dhcp.rs"]
mod dhcp;
#[path = "../examples/shared/frame.rs"]
mod frame;
#[path = "../examples/churn/lease.rs"]
mod lease;
#[path = "../examples/churn/message.rs"]
mod message;
#[path = "../examples/churn/mirror.rs"]
mod mirror;
#[path = "../examples/shared/pdu.rs"]
mod pdu;
#[path = "../examples/churn/play.rs"]
mod play;
#[path = "../examples/shared/rng.rs"]
mod rng;
#[path = "../examples/churn/talk.rs"]
mod talk;
#[path = "../examples/churn/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use auscult::store::Inventory;
use auscult::view::register::cell;

/// Both parts of a capture as `1` and `2`, the first with so many quarters of the packets.
fn cut(capture: &[u8], quarters: usize, dir: &Path) {
    let number = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()) as usize;
    let (mut head, mut packets, mut at) = (Vec::new(), Vec::new(), 0);
    // pcapng: blocks of packets, and those that say how they were taken.
    let blocks = capture.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
    if !blocks {
        (head, at) = (capture[..24].to_vec(), 24);
    }
    while at < capture.len() {
        let len = if blocks { number(at + 4) } else { 16 + number(at + 8) };
        let part = &capture[at..at + len];
        if blocks && !matches!(number(at), 3 | 6) {
            head.extend(part);
        } else {
            packets.push(part);
        }
        at += len;
    }
    let (first, second) = packets.split_at(packets.len() * quarters / 4);
    for (name, packets) in [("1", first), ("2", second)] {
        fs::write(dir.join(name), [&head[..], &packets.concat()].concat()).unwrap();
    }
}

/// What each is recognised by, and what is told of it that others are told by.
fn identities(inventory: &Inventory) -> BTreeMap<String, [String; 4]> {
    let columns = ["mac_addresses", "ip_addresses", "hostname", "serial_number"];
    let assets = inventory.assets().unwrap().into_iter();
    assets.map(|it| (it.identity.to_string(), columns.map(|name| cell(&it, name)))).collect()
}

/// The program reads these captures into an inventory.
fn read(dir: &Path, db: &str, files: &[&str]) -> Inventory {
    let mut run = Command::new(env!("CARGO_BIN_EXE_auscult"));
    let done = run.args(["read", "-q", "--db", db]).args(files).current_dir(dir).status();
    assert!(done.unwrap().success());
    Inventory::open(&dir.join(db)).unwrap()
}

#[test]
fn files_are_read_in_the_order_of_their_times() {
    for name in ["dicom.pcap", "hospital.pcapng"] {
        let capture = fs::read(lab::capture(name)).unwrap();
        for quarters in 1..=3 {
            let dir = tempfile::tempdir().unwrap();
            cut(&capture, quarters, dir.path());
            let forth = read(dir.path(), "forth.db", &["1", "2"]);
            let back = read(dir.path(), "back.db", &["2", "1"]);
            assert!(forth.assets().unwrap().len() > 10);
            assert!(lab::csv(&forth) == lab::csv(&back), "{name} cut at {quarters}/4");
        }
    }
}

#[test]
fn the_second_half_first_gives_the_same_devices() {
    for name in ["dhcp-relay.pcap", "names.pcap", "plugs.pcap", "hospital.pcapng"] {
        let capture = fs::read(lab::capture(name)).unwrap();
        for quarters in 1..=3 {
            let dir = tempfile::tempdir().unwrap();
            cut(&capture, quarters, dir.path());
            let forth = identities(&read(dir.path(), "forth.db", &["1", "2"]));
            assert!(forth.len() > 3);
            read(dir.path(), "back.db", &["2"]);
            let back = identities(&read(dir.path(), "back.db", &["1"]));
            assert_eq!(forth, back, "{name} cut at {quarters}/4");
        }
    }
}

/// Two days of leases, most of them behind routers.
fn hospital() -> (Vec<u8>, Vec<String>) {
    let mut rng = rng::Rng::new(5);
    let world = world::World::new(120, 20, &mut rng);
    let quarrels = world.conflicts.iter().filter_map(|[one, _]| world.devices[*one].fixed);
    let quarrels = quarrels.map(|ip| ip.to_string()).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("churn.pcap");
    let mut play = play::Play::new(world, rng, fs::File::create(&path).unwrap(), 2).unwrap();
    play.run().unwrap();
    play.mirror.finish().unwrap();
    (fs::read(path).unwrap(), quarrels)
}

#[test]
fn who_held_an_address_when_is_known_in_any_order() {
    let (capture, quarrels) = hospital();
    for quarters in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        cut(&capture, quarters, dir.path());
        let forth = read(dir.path(), "forth.db", &["1", "2"]);
        read(dir.path(), "apart.db", &["2"]);
        let apart = read(dir.path(), "apart.db", &["1"]);
        // An address that two use at once is nobody's; how often it went to and fro is told
        // in the order in which it was seen.
        let settled = |all: &Inventory| {
            let mut all = identities(all);
            all.retain(|name, _| !quarrels.iter().any(|ip| name.starts_with(&format!("ip:{ip}"))));
            all
        };
        let (forth, apart) = (settled(&forth), settled(&apart));
        assert!(forth.len() > 100);
        let only =
            |these: &BTreeMap<_, _>, those: &BTreeMap<_, _>| -> BTreeMap<String, [String; 4]> {
                let mut only = these.clone();
                only.retain(|name, it| those.get(name) != Some(it));
                only
            };
        let differ = (only(&forth, &apart), only(&apart, &forth));
        assert!(differ.0.is_empty() && differ.1.is_empty(), "cut at {quarters}/4: {differ:#?}");
    }
}
