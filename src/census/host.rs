//! What one speaker said: the memory of the census, kept as it came.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::net::{HostId, Transport};
use crate::observe::{Key, Lease, Origin, Role};
use crate::time::Timestamp;

/// Different values kept of one key: an archive accepts some 150 storage classes.
const MAX_VALUES: usize = 192;
/// Different keys and values of one speaker.
const MAX_FACTS: usize = 1024;
/// Pieces of equipment that one speaker describes: the devices behind a gateway.
const MAX_EQUIPMENT: usize = 512;
/// Other hosts that one speaker is known to talk with.
const MAX_PEERS: usize = 256;
/// Services of one host.
const MAX_SERVICES: usize = 128;
/// Addresses that one MAC was seen to hold.
const MAX_ADDRESSES: usize = 64;

/// Which frame says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Number of the capture in [`super::Census::captures`].
    pub capture: u32,
    /// Number of the frame in it, from 1; 0 when no single frame says it.
    pub frame: u64,
}

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
}

impl Span {
    /// One moment.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self { first: at, last: at }
    }

    /// Now reaches to `at` as well.
    pub fn extend(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

/// Something with the frame that first said it and the time it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The first frame that said it.
    pub evidence: Evidence,
    /// First and last time.
    pub span: Span,
}

impl Said {
    const fn new(at: Timestamp, evidence: Evidence) -> Self {
        Self { evidence, span: Span::at(at) }
    }
}

/// The facts of one described piece of equipment, in the order of the message.
pub type EquipmentFacts = Vec<(String, String)>;

/// One speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// From its first to its last packet.
    pub span: Span,
    /// It sent something itself in this segment; otherwise others only name it there.
    pub spoke: bool,
    /// It arrived with a TTL that no system starts with: a router stands before it.
    pub routed: bool,
    /// It arrived with a TTL that systems start with: nothing stands before it.
    pub direct: bool,
    /// Key → value → when and where.
    pub facts: BTreeMap<String, BTreeMap<String, Said>>,
    /// Addresses that were bound to its MAC.
    pub addresses: Vec<(IpAddr, Lease, Said)>,
    /// Switch and port.
    pub attached: Vec<(String, String, Said)>,
    /// Equipment that its messages describe.
    pub equipment: Vec<(Origin, EquipmentFacts, Said)>,
    /// Transport, port, protocol, part.
    #[serde(with = "pairs")]
    pub services: BTreeMap<(Transport, u16, String, Role), Said>,
    /// Whom it talks with.
    pub peers: BTreeSet<HostId>,
    /// Things not kept because there were too many.
    pub overflow: u64,
    /// Changed since it was last stored.
    #[serde(skip)]
    pub dirty: bool,
}

