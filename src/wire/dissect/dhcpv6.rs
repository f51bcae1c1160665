//! DHCP for IPv6 (RFC 8415): what a client asks for, what it is called, and which
//! address it gets.
//!
//! A client is known by the address of its card in its DUID (§11) or in what a relay
//! adds (RFC 6939); without one only what comes from its own link is about anybody.

use std::net::{IpAddr, Ipv6Addr};

use super::winstr::unmarked;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Arrival, Key, Lease, Observed, Sign};
use crate::wire::packet::Packet;

/// DUID of the client in hexadecimal, where it holds no MAC.
const DUID: Key = Key::new("dhcpv6.duid");
/// Option request option (§21.7) in the order of the client.
const PARAMS: Key = Key::new("dhcpv6.params");
/// Enterprise number and text of the vendor class (§21.16): `311 MSFT 5.0`.
const VENDOR_CLASS: Key = Key::new("dhcpv6.vendor_class");
/// Client FQDN (RFC 4704).
const FQDN: Key = Key::new("dhcpv6.fqdn");
/// `dhcp`: the host hands out addresses.
const SERVER: Key = Key::new("dhcpv6.server");

/// DHCPv6 as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "dhcpv6",
    standard: "RFC 8415",
    keys: &[DUID, PARAMS, VENDOR_CLASS, FQDN, SERVER],
    ports: &[SERVERS, CLIENTS],
    body: Body::Datagram { probe, answers, read },
};

const CLIENTS: u16 = 546;
const SERVERS: u16 = 547;
/// Message types (§7.3).
const SOLICIT: u8 = 1;
const CONFIRM: u8 = 4;
const ADVERTISE: u8 = 2;
const REPLY: u8 = 7;
const RECONFIGURE: u8 = 10;
const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// Options of firmware (RFC 5970 §3.3, §3.4).
const CLIENT_ARCH: u16 = 61;
const CLIENT_INTERFACE: u16 = 62;
/// Relays in a row (HOP_COUNT_LIMIT of §7.6).
const MAX_RELAYS: u8 = 8;
/// Options that are looked at in one message.
const MAX_OPTIONS: usize = 64;
/// DUIDs of a card's address, with a time and without (§11.2, §11.4).
const LINK_LAYER_TIME: u16 = 1;
const LINK_LAYER: u16 = 3;

fn probe(packet: &Packet<'_>) -> Verdict {
    let port = |p: u16| matches!(p, CLIENTS | SERVERS);
    let ports = packet.ports().is_some_and(|(src, dst)| port(src) || port(dst));
    let known = matches!(packet.payload.first(), Some(1..=RELAY_REPLY));
    if ports && known && options(packet.payload).is_ok() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    let kind = *packet.payload.first()?;
    Some(matches!(kind, ADVERTISE | REPLY | RECONFIGURE | RELAY_REPLY))
}

/// The options of a message, behind its head; they must fill it.
fn options(payload: &[u8]) -> Result<(u8, Reader<'_>), Error> {
    let mut r = Reader::new(payload);
    let kind = r.u8("msg-type")?;
    let head = if matches!(kind, RELAY_FORWARD | RELAY_REPLY) { 33 } else { 3 };
    r.skip(head, "transaction-id or relay addresses")?;
    let options = r;
    each(options, |_, _| Ok(()))?;
    Ok((kind, options))
}

/// Every option: code, length, data (§21.1).
fn each<'a>(
    mut r: Reader<'a>,
    mut then: impl FnMut(u16, &'a [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    for _ in 0..MAX_OPTIONS {
        if r.is_empty() {
            break;
        }
        let (code, len) = (r.u16_be("option-code")?, r.u16_be("option-len")?);
        then(code, r.take(usize::from(len), "option-data")?)?;
    }
    Ok(())
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let (mut message, mut mac) = (packet.payload, None);
    let mut relays = 0_u8;
    loop {
        let (kind, list) = options(message)?;
        if !matches!(kind, RELAY_FORWARD | RELAY_REPLY) {
            return told(packet, kind, list, mac, relays > 0, out);
        }
        relays = relays.saturating_add(1);
        if relays > MAX_RELAYS {
            return Err(Error::too_large("hop-count"));
        }
        let mut inner = None;
        each(list, |code, data| {
            match (code, data) {
                (9, data) => inner = Some(data),
                // Ethernet (RFC 6939 §4); of the innermost relay, read last.
                (79, [0, 1, address @ ..]) => mac = card(address).or(mac),
                _ => {}
            }
            Ok(())
        })?;
        message = inner.ok_or(Error::short("Relay Message option"))?;
    }
}

fn card(address: &[u8]) -> Option<Mac> {
    address.as_array::<6>().copied().map(Mac).filter(|mac| mac.is_unicast())
}

