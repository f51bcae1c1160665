//! Domain Name System (RFC 1035) over UDP and TCP: which vendors' services a host
//! looks for, and who answers.
//!
//! Of queries only the last three labels leave: enough to tell an operating
//! system's telemetry or a remote access product, too little to tell what a person read.
//! Of answers only the names of hosts of the site.

pub(super) mod message;

use std::net::IpAddr;

use self::message::{A, AAAA, HTTPS, Message, SRV};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Last three labels, lower case, of a name that the host looked up.
const QUERY: Key = Key::new("dns.query");
/// `dns`: the host answers for the whole name space.
const SERVER: Key = Key::new("dns.server");
/// Qualified name that an answer gives to an address of the site.
const NAME: Key = Key::new("dns.name");

/// The domain port: the format has no mark of its own, so both are asked for.
const PORT: u16 = 53;
/// Names taken from one answer; a name with more addresses is a service's.
const MAX_NAMES: usize = 4;
/// Longer messages over TCP are zone transfers.
const MAX_TCP: usize = 4096;

/// DNS over UDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "dns",
    standard: "RFC 1035",
    keys: &[NAME, QUERY, SERVER],
    ports: &[PORT],
    body: Body::Datagram {
        probe,
        answers: |_| None,
        read: |packet, out| read(packet.payload, out),
    },
};

/// DNS over TCP (RFC 7766) as a protocol.
pub(super) static TCP: Protocol = Protocol {
    name: "dns-tcp",
    standard: "RFC 7766",
    keys: &[NAME, QUERY, SERVER],
    ports: &[PORT],
    body: Body::Stream { probe: probe_tcp, start: || Box::new(Tcp) },
};

fn probe(packet: &Packet<'_>) -> Verdict {
    match packet.ports() {
        Some((src, dst)) if src == PORT || dst == PORT => plausible(packet.payload),
        _ => Verdict::No,
    }
}

