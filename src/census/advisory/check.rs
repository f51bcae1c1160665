//! The linter of aliases: what they mean in the set, and whether their examples are true.

use super::find::{Advisories, Device};
use crate::census::signature::{ALIASES, Fault};

/// Everything that is wrong: aliases that mean nothing in the set, examples that are not
/// recognised or have another version.
#[must_use]
pub fn check(all: &Advisories) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, alias) in all.aliases.all.iter().enumerate() {
        let mut wrong = |what: String| {
            let (file, id) = (ALIASES.0.to_owned(), alias.id.clone());
            faults.push(Fault { file, line: 0, id, what });
        };
        // A site's set may have less.
        if all.is_own && !alias.is_weakness && all.means.get(at).is_none_or(Vec::is_empty) {
            wrong("no advisory of the set names it".to_owned());
        }
        if alias.version.iter().any(|(_, pattern)| pattern.groups() != 1) {
            wrong("the version is what stands in the one group of a pattern".to_owned());
        }
        for name in alias.version.iter().chain(&alias.device).map(|(name, _)| name) {
            if !Device::compares(name) {
                wrong(format!("{name} is no attribute that is compared"));
            }
        }
        for example in &alias.examples {
            match alias.version_of(&device(&example.device)) {
                None => wrong(format!("is not its own example {:?}", example.device)),
                Some(version) if version != example.version => {
                    wrong(format!("reads version `{version}`, not `{}`", example.version));
                }
                Some(_) => {}
            }
        }
        for values in &alias.never {
            if alias.version_of(&device(values)).is_some() {
                wrong(format!("is {values:?}, which it never should be"));
            }
        }
    }
    faults
}

fn device<'v>(values: impl IntoIterator<Item = (&'v String, &'v String)>) -> Device {
    let mut device = Device::default();
    for (name, value) in values {
        match name.as_str() {
            "serves" => device.serves(value),
            name => device.add(name, value, 1.0),
        }
    }
    device
}
