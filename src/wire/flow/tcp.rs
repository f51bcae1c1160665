//! TCP: segments become bytes in order, bytes find their dissector.

use super::emit::{Emit, host};
use super::recognise::{self, Answer};
use super::stream::Arrival;
use super::table::{Flow, Phase, Told};
use super::{Engine, count_error, limits};
use crate::observe::Observation;
use crate::wire::dissect::{Opening, Progress, Recovery, Side};
use crate::wire::packet::{Layer4, Packet, TcpFlags};

impl Engine {
    /// A client asks anew between two ports whose conversation is over (RFC 9293 §3.6.1):
    /// that one is ended, and another begins. So it is where the first was refused: refusals
    /// that add up are no answer.
    pub(super) fn makes_way(
        &mut self,
        index: u32,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) -> bool {
        let Layer4::Tcp { flags, .. } = packet.l4 else { return false };
        if !flags.has(TcpFlags::SYN) || flags.has(TcpFlags::ACK) {
            return false;
        }
        let is_refused =
            |flow: &Flow| flow.client.is_some_and(|it| !flow.has_answered(usize::from(!it)));
        let is_over = |flow: &&Flow| {
            flow.closed == 3 && (flow.packets.iter().all(|n| *n > 1) || is_refused(flow))
        };
        let Some(flow) = self.table.get(index).filter(is_over) else { return false };
        let flow = flow.clone();
        self.end(&flow, out);
        self.table.remove(index);
        true
    }

    /// One segment of a flow that is not ignored.
    pub(super) fn tcp(
        &mut self,
        index: u32,
        direction: usize,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let Layer4::Tcp { seq, ack, flags, .. } = packet.l4 else { return };
        let Some(flow) = self.table.get_mut(index) else { return };
        // Once both have spoken it is known who asked: whoever sends a SYN then is another.
        if flags.has(TcpFlags::SYN) && (flow.client.is_none() || !flow.is_two_sided()) {
            let answer = flags.has(TcpFlags::ACK);
            flow.client = Some((direction == 1) != answer);
        }
        if flow.phase == Phase::Ignored {
            self.tell(index, packet, out);
            return;
        }
        if packet.payload.is_empty() && !flags.has(TcpFlags::SYN) && flow.conversation == u32::MAX {
            return;
        }
        let Some(at) = self.conversation(index) else { return };
        let Some(conversation) = self.conversations.get_mut(at) else { return };
        if flags.has(TcpFlags::SYN) {
            conversation.half(direction).open(seq);
        } else if !packet.payload.is_empty() {
            match conversation.half(direction).arrive(seq, packet.payload) {
                Arrival::InOrder(bytes) => {
                    self.deliver(index, at, direction, bytes, packet, out);
                    self.catch_up(index, at, direction, false, packet, out);
                }
                Arrival::AfterGap(bytes) => {
                    if self.gap(index, at, direction) {
                        self.deliver(index, at, direction, bytes, packet, out);
                    }
                }
                Arrival::Nothing => {}
            }
        }
        // The other side has acknowledged what this capture never saw.
        let other = direction ^ 1;
        let lost = flags.has(TcpFlags::ACK)
            && self.reads(index)
            && self.conversations.get_mut(at).is_some_and(|c| c.half(other).lost_before(ack));
        if lost && self.gap(index, at, other) {
            self.catch_up(index, at, other, true, packet, out);
        }
        if self.reads(index) {
            // What was counted of it is taken back when it ends, wherever that is.
            if let Some(conversation) = self.conversations.get_mut(at) {
                let now = conversation.held();
                let before = std::mem::replace(&mut conversation.counted, now);
                self.held = self.held.saturating_add(now).saturating_sub(before);
            }
            if self.held > limits::MAX_BUFFERED_TOTAL {
                self.counts.oversize = self.counts.oversize.saturating_add(1);
                self.release(index);
            }
        }
        self.tell(index, packet, out);
    }

    /// Whether the flow still has its conversation.
    fn reads(&self, index: u32) -> bool {
        self.table.get(index).is_some_and(|flow| flow.conversation != u32::MAX)
    }