/// The MAC in a DUID, which a machine keeps when it changes cards.
fn duid_card(duid: &[u8]) -> Option<Mac> {
    let mut r = Reader::new(duid);
    let kind = r.u16_be("DUID type").ok()?;
    if !matches!(kind, LINK_LAYER | LINK_LAYER_TIME) || r.u16_be("hardware type").ok()? != 1 {
        return None;
    }
    if kind == LINK_LAYER_TIME {
        r.skip(4, "time").ok()?;
    }
    card(r.rest())
}

/// One message between a client and a server.
fn told(
    packet: &Packet<'_>,
    kind: u8,
    list: Reader<'_>,
    relayed_mac: Option<Mac>,
    relayed: bool,
    out: &mut dyn Sink,
) -> Result<(), Error> {
    let mut duid = None;
    each(list, |code, data| {
        if code == 1 {
            duid = Some(data);
        }
        Ok(())
    })?;
    let from_duid = duid.and_then(duid_card);
    let answer = matches!(kind, ADVERTISE | REPLY);
    // On its own link the frame says which card it is.
    let frame = if answer { packet.dst_mac } else { packet.src_mac };
    let frame = frame.filter(|mac| !relayed && mac.is_unicast());
    let mac = relayed_mac.or(frame).or(from_duid);
    if answer {
        if !relayed {
            out.fact(Who::Sender, &SERVER, "dhcp");
        }
        return match mac {
            Some(mac) if kind == REPLY => leases(mac, list, out),
            _ => Ok(()),
        };
    }
    let who = match mac {
        Some(mac) => Who::Named { mac: Some(mac), ip: None },
        None => return Ok(()),
    };
    // RENEW, REBIND and the others repeat what SOLICIT, REQUEST and INFORMATION-REQUEST say.
    if !matches!(kind, 1 | 3..=6 | 11) {
        return Ok(());
    }
    // Of a start only its own frame tells: what a relay adds may be anybody's word.
    if frame.is_some() {
        start(who, kind, list, out)?;
    }
    if let Some(duid) = duid.filter(|_| from_duid.is_none()) {
        out.fact(who, &DUID, &super::winstr::hex(duid));
    }
    each(list, |code, data| {
        match code {
            6 => {
                let codes = data.as_chunks().0.iter().map(|&b| u16::from_be_bytes(b).to_string());
                out.fact(who, &PARAMS, &codes.collect::<Vec<_>>().join(","));
            }
            16 => out.fact(who, &VENDOR_CLASS, &vendor_class(data)?),
            39 => out.fact(who, &FQDN, &fqdn(data)?),
            _ => {}
        }
        Ok(())
    })
}

/// What a client's message says of its start: firmware tells for which architecture it
/// loads a system (RFC 5970 §3.3, §3.4); who begins anew, or asks whether its addresses are
/// still right, has come (§18.2.1, §18.2.3).
fn start(who: Who, kind: u8, list: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut loads = false;
    each(list, |code, _| {
        loads |= matches!(code, CLIENT_ARCH | CLIENT_INTERFACE);
        Ok(())
    })?;
    match kind {
        _ if loads => out.boots(who, Sign::NetworkBoot),
        SOLICIT | CONFIRM => out.arrives(who, Arrival::Dhcpv6),
        _ => {}
    }
    Ok(())
}

/// Enterprise number, then texts with a length each (§21.16).
fn vendor_class(data: &[u8]) -> Result<String, Error> {
    let mut r = Reader::new(data);
    let mut parts = vec![r.u32_be("enterprise-number")?.to_string()];
    while !r.is_empty() {
        let len = usize::from(r.u16_be("vendor-class-len")?);
        parts.push(unmarked(r.take(len, "vendor-class-data")?));
    }
    Ok(parts.join(" "))
}

/// Flags, then labels (RFC 4704 §4.2).
fn fqdn(data: &[u8]) -> Result<String, Error> {
    let mut r = Reader::new(data);
    r.skip(1, "flags")?;
    let mut labels = Vec::new();
    while !r.is_empty() {
        match r.u8("label length")? {
            0 => break,
            len @ 1..=63 => labels.push(unmarked(r.take(usize::from(len), "label")?)),
            _ => return Err(Error::invalid("label length")),
        }
    }
    Ok(labels.join("."))
}

