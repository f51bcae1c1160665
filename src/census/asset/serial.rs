//! Devices that say maker, model and serial number of themselves in one hello: POCT1-A's
//! (CLSI POCT01-A2, HEL.R01). A meter has a card for the cable and one for the air.
//!
//! A dock through which several meters say hello has several serial numbers and is none
//! of them.

use super::equipment;
use super::group::Group;
use super::identity::Identity;

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

/// Whether both say a number, and not the same.
pub(super) fn differ(one: &Group<'_>, other: &Group<'_>) -> bool {
    let numbers = only(one, SERIAL).zip(only(other, SERIAL));
    numbers.is_some_and(|(a, b)| a != b)
}

/// The one value of a key, in lower case; none where there are several.
fn only(group: &Group<'_>, key: &str) -> Option<String> {
    let mut all = group.hosts.iter().flat_map(|(_, host)| host.values(key));
    let first = all.next()?.trim().to_lowercase();
    all.all(|it| it.trim().to_lowercase() == first).then_some(first)
}
