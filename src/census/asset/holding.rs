//! Who held an address when: claims of cards, in the order of time.

mod few;
mod odds;
mod shown;
mod streets;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::continuity::Claims;
use super::credit::{ABOUT, Asks};
use crate::census::host::Span;
use crate::census::order::ANOTHER_TIME;
use crate::census::tenancy::{Domain, HELD_LONG, LAPSES, domain};
use crate::net::{Mac, Segment};
use crate::observe::Lease;
use crate::time::{SECOND, Timestamp};
pub(super) use few::Few;
use odds::Odds;
use streets::{Streets, Who};

/// Two claims that overlap by less are a hand-over whose order was not seen well.
const AT_ONCE: i64 = SECOND;
/// Who uses the addresses of so many others answers for them (RFC 1027: proxy ARP).
const PROXY: usize = 3;

/// A client looks whether another has an address before it uses it (RFC 2131 §4.4.1).
const DECLINED_WITHIN: i64 = 60 * SECOND;

/// Holdings of one address, each compared with all others: a flood of cards that all claim
/// one must not become the square of the flood.
const MOST: usize = 256;

/// The addresses of each card.
pub(super) type Bound = HashMap<Mac, Few, RandomState>;

/// One card's hold on an address, from its first to its last claim.
#[derive(Clone, Copy)]
struct Holding {
    mac: Mac,
    segment: Segment,
    span: Span,
    /// It began with a lease: who had the address before is another.
    fresh: bool,
    /// Until when a server gave it, its last claim where none did.
    until: Timestamp,
    /// The first and the last time that a server gave it.
    given: Option<Span>,
    /// The card said so itself, in its own segment.
    own: bool,
    /// A router's table said so.
    table: bool,
    /// It had it for long, with times in which nobody watched.
    long: bool,
    /// It was said more than once, in one segment.
    again: bool,
    /// It was given back.
    left: bool,
    /// It spoke under it on its own link.
    used: bool,
    /// More is known of it than a word of others in its name ([`super::credit`]).
    counts: bool,
}

impl Holding {
    fn is_leased(&self) -> bool {
        self.until > self.span.last
    }

    /// Which of too many stay: what a server gave, then the latest.
    fn weight(&self) -> (bool, Timestamp, Timestamp, Mac, Segment) {
        (self.given.is_some(), self.span.last, self.span.first, self.mac, self.segment)
    }

    /// Said for so long that it is no single word.
    const fn is_long(&self) -> bool {
        self.long || self.length() >= HELD_LONG
    }

    const fn length(&self) -> i64 {
        self.span.last.since(self.span.first)
    }

    /// More than one packet says so, or is sent under it: a single one is anybody's.
    const fn is_repeated(&self) -> bool {
        self.again || self.length() > AT_ONCE
    }

    /// It is heard for as long as another was, or at least long.
    const fn stands(&self, other: i64) -> bool {
        self.is_long() || (self.used && self.length() >= other)
    }

    /// More than a word in passing: for long, or in use.
    const fn is_kept(&self) -> bool {
        self.used || self.is_long()
    }
}

/// All holdings by address.
#[derive(Default)]
pub(super) struct Holdings {
    by_address: HashMap<(Domain, IpAddr), Vec<Holding>, RandomState>,
    /// When cards asked for addresses.
    asks: Asks,
    /// Cards that answer for the addresses of others.
    proxies: BTreeSet<(Segment, Mac)>,
    /// Addresses whose packets come through one of these, which are others' for certain.
    carried: BTreeSet<(Mac, IpAddr)>,
    /// Addresses that two cards of one segment use at once, with the two.
    conflicts: BTreeSet<(Mac, IpAddr, Mac)>,
    /// Those that one claims while the other is awake.
    contested: BTreeSet<Odds>,
    /// Cards that say that an address is theirs which was another's until then.
    strangers: BTreeSet<(Domain, IpAddr, Mac)>,
    /// When an address was first heard through a router.
    pub(super) heard: HashMap<(Domain, IpAddr), Timestamp, RandomState>,
    /// When an address of which someone says that it is his was last heard of one who is
    /// known by it alone.
    alone: HashMap<(Domain, IpAddr), Timestamp, RandomState>,
    /// Where the addresses of a neighbourhood are used.
    streets: Streets,
}

