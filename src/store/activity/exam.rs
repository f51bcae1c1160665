//! Examinations in the inventory. A process does not know which studies those are that an
//! earlier one has written: steps with the same begin or the same end, and images at the same
//! time, are the same. A begin without an end and an end without a begin stay two rows, each
//! with the run that wrote it: which of them are one step is found when days are made, of all
//! that is known by then (`pieces`), so captures may be read in any order.

use std::collections::BTreeSet;

use rusqlite::{Row, Transaction, params};

use super::Speaker;
use crate::census::activity::method::LONGEST_STEP;
use crate::census::activity::{Exam, Exams, Method};

/// After a restart, images within so many seconds of the last ones go on with the same
/// examination: the next patient takes longer.
const GOES_ON: i64 = 3 * 60;

/// One process that writes: within it steps and studies are told apart by more than time. 0
/// is none.
pub(super) type Run = i64;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) speaker: Speaker,
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) said: i64,
    pub(super) method: u8,
    /// The run that saw a step begin and not end; of images the one that saw them.
    pub(super) open: Run,
    /// The run that saw a step end and not begin.
    pub(super) orphan: Run,
    /// [`FIRST`] of its examination's stretches, [`FURTHER`], or less than that: the number of
    /// the first one's row, negated.
    pub(super) part: i64,
    /// When its examination ended, as far as that is one stretch of work.
    pub(super) whole: i64,
}

/// The first stretch of its examination: it counts.
pub(super) const FIRST: i64 = 1;
/// Another one; of which is not known.
pub(super) const FURTHER: i64 = 0;

impl Stored {
    pub(super) const fn counts(&self) -> bool {
        self.part == FIRST
    }
}

/// The number of this run: each row that it will add has this number or a greater one, so none
/// that has added any has the same. Earlier versions wrote 1 for all.
pub(super) fn run(connection: &rusqlite::Connection) -> rusqlite::Result<Run> {
    connection.query_row("SELECT ifnull(max(id), 0) + 2 FROM exam", [], |row| row.get(0))
}

/// None lasts longer, in seconds: images are no older than a day.
pub(super) const LONGEST: i64 = 2 * 86_400;

const COLUMNS: &str = "id, speaker, begin, end, said, method, open, orphan, counts";

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        speaker: row.get(1)?,
        begin: row.get(2)?,
        end: row.get(3)?,
        said: row.get(4)?,
        method: row.get(5)?,
        open: row.get(6)?,
        orphan: row.get(7)?,
        part: row.get(8)?,
        whole: row.get(3)?,
    })
}

/// Those of a speaker that touch a time.
pub(super) fn between(
    connection: &rusqlite::Connection,
    speaker: Speaker,
    begin: i64,
    end: i64,
) -> rusqlite::Result<Vec<Stored>> {
    let earliest = begin.saturating_sub(LONGEST);
    let sql = format!(
        "SELECT {COLUMNS} FROM exam WHERE speaker = ?1 AND begin >= ?2 AND begin <= ?3
         AND end >= ?4 ORDER BY begin"
    );
    let mut all = connection.prepare_cached(&sql)?;
    let rows = all.query_map(params![speaker, earliest, end, begin], stored)?;
    let mut all: Vec<Stored> = rows.collect::<Result<_, _>>()?;
    // The index has them by begin and end.
    all.sort_by_key(|it| (it.begin, it.id));
    Ok(all)
}

/// Writes those that changed, of a speaker of this name since a second, in a run; their rows,
/// and the times of which something is new in `spans`.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    (speaker, since, run): (Speaker, Option<i64>, Run),
    exams: &Exams,
    spans: &mut Vec<(i64, i64)>,
) -> rusqlite::Result<Vec<(usize, i64)>> {
    let mut own: BTreeSet<i64> = exams.rows().collect();
    for row in exams.gone() {
        let sql = "DELETE FROM exam WHERE id = ?1 RETURNING begin, end";
        let mut gone = transaction.prepare_cached(sql)?;
        let mut gone = gone.query([row])?;
        while let Some(row) = gone.next()? {
            spans.push((row.get(0)?, row.get(1)?));
        }
    }
    let mut rows: Vec<(usize, i64)> = Vec::new();
    for (at, exam) in exams.unsaved() {
        let id = match exam.row {
            Some(row) => Some(row),
            None => same(transaction, (speaker, since), exam, &own)?,
        };
        // The first stretch comes before: it has its row by now.
        let first = exams.first_of(at).and_then(|(at, row)| {
            let new = rows.iter().find(|(it, _)| *it == at).map(|(_, row)| *row);
            row.or(new)
        });
        let id = match id {
            Some(id) => {
                widen(transaction, id, exam)?;
                id
            }
            None => {
                let sql = "INSERT INTO exam
                           (speaker, begin, end, said, method, open, orphan, counts)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let Exam { begin, end, said, method, .. } = exam;
                let open = if exam.open || *method == Method::Images { run } else { 0 };
                let orphan = if exam.orphan { run } else { 0 };
                let part = match first {
                    _ if exam.counts => FIRST,
                    first => first.map_or(FURTHER, i64::wrapping_neg),
                };
                let method = method.code();
                transaction
                    .prepare_cached(sql)?
                    .execute(params![speaker, begin, end, said, method, open, orphan, part])?;
                transaction.last_insert_rowid()
            }
        };
        own.insert(id);
        rows.push((at, id));
        spans.push(reach(transaction, speaker, id)?);
        if let Some(first) = first {
            let sql = "SELECT min(begin) FROM exam WHERE id IN (?1, ?2)";
            let begin = |row: &Row<'_>| Ok((row.get(0)?, exam.end));
            spans.push(transaction.prepare_cached(sql)?.query_row([id, first], begin)?);
        }
    }
    Ok(rows)
}

