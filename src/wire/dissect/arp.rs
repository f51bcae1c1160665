//! Address Resolution Protocol (RFC 826): who holds which address on the link.
//!
//! The sender's pair is a binding; the target's is only a question. Probes with a
//! zero sender address (RFC 5227 §1.1) bind nothing, but tell that a network came up.

use std::net::{IpAddr, Ipv4Addr};

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::{Arrival, Lease, Observed};
use crate::wire::packet::{Layer3, Packet};

/// ARP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "arp",
    standard: "RFC 826",
    keys: &[],
    ports: &[],
    body: Body::Packet { wants, read },
};

/// Operation (RFC 826).
const REQUEST: u16 = 1;

fn wants(packet: &Packet<'_>) -> bool {
    packet.l3 == Layer3::Arp
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    if (r.u16_be("hardware type")?, r.u16_be("protocol type")?) != (1, 0x0800) {
        return Err(Error::invalid("hardware or protocol type"));
    }
    if (r.u8("hardware length")?, r.u8("protocol length")?) != (6, 4) {
        return Err(Error::invalid("address length"));
    }
    let operation = r.u16_be("operation")?;
    let mac = Mac(r.array("sender hardware address")?);
    let ip = Ipv4Addr::from(r.array::<4>("sender protocol address")?);
    // A relay or proxy may answer for others: only a frame from that very MAC binds.
    if packet.src_mac == Some(mac) && mac.is_unicast() && !ip.is_unspecified() && !ip.is_multicast()
    {
        let ip = IpAddr::V4(ip);
        out.observe(Who::Named { mac: Some(mac), ip: Some(ip) }, Observed::Address(ip, Lease::Arp));
    }
    // To all; a switch that asks one device in this way has an address of its own.
    if operation == REQUEST
        && ip.is_unspecified()
        && packet.src_mac == Some(mac)
        && is_to_all(packet)
    {
        r.skip(6, "target hardware address")?;
        let target = Ipv4Addr::from(r.array::<4>("target protocol address")?);
        if let Some(card) = Who::card(packet).filter(|_| !target.is_unspecified()) {
            out.arrives(card, Arrival::ArpProbe);
        }
    }
    Ok(())
}

fn is_to_all(packet: &Packet<'_>) -> bool {
    packet.dst_mac == Some(Mac([255; 6]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{packet, starts, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer4;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn arp(operation: u8, mac: [u8; 6], ip: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        [&head[..], &mac, &ip, &[0; 6], &target].concat()
    }

    fn of(to: [u8; 6], payload: &[u8]) -> Packet<'_> {
        let (l3, l4) = (Layer3::Arp, Layer4::None);
        Packet { l3, l4, dst_mac: Some(Mac(to)), ..udp(0, 0, payload) }
    }

    #[test]
    fn who_asks_whether_an_address_is_free_has_come() {
        let said = |to, payload: &[u8]| starts(&packet("arp", &of(to, payload)).unwrap());
        let (all, free, nobody) = ([255; 6], [10, 0, 0, 1], [0; 4]);
        let probe = arp(1, OWN, nobody, free);
        assert_eq!(said(all, &probe), ["<02:00:00:00:00:01|> ArpProbe"]);
        assert!(said([2, 0, 0, 0, 0, 9], &probe).is_empty(), "a switch asks one");
        assert!(said(all, &arp(1, OWN, free, free)).is_empty(), "it has it");
        assert!(said(all, &arp(2, OWN, nobody, free)).is_empty(), "an answer");
        assert!(said(all, &arp(1, OWN, nobody, nobody)).is_empty());
        assert!(said(all, &arp(1, [2, 0, 0, 0, 0, 7], nobody, free)).is_empty(), "for another");
        torture::packet("arp", &of(all, &probe), &[]);
    }
}
