//! What the word of one who says where others are plugged in is worth.
//!
//! Anybody may send an authentication server's requests and answer for an agent. Who is
//! known for network gear by anything else is believed; of whom nothing else is known a
//! little less; who is an end device hardly. An authentication server answers only access
//! devices that it knows (RFC 2865 §3), which speaks for them: when it is another's, and
//! one that others ask as well, or, where only one access device is seen, one that has
//! answered it for long. Anybody can answer himself. Who asks and is answered by no such
//! server is a candidate.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::attribute::SHOWN;
use super::identity::{Identifier, Identity};
use super::{OUI, SERVES};
use crate::census::host::{Host, Place, Service, Span};
use crate::census::signature::{Book, oui};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac};
use crate::observe::Role;
use crate::time::SECOND;

/// What the word of such a one is worth.
const KNOWN: f32 = 0.9;
const ANSWERED: f32 = 0.8;
/// Who asks, and is answered for long by one whom nobody else is seen to ask.
const ANSWERED_ALONE: f32 = 0.5;
const UNKNOWN: f32 = 0.6;
const END_DEVICE_ANSWERED: f32 = 0.45;
const END_DEVICE: f32 = 0.3;
/// Who asks for others, and no server that is one has answered.
const UNANSWERED: f32 = 0.35;

/// A server that only one asks may be that one's own.
const CLIENTS: usize = 2;
/// Who asks and answers for so long is no single exchange.
const FOR_LONG: i64 = 3600 * SECOND;

/// Who describes equipment or images of its own is no switch, as sure as this.
const DESCRIBES: f32 = 0.6;

/// What is known of one who speaks from an address: the surest of each kind.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Network gear, by facts of RADIUS, of SNMP, and of all others.
    gear: [f32; 3],
    other: f32,
    /// Packets of others come through it.
    forwards: bool,
    /// It asks an authentication server, and one that others ask has answered.
    asks: bool,
    answered: bool,
    /// One whom nobody else asks has answered, for long.
    for_long: bool,
    /// It answers access devices itself, and hands on what others decide.
    serves: bool,
}

/// What access devices say of themselves when they ask.
pub(super) const ASKS: &str = "radius.nas_";

const PROTOCOLS: [&str; 2] = ["radius.", "snmp."];

/// Systems of computers that people sit at and of phones: nothing hangs on those.
const SYSTEMS: [&str; 7] =
    ["Windows", "macOS", "iOS", "iPadOS", "Android", "ChromeOS", "Chrome OS"];

/// An address means one in its routed domain.
type At = (Domain, IpAddr);

/// Of everyone who said where another is plugged in, by the address from which he spoke:
/// what he calls himself anybody can write.
pub(super) struct Standings {
    known: HashMap<At, Vec<Known>, RandomState>,
}

impl Standings {
    pub(super) fn new(hosts: &[(&HostId, &Host)], identifier: &Identifier, book: &Book) -> Self {
        let mut known: HashMap<At, Vec<Known>, RandomState> = HashMap::default();
        for (id, host) in hosts {
            let speakers = host.attached.iter().filter_map(speaker);
            known.extend(speakers.map(|ip| ((domain(id.segment), ip), Vec::new())));
        }
        if known.is_empty() {
            return Self { known };
        }
        let servers = Servers::of(hosts, identifier);
        let mut speakers: HashMap<Identity, (BTreeSet<At>, Known), RandomState> =
            HashMap::default();
        for (id, host) in hosts {
            let at = id.ip.map(|ip| (domain(id.segment), ip));
            let routes = || id.mac.is_some_and(|mac| identifier.is_router(id.segment, mac));
            if let Some(at) = at.filter(|at| known.contains_key(at) && (tells(host) || routes()))
                && let Some(speaker) = identifier.identify(id, host)
            {
                speakers.entry(speaker).or_default().0.insert(at);
            }
        }
        let asked = if speakers.is_empty() { &[] } else { hosts };
        for (id, host) in asked {
            let Some(speaker) = identifier.identify(id, host) else { continue };
            let card = speaker.mac();
            if let Some((_, it)) = speakers.get_mut(&speaker) {
                it.learn(host, card, book);
                it.forwards |= card.is_some_and(|mac| identifier.is_router(id.segment, mac));
                it.asks |= asks_radius(host);
                it.serves |= serves_radius(host) && servers.are_asked(&speaker);
                it.answered |= host.peers().iter().any(|peer| servers.answer(peer, &speaker));
                it.for_long |= does_for_long(host, Role::Client)
                    && host.peers().iter().any(|peer| servers.answer_for_long(peer, &speaker));
            }
        }
        for (places, it) in speakers.values() {
            for at in places {
                known.entry(*at).or_default().push(*it);
            }
        }
        Self { known }
    }

