//! Versions of packages, as servers tell them: what is no version is somebody's free text
//! and stays.

/// Words in the versions of packages, and by whom those are made.
const WORDS: &[&str] = &[
    "alpha", "beta", "bpo", "build", "deb", "devel", "dfsg", "ds", "el", "esm", "fc", "maria",
    "module", "mysql", "p", "pgdg", "rc", "rhel", "ubu", "ubuntu", "u",
];
/// Longest number in a version: a year with a month, a build.
const DIGITS: usize = 6;
/// Longest version.
const LONGEST: usize = 48;

/// The number at the beginning: `8.0.36`.
pub(super) fn number(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text.get(..end)?.trim_end_matches('.');
    let fits = |part: &str| (1..=DIGITS).contains(&part.len());
    (number.len() <= LONGEST && number.split('.').all(fits)).then_some(number)
}

/// Whether a text is the version of a package and nothing else: `16.2-1.pgdg120+2`,
/// `0ubuntu0.22.04.1`, `1:10.11.6+maria~deb12`.
pub(super) fn is_version(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit());
    let mut parts = text.split(['.', '-', '+', '~', ':']);
    begins && text.len() <= LONGEST && parts.all(|part| runs(part).all(is_part))
}

/// Numbers and words of a text in turn.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes()
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        .map(|run| std::str::from_utf8(run).unwrap_or("?"))
}

fn is_part(run: &str) -> bool {
    match run.bytes().all(|b| b.is_ascii_digit()) {
        true => run.len() <= DIGITS,
        false => WORDS.iter().any(|word| word.eq_ignore_ascii_case(run)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_nothing_else() {
        for text in [
            "16.2-1.pgdg120+2",
            "0ubuntu0.22.04.1",
            "0+deb12u1",
            "1:10.11.6+maria~deb12",
            "15.18-0+deb12u1",
            "17beta1",
        ] {
            assert!(is_version(text), "{text}");
        }
        for text in ["", "TARO", "1.2-TARO", "12345678", "1.2 3", "1.2_3", "8.0山", "-1"] {
            assert!(!is_version(text), "{text}");
        }
        assert_eq!(number("8.0.36-28"), Some("8.0.36"));
        assert_eq!((number("8.0.TARO"), number("15")), (Some("8.0"), Some("15")));
        assert_eq!(["", "TARO", ".1", "1..2", "19470311"].map(number), [None; 5]);
    }
}
