//! Work of which others tell: a gateway of the monitors behind it.

use super::*;
use crate::observe::Piece;

const MONITOR: &str = "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS";

/// What a gateway says of a monitor.
fn facts(n: u8) -> Vec<(Key, Cow<'static, str>)> {
    let eui = format!("00A0CBFFFE0000{n:02X}");
    let facts = [
        ("hl7.equipment_type", MONITOR.to_owned()),
        ("hl7.equipment_id", format!("MON{n}")),
        ("hl7.equipment_eui64", eui),
        ("hl7.equipment_manufacturer", "Philips".to_owned()),
        ("hl7.equipment_model", "MX800".to_owned()),
    ];
    facts.into_iter().map(|(key, value)| (Key::new(key), value.into())).collect()
}

fn piece(n: u8) -> Piece {
    let facts = facts(n);
    Piece::of(facts.iter().map(|(key, value)| (key.as_str(), &**value)))
}

impl Ward {
    /// A gateway describes monitors.
    fn describes(&mut self, gateway: u8, minute: i64, all: &[u8]) {
        for n in all {
            let it = Equipment { origin: Origin::Creator, facts: facts(*n).into() };
            self.say(gateway, minute, Observed::Equipment(it));
        }
    }

    /// It tells of values of one, of their own time.
    fn vitals(&mut self, gateway: u8, minute: i64, n: u8, from: i64, to: i64) {
        let wall = |minute: i64| MONDAY + 60 * minute;
        let when = When::Told { from: wall(from), to: wall(to), offset: Some(0) };
        self.say(gateway, minute, Observed::UseOf(piece(n), Work::Vitals, when));
    }

    /// What is told of a monitor.
    fn through(&self, n: u8) -> Option<Activity> {
        let inventory = self.inventory();
        let id = monitor(&inventory, n);
        let it = inventory.activity(None).unwrap().remove(&id);
        assert_eq!(inventory.activity_of(&id, None).unwrap(), it);
        it
    }
}

fn monitor(inventory: &Inventory, n: u8) -> String {
    let assets = inventory.assets().unwrap();
    let eui = format!("00a0cbfffe0000{n:02x}");
    assets.into_iter().find(|it| it.identity.ends_with(&eui)).unwrap().id.into_owned()
}

fn in_use(it: &Activity) -> Option<(u64, String)> {
    it.used.as_ref().map(|it| (it.minutes, it.how()))
}

/// A gateway of three monitors: one always on, one off for an hour, one never with a patient.
fn gateway() -> Ward {
    let mut ward = Ward::new();
    ward.watch(720, 900);
    ward.online(1, 720, 900);
    ward.describes(1, 720, &[1, 2, 3]);
    for minute in 720..900 {
        ward.vitals(1, minute, 1, minute, minute);
        if !(780..840).contains(&minute) {
            ward.vitals(1, minute, 2, minute, minute);
        }
    }
    ward.write();
    ward
}

#[test]
fn values_that_a_gateway_tells_are_the_monitors_use_and_not_its_own() {
    let ward = gateway();
    let by = || "vitals (seen through)".to_owned();
    let one = ward.through(1).unwrap();
    assert_eq!((one.observed, one.only_told, one.online), (180, true, 0));
    assert_eq!(in_use(&one), Some((180, by())));
    assert_eq!(in_use(&ward.through(2).unwrap()), Some((120, by())));
    // Of the third nothing was ever told: it is not known whether that would show.
    assert_eq!(in_use(&ward.through(3).unwrap()), None);
    assert_eq!(ward.activity(1, None).used, None, "the gateway's");
    // The same minute by minute.
    let inventory = ward.inventory();
    let told = inventory.told(&monitor(&inventory, 2), None).unwrap().unwrap();
    let at = |minute: i64| MONDAY / 60 + minute;
    let runs = [(at(720), at(780)), (at(840), at(900))];
    assert_eq!((told.in_use.runs(), told.online.count()), (&runs[..], 0));
    let traces = told.traces.iter().map(|(how, it)| (*how, it.count()));
    assert!(traces.eq([("vitals", 0), ("vitals (seen through)", 120)]));
    assert_eq!(told.observed.count(), 180);
}

#[test]
fn what_is_told_again_or_by_another_counts_once() {
    let mut ward = gateway();
    let before = ward.through(2);
    // An engine hands on the same.
    ward.online(4, 720, 900);
    ward.describes(4, 720, &[2, 9]);
    for minute in 720..780 {
        ward.vitals(4, minute, 2, minute, minute);
        ward.vitals(1, minute + 1, 2, minute, minute);
    }
    ward.write();
    assert_eq!(ward.through(2), before);
    let ward = ward.restart();
    assert_eq!(ward.through(2), before);
}

#[test]
fn quarters_of_an_hour_are_one_time_and_what_comes_now_and_then_is_not() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.describes(1, 0, &[1, 2, 3]);
    for quarter in 0..9 {
        // A value each time; the stretch as such; the round of a nurse.
        let at = 600 + 15 * quarter;
        ward.vitals(1, at, 1, at, at);
        ward.vitals(1, at, 2, at - 15, at - 1);
        let round = 600 + 97 * quarter - quarter % 3 * 9;
        ward.vitals(1, round, 3, round, round);
    }
    ward.write();
    let of = |n| ward.through(n).unwrap().used.unwrap().minutes;
    assert_eq!((of(1), of(2), of(3)), (121, 135, 9));
}

