//! Cisco Discovery Protocol, versions 1 and 2, as Cisco has published it: switches,
//! routers and phones describe themselves to their neighbour.

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::observe::Key;
use crate::wire::packet::{Layer3, Packet};

const DEVICE_ID: Key = Key::new("cdp.device_id");
const PORT_ID: Key = Key::new("cdp.port_id");
/// Capability bits in words: `router,switch`.
const CAPABILITIES: Key = Key::new("cdp.capabilities");
const SOFTWARE_VERSION: Key = Key::new("cdp.software_version");
const PLATFORM: Key = Key::new("cdp.platform");

/// CDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "cdp",
    standard: "Cisco Discovery Protocol",
    keys: &[DEVICE_ID, PORT_ID, CAPABILITIES, SOFTWARE_VERSION, PLATFORM],
    ports: &[],
    body: Body::Packet { wants, read },
};

/// LLC with SNAP (IEEE 802 §9.2), Cisco's organisation and CDP's type.
const SNAP: &[u8] = &[0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00];
/// Capability bits from the lowest.
const CAPABILITY_NAMES: [&str; 8] = [
    "router",
    "transparent-bridge",
    "source-route-bridge",
    "switch",
    "host",
    "igmp",
    "repeater",
    "telephone",
];

fn wants(packet: &Packet<'_>) -> bool {
    packet.l3 == Layer3::Other(0) && packet.payload.starts_with(SNAP)
}

/// TLVs of two bytes of type and two of length, which counts these four.
fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(SNAP.len(), "LLC and SNAP")?;
    r.skip(4, "version, holdtime, checksum")?;
    while !r.is_empty() {
        let kind = r.u16_be("TLV type")?;
        let len = r.u16_be("TLV length")?.checked_sub(4).ok_or(Error::invalid("TLV length"))?;
        let value = r.take(usize::from(len), "TLV value")?;
        let key = match kind {
            0x0001 => &DEVICE_ID,
            0x0003 => &PORT_ID,
            0x0004 => {
                capabilities(value, out)?;
                continue;
            }
            0x0005 => &SOFTWARE_VERSION,
            0x0006 => &PLATFORM,
            _ => continue,
        };
        out.fact(Who::Sender, key, &String::from_utf8_lossy(value));
    }
    Ok(())
}

fn capabilities(value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let bits = Reader::new(value).u32_be("capabilities")?;
    let names = (0_u32..).zip(CAPABILITY_NAMES);
    let set = |bit: u32| bits.checked_shr(bit).is_some_and(|rest| rest & 1 == 1);
    let names: Vec<_> = names.filter(|(bit, _)| set(*bit)).map(|(_, name)| name).collect();
    out.fact(Who::Sender, &CAPABILITIES, &names.join(","));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer4;

    fn frame(payload: &[u8]) -> Packet<'_> {
        Packet { l3: Layer3::Other(0), l4: Layer4::None, ..udp(0, 0, payload) }
    }

    fn switch() -> Vec<u8> {
        let mut m = [SNAP, &[2, 180, 0, 0]].concat();
        let tlvs: [(u8, &[u8]); 6] = [
            (1, b"core-1.example"),
            (3, b"Gi1/0/7"),
            (4, &[0, 0, 0, 0x29]),
            (5, b"IOS Version 12.2(55)SE"),
            (6, b"cisco WS-C3750"),
            (9, b"vtp"),
        ];
        for (kind, value) in tlvs {
            m.extend([0, kind, 0, value.len() as u8 + 4]);
            m.extend(value);
        }
        m
    }

    #[test]
    fn describes_itself() {
        let expected = [
            "C cdp.device_id=core-1.example",
            "C cdp.port_id=Gi1/0/7",
            "C cdp.capabilities=router,switch,igmp",
            "C cdp.software_version=IOS Version 12.2(55)SE",
            "C cdp.platform=cisco WS-C3750",
        ];
        assert_eq!(facts(&packet("cdp", &frame(&switch())).unwrap()), expected);
        assert!(!wants(&frame(b"\x42\x42\x03")), "spanning tree");
    }

    #[test]
    fn survives_anything() {
        torture::packet("cdp", &frame(&switch()), &[]);
    }
}
