//! Work that a speaker tells of equipment that it describes: by what it says of each piece.
//! Whose pieces they are is found out when it is shown.

use super::{Marks, Method, UNTIMELY, Unsaved, UtcDay};
use crate::census::caps::MAX_EQUIPMENT;
use crate::census::room::Room;
use crate::observe::{Piece, Work};

/// What counts of a piece, by its code in the inventory.
const COUNTED: [u8; 3] = [Method::Results.code(), Method::Vitals.code(), UNTIMELY];

/// Bytes of a piece beside its minutes, as [`Room`] counts them.
const PIECE_BYTES: usize = size_of::<(Piece, [Marks; 3])>();

/// Minutes of work, by piece; sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Through(Vec<(Piece, [Marks; 3])>);

impl Through {
    /// Marks from one minute to before another; false when there is no room. `work` is none
    /// where its time cannot be.
    pub(super) fn mark(
        &mut self,
        (piece, work): (Piece, Option<Work>),
        (from, to): (i64, i64),
        room: &mut Room,
    ) -> bool {
        let at = match self.0.binary_search_by_key(&piece, |(it, _)| *it) {
            Ok(at) => at,
            // As many as a speaker can describe.
            Err(at) if self.0.len() < MAX_EQUIPMENT && room.take(PIECE_BYTES) => {
                self.0.insert(at, (piece, Default::default()));
                at
            }
            Err(_) => return false,
        };
        let Some((_, [results, vitals, untimely])) = self.0.get_mut(at) else { return false };
        let marks = match work {
            Some(Work::Result) => results,
            Some(Work::Vitals) => vitals,
            None => untimely,
            // A gateway says nothing else of others.
            Some(_) => return true,
        };
        marks.mark_all(from, to, room)
    }

    /// Minutes that are to be stored, with the code of how they are told.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = (Piece, u8, Unsaved)> {
        self.0.iter().flat_map(|(piece, all)| {
            let coded = COUNTED.into_iter().zip(all);
            coded.flat_map(move |(code, marks)| marks.unsaved().map(move |it| (*piece, code, it)))
        })
    }

    /// All is stored; days before one are forgotten, and pieces of which no day is left.
    pub(super) fn saved(&mut self, before: UtcDay, room: &mut Room) {
        self.0.retain_mut(|(_, all)| {
            all.iter_mut().for_each(|it| it.saved(before, room));
            let keep = all.iter().any(|it| it.bytes() > 0);
            if !keep {
                room.free(PIECE_BYTES);
            }
            keep
        });
    }

    pub(super) fn is_saved(&self) -> bool {
        self.0.iter().flat_map(|(_, all)| all).all(Marks::is_saved)
    }

    /// Bytes that it takes of the room.
    pub(super) fn bytes(&self) -> usize {
        let of = |(_, all): &(Piece, [Marks; 3])| all.iter().map(Marks::bytes).sum::<usize>();
        self.0.iter().map(|it| PIECE_BYTES + of(it)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 20_000 * 1440 + 720;

    #[test]
    fn each_piece_has_its_own_minutes_until_they_are_old() {
        let (mut all, mut room) = (Through::default(), Room::default());
        for (piece, work, minute) in [
            (7, Some(Work::Vitals), 0),
            (3, Some(Work::Result), 1),
            (7, Some(Work::Vitals), 1),
            (7, None, 5),
            (7, Some(Work::Session), 9),
        ] {
            let at = (NOON + minute, NOON + minute + 1);
            assert!(all.mark((Piece(piece), work), at, &mut room));
        }
        let told: Vec<_> =
            all.unsaved().map(|(piece, code, it)| (piece.0, code, it.minutes.count())).collect();
        assert_eq!(told, [(3, 4, 1), (7, 8, 2), (7, UNTIMELY, 1)]);
        all.saved(20_000, &mut room);
        assert!(all.is_saved() && all.bytes() > 0);
        all.saved(20_001, &mut room);
        assert_eq!((all.bytes(), Room::default().taken_since(&room)), (0, 0), "all given back");
    }

    #[test]
    fn whoever_invents_devices_is_bounded() {
        let (mut all, mut room) = (Through::default(), Room::default());
        let mut told = 0;
        for n in 0..1_000_000 {
            let it = (Piece(n), Some(Work::Vitals));
            told += usize::from(all.mark(it, (NOON, NOON + 1), &mut room));
        }
        assert_eq!(told, MAX_EQUIPMENT);
        assert_eq!(all.bytes(), Room::default().taken_since(&room));
        let (mut none, mut full) = (Through::default(), Room::of(PIECE_BYTES));
        assert!(!none.mark((Piece(1), Some(Work::Vitals)), (NOON, NOON + 1), &mut full));
        assert!(!none.mark((Piece(2), Some(Work::Vitals)), (NOON, NOON + 1), &mut full));
    }
}
