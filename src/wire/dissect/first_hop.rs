//! Routers among themselves: who shares a gateway's address (VRRP, RFC 9568; HSRP,
//! RFC 2281 and as Cisco has published version 2) and who exchanges routes (OSPF,
//! RFC 2328 and RFC 5340; EIGRP, RFC 7868). Each says for certain that its sender routes.

use std::net::Ipv4Addr;

use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::{Layer4, Packet};

/// Virtual router identifier, decimal.
const VRRP_ID: Key = Key::new("vrrp.vrid");
/// `2` or `3`.
const VRRP_VERSION: Key = Key::new("vrrp.version");
/// Group number, decimal.
const HSRP_GROUP: Key = Key::new("hsrp.group");
/// `active`, `standby` or another state in words.
const HSRP_STATE: Key = Key::new("hsrp.state");
const OSPF_ROUTER: Key = Key::new("ospf.router_id");
const OSPF_AREA: Key = Key::new("ospf.area");
/// Autonomous system number, decimal.
const EIGRP_SYSTEM: Key = Key::new("eigrp.system");
/// Release of the router's system: `15.2`.
const EIGRP_RELEASE: Key = Key::new("eigrp.release");

/// IP protocol numbers.
const IP_EIGRP: u8 = 88;
const IP_OSPF: u8 = 89;
const IP_VRRP: u8 = 112;

/// VRRP as a protocol.
pub(super) static VRRP: Protocol = Protocol {
    name: "vrrp",
    standard: "RFC 9568",
    keys: &[VRRP_ID, VRRP_VERSION],
    ports: &[],
    body: Body::Packet { wants: |p| p.l4 == Layer4::Other(IP_VRRP), read: vrrp },
};

/// HSRP as a protocol.
pub(super) static HSRP: Protocol = Protocol {
    name: "hsrp",
    standard: "RFC 2281",
    keys: &[HSRP_GROUP, HSRP_STATE],
    ports: &[1985, 2029],
    body: Body::Datagram { probe: hsrp_probe, answers: |_| None, read: hsrp },
};

/// OSPF as a protocol.
pub(super) static OSPF: Protocol = Protocol {
    name: "ospf",
    standard: "RFC 2328, RFC 5340",
    keys: &[OSPF_ROUTER, OSPF_AREA],
    ports: &[],
    body: Body::Packet { wants: |p| p.l4 == Layer4::Other(IP_OSPF), read: ospf },
};

/// EIGRP as a protocol.
pub(super) static EIGRP: Protocol = Protocol {
    name: "eigrp",
    standard: "RFC 7868",
    keys: &[EIGRP_SYSTEM, EIGRP_RELEASE],
    ports: &[],
    body: Body::Packet { wants: |p| p.l4 == Layer4::Other(IP_EIGRP), read: eigrp },
};

/// Advertisement (RFC 9568 §5.1); the other versions' layouts begin alike.
fn vrrp(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    let version = match r.u8("version, type")? {
        0x21 => "2",
        0x31 => "3",
        _ => return Err(Error::invalid("version, type")),
    };
    let id = r.u8("Virtual Rtr ID")?;
    r.skip(6, "priority … checksum")?;
    if id == 0 {
        return Err(Error::invalid("Virtual Rtr ID"));
    }
    out.fact(Who::Sender, &VRRP_VERSION, version);
    out.fact(Who::Sender, &VRRP_ID, &id.to_string());
    Ok(())
}

/// Version 1 (RFC 2281 §5.1): version, op, state, times, priority, group. Version 2:
/// TLVs, of which the first is of group and state.
fn hsrp_head(payload: &[u8]) -> Option<(u16, u8)> {
    match *payload {
        // Hello, coup, resign; states of one bit each.
        [0, 0..=2, state, _, _, _, group, 0, ..] if payload.len() >= 20 => {
            (state <= 16).then_some((u16::from(group), state))
        }
        // Type 1, length 40: version, op, state, IP version, group.
        [1, 40, 2, 0..=2, state, 4 | 6, high, low, ..] if payload.len() >= 42 => {
            (state <= 6).then_some((u16::from_be_bytes([high, low]), state))
        }
        _ => None,
    }
}

/// To all routers of the protocol and to its port alone: the format has no mark.
fn hsrp_probe(packet: &Packet<'_>) -> Verdict {
    let ports = matches!(packet.ports(), Some((1985, 1985) | (2029, 2029)));
    let group = packet.addresses().is_some_and(|(_, dst)| dst.is_multicast());
    let fits = ports && group && hsrp_head(packet.payload).is_some();
    if fits { Verdict::Yes } else { Verdict::No }
}

