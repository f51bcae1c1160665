//! Which speakers are one device.
//!
//! A MAC on its own segment is a device. Behind a router it is the router's: there
//! the address is looked up among the bindings that ARP, NDP, DHCP or a direct
//! sighting elsewhere have shown, and failing that the address itself is the
//! identity, said to be so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use super::cards;
use crate::census::host::{Host, Span};
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
}

/// The knowledge needed to say who a speaker is.
pub(super) struct Identifier {
    routers: BTreeMap<(Segment, Mac), Router>,
    /// MACs that stand for two ends of one conversation, which are nobody's.
    shared: BTreeSet<(Segment, Mac)>,
    /// Cards of one device, and the one that it is named after.
    cards: BTreeMap<Mac, Mac>,
    /// Address → MACs that hold it, with their segment.
    bindings: BTreeMap<(Domain, IpAddr), Vec<(Mac, Segment)>>,
    /// The same by MAC.
    bound: BTreeMap<Mac, BTreeSet<IpAddr>>,
}

impl Identifier {
    pub(super) fn new<'a>(hosts: impl Iterator<Item = (&'a HostId, &'a Host)> + Clone) -> Self {
        let mut it = Self {
            routers: BTreeMap::new(),
            shared: BTreeSet::new(),
            cards: cards::of_one_device(hosts.clone()),
            bindings: BTreeMap::new(),
            bound: BTreeMap::new(),
        };
        for (id, host) in hosts.clone() {
            for (ip, ..) in &host.addresses {
                if let Some(mac) = id.mac {
                    it.bind(id.segment, *ip, mac);
                }
            }
        }
        let mut behind: BTreeMap<(Segment, Mac), (BTreeSet<IpAddr>, Span)> = BTreeMap::new();
        for (id, host) in hosts.clone() {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            if is_link_local(ip) || it.is_bound(id.segment, ip, mac) {
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
                let new = || (BTreeSet::new(), host.span);
                let (networks, span) = behind.entry((id.segment, mac)).or_insert_with(new);
                networks.insert(network(ip));
                span.extend(host.span.first);
                span.extend(host.span.last);
            }
        }
        for (router, (networks, span)) in behind {
            let public = networks.iter().filter(|ip| is_public(**ip)).count();
            if public >= ROUTER_PUBLIC_ADDRESSES {
                it.carries(router, span, public);
            } else if networks.len() >= ROUTER_ADDRESSES {
                it.carries(router, span, 0);
            }
        }
        // Seen on its own link with an untouched TTL: as good as ARP where ARP is not seen.
        let mut direct = Vec::new();
        for (id, host) in hosts {
            let (Some(mac), Some(ip)) = (id.mac, id.ip) else { continue };
            let known = it.bindings.contains_key(&(domain(id.segment), ip));
            // What a router says itself has made no hop either.
            let own = !it.is_router(id.segment, mac) || !is_public(ip);
            let nobodys = it.shared.contains(&(id.segment, mac));
            if host.direct && !host.routed && !known && own && !nobodys {
                direct.push((id.segment, ip, mac));
            }
        }
        for (segment, ip, mac) in direct {
            it.bind(segment, ip, mac);
        }
        it
    }

    fn carries(&mut self, router: (Segment, Mac), span: Span, carried: usize) {
        let router = self.routers.entry(router).or_insert(Router { span, carried: 0 });
        router.span.extend(span.first);
        router.span.extend(span.last);
        router.carried += carried;
    }

    /// MACs that are a router's, named after their device, with the segment, the time,
    /// and whether it is certain. An address that routers share is no device.
    pub(super) fn routers(&self) -> impl Iterator<Item = (Segment, Mac, Span, bool)> {
        self.routers
            .iter()
            .filter(|((_, mac), router)| router.carried > 0 && !is_virtual_router(*mac))
            .map(|((segment, mac), router)| {
                let sure = router.carried >= SURELY_ROUTER;
                (*segment, self.device(*mac), router.span, sure)
            })
    }

    /// The card that the device with this card is named after.
    pub(super) fn device(&self, mac: Mac) -> Mac {
        self.cards.get(&mac).copied().unwrap_or(mac)
    }

    fn bind(&mut self, segment: Segment, ip: IpAddr, mac: Mac) {
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
        let at = |ip| Identity::Address { sensor: id.segment.sensor, vni: id.segment.vni, ip };
        match (id.mac, id.ip) {
            (Some(mac), Some(ip)) => {
                if self.is_bound(id.segment, ip, mac) || is_link_local(ip) {
                    return Some(Identity::Mac(mac));
                }
                let routed = self.is_router(id.segment, mac);
                match self.holder(id.segment, ip) {
                    Some(holder) => Some(Identity::Mac(holder)),
                    None if routed => Some(at(ip)),
                    None => Some(Identity::Mac(mac)),
                }
            }
            (Some(mac), None) => Some(Identity::Mac(mac)),
            (None, Some(ip)) => {
                Some(self.holder(id.segment, ip).map_or_else(|| at(ip), Identity::Mac))
            }
            (None, None) => None,
        }
    }
}

/// Two addresses of one MAC that talk with each other over the wire: the MAC is a
/// relay's, a bridge's or the capture's own, and says nothing of either.
fn talks_to_itself(id: &HostId, host: &Host) -> bool {
    host.peers.iter().any(|peer| {
        (peer.segment, peer.mac) == (id.segment, id.mac) && peer.ip.is_some() && peer.ip != id.ip
    })
}

/// An address stands for itself, an IPv6 one for its /64: a host has several there.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

