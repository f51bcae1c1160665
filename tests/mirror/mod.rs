//! A mirror port for tests: two network namespaces joined by a virtual cable. The near
//! end is where a sensor listens; frames are put on the cable at the far end.
#![allow(unsafe_code, reason = "entering a namespace and sending raw frames are system calls")]
#![allow(dead_code, reason = "each test uses its own part")]

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// The interface's name at either end.
pub(crate) const PORT: &str = "mirror";
/// That of the second cable.
pub(crate) const TAP: &str = "tap";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The two namespaces; they go when it is dropped.
pub(crate) struct Mirror {
    pub(crate) near: String,
    pub(crate) far: String,
    /// When each frame was last sent.
    times: Mutex<Vec<Duration>>,
}

/// Runs a command that must work; what it said, when it does not.
pub(crate) fn must(program: &str, arguments: &[&str]) -> Result<String, String> {
    let out = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!(
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&out.stderr).trim()
    ))
}

impl Mirror {
    /// Lays a cable with so many queues at either end; or says why that cannot be here.
    pub(crate) fn lay(queues: u16) -> Result<Self, String> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("auscult{}{end}{number}", std::process::id());
        let mirror = Self { near: name("n"), far: name("f"), times: Mutex::default() };
        for namespace in [&mirror.near, &mirror.far] {
            must("ip", &["netns", "add", namespace])?;
            // A kernel that configures itself would send on the cable.
            let quiet = "net.ipv6.conf.default.disable_ipv6=1";
            must("ip", &["netns", "exec", namespace, "sysctl", "-q", "-w", quiet])?;
        }
        mirror.plug(queues)?;
        Ok(mirror)
    }

    /// Lays the cable (again).
    pub(crate) fn plug(&self, queues: u16) -> Result<(), String> {
        let n = queues.to_string();
        let near = ["link", "add", PORT, "netns", &self.near, "numrxqueues", &n, "numtxqueues", &n];
        let far = ["type", "veth", "peer", "name", PORT, "netns", &self.far];
        let same = ["numrxqueues", n.as_str(), "numtxqueues", &n];
        must("ip", &[&near[..], &far[..], &same[..]].concat())?;
        for end in [&self.near, &self.far] {
            must("ip", &["-n", end, "link", "set", PORT, "mtu", "9000", "up"])?;
        }
        Ok(())
    }

    /// Lays a second cable beside the first.
    pub(crate) fn tap(&self) -> Result<(), String> {
        let near = ["link", "add", TAP, "netns", &self.near];
        let far = ["type", "veth", "peer", "name", TAP, "netns", &self.far];
        must("ip", &[&near[..], &far[..]].concat())?;
        for end in [&self.near, &self.far] {
            must("ip", &["-n", end, "link", "set", TAP, "mtu", "9000", "up"])?;
        }
        Ok(())
    }

    /// A program in the near namespace.
    pub(crate) fn near(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.near, program]);
        command
    }

    /// Runs this in a thread of the near namespace; what it opens stays there.
    pub(crate) fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let enter = enter(&self.near);
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                enter();
                run()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// `ip` in the near namespace.
    pub(crate) fn ip(&self, arguments: &[&str]) {
        must("ip", &[&["-n", self.near.as_str()], arguments].concat()).expect("ip");
    }

    /// Puts frames on the cable, in this order, so many between two rests.
    pub(crate) fn send<'a>(
        &self,
        frames: impl Iterator<Item = &'a [u8]> + Send,
        between: usize,
    ) -> u64 {
        self.send_on(frames.map(|frame| (PORT, frame)), between)
    }

    /// Puts each frame on the cable that it is for.
    pub(crate) fn send_on<'a>(
        &self,
        frames: impl Iterator<Item = (&'static str, &'a [u8])> + Send,
        between: usize,
    ) -> u64 {
        let enter = enter(&self.far);
        std::thread::scope(|scope| {
            let send = move || {
                enter();
                let mut sockets: HashMap<&str, OwnedFd> = HashMap::new();
                let mut sent = 0;
                let mut times = Vec::new();
                for (port, frame) in frames {
                    times.extend(UNIX_EPOCH.elapsed().ok());
                    send_frame(sockets.entry(port).or_insert_with(|| raw_socket(port)), frame);
                    sent += 1;
                    if sent % between as u64 == 0 {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
                (sent, times)
            };
            let (sent, times) = scope.spawn(send).join().expect("sent");
            *self.times.lock().expect("whole") = times;
            sent
        })
    }

    /// How long the last sending took.
    pub(crate) fn took(&self) -> Duration {
        let times = self.times.lock().expect("whole");
        let ends = times.first().zip(times.last());
        ends.map_or(Duration::ZERO, |(first, last)| last.saturating_sub(*first))
    }

    /// A capture of frames as they were last sent: at the same times, for a claim that is made
    /// again a minute later is another thing than one that is made again at once.
    pub(crate) fn recorded(&self, dir: &Path, frames: &[Vec<u8>]) -> PathBuf {
        // A pcap with nanoseconds, of Ethernet, in this machine's order of bytes.
        let head = [0xa1b2_3c4d_u32, 4 << 16 | 2, 0, 0, 1 << 18, 1];
        let mut bytes: Vec<u8> = head.iter().flat_map(|it| it.to_ne_bytes()).collect();
        for (frame, at) in frames.iter().zip(&*self.times.lock().expect("whole")) {
            let length = u32::try_from(frame.len()).expect("short");
            let second = u32::try_from(at.as_secs()).expect("this century");
            let record = [second, at.subsec_nanos(), length, length];
            bytes.extend(record.iter().flat_map(|it| it.to_ne_bytes()));
            bytes.extend(frame);
        }
        let path = dir.join("sent.pcap");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Puts each frame on the cable once, also one that the near end does not take.
    pub(crate) fn offer<'a>(&self, frames: impl Iterator<Item = &'a [u8]> + Send) {
        let enter = enter(&self.far);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                enter();
                let socket = raw_socket(PORT);
                for frame in frames {
                    // SAFETY: pointer and length are those of one live slice.
                    let _ = unsafe {
                        libc::send(socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0)
                    };
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        });
    }

    /// Frames that arrived at the far end: what the near end has sent.
    pub(crate) fn sent_back(&self) -> u64 {
        let path = format!("/sys/class/net/{PORT}/statistics/rx_packets");
        let text = must("ip", &["netns", "exec", &self.far, "cat", &path]).expect("statistics");
        text.trim().parse().expect("a number")
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            let _ = must("ip", &["netns", "delete", namespace]);
        }
    }
}

