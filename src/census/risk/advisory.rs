//! Advisories that name a device: where their matches enter the assessment.

use super::book::RiskBook;
use crate::census::asset::Asset;

/// Whether an advisory applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The product is named, and its version is known to be one of those.
    Affected,
    /// The product is named; its version is not known, or the range cannot be read.
    Possible,
    /// The product is named, and its version is known to be none of those.
    Fixed,
}

/// An advisory that names a device's maker and product.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// `ICSMA-20-343-01`, `CVE-2017-0144`.
    pub advisory: String,
    /// Whether it applies.
    pub verdict: Verdict,
    /// It is known to be exploited (CISA KEV).
    pub exploited: bool,
    /// How sure the match of maker and product is, from 0 to 1.
    pub confidence: f32,
    /// What was compared with what, in one line.
    pub because: String,
}

/// The advisories that name an asset. None are read yet.
pub(super) const fn matches(_: &RiskBook, _: &Asset<'_>) -> Vec<Match> {
    Vec::new()
}
