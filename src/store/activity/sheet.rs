//! Sums of days, 256 assets in a row: a year of 20,000 assets is 29,000 rows. Before them
//! stands how many there are, so that a row that was cut is not read as less.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::leap::leap;
use crate::time::calendar::{Day, date};

/// Assets in a sheet.
const IN_SHEET: i64 = 256;
/// Bytes that count the assets of a sheet, and a sum over the others.
const HEAD: usize = 4;
/// Bytes of a day's sums of one asset, and of its sums over all days.
const OF_DAY: usize = 17;
const OF_ALL: usize = 33;

/// More minutes than the longest local day has, and than anything is kept of.
const MOST_OF_DAY: u64 = 26 * 60;
const MOST_OF_ALL: u64 = 100 * 366 * MOST_OF_DAY;

/// What one asset did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// By which methods its use was told, as the sum of their codes.
    pub methods: u8,
    /// Minutes on line.
    pub online: u64,
    /// Of these, minutes in which its segments were not seen otherwise.
    pub beyond: u64,
    /// Minutes in use, of those that were observed.
    pub in_use: u64,
    /// Of these, minutes within the opening hours.
    pub open_in_use: u64,
    /// Examinations that began.
    pub examinations: u64,
    /// Seconds that they took.
    pub duration: u64,
}

