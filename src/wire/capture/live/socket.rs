//! The few system calls that sockets of capture need and the standard library lacks.

use std::ffi::CString;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

use libc::{c_int, socklen_t};

use super::Fault;
use crate::wire::capture::privilege::APART;

/// A raw packet socket (packet(7)) that is bound to nothing yet and so receives
/// nothing. Needs `CAP_NET_RAW`.
pub(super) fn packet_socket() -> io::Result<OwnedFd> {
    open(libc::AF_PACKET, libc::SOCK_RAW)
}

/// socket(2), closed on execve(2) and never waiting. Its descriptor is one of those
/// that nothing is ever written to ([`APART`]).
pub(super) fn open(family: c_int, kind: c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers only; a descriptor that is returned is new and ours.
    let fd = unsafe { libc::socket(family, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, owned by nobody else.
    set_apart(&unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The same socket with a descriptor of capture.
fn set_apart(low: &OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: numbers only; a descriptor that is returned is new and ours.
    let copy = || match unsafe { libc::fcntl(low.as_raw_fd(), libc::F_DUPFD_CLOEXEC, APART) } {
        fd if fd < 0 => Err(io::Error::last_os_error()),
        // SAFETY: as above.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    };
    copy().or_else(|_| {
        raise_limit();
        // The limit itself is EINVAL here, which says nothing to anybody.
        copy().map_err(|_| io::Error::from_raw_os_error(libc::EMFILE))
    })
}

/// Runs this while every descriptor below [`APART`] is taken, so that those it makes are
/// of capture although somebody else makes them.
#[cfg(feature = "libpcap")]
pub(super) fn apart<T>(taker: OwnedFd, run: impl FnOnce() -> T) -> io::Result<T> {
    raise_limit();
    let mut taken = Vec::new();
    loop {
        let next = taker.try_clone()?;
        if next.as_raw_fd() >= APART {
            break;
        }
        taken.push(next);
    }
    Ok(run())
}

/// Lets as many files be open as the process may ask for.
fn raise_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one live rlimit, filled in by the first call and read by the second.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Binds a packet socket to all protocols of an interface: frames come from now on.
pub(super) fn bind(socket: &OwnedFd, index: c_int) -> io::Result<()> {
    // SAFETY: a sockaddr_ll of zeros is a valid one.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
    address.sll_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
    address.sll_ifindex = index;
    let length = length_of::<libc::sockaddr_ll>();
    // SAFETY: pointer and length are those of one live sockaddr_ll.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    check(done)
}

/// setsockopt(2) with a plain value.
pub(super) fn set<T: Copy>(
    socket: &impl AsRawFd,
    level: c_int,
    name: c_int,
    value: &T,
) -> io::Result<()> {
    let at = (&raw const *value).cast();
    // SAFETY: pointer and length are those of one live `T`; the kernel only reads.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, at, length_of::<T>()) })
}

/// getsockopt(2) of a C structure of numbers.
///
/// # Safety
/// All zeros, and whatever else the kernel may write for this option, are valid for `T`.
pub(super) unsafe fn get<T: Copy>(
    socket: &impl AsRawFd,
    level: c_int,
    name: c_int,
) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = length_of::<T>();
    let at = value.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `length` bytes, the size of the live `value`.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, at, &raw mut length) })?;
    // SAFETY: the caller says that zeros and what the kernel writes are valid.
    Ok(unsafe { value.assume_init() })
}

/// Frames that found no room in the ring of a packet socket since this was last asked.
pub(super) fn drops(socket: &impl AsRawFd) -> io::Result<u64> {
    statistics(socket).map(|said| u64::from(said.tp_drops))
}

/// Frames that came to a packet socket, with or without room for them, since this was last
/// asked.
pub(super) fn arrivals(socket: &impl AsRawFd) -> io::Result<u64> {
    statistics(socket).map(|said| u64::from(said.tp_packets))
}

fn statistics(socket: &impl AsRawFd) -> io::Result<libc::tpacket_stats_v3> {
    // SAFETY: three numbers.
    unsafe { get(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS) }
}

/// Lets a packet socket count what comes to an interface and keep next to none of it.
pub(super) fn count(socket: &OwnedFd, index: c_int) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &0_i32)?;
    // What this host sends is not counted; older kernels lack the option.
    let _ = set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32);
    bind(socket, index)
}

/// Sees everything that passes, not only what is addressed to the card; until the
/// socket is closed.
pub(super) fn promiscuous(socket: &OwnedFd, index: c_int) -> io::Result<()> {
    let kind = u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default();
    let all =
        libc::packet_mreq { mr_ifindex: index, mr_type: kind, mr_alen: 0, mr_address: [0; 8] };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &all)
}

/// Takes the ring away again, which no mapping may hold any more.
pub(super) fn without_ring(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: a structure of numbers.
    let none: libc::tpacket_req3 = unsafe { MaybeUninit::zeroed().assume_init() };
    set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &none)
}

/// Waits until there is something to read; true when the socket has an error instead.
pub(super) fn wait(socket: &impl AsRawFd, most: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let most = c_int::try_from(most.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: one live pollfd.
    match check(unsafe { libc::poll(&raw mut poll, 1, most) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0),
    }
}

/// Takes the pending error of a socket whose interface is there and up.
pub(super) fn pending(socket: &impl AsRawFd) -> Option<Fault> {
    // SAFETY: SO_ERROR is an int.
    match unsafe { get::<c_int>(socket, libc::SOL_SOCKET, libc::SO_ERROR) } {
        // It was down and is up again.
        Ok(0 | libc::ENETDOWN) => None,
        Ok(code) => Some(io::Error::from_raw_os_error(code).into()),
        Err(error) => Some(error.into()),
    }
}

/// Index of an interface, while there is one of this name.
pub fn index_of(interface: &str) -> Option<c_int> {
    let name = CString::new(interface).ok()?;
    // SAFETY: a C string that lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    c_int::try_from(index).ok().filter(|&index| index > 0)
}

pub(super) fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn length_of<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).unwrap_or_default()
}
