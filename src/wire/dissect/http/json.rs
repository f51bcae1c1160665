//! Strings of a JSON text (RFC 8259) with the names around them, as far as the text
//! goes: of a long one only the beginning is there.

/// How deep names are followed; what lies deeper is passed over.
const MAX_DEPTH: usize = 64;

/// Calls `tell` with each string that is the value of a member, and the names on its way
/// through objects alone: what stands in an array is not told.
pub(super) fn strings(text: &str, mut tell: impl FnMut(&[&str], &str)) {
    // One entry for each open brace or bracket; none inside an array.
    let mut open: Vec<Option<&str>> = Vec::new();
    let mut rest = text;
    let mut name: Option<&str> = None;
    while let Some(at) = rest.find(['{', '}', '[', ']', '"', ',']) {
        let mut letters = rest.get(at..).unwrap_or_default().chars();
        let letter = letters.next();
        rest = letters.as_str();
        match letter {
            Some('{') => open.push(Some(name.take().unwrap_or_default())),
            Some('[') => {
                name = None;
                open.push(None);
            }
            Some('}' | ']') => {
                name = None;
                open.pop();
            }
            Some(',') => name = None,
            _ => {
                let Some((string, behind)) = string(rest) else { return };
                rest = behind;
                let inside = open.last().is_some_and(Option::is_some);
                match (name, rest.trim_start().starts_with(':')) {
                    (None, true) => name = Some(string),
                    (Some(last), false) if inside => {
                        let path: Option<Vec<&str>> =
                            open.iter().skip(1).copied().chain([Some(last)]).collect();
                        // An escape is rare in a name of a product; such a text is not told.
                        if let Some(path) = path.filter(|_| !string.contains('\\')) {
                            tell(&path, string);
                        }
                        name = None;
                    }
                    _ => name = None,
                }
            }
        }
        if open.len() > MAX_DEPTH {
            return;
        }
    }
}

/// What stands before the next quote that is not escaped, and what behind it.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        strings(text, |path, value| found.push(format!("{}={value}", path.join("."))));
        found
    }

    #[test]
    fn members_of_objects() {
        assert_eq!(
            all(
                r#" {"a" : "1", "b":{"c":"2","d":[{"e":"no"},"no"],"f":3,"g":"4"},"h":"x\"y","i":"5"}"#
            ),
            ["a=1", "b.c=2", "b.g=4", "i=5"]
        );
    }

    #[test]
    fn nonsense_and_cut_texts() {
        for text in ["", "\"", "{\"a", "{\"a\":\"b", "}}}\"a\":\"b\"", "[\"a\"", "\"a\""] {
            assert!(all(text).is_empty(), "{text}");
        }
        assert!(all(&"{\"a\":".repeat(9999)).is_empty());
        assert_eq!(all("{\"a\":\"1\",\"b\":{\"c\":\"2"), ["a=1"]);
    }
}
