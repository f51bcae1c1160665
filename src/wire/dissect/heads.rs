//! Messages in the manner of HTTP that are not HTTP: a first line, header fields, an
//! empty line, a body that nobody reads (SIP, RTSP).

use super::{Dissector, Error, Progress, Recovery, Side, Sink};

/// Lines of one head that are looked at; more are passed over.
const MAX_FIELDS: usize = 64;
/// Longest line that is read; longer ones are passed over.
const MAX_LINE: usize = 1024;
/// Lines between two heads that are none; then it is another protocol.
const MAX_STRAY: usize = 8;
/// Longest product name.
const MAX_PRODUCT: usize = 200;

/// One head of a protocol.
pub(super) trait Head: Sized + Send {
    /// Binary parts between the messages begin with `$` and have a length of two bytes
    /// behind one of channel (RFC 7826 §14).
    const INTERLEAVED: bool;

    /// What is kept of a conversation from one head to the next, of either side.
    type Memory: Default + Send;

    /// From its first line; none when it is not one.
    fn begin(line: &[u8]) -> Option<Self>;

    /// A header field, its name in lower case.
    fn field(&mut self, name: &str, value: &str);

    /// The head is whole.
    fn tell(&self, memory: &mut Self::Memory, out: &mut dyn Sink);
}

/// Name and value of a line of plain text.
fn split(line: &[u8]) -> Option<(String, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let plain = !value.contains(|c: char| c.is_control() && c != '\t');
    plain.then(|| (name.trim_end().to_ascii_lowercase(), value.trim()))
}

/// The name of a product as it stands in `User-Agent` or `Server`; an address of a
/// person may stand where a product should.
pub(super) fn product(value: &str) -> Option<String> {
    let fits = !value.is_empty() && value.len() <= MAX_PRODUCT && !value.contains('@');
    (fits && !value.contains("://") && !value.contains("sip:")).then(|| value.to_owned())
}

/// A datagram that holds one message.
pub(super) fn datagram<H: Head>(payload: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut lines = payload.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let mut head = lines.next().and_then(H::begin).ok_or(Error::invalid("first line"))?;
    for line in lines.take(MAX_FIELDS).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = split(line).filter(|_| line.len() <= MAX_LINE) {
            head.field(&name, value);
        }
    }
    head.tell(&mut H::Memory::default(), out);
    Ok(())
}

/// Both directions of a conversation.
pub(super) struct Conversation<H: Head> {
    halves: [Half<H>; 2],
    memory: H::Memory,
}

impl<H: Head> Default for Conversation<H> {
    fn default() -> Self {
        Self { halves: [Half::default(), Half::default()], memory: H::Memory::default() }
    }
}

struct Half<H> {
    head: Option<H>,
    /// Of the message being read (RFC 3261 §18.3, RFC 7826 §18.17).
    body: u64,
    fields: usize,
    stray: usize,
    /// Inside a line that is too long to be read.
    passing: bool,
}

impl<H> Default for Half<H> {
    fn default() -> Self {
        Self { head: None, body: 0, fields: 0, stray: 0, passing: false }
    }
}

impl<H: Head> Dissector for Conversation<H> {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let [client, server] = &mut self.halves;
        let half = if from == Side::Client { client } else { server };
        if H::INTERLEAVED && half.head.is_none() && bytes.first() == Some(&b'$') {
            return Ok(match bytes {
                [_, _, high, low, ..] => {
                    let data = u16::from_be_bytes([*high, *low]);
                    Progress::Skip(u64::from(data).saturating_add(4))
                }
                _ => Progress::Need(4),
            });
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            if bytes.len() < MAX_LINE {
                return Ok(Progress::Need(bytes.len().saturating_add(1)));
            }
            half.passing = true;
            return Ok(Progress::Consumed(MAX_LINE));
        };
        let taken = end.saturating_add(1);
        if std::mem::take(&mut half.passing) {
            return Ok(Progress::Consumed(taken));
        }
        let line = bytes.get(..end).unwrap_or_default();
        half.line(line.strip_suffix(b"\r").unwrap_or(line), &mut self.memory, out)?;
        Ok(match std::mem::take(&mut half.body) {
            body if body > 0 && half.head.is_none() => {
                Progress::Skip(body.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX)))
            }
            body => {
                half.body = body;
                Progress::Consumed(taken)
            }
        })
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let [client, server] = &mut self.halves;
        *(if from == Side::Client { client } else { server }) = Half::default();
        Recovery::Resync
    }
}

impl<H: Head> Half<H> {
    fn line(
        &mut self,
        line: &[u8],
        memory: &mut H::Memory,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let Some(head) = &mut self.head else {
            self.head = H::begin(line);
            // Empty lines keep a connection open (RFC 5626 §4.4.1).
            self.stray = match (&self.head, line.is_empty()) {
                (None, false) => self.stray.saturating_add(1),
                (None, true) => self.stray,
                _ => 0,
            };
            (self.body, self.fields) = (0, 0);
            return if self.stray > MAX_STRAY { Err(Error::invalid("first line")) } else { Ok(()) };
        };
        if line.is_empty() {
            head.tell(memory, out);
            self.head = None;
            return Ok(());
        }
        self.fields = self.fields.saturating_add(1);
        if let Some((name, value)) = split(line).filter(|_| self.fields <= MAX_FIELDS) {
            if matches!(name.as_str(), "content-length" | "l") {
                self.body = value.parse().map_err(|_| Error::invalid("Content-Length"))?;
            }
            head.field(&name, value);
        }
        Ok(())
    }
}
