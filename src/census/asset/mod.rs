//! Assets: which speakers are one device, and what is believed of it.

mod address;
mod anew;
mod attribute;
mod begun;
mod cards;
#[cfg(test)]
mod churn_tests;
mod claim;
mod client;
mod continuity;
mod credit;
#[cfg(test)]
mod described_tests;
mod desk;
mod equipment;
#[cfg(test)]
mod fixed_tests;
mod group;
mod holding;
mod identifiers;
mod identity;
mod join;
#[cfg(test)]
mod join_tests;
mod leased;
mod passing;
mod pins;
mod plug;
mod serial;
mod served;
mod shared;
mod standing;
mod tally;
mod understood;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

pub(crate) use crate::net::is_public;
pub use attribute::{Candidate, Reason, SHOWN, shown};
pub use identifiers::{DeviceIdentifier, Strength};
pub use identity::Identity;
pub use pins::{BadPins, Pins};
pub use tally::Tally;

use super::host::{Evidence, Host, Said, Span};
use super::signature::oui;
use super::{Census, users};
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Piece, Role};
use desk::Desk;
use equipment::Told;
use group::{Group, Groups, is_only_named};
use identity::Identifier;
use plug::Plugs;

/// The facts that the census makes itself: the registered holder of a MAC's block, that
/// packets of others come through a card, that many devices are spoken for, which protocols
/// are served, as their content says, that many send it images, that a member of a domain
/// leases its address, and that several computers speak as one.
pub const OWN_KEYS: [&str; 7] = [OUI, FORWARDS, SPEAKS_FOR, SERVES, RECEIVES, MEMBER, SHARES];
const OUI: &str = "mac.oui";
const FORWARDS: &str = "network.forwards";
const SPEAKS_FOR: &str = "network.speaks_for";
const SERVES: &str = "network.serves";
const RECEIVES: &str = "network.receives";
const MEMBER: &str = "network.member";
const SHARES: &str = "network.shares";

/// No single frame says it.
const NO_FRAME: Evidence = Evidence { capture: 0, frame: 0 };

/// What is left of a statement about the maker of a message when the speaker passes
/// messages on.
const PASSED_ON: f32 = 0.5;

/// What is left of a statement that a gateway makes of the device behind a card's address.
const SAID_BY_OTHERS: f32 = 0.9;

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

/// A partner that is new.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    /// Who it is.
    pub peer: AssetId,
    /// Under which addresses they talked: the asset's own, and the partner's.
    pub between: [Option<IpAddr>; 2],
    /// The frame that showed it.
    pub evidence: Evidence,
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
    /// Why several cards or addresses are this one device.
    pub joined: Vec<Joined<'a>>,
    /// What tells it from others, strongest first; empty while it is only looked at.
    pub identifiers: Vec<DeviceIdentifier<'a>>,
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
    /// VLANs that an access device says it was put into.
    pub assigned_vlans: BTreeSet<u16>,
    /// Who last logged on there, where the site has asked for it.
    pub last_user: Option<&'a str>,
    /// Services with the part it plays; sorted.
    pub services: Vec<(Transport, u16, &'a str, Role)>,
    /// Assets that it talks with; sorted.
    pub peers: Vec<AssetId>,
    /// Those of them whom it met of late.
    pub met: Vec<Met>,
    /// Through whom it is known, for a device of which only others speak; sorted.
    pub seen_through: Vec<AssetId>,
    /// Where those are, who are no further away from it than the network; sorted.
    pub told_in: Vec<Segment>,
    /// Who tells of its work.
    pub through: Vec<Through<'a>>,
    /// Who speaks as this device, under which name.
    pub speakers: Vec<(&'a HostId, &'a Host)>,
    /// The images that it sends and the steps that it reports are its own.
    pub acquires: bool,
    /// Everything said of it, by attribute: candidates, the shown one first.
    pub attributes: BTreeMap<&'static str, Vec<Candidate<'a>>>,
}

/// A speaker that describes a device which is another's, and tells of work there.
#[derive(Clone, Copy, Debug)]
pub struct Through<'a> {
    /// Under which name it speaks.
    pub id: &'a HostId,
    /// The speaker.
    pub host: &'a Host,
    /// By what it describes the device.
    pub piece: Piece,
    /// From the first to the last time that it did.
    pub span: Span,
}

