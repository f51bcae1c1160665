//! What people and machines are told: written in the transaction of the publication that
//! shows it. The table is also the spool of whoever delivers it: an alert is there until
//! the newest [`Policy::keep`] push it out, whether anybody has taken it or not.

mod capture;
mod compare;
mod heard;
mod news;
mod publication;
mod roll;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::{Error, Inventory};
use crate::time::{SECOND, Timestamp};
pub(super) use publication::{Publication, State};

/// How much it matters, by the numbers of syslog (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Should be looked at some time.
    Notice,
    /// Should be looked at today.
    Warning,
    /// Should be looked at now.
    Critical,
}

impl Severity {
    /// From the least.
    pub const ALL: [Self; 4] = [Self::Info, Self::Notice, Self::Warning, Self::Critical];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Syslog's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Info => 6,
            Self::Notice => 5,
            Self::Warning => 4,
            Self::Critical => 2,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is none of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is unknown; it is one of: {known}", given.escape_debug())]
pub struct Unknown {
    given: String,
    known: String,
}

impl FromStr for Severity {
    type Err = Unknown;

    fn from_str(given: &str) -> Result<Self, Unknown> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|it| it.name() == given);
        found.ok_or_else(|| Unknown { given: given.to_owned(), known: known() })
    }
}

impl FromSql for Severity {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        let found = Self::ALL.into_iter().find(|it| i64::from(it.number()) == number);
        found.ok_or(FromSqlError::OutOfRange(number))
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal $title:literal $meaning:literal,)*) => {
        /// What is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        impl Kind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// As it is written.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// For people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }

            /// What has happened.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning,)* }
            }
        }
    };
}

kinds! {
    NewDevice "new_device" "New device" "A device of the site that was never seen before.",
    SilentDevice "silent_device" "Silent device" "A medical or network device that was heard regularly is silent while others in its VLAN are heard.",
    DeviceBack "device_back" "Device back" "A device that was silent is heard again.",
    AddressMoved "address_moved" "Address moved" "An address went from one device to another, or a device has another address.",
    AddressConflict "address_conflict" "Address conflict" "Two devices use one address at the same time.",
    OsChanged "os_changed" "Operating system changed" "The operating system, its version or its build is another.",
    NewService "new_service" "New service" "A device that is known serves something that it did not.",
    NewPeer "new_peer" "New peer" "A medical device that is known talks with one that it did not talk with.",
    RiskRaised "risk_raised" "Risk raised" "The risk of a device crossed a level upward.",
    RemoteAccess "remote_access" "Remote access" "Software for remote access or a VPN runs on a device where it was not seen.",
    CaptureLoss "capture_loss" "Capture loss" "Frames on a mirror port were lost before they were read.",
    CaptureGap "capture_gap" "Capture gap" "Nobody listened on a mirror port for a while.",
    AlertsLost "alerts_lost" "Alerts lost" "A receiver was away so long that alerts went before it had them.",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Unknown;

    fn from_str(given: &str) -> Result<Self, Unknown> {
        let known = || Self::ALL.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|it| it.name() == given);
        found.copied().ok_or_else(|| Unknown { given: given.to_owned(), known: known() })
    }
}

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(FromSqlError::other)
    }
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Numbered without holes from 1.
    pub id: i64,
    /// By the packets' clock.
    pub at: Timestamp,
    /// What is told.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Id of the asset; empty where it is about the sensor.
    pub asset: String,
    /// What it was called then.
    pub label: String,
    /// Its first address.
    pub address: String,
    /// Its first MAC.
    pub mac: String,
    /// Of several of a kind the one that is meant: a service, a peer, an address, a port.
    pub subject: String,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
    /// One sentence.
    pub summary: String,
    /// Who says so.
    pub evidence: String,
    /// The alert that is over by this one.
    pub resolves: Option<i64>,
    /// Times more that it was so.
    pub repeats: u64,
    /// When it was last so.
    pub last_at: Timestamp,
}

/// What is told, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Kinds that are told otherwise than by themselves: with another severity, or not.
    pub kinds: BTreeMap<Kind, Option<Severity>>,
    /// For so many nanoseconds an inventory and each device are only got to know.
    pub learning: i64,
    /// An empty inventory is got to know by all that this process reads.
    pub first_is_learning: bool,
    /// Within so many nanoseconds the same is told once, and counted.
    pub dedupe: i64,
    /// Silence of so many hours in which others were heard is told.
    pub silent_after: u32,
    /// Alerts of a kind in a minute; more are counted in one.
    pub per_minute: u32,
    /// Alerts of a kind in a publication, of which a sensor makes one a minute: packets may
    /// claim any time.
    pub per_publication: u32,
    /// Alerts kept.
    pub keep: u32,
    /// The lowest risk level whose crossing is told.
    pub risk: Level,
    /// Share of frames lost in a minute from which on it is told.
    pub loss: f64,
    /// Seconds for which nobody may listen without its being told.
    pub gap: i64,
}

