//! Which worker reads what. A card spreads frames over its queues as it likes, and most
//! send the two directions of a conversation to different ones; the two taps of a link
//! do so by nature. Here all packets between two addresses belong to one worker; what
//! arrives elsewhere is copied over to it, in parcels, without waiting and without
//! memory from the heap once parcels go round. Each worker holds its frames for a
//! moment and reads them in the order of their times.

mod parcel;

use std::hash::BuildHasher as _;

use crossbeam_channel::{Receiver, Sender, bounded};
use foldhash::fast::RandomState;

use crate::time::Timestamp;
use crate::wire::capture::Frame;
use crate::wire::packet::Packet;
use parcel::{Order, Parcel};

/// Parcels on the way to one worker; 16 MiB, some 20 ms of a full 10 Gb/s.
const WAITING: usize = 256;
/// Emptied parcels kept for each worker: those on the way, and those held for order.
const SPARE: usize = 1280;

/// One worker's part of the work, and its way to the others.
pub struct Share {
    own: usize,
    hasher: RandomState,
    others: Vec<Sender<(usize, Parcel)>>,
    /// One for each worker, being filled.
    parcels: Vec<Parcel>,
    /// Whose, and what.
    inbox: Receiver<(usize, Parcel)>,
    /// All that is to be read here.
    order: Order,
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
        let spare = bounded(SPARE * workers.max(1));
        let (others, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| bounded(WAITING)).unzip();
        let share = |(own, inbox)| Self {
            own,
            hasher: hasher.clone(),
            others: others.clone(),
            parcels: (0..workers).map(|_| Parcel::default()).collect(),
            inbox,
            order: Order::of(workers),
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

    /// Takes a frame to be read in its order, here or by another worker; false when it
    /// can be read at once.
    pub(super) fn takes(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        // What has no addresses says little, and says it to whoever sees it.
        let Some((src, dst)) = packet.addresses() else { return false };
        let pair = if src <= dst { (src, dst) } else { (dst, src) };
        let many = u64::try_from(self.others.len()).unwrap_or(1).max(1);
        let owner = usize::try_from((self.hasher.hash_one(pair) >> 32) % many).unwrap_or(0);
        self.handed += u64::from(owner != self.own);
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
        if parcel.len() == 0 {
            return;
        }
        let full = std::mem::replace(parcel, self.spare.1.try_recv().unwrap_or_default());
        if owner == self.own {
            self.order.take(owner, full);
        } else if let Err(refused) = way.try_send((self.own, full)) {
            let (_, mut parcel) = refused.into_inner();
            self.lost += u64::try_from(parcel.len()).unwrap_or(0);
            parcel.clear();
            let _ = self.spare.0.try_send(parcel);
        }
    }

    /// Lends what is to be read here and has waited long enough for what is older; with
    /// a time at the end of times, all.
    pub fn receive(&mut self, now: Timestamp, each: impl FnMut(&[Frame<'_>])) -> usize {
        for _ in 0..self.inbox.len() {
            let Ok((whose, parcel)) = self.inbox.try_recv() else { break };
            self.order.take(whose, parcel);
        }
        let Self { order, spare, .. } = self;
        order.release(now, each, |empty| drop(spare.0.try_send(empty)))
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;
    use crate::sensor::Worker;
    use crate::wire::capture::LinkType;

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
            share.receive(Timestamp(i64::MAX), |frames| worker.read(frames));
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
        let end = Timestamp(i64::MAX);
        while shares[1].receive(end, |frames| came += frames.len()) > 0 {}
        assert_eq!(u64::try_from(came).unwrap() + lost, handed);
    }
}
