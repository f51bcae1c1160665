//! The hot path takes nothing from the heap per packet once traffic is established.
//!
//! Steady state is what nearly all packets of a hospital are: conversations that are
//! no longer read (TLS application data, unknown protocols, repeats), pixel data being
//! passed over, datagrams of known flows, ARP repeats, and copies of a mirror. Each
//! kind is warmed up, and then a thousand packets of it must not allocate once.
//!
//! Not steady, and free to allocate: the opening of a conversation, a message that a
//! dissector reads (a DICOM command, an HL7 message, a DNS answer), a segment held back
//! behind a missing one, and whatever is news. Their cost is one message's, not one
//! packet's.
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;

use auscult::sensor::Worker;
use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType, parse_bytes};
use auscult::wire::packet::{Layer3, Layer4, slice};
use etherparse::PacketBuilder;

thread_local! {
    /// Allocations of this thread; tests run side by side.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; the counter is
// a thread-local number without destructor, which takes no memory itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, so from the system, with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: `at` came from `alloc` above, so from the system, with this layout.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// Frames of one capture, made one after the other.
#[derive(Default)]
struct Tape {
    frames: Vec<(i64, Vec<u8>)>,
    now: i64,
}

impl Tape {
    /// The next frame, a tenth of a millisecond later.
    fn push(&mut self, bytes: Vec<u8>) {
        self.now += 100_000;
        self.frames.push((self.now, bytes));
    }

    /// The same frame again at the same time, as a mirror of both directions shows it.
    fn copy(&mut self) {
        let last = self.frames.last().expect("a frame").clone();
        self.frames.push(last);
    }

    /// All frames through `worker`; the observations are let go as the census would.
    fn play(&self, worker: &mut Worker) {
        for (n, (at, bytes)) in self.frames.iter().enumerate() {
            let frame = Frame {
                at: Timestamp(1_800_000_000_000_000_000 + at),
                link: LinkType::Ethernet,
                wire_len: u32::try_from(bytes.len()).expect("short"),
                number: n as u64 + 1,
                bytes,
            };
            worker.read(&[frame]);
            worker.observed().for_each(drop);
        }
    }
}

/// Plays `warm`, then `steady`, which must take nothing from the heap.
fn assert_steady(kind: &str, warm: &Tape, steady: &mut Tape) {
    let before = TAKEN.get();
    let mut worker = Worker::default();
    warm.play(&mut worker);
    assert!(TAKEN.get() > before, "{kind}: nothing is counted");
    for (at, _) in &mut steady.frames {
        *at += warm.now;
    }
    assert!(steady.frames.len() >= 1000, "{kind}: {} packets", steady.frames.len());
    let before = TAKEN.get();
    steady.play(&mut worker);
    let taken = TAKEN.get() - before;
    assert_eq!(taken, 0, "{kind}: allocations in {} packets", steady.frames.len());
}

/// One TCP connection from 10.9.0.1 to 10.9.0.2.
struct Tcp {
    ports: [u16; 2],
    seq: [u32; 2],
}

impl Tcp {
    fn open(port: u16, tape: &mut Tape) -> Self {
        let mut tcp = Self { ports: [50_123, port], seq: [1_000, 9_000] };
        tape.push(tcp.segment(0, &[], |b| b.syn()));
        tcp.seq[0] += 1;
        tape.push(tcp.segment(1, &[], |b| b.syn().ack(1_001)));
        tcp.seq[1] += 1;
        tape.push(tcp.segment(0, &[], |b| b.ack(9_001)));
        tcp
    }

    fn segment(
        &self,
        side: usize,
        payload: &[u8],
        flags: impl FnOnce(
            etherparse::PacketBuilderStep<etherparse::TcpHeader>,
        ) -> etherparse::PacketBuilderStep<etherparse::TcpHeader>,
    ) -> Vec<u8> {
        let end = |n: usize| u8::from(n != 0) + 1;
        let mac = |n: usize| [2, 0, 0, 0, 9, end(n)];
        let step = PacketBuilder::ethernet2(mac(side), mac(side ^ 1))
            .ipv4([10, 9, 0, end(side)], [10, 9, 0, end(side ^ 1)], 64)
            .tcp(self.ports[side], self.ports[side ^ 1], self.seq[side], 4096);
        let mut bytes = Vec::new();
        flags(step).write(&mut bytes, payload).expect("fits");
        bytes
    }

    /// Bytes of one side in segments of 1448 bytes, each acknowledged.
    fn say(&mut self, side: usize, bytes: &[u8], tape: &mut Tape) {
        for part in bytes.chunks(1448) {
            let other = self.seq[side ^ 1];
            tape.push(self.segment(side, part, |b| b.ack(other).psh()));
            self.seq[side] += u32::try_from(part.len()).expect("short");
            let ack = self.seq[side];
            tape.push(self.segment(side ^ 1, &[], |b| b.ack(ack)));
        }
    }
}

#[test]
fn unknown_tcp_that_is_let_go() {
    let (mut warm, mut steady) = (Tape::default(), Tape::default());
    let mut tcp = Tcp::open(4_444, &mut warm);
    for _ in 0..32 {
        tcp.say(0, &[0xa5; 900], &mut warm);
        tcp.say(1, &[0x5a; 900], &mut warm);
    }
    for _ in 0..500 {
        tcp.say(0, &[0xa5; 900], &mut steady);
    }
    assert_steady("unknown TCP", &warm, &mut steady);
}

/// An item of an association: type, zero, length, value (PS3.8 §9.3).
fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("short").to_be_bytes();
    [&[kind, 0], &length[..], value].concat()
}

