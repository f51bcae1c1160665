//! Frames built by hand for the tests of this module, and what must hold for all.

use super::{Layer4, Packet, Sliced, slice};
use crate::time::Timestamp;
use crate::wire::capture::{Frame, LinkType};

pub(super) const A: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(super) const B: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub(super) const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0xfe];

/// A complete Ethernet frame at second 1000.
pub(super) fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame {
        at: Timestamp::new(1000, 0),
        link: LinkType::Ethernet,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        number: 1,
        bytes,
    }
}

/// As [`frame`], that many nanoseconds later.
pub(super) fn later(bytes: &[u8], nanos: i64) -> Frame<'_> {
    Frame { at: Timestamp(Timestamp::new(1000, 0).0 + nanos), ..frame(bytes) }
}

/// Slices an Ethernet frame and checks that its slices lie inside it.
pub(super) fn sliced(bytes: &[u8]) -> Sliced<'_> {
    let sliced = slice(&frame(bytes), 0);
    assert_inside(&sliced, bytes);
    sliced
}

/// As [`sliced`], of a frame that must be well-formed.
pub(super) fn packet(bytes: &[u8]) -> Packet<'_> {
    let sliced = sliced(bytes);
    assert_eq!(sliced.malformed, None);
    sliced.packet
}

/// The slices of a result lie inside the frame, and lengths agree.
pub(super) fn assert_inside(sliced: &Sliced<'_>, bytes: &[u8]) {
    let range = bytes.as_ptr_range();
    let inside = |part: &[u8]| {
        let part = part.as_ptr_range();
        part.start == part.end || (range.start <= part.start && part.end <= range.end)
    };
    assert!(inside(sliced.packet.payload));
    if let Layer4::Tcp { options, .. } = sliced.packet.l4 {
        assert!(inside(options) && options.len() <= 40);
    }
    if let Some(fragment) = sliced.fragment {
        assert!(inside(fragment.bytes));
        assert_eq!(sliced.packet.l4, Layer4::None);
    }
    assert!(sliced.packet.payload.len() <= bytes.len());
    assert!(sliced.tunnels <= 4);
}

pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn be(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap().to_be_bytes()
}

pub(super) fn eth(ether_type: u16, body: &[u8]) -> Vec<u8> {
    eth_between(A, B, ether_type, body)
}

pub(super) fn eth_between(src: [u8; 6], dst: [u8; 6], ether_type: u16, body: &[u8]) -> Vec<u8> {
    cat(&[&dst, &src, &ether_type.to_be_bytes(), body])
}

/// Tag control information and next type: goes behind a tag's EtherType.
pub(super) fn tag(vlan: u16, ether_type: u16, body: &[u8]) -> Vec<u8> {
    cat(&[&vlan.to_be_bytes(), &ether_type.to_be_bytes(), body])
}

/// From 10.0.0.1 to 10.0.0.2. `fragment` is the field with flags and offset.
pub(super) fn ipv4_with(id: u16, fragment: u16, ttl: u8, protocol: u8, body: &[u8]) -> Vec<u8> {
    let head = [&[0x45, 0][..], &be(20 + body.len()), &be(id.into()), &be(fragment.into())];
    cat(&[&head.concat(), &[ttl, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], body])
}

pub(super) fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
    ipv4_with(7, 0x4000, 64, protocol, body)
}

/// From fd00::1 to fd00::2.
pub(super) fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut src = [0; 16];
    (src[0], src[15]) = (0xfd, 1);
    let mut dst = src;
    dst[15] = 2;
    cat(&[&[0x60, 0, 0, 0], &be(body.len()), &[next, 64], &src, &dst, body])
}

/// An IPv6 fragment header and its bytes.
pub(super) fn ipv6_fragment(next: u8, offset: u16, more: bool, id: u32, body: &[u8]) -> Vec<u8> {
    let field = (offset | u16::from(more)).to_be_bytes();
    ipv6(44, &cat(&[&[next, 0], &field, &id.to_be_bytes(), body]))
}

