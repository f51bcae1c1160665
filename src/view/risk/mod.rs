//! How much devices should worry: the ranked list, one device with every term, the terms of
//! all as CSV, the end of support to come, and what has changed.

mod csv;
mod forecast;
mod page;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::BuildHasher;

use crate::store::risk::{Assessment, Finding};
use crate::store::{Change, Known};

pub use csv::{COLUMNS, csv};
pub use forecast::forecast;
pub use page::page;

/// The attributes of a title.
pub const TITLE: &[&str] = &["device_class", "manufacturer", "model", "hostname"];

/// Findings named in one line of the list.
const NAMED: usize = 3;

/// Whoever is judged, with his assessment, the most dangerous first.
#[must_use]
pub fn ranked<'a, S: BuildHasher>(
    assets: &'a [Known<'a>],
    risks: &'a HashMap<String, Assessment, S>,
) -> Vec<(&'a Known<'a>, &'a Assessment)> {
    let judged = assets.iter().filter_map(|asset| Some((asset, risks.get(&*asset.id)?)));
    let mut all: Vec<_> = judged.collect();
    all.sort_by(|(a, x), (b, y)| {
        let by_worst = || y.worst.total_cmp(&x.worst);
        y.score.total_cmp(&x.score).then_with(by_worst).then_with(|| a.id.cmp(&b.id))
    });
    all
}

/// The list, one device a line.
#[must_use]
pub fn list(ranked: &[(&Known<'_>, &Assessment)]) -> String {
    let mut page = String::from("score  worst  level     known  asset        device\n");
    for (asset, it) in ranked {
        let level = it.level.map_or_else(|| "unknown".to_owned(), |level| level.to_string());
        let (known, of) = (it.known.len(), it.known.len() + it.missing.len());
        let _ = write!(
            page,
            "{:>5.1}  {:>5.1}  {level:<8}  {known}/{of}    {}  {}",
            it.score,
            it.worst,
            asset.id,
            title(asset)
        );
        let counted = it.findings.iter().filter(|it| it.accepted.is_none() && it.share > 0.0);
        let named: Vec<_> =
            counted.take(NAMED).map(|it| format!("{} +{:.1}", it.rule, it.share)).collect();
        if !named.is_empty() {
            let _ = write!(page, ": {}", named.join(", "));
        }
        page.push('\n');
    }
    signed(&mut page, ranked.first().map(|(_, it)| *it));
    let lapsed = ranked.iter().flat_map(|(asset, it)| it.findings.iter().map(move |f| (asset, f)));
    for (asset, finding) in lapsed {
        if let Some(was) = &finding.lapsed {
            let _ = writeln!(
                page,
                "{} {}: accepted by {} until {}, counts again",
                asset.id, finding.rule, was.by, was.until
            );
        }
    }
    page
}

/// Who is responsible for weights that are not as delivered.
fn signed(page: &mut String, any: Option<&Assessment>) {
    if let Some(by) = any.and_then(|it| it.signed.as_ref()) {
        let _ = writeln!(page, "weights of this site, signed off by {by}");
    }
}

/// The line above a page.
#[must_use]
pub fn heading(asset: &Known<'_>) -> String {
    format!("{}  {}\n", asset.id, title(asset))
}

/// What a device is, in a few words.
fn title(asset: &Known<'_>) -> String {
    let known: Vec<_> = TITLE.iter().filter_map(|name| asset.first(name)).collect();
    if known.is_empty() { asset.identity.to_string() } else { known.join(" · ") }
}

/// Whether a finding counts, and if not why.
fn status(finding: &Finding) -> String {
    match (&finding.accepted, &finding.lapsed) {
        (Some(by), _) => {
            format!("accepted by {} until {}: {}", by.by, by.until, by.reason)
        }
        (None, Some(was)) => format!("counts again: accepted by {} until {}", was.by, was.until),
        (None, None) => "counts".to_owned(),
    }
}

/// What findings have changed, a line each, the last first.
#[must_use]
pub fn changes(changes: &[Change]) -> String {
    let mut page = String::new();
    for it in changes.iter().rev() {
        let rule = it.what.split_once(' ').map_or(it.what.as_str(), |(_, rule)| rule);
        let at = it.at.rfc3339();
        let (what, how) = (became(&it.before, &it.after), &it.after);
        let how = if how.is_empty() { &it.before } else { how };
        let _ = writeln!(page, "{at}  {:<8}  {}  {rule}  {how}", what, it.asset);
    }
    if page.is_empty() {
        page.push_str("nothing has changed since it was first judged\n");
    }
    page
}

/// What has become of a finding whose severity was one and is another.
fn became(before: &str, after: &str) -> &'static str {
    const WORDS: [&str; 5] = ["very-low", "low", "moderate", "high", "very-high"];
    let rank = |word: &str| WORDS.iter().position(|it| *it == word);
    match (before, after) {
        ("", _) => "new",
        (_, "") => "resolved",
        (_, "accepted") => "accepted",
        ("accepted", _) => "counts",
        (before, after) if rank(before) < rank(after) => "worse",
        _ => "better",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_finding() {
        for (before, after, what) in [
            ("", "high", "new"),
            ("low", "", "resolved"),
            ("low", "high", "worse"),
            ("very-high", "moderate", "better"),
            ("high", "accepted", "accepted"),
            ("accepted", "high", "counts"),
        ] {
            assert_eq!(became(before, after), what, "{before} {after}");
        }
    }
}