fn pdu(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).expect("short").to_be_bytes();
    [&[kind, 0], &length[..], value].concat()
}

/// P-DATA-TF with one value: context 1, `control` bit 0 for a command, bit 1 for the last.
fn p_data(control: u8, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len() + 2).expect("short").to_be_bytes();
    pdu(4, &[&length[..], &[1, control], value].concat())
}

/// An association request or answer for CT images in implicit little endian.
fn associate(kind: u8) -> Vec<u8> {
    let syntax = item(0x40, b"1.2.840.10008.1.2");
    let context = if kind == 1 {
        let class = item(0x30, b"1.2.840.10008.5.1.4.1.1.2");
        item(0x20, &[&[1, 0, 0, 0], &class[..], &syntax].concat())
    } else {
        item(0x21, &[&[1, 0, 0, 0], &syntax[..]].concat())
    };
    let user = item(0x50, &[item(0x51, &[0, 0, 0x40, 0]), item(0x52, b"1.2.3.4")].concat());
    let name = item(0x10, b"1.2.840.10008.3.1.1.1");
    let titles = *b"ARCHIVE         SCANNER         ";
    let head = [&[0, 1, 0, 0], &titles[..], &[0; 32]].concat();
    pdu(kind, &[head, name, context, user].concat())
}

/// An element in implicit little endian (PS3.5 §7.1.3).
fn element(group: u16, number: u16, length: usize, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).expect("short").to_le_bytes();
    [&group.to_le_bytes()[..], &number.to_le_bytes(), &length, value].concat()
}

#[test]
fn pixel_data_passed_over() {
    let (mut warm, mut steady) = (Tape::default(), Tape::default());
    let mut tcp = Tcp::open(104, &mut warm);
    tcp.say(0, &associate(1), &mut warm);
    tcp.say(1, &associate(2), &mut warm);
    let class = b"1.2.840.10008.5.1.4.1.1.2\0";
    let command = [
        element(0, 0x0002, class.len(), class),
        element(0, 0x0100, 2, &[1, 0]),
        element(0, 0x0110, 2, &[1, 0]),
        element(0, 0x0700, 2, &[0, 0]),
        element(0, 0x0800, 2, &[1, 0]),
        element(0, 0x1000, 8, b"1.2.3.4\0"),
    ]
    .concat();
    let length = u32::try_from(command.len()).expect("short").to_le_bytes();
    tcp.say(0, &p_data(3, &[element(0, 0, 4, &length), command].concat()), &mut warm);
    let data_set = [
        element(0x0008, 0x0016, class.len(), class),
        element(0x0008, 0x0060, 2, b"CT"),
        element(0x0008, 0x0070, 8, b"EXAMPLE "),
        element(0x7fe0, 0x0010, 64 << 20, &[7; 1000]),
    ]
    .concat();
    tcp.say(0, &p_data(0, &data_set), &mut warm);
    let pixels = p_data(0, &[7; 16_370]);
    for _ in 0..8 {
        tcp.say(0, &pixels, &mut warm);
    }
    let mut worker = Worker::default();
    warm.play(&mut worker);
    assert_eq!(worker.counters().get("protocol.dicom"), Some(&1), "{:?}", worker.counters());
    let unread = |(name, _): &(&String, &u64)| name.starts_with("unreadable");
    assert_eq!(worker.counters().iter().find(unread), None);
    for _ in 0..100 {
        tcp.say(0, &pixels, &mut steady);
    }
    assert_steady("pixel data", &warm, &mut steady);
}

/// All frames of a committed capture; fails when it is missing.
fn lab(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut frames = Vec::new();
    parse_bytes(&bytes, &mut |some, _| {
        frames.extend(some.iter().map(|frame| frame.bytes.to_vec()));
        ControlFlow::Continue(())
    })
    .expect("whole");
    frames
}

/// Headers of a frame, as far as the tests need them.
fn headers(bytes: &[u8]) -> (Layer3, Layer4<'_>, &[u8]) {
    let frame = Frame {
        at: Timestamp(0),
        link: LinkType::Ethernet,
        wire_len: u32::try_from(bytes.len()).expect("short"),
        number: 1,
        bytes,
    };
    let packet = slice(&frame, 0).packet;
    (packet.l3, packet.l4, packet.payload)
}

