//! Common Platform Enumeration 2.3 (NISTIR 7695, section 6.2): maker, product and version of
//! a name, as texts.

use super::set::field;

/// The parts of `cpe:2.3:part:vendor:product:version:…`; a version that is any is empty. None
/// where it names no maker or no product.
pub(super) fn read(name: &str) -> Option<[String; 3]> {
    let mut parts = split(name.strip_prefix("cpe:2.3:")?);
    let part = parts.next()?;
    if !matches!(part.as_str(), "a" | "h" | "o") {
        return None;
    }
    let mut next = || match parts.next().unwrap_or_default() {
        // Any, and not applicable.
        it if it == "*" || it == "-" => String::new(),
        it => field(&it.replace('_', " ")),
    };
    let [maker, product, version] = [next(), next(), next()];
    (!maker.is_empty() && !product.is_empty()).then_some([maker, product, version])
}

/// What stands between colons. A backslash takes its meaning from the next character.
fn split(text: &str) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars().take(1024) {
        match (c, is_quoted) {
            ('\\', false) => is_quoted = true,
            (':', false) => parts.push(String::new()),
            (c, _) => {
                is_quoted = false;
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let read = |name| read(name).map(|it| it.join("|"));
        let known = "cpe:2.3:h:philips:intellivue_mp2:a\\:0\\.2:*:*:*:*:*:*:*";
        assert_eq!(read(known).as_deref(), Some("philips|intellivue mp2|a:0.2"));
        assert_eq!(read("cpe:2.3:a:x:y:*:*").as_deref(), Some("x|y|"));
        for none in ["", "cpe:/a:x:y:1", "cpe:2.3:a:*:y:1", "cpe:2.3:a:x", "cpe:2.3:q:x:y:1"] {
            assert_eq!(read(none), None, "{none}");
        }
        assert!(read(&"cpe:2.3:a:x:\\".repeat(1000)).is_some());
    }
}
