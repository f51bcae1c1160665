//! Regular expressions for whole values.

use std::fmt;
use std::sync::OnceLock;

use regex::{Captures, Regex, RegexBuilder};

/// Compiled size of one pattern; a hostile or careless one stops here.
const PATTERN_BYTES: usize = 1 << 20;
/// Patterns and values longer than a fact (256 characters) by this much are a mistake.
pub(super) const MAX_TEXT: usize = 2048;

/// A regular expression for a whole value. Those in this binary are compiled when they
/// are first asked: most runs see few of the keys that they look at.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Of a file in this binary: a test compiles it.
    pub(in crate::census) fn tested(pattern: &str) -> Self {
        Self { text: anchored(&ascii_classes(pattern)), regex: OnceLock::new() }
    }

    /// Compiled at once.
    pub(in crate::census) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_TEXT {
            return Err("pattern is too long".into());
        }
        let pattern = ascii_classes(pattern);
        let build = |text: &str| {
            build(text).map_err(|e| {
                let said = e.to_string();
                format!("pattern: {}", said.lines().last().unwrap_or_default().trim())
            })
        };
        // Alone first, so that an unbalanced `)` cannot escape the anchors.
        build(&pattern)?;
        let text = anchored(&pattern);
        let regex = build(&text)?;
        Ok(Self { text, regex: OnceLock::from(Some(regex)) })
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| build(&self.text).ok()).as_ref()
    }

    pub(in crate::census) fn is_match(&self, value: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(value))
    }

    pub(in crate::census) fn captures<'v>(&self, value: &'v str) -> Option<Captures<'v>> {
        self.regex()?.captures(value)
    }

    /// How many groups it has.
    pub(in crate::census) fn groups(&self) -> usize {
        self.regex().map_or(0, |regex| regex.captures_len() - 1)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(PATTERN_BYTES).nest_limit(50).build()
}

fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// `\d`, `\w` and `\s` of ASCII only: Unicode's are a hundred times larger, and a
/// version number in other digits is no version number.
fn ascii_classes(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('d')) => text.push_str("[0-9]"),
            ('\\', Some('D')) => text.push_str("[^0-9]"),
            ('\\', Some('w')) => text.push_str("[0-9A-Za-z_]"),
            ('\\', Some('W')) => text.push_str("[^0-9A-Za-z_]"),
            ('\\', Some('s')) => text.push_str("[ \\t]"),
            ('\\', Some('S')) => text.push_str("[^ \\t]"),
            ('\\', Some('b')) => text.push_str("(?-u:\\b)"),
            (c, next) => {
                text.push(c);
                text.extend(next);
            }
        }
    }
    text
}
