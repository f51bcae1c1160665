//! Whose work it is to ask many: what is a sign of something that spreads on an end device
//! is none on a router, or on who watches over the network.

use super::rules::Look;
use crate::observe::Role;

/// So much network equipment answers whose SNMP manager it is; a computer asks its printers.
const MANAGED: usize = 3;

/// Whether an exposure says nothing against this device. Of openings within a minute it
/// always does: who opens so many declares it, as a scanner that the site has accepted.
pub(super) fn is_its_work(look: &Look<'_, '_>, exposure: &str) -> bool {
    match exposure {
        // An address behind which others stand asks for all of them.
        "udp-sweep" | "slow-sweep" => carries(look) || is_half_seen(look),
        "echo-sweep" | "arp-sweep" => carries(look) || manages(look) || is_half_seen(look),
        _ => false,
    }
}

/// Where nobody at all answers, and nobody refuses, answers do not pass by the sensor.
fn is_half_seen(look: &Look<'_, '_>) -> bool {
    let heard = || look.asset.shown("exposure").iter().any(|it| it.value == "sweep-heard");
    look.asset.peers.is_empty() && !heard()
}

fn carries(look: &Look<'_, '_>) -> bool {
    look.first("device_category").as_deref() == Some("network")
}

/// Network equipment tells it how it is by SNMP.
fn manages(look: &Look<'_, '_>) -> bool {
    let asks = |(_, _, name, role): &(_, _, &str, Role)| *name == "snmp" && *role == Role::Client;
    let managed = || look.around.partners(look.asset).filter(|(_, it)| it.carries && it.managed);
    look.asset.services.iter().any(asks) && managed().count() >= MANAGED
}
