//! The flow table: a preallocated slab of [`Flow`]s found by segment and 5-tuple,
//! the same for both directions, and a timer wheel on packet time.
//!
//! What a packet touches of it is one slot and the two cache lines of its flow, and
//! all three can be asked for before the packet's turn: [`Table::ask_slot`], then
//! [`Table::ask_flow`].

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::key::FlowKey;
use super::limits;
use crate::net::{Mac, Transport};
use crate::time::{SECOND, Timestamp};
use crate::wire::capture::ask_for;

pub(super) const NONE: u32 = u32::MAX;
/// One bucket a second; longer deadlines go round again.
const WHEEL: usize = 4096;

/// How far a conversation is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its protocol is not known yet.
    Recognising,
    /// A dissector reads it.
    Dissecting,
    /// Counted only.
    Ignored,
    /// Forgotten: a free place of the slab.
    Gone,
}

/// How much was said of who serves what to whom: what one side shows, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Half,
    All,
}

/// One conversation, in two cache lines: what finds and judges it, what is counted.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Flow {
    pub(super) key: FlowKey,
    pub(super) packets: [u32; 2],
    pub(super) phase: Phase,
    /// Index of the protocol in the registry, once recognised.
    pub(super) protocol: Option<u8>,
    /// Whether the client sends in direction 1, once known.
    pub(super) client: Option<bool>,
    /// The same conversation is followed in another segment (both VLAN legs mirrored).
    pub(super) shadow: bool,
    /// Whether its service and peer were said.
    pub(super) told: Told,
    /// Probes asked so far.
    pub(super) asked: u8,
    /// FIN or RST seen, a bit for each direction.
    pub(super) closed: u8,
    pub(super) last: [Timestamp; 2],
    /// Second at which each end was last said to be present; 0 for never.
    pub(super) present: [u32; 2],
    /// Sequence number up to which each end's bytes passed here; 0 for unknown.
    pub(super) edges: [u32; 2],
    pub(super) bytes: [u64; 2],
    /// MAC that each end sends from, zero for none; a router's, when it is not on this link.
    pub(super) macs: [Mac; 2],
    /// Slot of its TCP conversation.
    pub(super) conversation: u32,
}

impl Flow {
    fn new(key: FlowKey, at: Timestamp) -> Self {
        Self {
            key,
            packets: [0; 2],
            phase: Phase::Recognising,
            protocol: None,
            client: None,
            shadow: false,
            told: Told::Nothing,
            asked: 0,
            closed: 0,
            last: [at; 2],
            present: [0; 2],
            edges: [0; 2],
            bytes: [0; 2],
            macs: [Mac::default(); 2],
            conversation: NONE,
        }
    }

    /// Both ends were heard.
    pub(super) fn is_two_sided(&self) -> bool {
        let [a, b] = self.packets;
        a > 0 && b > 0
    }

    /// Nothing more will be said of it.
    pub(super) fn is_done(&self) -> bool {
        self.shadow || (self.phase == Phase::Ignored && self.told == Told::All)
    }

    /// When it is forgotten if nothing more comes.
    fn deadline(&self) -> i64 {
        let [a, b] = self.last;
        let last = a.max(b).0;
        last.saturating_add(match self.key.transport() {
            _ if self.closed == 3 => limits::LINGER,
            Transport::Udp => limits::IDLE_UDP,
            Transport::Tcp if self.is_two_sided() || self.is_rich() => limits::IDLE_TCP,
            Transport::Tcp => limits::IDLE_HALF_OPEN,
        })
    }

    /// Whether nothing came for as long as it is remembered; or it is of a time from which
    /// the clock was set back.
    fn is_over(&self, now: i64) -> bool {
        let [a, b] = self.last;
        self.deadline() <= now || a.max(b).0.saturating_sub(now) > limits::CLOCK_STEP
    }

    /// A one-sided mirror still shows long conversations.
    fn is_rich(&self) -> bool {
        self.packets.iter().any(|&n| n > 8)
    }
}

/// Neighbours of a flow in its bucket of the wheel. Beside the flows, since no packet
/// needs them.
#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    previous: u32,
    bucket: usize,
}

/// Where a flow is: half of its key's hash and its place in the slab plus one; 0 is
/// free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot(u64);

impl Slot {
    fn new(hash: u32, index: u32) -> Self {
        Self(u64::from(hash) << 32 | u64::from(index.saturating_add(1)))
    }

    const fn is_free(self) -> bool {
        self.0 == 0
    }

    fn hash(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or_default()
    }

    fn index(self) -> u32 {
        u32::try_from(self.0 & 0xffff_ffff).unwrap_or_default().wrapping_sub(1)
    }
}

/// See the module.
pub(super) struct Table {
    /// [`Slot`]s as the words they are: zeroed memory takes none until it is used.
    slots: Vec<u64>,
    flows: Vec<Flow>,
    links: Vec<Link>,
    free: Vec<u32>,
    wheel: Vec<u32>,
    now: i64,
    /// First moment of the next second: before it there is nothing to end.
    tick: i64,
    /// Seeded anew in every run: who could foretell slots could send conversations that
    /// all want the same one. Nothing that is said depends on it.
    hasher: RandomState,
    cap: usize,
    hand: usize,
}

