//! What the inventory remembers, said to a census at the start. A row that is damaged is passed
//! over and named: one bad row keeps no sensor from starting, and whoever it was of is known
//! anew from its next word on.

use rusqlite::Connection;

use super::damage::Damage;
use super::inventory::of_capture;
use super::record::{self, Unreadable};
use super::slice::Enough;
use super::writer::Failure;
use crate::census::{Census, Host};
use crate::net::HostId;

/// Rows that may be missing between two: more are no damage of rows.
const MOST_MISSING: i64 = 4096;
/// Rows of a newer form that are taken for damaged ones: whoever writes such writes more.
const MOST_NEWER: usize = 1;

/// The names of what was read.
pub(super) fn captures(
    connection: &Connection,
    census: &mut Census,
    damage: &Damage,
) -> Result<(), Failure> {
    let mut rows = connection.prepare("SELECT name, id FROM capture ORDER BY id")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let name: Option<String> = damage.take(row.get(0), || of_capture(row.get(1)))?;
        // They are known by their places: two without a name are not one.
        let name = name.unwrap_or_else(|| format!("capture {}", census.captures().len()));
        census.capture(&name);
    }
    Ok(())
}

/// What speakers have said, each in its place.
pub(super) fn hosts(
    connection: &Connection,
    census: &mut Census,
    enough: &Enough,
    damage: &Damage,
) -> Result<(), Failure> {
    let mut newer = 0_usize;
    let mut rows = connection.prepare("SELECT place, said FROM host ORDER BY place")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        enough.yet()?;
        let place: i64 = row.get(0)?;
        let next = i64::try_from(census.len()).unwrap_or(i64::MAX);
        if !(0..=MOST_MISSING).contains(&place.saturating_sub(next)) {
            return Err(Unreadable::Place(place).into());
        }
        for missing in next..place {
            damage.note(format!("what speaker {missing} has said (host) is not there"));
            census.restore_nobody();
        }
        // What is no blob is damaged, as nothing is.
        let blob = row.get_ref(1)?.as_blob().unwrap_or_default();
        match speaker(blob) {
            Ok((id, host)) => {
                census.restore(id, host);
            }
            Err(why) => {
                newer += usize::from(matches!(why, Unreadable::Newer(_)));
                if newer > MOST_NEWER {
                    return Err(why.into());
                }
                damage.note(format!("what speaker {place} has said (host) cannot be read: {why}"));
                census.restore_nobody();
            }
        }
    }
    Ok(())
}

/// One speaker, and on which days it was heard.
fn speaker(blob: &[u8]) -> Result<(HostId, Host), Unreadable> {
    let ((id, mut host), heard) = record::with_tail::<(HostId, Host), _>(blob)?;
    host.heard = heard;
    Ok((id, host))
}
