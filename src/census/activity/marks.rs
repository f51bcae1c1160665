//! Clock minutes of one thing, day by day, until they are stored.

use crate::census::room::Room;
use crate::time::minutes::{DAY, Minutes};

/// Words of a map of a day: 1440 bits.
const WORDS: usize = 23;

/// Minutes that are put in at once.
const LONGEST: i64 = 31 * DAY;

/// A UTC day, counted from 1970.
pub type UtcDay = i32;

/// The minutes of one day: nearly all who are on are on without a break.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Set {
    /// From one minute of the day to another, both included.
    Run(u16, u16),
    Map(Box<[u64; WORDS]>),
}

/// Bytes of a map, as [`Room`] counts them.
const MAP_BYTES: usize = size_of::<[u64; WORDS]>();
const DAY_BYTES: usize = size_of::<OfDay>();

#[derive(Clone, Debug, PartialEq, Eq)]
struct OfDay {
    day: UtcDay,
    set: Set,
    /// From the first to the last minute that is not stored yet.
    new: Option<(u16, u16)>,
}

/// Minutes of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<OfDay>);

/// The UTC day of a minute, and its place there.
fn place(minute: i64) -> Option<(UtcDay, u16)> {
    let of = u16::try_from(minute.rem_euclid(DAY)).ok()?;
    Some((UtcDay::try_from(minute.div_euclid(DAY)).ok()?, of))
}

const fn bit(of: u16) -> (usize, u64) {
    #[allow(clippy::as_conversions, reason = "u16 to usize never loses, and From is not const")]
    let of = of as usize;
    (of / 64, 1 << (of % 64))
}

impl Set {
    fn holds(&self, of: u16) -> bool {
        match self {
            Self::Run(from, to) => (*from..=*to).contains(&of),
            Self::Map(map) => {
                let (word, bit) = bit(of);
                map.get(word).is_some_and(|word| word & bit != 0)
            }
        }
    }

    /// Puts a minute in that is not in it; false when there is no room.
    fn put(&mut self, of: u16, room: &mut Room) -> bool {
        match self {
            Self::Run(_, to) if to.checked_add(1) == Some(of) => *to = of,
            Self::Run(from, _) if of.checked_add(1) == Some(*from) => *from = of,
            Self::Run(from, to) => {
                if !room.take(MAP_BYTES) {
                    return false;
                }
                let mut map = Box::new([0; WORDS]);
                for (word, bit) in (*from..=*to).chain([of]).map(bit) {
                    map.get_mut(word).into_iter().for_each(|word| *word |= bit);
                }
                *self = Self::Map(map);
            }
            Self::Map(map) => {
                let (word, bit) = bit(of);
                map.get_mut(word).into_iter().for_each(|word| *word |= bit);
            }
        }
        true
    }

    const fn bytes(&self) -> usize {
        match self {
            Self::Run(..) => DAY_BYTES,
            Self::Map(_) => DAY_BYTES + MAP_BYTES,
        }
    }
}

/// The minutes of a day that are to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaved {
    /// The day.
    pub day: UtcDay,
    /// All that is known of it here.
    pub minutes: Minutes,
    /// The first and the last minute that is new.
    pub new: (i64, i64),
}

impl Marks {
    /// Reads a little of the last day, so that it is near; the number means nothing.
    pub(super) fn glance(&self) -> i64 {
        self.0.last().map_or(0, |it| i64::from(it.day))
    }

    /// Whether a minute is in it.
    pub(super) fn holds(&self, minute: i64) -> bool {
        let it = |(day, of)| self.0.iter().any(|it| it.day == day && it.set.holds(of));
        place(minute).is_some_and(it)
    }

    /// Puts a minute in; false when there is no room for it.
    pub(super) fn mark(&mut self, minute: i64, room: &mut Room) -> bool {
        let Some((day, of)) = place(minute) else { return false };
        // The day is nearly always the last one.
        let Some(it) = self.0.iter_mut().rev().find(|it| it.day == day) else {
            if !room.take(DAY_BYTES) {
                return false;
            }
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.push(OfDay { day, set: Set::Run(of, of), new: Some((of, of)) });
            return true;
        };
        if it.set.holds(of) {
            return true;
        }
        if !it.set.put(of, room) {
            return false;
        }
        let (first, last) = it.new.unwrap_or((of, of));
        it.new = Some((first.min(of), last.max(of)));
        true
    }

