//! Below IP: Ethernet and 802.3, VLAN tags, LLC, MPLS, PPPoE, and the link types
//! that captures have instead of Ethernet.

use etherparse::Ethernet2HeaderSlice;

use super::slice::{Next, Sliced, Step};
use super::tunnel::Inner;
use super::{Layer3, ip};
use crate::net::Mac;
use crate::wire::capture::{Frame, LinkType};

/// EtherTypes (IEEE registry).
pub(super) mod ether_type {
    /// IPv4.
    pub(crate) const IPV4: u16 = 0x0800;
    /// ARP.
    pub(crate) const ARP: u16 = 0x0806;
    /// IPv6.
    pub(crate) const IPV6: u16 = 0x86dd;
    /// Customer tag, IEEE 802.1Q.
    pub(crate) const VLAN: u16 = 0x8100;
    /// Service tag, IEEE 802.1ad.
    pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
    /// Service tag of switches from before 802.1ad.
    pub(crate) const OLD_SERVICE_VLAN: u16 = 0x9100;
    /// MPLS, RFC 5332 for the second.
    pub(crate) const MPLS: u16 = 0x8847;
    /// MPLS with upstream-assigned labels.
    pub(crate) const MPLS_UPSTREAM: u16 = 0x8848;
    /// Cisco metadata: the group tag of TrustSec between a tag and what it tags.
    pub(crate) const METADATA: u16 = 0x8909;
    /// PPPoE session stage, RFC 2516.
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
}

use ether_type::{
    ARP, IPV4, IPV6, METADATA, MPLS, MPLS_UPSTREAM, OLD_SERVICE_VLAN, PPPOE_SESSION, SERVICE_VLAN,
    VLAN,
};

/// IEEE 802.3 §3.2.6: up to here the field is a length, from 0x0600 on a type.
const MAX_802_3_LENGTH: u16 = 1500;

/// Labels passed over in one MPLS stack; carriers use up to five or six.
const MAX_LABELS: usize = 8;

/// ARPHRD_ETHER of Linux, the hardware type of ARP.
const HARDWARE_ETHERNET: u16 = 1;

/// The first header by the capture's link type.
pub(super) fn first<'a>(s: &mut Sliced<'a>, frame: &Frame<'a>) -> Next<'a> {
    match frame.link {
        LinkType::Ethernet => Ok(Step::Ethernet(frame.bytes)),
        LinkType::RawIp => Ok(Step::Ip(frame.bytes)),
        LinkType::Null => null(frame.bytes),
        LinkType::Cooked => cooked(s, frame.bytes),
        LinkType::Cooked2 => cooked2(s, frame.bytes),
    }
}

/// BSD loopback: an address family in the byte order of the capturing host.
fn null(bytes: &[u8]) -> Next<'_> {
    let (family, rest) = bytes.split_first_chunk().ok_or("address family")?;
    // Families are small numbers, so one of the two readings is huge.
    let family = u32::from_be_bytes(*family).min(u32::from_le_bytes(*family));
    match family {
        // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 24 on
        // NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
        2 | 10 | 23 | 24 | 28 | 30 => Ok(Step::Ip(rest)),
        _ => Err("address family"),
    }
}

/// LINKTYPE_LINUX_SLL: packet type, hardware type, address length, address, protocol.
fn cooked<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let (head, rest) = bytes.split_first_chunk::<16>().ok_or("cooked header")?;
    let [_, _, h0, h1, l0, l1, address @ .., p0, p1] = *head;
    sender(s, u16::from_be_bytes([h0, h1]), u16::from_be_bytes([l0, l1]), address);
    cooked_protocol(s, u16::from_be_bytes([p0, p1]), rest)
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface, hardware type, packet type,
/// address length, address.
fn cooked2<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let (head, rest) = bytes.split_first_chunk::<20>().ok_or("cooked header")?;
    let [p0, p1, _, _, _, _, _, _, h0, h1, _, length, address @ ..] = *head;
    sender(s, u16::from_be_bytes([h0, h1]), u16::from(length), address);
    cooked_protocol(s, u16::from_be_bytes([p0, p1]), rest)
}

fn sender(s: &mut Sliced<'_>, hardware: u16, length: u16, address: [u8; 8]) {
    let [a, b, c, d, e, f, _, _] = address;
    if hardware == HARDWARE_ETHERNET && length == 6 {
        s.between(Some(Mac([a, b, c, d, e, f])), None);
    }
}

