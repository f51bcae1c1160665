//! What day it is: one frame may have any date.

use super::*;

impl Hospital {
    pub(super) fn today(&self) -> Timestamp {
        let mut around = Surroundings::default();
        self.census.assets().iter().for_each(|it| around.add(it));
        around.now()
    }
}

/// In UTC.
fn day(at: Timestamp) -> Date {
    crate::time::calendar::Zone::default().date(at)
}

#[test]
fn frames_of_one_device_from_the_future_do_not_move_the_day() {
    let mut hospital = Hospital::new();
    hospital.medical(2..5);
    let today = hospital.today();
    let (one, other) = (hospital.host(1), hospital.host(2));
    hospital.now = 4_291_747_200;
    for it in [one, other] {
        hospital.apply(it, Observed::Present(Some(64)));
    }
    assert_eq!(day(hospital.today()), day(today), "two speakers are one packet");
    // However many addresses a card has.
    for ip in ["10.0.2.7", "10.0.2.8", "fe80::2"] {
        hospital.apply(HostId { ip: ip.parse().ok(), ..other }, Observed::Present(Some(64)));
    }
    assert_eq!(day(hospital.today()), day(today), "one card is one device");
    hospital.say(3, Observed::Present(Some(64)));
    assert_eq!(day(hospital.today()).to_string(), "2106-01-01");
}

#[test]
fn who_came_later_is_told_from_when_a_device_is_believed_to_be_known() {
    let mut hospital = Hospital::new();
    later(&mut hospital, 8);
    let is_new = |since: Timestamp| {
        let it = hospital.watched(Watched { since, ..Watched::default() });
        it.findings.iter().any(|it| it.rule == "new-clinical-peer")
    };
    assert!(is_new(Timestamp(0)));
    let begin = |days: i64| Timestamp::new(START + days * DAY, 0);
    assert!(is_new(begin(0)));
    assert!(!is_new(begin(2)), "only a frame of an old date was before");
}