    /// The slot of the flow's conversation; makes one when there is room.
    fn conversation(&mut self, index: u32) -> Option<usize> {
        let flow = self.table.get_mut(index)?;
        if flow.conversation == u32::MAX {
            flow.conversation = if let Some(free) = self.free.pop() {
                free
            } else if self.conversations.len() < limits::MAX_CONVERSATIONS {
                let next = u32::try_from(self.conversations.len()).ok()?;
                self.conversations.push(super::Conversation::default());
                next
            } else {
                flow.phase = Phase::Ignored;
                self.counts.conversations_refused =
                    self.counts.conversations_refused.saturating_add(1);
                return None;
            };
        }
        usize::try_from(flow.conversation).ok()
    }

    /// Delivers held-back segments whose turn has come.
    fn catch_up(
        &mut self,
        index: u32,
        at: usize,
        direction: usize,
        mut after_gap: bool,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        while self.reads(index) {
            let Some(conversation) = self.conversations.get_mut(at) else { return };
            let Some(bytes) = conversation.half(direction).take_pending(after_gap) else { return };
            after_gap = false;
            self.deliver(index, at, direction, &bytes, packet, out);
        }
    }

    /// Bytes are lost; true when reading goes on.
    fn gap(&mut self, index: u32, at: usize, direction: usize) -> bool {
        self.counts.gaps = self.counts.gaps.saturating_add(1);
        let side = self.side(index, direction);
        let Some(conversation) = self.conversations.get_mut(at) else { return false };
        conversation.half(direction).reset();
        let go_on = match &mut conversation.dissector {
            Some(dissector) => dissector.gap(side) == Recovery::Resync,
            None => true,
        };
        if !go_on {
            self.release(index);
        }
        go_on
    }

    fn side(&self, index: u32, direction: usize) -> Side {
        let client = self.table.get(index).and_then(|flow| flow.client).unwrap_or(false);
        if usize::from(client) == direction { Side::Client } else { Side::Server }
    }

    /// Bytes that come next in this direction.
    fn deliver(
        &mut self,
        index: u32,
        at: usize,
        direction: usize,
        bytes: &[u8],
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let Some(phase) = self.table.get(index).map(|flow| flow.phase) else { return };
        match phase {
            Phase::Dissecting => self.feed(index, at, direction, bytes, packet, out),
            Phase::Recognising => self.recognise(index, at, direction, bytes, packet, out),
            Phase::Ignored | Phase::Gone => {}
        }
    }

    /// Asks the protocols about the opening of this direction, and starts one.
    fn recognise(
        &mut self,
        index: u32,
        at: usize,
        direction: usize,
        bytes: &[u8],
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let Some(flow) = self.table.get_mut(index) else { return };
        let Some(conversation) = self.conversations.get_mut(at) else { return };
        flow.asked = flow.asked.saturating_add(1);
        let give_up = flow.asked >= limits::MAX_OPENING_SEGMENTS;
        let (src_port, dst_port) = (flow.key.end(direction).1, flow.key.end(direction ^ 1).1);
        let half = conversation.half(direction);
        // Joined in the middle: each segment may be the start of a message.
        if !half.from_start && half.unknown {
            half.buffer.clear();
            half.unknown = false;
        }
        let room = limits::MAX_OPENING.saturating_sub(half.buffer.len());
        let fresh = half.buffer.is_empty();
        let all: &[u8] = if fresh {
            bytes
        } else {
            half.buffer.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            &half.buffer
        };
        let opening = Opening { bytes: all, src_port, dst_port, from_start: half.from_start };
        let answer = if half.unknown { Answer::Unknown } else { self.known.stream(&opening) };
        match answer {
            Answer::Is(protocol) => {
                flow.phase = Phase::Dissecting;
                flow.protocol = Some(protocol);
                if flow.client.is_none() {
                    flow.client = Some(recognise::client(&flow.key, direction, Some(protocol)));
                }
                recognise::count(&mut self.counts, Some(protocol));
                conversation.dissector = recognise::start(protocol);
                // What the other side said before comes first.
                let other = std::mem::take(&mut conversation.half(direction ^ 1).buffer);
                let own = std::mem::take(&mut conversation.half(direction).buffer);
                self.feed(index, at, direction ^ 1, &other, packet, out);
                if fresh {
                    self.feed(index, at, direction, bytes, packet, out);
                } else {
                    self.feed(index, at, direction, &own, packet, out);
                    // What the opening had no room for.
                    let rest = bytes.get(room..).unwrap_or_default();
                    self.feed(index, at, direction, rest, packet, out);
                }
            }
            Answer::Wait | Answer::Unknown => {
                if fresh {
                    half.buffer.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                }
                half.unknown =
                    matches!(answer, Answer::Unknown) || half.buffer.len() >= limits::MAX_OPENING;
                let full = half.from_start && half.unknown;
                let other = conversation.half(direction ^ 1);
                let other_full = other.from_start && other.unknown;
                if give_up || (full && other_full) {
                    if flow.client.is_none() {
                        flow.client = Some(recognise::client(&flow.key, direction, None));
                    }
                    self.release(index);
                }
            }
        }
    }

