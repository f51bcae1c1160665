//! AF_PACKET with a memory-mapped ring (TPACKET_V3): works on every interface of
//! every Linux, one copy by the kernel. Several sockets share an interface by a
//! symmetric hash of each frame's addresses and ports (PACKET_FANOUT), so that both
//! directions of a conversation come to one worker.
//!
//! The kernel takes VLAN tags out of frames and hands them over beside; here they are
//! put back where they were.

use std::io;
use std::mem::size_of;
use std::os::fd::OwnedFd;
use std::time::Duration;

use libc::c_int;

use super::device::Device;
use super::ring::Ring;
use super::socket::{
    bind, drops, index_of, packet_socket, pending, promiscuous, set, wait, without_ring,
};
use super::{Fault, Filter, Loss, OpenError, Source};
use crate::time::Timestamp;
use crate::wire::capture::{BATCH, Batch, Frame, LinkType};

/// Bytes of a block: the unit in which the kernel hands frames over. The longest
/// frame, 256 KiB, fits.
const BLOCK: u32 = 1 << 20;
/// The kernel wants frames of a fixed size to be countable, and packs them all the same.
const FRAME: u32 = 2048;
/// Milliseconds after which a block that is not full is handed over.
const HAND_OVER: u32 = 20;
/// Bytes kept free before each frame for a VLAN tag that is put back.
const TAG: u32 = 4;

/// How often an interface can be opened again without the right to make sockets,
const TIMES: u16 = 16;
/// unless it has so many queues that this many sockets do not last as long.
const MOST_SPARES: u16 = 128;

/// How to open an interface.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sockets that share the interface, one for each worker.
    pub queues: u16,
    /// Bytes of each socket's ring.
    pub ring: usize,
}

impl Default for Options {
    /// One queue; 64 MiB last for 50 ms of a full 10 Gb/s link.
    fn default() -> Self {
        Self { queues: 1, ring: 64 << 20 }
    }
}

/// One socket with its ring.
pub struct AfPacket {
    socket: OwnedFd,
    ring: Ring,
    device: Device,
    /// The block that comes next.
    next: usize,
    frames: u64,
    loss: Loss,
}

/// Opens all queues of an interface; frames come from now on, those that the filter
/// keeps.
///
/// # Errors
/// No such interface, missing rights, no memory for the ring.
pub fn open(
    interface: &str,
    options: Options,
    filter: Option<&Filter>,
) -> Result<Vec<AfPacket>, OpenError> {
    let index = index_of(interface).ok_or_else(|| OpenError::missing(interface))?;
    let sockets = (0..options.queues.max(1)).map(|_| filtered_socket(filter)).collect();
    let sockets: io::Result<Vec<_>> = sockets;
    sockets
        .and_then(|sockets| furnish(sockets, options.ring).map_err(|(_, error)| error))
        .and_then(|furnished| begin(interface, index, furnished))
        .map_err(|error| OpenError::from_io(interface, "AF_PACKET", error))
}

/// The filter is there before the first frame is.
fn filtered_socket(filter: Option<&Filter>) -> io::Result<OwnedFd> {
    let socket = packet_socket()?;
    filter.map_or(Ok(()), |filter| filter.attach(&socket))?;
    Ok(socket)
}

/// Packet sockets in reserve, bound to nothing. A new one needs `CAP_NET_RAW`, to bind
/// one does not: with these an interface that was removed and is back is opened again
/// after all rights were given up.
#[derive(Default)]
pub struct Spares(Vec<OwnedFd>);

impl Spares {
    /// Enough to open an interface of so many queues several times, with this filter.
    ///
    /// # Errors
    /// Missing rights, or too many open files.
    pub fn new(interface: &str, queues: u16, filter: Option<&Filter>) -> Result<Self, OpenError> {
        let queues = queues.max(1);
        let times = MOST_SPARES.checked_div(queues).unwrap_or_default().clamp(1, TIMES);
        (0..queues.saturating_mul(times))
            .map(|_| filtered_socket(filter))
            .collect::<io::Result<_>>()
            .map(Self)
            .map_err(|error| OpenError::from_io(interface, "AF_PACKET", error))
    }

