//! What harm to a device would mean: by its class, raised by what depends on it, and what
//! stands between it and harm.

use super::assessment::{ControlTerm, ImpactTerm};
use super::rules::Look;
use crate::observe::Role;
use crate::time::SECOND;

const HOUR: i64 = 3600 * SECOND;

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
    if let Some(class) = class.filter(|class| medical && look.around.of_class(class) == 1) {
        raise("unique", format!("the only {class} that is known"), [0, 1, 0]);
    }
    let depend = dependents(look);
    if depend >= look.book.limits.hub_peers {
        raise("hub", format!("{depend} medical devices use its services"), [0, 1, 1]);
    }
    if let Some(share) = use_share(look).filter(|share| *share >= look.book.limits.busy_share) {
        raise("busy", format!("in use {:.0} % of the time", 100.0 * share), [0, 1, 0]);
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

/// The share of the observed time in which the device was in use: not counted yet.
const fn use_share(_: &Look<'_, '_>) -> Option<f64> {
    None
}

/// What speaks for an asset, once it has been watched for long enough.
pub(super) fn controls(look: &Look<'_, '_>) -> Vec<ControlTerm> {
    let span = look.asset.span;
    let watched = span.last.since(span.first);
    if watched < look.book.limits.control_hours.saturating_mul(HOUR) {
        return Vec::new();
    }
    let among_medical = |segment: &_| {
        let vlan = look.around.vlan(segment);
        vlan.medical > 0 && vlan.others == 0
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
