//! What is said of a flow as such: who serves what to whom, who was there until when.

use super::Engine;
use super::emit::{Emit, host, is_somebody};
use super::recognise;
use super::second;
use super::seen::Seen;
use super::table::{Flow, Phase, Told};
use crate::net::{HostId, Mac, Transport};
use crate::observe::{Observation, Observed, Role};
use crate::time::Timestamp;
use crate::wire::packet::Packet;

/// What is to be said of a conversation, and when it was seen.
struct Word {
    both: bool,
    from_client: bool,
    /// Client and server.
    ends: [HostId; 2],
    at: Timestamp,
    frame: u64,
}

impl Engine {
    /// Says once who serves what to whom: when the conversation is two-sided, or its
    /// protocol is known.
    pub(super) fn tell(&mut self, index: u32, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let Some(flow) = self.table.get_mut(index) else { return };
        let both = flow.is_two_sided();
        let decided = flow.phase != Phase::Recognising;
        let (Some(client), true) = (flow.client, decided && flow.told != Told::All) else { return };
        if !both && flow.protocol.is_none_or(|it| recognise::name(it).is_empty()) {
            return;
        }
        // A multicast answer or a one-sided mirror names no peer: what is known of one
        // side is said once, and all of it when the other has spoken too.
        if !both && flow.told == Told::Half {
            return;
        }
        flow.told = if both { Told::All } else { Told::Half };
        let client_sends = usize::from(client);
        let (from, to) = (flow.key.end(client_sends), flow.key.end(client_sends ^ 1));
        let from_client = packet.addresses().map(|a| a.0) == Some(from.0)
            && packet.ports().map(|p| p.0) == Some(from.1);
        let macs = if from_client {
            (packet.src_mac, packet.dst_mac)
        } else {
            (packet.dst_mac, packet.src_mac)
        };
        let client = host(packet.segment, macs.0, Some(from.0));
        let server = host(packet.segment, macs.1, Some(to.0));
        let (at, frame, ends) = (packet.at, packet.frame, [client, server]);
        let service = (flow.key.transport(), to.1, flow.protocol);
        self.say(service, &Word { both, from_client, ends, at, frame }, out);
    }

    fn say(
        &mut self,
        (transport, port, protocol): (Transport, u16, Option<u8>),
        word: &Word,
        out: &mut Vec<Observation>,
    ) {
        let Word { both, from_client, ends: [client, server], at, frame } = *word;
        let name = protocol.map_or("", recognise::name);
        // Mostly the next of many conversations of the same two, of which all is said.
        let all = (server, transport, port, name);
        if both && is_somebody(&client) && !self.seen.is_news(&client, all, at, out) {
            return;
        }
        let mut emit =
            Emit { seen: &mut self.seen, out, at, frame, sender: client, receiver: server };
        if both || !from_client {
            emit.say(server, Observed::Service(transport, port, name.into(), Role::Server));
        }
        if !name.is_empty() && (both || from_client) {
            emit.say(client, Observed::Service(transport, port, name.into(), Role::Client));
        }
        if both && server.ip.is_some() {
            emit.say(client, Observed::Peer(server));
            emit.say(server, Observed::Peer(client));
        }
    }

    /// Last words of a flow: what was still undecided, and when each end was last there.
    pub(super) fn end(&mut self, flow: &Flow, out: &mut Vec<Observation>) {
        self.give_back(flow.conversation);
        self.tell_at_last(flow, out);
        self.vain.is_over(flow, out);
        for direction in [0, 1] {
            flow.last_word(direction, &mut self.seen, out);
        }
    }

    /// A conversation of both sides may end, or be forgotten, before it is decided what it
    /// is: no FIN, no more segments. Whom it was with is known all the same.
    fn tell_at_last(&mut self, flow: &Flow, out: &mut Vec<Observation>) {
        let (Some(client), false) = (flow.client, flow.shadow || flow.told == Told::All) else {
            return;
        };
        let (sends, answers) = (usize::from(client), usize::from(!client));
        if !flow.is_two_sided() || !flow.has_answered(answers) {
            return;
        }
        let [client, server] = [sends, answers].map(|side| flow.last_sender(side));
        // One card that sends for both is a router's: whose cards theirs are was not kept.
        if client.mac.is_some() && client.mac == server.mac {
            return;
        }
        let [a, b] = flow.last;
        let ends = [client, server];
        let word = Word { both: true, from_client: false, ends, at: a.max(b), frame: 0 };
        let service = (flow.key.transport(), flow.key.end(answers).1, flow.protocol);
        self.say(service, &word, out);
    }
}

impl Flow {
    /// Who sent last in this direction.
    pub(super) fn last_sender(&self, direction: usize) -> HostId {
        let mac = self.macs.get(direction).copied();
        host(self.key.segment(), mac, Some(self.key.end(direction).0))
    }

    /// From now on another card sends in this direction: all who have no address yet ask
    /// from the same one (RFC 2131 §4.1). Who sent before gets his last word, and the other
    /// is to be said to be there.
    pub(super) fn changes_hands(
        &mut self,
        direction: usize,
        mac: Mac,
        seen: &mut Seen,
        out: &mut Vec<Observation>,
    ) {
        self.last_word(direction, seen, out);
        if let Some(said) = self.present.get_mut(direction) {
            *said = 0;
        }
        if let Some(card) = self.macs.get_mut(direction) {
            *card = mac;
        }
    }

