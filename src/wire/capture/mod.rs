//! Where frames come from. A [`Source`] lends each batch of frames to a closure;
//! nothing is copied on the way. The only `unsafe` of the crate is in here.

use crate::time::Timestamp;

/// What the first byte of a frame is (the LINKTYPE registry of pcap).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// 1: IEEE 802.3.
    Ethernet,
    /// 101, and 228/229: an IP header.
    RawIp,
    /// 0 and 108: a 4-byte address family in host or network order, then IP.
    Null,
    /// 113: Linux cooked v1, 16 bytes.
    Cooked,
    /// 276: Linux cooked v2, 20 bytes.
    Cooked2,
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
