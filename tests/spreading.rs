//! Who is said to spread, and whose work it is to ask many: packets in, the finding out.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::risk::{Accepted, RiskBook, Watched};
use auscult::census::signature::Book;
use auscult::net::Mac;
use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType};
use etherparse::PacketBuilder;

const CARD: [u8; 6] = [0, 1, 2, 0, 0, 1];
const ROUTER: [u8; 6] = [0, 1, 2, 0, 0, 0xfe];
const OWN: [u8; 4] = [10, 0, 0, 1];

/// What is left of the time to live on the asker's link.
fn hops(card: [u8; 6]) -> u8 {
    if card == ROUTER { 62 } else { 64 }
}

/// Frames with their milliseconds.
#[derive(Default)]
struct Scene(Vec<(i64, Vec<u8>)>);

impl Scene {
    fn add(&mut self, at: i64, frame: Vec<u8>) {
        self.0.push((at, frame));
    }

    /// A datagram from one to another, and perhaps back.
    fn udp(&mut self, at: i64, to: [u8; 4], ports: (u16, u16), text: &[u8], answer: Option<&[u8]>) {
        let write = |from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4]), ports: (u16, u16), text| {
            let mut bytes = Vec::new();
            let packet = PacketBuilder::ethernet2(from.0, to.0).ipv4(from.1, to.1, hops(from.0));
            packet.udp(ports.0, ports.1).write(&mut bytes, text).expect("fits");
            bytes
        };
        self.add(at, write((CARD, OWN), (ROUTER, to), ports, text));
        if let Some(answer) = answer {
            let frame = write((ROUTER, to), (CARD, OWN), (ports.1, ports.0), answer);
            self.add(at + 2, frame);
        }
    }

    /// A connection that is opened, and perhaps taken and used.
    fn tcp(&mut self, at: i64, to: [u8; 4], ports: (u16, u16), answers: bool) {
        let write = |own: bool, syn: bool, text: &[u8]| {
            let (from, to) = ((CARD, OWN), (ROUTER, to));
            let (from, to) = if own { (from, to) } else { (to, from) };
            let (src, dst) = if own { ports } else { (ports.1, ports.0) };
            let seq = if syn { 1 } else { 2 };
            let packet = PacketBuilder::ethernet2(from.0, to.0).ipv4(from.1, to.1, hops(from.0));
            let packet = packet.tcp(src, dst, seq, 1024);
            let packet = if syn { packet.syn() } else { packet };
            let packet = if own && syn { packet } else { packet.ack(2) };
            let mut bytes = Vec::new();
            packet.write(&mut bytes, text).expect("fits");
            bytes
        };
        self.add(at, write(true, true, b""));
        if answers {
            self.add(at + 2, write(false, true, b""));
            self.add(at + 3, write(true, false, b"\0\0hello"));
            self.add(at + 4, write(false, false, b"\0\0there"));
        }
    }

    fn echo(&mut self, at: i64, to: [u8; 4], answers: bool) {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2(CARD, ROUTER).ipv4(OWN, to, 64);
        packet.icmpv4_echo_request(1, 1).write(&mut bytes, b"echo").expect("fits");
        self.add(at, bytes);
        if answers {
            let mut bytes = Vec::new();
            let packet = PacketBuilder::ethernet2(ROUTER, CARD).ipv4(to, OWN, hops(ROUTER));
            packet.icmpv4_echo_reply(1, 1).write(&mut bytes, b"echo").expect("fits");
            self.add(at + 2, bytes);
        }
    }

    /// An address refuses: a connection by RST, a datagram by an ICMP error.
    fn refuses(&mut self, at: i64, to: [u8; 4], ports: (u16, u16), tcp: bool) {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2(ROUTER, CARD).ipv4(to, OWN, hops(ROUTER));
        if tcp {
            let packet = packet.tcp(ports.1, ports.0, 0, 0).rst().ack(2);
            packet.write(&mut bytes, b"").expect("fits");
        } else {
            packet.icmpv4_raw(3, 3, [0; 4]).write(&mut bytes, &[0x45; 28]).expect("fits");
        }
        self.add(at, bytes);
    }

    fn arp(&mut self, at: i64, whom: [u8; 4]) {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
        self.add(at, [&[255; 6][..], &CARD, &head, &CARD, &OWN, &[0; 6], &whom].concat());
    }

    /// The card of an address answers.
    fn card(&mut self, at: i64, own: [u8; 4]) {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];
        let card = [0, 1, 3, 0, 0, own[3]];
        self.add(at, [&CARD[..], &card, &head, &card, &own, &CARD, &OWN].concat());
    }

    /// Network equipment answers its questions by SNMP, and says what it is.
    fn manages(&mut self, many: u8) {
        for n in 0..many {
            let answer = snmp(0xa2, b"Cisco IOS Software, C2960X Software, Version 15.2(7)E2");
            self.udp(
                i64::from(n) * 10,
                [10, 9, 0, n],
                (50_000, 161),
                &snmp(0xa0, b""),
                Some(&answer),
            );
        }
    }

    /// Whether the asker is said to spread.
    fn spreads(mut self, accepted: &str) -> Option<(Vec<String>, bool)> {
        // It is somebody that others answer, as every device is.
        self.tcp(0, [10, 0, 2, 250], (60_000, 5000), true);
        self.spreads_alone(accepted)
    }

    /// The same of who has no conversation with anybody but those.
    fn spreads_alone(mut self, accepted: &str) -> Option<(Vec<String>, bool)> {
        self.0.sort_by_key(|(at, _)| *at);
        let mut worker = Worker::default();
        for (number, (at, bytes)) in (1..).zip(&self.0) {
            let at = Timestamp::new(1_795_305_600, 0).plus(at * 1_000_000);
            let wire_len = u32::try_from(bytes.len()).expect("short");
            worker.read(&[Frame { at, number, link: LinkType::Ethernet, wire_len, bytes }]);
        }
        worker.finish();
        let mut census = Census::new(Arc::clone(Book::builtin()));
        census.capture("port");
        let book = RiskBook::builtin();
        let accepted = Accepted::parse(accepted, book).expect("an acceptance");
        census.judge_by(book.clone().accepting(accepted));
        census.apply_all(0, worker.observed());
        let mut found = None;
        let Ok(()) = census.assess(
            || Ok::<(), Infallible>(()),
            |asset, judge| {
                if asset.macs.contains(&Mac(CARD)) {
                    found = judge(&asset, Watched::default());
                }
                Ok(())
            },
        );
        let findings = found.expect("it is judged").findings;
        let it = findings.into_iter().find(|it| it.rule == "spreading")?;
        let words = it.evidence.iter().filter_map(|it| it.text.split_once(':'));
        Some((words.map(|it| it.0.to_owned()).collect(), it.accepted.is_some()))
    }
}

