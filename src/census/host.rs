//! What one speaker said: the memory of the census, kept as it came.
//!
//! Sorted lists, no trees: most speakers say little. What is said again takes nothing.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::caps::{MAX_ADDRESSES, MAX_EQUIPMENT, MAX_FACTS, MAX_PEERS, MAX_SERVICES, most};
use super::facts::Facts;
use super::heard::Heard;
use super::order::{ANOTHER_TIME, MAX_APART};
use super::room::Room;
use super::session::continued;
use super::watched::Watched;
use crate::net::{HostId, Mac, Transport};
use crate::observe::{Key, Lease, Observed, Origin, Role, SwitchPort};
use crate::time::{SECOND, Timestamp};

pub use super::said::{Evidence, Said, Span};

/// A key with one of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// `protocol.field`.
    pub key: Key,
    /// As it was on the wire.
    pub value: Box<str>,
    /// When and where.
    pub said: Said,
}

/// Where a host was plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The switch, as the evidence calls it.
    pub switch: Box<str>,
    /// Its port.
    pub port: Box<str>,
    /// The VLAN it was put into there, where said.
    pub vlan: Option<u16>,
    /// Who says so, where that is not the switch by its own address.
    pub by: Option<IpAddr>,
    /// When and where.
    pub said: Said,
}

/// The facts of one described piece of equipment, in the order of the message.
pub type EquipmentFacts = Vec<(Key, Box<str>)>;

/// Transport, port, protocol, part.
pub type Service = (Transport, u16, Box<str>, Role);

/// One speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// From its first to its last packet.
    pub span: Span,
    /// Since when its address is that of another than before: who had it then is another host.
    pub since: Option<Timestamp>,
    /// It sent something itself in this segment; otherwise others only name it there.
    pub spoke: bool,
    /// It arrived with a TTL that no system starts with: a router stands before it.
    pub routed: bool,
    /// It arrived with a TTL that systems start with: nothing stands before it.
    pub direct: bool,
    facts: Facts,
    /// Addresses that were bound to its MAC.
    pub addresses: Vec<(IpAddr, Lease, Said)>,
    /// Where it was plugged in, each place once.
    pub attached: Vec<Place>,
    /// Equipment that its messages describe.
    pub equipment: Vec<(Origin, EquipmentFacts, Said)>,
    /// What it speaks; sorted.
    services: Vec<(Service, Said)>,
    /// Whom it talks with; sorted.
    peers: Vec<HostId>,
    /// Things not kept because there were too many.
    pub overflow: u64,
    /// On which days it took part in conversations; stored after the rest.
    #[serde(skip)]
    pub heard: Heard,
    /// Changed since it was last stored.
    #[serde(skip)]
    pub(super) dirty: bool,
}

