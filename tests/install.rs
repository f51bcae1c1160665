//! `make install`: every file of packaging/ goes where packaging/README.md says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn install(to: &Path, prefix: &str) {
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(here()).arg("install").arg(format!("DESTDIR={}", to.display()));
    make.arg(format!("BIN={}", env!("CARGO_BIN_EXE_auscult"))).arg(format!("PREFIX={prefix}"));
    let done = make.output().expect("make");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Paths of all files below a directory.
fn files(below: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(below).expect("a directory").map(|it| it.expect("an entry").path()) {
        match entry.is_dir() {
            true => all.extend(files(&entry)),
            false => drop(all.insert(entry)),
        }
    }
    all
}

/// The table: what is in packaging/, and where it goes.
fn table() -> Vec<(String, PathBuf)> {
    let text = fs::read_to_string(here().join("packaging/README.md")).expect("there");
    let rows = text.lines().filter(|line| line.contains("| `/"));
    let cell = |row: &str, at: usize| row.split('|').nth(at).map(|it| it.trim().replace('`', ""));
    let row = |row| (cell(row, 1).expect("a file"), cell(row, 2).expect("a place").into());
    rows.map(row).collect()
}

#[test]
fn all_is_where_the_table_says() {
    let dir = tempfile::tempdir().expect("a directory");
    install(dir.path(), "/usr");
    let below =
        |path: &PathBuf| PathBuf::from("/").join(path.strip_prefix(dir.path()).expect("in"));
    let installed: BTreeSet<_> = files(dir.path()).iter().map(below).collect();
    assert_eq!(installed, table().into_iter().map(|(_, to)| to).collect());
    let packaging = here().join("packaging");
    for (file, to) in table().iter().filter(|(file, _)| packaging.join(file).is_file()) {
        let [from, to] = [packaging.join(file), dir.path().join(to.strip_prefix("/").expect("/"))];
        assert_eq!(fs::read(from).expect("there"), fs::read(to).expect("installed"), "{file}");
    }
    let named: BTreeSet<_> = table().iter().map(|(file, _)| packaging.join(file)).collect();
    let other = files(&packaging).into_iter().filter(|it| !it.ends_with("README.md"));
    let other: Vec<_> = other.filter(|it| !named.contains(it)).collect();
    assert!(other.is_empty(), "not in the table: {other:?}");
    let page = fs::read_to_string(dir.path().join("usr/share/man/man1/auscult.1"));
    assert!(page.expect("installed").contains(".TH auscult 1"));
}

#[test]
fn what_the_site_has_written_stays_and_units_name_the_program() {
    let dir = tempfile::tempdir().expect("a directory");
    let default = dir.path().join("etc/default/auscult");
    fs::create_dir_all(default.parent().expect("one")).expect("made");
    fs::write(&default, "AUSCULT_LISTEN=\"-i eth7\"").expect("written");
    install(dir.path(), "/usr/local");
    assert!(fs::read_to_string(&default).expect("there").contains("eth7"));
    for unit in ["auscult", "auscult-alerts"] {
        let unit = dir.path().join(format!("usr/local/lib/systemd/system/{unit}.service"));
        let unit = fs::read_to_string(unit).expect("installed");
        assert!(unit.contains("ExecStart=/usr/local/bin/auscult "), "{unit}");
    }
    assert!(dir.path().join("usr/local/bin/auscult").is_file());
}