    /// Shows the dissector what comes next, as often as it moves on.
    fn feed(
        &mut self,
        index: u32,
        at: usize,
        direction: usize,
        bytes: &[u8],
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        if bytes.is_empty() || !self.reads(index) {
            return;
        }
        let side = self.side(index, direction);
        let Some(flow) = self.table.get(index) else { return };
        let (key, protocol) = (flow.key, flow.protocol.unwrap_or(u8::MAX));
        let from_src = packet.addresses().map(|a| a.0) == Some(key.end(direction).0)
            && packet.ports().map(|p| p.0) == Some(key.end(direction).1);
        let macs = if from_src {
            (packet.src_mac, packet.dst_mac)
        } else {
            (packet.dst_mac, packet.src_mac)
        };
        let mut emit = Emit {
            seen: &mut self.seen,
            out,
            at: packet.at,
            frame: packet.frame,
            sender: host(packet.segment, macs.0, Some(key.end(direction).0)),
            receiver: host(packet.segment, macs.1, Some(key.end(direction ^ 1).0)),
        };
        let Some(conversation) = self.conversations.get_mut(at) else { return };
        let Some(mut dissector) = conversation.dissector.take() else { return };
        let half = conversation.half(direction);
        let pass = usize::try_from(half.skip).unwrap_or(usize::MAX).min(bytes.len());
        half.skip = half.skip.saturating_sub(u64::try_from(pass).unwrap_or(0));
        let bytes = bytes.get(pass..).unwrap_or_default();
        // Whole messages are read where they lie; only a rest is copied.
        let mut buffer = std::mem::take(&mut half.buffer);
        let held = !buffer.is_empty();
        if held {
            buffer.extend_from_slice(bytes);
        }
        let all: &[u8] = if held { &buffer } else { bytes };
        let mut rest = all;
        let mut end = None;
        while !rest.is_empty() && rest.len() >= half.need {
            half.need = 0;
            match dissector.dissect(side, rest, &mut emit) {
                Ok(Progress::Consumed(n)) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
                Ok(Progress::Need(n)) if n > rest.len() && n <= limits::MAX_BUFFER => {
                    half.need = n;
                }
                Ok(Progress::Skip(n)) if n > 0 => {
                    let now = usize::try_from(n).unwrap_or(usize::MAX).min(rest.len());
                    rest = rest.get(now..).unwrap_or_default();
                    half.skip = n.saturating_sub(u64::try_from(now).unwrap_or(0));
                }
                Ok(Progress::Restart(n)) => {
                    rest = rest.get(n..).unwrap_or_default();
                    end = Some(End::Restart);
                    break;
                }
                Ok(Progress::Done) => {
                    end = Some(End::Done);
                    break;
                }
                Ok(Progress::Need(_)) => {
                    end = Some(End::Oversize);
                    break;
                }
                Ok(_) => {
                    end = Some(End::Done);
                    break;
                }
                Err(error) => {
                    count_error(&mut self.counts, protocol, error);
                    end = Some(End::Done);
                    break;
                }
            }
        }
        // Keep the rest, in the buffer it lies in or a reused one.
        let done = all.len().saturating_sub(rest.len());
        if held {
            buffer.drain(..done);
        } else if end.is_none() || matches!(end, Some(End::Restart)) {
            buffer.extend_from_slice(bytes.get(done..).unwrap_or_default());
        }
        if buffer.is_empty() {
            buffer.shrink_to(limits::KEEP_BUFFER);
        }
        half.buffer = buffer;
        match end {
            None => conversation.dissector = Some(dissector),
            Some(End::Done) => self.release(index),
            Some(End::Oversize) => {
                self.counts.oversize = self.counts.oversize.saturating_add(1);
                self.release(index);
            }
            Some(End::Restart) => self.restart(index, at),
        }
    }

