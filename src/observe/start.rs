//! Starts of devices: how one is told, and what is done when a network comes up.

use serde::{Deserialize, Serialize};

/// How a start is told; the surer, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// Its network came up after it had been off: told of nobody on the wire, but judged
    /// by [`Arrival`]s and by what was observed before.
    CameUp,
    /// The clock of its connections began anew (RFC 7323 §5.4).
    TcpClock,
    /// A relay says that its firmware asked the network for a system (RFC 1542 §4.1).
    RelayedBoot,
    /// Its agent counts since when it runs (RFC 3418 sysUpTime, RFC 3414 §2.2.2).
    Snmp,
    /// Its file service says since when it runs (MS-SMB2 §2.2.4).
    Smb,
    /// Its firmware asked the network for a system (RFC 4578, RFC 5970, RFC 951): firmware
    /// runs at no other time.
    NetworkBoot,
}

impl Sign {
    /// All, the least sure first.
    pub const ALL: [Self; 6] =
        [Self::CameUp, Self::TcpClock, Self::RelayedBoot, Self::Snmp, Self::Smb, Self::NetworkBoot];
}

/// What a device does when its network comes up, and hardly at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// It looks for a DHCP server, or asks whether the address is still its own that it had
    /// before it was away (RFC 2131 §4.3.2, INIT and INIT-REBOOT).
    Dhcp,
    /// The same of DHCPv6 (RFC 8415 §18.2.1, §18.2.3).
    Dhcpv6,
    /// It asks whether a link-local address is free that it is about to take (RFC 4862 §5.4).
    Address,
    /// It asks for routers without waiting for their word (RFC 4861 §6.3.7).
    Routers,
    /// It asks whether an IPv4 address is free (RFC 5227 §2.1.1).
    ArpProbe,
    /// It claims a `NetBIOS` name (RFC 1002 §4.2.2).
    Netbios,
    /// It asks whether a name is free (RFC 6762 §8.1).
    Mdns,
}

impl Arrival {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Dhcp,
        Self::Dhcpv6,
        Self::Address,
        Self::Routers,
        Self::ArpProbe,
        Self::Netbios,
        Self::Mdns,
    ];
}
