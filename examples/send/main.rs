//! Puts frames on a virtual cable as fast as the kernel can: what a sensor is measured
//! with. It refuses every interface that is no veth, and to run outside of a namespace
//! made by `ip netns add`.
//!
//! ```text
//! send INTERFACE 64|600|…|CAPTURE [MOST]
//!   MOST  frames taken from a capture (4 million)
//! ```
//!
//! Each line of standard input, `SECONDS [RATE]`, sends for so long, at most so many
//! frames a second; it prints frames, bytes and seconds.
//!
//! The frames lie in a map of a program in the kernel, which writes one after the other
//! into pages and hands those to the cable (BPF_PROG_TEST_RUN with live frames): no
//! socket buffer is made on the way. Each time around, addresses differ from those of
//! the time before, so that nothing is a copy or a retransmission.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]
#![allow(unsafe_code, reason = "bpf(2) and mmap(2)")]

mod program;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::time::Duration;

use auscult::wire::capture::live::{ethtool, index_of};
use auscult::wire::capture::{File, LinkType};
use program::{Instruction, program};

/// Longest frame that is sent, and the shortest.
const LONGEST: usize = 1514;
const SHORTEST: usize = 14;
/// Bytes of a frame that differ each time around, at most.
const SHIFTS: usize = 6;
/// By how much.
const SHIFT: i32 = 96;
/// Bytes before a frame: its length, then where it is shifted.
const HEADER: usize = 16;
/// Bytes of a block of frames; none lies in two.
const BLOCK: usize = 1 << 16;
/// A place in the header that nobody reads: shifted instead of nothing.
const NOWHERE: u16 = 0;
/// Different frames of one length.
const VARIETY: usize = 20_000;
/// Frames that the kernel moves at once.
const AT_ONCE: u32 = 64;
/// The clock is looked at for each of so many; a power of two.
const TIMED: u16 = 16;

type Done<T> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, what, rest @ ..] = arguments.as_slice() else {
        eprintln!("send INTERFACE 64|600|…|CAPTURE [MOST]");
        return ExitCode::from(2);
    };
    match run(interface, what, rest.first().and_then(|most| most.parse().ok())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{interface}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(interface: &str, what: &str, most: Option<usize>) -> Done<()> {
    only_a_cable(interface)?;
    let index = index_of(interface).ok_or("no such interface")?;
    let frames = match what.parse::<usize>() {
        Ok(length) if (60..=LONGEST).contains(&length) => made(length),
        Ok(length) => return Err(format!("no frames of {length} bytes are made")),
        Err(_) => taken(Path::new(what), most.unwrap_or(4_000_000))?,
    };
    let failed = |error: io::Error| format!("bpf(2): {error}");
    let mut cable = Cable::lay(index, frames).map_err(failed)?;
    eprintln!("ready");
    for line in io::stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let mut words = line.split_whitespace();
        let seconds = words.next().and_then(|word| word.parse().ok()).ok_or("SECONDS [RATE]")?;
        let rate = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let Sent { frames, bytes, seconds } =
            cable.send(Duration::from_secs_f64(seconds), rate).map_err(failed)?;
        println!("{frames} frames, {bytes} bytes, {seconds:.6} seconds");
    }
    Ok(())
}

/// A real network must never see one of these frames.
fn only_a_cable(interface: &str) -> Done<()> {
    let driver = ethtool::driver(interface).map_err(|error| error.to_string())?;
    if driver != "veth" {
        return Err(format!("of the driver {driver:?}; frames are sent on a veth alone"));
    }
    // The first namespace has no name there.
    let ours = fs::metadata("/proc/self/ns/net").map_err(|error| error.to_string())?;
    let is_ours = |other: fs::Metadata| (other.dev(), other.ino()) == (ours.dev(), ours.ino());
    let mut named = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    if named.any(|entry| fs::metadata(entry.path()).is_ok_and(is_ours)) {
        return Ok(());
    }
    Err("not in a namespace made by `ip netns add`; frames are sent in such a one alone".into())
}

