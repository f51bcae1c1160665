//! Bytes a second of each dissector over what the laboratory's captures hold of its
//! protocol, taken out of them by the front and the protocols' own probes.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use auscult::observe::Observed;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType, parse_bytes};
use auscult::wire::dissect::{
    Body, Dissector, Opening, PROTOCOLS, Progress, Protocol, Side, Sink, Verdict, Who,
};
use auscult::wire::packet::duplicate::Copy;
use auscult::wire::packet::{Front, Layer4, Packet, TcpFlags, slice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Captures whose bytes are dissected.
const CAPTURES: &[&str] = &[
    "bedside.pcap",
    "dhcp-relay.pcap",
    "dicom-syntaxes.pcap",
    "dicom.pcap",
    "hl7.pcap",
    "hospital.pcapng",
    "names.pcap",
    "ssh-snmp.pcap",
    "web.pcap",
    "windows.pcap",
];

/// Protocols that the laboratory does not speak. A name here that it does speak fails.
const NOT_SPOKEN: &[&str] = &["cdp", "dns-tcp", "lldp"];

/// A frame that outlives its capture.
struct Owned {
    at: Timestamp,
    link: LinkType,
    bytes: Vec<u8>,
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        Frame {
            at: self.at,
            link: self.link,
            wire_len: u32::try_from(self.bytes.len()).expect("short"),
            number: 1,
            bytes: &self.bytes,
        }
    }
}

