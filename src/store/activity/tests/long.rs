//! Long histories that are taken up anew: by another device, by another calendar.

use super::*;
use crate::census::asset::Pins;

const A_DAY: i64 = 1440;

/// On line for some minutes of each day, in two cards by turns, one of them examining.
fn history(ward: &mut Ward, days: i64) {
    ward.modality(1, 0);
    for day in 0..days {
        let noon = A_DAY * day + 720;
        ward.watch(noon, noon + 60);
        for (n, from) in [(1, noon), (2, noon + 20), (3, noon)] {
            let since = MONDAY / 60 + from;
            ward.census.was_present(host(n, VLAN), since, since + 30);
        }
        ward.image(1, noon + 20, day.unsigned_abs() + 1, noon + 5, noon + 15);
        if day % 50 == 0 {
            ward.write();
        }
    }
    ward.write();
}

/// Minutes on line and in use, examinations, days on which it did anything.
fn sums(ward: &Ward, n: u8) -> (u64, u64, Option<u64>, usize) {
    let it = ward.activity(n, None);
    let used = it.used.as_ref();
    let days = ward.inventory().days(&ward.id(n), None).unwrap().unwrap().len();
    (it.online, used.map_or(0, |it| it.minutes), used.and_then(|it| it.examinations), days)
}

#[test]
fn a_speaker_takes_its_whole_history_to_another_device_and_back() {
    let mut ward = Ward::new();
    history(&mut ward, 150);
    let apart = [(30 * 150, 10 * 150, Some(150), 150), (30 * 150, 0, None, 150)];
    assert_eq!([1, 2].map(|n| sums(&ward, n)), apart);
    let third = all_of(&ward, 3);
    let cards = [1, 2].map(|n| host(n, VLAN).mac.unwrap().to_string());
    let [one, two] = &cards;
    let same = format!("[[same]]\ndevices = ['{one}', '{two}']\nreason = 'two cards'");
    ward.census.pin(Pins::parse(&same).unwrap());
    ward.write();
    // One device, on line while either is: ten of its minutes are of both.
    let named = ward.inventory().assets().unwrap();
    let whole = named.iter().find(|it| it.shown("mac_addresses").count() == 2).expect("joined");
    let it = ward.inventory().activity_of(&whole.id, None).unwrap().unwrap();
    let used = it.used.as_ref().unwrap();
    assert_eq!((it.online, used.minutes, used.examinations), (50 * 150, 10 * 150, Some(150)));
    assert_eq!(ward.inventory().days(&whole.id, None).unwrap().unwrap().len(), 150);
    assert_eq!(named.len(), 2);
    // Also after a restart, and back again.
    let mut ward = ward.restart();
    ward.census.pin(Pins::default());
    ward.write();
    assert_eq!([1, 2].map(|n| sums(&ward, n)), apart);
    assert_eq!(all_of(&ward, 3), third, "who has nothing to do with it stays as he was");
}

/// Everything that is told of one.
fn all_of(ward: &Ward, n: u8) -> String {
    let days = ward.inventory().days(&ward.id(n), None).unwrap().unwrap();
    format!("{:?}{days:?}", ward.activity(n, None))
}

#[test]
fn another_calendar_is_taken_up_in_portions_and_ends_as_if_it_had_been_there() {
    const DEVICES: u8 = 60;
    const DAYS: i64 = 350;
    let made = |calendar: Option<Calendar>| {
        let mut ward = Ward::new();
        calendar.into_iter().for_each(|it| ward.writer.keep_time(it));
        for day in 0..DAYS {
            let from = MONDAY / 60 + A_DAY * day + 420;
            ward.watch(A_DAY * day, A_DAY * (day + 1));
            for n in 1..=DEVICES {
                let since = from + i64::from(n);
                ward.census.was_present(host(n, VLAN), since, since + 600);
            }
            if day % 30 == 29 {
                ward.write();
            }
        }
        ward.write();
        ward
    };
    let mut hours = Hours::default();
    hours.week[..5].fill(vec![parse_hours("08:30-17:15").unwrap()]);
    let zone = Zone::named("Asia/Tokyo").unwrap();
    let calendar = Calendar { zone, hours: Some(hours), ..Calendar::default() };
    let mut ward = made(None);
    ward.writer.keep_time(calendar.clone());
    ward.write();
    assert!(ward.writer.is_stale(), "{DAYS} days of {DEVICES} devices are more than a portion");
    // Killed amid it, and gone on with.
    let Ward { dir, census, writer } = ward;
    let behind = || {
        let inventory = Inventory::open(&dir.path().join("a.db")).unwrap();
        inventory.days_behind().unwrap() > 0
    };
    assert!(behind(), "views say so");
    drop((census, writer));
    let mut writer = Writer::open(&dir.path().join("a.db")).unwrap();
    writer.keep_time(calendar.clone());
    let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
    let mut rounds = 0;
    loop {
        writer.write(&mut census, &Counters::new()).unwrap();
        rounds += 1;
        if !writer.is_stale() {
            break;
        }
        assert!(rounds < 10, "it comes to an end");
        assert!(behind());
    }
    assert!(!behind());
    let ward = Ward { dir, census, writer };
    let other = made(Some(calendar));
    assert!(all(&ward) == all(&other), "as if it had been there from the beginning");
}
