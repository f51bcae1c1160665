//! `auscult show ASSET`: everything known of one asset.

use tracing::warn;

use super::{Failure, Settings, is_whole, output};
use crate::store::Inventory;
use crate::view::{activity, dossier, risk};

/// Seconds whose loss is told beside what is known.
const DAY: i64 = 24 * 60 * 60;

/// Days whose activity is told: a quarter.
const DAYS: usize = 91;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Asset id, MAC, IP address, hostname, AE title, station name or serial number
    asset: String,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let inventory = Inventory::open(&settings.db)?;
    let shelf = inventory.shelf(false)?;
    let named = shelf.known(Some(dossier::NAMES));
    let named = dossier::find(&named, &args.asset);
    let found = shelf.whole(|id| named.iter().any(|it| it.id == id));
    let captures = inventory.captures()?;
    let changes = match found.as_slice() {
        [asset] => inventory.history(&asset.id)?,
        _ => Vec::new(),
    };
    match found.as_slice() {
        [] => {
            // It may be one of those.
            is_whole(&inventory)?;
            return Err(Failure::nobody(&args.asset));
        }
        found => output(None, |to| {
            let width = width();
            let mut write = |page: String| {
                let page = match width {
                    Some(width) => dossier::wrapped(&page, width),
                    None => page,
                };
                to.write_all(page.as_bytes())
            };
            for asset in found {
                write(dossier::text(asset))?;
                write(dossier::identifiers(&inventory.identifiers_of(&asset.id)?))?;
                for it in inventory.risk_of(&asset.id)?.values() {
                    write(risk::page(it, &captures))?;
                }
            }
            if let ([asset], Some(days)) = (found, activity::lately(&inventory, None, DAYS)?) {
                write(activity::page(&inventory, &asset.id, days)?)?;
            }
            write(dossier::history(&changes))?;
            Ok(())
        })?,
    }
    if let [_] = found.as_slice() {
        activity::believed(&inventory)?.doubt().iter().for_each(|doubt| warn!("{doubt}"));
    }
    for (port, health) in inventory.health_of_late(DAY)? {
        if health.lost() > 0 {
            let loss = health.loss();
            warn!("{port}: {loss} were lost on the last day it was listened to");
        }
    }
    is_whole(&inventory)
}

/// Columns of the terminal, as `COLUMNS` or itself says; none where nobody looks.
fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
    let own = || rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    said.or_else(|| own().map(|size| usize::from(size.ws_col))).filter(|columns| *columns > 0)
}
