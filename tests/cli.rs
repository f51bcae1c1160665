//! The command line on bad days: every failure is one line and an exit code, and what
//! was written before stays.

#![allow(clippy::print_stdout, reason = "a test that cannot run says why")]

mod lab;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn auscult(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auscult")).args(args).current_dir(dir).output().expect("runs")
}

/// Exit code and standard error; standard output must be empty.
fn fails(dir: &Path, args: &[&str]) -> (i32, String) {
    let out = auscult(dir, args);
    assert!(out.stdout.is_empty(), "{}", String::from_utf8_lossy(&out.stdout));
    (out.status.code().expect("ends"), String::from_utf8(out.stderr).expect("text"))
}

fn is_one_line(text: &str) -> bool {
    text.starts_with("auscult: ") && text.trim_end().lines().count() == 1
}

fn devices(dir: &Path) -> usize {
    let out = auscult(dir, &["register", "--external"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout.iter().filter(|b| **b == b'\n').count() - 1
}

#[test]
fn files_that_are_no_captures() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("empty.pcap"), b"").unwrap();
    fs::write(dir.path().join("text.pcap"), b"this is no capture, it is a letter\n").unwrap();
    // Big-endian classic header with link type 147 (a user's own).
    let unknown: Vec<u8> = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 147]
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    fs::write(dir.path().join("link.pcap"), unknown).unwrap();
    for name in ["empty.pcap", "text.pcap", "link.pcap", "missing.pcap", "."] {
        let (code, said) = fails(dir.path(), &["read", "-q", name]);
        assert_eq!(code, 1, "{name}: {said}");
        assert!(is_one_line(&said) && (said.contains(name) || name == "."), "{name}: {said}");
        assert!(!dir.path().join("auscult.db").exists(), "{name} makes no inventory");
    }
}

#[test]
fn a_capture_cut_in_the_middle_keeps_what_was_readable() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(lab::capture("dicom.pcap")).unwrap();
    fs::write(dir.path().join("cut.pcap"), &whole[..whole.len() - 7]).unwrap();
    let (code, said) = fails(dir.path(), &["read", "-q", "cut.pcap"]);
    assert_eq!(code, 1);
    assert!(is_one_line(&said) && said.contains("cut.pcap") && said.contains("byte"), "{said}");
    assert!(devices(dir.path()) >= 2);
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    let (code, said) = fails(dir.path(), &["read", "-q", "missing.pcap", &good]);
    assert_eq!(code, 1);
    assert!(is_one_line(&said), "{said}");
    assert!(devices(dir.path()) >= 2);
}

#[test]
fn inventories_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    let (code, said) = fails(dir.path(), &["read", "-q", "--db", "no/such/dir/a.db", &good]);
    assert!(code == 1 && is_one_line(&said) && said.contains("no/such/dir/a.db"), "{said}");
    let (code, said) = fails(dir.path(), &["register", "--db", "none.db"]);
    assert!(code == 1 && is_one_line(&said) && said.contains("auscult read"), "{said}");
    assert!(!dir.path().join("none.db").exists(), "a view makes no inventory");
    fs::write(dir.path().join("letter.db"), b"Dear Sir or Madam, this is no database at all.")
        .unwrap();
    for args in
        [&["register", "--db", "letter.db"][..], &["read", "-q", "--db", "letter.db", &good]]
    {
        let (code, said) = fails(dir.path(), args);
        assert!(code == 1 && is_one_line(&said) && said.contains("letter.db"), "{said}");
    }
}

/// Every command that opens an inventory must say this of it, and leave it as it was.
fn all_refuse(dir: &Path, db: &str, why: &str) {
    let before = fs::read(dir.join(db)).unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    for args in [&["register"][..], &["register", "--format", "json"], &["show", "x"]] {
        let (code, said) = fails(dir, &[args, &["--db", db]].concat());
        assert!(code == 1 && is_one_line(&said), "{args:?} {said}");
        assert!(said.contains(db) && said.contains(why), "{args:?} {said}");
    }
    let (code, said) = fails(dir, &["read", "-q", "--db", db, &good]);
    assert!(code == 1 && is_one_line(&said), "read: {said}");
    assert!(said.contains(db) && said.contains(why), "read: {said}");
    assert!(before == fs::read(dir.join(db)).unwrap(), "{db} was touched");
}

