//! What a flow is found by: where it runs and between whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::{Segment, Transport};

/// Both ends of a conversation in a fixed order, so that each direction finds it.
///
/// Packed into three words, since it is compared and hashed for every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    /// Address of the lower end; an IPv4 address in the low 32 bits.
    low: u128,
    high: u128,
    /// From the lowest bit: ports of the lower and higher end, VLAN, inner VLAN, sensor,
    /// network identifier, then bits for IPv4 and UDP.
    rest: u128,
}

const IPV4: u128 = 1 << 112;
const UDP: u128 = 1 << 113;
/// What of `rest` is the segment: all from its VLAN to its network identifier.
const SEGMENT: u128 = ((1 << 112) - 1) & !0xffff_ffff;

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn place(segment: Segment) -> u128 {
    u128::from(segment.vlan) << 32
        | u128::from(segment.inner_vlan) << 48
        | u128::from(segment.sensor) << 64
        | u128::from(segment.vni) << 80
}

/// The low bits of a word.
fn low16(word: u128) -> u16 {
    u16::try_from(word & 0xffff).unwrap_or_default()
}

fn low32(word: u128) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or_default()
}

impl FlowKey {
    /// The key, and whether the source is the `high` end (direction 1). Both
    /// addresses are of one family, as those of a packet are.
    pub(super) fn new(
        segment: Segment,
        src: (IpAddr, u16),
        dst: (IpAddr, u16),
        transport: Transport,
    ) -> (Self, usize) {
        let kind = if src.0.is_ipv4() { IPV4 } else { 0 }
            | if transport == Transport::Udp { UDP } else { 0 };
        let (src, dst) = ((bits(src.0), src.1), (bits(dst.0), dst.1));
        let (low, high, direction) = if src <= dst { (src, dst, 0) } else { (dst, src, 1) };
        let ports = u128::from(low.1) | u128::from(high.1) << 16;
        (Self { low: low.0, high: high.0, rest: kind | place(segment) | ports }, direction)
    }

    /// The end that sends in this direction.
    pub(super) fn end(&self, direction: usize) -> (IpAddr, u16) {
        let (bits, port) = if direction == 0 {
            (self.low, low16(self.rest))
        } else {
            (self.high, low16(self.rest >> 16))
        };
        let ip = if self.rest & IPV4 == 0 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(low32(bits)))
        };
        (ip, port)
    }

    pub(super) const fn transport(&self) -> Transport {
        if self.rest & UDP == 0 { Transport::Tcp } else { Transport::Udp }
    }

    pub(super) fn segment(&self) -> Segment {
        Segment {
            vlan: low16(self.rest >> 32),
            inner_vlan: low16(self.rest >> 48),
            sensor: low16(self.rest >> 64),
            vni: low32(self.rest >> 80),
        }
    }

    /// The same ends in another segment.
    pub(super) fn within(&self, segment: Segment) -> Self {
        Self { rest: self.rest & !SEGMENT | place(segment), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_what_went_in() {
        let segment = Segment { sensor: 0xfffe, vlan: 4094, inner_vlan: 7, vni: 0xff_fffd };
        for (a, b) in [("10.0.0.2", "10.0.0.1"), ("fe80::ffff:1", "::ffff:10.0.0.1")] {
            for transport in [Transport::Tcp, Transport::Udp] {
                let (src, dst) = ((a.parse().unwrap(), 65_535), (b.parse().unwrap(), 104));
                let (key, direction) = FlowKey::new(segment, src, dst, transport);
                assert_eq!((key.end(direction), key.end(direction ^ 1)), (src, dst));
                assert_eq!((key.segment(), key.transport()), (segment, transport));
                let (back, other) = FlowKey::new(segment, dst, src, transport);
                assert_eq!((back, other), (key, direction ^ 1));
                let flat = key.within(Segment::default());
                assert_eq!(flat, FlowKey::new(Segment::default(), src, dst, transport).0);
            }
        }
    }
}
