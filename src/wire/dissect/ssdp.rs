//! Simple Service Discovery Protocol (UPnP Device Architecture 2.0 §1): devices
//! announce themselves, or answer a search. HTTP over UDP; `LOCATION` is not told.

use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `OS/version UPnP/1.1 product/version`.
const SERVER: Key = Key::new("ssdp.server");
/// Notification type: a device or service that it is.
const NT: Key = Key::new("ssdp.nt");
/// Search target that it answers to.
const ST: Key = Key::new("ssdp.st");
/// Search target that it looks for.
const SEARCHES: Key = Key::new("ssdp.searches");
/// UUID of the device, of its unique service name.
const USN_UUID: Key = Key::new("ssdp.usn_uuid");
/// Product that searches.
const USER_AGENT: Key = Key::new("ssdp.user_agent");

/// SSDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ssdp",
    standard: "UPnP Device Architecture 2.0",
    keys: &[SERVER, NT, ST, SEARCHES, USN_UUID, USER_AGENT],
    ports: &[1900],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// Header fields that are looked at.
const MAX_FIELDS: usize = 32;
/// Longest value.
const MAX_VALUE: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Notify,
    Search,
    Answer,
}

fn kind(payload: &[u8]) -> Option<Kind> {
    let starts = |line: &[u8]| payload.starts_with(line);
    match () {
        () if starts(b"NOTIFY * HTTP/1.") => Some(Kind::Notify),
        () if starts(b"M-SEARCH * HTTP/1.") => Some(Kind::Search),
        () if starts(b"HTTP/1.1 200") || starts(b"HTTP/1.0 200") => Some(Kind::Answer),
        () => None,
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    // Only SSDP puts a response of HTTP into a datagram, and only to a search.
    let is_answer = || fields(packet.payload).any(|(name, _)| name.eq_ignore_ascii_case("usn"));
    match kind(packet.payload) {
        None => Verdict::No,
        Some(Kind::Answer) if !is_answer() => Verdict::No,
        Some(_) => Verdict::Yes,
    }
}

/// Names and values of the header fields, each line being plain text.
fn fields(payload: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    payload
        .split(|&b| b == b'\n')
        .skip(1)
        .take(MAX_FIELDS)
        .take_while(|line| !line.is_empty() && *line != b"\r")
        .filter_map(|line| {
            let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
            let (name, value) = line.split_once(':')?;
            let is_plain = value.len() <= MAX_VALUE && !value.contains(|c: char| c.is_control());
            is_plain.then(|| (name.trim(), value.trim()))
        })
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let kind = kind(packet.payload).ok_or(Error::invalid("first line"))?;
    for (name, value) in fields(packet.payload).filter(|(_, value)| !value.is_empty()) {
        let target = !value.starts_with("uuid:");
        match (name.to_ascii_lowercase().as_str(), kind) {
            ("server", Kind::Notify | Kind::Answer) => out.fact(Who::Sender, &SERVER, value),
            ("nt", Kind::Notify) if target => out.fact(Who::Sender, &NT, value),
            ("st", Kind::Answer) if target => out.fact(Who::Sender, &ST, value),
            ("st", Kind::Search) if target => out.fact(Who::Sender, &SEARCHES, value),
            ("usn", Kind::Notify | Kind::Answer) => {
                let uuid = value.strip_prefix("uuid:").and_then(|it| it.split("::").next());
                if let Some(uuid) = uuid {
                    out.fact(Who::Sender, &USN_UUID, uuid);
                }
            }
            ("user-agent", Kind::Search) if !value.contains('@') => {
                out.fact(Who::Sender, &USER_AGENT, value);
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn said(src: u16, dst: u16, payload: &[u8]) -> Vec<String> {
        facts(&packet("ssdp", &udp(src, dst, payload)).unwrap())
    }

    #[test]
    fn announcement_search_and_answer() {
        let notify = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\
LOCATION: http://10.0.0.9/CANARY\r\nNT: urn:schemas-upnp-org:device:Printer:1\r\nNTS: ssdp:alive\r\n\
Server: Linux/3.14 UPnP/1.1 Acme/2\r\nUSN: uuid:2fac1234-31f8-11b4-a222-08002b34c003::urn:x\r\n\r\n";
        assert_eq!(
            said(1900, 1900, notify),
            [
                "C ssdp.nt=urn:schemas-upnp-org:device:Printer:1",
                "C ssdp.server=Linux/3.14 UPnP/1.1 Acme/2",
                "C ssdp.usn_uuid=2fac1234-31f8-11b4-a222-08002b34c003"
            ]
        );
        torture::packet("ssdp", &udp(1900, 1900, notify), &["CANARY"]);
        let search = b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\
USER-AGENT: Windows/6.1 UPnP/1.1 Viewer/1\r\nX: CANARY\r\n\r\n";
        assert_eq!(
            said(50000, 1900, search),
            ["C ssdp.searches=ssdp:all", "C ssdp.user_agent=Windows/6.1 UPnP/1.1 Viewer/1"]
        );
        torture::packet("ssdp", &udp(50000, 1900, search), &["CANARY"]);
        let answer =
            b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:abc\r\nSERVER: A\r\n\r\n";
        assert_eq!(
            said(1900, 50000, answer),
            ["C ssdp.st=upnp:rootdevice", "C ssdp.usn_uuid=abc", "C ssdp.server=A"]
        );
        torture::packet("ssdp", &udp(1900, 50000, answer), &[]);
    }

    #[test]
    fn others_are_not_recognised() {
        for payload in
            [&b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..], b"NOTIFY sip:x SIP/2.0\r\n", b""]
        {
            assert_eq!(probe(&udp(1900, 1900, payload)), Verdict::No);
        }
    }
}
