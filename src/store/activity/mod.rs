//! What devices did: minutes and examinations of speakers beside the memory, days of
//! assets among the knowledge.
//!
//! * `Diary` writes what speakers did, united with what is there.
//! * `roll` makes days of assets of it where something changed.
//! * `sheet` sums them up, `ask` is what views ask.

mod ask;
mod basis;
mod begun;
mod behind;
mod days;
mod detail;
mod exam;
mod examined;
mod hours;
mod kept;
mod made;
mod past;
mod pieces;
mod read;
mod roll;
mod seen;
mod shared;
mod sheet;
mod showing;
#[cfg(test)]
mod start_tests;
mod starts;
mod stretch;
#[cfg(test)]
mod tests;
mod through;
mod told;
mod turn;
mod watch;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

pub use ask::{Activity, InUse, Period};
pub use days::{DayOf, Examination};
pub use hours::Hour;
use kept::Kept;
pub(super) use kept::watched;
pub use kept::{DAYS_FOR, MINUTES_FOR};
pub(super) use roll::Roll;
pub use sheet::Sums;
pub use showing::Use;
pub use starts::Start;
pub use told::Told;
pub(super) use watch::Watch;

use super::damage::damaged;
use super::record;
use super::writer::Failure;
use crate::census::activity::method::FARTHEST;
use crate::census::activity::{Trail, Unsaved, UtcDay};
use crate::census::{Census, Host};
use crate::net::{HostId, Segment};
use crate::time::Timestamp;
use crate::time::calendar::{Calendar, Day, Zone};
use crate::time::minutes::{DAY, Minutes};

/// A speaker in the inventory.
pub(super) type Speaker = i64;

/// What is on line, among the methods by which work is told.
const ONLINE: u8 = 0;

/// The name of a speaker: the first eight bytes of a hash. Who had its address when is not
/// part of it: that may be known later, and then nothing has to be written again.
fn speaker(id: &HostId) -> Speaker {
    let name = postcard::to_stdvec(id).unwrap_or_default();
    let digest = Sha256::digest(name);
    digest.iter().take(8).fold(0, |key, byte| key << 8 | i64::from(*byte))
}

/// What is written and not yet among the knowledge.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) calendar: Calendar,
    /// Local days of speakers of which something is new.
    touched: HashMap<Speaker, BTreeSet<Day>, RandomState>,
    /// Local days in which segments were seen that were not known to be.
    lit: BTreeSet<Day>,
    /// UTC days of which anything is known, with what, as [`bit`] says; with anything where
    /// an earlier process wrote it.
    days: BTreeMap<UtcDay, u8>,
    /// What was written since the last roll-up, which will ask for it.
    fresh: Fresh,
    /// Local days of which assets have rows.
    rows: BTreeSet<Day>,
    /// From where on days are kept.
    kept: Kept,
    /// Somebody watched on a day on which nobody had: another may go for it.
    is_longer: bool,
    /// How each asset's use is told, by its number.
    known: HashMap<i64, basis::Basis, RandomState>,
    /// Tells calendars apart, and which one is stored.
    mark: i64,
    stored: Option<i64>,
    /// Which run this is, by the examinations that it writes.
    run: exam::Run,
    /// Assets whose days are another calendar's.
    stale: usize,
}

/// What became of what a speaker did, for the census.
#[derive(Default)]
pub(super) struct Stored {
    /// The rows of its examinations.
    pub(super) exams: Vec<(usize, i64)>,
    /// Words of its starts for which their day had no room.
    pub(super) refused: u64,
}

/// What was written of speakers since the last roll-up.
#[derive(Default)]
struct Fresh {
    minutes: HashMap<(UtcDay, Speaker, u8), Minutes, RandomState>,
    /// Days of which nothing else is known.
    whole: BTreeSet<UtcDay>,
    /// Days that are marked as not rolled up.
    unrolled: BTreeSet<UtcDay>,
}

/// Minutes that are remembered until the roll-up: some 15 MB. The rest is read again.
const FRESH: usize = 1 << 17;

