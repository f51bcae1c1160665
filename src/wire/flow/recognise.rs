//! Whose bytes are these: asks every protocol of the registry, those whose usual
//! port is involved first.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Counts;
use super::key::FlowKey;
use crate::wire::dissect::{Body, Dissector, Error, Opening, PROTOCOLS, Protocol, Sink, Verdict};
use crate::wire::packet::Packet;

type WantsPacket = fn(&Packet<'_>) -> bool;
type ReadPacket = fn(&Packet<'_>, &mut dyn Sink) -> Result<(), Error>;

type AskDatagram = fn(&Packet<'_>) -> Verdict;
type AskStream = fn(&Opening<'_>) -> Verdict;

/// The registry, split by carrier, by index in [`PROTOCOLS`].
pub(super) struct Known {
    packets: Vec<(u8, WantsPacket, ReadPacket)>,
    datagrams: Asked<AskDatagram>,
    streams: Asked<AskStream>,
}

/// The probes of one carrier in the order in which they are asked, made once for each
/// port: a conversation that nobody knows asks all of them, with every packet.
struct Asked<P> {
    all: Vec<(u8, P)>,
    by_port: HashMap<u16, Vec<(u8, P)>, FixedState>,
}

impl<P: Copy> Asked<P> {
    fn new(all: Vec<(u8, P)>) -> Self {
        let mut by_port = HashMap::default();
        for &port in all.iter().filter_map(|&(i, _)| protocol(i)).flat_map(|p| p.ports) {
            by_port.entry(port).or_insert_with(|| ordered(&all, |p| p.contains(&port)).collect());
        }
        Self { all, by_port }
    }

    /// Those with a matching port first, otherwise in registry order: the first one with
    /// an answer gives it.
    fn find<T>(&self, src: u16, dst: u16, ask: impl FnMut((u8, P)) -> Option<T>) -> Option<T> {
        match (self.by_port.get(&src), self.by_port.get(&dst)) {
            (None, None) => self.all.iter().copied().find_map(ask),
            (Some(all), None) | (None, Some(all)) => all.iter().copied().find_map(ask),
            (Some(_), Some(_)) => {
                ordered(&self.all, |p| p.contains(&src) || p.contains(&dst)).find_map(ask)
            }
        }
    }
}

/// Those whose ports fit first, otherwise in registry order.
fn ordered<'a, P: Copy>(
    all: &'a [(u8, P)],
    fits: impl Fn(&[u16]) -> bool + Copy + 'a,
) -> impl Iterator<Item = (u8, P)> + 'a {
    let here = move |(index, _): &(u8, P)| protocol(*index).is_some_and(|p| fits(p.ports));
    let first = all.iter().copied().filter(here);
    first.chain(all.iter().copied().filter(move |it| !here(it)))
}

/// What all stream probes together say of an opening.
pub(super) enum Answer {
    /// This one.
    Is(u8),
    /// Nobody knows it.
    Unknown,
    /// Somebody wants to see more.
    Wait,
}

fn protocol(index: u8) -> Option<&'static Protocol> {
    PROTOCOLS.get(usize::from(index)).copied()
}

/// Its name, empty for an index that is not in the registry.
pub(super) fn name(index: u8) -> &'static str {
    protocol(index).map_or("", |p| p.name)
}

impl Known {
    pub(super) fn new() -> Self {
        let (mut packets, mut datagrams, mut streams) = (Vec::new(), Vec::new(), Vec::new());
        for (index, protocol) in (0_u8..).zip(PROTOCOLS) {
            match protocol.body {
                Body::Packet { wants, read } => packets.push((index, wants, read)),
                Body::Datagram { probe, .. } => datagrams.push((index, probe)),
                Body::Stream { probe, .. } => streams.push((index, probe)),
            }
        }
        Self { packets, datagrams: Asked::new(datagrams), streams: Asked::new(streams) }
    }

    /// The packet protocols that want this packet.
    pub(super) fn packets<'a>(
        &'a self,
        packet: &'a Packet<'_>,
    ) -> impl Iterator<Item = (u8, ReadPacket)> + 'a {
        self.packets.iter().filter(|(_, wants, _)| wants(packet)).map(|&(i, _, read)| (i, read))
    }

    /// The datagram protocol of this packet.
    pub(super) fn datagram(&self, packet: &Packet<'_>) -> Option<u8> {
        let (src, dst) = packet.ports()?;
        let ask =
            |(index, probe): (u8, AskDatagram)| (probe(packet) == Verdict::Yes).then_some(index);
        self.datagrams.find(src, dst, ask)
    }

    /// The stream protocol that begins like this.
    pub(super) fn stream(&self, opening: &Opening<'_>) -> Answer {
        let mut wait = false;
        let ask = |(index, probe): (u8, AskStream)| match probe(opening) {
            Verdict::Yes => Some(index),
            verdict => {
                wait |= verdict == Verdict::More;
                None
            }
        };
        match self.streams.find(opening.src_port, opening.dst_port, ask) {
            Some(index) => Answer::Is(index),
            None if wait => Answer::Wait,
            None => Answer::Unknown,
        }
    }
}

