//! Messages of HL7 that a speaker passes on under the names that their makers gave them.
//!
//! An interface engine hands MSH-3 on as it came (HL7 v2 §2.15.9.3), so what the name says
//! is said of another. That is known where the one from whom it came is seen to say the
//! same, or where the speaker has the names of several products.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::PASSED_ON;
use super::equipment::relays_hl7;
use crate::census::host::{EquipmentFacts, Host, Said};
use crate::census::signature::Book;
use crate::net::HostId;
use crate::observe::{Origin, Role};

const NAME: &str = "hl7.sending_application";
const SOFTWARE: &str = "hl7.software";

/// What is left of a statement that is another's for certain.
const ANOTHERS: f32 = 0.2;
/// What a message says of the part of its maker.
const PART: [&str; 3] = ["hl7.profile", "hl7.message_type", NAME];

/// Who sends messages under a name.
#[derive(Default)]
pub(super) struct Senders<'a>(HashMap<&'a HostId, &'a Host, RandomState>);

fn plays(host: &Host, part: Role) -> bool {
    host.services().iter().any(|((_, _, name, role), _)| &**name == "hl7" && *role == part)
}

impl<'a> Senders<'a> {
    pub(super) fn add(&mut self, id: &'a HostId, host: &'a Host) {
        if !host.facts_of(NAME).is_empty() && plays(host, Role::Client) {
            self.0.insert(id, host);
        }
    }

    /// Partners of these speakers that send messages themselves.
    fn partners(&self, hosts: &[(&'a HostId, &'a Host)]) -> impl Iterator<Item = &'a Host> {
        let own = |id: &HostId| hosts.iter().any(|(it, _)| *it == id);
        let peers = hosts.iter().flat_map(|(_, host)| host.peers()).filter(move |id| !own(id));
        peers.filter_map(|id| self.0.get(id).copied())
    }
}

/// What of a speaker's words is another's.
#[derive(Default)]
pub(super) struct Passing<'a> {
    /// Names of others, with whether that is certain.
    names: BTreeMap<&'a str, bool>,
    /// Takes messages in and gives messages out.
    relays: bool,
    /// What first showed that messages are passed on; none where it is not certain.
    pub(super) said: Option<Said>,
    /// Programs of others.
    programs: Vec<&'a EquipmentFacts>,
}

impl<'a> Passing<'a> {
    pub(super) fn find(
        hosts: &[(&'a HostId, &'a Host)],
        senders: &Senders<'a>,
        book: &Book,
    ) -> Self {
        let relays = relays_hl7(hosts);
        let told = || hosts.iter().flat_map(|(_, host)| host.facts_of(NAME));
        let mut all = Self { relays, ..Self::default() };
        if told().next().is_none() || !hosts.iter().any(|(_, host)| plays(host, Role::Client)) {
            return all;
        }
        let values = |key| hosts.iter().flat_map(move |(_, host)| host.values(key));
        // It sends the kind of message that it takes.
        let through =
            values("hl7.acknowledges").any(|it| values("hl7.message_type").any(|m| m == it));
        for fact in told().filter(|_| relays) {
            let mut from =
                senders.partners(hosts).filter(|it| it.values(NAME).any(|n| *n == *fact.value));
            // Two that both take and give may each have it from the other.
            if let Some(first) = from.next() {
                let mut all_from = std::iter::once(first).chain(from);
                let sure = through || all_from.any(|it| !plays(it, Role::Server));
                all.names.insert(&fact.value, sure);
            }
        }
        // One program has one name.
        let mut models: BTreeMap<String, Vec<&'a str>> = BTreeMap::new();
        for fact in told() {
            let found = book.matches(NAME, &fact.value, &[]);
            if let Some(model) = found.as_ref().and_then(|it| it.get("model")) {
                models.entry(model.to_lowercase()).or_default().push(&fact.value);
            }
        }
        if models.len() > 1 {
            all.names.extend(models.into_values().flatten().map(|name| (name, true)));
        }
        if all.names.len() > 1 {
            all.names.values_mut().for_each(|sure| *sure = true);
        }
        let sure = told().filter(|fact| all.names.get(&*fact.value) == Some(&true));
        all.said = sure.map(|fact| fact.said).min_by_key(|said| said.evidence);
        if all.said.is_some() {
            all.programs = programs(hosts, &senders.partners(hosts).collect::<Vec<_>>());
        }
        all
    }

    /// What is left of what a fact says.
    pub(super) fn weight(&self, key: &str, value: &str) -> f32 {
        match (key, self.said) {
            (NAME, _) => match self.names.get(value) {
                Some(true) => ANOTHERS,
                Some(false) => PASSED_ON,
                None => 1.0,
            },
            (key, Some(_)) if PART.contains(&key) => ANOTHERS,
            ("hl7.profile", None) if self.relays => PASSED_ON,
            _ => 1.0,
        }
    }

    /// The same of a program that a message names as its last.
    pub(super) fn program(&self, facts: &EquipmentFacts) -> f32 {
        if self.programs.contains(&facts) { ANOTHERS } else { 1.0 }
    }
}

/// Programs in messages that are passed on which are not the speaker's: those that a partner
/// names as well, and several where one would be its own.
fn programs<'a>(hosts: &[(&'a HostId, &'a Host)], partners: &[&Host]) -> Vec<&'a EquipmentFacts> {
    fn of(host: &Host) -> impl Iterator<Item = &EquipmentFacts> {
        let own = host.equipment.iter().filter(|(origin, ..)| *origin == Origin::Own);
        let names = |facts: &&EquipmentFacts| facts.iter().any(|(key, _)| key.as_str() == SOFTWARE);
        own.map(|(_, facts, _)| facts).filter(names)
    }
    let mut all: Vec<_> = hosts.iter().flat_map(|(_, host)| of(host)).collect();
    if all.len() < 2 {
        all.retain(|facts| partners.iter().any(|it| of(it).any(|other| other == *facts)));
    }
    all
}

#[cfg(test)]
mod tests;
