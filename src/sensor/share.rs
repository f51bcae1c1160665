//! Which worker reads what. A card spreads frames over its queues as it likes, and most
//! send the two directions of a conversation to different ones. Here all packets
//! between two addresses belong to one worker; what arrives elsewhere is copied over to
//! it, in parcels, without waiting and without memory from the heap once parcels go
//! round.

use std::hash::BuildHasher as _;

use crossbeam_channel::{Receiver, Sender, bounded};
use foldhash::fast::RandomState;

use crate::time::Timestamp;
use crate::wire::capture::{BATCH, Frame, LinkType};
use crate::wire::packet::Packet;

/// Bytes of a parcel: a jumbo frame fits a few times.
const PARCEL: usize = 64 * 1024;
/// Parcels that wait for one worker; 16 MiB, some 20 ms of a full 10 Gb/s.
const WAITING: usize = 256;

/// Frames on their way to another worker, with the memory that holds them.
#[derive(Default)]
struct Parcel {
    bytes: Vec<u8>,
    frames: Vec<Kept>,
}

/// One frame of a parcel.
struct Kept {
    at: Timestamp,
    link: LinkType,
    wire_len: u32,
    number: u64,
    /// Where it ends in the parcel's bytes.
    end: usize,
}

impl Parcel {
    fn has_room(&self, length: usize) -> bool {
        self.frames.is_empty() || (self.frames.len() < BATCH && self.bytes.len() + length <= PARCEL)
    }

    fn push(&mut self, frame: &Frame<'_>) {
        self.bytes.extend_from_slice(frame.bytes);
        let &Frame { at, link, wire_len, number, .. } = frame;
        self.frames.push(Kept { at, link, wire_len, number, end: self.bytes.len() });
    }

