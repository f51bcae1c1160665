//! What each mirror port brought and lost, second by second: for years, in bounded room.
//! Seconds are kept for two days and then folded into minutes, which are kept for more
//! than a year.
//!
//! What is lost is said by [`Health`] alone: on standard error, in alerts, to Prometheus.
//!
//! Rows are only ever added to. A second that is said twice, by a clock that was set back,
//! holds what came in both, and what a full disk refused is written later.

mod count;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::{Connection, Transaction, params_from_iter};

pub use count::{COUNTED, Health, minute};

use super::{Error, Fault, Inventory};

/// Seconds for which seconds are kept.
const SECONDS_FOR: i64 = 48 * 60 * 60;
/// Seconds for which minutes are kept.
const MINUTES_FOR: i64 = 400 * 24 * 60 * 60;
/// Seconds that are folded at once: some milliseconds.
const FOLD: i64 = 60 * 60;
/// Seconds' worth of old minutes that are dropped at once, once a minute: a clock that is
/// wrong for a while cannot take the history with it.
const DROP: i64 = 2 * 60;
/// Seconds in which nothing came are written together, so many at least.
const QUIET: u64 = 10;
/// Rows that wait for a disk that takes none; then whole minutes wait.
const WAITING: usize = 4096;

/// A port within some seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Name of the interface.
    pub port: String,
    /// Its first second, since 1970 in UTC.
    pub at: i64,
    /// Whether it is a minute of which it is not known when in it things came.
    pub minute: bool,
    /// What it did.
    pub health: Health,
}

/// Statements with the columns in the order of [`COUNTED`].
struct Sql {
    columns: String,
    sums: String,
    add: [String; 2],
    fold: String,
}

static SQL: LazyLock<Sql> = LazyLock::new(|| {
    let names: Vec<_> = ["observed".to_owned()]
        .into_iter()
        .chain(COUNTED.iter().map(|name| name.replace('.', "_")))
        .collect();
    let list =
        |each: &dyn Fn(&String) -> String| names.iter().map(each).collect::<Vec<_>>().join(", ");
    let columns = list(&String::clone);
    let sums = list(&|name| format!("sum({name})"));
    let added = list(&|name| format!("{name} = {name} + excluded.{name}"));
    let marks = list(&|_| "?".to_owned());
    let add = ["second", "minute"].map(|width| {
        format!(
            "INSERT INTO health_{width} (at, port, {columns}) VALUES (?, ?, {marks})
             ON CONFLICT DO UPDATE SET {added}"
        )
    });
    let fold = format!(
        "INSERT INTO health_minute (at, port, {columns})
         SELECT at / 60 * 60, port, {sums} FROM health_second WHERE at < ? GROUP BY 1, 2
         ON CONFLICT DO UPDATE SET {added}"
    );
    Sql { columns, sums, add, fold }
});

/// What is not yet written, by first second and port.
type Rows = BTreeMap<(i64, u32), Health>;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Waiting {
    seconds: Rows,
    minutes: Rows,
    /// The minute in which rows were last folded.
    folded: i64,
}

impl Waiting {
    /// Adds to a row.
    pub(super) fn note(&mut self, port: u32, at: i64, health: &Health) {
        self.seconds.entry((at, port)).or_default().add(health);
        if self.seconds.len() > WAITING
            && let Some(((at, port), health)) = self.seconds.pop_first()
        {
            self.minutes.entry((minute(at), port)).or_default().add(&health);
        }
        if self.minutes.len() > WAITING {
            // The oldest will look like nobody watched.
            self.minutes.pop_first();
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.seconds.is_empty() && self.minutes.is_empty()
    }

    /// Whether it is worth a transaction: something came, or it was quiet for a while.
    pub(super) fn is_due(&self) -> bool {
        let came = |health: &Health| health.counts.iter().any(|n| *n > 0);
        let quiet = |rows: &Rows| rows.values().map(|health| health.observed).sum::<u64>();
        self.seconds.values().any(came) || !self.minutes.is_empty() || quiet(&self.seconds) >= QUIET
    }

    /// Writes what waits and puts away what is old; [`Self::written`] once it is committed.
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        for (rows, sql) in [&self.seconds, &self.minutes].into_iter().zip(&SQL.add) {
            let mut add = transaction.prepare_cached(sql)?;
            for ((at, port), health) in rows {
                let counts = [health.observed].into_iter().chain(health.counts);
                let counts = counts.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                add.execute(params_from_iter([*at, i64::from(*port)].into_iter().chain(counts)))?;
            }
        }
        match self.newest() {
            Some(newest) if minute(newest) != self.folded => put_away(transaction, newest),
            _ => Ok(()),
        }
    }

