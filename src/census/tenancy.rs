//! Who holds an address, and since when it is someone else's.
//!
//! Addresses are leased: what is said under one belongs to who held it at that time.
//! Here stands only what is needed to notice a change; who held an address when is
//! remembered with each host ([`super::Host::addresses`]), from which this is rebuilt.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::net::{Mac, Segment};
use crate::observe::Lease;
use crate::time::{SECOND, Timestamp};

use super::host::Span;
use super::order::ANOTHER_TIME;
use super::watched::Watched;

/// Where an address means one host: a sensor's routed domain.
pub(super) type Domain = (u16, u32);

/// The routed domain of a segment.
pub(super) const fn domain(segment: Segment) -> Domain {
    (segment.sensor, segment.vni)
}

/// Who claims an address again so soon after its own last claim never gave it up: two
/// use it at once. A lease does not go to another and come back within this time.
const GIVEN_UP_AFTER: i64 = 600 * SECOND;

/// An address that goes to and fro without a lease is used by two, however seldom they
/// are heard: from so many turns on, each within this time.
pub(super) const TURNS: u32 = 2;
pub(super) const TURN_WITHIN: i64 = 86_400 * SECOND;

/// Who claims an address for so long has it, whatever else there is of it.
pub(super) const HELD_LONG: i64 = 600 * SECOND;

/// Of whom nothing is heard for so long after its lease was over does not have the address
/// any more. Who goes on has renewed it unseen.
pub(super) const LAPSES: i64 = 3_600 * SECOND;

/// Addresses of which the holder is remembered.
const MAX_ADDRESSES: usize = 262_144;

/// Segments in which one address is held: isolated networks number their hosts alike.
const MAX_SEGMENTS: usize = 64;

/// Other cards with an address that are asked for when one claims it.
const MAX_RIVALS: usize = 4;

/// Turns of one address that are remembered, in each segment: a guest's lease of an hour
/// for some days, as long as there is room. What is older than these is asked for only
/// when captures of long ago are read.
const MAX_TURNS: usize = 128;
/// The same where there is no more room, and the room: turns beyond the first of each.
const FEW_TURNS: usize = 4;
const MAX_ALL_TURNS: usize = 1 << 19;

/// A move that becomes known so much later than what was said since is not seen in order.
const LATE: i64 = 60 * SECOND;

/// One card's hold on an address, as long as somebody watched and no other had it between.
#[derive(Clone, Copy)]
struct Tenant {
    mac: Mac,
    /// When this turn began.
    begins: Timestamp,
    /// Since when it is this card's: two that use it at once do so since each first did.
    since: Timestamp,
    last: Timestamp,
    /// Until when it is leased to this card: nobody takes it by a claim alone until then.
    until: Timestamp,
    /// With this turn the address became another's.
    moves: bool,
    /// A server gave it to this card.
    leased: bool,
}

/// Who held an address in one segment.
struct Chain {
    segment: Segment,
    /// In the order of their beginnings, whatever the order in which they became known.
    turns: Vec<Tenant>,
    /// Who last said so while another had it leased.
    told: Option<Tenant>,
    /// How often in a row the one before came back without a lease.
    returns: u32,
}

impl Chain {
    /// How many turns had begun by then.
    fn begun(&self, at: Timestamp) -> usize {
        self.turns.partition_point(|it| it.begins <= at)
    }

    fn at(&self, at: Timestamp) -> Option<&Tenant> {
        self.turns.get(self.begun(at).checked_sub(1)?)
    }

    /// Turns with which the address became another's by a time, of someone first heard at
    /// another: claims that came when he was there already say nothing of him, nor does who
    /// takes the address from those, unless they have had it for long. To who speaks on its
    /// own card, `own`, those are nothing either who said in passing that it is theirs.
    fn moves(
        &self,
        heard: Timestamp,
        at: Timestamp,
        own: Option<Mac>,
    ) -> impl Iterator<Item = Timestamp> {
        let mut turns = self.turns.iter();
        let is_his = self.turns.first().is_some_and(|it| it.begins.since(heard) <= ANOTHER_TIME);
        // Of one card, also where nobody watched between.
        let mut before: Option<Tenant> = None;
        std::iter::from_fn(move || {
            loop {
                let it = *turns.next()?;
                let was_own = own.is_some() && before.map(|before| before.mac) == own;
                let passing = !it.leased && it.last.since(it.begins) < HELD_LONG;
                if was_own && Some(it.mac) != own && passing {
                    continue;
                }
                let had_it = |it: Tenant| it.leased || it.last.since(it.begins) >= HELD_LONG;
                let counts = is_his || it.leased || before.is_some_and(had_it);
                let same = before.filter(|before| before.mac == it.mac);
                let leased = it.leased || same.is_some_and(|before| before.leased);
                let begins = same.map_or(it.begins, |before| before.begins);
                before = Some(Tenant { begins, leased, ..it });
                let kept = was_own && Some(it.mac) == own;
                if it.moves && it.begins <= at && counts && !kept {
                    return Some(it.begins);
                }
            }
        })
    }

