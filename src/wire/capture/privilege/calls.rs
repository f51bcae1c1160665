//! seccomp: which system calls are left, and with which arguments. What is not listed
//! fails with EPERM. The lists are what the standard library, SQLite, the C library's
//! allocator and threads, and capture itself call.

use std::collections::BTreeMap;
use std::io;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::APART;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Memory, time, signals, threads that are there: what every thread needs.
const BASIC: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_getsockopt,
    // Wakes a driver (AF_XDP); answers a client of the metrics.
    libc::SYS_recvfrom,
];

/// Files, threads to be started, what a service answers on sockets it already has.
const SERVICE: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    // Whether a file system is mounted read-only.
    libc::SYS_statfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_fchmod,
    libc::SYS_fchown,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fadvise64,
    libc::SYS_copy_file_range,
    libc::SYS_sched_setaffinity,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_pselect6,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_shutdown,
    // Its flags cannot be seen; another filter makes the C library use clone(2).
    libc::SYS_clone3,
];

/// Older calls for some of these.
#[cfg(target_arch = "x86_64")]
const BASIC_OLD: &[c_long] = &[libc::SYS_poll, libc::SYS_time];
#[cfg(target_arch = "x86_64")]
const SERVICE_OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_getrlimit,
    libc::SYS_select,
];
#[cfg(target_arch = "aarch64")]
const BASIC_OLD: &[c_long] = &[];
/// renameat(2), which musl calls and not every libc names.
#[cfg(target_arch = "aarch64")]
const SERVICE_OLD: &[c_long] = &[38];

/// What an interface is asked by any socket.
const ABOUT_INTERFACES: [libc::Ioctl; 4] =
    [libc::SIOCGIFINDEX, libc::SIOCGIFNAME, libc::SIOCGIFFLAGS, libc::SIOCGIFMTU];
/// What descriptors are asked: the size of a terminal, whether it is one; to never wait.
const ABOUT_DESCRIPTORS: [libc::Ioctl; 5] =
    [libc::TIOCGWINSZ, libc::TCGETS, libc::TCGETS2, libc::FIONBIO, libc::FIOCLEX];
/// Options of a packet socket that is opened again; none for transmission is among them.
const PACKET_OPTIONS: [c_int; 6] = [
    libc::PACKET_VERSION,
    libc::PACKET_RESERVE,
    libc::PACKET_IGNORE_OUTGOING,
    libc::PACKET_RX_RING,
    libc::PACKET_ADD_MEMBERSHIP,
    libc::PACKET_FANOUT,
];
/// Commands of fcntl(2) that a socket of capture takes: none makes another descriptor.
const ASK_FLAGS: [c_int; 4] = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];
/// Commands of prctl(2): names of threads and of memory, and less rights.
const PRCTL: [c_int; 4] =
    [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_VMA];
/// The part of socket(2)'s second argument that is the type.
const SOCKET_TYPE: u64 = 0xf;

