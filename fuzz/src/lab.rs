//! Inputs from real conversations: what the committed captures hold, for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use auscult::wire::capture::{LinkType, parse_bytes};
use auscult::wire::dissect::{Body, Opening, PROTOCOLS, Protocol, Side, Verdict};
use auscult::wire::flow::limits;
use auscult::wire::packet::duplicate::Copy;
use auscult::wire::packet::{Front, Layer4, Packet, TcpFlags};

use super::dissector::{self, Message};

/// A frame with how to read it and whether the capture cut it.
pub type Owned = (LinkType, bool, Vec<u8>);

/// One TCP conversation: bytes in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Who opened it was seen.
    pub handshake: bool,
    /// The server's port.
    pub port: u16,
    /// From the server, behind a gap, bytes.
    pub messages: Vec<(bool, bool, Vec<u8>)>,
}

impl Conversation {
    /// As messages for a dissector.
    pub fn messages(&self) -> Vec<Message<'_>> {
        let message = |(server, gap, bytes): &(bool, bool, Vec<u8>)| {
            let side = if *server { Side::Server } else { Side::Client };
            (side, *gap, bytes.len())
        };
        let all = self.messages.iter();
        all.map(|m| {
            let (side, gap, _) = message(m);
            Message { side, gap, bytes: &m.2 }
        })
        .collect()
    }

    /// The protocol that recognises it.
    fn protocol(&self) -> Option<&'static Protocol> {
        let opening = |server: bool| -> Vec<u8> {
            let own = self.messages.iter().filter(|m| m.0 == server).flat_map(|m| m.2.iter());
            own.take(limits::MAX_OPENING).copied().collect()
        };
        let openings = [opening(false), opening(true)];
        let knows = |protocol: &&&'static Protocol| match protocol.body {
            Body::Stream { probe, .. } => openings.iter().enumerate().any(|(side, bytes)| {
                let (src_port, dst_port) =
                    if side == 0 { (50000, self.port) } else { (self.port, 50000) };
                let opening = Opening { bytes, src_port, dst_port, from_start: true };
                !bytes.is_empty() && probe(&opening) == Verdict::Yes
            }),
            _ => false,
        };
        let usual = |p: &&&'static Protocol| p.ports.contains(&self.port);
        let mut found = PROTOCOLS.iter().filter(knows);
        let first = found.clone().find(usual);
        first.or_else(|| found.next()).copied()
    }
}

/// What captures hold.
#[derive(Default)]
pub struct Harvest {
    /// Every frame.
    pub frames: Vec<Owned>,
    /// Inputs of the packet and datagram protocols, by name.
    pub packets: BTreeMap<&'static str, BTreeSet<Vec<u8>>>,
    /// TCP conversations with their protocol, by name; unknown ones by none.
    pub conversations: BTreeMap<&'static str, Vec<Conversation>>,
}

type End = (IpAddr, u16);

/// A conversation in the making: who is the server, and what comes next of each.
#[derive(Default)]
struct Open {
    server: Option<End>,
    next: BTreeMap<End, u32>,
    it: Conversation,
}

impl Harvest {
    /// The uncompressed captures of a directory, by name.
    ///
    /// # Panics
    /// The directory cannot be read.
    pub fn captures(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = std::fs::read_dir(dir)
            .expect("captures")
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, std::fs::read(path).expect("capture"))
            })
            .collect();
        all.sort();
        all
    }

    /// Takes in one capture.
    pub fn add(&mut self, capture: &[u8]) {
        let mut front = Front::new(0);
        let mut open: BTreeMap<(End, End), Open> = BTreeMap::new();
        let mut done: Vec<Conversation> = Vec::new();
        let _ = parse_bytes(capture, &mut |batch, _| {
            for frame in batch {
                let cut = frame.wire_len as usize > frame.bytes.len();
                self.frames.push((frame.link, cut, frame.bytes.to_vec()));
                let sight = front.next(frame);
                if sight.copy == Copy::First && !sight.fragment {
                    self.packet(&sight.packet);
                    segment(&mut open, &mut done, &sight.packet);
                }
            }
            ControlFlow::Continue(())
        });
        done.extend(open.into_values().map(|open| open.it));
        for conversation in done.into_iter().filter(|c| !c.messages.is_empty()) {
            let name = conversation.protocol().map_or("", |p| p.name);
            self.conversations.entry(name).or_default().push(conversation);
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        for protocol in PROTOCOLS {
            let wanted = match protocol.body {
                Body::Packet { wants, .. } => wants(packet),
                Body::Datagram { probe, .. } => {
                    matches!(packet.l4, Layer4::Udp { .. }) && probe(packet) == Verdict::Yes
                }
                Body::Stream { .. } => false,
            };
            if wanted {
                let input = dissector::encode_packet(protocol, packet);
                self.packets.entry(protocol.name).or_default().insert(input);
            }
        }
    }
}

/// Appends the new bytes of a segment to its conversation.
fn segment(
    open: &mut BTreeMap<(End, End), Open>,
    done: &mut Vec<Conversation>,
    packet: &Packet<'_>,
) {
    let (Some((src, dst)), Layer4::Tcp { src: sport, dst: dport, seq, flags, .. }) =
        (packet.addresses(), packet.l4)
    else {
        return;
    };
    let (from, to) = ((src, sport), (dst, dport));
    let key = (from.min(to), from.max(to));
    let syn = flags.has(TcpFlags::SYN);
    if syn && !flags.has(TcpFlags::ACK) && open.get(&key).is_some_and(|o| !o.it.messages.is_empty())
    {
        done.extend(open.remove(&key).map(|open| open.it));
    }
    let it = open.entry(key).or_default();
    if syn {
        let server = if flags.has(TcpFlags::ACK) { from } else { to };
        it.server = Some(server);
        it.it.handshake = true;
        it.it.port = server.1;
        it.next.insert(from, seq.wrapping_add(1));
        return;
    }
    if packet.payload.is_empty() {
        return;
    }
    // Who has the lower port answers, when the capture did not see who began.
    let server = *it.server.get_or_insert(if sport < dport { from } else { to });
    it.it.port = server.1;
    let next = it.next.entry(from).or_insert(seq);
    let ahead = seq.wrapping_sub(*next) as i32;
    let old = if ahead < 0 { ahead.unsigned_abs() as usize } else { 0 };
    let Some(new) = packet.payload.get(old..).filter(|new| !new.is_empty()) else { return };
    *next = seq.wrapping_add(packet.payload.len() as u32);
    it.it.messages.push((from == server, ahead > 0, new.to_vec()));
}