impl Holdings {
    pub(super) fn new(asks: Asks) -> Self {
        Self { asks, ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        (segment, mac): (Segment, Mac),
        ip: IpAddr,
        span: Span,
        lease: Option<Lease>,
    ) {
        let (fresh, seconds) = match lease {
            Some(Lease::Dhcp { seconds, renewed }) => (!renewed, i64::from(seconds)),
            _ => (false, 0),
        };
        let until = span.last.plus(seconds * SECOND);
        let given = matches!(lease, Some(Lease::Dhcp { .. })).then_some(span);
        // Without a word of claims it used the address.
        let own = matches!(lease, None | Some(Lease::Arp | Lease::Ndp));
        let table = lease == Some(Lease::Table);
        let used = lease.is_none();
        let counts = own || table || matches!(lease, Some(Lease::Radius { answered: true, .. }));
        if own {
            // A packet that says so is sent under the address as well.
            let stays = used && span.last.since(span.first) > AT_ONCE;
            self.streets.lives_in((segment, mac), ip, if stays { Who::Stays } else { Who::Says });
        }
        let key = (domain(segment), ip);
        let all = self.by_address.entry(key).or_insert_with(|| Vec::with_capacity(1));
        let same = |it: &&mut Holding| {
            (it.mac, it.segment) == (mac, segment) && it.span.common(span).is_some()
        };
        let is_full = all.len() >= MOST;
        match all.iter_mut().find(same) {
            Some(known) => {
                // The earlier claim says how it began.
                known.fresh = if span.first < known.span.first { fresh } else { known.fresh };
                known.span.cover(span);
                known.until = known.until.max(until);
                (known.own, known.table) = (known.own || own, known.table || table);
                (known.used, known.counts) = (known.used || used, known.counts || counts);
                match (&mut known.given, given) {
                    (Some(known), Some(given)) => known.cover(given),
                    (known, given) => *known = known.or(given),
                }
            }
            None => {
                let (long, again, left) = (false, false, false);
                let it = Holding {
                    mac,
                    segment,
                    span,
                    fresh,
                    until,
                    given,
                    own,
                    table,
                    long,
                    again,
                    left,
                    used,
                    counts,
                };
                if !is_full {
                    all.push(it);
                } else if let Some(least) = all.iter_mut().min_by_key(|held| held.weight())
                    && least.weight() < it.weight()
                {
                    *least = it;
                }
            }
        }
    }

    /// Whether what came at a time under an address through a router, first at another, may
    /// be of who claims it so. A server gives an address to nobody while another has it.
    /// Anyone may say that he has it: one packet is nobody's word, who was heard before is not
    /// him, and an address is not used in a place where its neighbours are not, unless it has
    /// been for long. What was
    /// heard before is not his where he is known for another ([`super::continuity`]).
    fn may_hold(&self, it: &Holding, ip: IpAddr, (at, heard): (Timestamp, Timestamp)) -> bool {
        let is_stranger = self.strangers.contains(&(domain(it.segment), ip, it.mac));
        let heard = if is_stranger { at } else { heard };
        let is_late = it.span.first.since(heard) > ANOTHER_TIME;
        if !it.counts {
            return false;
        }
        // Nothing is taken by it where nobody was heard before.
        let again = it.is_repeated() || !self.heard.contains_key(&(domain(it.segment), ip));
        let neighbours = || self.streets.neighbours((it.segment, it.mac), ip);
        match (it.given, it.own, is_late) {
            (Some(_), ..) => true,
            (None, false, false) => !it.table || again,
            (None, false, true) => it.table && it.is_long(),
            (None, true, false) => it.is_long() || (again && neighbours().is_some()),
            (None, true, true) => !is_stranger && it.is_long() && neighbours() == Some(true),
        }
    }

    /// Cards that say for long that an address is theirs, which was heard through a router
    /// before.
    pub(super) fn late(&self) -> Claims {
        let mut all = Claims::default();
        for (key, heard) in &self.heard {
            let known = self.by_address.get(key).map_or(&[][..], Vec::as_slice);
            let mut claims: BTreeMap<Mac, Timestamp> = BTreeMap::new();
            for it in known.iter().filter(|it| it.given.is_none() && it.own) {
                let first = claims.entry(it.mac).or_insert(it.span.first);
                *first = it.span.first.min(*first);
            }
            let long = |mac| known.iter().any(|it| it.mac == mac && it.own && it.is_long());
            claims.retain(|mac, first| first.since(*heard) > ANOTHER_TIME && long(*mac));
            if !claims.is_empty() {
                all.insert(*key, claims.into_iter().collect());
            }
        }
        all
    }

    /// This card is another device than was heard under the address before.
    pub(super) fn estrange(&mut self, at: Domain, ip: IpAddr, mac: Mac) {
        self.strangers.insert((at, ip, mac));
    }

    /// This card has the address no more from a time on, unless it claims it later; when it
    /// `declined` it, because another has it. To be said when all claims are in.
    pub(super) fn leave(
        &mut self,
        (segment, mac): (Segment, Mac),
        ip: IpAddr,
        at: Timestamp,
        declined: bool,
    ) {
        let Some(all) = self.by_address.get_mut(&(domain(segment), ip)) else { return };
        // Who was given nothing just before has nothing to decline, whatever it says.
        let just = |given: Timestamp| (0..=DECLINED_WITHIN).contains(&at.since(given));
        let given = |it: &Holding| it.given.is_some_and(|it| just(it.first) || just(it.last));
        if declined && !all.iter().any(|it| it.mac == mac && given(it)) {
            return;
        }
        for it in all.iter_mut().filter(|it| it.mac == mac && it.span.last <= at) {
            (it.until, it.left) = (it.until.min(at), true);
        }
        if !declined {
            return;
        }
        // It never used what it was given just before.
        all.retain(|it| {
            it.mac != mac || it.span.last > at || at.since(it.span.first) > DECLINED_WITHIN
        });
        let uses = |it: &&Holding| {
            it.mac != mac && it.span.first <= at && it.until.max(it.span.last) >= at
        };
        let others = all.iter().filter(uses).map(|it| it.mac);
        let others: BTreeSet<Mac> = others.collect();
        for other in others {
            self.conflicts.extend([(mac, ip, other), (other, ip, mac)]);
        }
    }

    /// All that is claimed is in: finds who answers for others, and who is at odds.
    pub(super) fn settle(&mut self) {
        let mut odds = BTreeSet::new();
        let mut at_odds: HashMap<(Segment, Mac), BTreeSet<IpAddr>, RandomState> =
            HashMap::default();
        for ((at, ip), all) in &mut self.by_address {
            all.sort_unstable_by_key(|it| (it.span.first, it.mac, it.segment));
            let said = |mac, given: Span| {
                all.iter()
                    .any(|it| it.own && it.mac == mac && it.span.last.plus(ABOUT) >= given.first)
            };
            let asked = |it: &Holding| {
                let given = it.given.filter(|_| !it.counts);
                given.is_some_and(|given| {
                    self.asks.are_about(*at, it.mac, given) || said(it.mac, given)
                })
            };
            let asked: Vec<bool> = all.iter().map(asked).collect();
            all.iter_mut().zip(asked).for_each(|(it, asked)| it.counts |= asked);
            // Nearly all are held once.
            let alone = |one: &Holding, other: &Holding| {
                (one.mac, one.segment) == (other.mac, other.segment)
            };
            for held in all.chunk_by_mut(alone).filter(|held| held.len() > 1) {
                let first = held.iter().map(|it| it.span.first).min();
                let last = held.iter().map(|it| it.span.last).max();
                let length = first.zip(last).map_or(0, |(a, b)| b.since(a));
                held.iter_mut().for_each(|it| {
                    (it.long, it.again) = (length >= HELD_LONG, length > AT_ONCE);
                });
            }
            for it in all.iter().filter(|it| it.own && it.is_long()) {
                self.streets.lives_in((it.segment, it.mac), *ip, Who::Stays);
            }
            for (n, one) in all.iter().enumerate() {
                for other in all.iter().skip(n + 1).filter(|other| other.mac != one.mac) {
                    let Some(common) = one.span.common(other.span) else { continue };
                    if one.segment == other.segment {
                        if common > AT_ONCE {
                            odds.insert(odds::of(one.segment, *ip, one.mac, other.mac));
                        }
                        continue;
                    }
                    // As a router does for those of another segment.
                    for it in [one, other] {
                        at_odds.entry((it.segment, it.mac)).or_default().insert(*ip);
                    }
                }
            }
        }
        for ((_, ip), all) in &self.by_address {
            let by_turns = odds::to_and_fro(all);
            odds.extend(by_turns.map(|(segment, a, b)| odds::of(segment, *ip, a, b)));
        }
        self.tell(&odds);
        let proxies = at_odds.into_iter().filter(|(_, ips)| ips.len() >= PROXY);
        self.proxies = proxies.map(|(who, _)| who).collect();
    }

    /// Packets of this address come through this card.
    pub(super) fn carries(&mut self, mac: Mac, ip: IpAddr) {
        if self.proxies.iter().any(|(_, proxy)| *proxy == mac) {
            self.carried.insert((mac, ip));
        }
    }

    fn all(&self, segment: Segment, ip: IpAddr) -> &[Holding] {
        self.by_address.get(&(domain(segment), ip)).map_or(&[], Vec::as_slice)
    }

    /// Whether anyone has said that he holds it, of whom it may be that was heard under it
    /// first at a time.
    pub(super) fn is_claimed(&self, segment: Segment, ip: IpAddr, heard: Timestamp) -> bool {
        self.all(segment, ip).iter().any(|it| self.may_hold(it, ip, (heard, heard)))
    }

    /// Whether anyone ever held it.
    pub(super) fn is_held(&self, segment: Segment, ip: IpAddr) -> bool {
        !self.all(segment, ip).is_empty()
    }

    /// Whether this card ever held it, and not for another.
    pub(super) fn is_held_by(&self, segment: Segment, ip: IpAddr, mac: Mac) -> bool {
        let all = self.all(segment, ip);
        let own = |it: &Holding| it.mac == mac && !self.proxies.contains(&(it.segment, mac));
        let alone = || all.iter().all(|it| it.mac == mac) && !self.carried.contains(&(mac, ip));
        all.iter().any(own) || (!all.is_empty() && alone())
    }

    /// The cards of this very segment that ever held it.
    pub(super) fn here(&self, segment: Segment, ip: IpAddr) -> impl Iterator<Item = Mac> {
        self.all(segment, ip).iter().filter(move |it| it.segment == segment).map(|it| it.mac)
    }

    /// Whether a card has an address no more at a time, for one who was first heard under it
    /// at another: its lease was over long before, or it has had another instead since then.
    /// Who says after its lease that it has it has renewed it unseen, also when it says so
    /// later than that time and nobody else has said so between.
    fn is_over(
        &self,
        (it, ip): (&Holding, IpAddr),
        (at, heard): (Timestamp, Timestamp),
        bound: &Bound,
    ) -> bool {
        let holds = |ip| {
            let all = self.all(it.segment, ip).iter();
            all.filter(move |held| held.mac == it.mac && held.span.first <= at)
        };
        let Some(said) = holds(ip).map(|held| held.span.last).max() else { return false };
        let next = self.all(it.segment, ip).iter().filter(|held| held.span.first > at);
        let next = next.filter(|held| held.counts).min_by_key(|held| (held.span.first, held.mac));
        let ends = holds(ip).filter(|held| held.left || held.is_leased()).map(|held| held.until);
        if let Some(end) = ends.max().filter(|end| *end >= said) {
            let heard = self.heard.get(&(domain(it.segment), ip));
            let goes_on = heard.is_some_and(|heard| *heard <= end)
                && next.is_some_and(|next| next.mac == it.mac && !next.fresh);
            return at.since(end) > LAPSES && !goes_on;
        }
        let long = holds(ip).any(Holding::is_long);
        let other = |other: &IpAddr| {
            // Said once it takes nothing from who was heard under the address before.
            let counts = |held: &Holding| held.given.is_some() || held.is_long() || !long;
            let began = holds(*other).map(|held| held.span.first).min();
            let began = began.filter(|began| *began > said);
            began.is_some_and(|began| heard > began || holds(*other).any(counts))
        };
        // An IPv6 host has several at once.
        let others = bound.get(&it.mac).into_iter().flat_map(Few::iter).take(MOST);
        at.since(said) > LAPSES && ip.is_ipv4() && others.filter(|it| it.is_ipv4()).any(other)
    }

    /// The one card that held the address in this time; in the same segment first. None
    /// when it may have been several: then nobody is named. Of those who claim it only now
    /// it is nobody who was heard under it before.
    pub(super) fn holder(
        &self,
        segment: Segment,
        ip: IpAddr,
        (span, heard): (Span, Timestamp),
        bound: &Bound,
    ) -> Option<Mac> {
        let known = self.all(segment, ip);
        if known.is_empty() {
            return None;
        }
        let all = || {
            let all = known.iter();
            all.filter(|it| {
                !self.proxies.contains(&(it.segment, it.mac))
                    && self.may_hold(it, ip, (span.first, heard))
            })
        };
        let only = |found: &[&Holding]| {
            let first = found.first()?.mac;
            found.iter().all(|it| it.mac == first).then_some(first)
        };
        let at = |found: Vec<&Holding>| {
            let here: Vec<_> = found.iter().copied().filter(|it| it.segment == segment).collect();
            only(&here).or_else(|| only(&found))
        };
        // A lease holds until it is over, or the next one begins; a claim while it is said.
        let end = |it: &Holding| {
            let next = all().filter(|other| other.mac != it.mac && other.is_leased());
            let next = next.map(|other| other.span.first).filter(|first| *first > it.span.last);
            next.min().map_or(it.until, |next| next.min(it.until))
        };
        // Who has its lease renewed asks under the address, just before it is given.
        let begin = |it: &Holding| it.span.first.plus(if it.fresh { 0 } else { -AT_ONCE });
        // Of a first lease it is not known who was heard before it.
        let before = |it: &Holding| it.fresh && it.span.first.since(span.first) > ANOTHER_TIME;
        let meets = |it: &&Holding| {
            Span { first: begin(it), last: end(it) }.common(span).is_some() && !before(it)
        };
        let then: Vec<&Holding> = all().filter(meets).collect();
        if !then.is_empty() {
            let leased = || then.iter().copied().filter(|it| it.is_leased()).collect();
            return at(then.clone()).or_else(|| at(leased()));
        }
        // Nobody claimed it just then: it was still the last one's, unless that has it no more.
        let before = |it: &&Holding| it.span.first <= span.first;
        if let Some(last) = all().filter(before).map(|it| it.span.first).max() {
            // Holds of one time in several segments are isolated networks.
            let same = |it: &&Holding| it.span.last >= last && it.span.first <= last;
            let over = |it: &&Holding| self.is_over((it, ip), (span.first, heard), bound);
            return at(all().filter(same).filter(|it| !over(it)).collect());
        }
        // Nor ever before: it was the first one's already, unless that one had it leased.
        let first = all().min_by_key(|it| it.span.first)?;
        let with_it = |it: &&Holding| it.span.common(first.span).is_some();
        if first.fresh { None } else { at(all().filter(with_it).collect()) }
    }
}
