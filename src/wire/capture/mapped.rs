//! A plain file through a sliding memory map, and the hints that hide the latency
//! of memory. The only module with `unsafe`.
//!
//! Mapping in windows instead of at once keeps the resident size bounded whatever
//! the size of the file.
//!
//! A file that another process shortens while it is mapped kills the reader by
//! SIGBUS when a page behind the new end is touched; no check can rule that out.
//! It is made unlikely and mostly harmless: every window is compared with the
//! length of the file at that moment and its pages are faulted in by one call
//! that reports a missing page as an error, so the time at risk is that of one
//! window, milliseconds. A file being written only grows, and that is safe.

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap, MmapOptions};

use super::error::Reason;
use super::source::Source;

/// Bytes mapped at once.
const WINDOW: u64 = 4 * HUGE;

/// A huge page. Where the page cache holds a file in such, a window that begins at
/// one is mapped by a few table entries instead of thousands, which was measured to
/// be worth half as many packets a second again.
const HUGE: u64 = 2 * 1024 * 1024;

/// A plain file, mapped window by window.
pub(super) struct Mapped {
    file: File,
    /// Length of the file when last looked at.
    len: u64,
    map: Option<Mmap>,
    /// Bytes of the map in front of the window.
    before: usize,
    fault: Option<Reason>,
}

impl Mapped {
    /// The file, with its first window mapped to see whether it can be.
    ///
    /// # Errors
    /// The file system cannot map it; a stream can still read it.
    pub(super) fn new(file: File) -> Result<Self, File> {
        let mut mapped = Self { file, len: 0, map: None, before: 0, fault: None };
        match mapped.slide(0, 1) {
            Ok(()) => Ok(mapped),
            Err(_) => Err(mapped.file),
        }
    }

    /// Maps a window from offset `at` on.
    fn slide(&mut self, at: u64, want: usize) -> io::Result<()> {
        self.map = None;
        let len = self.file.metadata()?.len();
        if len < self.len {
            self.fault = Some(Reason::Shortened);
        }
        self.len = len;
        if at >= len {
            return Ok(());
        }
        let before = at.checked_rem(HUGE).unwrap_or(0);
        let start = at.saturating_sub(before);
        let size = WINDOW.max(before.saturating_add(super::offset(want)));
        let size = usize::try_from(size.min(len.saturating_sub(start))).unwrap_or(usize::MAX);
        self.before = usize::try_from(before).unwrap_or(usize::MAX);
        // SAFETY: the map is private and read-only, and its bytes are only ever lent
        // as `&[u8]` that end before the next `slide`. Other processes may change them
        // under us: the walk then reads other numbers, each of which it checks; no
        // value read twice is trusted to be the same. Shortening: see the module.
        let map = unsafe { MmapOptions::new().offset(start).len(size).map(&self.file)? };
        // Hints: a kernel without them maps page by page instead.
        let _ = map.advise(Advice::Sequential);
        if let Err(error) = map.advise(Advice::PopulateRead)
            && error.kind() != io::ErrorKind::InvalidInput
        {
            return Err(io::Error::other("a page of it is missing"));
        }
        self.map = Some(map);
        Ok(())
    }
}

impl Source for Mapped {
    fn window(&mut self, at: u64, want: usize) -> &[u8] {
        if let Err(error) = self.slide(at, want) {
            self.fault.get_or_insert(Reason::from(error));
        }
        self.map.as_deref().and_then(|map| map.get(self.before..)).unwrap_or_default()
    }

    fn fault(&mut self) -> Option<Reason> {
        self.fault.take()
    }
}

/// Asks `len` bytes of `window` from `from` on into the cache.
#[inline]
pub(super) fn prefetch(window: &[u8], from: usize, len: usize) {
    let ahead = window.get(from..).unwrap_or_default();
    let ahead = ahead.get(..len).unwrap_or(ahead);
    for line in ahead.chunks(64) {
        prefetch_line(line);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(line: &[u8]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint: it changes no memory and faults on no address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(_: &[u8]) {}
