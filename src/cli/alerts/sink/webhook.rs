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
    let status = loop {
        if let Some(status) = status(&answer)? {
            break status;
        }
        if answer.len() > HEAD || begun.elapsed() > 2 * PATIENCE {
            return Err(io::Error::other("no answer of HTTP"));
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => answer.extend_from_slice(buffer.get(..n).unwrap_or_default()),
        }
    };
    match status {
        200..=299 => {}
        300..=399 => {
            return Err(io::Error::other(format!("HTTP {status}: redirects are not followed")));
        }
        _ => return Err(io::Error::other(format!("HTTP {status}"))),
    }
    // It is taken. Who is cut off while speaking may think otherwise.
    let mut read = answer.len();
    while read < ANSWER && begun.elapsed() < PATIENCE {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => read = read.saturating_add(n),
            _ => break,
        }
    }
    Ok(())
}

/// The status of an answer, as soon as it is there; what goes before it (1xx) is passed
/// over.
fn status(answer: &[u8]) -> io::Result<Option<u16>> {
    let mut rest = answer;
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let line = rest.get(..end).unwrap_or_default();
        let no_http = || io::Error::other("no answer of HTTP");
        let line = std::str::from_utf8(line).map_err(|_| no_http())?;
        let mut words = line.split(' ');
        let is_http = words.next().is_some_and(|it| it.starts_with("HTTP/1."));
        let status = words.next().and_then(|it| it.parse::<u16>().ok()).filter(|_| is_http);
        match status.ok_or_else(no_http)? {
            100..=199 => {}
            status => return Ok(Some(status)),
        }
        let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        rest = rest.get(end.saturating_add(4)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_before_the_answer_is_passed_over() {
        let status = |text: &str| status(text.as_bytes()).ok();
        assert_eq!(status("HTTP/1.1 204 No Content\r\n"), Some(Some(204)));
        assert_eq!(status("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 500\r\n"), Some(Some(500)));
        for part in ["", "HTTP/1.1 204", "HTTP/1.1 100 C\r\nA: b\r\n", "HTTP/1.1 100 C\r\n\r\n"] {
            assert_eq!(status(part), Some(None), "{part:?}");
        }
        for bad in ["SSH-2.0-x\r\n", "HTTP/1.1\r\n", "HTTP/1.1 2x\r\n", "\r\n", "HTTP/2 200\r\n"] {
            assert_eq!(status(bad), None, "{bad:?}");
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
