//! Conversations: the flow table, TCP streams, recognition.
//!
//! ```text
//!  Packet ─▶ packet protocols (ARP, SYN …) ─┐
//!         └▶ flow ─▶ UDP: probe, read ──────┼─▶ emit ─▶ seen ─▶ observations
//!                 └▶ TCP: stream ▸ probe ▸ dissector
//! ```
//!
//! A protocol is told by its content in either direction; a port only decides
//! who is asked first. Packet time drives every timeout.

mod ahead;
mod asked;
mod clocks;
mod coverage;
mod emit;
mod key;
pub mod limits;
mod pieces;
mod recognise;
mod seen;
mod stream;
mod sweep;
mod table;
mod tcp;
mod vain;
mod words;

use std::collections::BTreeMap;

pub use ahead::Ahead;
use clocks::Clocks;
use coverage::Shown;
use emit::{Emit, host, is_somebody};
use key::FlowKey;
use recognise::Known;
use seen::Seen;
use stream::Conversation;
use sweep::Sweeps;
use table::{Flow, Phase, Table};
use vain::Vain;

use crate::net::Segment;
use crate::observe::Observation;
use crate::time::Timestamp;
use crate::wire::dissect::Error;
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

/// What the engine did, and where it had to give up. Shown in every summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conversations begun.
    pub flows: u64,
    /// Conversations forgotten early because the table was full.
    pub flows_evicted: u64,
    /// TCP conversations not read because too many were being read.
    pub conversations_refused: u64,
    /// Places where the capture had lost bytes of a conversation being read.
    pub gaps: u64,
    /// TCP acknowledgements whose bytes should have passed here.
    pub acks: u64,
    /// Those of bytes that did not, the measure of loss before the sensor.
    pub acks_unseen: u64,
    /// Conversations given up because a message outgrew the buffer.
    pub oversize: u64,
    /// Conversations mirrored in a second segment, read once.
    pub shadows: u64,
    /// Conversations by protocol.
    pub recognised: BTreeMap<&'static str, u64>,
    /// Messages that could not be read, by protocol and field.
    pub errors: BTreeMap<(&'static str, &'static str), u64>,
}

/// Turns packets into observations.
pub struct Engine {
    table: Table,
    conversations: Vec<Conversation>,
    free: Vec<u32>,
    /// Bytes held by all conversations.
    held: usize,
    seen: Seen,
    known: Known,
    counts: Counts,
    ended: Vec<Flow>,
    sweeps: Sweeps,
    vain: Vain,
    clocks: Clocks,
}

/// The facts that the engine says itself, of no protocol.
pub const OWN_KEYS: [&str; 1] = ["network.sweeps"];

impl Default for Engine {
    fn default() -> Self {
        Self::new(limits::MAX_FLOWS)
    }
}

impl Engine {
    /// Room for `flows` conversations at once.
    #[must_use]
    pub fn new(flows: usize) -> Self {
        Self {
            table: Table::new(flows),
            conversations: Vec::new(),
            free: Vec::new(),
            held: 0,
            seen: Seen::new(flows),
            known: Known::new(),
            counts: Counts::default(),
            ended: Vec::new(),
            sweeps: Sweeps::default(),
            vain: Vain::default(),
            clocks: Clocks::default(),
        }
    }

