//! Hard treatment for dissectors: every truncation, every byte flipped, every
//! split, and canaries that must never come out.

use super::{
    Body, Dissector, Error, Opening, Progress, Recovery, Side, Sink, Verdict, Who, by_name,
};
use crate::observe::{Observed, text};
use crate::wire::packet::Packet;

/// Collects what is said as text, whoever it is about.
#[derive(Default)]
struct Lines(Vec<String>);

impl Sink for Lines {
    fn observe(&mut self, _: Who, what: Observed<'_>) {
        self.0.push(match what {
            Observed::Fact(key, value) => format!("{}={}", key.as_str(), text::clean(&value)),
            Observed::Use(it) => format!("{:?} {:?}", it.work, it.when),
            other => format!("{other:?}"),
        });
    }
}

impl Lines {
    fn check(&self, canaries: &[&str]) {
        for line in &self.0 {
            for canary in canaries {
                assert!(!line.contains(canary), "leaks {canary}: {line}");
            }
        }
    }
}

/// What a reader that is no protocol of its own says, as `key=value`.
pub(crate) fn facts_of(
    read: impl FnOnce(&mut dyn Sink) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let mut out = Lines::default();
    read(&mut out)?;
    out.0.retain(|line| line.contains('='));
    Ok(out.0)
}

/// Every truncation of `bytes`, and every byte of it changed in several ways.
fn each_damage(bytes: &[u8], mut then: impl FnMut(&[u8])) {
    for end in 0..=bytes.len() {
        then(&bytes[..end]);
    }
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            bytes[at] ^= flip;
            then(&bytes);
            bytes[at] ^= flip;
        }
        let was = std::mem::replace(&mut bytes[at], 0);
        then(&bytes);
        bytes[at] = was;
    }
}

/// A reader of bytes under every damage: no panic, no canary.
pub(crate) fn shake(
    bytes: &[u8],
    canaries: &[&str],
    mut read: impl FnMut(&[u8], &mut dyn Sink) -> Result<(), Error>,
) {
    each_damage(bytes, |damaged| {
        let mut out = Lines::default();
        let _ = read(damaged, &mut out);
        out.check(canaries);
    });
}

/// A packet or datagram protocol under every damage to its payload.
pub(crate) fn packet(protocol: &str, packet: &Packet<'_>, canaries: &[&str]) {
    let body = &by_name(protocol).expect("registered").body;
    shake(packet.payload, canaries, |payload, out| {
        let damaged = Packet { payload, ..*packet };
        match body {
            Body::Packet { wants, read } if wants(&damaged) => read(&damaged, out),
            Body::Datagram { probe, read, .. } if probe(&damaged) == Verdict::Yes => {
                read(&damaged, out)
            }
            Body::Stream { .. } => panic!("{protocol} is a stream protocol"),
            _ => Ok(()),
        }
    });
}

/// Feeds segments as the flow engine does; false when the dissector is through.
fn feed(
    dissector: &mut dyn Dissector,
    left: &mut [Vec<u8>; 2],
    skip: &mut [u64; 2],
    (who, bytes): (u8, &[u8]),
    out: &mut Lines,
) -> bool {
    let (side, at) = if who == b'C' { (Side::Client, 0) } else { (Side::Server, 1) };
    let pass = usize::try_from(skip[at]).unwrap_or(usize::MAX).min(bytes.len());
    skip[at] -= pass as u64;
    left[at].extend_from_slice(&bytes[pass..]);
    while !left[at].is_empty() {
        match dissector.dissect(side, &left[at], out) {
            Ok(Progress::Consumed(n)) => {
                assert!(n > 0 && n <= left[at].len(), "consumed {n} of {}", left[at].len());
                left[at].drain(..n);
            }
            Ok(Progress::Need(n)) => {
                assert!(n > left[at].len(), "needs {n}, has {}", left[at].len());
                return true;
            }
            Ok(Progress::Skip(n)) => {
                assert!(n > 0, "skips nothing");
                let now = usize::try_from(n).unwrap_or(usize::MAX).min(left[at].len());
                left[at].drain(..now);
                skip[at] = n - now as u64;
            }
            Ok(Progress::Restart(n)) => {
                assert!(n <= left[at].len(), "restarts behind the end");
                return false;
            }
            Ok(Progress::Done) | Err(_) => return false,
        }
    }
    true
}

/// A stream protocol with segments cut at every place, byte by byte, truncated,
/// damaged, and with a gap before each segment. Splitting changes nothing that is said.
pub(crate) fn stream(protocol: &str, segments: &[(u8, &[u8])], canaries: &[&str]) {
    let Body::Stream { probe, start } = &by_name(protocol).expect("registered").body else {
        panic!("{protocol} is no stream protocol")
    };
    let run = |segments: &mut dyn Iterator<Item = (u8, &[u8])>| {
        let (mut dissector, mut out) = (start(), Lines::default());
        let (mut left, mut skip) = Default::default();
        for segment in segments {
            if !feed(&mut *dissector, &mut left, &mut skip, segment, &mut out) {
                break;
            }
        }
        out.check(canaries);
        out.0
    };
    let whole = run(&mut segments.iter().copied());
    let bytewise = segments.iter().flat_map(|(who, bytes)| bytes.chunks(1).map(|b| (*who, b)));
    assert_eq!(run(&mut bytewise.into_iter()), whole, "{protocol}: byte by byte");
    for at in 0..segments.len() {
        let (who, bytes) = segments[at];
        for cut in 1..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let before = segments[..at].iter().copied();
            let after = segments[at + 1..].iter().copied();
            let parts = [(who, head), (who, tail)];
            let split = run(&mut before.chain(parts).chain(after));
            assert_eq!(split, whole, "{protocol}: segment {at} split at {cut}");
        }
        each_damage(bytes, |damaged| {
            probe(&Opening { bytes: damaged, src_port: 1, dst_port: 2, from_start: true });
            let before = segments[..at].iter().copied();
            let after = segments[at + 1..].iter().copied();
            run(&mut before.chain([(who, damaged)]).chain(after));
        });
        let mut dissector = start();
        let side = if who == b'C' { Side::Client } else { Side::Server };
        if dissector.gap(side) == Recovery::Resync {
            let (mut left, mut skip) = Default::default();
            let mut out = Lines::default();
            for segment in &segments[at..] {
                if !feed(&mut *dissector, &mut left, &mut skip, *segment, &mut out) {
                    break;
                }
            }
            out.check(canaries);
        }
    }
}
