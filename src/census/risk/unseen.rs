//! What is not seen any more: a remedy shows by what a device does not do afterwards.
//!
//! What was seen of a device in its conversations speaks against it until it began others on so
//! many days since (`unseen-days` of `signatures/risk.toml`) without being seen so again. Days
//! on which it began none say nothing. What it serves, with whom it talks and what it is stay
//! as they are: conversations may last for months, and say what they are at their beginning.

use super::rules::Look;
use crate::census::asset::{Asset, Candidate};
use crate::census::heard::Heard;
use crate::time::Timestamp;

/// Attributes that tell of what a device does.
const DEEDS: [&str; 4] = ["certificate_end", "exposure", "remote_access", "vpn"];

/// Exposures that tell what it carries and with whom it talks.
const STAYING: [&str; 2] = ["calls-home", "clear-patients"];

/// On which days an asset was in conversations, under all of its names.
pub(super) fn heard(asset: &Asset<'_>) -> Heard {
    let mut heard = Heard::default();
    asset.speakers.iter().for_each(|(_, host)| heard.unite(host.heard));
    heard
}

/// When it was last said.
pub(super) fn last(one: &Candidate<'_>) -> Option<Timestamp> {
    one.reasons.iter().map(|why| why.said.span.last).max()
}

impl<'l, 'a> Look<'l, 'a> {
    /// The shown values of an attribute that tells of what the device does, as far as they
    /// speak against it yet.
    pub(super) fn seen(&self, name: &str) -> Vec<&'l Candidate<'a>> {
        let mut shown = self.asset.shown(name);
        shown.retain(|it| !self.is_unseen(it));
        shown
    }

    /// Whether anything does not any more.
    pub(super) fn has_unseen(&self) -> bool {
        let shown = |name: &&str| self.asset.shown(name);
        self.unseen_days > 0 && DEEDS.iter().flat_map(shown).any(|it| self.is_unseen(it))
    }

    fn is_unseen(&self, one: &Candidate<'_>) -> bool {
        self.unseen_days > 0
            && !STAYING.contains(&&*one.value)
            && last(one).is_some_and(|last| self.heard.days_after(last) >= self.unseen_days)
    }
}
