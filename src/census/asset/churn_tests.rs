//! Addresses that change hands, as a core's mirror sees it: leases pass by on the
//! server's segment, traffic comes through a router.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::census::Census;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Key, Lease, Observation, Observed};
use crate::time::{SECOND, Timestamp};

pub(super) const A: Mac = Mac([0, 1, 2, 0, 0, 1]);
pub(super) const B: Mac = Mac([0, 1, 2, 0, 0, 2]);
pub(super) const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 9]);
pub(super) const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, 7));

pub(super) struct Hospital(pub(super) Census);

impl Hospital {
    pub(super) fn new() -> Self {
        Self(Census::new(std::sync::Arc::clone(Book::builtin())))
    }

    pub(super) fn say(&mut self, minute: i64, mac: Mac, what: Observed<'static>) {
        let host = HostId { segment: Segment::default(), mac: Some(mac), ip: Some(IP) };
        let at = Timestamp(minute * 60 * SECOND);
        self.0.apply(0, Observation { at, frame: 1 + minute.unsigned_abs(), host, what });
    }

    /// A client asks for an address.
    pub(super) fn asks(&mut self, minute: i64, mac: Mac) {
        self.say(minute, mac, Observed::Fact(Key::new("dhcp.params"), "1,3,6".into()));
    }

    pub(super) fn leased(&mut self, minute: i64, mac: Mac, renewed: bool) {
        self.asks(minute, mac);
        self.say(minute, mac, Observed::Address(IP, Lease::Dhcp { seconds: 3600, renewed }));
    }

    /// A card says that it has the address, and again: one packet is nobody's word.
    pub(super) fn arp(&mut self, minute: i64, mac: Mac) {
        for second in [0, 5] {
            let host = HostId { segment: Segment::default(), mac: Some(mac), ip: Some(IP) };
            let (at, frame) =
                (Timestamp((minute * 60 + second) * SECOND), 1 + minute.unsigned_abs());
            let what = Observed::Address(IP, Lease::Arp);
            self.0.apply(0, Observation { at, frame, host, what });
        }
    }

    /// Someone with the address calls itself so, behind the router.
    pub(super) fn named(&mut self, minute: i64, name: &'static str) {
        self.say(minute, ROUTER, Observed::Present(Some(127)));
        self.say(minute, ROUTER, Observed::Fact(Key::new("ntlm.workstation"), name.into()));
    }

    /// Who is called what.
    pub(super) fn names(&self) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for asset in self.0.assets() {
            let names = asset.attributes.get("hostname").into_iter().flatten();
            let mut names: Vec<_> = names.map(|name| name.value.to_string()).collect();
            names.sort_unstable();
            all.insert(asset.identity.to_string(), names);
        }
        all.remove(&format!("mac:{ROUTER}"));
        all
    }
}

fn all(of: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let texts = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect();
    of.iter().map(|(who, names)| ((*who).to_owned(), texts(names))).collect()
}

pub(super) const FIRST: &str = "mac:00:01:02:00:00:01";
const SECOND_CARD: &str = "mac:00:01:02:00:00:02";

#[test]
fn what_was_said_under_an_address_stays_with_who_had_it() {
    let mut it = Hospital::new();
    it.leased(0, A, false);
    it.named(5, "WS-A");
    it.leased(90, B, false);
    it.named(95, "WS-B");
    it.leased(300, A, false);
    it.named(305, "WS-A2");
    let want = all(&[(FIRST, &["WS-A", "WS-A2"]), (SECOND_CARD, &["WS-B"])]);
    assert_eq!(it.names(), want);
    let assets = it.0.assets();
    let b = assets.iter().find(|asset| asset.macs.contains(&B)).unwrap();
    assert_eq!((&b.ips[..], b.former.len()), (&[][..], 1), "it has the address no more");
    let a = assets.iter().find(|asset| asset.macs.contains(&A)).unwrap();
    assert_eq!((&a.ips[..], a.former.len()), (&[IP][..], 0));
}

#[test]
fn it_is_the_same_after_a_restart() {
    let mut it = Hospital::new();
    it.leased(0, A, false);
    it.named(5, "WS-A");
    it.leased(90, B, false);
    it.named(95, "WS-B");
    let mut again = Hospital::new();
    let kept: Vec<_> = it.0.unsaved(0).map(|(_, id, host)| (*id, host.clone())).collect();
    for (place, (id, host)) in kept.into_iter().enumerate() {
        assert_eq!(again.0.restore(id, host), place);
    }
    assert_eq!(again.names(), it.names());
    again.named(99, "WS-B2");
    again.leased(200, A, false);
    again.named(201, "WS-A2");
    let want = all(&[(FIRST, &["WS-A", "WS-A2"]), (SECOND_CARD, &["WS-B", "WS-B2"])]);
    assert_eq!(again.names(), want);
}

