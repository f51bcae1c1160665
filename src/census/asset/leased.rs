//! Cards of one computer, by the full name under which it leases its addresses.
//!
//! A Windows tells the server its full name (RFC 4702, [MS-DHCPE] §2.2.6): as a member of
//! a domain its own and the domain's, and a domain knows each of its computers by one
//! name. So leases of one full name are one computer's, unless something else explains
//! them: a name that many have is a copied disk's, one that ends before the other begins
//! is a replaced machine's, and one that is there twice is a copy of its neighbour's.

use std::collections::{BTreeMap, BTreeSet};

use super::group::{Group, Groups};
use crate::census::host::{Host, Said, Span};
use crate::net::Segment;
use crate::time::SECOND;

/// The fact that gives the full name.
pub(super) const NAME: &str = "dhcp.fqdn";
/// Facts that give a computer's full name, which its domain knows once.
pub(super) const FULL_NAMES: [&str; 2] = [NAME, "ntlm.fqdn"];
/// Whose relay took its requests on.
const RELAY: &str = "dhcp.relay";

/// A socket, a radio, a dock.
const MOST: usize = 3;
/// A name that was leased under for so long was said more than once: it is renewed after
/// half the lease (RFC 2131 §4.4.5), or asked for on another day.
const OFTEN: i64 = 600 * SECOND;
/// Option 60 of every Windows since 2000 ([MS-DHCPE] §2.2.3).
const WINDOWS: &str = "MSFT 5.0";

/// A computer's own name and its domain; none of a name without a domain, which every
/// workgroup may have. A dot at the end is the root's (RFC 1034 §3.1).
pub(super) fn in_full(name: &str) -> Option<(&str, &str)> {
    let parts = name.trim_end_matches('.').split_once('.')?;
    (!parts.0.is_empty() && !parts.1.is_empty()).then_some(parts)
}

/// The places of those groups that are cards of one computer.
pub(super) fn of_one_computer(groups: &Groups<'_>) -> Vec<BTreeSet<usize>> {
    let domains = domains(groups);
    let mut by_name: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        let name = full_name(group)
            .filter(|name| in_full(name).is_some_and(|(_, domain)| domains.contains(domain)));
        if let Some(name) = name {
            by_name.entry(name).or_default().insert(at);
        }
    }
    let fits = |places: &BTreeSet<usize>| {
        let all: Vec<&Group<'_>> = places.iter().filter_map(|at| groups.all.get(*at)).collect();
        let pairs = || {
            all.iter().enumerate().flat_map(|(n, a)| all.iter().skip(n + 1).map(move |b| (a, b)))
        };
        all.len() > 1 && all.len() <= MOST && pairs().all(|(a, b)| alternate(a, b))
    };
    by_name.into_values().filter(fits).collect()
}

/// Domains that computers are members of, as they, or who logs on to them, say.
fn domains(groups: &Groups<'_>) -> BTreeSet<String> {
    let mut domains = BTreeSet::new();
    for (_, host) in groups.all.iter().flat_map(|group| &group.hosts) {
        domains.extend(host.values("kerberos.realm").map(str::to_lowercase));
        if host.values("ntlm.membership").any(|it| it == "domain") {
            let names = host.values("ntlm.fqdn").filter_map(in_full);
            domains.extend(names.map(|(_, domain)| domain.to_lowercase()));
        }
    }
    domains
}

/// The one full name under which a Windows leases again and again, which begins with its
/// short one; in lower case. What anybody says once in its name joins it with nobody, and
/// undoes nothing.
fn full_name(group: &Group<'_>) -> Option<String> {
    let windows = |host: &Host| host.values("dhcp.vendor_class").any(|class| class == WINDOWS);
    if group.identity.mac().is_none() || !group.hosts.iter().any(|(_, host)| windows(host)) {
        return None;
    }
    let only = |key| {
        let mut all = often(group, key).into_keys();
        all.next().filter(|_| all.next().is_none())
    };
    let (full, short) = (only(NAME)?, only("dhcp.hostname")?);
    in_full(&full).is_some_and(|(own, _)| own == short).then_some(full)
}

/// The full name under which it leases again and again, and who first said so.
pub(super) fn why<'a>(group: &Group<'a>) -> Option<(&'a str, Said)> {
    let name = full_name(group)?;
    let mut all = group.hosts.iter().flat_map(|(_, host)| host.facts_of(NAME));
    all.find(|fact| fact.value.eq_ignore_ascii_case(&name)).map(|it| (&*it.value, it.said))
}

/// What was said under a key on more than one occasion, in lower case, with the time.
pub(super) fn often(group: &Group<'_>, key: &str) -> BTreeMap<String, Span> {
    let facts = group.hosts.iter().flat_map(|(_, host)| host.facts_of(key));
    lasting(facts.map(|fact| (fact.value.to_lowercase(), fact.said.span)))
}

/// Each with all its times together, where these are no single occasion.
fn lasting<T: Ord>(all: impl Iterator<Item = (T, Span)>) -> BTreeMap<T, Span> {
    let mut times: BTreeMap<T, Span> = BTreeMap::new();
    for (it, span) in all {
        times.entry(it).or_insert(span).cover(span);
    }
    times.retain(|_, span| span.last.since(span.first) >= OFTEN);
    times
}

