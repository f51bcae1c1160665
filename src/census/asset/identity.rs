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

use super::address::{is_link_local, is_public, is_somebodys, is_virtual_router, network};
use super::cards;
use crate::census::host::{Evidence, Host, Span};
use crate::net::{HostId, Mac, Segment};

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
    },
    /// A device of which others speak: maker, model, serial number.
    Equipment(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac:{mac}"),
            Self::Address { sensor: 0, vni: 0, ip } => write!(f, "ip:{ip}"),
            Self::Address { sensor, vni, ip } => write!(f, "ip:{sensor}/{vni}/{ip}"),
            Self::Equipment(name) => write!(f, "equipment:{name}"),
        }
    }
}

/// Where an address means one host: a sensor's routed domain.
type Domain = (u16, u32);

const fn domain(segment: Segment) -> Domain {
    (segment.sensor, segment.vni)
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
    /// Named after its device.
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
    /// Cards of one device, and the one that it is named after.
    cards: BTreeMap<Mac, Mac>,
    /// Address → MACs that hold it, with their segment.
    bindings: HashMap<(Domain, IpAddr), Vec<(Mac, Segment)>, RandomState>,
    /// The same by MAC.
    bound: HashMap<Mac, BTreeSet<IpAddr>, RandomState>,
    /// Addresses that routers share (RFC 9568): of whichever is on duty, so nobody's.
    duties: BTreeSet<(Domain, IpAddr)>,
}

