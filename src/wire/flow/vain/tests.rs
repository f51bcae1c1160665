use std::net::IpAddr;

use super::*;
use crate::net::Mac;
use crate::time::SECOND;
use crate::wire::dissect::testing;
use crate::wire::flow::Engine;
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

const CARD: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];

fn between<'p>(from: (u8, [u8; 6]), to: (IpAddr, [u8; 6]), payload: &'p [u8]) -> Packet<'p> {
    let l3 = Layer3::Ip {
        src: [10, 0, 0, from.0].into(),
        dst: to.0,
        ttl: 64,
        id: 0,
        dont_fragment: true,
    };
    let macs = (Some(Mac(from.1)), Some(Mac(to.1)));
    Packet { l3, src_mac: macs.0, dst_mac: macs.1, ..testing::udp(0, 0, payload) }
}

/// The same packet the other way.
fn answer<'p>(packet: &Packet<'_>, payload: &'p [u8]) -> Packet<'p> {
    let Layer3::Ip { src, dst, ttl, id, dont_fragment } = packet.l3 else { panic!("IP") };
    let l3 = Layer3::Ip { src: dst, dst: src, ttl, id, dont_fragment };
    let l4 = match packet.l4 {
        Layer4::Udp { src, dst } => Layer4::Udp { src: dst, dst: src },
        Layer4::Tcp { src, dst, .. } => tcp(dst, src, TcpFlags::SYN | TcpFlags::ACK),
        _ => Layer4::Icmp,
    };
    let at = packet.at.plus(1_000_000);
    Packet {
        l3,
        l4,
        at,
        src_mac: packet.dst_mac,
        dst_mac: packet.src_mac,
        ..testing::udp(0, 0, payload)
    }
}

const fn tcp(src: u16, dst: u16, flags: u8) -> Layer4<'static> {
    Layer4::Tcp { src, dst, seq: 1, ack: 2, window: 1024, flags: TcpFlags(flags), options: &[] }
}

/// All that was tried, bits together.
fn tried(out: &[Observation]) -> Vec<(Sought, u32, u32)> {
    let mut all: Vec<(Sought, Tried)> = Vec::new();
    for it in out {
        let Observed::Tries(sought, tried) = it.what else { continue };
        assert_eq!(it.host.mac, Some(Mac(CARD)));
        match all.iter_mut().find(|(of, _)| *of == sought) {
            Some((_, sum)) => *sum = *sum | tried,
            None => all.push((sought, tried)),
        }
    }
    all.iter().map(|(of, it)| (*of, it.vain.count_ones(), it.answered.count_ones())).collect()
}

/// What one asker says that asks forty by these packets, of which some answer.
fn said(
    answers: fn(u8) -> bool,
    ask: impl Fn(u8) -> Vec<Packet<'static>>,
) -> Vec<(Sought, u32, u32)> {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for n in 1..=40_u8 {
        for mut packet in ask(n) {
            packet.at = Timestamp::new(3600, u32::from(n) * 1_000_000);
            engine.packet(&packet, None, &mut out);
            if answers(n) {
                let reply = if matches!(packet.l4, Layer4::Icmp) { [0] } else { [1] };
                engine.packet(&answer(&packet, &reply), None, &mut out);
            }
        }
    }
    engine.finish(&mut out);
    tried(&out)
}

type Case = (&'static str, fn(u8) -> Packet<'static>);

const NOBODY: fn(u8) -> bool = |_| false;
const SOME: fn(u8) -> bool = |n| n % 2 == 0;
const ALL: fn(u8) -> bool = |_| true;

fn one(n: u8) -> (IpAddr, [u8; 6]) {
    ([10, 0, 1, n].into(), [2, 0, 0, 0, 1, n])
}

