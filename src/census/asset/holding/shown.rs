//! Which of the addresses that a card is said to have are shown as its own, and which
//! another uses as well.

use std::net::IpAddr;

use super::{Holding, Holdings};
use crate::census::order::ANOTHER_TIME;
use crate::census::tenancy::domain;
use crate::net::{Mac, Segment};
use crate::time::Timestamp;

impl Holdings {
    /// Addresses of this card that another uses at the same time, with the other.
    pub(in super::super) fn conflicts(&self, mac: Mac) -> impl Iterator<Item = (IpAddr, Mac)> {
        let least = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let own = self.conflicts.range((mac, least, Mac([0; 6]))..);
        own.take_while(move |(own, ..)| *own == mac).map(|(_, ip, other)| (*ip, *other))
    }

    /// Whether an address became another's after a time, who is another device.
    pub(in super::super) fn is_lost(&self, segment: Segment, ip: IpAddr, after: Timestamp) -> bool {
        let taken = |it: &Holding| {
            it.span.first > after && self.strangers.contains(&(domain(segment), ip, it.mac))
        };
        !self.strangers.is_empty() && self.all(segment, ip).iter().any(taken)
    }

    /// Whether an address was another's, one of `others`, after anyone else's last claim
    /// in this segment.
    pub(in super::super) fn passed_on(
        &self,
        segment: Segment,
        ip: IpAddr,
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let all = self.all(segment, ip);
        // Mostly there was only ever one.
        if all.len() < 2 {
            return false;
        }
        let here = || all.iter().filter(|it| it.segment == segment);
        let own = || here().filter(|it| !others(it.mac));
        let Some(end) = own().map(|it| it.span.last).max() else { return false };
        let until = own().map(|it| it.until).max().unwrap_or(end);
        // A claim alone takes nothing that is leased, and said once nothing that was held, or
        // in use for longer.
        let held = own().filter(|it| it.given.is_none() && it.is_kept()).map(Holding::length).max();
        let stands = |it: &Holding| held.is_none_or(|held| it.stands(held));
        let claims = |it: &Holding| it.span.first > until && stands(it);
        let takes = |it: &Holding| it.span.first > end && (it.is_leased() || claims(it));
        here().any(|it| it.counts && others(it.mac) && takes(it))
    }

    /// Whether anyone but `others` has only said that he holds an address, which one of those
    /// had then: for a moment, where that one had it for long or by a lease that was not
    /// over; without a word of his own, or without ever using it, where that one did.
    pub(in super::super) fn only_says(
        &self,
        segment: Segment,
        ip: IpAddr,
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let all = self.all(segment, ip);
        if all.len() < 2 {
            return false;
        }
        let here = || all.iter().filter(|it| it.segment == segment);
        let own = || here().filter(|it| !others(it.mac));
        let Some(first) = own().map(|it| it.span.first).min() else { return false };
        let is_given = |it: &Holding| it.given.is_some() && it.counts;
        if own().any(is_given) {
            return false;
        }
        let has = |it: &Holding| match is_given(it) {
            true => it.until >= first,
            false => it.is_kept() && !own().any(|own| own.stands(it.length())),
        };
        let uses = |it: &Holding| it.used && own().any(|own| own.span.common(it.span).is_some());
        let theirs = || here().filter(|it| others(it.mac));
        own().all(|it| !it.is_long()) && theirs().any(|it| it.span.first <= first && has(it))
            || own().all(|it| !it.used) && theirs().any(uses)
    }

    /// At this time an address was of one who is known by it alone.
    pub(in super::super) fn stands_alone(&mut self, segment: Segment, ip: IpAddr, at: Timestamp) {
        let last = self.alone.entry((domain(segment), ip)).or_insert(at);
        *last = at.max(*last);
    }

    /// Whether an address is of one who is known by it alone, later than anyone but `others`
    /// had it. Who is there says so once a minute at most: what is closer has no order.
    pub(in super::super) fn is_alone(
        &self,
        segment: Segment,
        ip: IpAddr,
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let Some(last) = self.alone.get(&(domain(segment), ip)) else { return false };
        let mut own = self.all(segment, ip).iter().filter(|it| !others(it.mac)).peekable();
        own.peek().is_some() && own.all(|it| last.since(it.until.max(it.span.last)) > ANOTHER_TIME)
    }

    /// Whether any but `others` gave an address back, and has not used it until a time.
    pub(in super::super) fn is_given_back(
        &self,
        segment: Segment,
        (ip, last): (IpAddr, Timestamp),
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let own = || self.all(segment, ip).iter().filter(|it| !others(it.mac));
        let end = own().map(|it| it.span.last).max();
        own().all(|it| it.left) && end.is_some_and(|end| last <= end)
    }

    /// Whether nothing but words of others gives a card an address, any but `others`.
    pub(in super::super) fn is_doubted(
        &self,
        segment: Segment,
        ip: IpAddr,
        others: impl Fn(Mac) -> bool,
    ) -> bool {
        let mut own = self.all(segment, ip).iter().filter(|it| !others(it.mac)).peekable();
        own.peek().is_some() && own.all(|it| !it.counts)
    }

    /// Whether an address became another's at a time only by a lease that does not count, of
    /// one who was last heard before at another.
    pub(in super::super) fn is_no_move(
        &self,
        segment: Segment,
        ip: IpAddr,
        (before, at): (Timestamp, Timestamp),
    ) -> bool {
        let explains = |it: &&Holding| {
            it.given.is_some_and(|given| {
                // It was given then, or it was over then and nothing was heard for long.
                given.first == at || it.until == at || (before == at && it.until <= at)
            })
        };
        let mut all = self.all(segment, ip).iter().filter(explains).peekable();
        all.peek().is_some() && all.all(|it| !it.counts)
    }
}
