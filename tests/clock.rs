//! Clocks are set, by hours and by years, while packets come: conversations still end, and
//! who is there is still said to be there.

use auscult::observe::Observed;
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
