//! A TCP conversation, hurt on its way: segments lost, doubled, swapped, out of
//! nowhere, through the flow engine. Memory stays bounded and is given back, and what
//! is said is clean. Where nothing was lost, order does not change what is said.
//!
//! Input: one byte that says whether there was a handshake, one that chooses the
//! server's port, then for each segment a byte of flags, two for its length, its bytes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use auscult::net::{Mac, Segment};
use auscult::observe::{Observation, Observed};
use auscult::time::Timestamp;
use auscult::wire::dissect::PROTOCOLS;
use auscult::wire::flow::Engine;
use auscult::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

use super::promise;

/// Flags of a segment.
pub mod flag {
    /// Sent by the server.
    pub const SERVER: u8 = 0x01;
    /// Never captured.
    pub const LOST: u8 = 0x02;
    /// Captured twice.
    pub const TWICE: u8 = 0x04;
    /// Captured behind the next of the same side.
    pub const LATE: u8 = 0x08;
    /// Acknowledges all that the other side sent.
    pub const ACK: u8 = 0x10;
    /// With FIN.
    pub const FIN: u8 = 0x20;
    /// With a sequence number from elsewhere.
    pub const ASTRAY: u8 = 0x40;
    /// Overlaps what was sent before with other bytes.
    pub const OVERLAP: u8 = 0x80;
}

/// One TCP conversation.
struct Segments<'a> {
    handshake: bool,
    port: u16,
    all: Vec<(u8, &'a [u8])>,
}

/// The port that a byte chooses: each usual one of the registry, or none.
fn port(choice: u8) -> u16 {
    let ports: Vec<u16> = PROTOCOLS.iter().flat_map(|p| p.ports.iter().copied()).collect();
    ports.get(usize::from(choice)).copied().unwrap_or(50001)
}

/// The byte that chooses a port.
fn choice(wanted: u16) -> u8 {
    (0..=u8::MAX).find(|&c| port(c) == wanted).unwrap_or(u8::MAX)
}

/// A conversation as an input; each with its flags.
pub fn encode(handshake: bool, server: u16, segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut input = vec![u8::from(handshake), choice(server)];
    for (flags, bytes) in segments {
        for part in bytes.chunks(usize::from(u16::MAX)) {
            input.push(*flags);
            input.extend((part.len() as u16).to_be_bytes());
            input.extend(part);
        }
    }
    input
}

fn decode(input: &[u8]) -> Option<Segments<'_>> {
    let (&[handshake, server], mut rest) = input.split_first_chunk()?;
    let mut all = Vec::new();
    while let Some((&[flags, high, low], tail)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(tail.len());
        let (bytes, tail) = tail.split_at(len);
        all.push((flags, bytes));
        rest = tail;
    }
    Some(Segments { handshake: handshake & 1 == 1, port: port(server), all })
}

/// The wire between both ends.
struct Wire {
    engine: Engine,
    said: Vec<Observation>,
    port: u16,
    /// Next sequence number of client and server.
    next: [u32; 2],
    frame: u64,
}

impl Wire {
    fn new(port: u16) -> Self {
        let engine = Engine::new(promise::FLOWS);
        // Wraps around soon.
        Self { engine, said: Vec::new(), port, next: [u32::MAX - 500, 1], frame: 0 }
    }

    fn see(&mut self, server: bool, flags: u8, seq: u32, payload: &[u8]) {
        let (client, service) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let (src, dst) = if server { (service, client) } else { (client, service) };
        let (sport, dport) = if server { (self.port, 50000) } else { (50000, self.port) };
        let mac = |ip: Ipv4Addr| Some(Mac([2, 0, 0, 0, 0, ip.octets()[3]]));
        self.frame += 1;
        let packet = Packet {
            at: Timestamp(1_700_000_000_000_000_000 + self.frame as i64 * 3_000_000),
            frame: self.frame,
            wire_len: payload.len() as u32 + 54,
            segment: Segment::default(),
            src_mac: mac(src),
            dst_mac: mac(dst),
            l3: Layer3::Ip {
                src: IpAddr::V4(src),
                dst: IpAddr::V4(dst),
                ttl: 64,
                id: 0,
                dont_fragment: true,
            },
            l4: Layer4::Tcp {
                src: sport,
                dst: dport,
                seq,
                ack: self.next[usize::from(!server)],
                flags: TcpFlags(flags),
                window: 8192,
                options: &[2, 4, 5, 180],
            },
            payload,
            cut: false,
        };
        self.engine.packet(&packet, None, &mut self.said);
        promise::of_engine(&self.engine);
    }

