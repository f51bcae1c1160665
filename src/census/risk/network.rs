//! Rules about whom a device talks with, and how.

use std::collections::BTreeSet;

use super::assessment::small;
use super::rules::{Hit, Look};
use super::surroundings::{Portrait, Vlan, subnet};
use crate::census::asset::AssetId;
use crate::net::Segment;
use crate::observe::Role;
use crate::time::SECOND;

/// How sure a protocol is that was recognised by its content, in both directions.
const RECOGNISED: f64 = 0.95;
/// How sure it is that somebody calls who is known to serve nothing.
const SERVES_NOTHING: f64 = 0.6;
/// What is left where a server was seen to turn away whom it does not know.
const FILTERS: f64 = 0.5;
/// Partners named in a proof.
const MAX_NAMED: usize = 8;
const DAY: i64 = 86_400 * SECOND;
/// What is left where hundreds of strangers are among medical devices.
const LEAST_DEGREE: f64 = 0.1;

/// What it serves, or uses too, of some protocols that ask nobody who he is.
fn speaks(look: &Look<'_, '_>, protocols: &[String], served: bool) -> Vec<String> {
    let wanted = |role: &Role| !served || *role == Role::Server;
    let spoken = look
        .asset
        .services
        .iter()
        .filter(|(_, _, name, role)| wanted(role) && protocols.iter().any(|it| it == name));
    let texts = spoken.map(|(transport, port, name, role)| match role {
        Role::Server => format!("serves {name} on {transport}/{port} without encryption"),
        Role::Client => format!("uses {name} on {transport}/{port} without encryption"),
    });
    texts.collect()
}

/// Names of partners, few of many.
fn named<'p>(partners: impl Iterator<Item = (AssetId, &'p Portrait)>) -> Vec<String> {
    let name = |(id, it): (AssetId, &Portrait)| match it.ips.first() {
        Some(ip) => format!("{id} ({ip})"),
        None => id.to_string(),
    };
    let all: Vec<String> = partners.map(name).collect();
    let more = all.len().saturating_sub(MAX_NAMED);
    let mut some: Vec<String> = all.into_iter().take(MAX_NAMED).collect();
    some.extend((more > 0).then(|| format!("and {more} more")));
    some
}

pub(super) fn address_conflict(look: &Look<'_, '_>) -> Option<Hit> {
    let conflicts = &look.asset.conflicts;
    let text = |(ip, other): &(_, AssetId)| format!("{ip} is used by {other} too");
    (!conflicts.is_empty()).then(|| Hit::seen(RECOGNISED, conflicts.iter().map(text).collect()))
}

pub(super) fn cleartext_phi(look: &Look<'_, '_>) -> Option<Hit> {
    let spoken = speaks(look, &look.book.protocols.patients, false);
    (!spoken.is_empty()).then(|| Hit::seen(RECOGNISED, spoken))
}

pub(super) fn unauthenticated_clinical(look: &Look<'_, '_>) -> Option<Hit> {
    let spoken = speaks(look, &look.book.protocols.clinical, true);
    if spoken.is_empty() {
        return None;
    }
    let filters = look.seen("exposure").iter().any(|it| it.value == "dicom-filters");
    let only_dicom = spoken.iter().all(|text| text.starts_with("serves dicom "));
    let mut hit = Hit::seen(RECOGNISED, spoken);
    if filters && only_dicom {
        hit.degree = FILTERS;
    }
    Some(hit)
}

pub(super) fn unauthenticated_control(look: &Look<'_, '_>) -> Option<Hit> {
    let spoken = speaks(look, &look.book.protocols.control, true);
    (!spoken.is_empty()).then(|| Hit::seen(RECOGNISED, spoken))
}

/// Partners that nobody had seen when this one had been watched for a while: they cannot
/// have been its partners before. That others are new to it is not known.
pub(super) fn new_clinical_peer(look: &Look<'_, '_>) -> Option<Hit> {
    unauthenticated_clinical(look)?;
    let known = look.asset.span.first.max(look.watched.since);
    let settled = known.plus(look.book.limits.settled_days.saturating_mul(DAY));
    let new = look.around.partners(look.asset).filter(|(_, it)| !it.external && it.first > settled);
    let names = named(new);
    (!names.is_empty()).then(|| Hit::seen(RECOGNISED, names))
}

/// How sure it is that a partner called, and that it was called.
type Directions = (Option<f64>, Option<f64>);

