//! The hinge between packets and knowledge: what the wire may say about a host.
//!
//! An [`Observed`] borrows from the frame while it is made; it becomes an owned,
//! serialisable [`Observation`] only when it is news (see the flow engine's
//! redundancy cache). Applying one observation twice changes nothing.
//!
//! Nothing of a patient may stand here: a dissector hands over only the elements
//! on its own allow-list.

mod sought;
mod start;
pub mod text;
mod work;

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::net::{HostId, Transport};
use crate::time::Timestamp;

pub use sought::{SWEEPS, SWEPT, Sought, Tried};
pub use start::{Arrival, Sign};
pub use work::{Piece, Study, Use, When, Work};

/// The name of a fact, `protocol.field`, as signatures match on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Cow<'static, str>);

impl Key {
    /// A key known at compile time.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// `protocol.field`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who last logged on at a host, where the site has asked for it.
pub const LAST_USER: Key = Key::new("user.last");

/// How an address came to be known as a host's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lease {
    /// ARP sender fields (RFC 826): on the link, set by whatever means.
    Arp,
    /// IPv6 neighbour discovery (RFC 4861).
    Ndp,
    /// A DHCP server acknowledged it (RFC 2131).
    Dhcp {
        /// Seconds of lease, 0 when not said.
        seconds: u32,
        /// The client had the address before and said so (`ciaddr`, §4.3.2 and §4.4.5).
        renewed: bool,
    },
    /// A network access server accounts for it (RFC 2866: Framed-IP-Address of a station).
    Radius {
        /// Tells the session from others: of its server and its number (§5.5).
        session: u32,
        /// The accounting server has taken note (§4.2), as it does of servers that it knows.
        answered: bool,
    },
    /// A router's or switch's own table says so (RFC 4293 ipNetToPhysical, asked by SNMP).
    Table,
    /// It holds it no more: given back to the DHCP server (RFC 2131 §4.4.6).
    Released,
    /// It does not hold it: another uses what the DHCP server gave it (RFC 2131 §3.1.5).
    Declined,
    /// The session in which it had it is over, says a network access server (RFC 2866 §5.1).
    RadiusEnded {
        /// That of [`Lease::Radius`].
        session: u32,
    },
}

impl Lease {
    /// Whether this ends a hold instead of beginning one.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Released | Self::Declined | Self::RadiusEnded { .. })
    }
}

/// A switch and port that a frame says a host hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SwitchPort<'a> {
    /// Name or address of the switch as the evidence gives it.
    pub switch: Cow<'a, str>,
    /// Port name or number.
    pub port: Cow<'a, str>,
    /// The VLAN it was put into there, where the evidence says (IEEE 802.1Q VLAN id).
    pub vlan: Option<u16>,
    /// Who says so, where that is not the switch by its own address.
    pub by: Option<IpAddr>,
}

/// Whose the described equipment is, as far as the protocol itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The speaker describes itself (a printer's N-GET answer, an MPPS).
    Own,
    /// The creator of the data, who may be another: an image, an HL7 result.
    Creator,
    /// Someone else for certain: data that the speaker only passes on.
    Forwarded,
}

/// A piece of equipment that a message describes, all its facts together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Equipment<'a> {
    /// Whose it is.
    pub origin: Origin,
    /// What was said, in the order of the message; keys as for [`Observed::Fact`].
    pub facts: Cow<'a, [(Key, Cow<'a, str>)]>,
}

/// The part that a host plays in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Opened it.
    Client,
    /// Answered.
    Server,
}

/// One thing that the wire says about one host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observed<'a> {
    /// The host itself sent something; with the TTL or hop limit it arrived with, for IP.
    Present(Option<u8>),
    /// A value for a key, matched by signatures.
    Fact(Key, Cow<'a, str>),
    /// This MAC holds this address.
    Address(IpAddr, Lease),
    /// Where it is plugged in.
    Attached(SwitchPort<'a>),
    /// Equipment that a message of this host describes.
    Equipment(Equipment<'a>),
    /// A protocol that it spoke: transport, the server's port, the name of the protocol, its part.
    Service(Transport, u16, Cow<'a, str>, Role),
    /// It held a two-way conversation with this other host.
    Peer(HostId),
    /// Work was done there, as far as this host says: it may speak of another's.
    Use(Use),
    /// It has been running since then, or for longer: an agent that was started anew tells
    /// a later time than its host.
    Booted(Timestamp, Sign),
    /// It asked others for this port: of 64 bits, each set by about one of 64 who were asked.
    /// What is many is [`SWEPT`]; who sees a part of the traffic sees a part of the bits.
    Asks(u16, u64),
    /// It did what is done when a network comes up.
    Arrives(Arrival),
    /// Work was done at a piece of equipment that it describes, which may be another's.
    UseOf(Piece, Work, When),
    /// It asked others for this and it is known who answered.
    Tries(Sought, Tried),
}

/// How old the images are that it sends, by what they say of themselves: [`FRESH`], [`OLDER`].
pub const SENDS: Key = Key::new("dicom.sends");
/// Made on the day on which they were sent, or the day before.
pub const FRESH: &str = "fresh images";
/// Made days before.
pub const OLDER: &str = "older images";

/// It told of a performed step of which another had told before: the address of that one.
pub const PASSES_ON: Key = Key::new("dicom.passes_on_steps_of");

impl Observed<'_> {
    /// The same, owning its text: the first heap copy of the whole path.
    #[must_use]
    pub fn into_owned(self) -> Observed<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Present(ttl) => Observed::Present(ttl),
            Self::Fact(key, value) => Observed::Fact(key, own(value)),
            Self::Address(ip, lease) => Observed::Address(ip, lease),
            Self::Attached(at) => Observed::Attached(SwitchPort {
                switch: own(at.switch),
                port: own(at.port),
                vlan: at.vlan,
                by: at.by,
            }),
            Self::Equipment(it) => Observed::Equipment(Equipment {
                origin: it.origin,
                facts: it
                    .facts
                    .iter()
                    .map(|(k, v)| (k.clone(), Cow::Owned(v.to_string())))
                    .collect(),
            }),
            Self::Service(transport, port, name, role) => {
                Observed::Service(transport, port, own(name), role)
            }
            Self::Peer(host) => Observed::Peer(host),
            Self::Use(it) => Observed::Use(it),
            Self::Booted(at, sign) => Observed::Booted(at, sign),
            Self::Asks(port, of) => Observed::Asks(port, of),
            Self::Arrives(how) => Observed::Arrives(how),
            Self::UseOf(piece, work, when) => Observed::UseOf(piece, work, when),
            Self::Tries(sought, tried) => Observed::Tries(sought, tried),
        }
    }
}

/// An observation with its place in the traffic: the unit that leaves the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Packet time.
    pub at: Timestamp,
    /// Number of the frame in its capture, from 1.
    pub frame: u64,
    /// Whom it is about.
    pub host: HostId,
    /// What was seen.
    pub what: Observed<'static>,
}
