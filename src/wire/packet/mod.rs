//! A frame becomes a [`Packet`]: link, VLANs, mirror tunnels, IP, transport.
//!
//! ```text
//!  Frame ▸ slice (link ▸ ip ▸ tunnel ▸ …) ▸ duplicate ▸ fragment ▸ Sight
//!          └────── stateless ─────────┘   └───── Front ─────────┘
//! ```
//!
//! [`slice()`] reads headers and copies nothing; [`Front`] adds what needs memory:
//! which packets a mirror showed twice, and datagrams that came in fragments.

pub mod duplicate;
pub mod fragment;
mod front;
mod ip;
mod link;
mod slice;
mod tunnel;

#[cfg(test)]
mod samples;

pub use front::{Counts, Front, Sight, Verdict};
pub use slice::{Fragment, Sliced, slice};

use std::net::IpAddr;

use crate::net::{Mac, Segment};
use crate::time::Timestamp;

/// TCP flag bits (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Acknowledgement field is significant.
    pub const ACK: u8 = 0x10;

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub const fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

/// What the IP payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer4<'a> {
    /// RFC 9293. `options` are the raw bytes after the fixed 20.
    Tcp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
        /// Sequence number.
        seq: u32,
        /// Acknowledgement number.
        ack: u32,
        /// Flags.
        flags: TcpFlags,
        /// Window as sent, unscaled.
        window: u16,
        /// Option bytes.
        options: &'a [u8],
    },
    /// RFC 768.
    Udp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
    },
    /// ICMPv4 (RFC 792); the payload starts at the type byte.
    Icmp,
    /// ICMPv6 (RFC 4443); the payload starts at the type byte.
    Icmp6,
    /// Another IP protocol, by number.
    Other(u8),
    /// A fragment of a datagram that is not whole (the payload is the fragment), or no IP at all.
    None,
}

/// The network layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer3 {
    /// IPv4 or IPv6.
    Ip {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// Time to live or hop limit as seen.
        ttl: u8,
        /// IPv4 identification; 0 for IPv6.
        id: u16,
        /// IPv4 don't-fragment bit; true for IPv6.
        dont_fragment: bool,
    },
    /// RFC 826; the payload is the ARP body.
    Arp,
    /// Anything else, by EtherType; the payload is what follows it. 0 for 802.3 frames with an
    /// LLC header (IEEE 802.2), whose payload starts at the DSAP, and for what could not be read.
    Other(u16),
}

/// A frame with its headers read. `payload` is what follows the last header that
/// could be read: application bytes for TCP and UDP.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Packet time.
    pub at: Timestamp,
    /// Number of the frame in its capture, from 1.
    pub frame: u64,
    /// Bytes on the wire, of the whole frame; inside a tunnel, of the inner frame or packet.
    pub wire_len: u32,
    /// Where it was seen.
    pub segment: Segment,
    /// Source MAC; none without an Ethernet header.
    pub src_mac: Option<Mac>,
    /// Destination MAC; none without an Ethernet header.
    pub dst_mac: Option<Mac>,
    /// Network layer.
    pub l3: Layer3,
    /// Transport layer.
    pub l4: Layer4<'a>,
    /// What follows.
    pub payload: &'a [u8],
    /// True when the capture or the datagram ended before the header said so.
    pub cut: bool,
}

impl Packet<'_> {
    /// Source and destination ports; none but for TCP and UDP.
    #[must_use]
    pub const fn ports(&self) -> Option<(u16, u16)> {
        match self.l4 {
            Layer4::Tcp { src, dst, .. } | Layer4::Udp { src, dst } => Some((src, dst)),
            _ => None,
        }
    }

    /// Source and destination IP addresses; none for other network layers.
    #[must_use]
    pub const fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self.l3 {
            Layer3::Ip { src, dst, .. } => Some((src, dst)),
            _ => None,
        }
    }
}
