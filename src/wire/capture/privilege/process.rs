//! What a process can give up by single system calls: capabilities(7), new privileges
//! by programs, dumps of its memory, high descriptors.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use libc::{c_int, c_long, c_ulong};

use super::{APART, Refusal};

/// `_LINUX_CAPABILITY_VERSION_3`: sets of 64 in two words.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// More capabilities than this no kernel can have.
const MOST_CAPABILITIES: c_ulong = 64;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Takes every capability out of what a program could ever gain. Whoever lacks
/// `CAP_SETPCAP` keeps that set, and gains nothing by it: programs cannot be run, and
/// give no privileges.
pub(super) fn drop_bounding_set() {
    for capability in 0..MOST_CAPABILITIES {
        // SAFETY: numbers only.
        let _ = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Drops all capabilities that the process has or could pass on.
pub(super) fn drop_capabilities() -> Result<(), Refusal> {
    let clear = c_ulong::try_from(libc::PR_CAP_AMBIENT_CLEAR_ALL).unwrap_or_default();
    prctl("PR_CAP_AMBIENT", libc::PR_CAP_AMBIENT, clear)?;
    let header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let none = [Sets::default(); 2];
    // SAFETY: a live header and the two sets that its version has; only read.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, &raw const none) };
    check("capset", done)
}

/// No program that is run has more rights, and memory with patients' data in it reaches
/// neither a core file nor a debugger.
pub(super) fn no_dumps_and_no_new_privileges() -> Result<(), Refusal> {
    prctl("PR_SET_NO_NEW_PRIVS", libc::PR_SET_NO_NEW_PRIVS, 1)?;
    prctl("PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 0)?;
    limit("RLIMIT_CORE", libc::RLIMIT_CORE, 0)
}

/// From now on no descriptor is opened as high as those of capture.
pub(super) fn limit_descriptors() -> Result<(), Refusal> {
    let most = libc::rlim_t::try_from(APART).unwrap_or_default();
    limit("RLIMIT_NOFILE", libc::RLIMIT_NOFILE, most)
}

/// Whether the process may make files in a directory, as it is now.
pub(super) fn may_write(directory: &Path) -> io::Result<()> {
    let path = CString::new(directory.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let how = libc::R_OK | libc::W_OK | libc::X_OK;
    // SAFETY: a C string that lives through the call.
    match unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), how, libc::AT_EACCESS) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// SQLite and the standard library make temporary files here.
pub(super) fn temporary_files_in(directory: &Path) {
    // SAFETY: the process has only its first thread (see `confine`), so nobody reads
    // the environment meanwhile.
    unsafe {
        std::env::remove_var("SQLITE_TMPDIR");
        std::env::set_var("TMPDIR", directory);
    }
}

/// The clock that nobody can set (`CLOCK_MONOTONIC`), as a service manager compares it.
#[must_use]
pub fn monotonic() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one live timespec. The clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}

/// Version of Landlock that the kernel offers.
pub(super) fn landlock_version() -> Option<u32> {
    const ONLY_THE_VERSION: c_ulong = 1;
    let (none, length) = (std::ptr::null::<u8>(), 0_usize);
    // SAFETY: with this flag nothing is read and nothing is made.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, length, ONLY_THE_VERSION) };
    u32::try_from(version).ok().filter(|&version| version > 0)
}

/// Whether the kernel filters system calls: it knows the action for those refused.
pub(super) fn has_seccomp() -> bool {
    let (action, no_flags): (u32, c_ulong) = (libc::SECCOMP_RET_ERRNO, 0);
    let ask = libc::SECCOMP_GET_ACTION_AVAIL;
    // SAFETY: the address of a live number; only read.
    unsafe { libc::syscall(libc::SYS_seccomp, ask, no_flags, &raw const action) == 0 }
}

fn prctl(name: &'static str, option: c_int, value: c_ulong) -> Result<(), Refusal> {
    // SAFETY: the options used here take numbers only.
    let done = unsafe { libc::prctl(option, value, 0, 0, 0) };
    check(name, c_long::from(done))
}

#[cfg(not(target_env = "musl"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(target_env = "musl")]
type Resource = c_int;

/// Lowers a limit, if it is higher, for good.
fn limit(name: &'static str, resource: Resource, most: libc::rlim_t) -> Result<(), Refusal> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one live rlimit.
    let asked = unsafe { libc::getrlimit(resource, &raw mut now) };
    check(name, c_long::from(asked))?;
    let lower = libc::rlimit { rlim_cur: now.rlim_cur.min(most), rlim_max: now.rlim_max.min(most) };
    // SAFETY: one live rlimit; only read.
    let set = unsafe { libc::setrlimit(resource, &raw const lower) };
    check(name, c_long::from(set))
}

fn check(name: &'static str, result: c_long) -> Result<(), Refusal> {
    if result < 0 { Err(Refusal::Step(name, io::Error::last_os_error())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_is_asked_for_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(may_write(dir.path()).is_ok());
        assert!(may_write(&dir.path().join("no-such")).is_err());
        let elsewhere = may_write(Path::new("/proc/1/map_files"));
        assert!(elsewhere.is_err() || super::super::user::current().1);
    }

    #[test]
    fn the_sets_lie_as_the_kernel_has_them() {
        assert_eq!((size_of::<Header>(), size_of::<[Sets; 2]>()), (8, 24));
    }
}
