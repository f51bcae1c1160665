//! libpcap: the portable last resort, and what compiles filters.
//!
//! Its memory is only valid while it calls back with one packet: on Linux it may give a
//! block of its ring back to the kernel as soon as it has walked over its last packet.
//! So frames are copied into an arena and lent from there in batches, as all other
//! sources do: what a batch hides of the latency of memory is worth more than the copy,
//! which brings the frame into the cache where it is read next.
//!
//! It never waits: in blocking mode it does so for ever on an idle link, whatever its
//! time-out. Waiting is poll(2) on its descriptor. Its statistics are not asked either:
//! they read files that a confined worker may not open, and then count below zero. The
//! kernel says the same of its socket.

use std::os::fd::AsFd as _;
use std::time::Duration;

use libc::sock_filter;
use pcap::{Active, Capture, Direction, Error, Packet, Precision};

use super::device::Device;
use super::socket::{apart, drops, index_of, packet_socket, pending, wait};
use super::{Fault, Filter, Loss, OpenError, Source};
use crate::time::Timestamp;
use crate::wire::capture::privilege::confine_lookups;
use crate::wire::capture::{BATCH, Batch, Frame, LONGEST_FRAME, LinkType};

/// Milliseconds after which frames are handed over that do not fill a block.
const HAND_OVER: i32 = 20;
/// Bytes of an arena: a batch of any ordinary frames, or a few of the longest.
const ARENA: usize = 1 << 20;
/// Bytes of the ring behind a handle that only compiles.
const SMALL: usize = 1 << 20;

/// Characters of a filter that are compiled, within a second.
const LONGEST_FILTER: usize = 2_048;

/// A handle of libpcap.
pub(super) struct Libpcap {
    capture: Capture<Active>,
    arena: Arena,
    device: Device,
    /// Bytes that its ring holds.
    ring: usize,
    /// It was left before it had no more frames.
    unfinished: bool,
    loss: Loss,
}

/// What is at work.
pub(super) const fn version() -> &'static str {
    "libpcap"
}

/// Opens an interface with a ring of so many bytes; frames come from now on, those that
/// the filter keeps.
///
/// # Errors
/// No such interface, missing rights, a link type that is not read here.
pub(super) fn open(
    interface: &str,
    ring: usize,
    filter: Option<&Filter>,
) -> Result<(Libpcap, LinkType), OpenError> {
    let refused = |error: Error| failed(interface, &error);
    let mut capture = activate(interface, ring, true)?;
    if let Some(filter) = filter {
        capture.filter(filter.expression(), true).map_err(refused)?;
    }
    // What this host sends is not what the mirror shows.
    capture.direction(Direction::In).map_err(refused)?;
    let capture = capture.setnonblock().map_err(refused)?;
    let number = capture.get_datalink().0;
    let link = u16::try_from(number).ok().and_then(LinkType::from_number).ok_or_else(|| {
        OpenError::new(interface, format!("frames of link type {number} are not read here"))
    })?;
    let device =
        Device::find(interface).map_err(|e| OpenError::from_io(interface, "libpcap", e))?;
    let (arena, loss) = (Arena::new(link), Loss::default());
    let source = Libpcap { capture, arena, device, ring, unfinished: false, loss };
    Ok((source, link))
}

/// Compiles an expression of pcap-filter(7) for the frames of an interface, as the
/// kernel sees them: it has taken the outer VLAN tag out by then.
///
/// # Errors
/// The expression is wrong, or needs a name to be looked up on the network.
pub(super) fn compile(interface: &str, expression: &str) -> Result<Filter, OpenError> {
    // libpcap's time and memory grow with the square of it.
    if expression.len() > LONGEST_FILTER {
        let what = format!("a filter may have {LONGEST_FILTER} characters; filter by networks");
        return Err(OpenError::new(interface, what));
    }
    let capture = activate(interface, SMALL, false)?;
    let ethernet = capture.get_datalink().0 == 1;
    // A thread of its own, which can ask nobody for a name.
    let compile = move || {
        confine_lookups().map_err(|error| error.to_string())?;
        let program = capture.compile(expression, true).map_err(|error| text(&error))?;
        let program = program.get_instructions().iter();
        let program = program.map(|instruction| instruction_of(&instruction.to_string()));
        program.collect::<Option<Vec<_>>>().ok_or_else(|| "it cannot be compiled".to_owned())
    };
    let compiled = std::thread::scope(|scope| scope.spawn(compile).join());
    let compiled = compiled.unwrap_or_else(|_| Err("libpcap failed".to_owned()));
    compiled.map(|program| Filter::new(expression.to_owned(), program, ethernet)).map_err(|why| {
        let what = format!("the filter {expression:?} is wrong ({why}); see pcap-filter(7)");
        OpenError::new(interface, what)
    })
}

