//! Cards of one host, by the DUID in what it calls itself to a DHCP server.
//!
//! A client identifier of RFC 4361 §6.1 is the number of an interface (IAID), by which a
//! host tells its interfaces apart, and the host's own DUID, which is the same on all of
//! them (RFC 8415 §11). So one DUID under several numbers is one host; one identifier on two
//! cards is a copied disk's, or somebody who says another's words.

use std::collections::{BTreeMap, BTreeSet};

use super::group::{Group, Groups};
use super::join::{share_name, speak_otherwise};
use super::leased::often;
use crate::census::host::{Said, Span};

/// Option 61 in hexadecimal.
pub(super) const KEY: &str = "dhcp.client_id";

/// A socket, a radio, a dock.
const MOST: usize = 3;

/// Number of the interface and DUID of an identifier, where it has the form of RFC 4361 and
/// its DUID one of RFC 8415 §11: a type, and enough behind it that is not all the same.
pub(super) fn parts(id: &str) -> Option<(&str, &str)> {
    let (interface, duid) = id.strip_prefix("ff")?.split_at_checked(8)?;
    let (kind, value) = duid.split_at_checked(4)?;
    let least = match kind {
        // A link-layer address with a time, an enterprise's number, an address alone, a UUID.
        "0001" => 24,
        "0002" => 16,
        "0003" => 16,
        "0004" => 32,
        _ => return None,
    };
    let first = value.get(..2)?;
    let is_one_octet = value.as_bytes().chunks(2).all(|octet| octet == first.as_bytes());
    (value.len() >= least && !is_one_octet).then_some((interface, duid))
}

/// How a group calls itself, again and again: what somebody says once in its name joins it
/// with nobody, and undoes nothing.
struct Client {
    interfaces: BTreeSet<String>,
    duid: String,
    span: Span,
}

impl Client {
    fn of(group: &Group<'_>) -> Option<Self> {
        group.identity.mac()?;
        let mut found: Option<Self> = None;
        for (id, span) in often(group, KEY) {
            let Some((interface, duid)) = parts(&id) else { continue };
            let client = found.get_or_insert_with(|| Self {
                interfaces: BTreeSet::new(),
                duid: duid.to_owned(),
                span,
            });
            // Several systems that start by turns.
            if client.duid != duid {
                return None;
            }
            client.interfaces.insert(interface.to_owned());
            client.span.cover(span);
        }
        found
    }
}

/// The places of those groups that are cards of one host: called the same, heard side by
/// side, each under a number of its own.
pub(super) fn of_one_host(groups: &Groups<'_>) -> Vec<BTreeSet<usize>> {
    let mut by_duid: BTreeMap<String, BTreeMap<usize, Client>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        if let Some(client) = Client::of(group) {
            by_duid.entry(client.duid.clone()).or_default().insert(at, client);
        }
    }
    let fits = |cards: &BTreeMap<usize, Client>| {
        let pairs = cards
            .iter()
            .enumerate()
            .flat_map(|(n, one)| cards.iter().skip(n + 1).map(move |other| (one, other)));
        let mut named = pairs.map(|((a, one), (b, other))| {
            one.interfaces.is_disjoint(&other.interfaces)
                && one.span.common(other.span).is_some()
                && groups
                    .all
                    .get(*a)
                    .zip(groups.all.get(*b))
                    .is_some_and(|(a, b)| share_name(a, b) && !speak_otherwise(a, b))
        });
        (2..=MOST).contains(&cards.len()) && named.all(|it| it)
    };
    by_duid.into_values().filter(fits).map(|cards| cards.into_keys().collect()).collect()
}

/// The identifier that says so, and who first did.
pub(super) fn why<'a>(group: &Group<'a>) -> Option<(&'a str, Said)> {
    let duid = Client::of(group)?.duid;
    let mut all = group.hosts.iter().flat_map(|(_, host)| host.facts_of(KEY));
    let is_it = |id: &str| parts(id).is_some_and(|(_, it)| it == duid);
    all.find(|fact| is_it(&fact.value.to_lowercase())).map(|fact| (&*fact.value, fact.said))
}

#[cfg(test)]
mod tests {
    use super::super::join_tests::Hospital;
    use super::parts;
    use crate::time::SECOND;

    const NAME: &str = "us-3";
    /// Of one host: its DUID is of systemd's kind.
    const WIRED: &str = "ff11223344000200002b6103";
    const RADIO: &str = "ff55667788000200002b6103";
    const ONE: &str = "ff0000000100020000ab11c0ffee5511aa22bb";
    const TWO: &str = "ff0000000200020000ab11c0ffee5511aa22bb";
    const OTHER: &str = "ff0000000200020000ab11beefbeef11aa22bb";

    /// Cards that say these identifiers under a name, in turn, every hour.
    fn cards(says: &[(u8, &'static str, &'static str)]) -> Vec<Vec<u8>> {
        let mut it = Hospital::new();
        for (card, id, name) in says {
            it.1 += 3600 * SECOND;
            it.fact(*card, super::KEY, id);
            if !name.is_empty() {
                it.lease(*card, "dhcp.hostname", name);
            }
        }
        it.cards()
    }

