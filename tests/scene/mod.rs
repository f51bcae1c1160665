//! Frames of one that asks others, and what is said of it.

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
const OTHER: [u8; 6] = [0, 1, 2, 0, 0, 2];
const OWN: [u8; 4] = [10, 0, 0, 1];

/// What is left of the time to live on the asker's link.
fn hops(card: [u8; 6]) -> u8 {
    if card == ROUTER { 62 } else { 64 }
}

/// Frames with their milliseconds.
#[derive(Default)]
pub(crate) struct Scene(Vec<(i64, Vec<u8>)>);

impl Scene {
    fn add(&mut self, at: i64, frame: Vec<u8>) {
        self.0.push((at, frame));
    }

    /// A datagram from one to another, and perhaps back.
    pub(crate) fn udp(
        &mut self,
        at: i64,
        to: [u8; 4],
        ports: (u16, u16),
        text: &[u8],
        answer: Option<&[u8]>,
    ) {
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
    pub(crate) fn tcp(&mut self, at: i64, to: [u8; 4], ports: (u16, u16), answers: bool) {
        let said: [&[u8]; 2] = [b"\0\0hello", b"\0\0there"];
        self.talk(at, to, ports, answers.then_some(said));
    }

    /// The same, and what both say.
    pub(crate) fn talk(
        &mut self,
        at: i64,
        to: [u8; 4],
        ports: (u16, u16),
        said: Option<[&[u8]; 2]>,
    ) {
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
        if let Some([asks, answers]) = said {
            self.add(at + 2, write(false, true, b""));
            self.add(at + 3, write(true, false, asks));
            self.add(at + 4, write(false, false, answers));
        }
    }

    pub(crate) fn echo(&mut self, at: i64, to: [u8; 4], answers: bool) {
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
    pub(crate) fn refuses(&mut self, at: i64, to: [u8; 4], ports: (u16, u16), tcp: bool) {
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

    pub(crate) fn arp(&mut self, at: i64, whom: [u8; 4]) {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
        self.add(at, [&[255; 6][..], &CARD, &head, &CARD, &OWN, &[0; 6], &whom].concat());
    }

    /// The card of an address answers.
    pub(crate) fn card(&mut self, at: i64, own: [u8; 4]) {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];
        let card = [0, 1, 3, 0, 0, own[3]];
        self.add(at, [&CARD[..], &card, &head, &card, &own, &CARD, &OWN].concat());
    }

    /// So many answer its questions by SNMP, and say what they are.
    pub(crate) fn asks_what_they_are(&mut self, many: u8, what: &[u8]) {
        for n in 0..many {
            let (at, whom) = (i64::from(n) * 10, [10, 9, 0, n]);
            self.udp(at, whom, (50_000, 161), &snmp(0xa0, b""), Some(&snmp(0xa2, what)));
        }
    }

    /// They are network equipment.
    pub(crate) fn manages(&mut self, many: u8) {
        self.asks_what_they_are(many, SWITCH);
    }

    /// Its own agent says by SNMP what it is.
    pub(crate) fn says_what_it_is(&mut self, what: &[u8]) {
        self.udp(1, [10, 9, 1, 1], (161, 50_000), &snmp(0xa2, what), None);
    }

    /// Somebody else asks switches by SNMP what they are; this one logs on to them.
    pub(crate) fn logs_on(&mut self, many: u8, is_managed: bool) {
        for n in 0..many {
            let (at, whom) = (100 + i64::from(n) * 10, [10, 9, 0, n]);
            let said: [&[u8]; 2] = [b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-Cisco-1.25\r\n"];
            self.talk(at, whom, (51_000 + u16::from(n), 22), Some(said));
            if is_managed {
                let mut bytes = Vec::new();
                let packet = PacketBuilder::ethernet2(ROUTER, OTHER).ipv4(whom, [10, 0, 0, 2], 62);
                let answer = snmp(0xa2, SWITCH);
                packet.udp(161, 50_000).write(&mut bytes, &answer).expect("fits");
                self.add(at + 5, bytes);
            }
        }
    }

    /// It asks a range of which nobody is there for an echo.
    pub(crate) fn searches(&mut self) {
        (1..255).for_each(|n| self.echo(MINUTE + i64::from(n) * 20, inside(n), false));
    }

    /// Whether the asker is said to spread.
    pub(crate) fn spreads(mut self, accepted: &str) -> Option<(Vec<String>, bool)> {
        // It is somebody that others answer, as every device is.
        self.tcp(0, [10, 0, 2, 250], (60_000, 5000), true);
        self.spreads_alone(accepted)
    }

    /// The same of who has no conversation with anybody but those.
    pub(crate) fn spreads_alone(mut self, accepted: &str) -> Option<(Vec<String>, bool)> {
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
pub(crate) fn snmp(kind: u8, value: &[u8]) -> Vec<u8> {
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

pub(crate) const SWITCH: &[u8] = b"Cisco IOS Software, C2960X Software, Version 15.2(7)E2";
pub(crate) const PRINTER: &[u8] = b"HP ETHERNET MULTI-ENVIRONMENT";

pub(crate) const MINUTE: i64 = 60_000;

/// An address of a site of a few hundred.
pub(crate) fn inside(n: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0a00_0300 + n).octets()
}
