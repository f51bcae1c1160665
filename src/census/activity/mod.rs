//! When each speaker was on line and what work left its traces: memory, by speaker.
//!
//! What belongs to which device is found out when it is shown, as everything here: a
//! later join or split of identities undoes nothing. Studies are told apart by hashes that
//! never leave this memory.
//!
//! ```text
//!  Present ─▶ minutes on line, by UTC day          ┐ what is new is stored, and forgotten
//!  Use ─────▶ examinations; minutes of results,    │ when it is two days old
//!             vital signs, sessions                │
//!  UseOf ───▶ minutes of equipment that it         │
//!             describes, by piece                  ┘
//!  Booted, Arrives ▶ starts, forgotten when stored
//!  anything ▶ minutes in which its segment was seen
//! ```

mod exams;
mod marks;
pub mod method;
mod starts;
mod through;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub use exams::{Exam, Exams};
pub use marks::{Marks, Unsaved, UtcDay};
pub use method::Method;
pub use starts::{BEFORE, Boot, Came, OFF, Starts, code, confidence};

use super::room::Room;
use crate::net::Segment;
use crate::observe::{Observation, Observed, Piece, Study, Use, When, Work};
use crate::time::calendar::Zone;
use crate::time::minutes::DAY;
use crate::time::{SECOND, Timestamp};
use through::Through;

/// Segments of which minutes are remembered: every VLAN, and as many overlays and inner
/// VLANs again. What a flood invents beyond this is counted.
const MAX_SEGMENTS: usize = 16_384;
/// Two words of one boot may differ by so many seconds: clocks of TCP begin at nought or, as
/// Linux does, five minutes before.
pub const SAME_BOOT: i64 = 330;
/// Days that stay in memory when they are stored: today and yesterday.
const KEPT_DAYS: i64 = 2;

/// What is rarer than being there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Traces {
    /// In the order of [`COUNTED`].
    minutes: [Marks; 4],
    exams: Exams,
    through: Through,
}

/// What one speaker did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    online: Marks,
    traces: Option<Box<Traces>>,
    starts: Option<Box<Starts>>,
}

/// What counts in minutes, by its code in the inventory.
const COUNTED: [u8; 4] =
    [Method::Results.code(), Method::Vitals.code(), Method::Sessions.code(), UNTIMELY];
/// Images were sent whose times cannot be: by this clock nothing can be told. Among the
/// codes of methods.
pub const UNTIMELY: u8 = 64;

impl Trail {
    /// Minutes on line that are to be stored.
    pub fn online(&self) -> impl Iterator<Item = Unsaved> {
        self.online.unsaved()
    }

    /// Minutes of work that are to be stored, with the code of how it is told.
    pub fn work(&self) -> impl Iterator<Item = (u8, Unsaved)> {
        let traces = self.traces.iter().flat_map(|it| COUNTED.into_iter().zip(&it.minutes));
        traces.flat_map(|(code, marks)| marks.unsaved().map(move |it| (code, it)))
    }

    /// Minutes of work at equipment that it describes that are to be stored, with the code of
    /// how it is told.
    pub fn through(&self) -> impl Iterator<Item = (Piece, u8, Unsaved)> {
        self.traces.iter().flat_map(|it| it.through.unsaved())
    }

    /// Its examinations.
    #[must_use]
    pub fn exams(&self) -> Option<&Exams> {
        self.traces.as_deref().map(|it| &it.exams)
    }

    /// Its starts that are to be stored.
    #[must_use]
    pub fn starts(&self) -> Option<&Starts> {
        self.starts.as_deref()
    }

    /// Nothing is to be stored.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        let worked = |it: &Traces| {
            let minutes = it.minutes.iter().all(Marks::is_saved);
            minutes && it.exams.is_saved() && it.through.is_saved()
        };
        self.online.is_saved() && self.starts.is_none() && self.traces.as_deref().is_none_or(worked)
    }

    fn bytes(&self) -> usize {
        let traces = self.traces.as_ref().map_or(0, |it| {
            let minutes = it.minutes.iter().map(Marks::bytes).sum::<usize>();
            minutes + it.exams.bytes() + it.through.bytes()
        });
        self.online.bytes() + traces + self.starts.as_ref().map_or(0, |it| it.bytes())
    }
}