/// Whether a partner on the Internet called, or was called; both can be.
fn directions(look: &Look<'_, '_>, partner: &Portrait) -> Directions {
    let shared = |theirs: Role, ours: Role| {
        partner.services.iter().any(|(transport, port, role)| {
            let own = &look.asset.services;
            *role == theirs && own.iter().any(|it| (&it.0, &it.1, it.3) == (transport, port, ours))
        })
    };
    let serves = partner.services.iter().any(|(.., role)| *role == Role::Server);
    let inbound = match shared(Role::Client, Role::Server) {
        true => Some(RECOGNISED),
        false => (!serves).then_some(SERVES_NOTHING),
    };
    // Who serves and did not call was called.
    let outbound = serves && (inbound.is_none() || shared(Role::Server, Role::Client));
    (inbound, outbound.then_some(RECOGNISED))
}

/// A hit for those partners on the Internet for which `direction` is sure enough.
fn internet(look: &Look<'_, '_>, direction: fn(Directions) -> Option<f64>) -> Option<Hit> {
    let outside = || look.around.partners(look.asset).filter(|(_, it)| it.external);
    let surest = outside().filter_map(|(_, it)| direction(directions(look, it)));
    let surest = surest.reduce(f64::max)?;
    let such = outside().filter(|(_, it)| direction(directions(look, it)).is_some());
    Some(Hit::seen(surest, named(such)))
}

pub(super) fn internet_inbound(look: &Look<'_, '_>) -> Option<Hit> {
    internet(look, |(inbound, _)| inbound)
}

pub(super) fn internet_outbound(look: &Look<'_, '_>) -> Option<Hit> {
    internet(look, |(_, outbound)| outbound)
}

/// Subnets other than its own in which it has partners, as log2; who carries packets has
/// them all.
pub(super) fn flat_exposure(look: &Look<'_, '_>) -> Option<Hit> {
    if look.first("device_category").as_deref() == Some("network") {
        return None;
    }
    let own: BTreeSet<_> = look.asset.ips.iter().filter_map(|ip| subnet(*ip)).collect();
    let partners = look.around.partners(look.asset).filter(|(_, it)| !it.external && !it.carries);
    let theirs: BTreeSet<_> = partners
        .filter_map(|(_, it)| it.ips.iter().find_map(|ip| subnet(*ip)))
        .filter(|subnet| !own.contains(subnet))
        .collect();
    let all = small(look.book.limits.flat_subnets);
    let degree = (small(theirs.len().max(1)).log2() / all.log2()).min(1.0);
    (degree > 0.0).then(|| {
        let text = format!("partners in {} other subnets", theirs.len());
        Hit { degree, ..Hit::seen(RECOGNISED, vec![text]) }
    })
}

pub(super) fn dangerous_peer(look: &Look<'_, '_>) -> Option<Hit> {
    let mut evidence = Vec::new();
    for (_, partner) in look.around.partners(look.asset) {
        for ip in &partner.ips {
            let known = look.book.dangerous.iter().filter(|it| it.holds(*ip));
            evidence.extend(known.map(|it| format!("{ip}: {} ({})", it.text, it.source)));
        }
    }
    (!evidence.is_empty()).then(|| Hit::seen(RECOGNISED, evidence))
}

/// Whether a VLAN is medical is for those to say of whom it is known what they are: a card
/// of which nothing is known has no vote in what it is accused of. Where strangers are more
/// than medical devices the finding weighs less, each by a little, and never nothing.
pub(super) fn unknown_in_medical_vlan(look: &Look<'_, '_>) -> Option<Hit> {
    if look.first("device_category").is_some() || look.first("device_class").is_some() {
        return None;
    }
    let limits = &look.book.limits;
    let medical = look.asset.segments.iter().filter_map(|segment| {
        let vlan = look.around.vlan(segment);
        // What has no tag may be several VLANs of which the mirror took the tags.
        let is_tagged = segment.vlan != 0 || segment.vni != 0;
        let least = if is_tagged { limits.medical_vlan } else { limits.medical_untagged };
        (vlan.medical >= least && vlan.medical >= vlan.others).then_some((segment, vlan))
    });
    let text = |(segment, vlan): &(&Segment, Vlan)| {
        format!("VLAN {segment}: {} medical devices", vlan.medical)
    };
    let degree = |(_, vlan): &(&Segment, Vlan)| {
        (small(vlan.medical) / small(vlan.strangers.max(1))).clamp(LEAST_DEGREE, 1.0)
    };
    let medical: Vec<_> = medical.collect();
    let degree = medical.iter().map(degree).reduce(f64::max)?;
    let evidence = medical.iter().map(text).collect();
    // It may be the one among them.
    Some(Hit { degree, most: 1.0, ..Hit::seen(RECOGNISED, evidence) })
}
