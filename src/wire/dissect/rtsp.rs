//! Real Time Streaming Protocol (RFC 2326, RFC 7826): cameras and recorders name their
//! product and their realm, viewers theirs; whether a password goes readable (Basic), and
//! whether a well-known account is let in. What is streamed, from which URL and by which
//! other account, is not read.

use super::heads::{self, Conversation, Head};
use super::{Body, Opening, Protocol, Sink, Verdict, Who, account};
use crate::observe::Key;

/// Product of who streams (RFC 7826 §18.48).
const SERVER: Key = Key::new("rtsp.server");
/// Product of who watches (§18.54).
const USER_AGENT: Key = Key::new("rtsp.user_agent");
/// Realm of authentication: often the name of the device.
const REALM: Key = Key::new("rtsp.auth_realm");
/// Scheme with which the client authenticates, and to whom (RFC 7826 §19.1): `basic` is readable.
const AUTH_SCHEME: Key = Key::new("rtsp.auth_scheme");
const TAKES_SCHEME: Key = Key::new("rtsp.takes_auth_scheme");
/// What kind of a well-known account the server let in by the Basic scheme.
const TAKES_KNOWN: Key = Key::new("rtsp.takes_known_account");

/// RTSP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "rtsp",
    standard: "RFC 2326, RFC 7826",
    keys: &[SERVER, USER_AGENT, REALM, AUTH_SCHEME, TAKES_SCHEME, TAKES_KNOWN],
    ports: &[554, 8554],
    body: Body::Stream { probe, start: || Box::<Conversation<Message>>::default() },
};

/// Methods (RFC 7826 §13; ANNOUNCE and RECORD of RFC 2326 §10).
const METHODS: &[&[u8]] = &[
    b"OPTIONS",
    b"DESCRIBE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"ANNOUNCE",
    b"RECORD",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"REDIRECT",
    b"PLAY_NOTIFY",
];
/// What stands between the method and the rest of the URL.
const TARGET: &[u8] = b" rtsp";
/// Schemes that may be named.
const SCHEMES: [&str; 2] = ["basic", "digest"];
/// Longest realm that is told.
const MAX_REALM: usize = 64;

fn starts(bytes: &[u8], known: &[u8]) -> bool {
    let n = bytes.len().min(known.len());
    bytes.get(..n) == known.get(..n)
}

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    if starts(bytes, b"RTSP/") {
        return match bytes {
            [_, _, _, _, _, b'1' | b'2', b'.', b'0', b' ', ..] => Verdict::Yes,
            _ if bytes.len() < 9 => Verdict::More,
            _ => Verdict::No,
        };
    }
    let told = |method: &&[u8]| {
        let target = bytes.get(method.len()..).unwrap_or_default();
        let fits = starts(bytes, method) && starts(target, TARGET);
        fits.then_some(if target.len() < TARGET.len() { Verdict::More } else { Verdict::Yes })
    };
    METHODS.iter().find_map(told).unwrap_or(Verdict::No)
}

#[derive(Default)]
struct Message {
    answer: bool,
    /// It lets in who asked: status 2xx.
    good: bool,
    forwarded: bool,
    /// CSeq, by which an answer is known (RFC 7826 §18.20).
    number: Option<u32>,
    product: Option<String>,
    realm: Option<String>,
    scheme: Option<&'static str>,
    account: Option<&'static str>,
}