/// Puts the filter of the whole process on this thread and all it starts.
pub(super) fn filter_process() -> io::Result<()> {
    let mut calls = Calls::default();
    for list in [BASIC, SERVICE, BASIC_OLD, SERVICE_OLD] {
        calls.all(list);
    }
    calls.basic();
    for request in ABOUT_DESCRIPTORS {
        calls.when(libc::SYS_ioctl, [is(1, request)]);
    }
    let thread = number(libc::CLONE_THREAD);
    calls.when(libc::SYS_clone, [(0, SeccompCmpOp::MaskedEq(thread), thread)]);
    calls.when(libc::SYS_prlimit64, [is(0, 0)]);
    calls.when(libc::SYS_seccomp, [is(0, libc::SECCOMP_SET_MODE_FILTER)]);
    let apart = number(APART);
    let (capture, other) = ((0, SeccompCmpOp::Ge, apart), (0, SeccompCmpOp::Lt, apart));
    for call in [
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_sendto,
        libc::SYS_accept4,
        libc::SYS_fcntl,
    ] {
        calls.when(call, [other.clone()]);
    }
    for command in ASK_FLAGS {
        calls.when(libc::SYS_fcntl, [capture.clone(), is(1, command)]);
    }
    // A spare socket is bound to an interface that came back.
    calls.when(libc::SYS_bind, [capture]);
    for option in PACKET_OPTIONS {
        calls.when(libc::SYS_setsockopt, [is(1, libc::SOL_PACKET), is(2, option)]);
    }
    for option in [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO] {
        calls.when(libc::SYS_setsockopt, [is(1, libc::SOL_SOCKET), is(2, option)]);
    }
    let refuse = SeccompAction::Errno(errno(libc::EPERM));
    let allowed = calls.program(refuse, SeccompAction::Allow)?;

    // The stricter of two filters counts: this one refuses in a way after which the C
    // library tries clone(2).
    let mut absent = Calls::default();
    absent.all(&[libc::SYS_clone3]);
    let no_such_call = SeccompAction::Errno(errno(libc::ENOSYS));
    let absent = absent.program(SeccompAction::Allow, no_such_call)?;
    for program in [absent, allowed] {
        apply_filter(&program).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Puts a stricter filter on this thread: one that reads frames from a source that is
/// open. It opens nothing, connects to nothing, writes to standard error alone, and
/// starts nothing.
///
/// # Errors
/// The kernel has no seccomp. What was put on the process before holds all the same.
pub fn confine_worker() -> io::Result<()> {
    let mut calls = Calls::default();
    for list in [BASIC, BASIC_OLD] {
        calls.all(list);
    }
    calls.basic();
    for call in [libc::SYS_write, libc::SYS_writev] {
        calls.when(call, [is(0, libc::STDERR_FILENO)]);
    }
    for command in ASK_FLAGS {
        calls.when(libc::SYS_fcntl, [is(1, command)]);
    }
    let refuse = SeccompAction::Errno(errno(libc::EPERM));
    apply_filter(&calls.program(refuse, SeccompAction::Allow)?).map_err(io::Error::other)
}

/// Takes from this thread alone every way to ask others: a name is not looked up, nor
/// is anything else sent.
///
/// # Errors
/// The kernel has no seccomp.
#[cfg(feature = "libpcap")]
pub(in crate::wire::capture) fn confine_lookups() -> io::Result<()> {
    let mut calls = Calls::default();
    calls.all(&[
        libc::SYS_connect,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_io_uring_setup,
    ]);
    let refuse = SeccompAction::Errno(errno(libc::EPERM));
    apply_filter(&calls.program(SeccompAction::Allow, refuse)?).map_err(io::Error::other)
}

/// Number of an argument, how it is compared, with what. Arguments of the calls here
/// are read by the kernel as 32-bit numbers, but for lengths and addresses.
type Condition = (u8, SeccompCmpOp, u64);

/// A list of system calls, some under conditions.
#[derive(Default)]
struct Calls(BTreeMap<i64, Vec<Vec<Condition>>>);

impl Calls {
    fn all(&mut self, list: &[c_long]) {
        for &call in list {
            self.0.insert(call, Vec::new());
        }
    }

    /// One more way in which a call is allowed.
    fn when<const N: usize>(&mut self, call: c_long, conditions: [Condition; N]) {
        self.0.entry(call).or_default().push(conditions.into());
    }

    /// Conditions that hold for every thread.
    fn basic(&mut self) {
        // Memory may hold no program, so none can be brought in.
        let no_program = || (2, SeccompCmpOp::MaskedEq(number(libc::PROT_EXEC)), 0);
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            self.when(call, [no_program()]);
        }
        // abort(3).
        self.when(libc::SYS_tgkill, [is(0, std::process::id())]);
        for command in PRCTL {
            self.when(libc::SYS_prctl, [is(0, command)]);
        }
        // For the index of an interface, and a word to the service manager or journal.
        let datagrams = (1, SeccompCmpOp::MaskedEq(SOCKET_TYPE), number(libc::SOCK_DGRAM));
        self.when(libc::SYS_socket, [is(0, libc::AF_UNIX), datagrams]);
        for request in ABOUT_INTERFACES {
            self.when(libc::SYS_ioctl, [is(1, request)]);
        }
    }

    fn program(self, otherwise: SeccompAction, listed: SeccompAction) -> io::Result<BpfProgram> {
        let condition = |(argument, how, value): Condition| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value)
        };
        let rule = |conditions: Vec<Condition>| {
            SeccompRule::new(conditions.into_iter().map(condition).collect::<Result<_, _>>()?)
        };
        let rules = self.0.into_iter().map(|(call, ways)| {
            let ways = ways.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
            Ok((call, ways))
        });
        rules
            .collect::<Result<_, _>>()
            .and_then(|rules| SeccompFilter::new(rules, otherwise, listed, ARCH))
            .and_then(BpfProgram::try_from)
            .map_err(io::Error::other)
    }
}

fn is(argument: u8, value: impl TryInto<u64>) -> Condition {
    (argument, SeccompCmpOp::Eq, number(value))
}

/// A number of the C library as the kernel compares it; a negative one is none.
fn number(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(u64::MAX)
}

fn errno(code: c_int) -> u32 {
    u32::try_from(code).unwrap_or_default()
}
