//! Speakers of one name, one after the other: an address that goes to another, and
//! captures that are read in another order than that of their times.
//!
//! What is known of one name is not mixed with what was said under it long before, nor with
//! what was said after a time in which nobody watched, as long as its address may have been
//! another's: a capture that is read later may tell. Who held the address when is known
//! when all is read ([`Census::put_in_order`]).

use super::asset::is_public;
use super::tenancy::domain;
use super::{Census, Host, Span};
use crate::net::HostId;
use crate::time::{SECOND, Timestamp};

/// What is said so long before a speaker was first heard is of another time.
pub(super) const ANOTHER_TIME: i64 = 60 * SECOND;

/// Times of one name that are kept apart for what may still be read: of more captures with
/// pauses between them the latest are not.
pub(super) const MAX_APART: usize = 8;

impl Census {
    /// Since when the address of the speaker in this place is another's, if it was its own
    /// the last time and is no more.
    pub(super) fn moved(&self, place: usize, id: &HostId, at: Timestamp) -> Option<Timestamp> {
        let (_, host) = self.hosts.get(place)?;
        let (ip, here) = (id.ip?, (id.segment, id.mac));
        let lapsed = self.tenancies.lapsed(here, ip, host.span, at);
        let may = self.tenancies.may_have_moved(ip, host.span.first);
        let heard = (self.heard(id, host), host.routed);
        let moved = || self.tenancies.moved(here, ip, heard, at);
        let moved = may.then(moved).flatten().max(lapsed)?;
        (host.span.first < moved && moved <= at).then_some(moved)
    }

    /// When this speaker was first heard, also before nobody watched.
    fn heard(&self, id: &HostId, host: &Host) -> Timestamp {
        let all = self.turns.get(id).map_or(&[][..], Vec::as_slice);
        let others = all.iter().filter_map(|place| self.hosts.get(*place));
        let same = others.map(|(_, other)| other).filter(|other| other.since == host.since);
        same.map(|it| it.span.first).min().unwrap_or(host.span.first)
    }

    /// Whether what the speaker in this place says is to be kept apart from what was said
    /// before: its address may have been another's. Nobody watched for a while since it was
    /// last heard, so that this may not be known yet, or somebody has said since then for the
    /// first time that the address is his, of whom it is to be found out.
    pub(super) fn is_apart(&self, place: usize, id: &HostId, at: Timestamp) -> bool {
        self.hosts.get(place).is_some_and(|(_, host)| {
            let Span { last, .. } = host.span;
            let claimed =
                |ip| host.routed && self.tenancies.is_new_since((id.segment, id.mac), ip, last, at);
            at.since(last) > ANOTHER_TIME
                && id.ip.is_some_and(|ip| {
                    !is_public(ip) && (self.watched.missed(last, at) || claimed(ip))
                })
                && self.has_room(id)
        })
    }

    fn has_room(&self, id: &HostId) -> bool {
        self.turns.get(id).is_none_or(|all| all.len() < MAX_APART)
    }