impl Fresh {
    fn add(&mut self, key: (UtcDay, Speaker, u8), minutes: Minutes, is_first: bool) {
        if self.minutes.len() >= FRESH && !self.minutes.contains_key(&key) {
            self.whole.clear();
            return;
        }
        if is_first {
            self.whole.insert(key.0);
        }
        self.minutes.insert(key, minutes);
    }

    /// What is known to be written, or that nothing is; none when the inventory must be asked.
    fn get(&self, key: &(UtcDay, Speaker, u8)) -> Option<Option<&Minutes>> {
        let known = self.minutes.get(key);
        (known.is_some() || self.whole.contains(&key.0)).then_some(known)
    }
}

/// A bit for what is told in minutes: the methods' codes are bits themselves.
const fn bit(what: u8) -> u8 {
    if what == ONLINE { 0x80 } else { what }
}

/// What tells a calendar from others.
fn mark(calendar: &Calendar) -> i64 {
    let digest = Sha256::digest(postcard::to_stdvec(calendar).unwrap_or_default());
    digest.iter().take(8).fold(0, |mark, byte| mark << 8 | i64::from(*byte))
}

impl Diary {
    /// As the inventory says.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        // One that cannot be read is made again.
        let calendar = stored(connection)?.unwrap_or_default();
        let mark = mark(&calendar);
        let mut it = Self { calendar, mark, stored: Some(mark), ..Self::default() };
        let all = (i32::MIN, i32::MAX);
        let days = kept::days_of(connection, "speaker_day", all)?;
        it.days.extend(days.into_iter().map(|day| (day, u8::MAX)));
        it.rows.extend(kept::days_of(connection, "asset_day", all)?);
        it.kept = Kept::load(connection)?;
        let mut rows = connection.prepare("SELECT asset, basis FROM asset_use")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (number, blob) = (row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default());
            // One that cannot be read is made again, of the days that there are.
            let basis = match record::only(blob) {
                Ok(basis) => basis,
                Err(_) => basis::Basis::again(detail::span(connection, number)?, mark),
            };
            it.known.insert(number, basis);
        }
        it.run = exam::run(connection)?;
        it.touch_unrolled(connection)?;
        Ok(it)
    }

    /// What was written and never rolled up, because the process was killed.
    fn touch_unrolled(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "SELECT day, speaker FROM speaker_day WHERE day IN (SELECT day FROM unrolled)
                   UNION SELECT u.day, speaker FROM unrolled u JOIN exam
                   ON begin < (u.day + 1) * 86400 AND end >= u.day * 86400";
        let mut rows = connection.prepare(sql)?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let base = row.get::<_, i64>(0)?.saturating_mul(DAY);
            let days = around(&self.calendar.zone, base, base.saturating_add(DAY));
            self.touched.entry(row.get(1)?).or_default().extend(days.clone());
            self.lit.extend(days);
        }
        Ok(())
    }

    /// From now on the site's calendar is this.
    pub(super) fn turn_to(&mut self, calendar: Calendar) {
        self.mark = mark(&calendar);
        self.calendar = calendar;
    }

    /// Some days are still those of another calendar: the next roll-up makes more of them.
    pub(super) const fn is_stale(&self) -> bool {
        self.stale > 0
    }

    /// Writes what one speaker did.
    pub(super) fn keep(
        &mut self,
        transaction: &Transaction<'_>,
        (id, host): (&HostId, &Host),
        trail: &Trail,
    ) -> Result<Stored, Failure> {
        let mut stored = Stored::default();
        if trail.is_saved() || is_far(id, host) {
            return Ok(stored);
        }
        let speaker = speaker(id);
        for it in trail.online() {
            self.unite(transaction, speaker, ONLINE, &it)?;
        }
        for (code, it) in trail.work() {
            self.unite(transaction, speaker, code, &it)?;
        }
        for (piece, code, it) in trail.through() {
            let it = through::reaching(it);
            self.unite(transaction, through::speaker(id, piece), code, &it)?;
        }
        let since = host.since.map(Timestamp::seconds);
        if let Some(it) = trail.starts() {
            stored.refused = starts::keep(transaction, speaker, it, &self.kept)?;
        }
        let Some(exams) = trail.exams().filter(|it| !it.is_saved()) else { return Ok(stored) };
        let mut spans = Vec::new();
        stored.exams = exam::keep(transaction, (speaker, since, self.run), exams, &mut spans)?;
        for (begin, end) in spans {
            let span = (begin.div_euclid(60), end.div_euclid(60));
            self.touch(transaction, speaker, span)?;
        }
        Ok(stored)
    }

    fn unite(
        &mut self,
        transaction: &Transaction<'_>,
        speaker: Speaker,
        what: u8,
        it: &Unsaved,
    ) -> Result<(), Failure> {
        if !self.kept.takes(it.day) {
            return Ok(());
        }
        let base = i64::from(it.day).saturating_mul(DAY);
        let mut minutes = it.minutes.clone();
        let sql = match self.minutes_of(transaction, it.day, speaker, what)? {
            None => "INSERT INTO speaker_day VALUES (?1, ?2, ?3, ?4)",
            // It stays so, and the days that it is of are told to be.
            Some(Err(Damaged)) => return self.touch(transaction, speaker, it.new),
            Some(Ok(known)) => {
                minutes.unite(&known);
                if minutes == *known {
                    return Ok(());
                }
                "UPDATE speaker_day SET minutes = ?4 WHERE day = ?1 AND speaker = ?2 AND what = ?3"
            }
        };
        let bytes = minutes.encode(base);
        transaction.prepare_cached(sql)?.execute(params![it.day, speaker, what, bytes])?;
        let before = self.days.entry(it.day).or_default();
        self.fresh.add((it.day, speaker, what), minutes, *before == 0);
        *before |= bit(what);
        self.touch(transaction, speaker, it.new)
    }

    /// In which minutes of a day a speaker was on line, or left traces of work.
    fn minutes_of(
        &self,
        connection: &Connection,
        day: UtcDay,
        speaker: Speaker,
        what: u8,
    ) -> rusqlite::Result<Option<Result<Cow<'_, Minutes>, Damaged>>> {
        if self.days.get(&day).is_none_or(|it| it & bit(what) == 0) {
            return Ok(None);
        }
        match self.fresh.get(&(day, speaker, what)) {
            Some(known) => Ok(known.map(|it| Ok(Cow::Borrowed(it)))),
            None => Ok(minutes_of(connection, day, speaker, what)?.map(|it| it.map(Cow::Owned))),
        }
    }

    /// What was to be written is not.
    pub(super) fn failed(&mut self) {
        self.fresh = Fresh::default();
    }

    /// From one minute to another, something is new of a speaker.
    fn touch(
        &mut self,
        transaction: &Transaction<'_>,
        speaker: Speaker,
        (from, to): (i64, i64),
    ) -> Result<(), Failure> {
        let utc = |minute: i64| UtcDay::try_from(minute.div_euclid(DAY)).unwrap_or(0);
        for day in utc(from)..=utc(to).min(utc(from).saturating_add(2)) {
            self.days.entry(day).or_default();
            if self.fresh.unrolled.insert(day) {
                let sql = "INSERT OR IGNORE INTO unrolled VALUES (?1)";
                transaction.prepare_cached(sql)?.execute([day])?;
            }
        }
        let days = around(&self.calendar.zone, from, to);
        self.touched.entry(speaker).or_default().extend(days);
        Ok(())
    }

    /// Writes in which minutes segments were seen and somebody watched.
    pub(super) fn keep_segments(
        &mut self,
        transaction: &Transaction<'_>,
        census: &Census,
    ) -> Result<(), Failure> {
        for (segment, it) in census.segments_unsaved().filter(|(_, it)| self.kept.takes(it.day)) {
            let base = i64::from(it.day).saturating_mul(DAY);
            let name = segment_name(segment)?;
            let mut minutes = it.minutes;
            match seen(transaction, it.day, &name)? {
                // Views tell.
                Some(Err(Damaged)) => continue,
                Some(Ok(known)) => {
                    minutes.unite(&known);
                    if minutes == known {
                        continue;
                    }
                }
                None => self.is_longer |= segment.is_none(),
            }
            let sql = "INSERT INTO segment_day VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET minutes = excluded.minutes";
            transaction.prepare_cached(sql)?.execute(params![
                it.day,
                name,
                minutes.encode(base)
            ])?;
            self.lit.extend(around(&self.calendar.zone, it.new.0, it.new.1));
        }
        Ok(())
    }
}

