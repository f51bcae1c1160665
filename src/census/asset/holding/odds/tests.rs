use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::super::churn_tests::Hospital;
use crate::net::{HostId, Mac};
use crate::observe::{Lease, Observation, Observed};
use crate::time::{SECOND, Timestamp};

const PROXY: Mac = Mac([0, 1, 2, 0, 0, 8]);
const SECOND_PROXY: Mac = Mac([0, 1, 2, 0, 0, 9]);
const DAY: i64 = 24 * 60;
/// Minutes after which the same is said again.
const STEP: i64 = 5;

const fn owner(n: u8) -> Mac {
    Mac([0, 1, 2, 0, 1, n])
}

/// A ward of so many devices, which are on by day.
#[derive(Clone, Copy)]
struct Ward {
    owners: u8,
    days: i64,
    /// They are given their addresses.
    leased: bool,
    /// More is seen of them than that they ask for others.
    speak: bool,
    /// Who answers for those that are off.
    proxies: &'static [Mac],
    /// Those are given to it.
    given: bool,
    /// The proxy speaks under the addresses as well.
    uses: bool,
    /// For the first so many it also says so by day, once in so many minutes.
    attacks: (u8, i64),
    /// They are off by day as well once in so many minutes, for ten.
    restarts: Option<i64>,
}

const WARD: Ward = Ward {
    owners: 5,
    days: 9,
    leased: false,
    speak: true,
    proxies: &[PROXY],
    given: false,
    uses: false,
    attacks: (0, 1),
    restarts: None,
};

impl Ward {
    /// The owners whose addresses are told to be used by another as well.
    fn told(&self) -> BTreeSet<u8> {
        let mut it = Hospital::new();
        for minute in (0..self.days * DAY).step_by(STEP as usize) {
            for n in 1..=self.owners {
                self.at(&mut it, minute, n);
            }
        }
        let assets = it.0.assets();
        let told = (1..=self.owners).filter(|n| {
            let own = assets.iter().find(|asset| asset.macs.contains(&owner(*n)));
            own.is_some_and(|own| !own.conflicts.is_empty())
        });
        let told: BTreeSet<u8> = told.collect();
        let pairs = assets.iter().map(|asset| asset.conflicts.len()).sum::<usize>();
        assert_eq!(pairs > 0, !told.is_empty(), "nor do others");
        told
    }

    fn at(&self, it: &mut Hospital, minute: i64, n: u8) {
        let ip = IpAddr::from([10, 1, 0, n]);
        let mut say = |seconds: i64, mac, what| {
            let host = HostId { mac: Some(mac), ip: Some(ip), ..HostId::default() };
            let at = Timestamp((minute * 60 + seconds) * SECOND);
            it.0.apply(0, Observation { at, frame: 1, host, what });
        };
        // Saturday and Sunday are nights.
        let week = minute / DAY % 7 < 5;
        let restarts = self.restarts.is_some_and(|every| minute % every < 10);
        let on = week && (8 * 60..18 * 60).contains(&(minute % DAY)) && !restarts;
        let attacks = n <= self.attacks.0 && minute % self.attacks.1 == 0;
        if on {
            if self.leased && minute % DAY == 8 * 60 {
                let lease = Lease::Dhcp { seconds: 8 * 86_400, renewed: minute > DAY };
                say(0, owner(n), Observed::Address(ip, lease));
            }
            say(1, owner(n), Observed::Address(ip, Lease::Arp));
            if self.speak {
                say(2, owner(n), Observed::Present(Some(64)));
            }
        }
        for (mac, seconds) in self.proxies.iter().zip(3..).filter(|_| !on || attacks) {
            say(seconds, *mac, Observed::Address(ip, Lease::Arp));
            if self.given && minute == 0 {
                let lease = Lease::Dhcp { seconds: 60, renewed: false };
                say(seconds, *mac, Observed::Address(ip, lease));
            }
            if self.uses {
                say(seconds, *mac, Observed::Present(Some(64)));
            }
        }
    }
}

#[test]
fn who_answers_for_those_that_are_off_is_at_odds_with_none_of_them() {
    let told: &[(&str, Ward, u8)] = &[
        ("off at night", WARD, 0),
        ("for weeks", Ward { days: 30, ..WARD }, 0),
        ("leased", Ward { leased: true, ..WARD }, 0),
        ("heard by their questions alone", Ward { speak: false, ..WARD }, 0),
        ("three", Ward { owners: 3, ..WARD }, 0),
        ("two are not several", Ward { owners: 2, ..WARD }, 2),
        ("two who answer", Ward { proxies: &[PROXY, SECOND_PROXY], ..WARD }, 0),
        ("started again by day", Ward { restarts: Some(120), ..WARD }, 0),
        ("it speaks under the addresses", Ward { uses: true, ..WARD }, 5),
        ("the addresses are given to it", Ward { given: true, ..WARD }, 5),
        ("in the middle", Ward { attacks: (5, 5), ..WARD }, 5),
        ("in the middle, seldom heard", Ward { attacks: (5, 25), ..WARD }, 5),
        ("in the middle of leased ones", Ward { attacks: (5, 5), leased: true, ..WARD }, 5),
        ("in the middle of questions", Ward { attacks: (5, 5), speak: false, ..WARD }, 5),
        ("a proxy that is in the middle of two", Ward { attacks: (2, 5), ..WARD }, 2),
        ("on its first day", Ward { attacks: (5, 5), days: 1, ..WARD }, 5),
    ];
    for (what, ward, first) in told {
        assert_eq!(ward.told(), (1..=*first).collect(), "{what}");
    }
}

#[test]
fn what_is_told_is_so_after_a_restart() {
    let attack = Ward { attacks: (5, 5), days: 1, ..WARD };
    let mut it = Hospital::new();
    for minute in (0..DAY).step_by(STEP as usize) {
        (1..=attack.owners).for_each(|n| attack.at(&mut it, minute, n));
    }
    let mut again = Hospital::new();
    for (_, id, host) in it.0.unsaved(0) {
        again.0.restore(*id, host.clone());
    }
    let all = |it: &Hospital| {
        let assets = it.0.assets();
        assets.iter().map(|asset| (asset.macs.clone(), asset.conflicts.clone())).collect::<Vec<_>>()
    };
    assert_eq!(all(&again), all(&it));
    assert!(all(&it).iter().any(|(_, conflicts)| conflicts.len() == 5));
}
