//! HTTP/1.0 and 1.1 (RFC 9112): what the heads of requests and responses say of
//! the programs at both ends. Bodies are passed over, but for those in which devices
//! and servers describe themselves; see [`body`].
//!
//! Read one line at a time, so a head may have any length. Paths, queries,
//! cookies, referers and credentials never leave; see [`head`] and [`path`] for what does.

mod auth;
mod body;
mod form;
mod head;
mod ipp;
mod json;
mod keys;
mod path;
mod sdc;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::VecDeque;

use body::{Body as Kept, chunk_size, step};
use head::{Asked, Head, Length};

use super::{Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict};

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
    keys: keys::ALL,
    ports: &[80, 631, 8080, 8000, 8042, 5985, 8530],
    body: Body::Stream { probe, start: || Box::<Http>::default() },
};

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
    /// Reads the messages of HL7 that the bodies of both sides hold.
    hl7: Option<Box<dyn Dissector>>,
}

/// One direction.
#[derive(Default)]
struct Half {
    state: State,
    /// Passing over the rest of a line that is too long.
    passing: bool,
    /// The body being read, where it is one of the few.
    kept: Option<Kept>,
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
        let (half, _) = from.of(&mut self.client, &mut self.server);
        let mut taken = 0_usize;
        loop {
            if let State::Body(length, chunked) = half.state {
                if let Some(kept) = &mut half.kept {
                    let rest = bytes.get(taken..).unwrap_or_default();
                    if rest.is_empty() {
                        return Ok(Progress::Consumed(taken));
                    }
                    let (n, left) = step(length, rest.len());
                    // The data of a chunk ends with CR LF.
                    let data = if chunked { step(length.saturating_sub(2), n).0 } else { n };
                    let enough = kept.push(rest.get(..data).unwrap_or_default());
                    taken = taken.saturating_add(n);
                    half.state = match (left, chunked) {
                        (0, true) => State::Chunk,
                        (0, false) => State::Start,
                        (left, chunked) => State::Body(left, chunked),
                    };
                    if enough || matches!(half.state, State::Start) {
                        half.tell(from, &mut self.hl7, &mut self.asked, out);
                    }
                    if taken >= bytes.len() {
                        return Ok(Progress::Consumed(taken));
                    }
                    continue;
                }
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
            if matches!(half.state, State::Trailer) {
                half.tell(from, &mut self.hl7, &mut self.asked, out);
            }
        }
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        *half = Half { state: State::Start, passing: true, kept: None };
        self.asked.clear();
        Recovery::Resync
    }
}

impl Half {
    /// The body is whole, or as much of it is there as is read.
    fn tell(
        &mut self,
        from: Side,
        hl7: &mut Option<Box<dyn Dissector>>,
        asked: &mut VecDeque<Asked>,
        out: &mut dyn Sink,
    ) {
        let logon = self.kept.take().and_then(|kept| kept.tell(from, hl7, out));
        // Of what was asked last the body has just come.
        if let (Some(_), Some(last)) = (logon, asked.back_mut()) {
            last.logon = logon;
        }
    }

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
                let length = head.length(question);
                let open = matches!(length, Length::Bytes(u64::MAX));
                self.kept = head.keeps(question).map(|kind| Kept::new(kind, open));
                self.state = match length {
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
