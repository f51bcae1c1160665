//! What harm to a device would mean: by its class, raised by what depends on it, and what
//! stands between it and harm.

use super::assessment::{ControlTerm, ImpactTerm};
use super::rules::Look;
use crate::observe::Role;

/// The levels of an asset's class, and the steps that raise them.
pub(super) fn terms(look: &Look<'_, '_>) -> Vec<ImpactTerm> {
    let (class, category) = (look.first("device_class"), look.first("device_category"));
    let (what, group) = look.book.group(class.as_deref(), category.as_deref());
    let mut terms = vec![ImpactTerm {
        what,
        text: group.source.clone(),
        sets: Some([group.safety, group.effectiveness, group.data]),
        raises: [0; 3],
    }];
    let mut raise = |what: &str, text: String, raises| {
        terms.push(ImpactTerm { what: what.to_owned(), text, sets: None, raises });
    };
    let medical = category.as_deref() == Some("medical");
    // A guess sets the levels, since what it may be is to be feared; it is no reason for more.
    let least = look.book.limits.coverage_confidence;
    let surest = look.asset.shown("device_class").first().map_or(0.0, |it| it.confidence);
    let is_known = f64::from(surest) >= least;
    let is_only = |class: &String| medical && is_known && look.around.of_class(class) == 1;
    if let Some(class) = class.filter(is_only) {
        raise("unique", format!("the only {class} that is known"), [0, 1, 0]);
    }
    let depend = dependents(look);
    if depend >= look.book.limits.hub_peers {
        raise("hub", format!("{depend} medical devices use its services"), [0, 1, 1]);
    }
    if let Some(share) = use_share(look).filter(|share| *share >= look.book.limits.busy_share) {
        let text = format!("in use {:.0} % of the time watched", 100.0 * share);
        raise("busy", text, [0, 1, 0]);
    }
    terms
}

/// Medical devices that use what it serves: its partners, where it serves something
/// clinical.
fn dependents(look: &Look<'_, '_>) -> usize {
    let serves = look.asset.services.iter().any(|(_, _, name, role)| {
        *role == Role::Server && look.book.protocols.clinical.iter().any(|it| it == name)
    });
    let medical = look.around.partners(look.asset).filter(|(_, it)| it.medical);
    if serves { medical.count() } else { 0 }
}

/// Whether it was watched for so long that what was not seen says something.
const fn is_known(look: &Look<'_, '_>) -> bool {
    look.watched.days >= look.book.limits.watched_days
}

/// The share of the time watched in which the device was in use.
fn use_share(look: &Look<'_, '_>) -> Option<f64> {
    let of = |minutes: u64| u32::try_from(minutes).map_or(f64::MAX, f64::from);
    let (in_use, minutes) = (look.watched.in_use, look.watched.minutes);
    (is_known(look) && minutes > 0).then(|| (of(in_use) / of(minutes)).min(1.0))
}

/// What speaks for an asset, once it has been watched for long enough.
pub(super) fn controls(look: &Look<'_, '_>) -> Vec<ControlTerm> {
    if !is_known(look) {
        return Vec::new();
    }
    let among_medical = |segment: &_| {
        let vlan = look.around.vlan(segment);
        vlan.medical > 0 && vlan.others == 0 && vlan.strangers == 0
    };
    let segments = &look.asset.segments;
    let applies = |name: &str| match name {
        "one-partner" => look.asset.peers.len() == 1,
        "medical-segment" => !segments.is_empty() && segments.iter().all(among_medical),
        _ => false,
    };
    let named = look.book.controls.iter().filter(|(name, _)| applies(name));
    named
        .map(|(name, it)| ControlTerm {
            what: name.clone(),
            text: it.text.clone(),
            lowers: it.lowers,
        })
        .collect()
}

/// The controls that are known here.
pub(super) const CONTROLS: [&str; 2] = ["medical-segment", "one-partner"];
