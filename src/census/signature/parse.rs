//! TOML text to [`Signature`]s, strictly: whatever is not understood is a fault.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use toml::Spanned;

use super::classes::{CATEGORIES, Classes};
use super::pattern::{MAX_TEXT, Pattern};
use super::{Example, Fault, HINT_CONFIDENCE, Matcher, Signature, attribute};

/// The highest confidence of a fact that nobody has verified.
const UNVERIFIED_CEILING: f32 = HINT_CONFIDENCE;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    signature: Vec<Spanned<Block>>,
}

/// One `[[signature]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    id: String,
    key: OneOrMany,
    equals: Option<OneOrMany>,
    domain: Option<OneOrMany>,
    prefix: Option<OneOrMany>,
    pattern: Option<String>,
    #[serde(default)]
    when: BTreeMap<String, String>,
    confidence: f32,
    source: String,
    #[serde(default)]
    unverified: bool,
    #[serde(default)]
    not: bool,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    hint: BTreeMap<String, String>,
    #[serde(default)]
    examples: Vec<ExampleBlock>,
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleBlock {
    value: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// Whether the patterns of a file are tried when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patterns {
    /// All of them, before anything is asked.
    Tried,
    /// A test has tried them.
    Tested,
}

/// Reads one file. Faults go to `faults`; a block with a fault is left out.
pub(super) fn signatures(
    file: &str,
    text: &str,
    (classes, patterns): (&Classes, Patterns),
    faults: &mut Vec<Fault>,
) -> Vec<Signature> {
    let document: Document = match toml::from_str(text) {
        Ok(document) => document,
        Err(e) => {
            let at = e.span().map(|span| span.start);
            faults.push(Fault {
                file: file.to_owned(),
                line: at.map_or(0, |at| line_of(text, at)),
                id: at.and_then(|at| id_before(text, at)).unwrap_or_default(),
                what: e.message().to_owned(),
            });
            return Vec::new();
        }
    };
    let mut seen = HashMap::new();
    let mut signatures = Vec::with_capacity(document.signature.len());
    let (mut line, mut counted) = (1, 0);
    for block in document.signature {
        // Counted on from block to block, which stand in their order.
        let start = block.span().start;
        line += line_of(text.get(counted..).unwrap_or_default(), start.saturating_sub(counted)) - 1;
        counted = start;
        let block = block.into_inner();
        let id = block.id.clone();
        let mut fault = |what: String| {
            faults.push(Fault { file: file.to_owned(), line, id: id.clone(), what });
        };
        if let Some(first) = seen.insert(block.id.clone(), line) {
            fault(format!("the same id stands at line {first}"));
            continue;
        }
        match compile(block, (file, line), classes, patterns) {
            Ok(signature) => signatures.push(signature),
            Err(what) => fault(what),
        }
    }
    signatures
}

/// Line number, from 1, of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|&&b| b == b'\n').count() + 1
}

