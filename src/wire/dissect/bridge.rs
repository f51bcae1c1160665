//! Switches among themselves: spanning tree (IEEE 802.1Q clause 14; with Cisco's tree a
//! VLAN) and link aggregation (IEEE 802.1AX), which servers speak too.

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::{Layer3, Packet};

/// MAC of the bridge that sends, which its ports' own differ from.
const BRIDGE: Key = Key::new("stp.bridge");
/// MAC of the bridge at the root of the tree.
const ROOT: Key = Key::new("stp.root");
/// `stp`, `rstp` or `mstp`.
const VERSION: Key = Key::new("stp.version");
/// MAC that names the whole machine whose links are bundled.
const SYSTEM: Key = Key::new("lacp.system");

/// Spanning tree as a protocol.
pub(super) static STP: Protocol = Protocol {
    name: "stp",
    standard: "IEEE 802.1Q",
    keys: &[BRIDGE, ROOT, VERSION],
    ports: &[],
    body: Body::Packet { wants: |p| bpdu(p).is_some(), read: stp },
};

/// Link aggregation as a protocol.
pub(super) static LACP: Protocol = Protocol {
    name: "lacp",
    standard: "IEEE 802.1AX",
    keys: &[SYSTEM],
    ports: &[],
    body: Body::Packet { wants: lacp_wants, read: lacp },
};

/// LLC of spanning tree (IEEE 802.1Q §8.12.3), and SNAP with Cisco's organisation and PVST+.
const LLC: &[u8] = &[0x42, 0x42, 0x03];
const PVST: &[u8] = &[0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x01, 0x0b];
/// Slow protocols (IEEE 802.3 annex 57A), and LACP among them with its version.
const SLOW: u16 = 0x8809;
const LACP_HEAD: &[u8] = &[1, 1, 1, 20];

/// A BPDU, which begins with protocol 0.
fn bpdu<'a>(packet: &Packet<'a>) -> Option<&'a [u8]> {
    if packet.l3 != Layer3::Other(0) {
        return None;
    }
    let payload = packet.payload;
    let bpdu = payload.strip_prefix(LLC).or_else(|| payload.strip_prefix(PVST))?;
    bpdu.starts_with(&[0, 0]).then_some(bpdu)
}

/// Configuration and rapid BPDU (§14.2): version, type, flags, root, cost, bridge.
fn stp(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(bpdu(packet).unwrap_or_default());
    r.skip(2, "protocol identifier")?;
    let version = match r.u8("protocol version")? {
        0 => "stp",
        2 => "rstp",
        3 => "mstp",
        _ => return Err(Error::invalid("protocol version")),
    };
    // A topology change says nothing more.
    if !matches!(r.u8("BPDU type")?, 0 | 2) {
        return Ok(());
    }
    r.skip(3, "flags, root priority")?;
    let root = Mac(r.array("root address")?);
    r.skip(6, "root path cost, bridge priority")?;
    let bridge = Mac(r.array("bridge address")?);
    if !bridge.is_unicast() {
        return Err(Error::invalid("bridge address"));
    }
    out.fact(Who::Sender, &VERSION, version);
    // Of several trees a region's BPDU names the regional root here, not the bridge
    // (§14.4 k, l).
    if version != "mstp" {
        out.fact(Who::Sender, &BRIDGE, &bridge.to_string());
    }
    if root.is_unicast() {
        out.fact(Who::Sender, &ROOT, &root.to_string());
    }
    Ok(())
}

fn lacp_wants(packet: &Packet<'_>) -> bool {
    packet.l3 == Layer3::Other(SLOW) && packet.payload.starts_with(LACP_HEAD)
}

/// Actor information (IEEE 802.1AX §6.4.2.3): priority, system.
fn lacp(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(LACP_HEAD.len().saturating_add(2), "head, actor system priority")?;
    let system = Mac(r.array("actor system")?);
    if system.is_unicast() {
        out.fact(Who::Sender, &SYSTEM, &system.to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;
    use crate::wire::packet::Layer4;

    fn frame(kind: u16, payload: &[u8]) -> Packet<'_> {
        Packet { l3: Layer3::Other(kind), l4: Layer4::None, ..udp(0, 0, payload) }
    }

    const RAPID: &[u8] = b"\0\0\x02\x02\x3c\x80\x01\0\x1b\x0d\x01\x02\x03\0\0\0\x04\x80\x0a\
\0\x1b\x0d\x09\x08\x07\x80\x05\0\0\x14\0\x02\0\x0f\0\0";

    #[test]
    fn bridge_and_root() {
        let expected = [
            "C stp.version=rstp",
            "C stp.bridge=00:1b:0d:09:08:07",
            "C stp.root=00:1b:0d:01:02:03",
        ];
        for head in [LLC, PVST] {
            let m = [head, RAPID].concat();
            assert_eq!(facts(&packet("stp", &frame(0, &m)).unwrap()), expected);
            torture::packet("stp", &frame(0, &m), &[]);
        }
        let change = [LLC, &[0, 0, 0, 0x80]].concat();
        assert!(packet("stp", &frame(0, &change)).unwrap().is_empty());
        assert!(bpdu(&frame(0, b"\xaa\xaa\x03\0\0\x0c\x20\0\0\0")).is_none(), "CDP");
    }

    #[test]
    fn aggregation() {
        let m = b"\x01\x01\x01\x14\x80\0\0\x1b\x0d\x01\x02\x03\0\x01\x80\0\0\x05\x3d";
        let said = packet("lacp", &frame(SLOW, m)).unwrap();
        assert_eq!(facts(&said), ["C lacp.system=00:1b:0d:01:02:03"]);
        torture::packet("lacp", &frame(SLOW, m), &[]);
        assert!(!lacp_wants(&frame(SLOW, b"\x0a\x01")), "synchronous Ethernet");
    }
}
