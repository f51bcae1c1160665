//! Looks at a mirror for a while and judges whether it shows what it should:
//! `auscult doctor -i`.

pub mod card;
mod judge;
pub mod machine;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

pub use judge::{Check, Grade, Surroundings};

use super::Worker;
use crate::net::Mac;
use crate::wire::capture::Frame;
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags, slice};

/// TCP conversations that are followed; a sample is enough for a judgement.
const CONVERSATIONS: usize = 65_536;
/// Different MACs of a VLAN that are told apart: more prove no more.
const MACS: usize = 4;

/// What one VLAN shows.
#[derive(Default)]
struct Vlan {
    frames: u64,
    /// The first few senders.
    macs: Vec<Mac>,
    /// Unicast IP frames.
    unicast: u64,
    /// MACs that were an end of every unicast IP frame so far: a router's, when only
    /// routed traffic is mirrored.
    common: Option<Vec<Mac>>,
}

impl Vlan {
    fn see(&mut self, packet: &Packet<'_>) {
        self.frames += 1;
        let (Some(src), Some(dst)) = (packet.src_mac, packet.dst_mac) else { return };
        if self.macs.len() < MACS && !self.macs.contains(&src) {
            self.macs.push(src);
        }
        if dst.0[0] & 1 == 0 && matches!(packet.l3, Layer3::Ip { .. }) {
            self.unicast += 1;
            let ends = [src, dst];
            self.common.get_or_insert_with(|| ends.to_vec()).retain(|mac| ends.contains(mac));
        }
    }

    /// The one MAC through which everything goes although several speak.
    fn only_through(&self) -> Option<Mac> {
        let enough = self.unicast >= 20 && self.macs.len() >= 3;
        self.common.as_deref().filter(|_| enough)?.first().copied()
    }
}

/// Both ends of a conversation, the lower first.
type Ends = ((IpAddr, u16), (IpAddr, u16));

/// See the module.
#[derive(Default)]
pub struct Survey {
    worker: Worker,
    tagged: u64,
    bytes: u64,
    longest: u32,
    vlans: BTreeMap<u16, Vlan>,
    /// Conversations seen from their beginning, with a bit for each side that spoke, and
    /// with tags or without.
    sides: HashMap<Ends, u8, RandomState>,
}

impl Survey {
    /// Looks at frames in the order of the capture.
    pub fn see(&mut self, frames: &[Frame<'_>]) {
        self.worker.read(frames);
        // Who says what is nothing to a survey.
        drop(self.worker.observed());
        for frame in frames {
            let sliced = slice(frame, 0);
            let packet = &sliced.packet;
            let vlan = packet.segment.vlan;
            self.tagged += u64::from(vlan != 0);
            self.bytes += u64::from(sliced.on_wire);
            self.longest = self.longest.max(sliced.on_wire);
            self.vlans.entry(vlan).or_default().see(packet);
            self.side(packet, vlan != 0);
        }
    }

    /// Which side of a TCP conversation speaks.
    fn side(&mut self, packet: &Packet<'_>, tagged: bool) {
        let (Some((src, dst)), Layer4::Tcp { src: from, dst: to, flags, .. }) =
            (packet.addresses(), packet.l4)
        else {
            return;
        };
        let (a, b) = ((src, from), (dst, to));
        let (ends, bit) = if a <= b { ((a, b), 1) } else { ((b, a), 2) };
        // Above the bit of each side, those of its tagged frames and of its bare ones.
        let bit = bit | if tagged { bit << 2 } else { bit << 4 };
        if let Some(sides) = self.sides.get_mut(&ends) {
            *sides |= bit;
        } else if self.sides.len() < CONVERSATIONS
            && !flags.has(TcpFlags::SYN)
            && !flags.has(TcpFlags::RST)
        {
            // One that nobody answers shows one side by right; bytes are always acknowledged.
            self.sides.insert(ends, bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;
    use crate::time::Timestamp;
    use crate::wire::capture::LinkType;

    /// Datagrams in VLAN 7 from three devices to `to(device)`.
    fn survey(to: impl Fn(u8) -> u8) -> Survey {
        let mut survey = Survey::default();
        for n in 0..60 {
            let from = n % 3 + 1;
            let build = PacketBuilder::ethernet2([2, 0, 0, 0, 0, from], [2, 0, 0, 0, 0, to(from)])
                .vlan(etherparse::VlanHeader::Single(etherparse::SingleVlanHeader {
                    vlan_id: 7.try_into().unwrap(),
                    ether_type: etherparse::ether_type::IPV4,
                    ..<_>::default()
                }))
                .ipv4([10, 0, 0, from], [10, 9, n, 1], 64)
                .udp(4000, 53);
            let mut bytes = Vec::new();
            build.write(&mut bytes, &[n]).unwrap();
            let wire_len = u32::try_from(bytes.len()).unwrap();
            let at = Timestamp(i64::from(n));
            let link = LinkType::Ethernet;
            survey.see(&[Frame { at, link, wire_len, number: 1, bytes: &bytes }]);
        }
        survey
    }

    #[test]
    fn a_mirror_that_tags_one_direction_alone_is_known() {
        let build = |n: u8, tagged: bool, (from, to): (u8, u8)| {
            let build = PacketBuilder::ethernet2([2, 0, 0, 0, 0, from], [2, 0, 0, 0, 0, to]);
            let mut bytes = Vec::new();
            let (from, to) = ([10, 0, 0, from], [10, 0, 0, to]);
            let (down, up) = (104, 40_000 + u16::from(n));
            let ports = if from < to { (up, down) } else { (down, up) };
            if tagged {
                let vlan = 7.try_into().unwrap();
                let build = build.single_vlan(vlan).ipv4(from, to, 64);
                build.tcp(ports.0, ports.1, 1, 100).ack(1).write(&mut bytes, &[n]).unwrap();
            } else {
                let build = build.ipv4(from, to, 64).tcp(ports.0, ports.1, 1, 100).ack(1);
                build.write(&mut bytes, &[n]).unwrap();
            }
            bytes
        };
        let grade = |answers: bool| {
            let mut survey = Survey::default();
            for n in 0..20 {
                for bytes in [build(n, true, (1, 2)), build(n, answers, (2, 1))] {
                    let wire_len = u32::try_from(bytes.len()).unwrap();
                    let (at, link) = (Timestamp(i64::from(n)), LinkType::Ethernet);
                    survey.see(&[Frame { at, link, wire_len, number: 1, bytes: &bytes }]);
                }
            }
            let checks = survey.checks(&Surroundings::default());
            checks.into_iter().find(|check| check.name == "VLAN tags").unwrap().grade
        };
        assert_eq!((grade(true), grade(false)), (Grade::Good, Grade::Bad));
    }

    #[test]
    fn a_vlan_of_which_only_the_router_is_mirrored_is_known() {
        let router = survey(|_| 99);
        assert_eq!(router.vlans[&7].only_through(), Some(Mac([2, 0, 0, 0, 0, 99])));
        let among = survey(|from| from % 3 + 1);
        assert_eq!(among.vlans[&7].only_through(), None);
    }
}
