//! One protocol alone, fed as the flow engine feeds it. Asserts the contract of
//! [`Progress`], that only declared keys come out, that nothing is said of no bytes,
//! and that the same bytes say the same however they were split into segments.
//!
//! Input of a stream: one byte with the size of the segments of the second reading,
//! then for each message two bytes (side, gap before it, length) and its bytes. Of a
//! packet: one byte that chooses ports and addresses, then its payload.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use auscult::net::{Mac, Segment};
use auscult::observe::{Observed, text};
use auscult::time::Timestamp;
use auscult::wire::dissect::{
    Body, Dissector, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use auscult::wire::flow::limits;
use auscult::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

/// What was said of whom.
pub type Said = BTreeSet<String>;

/// Bytes that one side sent.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who.
    pub side: Side,
    /// Bytes before these are lost.
    pub gap: bool,
    /// What.
    pub bytes: &'a [u8],
}

const SERVER: u16 = 0x8000;
const GAP: u16 = 0x4000;
const LENGTH: u16 = 0x3fff;

struct Collect {
    protocol: &'static str,
    keys: &'static [auscult::observe::Key],
    side: u8,
    said: Said,
}

impl Sink for Collect {
    fn observe(&mut self, who: Who, what: Observed<'_>) {
        let (name, side) = (self.protocol, self.side);
        let declared = |key| assert!(self.keys.contains(key), "{name} does not declare {key:?}");
        let what = match what {
            Observed::Fact(key, value) => {
                declared(&key);
                format!("{}={}", key.as_str(), text::clean(&value))
            }
            Observed::Equipment(it) => {
                it.facts.iter().for_each(|(key, _)| declared(key));
                format!("{it:?}")
            }
            other => format!("{other:?}"),
        };
        self.said.insert(format!("{side} {who:?} {what}"));
    }
}

/// A conversation as an input. Long messages become several.
pub fn encode(messages: &[Message<'_>]) -> Vec<u8> {
    let mut input = vec![0];
    for message in messages {
        let mut gap = message.gap;
        for part in message.bytes.chunks(usize::from(LENGTH)) {
            let side = if message.side == Side::Server { SERVER } else { 0 };
            let head = side | if gap { GAP } else { 0 } | part.len() as u16;
            input.extend(head.to_be_bytes());
            input.extend(part);
            gap = false;
        }
    }
    input
}

/// The conversation in an input, and the segment size of the second reading.
pub fn decode(input: &[u8]) -> (usize, Vec<Message<'_>>) {
    let Some((size, mut rest)) = input.split_first() else { return (1, Vec::new()) };
    let mut messages = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk() {
        let head = u16::from_be_bytes(*head);
        let (bytes, tail) = tail.split_at(usize::from(head & LENGTH).min(tail.len()));
        let side = if head & SERVER == 0 { Side::Client } else { Side::Server };
        messages.push(Message { side, gap: head & GAP != 0, bytes });
        rest = tail;
    }
    (usize::from(*size) + 1, messages)
}

/// Reads `input` with one protocol.
pub fn run(protocol: &'static Protocol, input: &[u8]) {
    match protocol.body {
        Body::Stream { .. } => {
            let (size, messages) = decode(input);
            let whole = conversation(protocol, &messages, usize::MAX);
            let split = conversation(protocol, &messages, size);
            assert_eq!(split, whole, "{}: in segments of {size}", protocol.name);
        }
        Body::Packet { .. } | Body::Datagram { .. } => {
            let Some((&shape, payload)) = input.split_first() else { return };
            for packet in shapes(protocol, shape, payload) {
                one(protocol, &packet);
            }
        }
    }
}

/// What a stream protocol says of messages that come in segments of at most `size` bytes.
pub fn conversation(protocol: &'static Protocol, messages: &[Message<'_>], size: usize) -> Said {
    let Body::Stream { probe, start } = &protocol.body else { panic!("no stream protocol") };
    let port = protocol.ports.first().copied().unwrap_or(50001);
    for Message { side, gap, bytes } in messages {
        let bytes = &bytes[..bytes.len().min(limits::MAX_OPENING)];
        let half = &bytes[..bytes.len() / 2];
        // Some protocols are asked for from the system's own ports alone.
        for (client, bytes) in [(50000, bytes), (50000, half), (1022, bytes), (1022, half)] {
            let (src_port, dst_port) =
                if *side == Side::Client { (client, port) } else { (port, client) };
            let _ = probe(&Opening { bytes, src_port, dst_port, from_start: !gap });
        }
    }
    let mut out =
        Collect { protocol: protocol.name, keys: protocol.keys, side: 0, said: Said::new() };
    let mut halves = [Half::default(), Half::default()];
    let mut dissector = start();
    for side in [Side::Client, Side::Server] {
        let progress = start().dissect(side, &[], &mut out);
        assert!(out.said.is_empty(), "{}: {:?} of no bytes", protocol.name, out.said);
        assert!(!matches!(progress, Ok(Progress::Consumed(1..))), "consumed of no bytes");
    }
    for message in messages {
        out.side = u8::from(message.side == Side::Server);
        let half = &mut halves[usize::from(out.side)];
        if message.gap {
            *half = Half::default();
            if dissector.gap(message.side) == Recovery::Stop {
                break;
            }
        }
        let over = message
            .bytes
            .chunks(size.min(1 << 20))
            .any(|bytes| !half.feed(protocol.name, &mut *dissector, message.side, bytes, &mut out));
        if over {
            break;
        }
    }
    out.said
}

/// One direction, as the flow engine keeps it.
#[derive(Default)]
struct Half {
    buffer: Vec<u8>,
    need: usize,
    skip: u64,
}

