//! Compiled signatures and the question they answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;
use regex::Captures;

use super::classes::{Class, Classes};
use super::makers::Makers;
use super::parse::Patterns;
use super::{BookError, Fault, Match, Matcher, Signature, builtin, classes, load, parse};
use crate::observe::text::LEFT_OUT;

/// One file of signatures: its name and its text.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// File name, for messages.
    pub name: &'a str,
    /// TOML.
    pub text: &'a str,
}

/// All signatures, ready to be asked.
#[derive(Debug)]
pub struct Book {
    signatures: Vec<Signature>,
    /// How many at the start of `signatures` came from an overlay.
    overlaid: usize,
    by_key: HashMap<String, Index, RandomState>,
    /// Those that say how a device is exposed, by key.
    exposures: HashMap<String, Index, RandomState>,
    by_id: HashMap<String, usize>,
    classes: Classes,
    makers: Makers,
}

/// The signatures of one key in the order in which they are asked.
#[derive(Clone, Debug, Default)]
struct Index {
    equals: HashMap<String, Vec<usize>, RandomState>,
    domains: HashMap<String, Vec<usize>, RandomState>,
    prefixes: HashMap<String, Vec<usize>, RandomState>,
    /// Lengths of the prefixes, longest first.
    lengths: Vec<usize>,
    patterns: Vec<usize>,
}

