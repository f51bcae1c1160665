//! Link Layer Discovery Protocol (IEEE 802.1AB) with the inventory of LLDP-MED
//! (ANSI/TIA-1057): a switch, phone or access point describes itself to its neighbour.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::winstr::hex;
use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::{Layer3, Packet};

const CHASSIS_ID: Key = Key::new("lldp.chassis_id");
const PORT_ID: Key = Key::new("lldp.port_id");
const PORT_DESCRIPTION: Key = Key::new("lldp.port_description");
const SYSTEM_NAME: Key = Key::new("lldp.system_name");
const SYSTEM_DESCRIPTION: Key = Key::new("lldp.system_description");
/// Enabled capabilities: `bridge,router`.
const CAPABILITIES: Key = Key::new("lldp.capabilities");
const MANAGEMENT_ADDRESS: Key = Key::new("lldp.management_address");
const HARDWARE_VERSION: Key = Key::new("lldp.hardware_version");
const FIRMWARE_VERSION: Key = Key::new("lldp.firmware_version");
const SOFTWARE_VERSION: Key = Key::new("lldp.software_version");
const SERIAL_NUMBER: Key = Key::new("lldp.serial_number");
const MANUFACTURER: Key = Key::new("lldp.manufacturer");
const MODEL: Key = Key::new("lldp.model");
const ASSET_ID: Key = Key::new("lldp.asset_id");

/// LLDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "lldp",
    standard: "IEEE 802.1AB",
    keys: &[
        CHASSIS_ID,
        PORT_ID,
        PORT_DESCRIPTION,
        SYSTEM_NAME,
        SYSTEM_DESCRIPTION,
        CAPABILITIES,
        MANAGEMENT_ADDRESS,
        HARDWARE_VERSION,
        FIRMWARE_VERSION,
        SOFTWARE_VERSION,
        SERIAL_NUMBER,
        MANUFACTURER,
        MODEL,
        ASSET_ID,
    ],
    ports: &[],
    body: Body::Packet { wants, read },
};

const ETHER_TYPE: u16 = 0x88cc;
/// Organisationally specific TLV and the identifier of TIA's (ANSI/TIA-1057 §10.2).
const ORGANISATION: u16 = 127;
const TIA: [u8; 3] = [0x00, 0x12, 0xbb];
/// Capability bits from the lowest (IEEE 802.1AB §8.5.8).
const CAPABILITY_NAMES: [&str; 8] =
    ["other", "repeater", "bridge", "wlan", "router", "telephone", "docsis", "station"];

fn wants(packet: &Packet<'_>) -> bool {
    packet.l3 == Layer3::Other(ETHER_TYPE)
}

/// TLVs of seven bits of type and nine of length (§8.4).
fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    while !r.is_empty() {
        let head = r.u16_be("TLV header")?;
        let value = r.take(usize::from(head & 0x01ff), "TLV value")?;
        let text = String::from_utf8_lossy(value);
        match head >> 9 {
            0 => break,
            1 => out.fact(Who::Sender, &CHASSIS_ID, &identifier(value, 4)),
            2 => out.fact(Who::Sender, &PORT_ID, &identifier(value, 3)),
            4 => out.fact(Who::Sender, &PORT_DESCRIPTION, &text),
            5 => out.fact(Who::Sender, &SYSTEM_NAME, &text),
            6 => out.fact(Who::Sender, &SYSTEM_DESCRIPTION, &text),
            7 => capabilities(value, out)?,
            8 => management(value, out)?,
            ORGANISATION => inventory(value, out)?,
            _ => {}
        }
    }
    Ok(())
}

/// A chassis or port id (§8.5.2, §8.5.3): a subtype, then a MAC for `mac` of them,
/// an address for the next, and text for the others.
fn identifier(value: &[u8], mac: u8) -> String {
    match value.split_first() {
        Some((subtype, id)) if *subtype == mac => match id.as_array() {
            Some(id) => Mac(*id).to_string(),
            None => hex(id),
        },
        Some((subtype, [family, id @ ..])) if subtype.checked_sub(1) == Some(mac) => {
            address(*family, id).unwrap_or_else(|| hex(id))
        }
        Some((_, id)) => String::from_utf8_lossy(id).into_owned(),
        None => String::new(),
    }
}