/// Why a card or an address is part of a device that is named after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined<'a> {
    /// The card or address.
    pub identity: Identity,
    /// The rule: `identity.engine`, `pinned`.
    pub rule: &'static str,
    /// The fact that both say, or `reason` where the site says so.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// Who says so.
    pub said: Said,
}

impl<'a> Asset<'a> {
    /// The candidates shown for an attribute, in their order.
    #[must_use]
    pub fn shown(&self, name: &str) -> Vec<&Candidate<'a>> {
        let os = self.attributes.get("os_name").and_then(|all| all.first());
        let os = os.map(|c| &*c.value);
        self.attributes.get(name).map_or_else(Vec::new, |all| shown(name, all, os))
    }

    /// Where it speaks on its own link; failing that where it speaks. In no order.
    #[must_use]
    pub fn places(&self) -> Vec<Segment> {
        let mut places = self.segments.clone();
        if places.is_empty() {
            let spoke = self.speakers.iter().filter(|(_, host)| host.spoke);
            places.extend(spoke.map(|(id, _)| id.segment));
        }
        places
    }
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

    /// Devices that the site's file names and nobody is: mistyped, or silent so far.
    #[must_use]
    pub fn unseen_pins(&self) -> Vec<String> {
        if self.pins.is_empty() {
            return Vec::new();
        }
        let hosts: Vec<(&HostId, &Host)> = self.hosts().collect();
        let mut identifier = Identifier::new(hosts.iter().copied());
        identifier.tell_apart(&hosts, &self.book);
        let groups = Groups::new(&identifier, hosts.into_iter());
        let unseen = self.pins.devices().filter(|it| groups.at(it).is_none());
        unseen.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
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
        self.derive_all(None, &|| Ok(()), &mut |asset| each(asset))
    }

    /// Shows every asset to `look`, with which it may remember something, as far as it alone
    /// says; then hands them whole to `each` as [`Self::derive`] does, with what was
    /// remembered. Before that, `go_on` is asked again and again: it takes long where many
    /// are known.
    ///
    /// # Errors
    /// The first one of `go_on` and `each`, after which nothing more is derived.
    pub(in crate::census) fn derive_twice<'a, M, E>(
        &'a self,
        look: impl Fn(&Asset<'a>, &mut M),
        memory: &mut M,
        go_on: impl Fn() -> Result<(), E>,
        mut each: impl FnMut(Asset<'a>, &M) -> Result<(), E>,
    ) -> Result<(), E> {
        let seen = RefCell::new(memory);
        let look = |asset: &Asset<'a>| look(asset, *seen.borrow_mut());
        self.derive_all(Some(&look), &go_on, &mut |asset| each(asset, *seen.borrow()))
    }

    fn derive_all<'a, E>(
        &'a self,
        look: Option<&dyn Fn(&Asset<'a>)>,
        go_on: &dyn Fn() -> Result<(), E>,
        each: &mut dyn FnMut(Asset<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let hosts: Vec<(&HostId, &Host)> = self.hosts().collect();
        let mut identifier = Identifier::new(hosts.iter().copied());
        go_on()?;
        identifier.tell_apart(&hosts, &self.book);
        let plugs = Plugs::new(&hosts, &identifier, &self.book);
        go_on()?;
        let mut groups = Groups::new(&identifier, hosts.into_iter());
        go_on()?;
        let described = |group: &Group<'a>| {
            let medical = || self.card_is(group, "device_category", "medical");
            equipment::sort(&group.hosts, group.id, &self.book, medical)
        };
        join::join(&mut groups, &self.pins, described);
        go_on()?;
        let mut desk = Desk::new(identifier, plugs, &groups, (&self.book, &self.meetings));
        let mut all = groups.into_all();
        for group in &mut all {
            if group.hosts.iter().all(|(_, host)| is_only_named(host)) {
                group.hosts.clear();
            }
        }
        all.retain(|group| !(group.hosts.is_empty() && group.routes.is_empty()));
        all.sort_unstable_by(|a, b| a.identity.cmp(&b.identity));
        // Who is described by whom; a device that speaks for itself keeps its own name.
        let mut speaks: BTreeSet<Identity> = BTreeSet::new();
        go_on()?;
        let mut likely: BTreeMap<Identity, usize> = BTreeMap::new();
        for group in &mut all {
            group.described = described(group);
            speaks.extend(equipment::names(&group.described));
            for name in equipment::likely(&group.described) {
                *likely.entry(name).or_default() += 1;
            }
        }
        likely.retain(|name, count| *count > 1 || speaks.contains(name));
        let mut others: Others<'_> = BTreeMap::new();
        let mut through: BTreeMap<Identity, Vec<Through<'_>>> = BTreeMap::new();
        for group in &mut all {
            for name in equipment::likely(&group.described) {
                match likely.contains_key(&name) {
                    true => equipment::give_up(&mut group.described, &name),
                    false => _ = speaks.insert(name),
                }
            }
            group.is_medical =
                !group.routes.is_empty() && self.card_is(group, "device_category", "medical");
            let serial = || self.card_is(group, "device_class", "serial-server");
            let speaks_for = match equipment::speaks_for(&group.described, &group.hosts) {
                Some(("astm", said)) if serial() => Some(("serial", said)),
                speaks_for => speaks_for,
            };
            group.speaks_for = speaks_for.map(Box::new);
            for (name, facts) in std::mem::take(&mut group.described.others) {
                let work =
                    facts.iter().filter_map(|(told, said)| told.through(*said, &group.hosts));
                through.entry(name.clone()).or_default().extend(work);
                let all = others.entry(name).or_default();
                all.extend(facts.into_iter().map(|(told, said)| (group.id, told, said)));
            }
        }
        let users = self.keeps_users().then(|| self.users_since());
        // What others say of a device whose card is known is that device's.
        let cards: BTreeMap<Mac, usize> = all
            .iter()
            .enumerate()
            .flat_map(|(at, group)| group.identities().map(move |it| (it.mac(), at)))
            .filter_map(|(mac, at)| Some((mac?, at)))
            .filter(|_| !others.is_empty())
            .collect();
        let mut own_through: BTreeMap<AssetId, Vec<Through<'_>>> = BTreeMap::new();
        others.retain(|name, facts| {
            let card = facts.iter().find_map(|(_, told, _)| told.card());
            let Some(group) = card.and_then(|mac| all.get_mut(*cards.get(&mac)?)) else {
                return true;
            };
            let own = facts.iter().filter_map(|(_, told, said)| Some((told.message()?, *said)));
            group.described.own.extend(own.map(|(facts, said)| (facts, said, SAID_BY_OTHERS)));
            let work = through.remove(name).unwrap_or_default();
            own_through.entry(group.id).or_default().extend(work);
            false
        });
        let others: Vec<_> =
            others.into_iter().filter(|(name, _)| !speaks.contains(name)).collect();
        if let Some(look) = look {
            for group in &all {
                go_on()?;
                look(&desk.sketch(group));
            }
            let described = others.iter().filter_map(|(name, it)| desk.described(name, it));
            described.for_each(|asset| look(&asset));
        }
        let tellers = others.iter().flat_map(|(_, facts)| facts).map(|(teller, ..)| *teller);
        let tellers: BTreeSet<AssetId> = tellers.collect();
        let mut places: BTreeMap<AssetId, Vec<Segment>> = BTreeMap::new();
        for group in &all {
            let mut asset = desk.asset(group);
            asset.through = own_through.remove(&group.id).unwrap_or_default();
            if tellers.contains(&group.id) {
                places.insert(group.id, asset.places());
            }
            let speakers = group.hosts.iter().map(|(_, host)| *host);
            asset.last_user = users.and_then(|since| users::last(speakers, since));
            each(asset)?;
        }
        for (name, facts) in others {
            let Some(mut asset) = desk.described(&name, &facts) else { continue };
            let told_in = asset.seen_through.iter().filter_map(|it| places.get(it));
            asset.told_in =
                told_in.flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
            asset.through = through.remove(&name).unwrap_or_default();
            each(asset)?;
        }
        Ok(())
    }

    /// Whether a card's maker makes devices of which this is said.
    fn card_is(&self, group: &Group<'_>, attribute: &str, value: &str) -> bool {
        group.identities().any(|identity| {
            let Identity::Mac(mac) = identity else { return false };
            oui::vendor(*mac)
                .and_then(|vendor| self.book.matches(OUI, vendor, &[]))
                .is_some_and(|found| found.get(attribute) == Some(value))
        })
    }
}

/// Devices that are described, with through whom.
type Others<'a> = BTreeMap<Identity, Vec<(AssetId, Told<'a>, Said)>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::signature::Book;
    use crate::observe::{Lease, Observation, Observed};
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
