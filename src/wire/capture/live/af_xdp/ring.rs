//! Memory shared with the kernel: the frames, and the two rings of descriptors
//! through which they go to and fro (AF_XDP in the kernel's documentation). Each ring
//! has one producer and one consumer: the fill ring is ours to fill, the receive ring
//! ours to empty.

use std::io;
use std::marker::PhantomData;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::slice::from_raw_parts;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{c_int, xdp_desc, xdp_ring_offset};

/// A mapping of our own.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone and may be used from any one thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(length: usize, how: c_int, of: Option<(&OwnedFd, libc::off_t)>) -> io::Result<Self> {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let how = how | libc::MAP_POPULATE;
        let (file, at) = of.map_or((-1, 0), |(socket, at)| (socket.as_raw_fd(), at));
        // SAFETY: a new mapping wherever the kernel likes; it replaces nothing.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, rights, how, file, at) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Where `count` values of `T` lie from `at` on; none unless they are inside and
    /// aligned.
    fn place<T>(&self, at: u64, count: usize) -> io::Result<NonNull<T>> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let end = size_of::<T>().saturating_mul(count).saturating_add(at);
        let start = self.start.as_ptr().wrapping_add(at).cast::<T>();
        NonNull::new(start)
            .filter(|start| end <= self.length && start.is_aligned())
            .ok_or_else(|| io::Error::other("the kernel's ring is laid out in an unknown way"))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and nothing borrows from it any more.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The memory of the frames (UMEM).
pub(super) struct Memory(Mapping);

impl Memory {
    /// New memory; all of it is there at once.
    pub(super) fn new(length: usize) -> io::Result<Self> {
        Mapping::new(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, None).map(Self)
    }

    pub(super) fn address(&self) -> usize {
        self.0.start.as_ptr().expose_provenance()
    }

    pub(super) const fn len(&self) -> usize {
        self.0.length
    }

    /// What a descriptor of the receive ring points to; none if that is not all inside.
    ///
    /// # Safety
    /// The descriptor came from the receive ring of this memory, and while the bytes
    /// are borrowed its frame is not given back to the fill ring.
    pub(super) unsafe fn bytes(&self, of: &xdp_desc) -> Option<&[u8]> {
        let at = usize::try_from(of.addr).ok()?;
        let length = usize::try_from(of.len).ok()?;
        at.checked_add(length).filter(|&end| end <= self.0.length)?;
        // SAFETY: inside the mapping, which is filled with zeros at first. The kernel
        // writes to frames of the fill ring alone, and the caller keeps this one out.
        Some(unsafe { from_raw_parts(self.0.start.as_ptr().wrapping_add(at), length) })
    }
}

/// One ring: two counters that run on for ever, and slots for a power of two of `T`.
struct Ring<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    slots: NonNull<T>,
    mask: u32,
    /// Behind the pointers.
    _mapping: Mapping,
    _slots: PhantomData<T>,
}

// SAFETY: pointers into a mapping of its own, which may be used from any one thread;
// what other side there is, the kernel, is met with atomics.
unsafe impl<T: Copy + Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    fn map(
        socket: &OwnedFd,
        page: libc::off_t,
        offset: &xdp_ring_offset,
        slots: u32,
    ) -> io::Result<Self> {
        let count = usize::try_from(slots).unwrap_or(usize::MAX);
        let start = usize::try_from(offset.desc).unwrap_or(usize::MAX);
        let length = size_of::<T>().saturating_mul(count).saturating_add(start);
        let mapping = Mapping::new(length, libc::MAP_SHARED, Some((socket, page)))?;
        Ok(Self {
            producer: mapping.place(offset.producer, 1)?,
            consumer: mapping.place(offset.consumer, 1)?,
            flags: mapping.place(offset.flags, 1)?,
            slots: mapping.place(offset.desc, count)?,
            mask: slots.saturating_sub(1),
            _mapping: mapping,
            _slots: PhantomData,
        })
    }

    /// A counter or the flags.
    fn word(&self, which: fn(&Self) -> NonNull<AtomicU32>) -> &AtomicU32 {
        // SAFETY: placed inside the mapping and aligned (`place`), alive as long as
        // `self`, and only ever touched as one word.
        unsafe { which(self).as_ref() }
    }

    /// Where the slot of a counter lies.
    fn slot(&self, counter: u32) -> *mut T {
        let at = usize::try_from(counter & self.mask).unwrap_or_default();
        self.slots.as_ptr().wrapping_add(at)
    }
}

/// The fill ring: frames for the kernel to write to.
pub(super) struct Fill {
    ring: Ring<u64>,
    produced: u32,
}

impl Fill {
    pub(super) fn map(socket: &OwnedFd, offset: &xdp_ring_offset, slots: u32) -> io::Result<Self> {
        let page = libc::off_t::try_from(libc::XDP_UMEM_PGOFF_FILL_RING);
        let page = page.map_err(io::Error::other)?;
        Ok(Self { ring: Ring::map(socket, page, offset, slots)?, produced: 0 })
    }

    /// Gives frames to the kernel. The ring has a slot for each frame there is, so
    /// that there is room always.
    pub(super) fn give(&mut self, addresses: impl Iterator<Item = u64>) {
        for address in addresses {
            // SAFETY: a slot of the ring (`slot` masks). It is ours to write: at most
            // as many frames as slots exist, so the kernel has taken what was in it.
            unsafe { self.ring.slot(self.produced).write(address) };
            self.produced = self.produced.wrapping_add(1);
        }
        self.ring.word(|ring| ring.producer).store(self.produced, Ordering::Release);
    }

    /// Whether the driver sleeps until it is told that there are frames again.
    pub(super) fn sleeps(&self) -> bool {
        let flags = self.ring.word(|ring| ring.flags).load(Ordering::Relaxed);
        flags & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

/// The receive ring: frames that the kernel has written to.
pub(super) struct Received {
    ring: Ring<xdp_desc>,
    consumed: u32,
}

impl Received {
    pub(super) fn map(socket: &OwnedFd, offset: &xdp_ring_offset, slots: u32) -> io::Result<Self> {
        Ok(Self { ring: Ring::map(socket, libc::XDP_PGOFF_RX_RING, offset, slots)?, consumed: 0 })
    }

    /// Descriptors that wait.
    pub(super) fn waiting(&self) -> u32 {
        let produced = self.ring.word(|ring| ring.producer).load(Ordering::Acquire);
        // More than there are slots cannot be; it would be read twice.
        produced.wrapping_sub(self.consumed).min(self.ring.mask.saturating_add(1))
    }

    /// The descriptor `ahead` of the next one; one of those that wait.
    pub(super) fn get(&self, ahead: u32) -> xdp_desc {
        // SAFETY: a slot of the ring (`slot` masks); three numbers, for which any
        // bytes are valid. The kernel leaves it alone until it is released.
        unsafe { self.ring.slot(self.consumed.wrapping_add(ahead)).read() }
    }

    /// Gives the first slots back to the kernel.
    pub(super) fn release(&mut self, count: u32) {
        self.consumed = self.consumed.wrapping_add(count);
        self.ring.word(|ring| ring.consumer).store(self.consumed, Ordering::Release);
    }
}
