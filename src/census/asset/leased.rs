//! Cards of one computer, by the full name under which it leases its addresses.
//!
//! A Windows tells the server its full name (RFC 4702, [MS-DHCPE] §2.2.6): as a member of
//! a domain its own and the domain's, and a domain knows each of its computers by one
//! name. So leases of one full name are one computer's, unless something else explains
//! them: a name that many have is a copied disk's, one that ends before the other begins
//! is a replaced machine's, and one that is there twice is a copy of its neighbour's.

use std::collections::{BTreeMap, BTreeSet};

use super::group::{Group, Groups};
use crate::census::host::{Host, Span};
use crate::net::Segment;

/// The fact that gives the full name.
pub(super) const NAME: &str = "dhcp.fqdn";

/// A socket, a radio, a dock.
const MOST: usize = 3;
/// Option 60 of every Windows since 2000 ([MS-DHCPE] §2.2.3).
const WINDOWS: &str = "MSFT 5.0";

/// The places of those groups that are cards of one computer.
pub(super) fn of_one_computer(groups: &Groups<'_>) -> Vec<BTreeSet<usize>> {
    let domains = domains(groups);
    let mut by_name: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, group) in groups.all.iter().enumerate() {
        let name = full_name(group).filter(|name| {
            name.split_once('.').is_some_and(|(_, domain)| domains.contains(domain))
        });
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
            let names = host.values("ntlm.fqdn").filter_map(|name| name.split_once('.'));
            domains.extend(names.map(|(_, domain)| domain.to_lowercase()));
        }
    }
    domains
}

/// The one full name under which a Windows leases, which begins with its short one; in
/// lower case.
fn full_name(group: &Group<'_>) -> Option<String> {
    let windows = |host: &Host| host.values("dhcp.vendor_class").any(|class| class == WINDOWS);
    if group.identity.mac().is_none() || !group.hosts.iter().any(|(_, host)| windows(host)) {
        return None;
    }
    let only = |key| {
        let mut all = group.hosts.iter().flat_map(|(_, host)| host.values(key));
        let first = all.next()?.to_lowercase();
        all.all(|it| it.eq_ignore_ascii_case(&first)).then_some(first)
    };
    let (full, short) = (only(NAME)?, only("dhcp.hostname")?);
    full.split_once('.').is_some_and(|(own, _)| own == short).then_some(full)
}

/// Whether two come and go side by side, and in different places: of one machine that
/// replaces another, the first is heard no more when the second is.
fn alternate(one: &Group<'_>, other: &Group<'_>) -> bool {
    let times = |group: &Group<'_>| {
        let facts = group.hosts.iter().flat_map(|(_, host)| host.facts_of(NAME));
        facts.map(|fact| fact.said.span).reduce(|mut all, span| {
            all.cover(span);
            all
        })
    };
    let both: Option<(Span, Span)> = times(one).zip(times(other));
    both.is_some_and(|(a, b)| a.common(b).is_some())
        && segments(one).is_disjoint(&segments(other))
        && relays(one).is_disjoint(&relays(other))
}

/// Where it spoke with its own card.
fn segments(group: &Group<'_>) -> BTreeSet<Segment> {
    let own = group.identity.mac();
    let spoke = group.hosts.iter().filter(|(id, host)| host.spoke && id.mac == own);
    spoke.map(|(id, _)| id.segment).collect()
}

/// Whose relays took its requests on.
fn relays<'a>(group: &Group<'a>) -> BTreeSet<&'a str> {
    group.hosts.iter().flat_map(|(_, host)| host.values("dhcp.relay")).collect()
}
