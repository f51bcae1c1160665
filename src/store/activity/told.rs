//! Minute by minute: what the hours of one device are made of, so that each can be shown.

use super::ONLINE;
use super::ask::Period;
use super::days::Examination;
use super::made::Written as _;
use super::read::Read;
use super::through;
use super::turn::Turn;
use crate::census::activity::Method;
use crate::store::{Error, Fault, Inventory};
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
        let _one = self.snapshot()?;
        let Some(days) = self.days(id, period)? else { return Ok(None) };
        let Some(observed) = self.observed(id, period)? else { return Ok(None) };
        let mut all = Told { observed, ..Told::default() };
        for day in days {
            all.in_use.unite(&day.in_use);
            all.examinations.extend(day.examinations);
        }
        let Some((from, to)) = self.bounds(period)? else { return Ok(Some(all)) };
        let read = |error| Error::new(&self.path, Fault::Read(error));
        for basis in self.users(Some(&[id]))?.into_iter().filter_map(|user| user.basis) {
            let mut rows = Read::of(self, id, (from, to));
            let mut minutes =
                |turns: &[Turn], what: u8| rows.minutes(turns, what, (from, to)).map_err(read);
            let Some(online) = minutes(&basis.turns, ONLINE)? else { return Ok(None) };
            all.online.unite(&online);
            for method in [Method::Results, Method::Vitals, Method::Sessions] {
                if basis.ways & method.code() == 0 {
                    continue;
                }
                let Some(traces) = minutes(&basis.turns, method.code())? else { return Ok(None) };
                all.traces.push((method.name(), traces));
                if through::counts(method) && !basis.told.is_empty() {
                    let mut traces = Minutes::default();
                    for method in through::TOLD {
                        let told = minutes(&basis.told, method.code())?;
                        let Some(told) = told else { return Ok(None) };
                        traces.unite(&told);
                    }
                    all.traces.push((through::name(method), traces));
                }
            }
        }
        // A minute on line is an observed one.
        all.observed.unite(&all.online);
        Ok(Some(all))
    }
}
