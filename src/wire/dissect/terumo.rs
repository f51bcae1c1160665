//! Terumo TERUFUSION syringe and infusion pumps (TE-SS730, TE-SS830, TE-LF630 …), asked by a
//! monitoring system over TCP, as their instruction manuals write it down ("About External
//! Communication Functions").
//!
//! A message is `STX`, a document of one line, the CRC of the document in four hexadecimal
//! digits, `ETX`. Read are the device's own number and, of a reply to "basic operating
//! status", the software's version and whether it infuses; doses, volumes and weights lie
//! behind and are not read. A rack answers for all pumps in it.

use data_encoding::BASE64;

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::{Key, Study, When, Work};

/// DEVID: hexadecimal digits; of each pump another.
const DEVICE_ID: Key = Key::new("terumo.device_id");
/// "Software Ver.": four hexadecimal digits.
const SOFTWARE: Key = Key::new("terumo.software");
/// `pump`, which answers, or `system`, which asks.
const ROLE: Key = Key::new("terumo.role");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "terumo",
    standard: "Terumo TERUFUSION, external communication",
    keys: &[DEVICE_ID, SOFTWARE, ROLE],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Terumo>::default() },
};

const STX: u8 = 2;
const ETX: u8 = 3;
/// What every message begins with; `Q` or `P` follows.
const BEGIN: &[u8] = b"\x02<?xml version=\"1.0\"?><RE";
/// Longest message; replies to the known commands have less than 300.
const MAX_MESSAGE: usize = 2048;
/// Digits of a device's number.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=32;
/// The command "basic operating status" and its subcommand.
const BASIC_STATUS: [u8; 3] = [1, 0, 0];

fn probe(opening: &Opening<'_>) -> Verdict {
    let n = opening.bytes.len().min(BEGIN.len());
    match (opening.bytes.get(..n) == BEGIN.get(..n), n == BEGIN.len()) {
        (true, true) => Verdict::Yes,
        (true, false) => Verdict::More,
        (false, _) => Verdict::No,
    }
}

/// Messages, each read by itself.
#[derive(Default)]
struct Terumo;

impl Dissector for Terumo {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let before = bytes.iter().take_while(|it| **it != STX).count();
        if before > 0 {
            return Ok(Progress::Consumed(before));
        }
        let Some(end) = bytes.iter().take(MAX_MESSAGE).position(|it| *it == ETX) else {
            return Ok(match bytes.len() >= MAX_MESSAGE {
                true => Progress::Consumed(1),
                false => Progress::Need(bytes.len().saturating_add(1)),
            });
        };
        if let Some(document) = intact(bytes.get(1..end).unwrap_or_default()) {
            tell(document, out);
        }
        Ok(Progress::Consumed(end.saturating_add(1)))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Resync
    }
}

/// The document before the CRC, when that is right: CRC-16-CCITT, beginning with 0.
fn intact(message: &[u8]) -> Option<&str> {
    let (document, said) = message.split_at_checked(message.len().checked_sub(4)?)?;
    let said = u16::from_str_radix(std::str::from_utf8(said).ok()?, 16).ok()?;
    let crc = document.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    });
    (crc == said).then_some(std::str::from_utf8(document).ok()?)
}

