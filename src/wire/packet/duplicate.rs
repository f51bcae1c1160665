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
use crate::wire::capture::ask_for;

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

/// What a packet is recognised by: see [`Copies::print`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    packet: u64,
    leg: u32,
}

/// The packets of the last moments.
#[derive(Debug)]
pub struct Copies {
    sets: Box<[Set]>,
}

impl Print {
    fn set(self) -> usize {
        usize::try_from(self.packet >> 48).unwrap_or_default() & (SETS - 1)
    }
}

impl Default for Copies {
    fn default() -> Self {
        Self { sets: vec![Set::default(); SETS].into_boxed_slice() }
    }
}

impl Copies {
    /// Fingerprints of a packet, and asks for the place where its like would be: some
    /// packets before [`Self::judge`].
    #[must_use]
    pub fn print(&self, sliced: &Sliced<'_>) -> Print {
        let print = Print { packet: fingerprint(sliced), leg: leg(&sliced.packet) };
        if let Some(set) = self.sets.get(print.set()) {
            ask_for(set);
        }
        print
    }

    /// Looks a packet up by its [`Self::print`] and remembers it.
    pub fn judge(&mut self, packet: &Packet<'_>, print: Print) -> Copy {
        let Print { packet: fingerprint, leg } = print;
        let Some(Set(set)) = self.sets.get_mut(print.set()) else { return Copy::First };

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
    // A few full words: this is done for every packet.
    match packet.l3 {
        Layer3::Ip { src, dst, id, .. } => {
            let same = u128::from(id) << 64 | u128::from(sliced.checksum) << 80;
            match (src, dst) {
                (IpAddr::V4(src), IpAddr::V4(dst)) => {
                    let ends = u128::from(src.to_bits()) | u128::from(dst.to_bits()) << 32;
                    h.write_u128(4 << 120 | same | ends);
                }
                (src, dst) => {
                    h.write_u128(bits(src));
                    h.write_u128(bits(dst));
                    h.write_u128(6 << 120 | same);
                }
            }
        }
        // Frames that are not IP are not routed: only an equal frame is a copy.
        Layer3::Arp => h.write_u128(u128::from(leg(packet))),
        Layer3::Other(ether_type) => {
            h.write_u128(1 << 120 | u128::from(leg(packet)) | u128::from(ether_type) << 32);
        }
    }
    let ports = |src: u16, dst: u16| u128::from(src) | u128::from(dst) << 16;
    let (protocol, upper) = match packet.l4 {
        Layer4::Tcp { src, dst, seq, ack, flags, window, .. } => {
            let state = u128::from(flags.0) << 96 | u128::from(window) << 104;
            (6, ports(src, dst) | u128::from(seq) << 32 | u128::from(ack) << 64 | state)
        }
        Layer4::Udp { src, dst } => (17, ports(src, dst)),
        Layer4::Icmp => (1, 0),
        Layer4::Icmp6 => (58, 0),
        Layer4::Other(protocol) => (protocol, 1),
        Layer4::None => (0, 0),
    };
    h.write_u128(u128::from(protocol) << 120 | upper);
    let payload = packet.payload;
    let length = u128::from(u64::try_from(payload.len()).unwrap_or(u64::MAX));
    let piece =
        sliced.fragment.map_or(0, |it| 1 << 48 | u128::from(it.offset) << 32 | u128::from(it.id));
    h.write_u128(length << 64 | piece);
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

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// What tells the legs of a packet's way apart.
fn leg(packet: &Packet<'_>) -> u32 {
    let mut h = FoldHasher::with_seed(SEED, SharedSeed::global_fixed());
    let [src, dst] = [packet.src_mac, packet.dst_mac].map(|mac| {
        let [a, b, c, d, e, f] = mac.unwrap_or_default().0;
        u128::from(u64::from_be_bytes([0, u8::from(mac.is_some()), a, b, c, d, e, f]))
    });
    h.write_u128(src << 64 | dst);
    let Segment { sensor, vlan, inner_vlan, vni } = packet.segment;
    let ttl = match packet.l3 {
        Layer3::Ip { ttl, .. } => 1 << 88 | u128::from(ttl) << 80,
        _ => 0,
    };
    let tags = u128::from(vlan) << 16 | u128::from(inner_vlan) << 32;
    h.write_u128(u128::from(sensor) | tags | u128::from(vni) << 48 | ttl);
    u32::try_from(h.finish() >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        A, B, ROUTER, eth, eth_between, ipv4, ipv4_with, ipv6, later, tag, tcp, udp,
    };
    use super::super::slice;
    use super::*;

    fn judge(copies: &mut Copies, frame: &[u8], nanos: i64) -> Copy {
        let frame = later(frame, nanos);
        let sliced = slice(&frame, 0);
        copies.judge(&sliced.packet, copies.print(&sliced))
    }

    /// What the second frame is, so much after the first.
    fn second(first: &[u8], second: &[u8], nanos: i64) -> Copy {
        let mut copies = Copies::default();
        assert_eq!(judge(&mut copies, first, 0), Copy::First);
        judge(&mut copies, second, nanos)
    }

    fn vlan(vlan: u16) -> Segment {
        Segment { vlan, ..Segment::default() }
    }

    #[test]
    fn window() {
        let frame = eth(0x0800, &ipv4(6, &tcp(0x18, b"data")));
        for nanos in [0, WINDOW, -WINDOW] {
            assert_eq!(second(&frame, &frame, nanos), Copy::Same);
        }
        for nanos in [WINDOW + 1, -WINDOW - 1, i64::MIN / 2] {
            assert_eq!(second(&frame, &frame, nanos), Copy::First);
        }
    }

    #[test]
    fn repeats_do_not_hide_each_other_for_ever() {
        let frame = eth(0x0800, &ipv4(17, &udp(1, 2, b"tick")));
        let mut copies = Copies::default();
        let seen = [0, 1, 2, 3, 4, 5].map(|n| judge(&mut copies, &frame, n * WINDOW));
        assert_eq!(seen.iter().filter(|c| **c == Copy::First).count(), 3);
    }

    #[test]
    fn both_legs_of_a_router() {
        let body = tcp(0x18, &[7; 1400]);
        let leg = |src, dst, vlan, ttl| {
            eth_between(src, dst, 0x8100, &tag(vlan, 0x0800, &ipv4_with(7, 0x4000, ttl, 6, &body)))
        };
        let (before, after) = (leg(A, ROUTER, 10, 64), leg(ROUTER, B, 20, 63));
        let mut copies = Copies::default();
        assert_eq!(judge(&mut copies, &before, 0), Copy::First);
        assert_eq!(judge(&mut copies, &before, 10), Copy::Same);
        assert_eq!(judge(&mut copies, &after, 20), Copy::Routed(vlan(10)));
        assert_eq!(judge(&mut copies, &after, 30), Copy::Same);
        assert_eq!(judge(&mut copies, &before, 40), Copy::Same);
        // A third leg names the first one, too.
        assert_eq!(judge(&mut copies, &leg(ROUTER, B, 30, 62), 50), Copy::Routed(vlan(10)));
    }

    #[test]
    fn routed_in_one_segment() {
        let before = eth_between(A, ROUTER, 0x86dd, &ipv6(17, &udp(1, 2, b"x")));
        let after = eth_between(ROUTER, B, 0x86dd, &ipv6(17, &udp(1, 2, b"x")));
        assert_eq!(second(&before, &after, 1), Copy::Routed(vlan(0)));
    }

    #[test]
    fn a_clamped_segment_size_is_the_same_packet() {
        let before = eth_between(A, ROUTER, 0x0800, &ipv4(6, &tcp(2, b"")));
        let mut clamped = tcp(2, b"");
        clamped[23] = 0;
        let after = eth_between(ROUTER, B, 0x0800, &ipv4(6, &clamped));
        assert!(matches!(second(&before, &after, 1), Copy::Routed(_)));
    }

    #[test]
    fn every_difference_counts() {
        let frame = |body: Vec<u8>| eth(0x0800, &ipv4(17, &body));
        let first = frame(udp(1, 2, &[7; 300]));
        let mut others = vec![
            frame(udp(1, 3, &[7; 300])),
            frame(udp(3, 2, &[7; 300])),
            frame(udp(1, 2, &[7; 301])),
            eth(0x0800, &ipv4_with(8, 0x4000, 64, 17, &udp(1, 2, &[7; 300]))),
        ];
        // Source, destination, checksum, head and tail of the payload.
        for at in [29, 33, 40, 43, first.len() - 1] {
            let mut other = first.clone();
            other[at] ^= 1;
            others.push(other);
        }
        for other in others {
            assert_eq!(second(&first, &other, 1), Copy::First);
        }
        let one = eth(0x0800, &ipv4(6, &tcp(0x10, b"")));
        for at in [38, 42, 47, 48] {
            let mut other = one.clone();
            other[at] ^= 1;
            assert_eq!(
                second(&one, &other, 1),
                Copy::First,
                "sequence, acknowledged, flags, window"
            );
        }
        let piece = eth(0x0800, &ipv4_with(9, 0x2001, 64, 17, &[0; 16]));
        let next = eth(0x0800, &ipv4_with(9, 0x2003, 64, 17, &[0; 16]));
        assert_eq!(second(&piece, &next, 1), Copy::First);
    }

    #[test]
    fn frames_without_ip_are_never_routed() {
        let arp =
            |vlan, last| eth(0x8100, &tag(vlan, 0x0806, &[[1; 27].as_slice(), &[last]].concat()));
        assert_eq!(second(&arp(1, 1), &arp(1, 1), 1), Copy::Same);
        assert_eq!(second(&arp(1, 1), &arp(2, 1), 1), Copy::First);
        assert_eq!(second(&arp(1, 1), &arp(1, 2), 1), Copy::First);
    }

    #[test]
    fn a_set_is_a_cache_line() {
        assert_eq!(size_of::<Set>(), 64);
        assert!(SETS.is_power_of_two() && SETS <= 1 << 16);
    }
}
