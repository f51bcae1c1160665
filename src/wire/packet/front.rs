//! All that happens to a frame before flows: headers, copies, fragments, counts.

use std::collections::BTreeMap;

use super::duplicate::{Copies, Copy, Print};
use super::fragment::{Lost, Reassembler};
use super::{Packet, Sliced, slice};
use crate::wire::capture::Frame;

/// A packet as the flow engine gets it.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The innermost packet; whole datagrams in place of their last fragment.
    pub packet: Packet<'a>,
    /// Whether it was just seen.
    pub copy: Copy,
    /// How many tunnels were unwrapped.
    pub tunnels: u8,
    /// Only a piece of a datagram: its bytes count, its payload must not be read.
    pub fragment: bool,
}

/// What [`Front::judge`] says of a frame whose headers are read.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// Whether the packet was just seen.
    pub copy: Copy,
    /// How many tunnels were unwrapped.
    pub tunnels: u8,
    /// Only a piece of a datagram.
    pub fragment: bool,
    /// The datagram that it completed, which is the packet then.
    pub whole: Option<Packet<'a>>,
}

/// What went through, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames.
    pub frames: u64,
    /// Bytes of these frames on the wire.
    pub bytes: u64,
    /// Frames seen twice.
    pub same: u64,
    /// Packets seen again on another leg of their way.
    pub routed: u64,
    /// Fragments, copies not counted.
    pub fragments: u64,
    /// Datagrams put together from them.
    pub reassembled: u64,
    /// Datagrams that were not.
    pub lost: Lost,
    /// Packets that came out of a tunnel.
    pub tunnelled: u64,
    /// Packets that the capture cut short.
    pub cut: u64,
    /// Frames with a header that could not be read, by its name.
    pub malformed: BTreeMap<&'static str, u64>,
}

/// Takes frames in the order of the capture and gives packets.
#[derive(Debug, Default)]
pub struct Front {
    sensor: u16,
    copies: Copies,
    /// Fragments outside of tunnels.
    outer: Reassembler,
    /// Fragments inside of them. Two, since a mirror's tunnel may be fragmented
    /// itself: its datagram is still read when the fragment inside is put away.
    inner: Reassembler,
    counts: Counts,
}

impl Front {
    /// For the frames of one sensor; 0 for a file.
    #[must_use]
    pub fn new(sensor: u16) -> Self {
        Self { sensor, ..Self::default() }
    }

    /// What went through so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (a, b) = (self.outer.lost(), self.inner.lost());
        Counts {
            lost: Lost {
                evicted: a.evicted.saturating_add(b.evicted),
                expired: a.expired.saturating_add(b.expired),
                refused: a.refused.saturating_add(b.refused),
            },
            ..self.counts.clone()
        }
    }

    /// The packet in `frame`. It borrows from the frame, or from here when it was
    /// put together from fragments.
    pub fn next<'a>(&'a mut self, frame: &Frame<'a>) -> Sight<'a> {
        let sliced = slice(frame, self.sensor);
        let print = self.print(&sliced);
        let Verdict { copy, tunnels, fragment, whole } = self.judge(&sliced, print);
        Sight { packet: whole.unwrap_or(sliced.packet), copy, tunnels, fragment }
    }

    /// The headers of a frame, nothing remembered yet.
    pub fn slice<'a>(&self, frame: &Frame<'a>, to: &mut Sliced<'a>) {
        to.read(frame, self.sensor);
    }

    /// By what copies of a packet are told; best asked some packets ahead.
    #[must_use]
    pub fn print(&self, sliced: &Sliced<'_>) -> Print {
        self.copies.print(sliced)
    }

    /// As [`Front::next`], for a frame whose headers are read already.
    pub fn judge<'a>(&'a mut self, sliced: &Sliced<'a>, print: Print) -> Verdict<'a> {
        let Self { copies, outer, inner, counts, .. } = self;
        counts.frames = counts.frames.saturating_add(1);
        counts.bytes = counts.bytes.saturating_add(u64::from(sliced.on_wire));
        let verdict = look(copies, counts, sliced, print, 0);
        if sliced.fragment.is_none() {
            return verdict;
        }
        if sliced.tunnels > 0 {
            return reassemble(inner, copies, counts, sliced, verdict).map_or(verdict, |(_, v)| v);
        }
        match reassemble(outer, copies, counts, sliced, verdict) {
            None => verdict,
            // What was in a fragmented tunnel may be a fragment again.
            Some((whole, verdict)) => {
                reassemble(inner, copies, counts, &whole, verdict).map_or(verdict, |(_, v)| v)
            }
        }
    }
}

