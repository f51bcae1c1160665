//! Rows of many keys, read in the order in which they are stored: neighbours in one go, and what
//! lies far apart by itself.

use rusqlite::{Connection, Row, params_from_iter};

/// Rows of others that are passed over before it is cheaper to look the next key up; fewer where
/// that was in vain, down to none, and again as many where keys are neighbours.
const FEW: usize = 8;

/// Gives the rows of some sorted keys. The query is of all rows from a key on, by their keys, which
/// are its first column; its last parameter is that key, and the first another number, where it
/// has two.
pub(super) fn leap(
    connection: &Connection,
    (sql, other): (&str, Option<i64>),
    keys: &[i64],
    mut give: impl FnMut(i64, &Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let (mut left, mut few) = (keys, FEW);
    while let Some(next) = left.first() {
        let mut rows = statement.query(params_from_iter(other.iter().chain([next])))?;
        let (mut passed, mut last) = (0, *next);
        while passed <= few {
            let Some(row) = rows.next()? else { return Ok(()) };
            let key: i64 = row.get(0)?;
            while let [before, rest @ ..] = left
                && *before < key
            {
                left = rest;
            }
            match left.first() {
                Some(wanted) if *wanted == key => {
                    give(key, row)?;
                    if key != last {
                        few = FEW;
                    }
                    (passed, last) = (0, key);
                }
                Some(_) => passed += 1,
                None => return Ok(()),
            }
        }
        few /= 2;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_of_the_keys_and_no_others_are_given_in_order() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "CREATE TABLE t (day, key, what, PRIMARY KEY (day, key, what)) WITHOUT ROWID";
        connection.execute_batch(sql).unwrap();
        let all = (-300..300).filter(|key| key % 3 == 0);
        for (day, key, what) in all.flat_map(|key| [(1, key, 0), (1, key, 4), (2, key, 7)]) {
            connection.execute("INSERT INTO t VALUES (?1, ?2, ?3)", [day, key, what]).unwrap();
        }
        let sql = "SELECT key, what FROM t WHERE day = ?1 AND key >= ?2 ORDER BY key";
        let of = |keys: &[i64]| {
            let mut found = Vec::new();
            let give = |key, row: &Row<'_>| {
                found.push((key, row.get::<_, i64>(1)?));
                Ok(())
            };
            leap(&connection, (sql, Some(1)), keys, give).unwrap();
            found
        };
        let both = |keys: &[i64]| -> Vec<_> {
            keys.iter().filter(|it| *it % 3 == 0).flat_map(|it| [(*it, 0), (*it, 4)]).collect()
        };
        for step in [1, 2, 3, 7, 30, 99] {
            let keys: Vec<i64> = (-299..299).step_by(step).collect();
            assert_eq!(of(&keys), both(&keys), "each {step}");
        }
        assert_eq!(of(&[-999, -300, 297, 298, 999]), both(&[-300, 297]));
        assert!(of(&[]).is_empty() && of(&[i64::MAX]).is_empty());
    }
}
