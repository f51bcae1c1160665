//! Captures read in the wrong order: neither who is who depends on it, nor what each did.
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
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use auscult::net::Mac;
use auscult::store::activity::{Activity, DayOf, Start};
use auscult::store::{Inventory, Known};
use auscult::view::register::{COLUMNS, cell};

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

#[test]
fn starts_are_told_in_any_order() {
    let capture = fs::read(lab::capture("starts.pcap")).unwrap();
    let told = |all: &Inventory| {
        let assets = all.assets().unwrap();
        let ids: Vec<&str> = assets.iter().map(|it| &*it.id).collect();
        let mut starts = all.starts_among(&ids, None).unwrap();
        let of =
            assets.iter().filter_map(|it| Some((it.identity.to_string(), starts.remove(&*it.id)?)));
        of.collect::<BTreeMap<String, Vec<Start>>>()
    };
    for quarters in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        cut(&capture, quarters, dir.path());
        read(dir.path(), "forth.db", &["1"]);
        let forth = told(&read(dir.path(), "forth.db", &["2"]));
        read(dir.path(), "back.db", &["2"]);
        let back = told(&read(dir.path(), "back.db", &["1"]));
        assert!(forth.values().map(Vec::len).sum::<usize>() >= 4, "{forth:#?}");
        assert_eq!(forth, back, "cut at {quarters}/4");
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

/// The router in front of the ward, and the server that the ward's devices talk with.
const ROUTER: Mac = Mac([0, 0x1b, 0x54, 0, 0, 1]);
const SERVER: (Mac, Ipv4Addr) =
    (Mac([0, 0x50, 0x56, 0xa1, 0x10, 0x11]), Ipv4Addr::new(10, 20, 10, 11));
const DHCP: (Mac, Ipv4Addr) =
    (Mac([0, 0x50, 0x56, 0xa1, 0x10, 0x05]), Ipv4Addr::new(10, 20, 10, 5));
/// The address that all of the ward have in turn: that of the scanner in `dicom.pcap`.
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 21);
const MINUTE: u64 = 60 * mirror::SECOND;

/// What passes between the ward and the servers, as a capture.
struct Ward {
    mirror: mirror::Mirror<fs::File>,
    rng: rng::Rng,
}

impl Ward {
    fn new(path: &Path) -> Self {
        let mirror = mirror::Mirror::new(fs::File::create(path).unwrap()).unwrap();
        Self { mirror, rng: rng::Rng::new(7) }
    }

    /// A card of the ward is leased the address for a week, and says its name.
    fn lease(mut self, minute: u64, card: Mac, name: &str) -> Self {
        let (at, relay) = (minute * MINUTE, Ipv4Addr::new(10, 20, 99, 1));
        let none = Ipv4Addr::UNSPECIFIED;
        let ask = dhcp::Dhcp::new(dhcp::REQUEST, 7, [none, none, relay], card);
        let ask = ask.option(12, name.as_bytes()).done();
        let out = vec![talk::leg(10, ROUTER, DHCP.0, 0)];
        let from = mirror::End { ip: relay, stack: world::Stack::Linux, legs: out };
        self.mirror.udp(at, &from, DHCP.1, (67, 67), &ask);
        let ack = dhcp::Dhcp::new(dhcp::ACK, 7, [none, LEASED, relay], card);
        let ack = ack.option(54, &DHCP.1.octets()).option(51, &604_800_u32.to_be_bytes()).done();
        let back = vec![talk::leg(10, DHCP.0, ROUTER, 0)];
        let from = mirror::End { ip: DHCP.1, stack: world::Stack::Linux, legs: back };
        self.mirror.udp(at + 100, &from, relay, (67, 67), &ack);
        self
    }

    /// Who has the address answers the server, so many times.
    fn answers(mut self, minute: u64, times: u64, banner: &str) -> Self {
        let legs = |from, to, hops| vec![talk::leg(10, from, to, hops)];
        let stack = world::Stack::Linux;
        let server = mirror::End { ip: SERVER.1, stack, legs: legs(SERVER.0, ROUTER, 0) };
        let device = mirror::End { ip: LEASED, stack, legs: legs(ROUTER, SERVER.0, 2) };
        let lines = [
            (false, format!("SSH-2.0-{banner}\r\n").into_bytes()),
            (true, b"SSH-2.0-client\r\n".to_vec()),
        ];
        for n in 0..times {
            let at = (minute + 3 * n) * MINUTE + 30 * mirror::SECOND;
            self.mirror.tcp(at, &mut self.rng, [&server, &device], 22, &lines);
        }
        self
    }

