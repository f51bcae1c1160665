//! Mirror and overlay tunnels: what they wrap is what was on the wire.
//!
//! A mirror tunnel (ERSPAN, Ethernet in GRE) is transparent: the inner frame counts
//! as seen in its own VLAN. An overlay (VXLAN, GENEVE) is a segment of its own by
//! its network identifier. The addresses of the tunnel's ends are dropped.
//!
//! Left alone, as IP protocol or UDP of their outer hosts: IP in IP, PPTP, L2TP, GTP, Teredo.

use super::link::ether_type;
use super::slice::Step;

/// Transparent Ethernet bridging: a frame from its destination MAC (RFC 1701).
const BRIDGED: u16 = 0x6558;
/// ERSPAN types I and II (draft-foschiano-erspan).
const ERSPAN: u16 = 0x88be;
/// ERSPAN type III.
const ERSPAN_III: u16 = 0x22eb;

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inner<'a> {
    carried: Carried,
    bytes: &'a [u8],
    /// VLAN that the tunnel's header gives, 0 for none; and network identifier.
    /// None when the packet stays in the segment of the tunnel.
    place: Option<(u16, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Frame,
    Packet,
    Typed(u16),
}

impl<'a> Inner<'a> {
    const fn frame(bytes: &'a [u8], vlan: u16, vni: u32) -> Self {
        Self { carried: Carried::Frame, bytes, place: Some((vlan, vni)) }
    }

    /// The frame of an Ethernet pseudowire (RFC 4448).
    pub(super) const fn pseudowire(bytes: &'a [u8]) -> Self {
        Self::frame(bytes, 0, 0)
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) const fn place(&self) -> Option<(u16, u32)> {
        self.place
    }

    pub(super) const fn step(&self) -> Step<'a> {
        match self.carried {
            Carried::Frame => Step::Ethernet(self.bytes),
            Carried::Packet => Step::Ip(self.bytes),
            Carried::Typed(ether_type) => Step::Type(ether_type, self.bytes),
        }
    }
}

/// A tunnel's contents, none if it carries what is not followed, or what is wrong with it.
type Found<'a> = Result<Option<Inner<'a>>, &'static str>;

/// Generic routing encapsulation (RFC 2784 §2, key and sequence number RFC 2890).
pub(super) fn gre(bytes: &[u8]) -> Found<'_> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;

    let (&[f0, f1, p0, p1], mut rest) = bytes.split_first_chunk().ok_or("gre header")?;
    let flags = u16::from_be_bytes([f0, f1]);
    // Version 1 is PPTP's; source routing died with RFC 1701.
    if flags & (VERSION | ROUTING) != 0 {
        return Ok(None);
    }
    for bit in [CHECKSUM, KEY, SEQUENCE] {
        if flags & bit != 0 {
            rest = rest.get(4..).ok_or("gre header")?;
        }
    }
    match u16::from_be_bytes([p0, p1]) {
        BRIDGED => Ok(Some(Inner::frame(rest, 0, 0))),
        // Type I has no header of its own, and no sequence number tells it from type II.
        ERSPAN if flags & SEQUENCE == 0 => Ok(Some(Inner::frame(rest, 0, 0))),
        ERSPAN => erspan_ii(rest),
        ERSPAN_III => erspan_iii(rest),
        ether_type::IPV4 | ether_type::IPV6 => {
            Ok(Some(Inner { carried: Carried::Packet, bytes: rest, place: None }))
        }
        ether @ (ether_type::MPLS | ether_type::MPLS_UPSTREAM | ether_type::METADATA) => {
            Ok(Some(Inner { carried: Carried::Typed(ether), bytes: rest, place: None }))
        }
        _ => Ok(None),
    }
}

/// ERSPAN II (draft-foschiano-erspan): version 1, VLAN, class, session, index.
fn erspan_ii(bytes: &[u8]) -> Found<'_> {
    let (&[v0, v1, ..], rest) = bytes.split_first_chunk::<8>().ok_or("erspan header")?;
    if v0 >> 4 != 1 {
        return Err("erspan version");
    }
    Ok(Some(Inner::frame(rest, u16::from_be_bytes([v0, v1]) & 0x0fff, 0)))
}