fn udp(to: (IpAddr, [u8; 6]), src: u16, dst: u16, payload: &'static [u8]) -> Packet<'static> {
    Packet { l4: Layer4::Udp { src, dst }, ..between((1, CARD), to, payload) }
}

const SNMP: &[u8] = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00";

#[test]
fn what_is_asked_in_vain_is_told_and_what_is_no_search_is_not() {
    let worm = |n| vec![udp(one(n), 1025, 1434, &[4, 1, 1, 1])];
    let [(of, vain, 0)] = said(NOBODY, worm)[..] else { panic!("worm") };
    assert!(of == Sought::Udp(1434) && vain > 20, "{vain}");
    let [(_, vain, answered)] = said(SOME, worm)[..] else { panic!("half") };
    assert!(vain > 10 && answered > 10, "{vain} {answered}");
    assert_eq!(said(ALL, worm), []);
    let cases: [Case; 6] = [
        ("a protocol that is known", |n| udp(one(n), 50_000, 161, SNMP)),
        ("equals", |n| udp(one(n), 5353, 5353, &[0xff; 30])),
        ("who is woken", |n| udp(one(n), 50_000, 9, &[0xff; 102])),
        ("the Internet", |n| udp(([8, 8, 8, n].into(), OTHER), 50_000, 3478, &[9; 30])),
        ("a group", |n| udp(([239, 0, 0, n].into(), [1, 0, 0x5e, 0, 0, n]), 50_000, 9999, &[9])),
        ("another port of TCP", |n| Packet {
            l4: tcp(50_000, 8443, TcpFlags::SYN),
            ..between((1, CARD), one(n), b"")
        }),
    ];
    for (name, packet) in cases {
        assert_eq!(said(NOBODY, |n| vec![packet(n)]), [], "{name}");
    }
    let stream = |n| vec![udp(one(n), 50_000, 16_384, &[0x80; 172]); 9];
    assert_eq!(said(NOBODY, stream), [], "voice to those who listen");
}

#[test]
fn a_connection_is_in_vain_where_nobody_or_a_refusal_answers() {
    let open = |n: u8| Packet {
        l4: tcp(40_000 + u16::from(n), 445, TcpFlags::SYN),
        ..between((1, CARD), one(n), b"")
    };
    let [(Sought::Tcp(445), vain, 0)] = said(NOBODY, |n| vec![open(n)])[..] else { panic!() };
    assert!(vain > 20);
    let [(_, vain, answered)] = said(SOME, |n| vec![open(n)])[..] else { panic!("half") };
    assert!(vain > 10 && answered > 10, "{vain} {answered}");
    let refused = |n: u8| {
        let mut back = answer(&open(n), b"");
        back.l4 = tcp(445, 40_000 + u16::from(n), TcpFlags::RST | TcpFlags::ACK);
        vec![open(n), back]
    };
    let [(Sought::Tcp(445), vain, 0)] = said(NOBODY, refused)[..] else { panic!("refused") };
    assert!(vain > 20);
    // A mirror of one direction: who goes on was answered.
    let goes_on = |n: u8| {
        let data = Packet {
            l4: tcp(40_000 + u16::from(n), 445, TcpFlags::ACK),
            ..between((1, CARD), one(n), b"\0\0\0\x10")
        };
        vec![open(n), data]
    };
    assert_eq!(said(NOBODY, goes_on), []);
}

#[test]
fn echoes_and_cards_of_many_new_ones_are_a_search_where_most_do_not_answer() {
    let echo = |n| vec![Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n), &[8, 0]) }];
    let [(Sought::Echo, vain, 0)] = said(NOBODY, echo)[..] else { panic!("nobody") };
    assert!(vain > 20);
    assert_eq!(said(SOME, echo), [], "half: it may be a monitor");
    let same = |_| vec![Packet { l4: Layer4::Icmp, ..between((1, CARD), one(9), &[8, 0]) }];
    assert_eq!(said(NOBODY, same), [], "one");

    let group = |n| vec![Packet { dst_mac: None, ..echo_to([224, 0, 1, n].into()) }];
    assert_eq!(said(NOBODY, group), [], "groups");
    let six = |n| echo(n).into_iter().map(six).collect();
    assert_eq!(said(NOBODY, six).len(), 1);
}

fn echo_to(ip: IpAddr) -> Packet<'static> {
    Packet { l4: Layer4::Icmp, ..between((1, CARD), (ip, OTHER), &[8, 0]) }
}