    /// The scanner of `dicom.pcap` works behind the router, at a study of this number.
    fn works(mut self, minute: u64, study: u8) -> Self {
        let capture = fs::read(lab::capture("dicom.pcap")).unwrap();
        let number =
            |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()) as usize;
        let time = |at: usize| number(at) as u64 * mirror::SECOND + number(at + 4) as u64;
        let (mut at, begin) = (24, time(24));
        while at < capture.len() {
            let mut frame = capture[at + 16..at + 16 + number(at + 8)].to_vec();
            let now = minute * MINUTE + time(at) - begin;
            for uid in [&b".41587.20260302.1"[..], b".41587.77.1", b".19.41587.1"] {
                let found = frame.windows(uid.len()).enumerate().filter(|(_, it)| *it == uid);
                for at in found.map(|(at, _)| at + uid.len() - 1).collect::<Vec<_>>() {
                    frame[at] = b'0' + study;
                }
            }
            at += 16 + frame.len();
            let ip = if frame[12..14] == [0x81, 0] { 18 } else { 14 };
            let is_tcp = frame[ip - 2..ip] == [8, 0] && frame[ip + 9] == 6;
            let sends = is_tcp && frame[ip + 12..ip + 16] == LEASED.octets();
            if sends {
                frame[6..12].copy_from_slice(&ROUTER.0);
                frame[ip + 8] -= 2;
                frame[ip + 10..ip + 12].fill(0);
                let sum = frame::checksum(&[&frame[ip..ip + 20]]).to_be_bytes();
                frame[ip + 10..ip + 12].copy_from_slice(&sum);
            } else if is_tcp && frame[ip + 16..ip + 20] == LEASED.octets() {
                frame[..6].copy_from_slice(&ROUTER.0);
            } else {
                continue;
            }
            self.mirror.frame(now, frame);
        }
        self
    }

    fn done(self) {
        self.mirror.finish().unwrap();
    }
}

/// Four captures of days one after the other: a monitor has the address, then a scanner, who
/// is heard of again in the third without a word of its lease, then a ventilator.
fn ward(dir: &Path) -> [PathBuf; 4] {
    let files = ["monitor", "scanner", "still", "ventilator"].map(|name| dir.join(name));
    let [monitor, scanner, still, ventilator] =
        [0, 1, 2, 3].map(|day| (1440 * day, &files[day as usize]));
    let card = |oui: [u8; 3]| Mac([oui[0], oui[1], oui[2], 0x41, 0x20, 1]);
    let (one, two, three) = (card([0, 0x09, 0x5c]), card([0, 0x18, 0x65]), card([0, 0x30, 0xe6]));
    let begin = |it: (u64, &PathBuf)| (it.0, Ward::new(it.1));
    let (at, it) = begin(monitor);
    it.lease(at, one, "MON-1").answers(at + 1, 9, "Monitor_1.0").done();
    let (at, it) = begin(scanner);
    it.lease(at, two, "MR-1")
        .works(at + 1, 1)
        .answers(at + 9, 5, "Scanner_1.0")
        .works(at + 30, 2)
        .done();
    let (at, it) = begin(still);
    it.answers(at + 1, 7, "Scanner_1.1").works(at + 22, 3).done();
    let (at, it) = begin(ventilator);
    it.lease(at, three, "VENT-1").answers(at + 1, 3, "Ventilator_1.0").done();
    files
}

/// What a device did: its sums, its days, its starts.
type Deeds = (Option<Activity>, Vec<DayOf>, Vec<Start>);

/// All that views tell of everybody.
fn told(inventory: &Inventory) -> (Vec<String>, BTreeMap<String, Deeds>) {
    let all = inventory.activity(None).unwrap();
    let deeds = inventory.assets().unwrap().into_iter().map(|it| {
        let days = inventory.days(&it.id, None).unwrap().unwrap();
        let starts = inventory.starts(&it.id, None).unwrap();
        (it.identity.to_string(), (all.get(&*it.id).cloned(), days, starts))
    });
    // Of several frames that say the same the one is cited that was read first.
    let all = inventory.assets().unwrap();
    let row = |it: &Known| {
        let columns = COLUMNS.iter().filter(|name| **name != "evidence");
        columns.map(|name| cell(it, name)).collect::<Vec<_>>().join(",")
    };
    let mut rows: Vec<String> = all.iter().map(row).collect();
    rows.sort();
    (rows, deeds.collect())
}