    /// A handshake.
    fn open(&mut self) {
        let [client, server] = self.next;
        self.see(false, TcpFlags::SYN, client, &[]);
        self.next[0] = client.wrapping_add(1);
        self.see(true, TcpFlags::SYN | TcpFlags::ACK, server, &[]);
        self.next[1] = server.wrapping_add(1);
        self.see(false, TcpFlags::ACK, self.next[0], &[]);
    }

    /// Everything is closed; what was said.
    fn close(mut self) -> Vec<Observation> {
        self.see(true, TcpFlags::RST, self.next[1], &[]);
        assert_eq!(self.engine.held(), 0, "bytes of a closed conversation are kept");
        self.engine.finish(&mut self.said);
        assert_eq!((self.engine.held(), self.engine.flows()), (0, 0), "finished");
        self.said.iter().for_each(promise::of_observation);
        self.said
    }
}

/// What was learnt, without when.
fn facts(said: &[Observation]) -> BTreeSet<String> {
    let lasting = said.iter().filter(|s| !matches!(s.what, Observed::Present(_)));
    lasting.map(|s| format!("{:?} {:?}", s.host, s.what)).collect()
}

/// Sends the segments of `input`.
pub fn run(input: &[u8]) {
    let Some(segments) = decode(input) else { return };
    let hurt = facts(&hurt(&segments));
    let harmless = flag::SERVER | flag::TWICE | flag::LATE;
    if segments.handshake && segments.all.iter().all(|(flags, _)| flags & !harmless == 0) {
        let straight = segments.all.iter().map(|&(flags, bytes)| (flags & flag::SERVER, bytes));
        let straight = Segments { all: straight.collect(), ..segments };
        assert_eq!(hurt, facts(&self::hurt(&straight)), "order or copies changed what is said");
    }
}

fn hurt(segments: &Segments<'_>) -> Vec<Observation> {
    let mut wire = Wire::new(segments.port);
    if segments.handshake {
        wire.open();
    }
    let mut late: Option<(bool, u8, u32, &[u8])> = None;
    for &(flags, bytes) in &segments.all {
        let has = |mask| flags & mask != 0;
        let server = has(flag::SERVER);
        // A late one is overtaken by one segment of its own side at most.
        if let Some(waiting) = late.take_if(|waiting| waiting.0 != server) {
            wire.see(waiting.0, waiting.1, waiting.2, waiting.3);
        }
        let side = usize::from(server);
        let mut seq = wire.next[side];
        if has(flag::ASTRAY) {
            seq = seq.wrapping_add(u32::from(flags) * 977);
        } else if has(flag::OVERLAP) {
            seq = seq.wrapping_sub(bytes.len() as u32 / 2);
        }
        if !has(flag::ASTRAY) {
            wire.next[side] = seq.wrapping_add(bytes.len() as u32);
        }
        let tcp = if has(flag::ACK) { TcpFlags::ACK } else { 0 }
            | if has(flag::FIN) { TcpFlags::FIN } else { 0 };
        if has(flag::LOST) {
            continue;
        }
        if has(flag::LATE) && late.is_none() {
            late = Some((server, tcp, seq, bytes));
            continue;
        }
        for _ in 0..if has(flag::TWICE) { 2 } else { 1 } {
            wire.see(server, tcp, seq, bytes);
        }
        if let Some((server, tcp, seq, bytes)) = late.take() {
            wire.see(server, tcp, seq, bytes);
        }
    }
    if let Some((server, tcp, seq, bytes)) = late {
        wire.see(server, tcp, seq, bytes);
    }
    wire.close()
}
