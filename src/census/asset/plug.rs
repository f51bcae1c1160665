//! Where a device is plugged in, out of what access devices, neighbours and the tables
//! of switches say.
//!
//! A switch's table names a port by number ([`BRIDGE_PORT`]); the names stand among the
//! facts of the same agent. Every switch on the way has learnt a card, behind its uplink
//! with many others: it is plugged in where fewest share its port.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::census::host::{Host, Place};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac};
use crate::time::{SECOND, Timestamp};

/// Ports as tables number them; the sensor's SNMP says them so.
const BRIDGE_PORT: &str = "bridge-port ";
const LLDP_PORT: &str = "lldp-port ";

/// A port with more cards is an uplink's or a host's of virtual machines: who hangs
/// there is not known. A telephone with a computer behind it are two, a small switch
/// in a ward has eight.
const CROWD: usize = 16;

/// What a table said so long before the last word of any is where the card once was:
/// managers walk tables every few minutes to hours.
const STALE: i64 = 6 * 3600 * SECOND;

/// Cards behind each port, and the names of switches and ports.
pub(super) struct Plugs<'a> {
    crowds: HashMap<(Domain, &'a str, &'a str), BTreeSet<Mac>, RandomState>,
    agents: HashMap<(Domain, IpAddr), Agent<'a>, RandomState>,
}