/// All orders of the first numbers.
fn orders(many: usize) -> Vec<Vec<usize>> {
    let Some(last) = many.checked_sub(1) else { return vec![Vec::new()] };
    let with = |order: &Vec<usize>| -> Vec<Vec<usize>> {
        let put = |at| [&order[..at], &[last], &order[at..]].concat();
        (0..many).map(put).collect()
    };
    orders(last).iter().flat_map(with).collect()
}

#[test]
fn what_each_did_is_told_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let files = ward(dir.path());
    let right = told(&lab::read(&dir.path().join("right.db"), &files));
    let of = |name: &str| {
        let known = right.1.iter().find(|(identity, _)| identity.contains(name));
        let (activity, days, _) = known.unwrap().1;
        let activity = activity.as_ref().unwrap();
        let examinations = activity.used.as_ref().and_then(|it| it.examinations);
        (activity.online, days.len(), examinations)
    };
    // Two studies have the same header times, told a day after: the monitor had the address
    // then, and none of it is the monitor's. Nor is that of the scanner's which it tells of the
    // time before it was first seen.
    let who = ["00:09:5c", "00:18:65", "00:30:e6"].map(of);
    assert_eq!(who, [(9, 1, None), (15, 2, Some(1)), (3, 1, None)]);
    let mut wrong = Vec::new();
    for order in orders(files.len()) {
        let named = |n: &usize| files[*n].file_name().unwrap().to_str().unwrap();
        let names: Vec<_> = order.iter().map(named).collect();
        let one = told(&read(dir.path(), &format!("one{order:?}.db"), &names));
        let apart = dir.path().join(format!("apart{order:?}.db"));
        for n in &order {
            lab::read(&apart, &files[*n..=*n]);
        }
        let apart = told(&Inventory::open(&apart).unwrap());
        for (how, it) in [("in one run", one), ("in runs of their own", apart)] {
            let rows = it.0.iter().filter(|row| !right.0.contains(row)).cloned();
            let deeds = it.1.iter().filter(|(name, deeds)| right.1.get(*name) != Some(deeds));
            let other: Vec<_> = rows.chain(deeds.map(|it| format!("{it:?}"))).collect();
            if it != right {
                wrong.push(format!("{names:?} {how}: {other:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of 48: {}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_each_did_in_days_of_leases_is_told_in_any_order() {
    let (capture, quarrels) = hospital();
    let dir = tempfile::tempdir().unwrap();
    let halves = |capture: &[u8]| {
        cut(capture, 2, dir.path());
        ["1", "2"].map(|name| fs::read(dir.path().join(name)).unwrap())
    };
    // Of each quarter the first half: nobody watched between.
    let quarters = halves(&capture).iter().flat_map(|half| halves(half)).collect::<Vec<_>>();
    let parts: Vec<PathBuf> = (0..4).map(|n| dir.path().join(format!("part{n}"))).collect();
    for (quarter, path) in quarters.iter().zip(&parts) {
        let [first, _] = halves(quarter);
        fs::write(path, first).unwrap();
    }
    let settled = |all: &Inventory| {
        let (mut who, mut deeds) = (identities(all), told(all).1);
        let is_settled = |name: &str| !quarrels.iter().any(|ip| name.contains(&**ip));
        who.retain(|name, _| is_settled(name));
        deeds.retain(|name, _| is_settled(name));
        (who, deeds)
    };
    let right = settled(&lab::read(&dir.path().join("right.db"), &parts));
    assert!(right.1.values().filter(|deeds| !deeds.1.is_empty()).count() > 50);
    for order in orders(parts.len()) {
        let db = dir.path().join(format!("{order:?}.db"));
        for n in &order {
            lab::read(&db, &parts[*n..=*n]);
        }
        let it = settled(&Inventory::open(&db).unwrap());
        let who = it.0.iter().filter(|(name, who)| right.0.get(*name) != Some(who));
        assert_eq!((who.collect::<Vec<_>>(), it.0.len()), (Vec::new(), right.0.len()), "{order:?}");
        let deeds = it.1.iter().filter(|(name, deeds)| right.1.get(*name) != Some(deeds));
        assert_eq!(deeds.collect::<Vec<_>>(), Vec::new(), "{order:?}");
    }
}
