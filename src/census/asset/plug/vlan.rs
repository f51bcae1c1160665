//! In which VLANs a card is, as access devices, relays and the tables of switches say.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::{Plugs, SHOWN, STALE, is_learnt};
use crate::census::host::{Host, Place};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac};

/// By switch.
pub(super) type Numbering<'a> = HashMap<(Domain, &'a str), (usize, usize), RandomState>;

impl<'a> Plugs<'a> {
    /// VLANs that an access device says it put these speakers into (RFC 3580 §3.31), an
    /// authentication server, a relay's interface, or the table of a switch.
    pub(in crate::census::asset) fn vlans(
        &self,
        hosts: &[(&'a HostId, &'a Host)],
    ) -> BTreeSet<u16> {
        let places = || {
            let of = |(id, host): &(&'a HostId, &'a Host)| {
                let domain = domain(id.segment);
                let host: &'a Host = host;
                let told = host.attached.iter().filter(|place| !is_learnt(place));
                told.filter_map(move |place| Some((place.vlan?, domain, place)))
            };
            hosts.iter().flat_map(of)
        };
        let shown = |domain, place| self.sure(domain, place) >= SHOWN;
        let (good, bad): (Vec<_>, Vec<_>) = places().partition(|(_, at, place)| shown(*at, place));
        let good: BTreeSet<u16> = good.into_iter().map(|(vlan, ..)| vlan).collect();
        let bad: BTreeSet<u16> = bad.into_iter().map(|(vlan, ..)| vlan).collect();
        let values = |key| hosts.iter().flat_map(move |(_, host)| host.values(key));
        let told = values("radius.vlan").chain(values("dhcp.vlan"));
        let told = told.filter_map(|vlan| vlan.parse().ok()).filter(|vlan| !bad.contains(vlan));
        told.chain(good.iter().copied()).chain(self.learnt_in(hosts)).collect()
    }

    /// VLANs in which switches have learnt these cards of late. A filtering database is the
    /// VLAN of its number where each VLAN has its own (IEEE 802.1Q §8.8.8); some switches
    /// number theirs as they like, which shows where their cards are seen with a tag.
    fn learnt_in(&self, hosts: &[(&'a HostId, &'a Host)]) -> Vec<u16> {
        let all = hosts.iter().flat_map(|(id, host)| {
            let domain = domain(id.segment);
            let host: &'a Host = host;
            let learnt = host.attached.iter().filter(|place| is_learnt(place));
            learnt.filter_map(move |place| Some((place.vlan?, domain, place)))
        });
        let all: Vec<_> = all.collect();
        let newest = all.iter().map(|(.., place)| place.said.span.last).max();
        let is_fresh =
            |place: &Place| newest.is_some_and(|newest| newest.since(place.said.span.last) < STALE);
        let by_vlan = |domain: Domain, place: &'a Place| {
            let known = self.numbering.get(&(domain, &*place.switch));
            known.is_none_or(|(same, others)| same >= others)
        };
        let all = all.into_iter().filter(|(_, domain, place)| {
            is_fresh(place) && self.sure(*domain, place) >= SHOWN && by_vlan(*domain, place)
        });
        all.map(|(vlan, ..)| vlan).collect()
    }
}

/// Compares the numbers of switches' filtering databases with the tags of what their cards
/// send.
pub(super) fn numbering<'a>(hosts: &[(&'a HostId, &'a Host)]) -> Numbering<'a> {
    let mut learnt: HashMap<Mac, BTreeSet<(Domain, &'a str, u16)>, RandomState> =
        HashMap::default();
    for (id, host) in hosts {
        for place in host.attached.iter().filter(|place| is_learnt(place)) {
            if let (Some(mac), Some(vlan)) = (id.mac, place.vlan) {
                let told = (domain(id.segment), &*place.switch, vlan);
                learnt.entry(mac).or_default().insert(told);
            }
        }
    }
    let mut seen: HashMap<Mac, BTreeSet<u16>, RandomState> = HashMap::default();
    for (id, host) in hosts.iter().filter(|(id, host)| host.spoke && id.segment.vlan != 0) {
        if let Some(mac) = id.mac.filter(|mac| learnt.contains_key(mac) && !host.routed) {
            seen.entry(mac).or_default().insert(id.segment.vlan);
        }
    }
    let mut found = Numbering::default();
    for (mac, tags) in seen {
        for (domain, switch, vlan) in learnt.get(&mac).into_iter().flatten() {
            let (same, others) = found.entry((*domain, switch)).or_default();
            *(if tags.contains(vlan) { same } else { others }) += 1;
        }
    }
    found
}
