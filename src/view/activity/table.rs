//! Tables of activity: for people, as CSV, and as JSON in which numbers are numbers. Written
//! row by row, so that one of millions of rows needs no memory.

use std::io::{self, Write};

use serde::Serializer as _;
use serde::ser::SerializeSeq as _;
use serde_json::{Map, Number, Value};

use crate::view::register::{Error, neutral};

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

/// What a table has.
pub(super) struct Columns {
    /// All, in this order.
    pub(super) all: &'static [&'static str],
    /// Those of the table for people, with their titles and widths; negative is to the right.
    pub(super) shown: &'static [(&'static str, &'static str, i8)],
    /// Those that are numbers.
    pub(super) numbers: &'static [&'static str],
}

/// A row's cells, by column.
pub(super) type Row<'r> = &'r dyn Fn(&str) -> String;

/// Writes rows of cells, all columns, or for people those that are shown; how many there were.
pub(super) fn table<R>(
    rows: &[R],
    cell: impl Fn(&R, &str) -> String,
    columns: &Columns,
    format: Format,
    to: impl Write,
) -> Result<u64, Error> {
    written(columns, format, to, |row| {
        rows.iter().try_for_each(|it| row(&|column| cell(it, column)))
    })
}

/// The same of rows that are made one after the other.
pub(super) fn written(
    columns: &Columns,
    format: Format,
    mut to: impl Write,
    fill: impl FnOnce(&mut dyn FnMut(Row<'_>) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut rows = 0_u64;
    match format {
        Format::Text => {
            let titles = columns.shown.iter().map(|(_, title, _)| (*title).to_owned());
            line(&mut to, columns, titles)?;
            fill(&mut |row| {
                rows += 1;
                line(&mut to, columns, columns.shown.iter().map(|(column, ..)| row(column)))
            })?;
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut to);
            let output = |error: csv::Error| match error.into_kind() {
                csv::ErrorKind::Io(error) => Error::Output(error),
                other => Error::Output(io::Error::other(format!("{other:?}"))),
            };
            writer.write_record(columns.all).map_err(output)?;
            fill(&mut |row| {
                rows += 1;
                for column in columns.all {
                    writer.write_field(neutral(row(column)).as_bytes()).map_err(output)?;
                }
                writer.write_record(None::<&[u8]>).map_err(output)
            })?;
            writer.flush()?;
        }
        Format::Json => {
            let output = |error: serde_json::Error| Error::Output(error.into());
            let mut json = serde_json::Serializer::pretty(&mut to);
            let mut all = json.serialize_seq(None).map_err(output)?;
            fill(&mut |row| {
                rows += 1;
                let value = |column: &&str| ((*column).to_owned(), columns.value(column, row));
                let object: Map<String, Value> = columns.all.iter().map(value).collect();
                all.serialize_element(&object).map_err(output)
            })?;
            all.end().map_err(output)?;
            writeln!(to)?;
        }
    }
    Ok(rows)
}

impl Columns {
    /// A cell as JSON: a number, or null where it is not known; else text.
    fn value(&self, column: &str, row: Row<'_>) -> Value {
        let text = row(column);
        match self.numbers.contains(&column) {
            true => text.parse().map_or(Value::Null, |it: Number| it.into()),
            false => text.into(),
        }
    }
}

/// One line for people.
fn line(
    to: &mut impl Write,
    columns: &Columns,
    cells: impl Iterator<Item = String>,
) -> Result<(), Error> {
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
    Ok(writeln!(to, "{}", all.trim_end())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns {
        all: &["name", "hours", "count"],
        shown: &[("name", "NAME", 5), ("hours", "HOURS", -6)],
        numbers: &["hours", "count"],
    };

    fn of(rows: &[[&str; 3]], format: Format) -> (u64, String) {
        let mut all = Vec::new();
        let cell = |row: &[&str; 3], column: &str| {
            let at = COLUMNS.all.iter().position(|it| *it == column);
            row[at.unwrap()].to_owned()
        };
        let count = table(rows, cell, &COLUMNS, format, &mut all).unwrap();
        (count, String::from_utf8(all).unwrap())
    }

    #[test]
    fn numbers_are_numbers_in_json_and_unknown_ones_are_null() {
        let rows = [["7", "20.0", "3"], ["", "", "0"]];
        let (count, json) = of(&rows, Format::Json);
        let known = serde_json::json!([
            { "name": "7", "hours": 20.0, "count": 3 },
            { "name": "", "hours": null, "count": 0 },
        ]);
        assert_eq!((count, serde_json::from_str::<Value>(&json).unwrap()), (2, known));
        assert!(json.contains("\"hours\": 20.0,"), "as it is told: {json}");
        assert_eq!(of(&rows, Format::Csv), (2, "name,hours,count\n7,20.0,3\n,,0\n".to_owned()));
        assert_eq!(of(&rows, Format::Text).1, "NAME   HOURS\n7       20.0\n\n");
    }

    #[test]
    fn nothing_is_an_empty_table() {
        assert_eq!(of(&[], Format::Json), (0, "[]\n".to_owned()));
        assert_eq!(of(&[], Format::Csv).1, "name,hours,count\n");
        assert_eq!(of(&[], Format::Text).1, "NAME   HOURS\n");
    }
}
