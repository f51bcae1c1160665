//! Work of views on as many processors as there are: on parts of a list, and on rows of the
//! inventory, by several readers of one state.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Error, Fault, Inventory, Snapshot};

/// Rows that one thread takes at once.
const PART: usize = 128;
/// A view is not worth more threads.
const THREADS: usize = 4;

/// How many work on so many parts.
fn threads(parts: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.min(THREADS).min(parts)
}

/// Makes something of each part of a list, on as many processors as there are; in order.
pub fn side_by_side<'r, R: Sync, T: Send>(
    rows: &'r [R],
    make: impl Fn(&'r [R]) -> T + Sync,
) -> Vec<T> {
    let parts: Vec<&[R]> = rows.chunks(PART).collect();
    let make = |at: usize| make(parts.get(at).copied().unwrap_or_default());
    let others = vec![(); threads(parts.len()).saturating_sub(1)];
    share_out(parts.len(), make, others, |(), at| make(at))
}

/// Makes so many things, in order: here, and by some others on threads of their own.
fn share_out<W: Send, T: Send>(
    count: usize,
    own: impl Fn(usize) -> T,
    others: impl IntoIterator<Item = W>,
    make: impl Fn(&W, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = |make: &dyn Fn(usize) -> T| {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return made;
            }
            made.push((at, make(at)));
        }
    };
    let (work, make) = (&work, &make);
    let mut made: Vec<(usize, T)> = thread::scope(|scope| {
        let others = others.into_iter();
        let others: Vec<_> =
            others.map(|it| scope.spawn(move || work(&|at| make(&it, at)))).collect();
        let mut made = work(&own);
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, it)| it).collect()
}

/// An inventory, and the same opened again for other processors.
pub(super) struct Readers<'i> {
    own: &'i Inventory,
    others: Vec<Inventory>,
}

/// The same while one state is held, whatever the writer does meanwhile.
pub(super) struct Held<'i> {
    own: &'i Inventory,
    snapshot: Snapshot<'i>,
    /// Of the same state; none where nobody knows whether they are.
    others: Vec<Inventory>,
}

impl<'i> Readers<'i> {
    /// For a question of so many parts. Where no other can be opened, one reads alone.
    pub(super) fn open(own: &'i Inventory, parts: usize) -> Self {
        Self { own, others: (1..threads(parts)).map_while(|_| again(own)).collect() }
    }

    /// Holds one state for all of them. While somebody writes at this moment, and within a
    /// snapshot, whose state others do not find any more, one reads alone.
    pub(super) fn hold(self) -> Result<Held<'i>, Error> {
        let before = self.others.iter().map(version).collect();
        self.hold_since(before)
    }

    /// The same, of which version the others were just before.
    fn hold_since(self, before: Vec<rusqlite::Result<i64>>) -> Result<Held<'i>, Error> {
        let Self { own, mut others } = self;
        let is_first = own.connection.is_autocommit();
        let snapshot = own.snapshot()?;
        // The first that is asked finds the state that is held from then on.
        version(own).map_err(|error| Error::new(&own.path, Fault::Read(error)))?;
        let mut before = before.into_iter();
        others.retain(|it| {
            let before = before.next().and_then(Result::ok);
            let begun = it.connection.execute_batch("BEGIN");
            // What it found before this began and finds now was there in between.
            is_first && begun.is_ok() && before.is_some() && before == version(it).ok()
        });
        Ok(Held { own, snapshot, others })
    }
}

/// The same file once more. By now its name may be another's: that is another inventory.
fn again(own: &Inventory) -> Option<Inventory> {
    let file = own.file?;
    let other = Inventory::open(&own.path).ok().filter(|it| it.file == Some(file))?;
    Some(Inventory { damage: own.damage.clone(), ..other })
}

