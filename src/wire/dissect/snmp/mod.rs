//! SNMP v1, v2c and v3 (RFC 1157, RFC 3416, RFC 3412): what agents say of
//! themselves when somebody else asks, or in their notifications.
//!
//! Community strings and user names are secrets and sysContact is a person: none
//! leaves but the two communities that everybody knows. Only the objects of [`COLUMNS`] and the rows of [`table`] leave.

mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use encoding_rs::{SHIFT_JIS, WINDOWS_1252};

use self::table::Tables;
use super::ber::{self, INTEGER, OCTET_STRING, OID, SEQUENCE};
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::{Key, Sign};
use crate::time::SECOND;
use crate::wire::packet::Packet;

/// `1`, `2c` or `3`: the first two send their community readable.
const VERSION: Key = Key::new("snmp.version");
/// `public` or `private`: the community by which the agent was asked, where it is one that
/// every agent has as it is delivered.
const WELL_KNOWN: Key = Key::new("snmp.well_known");
const SYSDESCR: Key = Key::new("snmp.sysdescr");
const SYSOBJECTID: Key = Key::new("snmp.sysobjectid");
const SYSNAME: Key = Key::new("snmp.sysname");
const LOCATION: Key = Key::new("snmp.location");
const MANUFACTURER: Key = Key::new("snmp.manufacturer");
const MODEL: Key = Key::new("snmp.model");
const SERIAL: Key = Key::new("snmp.serial");
const SOFTWARE: Key = Key::new("snmp.software");
/// What the first device of a host is: of a printer its model.
const DEVICE: Key = Key::new("snmp.device_descr");
const ENGINE_ID: Key = Key::new("snmp.engine_id");
/// The address inside an engine ID of format 3.
const ENGINE_MAC: Key = Key::new("snmp.engine_mac");
/// The address inside an engine ID of format 1 or 2.
const ENGINE_IP: Key = Key::new("snmp.engine_ip");

/// SNMP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "snmp",
    standard: "RFC 3416, RFC 3412",
    keys: KEYS,
    ports: &[161, 162],
    body: Body::Datagram { probe, answers: |_| None, read },
};

const KEYS: &[Key] = &[
    VERSION,
    WELL_KNOWN,
    SYSDESCR,
    SYSOBJECTID,
    SYSNAME,
    LOCATION,
    MANUFACTURER,
    MODEL,
    SERIAL,
    SOFTWARE,
    DEVICE,
    ENGINE_ID,
    ENGINE_MAC,
    ENGINE_IP,
    table::BRIDGE_PORT,
    table::IF_NAME,
    table::IF_DESCR,
    table::LLDP_PORT,
];

/// Objects that may leave, by the contents of their identifier.
///
/// SNMPv2-MIB (RFC 3418) §2; ENTITY-MIB (RFC 6933) for the rows 1 and 1001, which
/// are the chassis where makers number as usual: other rows are modules and power
/// supplies; Printer-MIB (RFC 3805) for the serial number of the printer;
/// HOST-RESOURCES-MIB (RFC 2790) hrDeviceDescr of the first device; jnxBoxSerialNo
/// (JUNIPER-MIB) and hpHttpMgSerialNumber (HP-httpManageable-MIB) for those of switches.
const COLUMNS: &[(&[u8], Key)] = &[
    (b"\x2b\x06\x01\x02\x01\x01\x01\x00", SYSDESCR),
    (b"\x2b\x06\x01\x02\x01\x01\x02\x00", SYSOBJECTID),
    (b"\x2b\x06\x01\x02\x01\x01\x05\x00", SYSNAME),
    (b"\x2b\x06\x01\x02\x01\x01\x06\x00", LOCATION),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0a\x01", SOFTWARE),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0b\x01", SERIAL),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0c\x01", MANUFACTURER),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0d\x01", MODEL),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0a\x87\x69", SOFTWARE),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0b\x87\x69", SERIAL),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0c\x87\x69", MANUFACTURER),
    (b"\x2b\x06\x01\x02\x01\x2f\x01\x01\x01\x01\x0d\x87\x69", MODEL),
    (b"\x2b\x06\x01\x02\x01\x19\x03\x02\x01\x03\x01", DEVICE),
    (b"\x2b\x06\x01\x02\x01\x2b\x05\x01\x01\x11\x01", SERIAL),
    (b"\x2b\x06\x01\x04\x01\x94\x4c\x03\x01\x03\x00", SERIAL),
    (b"\x2b\x06\x01\x04\x01\x0b\x02\x24\x01\x01\x02\x09\x00", SERIAL),
];

