//! Session Initiation Protocol (RFC 3261): telephones, exchanges and intercoms name
//! their product.
//!
//! Who calls whom is not read: no URI, `From`, `To`, `Call-ID`, `Contact` or body. What
//! a proxy passes on names the product of another, so requests with more than one
//! `Via` and answers of a recorded route are left out.

use super::heads::{self, Conversation, Head};
use super::{Body, Error, Opening, Protocol, Sink, Verdict, Who, known};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Product of who asks or is called (§20.41).
const USER_AGENT: Key = Key::new("sip.user_agent");
/// Product of who answers (§20.35).
const SERVER: Key = Key::new("sip.server");
/// `phone`: it registers where it can be called; `registrar`: it accepts that (§10).
const ROLE: Key = Key::new("sip.role");

/// SIP over UDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "sip",
    standard: "RFC 3261",
    keys: &[USER_AGENT, SERVER, ROLE],
    ports: &[5060],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// SIP over TCP as a protocol.
pub(super) static TCP: Protocol = Protocol {
    name: "sip-tcp",
    standard: "RFC 3261",
    keys: &[USER_AGENT, SERVER, ROLE],
    ports: &[5060],
    body: Body::Stream { probe: probe_tcp, start: || Box::<Conversation<Message>>::default() },
};

/// Longest first line that is waited for.
const MAX_FIRST_LINE: usize = 512;

/// Bytes of the shortest first line.
const SHORTEST: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Register,
    /// With the first digit of its code.
    Answer(u8),
}