#[test]
fn who_had_it_before_the_first_lease_is_unknown() {
    let mut it = Hospital::new();
    it.named(1, "WS-X");
    it.leased(60, A, false);
    it.named(61, "WS-A");
    assert_eq!(it.names(), all(&[("ip:10.1.0.7", &["WS-X"]), (FIRST, &["WS-A"])]));
    // One who renews its lease had it before.
    let mut it = Hospital::new();
    it.named(1, "WS-A");
    it.leased(60, A, true);
    assert_eq!(it.names(), all(&[(FIRST, &["WS-A"])]));
}

#[test]
fn a_lease_that_becomes_known_later_takes_nothing_of_before() {
    // As when there is no room to keep apart what nobody watched.
    let mut it = Hospital::new();
    it.named(0, "WS-X");
    it.named(600, "WS-X");
    it.leased(300, A, false);
    assert_eq!(it.names(), all(&[("ip:10.1.0.7", &["WS-X"]), (FIRST, &[])]));
}

#[test]
fn two_at_once_are_a_conflict_and_no_merge() {
    let mut it = Hospital::new();
    for minute in 0..9 {
        it.arp(2 * minute, A);
        it.arp(2 * minute + 1, B);
    }
    it.named(30, "WS-?");
    let names = it.names();
    assert_eq!((names[FIRST].len(), names[SECOND_CARD].len()), (0, 0), "{names:?}");
    let assets = it.0.assets();
    let other = |mac: Mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!(other(A).conflicts, [(IP, other(B).id)]);
    assert_eq!(other(B).conflicts, [(IP, other(A).id)]);
}

#[test]
fn two_who_are_seldom_heard_in_turn_are_a_conflict() {
    let conflicts = |turns: &[Mac]| {
        let mut it = Hospital::new();
        for (n, mac) in (0..).zip(turns) {
            it.0.watched(n * 100, n * 100 + 5);
            it.arp(n * 100, *mac);
        }
        it.0.assets().iter().map(|asset| asset.conflicts.len()).sum::<usize>()
    };
    assert_eq!(conflicts(&[A, B, A, B, A]), 2);
    assert_eq!(conflicts(&[A, A, A, B, B, B]), 0, "handed over");
    assert_eq!(conflicts(&[A, A, B, A, A]), 0, "one word between");
}

#[test]
fn a_word_in_passing_takes_nothing_from_who_speaks() {
    let mut it = Hospital::new();
    it.arp(0, A);
    it.say(1, A, Observed::Present(Some(64)));
    it.arp(2, B);
    let assets = it.0.assets();
    let of = |mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!((&of(A).ips[..], of(B).ips.len()), (&[IP][..], 0));
    // Nor who says so for long beside it.
    let mut it = Hospital::new();
    for minute in 0..40 {
        it.arp(minute, A);
        it.say(minute, A, Observed::Present(Some(64)));
        it.arp(minute, B);
    }
    let assets = it.0.assets();
    let of = |mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!((&of(A).ips[..], of(B).ips.len()), (&[IP][..], 0));
    assert_eq!(of(B).conflicts, [(IP, of(A).id)]);
}

#[test]
fn who_answers_for_many_of_other_segments_is_at_odds_with_nobody() {
    let proxy = Mac([0, 1, 2, 0, 0, 8]);
    let conflicts = |vlan, many: u8| {
        let mut it = Hospital::new();
        for (minute, n) in (0..9).flat_map(|minute| (1..=many).map(move |n| (minute, n))) {
            let ip = IpAddr::from([10, 1, 0, n]);
            for (mac, vlan, late) in [(Mac([0, 1, 2, 0, 1, n]), vlan, 0), (proxy, 0, 1)] {
                let segment = Segment { vlan, ..Segment::default() };
                let host = HostId { segment, mac: Some(mac), ip: Some(ip) };
                let at = Timestamp((2 * minute + late) * 60 * SECOND);
                let what = Observed::Address(ip, Lease::Arp);
                it.0.apply(0, Observation { at, frame: 1, host, what });
            }
        }
        it.0.assets().iter().map(|asset| asset.conflicts.len()).sum::<usize>()
    };
    assert_eq!(conflicts(20, 4), 0, "proxy ARP");
    // Where the owners answer themselves it is none, however many they are.
    for many in 1..6 {
        assert_eq!(conflicts(0, many), 2 * usize::from(many));
    }
}

