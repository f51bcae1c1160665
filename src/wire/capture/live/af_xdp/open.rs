//! Opening an interface: the program is attached, then each queue gets its socket.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::device::Device;
use super::super::socket::{count, packet_socket, promiscuous};
use super::super::{Fault, ethtool};
use super::bpf::{self, Hook};
use super::refusal::{Refusal, missing_capabilities};
use super::socket::{Binding, Failed, HEADROOM, Size, Socket, Step};
use super::source::{Held, XskSource};
use super::{Mode, Opened, Options};

/// How long an interface is waited for that is busy: a program that just ended leaves
/// its queues to the kernel to clean up.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of a frame around what the MTU counts: Ethernet header, two VLAN tags, FCS.
const AROUND: u32 = 14 + 8 + 4;
/// Fewest and most buffers of a queue.
const FRAMES: std::ops::RangeInclusive<u32> = 64..=1 << 20;

/// Opens all receive queues of an interface; its frames come to us from now on, and
/// to the host no more.
///
/// # Errors
/// Each says in one line what is wrong and what to do about it.
pub fn open(interface: &str, options: &Options) -> Result<Opened, Refusal> {
    if !options.frames.is_power_of_two() || !FRAMES.contains(&options.frames) {
        return Err(Refusal::Frames(options.frames));
    }
    let device = Device::find(interface).map_err(|error| match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO) => Refusal::Missing,
        _ => Refusal::Io("finding the interface", error),
    })?;
    match device.state() {
        Ok(()) => {}
        Err(Fault::Down) => return Err(Refusal::Down),
        Err(Fault::Gone) => return Err(Refusal::Missing),
        Err(Fault::Io(error)) => return Err(Refusal::Io("asking for the interface", error)),
    }
    // A driver that does not say has nothing to switch.
    let offloads = ethtool::rx_vlan_features(interface).unwrap_or_default();
    if !offloads.is_empty() {
        return Err(Refusal::VlanOffload(offloads));
    }
    let mtu = device.mtu().map_err(|error| Refusal::Io("asking for the MTU", error))?;
    let all = packet_socket()
        .and_then(|socket| promiscuous(&socket, device.index()).map(|()| socket))
        .map_err(|error| denied_or(error, "promiscuous mode"))?;
    let plan = Plan {
        queues: queues(interface),
        mtu,
        size: Size { frames: options.frames, chunk: chunk(mtu) },
        until: Instant::now().checked_add(PATIENCE),
    };
    let mut why = String::new();
    let (way, link, sockets) = match options.mode {
        Mode::Native => plan.attach(&device, Hook::Driver)?,
        Mode::Generic => plan.attach(&device, Hook::Generic)?,
        Mode::Auto => match plan.attach(&device, Hook::Driver) {
            Err(refusal) if refusal.is_of_the_driver() => {
                why = format!(" (not native: {refusal})");
                plan.attach(&device, Hook::Generic)?
            }
            other => other?,
        },
    };
    let mut note = format!("{way}, {}{why}", plan.extent());
    if options.busy_poll && sockets.iter().any(|socket| socket.busy_poll().is_err()) {
        note.push_str(", no busy polling here");
    }
    // From now on what comes to it has passed us by.
    count(&all, device.index()).map_err(|error| denied_or(error, "counting what passes"))?;
    let held = Arc::new(Held { _link: link, passed: all, device });
    let sources = (0_u32..)
        .zip(sockets)
        .map(|(queue, socket)| XskSource::new(socket, queue, Arc::clone(&held), options.busy_poll))
        .collect();
    Ok(Opened { sources, note })
}

/// What all ways to attach have in common.
struct Plan {
    queues: u32,
    mtu: u32,
    size: Size,
    /// Busy is an error after this.
    until: Option<Instant>,
}

