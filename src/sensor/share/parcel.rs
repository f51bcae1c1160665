//! Frames on their way to another worker, with the memory that holds them, and their
//! order when they come by several ways.

use std::collections::VecDeque;

use crate::time::{SECOND, Timestamp};
use crate::wire::capture::{BATCH, Frame, LinkType};

/// Bytes of a parcel: a jumbo frame fits a few times.
const PARCEL: usize = 64 * 1024;
/// How long a frame is held back for older ones that come by another way: the kernel
/// hands blocks over after up to 40 ms, and a worker may wait for its turn.
const HOLD: i64 = SECOND / 4;
/// Bytes held back at most; beyond that frames go on earlier.
const MOST: usize = 64 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
    frames: Vec<Kept>,
    /// Frames that have gone on.
    gone: usize,
}

/// One frame of a parcel.
struct Kept {
    at: Timestamp,
    link: LinkType,
    wire_len: u32,
    number: u64,
    /// Where it is in the parcel's bytes.
    place: std::ops::Range<usize>,
}

impl Parcel {
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.frames.is_empty() || (self.frames.len() < BATCH && self.bytes.len() + length <= PARCEL)
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        let &Frame { at, link, wire_len, number, .. } = frame;
        let place = start..self.bytes.len();
        self.frames.push(Kept { at, link, wire_len, number, place });
    }

    pub(super) const fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.gone = 0;
    }

    fn get(&self, number: usize) -> Option<Frame<'_>> {
        let Kept { at, link, wire_len, number, place } = self.frames.get(number)?;
        let bytes = self.bytes.get(place.clone()).unwrap_or_default();
        Some(Frame { at: *at, link: *link, wire_len: *wire_len, number: *number, bytes })
    }
}

/// Parcels by the way they came; the frames of each way are in order.
#[derive(Default)]
pub(super) struct Order {
    ways: Vec<VecDeque<Parcel>>,
    bytes: usize,
    /// Parcel and frame that come next on each way; kept for its memory.
    cursors: Vec<(usize, usize)>,
}

impl Order {
    pub(super) fn of(ways: usize) -> Self {
        Self { ways: (0..ways).map(|_| VecDeque::new()).collect(), ..Self::default() }
    }

    pub(super) fn take(&mut self, way: usize, parcel: Parcel) {
        if let Some(way) = self.ways.get_mut(way) {
            self.bytes += parcel.bytes.len();
            way.push_back(parcel);
        }
    }

    /// Lends the frames whose time has come, in the order of their times; parcels that
    /// are empty then go to `spare`.
    pub(super) fn release(
        &mut self,
        now: Timestamp,
        mut each: impl FnMut(&[Frame<'_>]),
        mut spare: impl FnMut(Parcel),
    ) -> usize {
        let mut released = 0;
        loop {
            let frames = self.few(now, &mut each);
            released += frames;
            for (way, &(parcel, frame)) in self.ways.iter_mut().zip(&self.cursors) {
                for mut empty in way.drain(..parcel) {
                    self.bytes = self.bytes.saturating_sub(empty.bytes.len());
                    empty.clear();
                    spare(empty);
                }
                if let Some(first) = way.front_mut() {
                    first.gone = frame;
                }
            }
            if frames == 0 {
                return released;
            }
        }
    }

    /// Lends at most a batch, and leaves the cursors behind it.
    fn few(&mut self, now: Timestamp, each: &mut impl FnMut(&[Frame<'_>])) -> usize {
        let Self { ways, cursors, bytes } = self;
        cursors.clear();
        cursors.extend(ways.iter().map(|way| (0, way.front().map_or(0, |first| first.gone))));
        let (full, due) = (*bytes > MOST, now.0.saturating_sub(HOLD));
        // What claims to be of a time to come waits for nothing.
        let ahead = now.0.saturating_add(SECOND);
        let empty = Frame { at: now, link: LinkType::Ethernet, wire_len: 0, number: 0, bytes: &[] };
        let (mut batch, mut len) = ([empty; BATCH], 0);
        for slot in &mut batch {
            let heads = ways.iter().zip(&*cursors).map(|(way, (p, f))| way.get(*p)?.get(*f));
            let oldest = heads.enumerate().filter_map(|(n, head)| Some((head?.at, n))).min();
            let Some((at, n)) = oldest else { break };
            if !full && at.0 > due && at.0 <= ahead {
                break;
            }
            let (Some(way), Some((parcel, frame))) = (ways.get(n), cursors.get_mut(n)) else {
                break;
            };
            let Some((it, many)) = way.get(*parcel).and_then(|p| Some((p.get(*frame)?, p.len())))
            else {
                break;
            };
            (*slot, len) = (it, len + 1);
            *frame += 1;
            if *frame >= many {
                (*parcel, *frame) = (*parcel + 1, 0);
            }
        }
        if len > 0 {
            each(batch.get(..len).unwrap_or_default());
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(times: &[i64]) -> Parcel {
        let mut parcel = Parcel::default();
        for at in times {
            let bytes = at.to_be_bytes();
            let link = LinkType::Ethernet;
            parcel.push(&Frame { at: Timestamp(*at), link, wire_len: 8, number: 1, bytes: &bytes });
        }
        parcel
    }

    fn released(order: &mut Order, now: i64) -> Vec<i64> {
        let mut times = Vec::new();
        let mut back = 0;
        order.release(
            Timestamp(now),
            |frames| {
                times.extend(frames.iter().map(|frame| {
                    assert_eq!(frame.bytes, frame.at.0.to_be_bytes());
                    frame.at.0
                }));
            },
            |parcel| back += usize::from(parcel.len() == 0),
        );
        times
    }

    #[test]
    fn ways_are_merged_by_time_and_the_young_wait() {
        let mut order = Order::of(3);
        order.take(0, parcel(&[1, 4, 5]));
        order.take(2, parcel(&[2, 3]));
        order.take(0, parcel(&[9, HOLD + 20]));
        order.take(2, parcel(&[7]));
        assert_eq!(released(&mut order, HOLD + 6), [1, 2, 3, 4, 5]);
        order.take(1, parcel(&[6]));
        assert_eq!(released(&mut order, HOLD + 10), [6, 7, 9]);
        assert!(order.bytes > 0, "one is young");
        assert_eq!(released(&mut order, i64::MAX), [HOLD + 20]);
        assert_eq!(order.bytes, 0);
    }

    #[test]
    fn many_are_released_in_batches() {
        let mut order = Order::of(2);
        for n in 0..40 {
            order.take(0, parcel(&(0..40).map(|k| (n * 40 + k) * 2).collect::<Vec<_>>()));
            order.take(1, parcel(&(0..40).map(|k| (n * 40 + k) * 2 + 1).collect::<Vec<_>>()));
        }
        let all = released(&mut order, i64::MAX);
        assert!(all.into_iter().eq(0..3200));
    }

    #[test]
    fn nothing_waits_for_a_wrong_clock_or_beyond_the_room() {
        let mut order = Order::of(1);
        order.take(0, parcel(&[10 * SECOND]));
        assert_eq!(released(&mut order, 0), [10 * SECOND]);
        order.take(0, parcel(&[5]));
        assert!(released(&mut order, 6).is_empty());
        order.bytes += MOST;
        assert_eq!(released(&mut order, 6), [5]);
    }
}