/// Small protocol numbers are Linux' own (`ETH_P_802_2` is 4): no length stands there.
fn cooked_protocol<'a>(s: &mut Sliced<'a>, protocol: u16, rest: &'a [u8]) -> Next<'a> {
    match protocol {
        4 => llc(s, rest),
        0..=MAX_802_3_LENGTH => {
            s.network(Layer3::Other(0), rest);
            Ok(Step::End)
        }
        _ => Ok(Step::Type(protocol, rest)),
    }
}

/// Destination, source, type or length (IEEE 802.3 §3.1.1).
pub(super) fn ethernet<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| "ethernet header")?;
    s.between(Some(Mac(header.source())), Some(Mac(header.destination())));
    let rest = bytes.get(header.slice().len()..).unwrap_or_default();
    by_type(s, header.ether_type().0, rest)
}

/// What a type or length field announces.
pub(super) fn by_type<'a>(s: &mut Sliced<'a>, ether_type: u16, bytes: &'a [u8]) -> Next<'a> {
    match ether_type {
        IPV4 | IPV6 => {
            s.packet.l3 = Layer3::Other(ether_type);
            s.packet.payload = bytes;
            ip::ip(s, bytes)
        }
        VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN => tag(s, bytes),
        METADATA => metadata(bytes),
        MPLS | MPLS_UPSTREAM => mpls(s, ether_type, bytes),
        PPPOE_SESSION => pppoe(s, bytes),
        0..=MAX_802_3_LENGTH => {
            let body = s.bound(bytes, usize::from(ether_type));
            llc(s, body)
        }
        ARP => {
            s.network(Layer3::Arp, bytes);
            Ok(Step::End)
        }
        other => {
            s.network(Layer3::Other(other), bytes);
            Ok(Step::End)
        }
    }
}

/// Tag control information and the next type (IEEE 802.1Q §9.6). The first two
/// VLANs of a stack are kept, deeper ones passed over.
fn tag<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let (&[t0, t1, e0, e1], rest) = bytes.split_first_chunk().ok_or("vlan tag")?;
    let vlan = u16::from_be_bytes([t0, t1]) & 0x0fff;
    let segment = &mut s.packet.segment;
    // VLAN 0 says only a priority (§9.6): the frame is as good as untagged.
    if vlan != 0 {
        if segment.vlan == 0 || s.vlan_by_mirror {
            segment.vlan = vlan;
            s.vlan_by_mirror = false;
        } else if segment.inner_vlan == 0 {
            segment.inner_vlan = vlan;
        }
    }
    Ok(Step::Type(u16::from_be_bytes([e0, e1]), rest))
}

/// Version 1, one option of length 1, a security group tag, the next type: Cisco's
/// inline tagging puts it into every frame of a link.
fn metadata(bytes: &[u8]) -> Next<'_> {
    match bytes.split_first_chunk() {
        Some((&[1, 1, _, _, _, _, e0, e1], rest)) => {
            Ok(Step::Type(u16::from_be_bytes([e0, e1]), rest))
        }
        _ => Err("cisco metadata"),
    }
}

/// IEEE 802.2; SNAP with the organisation code of Ethernet leads back to an
/// EtherType (RFC 1042, and 00-00-F8 of IEEE 802.1H).
fn llc<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    if let Some((&[0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, p0, p1], rest)) = bytes.split_first_chunk() {
        let ether_type = u16::from_be_bytes([p0, p1]);
        if ether_type > MAX_802_3_LENGTH {
            return Ok(Step::Type(ether_type, rest));
        }
    }
    s.network(Layer3::Other(0), bytes);
    Ok(Step::End)
}

/// Passes over a label stack (RFC 3032 §2.1). Nothing says what follows it but its
/// first nibble (RFC 4928 §3): 4 and 6 are IP, 0 the control word of a pseudowire.
fn mpls<'a>(s: &mut Sliced<'a>, ether_type: u16, mut bytes: &'a [u8]) -> Next<'a> {
    let mut bottom = false;
    for _ in 0..MAX_LABELS {
        let (&[_, _, low, _], rest) = bytes.split_first_chunk().ok_or("mpls label")?;
        bytes = rest;
        bottom = low & 1 == 1;
        if bottom {
            break;
        }
    }
    s.network(Layer3::Other(ether_type), bytes);
    if !bottom {
        return Err("mpls label stack");
    }
    let nibble = bytes.first().map(|b| b >> 4);
    if matches!(nibble, Some(4 | 6)) {
        return Ok(Step::Ip(bytes));
    }
    // The control word is optional, and a MAC may start with 0 too: the frame must fit.
    let frames = [Some(bytes), bytes.get(4..).filter(|_| nibble == Some(0))];
    let frame = frames.into_iter().flatten().find(|frame| looks_like_ethernet(frame));
    Ok(frame.map_or(Step::End, |frame| Step::Tunnel(Inner::pseudowire(frame))))
}

