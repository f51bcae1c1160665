//! Whose files an inventory is made of. A file that somebody else owns can be read and not
//! written: SQLite then opens it all the same, and every write fails.

use std::fs::{File, OpenOptions, metadata};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Fault;

/// What SQLite has beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Where root makes an inventory in somebody's directory, it is theirs: the service does not
/// run as root. What SQLite makes beside it then gets the same owner. Where that cannot be,
/// [`refused`] tells them later.
pub(super) fn begin(path: &Path) {
    let directory = folder(path);
    let Ok(of) = metadata(&directory) else { return };
    if !rustix::process::geteuid().is_root() || of.uid() == 0 {
        return;
    }
    // Only a file that is made here and now: behind a link may stand anything.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    let _ = made.and_then(|file: File| fchown(file, Some(of.uid()), Some(of.gid())));
}

/// Why an inventory cannot be written by who asks: one of its files, or their directory.
pub(super) fn refused(path: &Path) -> Option<Fault> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = BESIDE.map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    let denied = |it: &Path, needed| matches!(access(it, needed), Err(Errno::ACCESS));
    let both = Access::READ_OK | Access::WRITE_OK;
    let who = user(rustix::process::geteuid().as_raw());
    for file in std::iter::once(&path).chain(&beside) {
        let Some(of) = denied(file, both).then(|| metadata(file).ok()).flatten() else { continue };
        let all = path.display();
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let remedy = match of.uid() == uid.as_raw() {
            true => format!("`chmod u+rw {all}*`"),
            false => format!("`chown {}:{} {all}*`", uid.as_raw(), gid.as_raw()),
        };
        let (file, whose) = (file.display().to_string(), user(of.uid()));
        return Some(Fault::NotOurs { file, whose, who, remedy });
    }
    let directory = folder(&path);
    let of = denied(&directory, both | Access::EXEC_OK).then(|| metadata(&directory).ok())??;
    let (file, whose) = (directory.display().to_string(), user(of.uid()));
    let remedy = format!("run auscult as {whose}");
    Some(Fault::NotOurs { file, whose, who, remedy })
}

/// The directory in which a file is, or is to be.
fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// By number: who has given up the right to read files knows no names.
fn user(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("user {uid}") }
}
