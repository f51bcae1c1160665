//! What the days of an asset are made of, or, of one of which only others speak, where it is.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::turn::Turn;
use crate::census::activity::method::ways;
use crate::census::activity::{Method, UNTIMELY};
use crate::census::asset::Asset;
use crate::net::Segment;
use crate::time::calendar::Day;

/// What the days of an asset are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Basis {
    /// Who speaks as it, and when; sorted.
    pub(super) turns: Vec<Turn>,
    /// Who is known to be it by the words of others alone, and when; sorted.
    pub(super) named: Vec<Turn>,
    /// Who tells of work there, and when, under names of what they describe it by; sorted.
    pub(super) told: Vec<Turn>,
    /// Where it speaks on its own link; failing that where it speaks, or who tells of its work;
    /// sorted.
    pub(super) segments: Vec<Segment>,
    /// Who tells of it, by their ids, where nobody else does: it is where they are; sorted.
    pub(super) through: Vec<String>,
    /// How its use can be told, as the sum of the methods' codes.
    pub(super) ways: u8,
    /// Its class, for its opening hours.
    pub(super) class: Option<String>,
    /// The minute in which it was first seen: before it nothing of it is observed.
    pub(super) since: i64,
    /// The first and the last day of which there is a row.
    pub(super) days: Option<(Day, Day)>,
    /// The calendar with which they were made.
    pub(super) calendar: i64,
}

impl Basis {
    /// What is known where it cannot be read: of which days there are rows, by a calendar.
    pub(super) fn again(days: Option<(Day, Day)>, calendar: i64) -> Self {
        Self { days, calendar, ..Self::default() }
    }

    /// All of which its days are made.
    pub(super) fn all(&self) -> Vec<Turn> {
        [&*self.turns, &self.told].concat()
    }

    /// The codes of the methods by which its use would show, of all that were ever told; 0
    /// where none would: it has shown before, or it asks for work that would have shown, and
    /// never sent images of a time that cannot be. Of whom only others speak nobody knows,
    /// unless they tell that.
    pub(super) fn shows(&self, ever: u8) -> u8 {
        match self.ways & ever {
            _ if self.turns.is_empty() && self.told.is_empty() => 0,
            0 if ever & UNTIMELY == 0 => self.ways & (Method::Mpps.code() | Method::Images.code()),
            told => told,
        }
    }

    /// Whether it makes examinations.
    pub(super) const fn examines(&self) -> bool {
        (Method::Mpps.code() | Method::Images.code()) & self.ways != 0
    }
}

/// Of what the days of an asset are made that spoke so.
pub(super) fn basis(asset: &Asset<'_>, all: &[(Turn, (i64, i64))]) -> Basis {
    let turns: Vec<Turn> = all.iter().map(|(turn, _)| *turn).collect();
    let mut segments = asset.places();
    let mut through = Vec::new();
    if turns.is_empty() {
        // An access device says where it is; of equipment, who tells of it has seen it.
        let sensors: BTreeSet<u16> =
            asset.speakers.iter().map(|(id, _)| id.segment.sensor).collect();
        let told = |vlan: &u16| {
            sensors
                .iter()
                .map(|sensor| Segment { sensor: *sensor, vlan: *vlan, ..Segment::default() })
                .collect::<Vec<_>>()
        };
        segments.extend(asset.assigned_vlans.iter().flat_map(told));
        segments.extend(&asset.told_in);
        through.extend(asset.seen_through.iter().map(ToString::to_string));
        through.sort_unstable();
    }
    segments.sort_unstable();
    segments.dedup();
    let class = asset.shown("device_class").first().map(|it| it.value.to_string());
    let ways = ways(class.as_deref(), asset.acquires);
    let since = asset.span.first.minute();
    Basis { turns, segments, through, ways, class, since, ..Basis::default() }
}
