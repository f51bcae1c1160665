//! One TCP conversation that is being read: bytes in order for a dissector,
//! with gaps bounded, and passed over uncopied where it asks so.

use super::limits;
use crate::wire::dissect::Dissector;

/// One direction.
#[derive(Default)]
pub(super) struct Half {
    /// Sequence number of the next byte in order; none before the first segment.
    next: Option<u32>,
    /// Began with a SYN.
    pub(super) from_start: bool,
    /// Bytes still to pass over.
    pub(super) skip: u64,
    /// Bytes not consumed yet.
    pub(super) buffer: Vec<u8>,
    /// Do not ask the dissector below this length of `buffer`.
    pub(super) need: usize,
    /// Probes said no to this direction.
    pub(super) unknown: bool,
    /// Segments behind a missing one, by sequence number.
    pending: Vec<(u32, Vec<u8>)>,
    pending_bytes: usize,
}

/// What a segment means for its direction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival<'a> {
    /// These bytes come next.
    InOrder(&'a [u8]),
    /// Nothing new, or held back behind a missing segment.
    Nothing,
    /// Bytes before these are lost for good.
    AfterGap(&'a [u8]),
}

/// `a - b` on the circle of sequence numbers (RFC 9293 §3.4).
fn distance(a: u32, b: u32) -> i64 {
    let ahead = a.wrapping_sub(b);
    if ahead < 1 << 31 { i64::from(ahead) } else { i64::from(ahead).saturating_sub(1 << 32) }
}

fn advance(seq: u32, by: usize) -> u32 {
    seq.wrapping_add(u32::try_from(by).unwrap_or(0))
}

impl Half {
    /// A SYN was seen: its sequence number counts one.
    pub(super) fn open(&mut self, seq: u32) {
        if self.next.is_none() {
            self.next = Some(seq.wrapping_add(1));
            self.from_start = true;
        }
    }

    /// A segment with payload arrives.
    pub(super) fn arrive<'a>(&mut self, seq: u32, payload: &'a [u8]) -> Arrival<'a> {
        let next = *self.next.get_or_insert(seq);
        let ahead = distance(seq, next);
        if ahead <= 0 {
            let old = usize::try_from(ahead.saturating_neg()).unwrap_or(usize::MAX);
            return match payload.get(old..) {
                Some(new) if !new.is_empty() => {
                    self.next = Some(advance(next, new.len()));
                    Arrival::InOrder(new)
                }
                _ => Arrival::Nothing,
            };
        }
        let missing = u64::try_from(ahead).unwrap_or(0);
        if missing <= self.skip && self.pending.is_empty() {
            // The hole is in what nobody wants: step over it without a word.
            self.skip = self.skip.saturating_sub(missing);
            self.next = Some(advance(seq, payload.len()));
            return Arrival::InOrder(payload);
        }
        let room = self.pending.len() < limits::MAX_PENDING_SEGMENTS
            && self.pending_bytes.saturating_add(payload.len()) <= limits::MAX_PENDING_BYTES;
        if room {
            let at = self.pending.partition_point(|(s, _)| distance(*s, seq) < 0);
            self.pending_bytes = self.pending_bytes.saturating_add(payload.len());
            self.pending.insert(at, (seq, payload.to_vec()));
            return Arrival::Nothing;
        }
        self.lose();
        self.next = Some(advance(seq, payload.len()));
        Arrival::AfterGap(payload)
    }

    /// Whether held-back segments wait for bytes that the receiver has already
    /// acknowledged: then it was the capture that lost them.
    pub(super) fn lost_before(&self, ack: u32) -> bool {
        match (self.next, self.pending.first()) {
            (Some(next), Some((first, _))) => distance(ack, next) > 0 && distance(ack, *first) >= 0,
            _ => false,
        }
    }

    /// The next held-back segment that is in order now; with `after_gap`, whatever
    /// comes first.
    pub(super) fn take_pending(&mut self, after_gap: bool) -> Option<Vec<u8>> {
        loop {
            let next = self.next?;
            let ahead = distance(self.pending.first()?.0, next);
            if ahead > 0 && !after_gap {
                return None;
            }
            let (seq, mut bytes) = self.pending.remove(0);
            self.pending_bytes = self.pending_bytes.saturating_sub(bytes.len());
            if ahead > 0 {
                self.next = Some(advance(seq, bytes.len()));
                return Some(bytes);
            }
            let old = usize::try_from(ahead.saturating_neg()).unwrap_or(usize::MAX);
            if old < bytes.len() {
                bytes.drain(..old);
                self.next = Some(advance(next, bytes.len()));
                return Some(bytes);
            }
        }
    }

    /// Forgets everything held.
    fn lose(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// After a gap: what was half read is worth nothing.
    pub(super) fn reset(&mut self) {
        self.buffer.clear();
        (self.skip, self.need) = (0, 0);
    }

    /// Bytes held on the heap.
    pub(super) fn held(&self) -> usize {
        self.buffer.len().saturating_add(self.pending_bytes)
    }
}