fn tell(document: &str, out: &mut dyn Sink) {
    let Some(rest) = document.strip_prefix("<?xml version=\"1.0\"?>") else { return };
    if rest.starts_with("<REQ>") {
        return out.fact(Who::Sender, &ROLE, "system");
    }
    let Some(rest) = rest.strip_prefix("<REP><DEVID>") else { return };
    let Some((id, rest)) = rest.split_once("</DEVID>") else { return };
    if !DIGITS.contains(&id.len()) || !id.bytes().all(|it| it.is_ascii_hexdigit()) {
        return;
    }
    out.fact(Who::Sender, &ROLE, "pump");
    out.fact(Who::Sender, &DEVICE_ID, id);
    let command = rest.strip_prefix("<CMD>").and_then(|it| it.split_once("</CMD>"));
    let Some(reply) = command.and_then(|it| BASE64.decode(it.0.as_bytes()).ok()) else { return };
    // Sequence, command and subcommand, result (0 is done), version, status.
    let [_, command @ .., 0, high, low, status] = reply.get(..8).unwrap_or_default() else {
        return;
    };
    if command != BASIC_STATUS {
        return;
    }
    out.fact(Who::Sender, &SOFTWARE, &format!("{high:02X}{low:02X}"));
    // Started, or a bolus by hand or not; stopped, standby and purging give nobody anything.
    if matches!(status >> 4, 1 | 4 | 5) {
        out.work(Who::Sender, Work::Vitals, Study::UNTOLD, When::Now);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream, works};
    use super::super::torture;
    use super::*;

    // Examples of the manual, with its numbers and CRCs.
    const WHO: &[u8] = b"\x02<?xml version=\"1.0\"?><REQ><DEVID></DEVID></REQ>8411\x03";
    const I_AM: &[u8] =
        b"\x02<?xml version=\"1.0\"?><REP><DEVID>000100700000001201000001</DEVID></REP>D38C\x03";
    const ASKED: &[u8] = b"\x02<?xml version=\"1.0\"?><REQ><DEVID>000100700000001201000001\
</DEVID><CMD>AQEAAA==</CMD></REQ>A9A4\x03";
    const STOPPED: &[u8] = b"\x02<?xml version=\"1.0\"?><REP><DEVID>000100700000001201000001\
</DEVID><CMD>AAEAAAAEAwAQAAAAAFUABgAAAAAAAO7u7gAAAAgCvAAD6BOZmQAAhgAAAAAAAAAAAAALAAIBAgAo////AZAS\
AHj6AEL3AAAAAAAAAAAAAAAARQApAAAT</CMD></REP>901D\x03";

    /// A reply about the basic status with this status, in which the patient's weight stands.
    fn reply(status: u8) -> Vec<u8> {
        let data = [&[0, 1, 0, 0, 0, 3, 1, status][..], b"CANARY-71kg"].concat();
        let document = format!(
            "<?xml version=\"1.0\"?><REP><DEVID>00010070</DEVID><CMD>{}</CMD></REP>",
            BASE64.encode(&data)
        );
        let crc = (0..=u16::MAX)
            .find(|it| intact(format!("{document}{it:04X}").as_bytes()).is_some())
            .unwrap();
        format!("\x02{document}{crc:04X}\x03").into_bytes()
    }

    #[test]
    fn a_pump_tells_its_number_and_version() {
        let said = stream("terumo", &[(b'S', WHO), (b'C', I_AM), (b'S', ASKED), (b'C', STOPPED)]);
        assert_eq!(
            facts(&said),
            [
                "S terumo.role=system",
                "C terumo.role=pump",
                "C terumo.device_id=000100700000001201000001",
                "S terumo.role=system",
                "C terumo.role=pump",
                "C terumo.device_id=000100700000001201000001",
                "C terumo.software=0403",
            ]
        );
        assert!(works(&said).is_empty());
    }

    #[test]
    fn it_works_while_it_infuses() {
        for (status, infuses) in
            [(0, false), (0x10, true), (0x20, false), (0x30, false), (0x40, true), (0x5f, true)]
        {
            let said = stream("terumo", &[(b'C', &reply(status))]);
            assert_eq!(works(&said).len(), usize::from(infuses), "{status:x}");
            assert!(works(&said).iter().all(|it| it.1.work == Work::Vitals && it.0 == "C"));
        }
    }

    #[test]
    fn what_is_damaged_is_not_told() {
        let mut wrong = I_AM.to_vec();
        wrong[41] = b'7';
        let both = [&wrong[..], WHO].concat();
        assert_eq!(facts(&stream("terumo", &[(b'C', &both)])), ["C terumo.role=system"]);
        let long = [BEGIN, &[b'x'; 2 * MAX_MESSAGE], WHO].concat();
        assert_eq!(facts(&stream("terumo", &[(b'C', &long)])), ["C terumo.role=system"]);
    }

    #[test]
    fn endures() {
        let all = [I_AM, &reply(0x10)].concat();
        torture::stream("terumo", &[(b'S', WHO), (b'C', &all)], &["CANARY"]);
    }
}