/// ERSPAN III: version 2, VLAN, class, session, timestamp, group
/// tag, then what is carried and whether a platform's own header follows.
fn erspan_iii(bytes: &[u8]) -> Found<'_> {
    let (&[v0, v1, .., t0, t1], rest) = bytes.split_first_chunk::<12>().ok_or("erspan header")?;
    if v0 >> 4 != 2 {
        return Err("erspan version");
    }
    let vlan = u16::from_be_bytes([v0, v1]) & 0x0fff;
    let rest = if t1 & 1 == 1 { rest.get(8..).ok_or("erspan subheader")? } else { rest };
    // P, frame type (5 bits), hardware id (6), direction, granularity (2), O.
    match (t0 >> 2) & 0x1f {
        0 => Ok(Some(Inner::frame(rest, vlan, 0))),
        2 => Ok(Some(Inner { carried: Carried::Packet, bytes: rest, place: Some((vlan, 0)) })),
        _ => Ok(None),
    }
}

/// Tunnels over UDP, by destination port and a header that makes sense.
pub(super) fn udp(port: u16, bytes: &[u8]) -> Option<Inner<'_>> {
    match port {
        4789 => vxlan(bytes, false),
        // Linux' port from before the registration; another protocol's by the registry.
        8472 => vxlan(bytes, true),
        6081 => geneve(bytes),
        // RFC 8086.
        4754 => gre(bytes).ok().flatten(),
        _ => None,
    }
}

/// RFC 7348 §5. `strict` demands that the reserved fields are zero; a receiver has
/// to ignore them, and group policies (draft-smith-vxlan-group-policy) stand there.
fn vxlan(bytes: &[u8], strict: bool) -> Option<Inner<'_>> {
    const GROUP_POLICY: u8 = 0x80;
    const IDENTIFIED: u8 = 0x08;
    let (&[flags, r0, r1, r2, v0, v1, v2, r3], rest) = bytes.split_first_chunk()?;
    let allowed = if strict { 0 } else { GROUP_POLICY };
    if flags & !allowed != IDENTIFIED || (strict && [r0, r1, r2, r3] != [0; 4]) {
        return None;
    }
    Some(Inner::frame(rest, 0, u32::from_be_bytes([0, v0, v1, v2])))
}

