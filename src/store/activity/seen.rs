//! In which minutes devices could have been seen, and what follows for what they did.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use foldhash::fast::RandomState;
use rusqlite::params;

use super::ask::{Activity, InUse};
use super::basis::Basis;
use super::sheet::Sums;
use super::through::THROUGH;
use super::{damaged, record, segment_name};
use crate::census::activity::method::SEGMENT_GAP;
use crate::census::activity::{Method, UNTIMELY, UtcDay};
use crate::net::Segment;
use crate::store::{Error, Inventory};
use crate::time::calendar::{Calendar, Day, Hours, date};
use crate::time::minutes::{DAY, Minutes};

/// Minutes of a UTC day, just as they were written.
pub(super) fn whole(base: i64, blob: &[u8]) -> rusqlite::Result<Minutes> {
    let why = "they are not minutes of a day";
    Minutes::decode_whole(base, blob, DAY).ok_or_else(|| damaged(why))
}

/// What the row of a segment and a day is called that is not as it was written.
pub(super) fn of_segment(day: i64, name: &[u8]) -> String {
    let day = date(i32::try_from(day).unwrap_or(i32::MAX));
    let what = match record::only::<Segment>(name) {
        _ if name.is_empty() => "somebody watched".to_owned(),
        Ok(it) if it.to_string().is_empty() => "the VLAN without a number was seen".to_owned(),
        Ok(it) => format!("VLAN {it} was seen"),
        Err(_) => "a VLAN that cannot be read was seen".to_owned(),
    };
    format!("in which minutes of {day} {what} (segment_day)")
}

/// Minutes in which segments were seen, and somebody watched.
pub(super) struct Seen {
    watched: Minutes,
    segments: HashMap<Vec<u8>, Minutes, RandomState>,
    /// Segments of which a day is damaged.
    damaged: HashSet<Vec<u8>, RandomState>,
    /// A day is damaged on which somebody watched, or a day of nobody knows which segment.
    is_dark: bool,
}

impl Seen {
    /// On some UTC days; of all segments, or some.
    pub(super) fn load(
        inventory: &Inventory,
        days: (UtcDay, UtcDay),
        only: Option<&[Segment]>,
    ) -> Result<Self, Error> {
        let mut it = Self {
            watched: Minutes::default(),
            segments: HashMap::default(),
            damaged: HashSet::default(),
            is_dark: false,
        };
        let name = |segment: &Segment| segment_name(Some(*segment)).unwrap_or_default();
        let only: Option<Vec<_>> = only.map(|some| some.iter().map(name).collect());
        let sql = "SELECT day, segment, minutes FROM segment_day WHERE day >= ?1 AND day <= ?2
                   ORDER BY day";
        inventory.rows(sql, params![days.0, days.1], |row| {
            let day: i64 = row.get(0)?;
            let name = row.get_ref(1)?.as_blob().unwrap_or_default();
            let is_named = name.is_empty() || record::only::<Segment>(name).is_ok();
            let is_wanted = |only: &Vec<Vec<u8>>| only.iter().any(|it| it == name);
            if is_named && !name.is_empty() && !only.as_ref().is_none_or(is_wanted) {
                return Ok(());
            }
            let minutes = match is_named {
                true => whole(day.saturating_mul(DAY), row.get_ref(2)?.as_blob()?),
                false => Err(damaged("it names no VLAN")),
            };
            let taken = inventory.damage.take(minutes, || of_segment(day, name))?;
            match (taken, name) {
                (None, _) if !is_named => it.is_dark = true,
                (None, []) => it.is_dark = true,
                (None, name) => _ = it.damaged.insert(name.to_vec()),
                (Some(minutes), []) => it.watched.unite(&minutes),
                (Some(minutes), name) => {
                    it.segments.entry(name.to_vec()).or_default().unite(&minutes);
                }
            }
            Ok(())
        })?;
        for minutes in it.segments.values_mut() {
            *minutes = minutes.bridged(SEGMENT_GAP);
        }
        Ok(it)
    }