#[test]
fn an_inventory_of_a_newer_auscult_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", "--db", "new.db", &good]).status.success());
    let newer = rusqlite::Connection::open(dir.path().join("new.db")).unwrap();
    for version in [999, -1] {
        newer.pragma_update(None, "user_version", version).unwrap();
        newer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        all_refuse(dir.path(), "new.db", "newer auscult");
    }
}

#[test]
fn broken_inventories() {
    let dir = tempfile::tempdir().unwrap();
    let good = lab::capture("dicom.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", &good]).status.success());
    let whole = fs::read(dir.path().join("auscult.db")).unwrap();
    let noise: Vec<u8> = (0..whole.len()).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("letter.db", b"Dear Sir or Madam, this is no database at all.");
    write("noise.db", &noise);
    for db in ["letter.db", "noise.db"] {
        all_refuse(dir.path(), db, "not an inventory");
    }
    write("cut.db", &whole[..whole.len() / 3]);
    all_refuse(dir.path(), "cut.db", "damaged");
    // The first page is sound, so only the rows show it.
    let rows = [&whole[..4096], &noise[4096..]].concat();
    write("rows.db", &rows);
    for args in [&["register", "--db", "rows.db"][..], &["show", "x", "--db", "rows.db"]] {
        let (code, said) = fails(dir.path(), args);
        assert!(code == 1 && is_one_line(&said) && said.contains("damaged"), "{said}");
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE letters (body TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    let (code, said) = fails(dir.path(), &["read", "-q", "--db", "other.db", &good]);
    assert!(code == 1 && is_one_line(&said) && said.contains("another program"), "{said}");
    assert!(before == fs::read(&path).unwrap(), "it was touched");
}

#[test]
fn two_writers_do_not_undo_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("auscult.db");
    let first = auscult::store::Writer::open(&db).unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    let (code, said) = fails(dir.path(), &["read", "-q", &good]);
    assert!(code == 1 && is_one_line(&said) && said.contains("another auscult"), "{said}");
    first.close();
    assert!(auscult(dir.path(), &["read", "-q", &good]).status.success());
}

#[test]
fn who_is_asked_for_and_is_nobody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dicom.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", &capture]).status.success());
    let alerts: &[&str] = &["alerts", "--asset"];
    for view in [&["show"][..], &["risk"], &["advisories", "match"], alerts] {
        let (code, said) = fails(dir.path(), &[view, &["no\u{1b}body"]].concat());
        assert!(code == 1 && is_one_line(&said), "{said}");
        assert!(said.contains("no asset is called `no\\u{1b}body`"), "{said}");
    }
}

#[test]
fn a_register_does_not_take_the_place_of_an_inventory() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dicom.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", &capture]).status.success());
    for view in [&["register"][..], &["activity", "--format", "csv"], &["risk"]] {
        let (code, said) = fails(dir.path(), &[view, &["-o", "auscult.db"]].concat());
        assert!(code == 1 && is_one_line(&said) && said.contains("name another"), "{said}");
    }
    assert!(devices(dir.path()) >= 2);
}

#[test]
fn output_goes_where_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let good = lab::capture("hl7.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", &good]).status.success());
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
    assert!(auscult(dir.path(), &["register", "-o", "pipe"]).status.success());
    let through = reader.join().unwrap();
    fs::write(dir.path().join("real.csv"), "old").unwrap();
    std::os::unix::fs::symlink("real.csv", dir.path().join("link.csv")).unwrap();
    assert!(auscult(dir.path(), &["register", "-o", "link.csv"]).status.success());
    assert!(fs::read(dir.path().join("real.csv")).unwrap() == through);
    assert!(dir.path().join("link.csv").is_symlink());
}

