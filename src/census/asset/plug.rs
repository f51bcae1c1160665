//! Where a device is plugged in, out of what access devices, neighbours and the tables
//! of switches say.
//!
//! A switch's table names a port by number ([`BRIDGE_PORT`]); the names stand among the
//! facts of the same agent. Every switch on the way has learnt a card, behind its uplink
//! with many others: it is plugged in where fewest share its port.
//!
//! What somebody says of a card's place is worth as much as it is a switch's word
//! ([`super::standing`]): who is an end device itself places nobody alone, and nobody
//! otherwise than a switch does.

mod vlan;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::attribute::{Candidate, Reason, SHOWN};
use super::identity::Identifier;
use super::standing::Standings;
use crate::census::host::{Host, Place};
use crate::census::signature::Book;
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

/// How a place is called in explanations: an access device or relay told it, or a switch
/// had learnt the card.
const TOLD: &str = "plug.told";
const LEARNT: &str = "plug.learnt";
/// What stands in an explanation before the name of who says so.
const BY: &str = "network.switch";

/// What is left of a place that somebody better says otherwise: a candidate.
const OVERRIDDEN: f32 = 0.3;

/// Switch and port, and how sure.
pub(super) struct Plug<'a> {
    switch: &'a str,
    port: &'a str,
    /// Who says so.
    reason: Reason<'a>,
}

impl<'a> Plug<'a> {
    /// Its two values.
    pub(super) fn candidates(self) -> [Candidate<'a>; 2] {
        [Candidate::of(self.switch, self.reason.clone()), Candidate::of(self.port, self.reason)]
    }
}

