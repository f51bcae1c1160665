//! IPv6 neighbour discovery (RFC 4861): who holds which address on the link, and
//! who routes.
//!
//! Only what a host says of itself binds: the link-layer address in the message must
//! be the frame's. Duplicate address detection (RFC 4862 §5.4) comes from the
//! unspecified address and binds nothing; of a link-local address it tells that a network
//! came up, as asking for routers does.

use std::net::{IpAddr, Ipv6Addr};

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::{Arrival, Key, Lease, Observed};
use crate::wire::packet::{Layer3, Layer4, Packet};

/// `router`.
const ROUTER: Key = Key::new("ndp.router");

/// NDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ndp",
    standard: "RFC 4861",
    keys: &[ROUTER],
    ports: &[],
    body: Body::Packet { wants, read },
};

/// ICMPv6 types (RFC 4861 §4).
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Option types (RFC 4861 §4.6.1).
const SOURCE: u8 = 1;
const TARGET: u8 = 2;

/// A hop limit of 255 shows that no router has passed it on (RFC 4861 §7.1).
fn wants(packet: &Packet<'_>) -> bool {
    let from_the_link = matches!(packet.l3, Layer3::Ip { ttl: 255, .. });
    let kind = packet.payload.first();
    packet.l4 == Layer4::Icmp6
        && from_the_link
        && matches!(kind, Some(&(ROUTER_SOLICITATION..=NEIGHBOUR_ADVERTISEMENT)))
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let Some((src, _)) = packet.addresses() else { return Ok(()) };
    let mut r = Reader::new(packet.payload);
    let kind = r.u8("Type")?;
    if r.u8("Code")? != 0 {
        return Err(Error::invalid("Code"));
    }
    r.skip(2, "Checksum")?;
    let mut bound = src;
    let mut wanted = SOURCE;
    match kind {
        ROUTER_SOLICITATION => {
            r.skip(4, "Reserved")?;
            arrives(packet, Arrival::Routers, out);
        }
        ROUTER_ADVERTISEMENT => {
            r.skip(2, "Cur Hop Limit, flags")?;
            // A lifetime of zero: it announces prefixes but is no default router (§4.2).
            if r.u16_be("Router Lifetime")? != 0 {
                out.fact(Who::Sender, &ROUTER, "router");
            }
            r.skip(8, "Reachable Time, Retrans Timer")?;
        }
        NEIGHBOUR_SOLICITATION => {
            r.skip(4, "Reserved")?;
            let target = Ipv6Addr::from(r.array::<16>("Target Address")?);
            // Others change while it runs (RFC 8981).
            if src.is_unspecified() && target.is_unicast_link_local() {
                arrives(packet, Arrival::Address, out);
            }
        }
        _ => {
            r.skip(4, "flags")?;
            bound = IpAddr::V6(Ipv6Addr::from(r.array::<16>("Target Address")?));
            wanted = TARGET;
        }
    }
    if let Some(mac) = link_layer(r, wanted)?
        && packet.src_mac == Some(mac)
        && mac.is_unicast()
        && !bound.is_unspecified()
        && !bound.is_multicast()
    {
        let who = Who::Named { mac: Some(mac), ip: Some(bound) };
        out.observe(who, Observed::Address(bound, Lease::Ndp));
    }
    Ok(())
}

/// A hop limit of 255 shows that it comes from the card's own link.
fn arrives(packet: &Packet<'_>, how: Arrival, out: &mut dyn Sink) {
    if let Some(card) = Who::card(packet) {
        out.arrives(card, how);
    }
}

/// The link-layer address option of this type (§4.6.1), of an Ethernet address.
fn link_layer(mut r: Reader<'_>, wanted: u8) -> Result<Option<Mac>, Error> {
    while !r.is_empty() {
        let kind = r.u8("option Type")?;
        // In units of eight bytes with these two; zero is forbidden (§4.6).
        let len = usize::from(r.u8("option Length")?).saturating_mul(8);
        let len = len.checked_sub(2).ok_or(Error::invalid("option Length"))?;
        let value = r.take(len, "option")?;
        if kind == wanted {
            return Ok(value.as_array().copied().map(Mac));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, starts, udp};
    use super::super::torture;
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn icmp6<'a>(src: &str, payload: &'a [u8]) -> Packet<'a> {
        let mut p = udp(0, 0, payload);
        p.l4 = Layer4::Icmp6;
        p.l3 = Layer3::Ip {
            src: src.parse().unwrap(),
            dst: "ff02::1".parse().unwrap(),
            ttl: 255,
            id: 0,
            dont_fragment: true,
        };
        p
    }

    fn message(kind: u8, fixed: &[u8], option: u8, mac: [u8; 6]) -> Vec<u8> {
        [&[kind, 0, 0, 0][..], fixed, &[14, 1, 0, 0, 0, 0, 0, 0, option, 1], &mac].concat()
    }

    fn target(ip: &str) -> Vec<u8> {
        [&[0; 4][..], &ip.parse::<Ipv6Addr>().unwrap().octets()].concat()
    }

    #[test]
    fn own_addresses_bind() {
        let said = |src, m: &[u8]| facts(&packet("ndp", &icmp6(src, m)).unwrap());
        let of = |ip| format!("<02:00:00:00:00:01|{ip}> Address({ip}, Ndp)");
        let advert = message(136, &target("2001:db8::7"), 2, MAC);
        assert_eq!(said("fe80::1", &advert), [of("2001:db8::7")]);
        let solicit = message(135, &target("2001:db8::9"), 1, MAC);
        assert_eq!(said("2001:db8::7", &solicit), [of("2001:db8::7")]);
        assert!(said("::", &solicit).is_empty(), "duplicate address detection");
        let proxied = message(136, &target("2001:db8::7"), 2, [2, 0, 0, 0, 0, 9]);
        assert!(said("fe80::1", &proxied).is_empty());
        let router = message(134, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0], 1, MAC);
        assert_eq!(said("fe80::1", &router), ["C ndp.router=router".into(), of("fe80::1")]);
    }

    #[test]
    fn who_takes_a_link_local_address_or_asks_for_routers_has_come() {
        let said = |src, m: &[u8]| starts(&packet("ndp", &icmp6(src, m)).unwrap());
        let who = |how| [format!("<02:00:00:00:00:01|> {how}")];
        let takes = |ip| message(135, &target(ip), 14, MAC);
        assert_eq!(said("::", &takes("fe80::7")), who("Address"));
        assert!(said("::", &takes("2001:db8::7")).is_empty(), "another while it runs");
        assert!(said("fe80::1", &takes("fe80::7")).is_empty(), "asks for a neighbour");
        assert_eq!(said("::", &message(133, &[0; 4], 14, MAC)), who("Routers"));
        assert_eq!(said("fe80::1", &message(133, &[0; 4], 1, MAC)), who("Routers"));
        assert!(said("fe80::1", &message(136, &target("fe80::7"), 2, MAC)).is_empty());
    }

    #[test]
    fn only_from_the_link() {
        let advert = message(136, &target("2001:db8::7"), 2, MAC);
        let mut far = icmp6("fe80::1", &advert);
        let Layer3::Ip { ttl, .. } = &mut far.l3 else { panic!() };
        *ttl = 254;
        assert!(!wants(&far));
    }

    #[test]
    fn survives_anything() {
        let advert = message(136, &target("2001:db8::7"), 2, MAC);
        torture::packet("ndp", &icmp6("fe80::1", &advert), &[]);
    }
}
