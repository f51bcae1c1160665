//! A capture read into an inventory of its own, and the asset of a host in it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use auscult::census::Census;
use auscult::census::signature::Book;
use auscult::net::HostId;
use auscult::sensor::{Reading, Watch};
use auscult::store::{Inventory, Known, Writer};
use auscult::wire::capture::File;

use super::Read;
use super::truth::Host;

struct Silent;

impl Watch for Silent {
    fn progress(&mut self, _: u64, _: u64, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Reads a capture the way `auscult read` does. A capture that breaks off counts as
/// far as it goes.
pub(super) fn read(path: &Path) -> Result<Read, String> {
    let at = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
    let dir = tempfile::tempdir().map_err(|e| at(&e))?;
    let db = dir.path().join("accuracy.db");
    let census = read_into(path, &db, Arc::clone(Book::builtin()))?;
    let facts = facts(&census);
    let assets = Inventory::open(&db).and_then(|i| i.assets()).map_err(|e| at(&e))?;
    Ok(Read { assets, facts })
}

/// Reads a capture into an inventory; what is known then.
pub(crate) fn read_into(path: &Path, db: &Path, book: Arc<Book>) -> Result<Census, String> {
    let at = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
    let writer = Writer::open(db).map_err(|e| at(&e))?;
    let mut reading = Reading::new(Census::new(book), writer);
    let file = File::open(path).map_err(|e| at(&e))?;
    let _ = reading.file(path, file, &mut Silent);
    let (census, _) = reading.finish().map_err(|e| at(&e))?;
    Ok(census)
}

/// Everything that was said in the capture: who said it, key and value.
fn facts(census: &Census) -> Vec<(HostId, String, String)> {
    let mut all = Vec::new();
    for (id, host) in census.hosts() {
        let said = host.facts().iter().map(|fact| (&fact.key, &fact.value));
        let described = host.equipment.iter().flat_map(|(_, facts, _)| facts);
        let both = said.chain(described.map(|(key, value)| (key, value)));
        all.extend(both.map(|(key, value)| (*id, key.as_str().to_owned(), value.to_string())));
    }
    all
}

/// The asset of a host: by MAC where the truth names one, else by address.
pub(super) fn find<'a>(assets: &'a [Known<'a>], host: &Host) -> Option<&'a Known<'a>> {
    let has = |asset: &Known, name: &str, value: &Option<String>| {
        value.as_ref().is_some_and(|v| asset.shown(name).any(|s| s.value.eq_ignore_ascii_case(v)))
    };
    let mac = |asset: &&Known| has(asset, "mac_addresses", &host.mac);
    // A machine that captured itself is known by the loopback, which is nobody's address.
    let named = host.ip.as_ref().map(|ip| format!("ip:{ip}"));
    let ip = |asset: &&Known| {
        has(asset, "ip_addresses", &host.ip) || named.as_deref() == Some(&*asset.identity)
    };
    assets
        .iter()
        .find(|asset| mac(asset) && ip(asset))
        .or_else(|| assets.iter().find(mac))
        .or_else(|| assets.iter().find(ip))
}