/// A message of SNMP 2c that asks for, or tells, sysDescr.
fn snmp(kind: u8, value: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, body: &[u8]| {
        [&[tag, u8::try_from(body.len()).expect("short")][..], body].concat()
    };
    let name = tlv(6, &[0x2b, 6, 1, 2, 1, 1, 1, 0]);
    let value = if value.is_empty() { tlv(5, b"") } else { tlv(4, value) };
    let list = tlv(0x30, &tlv(0x30, &[name, value].concat()));
    let zero = tlv(2, &[0]);
    let pdu = tlv(kind, &[tlv(2, &[7]), zero.clone(), zero, list].concat());
    tlv(0x30, &[tlv(2, &[1]), tlv(4, b"ward-7"), pdu].concat())
}

/// A name that is asked for (RFC 1035).
const DNS: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
const DNS_ANSWER: &[u8] =
    b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";

/// An address of a site of a few hundred.
fn inside(n: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0a00_0300 + n).octets()
}

fn outside(n: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0808_0000 + n * 77).octets()
}

fn port(n: u32) -> u16 {
    u16::try_from(20_000 + n % 30_000).expect("a port")
}

const MINUTE: i64 = 60_000;

type Case = (&'static str, fn(&mut Scene), &'static [&'static str]);

/// Who does what, and by which words he is told.
const CASES: &[Case] = &[
    (
        "a worm over UDP",
        |it| {
            let text = [&[4][..], &[1; 100]].concat();
            (0..300).for_each(|n| it.udp(i64::from(n) * 5, inside(n), (1050, 1434), &text, None));
        },
        &["udp-sweep"],
    ),
    (
        "a worm over SMB that has no time",
        |it| (0..60).for_each(|n| it.tcp(i64::from(n) * 50, inside(n), (port(n), 445), n % 3 == 0)),
        &["sweeps"],
    ),
    (
        "a worm over SMB that has time",
        |it| {
            (0..60)
                .for_each(|n| it.tcp(i64::from(n) * MINUTE, inside(n), (port(n), 445), n % 5 == 0));
        },
        &["slow-sweep"],
    ),
    (
        "and one that has all day",
        |it| {
            (0..120)
                .for_each(|n| it.tcp(i64::from(n) * 11 * MINUTE, inside(n), (port(n), 22), false));
        },
        &["slow-sweep"],
    ),
    (
        "who asks a whole link for an echo",
        |it| (1..255).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 3 == 0)),
        &["echo-sweep"],
    ),
    (
        "who asks a range for an echo in which half is there, once",
        |it| {
            (0..200).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 2 == 0));
            it.echo(40 * MINUTE, inside(1), false);
        },
        &["echo-sweep"],
    ),
    (
        "a monitor with a list of which a third is off",
        |it| {
            for (round, n) in (0..12_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                it.echo(round * 5 * MINUTE + i64::from(n) * 5, inside(n), n % 3 != 0);
            }
        },
        &[],
    ),
    (
        "a monitor that takes its time, with a ward that is off",
        |it| {
            for (round, n) in (0..9_i64).flat_map(|round| (0..300).map(move |n| (round, n))) {
                let at = round * 5 * MINUTE + i64::from(n) * 1000;
                it.echo(at, inside(n), !(40..65).contains(&n) && n % 4 != 0);
            }
        },
        &[],
    ),
    (
        "a monitor of its own link",
        |it| {
            for (round, n) in (0..30_i64).flat_map(|round| (1..=250).map(move |n| (round, n))) {
                let (at, whom) = (round * 2 * MINUTE + i64::from(n) * 20, [10, 0, 0, n]);
                it.arp(at, whom);
                if n % 3 != 0 {
                    it.card(at + 1, whom);
                }
            }
        },
        &[],
    ),
    (
        "a monitor that looks for others one day",
        |it| {
            for (round, n) in (0..12_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                it.echo(round * 5 * MINUTE + i64::from(n) * 5, inside(n), n % 3 != 0);
            }
            (500..700).for_each(|n| {
                it.echo(57 * MINUTE + i64::from(n) * 5, inside(n), n % 5 == 0);
            });
        },
        &["echo-sweep"],
    ),
    (
        "a list that grows by a few",
        |it| {
            for (round, n) in (0..12_u32).flat_map(|of| (0..100 + of * 8).map(move |n| (of, n))) {
                let at = i64::from(round) * 5 * MINUTE + i64::from(n) * 5;
                it.echo(at, inside(n), n % 3 != 0);
            }
        },
        &[],
    ),
    (
        "who asks a whole link for its cards",
        |it| (1..255).for_each(|n| it.arp(i64::from(n) * 20, [10, 0, 0, n])),
        &["arp-sweep"],
    ),
    (
        "a manager that polls, of whose devices some are off",
        |it| {
            for (round, n) in (0..6_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                let (at, answers) = (round * 5 * MINUTE + i64::from(n) * 30, n % 10 != 0);
                let answer = snmp(0xa2, b"Linux");
                let answer = answers.then_some(&*answer);
                it.udp(at, inside(n), (50_000, 161), &snmp(0xa0, b""), answer);
                it.echo(at + 5, inside(n), answers);
            }
        },
        &[],
    ),
    (
        "a manager that looks for new devices",
        |it| {
            it.manages(3);
            for n in 0..254 {
                let at = MINUTE + i64::from(n) * 30;
                it.udp(at, inside(n), (50_000, 161), &snmp(0xa0, b""), None);
                it.echo(at + 5, inside(n), n % 9 == 0);
            }
            (1..255).for_each(|n| it.arp(2 * MINUTE + i64::from(n) * 20, [10, 0, 0, n]));
        },
        &[],
    ),
    (
        "who is answered by its switch alone",
        |it| {
            it.manages(1);
            (1..255).for_each(|n| it.echo(MINUTE + i64::from(n) * 20, inside(n), false));
        },
        &["echo-sweep"],
    ),
    (
        "a backup server, of whose clients a third is off",
        |it| {
            let mut at = 0;
            for n in (0..90).chain(0..90) {
                it.tcp(at, inside(n), (port(n), 445), n % 3 != 0);
                at += MINUTE;
            }
        },
        &[],
    ),
    (
        "a resolver",
        |it| {
            for n in 0..300 {
                let answer = (n % 3 != 0).then_some(DNS_ANSWER);
                it.udp(i64::from(n) * 50, outside(n), (port(n), 53), DNS, answer);
            }
        },
        &[],
    ),
    (
        "a proxy",
        |it| {
            (0..300)
                .for_each(|n| it.tcp(i64::from(n) * 50, outside(n), (port(n), 443), n % 3 == 0));
        },
        &[],
    ),
    (
        "a domain controller",
        |it| {
            (0..15).for_each(|n| it.tcp(i64::from(n) * 50, inside(n), (port(n), 445), n % 3 != 0));
            for n in 0..200 {
                it.udp(i64::from(n) * 50, inside(n), (123, 123), &[0x24; 48], None);
                it.udp(i64::from(n) * 50, inside(n), (53, port(n)), DNS_ANSWER, None);
            }
        },
        &[],
    ),
    (
        "a printer that many look for",
        |it| {
            for n in 0..200 {
                let at = i64::from(n) * 50;
                it.udp(at, inside(n), (5353, 5353), &[0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0], None);
                it.udp(at, inside(n), (3702, port(n)), b"<x/>", None);
                it.udp(at, inside(n), (427, port(n)), &[2; 40], None);
                it.udp(at, [239, 255, 255, 250], (port(n), 3702), b"<x/>", None);
            }
        },
        &[],
    ),
    (
        "an exchange that plays music to telephones",
        |it| {
            for (n, packet) in (0..60).flat_map(|n| (0..20).map(move |packet| (n, packet))) {
                let at = i64::from(packet) * 20 + i64::from(n);
                it.udp(at, inside(n), (port(n), 16_384), &[0x80; 172], None);
            }
        },
        &[],
    ),
    (
        "who wakes others",
        |it| {
            (0..200)
                .for_each(|n| it.udp(i64::from(n) * 20, inside(n), (50_000, 9), &[255; 102], None));
        },
        &[],
    ),
    (
        "who was just switched on",
        |it| (1..60).for_each(|n| it.arp(i64::from(n) * 20, [10, 0, 0, n])),
        &[],
    ),
];

