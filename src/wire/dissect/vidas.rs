//! bioMérieux VIDAS and mini VIDAS: their own protocol over a serial line, seen behind
//! serial bridges. A message is `STX RS mtrsl| RS pi… RS …  GS checksum`, fields of two
//! letters; the first says its type. No field but the type is read: most are a patient's.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::{Key, Study, When, Work};

/// Type of the message: `rsl` is a result.
const MESSAGE: Key = Key::new("vidas.message");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "vidas",
    standard: "bioMérieux VIDAS LIS interface",
    keys: &[MESSAGE],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Vidas>::default() },
};

const ENQ: u8 = 0x05;
/// STX, RS and the name of the first field.
const BEGIN: &[u8] = b"\x02\x1emt";
/// Types that are told.
const TYPES: &[&str] = &["rsl", "mpr", "prg", "qry"];

fn message(bytes: &[u8]) -> Option<&'static str> {
    let rest = bytes.strip_prefix(BEGIN)?;
    let known = TYPES.iter().copied();
    known
        .into_iter()
        .find(|it| rest.strip_prefix(it.as_bytes()).is_some_and(|it| it.starts_with(b"|")))
}

fn probe(opening: &Opening<'_>) -> Verdict {
    let before = opening.bytes.iter().take(8).take_while(|b| **b == ENQ).count();
    let rest = opening.bytes.get(before..).unwrap_or_default();
    let n = rest.len().min(BEGIN.len());
    match (message(rest), rest.get(..n) == BEGIN.get(..n), rest.len()) {
        (Some(_), ..) => Verdict::Yes,
        (None, true, 0..8) => Verdict::More,
        _ => Verdict::No,
    }
}

/// Of each message the type.
#[derive(Default)]
struct Vidas;

impl Dissector for Vidas {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let before = bytes.iter().take_while(|b| **b != 0x02).count();
        if before > 0 {
            return Ok(Progress::Consumed(before));
        }
        if bytes.len() < 8 {
            return Ok(Progress::Need(8));
        }
        if let Some(kind) = message(bytes) {
            out.fact(Who::Sender, &MESSAGE, kind);
            if kind == "rsl" {
                out.work(Who::Sender, Work::Result, Study::UNTOLD, When::Now);
            }
        }
        Ok(Progress::Consumed(8))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Resync
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream, works};
    use super::super::torture;
    use super::*;

    const RESULT: &[u8] =
        b"\x05\x02\x1emtrsl|\x1epiCANARY|\x1epnCANARY|\x1eciCANARY|\x1erthbs|\x1d50\n";

    #[test]
    fn a_result_says_what_sends_it() {
        let twice = [RESULT, RESULT].concat();
        let said = stream("vidas", &[(b'C', &twice), (b'S', b"\x06")]);
        assert_eq!(facts(&said), ["C vidas.message=rsl"; 2]);
        let works = works(&said);
        assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Result)));
        assert_eq!(works.len(), 2);
        torture::stream("vidas", &[(b'C', RESULT), (b'S', b"\x06")], &["CANARY"]);
    }

    #[test]
    fn recognition() {
        let ask = |bytes| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        assert_eq!(ask(b"\x05"), Verdict::More);
        assert_eq!(ask(b"\x02\x1emtr"), Verdict::More);
        assert_eq!(ask(b"\x02\x1emtxyz|"), Verdict::No);
        assert_eq!(ask(b"\x021H|"), Verdict::No);
        assert_eq!(ask(b"GET / HTTP"), Verdict::No);
    }
}
