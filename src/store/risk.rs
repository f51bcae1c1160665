//! How much assets should worry: what the ledger writes of it, and what views ask.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::inventory::of_asset;
use super::readers::Readers;
use super::record::{self, Attribute, ReasonOf, Unreadable, ValueOf};
use super::shelf::PARTS;
use super::{Change, Error, Inventory};
pub use crate::census::risk::{
    Assessment, ControlTerm, Feared, Finding, ImpactTerm, Level, Outcome, Proof, Property,
    Severity, Supported, Unseen, Until, Worst,
};
use crate::time::Timestamp;

/// What a change of a finding is called in the log: this, and the rule.
pub(super) const FINDING: &str = "finding ";

/// The attribute that holds the findings; each change of one is kept by itself.
pub(super) const FINDINGS: &str = "findings";

/// The finding that patients' data go over the network readable.
const CLEAR: &str = "cleartext-phi";

/// What stands behind an assessment in its blob, where it is not of an earlier auscult.
type Rest = (Vec<Unseen>, Option<Worst>);

/// Adds an assessment to a blob of two values.
pub(super) fn add(blob: &mut Vec<u8>, it: &Assessment) -> Result<(), Unreadable> {
    record::add(blob, it)?;
    record::add(blob, &(&it.unseen, &it.at_worst))
}

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
    // Which protocols carry patients' data stands in one place: where they are judged.
    if it.findings.iter().any(|finding| finding.rule == CLEAR) {
        for name in ["handles_phi", "phi_in_clear"] {
            give(name, vec![said("yes".to_owned())]);
        }
    }
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

/// As it is stored.
fn assessment(blob: &[u8]) -> Result<Assessment, Unreadable> {
    let (it, (unseen, at_worst)) = record::with_tail::<Assessment, Rest>(blob)?;
    Ok(Assessment { unseen, at_worst, ..it })
}

/// How much assets should worry, by their ids.
pub type Risks = HashMap<String, Assessment, RandomState>;

impl Inventory {
    /// How much each asset should worry. Whose row is damaged is not among them
    /// ([`Self::passed_over`]); the next publication judges it anew.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn risks(&self) -> Result<Risks, Error> {
        let mut held = Readers::open(self, PARTS).hold()?;
        let parts = self.parts()?;
        let sql = "SELECT number, id, assessment FROM risk JOIN asset ON asset = number
                   WHERE number BETWEEN ?1 AND ?2";
        let of = |inventory: &Self, at: usize| match parts.get(at) {
            Some((first, last)) => inventory.judged(sql, [first, last]),
            None => Ok(Vec::new()),
        };
        let judged = held.each(parts.len(), of)?;
        Ok(judged.into_iter().flatten().collect())
    }

    /// The same of one, where it is judged.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn risk_of(&self, id: &str) -> Result<Risks, Error> {
        let sql = "SELECT number, id, assessment FROM risk JOIN asset ON asset = number
                   WHERE id = ?1";
        Ok(self.judged(sql, [id])?.into_iter().collect())
    }

    fn judged(
        &self,
        sql: &str,
        of: impl rusqlite::Params,
    ) -> Result<Vec<(String, Assessment)>, Error> {
        let one = |row: &rusqlite::Row<'_>| {
            let id: String = row.get(1)?;
            // What is no blob is damaged, as nothing is.
            match assessment(row.get_ref(2)?.as_blob().unwrap_or_default()) {
                Ok(it) => Ok(Some((id, it))),
                Err(why) => {
                    let id = id.escape_debug();
                    self.damage.note(format!(
                        "how much {id} should worry (risk) cannot be read: {why}; the sensor, or \
                         any `auscult read`, judges it anew"
                    ));
                    Ok(None)
                }
            }
        };
        let read = self.whole_rows(sql, of, |row| of_asset(row.get(0)), one)?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Every change of a finding, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn finding_changes(&self) -> Result<Vec<Change>, Error> {
        self.changes("WHERE what GLOB ?1 ORDER BY id", [format!("{FINDING}*")])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::store::{Counters, Writer};
    use crate::time::SECOND;

    /// 2026-01-05T00:00:00Z, a Monday.
    const MONDAY: i64 = 1_767_571_200;
    const DAY: i64 = 86_400;

    #[test]
    fn a_finding_that_is_not_seen_any_more_is_resolved_by_sensors_that_start_each_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let host = |n: u8| HostId {
            segment: Segment { vlan: 7, ..Segment::default() },
            mac: Some(Mac([0, 9, 0xfb, 0, 0, n])),
            ip: Some([10, 0, 0, n].into()),
        };
        let mut scores = Vec::new();
        for day in 0..32 {
            let mut writer = Writer::open(&path).unwrap();
            let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
            census.capture("port");
            let mut say = |n, second, what| {
                let at = Timestamp((MONDAY + day * DAY + second) * SECOND);
                census.apply(0, Observation { at, frame: 1, host: host(n), what });
            };
            (1..4).for_each(|n| say(n, 60 * i64::from(n), Observed::Present(Some(64))));
            (1..4).for_each(|n| say(n, 200, Observed::Peer(host(n % 3 + 1))));
            let smb1 = Observed::Fact(Key::new("smb.dialect"), "SMB1 NT LM 0.12".into());
            if [0, 31].contains(&day) {
                say(1, 100, smb1);
            }
            writer.write(&mut census, &Counters::new()).unwrap();
            writer.close();
            let risks = Inventory::open(&path).unwrap().risks().unwrap();
            let worst = risks.values().max_by(|a, b| a.score.total_cmp(&b.score)).unwrap();
            let unseen = risks.values().flat_map(|it| &it.unseen);
            scores.push((worst.score > 0.0, unseen.map(|it| it.days).collect::<Vec<_>>()));
        }
        assert!(scores[..30].iter().all(|it| *it == (true, Vec::new())), "{scores:?}");
        assert_eq!(scores[30..], [(false, vec![30]), (true, Vec::new())]);
        let changes = Inventory::open(&path).unwrap().finding_changes().unwrap();
        let smb1 = changes.iter().filter(|it| it.what == "finding smb1-server");
        let became = |it: &Change| ((it.at.seconds() - MONDAY) / DAY, it.after.clone());
        let right = [(30, String::new()), (31, "high".to_owned())];
        assert_eq!(smb1.map(became).collect::<Vec<_>>(), right);
    }

    #[test]
    fn an_assessment_is_read_as_it_was_written_also_without_its_worst_case() {
        let touches = vec![Property::Data];
        let feared = vec![Feared { rule: "a".to_owned(), weight: 0.5, degree: 0.1, touches }];
        let worst = Worst { feared, ..Worst::default() };
        for at_worst in [None, Some(worst)] {
            let it = Assessment { worst: 12.5, at_worst, ..Assessment::default() };
            let mut blob = Vec::new();
            record::begin_with_tail(&mut blob);
            add(&mut blob, &it).unwrap();
            assert_eq!(assessment(&blob).unwrap(), it);
            blob.push(0);
            assert!(assessment(&blob).is_err(), "more than was written");
        }
    }
}
