//! Whole numbers of any size, as versions have them: dates, builds, hashes.

use std::cmp::Ordering;
use std::fmt;

/// Most digits of one that is compared; what is longer is none.
const MAX_DIGITS: usize = 64;

/// A number, as its digits without leading zeros; none for nought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digits(Box<str>);

impl Digits {
    /// Of nothing but digits, and not too many.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_one = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let digits = text.trim_start_matches('0');
        (is_one && digits.len() <= MAX_DIGITS).then(|| Self(digits.into()))
    }

    /// Nought.
    pub(super) const fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<bool> for Digits {
    fn from(is: bool) -> Self {
        Self(if is { "1" } else { "" }.into())
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_zero() { "0" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_have_an_order() {
        let of = |text: &str| Digits::parse(text).unwrap();
        let rising = ["0", "1", "9", "10", "18446744073709551615", "18446744073709551616"];
        let rising: Vec<Digits> = rising.into_iter().map(of).collect();
        assert!(rising.is_sorted() && rising.array_windows().all(|[a, b]| a != b));
        assert_eq!((of("007"), of("000").to_string()), (of("7"), "0".to_owned()));
        assert!(of("000").is_zero() && of("0") == Digits::default());
        for none in ["", "-1", "1.0", " 1", "x", &"9".repeat(65)] {
            assert_eq!(Digits::parse(none), None, "{none}");
        }
        assert!(of(&"9".repeat(64)) > of(&"8".repeat(64)));
    }
}