impl Table {
    /// Room for `cap` flows.
    pub(super) fn new(cap: usize) -> Self {
        let slots = cap.saturating_mul(2).next_power_of_two();
        Self {
            slots: vec![0; slots],
            flows: Vec::with_capacity(cap),
            links: Vec::with_capacity(cap),
            free: Vec::with_capacity(1024),
            wheel: vec![NONE; WHEEL],
            now: i64::MIN,
            tick: i64::MIN,
            hasher: RandomState::default(),
            cap,
            hand: 0,
        }
    }

    pub(super) fn hash(&self, key: &FlowKey) -> u32 {
        u32::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default()
    }

    /// Asks the slot of a hash into the cache.
    pub(super) fn ask_slot(&self, hash: u32) {
        if let Some(slot) = self.slots.get(self.home(hash)) {
            ask_for(slot);
        }
    }

    /// Asks the flow that is likely meant into the cache.
    pub(super) fn ask_flow(&self, hash: u32) {
        if let Some(flow) = self.likely(hash) {
            ask_for(flow);
        }
    }

    /// The flow that is likely meant.
    pub(super) fn likely(&self, hash: u32) -> Option<&Flow> {
        self.get(Slot(*self.slots.get(self.home(hash))?).index())
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Flow> {
        self.flows.get_mut(usize::try_from(index).ok()?)
    }

    pub(super) fn get(&self, index: u32) -> Option<&Flow> {
        self.flows.get(usize::try_from(index).ok()?)
    }

    fn link(&mut self, index: u32) -> Option<&mut Link> {
        self.links.get_mut(usize::try_from(index).ok()?)
    }

    fn mask(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    fn home(&self, hash: u32) -> usize {
        usize::try_from(hash).unwrap_or_default() & self.mask()
    }

    /// The slot that holds `key`, or the free slot where it would go.
    fn slot(&self, key: &FlowKey, hash: u32) -> usize {
        let mut at = self.home(hash);
        // Never full: twice as many slots as flows.
        loop {
            match self.slots.get(at).copied().map(Slot) {
                Some(slot) if !slot.is_free() => {
                    if slot.hash() == hash && self.get(slot.index()).is_some_and(|f| f.key == *key)
                    {
                        return at;
                    }
                    at = at.saturating_add(1) & self.mask();
                }
                _ => return at,
            }
        }
    }

    /// The flow of `key`, if there is one.
    pub(super) fn find(&self, key: &FlowKey, hash: u32) -> Option<u32> {
        let slot = Slot(*self.slots.get(self.slot(key, hash))?);
        (!slot.is_free()).then(|| slot.index())
    }

    /// A new flow; the index of one that had to go for it, if any, must have been
    /// asked of [`Self::victim`] and removed before.
    pub(super) fn insert(&mut self, key: FlowKey, hash: u32, at: Timestamp) -> Option<u32> {
        let flow = Flow::new(key, at);
        let index = if let Some(index) = self.free.pop() {
            *self.get_mut(index)? = flow;
            index
        } else {
            let index = u32::try_from(self.flows.len()).ok().filter(|_| !self.is_full())?;
            self.flows.push(flow);
            self.links.push(Link { next: NONE, previous: NONE, bucket: 0 });
            index
        };
        let slot = self.slot(&key, hash);
        *self.slots.get_mut(slot)? = Slot::new(hash, index).0;
        self.arm(index);
        Some(index)
    }

    /// Forgets everything, and what time it is.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.flows.clear();
        self.links.clear();
        self.free.clear();
        self.wheel.fill(NONE);
        (self.now, self.tick, self.hand) = (i64::MIN, i64::MIN, 0);
    }

    /// Whether [`Self::insert`] needs a removal first.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.flows.len() >= self.cap
    }

    /// The flow that is missed least of a few under a moving hand: one-sided ones
    /// first, then the longest idle.
    pub(super) fn victim(&mut self) -> Option<u32> {
        let mut best: Option<(bool, i64, u32)> = None;
        for _ in 0..16_u8 {
            self.hand = self.hand.saturating_add(1);
            if self.hand >= self.flows.len() {
                self.hand = 0;
            }
            let Some(flow) = self.flows.get(self.hand) else { continue };
            let known = flow.phase == Phase::Dissecting || flow.is_two_sided();
            let [a, b] = flow.last;
            let rank = (known, a.max(b).0, u32::try_from(self.hand).ok()?);
            if best.is_none_or(|b| rank < b) {
                best = Some(rank);
            }
        }
        best.map(|(_, _, index)| index)
    }