/// Whether the type field at its place is one that a pseudowire would carry.
fn looks_like_ethernet(frame: &[u8]) -> bool {
    let ether_type =
        frame.get(12..14).and_then(|t| t.first_chunk()).map(|t| u16::from_be_bytes(*t));
    matches!(ether_type, Some(IPV4 | IPV6 | ARP | VLAN | SERVICE_VLAN))
}

/// Version, code, session, length (RFC 2516 §4), then a PPP protocol number.
fn pppoe<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    s.network(Layer3::Other(PPPOE_SESSION), bytes);
    let (&[0x11, 0, _, _, l0, l1], rest) = bytes.split_first_chunk().ok_or("pppoe header")? else {
        return Err("pppoe header");
    };
    let body = s.bound(rest, usize::from(u16::from_be_bytes([l0, l1])));
    match body.split_first_chunk() {
        Some(([0x00, 0x21 | 0x57], rest)) => Ok(Step::Ip(rest)),
        _ => Ok(Step::End),
    }
}

/// A 32-bit length as an index; saturates where a pointer is narrower.
pub(super) fn wide(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::samples::{
        A, B, cat, eth, frame, inner, ipv4, packet, sliced, tag, tcp, udp,
    };
    use super::super::{Layer4, slice};
    use super::*;
    use crate::net::Segment;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn datagram() -> Vec<u8> {
        ipv4(17, &udp(1000, 2000, b"hello"))
    }

    fn assert_hello(packet: &crate::wire::packet::Packet<'_>) {
        assert_eq!(packet.addresses().map(|a| a.0), Some(FROM));
        assert_eq!(packet.l4, Layer4::Udp { src: 1000, dst: 2000 });
        assert_eq!(packet.payload, b"hello");
        assert!(!packet.cut);
    }

    #[test]
    fn ethernet_and_its_padding() {
        let bytes = cat(&[&eth(0x0800, &datagram()), &[0xee; 13]]);
        let packet = packet(&bytes);
        assert_hello(&packet);
        assert_eq!((packet.src_mac, packet.dst_mac), (Some(Mac(A)), Some(Mac(B))));
        assert_eq!(packet.wire_len, 60);
    }

    #[test]
    fn vlan_stacks() {
        let at = |bytes: &[u8]| {
            let packet = packet(bytes);
            assert_hello(&packet);
            (packet.segment.vlan, packet.segment.inner_vlan)
        };
        let one = tag(0xe00a, 0x0800, &datagram());
        assert_eq!(at(&eth(0x8100, &one)), (10, 0), "the priority bits are no part of it");
        let two = tag(20, 0x8100, &one);
        assert_eq!(at(&eth(0x88a8, &two)), (20, 10));
        let three = tag(30, 0x88a8, &two);
        assert_eq!(at(&eth(0x9100, &three)), (30, 20), "the third is passed over");
        assert_eq!(at(&eth(0x8100, &tag(0, 0x8100, &one))), (10, 0), "VLAN 0 is none");
    }

    #[test]
    fn endless_tags_end() {
        let mut bytes = eth(0x8100, &[]);
        for _ in 0..400 {
            bytes.extend_from_slice(&[0, 1, 0x81, 0]);
        }
        assert_eq!(sliced(&bytes).malformed, Some("number of headers"));
    }

    #[test]
    fn length_fields() {
        let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &datagram()]);
        let length = u16::try_from(snap.len()).unwrap();
        assert_hello(&packet(&cat(&[&eth(length, &snap), &[0; 20]])));
        // Spanning tree; what is behind the length is padding.
        let bpdu = eth(4, &[0x42, 0x42, 3, 9, 0, 0, 0]);
        let bpdu = packet(&bpdu);
        assert_eq!((bpdu.l3, bpdu.payload), (Layer3::Other(0), &[0x42, 0x42, 3, 9][..]));
        // Cisco's discovery protocol stands behind another organisation code.
        let cdp = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2];
        assert_eq!(packet(&eth(9, &cdp)).payload, cdp);
        let tagged = eth(0x8100, &tag(7, 9, &cdp));
        assert_eq!(packet(&tagged).payload, cdp);
        assert_eq!(packet(&tagged).segment.vlan, 7);
    }

    #[test]
    fn other_types() {
        let arp = eth(0x0806, &[1; 28]);
        assert_eq!((packet(&arp).l3, packet(&arp).payload), (Layer3::Arp, &[1; 28][..]));
        let lldp = eth(0x88cc, &[2, 7]);
        assert_eq!((packet(&lldp).l3, packet(&lldp).payload), (Layer3::Other(0x88cc), &[2, 7][..]));
    }

    #[test]
    fn mpls_labels() {
        assert_hello(&packet(&eth(0x8847, &cat(&[&[0, 1, 0, 64, 0, 2, 1, 64], &datagram()]))));
        for control in [&[0; 4][..], &[]] {
            let tagged = [&inner()[..12], &[0x81, 0, 0, 5], &inner()[12..]].concat();
            let bytes = eth(0x8847, &cat(&[&[0, 2, 1, 64], control, &tagged]));
            let packet = packet(&bytes);
            assert_eq!((packet.payload, packet.segment.vlan), (&b"inner"[..], 5));
        }
        assert_eq!(sliced(&eth(0x8847, &[0; 40])).malformed, Some("mpls label stack"));
    }

    #[test]
    fn group_tags() {
        let body = cat(&[&[1, 1, 0, 1, 0, 42, 8, 0], &datagram()]);
        assert_hello(&packet(&eth(0x8909, &body)));
        assert_eq!(packet(&eth(0x8100, &tag(5, 0x8909, &body))).segment.vlan, 5);
        assert_eq!(sliced(&eth(0x8909, &[2; 20])).malformed, Some("cisco metadata"));
    }

    #[test]
    fn pppoe_session() {
        let length = u8::try_from(datagram().len() + 2).unwrap();
        let bytes = cat(&[&[0x11, 0, 0, 1, 0, length, 0, 0x21], &datagram(), &[0; 9]]);
        assert_hello(&packet(&eth(0x8864, &bytes)));
        let lcp = packet(&eth(0x8864, &[0x11, 0, 0, 1, 0, 4, 0xc0, 0x21, 1, 1])).l3;
        assert_eq!(lcp, Layer3::Other(0x8864));
    }

    #[test]
    fn links_that_are_not_ethernet() {
        let as_link = |link, bytes: &[u8]| {
            let result = slice(&Frame { link, ..frame(bytes) }, 3);
            assert_hello(&result.packet);
            assert_eq!(result.packet.segment, Segment { sensor: 3, ..Segment::default() });
            assert_eq!(result.packet.dst_mac, None);
            result.packet.src_mac
        };
        assert_eq!(as_link(LinkType::RawIp, &datagram()), None);
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_eq!(as_link(LinkType::Null, &cat(&[&family, &datagram()])), None);
        }
        let cooked = |hardware, length| {
            cat(&[&[0, 0, 0, hardware, 0, length], &A, &[0, 0, 8, 0], &datagram()])
        };
        assert_eq!(as_link(LinkType::Cooked, &cooked(1, 6)), Some(Mac(A)));
        assert_eq!(as_link(LinkType::Cooked, &cooked(1, 0)), None);
        assert_eq!(as_link(LinkType::Cooked, &cooked(2, 6)), None);
        let head = [8, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 6];
        let cooked2 = cat(&[&head, &A, &[0, 0], &datagram()]);
        assert_eq!(as_link(LinkType::Cooked2, &cooked2), Some(Mac(A)));
    }

    #[test]
    fn address_families() {
        let v6 = super::super::samples::ipv6(6, &tcp(2, b""));
        for family in [10, 23, 24, 28, 30_u32] {
            for family in [family.to_be_bytes(), family.to_le_bytes()] {
                let bytes = cat(&[&family, &v6]);
                let packet = slice(&Frame { link: LinkType::Null, ..frame(&bytes) }, 0).packet;
                assert_eq!(packet.ports(), Some((40000, 104)));
            }
        }
        let bytes = cat(&[&[9, 0, 0, 0], &v6]);
        let bad = slice(&Frame { link: LinkType::Null, ..frame(&bytes) }, 0);
        assert_eq!(bad.malformed, Some("address family"));
    }
}