    /// Whether more came from this side than a refusal, as far as that was seen.
    pub(super) fn has_answered(&self, direction: usize) -> bool {
        let [packets, edge] =
            [self.packets, self.edges].map(|of| of.get(direction).copied().unwrap_or_default());
        self.key.transport() == Transport::Udp || packets > 1 || edge != 0
    }

    /// When the end of this direction was last there, unless it was said.
    fn last_word(&self, direction: usize, seen: &mut Seen, out: &mut Vec<Observation>) {
        let (Some(last), Some(said)) = (self.last.get(direction), self.present.get(direction))
        else {
            return;
        };
        if second(*last) > *said && *said != 0 {
            let host = self.last_sender(direction);
            if is_somebody(&host) {
                seen.was_there(host, *last, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dissect::testing;
    use crate::wire::packet::{Layer3, Layer4, TcpFlags};

    fn card(n: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, n])
    }

    #[test]
    fn all_who_share_a_flow_are_said_to_be_there() {
        let (mut engine, mut out) = (Engine::new(16), Vec::new());
        for minute in 10..13 {
            for (second, n) in [1, 2, 2, 1, 3].into_iter().enumerate() {
                let mut packet = testing::udp(68, 67, b"x");
                if let Layer3::Ip { src, dst, .. } = &mut packet.l3 {
                    *src = "0.0.0.0".parse().unwrap();
                    *dst = "255.255.255.255".parse().unwrap();
                }
                (packet.src_mac, packet.dst_mac) = (Some(card(n)), Some(Mac([255; 6])));
                packet.segment.vlan = 20;
                packet.at = Timestamp::new(minute * 60 + i64::try_from(second).unwrap(), 0);
                engine.packet(&packet, None, &mut out);
            }
        }
        engine.finish(&mut out);
        let there = |n: u8| {
            let said = out.iter().filter(|it| {
                matches!(it.what, Observed::Present(_))
                    && it.host.mac == Some(card(n))
                    && it.host.segment.vlan == 20
            });
            let said: Vec<_> = said.map(|it| it.at.seconds()).collect();
            let mut minutes: Vec<_> = said.iter().map(|second| second / 60).collect();
            minutes.dedup();
            (minutes, said.into_iter().max())
        };
        // In each minute, and at last when they were there before another was.
        for (n, last) in [(1, 723), (2, 722), (3, 724)] {
            assert_eq!(there(n), (vec![10, 11, 12], Some(last)), "{n}");
        }
    }

    /// What is said of segments (sent by the client, flags, text), of which nothing follows.
    fn told(segments: &[(bool, u8, &'static str)]) -> Vec<(Role, u16)> {
        let (mut engine, mut out) = (Engine::new(16), Vec::new());
        let mut next = [1_000_u32; 2];
        for (by_client, flags, text) in segments {
            let mut packet = testing::udp(0, 0, text.as_bytes());
            let (mut src, mut dst) = (40_000, 4444);
            if let (false, Layer3::Ip { src: from, dst: to, .. }) = (*by_client, &mut packet.l3) {
                std::mem::swap(from, to);
                std::mem::swap(&mut packet.src_mac, &mut packet.dst_mac);
                std::mem::swap(&mut src, &mut dst);
            }
            let [own, other] = if *by_client { [0, 1] } else { [1, 0] };
            let (seq, ack) = (next[own], next[other]);
            next[own] += u32::try_from(text.len()).unwrap() + u32::from(flags & 2 != 0);
            let flags = TcpFlags(*flags);
            packet.l4 = Layer4::Tcp { src, dst, seq, ack, window: 1024, flags, options: &[] };
            engine.packet(&packet, None, &mut out);
        }
        engine.finish(&mut out);
        let peers = out.iter().filter(|it| matches!(it.what, Observed::Peer(_))).count();
        let served = out.iter().filter_map(|it| match it.what {
            Observed::Service(_, port, _, role) => Some((role, port)),
            _ => None,
        });
        let served: Vec<_> = served.collect();
        assert_eq!(peers, 2 * served.len());
        served
    }

    #[test]
    fn whom_an_undecided_conversation_was_with_is_told_when_it_ends() {
        const SYN: u8 = 2;
        const RST: u8 = 4;
        const ACK: u8 = 16;
        let hello = [(true, SYN, ""), (false, SYN | ACK, ""), (true, ACK, "")];
        let talk = [(true, ACK, "\0hello"), (false, ACK, "world")];
        let fin = [(true, ACK | 1, ""), (false, ACK | 1, ""), (true, ACK, "")];
        let served = vec![(Role::Server, 4444)];
        assert_eq!(told(&[&hello[..], &talk].concat()), served, "no FIN");
        assert_eq!(told(&[&hello[..], &talk, &fin].concat()), served, "FIN: once");
        assert_eq!(told(&hello), served);
        assert_eq!(told(&hello[..1]), [], "nobody there");
        let refused = [(true, SYN, ""), (false, RST | ACK, "")];
        assert_eq!(told(&refused), [], "refused");
        assert_eq!(told(&refused.repeat(4)), [], "time and again");
        assert_eq!(told(&[&refused[..], &hello, &talk].concat()), served, "then taken");
    }
}