pub(super) fn udp(src: u16, dst: u16, body: &[u8]) -> Vec<u8> {
    cat(&[&src.to_be_bytes(), &dst.to_be_bytes(), &be(8 + body.len()), &[0, 0], body])
}

/// Port 40000 to 104, sequence number 1, acknowledging 2, with a maximum segment size.
pub(super) fn tcp(flags: u8, body: &[u8]) -> Vec<u8> {
    let head = [0x9c, 0x40, 0, 104, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, flags, 0x10, 0, 0, 0, 0, 0];
    cat(&[&head, &[2, 4, 5, 180], body])
}

/// A UDP frame that every tunnel here may carry.
pub(super) fn inner() -> Vec<u8> {
    eth(0x0800, &ipv4(17, &udp(1000, 2000, b"inner")))
}

/// GRE header with the given flags field, its optional fields zero, and protocol.
pub(super) fn gre(flags: u16, protocol: u16, body: &[u8]) -> Vec<u8> {
    let options = 4 * (flags & 0xb000).count_ones() as usize;
    let head = cat(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), &vec![0; options]]);
    eth(0x0800, &ipv4(47, &cat(&[&head, body])))
}

/// ERSPAN II header for VLAN 300 and session 5.
pub(super) const ERSPAN_II: [u8; 8] = [0x11, 0x2c, 0x00, 0x05, 0, 0, 0, 1];

/// VXLAN header for network 5001.
pub(super) const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0x13, 0x89, 0];

/// One frame of every encapsulation.
pub(super) fn all() -> Vec<Vec<u8>> {
    let v4 = ipv4(6, &tcp(0x18, b"payload"));
    let v6 =
        ipv6(0, &cat(&[&[60, 0, 0, 0, 0, 0, 0, 0], &[17, 0, 0, 0, 0, 0, 0, 0], &udp(1, 2, b"x")]));
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4]);
    let ip_option =
        cat(&[&[0x46, 0, 0, 32], &ipv4(17, b"")[4..20], &[1, 1, 1, 0], &udp(5, 6, b"")]);
    let pppoe = cat(&[&[0x11, 0, 0, 1], &be(v4.len() + 2), &[0, 0x21], &v4]);
    let iii = [0x21, 0x2c, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9];
    vec![
        eth(0x0800, &v4),
        eth(0x0800, &ip_option),
        eth(0x86dd, &v6),
        eth(0x0806, &[0; 28]),
        eth(0x88cc, b"\x02\x07\x04"),
        eth(0x8100, &tag(10, 0x0800, &v4)),
        eth(0x88a8, &tag(10, 0x8100, &tag(20, 0x9100, &tag(30, 0x86dd, &v6)))),
        eth(u16::try_from(snap.len()).unwrap(), &snap),
        eth(3, &[0x42, 0x42, 3]),
        eth(0x8847, &cat(&[&[0, 1, 0, 64, 0, 2, 1, 64], &v4])),
        eth(0x8847, &cat(&[&[0, 2, 1, 64, 0, 0, 0, 0], &inner()])),
        eth(0x8864, &pppoe),
        eth(0x0800, &ipv4_with(9, 0x2000, 64, 17, &[0; 16])),
        eth(0x86dd, &ipv6_fragment(17, 8, false, 1, b"rest")),
        eth(0x0800, &ipv4(51, &cat(&[&[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], &udp(1, 2, b"ah")]))),
        gre(0xb000, 0x6558, &inner()),
        gre(0, 0x0800, &v4),
        gre(0, 0x88be, &inner()),
        gre(0x1000, 0x88be, &cat(&[&ERSPAN_II, &inner()])),
        gre(0x1000, 0x22eb, &cat(&[&iii, &inner()])),
        eth(0x0800, &ipv4(17, &udp(1, 4789, &cat(&[&VXLAN, &inner()])))),
        eth(
            0x0800,
            &ipv4(
                17,
                &udp(1, 6081, &cat(&[&[1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 0], &inner()])),
            ),
        ),
    ]
}