    /// Opens all queues of an interface with sockets in reserve.
    ///
    /// # Errors
    /// No such interface, none left, no memory for the ring.
    pub fn open(&mut self, interface: &str, options: Options) -> Result<Vec<AfPacket>, OpenError> {
        let index = index_of(interface).ok_or_else(|| OpenError::missing(interface))?;
        let from = self.0.len().checked_sub(usize::from(options.queues.max(1)));
        let from = from.ok_or_else(|| OpenError::spent(interface))?;
        furnish(self.0.split_off(from), options.ring)
            .map_err(|(sockets, error)| {
                self.0.extend(sockets);
                error
            })
            .and_then(|furnished| begin(interface, index, furnished))
            .map_err(|error| OpenError::from_io(interface, "AF_PACKET", error))
    }
}

/// A socket and its ring.
type Furnished = (OwnedFd, Ring);

/// Gives each socket its ring; otherwise the sockets as they were, and why.
fn furnish(
    sockets: Vec<OwnedFd>,
    size: usize,
) -> Result<Vec<Furnished>, (Vec<OwnedFd>, io::Error)> {
    let mut rings = Vec::new();
    for socket in &sockets {
        match ring(socket, size) {
            Ok(ring) => rings.push(ring),
            Err(error) => {
                drop(rings);
                let bare = |socket: &OwnedFd| without_ring(socket).is_ok();
                return Err((sockets.into_iter().filter(bare).collect(), error));
            }
        }
    }
    Ok(sockets.into_iter().zip(rings).collect())
}

/// Binds sockets to an interface; several share it.
fn begin(interface: &str, index: c_int, furnished: Vec<Furnished>) -> io::Result<Vec<AfPacket>> {
    let group = if furnished.len() > 1 { Some(fanout_group(index)) } else { None };
    furnished.into_iter().map(|(s, ring)| AfPacket::new(interface, index, s, ring, group)).collect()
}

/// A number for the fan-out group that no other process is likely to have.
fn fanout_group(index: c_int) -> u32 {
    let own = std::process::id() ^ u32::try_from(index).unwrap_or_default().rotate_left(8);
    own & 0xffff
}

