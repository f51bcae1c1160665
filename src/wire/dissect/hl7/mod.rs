//! HL7 version 2 (chapter 2 and 2.C) over MLLP, the Minimal Lower Layer Protocol:
//! `<VT> segments, each ended by <CR> <FS><CR>`.
//!
//! Nothing is kept but one segment at a time, so a message may have any length.
//! Framing is taken as it comes: blocks without the last `<CR>`, several messages
//! in one block, no block characters at all, line feeds for carriage returns, and
//! captures that begin in the middle of a message.
//!
//! Only MSH, SFT, MSA, EQU and PRT are looked at, and of OBX the code, the
//! containment and the equipment; see [`message`] and [`equipment`]. Of messages with
//! results also their times, and a hash of the order or specimen that they are of; see
//! [`work`], and of which equipment they are; see [`through`]; of pumps whether they deliver;
//! see [`delivery`]. PID, PV1, ORC, NTE and values
//! are passed over unread.

mod delivery;
#[cfg(test)]
mod delivery_tests;
mod equipment;
mod header;
mod intact;
mod memory;
mod message;
#[cfg(test)]
mod run_on_tests;
mod segment;
#[cfg(test)]
mod tests;
mod through;
#[cfg(test)]
mod through_tests;
mod wide;
#[cfg(test)]
mod wide_tests;
mod work;
#[cfg(test)]
mod work_tests;

use memory::Memory;
use message::Message;

use super::{Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict};
use crate::observe::Key;

/// MLLP start block.
const VT: u8 = 0x0b;
/// MLLP end block.
const FS: u8 = 0x1c;
/// Longest segment read whole. Longer ones carry documents in OBX-5.
const MAX_SEGMENT: usize = 16 * 1024;
/// Keep-alive bytes and blank lines that may stand before the first message.
const MAX_PADDING: usize = 64;
/// Bytes of a conversation joined late in which a segment must show itself.
const MAX_LATE: usize = 4096;

/// Lines of it that are looked at.
const MAX_LATE_LINES: u8 = 64;

/// HL7 version 2 as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "hl7",
    standard: "HL7 v2 chapter 2; MLLP release 1",
    keys: KEYS,
    ports: &[2575, 6661],
    body: Body::Stream { probe, start: || Box::<Hl7>::default() },
};

const KEYS: &[Key] = &[
    message::SENDING_APPLICATION,
    message::SENDING_FACILITY,
    message::EUI64,
    message::MESSAGE_TYPE,
    message::VERSION,
    message::PROCESSING,
    message::PROFILE,
    message::ACKNOWLEDGES,
    message::SOFTWARE,
    message::SOFTWARE_VENDOR,
    message::SOFTWARE_PRODUCT,
    message::SOFTWARE_VERSION,
    equipment::ID,
    equipment::NAMESPACE,
    equipment::EUI64,
    equipment::MAC,
    equipment::SERIAL,
    equipment::UDI,
    equipment::TYPE,
    equipment::MANUFACTURER,
    equipment::MODEL,
    equipment::SOFTWARE,
    equipment::FIRMWARE,
    equipment::HARDWARE,
];

/// A conversation of its own, for messages that another protocol carries.
pub(super) fn conversation() -> Box<dyn Dissector> {
    Box::<Hl7>::default()
}

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let padding = bytes.iter().take_while(|b| is_padding(**b)).count();
    let head = bytes.get(padding..).unwrap_or_default();
    // The first byte of a wide letter may be zero, as padding is.
    let verdict = match begins_message(head) {
        Verdict::No => wide::probe(head),
        known => known,
    };
    match verdict {
        Verdict::No if opening.from_start => Verdict::No,
        Verdict::No => late(bytes),
        Verdict::More if padding > MAX_PADDING => Verdict::No,
        verdict => verdict,
    }
}

fn is_padding(byte: u8) -> bool {
    matches!(byte, VT | FS | b'\r' | b'\n' | b' ' | 0)
}

/// Where a line ends; a line feed is text where lines end with CR.
fn end_of_line(bytes: &[u8], cr: bool) -> Option<usize> {
    let end = memchr::memchr3(VT, FS, b'\r', bytes);
    let line = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    let feed = if cr { None } else { memchr::memchr(b'\n', line) };
    feed.or(end)
}

/// `MSH`, or the headers of a batch (`BHS`) or file (`FHS`), with their delimiters
/// (§2.5.4): all of them punctuation.
fn begins_message(bytes: &[u8]) -> Verdict {
    let name = bytes.get(..bytes.len().min(3)).unwrap_or_default();
    if ![b"MSH", b"BHS", b"FHS"].iter().any(|known| known.starts_with(name)) {
        return Verdict::No;
    }
    let delimiters = bytes.get(3..bytes.len().min(6)).unwrap_or_default();
    match delimiters {
        d if !d.iter().all(u8::is_ascii_punctuation) => Verdict::No,
        d if d.len() < 3 => Verdict::More,
        _ => Verdict::Yes,
    }
}