    /// From now on says who logs on, or no more: a site must ask for it.
    pub const fn name_users(&mut self, users: bool) {
        self.seen.users = users;
    }

    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Conversations followed now.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.table.len()
    }

    /// Bytes of conversations kept now, in order or waiting for a missing segment.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Reads one packet; what it says is appended to `out`.
    ///
    /// `routed_from` is the segment in which the same packet was just seen, when a
    /// mirror shows both legs of a routed VLAN: the later leg becomes a shadow.
    pub fn packet(
        &mut self,
        packet: &Packet<'_>,
        routed_from: Option<Segment>,
        out: &mut Vec<Observation>,
    ) {
        let ahead = self.place(packet);
        self.packet_at(packet, ahead.as_ref(), routed_from, out);
    }

    /// As [`Self::packet`], with what [`Self::ahead`] said of this very packet.
    pub fn packet_at(
        &mut self,
        packet: &Packet<'_>,
        ahead: Option<&Ahead>,
        routed_from: Option<Segment>,
        out: &mut Vec<Observation>,
    ) {
        if self.table.is_due(packet.at) {
            self.expire(packet.at, out);
        }
        // Only what begins a conversation or has none is a packet protocol's.
        let alone = match packet.l4 {
            Layer4::Tcp { flags, .. } => flags.has(TcpFlags::SYN),
            Layer4::Udp { .. } => false,
            _ => true,
        };
        if alone && routed_from.is_none() {
            self.packet_protocols(packet, out);
            self.vain.packet(packet, out);
        }
        match ahead {
            Some(ahead) => self.flow(packet, ahead, routed_from, out),
            None => self.present(packet, out),
        }
    }

    /// No packet comes, but time passes: ends what this time has ended.
    pub fn idle(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        if self.table.is_due(now) {
            self.expire(now, out);
        }
    }

    /// Protocols of which every packet stands for itself.
    fn packet_protocols(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        for (index, read) in self.known.packets(packet) {
            let mut emit = Emit::of(packet, &mut self.seen, out);
            if let Err(error) = read(packet, &mut emit) {
                count_error(&mut self.counts, index, error);
            }
        }
    }

    /// The end of the capture: what is still open is closed. Another may follow.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        // One at a time: there may be a million, and no room for as many again.
        let mut place = 0_usize;
        while let Some(flow) = self.table.left(place).map(|left| left.cloned()) {
            if let Some(flow) = flow {
                self.end(&flow, out);
            }
            place = place.saturating_add(1);
        }
        self.vain.finish(out);
        self.seen.finish(out);
        self.table.clear();
        self.seen.clear();
        (self.conversations, self.free, self.held) = Default::default();
    }

    /// A host outside any flow.
    fn present(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let src = packet.addresses().map(|(src, _)| src);
        let sender = host(packet.segment, packet.src_mac, src);
        if is_somebody(&sender) {
            self.seen.present(sender, ttl(packet), (packet.at, packet.frame), out);
        }
    }

    fn flow(
        &mut self,
        packet: &Packet<'_>,
        ahead: &Ahead,
        routed_from: Option<Segment>,
        out: &mut Vec<Observation>,
    ) {
        let Ahead { key, hash, direction } = *ahead;
        let found = self.table.find(&key, hash);
        let found = found.filter(|index| !self.makes_way(*index, packet, out));
        let Some(index) = found.or_else(|| self.begin(key, hash, packet, routed_from, out)) else {
            return;
        };
        let Some(flow) = self.table.get_mut(index) else { return };
        let mac = packet.src_mac.unwrap_or_default();
        if flow.macs.get(direction) != Some(&mac) {
            flow.changes_hands(direction, mac, &mut self.seen, out);
        }
        if let Some(last) = flow.last.get_mut(direction) {
            *last = packet.at;
        }
        if let Some(n) = flow.packets.get_mut(direction) {
            *n = n.saturating_add(1);
        }
        if let Some(n) = flow.bytes.get_mut(direction) {
            *n = n.saturating_add(u64::from(packet.wire_len));
        }
        if let Some(said) = flow.present.get_mut(direction)
            && (*said == 0 || minute(second(packet.at)) != minute(*said))
        {
            *said = second(packet.at);
            let src = packet.addresses().map(|(src, _)| src);
            let sender = host(packet.segment, packet.src_mac, src);
            if is_somebody(&sender) {
                self.seen.present(sender, ttl(packet), (packet.at, packet.frame), out);
            }
            if flow.is_two_sided() {
                self.vain.goes_on(flow, out);
            }
        }
        let edge = flow.edges.get(direction).copied().unwrap_or_default();
        let second = flow.packets.get(direction) == Some(&2) && flow.is_two_sided();
        if !flow.shadow {
            match flow.covers(direction, packet) {
                Shown::Nothing => {}
                shown => {
                    self.counts.acks = self.counts.acks.saturating_add(1);
                    let unseen = u64::from(shown == Shown::Part);
                    self.counts.acks_unseen = self.counts.acks_unseen.saturating_add(unseen);
                }
            }
        }
        match packet.l4 {
            _ if flow.is_done() => {}
            Layer4::Tcp { .. } => self.tcp(index, direction, packet, out),
            _ => self.udp(index, direction, packet, out),
        }
        self.close(index, (direction, edge), packet);
        if second && routed_from.is_none() {
            self.started(packet, out);
        }
    }

    /// FIN and RST shorten what is left of a flow's life, where they come with the next
    /// sequence number or near it: others are somebody else's (RFC 5961 §3).
    fn close(&mut self, index: u32, (direction, edge): (usize, u32), packet: &Packet<'_>) {
        let Layer4::Tcp { seq, flags, .. } = packet.l4 else { return };
        let near = seq.wrapping_sub(edge).min(edge.wrapping_sub(seq)) <= u32::from(u16::MAX);
        if edge != 0 && !near {
            return;
        }
        let bits = match direction {
            _ if flags.has(TcpFlags::RST) => 3,
            0 if flags.has(TcpFlags::FIN) => 1,
            1 if flags.has(TcpFlags::FIN) => 2,
            _ => return,
        };
        if let Some(flow) = self.table.get_mut(index) {
            flow.closed |= bits;
            if flow.closed == 3 {
                self.release(index);
            }
        }
    }

    fn begin(
        &mut self,
        key: FlowKey,
        hash: u32,
        packet: &Packet<'_>,
        routed_from: Option<Segment>,
        out: &mut Vec<Observation>,
    ) -> Option<u32> {
        if self.table.is_full() {
            let victim = self.table.victim()?;
            let flow = self.table.get(victim)?.clone();
            self.end(&flow, out);
            self.table.remove(victim);
            self.counts.flows_evicted = self.counts.flows_evicted.saturating_add(1);
        }
        self.counts.flows = self.counts.flows.saturating_add(1);
        let shadow = routed_from.is_some_and(|segment| self.leads(key.within(segment)));
        let index = self.table.insert(key, hash, packet.at)?;
        if shadow && let Some(flow) = self.table.get_mut(index) {
            flow.shadow = true;
            self.counts.shadows = self.counts.shadows.saturating_add(1);
        } else if let Some((sender, asked)) = self.sweeps.begins(packet) {
            Emit::of(packet, &mut self.seen, out).say(sender, asked);
        }
        Some(index)
    }

    /// Whether the flow of this key is itself read, so that another may shadow it.
    fn leads(&self, key: FlowKey) -> bool {
        let found = self.table.find(&key, self.table.hash(&key));
        found.and_then(|index| self.table.get(index)).is_some_and(|flow| !flow.shadow)
    }

    fn udp(
        &mut self,
        index: u32,
        direction: usize,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let Some(flow) = self.table.get_mut(index) else { return };
        if flow.phase == Phase::Recognising {
            flow.asked = flow.asked.saturating_add(1);
            flow.protocol = self.known.datagram(packet);
            if flow.protocol.is_some() {
                flow.phase = Phase::Dissecting;
                recognise::count(&mut self.counts, flow.protocol);
            } else if flow.asked >= limits::MAX_OPENING_DATAGRAMS {
                flow.phase = Phase::Ignored;
            }
            if flow.client.is_none() {
                // Who answers is the server, whatever ports and order say.
                let said = recognise::answers(packet, flow.protocol);
                let sends = said.map(|answers| (direction == 1) != answers);
                let guess = || recognise::client(&flow.key, direction, flow.protocol);
                flow.client = Some(sends.unwrap_or_else(guess));
            }
        }
        let protocol = flow.protocol;
        self.tell(index, packet, out);
        if let Some((number, read)) = protocol.and_then(recognise::datagram_reader) {
            let mut emit = Emit::of(packet, &mut self.seen, out);
            if let Err(error) = read(packet, &mut emit) {
                count_error(&mut self.counts, number, error);
            }
        }
    }

    /// Ends what packet time has ended.
    fn expire(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        let mut ended = std::mem::take(&mut self.ended);
        self.table.advance(now, |flow| ended.push(flow.clone()));
        // Many end at once: all ask for their speakers before the first has its say.
        for flow in &ended {
            [0, 1].iter().for_each(|&side| self.seen.ask(&flow.last_sender(side)));
        }
        for flow in ended.drain(..) {
            self.end(&flow, out);
        }
        self.ended = ended;
        self.seen.advance(now, out);
        self.vain.advance(now, out);
    }

    /// Lets go of the conversation of a flow, and reads no more of it.
    fn release(&mut self, index: u32) {
        let Some(flow) = self.table.get_mut(index) else { return };
        flow.phase = Phase::Ignored;
        let conversation = std::mem::replace(&mut flow.conversation, u32::MAX);
        self.give_back(conversation);
    }

    fn give_back(&mut self, conversation: u32) {
        let Some(at) = usize::try_from(conversation).ok() else { return };
        if let Some(it) = self.conversations.get_mut(at) {
            self.held = self.held.saturating_sub(it.counted);
            it.clear();
            self.free.push(conversation);
        }
    }
}

fn ttl(packet: &Packet<'_>) -> Option<u8> {
    match packet.l3 {
        Layer3::Ip { ttl, .. } => Some(ttl),
        _ => None,
    }
}

/// Seconds since 1970 in half the space; 0 is kept for "never".
fn second(at: Timestamp) -> u32 {
    u32::try_from(at.seconds().max(1)).unwrap_or(u32::MAX)
}

/// Minute of the clock of a [`second`].
const fn minute(second: u32) -> u32 {
    second / limits::PRESENT_EVERY
}

fn count_error(counts: &mut Counts, protocol: u8, error: Error) {
    let n = counts.errors.entry((recognise::name(protocol), error.field)).or_insert(0);
    *n = n.saturating_add(1);
}
