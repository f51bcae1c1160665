//! Assets: which speakers are one device, and what is believed of it.

mod address;
mod attribute;
mod cards;
mod equipment;
mod identity;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

pub use attribute::{Candidate, Reason, SHOWN, shown};
pub use identity::Identity;

use super::Census;
use super::host::{Evidence, Host, Said, Span};
use super::signature::{Book, oui};
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Lease, Role};
use address::{is_public, is_somebodys};
use attribute::Candidates;
use equipment::Described;
use identity::{Identifier, Route};

/// The facts that the census makes itself: the registered holder of a MAC's block, and
/// that packets of others come through a card.
pub const OWN_KEYS: [&str; 2] = [OUI, FORWARDS];
const OUI: &str = "mac.oui";
const FORWARDS: &str = "network.forwards";

/// No single frame says it.
const NO_FRAME: Evidence = Evidence { capture: 0, frame: 0 };

/// What is left of a statement about the maker of a message when the speaker passes
/// messages on.
const PASSED_ON: f32 = 0.5;

/// A device, as far as it is known.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Stable name: the same device has it in every run.
    pub id: String,
    /// What it is recognised by.
    pub identity: Identity,
    /// First and last time.
    pub span: Span,
    /// Public address behind a router: someone on the Internet, unless the site says otherwise.
    pub external: bool,
    /// Its network cards.
    pub macs: BTreeSet<Mac>,
    /// Its addresses.
    pub ips: BTreeSet<IpAddr>,
    /// How its addresses came to it.
    pub assignment: BTreeSet<&'static str>,
    /// Where it was seen.
    pub segments: BTreeSet<Segment>,
    /// Switch and port.
    pub attached: Vec<(String, String, Said)>,
    /// Services with the part it plays.
    pub services: BTreeMap<(Transport, u16, String, Role), Said>,
    /// Assets that it talks with, by id.
    pub peers: BTreeSet<String>,
    /// Through whom it is known, by id, for a device of which only others speak.
    pub seen_through: BTreeSet<String>,
    /// Everything said of it, by attribute: candidates, the shown one first.
    pub attributes: BTreeMap<&'static str, Vec<Candidate>>,
}

impl Asset {
    /// The candidates shown for an attribute.
    #[must_use]
    pub fn shown(&self, name: &str) -> Vec<&Candidate> {
        let os = self.attributes.get("os_name").and_then(|all| all.first());
        let os = os.map(|c| c.value.as_str());
        self.attributes.get(name).map_or_else(Vec::new, |all| shown(name, all, os))
    }
}

/// `A` and ten hexadecimal digits of a hash of the identity: the same in every run.
fn asset_id(identity: &Identity) -> String {
    let digest = Sha256::digest(identity.to_string());
    digest.iter().take(5).fold(String::from("A"), |id, byte| format!("{id}{byte:02x}"))
}

/// One group of speakers with what they describe.
#[derive(Default)]
struct Group<'a> {
    hosts: Vec<(&'a HostId, &'a Host)>,
    described: Described,
    /// Where it carries the packets of others.
    routes: Vec<Route>,
}

impl Census {
    /// Every asset, in the order of the identities.
    #[must_use]
    pub fn assets(&self) -> Vec<Asset> {
        let hosts = self.hosts();
        let identifier = Identifier::new(hosts.clone());
        let mut groups: BTreeMap<Identity, Group<'_>> = BTreeMap::new();
        // Ids of assets by speaker: everyone is a peer of many.
        let mut known: HashMap<&HostId, String, RandomState> = HashMap::default();
        for (id, host) in hosts {
            let Some(identity) = identifier.identify(id) else { continue };
            known.insert(id, asset_id(&identity));
            let group = groups.entry(identity).or_default();
            group.hosts.push((id, host));
        }
        groups.retain(|_, group| group.hosts.iter().any(|(_, host)| !is_only_named(host)));
        // A router is a device even where only the packets of others show it.
        for route in identifier.routers() {
            groups.entry(Identity::Mac(route.mac)).or_default().routes.push(route);
        }
        // Who is described by whom; a device that speaks for itself keeps its own name.
        let mut speaks: BTreeMap<Identity, Identity> = BTreeMap::new();
        let mut others: BTreeMap<Identity, Vec<(Identity, super::host::EquipmentFacts, Said)>> =
            BTreeMap::new();
        for (identity, group) in &mut groups {
            group.described = equipment::sort(&group.hosts, self.has_medical_mac(identity));
            for name in equipment::names(&group.described) {
                speaks.entry(name).or_insert_with(|| identity.clone());
            }
            for (name, facts) in std::mem::take(&mut group.described.others) {
                let all = others.entry(name).or_default();
                all.extend(facts.into_iter().map(|(f, said)| (identity.clone(), f, said)));
            }
        }
        let mut assets: Vec<Asset> = groups
            .iter()
            .map(|(identity, group)| self.asset(identity, group, &identifier, &known))
            .collect();
        for (name, facts) in others.into_iter().filter(|(name, _)| !speaks.contains_key(name)) {
            assets.extend(self.described(name, &facts));
        }
        assets.sort_by(|a, b| a.identity.cmp(&b.identity));
        assets
    }

