//! Minute by minute: what the hours of one device are made of, so that each can be shown.

use super::ask::{Examination, Period};
use super::turn::Turn;
use super::{Damaged, ONLINE, minutes_of, through, utc_days};
use crate::census::activity::{Method, UtcDay};
use crate::store::{Error, Fault, Inventory};
use crate::time::calendar::date;
use crate::time::minutes::Minutes;

/// What was seen of one device in some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Minutes in which it could have been seen.
    pub observed: Minutes,
    /// Minutes in which it sent something.
    pub online: Minutes,
    /// Minutes in which work left a trace that is told in minutes, by how that is told.
    pub traces: Vec<(&'static str, Minutes)>,
    /// Examinations that began, in order.
    pub examinations: Vec<Examination>,
    /// Minutes in use, which all of these make.
    pub in_use: Minutes,
}

impl Inventory {
    /// What the hours of a device within some days are made of, as far as minutes are kept;
    /// none where a row that says so is damaged, which is noted.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn told(&self, id: &str, period: Period) -> Result<Option<Told>, Error> {
        let Some(days) = self.days(id, period)? else { return Ok(None) };
        let Some(observed) = self.observed(id, period)? else { return Ok(None) };
        let mut all = Told { observed, ..Told::default() };
        for day in days {
            all.in_use.unite(&day.in_use);
            all.examinations.extend(day.examinations);
        }
        let Some((from, to)) = self.bounds(period)? else { return Ok(Some(all)) };
        for basis in self.users(Some(id))?.into_iter().filter_map(|user| user.basis) {
            let of = (id, &*basis.turns);
            let Some(online) = self.minutes(of, (from, to), ONLINE)? else { return Ok(None) };
            all.online.unite(&online);
            for method in [Method::Results, Method::Vitals, Method::Sessions] {
                if basis.ways & method.code() == 0 {
                    continue;
                }
                let traces = self.minutes(of, (from, to), method.code())?;
                let Some(traces) = traces else { return Ok(None) };
                all.traces.push((method.name(), traces));
                if through::counts(method) && !basis.told.is_empty() {
                    let of = (id, &*basis.told);
                    let Some(traces) = self.through(of, (from, to))? else { return Ok(None) };
                    all.traces.push((through::name(method), traces));
                }
            }
        }
        // A minute on line is an observed one.
        all.observed.unite(&all.online);
        Ok(Some(all))
    }

    /// Minutes of work of which others tell, from one to before another.
    fn through(&self, of: (&str, &[Turn]), stretch: (i64, i64)) -> Result<Option<Minutes>, Error> {
        let mut all = Minutes::default();
        for method in through::TOLD {
            let traces = self.minutes(of, stretch, method.code())?;
            let Some(traces) = traces else { return Ok(None) };
            all.unite(&traces);
        }
        Ok(Some(all))
    }

    /// Minutes of one kind, from one to before another.
    fn minutes(
        &self,
        of: (&str, &[Turn]),
        (from, to): (i64, i64),
        what: u8,
    ) -> Result<Option<Minutes>, Error> {
        let read = |error| Error::new(&self.path, Fault::Read(error));
        of_stretch(self, of, (from, to), what).map_err(read)
    }
}

/// Minutes of one kind of a device, from one to before another; none where a row is damaged,
/// which is noted.
pub(super) fn of_stretch(
    inventory: &Inventory,
    of: (&str, &[Turn]),
    (from, to): (i64, i64),
    what: u8,
) -> rusqlite::Result<Option<Minutes>> {
    let mut all = Minutes::default();
    for day in utc_days(from, to) {
        let Some(minutes) = of_day(inventory, of, day, what)? else { return Ok(None) };
        all.unite(&minutes);
    }
    Ok(Some(all.within(from, to)))
}

/// Minutes of a UTC day in which a device did something; none where a row is damaged, which
/// is noted.
pub(super) fn of_day(
    inventory: &Inventory,
    (id, turns): (&str, &[Turn]),
    day: UtcDay,
    what: u8,
) -> rusqlite::Result<Option<Minutes>> {
    let mut all = Minutes::default();
    for turn in turns {
        let minutes = minutes_of(&inventory.connection, day, turn.speaker, what);
        match (minutes?, turn.minutes()) {
            (None, _) => {}
            (Some(Err(Damaged)), _) => {
                let (id, day) = (id.escape_debug(), date(day));
                let did = if what == ONLINE { "was on line" } else { "worked" };
                inventory.damage.note(format!(
                    "in which minutes of {day} {id} {did} (speaker_day) is not as it was written"
                ));
                return Ok(None);
            }
            (Some(Ok(minutes)), None) => all.unite(&minutes),
            (Some(Ok(minutes)), Some((from, to))) => all.unite(&minutes.within(from, to)),
        }
    }
    Ok(Some(all))
}
