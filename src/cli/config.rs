//! The configuration file: strict TOML, every key optional.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Failure;
use super::site::Site;
use crate::time::calendar::{Calendar, Hours, WEEKDAYS, Zone, parse_date, parse_hours};

/// MiB below which a sensor cannot promise to stay: conversations and the ring have theirs.
const LEAST_MEMORY: usize = 1024;

/// Where configuration is.
pub(super) const DIRECTORY: &str = "/etc/auscult";
/// Read when there is one and none was named.
const DEFAULT: &str = "/etc/auscult/auscult.toml";
/// The site's own signatures, when the file does not say otherwise.
const OVERLAY: &str = "/etc/auscult/signatures.d";

/// What the site knows of who is who, when the file does not say otherwise.
const IDENTITY: &str = "/etc/auscult/identity.toml";

/// The day whose hours hold on holidays, beside those of the week.
const HOLIDAY: &str = "holiday";

/// Findings with which the site lives, when the file does not say otherwise.
const ACCEPTED: &str = "/etc/auscult/risk-accepted.toml";

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
    /// Findings with which the site lives (`[[accepted]]`).
    pub(super) accepted: Option<PathBuf>,
    /// Whom `auscult listen` turns to once the interfaces are open.
    pub(super) user: Option<String>,
    /// Where `auscult listen` tells its counters to Prometheus.
    pub(super) metrics: Option<String>,
    /// Share of frames lost in a minute of the clock from which on `auscult listen` says so, and
    /// alerts tell it.
    pub(super) loss_alarm: Option<f64>,
    /// MiB below which `auscult listen` stays, whatever comes.
    pub(super) memory: Option<usize>,
    /// What is told, and to whom.
    #[serde(default)]
    pub(super) alerts: super::alerts::Config,
    /// The site's time zone, by its IANA name.
    time_zone: Option<String>,
    /// When the site is open: from to by day of the week, and the same by class.
    #[serde(default)]
    hours: BTreeMap<String, Opening>,
    /// Days on which it is closed, or has the hours of a `holiday`.
    #[serde(default)]
    holidays: Vec<Holiday>,
}

/// A date as TOML writes one, or as text.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "holidays are dates like 2026-01-31, in quotes or without")]
enum Holiday {
    Date(toml::value::Datetime),
    Text(String),
}

