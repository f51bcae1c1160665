//! `auscult alerts`: lists what was told, follows it, and delivers it to others. The
//! sensor sends nothing: this is another process, and it only reads the inventory.

mod config;

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Failure, Settings, output};
use crate::store::{Alert, Inventory, Kind, Severity};
use crate::time::{SECOND, Timestamp};
use crate::view::{alert, dossier};
pub(super) use config::Config;

/// Alerts that are asked for at once.
const PAGE: u32 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only what was told since then: 90m, 24h, 7d, or a time as in 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<Kind>,
    /// Only from this severity on (info, notice, warning, critical)
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// Only of this asset: id, MAC, IP address, hostname, AE title or serial number
    #[arg(long, value_name = "ASSET")]
    asset: Option<String>,
    /// How to write it; json is an object a line
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Which alerts are meant.
#[derive(Clone, Debug, Default)]
struct Filter {
    since: Option<Timestamp>,
    kinds: Vec<Kind>,
    severity: Option<Severity>,
    /// Ids; none for all.
    assets: Option<Vec<String>>,
}

impl Filter {
    fn lets(&self, alert: &Alert) -> bool {
        self.since.is_none_or(|since| alert.last_at >= since)
            && (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
            && self.severity.is_none_or(|least| alert.severity >= least)
            && self.assets.as_ref().is_none_or(|ids| ids.contains(&alert.asset))
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let inventory = Inventory::open(&settings.db)?;
    let filter = filter(args, &inventory)?;
    let sensor = sensor();
    output(None, |to| {
        if args.format == Format::Csv {
            alert::csv_header(to)?;
        }
        let mut after = 0;
        loop {
            let page = inventory.alerts(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for it in page.iter().filter(|it| filter.lets(it)) {
                match args.format {
                    Format::Text => to.write_all(alert::text(it).as_bytes())?,
                    Format::Json => writeln!(to, "{}", alert::json(it, &sensor))?,
                    Format::Csv => alert::csv(it, to)?,
                }
            }
        }
    })
}

fn filter(args: &Args, inventory: &Inventory) -> Result<Filter, Failure> {
    let assets = match &args.asset {
        None => None,
        Some(wanted) => {
            let known = inventory.assets()?;
            let found = dossier::find(&known, wanted);
            let mut ids: Vec<_> = found.into_iter().map(|asset| asset.id.clone()).collect();
            // One that is no more has alerts all the same.
            ids.push(wanted.clone());
            Some(ids)
        }
    };
    Ok(Filter { since: args.since, kinds: args.kind.clone(), severity: args.severity, assets })
}

/// A while ago, or a time.
fn since(text: &str) -> Result<Timestamp, String> {
    let unit = |suffix, seconds| {
        let number = text.strip_suffix(suffix)?.parse::<u32>().ok()?;
        Some(i64::from(number).saturating_mul(seconds))
    };
    let ago = unit('s', 1).or_else(|| unit('m', 60)).or_else(|| unit('h', 3600));
    if let Some(seconds) = ago.or_else(|| unit('d', 86_400)) {
        return Ok(now().plus(seconds.saturating_mul(-SECOND)));
    }
    let at: Result<jiff::Timestamp, _> = text.parse();
    let nanos = at.ok().and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    nanos.map(Timestamp).ok_or_else(|| {
        "neither a while (90m, 24h, 7d) nor a time (2026-01-31T12:00:00Z)".to_owned()
    })
}

#[allow(clippy::disallowed_methods, reason = "what a user calls an hour ago")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What this machine is called.
fn sensor() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_ago_or_a_time() {
        assert_eq!(since("1970-01-01T00:01:00Z").unwrap(), Timestamp::new(60, 0));
        assert_eq!(since("1970-01-01T01:00:00+01:00").unwrap(), Timestamp::new(0, 0));
        let then = since("1d").unwrap();
        assert!((0..10 * SECOND).contains(&(now().since(then) - 86_400 * SECOND)));
        for bad in ["", "1", "d", "-1d", "99999999999d", "yesterday"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }
}
