//! Puts frames on a virtual cable as fast as the kernel can: what a sensor is measured
//! with. It refuses every interface that is no veth, and to run outside of a namespace
//! made by `ip netns add`.
//!
//! ```text
//! send INTERFACE SECONDS 64|600|…|CAPTURE [KEY=VALUE…]
//!   KEY  rate (frames a second; as many as can be), most (frames taken from a capture)
//! ```
//!
//! The frames lie in a map of a program in the kernel, which writes one after the other
//! into pages and hands those to the cable (BPF_PROG_TEST_RUN with live frames): no
//! socket buffer is made on the way. Each time around, addresses differ from those of
//! the time before, so that nothing is a copy or a retransmission.
//!
//! Prints frames, bytes and seconds.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]
#![allow(unsafe_code, reason = "bpf(2) and mmap(2)")]

use std::collections::HashMap;
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

/// Longest frame that is sent, and the shortest.
const LONGEST: usize = 1514;
const SHORTEST: usize = 14;
/// Bytes of a frame that differ each time around, at most.
const SHIFTS: usize = 6;
/// By how much.
const SHIFT: i32 = 96;
/// Bytes before a frame in its slot: its length, then where it is shifted.
const HEADER: usize = 16;
/// A place in the header that nobody reads: shifted instead of nothing.
const NOWHERE: u16 = 0;
/// Different frames of one length.
const VARIETY: usize = 20_000;
/// Frames that the kernel moves at once.
const AT_ONCE: u32 = 64;
/// The clock is looked at for each of so many; a power of two.
const TIMED: u16 = 16;
/// How often it is, at most, until they are due: some 100 µs.
const PATIENCE: i32 = 4096;

