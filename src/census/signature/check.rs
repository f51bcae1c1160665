//! What `auscult signatures check` finds: examples that fail, signatures that never win.

use super::{Book, Fault, Signature};

/// Keys that the census gives itself: the registrant of a MAC's block, and that a card
/// carries the packets of others.
const OF_CENSUS: &[&str] = &["mac.oui", "network.forwards"];

/// Everything that is wrong with a book that loads.
///
/// `keys` are the keys that the protocols emit; empty means that they are not
/// checked. (The census does not know the wire, so the caller brings them.)
#[must_use]
pub fn check(book: &Book, keys: &[&str]) -> Vec<Fault> {
    let mut problems = Vec::new();
    for signature in book.iter() {
        if !book.is_overlaid(&signature.id) {
            let topic = topic(&signature.file);
            if !signature.id.starts_with(&topic) {
                problems.push(signature.fault(format!("the id does not begin with `{topic}`")));
            }
        }
        if signature.examples.is_empty() {
            problems.push(signature.fault("no example".into()));
        }
        for key in &signature.keys {
            let known = keys.contains(&key.as_str()) || OF_CENSUS.contains(&key.as_str());
            if !keys.is_empty() && !known {
                problems.push(signature.fault(format!("no protocol says `{key}`")));
            }
            examples(book, signature, key, &mut problems);
        }
    }
    problems
}

/// Ids begin with the name of their file: `os-windows.toml` ▸ `os.windows.`
fn topic(file: &str) -> String {
    let stem = file.strip_suffix(".toml").unwrap_or(file);
    format!("{}.", stem.replace('-', "."))
}

fn examples(book: &Book, signature: &Signature, key: &str, problems: &mut Vec<Fault>) {
    for example in &signature.examples {
        let others: Vec<_> = example.with.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let value = &example.value;
        let found = match signature.exposes() {
            true => book.exposes(key, value),
            false => book.matches(key, value, &others),
        };
        let Some(found) = found else {
            problems.push(signature.fault(format!("example `{value}` does not match")));
            continue;
        };
        if found.signature.id != signature.id {
            let by = &found.signature.id;
            problems.push(signature.fault(format!("example `{value}` is caught by {by}")));
            continue;
        }
        for (name, expected) in &example.set {
            let said = found.get(name).unwrap_or_default();
            if said != expected {
                problems.push(
                    signature
                        .fault(format!("example `{value}`: {name} is `{said}`, not `{expected}`")),
                );
            }
        }
        if signature.set.iter().chain(&signature.hint).any(|(_, t)| t.contains('$'))
            && example.set.is_empty()
        {
            problems.push(signature.fault(format!("example `{value}` does not say what it gives")));
        }
    }
    for value in &signature.never {
        let found = match signature.exposes() {
            true => book.exposes(key, value),
            false => book.matches(key, value, &[]),
        };
        if found.is_some_and(|m| m.signature.id == signature.id) {
            problems.push(signature.fault(format!("matches `{value}`, which it never should")));
        }
    }
}
