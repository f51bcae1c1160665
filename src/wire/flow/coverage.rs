//! How much of the conversations the mirror shows. A receiver acknowledges what has
//! reached it: an acknowledgement of bytes that never passed here was lost before or in
//! the sensor. The share of such acknowledgements is what Zeek calls capture loss; it
//! also counts what a switch's mirror port drops, of which no counter here can know.

use super::table::Flow;
use crate::wire::packet::{Layer4, Packet, TcpFlags};

/// Acknowledgements further ahead than this are nonsense, not loss: the largest scaled
/// window (RFC 7323 §2.3).
const WINDOW: u32 = 1 << 30;

/// What an acknowledgement shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing: none, or too little is known of the other side.
    Nothing,
    /// All that is acknowledged passed here.
    All,
    /// Some of it did not.
    Part,
}

impl Flow {
    /// Takes in one TCP segment in `direction` (0 or 1).
    pub(super) fn covers(&mut self, direction: usize, packet: &Packet<'_>) -> Shown {
        let Layer4::Tcp { seq, ack, flags, .. } = packet.l4 else { return Shown::Nothing };
        let length = u32::try_from(packet.payload.len()).unwrap_or(0);
        let end = [TcpFlags::SYN, TcpFlags::FIN]
            .into_iter()
            .fold(seq.wrapping_add(length), |end, flag| end.wrapping_add(flags.has(flag).into()));
        if let Some(edge) = self.edges.get_mut(direction) {
            if packet.cut {
                // How far it reaches cannot be known.
                *edge = 0;
            } else if *edge == 0 || end.wrapping_sub(*edge) < WINDOW || flags.has(TcpFlags::SYN) {
                // A RST brings nothing, and may be anybody's.
                *edge = if flags.has(TcpFlags::RST) { *edge } else { end.max(1) };
            }
        }
        let Some(seen) = self.edges.get_mut(direction ^ 1).filter(|edge| **edge != 0) else {
            return Shown::Nothing;
        };
        if !flags.has(TcpFlags::ACK) || flags.has(TcpFlags::RST) {
            return Shown::Nothing;
        }
        let beyond = ack.wrapping_sub(*seen);
        if beyond == 0 || beyond >= WINDOW {
            return Shown::All;
        }
        *seen = ack.max(1);
        Shown::Part
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::table::Table;
    use super::*;
    use crate::net::{Segment, Transport};
    use crate::time::Timestamp;
    use crate::wire::flow::key::FlowKey;
    use crate::wire::packet::Layer3;

    /// Feeds segments (direction, seq, payload length, ack, flags, cut).
    fn shown(segments: &[(usize, u32, usize, u32, u8, bool)]) -> Vec<Shown> {
        let ip = |n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n));
        let ends = ((ip(1), 1), (ip(2), 2));
        let (key, _) = FlowKey::new(Segment::default(), ends.0, ends.1, Transport::Tcp);
        let mut table = Table::new(4);
        let hash = table.hash(&key);
        let index = table.insert(key, hash, Timestamp(0)).unwrap();
        let bytes = [0; 2000];
        let feed = segments.iter().map(|&(direction, seq, length, ack, flags, cut)| {
            let flags = TcpFlags(flags);
            let l4 = Layer4::Tcp { src: 1, dst: 2, seq, ack, flags, window: 9, options: &[] };
            let l3 = Layer3::Ip { src: ip(1), dst: ip(2), ttl: 64, id: 0, dont_fragment: true };
            let packet = Packet {
                at: Timestamp(0),
                frame: 1,
                wire_len: 60,
                segment: Segment::default(),
                src_mac: None,
                dst_mac: None,
                l3,
                l4,
                payload: &bytes[..length],
                cut,
            };
            table.get_mut(index).unwrap().covers(direction, &packet)
        });
        feed.collect()
    }

    const ACK: u8 = TcpFlags::ACK;
    const SYN: u8 = TcpFlags::SYN;

    #[test]
    fn what_passed_is_covered() {
        let talk = [
            (0, 99, 0, 0, SYN, false),
            (1, 499, 0, 100, SYN | ACK, false),
            (0, 100, 1000, 500, ACK, false),
            (1, 500, 0, 1100, ACK, false),
            (0, 100, 1000, 500, ACK, false),
        ];
        let said = shown(&talk);
        assert_eq!(said[1..], [Shown::All; 4]);
    }

    #[test]
    fn what_did_not_pass_is_counted_once() {
        let talk = [
            (0, 100, 1000, 500, ACK, false),
            (1, 500, 0, 2100, ACK, false),
            (1, 500, 0, 2100, ACK, false),
            (0, 2100, 10, 500, ACK, false),
            (1, 500, 0, 2110, ACK, false),
        ];
        let [_, part, again, _, all] = shown(&talk)[..] else { panic!() };
        assert_eq!((part, again, all), (Shown::Part, Shown::All, Shown::All));
    }

    #[test]
    fn one_side_alone_and_cut_segments_say_nothing() {
        let one_sided = [(0, 100, 10, 500, ACK, false), (0, 110, 10, 9000, ACK, false)];
        assert_eq!(shown(&one_sided), [Shown::Nothing; 2]);
        let cut = [(0, 100, 10, 500, ACK, true), (1, 500, 0, 1560, ACK, false)];
        assert_eq!(shown(&cut)[1], Shown::Nothing);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let talk = [
            (0, u32::MAX - 99, 200, 500, ACK, false),
            (1, 500, 0, 100, ACK, false),
            (1, 500, 0, 160, ACK, false),
        ];
        assert_eq!(shown(&talk)[1..], [Shown::All, Shown::Part]);
    }
}
