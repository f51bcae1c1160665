//! Devices of which only others speak: where they are is known by those, and no more.

use super::*;

/// A gateway in the VLAN that tells of a monitor.
fn gateway() -> Ward {
    let mut ward = Ward::new();
    ward.watch(720, 800);
    ward.online(1, 720, 780);
    let facts = [
        ("dicom.manufacturer", "SIEMENS"),
        ("dicom.model", "MAGNETOM Skyra"),
        ("dicom.modality", "MR"),
        ("dicom.serial", "41587"),
    ];
    let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
    ward.say(1, 730, Observed::Equipment(Equipment { origin: Origin::Forwarded, facts }));
    ward.write();
    ward
}

/// The one of which the gateway tells.
fn told(ward: &Ward) -> (Inventory, String) {
    let inventory = ward.inventory();
    let assets = inventory.assets().unwrap();
    let it = assets.into_iter().find(|it| it.identity.starts_with("equipment:")).unwrap();
    (inventory, it.id.into_owned())
}

#[test]
fn it_could_have_been_told_of_where_who_tells_could_be_seen() {
    let mut ward = gateway();
    let (inventory, id) = told(&ward);
    let of = |inventory: &Inventory, period| {
        let all = inventory.activity(period).unwrap().remove(&id);
        assert_eq!(inventory.activity_of(&id, period).unwrap(), all);
        all
    };
    let it = of(&inventory, None).unwrap();
    // Since it was first told of, until the VLAN was seen for the last time.
    assert_eq!((it.observed, it.only_told, it.online, &it.used), (50, true, 0, &None));
    assert!(inventory.days(&id, None).unwrap().unwrap().is_empty());
    assert_eq!(inventory.told(&id, None).unwrap().unwrap().observed.count(), 50, "the same");
    assert!(inventory.starts(&id, None).unwrap().is_empty());
    let monday = parse_date("2026-01-05").unwrap();
    assert_eq!(of(&inventory, Some((monday, monday))).unwrap().observed, 50);
    assert!(inventory.passed_over().is_empty());
    // It grows with what is watched, without a word about it.
    ward.watch(2160, 2200);
    ward.online(2, 2160, 2180);
    ward.write();
    assert_eq!(of(&ward.inventory(), None).unwrap().observed, 50 + 20);
}

#[test]
fn what_is_damaged_of_who_tells_is_unknown_of_whom_it_tells() {
    let ward = gateway();
    let (_, id) = told(&ward);
    let gateway = ward.id(1);
    let sql = "UPDATE asset_use SET basis = x'01ff' WHERE asset =
               (SELECT number FROM asset WHERE id = ?1)";
    assert_eq!(ward.writer.connection().execute(sql, [&gateway]).unwrap(), 1);
    let inventory = ward.inventory();
    assert!(inventory.activity(None).unwrap().is_empty());
    assert_eq!(inventory.activity_of(&id, None).unwrap(), None);
    assert_eq!(inventory.told(&id, None).unwrap(), None);
    let passed = inventory.passed_over();
    assert!(passed.len() == 1 && passed[0].contains(&gateway), "{passed:?}");
}

/// Who is told of and then speaks has days from its first word on, and nothing is lost.
#[test]
fn who_is_told_of_and_speaks_later_is_on_line_from_then_on() {
    let mut ward = Ward::new();
    ward.watch(720, 800);
    ward.online(1, 720, 790);
    // Others know its card and address, which is no word of its own.
    let named = Observed::Address([10, 0, 0, 2].into(), crate::observe::Lease::Table);
    ward.say(2, 730, named);
    ward.write();
    let before = ward.inventory().activity_of(&ward.id(2), None).unwrap();
    assert!(before.is_none_or(|it| it.only_told));
    let mut ward = ward.restart();
    ward.online(2, 740, 750);
    ward.write();
    let it = ward.activity(2, None);
    assert_eq!((it.online, it.only_told), (10, false));
}

#[test]
fn work_before_it_was_first_seen_was_not_observed() {
    let mut ward = Ward::new();
    ward.watch(0, 600);
    ward.online(2, 0, 600);
    ward.online(1, 500, 520);
    ward.modality(1, 500);
    // A batch of the day so far, and what it does now.
    ward.image(1, 500, 7, 300, 310);
    ward.image(1, 512, 8, 505, 510);
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.observed, used(&it)), (100, Some((5, Some(1), "images".to_owned()))));
    // What an older capture says of it comes later.
    ward.online(1, 290, 320);
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.observed, used(&it)), (310, Some((15, Some(2), "images".to_owned()))));
    // And each of these minutes can be shown.
    let (inventory, id) = (ward.inventory(), ward.id(1));
    let told = inventory.told(&id, None).unwrap().unwrap();
    let runs = |minutes: &Minutes| -> Vec<(i64, i64)> {
        let at = |minute: i64| minute - MONDAY / 60;
        minutes.runs().iter().map(|(from, to)| (at(*from), at(*to))).collect()
    };
    assert_eq!(runs(&told.observed), [(290, 600)]);
    assert_eq!(runs(&told.online), [(290, 320), (500, 520)]);
    assert_eq!(runs(&told.in_use), [(300, 310), (505, 510)]);
    let exam = |it: &Examination| ((it.begin - MONDAY) / 60, it.duration / 60, it.method);
    let exams: Vec<_> = told.examinations.iter().map(exam).collect();
    assert_eq!(exams, [(300, 10, "images"), (505, 5, "images")]);
    assert!(told.traces.is_empty());
    let sql = "UPDATE speaker_day SET minutes = x'ff' WHERE what = 0";
    ward.writer.connection().execute(sql, []).unwrap();
    let inventory = ward.inventory();
    assert_eq!(inventory.told(&id, None).unwrap(), None, "what is damaged proves nothing");
    assert!(inventory.passed_over().iter().any(|it| it.contains(&id)));
}
