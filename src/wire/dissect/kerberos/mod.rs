//! Kerberos 5 (RFC 4120): which domain a computer belongs to and what it is called, who
//! gives out tickets, and who still does so with broken ciphers.
//!
//! A principal that ends with `$` or is a `host/` is a computer. Any other is a person
//! and leaves only through [`Sink::user`]. Tickets and checksums are never looked into.

mod name;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use name::{account, addresses, is_person, principal};

use super::ber::{self, INTEGER, SEQUENCE};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Name of a computer that asks for its own account.
const HOSTNAME: Key = Key::new("kerberos.hostname");
/// Realm that a client asks in, or that a server gives out tickets for.
const REALM: Key = Key::new("kerberos.realm");
/// `yes`: gives out tickets.
const KDC: Key = Key::new("kerberos.kdc");
/// Ciphers that a client offers, by number, in its order.
const ETYPES: Key = Key::new("kerberos.etypes");
/// `rc4` or `des`: the best cipher that a client offers.
const WEAK: Key = Key::new("kerberos.weak");
/// `rc4` or `des`: cipher of a ticket that was given out.
const WEAK_TICKET: Key = Key::new("kerberos.weak_ticket");

const KEYS: &[Key] = &[HOSTNAME, REALM, KDC, ETYPES, WEAK, WEAK_TICKET];
const PORT: u16 = 88;

/// Kerberos in datagrams.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "kerberos",
    standard: "RFC 4120",
    keys: KEYS,
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

/// Kerberos over TCP (RFC 4120 §7.2.2).
pub(super) static TCP: Protocol = Protocol {
    name: "kerberos-tcp",
    standard: "RFC 4120",
    keys: KEYS,
    ports: &[PORT],
    body: Body::Stream { probe: probe_stream, start: || Box::new(Kerberos) },
};

/// Application tags of the messages (RFC 4120 §5.10).
const AS_REQ: u8 = 0x6a;
const AS_REP: u8 = 0x6b;
const TGS_REQ: u8 = 0x6c;
const TGS_REP: u8 = 0x6d;
const KRB_ERROR: u8 = 0x7e;
const GENERAL_STRING: u8 = 0x1b;
/// HostAddress type NetBIOS (RFC 4120 §7.5.3).
const NETBIOS: i64 = 20;
/// Names, ciphers and addresses in one list that are looked at.
const MAX_LIST: usize = 32;
/// A request with a large ticket has some 20 KB.
const MAX_MESSAGE: usize = 64 * 1024;

