//! From what the speakers of one device said to the asset.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use foldhash::fast::RandomState;

use super::address::is_somebodys;
use super::attribute::{Candidates, PORT, SWITCH};
use super::equipment::{self, Told};
use super::group::{Group, Groups};
use super::identifiers;
use super::identity::{Identifier, Identity};
use super::is_public;
use super::passing::{Passing, Senders};
use super::plug::Plugs;
use super::shared::Shared;
use super::standing;
use super::understood::Reader;
use super::{
    Asset, AssetId, FORWARDS, MEMBER, Met, NO_FRAME, OUI, PASSED_ON, RECEIVES, SERVES, SHARES,
    SPEAKS_FOR,
};
use crate::census::host::{Host, Said, Service, Span};
use crate::census::meetings::Meetings;
use crate::census::signature::{Book, oui};
use crate::net::{HostId, Mac};
use crate::observe::{Lease, Role};
use crate::time::Timestamp;

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
pub(super) struct Desk<'a> {
    identifier: Identifier,
    plugs: Plugs<'a>,
    /// Names of what became part of another device.
    joined: HashMap<Identity, AssetId, RandomState>,
    /// Assets by speaker: everyone is a peer of many.
    known: Speakers<'a>,
    reader: Reader<'a>,
    meetings: &'a Meetings,
    senders: Senders<'a>,
    /// Who stored images somewhere.
    stores: HashSet<&'a HostId, RandomState>,
}

/// How a member of a domain got its address.
const LEASED: &str = "leased";

/// A Windows that leases its address and has an account in a domain; what says the latter.
/// Neither alone tells: servers have accounts too, and devices of any kind run Windows.
fn leased_member(hosts: &[(&HostId, &Host)]) -> Option<Said> {
    let mut classes = hosts.iter().flat_map(|(_, host)| host.values("dhcp.vendor_class"));
    let accounts = hosts.iter().flat_map(|(_, host)| host.facts_of("kerberos.hostname"));
    let first = accounts.map(|fact| fact.said).min_by_key(|said| said.evidence)?;
    classes.any(|class| class == "MSFT 5.0").then_some(first)
}

/// Whether the address was given up after the last time that it was held or used.
fn given_up(group: &Group<'_>, ip: IpAddr, span: Span) -> bool {
    let hosts = || group.hosts.iter().map(|(_, host)| *host);
    let all = || hosts().flat_map(|host| &host.addresses).filter(|(it, ..)| *it == ip);
    let ends = hosts().flat_map(|host| {
        host.addresses.iter().filter(move |(it, lease, _)| *it == ip && host.gives_back(ip, *lease))
    });
    let end = ends.map(|(.., said)| said.span.last).max();
    let later =
        |end: Timestamp| all().any(|(_, lease, said)| !lease.is_over() && said.span.last > end);
    end.is_some_and(|end| span.last <= end && !later(end))
}

/// What is done in a conversation of ASTM: results come from an analyser, or through who
/// sends the headers of several.
const ANALYSES: &str = "astm.role";

/// From so many senders of images on, who takes them keeps them.
const MANY_SENDERS: usize = 5;

/// What is left of being a router, or an access device, where all else says otherwise.
const FORGED: f32 = 0.5;

impl<'a> Desk<'a> {
    pub(super) fn new(
        identifier: Identifier,
        plugs: Plugs<'a>,
        groups: &Groups<'a>,
        (book, meetings): (&'a Book, &'a Meetings),
    ) -> Self {
        let speakers = groups.all.iter().map(|group| group.hosts.len()).sum();
        let mut known = Speakers::default();
        known.last.reserve(speakers);
        let mut joined = HashMap::default();
        let (mut senders, mut stores) = (Senders::default(), HashSet::default());
        for group in &groups.all {
            let name = group.id;
            for (id, host) in &group.hosts {
                known.add(id, host.span, name);
                senders.add(id, host);
                if !host.facts_of("dicom.stored_sop_class").is_empty() {
                    stores.insert(*id);
                }
            }
            joined.extend(group.parts().iter().map(|it| (it.clone(), name)));
        }
        let reader = Reader::new(book);
        Self { identifier, plugs, joined, known, reader, meetings, senders, stores }
    }