#[test]
fn who_spreads_is_told_by_what_was_seen_and_others_are_not() {
    let mut wrong = Vec::new();
    for (name, act, words) in CASES {
        let mut scene = Scene::default();
        act(&mut scene);
        let (said, _) = scene.spreads("").unwrap_or_default();
        if said != *words {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who has no other conversation, and how he is answered.
const ALONE: &[Case] = &[
    (
        "connections all of which are refused",
        |it| {
            for n in 0..60 {
                let at = i64::from(n) * MINUTE;
                it.tcp(at, inside(n), (port(n), 445), false);
                it.refuses(at + 2, inside(n), (port(n), 445), true);
            }
        },
        &["slow-sweep"],
    ),
    (
        "datagrams most of which are refused",
        |it| {
            for n in 0..100 {
                let at = i64::from(n) * 20;
                it.udp(at, inside(n), (1050, 1434), &[1; 100], None);
                if n % 4 != 0 {
                    it.refuses(at + 2, inside(n), (1050, 1434), false);
                }
            }
        },
        &["udp-sweep"],
    ),
    (
        "echoes some of which come back",
        |it| (0..200).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 4 == 0)),
        &["echo-sweep"],
    ),
    (
        "a mirror that shows nothing that comes back",
        |it| {
            for n in 0..200 {
                let at = i64::from(n) * MINUTE / 4;
                it.tcp(at, inside(n), (port(n), 445), false);
                it.udp(i64::from(n) * 20, inside(n), (1050, 1434), &[1; 100], None);
                it.echo(i64::from(n) * 20, inside(n), false);
                it.arp(i64::from(n) * 20, [10, 0, 1, u8::try_from(n).expect("few")]);
            }
        },
        &[],
    ),
];

#[test]
fn who_is_answered_by_refusals_alone_is_told_too() {
    let mut wrong = Vec::new();
    for (name, act, words) in ALONE {
        let mut scene = Scene::default();
        act(&mut scene);
        let (said, _) = scene.spreads_alone("").unwrap_or_default();
        if said != *words {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_scanner_that_the_site_has_declared_is_accepted() {
    let scan = |accepted| {
        let mut scene = Scene::default();
        (0..250).for_each(|n| scene.tcp(i64::from(n) * 50, inside(n), (port(n), 445), false));
        (0..250).for_each(|n| scene.echo(i64::from(n) * 50, inside(n), false));
        scene.spreads(accepted).expect("it is told").1
    };
    assert!(!scan(""));
    let accepted = "[[accepted]]\nrule = \"spreading\"\nclass = \"network-appliance\"\nby = \"IT\"\nuntil = \"2030-01-01\"\nreason = \"scanner\"";
    assert!(!scan(accepted), "of another class");
    assert!(scan(&accepted.replace("class = \"network-appliance\"", "vlan = 0")));
}