    /// Lends its frames, then is empty.
    fn open(&mut self, each: impl FnOnce(&[Frame<'_>])) {
        let empty = Frame {
            at: Timestamp(0),
            link: LinkType::Ethernet,
            wire_len: 0,
            number: 0,
            bytes: &[],
        };
        let mut frames = [empty; BATCH];
        let mut start = 0;
        for (frame, kept) in frames.iter_mut().zip(&self.frames) {
            let &Kept { at, link, wire_len, number, end } = kept;
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            *frame = Frame { at, link, wire_len, number, bytes };
            start = end;
        }
        each(frames.get(..self.frames.len()).unwrap_or_default());
        self.bytes.clear();
        self.frames.clear();
    }
}

/// One worker's part of the work, and its way to the others.
pub struct Share {
    own: usize,
    hasher: RandomState,
    others: Vec<Sender<Parcel>>,
    /// One for each worker, being filled.
    parcels: Vec<Parcel>,
    inbox: Receiver<Parcel>,
    /// Emptied parcels of all workers.
    spare: (Sender<Parcel>, Receiver<Parcel>),
    handed: u64,
    lost: u64,
}

impl Share {
    /// Parts for so many workers that read one interface.
    #[must_use]
    pub fn among(workers: usize) -> Vec<Self> {
        let hasher = RandomState::default();
        let spare = bounded(WAITING * workers.max(1));
        let (others, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| bounded(WAITING)).unzip();
        let share = |(own, inbox)| Self {
            own,
            hasher: hasher.clone(),
            others: others.clone(),
            parcels: (0..workers).map(|_| Parcel::default()).collect(),
            inbox,
            spare: spare.clone(),
            handed: 0,
            lost: 0,
        };
        inboxes.into_iter().enumerate().map(share).collect()
    }

    /// Frames handed to other workers, and those of them that found no room.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.handed, self.lost)
    }

    /// Takes a frame that is another worker's; false when it is our own.
    pub(super) fn takes(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        // What has no addresses says little, and says it to whoever sees it.
        let Some((src, dst)) = packet.addresses() else { return false };
        let pair = if src <= dst { (src, dst) } else { (dst, src) };
        let many = u64::try_from(self.others.len()).unwrap_or(1).max(1);
        let owner = usize::try_from((self.hasher.hash_one(pair) >> 32) % many).unwrap_or(0);
        if owner == self.own {
            return false;
        }
        self.handed += 1;
        if self.parcels.get(owner).is_some_and(|parcel| !parcel.has_room(frame.bytes.len())) {
            self.send(owner);
        }
        if let Some(parcel) = self.parcels.get_mut(owner) {
            parcel.push(frame);
        }
        true
    }

    /// Sends what is being filled.
    pub fn flush(&mut self) {
        for owner in 0..self.parcels.len() {
            self.send(owner);
        }
    }

    fn send(&mut self, owner: usize) {
        let (Some(parcel), Some(way)) = (self.parcels.get_mut(owner), self.others.get(owner))
        else {
            return;
        };
        if parcel.frames.is_empty() {
            return;
        }
        let full = std::mem::replace(parcel, self.spare.1.try_recv().unwrap_or_default());
        if let Err(refused) = way.try_send(full) {
            let mut parcel = refused.into_inner();
            self.lost += u64::try_from(parcel.frames.len()).unwrap_or(0);
            parcel.open(|_| ());
            let _ = self.spare.0.try_send(parcel);
        }
    }

    /// Lends what the others have sent, at most as much as was there when this was called.
    pub fn receive(&mut self, mut each: impl FnMut(&[Frame<'_>])) -> usize {
        let mut frames = 0;
        for _ in 0..self.inbox.len() {
            let Ok(mut parcel) = self.inbox.try_recv() else { break };
            frames += parcel.frames.len();
            parcel.open(&mut each);
            let _ = self.spare.0.try_send(parcel);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;
    use crate::sensor::Worker;

    fn datagram(from: u8, to: u8) -> Vec<u8> {
        let build = PacketBuilder::ethernet2([2, 0, 0, 0, 0, from], [2, 0, 0, 0, 0, to])
            .ipv4([10, 0, 0, from], [10, 0, 0, to], 64)
            .udp(4000 + u16::from(from), 4000 + u16::from(to));
        let mut bytes = Vec::new();
        build.write(&mut bytes, b"anything").unwrap();
        bytes
    }

    fn frame(bytes: &[u8], number: u64) -> Frame<'_> {
        let wire_len = u32::try_from(bytes.len()).unwrap();
        Frame { at: Timestamp(1), link: LinkType::Ethernet, wire_len, number, bytes }
    }

    /// Gives every frame to the worker whose turn it is; frames that each has read.
    fn spread(frames: &[Vec<u8>]) -> (Vec<Worker>, Vec<Share>) {
        let mut workers = [Worker::default(), Worker::default(), Worker::default()];
        let mut shares = Share::among(3);
        for (number, bytes) in (0_u64..).zip(frames) {
            let at = usize::try_from(number % 3).unwrap();
            workers[at].read_share(&[frame(bytes, number)], &mut shares[at]);
            shares[at].flush();
        }
        for (worker, share) in workers.iter_mut().zip(&mut shares) {
            share.receive(|frames| worker.read(frames));
        }
        (workers.into(), shares)
    }

    #[test]
    fn both_directions_come_to_one_worker_and_nothing_is_lost() {
        let frames: Vec<_> = (1..60).flat_map(|n| [datagram(n, 100), datagram(100, n)]).collect();
        let (workers, shares) = spread(&frames);
        let counters: Vec<_> = workers.iter().map(Worker::counters).collect();
        let sum = |name: &str| counters.iter().map(|c| c[name]).sum::<u64>();
        assert_eq!((sum("frames"), sum("flows")), (118, 59));
        assert!(counters.iter().all(|c| c["frames"] > 0), "everyone has work");
        assert!(shares.iter().all(|share| share.counts().0 > 0 && share.counts().1 == 0));
    }

    #[test]
    fn a_worker_that_does_not_read_loses_what_finds_no_room() {
        let mut shares = Share::among(2);
        let mut worker = Worker::default();
        let frames: Vec<_> = (1..100).map(|n| datagram(n, 200)).collect();
        for _ in 0..1000 {
            for bytes in &frames {
                worker.read_share(&[frame(bytes, 1)], &mut shares[0]);
            }
            shares[0].flush();
        }
        let (handed, lost) = shares[0].counts();
        assert!(lost > 0 && lost < handed);
        let mut came = 0;
        while shares[1].receive(|frames| came += frames.len()) > 0 {}
        assert_eq!(u64::try_from(came).unwrap() + lost, handed);
    }

    #[test]
    fn frames_come_as_they_were() {
        let mut parcel = Parcel::default();
        let all: Vec<Vec<u8>> = (0..BATCH).map(|n| vec![7; n * 9]).collect();
        all.iter().zip(1..).for_each(|(bytes, n)| parcel.push(&frame(bytes, n)));
        assert!(!parcel.has_room(1));
        parcel.open(|frames| {
            for ((bytes, got), number) in all.iter().zip(frames).zip(1..) {
                assert_eq!((got.bytes, got.number), (&bytes[..], number));
            }
        });
        assert!(parcel.has_room(PARCEL * 2), "an empty one takes any frame");
    }
}
