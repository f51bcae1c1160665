//! From when on days are believed: a frame of an old date, far before all else that was watched,
//! makes nobody known since then.

use rusqlite::Connection;

use super::kept::next_watched;
use super::turn::Turn;
use super::{Diary, ONLINE, utc_days};
use crate::census::activity::UtcDay;
use crate::store::{Error, Fault, Inventory};
use crate::time::calendar::Day;
use crate::time::minutes::{DAY, Minutes};

/// Minutes of a day in which frames of a wrong time come: a packet has one.
const FEW: u64 = 2;
/// Days between them and what is believed: who records now and then does so more often.
const FAR: UtcDay = 7;

/// The first minute of the first UTC day that is believed; none where nobody watched.
pub(super) fn begun(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let Some((mut last, mut minutes)) = next_watched(connection, UtcDay::MIN)? else {
        return Ok(None);
    };
    let mut first = last;
    while minutes.count() <= FEW
        && let Some((day, of_day)) = next_watched(connection, last)?
    {
        if day.saturating_sub(last) > FAR {
            first = day;
        }
        (last, minutes) = (day, of_day);
    }
    Ok(Some(i64::from(first).saturating_mul(DAY)))
}

impl Diary {
    /// Since which minute a device is known that was first seen in one: the first that is
    /// believed, from `begun` on, in which it was on line, where it was seen before that and since.
    pub(super) fn since(
        &self,
        connection: &Connection,
        (since, last): (i64, i64),
        begun: Option<i64>,
        turns: &[Turn],
    ) -> rusqlite::Result<i64> {
        let begun = begun.filter(|begun| since < *begun && *begun <= last);
        let Some(begun) = begun else { return Ok(since) };
        let days = utc_days(begun, last.saturating_add(1));
        for (day, _) in self.days.range(days) {
            let mut all = Minutes::default();
            for turn in turns {
                let minutes = self.minutes_of(connection, *day, turn.speaker, ONLINE)?;
                if let Some(Ok(minutes)) = minutes {
                    let (from, to) = turn.minutes().unwrap_or((i64::MIN, i64::MAX));
                    all.unite(&minutes.within(from.max(begun), to));
                }
            }
            if let Some(first) = all.first() {
                return Ok(first);
            }
        }
        Ok(if turns.is_empty() { begun } else { since })
    }
}

impl Inventory {
    /// The first local day on which somebody watched that is believed; none where nobody
    /// watched.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn begun(&self) -> Result<Option<Day>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        let begun = begun(&self.connection).map_err(read)?;
        let zone = self.calendar()?.zone;
        let first = |minute: i64| {
            let mut days = self.watched_days()?.into_iter();
            let day = zone.day(minute);
            Ok::<_, Error>(days.find(|it| *it >= day))
        };
        Ok(begun.map(first).transpose()?.flatten())
    }
}
