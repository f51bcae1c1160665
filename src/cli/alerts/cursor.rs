//! How far a receiver is: a small file that is replaced as a whole.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::Failure;
use crate::store::Alert;

/// The last alert that a receiver has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Its number; 0 before the first.
    pub(super) id: i64,
    /// Tells it from the same number in another inventory; empty when it is not known.
    pub(super) print: String,
    /// Alerts that went before the receiver had them.
    pub(super) missed: u64,
}

impl Position {
    /// After an alert.
    pub(super) fn after(&self, alert: &Alert) -> Self {
        Self { id: alert.id, print: print(alert), missed: self.missed }
    }

    /// Whether this is the alert that it stands after.
    pub(super) fn is_after(&self, alert: &Alert) -> bool {
        alert.id == self.id && (self.print.is_empty() || self.print == print(alert))
    }
}

/// How far a receiver is, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Up to where it certainly has them.
    #[serde(flatten)]
    pub(super) certain: Position,
    /// How far it was handed over beyond, each time from there on. Kept, so that a process
    /// that is ended over and over, before anything is certain, comes to an end of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) passes: Vec<Position>,
    /// What it was asked to be given, in the words of the command line; empty for everything.
    /// What that left out lies behind it: with other words it would be lost unsaid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) asked: String,
}

fn print(alert: &Alert) -> String {
    let text = format!("{}|{}|{}|{}", alert.at.0, alert.kind, alert.asset, alert.subject);
    HEXLOWER.encode(&Sha256::digest(text)).chars().take(16).collect()
}

/// The directory of all cursors, which one process at a time has.
pub(super) struct State {
    directory: PathBuf,
    _alone: File,
}

impl State {
    pub(super) fn open(directory: &Path) -> Result<Self, Failure> {
        let shown = directory.display();
        let said = |why: io::Error| {
            Failure::Said(format!("{shown}: {why}; name another directory with --state"))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(said)?;
        let owner = fs::metadata(directory).map_err(said)?.uid();
        if rustix::process::geteuid().is_root() && owner != 0 {
            // Its files would be root's, and whose it is could not go on.
            return Err(Failure::Said(format!(
                "{shown}: belongs to user {owner}, not to root; deliver as that user \
                 (`setpriv --reuid {owner} --clear-groups auscult alerts …`), or name another \
                 directory with --state"
            )));
        }
        let lock = directory.join("lock");
        let alone =
            File::create(&lock).map_err(|why| not_ours(&lock).unwrap_or_else(|| said(why)))?;
        if alone.try_lock().is_err() {
            return Err(Failure::Said(format!(
                "{shown}: another auscult delivers from here; end it, or name another directory \
                 with --state"
            )));
        }
        Ok(Self { directory: directory.to_owned(), _alone: alone })
    }

    /// Where the receiver of a name is; none when it is new here. What cannot be read is
    /// taken for new: told twice is better than not told.
    pub(super) fn load(&self, name: &str) -> Result<Option<Cursor>, io::Error> {
        match fs::read(self.path(name)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All of it is there afterwards, also after a loss of power, or what was before.
    pub(super) fn save(&self, name: &str, cursor: &Cursor) -> io::Result<()> {
        let path = self.path(name);
        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(cursor)?)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&part, &path)?;
        File::open(&self.directory)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.cursor"))
    }
}

/// What to do where a file belongs to somebody else, such as root, who has delivered once.
fn not_ours(file: &Path) -> Option<Failure> {
    let (owner, who) = (fs::metadata(file).ok()?.uid(), rustix::process::geteuid().as_raw());
    let shown = file.display();
    (owner != who).then(|| {
        Failure::Said(format!(
            "{shown}: belongs to user {owner}, and this process is user {who} and may not write \
             it: `chown -R {who} {}`, or name another directory with --state",
            file.parent().unwrap_or(file).display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_again_and_only_one_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("a/b")).unwrap();
        assert!(State::open(&dir.path().join("a/b")).is_err());
        assert_eq!(state.load("x").unwrap(), None);
        let at = |id| Position { id, print: "ab".to_owned(), missed: 2 };
        let asked = "--severity critical".to_owned();
        let cursor = Cursor { certain: at(7), passes: vec![at(9), at(8)], asked };
        state.save("x", &cursor).unwrap();
        assert_eq!(state.load("x").unwrap(), Some(cursor));
        // As it was before passes were kept.
        fs::write(state.path("x"), r#"{"id":7,"print":"ab","missed":2}"#).unwrap();
        let before = Cursor { certain: at(7), ..Cursor::default() };
        assert_eq!(state.load("x").unwrap(), Some(before));
        fs::write(state.path("x"), "{").unwrap();
        assert!(state.load("x").is_err());
        drop(state);
        State::open(&dir.path().join("a/b")).unwrap();
    }

    #[test]
    fn a_full_disk_leaves_what_was() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let cursor =
            |id| Cursor { certain: Position { id, ..Position::default() }, ..Cursor::default() };
        state.save("x", &cursor(1)).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("x.part")).unwrap();
        assert!(state.save("x", &cursor(2)).is_err());
        assert_eq!(state.load("x").unwrap(), Some(cursor(1)));
    }
}