/// In a conversation joined in the middle: a start block, or a segment behind an end of line.
fn late(bytes: &[u8]) -> Verdict {
    let begins = |line: &[u8]| {
        let line = line.strip_prefix(&[VT]).unwrap_or(line);
        // Most lines end here, and most conversations are of another protocol.
        line.get(3) == Some(&b'|')
            && [b"MSH", b"PID", b"PV1", b"OBR", b"OBX", b"ORC", b"NTE", b"MSA", b"PRT"]
                .iter()
                .any(|known| line.starts_with(*known))
    };
    let mut lines = 0_u8;
    let mut ends = bytes.iter().enumerate().filter(|(_, b)| (b'\n'..=b'\r').contains(*b));
    let found = ends.any(|(at, end)| {
        let behind = bytes.get(at.saturating_add(1)..).unwrap_or_default();
        if *end == VT {
            return wide::begins(behind).is_some();
        }
        lines = lines.saturating_add(u8::from(*end != 0x0c));
        *end != 0x0c && lines < MAX_LATE_LINES && begins(behind)
    });
    match found {
        true => Verdict::Yes,
        false if bytes.len() >= MAX_LATE => Verdict::No,
        false => Verdict::More,
    }
}

/// One conversation: two directions that acknowledge one another.
#[derive(Default)]
struct Hl7 {
    client: Half,
    server: Half,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// Passing over the rest of a segment that is too long or was cut by a gap.
    passing: bool,
    /// A start block stands before what comes.
    framed: bool,
    /// The segments of this message end with CR, so a line feed is text.
    cr: bool,
    /// A part of the line was passed over: what comes now is in its middle.
    inside: bool,
    /// The message is in UTF-16.
    wide: Option<wide::Order>,
    message: Option<Message>,
    /// What this direction sent, for the acknowledgements of the other.
    memory: Memory,
}

impl Dissector for Hl7 {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let (half, other) = match from {
            Side::Client => (&mut self.client, &self.server.memory),
            Side::Server => (&mut self.server, &self.client.memory),
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = half.step(rest, other, out);
            if taken == 0 {
                break;
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(match bytes.len().saturating_sub(rest.len()) {
            0 => Progress::Need(bytes.len().saturating_add(1)),
            n => Progress::Consumed(n),
        })
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        (half.passing, half.framed, half.cr, half.message) = (true, false, false, None);
        (half.wide, half.inside) = (None, false);
        Recovery::Resync
    }
}

impl Half {
    /// Takes one segment with what ended it; 0 when it is not complete yet.
    fn step(&mut self, bytes: &[u8], other: &Memory, out: &mut dyn Sink) -> usize {
        // Only where a line begins, however the bytes are cut.
        if self.wide.is_none() && !self.inside {
            if let Some((order, mark)) = wide::begins(bytes) {
                self.wide = Some(order);
                self.passing = false;
                if mark > 0 {
                    return mark;
                }
            } else if wide::may_begin(bytes) {
                return 0;
            }
        }
        if let Some(order) = self.wide {
            return self.wide_step(order, bytes, other, out);
        }
        let Some(at) = end_of_line(bytes, self.cr) else {
            if self.passing || bytes.len() >= MAX_SEGMENT {
                if !std::mem::replace(&mut self.passing, true) && bytes.starts_with(b"MSH") {
                    self.message = None;
                }
                self.inside = true;
                return bytes.len();
            }
            return 0;
        };
        self.inside = false;
        let (line, end) = (bytes.get(..at).unwrap_or_default(), bytes.get(at).copied());
        let padding = line.iter().take_while(|b| is_padding(**b)).count();
        let line = line.get(padding..).unwrap_or_default();
        let whole = !std::mem::take(&mut self.passing) && at < MAX_SEGMENT;
        if whole && !line.is_empty() {
            self.line(line, false, other, out);
            if line.starts_with(b"MSH") {
                self.cr = end == Some(b'\r');
            }
        }
        if let Some(message) = self.message.as_mut().filter(|_| !whole) {
            message.passed_over();
        }
        match end {
            Some(FS) => self.finish(out),
            Some(VT) => self.framed = true,
            _ => {}
        }
        at.saturating_add(1)
    }

    /// As [`Self::step`], inside a message in UTF-16: whole units, so that none is cut.
    fn wide_step(
        &mut self,
        order: wide::Order,
        bytes: &[u8],
        other: &Memory,
        out: &mut dyn Sink,
    ) -> usize {
        let Some(line) = order.line(bytes, self.cr, !self.inside) else {
            if !self.passing && bytes.len() < MAX_SEGMENT {
                return 0;
            }
            if !std::mem::replace(&mut self.passing, true) && wide::begins(bytes).is_some() {
                self.message = None;
            }
            self.inside |= bytes.len() > 1;
            return bytes.len() & !1;
        };
        self.inside = false;
        let whole = !std::mem::take(&mut self.passing) && line.bytes.len() < MAX_SEGMENT;
        match order.text(line.bytes).filter(|_| whole) {
            Some(text) if !text.is_empty() => {
                self.line(text.as_bytes(), true, other, out);
                if text.starts_with("MSH") {
                    self.cr = line.end == wide::End::Cr;
                }
            }
            Some(_) => {}
            None => self.message.iter_mut().for_each(Message::passed_over),
        }
        if matches!(line.end, wide::End::Block | wide::End::Next) {
            self.wide = None;
            self.finish(out);
            self.framed = line.end == wide::End::Next;
        }
        line.taken
    }

    /// `wide` text is UTF-8 by now, whatever the message declares.
    fn line(&mut self, line: &[u8], wide: bool, other: &Memory, out: &mut dyn Sink) {
        let framed = std::mem::take(&mut self.framed);
        if begins_message(line) == Verdict::Yes {
            self.finish(out);
            let how = message::How { framed, wide };
            self.message = Message::begin(line, how, &mut self.memory, other, out);
        } else if let Some(message) = &mut self.message {
            message.segment(line, other, out);
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        self.cr = false;
        if let Some(message) = self.message.take() {
            message.finish(out);
        }
    }
}