/// Whether two come and go side by side, and in different places: of one machine that
/// replaces another, the first is heard no more when the second is.
fn alternate(one: &Group<'_>, other: &Group<'_>) -> bool {
    let times = |group: &Group<'_>| {
        often(group, NAME).into_values().reduce(|mut all, span| {
            all.cover(span);
            all
        })
    };
    let apart = |a: BTreeMap<String, Span>, b: BTreeMap<String, Span>| {
        a.keys().all(|relay| !b.contains_key(relay))
    };
    let both: Option<(Span, Span)> = times(one).zip(times(other));
    both.is_some_and(|(a, b)| a.common(b).is_some())
        && segments(one).keys().all(|it| !segments(other).contains_key(it))
        && apart(often(one, RELAY), often(other, RELAY))
}

/// Where it spoke with its own card, and not just once.
fn segments(group: &Group<'_>) -> BTreeMap<Segment, Span> {
    let own = group.identity.mac();
    let spoke = group.hosts.iter().filter(|(id, host)| host.spoke && id.mac == own);
    lasting(spoke.map(|(id, host)| (id.segment, host.span)))
}

#[cfg(test)]
mod tests {
    use super::super::join_tests::Hospital;
    use crate::time::SECOND;

    /// Cards that lease under these names in turn, of a house whose domain is known.
    fn leases(of: &[(u8, &'static str)], relay: impl Fn(u8) -> &'static str) -> Hospital {
        let mut it = Hospital::new();
        it.fact(99, "kerberos.realm", "HOSPITAL.EXAMPLE");
        for (card, name) in of {
            it.1 += 3600 * SECOND;
            let short = name.split('.').next().unwrap();
            it.lease(*card, "dhcp.vendor_class", "MSFT 5.0");
            it.lease(*card, "dhcp.hostname", short);
            it.lease(*card, "dhcp.fqdn", name);
            it.lease(*card, "dhcp.relay", relay(*card));
        }
        it
    }

    fn elsewhere(card: u8) -> &'static str {
        ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1"][usize::from(card)]
    }

    #[test]
    fn a_computer_that_leases_by_turns_under_its_full_name_is_one() {
        const NAME: &str = "nb-7.hospital.example";
        let it = leases(&[(1, NAME), (2, NAME), (1, NAME), (2, NAME)], elsewhere);
        assert_eq!(it.cards(), [vec![1, 2], vec![99]]);
        let assets = it.assets();
        let why = assets.iter().flat_map(|asset| &asset.joined).next().unwrap();
        assert_eq!((why.rule, why.key, why.value), ("identity.lease", "dhcp.fqdn", NAME));
    }

    #[test]
    fn leases_under_one_name_that_something_else_explains_join_nobody() {
        const NAME: &str = "nb-7.hospital.example";
        let apart = |of: &[(u8, &'static str)], relay: fn(u8) -> &'static str, why: &str| {
            let it = leases(of, relay);
            assert!(it.cards().iter().all(|cards| cards.len() == 1), "{why}");
        };
        apart(
            &[(1, NAME), (1, NAME), (2, NAME), (2, NAME)],
            elsewhere,
            "the second replaced the first",
        );
        apart(&[(1, NAME), (2, NAME), (1, NAME), (2, NAME)], |_| "10.0.0.1", "two in one place");
        apart(&[[(1, "nb-7"), (2, "nb-7")]; 2].concat(), elsewhere, "no domain");
        let other = "nb-7.elsewhere.example";
        apart(&[[(1, other), (2, other)]; 2].concat(), elsewhere, "a domain that nobody knows");
        let many = [(1, NAME), (2, NAME), (3, NAME), (4, NAME)];
        apart(&[many, many].concat(), elsewhere, "a copied disk");
        let dock = [(1, NAME), (2, NAME), (2, "nb-8.hospital.example")];
        apart(&[dock, dock].concat(), elsewhere, "a dock that several use");
        apart(&[(1, NAME), (2, NAME), (1, NAME)], elsewhere, "a stranger says it once");
    }

    #[test]
    fn a_full_name_has_a_domain() {
        let full = super::in_full;
        assert_eq!(full("nb-7.hospital.example"), Some(("nb-7", "hospital.example")));
        assert_eq!(full("nb-7.hospital.example."), Some(("nb-7", "hospital.example")));
        for name in ["", ".", "nb-7", "nb-7.", "nb-7..", ".example"] {
            assert_eq!(full(name), None, "{name}");
        }
    }

    #[test]
    fn one_lease_undoes_nothing() {
        const NAME: &str = "nb-7.hospital.example";
        let two = [[(1, NAME), (2, NAME)]; 2].concat();
        let with = |more: &[(u8, &'static str)]| leases(&[&two, more].concat(), elsewhere).cards();
        assert_eq!(with(&[(3, NAME), (4, NAME)]), [vec![1, 2], vec![3], vec![4], vec![99]]);
        assert_eq!(with(&[(1, "other.hospital.example")]), [vec![1, 2], vec![99]]);
        let both = [(1, "other.hospital.example"), (2, "another.hospital.example")];
        assert_eq!(with(&both), [vec![1, 2], vec![99]]);
        // From the place of the other.
        let it = leases(&[&two[..], &[(1, NAME)]].concat(), elsewhere);
        assert_eq!(it.cards(), [vec![1, 2], vec![99]]);
        let turns = std::cell::Cell::new(0);
        let once = |card| {
            turns.set(turns.get() + 1);
            if turns.get() == 5 { elsewhere(2) } else { elsewhere(card) }
        };
        let it = leases(&[&two[..], &[(1, NAME)]].concat(), once);
        assert_eq!(it.cards(), [vec![1, 2], vec![99]]);
    }
}