/// Local days that something between two minutes may change.
fn around(zone: &Zone, from: i64, to: i64) -> std::ops::RangeInclusive<Day> {
    let first = zone.day(from.saturating_sub(FARTHEST));
    first..=zone.day(to.saturating_add(FARTHEST)).min(first.saturating_add(4))
}

/// UTC days that a stretch of minutes touches.
fn utc_days(from: i64, to: i64) -> std::ops::RangeInclusive<UtcDay> {
    let day = |minute: i64| UtcDay::try_from(minute.div_euclid(DAY)).unwrap_or(0);
    day(from)..=day(to.saturating_sub(1))
}

/// A host on the Internet, behind a router: its minutes are nobody's business here.
fn is_far(id: &HostId, host: &Host) -> bool {
    !host.direct && id.ip.is_some_and(crate::census::asset::is_public)
}

/// A segment as it is stored; nothing for none.
fn segment_name(segment: Option<Segment>) -> Result<Vec<u8>, Failure> {
    let mut name = Vec::new();
    if let Some(segment) = segment {
        record::begin(&mut name);
        record::add(&mut name, &segment)?;
    }
    Ok(name)
}

/// A row is not as it was written.
#[derive(Debug)]
struct Damaged;

/// Minutes of a UTC day, in a column of a row that has them.
fn minutes_in(day: UtcDay, row: &rusqlite::Row<'_>, at: usize) -> Result<Minutes, Damaged> {
    let base = i64::from(day).saturating_mul(DAY);
    let blob = row.get_ref(at).ok().and_then(|it| it.as_blob().ok()).unwrap_or_default();
    Minutes::decode_whole(base, blob, DAY).ok_or(Damaged)
}