/// Another one whenever somebody else has written since this reader asked last.
fn version(it: &Inventory) -> rusqlite::Result<i64> {
    it.connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

impl<'i> Held<'i> {
    /// Makes so many things, each by one reader, in order.
    pub(super) fn each<T: Send>(
        &mut self,
        count: usize,
        make: impl Fn(&Inventory, usize) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let others = self.others.iter_mut();
        let all = share_out(count, |at| make(self.own, at), others, |it, at| make(it, at));
        all.into_iter().collect()
    }

    /// The writer need not wait for them any more.
    pub(super) fn let_go(self) -> Readers<'i> {
        let Self { own, snapshot, mut others } = self;
        drop(snapshot);
        others.retain(|it| it.connection.execute_batch("COMMIT").is_ok());
        Readers { own, others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Writer;

    #[test]
    fn parts_come_in_order_whoever_made_them() {
        let rows: Vec<usize> = (0..10 * PART + 7).collect();
        let made = side_by_side(&rows, |part| {
            // The first is the slowest.
            if part.first() == Some(&0) {
                thread::sleep(std::time::Duration::from_millis(20));
            }
            part.to_vec()
        });
        assert_eq!((made.len(), made.concat()), (11, rows));
        assert!(side_by_side(&[] as &[u8], <[u8]>::len).is_empty());
    }

    #[test]
    fn readers_find_one_state_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let writer = Writer::open(&path).unwrap();
        // As after its first load.
        writer.connection().pragma_update(None, "journal_mode", "WAL").unwrap();
        let mut n = 0;
        let mut write = || {
            n += 1;
            let sql = "INSERT INTO capture (id, name) VALUES (?1, 'x')";
            writer.connection().execute(sql, [n]).unwrap();
        };
        write();
        let own = Inventory::open(&path).unwrap();
        let count = |it: &Inventory, _: usize| -> Result<i64, Error> {
            let sql = "SELECT count(*) FROM capture";
            Ok(it.connection.query_row(sql, [], |row| row.get(0)).unwrap())
        };
        // Whatever processors there are, two read.
        let other = || Inventory::open(&path).unwrap();
        let mut held = Readers { own: &own, others: vec![other()] }.hold().unwrap();
        write();
        assert_eq!(held.others.len(), 1);
        assert_eq!(held.each(20, count).unwrap(), [1; 20]);
        assert_eq!(count(&held.others[0], 0).unwrap(), 1);
        let mut held = held.let_go().hold().unwrap();
        write();
        assert_eq!(held.each(20, count).unwrap(), [2; 20]);
        drop(held);
        // Within a snapshot there are no others: they would find what came after it.
        let snapshot = own.snapshot().unwrap();
        assert_eq!(count(&own, 0).unwrap(), 3);
        write();
        let mut held = Readers { own: &own, others: vec![other()] }.hold().unwrap();
        assert!(held.others.is_empty());
        assert_eq!(held.each(20, count).unwrap(), [3; 20]);
        drop((held, snapshot));
        assert_eq!(count(&own, 0).unwrap(), 4);
        // Somebody writes between the first and the others: whose states they are is unknown.
        let readers = Readers { own: &own, others: vec![other()] };
        let before = readers.others.iter().map(version).collect();
        write();
        let mut held = readers.hold_since(before).unwrap();
        assert!(held.others.is_empty());
        assert_eq!(held.each(20, count).unwrap(), [5; 20]);
    }

    #[test]
    fn a_file_that_took_the_place_is_not_read_beside_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, captures: i64| {
            let path = dir.path().join(name);
            let writer = Writer::open(&path).unwrap();
            let sql = "INSERT INTO capture (id, name) VALUES (?1, 'x')";
            (0..captures).for_each(|n| _ = writer.connection().execute(sql, [n]).unwrap());
            path
        };
        let read = |own: &Inventory| {
            let count = |it: &Inventory, _: usize| it.captures().map(|all| all.len());
            let mut held = Readers::open(own, 100).hold().unwrap();
            (held.others.len(), held.each(100, count).unwrap())
        };
        let path = write("a.db", 1);
        let own = Inventory::open(&path).unwrap();
        assert!(again(&own).is_some());
        assert_eq!(read(&own), (threads(100) - 1, vec![1; 100]));
        std::fs::rename(write("b.db", 2), &path).unwrap();
        assert!(again(&own).is_none());
        assert_eq!(read(&own), (0, vec![1; 100]));
        // Who opens it now has the other, by several again.
        let own = Inventory::open(&path).unwrap();
        assert_eq!(read(&own), (threads(100) - 1, vec![2; 100]));
        // Another takes its place while it is opened.
        let other = write("c.db", 3);
        let late = |it: &std::path::Path| {
            std::fs::rename(&other, it).unwrap();
            super::super::open_reader(it)
        };
        let own = Inventory::open_by(&path, late).unwrap();
        assert_eq!((own.file, read(&own)), (None, (0, vec![3; 100])));
        let own = Inventory::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&own), (0, vec![3; 100]));
    }
}