/// An instruction as the kernel wants it, of the four numbers as which it is shown.
fn instruction_of(shown: &str) -> Option<sock_filter> {
    let mut numbers = shown.split(' ').map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    let (code, jt, jf, k) = (next()?, next()?, next()?, next()?);
    let (code, jt, jf) = (code.try_into().ok()?, jt.try_into().ok()?, jf.try_into().ok()?);
    Some(sock_filter { code, jt, jf, k })
}

/// A handle at work.
fn activate(interface: &str, ring: usize, promiscuous: bool) -> Result<Capture<Active>, OpenError> {
    index_of(interface).ok_or_else(|| OpenError::missing(interface))?;
    let io = |error| OpenError::from_io(interface, "libpcap", error);
    // Says by its number what libpcap would say in words.
    let socket = packet_socket().map_err(io)?;
    let activate = || {
        Capture::from_device(interface)?
            .promisc(promiscuous)
            .snaplen(i32::try_from(LONGEST_FRAME).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(ring).unwrap_or(i32::MAX))
            .timeout(HAND_OVER)
            .immediate_mode(false)
            // Every Linux offers it.
            .precision(Precision::Nano)
            .open()
    };
    let capture = apart(socket, activate).map_err(io)?;
    capture.map_err(|error| failed(interface, &error))
}

fn failed(interface: &str, error: &Error) -> OpenError {
    let said = text(error);
    let remedy = match said.contains("not up") {
        true => format!("; `ip link set dev {interface} up` brings it up"),
        false => String::new(),
    };
    OpenError::new(interface, format!("libpcap cannot capture ({said}){remedy}"))
}

/// What libpcap says, in one line.
fn text(error: &Error) -> String {
    let said = match error {
        Error::PcapError(said) => said.clone(),
        other => other.to_string(),
    };
    said.lines().collect::<Vec<_>>().join("; ")
}

impl Source for Libpcap {
    fn receive(
        &mut self,
        most: Duration,
        each: &mut dyn FnMut(&[Frame<'_>]),
    ) -> Result<usize, Fault> {
        let wrong = !self.unfinished && wait(&self.capture, most)?;
        let before = (self.arena.frames, self.arena.lent);
        self.unfinished = true;
        while self.arena.lent.saturating_sub(before.1) < self.ring {
            let Self { capture, arena, .. } = self;
            let done = capture.dispatch(Some(BATCH), |packet| arena.take(&packet, each));
            arena.lend(each);
            if !matches!(done, Ok(1..)) {
                self.unfinished = false;
                done.map_err(|error| self.fault(&error))?;
                break;
            }
        }
        let frames = self.arena.frames.saturating_sub(before.0);
        if frames == 0 {
            // Of an interface that goes down and away in one go a socket hears once.
            self.device.state()?;
            if wrong && let Some(fault) = pending(&self.capture) {
                return Err(fault);
            }
        }
        Ok(usize::try_from(frames).unwrap_or(usize::MAX))
    }

    fn loss(&mut self) -> Loss {
        if let Ok(drops) = drops(&self.capture.as_fd()) {
            self.loss.ring_full = self.loss.ring_full.saturating_add(drops);
        }
        Loss { cut: self.arena.cut, ..self.loss }
    }
}

impl Libpcap {
    /// What an error means: libpcap has words alone for it.
    fn fault(&self, error: &Error) -> Fault {
        let said = || Fault::Io(std::io::Error::other(text(error)));
        self.device.state().err().or_else(|| pending(&self.capture)).unwrap_or_else(said)
    }
}

/// Frames of a batch, copied.
struct Arena {
    bytes: Vec<u8>,
    places: Vec<Place>,
    link: LinkType,
    /// Frames lent so far,
    frames: u64,
    /// their bytes,
    lent: usize,
    /// and those that were cut short.
    cut: u64,
}

/// One frame; it begins where the one before ends.
#[derive(Clone, Copy)]
struct Place {
    at: Timestamp,
    end: usize,
    wire_len: u32,
}

impl Arena {
    fn new(link: LinkType) -> Self {
        let (bytes, places) = (Vec::with_capacity(ARENA), Vec::with_capacity(BATCH));
        Self { bytes, places, link, frames: 0, lent: 0, cut: 0 }
    }

    /// Copies a packet, and lends what is there when there is no room for it.
    fn take(&mut self, packet: &Packet<'_>, each: &mut dyn FnMut(&[Frame<'_>])) {
        let room = self.bytes.capacity().saturating_sub(self.bytes.len());
        if self.places.len() >= BATCH || packet.data.len() > room {
            self.lend(each);
        }
        self.bytes.extend_from_slice(packet.data);
        // Of nanosecond precision, the field holds nanoseconds.
        let fraction = u32::try_from(packet.header.ts.tv_usec).unwrap_or_default();
        self.places.push(Place {
            at: Timestamp::new(packet.header.ts.tv_sec, fraction),
            end: self.bytes.len(),
            wire_len: packet.header.len,
        });
    }