/// What all did.
#[derive(Default)]
pub(super) struct Activity {
    zone: Zone,
    /// By the place of the speaker.
    trails: Vec<Trail>,
    segments: HashMap<Segment, Marks, RandomState>,
    /// Minutes in which somebody watched.
    watched: Marks,
    /// The segment and the minute that were last marked.
    last: Option<(Segment, i64)>,
    /// The time of what was last said.
    now: Timestamp,
    /// Minutes and examinations that found no room.
    pub(super) refused: u64,
    /// Traces of work whose times cannot be: copies of the past, clocks that are wrong.
    pub(super) untimely: u64,
}

impl Activity {
    /// Where clocks on the wall are.
    pub(super) fn turn_to(&mut self, zone: Zone) {
        self.zone = zone;
    }

    pub(super) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// A speaker more, in the next place.
    pub(super) fn add(&mut self) {
        self.trails.push(Trail::default());
    }

    pub(super) fn reserve(&mut self, speakers: usize) {
        self.trails.reserve_exact(speakers);
    }

    /// Another has this place now.
    pub(super) fn replace(&mut self, place: usize, room: &mut Room) {
        if let Some(trail) = self.trails.get_mut(place) {
            room.free(trail.bytes());
            *trail = Trail::default();
        }
    }

    /// Who was in one place goes on in another: an examination may go on with it.
    pub(super) fn hand_on(&mut self, from: usize, to: usize) {
        if from < self.trails.len() && to < self.trails.len() {
            self.trails.swap(from, to);
        }
    }

    /// Somebody watched from one minute to before another.
    pub(super) fn watched(&mut self, from: i64, to: i64, room: &mut Room) {
        if !self.watched.mark_all(from, to, room) {
            self.refused += 1;
        }
    }

    /// Reads a little of what those did who are said to be there, so that it is near; the
    /// number means nothing.
    pub(super) fn glance<'o>(
        &self,
        few: impl Iterator<Item = (&'o Observation, Option<usize>)>,
    ) -> i64 {
        let present = few.filter(|(it, _)| matches!(it.what, Observed::Present(_)));
        let trails = present.filter_map(|(_, place)| self.trails.get(place?));
        trails.fold(0, |all, trail| all ^ trail.online.glance())
    }

    /// What is said of the speaker in a place.
    pub(super) fn take(&mut self, place: usize, it: &Observation, room: &mut Room) {
        self.now = it.at;
        let minute = it.at.minute();
        let segment = it.host.segment;
        if self.last != Some((segment, minute)) {
            self.last = Some((segment, minute));
            let fits = self.segments.len() < MAX_SEGMENTS || self.segments.contains_key(&segment);
            if !fits || !self.segments.entry(segment).or_default().mark(minute, room) {
                self.refused += 1;
            }
        }
        let Some(trail) = self.trails.get_mut(place) else { return };
        let fits = match &it.what {
            Observed::Present(_) => trail.online.mark(minute, room),
            Observed::Booted(at, sign) => {
                let told = (*sign, at.seconds(), it.at.seconds());
                starts::booted(&mut trail.starts, told, room)
            }
            Observed::Arrives(how) => {
                let told = (*how, it.at.seconds());
                starts::arrived(&mut trail.starts, told, &trail.online, room)
            }
            Observed::UseOf(piece, work, when) => {
                let time = timely(&self.zone, (*work, *when), it.at);
                // Results are told of whoever sends them as well, and counted there.
                self.untimely += u64::from(time.is_none() && *work == Work::Vitals);
                let (from, to) = time.map_or((minute, minute), in_minutes);
                let work = time.map(|_| *work);
                let Traces { through, .. } = &mut **trail.traces.get_or_insert_default();
                through.mark((*piece, work), (from, to.saturating_add(1)), room)
            }
            Observed::Use(work) => match timely(&self.zone, (work.work, work.when), it.at) {
                Some(time) => worked(trail, work, time, it.at.seconds(), room),
                None => {
                    self.untimely += 1;
                    let [.., untimely] = &mut trail.traces.get_or_insert_default().minutes;
                    untimely.mark(minute, room)
                }
            },
            _ => return,
        };
        if !fits {
            self.refused += 1;
        }
    }

