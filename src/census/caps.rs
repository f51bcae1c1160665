//! How much is remembered of one speaker.

use crate::observe::Key;

/// Different values kept of one key: an archive accepts some 150 storage classes.
pub(super) const MAX_VALUES: usize = 192;
/// The same of keys that are a table's rows: a stack of eight switches has some 450 ports.
const MAX_ROWS: usize = 512;
const ROWS: &[&str] = &["snmp.bridge_port", "snmp.if_descr", "snmp.if_name", "snmp.lldp_port"];
/// Different keys and values of one speaker.
pub(super) const MAX_FACTS: usize = 3072;
/// Pieces of equipment that one speaker describes: the devices behind a gateway.
pub(super) const MAX_EQUIPMENT: usize = 512;
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