/// The same packet in version 6.
fn six(packet: Packet<'static>) -> Packet<'static> {
    let Layer3::Ip { src, dst, ttl, id, dont_fragment } = packet.l3 else { panic!("IP") };
    let [src, dst] = [src, dst].map(|ip| {
        let IpAddr::V4(ip) = ip else { panic!("version 4") };
        let [a, b, c, d] = ip.octets().map(u16::from);
        IpAddr::from([0xfd00, 0, 0, 0, a, b, c, d])
    });
    let payload: &[u8] = match (packet.l4, packet.payload) {
        (Layer4::Icmp, [8, ..]) => &[128, 0],
        (Layer4::Icmp, [0, ..]) => &[129, 0],
        (Layer4::Icmp, [3, ..]) => &[1, 4],
        (_, payload) => payload,
    };
    let l4 = if packet.l4 == Layer4::Icmp { Layer4::Icmp6 } else { packet.l4 };
    Packet { l3: Layer3::Ip { src, dst, ttl, id, dont_fragment }, l4, payload, ..packet }
}

/// A request for a card or the reply: the sender and receiver of the frame, and its payload.
type Arp = ([u8; 6], [u8; 6], Vec<u8>);

/// What is said of who asks for so many cards, of whom some answer, by messages that are
/// altered.
fn cards(many: u8, answers: u8, alter: impl Fn(&mut Arp)) -> Vec<(Sought, u32, u32)> {
    let arp = |from: [u8; 6], to: [u8; 6], operation: u8, whom: [u8; 4]| {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let own = if operation == 1 { [10, 0, 1, 1] } else { whom };
        let tail = if operation == 1 { [0; 6] } else { to };
        let body = [&head[..], &from, &own, &tail, &whom].concat();
        let to = if operation == 1 { [255; 6] } else { to };
        let mut message = (from, to, body);
        alter(&mut message);
        message
    };
    let (mut engine, mut out) = (Engine::new(16), Vec::new());
    for n in 0..=many {
        let ask = arp(CARD, [0; 6], 1, [10, 0, 0, n]);
        let reply = arp(OTHER, CARD, 2, [10, 0, 0, n]);
        for (from, to, body) in [Some(ask), (n < answers).then_some(reply)].into_iter().flatten() {
            let packet = Packet {
                l3: Layer3::Arp,
                l4: Layer4::None,
                src_mac: Some(Mac(from)),
                dst_mac: Some(Mac(to)),
                at: Timestamp::new(3600, u32::from(n) * 1_000_000),
                ..testing::udp(0, 0, &body)
            };
            engine.packet(&packet, None, &mut out);
        }
    }
    engine.finish(&mut out);
    tried(&out)
}

#[test]
fn cards_of_many_new_ones_are_a_search_where_most_do_not_answer() {
    let as_it_is = |_: &mut Arp| {};
    let [(Sought::Arp, vain, 0)] = cards(255, 0, as_it_is)[..] else { panic!("nobody") };
    assert!(vain >= 26, "{vain}");
    assert_eq!(cards(255, 40, as_it_is).len(), 1);
    assert_eq!(cards(255, 200, as_it_is), [], "a link of neighbours");
    assert_eq!(cards(100, 0, as_it_is), [], "of four addresses one counts");
    let is_request = |it: &Arp| it.2[7] == 1;
    let of_one = |it: &mut Arp| it.1 = if is_request(it) { OTHER } else { it.1 };
    assert_eq!(cards(255, 0, of_one), [], "one is asked whether it is still there");
    let of_another = |it: &mut Arp| it.0 = OTHER;
    assert_eq!(cards(255, 0, of_another), [], "in another's name");
    let own = |it: &mut Arp| it.2.copy_within(24.., 14);
    assert_eq!(cards(255, 0, own), [], "who says its own address");
    let no_reply = |it: &mut Arp| it.2[7] = if is_request(it) { 1 } else { 9 };
    assert_eq!(cards(255, 200, no_reply).len(), 1, "what is no reply");
}

/// What is said of who asks so many for echoes in rounds that begin at these seconds, of whom
/// some answer; until an hour later.
fn asked(
    many: u8,
    answers: impl Fn(u8) -> bool,
    seconds: &[i64],
    version: impl Fn(Packet<'static>) -> Packet<'static>,
) -> Vec<Observation> {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for (second, n) in seconds.iter().flat_map(|second| (1..=many).map(move |n| (second, n))) {
        let mut packet = Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n), &[8, 0]) };
        packet.at = Timestamp::new(3600 + second, 0).plus(i64::from(n) * 1_000_000);
        let reply = Packet { payload: &[0], ..answer(&packet, &[]) };
        engine.packet(&version(packet), None, &mut out);
        if answers(n) {
            engine.packet(&version(reply), None, &mut out);
        }
    }
    let last = seconds.last().copied().unwrap_or_default() + 3600;
    (0..=last).step_by(7).for_each(|it| engine.idle(Timestamp::new(3600 + it, 0), &mut out));
    out
}