    /// How sure a place is that somebody told in this protocol: as the least of all who
    /// speak from his address.
    pub(super) fn of(&self, at: Domain, place: &Place, protocol: &str) -> f32 {
        let all = speaker(place).and_then(|ip| self.known.get(&(at, ip)));
        let all = all.map_or(&[][..], Vec::as_slice);
        all.iter().map(|it| it.worth(protocol)).reduce(f32::min).unwrap_or(UNKNOWN)
    }

    /// Whether it is the word of an end device.
    pub(super) fn is_doubted(sure: f32) -> bool {
        sure <= END_DEVICE_ANSWERED
    }
}

/// Authentication servers: who they are, and who asks each of them.
struct Servers<'a> {
    of: HashMap<&'a HostId, Identity, RandomState>,
    /// Those that have answered for long.
    long: BTreeSet<Identity>,
    clients: HashMap<Identity, BTreeSet<Identity>, RandomState>,
}

impl<'a> Servers<'a> {
    fn of(hosts: &[(&'a HostId, &Host)], identifier: &Identifier) -> Self {
        let serve = hosts.iter().filter(|(_, host)| serves_radius(host));
        let mut it =
            Self { of: HashMap::default(), long: BTreeSet::new(), clients: HashMap::default() };
        for (id, host) in serve {
            let Some(server) = identifier.identify(id, host) else { continue };
            if does_for_long(host, Role::Server) {
                it.long.insert(server.clone());
            }
            it.of.insert(*id, server);
        }
        for (id, host) in hosts.iter().filter(|(_, host)| asks_radius(host)) {
            let Some(client) = identifier.identify(id, host) else { continue };
            for server in host.peers().iter().filter_map(|peer| it.of.get(peer)) {
                if *server != client {
                    it.clients.entry(server.clone()).or_default().insert(client.clone());
                }
            }
        }
        it
    }

    /// Whether this one is asked by more than one other.
    fn are_asked(&self, server: &Identity) -> bool {
        self.clients.get(server).is_some_and(|all| all.len() >= CLIENTS)
    }

    /// Whether this host has answered the speaker for long, which is not itself.
    fn answer_for_long(&self, peer: &HostId, speaker: &Identity) -> bool {
        self.of.get(peer).is_some_and(|it| it != speaker && self.long.contains(it))
    }

    /// Whether this host answers the speaker, as a server that others ask.
    fn answer(&self, peer: &HostId, speaker: &Identity) -> bool {
        self.of.get(peer).is_some_and(|it| it != speaker && self.are_asked(it))
    }
}

impl Known {
    fn learn(&mut self, host: &Host, card: Option<Mac>, book: &Book) {
        for fact in host.facts() {
            self.weigh(fact.key.as_str(), &fact.value, book);
        }
        for ((_, _, name, role), _) in host.services() {
            if *role == Role::Server && !name.is_empty() {
                self.weigh(SERVES, name, book);
            }
        }
        if let Some(vendor) = card.and_then(oui::vendor) {
            self.weigh(OUI, vendor, book);
        }
        if !host.equipment.is_empty() {
            self.other = self.other.max(DESCRIBES);
        }
    }

    /// What one fact says of the kind of device.
    fn weigh(&mut self, key: &str, value: &str, book: &Book) {
        let Some(found) = book.matches(key, value, &[]) else { return };
        for (name, value, sure) in found.said() {
            let category = match name {
                "device_category" => value,
                // As sure as it is that this is the system.
                "os_name" if is_end_system(value) => "it",
                "device_class" => match book.class(value) {
                    Some(class) => class.category.as_str(),
                    None => continue,
                },
                _ => continue,
            };
            let of = PROTOCOLS.iter().position(|it| key.starts_with(it));
            let best = match (category, of) {
                ("unknown", _) => continue,
                ("network", of) => self.gear.get_mut(of.unwrap_or(PROTOCOLS.len())),
                _ => Some(&mut self.other),
            };
            if let Some(best) = best {
                *best = best.max(sure);
            }
        }
    }

    fn worth(&self, protocol: &str) -> f32 {
        let own = PROTOCOLS.iter().position(|it| *it == protocol);
        let others = self.gear.iter().enumerate().filter(|(at, _)| Some(*at) != own);
        let gear = others.map(|(_, sure)| *sure).fold(0.0, f32::max);
        match (gear >= SHOWN && gear >= self.other, self.other >= SHOWN, self.answered) {
            (true, ..) => KNOWN,
            (_, false, _) if self.forwards => KNOWN,
            _ if self.serves => ANSWERED,
            (_, true, true) => END_DEVICE_ANSWERED,
            (_, true, false) => END_DEVICE,
            (_, _, true) => ANSWERED,
            _ if self.asks && protocol == PROTOCOLS[0] => match self.for_long {
                true => ANSWERED_ALONE,
                false => UNANSWERED,
            },
            _ => UNKNOWN,
        }
    }
}

/// Whether one who asks an authentication server as access devices do is an end device by
/// all else that is known of it.
pub(super) fn only_asks(hosts: &[(&HostId, &Host)], book: &Book) -> bool {
    let asks = hosts.iter().any(|(_, host)| host.says(ASKS));
    let it = || {
        let mut it = Known::default();
        for (id, host) in hosts {
            it.learn(host, id.mac.filter(|_| host.spoke), book);
        }
        it
    };
    asks && it().worth(PROTOCOLS[0]) == END_DEVICE
}

/// Whoever says where others are plugged in, or is asked for it.
fn tells(host: &Host) -> bool {
    PROTOCOLS.iter().any(|it| host.says(it))
        || host.services().iter().any(|((_, _, name, _), _)| matches!(&**name, "radius" | "snmp"))
}

/// The address from which a place was told.
fn speaker(place: &Place) -> Option<IpAddr> {
    place.by.or_else(|| place.switch.parse().ok())
}

/// Of several names any may be it: who leases an address is seldom a server.
fn is_end_system(names: &str) -> bool {
    let is_end =
        |name: &str| SYSTEMS.iter().any(|it| name.starts_with(it)) && !name.contains("Server");
    names.split(" / ").any(is_end)
}

fn serves_radius(host: &Host) -> bool {
    does_radius(host, Role::Server)
}

fn asks_radius(host: &Host) -> bool {
    host.says(ASKS) || does_radius(host, Role::Client)
}

fn does_radius(host: &Host, as_one: Role) -> bool {
    radius(host, as_one).next().is_some()
}

fn does_for_long(host: &Host, as_one: Role) -> bool {
    radius(host, as_one).any(|it| it.last.since(it.first) >= FOR_LONG)
}

/// When one asked authentication servers, or answered as one; each port for itself.
fn radius(host: &Host, as_one: Role) -> impl Iterator<Item = Span> {
    let does = move |(_, _, name, role): &Service| &**name == "radius" && *role == as_one;
    host.services().iter().filter(move |(it, _)| does(it)).map(|(_, said)| said.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::{Evidence, Said};
    use crate::census::room::Room;
    use crate::net::Transport;
    use crate::observe::Key;
    use crate::time::Timestamp;

    fn id(last: u8) -> HostId {
        let mac = Some(Mac([0, 1, 2, 3, 5, last]));
        HostId { mac, ip: Some(IpAddr::from([10, 0, 0, last])), ..HostId::default() }
    }

    /// How sure the word of the first is, of those who ask and answer each other so.
    fn sure(talks: &[(u8, u8)], facts: &[(u8, &'static str, &str)]) -> f32 {
        for_seconds(0, talks, facts)
    }

    fn for_seconds(long: i64, talks: &[(u8, u8)], facts: &[(u8, &'static str, &str)]) -> f32 {
        let mut said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
        said.span.last = Timestamp(long * SECOND);
        let mut room = Room::default();
        let mut hosts: std::collections::BTreeMap<u8, Host> = std::collections::BTreeMap::new();
        let mut host = |n: u8, act: &mut dyn FnMut(&mut Host)| {
            let it = hosts.entry(n).or_insert_with(|| Host::new(Timestamp(0)));
            (it.spoke, it.direct) = (true, true);
            act(it);
        };
        host(1, &mut |it| it.learn(Key::new("radius.nas_id"), "nas".into(), said, &mut room));
        for (client, server) in talks {
            for (own, other, role) in
                [(client, server, Role::Client), (server, client, Role::Server)]
            {
                host(*own, &mut |it| {
                    it.met(id(*other), &mut room);
                    it.speaks((Transport::Udp, 1812, "radius", role), said, &mut room);
                });
            }
        }
        for (own, key, value) in facts {
            host(*own, &mut |it| it.learn(Key::new(key), (*value).into(), said, &mut room));
        }
        let ids: Vec<_> = hosts.keys().map(|n| id(*n)).collect();
        let mut all: Vec<_> = ids.iter().zip(hosts.values()).collect();
        let place =
            Place { switch: "nas".into(), port: "1".into(), vlan: None, by: id(1).ip, said };
        let mut card = Host::new(Timestamp(0));
        card.attached.push(place.clone());
        let station = id(99);
        all.push((&station, &card));
        let identifier = Identifier::new(all.iter().copied());
        let standings = Standings::new(&all, &identifier, Book::builtin());
        standings.of(domain(station.segment), &place, "radius.")
    }

    #[test]
    fn only_a_server_that_others_ask_speaks_for_an_access_device() {
        assert_eq!(sure(&[], &[]), UNANSWERED, "nobody answers");
        assert_eq!(sure(&[(1, 1)], &[]), END_DEVICE, "it answers itself");
        assert_eq!(sure(&[(1, 2)], &[]), UNANSWERED, "nobody else asks that one");
        assert_eq!(for_seconds(3600, &[(1, 2)], &[]), ANSWERED_ALONE, "for long");
        assert_eq!(for_seconds(3600, &[(1, 1)], &[]), END_DEVICE, "itself, for long");
        let laptop = [(1, "dhcp.vendor_class", "MSFT 5.0")];
        assert_eq!(for_seconds(3600, &[(1, 2)], &laptop), END_DEVICE);
        assert_eq!(sure(&[(1, 2), (3, 2)], &[]), ANSWERED);
        assert_eq!(sure(&[(1, 2), (3, 1)], &[]), END_DEVICE, "one asks it, and it one of its own");
        assert_eq!(sure(&[(1, 2), (3, 2), (4, 1), (5, 1)], &[]), ANSWERED, "it hands on");
        let laptop = (1, "dhcp.vendor_class", "MSFT 5.0");
        assert_eq!(sure(&[(1, 1)], &[laptop]), END_DEVICE);
        assert_eq!(sure(&[(1, 2), (3, 2)], &[laptop]), END_DEVICE_ANSWERED);
        let switch = (1, "lldp.capabilities", "bridge");
        assert_eq!(sure(&[], &[switch]), KNOWN);
    }
}