/// Judges and counts what was read; `tunnels` of them were counted before.
fn look<'a>(
    copies: &mut Copies,
    counts: &mut Counts,
    sliced: &Sliced<'a>,
    print: Print,
    tunnels: u8,
) -> Verdict<'a> {
    let copy = match sliced.is_empty() {
        true => Copy::First,
        false => copies.judge(&sliced.packet, print),
    };
    let count = |n: &mut u64, yes: bool| *n = n.saturating_add(u64::from(yes));
    count(&mut counts.same, copy == Copy::Same);
    count(&mut counts.routed, matches!(copy, Copy::Routed(_)));
    count(&mut counts.fragments, sliced.fragment.is_some() && copy != Copy::Same);
    count(&mut counts.tunnelled, sliced.tunnels > tunnels);
    count(&mut counts.cut, sliced.packet.cut);
    if let Some(layer) = sliced.malformed {
        count(counts.malformed.entry(layer).or_default(), true);
    }
    let (tunnels, fragment) = (sliced.tunnels, sliced.fragment.is_some());
    Verdict { copy, tunnels, fragment, whole: None }
}

/// The datagram that a fragment completes. Copies would overlap, and half a
/// fragment would leave a hole: neither takes part.
fn reassemble<'a>(
    reassembler: &'a mut Reassembler,
    copies: &mut Copies,
    counts: &mut Counts,
    sliced: &Sliced<'a>,
    verdict: Verdict<'a>,
) -> Option<(Sliced<'a>, Verdict<'a>)> {
    let fragment = sliced.fragment.as_ref()?;
    if verdict.copy == Copy::Same || sliced.packet.cut {
        return None;
    }
    let datagram = reassembler.push(&sliced.packet, fragment)?;
    counts.reassembled = counts.reassembled.saturating_add(1);
    let whole = sliced.whole(datagram.protocol, datagram.bytes);
    let verdict = look(copies, counts, &whole, copies.print(&whole), sliced.tunnels);
    Some((whole, Verdict { whole: Some(whole.packet), ..verdict }))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        A, B, ERSPAN_II, ROUTER, all, cat, eth, eth_between, frame, gre, inner, ipv4, ipv4_with,
        ipv6, ipv6_fragment, later, udp,
    };
    use super::super::{Layer4, fragment::MAX_DATAGRAMS};
    use super::*;
    use crate::net::Segment;
    use crate::wire::capture::{LONGEST_FRAME, LinkType};

    /// A packet in fragments of at most this many bytes.
    fn fragments(id: u16, packet: &[u8], size: usize) -> Vec<Vec<u8>> {
        let body = &packet[20..];
        let count = body.chunks(size).count();
        let piece = |(n, chunk): (usize, &[u8])| {
            let more = if n + 1 < count { 0x2000 } else { 0 };
            let field = u16::try_from(n * size / 8).unwrap() | more;
            ipv4_with(id, field, packet[8], packet[9], chunk)
        };
        body.chunks(size).enumerate().map(piece).collect()
    }

    #[test]
    fn fragments_become_one_packet() {
        let mut front = Front::new(4);
        let body = [9; 100];
        let pieces = fragments(5, &ipv4(17, &udp(53, 4000, &body)), 48);
        let (last, before) = pieces.split_last().unwrap();
        for piece in before {
            let frame_bytes = eth(0x0800, piece);
            let sight = front.next(&frame(&frame_bytes));
            assert!(sight.fragment && sight.packet.l4 == Layer4::None);
        }
        let last = eth(0x0800, last);
        let sight = front.next(&frame(&last));
        assert!(!sight.fragment && sight.copy == Copy::First);
        assert_eq!(sight.packet.l4, Layer4::Udp { src: 53, dst: 4000 });
        assert_eq!(sight.packet.payload, body);
        assert_eq!(sight.packet.segment.sensor, 4);
        assert_eq!(sight.packet.wire_len, u32::try_from(last.len()).unwrap());
        let counts = front.counts();
        assert_eq!((counts.frames, counts.fragments, counts.reassembled), (3, 3, 1));
    }

    #[test]
    fn copies_of_fragments_do_no_harm() {
        // Both legs of a router, each mirrored twice: one datagram and one routed.
        let mut front = Front::default();
        let mut found = Vec::new();
        let (a, b) = (udp(1, 2, &[9; 60]), 32);
        for (n, body) in [(0, &a[..b]), (b, &a[b..])] {
            let packet = ipv6_fragment(17, u16::try_from(n).unwrap(), n == 0, 3, body);
            for (src, dst) in [(A, ROUTER), (ROUTER, B)] {
                let bytes = eth_between(src, dst, 0x86dd, &packet);
                // The routed leg in another VLAN.
                let vlan = if src == A { 1 } else { 2 };
                let bytes = [&bytes[..12], &[0x81, 0, 0, vlan], &bytes[12..]].concat();
                for _ in 0..2 {
                    let sight = front.next(&frame(&bytes));
                    if !sight.fragment {
                        found.push((sight.copy, sight.packet.segment.vlan));
                    }
                }
            }
        }
        let first = Segment { vlan: 1, ..Segment::default() };
        assert_eq!(found, [(Copy::First, 1), (Copy::Routed(first), 2)]);
        assert_eq!(front.counts().lost, Lost::default());
    }

    #[test]
    fn a_mirror_whose_tunnel_is_fragmented() {
        let mut front = Front::default();
        let big = eth(0x0800, &ipv4(17, &udp(1000, 2000, &[3; 1400])));
        let outer = gre(0x1000, 0x88be, &cat(&[&ERSPAN_II, &big]));
        let pieces = fragments(5, &outer[14..], 1400).into_iter().map(|p| eth(0x0800, &p));
        let pieces: Vec<_> = pieces.collect();
        assert!(front.next(&frame(&pieces[0])).fragment);
        let sight = front.next(&frame(&pieces[1]));
        assert_eq!((sight.packet.payload, sight.tunnels), (&[3; 1400][..], 1));
        assert_eq!(sight.packet.segment.vlan, 300);
        assert_eq!(sight.packet.wire_len, u32::try_from(big.len()).unwrap());
        assert_eq!(front.counts().tunnelled, 1);
    }

    #[test]
    fn fragments_inside_a_fragmented_tunnel() {
        let mut front = Front::default();
        let inside = fragments(8, &ipv4(17, &udp(1000, 2000, &[3; 1600])), 1480);
        let mut whole = None;
        for (n, packet) in inside.iter().enumerate() {
            // Only the large one needs two outer packets.
            let outer = gre(0x1000, 0x88be, &cat(&[&ERSPAN_II, &eth(0x0800, packet)]));
            for piece in fragments(u16::try_from(n).unwrap(), &outer[14..], 1480) {
                let bytes = eth(0x0800, &piece);
                let sight = front.next(&frame(&bytes));
                whole = (!sight.fragment).then(|| sight.packet.payload.to_vec());
            }
        }
        assert_eq!(whole, Some(vec![3; 1600]));
        let counts = front.counts();
        assert_eq!((counts.reassembled, counts.fragments, counts.tunnelled), (2, 4, 2));
    }

    #[test]
    fn the_same_packet_by_two_ways() {
        let mut front = Front::default();
        assert_eq!(front.next(&frame(&inner())).copy, Copy::First);
        assert_eq!(front.next(&frame(&gre(0, 0x88be, &inner()))).copy, Copy::Same);
        let overlay =
            eth(0x0800, &ipv4(17, &udp(1, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 9, 0], &inner()]))));
        assert_eq!(front.next(&frame(&overlay)).copy, Copy::Routed(Segment::default()));
        let counts = front.counts();
        assert_eq!((counts.same, counts.routed, counts.tunnelled), (1, 1, 2));
    }

    #[test]
    fn cut_and_malformed_are_counted() {
        let mut front = Front::default();
        let whole = eth(0x0800, &ipv4(17, &udp(1, 2, b"data")));
        front.next(&Frame { bytes: &whole[..40], ..frame(&whole) });
        front.next(&frame(&whole[..20]));
        front.next(&frame(&eth(0x86dd, &ipv6(17, &[0, 1, 0, 2, 0, 3, 0, 0]))));
        let counts = front.counts();
        assert_eq!((counts.frames, counts.cut), (3, 1));
        assert_eq!(counts.bytes, u64::try_from(whole.len() + 20 + 62).unwrap());
        assert_eq!(counts.malformed, [("ipv4 header", 1), ("udp length", 1)].into());
    }

    #[test]
    fn empty_frames_are_no_copies_of_each_other() {
        let mut front = Front::default();
        for link in [LinkType::Ethernet, LinkType::RawIp, LinkType::Cooked] {
            front.next(&Frame { link, ..frame(&[]) });
        }
        front.next(&Frame { wire_len: 60, ..frame(&[]) });
        let counts = front.counts();
        assert_eq!((counts.frames, counts.same, counts.routed, counts.cut), (4, 0, 0, 1));
        assert_eq!(counts.malformed, [("empty frame", 3)].into());
        let whole = eth(0x0800, &ipv4(17, &udp(1, 2, b"data")));
        for _ in 0..2 {
            front.next(&frame(&whole));
        }
        assert_eq!(front.counts().same, 1, "others still are");
    }

    #[test]
    fn a_length_that_no_frame_has_is_not_believed() {
        let mut front = Front::default();
        let whole = eth(0x0800, &ipv4(17, &udp(1, 2, b"data")));
        let sight = front.next(&Frame { wire_len: u32::MAX, ..frame(&whole) });
        assert!(sight.packet.wire_len <= LONGEST_FRAME);
        assert_eq!(front.counts().bytes, u64::from(LONGEST_FRAME));
        // What is there in full is there, whatever is said of it.
        let long = vec![0; usize::try_from(LONGEST_FRAME).unwrap() + 1];
        front.next(&frame(&long));
        assert_eq!(front.counts().bytes, 2 * u64::from(LONGEST_FRAME) + 1);
    }

    #[test]
    fn floods_and_garbage_stay_bounded() {
        let mut front = Front::default();
        for n in 0..20_000_u16 {
            let body = ipv4_with(n, 0x2000 | (n & 0xfff), 64, 17, &[0; 16]);
            let bytes = if n % 2 == 0 { eth(0x0800, &body) } else { gre(0, 0x0800, &body) };
            assert!(front.next(&later(&bytes, i64::from(n))).fragment);
        }
        assert!(front.outer.held() <= MAX_DATAGRAMS * (65_536 + 8_192));
        assert!(front.inner.held() <= MAX_DATAGRAMS * (65_536 + 8_192));
        for sample in all() {
            for at in 0..sample.len() {
                let mut bytes = sample.clone();
                bytes[at] ^= 0xff;
                front.next(&frame(&bytes));
                front.next(&frame(&bytes[..at]));
            }
        }
    }
}
