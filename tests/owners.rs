//! Files that belong to somebody else: said with who and what to do, never taken in silence.
//! Needs root, to be two users; otherwise the tests say so and prove nothing.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The number of the user nobody, on every Linux.
const NOBODY: u32 = 65534;

/// A directory of nobody's; none where nothing can be given away.
fn directory() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().expect("a directory");
    match chown(dir.path(), Some(NOBODY), Some(NOBODY)) {
        Ok(()) => Some(dir),
        Err(why) => {
            let _ = writeln!(io::stderr(), "skipped, nothing can be given away: {why}");
            None
        }
    }
}

/// Runs auscult as root or as nobody; whether it went well, and what it said.
fn auscult(nobody: bool, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    if nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    let done = command.current_dir("/").args(arguments).output().expect("run");
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

fn read(nobody: bool, db: &Path) -> (bool, String) {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab/bedside.pcap");
    let texts = [db, &capture].map(|path| path.to_str().expect("plain"));
    let [db, capture] = texts;
    auscult(nobody, &["--db", db, "read", "-q", capture])
}

#[test]
fn what_root_reads_into_a_directory_belongs_to_whom_the_directory_does() {
    let Some(dir) = directory() else { return };
    let db = dir.path().join("auscult.db");
    assert!(read(false, &db).0);
    let of = db.metadata().expect("made");
    assert_eq!((of.uid(), of.gid()), (NOBODY, NOBODY));
    let (done, said) = read(true, &db);
    assert!(done, "{said}");
    // A file that is there keeps its owner, and so does what a link leads to.
    let own = tempfile::tempdir().expect("a directory");
    let other = own.path().join("other.db");
    assert!(read(false, &other).0);
    std::os::unix::fs::symlink(&other, dir.path().join("link.db")).expect("linked");
    assert!(read(false, &dir.path().join("link.db")).0);
    assert_eq!(other.metadata().expect("there").uid(), 0);
}

#[test]
fn an_inventory_of_somebody_else_is_refused_with_whose_it_is() {
    let Some(dir) = directory() else { return };
    let db = dir.path().join("auscult.db");
    assert!(read(true, &db).0);
    let beside = |end: &str| PathBuf::from(format!("{}{end}", db.display()));
    for end in ["", "-wal", "-shm", "-journal"] {
        let file = beside(end);
        let is_made = !file.exists();
        if is_made {
            fs::write(&file, "").expect("written");
        }
        chown(&file, Some(0), Some(0)).expect("root's");
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .expect("mode");
        let (done, said) = read(true, &db);
        assert!(!done && said.lines().count() == 1, "{end}: {said}");
        let (file, db) = (file.display(), db.display());
        let remedy = format!("`chown {NOBODY}:{NOBODY} {db}*`");
        let whose = format!("{file} belongs to root, and this process is user {NOBODY}");
        assert!(said.contains(&whose) && said.contains(&remedy), "{end}: {said}");
        match is_made {
            true => fs::remove_file(beside(end)).expect("removed"),
            false => chown(beside(end), Some(NOBODY), Some(NOBODY)).expect("given back"),
        }
    }
    let (done, said) = read(true, &db);
    assert!(done, "{said}");
    // A directory is nothing to give away.
    let own = tempfile::tempdir().expect("a directory");
    fs::set_permissions(own.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("mode");
    let (done, said) = read(true, &own.path().join("auscult.db"));
    assert!(
        !done && said.contains("belongs to root") && said.contains("run auscult as root"),
        "{said}"
    );
    assert!(!said.contains("chown"), "{said}");
}

#[test]
fn a_state_directory_of_somebody_else_is_refused_with_what_to_do() {
    let Some(dir) = directory() else { return };
    let db = dir.path().join("auscult.db");
    assert!(read(true, &db).0);
    let state = dir.path().join("state");
    let deliver = |nobody| {
        let file = format!("jsonl:{}", dir.path().join("alerts.jsonl").display());
        let texts = [&db, &state].map(|path| path.to_str().expect("plain"));
        let [db, state] = texts;
        auscult(nobody, &["--db", db, "alerts", "--to", &file, "--state", state])
    };
    assert!(deliver(true).0);
    // With no alert to be delivered, too.
    let text = [&db, &state].map(|path| path.to_str().expect("plain"));
    let nowhere = ["alerts", "--to", "jsonl:/alerts.jsonl", "--kind", "capture_loss"];
    let (_, said) = auscult(true, &[&nowhere[..], &["--db", text[0], "--state", text[1]]].concat());
    assert!(
        said.contains("(/alerts.jsonl): cannot be written") && said.contains("ReadWritePaths="),
        "{said}"
    );
    // Root would leave files that stop their owner.
    let (done, said) = deliver(false);
    assert!(!done && said.contains(&format!("belongs to user {NOBODY}, not to root")), "{said}");
    assert_eq!(state.join("lock").metadata().expect("there").uid(), NOBODY);
    // As root has left them once.
    chown(state.join("lock"), Some(0), Some(0)).expect("root's");
    let (done, said) = deliver(true);
    let remedy = format!("`chown -R {NOBODY} {}`", state.display());
    assert!(!done && said.contains("belongs to user 0") && said.contains(&remedy), "{said}");
}