/// Gives a socket its ring.
fn ring(socket: &OwnedFd, size: usize) -> io::Result<Ring> {
    let level = libc::SOL_PACKET;
    let version = libc::tpacket_versions::TPACKET_V3;
    set(socket, level, libc::PACKET_VERSION, &version)?;
    set(socket, level, libc::PACKET_RESERVE, &TAG)?;
    // What this host sends is not what the mirror shows; older kernels lack the option.
    let _ = set(socket, level, libc::PACKET_IGNORE_OUTGOING, &1_i32);
    let blocks = u32::try_from(size).unwrap_or(u32::MAX).div_ceil(BLOCK).max(2);
    let request = libc::tpacket_req3 {
        tp_block_size: BLOCK,
        tp_block_nr: blocks,
        tp_frame_size: FRAME,
        tp_frame_nr: (BLOCK / FRAME).saturating_mul(blocks),
        tp_retire_blk_tov: HAND_OVER,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set(socket, level, libc::PACKET_RX_RING, &request)?;
    Ring::map(socket, usize_of(BLOCK), usize_of(blocks))
}

impl AfPacket {
    fn new(
        interface: &str,
        index: c_int,
        socket: OwnedFd,
        ring: Ring,
        group: Option<u32>,
    ) -> io::Result<Self> {
        promiscuous(&socket, index)?;
        bind(&socket, index)?;
        if let Some(group) = group {
            let how = group | libc::PACKET_FANOUT_HASH << 16;
            set(&socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &how)?;
        }
        let device = Device::find(interface)?;
        Ok(Self { socket, ring, device, next: 0, frames: 0, loss: Loss::default() })
    }
}

impl Source for AfPacket {
    fn receive(
        &mut self,
        most: Duration,
        each: &mut dyn FnMut(&[Frame<'_>]),
    ) -> Result<usize, Fault> {
        if !self.ring.is_ours(self.next) {
            let wrong = wait(&self.socket, most)?;
            if !self.ring.is_ours(self.next) {
                // Of an interface that goes down and away in one go a socket hears once.
                self.device.state()?;
                return if wrong { pending(&self.socket).map_or(Ok(0), Err) } else { Ok(0) };
            }
        }
        let before = self.frames;
        for _ in 0..self.ring.blocks() {
            if !self.ring.is_ours(self.next) {
                break;
            }
            let Self { ring, frames, loss, next, .. } = self;
            ring.lend(*next, |block| walk(block, frames, loss, each));
            self.next = self.next.saturating_add(1);
            if self.next >= self.ring.blocks() {
                self.next = 0;
            }
        }
        Ok(usize::try_from(self.frames.saturating_sub(before)).unwrap_or(usize::MAX))
    }

    fn loss(&mut self) -> Loss {
        if let Ok(drops) = drops(&self.socket) {
            self.loss.ring_full = self.loss.ring_full.saturating_add(drops);
        }
        self.loss
    }
}

/// One frame of a block, as its `tpacket3_hdr` says.
#[derive(Clone, Copy, Default)]
struct Place {
    at: Timestamp,
    start: usize,
    length: usize,
    wire_len: u32,
}

/// Lends all frames of a block.
fn walk(block: &mut [u8], frames: &mut u64, loss: &mut Loss, each: &mut dyn FnMut(&[Frame<'_>])) {
    // tpacket_block_desc: num_pkts and offset_to_first_pkt.
    let mut left = word(block, 12);
    let mut at = usize_of(word(block, 16));
    while left > 0 {
        // Tags are put back first: what is lent is not written to any more.
        let mut places = [Place::default(); BATCH];
        let mut found: usize = 0;
        for place in &mut places {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(1);
            let next = usize_of(word(block, at));
            if let Some(it) = read(block, at) {
                *place = it;
                found = found.saturating_add(1);
            }
            at = at.saturating_add(next);
            if next == 0 {
                left = 0;
            }
        }
        let mut batch = Batch::new();
        for place in places.iter().take(found) {
            let end = place.start.saturating_add(place.length);
            let Some(bytes) = block.get(place.start..end) else { continue };
            *frames = frames.saturating_add(1);
            if usize_of(place.wire_len) > bytes.len() {
                loss.cut = loss.cut.saturating_add(1);
            }
            batch.push(Frame {
                at: place.at,
                link: LinkType::Ethernet,
                wire_len: place.wire_len,
                number: *frames,
                bytes,
            });
        }
        if !batch.frames().is_empty() {
            each(batch.frames());
        }
    }
}

/// Reads the header at `at` and puts the VLAN tag of its frame back.
fn read(block: &mut [u8], at: usize) -> Option<Place> {
    let field = |offset: usize| at.saturating_add(offset);
    let status = word(block, field(20));
    let mut start = at.checked_add(usize::from(half(block, field(24))))?;
    let mut length = usize_of(word(block, field(12)));
    let mut wire_len = word(block, field(16));
    block.get(start..start.checked_add(length)?)?;
    let seconds = i64::from(word(block, field(4)));
    let time = Timestamp::new(seconds, word(block, field(8)));
    if status & libc::TP_STATUS_VLAN_VALID != 0 && length >= 12 {
        let tci = u16::try_from(word(block, field(32)) & 0xffff).unwrap_or_default();
        let tpid = match status & libc::TP_STATUS_VLAN_TPID_VALID {
            0 => 0x8100,
            _ => half(block, field(36)),
        };
        let tag = usize_of(TAG);
        let before = start.checked_sub(tag).filter(|&b| b >= at.saturating_add(HEADER))?;
        block.copy_within(start..start.checked_add(12)?, before);
        let [t0, t1] = tpid.to_be_bytes();
        let [v0, v1] = tci.to_be_bytes();
        let gap = before.checked_add(12)?;
        block.get_mut(gap..gap.checked_add(tag)?)?.copy_from_slice(&[t0, t1, v0, v1]);
        start = before;
        length = length.saturating_add(tag);
        wire_len = wire_len.saturating_add(TAG);
    }
    Some(Place { at: time, start, length, wire_len })
}

/// Length of a frame's header in the ring.
const HEADER: usize = size_of::<libc::tpacket3_hdr>();

fn word(block: &[u8], at: usize) -> u32 {
    let bytes = block.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn half(block: &[u8], at: usize) -> u16 {
    let bytes = block.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

fn usize_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with one frame, as the kernel lays it out.
    fn block(status: u32, tci: u16, tpid: u16, frame: &[u8]) -> Vec<u8> {
        let (first, mac) = (48_usize, 88_usize);
        let mut block = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(12, &1_u32.to_ne_bytes());
        put(16, &48_u32.to_ne_bytes());
        let length = u32::try_from(frame.len()).unwrap();
        put(first + 4, &1_700_000_000_u32.to_ne_bytes());
        put(first + 8, &5_u32.to_ne_bytes());
        put(first + 12, &length.to_ne_bytes());
        put(first + 16, &(length + 10).to_ne_bytes());
        put(first + 20, &status.to_ne_bytes());
        put(first + 24, &88_u16.to_ne_bytes());
        put(first + 32, &u32::from(tci).to_ne_bytes());
        put(first + 36, &tpid.to_ne_bytes());
        put(first + mac, frame);
        block
    }

    fn lent(block: &mut [u8]) -> (Vec<(i64, u32, Vec<u8>)>, Loss) {
        let (mut frames, mut loss, mut all) = (0, Loss::default(), Vec::new());
        walk(block, &mut frames, &mut loss, &mut |batch| {
            all.extend(batch.iter().map(|f| (f.at.0, f.wire_len, f.bytes.to_vec())));
        });
        assert_eq!(usize::try_from(frames).unwrap(), all.len());
        (all, loss)
    }

    const FRAME: &[u8] = b"ddddddssssss\x08\x00payload";

    #[test]
    fn a_frame_comes_as_it_was() {
        let (all, loss) = lent(&mut block(libc::TP_STATUS_USER, 0, 0, FRAME));
        assert_eq!(all, [(1_700_000_000_000_000_005, 31, FRAME.to_vec())]);
        assert_eq!(loss.cut, 1, "ten bytes of it are missing");
    }

    #[test]
    fn a_tag_goes_back_where_it_was() {
        let valid = libc::TP_STATUS_VLAN_VALID;
        let (all, _) = lent(&mut block(valid, 0x2065, 0, FRAME));
        assert_eq!(all[0].2, b"ddddddssssss\x81\x00\x20\x65\x08\x00payload");
        assert_eq!(all[0].1, 35);
        let both = valid | libc::TP_STATUS_VLAN_TPID_VALID;
        let (all, _) = lent(&mut block(both, 7, 0x88a8, FRAME));
        assert_eq!(all[0].2, b"ddddddssssss\x88\xa8\x00\x07\x08\x00payload");
    }

    #[test]
    fn a_block_that_makes_no_sense_is_left() {
        let good = block(libc::TP_STATUS_VLAN_VALID, 7, 0, FRAME);
        for at in 8..136 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let (all, _) = lent(&mut bad);
                assert!(all.iter().all(|(.., bytes)| bytes.len() <= 4096));
            }
        }
        for length in 0..200 {
            lent(&mut good[..length].to_vec());
        }
    }
}
