//! Multicast DNS (RFC 6762) with service discovery (RFC 6763): a host says its
//! name, its model and what it offers.
//!
//! Only responses count: a query repeats what others said. One that brings records along
//! asks whether they are free (§8.1), as is done when a network comes up. Responses whose
//! addresses are all another's come from a reflector or a sleep proxy and are left out.

use super::dns::message::{Message, PTR, Record, SRV, TXT};
use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::{Arrival, Key};
use crate::wire::packet::Packet;

const HOSTNAME: Key = Key::new("mdns.hostname");
const MODEL: Key = Key::new("mdns.model");
const OSXVERS: Key = Key::new("mdns.osxvers");
const SERVICE: Key = Key::new("mdns.service");
const PRINTER: Key = Key::new("mdns.printer");
const WORKSTATION: Key = Key::new("mdns.workstation");

const PORT: u16 = 5353;

/// mDNS as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "mdns",
    standard: "RFC 6762",
    keys: &[HOSTNAME, MODEL, OSXVERS, SERVICE, PRINTER, WORKSTATION],
    ports: &[PORT],
    body: Body::Datagram { probe, answers: |_| None, read },
};

fn probe(packet: &Packet<'_>) -> Verdict {
    match packet.ports() {
        Some((src, dst)) if src == PORT || dst == PORT => {
            let fits = Message::read(packet.payload)
                .is_ok_and(|m| m.opcode() == 0 && m.counts.iter().any(|&n| n > 0));
            if fits { Verdict::Yes } else { Verdict::No }
        }
        _ => Verdict::No,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let message = Message::read(packet.payload)?;
    // RFC 6762 §6: every response comes from the mDNS port.
    let from_responder = packet.ports().is_some_and(|(src, _)| src == PORT);
    if from_responder && is_probe(&message) && packet.dst_mac.is_some_and(|to| !to.is_unicast()) {
        Who::card(packet).into_iter().for_each(|card| out.arrives(card, Arrival::Mdns));
    }
    if !message.is_response() || !from_responder {
        return Ok(());
    }
    let src = packet.addresses().map(|(src, _)| src);
    let (mut own, mut others) = (false, false);
    message.records(|record| {
        if let Some(ip) = record.address() {
            let mine = Some(ip) == src;
            own |= mine;
            others |= !mine;
        }
        Ok(())
    })?;
    if others && !own {
        return Ok(());
    }
    message.records(|record| {
        match record.kind {
            PTR => ptr(record, out)?,
            SRV => service(&record.name.text(), out),
            TXT => txt(record, out),
            _ if record.address().is_some_and(|ip| Some(ip) == src) => {
                let name = record.name.text();
                if let Some(host) = strip_local(&name) {
                    out.fact(Who::Sender, &HOSTNAME, host);
                }
            }
            _ => {}
        }
        Ok(())
    })
}

/// A question for names, with the records for them that it will have (RFC 6762 §8.2).
const fn is_probe(message: &Message<'_>) -> bool {
    let [questions, _, authority, _] = message.counts;
    !message.is_response() && message.opcode() == 0 && questions > 0 && authority > 0
}

/// `host` of `host.local`.
fn strip_local(name: &str) -> Option<&str> {
    let (host, local) = name.rsplit_once('.')?;
    local.eq_ignore_ascii_case("local").then_some(host)
}

/// Instance and type of `Instance._ipp._tcp.local`; either part of the type starts
/// with an underscore (RFC 6763 §4.1). Subtypes (§7.1) count as instances.
fn instance_and_type(name: &str) -> Option<(&str, &str)> {
    let name = strip_local(name)?;
    let (before, transport) = name.rsplit_once('.')?;
    let (instance, kind) = before.rsplit_once('.').unwrap_or(("", before));
    // RFC 6335 §5.1: letters, digits and hyphens.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let plain = kind.strip_prefix('_').is_some_and(|kind| kind.bytes().all(plain));
    let known = matches!(transport, "_tcp" | "_udp") && plain;
    let from = name.len().checked_sub(kind.len().checked_add(transport.len())?.checked_add(1)?)?;
    known.then_some((instance, name.get(from..)?))
}

/// An instance of a type, or a type in the list of all (RFC 6763 §9).
fn ptr(record: &Record<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let owner = record.name.text();
    let target = record.target()?;
    let target = target.text();
    match instance_and_type(&owner) {
        Some((_, "_dns-sd._udp")) => service(&target, out),
        Some((_, "_workstation._tcp")) => {
            service(&owner, out);
            // The instance is `host [mac]`.
            let host = instance_and_type(&target).map_or("", |(instance, _)| instance);
            let host = host.split_once(" [").map_or(host, |(host, _)| host);
            out.fact(Who::Sender, &WORKSTATION, host);
        }
        Some(_) => service(&owner, out),
        None => {}
    }
    Ok(())
}

fn service(name: &str, out: &mut dyn Sink) {
    if let Some((_, kind)) = instance_and_type(name)
        && kind != "_dns-sd._udp"
    {
        out.fact(Who::Sender, &SERVICE, kind);
    }
}

/// The few TXT keys that name a product; instances and other keys may name persons.
fn txt(record: &Record<'_>, out: &mut dyn Sink) {
    let owner = record.name.text();
    let Some((_, kind)) = instance_and_type(&owner) else { return };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (mut ty, mut product, mut mfg, mut mdl) = Default::default();
    record.pairs(|key, value| match (kind, key.to_ascii_lowercase().as_str()) {
        // RFC 6763 §6.4: the keys of a type are the type's own.
        ("_device-info._tcp" | "_airplay._tcp", "model")
        | ("_raop._tcp", "am")
        | ("_googlecast._tcp" | "_hap._tcp" | "_hap._udp", "md") => {
            out.fact(Who::Sender, &MODEL, &text(value));
        }
        ("_device-info._tcp", "osxvers") => out.fact(Who::Sender, &OSXVERS, &text(value)),
        ("_ipp._tcp" | "_ipps._tcp" | "_printer._tcp" | "_pdl-datastream._tcp", key) => match key {
            "ty" => ty = text(value),
            "product" => product = text(value).trim_matches(['(', ')']).to_owned(),
            "usb_mfg" => mfg = text(value),
            "usb_mdl" => mdl = text(value),
            _ => {}
        },
        _ => {}
    });
    let usb = format!("{mfg} {mdl}");
    let printer = [&ty, &product, &usb].into_iter().find(|text| !text.trim().is_empty());
    if let Some(printer) = printer {
        out.fact(Who::Sender, &PRINTER, printer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, starts, udp};
    use super::super::torture;
    use crate::net::Mac;
    use crate::wire::packet::Packet;

    fn name(text: &str) -> Vec<u8> {
        // `|` stands between labels, so that an instance may hold a dot.
        let mut n: Vec<u8> = Vec::new();
        for label in text.split('|') {
            n.push(label.len() as u8);
            n.extend(label.bytes());
        }
        n.push(0);
        n
    }

    fn response(records: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
        let mut m = vec![0, 0, 0x84, 0, 0, 0, 0, records.len() as u8, 0, 0, 0, 0];
        for (owner, kind, data) in records {
            m.extend(name(owner));
            m.extend(kind.to_be_bytes());
            m.extend([0x80, 1, 0, 0, 0, 120]);
            m.extend((data.len() as u16).to_be_bytes());
            m.extend(data);
        }
        m
    }

    fn txt(pairs: &[&str]) -> Vec<u8> {
        pairs.iter().flat_map(|p| [&[p.len() as u8], p.as_bytes()].concat()).collect()
    }

    fn printer(ip: [u8; 4]) -> Vec<u8> {
        response(&[
            ("_ipp|_tcp|local", 12, name("CANARY's v1.0 printer|_ipp|_tcp|local")),
            (
                "CANARY's v1.0 printer|_ipp|_tcp|local",
                16,
                txt(&["txtvers=1", "note=CANARY", "ty=Brother HL-2270DW", "usb_MFG=Brother"]),
            ),
            ("_services|_dns-sd|_udp|local", 12, name("_http|_tcp|local")),
            ("BRN001BA9|local", 1, ip.to_vec()),
        ])
    }

    fn said(m: &[u8]) -> Vec<String> {
        facts(&packet("mdns", &udp(5353, 5353, m)).unwrap())
    }

    #[test]
    fn printer_describes_itself() {
        let expected = [
            "C mdns.service=_ipp._tcp",
            "C mdns.printer=Brother HL-2270DW",
            "C mdns.service=_http._tcp",
            "C mdns.hostname=BRN001BA9",
        ];
        assert_eq!(said(&printer([10, 0, 0, 1])), expected);
        assert!(said(&printer([10, 0, 0, 9])).is_empty(), "a reflector repeats it");
    }

    #[test]
    fn who_asks_whether_its_names_are_free_has_come() {
        let said = |src, to, m: &[u8]| {
            let packet_of = Packet { dst_mac: Some(Mac(to)), ..udp(src, 5353, m) };
            starts(&packet("mdns", &packet_of).unwrap())
        };
        let mut probe = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0];
        probe.extend([name("mr1|local"), vec![0, 255, 0, 1], name("mr1|local")].concat());
        probe.extend([0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 1]);
        let all = [1, 0, 0x5e, 0, 0, 0xfb];
        assert_eq!(said(5353, all, &probe), ["<02:00:00:00:00:01|> Mdns"]);
        assert!(said(50_000, all, &probe).is_empty() && said(5353, [2; 6], &probe).is_empty());
        let mut query = probe.clone();
        query[9] = 0;
        assert!(said(5353, all, &query).is_empty(), "a question");
        let mut answer = probe;
        answer[2] = 0x84;
        assert!(said(5353, all, &answer).is_empty(), "an answer");
    }

    #[test]
    fn model_and_workstation() {
        let m = response(&[
            ("CANARY|_device-info|_tcp|local", 16, txt(&["model=MacBookPro18,3", "osxvers=21"])),
            (
                "_workstation|_tcp|local",
                12,
                name("mr1 [00:09:fb:05:93:22]|_workstation|_tcp|local"),
            ),
            ("p|_printer|_tcp|local", 16, txt(&["usb_MFG=HP", "usb_MDL=LaserJet"])),
        ]);
        let expected = [
            "C mdns.model=MacBookPro18,3",
            "C mdns.osxvers=21",
            "C mdns.service=_workstation._tcp",
            "C mdns.workstation=mr1",
            "C mdns.printer=HP LaserJet",
        ];
        assert_eq!(said(&m), expected);
        let mut query = m;
        query[2] = 0;
        assert!(said(&query).is_empty());
    }

    #[test]
    fn survives_anything() {
        torture::packet("mdns", &udp(5353, 5353, &printer([10, 0, 0, 1])), &["CANARY's", "note"]);
    }
}
