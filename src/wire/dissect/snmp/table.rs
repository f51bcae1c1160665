//! Rows of a switch's or router's tables, told one by one to whoever walks them: which
//! card was learnt behind which port, which card holds which address, what ports are called.
//!
//! A datagram knows nothing of the others: a place is told with the port's number, and the
//! census finds its name among the facts of the same agent.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::ber::{self, INTEGER, OCTET_STRING};
use super::super::{Sink, Who};
use super::text;
use crate::net::Mac;
use crate::observe::{Key, Lease, Observed, SwitchPort};

/// `12 10112`: port of the bridge and its interface (RFC 4188 dot1dBasePortIfIndex).
pub(super) const BRIDGE_PORT: Key = Key::new("snmp.bridge_port");
/// `10112 Gi1/0/12`: an interface and its name (RFC 2863 ifName).
pub(super) const IF_NAME: Key = Key::new("snmp.if_name");
/// The same by its description (RFC 2863 ifDescr), where there is no name.
pub(super) const IF_DESCR: Key = Key::new("snmp.if_descr");
/// `12 Gi1/0/12`: a port as LLDP numbers it (IEEE 802.1AB lldpLocPortId, lldpLocPortDesc).
pub(super) const LLDP_PORT: Key = Key::new("snmp.lldp_port");

