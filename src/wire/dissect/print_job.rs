//! Print jobs sent straight to a printer: PJL (HP PJL Technical Reference Manual) and
//! ZPL II (Zebra ZPL II Programming Guide).
//!
//! A job is a document of a patient or a label with a name on it: nothing of it is
//! read, only that there is one. The printer's answers say which model it is.

use super::winstr::unmarked;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who, known,
};
use crate::observe::Key;

/// `printer`: it answers; `target`: it is sent jobs.
const PJL_ROLE: Key = Key::new("pjl.role");
/// Answer to `@PJL INFO ID`: the model.
const PJL_ID: Key = Key::new("pjl.id");
/// As [`PJL_ROLE`], for label printers.
const ZPL_ROLE: Key = Key::new("zpl.role");
/// Of the answer to `~HI`.
const ZPL_MODEL: Key = Key::new("zpl.model");
const ZPL_FIRMWARE: Key = Key::new("zpl.firmware");

/// PJL as a protocol.
pub(super) static PJL: Protocol = Protocol {
    name: "pjl",
    standard: "HP PJL Technical Reference Manual",
    keys: &[PJL_ROLE, PJL_ID],
    ports: &[9100],
    body: Body::Stream { probe: pjl_probe, start: || Box::<Pjl>::default() },
};

/// ZPL II as a protocol.
pub(super) static ZPL: Protocol = Protocol {
    name: "zpl",
    standard: "ZPL II Programming Guide",
    keys: &[ZPL_ROLE, ZPL_MODEL, ZPL_FIRMWARE],
    ports: ZPL_PORTS,
    body: Body::Stream { probe: zpl_probe, start: || Box::<Zpl>::default() },
};

/// Universal Exit Language: the way into PJL.
const UEL: &[u8] = b"\x1b%-12345X";
/// What an answer of the printer begins with.
const ANSWER: &[u8] = b"@PJL ";
const INFO_ID: &[u8] = b"@PJL INFO ID";
/// Longest line of an answer.
const MAX_LINE: usize = 256;
/// ZPL has too short a mark to be told without its ports.
const ZPL_PORTS: &[u16] = &[9100, 6101];
/// How a job begins: a label, or the reset of prefixes that drivers send first.
const ZPL_BEGINS: &[&[u8]] = &[b"^XA", b"CT~~CD,~CC^~CT~", b"\x10CT~~CD,~CC^~CT~", b"~HI", b"~HS"];
const STX: u8 = 2;
const ETX: u8 = 3;

/// Whether `bytes` begin with `known`, as far as they go.
fn begins(bytes: &[u8], known: &[u8]) -> Verdict {
    let n = bytes.len().min(known.len());
    match bytes.get(..n) == known.get(..n) {
        true if n == known.len() => Verdict::Yes,
        true => Verdict::More,
        false => Verdict::No,
    }
}

fn any(bytes: &[u8], known: &[&[u8]]) -> Verdict {
    let all = known.iter().map(|known| begins(bytes, known));
    all.fold(Verdict::No, |said, one| match (said, one) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::More, _) | (_, Verdict::More) => Verdict::More,
        _ => Verdict::No,
    })
}

fn pjl_probe(opening: &Opening<'_>) -> Verdict {
    any(opening.bytes, &[UEL, ANSWER])
}

fn zpl_probe(opening: &Opening<'_>) -> Verdict {
    match ZPL_PORTS.contains(&opening.dst_port) {
        true => any(opening.bytes, ZPL_BEGINS),
        false => Verdict::No,
    }
}

#[derive(Default)]
struct Pjl {
    sent: bool,
    answered: bool,
    /// The next line is the model.
    id: bool,
}

impl Dissector for Pjl {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.is_empty() {
            return Ok(Progress::Need(1));
        }
        if from == Side::Client {
            if !std::mem::replace(&mut self.sent, true) {
                out.fact(Who::Receiver, &PJL_ROLE, "target");
            }
            return Ok(Progress::Skip(u64::MAX));
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            return match bytes.len() {
                n if n >= MAX_LINE => Ok(Progress::Skip(u64::MAX)),
                n => Ok(Progress::Need(n.saturating_add(1))),
            };
        };
        let line = bytes.get(..end).unwrap_or_default();
        // A form feed ends the answer before.
        let line = line.trim_ascii().trim_ascii_start();
        if std::mem::take(&mut self.id) {
            let model = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
            if let Some(model) = model {
                out.fact(Who::Sender, &PJL_ID, known::printer(&unmarked(model)));
            }
        }
        self.id = line == INFO_ID;
        if line.starts_with(ANSWER) && !std::mem::replace(&mut self.answered, true) {
            out.fact(Who::Sender, &PJL_ROLE, "printer");
        }
        Ok(Progress::Consumed(end.saturating_add(1)))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        self.id = false;
        Recovery::Resync
    }
}

