//! Addresses set by hand: what others say of them takes them from nobody.

use super::churn_tests::{A, B, FIRST, Hospital, IP, ROUTER};
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Key, Lease, Observation, Observed, Study, SwitchPort, Use, When, Work};
use crate::time::{SECOND, Timestamp};
use std::net::IpAddr;

const RADIUS: Lease = Lease::Radius { session: 1, answered: true };

#[test]
fn who_says_once_that_an_address_is_its_own_does_not_have_it() {
    let of = |it: &Hospital, mac: Mac| {
        let assets = it.0.assets();
        let asset = assets.iter().find(|asset| asset.macs.contains(&mac));
        asset.map_or((0, 0), |asset| (asset.ips.len(), asset.former.len()))
    };
    // Set by hand, and silent meanwhile.
    let mut it = Hospital::new();
    (0..30).for_each(|minute| it.arp(minute, A));
    it.arp(90, B);
    assert_eq!((of(&it, A), of(&it, B)), ((1, 0), (0, 0)));
    // It goes on: the other was replaced.
    (91..110).for_each(|minute| it.arp(minute, B));
    assert_eq!((of(&it, A), of(&it, B)), ((0, 1), (1, 0)));
    // Leased, and after the lease.
    for (minute, had) in [(20, (0, 0)), (90, (1, 0))] {
        let mut it = Hospital::new();
        it.leased(0, A, false);
        it.arp(minute, B);
        assert_eq!(of(&it, B), had, "{minute}");
    }
}

