//! Address Resolution Protocol (RFC 826): who holds which address on the link.
//!
//! The sender's pair is a binding; the target's is only a question. Probes with a
//! zero sender address (RFC 5227 §1.1) bind nothing.

use std::net::{IpAddr, Ipv4Addr};

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::{Lease, Observed};
use crate::wire::packet::{Layer3, Packet};

/// ARP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "arp",
    standard: "RFC 826",
    keys: &[],
    ports: &[],
    body: Body::Packet { wants, read },
};

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
    r.skip(2, "operation")?;
    let mac = Mac(r.array("sender hardware address")?);
    let ip = Ipv4Addr::from(r.array::<4>("sender protocol address")?);
    // A relay or proxy may answer for others: only a frame from that very MAC binds.
    if packet.src_mac == Some(mac) && mac.is_unicast() && !ip.is_unspecified() && !ip.is_multicast()
    {
        let ip = IpAddr::V4(ip);
        out.observe(Who::Named { mac: Some(mac), ip: Some(ip) }, Observed::Address(ip, Lease::Arp));
    }
    Ok(())
}
