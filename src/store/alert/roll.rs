//! Writes what is told: the same once, a flood of it counted, the oldest dropped.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::news::News;
use super::{Kind, Policy, Severity};
use crate::time::{SECOND, Timestamp};

/// Minutes of each kind whose alerts are counted: those of a capture may come in any order.
const MINUTES: usize = 4096;

/// How much was told of late.
#[derive(Default)]
pub(super) struct Roll {
    told: BTreeMap<(i64, Kind), u32>,
    /// The same of this publication, whatever times the packets claim.
    now: BTreeMap<Kind, u32>,
    /// What was not, of this publication.
    more: BTreeMap<Kind, (u64, Timestamp)>,
    appended: bool,
}

impl Roll {
    /// Tells it, unless the site does not want to know; gives its number, also when it was
    /// told before.
    pub(super) fn tell(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        news: &News,
    ) -> rusqlite::Result<Option<i64>> {
        let kind = news.kind;
        let Some(severity) = severity(policy, kind, news.severity) else { return Ok(None) };
        let key = key(news);
        let sql = "SELECT id FROM alert WHERE key = ?1 AND at > ?2 ORDER BY id DESC LIMIT 1";
        let mut again = transaction.prepare_cached(sql)?;
        let since = news.at.0.saturating_sub(policy.dedupe);
        if let Some(id) = again.query_row(params![key, since], |row| row.get(0)).optional()? {
            let sql = "UPDATE alert SET repeats = repeats + 1, last_at = max(last_at, ?2)
                       WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute(params![id, news.at.0])?;
            return Ok(Some(id));
        }
        let minute = news.at.0.div_euclid(60 * SECOND);
        let told = self.told.entry((minute, kind)).or_default();
        let now = self.now.entry(kind).or_default();
        if *told >= policy.per_minute || *now >= policy.per_publication {
            self.leave(kind, news.at, 1);
            return Ok(None);
        }
        (*told, *now) = (told.saturating_add(1), now.saturating_add(1));
        if self.told.len() > MINUTES {
            self.told.pop_first();
        }
        self.append(transaction, news, severity, &key).map(Some)
    }

    /// So many more are not told one by one.
    pub(super) fn leave(&mut self, kind: Kind, at: Timestamp, times: u64) {
        let (more, last) = self.more.entry(kind).or_default();
        *more = more.saturating_add(times);
        *last = (*last).max(at);
    }

    /// Tells how many were left out, and lets go of the oldest.
    pub(super) fn close(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
    ) -> rusqlite::Result<()> {
        self.now.clear();
        for (kind, (times, at)) in std::mem::take(&mut self.more) {
            let Some(severity) = severity(policy, kind, Severity::Warning) else { continue };
            let summary = format!("{times} more of these at once, not told one by one");
            let subject = "more".to_owned();
            let after = times.to_string();
            let news = News { subject, summary, after, ..News::new(kind, severity, at) };
            self.append(transaction, &news, severity, &key(&news))?;
        }
        if std::mem::take(&mut self.appended) {
            let sql = "DELETE FROM alert WHERE id <= (SELECT max(id) FROM alert) - ?1";
            transaction.prepare_cached(sql)?.execute([i64::from(policy.keep.max(1))])?;
        }
        Ok(())
    }

    fn append(
        &mut self,
        transaction: &Transaction<'_>,
        news: &News,
        severity: Severity,
        key: &[u8],
    ) -> rusqlite::Result<i64> {
        self.appended = true;
        let sql = "INSERT INTO alert (at, kind, severity, asset, label, address, mac, subject,
                   before, after, summary, evidence, resolves, key, repeats, last_at) VALUES
                   (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, ?1)";
        transaction.prepare_cached(sql)?.insert(params![
            news.at.0,
            news.kind.name(),
            severity.number(),
            news.of.asset,
            news.of.label,
            news.of.address,
            news.of.mac,
            news.subject,
            news.before,
            news.after,
            news.summary,
            news.evidence,
            news.resolves,
            key,
        ])
    }
}

/// As the site wants it; none when it does not.
fn severity(policy: &Policy, kind: Kind, by_itself: Severity) -> Option<Severity> {
    policy.kinds.get(&kind).copied().unwrap_or(Some(by_itself))
}

/// What makes two the same: kind, asset and subject. Each with its length, so that none
/// can be written in another's place.
fn key(news: &News) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in [news.kind.name(), &news.of.asset, &news.subject] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut key = [0; 16];
    key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    key
}