    /// Whether what this speaker says at a time is of the one in this place: not when it
    /// is long before that one was first heard, and the address may have been another's, or
    /// when the address became its own between.
    fn is_of(&self, place: usize, id: &HostId, at: Timestamp) -> bool {
        self.hosts.get(place).is_some_and(|(_, host)| {
            let (first, past) = (host.span.first, host.since.is_some_and(|since| at < since));
            let moved = |ip| {
                let here = (id.segment, id.mac);
                let moved = self.tenancies.moved(here, ip, (at, host.routed), first);
                self.tenancies.may_have_moved(ip, at) && moved.is_some_and(|moved| moved > at)
            };
            if at < first && id.ip.is_some_and(moved) {
                return false;
            }
            let own = |ip| self.tenancies.is_claimed_by(id.segment, id.mac, ip);
            let same = || id.ip.is_none_or(|ip| !self.has_room(id) && own(ip));
            !past && (first.since(at) <= ANOTHER_TIME || same())
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
        let Some(known) = self.places.get(&id).copied() else {
            self.places.insert(id, place);
            return;
        };
        let Self { turns, places, hosts, unordered, .. } = self;
        let first = |place: usize| hosts.get(place).map(|(_, host)| host.span.first);
        if first(place) >= first(known) {
            places.insert(id, place);
        } else {
            unordered.insert(id);
        }
        let all = turns.entry(id).or_insert_with(|| vec![known]);
        let at = all.partition_point(|it| first(*it) <= first(place));
        all.insert(at, place);
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

    /// From which second on and until before which one what was said under a name is of
    /// this speaker, and not of the one before or after; none where there is none.
    #[must_use]
    pub fn turn(&self, id: &HostId, host: &Host) -> (Option<i64>, Option<i64>) {
        let Some(all) = self.turns.get(id) else { return (None, None) };
        let span = |place: usize| self.hosts.get(place).map(|(_, host)| host.span);
        let begins = |it: &usize| span(*it).is_some_and(|it| it.first <= host.span.first);
        let begun = all.partition_point(begins);
        let before = begun.checked_sub(2).and_then(|at| span(*all.get(at)?));
        let next = all.get(begun).and_then(|next| span(*next));
        // A minute is one's alone, but for that in which both have spoken.
        let begin = |before: Span, after: Span| {
            let whole = before.last.minute() < after.first.minute();
            if whole { after.first.minute().saturating_mul(60) } else { after.first.seconds() }
        };
        (before.map(|it| begin(it, host.span)), next.map(|it| begin(host.span, it)))
    }

    /// Says since when an address is another's also of those who were read in another
    /// order than that of their times, when all that was read is known.
    pub fn put_in_order(&mut self) {
        let mut unordered = std::mem::take(&mut self.unordered);
        let late = self.tenancies.late();
        if !late.is_empty() {
            let is_late =
                |id: &&HostId| id.ip.is_some_and(|ip| late.contains(&(domain(id.segment), ip)));
            unordered.extend(self.turns.keys().filter(is_late));
        }
        for id in unordered {
            let (Some(mut all), Some(ip)) = (self.turns.get(&id).cloned(), id.ip) else { continue };
            let first = |place: &usize| self.hosts.get(*place).map(|(_, host)| host.span.first);
            all.sort_by_key(first);
            // The speaker before: when it was heard, since when the address was its own, and
            // when it was first heard since then.
            let mut before: Option<(Span, Option<Timestamp>, Timestamp)> = None;
            for place in &all {
                let Some((_, host)) = self.hosts.get_mut(*place) else { continue };
                let now = host.span.first;
                // What the tenancies have forgotten was found when they knew.
                let known = host.since.filter(|at| !self.tenancies.reach(id.segment, ip, *at));
                let since = before.map_or(known, |(earlier, until, heard)| {
                    let here = (id.segment, id.mac);
                    let moved = self.tenancies.moved(here, ip, (heard, host.routed), now);
                    let moved = moved.or(known);
                    let moved = moved.max(self.tenancies.lapsed(here, ip, earlier, now));
                    moved.filter(|at| *at > earlier.first).or(until)
                });
                if host.since != since {
                    host.since = since;
                    host.dirty = true;
                }
                let heard = before.filter(|it| it.1 == since).map_or(now, |it| it.2);
                before = Some((host.span, since, heard));
            }
            self.turns.insert(id, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::census::signature::Book;
    use crate::net::{Mac, Segment};
    use crate::observe::{Lease, Observation, Observed};

    const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 9]);

    fn census() -> Census {
        Census::new(Arc::clone(Book::builtin()))
    }

    /// Who has the address, behind the router.
    fn far() -> HostId {
        HostId { segment: Segment::default(), mac: Some(ROUTER), ip: Some([10, 0, 0, 7].into()) }
    }

    fn say(census: &mut Census, minute: i64, host: HostId, what: Observed<'static>) {
        let at = Timestamp::new(60 * minute, 0);
        census.apply(0, Observation { at, frame: 1, host, what });
    }

    /// Somebody watches for ten minutes, and hears it in the first of them.
    fn hear(census: &mut Census, minute: i64) {
        census.watched(minute, minute + 10);
        say(census, minute, far(), Observed::Present(Some(62)));
    }

    fn lease(census: &mut Census, minute: i64, card: u8) {
        let host = HostId { mac: Some(Mac([0, 1, 2, 0, 0, card])), ip: None, ..far() };
        let lease = Lease::Dhcp { seconds: 3600, renewed: false };
        say(census, minute, host, Observed::Address([10, 0, 0, 7].into(), lease));
    }

    /// First and last minute of each speaker, and since when its address is its own.
    fn turns(census: &Census) -> Vec<(i64, i64, Option<i64>)> {
        let hosts = census.hosts().filter(|(id, _)| **id == far());
        let of = |host: &Host| {
            let since = host.since.map(Timestamp::minute);
            (host.span.first.minute(), host.span.last.minute(), since)
        };
        hosts.map(|(_, host)| of(host)).collect()
    }

    #[test]
    fn what_was_said_after_nobody_watched_is_kept_apart() {
        let mut it = census();
        for minute in [0, 19, 1000] {
            hear(&mut it, minute);
        }
        assert_eq!(turns(&it), [(0, 19, None), (1000, 1000, None)], "nine minutes are no pause");
        for n in 2..20 {
            hear(&mut it, 1000 * n);
        }
        assert_eq!(turns(&it).len(), MAX_APART);
        assert_eq!(turns(&it).last(), Some(&(7000, 19000, None)), "more are not kept apart");
        let mut it = census();
        for minute in [0, 1000] {
            say(&mut it, minute, far(), Observed::Present(Some(62)));
        }
        assert_eq!(turns(&it).len(), 1, "nobody says when he watched");
    }

    #[test]
    fn who_had_the_address_meanwhile_may_be_read_later() {
        let mut orders = Vec::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut it = census();
            for n in order {
                match n {
                    0 => lease(&mut it, 0, 1),
                    1 => lease(&mut it, 1000, 2),
                    _ => {}
                }
                hear(&mut it, 1000 * n + 1);
            }
            it.put_in_order();
            let hosts = || it.hosts().filter(|(id, _)| **id == far());
            let parts: Vec<_> = hosts().map(|(id, host)| it.turn(id, host)).collect();
            let minutes = |n: i64| Some((1000 * n + 1) * 60);
            let right = [(None, minutes(1)), (minutes(1), minutes(2)), (minutes(2), None)];
            assert_eq!(parts, right, "{order:?}");
            orders.push(turns(&it));
        }
        let right = [(1, 1, None), (1001, 1001, Some(1000)), (2001, 2001, Some(1060))];
        assert!(orders.iter().all(|it| *it == right), "{orders:?}");
    }

    #[test]
    fn what_was_said_just_before_an_address_moved_is_of_the_one_before() {
        let at = |it: &mut Census, second, host, what| {
            let at = Timestamp::new(second, 0);
            it.apply(0, Observation { at, frame: 1, host, what });
        };
        let card = HostId { mac: Some(Mac([0, 1, 2, 0, 0, 2])), ip: None, ..far() };
        let lease = Lease::Dhcp { seconds: 3600, renewed: false };
        let mut orders = Vec::new();
        for order in [[0, 1], [1, 0]] {
            let mut it = census();
            for n in order {
                if n == 0 {
                    for second in [0, 60, 120] {
                        at(&mut it, second, far(), Observed::Present(Some(62)));
                    }
                } else {
                    at(&mut it, 150, card, Observed::Address([10, 0, 0, 7].into(), lease));
                    at(&mut it, 160, far(), Observed::Present(Some(62)));
                }
            }
            it.put_in_order();
            let hosts = it.hosts().filter(|(id, _)| **id == far());
            let of = |host: &Host| (host.span.first.seconds(), host.since.map(Timestamp::seconds));
            orders.push(hosts.map(|(_, host)| of(host)).collect::<Vec<_>>());
        }
        assert_eq!(orders, [[(0, None), (160, Some(150))], [(0, None), (160, Some(150))]]);
    }

    #[test]
    fn a_minute_in_which_both_spoke_is_of_both() {
        let mut it = census();
        let at = |second| Timestamp::new(second, 0);
        lease(&mut it, 0, 1);
        hear(&mut it, 1);
        lease(&mut it, 3, 2);
        let second = |it: &mut Census, second| {
            let what = Observed::Present(Some(62));
            it.apply(0, Observation { at: at(second), frame: 1, host: far(), what });
        };
        second(&mut it, 170);
        second(&mut it, 185);
        let parts: Vec<_> = it.hosts().filter(|(id, _)| **id == far()).collect();
        let parts: Vec<_> = parts.into_iter().map(|(id, host)| it.turn(id, host)).collect();
        assert_eq!(parts, [(None, Some(180)), (Some(180), None)], "each has its minutes");
        let mut it = census();
        lease(&mut it, 0, 1);
        second(&mut it, 100);
        second(&mut it, 181);
        let host = HostId { mac: Some(Mac([0, 1, 2, 0, 0, 2])), ip: None, ..far() };
        let lease = Lease::Dhcp { seconds: 3600, renewed: false };
        let what = Observed::Address([10, 0, 0, 7].into(), lease);
        it.apply(0, Observation { at: at(190), frame: 1, host, what });
        second(&mut it, 200);
        let parts: Vec<_> = it.hosts().filter(|(id, _)| **id == far()).collect();
        let parts: Vec<_> = parts.into_iter().map(|(id, host)| it.turn(id, host)).collect();
        assert_eq!(parts, [(None, Some(200)), (Some(200), None)]);
    }
}