    /// A trace of a study was taken for the speaker in a place, of whose name others are too:
    /// what one of these began is one examination, and counted there.
    pub(super) fn goes_on(&mut self, study: Study, place: usize, others: &[usize]) {
        let mut exams = others.iter().filter(|it| **it != place).filter_map(|it| {
            let trail = self.trails.get(*it)?;
            trail.exams()
        });
        if exams.any(|exams| exams.knows(study))
            && let Some(trail) = self.trails.get_mut(place)
            && let Some(traces) = &mut trail.traces
        {
            traces.exams.began_before(study);
        }
    }

    /// The speaker in a place was there from one minute to before another.
    pub(super) fn was_present(
        &mut self,
        (place, segment): (usize, Segment),
        (from, to): (i64, i64),
        room: &mut Room,
    ) {
        let Some(trail) = self.trails.get_mut(place) else { return };
        let seen = self.segments.entry(segment).or_default();
        if !trail.online.mark_all(from, to, room) || !seen.mark_all(from, to, room) {
            self.refused += 1;
        }
    }

    pub(super) fn trail(&self, place: usize) -> Option<&Trail> {
        self.trails.get(place)
    }

    /// What the speaker in a place did is stored, its examinations under these numbers.
    pub(super) fn saved(&mut self, place: usize, rows: &[(usize, i64)], room: &mut Room) {
        let (day, second) = self.kept_from();
        let Some(trail) = self.trails.get_mut(place) else { return };
        trail.online.saved(day, room);
        if let Some(traces) = &mut trail.traces {
            traces.minutes.iter_mut().for_each(|it| it.saved(day, room));
            traces.exams.saved(rows, second, room);
            traces.through.saved(day, room);
        }
        if let Some(starts) = trail.starts.take() {
            room.free(starts.bytes());
        }
    }

    /// The first day, and its first second, that stay in memory.
    fn kept_from(&self) -> (UtcDay, i64) {
        let day = self.now.minute().div_euclid(DAY).saturating_sub(KEPT_DAYS - 1);
        (UtcDay::try_from(day).unwrap_or(UtcDay::MIN), day.saturating_mul(DAY * 60))
    }

    /// Minutes of segments that are to be stored; of none those in which somebody watched.
    pub(super) fn segments(&self) -> impl Iterator<Item = (Option<Segment>, Unsaved)> {
        let all = self.segments.iter().map(|(segment, marks)| (Some(*segment), marks));
        let all = all.chain([(None, &self.watched)]);
        all.flat_map(|(segment, marks)| marks.unsaved().map(move |it| (segment, it)))
    }

    /// These are stored.
    pub(super) fn segments_saved(&mut self, room: &mut Room) {
        let (day, _) = self.kept_from();
        let Self { segments, watched, .. } = self;
        segments.values_mut().chain([watched]).for_each(|marks| marks.saved(day, room));
    }
}

/// The seconds of a trace of work; none when they cannot be.
fn timely(zone: &Zone, (work, when): (Work, When), at: Timestamp) -> Option<(i64, i64)> {
    let now = at.seconds();
    let told = match when {
        When::Now => return Some((now, now)),
        When::Unreadable => None,
        When::Between(from, to) => Some((from.seconds(), to.seconds())),
        When::Told { from, to, offset } => {
            // Of an hour that comes twice it begins before it ends.
            let to = zone.instant_by(to, offset, at);
            let from = to.and_then(|to| zone.instant_by(from, offset, to));
            from.map(Timestamp::seconds).zip(to.map(Timestamp::seconds))
        }
    };
    let is_timely = |(from, to): &(i64, i64)| {
        from <= to
            && now.saturating_sub(*from) <= method::OLDEST_TOLD
            && to.saturating_sub(now) <= method::CLOCK_SKEW
    };
    match (told.filter(is_timely), work) {
        // A step is told when it happens.
        (None, Work::StepBegun | Work::StepEnded) => Some((now, now)),
        (told, _) => told,
    }
}

