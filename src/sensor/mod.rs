//! Joins the wings: frames of a source go through one worker into the census.

mod listen;
mod reading;
mod share;
pub mod survey;

use std::array::from_fn;
use std::collections::BTreeMap;

pub use listen::{Anew, Lately, Listening, Look, Placement, PortLook, Turn, Wish};
pub use reading::{Reading, Watch};
pub use share::Share;

use crate::observe::Observation;
use crate::time::{SECOND, Timestamp};
use crate::wire::capture::Frame;
use crate::wire::flow::Engine;
use crate::wire::packet::duplicate::Copy;
use crate::wire::packet::{Front, Layer4, Packet, Sliced};

/// A capture that begins this much before the last one ended is of another time:
/// its conversations are not the last one's.
const ANOTHER_TIME: i64 = 60 * SECOND;

/// Packets whose headers are read together: as many as hide the latency of memory
/// without outgrowing a core's first cache.
const TOGETHER: usize = 32;

/// Frames in, observations out; the whole wire on one core.
pub struct Worker {
    front: Front,
    engine: Engine,
    out: Vec<Observation>,
    last: Timestamp,
}

impl Default for Worker {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Worker {
    /// A worker of one sensor; 0 for files.
    #[must_use]
    pub fn new(sensor: u16) -> Self {
        Self {
            front: Front::new(sensor),
            engine: Engine::default(),
            out: Vec::with_capacity(1024),
            last: Timestamp(i64::MIN),
        }
    }

    /// From now on says who logs on, or no more: a site must ask for it.
    pub const fn name_users(&mut self, users: bool) {
        self.engine.name_users(users);
    }

    /// Reads frames in the order of the capture.
    pub fn read(&mut self, frames: &[Frame<'_>]) {
        for few in frames.chunks(TOGETHER) {
            self.together(few, |_, _| false);
        }
    }

    /// As [`Self::read`], but what is another worker's is handed to it.
    pub fn read_share(&mut self, frames: &[Frame<'_>], share: &mut Share) {
        for few in frames.chunks(TOGETHER) {
            self.together(few, |frame, packet| share.takes(frame, packet));
        }
    }

    /// Looks at all headers first and asks for the flows they belong to: by the time
    /// the packets are read, memory has answered. What `away` takes is not read.
    fn together(
        &mut self,
        frames: &[Frame<'_>],
        mut away: impl FnMut(&Frame<'_>, &Packet<'_>) -> bool,
    ) {
        let Self { front, engine, out, last } = self;
        let mut places = [Sliced::NOTHING; TOGETHER];
        let Some(sliced) = places.get_mut(..frames.len()) else { return };
        for (frame, sliced) in frames.iter().zip(&mut *sliced) {
            front.slice(frame, sliced);
        }
        let prints: [_; TOGETHER] = from_fn(|n| {
            let sliced = sliced.get(n)?;
            (!away(&frames[n], &sliced.packet)).then(|| front.print(sliced))
        });
        let ahead: [_; TOGETHER] = from_fn(|n| {
            prints[n]?;
            engine.ahead(&sliced[n].packet)
        });
        for ahead in ahead.iter().flatten() {
            engine.closer(ahead);
        }
        for (sliced, ahead) in sliced.iter().zip(&ahead) {
            if let Some(ahead) = ahead {
                engine.closest(&sliced.packet, ahead);
            }
        }
        for ((sliced, print), ahead) in sliced.iter().zip(prints).zip(&ahead) {
            let Some(print) = print else { continue };
            let verdict = front.judge(sliced, print);
            *last = sliced.packet.at;
            let routed = match verdict.copy {
                Copy::First => None,
                Copy::Same => continue,
                Copy::Routed(segment) => Some(segment),
            };
            match (ahead, &verdict.whole) {
                (Some(ahead), _) => engine.packet_at(&sliced.packet, Some(ahead), routed, out),
                // Put together from fragments, and perhaps still a fragment.
                (None, Some(whole)) if !verdict.fragment => engine.packet(whole, routed, out),
                (None, _) if verdict.fragment => {
                    // A piece shows who is there, not what is said.
                    let packet = verdict.whole.as_ref().unwrap_or(&sliced.packet);
                    let piece = Packet { l4: Layer4::None, payload: &[], ..*packet };
                    engine.packet(&piece, routed, out);
                }
                // Without ports.
                (None, _) => engine.packet(&sliced.packet, routed, out),
            }
        }
    }

    /// Observations that [`Self::observed`] would hand over now.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Packet time of the last packet read.
    #[must_use]
    pub const fn latest(&self) -> Timestamp {
        self.last
    }

    /// No frames come, and the clock says this: conversations that nobody goes on with
    /// end all the same.
    pub fn idle(&mut self, now: Timestamp) {
        self.engine.idle(now, &mut self.out);
    }

    /// Hands over what was observed since the last time.
    pub fn observed(&mut self) -> std::vec::Drain<'_, Observation> {
        self.out.drain(..)
    }

    /// Another capture begins with a frame of this time.
    pub fn turn_to(&mut self, first: Timestamp) {
        if self.last.0 != i64::MIN && self.last.since(first) > ANOTHER_TIME {
            self.finish();
        }
    }

    /// Nothing more comes: what is open is closed.
    pub fn finish(&mut self) {
        self.engine.finish(&mut self.out);
    }

    /// Nothing more is read: gives back the memory of conversations, which what is to be
    /// made of it all may need. To be called after [`Self::finish`] and with everything
    /// counted.
    fn rest(&mut self) {
        self.engine = Engine::new(0);
    }

    /// Everything counted so far, by name.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let front = self.front.counts();
        let flow = self.engine.counts();
        let mut all: BTreeMap<String, u64> = [
            ("frames", front.frames),
            ("bytes", front.bytes),
            ("duplicates.same", front.same),
            ("duplicates.routed", front.routed),
            ("fragments", front.fragments),
            ("fragments.reassembled", front.reassembled),
            ("fragments.evicted", front.lost.evicted),
            ("fragments.expired", front.lost.expired),
            ("fragments.refused", front.lost.refused),
            ("tunnelled", front.tunnelled),
            ("cut", front.cut),
            ("flows", flow.flows),
            ("flows.evicted", flow.flows_evicted),
            ("flows.shadow", flow.shadows),
            ("streams.refused", flow.conversations_refused),
            ("streams.gaps", flow.gaps),
            ("acks", flow.acks),
            ("acks.unseen", flow.acks_unseen),
            ("streams.oversize", flow.oversize),
        ]
        .into_iter()
        .map(|(name, n)| (name.to_owned(), n))
        .collect();
        all.extend(front.malformed.iter().map(|(layer, n)| (format!("malformed.{layer}"), *n)));
        all.extend(flow.recognised.iter().map(|(name, n)| (format!("protocol.{name}"), *n)));
        all.extend(
            flow.errors.iter().map(|((name, field), n)| (format!("unreadable.{name}.{field}"), *n)),
        );
        all
    }
}
