//! TeamViewer's own transport, which no standard describes: only its mark at the
//! beginning, and its port, are known. Nothing behind them is read.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `yes`: takes part in a session with TeamViewer's servers or another host.
const SESSION: Key = Key::new("teamviewer.session");

/// TeamViewer as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "teamviewer",
    standard: "as observed",
    keys: &[SESSION],
    ports: &[PORT],
    body: Body::Stream { probe, start: || Box::new(TeamViewer) },
};

const PORT: u16 = 5938;
const MARK: [u8; 2] = [0x17, 0x24];

/// Two bytes say little: both the port and the mark must fit.
fn probe(opening: &Opening<'_>) -> Verdict {
    if opening.src_port != PORT && opening.dst_port != PORT {
        return Verdict::No;
    }
    match opening.bytes {
        [0x17] => Verdict::More,
        [a, b, ..] if [*a, *b] == MARK => Verdict::Yes,
        _ => Verdict::No,
    }
}

struct TeamViewer;

impl Dissector for TeamViewer {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < MARK.len() {
            return Ok(Progress::Need(MARK.len()));
        }
        // Who opens the conversation runs the program; the other end is its servers'.
        if from == Side::Client && bytes.starts_with(&MARK) {
            out.fact(Who::Sender, &SESSION, "yes");
            return Ok(Progress::Done);
        }
        Ok(Progress::Skip(u64::MAX))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(bytes: &[u8], dst_port: u16) -> Opening<'_> {
        Opening { bytes, src_port: 50000, dst_port, from_start: true }
    }

    #[test]
    fn port_and_mark_together() {
        assert_eq!(probe(&opening(&[0x17, 0x24, 0x0a, 0x20], PORT)), Verdict::Yes);
        assert_eq!(probe(&opening(&[0x17], PORT)), Verdict::More);
        assert_eq!(probe(&opening(&[0x17, 0x24, 0x0a, 0x20], 443)), Verdict::No);
        assert_eq!(probe(&opening(&[0x16, 0x03, 0x01], PORT)), Verdict::No);
    }

    #[test]
    fn the_client_runs_it() {
        use super::super::torture::facts_of;
        let said =
            facts_of(|out| TeamViewer.dissect(Side::Client, &[0x17, 0x24, 1], out).map(|_| ()));
        assert_eq!(said.unwrap(), ["teamviewer.session=yes"]);
        let said =
            facts_of(|out| TeamViewer.dissect(Side::Server, &[0x17, 0x24, 1], out).map(|_| ()));
        assert!(said.unwrap().is_empty());
    }
}
