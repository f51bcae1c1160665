//! One protocol, one file, one shape. A protocol is a value: a [`Protocol`] in
//! the sorted registry [`PROTOCOLS`], found by its content, never by its port alone.
//!
//! A dissector reads bytes only through [`Reader`], names the section of the
//! standard beside each field, keeps an allow-list of what may leave it, and says
//! what it found to a [`Sink`]. It knows hosts only as sender and receiver.
//!
//! To add one: a file here, `mod`, and an entry in [`PROTOCOLS`] (`registry.rs`). The golden
//! tests, the robustness tests, the fuzz targets and the benches walk the registry.

mod account;
mod arp;
mod astm;
mod bacnet;
mod ber;
mod bridge;
mod browser;
mod burst;
mod capwap;
mod carescape;
mod cdp;
mod clock;
mod contec;
mod dcerpc;
mod dhcp;
mod dhcpv6;
mod dicom;
mod dns;
mod enip;
mod first_hop;
mod greeting;
mod heads;
mod hl7;
mod http;
mod ike;
mod intellivue;
mod kerberos;
mod known;
mod knx;
mod label;
mod ldap;
pub mod line;
mod lldp;
mod llmnr;
mod mdns;
mod modbus;
mod mqtt;
mod mssql;
mod mysql;
mod nbns;
mod ndp;
mod netbios;
mod ntlm;
mod ntp;
mod openvpn;
mod oracle;
mod package;
mod phd;
mod poct1a;
mod postgres;
mod print_job;
mod profinet;
mod question;
mod quic;
mod radius;
mod rdp;
mod reader;
mod registry;
mod rlogin;
mod rtsp;
mod s7comm;
mod serialbridge;
mod sink;
mod sip;
mod smb;
mod snmp;
mod spectrum;
mod ssdp;
mod ssh;
mod swarm;
mod syn;
mod teamviewer;
mod telnet;
mod terminal;
mod terumo;
mod tls;
mod vidas;
mod vnc;
mod winstr;
mod wireguard;
mod wsd;
mod xml;

use std::net::IpAddr;

pub use question::{Exchange, Question};
pub use reader::{Error, Reader};
pub use registry::PROTOCOLS;
pub use sink::Sink;

use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::Packet;

/// A protocol: what it is called, where it is written down, how it is told and read.
#[derive(Debug)]
pub struct Protocol {
    /// Short lower-case name, unique: `dicom`.
    pub name: &'static str,
    /// The standard: `DICOM PS3.8`.
    pub standard: &'static str,
    /// Every fact key that it can emit.
    pub keys: &'static [Key],
    /// Ports where it usually is: only the order of the questions depends on them.
    pub ports: &'static [u16],
    /// How it is carried and read.
    pub body: Body,
}

/// How a protocol is carried.
#[derive(Debug)]
pub enum Body {
    /// Every packet stands for itself (ARP, NDP, TCP SYN options): `wants` says
    /// from the headers alone whether `read` is called. Asked are only TCP segments
    /// with SYN and packets that are neither TCP nor UDP: a conversation's other
    /// packets are many, and belong to the protocol that it was recognised as.
    Packet {
        /// Cheap test on headers.
        wants: fn(&Packet<'_>) -> bool,
        /// Reads it.
        read: fn(&Packet<'_>, &mut dyn Sink) -> Result<(), Error>,
    },
    /// UDP, one datagram at a time; between them nothing is remembered but questions
    /// ([`Sink::ask`]).
    Datagram {
        /// Looks at the payload; [`Verdict::More`] counts as no here.
        probe: fn(&Packet<'_>) -> Verdict,
        /// Whether the sender is who serves, not who asks; none when the message does
        /// not say and the ports must.
        answers: fn(&Packet<'_>) -> Option<bool>,
        /// Reads one datagram.
        read: fn(&Packet<'_>, &mut dyn Sink) -> Result<(), Error>,
    },
    /// TCP, in order, with memory.
    Stream {
        /// Looks at the first bytes that one side sent.
        probe: fn(&Opening<'_>) -> Verdict,
        /// A fresh dissector for a conversation.
        start: fn() -> Box<dyn Dissector>,
    },
}

/// The first bytes of one direction of a TCP conversation.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// In order, from the first byte seen.
    pub bytes: &'a [u8],
    /// Port of the side that sent them.
    pub src_port: u16,
    /// Port of the other side.
    pub dst_port: u16,
    /// False when the capture joined in the middle of the conversation.
    pub from_start: bool,
}

/// What a probe says of the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this protocol.
    Yes,
    /// It is not, whatever comes.
    No,
    /// Could be; show more bytes from the start.
    More,
}

/// Which side of a TCP conversation sent bytes; a guess when the capture joined late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Opened the connection.
    Client,
    /// Accepted it.
    Server,
}

impl Side {
    /// Of the two, that of this side and that of the other.
    pub fn of<T>(self, client: T, server: T) -> (T, T) {
        match self {
            Self::Client => (client, server),
            Self::Server => (server, client),
        }
    }
}

/// What a dissector did with the bytes it was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This many bytes (at least one) are done with; call again with the rest.
    Consumed(usize),
    /// Nothing consumed: call again when this many bytes from the same start are there.
    /// Asking for more than the flow's buffer cap ends the dissection.
    Need(usize),
    /// Pass over this many bytes from the start without buffering them, and call
    /// again behind them: pixel data, file contents, bodies.
    Skip(u64),
    /// This many bytes are done with and what follows, in both directions, is
    /// another protocol: recognise afresh (TLS after STARTTLS, HTTP CONNECT).
    Restart(usize),
    /// Nothing more to learn from this conversation.
    Done,
}

/// What a dissector wants after bytes were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It will find a message boundary by itself in what follows.
    Resync,
    /// It cannot go on.
    Stop,
}

/// The memory of one TCP conversation in one protocol.
pub trait Dissector: Send {
    /// Reads bytes that `from` sent. They start at the first byte not yet consumed.
    ///
    /// # Errors
    /// The field that is not as the standard says; the conversation is then left alone.
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error>;

    /// Bytes of `from` were lost here. What was asked for by [`Progress::Skip`] is not told.
    fn gap(&mut self, from: Side) -> Recovery {
        let _ = from;
        Recovery::Stop
    }
}

/// Whom an observation is about, in the words of a dissector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The host that sent the bytes being read.
    Sender,
    /// The host that they are for. Only for what the sender knows for certain of it.
    Receiver,
    /// A host named inside the message, in the same segment: a DHCP client by its
    /// `chaddr`, an ARP sender.
    Named {
        /// Its MAC, where known.
        mac: Option<Mac>,
        /// Its address, where known.
        ip: Option<IpAddr>,
    },
}

impl Who {
    /// The card that sent a packet, of which this is known to be its own link.
    fn card(packet: &Packet<'_>) -> Option<Self> {
        let mac = packet.src_mac.filter(|mac| mac.is_unicast());
        mac.map(|mac| Self::Named { mac: Some(mac), ip: None })
    }
}

/// The protocol of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|p| p.name == name)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod torture;

#[cfg(test)]
mod tests {
    use super::PROTOCOLS;

    #[test]
    fn registry_is_sorted_and_keys_carry_their_protocol() {
        assert!(PROTOCOLS.windows(2).all(|w| w[0].name < w[1].name), "keep PROTOCOLS sorted");
        for protocol in PROTOCOLS {
            for key in protocol.keys {
                assert!(key.as_str().contains('.'), "{}: key {key:?}", protocol.name);
            }
        }
    }
}