/// From when to when days may be otherwise by a row: a piece changes also what it may belong
/// to, or what may belong to it.
fn reach(transaction: &Transaction<'_>, speaker: Speaker, id: i64) -> rusqlite::Result<(i64, i64)> {
    let sql = format!("SELECT {COLUMNS} FROM exam WHERE id = ?1");
    let it = transaction.prepare_cached(&sql)?.query_row([id], stored)?;
    let mut span = (it.begin, it.end);
    if it.orphan == 0 && (it.open == 0 || it.method != Method::Mpps.code()) {
        return Ok(span);
    }
    let (from, to) = (it.begin.saturating_sub(LONGEST_STEP), it.end.saturating_add(LONGEST_STEP));
    for other in between(transaction, speaker, from, to)? {
        let ends = it.open != 0 && other.orphan != 0 && other.end >= it.begin;
        let begins = it.orphan != 0 && other.open != 0 && other.begin <= it.end;
        if ends || begins {
            span = (span.0.min(other.begin), span.1.max(other.end));
        }
    }
    Ok(span)
}

/// The row of an earlier process that is the same.
fn same(
    transaction: &Transaction<'_>,
    (speaker, since): (Speaker, Option<i64>),
    exam: &Exam,
    own: &BTreeSet<i64>,
) -> rusqlite::Result<Option<i64>> {
    let around = match exam.method {
        Method::Images => GOES_ON,
        _ => 0,
    };
    let (begin, end) = (exam.begin.saturating_sub(around), exam.end.saturating_add(around));
    let all = between(transaction, speaker, begin, end)?;
    // Who had the address before worked at something else.
    let anothers = |row: &Stored| since.is_some_and(|since| row.said < since);
    let is_step = exam.method == Method::Mpps;
    let mut others = all.iter().filter(|row| {
        let alike = (row.method == Method::Mpps.code()) == is_step;
        alike && !own.contains(&row.id) && !anothers(row)
    });
    let common = |row: &Stored| row.end.min(exam.end).saturating_sub(row.begin.max(exam.begin));
    let found = match is_step {
        true if exam.orphan => others.find(|row| row.open == 0 && row.end == exam.end),
        true => others
            .filter(|row| {
                let begins = row.orphan == 0 && row.begin == exam.begin;
                begins || (row.orphan != 0 && !exam.open && row.end == exam.end)
            })
            .max_by_key(|row| row.orphan == 0),
        false => others.max_by_key(|row| (row.begin == exam.begin, common(row))),
    };
    Ok(found.map(|row| row.id))
}

/// A row reaches as far as the examination; what a step says of itself is as it says.
fn widen(transaction: &Transaction<'_>, id: i64, exam: &Exam) -> rusqlite::Result<()> {
    let Exam { begin, end, open, orphan, .. } = exam;
    let sql = match (exam.method == Method::Mpps, orphan) {
        // An end alone says nothing of the begin, but that its images lie behind it.
        (true, true) => {
            "UPDATE exam SET begin = min(begin, ?2) WHERE id = ?1 AND orphan <> 0 AND ?3 >= ?2
             AND NOT ?4"
        }
        (true, false) => {
            "UPDATE exam SET
               begin = CASE WHEN orphan THEN ?2 ELSE min(begin, ?2) END,
               end = CASE WHEN NOT ?4 THEN ?3 WHEN open THEN max(end, ?3) ELSE end END,
               open = CASE WHEN ?4 THEN open ELSE 0 END, orphan = 0
             WHERE id = ?1"
        }
        (false, _) => {
            "UPDATE exam SET begin = min(begin, ?2), end = max(end, ?3)
             WHERE id = ?1 AND NOT ?4"
        }
    };
    transaction.prepare_cached(sql)?.execute(params![id, begin, end, open])?;
    Ok(())
}