impl Sums {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.methods |= other.methods;
        for (n, more) in self.numbers_mut().into_iter().zip(other.numbers()) {
            *n = n.saturating_add(more);
        }
    }

    /// Without what was counted before.
    pub(super) fn take_away(&mut self, other: &Self) {
        for (n, less) in self.numbers_mut().into_iter().zip(other.numbers()) {
            *n = n.saturating_sub(less);
        }
    }

    const fn numbers(&self) -> [u64; 6] {
        let Self { online, beyond, in_use, open_in_use, examinations, duration, .. } = *self;
        [online, beyond, in_use, open_in_use, examinations, duration]
    }

    const fn numbers_mut(&mut self) -> [&mut u64; 6] {
        let Self { online, beyond, in_use, open_in_use, examinations, duration, .. } = self;
        [online, beyond, in_use, open_in_use, examinations, duration]
    }

    /// Whether anything could have done so much in so many minutes.
    const fn can_be(&self, most: u64) -> bool {
        self.online <= most
            && self.beyond <= self.online
            && self.in_use <= most
            && self.open_in_use <= self.in_use
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Bytes of each of [`Sums::numbers`].
const WIDTHS_OF_DAY: [usize; 6] = [2, 2, 2, 2, 3, 4];
const WIDTHS_OF_ALL: [usize; 6] = [5, 5, 5, 5, 5, 6];

fn write(to: &mut Vec<u8>, slot: u8, sums: &Sums, widths: &[usize; 6]) {
    to.extend([slot, sums.methods]);
    for (n, width) in sums.numbers().into_iter().zip(widths) {
        let most = (1_u64 << (8 * width)) - 1;
        to.extend(n.min(most).to_le_bytes().iter().take(*width));
    }
}

/// The same of a day's sums, whose widths are [`WIDTHS_OF_DAY`]: a year has millions.
fn read_day(from: &[u8; OF_DAY]) -> (u8, Sums) {
    let [
        slot,
        methods,
        on,
        on_,
        be,
        be_,
        use_,
        use__,
        open,
        open_,
        ex,
        ex_,
        ex__,
        d,
        d_,
        d__,
        d___,
    ] = *from;
    let two = |low, high| u64::from(u16::from_le_bytes([low, high]));
    let sums = Sums {
        methods,
        online: two(on, on_),
        beyond: two(be, be_),
        in_use: two(use_, use__),
        open_in_use: two(open, open_),
        examinations: u64::from(u32::from_le_bytes([ex, ex_, ex__, 0])),
        duration: u64::from(u32::from_le_bytes([d, d_, d__, d___])),
    };
    (slot, sums)
}

fn read(from: &[u8], widths: &[usize; 6]) -> Option<(u8, Sums)> {
    let (slot, rest) = from.split_first()?;
    let (methods, mut rest) = rest.split_first()?;
    let mut sums = Sums { methods: *methods, ..Sums::default() };
    for (n, width) in sums.numbers_mut().into_iter().zip(widths) {
        let (bytes, left) = rest.split_at_checked(*width)?;
        rest = left;
        *n = bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
    }
    Some((*slot, sums))
}

/// The sums by place, sorted.
pub(super) type Sheet = Vec<(u8, Sums)>;

/// Sheets of days, or of all days.
#[derive(Clone, Copy)]
pub(super) struct Sheets {
    table: &'static str,
    size: usize,
    widths: &'static [usize; 6],
}

/// Those of days.
pub(super) const DAYS: Sheets = Sheets { table: "day_sheet", size: OF_DAY, widths: &WIDTHS_OF_DAY };
/// Those of all days together, as of day 0.
pub(super) const TOTALS: Sheets =
    Sheets { table: "total_sheet", size: OF_ALL, widths: &WIDTHS_OF_ALL };

/// The number of a sheet: days one after the other, in each the assets.
fn id(day: Day, block: i64) -> i64 {
    i64::from(day) << 24 | block.clamp(0, (1 << 24) - 1)
}

/// The sheet of an asset, and its place there.
pub(super) fn place(asset: i64) -> (i64, u8) {
    (asset.div_euclid(IN_SHEET), u8::try_from(asset.rem_euclid(IN_SHEET)).unwrap_or(0))
}

/// The asset of a place.
pub(super) fn number(block: i64, slot: u8) -> i64 {
    block.saturating_mul(IN_SHEET).saturating_add(i64::from(slot))
}

/// What stands before rows: how many they are, and the sum of their words: 4 ms for a year of
/// 20,000 devices.
fn headed(rows: &[u8], size: usize) -> [u8; HEAD] {
    let (words, rest) = rows.as_chunks();
    let sum = words.iter().fold(0_u64, |sum, it| sum.wrapping_add(u64::from_le_bytes(*it)));
    let sum = rest.iter().fold(sum, |sum, byte| sum.rotate_left(8).wrapping_add(u64::from(*byte)));
    // The upper bits depend on all of them.
    let [.., low, high] = sum.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let [few, more, ..] = (rows.len() / size.max(1)).to_le_bytes();
    [few, more, low, high]
}

impl Sheets {
    /// One sheet: the sums by place, sorted. None when it is not as it was written: then it
    /// stays so, and whoever reads it is told.
    pub(super) fn load(
        self,
        connection: &Connection,
        day: Day,
        block: i64,
    ) -> rusqlite::Result<Option<Sheet>> {
        let sql = format!("SELECT sheet FROM {} WHERE id = ?1", self.table);
        let mut one = connection.prepare_cached(&sql)?;
        let blob = one.query_row([id(day, block)], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let Some(blob) = blob else { return Ok(Some(Sheet::new())) };
        let rows =
            blob.split_first_chunk().filter(|(head, rows)| **head == headed(rows, self.size));
        let read = |rows: &[u8]| {
            rows.chunks_exact(self.size).filter_map(|it| read(it, self.widths)).collect()
        };
        Ok(rows.map(|(_, rows)| read(rows)))
    }

    /// Writes a sheet.
    pub(super) fn store(
        self,
        connection: &Connection,
        day: Day,
        block: i64,
        sheet: &[(u8, Sums)],
    ) -> rusqlite::Result<()> {
        let mut blob =
            Vec::with_capacity(sheet.len().saturating_mul(self.size).saturating_add(HEAD));
        blob.extend([0; HEAD]);
        for (slot, sums) in sheet.iter().filter(|(_, sums)| !sums.is_nothing()) {
            write(&mut blob, *slot, sums, self.widths);
        }
        if let Some((head, rows)) = blob.split_first_chunk_mut() {
            *head = headed(rows, self.size);
        }
        let sql = format!(
            "INSERT INTO {} VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET sheet = excluded.sheet WHERE sheet <> excluded.sheet",
            self.table
        );
        connection.prepare_cached(&sql)?.execute(params![id(day, block), blob])?;
        Ok(())
    }

    /// Adds up from a day to before another the sheets in which some assets are.
    pub(super) fn sum_among(
        self,
        connection: &Connection,
        (from, to): (Day, Day),
        blocks: &BTreeSet<i64>,
        into: &mut Table,
    ) -> rusqlite::Result<()> {
        let of_day = |day| blocks.iter().map(move |block| id(day, *block));
        let ids: Vec<i64> = (from..to).flat_map(of_day).collect();
        let sql = format!("SELECT id, sheet FROM {} WHERE id >= ?1 ORDER BY id", self.table);
        leap(connection, (&sql, None), &ids, |id, row| {
            // What is no blob is damaged, as nothing is.
            self.add(id, row.get_ref(1)?.as_blob().unwrap_or_default(), into);
            Ok(())
        })
    }

    /// Adds up from a day to before another.
    pub(super) fn sum(
        self,
        connection: &Connection,
        (from, to): (Day, Day),
        into: &mut Table,
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT id, sheet FROM {} WHERE id >= ?1 AND id < ?2", self.table);
        let mut rows = connection.prepare_cached(&sql)?;
        let mut rows = rows.query([id(from, 0), id(to, 0)])?;
        while let Some(row) = rows.next()? {
            // What is no blob is damaged, as nothing is.
            self.add(row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default(), into);
        }
        Ok(())
    }

    /// Adds a sheet by its number.
    fn add(self, id: i64, blob: &[u8], into: &mut Table) {
        let block = id & ((1 << 24) - 1);
        let is_whole = match blob.split_first_chunk() {
            None => false,
            Some((head, rows)) => {
                let is_sound = match self.size {
                    OF_DAY => {
                        let (all, _) = rows.as_chunks();
                        into.add(block, all.iter().map(read_day), MOST_OF_DAY)
                    }
                    size => {
                        let all = rows.chunks_exact(size);
                        let all = all.filter_map(|it| read(it, self.widths));
                        into.add(block, all, MOST_OF_ALL)
                    }
                };
                is_sound && *head == headed(rows, self.size) && rows.len() % self.size == 0
            }
        };
        if !is_whole {
            into.damaged.entry(block).or_default().push((self.table, id));
        }
    }

    /// The same of the sheets in which one asset is.
    pub(super) fn sum_of(
        self,
        connection: &Connection,
        (from, to): (Day, Day),
        asset: i64,
    ) -> rusqlite::Result<Table> {
        let (block, _) = place(asset);
        let mut table = Table::default();
        let sql = format!("SELECT sheet FROM {} WHERE id = ?1", self.table);
        let mut one = connection.prepare_cached(&sql)?;
        let sql = format!("SELECT min(id) FROM {} WHERE id >= ?1 AND id < ?2", self.table);
        let mut next = connection.prepare_cached(&sql)?;
        // From one day of which there is a sheet to the next: years without any cost nothing.
        let mut at = id(from, block);
        while let Some(found) =
            next.query_row([at, id(to, 0)], |row| row.get::<_, Option<i64>>(0))?
        {
            let day = Day::try_from(found >> 24).unwrap_or(to);
            if found == id(day, block) {
                one.query_row([found], |row| {
                    self.add(found, row.get_ref(0)?.as_blob().unwrap_or_default(), &mut table);
                    Ok(())
                })?;
            }
            let passed = found >= id(day, block);
            at = id(if passed { day.saturating_add(1) } else { day }, block);
        }
        Ok(table)
    }
}

/// Drops the sheets of days before one: what they say is no part of the totals any more.
pub(super) fn drop_before(connection: &Connection, day: Day) -> rusqlite::Result<()> {
    let mut gone = Table::default();
    DAYS.sum(connection, (Day::MIN, day), &mut gone)?;
    for (block, of) in &gone.sums {
        let Some(mut sheet) = TOTALS.load(connection, 0, *block)? else { continue };
        for (slot, sums) in &mut sheet {
            of.get(usize::from(*slot)).into_iter().for_each(|less| sums.take_away(less));
        }
        TOTALS.store(connection, 0, *block, &sheet)?;
    }
    connection.prepare_cached("DELETE FROM day_sheet WHERE id < ?1")?.execute([id(day, 0)])?;
    Ok(())
}

/// Sheets of days as they were, each read once.
#[derive(Default)]
pub(super) struct Before(HashMap<(Day, i64), Option<Sheet>, RandomState>);

impl Before {
    /// What a day of an asset was.
    pub(super) fn of(
        &mut self,
        connection: &Connection,
        day: Day,
        asset: i64,
    ) -> rusqlite::Result<Sums> {
        let (block, slot) = place(asset);
        let sheet = match self.0.entry((day, block)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(DAYS.load(connection, day, block)?),
        };
        let Some(sheet) = sheet else { return Ok(Sums::default()) };
        let at = sheet.binary_search_by_key(&slot, |(slot, _)| *slot).ok();
        Ok(at.and_then(|at| sheet.get(at)).map(|(_, sums)| *sums).unwrap_or_default())
    }

    /// A sheet, which is not asked for again.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        day: Day,
        block: i64,
    ) -> rusqlite::Result<Option<Sheet>> {
        self.0.remove(&(day, block)).map_or_else(|| DAYS.load(connection, day, block), Ok)
    }
}

/// Sums by asset.
#[derive(Default)]
pub(super) struct Table {
    sums: HashMap<i64, Vec<Sums>, RandomState>,
    /// The rows that were not as they were written, with their tables, by which of a day.
    damaged: BTreeMap<i64, Vec<(&'static str, i64)>>,
}

impl Table {
    /// Adds a sheet, in which nothing can be more than so many minutes; false when something
    /// is.
    fn add(&mut self, block: i64, sheet: impl Iterator<Item = (u8, Sums)>, most: u64) -> bool {
        let of = self.sums.entry(block).or_default();
        of.resize(usize::from(u8::MAX) + 1, Sums::default());
        let (mut last, mut is_sound) = (None, true);
        for (slot, sums) in sheet {
            is_sound &= last < Some(slot) && sums.can_be(most);
            last = Some(slot);
            of.get_mut(usize::from(slot)).into_iter().for_each(|it| it.add(&sums));
        }
        is_sound
    }

    /// Adds those of other rows.
    pub(super) fn unite(&mut self, other: Self) {
        for (block, sums) in other.sums {
            let of = self.sums.entry(block).or_default();
            of.resize(sums.len().max(of.len()), Sums::default());
            of.iter_mut().zip(&sums).for_each(|(of, more)| of.add(more));
        }
        for (block, rows) in other.damaged {
            self.damaged.entry(block).or_default().extend(rows);
        }
    }

    /// The rows that were not as they were written, by name.
    pub(super) fn damaged(&self) -> impl Iterator<Item = String> {
        self.damaged.values().flatten().map(|(table, id)| {
            let day = match *table {
                "day_sheet" => date(Day::try_from(id >> 24).unwrap_or(Day::MAX)),
                _ => "all days".to_owned(),
            };
            format!("the sums of {day} for 256 devices (row {id} of {table})")
        })
    }

    /// Those of an asset, as far as they can be read.
    pub(super) fn get(&self, asset: i64) -> Sums {
        let (block, slot) = place(asset);
        let of = self.sums.get(&block).and_then(|of| of.get(usize::from(slot)));
        of.copied().unwrap_or_default()
    }

    /// Those of an asset; none where one of its rows was not as it was written.
    pub(super) fn whole(&self, asset: i64) -> Option<Sums> {
        (!self.damaged.contains_key(&place(asset).0)).then(|| self.get(asset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_written_in_their_width_and_read_again() {
        let sums = Sums {
            methods: 3,
            online: 1440,
            beyond: 7,
            in_use: 600,
            open_in_use: 0xffff,
            examinations: 200,
            duration: 86_400,
        };
        for sheets in [DAYS, TOTALS] {
            let mut bytes = Vec::new();
            write(&mut bytes, 255, &sums, sheets.widths);
            assert_eq!(
                (bytes.len(), read(&bytes, sheets.widths)),
                (sheets.size, Some((255, sums)))
            );
            assert_eq!(read(&bytes[1..], sheets.widths), None);
            if let Some((day, _)) = bytes.split_first_chunk().filter(|(_, rest)| rest.is_empty()) {
                assert_eq!(read_day(day), (255, sums));
            }
            let mut bytes = Vec::new();
            let many = Sums { online: u64::MAX, ..sums };
            write(&mut bytes, 0, &many, sheets.widths);
            let most = (1 << (8 * sheets.widths[0])) - 1;
            assert_eq!(read(&bytes, sheets.widths).unwrap().1.online, most, "as much as fits");
        }
    }

    #[test]
    fn sheets_of_days_lie_one_after_the_other() {
        assert!(id(20_000, 0) > id(19_999, 99) && id(-1, 5) < id(0, 0));
        assert_eq!((place(255), place(256), place(70_000)), ((0, 255), (1, 0), (273, 112)));
        assert_eq!((number(0, 255), number(273, 112)), (255, 70_000));
    }
}
