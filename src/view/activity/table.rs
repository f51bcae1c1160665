//! Tables of activity: for people, as CSV, and as JSON in which numbers are numbers. Written
//! part by part, so that one of millions of rows needs no memory, each part on as many
//! processors as there are.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::store::side_by_side;
use crate::view::json::{Array, Objects};
use crate::view::register::{Error, neutral};

/// Rows of which the text is in memory at a time.
const AT_ONCE: usize = 1 << 16;

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

/// A table that is being written.
pub(super) struct Table<'c, W> {
    columns: &'c Columns,
    to: To<W>,
    rows: u64,
}

enum To<W> {
    Text(W),
    Csv(W),
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
                To::Text(to)
            }
            Format::Csv => {
                to.write_all(&lines(|head| head.write_record(columns.names()))?)?;
                To::Csv(to)
            }
            Format::Json => To::Json(Array::new(to)),
        };
        Ok(Self { columns, to, rows: 0 })
    }

    /// With some rows more.
    pub(super) fn add<R: Sync>(
        &mut self,
        rows: &[R],
        cell: impl for<'r> Fn(&'r R, &str) -> Cow<'r, str> + Sync,
    ) -> Result<(), Error> {
        self.rows = self.rows.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        rows.chunks(AT_ONCE).try_for_each(|some| self.write(some, &cell))
    }

    fn write<R: Sync>(
        &mut self,
        rows: &[R],
        cell: impl for<'r> Fn(&'r R, &str) -> Cow<'r, str> + Sync,
    ) -> Result<(), Error> {
        let columns = self.columns;
        match &mut self.to {
            To::Text(to) => {
                let parts = side_by_side(rows, |part| {
                    let mut lines = Vec::new();
                    for row in part {
                        let shown = columns.shown.iter().map(|(column, ..)| cell(row, column));
                        line(&mut lines, columns, shown);
                    }
                    lines
                });
                parts.iter().try_for_each(|part| to.write_all(part))?;
            }
            To::Csv(to) => {
                let parts = side_by_side(rows, |part| {
                    lines(|to| {
                        for row in part {
                            for column in columns.names() {
                                to.write_field(neutral(cell(row, column)).as_bytes())?;
                            }
                            to.write_record(None::<&[u8]>)?;
                        }
                        Ok(())
                    })
                });
                parts.into_iter().try_for_each(|part| to.write_all(&part?))?;
            }
            To::Json(array) => {
                let parts = side_by_side(rows, |part| -> io::Result<_> {
                    let mut objects = Objects::default();
                    for row in part {
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
                });
                parts.into_iter().try_for_each(|part| array.add(&part?))?;
            }
        }
        Ok(())
    }

    /// With no more; how many rows it has.
    pub(super) fn end(self) -> Result<u64, Error> {
        match self.to {
            To::Text(mut to) | To::Csv(mut to) => to.flush()?,
            To::Json(array) => array.end()?,
        }
        Ok(self.rows)
    }
}

/// Some lines of CSV.
fn lines(fill: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> io::Result<Vec<u8>> {
    let mut to = csv::Writer::from_writer(Vec::new());
    fill(&mut to)?;
    to.into_inner().map_err(csv::IntoInnerError::into_error)
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