#[test]
fn a_name_that_paints_the_terminal_is_printable_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let name = "evil\u{1b}[31m\u{202e}name\n=1.pcap";
    fs::copy(lab::capture("hl7.pcap"), dir.path().join(name)).unwrap();
    let read = auscult(dir.path(), &["read", name]);
    let shown = [
        &["register"][..],
        &["register", "--format", "json"],
        &["show", "10.0.0.1"],
        &["risk"],
        &["risk", "10.0.0.1"],
        &["risk", "--terms", "csv"],
        &["risk", "--forecast"],
        &["risk", "--changes"],
    ];
    let mut all = read.stderr;
    for args in shown {
        let out = auscult(dir.path(), args);
        all.extend([out.stdout, out.stderr].concat());
    }
    let text = String::from_utf8(all).unwrap();
    assert!(text.contains("evil"), "the evidence names the capture");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn bad_usage_is_two() {
    let dir = tempfile::tempdir().unwrap();
    for args in
        [&["read"][..], &["register", "--format", "yaml"], &["nonsense"], &["-q", "-v", "man"]]
    {
        let (code, said) = fails(dir.path(), args);
        assert_eq!(code, 2, "{said}");
    }
    let good = lab::capture("hl7.pcap").display().to_string();
    assert!(auscult(dir.path(), &["read", "-q", &good]).status.success());
    for (option, known) in [("--class", "interface-engine"), ("--category", "facility")] {
        let (code, said) = fails(dir.path(), &["register", option, "nonsense"]);
        assert!(code == 2 && is_one_line(&said), "{said}");
        assert!(said.contains("nonsense") && said.contains(known), "{said}");
        for word in [known, "unknown"] {
            assert!(auscult(dir.path(), &["register", option, word]).status.success());
        }
    }
}

#[test]
fn wrong_configuration_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("c.toml"), "bd = 'x'\n").unwrap();
    let (code, said) = fails(dir.path(), &["--config", "c.toml", "register"]);
    assert!(code == 1 && is_one_line(&said) && said.contains("c.toml"), "{said}");
    for (text, line, why) in [
        ("db = 'x'\nbd = 'y'\n", "line 2", "unknown field `bd`"),
        ("# one\n\ndb = 5\n", "line 3", "integer `5`"),
        ("db = 'x'\nsignatures = [1,\n", "line 2", "unclosed"),
    ] {
        fs::write(dir.path().join("c.toml"), text).unwrap();
        let (code, said) = fails(dir.path(), &["--config", "c.toml", "register"]);
        assert!(code == 1 && is_one_line(&said) && said.contains("c.toml"), "{said}");
        assert!(said.contains(line) && said.contains(why) && !said.contains('^'), "{said}");
    }
    let (code, said) = fails(dir.path(), &["show", "nobody", "--db", "none.db"]);
    assert!(code == 1 && is_one_line(&said), "{said}");
}

#[test]
fn what_the_site_says_of_nobody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (config, pins) = (dir.path().join("auscult.toml"), dir.path().join("identity.toml"));
    fs::write(&config, "identity = 'identity.toml'").unwrap();
    let capture = lab::capture("dicom.pcap").display().to_string();
    let read = || auscult(dir.path(), &["--config", "auscult.toml", "read", "-q", &capture]);
    fs::write(&pins, "[[same]]\ndevices = ['00:50:56:a1:10:11', '10.99.0.1']").unwrap();
    let out = read();
    assert!(out.status.success());
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("ip:10.99.0.1, of which nothing was seen"), "{said}");
    assert_eq!(said.lines().count(), 1, "of the other something was: {said}");
    fs::write(&pins, vec![b'#'; (1 << 20) + 1]).unwrap();
    let out = read();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && is_one_line(&said), "{said}");
}

