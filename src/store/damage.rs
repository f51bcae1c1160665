//! Rows that are not as they were written. Views pass over them, tell nothing that would have
//! needed them, and name them: half a row is never read as a whole one, and one bad row
//! hides no other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Error::{
    FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
};
use rusqlite::types::Type;
use rusqlite::{Params, Row};

use super::{Error, Inventory};

/// Rows that are remembered by name: whoever has more needs another inventory, not a list.
const MOST: usize = 10_000;

/// What views have passed over so far, each once; a copy shares it.
#[derive(Clone, Default)]
pub(super) struct Damage(Arc<Mutex<BTreeSet<String>>>);

impl Damage {
    /// Something was passed over: what it says, of whom or when, its table, and what is wrong.
    pub(super) fn note(&self, what: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.insert(what);
        }
    }

    /// What was passed over, in order.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What a row says; nothing where it is damaged, which is noted under a name.
    ///
    /// # Errors
    /// Anything but a damaged row.
    pub(super) fn take<T>(
        &self,
        read: rusqlite::Result<T>,
        name: impl FnOnce() -> String,
    ) -> rusqlite::Result<Option<T>> {
        match read {
            Ok(it) => Ok(Some(it)),
            Err(error) => match wrong(&error) {
                Some(why) => {
                    self.note(format!("{} is not as it was written: {why}", name()));
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }
}

/// What is wrong with a row, where it is the row.
fn wrong(error: &rusqlite::Error) -> Option<String> {
    match error {
        FromSqlConversionFailure(_, _, why) => Some(why.to_string()),
        IntegralValueOutOfRange(_, number) => Some(format!("{number} is out of range")),
        InvalidColumnType(_, column, kind) => Some(format!("its {column} is of the type {kind}")),
        Utf8Error(_, why) => Some(why.to_string()),
        _ => None,
    }
}

/// What a row says is not as it was written.
pub(super) fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    FromSqlConversionFailure(0, Type::Blob, why.into())
}

impl Inventory {
    /// The rows that were passed over by all that this inventory was asked so far, because they
    /// are damaged or a newer auscult wrote them: each what it says, of whom or when, its
    /// table, and what is wrong; in order. What was told is without them.
    #[must_use]
    pub fn passed_over(&self) -> Vec<String> {
        self.damage.all()
    }

    /// What is made of each row; those that are damaged are passed over, under a name.
    pub(super) fn whole_rows<T>(
        &self,
        sql: &str,
        which: impl Params,
        name: impl Fn(&Row<'_>) -> String,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let all = self.rows(sql, which, |row| self.damage.take(each(row), || name(row)))?;
        Ok(all.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_once_and_other_faults_are_none_of_rows() {
        let damage = Damage::default();
        for _ in 0..2 {
            let bad: rusqlite::Result<u8> = Err(damaged("cut"));
            assert_eq!(damage.clone().take(bad, || "row 7 of asset".to_owned()).unwrap(), None);
        }
        assert_eq!(damage.take(Ok(3), || unreachable!()).unwrap(), Some(3));
        let other = damage.take::<u8>(Err(rusqlite::Error::InvalidQuery), || unreachable!());
        assert!(other.is_err());
        assert_eq!(damage.all(), ["row 7 of asset is not as it was written: cut"]);
        (0..2 * MOST).for_each(|n| damage.note(n.to_string()));
        assert_eq!(damage.all().len(), MOST);
    }
}