    /// Forgets a flow.
    pub(super) fn remove(&mut self, index: u32) {
        let Some(flow) = self.get(index).filter(|f| f.phase != Phase::Gone) else { return };
        let key = flow.key;
        let hash = self.hash(&key);
        self.disarm(index);
        let mut hole = self.slot(&key, hash);
        if self.slots.get(hole) != Some(&Slot::new(hash, index).0) {
            return;
        }
        // Backward shift: no tombstones, so a probe is never longer than it must be.
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = at.saturating_add(1) & mask;
            let Some(next) = self.slots.get(at).copied().map(Slot) else { break };
            if next.is_free() {
                break;
            }
            let home = self.home(next.hash());
            let (from_home, to_hole) = (at.wrapping_sub(home) & mask, at.wrapping_sub(hole) & mask);
            if from_home >= to_hole {
                if let Some(slot) = self.slots.get_mut(hole) {
                    *slot = next.0;
                }
                hole = at;
            }
        }
        if let Some(slot) = self.slots.get_mut(hole) {
            *slot = 0;
        }
        if let Some(flow) = self.get_mut(index) {
            flow.phase = Phase::Gone;
        }
        self.free.push(index);
    }

    fn bucket(&self, deadline: i64) -> usize {
        let second = deadline.max(self.now).div_euclid(SECOND).saturating_add(1);
        usize::try_from(second.rem_euclid(i64::try_from(WHEEL).unwrap_or(1))).unwrap_or(0)
    }

    fn arm(&mut self, index: u32) {
        let Some(deadline) = self.get(index).map(Flow::deadline) else { return };
        // The bucket of this very second was emptied already; far ones come round early.
        let far = self.now.saturating_add(
            i64::try_from(WHEEL).unwrap_or(0).saturating_sub(2).saturating_mul(SECOND),
        );
        let bucket = self.bucket(deadline.min(far));
        let Some(head) = self.wheel.get_mut(bucket) else { return };
        let next = std::mem::replace(head, index);
        if let Some(link) = self.link(index) {
            *link = Link { next, previous: NONE, bucket };
        }
        if let Some(after) = self.link(next) {
            after.previous = index;
        }
    }

    /// Takes a flow out of its bucket.
    fn disarm(&mut self, index: u32) {
        let Some(&mut Link { next, previous, bucket }) = self.link(index) else { return };
        if let Some(before) = self.link(previous) {
            before.next = next;
        } else if let Some(head) = self.wheel.get_mut(bucket)
            && *head == index
        {
            *head = next;
        }
        if let Some(after) = self.link(next) {
            after.previous = previous;
        }
    }

    /// Whether [`Self::advance`] has anything to do at this time.
    pub(super) const fn is_due(&self, at: Timestamp) -> bool {
        at.0 >= self.tick || self.fell_back(at)
    }

    /// Moves packet time on; calls `gone` for each flow whose time is over. The
    /// caller removes nothing itself.
    pub(super) fn advance(&mut self, at: Timestamp, mut gone: impl FnMut(&Flow)) {
        let (from, to) = (self.now.div_euclid(SECOND), at.0.div_euclid(SECOND));
        if self.now == i64::MIN {
            self.now = at.0;
            self.tick = to.saturating_add(1).saturating_mul(SECOND);
            return;
        }
        if to <= from {
            // One nonsense time in the far future must not stop the clock for good.
            if self.fell_back(at) {
                self.now = at.0;
                self.tick = to.saturating_add(1).saturating_mul(SECOND);
            }
            return;
        }
        let turns = to.saturating_sub(from).min(i64::try_from(WHEEL).unwrap_or(0));
        let first = to.saturating_sub(turns);
        for step in 1..=turns {
            let second = first.saturating_add(step);
            self.now = second.saturating_mul(SECOND);
            let bucket =
                usize::try_from(second.rem_euclid(i64::try_from(WHEEL).unwrap_or(1))).unwrap_or(0);
            let Some(head) = self.wheel.get_mut(bucket) else { continue };
            let mut index = std::mem::replace(head, NONE);
            while let Some(link) = self.link(index) {
                let next = link.next;
                (link.next, link.previous) = (NONE, NONE);
                let Some(flow) = self.get(index) else { break };
                if flow.is_over(self.now) {
                    gone(flow);
                    self.remove(index);
                } else {
                    self.arm(index);
                }
                index = next;
            }
        }
        self.now = at.0;
        self.tick = to.saturating_add(1).saturating_mul(SECOND);
    }

    /// Whether packet time is far behind what was the latest.
    const fn fell_back(&self, at: Timestamp) -> bool {
        self.now.saturating_sub(at.0) > limits::CLOCK_STEP
    }

    /// The flow in a place of the slab, if one is left there; none beyond its end.
    pub(super) fn left(&self, place: usize) -> Option<Option<&Flow>> {
        self.flows.get(place).map(|flow| Some(flow).filter(|it| it.phase != Phase::Gone))
    }

    pub(super) fn len(&self) -> usize {
        self.flows.len().saturating_sub(self.free.len())
    }
}

#[cfg(test)]
mod tests;
