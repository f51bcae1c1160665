//! RADIUS (RFC 2865, accounting RFC 2866, LAN use RFC 3580): a switch or access point
//! asks whether a station may join, and tells the station's address, port and VLAN.
//!
//! An answer tells a VLAN, and seldom of whom: its question does, which is looked for by
//! ends and identifier (RFC 2865 §3). An answer to nothing that was asked tells nothing.
//!
//! Passwords, challenges and vendor attributes are never read. A user name leaves only
//! through [`Sink::user`]; one that is a card's address or a machine's account is no person.

mod attribute;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use attribute::Attributes;

use super::{Body, Error, Exchange, Protocol, Question, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Key, Lease, Observed, SwitchPort};
use crate::wire::packet::Packet;

/// What the access device calls itself.
const NAS_ID: Key = Key::new("radius.nas_id");
/// What another access device is called, of which the sender says that it asks.
const HANDS_ON: Key = Key::new("radius.hands_on");
/// `ethernet` or `wireless`: what the access device lets stations in by.
const NAS_SERVES: Key = Key::new("radius.nas_serves");
/// VLAN that a station is put into.
const VLAN: Key = Key::new("radius.vlan");
/// `yes`: let in by its address alone, which anybody can copy.
const MAC_AUTH: Key = Key::new("radius.mac_auth");
/// Name of a computer that logs on by its own account.
const HOSTNAME: Key = Key::new("radius.hostname");

/// `anew`: the access device has said, and its server taken note, that no session goes on.
const ACCOUNTS: Key = Key::new("radius.accounting");

/// RADIUS as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "radius",
    standard: "RFC 2865, RFC 2866, RFC 3580",
    keys: &[NAS_ID, HANDS_ON, NAS_SERVES, VLAN, MAC_AUTH, HOSTNAME, ACCOUNTS],
    ports: PORTS,
    body: Body::Datagram { probe, answers, read },
};

const PORTS: &[u16] = &[1812, 1813, 1645, 1646];
/// Header: code, identifier, length, authenticator (RFC 2865 §3).
const HEADER: u16 = 20;
const LONGEST: u16 = 4096;
const ACCESS_REQUEST: u8 = 1;
const ACCESS_ACCEPT: u8 = 2;
const ACCESS_REJECT: u8 = 3;
const ACCOUNTING_REQUEST: u8 = 4;
const ACCOUNTING_RESPONSE: u8 = 5;
const ACCESS_CHALLENGE: u8 = 11;
/// Acct-Status-Type (RFC 2866 §5.1): Stop, and the server itself stops or starts anew.
const OVER: [u32; 3] = [2, 7, 8];
/// Accounting-On and -Off (RFC 2866 §5.1).
const ANEW: [u32; 2] = [7, 8];
/// Longer names of switch and port together are nobody's.
const LONGEST_PLUG: usize = 256;
/// NAS-Port-Type (RFC 2865 §5.41): Ethernet and the wireless ones of IEEE 802.11.
const ETHERNET: u32 = 15;
const WIRELESS: u32 = 19;

/// Attributes that fill the message to its end; a request names its access device
/// (RFC 2865 §4.1, RFC 2866 §4.1), everything else has only its port to show.
fn probe(packet: &Packet<'_>) -> Verdict {
    let at_port = packet.ports().is_some_and(|(s, d)| PORTS.contains(&s) || PORTS.contains(&d));
    let known = match packet.payload.first() {
        Some(&(ACCESS_REQUEST | ACCOUNTING_REQUEST)) => true,
        Some(&(ACCESS_ACCEPT | ACCESS_REJECT | ACCOUNTING_RESPONSE | ACCESS_CHALLENGE)) => at_port,
        _ => false,
    };
    if !known {
        return Verdict::No;
    }
    let read = message(packet.payload).and_then(|it| Ok((it.code, Attributes::read(it.rest)?)));
    match read {
        Ok((ACCESS_REQUEST | ACCOUNTING_REQUEST, it)) if it.names_access_device() => Verdict::Yes,
        Ok((_, _)) if at_port => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    packet.payload.first().map(|code| !matches!(code, &(ACCESS_REQUEST | ACCOUNTING_REQUEST)))
}

struct Message<'a> {
    code: u8,
    identifier: u8,
    authenticator: u128,
    rest: &'a [u8],
}

