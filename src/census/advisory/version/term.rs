//! One term of an expression: a version, an end of a range, or a whole range in words.
//!
//! What stands between two versions is the danger: `4.0 - 4.5` read as one version would
//! clear the device that has 4.1. So text is one version only where nothing in it can be a
//! second one; a range only where both of its ends are versions; all else is not read.

use super::{End, Order, Part, Span, Version, WORDS};

/// After these it is meant "this one and all before".
const AND_BEFORE: [&str; 8] = [
    " and below",
    " and earlier",
    " and lower",
    " and prior",
    " or below",
    " or earlier",
    " or lower",
    " or prior",
];
/// After these it is meant "this one and all that follow".
const AND_AFTER: [&str; 9] = [
    "+",
    " and above",
    " and higher",
    " and later",
    " and newer",
    " or above",
    " or higher",
    " or later",
    " or newer",
];
/// Between the two ends of a range. A dash without blanks is looked at by itself.
const BETWEEN: [&str; 8] =
    [" - ", "\u{2013}", "\u{2014}", "..", " to ", " through ", " thru ", "~"];
/// Words of a version that stand alone, beside [`WORDS`].
const SHORT: [&str; 4] = ["hf", "mr", "sp", "sr"];

pub(super) enum Term {
    Lower(End),
    Upper(End),
    Span(Span),
}

impl Term {
    pub(super) fn parse(term: &str) -> Option<Self> {
        let term = term.trim();
        let end = |text: &str, included| {
            let version = Version::compared(text)?;
            Some(End { version, included })
        };
        for (sign, is_lower, included) in
            [("<=", false, true), ("<", false, false), (">=", true, true), (">", true, false)]
        {
            if let Some(rest) = term.strip_prefix(sign) {
                let end = end(rest, included)?;
                return Some(if is_lower { Self::Lower(end) } else { Self::Upper(end) });
            }
        }
        let lower = term.to_ascii_lowercase();
        let before = |words: &[&str]| {
            let cut = words.iter().find_map(|it| lower.strip_suffix(it))?.len();
            term.get(..cut)
        };
        if let Some(version) = before(&AND_BEFORE) {
            return end(version, true).map(Self::Upper);
        }
        if let Some(version) = before(&AND_AFTER) {
            return end(version, true).map(Self::Lower);
        }
        for word in BETWEEN {
            let Some(at) = lower.find(word) else { continue };
            return between(term.get(..at)?, term.get(at + word.len()..)?).map(Self::Span);
        }
        if let Some(span) = revisions(term) {
            return Some(Self::Span(span));
        }
        if let Some((from, to)) = term.split_once('-')
            && dash(from, to) == Dash::Range
        {
            return between(from, to).map(Self::Span);
        }
        let version = Version::single(term.strip_prefix('=').unwrap_or(term))?;
        Some(Self::Span(Span::Only(version)))
    }
}

/// From one version to another, both included.
fn between(from: &str, to: &str) -> Option<Span> {
    let end = |text| Some(End { version: Version::single(text)?, included: true });
    let (from, to) = (end(from)?, end(to)?);
    from.meets(&to).then_some(Span::Between(Some(from), Some(to)))
}

/// `Rev B-M`: revisions of one letter from one to another.
fn revisions(term: &str) -> Option<Span> {
    let (from, to) = term.strip_prefix("Rev")?.trim_start_matches([' ', '.']).split_once('-')?;
    let end = |text: &str| {
        let version = Version::parse(text)?;
        let letter = matches!(version.parts.as_slice(), [Part::Letter(_)]);
        letter.then_some(End { version, included: true })
    };
    let (from, to) = (end(from)?, end(to)?);
    let rises = matches!(from.version.order(&to.version), Order::Greater | Order::Equal);
    rises.then_some(Span::Between(Some(from), Some(to)))
}

/// What a dash without blanks may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dash {
    /// Of one version: `2018-1`, `4.0-rc1`.
    Inside,
    /// Between two versions: `4.0-4.5`, `VE11A-VE11C`.
    Range,
    /// One or the other: `5.17-19`.
    Doubt,
}

fn dash(from: &str, to: &str) -> Dash {
    if to.contains('-') {
        return Dash::Doubt;
    }
    let (Some(from), Some(to)) = (Version::parse(from), Version::parse(to)) else {
        return Dash::Inside;
    };
    // The letters with which it begins: VE of VE11A.
    let lead = |it: &Version| match it.parts.as_slice() {
        [Part::Name(name), _, ..] => name.clone(),
        [Part::Letter(letter), _, ..] => letter.to_string(),
        _ => String::new(),
    };
    match (from.parts.as_slice(), to.parts.as_slice()) {
        (_, [_, _, ..]) if lead(&from) == lead(&to) => Dash::Range,
        ([Part::Letter(a)], [Part::Letter(b)]) if a < b => Dash::Range,
        // Its last part may be the beginning of a range, of which only the end is written.
        ([.., Part::Number(a)], [Part::Number(b)]) if a < b => Dash::Doubt,
        ([.., Part::Letter(a)], [Part::Letter(b)]) if a < b => Dash::Doubt,
        ([.., Part::Name(a)], [Part::Letter(b)]) if a.to_ascii_uppercase() < b.to_string() => {
            Dash::Doubt
        }
        _ => Dash::Inside,
    }
}

impl Version {
    /// A text that is one version, whole, and can be nothing else.
    fn single(text: &str) -> Option<Self> {
        let is_one = |text: &str| match text.split_once('-') {
            Some((from, to)) => dash(from, to) == Dash::Inside,
            None => true,
        };
        Self::compared(text).filter(|_| is_one(text))
    }

    /// The same after a sign, where a range would make no sense: `<= 5.17.1-754993421`.
    fn compared(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_range = text
            .split_once('-')
            .is_some_and(|(from, to)| to.contains('-') || dash(from, to) == Dash::Range);
        let separated = ['-', '_', '.'];
        let is_torn = text.contains("..") || text.contains('+');
        if is_range || is_torn || text.starts_with(separated) || text.ends_with(separated) {
            return None;
        }
        is_one(text).then(|| Self::parse(text)).flatten().filter(Self::is_plain)
    }
}

/// Whether words belong to one version: a second number needs a word before it, or letters
/// that the first one has not.
fn is_one(text: &str) -> bool {
    let mut leads: Vec<String> = Vec::new();
    let mut after_word = true;
    for word in text.split([' ', '_']).filter(|it| !it.is_empty()) {
        let bare = word.trim_matches('.').to_ascii_lowercase();
        let is_first = leads.is_empty();
        if WORDS.contains(&bare.as_str()) || SHORT.contains(&bare.as_str()) {
            after_word = true;
            continue;
        }
        if !word.contains(|c: char| c.is_ascii_digit()) {
            // A name, or a revision, before its number; behind one it may mean "to".
            if !is_first {
                return false;
            }
            continue;
        }
        let lead: String = bare.chars().take_while(char::is_ascii_alphabetic).collect();
        let lead = if lead == "v" { String::new() } else { lead };
        if leads.contains(&lead) && !after_word {
            return false;
        }
        leads.push(lead);
        after_word = false;
    }
    true
}