/// The id of the block in which a byte offset lies, for faults that TOML itself finds.
fn id_before(text: &str, offset: usize) -> Option<String> {
    let blocks = text.match_indices("[[signature]]");
    let (start, _) = blocks.take_while(|&(at, _)| at <= offset).last()?;
    let line = text.get(start..)?.lines().skip(1).find(|l| l.trim_start().starts_with("id"))?;
    let (_, value) = line.split_once('=')?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn compile(
    block: Block,
    (file, line): (&str, usize),
    classes: &Classes,
    patterns: Patterns,
) -> Result<Signature, String> {
    let pattern = |text: &str| match patterns {
        Patterns::Tried => Pattern::new(text),
        Patterns::Tested => Ok(Pattern::tested(text)),
    };
    if !is_id(&block.id) {
        return Err("an id is lower-case words, digits and dashes joined by dots".into());
    }
    let keys = block.key.into_vec();
    if keys.is_empty() || !keys.iter().all(|key| is_key(key)) {
        return Err("a key is `protocol.field`".into());
    }
    if !(0.0..=1.0).contains(&block.confidence) {
        return Err("confidence is from 0 to 1".into());
    }
    if block.unverified && block.confidence > UNVERIFIED_CEILING {
        return Err(format!("unverified, so confidence is at most {UNVERIFIED_CEILING}"));
    }
    if block.source.trim().is_empty() {
        return Err("source is empty".into());
    }
    let own = block.pattern.as_deref().map(pattern).transpose()?;
    let matcher = matcher(block.equals, block.domain, block.prefix, own)?;
    // Counting groups takes a compiled pattern.
    let groups = match &matcher {
        Matcher::Pattern(_) if patterns == Patterns::Tested => usize::MAX,
        Matcher::Pattern(pattern) => pattern.groups(),
        _ => 0,
    };
    let set = settings(block.set, groups, classes)?;
    let hint = settings(block.hint, groups, classes)?;
    if block.not != (set.is_empty() && hint.is_empty()) {
        return Err("either `not = true` or something to `set` or `hint`".into());
    }
    let exposes = block.id.starts_with(attribute::EXPOSURE);
    if set.iter().chain(&hint).any(|(name, _)| attribute::EXPOSED.contains(name) != exposes)
        || (exposes && !block.when.is_empty())
    {
        let topic = attribute::EXPOSURE;
        return Err(format!("`exposure` and `certificate_end` are of `{topic}`, without `when`"));
    }
    if let Some((name, _)) = hint.iter().find(|(name, _)| set.iter().any(|(n, _)| n == name)) {
        return Err(format!("{name} stands in `set` and in `hint`"));
    }
    let when = block
        .when
        .into_iter()
        .map(|(key, text)| {
            if !is_key(&key) {
                return Err(format!("when: `{key}` is not `protocol.field`"));
            }
            Ok((key, pattern(&text)?))
        })
        .collect::<Result<_, String>>()?;
    let examples = block
        .examples
        .into_iter()
        .map(|e| Example {
            value: e.value,
            with: e.with.into_iter().collect(),
            set: e.set.into_iter().collect(),
        })
        .collect();
    Ok(Signature {
        id: block.id,
        keys,
        matcher,
        when,
        confidence: block.confidence,
        source: block.source,
        unverified: block.unverified,
        not: block.not,
        set,
        hint,
        examples,
        never: block.never,
        file: file.to_owned(),
        line,
    })
}

fn matcher(
    equals: Option<OneOrMany>,
    domain: Option<OneOrMany>,
    prefix: Option<OneOrMany>,
    pattern: Option<Pattern>,
) -> Result<Matcher, String> {
    let texts = |texts: OneOrMany| {
        let texts = texts.into_vec();
        let fits = |t: &String| !t.is_empty() && t.len() <= MAX_TEXT;
        if texts.is_empty() || !texts.iter().all(fits) {
            return Err("a text to match is empty or too long".to_owned());
        }
        Ok(texts.iter().map(|text| text.to_lowercase()).collect())
    };
    match (equals, domain, prefix, pattern) {
        (Some(it), None, None, None) => Ok(Matcher::Equals(texts(it)?)),
        (None, Some(it), None, None) => Ok(Matcher::Domain(texts(it)?)),
        (None, None, Some(it), None) => Ok(Matcher::Prefix(texts(it)?)),
        (None, None, None, Some(it)) => Ok(Matcher::Pattern(it)),
        _ => Err("exactly one of equals, domain, prefix, pattern".into()),
    }
}

fn settings(
    set: BTreeMap<String, String>,
    groups: usize,
    classes: &Classes,
) -> Result<Vec<(&'static str, String)>, String> {
    let mut settings = Vec::with_capacity(set.len());
    for (name, value) in set {
        let Some(known) = attribute::interned(&name) else {
            return Err(format!("set: no attribute `{name}`"));
        };
        if value.trim().is_empty() || value.len() > MAX_TEXT {
            return Err(format!("set: {name} is empty or too long"));
        }
        if let Some(bad) = placeholders(&value).find(|n| n.is_none_or(|n| n > groups)) {
            return Err(match bad {
                Some(n) => format!("set: {name} uses ${n} of {groups} groups"),
                None => format!("set: {name}: after `$` comes a digit or `$`"),
            });
        }
        let allowed = match known {
            "device_class" => classes.contains_key(&value),
            "device_category" => CATEGORIES.contains(&value.as_str()),
            "os_role" => ["client", "server"].contains(&value.as_str()),
            _ => true,
        };
        if !allowed {
            return Err(format!("set: no {name} `{value}`"));
        }
        settings.push((known, value));
    }
    Ok(settings)
}

/// The group numbers that a template names; `None` for a stray `$`.
fn placeholders(template: &str) -> impl Iterator<Item = Option<usize>> + '_ {
    let mut chars = template.chars();
    std::iter::from_fn(move || {
        while let Some(c) = chars.next() {
            if c != '$' {
                continue;
            }
            match chars.next() {
                Some('$') => {}
                Some(c) => {
                    return Some(c.to_digit(10).and_then(|digit| usize::try_from(digit).ok()));
                }
                None => return Some(None),
            }
        }
        None
    })
}

fn is_id(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        })
}

fn is_key(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split_once('.').is_some_and(|(protocol, field)| word(protocol) && word(field))
}
