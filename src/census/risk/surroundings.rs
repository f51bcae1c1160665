//! What must be known of all devices before one can be judged: who its partners are, what
//! else is in its VLAN, whether it is the only one of its kind.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::census::asset::{Asset, AssetId, Identity};
use crate::net::{Segment, Transport};
use crate::observe::Role;
use crate::time::{Several, Timestamp};

/// A subnet as far as addresses alone say: /24 of IPv4, /64 of IPv6.
pub(super) type Subnet = u64;

/// What others must know of a device.
#[derive(Debug)]
pub(super) struct Portrait {
    pub(super) external: bool,
    pub(super) medical: bool,
    /// It carries the packets of others.
    pub(super) carries: bool,
    /// It answers by SNMP.
    pub(super) managed: bool,
    pub(super) first: Timestamp,
    pub(super) ips: Box<[IpAddr]>,
    /// What it serves and uses, of a host on the Internet.
    pub(super) services: Box<[(Transport, u16, Role)]>,
}

/// Who is in a VLAN.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vlan {
    pub(super) medical: usize,
    /// Known to be something else, and no carrier of packets.
    pub(super) others: usize,
    /// Of whom nobody knows what they are.
    pub(super) strangers: usize,
}

/// All devices, as far as others must know them.
#[derive(Default)]
pub(super) struct Surroundings {
    portraits: HashMap<AssetId, Portrait, RandomState>,
    classes: HashMap<String, usize, RandomState>,
    vlans: HashMap<Segment, Vlan, RandomState>,
    heard: Several,
}

impl Surroundings {
    /// The time up to which several devices were heard: what "now" means, here as in the
    /// inventory. A device counts once, however many cards and addresses it has, and one of
    /// which only others speak does not.
    pub(super) fn now(&self) -> Timestamp {
        self.heard.reached()
    }

    /// One more device.
    pub(super) fn add(&mut self, asset: &Asset<'_>) {
        if !matches!(asset.identity, Identity::Equipment(_)) {
            self.heard.add(asset.span.last);
        }
        let first = |name: &str| asset.shown(name).first().map(|it| it.value.to_string());
        let category = first("device_category");
        let medical = category.as_deref() == Some("medical");
        let carries = category.as_deref() == Some("network");
        let services = asset.services.iter().filter(|_| asset.external);
        let portrait = Portrait {
            external: asset.external,
            medical,
            carries,
            managed: asset.services.iter().any(|it| it.2 == "snmp" && it.3 == Role::Server),
            first: asset.span.first,
            ips: asset.ips.iter().copied().collect(),
            services: services.map(|(t, port, _, role)| (*t, *port, *role)).collect(),
        };
        self.portraits.insert(asset.id, portrait);
        if asset.external {
            return;
        }
        let class = first("device_class");
        let is_known = category.is_some() || class.is_some();
        if let Some(class) = class {
            *self.classes.entry(class).or_default() += 1;
        }
        for segment in &asset.segments {
            let vlan = self.vlans.entry(*segment).or_default();
            vlan.medical += usize::from(medical);
            vlan.others += usize::from(is_known && !medical && !carries);
            vlan.strangers += usize::from(!is_known);
        }
    }

    /// The partners of an asset, with their names.
    pub(super) fn partners<'s>(
        &'s self,
        asset: &'s Asset<'_>,
    ) -> impl Iterator<Item = (AssetId, &'s Portrait)> {
        asset.peers.iter().filter_map(|peer| Some((*peer, self.portraits.get(peer)?)))
    }

    /// How many devices are of a class.
    pub(super) fn of_class(&self, class: &str) -> usize {
        self.classes.get(class).copied().unwrap_or_default()
    }

    /// Who is in a VLAN.
    pub(super) fn vlan(&self, segment: &Segment) -> Vlan {
        self.vlans.get(segment).copied().unwrap_or_default()
    }
}

/// The subnet of an address; none of those that are valid on a link alone.
pub(super) fn subnet(ip: IpAddr) -> Option<Subnet> {
    match ip {
        IpAddr::V4(ip) if ip.is_link_local() => None,
        IpAddr::V4(ip) => Some(u64::from(u32::from(ip) >> 8)),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => None,
        // The upper half: the network (RFC 4291 §2.5.1).
        IpAddr::V6(ip) => u64::try_from(u128::from(ip) >> 64).ok(),
    }
}