    /// What waited is committed.
    pub(super) fn written(&mut self) {
        self.folded = self.newest().map_or(self.folded, minute);
        self.seconds.clear();
        self.minutes.clear();
    }

    fn newest(&self) -> Option<i64> {
        self.seconds.last_key_value().map(|((at, _), _)| *at)
    }
}

/// Folds seconds that are old, and drops minutes that are very old.
fn put_away(transaction: &Transaction<'_>, now: i64) -> rusqlite::Result<()> {
    let oldest = |table: &str| {
        let sql = format!("SELECT min(at) FROM {table}");
        transaction.prepare_cached(&sql)?.query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    if let Some(oldest) = oldest("health_second")? {
        let end = minute(now.saturating_sub(SECONDS_FOR)).min(minute(oldest).saturating_add(FOLD));
        if oldest < end {
            transaction.prepare_cached(&SQL.fold)?.execute([end])?;
            let drop = "DELETE FROM health_second WHERE at < ?";
            transaction.prepare_cached(drop)?.execute([end])?;
        }
    }
    if let Some(oldest) = oldest("health_minute")? {
        let end = now.saturating_sub(MINUTES_FOR).min(oldest.saturating_add(DROP));
        let drop = "DELETE FROM health_minute WHERE at < ?";
        transaction.prepare_cached(drop)?.execute([end])?;
    }
    Ok(())
}

/// Tells in which minutes of the last two days any port was watched: what a process that
/// was killed had not written elsewhere.
pub(super) fn watched(
    connection: &Connection,
    mut tell: impl FnMut(i64, i64),
) -> rusqlite::Result<()> {
    let sql = "SELECT DISTINCT at / 60, (at + observed - 1) / 60 FROM health_second
               WHERE observed > 0 AND at > (SELECT max(at) FROM health_second) - ?1";
    let mut rows = connection.prepare_cached(sql)?;
    let mut rows = rows.query([SECONDS_FOR])?;
    while let Some(row) = rows.next()? {
        tell(row.get(0)?, row.get::<_, i64>(1)?.saturating_add(1));
    }
    Ok(())
}

/// What each port did from one second to before another, with the second and the port's
/// number; in that order.
pub(super) fn seconds(
    connection: &Connection,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(i64, i64, Health)>> {
    let columns = &SQL.columns;
    let sql = format!(
        "SELECT at, port, {columns} FROM health_second WHERE at >= ?1 AND at < ?2
         ORDER BY at, port"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement
        .query_map([from, to], |row| Ok((row.get(0)?, row.get(1)?, Health::of(row, 2)?)))?;
    rows.collect()
}

/// The counters of a capture, as they are stored.
pub(super) fn counted(
    connection: &Connection,
    capture: u32,
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut counters =
        connection.prepare_cached("SELECT name, value FROM counter WHERE capture = ?1")?;
    let rows = counters
        .query_map([capture], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    rows.collect()
}

impl Inventory {
    /// What the mirror ports did from one second to before another (since 1970, UTC), in
    /// that order: minutes where they are long past, then seconds.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn health(&self, from: i64, to: i64) -> Result<Vec<Stretch>, Error> {
        let of = |width: &str, minute: bool| {
            let columns = &SQL.columns;
            let sql = format!(
                "SELECT coalesce((SELECT name FROM capture WHERE id = port), ''), at, {columns}
                 FROM health_{width} WHERE at >= ?1 AND at < ?2 ORDER BY at, port"
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map([from, to], |row| {
                let (port, at) = (row.get(0)?, row.get(1)?);
                Ok(Stretch { port, at, minute, health: Health::of(row, 2)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let mut all = of("minute", true).map_err(read)?;
        all.extend(of("second", false).map_err(read)?);
        all.sort_by(|a, b| (a.at, &a.port).cmp(&(b.at, &b.port)));
        Ok(all)
    }

    /// The last second in which anybody listened to a port, since 1970, UTC; none where only
    /// captures were read.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub(super) fn listened(&self) -> Result<Option<i64>, Error> {
        let last = |width: &str| {
            let sql = format!(
                "SELECT at + observed - 1 FROM health_{width} WHERE observed > 0
                 ORDER BY at DESC LIMIT 1"
            );
            self.rows(&sql, [], |row| row.get::<_, i64>(0))
        };
        Ok([last("second")?, last("minute")?].concat().into_iter().max())
    }

    /// What each port did in the last so many seconds (two days at most) before the newest
    /// one that is kept.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn health_of_late(&self, seconds: i64) -> Result<BTreeMap<String, Health>, Error> {
        let sums = &SQL.sums;
        let sql = format!(
            "SELECT coalesce((SELECT name FROM capture WHERE id = port), ''), {sums}
             FROM health_second WHERE at > (SELECT max(at) FROM health_second) - ?1 GROUP BY port"
        );
        let late = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows =
                statement.query_map([seconds], |row| Ok((row.get(0)?, Health::of(row, 1)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        late().map_err(|error| Error::new(&self.path, Fault::Read(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut connection).unwrap();
        connection
    }

    fn brought(frames: u64) -> Health {
        let mut health = Health { observed: 1, ..Health::default() };
        health.counts[0] = frames;
        health
    }

    fn write(waiting: &mut Waiting, connection: &mut Connection) {
        let transaction = connection.transaction().unwrap();
        waiting.write(&transaction).unwrap();
        transaction.commit().unwrap();
        waiting.written();
        assert!(waiting.is_empty());
    }

    /// Rows, observed seconds and frames of a table.
    fn table(connection: &Connection, width: &str) -> (i64, i64, i64) {
        let sql = format!(
            "SELECT count(*), coalesce(sum(observed), 0), coalesce(sum(frames), 0)
             FROM health_{width}"
        );
        connection.query_row(&sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap()
    }

    #[test]
    fn the_columns_are_the_counters() {
        let connection = database();
        for width in ["second", "minute"] {
            let sql = format!("SELECT * FROM health_{width}");
            let statement = connection.prepare(&sql).unwrap();
            let names = ["at", "port", "observed"].map(str::to_owned).into_iter();
            let names: Vec<_> = names.chain(COUNTED.map(|name| name.replace('.', "_"))).collect();
            assert_eq!(statement.column_names(), names);
        }
    }

    #[test]
    fn a_second_said_twice_holds_both() {
        let (mut connection, mut waiting) = (database(), Waiting::default());
        waiting.note(0, 100, &brought(3));
        write(&mut waiting, &mut connection);
        waiting.note(0, 100, &brought(4));
        waiting.note(1, 100, &brought(5));
        write(&mut waiting, &mut connection);
        assert_eq!(table(&connection, "second"), (2, 3, 12));
    }

    #[test]
    fn seconds_become_minutes_and_minutes_go() {
        let (mut connection, mut waiting) = (database(), Waiting::default());
        let begin = 1_800_000_000 / 60 * 60;
        for second in 0..600 {
            waiting.note(0, begin + second, &brought(2));
        }
        write(&mut waiting, &mut connection);
        assert_eq!(table(&connection, "second"), (600, 600, 1200));
        // Two days after the end of the third minute.
        waiting.note(0, begin + 180 + SECONDS_FOR, &brought(7));
        write(&mut waiting, &mut connection);
        assert_eq!(table(&connection, "minute"), (3, 180, 360));
        assert_eq!(table(&connection, "second"), (421, 421, 840 + 7));
        // A clock that is a century ahead for a moment takes two minutes with it.
        waiting.note(0, begin + 100 * 365 * 86_400, &brought(0));
        write(&mut waiting, &mut connection);
        assert_eq!(table(&connection, "minute").0, 3 + 7 - 2);
    }

    #[test]
    fn what_a_full_disk_refuses_waits_in_bounded_room() {
        let (mut connection, mut waiting) = (database(), Waiting::default());
        let seconds = i64::try_from(WAITING).unwrap() + 6000;
        for second in 0..seconds {
            waiting.note(0, 60_000 + second, &brought(1));
        }
        assert!(waiting.seconds.len() == WAITING && waiting.minutes.len() == 100);
        write(&mut waiting, &mut connection);
        let (minutes, rest) = (table(&connection, "minute"), table(&connection, "second"));
        assert_eq!(minutes.2 + rest.2, seconds, "nothing is lost yet");
        for minute in 0..seconds * 2 {
            waiting.note(0, minute * 60, &brought(1));
        }
        assert!(waiting.minutes.len() <= WAITING);
    }

    #[test]
    fn a_row_takes_some_forty_bytes() {
        let (mut connection, mut waiting) = (database(), Waiting::default());
        let pages = |c: &Connection| -> i64 {
            let count: i64 = c.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
            count * c.pragma_query_value::<i64, _>(None, "page_size", |r| r.get(0)).unwrap()
        };
        let before = pages(&connection);
        for second in 0..20_000 {
            let mut busy = brought(9_000);
            (busy.counts[1], busy.counts[9], busy.counts[10]) = (7_000_000, 3_000, 2);
            waiting.note(0, 1_800_000_000 + second, &busy);
            if second % 1000 == 999 {
                write(&mut waiting, &mut connection);
            }
        }
        let each = (pages(&connection) - before) / 20_000;
        assert!((20..48).contains(&each), "{each} bytes");
    }
}