    /// Whether a card had it by then that is not this one.
    fn was_anothers(&self, mac: Mac, at: Timestamp) -> bool {
        self.turns.iter().take(self.begun(at)).any(|it| it.mac != mac)
    }

    /// One more turn; gives when the address moved by it, or by the one that follows.
    fn insert(&mut self, at: usize, new: Tenant, all: &mut usize) -> Option<Timestamp> {
        let mut at = at.min(self.turns.len());
        let most = if *all < MAX_ALL_TURNS { MAX_TURNS } else { FEW_TURNS };
        if self.turns.len() >= most {
            at = at.checked_sub(1)?;
            self.turns.remove(0);
        } else if !self.turns.is_empty() {
            *all = all.saturating_add(1);
        }
        // Nearly all have one.
        if self.turns.is_empty() {
            self.turns.reserve_exact(1);
        }
        self.turns.insert(at, new);
        let mut moved = new.moves.then_some(new.begins);
        if let Some(next) = self.turns.get_mut(at.saturating_add(1)) {
            // Known before what preceded it was.
            next.moves = next.mac != new.mac;
            next.since = if next.moves { next.begins } else { new.since };
            moved = if next.moves { Some(next.begins) } else { moved };
        }
        moved
    }
}

/// Places of [`Newest`].
const PLACES: usize = 1 << 14;

/// The latest time at which any of the addresses of a place moved, by a few bits of the
/// address: nearly all speakers were first heard after that, and are asked for no more.
struct Newest(Vec<Timestamp>);

impl Default for Newest {
    fn default() -> Self {
        Self(vec![Timestamp(i64::MIN); PLACES])
    }
}

impl Newest {
    fn place(ip: IpAddr) -> usize {
        let bits = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h] = ip.segments().map(u64::from);
                (a << 48 | b << 32 | c << 16 | d) ^ (e << 48 | f << 32 | g << 16 | h)
            }
        };
        let mixed = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        usize::try_from(mixed).unwrap_or_default() & (PLACES - 1)
    }

    fn moves(&mut self, ip: IpAddr, at: Timestamp) {
        if let Some(newest) = self.0.get_mut(Self::place(ip)) {
            *newest = at.max(*newest);
        }
    }

    fn of(&self, ip: IpAddr) -> Option<Timestamp> {
        self.0.get(Self::place(ip)).copied()
    }
}

/// The holders of all addresses.
#[derive(Default)]
pub(super) struct Tenancies {
    chains: HashMap<(Domain, IpAddr), Vec<Chain>, RandomState>,
    newest: Newest,
    /// Turns beyond the first of each address.
    turns: usize,
    /// The latest time at which any was claimed.
    now: Timestamp,
    /// Those of which a move became known after what was said since.
    late: BTreeSet<(Domain, IpAddr)>,
}

