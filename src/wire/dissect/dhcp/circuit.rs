//! Circuit id and remote id of option 82 (RFC 3046 §3.1, §3.2): opaque by the standard,
//! read in the forms in which switches and relays write them.

use super::super::winstr::hex;
use crate::net::Mac;

/// What a circuit id names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Circuit {
    /// A port, perhaps with the VLAN that the client is in there.
    Port(String, Option<u16>),
    /// The interface that a router has in a VLAN: no port, whoever hangs in it.
    Vlan(u16),
    /// Another interface of a router or relay behind which many hang.
    Interface,
}

/// The common binary form of VLAN, module and port (type 0, length 4), else text, else
/// hexadecimal.
pub(super) fn read(id: &[u8]) -> Circuit {
    if let [0, 4, a, b, module, port] = *id {
        let vlan = u16::from_be_bytes([a, b]);
        let port = format!("vlan {vlan} port {module}/{port}");
        return Circuit::Port(port, Some(vlan).filter(is_vlan));
    }
    let text = text_or_hex(id);
    if let Some(interface) = interface(&text) {
        return interface;
    }
    // `ge-0/0/7.0:vlan20`
    let behind = text.rsplit_once(':').and_then(|(port, vlan)| Some((port, interface(vlan)?)));
    match behind {
        Some((port, Circuit::Vlan(vlan))) if !port.is_empty() => {
            Circuit::Port(port.to_owned(), Some(vlan))
        }
        _ => Circuit::Port(text, None),
    }
}

/// An interface of which the name says that it is no port.
fn interface(name: &str) -> Option<Circuit> {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number: Option<u16> = name.get(kind.len()..)?.parse().ok();
    match kind.trim_end_matches(['-', '_', '.', ' ']).to_ascii_lowercase().as_str() {
        "vlan" | "vl" | "vlanif" | "vlan-interface" | "svi" => {
            number.filter(is_vlan).map(Circuit::Vlan)
        }
        // The number is the interface's own, which need not be the VLAN's.
        "irb" | "bvi" | "br" | "lo" | "loopback" if number.is_some() => Some(Circuit::Interface),
        _ => None,
    }
}

/// Numbers of VLANs (IEEE 802.1Q table 9-2).
fn is_vlan(vlan: &u16) -> bool {
    (1..=4094).contains(vlan)
}

/// Remote id (RFC 3046 §3.2): the switch's MAC, bare or typed, else text, else hexadecimal.
pub(super) fn remote(id: &[u8]) -> String {
    match id.strip_prefix(&[0, 6]).unwrap_or(id).as_array::<6>() {
        Some(mac) if !printable(mac) => Mac(*mac).to_string(),
        _ => text_or_hex(id),
    }
}

fn printable(id: &[u8]) -> bool {
    id.iter().all(|b| (0x20..0x7f).contains(b))
}

fn text_or_hex(id: &[u8]) -> String {
    // A text form has type 1 and its length before it.
    let text = match id.split_at_checked(2) {
        Some(([1, n], text)) if usize::from(*n) == text.len() => text,
        _ => id,
    };
    if printable(text) { String::from_utf8_lossy(text).into_owned() } else { hex(id) }
}
