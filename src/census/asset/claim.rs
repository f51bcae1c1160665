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

/// Whether one of two who say the same serial number may have it from the other, who is called
/// otherwise or nothing: as [`is_copied`], and where one is heard through a router while the
/// other is heard, unless both say so time and again.
pub(super) fn may_be_copied(one: &Group<'_>, other: &Group<'_>) -> bool {
    let far = |group: &Group<'_>| group.identities().all(|it| it.mac().is_none());
    let heard = |group: &Group<'_>| {
        group.hosts.iter().map(|(_, host)| host.span).reduce(|mut all, span| {
            all.cover(span);
            all
        })
    };
    let at_once = || heard(one).zip(heard(other)).is_some_and(|(a, b)| a.common(b).is_some());
    let often = || [one, other].iter().all(|it| serial::is_said_often(it));
    is_copied(one, other) || ((far(one) || far(other)) && at_once() && !often())
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
    let heard = says.hosts.iter();
    let theirs = whole(
        heard.filter_map(|(id, host)| Some((id.ip.filter(|ip| !is_link_local(*ip))?, host.span))),
    );
    let own = whole(card.hosts.iter().flat_map(|(id, host)| addresses(id, host, mac)));
    own.into_iter().any(|(ip, span)| {
        let at_once = |(_, other): &&(IpAddr, Span)| other.common(span).is_some_and(|it| it >= 0);
        let same_kind = |(other, _): &&(IpAddr, Span)| other.is_ipv4() == ip.is_ipv4();
        let mut then = theirs.iter().filter(same_kind).filter(at_once).peekable();
        then.peek().is_some() && theirs.iter().all(|(other, _)| *other != ip)
    })
}

/// Addresses with the times in which they were had: what was had before and after a pause was
/// had all the while, unless another was between. Of IPv6 a host has several at once.
fn whole(all: impl Iterator<Item = (IpAddr, Span)>) -> Vec<(IpAddr, Span)> {
    let mut all: Vec<_> = all.collect();
    all.sort_unstable_by_key(|(ip, span)| {
        let several = ip.is_ipv6().then_some(*ip);
        (several, span.first, span.last, *ip)
    });
    all.dedup_by(|(ip, span), (before, whole)| {
        let same = ip == before;
        if same {
            whole.cover(*span);
        }
        same
    });
    all
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
    use crate::census::host::Span;
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
    fn an_address_is_had_over_a_pause_unless_another_was_between() {
        let spans = |all: &[(&str, i64, i64)]| {
            let all = all.iter().map(|(ip, first, last)| {
                let span = Span { first: Timestamp(*first), last: Timestamp(*last) };
                (ip.parse().unwrap(), span)
            });
            let whole = super::whole(all);
            whole.iter().map(|(_, span)| (span.first.0, span.last.0)).collect::<Vec<_>>()
        };
        let (a, b) = ("10.1.0.4", "10.1.0.5");
        assert_eq!(spans(&[(a, 7, 9), (a, 0, 2)]), [(0, 9)]);
        assert_eq!(spans(&[(a, 0, 2), (b, 4, 5), (a, 7, 9)]), [(0, 2), (4, 5), (7, 9)]);
        let (a, b) = ("2001:db8::4", "2001:db8::5");
        assert_eq!(spans(&[(a, 0, 2), (b, 4, 5), (a, 7, 9)]), [(0, 9), (4, 5)]);
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
            let number = [says, ("poct1a.serial", "UU83140297"), ("poct1a.manufacturer", "Roche")];
            assert_eq!(devices(&[(OWN, 0), (STRANGER, 100)], &number), [2], "one serial number");
            assert_eq!(devices(&[(OWN, 0), (STRANGER, 900)], &[says]), [2], "another card");
            let same = (STRANGER.0, OWN.1);
            assert_eq!(devices(&[(OWN, 0), (same, 100)], &[says]), [2], "one address");
        }
        let serial = [("poct1a.serial", "UU83140297"), ("poct1a.manufacturer", "Roche")];
        assert_eq!(devices(&[(OWN, 0), (STRANGER, 100)], &serial), [1, 1]);
        assert_eq!(devices(&[(OWN, 0), (NEXT, 100)], &serial), [2], "of one maker");
        assert_eq!(devices(&[(OWN, 0), (STRANGER, 900)], &serial), [2], "another card");
        let named = [serial[0], serial[1], name];
        assert_eq!(devices(&[(OWN, 0), (STRANGER, 100)], &named), [2], "one name");
    }
}
