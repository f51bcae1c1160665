//! What the host itself does with an interface. One that it uses is not taken away from
//! it; one that it does not use is a mirror port, and has nothing to say: without an
//! address of its own it still answers ARP for those of other interfaces, and IPv6 speaks
//! as soon as it comes up (MLD, duplicate addresses, router solicitations).

use std::ffi::CStr;
use std::fs;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use libc::c_int;

use super::device::Device;
use super::socket::{check, open};

/// Messages of rtnetlink(7), and what is in them.
const SET_LINK: u16 = 19;
const DELETE_ADDRESS: u16 = 21;
const REQUEST_AND_ANSWER: u16 = 1 | 4;
const OF_FAMILY: u16 = 26;
const ADDRESS: u16 = 1;
const ADDRESS_MODE: u16 = 8;
/// No address is made (IN6_ADDR_GEN_MODE_NONE).
const NO_ADDRESS: u8 = 1;
/// Bits of the network in a link-local address.
const LINK_LOCAL: u8 = 64;

/// What says that the host uses an interface itself, which is then not to be taken away
/// from it; none when nothing does.
#[must_use]
pub fn uses(interface: &str) -> Option<String> {
    why(addresses(interface)).or_else(|| {
        let upper = upper(interface)?;
        Some(format!("{upper} is built on it"))
    })
}

/// Where nobody may ask, it is taken to be in use.
fn why(addresses: io::Result<Vec<Address>>) -> Option<String> {
    match addresses {
        Ok(all) if all.iter().all(|it| matches!(it, Address::LinkLocal(_))) => None,
        Ok(_) => Some("the host has an address here".to_owned()),
        Err(error) => {
            Some(format!("whether the host has an address here cannot be asked ({error})"))
        }
    }
}

/// The interface that is built on another: a bridge, a VLAN.
fn upper(interface: &str) -> Option<String> {
    let entries = fs::read_dir(PathBuf::from("/sys/class/net").join(interface)).ok()?;
    let name =
        |entry: fs::DirEntry| Some(entry.file_name().to_str()?.strip_prefix("upper_")?.to_owned());
    entries.flatten().find_map(name)
}

/// What an interface that the host does not use may still say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// Answers to ARP.
    pub arp: bool,
    /// IPv6's own.
    pub ipv6: bool,
}

impl Voice {
    /// What silences an interface, as it can be typed; none when it is silent.
    #[must_use]
    pub fn remedy(self, interface: &str) -> Option<String> {
        let arp = self.arp.then(|| format!("`ip link set dev {interface} arp off`"));
        let ipv6 =
            self.ipv6.then(|| format!("`sysctl -w net/ipv6/conf/{interface}/disable_ipv6=1`"));
        let all: Vec<_> = arp.into_iter().chain(ipv6).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}

impl std::fmt::Display for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.arp, self.ipv6) {
            (true, true) => "ARP and IPv6",
            (true, false) => "ARP",
            (false, true) => "IPv6",
            (false, false) => "nothing",
        })
    }
}

/// What an interface may say of itself. A loopback says nothing to anybody.
///
/// # Errors
/// There is no such interface.
pub fn voice(interface: &str) -> io::Result<Voice> {
    let flags = Device::find(interface)?.flags()?;
    if flags & libc::IFF_LOOPBACK != 0 {
        return Ok(Voice::default());
    }
    let off = fs::read_to_string(ipv6_switch(interface));
    let mode = fs::read_to_string(ipv6_switch(interface).with_file_name("addr_gen_mode"));
    let no_address = || {
        let none = |all: Vec<Address>| !all.iter().any(|it| matches!(it, Address::LinkLocal(_)));
        mode.is_ok_and(|mode| mode.trim() == "1") && addresses(interface).is_ok_and(none)
    };
    let ipv6 = off.is_ok_and(|off| off.trim() == "0") && !no_address();
    Ok(Voice { arp: flags & libc::IFF_NOARP == 0, ipv6 })
}

