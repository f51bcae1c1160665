//! The same packet seen twice: a mirror of both directions of a port, or of both
//! VLANs that a router joins, shows it as often.
//!
//! A fixed table remembers the packets of the last moments by a fingerprint of what
//! no switch or router changes. A second sight with the same link-layer headers is
//! [`Copy::Same`]; with others, [`Copy::Routed`].
//!
//! # False copies
//! Hosts may send the IP identification 0 with don't-fragment (RFC 6864), and IPv6
//! has none. Then two packets that are equal in every field and byte compared, within
//! [`WINDOW`], are one to this table: repeated pure acknowledgements, or a datagram
//! sent twice. That is harmless: a dissector learns nothing from the same bytes, a TCP
//! stream ignores them by their sequence numbers, and only the packet count is short.
//! Segments that TCP sends again after a loss come later than the window.

use std::hash::Hasher;
use std::net::IpAddr;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use super::{Layer3, Layer4, Packet, Sliced};
use crate::net::Segment;
use crate::time::Timestamp;

/// How far apart two sights of one packet may be, in nanoseconds. A router forwards
/// within microseconds; what spreads copies is the queue of the mirror port, 2.5 MB
/// at 10 Gb/s. Far below TCP's shortest retransmission timeout of 200 ms.
pub const WINDOW: i64 = 2_000_000;

/// Sets of two entries; a power of two. With 16 Ki entries, 2 ms at 8 Mpps fit; 512 KiB stay in a core's cache.
const SETS: usize = 8_192;

/// Bytes hashed at each end of a payload: enough for any header and trailer, and
/// cheaper than the whole.
const ENDS: usize = 64;

/// Fixed, so that the same capture gives the same register. An attacker who finds a
/// collision hides one of his own packets behind another of his own.
const SEED: u64 = 0x0061_7573_6375_6c74;

/// What a sight of a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Not seen before.
    First,
    /// The identical frame was just seen: same MACs, same segment.
    Same,
    /// The same IP packet was just seen on another leg of its way: in another
    /// segment, or between other MACs. First seen in the segment given.
    Routed(Segment),
}

/// One sight; 32 bytes, so that a set is one cache line.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    /// Fingerprint of the packet; 0 when never used.
    packet: u64,
    at: Timestamp,
    /// Fingerprint of the leg: MACs, segment, time to live.
    leg: u32,
    /// Where the first sight was.
    segment: Segment,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set([Sight; 2]);

/// The packets of the last moments.
#[derive(Debug)]
pub struct Copies {
    sets: Box<[Set]>,
}

impl Default for Copies {
    fn default() -> Self {
        Self { sets: vec![Set::default(); SETS].into_boxed_slice() }
    }
}

impl Copies {
    /// Looks the packet up and remembers it.
    pub fn judge(&mut self, sliced: &Sliced<'_>) -> Copy {
        let packet = &sliced.packet;
        let (fingerprint, leg) = (fingerprint(sliced), leg(packet));
        let index = usize::try_from(fingerprint >> 48).unwrap_or_default() & (SETS - 1);
        let Some(Set(set)) = self.sets.get_mut(index) else { return Copy::First };

        // The clock may step back a little where captures of two ports were merged.
        let near = |s: &Sight| packet.at.since(s.at).unsigned_abs() <= WINDOW.unsigned_abs();
        let mut routed = None;
        for sight in set.iter().filter(|s| s.packet == fingerprint && near(s)) {
            if sight.leg == leg {
                // The first sight's time stays: a packet repeated for ever is not one copy.
                return Copy::Same;
            }
            routed = Some(sight.segment);
        }
        let segment = routed.unwrap_or(packet.segment);
        let [a, b] = set;
        // The one out of the window goes, else the older.
        let victim = if !near(a) || (near(b) && a.at <= b.at) { a } else { b };
        *victim = Sight { packet: fingerprint, at: packet.at, leg, segment };
        routed.map_or(Copy::First, Copy::Routed)
    }
}

/// What no switch and no router changes. Not the time to live, MACs, VLANs and IP
/// header checksum; nor TCP options, whose segment size routers lower.
fn fingerprint(sliced: &Sliced<'_>) -> u64 {
    let packet = &sliced.packet;
    let mut h = FoldHasher::with_seed(SEED, SharedSeed::global_fixed());
    match packet.l3 {
        Layer3::Ip { src, dst, id, .. } => {
            address(&mut h, src);
            address(&mut h, dst);
            h.write_u16(id);
            h.write_u16(sliced.checksum);
        }
        // Frames that are not IP are not routed: only an equal frame is a copy.
        Layer3::Arp => h.write_u32(leg(packet)),
        Layer3::Other(ether_type) => {
            h.write_u32(leg(packet));
            h.write_u16(ether_type);
        }
    }
    match packet.l4 {
        Layer4::Tcp { src, dst, seq, ack, flags, window, .. } => {
            h.write_u8(6);
            h.write_u16(src);
            h.write_u16(dst);
            h.write_u32(seq);
            h.write_u32(ack);
            h.write_u8(flags.0);
            h.write_u16(window);
        }
        Layer4::Udp { src, dst } => {
            h.write_u8(17);
            h.write_u16(src);
            h.write_u16(dst);
        }
        Layer4::Icmp => h.write_u8(1),
        Layer4::Icmp6 => h.write_u8(58),
        Layer4::Other(protocol) => h.write_u8(protocol),
        Layer4::None => {}
    }
    if let Some(fragment) = sliced.fragment {
        h.write_u32(fragment.id);
        h.write_u16(fragment.offset);
    }
    let payload = packet.payload;
    h.write_usize(payload.len());
    let in_full = !matches!(packet.l3, Layer3::Ip { .. });
    match (payload.first_chunk::<ENDS>(), payload.last_chunk::<ENDS>()) {
        (Some(head), Some(tail)) if !in_full => {
            h.write(head);
            h.write(tail);
        }
        _ => h.write(payload),
    }
    h.finish().max(1)
}

fn address(h: &mut impl Hasher, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => h.write_u32(ip.to_bits()),
        IpAddr::V6(ip) => h.write_u128(ip.to_bits()),
    }
}

/// What tells the legs of a packet's way apart.
fn leg(packet: &Packet<'_>) -> u32 {
    let mut h = FoldHasher::with_seed(SEED, SharedSeed::global_fixed());
    for mac in [packet.src_mac, packet.dst_mac] {
        let [a, b, c, d, e, f] = mac.unwrap_or_default().0;
        h.write_u64(u64::from_be_bytes([0, u8::from(mac.is_some()), a, b, c, d, e, f]));
    }
    let Segment { sensor, vlan, inner_vlan, vni } = packet.segment;
    h.write_u16(sensor);
    h.write_u16(vlan);
    h.write_u16(inner_vlan);
    h.write_u32(vni);
    if let Layer3::Ip { ttl, .. } = packet.l3 {
        h.write_u8(ttl);
    }
    u32::try_from(h.finish() >> 32).unwrap_or_default()
}
