//! What a host asks others for, and who of them answers.

use std::fmt;
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use super::Key;

/// So many bits of 64 are many who were asked: some twenty others set them.
pub const SWEPT: u32 = 17;

/// How many others were asked: a port of TCP within a minute, or what [`Sought`] displays.
pub const SWEEPS: Key = Key::new("network.sweeps");

/// What others are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sought {
    /// A connection to this port.
    Tcp(u16),
    /// An answer from this port.
    Udp(u16),
    /// An echo (RFC 792, RFC 4443 §4.1).
    Echo,
    /// Who holds an address of the link (RFC 826). One address of four sets a bit: a link has
    /// few hundred.
    Arp,
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp/{port}"),
            Self::Udp(port) => write!(f, "udp/{port}"),
            Self::Echo => f.write_str("echo"),
            Self::Arp => f.write_str("arp"),
        }
    }
}

/// Who answered and who did not, in bits of which each is set by about one of 64 who were
/// asked. Who sees a part of the traffic sees a part of the bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tried {
    /// Those who did not answer, or refused.
    pub vain: u64,
    /// Those who did.
    pub answered: u64,
    /// Something came back, be it a refusal or an echo: answers to it pass by the sensor.
    pub heard: bool,
}

impl BitOr for Tried {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            vain: self.vain | other.vain,
            answered: self.answered | other.answered,
            heard: self.heard || other.heard,
        }
    }
}
