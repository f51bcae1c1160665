//! What a request says of its client's start.
//!
//! Firmware that looks for a system on the network (RFC 4578, BOOTP) runs at no other time
//! than when a device starts. A client that begins anew (RFC 2131 §4.3.2: INIT, INIT-REBOOT)
//! has a network that came up, no more; one that renews says nothing.
//!
//! On its own link only the client's own frame is believed: any card may write another's
//! address into `chaddr`. A relay is believed for firmware alone, where it speaks by the
//! address that it gives itself (`giaddr`), and as a sign of its own, less sure than the
//! client's frame.

use std::net::IpAddr;

use super::options::Options;
use super::{Fixed, message};
use crate::observe::{Arrival, Sign};
use crate::wire::dissect::{Sink, Who};
use crate::wire::packet::Packet;

/// How firmware names itself in option 60 (RFC 4578 §2, UEFI 2.11 §24.7).
const FIRMWARE: [&[u8]; 2] = [b"PXEClient", b"HTTPClient"];
/// Architecture and network interface of a system that is about to be loaded (RFC 4578 §2.1
/// and §2.2): together no operating system sends them.
const LOADS: [u8; 2] = [93, 94];
const SERVERS: u16 = 67;

/// A client asks, with this message type, or with none (BOOTP, RFC 951).
pub(super) fn tell(
    packet: &Packet<'_>,
    fixed: &Fixed,
    kind: Option<u8>,
    options: &Options<'_>,
    out: &mut dyn Sink,
) {
    // Who has an address already renews it.
    if fixed.ciaddr.is_some() {
        return;
    }
    let is_firmware = match kind {
        None => true,
        Some(message::DISCOVER | message::REQUEST) => loads(options),
        _ => return,
    };
    let who = Who::Named { mac: Some(fixed.mac), ip: None };
    match fixed.giaddr.map(IpAddr::V4) {
        None if packet.src_mac != Some(fixed.mac) => {}
        None if is_firmware => out.boots(who, Sign::NetworkBoot),
        None if begins(kind, options) => out.arrives(who, Arrival::Dhcp),
        None => {}
        Some(relay) => {
            let by_itself = packet.addresses().is_some_and(|(src, _)| src == relay)
                && packet.ports().is_some_and(|(src, _)| src == SERVERS);
            if is_firmware && by_itself {
                out.boots(who, Sign::RelayedBoot);
            }
        }
    }
}

/// Whether firmware asks.
fn loads(options: &Options<'_>) -> bool {
    let class = options.get(60).unwrap_or_default();
    FIRMWARE.iter().any(|it| class.starts_with(it))
        || LOADS.iter().all(|code| options.get(*code).is_some())
}

/// Whether the client begins anew: INIT, or INIT-REBOOT, which asks for an address of no
/// certain server (RFC 2131 §4.3.2).
fn begins(kind: Option<u8>, options: &Options<'_>) -> bool {
    match kind {
        Some(message::DISCOVER) => true,
        Some(message::REQUEST) => options.get(50).is_some() && options.get(54).is_none(),
        _ => false,
    }
}
