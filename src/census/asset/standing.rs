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
use crate::census::host::{Host, Place};
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

/// What is known of one who speaks from an address: the surest of each kind.
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
        let servers: HashSet<&HostId, RandomState> =
            hosts.iter().filter(|(_, host)| serves_radius(host)).map(|(id, _)| *id).collect();
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
                it.serves |= serves_radius(host);
                it.answered |= host.peers().iter().any(|peer| servers.contains(peer));
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
    let serves = |name: &str, role: Role| name == "radius" && role == Role::Server;
    host.services().iter().any(|((_, _, name, role), _)| serves(name, *role))
}