/// Communities that are no secret: those of agents as they are delivered.
const COMMUNITIES: [&str; 2] = ["public", "private"];

/// Clocks by which an agent tells how long it runs, and what tells that it speaks for
/// another. All in hundredths of a second but snmpEngineTime (RFC 3411), in seconds; after
/// 497 days the hundredths begin anew (RFC 2578 §7.1.8), which looks like a start.
const SYS_UPTIME: &[u8] = b"\x2b\x06\x01\x02\x01\x01\x03\x00";
/// RFC 2790: of the host, where sysUpTime is of its agent.
const HR_SYSTEM_UPTIME: &[u8] = b"\x2b\x06\x01\x02\x01\x19\x01\x01\x00";
const ENGINE_TIME: &[u8] = b"\x2b\x06\x01\x06\x03\x0a\x02\x01\x03\x00";
/// RFC 3584 §3.1: a notification was handed on for this agent.
const TRAP_ADDRESS: &[u8] = b"\x2b\x06\x01\x06\x03\x12\x01\x03\x00";
const TIME_TICKS: u8 = 0x43;
/// Nanoseconds of a tick.
const TICK: i64 = SECOND / 100;

/// Variable bindings that are looked at in one message.
const MAX_BINDINGS: usize = 128;
/// PDUs by which an agent speaks of itself (RFC 3416 §3).
const RESPONSE: u8 = 0xa2;
const INFORM: u8 = 0xa6;
const TRAP: u8 = 0xa7;
/// Trap-PDU of version 1 (RFC 1157 §4.1.6) and its NetworkAddress.
const TRAP_V1: u8 = 0xa4;
const IP_ADDRESS: u8 = 0x40;
/// Generic traps come from the system as a whole; the next number is the enterprise's own.
const ENTERPRISE_SPECIFIC: u32 = 6;
/// Bits of msgFlags (RFC 3412 §6.4).
const ENCRYPTED: u8 = 0x02;
const REPORTABLE: u8 = 0x04;

fn probe(packet: &Packet<'_>) -> Verdict {
    match head(packet.payload) {
        Ok(_) => Verdict::Yes,
        Err(_) => Verdict::No,
    }
}

/// Version and what follows it: a community and a PDU, or the header of version 3.
fn head(payload: &[u8]) -> Result<(u32, Reader<'_>), Error> {
    let mut r = Reader::new(ber::expect(&mut Reader::new(payload), SEQUENCE, "Message")?);
    let version = ber::number(&mut r, "version")?;
    let mut behind = r;
    let tags = (ber::any(&mut behind, "community")?.0, ber::any(&mut behind, "data")?.0);
    match (version, tags) {
        (0 | 1, (OCTET_STRING, 0xa0..=0xa8)) | (3, (SEQUENCE, OCTET_STRING)) => Ok((version, r)),
        _ => Err(Error::invalid("version")),
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let (version, mut r) = head(packet.payload)?;
    match version {
        0 => out.fact(Who::Sender, &VERSION, "1"),
        1 => out.fact(Who::Sender, &VERSION, "2c"),
        _ => {
            out.fact(Who::Sender, &VERSION, "3");
            return version3(r, agent(packet), out);
        }
    }
    let community = ber::expect(&mut r, OCTET_STRING, "community")?;
    let mut ahead = r;
    let answers = ber::any(&mut ahead, "data")?.0 == RESPONSE;
    let plain = table::plain(community);
    let known = COMMUNITIES.iter().find(|it| it.as_bytes() == plain);
    if let (true, Some(known)) = (answers, known) {
        out.fact(Who::Sender, &WELL_KNOWN, known);
    }
    let of = Tables { agent: agent(packet), vlan: table::vlan_of(community) };
    if let Some(nanos) = pdu(r, of, out)? {
        out.running(Who::Sender, nanos, Sign::Snmp);
    }
    Ok(())
}

/// Who speaks of itself.
fn agent(packet: &Packet<'_>) -> IpAddr {
    packet.addresses().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |(src, _)| src)
}

