//! Rows that are not as they were written: views pass over them, name them, and say nothing
//! instead of less than there is.

use super::*;

/// A modality at work and two other devices, with opening hours.
fn ward() -> Ward {
    let mut ward = Ward::new();
    let mut hours = Hours::default();
    hours.week.fill(vec![parse_hours("00:00-24:00").unwrap()]);
    ward.writer.keep_time(Calendar { hours: Some(hours), ..Calendar::default() });
    ward.modality(1, 720);
    ward.watch(720, 800);
    ward.online(1, 720, 790);
    ward.image(1, 789, 1, 730, 770);
    // An odd number: half a sheet is no whole number of rows.
    ward.online(2, 720, 790);
    ward.online(3, 720, 790);
    ward.write();
    ward
}

type Harm = fn(&[u8]) -> Vec<u8>;

const HARMS: [(&str, Harm); 4] = [
    ("half", |it| it[..it.len() / 2].to_vec()),
    ("a byte less", |it| it[..it.len() - 1].to_vec()),
    ("nothing but ones", |it| vec![0xff; it.len()]),
    ("another first", |it| [&[it[0] ^ 0xff], &it[1..]].concat()),
];

/// What was passed over, which is of one table; what must stand in it does.
fn passed_over(inventory: &Inventory, all: &[&str]) -> Vec<String> {
    let passed = inventory.passed_over();
    assert!(!passed.is_empty());
    for it in &passed {
        assert_eq!(it.lines().count(), 1, "{it}");
        assert!(all.iter().all(|word| it.contains(word)), "{it}: {all:?}");
    }
    passed
}

#[test]
fn who_needs_a_damaged_row_is_told_nothing_of() {
    let monday = parse_date("2026-01-05").unwrap();
    for (table, column) in [
        ("total_sheet", "sheet"),
        ("day_sheet", "sheet"),
        ("segment_day", "minutes"),
        ("asset_use", "basis"),
        ("calendar", "calendar"),
    ] {
        for (name, harm) in HARMS {
            let ward = ward();
            let id = ward.id(1);
            assert_eq!(ward.inventory().activity(None).unwrap().len(), 3);
            let connection = ward.writer.connection();
            let sql = format!("SELECT {}, {column} FROM {table}", key(table));
            let mut rows = connection.prepare(&sql).unwrap();
            let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            let rows: Vec<(i64, Vec<u8>)> = rows.map(Result::unwrap).collect();
            assert!(!rows.is_empty(), "{table}");
            let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {} = ?1", key(table));
            for (at, blob) in rows {
                connection.execute(&sql, params![at, harm(&blob)]).unwrap();
            }
            let period = (table == "day_sheet").then_some((monday, monday));
            // Of a day before which nothing is read, too.
            let inventory = ward.inventory();
            let told = inventory.activity(period).unwrap();
            assert!(told.is_empty(), "{table}: {name}: {told:?}");
            passed_over(&inventory, &[table]);
            let inventory = ward.inventory();
            assert_eq!(inventory.activity_of(&id, period).unwrap(), None, "{table}: {name}");
            passed_over(&inventory, &[table]);
            let inventory = ward.inventory();
            let assets = inventory.assets().unwrap();
            assert_eq!(assets.len(), 3, "what else is known of them is told");
            assert!(assets.iter().all(|it| it.activity.is_none() == (table != "day_sheet")));
        }
    }
}

