//! Which examinations a day of an asset has, and which of them count on it.

use rusqlite::Connection;

use super::basis::Basis;
use super::made::Written;
use super::pieces::{REACH, joined};
use super::{exam, seen, utc_days};
use crate::census::activity::method::SEGMENT_GAP;
use crate::time::minutes::Minutes;

/// The examinations that touch a stretch.
pub(super) fn exams<W: Written>(
    connection: &Connection,
    basis: &Basis,
    (from, to): (i64, i64),
    written: &mut W,
) -> Result<Vec<exam::Stored>, W::Error> {
    let mut all = Vec::new();
    let (begin, end) = (from.saturating_mul(60), to.saturating_mul(60).saturating_sub(1));
    // A piece of one may lie on the day before or after.
    let (early, late) = (begin.saturating_sub(REACH), end.saturating_add(REACH));
    for turn in &basis.turns {
        let exams = written.exams(turn.speaker, (early, late))?;
        all.extend(exams.into_iter().filter(|it| turn.has(it.said)));
    }
    let mut failed = None;
    let is_watched = |from: i64, to: i64| match is_watched(connection, from, to) {
        Ok(is_watched) => is_watched,
        Err(error) => {
            failed = Some(error);
            false
        }
    };
    let mut all = joined(all, is_watched);
    if let Some(error) = failed {
        return Err(error.into());
    }
    all.retain(|it| it.begin <= end && it.end >= begin);
    Ok(all)
}

/// Whether somebody watched in all minutes from one second to another, but for pauses in which
/// a segment does not go from the mirror either.
fn is_watched(connection: &Connection, from: i64, to: i64) -> rusqlite::Result<bool> {
    let (first, last) = (from.div_euclid(60), to.div_euclid(60).saturating_add(1));
    let mut all = Minutes::default();
    for day in utc_days(first, last) {
        if let Some(Ok(minutes)) = seen(connection, day, &[])? {
            all.unite(&minutes);
        }
    }
    Ok(all.bridged(SEGMENT_GAP).within(first, last) == Minutes::run(first, last))
}

/// Whether an examination counts on a day, and whether it began on it: it counts where
/// somebody watched for the first time while it went on, else where it began.
pub(super) fn counts(
    connection: &Connection,
    it: &exam::Stored,
    (from, to): (i64, i64),
) -> rusqlite::Result<(bool, bool)> {
    let (begin, end) = (it.begin.div_euclid(60), it.end.div_euclid(60));
    let mut at = begin;
    if it.counts() && (begin < from || end >= to) {
        for day in utc_days(begin, end.saturating_add(1)) {
            let watched = seen(connection, day, &[])?;
            let watched = watched.and_then(Result::ok).unwrap_or_default();
            if let Some(first) = watched.within(begin, end.saturating_add(1)).first() {
                at = first;
                break;
            }
        }
    }
    Ok((it.counts() && (from..to).contains(&at), begin >= from))
}
