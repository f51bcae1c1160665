//! Wing 2: observations become knowledge. Pure and deterministic: no sockets, no
//! SQL, no clock but the packets'. Order inside: `signature` ← `asset`.
//!
//! ```text
//!  observation ─▶ host (what one speaker said: facts, addresses, services)
//!                   │   kept as it came, nothing overwritten
//!                   ▼
//!  assets() ─▶ identity: which speakers are one device
//!            ─▶ equipment: which described devices are the speaker itself
//!            ─▶ attributes: signatures over facts, candidates, the best one shown
//! ```
//!
//! Hosts are memory; assets are derived from them whenever someone asks, so a later
//! packet can change who is who without anything having to be undone.

pub mod asset;
pub mod host;
pub mod signature;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::net::HostId;
use crate::observe::{Observation, Observed};
use crate::time::Timestamp;

pub use host::{Evidence, Host, Span};
use signature::Book;

/// Speakers remembered at once: a university hospital has 15,590 devices; a flood of
/// invented addresses must not take more than some 500 MB.
pub const MAX_HOSTS: usize = 262_144;

/// What is known, and the signatures to understand it with.
pub struct Census {
    book: Arc<Book>,
    hosts: BTreeMap<HostId, Host>,
    captures: Vec<String>,
    refused: u64,
}

impl Census {
    /// Knows nothing yet.
    #[must_use]
    pub const fn new(book: Arc<Book>) -> Self {
        Self { book, hosts: BTreeMap::new(), captures: Vec::new(), refused: 0 }
    }

    /// The signatures in use.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Names the capture that the next observations are from; gives its number.
    pub fn capture(&mut self, name: &str) -> u32 {
        let known = self.captures.iter().position(|c| c == name);
        let at = known.unwrap_or_else(|| {
            self.captures.push(name.to_owned());
            self.captures.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Names of the captures, by number.
    #[must_use]
    pub fn captures(&self) -> &[String] {
        &self.captures
    }

    /// Every speaker, in a fixed order.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = (&HostId, &Host)> {
        self.hosts.iter()
    }

    /// Every speaker that changed since this was last asked.
    pub fn changed(&mut self) -> impl Iterator<Item = (&HostId, &Host)> {
        self.hosts
            .iter_mut()
            .filter_map(|(id, host)| std::mem::take(&mut host.dirty).then_some((id, &*host)))
    }

    /// Speakers that were not remembered because there were too many.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes in what one sensor saw in one capture. Doing so twice changes nothing.
    pub fn apply(&mut self, capture: u32, observation: Observation) {
        let Observation { at, frame, host: id, what } = observation;
        let evidence = Evidence { capture, frame };
        let Some(host) = self.host(id, at) else { return };
        host.span.extend(at);
        host.dirty = true;
        match what {
            Observed::Present(ttl) => {
                host.spoke = true;
                if let Some(ttl) = ttl {
                    host.saw_ttl(ttl);
                }
            }
            Observed::Fact(key, value) => host.learn(key.as_str(), &value, at, evidence),
            Observed::Address(ip, lease) => host.holds(ip, lease, at, evidence),
            Observed::Attached(port) => host.attached(&port.switch, &port.port, at, evidence),
            Observed::Equipment(it) => host.describes(it.origin, &it.facts, at, evidence),
            Observed::Service(transport, port, name, role) => {
                host.speaks(transport, port, &name, role, at, evidence);
            }
            Observed::Peer(peer) => host.met(peer, at),
        }
    }

    /// Puts back what a store kept.
    pub fn restore(&mut self, id: HostId, host: Host) {
        self.hosts.insert(id, host);
    }

    fn host(&mut self, id: HostId, at: Timestamp) -> Option<&mut Host> {
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&id) {
            self.refused += 1;
            return None;
        }
        Some(self.hosts.entry(id).or_insert_with(|| Host::new(at)))
    }
}