#[test]
fn a_damaged_row_of_one_hides_no_other() {
    let names = |ward: &Ward, n: u8| {
        let id = ward.id(n);
        let sql = "SELECT number FROM asset WHERE id = ?1";
        let number = ward.writer.connection().query_row(sql, [&id], |row| row.get::<_, i64>(0));
        (id, number.unwrap())
    };
    for (table, column, of) in [
        ("asset_use", "basis", "asset"),
        ("known", "attributes", "asset"),
        ("risk", "assessment", "asset"),
        ("identifier", "list", "asset"),
        ("asset", "id", "number"),
    ] {
        for (name, harm) in HARMS {
            let ward = ward();
            let before = ward.inventory().activity(None).unwrap();
            let ((one, number), (two, _)) = (names(&ward, 1), names(&ward, 2));
            assert_eq!(before[&one].online, 70);
            let connection = ward.writer.connection();
            let sql = format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {of} = ?1");
            let blob: Vec<u8> = connection.query_row(&sql, [number], |row| row.get(0)).unwrap();
            // Text is what its bytes are, of whatever it is text.
            let kind = if table == "asset" { "CAST(?2 AS TEXT)" } else { "?2" };
            let blob = if table == "asset" { vec![0xff, 0x41] } else { harm(&blob) };
            let sql = format!("UPDATE {table} SET {column} = {kind} WHERE {of} = ?1");
            assert_eq!(connection.execute(&sql, params![number, blob]).unwrap(), 1);

            let inventory = ward.inventory();
            let (shelf, risks) = (inventory.shelf(true).unwrap(), inventory.risks().unwrap());
            let known = shelf.known(Some(&["device_class"]));
            let is_known = known.iter().any(|it| it.id == one);
            let is_told = known.iter().any(|it| it.id == one && it.activity.is_some());
            let whole = known.iter().find(|it| it.id == two).unwrap();
            assert_eq!(whole.activity.as_ref(), before.get(&two), "{table}: {name}");
            assert!(risks.contains_key(&two));
            let told = |id: &str| !inventory.identifiers_of(id).unwrap().is_empty();
            assert!(told(&two), "{table}: {name}");
            assert_eq!(told(&one), !matches!(table, "identifier" | "asset"), "{table}: {name}");
            let others = ["asset_use", "risk", "identifier"];
            assert_eq!(is_known, others.contains(&table), "{table}: {name}");
            assert_eq!(is_told, matches!(table, "risk" | "identifier"), "{table}: {name}");
            let judged = matches!(table, "asset_use" | "known" | "identifier");
            assert_eq!(risks.contains_key(&one), judged);
            let named = if table == "asset" { format!("device {number}") } else { one };
            assert_eq!(passed_over(&inventory, &[table, &named]).len(), 1, "once");
        }
    }
}

/// One VLAN's minutes say nothing of another's; those in which somebody watched, of all.
#[test]
fn a_damaged_day_of_a_vlan_is_of_its_devices_alone() {
    for (what, name) in [("VLAN 7", true), ("somebody watched", false)] {
        let mut ward = ward();
        let other = HostId { segment: Segment { vlan: 8, ..Segment::default() }, ..host(9, 8) };
        for minute in 720..760 {
            let at = Timestamp::new(MONDAY + 60 * minute, 0);
            let what = Observed::Present(Some(64));
            ward.census.apply(0, Observation { at, frame: 1, host: other, what });
        }
        ward.write();
        let before = ward.activity(9, None);
        let segment = match name {
            true => segment_name(Some(Segment { vlan: VLAN, ..Segment::default() })).unwrap(),
            false => Vec::new(),
        };
        let sql = "UPDATE segment_day SET minutes = substr(minutes, 2) WHERE segment = ?1";
        assert_eq!(ward.writer.connection().execute(sql, [segment]).unwrap(), 1);
        let inventory = ward.inventory();
        let told = inventory.activity(None).unwrap();
        assert_eq!(told.get(&ward.id(9)), name.then_some(&before));
        assert_eq!(told.len(), usize::from(name));
        assert_eq!(passed_over(&inventory, &["2026-01-05", what, "segment_day"]).len(), 1);
        // A VLAN that cannot be read may be anybody's.
        let sql = "UPDATE segment_day SET segment = x'ff00' WHERE segment <> x'' AND segment =
                   (SELECT max(segment) FROM segment_day)";
        assert_eq!(ward.writer.connection().execute(sql, []).unwrap(), 1);
        let inventory = ward.inventory();
        assert!(inventory.activity(None).unwrap().is_empty());
    }
}

/// One value of one row, harmed.
fn harm(ward: &Ward, table: &str, column: &str, harm: impl Fn(&[u8]) -> Vec<u8>) {
    let connection = ward.writer.connection();
    let sql = format!("SELECT {column} FROM {table} LIMIT 1");
    let blob: Vec<u8> = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
    connection.execute(&sql, params![blob, harm(&blob)]).unwrap();
}

