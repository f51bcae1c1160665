//! Network cards of one device.
//!
//! Only what a device says of itself joins its cards: the chassis that its LLDP frames
//! name (IEEE 802.1AB §8.5.2), whose every port sends with an address of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::census::host::Host;
use crate::net::{HostId, Mac};

/// Each card and the one that its device is named after: the chassis' own where LLDP
/// gives it, else the lowest.
pub(super) fn of_one_device<'a>(
    hosts: impl Iterator<Item = (&'a HostId, &'a Host)> + Clone,
) -> BTreeMap<Mac, Mac> {
    let mut chassis: BTreeMap<&str, BTreeSet<Mac>> = BTreeMap::new();
    for (id, host) in hosts.clone() {
        let Some(mac) = id.mac else { continue };
        for name in host.values("lldp.chassis_id") {
            chassis.entry(name).or_default().insert(mac);
        }
    }
    let mut cards = BTreeMap::new();
    let mut leases: Option<BTreeMap<String, Vec<Mac>>> = None;
    for (name, mut macs) in chassis {
        let own = name.parse::<Mac>().ok().filter(|mac| mac.is_unicast());
        if own.is_none() {
            // A name given by hand may be given twice: then the addresses must be of one block.
            let Some(first) = macs.first().copied() else { continue };
            macs.retain(|mac| block(*mac) == block(first));
            // The same name in a lease, and a neighbouring address: the management port.
            let leases = leases.get_or_insert_with(|| by_name(hosts.clone()));
            let same = leases.get(&name.to_ascii_lowercase()).into_iter().flatten();
            macs.extend(same.copied().filter(|mac| block(*mac) == block(first)));
        }
        let Some(named) = own.or_else(|| macs.first().copied()) else { continue };
        cards.extend(macs.into_iter().map(|mac| (mac, named)));
    }
    cards
}

/// Cards by the name in their lease, in lower case: asked for as often as chassis have names.
fn by_name<'a>(hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) -> BTreeMap<String, Vec<Mac>> {
    let mut leases: BTreeMap<String, Vec<Mac>> = BTreeMap::new();
    for (id, host) in hosts {
        for (mac, name) in
            id.mac.iter().flat_map(|mac| host.values("dhcp.hostname").map(move |n| (mac, n)))
        {
            leases.entry(name.to_ascii_lowercase()).or_default().push(*mac);
        }
    }
    leases
}

/// The first five octets: cards of one device are numbered one after the other.
const fn block(mac: Mac) -> [u8; 5] {
    let [a, b, c, d, e, _] = mac.0;
    [a, b, c, d, e]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::{Evidence, Said};
    use crate::census::room::Room;
    use crate::observe::Key;
    use crate::time::Timestamp;

    fn host(last: u8, key: &'static str, value: &str) -> (HostId, Host) {
        let mut host = Host::new(Timestamp(0));
        let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
        host.learn(Key::new(key), value.into(), said, &mut Room::default());
        (HostId { mac: Some(Mac([0, 1, 2, 3, 4, last])), ..HostId::default() }, host)
    }

    fn joined(hosts: &[(HostId, Host)]) -> Vec<(u8, u8)> {
        let cards = of_one_device(hosts.iter().map(|(id, host)| (id, host)));
        cards.into_iter().map(|(card, device)| (card.0[5], device.0[5])).collect()
    }

    #[test]
    fn ports_that_name_one_chassis_are_one_switch() {
        let of = |last| host(last, "lldp.chassis_id", "00:01:02:03:04:40");
        assert_eq!(joined(&[of(0x7f), of(0x7e)]), [(0x7e, 0x40), (0x7f, 0x40)]);
    }

    #[test]
    fn a_chassis_with_a_name_is_joined_with_the_lease_of_that_name() {
        let ports = [host(9, "lldp.chassis_id", "sw-1"), host(13, "lldp.chassis_id", "sw-1")];
        let lease = host(5, "dhcp.hostname", "SW-1");
        let [a, b] = ports;
        assert_eq!(joined(&[lease, a, b]), [(5, 5), (9, 5), (13, 5)]);
    }

    #[test]
    fn a_name_alone_joins_nobody() {
        assert!(joined(&[host(9, "dhcp.hostname", "a"), host(5, "dhcp.hostname", "a")]).is_empty());
        let mut far = host(9, "lldp.chassis_id", "sw-1");
        far.0.mac = Some(Mac([0, 1, 2, 9, 9, 9]));
        let near = host(5, "lldp.chassis_id", "sw-1");
        assert_eq!(joined(&[near, far]), [(5, 5)]);
    }
}