impl Book {
    /// The signatures in this binary, read once.
    ///
    /// # Panics
    /// Never: a test compiles them.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        static BOOK: LazyLock<Arc<Book>> = LazyLock::new(|| {
            let book = Book::own(Patterns::Tested).expect("the built-in signatures are tested");
            Arc::new(book)
        });
        &BOOK
    }

    /// Reads the files in this binary.
    pub(super) fn own(patterns: Patterns) -> Result<Self, BookError> {
        let mut faults = Vec::new();
        let (name, text) = builtin::CLASSES;
        let classes = read_classes(&Source { name, text }, &mut faults);
        let mut makers = Makers::default();
        let (name, text) = builtin::MAKERS;
        read_makers(&mut makers, &Source { name, text }, &mut faults);
        let mut signatures: Vec<Signature> = Vec::new();
        let mut ids: HashMap<String, usize> = HashMap::new();
        for (name, text) in builtin::FILES {
            for signature in parse::signatures(name, text, (&classes, patterns), &mut faults) {
                match ids.insert(signature.id.clone(), signatures.len()) {
                    Some(first) => {
                        let other = signatures.get(first).map_or("", |s| s.file.as_str());
                        faults.push(signature.fault(format!("the same id stands in {other}")));
                    }
                    None => signatures.push(signature),
                }
            }
        }
        if faults.is_empty() {
            Ok(Self::index(signatures, 0, (classes, makers)))
        } else {
            Err(BookError(faults))
        }
    }

    /// The built-in signatures with the `*.toml` files of a directory laid over them.
    ///
    /// # Errors
    /// Every fault of every file, and a directory or file that cannot be read.
    pub fn load(overlay: Option<&Path>) -> Result<Self, BookError> {
        let files = overlay.map_or_else(|| Ok(Vec::new()), load::directory)?;
        let sources: Vec<_> =
            files.iter().map(|(name, text)| Source { name: name.as_str(), text }).collect();
        Self::from_sources(&sources)
    }

    /// The built-in signatures with these files laid over them, the last one uppermost.
    ///
    /// A block with a known id takes the place of the known one; new blocks are asked
    /// before the built-in ones. A file `classes.toml` adds or renames device classes,
    /// `makers.toml` names of makers; `risk.toml` and `support.toml` are no signatures and passed over.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn from_sources(overlay: &[Source<'_>]) -> Result<Self, BookError> {
        let own = Self::builtin();
        let mut faults = Vec::new();
        let mut classes = own.classes.clone();
        let (of_classes, of_signatures): (Vec<_>, Vec<_>) =
            overlay.iter().partition(|source| source.name == builtin::CLASSES.0);
        for source in of_classes {
            classes.extend(read_classes(source, &mut faults));
        }
        let mut makers = own.makers.clone();
        let is_makers = |source: &&&Source<'_>| source.name == builtin::MAKERS.0;
        let (of_makers, of_signatures): (Vec<_>, Vec<_>) =
            of_signatures.iter().partition(is_makers);
        for source in of_makers {
            read_makers(&mut makers, source, &mut faults);
        }
        let mut found: Vec<Signature> = Vec::new();
        let of_overlay = (&classes, Patterns::Tried);
        let weights = [builtin::ALIASES.0, builtin::RISK.0, builtin::SUPPORT.0];
        for source in of_signatures.into_iter().filter(|it| !weights.contains(&it.name)) {
            found.extend(parse::signatures(source.name, source.text, of_overlay, &mut faults));
        }
        if !faults.is_empty() {
            return Err(BookError(faults));
        }
        let mut known = own.signatures.clone();
        let mut new: Vec<Signature> = Vec::new();
        for signature in found {
            let place = own.by_id.get(&signature.id).and_then(|&at| known.get_mut(at));
            let place = place.or_else(|| new.iter_mut().find(|s| s.id == signature.id));
            match place {
                Some(old) => *old = signature,
                None => new.push(signature),
            }
        }
        let overlaid = new.len();
        new.append(&mut known);
        Ok(Self::index(new, overlaid, (classes, makers)))
    }

    fn index(
        signatures: Vec<Signature>,
        overlaid: usize,
        (classes, makers): (Classes, Makers),
    ) -> Self {
        let mut by_key: HashMap<String, Index, RandomState> = HashMap::default();
        let mut exposures = by_key.clone();
        let mut by_id = HashMap::new();
        for (at, signature) in signatures.iter().enumerate() {
            by_id.insert(signature.id.clone(), at);
            for key in &signature.keys {
                let all = if signature.exposes() { &mut exposures } else { &mut by_key };
                let index = all.entry(key.clone()).or_default();
                let (map, texts) = match &signature.matcher {
                    Matcher::Equals(texts) => (&mut index.equals, texts),
                    Matcher::Domain(texts) => (&mut index.domains, texts),
                    Matcher::Prefix(texts) => (&mut index.prefixes, texts),
                    Matcher::Pattern(_) => {
                        index.patterns.push(at);
                        continue;
                    }
                };
                for text in texts {
                    map.entry(text.clone()).or_default().push(at);
                }
            }
        }
        for index in by_key.values_mut().chain(exposures.values_mut()) {
            index.lengths = index.prefixes.keys().map(String::len).collect();
            index.lengths.sort_unstable_by(|a, b| b.cmp(a));
            index.lengths.dedup();
        }
        Self { signatures, overlaid, by_key, exposures, by_id, classes, makers }
    }

    /// Whether any signature looks at this key.
    #[must_use]
    pub fn knows(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// How `key=value` exposes a device: the first signature of that topic that matches.
    /// They are asked of each fact alone, beside those of [`Self::matches`].
    #[must_use]
    pub fn exposes<'a>(&'a self, key: &str, value: &str) -> Option<Match<'a>> {
        self.first_of(self.exposures.get(key)?, value, &[])
    }

    /// Everything that `key=value` says: the first signature that matches, and what
    /// it sets. A signature that is known to say nothing (`not`) sets nothing.
    ///
    /// `others` are the other facts of the same message, for `when`.
    #[must_use]
    pub fn matches<'a>(
        &'a self,
        key: &str,
        value: &str,
        others: &[(&str, &str)],
    ) -> Option<Match<'a>> {
        self.first_of(self.by_key.get(key)?, value, others)
    }

    fn first_of<'a>(
        &'a self,
        index: &'a Index,
        value: &str,
        others: &[(&str, &str)],
    ) -> Option<Match<'a>> {
        let at = index
            .candidates(value, &self.signatures)
            .find(|&at| self.signatures.get(at).is_some_and(|signature| signature.holds(others)))?;
        let signature = self.signatures.get(at)?;
        let captures = match &signature.matcher {
            Matcher::Pattern(pattern) => Some(pattern.captures(value)?),
            _ => None,
        };
        let fill = |templates: &'a [(&'static str, String)]| {
            templates
                .iter()
                .map(|(name, template)| (*name, expand(template, value, captures.as_ref())))
                .map(|(name, text)| (name, self.one_name(name, text)))
                // A value that is not whole is none.
                .filter(|(_, text)| !text.is_empty() && !text.contains(LEFT_OUT))
                .collect()
        };
        Some(Match { signature, set: fill(&signature.set), hints: fill(&signature.hint) })
    }

    /// Of a maker the one name; any other text as it is.
    fn one_name<'a>(&'a self, attribute: &str, text: Cow<'a, str>) -> Cow<'a, str> {
        match text {
            // Signatures name makers as they are called.
            Cow::Owned(text) if attribute == "manufacturer" => {
                self.makers.name(&text).map_or(Cow::Owned(text.clone()), Cow::Borrowed)
            }
            text => text,
        }
    }

    /// The signature with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Signature> {
        self.by_id.get(id).and_then(|&at| self.signatures.get(at))
    }

    /// All signatures in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.signatures.iter()
    }

    /// Whether a signature is an addition of an overlay.
    #[must_use]
    pub fn is_overlaid(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|&at| at < self.overlaid)
    }

    /// A device class by its name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.get(name)
    }

    /// All device classes, by name.
    #[must_use]
    pub const fn classes(&self) -> &Classes {
        &self.classes
    }
}