/// Every frame that is no copy and no fragment.
fn frames() -> Vec<Owned> {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab");
    let mut all = Vec::new();
    for name in CAPTURES {
        let bytes = std::fs::read(lab.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut front = Front::new(0);
        parse_bytes(&bytes, &mut |some, _| {
            for frame in some {
                let sight = front.next(frame);
                if sight.copy == Copy::First && !sight.fragment && !sight.packet.cut {
                    let (at, link) = (frame.at, frame.link);
                    all.push(Owned { at, link, bytes: frame.bytes.to_vec() });
                }
            }
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    all
}

/// One TCP conversation: what each side sent, in order.
#[derive(Default)]
struct Stream {
    client: Option<(IpAddr, u16)>,
    next: BTreeMap<(IpAddr, u16), u32>,
    said: Vec<(Side, Vec<u8>)>,
    ports: (u16, u16),
}

fn streams(packets: &[Packet<'_>]) -> Vec<Stream> {
    let mut open: BTreeMap<_, Stream> = BTreeMap::new();
    let mut done = Vec::new();
    for packet in packets {
        let (Layer4::Tcp { src, dst, seq, flags, .. }, Some((from, to))) =
            (packet.l4, packet.addresses())
        else {
            continue;
        };
        let (from, to) = ((from, src), (to, dst));
        let key = (packet.segment, from.min(to), from.max(to));
        if flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK) {
            done.extend(open.remove(&key));
        }
        let stream = open.entry(key).or_default();
        if flags.has(TcpFlags::SYN) {
            stream.next.insert(from, seq.wrapping_add(1));
            continue;
        }
        if packet.payload.is_empty() {
            continue;
        }
        let client = *stream.client.get_or_insert(from);
        stream.ports = (client.1, if client == from { to.1 } else { from.1 });
        let next = stream.next.entry(from).or_insert(seq);
        if *next == seq {
            *next = seq.wrapping_add(u32::try_from(packet.payload.len()).expect("short"));
            let side = if from == client { Side::Client } else { Side::Server };
            stream.said.push((side, packet.payload.to_vec()));
        }
    }
    done.extend(open.into_values());
    done
}

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn observe(&mut self, who: Who, what: Observed<'_>) {
        black_box((who, &what));
        self.0 += 1;
    }
}

/// The conversation in this protocol, until the dissector has enough of it.
fn dissect(mut dissector: Box<dyn Dissector>, said: &[(Side, Vec<u8>)], out: &mut Count) {
    let (mut left, mut skip): ([Vec<u8>; 2], [usize; 2]) = Default::default();
    for (side, bytes) in said {
        let at = usize::from(*side == Side::Server);
        let pass = skip[at].min(bytes.len());
        skip[at] -= pass;
        let held = !left[at].is_empty();
        left[at].extend_from_slice(if held { &bytes[pass..] } else { &[] });
        let mut rest = if held { &left[at][..] } else { &bytes[pass..] };
        while !rest.is_empty() {
            match dissector.dissect(*side, rest, out) {
                Ok(Progress::Consumed(n)) if n > 0 => rest = &rest[n..],
                Ok(Progress::Skip(n)) if n > 0 => {
                    let n = usize::try_from(n).unwrap_or(usize::MAX);
                    let now = n.min(rest.len());
                    skip[at] = n - now;
                    rest = &rest[now..];
                }
                Ok(Progress::Need(_)) => break,
                _ => return,
            }
        }
        let rest = rest.to_vec();
        left[at] = rest;
    }
}

/// Whether a side of the conversation begins as this protocol does.
fn is(probe: fn(&Opening<'_>) -> Verdict, stream: &Stream) -> bool {
    [(Side::Client, stream.ports), (Side::Server, (stream.ports.1, stream.ports.0))].iter().any(
        |(side, (src_port, dst_port))| {
            let first = stream.said.iter().find(|(s, _)| s == side);
            first.is_some_and(|(_, bytes)| {
                let (src_port, dst_port) = (*src_port, *dst_port);
                probe(&Opening { bytes, src_port, dst_port, from_start: true }) == Verdict::Yes
            })
        },
    )
}

/// Benches one protocol; false when the laboratory does not speak it.
fn bench(
    c: &mut Criterion,
    protocol: &Protocol,
    packets: &[Packet<'_>],
    streams: &[Stream],
) -> bool {
    let mut group = c.benchmark_group("dissect");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let id = BenchmarkId::from_parameter(protocol.name);
    match protocol.body {
        Body::Packet { wants, read } => {
            let of: Vec<_> = packets.iter().filter(|p| wants(p)).collect();
            datagrams(&mut group, id, &of, read)
        }
        Body::Datagram { probe, read, .. } => {
            let udp = |p: &&Packet<'_>| matches!(p.l4, Layer4::Udp { .. });
            let of: Vec<_> =
                packets.iter().filter(udp).filter(|p| probe(p) == Verdict::Yes).collect();
            datagrams(&mut group, id, &of, read)
        }
        Body::Stream { probe, start } => {
            let of: Vec<_> = streams.iter().filter(|s| is(probe, s)).collect();
            let bytes: usize = of.iter().flat_map(|s| &s.said).map(|(_, b)| b.len()).sum();
            group.throughput(Throughput::Bytes(bytes as u64));
            if bytes > 0 {
                group.bench_function(id, |b| {
                    b.iter(|| {
                        let mut out = Count::default();
                        for stream in &of {
                            dissect(start(), &stream.said, &mut out);
                        }
                        out.0
                    });
                });
            }
            bytes > 0
        }
    }
}

type Read = fn(&Packet<'_>, &mut dyn Sink) -> Result<(), auscult::wire::dissect::Error>;
type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Benches a protocol without memory; false when there is nothing to read.
fn datagrams(group: &mut Group<'_>, id: BenchmarkId, of: &[&Packet<'_>], read: Read) -> bool {
    let bytes: usize = of.iter().map(|p| p.payload.len() + options(p)).sum();
    if of.is_empty() {
        return false;
    }
    let (elements, bytes) = (of.len() as u64, bytes as u64);
    group.throughput(Throughput::ElementsAndBytes { elements, bytes });
    group.bench_function(id, |b| {
        b.iter(|| {
            let mut out = Count::default();
            for packet in of {
                let _ = black_box(read(packet, &mut out));
            }
            out.0
        });
    });
    true
}

/// What a TCP opening is read for.
fn options(packet: &Packet<'_>) -> usize {
    if let Layer4::Tcp { options, .. } = packet.l4 { options.len() } else { 0 }
}

fn dissectors(c: &mut Criterion) {
    let frames = frames();
    let packets: Vec<_> = frames.iter().map(|frame| slice(&frame.frame(), 0).packet).collect();
    let streams = streams(&packets);
    let mut silent = Vec::new();
    for protocol in PROTOCOLS {
        if !bench(c, protocol, &packets, &streams) {
            silent.push(protocol.name);
        }
    }
    assert_eq!(silent, NOT_SPOKEN, "protocols without a capture");
}

criterion_group!(benches, dissectors);
criterion_main!(benches);