const FOUR: fn(Packet<'static>) -> Packet<'static> = |packet| packet;

/// How many are asked, who answers, when rounds begin, and whether it is told.
type Rounds = (&'static str, u8, fn(u8) -> bool, &'static [i64], bool);

#[test]
fn a_list_that_is_asked_again_is_no_search() {
    let cases: [Rounds; 12] = [
        ("once, of whom half answers", 40, SOME, &[0], true),
        ("and again after five minutes", 40, SOME, &[0, 300, 600], false),
        ("and after a minute", 40, SOME, &[0, 60, 120], false),
        ("and all the time", 40, SOME, &[0, 10, 20, 30, 40, 50, 60], false),
        ("and after an hour, as it is not known", 40, SOME, &[0, 3599], true),
        ("attempts within one round", 40, SOME, &[0, 1, 2, 8], true),
        ("three of four answer", 40, |n| n % 4 != 0, &[0], false),
        ("again, but one of eight answers", 40, |n| n % 8 == 0, &[0, 300, 600], true),
        ("fewer, again, but one of eight answers", 20, |n| n % 8 == 0, &[0, 300, 600], true),
        ("fewer, again, of whom half answers", 20, SOME, &[0, 300, 600], false),
        ("one that does not answer", 1, NOBODY, &[0], false),
        ("a round across the border of a step", 40, SOME, &[9, 309, 609], false),
    ];
    for (name, many, answers, seconds, is_told) in cases {
        for version in [FOUR, six] {
            let said = tried(&asked(many, answers, seconds, version));
            let is_many = said.first().is_some_and(|it| it.1 * 5 > u32::from(many) * 2);
            assert_eq!(is_many, is_told, "{name}: {said:?}");
        }
    }
}

#[test]
fn a_search_by_echoes_says_whether_anybody_answered() {
    let heard = |answers: fn(u8) -> bool| {
        let said = asked(40, answers, &[0], FOUR);
        let mut all = said.iter().filter_map(|it| match it.what {
            Observed::Tries(_, tried) => Some(tried.heard),
            _ => None,
        });
        (all.next(), all.next())
    };
    assert_eq!(heard(NOBODY), (Some(false), None));
    assert_eq!(heard(|n| n == 7), (Some(true), None));
}

fn first(vain: &mut Vain, from: u8, to: u8, second: i64, out: &mut Vec<Observation>) {
    let mut packet = Packet { l4: Layer4::Icmp, ..between((from, CARD), one(to), &[8, 0]) };
    packet.at = Timestamp::new(second, 0);
    vain.packet(&packet, out);
}

#[test]
fn a_search_whose_place_another_takes_is_told() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    vain.asking = Askers::new(2, 2);
    (1..=40).for_each(|n| first(&mut vain, 1, n, 3600, &mut out));
    (1..=80).for_each(|n| first(&mut vain, 2, n, 3600, &mut out));
    assert_eq!(tried(&out), []);
    first(&mut vain, 3, 1, 3600, &mut out);
    let ip = out.first().and_then(|it| it.host.ip);
    assert_eq!((tried(&out).len(), ip), (1, Some([10, 0, 0, 1].into())));
}

#[test]
fn who_cannot_be_a_search_is_soon_forgotten_and_all_at_the_end() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    first(&mut vain, 1, 1, 3600, &mut out);
    (1..=20).for_each(|n| first(&mut vain, 2, n, 3600, &mut out));
    let kept = |vain: &Vain| vain.asking.all.iter().filter(|it| it.key != 0).count();
    vain.advance(Timestamp::new(3610, 0), &mut out);
    assert_eq!(kept(&vain), 2, "answers may be under way");
    vain.advance(Timestamp::new(3620, 0), &mut out);
    assert_eq!(kept(&vain), 1);
    vain.finish(&mut out);
    assert_eq!((kept(&vain), tried(&out)), (0, vec![]));
    // In another capture the same are new.
    (1..=40).for_each(|n| first(&mut vain, 2, n, 3640, &mut out));
    vain.finish(&mut out);
    assert_eq!(tried(&out).len(), 1);
}

