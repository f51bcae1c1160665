//! Bytes of a capture through a bounded window, whatever they come from.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{Codec, Reason};
use super::offset;

/// Lends the bytes of an uncompressed capture.
pub(super) trait Bytes: Send {
    /// The bytes from offset `at` on: at least `want` of them, fewer only at the end.
    /// `at` never goes back.
    fn window(&mut self, at: u64, want: usize) -> &[u8];

    /// Why the end came too early, if it did.
    fn fault(&mut self) -> Option<Reason> {
        None
    }
}

/// A capture that is in memory as a whole.
pub(super) struct Memory<T>(pub(super) T);

impl<T: AsRef<[u8]> + Send> Bytes for Memory<T> {
    fn window(&mut self, at: u64, _: usize) -> &[u8] {
        usize::try_from(at).ok().and_then(|at| self.0.as_ref().get(at..)).unwrap_or_default()
    }
}

/// Bytes of a stream held at once. Small enough to stay in a core's own cache
/// between being read and being walked.
const HELD: usize = 256 * 1024;

/// A pipe, or a compressed file: all that is ever held is one buffer of [`HELD`]
/// bytes, or the longest item that a walk asks for.
pub(super) struct Stream<R> {
    input: R,
    /// Names the decompressor in errors.
    codec: Option<Codec>,
    buffer: Vec<u8>,
    /// What of `buffer` is not yet used.
    held: std::ops::Range<usize>,
    /// Offset in the capture of the first byte held.
    start: u64,
    ended: bool,
    fault: Option<Reason>,
}

impl<R: Read> Stream<R> {
    pub(super) fn new(input: R, codec: Option<Codec>) -> Self {
        let (buffer, fault) = (vec![0; HELD], None);
        Self { input, codec, buffer, held: 0..0, start: 0, ended: false, fault }
    }

    /// Lets go of held bytes up to offset `at`.
    fn drop_until(&mut self, at: u64) {
        let gone = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let gone = gone.min(self.held.len());
        self.held.start = self.held.start.saturating_add(gone);
        self.start = self.start.saturating_add(offset(gone));
    }

    /// One read into the free end of the buffer.
    fn fill(&mut self) {
        let free = self.buffer.get_mut(self.held.end..).unwrap_or_default();
        match self.input.read(free) {
            Ok(0) => self.ended = true,
            Ok(n) => self.held.end = self.held.end.saturating_add(n).min(self.buffer.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = true;
                self.fault = Some(match self.codec {
                    None if error.kind() == io::ErrorKind::UnexpectedEof => Reason::Shortened,
                    Some(codec) => Reason::Packed { codec, error },
                    None => Reason::from(error),
                });
            }
        }
    }
}

impl<R: Read + Send> Bytes for Stream<R> {
    fn window(&mut self, at: u64, want: usize) -> &[u8] {
        self.drop_until(at);
        while self.start < at && !self.ended {
            self.held = 0..0;
            self.fill();
            self.drop_until(at);
        }
        if self.held.len() < want {
            self.buffer.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
            if self.buffer.len() < want {
                self.buffer.resize(want, 0);
            }
            while self.held.len() < want && !self.ended {
                self.fill();
            }
        }
        self.buffer.get(self.held.clone()).unwrap_or_default()
    }

    fn fault(&mut self) -> Option<Reason> {
        self.fault.take()
    }
}

/// A plain file that must not end before the length it had when it was opened.
pub(super) struct Whole<R> {
    input: R,
    left: u64,
}

impl<R> Whole<R> {
    pub(super) const fn new(input: R, length: u64) -> Self {
        Self { input, left: length }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(into)?;
        if n == 0 && !into.is_empty() && self.left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(offset(n));
        Ok(n)
    }
}

/// How many bytes of a file a stream has read; shared with who tells the user.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A reader that counts what it hands out.
pub(super) struct Counted<R> {
    pub(super) input: R,
    pub(super) counter: Counter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(into)?;
        self.counter.0.fetch_add(offset(n), Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
impl<R> Stream<R> {
    /// Bytes of memory that the buffer has grown to.
    pub(super) fn held_at_most(&self) -> usize {
        self.buffer.capacity()
    }
}