    #[test]
    fn copies_of_a_disk_that_speak_otherwise_stay_apart() {
        let (ssh, eui) = ("SSH-2.0-OpenSSH_8.9", "0003B1FFFE000001");
        for (key, own, other, apart) in [
            ("ssh.banner", ssh, ssh, false),
            ("ssh.banner", ssh, "", false),
            ("ssh.banner", ssh, "SSH-2.0-Windows_9.5", true),
            ("hl7.eui64", eui, eui, false),
            ("hl7.eui64", eui, "0003B1FFFE000002", true),
        ] {
            let mut it = Hospital::new();
            for (card, id, says) in [[(1, ONE, own), (2, TWO, other)]; 2].concat() {
                it.1 += 3600 * SECOND;
                it.fact(card, super::KEY, id);
                if !says.is_empty() {
                    it.fact(card, key, says);
                }
                it.lease(card, "dhcp.hostname", NAME);
            }
            let expected = if apart { vec![vec![1], vec![2]] } else { vec![vec![1, 2]] };
            assert_eq!(it.cards(), expected, "{key} {other}");
        }
    }

    #[test]
    fn one_duid_under_two_numbers_is_one_host_with_two_cards() {
        let turns = [[(1, ONE, NAME), (2, TWO, NAME)]; 2].concat();
        assert_eq!(cards(&turns), [vec![1, 2]]);
        let mut it = Hospital::new();
        for (card, id, name) in turns {
            it.1 += 3600 * SECOND;
            it.fact(card, super::KEY, id);
            it.lease(card, "dhcp.hostname", name);
        }
        let assets = it.assets();
        let why = assets.iter().flat_map(|asset| &asset.joined).next().unwrap();
        assert_eq!((why.rule, why.key, why.value), ("identity.duid", super::KEY, TWO));
    }

    #[test]
    fn what_else_explains_it_joins_nobody() {
        let apart = |says: &[(u8, &'static str, &'static str)], why: &str| {
            assert!(cards(says).iter().all(|cards| cards.len() == 1), "{why}");
        };
        apart(&[[(1, ONE, NAME), (2, ONE, NAME)]; 3].concat(), "the very words of another");
        apart(&[(1, ONE, NAME), (2, TWO, NAME), (1, ONE, NAME)], "said once in its name");
        apart(&[[(1, ONE, NAME), (2, TWO, "us-4")]; 2].concat(), "called otherwise");
        apart(&[[(1, ONE, NAME), (2, TWO, "")]; 2].concat(), "called nothing");
        apart(&[[(1, ONE, NAME), (2, OTHER, NAME)]; 2].concat(), "another host");
        const LAST: &str = "ff0000000900020000ab11beefbeef11aa22bb";
        let turns = [(1, ONE, NAME), (1, LAST, NAME), (2, TWO, NAME)];
        apart(&[turns; 2].concat(), "two systems that start by turns");
        apart(
            &[(1, ONE, NAME), (1, ONE, NAME), (2, TWO, NAME), (2, TWO, NAME)],
            "the disk went into another machine",
        );
        const THREE: &str = "ff0000000300020000ab11c0ffee5511aa22bb";
        const FOUR: &str = "ff0000000400020000ab11c0ffee5511aa22bb";
        let many = [(1, ONE, NAME), (2, TWO, NAME), (3, THREE, NAME), (4, FOUR, NAME)];
        apart(&[many, many].concat(), "a copied disk");
        apart(&[[(1, WIRED, NAME), (2, RADIO, NAME)]; 2].concat(), "too short to tell hosts apart");
    }

    #[test]
    fn only_cards_are_joined() {
        let mut it = Hospital::new();
        for (ip, id) in [[("10.2.0.7", ONE), ("10.2.0.8", TWO)]; 2].concat() {
            it.1 += 3600 * SECOND;
            it.behind(9, ip, super::KEY, id);
            it.behind(9, ip, "dhcp.hostname", NAME);
        }
        let behind = it.assets().iter().filter(|asset| asset.macs.is_empty()).count();
        assert_eq!(behind, 2);
    }

    #[test]
    fn one_word_of_a_stranger_undoes_nothing() {
        let two = [[(1, ONE, NAME), (2, TWO, NAME)]; 2].concat();
        for word in [(3, ONE, NAME), (3, TWO, NAME), (1, OTHER, NAME)] {
            assert!(cards(&[&two[..], &[word]].concat()).contains(&vec![1, 2]), "{word:?}");
        }
    }

    #[test]
    fn only_a_duid_of_the_standard_counts() {
        assert_eq!(parts(ONE), Some(("00000001", "00020000ab11c0ffee5511aa22bb")));
        let none = [
            "",
            "ff",
            "01000102000004",
            "ff000000010009aabbccddeeff001122334455",
            "ff00000001000400000000000000000000000000000000",
            "ff0000000100030001",
            "ffé00000001",
        ];
        assert!(none.iter().all(|id| parts(id).is_none()));
        assert!(parts("ff0000000100030001001122334455").is_some());
    }
}