/// Datagrams of one length between a thousand pairs of hosts in ten VLANs.
fn made(length: usize) -> Vec<Vec<u8>> {
    let frame = |n: usize| {
        let [.., high, low] = (n % 1000).to_be_bytes();
        let payload = length - 46;
        let short = |n: usize| u16::try_from(n).unwrap_or_default().to_be_bytes();
        let mut bytes = vec![2, 1, 0, 0, high, low, 2, 2, 0, 0, high, low, 0x81, 0, 0];
        bytes.extend([10 + low % 10, 8, 0, 0x45, 0]);
        bytes.extend([short(28 + payload), short(n), [0, 0], [64, 17], [0, 0]].concat());
        bytes.extend([10, 1, high, low, 10, 2, high, low, 15, 160, 15, 161]);
        bytes.extend([short(8 + payload), [0, 0]].concat());
        bytes.extend(n.to_be_bytes());
        bytes.resize(length, 0);
        bytes
    };
    (0..VARIETY).map(frame).collect()
}

/// The first frames of a capture that are short enough.
fn taken(path: &Path, most: usize) -> Done<Vec<Vec<u8>>> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut each = |batch: &[auscult::wire::capture::Frame<'_>], _| {
        let fits = |bytes: &[u8]| (SHORTEST..=LONGEST).contains(&bytes.len());
        let some = batch.iter().filter(|f| f.link == LinkType::Ethernet && fits(f.bytes));
        frames.extend(some.map(|frame| frame.bytes.to_vec()));
        if frames.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    file.run(&mut each).map_err(|error| error.to_string())?;
    if frames.is_empty() { Err("no Ethernet frames in the capture".into()) } else { Ok(frames) }
}

/// Where a frame has parts of addresses: bytes of both MACs, and of both network
/// addresses.
fn shifts(frame: &[u8]) -> [u16; SHIFTS] {
    let mut found = Vec::new();
    let byte = |at: usize| frame.get(at).copied().unwrap_or_default();
    let pair = |at: usize| u16::from_be_bytes([byte(at), byte(at + 1)]);
    found.extend([0, 6].into_iter().filter(|&at| byte(at) & 1 == 0).map(|at| at + 3));
    let mut at = 12;
    while matches!(pair(at), 0x8100 | 0x88a8 | 0x9100) {
        at += 4;
    }
    let network = at + 2;
    let unicast = |at: &usize| byte(*at) < 224;
    found.extend(match pair(at) {
        0x0800 => {
            [12, 16].map(|n| network + n).into_iter().filter(unicast).map(|n| n + 1).collect()
        }
        0x86dd => vec![network + 15, network + 31],
        // Sender's and target's MAC and address.
        0x0806 => [11, 15, 21, 25].map(|n| network + n).to_vec(),
        _ => Vec::new(),
    });
    let mut places = [NOWHERE; SHIFTS];
    let inside = found.into_iter().filter(|&at| at < frame.len());
    for (place, at) in places.iter_mut().zip(inside) {
        *place = u16::try_from(HEADER + at).unwrap_or(NOWHERE);
    }
    // The length is in the first two bytes; the two after are nowhere.
    places.map(|place| if place == NOWHERE { 2 } else { place })
}

/// A map of the kernel in our memory: `entries` slots of `slot` bytes.
struct Map {
    descriptor: OwnedFd,
    start: NonNull<u8>,
    length: usize,
}

