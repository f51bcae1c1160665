//! Two network namespaces with a pair of Ethernet interfaces between them: what is
//! sent from one end arrives at the other, and nothing of the host is touched.
#![allow(unsafe_code, reason = "setns(2) and sockets of other families")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

static MADE: AtomicU32 = AtomicU32::new(0);

/// The two namespaces; both are deleted with it.
pub(crate) struct Nets {
    near: String,
    far: String,
}

/// Interface that listens, in the near namespace.
pub(crate) const NEAR: &str = "mirror0";
/// Interface that sends, in the far namespace.
pub(crate) const FAR: &str = "switch0";

impl Nets {
    /// The pair with this many queues, or why there cannot be one.
    pub(crate) fn new(queues: u32) -> Result<Self, String> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |side: &str| format!("auscult-{}-{number}-{side}", std::process::id());
        let nets = Self { near: name("near"), far: name("far") };
        let (near, far) = (nets.near.as_str(), nets.far.as_str());
        let q = queues.to_string();
        ip(&["netns", "add", near])?;
        ip(&["netns", "add", far])?;
        let pair = [
            &["-n", near, "link", "add", NEAR][..],
            &["numrxqueues", &q, "numtxqueues", &q, "type", "veth"],
            &["peer", "name", FAR, "numrxqueues", &q, "numtxqueues", &q, "netns", far],
        ];
        ip(&pair.concat())?;
        for (space, interface) in [(near, NEAR), (far, FAR)] {
            // Without this the kernel speaks IPv6 as soon as an interface is up.
            let quiet = |which: &str| {
                std::fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1")
            };
            inside(space, move || {
                // Absent where the kernel has no IPv6 at all.
                let _ = quiet("all").and_then(|()| quiet("default"));
            });
            ip(&["-n", space, "link", "set", interface, "up"])?;
        }
        Ok(nets)
    }

    /// `ip` in the near namespace.
    pub(crate) fn ip(&self, arguments: &[&str]) -> String {
        ip(&[&["-n", self.near.as_str()], arguments].concat()).expect("ip works")
    }

    /// `ip` in the far namespace.
    pub(crate) fn far_ip(&self, arguments: &[&str]) -> String {
        ip(&[&["-n", self.far.as_str()], arguments].concat()).expect("ip works")
    }

    /// Runs this in the near namespace. What it opens stays there.
    pub(crate) fn near<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.near, run)
    }

    /// Sends frames from the far end, a few at a time so that no queue overflows.
    pub(crate) fn send(&self, frames: &[Vec<u8>]) {
        inside(&self.far, || {
            let socket = PacketSocket::new(FAR, 0);
            for (n, frame) in frames.iter().enumerate() {
                socket.send(frame);
                if n % 64 == 63 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
    }

    /// Counts what arrives at the far end until the returned function is called.
    pub(crate) fn count_at_far_end(&self) -> impl FnOnce() -> u64 + use<> {
        let socket = inside(&self.far, || PacketSocket::new(FAR, libc::ETH_P_ALL));
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            loop {
                match socket.receive() {
                    Some(outgoing) => count += u64::from(!outgoing),
                    None if stopped.try_recv().is_ok() => return count,
                    None => {}
                }
            }
        });
        move || {
            stop.send(()).expect("it runs");
            thread.join().expect("it counts")
        }
    }
}

impl Drop for Nets {
    fn drop(&mut self) {
        for space in [&self.near, &self.far] {
            let _ = ip(&["netns", "del", space]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(arguments).output().map_err(|e| format!("ip: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", arguments.join(" "), error.trim()))
}

/// Runs this in a thread that has entered the namespace.
fn inside<T: Send>(space: &str, run: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{space}")).expect("the namespace is there");
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            // SAFETY: a live descriptor; only this thread changes its namespace.
            let done = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(done, 0, "setns: {}", std::io::Error::last_os_error());
            run()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A packet socket on one interface.
struct PacketSocket(std::os::fd::OwnedFd);

impl PacketSocket {
    fn new(interface: &str, protocol: i32) -> Self {
        let protocol = u16::try_from(protocol).expect("16 bits").to_be();
        // SAFETY: numbers only; the descriptor is new and nobody else's.
        let socket = unsafe {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
            let fd = libc::socket(libc::AF_PACKET, kind, 0);
            assert!(fd >= 0, "packet socket: {}", std::io::Error::last_os_error());
            std::os::fd::FromRawFd::from_raw_fd(fd)
        };
        let socket = Self(socket);
        // SAFETY: zeros are a valid sockaddr_ll; name, address and time-out live
        // through their calls.
        unsafe {
            let name = std::ffi::CString::new(interface).expect("no zeros");
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = protocol;
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
            let length = size_of_val(&address) as u32;
            let done = libc::bind(socket.0.as_raw_fd(), (&raw const address).cast(), length);
            assert_eq!(done, 0, "bind: {}", std::io::Error::last_os_error());
            let pause = libc::timeval { tv_sec: 0, tv_usec: 20_000 };
            let (fd, at) = (socket.0.as_raw_fd(), (&raw const pause).cast());
            let length = size_of_val(&pause) as u32;
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, at, length);
        }
        socket
    }

    fn send(&self, frame: &[u8]) {
        // SAFETY: pointer and length of one live slice.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "send: {}", std::io::Error::last_os_error());
    }

    /// Whether a frame was an outgoing one; none when none came.
    fn receive(&self) -> Option<bool> {
        let mut buffer = [0_u8; 64];
        // SAFETY: zeros are a valid sockaddr_ll; buffer, address and length are live.
        unsafe {
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            let mut length = size_of_val(&address) as u32;
            let received = libc::recvfrom(
                self.0.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
                (&raw mut address).cast(),
                &raw mut length,
            );
            (received > 0).then_some(address.sll_pkttype == libc::PACKET_OUTGOING)
        }
    }
}
