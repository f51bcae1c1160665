//! One head: a request line or status line and its header fields (RFC 9110, 9112).
//!
//! What leaves: products (`User-Agent`, `Server`, `X-Powered-By`), the host asked for, realm
//! and scheme, what NTLM tokens say of machines, API and type of content by fixed lists.

use super::super::{Error, Sink, Who, account, known};
use super::{auth, body, path, windows};
use crate::observe::Key;

/// Product of the client.
pub(super) const USER_AGENT: Key = Key::new("http.user_agent");
/// Product of the server.
pub(super) const SERVER: Key = Key::new("http.server");
/// `X-Powered-By`.
pub(super) const POWERED_BY: Key = Key::new("http.powered_by");
/// Realm of Basic and Digest (RFC 7617, RFC 7616): often the name of the device.
pub(super) const AUTH_REALM: Key = Key::new("http.auth_realm");
/// Scheme with which the client authenticates, and to whom: `basic` is readable.
pub(super) const AUTH_SCHEME: Key = Key::new("http.auth_scheme");
pub(super) const TAKES_SCHEME: Key = Key::new("http.takes_auth_scheme");
/// Host name that the client asks for.
pub(super) const REQUESTS_HOST: Key = Key::new("http.requests_host");
/// `dicomweb` (DICOM PS3.18) or `fhir` (HL7 FHIR).
pub(super) const API: Key = Key::new("http.api");
/// The API of a good answer.
pub(super) const SERVES: Key = Key::new("http.serves");
/// Medical types of content, from a fixed list.
pub(super) const CONTENT_TYPE: Key = Key::new("http.content_type");

/// Form of a request to DICOMweb: `GET /studies/{}/series`.
pub(super) const DICOMWEB: Key = Key::new("http.dicomweb");
/// Method and resource of a request to FHIR: `GET Device`.
pub(super) const FHIR: Key = Key::new("http.fhir");

/// Facts that one head may say.
const MAX_FACTS: usize = 16;
/// Largest description of a UPnP device; other XML is often larger.
const MAX_DESCRIPTION: u64 = 16 * 1024;
/// Longest value of a fact.
const MAX_VALUE: usize = 512;

/// Schemes that may be named.
const SCHEMES: &[&str] = &["basic", "digest", "ntlm", "negotiate", "bearer"];

/// What a response must know of its request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    head: bool,
    connect: bool,
    /// Meant for a proxy: the answer describes another host.
    proxied: bool,
    /// A server of FHIR speaks of itself or of a device.
    described: bool,
    /// A well-known account asks to be let in.
    pub(super) account: Option<&'static str>,
    /// The same in its body.
    pub(super) logon: Option<&'static str>,
}

/// How the message goes on behind its head (RFC 9112 §6.3).
pub(super) enum Length {
    None,
    Bytes(u64),
    Chunked,
    /// Another protocol: a tunnel or an upgrade.
    Other,
}

/// One head being read.
#[derive(Default)]
pub(super) struct Head {
    /// Status code of a response.
    status: Option<u16>,
    asked: Asked,
    length: Option<u64>,
    chunked: bool,
    /// Passed on by a proxy: the products are not the sender's.
    forwarded: bool,
    api: Option<&'static str>,
    /// Forms of the target, told once its interface is known.
    forms: [Option<String>; 2],
    /// What a body of this type holds.
    holds: Option<body::Kind>,
    encoded: bool,
    packed: bool,
    /// A computer tells its server for updates what it is.
    registers: bool,
    facts: Vec<(Key, String)>,
}

/// Method and target of `method SP target SP HTTP/1.x`.
pub(super) fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(2, |&b| b == b' ');
    let (method, rest) = (parts.next()?, parts.next()?);
    let target = rest.strip_suffix(b" HTTP/1.1").or_else(|| rest.strip_suffix(b" HTTP/1.0"))?;
    let is_method = (3..=20).contains(&method.len()) && method.iter().all(|b| super::is_method(*b));
    (is_method && !target.is_empty()).then_some((method, target))
}