#[test]
fn a_router_that_answers_for_other_segments_is_none_of_theirs() {
    let mut it = Hospital::new();
    let segment = |vlan| Segment { vlan, ..Segment::default() };
    let mut say = |vlan, mac, ip, minute: i64, what| {
        let host = HostId { segment: segment(vlan), mac: Some(mac), ip: Some(ip) };
        let at = Timestamp(minute * 60 * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    for n in 1..5 {
        let (ip, own) = (IpAddr::from([10, 2, 0, n]), Mac([0, 1, 2, 0, 1, n]));
        let name = Observed::Fact(Key::new("ntlm.workstation"), format!("WS-{n}").into());
        say(20, own, ip, 0, Observed::Address(ip, Lease::Arp));
        say(10, ROUTER, ip, 5, Observed::Address(ip, Lease::Arp));
        say(10, ROUTER, ip, 6, Observed::Present(Some(127)));
        say(10, ROUTER, ip, 7, name);
        say(20, own, ip, 60, Observed::Address(ip, Lease::Arp));
    }
    // One whose own segment is not seen, and the router's own.
    let far = IpAddr::from([10, 3, 0, 1]);
    say(10, ROUTER, far, 8, Observed::Address(far, Lease::Arp));
    say(11, ROUTER, far, 9, Observed::Present(Some(126)));
    let gateway = IpAddr::from([10, 1, 0, 1]);
    say(10, ROUTER, gateway, 8, Observed::Address(gateway, Lease::Arp));
    let assets = it.0.assets();
    let of = |mac: Mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!(of(ROUTER).ips, [gateway]);
    assert!(assets.iter().any(|asset| asset.identity.to_string() == "ip:10.3.0.1"));
    assert!(of(ROUTER).ips.len() == 1 && !of(ROUTER).attributes.contains_key("hostname"));
    let name = &of(Mac([0, 1, 2, 0, 1, 3])).attributes["hostname"];
    assert_eq!((name.len(), &*name[0].value), (1, "WS-3"));
}

#[test]
fn one_forged_claim_takes_nothing_from_who_has_it() {
    // Leased: what comes through routers stays the holder's.
    let mut it = Hospital::new();
    it.leased(0, A, false);
    it.named(5, "ICU-BED7");
    it.arp(10, B);
    it.named(20, "ICU-BED7");
    let of = |it: &Hospital, mac: Mac| {
        let assets = it.0.assets();
        let asset = assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
        (asset.ips.clone(), asset.former.len(), asset.attributes.contains_key("hostname"))
    };
    assert_eq!(of(&it, A), (vec![IP], 0, true));
    assert!(!of(&it, B).2);
    // Not leased, but in use all the time.
    let mut it = Hospital::new();
    it.arp(0, A);
    it.say(1, A, Observed::Present(Some(64)));
    it.arp(10, B);
    for minute in 11..90 {
        it.say(minute, A, Observed::Present(Some(64)));
    }
    assert_eq!(of(&it, A), (vec![IP], 0, false));
}

#[test]
fn an_address_that_is_given_back_is_its_former_one_until_it_has_it_again() {
    let mut it = Hospital::new();
    let addresses = |it: &Hospital| {
        let assets = it.0.assets();
        let a = assets.iter().find(|asset| asset.macs.contains(&A)).unwrap();
        (a.ips.clone(), a.former.iter().map(|(ip, _)| *ip).collect::<Vec<_>>())
    };
    it.leased(0, A, false);
    assert_eq!(addresses(&it), (vec![IP], vec![]));
    it.say(10, A, Observed::Address(IP, Lease::Released));
    assert_eq!(addresses(&it), (vec![], vec![IP]));
    // A claim alone takes nothing that is leased, but this is no more.
    it.arp(20, B);
    it.named(25, "WS-B");
    assert_eq!(it.names(), all(&[(FIRST, &[]), (SECOND_CARD, &["WS-B"])]));
    it.leased(200, A, false);
    assert_eq!(addresses(&it).0, [IP]);
}

#[test]
fn an_address_that_another_uses_already_is_a_conflict_and_not_held() {
    let mut it = Hospital::new();
    for minute in 0..9 {
        it.arp(minute * 10, B);
    }
    for what in [Lease::Dhcp { seconds: 3600, renewed: false }, Lease::Declined] {
        let host = HostId { mac: Some(A), ..HostId::default() };
        let (at, what) = (Timestamp(50 * 60 * SECOND), Observed::Address(IP, what));
        it.0.apply(0, Observation { at, frame: 1, host, what });
    }
    it.named(70, "WS-B");
    assert_eq!(it.names(), all(&[(FIRST, &[]), (SECOND_CARD, &["WS-B"])]));
    let assets = it.0.assets();
    let of = |mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!(of(A).conflicts, [(IP, of(B).id)]);
    assert_eq!(of(B).conflicts, [(IP, of(A).id)]);
    assert!(of(A).ips.is_empty() && of(B).ips == [IP]);
}

#[test]
fn who_was_not_given_an_address_declines_nothing() {
    let mut it = Hospital::new();
    it.leased(0, B, false);
    for minute in 1..9 {
        it.arp(minute * 5, B);
    }
    let decline = |it: &mut Hospital, mac| {
        let host = HostId { mac: Some(mac), ..HostId::default() };
        let (at, what) = (Timestamp(30 * 60 * SECOND), Observed::Address(IP, Lease::Declined));
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    // A stranger, and in the name of its holder, who was given it long ago.
    decline(&mut it, A);
    decline(&mut it, B);
    let assets = it.0.assets();
    assert!(assets.iter().all(|asset| asset.conflicts.is_empty()));
    let of = |mac| assets.iter().find(|asset| asset.macs.contains(&mac));
    assert!(of(A).is_none_or(|a| a.ips.is_empty()));
    assert_eq!(of(B).unwrap().ips, [IP]);
    let mut it = Hospital::new();
    it.arp(0, B);
    it.leased(0, A, false);
    it.say(5, A, Observed::Address(IP, Lease::Declined));
    assert!(it.0.assets().iter().all(|asset| asset.conflicts.is_empty()), "too late");
}

#[test]
fn an_address_whose_lease_was_over_long_ago_stands_for_itself() {
    let end = |minutes: &[i64], last: i64, set: &dyn Fn(&mut Hospital)| {
        let mut it = Hospital::new();
        it.leased(0, A, false);
        set(&mut it);
        minutes.iter().for_each(|minute| it.named(*minute, "WS-A"));
        it.named(last, "MR-1");
        it.names()
    };
    let kept = all(&[(FIRST, &["MR-1", "WS-A"])]);
    let apart =
        |since: &str| all(&[(&format!("ip:10.1.0.7{since}"), &["MR-1"]), (FIRST, &["WS-A"])]);
    // It goes on, or is silent for a little.
    let none = |_: &mut Hospital| ();
    assert_eq!(end(&[5, 62, 110, 160, 210], 250, &none), kept, "renewed unseen");
    assert_eq!(end(&[5], 110, &none), kept);
    // Two days later.
    assert_eq!(end(&[5], 2880, &none), apart(" since 1970-01-01T01:00:00+00:00"));
    assert_eq!(end(&[5, 70], 2880, &none), apart(" since 1970-01-01T01:10:00+00:00"));
    // It says later still that it has the address, and nobody else did between.
    let later = |lease: &dyn Fn(&mut Hospital)| {
        let mut it = Hospital::new();
        it.leased(0, A, false);
        it.named(5, "WS-A");
        it.named(2880, "MR-1");
        lease(&mut it);
        it.names()[FIRST].len()
    };
    assert_eq!(later(&|it| it.leased(2900, A, true)), 2);
    assert_eq!(later(&|it| (0..12).for_each(|n| it.arp(2900 + n, A))), 2);
    assert_eq!(later(&|it| it.arp(2900, B)), 1);
    // Of one who never spoke under it that says nothing.
    let mut it = Hospital::new();
    it.leased(0, A, false);
    it.named(2880, "MR-1");
    (0..12).for_each(|n| it.arp(2900 + n, A));
    assert_eq!(it.names()["ip:10.1.0.7"], ["MR-1"]);
    // It has its lease renewed, or says after it that it has the address.
    assert_eq!(end(&[5], 2880, &|it| it.leased(2850, A, true)), kept);
    assert_eq!(end(&[5], 2880, &|it| (1..9).for_each(|n| it.arp(n * 20, A))), kept);
    // It never spoke under it, and had another since.
    let mut it = Hospital::new();
    it.leased(0, A, false);
    it.named(2880, "MR-1");
    assert_eq!(it.names(), all(&[("ip:10.1.0.7", &["MR-1"]), (FIRST, &[])]));
    for (moves, who) in [(false, FIRST), (true, "ip:10.1.0.7")] {
        let mut it = Hospital::new();
        it.arp(0, A);
        let what = Observed::Address([10, 1, 0, 99].into(), Lease::Arp);
        if moves {
            it.say(900, A, what);
        }
        it.named(2880, "MR-1");
        assert_eq!(it.names()[who], ["MR-1"], "{moves}");
    }
    // Given back long before its lease is over.
    let mut it = Hospital::new();
    let lease = Lease::Dhcp { seconds: 864_000, renewed: false };
    it.asks(0, A);
    it.say(0, A, Observed::Address(IP, lease));
    it.named(5, "WS-A");
    it.say(10, A, Observed::Address(IP, Lease::Released));
    it.named(2880, "MR-1");
    assert_eq!(it.names(), apart(" since 1970-01-01T00:10:00+00:00"));
}
