//! Several cards or addresses, one device: who says the same of itself in a field that
//! was made to tell devices apart.
//!
//! Only strong agreement joins: one such field, whose value nobody else has. A value
//! that many have is a default; a group that has several values stands for several
//! devices (a gateway, a terminal server) and is joined with nobody. What contradicts,
//! and what the site has set apart, stays apart. Nothing is overwritten: joins are found
//! anew with every derivation.

use std::collections::{BTreeMap, BTreeSet};

use super::Joined;
use super::cards;
use super::claim;
use super::client;
use super::equipment::{self, Described};
use super::group::{Group, Groups};
use super::identifiers::{self, NAMES, Strength};
use super::identity::Identity;
use super::leased;
use super::pins::Pins;
use super::serial;
use super::served;
use crate::census::host::{Host, Said};
use crate::net::Mac;

/// One device has no more cards and addresses than this: a value of more is a default
/// of the product, or copied with a disk.
const MOST: usize = 8;
/// Ports of one switch, stacked ones included.
const MOST_PORTS: usize = 1024;

/// A field that tells devices apart.
struct Rule {
    /// How it is called in explanations.
    name: &'static str,
    /// The fact.
    key: &'static str,
    /// Another fact that must be there with this value.
    when: Option<(&'static str, &'static str)>,
    /// Another fact whose one value must be the same as well.
    with: Option<&'static str>,
    /// A machine that replaces another is given it: cards of one device were heard side
    /// by side.
    passes_on: bool,
    /// Only cards of one block, or of one maker and with a name in common: who sets it by
    /// hand may set it twice.
    block: bool,
}

const fn rule(name: &'static str, key: &'static str) -> Rule {
    Rule { name, key, when: None, with: None, passes_on: false, block: false }
}

impl Rule {
    /// Whether it counts only among those with a name in common: copies of a disk have it too.
    fn is_named(&self) -> bool {
        !self.block && identifiers::strength(self.key) == Strength::Supports
    }
}

/// Of an OSPF router, set by hand or taken from one of its addresses.
const ROUTER: &str = "ospf.router_id";

/// Strongest first.
const RULES: &[Rule] = &[
    // WS-Addressing endpoint reference: "a globally-unique identifier" (WS-Discovery §2.6).
    rule("identity.endpoint", "wsd.endpoint"),
    // An engine ID made of a card's address (RFC 3411 §5, format 3) is of that device.
    rule("identity.engine", "snmp.engine_mac"),
    rule("identity.engine", "snmp.engine_id"),
    // "Each DHCP client … has exactly one DUID", whatever the interface (RFC 8415 §11).
    rule("identity.duid", "dhcpv6.duid"),
    // The serial number of a KNX device is no other's (ISO 22510, device information).
    rule("identity.knx", "knx.serial_number"),
    // "Uniquely identifies the router in the Autonomous System" (RFC 2328 §C.1).
    Rule { block: true, ..rule("identity.router", ROUTER) },
    // A domain knows each of its computers by one name.
    Rule {
        when: Some(("ntlm.membership", "domain")),
        passes_on: true,
        ..rule("identity.domain", "ntlm.fqdn")
    },
    // The same name in its lease, with its domain, and where it logs on.
    Rule {
        with: Some("ntlm.workstation"),
        passes_on: true,
        ..rule("identity.computer", "dhcp.fqdn")
    },
];

/// Facts that give the address of a card of the speaker itself.
const CARDS: &[(&str, &str)] = &[
    ("identity.netbios", "nbns.mac"),
    ("identity.engine", "snmp.engine_mac"),
    ("identity.knx", "knx.mac"),
];

