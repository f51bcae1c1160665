//! Analysers by the headers that a speaker sends (ASTM E1394 H-5): a device sends its own,
//! a serial device server or a data manager those of all that hang on it.

use crate::census::host::{Fact, Host, Said};
use crate::census::signature::{Book, Match};
use crate::net::HostId;

/// H-5 of who sends results.
pub(in crate::census::asset) const HEADER: &str = "astm.sender";

/// Letters and digits of a word that two headers have in common by no chance.
const TELLING: usize = 4;

/// What is told of several analysers.
#[derive(Default)]
pub(super) struct Several<'a> {
    /// Headers that are known, with what names the device: maker, model, serial number.
    pub(super) known: Vec<(&'a Fact, [String; 3])>,
    /// What first showed that there are several.
    pub(super) said: Option<Said>,
}

fn parts(found: &Match<'_>) -> [String; 3] {
    ["manufacturer", "model", "serial_number"]
        .map(|name| found.get(name).unwrap_or_default().to_lowercase())
}

/// Whether two names cannot be of one device: what one leaves out contradicts nothing.
fn differ(one: &[String; 3], other: &[String; 3]) -> bool {
    one.iter().zip(other).any(|(a, b)| !a.is_empty() && !b.is_empty() && a != b)
}

fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a header that no signature knows may be another spelling of one that is known.
fn may_be(unknown: &str, known: &str) -> bool {
    let all = bare(unknown);
    let mut words = known.split('^').map(bare);
    words.any(|word| word.len() >= TELLING && all.contains(&word))
}

/// Whether headers are of several analysers; all of them when they are, else none. What
/// hosts and test programs write names nobody.
pub(super) fn several<'a>(hosts: &[(&'a HostId, &'a Host)], book: &Book) -> Several<'a> {
    let headers = || hosts.iter().flat_map(|(_, host)| host.facts_of(HEADER));
    if headers().nth(1).is_none() {
        return Several::default();
    }
    let mut all = Several::default();
    let mut unknown = Vec::new();
    for fact in headers() {
        match book.matches(HEADER, &fact.value, &[]) {
            Some(found) if found.signature.not => {}
            Some(found) => all.known.push((fact, parts(&found))),
            None => unknown.push(fact),
        }
    }
    let Some((first, name)) = all.known.first() else { return Several::default() };
    let others = all.known.iter().filter(|(_, other)| differ(name, other)).map(|(fact, _)| *fact);
    let strange = unknown.into_iter().filter(|fact| !may_be(&fact.value, &first.value));
    let Some(other) = others.chain(strange).map(|fact| fact.said).min_by_key(|it| it.evidence)
    else {
        return Several::default();
    };
    all.said = Some(if first.said.evidence < other.evidence { first.said } else { other });
    all
}