    fn has_medical_mac(&self, identity: &Identity) -> bool {
        let Identity::Mac(mac) = identity else { return false };
        oui::vendor(*mac)
            .and_then(|vendor| self.book.matches(OUI, vendor, &[]))
            .is_some_and(|found| found.get("device_category") == Some("medical"))
    }

    fn asset(
        &self,
        identity: &Identity,
        group: &Group<'_>,
        identifier: &Identifier,
        known: &HashMap<&HostId, String, RandomState>,
    ) -> Asset {
        let spans = group.hosts.iter().map(|(_, host)| host.span);
        let mut asset =
            empty(identity.clone(), spans.chain(group.routes.iter().map(|route| route.span)));
        let mut candidates = Candidates::default();
        let relays = relays_hl7(&group.hosts);
        for (id, host) in &group.hosts {
            self.place(&mut asset, id, host, identifier, known);
            for (key, values) in &host.facts {
                let weight = if relays && key == "hl7.profile" { PASSED_ON } else { 1.0 };
                for (value, said) in values {
                    candidates.add(&self.book, key, value, &[], *said, weight);
                }
            }
        }
        for (facts, said, weight) in &group.described.own {
            add_equipment(&mut candidates, &self.book, facts, *said, *weight);
        }
        for route in &group.routes {
            asset.segments.insert(route.segment);
            let evidence = route.evidence.unwrap_or(NO_FRAME);
            let said = Said { evidence, span: route.span };
            if route.sure {
                candidates.add(&self.book, FORWARDS, "yes", &[], said, 1.0);
            }
        }
        // The card's maker, said by the first frame that the card sent.
        if let Identity::Mac(mac) = identity
            && let Some(vendor) = oui::vendor(*mac)
        {
            let said = Said { evidence: NO_FRAME, span: asset.span };
            candidates.add(&self.book, OUI, vendor, &[], said, 1.0);
        }
        asset.attributes = candidates.weigh(&self.book);
        asset.peers.remove(&asset.id);
        asset
    }

    /// Addresses, places, services and peers of one speaker.
    fn place(
        &self,
        asset: &mut Asset,
        id: &HostId,
        host: &Host,
        identifier: &Identifier,
        known: &HashMap<&HostId, String, RandomState>,
    ) {
        if let (Identity::Mac(device), Some(mac)) = (&asset.identity, id.mac)
            && identifier.device(mac) == *device
        {
            asset.macs.insert(mac);
        }
        let seen = !host.services.is_empty() || host.direct || host.routed;
        asset.ips.extend(id.ip.filter(|ip| seen && is_somebodys(*ip)));
        for (ip, lease, _) in host.addresses.iter().filter(|(ip, ..)| is_somebodys(*ip)) {
            asset.ips.insert(*ip);
            asset.assignment.insert(match lease {
                Lease::Dhcp(_) => "dhcp",
                Lease::Ndp | Lease::Arp => continue,
            });
        }
        // Behind a router the segment is where the router is, not the device.
        let routed = id.mac.is_some_and(|mac| identifier.is_router(id.segment, mac));
        let own_mac = id.mac.is_some_and(|mac| asset.macs.contains(&mac));
        if own_mac && host.spoke && (!routed || id.ip.is_none() || !host.routed) {
            asset.segments.insert(id.segment);
        }
        for place in &host.attached {
            if !asset.attached.iter().any(|(s, p, _)| (s, p) == (&place.0, &place.1)) {
                asset.attached.push(place.clone());
            }
        }
        for (service, said) in &host.services {
            let entry = asset.services.entry(service.clone()).or_insert(*said);
            entry.span.extend(said.span.first);
            entry.span.extend(said.span.last);
            entry.evidence = entry.evidence.min(said.evidence);
        }
        asset.peers.extend(host.peers.iter().filter_map(|peer| {
            known.get(peer).cloned().or_else(|| identifier.identify(peer).map(|i| asset_id(&i)))
        }));
    }