/// Joins what is one device.
pub(super) fn join<'a>(
    groups: &mut Groups<'a>,
    pins: &'a Pins,
    described: impl Fn(&Group<'a>) -> Described<'a>,
) {
    for pin in pins.same() {
        let places: BTreeSet<usize> = pin.of.iter().filter_map(|it| groups.at(it)).collect();
        let why = |_: &Group<'a>| Some(("pinned", "reason", pin.reason.as_str(), NO_FRAME));
        merge(groups, &places, |_, _| false, why);
    }
    for places in cards::of_one_device(groups) {
        unite(groups, &places, MOST_PORTS, pins, |group| {
            let (value, said) = value(group, &rule("identity.chassis", cards::CHASSIS))?;
            Some(("identity.chassis", cards::CHASSIS, value, said))
        });
    }
    for rule in RULES {
        let mut by_value: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (at, group) in groups.all.iter().enumerate() {
            let Some((value, _)) = value(group, rule) else { continue };
            let mut value = value.to_lowercase();
            if rule.key == "wsd.endpoint" && !is_unique(&value) {
                continue;
            }
            // A name without its domain is not telling.
            let full = leased::in_full(&value);
            if leased::FULL_NAMES.contains(&rule.key) && full.is_none() {
                continue;
            }
            // Nobody was given it.
            if rule.key == ROUTER && value == "0.0.0.0" {
                continue;
            }
            if let Some(key) = rule.with {
                let Some((with, _)) = self::value(group, &self::rule(rule.name, key)) else {
                    continue;
                };
                if full.is_some_and(|(name, _)| !name.eq_ignore_ascii_case(with)) {
                    continue;
                }
                value = format!("{value} {}", with.to_lowercase());
            }
            if rule.block {
                let Some(mac) = group.identity.mac() else { continue };
                let [a, b, c, d, e, _] = mac.0;
                let own = |name: String| format!("{value} {a:02x}{b:02x}{c:02x} {name}");
                let called = names(group).into_iter().chain(gear_names(group));
                for value in called.map(own) {
                    by_value.entry(value).or_default().insert(at);
                }
                value = format!("{value} {a:02x}{b:02x}{c:02x}{d:02x}{e:02x}");
            }
            if !rule.is_named() {
                by_value.entry(value).or_default().insert(at);
                continue;
            }
            for name in names(group) {
                by_value.entry(format!("{value} {name}")).or_default().insert(at);
            }
        }
        // What comes with a name in common, or is one, a computer has on all of its cards.
        let bare = !rule.is_named() && !rule.passes_on;
        for mut places in by_value.into_values().filter(|places| places.len() <= MOST) {
            let differ = |whole: &Group<'a>, part: &Group<'a>| {
                are_apart(pins, whole, part)
                    || rule.passes_on && follows(whole, part)
                    || rule.key == ROUTER && !share_area(whole, part)
                    || bare && !share_name(whole, part) && claim::is_copied(whole, part)
            };
            // Whom the first has not taken in may be one without it.
            while places.len() > 1 {
                places = merge(groups, &places, differ, |group| {
                    let (value, said) = value(group, rule)?;
                    Some((rule.name, rule.key, value, said))
                });
            }
        }
    }
    for places in leased::of_one_computer(groups) {
        unite(groups, &places, MOST, pins, |group| {
            let (value, said) = leased::why(group)?;
            Some(("identity.lease", leased::NAME, value, said))
        });
    }
    for places in client::of_one_host(groups) {
        unite(groups, &places, MOST, pins, |group| {
            let (value, said) = client::why(group)?;
            Some(("identity.duid", client::KEY, value, said))
        });
    }
    for places in served::of_one_server(groups) {
        unite(groups, &places, MOST, pins, |group| {
            let (value, said) = served::why(group)?;
            Some(("identity.certificate", served::KEY, value, said))
        });
    }
    join_serials(groups, pins);
    join_cards(groups, pins);
    join_equipment(groups, pins, described);
}

/// Who calls itself by the same maker, model and serial number is that device.
fn join_serials(groups: &mut Groups<'_>, pins: &Pins) {
    let mut by_name: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        if let Some(name) = serial::name(group) {
            by_name.entry(name).or_default().insert(at);
        }
    }
    for mut places in by_name.into_values().filter(|places| places.len() <= MOST) {
        let differ = |whole: &Group<'_>, part: &Group<'_>| {
            let named = !names(whole).is_disjoint(&names(part));
            are_apart(pins, whole, part) || !named && claim::may_be_copied(whole, part)
        };
        // Whom the first has not taken in may be one without it.
        while places.len() > 1 {
            places = merge(groups, &places, differ, |group| {
                let (value, said) = value(group, &rule("identity.serial", serial::SERIAL))?;
                Some(("identity.serial", serial::SERIAL, value, said))
            });
        }
    }
}

/// Who gives the address of its card, as NBSTAT does, is that card, where nothing speaks
/// against it.
fn join_cards<'a>(groups: &mut Groups<'a>, pins: &Pins) {
    for (name, key) in CARDS {
        let rule = rule(name, key);
        let found: Vec<(usize, usize)> = (0..groups.all.len())
            .filter_map(|at| {
                let (value, _) = value(groups.all.get(at)?, &rule)?;
                let real = |mac: &Mac| mac.is_unicast() && !mac.is_local();
                let mac: Mac = value.parse().ok().filter(real)?;
                let card = groups.at(&Identity::Mac(mac)).filter(|card| *card != at)?;
                let (says, is) = (groups.all.get(at)?, groups.all.get(card)?);
                claim::may_be(says, is, mac).then_some((at, card))
            })
            .collect();
        let mut by_card: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (at, card) in found {
            by_card.entry(card).or_default().extend([at, card]);
        }
        // An address that several give is an adapter's that all of them have.
        for places in by_card.into_values().filter(|places| places.len() == 2) {
            unite(groups, &places, MOST, pins, |group| {
                let (value, said) = value(group, &rule)?;
                Some((name, key, value, said))
            });
        }
    }
}