#[test]
fn days_are_the_same_whenever_they_are_written() {
    // Reports of each hour across midnight, written once, one by one, and backwards.
    let told = |order: &[i64], each: bool| {
        let mut ward = Ward::new();
        ward.watch(0, 2880);
        ward.online(1, 0, 2880);
        ward.describes(1, 0, &[1, 9]);
        for at in order {
            ward.vitals(1, 2000, 1, *at, *at);
            if each {
                ward.write();
            }
        }
        ward.write();
        let inventory = ward.inventory();
        let days = inventory.days(&monitor(&inventory, 1), None).unwrap().unwrap();
        days.into_iter().map(|it| (it.day, it.in_use.count())).collect::<Vec<_>>()
    };
    let hours: Vec<i64> = (0..6).map(|n| 1200 + 60 * n).collect();
    let back: Vec<i64> = hours.iter().rev().copied().collect();
    let once = told(&hours, false);
    assert_eq!(once.iter().map(|(_, n)| n).collect::<Vec<_>>(), [&240, &61]);
    assert_eq!((told(&hours, true), told(&back, true)), (once.clone(), once));
}

#[test]
fn a_clock_that_cannot_be_tells_nothing_and_is_told() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.describes(1, 0, &[1, 9]);
    ward.vitals(1, 300, 1, 900, 901);
    ward.write();
    let it = ward.through(1).unwrap();
    assert_eq!((in_use(&it), it.untimely), (None, true));
    assert_eq!(ward.census.uncounted(), (0, 1));
}

#[test]
fn who_speaks_itself_and_is_told_of_has_the_use_of_both() {
    let mut ward = Ward::new();
    ward.watch(0, 600);
    ward.online(1, 0, 600);
    // The monitor's own card is heard, in a protocol that says nothing of its values.
    ward.online(2, 100, 300);
    let mac = host(2, 0).mac.unwrap().to_string();
    let mut facts = facts(2);
    facts.push((Key::new("hl7.equipment_mac"), mac.into()));
    let piece = Piece::of(facts.iter().map(|(key, value)| (key.as_str(), &**value)));
    // Of a second one it is certain that it only tells.
    ward.describes(1, 100, &[7]);
    let it = Equipment { origin: Origin::Creator, facts: facts.into() };
    ward.say(1, 100, Observed::Equipment(it));
    for minute in 150..200 {
        ward.say(1, minute, Observed::UseOf(piece, Work::Vitals, When::Now));
    }
    ward.write();
    let it = ward.activity(2, None);
    assert_eq!((it.online, it.only_told), (200, false));
    assert_eq!(in_use(&it), Some((50, "vitals (seen through)".to_owned())));
    assert_eq!(ward.activity(1, None).used, None);
    // Its own word as well.
    let own =
        Use { work: Work::Vitals, study: Study::UNTOLD, step: Study::UNTOLD, when: When::Now };
    (190..210).for_each(|minute| ward.say(2, minute, Observed::Use(own)));
    ward.write();
    assert_eq!(in_use(&ward.activity(2, None)).unwrap().0, 60);
}

#[test]
fn what_a_damaged_row_would_tell_is_not_told() {
    let ward = gateway();
    let id = monitor(&ward.inventory(), 2);
    let sql = "UPDATE speaker_day SET minutes = x'ff' WHERE what = 8";
    assert_eq!(ward.writer.connection().execute(sql, []).unwrap(), 2);
    let inventory = ward.inventory();
    assert_eq!(inventory.told(&id, None).unwrap(), None);
    assert!(
        inventory.passed_over().iter().any(|it| it.contains(&id)),
        "{:?}",
        inventory.passed_over()
    );
}

#[test]
fn results_of_analysers_behind_one_serial_server_are_each_its_own() {
    let mut ward = Ward::new();
    ward.watch(0, 600);
    ward.online(1, 0, 600);
    let headers = ["LAB^Roche^c111^4.2.2.1730^1^13147", "XN-350^00-14^13877^^^^AB123456"];
    ward.say(1, 0, Observed::Fact(Key::new("astm.role"), "results".into()));
    for header in headers {
        ward.say(1, 0, Observed::Fact(Key::new("astm.sender"), header.into()));
    }
    let piece = Piece::of([("astm.sender", headers[0])]);
    let own = Use { work: Work::Result, study: Study(7), step: Study::UNTOLD, when: When::Now };
    for minute in [100, 103, 200] {
        ward.say(1, minute, Observed::UseOf(piece, Work::Result, When::Now));
        ward.say(1, minute, Observed::Use(own));
    }
    ward.write();
    let inventory = ward.inventory();
    let all = inventory.assets().unwrap();
    let of = |model| {
        let is_it = |it: &&crate::store::Known| it.first("model") == Some(model);
        all.iter().find(is_it).unwrap().activity.as_ref().and_then(in_use)
    };
    let told = (5, "results (seen through)".to_owned());
    assert_eq!((of("cobas c 111"), of("XN-350")), (Some(told), None));
    assert_eq!(ward.activity(1, None).used, None, "the server's");
}
