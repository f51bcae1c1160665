//! Speakers of one name, one after the other: an address that goes to another, and
//! captures that are read in another order than that of their times.
//!
//! What is known of one name is not mixed with what was said under it long before, as
//! long as its address may have been another's then: captures of the past begin with
//! words of which it is not yet known whose they are. Who held the address when is known
//! when all is read ([`Census::put_in_order`]).

use super::Census;
use crate::net::HostId;
use crate::time::{SECOND, Timestamp};

/// What is said so long before a speaker was first heard is of another time.
pub(super) const ANOTHER_TIME: i64 = 60 * SECOND;

impl Census {
    /// Since when the address of the speaker in this place is another's, if it was its own
    /// the last time and is no more.
    pub(super) fn moved(&self, place: usize, id: &HostId, at: Timestamp) -> Option<Timestamp> {
        let (_, host) = self.hosts.get(place)?;
        if !self.tenancies.may_have_moved(id.ip?, host.span.first) {
            return None;
        }
        let here = (id.segment, id.mac);
        let moved = self.tenancies.moved(here, id.ip?, host.span.first, at)?;
        (host.span.first < moved && moved <= at).then_some(moved)
    }

    /// Whether what this speaker says at a time is of the one in this place: not when it
    /// is long before that one was first heard, and the address may have been another's.
    fn is_of(&self, place: usize, id: &HostId, at: Timestamp) -> bool {
        self.hosts.get(place).is_some_and(|(_, host)| {
            let (first, past) = (host.span.first, host.since.is_some_and(|since| at < since));
            let own = |ip| self.tenancies.is_claimed_by(id.segment, id.mac, ip);
            !past && (first.since(at) <= ANOTHER_TIME || id.ip.is_none_or(own))
        })
    }

    /// Where the speaker of this name is at a time.
    pub(super) fn present(&self, id: &HostId, at: Timestamp) -> Option<usize> {
        let known = *self.places.get(id)?;
        let all = self.turns.get(id).map_or(std::slice::from_ref(&known), Vec::as_slice);
        let then = all.iter().copied().filter(|place| self.is_of(*place, id, at));
        then.max_by_key(|place| self.hosts.get(*place).map(|(_, host)| host.span.first))
    }

    /// The speaker in a place is found by its name, the latest of those who share it first.
    pub(super) fn enter(&mut self, id: HostId, place: usize) {
        let first = |place: usize| self.hosts.get(place).map(|(_, host)| host.span.first);
        let Some(known) = self.places.get(&id).copied() else {
            self.places.insert(id, place);
            return;
        };
        if first(place) >= first(known) {
            self.places.insert(id, place);
        }
        self.turns.entry(id).or_insert_with(|| vec![known]).push(place);
    }

    /// Nobody is in a place any more.
    pub(super) fn leave(&mut self, id: &HostId, place: usize) {
        let Self { turns, places, hosts, .. } = self;
        let Some(all) = turns.get_mut(id) else {
            places.remove(id);
            return;
        };
        all.retain(|it| *it != place);
        let first = |place: &usize| hosts.get(*place).map(|(_, host)| host.span.first);
        if let Some(latest) = all.iter().copied().max_by_key(first) {
            places.insert(*id, latest);
        }
        if all.len() < 2 {
            turns.remove(id);
        }
    }

    /// Says since when an address is another's also of those who were read in another
    /// order than that of their times, when all that was read is known.
    pub fn put_in_order(&mut self) {
        for id in std::mem::take(&mut self.unordered) {
            let Some(mut all) = self.turns.get(&id).cloned() else { continue };
            let first = |place: &usize| self.hosts.get(*place).map(|(_, host)| host.span.first);
            all.sort_by_key(first);
            for pair in all.windows(2) {
                let &[before, after] = pair else { continue };
                let Some((earlier, until)) =
                    self.hosts.get(before).map(|(_, host)| (host.span.first, host.since))
                else {
                    continue;
                };
                let Some((_, host)) = self.hosts.get(after) else { continue };
                let here = (id.segment, id.mac);
                let moved =
                    id.ip.and_then(|ip| self.tenancies.moved(here, ip, earlier, host.span.first));
                let since = host.since.or(moved.filter(|at| *at > earlier)).or(until);
                if let Some((_, host)) = self.hosts.get_mut(after)
                    && host.since != since
                {
                    host.since = since;
                    host.dirty = true;
                }
            }
        }
    }
}
