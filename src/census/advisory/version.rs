//! Versions as makers write them, and ranges as advisories write them.
//!
//! The rule is to rather say nothing than to guess: whatever is not clearly less or more is
//! [`Order::Unknown`], whatever is no range is not parsed, and neither makes a device
//! affected or fixed.

mod term;

use std::fmt;

use super::digits::Digits;
use term::Term;

/// Longest text that can be a version or a range, in bytes.
const MAX_TEXT: usize = 160;
/// Most parts of one version.
const MAX_PARTS: usize = 16;
/// Most ranges of one expression.
const MAX_SPANS: usize = 32;
/// From so many letters on it is a word, which only [`WORDS`] may be.
const WORD: usize = 3;
/// Words that stand in versions.
const WORDS: [&str; 7] = ["build", "hotfix", "pack", "patch", "release", "rev", "service"];
/// Words that may stand before a version and say nothing.
const BEFORE: [&str; 5] = ["release", "rev", "rev.", "ver.", "version"];
/// After these stands a condition that nobody can see on a wire.
const CONDITIONS: [&str; 6] = [" for ", " if ", " model ", " on ", " running ", " with "];

/// A piece of a version between separators, or where digits meet letters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Number(Digits),
    /// A letter by itself: a revision, which follows the alphabet.
    Letter(char),
    /// Letters before a number (`L81`, `VM5`), and numbers that are names (`012U…`): the same
    /// or not to be compared.
    Name(String),
}

/// A version that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    parts: Vec<Part>,
    /// It stands for all that begin so: `12.2.x`, `N`.
    family: bool,
}

/// How the version that was read stands to one of an advisory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Less,
    Equal,
    /// The same, and more numbers follow: 9.33.1 to 9.33.
    Finer,
    Greater,
    Unknown,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut text = text.trim();
        if text.len() > MAX_TEXT || !text.is_ascii() {
            return None;
        }
        for word in BEFORE {
            if let Some((head, rest)) = text.split_at_checked(word.len())
                && head.eq_ignore_ascii_case(word)
                && rest.starts_with([' ', '.'])
            {
                text = rest.trim_start_matches([' ', '.']);
            }
        }
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if bare.starts_with(|c: char| c.is_ascii_digit()) {
            text = bare;
        }
        let mut parts = Vec::new();
        let mut family = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if matches!(first, '.' | '-' | '_' | '+' | ' ') {
                rest = rest.get(1..)?;
                continue;
            }
            if family || parts.len() == MAX_PARTS {
                // After an x only more of them: 12.2.x.x.
                let wild = matches!(first, 'x' | 'X') && parts.len() < MAX_PARTS;
                if !wild {
                    return None;
                }
            }
            let digits = first.is_ascii_digit();
            if !digits && !first.is_ascii_alphabetic() {
                return None;
            }
            let same = |c: char| match digits {
                true => c.is_ascii_digit(),
                false => c.is_ascii_alphabetic(),
            };
            let (run, after) = rest.split_at(rest.find(|c| !same(c)).unwrap_or(rest.len()));
            let alone = !after.starts_with(|c: char| c.is_ascii_alphanumeric());
            rest = after;
            match run {
                "x" | "X" if alone && !parts.is_empty() => family = true,
                _ if digits => parts.push(number(run, alone)?),
                _ if run.len() == 1 && alone => {
                    parts.push(Part::Letter(first.to_ascii_uppercase()));
                }
                _ => parts.push(Part::Name(run.to_ascii_lowercase())),
            }
        }
        let revision = matches!(parts.as_slice(), [Part::Letter(_)]);
        (!parts.is_empty()).then_some(Self { parts, family: family || revision })
    }

    /// Whether it is a version and not a sentence.
    fn is_plain(&self) -> bool {
        let plain = |part: &Part| match part {
            Part::Name(word) => {
                word.len() < WORD
                    || WORDS.contains(&word.as_str())
                    || word.starts_with(|c: char| c.is_ascii_digit())
            }
            _ => true,
        };
        self.parts.iter().all(plain)
    }

    /// Whether it may be the name of a model as well: `3120`.
    fn is_single_number(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Number(_)]) && !self.family
    }

    /// How `read` stands to this one.
    fn order(&self, read: &Self) -> Order {
        let is_zero = |part: &Part| matches!(part, Part::Number(it) if it.is_zero());
        let zeros = |parts: &[Part]| parts.iter().all(is_zero);
        for (at, known) in self.parts.iter().enumerate() {
            match (read.parts.get(at), known) {
                (Some(Part::Number(read)), Part::Number(known)) if read != known => {
                    return if read < known { Order::Less } else { Order::Greater };
                }
                (Some(Part::Letter(read)), Part::Letter(known)) if read != known => {
                    return if read < known { Order::Less } else { Order::Greater };
                }
                (Some(read), known) if read == known => {}
                // 12 may be any 12.1.3; but 12 is 12.0.
                (None, _) if zeros(self.parts.get(at..).unwrap_or_default()) => {
                    return Order::Equal;
                }
                _ => return Order::Unknown,
            }
        }
        match read.parts.get(self.parts.len()..).unwrap_or_default() {
            more if zeros(more) => Order::Equal,
            [Part::Number(_), ..] => Order::Finer,
            // 3.6.7 beta is before 3.6.7, and 9.2p1 after 9.2.
            _ => Order::Unknown,
        }
    }
}

