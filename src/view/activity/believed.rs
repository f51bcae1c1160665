//! Which days are taken for such on which somebody watched: frames may have any date.

use crate::store::{Error, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::{Day, date};

/// What days are taken for such on which somebody watched.
#[derive(Debug)]
pub struct Believed {
    /// Those up to the last that three devices have reached, or a sensor that listened, or on
    /// which two known devices were there for a while: one that sends frames of wrong times
    /// makes no days. All where none is reached. In order.
    pub days: Vec<Day>,
    /// How many are beyond.
    pub beyond: usize,
    /// The time that they have reached.
    pub now: Timestamp,
}

impl Believed {
    /// That there are days beyond, in one sentence.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let last = self.days.last().filter(|_| self.beyond > 0)?;
        Some(format!(
            "{} watched days after {} are of fewer than three devices, and not of two known ones \
             for some minutes each, as frames of a wrong time are; auscult activity --to DATE \
             shows them",
            self.beyond,
            date(*last)
        ))
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
    Ok(Believed { days, beyond, now })
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
    let first = watched.first().copied();
    watched.retain(|day| to.is_none_or(|to| *day <= to));
    let from = watched.get(watched.len().saturating_sub(days)).copied().or(first);
    Ok(from.zip(to.or(watched.last().copied())))
}