    /// A device of which only others speak.
    fn described(
        &self,
        identity: Identity,
        facts: &[(Identity, super::host::EquipmentFacts, Said)],
    ) -> Option<Asset> {
        let mut asset = empty(identity, facts.iter().map(|(.., said)| said.span));
        let mut candidates = Candidates::default();
        for (through, facts, said) in facts {
            asset.seen_through.insert(asset_id(through));
            let own: Vec<_> =
                facts.iter().filter(|(key, _)| key != "dicom.calling_ae").cloned().collect();
            add_equipment(&mut candidates, &self.book, &own, *said, 1.0);
        }
        asset.attributes = candidates.weigh(&self.book);
        (!asset.attributes.is_empty()).then_some(asset)
    }
}

fn add_equipment(
    candidates: &mut Candidates,
    book: &Book,
    facts: &super::host::EquipmentFacts,
    said: Said,
    weight: f32,
) {
    let others: Vec<(&str, &str)> = facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    for (key, value) in facts {
        candidates.add(book, key, value, &others, said, weight);
    }
}

/// Others name it, nothing else is known of it: that makes no device.
fn is_only_named(host: &Host) -> bool {
    !host.spoke
        && host.addresses.is_empty()
        && host.services.is_empty()
        && host.equipment.is_empty()
        && host.attached.is_empty()
        && host.facts.keys().all(|key| key == "dns.name")
}

/// Takes HL7 messages in and gives HL7 messages out: what those say of their maker
/// need not be said of the speaker.
fn relays_hl7(hosts: &[(&HostId, &Host)]) -> bool {
    let part = |wanted: Role| {
        let mut services = hosts.iter().flat_map(|(_, host)| host.services.keys());
        services.any(|(_, _, name, role)| name == "hl7" && *role == wanted)
    };
    part(Role::Server) && part(Role::Client)
}

fn empty(identity: Identity, spans: impl Iterator<Item = Span>) -> Asset {
    let span = spans.reduce(|mut all, span| {
        all.extend(span.first);
        all.extend(span.last);
        all
    });
    let macs = match identity {
        Identity::Mac(mac) => BTreeSet::from([mac]),
        _ => BTreeSet::new(),
    };
    Asset {
        id: asset_id(&identity),
        external: matches!(&identity, Identity::Address { ip, .. } if is_public(*ip)),
        identity,
        span: span.unwrap_or(Span::at(crate::time::Timestamp(0))),
        macs,
        ips: BTreeSet::new(),
        assignment: BTreeSet::new(),
        segments: BTreeSet::new(),
        attached: Vec::new(),
        services: BTreeMap::new(),
        peers: BTreeSet::new(),
        seen_through: BTreeSet::new(),
        attributes: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observation, Observed};
    use crate::time::Timestamp;

    #[test]
    fn no_asset_has_an_address_of_nobody() {
        let mut census = Census::new(std::sync::Arc::clone(Book::builtin()));
        let mac = Some(Mac([0, 1, 2, 0, 0, 1]));
        let mut say = |mac, ip: &str, what| {
            let host = HostId { segment: Segment::default(), mac, ip: ip.parse().ok() };
            census.apply(0, Observation { at: Timestamp(0), frame: 1, host, what });
        };
        let nobodys = ["127.0.0.1", "0.0.0.0", "224.0.0.5", "255.255.255.255", "::1", "ff02::1"];
        for ip in nobodys.into_iter().chain(["169.254.1.2", "fe80::1", "10.0.0.1"]) {
            say(mac, ip, Observed::Present(Some(64)));
            say(mac, "", Observed::Address(ip.parse().unwrap(), Lease::Arp));
            say(None, ip, Observed::Present(Some(64)));
        }
        say(Some(Mac([0, 0, 0x5e, 0, 1, 7])), "10.0.0.250", Observed::Present(Some(255)));
        let assets = census.assets();
        let ips: Vec<String> =
            assets.iter().flat_map(|a| &a.ips).map(ToString::to_string).collect();
        assert_eq!(ips, ["10.0.0.1", "169.254.1.2", "fe80::1"]);
        assert!(assets.iter().all(|a| a.macs.iter().all(|m| Some(*m) == mac)));
    }
}
