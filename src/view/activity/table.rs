//! Tables of activity: for people, as CSV, and as JSON in which numbers are numbers. Written
//! part by part, so that one of millions of rows needs no memory, each part on as many
//! processors as there are.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::store::side_by_side;
use crate::view::json::{Array, Objects};
use crate::view::register::{Error, field};

/// Rows of which the text is in memory at a time.
const AT_ONCE: usize = 1 << 16;

/// Bytes of a line, more or less.
const LINE: usize = 128;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Text,
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
}

/// A column, by its name.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// What a table has.
pub(super) struct Columns {
    /// Those that name the device, after its `asset_id`, which is the first of each table.
    pub(super) naming: &'static [&'static str],
    /// All others, in this order.
    pub(super) own: &'static [Column],
    /// Those of the table for people, with their titles and widths; negative is to the right.
    pub(super) shown: &'static [(&'static str, &'static str, i8)],
}

impl Columns {
    /// All, in their order.
    fn all(&self) -> impl Iterator<Item = Column> {
        let naming = self.naming.iter().map(|name| Column::Text(name));
        [Column::Text("asset_id")].into_iter().chain(naming).chain(self.own.iter().copied())
    }

    /// The names of all.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all().map(|(Column::Text(name) | Column::Number(name))| name)
    }
}

/// Writes rows of cells, all columns, or for people those that are shown; how many there were.
pub(super) fn table<R: Sync>(
    rows: &[R],
    cell: impl for<'r> Fn(&'r R, &str) -> Cow<'r, str> + Sync,
    columns: &Columns,
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    let mut table = Table::begin(columns, format, to)?;
    table.add(rows, cell)?;
    table.end()
}

/// How rows are written.
#[derive(Clone, Copy)]
pub(super) struct Lines<'c> {
    columns: &'c Columns,
    format: Format,
}

impl Lines<'_> {
    /// Some rows, for [`Table::append`].
    pub(super) fn of<R>(
        self,
        rows: &[R],
        cell: impl for<'r> Fn(&'r R, &str) -> Cow<'r, str>,
    ) -> io::Result<Vec<u8>> {
        let Self { columns, format } = self;
        match format {
            Format::Text => {
                let mut lines = Vec::new();
                for row in rows {
                    line(&mut lines, columns, columns.shown.iter().map(|(it, ..)| cell(row, it)));
                }
                Ok(lines)
            }
            Format::Csv => {
                let names: Vec<&str> = columns.names().collect();
                let mut lines = Vec::with_capacity(rows.len().saturating_mul(LINE));
                for row in rows {
                    for (n, column) in names.iter().enumerate() {
                        lines.extend((n > 0).then_some(b','));
                        field(&mut lines, cell(row, column))?;
                    }
                    lines.push(b'\n');
                }
                Ok(lines)
            }
            Format::Json => {
                let mut objects = Objects::default();
                for row in rows {
                    objects.begin();
                    for column in columns.all() {
                        match column {
                            Column::Text(name) => objects.text(name, &cell(row, name)),
                            Column::Number(name) => objects.number(name, &cell(row, name)),
                        }?;
                    }
                    objects.end();
                }
                Ok(objects.done())
            }
        }
    }
}

/// A table that is being written.
pub(super) struct Table<'c, W> {
    lines: Lines<'c>,
    to: To<W>,
    rows: u64,
}

enum To<W> {
    Lines(W),
    Json(Array<W>),
}

impl<'c, W: Write> Table<'c, W> {
    /// With its header.
    pub(super) fn begin(columns: &'c Columns, format: Format, mut to: W) -> Result<Self, Error> {
        let to = match format {
            Format::Text => {
                let mut head = Vec::new();
                let titles = columns.shown.iter().map(|(_, title, _)| Cow::Borrowed(*title));
                line(&mut head, columns, titles);
                to.write_all(&head)?;
                To::Lines(to)
            }
            Format::Csv => {
                let names: Vec<&str> = columns.names().collect();
                writeln!(to, "{}", names.join(","))?;
                To::Lines(to)
            }
            Format::Json => To::Json(Array::new(to)),
        };
        Ok(Self { lines: Lines { columns, format }, to, rows: 0 })
    }

