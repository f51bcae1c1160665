//! Clocks are set, by hours and by years, while packets come: conversations still end, and
//! who is there is still said to be there.

use auscult::observe::{Observation, Observed};
use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType};
use auscult::wire::flow::Engine;
use auscult::wire::packet::Front;
use etherparse::PacketBuilder;

const HOUR: i64 = 3_600;
/// Where the clock begins, in seconds.
const BEGIN: i64 = 1_800_000_000;
/// To where it is set, and how long it then goes, in seconds after the beginning.
const ERAS: [(i64, i64); 9] = [
    (0, 900),
    (HOUR, 900),
    (-24 * HOUR, 900),
    (900, 900),
    (20 * 365 * 24 * HOUR, 900),
    (1_800, 900),
    (2_695, 900),
    (-20 * 365 * 24 * HOUR, 900),
    (4 * HOUR, 900),
];

fn datagram(host: u8, port: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, host], [2, 0, 0, 0, 1, 1])
        .ipv4([10, 0, 0, host], [10, 0, 1, 1], 64)
        .udp(port, 40_001);
    let mut frame = Vec::new();
    builder.write(&mut frame, &[0x55; 40]).expect("fits");
    frame
}

const fn framed(second: i64, bytes: &[u8]) -> Frame<'_> {
    Frame {
        at: Timestamp::new(second, 0),
        link: LinkType::Ethernet,
        wire_len: 82,
        number: 1,
        bytes,
    }
}

/// Every packet of all eras in the order in which they come: its time, its era.
fn seconds() -> impl Iterator<Item = (usize, i64)> {
    let eras = ERAS.iter().enumerate();
    eras.flat_map(|(era, (set, goes))| (0..*goes).map(move |s| (era, BEGIN + set + s)))
}

#[test]
fn who_is_there_is_said_to_be_there_whatever_the_clock_does() {
    let mut worker = Worker::default();
    let bytes = datagram(7, 5_000);
    let mut last = (usize::MAX, i64::MIN);
    for (era, second) in seconds() {
        worker.read(&[framed(second, &bytes)]);
        worker.idle(Timestamp::new(second, 0));
        for observation in worker.observed() {
            if matches!(observation.what, Observed::Present(_))
                && observation.host.ip.is_some_and(|ip| ip.to_string() == "10.0.0.7")
            {
                last = (era, second);
            }
        }
        let begun = BEGIN + ERAS[era].0;
        let since = if last.0 == era { second - last.1 } else { second - begun };
        assert!(since <= 120, "era {era}: nothing said of a talker for {since} s");
    }
    assert_eq!(worker.latest(), Timestamp::new(BEGIN + 4 * HOUR + 899, 0));
}

#[test]
fn conversations_end_whatever_the_clock_does() {
    let (mut engine, mut front, mut out) = (Engine::default(), Front::new(0), Vec::new());
    for (n, (_, second)) in (0..).zip(seconds()) {
        // A conversation of its own, over and over.
        let bytes = datagram(7, n);
        let frame = framed(second, &bytes);
        let sight = front.next(&frame);
        engine.packet(&sight.packet, None, &mut out);
        out.clear();
    }
    assert!(engine.flows() > 0);
    // Nothing comes any more, for as long as the longest silence that is no end.
    let end = BEGIN + 4 * HOUR + 900;
    for second in 0..3 * HOUR {
        engine.idle(Timestamp::new(end + second, 0), &mut out);
    }
    assert_eq!(engine.flows(), 0, "left behind by a clock that was set");
}

/// Whoever is said to be there, and the second of it; but for the last words on those who
/// fell silent, which no frame brings.
fn present(frames: &[(i64, Vec<u8>)]) -> Vec<(String, i64)> {
    let (mut engine, mut front, mut out) = (Engine::default(), Front::new(0), Vec::new());
    for (second, bytes) in frames {
        let frame = framed(*second, bytes);
        let sight = front.next(&frame);
        engine.packet(&sight.packet, None, &mut out);
    }
    let said = out.iter().filter(|it| it.frame != 0);
    let there = said.filter(|it| matches!(it.what, Observed::Present(_)));
    let host = |it: &Observation| match it.host.ip {
        Some(ip) => ip.to_string(),
        None => it.host.mac.map(|mac| mac.to_string()).unwrap_or_default(),
    };
    there.map(|it| (host(it), it.at.seconds() - BEGIN)).collect()
}

/// Time on line is counted from this.
#[test]
fn with_the_first_packet_of_each_minute_and_no_other() {
    let one = |second| (BEGIN + second, datagram(7, 5_000));
    let other = |second| (BEGIN + second, datagram(7, 6_000));
    let frames = [one(0), one(59), other(59), one(60), other(61), one(179), one(300)];
    let there: Vec<_> = present(&frames).into_iter().map(|it| it.1).collect();
    assert_eq!(BEGIN % 60, 0);
    assert_eq!(there, [0, 60, 179, 300]);
}

/// Frames of the card 02:00:00:00:00:`card`: an ARP packet with these sender fields.
fn arp(second: i64, operation: u8, card: u8, sender: (u8, [u8; 4])) -> (i64, Vec<u8>) {
    let mac = |n| [2, 0, 0, 0, 0, n];
    let frame = [
        &[255; 6][..],
        &mac(card),
        &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation],
        &mac(sender.0),
        &sender.1,
        &[0; 6],
        &[10, 0, 0, 8],
        &[0; 18],
    ];
    (BEGIN + second, frame.concat())
}

#[test]
fn who_is_answered_for_is_not_there() {
    let asks = arp(0, 1, 3, (3, [10, 0, 0, 3]));
    // A router answers for 10.0.0.8 under its own card, and with that host's.
    let answers = [arp(60, 2, 1, (1, [10, 0, 0, 8])), arp(61, 2, 1, (8, [10, 0, 0, 8]))];
    // Probe and announcement of an address (RFC 5227).
    let probes = [arp(120, 1, 4, (4, [0; 4])), arp(180, 1, 4, (4, [10, 0, 0, 4]))];
    let frames: Vec<_> = [asks].into_iter().chain(answers).chain(probes).collect();
    let there = present(&frames);
    let card = |n, second| (format!("02:00:00:00:00:0{n}"), second);
    assert_eq!(there, [card(3, 0), card(1, 60), card(4, 120), card(4, 180)]);
}
