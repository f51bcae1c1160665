//! IPv4, IPv6 with its extension headers, and the transport above.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, TcpSlice, UdpHeaderSlice, ip_number,
};

use super::slice::{Fragment, Next, Sliced, Step};
use super::{Layer3, Layer4, TcpFlags, tunnel};

/// Extension headers followed in one packet. RFC 8504 §5.3 lets a node limit
/// the chain; real ones have one or two.
const MAX_EXTENSIONS: usize = 8;

/// The longest fragmented part: offsets and lengths are 16 bits wide.
const MAX_DATAGRAM: usize = 65_535;

/// Either version, by the version nibble, whatever the header before said.
pub(super) fn ip<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    match bytes.first().map(|b| b >> 4) {
        Some(4) => v4(s, bytes),
        Some(6) => v6(s, bytes),
        Some(_) => Err("ip version"),
        None => Err("ip header"),
    }
}

/// RFC 791 §3.1.
fn v4<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| "ipv4 header")?;
    let header_len = header.slice().len();
    let body = bytes.get(header_len..).unwrap_or_default();
    let length = match header.total_len() {
        // Captured on a host before the card split it into segments.
        0 => s.length_on_wire(body),
        total => usize::from(total).checked_sub(header_len).ok_or("ipv4 total length")?,
    };
    let body = s.bound(body, length);
    s.network(
        Layer3::Ip {
            src: IpAddr::V4(header.source_addr()),
            dst: IpAddr::V4(header.destination_addr()),
            ttl: header.ttl(),
            id: header.identification(),
            dont_fragment: header.dont_fragment(),
        },
        body,
    );
    if header.is_fragmenting_payload() {
        return fragment(
            s,
            Fragment {
                id: u32::from(header.identification()),
                protocol: header.protocol().0,
                offset: offset(header.fragments_offset().value())?,
                more: header.more_fragments(),
                bytes: body,
            },
        );
    }
    Ok(Step::Upper(header.protocol().0, body))
}

/// RFC 8200 §3.
fn v6<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| "ipv6 header")?;
    let body = bytes.get(header.slice().len()..).unwrap_or_default();
    let length = match (header.payload_length(), header.next_header()) {
        (0, ip_number::IPV6_NO_NEXT_HEADER) => 0,
        // A jumbogram (RFC 2675), or captured before the card split it.
        (0, _) => s.length_on_wire(body),
        (length, _) => usize::from(length),
    };
    let body = s.bound(body, length);
    s.network(
        Layer3::Ip {
            src: IpAddr::V6(header.source_addr()),
            dst: IpAddr::V6(header.destination_addr()),
            ttl: header.hop_limit(),
            id: 0,
            dont_fragment: true,
        },
        body,
    );
    Ok(Step::Upper(header.next_header().0, body))
}

/// Fragment offsets count units of eight bytes.
fn offset(units: u16) -> Result<u16, &'static str> {
    units.checked_mul(8).ok_or("fragment offset")
}

fn fragment<'a>(s: &mut Sliced<'a>, fragment: Fragment<'a>) -> Next<'a> {
    if usize::from(fragment.offset).saturating_add(s.length_on_wire(fragment.bytes)) > MAX_DATAGRAM
    {
        return Err("fragment length");
    }
    s.packet.payload = fragment.bytes;
    s.fragment = Some(fragment);
    Ok(Step::End)
}

/// Extension headers (RFC 8200 §4, RFC 4302 for both versions), then the transport.
pub(super) fn upper<'a>(s: &mut Sliced<'a>, mut protocol: u8, mut bytes: &'a [u8]) -> Next<'a> {
    let v6 = matches!(s.packet.l3, Layer3::Ip { src: IpAddr::V6(_), .. });
    for _ in 0..MAX_EXTENSIONS {
        s.packet.l4 = Layer4::Other(protocol);
        s.packet.payload = bytes;
        let (next, len) = match IpNumber(protocol) {
            ip_number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(bytes).map_err(|_| "ip auth header")?;
                (header.next_header(), header.slice().len())
            }
            ip_number::IPV6_FRAG if v6 => {
                let header = Ipv6FragmentHeaderSlice::from_slice(bytes)
                    .map_err(|_| "ipv6 fragment header")?;
                let len = header.slice().len();
                // A fragment header on a whole packet (RFC 6946) says nothing.
                if header.is_fragmenting_payload() {
                    s.packet.l4 = Layer4::None;
                    if s.is_reassembled() {
                        return Err("nested fragment");
                    }
                    return fragment(
                        s,
                        Fragment {
                            id: header.identification(),
                            protocol: header.next_header().0,
                            offset: offset(header.fragment_offset().value())?,
                            more: header.more_fragments(),
                            bytes: bytes.get(len..).unwrap_or_default(),
                        },
                    );
                }
                (header.next_header(), len)
            }
            number if v6 && Ipv6RawExtHeaderSlice::header_type_supported(number) => {
                let header = Ipv6RawExtHeaderSlice::from_slice(bytes)
                    .map_err(|_| "ipv6 extension header")?;
                (header.next_header(), header.slice().len())
            }
            number => return transport(s, number, v6, bytes),
        };
        protocol = next.0;
        bytes = bytes.get(len..).unwrap_or_default();
    }
    Err("ipv6 extension headers")
}

