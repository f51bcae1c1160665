//! What the kernel says of an interface: its state by its index, its longest packet,
//! its receive queues (netdevice(7)), and what [`super::ethtool`] asks a driver.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram;

use libc::c_int;

use super::Fault;
use super::socket::check;

/// Bytes of an interface's name with its closing zero.
const NAME: usize = 16;

/// `struct ifreq`, with room for the largest member of its union.
#[repr(C, align(8))]
#[derive(Clone, Copy, Default)]
struct Request {
    name: [u8; NAME],
    value: [u8; 24],
}

impl Request {
    /// The same with this at the start of the union.
    fn with(mut self, value: &[u8]) -> Self {
        for (byte, of) in self.value.iter_mut().zip(value) {
            *byte = *of;
        }
        self
    }
}

/// An interface, held by its index: it may be renamed meanwhile.
pub(super) struct Device {
    /// Any socket will do; this kind needs no rights and no protocol, and it keeps
    /// asking in the network namespace in which it was opened.
    control: UnixDatagram,
    index: c_int,
}

impl Device {
    /// The interface of this name.
    ///
    /// # Errors
    /// ENODEV: there is none.
    pub(super) fn find(name: &str) -> io::Result<Self> {
        let control = UnixDatagram::unbound()?;
        let answer = ask(&control, libc::SIOCGIFINDEX, named(name)?)?;
        Ok(Self { control, index: number(&answer) })
    }

    pub(super) const fn index(&self) -> c_int {
        self.index
    }

    /// Whether frames can come at all.
    pub(super) fn state(&self) -> Result<(), Fault> {
        let flags = self.flags().map_err(|error| match error.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO) => Fault::Gone,
            _ => Fault::Io(error),
        })?;
        if flags & libc::IFF_UP != 0 { Ok(()) } else { Err(Fault::Down) }
    }

    /// Its flags (`IFF_UP` and so on), the lower half of them: `ifr_flags` is a short.
    pub(super) fn flags(&self) -> io::Result<c_int> {
        Ok(c_int::from(half(&self.request(libc::SIOCGIFFLAGS)?)))
    }

    /// Sets one more of its flags. Needs `CAP_NET_ADMIN`.
    pub(super) fn set_flag(&self, flag: c_int) -> io::Result<()> {
        let flags = u16::try_from(self.flags()? | flag).unwrap_or_default();
        self.request_with(libc::SIOCSIFFLAGS, &flags.to_ne_bytes()).map(|_| ())
    }

    /// What its frames begin with, as ARP numbers it (`ARPHRD_ETHER` and so on).
    pub(super) fn kind(&self) -> io::Result<u16> {
        Ok(half(&self.request(libc::SIOCGIFHWADDR)?))
    }

    /// The longest packet of the interface, without the Ethernet header, in bytes.
    pub(super) fn mtu(&self) -> io::Result<u32> {
        Ok(u32::try_from(number(&self.request(libc::SIOCGIFMTU)?)).unwrap_or_default())
    }

    /// One request about the interface of our index, whatever its name is by now.
    fn request(&self, code: libc::Ioctl) -> io::Result<Request> {
        self.request_with(code, &[])
    }

    fn request_with(&self, code: libc::Ioctl, value: &[u8]) -> io::Result<Request> {
        let request = Request::default().with(&self.index.to_ne_bytes());
        let name = ask(&self.control, libc::SIOCGIFNAME, request)?.name;
        ask(&self.control, code, Request { name, ..Request::default() }.with(value))
    }
}

/// The kind of an interface whose frames do not begin as Ethernet's do.
pub(super) fn not_ethernet(name: &str) -> Option<u16> {
    let kind = Device::find(name).and_then(|device| device.kind()).ok()?;
    // Frames of a loopback have an Ethernet header of zeros.
    (![libc::ARPHRD_ETHER, libc::ARPHRD_LOOPBACK].contains(&kind)).then_some(kind)
}

/// SIOCETHTOOL with a command that is made of 32-bit numbers; the answer replaces it.
///
/// # Safety
/// The driver's answer to this command fits in `command`.
pub(super) unsafe fn ethtool(name: &str, command: &mut [u32]) -> io::Result<()> {
    let at = command.as_mut_ptr().expose_provenance();
    let request = named(name)?.with(&at.to_ne_bytes());
    ask(&UnixDatagram::unbound()?, libc::SIOCETHTOOL, request).map(|_| ())
}

fn named(name: &str) -> io::Result<Request> {
    let mut request = Request::default();
    // A longer name is none: the kernel would look for its beginning.
    if name.is_empty() || name.len() >= NAME || name.contains('\0') {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (byte, of) in request.name.iter_mut().zip(name.bytes()) {
        *byte = of;
    }
    Ok(request)
}

fn number(answer: &Request) -> c_int {
    answer.value.first_chunk().map_or(0, |bytes| c_int::from_ne_bytes(*bytes))
}

/// The first 16 bits of an answer.
fn half(answer: &Request) -> u16 {
    answer.value.first_chunk().map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

/// One ioctl(2) whose argument is a `struct ifreq`.
fn ask(control: &UnixDatagram, code: libc::Ioctl, mut request: Request) -> io::Result<Request> {
    // SAFETY: every request made here takes a struct ifreq, reads and writes no more
    // than that, and `Request` is at least as long. The address inside the one of
    // SIOCETHTOOL is answered for by the caller of `ethtool`.
    check(unsafe { libc::ioctl(control.as_raw_fd(), code, &raw mut request) })?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_known() {
        let lo = Device::find("lo").unwrap();
        assert_eq!(Some(lo.index()), super::super::index_of("lo"));
        assert!(lo.mtu().unwrap() >= 1500);
        assert!(!matches!(lo.state(), Err(Fault::Gone | Fault::Io(_))));
        assert_eq!(lo.kind().unwrap(), libc::ARPHRD_LOOPBACK);
        assert_ne!(lo.flags().unwrap() & libc::IFF_LOOPBACK, 0);
    }

    #[test]
    fn what_is_not_there_is_missing() {
        for name in ["", "no-such-if0", "a-name-that-is-too-long", "l\0o"] {
            let error = Device::find(name).err().unwrap();
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{name}");
        }
        let gone = Device { control: UnixDatagram::unbound().unwrap(), index: c_int::MAX };
        assert!(matches!(gone.state(), Err(Fault::Gone)));
    }
}
