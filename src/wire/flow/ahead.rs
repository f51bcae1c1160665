//! Some packets before a packet is read, memory is asked for what it will need: first the
//! slot of its flow, then the flow, then what is remembered of its speakers.

use super::emit::host;
use super::key::FlowKey;
use super::table::Flow;
use super::{Engine, limits};
use crate::net::Transport;
use crate::wire::packet::{Layer4, Packet};

/// Where the flow of a packet is looked for; see [`Engine::ahead`].
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    pub(super) key: FlowKey,
    pub(super) hash: u32,
    pub(super) direction: usize,
}

impl Engine {
    /// Works out where the flow of a packet is and asks for that place of memory, some
    /// packets before it is read. None but for TCP and UDP.
    #[must_use]
    pub fn ahead(&self, packet: &Packet<'_>) -> Option<Ahead> {
        let ahead = self.place(packet)?;
        self.table.ask_slot(ahead.hash);
        Some(ahead)
    }

    /// The second step of [`Self::ahead`]: asks for the flow itself.
    pub fn closer(&self, ahead: &Ahead) {
        self.table.ask_flow(ahead.hash);
    }

    /// The third step: asks for what is remembered of the speakers, where this packet is
    /// likely to say something of them.
    pub fn closest(&self, packet: &Packet<'_>, ahead: &Ahead) {
        let talks = |flow: &Flow| {
            let [a, b] = flow.packets;
            flow.key != ahead.key || !flow.is_done() && a.saturating_add(b) < limits::OPENING
        };
        if self.table.likely(ahead.hash).is_none_or(talks) {
            let (src, dst) = packet.addresses().unzip();
            self.seen.ask(&host(packet.segment, packet.src_mac, src));
            self.seen.ask(&host(packet.segment, packet.dst_mac, dst));
        }
    }

    pub(super) fn place(&self, packet: &Packet<'_>) -> Option<Ahead> {
        let (src, dst) = packet.addresses()?;
        let (from, to, transport) = match packet.l4 {
            Layer4::Tcp { src: from, dst: to, .. } => (from, to, Transport::Tcp),
            Layer4::Udp { src: from, dst: to } => (from, to, Transport::Udp),
            _ => return None,
        };
        let (key, direction) = FlowKey::new(packet.segment, (src, from), (dst, to), transport);
        Some(Ahead { key, hash: self.table.hash(&key), direction })
    }
}
