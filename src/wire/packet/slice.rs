//! Reading the headers of one frame, outermost first, without memory of others.
//!
//! Each header is a step that names the next one; the number of steps is bounded,
//! so a frame of nothing but tags costs no more than any other.

use super::tunnel::Inner;
use super::{Layer3, Layer4, Packet, ip, link};
use crate::net::{Mac, Segment};
use crate::time::Timestamp;
use crate::wire::capture::{Frame, LONGEST_FRAME};

/// Headers read in one frame. An ERSPAN frame with two tags outside and inside
/// takes 9; four tunnels of that kind 24.
const MAX_STEPS: usize = 32;

/// Tunnels in tunnels that are unwrapped. ERSPAN of VXLAN is two; more than four
/// is an attack or a loop.
const MAX_TUNNELS: u8 = 4;

/// A piece of an IP datagram (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Identification that all pieces share; 16 bits for IPv4.
    pub id: u32,
    /// Protocol or next header of the fragmented part.
    pub protocol: u8,
    /// Where in the fragmented part these bytes belong; a multiple of 8.
    pub offset: u16,
    /// Whether more pieces follow.
    pub more: bool,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A frame with its headers read, before duplicates and fragments are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Sliced<'a> {
    /// The innermost packet.
    pub packet: Packet<'a>,
    /// Set when the packet is only a piece of a datagram; its `l4` is then [`Layer4::None`].
    pub fragment: Option<Fragment<'a>>,
    /// How many tunnels were unwrapped.
    pub tunnels: u8,
    /// The layer that could not be read although the capture did not cut it.
    pub malformed: Option<&'static str>,
    /// Bytes on the wire of the frame, tunnels and all.
    pub on_wire: u32,
    /// UDP checksum as sent; tells datagrams apart that have no IP identification.
    pub(super) checksum: u16,
    /// The VLAN in `packet.segment` is a mirror header's; a tag of the frame itself overrules it.
    pub(super) vlan_by_mirror: bool,
    /// The bytes are a reassembled datagram: it can have no fragment header of its own.
    reassembled: bool,
    /// Bytes that the wire had behind those being read, but the capture has not.
    missing: usize,
}