fn transport<'a>(s: &mut Sliced<'a>, number: IpNumber, v6: bool, bytes: &'a [u8]) -> Next<'a> {
    match number {
        ip_number::TCP => tcp(s, bytes),
        ip_number::UDP => udp(s, bytes),
        ip_number::ICMP if !v6 => {
            s.packet.l4 = Layer4::Icmp;
            Ok(Step::End)
        }
        ip_number::IPV6_ICMP if v6 => {
            s.packet.l4 = Layer4::Icmp6;
            Ok(Step::End)
        }
        ip_number::GRE => Ok(tunnel::gre(bytes)?.map_or(Step::End, Step::Tunnel)),
        _ => Ok(Step::End),
    }
}

/// RFC 9293 §3.1.
fn tcp<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let tcp = TcpSlice::from_slice(bytes).map_err(|_| "tcp header")?;
    let header = tcp.header_slice();
    s.packet.l4 = Layer4::Tcp {
        src: tcp.source_port(),
        dst: tcp.destination_port(),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags: TcpFlags(header.get(13).copied().unwrap_or_default()),
        window: tcp.window_size(),
        options: header.get(20..).unwrap_or_default(),
    };
    s.packet.payload = tcp.payload();
    Ok(Step::End)
}

/// RFC 768; a length of 0 is a datagram longer than the field (RFC 2675 §4) or
/// one captured before the card split it.
fn udp<'a>(s: &mut Sliced<'a>, bytes: &'a [u8]) -> Next<'a> {
    let udp = UdpHeaderSlice::from_slice(bytes).map_err(|_| "udp header")?;
    let header_len = udp.slice().len();
    let body = bytes.get(header_len..).unwrap_or_default();
    let length = match udp.length() {
        0 => s.length_on_wire(body),
        length => usize::from(length).checked_sub(header_len).ok_or("udp length")?,
    };
    let payload = s.bound(body, length);
    s.packet.l4 = Layer4::Udp { src: udp.source_port(), dst: udp.destination_port() };
    s.packet.payload = payload;
    s.checksum = udp.checksum();
    Ok(tunnel::udp(udp.destination_port(), payload).map_or(Step::End, Step::Tunnel))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        cat, eth, frame, ipv4, ipv4_with, ipv6, ipv6_fragment, packet, sliced, tcp, udp,
    };
    use super::super::slice;
    use super::*;
    use crate::wire::capture::Frame;

    #[test]
    fn tcp_fields() {
        let bytes = eth(0x0800, &ipv4(6, &tcp(0x12, b"data")));
        let packet = packet(&bytes);
        let Layer4::Tcp { src, dst, seq, ack, flags, window, options } = packet.l4 else {
            panic!("{packet:?}")
        };
        assert_eq!((src, dst, seq, ack, window), (40000, 104, 1, 2, 0x1000));
        assert!(flags.has(TcpFlags::SYN | TcpFlags::ACK) && !flags.has(TcpFlags::FIN));
        assert_eq!((options, packet.payload), (&[2, 4, 5, 180][..], &b"data"[..]));
        let Layer3::Ip { ttl, id, dont_fragment, .. } = packet.l3 else { panic!("{packet:?}") };
        assert_eq!((ttl, id, dont_fragment), (64, 7, true));
    }

    #[test]
    fn options_and_other_protocols() {
        let mut options = ipv4(1, &[1, 1, 1, 0, 8, 0, 1, 2]);
        options[0] = 0x46;
        assert_eq!(packet(&eth(0x0800, &options)).payload, [8, 0, 1, 2]);
        assert_eq!(packet(&eth(0x0800, &options)).l4, Layer4::Icmp);
        assert_eq!(packet(&eth(0x86dd, &ipv6(58, &[135, 0]))).l4, Layer4::Icmp6);
        assert_eq!(packet(&eth(0x0800, &ipv4(50, &[1]))).l4, Layer4::Other(50));
        let auth = cat(&[&[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], &udp(1, 2, b"ah")]);
        assert_eq!(packet(&eth(0x0800, &ipv4(51, &auth))).payload, b"ah");
    }

    #[test]
    fn extension_headers() {
        let padding = [0_u8; 7];
        let chain = cat(&[&[43], &padding, &[60], &padding, &[17], &padding, &udp(1, 2, b"x")]);
        assert_eq!(packet(&eth(0x86dd, &ipv6(0, &chain))).payload, b"x");
        // RFC 6946: whole, in spite of its fragment header.
        assert_eq!(
            packet(&eth(0x86dd, &ipv6_fragment(17, 0, false, 1, &udp(1, 2, b"x")))).payload,
            b"x"
        );
        let endless = eth(0x86dd, &ipv6(60, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(20)));
        assert_eq!(sliced(&endless).malformed, Some("ipv6 extension headers"));
    }

    #[test]
    fn length_zero_is_the_rest_of_the_frame() {
        let mut bytes = eth(0x0800, &ipv4(6, &tcp(0x18, &[5; 9000])));
        (bytes[16], bytes[17]) = (0, 0);
        assert_eq!(packet(&bytes).payload.len(), 9000);
        let mut bytes = eth(0x86dd, &ipv6(6, &tcp(0x18, &[5; 9000])));
        (bytes[18], bytes[19]) = (0, 0);
        assert_eq!(packet(&bytes).payload.len(), 9000);
    }

    #[test]
    fn lengths_that_lie() {
        let mut bytes = eth(0x0800, &ipv4(17, &udp(1, 2, b"four")));
        bytes[17] = 19;
        assert_eq!(sliced(&bytes).malformed, Some("ipv4 total length"));
        (bytes[17], bytes[39]) = (200, 180);
        assert!(sliced(&bytes).packet.cut);
        bytes[17] = 32;
        bytes[39] = 7;
        assert_eq!(sliced(&bytes).malformed, Some("udp length"));
        bytes[39] = 10;
        assert_eq!(packet(&bytes).payload, b"fo");
        bytes[39] = 13;
        assert!(packet(&bytes).cut);
        bytes[14] = 0x55;
        assert_eq!(sliced(&bytes).malformed, Some("ip version"));
    }

    #[test]
    fn capture_that_cuts() {
        let whole = eth(0x0800, &ipv4(6, &tcp(0x18, b"payload")));
        let cut = |len: usize| {
            let bytes = &whole[..len];
            slice(&Frame { wire_len: u32::try_from(whole.len()).unwrap(), ..frame(bytes) }, 0)
        };
        let some = cut(whole.len() - 3);
        assert!(some.packet.cut && some.packet.ports().is_some());
        assert_eq!(some.packet.payload, b"payl");
        let head = cut(14 + 20 + 13);
        assert!(head.packet.cut && head.packet.addresses().is_some());
        assert_eq!((head.packet.l4, head.malformed), (Layer4::Other(6), None));
    }

    #[test]
    fn fragments_are_not_dissected() {
        let first = eth(0x0800, &ipv4_with(9, 0x2000, 64, 17, &udp(53, 53, &[1; 8])));
        let first = sliced(&first);
        assert_eq!(first.packet.l4, Layer4::None);
        let fragment = first.fragment.unwrap();
        assert_eq!((fragment.id, fragment.protocol, fragment.offset), (9, 17, 0));
        assert!(fragment.more);
        let bytes = eth(0x86dd, &ipv6_fragment(17, 16, false, 77, b"tail"));
        let fragment = sliced(&bytes).fragment.unwrap();
        assert_eq!((fragment.id, fragment.offset, fragment.bytes), (77, 16, &b"tail"[..]));
        // The ping of death: an end behind what a length can say.
        let death = eth(0x0800, &ipv4_with(9, 0x1fff, 64, 1, &[0; 16]));
        assert_eq!(sliced(&death).malformed, Some("fragment length"));
    }
}
