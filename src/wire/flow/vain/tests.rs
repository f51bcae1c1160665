use std::net::IpAddr;

use super::*;
use crate::net::Mac;
use crate::time::SECOND;
use crate::wire::dissect::testing;
use crate::wire::flow::Engine;
use crate::wire::flow::limits::{LEAST_CARDS, LEAST_ECHOES};
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

mod rounds;

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

/// The same packet of a sender who has no address.
fn of_nobody(packet: Packet<'static>) -> Packet<'static> {
    let Layer3::Ip { dst, ttl, id, dont_fragment, .. } = packet.l3 else { panic!("IP") };
    let l3 = Layer3::Ip { src: [0, 0, 0, 0].into(), dst, ttl, id, dont_fragment };
    Packet { l3, src_mac: None, ..packet }
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
    let cases: [Case; 7] = [
        ("nobody", |n| of_nobody(udp(one(n), 1025, 1434, &[4, 1, 1, 1]))),
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
    // Who lets go of what it has just opened was answered, too.
    let reset = |n: u8| tcp(40_000 + u16::from(n), 445, TcpFlags::RST);
    let lets_go = |n: u8| vec![open(n), Packet { l4: reset(n), ..open(n) }];
    assert_eq!(said(NOBODY, lets_go), []);
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

#[test]
fn who_asks_the_same_in_vain_again_and_again_is_told_once_an_hour() {
    let who = host(Segment::default(), Some(Mac(CARD)), None);
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    let mut tells = |second, whom, answered| {
        out.clear();
        let at = Timestamp::new(second, 0);
        let sought = Sought::Udp(1434);
        vain.tell(Attempt { who, sought, whom, answered, heard: false, at }, &mut out);
        !out.is_empty()
    };
    assert!(tells(3600, 1, false) && !tells(3700, 1, false) && tells(3800, 2, false));
    // Who did not answer does later.
    assert!(tells(3900, 2, true) && !tells(4000, 2, true));
    assert!(tells(7300, 1, false) && !tells(7400, 1, false), "in the next hour");
}

#[test]
fn who_answers_is_told_while_the_conversation_goes_on() {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    let second =
        |packet: Packet<'static>, second| Packet { at: Timestamp::new(second, 0), ..packet };
    let ask = |n, at| second(udp(one(n), 1025, 1434, &[4, 1, 1, 1]), at);
    engine.packet(&ask(1, 3600), None, &mut out);
    engine.idle(Timestamp::new(5400, 0), &mut out);
    assert_eq!(tried(&out), [(Sought::Udp(1434), 1, 0)]);
    out.clear();
    let question = ask(2, 5401);
    engine.packet(&question, None, &mut out);
    assert_eq!(tried(&out), []);
    engine.packet(&answer(&question, &[1]), None, &mut out);
    assert_eq!(tried(&out), [(Sought::Udp(1434), 0, 1)]);
}

#[test]
fn another_capture_begins_anew() {
    let mut engine = Engine::new(256);
    for _ in 0..2 {
        let mut out = Vec::new();
        let ask = |n| udp(one(n), 1025, 1434, &[4, 1, 1, 1]);
        (1..=40).for_each(|n| engine.packet(&ask(n), None, &mut out));
        engine.finish(&mut out);
        let [(_, vain, 0)] = tried(&out)[..] else { panic!("in vain") };
        assert!(vain > 20, "{vain}");
    }
}

/// An answer may come by another VLAN. An address of another overlay or sensor is another's.
#[test]
fn askers_and_answers_are_of_one_network() {
    let none = Segment::default();
    for (segment, is_same) in [
        (none, true),
        (Segment { vlan: 7, ..none }, true),
        (Segment { vni: 7, ..none }, false),
        (Segment { sensor: 7, ..none }, false),
    ] {
        let (mut engine, mut out) = (Engine::new(256), Vec::new());
        for (asked, is_same) in [(none, is_same), (segment, true)] {
            for n in 1..=40 {
                let echo = Packet { segment: asked, ..echo_to(one(n).0) };
                let reply = Packet { segment, ..answer(&echo, &[0]) };
                [echo, reply].iter().for_each(|it| engine.packet(it, None, &mut out));
            }
            engine.finish(&mut out);
            assert_eq!(tried(&out).is_empty(), is_same, "replies by {segment:?}");
            out.clear();
            let ask = |n| Packet { segment: asked, ..udp(one(n), 1025, 1434, &[4, 1, 1, 1]) };
            let refusal = Packet { l4: Layer4::Icmp, segment, ..answer(&ask(1), &[3, 3]) };
            engine.packet(&refusal, None, &mut out);
            (1..=40).for_each(|n| engine.packet(&ask(n), None, &mut out));
            engine.finish(&mut out);
            let is_heard = |it: &Observation| matches!(it.what, Observed::Tries(_, it) if it.heard);
            assert_eq!(out.iter().any(is_heard), is_same, "refusals by {segment:?}");
            out.clear();
        }
        for n in 1..=40 {
            let segment = if n % 2 == 0 { segment } else { none };
            engine.packet(&Packet { segment, ..echo_to(one(n).0) }, None, &mut out);
        }
        engine.finish(&mut out);
        assert_eq!(tried(&out).len(), usize::from(is_same), "twenty each by {segment:?}");
    }
}
