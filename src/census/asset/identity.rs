//! Which speakers are one device.
//!
//! A MAC on its own segment is a device. Behind a router it is the router's: there
//! the address is looked up among the bindings that ARP, NDP, DHCP or a direct
//! sighting elsewhere have shown, and failing that the address itself is the
//! identity, said to be so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;

use super::address::{is_link_local, is_somebodys, is_virtual_router, network};
use super::anew;
use super::begun::Begun;
use super::continuity;
use super::credit::Asks;
use super::holding::{Bound, Few, Holdings};
use super::is_public;
use crate::census::host::{Evidence, Host, Span};
use crate::census::signature::Book;
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac, Segment};
use crate::observe::Lease;
use crate::time::Timestamp;

/// Addresses behind one MAC in one segment, none of them bound to it, from which on
/// it is taken for a router even where TTLs say nothing.
const ROUTER_ADDRESSES: usize = 4;
/// The same for addresses of the Internet: one device has one, or one a network.
const ROUTER_PUBLIC_ADDRESSES: usize = 2;
/// So many carried addresses make a router for certain: a single one may be a device
/// that starts with an odd TTL.
const SURELY_ROUTER: usize = 2;

/// What an asset is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A hardware address seen on its own link.
    Mac(Mac),
    /// An address behind a router, of one sensor and overlay.
    Address {
        /// Sensor of the segment.
        sensor: u16,
        /// Overlay network, 0 for none.
        vni: u32,
        /// The address.
        ip: IpAddr,
        /// Since when it is another's than before, where it was.
        since: Option<Timestamp>,
    },
    /// A device of which others speak: maker, model, serial number.
    Equipment(String),
}

impl Identity {
    /// The card, where it is one.
    #[must_use]
    pub const fn mac(&self) -> Option<Mac> {
        match self {
            Self::Mac(mac) => Some(*mac),
            _ => None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac:{mac}"),
            Self::Address { sensor, vni, ip, since } => {
                match (sensor, vni) {
                    (0, 0) => write!(f, "ip:{ip}")?,
                    _ => write!(f, "ip:{sensor}/{vni}/{ip}")?,
                }
                since.map_or(Ok(()), |since| write!(f, " since {}", since.rfc3339()))
            }
            Self::Equipment(name) => write!(f, "equipment:{name}"),
        }
    }
}

/// A MAC that carries the packets of others in one segment.
struct Router {
    /// When it did.
    span: Span,
    /// Addresses that came through it for certain, by their TTL or because they are the
    /// Internet's.
    carried: usize,
    /// The first frame between it and one of these.
    evidence: Option<Evidence>,
}

/// Where a MAC carries the packets of others.
pub(super) struct Route {
    pub(super) segment: Segment,
    pub(super) mac: Mac,
    pub(super) span: Span,
    /// More than one address came so.
    pub(super) sure: bool,
    /// A frame that shows it, where one is known.
    pub(super) evidence: Option<Evidence>,
}

/// The knowledge needed to say who a speaker is.
pub(super) struct Identifier {
    routers: HashMap<(Segment, Mac), Router, RandomState>,
    /// MACs that stand for two ends of one conversation, which are nobody's.
    shared: BTreeSet<(Segment, Mac)>,
    /// Who held which address when.
    holdings: Holdings,
    /// The same by MAC.
    bound: Bound,
    /// Since when addresses are their speakers' own.
    begun: Begun,
    /// Addresses that routers share (RFC 9568): of whichever is on duty, so nobody's. How often
    /// that was said, 2 for more than once.
    duties: BTreeMap<(Domain, IpAddr), u32>,
}