/// Takes a trace of work; false when there is no room.
fn worked(trail: &mut Trail, it: &Use, (from, to): (i64, i64), said: i64, room: &mut Room) -> bool {
    let traces = trail.traces.get_or_insert_default();
    let [results, vitals, sessions, _] = &mut traces.minutes;
    let marks = match it.work {
        Work::StepBegun | Work::StepEnded | Work::Image => {
            return traces.exams.take(it, (from, to), said, room);
        }
        Work::Result => results,
        Work::Vitals => vitals,
        Work::Session => sessions,
    };
    let (from, to) = in_minutes((from, to));
    marks.mark_all(from, to.saturating_add(1), room)
}

/// The first and the last minute of a stretch of seconds.
fn in_minutes((from, to): (i64, i64)) -> (i64, i64) {
    let minute = |second: i64| Timestamp(second.saturating_mul(SECOND)).minute();
    (minute(from), minute(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::HostId;
    use crate::observe::{Arrival, Sign};

    const NOON: i64 = 1_767_268_800; // 2026-01-01T12:00:00Z

    fn activity() -> (Activity, Room) {
        let mut it = Activity::default();
        it.turn_to(Zone::named("Asia/Tokyo").unwrap());
        it.add();
        (it, Room::default())
    }

    fn say(it: &mut (Activity, Room), second: i64, what: Observed<'static>) {
        let at = Timestamp::new(second, 0);
        let observation = Observation { at, frame: 1, host: HostId::default(), what };
        it.0.take(0, &observation, &mut it.1);
    }

    fn used(work: Work, when: When) -> Observed<'static> {
        Observed::Use(Use { work, study: Study(7), step: Study::UNTOLD, when })
    }

    fn wall(from: i64, to: i64) -> When {
        When::Told { from: from + 9 * 3600, to: to + 9 * 3600, offset: None }
    }

    #[test]
    fn images_count_by_the_clock_of_the_site_and_only_when_they_are_fresh() {
        let mut it = activity();
        say(&mut it, NOON, used(Work::Image, wall(NOON - 600, NOON - 60)));
        let exam = it.0.trail(0).unwrap().exams().unwrap().unsaved().next().unwrap().1.clone();
        assert_eq!((exam.begin, exam.end, exam.counts), (NOON - 600, NOON - 60, true));
        for (from, to) in [(NOON - 86_401, NOON), (NOON, NOON + 601), (NOON, NOON - 1)] {
            say(&mut it, NOON, used(Work::Image, wall(from, to)));
        }
        assert_eq!((it.0.untimely, it.0.refused), (3, 0));
        let wrong = it.0.trail(0).unwrap().work().map(|(code, it)| (code, it.minutes.count()));
        assert!(wrong.eq([(UNTIMELY, 1)]), "by its clock nothing can be told");
        say(&mut it, NOON + 60, used(Work::Image, When::Unreadable));
        let wrong = it.0.trail(0).unwrap().work().map(|(code, it)| (code, it.minutes.count()));
        assert!(wrong.eq([(UNTIMELY, 2)]));
        it.0.untimely -= 1;
        say(&mut it, NOON, used(Work::StepBegun, wall(NOON - 90_000, NOON - 90_000)));
        assert_eq!(it.0.untimely, 3, "a step is told when it happens");
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_one_in_which_it_was_told() {
        // Until 2025-10-26T01:00:00Z the clock shows 03:00, then 02:00.
        const TURN: i64 = 1_761_440_400;
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let told = |(from, to): (i64, i64), at: i64| {
            let when = When::Told { from: TURN + 7200 + from, to: TURN + 7200 + to, offset: None };
            let all = timely(&berlin, (Work::Image, when), Timestamp::new(TURN + at, 0));
            all.map(|(from, to)| (from - TURN, to - TURN))
        };
        assert_eq!(told((-3000, -600), 60), Some((-3000, -600)));
        assert_eq!(told((-3000, -600), 3060), Some((600, 3000)));
        assert_eq!(told((-600, -2400), 1260), Some((-600, 1200)), "from the first to the second");
        assert_eq!(told((-3000, -600), 2000), Some((-3000, -600)), "before it was told");
    }

    #[test]
    fn results_and_sessions_are_minutes() {
        let mut it = activity();
        for second in [0, 30, 61] {
            say(&mut it, NOON + second, used(Work::Result, When::Now));
            say(&mut it, NOON + second, used(Work::Session, When::Now));
        }
        say(&mut it, NOON, Observed::Present(None));
        let trail = it.0.trail(0).unwrap();
        let work: Vec<_> = trail.work().map(|(code, it)| (code, it.minutes.count())).collect();
        assert_eq!(work, [(Method::Results.code(), 2), (Method::Sessions.code(), 2)]);
        assert_eq!(trail.online().map(|it| it.minutes.count()).sum::<u64>(), 1);
        assert_eq!(it.0.segments().map(|(_, it)| it.minutes.count()).sum::<u64>(), 2);
    }

    #[test]
    fn what_is_stored_and_two_days_old_is_forgotten_and_gives_its_room_back() {
        let mut it = activity();
        say(&mut it, NOON, Observed::Present(None));
        say(&mut it, NOON + 300, Observed::Present(None));
        say(&mut it, NOON, used(Work::Image, wall(NOON - 600, NOON - 60)));
        say(&mut it, NOON + 3 * 86_400, Observed::Peer(HostId::default()));
        assert!(!it.0.trail(0).unwrap().is_saved());
        let (activity, room) = (&mut it.0, &mut it.1);
        activity.saved(0, &[(0, 9)], room);
        activity.segments_saved(room);
        assert!(activity.trail(0).unwrap().is_saved() && activity.segments().next().is_none());
        assert_eq!(activity.trail(0).unwrap().bytes(), 0);
        let left = Room::default().taken_since(room);
        activity.replace(0, room);
        assert_eq!(Room::default().taken_since(room), left);
    }

    #[test]
    fn starts_are_kept_until_they_are_stored() {
        let mut it = activity();
        for second in [NOON, NOON + 90, NOON + 4000] {
            say(&mut it, NOON + 5000, Observed::Booted(Timestamp::new(second, 0), Sign::Snmp));
        }
        say(&mut it, NOON + 5000, Observed::Arrives(Arrival::Dhcp));
        let trail = it.0.trail(0).unwrap();
        let starts = trail.starts().unwrap();
        assert_eq!((starts.boots().len(), starts.came().len()), (2, 1));
        assert!(!trail.is_saved());
        let before = Room::default().taken_since(&it.1) - trail.bytes();
        it.0.saved(0, &[], &mut it.1);
        assert_eq!(Room::default().taken_since(&it.1), before, "its room is given back");
        let trail = it.0.trail(0).unwrap();
        assert!(trail.is_saved() && trail.starts().is_none() && trail.bytes() == 0);
    }

    #[test]
    fn a_flood_of_segments_and_of_times_is_bounded() {
        let mut it = activity();
        for n in 0..20_000_u32 {
            let host =
                HostId { segment: Segment { vni: n, ..Segment::default() }, ..HostId::default() };
            let at = Timestamp(i64::from(n).wrapping_mul(0x0123_4567_89ab_cdef));
            let what = Observed::Booted(at, Sign::Snmp);
            it.0.take(0, &Observation { at, frame: 1, host, what }, &mut it.1);
        }
        assert_eq!(it.0.segments.len(), MAX_SEGMENTS);
        let boots = it.0.trail(0).unwrap().starts().unwrap().boots().len();
        assert!(it.0.refused > 0 && boots <= starts::MOST_WAITING, "{boots}");
    }
}
