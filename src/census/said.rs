//! When and where something was said.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Which frame says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Number of the capture in [`super::Census::captures`].
    pub capture: u32,
    /// Number of the frame in it, from 1; 0 when no single frame says it.
    pub frame: u64,
}

/// From when until when. Stored as the beginning and the length, which is mostly short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "(i64, i64)", from = "(i64, i64)")]
pub struct Span {
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
}

impl From<Span> for (i64, i64) {
    fn from(span: Span) -> Self {
        // Times are a stranger's: what wraps here is unwrapped below.
        (span.first.0, span.last.0.wrapping_sub(span.first.0))
    }
}

impl From<(i64, i64)> for Span {
    fn from((first, length): (i64, i64)) -> Self {
        Self { first: Timestamp(first), last: Timestamp(first.wrapping_add(length)) }
    }
}

impl Span {
    /// One moment.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self { first: at, last: at }
    }

    /// Now reaches to `at` as well.
    pub fn extend(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.first <= at && at <= self.last
    }

    /// Nanoseconds that it has in common with another; none when they do not touch.
    #[must_use]
    pub fn common(&self, other: Self) -> Option<i64> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then(|| last.since(first))
    }

    /// Now covers `other` as well.
    pub fn cover(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Something with the frame that first said it and the time it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The first frame that said it.
    pub evidence: Evidence,
    /// First and last time.
    pub span: Span,
}

impl Said {
    /// Once.
    #[must_use]
    pub const fn new(at: Timestamp, evidence: Evidence) -> Self {
        Self { evidence, span: Span::at(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_any_length_are_stored() {
        for (first, last) in [(0, 0), (5, 9), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
            let span = Span { first: Timestamp(first), last: Timestamp(last) };
            let bytes = postcard::to_stdvec(&span).unwrap();
            assert_eq!(postcard::from_bytes::<Span>(&bytes).unwrap(), span);
        }
    }

    #[test]
    fn spans_that_touch_have_a_moment_in_common() {
        let span = |first, last| Span { first: Timestamp(first), last: Timestamp(last) };
        assert_eq!(span(0, 5).common(span(5, 9)), Some(0));
        assert_eq!(span(0, 5).common(span(6, 9)), None);
        assert_eq!(span(0, 50).common(span(6, 9)), Some(3));
        assert!(span(0, 5).holds(Timestamp(5)) && !span(0, 5).holds(Timestamp(6)));
    }
}
