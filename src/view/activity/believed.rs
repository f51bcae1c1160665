//! Which days are taken for such on which somebody watched: frames may have any date.

use crate::store::{Error, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::{Day, date};

/// What days are taken for such on which somebody watched.
#[derive(Debug)]
pub struct Believed {
    /// Those up to the last that three devices have reached, or a sensor that listened, or on
    /// which two known devices were there for a while: one that sends frames of wrong times
    /// makes no days. All where none is reached. Nor are those believed of a minute or two, a
    /// week or more before all others. In order.
    pub days: Vec<Day>,
    /// How many are long before.
    pub before: usize,
    /// How many are beyond.
    pub beyond: usize,
    /// The time that they have reached.
    pub now: Timestamp,
}

impl Believed {
    /// That there are days before or beyond, in one sentence each.
    #[must_use]
    pub fn doubt(&self) -> Vec<String> {
        let first = self.days.first().filter(|_| self.before > 0);
        let before = first.map(|first| {
            format!(
                "{} watched days before {} are of two minutes at most, more than a week before \
                 all others, as frames of a wrong time are; auscult activity --from DATE shows \
                 them",
                self.before,
                date(*first)
            )
        });
        let last = self.days.last().filter(|_| self.beyond > 0);
        let beyond = last.map(|last| {
            format!(
                "{} watched days after {} are of fewer than three devices, and not of two known \
                 ones for some minutes each, as frames of a wrong time are; auscult activity \
                 --to DATE shows them",
                self.beyond,
                date(*last)
            )
        });
        before.into_iter().chain(beyond).collect()
    }
}

/// The days on which somebody watched, as far as they are to be believed.
///
/// # Errors
/// The inventory cannot be read.
pub fn believed(inventory: &Inventory) -> Result<Believed, Error> {
    let mut days = inventory.watched_days()?;
    let mut now = inventory.now()?;
    let today = inventory.calendar()?.zone.day(now.minute());
    let mut reached = days.partition_point(|day| *day <= today);
    let later = days.get(reached..).unwrap_or_default();
    if let Some((day, until)) = inventory.last_shared(later, now)? {
        reached = days.partition_point(|it| *it <= day);
        now = now.max(until);
    }
    let beyond = match reached {
        0 => 0,
        reached => days.split_off(reached).len(),
    };
    let whole = days.len();
    days = begun(inventory, days)?;
    Ok(Believed { before: whole.saturating_sub(days.len()), days, beyond, now })
}

/// Without those long before the first that is believed, where there are others.
fn begun(inventory: &Inventory, mut days: Vec<Day>) -> Result<Vec<Day>, Error> {
    let begun = inventory.begun()?.unwrap_or(Day::MIN);
    if days.last().is_some_and(|last| *last >= begun) {
        days.retain(|day| *day >= begun);
    }
    Ok(days)
}

/// The last so many days on which somebody watched, up to one or to the last that is
/// [`believed`]; from the first of them to the last.
///
/// # Errors
/// The inventory cannot be read.
pub fn lately(
    inventory: &Inventory,
    to: Option<Day>,
    days: usize,
) -> Result<Option<(Day, Day)>, Error> {
    let mut watched = match to {
        Some(_) => inventory.watched_days()?,
        None => believed(inventory)?.days,
    };
    watched.retain(|day| to.is_none_or(|to| *day <= to));
    let watched = begun(inventory, watched)?;
    let first = watched.first().copied();
    let from = watched.get(watched.len().saturating_sub(days)).copied().or(first);
    Ok(from.zip(to.or(watched.last().copied())))
}