/// How to read a datagram of this protocol, with its index.
pub(super) fn datagram_reader(index: u8) -> Option<(u8, ReadPacket)> {
    match protocol(index)?.body {
        Body::Datagram { read, .. } => Some((index, read)),
        _ => None,
    }
}

/// A fresh dissector of this protocol.
pub(super) fn start(index: u8) -> Option<Box<dyn Dissector>> {
    match protocol(index)?.body {
        Body::Stream { start, .. } => Some(start()),
        _ => None,
    }
}

/// Whether this datagram says of itself that it is a server's.
pub(super) fn answers(packet: &Packet<'_>, index: Option<u8>) -> Option<bool> {
    match protocol(index?)?.body {
        Body::Datagram { answers, .. } => answers(packet),
        _ => None,
    }
}

/// The direction in which the client sends, when no handshake told: towards the
/// protocol's own port, of several the one that it names first (DHCP: 67 before 68),
/// else towards the lower port, else the first speaker.
pub(super) fn client(key: &FlowKey, first: usize, index: Option<u8>) -> bool {
    let ports = index.and_then(protocol).map_or(&[][..], |p| p.ports);
    let (low, high) = (key.end(0).1, key.end(1).1);
    let first = first == 1;
    let rank = |port| ports.iter().position(|&known| known == port);
    match (rank(low), rank(high)) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (Some(low), Some(high)) if low < high => true,
        (Some(low), Some(high)) if low > high => false,
        _ if low == high => first,
        _ if low < 1024 && high >= 1024 => true,
        _ if high < 1024 && low >= 1024 => false,
        _ => first,
    }
}

/// One more conversation of this protocol.
pub(super) fn count(counts: &mut Counts, index: Option<u8>) {
    if let Some(index) = index {
        let n = counts.recognised.entry(name(index)).or_insert(0);
        *n = n.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use super::*;
    use crate::net::{Segment, Transport};
    use crate::observe::{Observation, Observed, Role};
    use crate::wire::dissect::testing;

    #[test]
    fn a_dhcp_server_that_speaks_first_is_the_server() {
        let end = |ip: &str, port| (ip.parse().unwrap(), port);
        let (low, high) = (end("10.0.0.1", 67), end("10.0.0.9", 68));
        let (key, _) = FlowKey::new(Segment::default(), low, high, Transport::Udp);
        let dhcp = (0..=u8::MAX).find(|&i| protocol(i).is_some_and(|p| p.name == "dhcp"));
        assert!(dhcp.is_some());
        assert!(client(&key, 0, dhcp), "the other end");
        assert!(client(&key, 1, dhcp));
    }

    #[test]
    fn a_dhcp_message_says_itself_who_serves() {
        let part = |op: u8, kind: u8, src, dst| {
            let mut message = vec![0; 240];
            message[..3].copy_from_slice(&[op, 1, 6]);
            message[28..34].copy_from_slice(&[0, 9, 0xfb, 5, 0x93, 0x22]);
            message[236..].copy_from_slice(&[99, 130, 83, 99]);
            message.extend([53, 1, kind, 255]);
            let packet = testing::udp(src, dst, &message);
            let mut said = Vec::new();
            Engine::new(16).packet(&packet, None, &mut said);
            let parts = said.into_iter().filter(|it| it.host.mac == packet.src_mac);
            let role = |it: Observation| match it.what {
                Observed::Service(_, _, _, role) => Some(role),
                _ => None,
            };
            parts.filter_map(role).collect::<Vec<_>>()
        };
        // Between a relay and a server both ports are 67; a PXE server has 4011.
        assert_eq!(part(2, 2, 67, 67), [Role::Server]);
        assert_eq!(part(1, 1, 67, 67), [Role::Client]);
        assert_eq!(part(1, 3, 68, 4011), [Role::Client]);
        assert_eq!(part(2, 5, 4011, 68), [Role::Server]);
        // Where the two contradict each other the ports decide.
        assert_eq!(part(1, 2, 67, 68), [Role::Server]);
    }

    /// Both sides of BACnet use one port: who announces itself to all or answers serves,
    /// though it is the first that is heard.
    #[test]
    fn a_controller_that_speaks_first_is_no_client() {
        let roles = |function: u8, body: &[u8]| {
            let length = u8::try_from(body.len() + 4).unwrap();
            let message = [&[0x81, function, 0, length], body].concat();
            let packet = testing::udp(47808, 47808, &message);
            let mut said = Vec::new();
            Engine::new(16).packet(&packet, None, &mut said);
            let own = said.into_iter().filter(|it| it.host.mac == packet.src_mac);
            let role = own.filter_map(|it| match it.what {
                Observed::Service(_, 47808, _, role) => Some(role),
                _ => None,
            });
            role.collect::<Vec<_>>()
        };
        let i_am = [1, 0, 0x10, 0, 0xc4, 2, 0, 0, 17, 0x22, 1, 0xe0, 0x91, 0, 0x21, 5];
        let ack = [1, 0, 0x30, 7, 12, 0x0c, 2, 0, 0, 17, 0x19, 70, 0x3e, 0x75, 2, 0, 65, 0x3f];
        assert_eq!(roles(11, &i_am), [Role::Server]);
        assert_eq!(roles(10, &ack), [Role::Server]);
        assert_eq!(roles(11, &[1, 0, 0x10, 8]), [Role::Client]);
    }
}
