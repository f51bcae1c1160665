//! Two cards of one segment that are both said to have an address: both use it, or one of
//! them answers for the other while that is silent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::{Holding, Holdings, PROXY};
use crate::census::contest::CONTESTED;
use crate::census::host::Host;
use crate::census::tenancy::{TURN_WITHIN, TURNS};
use crate::net::{HostId, Mac, Segment};

/// Two with an address, the lesser first.
pub(super) type Odds = (Segment, IpAddr, Mac, Mac);

pub(super) fn of(segment: Segment, ip: IpAddr, one: Mac, other: Mac) -> Odds {
    (segment, ip, one.min(other), one.max(other))
}

/// Pairs of cards of one segment to which an address, by nothing but their own words, went
/// to and fro, however seldom they are heard.
pub(super) fn to_and_fro(all: &[Holding]) -> impl Iterator<Item = (Segment, Mac, Mac)> {
    let mut turns: BTreeMap<(Segment, Mac, Mac), u32> = BTreeMap::new();
    let mut last: BTreeMap<Segment, &Holding> = BTreeMap::new();
    let own = |it: &&Holding| it.own && it.given.is_none();
    for it in all.iter().filter(own).filter(|_| all.len() > 3) {
        if let Some(before) = last.insert(it.segment, it)
            && before.mac != it.mac
            && it.span.first.since(before.span.last) < TURN_WITHIN
        {
            let pair = (it.segment, before.mac.min(it.mac), before.mac.max(it.mac));
            *turns.entry(pair).or_insert(0) += 1;
        }
    }
    turns.into_iter().filter(|(_, turns)| *turns > TURNS).map(|(pair, _)| pair)
}

impl Holdings {
    /// What was seen of others who claim the address of this speaker while it is awake.
    pub(in super::super) fn contested(&mut self, (id, mac): (&HostId, Mac), host: &Host) {
        let claimed_by = host.facts_of(CONTESTED.as_str()).iter();
        for by in claimed_by.filter_map(|fact| fact.value.parse().ok()) {
            self.contested.extend(id.ip.map(|ip| of(id.segment, ip, mac, by)));
        }
    }

    /// Tells who is at odds with whom. A card that says of several addresses of others that
    /// they are its own, and speaks under none of them, answers for those who are switched
    /// off or elsewhere (RFC 1027; a sleep proxy): to claim what is another's, it does so
    /// while that one is awake.
    pub(super) fn tell(&mut self, odds: &BTreeSet<Odds>) {
        let mut answers: HashMap<(Segment, Mac), BTreeSet<IpAddr>, RandomState> =
            HashMap::default();
        for (segment, ip, one, other) in odds {
            for mac in
                [*one, *other].into_iter().filter(|mac| self.only_answers(*segment, *ip, *mac))
            {
                answers.entry((*segment, mac)).or_default().insert(*ip);
            }
        }
        for it @ (segment, ip, one, other) in odds {
            let stands_in = |mac| {
                let all = answers.get(&(*segment, mac));
                all.is_some_and(|all| all.len() >= PROXY && all.contains(ip))
            };
            let is_told = match (stands_in(*one), stands_in(*other)) {
                (false, false) => true,
                // Of two routers, both of which answer, it is neither's.
                (true, true) => false,
                _ => self.contested.contains(it),
            };
            if is_told {
                self.conflicts.extend([(*one, *ip, *other), (*other, *ip, *one)]);
            }
        }
    }

    /// Whether a card was given an address by nobody, and has never spoken under it.
    fn only_answers(&self, segment: Segment, ip: IpAddr, mac: Mac) -> bool {
        let mut own =
            self.all(segment, ip).iter().filter(|it| (it.segment, it.mac) == (segment, mac));
        own.all(|it| it.given.is_none() && !it.used)
    }
}

#[cfg(test)]
mod tests;