/// Who describes the same equipment as its own is that equipment.
fn join_equipment<'a>(
    groups: &mut Groups<'a>,
    pins: &Pins,
    described: impl Fn(&Group<'a>) -> Described<'a>,
) {
    let mut by_name: BTreeMap<Identity, BTreeSet<usize>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        if group.hosts.iter().all(|(_, host)| host.equipment.is_empty()) {
            continue;
        }
        let mut names = equipment::names(&described(group)).into_iter();
        if let (Some(name), None) = (names.next(), names.next())
            && equipment::is_telling(&name)
        {
            by_name.entry(name).or_default().insert(at);
        }
    }
    for places in by_name.into_values() {
        unite(groups, &places, MOST, pins, |group| {
            let serial = |host: &'a Host| {
                let mut facts = host.equipment.iter().flat_map(|(_, facts, said)| {
                    facts.iter().map(move |(key, value)| (key.as_str(), &**value, *said))
                });
                facts.find(|(key, ..)| key.ends_with("serial"))
            };
            let (key, value, said) = group.hosts.iter().find_map(|(_, host)| serial(host))?;
            Some(("identity.serial", key, value, said))
        });
    }
}

/// The one value that a group has of a field; none when it has several. Of two it is the one
/// that is said time and again, where the other is a single word in its name.
fn value<'a>(group: &Group<'a>, rule: &Rule) -> Option<(&'a str, Said)> {
    let when =
        |host: &Host| rule.when.is_none_or(|(key, value)| host.values(key).any(|it| it == value));
    let facts = || {
        let hosts = group.hosts.iter().filter(|(_, host)| when(host));
        hosts.flat_map(|(_, host)| host.facts_of(rule.key))
    };
    let first = facts().next()?;
    let Some(second) = facts().find(|fact| !fact.value.eq_ignore_ascii_case(&first.value)) else {
        return Some((&*first.value, first.said));
    };
    let is_either = |it: &str| [first, second].iter().any(|own| own.value.eq_ignore_ascii_case(it));
    if !facts().all(|fact| is_either(&fact.value)) {
        return None;
    }
    let often = leased::often(group, rule.key);
    let mut said =
        [first, second].into_iter().filter(|it| often.contains_key(&it.value.to_lowercase()));
    let one = said.next()?;
    said.next().is_none().then_some((&*one.value, one.said))
}

/// Whether an endpoint is a UUID that was made (RFC 9562 §4: a version and the variant),
/// and not zeros, or digits in a row.
fn is_unique(endpoint: &str) -> bool {
    let uuid = endpoint.rsplit(':').next().unwrap_or_default().as_bytes();
    let version = uuid.get(14).is_some_and(|v| (b'1'..=b'8').contains(v));
    let variant = uuid.get(19).is_some_and(|v| matches!(v, b'8' | b'9' | b'a' | b'b'));
    uuid.len() == 36 && version && variant
}

/// What a group calls itself, in lower case.
pub(super) fn names(group: &Group<'_>) -> BTreeSet<String> {
    let of = |host: &Host| -> Vec<String> {
        NAMES.iter().flat_map(|it| host.values(it.key)).map(str::to_lowercase).collect()
    };
    group.hosts.iter().flat_map(|(_, host)| of(host)).collect()
}

/// Whether two are called the same, or say one serial number.
pub(super) fn share_name(one: &Group<'_>, other: &Group<'_>) -> bool {
    !names(one).is_disjoint(&names(other))
        || serial::name(one).is_some_and(|name| serial::name(other) == Some(name))
}

/// What a host says alike on all of its cards: its SSH server's name, its EUI-64 in HL7.
const ALIKE: [&str; 2] = ["ssh.banner", "hl7.eui64"];

/// Whether two that may be cards of one host speak as two hosts.
pub(super) fn speak_otherwise(one: &Group<'_>, other: &Group<'_>) -> bool {
    ALIKE.iter().any(|key| {
        let said = |group: &Group<'_>| -> BTreeSet<String> {
            let values = group.hosts.iter().flat_map(|(_, host)| host.values(key));
            values.map(str::to_owned).collect()
        };
        let (these, those) = (said(one), said(other));
        !these.is_empty() && !those.is_empty() && these.is_disjoint(&those)
    })
}

