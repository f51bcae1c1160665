//! Assets: which speakers are one device, and what is believed of it.

mod address;
mod attribute;
mod cards;
#[cfg(test)]
mod churn_tests;
mod equipment;
mod holding;
mod identity;
mod plug;
mod tally;
mod understood;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

pub use attribute::{Candidate, Reason, SHOWN, shown};
pub use identity::Identity;
pub use tally::Tally;

use super::host::{EquipmentFacts, Evidence, Host, Said, Span};
use super::signature::oui;
use super::{Census, users};
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Lease, Role};
use address::{is_public, is_somebodys};
use attribute::Candidates;
use equipment::Described;
use identity::{Identifier, Route};
use plug::Plugs;
use understood::Reader;

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

/// The name of an asset: the same device has it in every run. It is a hash of the
/// identity, of which people see `A` and ten hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(u128);

impl AssetId {
    /// Of what it is recognised by, as [`Identity`] displays it.
    #[must_use]
    pub fn of(identity: &str) -> Self {
        let digest = Sha256::digest(identity);
        Self(digest.iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte)))
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A{:010x}", self.0 >> 88)
    }
}

/// A device, as far as it is known. Its text is lent by the census.
#[derive(Clone, Debug)]
pub struct Asset<'a> {
    /// Stable name.
    pub id: AssetId,
    /// What it is recognised by.
    pub identity: Identity,
    /// First and last time.
    pub span: Span,
    /// Public address behind a router: someone on the Internet, unless the site says otherwise.
    pub external: bool,
    /// Its network cards.
    pub macs: BTreeSet<Mac>,
    /// Its addresses; sorted.
    pub ips: Vec<IpAddr>,
    /// Addresses that have gone to another since, with the time it had them; sorted.
    pub former: Vec<(IpAddr, Span)>,
    /// Addresses that another uses at the same time, with the other; sorted.
    pub conflicts: Vec<(IpAddr, AssetId)>,
    /// A DHCP server gave it one of them.
    pub leased: bool,
    /// Where it was seen; sorted.
    pub segments: Vec<Segment>,
    /// Switch and port.
    pub attached: Vec<(&'a str, &'a str)>,
    /// Who last logged on there, where the site has asked for it.
    pub last_user: Option<&'a str>,
    /// Services with the part it plays; sorted.
    pub services: Vec<(Transport, u16, &'a str, Role)>,
    /// Assets that it talks with; sorted.
    pub peers: Vec<AssetId>,
    /// Through whom it is known, for a device of which only others speak; sorted.
    pub seen_through: Vec<AssetId>,
    /// Everything said of it, by attribute: candidates, the shown one first.
    pub attributes: BTreeMap<&'static str, Vec<Candidate<'a>>>,
}

impl<'a> Asset<'a> {
    /// The candidates shown for an attribute, in their order.
    #[must_use]
    pub fn shown(&self, name: &str) -> Vec<&Candidate<'a>> {
        let os = self.attributes.get("os_name").and_then(|all| all.first());
        let os = os.map(|c| &*c.value);
        self.attributes.get(name).map_or_else(Vec::new, |all| shown(name, all, os))
    }
}

/// One group of speakers with what they describe.
struct Group<'a> {
    id: AssetId,
    hosts: Vec<(&'a HostId, &'a Host)>,
    described: Described<'a>,
    /// Where it carries the packets of others.
    routes: Vec<Route>,
}

/// All groups, found by their identity.
#[derive(Default)]
struct Groups<'a> {
    places: HashMap<Identity, usize, RandomState>,
    all: Vec<Group<'a>>,
}

impl<'a> Groups<'a> {
    fn place(&mut self, identity: Identity) -> usize {
        let next = self.all.len();
        *self.places.entry(identity).or_insert_with_key(|identity| {
            let id = AssetId::of(&identity.to_string());
            let (hosts, described, routes) = Default::default();
            self.all.push(Group { id, hosts, described, routes });
            next
        })
    }

    fn get(&mut self, identity: Identity) -> Option<&mut Group<'a>> {
        let place = self.place(identity);
        self.all.get_mut(place)
    }
}