impl Host {
    /// First seen now.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self {
            span: Span::at(at),
            since: None,
            spoke: false,
            routed: false,
            direct: false,
            facts: Facts::new(),
            addresses: Vec::new(),
            attached: Vec::new(),
            equipment: Vec::new(),
            services: Vec::new(),
            peers: Vec::new(),
            overflow: 0,
            heard: Heard::NEVER,
            dirty: true,
        }
    }

    /// Reads a little of every part of it, so that it is near; the number means nothing.
    pub(super) const fn glance(&self) -> i64 {
        let lengths = self.facts.len() ^ self.services.len() ^ self.peers.len();
        self.span.last.0 ^ if self.dirty || lengths == 0 { 1 } else { 0 }
    }

    /// The same of the middle of that list in which `what` will be looked for.
    pub(super) fn look(&self, what: &Observed<'_>) -> i64 {
        let read = match what {
            Observed::Fact(..) => {
                let facts = self.facts.all();
                let fact = facts.get(facts.len() / 2);
                fact.map(|fact| fact.said.span.last.0 ^ i64::from(fact.value.len() > 9))
            }
            Observed::Service(..) => {
                self.services.get(self.services.len() / 2).map(|(_, said)| said.span.last.0)
            }
            Observed::Peer(_) => {
                self.peers.get(self.peers.len() / 2).map(|it| i64::from(it.segment.vlan))
            }
            _ => None,
        };
        read.unwrap_or_default()
    }

    /// Everything said of it, by key and value.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        self.facts.all()
    }

    /// What it speaks, by transport, port, protocol and part.
    #[must_use]
    pub fn services(&self) -> &[(Service, Said)] {
        &self.services
    }

    /// Whom it talks with, in the order of their names.
    #[must_use]
    pub fn peers(&self) -> &[HostId] {
        &self.peers
    }

    /// The values of a key.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.facts_of(key).iter().map(|fact| &*fact.value)
    }

    /// Everything said under a key, by value.
    #[must_use]
    pub fn facts_of(&self, key: &str) -> &[Fact] {
        self.facts.of(key)
    }

    /// Whether anything is said under a key that begins so.
    pub(super) fn says(&self, beginning: &str) -> bool {
        self.facts.say(beginning)
    }

    /// Whether it would hardly be missed: a card with an address of no maker, or someone behind
    /// a router, seen for less than a minute, having said nothing but that it is there, in no
    /// conversation, leased and plugged in nowhere. A flood of invented addresses makes such
    /// hosts; one that uses makers' addresses fills the table, and newcomers are refused.
    pub(super) fn is_faint(&self, id: &HostId) -> bool {
        let leased = |(_, lease, _): &(IpAddr, Lease, Said)| matches!(lease, Lease::Dhcp { .. });
        (self.routed || id.mac.is_none_or(Mac::is_local))
            && self.span.last.since(self.span.first) < FAINT
            && self.facts().iter().all(|fact| fact.key.as_str().starts_with("tcp."))
            && self.services.is_empty()
            && self.equipment.is_empty()
            && self.attached.is_empty()
            && !self.addresses.iter().any(leased)
    }

    /// Bytes that all it remembers takes, as [`Room`] counts them.
    pub(super) fn bytes(&self) -> usize {
        let facts: usize = self.facts().iter().map(|f| fact_bytes(&f.value)).sum();
        let attached: usize =
            self.attached.iter().map(|at| place_bytes(&at.switch, &at.port)).sum();
        let equipment: usize = self
            .equipment
            .iter()
            .map(|(_, facts, _)| equipment_bytes(facts.iter().map(|(_, v)| &**v)))
            .sum();
        let services: usize = self.services.iter().map(|((_, _, n, _), _)| service_bytes(n)).sum();
        let addresses = self.addresses.len() * ADDRESS_BYTES;
        facts + attached + equipment + services + addresses + self.peers.len() * PEER_BYTES
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

    pub(super) fn learn(&mut self, key: Key, value: Cow<'_, str>, said: Said, room: &mut Room) {
        match self.facts.place(key.as_str(), &value) {
            Ok(at) => {
                if let Some(fact) = self.facts.get_mut(at) {
                    fact.said.span.cover(said.span);
                }
            }
            Err(at)
                if self.facts().len() < MAX_FACTS
                    && self.facts_of(key.as_str()).len() < most(&key)
                    && room.take(fact_bytes(&value)) =>
            {
                let value = value.into_owned().into_boxed_str();
                self.facts.insert(at, Fact { key, value, said });
            }
            Err(_) => self.overflow += 1,
        }
    }

    /// Forgets what was last said under a key before a time; the bytes that this frees.
    pub(super) fn forget(&mut self, key: &str, since: Timestamp) -> Option<usize> {
        let old = |fact: &Fact| fact.key.as_str() == key && fact.said.span.last < since;
        let freed = self.facts_of(key).iter().filter(|fact| old(fact));
        let freed: usize = freed.map(|fact| fact_bytes(&fact.value)).sum();
        if freed == 0 {
            return None;
        }
        self.facts.retain(|fact| !old(fact));
        self.dirty = true;
        Some(freed)
    }

    /// Holds an address, without another between since `since`.
    pub(super) fn holds(
        &mut self,
        (ip, lease): (IpAddr, Lease),
        since: Timestamp,
        said: Said,
        watched: &Watched,
        room: &mut Room,
    ) {
        let same = |l: &Lease| std::mem::discriminant(l) == std::mem::discriminant(&lease);
        let at = said.span.last;
        let own = |it: &(IpAddr, Lease, Said)| it.0 == ip && same(&it.1);
        let full = self.addresses.iter().filter(|it| own(it)).count() >= MAX_APART;
        let known = self.addresses.iter_mut().filter(|it| own(it)).filter(|(.., it)| {
            // Long before it was known to hold it, or while nobody watched, another may have
            // had it.
            let apart = it.span.first.since(at) > ANOTHER_TIME
                || (!full && watched.missed(it.span.last, at));
            !apart && (it.span.first >= since || it.span.holds(at))
        });
        if let Some((_, before, known)) = known.max_by_key(|(.., it)| it.span.first) {
            *before = continued(*before, lease, known.span.last <= at);
            known.span.cover(said.span);
        } else if self.addresses.len() < MAX_ADDRESSES && room.take(ADDRESS_BYTES) {
            make_room(&mut self.addresses);
            self.addresses.push((ip, lease, said));
        } else {
            // A guest that is leased another every day: the oldest is history.
            self.overflow += 1;
            let full = self.addresses.len() >= MAX_ADDRESSES;
            let oldest = self.addresses.iter_mut().min_by_key(|(.., it)| it.span.last);
            if let Some(oldest) = oldest.filter(|(.., it)| full && it.span.last < at) {
                *oldest = (ip, lease, said);
            }
        }
    }

    pub(super) fn attached(&mut self, at: &SwitchPort<'_>, said: Said, room: &mut Room) {
        // A question tells no VLAN yet, its answer does: one place.
        let same = |known: &&mut Place| {
            let of_one = known.vlan.is_none() || at.vlan.is_none() || known.vlan == at.vlan;
            known.by == at.by && *known.switch == *at.switch && *known.port == *at.port && of_one
        };
        if let Some(known) = self.attached.iter_mut().find(same) {
            known.said.span.cover(said.span);
            known.vlan = known.vlan.or(at.vlan);
        } else if self.attached.len() < MAX_ADDRESSES
            && room.take(place_bytes(&at.switch, &at.port))
        {
            let (switch, port) = ((*at.switch).into(), (*at.port).into());
            self.attached.push(Place { switch, port, vlan: at.vlan, by: at.by, said });
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn describes<V: AsRef<str>>(
        &mut self,
        origin: Origin,
        facts: &[(Key, V)],
        said: Said,
        room: &mut Room,
    ) {
        let same = |known: &EquipmentFacts| {
            let pairs = || known.iter().zip(facts);
            known.len() == facts.len()
                && pairs().all(|((k, v), (key, value))| **v == *value.as_ref() && k == key)
        };
        if let Some((.., known)) =
            self.equipment.iter_mut().find(|(o, f, _)| *o == origin && same(f))
        {
            known.span.cover(said.span);
        } else if self.equipment.len() < MAX_EQUIPMENT
            && room.take(equipment_bytes(facts.iter().map(|(_, v)| v.as_ref())))
        {
            let facts = facts.iter().map(|(k, v)| (k.clone(), v.as_ref().into())).collect();
            self.equipment.push((origin, facts, said));
        } else {
            self.overflow += 1;
        }
    }

    pub(super) fn speaks(
        &mut self,
        (transport, port, name, role): (Transport, u16, &str, Role),
        said: Said,
        room: &mut Room,
    ) {
        let wanted = (transport, port, name, role);
        let place =
            self.services.binary_search_by(|((t, p, n, r), _)| (*t, *p, &**n, *r).cmp(&wanted));
        match place {
            Ok(at) => {
                if let Some((_, known)) = self.services.get_mut(at) {
                    known.span.cover(said.span);
                }
            }
            Err(at) if self.services.len() < MAX_SERVICES && room.take(service_bytes(name)) => {
                make_room(&mut self.services);
                self.services.insert(at, ((transport, port, name.into(), role), said));
            }
            Err(_) => self.overflow += 1,
        }
    }

    /// True when it is the first time.
    pub(super) fn met(&mut self, peer: HostId, room: &mut Room) -> bool {
        match self.peers.binary_search(&peer) {
            Ok(_) => false,
            Err(at) if self.peers.len() < MAX_PEERS && room.take(PEER_BYTES) => {
                make_room(&mut self.peers);
                self.peers.insert(at, peer);
                true
            }
            Err(_) => {
                self.overflow += 1;
                false
            }
        }
    }
}

/// Room for one more: lists begin with one and grow by a quarter. Each speaker has several,
/// and what each keeps free is much together.
pub(super) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(1));
    }
}

