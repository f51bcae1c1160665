//! Signatures: data that turns a fact into attributes. See `signatures/README.md`.
//!
//! ```text
//!  key = value ─▸ equals ─▸ domain ─▸ longest prefix ─▸ patterns in order ─▸ set
//!                 └────────── the first whose `when` holds ──────────┘
//! ```
//!
//! [`Book`] holds them compiled; [`check()`] is the linter. Everything here is pure
//! but reading the overlay directory.

mod attribute;
mod book;
mod builtin;
mod check;
mod classes;
mod load;
mod makers;
pub mod oui;
mod parse;
mod pattern;

use std::borrow::Cow;
use std::fmt;

pub use attribute::{ATTRIBUTES, is_known};
pub use book::{Book, Source};
pub use builtin::EDITION;
pub(in crate::census) use builtin::{ALIASES, RISK, SUPPORT};
pub use check::check;
pub use classes::{CATEGORIES, Class, Classes};
pub(in crate::census) use load::directory as overlay;
pub use pattern::Pattern;

/// How sure a `hint` is: it needs company.
pub const HINT_CONFIDENCE: f32 = 0.3;

/// One block: when a fact looks like this, the device is that.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Unique, dotted, the file's topic first.
    pub id: String,
    /// The facts it looks at: `protocol.field`.
    pub keys: Vec<String>,
    /// What the value must look like.
    pub matcher: Matcher,
    /// Other facts of the same message that must match too.
    pub when: Vec<(String, Pattern)>,
    /// How often the statement is true when this matches, from 0 to 1.
    pub confidence: f32,
    /// Where the fact is from.
    pub source: String,
    /// From memory: nobody has checked it.
    pub unverified: bool,
    /// The value is known to say nothing.
    pub not: bool,
    /// Attribute and template.
    pub set: Vec<(&'static str, String)>,
    /// Attribute and template of what is only likely, at [`HINT_CONFIDENCE`].
    pub hint: Vec<(&'static str, String)>,
    /// Values that it must win, and what it then says.
    pub examples: Vec<Example>,
    /// Values that it must leave to others.
    pub never: Vec<String>,
    /// File name, for messages.
    pub file: String,
    /// Line of the block in its file, from 1.
    pub line: usize,
}

impl Signature {
    /// Whether the other facts of the message are as `when` demands.
    fn holds(&self, others: &[(&str, &str)]) -> bool {
        self.when.iter().all(|(key, pattern)| {
            others.iter().any(|(other, value)| other == key && pattern.is_match(value))
        })
    }

    /// Whether it says how a device is exposed, not what it is.
    #[must_use]
    pub fn exposes(&self) -> bool {
        self.id.starts_with(attribute::EXPOSURE)
    }

    fn fault(&self, what: String) -> Fault {
        Fault { file: self.file.clone(), line: self.line, id: self.id.clone(), what }
    }
}

/// How a value is recognised. Texts are kept in lower case.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The whole value, without regard to case.
    Equals(Vec<String>),
    /// A DNS name or any name below it.
    Domain(Vec<String>),
    /// The start of the value, without regard to case.
    Prefix(Vec<String>),
    /// A regular expression for the whole value.
    Pattern(Pattern),
}

/// A value with what the signature must say of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The fact's value.
    pub value: String,
    /// Other facts of the message.
    pub with: Vec<(String, String)>,
    /// Attributes that must come out; others may too.
    pub set: Vec<(String, String)>,
}

/// What a fact says.
#[derive(Clone, Debug)]
pub struct Match<'a> {
    /// Who says so.
    pub signature: &'a Signature,
    /// Attribute and value, sorted by attribute, at the signature's confidence.
    pub set: Vec<(&'a str, Cow<'a, str>)>,
    /// The same for what is only likely, at [`HINT_CONFIDENCE`] or less.
    pub hints: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Match<'a> {
    /// Attribute, value and confidence of everything said, hints last.
    pub fn said(&self) -> impl Iterator<Item = (&'a str, &Cow<'a, str>, f32)> {
        let sure = self.signature.confidence;
        let set = self.set.iter().map(move |(name, value)| (*name, value, sure));
        let hint = sure.min(HINT_CONFIDENCE);
        set.chain(self.hints.iter().map(move |(name, value)| (*name, value, hint)))
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.said().find(|(name, ..)| *name == attribute).map(|(_, value, _)| value.as_ref())
    }
}

/// Something wrong in a file of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// File name.
    pub file: String,
    /// Line of the block, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// Id of the signature; empty when unknown.
    pub id: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.id.is_empty() {
            write!(f, ": {}", self.id)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The signatures cannot be used; every fault that was found.
#[derive(Debug)]
pub struct BookError(pub Vec<Fault>);

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("signatures cannot be read"),
            [only] => write!(f, "{only}"),
            [first, rest @ ..] => write!(f, "{first} (and {} more)", rest.len()),
        }
    }
}

impl std::error::Error for BookError {}

#[cfg(test)]
mod tests;