/// FIN, SYN or RST: opens or closes.
fn opens_or_closes(l4: &Layer4<'_>) -> bool {
    matches!(l4, Layer4::Tcp { flags, .. } if flags.0 & 7 != 0)
}

#[test]
fn tls_application_data() {
    // The handshakes of the laboratory, left open; records follow on each side.
    let (mut warm, mut steady) = (Tape::default(), Tape::default());
    let mut open: Vec<(Vec<u8>, u32)> = Vec::new();
    for bytes in lab("hospital.pcapng") {
        let (_, l4, payload) = headers(&bytes);
        let Layer4::Tcp { src, dst, seq, flags, .. } = l4 else { continue };
        if (src != 443 && dst != 443) || flags.0 & 5 != 0 {
            continue;
        }
        let next = seq.wrapping_add(u32::try_from(payload.len()).expect("short"));
        let head = bytes[..bytes.len() - payload.len()].to_vec();
        match open.iter_mut().find(|(old, _)| old[..14] == head[..14] && ports(old) == (src, dst)) {
            _ if payload.is_empty() => {}
            Some(end) => *end = (head, next),
            None => open.push((head, next)),
        }
        warm.push(bytes);
    }
    assert!(open.len() >= 2, "TLS in the laboratory");
    let record = [&[0x17, 3, 3, 4, 0][..], &[0x9c; 1024]].concat();
    for round in 0..1100 {
        let tape = if round < 100 { &mut warm } else { &mut steady };
        for (head, next) in &mut open {
            tape.push(continued(head, next, &record));
        }
    }
    let mut worker = Worker::default();
    warm.play(&mut worker);
    assert!(worker.counters().get("protocol.tls").is_some_and(|n| *n >= 1));
    assert_steady("TLS", &warm, &mut steady);
}

fn ports(bytes: &[u8]) -> (u16, u16) {
    match headers(bytes).1 {
        Layer4::Tcp { src, dst, .. } => (src, dst),
        other => panic!("{other:?}"),
    }
}

/// The next segment behind these headers.
fn continued(head: &[u8], next: &mut u32, payload: &[u8]) -> Vec<u8> {
    let ip = if head[12..14] == [0x81, 0] { 18 } else { 14 };
    let mut bytes = [head, payload].concat();
    let length = u16::try_from(bytes.len() - ip).expect("short");
    bytes[ip + 2..ip + 4].copy_from_slice(&length.to_be_bytes());
    bytes[ip + 24..ip + 28].copy_from_slice(&next.to_be_bytes());
    *next = next.wrapping_add(u32::try_from(payload.len()).expect("short"));
    bytes
}

#[test]
fn a_second_pass_of_the_hospital() {
    // All that is neither an opening nor an end nor a message that is read: its bytes
    // of TCP are old, its hosts and flows known.
    let mut tape = Tape::default();
    for bytes in lab("hospital.pcapng") {
        if !opens_or_closes(&headers(&bytes).1) {
            tape.push(bytes);
        }
    }
    let mut steady = Tape::default();
    for (_, bytes) in &tape.frames {
        let (l3, l4, _) = headers(bytes);
        if matches!(l4, Layer4::Tcp { .. }) || l3 == Layer3::Arp {
            steady.push(bytes.clone());
        }
    }
    assert_steady("the hospital again", &tape, &mut steady);
}

#[test]
fn datagrams_of_known_flows_and_arp() {
    let (mut warm, mut steady) = (Tape::default(), Tape::default());
    let arp = lab("hospital.pcapng").into_iter().find(|b| headers(b).0 == Layer3::Arp);
    let arp = arp.expect("ARP in the laboratory");
    for round in 0..1100 {
        let tape = if round < 20 { &mut warm } else { &mut steady };
        for client in 0..4_u8 {
            let mut bytes = Vec::new();
            PacketBuilder::ethernet2([2, 0, 0, 0, 9, client], [2, 0, 0, 0, 9, 0x80])
                .ipv4([10, 9, 1, client], [10, 9, 1, 0x80], 64)
                .udp(40_000, 40_001)
                .write(&mut bytes, &[0xee; 200])
                .expect("fits");
            tape.push(bytes);
        }
        tape.push(arp.clone());
    }
    assert_steady("UDP and ARP", &warm, &mut steady);
}

#[test]
fn copies_of_a_mirror() {
    let (mut warm, mut steady) = (Tape::default(), Tape::default());
    let mut tcp = Tcp::open(4_445, &mut warm);
    tcp.say(0, &[0xa5; 60_000], &mut warm);
    tcp.say(1, &[0xa5; 60_000], &mut warm);
    for _ in 0..500 {
        tcp.say(0, &[0xa5; 900], &mut steady);
        steady.copy();
    }
    assert_steady("copies", &warm, &mut steady);
}