/// Routed on the Internet (RFC 1918, 4193, 6598 and the like are not).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b & 0xfe) == 18)
                || a == 0
                || a >= 224)
        }
        IpAddr::V6(v6) => matches!(v6.segments()[0], 0x2000..=0x3fff),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// VRRP (RFC 9568 §7.3), HSRP v1/v2 and GLBP virtual addresses.
fn is_virtual_router(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
            | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x05, 0x73, 0xa0, 0x00..=0x0f, _]
            | [0x00, 0x07, 0xb4, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::Evidence;
    use crate::observe::Lease;
    use crate::time::Timestamp;

    const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 1]);
    const DEVICE: Mac = Mac([0, 1, 2, 0, 0, 2]);

    fn host(vlan: u16, mac: Mac, ip: Option<&str>, ttl: u8) -> (HostId, Host) {
        let segment = Segment { vlan, ..Segment::default() };
        let mut host = Host::new(Timestamp(0));
        host.saw_ttl(ttl);
        (HostId { segment, mac: Some(mac), ip: ip.map(|ip| ip.parse().unwrap()) }, host)
    }

    fn identity(hosts: &[(HostId, Host)], of: usize) -> String {
        let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
        it.identify(&hosts[of].0).unwrap().to_string()
    }

    #[test]
    fn a_local_mac_is_a_device() {
        assert_eq!(
            identity(&[host(10, DEVICE, Some("10.1.0.5"), 128)], 0),
            "mac:00:01:02:00:00:02"
        );
    }

    #[test]
    fn behind_a_router_the_address_is_the_identity() {
        let hosts = [host(10, ROUTER, Some("10.2.0.9"), 127)];
        assert_eq!(identity(&hosts, 0), "ip:10.2.0.9");
    }

    #[test]
    fn many_unbound_addresses_make_a_router_without_ttls() {
        let hosts: Vec<_> =
            (1..=5).map(|n| host(10, ROUTER, Some(&format!("10.9.0.{n}")), 1)).collect();
        assert_eq!(identity(&hosts, 0), "ip:10.9.0.1");
    }

    #[test]
    fn a_binding_in_its_own_segment_names_the_device_behind_the_router() {
        let mut local = host(20, DEVICE, None, 64);
        let evidence = Evidence { capture: 0, frame: 1 };
        local.1.holds("10.2.0.9".parse().unwrap(), Lease::Arp, Timestamp(0), evidence);
        let hosts = [host(10, ROUTER, Some("10.2.0.9"), 63), local];
        assert_eq!(identity(&hosts, 0), "mac:00:01:02:00:00:02");
        let direct =
            [host(10, ROUTER, Some("10.2.0.9"), 63), host(20, DEVICE, Some("10.2.0.9"), 64)];
        assert_eq!(identity(&direct, 0), "mac:00:01:02:00:00:02");
    }

    #[test]
    fn a_translating_gateway_is_not_the_internet() {
        let hosts =
            [host(0, ROUTER, Some("93.184.216.34"), 128), host(0, ROUTER, Some("1.1.1.1"), 128)];
        assert_eq!(identity(&hosts, 0), "ip:93.184.216.34");
        let mut gateway = host(0, ROUTER, None, 128);
        let evidence = Evidence { capture: 0, frame: 1 };
        gateway.1.holds("192.168.0.2".parse().unwrap(), Lease::Arp, Timestamp(0), evidence);
        let hosts = [host(0, ROUTER, Some("93.184.216.34"), 128), gateway];
        assert_eq!(identity(&hosts, 0), "ip:93.184.216.34");
        assert_eq!(identity(&hosts, 1), "mac:00:01:02:00:00:01");
    }

    #[test]
    fn a_router_speaks_for_itself_too() {
        let hosts =
            [host(10, ROUTER, Some("10.2.0.9"), 63), host(10, ROUTER, Some("10.1.0.1"), 64)];
        assert_eq!(identity(&hosts, 1), "mac:00:01:02:00:00:01");
    }

    #[test]
    fn a_mac_that_talks_to_itself_is_nobodys() {
        let mut hosts =
            [host(10, DEVICE, Some("10.1.0.5"), 128), host(10, DEVICE, Some("10.1.0.6"), 128)];
        assert_eq!(identity(&hosts, 0), "mac:00:01:02:00:00:02", "two addresses alone are fine");
        let peer = hosts[1].0;
        hosts[0].1.peers.insert(peer);
        let peer = hosts[0].0;
        hosts[1].1.peers.insert(peer);
        assert_eq!(identity(&hosts, 0), "ip:10.1.0.5");
        assert_eq!(identity(&hosts, 1), "ip:10.1.0.6");
    }

    #[test]
    fn one_odd_ttl_makes_no_certain_router() {
        let routers = |hosts: &[(HostId, Host)]| {
            let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
            it.routers().map(|(_, mac, _, sure)| (mac, sure)).collect::<Vec<_>>()
        };
        let mut hosts = vec![host(10, ROUTER, Some("10.2.0.9"), 63)];
        assert_eq!(routers(&hosts), [(ROUTER, false)]);
        hosts.push(host(10, ROUTER, Some("10.3.0.9"), 61));
        assert_eq!(routers(&hosts), [(ROUTER, true)]);
        let shared = Mac([0, 0, 0x5e, 0, 1, 7]);
        assert_eq!(routers(&[host(10, shared, Some("10.2.0.9"), 63)]), []);
    }

    #[test]
    fn an_address_with_two_holders_names_nobody() {
        let other = Mac([0, 1, 2, 0, 0, 3]);
        let hosts = [
            host(10, ROUTER, Some("10.2.0.9"), 63),
            host(20, DEVICE, Some("10.2.0.9"), 64),
            host(30, other, Some("10.2.0.9"), 64),
        ];
        assert_eq!(identity(&hosts, 0), "ip:10.2.0.9");
    }
}
