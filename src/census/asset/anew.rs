//! Sessions that are over because who accounts for them began anew.
//!
//! An access device that starts or stops tells its accounting server that no session goes on
//! (RFC 2866 §5.1), and names no station. Which stations were its own is known by what it said
//! of their places. An address that a DHCP server gave stays given.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::census::host::{Host, Span};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac, Segment};
use crate::observe::Lease;
use crate::time::Timestamp;

/// That it began anew.
const ACCOUNTS: &str = "radius.accounting";

/// Addresses that cards had in sessions that ended so, and when.
pub(super) fn ended<'a>(
    hosts: impl Iterator<Item = (&'a HostId, &'a Host)> + Clone,
) -> Vec<((Segment, Mac), IpAddr, Timestamp)> {
    let mut devices: HashMap<(Domain, IpAddr), Span, RandomState> = HashMap::default();
    for (id, host) in hosts.clone().filter(|(_, host)| host.says(ACCOUNTS)) {
        let Some(ip) = id.ip else { continue };
        for fact in host.facts_of(ACCOUNTS) {
            let span = fact.said.span;
            devices.entry((domain(id.segment), ip)).or_insert(span).cover(span);
        }
    }
    let mut all = Vec::new();
    for (id, host) in hosts.filter(|(_, host)| !devices.is_empty() && !host.attached.is_empty()) {
        let Some(mac) = id.mac else { continue };
        let by = host.attached.iter().filter_map(|place| place.by);
        let anew: Vec<Span> =
            by.filter_map(|ip| devices.get(&(domain(id.segment), ip)).copied()).collect();
        let given = |ip: IpAddr| {
            let is_given = |it: &Lease| matches!(it, Lease::Dhcp { .. });
            host.addresses.iter().any(|(it, lease, _)| *it == ip && is_given(lease))
        };
        let sessions = host
            .addresses
            .iter()
            .filter(|(ip, lease, _)| matches!(lease, Lease::Radius { .. }) && !given(*ip));
        for (ip, _, said) in sessions {
            let after = |at: &Timestamp| *at > said.span.last;
            let ends = anew.iter().flat_map(|it| [it.first, it.last]).filter(after);
            all.extend(ends.min().map(|at| ((id.segment, mac), *ip, at)));
        }
    }
    all
}
