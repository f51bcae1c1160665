//! Starts of one speaker, as they are told, until they are stored: nothing is decided
//! here. What tells a start by itself is kept by its sign and time, what is only done when
//! a network comes up by its minute; whether the device had been off is known only where all
//! its minutes are.

use super::super::room::Room;
use super::marks::Marks;
use crate::observe::{Arrival, Sign};
use crate::time::minutes::DAY;

/// Starts of one speaker and day that wait to be stored, and minutes in which its network came
/// up; and so many of all days, of which a capture may have a year.
const MOST: usize = 64;
pub(super) const MOST_WAITING: usize = 1024;

/// Words of one start come each after another delay; those that fall into the same stretch of
/// so many seconds are one row.
const STRETCH: i64 = 240;

/// So many minutes without a word make a device one that was off.
pub const OFF: i64 = 10;
/// What a device says in the minutes before its network is told to come up belongs to that:
/// a port that asks who is there, firmware.
pub const BEFORE: i64 = 2;

/// How sure a start is, in percent.
#[must_use]
pub const fn confidence(sign: Sign) -> u8 {
    match sign {
        // It may have woken from sleep, or been plugged in again.
        Sign::CameUp => 60,
        // An agent that was started anew, a clock that was set back: rare, but seen.
        Sign::TcpClock | Sign::RelayedBoot => 80,
        Sign::Snmp => 85,
        Sign::Smb => 90,
        Sign::NetworkBoot => 97,
    }
}

/// How a sign stands in the inventory.
#[must_use]
pub const fn code(sign: Sign) -> u8 {
    match sign {
        Sign::CameUp => 0,
        Sign::TcpClock => 1,
        Sign::RelayedBoot => 2,
        Sign::Snmp => 3,
        Sign::Smb => 4,
        Sign::NetworkBoot => 5,
    }
}

/// A start, as one sign tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// How it is told.
    pub sign: Sign,
    /// Since when it runs, in seconds since 1970; the earliest of what was told.
    pub at: i64,
    /// When that was first and last said.
    pub said: (i64, i64),
}

impl Boot {
    /// Which of its sign's stretches it falls into: what falls into one is one row.
    #[must_use]
    pub const fn stretch(&self) -> i64 {
        self.at.div_euclid(STRETCH)
    }
}

/// What was done in a minute that is done when a network comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Since 1970, UTC.
    pub minute: i64,
    /// In the order of [`Arrival::ALL`]: the second of the minute in which it was first
    /// done; [`Self::NEVER`] where it was not.
    pub seconds: [u8; Arrival::ALL.len()],
}

impl Came {
    /// Later than any second.
    pub const NEVER: u8 = 60;
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    boots: Vec<Boot>,
    came: Vec<Came>,
}

impl Starts {
    /// Starts that are to be stored.
    #[must_use]
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// Minutes in which its network came up that are to be stored.
    #[must_use]
    pub fn came(&self) -> &[Came] {
        &self.came
    }

    /// Bytes that it takes of the room.
    pub(super) const fn bytes(&self) -> usize {
        let boots = self.boots.len() * size_of::<Boot>();
        size_of::<Self>() + boots + self.came.len() * size_of::<Came>()
    }
}

/// Puts a start in; false when there is no room.
pub(super) fn booted(
    starts: &mut Option<Box<Starts>>,
    (sign, at, said): (Sign, i64, i64),
    room: &mut Room,
) -> bool {
    let new = Boot { sign, at, said: (said, said) };
    let known = starts.iter_mut().flat_map(|it| &mut it.boots);
    let is_same = |it: &&mut Boot| it.sign == sign && it.stretch() == new.stretch();
    if let Some(it) = known.into_iter().find(is_same) {
        it.at = it.at.min(at);
        it.said = (it.said.0.min(said), it.said.1.max(said));
        return true;
    }
    let days = starts.iter().flat_map(|it| &it.boots).map(|it| it.said.0.div_euclid(60 * DAY));
    let fits = has_room(days, said.div_euclid(60 * DAY));
    let Some(it) = more(starts, fits, size_of::<Boot>(), room) else { return false };
    it.boots.push(new);
    true
}

/// It does at a second what is done when a network comes up, having been on line in these
/// minutes; false when there is no room.
pub(super) fn arrived(
    starts: &mut Option<Box<Starts>>,
    (how, at): (Arrival, i64),
    online: &Marks,
    room: &mut Room,
) -> bool {
    let minute = at.div_euclid(60);
    // Whatever becomes known later, it was not off then: roaming, or a lease that is sought
    // again and again.
    if (minute - OFF..=minute - BEFORE - 2).any(|it| online.holds(it)) {
        return true;
    }
    let place = Arrival::ALL.iter().position(|it| *it == how).unwrap_or_default();
    let second = u8::try_from(at.rem_euclid(60)).unwrap_or_default();
    let put = |it: &mut Came| {
        let first = it.seconds.get_mut(place);
        first.into_iter().for_each(|first| *first = second.min(*first));
    };
    let known = starts.iter_mut().flat_map(|it| &mut it.came);
    if let Some(it) = known.into_iter().find(|it| it.minute == minute) {
        put(it);
        return true;
    }
    let days = starts.iter().flat_map(|it| &it.came).map(|it| it.minute.div_euclid(DAY));
    let fits = has_room(days, minute.div_euclid(DAY));
    let Some(it) = more(starts, fits, size_of::<Came>(), room) else { return false };
    let mut new = Came { minute, seconds: [Came::NEVER; Arrival::ALL.len()] };
    put(&mut new);
    it.came.push(new);
    true
}