/// Cards behind each port, and the names of switches and ports.
pub(super) struct Plugs<'a> {
    standings: Standings,
    crowds: HashMap<(Domain, &'a str, &'a str), BTreeSet<Mac>, RandomState>,
    agents: HashMap<(Domain, IpAddr), Agent<'a>, RandomState>,
    /// Of how many cards a switch's numbers are those of the VLANs in which they are seen, and
    /// of how many they are others.
    numbering: vlan::Numbering<'a>,
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
    pub(super) fn new(
        hosts: &[(&'a HostId, &'a Host)],
        identifier: &Identifier,
        book: &Book,
    ) -> Self {
        let standings = Standings::new(hosts, identifier, book);
        let (crowds, agents) = (HashMap::default(), HashMap::default());
        let numbering = vlan::numbering(hosts);
        let mut it = Self { standings, crowds, agents, numbering };
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

    /// Switch and port of a device with these speakers, each place once, the surest first,
    /// then in the order of the speakers; what the tables of switches say comes last.
    pub(super) fn of(&self, hosts: &[(&'a HostId, &'a Host)]) -> Vec<Plug<'a>> {
        let all = || {
            let of = |(id, host): &(&'a HostId, &'a Host)| {
                let domain = domain(id.segment);
                let host: &'a Host = host;
                host.attached.iter().map(move |place| (domain, place))
            };
            hosts.iter().flat_map(of)
        };
        let (learnt, told): (Vec<_>, Vec<_>) = all().partition(|(_, place)| is_learnt(place));
        // A switch's port is the nearest however few stand behind another's word.
        let best = learnt.iter().map(|(at, place)| self.sure(*at, place)).fold(0.0, f32::max);
        let doubted = |sure: f32| sure < SHOWN && best >= SHOWN;
        let (fake, learnt): (Vec<_>, Vec<_>) =
            learnt.into_iter().partition(|(at, place)| doubted(self.sure(*at, place)));
        let mut plugs: Vec<Plug<'a>> = Vec::new();
        let nearest = self.nearest(&learnt).into_iter().chain(self.nearest(&fake));
        for (domain, place) in told.into_iter().chain(nearest) {
            let (switch, port) = self.named(domain, place);
            let confidence = self.sure(domain, place);
            let signature = if is_learnt(place) { LEARNT } else { TOLD };
            let (value, said) = (&*place.switch, place.said);
            let reason = Reason { signature, key: BY, value, confidence, said };
            let same = |known: &&mut Plug<'_>| is_same((known.switch, known.port), (switch, port));
            match plugs.iter_mut().find(same) {
                // The name by which it was first called stays.
                Some(known) if known.reason.confidence < confidence => known.reason = reason,
                Some(_) => {}
                None => plugs.push(Plug { switch, port, reason }),
            }
        }
        plugs.sort_by(|a, b| b.reason.confidence.total_cmp(&a.reason.confidence));
        // Who hardly ever is a switch does not say otherwise than one.
        let best = plugs.first().map_or(0.0, |plug| plug.reason.confidence);
        for plug in plugs.iter_mut().filter(|plug| Standings::is_doubted(plug.reason.confidence)) {
            if !Standings::is_doubted(best) {
                plug.reason.confidence = plug.reason.confidence.min(OVERRIDDEN);
            }
        }
        plugs
    }

    /// How sure a place is, by who says so.
    fn sure(&self, domain: Domain, place: &Place) -> f32 {
        let protocol = if is_table(place) { "snmp." } else { "radius." };
        self.standings.of(domain, place, protocol)
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

/// Read in the table of an agent.
fn is_table(place: &Place) -> bool {
    is_learnt(place) || place.port.starts_with(LLDP_PORT)
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

    /// The address from which somebody who is called so speaks.
    fn told_by(name: &str) -> Option<IpAddr> {
        let last = match name {
            "rogue" => 66,
            "sw" => 5,
            _ => return None,
        };
        Some(IpAddr::from([10, 0, 0, last]))
    }

    fn card(last: u8, places: &[(&str, &str, i64)]) -> (HostId, Host) {
        let mut host = Host::new(Timestamp(0));
        for (switch, port, at) in places {
            let (switch, port, by) = ((*switch).into(), (*port).into(), told_by(switch));
            let place = SwitchPort { switch, port, vlan: None, by };
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

    fn plugs<'a>(hosts: &[(&'a HostId, &'a Host)]) -> Plugs<'a> {
        Plugs::new(hosts, &Identifier::new(hosts.iter().copied()), Book::builtin())
    }

    fn places(hosts: &[(HostId, Host)], of: usize) -> Vec<(String, String)> {
        let hosts: Vec<_> = hosts.iter().map(|(id, host)| (id, host)).collect();
        let plugs = plugs(&hosts).of(&hosts[of..=of]);
        let shown = plugs.into_iter().filter(|plug| plug.reason.confidence >= SHOWN);
        shown.map(|plug| (plug.switch.to_owned(), plug.port.to_owned())).collect()
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

    /// A card that calls itself an access device, with facts of its own.
    fn access(last: u8, name: &'static str, facts: &[(&'static str, &str)]) -> (HostId, Host) {
        let (mut id, mut host) = switch(&format!("10.0.0.{last}"), facts);
        id.mac = Some(Mac([0, 1, 2, 3, 5, last]));
        host.spoke = true;
        host.learn(Key::new("radius.nas_id"), name.into(), said(0), &mut Room::default());
        (id, host)
    }

    const PATIENT_MONITOR: (&str, &str) = ("snmp.sysdescr", "Philips IntelliVue MX800");
    const SWITCH: (&str, &str) = (
        "snmp.sysdescr",
        "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3",
    );

    #[test]
    fn an_end_device_places_nobody_alone_and_nobody_otherwise() {
        let station = ("wsd.type", "MedicalDevice");
        let rogue = || access(66, "rogue", &[station]);
        let hosts = [card(1, &[("rogue", "port 1", 0)]), rogue()];
        assert!(places(&hosts, 0).is_empty());
        let sure = |hosts: &[(HostId, Host)]| {
            let hosts: Vec<_> = hosts.iter().map(|(id, host)| (id, host)).collect();
            let plugs = plugs(&hosts).of(&hosts[..1]);
            plugs.iter().map(|it| (it.reason.value.to_owned(), it.reason.confidence)).collect()
        };
        let told: Vec<(String, f32)> = sure(&hosts);
        assert_eq!(told, [("rogue".to_owned(), 0.3)], "it stays a candidate, and says who");
        let both = card(1, &[("rogue", "port 1", 0), ("sw", "Gi1/0/1", 0)]);
        let hosts = [both, rogue(), access(5, "sw", &[SWITCH])];
        assert_eq!(places(&hosts, 0), one("sw", "Gi1/0/1"));
        let told: Vec<(String, f32)> = sure(&hosts);
        assert_eq!(told, [("sw".to_owned(), 0.9), ("rogue".to_owned(), 0.3)]);
        // Nothing is known of it but that it asks, and nobody has answered.
        let hosts = [card(1, &[("sw", "Gi1/0/1", 0)]), access(5, "sw", &[])];
        assert!(places(&hosts, 0).is_empty());
        let told: Vec<(String, f32)> = sure(&hosts);
        assert_eq!(told, [("sw".to_owned(), 0.35)]);
        // It calls itself by the switch's name: that one's word is worth no less.
        let mut hosts = [
            card(1, &[("sw", "Gi1/0/1", 0)]),
            access(5, "sw", &[SWITCH]),
            access(66, "sw", &[station]),
        ];
        let forged = SwitchPort {
            switch: "sw".into(),
            port: "Gi1/0/6".into(),
            vlan: None,
            by: told_by("rogue"),
        };
        hosts[0].1.attached(&forged, said(1), &mut Room::default());
        assert_eq!(places(&hosts, 0), one("sw", "Gi1/0/1"));
        assert_eq!(sure(&hosts), [("sw".to_owned(), 0.9), ("sw".to_owned(), 0.3)]);
    }

    #[test]
    fn who_leases_as_a_computer_is_none_that_others_hang_on() {
        let windows = ("dhcp.vendor_class", "MSFT 5.0");
        let asks = ("dhcp.params", "1,3,6,15,31,33,43,44,46,47,119,121,249,252");
        for facts in [&[windows][..], &[asks], &[("ntlm.version", "10.0.19045")]] {
            let hosts = [card(1, &[("rogue", "Gi6/6/6", 0)]), access(66, "rogue", facts)];
            assert!(places(&hosts, 0).is_empty(), "{facts:?}");
        }
        // Nor is it a switch itself.
        let class = |facts: &[(&'static str, &str)]| {
            let mut census = crate::census::Census::new(std::sync::Arc::clone(Book::builtin()));
            let (id, host) =
                access(66, "rogue", &[facts, &[("radius.nas_serves", "ethernet")]].concat());
            census.restore(id, host);
            let assets = census.assets();
            assets[0].shown("device_class").first().map(|it| it.value.to_string())
        };
        assert_eq!(class(&[]).as_deref(), Some("switch"));
        assert_eq!(class(&[windows]), None);
        let gear = [windows, SWITCH];
        let hosts = [card(1, &[("rogue", "Gi6/6/6", 0)]), access(66, "rogue", &gear)];
        assert_eq!(places(&hosts, 0), one("rogue", "Gi6/6/6"), "forged in a switch's name");
    }

    #[test]
    fn an_end_device_with_tables_is_no_nearer_switch() {
        let rogue = switch("10.0.0.66", &[PATIENT_MONITOR, ("wsd.type", "MedicalDevice")]);
        let learnt = [("10.0.0.66", "bridge-port 1", 9), ("10.0.0.5", "bridge-port 7", 0)];
        let mut hosts = vec![card(1, &learnt), rogue, switch("10.0.0.5", &[])];
        hosts.push(card(2, &learnt[1..]));
        assert_eq!(places(&hosts, 0), one("10.0.0.5", "bridge-port 7"));
        let hosts = [card(1, &learnt[..1]), hosts.swap_remove(1)];
        assert!(places(&hosts, 0).is_empty());
    }

    #[test]
    fn a_switch_tells_the_vlan_in_which_it_learnt_a_card() {
        let learnt = |last, vlan| {
            let (id, mut host) = card(last, &[]);
            let (switch, port) = ("10.0.0.5".into(), "bridge-port 7".into());
            let place = SwitchPort { switch, port, vlan: Some(vlan), by: None };
            host.attached(&place, said(0), &mut Room::default());
            (id, host)
        };
        let vlans = |hosts: &[(HostId, Host)]| {
            let hosts: Vec<_> = hosts.iter().map(|(id, host)| (id, host)).collect();
            plugs(&hosts).vlans(&hosts[..1]).into_iter().collect::<Vec<_>>()
        };
        let agent = || switch("10.0.0.5", &[SWITCH]);
        assert_eq!(vlans(&[learnt(1, 60), agent()]), [60]);
        // Another of its cards is seen: in the VLAN of that number, or in another.
        let seen = |vlan| {
            let (mut id, mut host) = card(2, &[]);
            id.segment.vlan = vlan;
            host.spoke = true;
            (id, host)
        };
        assert_eq!(vlans(&[learnt(1, 60), agent(), learnt(2, 61), seen(61)]), [60]);
        assert!(vlans(&[learnt(1, 60), agent(), learnt(2, 3), seen(61)]).is_empty());
        let monitor = switch("10.0.0.5", &[PATIENT_MONITOR, ("wsd.type", "MedicalDevice")]);
        assert!(vlans(&[learnt(1, 60), monitor]).is_empty(), "no switch");
    }

    #[test]
    fn a_relays_interface_tells_the_vlan() {
        let (id, mut host) = card(1, &[]);
        host.learn(Key::new("dhcp.vlan"), "20".into(), said(0), &mut Room::default());
        let hosts = [(&id, &host)];
        assert_eq!(plugs(&hosts).vlans(&hosts).into_iter().collect::<Vec<_>>(), [20]);
        assert!(plugs(&hosts).of(&hosts).is_empty(), "and neither switch nor port");
    }

    #[test]
    fn a_vlan_that_only_an_end_device_tells_is_none() {
        let vlans = |facts: &[(&'static str, &str)]| {
            let mut station = card(1, &[]);
            let (switch, port, by) = ("nas".into(), "1".into(), told_by("rogue"));
            let place = SwitchPort { switch, port, vlan: Some(7), by };
            station.1.attached(&place, said(0), &mut Room::default());
            for vlan in ["7", "8"] {
                station.1.learn(
                    Key::new("radius.vlan"),
                    vlan.into(),
                    said(0),
                    &mut Room::default(),
                );
            }
            let hosts = [station, access(66, "nas", facts)];
            let hosts: Vec<_> = hosts.iter().map(|(id, host)| (id, host)).collect();
            plugs(&hosts).vlans(&hosts[..1]).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(vlans(&[SWITCH]), [7, 8]);
        assert_eq!(vlans(&[("wsd.type", "MedicalDevice")]), [8]);
    }
}
