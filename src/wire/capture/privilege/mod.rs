//! What the sensor gives up before it reads the first frame, so that whoever takes it
//! over by a frame has gained nothing: its user, its capabilities, the file system, the
//! network, and the system calls for anything else. The kernel holds it to that.
//!
//! ```text
//!  interfaces are opened ▸ confine ▸ inventory is opened ▸ lanes ▸ each: confine_worker ▸ frames
//!  with all rights         user, capabilities,             threads inherit everything
//!                          Landlock, seccomp
//! ```
//!
//! **Nothing is sent.** The descriptors of sockets of capture begin at [`APART`], and
//! after [`confine`] no other descriptor can be so high, since that is the limit of open
//! files. A filter of system calls thus knows them by their number: neither write(2)
//! and its kin nor sendto(2) take them, nothing copies them to a lower number, and
//! sendmsg(2), splice(2) and io_uring are refused altogether.

mod calls;
mod files;
#[allow(unsafe_code, reason = "the runtime tells nobody")]
mod outset;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
mod process;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
mod user;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "libpcap")]
pub(super) use calls::confine_lookups;
pub use calls::confine_worker;
pub use outset::out_was_closed;
pub use process::monotonic;

/// Descriptors of sockets of capture are as high as this or higher; after [`confine`],
/// all others are lower.
pub const APART: libc::c_int = 512;

/// Whom the sensor turns to when nobody was named.
const USER: &str = "auscult";

/// What is needed afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Confine<'a> {
    /// Whom to turn to. When nobody is named: `auscult`, where there is such a user and
    /// the directory `state` is theirs.
    pub user: Option<&'a str>,
    /// Directory of the inventory: read, written, and where temporary files go.
    pub state: &'a Path,
    /// Directories that are written besides.
    pub writable: &'a [&'a Path],
    /// Files and directories that are read besides. Those that are not there are passed
    /// over.
    pub readable: &'a [&'a Path],
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// Who the process is now.
    pub user: String,
    /// It is root, although without a root's capabilities.
    pub root: bool,
    /// Version of the kernel's Landlock that holds the files; none: the kernel has none.
    pub landlock: Option<u32>,
    /// Whether a filter of system calls is on.
    pub seccomp: bool,
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, no capabilities, ", self.user)?;
        match self.landlock {
            Some(version) => write!(f, "landlock ABI {version}, ")?,
            None => f.write_str("no landlock in this kernel, ")?,
        }
        f.write_str(if self.seccomp { "seccomp" } else { "no seccomp in this kernel" })?;
        if self.root {
            f.write_str("; --user NAME turns to a user who is not root")?;
        }
        Ok(())
    }
}

/// What a kernel offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Version of Landlock, where it is built in and switched on.
    pub landlock: Option<u32>,
    /// Whether system calls can be filtered.
    pub seccomp: bool,
}

/// Asks the kernel what it offers, and changes nothing.
#[must_use]
pub fn offered() -> Offered {
    Offered { landlock: process::landlock_version(), seccomp: process::has_seccomp() }
}

/// Rights could not be given up: what, why, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such user.
    #[error("there is no user {0}; `useradd --system {0}` makes one, or name another as --user")]
    NoUser(String),
    /// Somebody else asks for it.
    #[error("only root can turn to user {0}; start as root, or leave out --user")]
    NotRoot(String),
    /// The inventory's directory is another's.
    #[error(
        "{}: user {user} cannot write there; `chown {user}` it, or name another --user or --db",
        path.display()
    )]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// Who cannot.
        user: String,
    },
    /// Nobody can write there.
    #[error(
        "{}: its file system is mounted read-only; remount it writable, or name another --db",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// The inventory's directory cannot be found.
    #[error("{}: no such directory; make it, or name another --db", .0.display())]
    Missing(PathBuf),
    /// The kernel refused.
    #[error("rights could not be given up: {0} failed ({1}); another sandbox may forbid it")]
    Step(&'static str, #[source] io::Error),
}

/// Gives up everything that is not needed to read frames from the interfaces that are
/// open and to write the inventory. To be called while the process has only its first
/// thread: what is started later inherits everything.
///
/// A kernel without Landlock or seccomp is no error; the answer says so.
///
/// # Errors
/// The user cannot be turned to, or cannot write the inventory's directory; or the
/// kernel refused. The process may then have given up some rights.
pub fn confine(wanted: &Confine<'_>) -> Result<Confined, Refusal> {
    let offered = offered();
    let state = wanted.state;
    if !state.is_dir() {
        return Err(Refusal::Missing(state.to_owned()));
    }
    let next = user::choose(wanted.user, state)?;
    process::drop_bounding_set();
    if let Some(next) = &next {
        user::turn_to(next).map_err(|error| Refusal::Step("setresuid", error))?;
    }
    process::drop_capabilities()?;
    process::no_dumps_and_no_new_privileges()?;
    let (user, root) = user::current();
    for &path in wanted.writable.iter().chain([&state]) {
        if let Err(error) = process::may_write(path) {
            let path = path.to_owned();
            return Err(match error.raw_os_error() {
                Some(libc::EROFS) => Refusal::ReadOnly(path),
                _ => Refusal::Unwritable { path, user },
            });
        }
    }
    process::temporary_files_in(state);
    let landlock = files::restrict(wanted)
        .map_err(|error| Refusal::Step("Landlock", io::Error::other(error)))?
        .then_some(offered.landlock)
        .flatten();
    process::limit_descriptors()?;
    if offered.seccomp {
        calls::filter_process().map_err(|error| Refusal::Step("seccomp", error))?;
    }
    Ok(Confined { user, root, landlock, seccomp: offered.seccomp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_in_one_line() {
        let mut confined =
            Confined { user: "auscult".into(), root: false, landlock: Some(7), seccomp: true };
        let said = "user auscult, no capabilities, landlock ABI 7, seccomp";
        assert_eq!(confined.to_string(), said);
        (confined.user, confined.root) = ("root".into(), true);
        (confined.landlock, confined.seccomp) = (None, false);
        let said = confined.to_string();
        assert!(said.contains("no landlock") && said.contains("no seccomp"), "{said}");
        assert!(said.contains("--user"), "{said}");
    }

    #[test]
    fn each_refusal_has_its_remedy() {
        let error = || io::Error::from_raw_os_error(libc::EPERM);
        for refusal in [
            Refusal::NoUser("joe".into()),
            Refusal::NotRoot("joe".into()),
            Refusal::Unwritable { path: "/x".into(), user: "joe".into() },
            Refusal::ReadOnly("/x".into()),
            Refusal::Missing("/x".into()),
            Refusal::Step("seccomp", error()),
        ] {
            let said = refusal.to_string();
            assert!(said.contains(';') && said.lines().count() == 1, "{said}");
        }
    }

    #[test]
    fn a_user_that_is_not_there_is_named() {
        let here = std::env::temp_dir();
        let wanted =
            Confine { user: Some("no-such-user-here"), state: &here, writable: &[], readable: &[] };
        let said = confine(&wanted).unwrap_err().to_string();
        assert!(said.contains("no user no-such-user-here"), "{said}");
        let gone = Confine { user: None, state: Path::new("/no/such/place"), ..wanted };
        assert!(matches!(confine(&gone), Err(Refusal::Missing(_))));
    }
}