impl Index {
    /// Signatures whose matcher accepts the value, in order of precedence.
    fn candidates<'a>(
        &'a self,
        value: &'a str,
        signatures: &'a [Signature],
    ) -> impl Iterator<Item = usize> + 'a {
        let lower = value.to_lowercase();
        let mut found: Vec<usize> = Vec::new();
        found.extend(self.equals.get(&lower).into_iter().flatten());
        if !self.domains.is_empty() {
            // The longest name first: the whole, then without its first label, …
            let name = lower.strip_suffix('.').unwrap_or(&lower);
            let mut rest = Some(name);
            while let Some(tail) = rest {
                found.extend(self.domains.get(tail).into_iter().flatten());
                rest = tail.split_once('.').map(|(_, tail)| tail);
            }
        }
        for &length in &self.lengths {
            if let Some(start) = lower.get(..length) {
                found.extend(self.prefixes.get(start).into_iter().flatten());
            }
        }
        let patterns = self.patterns.iter().copied().filter(move |&at| {
            signatures.get(at).is_some_and(|signature| match &signature.matcher {
                Matcher::Pattern(pattern) => pattern.is_match(value),
                _ => false,
            })
        });
        found.into_iter().chain(patterns)
    }
}

fn read_makers(makers: &mut Makers, source: &Source<'_>, faults: &mut Vec<Fault>) {
    if let Err((at, what)) = makers.learn(source.text) {
        let line = at.map_or(0, |at| parse::line_of(source.text, at));
        faults.push(Fault { file: source.name.to_owned(), line, id: String::new(), what });
    }
}

fn read_classes(source: &Source<'_>, faults: &mut Vec<Fault>) -> Classes {
    classes::parse(source.text).unwrap_or_else(|(at, what)| {
        let line = at.map_or(0, |at| parse::line_of(source.text, at));
        faults.push(Fault { file: source.name.to_owned(), line, id: String::new(), what });
        Classes::new()
    })
}

/// `$0`…`$9` become the groups, `$$` a dollar; a group that took no part is empty.
fn expand<'a>(template: &'a str, value: &str, captures: Option<&Captures<'_>>) -> Cow<'a, str> {
    if !template.contains('$') {
        return Cow::Borrowed(template);
    }
    let mut text = String::with_capacity(template.len() + value.len());
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '$' {
            text.push(c);
            continue;
        }
        match chars.next().map(|c| (c, c.to_digit(10))) {
            Some((_, Some(0))) => text.push_str(value),
            Some((_, Some(n))) => {
                let group = captures.zip(usize::try_from(n).ok()).and_then(|(c, n)| c.get(n));
                text.push_str(group.map_or("", |group| group.as_str()));
            }
            Some((c, None)) => text.push(c),
            None => {}
        }
    }
    Cow::Owned(text.trim().to_owned())
}
