//! Datagrams that came in fragments are put together, in bounded memory.
//!
//! Fragments are an attacker's favourite: they overlap, never end, or come by the
//! million. Every datagram has one slot of a fixed set; the oldest gives way.

use std::net::IpAddr;

use super::{Fragment, Layer3, Packet};
use crate::net::Segment;
use crate::time::{SECOND, Timestamp};

/// Datagrams in the making. Hospital traffic has few at a time (RADIUS with
/// certificates, large DNS answers, jumbo mirrors); with 64 KiB each, and a
/// flag for every eight bytes, this bounds the memory of one reassembler to 9 MiB.
pub const MAX_DATAGRAMS: usize = 128;

/// How long a datagram may take. RFC 791 and RFC 8200 allow 60 s; on a local
/// network all fragments are there within milliseconds, and shorter means fewer
/// IPv4 identifications used twice (RFC 4963).
pub const TIMEOUT: i64 = 30 * SECOND;

/// Unit of fragment offsets and of the account of what is there, in bytes.
const UNIT: usize = 8;

/// What was lost, for the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Gave way to a newer datagram.
    pub evicted: u64,
    /// Not whole within [`TIMEOUT`]; counted when the slot is needed again.
    pub expired: u64,
    /// Overlapping or contradicting fragments.
    pub refused: u64,
}

/// A datagram that is whole, without its IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Protocol or next header, as the first fragment says.
    pub protocol: u8,
    /// The fragmented part.
    pub bytes: &'a [u8],
}

/// Whose fragments belong together (RFC 791 §3.2; RFC 8200 §4.5 leaves out the protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    id: u32,
    protocol: Option<u8>,
    src: IpAddr,
    dst: IpAddr,
    segment: Segment,
}

/// Puts fragments together.
#[derive(Debug)]
pub struct Reassembler {
    slots: Vec<Slot>,
    lost: Lost,
}

impl Default for Reassembler {
    fn default() -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(MAX_DATAGRAMS).collect();
        Self { slots, lost: Lost::default() }
    }
}

impl Reassembler {
    /// What was lost so far.
    #[must_use]
    pub const fn lost(&self) -> Lost {
        self.lost
    }

    /// Bytes held: the sum of all buffers, used or kept for reuse.
    #[must_use]
    pub fn held(&self) -> usize {
        let held = |slot: &Slot| slot.bytes.capacity().saturating_add(slot.seen.capacity());
        self.slots.iter().map(held).fold(0, usize::saturating_add)
    }

    /// Takes the fragment that `packet` is; gives the datagram if that was the last
    /// one missing. Fragments that the capture cut must not come here.
    pub fn push(&mut self, packet: &Packet<'_>, fragment: &Fragment<'_>) -> Option<Datagram<'_>> {
        let Layer3::Ip { src, dst, .. } = packet.l3 else { return None };
        let key = Key {
            id: fragment.id,
            protocol: src.is_ipv4().then_some(fragment.protocol),
            src,
            dst,
            segment: packet.segment,
        };
        let found = self.slots.iter().position(|slot| slot.key == Some(key));
        let slot = match found {
            Some(index) => self.slots.get_mut(index)?,
            // Free ones first: none is less than some.
            None => self.slots.iter_mut().min_by_key(|slot| (slot.key.is_some(), slot.since))?,
        };
        let stale = packet.at.since(slot.since).unsigned_abs() > TIMEOUT.unsigned_abs();
        if found.is_none() || stale {
            if slot.key.is_some() && !slot.refused {
                let lost = if stale { &mut self.lost.expired } else { &mut self.lost.evicted };
                *lost = lost.saturating_add(1);
            }
            slot.start(key, packet.at);
        }
        if slot.refused {
            return None;
        }
        if !slot.add(fragment, src.is_ipv6()) {
            // Kept until its time is over: RFC 5722 §3 wants later fragments dropped too.
            slot.refused = true;
            self.lost.refused = self.lost.refused.saturating_add(1);
            return None;
        }
        if !slot.is_whole() {
            return None;
        }
        slot.key = None;
        Some(Datagram { protocol: slot.protocol, bytes: &slot.bytes })
    }
}

/// One datagram in the making; its buffers outlive it.
#[derive(Debug, Default)]
struct Slot {
    key: Option<Key>,
    /// Time of the fragment that came first.
    since: Timestamp,
    protocol: u8,
    refused: bool,
    /// Length of the whole, once the last fragment is there.
    total: Option<usize>,
    bytes: Vec<u8>,
    /// Which units of `bytes` are there, and how many.
    seen: Vec<bool>,
    units: usize,
}