type Done<T> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, seconds, what, rest @ ..] = arguments.as_slice() else {
        eprintln!("send INTERFACE SECONDS 64|600|…|CAPTURE [KEY=VALUE…]");
        return ExitCode::from(2);
    };
    let settings: HashMap<&str, u64> = rest
        .iter()
        .filter_map(|s| s.split_once('='))
        .map(|(k, v)| (k, v.parse().unwrap_or(0)))
        .collect();
    let run = || -> Done<()> {
        only_a_cable(interface)?;
        let index = index_of(interface).ok_or("no such interface")?;
        let most = settings.get("most").copied().unwrap_or(600_000);
        let frames = match what.parse::<usize>() {
            Ok(length) if (60..=LONGEST).contains(&length) => made(length),
            Ok(length) => return Err(format!("no frames of {length} bytes are made")),
            Err(_) => taken(Path::new(what), usize::try_from(most).unwrap_or(usize::MAX))?,
        };
        let seconds: f64 = seconds.parse().map_err(|_| "how many seconds?")?;
        let rate = settings.get("rate").copied().unwrap_or(0);
        let mut cable = Cable::lay(index, &frames).map_err(|error| format!("bpf(2): {error}"))?;
        drop(frames);
        let sent = cable.send(Duration::from_secs_f64(seconds), rate);
        let Sent { frames, bytes, seconds } = sent.map_err(|error| format!("bpf(2): {error}"))?;
        println!("{frames} frames, {bytes} bytes, {seconds:.6} seconds");
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{interface}: {why}");
            ExitCode::FAILURE
        }
    }
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
    slot: usize,
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
            Some(start) if at != libc::MAP_FAILED => Ok(Self { descriptor, start, slot, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn put(&mut self, slot: usize, parts: [&[u8]; 2]) {
        let bytes = parts.concat();
        assert!(bytes.len() <= self.slot && (slot + 1) * self.slot <= self.length);
        // SAFETY: inside the mapping, as was just checked; nobody else writes yet.
        unsafe {
            let to = self.start.as_ptr().add(slot * self.slot);
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
    fn lay(index: i32, frames: &[Vec<u8>]) -> io::Result<Self> {
        let longest = frames.iter().map(Vec::len).max().unwrap_or(SHORTEST);
        let mut map = Map::new(HEADER + longest, frames.len())?;
        for (n, frame) in frames.iter().enumerate() {
            let mut header = u16::try_from(frame.len()).unwrap_or_default().to_ne_bytes().to_vec();
            header.extend([0, 0]);
            header.extend(shifts(frame).iter().flat_map(|place| place.to_ne_bytes()));
            map.put(n, [&header, frame]);
        }
        let state = Map::new(64, 1)?;
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let code = program(
            [state.descriptor.as_raw_fd(), map.descriptor.as_raw_fd()],
            [number(frames.len()), number(longest), index],
        );
        Ok(Self { program: load(&code)?, state, longest, _frames: map })
    }

    /// Sends for so long, at most so many frames a second; 0 for as many as can be.
    fn send(&mut self, length: Duration, rate: u64) -> io::Result<Sent> {
        let pause = (u64::from(TIMED) * 1_000_000_000).checked_div(rate).unwrap_or(0);
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
    /// Which frame comes next.
    Next,
    Frames,
    Bytes,
    /// Nanoseconds between so many frames as are `TIMED`, when the next of them may
    /// go, and when the first and the last went.
    Pause,
    Due,
    First,
    Last,
}

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

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction(u8, u8, i16, i32);

/// A program being written.
#[derive(Default)]
struct Code {
    instructions: Vec<Instruction>,
    /// Jumps to the end.
    exits: Vec<usize>,
}

impl Code {
    fn op(&mut self, code: u8, to: u8, from: u8, offset: i16, value: i32) {
        self.instructions.push(Instruction(code, from << 4 | to, offset, value));
    }

    fn call(&mut self, function: i32) {
        self.op(0x85, 0, 0, 0, function);
    }

    /// Drops the frame when the register is (`how`) this.
    fn drop_if(&mut self, register: u8, how: u8, value: i32) {
        self.exits.push(self.instructions.len());
        self.op(how, register, 0, 0, value);
    }

    /// r0 = the slot of a map whose number is on the stack.
    fn look_up(&mut self, map: i32) {
        self.op(0x18, 1, 1, 0, map);
        self.op(0, 0, 0, 0, 0);
        self.op(0xbf, 2, 10, 0, 0);
        self.op(0x07, 2, 0, 0, -4);
        self.call(1);
        self.drop_if(0, EQUAL, 0);
    }

    /// Loads a word of the state, which is in r9.
    fn load(&mut self, register: u8, word: State) {
        self.op(0x79, register, 9, word.at(), 0);
    }

    fn store(&mut self, register: u8, word: State) {
        self.op(0x7b, 9, register, word.at(), 0);
    }

    /// Adds r2 to a word.
    fn add(&mut self, word: State) {
        self.load(1, word);
        self.op(0x0f, 1, 2, 0, 0);
        self.store(1, word);
    }

    /// Waits until the next frames are due; frames between go with the first of them.
    fn wait(&mut self) {
        self.load(1, State::Frames);
        self.op(0x57, 1, 0, 0, i32::from(TIMED) - 1);
        self.op(UNEQUAL, 1, 0, 17, 0); // past all this
        self.op(0xb7, 8, 0, 0, PATIENCE);
        self.call(5); // r0 = bpf_ktime_get_ns()
        self.load(2, State::Due);
        self.op(0x3d, 0, 2, 2, 0); // now or past it: to `store Last`
        self.op(0x17, 8, 0, 0, 1);
        self.op(UNEQUAL, 8, 0, -5, 0); // ask again
        self.store(0, State::Last);
        self.load(1, State::First);
        self.op(UNEQUAL, 1, 0, 1, 0);
        self.store(0, State::First);
        self.load(1, State::Pause);
        self.op(0x0f, 2, 1, 0, 0);
        // What is late by more than a millisecond is not caught up.
        self.op(0xbf, 3, 0, 0, 0);
        self.op(0x17, 3, 0, 0, 1_000_000);
        self.op(0x3d, 2, 3, 1, 0);
        self.op(0xbf, 2, 0, 0, 0);
        self.store(2, State::Due);
    }

    fn finish(mut self) -> Vec<Instruction> {
        let end = self.instructions.len();
        self.op(0xb7, 0, 0, 0, 1); // XDP_DROP
        self.op(0x95, 0, 0, 0, 0);
        for at in self.exits {
            self.instructions[at].2 = i16::try_from(end - at - 1).unwrap_or_default();
        }
        self.instructions
    }
}

/// Conditions of a jump.
const EQUAL: u8 = 0x15;
const UNEQUAL: u8 = 0x55;
const ABOVE: u8 = 0x25;
const BELOW: u8 = 0xa5;

/// The next frame of the map is shifted, written into the page that the context names,
/// which is made as long, and goes to the interface.
fn program(maps: [i32; 2], [frames, longest, interface]: [i32; 3]) -> Vec<Instruction> {
    let ([state, slots], header) = (maps, HEADER as i32);
    let mut code = Code::default();
    code.op(0xbf, 6, 1, 0, 0); // r6 = the context
    code.op(0x62, 10, 0, -4, 0); // number 0
    code.look_up(state);
    code.op(0xbf, 9, 0, 0, 0); // r9 = the state
    code.wait();
    code.load(7, State::Next); // r7 = the number of the frame
    code.op(0x63, 10, 7, -4, 0);
    code.op(0x07, 7, 0, 0, 1);
    code.op(BELOW, 7, 0, 1, frames); // the next one, or the first again
    code.op(0xb7, 7, 0, 0, 0);
    code.store(7, State::Next);
    code.look_up(slots);
    code.op(0xbf, 7, 0, 0, 0); // r7 = the slot
    code.op(0x69, 8, 7, 0, 0); // r8 = the length
    code.drop_if(8, ABOVE, longest);
    code.drop_if(8, BELOW, SHORTEST as i32);
    code.op(0xbf, 2, 8, 0, 0);
    code.op(0x17, 2, 0, 0, longest);
    code.op(EQUAL, 2, 0, 3, 0); // as long as it is
    code.op(0xbf, 1, 6, 0, 0);
    code.call(65); // bpf_xdp_adjust_tail(context, length - longest)
    code.drop_if(0, UNEQUAL, 0);
    code.op(0xbf, 1, 6, 0, 0);
    code.op(0xb7, 2, 0, 0, 0);
    code.op(0xbf, 3, 7, 0, 0);
    code.op(0x07, 3, 0, 0, header);
    code.op(0xbf, 4, 8, 0, 0);
    code.call(190); // bpf_xdp_store_bytes(context, 0, slot + HEADER, length)
    code.drop_if(0, UNEQUAL, 0);
    // For the next time around; now it would make the copy wait.
    for n in 0..SHIFTS as i16 {
        code.op(0x69, 1, 7, 4 + 2 * n, 0);
        code.drop_if(1, ABOVE, header + longest - 1);
        code.op(0xbf, 2, 7, 0, 0);
        code.op(0x0f, 2, 1, 0, 0);
        code.op(0x71, 3, 2, 0, 0);
        code.op(0x07, 3, 0, 0, SHIFT);
        code.op(0x73, 2, 3, 0, 0);
    }
    code.op(0xb7, 2, 0, 0, 1);
    code.add(State::Frames);
    code.op(0xbf, 2, 8, 0, 0);
    code.add(State::Bytes);
    code.op(0xb7, 1, 0, 0, interface);
    code.op(0xb7, 2, 0, 0, 0);
    code.call(23); // return bpf_redirect(interface, 0)
    code.op(0x95, 0, 0, 0, 0);
    code.finish()
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