#[test]
fn who_is_refused_is_heard() {
    let heard = |ask: &dyn Fn(u8) -> Vec<Packet<'static>>| {
        let (mut engine, mut out) = (Engine::new(256), Vec::new());
        for mut packet in (1..=40).flat_map(ask) {
            packet.at = Timestamp(3600 * SECOND);
            engine.packet(&packet, None, &mut out);
        }
        engine.finish(&mut out);
        let tried = |it: &Observation| match it.what {
            Observed::Tries(_, tried) => Some(tried.heard),
            _ => None,
        };
        let all: Vec<bool> = out.iter().filter_map(tried).collect();
        assert!(all.len() > 20, "{all:?}");
        all.iter().filter(|it| **it).count()
    };
    let ask = |n| udp(one(n), 1025, 1434, &[4, 1, 1, 1]);
    let open = |n: u8| Packet {
        l4: tcp(40_000 + u16::from(n), 445, TcpFlags::SYN),
        ..between((1, CARD), one(n), b"")
    };
    let refused = |n: u8| {
        let flags = TcpFlags::RST | TcpFlags::ACK;
        Packet { l4: tcp(445, 40_000 + u16::from(n), flags), ..answer(&open(n), b"") }
    };
    let error = |n, kind: &'static [u8]| Packet { l4: Layer4::Icmp, ..answer(&ask(n), kind) };
    assert_eq!(heard(&|n| vec![ask(n)]), 0);
    assert_eq!(heard(&|n| vec![ask(n), error(n, &[3, 3])]), 1, "once");
    assert_eq!(heard(&|n| vec![ask(n), error(n, &[11, 0])]), 0, "another message");
    assert_eq!(heard(&|n| vec![ask(n), error(n, &[3, 3])].into_iter().map(six).collect()), 1);
    assert_eq!(heard(&|n| vec![open(n)]), 0);
    assert_eq!(heard(&|n| vec![open(n), refused(n)]), 1);
    // By one that was asked in vain before, from another port.
    let again = |mut packet: Packet<'static>| {
        if let Layer4::Tcp { src, dst, .. } = &mut packet.l4 {
            *(if *src == 445 { dst } else { src }) += 1000;
        }
        packet
    };
    let last = |n| match n {
        40 => vec![open(n), again(open(n)), again(refused(n))],
        n => vec![open(n)],
    };
    assert_eq!(heard(&last), 1);
}

#[test]
fn a_refusal_is_of_its_capture() {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    let ask = |n| udp(one(n), 1025, 1434, &[4, 1, 1, 1]);
    let refusal = Packet { l4: Layer4::Icmp, ..answer(&ask(1), &[3, 3]) };
    engine.packet(&refusal, None, &mut out);
    engine.finish(&mut out);
    (1..=40).for_each(|n| engine.packet(&ask(n), None, &mut out));
    engine.finish(&mut out);
    let is_heard = |it: &Observation| matches!(it.what, Observed::Tries(_, it) if it.heard);
    assert!(!tried(&out).is_empty() && !out.iter().any(is_heard));
}

#[test]
fn the_other_leg_of_a_routed_question_is_none() {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for n in 1..=40 {
        let ask = udp(one(n), 1025, 1434, &[4, 1, 1, 1]);
        engine.packet(&ask, None, &mut out);
        let segment = Segment { vlan: 7, ..ask.segment };
        let routed = Packet { segment, src_mac: Some(Mac(OTHER)), ..ask };
        engine.packet(&routed, Some(ask.segment), &mut out);
    }
    engine.finish(&mut out);
    // By whose card, see there.
    assert_eq!(tried(&out).len(), 1);
}

#[test]
fn what_is_over_is_told_soon_and_once() {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for n in 0..200_u8 {
        let mut packet = Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n % 50), &[8, 0]) };
        packet.at = Timestamp::new(3600, u32::from(n) * 1_000_000);
        engine.packet(&packet, None, &mut out);
    }
    assert_eq!(tried(&out), []);
    engine.idle(Timestamp::new(3611, 0), &mut out);
    assert_eq!(tried(&out), [], "answers may be under way");
    engine.idle(Timestamp::new(3621, 0), &mut out);
    assert_eq!(out.iter().filter(|it| matches!(it.what, Observed::Tries(..))).count(), 1);
    engine.finish(&mut out);
    assert_eq!(out.iter().filter(|it| matches!(it.what, Observed::Tries(..))).count(), 1);
}

#[test]
fn who_asks_much_is_not_driven_out() {
    let mut askers = Askers::new(2, 1);
    for key in 1..100 {
        let asked = if key == 1 { u64::MAX } else { 1 };
        let new = Asker { key, step: 7, asked, ..Asker::NOBODY };
        *askers.room(key, 7).unwrap() = new;
        assert!(askers.known(key, 7).is_some() && askers.known(1, 7).is_some());
    }
    // Who asked long ago makes room.
    let new = |key, step, asked| Asker { key, step, asked, ..Asker::NOBODY };
    *askers.room(200, 8).unwrap() = new(200, 8, 1);
    assert!(askers.known(200, 8).is_some());
    *askers.room(201, 8).unwrap() = new(201, 8, 1);
    assert!(askers.known(200, 8).is_some() && askers.known(201, 8).is_some());
}