/// Length mark and tag up to the version, which is 5: `30 len a1 03 02 01 05`.
fn is_message(bytes: &[u8]) -> Verdict {
    match bytes.first() {
        None => return Verdict::More,
        Some(&(AS_REQ | AS_REP | TGS_REQ | TGS_REP | KRB_ERROR)) => {}
        Some(_) => return Verdict::No,
    }
    let Some(head) = bytes.get(..24.min(bytes.len())) else { return Verdict::More };
    let version = head.windows(5).any(|w| matches!(w, [0xa0 | 0xa1, 3, 2, 1, 5]));
    match (version, head.len()) {
        (true, _) => Verdict::Yes,
        (false, 24) => Verdict::No,
        (false, _) => Verdict::More,
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    let whole = || ber::any(&mut Reader::new(packet.payload), "message").is_ok() || packet.cut;
    match is_message(packet.payload) {
        Verdict::Yes if whole() => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    packet.payload.first().map(|tag| matches!(*tag, AS_REP | TGS_REP | KRB_ERROR))
}

fn probe_stream(opening: &Opening<'_>) -> Verdict {
    let Some((length, message)) = opening.bytes.split_first_chunk::<4>() else {
        return if opening.bytes.iter().all(|b| *b == 0) { Verdict::More } else { Verdict::No };
    };
    let length = u32::from_be_bytes(*length);
    if !(16..65_536).contains(&length) {
        return Verdict::No;
    }
    is_message(message)
}

struct Kerberos;

impl Dissector for Kerberos {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let Ok(length) = r.u32_be("length") else { return Ok(Progress::Need(4)) };
        let length = super::reader::wide(length);
        if !(1..=MAX_MESSAGE).contains(&length) {
            return Err(Error::too_large("length"));
        }
        let whole = length.saturating_add(4);
        let Ok(bytes) = r.take(length, "message") else { return Ok(Progress::Need(whole)) };
        message(bytes, out)?;
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    message(packet.payload, out)
}

fn message(bytes: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let (tag, contents) = ber::any(&mut Reader::new(bytes), "message")?;
    let fields = Reader::new(ber::expect(&mut Reader::new(contents), SEQUENCE, "message")?);
    match tag {
        AS_REQ | TGS_REQ => request(tag, fields, out),
        AS_REP | TGS_REP => reply(fields, out),
        KRB_ERROR => {
            out.fact(Who::Sender, &KDC, "yes");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The fields of a SEQUENCE by their context tags, each handed to `each` with what is in it.
fn fields<'a>(
    mut r: Reader<'a>,
    mut each: impl FnMut(u8, Reader<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    for _ in 0..MAX_LIST {
        if r.is_empty() {
            break;
        }
        let (tag, contents) = ber::any(&mut r, "field")?;
        each(tag, Reader::new(contents))?;
    }
    Ok(())
}

/// KDC-REQ (§5.4.1): the body behind version, type and pre-authentication.
fn request(tag: u8, r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let (mut client, mut realm) = (None, None);
    let mut etypes: Vec<i64> = Vec::new();
    fields(r, |field, mut r| {
        if field != 0xa4 {
            return Ok(());
        }
        let body = Reader::new(ber::expect(&mut r, SEQUENCE, "req-body")?);
        fields(body, |field, mut r| {
            match field {
                0xa1 => client = Some(principal(r)?),
                0xa2 => realm = Some(ber::expect(&mut r, GENERAL_STRING, "realm")?),
                0xa8 => {
                    let mut list = Reader::new(ber::expect(&mut r, SEQUENCE, "etype")?);
                    while !list.is_empty() && etypes.len() < MAX_LIST {
                        etypes.push(signed(ber::expect(&mut list, INTEGER, "etype")?));
                    }
                }
                0xa9 => addresses(r, out)?,
                _ => {}
            }
            Ok(())
        })
    })?;
    let realm = String::from_utf8_lossy(realm.unwrap_or_default()).into_owned();
    // A ticket's own realm may be another's; of who logs on it is the domain.
    if tag == AS_REQ {
        if let Some(names) = client {
            account(&names, out);
        }
        out.fact(Who::Sender, &REALM, &realm);
    }
    let mut text = String::new();
    for etype in &etypes {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{etype}");
    }
    out.fact(Who::Sender, &ETYPES, &text);
    if let Some(weak) = weakest_word(&etypes) {
        out.fact(Who::Sender, &WEAK, weak);
    }
    Ok(())
}

/// The best of these ciphers, when it is a broken one (RFC 8429, RFC 6649).
fn weakest_word(etypes: &[i64]) -> Option<&'static str> {
    // The numbers below zero are Windows' own kinds of RC4.
    let is_rc4 = |e: &i64| matches!(e, 23 | 24 | -148..=-128);
    let is_des = |e: &i64| matches!(e, 1..=3);
    if etypes.is_empty() || !etypes.iter().all(|e| is_rc4(e) || is_des(e)) {
        return None;
    }
    Some(if etypes.iter().any(is_rc4) { "rc4" } else { "des" })
}

/// KDC-REP (§5.4.2): realm and the cipher of the ticket, and whether it is a person who
/// has got it.
fn reply(r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    out.fact(Who::Sender, &KDC, "yes");
    fields(r, |field, mut r| match field {
        0xa4 => {
            if is_person(&principal(r)?) {
                out.session(Who::Receiver);
            }
            Ok(())
        }
        0xa5 => {
            // Ticket (§5.3): [APPLICATION 1] SEQUENCE.
            let mut r = Reader::new(ber::expect(&mut r, 0x61, "Ticket")?);
            fields(Reader::new(ber::expect(&mut r, SEQUENCE, "Ticket")?), |field, mut r| {
                match field {
                    0xa1 => {
                        let realm = ber::expect(&mut r, GENERAL_STRING, "realm")?;
                        out.fact(Who::Sender, &REALM, &String::from_utf8_lossy(realm));
                    }
                    0xa3 => {
                        let part = Reader::new(ber::expect(&mut r, SEQUENCE, "enc-part")?);
                        fields(part, |field, mut r| {
                            if field == 0xa0 {
                                let etype = signed(ber::expect(&mut r, INTEGER, "etype")?);
                                if let Some(weak) = weakest_word(&[etype]) {
                                    out.fact(Who::Sender, &WEAK_TICKET, weak);
                                }
                            }
                            Ok(())
                        })?;
                    }
                    _ => {}
                }
                Ok(())
            })
        }
        _ => Ok(()),
    })
}

/// A small INTEGER with its sign; 0 for one of more than eight bytes.
fn signed(contents: &[u8]) -> i64 {
    let negative = contents.first().is_some_and(|b| b & 0x80 != 0);
    let start = if negative { -1_i64 } else { 0 };
    match contents.len() {
        1..=8 => contents.iter().fold(start, |n, &b| n << 8 | i64::from(b)),
        _ => 0,
    }
}