/// Addresses that a server gives (§21.4 to §21.6): an association, in it addresses.
fn leases(mac: Mac, list: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    each(list, |code, data| {
        let mut r = Reader::new(data);
        match code {
            3 => r.skip(12, "IAID, T1, T2")?,
            4 => r.skip(4, "IAID")?,
            _ => return Ok(()),
        }
        each(r, |code, data| {
            if code != 5 {
                return Ok(());
            }
            let mut r = Reader::new(data);
            let ip = IpAddr::V6(Ipv6Addr::from(r.array::<16>("IPv6-address")?));
            r.skip(4, "preferred-lifetime")?;
            let seconds = r.u32_be("valid-lifetime")?;
            // Zero takes the address back.
            if seconds > 0 && !ip.is_multicast() && !ip.is_unspecified() {
                let who = Who::Named { mac: Some(mac), ip: Some(ip) };
                // A reply does not say whether the client asked anew or went on, and
                // only the first would tell that the address has changed hands.
                let lease = Lease::Dhcp { seconds, renewed: true };
                out.observe(who, Observed::Address(ip, lease));
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, starts, udp};
    use super::super::torture;
    use super::*;

    fn option(code: u16, data: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
    }

    fn client_id() -> Vec<u8> {
        option(1, &[0, 1, 0, 1, 1, 2, 3, 4, 0, 9, 0xfb, 5, 0x93, 0x22])
    }

    fn solicit() -> Vec<u8> {
        let class = [&[0, 0, 1, 0x37, 0, 8][..], b"MSFT 5.0"].concat();
        let fqdn = [&[0, 3][..], b"mr1", &[4], b"site", &[0]].concat();
        let parts = [
            vec![1, 9, 9, 9],
            client_id(),
            option(6, &[0, 17, 0, 23, 0, 24]),
            option(16, &class),
            option(39, &fqdn),
            option(15, b"\0\x06CANARY"),
        ];
        parts.concat()
    }

    fn reply() -> Vec<u8> {
        let mut address = "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets().to_vec();
        address.extend([0, 0, 0, 60, 0, 0, 0, 120]);
        let association = [vec![0; 12], option(5, &address)].concat();
        [vec![7, 9, 9, 9], client_id(), option(3, &association)].concat()
    }

    fn relayed(kind: u8, inner: &[u8]) -> Vec<u8> {
        let card = option(79, &[0, 1, 0, 9, 0xfb, 5, 0x93, 0x99]);
        [vec![kind], vec![0; 33], card, option(9, inner)].concat()
    }

    fn said(src: u16, dst: u16, m: &[u8]) -> Vec<String> {
        facts(&packet("dhcpv6", &udp(src, dst, m)).unwrap())
    }

    #[test]
    fn client_on_its_link_and_behind_a_relay() {
        let expected = |who: &str| {
            ["params=17,23,24", "vendor_class=311 MSFT 5.0", "fqdn=mr1.site"]
                .map(|fact| format!("<{who}|> dhcpv6.{fact}"))
        };
        assert_eq!(said(546, 547, &solicit()), expected("02:00:00:00:00:01"));
        torture::packet("dhcpv6", &udp(546, 547, &solicit()), &["CANARY"]);
        let m = relayed(12, &solicit());
        assert_eq!(said(547, 547, &m), expected("00:09:fb:05:93:99"));
        torture::packet("dhcpv6", &udp(547, 547, &m), &["CANARY"]);
    }

    #[test]
    fn who_begins_anew_has_come_and_firmware_starts() {
        let said = |src, m: &[u8]| starts(&packet("dhcpv6", &udp(src, 547, m)).unwrap());
        let who = |how| [format!("<02:00:00:00:00:01|> {how}")];
        assert_eq!(said(546, &solicit()), who("Dhcpv6"));
        let of = |kind, more: &[u8]| [&[kind, 9, 9, 9], &client_id()[..], more].concat();
        assert_eq!(said(546, &of(CONFIRM, &[])), who("Dhcpv6"));
        for renews in [3, 5, 6, 11] {
            assert!(said(546, &of(renews, &[])).is_empty(), "{renews}");
        }
        for loads in [option(61, &[0, 7]), option(62, &[1, 3, 16])] {
            assert_eq!(said(546, &of(SOLICIT, &loads)), who("NetworkBoot"));
            assert_eq!(said(546, &of(11, &loads)), who("NetworkBoot"));
            let relay = relayed(12, &of(SOLICIT, &loads));
            assert!(said(547, &relay).is_empty(), "a relay's word");
        }
        assert!(said(547, &relayed(12, &solicit())).is_empty());
    }

    #[test]
    fn address_is_leased() {
        let said = said(547, 546, &reply());
        assert_eq!(said[0], "C dhcpv6.server=dhcp");
        let lease = "<02:00:00:00:00:02|2001:db8::7> Address(2001:db8::7, \
Dhcp { seconds: 120, renewed: true })";
        assert_eq!(said[1], lease);
        torture::packet("dhcpv6", &udp(547, 546, &reply()), &[]);
        assert!(answers(&udp(547, 546, &reply())).unwrap());
        for other in [&b"\x01\0\0\0\0\x01\0\x09"[..], b"\x0e\0\0\0", b""] {
            assert_eq!(probe(&udp(547, 546, other)), Verdict::No);
        }
        assert_eq!(probe(&udp(1, 2, &reply())), Verdict::No);
    }
}
