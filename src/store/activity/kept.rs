//! What is kept, and for how long: counted in days on which somebody watched, so that
//! frames of a wrong time cost as many days as they have, and a sensor that was off for a
//! year has forgotten nothing.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::sheet;
use crate::census::activity::UtcDay;
use crate::time::calendar::{Day, Zone};
use crate::time::minutes::{DAY, Minutes};

/// Watched days for which minutes, examinations and boots of speakers are kept: a year and
/// the same month of the last one beside it, as long as the health of the sensor.
pub const MINUTES_FOR: usize = 400;
/// Watched days for which the days of assets are kept, and what was observed on them: as
/// long as equipment is written off in.
pub const DAYS_FOR: usize = 5 * 366;

/// From where on something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Minutes of speakers, from this UTC day on; none when all are.
    pub(super) minutes: Option<UtcDay>,
    /// Days of assets, from this UTC day on; none when all are.
    pub(super) days: Option<UtcDay>,
}

impl Kept {
    /// As the days say on which somebody watched.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut watched = Vec::new();
        let mut day = UtcDay::MIN;
        while let Some((next, _)) = next_watched(connection, day)? {
            watched.push(next);
            day = next;
        }
        let newest = |count: usize| {
            let at = watched.len().checked_sub(count).filter(|older| *older > 0)?;
            watched.get(at).copied()
        };
        Ok(Self { minutes: newest(MINUTES_FOR), days: newest(DAYS_FOR) })
    }

    /// Whether minutes of a UTC day are taken: where they were dropped, no more can be said
    /// of the days that they are of.
    pub(super) fn takes(&self, day: UtcDay) -> bool {
        self.minutes.is_none_or(|oldest| day > oldest)
    }

    /// Whether all minutes of a local day are kept.
    pub(super) fn has(&self, zone: &Zone, day: Day) -> bool {
        let begin = |oldest: UtcDay| i64::from(oldest).saturating_mul(DAY);
        self.minutes.is_none_or(|oldest| zone.bounds(day).0 > begin(oldest))
    }

    /// The first local day of which anything is kept.
    pub(super) fn first(&self, zone: &Zone) -> Option<Day> {
        self.days.map(|oldest| zone.day(i64::from(oldest).saturating_mul(DAY)))
    }

    /// Drops what is older.
    pub(super) fn drop_older(
        &self,
        transaction: &Transaction<'_>,
        zone: &Zone,
    ) -> rusqlite::Result<()> {
        if let Some(oldest) = self.minutes.map(i64::from) {
            let second = oldest.saturating_mul(86_400);
            for (sql, from) in [
                ("DELETE FROM speaker_day WHERE day < ?1", oldest),
                ("DELETE FROM exam WHERE end < ?1", second),
                ("DELETE FROM boot WHERE until < ?1", second),
                ("DELETE FROM arrival WHERE day < ?1", oldest),
            ] {
                transaction.prepare_cached(sql)?.execute([from])?;
            }
        }
        if let (Some(oldest), Some(first)) = (self.days, self.first(zone)) {
            for (sql, from) in [
                ("DELETE FROM segment_day WHERE day < ?1", oldest),
                ("DELETE FROM asset_day WHERE day < ?1", first),
            ] {
                transaction.prepare_cached(sql)?.execute([from])?;
            }
            sheet::drop_before(transaction, first)?;
        }
        Ok(())
    }
}

/// The next UTC day after one on which somebody watched, and when on it, as far as it can be
/// read.
pub(super) fn next_watched(
    connection: &Connection,
    after: UtcDay,
) -> rusqlite::Result<Option<(UtcDay, Minutes)>> {
    next_watched_by(connection, after, |base, blob| Ok(Minutes::decode(base, blob)))
}

/// The same, read as is said.
pub(super) fn next_watched_by<T>(
    connection: &Connection,
    after: UtcDay,
    decode: impl Fn(i64, &[u8]) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<(UtcDay, T)>> {
    // The empty segment is the first of each day: one look a day.
    let sql = "SELECT day, minutes FROM segment_day WHERE day > ?1 AND segment = x''
               ORDER BY day LIMIT 1";
    watched_by(connection, sql, after, decode)
}

/// The same of the day before one.
pub(super) fn last_watched_by<T>(
    connection: &Connection,
    before: UtcDay,
    decode: impl Fn(i64, &[u8]) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<(UtcDay, T)>> {
    let sql = "SELECT day, minutes FROM segment_day WHERE day < ?1 AND segment = x''
               ORDER BY day DESC LIMIT 1";
    watched_by(connection, sql, before, decode)
}

fn watched_by<T>(
    connection: &Connection,
    sql: &str,
    day: UtcDay,
    decode: impl Fn(i64, &[u8]) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<(UtcDay, T)>> {
    let mut one = connection.prepare_cached(sql)?;
    one.query_row([day], |row| {
        let day: UtcDay = row.get(0)?;
        let base = i64::from(day).saturating_mul(DAY);
        Ok((day, decode(base, row.get_ref(1)?.as_blob().unwrap_or_default())?))
    })
    .optional()
}

/// All minutes in which somebody watched, as far as they are kept.
pub(in crate::store) fn watched(connection: &Connection) -> rusqlite::Result<Minutes> {
    let (mut all, mut after) = (Minutes::default(), UtcDay::MIN);
    while let Some((day, minutes)) = next_watched(connection, after)? {
        minutes.runs().iter().for_each(|(from, to)| all.add(*from, *to));
        after = day;
    }
    Ok(all)
}

/// The days of which a table has rows, in order: one look a day, not one a row.
pub(super) fn days_of(
    connection: &Connection,
    table: &str,
    (first, last): (i32, i32),
) -> rusqlite::Result<Vec<i32>> {
    let sql = format!("SELECT min(day) FROM {table} WHERE day >= ?1 AND day <= ?2");
    let mut next = connection.prepare_cached(&sql)?;
    let (mut days, mut from) = (Vec::new(), Some(first));
    while let Some(at) = from {
        let found: Option<i32> = next.query_row([at, last], |row| row.get(0))?;
        days.extend(found);
        from = found.and_then(|day| day.checked_add(1));
    }
    Ok(days)
}
