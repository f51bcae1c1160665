//! Who gives the address of a card as its own, and what speaks against that.
//!
//! An answer of NBSTAT or an engine ID names a card in its payload, where anybody can
//! write any. It says who a speaker is as long as the card was not somewhere else at the
//! time, is of the same maker, and stands for nothing that tells of a device by more.
//! What both say in a field that tells devices apart is copied, where the cards of two
//! makers are on line at once and nothing else tells that they are of one device.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::address::is_link_local;
use super::group::Group;
use super::serial;
use crate::census::host::{Host, Span};
use crate::census::signature::oui;
use crate::net::{HostId, Mac};

/// Whether a group that says that a card is its own may be it.
pub(super) fn may_be(says: &Group<'_>, card: &Group<'_>, mac: Mac) -> bool {
    // Who stands on its own link with another maker's card is another.
    let near = says.identity.mac().is_none_or(|own| own.0[..3] == mac.0[..3]);
    near && !is_elsewhere(says, card, mac) && !is_known(card)
}

/// Whether one of two who say the same of themselves has it from the other: their cards were
/// heard on their own links at the same time, have no address in common, and are of
/// different makers.
pub(super) fn is_copied(one: &Group<'_>, other: &Group<'_>) -> bool {
    let (these, those) = (cards(one), cards(other));
    if these.is_empty() || those.is_empty() {
        return false;
    }
    let one_maker = |a: Mac, b: Mac| {
        let named = oui::vendor(a).is_some_and(|name| oui::vendor(b) == Some(name));
        a.0[..3] == b.0[..3] || named
    };
    let related = these.iter().any(|(a, ..)| those.iter().any(|(b, ..)| one_maker(*a, *b)));
    let at_once = || {
        let mut pairs = these.iter().flat_map(|(.., a)| those.iter().map(move |(.., b)| (a, b)));
        pairs.any(|(a, b)| a.common(*b).is_some())
    };
    !related && at_once() && own(&these, one).is_disjoint(&own(&those, other))
}

/// The cards of a device that spoke on their own links, and from when to when.
fn cards(group: &Group<'_>) -> Vec<(Mac, Span)> {
    let of = |mac: Mac| {
        let near =
            |(id, host): &&(&HostId, &Host)| id.mac == Some(mac) && host.spoke && !host.routed;
        let spans = group.hosts.iter().filter(near).map(|(_, host)| host.span);
        let heard = spans.reduce(|mut all, span| {
            all.cover(span);
            all
        });
        Some((mac, heard?))
    };
    group.identities().filter_map(|it| of(it.mac()?)).collect()
}

/// Addresses of these cards of a device.
fn own(cards: &[(Mac, Span)], group: &Group<'_>) -> BTreeSet<IpAddr> {
    let of = |mac: Mac| group.hosts.iter().flat_map(move |(id, host)| addresses(id, host, mac));
    cards.iter().flat_map(|(mac, _)| of(*mac)).map(|(ip, _)| ip).collect()
}

/// Whether the card had another address while who names it spoke: nobody is in two
/// places at once.
fn is_elsewhere(says: &Group<'_>, card: &Group<'_>, mac: Mac) -> bool {
    let theirs: Vec<(IpAddr, Span)> = says
        .hosts
        .iter()
        .filter_map(|(id, host)| Some((id.ip.filter(|ip| !is_link_local(*ip))?, host.span)))
        .collect();
    let mut own = card.hosts.iter().flat_map(|(id, host)| addresses(id, host, mac));
    own.any(|(ip, span)| {
        let at_once = |(_, other): &&(IpAddr, Span)| other.common(span).is_some_and(|it| it >= 0);
        let same_kind = |(other, _): &&(IpAddr, Span)| other.is_ipv4() == ip.is_ipv4();
        let mut then = theirs.iter().filter(same_kind).filter(at_once).peekable();
        then.peek().is_some() && theirs.iter().all(|(other, _)| *other != ip)
    })
}

/// Addresses that this card used or was given, and when.
fn addresses(id: &HostId, host: &Host, mac: Mac) -> impl Iterator<Item = (IpAddr, Span)> {
    let is_own = id.mac == Some(mac);
    let used = id.ip.filter(|_| is_own && host.spoke && !host.routed).map(|ip| (ip, host.span));
    let held = host.addresses.iter().filter(move |(_, lease, _)| is_own && !lease.is_over());
    let all = used.into_iter().chain(held.map(|(ip, _, said)| (*ip, said.span)));
    all.filter(|(ip, _)| !is_link_local(*ip))
}

/// Whether a device says more of itself than one word of another may be set against: it
/// describes equipment with a number of its own.
fn is_known(card: &Group<'_>) -> bool {
    let numbered = |host: &Host| {
        let mut facts = host.equipment.iter().flat_map(|(_, facts, _)| facts);
        facts.any(|(key, _)| IDENTIFIERS.iter().any(|end| key.as_str().ends_with(end)))
            || NUMBERS.iter().any(|key| !host.facts_of(key).is_empty())
    };
    card.hosts.iter().any(|(_, host)| numbered(host))
}

