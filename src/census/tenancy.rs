//! Who holds an address, and since when it is someone else's.
//!
//! Addresses are leased: what is said under one belongs to who held it at that time.
//! Here stands only what is needed to notice a change; who held an address when is
//! remembered with each host ([`super::Host::addresses`]), from which this is rebuilt.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::net::{Mac, Segment};
use crate::observe::Lease;
use crate::time::{SECOND, Timestamp};

use super::host::Span;

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
const TURNS: u32 = 2;
const TURN_WITHIN: i64 = 86_400 * SECOND;

/// Addresses of which the holder is remembered.
const MAX_ADDRESSES: usize = 262_144;

/// Segments in which one address is held: isolated networks number their hosts alike.
const MAX_SEGMENTS: usize = 64;

/// One card's hold on an address.
#[derive(Clone, Copy)]
struct Tenant {
    mac: Mac,
    since: Timestamp,
    last: Timestamp,
    /// Until when it is leased to this card: nobody takes it by a claim alone until then.
    until: Timestamp,
}

/// The last two in one segment.
struct Chain {
    segment: Segment,
    now: Tenant,
    before: Option<Tenant>,
    /// How often in a row the one before came back without a lease.
    turns: u32,
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
    /// Since when an address has been its present holder's, where it had another before.
    moved: HashMap<(Domain, IpAddr), Timestamp, RandomState>,
    newest: Newest,
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
    ) -> Timestamp {
        let Self { chains, moved, newest } = self;
        let key = (domain(segment), ip);
        if chains.len() >= MAX_ADDRESSES && !chains.contains_key(&key) {
            return Timestamp(i64::MIN);
        }
        // Nearly all are held in one segment.
        let all = chains.entry(key).or_insert_with(|| Vec::with_capacity(1));
        let until = match lease {
            Some(Lease::Dhcp { seconds, .. }) => at.plus(i64::from(seconds) * SECOND),
            _ => at,
        };
        let leased = matches!(lease, Some(Lease::Dhcp { .. }));
        let new = Tenant { mac, since: at, last: at, until };
        let Some(chain) = all.iter_mut().find(|chain| chain.segment == segment) else {
            if all.is_empty() && matches!(lease, Some(Lease::Dhcp { renewed: false, .. })) {
                // Who used it before is not known.
                moved.insert(key, at);
                newest.moves(ip, at);
            }
            if all.len() < MAX_SEGMENTS {
                // Nearly all addresses are held in one segment.
                all.reserve_exact(1);
                all.push(Chain { segment, now: new, before: None, turns: 0 });
            }
            return at;
        };
        if chain.now.mac == mac {
            chain.now.last = chain.now.last.max(at);
            chain.now.until = chain.now.until.max(until);
            return chain.now.since;
        }
        let before = chain.before.filter(|before| before.mac == mac);
        if at < chain.now.since {
            return before.map_or(Timestamp(i64::MIN), |before| before.since);
        }
        if !leased && at < chain.now.until {
            // Someone says so while another has it leased: told, and no move.
            let told = before.map_or(new, |it| Tenant { last: at, ..it });
            chain.before = Some(told);
            return told.since;
        }
        let soon = if chain.turns >= TURNS { TURN_WITHIN } else { GIVEN_UP_AFTER };
        chain.turns = if before.is_some() && !leased { chain.turns.saturating_add(1) } else { 0 };
        let returns = before.filter(|it| !leased && at.since(it.last) < soon);
        let now = returns.map_or(new, |it| Tenant { last: at, ..it });
        if returns.is_none() {
            moved.insert(key, at);
            newest.moves(ip, at);
        }
        chain.before = Some(std::mem::replace(&mut chain.now, now));
        now.since
    }

    /// A hold that is remembered, in any order.
    pub(super) fn remember(&mut self, (segment, mac): (Segment, Mac), ip: IpAddr, span: Span) {
        let key = (domain(segment), ip);
        let all = self.chains.entry(key).or_insert_with(|| Vec::with_capacity(1));
        let tenant = Tenant { mac, since: span.first, last: span.last, until: span.last };
        let Some(chain) = all.iter_mut().find(|chain| chain.segment == segment) else {
            all.push(Chain { segment, now: tenant, before: None, turns: 0 });
            return;
        };
        if chain.now.mac == mac {
            chain.now.last = chain.now.last.max(tenant.last);
            chain.now.since = chain.now.since.max(tenant.since);
            return;
        }
        let (earlier, later) =
            if tenant.since < chain.now.since { (tenant, chain.now) } else { (chain.now, tenant) };
        chain.before = chain.before.filter(|it| it.since > earlier.since).or(Some(earlier));
        chain.now = later;
        let moved = self.moved.entry(key).or_insert(later.since);
        *moved = (*moved).max(later.since);
        self.newest.moves(ip, later.since);
    }

    /// Whether this address may have moved after a time: quick, and never wrong when it
    /// says no.
    pub(super) fn may_have_moved(&self, ip: IpAddr, after: Timestamp) -> bool {
        self.newest.of(ip).is_none_or(|newest| newest > after)
    }

    /// Since when what is said under this address is of another than before: of those who
    /// are told by the address, because the card in front of it is not the holder's.
    pub(super) fn moved(
        &self,
        segment: Segment,
        mac: Option<Mac>,
        ip: IpAddr,
    ) -> Option<Timestamp> {
        let key = (domain(segment), ip);
        let moved = self.moved.get(&key)?;
        // A router that once answered for it elsewhere does not hold it.
        let holds = |chain: &Chain| {
            let lately = chain.segment == segment || chain.now.since >= *moved;
            Some(chain.now.mac) == mac && lately
        };
        match self.chains.get(&key).and_then(|all| all.iter().find(|chain| holds(chain))) {
            None => Some(*moved),
            // It is back: what it said under the address before was before another.
            Some(own) => own.before.map(|_| own.now.since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([0, 1, 2, 0, 0, 1]);
    const B: Mac = Mac([0, 1, 2, 0, 0, 2]);
    const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 9]);
    const LEASE: Option<Lease> = Some(Lease::Dhcp { seconds: 3600, renewed: false });

    fn minute(n: i64) -> Timestamp {
        Timestamp(n * 60 * SECOND)
    }

    struct Street(Tenancies, IpAddr);

    impl Street {
        fn claims(&mut self, mac: Mac, lease: Option<Lease>, at: i64) -> i64 {
            let here = (Segment::default(), mac);
            self.0.claim(here, self.1, lease, minute(at)).0 / (60 * SECOND)
        }

        fn moved(&self, mac: Mac) -> Option<Timestamp> {
            let moved = self.0.moved(Segment::default(), Some(mac), self.1);
            let before = |at: Timestamp| Timestamp(at.0 - 1);
            assert!(moved.is_none_or(|at| self.0.may_have_moved(self.1, before(at))));
            moved
        }
    }

    fn street() -> Street {
        Street(Tenancies::default(), "10.0.0.7".parse().unwrap())
    }

    #[test]
    fn an_address_that_goes_to_another_has_moved() {
        let mut it = street();
        assert_eq!(it.claims(A, Some(Lease::Arp), 1), 1);
        assert_eq!(it.claims(A, LEASE, 5), 1);
        assert_eq!(it.moved(ROUTER), None);
        assert_eq!(it.claims(B, LEASE, 30), 30);
        assert_eq!((it.moved(ROUTER), it.moved(B)), (Some(minute(30)), Some(minute(30))));
        assert_eq!(it.claims(A, LEASE, 90), 90, "it is back, but was away");
        assert_eq!(it.moved(ROUTER), Some(minute(90)));
    }

    #[test]
    fn two_at_once_are_no_move() {
        let mut it = street();
        it.claims(A, Some(Lease::Arp), 0);
        it.claims(B, Some(Lease::Arp), 1);
        for n in 1..50 {
            assert_eq!(it.claims(A, Some(Lease::Arp), 2 * n), 0);
            assert_eq!(it.claims(B, Some(Lease::Arp), 2 * n + 1), 1);
        }
        assert_eq!(it.moved(ROUTER), Some(minute(1)), "once, and not again and again");
    }

    #[test]
    fn two_who_are_heard_seldom_are_told_after_some_turns() {
        let mut it = street();
        for n in 0..9 {
            it.claims(if n % 2 == 0 { A } else { B }, Some(Lease::Arp), 40 * n);
        }
        assert!(it.moved(ROUTER).unwrap() < minute(40 * 5), "it moves no more");
        // By leases it may go to and fro.
        let mut it = street();
        for n in 0..9 {
            it.claims(if n % 2 == 0 { A } else { B }, LEASE, 40 * n);
        }
        assert_eq!(it.moved(ROUTER), Some(minute(40 * 8)));
    }

    #[test]
    fn a_claim_alone_takes_nothing_that_is_leased() {
        let mut it = street();
        it.claims(A, LEASE, 1);
        it.claims(B, Some(Lease::Arp), 5);
        it.claims(B, Some(Lease::Radius), 6);
        assert_eq!(it.moved(ROUTER), Some(minute(1)), "as A has it");
        assert_eq!(it.claims(A, LEASE, 31), 1);
        it.claims(B, Some(Lease::Arp), 200);
        assert_eq!(it.moved(ROUTER), Some(minute(200)), "the lease is over");
    }

    #[test]
    fn a_first_lease_says_nothing_of_before_but_a_renewed_one_does() {
        let mut it = street();
        it.claims(A, LEASE, 7);
        assert_eq!(it.moved(ROUTER), Some(minute(7)));
        let mut it = street();
        it.claims(A, Some(Lease::Dhcp { seconds: 3600, renewed: true }), 7);
        assert_eq!(it.moved(ROUTER), None);
    }

    #[test]
    fn who_answered_for_it_elsewhere_does_not_hold_it() {
        let mut it = street();
        it.claims(A, LEASE, 1);
        let other = Segment { vlan: 7, ..Segment::default() };
        it.0.claim((other, ROUTER), it.1, Some(Lease::Arp), minute(2));
        it.claims(B, LEASE, 30);
        assert_eq!((it.moved(ROUTER), it.moved(B)), (Some(minute(30)), Some(minute(30))));
        let b = it.0.moved(other, Some(B), it.1);
        assert_eq!(b, Some(minute(30)), "its lease was seen on the server's segment");
    }

    #[test]
    fn isolated_networks_number_alike() {
        let mut it = street();
        it.claims(A, Some(Lease::Arp), 1);
        let other = Segment { vlan: 7, ..Segment::default() };
        it.0.claim((other, B), it.1, Some(Lease::Arp), minute(2));
        assert_eq!(it.moved(ROUTER), None);
    }

    #[test]
    fn what_is_said_again_of_the_past_moves_nothing() {
        let mut it = street();
        it.claims(A, LEASE, 1);
        it.claims(B, LEASE, 30);
        assert_eq!(it.claims(A, LEASE, 1), 1);
        assert_eq!(it.moved(ROUTER), Some(minute(30)));
        assert_eq!(it.claims(B, LEASE, 31), 30);
    }

    #[test]
    fn what_is_remembered_is_as_it_was_in_any_order() {
        let spans = [(A, 1, 5), (B, 30, 60), (A, 90, 99)];
        for turn in 0..3 {
            let mut it = street();
            for n in 0..3 {
                let (mac, first, last) = spans[(n + turn) % 3];
                let span = Span { first: minute(first), last: minute(last) };
                it.0.remember((Segment::default(), mac), it.1, span);
            }
            assert_eq!(it.moved(ROUTER), Some(minute(90)), "{turn}");
            assert_eq!(it.moved(A), Some(minute(90)), "since it is back");
        }
    }
}