    /// How its rows are written, on whatever processor.
    pub(super) const fn lines(&self) -> Lines<'c> {
        self.lines
    }

    /// With rows more that are written already, so many.
    pub(super) fn append(&mut self, lines: &[u8], rows: usize) -> Result<(), Error> {
        self.rows = self.rows.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        match &mut self.to {
            To::Lines(to) => to.write_all(lines)?,
            To::Json(array) => array.add(lines)?,
        }
        Ok(())
    }

    /// With some rows more.
    pub(super) fn add<R: Sync>(
        &mut self,
        rows: &[R],
        cell: impl for<'r> Fn(&'r R, &str) -> Cow<'r, str> + Sync,
    ) -> Result<(), Error> {
        for some in rows.chunks(AT_ONCE) {
            let lines = self.lines;
            let parts = side_by_side(some, |part| (lines.of(part, &cell), part.len()));
            parts.into_iter().try_for_each(|(lines, rows)| self.append(&lines?, rows))?;
        }
        Ok(())
    }

    /// With no more; how many rows it has.
    pub(super) fn end(self) -> Result<u64, Error> {
        match self.to {
            To::Lines(mut to) => to.flush()?,
            To::Json(array) => array.end()?,
        }
        Ok(self.rows)
    }
}

/// One line for people.
fn line<'t>(to: &mut Vec<u8>, columns: &Columns, cells: impl Iterator<Item = Cow<'t, str>>) {
    let mut all = String::new();
    for (cell, (.., width)) in cells.zip(columns.shown) {
        let most = usize::from(width.unsigned_abs());
        let cell: String = cell.chars().take(most).collect();
        let pad = " ".repeat(most.saturating_sub(cell.chars().count()));
        match *width < 0 {
            true => all.extend([pad.as_str(), &cell, " "]),
            false => all.extend([cell.as_str(), &pad, " "]),
        }
    }
    to.extend([all.trim_end().as_bytes(), b"\n"].concat());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::register::neutral;

    const COLUMNS: Columns = Columns {
        naming: &["name"],
        own: &[Column::Number("hours"), Column::Number("count")],
        shown: &[("name", "NAME", 5), ("hours", "HOURS", -6)],
    };

    fn of(rows: &[[&str; 4]], format: Format) -> (u64, String) {
        let mut all = Vec::new();
        let at = |column: &str| COLUMNS.names().position(|it| it == column).unwrap();
        let count = table(rows, |row, it| row[at(it)].into(), &COLUMNS, format, &mut all).unwrap();
        (count, String::from_utf8(all).unwrap())
    }

    #[test]
    fn numbers_are_numbers_in_json_and_unknown_ones_are_null() {
        let rows = [["A1", "7", "20.0", "3"], ["A2", "", "", "0"]];
        let (count, json) = of(&rows, Format::Json);
        let known = serde_json::json!([
            { "asset_id": "A1", "name": "7", "hours": 20.0, "count": 3 },
            { "asset_id": "A2", "name": "", "hours": null, "count": 0 },
        ]);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((count, read), (2, known));
        assert!(json.contains("\"hours\": 20.0,"), "as it is told: {json}");
        let csv = "asset_id,name,hours,count\nA1,7,20.0,3\nA2,,,0\n";
        assert_eq!(of(&rows, Format::Csv), (2, csv.to_owned()));
        assert_eq!(of(&rows, Format::Text).1, "NAME   HOURS\n7       20.0\n\n");
    }

    #[test]
    fn a_cell_of_csv_is_read_again_as_it_was() {
        let cells = ["", "a", "a,b", "say \"x\"", "a\r\nb", "=1+1", "＝1", "-3", "心電図"];
        for cell in cells {
            let (_, csv) = of(&[["A1", cell, "7", ""]], Format::Csv);
            let mut read = csv::Reader::from_reader(csv.as_bytes());
            let row = read.records().next().unwrap().unwrap();
            assert_eq!((&row[1], row.len()), (&*neutral(cell), 4), "{csv}");
        }
    }

    #[test]
    fn nothing_is_an_empty_table() {
        assert_eq!(of(&[], Format::Json), (0, "[]\n".to_owned()));
        assert_eq!(of(&[], Format::Csv).1, "asset_id,name,hours,count\n");
        assert_eq!(of(&[], Format::Text).1, "NAME   HOURS\n");
    }

    #[test]
    fn what_is_added_later_comes_after() {
        let mut all = Vec::new();
        let mut table = Table::begin(&COLUMNS, Format::Csv, &mut all).unwrap();
        for part in [vec![1, 2], vec![], (3..1000).collect()] {
            table.add(&part, |row, _| row.to_string().into()).unwrap();
        }
        assert_eq!(table.end().unwrap(), 999);
        let text = String::from_utf8(all).unwrap();
        let first = text.lines().skip(1).map(|line| line.split_once(',').unwrap().0);
        assert!(first.eq((1..1000).map(|n: u32| n.to_string())));
    }
}