/// How facts end that tell one piece of equipment from all others.
const IDENTIFIERS: &[&str] = &["serial", "device_uid", "udi"];
/// The serial numbers that medical devices tell of themselves.
const NUMBERS: &[&str] =
    &[serial::SERIAL, "intellivue.serial", "phd.serial", "spectrum.serial", "wsd.sdc_serial"];

#[cfg(test)]
mod tests {
    use super::super::join_tests::Hospital;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::time::{SECOND, Timestamp};

    #[test]
    fn a_card_is_not_in_two_places_at_once() {
        let ip = |ip: &str| ip.parse().unwrap();
        let joined = |card_has: &str, says: &str, key: &'static str| {
            let mut it = Hospital::new();
            let host = |last, ip| HostId {
                segment: Segment::default(),
                mac: Some(Mac([0, 1, 2, 0, 0, last])),
                ip: Some(ip),
            };
            let mut say = |host, second: i64, what| {
                it.0.apply(0, Observation { at: Timestamp(second * SECOND), frame: 1, host, what });
            };
            for second in [0, 9000] {
                say(host(4, ip(card_has)), second, Observed::Present(Some(64)));
            }
            let fact = Observed::Fact(Key::new(key), "00:01:02:00:00:04".into());
            for what in [Observed::Present(Some(60)), fact] {
                say(host(9, ip(says)), 7000, what);
            }
            it.assets().iter().any(|asset| !asset.joined.is_empty())
        };
        for key in ["nbns.mac", "snmp.engine_mac"] {
            assert!(!joined("10.1.0.4", "10.99.0.66", key), "{key}");
            assert!(
                joined("fe80::4", "10.99.0.66", key) && joined("2001:db8::4", "10.99.0.66", key)
            );
        }
        // A neighbour of the same maker.
        let mut it = Hospital::new();
        for card in [4, 5] {
            let mac = Some(Mac([0, 1, 2, 0, 0, card]));
            let host = HostId {
                segment: Segment::default(),
                mac,
                ip: Some(ip(&format!("10.1.0.{card}"))),
            };
            let named = Observed::Fact(Key::new("nbns.mac"), "00:01:02:00:00:04".into());
            for what in [Observed::Present(Some(64)), named] {
                it.0.apply(0, Observation { at: Timestamp(5), frame: 1, host, what });
            }
        }
        assert_eq!(it.cards(), [vec![4], vec![5]]);
    }

    #[test]
    fn a_word_of_a_payload_is_no_device_with_a_number_of_its_own() {
        let joined = |key: &'static str| {
            let mut it = Hospital::new();
            it.describes(
                4,
                &[("dicom.manufacturer", "Acme"), ("dicom.model", "X"), (key, "MR41587")],
            );
            it.behind(9, "10.2.0.7", "nbns.mac", "00:01:02:00:00:04");
            it.assets().iter().any(|asset| !asset.joined.is_empty())
        };
        let keys = ["dicom.serial", "dicom.device_uid", "dicom.udi", "dicom.station_name"];
        assert_eq!(keys.map(joined), [false, false, false, true]);
    }

    #[test]
    fn who_copies_an_identifier_is_no_part_of_its_owner() {
        const OWN: (&str, &str) = ("00:01:02:00:00:04", "10.1.0.4");
        const NEXT: (&str, &str) = ("00:01:02:00:00:05", "10.2.0.4");
        const STRANGER: (&str, &str) = ("3c:52:82:66:66:66", "10.1.0.66");
        let endpoint = ("wsd.endpoint", "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        let engine = ("snmp.engine_mac", OWN.0);
        let name = ("mdns.hostname", "ct-7");
        let devices = |cards: &[((&str, &str), i64)], says: &[(&'static str, &'static str)]| {
            let mut it = Hospital::new();
            let mut say = |(mac, ip): (&str, &str), second: i64, what| {
                let mac = Some(mac.parse().unwrap());
                let host = HostId { segment: Segment::default(), mac, ip: ip.parse().ok() };
                it.0.apply(0, Observation { at: Timestamp(second * SECOND), frame: 1, host, what });
            };
            for (card, begins) in cards {
                for second in [*begins, begins + 600] {
                    say(*card, second, Observed::Present(Some(64)));
                }
                for (key, value) in says {
                    say(*card, begins + 300, Observed::Fact(Key::new(key), (*value).into()));
                }
            }
            it.assets().iter().map(|asset| asset.macs.len()).collect::<Vec<_>>()
        };
        for says in [endpoint, engine] {
            assert_eq!(devices(&[(OWN, 0), (STRANGER, 100)], &[says]), [1, 1], "{says:?}");
            // Who speaks first is not whose it is: the others stay one.
            let three = [(STRANGER, 0), (OWN, 50), (NEXT, 100)];
            let mut cards = devices(&three, &[says]);
            cards.sort_unstable();
            assert_eq!(cards, [1, 2], "{says:?}");
            assert_eq!(devices(&[(OWN, 0), (NEXT, 100)], &[says]), [2], "of one maker");
            assert_eq!(devices(&[(OWN, 0), (STRANGER, 100)], &[says, name]), [2], "one name");
            assert_eq!(devices(&[(OWN, 0), (STRANGER, 900)], &[says]), [2], "another card");
            let same = (STRANGER.0, OWN.1);
            assert_eq!(devices(&[(OWN, 0), (same, 100)], &[says]), [2], "one address");
        }
    }
}