/// Who was seen for this long is no one's invention.
const FAINT: i64 = 60 * SECOND;
const ADDRESS_BYTES: usize = size_of::<(IpAddr, Lease, Said)>();
const PEER_BYTES: usize = size_of::<HostId>();

const fn fact_bytes(value: &str) -> usize {
    size_of::<Fact>() + value.len()
}

const fn service_bytes(name: &str) -> usize {
    size_of::<(Service, Said)>() + name.len()
}

const fn place_bytes(switch: &str, port: &str) -> usize {
    size_of::<Place>() + switch.len() + port.len()
}

fn equipment_bytes<'a>(values: impl Iterator<Item = &'a str>) -> usize {
    let own = size_of::<(Origin, EquipmentFacts, Said)>();
    values.fold(own, |all, value| all + size_of::<(Key, Box<str>)>() + value.len())
}

#[cfg(test)]
mod tests {
    use super::super::caps::MAX_VALUES;
    use super::*;

    fn said(at: i64, frame: u64) -> Said {
        Said::new(Timestamp(at), Evidence { capture: 0, frame })
    }

    #[test]
    fn saying_it_twice_changes_nothing() {
        let mut host = Host::new(Timestamp(5));
        let mut room = Room::default();
        let mut say = |host: &mut Host, said| {
            let room = &mut room;
            host.learn(Key::new("a.b"), "x".into(), said, room);
            let watched = &Watched::default();
            host.holds(
                ("10.0.0.1".parse().unwrap(), Lease::Arp),
                Timestamp(0),
                said,
                watched,
                room,
            );
            host.describes(Origin::Own, &[(Key::new("a.c"), "y")], said, room);
            host.speaks((Transport::Tcp, 104, "dicom", Role::Server), said, room);
            let at = SwitchPort { switch: "sw".into(), port: "7".into(), vlan: None, by: None };
            host.attached(&at, said, room);
            host.met(HostId::default(), room);
        };
        say(&mut host, said(5, 3));
        let once = host.clone();
        say(&mut host, said(5, 3));
        assert_eq!(host, once);
        let kept: Host = postcard::from_bytes(&postcard::to_stdvec(&host).unwrap()).unwrap();
        assert_eq!(Host { dirty: true, ..kept }, once);
        say(&mut host, said(9, 7));
        let fact = host.facts()[0].said;
        assert_eq!((fact.evidence.frame, fact.span.last), (3, Timestamp(9)));
        assert_eq!(Room::default().taken_since(&room), host.bytes(), "each thing is paid for once");
    }

