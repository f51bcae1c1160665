//! The frames of one queue, lent out of the memory that the kernel writes to.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libc::xdp_desc;

use super::super::device::Device;
use super::super::socket::{arrivals, wait};
use super::super::{Fault, Loss, Source};
use super::ring::{Memory, Received};
use super::socket::Socket;
use crate::time::Timestamp;
use crate::wire::capture::{Batch, Frame, LinkType, index};

/// Longest frame that is put together; the rest of a longer one is cut off.
const LONGEST: usize = 64 << 10;
/// Room for the frames of a batch that are put together: a batch of jumbo frames of
/// 9 KiB has 28.
const SCRATCH: usize = 256 << 10;

/// What all sources of an interface hold together; with the last of them it goes.
pub(super) struct Held {
    /// The XDP program is attached for as long as this is open.
    pub(super) _link: OwnedFd,
    /// A packet socket, for promiscuous mode: AF_XDP sockets do not ask for it. What the
    /// program gives to the host comes to it, and is counted: frames of a queue that was
    /// not there when the interface was opened.
    pub(super) passed: OwnedFd,
    pub(super) device: Device,
}

/// One receive queue of an interface.
pub struct XskSource {
    socket: Socket,
    /// Its number; the first one tells what is of no queue.
    queue: u32,
    held: Arc<Held>,
    busy_poll: bool,
    scratch: Box<[u8]>,
    /// Frames lent.
    frames: u64,
    /// Packet time of the last batch.
    last: Timestamp,
    loss: Loss,
}

impl XskSource {
    pub(super) fn new(socket: Socket, queue: u32, held: Arc<Held>, busy_poll: bool) -> Self {
        let scratch = vec![0; SCRATCH].into_boxed_slice();
        let (last, loss) = (Timestamp::default(), Loss::default());
        Self { socket, queue, held, busy_poll, scratch, frames: 0, last, loss }
    }

    /// The time of the frames that are there now. It does not go back when the clock does.
    fn now(&mut self) -> Timestamp {
        #[allow(clippy::disallowed_methods, reason = "the clock is what a live frame's time is")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        self.last = self.last.max(Timestamp::new(seconds, since.subsec_nanos()));
        self.last
    }

    /// Lends one batch out of at most `most` descriptors, and gives their buffers
    /// back. How many descriptors that were.
    fn lend(&mut self, most: u32, each: &mut dyn FnMut(&[Frame<'_>])) -> u32 {
        let at = self.now();
        let Self { socket: Socket { received, memory, .. }, scratch, frames, loss, .. } = self;
        let mut batch = Batch::new();
        let mut room: &mut [u8] = scratch;
        let mut taken: u32 = 0;
        while let Some(pieces) = pieces(received, taken, most) {
            let (bytes, whole) = if pieces == 1 {
                // SAFETY: of the receive ring; given back below, after the batch.
                let bytes = unsafe { memory.bytes(&received.get(taken)) }.unwrap_or_default();
                (bytes, bytes.len())
            } else {
                if room.len() < LONGEST {
                    break;
                }
                let parts = (0..pieces).map(|n| received.get(taken.saturating_add(n)));
                let (length, whole) = join(memory, parts, room);
                let (bytes, left) = room.split_at_mut_checked(length).unwrap_or_default();
                room = left;
                (&*bytes, whole)
            };
            taken = taken.saturating_add(pieces);
            *frames = frames.saturating_add(1);
            if bytes.len() < whole {
                loss.cut = loss.cut.saturating_add(1);
            }
            let wire_len = u32::try_from(whole).unwrap_or(u32::MAX);
            let link = LinkType::Ethernet;
            if !batch.push(Frame { at, link, wire_len, number: *frames, bytes }) {
                break;
            }
        }
        if taken == 0 {
            return 0;
        }
        each(batch.frames());
        self.give_back(taken);
        taken
    }

    /// Gives the buffers of the first descriptors back to the kernel.
    fn give_back(&mut self, count: u32) {
        let Socket { received, fill, chunk, .. } = &mut self.socket;
        // The frame lies somewhere in its buffer.
        let start = !u64::from(chunk.saturating_sub(1));
        fill.give((0..count).map(|n| received.get(n).addr & start));
        received.release(count);
        if self.busy_poll || fill.sleeps() {
            self.socket.wake();
        }
    }

    /// Waits for frames; an error says why none will come.
    fn wait(&mut self, most: Duration) -> Result<(), Fault> {
        if self.busy_poll || self.socket.fill.sleeps() {
            self.socket.wake();
        }
        if self.socket.received.waiting() > 0 {
            return Ok(());
        }
        // An interface that goes down or away is no event for poll(2).
        wait(&self.socket.descriptor, most)?;
        if self.socket.received.waiting() > 0 { Ok(()) } else { self.held.device.state() }
    }
}

impl Source for XskSource {
    fn receive(
        &mut self,
        most: Duration,
        each: &mut dyn FnMut(&[Frame<'_>]),
    ) -> Result<usize, Fault> {
        let mut waiting = self.socket.received.waiting();
        if waiting == 0 {
            self.wait(most)?;
            waiting = self.socket.received.waiting();
        }
        let before = self.frames;
        while waiting > 0 {
            match self.lend(waiting, each) {
                0 => break,
                taken => waiting = waiting.saturating_sub(taken),
            }
        }
        Ok(usize::try_from(self.frames.saturating_sub(before)).unwrap_or(usize::MAX))
    }

    fn loss(&mut self) -> Loss {
        if let Ok(said) = self.socket.statistics() {
            self.loss.ring_full = said.rx_ring_full;
            self.loss.fill_empty = said.rx_fill_ring_empty_descs;
            // A frame that found no buffer is counted as dropped as well.
            let other = said.rx_dropped.saturating_sub(said.rx_fill_ring_empty_descs);
            self.loss.invalid = other.saturating_add(said.rx_invalid_descs);
        }
        if self.queue == 0
            && let Ok(more) = arrivals(&self.held.passed)
        {
            self.loss.passed = self.loss.passed.saturating_add(more);
        }
        self.loss
    }
}

/// Descriptors of the frame that begins `at` this far into the receive ring; none
/// when not all of it is there.
fn pieces(received: &Received, at: u32, most: u32) -> Option<u32> {
    let mut next = at;
    while next < most {
        let last = received.get(next).options & libc::XDP_PKT_CONTD == 0;
        next = next.saturating_add(1);
        if last {
            return next.checked_sub(at);
        }
    }
    None
}

/// Puts a frame together: how many bytes it has in `room`, and how many it had.
fn join(memory: &Memory, parts: impl Iterator<Item = xdp_desc>, room: &mut [u8]) -> (usize, usize) {
    let (mut length, mut whole): (usize, usize) = (0, 0);
    for part in parts {
        whole = whole.saturating_add(index(part.len));
        // SAFETY: of the receive ring; its buffer is given back after the batch.
        let bytes = unsafe { memory.bytes(&part) }.unwrap_or_default();
        let left = room.get_mut(length..LONGEST).unwrap_or_default();
        let taken = bytes.len().min(left.len());
        for (to, from) in left.iter_mut().zip(bytes) {
            *to = *from;
        }
        length = length.saturating_add(taken);
    }
    (length, whole)
}
