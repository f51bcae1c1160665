//! One AF_XDP socket with its memory and rings, bound to one receive queue. It has no
//! ring for transmission: nothing can be sent by it.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use libc::c_int;

use super::super::socket::{check, get, open, set};
use super::ring::{Fill, Memory, Received};

/// Bytes at the start of each frame that the kernel keeps (XDP_PACKET_HEADROOM).
pub(super) const HEADROOM: u32 = 256;
/// Addresses in a ring that nobody uses: the kernel wants a completion ring to exist.
const UNUSED: u32 = 2;

/// How a socket is bound to its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The card writes into our memory; otherwise the kernel copies.
    pub(super) zero_copy: bool,
    /// Frames may come in several buffers (Linux 6.6).
    pub(super) several: bool,
}

/// Size of a socket's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Buffers; a power of two.
    pub(super) frames: u32,
    /// Bytes of each; a power of two.
    pub(super) chunk: u32,
}

impl Size {
    pub(super) fn bytes(self) -> u64 {
        u64::from(self.frames).saturating_mul(u64::from(self.chunk))
    }
}

/// What went wrong, and where.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) at: Step,
    pub(super) error: io::Error,
}

/// A step of setting a socket up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// socket(2).
    Socket,
    /// Memory and rings.
    Memory,
    /// bind(2).
    Bind,
}

pub(super) struct Socket {
    // Closed before the memory goes: fields are dropped in this order.
    pub(super) descriptor: OwnedFd,
    pub(super) fill: Fill,
    pub(super) received: Received,
    pub(super) memory: Memory,
    pub(super) chunk: u32,
}

impl Socket {
    /// Opens a socket, gives the kernel all its frames, and binds it.
    pub(super) fn open(
        interface: c_int,
        queue: u32,
        size: Size,
        binding: Binding,
    ) -> Result<Self, Failed> {
        let failed = |at: Step| move |error: io::Error| Failed { at, error };
        let descriptor = open(libc::AF_XDP, libc::SOCK_RAW).map_err(failed(Step::Socket))?;
        let mut socket = Self::furnish(descriptor, size).map_err(failed(Step::Memory))?;
        // Before the binding: a card that writes into our memory takes them then.
        let chunk = u64::from(size.chunk);
        socket.fill.give((0..u64::from(size.frames)).map(|number| number.saturating_mul(chunk)));
        bind(&socket.descriptor, interface, queue, binding).map_err(failed(Step::Bind))?;
        Ok(socket)
    }

    /// Registers the memory and makes the rings.
    fn furnish(descriptor: OwnedFd, size: Size) -> io::Result<Self> {
        let level = libc::SOL_XDP;
        let memory = Memory::new(usize::try_from(size.bytes()).unwrap_or(usize::MAX))?;
        let registration = libc::xdp_umem_reg {
            addr: u64::try_from(memory.address()).unwrap_or_default(),
            len: u64::try_from(memory.len()).unwrap_or_default(),
            chunk_size: size.chunk,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        // From here on the kernel writes into this memory, and holds its pages for as
        // long as the socket is open, whatever becomes of the mapping.
        set(&descriptor, level, libc::XDP_UMEM_REG, &registration)?;
        set(&descriptor, level, libc::XDP_UMEM_FILL_RING, &size.frames)?;
        set(&descriptor, level, libc::XDP_UMEM_COMPLETION_RING, &UNUSED)?;
        set(&descriptor, level, libc::XDP_RX_RING, &size.frames)?;
        // SAFETY: a structure of numbers.
        let offsets: libc::xdp_mmap_offsets =
            unsafe { get(&descriptor, level, libc::XDP_MMAP_OFFSETS)? };
        let fill = Fill::map(&descriptor, &offsets.fr, size.frames)?;
        let received = Received::map(&descriptor, &offsets.rx, size.frames)?;
        Ok(Self { descriptor, fill, received, memory, chunk: size.chunk })
    }

    /// What the kernel counted for this socket.
    pub(super) fn statistics(&self) -> io::Result<libc::xdp_statistics> {
        // SAFETY: a structure of numbers.
        unsafe { get(&self.descriptor, libc::SOL_XDP, libc::XDP_STATISTICS) }
    }

    /// Lets this thread do the driver's work while it waits, instead of an interrupt.
    pub(super) fn busy_poll(&self) -> io::Result<()> {
        // Microseconds, then frames a turn: as the kernel's documentation has them.
        let options = [
            (libc::SO_PREFER_BUSY_POLL, 1),
            (libc::SO_BUSY_POLL, 20),
            (libc::SO_BUSY_POLL_BUDGET, 64),
        ];
        for (option, value) in options {
            set(&self.descriptor, libc::SOL_SOCKET, option, &c_int::from(value))?;
        }
        Ok(())
    }

    /// Wakes the driver: there are frames to fill, or there may be some to fetch.
    pub(super) fn wake(&self) {
        let (fd, now) = (self.descriptor.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: a buffer of no length is never written to. There is nothing to be
        // done about an error: poll(2) will tell.
        let _ = unsafe { libc::recv(fd, std::ptr::null_mut(), 0, now) };
    }
}

fn bind(descriptor: &OwnedFd, interface: c_int, queue: u32, how: Binding) -> io::Result<()> {
    let copying = if how.zero_copy { libc::XDP_ZEROCOPY } else { libc::XDP_COPY };
    let several = if how.several { libc::XDP_USE_SG } else { 0 };
    let address = libc::sockaddr_xdp {
        sxdp_family: u16::try_from(libc::AF_XDP).unwrap_or_default(),
        sxdp_flags: copying | several | libc::XDP_USE_NEED_WAKEUP,
        sxdp_ifindex: u32::try_from(interface).unwrap_or_default(),
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_xdp>()).unwrap_or_default();
    // SAFETY: pointer and length are those of one live sockaddr_xdp.
    check(unsafe { libc::bind(descriptor.as_raw_fd(), (&raw const address).cast(), length) })
}