/// What a row is of.
#[derive(Clone, Copy)]
enum Column {
    /// dot1dTpFdbPort: index MAC, value port.
    Learnt,
    /// dot1qTpFdbPort (RFC 4363): index filtering database and MAC, value port.
    LearntInVlan,
    /// ipNetToMediaPhysAddress (RFC 4293): index interface and IPv4 address, value MAC.
    Media,
    /// ipNetToPhysicalPhysAddress: index interface and typed address, value MAC.
    Physical,
    /// lldpRemChassisId: index time mark, port, number; value MAC or text.
    Neighbour,
    /// Index number, value number.
    Number(&'static Key),
    /// Index number, value text.
    Text(&'static Key),
}

/// Columns by the contents of their identifier.
const COLUMNS: &[(&[u8], Column)] = &[
    (b"\x2b\x06\x01\x02\x01\x11\x04\x03\x01\x02", Column::Learnt),
    (b"\x2b\x06\x01\x02\x01\x11\x07\x01\x02\x02\x01\x02", Column::LearntInVlan),
    (b"\x2b\x06\x01\x02\x01\x04\x16\x01\x02", Column::Media),
    (b"\x2b\x06\x01\x02\x01\x04\x23\x01\x04", Column::Physical),
    (b"\x28\xc4\x62\x01\x01\x02\x01\x04\x01\x01\x05", Column::Neighbour),
    (b"\x28\xc4\x62\x01\x01\x02\x01\x03\x07\x01\x03", Column::Text(&LLDP_PORT)),
    (b"\x28\xc4\x62\x01\x01\x02\x01\x03\x07\x01\x04", Column::Text(&LLDP_PORT)),
    (b"\x2b\x06\x01\x02\x01\x11\x01\x04\x01\x02", Column::Number(&BRIDGE_PORT)),
    (b"\x2b\x06\x01\x02\x01\x1f\x01\x01\x01\x01", Column::Text(&IF_NAME)),
    (b"\x2b\x06\x01\x02\x01\x02\x02\x01\x02", Column::Text(&IF_DESCR)),
];

/// Longest index here: interface, type, length and an IPv6 address.
const MAX_ARCS: usize = 19;

/// Whose tables are read.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    /// The agent's address.
    pub(super) agent: IpAddr,
    /// The VLAN whose bridge was asked, where the question names one.
    pub(super) vlan: Option<u16>,
}

/// Which VLAN's bridge is asked: switches that have a bridge for each are asked for one by
/// `community@60`, in version 3 by the context `vlan-60`.
pub(super) fn vlan_of(instance: &[u8]) -> Option<u16> {
    let at = instance.iter().rposition(|&b| b == b'@');
    let number = match at {
        Some(at) => instance.get(at.checked_add(1)?..)?,
        None => instance.strip_prefix(b"vlan-")?,
    };
    std::str::from_utf8(number).ok()?.parse().ok().filter(is_vlan)
}

/// A community without the VLAN that it names.
pub(super) fn plain(community: &[u8]) -> &[u8] {
    let at = vlan_of(community).and_then(|_| community.iter().rposition(|&b| b == b'@'));
    at.and_then(|at| community.get(..at)).unwrap_or(community)
}

/// Numbers of VLANs (IEEE 802.1Q table 9-2).
fn is_vlan(vlan: &u16) -> bool {
    (1..=4094).contains(vlan)
}

/// Reads a binding if it is a row that is looked for.
pub(super) fn row(name: &[u8], (tag, value): (u8, &[u8]), of: Tables, out: &mut dyn Sink) {
    let Tables { agent, vlan } = of;
    let found =
        COLUMNS.iter().find_map(|(prefix, column)| Some((name.strip_prefix(*prefix)?, column)));
    let Some((index, column)) = found else { return };
    let mut arcs = [0_u32; MAX_ARCS];
    let Some(index) = ber::arcs(index, &mut arcs) else { return };
    match (column, index, tag) {
        (Column::Learnt, mac, INTEGER) => learnt(mac, vlan, value, agent, out),
        (Column::LearntInVlan, [vlan, mac @ ..], INTEGER) => {
            // Independent learning: the filtering database is the VLAN's (RFC 4363).
            let vlan = u16::try_from(*vlan).ok().filter(is_vlan);
            learnt(mac, vlan, value, agent, out);
        }
        (Column::Media, [_, ip @ ..], OCTET_STRING) => holds(ip, value, out),
        // InetAddressType and length stand before the address (RFC 4001 §4.1).
        (Column::Physical, [_, 1, 4, ip @ ..] | [_, 2, 16, ip @ ..], OCTET_STRING) => {
            holds(ip, value, out);
        }
        (Column::Neighbour, [_, port, _], OCTET_STRING) => {
            if let Some(mac) = neighbour(value) {
                plugged(mac, format!("lldp-port {port}"), None, agent, out);
            }
        }
        (Column::Number(key), [number], INTEGER) => {
            if let Some(other) = ber::unsigned(value) {
                out.fact(Who::Sender, key, &format!("{number} {other}"));
            }
        }
        // A port whose name is an address has no name (LLDP port subtype 3).
        (Column::Text(key), [number], OCTET_STRING) if is_text(value) => {
            out.fact(Who::Sender, key, &format!("{number} {}", text(value)));
        }
        _ => {}
    }
}

/// A card that was learnt behind a port; 0 is the bridge's own or an unknown one.
fn learnt(mac: &[u32], vlan: Option<u16>, port: &[u8], agent: IpAddr, out: &mut dyn Sink) {
    if let (Some(mac), Some(port @ 1..)) = (octets(mac).map(Mac), ber::unsigned(port)) {
        plugged(mac, format!("bridge-port {port}"), vlan, agent, out);
    }
}

fn plugged(mac: Mac, port: String, vlan: Option<u16>, agent: IpAddr, out: &mut dyn Sink) {
    if !mac.is_unicast() {
        return;
    }
    let switch = agent.to_string().into();
    let at = SwitchPort { switch, port: port.into(), vlan, by: None };
    out.observe(Who::Named { mac: Some(mac), ip: None }, Observed::Attached(at));
}

/// A card that holds an address, in a router's own table.
fn holds(ip: &[u32], mac: &[u8], out: &mut dyn Sink) {
    let v4 = || octets::<4>(ip).map(|ip| IpAddr::V4(Ipv4Addr::from(ip)));
    let v6 = || octets::<16>(ip).map(|ip| IpAddr::V6(Ipv6Addr::from(ip)));
    let (Some(ip), Ok(mac)) = (v4().or_else(v6), mac.try_into()) else { return };
    if Mac(mac).is_unicast() {
        let who = Who::Named { mac: Some(Mac(mac)), ip: Some(ip) };
        out.observe(who, Observed::Address(ip, Lease::Table));
    }
}

/// A neighbour's chassis by its address. Its subtype is another row: six bytes that
/// could be text are no address.
fn neighbour(chassis: &[u8]) -> Option<Mac> {
    let mac = chassis.try_into().ok().map(Mac)?;
    (!is_text(chassis)).then_some(mac)
}

fn is_text(value: &[u8]) -> bool {
    !value.is_empty()
        && !value.iter().any(|&b| b < 0x20 || b == 0x7f)
        && !matches!(text(value), Cow::Owned(_))
}

/// Arcs of an index as octets.
fn octets<const N: usize>(arcs: &[u32]) -> Option<[u8; N]> {
    let arcs: &[u32; N] = arcs.try_into().ok()?;
    let mut octets = [0; N];
    for (octet, arc) in octets.iter_mut().zip(arcs) {
        *octet = u8::try_from(*arc).ok()?;
    }
    Some(octets)
}