/// An address by its IANA family number.
fn address(family: u8, bytes: &[u8]) -> Option<String> {
    match family {
        1 => bytes.as_array().map(|&ip: &[u8; 4]| Ipv4Addr::from(ip).to_string()),
        2 => bytes.as_array().map(|&ip: &[u8; 16]| Ipv6Addr::from(ip).to_string()),
        _ => None,
    }
}

fn capabilities(value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(value);
    r.skip(2, "system capabilities")?;
    let enabled = r.u16_be("enabled capabilities")?;
    let names = (0_u32..).zip(CAPABILITY_NAMES);
    let set = |bit: u32| enabled.checked_shr(bit).is_some_and(|rest| rest & 1 == 1);
    let names: Vec<_> = names.filter(|(bit, _)| set(*bit)).map(|(_, name)| name).collect();
    out.fact(Who::Sender, &CAPABILITIES, &names.join(","));
    Ok(())
}

/// Management address (§8.5.9): its length counts the family.
fn management(value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(value);
    let len = usize::from(r.u8("management address length")?);
    let Some((family, bytes)) = r.take(len, "management address")?.split_first() else {
        return Err(Error::invalid("management address length"));
    };
    // All zero where a switch has no address yet.
    if let Some(ip) = address(*family, bytes).filter(|_| bytes.iter().any(|&b| b != 0)) {
        out.fact(Who::Sender, &MANAGEMENT_ADDRESS, &ip);
    }
    Ok(())
}

/// Inventory TLVs (ANSI/TIA-1057 §10.2.6).
fn inventory(value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(value);
    if r.array::<3>("organisation")? != TIA {
        return Ok(());
    }
    let key = match r.u8("subtype")? {
        5 => &HARDWARE_VERSION,
        6 => &FIRMWARE_VERSION,
        7 => &SOFTWARE_VERSION,
        8 => &SERIAL_NUMBER,
        9 => &MANUFACTURER,
        10 => &MODEL,
        11 => &ASSET_ID,
        _ => return Ok(()),
    };
    out.fact(Who::Sender, key, &String::from_utf8_lossy(r.rest()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer4;

    fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
        [&(kind << 9 | value.len() as u16).to_be_bytes()[..], value].concat()
    }

    fn frame(payload: &[u8]) -> Packet<'_> {
        Packet { l3: Layer3::Other(0x88cc), l4: Layer4::None, ..udp(0, 0, payload) }
    }

    fn phone() -> Vec<u8> {
        [
            tlv(1, &[5, 1, 10, 0, 0, 7]),
            tlv(2, &[3, 0, 4, 13, 1, 2, 3]),
            tlv(3, &[0, 120]),
            tlv(4, b"SW port"),
            tlv(5, b"phone-7"),
            tlv(6, b"Phone OS 2"),
            tlv(7, &[0, 0x24, 0, 0x24]),
            tlv(8, &[5, 1, 10, 0, 0, 7, 2, 0, 0, 0, 1, 0]),
            tlv(127, b"\x00\x12\xbb\x08SN0815"),
            tlv(127, b"\x00\x12\xbb\x0aModel 9"),
            tlv(127, b"\x00\x80\xc2\x01\0\x01"),
            tlv(0, b""),
        ]
        .concat()
    }

    #[test]
    fn describes_itself() {
        let expected = [
            "C lldp.chassis_id=10.0.0.7",
            "C lldp.port_id=00:04:0d:01:02:03",
            "C lldp.port_description=SW port",
            "C lldp.system_name=phone-7",
            "C lldp.system_description=Phone OS 2",
            "C lldp.capabilities=bridge,telephone",
            "C lldp.management_address=10.0.0.7",
            "C lldp.serial_number=SN0815",
            "C lldp.model=Model 9",
        ];
        assert_eq!(facts(&packet("lldp", &frame(&phone())).unwrap()), expected);
        let switch = [tlv(1, &[4, 0, 27, 13, 1, 2, 3]), tlv(2, b"\x05Gi1/0/7")].concat();
        let expected = ["C lldp.chassis_id=00:1b:0d:01:02:03", "C lldp.port_id=Gi1/0/7"];
        assert_eq!(facts(&packet("lldp", &frame(&switch)).unwrap()), expected);
    }

    #[test]
    fn an_unset_address_is_none() {
        let unset = tlv(8, &[5, 1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0]);
        assert!(facts(&packet("lldp", &frame(&unset)).unwrap()).is_empty());
    }

    #[test]
    fn survives_anything() {
        torture::packet("lldp", &frame(&phone()), &[]);
    }
}
