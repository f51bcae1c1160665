//! The configuration file: strict TOML, every key optional.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Failure;

/// Where configuration is.
pub(super) const DIRECTORY: &str = "/etc/auscult";
/// Read when there is one and none was named.
const DEFAULT: &str = "/etc/auscult/auscult.toml";
/// The site's own signatures, when the file does not say otherwise.
const OVERLAY: &str = "/etc/auscult/signatures.d";

/// What the site knows of who is who, when the file does not say otherwise.
const IDENTITY: &str = "/etc/auscult/identity.toml";

/// What the file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Path of the inventory.
    pub(super) db: Option<PathBuf>,
    /// Directory of signatures laid over the built-in ones.
    pub(super) signatures: Option<PathBuf>,
    /// Whether it is remembered who last logged on at a device.
    pub(super) last_user: Option<bool>,
    /// For how many days.
    pub(super) last_user_days: Option<u32>,
    /// What the site knows of who is who (`[[same]]`, `[[apart]]`).
    pub(super) identity: Option<PathBuf>,
    /// Whom `auscult listen` turns to once the interfaces are open.
    pub(super) user: Option<String>,
    /// Where `auscult listen` tells its counters to Prometheus.
    pub(super) metrics: Option<String>,
    /// Share of frames lost in a minute from which on `auscult listen` says so.
    pub(super) loss_alarm: Option<f64>,
    /// What is told, and to whom.
    #[serde(default)]
    pub(super) alerts: super::alerts::Config,
}

impl Config {
    /// Reads the named file, or the default one where there is one.
    pub(super) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let mut config = match path {
            Some(path) => Self::read(path)?,
            None if Path::new(DEFAULT).exists() => Self::read(Path::new(DEFAULT))?,
            None => Self::default(),
        };
        if config.signatures.is_none() && Path::new(OVERLAY).is_dir() {
            config.signatures = Some(PathBuf::from(OVERLAY));
        }
        if config.identity.is_none() && Path::new(IDENTITY).is_file() {
            config.identity = Some(PathBuf::from(IDENTITY));
        }
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Said(format!("{shown}: cannot read the configuration ({error})"))
        })?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Failure::Said(format!("{shown}: line {line}: {}", error.message()))
        })?;
        match config.loss_alarm {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(Failure::Said(format!("{shown}: loss_alarm is a share from 0 to 1")))
            }
            _ => Ok(config),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_sample_is_valid() {
        let config: Config =
            toml::from_str(include_str!("../../packaging/auscult.toml")).expect("valid");
        assert!(config.db.is_some() && config.user.is_some() && config.loss_alarm.is_some());
        assert!(config.metrics.is_none() && config.last_user.is_none(), "off by default");
        assert!(toml::from_str::<Config>("bd = 'x'").is_err(), "unknown keys are mistakes");
    }
}
