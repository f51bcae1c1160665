//! The little of XML 1.0 that device messages need: tags, their attributes and the text
//! between them, in order. No entity is expanded but the five that are built in, no
//! declaration is followed, nothing is kept.

use std::borrow::Cow;

/// Tags and texts of one document that are looked at.
const MAX_EVENTS: usize = 4096;
/// How deep a document may be for [`Path`].
const MAX_DEPTH: usize = 32;

/// `</`, and the prefix of a name with its colon.
const MAX_PREFIX: usize = 64;

/// Where a closing tag ends that ends behind `known`; of its name with the `>`.
pub(super) fn closing(bytes: &[u8], name: &[u8], known: usize) -> Option<usize> {
    let from = known.saturating_sub(name.len());
    let closes = |at: &usize| {
        let before = bytes.get(at.saturating_sub(MAX_PREFIX)..*at).unwrap_or_default();
        let tag = before.iter().rposition(|&b| b == b'<').and_then(|it| before.get(it..));
        tag.is_some_and(|tag| tag.starts_with(b"</"))
    };
    let all = memchr::memmem::find_iter(bytes.get(from..)?, name).map(|at| from.saturating_add(at));
    all.filter(closes).map(|at| at.saturating_add(name.len())).find(|end| *end > known)
}

/// What a document consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// `<p:name attributes>`: the name without its prefix; `empty` when it ends with `/>`.
    Open { name: &'a str, attributes: &'a str, empty: bool },
    /// Text between tags, as it stands.
    Text(&'a str),
    /// `</p:name>`.
    Close,
}

/// Reads events from a text, until it makes no sense.
pub(super) fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || next(&mut rest)).take(MAX_EVENTS)
}

fn next<'a>(rest: &mut &'a str) -> Option<Event<'a>> {
    loop {
        if rest.is_empty() {
            return None;
        }
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, behind) = rest.split_at_checked(end)?;
            *rest = behind;
            return Some(Event::Text(text));
        };
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>"), ("!", ">")];
        if let Some((_, end)) = skipped.iter().find(|(begin, _)| tag.starts_with(begin)) {
            *rest = tag.split_once(end)?.1;
            continue;
        }
        let (inside, behind) = tag.split_once('>')?;
        *rest = behind;
        if inside.starts_with('/') {
            return Some(Event::Close);
        }
        let (name, attributes, empty) = open(inside);
        return Some(Event::Open { name, attributes, empty });
    }
}

/// Takes apart what stands between `<` and `>`.
pub(super) fn open(inside: &str) -> (&str, &str, bool) {
    let (inside, empty) = match inside.strip_suffix('/') {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let (name, attributes) =
        inside.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inside, ""));
    (local(name), attributes, empty)
}

/// A qualified name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The value of an attribute, by its name without prefix.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = attributes;
    loop {
        let (key, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = behind.strip_prefix(quote)?.split_once(quote)?;
        if local(key.trim()) == name {
            return Some(unescape(value));
        }
        rest = behind;
    }
}

/// With the five entities that are built in, and characters by number.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let Some((name, behind)) = behind.split_once(';') else { break };
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        plain.extend(match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
                (Some(hex), _) => number(hex, 16).and_then(char::from_u32),
                (None, Some(digits)) => number(digits, 10).and_then(char::from_u32),
                _ => None,
            },
        });
        rest = behind;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The names of the elements around the place that was reached.
#[derive(Default)]
pub(super) struct Path<'a>(Vec<&'a str>);

impl<'a> Path<'a> {
    /// Follows an event; none when the document is deeper than anybody needs.
    pub(super) fn follow(&mut self, event: Event<'a>) -> Option<()> {
        match event {
            Event::Open { name, empty: false, .. } => {
                if self.0.len() >= MAX_DEPTH {
                    return None;
                }
                self.0.push(name);
            }
            Event::Close => drop(self.0.pop()),
            _ => {}
        }
        Some(())
    }

    /// Whether the innermost elements have these names, the last one innermost.
    pub(super) fn ends_with(&self, names: &[&str]) -> bool {
        self.0.ends_with(names)
    }

    /// Whether an element of this name is around.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    /// The innermost element.
    pub(super) fn last(&self) -> &'a str {
        self.0.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text() {
        let text =
            "\u{feff}<?xml v='>'?><!-- <x> --><s:a b=\"1 &amp; &#x41;\" d:c='2'>t<e/></s:a>x";
        let all: Vec<_> = events(text.trim_start_matches('\u{feff}')).collect();
        let attributes = "b=\"1 &amp; &#x41;\" d:c='2'";
        assert_eq!(
            all,
            [
                Event::Open { name: "a", attributes, empty: false },
                Event::Text("t"),
                Event::Open { name: "e", attributes: "", empty: true },
                Event::Close,
                Event::Text("x")
            ]
        );
        assert_eq!(attribute(attributes, "b").as_deref(), Some("1 & A"));
        assert_eq!(attribute(attributes, "c").as_deref(), Some("2"));
        assert_eq!(attribute(attributes, "d"), None);
        assert_eq!(attribute("a=b", "a"), None);
    }

    #[test]
    fn a_document_ends_with_its_last_tag() {
        let end = |text: &str, known| closing(text.as_bytes(), b"Envelope>", known);
        assert_eq!(end("<s:Envelope>a</s:Envelope>\n<b>", 0), Some(26));
        assert_eq!(end("</Envelope></Envelope>", 0), Some(11));
        assert_eq!(end("</Envelope></Envelope>", 10), Some(11));
        assert_eq!(end("</Envelope></Envelope>", 11), Some(22));
        for open in ["", "<s:Envelope>", "</s:Envelope", "Envelope>", "</a><s:Envelope>"] {
            assert_eq!(end(open, 0), None, "{open}");
        }
        assert_eq!(end("</Envelope>", 11), None);
    }

    #[test]
    fn nonsense_ends_it() {
        for text in ["<a", "<!-- <a>", "<![CDATA[<a>", "<?a>"] {
            assert_eq!(events(text).next(), None, "{text}");
        }
        assert_eq!(events(&"<a>".repeat(9999)).count(), MAX_EVENTS);
        let mut path = Path::default();
        let open = Event::Open { name: "a", attributes: "", empty: false };
        assert_eq!((0..99).filter(|_| path.follow(open).is_some()).count(), MAX_DEPTH);
    }

    #[test]
    fn a_path_is_followed() {
        let mut path = Path::default();
        for event in events("<a><b/><c>") {
            path.follow(event).unwrap();
        }
        assert!(path.ends_with(&["a", "c"]) && path.contains("a") && !path.contains("b"));
        path.follow(Event::Close).unwrap();
        assert_eq!(path.last(), "a");
    }
}
