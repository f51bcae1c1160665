//! What the mirror port gives out, in the order of its times, and whose frames these are:
//! by it the truth knows the minutes in which each device was on line.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::clock::{EPOCH, MINUTE, SECOND};
use super::frame::{Leg, Packet, Segment, flag};
use super::rng::Rng;

/// From one leg to the next, and from a question to its answer.
const HOP: u64 = 7;
const TURN: u64 = 400;
/// Most bytes of a segment on Ethernet.
const SEGMENT: usize = 1460;

/// One end of a conversation.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) ip: Ipv4Addr,
    pub(crate) ttl: u8,
    /// The device whose packets these are.
    pub(crate) owner: usize,
    /// The way of its packets to the other end.
    pub(crate) legs: Vec<Leg>,
}

/// Some minutes since the start.
#[derive(Clone, Default)]
pub(crate) struct Minutes(Vec<u64>);

impl Minutes {
    pub(crate) fn set(&mut self, minute: u64) {
        let (word, bit) = ((minute / 64) as usize, minute % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    pub(crate) fn has(&self, minute: u64) -> bool {
        self.0.get((minute / 64) as usize).is_some_and(|word| word >> (minute % 64) & 1 == 1)
    }

    /// How many lie from one to below the other.
    pub(crate) fn count(&self, from: u64, to: u64) -> u64 {
        (from..to).filter(|minute| self.has(*minute)).count() as u64
    }
}

/// When the sensor sees nothing.
#[derive(Clone, Default)]
pub(crate) struct Blind {
    /// From and to of what is recorded.
    pub(crate) span: (u64, u64),
    /// Outages of the sensor.
    pub(crate) outages: Vec<(u64, u64)>,
    /// VLANs that the switch did not mirror for a while.
    pub(crate) vanished: Vec<(u16, u64, u64)>,
}

impl Blind {
    pub(crate) fn sees(&self, vlan: u16, at: u64) -> bool {
        let runs = self.span.0 <= at && at < self.span.1;
        let out = |(from, to): &(u64, u64)| *from <= at && at < *to;
        let gone = |(id, from, to): &(u16, u64, u64)| *id == vlan && *from <= at && at < *to;
        runs && !self.outages.iter().any(out) && !self.vanished.iter().any(gone)
    }

    /// Times at which sight begins or ends.
    pub(crate) fn edges(&self) -> Vec<u64> {
        let outages = self.outages.iter().flat_map(|(from, to)| [*from, *to]);
        let vanished = self.vanished.iter().flat_map(|(_, from, to)| [*from, *to]);
        outages.chain(vanished).chain([self.span.0, self.span.1]).collect()
    }
}

/// Frames waiting for their time.
pub(crate) struct Mirror<W> {
    out: W,
    waiting: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    pub(crate) blind: Blind,
    /// By device: minutes in which a frame of its own passed.
    pub(crate) online: Vec<Minutes>,
    /// By device: conversations that it has opened.
    opened: Vec<u16>,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

impl<W: Write> Mirror<W> {
    pub(crate) fn new(mut out: W, blind: Blind, devices: usize) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        out.write_all(&65535_u32.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?;
        let online = vec![Minutes::default(); devices];
        let (waiting, opened) = (BinaryHeap::new(), vec![0; devices]);
        Ok(Self { out, waiting, blind, online, opened, frames: 0, bytes: 24 })
    }

    /// A frame of somebody, if it is seen; whether it is.
    pub(crate) fn frame(&mut self, at: u64, vlan: u16, owner: usize, frame: Vec<u8>) -> bool {
        if !self.blind.sees(vlan, at) {
            return false;
        }
        self.online[owner].set(at / MINUTE);
        self.frames += 1;
        self.bytes += frame.len() as u64 + 16;
        self.waiting.push(Reverse((at, self.frames, frame)));
        true
    }

    /// The next port of a device (RFC 6335 §6), none of which comes again soon.
    fn port(&mut self, owner: usize) -> u16 {
        self.opened[owner] = self.opened[owner].wrapping_add(1);
        49_152 + self.opened[owner] % 16_384
    }

    /// A packet on each leg of its way.
    pub(crate) fn packet(&mut self, at: u64, packet: &Packet, from: &End) {
        for (leg, n) in from.legs.iter().zip(0..) {
            self.frame(at + n * HOP, leg.vlan, from.owner, packet.on(leg));
        }
    }

    /// A UDP datagram on each leg.
    pub(crate) fn udp(&mut self, at: u64, from: &End, to: Ipv4Addr, ports: (u16, u16), it: &[u8]) {
        let id = (at / 11) as u16;
        let packet = Packet::udp((from.ip, to), ports, (from.ttl, id), it);
        self.packet(at, &packet, from);
    }

    /// A question and its answer.
    pub(crate) fn ask(&mut self, at: u64, ends: &[End; 2], ports: (u16, u16), said: [&[u8]; 2]) {
        self.udp(at, &ends[0], ends[1].ip, ports, said[0]);
        self.udp(at + TURN, &ends[1], ends[0].ip, (ports.1, ports.0), said[1]);
    }

    /// Writes what lies before a time.
    pub(crate) fn flush(&mut self, before: u64) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse((at, ..))| *at < before) {
            let Some(Reverse((at, _, frame))) = self.waiting.pop() else { break };
            crate::hospital::frame::record(
                &mut self.out,
                EPOCH + at / SECOND,
                at % SECOND,
                &frame,
            )?;
        }
        Ok(())
    }

    /// Writes all; the writer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.flush(u64::MAX)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A TCP conversation.
pub(crate) struct Talk {
    ends: [End; 2],
    ports: [u16; 2],
    seq: [u32; 2],
    /// When the next segment is sent.
    pub(crate) now: u64,
}

impl Talk {
    /// Shakes hands.
    pub(crate) fn open<W: Write>(
        to: &mut Mirror<W>,
        rng: &mut Rng,
        at: u64,
        ends: [End; 2],
        port: u16,
    ) -> Self {
        let ports = [to.port(ends[0].owner), port];
        let seq = [rng.bits() as u32, rng.bits() as u32];
        let mut talk = Self { ends, ports, seq, now: at };
        talk.segment(to, 0, flag::SYN, &[]);
        talk.segment(to, 1, flag::SYN | flag::ACK, &[]);
        talk.segment(to, 0, flag::ACK, &[]);
        talk
    }

    /// Says something: the client (0) or the server (1); the other acknowledges.
    pub(crate) fn say<W: Write>(&mut self, to: &mut Mirror<W>, who: usize, bytes: &[u8]) {
        for (n, part) in bytes.chunks(SEGMENT).enumerate() {
            self.segment(to, who, flag::PSH | flag::ACK, part);
            if n % 2 == 1 {
                self.segment(to, 1 - who, flag::ACK, &[]);
            }
        }
    }

    /// Says something later on.
    pub(crate) fn say_at<W: Write>(
        &mut self,
        to: &mut Mirror<W>,
        at: u64,
        who: usize,
        bytes: &[u8],
    ) {
        self.now = self.now.max(at);
        self.say(to, who, bytes);
    }

    /// Acknowledges and nothing else.
    pub(crate) fn ack<W: Write>(&mut self, to: &mut Mirror<W>, who: usize) {
        self.segment(to, who, flag::ACK, &[]);
    }

    /// Ends it from the client's side.
    pub(crate) fn close<W: Write>(mut self, to: &mut Mirror<W>) {
        self.segment(to, 0, flag::FIN | flag::ACK, &[]);
        self.segment(to, 1, flag::FIN | flag::ACK, &[]);
        self.segment(to, 0, flag::ACK, &[]);
    }

    fn segment<W: Write>(&mut self, to: &mut Mirror<W>, who: usize, flags: u8, payload: &[u8]) {
        let other = 1 - who;
        let (options, window): (&[u8], u16) = if flags & flag::SYN == 0 {
            (&[], 1024)
        } else {
            (&[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2], 64240)
        };
        let segment = Segment {
            ports: (self.ports[who], self.ports[other]),
            seq: self.seq[who],
            ack: if flags & flag::ACK != 0 { self.seq[other] } else { 0 },
            flags,
            window,
            options,
            payload,
        };
        let (from, way) = (&self.ends[who], (self.ends[who].ip, self.ends[other].ip));
        let id = (self.now / 13 + u64::from(self.seq[who])) as u16;
        to.packet(self.now, &segment.packet(way, (from.ttl, id)), from);
        let counted = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        self.seq[who] = self.seq[who].wrapping_add(payload.len() as u32 + counted);
        self.now += TURN;
    }
}
