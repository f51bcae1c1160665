//! Scores what the register says of captures against what is known to be true.
//!
//! Every capture is read into a fresh inventory, as `auscult read` would, and what
//! the inventory shows is compared field by field with the truth file's hosts.
//! The layout of a folder is described in `docs/accuracy.md`.

pub(crate) mod claims;
mod compare;
mod device;
mod maker;
mod os;
mod text;
mod traps;
mod truth;

use std::collections::BTreeMap;
use std::path::Path;

use auscult::net::HostId;
use auscult::store::Known;

pub(crate) use truth::{Host, Truth};

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Claimed, and as the truth says.
    Right,
    /// Claimed, and something else.
    Wrong,
    /// Claimed, not false, but less exact than the truth: a family for a product.
    Vague,
    /// In the truth, not claimed.
    Missing,
    /// Claimed; the truth says nothing of it.
    Unjudged,
}

/// One compared value.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The field, as in the table.
    pub(crate) field: &'static str,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// How sure the register is of a claim that it shows.
    pub(crate) confidence: Option<f64>,
    /// Capture and host.
    pub(crate) host: String,
    /// What is true; empty when the truth is silent.
    pub(crate) truth: String,
    /// What is claimed; empty when nothing is.
    pub(crate) claim: String,
    /// Who says so, or why nothing is said.
    pub(crate) why: String,
}

/// Counts of one field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// As the truth.
    pub(crate) right: u32,
    /// Against the truth.
    pub(crate) wrong: u32,
    /// Not false, less exact.
    pub(crate) vague: u32,
    /// In the truth alone.
    pub(crate) missing: u32,
    /// In the register alone.
    pub(crate) unjudged: u32,
}

impl Count {
    /// Right of all claims that can be judged; none when there are none.
    pub(crate) fn precision(&self) -> Option<f64> {
        share(self.right, self.right + self.wrong)
    }

    /// Right of all that could have been said.
    pub(crate) fn recall(&self) -> Option<f64> {
        share(self.right, self.right + self.wrong + self.vague + self.missing)
    }
}

fn share(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

/// All comparisons of one or several folders.
#[derive(Debug, Default)]
pub(crate) struct Score {
    /// Every comparison, in the order of the truth files.
    pub(crate) findings: Vec<Finding>,
    /// What could not be read, in words.
    pub(crate) faults: Vec<String>,
    /// Truth files scored.
    pub(crate) files: u32,
    /// Hosts in them.
    pub(crate) hosts: u32,
}

impl Score {
    /// Scores every truth file of a folder; gives back those where addresses change
    /// hands, which are not scored by address.
    pub(crate) fn folder(&mut self, dir: &Path) -> Vec<Truth> {
        let (truths, faults) = truth::load(dir);
        self.faults.extend(faults);
        let (moving, still): (Vec<_>, Vec<_>) =
            truths.into_iter().partition(|truth| truth.routers.is_some());
        for truth in still {
            self.one(&truth);
        }
        moving
    }

    /// Scores one capture.
    pub(crate) fn one(&mut self, truth: &Truth) {
        match claims::read(&truth.path) {
            Ok(read) => self.judge(truth, &read, |_, host| claims::find(&read.assets, host)),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Judges the hosts of a capture that was read; `find` gives the asset of each.
    pub(crate) fn judge<'a>(
        &mut self,
        truth: &'a Truth,
        read: &'a Read,
        find: impl Fn(usize, &Host) -> Option<&'a Known<'a>>,
    ) {
        self.files += 1;
        for (at, host) in truth.hosts.iter().enumerate() {
            self.hosts += 1;
            let asset = find(at, host);
            let label = format!("{} {}", truth.name, host.label());
            let mut judge =
                compare::Judge { read, host, asset, label, findings: &mut self.findings };
            judge.all();
            traps::check(truth, &mut judge);
        }
    }

    /// Counts by field, in the order of the table.
    pub(crate) fn table(&self) -> Vec<(&'static str, Count)> {
        let mut by_field: BTreeMap<&str, Count> = BTreeMap::new();
        for finding in &self.findings {
            let count = by_field.entry(finding.field).or_default();
            *match finding.verdict {
                Verdict::Right => &mut count.right,
                Verdict::Wrong => &mut count.wrong,
                Verdict::Vague => &mut count.vague,
                Verdict::Missing => &mut count.missing,
                Verdict::Unjudged => &mut count.unjudged,
            } += 1;
        }
        compare::FIELDS.iter().map(|f| (*f, by_field.remove(f).unwrap_or_default())).collect()
    }

    /// The comparisons with one verdict, by field and host.
    pub(crate) fn with(&self, verdict: Verdict) -> Vec<&Finding> {
        let order = |f: &Finding| compare::FIELDS.iter().position(|name| *name == f.field);
        let mut all: Vec<_> = self.findings.iter().filter(|f| f.verdict == verdict).collect();
        all.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.host.cmp(&b.host)));
        all
    }
}

/// Everything that one capture came to.
pub(crate) struct Read {
    /// What the register would list.
    pub(crate) assets: Vec<Known<'static>>,
    /// Facts of all speakers, key and value, to say why something is missing.
    pub(crate) facts: Vec<(HostId, String, String)>,
}
