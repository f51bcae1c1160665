//! The site's file laid over the weights, and where in it a mistake stands.

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::census::signature::{Fault, RISK};

/// Values of `over` take the place of those below; tables are laid over each other, and
/// blocks of tables follow each other. A list of words is one value.
pub(super) fn lay_over(below: &mut Value, over: Value) {
    match (below, over) {
        (Value::Table(below), Value::Table(over)) => {
            for (key, value) in over {
                match below.get_mut(&key) {
                    Some(known @ (Value::Table(_) | Value::Array(_))) => lay_over(known, value),
                    _ => {
                        below.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(below), Value::Array(mut over))
            if !over.is_empty() && over.iter().all(Value::is_table) =>
        {
            below.append(&mut over);
        }
        (below, over) => *below = over,
    }
}

/// A key or a block of the file: names, and places in lists.
type Path = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Place(usize),
}

/// What the file says by itself, piece by piece, as far as it cannot be laid over the
/// weights: the mistakes of a file that as a whole makes no sense.
pub(super) fn mistakes<T: DeserializeOwned>(
    weights: &Value,
    own: &Value,
    text: &str,
) -> Vec<Fault> {
    let mut pieces = Vec::new();
    if let Value::Table(own) = own {
        take_apart(weights, own, &mut Vec::new(), &mut pieces);
    }
    let mut faults = Vec::new();
    for (path, value) in pieces {
        let mut all = weights.clone();
        lay_over(&mut all, within(&path, value.clone()));
        if let Err(error) = all.try_into::<T>() {
            faults.push(fault(text, &path, &why(&path, &value, error.message())));
        }
    }
    faults
}

/// Lists of blocks that are empty: they change nothing.
pub(super) fn idle(weights: &Value, own: &Value, text: &str) -> Vec<Fault> {
    let is_list = |key: &str| weights.get(key).is_some_and(|it| blocks(it).is_some());
    let empty = own
        .as_table()
        .into_iter()
        .flatten()
        .filter(|(key, value)| value.as_array().is_some_and(Vec::is_empty) && is_list(key));
    let faults = empty.map(|(key, _)| {
        fault(text, &[Step::Key(key.clone())], "an empty list changes nothing; leave it out")
    });
    faults.collect()
}

/// A mistake of the site's file, with the line of what it is about.
fn fault(text: &str, path: &[Step], what: &str) -> Fault {
    let names = path.iter().filter_map(|step| match step {
        Step::Key(name) => Some(name.as_str()),
        Step::Place(_) => None,
    });
    let id = names.collect::<Vec<_>>().join(".");
    Fault { file: RISK.0.to_owned(), line: line(text, path), id, what: what.to_owned() }
}

fn why(path: &[Step], value: &Value, message: &str) -> String {
    let is_rule = matches!(path, [Step::Key(table), Step::Key(_)] if table == "rule");
    if is_rule && value.is_table() {
        return format!(
            "no such rule (`auscult risk --rules` lists them), and as a new one not whole: \
             {message}"
        );
    }
    // What the reader says of a number where one of some words is meant.
    let message = match message.contains("expected string only") {
        true => "one of the words very-low to very-high is expected",
        false => message,
    };
    match value {
        Value::Table(_) | Value::Array(_) => message.to_owned(),
        value => format!("`{value}`: {message}"),
    }
}

fn blocks(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().filter(|all| !all.is_empty() && all.iter().all(Value::is_table))
}

/// The smallest pieces that mean something by themselves: keys of what is known already,
/// whole tables of what is not, and blocks of lists.
fn take_apart(below: &Value, own: &Table, path: &mut Path, pieces: &mut Vec<(Path, Value)>) {
    for (key, value) in own {
        path.push(Step::Key(key.clone()));
        match (below.get(key), value) {
            (Some(known @ Value::Table(_)), Value::Table(own)) => {
                take_apart(known, own, path, pieces);
            }
            // Rules and controls that are new are one piece each.
            (_, value) => match blocks(value) {
                Some(all) => {
                    for (at, block) in all.iter().enumerate() {
                        let place = path.iter().cloned().chain([Step::Place(at)]);
                        pieces.push((place.collect(), block.clone()));
                    }
                }
                None => pieces.push((path.clone(), value.clone())),
            },
        }
        path.pop();
    }
}

/// A value where it stands, and nothing else.
fn within(path: &[Step], value: Value) -> Value {
    path.iter().rev().fold(value, |value, step| match step {
        Step::Key(key) => Value::Table(Table::from_iter([(key.clone(), value)])),
        Step::Place(_) => Value::Array(vec![value]),
    })
}

/// The line of what a fault of the whole is about: a rule, a control, a table; 0 where the
/// site's file does not name it.
pub(super) fn line_of(text: &str, id: &str) -> usize {
    let key = |name: &str| Step::Key(name.to_owned());
    let paths = [vec![key("rule"), key(id)], vec![key("control"), key(id)], vec![key(id)]];
    let found = paths.iter().filter(|path| is_there(text, path));
    found.map(|path| line(text, path)).next().unwrap_or_default()
}

fn is_there(text: &str, path: &[Step]) -> bool {
    let table = text.parse::<Table>().map(Value::Table).ok();
    let step = |value: Option<Value>, step: &Step| match step {
        Step::Key(name) => value?.get(name).cloned(),
        Step::Place(_) => None,
    };
    path.iter().fold(table, step).is_some()
}

/// The line of a key, or of the last one that there is on the way to it; 0 for none.
pub(super) fn line(text: &str, path: &[Step]) -> usize {
    let Ok(whole) = DeTable::parse(text) else { return 0 };
    let mut at = None;
    let mut table = Some(whole.get_ref());
    let mut list = None;
    for step in path {
        let found = match step {
            Step::Key(name) => {
                table.and_then(|it| it.iter().find(|(key, _)| key.get_ref() == name))
            }
            Step::Place(place) => {
                let block = list.and_then(|it: &toml::de::DeArray<'_>| it.get(*place));
                at = block.map(toml::Spanned::span).or(at);
                table = block.and_then(|it| it.get_ref().as_table());
                continue;
            }
        };
        let Some((key, value)) = found else { break };
        at = Some(key.span());
        (table, list) = match value.get_ref() {
            DeValue::Table(it) => (Some(it), None),
            DeValue::Array(it) => (None, Some(it)),
            _ => (None, None),
        };
    }
    let before = at.and_then(|span| text.get(..span.start));
    before.map_or(0, |before| before.matches('\n').count() + 1)
}