impl Map {
    fn new(slot: usize, entries: usize) -> io::Result<Self> {
        let slot = slot.next_multiple_of(8);
        let words = [2, 4, slot, entries, 1 << 10];
        let mut create = words.map(|word| u32::try_from(word).unwrap_or(u32::MAX));
        // SAFETY: the beginning of union bpf_attr for BPF_MAP_CREATE: an array that can
        // be mapped; no address in it.
        let descriptor = owned(unsafe { bpf(0, &mut create) }?);
        let length = (slot * entries).next_multiple_of(4096);
        let (rights, fd) = (libc::PROT_READ | libc::PROT_WRITE, descriptor.as_raw_fd());
        // SAFETY: a new mapping wherever the kernel likes.
        let at =
            unsafe { libc::mmap(std::ptr::null_mut(), length, rights, libc::MAP_SHARED, fd, 0) };
        match NonNull::new(at.cast()) {
            Some(start) if at != libc::MAP_FAILED => Ok(Self { descriptor, start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.length);
        // SAFETY: inside the mapping, as was just checked; nobody else writes yet.
        unsafe {
            let to = self.start.as_ptr().add(at);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }

    /// A word of the first slot.
    fn word(&self, which: State) -> *mut u64 {
        let at = which as usize;
        assert!((at + 1) * 8 <= self.length);
        self.start.as_ptr().cast::<u64>().wrapping_add(at)
    }

    fn get(&self, which: State) -> u64 {
        // SAFETY: inside the mapping and aligned; no program runs.
        unsafe { self.word(which).read_volatile() }
    }

    fn set(&mut self, which: State, to: u64) {
        // SAFETY: as above.
        unsafe { self.word(which).write_volatile(to) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of which nothing is borrowed.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The program that sends, with its frames.
struct Cable {
    program: OwnedFd,
    state: Map,
    longest: usize,
    _frames: Map,
}

impl Cable {
    fn lay(index: i32, frames: Vec<Vec<u8>>) -> io::Result<Self> {
        let longest = frames.iter().map(Vec::len).max().unwrap_or(SHORTEST);
        // A block ends with a length of 0, or where no frame would fit.
        let last = BLOCK - HEADER - longest;
        let mut places = Vec::new();
        let (mut block, mut at) = (0, 0);
        for frame in &frames {
            if at > last {
                (block, at) = (block + 1, 0);
            }
            places.push(block * BLOCK + at);
            at += (HEADER + frame.len()).next_multiple_of(8);
        }
        let mut map = Map::new(BLOCK, block + 1)?;
        for (place, frame) in places.into_iter().zip(frames) {
            let mut bytes = u16::try_from(frame.len()).unwrap_or_default().to_ne_bytes().to_vec();
            bytes.extend([0, 0]);
            bytes.extend(shifts(&frame).iter().flat_map(|place| place.to_ne_bytes()));
            bytes.extend(frame);
            map.put(place, &bytes);
        }
        let state = Map::new(STATE, 1)?;
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let code = program(
            [state.descriptor.as_raw_fd(), map.descriptor.as_raw_fd()],
            [number(block + 1), number(last), number(longest), index],
        );
        Ok(Self { program: load(&code)?, state, longest, _frames: map })
    }

    /// Sends for so long, at most so many frames a second; 0 for as many as can be.
    fn send(&mut self, length: Duration, rate: u64) -> io::Result<Sent> {
        let pause = (u64::from(TIMED) * 1_000_000_000).checked_div(rate).unwrap_or(0);
        for word in [State::Frames, State::Bytes, State::Due, State::First, State::Last] {
            self.state.set(word, 0);
        }
        self.state.set(State::Pause, pause);
        // One run and no more: the kernel waits for all processors before and after each.
        interrupt_after(length)?;
        self.run(u32::MAX)?;
        let get = |word| self.state.get(word);
        let took = Duration::from_nanos(get(State::Last).saturating_sub(get(State::First)));
        let (frames, bytes) = (get(State::Frames), get(State::Bytes));
        Ok(Sent { frames, bytes, seconds: took.as_secs_f64() })
    }

    /// Lets the program run so many times, or until a signal comes.
    fn run(&self, times: u32) -> io::Result<()> {
        #[repr(C)]
        #[derive(Default)]
        struct TestRun {
            program: u32,
            result: u32,
            sizes: [u32; 2],
            data: [u64; 2],
            times: u32,
            duration: u32,
            context_sizes: [u32; 2],
            contexts: [u64; 2],
            flags: u32,
            processor: u32,
            at_once: u32,
            _pad: u32,
        }
        let page = [0_u8; LONGEST];
        let mut run = TestRun {
            program: u32::try_from(self.program.as_raw_fd()).unwrap_or_default(),
            sizes: [u32::try_from(self.longest).unwrap_or_default(), 0],
            data: [u64::try_from(page.as_ptr().expose_provenance()).unwrap_or_default(), 0],
            times,
            flags: 1 << 1,
            at_once: AT_ONCE,
            ..TestRun::default()
        };
        // SAFETY: union bpf_attr for BPF_PROG_TEST_RUN; `page` lives through the call and
        // is at least as long as is said.
        match unsafe { bpf(10, &mut run) } {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}

/// What was put on the cable.
struct Sent {
    frames: u64,
    bytes: u64,
    seconds: f64,
}

/// Words that the program keeps.
#[derive(Clone, Copy)]
enum State {
    /// In which block the next frame is, and where in it.
    Block,
    At,
    Frames,
    Bytes,
    /// Nanoseconds between so many frames as are `TIMED`, when the next of them may
    /// go, and when the first and the last went.
    Pause,
    Due,
    First,
    Last,
}

/// Bytes of all of them.
const STATE: usize = 64;

impl State {
    const fn at(self) -> i16 {
        self as i16 * 8
    }
}

/// Ends a system call of this thread after so long.
fn interrupt_after(length: Duration) -> io::Result<()> {
    extern "C" fn nothing(_: i32) {}
    let handler: extern "C" fn(i32) = nothing;
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    let once = libc::timeval { tv_sec: seconds, tv_usec: i64::from(length.subsec_micros()) };
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: never, it_value: once };
    // SAFETY: a handler that does nothing and restarts no call, and a live timer.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn load(code: &[Instruction]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Load(u32, u32, u64, u64, [u32; 2], u64, [u32; 2]);
    let mut log = vec![0_u8; 1 << 24];
    let address = |at: *const u8| u64::try_from(at.expose_provenance()).unwrap_or_default();
    let room = u32::try_from(log.len()).unwrap_or_default();
    let log_at = address(log.as_mut_ptr());
    let try_to = |[level, room]: [u32; 2], log: u64| {
        let count = u32::try_from(code.len()).unwrap_or_default();
        let licence = address(c"Apache-2.0".as_ptr().cast());
        let code = address(code.as_ptr().cast());
        let mut load = Load(6, count, code, licence, [level, room], log, [0, 0]);
        // SAFETY: the beginning of union bpf_attr for BPF_PROG_LOAD; code, licence and log
        // live through the call and are as long as is said.
        unsafe { bpf(5, &mut load) }.map(owned)
    };
    try_to([0, 0], 0).or_else(|_| {
        // Once more, to hear why.
        try_to([1, room], log_at).inspect_err(|_| {
            let said = String::from_utf8_lossy(&log);
            let last: Vec<_> = said.trim_end_matches('\0').lines().rev().take(12).collect();
            last.iter().rev().for_each(|line| eprintln!("{line}"));
        })
    })
}

/// bpf(2).
///
/// # Safety
/// `T` is the beginning of `union bpf_attr` for this command.
unsafe fn bpf<T>(command: i32, attributes: &mut T) -> io::Result<i32> {
    let (at, length) = (&raw mut *attributes, size_of::<T>());
    // SAFETY: address and length of one live value; the caller answers for what is in it.
    match unsafe { libc::syscall(libc::SYS_bpf, command, at, length) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => i32::try_from(result).map_err(io::Error::other),
    }
}

fn owned(fd: i32) -> OwnedFd {
    // SAFETY: called with new descriptors alone, which nobody else owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