/// How it went, the link of the program, a socket for each queue.
type Attached = (&'static str, OwnedFd, Vec<Socket>);

impl Plan {
    fn attach(&self, device: &Device, hook: Hook) -> Result<Attached, Refusal> {
        let map = bpf::socket_map(self.queues).map_err(|error| bpf_refusal(error, "its map"))?;
        let program = bpf::load(&map, true)
            .or_else(|_| bpf::load(&map, false))
            .map_err(|error| bpf_refusal(error, "the XDP program"))?;
        let link = self
            .patiently(|error| error, || bpf::attach(&program, device.index(), hook))
            .map_err(|error| self.attach_refusal(error, hook))?;
        let mut sockets: Vec<Socket> = Vec::new();
        let mut bindings = bindings(hook, self.mtu <= self.longest());
        for queue in 0..self.queues {
            let (socket, binding) = self.bind(device, queue, &bindings)?;
            bpf::put_socket(&map, queue, &socket.descriptor)
                .map_err(|error| bpf_refusal(error, "the map of sockets"))?;
            sockets.push(socket);
            // All queues alike.
            bindings = vec![binding];
        }
        let way = match (hook, bindings.first()) {
            (Hook::Generic, _) => "generic",
            (Hook::Driver, Some(Binding { zero_copy: true, .. })) => "native, zero-copy",
            (Hook::Driver, _) => "native, copy",
        };
        Ok((way, link, sockets))
    }

    /// Binds a queue in the first way that works.
    fn bind(
        &self,
        device: &Device,
        queue: u32,
        ways: &[Binding],
    ) -> Result<(Socket, Binding), Refusal> {
        let mut last = Refusal::Mtu(self.mtu, self.longest());
        for &way in ways {
            let attempt = || Socket::open(device.index(), queue, self.size, way);
            match self.patiently(|failed| &failed.error, attempt) {
                Ok(socket) => return Ok((socket, way)),
                Err(failed) => last = self.bind_refusal(failed),
            }
            if !last.is_of_the_driver() {
                break;
            }
        }
        Err(last)
    }

    /// The largest MTU whose frames fit into one buffer.
    const fn longest(&self) -> u32 {
        self.size.chunk.saturating_sub(HEADROOM).saturating_sub(AROUND)
    }

    /// Tries again while the interface is busy, for a moment.
    fn patiently<T, E>(
        &self,
        of: fn(&E) -> &io::Error,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            match attempt() {
                Err(error) if is_busy(of(&error)) && self.until > Some(Instant::now()) => {
                    sleep(PAUSE);
                }
                done => return done,
            }
        }
    }

    fn attach_refusal(&self, error: io::Error, hook: Hook) -> Refusal {
        match error.raw_os_error() {
            _ if is_busy(&error) => Refusal::Busy,
            Some(libc::EPERM | libc::EACCES) => Refusal::Denied(missing_capabilities()),
            Some(libc::ENETDOWN) => Refusal::Down,
            Some(libc::ENODEV) => Refusal::Missing,
            // Drivers say this in many ways; with a long MTU that is what it is about.
            Some(libc::ERANGE | libc::EINVAL | libc::E2BIG)
                if hook == Hook::Driver && self.mtu > LONGEST_LINEAR =>
            {
                Refusal::Mtu(self.mtu, LONGEST_LINEAR)
            }
            _ if hook == Hook::Driver => Refusal::Driver(error),
            Some(libc::EINVAL) => Refusal::Kernel("BPF_LINK_CREATE"),
            _ => Refusal::Io("attaching the XDP program", error),
        }
    }

    fn bind_refusal(&self, Failed { at, error }: Failed) -> Refusal {
        match (at, error.raw_os_error()) {
            (_, Some(libc::EPERM | libc::EACCES)) => Refusal::Denied(missing_capabilities()),
            (_, Some(libc::ENETDOWN)) => Refusal::Down,
            (_, Some(libc::ENODEV)) => Refusal::Missing,
            (Step::Bind, _) if is_busy(&error) => Refusal::Busy,
            (Step::Socket, Some(libc::EAFNOSUPPORT)) => Refusal::Kernel("AF_XDP sockets"),
            (Step::Memory, Some(libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN)) => {
                Refusal::Locked(self.size.bytes() >> 20)
            }
            (Step::Socket, _) => Refusal::Io("opening an AF_XDP socket", error),
            (Step::Memory, _) => Refusal::Io("setting up the rings", error),
            (Step::Bind, _) => Refusal::Io("binding to the queue", error),
        }
    }

    /// "4 queues, 128 MiB".
    fn extent(&self) -> String {
        let memory = self.size.bytes().saturating_mul(u64::from(self.queues)) >> 20;
        let s = if self.queues == 1 { "" } else { "s" };
        format!("{} queue{s}, {memory} MiB", self.queues)
    }
}

