//! Arrays of objects, indented, a part after the other: parts are made on as many processors
//! as there are, and an array of millions of objects needs no memory.

use std::io::{self, Write};

/// Objects of an array, one after the other.
#[derive(Default)]
pub(super) struct Objects {
    text: Vec<u8>,
    fields: usize,
}

impl Objects {
    /// The next object.
    pub(super) fn begin(&mut self) {
        let before: &[u8] = if self.text.is_empty() { b"\n  {" } else { b",\n  {" };
        self.text.extend_from_slice(before);
        self.fields = 0;
    }

    /// A field of it that is text.
    pub(super) fn text(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.name(name)?;
        Ok(serde_json::to_writer(&mut self.text, value)?)
    }

    /// A field that is a number; null where it is none.
    pub(super) fn number(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.name(name)?;
        let value: Option<serde_json::Number> = value.parse().ok();
        Ok(serde_json::to_writer(&mut self.text, &value)?)
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        let before: &[u8] = if self.fields == 0 { b"\n    " } else { b",\n    " };
        self.text.extend_from_slice(before);
        self.fields += 1;
        serde_json::to_writer(&mut self.text, name)?;
        self.text.extend_from_slice(b": ");
        Ok(())
    }

    /// The object has all its fields.
    pub(super) fn end(&mut self) {
        self.text.extend_from_slice(b"\n  }");
    }

    /// All that were written.
    pub(super) fn done(self) -> Vec<u8> {
        self.text
    }
}

/// An array that is being written.
pub(super) struct Array<W> {
    to: W,
    is_begun: bool,
}

impl<W: Write> Array<W> {
    pub(super) const fn new(to: W) -> Self {
        Self { to, is_begun: false }
    }

    /// Adds what [`Objects`] wrote.
    pub(super) fn add(&mut self, objects: &[u8]) -> io::Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        self.to.write_all(if self.is_begun { b"," } else { b"[" })?;
        self.is_begun = true;
        self.to.write_all(objects)
    }

    /// There are no more.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.to.write_all(if self.is_begun { b"\n]\n" } else { b"[]\n" })?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_array_as_a_serializer_writes_it() {
        let rows = [[("a", "x\"\n\u{1}"), ("n", "20.0")], [("a", ""), ("n", "")]];
        for parts in [vec![&rows[..]], vec![&rows[..1], &[], &rows[1..]], vec![&[]], vec![]] {
            let mut all = Vec::new();
            let mut array = Array::new(&mut all);
            let mut known = Vec::new();
            for part in &parts {
                let mut objects = Objects::default();
                for row in *part {
                    objects.begin();
                    objects.text(row[0].0, row[0].1).unwrap();
                    objects.number(row[1].0, row[1].1).unwrap();
                    objects.end();
                    let number: Option<f64> = row[1].1.parse().ok();
                    known.push(serde_json::json!({ "a": row[0].1, "n": number }));
                }
                array.add(&objects.done()).unwrap();
            }
            array.end().unwrap();
            let known = serde_json::to_string_pretty(&known).unwrap() + "\n";
            assert_eq!(String::from_utf8(all).unwrap(), known);
        }
    }

    #[test]
    fn what_is_no_number_is_null() {
        for (text, written) in [("7", "7"), ("0.1", "0.1"), ("", "null"), ("1]", "null")] {
            let mut objects = Objects::default();
            objects.number("n", text).unwrap();
            assert_eq!(
                String::from_utf8(objects.done()).unwrap(),
                format!("\n    \"n\": {written}")
            );
        }
    }
}
