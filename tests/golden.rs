//! What is read from each committed capture, as a snapshot: a change of any value or
//! its evidence is seen. `INSTA_UPDATE=always cargo test --test golden` accepts.

mod lab;

#[test]
fn every_capture_gives_its_register() {
    let dir = tempfile::tempdir().unwrap();
    for path in lab::captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let db = dir.path().join(format!("{name}.db"));
        let inventory = lab::read(&db, std::slice::from_ref(&path));
        let pages: Vec<String> = inventory.assets().unwrap().iter().map(lab::page).collect();
        let counters = inventory.captures().unwrap();
        let counters: Vec<String> = counters
            .iter()
            .flat_map(|capture| &capture.counters)
            .map(|(counter, n)| format!("{counter} {n}"))
            .collect();
        let text = format!("{}\n---\n{}", pages.join("\n"), counters.join("\n"));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.replace('.', "_"), text);
        });
    }
}

#[test]
fn the_same_captures_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let captures = [lab::capture("hospital.pcapng"), lab::capture("names.pcap")];
    let [a, b] = ["a.db", "b.db"].map(|n| lab::csv(&lab::read(&dir.path().join(n), &captures)));
    assert!(a == b, "two runs differ");
    assert!(a.len() > 1000);
}

#[test]
fn reading_a_capture_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (db, captures) = (dir.path().join("a.db"), [lab::capture("hospital.pcapng")]);
    let once = lab::csv(&lab::read(&db, &captures));
    let twice = lab::csv(&lab::read(&db, &captures));
    assert!(once == twice, "the second reading changed the register");
}

#[test]
fn one_run_over_two_captures_is_two_runs_over_one() {
    let dir = tempfile::tempdir().unwrap();
    let captures = [lab::capture("hospital.pcapng"), lab::capture("windows.pcap")];
    let together = lab::csv(&lab::read(&dir.path().join("a.db"), &captures));
    let db = dir.path().join("b.db");
    lab::read(&db, &captures[..1]);
    let apart = lab::csv(&lab::read(&db, &captures[1..]));
    assert!(together == apart, "what was stored in between was lost");
}

/// A shell's glob does not sort by time: the earlier capture may come second.
#[test]
fn a_capture_of_an_earlier_time_is_read_in_full() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["hl7.pcap", "hospital.pcapng"].map(lab::capture);
    let ids = |name: &str, captures: &[std::path::PathBuf]| {
        let inventory = lab::read(&dir.path().join(name), captures);
        let recognised: u64 = inventory
            .captures()
            .unwrap()
            .iter()
            .flat_map(|capture| &capture.counters)
            .filter(|(counter, _)| counter.starts_with("protocol."))
            .map(|(_, n)| n)
            .sum();
        let ids: Vec<String> =
            inventory.assets().unwrap().into_iter().map(|asset| asset.id.into_owned()).collect();
        (ids, recognised)
    };
    let forth = ids("forth.db", &[a.clone(), b.clone()]);
    assert_eq!(forth, ids("back.db", &[b, a]));
    assert!(forth.1 > 100);
}