/// Header and attributes.
fn message(payload: &[u8]) -> Result<Message<'_>, Error> {
    let mut r = Reader::new(payload);
    let code = r.u8("Code")?;
    let identifier = r.u8("Identifier")?;
    let length = r.u16_be("Length")?;
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(Error::invalid("Length"));
    }
    let authenticator = r.take(16, "Authenticator")?.as_array().map(|it| u128::from_be_bytes(*it));
    let authenticator = authenticator.unwrap_or_default();
    // What lies behind the length is padding (§3).
    let rest = r.take(usize::from(length.saturating_sub(HEADER)), "Attributes")?;
    Ok(Message { code, identifier, authenticator, rest })
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let message = message(packet.payload)?;
    let it = Attributes::read(message.rest)?;
    match message.code {
        ACCESS_REQUEST | ACCOUNTING_REQUEST => asks(packet, &message, &it, out),
        ACCESS_ACCEPT | ACCESS_REJECT | ACCOUNTING_RESPONSE | ACCESS_CHALLENGE => {
            answer(packet, &message, &it, out);
        }
        _ => {}
    }
    Ok(())
}

fn asks(packet: &Packet<'_>, message: &Message<'_>, it: &Attributes<'_>, out: &mut dyn Sink) {
    let src = packet.addresses().map(|(src, _)| src);
    access_device(it, src, out);
    let Some(station) = it.station() else { return begins_anew(packet, message, it, out) };
    let who = Who::Named { mac: Some(station), ip: None };
    let plug = it.switch().or_else(|| src.map(|ip| ip.to_string().into())).zip(it.port());
    let exchange = exchange(packet, message.identifier, false);
    if let (ACCESS_REQUEST, Some(exchange)) = (message.code, exchange) {
        let short = plug
            .as_ref()
            .filter(|(switch, port)| switch.len().saturating_add(port.len()) <= LONGEST_PLUG);
        let plug = short.map(|(switch, port)| ((**switch).into(), (**port).into()));
        let name = it.computer().filter(|name| name.len() <= LONGEST_PLUG).map(Into::into);
        let (nonce, by, held) = (message.authenticator, packet.src_mac, Vec::new());
        out.ask(exchange, Question { nonce, card: station, plug, held, by, name, anew: false });
    }
    if let Some((switch, port)) = plug {
        let at = SwitchPort { switch, port, vlan: it.vlan(), by: src };
        out.observe(who, Observed::Attached(at));
    }
    account(it, station, who, out);
    put_into(it.vlan(), who, out);
    if message.code == ACCOUNTING_REQUEST {
        accounts(exchange, message, it, station, out);
    }
}

/// A station has an address, or has it no more: its session is over, or those of all.
fn accounts(
    exchange: Option<Exchange>,
    message: &Message<'_>,
    it: &Attributes<'_>,
    card: Mac,
    out: &mut dyn Sink,
) {
    let who = Who::Named { mac: Some(card), ip: None };
    let session = session(exchange.map(|it| it.asks.0), it.session);
    if it.status.is_some_and(|status| OVER.contains(&status)) {
        for ip in it.framed() {
            out.observe(who, Observed::Address(ip, Lease::RadiusEnded { session }));
        }
        return;
    }
    for ip in it.framed() {
        out.observe(who, Observed::Address(ip, Lease::Radius { session, answered: false }));
    }
    let held = it.framed().map(|ip| (ip, Lease::Radius { session, answered: true })).collect();
    if let Some(exchange) = exchange {
        let nonce = message.authenticator;
        let (plug, by, name, anew) = (None, None, None, false);
        out.ask(exchange, Question { nonce, card, plug, held, by, name, anew });
    }
}

/// An access device that starts or stops accounts for no session any more: once its server
/// has taken note.
fn begins_anew(
    packet: &Packet<'_>,
    message: &Message<'_>,
    it: &Attributes<'_>,
    out: &mut dyn Sink,
) {
    let own = |ip| packet.addresses().is_some_and(|(src, _)| src == ip);
    let says = message.code == ACCOUNTING_REQUEST
        && it.status.is_some_and(|status| ANEW.contains(&status))
        && it.nas_ip.is_none_or(own);
    let exchange = exchange(packet, message.identifier, false).filter(|_| says);
    if let Some((exchange, card)) = exchange.zip(packet.src_mac) {
        let (nonce, held) = (message.authenticator, Vec::new());
        let (plug, by, name, anew) = (None, Some(card), None, true);
        out.ask(exchange, Question { nonce, card, plug, held, by, name, anew });
    }
}