impl Slot {
    fn start(&mut self, key: Key, at: Timestamp) {
        self.key = Some(key);
        self.since = at;
        self.protocol = 0;
        self.refused = false;
        self.total = None;
        self.bytes.clear();
        self.seen.clear();
        self.units = 0;
    }

    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| total.div_ceil(UNIT) == self.units)
    }

    /// False when the fragment and what is there cannot both be right.
    fn add(&mut self, fragment: &Fragment<'_>, v6: bool) -> bool {
        let offset = usize::from(fragment.offset);
        let end = offset.saturating_add(fragment.bytes.len());
        // All but the last end on a unit (RFC 8200 §4.5), and none is empty or
        // makes the datagram longer than its length field could say.
        let ragged = fragment.more && !fragment.bytes.len().is_multiple_of(UNIT);
        if fragment.bytes.is_empty() || ragged || end > usize::from(u16::MAX) {
            return false;
        }
        if self.total.is_some_and(|total| end > total || (!fragment.more && end != total)) {
            return false;
        }
        if !fragment.more {
            if self.bytes.len() > end {
                return false;
            }
            self.total = Some(end);
        }
        if offset == 0 && self.seen.first() != Some(&true) {
            self.protocol = fragment.protocol;
        }
        grow(&mut self.bytes, end);
        grow(&mut self.seen, end.div_ceil(UNIT));
        self.copy(offset, fragment.bytes, v6)
    }

    /// What came first wins for IPv4. IPv6 forbids overlaps (RFC 5722); a fragment
    /// that is there already, byte by byte, may be ignored (RFC 8200 §4.5).
    fn copy(&mut self, offset: usize, bytes: &[u8], v6: bool) -> bool {
        let to = self.bytes.get_mut(offset..).unwrap_or_default().chunks_mut(UNIT);
        let seen = self.seen.get_mut(offset / UNIT..).unwrap_or_default();
        let (mut added, mut there, mut differs) = (0_usize, false, false);
        for ((to, seen), from) in to.zip(seen).zip(bytes.chunks(UNIT)) {
            if *seen {
                there = true;
                differs = differs || to.get(..from.len()) != Some(from);
                continue;
            }
            *seen = true;
            added = added.saturating_add(1);
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        self.units = self.units.saturating_add(added);
        !(v6 && there && (differs || added > 0))
    }
}

