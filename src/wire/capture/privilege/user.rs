//! Who the process is, and turning to somebody else.

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use libc::{c_int, gid_t, uid_t};

use super::{Refusal, USER};

/// Room for the texts of a passwd entry.
const ROOM: usize = 16 << 10;

/// An entry of passwd(5).
pub(super) struct Entry {
    name: String,
    uid: uid_t,
    gid: gid_t,
}

/// The user to turn to; none when it is to stay who it is.
pub(super) fn choose(named: Option<&str>, state: &Path) -> Result<Option<Entry>, Refusal> {
    let now = effective();
    let Some(named) = named else {
        return Ok(owner(USER, state).filter(|_| now == 0));
    };
    let user = by_name(named).ok_or_else(|| Refusal::NoUser(named.to_owned()))?;
    match now {
        0 => Ok(Some(user)),
        _ if now == user.uid => Ok(None),
        _ => Err(Refusal::NotRoot(named.to_owned())),
    }
}

/// The user of this name, when a directory is theirs.
fn owner(name: &str, directory: &Path) -> Option<Entry> {
    let uid = directory.metadata().ok()?.uid();
    by_name(name).filter(|user| user.uid == uid)
}

/// Turns to a user for good, with all threads, and into their own group alone.
pub(super) fn turn_to(user: &Entry) -> io::Result<()> {
    let &Entry { uid, gid, .. } = user;
    // SAFETY: no group is read from an empty list; numbers only else.
    unsafe {
        done(libc::setgroups(0, std::ptr::null()))?;
        done(libc::setresgid(gid, gid, gid))?;
        done(libc::setresuid(uid, uid, uid))?;
    }
    let (mut real, mut now, mut saved) = (0, 0, 0);
    // SAFETY: three live numbers.
    done(unsafe { libc::getresuid(&raw mut real, &raw mut now, &raw mut saved) })?;
    if [real, now, saved] == [uid; 3] { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
}

/// Name (or number) of who the process is, and whether that is root.
pub(super) fn current() -> (String, bool) {
    let uid = effective();
    (by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name), uid == 0)
}

fn effective() -> uid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

fn by_name(name: &str) -> Option<Entry> {
    let name = CString::new(name).ok()?;
    // SAFETY: the pointers are those of `entry`, its room and a C string, all live.
    entry(|entry, room, length, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), entry, room, length, found)
    })
}

fn by_uid(uid: uid_t) -> Option<Entry> {
    // SAFETY: the pointers are those of `entry` and its room, all live.
    entry(|entry, room, length, found| unsafe { libc::getpwuid_r(uid, entry, room, length, found) })
}

/// Asks getpwnam_r(3) or its sibling: entry, room, length of the room, found.
fn entry(
    ask: impl Fn(*mut libc::passwd, *mut c_char, usize, *mut *mut libc::passwd) -> c_int,
) -> Option<Entry> {
    let mut entry = MaybeUninit::<libc::passwd>::zeroed();
    let mut room: Vec<c_char> = vec![0; ROOM];
    let mut found = std::ptr::null_mut();
    if ask(entry.as_mut_ptr(), room.as_mut_ptr(), ROOM, &raw mut found) != 0 || found.is_null() {
        return None;
    }
    // SAFETY: zeroed numbers and pointers are valid, and the call has filled them in.
    let entry = unsafe { entry.assume_init() };
    // SAFETY: an entry that was found has a name, a C string in `room`.
    let name = unsafe { CStr::from_ptr(entry.pw_name) }.to_string_lossy().into_owned();
    Some(Entry { name, uid: entry.pw_uid, gid: entry.pw_gid })
}

fn done(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let root = by_name("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(by_uid(0).unwrap().name, "root");
        assert!(by_name("no-such-user-here").is_none());
        assert!(by_name("a\0b").is_none());
    }

    #[test]
    fn a_directory_says_whose_it_is() {
        assert_eq!(owner("root", Path::new("/proc")).unwrap().uid, 0);
        assert!(owner("nobody", Path::new("/proc")).is_none());
        assert!(owner("root", Path::new("/no/such/place")).is_none());
        assert!(choose(None, Path::new("/proc")).unwrap().is_none());
        assert!(choose(Some("no-such-user-here"), Path::new("/")).is_err());
    }
}