#[test]
fn a_sheet_that_was_cut_between_two_assets_is_not_read_as_less() {
    let monday = parse_date("2026-01-05").unwrap();
    for (table, size, period) in
        [("day_sheet", 17, Some((monday, monday))), ("total_sheet", 33, None)]
    {
        for rows in 0..3 {
            let ward = ward();
            harm(&ward, table, "sheet", |it| {
                assert_eq!(it.len(), 4 + 3 * size, "three devices");
                it[..4 + rows * size].to_vec()
            });
            let inventory = ward.inventory();
            assert!(inventory.activity(period).unwrap().is_empty());
            let when = if period.is_some() { "2026-01-05" } else { "all days" };
            passed_over(&inventory, &[table, when]);
        }
        // One bit anywhere.
        for bit in (0..8 * (4 + 3 * size)).step_by(37) {
            let ward = ward();
            harm(&ward, table, "sheet", |it| {
                let mut it = it.to_vec();
                it[bit / 8] ^= 1 << (bit % 8);
                it
            });
            assert!(ward.inventory().activity(period).unwrap().is_empty(), "{table} bit {bit}");
        }
    }
}

/// What is written afterwards does not make it look whole.
#[test]
fn a_damaged_sheet_stays_one_whatever_is_written_later() {
    let monday = parse_date("2026-01-05").unwrap();
    for (table, size, period) in
        [("day_sheet", 17, Some((monday, monday))), ("total_sheet", 33, None)]
    {
        let mut ward = ward();
        harm(&ward, table, "sheet", |it| it[..it.len() - size].to_vec());
        ward.watch(800, 830);
        for n in 1..=3 {
            ward.online(n, 800, 820);
        }
        ward.write();
        let mut ward = ward.restart();
        ward.online(2, 820, 830);
        ward.write();
        let inventory = ward.inventory();
        assert!(inventory.activity(period).unwrap().is_empty());
        passed_over(&inventory, &[table]);
        // The register is of all days: it would be less by what was done on the damaged one.
        assert!(ward.inventory().activity(None).unwrap().is_empty(), "{table}");
        let another = ward.inventory().activity(Some((monday + 1, monday + 1))).unwrap();
        assert_eq!(another.is_empty(), period.is_none(), "{table}");
    }
}

