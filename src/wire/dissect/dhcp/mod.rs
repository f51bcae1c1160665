//! Dynamic Host Configuration Protocol (RFC 2131, options RFC 2132): what a client
//! asks for, what it is called, which address it gets, and where a relay saw it.
//!
//! A message crosses routers inside relays, so it is about the `chaddr` host, never
//! about the frame that carried it.

#[cfg(test)]
mod tests;

mod circuit;
mod options;
mod start;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use self::circuit::Circuit;
use self::options::Options;
use super::winstr::{hex, unmarked};
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Key, Lease, Observed, SwitchPort};
use crate::wire::packet::{Layer3, Packet};

/// Option 55 in the order of the client, which tells one system from another.
const PARAMS: Key = Key::new("dhcp.params");
/// Option 60.
const VENDOR_CLASS: Key = Key::new("dhcp.vendor_class");
/// Option 12.
const HOSTNAME: Key = Key::new("dhcp.hostname");
/// Option 81 (RFC 4702).
const FQDN: Key = Key::new("dhcp.fqdn");
/// Option 61 in hexadecimal, where it is not just the MAC.
const CLIENT_ID: Key = Key::new("dhcp.client_id");
/// Option 77 (RFC 3004).
const USER_CLASS: Key = Key::new("dhcp.user_class");
/// Option 93 (RFC 4578 §2.1), decimal.
const ARCH: Key = Key::new("dhcp.arch");
/// Address of the relay agent on the client's link.
const RELAY: Key = Key::new("dhcp.relay");
/// The VLAN whose interface of the relay heard the client, decimal.
const VLAN: Key = Key::new("dhcp.vlan");
/// `dhcp`: the host hands out addresses.
const SERVER: Key = Key::new("dhcp.server");

/// DHCP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "dhcp",
    standard: "RFC 2131",
    keys: &[PARAMS, VENDOR_CLASS, HOSTNAME, FQDN, CLIENT_ID, USER_CLASS, ARCH, RELAY, VLAN, SERVER],
    ports: &[67, 68, 4011],
    body: Body::Datagram { probe, answers, read },
};

/// `op` and the magic cookie (RFC 2131 §3) behind the fixed fields.
fn probe(packet: &Packet<'_>) -> Verdict {
    let cookie = packet.payload.get(236..240) == Some(&[99, 130, 83, 99]);
    match packet.payload.first() {
        Some(1 | 2) if cookie => Verdict::Yes,
        _ => Verdict::No,
    }
}

/// DHCP message types (RFC 2132 §9.6).
mod message {
    pub(super) const DISCOVER: u8 = 1;
    pub(super) const OFFER: u8 = 2;
    pub(super) const REQUEST: u8 = 3;
    pub(super) const DECLINE: u8 = 4;
    pub(super) const ACK: u8 = 5;
    pub(super) const NAK: u8 = 6;
    pub(super) const RELEASE: u8 = 7;
    pub(super) const INFORM: u8 = 8;
}

/// By `op` (RFC 2131 §2) where the message type does not speak against it: a relay and
/// a server both use port 67, and a server may be heard first.
fn answers(packet: &Packet<'_>) -> Option<bool> {
    let kind = Reader::new(packet.payload.get(44..)?);
    let kind = Options::read(kind).ok()?.get(53).and_then(|v| v.first().copied());
    match (packet.payload.first()?, kind) {
        (1, Some(message::OFFER | message::ACK | message::NAK)) => None,
        (
            2,
            Some(
                message::DISCOVER
                | message::REQUEST
                | message::DECLINE
                | message::RELEASE
                | message::INFORM,
            ),
        ) => None,
        (op, _) => Some(*op == 2),
    }
}