/// At least `len` long, without the spare room that a vector likes to take.
fn grow<T: Clone + Default>(vector: &mut Vec<T>, len: usize) {
    let more = len.saturating_sub(vector.len());
    if more > 0 {
        vector.reserve_exact(more);
        vector.resize(len, T::default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{eth, ipv4_with, ipv6_fragment, later};
    use super::super::slice;
    use super::*;

    /// Shows the frame at that time; whether all of it and what is whole then.
    fn push(to: &mut Reassembler, frame: &[u8], nanos: i64) -> Option<(u8, Vec<u8>)> {
        let sliced = slice(&later(frame, nanos), 0);
        let fragment = sliced.fragment.expect("a fragment");
        to.push(&sliced.packet, &fragment).map(|d| (d.protocol, d.bytes.to_vec()))
    }

    fn v4(id: u16, offset: u16, more: bool, body: &[u8]) -> Vec<u8> {
        let field = (offset / 8) | if more { 0x2000 } else { 0 };
        eth(0x0800, &ipv4_with(id, field, 64, 17, body))
    }

    fn v6(offset: u16, more: bool, body: &[u8]) -> Vec<u8> {
        eth(0x86dd, &ipv6_fragment(17, offset, more, 1, body))
    }

    /// Shows all in this order; only the last may complete the datagram.
    fn run(frames: &[Vec<u8>]) -> (Option<(u8, Vec<u8>)>, Lost) {
        let mut to = Reassembler::default();
        let (last, before) = frames.split_last().unwrap();
        for frame in before {
            assert_eq!(push(&mut to, frame, 0), None);
        }
        (push(&mut to, last, 0), to.lost())
    }

    #[test]
    fn in_any_order() {
        let whole = Some((17, b"aaaaaaaabbbbbbbbccc".to_vec()));
        for make in [|o, m, b: &[u8]| v4(1, o, m, b), v6 as fn(u16, bool, &[u8]) -> Vec<u8>] {
            let (a, b) = (make(0, true, b"aaaaaaaa"), make(8, true, b"bbbbbbbb"));
            let c = make(16, false, b"ccc");
            let orders = [
                [&a, &b, &c],
                [&a, &c, &b],
                [&b, &a, &c],
                [&b, &c, &a],
                [&c, &a, &b],
                [&c, &b, &a],
            ];
            for order in orders {
                assert_eq!(run(&order.map(Clone::clone)), (whole.clone(), Lost::default()));
            }
        }
    }

    #[test]
    fn first_comes_first_in_ipv4() {
        let overlap = [v4(1, 0, true, b"aaaaaaaabbbbbbbb"), v4(1, 8, false, b"AAAABBBBcccc")];
        let whole = b"aaaaaaaabbbbbbbbcccc".to_vec();
        assert_eq!(run(&overlap), (Some((17, whole)), Lost::default()));
    }

    #[test]
    fn overlaps_end_an_ipv6_datagram() {
        let refused = (None, Lost { refused: 1, ..Lost::default() });
        let overlap = [v6(0, true, b"aaaaaaaabbbbbbbb"), v6(8, false, b"bbbbbbbbcccc")];
        assert_eq!(run(&overlap), refused);
        let differs = [v6(0, true, b"aaaaaaaa"), v6(0, true, b"aaaaaaaX"), v6(8, false, b"b")];
        assert_eq!(run(&differs), refused, "and what comes later is dropped");
        let again = [v6(0, true, b"aaaaaaaa"), v6(0, true, b"aaaaaaaa"), v6(8, false, b"b")];
        assert_eq!(run(&again).0, Some((17, b"aaaaaaaab".to_vec())), "an exact copy is ignored");
    }

    #[test]
    fn contradictions_are_refused() {
        let cases = [
            [v4(1, 0, true, b"ragged"), v4(1, 8, false, b"b")],
            [v4(1, 8, false, b"b"), v4(1, 16, true, b"cccccccc")],
            [v4(1, 8, false, b"b"), v4(1, 8, false, b"bb")],
            [v4(1, 16, true, b"cccccccc"), v4(1, 8, false, b"b")],
            [v4(1, 0, true, b""), v4(1, 8, false, b"b")],
        ];
        for case in cases {
            assert_eq!(run(&case), (None, Lost { refused: 1, ..Lost::default() }));
        }
    }

    #[test]
    fn keys_keep_datagrams_apart() {
        let mut to = Reassembler::default();
        assert_eq!(push(&mut to, &v4(1, 0, true, b"aaaaaaaa"), 0), None);
        assert_eq!(push(&mut to, &v4(2, 8, false, b"b"), 0), None);
        let tcp = eth(0x0800, &ipv4_with(1, 1, 64, 6, b"b"));
        assert_eq!(push(&mut to, &tcp, 0), None);
        let tagged = eth(0x8100, &[&[0, 5, 8, 0], &v4(1, 8, false, b"b")[14..]].concat());
        assert_eq!(push(&mut to, &tagged, 0), None);
        assert!(push(&mut to, &v4(1, 8, false, b"b"), 0).is_some());
    }

    #[test]
    fn late_fragments_start_anew() {
        for at in [TIMEOUT + 1, -TIMEOUT - 1] {
            let mut to = Reassembler::default();
            assert_eq!(push(&mut to, &v4(1, 0, true, b"aaaaaaaa"), 0), None);
            assert_eq!(push(&mut to, &v4(1, 8, false, b"b"), at), None);
            assert_eq!(to.lost().expired, 1);
        }
    }

    #[test]
    fn slots_are_reused_clean() {
        let mut to = Reassembler::default();
        for _ in 0..3 * MAX_DATAGRAMS {
            assert_eq!(push(&mut to, &v4(1, 0, true, &[1; 64]), 0), None);
            assert_eq!(push(&mut to, &v4(1, 64, false, b"x"), 0).unwrap().1.len(), 65);
            assert_eq!(push(&mut to, &v4(2, 8, false, b"y"), 0), None);
            assert_eq!(
                push(&mut to, &v4(2, 0, true, b"zzzzzzzz"), 0),
                Some((17, b"zzzzzzzzy".to_vec()))
            );
        }
        assert_eq!(to.lost(), Lost::default());
    }

    #[test]
    fn a_flood_stays_bounded() {
        let mut to = Reassembler::default();
        for id in 0..10_000 {
            assert_eq!(push(&mut to, &v4(id, 65_000, false, b"end"), i64::from(id)), None);
        }
        // The bytes, and one flag for each eight.
        assert!(to.held() <= MAX_DATAGRAMS * (65_536 + 8_192), "{}", to.held());
        assert_eq!(to.lost().evicted, 10_000 - MAX_DATAGRAMS as u64);
        // The newest are still there.
        assert_eq!(push(&mut to, &v4(9_999, 0, true, &[0; 8]), 10_000), None);
        assert_eq!(to.lost().evicted, 10_000 - MAX_DATAGRAMS as u64);
    }
}
