//! A bench for dissectors: feeds bytes the way the flow engine does and collects
//! what is said. `said` lines read `S key=value`: the letter is the subject, `C`
//! or `S` for client and server, `<mac|ip>` for a named host.

use std::net::{IpAddr, Ipv4Addr};

use super::{Body, Error, Opening, Progress, Recovery, Side, Sink, Verdict, Who, by_name};
use crate::net::{Mac, Segment};
use crate::observe::{Observed, Piece, Use, When, Work, text};
use crate::time::Timestamp;
use crate::wire::packet::{Layer3, Layer4, Packet};

/// What was said, with its subject.
pub(crate) type Said = Vec<(String, Observed<'static>)>;

#[derive(Default)]
struct Collect {
    now: Timestamp,
    sender: &'static str,
    receiver: &'static str,
    said: Said,
}

impl Sink for Collect {
    fn observe(&mut self, who: Who, what: Observed<'_>) {
        let who = match who {
            Who::Sender => self.sender.to_owned(),
            Who::Receiver => self.receiver.to_owned(),
            Who::Named { mac, ip } => format!(
                "<{}|{}>",
                mac.map(|m| m.to_string()).unwrap_or_default(),
                ip.map(|i| i.to_string()).unwrap_or_default()
            ),
        };
        self.said.push((who, what.into_owned()));
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

/// The traces of work, with their subjects.
pub(crate) fn works(said: &Said) -> Vec<(&str, Use)> {
    let works = said.iter().filter_map(|(who, what)| match what {
        Observed::Use(it) => Some((who.as_str(), *it)),
        _ => None,
    });
    works.collect()
}

/// The traces of work at equipment that is described, with who describes it.
pub(crate) fn works_of(said: &Said) -> Vec<(Piece, Work, When)> {
    let works = said.iter().filter_map(|(_, what)| match what {
        Observed::UseOf(piece, work, when) => Some((*piece, *work, *when)),
        _ => None,
    });
    works.collect()
}

/// What tells starts, with its subject: `C NetworkBoot`, `C Dhcp`.
pub(crate) fn starts(said: &Said) -> Vec<String> {
    let starts = said.iter().filter_map(|(who, what)| match what {
        Observed::Booted(_, sign) => Some(format!("{who} {sign:?}")),
        Observed::Arrives(how) => Some(format!("{who} {how:?}")),
        _ => None,
    });
    starts.collect()
}

/// The lines of all facts, equipment facts included (`C [creator] key=value; …`); traces
/// of work (see [`works`]) and of starts (see [`starts`]) are none.
pub(crate) fn facts(said: &Said) -> Vec<String> {
    said.iter()
        .filter(|(_, what)| {
            !matches!(
                what,
                Observed::Use(_)
                    | Observed::UseOf(..)
                    | Observed::Booted(..)
                    | Observed::Arrives(_)
            )
        })
        .map(|(who, what)| match what {
            Observed::Fact(key, value) => format!("{who} {}={}", key.as_str(), text::clean(value)),
            Observed::Equipment(it) => {
                let of = format!("{:?}", it.origin).to_lowercase();
                let facts: Vec<_> = it
                    .facts
                    .iter()
                    .map(|(k, v)| format!("{}={}", k.as_str(), text::clean(v)))
                    .collect();
                format!("{who} [{of}] {}", facts.join("; "))
            }
            other => format!("{who} {other:?}"),
        })
        .collect()
}

/// Runs a stream protocol over segments: `b'C'` or `b'S'` sent these bytes. Each
/// segment is shown whole; leftovers are kept per side, as the flow engine does.
/// Panics when the protocol's probe does not know the first segment.
pub(crate) fn stream(protocol: &str, segments: &[(u8, &[u8])]) -> Said {
    try_stream(protocol, segments).expect("dissects")
}

/// As [`stream`], with the dissector's error. `b'c'`/`b's'` mark bytes after a gap.
pub(crate) fn try_stream(protocol: &str, segments: &[(u8, &[u8])]) -> Result<Said, Error> {
    let Body::Stream { probe, start } = &by_name(protocol).expect("registered").body else {
        panic!("{protocol} is no stream protocol")
    };
    // Who asks by rsh has a port of the system's.
    let src_port = if protocol == "rsh" { 1022 } else { 50000 };
    let recognised = segments.iter().any(|(_, bytes)| {
        probe(&Opening { bytes, src_port, dst_port: 50001, from_start: true }) == Verdict::Yes
    });
    assert!(recognised, "{protocol}: no segment is recognised");
    let mut dissector = start();
    let mut out = Collect { now: Timestamp::new(1_700_000_000, 0), ..Collect::default() };
    let (mut left, mut skip): ([Vec<u8>; 2], [u64; 2]) = Default::default();
    for (who, bytes) in segments {
        let side = if who.eq_ignore_ascii_case(&b'C') { Side::Client } else { Side::Server };
        let at = usize::from(side == Side::Server);
        (out.sender, out.receiver) = if at == 0 { ("C", "S") } else { ("S", "C") };
        if who.is_ascii_lowercase() {
            left[at].clear();
            if dissector.gap(side) == Recovery::Stop {
                return Ok(out.said);
            }
        }
        let mut bytes = *bytes;
        let pass = usize::try_from(skip[at]).unwrap_or(usize::MAX).min(bytes.len());
        skip[at] -= pass as u64;
        bytes = &bytes[pass..];
        left[at].extend_from_slice(bytes);
        while !left[at].is_empty() {
            match dissector.dissect(side, &left[at], &mut out)? {
                Progress::Consumed(n) => {
                    assert!(
                        n > 0 && n <= left[at].len(),
                        "{protocol}: consumed {n} of {}",
                        left[at].len()
                    );
                    left[at].drain(..n);
                }
                Progress::Need(n) => {
                    assert!(n > left[at].len(), "{protocol}: needs {n}, has {}", left[at].len());
                    break;
                }
                Progress::Skip(n) => {
                    assert!(n > 0, "{protocol}: skips nothing");
                    let now = usize::try_from(n).unwrap_or(usize::MAX).min(left[at].len());
                    left[at].drain(..now);
                    skip[at] = n - now as u64;
                }
                Progress::Restart(_) | Progress::Done => return Ok(out.said),
            }
        }
    }
    Ok(out.said)
}

/// A UDP packet from 10.0.0.1 (02:00:00:00:00:01) to 10.0.0.2 (02:00:00:00:00:02).
pub(crate) fn udp(src: u16, dst: u16, payload: &[u8]) -> Packet<'_> {
    Packet {
        at: Timestamp::new(1_700_000_000, 0),
        frame: 1,
        wire_len: 42 + u32::try_from(payload.len()).unwrap(),
        segment: Segment::default(),
        src_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        dst_mac: Some(Mac([2, 0, 0, 0, 0, 2])),
        l3: Layer3::Ip {
            src: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            dst: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
            ttl: 64,
            id: 1,
            dont_fragment: true,
        },
        l4: Layer4::Udp { src, dst },
        payload,
        cut: false,
    }
}

/// Reads one packet with a packet or datagram protocol; `C` is its sender.
pub(crate) fn packet(protocol: &str, packet: &Packet<'_>) -> Result<Said, Error> {
    let mut out = Collect { now: packet.at, sender: "C", receiver: "S", said: Vec::new() };
    match &by_name(protocol).expect("registered").body {
        Body::Packet { wants, read } => {
            assert!(wants(packet), "{protocol} does not want this packet");
            read(packet, &mut out)?;
        }
        Body::Datagram { probe, read, .. } => {
            assert_eq!(probe(packet), Verdict::Yes, "{protocol} does not know this datagram");
            read(packet, &mut out)?;
        }
        Body::Stream { .. } => panic!("{protocol} is a stream protocol"),
    }
    Ok(out.said)
}