/// A device with a fixed address, heard through a router for hours, and what others say of
/// its address meanwhile: whose its name is.
fn fixed(
    claim: impl Fn(&mut Hospital, &dyn Fn(&mut Hospital, Mac, i64, Observed<'static>)),
) -> Vec<String> {
    let mut it = Hospital::new();
    let elsewhere = |it: &mut Hospital, mac, minute: i64, what| {
        let segment = Segment { vlan: 99, ..Segment::default() };
        let host = HostId { segment, mac: Some(mac), ip: Some(IP) };
        let at = Timestamp(minute * 60 * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    let hears = |it: &mut Hospital, from: i64| {
        (from..from + 40).step_by(5).for_each(|minute| it.named(minute, "MR-1"));
    };
    hears(&mut it, 0);
    // A name server says how the address is called: it is not heard by that.
    let host = HostId { ip: Some(IP), ..HostId::default() };
    let what = Observed::Fact(Key::new("dns.name"), "mr-1.hospital.example".into());
    it.0.apply(0, Observation { at: Timestamp(50 * 60 * SECOND), frame: 1, host, what });
    claim(&mut it, &elsewhere);
    hears(&mut it, 100);
    let named = |(who, names): (String, Vec<String>)| (!names.is_empty()).then_some(who);
    it.names().into_iter().filter_map(named).collect()
}

#[test]
fn a_word_of_another_place_takes_no_fixed_address() {
    for lease in [Lease::Arp, RADIUS, Lease::Table] {
        let who = fixed(|it, say| say(it, A, 60, Observed::Address(IP, lease)));
        assert_eq!(who, ["ip:10.1.0.7"], "{lease:?}");
    }
    let who = fixed(|it, say| say(it, A, 60, Observed::Present(Some(64))));
    assert_eq!(who, ["ip:10.1.0.7"], "a source that anybody writes");
    let who = fixed(|it, say| {
        say(it, A, 60, Observed::Address(IP, Lease::Arp));
        say(it, B, 61, Observed::Address(IP, Lease::Arp));
    });
    assert_eq!(who, ["ip:10.1.0.7"], "nor does one take it from the other");
    let who = fixed(|it, say| {
        (50..99).for_each(|at| say(it, A, at, Observed::Address(IP, RADIUS)));
    });
    assert_eq!(who, ["ip:10.1.0.7"], "it was there before that session");
}

#[test]
fn who_says_so_for_long_among_its_neighbours_has_the_address() {
    let neighbour = |it: &mut Hospital, vlan| {
        let ip = IpAddr::from([10, 1, 0, 8]);
        let segment = Segment { vlan, ..Segment::default() };
        for (mac, minute) in [(5, 10), (5, 50), (6, 10), (6, 50)] {
            let host = HostId { segment, mac: Some(Mac([0, 1, 2, 0, 0, mac])), ip: Some(ip) };
            let at = Timestamp(minute * 60 * SECOND);
            let what = Observed::Address(ip, Lease::Arp);
            it.0.apply(0, Observation { at, frame: 1, host, what });
        }
    };
    let long = |vlan| {
        fixed(|it, say| {
            neighbour(it, vlan);
            (50..99).for_each(|at| say(it, A, at, Observed::Address(IP, Lease::Arp)));
        })
    };
    assert_eq!((long(99), long(7)), (vec![FIRST.to_owned()], vec!["ip:10.1.0.7".to_owned()]));
    // Before it was heard: twice is enough, unless all its neighbours are elsewhere.
    let first = |vlan, times| {
        let mut it = Hospital::new();
        let segment = Segment { vlan: 99, ..Segment::default() };
        let host = HostId { segment, mac: Some(A), ip: None };
        for second in [0, 2].into_iter().take(times) {
            let (at, what) = (Timestamp(second * SECOND), Observed::Address(IP, Lease::Arp));
            it.0.apply(0, Observation { at, frame: 1, host, what });
        }
        neighbour(&mut it, vlan);
        it.named(60, "MR-1");
        it.names().get(FIRST).is_some_and(|names| !names.is_empty())
    };
    assert!(first(99, 2) && !first(7, 2));
    assert!(!first(99, 1), "one packet is nobody's word");
}

#[test]
fn a_neighbour_of_one_word_is_none_where_others_stay_elsewhere() {
    let says = |it: &mut Hospital, vlan, n: u8, minute: i64| {
        let ip = IpAddr::from([10, 1, 0, n]);
        let segment = Segment { vlan, ..Segment::default() };
        let host = HostId { segment, mac: Some(Mac([0, 1, 2, 0, 0, n])), ip: Some(ip) };
        let what = Observed::Address(ip, Lease::Arp);
        it.0.apply(0, Observation { at: Timestamp(minute * 60 * SECOND), frame: 1, host, what });
    };
    let who = |neighbours: &[(u8, &[i64])]| {
        fixed(|it, say| {
            for (n, minute) in [(21, 0), (22, 0), (21, 50), (22, 50)] {
                says(it, 7, n, minute);
            }
            for (n, minutes) in neighbours {
                minutes.iter().for_each(|minute| says(it, 99, *n, *minute));
            }
            [60, 72].iter().for_each(|at| say(it, A, *at, Observed::Address(IP, Lease::Arp)));
        })
    };
    let far = ["ip:10.1.0.7"];
    assert_eq!(who(&[(31, &[58])]), far, "said once");
    assert_eq!(who(&[(31, &[10, 58])]), far, "one where two are elsewhere");
    assert_eq!(who(&[(31, &[10, 58]), (32, &[10, 58])]), [FIRST], "it lives there");
}

/// One with a fixed address is heard through a router; then somebody says for long, among
/// neighbours, that the address is his; then it is heard again. Each with its facts, those
/// of the card itself last. Gives who says what.
fn replaced(
    before: &[(&'static str, &'static str)],
    since: &[(&'static str, &'static str)],
    own: &[(&'static str, &'static str)],
    (from, to): (i64, i64),
) -> Vec<(String, Vec<String>)> {
    let mut it = Hospital::new();
    let say = |it: &mut Hospital, mac, last, minute: i64, what| {
        let ip = Some(IpAddr::from([10, 1, 0, last]));
        let host = HostId { segment: Segment { vlan: 99, ..Segment::default() }, mac, ip };
        let at = Timestamp(minute * 60 * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    let fact = |(key, value): &(&'static str, &'static str)| {
        Observed::Fact(Key::new(key), (*value).into())
    };
    let hears = |it: &mut Hospital, from: i64, facts: &[_]| {
        for minute in (from..from + 40).step_by(5) {
            it.say(minute, ROUTER, Observed::Present(Some(62)));
            facts.iter().for_each(|it_says| it.say(minute, ROUTER, fact(it_says)));
        }
    };
    hears(&mut it, 0, before);
    for minute in from..to {
        for n in [8, 9] {
            let ip = IpAddr::from([10, 1, 0, n]);
            let claim = Observed::Address(ip, Lease::Arp);
            say(&mut it, Some(Mac([0, 1, 2, 0, 0, n])), n, minute, claim);
        }
        say(&mut it, Some(A), 7, minute, Observed::Address(IP, Lease::Arp));
        own.iter().for_each(|said| say(&mut it, Some(A), 7, minute, fact(said)));
    }
    hears(&mut it, 100, since);
    let mut all = Vec::new();
    for asset in it.0.assets() {
        let facts = asset.speakers.iter().flat_map(|(_, host)| host.facts());
        let mut said: Vec<String> = facts.map(|fact| fact.value.to_string()).collect();
        said.sort_unstable();
        said.dedup();
        if !said.is_empty() {
            all.push((asset.identity.to_string(), said));
        }
    }
    all
}

#[test]
fn a_lease_of_which_its_client_says_nothing_takes_no_address() {
    const FAR: &str = "ip:10.1.0.7";
    let lease = Lease::Dhcp { seconds: 86_400, renewed: false };
    let who = fixed(|it, say| say(it, A, 60, Observed::Address(IP, lease)));
    assert_eq!(who, [FAR], "nobody asked for it");
    let who = fixed(|it, say| {
        it.asks(60, A);
        say(it, A, 60, Observed::Address(IP, lease));
    });
    assert_eq!(who, [FAR, FIRST], "it asked");
    // Just before it is heard: nobody takes note of the session, or somebody does.
    let unknown = Lease::Radius { session: 1, answered: false };
    for (lease, who) in [(unknown, FAR), (RADIUS, FIRST), (lease, FAR)] {
        let mut it = Hospital::new();
        it.say(0, A, Observed::Address(IP, lease));
        it.named(2, "MR-1");
        assert_eq!(it.names()[who], ["MR-1"], "{lease:?}");
    }
    // Nor from one who uses it on its own link.
    let mut it = Hospital::new();
    (0..30).for_each(|minute| it.arp(minute, B));
    it.say(40, A, Observed::Address(IP, lease));
    let assets = it.0.assets();
    let of = |mac| assets.iter().find(|asset| asset.macs.contains(&mac)).unwrap();
    assert_eq!((of(B).ips.len(), of(B).former.len(), of(A).ips.len()), (1, 0, 0));
}

#[test]
fn a_lease_that_does_not_count_makes_no_second_examination() {
    let counted = |lease: bool, later: u64| {
        let mut it = Hospital::new();
        let image = |it: &mut Hospital, minute, study| {
            it.named(minute, "MR-1");
            let when = When::Now;
            let work = Use { work: Work::Image, study: Study(study), step: Study::UNTOLD, when };
            it.say(minute, ROUTER, Observed::Use(work));
        };
        image(&mut it, 0, 7);
        if lease {
            let lease = Lease::Dhcp { seconds: 86_400, renewed: false };
            it.say(30, A, Observed::Address(IP, lease));
        }
        image(&mut it, 60, later);
        let trails = (0..it.0.len()).filter_map(|place| it.0.trail(place)?.exams());
        let all = trails.flat_map(|exams| exams.unsaved()).filter(|(_, exam)| exam.counts);
        all.count()
    };
    assert_eq!([counted(false, 7), counted(true, 7), counted(true, 8)], [1, 1, 2]);
}

#[test]
fn who_was_heard_within_the_same_minute_has_not_lost_its_address() {
    let former = |seconds: i64| {
        let mut it = Hospital::new();
        it.say(0, A, Observed::Address(IP, Lease::Arp));
        it.named(0, "MR-1");
        let host = HostId { mac: Some(ROUTER), ip: Some(IP), ..HostId::default() };
        let (at, what) = (Timestamp(seconds * SECOND), Observed::Present(Some(62)));
        it.0.apply(0, Observation { at, frame: 1, host, what });
        let assets = it.0.assets();
        let a = assets.iter().find(|asset| asset.macs.iter().any(|mac| *mac == A)).unwrap();
        (a.ips.len(), a.former.len())
    };
    assert_eq!([former(30), former(90)], [(1, 0), (0, 1)]);
}

#[test]
fn a_session_that_is_over_gives_the_address_back() {
    let after = |session, ends| {
        let mut it = Hospital::new();
        it.say(0, A, Observed::Address(IP, Lease::Radius { session, answered: true }));
        it.say(30, A, Observed::Address(IP, Lease::RadiusEnded { session: ends }));
        it.named(2880, "MR-1");
        let gone = it.0.assets().iter().map(|asset| asset.former.len()).sum::<usize>();
        let who = it.names().into_iter().find(|(_, names)| !names.is_empty());
        (who.map(|(who, _)| who), gone)
    };
    assert_eq!(after(1, 1), (Some("ip:10.1.0.7".to_owned()), 1));
    assert_eq!(after(1, 2), (Some(FIRST.to_owned()), 0), "another server's word ends nothing");
    // One of which nobody knows that it began.
    let mut it = Hospital::new();
    it.say(0, A, Observed::Address(IP, Lease::RadiusEnded { session: 1 }));
    it.named(2, "MR-1");
    assert_eq!(it.names()["ip:10.1.0.7"], ["MR-1"]);
}

#[test]
fn sessions_of_an_access_device_that_begins_anew_are_over() {
    let nas = |last| IpAddr::from([10, 9, 0, last]);
    let after = |device, minute: i64, leased: bool| {
        let mut it = Hospital::new();
        it.say(0, A, Observed::Address(IP, Lease::Radius { session: 1, answered: true }));
        let (switch, port) = ("sw1".into(), "Gi1/0/7".into());
        let at = SwitchPort { switch, port, vlan: None, by: Some(nas(1)) };
        it.say(0, A, Observed::Attached(at));
        if leased {
            it.leased(0, A, false);
        }
        let host = HostId { ip: Some(nas(device)), ..HostId::default() };
        let what = Observed::Fact(Key::new("radius.accounting"), "anew".into());
        let at = Timestamp(minute * 60 * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
        let gone = it.0.assets().iter().map(|asset| asset.former.len()).sum::<usize>();
        it.named(200, "MR-1");
        let names = it.names();
        (names.into_iter().find(|(_, it)| !it.is_empty()).map(|(who, _)| who), gone)
    };
    let (card, address) = (Some(FIRST.to_owned()), Some("ip:10.1.0.7".to_owned()));
    assert_eq!(after(1, 30, false), (address, 1));
    assert_eq!(after(1, -30, false), (card.clone(), 0), "it began since");
    assert_eq!(after(2, 30, false), (card, 0), "another's");
    assert_eq!(after(1, 30, true).1, 0, "a DHCP server gave it");
}

#[test]
fn who_replaces_another_has_the_address_and_not_its_past() {
    const FAR: &str = "ip:10.1.0.7";
    let two = |before: &[&str], since: &[&str]| {
        let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        vec![(FIRST.to_owned(), texts(since)), (FAR.to_owned(), texts(before))]
    };
    let name = |name| [("ntlm.workstation", name)];
    let long = (50, 99);
    let all = replaced(&name("MR-1"), &name("CT-2"), &[], long);
    assert_eq!(all, two(&["MR-1"], &["CT-2"]), "another name");
    let all = replaced(&name("MR-1"), &[], &[("dhcp.hostname", "ct-2")], long);
    assert_eq!(all, two(&["MR-1"], &["ct-2"]), "the card says another name");
    let serial = |serial| [("poct1a.serial", serial), ("ntlm.workstation", "METER")];
    let all = replaced(&serial("UU83140297"), &serial("UU83140298"), &[], long);
    assert_eq!(all, two(&["METER", "UU83140297"], &["METER", "UU83140298"]), "its successor");
    let (ssh, web) = ([("ssh.banner", "SSH-2.0-x")], [("http.server", "y/1.0")]);
    let all = replaced(&ssh, &web, &[], long);
    assert_eq!(all, two(&["SSH-2.0-x"], &["y/1.0"]), "nothing in common");
}

#[test]
fn who_is_first_heard_on_its_own_link_another_day_is_one_device() {
    let name = |name| [("ntlm.workstation", name)];
    let one = |all: Vec<(String, Vec<String>)>, why: &str| {
        assert!(all.len() == 1 && all[0].0 == FIRST, "{why}: {all:?}");
    };
    let long = (50, 99);
    one(replaced(&name("MR-1"), &name("MR-1"), &[], long), "it goes on");
    let model = [("ntlm.workstation", "MR-1"), ("ssh.banner", "SSH-2.0-x")];
    one(replaced(&model, &[("ssh.banner", "SSH-2.0-x")], &[], long), "something in common");
    one(replaced(&name("MR-1"), &[], &[], long), "nothing more is said");
    one(replaced(&name("MR-1"), &[], &[("ssh.banner", "SSH-2.0-x")], long), "only near by");
    let both = [("ntlm.workstation", "MR-1"), ("ntlm.workstation", "MR-2")];
    one(replaced(&both, &name("MR-2"), &[], long), "renamed");
    let (ssh, web) = ([("ssh.banner", "SSH-2.0-x")], [("http.server", "y/1.0")]);
    one(replaced(&ssh, &web, &[], (37, 90)), "heard until then");
}

#[test]
fn who_has_another_address_since_has_not_the_one_before() {
    let mut it = Hospital::new();
    (0..15).for_each(|minute| it.arp(minute, A));
    it.say(900, A, Observed::Address([10, 1, 0, 99].into(), Lease::Arp));
    it.named(2880, "MR-1");
    assert_eq!(it.names()["ip:10.1.0.7"], ["MR-1"]);
    // One word in its name takes nothing from who goes on.
    let mut it = Hospital::new();
    (0..15).for_each(|minute| it.arp(minute, A));
    it.named(20, "MR-1");
    it.say(900, A, Observed::Address([10, 1, 0, 99].into(), Lease::Arp));
    it.named(2880, "MR-1");
    assert_eq!(it.names()[FIRST], ["MR-1"]);
}

#[test]
fn a_word_elsewhere_takes_nothing_from_who_is_heard_in_its_own_place() {
    let mut it = Hospital::new();
    let say = |it: &mut Hospital, vlan, mac, minute: i64, what| {
        let segment = Segment { vlan, ..Segment::default() };
        let host = HostId { segment, mac: Some(mac), ip: Some(IP) };
        let at = Timestamp(minute * 60 * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    for minute in 0..90 {
        say(&mut it, 20, A, minute, Observed::Present(Some(64)));
        it.named(minute, "MR-1");
    }
    say(&mut it, 99, B, 45, Observed::Address(IP, Lease::Arp));
    assert_eq!(it.names()[FIRST], ["MR-1"]);
}

#[test]
fn of_too_many_who_claim_an_address_the_latest_leases_stay() {
    let card = |kind: u8, n: u16| {
        let [high, low] = n.to_be_bytes();
        Mac([0, kind, 2, 0, high, low])
    };
    // Cards whose numbers are lower and higher than the holder's.
    for kind in [0, 9] {
        let mut it = Hospital::new();
        let lease = Lease::Dhcp { seconds: 86_400, renewed: false };
        it.asks(10, A);
        it.say(10, A, Observed::Address(IP, lease));
        it.named(15, "MONITOR-5");
        (0..300).for_each(|n| it.arp(20, card(kind, n)));
        it.named(120, "MONITOR-5B");
        assert_eq!(it.names()[FIRST], ["MONITOR-5", "MONITOR-5B"], "{kind}");
    }
    // One guest after the other.
    let mut it = Hospital::new();
    for n in 0..300 {
        it.leased(i64::from(n) * 70, card(9, 999 - n), false);
    }
    it.named(299 * 70 + 5, "GUEST");
    let names = it.names();
    assert_eq!(names[&format!("mac:{}", card(9, 700))], ["GUEST"]);
    // The latest of those who only say so.
    let mut it = Hospital::new();
    (0..300).for_each(|n| it.arp(i64::from(n) * 70, card(9, 999 - n)));
    it.named(299 * 70, "LAST");
    assert_eq!(it.names()[&format!("mac:{}", card(9, 700))], ["LAST"]);
}
