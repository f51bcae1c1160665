//! How much is remembered: of all speakers, and of one.

use crate::observe::Key;

/// How much is remembered in all. A university hospital has 15,590 devices, each seen in its
/// own segment and on both legs of its way through routers, and under other addresses next
/// week; and it talks with the Internet. What is beyond is refused and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Speakers: of each some 900 bytes are kept, and as many more while devices are derived.
    pub(super) hosts: usize,
    /// Bytes of facts, addresses, services, peers and descriptions of all of them together: a
    /// hospital of 20,000 devices needs some 60 MB.
    pub(super) bytes: usize,
}

impl Budget {
    /// Of who reads captures: 50,000 devices in 4,094 VLANs whose addresses change for a week.
    pub const FILES: Self = Self { hosts: 1 << 20, bytes: 512 << 20 };

    /// Of a sensor whose process as a whole is to stay below so many MiB, whatever comes. With
    /// 1024 it is seven eighths of 2^18 speakers, which is as full as a hash table gets, and
    /// 128 MiB of what they say.
    #[must_use]
    pub const fn of_process(mebibytes: usize) -> Self {
        let Self { hosts, bytes } = Self::FILES;
        let (some, much) = (mebibytes.saturating_mul(7 << 5), mebibytes.saturating_mul(1 << 17));
        Self {
            hosts: if some < hosts { some } else { hosts },
            bytes: if much < bytes { much } else { bytes },
        }
    }
}

/// Different values kept of one key: an archive accepts some 150 storage classes.
pub(super) const MAX_VALUES: usize = 192;
/// The same of keys that are a table's rows: a stack of eight switches has some 450 ports.
const MAX_ROWS: usize = 512;
const ROWS: &[&str] = &["snmp.bridge_port", "snmp.if_descr", "snmp.if_name", "snmp.lldp_port"];
/// Different keys and values of one speaker.
pub(super) const MAX_FACTS: usize = 3072;
/// Pieces of equipment that one speaker describes, and of which it tells that they were worked
/// with: a gateway of a large hospital has a thousand beds behind it, some with two devices or
/// with one that is described in two ways.
pub(super) const MAX_EQUIPMENT: usize = 2048;
/// Other hosts that one speaker is known to talk with.
pub(super) const MAX_PEERS: usize = 256;
/// Services of one host.
pub(super) const MAX_SERVICES: usize = 128;
/// Addresses that one MAC was seen to hold.
pub(super) const MAX_ADDRESSES: usize = 64;

/// How many different values of a key are kept.
pub(super) fn most(key: &Key) -> usize {
    if ROWS.contains(&key.as_str()) { MAX_ROWS } else { MAX_VALUES }
}
