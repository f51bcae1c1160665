//! Cards of one server, by the key of the certificate that it shows (RFC 5246 §7.4.2).
//!
//! A certificate is no secret, and several may have one: those who share a load or a name
//! with a star, and all devices of a product whose maker shipped it. So a key counts only
//! where its certificate names the server in full, by the name by which all of the cards call
//! themselves, and only for as long as they are heard side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::claim;
use super::group::{Group, Groups};
use super::join::{names, speak_otherwise};
use super::leased::often;
use crate::census::host::{Said, Span};

/// SHA-256 of the SubjectPublicKeyInfo.
pub(super) const KEY: &str = "tls.cert_key";
/// What the certificate names.
const NAMED: [&str; 2] = ["tls.cert_cn", "tls.cert_san"];
/// Under these everybody names himself (RFC 6762, RFC 6761, and what routers hand out).
const NOBODYS: [&str; 5] = ["home", "lan", "local", "localdomain", "localhost"];

/// Two sockets and a port for its management.
const MOST: usize = 3;

/// What a group shows, again and again.
struct Shown {
    key: String,
    span: Span,
    /// First labels of the full names of its certificate.
    named: BTreeSet<String>,
}

impl Shown {
    fn of(group: &Group<'_>) -> Option<Self> {
        let mut keys: Vec<(String, Span)> = often(group, KEY).into_iter().collect();
        keys.sort_unstable_by_key(|(_, span)| (span.first, span.last));
        // One that takes the place of another is a renewed one; several at once are several
        // servers'.
        let at_once = |two: &[(String, Span)]| match two {
            [(_, a), (_, b)] => a.last >= b.first,
            _ => false,
        };
        if keys.windows(2).any(at_once) {
            return None;
        }
        let (key, span) = keys.pop()?;
        let values = || {
            let hosts = group.hosts.iter().map(|(_, host)| *host);
            hosts.flat_map(|host| NAMED.iter().flat_map(move |key| host.values(key)))
        };
        if values().any(|name| name.contains('*')) {
            return None;
        }
        let first = |name: &str| {
            let (first, domain) = name.split_once('.')?;
            let last = domain.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
            let is_ip = name.parse::<std::net::IpAddr>().is_ok();
            let own = !is_ip && !last.is_empty() && !NOBODYS.contains(&&*last.to_lowercase());
            own.then(|| first.to_lowercase())
        };
        let called: BTreeSet<String> = names(group).iter().map(|name| label(name)).collect();
        let named = values().filter_map(first).filter(|name| called.contains(name));
        Some(Self { key, span, named: named.collect() })
    }
}

fn label(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The places of those groups that are cards of one server.
pub(super) fn of_one_server(groups: &Groups<'_>) -> Vec<BTreeSet<usize>> {
    let mut by_key: BTreeMap<String, BTreeMap<usize, Shown>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        if let Some(shown) = Shown::of(group) {
            by_key.entry(shown.key.clone()).or_default().insert(at, shown);
        }
    }
    let is_one = |(a, one): (&usize, &Shown), (b, other): (&usize, &Shown)| {
        let both = groups.all.get(*a).zip(groups.all.get(*b));
        !one.named.is_disjoint(&other.named)
            && one.span.common(other.span).is_some()
            && both.is_some_and(|(a, b)| !claim::is_copied(a, b) && !speak_otherwise(a, b))
    };
    let fits = |all: &BTreeMap<usize, Shown>| {
        let mut pairs = all
            .iter()
            .enumerate()
            .flat_map(|(n, one)| all.iter().skip(n + 1).map(move |other| (one, other)));
        (2..=MOST).contains(&all.len()) && pairs.all(|(one, other)| is_one(one, other))
    };
    by_key.into_values().filter(fits).map(|all| all.into_keys().collect()).collect()
}

/// The key, and who first showed it.
pub(super) fn why<'a>(group: &Group<'a>) -> Option<(&'a str, Said)> {
    let key = Shown::of(group)?.key;
    let mut all = group.hosts.iter().flat_map(|(_, host)| host.facts_of(KEY));
    all.find(|fact| fact.value.eq_ignore_ascii_case(&key)).map(|it| (&*it.value, it.said))
}

#[cfg(test)]
mod tests {
    use crate::census::Census;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::time::{SECOND, Timestamp};

    const KEY: &str = "6286cd669626e6d0c50e6f4d1c56bf7b589d01e7f64019f9e47a469c07687134";
    const FULL: &str = "pacs-1.hospital.example";
    const OWN: [u8; 6] = [0, 1, 2, 0, 0, 1];
    const NEXT: [u8; 6] = [0, 1, 2, 0, 0, 2];
    const STRANGER: [u8; 6] = [0x3c, 0x52, 0x82, 0x66, 0x66, 0x66];

    /// A card that shows a key under names, with what it calls itself and says.
    #[derive(Clone, Copy)]
    struct Card {
        mac: [u8; 6],
        key: &'static str,
        names: &'static str,
        called: &'static str,
        banner: &'static str,
        from: i64,
        to: i64,
    }