/// The largest MTU that drivers on pages of 4 KiB take without frames of several
/// buffers: less headroom, skb_shared_info, and the frame's own header.
const LONGEST_LINEAR: u32 = 3498;

/// The ways to bind a queue, best first. `fits`: every frame fits into one buffer.
fn bindings(hook: Hook, fits: bool) -> Vec<Binding> {
    let mut ways = Vec::new();
    for zero_copy in [true, false] {
        for several in [true, false] {
            let possible = (several || fits) && !(zero_copy && hook == Hook::Generic);
            if possible {
                ways.push(Binding { zero_copy, several });
            }
        }
    }
    ways
}

/// Bytes of a buffer: 2 KiB as long as every frame fits, otherwise a page.
const fn chunk(mtu: u32) -> u32 {
    if mtu.saturating_add(AROUND + HEADROOM) <= 2048 { 2048 } else { 4096 }
}

/// Receive queues of an interface, as the driver or the kernel says; one at least.
fn queues(interface: &str) -> u32 {
    ethtool::rx_queues(interface)
        .ok()
        .filter(|&queues| queues > 0)
        .or_else(|| {
            let queues = fs::read_dir(format!("/sys/class/net/{interface}/queues")).ok()?;
            let is_rx = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("rx-");
            u32::try_from(queues.flatten().filter(|queue| is_rx(&queue.file_name())).count()).ok()
        })
        .unwrap_or(1)
        .max(1)
}

/// Queues and programs that are taken: EEXIST is a generic program where a native one
/// is to be attached, and the other way round.
fn is_busy(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EEXIST))
}

fn denied_or(error: io::Error, what: &'static str) -> Refusal {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Refusal::Denied(missing_capabilities()),
        _ => Refusal::Io(what, error),
    }
}

fn bpf_refusal(error: io::Error, what: &'static str) -> Refusal {
    match error.raw_os_error() {
        Some(libc::ENOSYS | libc::EINVAL) => Refusal::Kernel(what),
        _ => denied_or(error, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(zero_copy: bool, several: bool) -> Binding {
        Binding { zero_copy, several }
    }

    #[test]
    fn the_best_way_comes_first() {
        let all = [(true, true), (true, false), (false, true), (false, false)];
        assert_eq!(bindings(Hook::Driver, true), all.map(|(z, s)| binding(z, s)));
        let long = [(true, true), (false, true)].map(|(z, s)| binding(z, s));
        assert_eq!(bindings(Hook::Driver, false), long);
        let generic = [(false, true), (false, false)].map(|(z, s)| binding(z, s));
        assert_eq!(bindings(Hook::Generic, true), generic);
    }

    #[test]
    fn buffers_are_as_large_as_frames_need() {
        assert_eq!(chunk(1500), 2048);
        assert_eq!(chunk(1766), 2048);
        assert_eq!(chunk(1767), 4096);
        assert_eq!(chunk(9000), 4096);
        assert_eq!(chunk(u32::MAX), 4096);
    }

    #[test]
    fn odd_numbers_of_frames_are_refused() {
        for frames in [0, 32, 1000, 1 << 21] {
            let options = Options { frames, ..Options::default() };
            assert!(matches!(open("lo", &options), Err(Refusal::Frames(n)) if n == frames));
        }
    }

    #[test]
    fn a_missing_interface_is_missing() {
        let options = Options::default();
        assert!(matches!(open("no-such-if0", &options), Err(Refusal::Missing)));
    }

    #[test]
    fn the_loopback_has_a_queue() {
        assert!(queues("lo") >= 1);
    }
}
