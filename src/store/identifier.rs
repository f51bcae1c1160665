//! What tells assets from each other: what the ledger writes of it, and what views ask.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inventory::of_asset;
use super::ledger::MAX_LISTED;
use super::record;
use super::{Error, Inventory};
use crate::census::asset::{Asset, DeviceIdentifier};
use crate::time::{SECOND, Timestamp};

/// Seconds of an hour and of a day.
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// As it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    kind: &'a str,
    value: Cow<'a, str>,
    strength: Cow<'a, str>,
    key: &'a str,
    capture: u32,
    frame: u64,
    first: Timestamp,
    last: Timestamp,
    within: i64,
}

/// The identifiers of an asset, strongest first.
pub(super) fn stored<'a>(asset: &'a Asset<'_>) -> Vec<Stored<'a>> {
    asset.identifiers.iter().take(MAX_LISTED).map(one).collect()
}

fn one<'a>(it: &'a DeviceIdentifier<'_>) -> Stored<'a> {
    let span = it.said.span;
    // What is known is written when it changes, and most is heard all the time.
    let within = if span.last.since(span.first) < DAY * SECOND { HOUR } else { DAY };
    let step = within * SECOND;
    Stored {
        kind: it.kind,
        value: Cow::Borrowed(&it.value),
        strength: Cow::Owned(it.strength.to_string()),
        key: it.key,
        capture: it.said.evidence.capture,
        frame: it.said.evidence.frame,
        first: span.first,
        last: Timestamp(span.last.0.div_euclid(step).saturating_mul(step)),
        within,
    }
}

/// One identifier of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// What it is: `MAC (universal)`, `SDC endpoint`, `AE title`.
    pub kind: String,
    /// As it was on the wire.
    pub value: String,
    /// What it does to who is who: `proves`, `joins`, `supports`, `weak`.
    pub strength: String,
    /// The fact that says it, or how the address is known.
    pub key: String,
    /// Name of the capture that said it first.
    pub capture: String,
    /// Number of the frame, from 1; 0 when no single frame says it.
    pub frame: u64,
    /// First time.
    pub first: Timestamp,
    /// It was last heard from here on, for [`Self::within`] at most.
    pub last: Timestamp,
    /// Seconds: an hour, or a day of what is heard for longer than one.
    pub within: i64,
}

impl Inventory {
    /// What tells an asset from others, strongest first; nothing where its row is damaged,
    /// which is noted ([`Self::passed_over`]).
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn identifiers_of(&self, id: &str) -> Result<Vec<Identifier>, Error> {
        // An inventory of an older auscult has none.
        let table = "SELECT 1 FROM sqlite_master WHERE name = 'identifier'";
        if self.rows(table, [], |_| Ok(()))?.is_empty() {
            return Ok(Vec::new());
        }
        let names: BTreeMap<u32, String> =
            (0..).zip(self.captures()?).map(|(at, it)| (at, it.name)).collect();
        let sql = "SELECT number, list FROM identifier JOIN asset ON asset = number WHERE id = ?1";
        let blobs = self.whole_rows(
            sql,
            [id],
            |row| of_asset(row.get(0)),
            |row| Ok(row.get_ref(1)?.as_blob().map(<[u8]>::to_vec).unwrap_or_default()),
        )?;
        let named = |it: Stored<'_>| Identifier {
            kind: it.kind.to_owned(),
            value: it.value.into_owned(),
            strength: it.strength.into_owned(),
            key: it.key.to_owned(),
            capture: names.get(&it.capture).cloned().unwrap_or_default(),
            frame: it.frame,
            first: it.first,
            last: it.last,
            within: it.within,
        };
        let mut all = Vec::new();
        for blob in blobs {
            match record::only::<Vec<Stored<'_>>>(&blob) {
                Ok(list) => all.extend(list.into_iter().map(named)),
                Err(why) => {
                    let id = id.escape_debug();
                    self.damage.note(format!(
                        "what tells {id} from others (identifier) cannot be read: {why}"
                    ));
                }
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::asset::Strength;
    use crate::census::{Evidence, Span};

    #[test]
    fn the_last_time_is_told_by_the_hour_then_by_the_day() {
        let told = |first: i64, last: i64| {
            let span = Span { first: Timestamp(first * SECOND), last: Timestamp(last * SECOND) };
            let evidence = Evidence { capture: 1, frame: 7 };
            let it = DeviceIdentifier {
                kind: "AE title",
                value: "CT1".into(),
                strength: Strength::Weak,
                key: "dicom.ae_title",
                said: crate::census::host::Said { evidence, span },
            };
            let it = one(&it);
            (it.first.0 / SECOND, it.last.0 / SECOND, it.within)
        };
        assert_eq!(told(10, 7300), (10, 7200, HOUR));
        assert_eq!(told(10, 7400), told(10, 10_000), "written once an hour");
        assert_eq!(told(10, DAY + 20), (10, DAY, DAY));
        assert_eq!(told(10, DAY + 20), told(10, 2 * DAY - 1), "and then once a day");
        assert_eq!(told(-10, -10), (-10, -HOUR, HOUR));
    }
}
