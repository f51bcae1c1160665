//! Examinations in the inventory. A process does not know which studies those are that an
//! earlier one has written: what has the same begin, or was at the same time and belongs
//! to none that it knows, is the same.

use std::collections::BTreeSet;

use rusqlite::{Row, Transaction, params};

use super::Speaker;
use crate::census::activity::method::LONGEST_STEP;
use crate::census::activity::{Exam, Exams, Method};

/// After a restart, images within so many seconds of the last ones go on with the same
/// examination: the next patient takes longer.
const GOES_ON: i64 = 3 * 60;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) speaker: Speaker,
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) said: i64,
    pub(super) method: u8,
    pub(super) open: bool,
    pub(super) orphan: bool,
    pub(super) counts: bool,
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
        counts: row.get(8)?,
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

/// Writes those that changed, of a speaker of this name since a second; their rows, and the
/// time of each in `spans`.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    (speaker, since): (Speaker, Option<i64>),
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
    let mut rows = Vec::new();
    for (at, exam) in exams.unsaved() {
        let id = match exam.row {
            Some(row) => Some(row),
            None => same(transaction, (speaker, since), exam, &own)?,
        };
        let id = match id {
            Some(id) => {
                widen(transaction, id, exam)?;
                id
            }
            None => {
                let sql = "INSERT INTO exam
                           (speaker, begin, end, said, method, open, orphan, counts)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let Exam { begin, end, said, method, open, orphan, counts, .. } = exam;
                let method = method.code();
                transaction
                    .prepare_cached(sql)?
                    .execute(params![speaker, begin, end, said, method, open, orphan, counts])?;
                transaction.last_insert_rowid()
            }
        };
        own.insert(id);
        rows.push((at, id));
        let sql = "SELECT begin, end FROM exam WHERE id = ?1";
        let span = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        spans.push(transaction.prepare_cached(sql)?.query_row([id], span)?);
    }
    Ok(rows)
}

/// The row of an earlier process that is the same examination.
fn same(
    transaction: &Transaction<'_>,
    (speaker, since): (Speaker, Option<i64>),
    exam: &Exam,
    own: &BTreeSet<i64>,
) -> rusqlite::Result<Option<i64>> {
    let (begin, end) = match (exam.orphan, exam.method) {
        // An end alone: the step that it ends began before.
        (true, _) => (exam.begin.saturating_sub(LONGEST_STEP), exam.end),
        (_, Method::Images) => {
            (exam.begin.saturating_sub(GOES_ON), exam.end.saturating_add(GOES_ON))
        }
        _ => (exam.begin, exam.end),
    };
    let all = between(transaction, speaker, begin, end)?;
    // Who had the address before worked at something else.
    let anothers = |row: &Stored| since.is_some_and(|since| row.said < since);
    let others = || all.iter().filter(|row| !own.contains(&row.id) && !anothers(row));
    let mpps = Method::Mpps.code();
    let common = |row: &Stored| row.end.min(exam.end).saturating_sub(row.begin.max(exam.begin));
    let found = match exam.method {
        _ if exam.orphan => others()
            .filter(|row| row.method == mpps)
            .max_by_key(|row| (row.end == exam.end, row.open, row.begin)),
        Method::Mpps => others()
            .filter(|row| row.method == mpps)
            // A row without a begin is a step of which the end alone was seen.
            .find(|row| row.begin == exam.begin || (row.orphan && row.begin >= exam.begin)),
        _ => others()
            .filter(|row| row.method != mpps || common(row) >= 0)
            .max_by_key(|row| (row.begin == exam.begin, row.method == mpps, common(row))),
    };
    // An end that is none of the known steps' is one for itself.
    let ends = |row: &&Stored| !exam.orphan || row.open || row.end == exam.end;
    Ok(found.filter(ends).map(|row| row.id))
}

/// A row reaches as far as the examination; what a step says of itself is as it says.
fn widen(transaction: &Transaction<'_>, id: i64, exam: &Exam) -> rusqlite::Result<()> {
    let Exam { begin, end, open, orphan, .. } = exam;
    let mpps = exam.method == Method::Mpps;
    let sql = match (mpps, orphan) {
        // An end alone says nothing of the begin, but that its images lie behind it.
        (true, true) => {
            "UPDATE exam SET
               begin = CASE WHEN orphan THEN min(begin, ?2) ELSE begin END, end = ?3, open = 0
             WHERE id = ?1 AND ?2 <= end + ?5 AND ?4 = 0"
        }
        (true, false) => {
            "UPDATE exam SET
               begin = CASE WHEN orphan THEN ?2 ELSE min(begin, ?2) END,
               end = CASE WHEN NOT ?4 THEN ?3 WHEN open THEN max(end, ?3) ELSE end END,
               open = open AND ?4, orphan = 0
             WHERE id = ?1 AND ?5 > 0"
        }
        // The times of a step are not those of its images.
        (false, _) => {
            "UPDATE exam SET
               begin = CASE method WHEN 1 THEN begin ELSE min(begin, ?2) END,
               end = CASE WHEN method <> 1 OR open THEN max(end, ?3) ELSE end END
             WHERE id = ?1 AND ?4 = 0 AND ?5 > 0"
        }
    };
    transaction.prepare_cached(sql)?.execute(params![id, begin, end, open, LONGEST_STEP])?;
    Ok(())
}