    const CARD: Card =
        Card { mac: OWN, key: KEY, names: FULL, called: "PACS-1", banner: "", from: 0, to: 7200 };

    /// How many cards each device has.
    fn devices(cards: &[Card]) -> Vec<usize> {
        let mut census = Census::new(std::sync::Arc::clone(Book::builtin()));
        for (n, it) in (1..).zip(cards) {
            let ip = Some(std::net::IpAddr::from([10, 0, 0, n]));
            let host = HostId { segment: Segment::default(), mac: Some(Mac(it.mac)), ip };
            for second in [it.from, it.to] {
                let mut say = |what| {
                    let at = Timestamp(second * SECOND);
                    census.apply(0, Observation { at, frame: 1, host, what });
                };
                say(Observed::Present(Some(64)));
                let (first, more) = it.names.split_once(',').unwrap_or((it.names, ""));
                for (key, value) in [
                    (super::KEY, it.key),
                    ("tls.cert_cn", first),
                    ("tls.cert_san", more),
                    ("nbns.hostname", it.called),
                    ("ssh.banner", it.banner),
                ] {
                    if !value.is_empty() {
                        say(Observed::Fact(Key::new(key), value.into()));
                    }
                }
            }
        }
        let mut all: Vec<_> = census.assets().iter().map(|asset| asset.macs.len()).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn one_key_under_the_name_of_both_cards_is_one_server() {
        let other = Card { mac: NEXT, from: 100, ..CARD };
        assert_eq!(devices(&[CARD, other]), [2]);
        for names in ["PACS,pacs-1.hospital.example", "pacs-1.hospital.example."] {
            assert_eq!(devices(&[Card { names, ..CARD }, Card { names, ..other }]), [2], "{names}");
        }
        let banner = "SSH-2.0-OpenSSH_8.9";
        assert_eq!(devices(&[Card { banner, ..CARD }, Card { banner, ..other }]), [2]);
        // Renewed: the key of now is the same.
        let old = Card { key: "aa", to: 1000, ..CARD };
        let new = Card { from: 2000, ..CARD };
        assert_eq!(devices(&[old, new, Card { mac: NEXT, from: 2000, ..CARD }]), [2]);
    }

    #[test]
    fn what_else_explains_one_key_joins_nobody() {
        let next = Card { mac: NEXT, ..CARD };
        for (why, one, other) in [
            ("two of a load balancer", CARD, Card { called: "PACS-2", ..next }),
            (
                "a name with a star",
                Card { names: "*.hospital.example", ..CARD },
                Card { names: "*.hospital.example", ..next },
            ),
            (
                "a maker's default",
                Card { names: "Acme Printer", ..CARD },
                Card { names: "Acme Printer", ..next },
            ),
            (
                "a default that names itself",
                Card { names: "pacs-1.local", ..CARD },
                Card { names: "pacs-1.local", ..next },
            ),
            (
                "its name and all others",
                Card { names: "pacs-1.hospital.example,*.hospital.example", ..CARD },
                Card { names: "pacs-1.hospital.example,*.hospital.example", ..next },
            ),
            (
                "an address",
                Card { names: "192.168.1.1", called: "192.168.1.1", ..CARD },
                Card { names: "192.168.1.1", called: "192.168.1.1", ..next },
            ),
            ("no domain", Card { names: "pacs-1.", ..CARD }, Card { names: "pacs-1.", ..next }),
            (
                "they speak otherwise",
                Card { banner: "SSH-2.0-OpenSSH_8.9", ..CARD },
                Card { banner: "SSH-2.0-Windows_9.5", ..next },
            ),
            ("called nothing", CARD, Card { called: "", ..next }),
            ("it replaced the other", CARD, Card { from: 9000, to: 16_000, ..next }),
            ("shown once in its name", CARD, Card { from: 100, to: 100, ..next }),
            ("copied by another's card", CARD, Card { mac: STRANGER, from: 100, ..CARD }),
            ("another key", CARD, Card { key: "aa", ..next }),
        ] {
            assert_eq!(devices(&[one, other]), [1, 1], "{why}");
        }
        let many = [3, 4, 5].map(|n| Card { mac: [0, 1, 2, 0, 0, n], ..CARD });
        assert_eq!(devices(&[&[CARD], &many[..]].concat()), [1, 1, 1, 1], "many have it");
        // Who shows two at once stands for two.
        for key in ["00", "aa"] {
            assert_eq!(devices(&[CARD, Card { key, ..CARD }, next]), [1, 1], "{key}");
        }
    }

    #[test]
    fn who_copies_a_certificate_once_undoes_nothing() {
        let copy = Card { mac: STRANGER, from: 100, to: 100, ..CARD };
        assert_eq!(devices(&[CARD, Card { mac: NEXT, ..CARD }, copy]), [1, 2]);
    }
}