/// Makes an interface silent that the host does not use, for as long as it is there. It
/// stays so: a mirror port has nothing to say when nobody listens either. Needs
/// `CAP_NET_ADMIN`. What was switched off, and what could not be.
///
/// # Errors
/// There is no such interface.
pub fn silence(interface: &str) -> io::Result<(Voice, Voice)> {
    let device = Device::find(interface)?;
    if device.flags()? & libc::IFF_LOOPBACK != 0 {
        return Ok(<_>::default());
    }
    let (mut done, mut left) = (Voice::default(), Voice::default());
    if device.flags()? & libc::IFF_NOARP == 0 {
        let quiet = device.set_flag(libc::IFF_NOARP).is_ok();
        (done.arp, left.arp) = (quiet, !quiet);
    }
    match no_ipv6(interface, device.index()) {
        Ok(changed) => done.ipv6 = changed,
        Err(_) => left.ipv6 = true,
    }
    Ok((done, left))
}

/// Brings an interface up; whether it was down. Needs `CAP_NET_ADMIN`. To be called when it
/// is silent: it is now that IPv6 would speak.
///
/// # Errors
/// There is no such interface, or it cannot come up.
pub fn raise(interface: &str) -> io::Result<bool> {
    let device = Device::find(interface)?;
    if device.flags()? & libc::IFF_UP != 0 {
        return Ok(false);
    }
    device.set_flag(libc::IFF_UP).map(|()| true)
}

fn ipv6_switch(interface: &str) -> PathBuf {
    PathBuf::from("/proc/sys/net/ipv6/conf").join(interface).join("disable_ipv6")
}

/// Switches IPv6 off; where the switch is out of reach (a service sees no /proc/sys), takes
/// its addresses away and lets it make none. Whether that changed anything.
fn no_ipv6(interface: &str, index: c_int) -> io::Result<bool> {
    let switch = ipv6_switch(interface);
    if fs::read_to_string(&switch).is_ok_and(|now| now.trim() == "1") {
        return Ok(false);
    }
    if fs::write(&switch, "1").is_ok() {
        return Ok(true);
    }
    // struct ifinfomsg: family, pad, type, index, flags, change.
    let mut link = [0; 16];
    put(&mut link, 4, &index.to_ne_bytes());
    let family = u16::try_from(libc::AF_INET6).unwrap_or_default();
    let mode = attribute(family, &attribute(ADDRESS_MODE, &[NO_ADDRESS]));
    match tell(SET_LINK, &[&link[..], &attribute(OF_FAMILY, &mode)].concat()) {
        // This kernel has none, or not here.
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP)) =>
        {
            return Ok(false);
        }
        done => done?,
    }
    for address in addresses(interface)? {
        let Address::LinkLocal(address) = address else { continue };
        // struct ifaddrmsg: family, bits of the network, flags, scope, index.
        let mut of = [0; 8];
        put(&mut of, 0, &[u8::try_from(family).unwrap_or_default(), LINK_LOCAL]);
        put(&mut of, 4, &index.to_ne_bytes());
        tell(DELETE_ADDRESS, &[&of[..], &attribute(ADDRESS, &address.octets())].concat())?;
    }
    Ok(true)
}

fn put(to: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, byte) in to.iter_mut().skip(at).zip(bytes) {
        *to = *byte;
    }
}

/// An attribute of rtnetlink(7): length, kind, and what it says, to a multiple of four.
fn attribute(kind: u16, says: &[u8]) -> Vec<u8> {
    let length = u16::try_from(says.len().saturating_add(4)).unwrap_or(u16::MAX);
    let mut all = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), says].concat();
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

