//! How much a device should worry the hospital, with every term. The formula and its
//! grounds stand in `docs/risk.md`; every number in `signatures/risk.toml`, every date in
//! `signatures/support.toml`.
//!
//! ```text
//!  asset ─▶ support (which editions are still mended)
//!        ─▶ rules   (one function a rule, in a sorted table) ─▶ findings
//!        ─▶ impact  (class, uniqueness, who depends on it)
//!        ─▶ score   (likelihood × controls × impact, by safety, effectiveness and data)
//! ```
//!
//! Pure: "now" is the time up to which several devices were heard, so that the same
//! captures give the same scores; a day is one of the site's clock.

mod accepted;
mod advisory;
mod assessment;
mod book;
mod impact;
mod network;
mod overlay;
mod rules;
mod score;
mod spreading;
mod support;
mod surroundings;
#[cfg(test)]
mod tests;
mod unseen;

pub use accepted::{Accepted, BadAcceptance};
pub use advisory::{Match, Verdict};
pub use assessment::{
    Acceptance, Assessment, ControlTerm, Feared, Finding, ImpactTerm, Level, Outcome, Proof,
    Property, Severity, Supported, Unseen, Until, Worst,
};
pub use book::{RiskBook, check};

use jiff::civil::Date;

use super::Census;
use super::asset::Asset;
use rules::Look;
use surroundings::Surroundings;

use crate::time::Timestamp;

/// What a rating needs to be known of a device: its identification coverage.
pub const IDENTIFYING: [&str; 5] =
    ["device_class", "manufacturer", "model", "os_name", "os_version"];

/// How long an asset was watched, which only a store knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Days of an hour or more of watching, from when it was first heard to when it was last.
    pub days: u32,
    /// Minutes in which somebody watched, since it was first heard.
    pub minutes: u64,
    /// Of these, minutes in which it was in use.
    pub in_use: u64,
    /// Since when it is known, as far as that is believed: frames of an old date make nobody
    /// known since then.
    pub since: Timestamp,
}

/// Judges an asset that was watched for so long; hosts on the Internet are not judged.
pub type Judge<'j, 'a> = dyn Fn(&Asset<'a>, Watched) -> Option<Assessment> + 'j;

impl Census {
    /// From now on judges by these weights, dates and acceptances.
    pub fn judge_by(&mut self, book: RiskBook) {
        self.risks = book;
    }

    /// Hands every asset to `each`, as [`Self::derive`] does, with who judges it once it is
    /// known how long it was watched. `go_on` is asked before that.
    ///
    /// # Errors
    /// The first one of `go_on` and `each`, after which nothing more is derived.
    pub fn assess<'a, E>(
        &'a self,
        go_on: impl Fn() -> Result<(), E>,
        mut each: impl FnMut(Asset<'a>, &Judge<'_, 'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut around = Surroundings::default();
        let book = &self.risks;
        self.derive_twice(
            |asset, around: &mut Surroundings| around.add(asset),
            &mut around,
            go_on,
            |asset, around| {
                let today = self.activity.zone().date(around.now());
                each(asset, &|asset, watched| {
                    (!asset.external).then(|| assess(asset, book, around, today, watched))
                })
            },
        )
    }
}

/// What is to be feared of one asset.
fn assess(
    asset: &Asset<'_>,
    book: &RiskBook,
    around: &Surroundings,
    today: Date,
    watched: Watched,
) -> Assessment {
    let support = support::of(book, asset, today);
    let advisories = advisory::matches(book, asset);
    let (support, advisories) = (&support, &advisories);
    let (heard, unseen_days) = (unseen::heard(asset), book.limits.unseen_days);
    let look = Look { asset, book, around, watched, support, advisories, heard, unseen_days };
    let (known, missing) =
        coverage(asset, support.state.is_some(), book.limits.coverage_confidence);
    let mut found = rules::findings(&look);
    let mut unseen = rules::unseen(&look, &found);
    // With what the site lives it fears nothing, seen or not.
    unseen.retain(|it| {
        let mut finding = Finding { rule: it.rule.clone(), ..Finding::default() };
        book.accepted.apply(&mut finding, asset, today);
        finding.accepted.is_none()
    });
    for finding in &mut found {
        book.accepted.apply(finding, asset, today);
    }
    let impact = impact::terms(&look);
    let controls = impact::controls(&look);
    let mut assessment = Assessment {
        findings: found,
        unseen,
        impact,
        controls,
        supported: support.state,
        editions: support.editions(),
        support: support.ends.clone(),
        system: support.system.clone(),
        known,
        missing,
        signed: book.signed(),
        ..Assessment::default()
    };
    score::settle(&mut assessment, book);
    assessment
}

/// Which of [`IDENTIFYING`] are known, and which are not. A version of which nobody knows
/// until when it is mended tells no more than none.
fn coverage(asset: &Asset<'_>, has_support: bool, least: f64) -> (Vec<String>, Vec<String>) {
    let (mut known, mut missing) = (Vec::new(), Vec::new());
    let is_sure = |name| asset.shown(name).iter().any(|it| f64::from(it.confidence) >= least);
    for name in IDENTIFYING {
        match name {
            _ if !is_sure(name) => missing.push(name.to_owned()),
            "os_version" if !has_support => missing.push("os_support".to_owned()),
            _ => known.push(name.to_owned()),
        }
    }
    (known, missing)
}
