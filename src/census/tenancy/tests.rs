//! Who is told to hold an address, since when.

use super::*;

const A: Mac = Mac([0, 1, 2, 0, 0, 1]);
const B: Mac = Mac([0, 1, 2, 0, 0, 2]);
const C: Mac = Mac([0, 1, 2, 0, 0, 3]);
const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 9]);
const LEASE: Option<Lease> = Some(Lease::Dhcp { seconds: 3600, renewed: false });

fn minute(n: i64) -> Timestamp {
    Timestamp(n * 60 * SECOND)
}

struct Street(Tenancies, IpAddr);

impl Street {
    fn claims(&mut self, mac: Mac, lease: Option<Lease>, at: i64) -> i64 {
        let here = (Segment::default(), mac);
        self.0.claim(here, self.1, lease, minute(at), &Watched::default()).0 / (60 * SECOND)
    }

    fn moved_by(&self, mac: Mac, at: i64) -> Option<Timestamp> {
        let behind = (minute(0), true);
        self.0.moved((Segment::default(), Some(mac)), self.1, behind, minute(at))
    }

    fn moved(&self, mac: Mac) -> Option<Timestamp> {
        let moved = self.moved_by(mac, i64::MAX / SECOND / 60);
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
    it.claims(B, Some(Lease::Radius { session: 1, answered: true }), 6);
    assert_eq!(it.moved(ROUTER), Some(minute(1)), "as A has it");
    assert_eq!(it.claims(A, LEASE, 31), 1);
    it.claims(B, Some(Lease::Arp), 200);
    assert_eq!(it.moved(ROUTER), Some(minute(200)), "the lease is over");
}

#[test]
fn what_is_given_back_is_nobodys() {
    let mut it = street();
    it.claims(A, LEASE, 1);
    it.0.leave((Segment::default(), B), it.1, minute(3));
    it.claims(B, Some(Lease::Arp), 5);
    assert_eq!(it.moved(ROUTER), Some(minute(1)), "only the holder gives it back");
    it.0.leave((Segment::default(), A), it.1, minute(6));
    it.claims(C, Some(Lease::Arp), 7);
    assert_eq!(it.moved(ROUTER), Some(minute(7)));
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
    it.0.claim((other, ROUTER), it.1, Some(Lease::Arp), minute(2), &Watched::default());
    it.claims(B, LEASE, 30);
    assert_eq!((it.moved(ROUTER), it.moved(B)), (Some(minute(30)), Some(minute(30))));
    let b = it.0.moved((other, Some(B)), it.1, (minute(0), true), minute(99));
    assert_eq!(b, Some(minute(30)), "its lease was seen on the server's segment");
}

#[test]
fn who_answers_for_it_elsewhere_had_it_leased_to_nobody() {
    let mut it = street();
    let other = Segment { vlan: 7, ..Segment::default() };
    it.0.claim((other, ROUTER), it.1, Some(Lease::Arp), minute(2), &Watched::default());
    it.claims(B, LEASE, 30);
    assert_eq!(it.moved(ROUTER), Some(minute(30)));
}

#[test]
fn isolated_networks_number_alike() {
    let mut it = street();
    it.claims(A, Some(Lease::Arp), 1);
    let other = Segment { vlan: 7, ..Segment::default() };
    it.0.claim((other, B), it.1, Some(Lease::Arp), minute(2), &Watched::default());
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
fn what_is_read_of_the_past_moves_what_came_after() {
    let mut it = street();
    it.claims(B, Some(Lease::Arp), 90);
    assert_eq!(it.moved(ROUTER), None);
    it.claims(A, LEASE, 1);
    assert_eq!(it.moved(ROUTER), Some(minute(90)), "B took it then");
    it.claims(B, LEASE, 70);
    it.claims(A, LEASE, 80);
    assert_eq!(
        [70, 75, 85, 95].map(|at| it.moved_by(ROUTER, at)),
        [70, 70, 80, 90].map(|at| Some(minute(at)))
    );
    it.claims(B, LEASE, 85);
    assert_eq!(it.moved_by(ROUTER, 95), Some(minute(85)), "B had it already");
    for at in 100..300 {
        it.claims(if at % 2 == 0 { A } else { B }, LEASE, at);
    }
    assert_eq!(it.moved(ROUTER), Some(minute(299)));
    it.claims(A, LEASE, 2);
    assert_eq!(it.moved_by(ROUTER, 198), Some(minute(198)), "the oldest are forgotten, no others");
}

#[test]
fn what_is_remembered_is_as_it_was_in_any_order() {
    let spans = [(A, 1, 5), (B, 30, 60), (A, 90, 99)];
    for turn in 0..3 {
        let mut it = street();
        for n in 0..3 {
            let (mac, first, last) = spans[(n + turn) % 3];
            let span = Span { first: minute(first), last: minute(last) };
            let held = (it.1, Lease::Arp);
            it.0.remember((Segment::default(), mac), held, span, &Watched::default());
        }
        assert_eq!(it.moved(ROUTER), Some(minute(90)), "{turn}");
        assert_eq!(it.moved(A), Some(minute(90)), "since it is back");
    }
}

#[test]
fn claims_that_come_late_say_nothing_of_who_is_there_already() {
    let moved = |it: &Street, heard| {
        let behind = (minute(heard), true);
        it.0.moved((Segment::default(), Some(ROUTER)), it.1, behind, minute(999))
    };
    let mut it = street();
    it.claims(A, Some(Lease::Arp), 30);
    it.claims(B, Some(Lease::Arp), 50);
    assert_eq!((moved(&it, 0), moved(&it, 30)), (None, Some(minute(50))));
    // Who had it for long has it, and a server gives it to nobody else.
    let mut it = street();
    for at in 30..45 {
        it.claims(A, Some(Lease::Arp), at);
    }
    it.claims(B, Some(Lease::Arp), 90);
    assert_eq!(moved(&it, 0), Some(minute(90)));
    let mut it = street();
    it.claims(A, Some(Lease::Arp), 30);
    it.claims(B, LEASE, 50);
    assert_eq!(moved(&it, 0), Some(minute(50)));
}

#[test]
fn what_another_had_while_nobody_watched_may_be_told_later() {
    let mut watched = Watched::default();
    let mut it = street();
    let here = |mac| (Segment::default(), mac);
    for (mac, at) in [(A, 0), (A, 2000), (B, 1000)] {
        watched.add(at, at + 10);
        it.0.claim(here(mac), it.1, LEASE, minute(at), &watched);
    }
    let moved = |at| it.moved_by(ROUTER, at);
    assert_eq!(
        [10, 1010, 2010].map(moved),
        [Some(minute(0)), Some(minute(1000)), Some(minute(2000))],
    );
    assert_eq!(it.0.late().len(), 1, "that is known later than what was said since");
    assert!(it.0.late().is_empty());
}

#[test]
fn who_says_in_passing_that_it_has_an_address_takes_it_from_no_card_that_speaks_itself() {
    let own = |it: &Street, at| {
        let near = (minute(0), false);
        it.0.moved((Segment::default(), Some(A)), it.1, near, minute(at))
    };
    let mut it = street();
    it.claims(A, Some(Lease::Arp), 0);
    it.claims(B, Some(Lease::Arp), 30);
    assert_eq!((own(&it, 60), it.moved_by(ROUTER, 60)), (None, Some(minute(30))));
    it.claims(A, Some(Lease::Arp), 60);
    assert_eq!((own(&it, 61), it.moved_by(A, 61)), (None, Some(minute(60))), "it says so again");
    // Who has it from a server, or for long, has it.
    for (lease, until) in [(LEASE, 30), (Some(Lease::Arp), 45)] {
        let mut it = street();
        it.claims(A, Some(Lease::Arp), 0);
        for at in 30..=until {
            it.claims(B, lease, at);
        }
        assert_eq!(own(&it, 60), Some(minute(30)));
        it.claims(A, Some(Lease::Arp), 100);
        assert_eq!(own(&it, 101), Some(minute(100)), "it is back");
        it.claims(C, Some(Lease::Arp), 130);
        it.claims(A, Some(Lease::Arp), 160);
        assert_eq!(own(&it, 161), Some(minute(100)));
    }
}
