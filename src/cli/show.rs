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
            for asset in found {
                to.write_all(dossier::text(asset).as_bytes())?;
                for it in inventory.risk_of(&asset.id)?.values() {
                    to.write_all(risk::page(it, &captures).as_bytes())?;
                }
            }
            if let ([asset], Some(days)) = (found, activity::lately(&inventory, None, DAYS)?) {
                to.write_all(activity::page(&inventory, &asset.id, days)?.as_bytes())?;
            }
            to.write_all(dossier::history(&changes).as_bytes())?;
            Ok(())
        })?,
    }
    if let ([_], Some(doubt)) = (found.as_slice(), activity::believed(&inventory)?.doubt()) {
        warn!("{doubt}");
    }
    for (port, health) in inventory.health_of_late(DAY)? {
        if health.lost() > 0 {
            let loss = health.loss();
            warn!("{port}: {loss} were lost on the last day it was listened to");
        }
    }
    is_whole(&inventory)
}