/// Nanoseconds of a day.
pub const DAY: i64 = 86_400 * SECOND;

impl Default for Policy {
    fn default() -> Self {
        Self {
            kinds: BTreeMap::new(),
            learning: 7 * DAY,
            first_is_learning: false,
            dedupe: DAY,
            silent_after: 24,
            per_minute: 100,
            per_publication: 1000,
            keep: 200_000,
            risk: Level::High,
            loss: 0.001,
            gap: 300,
        }
    }
}

/// Levels of risk, from the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing speaks for a risk.
    None,
    /// Little does.
    Low,
    /// Some things do.
    Medium,
    /// Much does.
    High,
    /// It should not be as it is.
    Critical,
}

impl Level {
    const ALL: [(Self, &'static str); 5] = [
        (Self::None, "none"),
        (Self::Low, "low"),
        (Self::Medium, "medium"),
        (Self::High, "high"),
        (Self::Critical, "critical"),
    ];
}

impl FromStr for Level {
    type Err = Unknown;

    fn from_str(given: &str) -> Result<Self, Unknown> {
        let known = || Self::ALL.map(|(_, name)| name).join(", ");
        let found = Self::ALL.into_iter().find(|(_, name)| *name == given);
        let found = found.map(|(level, _)| level);
        found.ok_or_else(|| Unknown { given: given.to_owned(), known: known() })
    }
}

impl Inventory {
    /// At most so many alerts after one, in order.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn alerts(&self, after: i64, most: u32) -> Result<Vec<Alert>, Error> {
        if !self.holds_alerts()? {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, at, kind, severity, asset, label, address, mac, subject, before,
                   after, summary, evidence, resolves, repeats, last_at
                   FROM alert WHERE id > ?1 ORDER BY id LIMIT ?2";
        self.rows(sql, [after, i64::from(most)], |row| match alert(row) {
            Ok(alert) => Ok(alert),
            // One that cannot be read hides no other.
            Err(_) => damaged(row),
        })
    }

    /// The first and the last alert that are there.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn alert_span(&self) -> Result<Option<(i64, i64)>, Error> {
        if !self.holds_alerts()? {
            return Ok(None);
        }
        let sql = "SELECT min(id), max(id) FROM alert";
        let found = self.rows(sql, [], |row| {
            let ends: (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(ends.0.zip(ends.1))
        })?;
        Ok(found.into_iter().flatten().next())
    }

    /// An inventory of an older auscult has none.
    fn holds_alerts(&self) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM sqlite_master WHERE name = 'alert'";
        Ok(!self.rows(sql, [], |_| Ok(()))?.is_empty())
    }
}

fn alert(row: &rusqlite::Row<'_>) -> rusqlite::Result<Alert> {
    Ok(Alert {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        kind: row.get(2)?,
        severity: row.get(3)?,
        asset: row.get(4)?,
        label: row.get(5)?,
        address: row.get(6)?,
        mac: row.get(7)?,
        subject: row.get(8)?,
        before: row.get(9)?,
        after: row.get(10)?,
        summary: row.get(11)?,
        evidence: row.get(12)?,
        resolves: row.get(13)?,
        repeats: row.get::<_, i64>(14)?.unsigned_abs(),
        last_at: Timestamp(row.get(15)?),
    })
}

/// Stands for a row that is damaged, or was written by a later auscult.
fn damaged(row: &rusqlite::Row<'_>) -> rusqlite::Result<Alert> {
    let id: i64 = row.get(0)?;
    let at = Timestamp(row.get(1).unwrap_or_default());
    let empty = String::new;
    Ok(Alert {
        id,
        at,
        kind: Kind::AlertsLost,
        severity: Severity::Critical,
        asset: row.get(4).unwrap_or_default(),
        label: empty(),
        address: empty(),
        mac: empty(),
        subject: format!("row {id}"),
        before: empty(),
        after: "1".to_owned(),
        summary: format!("alert {id} cannot be read: its row is damaged, or of a later auscult"),
        evidence: empty(),
        resolves: None,
        repeats: 0,
        last_at: at,
    })
}

#[cfg(test)]
mod tests;
