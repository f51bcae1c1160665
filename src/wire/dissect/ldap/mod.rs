//! LDAP (RFC 4511) and the domain controller locator (MS-ADTS §6.3): servers describe
//! themselves in their root entry, clients ask with their own name.
//!
//! A directory is about persons: of entries only the one without a name is read, of a
//! logon only its kind and NTLM's part in it. Names and passwords never leave.

mod bind;
mod locator;
#[cfg(test)]
mod tests;

use super::ber::{self, OCTET_STRING, SEQUENCE};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict,
    Who, ntlm,
};
use crate::observe::Key;
use crate::wire::packet::Packet;

const DNS_HOSTNAME: Key = Key::new("ldap.dns_hostname");
/// DNS name of the domain that a server serves or a client looks for.
const DOMAIN: Key = Key::new("ldap.domain");
/// NetBIOS name of a server, or what a client calls itself.
const COMPUTER: Key = Key::new("ldap.computer");
/// `active-directory`: the directory service.
const SERVICE: Key = Key::new("ldap.service");
const VENDOR: Key = Key::new("ldap.vendor");
const VENDOR_VERSION: Key = Key::new("ldap.vendor_version");
/// domainControllerFunctionality by number (MS-ADTS §6.1.4.2).
const DC_LEVEL: Key = Key::new("ldap.dc_level");
/// Active Directory site of a server.
const SITE: Key = Key::new("ldap.site");

const KEYS: &[Key] = ntlm::keys_with![
    bind::CLEAR_LOGIN,
    bind::TAKES,
    DNS_HOSTNAME,
    DOMAIN,
    COMPUTER,
    SERVICE,
    VENDOR,
    VENDOR_VERSION,
    DC_LEVEL,
    SITE,
];

const PORT: u16 = 389;

/// LDAP over TCP.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ldap",
    standard: "RFC 4511",
    keys: KEYS,
    ports: &[PORT, 3268],
    body: Body::Stream { probe: probe_stream, start: || Box::<Ldap>::default() },
};