#[test]
fn standard_input_and_a_reader_that_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let capture = fs::File::open(lab::capture("hl7.pcap")).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_auscult"))
        .args(["read", "-q", "-"])
        .stdin(capture)
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    for args in [&["register", "--format", "json"][..], &["risk", "--terms", "csv"], &["risk"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_auscult"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .current_dir(dir.path())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "a broken pipe is no failure: {args:?}");
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// What is asked of the program itself is output like any other.
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let pages = [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["help", "read"],
        &["register", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["man"],
    ];
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in pages {
        let run = |to: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
            command.args(args).current_dir(dir.path()).stdout(to).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let out = run(full().into()).wait_with_output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.code() == Some(1) && is_one_line(&said), "{args:?}: {said}");
        let same = "standard output: cannot write (";
        assert!(said.contains(same) && said.contains("check where"), "{args:?}: {said}");
        let mut gone = run(Stdio::piped());
        drop(gone.stdout.take());
        let out = gone.wait_with_output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.code() == Some(0) && said.is_empty(), "{args:?}: {said}");
    }
    // Bad usage stays bad usage.
    assert_eq!(auscult(dir.path(), &["--nothing"]).status.code(), Some(2));
}

#[test]
fn a_full_disk_keeps_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(&small)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("not run: a small tmpfs cannot be mounted here (needs root)");
        return;
    }
    struct Unmount(std::path::PathBuf);
    impl Drop for Unmount {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }
    let _unmount = Unmount(small.clone());
    let first = lab::capture("hl7.pcap").display().to_string();
    assert!(auscult(&small, &["read", "-q", &first]).status.success());
    let before = devices(&small);
    // Leave a few kilobytes, then read what needs many.
    let free = || {
        let out = Command::new("df").args(["--output=avail", "-k"]).arg(&small).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.lines().last().unwrap().trim().parse::<usize>().unwrap()
    };
    fs::write(small.join("ballast"), vec![0_u8; free().saturating_sub(40) * 1024]).unwrap();
    let more = lab::capture("hospital.pcapng").display().to_string();
    let out = auscult(&small, &["read", "-q", &more]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(is_one_line(&said) && said.contains("disk full"), "{said}");
    assert_eq!(devices(&small), before, "what was written before is there");
    fs::remove_file(small.join("ballast")).unwrap();
}

#[test]
fn signatures_and_generated_pages() {
    let dir = tempfile::tempdir().unwrap();
    for args in
        [&["signatures", "check"][..], &["signatures", "list"], &["completions", "bash"], &["man"]]
    {
        let out = auscult(dir.path(), args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stdout));
        assert!(!out.stdout.is_empty());
    }
    let (code, said) = fails(dir.path(), &["signatures", "explain", "no.such.signature"]);
    assert!(code == 1 && is_one_line(&said), "{said}");
}

