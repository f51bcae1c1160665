//! `auscult risk`: how much each device should worry, with every term.

use std::collections::HashSet;
use std::path::PathBuf;

use tracing::{info, warn};

use super::{Failure, Settings, is_whole, output};
use crate::census::risk::RiskBook;
use crate::store::Inventory;
use crate::store::risk::Risks;
use crate::view::{dossier, risk};

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Csv,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this one, with every term: asset id, MAC, IP address, hostname, AE title …
    asset: Option<String>,
    /// Every term, to compute the scores again
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["forecast", "changes"])]
    terms: Option<Format>,
    /// Whose operating system is mended no longer, or will not be in 12 and 24 months
    #[arg(long, conflicts_with = "changes")]
    forecast: bool,
    /// What has become of findings: new, worse, better, resolved, accepted
    #[arg(long)]
    changes: bool,
    /// The rules, with what each weighs
    #[arg(long, exclusive = true)]
    rules: bool,
    /// Into this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let to = args.output.as_deref();
    if args.rules {
        let risks = settings.risks()?;
        return output(to, |to| {
            for (rule, severity, text) in risks.rules() {
                writeln!(to, "{rule:<26} {severity:<10} {text}")?;
            }
            Ok(())
        });
    }
    let inventory = Inventory::open(&settings.db)?;
    if settings.site.accepted.is_some() {
        match settings.risks() {
            Err(failure) => warn!("{failure}"),
            Ok(book) => name_unknown(&book, inventory.ids()?.iter().map(String::as_str)),
        }
    }
    if args.changes && args.asset.is_none() {
        let ids: HashSet<String> = inventory.ids()?.into_iter().collect();
        let mut all = inventory.finding_changes()?;
        all.retain(|change| ids.contains(&change.asset));
        say_where_none(&all);
        output(to, |to| Ok(to.write_all(risk::changes(&all).as_bytes())?))?;
        return is_whole(&inventory);
    }
    let names = [dossier::NAMES, risk::TITLE].concat();
    let shelf = inventory.shelf(false)?;
    let mut assets = shelf.known(Some(&names));
    let now = inventory.now()?;
    let risks = match &args.asset {
        None => inventory.risks()?,
        Some(wanted) => {
            let found: Vec<String> =
                dossier::find(&assets, wanted).into_iter().map(|it| it.id.to_string()).collect();
            assets.retain(|asset| found.iter().any(|id| *id == asset.id));
            if assets.is_empty() {
                return Err(Failure::nobody(wanted));
            }
            let mut all = Risks::default();
            for id in found {
                all.extend(inventory.risk_of(&id)?);
            }
            all
        }
    };
    let ranked = risk::ranked(&assets, &risks);
    if ranked.is_empty() && args.asset.is_some() {
        is_whole(&inventory)?;
        let what = "it is not judged, as no host on the Internet is; `auscult show` has what is \
                    known of it";
        return Err(Failure::Said(what.to_owned()));
    }
    if args.terms.is_some() {
        output(to, |to| Ok(risk::csv(&ranked, to)?))?;
        return is_whole(&inventory);
    }
    let text = if args.changes {
        let mut all = inventory.finding_changes()?;
        all.retain(|change| assets.iter().any(|asset| asset.id == change.asset));
        say_where_none(&all);
        risk::changes(&all)
    } else if args.forecast {
        risk::forecast(&ranked, now, &inventory.calendar()?.zone)
    } else if args.asset.is_some() {
        let captures = inventory.captures()?;
        let pages = ranked
            .iter()
            .map(|(asset, it)| format!("{}{}", risk::heading(asset), risk::page(it, &captures)));
        pages.collect()
    } else {
        risk::list(&ranked)
    };
    output(to, |to| Ok(to.write_all(text.as_bytes())?))?;
    is_whole(&inventory)
}

fn say_where_none<T>(changes: &[T]) {
    if changes.is_empty() {
        info!("no finding has changed since it was first told");
    }
}

/// Says which assets of the file of acceptances an inventory does not know. One that knows
/// nobody yet proves nothing.
pub(super) fn unknown_accepted(settings: &Settings, book: &RiskBook) {
    // Of nobody all would be unknown.
    if book.unknown_accepted([]).is_empty() {
        return;
    }
    let Ok(ids) = Inventory::open(&settings.db).and_then(|it| it.ids()) else { return };
    if !ids.is_empty() {
        name_unknown(book, ids.iter().map(String::as_str));
    }
}

fn name_unknown<'i>(book: &RiskBook, ids: impl Iterator<Item = &'i str>) {
    for asset in book.unknown_accepted(ids) {
        name_one(&asset, "which is not known");
    }
}

/// Whatever a device calls itself is no id: others may call themselves so too.
pub(super) fn name_one(asset: &str, why: &str) {
    let why = match is_id(asset) {
        true => why.to_owned(),
        false => format!("which is no id (A8b3b74a8a7): `auscult show '{asset}'` tells it"),
    };
    warn!("the file of acceptances names the asset `{asset}`, {why}");
}

/// Whether it is written like one.
fn is_id(asset: &str) -> bool {
    let digits = asset.strip_prefix(['A', 'a']);
    digits.is_some_and(|it| it.len() == 10 && it.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_ids() {
        for (asset, is) in [
            ("A8b3b74a8a7", true),
            ("a8b3b74a8a7", true),
            ("MRC41587", false),
            ("AWP41587", false),
            ("A8b3b74a8a", false),
            ("A8b3b74a8ag", false),
            ("", false),
        ] {
            assert_eq!(is_id(asset), is, "{asset}");
        }
    }
}