    #[test]
    fn the_oldest_of_many_leases_makes_room() {
        let (mut host, mut room) = (Host::new(Timestamp(0)), Room::default());
        for day in 0..100 {
            let ip = IpAddr::from([10, 0, 0, day]);
            let at = i64::from(day);
            let all = &Watched::default();
            host.holds((ip, Lease::Arp), Timestamp(at), said(at, 1), all, &mut room);
        }
        assert_eq!(host.addresses.len(), MAX_ADDRESSES);
        assert!(host.addresses.iter().any(|(ip, ..)| *ip == IpAddr::from([10, 0, 0, 99])));
        assert!(host.addresses.iter().all(|(ip, ..)| *ip != IpAddr::from([10, 0, 0, 7])));
        assert_eq!(Room::default().taken_since(&room), host.bytes());
    }

    #[test]
    fn facts_stand_in_order() {
        let mut host = Host::new(Timestamp(0));
        for (key, value) in [("b", "2"), ("a", "9"), ("b", "1"), ("a.c", "0"), ("a", "1")] {
            host.learn(Key::new(key), value.into(), said(0, 1), &mut Room::default());
        }
        let all: Vec<_> = host.facts().iter().map(|f| (f.key.as_str(), &*f.value)).collect();
        assert_eq!(all, [("a", "1"), ("a", "9"), ("a.c", "0"), ("b", "1"), ("b", "2")]);
        assert_eq!(host.values("a").collect::<Vec<_>>(), ["1", "9"]);
        assert_eq!(host.values("b").count() + host.values("c").count(), 2);
    }

    #[test]
    fn only_an_invented_card_that_said_nothing_is_faint() {
        let at = Timestamp(0);
        let card = |mac: &str| HostId { mac: mac.parse().ok(), ..HostId::default() };
        let (made, invented) = (card("00:06:6b:33:30:42"), card("02:06:6b:33:30:42"));
        let mut host = Host::new(at);
        assert!(host.is_faint(&invented) && !host.is_faint(&made));
        host.routed = true;
        assert!(host.is_faint(&made), "behind a router the card is the router's");
        host.span.extend(Timestamp(FAINT));
        assert!(!host.is_faint(&invented), "here for a minute");
    }

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut host = Host::new(Timestamp(0));
        let mut room = Room::default();
        for n in 0..10_000 {
            let value = n.to_string();
            host.describes(Origin::Creator, &[(Key::new("a"), &value)], said(0, n), &mut room);
            host.learn(Key::new("k"), value.into(), said(0, n), &mut room);
        }
        assert_eq!((host.facts().len(), host.equipment.len()), (MAX_VALUES, MAX_EQUIPMENT));
        assert!(host.overflow > 0);
    }

    #[test]
    fn where_no_room_is_left_nothing_is_kept() {
        let mut host = Host::new(Timestamp(0));
        let mut room = Room::of(fact_bytes("one"));
        host.learn(Key::new("k"), "one".into(), said(0, 1), &mut room);
        host.learn(Key::new("k"), "two".into(), said(0, 2), &mut room);
        host.learn(Key::new("k"), "one".into(), said(7, 3), &mut room);
        host.met(HostId::default(), &mut room);
        assert_eq!((host.facts().len(), host.peers().len(), host.overflow), (1, 0, 2));
        assert_eq!(host.facts()[0].said.span.last, Timestamp(7), "what is known stays alive");
    }
}