/// Whose the words of a speaker are: an address may have been of one, then of another.
#[derive(Default)]
struct Speakers<'a> {
    last: HashMap<&'a HostId, (Span, AssetId), RandomState>,
    /// All of those whose address changed hands.
    turns: HashMap<&'a HostId, Vec<(Span, AssetId)>, RandomState>,
}

impl<'a> Speakers<'a> {
    fn add(&mut self, id: &'a HostId, span: Span, asset: AssetId) {
        if let Some(before) = self.last.insert(id, (span, asset)) {
            let turns = self.turns.entry(id).or_insert_with(|| vec![before]);
            turns.push((span, asset));
        }
    }

    /// Gives each that spoke so in this time; false when nobody ever did.
    fn at(&self, id: &HostId, span: Span, mut give: impl FnMut(AssetId)) -> bool {
        match (self.turns.get(id), self.last.get(id)) {
            (Some(turns), _) => {
                let then = turns.iter().filter(|(turn, _)| turn.common(span).is_some());
                then.for_each(|(_, asset)| give(*asset));
                true
            }
            (None, Some((_, asset))) => {
                give(*asset);
                true
            }
            (None, None) => false,
        }
    }
}

/// What a derivation asks again and again.
struct Desk<'a> {
    identifier: Identifier,
    plugs: Plugs<'a>,
    /// Assets by speaker: everyone is a peer of many.
    known: Speakers<'a>,
    reader: Reader<'a>,
}

impl Census {
    /// Every asset, in the order of the identities.
    #[must_use]
    pub fn assets(&self) -> Vec<Asset<'_>> {
        let mut assets = Vec::new();
        let Ok(()) = self.derive(|asset| {
            assets.push(asset);
            Ok::<(), Infallible>(())
        });
        assets
    }

    /// Hands every asset to `each`, in the order of the identities, one at a time: all
    /// together take as much memory as the census itself.
    ///
    /// # Errors
    /// The first one of `each`, after which nothing more is derived.
    pub fn derive<'a, E>(
        &'a self,
        mut each: impl FnMut(Asset<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let hosts: Vec<(&HostId, &Host)> = self.hosts().collect();
        let identifier = Identifier::new(hosts.iter().copied());
        let plugs = Plugs::new(&hosts);
        let mut groups = Groups::default();
        let mut known = Speakers::default();
        known.last.reserve(hosts.len());
        for (id, host) in hosts {
            let Some(group) = identifier.identify(id, host).and_then(|it| groups.get(it)) else {
                continue;
            };
            known.add(id, host.span, group.id);
            group.hosts.push((id, host));
        }
        for group in &mut groups.all {
            if group.hosts.iter().all(|(_, host)| is_only_named(host)) {
                group.hosts.clear();
            }
        }
        // A router is a device even where only the packets of others show it.
        for route in identifier.routers() {
            if let Some(group) = groups.get(Identity::Mac(route.mac)) {
                group.routes.push(route);
            }
        }
        let Groups { places, mut all } = groups;
        let mut order: Vec<(Identity, usize)> = places.into_iter().collect();
        order.retain(|(_, at)| {
            all.get(*at).is_some_and(|group| !(group.hosts.is_empty() && group.routes.is_empty()))
        });
        order.sort_unstable();
        let mut desk = Desk { identifier, plugs, known, reader: Reader::new(&self.book) };
        // Who is described by whom; a device that speaks for itself keeps its own name.
        let mut speaks: BTreeSet<Identity> = BTreeSet::new();
        let mut others: BTreeMap<Identity, Vec<(AssetId, &EquipmentFacts, Said)>> = BTreeMap::new();
        for (identity, at) in &order {
            let Some(group) = all.get_mut(*at) else { continue };
            group.described = equipment::sort(&group.hosts, || self.has_medical_mac(identity));
            speaks.extend(equipment::names(&group.described));
            for (name, facts) in std::mem::take(&mut group.described.others) {
                let all = others.entry(name).or_default();
                all.extend(facts.into_iter().map(|(facts, said)| (group.id, facts, said)));
            }
        }
        let users = self.keeps_users().then(|| self.users_since());
        for (identity, at) in order {
            if let Some(group) = all.get(at) {
                let mut asset = desk.asset(identity, group);
                let speakers = group.hosts.iter().map(|(_, host)| *host);
                asset.last_user = users.and_then(|since| users::last(speakers, since));
                each(asset)?;
            }
        }
        for (name, facts) in others.into_iter().filter(|(name, _)| !speaks.contains(name)) {
            desk.described(name, &facts).map_or(Ok(()), &mut each)?;
        }
        Ok(())
    }

    fn has_medical_mac(&self, identity: &Identity) -> bool {
        let Identity::Mac(mac) = identity else { return false };
        oui::vendor(*mac)
            .and_then(|vendor| self.book.matches(OUI, vendor, &[]))
            .is_some_and(|found| found.get("device_category") == Some("medical"))
    }
}