#[derive(Default)]
struct Zpl {
    sent: bool,
}

impl Dissector for Zpl {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.is_empty() {
            return Ok(Progress::Need(1));
        }
        if from == Side::Client {
            if !std::mem::replace(&mut self.sent, true) {
                out.fact(Who::Receiver, &ZPL_ROLE, "target");
            }
            return Ok(Progress::Skip(u64::MAX));
        }
        if bytes.first() != Some(&STX) {
            return Ok(Progress::Consumed(1));
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == ETX) else {
            return match bytes.len() {
                n if n >= MAX_LINE => Ok(Progress::Skip(u64::MAX)),
                n => Ok(Progress::Need(n.saturating_add(1))),
            };
        };
        identification(bytes.get(1..end).unwrap_or_default(), out);
        Ok(Progress::Consumed(end.saturating_add(1)))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Resync
    }
}

/// Host identification: model, firmware, dots a millimetre, memory.
fn identification(answer: &[u8], out: &mut dyn Sink) {
    let mut parts = answer.split(|&b| b == b',');
    let (Some(model), Some(firmware)) = (parts.next(), parts.next()) else { return };
    let is_version = firmware.len() <= 16
        && firmware.first().is_some_and(|&b| b.eq_ignore_ascii_case(&b'V'))
        && firmware.iter().any(u8::is_ascii_digit);
    let is_model = (3..=32).contains(&model.len())
        && model.first().is_some_and(u8::is_ascii_alphanumeric)
        && model.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    if is_version && is_model {
        out.fact(Who::Sender, &ZPL_ROLE, "printer");
        out.fact(Who::Sender, &ZPL_MODEL, &unmarked(model));
        out.fact(Who::Sender, &ZPL_FIRMWARE, &unmarked(firmware));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, facts, stream};
    use super::super::torture;
    use super::*;
    use crate::observe::Observed;

    #[test]
    fn printer_says_its_model() {
        let job = b"\x1b%-12345X@PJL JOB NAME=\"CANARY\"\r\n@PJL INFO ID\r\n\x1bE CANARY";
        let answer = b"@PJL INFO ID\r\n\"HP LaserJet 4100 Series\"\r\n\x0c@PJL USTATUS JOB\r\n\
NAME=\"CANARY\"\r\n\x0c";
        let talk = [(b'C', &job[..]), (b'S', &answer[..]), (b'C', b"CANARY")];
        let expected =
            ["S pjl.role=target", "S pjl.role=printer", "S pjl.id=HP LaserJet 4100 Series"];
        assert_eq!(facts(&stream("pjl", &talk)), expected);
        torture::stream("pjl", &talk, &["CANARY"]);
        let open =
            |bytes| pjl_probe(&Opening { bytes, src_port: 1, dst_port: 9100, from_start: true });
        assert_eq!(open(b"\x1b%-1"), Verdict::More);
        assert_eq!(open(b"\x1bE"), Verdict::No);
        assert_eq!(open(b"@PJX"), Verdict::No);
    }

    /// The bench's ports are not a printer's, so the dissector is fed here.
    fn answer(bytes: &[u8]) -> Said {
        struct Out(Said);
        impl Sink for Out {
            fn observe(&mut self, _: Who, what: Observed<'_>) {
                self.0.push(("S".to_owned(), what.into_owned()));
            }
        }
        let (mut it, mut out, mut bytes) = (Zpl::default(), Out(Vec::new()), bytes);
        while !bytes.is_empty() {
            match it.dissect(Side::Server, bytes, &mut out).unwrap() {
                Progress::Consumed(n) => bytes = &bytes[n..],
                _ => break,
            }
        }
        out.0
    }

    #[test]
    fn label_printer_says_its_model() {
        let expected =
            ["S zpl.role=printer", "S zpl.model=ZT410-300dpi", "S zpl.firmware=V75.20.01Z"];
        assert_eq!(facts(&answer(b"\r\n\x02ZT410-300dpi,V75.20.01Z,12,4096KB\x03")), expected);
        // Host status is three strings of numbers.
        assert!(answer(b"\x02030,0,0,1245,000,0,0,0,000,0,0,0\x03").is_empty());
        let talk = [
            (b'C', &b"^XA^FO50,50^FDCANARY^FS^XZ~HI"[..]),
            (b'S', b"\x02ZT410-300dpi,V75.20.01Z,12,4096KB\x03\r\n"),
        ];
        torture::stream("zpl", &talk, &["CANARY"]);
        let open = |dst_port, bytes| {
            zpl_probe(&Opening { bytes, src_port: 1, dst_port, from_start: true })
        };
        assert_eq!(open(9100, b"^XA^FO"), Verdict::Yes);
        assert_eq!(open(9100, b"^X"), Verdict::More);
        assert_eq!(open(80, b"^XA^FO"), Verdict::No);
    }
}