impl Head for Message {
    const INTERLEAVED: bool = true;
    /// The last request by which a well-known account asks to be let in.
    type Memory = Option<(u32, &'static str)>;

    fn begin(line: &[u8]) -> Option<Self> {
        let answer = line.starts_with(b"RTSP/1.0 ") || line.starts_with(b"RTSP/2.0 ");
        let asks = || {
            METHODS.iter().any(|m| line.starts_with(m))
                && (line.ends_with(b" RTSP/1.0") || line.ends_with(b" RTSP/2.0"))
        };
        let good = answer && line.get(9) == Some(&b'2');
        (answer || asks()).then(|| Self { answer, good, ..Self::default() })
    }

    fn field(&mut self, name: &str, value: &str) {
        match (name, self.answer) {
            ("via", _) => self.forwarded = true,
            ("cseq", _) => self.number = value.parse().ok(),
            ("authorization" | "proxy-authorization", false) => {
                let scheme = value.split(' ').next().unwrap_or_default();
                self.scheme = SCHEMES.into_iter().find(|it| it.eq_ignore_ascii_case(scheme));
                self.account = account::of_basic(value);
            }
            ("server", true) | ("user-agent", false) => self.product = heads::product(value),
            ("www-authenticate", true) => {
                let realm = value.split_once("realm=\"").and_then(|(_, rest)| rest.split_once('"'));
                let realm = realm.map(|(realm, _)| realm).filter(|r| r.len() <= MAX_REALM);
                self.realm = realm.and_then(heads::product);
            }
            _ => {}
        }
    }

    fn tell(&self, asked: &mut Self::Memory, out: &mut dyn Sink) {
        if self.forwarded {
            return;
        }
        if let Some(scheme) = self.scheme {
            out.fact(Who::Sender, &AUTH_SCHEME, scheme);
            out.fact(Who::Receiver, &TAKES_SCHEME, scheme);
        }
        if !self.answer {
            *asked = self.number.zip(self.account);
        } else if let Some((number, kind)) = *asked
            && self.good
            && self.number == Some(number)
        {
            *asked = None;
            out.fact(Who::Sender, &TAKES_KNOWN, kind);
        }
        if let Some(product) = &self.product {
            let key = if self.answer { SERVER } else { USER_AGENT };
            out.fact(Who::Sender, &key, product);
        }
        if let Some(realm) = &self.realm {
            out.fact(Who::Sender, &REALM, realm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;
    use data_encoding::BASE64;

    const ASK: &[u8] = b"DESCRIBE rtsp://10.0.0.9/CANARY RTSP/1.0\r\nCSeq: 2\r\n\
User-Agent: LibVLC/3.0.16\r\nAuthorization: Digest username=\"CANARY\", uri=\"CANARY\"\r\n\r\n";
    const NO: &[u8] = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n\
WWW-Authenticate: Digest realm=\"AXIS_00408CAF1234\", nonce=\"CANARY\"\r\n\r\n";
    const YES: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: GStreamer RTSP server\r\n\
Content-Length: 6\r\n\r\nCANARY$\0\0\x04\nCAN";

    #[test]
    fn camera_and_viewer() {
        let talk = [(b'C', ASK), (b'S', NO), (b'S', YES), (b'S', YES)];
        let expected = [
            "C rtsp.auth_scheme=digest",
            "S rtsp.takes_auth_scheme=digest",
            "C rtsp.user_agent=LibVLC/3.0.16",
            "S rtsp.auth_realm=AXIS_00408CAF1234",
            "S rtsp.server=GStreamer RTSP server",
            "S rtsp.server=GStreamer RTSP server",
        ];
        assert_eq!(facts(&stream("rtsp", &talk)), expected);
        torture::stream("rtsp", &talk[..3], &["CANARY"]);
    }

    #[test]
    fn a_readable_password_and_a_well_known_account() {
        let logon = |name: &str, fields: &str, answer: &str| {
            let token = BASE64.encode(format!("{name}:CANARY").as_bytes());
            let ask = format!(
                "DESCRIBE rtsp://10.0.0.9/1 RTSP/1.0\r\nCSeq: 3\r\n\
                 Authorization: Basic {token}\r\n{fields}\r\n"
            );
            let answer = format!("RTSP/1.0 {answer}\r\n\r\n");
            let talk = [(b'C', ask.as_bytes()), (b'S', answer.as_bytes())];
            torture::stream("rtsp", &talk, &["CANARY", token.as_str()]);
            facts(&stream("rtsp", &talk))
        };
        let clear = ["C rtsp.auth_scheme=basic", "S rtsp.takes_auth_scheme=basic"];
        let known = ["S rtsp.takes_known_account=administrator"];
        let yes = "200 OK\r\nCSeq: 3";
        assert_eq!(logon("Admin", "", yes), [&clear[..], &known].concat());
        assert_eq!(logon("CANARY", "", yes), clear, "a person's");
        assert_eq!(logon("admin", "", "401 Unauthorized\r\nCSeq: 3"), clear, "not let in");
        assert_eq!(logon("admin", "", "200 OK\r\nCSeq: 4"), clear, "the answer to another");
        assert_eq!(logon("admin", "Via: 1.0 x\r\n", yes), [""; 0], "behind a proxy");
    }

    #[test]
    fn probe_is_strict() {
        let open = |bytes| probe(&Opening { bytes, src_port: 1, dst_port: 554, from_start: true });
        assert_eq!(open(b"OPTIONS r"), Verdict::More);
        assert_eq!(open(b"OPTIONS rtsp://x"), Verdict::Yes);
        assert_eq!(open(b"RTSP/1.0 200"), Verdict::Yes);
        for other in [&b"OPTIONS sip:x"[..], b"OPTIONS * HTTP/1.1", b"RTSP/9.0 2", b"PLAYrtsp"] {
            assert_eq!(open(other), Verdict::No);
        }
    }
}