impl Host {
    /// First seen now.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self {
            span: Span::at(at),
            spoke: false,
            routed: false,
            direct: false,
            facts: BTreeMap::new(),
            addresses: Vec::new(),
            attached: Vec::new(),
            equipment: Vec::new(),
            services: BTreeMap::new(),
            peers: BTreeSet::new(),
            overflow: 0,
            dirty: true,
        }
    }

    /// Systems start at 64, 128 or 255 (32 for very old ones); a hospital has few
    /// hops. Small values are multicast scopes and say nothing.
    pub(super) const fn saw_ttl(&mut self, ttl: u8) {
        match ttl {
            32 | 64 | 128 | 255 => self.direct = true,
            34..64 | 98..128 | 225..255 => self.routed = true,
            _ => {}
        }
    }

    pub(super) fn learn(&mut self, key: &str, value: &str, at: Timestamp, evidence: Evidence) {
        let total: usize = self.facts.values().map(BTreeMap::len).sum();
        let values = self.facts.entry(key.to_owned()).or_default();
        if let Some(said) = values.get_mut(value) {
            said.span.extend(at);
        } else if values.len() < MAX_VALUES && total < MAX_FACTS {
            values.insert(value.to_owned(), Said::new(at, evidence));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn holds(&mut self, ip: IpAddr, lease: Lease, at: Timestamp, evidence: Evidence) {
        let same = |l: &Lease| std::mem::discriminant(l) == std::mem::discriminant(&lease);
        if let Some((_, old, said)) =
            self.addresses.iter_mut().find(|(i, l, _)| *i == ip && same(l))
        {
            *old = lease;
            said.span.extend(at);
        } else if self.addresses.len() < MAX_ADDRESSES {
            self.addresses.push((ip, lease, Said::new(at, evidence)));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn attached(&mut self, switch: &str, port: &str, at: Timestamp, evidence: Evidence) {
        if let Some((.., said)) =
            self.attached.iter_mut().find(|(s, p, _)| s == switch && p == port)
        {
            said.span.extend(at);
        } else if self.attached.len() < MAX_ADDRESSES {
            self.attached.push((switch.to_owned(), port.to_owned(), Said::new(at, evidence)));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn describes<V: AsRef<str>>(
        &mut self,
        origin: Origin,
        facts: &[(Key, V)],
        at: Timestamp,
        evidence: Evidence,
    ) {
        let facts: EquipmentFacts =
            facts.iter().map(|(k, v)| (k.as_str().to_owned(), v.as_ref().to_owned())).collect();
        if let Some((.., said)) =
            self.equipment.iter_mut().find(|(o, f, _)| *o == origin && *f == facts)
        {
            said.span.extend(at);
        } else if self.equipment.len() < MAX_EQUIPMENT {
            self.equipment.push((origin, facts, Said::new(at, evidence)));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn speaks(
        &mut self,
        transport: Transport,
        port: u16,
        name: &str,
        role: Role,
        at: Timestamp,
        evidence: Evidence,
    ) {
        let key = (transport, port, name.to_owned(), role);
        if let Some(said) = self.services.get_mut(&key) {
            said.span.extend(at);
        } else if self.services.len() < MAX_SERVICES {
            self.services.insert(key, Said::new(at, evidence));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn met(&mut self, peer: HostId, at: Timestamp) {
        self.span.extend(at);
        if self.peers.len() < MAX_PEERS {
            self.peers.insert(peer);
        } else if !self.peers.contains(&peer) {
            self.overflow += 1;
        }
    }

    /// The values of a key.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.facts.get(key).into_iter().flat_map(|values| values.keys().map(String::as_str))
    }
}

/// A map whose keys are no text, as a list of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saying_it_twice_changes_nothing() {
        let (at, evidence) = (Timestamp(5), Evidence { capture: 0, frame: 3 });
        let mut host = Host::new(at);
        let say = |host: &mut Host, at, evidence| {
            host.learn("a.b", "x", at, evidence);
            host.holds("10.0.0.1".parse().unwrap(), Lease::Arp, at, evidence);
            host.describes(Origin::Own, &[(Key::new("a.c"), "y")], at, evidence);
            host.speaks(Transport::Tcp, 104, "dicom", Role::Server, at, evidence);
        };
        say(&mut host, at, evidence);
        let once = host.clone();
        say(&mut host, at, evidence);
        assert_eq!(host, once);
        let kept: Host = serde_json::from_str(&serde_json::to_string(&host).unwrap()).unwrap();
        assert_eq!(Host { dirty: true, ..kept }, once);
        say(&mut host, Timestamp(9), Evidence { capture: 0, frame: 7 });
        let said = host.facts["a.b"]["x"];
        assert_eq!((said.evidence.frame, said.span.last), (3, Timestamp(9)));
    }

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut host = Host::new(Timestamp(0));
        for n in 0..10_000 {
            let evidence = Evidence { capture: 0, frame: n };
            host.learn("k", &n.to_string(), Timestamp(0), evidence);
            host.describes(
                Origin::Creator,
                &[(Key::new("a"), n.to_string())],
                Timestamp(0),
                evidence,
            );
        }
        assert_eq!((host.facts["k"].len(), host.equipment.len()), (MAX_VALUES, MAX_EQUIPMENT));
        assert!(host.overflow > 0);
    }
}