/// `0` before more digits and a letter is part of a name: `012U000061`.
fn number(run: &str, alone: bool) -> Option<Part> {
    let number = Digits::parse(run)?;
    let is_name = run.starts_with('0') && run.len() >= WORD && !alone;
    Some(if is_name { Part::Name(run.to_owned()) } else { Part::Number(number) })
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    version: Version,
    /// Whether it belongs to the range itself.
    included: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Span {
    All,
    Only(Version),
    Between(Option<End>, Option<End>),
}

/// Whether a version is one of those that an advisory names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Inside,
    /// It is none of them.
    Outside,
    /// That cannot be said.
    Unknown,
}

impl Span {
    fn answer(&self, read: &Version) -> Answer {
        match self {
            Self::All => Answer::Unknown,
            Self::Only(known) => match known.order(read) {
                Order::Equal => Answer::Inside,
                Order::Finer if known.family => Answer::Inside,
                Order::Greater if !known.is_single_number() => Answer::Outside,
                // Nobody says that older ones were looked at.
                _ => Answer::Unknown,
            },
            Self::Between(lower, upper) => {
                let above = lower.as_ref().map_or(Answer::Inside, |it| it.above(read));
                let below = upper.as_ref().map_or(Answer::Inside, |it| it.below(read));
                match (above, below) {
                    (Answer::Outside, _) | (_, Answer::Outside) => Answer::Outside,
                    (Answer::Inside, Answer::Inside) => Answer::Inside,
                    _ => Answer::Unknown,
                }
            }
        }
    }
}

impl End {
    /// Whether something is above this one and below the other.
    fn meets(&self, upper: &Self) -> bool {
        !matches!(self.version.order(&upper.version), Order::Less | Order::Unknown)
    }

    fn above(&self, read: &Version) -> Answer {
        match self.version.order(read) {
            Order::Less => Answer::Outside,
            Order::Greater => Answer::Inside,
            Order::Equal if self.included => Answer::Inside,
            Order::Equal => Answer::Outside,
            Order::Finer if self.included => Answer::Inside,
            Order::Finer | Order::Unknown => Answer::Unknown,
        }
    }

    fn below(&self, read: &Version) -> Answer {
        match self.version.order(read) {
            Order::Less => Answer::Inside,
            Order::Greater => Answer::Outside,
            Order::Equal if self.included => Answer::Inside,
            Order::Equal => Answer::Outside,
            Order::Finer if !self.included => Answer::Outside,
            Order::Finer if self.version.family => Answer::Inside,
            // 9.33.1 is after 9.33, or one of those that are called 9.33.
            Order::Finer | Order::Unknown => Answer::Unknown,
        }
    }
}

/// The versions that an advisory names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    spans: Vec<Span>,
    /// More must hold that nobody sees: an edition, an option, a place.
    conditional: bool,
}

