//! Why AF_XDP cannot have an interface, and what to do about it. One line each.

use std::fs;
use std::io;

use super::super::OpenError;

/// AF_XDP cannot have an interface.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no interface of this name.
    #[error("no such interface; `ip link` lists those there are")]
    Missing,
    /// The interface is administratively down.
    #[error("the interface is down; `ip link set dev NAME up` brings it up")]
    Down,
    /// The card takes VLAN tags out of frames, and AF_XDP would never see them;
    /// [`set_rx_vlan_offload`](super::super::ethtool::set_rx_vlan_offload) stops that.
    /// With the features that do it, by the names that ethtool(8) takes.
    #[error(
        "the card takes VLAN tags out, AF_XDP would not see them; `ethtool -K NAME {} off` stops that",
        .0.join(" off ")
    )]
    VlanOffload(Vec<&'static str>),
    /// The process may not.
    #[error("AF_XDP {}", denied(.0))]
    Denied(Vec<&'static str>),
    /// The kernel has no AF_XDP, or only an early one.
    #[error("this kernel cannot ({0}); AF_XDP needs Linux 5.9 or later with XDP_SOCKETS")]
    Kernel(&'static str),
    /// The driver has no native XDP.
    #[error("the driver has no native XDP ({0}); generic mode works with every driver")]
    Driver(io::Error),
    /// Frames of this length do not fit into one buffer, and several are not to be had.
    #[error(
        "an MTU of {0} is too large here; make it {1} or less, or use Linux 6.6 and a driver that takes frames of several buffers"
    )]
    Mtu(u32, u32),
    /// Somebody else has an XDP program there, or the queue.
    #[error(
        "another program has the interface or its queue; `ip link show dev NAME` names an XDP program, `ss --xdp` a socket"
    )]
    Busy,
    /// The process may not lock as much memory.
    #[error(
        "not enough memory may be locked, {0} MiB a queue are needed; LimitMEMLOCK=infinity in the service, `ulimit -l unlimited` in a shell, or a smaller ring"
    )]
    Locked(u64),
    /// A wrong number of frames was asked for.
    #[error("{0} frames a queue cannot be; a power of two from 64 to 1048576 is wanted")]
    Frames(u32),
    /// Anything else.
    #[error("{0} failed ({1})")]
    Io(&'static str, #[source] io::Error),
}

impl Refusal {
    /// What [`Self::VlanOffload`] begins with.
    pub(in crate::wire::capture::live) const OFFLOAD: &str = "the card takes VLAN tags out";

    /// The same, naming the interface.
    #[must_use]
    pub fn of(self, interface: &str) -> OpenError {
        OpenError::new(interface, self.to_string().replace("NAME", interface))
    }

    /// Whether another way to attach may fare better.
    pub(super) const fn is_of_the_driver(&self) -> bool {
        matches!(self, Self::Driver(_) | Self::Mtu(..) | Self::Io(..))
    }
}

/// What AF_XDP takes, by the numbers of linux/capability.h.
const CAPABILITIES: [(&str, u32); 3] =
    [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_BPF", 39)];
/// CAP_SYS_ADMIN holds CAP_BPF.
const SYS_ADMIN: u32 = 21;

/// Capabilities that this process lacks.
pub(super) fn missing_capabilities() -> Vec<&'static str> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    missing_of(&status)
}

/// The same of the text of /proc/PID/status.
fn missing_of(status: &str) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let has = |bit: u32| set.unwrap_or_default() & 1_u64.wrapping_shl(bit) != 0;
    let held = |&(name, bit): &(&str, u32)| has(bit) || (name == "CAP_BPF" && has(SYS_ADMIN));
    CAPABILITIES.iter().filter(|capability| !held(capability)).map(|&(name, _)| name).collect()
}

fn denied(missing: &[&str]) -> String {
    if missing.is_empty() {
        return "is denied in spite of all capabilities; a container, a security module or \
                seccomp(2) forbids bpf(2), run it on the host itself"
            .to_owned();
    }
    format!("needs {}; run as root, or give the program these capabilities", missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_can_be_typed() {
        let text = Refusal::VlanOffload(vec!["rx-vlan-hw-parse", "b"]).of("eth7").to_string();
        assert!(text.contains("`ethtool -K eth7 rx-vlan-hw-parse off b off`"), "{text}");
        assert!(text.contains(Refusal::OFFLOAD), "{text}");
    }

    #[test]
    fn each_is_one_line_with_its_remedy() {
        let all = [
            Refusal::Missing,
            Refusal::Down,
            Refusal::VlanOffload(vec!["a", "b"]),
            Refusal::Denied(vec!["CAP_NET_RAW", "CAP_BPF"]),
            Refusal::Denied(Vec::new()),
            Refusal::Kernel("bpf(2)"),
            Refusal::Driver(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
            Refusal::Mtu(9000, 3498),
            Refusal::Busy,
            Refusal::Locked(32),
            Refusal::Frames(3),
        ];
        for refusal in all {
            let text = refusal.of("eth7").to_string();
            assert!(text.starts_with("eth7: ") && !text.contains("NAME"), "{text}");
            assert!(text.lines().count() == 1 && text.contains(';'), "{text}");
        }
    }

    #[test]
    fn missing_capabilities_have_their_names() {
        let of = |set: u64| missing_of(&format!("Name:\tx\nCapEff:\t{set:016x}\n"));
        assert_eq!(of(0), ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF"]);
        assert_eq!(of(1 << 12 | 1 << 13), ["CAP_BPF"]);
        assert_eq!(of(1 << 39 | 1 << 12), ["CAP_NET_RAW"]);
        assert!(of(1 << 12 | 1 << 13 | 1 << 21).is_empty());
        assert_eq!(missing_of("").len(), 3);
    }
}