/// LDAP in datagrams: who looks for a domain controller, and its answer.
pub(super) static DATAGRAM: Protocol = Protocol {
    name: "cldap",
    standard: "MS-ADTS 6.3.3",
    keys: KEYS,
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

/// Application tags of the operations (RFC 4511 §4.2 to §4.12).
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// StartTLS (§4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
/// What is read whole: a root entry of Active Directory has 3 KB, a token some 10.
const MAX_MESSAGE: usize = 64 * 1024;
/// Enough for the head of a message and of its operation.
const HEAD: usize = 32;
const MAX_ATTRIBUTES: usize = 128;
/// Active Directory's own mark among supportedCapabilities (MS-ADTS §3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &[u8] = b"1.2.840.113556.1.4.800";

/// Length of a message with its head, the tag of its operation; none when it is not LDAP.
fn head(bytes: &[u8]) -> Result<Option<(usize, u8)>, Error> {
    let mut r = Reader::new(bytes);
    let (Ok(tag), Ok(first)) = (r.u8("LDAPMessage"), r.u8("length")) else { return Ok(None) };
    if tag != SEQUENCE {
        return Err(Error::invalid("LDAPMessage"));
    }
    let size = match first {
        0..=0x7f => 0,
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return Err(Error::invalid("length")),
    };
    let Ok(long) = r.take(size, "length") else { return Ok(None) };
    let long = long.iter().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    let length = if size == 0 { u64::from(first) } else { long };
    let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(r.position());
    let (Ok(tag), Ok(size)) = (r.u8("messageID"), r.u8("messageID")) else { return Ok(None) };
    if tag != INTEGER || !(1..=5).contains(&size) {
        return Err(Error::invalid("messageID"));
    }
    if r.skip(usize::from(size), "messageID").is_err() {
        return Ok(None);
    }
    Ok(r.u8("protocolOp").ok().map(|operation| (whole, operation)))
}

fn probe_stream(opening: &Opening<'_>) -> Verdict {
    match head(opening.bytes) {
        Ok(Some((_, BIND_REQUEST | SEARCH_REQUEST | EXTENDED_REQUEST))) => Verdict::Yes,
        Ok(Some((_, BIND_RESPONSE | SEARCH_ENTRY | SEARCH_DONE | EXTENDED_RESPONSE))) => {
            Verdict::Yes
        }
        Ok(None) => Verdict::More,
        _ => Verdict::No,
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    match head(packet.payload) {
        Ok(Some((whole, SEARCH_REQUEST | SEARCH_ENTRY | SEARCH_DONE)))
            if whole <= packet.payload.len() =>
        {
            Verdict::Yes
        }
        _ => Verdict::No,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    let (_, operation) = head(packet.payload).ok()??;
    Some(operation != SEARCH_REQUEST)
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    // An entry is followed by the end of the search in the same datagram.
    match operation(packet.payload)? {
        (SEARCH_REQUEST, request) => locator::request(request, out),
        (SEARCH_ENTRY, found) => entry(found, out),
        _ => Ok(()),
    }
}

/// Tag and contents of the operation of the first message.
fn operation(bytes: &[u8]) -> Result<(u8, &[u8]), Error> {
    let mut r = Reader::new(ber::expect(&mut Reader::new(bytes), SEQUENCE, "LDAPMessage")?);
    ber::expect(&mut r, INTEGER, "messageID")?;
    ber::any(&mut r, "protocolOp")
}

#[derive(Default)]
struct Ldap {
    starts_tls: bool,
    /// A password waits for its answer.
    simple: bool,
}

impl Dissector for Ldap {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        // Behind a logon that signs or seals each message has its length before it.
        if bytes.first().is_some_and(|tag| *tag != SEQUENCE) {
            return Ok(Progress::Done);
        }
        let Some((whole, tag)) = head(bytes)? else {
            return match bytes.len() {
                n if n >= HEAD => Err(Error::invalid("LDAPMessage")),
                n => Ok(Progress::Need(n.saturating_add(1))),
            };
        };
        let wanted = match tag {
            BIND_REQUEST | BIND_RESPONSE | EXTENDED_REQUEST | EXTENDED_RESPONSE => true,
            // Name without bytes directly behind the tag and its length.
            SEARCH_ENTRY if bytes.len() < HEAD.min(whole) => {
                return Ok(Progress::Need(HEAD.min(whole)));
            }
            SEARCH_ENTRY => nameless(bytes),
            _ => false,
        };
        if !wanted || whole > MAX_MESSAGE {
            return Ok(Progress::Skip(u64::try_from(whole).unwrap_or(u64::MAX)));
        }
        if bytes.len() < whole {
            return Ok(Progress::Need(whole));
        }
        let (tag, contents) = operation(bytes)?;
        match tag {
            BIND_REQUEST => self.simple = bind::request(contents, out)?,
            BIND_RESPONSE => {
                if std::mem::take(&mut self.simple) && bind::compares(contents)? {
                    out.fact(Who::Sender, &bind::TAKES, "yes");
                }
                ntlm::read(contents, out)?;
            }
            SEARCH_ENTRY => entry(contents, out)?,
            EXTENDED_REQUEST => {
                self.starts_tls = contents.windows(START_TLS.len()).any(|w| w == START_TLS);
            }
            EXTENDED_RESPONSE if self.starts_tls => {
                let result = ber::expect(&mut Reader::new(contents), ENUMERATED, "resultCode")?;
                return Ok(match result {
                    [0] => Progress::Restart(whole),
                    _ => Progress::Consumed(whole),
                });
            }
            _ => {}
        }
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// Whether an entry's name is empty, from the beginning of its message.
fn nameless(bytes: &[u8]) -> bool {
    let mut r = Reader::new(bytes);
    let mut behind = |tag: u8| -> Option<()> {
        (r.u8("tag").ok()? == tag).then_some(())?;
        let first = r.u8("length").ok()?;
        let long = if first > 0x80 { first & 0x7f } else { 0 };
        r.skip(usize::from(long), "length").ok()?;
        if tag == INTEGER {
            r.skip(usize::from(first), "messageID").ok()?;
        }
        Some(())
    };
    let found = behind(SEQUENCE).and_then(|()| behind(INTEGER)).and_then(|()| behind(SEARCH_ENTRY));
    found.is_some() && ber::expect(&mut r, OCTET_STRING, "objectName").is_ok_and(<[u8]>::is_empty)
}

/// SearchResultEntry (§4.5.2) without a name: what a server says of itself.
fn entry(contents: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(contents);
    if !ber::expect(&mut r, OCTET_STRING, "objectName")?.is_empty() {
        return Ok(());
    }
    let mut list = Reader::new(ber::expect(&mut r, SEQUENCE, "attributes")?);
    for _ in 0..MAX_ATTRIBUTES {
        if list.is_empty() {
            break;
        }
        let mut one = Reader::new(ber::expect(&mut list, SEQUENCE, "PartialAttribute")?);
        let name = ber::expect(&mut one, OCTET_STRING, "type")?.to_ascii_lowercase();
        let mut values = Reader::new(ber::expect(&mut one, 0x31, "vals")?);
        if values.is_empty() {
            continue;
        }
        if name == b"supportedcapabilities" {
            while !values.is_empty() {
                if ber::expect(&mut values, OCTET_STRING, "value")? == ACTIVE_DIRECTORY {
                    out.fact(Who::Sender, &SERVICE, "active-directory");
                }
            }
            continue;
        }
        let value = ber::expect(&mut values, OCTET_STRING, "value")?;
        let text = String::from_utf8_lossy(value);
        match name.as_slice() {
            b"dnshostname" => out.fact(Who::Sender, &DNS_HOSTNAME, &text),
            b"defaultnamingcontext" => out.fact(Who::Sender, &DOMAIN, &dotted(&text)),
            b"vendorname" => out.fact(Who::Sender, &VENDOR, &text),
            b"vendorversion" => out.fact(Who::Sender, &VENDOR_VERSION, &text),
            b"domaincontrollerfunctionality" => out.fact(Who::Sender, &DC_LEVEL, &text),
            b"netlogon" => locator::response(value, out)?,
            _ => {}
        }
    }
    Ok(())
}

/// `hospital.example` of `DC=hospital,DC=example`; empty for a name with other parts.
fn dotted(name: &str) -> String {
    let parts: Option<Vec<&str>> = name
        .split(',')
        .map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("dc").then_some(value.trim())
        })
        .collect();
    parts.unwrap_or_default().join(".")
}