/// What one switch says of its own ports; each with the time it last said so.
#[derive(Default)]
struct Agent<'a> {
    name: Option<(Timestamp, &'a str)>,
    /// By key and number.
    rows: HashMap<(&'static str, &'a str), (Timestamp, &'a str), RandomState>,
}

const BRIDGE: &str = "snmp.bridge_port";
const IF_NAME: &str = "snmp.if_name";
const IF_DESCR: &str = "snmp.if_descr";
const LLDP: &str = "snmp.lldp_port";

impl<'a> Agent<'a> {
    fn learn(&mut self, host: &'a Host) {
        for fact in host.facts_of("snmp.sysname") {
            self.name = self.name.max(Some((fact.said.span.last, &*fact.value)));
        }
        for key in [BRIDGE, IF_NAME, IF_DESCR, LLDP] {
            for fact in host.facts_of(key) {
                let Some((number, value)) = fact.value.split_once(' ') else { continue };
                let said = (fact.said.span.last, value);
                let known = self.rows.entry((key, number)).or_insert(said);
                *known = (*known).max(said);
            }
        }
    }

    fn row(&self, key: &'static str, number: &str) -> Option<&'a str> {
        self.rows.get(&(key, number)).map(|(_, value)| *value)
    }

    fn port(&self, port: &str) -> Option<&'a str> {
        if let Some(number) = port.strip_prefix(LLDP_PORT) {
            return self.row(LLDP, number).or_else(|| self.row(IF_NAME, number));
        }
        let interface = self.row(BRIDGE, port.strip_prefix(BRIDGE_PORT)?)?;
        self.row(IF_NAME, interface).or_else(|| self.row(IF_DESCR, interface))
    }
}

impl<'a> Plugs<'a> {
    pub(super) fn new(hosts: &[(&'a HostId, &'a Host)]) -> Self {
        let mut it = Self { crowds: HashMap::default(), agents: HashMap::default() };
        for (id, host) in hosts {
            for place in host.attached.iter().filter(|place| is_learnt(place)) {
                let port = (domain(id.segment), &*place.switch, &*place.port);
                it.crowds.entry(port).or_default().extend(id.mac);
            }
            let says = |key: &str| !host.facts_of(key).is_empty();
            if let Some(ip) = id.ip
                && host.says("snmp.")
                && ["snmp.sysname", BRIDGE, IF_NAME, IF_DESCR, LLDP].into_iter().any(says)
            {
                it.agents.entry((domain(id.segment), ip)).or_default().learn(host);
            }
        }
        it
    }

    /// Switch and port of a device with these speakers, each place once, in the order of
    /// the speakers; what the tables of switches say comes last.
    pub(super) fn of(&self, hosts: &[(&'a HostId, &'a Host)]) -> Vec<(&'a str, &'a str)> {
        let all = || {
            let of = |(id, host): &(&'a HostId, &'a Host)| {
                let domain = domain(id.segment);
                let host: &'a Host = host;
                host.attached.iter().map(move |place| (domain, place))
            };
            hosts.iter().flat_map(of)
        };
        let (learnt, told): (Vec<_>, Vec<_>) = all().partition(|(_, place)| is_learnt(place));
        let mut places: Vec<(&str, &str)> = Vec::new();
        for (domain, place) in told.into_iter().chain(self.nearest(&learnt)) {
            let named = self.named(domain, place);
            if !places.iter().any(|known| is_same(*known, named)) {
                places.push(named);
            }
        }
        places
    }

    /// VLANs that an access device says it put these speakers into (RFC 3580 §3.31). The
    /// filtering databases of switches number theirs as they like, and are not asked.
    pub(super) fn vlans(hosts: &[(&'a HostId, &'a Host)]) -> BTreeSet<u16> {
        let places = hosts.iter().flat_map(|(_, host)| &host.attached);
        let placed = places.filter(|place| !is_learnt(place)).filter_map(|place| place.vlan);
        let told = hosts.iter().flat_map(|(_, host)| host.values("radius.vlan"));
        placed.chain(told.filter_map(|vlan| vlan.parse().ok())).collect()
    }

    /// Of all ports that have learnt a card, the one that it hangs on.
    fn nearest(&self, learnt: &[(Domain, &'a Place)]) -> Option<(Domain, &'a Place)> {
        let last = |place: &Place| place.said.span.last;
        let newest = learnt.iter().map(|(_, place)| last(place)).max()?;
        let crowd = |domain: Domain, place: &'a Place| {
            self.crowds.get(&(domain, &*place.switch, &*place.port)).map_or(0, BTreeSet::len)
        };
        let fresh = learnt.iter().filter(|(_, place)| newest.since(last(place)) < STALE);
        let few = fresh.map(|(domain, place)| (crowd(*domain, place), *domain, *place));
        let few = few.filter(|(many, ..)| *many <= CROWD);
        let nearest = few.min_by(|(many, _, a), (other, _, b)| {
            let by_time = || last(b).cmp(&last(a));
            let by_name = || (&a.switch, &a.port).cmp(&(&b.switch, &b.port));
            many.cmp(other).then_with(by_time).then_with(by_name)
        });
        nearest.map(|(_, domain, place)| (domain, place))
    }

    /// As the switch calls itself and its port, where it says so.
    fn named(&self, domain: Domain, place: &'a Place) -> (&'a str, &'a str) {
        let agent = place.switch.parse().ok().and_then(|ip| self.agents.get(&(domain, ip)));
        let switch = agent.and_then(|agent| agent.name).map_or(&*place.switch, |(_, name)| name);
        let port = agent.and_then(|agent| agent.port(&place.port)).unwrap_or(&place.port);
        (switch, port)
    }
}

fn is_learnt(place: &Place) -> bool {
    place.port.starts_with(BRIDGE_PORT)
}

/// The same port by another spelling: `Gi1/0/12` and `GigabitEthernet1/0/12` of one switch,
/// with its domain or without.
fn is_same(a: (&str, &str), b: (&str, &str)) -> bool {
    let label = |name: &'_ str| match name.parse::<IpAddr>() {
        Ok(_) => name.to_owned(),
        Err(_) => name.split('.').next().unwrap_or(name).to_ascii_lowercase(),
    };
    let port = |name: &str| {
        let number = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        let (kind, number) = name.split_at(number);
        let kind: String = kind.chars().take(2).collect();
        (kind.to_ascii_lowercase(), number.to_owned())
    };
    a == b || (label(a.0) == label(b.0) && port(a.1) == port(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::{Evidence, Said};
    use crate::census::room::Room;
    use crate::observe::{Key, SwitchPort};

    fn said(at: i64) -> Said {
        Said::new(Timestamp(at * SECOND), Evidence { capture: 0, frame: 1 })
    }

    fn card(last: u8, places: &[(&str, &str, i64)]) -> (HostId, Host) {
        let mut host = Host::new(Timestamp(0));
        for (switch, port, at) in places {
            let place = SwitchPort { switch: (*switch).into(), port: (*port).into(), vlan: None };
            host.attached(&place, said(*at), &mut Room::default());
        }
        (HostId { mac: Some(Mac([0, 1, 2, 3, 4, last])), ..HostId::default() }, host)
    }

    fn switch(ip: &str, facts: &[(&'static str, &str)]) -> (HostId, Host) {
        let mut host = Host::new(Timestamp(0));
        for (key, value) in facts {
            host.learn(Key::new(key), (*value).into(), said(0), &mut Room::default());
        }
        (HostId { ip: ip.parse().ok(), ..HostId::default() }, host)
    }

    fn places(hosts: &[(HostId, Host)], of: usize) -> Vec<(String, String)> {
        let hosts: Vec<_> = hosts.iter().map(|(id, host)| (id, host)).collect();
        let places = Plugs::new(&hosts).of(&hosts[of..=of]);
        places.into_iter().map(|(s, p)| (s.to_owned(), p.to_owned())).collect()
    }

    fn one(switch: &str, port: &str) -> Vec<(String, String)> {
        vec![(switch.to_owned(), port.to_owned())]
    }

    #[test]
    fn numbers_become_names() {
        let named = &[
            ("snmp.sysname", "sw-2.hospital.example"),
            ("snmp.bridge_port", "12 10112"),
            ("snmp.if_descr", "10112 GigabitEthernet1/0/12"),
            ("snmp.if_name", "10112 Gi1/0/12"),
        ];
        let hosts = [card(1, &[("10.0.0.5", "bridge-port 12", 0)]), switch("10.0.0.5", named)];
        assert_eq!(places(&hosts, 0), one("sw-2.hospital.example", "Gi1/0/12"));
        let hosts = [card(1, &[("10.0.0.5", "bridge-port 12", 0)]), switch("10.0.0.5", &[])];
        assert_eq!(places(&hosts, 0), one("10.0.0.5", "bridge-port 12"));
        // The access device has said the same by its own name.
        let twice = &[
            ("SW-2", "GigabitEthernet1/0/12", 0),
            ("10.0.0.5", "bridge-port 12", 0),
            ("10.0.0.5", "lldp-port 12", 0),
        ];
        let hosts = [card(1, twice), switch("10.0.0.5", named)];
        let other = ("sw-2.hospital.example".to_owned(), "lldp-port 12".to_owned());
        assert_eq!(places(&hosts, 0), [one("SW-2", "GigabitEthernet1/0/12"), vec![other]].concat());
    }

    #[test]
    fn an_uplink_names_nobody() {
        let mut hosts: Vec<_> = (0..20).map(|n| card(n, &[("core", "bridge-port 1", 0)])).collect();
        assert!(places(&hosts, 3).is_empty(), "behind a port with twenty cards");
        hosts[3] = card(3, &[("core", "bridge-port 1", 9), ("access", "bridge-port 7", 0)]);
        assert_eq!(places(&hosts, 3), one("access", "bridge-port 7"));
        hosts[4] = card(4, &[("core", "bridge-port 1", 9), ("access", "bridge-port 7", 0)]);
        assert_eq!(places(&hosts, 3), one("access", "bridge-port 7"), "with a telephone");
    }

    #[test]
    fn who_moved_hangs_where_it_is_now() {
        let later = 3600 * 24;
        let moved = card(1, &[("a", "bridge-port 1", 0), ("b", "bridge-port 2", later)]);
        let hosts = [moved, card(2, &[("b", "bridge-port 2", later)])];
        assert_eq!(places(&hosts, 0), one("b", "bridge-port 2"));
    }
}