/// Tells the sessions of a card apart, where one number is as good as another: FNV-1a of who
/// accounts for it and its number there.
fn session(server: Option<IpAddr>, number: &[u8]) -> u32 {
    let server = match server {
        Some(IpAddr::V4(ip)) => ip.to_ipv6_mapped().octets(),
        Some(IpAddr::V6(ip)) => ip.octets(),
        None => [0; 16],
    };
    server
        .iter()
        .chain(number)
        .fold(0x811c_9dc5, |all, byte| (all ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Whoever it is about, each answer ends its question: after a challenge comes another.
fn answer(packet: &Packet<'_>, message: &Message<'_>, it: &Attributes<'_>, out: &mut dyn Sink) {
    let exchange = exchange(packet, message.identifier, true);
    let question = exchange.and_then(|exchange| out.answered(&exchange));
    // Whom an answer names that nobody asked for, anybody may have put there.
    let others = |it: &Question| it.by.is_none() || it.by != packet.src_mac;
    let Some(Question { card, plug, held, name, anew, .. }) = question.filter(others) else {
        return;
    };
    if anew && message.code == ACCOUNTING_RESPONSE {
        out.fact(Who::Receiver, &ACCOUNTS, "anew");
    }
    if anew {
        return;
    }
    let who = Who::Named { mac: Some(card), ip: None };
    if message.code == ACCOUNTING_RESPONSE {
        held.into_iter().for_each(|(ip, lease)| out.observe(who, Observed::Address(ip, lease)));
    }
    if message.code != ACCESS_ACCEPT {
        return;
    }
    let vlan = it.vlan();
    if let Some(name) = name {
        out.fact(who, &HOSTNAME, &name);
    }
    if let (Some((switch, port)), Some(_)) = (plug, vlan) {
        let (switch, port) = (switch.into_string().into(), port.into_string().into());
        let by = exchange.map(|exchange| exchange.asks.0);
        out.observe(who, Observed::Attached(SwitchPort { switch, port, vlan, by }));
    }
    put_into(vlan, who, out);
}

fn put_into(vlan: Option<u16>, who: Who, out: &mut dyn Sink) {
    if let Some(vlan) = vlan {
        out.fact(who, &VLAN, &vlan.to_string());
    }
}

/// The ends of a question, or of its answer, which goes the other way.
fn exchange(packet: &Packet<'_>, number: u8, answers: bool) -> Option<Exchange> {
    let ((src, dst), (from, to)) = packet.addresses().zip(packet.ports())?;
    let (sender, receiver) = ((src, from), (dst, to));
    Some(match answers {
        false => Exchange { asks: sender, answers: receiver, number },
        true => Exchange { asks: receiver, answers: sender, number },
    })
}

/// The sender, unless it hands on what another asked: then the address is the other's.
fn access_device(it: &Attributes<'_>, src: Option<IpAddr>, out: &mut dyn Sink) {
    if it.nas_ip.is_some_and(|ip| Some(ip) != src) {
        if let (Some(name), Some(_)) = (it.switch(), it.station()) {
            out.fact(Who::Sender, &HANDS_ON, &name);
        }
        return;
    }
    if let Some(name) = it.nas_id {
        out.fact(Who::Sender, &NAS_ID, &String::from_utf8_lossy(name));
    }
    match it.port_type {
        Some(ETHERNET) if it.station().is_some() => out.fact(Who::Sender, &NAS_SERVES, "ethernet"),
        Some(WIRELESS) => out.fact(Who::Sender, &NAS_SERVES, "wireless"),
        _ => {}
    }
}

/// User-Name (RFC 2865 §5.1): the station's own address, a computer's account, or a person.
fn account(it: &Attributes<'_>, station: Mac, who: Who, out: &mut dyn Sink) {
    let Some(name) = it.user_name else { return };
    let name = String::from_utf8_lossy(name);
    if attribute::mac(name.as_bytes()) == Some(station) {
        out.fact(who, &MAC_AUTH, "yes");
    } else if it.computer().is_none() {
        out.user(who, &name);
    }
}

/// Text of an attribute that is no one's secret.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
