//! The memory that a packet socket shares with the kernel: blocks of frames
//! (TPACKET_V3, packet_mmap in the kernel's documentation). A block belongs to the
//! kernel or to us; a word in it says to whom.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::slice::from_raw_parts_mut;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where in a block its owner is written: after `version` and `offset_to_priv`.
const STATUS_AT: usize = 8;

/// A mapped receive ring.
pub(super) struct Ring {
    start: NonNull<u8>,
    block: usize,
    blocks: usize,
}

// SAFETY: the mapping belongs to this value alone and may be used from any one thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of a socket, made of `blocks` blocks of `block` bytes.
    pub(super) fn map(socket: &OwnedFd, block: usize, blocks: usize) -> io::Result<Self> {
        let length = block.saturating_mul(blocks);
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let how = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping wherever the kernel likes; it replaces nothing.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), length, rights, how, socket.as_raw_fd(), 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => {
                Ok(Self { start, block, blocks })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub(super) const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The word of a block that says whose it is.
    fn status(&self, number: usize) -> Option<&AtomicU32> {
        let at = number.checked_mul(self.block).filter(|_| number < self.blocks)?;
        let word = self.start.as_ptr().wrapping_add(at).wrapping_add(STATUS_AT).cast::<u32>();
        // SAFETY: inside the mapping, which lives as long as `self`; aligned, since
        // blocks are whole pages; written by the kernel and here as one word only.
        Some(unsafe { AtomicU32::from_ptr(word) })
    }

    /// Whether the kernel has handed this block over.
    pub(super) fn is_ours(&self, number: usize) -> bool {
        let ours = |word: &AtomicU32| word.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        self.status(number).is_some_and(ours)
    }

    /// Lends a block that is ours, then gives it back to the kernel.
    pub(super) fn lend(&mut self, number: usize, read: impl FnOnce(&mut [u8])) {
        if !self.is_ours(number) {
            return;
        }
        let at = number.saturating_mul(self.block);
        // SAFETY: inside the mapping (`is_ours` knows the number). The kernel leaves a
        // block alone until its status word is given back below, `&mut self` keeps
        // everyone else away, and the slice ends with the call of `read`.
        let block = unsafe { from_raw_parts_mut(self.start.as_ptr().wrapping_add(at), self.block) };
        read(block);
        if let Some(word) = self.status(number) {
            word.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let length = self.block.saturating_mul(self.blocks);
        // SAFETY: our own mapping, and nothing borrows from it any more.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), length) };
    }
}
