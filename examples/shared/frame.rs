//! Frames byte by byte: Ethernet with an 802.1Q tag, ARP, IPv4, UDP, TCP.

use std::net::Ipv4Addr;

use auscult::net::Mac;

/// Everybody on the link.
pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);

/// Ones' complement sum (RFC 1071).
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// One leg of a packet's way: where the mirror sees it, and what it has lost by then.
#[derive(Clone, Copy)]
pub(crate) struct Leg {
    pub(crate) vlan: u16,
    pub(crate) from: Mac,
    pub(crate) to: Mac,
    /// Routers passed before.
    pub(crate) hops: u8,
}

/// An Ethernet frame with its tag.
pub(crate) fn ethernet(leg: &Leg, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(18 + payload.len());
    frame.extend(leg.to.0);
    frame.extend(leg.from.0);
    frame.extend([0x81, 0]);
    frame.extend(leg.vlan.to_be_bytes());
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

/// ARP (RFC 826): `op` 1 asks, 2 answers.
pub(crate) fn arp(op: u8, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, op];
    body.extend(sender.0.0);
    body.extend(sender.1.octets());
    body.extend(target.0.0);
    body.extend(target.1.octets());
    body
}

/// An IPv4 packet as it leaves its sender.
pub(crate) struct Packet {
    bytes: Vec<u8>,
}

impl Packet {
    /// Header (RFC 791) and payload.
    pub(crate) fn new(
        (src, dst): (Ipv4Addr, Ipv4Addr),
        (protocol, ttl, id): (u8, u8, u16),
        payload: &[u8],
    ) -> Self {
        let mut bytes = vec![0x45, 0];
        bytes.extend((20 + payload.len() as u16).to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend([0x40, 0, ttl, protocol, 0, 0]);
        bytes.extend(src.octets());
        bytes.extend(dst.octets());
        bytes.extend(payload);
        Self { bytes }
    }

    /// UDP (RFC 768).
    pub(crate) fn udp(
        way: (Ipv4Addr, Ipv4Addr),
        (from, to): (u16, u16),
        (ttl, id): (u8, u16),
        payload: &[u8],
    ) -> Self {
        let mut body = Vec::with_capacity(8 + payload.len());
        body.extend(from.to_be_bytes());
        body.extend(to.to_be_bytes());
        body.extend((8 + payload.len() as u16).to_be_bytes());
        body.extend([0, 0]);
        body.extend(payload);
        let sum = transport_sum(way, 17, &body);
        body[6..8].copy_from_slice(&sum.to_be_bytes());
        Self::new(way, (17, ttl, id), &body)
    }

    /// The frame on one leg.
    pub(crate) fn on(&self, leg: &Leg) -> Vec<u8> {
        let mut frame = ethernet(leg, 0x0800, &self.bytes);
        frame[18 + 8] -= leg.hops;
        let sum = checksum(&[&frame[18..38]]);
        frame[28..30].copy_from_slice(&sum.to_be_bytes());
        frame
    }
}

fn transport_sum((src, dst): (Ipv4Addr, Ipv4Addr), protocol: u8, body: &[u8]) -> u16 {
    let [high, low] = (body.len() as u16).to_be_bytes();
    checksum(&[&src.octets(), &dst.octets(), &[0, protocol, high, low], body])
}

/// TCP flags (RFC 9293 §3.1).
pub(crate) mod flag {
    pub(crate) const FIN: u8 = 1;
    pub(crate) const SYN: u8 = 2;
    pub(crate) const PSH: u8 = 8;
    pub(crate) const ACK: u8 = 16;
}

/// One TCP segment.
pub(crate) struct Segment<'a> {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// Padded to a multiple of four.
    pub(crate) options: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl Segment<'_> {
    /// The packet that carries it.
    pub(crate) fn packet(&self, way: (Ipv4Addr, Ipv4Addr), (ttl, id): (u8, u16)) -> Packet {
        let mut body = Vec::with_capacity(20 + self.options.len() + self.payload.len());
        body.extend(self.ports.0.to_be_bytes());
        body.extend(self.ports.1.to_be_bytes());
        body.extend(self.seq.to_be_bytes());
        body.extend(self.ack.to_be_bytes());
        body.extend([(5 + self.options.len() as u8 / 4) << 4, self.flags]);
        body.extend(self.window.to_be_bytes());
        body.extend([0; 4]);
        body.extend(self.options);
        body.extend(self.payload);
        let sum = transport_sum(way, 6, &body);
        body[16..18].copy_from_slice(&sum.to_be_bytes());
        Packet::new(way, (6, ttl, id), &body)
    }
}

/// Writes a record of a capture in the classic format with microseconds.
pub(crate) fn record(
    out: &mut impl std::io::Write,
    seconds: u64,
    micros: u64,
    frame: &[u8],
) -> std::io::Result<()> {
    let len = frame.len() as u32;
    for word in [seconds as u32, micros as u32, len, len] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(frame)
}