/// A standard query or its response with one question of a known class.
fn plausible(bytes: &[u8]) -> Verdict {
    let fits = |m: Message<'_>| -> Result<bool, Error> {
        let [questions, answers, authority, _] = m.counts;
        let records = m.is_response() || (answers, authority) == (0, 0);
        let (_, _, class) = m.question()?;
        Ok(m.opcode() == 0 && questions == 1 && records && matches!(class, 1 | 255))
    };
    match Message::read(bytes).and_then(fits) {
        Ok(true) => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn read(bytes: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let message = Message::read(bytes)?;
    if message.is_response() {
        if message.recursion_available() && matches!(message.rcode(), 0 | 3) {
            out.fact(Who::Sender, &SERVER, "dns");
        }
        return names(&message, out);
    }
    let (name, kind, _) = message.question()?;
    if message.recursion_desired() && matches!(kind, A | AAAA | HTTPS | SRV) {
        let name = name.text().to_ascii_lowercase();
        if let Some(suffix) = suffix(&name) {
            out.fact(Who::Sender, &QUERY, suffix);
        }
    }
    Ok(())
}

/// Names of hosts of the site: address records whose address is not the Internet's,
/// where names are services and not devices.
fn names(message: &Message<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut said = 0_usize;
    message.records(|record| {
        let Some(ip) = record.address().filter(|ip| is_of_the_site(*ip)) else { return Ok(()) };
        let name = record.name.text().to_ascii_lowercase();
        said = said.saturating_add(1);
        if said <= MAX_NAMES && is_host_name(&name) {
            out.fact(Who::Named { mac: None, ip: Some(ip) }, &NAME, &name);
        }
        Ok(())
    })
}

/// RFC 1918 and RFC 4193.
const fn is_of_the_site(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Qualified, of letters, digits and hyphens (RFC 1123 §2.1), and no reverse name.
fn is_host_name(name: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.contains('.') && !name.ends_with(".arpa") && name.split('.').all(label)
}

/// The last three labels of a host name; none for reverse lookups and for names
/// with other characters than a host name or service has.
fn suffix(name: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.ends_with(".arpa") || !name.bytes().all(plain) {
        return None;
    }
    match name.rmatch_indices('.').nth(2) {
        Some((dot, _)) => name.get(dot.saturating_add(1)..),
        None => Some(name),
    }
}

fn probe_tcp(opening: &Opening<'_>) -> Verdict {
    if opening.src_port != PORT && opening.dst_port != PORT {
        return Verdict::No;
    }
    let mut r = Reader::new(opening.bytes);
    let Ok(len) = r.u16_be("length") else { return Verdict::More };
    let len = usize::from(len);
    if !(17..=MAX_TCP).contains(&len) {
        return Verdict::No;
    }
    match r.take(len, "message") {
        Ok(message) => plausible(message),
        Err(_) => Verdict::More,
    }
}

/// A TCP conversation: messages with two length bytes each (RFC 1035 §4.2.2).
struct Tcp;

impl Dissector for Tcp {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let Ok(len) = r.u16_be("length") else { return Ok(Progress::Need(2)) };
        let len = usize::from(len);
        let whole = len.saturating_add(2);
        if len > MAX_TCP {
            return Ok(Progress::Skip(u64::try_from(whole).unwrap_or(u64::MAX)));
        }
        let Ok(message) = r.take(len, "message") else { return Ok(Progress::Need(whole)) };
        read(message, out)?;
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::{by_name, torture};
    use super::*;

    /// A query, RD set, with one question.
    fn query(flags: u16, labels: &[&str], kind: u16) -> Vec<u8> {
        let mut m = vec![0x12, 0x34];
        for word in [flags, 1, 0, 0, 0] {
            m.extend(word.to_be_bytes());
        }
        for label in labels {
            m.push(label.len() as u8);
            m.extend(label.bytes());
        }
        m.push(0);
        m.extend(kind.to_be_bytes());
        m.extend([0, 1]);
        m
    }

    fn said(bytes: &[u8]) -> Vec<String> {
        facts(&packet("dns", &udp(50000, 53, bytes)).unwrap())
    }

    #[test]
    fn three_labels_of_a_query() {
        let labels = ["v10", "events", "Data", "microsoft", "com"];
        assert_eq!(said(&query(0x0100, &labels, A)), ["C dns.query=data.microsoft.com"]);
        assert_eq!(said(&query(0x0100, &["wpad"], AAAA)), ["C dns.query=wpad"]);
        assert!(said(&query(0x0100, &["1", "0", "in-addr", "arpa"], A)).is_empty());
        assert!(said(&query(0x0100, &["a", "example"], 15)).is_empty());
        assert!(said(&query(0x0100, &["Jo Doe", "example"], A)).is_empty());
        assert!(said(&query(0, &["a", "example"], A)).is_empty(), "a server asks a server");
    }

    #[test]
    fn resolver() {
        let answer = query(0x8180, &["a", "example"], A);
        assert_eq!(facts(&packet("dns", &udp(53, 50000, &answer)).unwrap()), ["C dns.server=dns"]);
        assert!(said(&query(0x8182, &["a", "example"], A)).is_empty(), "SERVFAIL");
    }

    #[test]
    fn names_of_the_site() {
        let answer = |ip: [u8; 4], labels: &[&str]| {
            let mut m = query(0x8180, labels, A);
            m[7] = 1;
            m.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            m.extend(ip);
            facts(&packet("dns", &udp(53, 50000, &m)).unwrap())
        };
        let said = answer([10, 20, 10, 11], &["PACS", "hospital", "example"]);
        assert!(said.iter().any(|f| f.ends_with("dns.name=pacs.hospital.example")), "{said:?}");
        let resolver = ["C dns.server=dns"];
        assert_eq!(answer([8, 8, 8, 8], &["dns", "example"]), resolver);
        assert_eq!(answer([10, 0, 0, 1], &["a b", "example"]), resolver);
    }

    #[test]
    fn over_tcp() {
        let message = query(0x0100, &["a", "b", "example"], A);
        let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
        let Body::Stream { probe, .. } = &by_name("dns-tcp").unwrap().body else { panic!() };
        let opening = |bytes, dst_port| Opening { bytes, src_port: 1, dst_port, from_start: true };
        assert_eq!(probe(&opening(&framed, 53)), Verdict::Yes);
        assert_eq!(probe(&opening(&framed[..9], 53)), Verdict::More);
        assert_eq!(probe(&opening(&framed, 54)), Verdict::No);
        torture::stream("dns-tcp", &[(b'C', &framed), (b'C', &framed)], &[]);
    }

    #[test]
    fn survives_anything() {
        torture::packet("dns", &udp(50000, 53, &query(0x0100, &["a", "b"], A)), &[]);
    }
}
