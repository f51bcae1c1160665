//! ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1).

use tls_parser::{
    TlsCipherSuite, parse_tls_handshake_client_hello, parse_tls_handshake_server_hello,
};

use super::super::{Error, Reader, Sink, Who};
use super::ja4;
use crate::observe::Key;

/// Server name indication (RFC 6066 §3).
pub(super) const REQUESTS_HOST: Key = Key::new("tls.requests_host");
/// JA4 fingerprint of the client.
pub(super) const JA4: Key = Key::new("tls.ja4");
/// Highest version that the client offers.
pub(super) const CLIENT_VERSION: Key = Key::new("tls.client_version");
/// First protocol that the client offers, where it is none of the web's.
pub(super) const CLIENT_ALPN: Key = Key::new("tls.client_alpn");
/// Version that the server chose.
pub(super) const VERSION: Key = Key::new("tls.version");
/// Cipher suite that the server chose, by its IANA name.
pub(super) const CIPHER: Key = Key::new("tls.cipher");

/// TLS 1.3, from which on the certificate is encrypted.
pub(super) const TLS13: u16 = 0x0304;
/// Extension types (IANA TLS ExtensionType Values).
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// What a client says first.
pub(in super::super) struct Hello {
    /// Whom it asks for, in lower case.
    pub(in super::super) name: Option<String>,
    /// What it offers.
    pub(in super::super) offer: ja4::Offer,
}

impl Hello {
    /// Reads the body of a ClientHello.
    pub(in super::super) fn read(body: &[u8]) -> Result<Self, Error> {
        let (_, hello) =
            parse_tls_handshake_client_hello(body).map_err(|_| Error::invalid("ClientHello"))?;
        let mut offer = ja4::Offer {
            version: hello.version.0,
            ciphers: hello.ciphers.iter().map(|id| id.0).collect(),
            ..ja4::Offer::default()
        };
        let mut name = None;
        for (kind, data) in extensions(hello.ext.unwrap_or_default()) {
            offer.extensions.push(kind);
            match kind {
                SERVER_NAME => name = name.or(server_name(data)),
                SIGNATURE_ALGORITHMS => offer.signatures = list(Reader::new(data), 2),
                ALPN => offer.alpn = first_alpn(data).unwrap_or_default(),
                SUPPORTED_VERSIONS => {
                    let versions = list(Reader::new(data), 1);
                    let highest = versions.into_iter().filter(|v| !ja4::is_grease(*v)).max();
                    offer.version = highest.unwrap_or(offer.version);
                }
                _ => {}
            }
        }
        Ok(Self { name: name.map(str::to_ascii_lowercase), offer })
    }

    /// The name alone, in the beginning of a body that is not all there.
    pub(in super::super) fn name_of_part(body: &[u8]) -> Option<String> {
        let mut r = Reader::new(body);
        r.skip(34, "random").ok()?;
        let session = usize::from(r.u8("session_id").ok()?);
        r.skip(session, "session_id").ok()?;
        let ciphers = usize::from(r.u16_be("cipher_suites").ok()?);
        r.skip(ciphers, "cipher_suites").ok()?;
        let compressions = usize::from(r.u8("compression_methods").ok()?);
        r.skip(compressions.saturating_add(2), "compression_methods").ok()?;
        let found = extensions(r.rest()).find(|(kind, _)| *kind == SERVER_NAME);
        found.and_then(|(_, data)| server_name(data)).map(str::to_ascii_lowercase)
    }
}

/// Reads the body of a ClientHello.
pub(super) fn client(body: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let Hello { name, offer } = Hello::read(body)?;
    if let Some(name) = name {
        out.fact(Who::Sender, &REQUESTS_HOST, &name);
    }
    out.fact(Who::Sender, &CLIENT_VERSION, &version_text(offer.version));
    out.fact(Who::Sender, &JA4, &offer.fingerprint('t'));
    if let Some(alpn) = own_protocol(&offer.alpn) {
        out.fact(Who::Sender, &CLIENT_ALPN, alpn);
    }
    Ok(())
}

/// A protocol of a program's own, not one that IANA knows for the web and the like.
fn own_protocol(alpn: &[u8]) -> Option<&str> {
    let known = ["http/", "h2", "h3", "spdy", "acme", "imap", "pop3", "smtp", "ftp", "dot"];
    let name = std::str::from_utf8(alpn).ok()?;
    let plain = (3..=40).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'/' | b'_'));
    (plain && !known.iter().any(|it| name.starts_with(it))).then_some(name)
}

