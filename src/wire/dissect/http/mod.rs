//! HTTP/1.0 and 1.1 (RFC 9112): what the heads of requests and responses say of
//! the programs at both ends. Bodies are passed over.
//!
//! Read one line at a time, so a head may have any length. Paths, queries,
//! cookies, referers and credentials never leave; see [`head`] for what does.

mod head;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use head::{Asked, Head, Length};

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, ntlm,
};
use crate::observe::Key;

/// Longest line read whole; longer ones are cookies or Kerberos tickets.
const MAX_LINE: usize = 16 * 1024;
/// Requests that may wait for their response (RFC 9112 §9.3.2).
const MAX_ASKED: usize = 64;
/// A first line that long, with a known method, is HTTP before its end is seen.
const LONG_ENOUGH: usize = 1024;

/// HTTP/1 as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "http",
    standard: "RFC 9112",
    keys: KEYS,
    ports: &[80, 8080, 8000, 8042, 5985, 8530],
    body: Body::Stream { probe, start: || Box::<Http>::default() },
};

const KEYS: &[Key] = &[
    head::USER_AGENT,
    head::SERVER,
    head::POWERED_BY,
    head::AUTH_REALM,
    head::AUTH_SCHEME,
    head::REQUESTS_HOST,
    head::API,
    head::CONTENT_TYPE,
    ntlm::VERSION,
    ntlm::SERVER_VERSION,
    ntlm::COMPUTER,
    ntlm::DOMAIN,
    ntlm::FQDN,
    ntlm::WORKSTATION,
    ntlm::MEMBERSHIP,
];

fn probe(opening: &Opening<'_>) -> Verdict {
    match begins(opening.bytes) {
        Verdict::No if opening.from_start => Verdict::No,
        Verdict::No => {
            // Joined late: a head may begin on a later line.
            let mut lines = opening.bytes.split_inclusive(|&b| b == b'\n').skip(1);
            match lines.any(|line| begins(line) == Verdict::Yes) {
                true => Verdict::Yes,
                false => Verdict::More,
            }
        }
        verdict => verdict,
    }
}

/// Whether bytes begin with a request line or a status line of HTTP/1.
fn begins(bytes: &[u8]) -> Verdict {
    const STATUS: &[u8] = b"HTTP/1.";
    let n = bytes.len().min(STATUS.len());
    if bytes.get(..n) == STATUS.get(..n) {
        return if n == STATUS.len() { Verdict::Yes } else { Verdict::More };
    }
    let method = bytes.iter().take(20).take_while(|b| is_method(**b)).count();
    match bytes.get(method) {
        _ if method == 0 => return Verdict::No,
        None => return Verdict::More,
        Some(b' ') if method >= 3 => {}
        Some(_) => return Verdict::No,
    }
    let mut lines = bytes.split_inclusive(|&b| b == b'\n');
    let line = lines.next().unwrap_or_default();
    match line.strip_suffix(b"\n") {
        Some(line) => match head::request_line(line).is_some() {
            true => Verdict::Yes,
            false => Verdict::No,
        },
        None if line.len() < LONG_ENOUGH => Verdict::More,
        None if line.get(method.saturating_add(1)) == Some(&b'/') => Verdict::Yes,
        None => Verdict::No,
    }
}

fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

/// One conversation.
#[derive(Default)]
struct Http {
    client: Half,
    server: Half,
    /// What was asked and not answered yet, oldest first.
    asked: VecDeque<Asked>,
}

/// One direction.
#[derive(Default)]
struct Half {
    state: State,
    /// Passing over the rest of a line that is too long.
    passing: bool,
}

#[derive(Default)]
enum State {
    /// Waiting for a first line; whatever else comes is passed over.
    #[default]
    Start,
    /// In the header fields.
    Head(Box<Head>),
    /// Before the size of a chunk (RFC 9112 §7.1).
    Chunk,
    /// In the trailer fields behind the last chunk.
    Trailer,
    /// Bytes to pass over, and whether chunks follow.
    Body(u64, bool),
}

/// What follows a line.
enum Next {
    Line,
    Restart,
}

impl Dissector for Http {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let half = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let mut taken = 0_usize;
        loop {
            if let State::Body(length, chunked) = half.state {
                if taken > 0 {
                    return Ok(Progress::Consumed(taken));
                }
                half.state = if chunked { State::Chunk } else { State::Start };
                return Ok(Progress::Skip(length));
            }
            let rest = bytes.get(taken..).unwrap_or_default();
            let Some(end) = rest.iter().position(|&b| b == b'\n') else {
                if half.passing || rest.len() >= MAX_LINE {
                    half.passing = true;
                    taken = bytes.len();
                }
                return Ok(match taken {
                    0 => Progress::Need(bytes.len().saturating_add(1)),
                    n => Progress::Consumed(n),
                });
            };
            taken = taken.saturating_add(end).saturating_add(1);
            if std::mem::take(&mut half.passing) || end >= MAX_LINE {
                continue;
            }
            let line = rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Next::Restart = half.line(line, &mut self.asked, out)? {
                return Ok(Progress::Restart(taken));
            }
        }
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let half = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        *half = Half { state: State::Start, passing: true };
        self.asked.clear();
        Recovery::Resync
    }
}

impl Half {
    fn line(
        &mut self,
        line: &[u8],
        asked: &mut VecDeque<Asked>,
        out: &mut dyn Sink,
    ) -> Result<Next, Error> {
        match &mut self.state {
            State::Start => {
                if let Some(head) = Head::begin(line) {
                    self.state = State::Head(Box::new(head));
                }
            }
            State::Head(head) if !line.is_empty() => head.field(line, out)?,
            State::Head(head) => {
                let question = match head.question() {
                    Some(question) => {
                        if asked.len() >= MAX_ASKED {
                            asked.pop_front();
                        }
                        asked.push_back(question);
                        None
                    }
                    None if head.is_interim() => asked.front().copied(),
                    None => asked.pop_front(),
                };
                head.tell(question, out);
                self.state = match head.length(question) {
                    Length::None => State::Start,
                    Length::Bytes(n) => State::Body(n, false),
                    Length::Chunked => State::Chunk,
                    Length::Other => {
                        self.state = State::Start;
                        return Ok(Next::Restart);
                    }
                };
            }
            State::Chunk => {
                self.state = match chunk_size(line)? {
                    0 => State::Trailer,
                    // The data ends with CR LF.
                    size => State::Body(size.saturating_add(2), true),
                };
            }
            State::Trailer if line.is_empty() => self.state = State::Start,
            State::Trailer | State::Body(..) => {}
        }
        Ok(Next::Line)
    }
}

/// `size [; extensions]`, in hexadecimal.
fn chunk_size(line: &[u8]) -> Result<u64, Error> {
    let digits = line.split(|b| matches!(b, b';' | b' ' | b'\t')).next().unwrap_or_default();
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(Error::invalid("chunk-size"))
}