impl Identifier {
    pub(super) fn new<'a>(hosts: impl Iterator<Item = (&'a HostId, &'a Host)> + Clone) -> Self {
        let mut it = Self {
            routers: HashMap::default(),
            shared: BTreeSet::new(),
            holdings: Holdings::new(Asks::of(hosts.clone())),
            bound: HashMap::default(),
            begun: Begun::default(),
            duties: BTreeMap::new(),
        };
        for (id, host) in hosts.clone() {
            let held = host.addresses.iter().filter(|(_, lease, _)| !lease.is_over());
            for (ip, lease, said) in held {
                if let Some(mac) = id.mac {
                    it.bind(id.segment, *ip, mac, said.span, Some(*lease));
                }
            }
        }
        // Who uses an address that it claimed still has it.
        for (id, host) in hosts.clone().filter(|(_, host)| host.direct && !host.routed) {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            if it.bound.get(&mac).is_some_and(|ips| ips.contains(ip)) {
                it.bind(id.segment, ip, mac, host.span, None);
            }
        }
        for (id, host) in hosts.clone() {
            let Some(mac) = id.mac else { continue };
            it.holdings.contested((id, mac), host);
            let ends = host.addresses.iter().filter(|(ip, lease, _)| host.gives_back(*ip, *lease));
            for (ip, lease, said) in ends {
                let declined = *lease == Lease::Declined;
                it.holdings.leave((id.segment, mac), *ip, said.span.last, declined);
            }
        }
        for (card, ip, at) in anew::ended(hosts.clone()) {
            it.holdings.leave(card, ip, at, false);
        }
        it.holdings.settle();
        it.begun = Begun::find(hosts.clone().filter(|(_, host)| host.spoke), &it.holdings);
        for (id, host) in hosts.clone().filter(|(_, host)| host.routed) {
            if let (Some(mac), Some(ip)) = (id.mac, id.ip) {
                it.holdings.carries(mac, ip);
                let first =
                    it.holdings.heard.entry((domain(id.segment), ip)).or_insert(host.span.first);
                *first = host.span.first.min(*first);
            }
        }
        let mut behind: HashMap<(Segment, Mac), (Vec<IpAddr>, Span), RandomState> =
            HashMap::default();
        // An address that several had in turn is one.
        let mut counted = None;
        for (id, host) in hosts.clone() {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            if is_link_local(ip) || !is_somebodys(ip) || it.is_bound(id.segment, ip, mac) {
                continue;
            }
            // A translating gateway hands on the Internet with untouched TTLs.
            let translated = is_public(ip) && it.holds_another(mac, ip);
            let carried = host.routed || translated;
            if talks_to_itself(id, host) {
                it.shared.insert((id.segment, mac));
            }
            if carried || is_virtual_router(mac) {
                let is_new = carried && counted.replace(*id) != Some(*id);
                it.carries((id.segment, mac), host.span, usize::from(is_new));
            }
            if is_public(ip) || !host.direct {
                let new = || (Vec::new(), host.span);
                let (networks, span) = behind.entry((id.segment, mac)).or_insert_with(new);
                networks.push(network(ip));
                span.cover(host.span);
            }
        }
        for (router, (mut networks, span)) in behind {
            networks.sort_unstable();
            networks.dedup();
            let public = networks.iter().filter(|ip| is_public(**ip)).count();
            if public >= ROUTER_PUBLIC_ADDRESSES {
                it.carries(router, span, public);
            } else if networks.len() >= ROUTER_ADDRESSES {
                it.carries(router, span, 0);
            }
        }
        // Seen on its own link with an untouched TTL: as good as ARP where ARP is not seen.
        let mut direct = Vec::new();
        for (id, host) in hosts.clone() {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            if !host.direct || host.routed {
                continue;
            }
            let known = it.holdings.is_claimed(id.segment, ip, host.span.first);
            // What a router says itself has made no hop either.
            let own = !it.is_router(id.segment, mac) || !is_public(ip);
            let nobodys = it.shared.contains(&(id.segment, mac));
            if !known && own && !nobodys {
                direct.push((id.segment, ip, mac, host.span));
            }
        }
        for (segment, ip, mac, span) in direct {
            it.bind(segment, ip, mac, span, None);
        }
        it.keep_devices(hosts.clone());
        it.bind_routers(hosts.clone());
        it.show_routers(hosts);
        it
    }

    /// Whose claim of an address came after it was heard through a router, and who is another
    /// device by what both say ([`continuity`]).
    pub(super) fn tell_apart(&mut self, hosts: &[(&HostId, &Host)], book: &Book) {
        let late = self.holdings.late();
        if !late.is_empty() {
            let is_router = |segment, mac| self.is_router(segment, mac);
            for (at, ip, mac) in continuity::strangers(hosts, &late, is_router, book) {
                self.holdings.estrange(at, ip, mac);
            }
        }
        for (id, host) in hosts.iter().filter(|(_, host)| host.spoke && host.routed) {
            let Some(ip) = id.ip.filter(|ip| self.holdings.is_held(id.segment, *ip)) else {
                continue;
            };
            if let Some(Identity::Address { .. }) = self.identify(id, host) {
                self.holdings.stands_alone(id.segment, ip, host.span.last);
            }
        }
    }

    /// Who talks with others from behind a router is a device, whoever says that its address
    /// is one that routers share: a gateway answers pings there at most. Once said it takes
    /// nothing from anyone who is heard.
    fn keep_devices<'a>(&mut self, hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) {
        if self.duties.is_empty() {
            return;
        }
        for (id, host) in hosts.filter(|(_, host)| host.spoke && host.routed) {
            let Some(duty) = id.ip.map(|ip| (domain(id.segment), ip)) else { continue };
            let talks = !(host.services().is_empty() && host.peers().is_empty());
            if talks || self.duties.get(&duty) == Some(&1) {
                self.duties.remove(&duty);
            }
        }
    }

    /// A router that hands on answers under its own address (names asked elsewhere)
    /// shows it with and without hops. It is the router's own when it is the only such
    /// one, no other is known, and it lies among the neighbours of this very link.
    fn bind_routers<'a>(&mut self, hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) {
        let mut sides: BTreeMap<(Segment, Mac), Vec<(Ipv4Addr, Span)>> = BTreeMap::new();
        for (id, host) in hosts {
            let (Some(mac), Some(IpAddr::V4(ip))) = (id.mac, id.ip) else { continue };
            if !(host.direct && host.routed && ip.is_private()) {
                continue;
            }
            let known = self.holdings.is_held(id.segment, IpAddr::V4(ip));
            let carries = self.routers.contains_key(&(id.segment, mac));
            let shared = self.shared.contains(&(id.segment, mac));
            if carries && !known && !shared {
                let sides = sides.entry((id.segment, mac)).or_default();
                match sides.last_mut().filter(|(last, _)| *last == ip) {
                    Some((_, span)) => span.cover(host.span),
                    None => sides.push((ip, host.span)),
                }
            }
        }
        for ((segment, mac), ips) in sides {
            let private = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_private());
            let has_own = self.bound.get(&mac).is_some_and(|ips| ips.iter().any(private));
            if let ([(ip, span)], false) = (ips.as_slice(), has_own)
                && self.has_neighbour(segment, *ip, mac)
            {
                self.bind(segment, IpAddr::V4(*ip), mac, *span, None);
            }
        }
    }

    /// Whether another device of this link holds an address of the same /24.
    fn has_neighbour(&self, segment: Segment, ip: Ipv4Addr, mac: Mac) -> bool {
        let [a, b, c, _] = ip.octets();
        let mut near = (0..=255).map(|d| IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
        near.any(|ip| {
            let mut holders = self.holdings.here(segment, ip);
            holders.any(|m| m != mac && !self.is_router(segment, m))
        })
    }

    fn carries(&mut self, router: (Segment, Mac), span: Span, carried: usize) {
        let new = Router { span, carried: 0, evidence: None };
        let router = self.routers.entry(router).or_insert(new);
        router.span.cover(span);
        router.carried += carried;
    }

    /// Now that it is known which addresses are a router's own: a frame between it and
    /// one that is not.
    fn show_routers<'a>(&mut self, hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) {
        for (id, host) in hosts {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            if !(host.routed || is_public(ip)) || is_link_local(ip) || !is_somebodys(ip) {
                continue;
            }
            if self.is_bound(id.segment, ip, mac) {
                continue;
            }
            if let Some(router) = self.routers.get_mut(&(id.segment, mac)) {
                router.evidence = router.evidence.into_iter().chain(first_frame(host)).min();
            }
        }
    }

    /// MACs that are a router's, sorted. An address that routers share is no device.
    pub(super) fn routers(&self) -> impl Iterator<Item = Route> {
        let mut routers: Vec<_> = self
            .routers
            .iter()
            .filter(|((_, mac), router)| router.carried > 0 && !is_virtual_router(*mac))
            .collect();
        routers.sort_unstable_by_key(|(place, _)| **place);
        routers.into_iter().map(|((segment, mac), router)| Route {
            segment: *segment,
            mac: *mac,
            span: router.span,
            sure: router.carried >= SURELY_ROUTER,
            evidence: router.evidence,
        })
    }

    fn bind(&mut self, segment: Segment, ip: IpAddr, mac: Mac, span: Span, lease: Option<Lease>) {
        if !is_somebodys(ip) {
            return;
        }
        if is_virtual_router(mac) {
            let often = if span.first < span.last { 2 } else { 1 };
            let said = self.duties.entry((domain(segment), ip)).or_insert(0);
            *said = said.saturating_add(often);
            return;
        }
        self.holdings.add((segment, mac), ip, span, lease);
        self.bound.entry(mac).or_insert(Few::One(ip)).insert(ip);
    }

    fn is_bound(&self, segment: Segment, ip: IpAddr, mac: Mac) -> bool {
        self.bound.get(&mac).is_some_and(|ips| ips.contains(ip))
            && self.holdings.is_held_by(segment, ip, mac)
    }

    /// Whether anyone but `others` has only said, or others of him, that he has an address
    /// which another has.
    pub(super) fn only_says(
        &self,
        segment: Segment,
        ip: IpAddr,
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let is_heard = self.holdings.heard.contains_key(&(domain(segment), ip));
        (is_heard && self.holdings.is_doubted(segment, ip, &others))
            || self.holdings.only_says(segment, ip, others)
    }

    /// Who held which address when.
    pub(super) const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Whether this card holds an address only for the one who has it (RFC 1027).
    pub(super) fn answers_for_another(&self, segment: Segment, ip: IpAddr, mac: Mac) -> bool {
        self.bound.get(&mac).is_some_and(|ips| ips.contains(ip))
            && !self.holdings.is_held_by(segment, ip, mac)
    }

    /// Whether a binding gives this MAC another, private address.
    fn holds_another(&self, mac: Mac, ip: IpAddr) -> bool {
        self.bound.get(&mac).is_some_and(|ips| ips.iter().any(|i| *i != ip && !is_public(*i)))
    }

    /// Whether frames of others come from this MAC in this segment.
    pub(super) fn is_router(&self, segment: Segment, mac: Mac) -> bool {
        self.routers.contains_key(&(segment, mac)) || self.shared.contains(&(segment, mac))
    }

    /// Who this speaker is.
    pub(super) fn identify(&self, id: &HostId, host: &Host) -> Option<Identity> {
        // Who sends on its own link is the card that sends, whoever claims its address.
        let sends = id.mac.filter(|mac| {
            host.spoke
                && !host.routed
                && !is_virtual_router(*mac)
                && !self.is_router(id.segment, *mac)
        });
        if let Some(mac) = sends {
            return Some(Identity::Mac(mac));
        }
        // What a router only answers for was not seen of the one who has it.
        let answers = |mac| id.ip.is_some_and(|ip| self.answers_for_another(id.segment, ip, mac));
        if !host.spoke && host.facts().is_empty() && id.mac.is_some_and(answers) {
            return None;
        }
        let (since, first) = self.begun.of(id, host);
        let heard = if host.spoke { first } else { self.heard(id, host.span) };
        self.who(id, (host.span, heard), since)
    }

    /// When this address was first heard through a router, of one whom others only name:
    /// until they did so where it never was.
    fn heard(&self, id: &HostId, span: Span) -> Timestamp {
        let of = |ip| self.holdings.heard.get(&(domain(id.segment), ip)).copied();
        id.ip.and_then(of).unwrap_or(span.last)
    }

    /// Who is called so, in a conversation that nobody remembers.
    pub(super) fn named(&self, id: &HostId, span: Span) -> Option<Identity> {
        self.who(id, (span, self.heard(id, span)), None)
    }

    fn holder(
        &self,
        segment: Segment,
        ip: IpAddr,
        (span, heard): (Span, Timestamp),
    ) -> Option<Mac> {
        self.holdings.holder(segment, ip, (span, heard), &self.bound)
    }

    /// In a time, of one who was first heard at another.
    fn who(
        &self,
        id: &HostId,
        (span, heard): (Span, Timestamp),
        since: Option<Timestamp>,
    ) -> Option<Identity> {
        let Segment { sensor, vni, .. } = id.segment;
        let at = |ip| {
            let duty = self.duties.contains_key(&(domain(id.segment), ip));
            (!duty).then_some(Identity::Address { sensor, vni, ip, since })
        };
        let device = |mac| (!is_virtual_router(mac)).then_some(Identity::Mac(mac));
        match (id.mac, id.ip) {
            (Some(mac), Some(ip)) => {
                let own = self.is_bound(id.segment, ip, mac);
                if own || is_link_local(ip) || !is_somebodys(ip) {
                    return device(mac);
                }
                let routed = is_virtual_router(mac) || self.is_router(id.segment, mac);
                match self.holder(id.segment, ip, (span, heard)) {
                    Some(holder) => Some(Identity::Mac(holder)),
                    None if routed => at(ip),
                    None => Some(Identity::Mac(mac)),
                }
            }
            (Some(mac), None) => device(mac),
            (None, Some(ip)) => match self.holder(id.segment, ip, (span, heard)) {
                Some(holder) => Some(Identity::Mac(holder)),
                None => at(ip),
            },
            (None, None) => None,
        }
    }
}

/// The first frame that shows something of a speaker.
pub(super) fn first_frame(host: &Host) -> Option<Evidence> {
    let facts = host.facts().iter().map(|fact| &fact.said);
    let services = host.services().iter().map(|(_, said)| said);
    let equipment = host.equipment.iter().map(|(.., said)| said);
    let all = facts.chain(services).chain(equipment).map(|said| said.evidence);
    all.filter(|evidence| evidence.frame > 0).min()
}

/// Two addresses of one MAC that talk with each other over the wire: the MAC is a
/// relay's, a bridge's or the capture's own, and says nothing of either.
fn talks_to_itself(id: &HostId, host: &Host) -> bool {
    host.peers().iter().any(|peer| {
        (peer.segment, peer.mac) == (id.segment, id.mac) && peer.ip.is_some() && peer.ip != id.ip
    })
}

#[cfg(test)]
mod tests;
