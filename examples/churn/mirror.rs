//! What the mirror port gives out: frames in the order of their times, as a pcap file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use crate::frame::{Leg, Packet, Segment, flag};
use crate::rng::Rng;
use crate::world::Stack;

/// Monday, 2 March 2026, 00:00 UTC.
pub(crate) const EPOCH: u64 = 1_772_409_600;
/// Microseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000;
/// From one leg to the next, and from a question to its answer.
const HOP: u64 = 7;
const TURN: u64 = 400;

/// One end of a conversation.
pub(crate) struct End {
    pub(crate) ip: Ipv4Addr,
    pub(crate) stack: Stack,
    /// The way of its packets to the other end.
    pub(crate) legs: Vec<Leg>,
}

/// Frames waiting for their time.
pub(crate) struct Mirror<W> {
    out: W,
    waiting: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    /// Frames so far; keeps those of one time in order.
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

impl<W: Write> Mirror<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        out.write_all(&65535_u32.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?;
        Ok(Self { out, waiting: BinaryHeap::new(), frames: 0, bytes: 24 })
    }

    /// A frame at a time.
    pub(crate) fn frame(&mut self, at: u64, frame: Vec<u8>) {
        self.frames += 1;
        self.bytes += frame.len() as u64 + 16;
        self.waiting.push(Reverse((at, self.frames, frame)));
    }

    /// A packet on each leg of its way.
    pub(crate) fn packet(&mut self, at: u64, packet: &Packet, legs: &[Leg]) {
        for (leg, n) in legs.iter().zip(0..) {
            self.frame(at + n * HOP, packet.on(leg));
        }
    }

    /// A UDP datagram on each leg.
    pub(crate) fn udp(&mut self, at: u64, from: &End, to: Ipv4Addr, ports: (u16, u16), it: &[u8]) {
        let id = (at / 11) as u16;
        let packet = Packet::udp((from.ip, to), ports, (from.stack.ttl(), id), it);
        self.packet(at, &packet, &from.legs);
    }

    /// Writes what lies before a time.
    pub(crate) fn flush(&mut self, before: u64) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse((at, ..))| *at < before) {
            let Some(Reverse((at, _, frame))) = self.waiting.pop() else { break };
            crate::frame::record(&mut self.out, EPOCH + at / SECOND, at % SECOND, &frame)?;
        }
        Ok(())
    }

    /// Writes all.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush(u64::MAX)?;
        self.out.flush()
    }

    /// A TCP conversation: what is said, and whether the client says it.
    pub(crate) fn tcp(
        &mut self,
        at: u64,
        rng: &mut Rng,
        ends: [&End; 2],
        port: u16,
        lines: &[(bool, Vec<u8>)],
    ) {
        let ports = [rng.between(49_152, 65_535) as u16, port];
        let mut seq = [rng.bits() as u32, rng.bits() as u32];
        let mut now = at;
        let clock = (at / 1000) as u32;
        let mut send = |who: usize, flags: u8, payload: &[u8]| {
            let other = 1 - who;
            let first = flags & flag::SYN != 0;
            let (options, window) =
                if first { syn(ends[who].stack, clock) } else { (Vec::new(), 1024) };
            let acks = flags & flag::ACK != 0;
            let segment = Segment {
                ports: (ports[who], ports[other]),
                seq: seq[who],
                ack: if acks { seq[other] } else { 0 },
                flags,
                window,
                options: &options,
                payload,
            };
            let marks = (ends[who].stack.ttl(), rng.bits() as u16);
            let packet = segment.packet((ends[who].ip, ends[other].ip), marks);
            self.packet(now, &packet, &ends[who].legs);
            let counted = u32::from(flags & (flag::SYN | flag::FIN) != 0);
            seq[who] = seq[who].wrapping_add(payload.len() as u32 + counted);
            now += TURN;
        };
        send(0, flag::SYN, &[]);
        send(1, flag::SYN | flag::ACK, &[]);
        send(0, flag::ACK, &[]);
        for (client, payload) in lines {
            send(usize::from(!client), flag::PSH | flag::ACK, payload);
        }
        send(0, flag::FIN | flag::ACK, &[]);
        send(1, flag::FIN | flag::ACK, &[]);
        send(0, flag::ACK, &[]);
    }
}

/// Options and window of a first segment as each system sends them.
fn syn(stack: Stack, clock: u32) -> (Vec<u8>, u16) {
    let mut options = vec![2, 4, 5, 0xb4];
    match stack {
        Stack::Windows { .. } => {
            options.extend([1, 3, 3, 8, 1, 1, 4, 2]);
            (options, 64240)
        }
        Stack::Apple => {
            options.extend([1, 3, 3, 6, 1, 1, 8, 10]);
            options.extend(clock.to_be_bytes());
            options.extend([0, 0, 0, 0, 4, 2, 0, 0]);
            (options, 65535)
        }
        Stack::Linux => {
            options.extend([4, 2, 8, 10]);
            options.extend(clock.to_be_bytes());
            options.extend([0, 0, 0, 0, 1, 3, 3, 7]);
            (options, 64240)
        }
    }
}
