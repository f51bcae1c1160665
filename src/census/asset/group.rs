//! The speakers of one device together.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::equipment::Described;
use super::identity::{Identifier, Identity, Route};
use super::{AssetId, Joined};
use crate::census::host::{Host, Said};
use crate::net::HostId;

/// One group of speakers with what they describe.
pub(super) struct Group<'a> {
    /// What it is named after.
    pub(super) identity: Identity,
    /// Its name: made once, for it takes a hash.
    pub(super) id: AssetId,
    /// What was found to be the same.
    parts: Vec<Identity>,
    pub(super) hosts: Vec<(&'a HostId, &'a Host)>,
    pub(super) described: Described<'a>,
    /// A card of it is of a maker of medical devices.
    pub(super) is_medical: bool,
    /// In what it speaks for many devices, with the first of them.
    pub(super) speaks_for: Option<Box<(&'static str, Said)>>,
    /// Where it carries the packets of others.
    pub(super) routes: Vec<Route>,
    /// Why it is recognised by more than one thing.
    pub(super) joined: Vec<Joined<'a>>,
}

impl Group<'_> {
    fn new(identity: Identity) -> Self {
        Self {
            id: AssetId::of(&identity.to_string()),
            identity,
            parts: Vec::new(),
            hosts: Vec::new(),
            described: Described::default(),
            is_medical: false,
            speaks_for: None,
            routes: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// What is left in the place of one that became a part of another.
    fn nobody() -> Self {
        Self::new(Identity::Equipment(String::new()))
    }

    /// Whether it became a part of another.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(&self.identity, Identity::Equipment(name) if name.is_empty())
    }

    /// All that it is recognised by.
    pub(super) fn identities(&self) -> impl Iterator<Item = &Identity> + Clone {
        std::iter::once(&self.identity).chain(&self.parts)
    }

    /// Those after which it is not named.
    pub(super) fn parts(&self) -> &[Identity] {
        &self.parts
    }
}

/// All groups, found by their identity.
#[derive(Default)]
pub(super) struct Groups<'a> {
    places: HashMap<Identity, usize, RandomState>,
    pub(super) all: Vec<Group<'a>>,
}

impl<'a> Groups<'a> {
    /// Each speaker with those that are the same device by its addresses.
    pub(super) fn new(
        identifier: &Identifier,
        hosts: impl ExactSizeIterator<Item = (&'a HostId, &'a Host)>,
    ) -> Self {
        let mut groups = Self::default();
        // Memory that is not touched is none; lists that grow are copied each time.
        groups.all.reserve(hosts.len());
        groups.places.reserve(hosts.len() / 2);
        for (id, host) in hosts {
            if let Some(identity) = identifier.identify(id, host) {
                let hosts = &mut groups.get(identity).hosts;
                // Most have one.
                if hosts.is_empty() {
                    hosts.reserve_exact(1);
                }
                hosts.push((id, host));
            }
        }
        // A router is a device even where only the packets of others show it.
        for route in identifier.routers() {
            groups.get(Identity::Mac(route.mac)).routes.push(route);
        }
        groups
    }

    fn get(&mut self, identity: Identity) -> &mut Group<'a> {
        let Self { places, all } = self;
        let at = *places.entry(identity).or_insert_with_key(|identity| {
            all.push(Group::new(identity.clone()));
            all.len() - 1
        });
        &mut all[at]
    }

    /// All of them, without the way to find them.
    pub(super) fn into_all(self) -> Vec<Group<'a>> {
        self.all
    }

    /// Where the device of this identity is.
    pub(super) fn at(&self, identity: &Identity) -> Option<usize> {
        self.places.get(identity).copied()
    }

    /// Makes `from` a part of `into`, for a reason.
    pub(super) fn join(&mut self, into: usize, from: usize, why: Joined<'a>) {
        let Some(from) = self.all.get_mut(from) else { return };
        let part = std::mem::replace(from, Group::nobody());
        let Some(whole) = self.all.get_mut(into) else { return };
        for identity in part.identities() {
            self.places.insert(identity.clone(), into);
            whole.parts.push(identity.clone());
        }
        whole.hosts.extend(part.hosts);
        whole.routes.extend(part.routes);
        whole.joined.extend(part.joined);
        whole.joined.push(why);
    }
}

/// Others name it, nothing else is known of it: that makes no device.
pub(super) fn is_only_named(host: &Host) -> bool {
    !host.spoke
        && host.addresses.is_empty()
        && host.services().is_empty()
        && host.equipment.is_empty()
        && host.attached.is_empty()
        && host.facts().iter().all(|fact| fact.key.as_str() == "dns.name")
}
