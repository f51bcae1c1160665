//! JSON, an object a line.

use serde_json::{Map, Value};

use super::{COLUMNS, cell};
use crate::store::Alert;

/// The object: the columns as its keys, then the sensor's name. Numbers are numbers,
/// everything else is text, and unknown is empty (`resolves`: null).
#[must_use]
pub fn object(alert: &Alert, sensor: &str) -> Map<String, Value> {
    let value = |name: &str| match name {
        "id" => alert.id.into(),
        "repeats" => alert.repeats.into(),
        "resolves" => alert.resolves.into(),
        name => cell(alert, name).into(),
    };
    let mut all: Map<_, _> = COLUMNS.iter().map(|name| ((*name).to_owned(), value(name))).collect();
    all.insert("sensor".to_owned(), super::plain(sensor).into());
    all
}

/// One line, without a line feed.
#[must_use]
pub fn json(alert: &Alert, sensor: &str) -> String {
    Value::Object(object(alert, sensor)).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::hostile;
    use super::*;

    #[test]
    fn every_field_comes_back() {
        let alert = hostile();
        let back: Value = serde_json::from_str(&json(&alert, "s")).unwrap();
        assert_eq!(back["id"], 7);
        assert_eq!(back["resolves"], 3);
        assert_eq!(back["kind"], "new_service");
        assert!(back["subject"].as_str().unwrap().starts_with("a\"b]c\\d|e=f <0>1"));
        let keys: Vec<_> = back.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys[..16], COLUMNS);
        assert_eq!(keys[16], "sensor");
    }
}