impl Half {
    /// Shows the dissector what is there; false when the conversation is over.
    fn feed(
        &mut self,
        name: &str,
        dissector: &mut dyn Dissector,
        side: Side,
        bytes: &[u8],
        out: &mut Collect,
    ) -> bool {
        let pass = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= pass as u64;
        self.buffer.extend_from_slice(&bytes[pass..]);
        let mut done = 0;
        let go_on = loop {
            let rest = &self.buffer[done..];
            if rest.is_empty() || rest.len() < self.need {
                break true;
            }
            self.need = 0;
            match dissector.dissect(side, rest, out) {
                Ok(Progress::Consumed(n)) => {
                    assert!(n > 0 && n <= rest.len(), "{name}: consumed {n} of {}", rest.len());
                    done += n;
                }
                Ok(Progress::Need(n)) => {
                    assert!(n > rest.len(), "{name}: needs {n}, has {}", rest.len());
                    if n > limits::MAX_BUFFER {
                        break false;
                    }
                    self.need = n;
                }
                Ok(Progress::Skip(n)) => {
                    assert!(n > 0, "{name}: skips nothing");
                    let now = usize::try_from(n).unwrap_or(usize::MAX).min(rest.len());
                    self.skip = n - now as u64;
                    done += now;
                }
                Ok(Progress::Restart(n)) => {
                    assert!(n <= rest.len(), "{name}: restarts behind the end");
                    break false;
                }
                Ok(Progress::Done) | Err(_) => break false,
            }
        };
        self.buffer.drain(..done);
        go_on
    }
}

/// What a packet or datagram protocol says of one packet.
pub fn one(protocol: &'static Protocol, packet: &Packet<'_>) -> Said {
    let read = |packet: &Packet<'_>| {
        let mut out =
            Collect { protocol: protocol.name, keys: protocol.keys, side: 0, said: Said::new() };
        let _ = match protocol.body {
            Body::Packet { wants, read } if wants(packet) => read(packet, &mut out),
            Body::Datagram { probe, read, .. } => {
                // The first datagram is probed; those behind it are only read.
                let _ = probe(packet) == Verdict::Yes;
                read(packet, &mut out)
            }
            _ => Ok(()),
        };
        out.said
    };
    // The bytes of a TCP opening are its options.
    let tcp = matches!(packet.l4, Layer4::Tcp { .. });
    let nothing = read(&Packet { payload: &[], cut: true, ..*packet });
    assert!(tcp || nothing.is_empty(), "{}: {nothing:?} of no bytes", protocol.name);
    read(packet)
}

/// `payload` as the packets that a protocol could be in.
fn shapes<'a>(protocol: &Protocol, shape: u8, payload: &'a [u8]) -> Vec<Packet<'a>> {
    let own = protocol.ports.first().copied().unwrap_or(50001);
    let (src, dst) =
        [(50000, own), (own, 50000), (own, own), (50000, 50001)][usize::from(shape & 3)];
    let v6 = shape & 4 != 0;
    let group = shape & 8 != 0;
    let (from, to): (IpAddr, IpAddr) = match (v6, group) {
        (false, false) => (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(10, 0, 0, 2).into()),
        (false, true) => (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(224, 0, 0, 251).into()),
        (true, _) => (
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        ),
    };
    let ttl = if shape & 16 == 0 { 255 } else { 64 };
    let ip = Layer3::Ip { src: from, dst: to, ttl, id: 1, dont_fragment: true };
    let base = Packet {
        at: Timestamp::new(1_700_000_000, 0),
        frame: 1,
        wire_len: payload.len() as u32 + 42,
        segment: Segment::default(),
        src_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        dst_mac: Some(Mac([2, 0, 0, 0, 0, 2])),
        l3: ip,
        l4: Layer4::None,
        payload,
        cut: shape & 32 != 0,
    };
    if matches!(protocol.body, Body::Datagram { .. }) {
        return vec![Packet { l4: Layer4::Udp { src, dst }, ..base }];
    }
    let options = &payload[..payload.len().min(40)];
    let syn = Layer4::Tcp {
        src,
        dst,
        seq: 1,
        ack: 0,
        flags: TcpFlags(TcpFlags::SYN | if shape & 64 == 0 { 0 } else { TcpFlags::ACK }),
        window: 65535,
        options,
    };
    let mut all = vec![
        Packet { l3: Layer3::Arp, ..base },
        Packet { l3: Layer3::Other(0), ..base },
        Packet { l3: Layer3::Other(0x88cc), ..base },
        Packet { l4: Layer4::Icmp6, ..base },
        Packet { l4: Layer4::Icmp, ..base },
        Packet { l4: syn, payload: &[], ..base },
    ];
    if let Body::Packet { wants, .. } = protocol.body {
        all.retain(|packet| wants(packet));
    }
    all
}

/// A packet of a capture as an input.
pub fn encode_packet(protocol: &Protocol, packet: &Packet<'_>) -> Vec<u8> {
    let usual = |port| protocol.ports.contains(&port);
    let ports = match packet.ports().map(|(src, dst)| (usual(src), usual(dst))) {
        Some((false, true)) | None => 0,
        Some((true, false)) => 1,
        Some((true, true)) => 2,
        Some((false, false)) => 3,
    };
    let (mut shape, mut bytes) = (ports, packet.payload);
    if let Layer3::Ip { src, dst, .. } = packet.l3 {
        shape |= if src.is_ipv6() { 4 } else { 0 } | if dst.is_multicast() { 8 } else { 0 };
    }
    if let Layer4::Tcp { flags, options, .. } = packet.l4 {
        shape |= if flags.has(TcpFlags::ACK) { 64 } else { 0 };
        bytes = options;
    }
    let mut input = vec![shape];
    input.extend_from_slice(bytes);
    input
}