/// The fixed fields that matter (RFC 2131 §2).
struct Fixed {
    mac: Mac,
    ciaddr: Option<Ipv4Addr>,
    yiaddr: Option<Ipv4Addr>,
    giaddr: Option<Ipv4Addr>,
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    let op = r.u8("op")?;
    if (r.u8("htype")?, r.u8("hlen")?) != (1, 6) {
        return Err(Error::invalid("htype or hlen"));
    }
    r.skip(9, "hops, xid, secs, flags")?;
    let mut address = |field| {
        let ip = Ipv4Addr::from(r.array::<4>(field)?);
        Ok((!ip.is_unspecified() && !ip.is_broadcast() && !ip.is_multicast()).then_some(ip))
    };
    let (ciaddr, yiaddr) = (address("ciaddr")?, address("yiaddr")?);
    address("siaddr")?;
    let giaddr = address("giaddr")?;
    let mac = Mac(r.array("chaddr")?);
    if !mac.is_unicast() {
        return Err(Error::invalid("chaddr"));
    }
    r.skip(10, "chaddr")?;
    let options = Options::read(r)?;
    let fixed = Fixed { mac, ciaddr, yiaddr, giaddr };
    let kind = options.get(53).and_then(|v| v.first().copied());
    match (op, kind) {
        // Without a type it is BOOTP (RFC 951), whose clients may carry options too.
        (1, None | Some(message::DISCOVER | message::REQUEST | message::INFORM)) => {
            client(packet, &fixed, &options, out);
            start::tell(packet, &fixed, kind, &options, out);
        }
        (1, Some(message::DECLINE | message::RELEASE)) => {
            leaves(packet, &fixed, kind, &options, out);
        }
        (2, Some(message::OFFER | message::ACK)) => {
            server(packet, &fixed, kind == Some(message::ACK), &options, out);
        }
        _ => {}
    }
    // What was whole has been said; a message cut short is still counted.
    options.end
}

/// Whether a client's words come from its own card: unless a relay brings them, or routers
/// from the address that it has already (RFC 2131 §4.3.2, RENEWING), as they left their mark.
fn is_own(packet: &Packet<'_>, fixed: &Fixed) -> bool {
    let routed = match packet.l3 {
        Layer3::Ip { src, ttl, .. } => {
            fixed.ciaddr.is_some_and(|ip| src == ip) && !matches!(ttl, 32 | 64 | 128 | 255)
        }
        _ => false,
    };
    fixed.giaddr.is_some() || packet.src_mac.is_none_or(|src| src == fixed.mac) || routed
}

/// What a client says of itself.
fn client(packet: &Packet<'_>, fixed: &Fixed, options: &Options<'_>, out: &mut dyn Sink) {
    if !is_own(packet, fixed) {
        return;
    }
    let who = Who::Named { mac: Some(fixed.mac), ip: fixed.ciaddr.map(IpAddr::V4) };
    let mut say = |key: &Key, code: u8, text: fn(&[u8]) -> String| {
        if let Some(value) = options.get(code) {
            out.fact(who, key, &text(&value));
        }
    };
    say(&PARAMS, 55, numbers);
    say(&VENDOR_CLASS, 60, unmarked);
    say(&HOSTNAME, 12, unmarked);
    say(&FQDN, 81, fqdn);
    say(&USER_CLASS, 77, user_class);
    say(&ARCH, 93, |v| {
        let types: Vec<_> = v.as_chunks().0.iter().map(|&b| u16::from_be_bytes(b)).collect();
        numbers(&types)
    });
    if let Some(id) = options.get(61)
        && id.strip_prefix(&[1]) != Some(&fixed.mac.0)
    {
        out.fact(who, &CLIENT_ID, &hex(&id));
    }
    relay(who, fixed, options, out);
}

/// A client has an address no more: the one that it had (RFC 2131 §4.4.6), or the one that
/// it was given and another uses (§3.1.5, table 5: in option 50). Without a relay between
/// it says so from its own card: what another's frame brings takes nobody's address away.
fn leaves(
    packet: &Packet<'_>,
    fixed: &Fixed,
    kind: Option<u8>,
    options: &Options<'_>,
    out: &mut dyn Sink,
) {
    if fixed.giaddr.is_none() && packet.src_mac.is_some_and(|src| src != fixed.mac) {
        return;
    }
    let asked = || options.get(50).and_then(|v| v.as_array::<4>().copied()).map(Ipv4Addr::from);
    let (ip, how) = match kind {
        Some(message::DECLINE) => (asked(), Lease::Declined),
        _ => (fixed.ciaddr, Lease::Released),
    };
    if let Some(ip) = ip.filter(|ip| !ip.is_unspecified()) {
        let who = Who::Named { mac: Some(fixed.mac), ip: None };
        out.observe(who, Observed::Address(IpAddr::V4(ip), how));
    }
}

