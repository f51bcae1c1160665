//! What was lost on mirror ports, and when nobody listened: from the record of health.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};

use super::news::News;
use super::roll::Roll;
use super::{Kind, Policy, Severity};
use crate::store::health::{self, Health};
use crate::time::Timestamp;

const MINUTE: i64 = 60;

/// One port.
#[derive(Clone, Copy, Debug, Default)]
struct Port {
    /// The end of the last second in which it was listened to.
    end: i64,
    /// The alert that nobody listens; 0 when the site did not want to know.
    told: Option<i64>,
    is_changed: bool,
}

/// All ports, as far as the record was looked at.
#[derive(Default)]
pub(super) struct Ports {
    /// The first second that was not.
    until: Option<i64>,
    ports: BTreeMap<i64, Port>,
}

/// A stretch of seconds of a port in which somebody listened.
struct Row {
    at: i64,
    port: i64,
    observed: i64,
}

impl Ports {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut all = Self::default();
        let mut rows = connection.prepare("SELECT name, value FROM alert_state")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (name, value): (String, i64) = (row.get(0)?, row.get(1)?);
            match name.split_once(':').map(|(what, port)| (what, port.parse::<i64>())) {
                None if name == "until" => all.until = Some(value),
                Some(("end", Ok(port))) => all.ports.entry(port).or_default().end = value,
                Some(("told", Ok(port))) => all.ports.entry(port).or_default().told = Some(value),
                _ => {}
            }
        }
        Ok(all)
    }

    /// Looks at the minutes that are over since the last look.
    pub(super) fn look(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        captures: &[String],
        roll: &mut Roll,
    ) -> rusqlite::Result<()> {
        let sql = "SELECT min(at), max(at) FROM health_second";
        let ends = transaction.prepare_cached(sql)?.query_row([], |row| {
            let ends: (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(ends.0.zip(ends.1))
        })?;
        let Some((first, last)) = ends else { return Ok(()) };
        let (from, to) = (self.until.unwrap_or(first), health::minute(last));
        if from >= to {
            // Seconds of before: a clock that was set back.
            if last < from.saturating_sub(policy.gap) {
                self.until = Some(last);
            }
            return Ok(());
        }
        let name = |port: i64| {
            let at = usize::try_from(port).ok();
            at.and_then(|at| captures.get(at)).cloned().unwrap_or_default()
        };
        let mut minutes: BTreeMap<(i64, i64), Health> = BTreeMap::new();
        for (at, port, health) in health::seconds(transaction, from, to)? {
            minutes.entry((health::minute(at), port)).or_default().add(&health);
            let observed = i64::try_from(health.observed).unwrap_or(i64::MAX);
            let row = Row { at, port, observed };
            if observed > 0 {
                self.listened(transaction, policy, roll, &row, &name(row.port))?;
            }
        }
        for ((minute, port), health) in minutes {
            if health.is_loss(policy.loss) {
                let (at, port) = (Timestamp::new(minute, 0), name(port));
                let percent = 100.0 * health.share();
                let news = News {
                    summary: format!("{port}: {percent:.3} % of the frames of a minute were lost"),
                    evidence: format!("{} in the minute from {}", health.loss(), at.rfc3339()),
                    after: health.lost().to_string(),
                    subject: port,
                    ..News::new(Kind::CaptureLoss, Severity::Warning, at)
                };
                roll.tell(transaction, policy, &news)?;
            }
        }
        self.away(transaction, policy, roll, to, name)?;
        self.until = Some(to);
        self.store(transaction)
    }

    /// Somebody listened in this second.
    fn listened(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        roll: &mut Roll,
        row: &Row,
        name: &str,
    ) -> rusqlite::Result<()> {
        let end = row.at.saturating_add(row.observed);
        let port = self.ports.entry(row.port).or_insert(Port { end, ..Port::default() });
        let (since, told) = (port.end, port.told.take());
        let missing = row.at.saturating_sub(since);
        port.end = since.max(end);
        port.is_changed = true;
        let (since, at) = (Timestamp::new(since, 0), Timestamp::new(row.at, 0));
        let news = News {
            subject: format!("{name} {}", since.rfc3339()),
            before: since.rfc3339(),
            after: at.rfc3339(),
            evidence: "no second of it in the record of health".to_owned(),
            resolves: told.filter(|told| *told > 0),
            ..News::new(Kind::CaptureGap, Severity::Warning, at)
        };
        let minutes = missing / MINUTE;
        if news.resolves.is_some() {
            let subject = format!("{} over", news.subject);
            let summary = format!("{name} is listened to again, after {minutes} minutes");
            let evidence = format!("the record of health goes on at {}", news.after);
            let news = News { subject, summary, evidence, severity: Severity::Info, ..news };
            roll.tell(transaction, policy, &news)?;
        } else if told.is_none() && missing > policy.gap {
            let summary = format!("nobody listened on {name} for {minutes} minutes");
            roll.tell(transaction, policy, &News { summary, ..news })?;
        }
        Ok(())
    }

    /// Ports on which nobody listens while others are listened to.
    fn away(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        roll: &mut Roll,
        now: i64,
        name: impl Fn(i64) -> String,
    ) -> rusqlite::Result<()> {
        for (number, port) in &mut self.ports {
            if port.told.is_some() || now.saturating_sub(port.end) <= policy.gap {
                continue;
            }
            let (since, name) = (Timestamp::new(port.end, 0).rfc3339(), name(*number));
            let news = News {
                subject: format!("{name} {since}"),
                summary: format!("nobody listens on {name} since {since}"),
                evidence: "no second of it in the record of health".to_owned(),
                before: since,
                ..News::new(Kind::CaptureGap, Severity::Warning, Timestamp::new(now, 0))
            };
            port.told = Some(roll.tell(transaction, policy, &news)?.unwrap_or(0));
            port.is_changed = true;
        }
        Ok(())
    }

    fn store(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO alert_state VALUES (?1, ?2)";
        let mut put = transaction.prepare_cached(sql)?;
        put.execute(params!["until", self.until])?;
        let sql = "DELETE FROM alert_state WHERE name = ?1";
        let mut drop = transaction.prepare_cached(sql)?;
        for (number, port) in &mut self.ports {
            if std::mem::take(&mut port.is_changed) {
                put.execute(params![format!("end:{number}"), port.end])?;
                let name = format!("told:{number}");
                match port.told {
                    Some(told) => put.execute(params![name, told])?,
                    None => drop.execute([name])?,
                };
            }
        }
        Ok(())
    }
}