fn hsrp(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let Some((group, state)) = hsrp_head(packet.payload) else { return Ok(()) };
    let second = packet.payload.first() == Some(&1);
    let state = match (second, state) {
        (false, 8) | (true, 5) => "standby",
        (false, 16) | (true, 6) => "active",
        _ => "other",
    };
    out.fact(Who::Sender, &HSRP_GROUP, &group.to_string());
    out.fact(Who::Sender, &HSRP_STATE, state);
    Ok(())
}

/// The head that all packets share (RFC 2328 A.3.1, RFC 5340 A.3.1).
fn ospf(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    if !matches!(r.array("version, type")?, [2 | 3, 1..=5]) {
        return Err(Error::invalid("version, type"));
    }
    r.skip(2, "packet length")?;
    let (router, area) = (r.array::<4>("Router ID")?, r.array::<4>("Area ID")?);
    out.fact(Who::Sender, &OSPF_ROUTER, &Ipv4Addr::from(router).to_string());
    out.fact(Who::Sender, &OSPF_AREA, &Ipv4Addr::from(area).to_string());
    Ok(())
}

/// Header and TLVs (RFC 7868 §6.5, §6.6); type 4 has the releases of system and EIGRP.
fn eigrp(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    if r.u8("Header Version")? != 2 {
        return Err(Error::invalid("Header Version"));
    }
    let hello = r.u8("Opcode")? == 5;
    r.skip(16, "checksum … virtual router")?;
    let system = r.u16_be("Autonomous system number")?;
    out.fact(Who::Sender, &EIGRP_SYSTEM, &system.to_string());
    while hello && r.remaining() >= 4 {
        let kind = r.u16_be("TLV type")?;
        let len = r.u16_be("TLV length")?.checked_sub(4).ok_or(Error::invalid("TLV length"))?;
        let value = r.take(usize::from(len), "TLV value")?;
        if let (4, [major, minor, ..]) = (kind, value) {
            out.fact(Who::Sender, &EIGRP_RELEASE, &format!("{major}.{minor}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer3;

    fn ip(protocol: u8, payload: &[u8]) -> Packet<'_> {
        Packet { l4: Layer4::Other(protocol), ..udp(0, 0, payload) }
    }

    #[track_caller]
    fn check(name: &str, packet_: &Packet<'_>, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|fact| format!("C {fact}")).collect();
        assert_eq!(facts(&packet(name, packet_).unwrap()), expected);
        torture::packet(name, packet_, &["CANARY"]);
    }

    #[test]
    fn routers_say_so() {
        let m = [0x21, 10, 100, 1, 0, 1, 0, 0, 10, 0, 0, 1, b'C', b'A', b'N', b'A', b'R', b'Y'];
        check("vrrp", &ip(112, &m), &["vrrp.version=2", "vrrp.vrid=10"]);
        let m = [2, 1, 0, 44, 10, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0];
        check("ospf", &ip(89, &m), &["ospf.router_id=10.0.0.7", "ospf.area=0.0.0.1"]);
        let mut m = vec![2, 5];
        m.resize(18, 0);
        m.extend([0, 100, 0, 1, 0, 12, 1, 0, 1, 0, 0, 0, 0, 15, 0, 4, 0, 8, 15, 2, 3, 0]);
        check("eigrp", &ip(88, &m), &["eigrp.system=100", "eigrp.release=15.2"]);
        assert!(packet("vrrp", &ip(112, &[0x41, 1])).is_err());
        assert!(packet("ospf", &ip(89, &[9, 1])).is_err());
        assert!(packet("eigrp", &ip(88, &[1, 5])).is_err());
    }

    #[test]
    fn hsrp_in_both_versions() {
        let group = |dst: [u8; 4], m| {
            let it = udp(1985, 1985, m);
            let Layer3::Ip { src, ttl, id, dont_fragment, .. } = it.l3 else { unreachable!() };
            Packet { l3: Layer3::Ip { src, dst: IpAddr::from(dst), ttl, id, dont_fragment }, ..it }
        };
        let one = b"\0\0\x10\x03\x0a\x78\x0a\0CANARY\0\0\x0a\0\0\x01";
        let all = [224, 0, 0, 2];
        check("hsrp", &group(all, one), &["hsrp.group=10", "hsrp.state=active"]);
        let mut two = vec![1, 40, 2, 0, 5, 4, 1, 44];
        two.resize(42, 0);
        check("hsrp", &group([224, 0, 0, 102], &two), &["hsrp.group=300", "hsrp.state=standby"]);
        assert_eq!(hsrp_probe(&udp(1985, 1985, one)), Verdict::No, "to one host");
        assert_eq!(hsrp_probe(&group(all, &one[..19])), Verdict::No);
    }
}