/// msgGlobalData and the User-based Security Model (RFC 3412 §6, RFC 3414 §2.4).
fn version3(mut r: Reader<'_>, agent: IpAddr, out: &mut dyn Sink) -> Result<(), Error> {
    let mut header = Reader::new(ber::expect(&mut r, SEQUENCE, "msgGlobalData")?);
    ber::expect(&mut header, INTEGER, "msgID")?;
    ber::expect(&mut header, INTEGER, "msgMaxSize")?;
    let flags = Reader::new(ber::expect(&mut header, OCTET_STRING, "msgFlags")?).u8("msgFlags")?;
    let model = ber::number(&mut header, "msgSecurityModel")?;
    let parameters = ber::expect(&mut r, OCTET_STRING, "msgSecurityParameters")?;
    // Who asks for a report is not the authority; who answers or notifies is (§6.4).
    let mut runs = None;
    if model == 3 && flags & REPORTABLE == 0 {
        let mut usm = Reader::new(ber::expect(&mut Reader::new(parameters), SEQUENCE, "usm")?);
        engine(ber::expect(&mut usm, OCTET_STRING, "msgAuthoritativeEngineID")?, out);
        let boots = ber::number(&mut usm, "msgAuthoritativeEngineBoots")?;
        let time = ber::number(&mut usm, "msgAuthoritativeEngineTime")?;
        // Zero of both is what is not known yet (RFC 3414 §3.2, §4).
        runs = (boots > 0 && time > 0).then(|| i64::from(time).saturating_mul(SECOND));
    }
    if flags & ENCRYPTED == 0 {
        let mut scoped = Reader::new(ber::expect(&mut r, SEQUENCE, "ScopedPDU")?);
        ber::expect(&mut scoped, OCTET_STRING, "contextEngineID")?;
        let context = ber::expect(&mut scoped, OCTET_STRING, "contextName")?;
        let of = Tables { agent, vlan: table::vlan_of(context) };
        runs = pdu(scoped, of, out)?.or(runs);
    }
    if let Some(nanos) = runs {
        out.running(Who::Sender, nanos, Sign::Snmp);
    }
    Ok(())
}

/// SnmpEngineID (RFC 3411 §5): 5 to 32 octets, of which the fifth is the format.
fn engine(id: &[u8], out: &mut dyn Sink) {
    if !(5..=32).contains(&id.len()) {
        return;
    }
    out.fact(Who::Sender, &ENGINE_ID, &data_encoding::HEXLOWER.encode(id));
    if let [0x80..=0xff, _, _, _, 3, a, b, c, d, e, f] = *id {
        let mac = Mac([a, b, c, d, e, f]);
        if mac.is_unicast() {
            out.fact(Who::Sender, &ENGINE_MAC, &mac.to_string());
        }
    }
    let ip = match *id {
        [0x80..=0xff, _, _, _, 1, a, b, c, d] => Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        [0x80..=0xff, _, _, _, 2, ref ip @ ..] => {
            ip.as_array().map(|ip: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*ip)))
        }
        _ => None,
    };
    if let Some(ip) = ip.filter(|ip| !ip.is_unspecified()) {
        out.fact(Who::Sender, &ENGINE_IP, &ip.to_string());
    }
}

