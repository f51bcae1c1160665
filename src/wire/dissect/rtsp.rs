//! Real Time Streaming Protocol (RFC 2326, RFC 7826): cameras and recorders name their
//! product and their realm, viewers theirs. What is streamed, from which URL and by
//! which account, is not read.

use super::heads::{self, Conversation, Head};
use super::{Body, Opening, Protocol, Sink, Verdict, Who};
use crate::observe::Key;

/// Product of who streams (RFC 7826 §18.48).
const SERVER: Key = Key::new("rtsp.server");
/// Product of who watches (§18.54).
const USER_AGENT: Key = Key::new("rtsp.user_agent");
/// Realm of authentication: often the name of the device.
const REALM: Key = Key::new("rtsp.auth_realm");

/// RTSP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "rtsp",
    standard: "RFC 2326, RFC 7826",
    keys: &[SERVER, USER_AGENT, REALM],
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
    forwarded: bool,
    product: Option<String>,
    realm: Option<String>,
}

impl Head for Message {
    const INTERLEAVED: bool = true;

    fn begin(line: &[u8]) -> Option<Self> {
        let answer = line.starts_with(b"RTSP/1.0 ") || line.starts_with(b"RTSP/2.0 ");
        let asks = || {
            METHODS.iter().any(|m| line.starts_with(m))
                && (line.ends_with(b" RTSP/1.0") || line.ends_with(b" RTSP/2.0"))
        };
        (answer || asks()).then(|| Self { answer, ..Self::default() })
    }

    fn field(&mut self, name: &str, value: &str) {
        match (name, self.answer) {
            ("via", _) => self.forwarded = true,
            ("server", true) | ("user-agent", false) => self.product = heads::product(value),
            ("www-authenticate", true) => {
                let realm = value.split_once("realm=\"").and_then(|(_, rest)| rest.split_once('"'));
                let realm = realm.map(|(realm, _)| realm).filter(|r| r.len() <= MAX_REALM);
                self.realm = realm.and_then(heads::product);
            }
            _ => {}
        }
    }

    fn tell(&self, out: &mut dyn Sink) {
        if self.forwarded {
            return;
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
            "C rtsp.user_agent=LibVLC/3.0.16",
            "S rtsp.auth_realm=AXIS_00408CAF1234",
            "S rtsp.server=GStreamer RTSP server",
            "S rtsp.server=GStreamer RTSP server",
        ];
        assert_eq!(facts(&stream("rtsp", &talk)), expected);
        torture::stream("rtsp", &talk[..3], &["CANARY"]);
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
