//! `auscult show ASSET`: everything known of one asset.

use super::{Failure, Settings, output};
use crate::store::Inventory;
use crate::view::dossier;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Asset id, MAC, IP address, hostname, AE title, station name or serial number
    asset: String,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let assets = Inventory::open(&settings.db)?.assets()?;
    let found = dossier::find(&assets, &args.asset);
    match found.as_slice() {
        [] => Err(Failure::Said(format!(
            "no asset is called `{}`; `auscult register` lists them",
            args.asset.escape_debug()
        ))),
        found => output(None, |to| {
            for asset in found {
                to.write_all(dossier::text(asset).as_bytes())?;
            }
            Ok(())
        }),
    }
}
