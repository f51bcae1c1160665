//! Who says again and again that an address is his while another who has it is awake. A
//! router or a sleep proxy says so only for those who are silent (RFC 1027), which its claims
//! alone do not show: over weeks they lie between words of the owner as well.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::Census;
use super::host::Said;
use super::order::ANOTHER_TIME;
use crate::net::{HostId, Mac, Segment};
use crate::observe::Key;
use crate::time::{SECOND, Timestamp};

/// The card that claims what is this speaker's, while it speaks.
pub(super) const CONTESTED: Key = Key::new("address.contested");

/// Who was heard so long ago may be asleep. A claim is told once in five minutes.
const AWAKE: i64 = 600 * SECOND;
/// Claims that lie further apart are not of one occasion.
const APART: i64 = 1_800 * SECOND;
/// Who wakes up, or is started again, may be answered for in between: of so many claims in a
/// row, each after another word of the owner, with no time of silence, that is not the reason.
const TIMES: u8 = 4;
/// Claims of addresses of others that are remembered, some 100 bytes each; then all begin anew.
const MOST: usize = 1 << 15;

/// Who claims what, and whose it is.
type Pair = (Segment, IpAddr, Mac, Mac);

/// Claims in a row.
#[derive(Clone, Copy)]
struct Claims {
    last: Timestamp,
    /// Before how many of them the owner was heard.
    times: u8,
}

/// What is claimed by two of late.
#[derive(Default)]
pub(super) struct Contests(HashMap<Pair, Claims, RandomState>);

impl Contests {
    /// One more claim, of an address of one who was last heard at a time; true when they are
    /// many in a row.
    fn claims(&mut self, pair: Pair, at: Timestamp, heard: Timestamp) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&pair) {
            self.0.clear();
        }
        let it = self.0.entry(pair).or_insert(Claims { last: at, times: 0 });
        let is_awake = (-ANOTHER_TIME..=AWAKE).contains(&at.since(heard));
        if !is_awake || !(0..=APART).contains(&at.since(it.last)) {
            it.times = 0;
        } else if heard > it.last {
            it.times = it.times.saturating_add(1);
        }
        it.last = at;
        it.times >= TIMES
    }
}

impl Census {
    /// A card says itself that it has an address, which another may have.
    pub(super) fn contest(&mut self, id: &HostId, ip: IpAddr, said: Said) {
        let (Some(mac), at) = (id.mac, said.span.last) else { return };
        for owner in self.tenancies.rivals((id.segment, mac), ip, at) {
            let own = HostId { mac: Some(owner), ip: Some(ip), ..*id };
            let Some(place) = self.present(&own, at) else { continue };
            let Self { hosts, contests, room, .. } = self;
            let Some((_, host)) = hosts.get_mut(place) else { continue };
            if contests.claims((id.segment, ip, mac, owner), at, host.span.last) {
                host.learn(CONTESTED, mac.to_string().into(), said, room);
                host.dirty = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * SECOND;

    /// Whether claims in these minutes, each with the minute in which the owner was last
    /// heard, are told.
    fn is_told(all: &[(i64, i64)]) -> bool {
        let mut it = Contests::default();
        let pair = (Segment::default(), IpAddr::from([10, 1, 0, 7]), Mac([2; 6]), Mac([4; 6]));
        let mut is_told = false;
        for (at, heard) in all {
            is_told |= it.claims(pair, Timestamp(at * MINUTE), Timestamp(heard * MINUTE));
        }
        is_told
    }

    #[test]
    fn only_claims_among_words_of_the_owner_are_told() {
        let every = |step: i64| (0..9).map(|n| (n * step, n * step - 1)).collect::<Vec<_>>();
        let cases = [
            ("each after a word", every(5), true),
            ("seldom", every(30), true),
            ("too seldom to be of one occasion", every(31), false),
            ("five", every(5)[..5].to_vec(), true),
            ("four", every(5)[..4].to_vec(), false),
            ("faster than the owner speaks", (0..40).map(|n| (n, n / 5 * 5)).collect(), true),
            ("he is silent", (0..40).map(|n| (n * 5, 0)).collect(), false),
            ("heard longer ago", (0..9).map(|n| (n * 20, n * 20 - 11)).collect(), false),
            (
                "he wakes up each hour",
                (0..40).map(|n| (n * 8, (n * 8 - 2) / 60 * 60 + 1)).collect(),
                false,
            ),
            ("read in another order", (0..9).rev().map(|n| (n * 5, n * 5 - 1)).collect(), false),
            (
                "a little after it, by another queue",
                (0..9).map(|n| (n * 5, n * 5 + 1)).collect(),
                true,
            ),
            ("he is known of a later time", (0..9).map(|n| (n * 5, n * 5 + 2)).collect(), false),
        ];
        for (what, all, told) in cases {
            assert_eq!(is_told(&all), told, "{what}");
        }
    }

    #[test]
    fn a_flood_of_claims_takes_no_more_room() {
        let mut it = Contests::default();
        for n in 0..100_000_u32 {
            let pair =
                (Segment::default(), IpAddr::from(n.to_be_bytes()), Mac([2; 6]), Mac([4; 6]));
            it.claims(pair, Timestamp(0), Timestamp(0));
        }
        assert!(it.0.len() <= MOST);
    }
}
