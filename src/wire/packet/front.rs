//! All that happens to a frame before flows: headers, copies, fragments, counts.

use std::collections::BTreeMap;

use super::duplicate::{Copies, Copy};
use super::fragment::{Lost, Reassembler};
use super::{Packet, Sliced, slice};
use crate::wire::capture::Frame;

/// A packet as the flow engine gets it.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The innermost packet; whole datagrams in place of their last fragment.
    pub packet: Packet<'a>,
    /// Whether it was just seen.
    pub copy: Copy,
    /// How many tunnels were unwrapped.
    pub tunnels: u8,
    /// Only a piece of a datagram: its bytes count, its payload must not be read.
    pub fragment: bool,
}

/// What went through, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames.
    pub frames: u64,
    /// Bytes of these frames on the wire.
    pub bytes: u64,
    /// Frames seen twice.
    pub same: u64,
    /// Packets seen again on another leg of their way.
    pub routed: u64,
    /// Fragments, copies not counted.
    pub fragments: u64,
    /// Datagrams put together from them.
    pub reassembled: u64,
    /// Datagrams that were not.
    pub lost: Lost,
    /// Packets that came out of a tunnel.
    pub tunnelled: u64,
    /// Packets that the capture cut short.
    pub cut: u64,
    /// Frames with a header that could not be read, by its name.
    pub malformed: BTreeMap<&'static str, u64>,
}

/// Takes frames in the order of the capture and gives packets.
#[derive(Debug, Default)]
pub struct Front {
    sensor: u16,
    copies: Copies,
    /// Fragments outside of tunnels.
    outer: Reassembler,
    /// Fragments inside of them. Two, since a mirror's tunnel may be fragmented
    /// itself: its datagram is still read when the fragment inside is put away.
    inner: Reassembler,
    counts: Counts,
}

impl Front {
    /// For the frames of one sensor; 0 for a file.
    #[must_use]
    pub fn new(sensor: u16) -> Self {
        Self { sensor, ..Self::default() }
    }

    /// What went through so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (a, b) = (self.outer.lost(), self.inner.lost());
        Counts {
            lost: Lost {
                evicted: a.evicted.saturating_add(b.evicted),
                expired: a.expired.saturating_add(b.expired),
                refused: a.refused.saturating_add(b.refused),
            },
            ..self.counts.clone()
        }
    }

    /// The packet in `frame`. It borrows from the frame, or from here when it was
    /// put together from fragments.
    pub fn next<'a>(&'a mut self, frame: &Frame<'a>) -> Sight<'a> {
        self.judge(slice(frame, self.sensor))
    }

    /// As [`Front::next`], for a frame whose headers are read already.
    pub fn judge<'a>(&'a mut self, sliced: Sliced<'a>) -> Sight<'a> {
        let Self { copies, outer, inner, counts, .. } = self;
        counts.frames = counts.frames.saturating_add(1);
        counts.bytes = counts.bytes.saturating_add(u64::from(sliced.on_wire));
        let sight = look(copies, counts, &sliced, 0);
        if sliced.tunnels > 0 {
            return reassemble(inner, copies, counts, &sliced, &sight).map_or(sight, |(_, s)| s);
        }
        match reassemble(outer, copies, counts, &sliced, &sight) {
            None => sight,
            // What was in a fragmented tunnel may be a fragment again.
            Some((whole, sight)) => {
                reassemble(inner, copies, counts, &whole, &sight).map_or(sight, |(_, s)| s)
            }
        }
    }
}

/// Judges and counts what was read; `tunnels` of them were counted before.
fn look<'a>(
    copies: &mut Copies,
    counts: &mut Counts,
    sliced: &Sliced<'a>,
    tunnels: u8,
) -> Sight<'a> {
    let copy = copies.judge(sliced);
    let count = |n: &mut u64, yes: bool| *n = n.saturating_add(u64::from(yes));
    count(&mut counts.same, copy == Copy::Same);
    count(&mut counts.routed, matches!(copy, Copy::Routed(_)));
    count(&mut counts.fragments, sliced.fragment.is_some() && copy != Copy::Same);
    count(&mut counts.tunnelled, sliced.tunnels > tunnels);
    count(&mut counts.cut, sliced.packet.cut);
    if let Some(layer) = sliced.malformed {
        count(counts.malformed.entry(layer).or_default(), true);
    }
    let Sliced { packet, tunnels, fragment, .. } = *sliced;
    Sight { packet, copy, tunnels, fragment: fragment.is_some() }
}

/// The datagram that a fragment completes. Copies would overlap, and half a
/// fragment would leave a hole: neither takes part.
fn reassemble<'a>(
    reassembler: &'a mut Reassembler,
    copies: &mut Copies,
    counts: &mut Counts,
    sliced: &Sliced<'a>,
    sight: &Sight<'a>,
) -> Option<(Sliced<'a>, Sight<'a>)> {
    let fragment = sliced.fragment.as_ref()?;
    if sight.copy == Copy::Same || sliced.packet.cut {
        return None;
    }
    let datagram = reassembler.push(&sliced.packet, fragment)?;
    counts.reassembled = counts.reassembled.saturating_add(1);
    let whole = sliced.whole(datagram.protocol, datagram.bytes);
    let sight = look(copies, counts, &whole, sliced.tunnels);
    Some((whole, sight))
}