/// Reads the body of a ServerHello; the version it chose.
pub(super) fn server(body: &[u8], out: &mut dyn Sink) -> Result<u16, Error> {
    let (_, hello) =
        parse_tls_handshake_server_hello(body).map_err(|_| Error::invalid("ServerHello"))?;
    let chosen = extensions(hello.ext.unwrap_or_default())
        .find(|(kind, _)| *kind == SUPPORTED_VERSIONS)
        .and_then(|(_, data)| Reader::new(data).u16_be("selected_version").ok());
    let version = chosen.unwrap_or(hello.version.0);
    out.fact(Who::Sender, &VERSION, &version_text(version));
    match TlsCipherSuite::from_id(hello.cipher.0) {
        Some(suite) => out.fact(Who::Sender, &CIPHER, suite.name),
        None => out.fact(Who::Sender, &CIPHER, &format!("0x{:04x}", hello.cipher.0)),
    }
    Ok(version)
}

/// Length of an SSLv2-compatible ClientHello with its head (RFC 5246 §E.2); none
/// when more bytes are needed to tell.
pub(super) fn v2_length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let mut r = Reader::new(bytes);
    let (Ok(length), Ok(kind)) = (r.u16_be("length"), r.u8("msg_type")) else { return Ok(None) };
    if length & 0x8000 == 0 || kind != super::CLIENT_HELLO {
        return Err(Error::invalid("msg_type"));
    }
    let Ok(version) = r.u16_be("version") else { return Ok(None) };
    if !matches!(version, 0x0002 | 0x0300..=0x0303) {
        return Err(Error::invalid("version"));
    }
    let (Ok(ciphers), Ok(session), Ok(challenge)) = (
        r.u16_be("cipher_spec_length"),
        r.u16_be("session_id_length"),
        r.u16_be("challenge_length"),
    ) else {
        return Ok(None);
    };
    let sum = ciphers.saturating_add(session).saturating_add(challenge).saturating_add(9);
    let fits = ciphers != 0
        && ciphers.is_multiple_of(3)
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge);
    if !fits || sum != length & 0x7fff {
        return Err(Error::invalid("length"));
    }
    Ok(Some(usize::from(sum).saturating_add(2)))
}

/// Reads an SSLv2-compatible ClientHello: only very old clients send it.
pub(super) fn v2_client(bytes: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let version = Reader::new(bytes).at(3, "version")?.u16_be("version")?;
    out.fact(Who::Sender, &CLIENT_VERSION, &version_text(version));
    Ok(())
}

/// Extensions in order, up to the first that is cut short.
fn extensions(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut r = Reader::new(bytes);
    std::iter::from_fn(move || {
        let kind = r.u16_be("extension_type").ok()?;
        let length = r.u16_be("extension_data.length").ok()?;
        Some((kind, r.take(usize::from(length), "extension_data").ok()?))
    })
}

/// A vector of 16-bit values behind a length of `width` bytes.
fn list(mut r: Reader<'_>, width: usize) -> Vec<u16> {
    let length = match width {
        1 => r.u8("length").map(u16::from),
        _ => r.u16_be("length"),
    };
    let bytes = r.rest();
    let values = length.ok().and_then(|n| bytes.get(..usize::from(n))).unwrap_or(bytes);
    values.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// The host name of the list, if it is one.
fn server_name(data: &[u8]) -> Option<&str> {
    let mut r = Reader::new(data);
    r.skip(2, "ServerNameList.length").ok()?;
    if r.u8("NameType").ok()? != 0 {
        return None;
    }
    let length = r.u16_be("HostName.length").ok()?;
    let name = std::str::from_utf8(r.take(usize::from(length), "HostName").ok()?).ok()?;
    let is_name = name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && name.bytes().any(|b| b.is_ascii_alphabetic());
    is_name.then_some(name)
}

/// First protocol of the list (RFC 7301 §3.1).
fn first_alpn(data: &[u8]) -> Option<Vec<u8>> {
    let mut r = Reader::new(data);
    r.skip(2, "ProtocolNameList.length").ok()?;
    let length = r.u8("ProtocolName.length").ok()?;
    r.take(usize::from(length), "ProtocolName").ok().map(<[u8]>::to_vec)
}

fn version_text(version: u16) -> String {
    match version {
        0x0304 => "TLS 1.3".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0002 => "SSL 2.0".to_owned(),
        other => format!("0x{other:04x}"),
    }
}