/// What days are made of is not read by views: who would make them anew leaves them as they
/// are, and says so.
#[test]
fn days_are_not_made_of_damaged_minutes() {
    let monday = parse_date("2026-01-05").unwrap();
    type Harm = fn(&[u8]) -> Vec<u8>;
    let harms: [Harm; 3] = [|it| it[..it.len() - 1].to_vec(), |_| vec![0xff], |_| Vec::new()];
    for bad in harms {
        let ward = ward();
        let (before, id, id_2) = (ward.activity(1, None), ward.id(1), ward.id(2));
        assert_eq!(before.online, 70);
        let all = "SELECT day, speaker, what, minutes FROM speaker_day";
        let blobs = |ward: &Ward| -> Vec<(i64, i64, i64, Vec<u8>)> {
            let mut rows = ward.writer.connection().prepare(all).unwrap();
            let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        let sql = "UPDATE speaker_day SET minutes = ?4 WHERE day = ?1 AND speaker = ?2
                   AND what = ?3";
        for (day, speaker, what, blob) in blobs(&ward) {
            let values = params![day, speaker, what, bad(&blob)];
            ward.writer.connection().execute(sql, values).unwrap();
        }
        let harmed = blobs(&ward);
        let mut ward = ward.restart();
        assert_eq!(ward.activity(1, None), before, "nothing was made anew yet");
        ward.watch(800, 830);
        ward.online(1, 800, 820);
        // The next day is whole.
        ward.watch(3000, 3030);
        ward.online(1, 3000, 3020);
        ward.write();
        let inventory = ward.inventory();
        let all = [
            inventory.activity(Some((monday, monday))).unwrap().contains_key(&id),
            inventory.activity(None).unwrap().contains_key(&id),
            inventory.activity_of(&id, None).unwrap().is_some(),
            inventory.days(&id, None).unwrap().is_some(),
        ];
        assert_eq!(all, [false; 4]);
        assert_eq!(passed_over(&inventory, &["2026-01-05", "speaker_day", &id]).len(), 1);
        let later = Some((monday + 2, monday + 2));
        assert_eq!(inventory.activity(later).unwrap()[&id].online, 20);
        let other = inventory.activity_of(&id_2, None).unwrap();
        assert!(other.is_some(), "only one was there again");
        assert_eq!(blobs(&ward)[..harmed.len().min(2)], harmed[..harmed.len().min(2)]);
        drop(inventory);
        // Whatever comes later.
        let mut ward = ward.restart();
        ward.online(1, 830, 840);
        ward.write();
        assert!(!ward.inventory().activity(None).unwrap().contains_key(&id));
    }
}

/// A VLAN's minutes that are damaged stay so: what was observed later does not hide it.
#[test]
fn damaged_minutes_of_a_vlan_stay_so() {
    let ward = ward();
    harm(&ward, "segment_day", "minutes", |it| it[..it.len() - 1].to_vec());
    let mut ward = ward.restart();
    ward.watch(800, 830);
    ward.online(1, 800, 820);
    ward.write();
    let inventory = ward.inventory();
    assert!(inventory.activity(None).unwrap().is_empty());
    passed_over(&inventory, &["segment_day"]);
}

/// A damaged row keeps nothing from being written, and is whole again with the next change.
#[test]
fn what_is_known_of_a_device_is_written_anew() {
    let ward = ward();
    let id = ward.id(2);
    let before = ward.inventory().history(&id).unwrap().len();
    let cut = "UPDATE known SET attributes = substr(attributes, 1, 9) WHERE asset =
               (SELECT number FROM asset WHERE id = ?1)";
    assert_eq!(ward.writer.connection().execute(cut, [&id]).unwrap(), 1);
    let mut ward = ward.restart();
    ward.online(1, 800, 805);
    ward.write();
    let inventory = ward.inventory();
    assert_eq!(inventory.assets().unwrap().len(), 2, "it has not changed");
    passed_over(&inventory, &["known", &id]);
    ward.say(2, 806, Observed::Fact(Key::new("dhcp.hostname"), "CT-WS-1".into()));
    ward.write();
    let inventory = ward.inventory();
    assert_eq!(inventory.assets().unwrap().len(), 3);
    assert!(inventory.passed_over().is_empty());
    assert_eq!(inventory.history(&id).unwrap().len(), before, "nobody knows what has changed");
}

/// How a device was used is made again, of all days that there are.
#[test]
fn what_days_are_made_of_is_found_again() {
    let ward = ward();
    let (before, days) = (ward.activity(1, None), ward.inventory().days(&ward.id(1), None));
    harm(&ward, "asset_use", "basis", |it| it[..it.len() - 1].to_vec());
    // The minutes are gone: nothing tells but the rows.
    ward.writer.connection().execute("DELETE FROM speaker_day", []).unwrap();
    let mut ward = ward.restart();
    ward.watch(4000, 4010);
    ward.online(1, 4000, 4005);
    ward.write();
    let id = ward.id(1);
    let again = ward.inventory().days(&id, None).unwrap().unwrap();
    assert_eq!(again[..1], days.unwrap().unwrap()[..], "{again:?}");
    assert_eq!(ward.activity(1, None).online, before.online + 5);
}

#[test]
fn a_damaged_day_of_a_device_is_told_with_its_name() {
    let ward = ward();
    let id = ward.id(1);
    let sql = "SELECT number FROM asset WHERE id = ?1";
    let number: i64 = ward.writer.connection().query_row(sql, [&id], |row| row.get(0)).unwrap();
    let cut = "UPDATE asset_day SET detail = substr(detail, 1, 2) WHERE asset = ?1";
    assert_eq!(ward.writer.connection().execute(cut, [number]).unwrap(), 1);
    let inventory = ward.inventory();
    assert_eq!(inventory.days(&id, None).unwrap(), None);
    assert_eq!(passed_over(&inventory, &[&id, "2026-01-05", "asset_day"]).len(), 1);
    assert!(ward.inventory().activity_of(&id, None).unwrap().is_some(), "its sums are whole");
    assert!(inventory.days(&ward.id(2), None).unwrap().is_some());
}

fn key(table: &str) -> &str {
    match table {
        "segment_day" => "day",
        "asset_use" => "asset",
        _ => "id",
    }
}
