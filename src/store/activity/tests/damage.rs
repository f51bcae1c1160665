//! Rows that are not as they were written: views say so instead of less than there is.

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

#[test]
fn damaged_rows_are_told_and_never_read_as_less() {
    type Harm = fn(&[u8]) -> Vec<u8>;
    let harms: [(&str, Harm); 4] = [
        ("half", |it| it[..it.len() / 2].to_vec()),
        ("a byte less", |it| it[..it.len() - 1].to_vec()),
        ("nothing but ones", |it| vec![0xff; it.len()]),
        ("another first", |it| [&[it[0] ^ 0xff], &it[1..]].concat()),
    ];
    let monday = parse_date("2026-01-05").unwrap();
    for (table, column) in [
        ("total_sheet", "sheet"),
        ("day_sheet", "sheet"),
        ("segment_day", "minutes"),
        ("asset_use", "basis"),
        ("calendar", "calendar"),
    ] {
        for (name, harm) in harms {
            let ward = ward();
            let id = ward.id(1);
            assert!(ward.inventory().activity(None).is_ok());
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
            let inventory = ward.inventory();
            let period = (table == "day_sheet").then_some((monday, monday));
            let all = [
                inventory.activity(period).map(|_| ()),
                inventory.activity_of(&id, period).map(|_| ()),
            ];
            for it in all {
                let error = it.expect_err(&format!("{table}: {name}")).to_string();
                assert!(error.contains("damaged") && error.lines().count() == 1, "{error}");
                // Where, whose, and what is to be done.
                let place = if table == "asset_use" { &id } else { table };
                assert!(error.contains(place) && error.contains("read the captures"), "{error}");
            }
        }
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
            let error = ward.inventory().activity(period).expect_err("cut").to_string();
            assert!(error.contains("2026-01-05") == period.is_some(), "{error}");
        }
        // One bit anywhere.
        for bit in (0..8 * (4 + 3 * size)).step_by(37) {
            let ward = ward();
            harm(&ward, table, "sheet", |it| {
                let mut it = it.to_vec();
                it[bit / 8] ^= 1 << (bit % 8);
                it
            });
            assert!(ward.inventory().activity(period).is_err(), "{table} bit {bit}");
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
        let error = ward.inventory().activity(period).expect_err("cut").to_string();
        assert!(error.contains(table), "{error}");
        // The register is of all days: it would be less by what was done on the damaged one.
        assert!(ward.inventory().activity(None).is_err(), "{table}");
        let another = ward.inventory().activity(Some((monday + 1, monday + 1)));
        assert_eq!(another.is_ok(), period.is_some(), "{table}");
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
        let errors = [
            inventory.activity(Some((monday, monday))).map(|_| ()),
            inventory.activity(None).map(|_| ()),
            inventory.activity_of(&id, None).map(|_| ()),
            inventory.days(&id, None).map(|_| ()),
        ];
        for it in errors {
            let error = it.expect_err("damaged").to_string();
            assert!(error.contains("2026-01-05") && error.contains("speaker_day"), "{error}");
            assert!(error.contains(&id) && error.contains("read the captures again"), "{error}");
        }
        let later = Some((monday + 2, monday + 2));
        assert_eq!(inventory.activity(later).unwrap()[&id].online, 20);
        assert!(inventory.activity_of(&id_2, None).is_ok(), "only one was there again");
        assert_eq!(blobs(&ward)[..harmed.len().min(2)], harmed[..harmed.len().min(2)]);
        drop(inventory);
        // Whatever comes later.
        let mut ward = ward.restart();
        ward.online(1, 830, 840);
        ward.write();
        assert!(ward.inventory().activity(None).is_err());
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
    let error = ward.inventory().activity(None).expect_err("cut").to_string();
    assert!(error.contains("segment_day"), "{error}");
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
    let again = ward.inventory().days(&id, None).unwrap();
    assert_eq!(again[..1], days.unwrap()[..], "{again:?}");
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
    let error = ward.inventory().days(&id, None).expect_err("cut").to_string();
    assert!(error.contains(&id) && error.contains("2026-01-05"), "{error}");
    assert!(error.contains("read the captures again"), "{error}");
}

fn key(table: &str) -> &str {
    match table {
        "segment_day" => "day",
        "asset_use" => "asset",
        _ => "id",
    }
}