/// Names by which network gear calls itself to its neighbours.
fn gear_names(group: &Group<'_>) -> BTreeSet<String> {
    let of = |host: &Host| -> Vec<String> {
        let keys = ["cdp.device_id", "lldp.system_name"].iter();
        keys.flat_map(|key| host.values(key)).map(str::to_lowercase).collect()
    };
    group.hosts.iter().flat_map(|(_, host)| of(host)).collect()
}

/// Makes the groups in these places one, those that nothing speaks against.
fn unite<'a>(
    groups: &mut Groups<'a>,
    places: &BTreeSet<usize>,
    most: usize,
    pins: &Pins,
    why: impl Fn(&Group<'a>) -> Option<(&'static str, &'a str, &'a str, Said)>,
) {
    if places.len() <= most {
        merge(groups, places, |whole, part| are_apart(pins, whole, part), why);
    }
}

fn are_apart(pins: &Pins, whole: &Group<'_>, part: &Group<'_>) -> bool {
    pins.are_apart(whole.identities(), part.identities()) || contradict(whole, part)
}

/// Whether two were heard in one OSPF area, or one of them in none: what is unique in one
/// system may be there again in another, and only a common area shows that it is one.
fn share_area<'a>(one: &Group<'a>, other: &Group<'a>) -> bool {
    let areas = |group: &Group<'a>| -> BTreeSet<&'a str> {
        group.hosts.iter().flat_map(|(_, host)| host.values("ospf.area")).collect()
    };
    let (these, those) = (areas(one), areas(other));
    these.is_empty() || those.is_empty() || !these.is_disjoint(&those)
}

/// Whether one card was heard no more when the other came.
fn follows(one: &Group<'_>, other: &Group<'_>) -> bool {
    let heard = |group: &Group<'_>| {
        group.hosts.iter().map(|(_, host)| host.span).reduce(|mut all, span| {
            all.cover(span);
            all
        })
    };
    let cards = [one, other].iter().all(|group| group.identity.mac().is_some());
    cards && heard(one).zip(heard(other)).is_some_and(|(a, b)| a.common(b).is_none())
}

/// Makes the groups in these places one, those that do not `differ`, and tells
/// which do.
fn merge<'a>(
    groups: &mut Groups<'a>,
    places: &BTreeSet<usize>,
    differ: impl Fn(&Group<'a>, &Group<'a>) -> bool,
    why: impl Fn(&Group<'a>) -> Option<(&'static str, &'a str, &'a str, Said)>,
) -> BTreeSet<usize> {
    let mut left = BTreeSet::new();
    if places.len() < 2 {
        return left;
    }
    // Named after the card that was seen first: that does not change any more.
    let age = |at: &usize| {
        let group = groups.all.get(*at)?;
        let first = group.hosts.iter().map(|(_, host)| host.span.first).min();
        let is_card = matches!(group.identity, Identity::Mac(_));
        Some((!is_card, first, group.identity.clone()))
    };
    let Some(into) = places.iter().copied().min_by_key(age) else { return left };
    for from in places.iter().copied().filter(|from| *from != into) {
        let (Some(whole), Some(part)) = (groups.all.get(into), groups.all.get(from)) else {
            return left;
        };
        if part.is_nobody() {
            continue;
        }
        if differ(whole, part) {
            left.insert(from);
            continue;
        }
        let Some((rule, key, value, said)) = why(part).or_else(|| why(whole)) else { continue };
        let identity = part.identity.clone();
        groups.join(into, from, Joined { identity, rule, key, value, said });
    }
    left
}

/// The card that a KNX device says is its own, where it is: such a device has one.
fn own_card(group: &Group<'_>) -> Option<Mac> {
    let (mac, _) = value(group, &rule("identity.knx", "knx.mac"))?;
    let mac = mac.parse().ok()?;
    group.identities().any(|it| it.mac() == Some(mac)).then_some(mac)
}

/// Whether two say different things in a field that tells devices apart.
fn contradict(one: &Group<'_>, other: &Group<'_>) -> bool {
    let telling = RULES.iter().filter(|rule| !rule.is_named() && rule.with.is_none());
    let (these, those) = (names(one), names(other));
    let otherwise = !these.is_empty() && !those.is_empty() && these.is_disjoint(&those);
    otherwise
        || serial::differ(one, other)
        || own_card(one).zip(own_card(other)).is_some_and(|(a, b)| a != b)
        || telling.into_iter().any(|rule| match (value(one, rule), value(other, rule)) {
            (Some((a, _)), Some((b, _))) => !a.eq_ignore_ascii_case(b),
            _ => false,
        })
}

const NO_FRAME: Said = Said::new(crate::time::Timestamp(0), super::NO_FRAME);
