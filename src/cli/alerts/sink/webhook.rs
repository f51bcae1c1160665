//! A POST of JSON, one connection each. Redirects are not followed, no proxy is asked,
//! and of the answer only the status counts.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use data_encoding::HEXLOWER;
use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::ClientConfig;
use serde_json::json;
use sha2::Sha256;

use super::PATIENCE;
use super::stream::Stream;
use crate::cli::alerts::receiver::{Server, Target};
use crate::store::Alert;
use crate::view::alert::object;

/// Longest head of an answer, and what is read of an answer at all.
const HEAD: usize = 16 << 10;
const ANSWER: usize = 64 << 10;

/// What is sent.
pub(super) fn body(alerts: &[Alert], sensor: &str) -> String {
    let alerts: Vec<_> = alerts.iter().map(|alert| object(alert, sensor)).collect();
    json!({ "version": 1, "sensor": sensor, "alerts": alerts }).to_string()
}

/// The request with its body. Where there is a secret, the body is signed with it.
pub(super) fn request(target: &Target, server: &Server, path: &str, body: &str) -> Vec<u8> {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: auscult/{}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
        env!("CARGO_PKG_VERSION"),
        body.len()
    );
    if let Some(authorization) = &target.authorization {
        head.push_str(&format!("Authorization: {authorization}\r\n"));
    }
    if let Some(signature) = target.secret.as_deref().and_then(|key| sign(key, body)) {
        head.push_str(&format!("X-Auscult-Signature: sha256={signature}\r\n"));
    }
    head.push_str("\r\n");
    head.push_str(body);
    head.into_bytes()
}

/// HMAC-SHA256 of the body; an HMAC takes a key of any length.
fn sign(key: &[u8], body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body.as_bytes());
    Some(HEXLOWER.encode(&mac.finalize().into_bytes()))
}

/// Sends a request; an answer of 2xx has taken it.
pub(super) fn post(
    server: &Server,
    tls: Option<&Arc<ClientConfig>>,
    request: &[u8],
) -> io::Result<()> {
    let begun = Instant::now();
    let mut stream = Stream::connect(server, tls)?;
    stream.write_all(request)?;
    stream.flush()?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    let (status, end) = loop {
        if let Some(head) = head(&answer)? {
            break head;
        }
        if answer.len() > HEAD {
            return Err(no_http());
        }
        if begun.elapsed() > 2 * PATIENCE {
            return Err(silent());
        }
        match stream.read(&mut buffer).map_err(|error| (error.kind(), error)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => answer.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err((io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut, _)) => return Err(silent()),
            Err((_, error)) => return Err(error),
        }
    };
    match status {
        200..=299 => {}
        300..=399 => {
            return Err(io::Error::other(format!("HTTP {status}: redirects are not followed")));
        }
        // It has understood who asks and where, and will not have this: others it may take.
        400 | 403 | 406 | 409..=428 | 431..=499 => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("HTTP {status}")));
        }
        _ => return Err(io::Error::other(format!("HTTP {status}"))),
    }
    // It is taken. Who is cut off while speaking may think otherwise.
    let mut read = answer.len();
    while read < end.min(ANSWER) && begun.elapsed() < PATIENCE {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => read = read.saturating_add(n),
            _ => break,
        }
    }
    Ok(())
}

fn no_http() -> io::Error {
    io::Error::other("no answer of HTTP")
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// The status of an answer and where the answer ends, as soon as its head is there; what goes
/// before it (1xx) is passed over. A line may end in a line feed alone (RFC 9112, section 2.2).
/// Of an answer that does not say how long it is the end is its connection's.
fn head(answer: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let mut lines = answer.split_inclusive(|b| *b == b'\n');
    let mut read = 0_usize;
    loop {
        let (mut status, mut length) = (None, None);
        loop {
            let Some(line) = lines.next() else { return Ok(None) };
            read = read.saturating_add(line.len());
            let Some(line) = line.strip_suffix(b"\n") else {
                // Who speaks another protocol may never end a line.
                return if status.is_none() && !begins(line) { Err(no_http()) } else { Ok(None) };
            };
            let line = str::from_utf8(line.trim_ascii_end()).unwrap_or_default();
            match status {
                None => status = Some(status_of(line).ok_or_else(no_http)?),
                Some(_) if line.is_empty() => break,
                Some(_) => {
                    let named = line.split_once(':');
                    let named = named.filter(|it| it.0.eq_ignore_ascii_case("content-length"));
                    length = named.and_then(|it| it.1.trim().parse().ok()).or(length);
                }
            }
        }
        match status {
            Some(100..=199) | None => {}
            // Has no body (RFC 9110, section 15.3.5).
            Some(204) => return Ok(Some((204, read))),
            Some(status) => {
                let end = length.map_or(usize::MAX, |it: usize| read.saturating_add(it));
                return Ok(Some((status, end)));
            }
        }
    }
}

/// Whether this may be the beginning of an answer.
fn begins(line: &[u8]) -> bool {
    b"HTTP/1.".iter().zip(line).all(|(a, b)| a == b)
}

/// `HTTP/1.1 204 No Content`.
fn status_of(line: &str) -> Option<u16> {
    let (version, rest) = line.strip_prefix("HTTP/1.")?.split_at_checked(1)?;
    let code = rest.strip_prefix(' ')?.split(' ').next()?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_status = digits(version) && code.len() == 3 && digits(code);
    code.parse().ok().filter(|_| is_status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_before_the_answer_is_passed_over() {
        let head = |text: &str| head(text.as_bytes()).ok();
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n"), Some(Some((204, 27))));
        assert_eq!(head("HTTP/1.1 200\nContent-Length: 2\n\nok"), Some(Some((200, 34))));
        let late = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 500\r\n\r\n";
        assert_eq!(head(late), Some(Some((500, usize::MAX))));
        for part in ["", "HTTP/1.1 204", "HTTP/1.1 100 C\r\nA: b\r\n", "HTTP/1.1 100 C\r\n\r\n"] {
            assert_eq!(head(part), Some(None), "{part:?}");
        }
        for bad in [
            "SSH-2.0-x\r\n",
            "SSH-2.0",
            "HTTP/1.1\r\n",
            "HTTP/1.1 2x\r\n",
            "HTTP/1.1 +20\r\n",
            "HTTP/1.x 200\r\n",
            "\r\n",
            "HTTP/2 200\r\n",
        ] {
            assert_eq!(head(bad), None, "{bad:?}");
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign(b"Jefe", "what do ya want for nothing?").unwrap(), want);
    }

    #[test]
    fn the_request_says_what_it_carries() {
        let mut target = Target::ad_hoc("webhook:http://h:8/p").unwrap();
        target.secret = Some(b"k".to_vec());
        target.authorization = Some("Bearer t".to_owned());
        let server = Server { host: "h".to_owned(), port: 8 };
        let text = String::from_utf8(request(&target, &server, "/p", "{}")).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /p HTTP/1.1\r\nHost: h:8\r\n"), "{head}");
        assert!(head.contains("\r\nContent-Length: 2\r\n") && body == "{}");
        assert!(head.contains("\r\nAuthorization: Bearer t\r\nX-Auscult-Signature: sha256="));
    }
}
