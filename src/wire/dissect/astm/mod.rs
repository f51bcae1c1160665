//! Laboratory analysers: CLSI LIS01-A2 frames (ASTM E1381) around LIS02-A2 records
//! (ASTM E1394), or the records alone, over TCP.
//!
//! Of all records only the header is read (LIS02-A2 §6); the letters of the others say
//! who speaks: results come from an analyser, orders from its host. What a header calls
//! its sender is told once a record has shown that. Of a result its time is told, with a
//! hash of the specimen that its order names.

mod header;
mod record;
#[cfg(test)]
mod tests;

use header::Header;
use record::Record;

use super::burst::Burst;
use super::clock::Clock;

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::{Key, Observed, Piece, Study, Use, When, Work};

/// H-5: components joined by `^` as they stand, `model^version^serial` by no common rule.
const SENDER: Key = Key::new("astm.sender");
/// H-10: what the sender calls the system that it sends to.
const RECEIVER: Key = Key::new("astm.receiver");
/// H-13: version of the standard.
const VERSION: Key = Key::new("astm.version");
/// H-12: `P` production, `T` training, `D` debugging, `Q` quality control.
const PROCESSING: Key = Key::new("astm.processing");
/// `results` (R), `query` (Q) or `orders` (O without R).
const ROLE: Key = Key::new("astm.role");
/// H-5 of a system that sends orders.
const HOST: Key = Key::new("astm.host");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "astm",
    standard: "CLSI LIS01-A2, LIS02-A2",
    keys: &[SENDER, RECEIVER, VERSION, PROCESSING, ROLE, HOST],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Astm>::default() },
};

/// Some blood gas analysers wrap a whole message into SOH and EOT.
const SOH: u8 = 0x01;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
const ETB: u8 = 0x17;

/// Control characters that may stand before the first frame: a line that was busy.
const MAX_CONTROL: usize = 32;

fn is_control(byte: u8) -> bool {
    matches!(byte, SOH | ENQ | ACK | NAK | EOT)
}

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let before = bytes.iter().take_while(|b| is_control(**b)).count();
    let rest = bytes.get(before..).unwrap_or_default();
    let verdict = match rest.split_first() {
        _ if before > MAX_CONTROL => Verdict::No,
        None => Verdict::More,
        Some((&STX, frame)) => match frame.split_first() {
            None => Verdict::More,
            Some((b'0'..=b'7', text)) => header::begins(text),
            Some(_) => Verdict::No,
        },
        Some(_) => header::begins(rest),
    };
    match verdict {
        Verdict::No if !opening.from_start => late(bytes),
        verdict => verdict,
    }
}

/// In a conversation joined in the middle: a frame behind the end of another.
fn late(bytes: &[u8]) -> Verdict {
    let is_frame = |at: &[u8]| {
        matches!(
            at,
            [
                b'\n' | ENQ,
                STX,
                b'0'..=b'7',
                b'H' | b'P' | b'O' | b'R' | b'C' | b'M' | b'L',
                b'|',
                b'0'..=b'9' | b'\\',
                ..
            ]
        )
    };
    match bytes.windows(6).any(is_frame) {
        true => Verdict::Yes,
        false => Verdict::More,
    }
}

/// One conversation.
#[derive(Default)]
struct Astm {
    client: Half,
    server: Half,
}

/// One direction.
#[derive(Default)]
struct Half {
    at: At,
    record: Record,
    /// The header of the message being sent, until it is known who sends it.
    header: Option<Header>,
    /// The message has an O record.
    ordered: bool,
    /// It is for training or debugging.
    trial: bool,
    specimen: Study,
    results: Burst,
    /// The analyser by its header: a server of serial lines sends those of several.
    analyser: Option<Piece>,
}

/// Where the next byte stands.
#[derive(Clone, Copy, Default)]
enum At {
    /// Outside of a frame: control characters, or records without frames.
    #[default]
    Outside,
    /// Behind STX: the frame number.
    Number,
    /// In the text of a frame.
    Text,
    /// Behind ETX or ETB: checksum, CR, LF; so many bytes of it.
    Tail(u8),
    /// Bytes are missing: in the middle of something.
    Lost,
}

impl Dissector for Astm {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        for &byte in bytes {
            half.byte(byte, out);
        }
        Ok(Progress::Consumed(bytes.len()))
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        *half = Half { at: At::Lost, ..Half::default() };
        Recovery::Resync
    }
}

impl Half {
    fn byte(&mut self, byte: u8, out: &mut dyn Sink) {
        self.at = match (self.at, byte) {
            (_, STX) => At::Number,
            (_, SOH | ENQ | EOT) => {
                (self.record, self.header, self.analyser) = (Record::Start, None, None);
                self.results.end(out);
                At::Outside
            }
            (At::Number, _) => At::Text,
            (At::Text, ETX | ETB) => {
                // Records may go on in the next frame; the last one ends here.
                if byte == ETX {
                    self.end_of_record(out);
                }
                At::Tail(0)
            }
            (At::Tail(_), b'\n') => At::Outside,
            (At::Tail(n), _) if n < 3 => At::Tail(n.saturating_add(1)),
            (At::Tail(_), _) => At::Lost,
            (At::Lost, b'\r' | b'\n') => At::Outside,
            (At::Lost, _) => At::Lost,
            (at @ (At::Text | At::Outside), b'\r' | b'\n') => {
                self.end_of_record(out);
                at
            }
            (at @ (At::Text | At::Outside), _) => {
                self.record.push(byte);
                at
            }
        };
    }

    fn end_of_record(&mut self, out: &mut dyn Sink) {
        match std::mem::take(&mut self.record) {
            Record::Header(line) => {
                self.header = Header::read(&line);
                let processing = self.header.as_ref().map(|it| it.processing.as_str());
                let sender = self.header.as_ref().map(|it| it.sender.as_str());
                let sender = sender.filter(|it| !it.is_empty());
                self.analyser = sender.map(|it| Piece::of([(SENDER.as_str(), it)]));
                self.trial = matches!(processing, Some("T" | "D"));
                (self.ordered, self.specimen) = (false, Study::UNTOLD);
            }
            Record::Known(it) => match it.letter {
                b'R' => {
                    self.tell("results", &SENDER, out);
                    self.result(it.best(), out);
                }
                b'Q' => self.tell("query", &SENDER, out),
                b'P' => self.specimen = Study::UNTOLD,
                b'O' => (self.ordered, self.specimen) = (true, Study::of(it.best())),
                b'L' => {
                    self.results.end(out);
                    if self.ordered {
                        self.tell("orders", &HOST, out);
                    }
                    self.header = None;
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// A result of that time; what is no time says nothing.
    fn result(&mut self, time: &[u8], out: &mut dyn Sink) {
        let when = match time {
            [] => Some(When::Now),
            time => Clock::read(time).map(Clock::when),
        };
        if let Some(when) = when.filter(|_| !self.trial) {
            let (work, study, step) = (Work::Result, self.specimen, Study::UNTOLD);
            if let Some(analyser) = self.analyser {
                out.observe(Who::Sender, Observed::UseOf(analyser, work, when));
            }
            self.results.add(Use { work, study, step, when }, out);
        }
    }

    /// Once for each message.
    fn tell(&mut self, role: &str, name: &Key, out: &mut dyn Sink) {
        let Some(header) = self.header.take() else { return };
        out.fact(Who::Sender, &ROLE, role);
        let facts = [
            (name, &header.sender),
            (&RECEIVER, &header.receiver),
            (&PROCESSING, &header.processing),
            (&VERSION, &header.version),
        ];
        for (key, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.fact(Who::Sender, key, value);
        }
    }
}