impl Versions {
    /// Reads a leaf of a product tree: `<= 9.33`, `>= 4.01 | <= 4.34`, `1.1 | 1.2`, `12.2.x`,
    /// `4.0 - 4.5`, `4.0+`, `Rev B-M`, `vers:all/*`. None for what is no range, and for what
    /// may be one and may be a version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let whole = words.join(" ");
        let (mut text, mut conditional) = (whole.as_str(), false);
        if let Some((before, note)) = text.split_once('(') {
            if !note.ends_with(')') || note.matches(')').count() != 1 {
                return None;
            }
            (text, conditional) = (before.trim_end(), true);
        }
        for word in CONDITIONS {
            if let Some((before, _)) = text.split_once(word) {
                (text, conditional) = (before, true);
            }
        }
        // vers:generic/>=1.0|<2.0 of the VERS specification is what everybody writes.
        if let Some(vers) = text.strip_prefix("vers:") {
            text = vers.split_once('/')?.1;
        }
        if text == "*" {
            return Some(Self { spans: vec![Span::All], conditional });
        }
        let mut spans = Vec::new();
        let mut lower: Option<End> = None;
        for term in text.split('|') {
            match Term::parse(term)? {
                Term::Lower(end) => {
                    spans.extend(lower.take().map(|it| Span::Between(Some(it), None)));
                    match spans.pop() {
                        // The ends of one range the other way round: `< 5 | >= 4`.
                        Some(Span::Between(None, Some(upper))) if end.meets(&upper) => {
                            spans.push(Span::Between(Some(end), Some(upper)));
                        }
                        before => {
                            spans.extend(before);
                            lower = Some(end);
                        }
                    }
                }
                Term::Upper(end) => {
                    if lower.as_ref().is_some_and(|lower| !lower.meets(&end)) {
                        return None;
                    }
                    spans.push(Span::Between(lower.take(), Some(end)));
                }
                Term::Span(span) => {
                    spans.extend(lower.take().map(|it| Span::Between(Some(it), None)));
                    spans.push(span);
                }
            }
            if spans.len() > MAX_SPANS {
                return None;
            }
        }
        spans.extend(lower.map(|it| Span::Between(Some(it), None)));
        Some(Self { spans, conditional })
    }

    /// Whether a version that was read is one of these.
    #[must_use]
    pub fn answer(&self, read: &str) -> Answer {
        let Some(read) = Version::parse(read) else { return Answer::Unknown };
        let answers = || self.spans.iter().map(|span| span.answer(&read));
        if answers().any(|it| it == Answer::Inside) {
            return if self.conditional { Answer::Unknown } else { Answer::Inside };
        }
        if answers().all(|it| it == Answer::Outside) { Answer::Outside } else { Answer::Unknown }
    }

    /// Whether a leaf is, letter by letter, what was read: `syngo MR E11`, which nothing else
    /// can be compared with.
    #[must_use]
    pub fn is_named(leaf: &str, read: &str) -> bool {
        let words = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
            words.join(" ")
        };
        let read = words(read);
        read.contains(|c: char| c.is_ascii_digit()) && leaf.split('|').any(|it| words(it) == read)
    }

    /// Whether it can ever say more than [`Answer::Unknown`].
    #[must_use]
    pub fn decides(&self) -> bool {
        self.spans.iter().any(|span| *span != Span::All)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(it) => write!(f, "{it}"),
            Self::Letter(it) => write!(f, "{it}"),
            Self::Name(it) => f.write_str(it),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            let dot = if at > 0 { "." } else { "" };
            write!(f, "{dot}{part}")?;
        }
        f.write_str(if self.family { ".*" } else { "" })
    }
}

/// How it was understood: `≥4.1 ≤4.34`, `1.1 or 1.2`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, span) in self.spans.iter().enumerate() {
            f.write_str(if at > 0 { " or " } else { "" })?;
            match span {
                Span::All => f.write_str("all")?,
                Span::Only(version) => write!(f, "{version}")?,
                Span::Between(lower, upper) => {
                    if let Some(End { version, included }) = lower {
                        write!(f, "{}{version}", if *included { "≥" } else { ">" })?;
                    }
                    if let Some(End { version, included }) = upper {
                        let gap = if lower.is_some() { " " } else { "" };
                        write!(f, "{gap}{}{version}", if *included { "≤" } else { "<" })?;
                    }
                }
            }
        }
        f.write_str(if self.conditional { ", on a condition" } else { "" })
    }
}

#[cfg(test)]
mod tests;