/// Both directions and the dissector, when there is one.
#[derive(Default)]
pub(super) struct Conversation {
    pub(super) halves: [Half; 2],
    pub(super) dissector: Option<Box<dyn Dissector>>,
    /// What of [`Self::held`] is in the sum of all conversations.
    pub(super) counted: usize,
}

impl Conversation {
    pub(super) fn half(&mut self, direction: usize) -> &mut Half {
        let [low, high] = &mut self.halves;
        if direction == 0 { low } else { high }
    }

    pub(super) fn held(&self) -> usize {
        self.halves.iter().map(Half::held).fold(0, usize::saturating_add)
    }

    /// Ready for another conversation; keeps small buffers.
    pub(super) fn clear(&mut self) {
        self.dissector = None;
        self.counted = 0;
        for half in &mut self.halves {
            let mut buffer = std::mem::take(&mut half.buffer);
            buffer.clear();
            buffer.shrink_to(limits::KEEP_BUFFER);
            *half = Half { buffer, ..Half::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retransmission_overlap_and_wrap() {
        let mut half = Half::default();
        half.open(u32::MAX);
        assert_eq!(half.arrive(0, b"abcd"), Arrival::InOrder(b"abcd"));
        assert_eq!(half.arrive(0, b"abcd"), Arrival::Nothing);
        assert_eq!(half.arrive(2, b"cdef"), Arrival::InOrder(b"ef"));
        let mut wrap = Half::default();
        assert_eq!(wrap.arrive(u32::MAX - 1, b"abcd"), Arrival::InOrder(b"abcd"));
        assert_eq!(wrap.arrive(2, b"ef"), Arrival::InOrder(b"ef"));
    }

    #[test]
    fn reordering_is_undone() {
        let mut half = Half::default();
        half.open(0);
        assert_eq!(half.arrive(5, b"e"), Arrival::Nothing);
        assert_eq!(half.arrive(3, b"cd"), Arrival::Nothing);
        assert_eq!(half.take_pending(false), None);
        assert_eq!(half.arrive(1, b"ab"), Arrival::InOrder(b"ab"));
        assert_eq!(half.take_pending(false).as_deref(), Some(&b"cd"[..]));
        assert_eq!(half.take_pending(false).as_deref(), Some(&b"e"[..]));
        assert_eq!(half.held(), 0);
    }

    #[test]
    fn a_hole_that_was_acknowledged_is_a_gap() {
        let mut half = Half::default();
        half.open(0);
        assert_eq!(half.arrive(101, b"late"), Arrival::Nothing);
        assert!(!half.lost_before(1));
        assert!(half.lost_before(105));
        assert_eq!(half.take_pending(true).as_deref(), Some(&b"late"[..]));
    }

    #[test]
    fn a_hole_inside_a_skip_is_no_gap() {
        let mut half = Half::default();
        half.open(0);
        half.skip = 1000;
        assert_eq!(half.arrive(501, b"xyz"), Arrival::InOrder(b"xyz"));
        assert_eq!(half.skip, 500);
    }

    #[test]
    fn held_bytes_are_bounded() {
        let mut half = Half::default();
        half.open(0);
        let big = [0_u8; 1460];
        let mut gaps = 0;
        for n in 0..10_000_u32 {
            gaps += u32::from(matches!(half.arrive(10_000 + n * 2000, &big), Arrival::AfterGap(_)));
            assert!(half.held() <= limits::MAX_PENDING_BYTES);
        }
        assert!(gaps > 0);
    }
}