/// Moves the thread that calls it to a namespace.
fn enter(namespace: &str) -> impl FnOnce() + Send + use<> {
    let namespace = File::open(format!("/run/netns/{namespace}")).expect("a namespace");
    move || {
        // SAFETY: a descriptor of a namespace; only this thread moves there.
        let moved = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(moved, 0, "{}", io::Error::last_os_error());
    }
}

fn raw_socket(port: &str) -> OwnedFd {
    // SAFETY: numbers only; the descriptor is new and ours.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    };
    let name = CString::new(port).expect("a name");
    // SAFETY: a sockaddr_ll of zeros is valid; name, address and length are live.
    let bound = unsafe {
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
        let length = size_of::<libc::sockaddr_ll>() as u32;
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length)
    };
    assert_eq!(bound, 0, "{}", io::Error::last_os_error());
    socket
}

fn send_frame(socket: &OwnedFd, frame: &[u8]) {
    loop {
        // SAFETY: pointer and length are those of one live slice.
        let sent = unsafe { libc::send(socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        match (sent, io::Error::last_os_error().raw_os_error()) {
            (0.., _) => return,
            (_, Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR)) => std::thread::yield_now(),
            (_, Some(libc::ENETDOWN)) => return,
            (_, error) => panic!("cannot send {} bytes: {error:?}", frame.len()),
        }
    }
}
