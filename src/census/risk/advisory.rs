//! Advisories that name a device: where their matches enter the assessment.

use super::book::RiskBook;
use crate::census::advisory::Device;
pub use crate::census::advisory::{Match, Verdict};
use crate::census::asset::Asset;

/// The advisories that name an asset.
pub(super) fn matches(book: &RiskBook, asset: &Asset<'_>) -> Vec<Match> {
    book.advisories.of(&Device::of(asset))
}
