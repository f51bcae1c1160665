//! The bounded way from a worker to the census. A worker never waits: what finds no
//! room is kept for a moment, repeats are let go first, and all that is lost is counted.

use std::collections::VecDeque;

use crossbeam_channel::TrySendError;

use super::port::Way;
use crate::observe::{Observation, Observed};

/// Observations sent at once.
const PORTION: usize = 512;
/// Portions on the way at once, of all workers together: some 100 MB at the very most.
pub(super) const PORTIONS: usize = 1024;
/// Observations that one worker keeps while the way is full.
const KEPT: usize = 65_536;

/// What found no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// "Still there" of hosts that say so again within a minute.
    pub(super) repeats: u64,
    /// Anything else.
    pub(super) observations: u64,
}

/// A worker's end.
pub(super) struct Outlet {
    way: Way,
    capture: u32,
    kept: VecDeque<Observation>,
    refused: Refused,
}

impl Outlet {
    pub(super) const fn new(way: Way, capture: u32) -> Self {
        Self {
            way,
            capture,
            kept: VecDeque::new(),
            refused: Refused { repeats: 0, observations: 0 },
        }
    }

    pub(super) const fn refused(&self) -> Refused {
        self.refused
    }

    /// Hands over what can be without waiting.
    pub(super) fn offer(&mut self, observed: impl Iterator<Item = Observation>) {
        let full = self.way.is_full();
        for observation in observed {
            match observation.what {
                Observed::Present(_) if full => self.refused.repeats += 1,
                _ if self.kept.len() >= KEPT => self.refused.observations += 1,
                _ => self.kept.push_back(observation),
            }
            if self.kept.len() >= PORTION && !full {
                self.send();
            }
        }
        self.send();
    }

    fn send(&mut self) {
        while !self.kept.is_empty() && !self.way.is_full() {
            // With memory for itself alone: a thousand of them may be on the way.
            let portion: Vec<_> = self.kept.drain(..PORTION.min(self.kept.len())).collect();
            match self.way.try_send((self.capture, portion)) {
                Ok(()) => {}
                Err(TrySendError::Full((_, portion))) => {
                    portion.into_iter().rev().for_each(|it| self.kept.push_front(it));
                    return;
                }
                // The census is gone: nobody will ever want it.
                Err(TrySendError::Disconnected((_, portion))) => {
                    self.refused.observations +=
                        u64::try_from(portion.len() + self.kept.len()).unwrap_or(0);
                    self.kept.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::net::HostId;
    use crate::observe::Key;
    use crate::time::Timestamp;

    fn said(frame: u64, what: Observed<'static>) -> Observation {
        Observation { at: Timestamp(0), frame, host: HostId::default(), what }
    }

    fn fact(frame: u64) -> Observation {
        said(frame, Observed::Fact(Key::new("a.b"), Cow::Borrowed("x")))
    }

    #[test]
    fn everything_comes_in_order_while_there_is_room() {
        let (way, census) = crossbeam_channel::bounded(4);
        let mut outlet = Outlet::new(way, 3);
        outlet.offer((0..1000).map(fact));
        drop(outlet);
        let frames: Vec<_> =
            census.iter().flat_map(|(_, portion)| portion).map(|o| o.frame).collect();
        assert!(frames.into_iter().eq(0..1000));
    }

    #[test]
    fn repeats_go_first_and_all_that_is_lost_is_counted() {
        let (way, census) = crossbeam_channel::bounded(1);
        let mut outlet = Outlet::new(way, 3);
        outlet.offer((0..600).map(fact));
        assert_eq!(outlet.refused(), Refused::default(), "one portion on the way, the rest kept");
        outlet.offer([said(600, Observed::Present(None)), fact(601)].into_iter());
        assert_eq!(outlet.refused(), Refused { repeats: 1, observations: 0 });
        outlet.offer((0..u64::try_from(KEPT).unwrap()).map(fact));
        let lost = outlet.refused().observations;
        assert_eq!(lost, 89, "what was kept before stays");
        let first: Vec<_> = census.recv().unwrap().1.into_iter().map(|o| o.frame).collect();
        assert!(first.into_iter().eq(0..512), "what came first is there");
        // What waited long comes in its order, in pieces that take no more than they hold.
        let mut rest = Vec::new();
        loop {
            outlet.offer(std::iter::empty());
            let Ok((_, portion)) = census.try_recv() else { break };
            assert!(portion.capacity() < 2 * PORTION, "{}", portion.capacity());
            rest.extend(portion.into_iter().map(|o| o.frame));
        }
        assert!(rest.into_iter().eq((512..600).chain([601]).chain(0..65_447)));
    }
}