/// The next header to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// From the destination MAC.
    Ethernet(&'a [u8]),
    /// By EtherType or 802.3 length, from the byte behind it.
    Type(u16, &'a [u8]),
    /// From an IP version nibble.
    Ip(&'a [u8]),
    /// By IP protocol number.
    Upper(u8, &'a [u8]),
    /// Into a tunnel.
    Tunnel(Inner<'a>),
    /// All is read.
    End,
}

/// What reading one header gives: the next one, or the name of what could not be read.
pub(super) type Next<'a> = Result<Step<'a>, &'static str>;

/// Reads the headers of `frame`, seen by `sensor`, through tunnels to the innermost packet.
#[must_use]
pub fn slice<'a>(frame: &Frame<'a>, sensor: u16) -> Sliced<'a> {
    let mut sliced = Sliced::NOTHING;
    sliced.read(frame, sensor);
    sliced
}

impl<'a> Sliced<'a> {
    /// No frame was read yet.
    pub const NOTHING: Self = Self {
        packet: Packet {
            at: Timestamp(0),
            frame: 0,
            wire_len: 0,
            segment: Segment { sensor: 0, vlan: 0, inner_vlan: 0, vni: 0 },
            src_mac: None,
            dst_mac: None,
            l3: Layer3::Other(0),
            l4: Layer4::None,
            payload: &[],
            cut: false,
        },
        fragment: None,
        tunnels: 0,
        malformed: None,
        on_wire: 0,
        checksum: 0,
        vlan_by_mirror: false,
        reassembled: false,
        missing: 0,
    };

    /// As [`slice()`], in place: what is read together is written once and lent from then on.
    pub fn read(&mut self, frame: &Frame<'a>, sensor: u16) {
        // What was captured was there; beyond that a length that no frame has is a lie.
        let captured = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let wire_len = frame.wire_len.min(LONGEST_FRAME.max(captured));
        *self = Self::NOTHING;
        self.packet.at = frame.at;
        self.packet.frame = frame.number;
        self.packet.wire_len = wire_len;
        self.packet.segment.sensor = sensor;
        self.packet.payload = frame.bytes;
        self.on_wire = wire_len;
        self.missing = link::wide(wire_len).saturating_sub(frame.bytes.len());
        match link::first(self, frame) {
            _ if frame.bytes.is_empty() => self.stop("empty frame"),
            Ok(step) => self.follow(step),
            Err(layer) => self.stop(layer),
        }
    }

    /// The packet of a datagram that `self` completed: headers read on behind its fragment header.
    #[must_use]
    pub fn whole(&self, protocol: u8, bytes: &'a [u8]) -> Self {
        let mut whole =
            Self { fragment: None, malformed: None, reassembled: true, missing: 0, ..*self };
        whole.follow(Step::Upper(protocol, bytes));
        whole
    }

    fn follow(&mut self, mut step: Step<'a>) {
        for _ in 0..MAX_STEPS {
            let next = match step {
                Step::Ethernet(bytes) => link::ethernet(self, bytes),
                Step::Type(ether_type, bytes) => link::by_type(self, ether_type, bytes),
                Step::Ip(bytes) => ip::ip(self, bytes),
                Step::Upper(protocol, bytes) => ip::upper(self, protocol, bytes),
                Step::Tunnel(inner) => self.enter(inner),
                Step::End => return,
            };
            match next {
                Ok(next) => step = next,
                Err(layer) => return self.stop(layer),
            }
        }
        self.stop("number of headers");
    }

    /// Nothing at all is known of the packet, so it is nobody's copy.
    pub(super) const fn is_empty(&self) -> bool {
        let Packet { src_mac, l3, payload, .. } = &self.packet;
        src_mac.is_none() && matches!(l3, Layer3::Other(_)) && payload.is_empty()
    }

    /// A header could not be read: the capture's fault if it cut the frame, else the sender's.
    fn stop(&mut self, layer: &'static str) {
        if self.missing > 0 {
            self.packet.cut = true;
        } else {
            self.malformed = Some(layer);
        }
    }

    /// The packet starts anew inside a tunnel.
    fn enter(&mut self, inner: Inner<'a>) -> Next<'a> {
        if self.tunnels >= MAX_TUNNELS {
            return Err("tunnel depth");
        }
        self.tunnels = self.tunnels.saturating_add(1);
        let bytes = inner.bytes();
        let p = &mut self.packet;
        (p.src_mac, p.dst_mac) = (None, None);
        (p.l3, p.l4, p.payload, p.cut) = (Layer3::Other(0), Layer4::None, bytes, false);
        let wire_len = bytes.len().saturating_add(self.missing);
        let wire_len = u32::try_from(wire_len).unwrap_or(u32::MAX);
        // A length field that lies must not make the inside longer than the outside.
        p.wire_len = if self.reassembled { wire_len } else { wire_len.min(p.wire_len) };
        self.checksum = 0;
        self.reassembled = false;
        // The outer VLAN is that of the tunnel's ends. A routed tunnel's packets
        // stay in it for want of a better place.
        if let Some((vlan, vni)) = inner.place() {
            p.segment = Segment { sensor: p.segment.sensor, vlan, inner_vlan: 0, vni };
            self.vlan_by_mirror = vlan != 0;
        }
        Ok(inner.step())
    }

    /// The network layer is known, `body` is what it carries.
    pub(super) fn network(&mut self, l3: Layer3, body: &'a [u8]) {
        self.packet.l3 = l3;
        self.packet.payload = body;
        self.packet.cut = self.packet.cut || self.missing > 0;
    }

    /// Cuts `body` to the length that a header declares for it, padding and trailers off.
    pub(super) fn bound(&mut self, body: &'a [u8], declared: usize) -> &'a [u8] {
        let bounded = body.get(..declared);
        self.missing = declared.saturating_sub(body.len());
        self.packet.cut = self.missing > 0;
        bounded.unwrap_or(body)
    }

    /// How many bytes of the wire start with `body`: those the capture cut off included.
    pub(super) fn length_on_wire(&self, body: &[u8]) -> usize {
        body.len().saturating_add(self.missing)
    }

    /// Whether the bytes were put together from fragments.
    pub(super) const fn is_reassembled(&self) -> bool {
        self.reassembled
    }

    /// MACs of an Ethernet header.
    pub(super) fn between(&mut self, src: Option<Mac>, dst: Option<Mac>) {
        self.packet.src_mac = src;
        self.packet.dst_mac = dst;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{all, assert_inside, frame, packet};
    use super::slice;
    use crate::wire::capture::{Frame, LinkType};

    const LINKS: [LinkType; 5] =
        [LinkType::Ethernet, LinkType::RawIp, LinkType::Null, LinkType::Cooked, LinkType::Cooked2];

    #[test]
    fn samples_are_well_formed() {
        for sample in all() {
            assert!(!packet(&sample).cut, "{:?}", packet(&sample));
        }
    }

    #[test]
    fn every_truncation_stays_inside() {
        for sample in all() {
            for len in 0..=sample.len() {
                for wire_len in [len, sample.len(), 0, usize::from(u16::MAX)] {
                    for link in LINKS {
                        let bytes = &sample[..len];
                        let wire_len = u32::try_from(wire_len).unwrap();
                        let sliced = slice(&Frame { wire_len, link, ..frame(bytes) }, 0);
                        assert_inside(&sliced, bytes);
                        assert!(sliced.packet.wire_len <= wire_len);
                    }
                }
            }
        }
    }

    #[test]
    fn every_flipped_byte_stays_inside() {
        for sample in all() {
            for at in 0..sample.len() {
                for value in 0..=255 {
                    let mut bytes = sample.clone();
                    bytes[at] = value;
                    assert_inside(&slice(&frame(&bytes), 0), &bytes);
                }
            }
        }
    }
}