    fn lend(&mut self, each: &mut dyn FnMut(&[Frame<'_>])) {
        let mut batch = Batch::new();
        let mut start = 0;
        for place in &self.places {
            let Some(bytes) = self.bytes.get(start..place.end) else { continue };
            start = place.end;
            self.frames = self.frames.saturating_add(1);
            if u32::try_from(bytes.len()).is_ok_and(|length| length < place.wire_len) {
                self.cut = self.cut.saturating_add(1);
            }
            batch.push(Frame {
                at: place.at,
                link: self.link,
                wire_len: place.wire_len,
                number: self.frames,
                bytes,
            });
        }
        if !batch.frames().is_empty() {
            each(batch.frames());
        }
        self.lent = self.lent.saturating_add(self.bytes.len());
        self.bytes.clear();
        self.places.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(arena: &mut Arena, length: usize, each: &mut dyn FnMut(&[Frame<'_>])) {
        let ts = libc::timeval { tv_sec: 7, tv_usec: 999_999_999 };
        let caplen = u32::try_from(length).unwrap();
        let header = pcap::PacketHeader { ts, caplen, len: caplen + 1 };
        let data: Vec<_> = (0..length).map(|n| u8::try_from(n & 0xff).unwrap()).collect();
        arena.take(&Packet { header: &header, data: &data }, each);
    }

    #[test]
    fn an_arena_lends_what_it_took() {
        let mut arena = Arena::new(LinkType::Ethernet);
        let mut seen = Vec::new();
        let mut each = |frames: &[Frame<'_>]| {
            assert!((1..=BATCH).contains(&frames.len()));
            seen.extend(frames.iter().map(|f| (f.number, f.at.0, f.wire_len, f.bytes.to_vec())));
        };
        // More than a batch, then more bytes than it has room for.
        let lengths = (0..100).chain([262_144; 10]);
        for length in lengths.clone() {
            take(&mut arena, length, &mut each);
        }
        arena.lend(&mut each);
        arena.lend(&mut each);
        assert_eq!((arena.frames, arena.cut, seen.len()), (110, 110, 110));
        assert_eq!(arena.bytes.capacity(), ARENA, "it never grows");
        for ((number, at, wire_len, bytes), (n, length)) in seen.iter().zip((1..).zip(lengths)) {
            assert_eq!((*number, *at), (n, 7_999_999_999));
            assert_eq!((bytes.len(), usize::try_from(*wire_len).unwrap()), (length, length + 1));
            assert!(bytes.iter().enumerate().all(|(n, &b)| usize::from(b) == n & 0xff));
        }
    }

    #[test]
    fn instructions_are_read_as_they_are_shown() {
        let read = instruction_of("40 0 2 4294963200").unwrap();
        assert_eq!((read.code, read.jt, read.jf, read.k), (40, 0, 2, 4_294_963_200));
        for wrong in ["", "40 0 2", "70000 0 0 0", "1 256 0 0", "1 0 0 x"] {
            assert!(instruction_of(wrong).is_none(), "{wrong}");
        }
    }
}