    /// Puts a stretch in, minute by minute; false when there was no room for all.
    pub(super) fn mark_all(&mut self, from: i64, to: i64, room: &mut Room) -> bool {
        // Nobody works or watches for longer without a word.
        let to = to.min(from.saturating_add(LONGEST));
        let mut all = true;
        for minute in from..to {
            all &= self.mark(minute, room);
        }
        all
    }

    /// Days with minutes that are not stored.
    pub fn unsaved(&self) -> impl Iterator<Item = Unsaved> {
        self.0.iter().filter_map(|it| {
            let new = it.new?;
            let base = i64::from(it.day) * DAY;
            let mut minutes = Minutes::default();
            match &it.set {
                Set::Run(from, to) => {
                    minutes.add(base + i64::from(*from), base + i64::from(*to) + 1);
                }
                Set::Map(map) => {
                    for (at, word) in (0..).step_by(64).zip(map.iter()) {
                        (0..64).filter(|bit| word >> bit & 1 == 1).for_each(|bit| {
                            minutes.add(base + at + bit, base + at + bit + 1);
                        });
                    }
                }
            }
            let new = (base + i64::from(new.0), base + i64::from(new.1));
            Some(Unsaved { day: it.day, minutes, new })
        })
    }

    /// All is stored; days before one are forgotten.
    pub(super) fn saved(&mut self, before: UtcDay, room: &mut Room) {
        self.0.iter_mut().for_each(|it| it.new = None);
        self.0.retain(|it| {
            let keep = it.day >= before;
            if !keep {
                room.free(it.set.bytes());
            }
            keep
        });
    }

    /// Nothing is to be stored.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.0.iter().all(|it| it.new.is_none())
    }

    /// Bytes that it takes of the room.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|it| it.set.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(marks: &Marks) -> Vec<(i64, i64)> {
        let mut all = Minutes::default();
        marks.unsaved().for_each(|it| all.unite(&it.minutes));
        all.runs().to_vec()
    }

    #[test]
    fn runs_become_maps_and_stay_the_same_set() {
        let (mut marks, mut room) = (Marks::default(), Room::default());
        for minute in [10, 11, 9, 10, 1439, 1440, -1, 500, 63, 64, 127, 128] {
            assert!(marks.mark(minute, &mut room));
        }
        let wanted = [(-1, 0), (9, 12), (63, 65), (127, 129), (500, 501), (1439, 1441)];
        assert_eq!(minutes(&marks), wanted);
        let new: Vec<_> = marks.unsaved().map(|it| (it.day, it.new)).collect();
        assert_eq!(new, [(0, (9, 1439)), (1, (1440, 1440)), (-1, (-1, -1))]);
    }

    #[test]
    fn what_is_stored_is_news_only_where_it_grows() {
        let (mut marks, mut room) = (Marks::default(), Room::default());
        marks.mark_all(100, 110, &mut room);
        marks.mark_all(2000, 2010, &mut room);
        marks.saved(1, &mut room);
        assert!(marks.is_saved());
        marks.mark(2005, &mut room);
        assert!(marks.is_saved(), "known");
        marks.mark(2020, &mut room);
        let left: Vec<_> = marks.unsaved().collect();
        assert_eq!(left.len(), 1, "the first day is forgotten");
        assert_eq!((left[0].new, left[0].minutes.count()), ((2020, 2020), 11));
        marks.saved(9, &mut room);
        assert_eq!((marks.bytes(), Room::default().taken_since(&room)), (0, 0), "all given back");
    }

    #[test]
    fn where_there_is_no_room_it_says_so() {
        let (mut marks, mut room) = (Marks::default(), Room::of(DAY_BYTES));
        assert!(marks.mark(1, &mut room) && marks.mark(2, &mut room));
        assert!(!marks.mark(9, &mut room) && !marks.mark(5000, &mut room));
        assert_eq!(minutes(&marks), [(1, 3)]);
        assert!(!Marks::default().mark(i64::MAX, &mut Room::default()), "no day of any calendar");
    }
}