    /// The name of the device that is recognised so.
    fn name_of(&self, identity: &Identity) -> AssetId {
        let joined = self.joined.get(identity).copied();
        joined.unwrap_or_else(|| AssetId::of(&identity.to_string()))
    }

    /// A device.
    pub(super) fn asset(&mut self, group: &Group<'a>) -> Asset<'a> {
        let mut asset = self.sketch(group);
        let shared = self.shared(group);
        asset.identifiers = identifiers::of_group(group, &asset, shared);
        asset.joined.clone_from(&group.joined);
        asset.acquires = equipment::acquires(&group.described, &group.hosts);
        for plug in self.plugs.of(&group.hosts) {
            for (name, candidate) in [SWITCH, PORT].into_iter().zip(plug.candidates()) {
                asset.attributes.entry(name).or_default().push(candidate);
            }
        }
        asset.assigned_vlans = self.plugs.vlans(&group.hosts);
        asset.former = united(asset.former);
        let own = asset.macs.iter();
        asset.conflicts.extend(
            own.flat_map(|mac| self.identifier.holdings().conflicts(*mac))
                .map(|(ip, other)| (ip, self.name_of(&Identity::Mac(other)))),
        );
        for (id, host) in &group.hosts {
            for (peer, evidence) in self.meetings.of(id) {
                let (between, evidence) = ([id.ip, peer.ip], *evidence);
                let met = |peer| asset.met.push(Met { peer, between, evidence });
                self.known.at(peer, host.span, met);
            }
            for peer in host.peers() {
                if !self.known.at(peer, host.span, |id| asset.peers.push(id)) {
                    let unheard = self.identifier.named(peer, host.span);
                    asset.peers.extend(unheard.map(|identity| self.name_of(&identity)));
                }
            }
        }
        asset.peers.sort_unstable();
        asset.peers.dedup();
        let own = asset.id;
        asset.peers.retain(|peer| *peer != own);
        asset
    }

    /// A device as far as it alone says, without the others that it has to do with.
    pub(super) fn sketch(&mut self, group: &Group<'a>) -> Asset<'a> {
        let spans = group.hosts.iter().map(|(_, host)| host.span);
        let spans = spans.chain(group.routes.iter().map(|route| route.span));
        let mut asset = empty(group.id, group.identity.clone(), spans);
        asset.speakers.clone_from(&group.hosts);
        asset.macs.extend(group.identities().filter_map(Identity::mac));
        let mut candidates = Candidates::default();
        let passing = Passing::find(&group.hosts, &self.senders, self.reader.book);
        let shared = self.shared(group);
        let only_asks = standing::only_asks(&group.hosts, self.reader.book);
        for (id, host) in &group.hosts {
            self.place(&mut asset, group, id, host);
            for fact in host.facts() {
                let (key, value) = (fact.key.as_str(), &*fact.value);
                if group.described.is_of_another(key, value) {
                    continue;
                }
                let passed_on = match &group.described.analysers {
                    Some(_) if key == ANALYSES => PASSED_ON,
                    _ => passing.weight(key, value),
                };
                let weight = shared.map_or(passed_on, |it| it.weight(key).min(passed_on));
                let forged = only_asks && key.starts_with(standing::ASKS);
                let weight = if forged { weight.min(FORGED) } else { weight };
                if let Some(found) = self.reader.alone(key, value) {
                    candidates.add(&found, (key, value), fact.said, weight);
                }
                if let Some(found) = self.reader.exposed(key, value) {
                    candidates.add(&found, (key, value), fact.said, 1.0);
                }
            }
            let serves = |(_, _, name, role): &&Service| *role == Role::Server && !name.is_empty();
            for ((_, _, name, _), said) in host.services().iter().filter(|(it, _)| serves(&it)) {
                if let Some(found) = self.reader.alone(SERVES, name) {
                    candidates.add(&found, (SERVES, name), *said, 1.0);
                }
            }
        }
        for (facts, said, weight) in &group.described.own {
            let (told, weight) = (Told::Message(facts), weight * passing.program(facts));
            add_equipment(&mut candidates, &self.reader, told, |_| true, *said, weight);
        }
        if let Some(said) = self.receives(group)
            && let Some(found) = self.reader.alone(RECEIVES, "dicom")
        {
            candidates.add(&found, (RECEIVES, "dicom"), said, 1.0);
        }
        let passes = passing.said.map(|said| ("messages", said));
        if let Some((what, said)) = group.speaks_for.as_deref().copied().or(passes)
            && let Some(found) = self.reader.alone(SPEAKS_FOR, what)
        {
            candidates.add(&found, (SPEAKS_FOR, what), said, 1.0);
        }
        if let Some(Shared { by, said }) = shared
            && let Some(found) = self.reader.alone(SHARES, by)
        {
            candidates.add(&found, (SHARES, by), said, 1.0);
        }
        if let Some(said) = leased_member(&group.hosts)
            && let Some(found) = self.reader.alone(MEMBER, LEASED)
        {
            candidates.add(&found, (MEMBER, LEASED), said, 1.0);
        }
        for route in &group.routes {
            asset.segments.push(route.segment);
            let evidence = route.evidence.unwrap_or(NO_FRAME);
            let said = Said { evidence, span: route.span };
            if let Some(found) = self.reader.alone(FORWARDS, "yes").filter(|_| route.sure) {
                // Hops can be forged: they make no router of a maker of medical devices.
                let weight = if group.is_medical { FORGED } else { 1.0 };
                candidates.add(&found, (FORWARDS, "yes"), said, weight);
            }
        }
        // The cards' makers, said by the first frame that each sent.
        for mac in group.identities().filter_map(Identity::mac) {
            if let Some(vendor) = oui::vendor(mac)
                && let Some(found) = self.reader.alone(OUI, vendor)
            {
                let said = Said { evidence: NO_FRAME, span: asset.span };
                candidates.add(&found, (OUI, vendor), said, 1.0);
            }
        }
        asset.attributes = candidates.weigh(self.reader.book);
        asset.ips.sort_unstable();
        asset.ips.dedup();
        asset.segments.sort_unstable();
        asset.segments.dedup();
        asset.services.sort_unstable();
        asset.services.dedup();
        asset
    }

    /// Whether several computers speak as this one. A device that describes itself is one,
    /// whatever others say in its name.
    fn shared(&mut self, group: &Group<'a>) -> Option<Shared> {
        let is_itself = !group.described.own.is_empty();
        if is_itself { None } else { Shared::find(&group.hosts, &mut self.reader) }
    }

    /// Addresses, segments and services of one speaker.
    fn place(&self, asset: &mut Asset<'a>, group: &Group<'a>, id: &HostId, host: &'a Host) {
        if let Some(mac) = id.mac
            && group.identities().any(|it| it.mac() == Some(mac))
        {
            asset.macs.insert(mac);
        }
        let seen = !host.services().is_empty() || host.direct || host.routed;
        let used = id.ip.filter(|_| seen).map(|ip| (ip, host.span));
        let held = host.addresses.iter().filter(|(_, lease, _)| !lease.is_over());
        let held = held.map(|(ip, _, said)| (*ip, said.span));
        for (ip, span) in used.into_iter().chain(held).filter(|(ip, _)| is_somebodys(*ip)) {
            let others = |mac| asset.macs.iter().all(|own| *own != mac);
            // Who answers for another does not have its address.
            let answers = |mac: &Mac| self.identifier.answers_for_another(id.segment, ip, *mac);
            if asset.macs.iter().any(answers) {
                continue;
            }
            if self.identifier.only_says(id.segment, ip, others) {
                continue;
            }
            let holdings = self.identifier.holdings();
            let gone = given_up(group, ip, span)
                || holdings.is_given_back(id.segment, (ip, span.last), others)
                || self.identifier.holdings().passed_on(id.segment, ip, others)
                || self.identifier.holdings().is_alone(id.segment, ip, others)
                || asset.macs.is_empty()
                    && self.identifier.holdings().is_lost(id.segment, ip, span.last);
            match gone {
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
    }

    /// Who keeps the images of many: they send them there, and it does not pass them on.
    fn receives(&self, group: &Group<'a>) -> Option<Said> {
        if matches!(group.speaks_for.as_deref(), Some(("dicom", _))) {
            return None;
        }
        let mut keeps = group
            .hosts
            .iter()
            .flat_map(|(_, host)| host.facts_of("dicom.accepted_storage_classes"));
        let said = keeps.next()?.said;
        let mut senders = BTreeSet::new();
        for (_, host) in &group.hosts {
            for peer in host.peers().iter().filter(|it| self.stores.contains(it)) {
                self.known.at(peer, host.span, |id| _ = senders.insert(id));
            }
        }
        senders.remove(&group.id);
        (senders.len() >= MANY_SENDERS).then_some(said)
    }

    /// A device of which only others speak.
    pub(super) fn described(
        &self,
        identity: &Identity,
        facts: &[(AssetId, Told<'a>, Said)],
    ) -> Option<Asset<'a>> {
        let id = AssetId::of(&identity.to_string());
        let mut asset = empty(id, identity.clone(), facts.iter().map(|(.., said)| said.span));
        let mut candidates = Candidates::default();
        for (through, told, said) in facts {
            asset.seen_through.push(*through);
            let own = |key: &str| key != "dicom.calling_ae";
            add_equipment(&mut candidates, &self.reader, *told, own, *said, 1.0);
        }
        asset.seen_through.sort_unstable();
        asset.seen_through.dedup();
        asset.identifiers =
            identifiers::of_described(facts.iter().map(|(_, told, said)| (*told, *said)));
        asset.attributes = candidates.weigh(self.reader.book);
        (!asset.attributes.is_empty()).then_some(asset)
    }
}

/// Adds what the facts of one description say whose keys are `wanted`.
fn add_equipment<'a>(
    candidates: &mut Candidates<'a>,
    reader: &Reader<'a>,
    told: Told<'a>,
    wanted: impl Fn(&str) -> bool,
    said: Said,
    weight: f32,
) {
    let mut facts = told.facts();
    facts.retain(|(key, _)| wanted(key));
    let found = |(key, value): &(&'a str, &'a str)| {
        Some(((*key, *value), reader.among(key, value, &facts)?))
    };
    let mut all: Vec<_> = facts.iter().filter_map(found).collect();
    if weight < equipment::SURE {
        // Whether it is the device itself is one doubt: that it says a thing in two ways
        // makes it no smaller.
        let mut best: BTreeMap<(&str, String), (f32, usize)> = BTreeMap::new();
        for (at, (_, found)) in all.iter().enumerate() {
            for (name, value, sure) in &found.said {
                let known = best.entry((*name, value.to_lowercase())).or_insert((*sure, at));
                if *sure > known.0 {
                    *known = (*sure, at);
                }
            }
        }
        for (at, (_, found)) in all.iter_mut().enumerate() {
            let is_best = |name: &'static str, value: &str| {
                best.get(&(name, value.to_lowercase())).is_some_and(|(_, of)| *of == at)
            };
            *found = Rc::new(found.only(is_best));
        }
    }
    for (fact, found) in all {
        candidates.add(&found, fact, said, weight);
    }
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
    Asset {
        id,
        external: matches!(&identity, Identity::Address { ip, .. } if is_public(*ip)),
        identity,
        span: span.unwrap_or(Span::at(Timestamp(0))),
        joined: Vec::new(),
        identifiers: Vec::new(),
        macs: BTreeSet::new(),
        ips: Vec::new(),
        former: Vec::new(),
        conflicts: Vec::new(),
        leased: false,
        segments: Vec::new(),
        assigned_vlans: BTreeSet::new(),
        last_user: None,
        services: Vec::new(),
        peers: Vec::new(),
        met: Vec::new(),
        seen_through: Vec::new(),
        told_in: Vec::new(),
        through: Vec::new(),
        speakers: Vec::new(),
        acquires: false,
        attributes: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::Evidence;
    use crate::census::room::Room;
    use crate::observe::Key;
    use crate::time::Timestamp;

    #[test]
    fn a_desk_leases_its_address_and_has_an_account() {
        let id = HostId::default();
        let told = |facts: &[(&'static str, &str)]| {
            let mut host = Host::new(Timestamp(0));
            for (n, (key, value)) in (1..).zip(facts) {
                let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: n });
                host.learn(Key::new(key), (*value).into(), said, &mut Room::default());
            }
            leased_member(&[(&id, &host)]).map(|said| said.evidence.frame)
        };
        let (leases, account) = (("dhcp.vendor_class", "MSFT 5.0"), ("kerberos.hostname", "PC1"));
        assert_eq!(told(&[leases, account]), Some(2));
        assert_eq!((told(&[leases]), told(&[account])), (None, None));
        assert_eq!(told(&[("dhcp.vendor_class", "MSFT 5.0 XBOX"), account]), None);
    }
}