/// PDU (RFC 3416 §3): request-id, error-status, error-index, variable-bindings. For how
/// many nanoseconds the agent runs, where it says that.
fn pdu(mut r: Reader<'_>, of: Tables, out: &mut dyn Sink) -> Result<Option<i64>, Error> {
    let (kind, contents) = ber::any(&mut r, "PDU")?;
    if kind == TRAP_V1 {
        return trap_v1(Reader::new(contents), of.agent, out);
    }
    if !matches!(kind, RESPONSE | INFORM | TRAP) {
        return Ok(None);
    }
    let mut r = Reader::new(contents);
    ber::expect(&mut r, INTEGER, "request-id")?;
    let error = ber::number(&mut r, "error-status")?;
    ber::expect(&mut r, INTEGER, "error-index")?;
    // With an error the bindings are the request's.
    if error != 0 {
        return Ok(None);
    }
    let mut runs = Uptime::default();
    let mut list = Reader::new(ber::expect(&mut r, SEQUENCE, "variable-bindings")?);
    for _ in 0..MAX_BINDINGS {
        if list.is_empty() {
            break;
        }
        let mut binding = Reader::new(ber::expect(&mut list, SEQUENCE, "VarBind")?);
        let name = ber::expect(&mut binding, OID, "name")?;
        let (tag, value) = ber::any(&mut binding, "value")?;
        let Some((_, key)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
            runs.read(name, (tag, value), of.agent);
            if kind == RESPONSE {
                table::row(name, (tag, value), of, out);
            }
            continue;
        };
        match tag {
            // RFC 3418: the name of a node, by convention its domain name; a sentence is none.
            OCTET_STRING if *key == SYSNAME && value.trim_ascii().contains(&b' ') => {}
            OCTET_STRING if *key != SYSOBJECTID => out.fact(Who::Sender, key, &text(value)),
            OID if *key == SYSOBJECTID => {
                if let Some(text) = ber::oid_text(value) {
                    out.fact(Who::Sender, key, &text);
                }
            }
            _ => {}
        }
    }
    Ok(runs.nanos())
}

/// What one message says of the time for which its agent runs, in nanoseconds.
#[derive(Default)]
struct Uptime {
    host: Option<i64>,
    agent: Option<i64>,
    engine: Option<i64>,
    /// It is another's that is handed on.
    of_another: bool,
}

impl Uptime {
    fn read(&mut self, name: &[u8], (tag, value): (u8, &[u8]), agent: IpAddr) {
        let number = |of: i64| ber::unsigned(value).map(|n| i64::from(n).saturating_mul(of));
        match (name, tag) {
            (SYS_UPTIME, TIME_TICKS) => self.agent = number(TICK),
            (HR_SYSTEM_UPTIME, TIME_TICKS) => self.host = number(TICK),
            (ENGINE_TIME, INTEGER) => self.engine = number(SECOND),
            (TRAP_ADDRESS, IP_ADDRESS) => self.of_another |= !is_of(value, agent),
            _ => {}
        }
    }

    fn nanos(&self) -> Option<i64> {
        self.host.or(self.agent).or(self.engine).filter(|_| !self.of_another)
    }
}

/// Whether a NetworkAddress is this agent's, or nobody's.
fn is_of(address: &[u8], agent: IpAddr) -> bool {
    address == [0; 4] || matches!(agent, IpAddr::V4(ip) if ip.octets() == address)
}

/// Trap-PDU (RFC 1157 §4.1.6): with a generic trap the enterprise is sysObjectID. Another
/// agent's address in it: the sender hands it on.
fn trap_v1(mut r: Reader<'_>, agent: IpAddr, out: &mut dyn Sink) -> Result<Option<i64>, Error> {
    let enterprise = ber::expect(&mut r, OID, "enterprise")?;
    let address = ber::expect(&mut r, IP_ADDRESS, "agent-addr")?;
    let own = is_of(address, agent);
    let generic = ber::number(&mut r, "generic-trap")?;
    if own
        && generic < ENTERPRISE_SPECIFIC
        && let Some(text) = ber::oid_text(enterprise)
    {
        out.fact(Who::Sender, &SYSOBJECTID, &text);
    }
    ber::expect(&mut r, INTEGER, "specific-trap")?;
    let ticks = ber::unsigned(ber::expect(&mut r, TIME_TICKS, "time-stamp")?);
    Ok(ticks.filter(|_| own).map(|n| i64::from(n).saturating_mul(TICK)))
}

/// DisplayString is ASCII; devices send what they were configured with.
fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => SHIFT_JIS
            .decode_without_bom_handling_and_without_replacement(value)
            .unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(value).0),
    }
}
