//! Sessions that access servers account for (RFC 2866): which one holds an address, and
//! which one's end gives it back.

use std::net::IpAddr;

use super::Host;
use super::host::Said;
use crate::observe::Lease;

impl Host {
    /// Whether this ends a hold of an address, of which who says so may do that: a session is
    /// ended by who accounts for it.
    pub(super) fn gives_back(&self, ip: IpAddr, lease: Lease) -> bool {
        let Lease::RadiusEnded { session: ended } = lease else { return lease.is_over() };
        let same = |it: &(IpAddr, Lease, Said)| {
            it.0 == ip && matches!(it.1, Lease::Radius { session, .. } if session == ended)
        };
        self.addresses.iter().any(same)
    }
}

/// What a hold is that was said before, and is said again, `after` that. Of sessions that
/// follow one another the last counts; what a server has taken note of, nobody else changes.
pub(super) const fn continued(before: Lease, again: Lease, after: bool) -> Lease {
    match (before, again) {
        (Lease::Radius { answered: noted, .. }, Lease::Radius { session, answered })
            if answered || (after && !noted) =>
        {
            Lease::Radius { session, answered: noted || answered }
        }
        (Lease::RadiusEnded { .. }, Lease::RadiusEnded { .. }) if after => again,
        _ => before,
    }
}
