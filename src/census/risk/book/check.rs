//! Weights against signatures: what is weighed and not made, and what means nothing.

use super::{RISK, RiskBook, UNKNOWN};
use crate::census::signature::{Book, Fault};

/// Exposures that no rule weighs by itself: another looks at them.
const NEUTRAL: [&str; 2] = ["dicom-filters", "sweep-heard"];

/// What is wrong between weights and signatures: exposures that nobody weighs or makes,
/// classes and categories that mean nothing.
#[must_use]
pub fn check(risks: &RiskBook, book: &Book) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |id: &str, what: String| {
        faults.push(Fault { file: RISK.0.to_owned(), line: 0, id: id.to_owned(), what });
    };
    let weighed: Vec<&String> = risks.rules.values().flat_map(|it| &it.exposures).collect();
    let made: Vec<&String> = book
        .iter()
        .flat_map(|it| &it.set)
        .filter_map(|(name, value)| (*name == "exposure").then_some(value))
        .collect();
    for exposure in made.iter().filter(|it| !weighed.contains(it)) {
        if !NEUTRAL.contains(&exposure.as_str()) {
            wrong(exposure, "an exposure that no rule weighs".to_owned());
        }
    }
    for exposure in weighed.iter().filter(|it| !made.contains(it)) {
        wrong(exposure, "an exposure that no signature makes".to_owned());
    }
    let meant: Vec<&String> = risks.classes.iter().flat_map(|it| &it.names).collect();
    for class in Book::builtin().classes().keys().filter(|it| !meant.contains(it)) {
        wrong(class, "a class whose impact is that of its category".to_owned());
    }
    for class in meant.iter().filter(|class| book.class(class).is_none()) {
        wrong(class, "no such class: it changes nothing".to_owned());
    }
    let is_one =
        |name: &str| name == UNKNOWN || book.classes().values().any(|it| it.category == name);
    let meant = risks.categories.iter().flat_map(|it| &it.names);
    for category in meant.filter(|name| !is_one(name)) {
        wrong(category, "no such category: it changes nothing".to_owned());
    }
    faults
}
