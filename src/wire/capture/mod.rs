//! Where frames come from: capture files and live interfaces. Each batch of frames is
//! lent to a closure; nothing is copied on the way. The only `unsafe` of the crate is
//! in here.
//!
//! ```text
//!  path ▸ open ▸ gz, zst, plain ▸ window of bytes ▸ pcap, pcapng walk ▸ ≤ 64 frames ▸ closure
//!         file   window           (bounded)         (headers only)       (lent)
//! ```

#[allow(unsafe_code, reason = "prefetch hints")]
mod ahead;
mod error;
mod file;
pub mod live;
mod pcap;
mod pcapng;
pub mod privilege;
mod window;

#[cfg(test)]
mod testing;

pub use ahead::ask_for;
pub use error::{Broken, Codec, OpenError, Reason};
pub use file::{File, parse_bytes};

use crate::time::Timestamp;

/// What the first byte of a frame is (the LINKTYPE registry of pcap).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// 1: IEEE 802.3.
    Ethernet,
    /// 101 and 228/229, and 12/14 as some systems wrote it: an IP header.
    RawIp,
    /// 0 and 108: a 4-byte address family in host or network order, then IP.
    Null,
    /// 113: Linux cooked v1, 16 bytes.
    Cooked,
    /// 276: Linux cooked v2, 20 bytes.
    Cooked2,
}

impl LinkType {
    /// The link type of a number of the LINKTYPE registry; none for those not read here.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            0 | 108 => Self::Null,
            113 => Self::Cooked,
            276 => Self::Cooked2,
            _ => return None,
        })
    }
}

/// One captured frame, lent for the time of a closure.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Packet time.
    pub at: Timestamp,
    /// How to read `bytes`.
    pub link: LinkType,
    /// Length on the wire; more than `bytes.len()` when the capture cut it.
    pub wire_len: u32,
    /// Number of the frame in its capture, from 1.
    pub number: u64,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// Frames handed over at once: enough to hide the latency of memory behind prefetching.
pub const BATCH: usize = 64;

/// How far a capture has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file read; of a compressed file, compressed bytes.
    pub bytes: u64,
    /// Bytes of the file in all; none for a pipe.
    pub total: Option<u64>,
    /// Frames delivered.
    pub frames: u64,
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames delivered.
    pub frames: u64,
    /// Bytes of the uncompressed capture that were read.
    pub bytes: u64,
    /// Frames not delivered because their link type is not read here (pcapng).
    pub skipped: u64,
    /// The link type of the first of them.
    pub skipped_link: Option<u16>,
}

/// Up to [`BATCH`] frames on their way to the closure.
struct Batch<'a> {
    frames: [Frame<'a>; BATCH],
    len: usize,
}

impl<'a> Batch<'a> {
    const fn new() -> Self {
        let none = Frame {
            at: Timestamp(0),
            link: LinkType::Ethernet,
            wire_len: 0,
            number: 0,
            bytes: &[],
        };
        Self { frames: [none; BATCH], len: 0 }
    }

    /// Takes a frame; false when there is no room for one more.
    fn push(&mut self, frame: Frame<'a>) -> bool {
        if let Some(slot) = self.frames.get_mut(self.len) {
            *slot = frame;
            self.len = self.len.saturating_add(1);
        }
        self.len < BATCH
    }

    fn frames(&self) -> &[Frame<'a>] {
        self.frames.get(..self.len).unwrap_or_default()
    }
}

/// Why a walk over a window ended.
enum Step {
    /// The batch is full.
    Full,
    /// The next item needs this many bytes, and the window has fewer.
    Need {
        /// From where the walk stopped.
        bytes: usize,
        /// What is being read.
        item: &'static str,
    },
    /// Pass over this many bytes without looking at them.
    Skip(u64),
    /// The capture is corrupt here.
    Bad(Reason),
}

/// Order of the bytes of a number in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl Order {
    const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Big => u64::from_be_bytes(bytes),
            Self::Little => u64::from_le_bytes(bytes),
        }
    }
}

/// The longest frame that is believed: the largest snapshot length that tcpdump and
/// Wireshark set. A longer one is a corrupt length, not a packet.
pub const LONGEST_FRAME: u32 = 256 * 1024;

/// A capture that names a longer snapshot length is believed up to here.
const LONGEST_SNAPLEN: u32 = 1024 * 1024;

/// Longest frame to believe in a capture whose header names this snapshot length.
fn longest_frame(snaplen: u32) -> u32 {
    if snaplen <= LONGEST_SNAPLEN { snaplen.max(LONGEST_FRAME) } else { LONGEST_FRAME }
}

/// A 32-bit length as an index; saturates where a pointer is narrower.
fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A length as a file offset.
fn offset(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