    /// What follows is another protocol: ask again, with what is already here.
    fn restart(&mut self, index: u32, at: usize) {
        let Some(flow) = self.table.get_mut(index) else { return };
        flow.phase = Phase::Recognising;
        flow.told = Told::Nothing;
        flow.asked = limits::MAX_OPENING_SEGMENTS / 2;
        let Some(conversation) = self.conversations.get_mut(at) else { return };
        for half in &mut conversation.halves {
            half.from_start = true;
            (half.unknown, half.need, half.skip) = (false, 0, 0);
        }
    }
}

/// Why a dissector is not asked again.
enum End {
    Done,
    Oversize,
    Restart,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observed, Role};
    use crate::wire::dissect::testing;
    use crate::wire::packet::Layer3;

    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;
    /// The segment is somebody else's: far from the next sequence number.
    const STRAY: u8 = 128;

    /// What a server is found to say at last, of segments (sent by the client, flags, text)
    /// between the same two ports.
    fn banner(segments: &[(bool, u8, &'static str)]) -> (Vec<String>, u64) {
        let (out, flows) = said(segments);
        let banners = out.into_iter().filter_map(|what| match what {
            Observed::Fact(key, value) if key.as_str() == "ssh.banner" => Some(value.into_owned()),
            _ => None,
        });
        (banners.collect(), flows)
    }

    fn said(segments: &[(bool, u8, &'static str)]) -> (Vec<Observed<'static>>, u64) {
        let (mut engine, mut out) = (Engine::new(16), Vec::new());
        let mut next = [1_000_u32; 2];
        for (by_client, flags, text) in segments {
            let mut packet = testing::udp(0, 0, text.as_bytes());
            let (src, dst) = if *by_client { (40_000, 22) } else { (22, 40_000) };
            if let (false, Layer3::Ip { src, dst, .. }) = (*by_client, &mut packet.l3) {
                std::mem::swap(src, dst);
                std::mem::swap(&mut packet.src_mac, &mut packet.dst_mac);
            }
            let [own, other] = if *by_client { [0, 1] } else { [1, 0] };
            if flags & (SYN | STRAY) == SYN {
                next[own] += 700_000;
            }
            let far = if flags & STRAY == 0 { 0 } else { 9_000_000 };
            let (seq, ack) = (next[own] + far, next[other]);
            let taken = u32::try_from(text.len()).unwrap() + u32::from(flags & SYN != 0);
            next[own] += if far == 0 { taken } else { 0 };
            let flags = TcpFlags(*flags);
            packet.l4 = Layer4::Tcp { src, dst, seq, ack, window: 1024, flags, options: &[] };
            engine.packet(&packet, None, &mut out);
        }
        (out.into_iter().map(|it| it.what).collect(), engine.counts().flows)
    }

    #[test]
    fn a_stranger_ends_no_conversation_and_turns_none_round() {
        let hello = [(true, SYN, ""), (false, SYN | ACK, ""), (true, ACK, "")];
        let banner_at_last =
            [(false, ACK, "SSH-2.0-OpenSSH_8.4\r\n"), (true, ACK, "SSH-2.0-x\r\n")];
        for stray in [RST, SYN, 1] {
            let stray = [(false, stray | STRAY, ""), (true, stray | STRAY, "")];
            let all: Vec<_> = [&hello[..], &stray, &banner_at_last].concat();
            let (said, flows) = said(&all);
            let served = said.iter().filter_map(|what| match what {
                Observed::Service(_, port, name, Role::Server) => Some((*port, name.as_ref())),
                _ => None,
            });
            assert_eq!((served.collect::<Vec<_>>(), flows), (vec![(22, "ssh")], 1));
        }
    }

    #[test]
    fn who_asks_anew_between_the_same_ports_begins_a_conversation() {
        let hello = [(true, SYN, ""), (false, SYN | ACK, ""), (true, ACK, "")];
        let first = [(false, ACK, "nothing known\r\n"), (true, RST, "")];
        let second = [(false, ACK, "SSH-2.0-OpenSSH_8.4\r\n")];
        let all: Vec<_> = [&hello[..], &first, &hello, &second].concat();
        let (said, flows) = banner(&all);
        assert_eq!((said.len(), flows), (1, 2), "{said:?}");
        // A SYN that somebody throws in ends nothing.
        let all: Vec<_> = [&hello[..], &first[..1], &hello[..1], &second].concat();
        assert_eq!(banner(&all).1, 1);
    }
}
