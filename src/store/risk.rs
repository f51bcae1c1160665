//! How much assets should worry: what the ledger writes of it, and what views ask.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::record::{self, Attribute, ReasonOf, ValueOf};
use super::shelf::side_by_side;
use super::{Change, Error, Fault, Inventory};
pub use crate::census::risk::{
    Assessment, ControlTerm, Finding, ImpactTerm, Level, Outcome, Proof, Property, Severity,
    Supported, Until,
};
use crate::time::Timestamp;

/// What a change of a finding is called in the log: this, and the rule.
pub(super) const FINDING: &str = "finding ";

/// The attribute that holds the findings; each change of one is kept by itself.
pub(super) const FINDINGS: &str = "findings";

/// Adds what the register and the log of changes say of an assessment.
pub(super) fn attributes<'a>(it: &'a Assessment, all: &mut Vec<Attribute<'a>>) {
    let mut give = |name: &'static str, values: Vec<ValueOf<'a>>| {
        if !values.is_empty() {
            all.push(Attribute { name: Cow::Borrowed(name), values });
        }
    };
    give("os_support_end", support_ends(it));
    let state = it.supported.map(|state| because(state.to_string(), it, &it.editions));
    give("os_supported", state.into_iter().collect());
    give("risk_score", vec![said(format!("{:.1}", it.score))]);
    give("risk_level", it.level.map(|level| said(level.to_string())).into_iter().collect());
    // What touches only another property than the leading one has no part in the score.
    let counted = it.findings.iter().filter(|finding| finding.share > 0.0);
    let reasons = counted.map(|it| said(format!("{} +{:.1}", it.rule, it.share)));
    give("risk_reasons", reasons.collect());
    let findings = it.findings.iter().map(|it| match it.accepted {
        None => said(format!("{} {}", it.rule, it.severity)),
        Some(_) => said(format!("{} accepted", it.rule)),
    });
    give(FINDINGS, findings.collect());
    give("risk_worst_case", vec![said(format!("{:.1}", it.worst))]);
    let (known, of) = (it.known.len(), it.known.len() + it.missing.len());
    give("identified", vec![said(format!("{known} of {of}"))]);
}

/// Each day once.
fn support_ends(it: &Assessment) -> Vec<ValueOf<'_>> {
    let mut days: Vec<&Until> = it.support.iter().collect();
    days.sort_by(|a, b| a.end.cmp(&b.end));
    days.dedup_by(|a, b| a.end == b.end);
    days.into_iter().map(|until| because(until.end.clone(), it, &until.edition)).collect()
}

/// A value that the dates of support say.
fn because<'a>(value: String, it: &'a Assessment, editions: &'a str) -> ValueOf<'a> {
    let row = it.support.first().map_or("", |until| until.row.as_str());
    let reason = it.system.as_ref().map(|(proof, confidence)| ReasonOf {
        signature: row,
        key: "support",
        value: editions,
        confidence: *confidence,
        capture: proof.capture,
        frame: proof.frame,
        first_seen: Timestamp(0),
    });
    let confidence = it.system.as_ref().map_or(0.0, |(_, sure)| *sure);
    let reasons = reason.into_iter().collect();
    ValueOf { value: Cow::Owned(value), confidence, shown: true, reasons }
}

const fn said<'a>(value: String) -> ValueOf<'a> {
    ValueOf { value: Cow::Owned(value), confidence: 1.0, shown: true, reasons: Vec::new() }
}

impl Inventory {
    /// How much each asset should worry, by its id.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn risks(&self) -> Result<HashMap<String, Assessment, RandomState>, Error> {
        let sql = "SELECT id, assessment FROM risk JOIN asset ON asset = number";
        let rows = self.rows(sql, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get_ref(1)?.as_blob()?.to_vec()))
        })?;
        let read = |rows: &[(String, Vec<u8>)]| -> Result<Vec<_>, record::Unreadable> {
            let one = |(id, blob): &(String, Vec<u8>)| Ok((id.clone(), record::only(blob)?));
            rows.iter().map(one).collect()
        };
        let read: Result<Vec<_>, _> = side_by_side(&rows, read).into_iter().collect();
        let read = read.map_err(|error| Error::new(&self.path, Fault::Row(error)))?;
        Ok(read.into_iter().flatten().collect())
    }

    /// That of one asset, where it is judged.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn risk_of(&self, id: &str) -> Result<Option<Assessment>, Error> {
        let sql = "SELECT assessment FROM risk JOIN asset ON asset = number WHERE id = ?1";
        let row = self.rows(sql, [id], |row| row.get::<_, Vec<u8>>(0))?.pop();
        let read = row.map(|blob| record::only(&blob)).transpose();
        read.map_err(|error| Error::new(&self.path, Fault::Row(error)))
    }

    /// Every change of a finding, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn finding_changes(&self) -> Result<Vec<Change>, Error> {
        self.changes("WHERE what GLOB ?1 ORDER BY id", [format!("{FINDING}*")])
    }
}
