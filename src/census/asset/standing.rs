//! What the word of one who says where others are plugged in is worth.
//!
//! Anybody may send an authentication server's requests and answer for an agent. Who is
//! known for network gear by anything else is believed; of whom nothing else is known a
//! little less; who is an end device hardly. An authentication server answers only access
//! devices that it knows (RFC 2865 §3), which speaks for them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::attribute::SHOWN;
use super::identity::{Identifier, Identity};
use super::{OUI, SERVES};
use crate::census::host::Host;
use crate::census::signature::{Book, oui};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac};
use crate::observe::Role;

/// What the word of such a one is worth.
const KNOWN: f32 = 0.9;
const ANSWERED: f32 = 0.8;
const UNKNOWN: f32 = 0.6;
const END_DEVICE_ANSWERED: f32 = 0.45;
const END_DEVICE: f32 = 0.3;

/// Who describes equipment or images of its own is no switch, as sure as this.
const DESCRIBES: f32 = 0.6;

/// What is known of one who calls itself so: the surest of each kind.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Network gear, by facts of RADIUS, of SNMP, and of all others.
    gear: [f32; 3],
    other: f32,
    /// Packets of others come through it.
    forwards: bool,
    answered: bool,
    /// It answers access devices itself, and hands on what others decide.
    serves: bool,
}

/// What who speaks for an access device calls it: itself, or another, whose messages it
/// hands on or pretends to.
const NAMES: [&str; 2] = ["radius.nas_id", "radius.hands_on"];

const PROTOCOLS: [&str; 2] = ["radius.", "snmp."];

/// A name in a place means one in its routed domain.
type Name<'a> = (Domain, &'a str);

/// Of everyone who said where another is plugged in, under the name in the place.
pub(super) struct Standings<'a> {
    known: HashMap<Name<'a>, Vec<Known>, RandomState>,
}

impl<'a> Standings<'a> {
    pub(super) fn new(
        hosts: &[(&'a HostId, &'a Host)],
        identifier: &Identifier,
        book: &Book,
    ) -> Self {
        let mut known: HashMap<Name<'a>, Vec<Known>, RandomState> = HashMap::default();
        for (id, host) in hosts {
            let names = host.attached.iter().map(|place| (domain(id.segment), &*place.switch));
            known.extend(names.map(|name| (name, Vec::new())));
        }
        if known.is_empty() {
            return Self { known };
        }
        let servers: HashSet<&HostId, RandomState> =
            hosts.iter().filter(|(_, host)| serves_radius(host)).map(|(id, _)| *id).collect();
        let by_ip: HashMap<(Domain, IpAddr), &'a str, RandomState> = known
            .keys()
            .filter_map(|(domain, name)| Some(((*domain, name.parse().ok()?), *name)))
            .collect();
        let mut speakers: HashMap<Identity, (BTreeSet<Name<'a>>, Known), RandomState> =
            HashMap::default();
        for (id, host) in hosts {
            let at = domain(id.segment);
            let named = NAMES.iter().flat_map(|key| host.values(key));
            let named = named.filter(|name| known.contains_key(&(at, *name)));
            let address = id.ip.and_then(|ip| by_ip.get(&(at, ip)).copied());
            let mut names = named.chain(address).map(|name| (at, name)).peekable();
            if names.peek().is_some()
                && let Some(speaker) = identifier.identify(id, host)
            {
                speakers.entry(speaker).or_default().0.extend(names);
            }
        }
        let asked = if speakers.is_empty() { &[] } else { hosts };
        for (id, host) in asked {
            let Some(speaker) = identifier.identify(id, host) else { continue };
            let card = speaker.mac();
            if let Some((_, it)) = speakers.get_mut(&speaker) {
                it.learn(host, card, book);
                it.forwards |= card.is_some_and(|mac| identifier.is_router(id.segment, mac));
                it.serves |= serves_radius(host);
                it.answered |= host.peers().iter().any(|peer| servers.contains(peer));
            }
        }
        for (names, it) in speakers.values() {
            for name in names {
                known.entry(*name).or_default().push(*it);
            }
        }
        Self { known }
    }

    /// How sure a place is that somebody of this name told in this protocol: as the least
    /// of all who call themselves so.
    pub(super) fn of(&self, at: Domain, name: &str, protocol: &str) -> f32 {
        let all = self.known.get(&(at, name)).map_or(&[][..], Vec::as_slice);
        all.iter().map(|it| it.worth(protocol)).reduce(f32::min).unwrap_or(UNKNOWN)
    }

    /// Whether it is the word of an end device.
    pub(super) fn is_doubted(sure: f32) -> bool {
        sure <= END_DEVICE_ANSWERED
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
            _ => UNKNOWN,
        }
    }
}

fn serves_radius(host: &Host) -> bool {
    let serves = |name: &str, role: Role| name == "radius" && role == Role::Server;
    host.services().iter().any(|((_, _, name, role), _)| serves(name, *role))
}
