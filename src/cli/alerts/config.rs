//! `[alerts]` of the configuration file: what is told, and to whom.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::cli::{Failure, Settings};
use crate::store::{DAY, Kind, Level, Policy, Severity};

/// What the file may say of alerts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Config {
    /// Days for which the sensor only gets to know an inventory, and each device.
    learning_days: Option<u32>,
    /// Hours in which the same is told once.
    dedupe_hours: Option<u32>,
    /// Hours of silence that are told.
    silent_after_hours: Option<u32>,
    /// Minutes for which nobody may listen without its being told.
    gap_minutes: Option<u32>,
    /// Alerts of a kind in a minute.
    per_minute: Option<u32>,
    /// Alerts of a kind in a publication.
    per_publication: Option<u32>,
    /// Alerts kept.
    keep: Option<u32>,
    /// The lowest risk level whose crossing is told.
    risk: Option<String>,
    /// Kinds that are not told.
    #[serde(default)]
    off: Vec<String>,
    /// Kinds that are told with another severity.
    #[serde(default)]
    severity: BTreeMap<String, String>,
    /// The longest pause between two tries to reach a receiver.
    retry_seconds: Option<u32>,
    /// Receivers.
    #[serde(default)]
    pub(super) to: Vec<Receiver>,
}

/// A receiver, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Receiver {
    /// What it is called in lines and in the state directory.
    pub(super) name: Option<String>,
    /// `syslog`, `cef`, `jsonl` or `webhook`.
    pub(super) kind: String,
    /// Of syslog and CEF: `udp://host:port`, `tcp://…`, `tls://…`.
    pub(super) address: Option<String>,
    /// Of a webhook: `https://…` or `http://…`.
    pub(super) url: Option<String>,
    /// Of JSON lines: a path.
    pub(super) file: Option<PathBuf>,
    /// The least severity that it gets.
    pub(super) severity: Option<String>,
    /// Of a webhook: whose content signs what is sent (HMAC-SHA256).
    pub(super) secret_file: Option<PathBuf>,
    /// Of a webhook: whose content is the header Authorization.
    pub(super) authorization_file: Option<PathBuf>,
    /// Certificates of authorities (PEM) that are believed instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
}

/// The longest pause between two tries, in seconds, where the site does not say.
const RETRY: u32 = 300;

impl Config {
    /// As the configuration file says by now.
    pub(in crate::cli) fn anew(settings: &Settings) -> Result<Self, Failure> {
        Ok(crate::cli::config::Config::load(settings.config.as_deref())?.alerts)
    }

    /// The longest pause between two tries to reach a receiver.
    pub(super) fn retry_seconds(&self) -> u64 {
        u64::from(self.retry_seconds.unwrap_or(RETRY).max(1))
    }

    /// What is told. Files are read by who wants to know what is otherwise in them: there
    /// is nothing to get to know but the first.
    pub(in crate::cli) fn policy(&self, live: bool, loss: f64) -> Result<Policy, Failure> {
        let said = |why: String| Failure::Said(format!("configuration: [alerts] {why}"));
        let hours = |n: u32| i64::from(n).saturating_mul(DAY / 24);
        let mut policy = Policy { loss, first_is_learning: !live, ..Policy::default() };
        let days = self.learning_days.unwrap_or(if live { 7 } else { 0 });
        policy.learning = i64::from(days).saturating_mul(DAY);
        policy.dedupe = self.dedupe_hours.map_or(policy.dedupe, hours);
        policy.silent_after = self.silent_after_hours.unwrap_or(policy.silent_after).max(1);
        policy.gap = self.gap_minutes.map_or(policy.gap, |n| i64::from(n).saturating_mul(60));
        policy.per_minute = self.per_minute.unwrap_or(policy.per_minute);
        policy.per_publication = self.per_publication.unwrap_or(policy.per_publication);
        policy.keep = self.keep.unwrap_or(policy.keep);
        if let Some(level) = &self.risk {
            policy.risk = level.parse::<Level>().map_err(|why| said(format!("risk: {why}")))?;
        }
        let kind = |name: &str| name.parse::<Kind>().map_err(|why| said(why.to_string()));
        for (name, severity) in &self.severity {
            let severity = severity.parse::<Severity>();
            let severity = severity.map_err(|why| said(format!("severity of {name}: {why}")))?;
            policy.kinds.insert(kind(name)?, Some(severity));
        }
        for name in &self.off {
            policy.kinds.insert(kind(name)?, None);
        }
        Ok(policy)
    }
}