impl<'a> Desk<'a> {
    fn asset(&mut self, identity: Identity, group: &Group<'a>) -> Asset<'a> {
        let spans = group.hosts.iter().map(|(_, host)| host.span);
        let spans = spans.chain(group.routes.iter().map(|route| route.span));
        let mut asset = empty(group.id, identity, spans);
        let mut candidates = Candidates::default();
        let relays = equipment::relays_hl7(&group.hosts);
        for (id, host) in &group.hosts {
            self.place(&mut asset, id, host);
            for fact in host.facts() {
                let (key, value) = (fact.key.as_str(), &*fact.value);
                let weight = if relays && key == "hl7.profile" { PASSED_ON } else { 1.0 };
                if let Some(found) = self.reader.alone(key, value) {
                    candidates.add(&found, (key, value), fact.said, weight);
                }
            }
        }
        for (facts, said, weight) in &group.described.own {
            add_equipment(&mut candidates, &self.reader, facts, |_| true, *said, *weight);
        }
        for route in &group.routes {
            asset.segments.push(route.segment);
            let evidence = route.evidence.unwrap_or(NO_FRAME);
            let said = Said { evidence, span: route.span };
            if let Some(found) = self.reader.alone(FORWARDS, "yes").filter(|_| route.sure) {
                candidates.add(&found, (FORWARDS, "yes"), said, 1.0);
            }
        }
        // The card's maker, said by the first frame that the card sent.
        if let Identity::Mac(mac) = &asset.identity
            && let Some(vendor) = oui::vendor(*mac)
            && let Some(found) = self.reader.alone(OUI, vendor)
        {
            let said = Said { evidence: NO_FRAME, span: asset.span };
            candidates.add(&found, (OUI, vendor), said, 1.0);
        }
        asset.attributes = candidates.weigh(self.reader.book);
        asset.attached = self.plugs.of(&group.hosts);
        asset.ips.sort_unstable();
        asset.ips.dedup();
        asset.former = united(asset.former);
        let identifier = &self.identifier;
        let own = asset.macs.iter();
        asset.conflicts.extend(own.flat_map(|mac| identifier.conflicts(*mac)).map(
            |(ip, other)| (ip, AssetId::of(&Identity::Mac(identifier.device(other)).to_string())),
        ));
        asset.segments.sort_unstable();
        asset.segments.dedup();
        asset.services.sort_unstable();
        asset.services.dedup();
        asset.peers.sort_unstable();
        asset.peers.dedup();
        let own = asset.id;
        asset.peers.retain(|peer| *peer != own);
        asset
    }

    /// Addresses, segments, services and peers of one speaker.
    fn place(&self, asset: &mut Asset<'a>, id: &HostId, host: &'a Host) {
        if let (Identity::Mac(device), Some(mac)) = (&asset.identity, id.mac)
            && self.identifier.device(mac) == *device
        {
            asset.macs.insert(mac);
        }
        let seen = !host.services().is_empty() || host.direct || host.routed;
        let used = id.ip.filter(|_| seen).map(|ip| (ip, host.span));
        let held = host.addresses.iter().map(|(ip, _, said)| (*ip, said.span));
        for (ip, span) in used.into_iter().chain(held).filter(|(ip, _)| is_somebodys(*ip)) {
            let others = |mac| asset.macs.iter().all(|own| *own != mac);
            match self.identifier.passed_on(id.segment, ip, others) {
                true => asset.former.push((ip, span)),
                false => asset.ips.push(ip),
            }
        }
        asset.leased |=
            host.addresses.iter().any(|(_, lease, _)| matches!(lease, Lease::Dhcp { .. }));
        // Behind a router the segment is where the router is, not the device.
        let routed = id.mac.is_some_and(|mac| self.identifier.is_router(id.segment, mac));
        let own_mac = id.mac.is_some_and(|mac| asset.macs.contains(&mac));
        if own_mac && host.spoke && (!routed || id.ip.is_none() || !host.routed) {
            asset.segments.push(id.segment);
        }
        let services = host.services().iter();
        asset
            .services
            .extend(services.map(|((t, port, name, role), _)| (*t, *port, &**name, *role)));
        for peer in host.peers() {
            if !self.known.at(peer, host.span, |id| asset.peers.push(id)) {
                let unheard = self.identifier.named(peer, host.span);
                asset.peers.extend(unheard.map(|identity| AssetId::of(&identity.to_string())));
            }
        }
    }

    /// A device of which only others speak.
    fn described(
        &self,
        identity: Identity,
        facts: &[(AssetId, &'a EquipmentFacts, Said)],
    ) -> Option<Asset<'a>> {
        let id = AssetId::of(&identity.to_string());
        let mut asset = empty(id, identity, facts.iter().map(|(.., said)| said.span));
        let mut candidates = Candidates::default();
        for (through, facts, said) in facts {
            asset.seen_through.push(*through);
            let own = |key: &str| key != "dicom.calling_ae";
            add_equipment(&mut candidates, &self.reader, facts, own, *said, 1.0);
        }
        asset.seen_through.sort_unstable();
        asset.seen_through.dedup();
        asset.attributes = candidates.weigh(self.reader.book);
        (!asset.attributes.is_empty()).then_some(asset)
    }
}

/// Adds what the facts of one description say whose keys are `wanted`.
fn add_equipment<'a>(
    candidates: &mut Candidates<'a>,
    reader: &Reader<'a>,
    facts: &'a EquipmentFacts,
    wanted: impl Fn(&str) -> bool,
    said: Said,
    weight: f32,
) {
    let facts: Vec<(&str, &str)> = facts
        .iter()
        .map(|(key, value)| (key.as_str(), &**value))
        .filter(|(key, _)| wanted(key))
        .collect();
    for (key, value) in &facts {
        if let Some(found) = reader.among(key, value, &facts) {
            candidates.add(&found, (key, value), said, weight);
        }
    }
}

/// Others name it, nothing else is known of it: that makes no device.
fn is_only_named(host: &Host) -> bool {
    !host.spoke
        && host.addresses.is_empty()
        && host.services().is_empty()
        && host.equipment.is_empty()
        && host.attached.is_empty()
        && host.facts().iter().all(|fact| fact.key.as_str() == "dns.name")
}

/// Each address once, with all of its time.
fn united(mut all: Vec<(IpAddr, Span)>) -> Vec<(IpAddr, Span)> {
    all.sort_unstable_by_key(|(ip, span)| (*ip, span.first, span.last));
    all.dedup_by(|(ip, span), (kept, whole)| {
        let same = ip == kept;
        if same {
            whole.cover(*span);
        }
        same
    });
    all
}

fn empty<'a>(id: AssetId, identity: Identity, spans: impl Iterator<Item = Span>) -> Asset<'a> {
    let span = spans.reduce(|mut all, span| {
        all.cover(span);
        all
    });
    let macs = match identity {
        Identity::Mac(mac) => BTreeSet::from([mac]),
        _ => BTreeSet::new(),
    };
    Asset {
        id,
        external: matches!(&identity, Identity::Address { ip, .. } if is_public(*ip)),
        identity,
        span: span.unwrap_or(Span::at(crate::time::Timestamp(0))),
        macs,
        ips: Vec::new(),
        former: Vec::new(),
        conflicts: Vec::new(),
        leased: false,
        segments: Vec::new(),
        attached: Vec::new(),
        last_user: None,
        services: Vec::new(),
        peers: Vec::new(),
        seen_through: Vec::new(),
        attributes: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::signature::Book;
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