/// What a server says of a client, and of itself.
fn server(
    packet: &Packet<'_>,
    fixed: &Fixed,
    ack: bool,
    options: &Options<'_>,
    out: &mut dyn Sink,
) {
    // An answer to DHCPINFORM has no yiaddr (RFC 2131 §4.3.5): the address is the
    // client's own and nobody leased it.
    let leased = fixed.yiaddr.is_some();
    if ack && let Some(ip) = fixed.yiaddr.or(fixed.ciaddr).map(IpAddr::V4) {
        let seconds = options.get(51).filter(|_| leased);
        let seconds = seconds.and_then(|v| v.as_array().copied()).map_or(0, u32::from_be_bytes);
        // Not by the address as well: here the server speaks, perhaps of another segment.
        let who = Who::Named { mac: Some(fixed.mac), ip: None };
        out.observe(
            who,
            Observed::Address(ip, Lease::Dhcp { seconds, renewed: fixed.ciaddr.is_some() }),
        );
        relay(who, fixed, options, out);
    }
    // A relay passes answers on unchanged (RFC 1542 §4.1.2): the server itself sends
    // to giaddr, or straight to the client. A PXE server offers no address.
    let Some((src, dst)) = packet.addresses() else { return };
    let identifier = options.get(54).and_then(|v| v.as_array::<4>().copied());
    let identifier = identifier.map(|v| IpAddr::V4(Ipv4Addr::from(v)));
    match fixed.giaddr.map(IpAddr::V4) {
        _ if !leased => {}
        None if identifier.is_none_or(|id| id == src) => out.fact(Who::Sender, &SERVER, "dhcp"),
        // Its frame may come from a router, so only the address is its own.
        Some(relay) if relay == dst && relay != src => {
            out.fact(Who::Named { mac: None, ip: Some(src) }, &SERVER, "dhcp");
        }
        _ => {}
    }
}

/// Relay agent and its option 82 (RFC 3046): where the client hangs.
fn relay(who: Who, fixed: &Fixed, options: &Options<'_>, out: &mut dyn Sink) {
    let relay = fixed.giaddr.map(|ip| ip.to_string());
    if let Some(relay) = &relay {
        out.fact(who, &RELAY, relay);
    }
    let Some(info) = options.get(82) else { return };
    let Some(circuit) = options::find(&info, 1).map(circuit::read) else { return };
    let (port, vlan) = match circuit {
        Circuit::Port(port, vlan) => (port, vlan),
        Circuit::Vlan(vlan) => return out.fact(who, &VLAN, &vlan.to_string()),
        Circuit::Interface => return,
    };
    let remote = options::find(&info, 2).map(circuit::remote);
    if let Some(switch) = remote.or(relay) {
        let (switch, port) = (Cow::Owned(switch), Cow::Owned(port));
        out.observe(who, Observed::Attached(SwitchPort { switch, port, vlan, by: None }));
    }
}

/// `1,3,6,15`
fn numbers<T: std::fmt::Display>(values: &[T]) -> String {
    let mut text = String::new();
    for value in values {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{value}", if text.is_empty() { "" } else { "," });
    }
    text
}

/// Client FQDN (RFC 4702 §2): flags, two dead result codes, then labels when the
/// E bit is set, else plain text.
fn fqdn(option: &[u8]) -> String {
    let Some(([flags, _, _], name)) = option.split_first_chunk() else { return String::new() };
    if flags & 0x04 == 0 {
        return unmarked(name).trim_end_matches('.').to_owned();
    }
    let (mut rest, mut labels) = (name, Vec::new());
    while let Some((&n, tail)) = rest.split_first() {
        let Some((label, tail)) = tail.split_at_checked(usize::from(n)) else { break };
        if n == 0 {
            break;
        }
        labels.push(unmarked(label));
        rest = tail;
    }
    labels.join(".")
}

/// User class: text with a length each (RFC 3004 §4), or plain text as Windows sends it.
fn user_class(option: &[u8]) -> String {
    let (mut rest, mut classes) = (option, Vec::new());
    while let Some((&n, tail)) = rest.split_first() {
        match tail.split_at_checked(usize::from(n)) {
            Some((class, tail)) if n > 0 => {
                classes.push(unmarked(class));
                rest = tail;
            }
            _ => return unmarked(option),
        }
    }
    classes.join(",")
}