/// The hours of a day, or of all days of a class.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "the hours of a day are a list like [\"08:30-17:15\"], those of a class a table of \
                 such lists by day"
)]
enum Opening {
    Day(Vec<String>),
    Class(BTreeMap<String, Vec<String>>),
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
        if config.accepted.is_none() && Path::new(ACCEPTED).is_file() {
            config.accepted = Some(PathBuf::from(ACCEPTED));
        }
        Ok(config)
    }

    /// The site's other files.
    pub(super) fn site(&self) -> Site {
        let (overlay, identity) = (self.signatures.clone(), self.identity.clone());
        Site { overlay, identity, accepted: self.accepted.clone() }
    }

    /// What is read at the start alone, by key.
    pub(super) fn of_start(&self) -> Vec<(&'static str, String)> {
        vec![
            ("db", format!("{:?}", self.db)),
            ("last_user", format!("{:?}", self.last_user)),
            ("last_user_days", format!("{:?}", self.last_user_days)),
            ("user", format!("{:?}", self.user)),
            ("metrics", format!("{:?}", self.metrics)),
            ("memory", format!("{:?}", self.memory)),
            ("time_zone", format!("{:?}", self.time_zone)),
            ("hours", format!("{:?}", self.hours)),
            ("holidays", format!("{:?}", self.holidays)),
        ]
    }

    /// The site's calendar, or what is wrong with it.
    pub(super) fn calendar(&self) -> Result<Calendar, String> {
        let zone = match &self.time_zone {
            None => Zone::of_system(),
            Some(name) => Zone::named(name).ok_or_else(|| {
                format!("time_zone: `{}` is no zone of the IANA", name.escape_debug())
            })?,
        };
        let mut holidays = Vec::new();
        for holiday in &self.holidays {
            let text = match holiday {
                Holiday::Date(date) => &date.to_string(),
                Holiday::Text(text) => text,
            };
            holidays.push(parse_date(text).ok_or_else(|| {
                format!("holidays: `{}` is no date like 2026-01-31", text.escape_debug())
            })?);
        }
        holidays.sort_unstable();
        let opens = |hours: &mut Hours, day: &str, spans: &[String]| {
            let at = WEEKDAYS.iter().position(|name| *name == day);
            let of_day = match at {
                None if day == HOLIDAY => Some(&mut hours.holiday),
                at => at.and_then(|at| hours.week.get_mut(at)),
            };
            let Some(of_day) = of_day else {
                let (day, all) = (day.escape_debug(), WEEKDAYS.join(", "));
                return Err(format!("hours: `{day}` is no day; they are {all}, {HOLIDAY}"));
            };
            for text in spans {
                of_day.push(parse_hours(text).ok_or_else(|| {
                    format!(
                        "hours: `{}` of {day} is not like 08:30-17:15; what goes past midnight is \
                         two, 22:00-24:00 and 00:00-06:00 of the next day",
                        text.escape_debug()
                    )
                })?);
            }
            Ok(())
        };
        let closed = || Hours { holidays: holidays.clone(), ..Hours::default() };
        let (mut hours, mut by_class) = (None, BTreeMap::new());
        for (name, opening) in &self.hours {
            match opening {
                Opening::Day(spans) => opens(hours.get_or_insert_with(closed), name, spans)?,
                Opening::Class(_) if WEEKDAYS.contains(&name.as_str()) || name == HOLIDAY => {
                    return Err(format!("hours: {name} is a day: its hours are a list"));
                }
                Opening::Class(days) => {
                    let mut of = closed();
                    for (day, spans) in days {
                        opens(&mut of, day, spans)?;
                    }
                    by_class.insert(name.clone(), of);
                }
            }
        }
        // What a class does not say of holidays is the site's.
        let of_site: Option<Vec<_>> = hours.as_ref().map(|it: &Hours| it.holiday.clone());
        for (name, of) in &mut by_class {
            let is_own = matches!(self.hours.get(name), Some(Opening::Class(it)) if it.contains_key(HOLIDAY));
            if !is_own {
                of.holiday = of_site.clone().unwrap_or_default();
            }
        }
        Ok(Calendar { zone, hours, by_class })
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
        config.calendar().map_err(|why| Failure::Said(format!("{shown}: {why}")))?;
        match config.loss_alarm {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(Failure::Said(format!("{shown}: loss_alarm is a share from 0 to 1")))
            }
            _ if config.memory.is_some_and(|it| it < LEAST_MEMORY) => {
                Err(Failure::Said(format!("{shown}: memory is in MiB, {LEAST_MEMORY} or more")))
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
        let live = config.alerts.policy(true, 0.001).expect("valid");
        assert_eq!(live, crate::store::Policy::default(), "the sample says the defaults");
        assert!(toml::from_str::<Config>("[alerts]\nlearning = 1").is_err());
        assert_eq!(config.memory, Some(super::super::MEMORY), "the sample says the default");
        let bad: Config = toml::from_str("[alerts]\noff = ['x']").expect("text");
        assert!(bad.alerts.policy(true, 0.001).is_err(), "no kind is called so");
        assert!(toml::from_str::<Config>("bd = 'x'").is_err(), "unknown keys are mistakes");
    }

    #[test]
    fn opening_hours_are_by_the_week_and_by_class() {
        let calendar = |text: &str| {
            let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
            config.calendar()
        };
        let site = "time_zone = 'Asia/Tokyo'\nholidays = ['2026-01-02', '2026-01-01']\n[hours]\n\
                    mon = ['08:30-12:00', '13:00-17:15']\nct = { sat = ['00:00-24:00'] }";
        let it = calendar(site).unwrap();
        assert_eq!(
            (it.zone.name().as_str(), it.hours.as_ref().unwrap().holidays.len()),
            ("Asia/Tokyo", 2)
        );
        assert_eq!(it.hours_of(Some("mri")).unwrap().line(), "mon 08:30-12:00+13:00-17:15");
        assert_eq!(it.hours_of(Some("ct")).unwrap().line(), "sat 00:00-24:00");
        assert!(it.by_class["ct"].holidays.is_sorted());
        assert_eq!(calendar("").unwrap().hours, None);
        for wrong in [
            "time_zone = 'Tokyo'",
            "holidays = ['1.1.26']",
            "hours = { monday = ['08:00-09:00'] }",
            "holidays = ['2026-02-30']",
            "holidays = ['2025-02-29']",
            "holidays = ['2026-01-01T00:00']",
            "hours = { mon = ['8-9'] }",
            "hours = { mon = ['08:00-08:00'] }",
            "hours = { mon = [510] }",
            "hours = { ct = ['08:00-09:00'] }",
            "hours = { ct = { mon = '08:00-09:00' } }",
            "hours = { ct = { mo = [] } }",
        ] {
            assert!(calendar(wrong).is_err(), "{wrong}");
        }
        for (wrong, told) in [
            ("hours = { mon = { mon = ['08:00-09:00'] } }", "mon is a day: its hours are a list"),
            ("hours = { mon = '08:00-09:00' }", "the hours of a day are a list"),
            ("holidays = [2026-01-01T08:00:00]", "`2026-01-01T08:00:00` is no date"),
            ("holidays = [20260101]", "holidays are dates like 2026-01-31"),
        ] {
            let why = calendar(wrong).unwrap_err();
            assert!(why.contains(told), "{wrong}: {why}");
        }
        let dates = calendar("holidays = [2026-01-01, '2026-01-02']\nhours = { mon = [] }");
        assert_eq!(dates.unwrap().hours.unwrap().holidays, [20_454, 20_455]);
        let why = calendar("hours = { ct = { fri = ['22:00-06:00'] } }").unwrap_err();
        assert!(why.contains("of fri") && why.contains("22:00-24:00 and 00:00-06:00"), "{why}");
        // A class that works on holidays too, where the site does not.
        let it = calendar(
            "holidays = ['2026-01-01']\nhours = { mon = ['08:00-16:00'], ct = { mon = \
             ['00:00-24:00'], holiday = ['00:00-24:00'] } }",
        );
        let it = it.unwrap();
        let day = parse_date("2026-01-01").unwrap();
        let open =
            |it: &Calendar, class| it.hours_of(Some(class)).unwrap().on(&it.zone, day).count();
        assert_eq!((open(&it, "ct"), open(&it, "mri")), (1440, 0));
        // The site's where it says nothing of its own; closed is something.
        let it = calendar(
            "holidays = ['2026-01-01']\nhours = { holiday = ['09:00-12:00'], ct = { mon = \
             ['00:00-24:00'] }, mri = { mon = [], holiday = [] } }",
        );
        let it = it.unwrap();
        assert_eq!((open(&it, "ct"), open(&it, "mri"), open(&it, "us")), (180, 0, 180));
    }
}