/// RFC 8926 §3.4.
fn geneve(bytes: &[u8]) -> Option<Inner<'_>> {
    let (&[version, flags, p0, p1, v0, v1, v2, reserved], rest) = bytes.split_first_chunk()?;
    if version >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let rest = rest.get(usize::from(version & 0x3f).checked_mul(4)?..)?;
    let vni = u32::from_be_bytes([0, v0, v1, v2]);
    match u16::from_be_bytes([p0, p1]) {
        BRIDGED => Some(Inner::frame(rest, 0, vni)),
        ether_type::IPV4 | ether_type::IPV6 => {
            Some(Inner { carried: Carried::Packet, bytes: rest, place: Some((0, vni)) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        ERSPAN_II, VXLAN, cat, eth, gre, inner, ipv4, packet, sliced, udp,
    };
    use super::super::{Layer4, Packet};
    use crate::net::{Mac, Segment};

    fn assert_inner(packet: &Packet<'_>, segment: Segment) {
        assert_eq!(packet.payload, b"inner");
        assert_eq!(packet.segment, segment);
        assert_eq!(packet.src_mac, Some(Mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(packet.wire_len, 14 + 20 + 8 + 5);
    }

    fn tagged(vlan: u8) -> Vec<u8> {
        [&inner()[..12], &[0x81, 0, 0, vlan], &inner()[12..]].concat()
    }

    /// The tunnel's own VLAN is never the inner segment.
    fn in_vlan(frame: &[u8]) -> Vec<u8> {
        [&frame[..12], &[0x81, 0, 0, 99], &frame[12..]].concat()
    }

    #[test]
    fn gre_with_all_its_fields() {
        for flags in [0, 0x8000, 0x2000, 0x1000, 0xb000] {
            let bytes = in_vlan(&gre(flags, 0x6558, &inner()));
            assert_inner(&packet(&bytes), Segment::default());
            assert_eq!(sliced(&bytes).tunnels, 1);
        }
        let routed = in_vlan(&gre(0, 0x0800, &inner()[14..]));
        let routed = packet(&routed);
        assert_eq!((routed.payload, routed.src_mac), (&b"inner"[..], None));
        assert_eq!(routed.segment.vlan, 99);
        let pptp = gre(0x2001, 0x880b, &[0; 20]);
        assert_eq!(packet(&pptp).l4, Layer4::Other(47));
    }

    #[test]
    fn erspan_keeps_the_vlan_of_the_mirror() {
        let vlan = |vlan| Segment { vlan, ..Segment::default() };
        assert_inner(&packet(&gre(0, 0x88be, &inner())), vlan(0));
        let two = |frame: &[u8]| in_vlan(&gre(0x1000, 0x88be, &cat(&[&ERSPAN_II, frame])));
        assert_inner(&packet(&two(&inner())), vlan(300));
        let own_tag = two(&tagged(5));
        assert_eq!(packet(&own_tag).segment, vlan(5));
        let wrong = gre(0x1000, 0x88be, &cat(&[&[0x31], &ERSPAN_II[1..], &inner()]));
        assert_eq!(sliced(&wrong).malformed, Some("erspan version"));
    }

    #[test]
    fn erspan_iii_frame_types_and_subheader() {
        let vlan = Segment { vlan: 300, ..Segment::default() };
        let mut header = [0x21, 0x2c, 0, 5, 1, 2, 3, 4, 0, 0, 0x80, 0];
        let three = |header: &[u8], body: &[u8]| gre(0x1000, 0x22eb, &cat(&[header, body]));
        assert_inner(&packet(&three(&header, &inner())), vlan);
        header[10] = 2 << 2;
        let ip = three(&header, &inner()[14..]);
        assert_eq!((packet(&ip).payload, packet(&ip).src_mac), (&b"inner"[..], None));
        assert_eq!(packet(&ip).segment, vlan);
        header[10] = 7 << 2;
        assert_eq!(packet(&three(&header, &inner())).l4, Layer4::Other(47));
        (header[10], header[11]) = (0, 1);
        assert_inner(&packet(&three(&header, &cat(&[&[9; 8], &inner()]))), vlan);
    }

    #[test]
    fn overlays_are_segments_of_their_own() {
        let over = |port, head: &[u8], frame: &[u8]| {
            in_vlan(&eth(0x0800, &ipv4(17, &udp(9, port, &cat(&[head, frame])))))
        };
        let vni = |vlan| Segment { vlan, vni: 5001, ..Segment::default() };
        for port in [4789, 8472] {
            assert_inner(&packet(&over(port, &VXLAN, &inner())), vni(0));
            assert_eq!(packet(&over(port, &VXLAN, &tagged(5))).segment, vni(5));
            let not = over(port, &[0, 0, 0, 0, 0, 0x13, 0x89, 0], &inner());
            assert_eq!(packet(&not).ports(), Some((9, port)));
        }
        let policy = [0x88, 0, 0, 7, 0, 0x13, 0x89, 0];
        assert_inner(&packet(&over(4789, &policy, &inner())), vni(0));
        assert_eq!(packet(&over(8472, &policy, &inner())).ports(), Some((9, 8472)));
        let geneve = [1, 0, 0x65, 0x58, 0, 0x13, 0x89, 0, 1, 2, 3, 0];
        assert_inner(&packet(&over(6081, &geneve, &inner())), vni(0));
        let ip = [0, 0, 8, 0, 0, 0x13, 0x89, 0];
        assert_eq!(packet(&over(6081, &ip, &inner()[14..])).segment, vni(0));
        assert_inner(&packet(&over(4754, &[0, 0, 0x65, 0x58], &inner())), Segment::default());
    }

    #[test]
    fn depth_is_bounded() {
        let mut frame = inner();
        for depth in 1..8 {
            frame = gre(0, 0x6558, &frame);
            let sliced = sliced(&frame);
            assert_eq!(sliced.tunnels, depth.min(4));
            assert_eq!(sliced.malformed, (depth > 4).then_some("tunnel depth"));
        }
    }
}
