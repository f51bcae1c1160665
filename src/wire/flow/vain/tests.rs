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

    let arp = |from: [u8; 6], to: [u8; 6], operation: u8, whom: [u8; 4]| {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let own = if operation == 1 { [10, 0, 1, 1] } else { whom };
        let tail = if operation == 1 { [0; 6] } else { to };
        let body = [&head[..], &from, &own, &tail, &whom].concat();
        let to = if operation == 1 { [255; 6] } else { to };
        (from, to, body)
    };
    let sweep = |answers: u8| {
        let (mut engine, mut out) = (Engine::new(16), Vec::new());
        for n in 0..=255 {
            let ask = arp(CARD, [0; 6], 1, [10, 0, 0, n]);
            let reply = arp(OTHER, CARD, 2, [10, 0, 0, n]);
            for (from, to, body) in
                [Some(ask), (n < answers).then_some(reply)].into_iter().flatten()
            {
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
    };
    let [(Sought::Arp, vain, 0)] = sweep(0)[..] else { panic!("nobody") };
    assert!(vain >= 26, "{vain}");
    assert_eq!(sweep(40).len(), 1);
    assert_eq!(sweep(200), [], "a link of neighbours");
}

/// What is said of who asks forty for echoes in rounds that begin at these seconds, of whom
/// some answer; until an hour later.
fn rounds(answers: impl Fn(u8) -> bool, seconds: &[i64]) -> Vec<(Sought, u32, u32)> {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for (second, n) in seconds.iter().flat_map(|second| (1..=40).map(move |n| (second, n))) {
        let mut packet = Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n), &[8, 0]) };
        packet.at = Timestamp::new(3600 + second, 0).plus(i64::from(n) * 1_000_000);
        engine.packet(&packet, None, &mut out);
        if answers(n) {
            engine.packet(&answer(&packet, &[0]), None, &mut out);
        }
    }
    let last = seconds.last().copied().unwrap_or_default() + 3600;
    (0..=last).step_by(7).for_each(|it| engine.idle(Timestamp::new(3600 + it, 0), &mut out));
    tried(&out)
}

/// Who answers, when rounds begin, and whether it is told.
type Rounds = (&'static str, fn(u8) -> bool, &'static [i64], bool);

#[test]
fn a_list_that_is_asked_again_is_no_search() {
    let cases: [Rounds; 9] = [
        ("once, of whom half answers", SOME, &[0], true),
        ("and again after five minutes", SOME, &[0, 300, 600], false),
        ("and after a minute", SOME, &[0, 60, 120], false),
        ("and all the time", SOME, &[0, 10, 20, 30, 40, 50, 60], false),
        ("and after an hour, as it is not known", SOME, &[0, 3599], true),
        ("attempts within one round", SOME, &[0, 1, 2, 8], true),
        ("three of four answer", |n| n % 4 != 0, &[0], false),
        ("again, but one of eight answers", |n| n % 8 == 0, &[0, 300, 600], true),
        ("a round across the border of a step", SOME, &[9, 309, 609], false),
    ];
    for (name, answers, seconds, is_told) in cases {
        let said = rounds(answers, seconds);
        assert_eq!(said.first().is_some_and(|it| it.1 > 16), is_told, "{name}: {said:?}");
    }
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
    assert_eq!(heard(&|n| vec![open(n)]), 0);
    assert_eq!(heard(&|n| vec![open(n), refused(n)]), 1);
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
}
