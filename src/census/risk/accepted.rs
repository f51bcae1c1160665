//! Findings with which somebody lives, and until when: a small file, read at the start and
//! on SIGHUP. Strict: what is not understood is refused, and what has lapsed counts again.

use std::collections::BTreeSet;
use std::convert::Infallible;

use jiff::civil::Date;
use serde::Deserialize;

use super::assessment::{Acceptance, Finding};
use super::book::{RiskBook, date};
use crate::census::Census;
use crate::census::asset::Asset;
use crate::observe::text::clean;

/// The file cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum BadAcceptance {
    /// Not the TOML that it should be.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// No such rule.
    #[error("no rule is called `{0}`; `auscult risk --rules` lists them")]
    Rule(String),
    /// It would accept for every device.
    #[error("the acceptance of `{0}` names no asset, class, department or VLAN")]
    Everything(String),
    /// No VLAN has this number.
    #[error("the acceptance of `{0}` has a VLAN that is none: they are 1 to 4094, 0 without a tag")]
    Vlan(String),
    /// A name that no device can have.
    #[error("the acceptance of `{0}` has an empty asset, class or department")]
    Empty(String),
    /// Nobody, or no reason.
    #[error("the acceptance of `{0}` does not say by whom or why")]
    Nobody(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    accepted: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    asset: Option<String>,
    class: Option<String>,
    department: Option<String>,
    vlan: Option<u16>,
    by: String,
    #[serde(deserialize_with = "date::read")]
    until: Date,
    reason: String,
}

/// Everything that is accepted.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    entries: Vec<Entry>,
}

impl Accepted {
    /// Reads `[[accepted]]` blocks: `rule`; one or more of `asset` (its id), `class`,
    /// `department` and `vlan`, all of which must fit; `by`, `until`, `reason`.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(text: &str, book: &RiskBook) -> Result<Self, BadAcceptance> {
        let Text { accepted: mut entries } = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            BadAcceptance::Syntax { line, message: error.message().to_owned() }
        })?;
        for it in &mut entries {
            // Shown as they are on every page: on one line, and nothing that moves a cursor.
            for words in [&mut it.by, &mut it.reason] {
                *words = clean(words).into_owned();
            }
            let rule = || clean(&it.rule).into_owned();
            if !book.rules.contains_key(&it.rule) {
                return Err(BadAcceptance::Rule(rule()));
            }
            let named = it.asset.is_some() || it.class.is_some() || it.department.is_some();
            if !named && it.vlan.is_none() {
                return Err(BadAcceptance::Everything(rule()));
            }
            // 0 are frames without a tag.
            if it.vlan.is_some_and(|vlan| vlan > 4094) {
                return Err(BadAcceptance::Vlan(rule()));
            }
            it.asset = it.asset.take().map(|id| id.trim().to_owned());
            let names = [&it.asset, &it.class, &it.department];
            if names.into_iter().flatten().any(|name| name.trim().is_empty()) {
                return Err(BadAcceptance::Empty(rule()));
            }
            if it.by.trim().is_empty() || it.reason.trim().is_empty() {
                return Err(BadAcceptance::Nobody(rule()));
            }
        }
        Ok(Self { entries })
    }

    /// The assets that it names by their ids, each once.
    pub(super) fn assets(&self) -> BTreeSet<&str> {
        self.entries.iter().filter_map(|it| it.asset.as_deref()).collect()
    }

    /// The device classes that it names.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|it| it.class.as_deref())
    }

    /// Marks a finding that is accepted, or was.
    pub(super) fn apply(&self, finding: &mut Finding, asset: &Asset<'_>, today: Date) {
        let fitting = || self.entries.iter().filter(|it| it.fits(&finding.rule, asset));
        let Some(last) = fitting().max_by_key(|it| it.until) else { return };
        let acceptance = Acceptance {
            by: last.by.clone(),
            until: last.until.to_string(),
            reason: last.reason.clone(),
        };
        match today <= last.until {
            true => finding.accepted = Some(acceptance),
            false => finding.lapsed = Some(acceptance),
        }
    }
}

impl RiskBook {
    /// Assets that the site's acceptances name and that are not among these ids; each as it
    /// may be shown.
    pub fn unknown_accepted<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Vec<String> {
        let mut unknown = self.accepted.assets();
        for id in ids {
            unknown.retain(|it| !it.eq_ignore_ascii_case(id));
        }
        unknown.into_iter().map(|it| clean(it).into_owned()).collect()
    }
}

impl Census {
    /// Assets that the site's acceptances name and of which nothing was seen.
    #[must_use]
    pub fn unseen_accepted(&self) -> Vec<String> {
        if self.risks.accepted.assets().is_empty() {
            return Vec::new();
        }
        let mut ids = Vec::new();
        let Ok(()) = self.derive(|asset| {
            ids.push(asset.id.to_string());
            Ok::<(), Infallible>(())
        });
        self.risks.unknown_accepted(ids.iter().map(String::as_str))
    }
}

impl Entry {
    fn fits(&self, rule: &str, asset: &Asset<'_>) -> bool {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                asset.shown(name).iter().any(|it| it.value.eq_ignore_ascii_case(wanted))
            })
        };
        let own = |id: &String| asset.id.to_string().eq_ignore_ascii_case(id);
        self.rule == rule
            && self.asset.as_ref().is_none_or(own)
            && is("device_class", &self.class)
            && is("department", &self.department)
            && self.vlan.is_none_or(|vlan| asset.segments.iter().any(|it| it.vlan == vlan))
    }
}