/// Whether one more of a day may wait beside these.
fn has_room(days: impl Iterator<Item = i64>, day: i64) -> bool {
    let (mut all, mut same) = (0, 0);
    for it in days {
        all += 1;
        same += usize::from(it == day);
    }
    same < MOST && all < MOST_WAITING
}

/// Room for one thing more, of so many bytes.
fn more<'s>(
    starts: &'s mut Option<Box<Starts>>,
    fits: bool,
    bytes: usize,
    room: &mut Room,
) -> Option<&'s mut Starts> {
    let whole = if starts.is_none() { bytes + size_of::<Starts>() } else { bytes };
    (fits && room.take(whole)).then(|| &mut **starts.get_or_insert_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: i64 = 1_767_254_400; // 2026-01-01T08:00:00Z

    fn seconds(came: &Came) -> Vec<(Arrival, u8)> {
        let all = Arrival::ALL.into_iter().zip(came.seconds);
        all.filter(|(_, second)| *second < Came::NEVER).collect()
    }

    #[test]
    fn words_of_one_start_are_one_row_whatever_their_order() {
        let words = [(EIGHT + 3, 500), (EIGHT + 1, 900), (EIGHT + 200, 200)];
        let tell = |words: &[(i64, i64)]| {
            let (mut starts, mut room) = (None, Room::default());
            for (at, said) in words {
                assert!(booted(&mut starts, (Sign::Snmp, *at, *said), &mut room));
            }
            starts.unwrap()
        };
        let forth = tell(&words);
        assert_eq!(forth.boots(), [Boot { sign: Sign::Snmp, at: EIGHT + 1, said: (200, 900) }]);
        let back: Vec<_> = words.iter().rev().copied().collect();
        assert_eq!(tell(&back), forth);
        let mut other = Some(forth);
        assert!(booted(&mut other, (Sign::Smb, EIGHT, 1), &mut Room::default()));
        assert_eq!(other.unwrap().boots().len(), 2, "another sign");
    }

    #[test]
    fn what_is_done_in_a_minute_is_one_row_with_the_first_second_of_each() {
        let (mut starts, mut room) = (None, Room::default());
        let nothing = Marks::default();
        for (how, second) in
            [(Arrival::Dhcp, 7), (Arrival::ArpProbe, 9), (Arrival::Dhcp, 3), (Arrival::Mdns, 61)]
        {
            assert!(arrived(&mut starts, (how, EIGHT + second), &nothing, &mut room));
        }
        let starts = starts.unwrap();
        let [one, two] = starts.came() else { panic!("two minutes") };
        assert_eq!(seconds(one), [(Arrival::Dhcp, 3), (Arrival::ArpProbe, 9)]);
        assert_eq!((two.minute - one.minute, seconds(two)), (1, vec![(Arrival::Mdns, 1)]));
    }

    #[test]
    fn who_was_there_a_moment_ago_did_not_come() {
        let minute = EIGHT / 60;
        for (before, kept) in [(0, true), (1, true), (3, true), (4, false), (10, false), (11, true)]
        {
            let (mut starts, mut room) = (None, Room::default());
            let mut online = Marks::default();
            assert!(online.mark(minute - before, &mut room));
            assert!(arrived(&mut starts, (Arrival::Dhcp, EIGHT), &online, &mut room));
            assert_eq!(starts.is_some(), kept, "{before} minutes before");
        }
    }

    #[test]
    fn a_flood_is_bounded_and_takes_of_the_room() {
        let (mut starts, mut room) = (None, Room::default());
        let mut refused = 0;
        for n in 0..1000 {
            let at = EIGHT + n * 600;
            refused += usize::from(!booted(&mut starts, (Sign::Snmp, at, at), &mut room));
            let come = (Arrival::Dhcp, at);
            refused += usize::from(!arrived(&mut starts, come, &Marks::default(), &mut room));
        }
        let starts = starts.unwrap();
        // Of seven days as many as fit, of the last all.
        let kept = 7 * MOST + 40;
        let all = (starts.boots().len(), starts.came().len(), refused);
        assert_eq!(all, (kept, kept, 2 * (1000 - kept)));
        assert_eq!(Room::default().taken_since(&room), starts.bytes());
        let mut none = Room::of(8);
        assert!(!booted(&mut None, (Sign::Smb, EIGHT, EIGHT), &mut none));
    }

    #[test]
    fn signs_have_codes_and_the_surer_is_surer() {
        let codes: Vec<u8> = Sign::ALL.into_iter().map(code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
        assert!(Sign::ALL.windows(2).all(|it| it[0] < it[1]));
        assert!(Sign::ALL.windows(2).all(|it| confidence(it[0]) <= confidence(it[1])));
    }
}
