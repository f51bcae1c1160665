//! Devices that say maker, model and serial number of themselves in one hello: POCT1-A's
//! (CLSI POCT01-A2, HEL.R01). A meter has a card for the cable and one for the air.
//!
//! A dock through which several meters say hello has several serial numbers and is none
//! of them.

use std::collections::BTreeSet;

use super::equipment;
use super::group::Group;
use super::identity::Identity;
use super::leased;

/// DEV.serial_id.
pub(super) const SERIAL: &str = "poct1a.serial";
/// What must be the same as well: one of these tells the maker, and the model where both
/// tell one.
const MAKER: [&str; 2] = ["poct1a.manufacturer", "poct1a.vendor_id"];
const MODEL: &str = "poct1a.model";

/// Maker, model and serial number, all of them in one voice; none where a number is none
/// that tells devices apart.
pub(super) fn name(group: &Group<'_>) -> Option<String> {
    let serial = only(group, SERIAL)?;
    let maker = MAKER.into_iter().find_map(|key| only(group, key))?;
    let model = only(group, MODEL).unwrap_or_default();
    let name = format!("{maker}|{model}|{serial}");
    equipment::is_telling(&Identity::Equipment(name.clone())).then_some(name)
}

/// Whether a number is the one by which a group is joined.
pub(super) fn is_telling(group: &Group<'_>, number: &str) -> bool {
    let number = number.trim().to_lowercase();
    name(group).is_some_and(|name| name.ends_with(&format!("|{number}")))
}

/// Whether both say a number, and not the same.
pub(super) fn differ(one: &Group<'_>, other: &Group<'_>) -> bool {
    let numbers = only(one, SERIAL).zip(only(other, SERIAL));
    numbers.is_some_and(|(a, b)| a != b)
}

/// Whether it says its number on more than one occasion.
pub(super) fn is_said_often(group: &Group<'_>) -> bool {
    let often = leased::often(group, SERIAL);
    only(group, SERIAL).is_some_and(|it| often.keys().any(|value| value.trim() == it))
}

/// The one value of a key, in lower case; none where there are several. Of two it is the one
/// that is said time and again, where the other is a single word in its name.
fn only(group: &Group<'_>, key: &str) -> Option<String> {
    let facts = group.hosts.iter().flat_map(|(_, host)| host.values(key));
    let mut all: BTreeSet<String> = facts.map(|it| it.trim().to_lowercase()).collect();
    if all.len() == 2 {
        let often = leased::often(group, key);
        all.retain(|value| often.keys().any(|it| it.trim() == value));
    }
    let first = all.pop_first()?;
    all.is_empty().then_some(first)
}