fn minutes_of(
    connection: &Connection,
    day: UtcDay,
    speaker: Speaker,
    what: u8,
) -> rusqlite::Result<Option<Result<Minutes, Damaged>>> {
    let sql = "SELECT minutes FROM speaker_day WHERE day = ?1 AND speaker = ?2 AND what = ?3";
    let mut one = connection.prepare_cached(sql)?;
    one.query_row(params![day, speaker, what], |row| Ok(minutes_in(day, row, 0))).optional()
}

/// In which minutes of a day a segment was seen.
fn seen(
    connection: &Connection,
    day: UtcDay,
    name: &[u8],
) -> rusqlite::Result<Option<Result<Minutes, Damaged>>> {
    let sql = "SELECT minutes FROM segment_day WHERE day = ?1 AND segment = ?2";
    let mut one = connection.prepare_cached(sql)?;
    one.query_row(params![day, name], |row| Ok(minutes_in(day, row, 0))).optional()
}

/// What the row is called of which every day depends.
const CALENDAR: &str = "the time zone and the opening hours (calendar)";

/// The calendar with which the knowledge was made; within, that it cannot be understood.
fn stored(connection: &Connection) -> rusqlite::Result<Result<Calendar, rusqlite::Error>> {
    let sql = "SELECT calendar FROM calendar";
    let blob = connection.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    let calendar = blob.map_or_else(|| Ok(Calendar::default()), |blob| record::only(&blob));
    Ok(calendar.map_err(|_| damaged(CALENDAR)))
}