/// `METHOD URI SIP/2.0` or `SIP/2.0 code reason` (§7.1, §7.2).
fn kind(line: &[u8]) -> Option<Kind> {
    if let Some(status) = line.strip_prefix(b"SIP/2.0 ") {
        return match status {
            [class @ b'1'..=b'6', b'0'..=b'9', b'0'..=b'9', b' ', ..] => Some(Kind::Answer(*class)),
            _ => None,
        };
    }
    let rest = line.strip_suffix(b" SIP/2.0")?;
    let (method, uri) = rest.split_at_checked(rest.iter().position(|&b| b == b' ')?)?;
    let fits = (3..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    let uri = uri.get(1..)?;
    let known = [&b"sip:"[..], b"sips:", b"tel:"].iter().any(|scheme| uri.starts_with(scheme));
    match method {
        _ if !fits || !known => None,
        b"REGISTER" => Some(Kind::Register),
        _ => Some(Kind::Request),
    }
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(MAX_FIRST_LINE).position(|&b| b == b'\n')?;
    bytes.get(..end)?.strip_suffix(b"\r")
}

fn probe(packet: &Packet<'_>) -> Verdict {
    // No line is looked for where none can be.
    let begins = packet.payload.first().is_some_and(u8::is_ascii_uppercase);
    match begins && first_line(packet.payload).and_then(kind).is_some() {
        true => Verdict::Yes,
        false => Verdict::No,
    }
}

fn probe_tcp(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let upper = bytes.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let after = bytes.get(upper..).unwrap_or_default();
    let begins = match upper {
        0..=16 if after.is_empty() => true,
        3 if bytes.starts_with(b"SIP") => {
            let n = after.len().min(5);
            after.get(..n) == b"/2.0 ".get(..n)
        }
        3..=16 => {
            let scheme = |known: &[u8]| {
                let n = after.len().min(known.len());
                after.get(..n) == known.get(..n)
            };
            scheme(b" sip:") || scheme(b" sips:") || scheme(b" tel:")
        }
        _ => false,
    };
    if !begins {
        return Verdict::No;
    }
    match first_line(bytes).map(kind) {
        Some(Some(_)) => Verdict::Yes,
        None if bytes.len() < MAX_FIRST_LINE => Verdict::More,
        _ => Verdict::No,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    // A line end or a few blanks keep the way open (RFC 5626 §4.4.1).
    if packet.payload.len() < SHORTEST {
        return Ok(());
    }
    heads::datagram::<Message>(packet.payload, out)
}

struct Message {
    kind: Kind,
    vias: u8,
    routed: bool,
    /// The request that is answered is a REGISTER (§20.16).
    registering: bool,
    user_agent: Option<String>,
    server: Option<String>,
}

impl Head for Message {
    const INTERLEAVED: bool = false;
    type Memory = ();

    fn begin(line: &[u8]) -> Option<Self> {
        kind(line).map(|kind| Self {
            kind,
            vias: 0,
            routed: false,
            registering: false,
            user_agent: None,
            server: None,
        })
    }

    /// Short forms as in §7.3.3.
    fn field(&mut self, name: &str, value: &str) {
        match name {
            "via" | "v" => {
                let n = value.split(',').count();
                self.vias = self.vias.saturating_add(u8::try_from(n).unwrap_or(u8::MAX));
            }
            "record-route" => self.routed = true,
            "cseq" => self.registering = value.ends_with("REGISTER"),
            "user-agent" => self.user_agent = heads::product(value),
            "server" => self.server = heads::product(value),
            _ => {}
        }
    }

    fn tell(&self, (): &mut (), out: &mut dyn Sink) {
        if self.routed || self.vias != 1 {
            return;
        }
        match self.kind {
            Kind::Register => out.fact(Who::Sender, &ROLE, "phone"),
            Kind::Answer(b'2') if self.registering => out.fact(Who::Sender, &ROLE, "registrar"),
            _ => {}
        }
        if let Some(product) = &self.user_agent {
            out.fact(Who::Sender, &USER_AGENT, known::phone(product));
        }
        if let Some(product) = &self.server {
            out.fact(Who::Sender, &SERVER, known::phone(product));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, stream, udp};
    use super::super::torture;
    use super::*;

    const REGISTER: &[u8] = b"REGISTER sip:CANARY.example SIP/2.0\r\n\
Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKCANARY\r\nFrom: \"CANARY\" <sip:CANARY@x>;tag=1\r\n\
To: <sip:CANARY@x>\r\nCall-ID: CANARY\r\nCSeq: 1 REGISTER\r\nContact: <sip:CANARY@10.0.0.9>\r\n\
User-Agent: Yealink SIP-T46S 66.84.0.15\r\nContent-Length: 0\r\n\r\n";
    const OK: &[u8] = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 10.0.0.9\r\nf: <sip:CANARY@x>\r\n\
CSeq: 1 REGISTER\r\nServer: Asterisk PBX 18.9.0\r\nl: 6\r\n\r\nCANARY";

    fn said(payload: &[u8]) -> Vec<String> {
        facts(&packet("sip", &udp(5060, 5060, payload)).unwrap())
    }

    #[test]
    fn telephone_and_registrar() {
        let phone = ["C sip.role=phone", "C sip.user_agent=Yealink SIP-T46S 66.84.0.15"];
        assert_eq!(said(REGISTER), phone);
        assert_eq!(said(OK), ["C sip.role=registrar", "C sip.server=Asterisk PBX 18.9.0"]);
        torture::packet("sip", &udp(5060, 5060, REGISTER), &["CANARY"]);
        torture::packet("sip", &udp(5060, 5060, OK), &["CANARY"]);
    }

    #[test]
    fn what_is_passed_on_is_anothers() {
        let invite = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n\
User-Agent: Phone/1\r\n\r\n";
        assert!(said(invite).is_empty());
        let one = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n\
User-Agent: Phone/1\r\n\r\n";
        assert!(said(one).is_empty());
        let routed = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nRecord-Route: <sip:p>\r\n\
Server: Phone/1\r\n\r\n";
        assert!(said(routed).is_empty());
        let person =
            b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nUser-Agent: me@home\r\n\r\n";
        assert!(said(person).is_empty());
    }

    #[test]
    fn over_tcp() {
        let call = [(b'C', &b"\r\n"[..]), (b'C', REGISTER), (b'S', OK), (b'S', OK)];
        let call = &call[1..];
        let expected = [
            "C sip.role=phone",
            "C sip.user_agent=Yealink SIP-T46S 66.84.0.15",
            "S sip.role=registrar",
            "S sip.server=Asterisk PBX 18.9.0",
            "S sip.role=registrar",
            "S sip.server=Asterisk PBX 18.9.0",
        ];
        assert_eq!(facts(&stream("sip-tcp", call)), expected);
        torture::stream("sip-tcp", &call[..2], &["CANARY"]);
        let open =
            |bytes| probe_tcp(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        assert_eq!(open(b"INVITE"), Verdict::More);
        assert_eq!(open(b"INVITE si"), Verdict::More);
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x", b"OPTIONS rtsp://x RTSP/1.0\r\n"] {
            assert_eq!(open(other), Verdict::No);
        }
    }

    #[test]
    fn others_are_not_recognised() {
        for other in [&b"NOTIFY * HTTP/1.1\r\n"[..], b"SIP/2.0 OK\r\n", b"\0\0", b""] {
            assert_eq!(probe(&udp(5060, 5060, other)), Verdict::No);
        }
    }
}