impl Identifier {
    pub(super) fn new<'a>(hosts: impl Iterator<Item = (&'a HostId, &'a Host)> + Clone) -> Self {
        let mut it = Self {
            routers: HashMap::default(),
            shared: BTreeSet::new(),
            cards: cards::of_one_device(hosts.clone()),
            bindings: HashMap::default(),
            bound: HashMap::default(),
            duties: BTreeSet::new(),
        };
        for (id, host) in hosts.clone() {
            for (ip, ..) in &host.addresses {
                if let Some(mac) = id.mac {
                    it.bind(id.segment, *ip, mac);
                }
            }
        }
        let mut behind: HashMap<(Segment, Mac), (Vec<IpAddr>, Span), RandomState> =
            HashMap::default();
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
                it.carries((id.segment, mac), host.span, usize::from(carried));
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
            let known = it.bindings.contains_key(&(domain(id.segment), ip));
            // What a router says itself has made no hop either.
            let own = !it.is_router(id.segment, mac) || !is_public(ip);
            let nobodys = it.shared.contains(&(id.segment, mac));
            if !known && own && !nobodys {
                direct.push((id.segment, ip, mac));
            }
        }
        for (segment, ip, mac) in direct {
            it.bind(segment, ip, mac);
        }
        it.bind_routers(hosts.clone());
        it.show_routers(hosts);
        it
    }

    /// A router that hands on answers under its own address (names asked elsewhere)
    /// shows it with and without hops. It is the router's own when it is the only such
    /// one, no other is known, and it lies among the neighbours of this very link.
    fn bind_routers<'a>(&mut self, hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) {
        let mut sides: BTreeMap<(Segment, Mac), Vec<Ipv4Addr>> = BTreeMap::new();
        for (id, host) in hosts {
            let (Some(mac), Some(IpAddr::V4(ip))) = (id.mac, id.ip) else { continue };
            if !(host.direct && host.routed && ip.is_private()) {
                continue;
            }
            let known = self.bindings.contains_key(&(domain(id.segment), IpAddr::V4(ip)));
            let carries = self.routers.contains_key(&(id.segment, mac));
            let shared = self.shared.contains(&(id.segment, mac));
            if carries && !known && !shared {
                sides.entry((id.segment, mac)).or_default().push(ip);
            }
        }
        for ((segment, mac), ips) in sides {
            let private = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_private());
            let has_own = self.bound.get(&mac).is_some_and(|ips| ips.iter().any(private));
            if let ([ip], false) = (ips.as_slice(), has_own)
                && self.has_neighbour(segment, *ip, mac)
            {
                self.bind(segment, IpAddr::V4(*ip), mac);
            }
        }
    }

    /// Whether another device of this link holds an address of the same /24.
    fn has_neighbour(&self, segment: Segment, ip: Ipv4Addr, mac: Mac) -> bool {
        let [a, b, c, _] = ip.octets();
        let near = (0..=255).map(|d| (domain(segment), IpAddr::V4(Ipv4Addr::new(a, b, c, d))));
        let mut holders = near.filter_map(|near| self.bindings.get(&near)).flatten();
        holders.any(|(m, s)| *s == segment && *m != mac && !self.is_router(segment, *m))
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
            mac: self.device(*mac),
            span: router.span,
            sure: router.carried >= SURELY_ROUTER,
            evidence: router.evidence,
        })
    }

    /// The card that the device with this card is named after.
    pub(super) fn device(&self, mac: Mac) -> Mac {
        self.cards.get(&mac).copied().unwrap_or(mac)
    }

    fn bind(&mut self, segment: Segment, ip: IpAddr, mac: Mac) {
        if !is_somebodys(ip) {
            return;
        }
        if is_virtual_router(mac) {
            self.duties.insert((domain(segment), ip));
            return;
        }
        let holders = self.bindings.entry((domain(segment), ip)).or_default();
        if !holders.contains(&(mac, segment)) {
            holders.push((mac, segment));
        }
        self.bound.entry(mac).or_default().insert(ip);
    }

    fn is_bound(&self, segment: Segment, ip: IpAddr, mac: Mac) -> bool {
        self.bindings
            .get(&(domain(segment), ip))
            .is_some_and(|holders| holders.iter().any(|(m, _)| *m == mac))
    }

    /// Whether a binding gives this MAC another, private address.
    fn holds_another(&self, mac: Mac, ip: IpAddr) -> bool {
        self.bound.get(&mac).is_some_and(|ips| ips.iter().any(|i| *i != ip && !is_public(*i)))
    }

    /// Whether frames of others come from this MAC in this segment.
    pub(super) fn is_router(&self, segment: Segment, mac: Mac) -> bool {
        self.routers.contains_key(&(segment, mac)) || self.shared.contains(&(segment, mac))
    }

    /// The one MAC that holds this address; in the same segment first. None when
    /// several do: then nobody is named.
    fn holder(&self, segment: Segment, ip: IpAddr) -> Option<Mac> {
        let holders = self.bindings.get(&(domain(segment), ip))?;
        let only =
            |macs: BTreeSet<Mac>| if macs.len() == 1 { macs.into_iter().next() } else { None };
        only(holders.iter().filter(|(_, s)| *s == segment).map(|(m, _)| *m).collect())
            .or_else(|| only(holders.iter().map(|(m, _)| *m).collect()))
    }

    /// Who this speaker is.
    pub(super) fn identify(&self, id: &HostId) -> Option<Identity> {
        match self.who(id) {
            Some(Identity::Mac(mac)) => Some(Identity::Mac(self.device(mac))),
            other => other,
        }
    }

    fn who(&self, id: &HostId) -> Option<Identity> {
        let Segment { sensor, vni, .. } = id.segment;
        let at = |ip| {
            let duty = self.duties.contains(&(domain(id.segment), ip));
            (!duty).then_some(Identity::Address { sensor, vni, ip })
        };
        let device = |mac| (!is_virtual_router(mac)).then_some(Identity::Mac(mac));
        match (id.mac, id.ip) {
            (Some(mac), Some(ip)) => {
                let own = self.is_bound(id.segment, ip, mac);
                if own || is_link_local(ip) || !is_somebodys(ip) {
                    return device(mac);
                }
                let routed = is_virtual_router(mac) || self.is_router(id.segment, mac);
                match self.holder(id.segment, ip) {
                    Some(holder) => Some(Identity::Mac(holder)),
                    None if routed => at(ip),
                    None => Some(Identity::Mac(mac)),
                }
            }
            (Some(mac), None) => device(mac),
            (None, Some(ip)) => match self.holder(id.segment, ip) {
                Some(holder) => Some(Identity::Mac(holder)),
                None => at(ip),
            },
            (None, None) => None,
        }
    }
}

/// The first frame that said something of this speaker: it went between this address
/// and this MAC.
fn first_frame(host: &Host) -> Option<Evidence> {
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
