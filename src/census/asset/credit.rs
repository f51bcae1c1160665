//! What a lease is worth of which its client says nothing.
//!
//! An answer of a DHCP server, or an accounting message, names a card in its payload, and
//! anybody can send one. So a lease counts where its client says something itself about
//! then: it asks for it (RFC 2131 §3.1), or says on its own link that it has the address.
//! A session counts where the accounting server has taken note of it: it answers none but
//! the access servers that it knows (RFC 2865 §3). One that does not count gives the card
//! nothing, and takes the address from nobody.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::census::host::{Fact, Host, Span};
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac};
use crate::time::SECOND;

/// A client that is given an address asked for it not longer before, and uses it soon.
pub(super) const ABOUT: i64 = 60 * SECOND;

/// What a server's answer says of a client as well, or of the server.
const BY_OTHERS: [&str; 4] = ["dhcp.relay", "dhcp.server", "dhcpv6.relay", "dhcpv6.server"];

/// When cards have asked DHCP servers, from the first to the last time.
#[derive(Default)]
pub(super) struct Asks(HashMap<(Domain, Mac), Span, RandomState>);

impl Asks {
    pub(super) fn of<'a>(hosts: impl Iterator<Item = (&'a HostId, &'a Host)>) -> Self {
        let mut it = Self::default();
        for (id, host) in hosts.filter(|(_, host)| host.says("dhcp")) {
            let Some(mac) = id.mac else { continue };
            let own = |fact: &&Fact| {
                let key = fact.key.as_str();
                key.starts_with("dhcp") && !BY_OTHERS.contains(&key)
            };
            for fact in host.facts().iter().filter(own) {
                let span = fact.said.span;
                it.0.entry((domain(id.segment), mac)).or_insert(span).cover(span);
            }
        }
        it
    }

    /// Whether a card has asked about the time at which it is said to be given something.
    pub(super) fn are_about(&self, at: Domain, mac: Mac, given: Span) -> bool {
        let near = Span { first: given.first.plus(-ABOUT), last: given.last.plus(ABOUT) };
        self.0.get(&(at, mac)).is_some_and(|asked| asked.common(near).is_some())
    }
}