impl Head {
    /// From its first line; none when it is not one.
    pub(super) fn begin(line: &[u8]) -> Option<Self> {
        let mut head = Self::default();
        if line.starts_with(b"HTTP/1.") {
            let code = std::str::from_utf8(line.get(9..12)?).ok()?;
            head.status = Some(code.parse().ok().filter(|code| (100..=999).contains(code))?);
            return Some(head);
        }
        let (method, target) = request_line(line)?;
        let connect = method == b"CONNECT";
        let proxied = connect || target.starts_with(b"http://");
        let [dicomweb, fhir] = [path::dicomweb(method, target), path::fhir(method, target)];
        let described = matches!(fhir.as_deref(), Some("GET metadata" | "GET Device"));
        let head_only = method == b"HEAD";
        head.asked = Asked { head: head_only, connect, proxied, described, ..Asked::default() };
        head.api = path::api(target);
        head.forms = [dicomweb, fhir];
        Some(head)
    }

    /// One header field (RFC 9112 §5); continuation lines are passed over.
    pub(super) fn field(&mut self, line: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
        // A bare CR or another control character is no part of a field (§2.2, §5.5).
        if line.iter().any(|&b| b < b' ' && b != b'\t') {
            return Ok(());
        }
        let Some((name, value)) = String::from_utf8_lossy(line)
            .split_once(':')
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        else {
            return Ok(());
        };
        let request = self.status.is_none();
        match (name.as_str(), request) {
            ("content-length", _) => {
                // Repeated values must agree (RFC 9110 §8.6); the first is taken.
                let first = value.split(',').next().unwrap_or_default().trim();
                self.length = Some(first.parse().map_err(|_| Error::invalid("Content-Length"))?);
            }
            ("transfer-encoding", _) => {
                self.chunked |= value.to_ascii_lowercase().ends_with("chunked");
            }
            ("content-encoding", _) => {
                self.packed = value.eq_ignore_ascii_case("gzip");
                self.encoded = !self.packed && !value.eq_ignore_ascii_case("identity");
            }
            ("via" | "forwarded" | "x-forwarded-for", _) => self.forwarded = true,
            // SOAP 1.1 §6.1.1: a quoted URI.
            ("soapaction", true) => {
                self.registers = value.trim_matches('"').ends_with(windows::REGISTERS);
            }
            ("content-type" | "accept", _) => self.content_type(&name, &value),
            // An address of a person or robot owner may stand in it.
            ("user-agent", true) if !value.contains('@') => self.say(USER_AGENT, &value),
            ("host", true) => self.host(&value),
            ("authorization" | "proxy-authorization", true) => {
                let scheme = value.split(' ').next().unwrap_or_default().to_ascii_lowercase();
                if SCHEMES.contains(&scheme.as_str()) {
                    self.say(AUTH_SCHEME, &scheme);
                }
                self.asked.account = account::of_basic(&value);
                auth::ntlm_token(&value, out);
            }
            ("server", false) => self.say(SERVER, known::server(&value)),
            ("x-powered-by", false) => self.say(POWERED_BY, &value),
            ("www-authenticate" | "proxy-authenticate", false) => {
                if let Some(realm) = auth::realm(&value) {
                    self.say(AUTH_REALM, realm);
                }
                auth::ntlm_token(&value, out);
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, key: Key, value: &str) {
        // Where bytes are missing unnoticed, a request line runs into a value.
        let is_value = !value.is_empty() && value.len() <= MAX_VALUE && !value.contains("HTTP/1.");
        if is_value && self.facts.len() < MAX_FACTS {
            self.facts.push((key, value.to_owned()));
        }
    }

    fn content_type(&mut self, name: &str, value: &str) {
        let value = value.to_ascii_lowercase();
        if name == "content-type" {
            self.holds = match value.split(';').next().unwrap_or_default().trim() {
                "application/soap+xml" => Some(body::Kind::Soap),
                "application/fhir+json" | "application/json+fhir" => Some(body::Kind::Fhir),
                "x-application/hl7-v2+er7" | "application/hl7-v2+er7" => Some(body::Kind::Er7),
                "text/xml" | "application/xml" => Some(body::Kind::Upnp),
                "application/ipp" => Some(body::Kind::Ipp),
                "application/x-www-form-urlencoded" => Some(body::Kind::Form),
                "application/json" | "text/json" => Some(body::Kind::Json),
                _ => None,
            };
        }
        let Some((known, api)) =
            path::CONTENT_TYPES.iter().find(|(known, _)| value.contains(known))
        else {
            return;
        };
        if name == "content-type" {
            self.say(CONTENT_TYPE, known);
        }
        self.api = self.api.or(Some(*api).filter(|api| !api.is_empty()));
    }

    /// `host[:port]`; addresses are no names.
    fn host(&mut self, value: &str) {
        let host = match value.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => value,
        };
        let is_name = host.len() <= 253
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            && host.bytes().any(|b| b.is_ascii_alphabetic());
        if is_name {
            self.say(REQUESTS_HOST, &host.to_ascii_lowercase());
        }
    }

    /// What the answer must know; none for an answer.
    pub(super) fn question(&self) -> Option<Asked> {
        self.status.is_none().then_some(self.asked)
    }

    /// 1xx: the answer itself is still to come (RFC 9110 §15.2).
    pub(super) fn is_interim(&self) -> bool {
        self.status.is_some_and(|code| (100..200).contains(&code) && code != 101)
    }

    /// What of its body is to be read; `asked` is the question of an answer.
    pub(super) fn keeps(&self, asked: Option<Asked>) -> Option<body::Kind> {
        let foreign = self.forwarded || asked.is_some_and(|it| it.proxied) || self.asked.proxied;
        let answered = asked.is_some_and(|it| it.described)
            && self.status.is_some_and(|code| (200..300).contains(&code));
        let holds = if self.registers { Some(body::Kind::Soap) } else { self.holds };
        holds.filter(|_| !foreign && !self.encoded).filter(|kind| match kind {
            body::Kind::Soap => true,
            _ if self.packed => false,
            body::Kind::Fhir => answered,
            body::Kind::Ipp => self.status == Some(200),
            body::Kind::Form | body::Kind::Json => self.status.is_none(),
            body::Kind::Upnp => {
                self.status == Some(200) && self.length.is_some_and(|n| n <= MAX_DESCRIPTION)
            }
            _ => true,
        })
    }

    /// The head is complete.
    pub(super) fn tell(&mut self, asked: Option<Asked>, out: &mut dyn Sink) {
        if self.forwarded || asked.is_some_and(|it| it.proxied) {
            return;
        }
        auth::let_in(self.status, asked, out);
        if let Some(api) = self.api {
            self.say(API, api);
            if self.status == Some(200) {
                self.say(SERVES, api);
            }
        }
        let [dicomweb, fhir] = &self.forms;
        match (self.api, dicomweb, fhir) {
            (Some("dicomweb"), Some(form), _) => out.fact(Who::Sender, &DICOMWEB, form),
            (Some("fhir"), _, Some(form)) => out.fact(Who::Sender, &FHIR, form),
            _ => {}
        }
        for (key, value) in &self.facts {
            out.fact(Who::Sender, key, value);
            if *key == AUTH_SCHEME && value == "basic" && !self.asked.proxied {
                out.fact(Who::Receiver, &TAKES_SCHEME, value);
            }
        }
    }

    /// How the message goes on (RFC 9112 §6.3).
    pub(super) fn length(&self, asked: Option<Asked>) -> Length {
        let to_head = asked.is_some_and(|it| it.head);
        let to_connect = asked.is_some_and(|it| it.connect);
        match self.status {
            Some(101) => Length::Other,
            Some(200..=299) if to_connect => Length::Other,
            Some(100..=199 | 204 | 304) => Length::None,
            Some(_) if to_head => Length::None,
            _ if self.chunked => Length::Chunked,
            _ => match (self.length, self.status) {
                (Some(0), _) | (None, None) => Length::None,
                (Some(n), _) => Length::Bytes(n),
                // A response without a length ends with the connection.
                (None, Some(_)) => Length::Bytes(u64::MAX),
            },
        }
    }
}