impl Tenancies {
    /// This card holds this address; gives since when it has done so without another
    /// between.
    pub(super) fn claim(
        &mut self,
        (segment, mac): (Segment, Mac),
        ip: IpAddr,
        lease: Option<Lease>,
        at: Timestamp,
        watched: &Watched,
    ) -> Timestamp {
        let Self { chains, newest, turns, now: latest, late } = self;
        let key = (domain(segment), ip);
        *latest = at.max(*latest);
        let mut moves = |moved: Option<Timestamp>| {
            let Some(moved) = moved else { return };
            newest.moves(ip, moved);
            if latest.since(at) > LATE {
                late.insert(key);
            }
        };
        if chains.len() >= MAX_ADDRESSES && !chains.contains_key(&key) {
            return Timestamp(i64::MIN);
        }
        let until = match lease {
            Some(Lease::Dhcp { seconds, .. }) => at.plus(i64::from(seconds) * SECOND),
            _ => at,
        };
        let leased = matches!(lease, Some(Lease::Dhcp { .. }));
        // Nearly all are held in one segment.
        let all = chains.entry(key).or_insert_with(|| Vec::with_capacity(1));
        // Of a first lease it is not known who used the address before.
        let fresh = matches!(lease, Some(Lease::Dhcp { renewed: false, .. }));
        let known = |it: &Tenant| it.mac == mac || it.until > it.last;
        let first = fresh && !all.iter().any(|chain| chain.at(at).is_some_and(known));
        let new = Tenant { mac, begins: at, since: at, last: at, until, moves: first, leased };
        let chain = match all.iter().position(|chain| chain.segment == segment) {
            Some(place) => all.get_mut(place),
            None if all.len() >= MAX_SEGMENTS => None,
            None => {
                all.reserve_exact(1);
                all.push(Chain { segment, turns: Vec::new(), told: None, returns: 0 });
                all.last_mut()
            }
        };
        let Some(chain) = chain else { return at };
        let begun = chain.begun(at);
        let Some(now) = begun.checked_sub(1).and_then(|place| chain.turns.get_mut(place)) else {
            moves(chain.insert(0, new, turns));
            return at;
        };
        if now.mac == mac {
            // What nobody watched another may have had it, of whom is read later.
            if watched.missed(now.last, at) {
                let again = Tenant { since: now.since, moves: false, ..new };
                moves(chain.insert(begun, again, turns));
                return again.since;
            }
            now.last = now.last.max(at);
            now.until = now.until.max(until);
            now.leased |= leased;
            return now.since;
        }
        let now_until = now.until;
        let last_but_one = begun.checked_sub(2).and_then(|place| chain.turns.get(place));
        let own = |it: &&Tenant| it.mac == mac;
        let before = last_but_one.filter(own).or(chain.told.as_ref().filter(own)).copied();
        if !leased && at < now_until {
            // Someone says so while another has it leased: told, and no move.
            let told = before.map_or(new, |it| Tenant { last: at.max(it.last), ..it });
            chain.told = Some(told);
            return told.since;
        }
        let soon = if chain.returns >= TURNS { TURN_WITHIN } else { GIVEN_UP_AFTER };
        chain.returns =
            if before.is_some() && !leased { chain.returns.saturating_add(1) } else { 0 };
        let back = before.filter(|it| !leased && at.since(it.last) < soon);
        let next = match back {
            Some(it) => Tenant { begins: at, last: at, moves: false, leased, ..it },
            None => Tenant { moves: true, ..new },
        };
        // Of two who use it by turns, two turns are enough to know.
        let passing = |it: &Tenant| !it.moves && back.is_some();
        let mut place = begun;
        if let Some(earlier) = begun.checked_sub(2)
            && earlier > 0
            && chain.turns.get(earlier).is_some_and(passing)
        {
            chain.turns.remove(earlier);
            *turns = turns.saturating_sub(1);
            place = place.saturating_sub(1);
        }
        moves(chain.insert(place, next, turns));
        next.since
    }

    /// Addresses of which a move became known after what was said since.
    pub(super) fn late(&mut self) -> BTreeSet<(Domain, IpAddr)> {
        std::mem::take(&mut self.late)
    }

    /// Whether it is known who held an address at a time: what is long ago is forgotten.
    pub(super) fn reach(&self, segment: Segment, ip: IpAddr, at: Timestamp) -> bool {
        let all = self.chains.get(&(domain(segment), ip));
        all.into_iter().flatten().any(|chain| chain.begun(at) > 0)
    }

    /// This card gives the address back, or has found that another uses it: whoever claims
    /// it from now on takes it from nobody.
    pub(super) fn leave(&mut self, (segment, mac): (Segment, Mac), ip: IpAddr, at: Timestamp) {
        let all = self.chains.get_mut(&(domain(segment), ip));
        for chain in all.into_iter().flatten() {
            let now = chain.begun(at).checked_sub(1).and_then(|place| chain.turns.get_mut(place));
            if let Some(now) = now.filter(|it| it.mac == mac && it.last <= at) {
                now.until = now.until.min(at);
            }
        }
    }

    /// A hold that is remembered, in any order.
    pub(super) fn remember(
        &mut self,
        (segment, mac): (Segment, Mac),
        (ip, lease): (IpAddr, Lease),
        span: Span,
        watched: &Watched,
    ) {
        self.now = self.now.max(span.last);
        let leased = matches!(lease, Lease::Dhcp { .. });
        let (seconds, fresh) = match lease {
            Lease::Dhcp { seconds, renewed } => (i64::from(seconds), !renewed),
            _ => (0, false),
        };
        let until = span.last.plus(seconds * SECOND);
        let key = (domain(segment), ip);
        let all = self.chains.entry(key).or_insert_with(|| Vec::with_capacity(1));
        let place = all.iter().position(|chain| chain.segment == segment).unwrap_or_else(|| {
            all.push(Chain { segment, turns: Vec::with_capacity(1), told: None, returns: 0 });
            all.len() - 1
        });
        let Some(chain) = all.get_mut(place) else { return };
        let begun = chain.begun(span.first);
        let before = begun.checked_sub(1).and_then(|place| chain.turns.get_mut(place));
        let Span { first, last } = span;
        let moves = fresh;
        let mut new = Tenant { mac, begins: first, since: first, last, until, moves, leased };
        if let Some(before) = before {
            new.moves = before.mac != mac;
            if !new.moves && !watched.missed(before.last, first) {
                before.last = before.last.max(last);
                before.until = before.until.max(until);
                before.leased |= leased;
                return;
            }
            new.since = if new.moves { first } else { before.since };
        }
        if let Some(moved) = chain.insert(begun, new, &mut self.turns) {
            self.newest.moves(ip, moved);
        }
    }

