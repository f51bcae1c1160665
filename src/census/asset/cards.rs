//! Network cards of one device, by the chassis that it names.
//!
//! Only what a device says of itself joins its cards: the chassis in its LLDP frames
//! (IEEE 802.1AB §8.5.2), whose every port sends with an address of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::group::{Group, Groups};
use super::identity::Identity;
use crate::net::Mac;

/// The fact that names the chassis.
pub(super) const CHASSIS: &str = "lldp.chassis_id";

/// Places of cards by chassis.
type Ports<'a> = BTreeMap<&'a str, BTreeMap<Mac, usize>>;

/// The places of those groups that are ports of one chassis.
pub(super) fn of_one_device(groups: &Groups<'_>) -> Vec<BTreeSet<usize>> {
    let mut ports = Ports::new();
    for (at, group) in groups.all.iter().enumerate() {
        let Some(mac) = group.identity.mac() else { continue };
        for name in values(group, CHASSIS) {
            ports.entry(name).or_default().insert(mac, at);
        }
    }
    let mut leases: Option<BTreeMap<String, BTreeMap<Mac, usize>>> = None;
    let mut found = Vec::new();
    for (name, ports) in ports {
        let mut places: BTreeSet<usize> = match name
            .parse()
            .ok()
            .filter(|mac: &Mac| mac.is_unicast())
        {
            Some(own) => {
                let card = groups.at(&Identity::Mac(own));
                // Nobody becomes a part of a card that does not say so itself and is of
                // another maker.
                let agrees = ports.contains_key(&own);
                let same = |mac: &Mac| agrees || mac.0[..3] == own.0[..3];
                ports.iter().filter(|(mac, _)| same(mac)).map(|(_, at)| *at).chain(card).collect()
            }
            None => {
                // A name given by hand may be given twice: then the addresses must be of
                // one block.
                let Some(first) = ports.keys().next().map(|mac| block(*mac)) else { continue };
                // The same name in a lease, and a neighbouring address: the management port.
                let leases = leases.get_or_insert_with(|| by_name(groups));
                let same = leases.get(&name.to_ascii_lowercase()).into_iter().flatten();
                let near = ports.iter().chain(same).filter(|(mac, _)| block(**mac) == first);
                near.map(|(_, at)| *at).collect()
            }
        };
        if places.len() > 1 {
            found.push(std::mem::take(&mut places));
        }
    }
    found
}

/// Cards by the name in their lease, in lower case: asked for as often as chassis have names.
fn by_name(groups: &Groups<'_>) -> BTreeMap<String, BTreeMap<Mac, usize>> {
    let mut leases: BTreeMap<String, BTreeMap<Mac, usize>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        let Some(mac) = group.identity.mac() else { continue };
        for name in values(group, "dhcp.hostname") {
            leases.entry(name.to_ascii_lowercase()).or_default().insert(mac, at);
        }
    }
    leases
}

fn values<'a>(group: &Group<'a>, key: &'static str) -> impl Iterator<Item = &'a str> {
    group.hosts.iter().flat_map(move |(_, host)| host.values(key))
}

/// The first five octets: cards of one device are numbered one after the other.
const fn block(mac: Mac) -> [u8; 5] {
    let [a, b, c, d, e, _] = mac.0;
    [a, b, c, d, e]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::asset::identity::Identifier;
    use crate::census::host::{Evidence, Host, Said};
    use crate::census::room::Room;
    use crate::net::HostId;
    use crate::observe::Key;
    use crate::time::Timestamp;

    fn host(mac: [u8; 6], key: &'static str, value: &str) -> (HostId, Host) {
        let mut host = Host::new(Timestamp(0));
        let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
        host.learn(Key::new(key), value.into(), said, &mut Room::default());
        (HostId { mac: Some(Mac(mac)), ..HostId::default() }, host)
    }

    fn near(last: u8, key: &'static str, value: &str) -> (HostId, Host) {
        host([0, 1, 2, 3, 4, last], key, value)
    }

    /// The last octets of those that are one.
    fn joined(hosts: &[(HostId, Host)]) -> Vec<Vec<u8>> {
        let all = || hosts.iter().map(|(id, host)| (id, host));
        let groups = Groups::new(&Identifier::new(all()), all());
        let last = |at: &usize| groups.all[*at].identity.mac().unwrap().0[5];
        of_one_device(&groups).iter().map(|places| places.iter().map(last).collect()).collect()
    }

    #[test]
    fn ports_that_name_one_chassis_are_one_switch() {
        let of = |last| near(last, CHASSIS, "00:01:02:03:04:40");
        assert_eq!(joined(&[of(0x7f), of(0x7e)]), [[0x7f, 0x7e]]);
    }

    #[test]
    fn nobody_becomes_a_part_of_a_card_that_says_nothing_of_it() {
        let thief = host([2, 9, 9, 9, 9, 9], CHASSIS, "00:01:02:03:04:40");
        let card = near(0x40, "dhcp.hostname", "mri");
        assert!(joined(&[thief.clone(), card]).is_empty());
        // A computer with cards of two makers.
        let own = near(0x40, CHASSIS, "00:01:02:03:04:40");
        assert_eq!(joined(&[thief, own]), [[9, 0x40]]);
    }

    #[test]
    fn a_chassis_with_a_name_is_joined_with_the_lease_of_that_name() {
        let ports = [near(9, CHASSIS, "sw-1"), near(13, CHASSIS, "sw-1")];
        let lease = near(5, "dhcp.hostname", "SW-1");
        let [a, b] = ports;
        assert_eq!(joined(&[lease, a, b]), [[5, 9, 13]]);
    }

    #[test]
    fn a_name_alone_joins_nobody() {
        assert!(joined(&[near(9, "dhcp.hostname", "a"), near(5, "dhcp.hostname", "a")]).is_empty());
        let far = host([0, 1, 2, 9, 9, 9], CHASSIS, "sw-1");
        assert!(joined(&[near(5, CHASSIS, "sw-1"), far]).is_empty());
    }
}