    /// When somebody watched and saw any of these; none where a row that says so is damaged.
    pub(super) fn of(&self, segments: &[Segment]) -> Option<Minutes> {
        let mut alive = Minutes::default();
        for segment in segments {
            let name = segment_name(Some(*segment)).unwrap_or_default();
            if self.damaged.contains(&name) {
                return None;
            }
            if let Some(minutes) = self.segments.get(&name) {
                alive.unite(minutes);
            }
        }
        (!self.is_dark).then(|| alive.common(&self.watched))
    }
}

/// What all devices of the same segments and hours have in common.
pub(super) struct OfSegments {
    observed: Rc<Minutes>,
    /// Opening hours, and these as far as they were observed.
    hours: Option<(Rc<Minutes>, Minutes)>,
    line: Option<String>,
}

/// Where devices are, and the class whose hours they have.
type Kind = (Vec<Segment>, Option<String>);

/// Asked for by each device, made once for each set of segments.
pub(super) struct Shared<'a> {
    calendar: &'a Calendar,
    days: Vec<Day>,
    minutes: (i64, i64),
    open: BTreeMap<Option<String>, Option<Rc<Minutes>>>,
    observed: HashMap<Vec<Segment>, Option<Rc<Minutes>>, RandomState>,
    known: HashMap<Kind, Option<Rc<OfSegments>>, RandomState>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(calendar: &'a Calendar, days: Vec<Day>, minutes: (i64, i64)) -> Self {
        let (open, observed, known) = (BTreeMap::new(), HashMap::default(), HashMap::default());
        Self { calendar, days, minutes, open, observed, known }
    }

    /// Of the segments of a device; none where a row that says something of them is damaged.
    pub(super) fn of(&mut self, seen: &Seen, basis: &Basis) -> Option<Rc<OfSegments>> {
        let Self { calendar, days, minutes, open, observed, known } = self;
        let own = basis.class.clone().filter(|class| calendar.by_class.contains_key(class));
        let key = (basis.segments.clone(), own.clone());
        let make = || {
            let hours = open.entry(own.clone()).or_insert_with(|| {
                let hours = calendar.hours_of(own.as_deref())?;
                let mut open = Minutes::default();
                for day in days.iter() {
                    open.unite(&hours.on(&calendar.zone, *day));
                }
                Some(Rc::new(open))
            });
            let within = || Some(Rc::new(seen.of(&basis.segments)?.within(minutes.0, minutes.1)));
            let observed = observed.entry(basis.segments.clone()).or_insert_with(within);
            let observed = observed.as_ref()?;
            let hours = hours.as_ref().map(|open| (Rc::clone(open), open.common(observed)));
            let line = calendar.hours_of(own.as_deref()).map(Hours::line);
            Some(Rc::new(OfSegments { observed: Rc::clone(observed), hours, line }))
        };
        known.entry(key).or_insert_with(make).clone()
    }
}

impl OfSegments {
    /// Of a device that is known since a minute.
    pub(super) fn activity(&self, since: i64, basis: &Basis, sums: &Sums, ever: u8) -> Activity {
        let from = |minutes: &Minutes| minutes.count_within(since, i64::MAX);
        let methods = basis.ways & sums.methods;
        let told = basis.shows(ever | methods);
        let only_told = basis.turns.is_empty();
        let used = (told != 0).then(|| {
            let shown = if methods == 0 { told } else { methods };
            InUse {
                methods: Method::among(shown).map(|it| it.to_string()).collect(),
                through: (if methods == 0 { ever } else { sums.methods }) & THROUGH != 0,
                minutes: sums.in_use,
                open: sums.open_in_use,
                examinations: basis.examines().then_some(sums.examinations),
                duration: sums.duration,
            }
        });
        // What was counted was observed, also where its segments are others by now.
        let observed = from(&self.observed).saturating_add(sums.beyond);
        let available = self.hours.as_ref().map(|(_, seen)| from(seen).max(sums.open_in_use));
        let open = self.hours.as_ref().map(|(open, _)| from(open));
        Activity {
            observed: observed.max(sums.online).max(sums.in_use),
            available,
            open: open.max(available),
            hours: self.line.clone(),
            online: sums.online,
            only_told,
            untimely: basis.ways != 0 && sums.methods & UNTIMELY != 0,
            used: used.filter(|_| self.observed.count() > 0 || sums.online > 0),
        }
    }
}
