//! Datagrams that came in fragments are put together, in bounded memory.
//!
//! Fragments are an attacker's favourite: they overlap, never end, or come by the
//! million. Every datagram has one slot of a fixed set; the oldest gives way.

use std::net::IpAddr;

use super::{Fragment, Layer3, Packet};
use crate::net::Segment;
use crate::time::{SECOND, Timestamp};

/// Datagrams in the making. Hospital traffic has few at a time (RADIUS with
/// certificates, large DNS answers, jumbo mirrors); with 64 KiB each this bounds
/// the memory of one reassembler to 8 MiB.
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