    /// Whether this address may have moved after a time: quick, and never wrong when it
    /// says no.
    pub(super) fn may_have_moved(&self, ip: IpAddr, after: Timestamp) -> bool {
        self.newest.of(ip).is_none_or(|newest| newest > after)
    }

    /// Since when what is said under this address at a time is of another than before: of
    /// those who are told by the address, because the card in front of it is not the
    /// holder's. Asked for one who was first heard at a time, and whether from behind a router.
    pub(super) fn moved(
        &self,
        (segment, mac): (Segment, Option<Mac>),
        ip: IpAddr,
        (heard, routed): (Timestamp, bool),
        at: Timestamp,
    ) -> Option<Timestamp> {
        let all = self.chains.get(&(domain(segment), ip))?;
        let own = mac.filter(|_| !routed);
        let moves = |chain: &'_ Chain| {
            let own = own.filter(|_| chain.segment == segment);
            chain.moves(heard, at, own).max()
        };
        let moved = all.iter().filter_map(moves).max()?;
        // A router that once answered for it elsewhere does not hold it.
        let holds = |chain: &&Chain| {
            chain.at(at).is_some_and(|now| {
                let lately = chain.segment == segment || now.since >= moved;
                Some(now.mac) == mac && lately
            })
        };
        match all.iter().find(holds) {
            None => Some(moved),
            // It is back: what it said under the address before was before another.
            Some(chain) => {
                let now = chain.at(at).filter(|now| chain.was_anothers(now.mac, at))?;
                // It came back from who said so in passing: it was never away.
                Some(if own.is_some() { now.since.min(moved) } else { now.since })
            }
        }
    }

    /// Since when an address is nobody's, of one who was heard under it in a time and is heard
    /// again at another: its lease was over, and then nothing was heard for long.
    pub(super) fn lapsed(
        &self,
        (segment, mac): (Segment, Option<Mac>),
        ip: IpAddr,
        heard: Span,
        at: Timestamp,
    ) -> Option<Timestamp> {
        if at.since(heard.last) <= LAPSES {
            return None;
        }
        let now = || {
            let all = self.chains.get(&(domain(segment), ip));
            all.into_iter().flatten().filter_map(|chain| chain.at(at))
        };
        let holder = now().max_by_key(|it| it.begins).map(|it| it.mac)?;
        let own = || now().filter(|it| it.mac == holder);
        let end = own().filter(|it| it.leased && it.until > it.last).map(|it| it.until).max()?;
        let renewed = own().any(|it| it.last > end);
        let had_it = heard.first.since(end) <= LAPSES;
        let since = end.max(heard.last);
        (mac != Some(holder) && !renewed && had_it && at.since(since) > LAPSES).then_some(since)
    }

    /// Whether another card has first said between two times that this address is its own,
    /// without a lease.
    pub(super) fn is_new_since(
        &self,
        (segment, mac): (Segment, Option<Mac>),
        ip: IpAddr,
        last: Timestamp,
        at: Timestamp,
    ) -> bool {
        let all = self.chains.get(&(domain(segment), ip));
        all.into_iter().flatten().any(|chain| {
            let then = chain.turns.get(chain.begun(last)..chain.begun(at)).unwrap_or_default();
            let is_new = |it: &Tenant| it.since == it.begins && !it.leased;
            then.iter().any(|it| is_new(it) && Some(it.mac) != mac)
        })
    }

    /// Other cards of this very segment that have claimed this address by a time, the latest.
    pub(super) fn rivals(
        &self,
        (segment, mac): (Segment, Mac),
        ip: IpAddr,
        at: Timestamp,
    ) -> Vec<Mac> {
        let mut rivals = Vec::new();
        let all = self.chains.get(&(domain(segment), ip)).map_or(&[][..], Vec::as_slice);
        let Some(chain) = all.iter().find(|chain| chain.segment == segment) else { return rivals };
        let turns = chain.turns.get(..chain.begun(at)).unwrap_or_default();
        for it in turns.iter().rev().filter(|it| it.mac != mac) {
            if rivals.len() < MAX_RIVALS && !rivals.contains(&it.mac) {
                rivals.push(it.mac);
            }
        }
        rivals
    }

    /// Whether a card claims this address, in this very segment.
    pub(super) fn is_claimed_by(&self, segment: Segment, mac: Option<Mac>, ip: IpAddr) -> bool {
        let all = self.chains.get(&(domain(segment), ip)).map_or(&[][..], Vec::as_slice);
        let here = all.iter().find(|chain| chain.segment == segment);
        here.is_some_and(|chain| chain.turns.iter().any(|it| Some(it.mac) == mac))
    }
}

#[cfg(test)]
mod tests;
