//! Windows Delivery Optimization between computers: pieces of updates over TCP. No standard
//! describes it; only the mark at its beginning, which both sides send, is known.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `yes`: exchanges pieces of updates with others.
const PEER: Key = Key::new("swarm.peer");

/// Delivery Optimization as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "swarm",
    standard: "as observed",
    keys: &[PEER],
    ports: &[7680],
    body: Body::Stream { probe, start: || Box::new(Swarm) },
};

/// Its length, then its name.
const MARK: &[u8] = b"\x0eSwarm protocol";

fn probe(opening: &Opening<'_>) -> Verdict {
    let n = opening.bytes.len().min(MARK.len());
    match opening.bytes.get(..n) == MARK.get(..n) {
        true if n == MARK.len() => Verdict::Yes,
        true => Verdict::More,
        false => Verdict::No,
    }
}

struct Swarm;

impl Dissector for Swarm {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < MARK.len() {
            return Ok(Progress::Need(MARK.len()));
        }
        if bytes.starts_with(MARK) {
            out.fact(Who::Sender, &PEER, "yes");
        }
        Ok(Progress::Skip(u64::MAX))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    #[test]
    fn both_sides_say_so() {
        let hello = [MARK, &[0; 8], b"CANARY"].concat();
        let talk: [(u8, &[u8]); 2] = [(b'C', &hello), (b'S', &hello)];
        assert_eq!(facts(&stream("swarm", &talk)), ["C swarm.peer=yes", "S swarm.peer=yes"]);
        torture::stream("swarm", &talk, &["CANARY"]);
        let opening = |bytes| Opening { bytes, src_port: 50000, dst_port: 7680, from_start: true };
        assert_eq!(probe(&opening(b"\x0eSwarm")), Verdict::More);
        assert_eq!(probe(&opening(b"\x13BitTorrent protocol")), Verdict::No);
    }
}
