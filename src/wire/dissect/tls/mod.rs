//! TLS and SSL 3 handshakes (RFC 8446, RFC 5246, RFC 6101), as far as they are
//! readable: ClientHello, ServerHello, and before TLS 1.3 the certificate of the
//! server. The client's certificate may name a person and is never looked at.
//!
//! Messages may share records and be spread over them (RFC 5246 §6.2.1).

mod certificate;
mod hello;
mod ja4;
#[cfg(test)]
pub(super) mod tests;

pub(super) use hello::Hello;

use super::reader::wide;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict,
};
use crate::observe::Key;

/// Content types of records (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Longest fragment: 2^14 and 2048 of expansion (RFC 5246 §6.2.3).
const MAX_FRAGMENT: u16 = 16384 + 2048;
/// Handshake types (RFC 8446 §4, RFC 5246 §7.4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
/// Longest handshake message, or first certificate, that is read.
const MAX_MESSAGE: usize = 16 * 1024;

/// TLS as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "tls",
    standard: "RFC 8446, RFC 5246",
    keys: KEYS,
    ports: &[443, 8443, 2762, 3389, 636, 993, 995],
    body: Body::Stream { probe, start: || Box::<Tls>::default() },
};

const KEYS: &[Key] = &[
    hello::REQUESTS_HOST,
    hello::JA4,
    hello::CLIENT_VERSION,
    hello::CLIENT_ALPN,
    hello::VERSION,
    hello::CIPHER,
    certificate::CN,
    certificate::O,
    certificate::OU,
    certificate::ISSUER_O,
    certificate::SAN,
    certificate::NOT_AFTER,
    certificate::SELF_SIGNED,
    certificate::KEY,
    certificate::WEAK,
];

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    match bytes {
        [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO | SERVER_HELLO, 0, ..] => Verdict::Yes,
        [HANDSHAKE, 3, 0..=4, _, _, ..] if bytes.len() < 7 => Verdict::More,
        [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, ..] if bytes.len() < 5 => Verdict::More,
        [0x80..=0xff, ..] => match hello::v2_length(bytes) {
            Ok(Some(_)) => Verdict::Yes,
            Ok(None) => Verdict::More,
            Err(_) => Verdict::No,
        },
        _ => Verdict::No,
    }
}

/// One conversation.
#[derive(Default)]
struct Tls {
    client: Half,
    server: Half,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// Handshake messages not complete yet.
    handshake: Vec<u8>,
    /// Bytes of a handshake message to pass over.
    pass: usize,
    /// It sent a ServerHello, so the certificate is a server's.
    is_server: bool,
    /// Nothing more is readable, or wanted.
    done: bool,
    /// A record was read; SSLv2 hellos come only before.
    begun: bool,
}

impl Dissector for Tls {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let (half, other) = match from {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        };
        if half.done {
            return Ok(Progress::Skip(u64::MAX));
        }
        let progress = half.record(bytes, out)?;
        Ok(if half.done && other.done { Progress::Done } else { progress })
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Half {
    fn record(&mut self, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if !self.begun && bytes.first().is_some_and(|&b| b >= 0x80) {
            return self.v2(bytes, out);
        }
        let mut r = Reader::new(bytes);
        let Ok(kind) = r.u8("ContentType") else { return Ok(Progress::Need(1)) };
        if bytes.len() < 5 {
            return Ok(Progress::Need(5));
        }
        if r.u8("ProtocolVersion.major")? != 3 {
            return Err(Error::invalid("ProtocolVersion.major"));
        }
        r.skip(1, "ProtocolVersion.minor")?;
        let length = r.u16_be("TLSPlaintext.length")?;
        if length > MAX_FRAGMENT {
            return Err(Error::too_large("TLSPlaintext.length"));
        }
        let total = usize::from(length).saturating_add(5);
        self.begun = true;
        match kind {
            HANDSHAKE => {}
            ALERT => return Ok(Progress::Skip(u64::from(length).saturating_add(5))),
            // Behind it all is encrypted; application data is from the start.
            CHANGE_CIPHER_SPEC | 23..=26 => {
                self.end();
                return Ok(Progress::Consumed(bytes.len()));
            }
            _ => return Err(Error::invalid("ContentType")),
        }
        let Ok(fragment) = r.take(usize::from(length), "fragment") else {
            return Ok(Progress::Need(total));
        };
        let pass = self.pass.min(fragment.len());
        self.pass = self.pass.saturating_sub(pass);
        self.handshake.extend_from_slice(fragment.get(pass..).unwrap_or_default());
        self.messages(out)?;
        Ok(Progress::Consumed(total))
    }

    /// SSLv2-compatible ClientHello (RFC 5246 §E.2).
    fn v2(&mut self, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        match hello::v2_length(bytes)? {
            None => Ok(Progress::Need(bytes.len().saturating_add(1))),
            Some(_) => {
                hello::v2_client(bytes, out)?;
                self.end();
                Ok(Progress::Consumed(bytes.len()))
            }
        }
    }

    /// Reads what is complete: `type, length of 24 bits, body`.
    fn messages(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        while !self.done {
            let mut r = Reader::new(&self.handshake);
            let (Ok(head), body) = (r.u32_be("Handshake.length"), r.rest()) else { return Ok(()) };
            let [kind, ..] = head.to_be_bytes();
            let length = wide(head & 0x00ff_ffff);
            let wanted = if kind == CERTIFICATE && self.is_server {
                match certificate::first(body) {
                    Some(wanted) => wanted.min(length),
                    None if body.len() >= length => length,
                    None => return Ok(()),
                }
            } else {
                length
            };
            if wanted > MAX_MESSAGE {
                let here = length.min(body.len());
                self.pass = length.saturating_sub(here);
                self.handshake.drain(..here.saturating_add(4));
                continue;
            }
            let Some(body) = body.get(..wanted) else { return Ok(()) };
            match kind {
                CLIENT_HELLO if !self.is_server => {
                    hello::client(body, out)?;
                    self.done = true;
                }
                SERVER_HELLO => {
                    self.is_server = true;
                    self.done = hello::server(body, out)? >= hello::TLS13;
                }
                CERTIFICATE if self.is_server => {
                    certificate::read(body, out)?;
                    self.done = true;
                }
                SERVER_KEY_EXCHANGE | SERVER_HELLO_DONE => self.done = true,
                _ => {}
            }
            self.handshake.drain(..wanted.saturating_add(4));
        }
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        *self = Self { done: true, is_server: self.is_server, ..Self::default() };
    }
}