#[test]
fn activity_is_told_by_day_class_and_use() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("hospital.pcapng").display().to_string();
    let config = "time_zone = 'Asia/Tokyo'\nholidays = ['2020-01-01']\n\
                  hours = { mon = ['00:00-24:00'], ct = { tue = ['08:00-09:00'] } }\n";
    fs::write(dir.path().join("site.toml"), config).unwrap();
    let read = ["--config", "site.toml", "read", "-q", &capture];
    assert!(auscult(dir.path(), &read).status.success());
    let run = |args: &[&str]| {
        let out = auscult(dir.path(), &[&["activity"], args].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let mut all = csv::Reader::from_reader(run(&["--format", "csv"]).into_bytes().leak() as &[u8]);
    let header = all.headers().unwrap().clone();
    let rows: Vec<_> = all.records().map(Result::unwrap).collect();
    let at = |name: &str| header.iter().position(|it| it == name).unwrap();
    assert!(rows.len() > 10);
    let (observed, online) = (at("observed_hours"), at("online_hours"));
    let hours = |text: &str| text.parse::<f64>().unwrap();
    // Monitors of which a gateway tells: nobody knows whether they are on.
    let (told, spoke): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row[online].is_empty());
    assert!(spoke.iter().all(|row| hours(&row[online]) <= hours(&row[observed])));
    assert!(told.len() == 3 && told.iter().all(|row| !row[observed].is_empty()), "{told:?}");
    assert!(told.iter().any(|row| &row[at("device_class")] == "patient-monitor"));
    assert!(told.iter().all(|row| row[at("in_use_hours")].is_empty()));
    let steps: Vec<_> = rows.iter().filter(|row| row[at("method")].contains("mpps")).collect();
    assert!(!steps.is_empty() && steps.iter().all(|row| &row[at("examinations")] == "1"));
    let json: serde_json::Value =
        serde_json::from_str(&run(&["--format", "json", "--class", "mri"])).unwrap();
    assert_eq!(json[0]["device_class"], "mri");
    assert_eq!(
        run(&["--idle", "--class", "mri", "--format", "csv"]).lines().count(),
        1,
        "a header alone"
    );
    assert_eq!(run(&["--silent", "9", "--format", "csv"]).lines().count(), 1);
    assert!(run(&["--from", "2001-01-01", "--to", "2001-01-02"]).lines().count() > 1);
    let id = json[0]["asset_id"].as_str().unwrap();
    let page = String::from_utf8(auscult(dir.path(), &["show", id]).stdout).unwrap();
    for told in ["activity from", "Asia/Tokyo", "on line", "by mpps", "tenths of each hour"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // The same forms as for alerts; a day is the site's.
    let days = |args: &[&str]| {
        let text = run(&[&["--format", "json"], args].concat());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        [&json[0]["from"], &json[0]["to"]].map(|it| it.as_str().unwrap().to_owned())
    };
    let both = ["2001-01-01".to_owned(), "2001-01-02".to_owned()];
    for (from, to) in [
        ("2001-01-01", "2001-01-02"),
        ("2001-01-01T00:00", "2001-01-02T23:59:59"),
        ("2000-12-31T15:00Z", "2001-01-02T23:00+09:00"),
    ] {
        assert_eq!(days(&["--from", from, "--to", to]), both, "{from}");
        let since = auscult(dir.path(), &["alerts", "--since", from]);
        assert!(since.status.success(), "{from}");
    }
    for ago in ["-24h", "7d", "-90m"] {
        run(&["--from", ago]);
        assert!(auscult(dir.path(), &["alerts", "--since", ago]).status.success(), "{ago}");
    }
    for wrong in ["1.1.26", "2026-02-30", "yesterday", "2026-01-01T25:00"] {
        for command in [["activity", "--from"], ["alerts", "--since"]] {
            let (code, said) = fails(dir.path(), &[&command[..], &[wrong]].concat());
            assert!(code == 2 && said.contains("2026-01-31T12:00+09:00"), "{said}");
        }
    }
    let wrong: [&[&str]; 3] = [
        &["--from", "1.1.26"],
        &["--class", "tricorder"],
        &["--from", "2026-01-02", "--to", "2026-01-01"],
    ];
    for args in wrong {
        assert_eq!(fails(dir.path(), &[&["activity"], args].concat()).0, 2, "{args:?}");
    }
    fs::write(dir.path().join("site.toml"), "hours = { mo = ['08:00-09:00'] }").unwrap();
    let (code, said) = fails(dir.path(), &["--config", "site.toml", "activity"]);
    assert!(code == 1 && is_one_line(&said) && said.contains("mo"), "{said}");
    fs::write(dir.path().join("site.toml"), "hours = { cct = { mon = ['08:00-09:00'] } }").unwrap();
    let (code, said) = fails(dir.path(), &["--config", "site.toml", "activity"]);
    assert!(code == 1 && is_one_line(&said) && said.contains("`cct` is no class"), "{said}");
}