/// Asks the kernel for something by rtnetlink(7), and waits for its answer.
fn tell(kind: u16, body: &[u8]) -> io::Result<()> {
    let socket = open(libc::AF_NETLINK, libc::SOCK_RAW)?;
    let length = u32::try_from(body.len().saturating_add(16)).unwrap_or(u32::MAX);
    // struct nlmsghdr: length, type, flags, number, sender.
    let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &REQUEST_AND_ANSWER.to_ne_bytes()];
    let message = [&head.concat()[..], &[0; 8], body].concat();
    let (fd, mut answer) = (socket.as_raw_fd(), [0_u8; 4096]);
    // SAFETY: address and length of a live slice, which is only read.
    let sent = unsafe { libc::send(fd, message.as_ptr().cast(), message.len(), 0) };
    check(c_int::try_from(sent).unwrap_or(c_int::MAX))?;
    // SAFETY: address and length of a live array.
    let got = unsafe { libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0) };
    check(c_int::try_from(got).unwrap_or(c_int::MAX))?;
    // struct nlmsgerr after the header: 0, or an errno below zero.
    let code = answer.get(16..).and_then(<[u8]>::first_chunk).map_or(0, |c| i32::from_ne_bytes(*c));
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) }
}

/// An address of the host on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    /// One that somebody gave it.
    Given,
    /// The one that every IPv6 interface gives itself.
    LinkLocal(Ipv6Addr),
}

fn addresses(interface: &str) -> io::Result<Vec<Address>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: `first` is live; on success it names a list that is freed below.
    check(unsafe { libc::getifaddrs(&raw mut first) })?;
    let (mut next, mut found) = (first, Vec::new());
    // SAFETY: entries of the list are valid until it is freed, and the last one's
    // `ifa_next` is null.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: `ifa_name` is a C string as long as the list lives.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) };
        if name.to_bytes() != interface.as_bytes() {
            continue;
        }
        // SAFETY: null, or an address of the family it says.
        match unsafe { entry.ifa_addr.as_ref() }.map(|a| c_int::from(a.sa_family)) {
            Some(libc::AF_INET) => found.push(Address::Given),
            Some(libc::AF_INET6) => {
                // SAFETY: of this family, it is a sockaddr_in6.
                let address =
                    unsafe { entry.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
                let address = Ipv6Addr::from(address.sin6_addr.s6_addr);
                let own = address.is_unicast_link_local();
                found.push(if own { Address::LinkLocal(address) } else { Address::Given });
            }
            _ => {}
        }
    }
    // SAFETY: from getifaddrs, freed once, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_ask_takes_nothing_away() {
        let own = Address::LinkLocal(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
        assert_eq!(why(Ok(Vec::new())), None);
        assert_eq!(why(Ok(vec![own])), None);
        assert!(
            why(Ok(vec![own, Address::Given])).unwrap().contains("the host has an address here")
        );
        let denied = io::Error::from_raw_os_error(libc::EAFNOSUPPORT);
        assert!(why(Err(denied)).unwrap().contains("cannot be asked"));
    }

    #[test]
    fn a_loopback_says_nothing_and_what_is_missing_is_missing() {
        assert_eq!(voice("lo").unwrap(), Voice::default());
        assert_eq!(voice("lo").unwrap().remedy("lo"), None);
        assert!(voice("no-such-if0").is_err());
        assert_eq!(upper("lo"), None);
    }

    #[test]
    fn the_remedy_can_be_typed() {
        let both = Voice { arp: true, ipv6: true };
        let said = both.remedy("eth0.7").unwrap();
        assert!(said.contains("`ip link set dev eth0.7 arp off`"), "{said}");
        assert!(said.contains("`sysctl -w net/ipv6/conf/eth0.7/disable_ipv6=1`"), "{said}");
    }

    #[test]
    fn attributes_lie_as_the_kernel_has_them() {
        let mode = attribute(OF_FAMILY, &attribute(10, &attribute(ADDRESS_MODE, &[NO_ADDRESS])));
        assert_eq!(mode.len(), 16);
        assert_eq!(&mode[12..], [NO_ADDRESS, 0, 0, 0]);
        assert_eq!(u16::from_ne_bytes([mode[8], mode[9]]), 5, "without the padding");
    }
}
