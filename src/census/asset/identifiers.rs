//! What tells a device from all others: each identifier with its kind, its strength, and when
//! it was heard.
//!
//! [`NAMES`] and [`KINDS`] are the one place that says how strong a kind is: joins ask it
//! ([`super::join`]), and views show it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::equipment::{self, Told};
use super::group::Group;
use super::identity::{Identity, first_frame};
use super::shared::Shared;
use super::{Asset, NO_FRAME, client, leased, serial};
use crate::census::host::{Host, Said};
use crate::net::{HostId, Mac};
use crate::observe::Lease;

/// What an identifier does to who is who; strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// By itself it is a device.
    Proves,
    /// It makes cards and addresses one device, where nobody else has it and nothing speaks
    /// against it.
    Joins,
    /// It does so together with something else, or keeps two apart where it differs.
    Supports,
    /// It joins nobody: a hint for people.
    Weak,
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proves => "proves",
            Self::Joins => "joins",
            Self::Supports => "supports",
            Self::Weak => "weak",
        })
    }
}

/// A kind of identifier that one fact gives.
pub(super) struct Kind {
    /// As people call it.
    pub(super) name: &'static str,
    /// The fact.
    pub(super) key: &'static str,
    pub(super) strength: Strength,
}

const fn kind(name: &'static str, key: &'static str, strength: Strength) -> Kind {
    Kind { name, key, strength }
}

use Strength::{Joins, Proves, Supports, Weak};

/// By these devices are called: one in common is not enough, and none in common is another.
pub(super) const NAMES: &[Kind] = &[
    kind("hostname (DHCP)", "dhcp.hostname", Supports),
    kind("hostname (NBNS)", "nbns.hostname", Supports),
    kind("hostname (mDNS)", "mdns.hostname", Supports),
    kind("hostname (LLMNR)", "llmnr.hostname", Supports),
    kind("hostname (NTLM server)", "ntlm.computer", Supports),
    kind("hostname (NTLM client)", "ntlm.workstation", Supports),
    kind("hostname (SMB)", "smb.hostname", Supports),
    kind("hostname (browser)", "browser.hostname", Supports),
    kind("hostname (SNMP)", "snmp.sysname", Supports),
];

/// All others.
const KINDS: &[Kind] = &[
    kind("SDC endpoint", "wsd.endpoint", Joins),
    kind("SNMP engine's card", "snmp.engine_mac", Joins),
    kind("SNMP engine ID", "snmp.engine_id", Supports),
    kind("DHCP client id", client::KEY, Weak),
    kind("DHCPv6 DUID", "dhcpv6.duid", Supports),
    kind("certificate key", "tls.cert_key", Supports),
    kind("card named (NBSTAT)", "nbns.mac", Joins),
    kind("card named (KNX)", "knx.mac", Joins),
    kind("card named (HL7)", "hl7.equipment_mac", Joins),
    kind("EUI-64", "hl7.equipment_eui64", Joins),
    kind("EUI-64 of the sender", "hl7.eui64", Weak),
    kind("Device UID", "dicom.device_uid", Supports),
    kind("UDI", "dicom.udi", Supports),
    kind("UDI", "hl7.equipment_udi", Supports),
    kind("serial number", "dicom.serial", Joins),
    kind("serial number", "hl7.equipment_serial", Joins),
    kind("serial number", serial::SERIAL, Joins),
    kind("serial number", "knx.serial_number", Joins),
    kind("serial number (UID)", "dicom.uid_serial", Weak),
    kind("serial number", "intellivue.serial", Supports),
    kind("serial number", "phd.serial", Supports),
    kind("serial number", "spectrum.serial", Supports),
    kind("serial number", "wsd.sdc_serial", Supports),
    kind("serial number", "bacnet.serial_number", Weak),
    kind("serial number", "capwap.serial_number", Weak),
    kind("serial number", "dpws.serial", Weak),
    kind("serial number", "enip.serial_number", Weak),
    kind("serial number", "lldp.serial_number", Weak),
    kind("serial number", "onvif.serial", Weak),
    kind("serial number", "s7comm.serial_number", Weak),
    kind("serial number", "snmp.serial", Weak),
    kind("serial number", "upnp.serial", Weak),
    kind("system id", "phd.system_id", Weak),
    kind("UPnP UUID", "ssdp.usn_uuid", Weak),
    kind("chassis", "lldp.chassis_id", Joins),
    kind("OSPF router id", "ospf.router_id", Supports),
    kind("full name (NTLM)", "ntlm.fqdn", Joins),
    kind("full name (DHCP)", "dhcp.fqdn", Joins),
    kind("full name (DHCPv6)", "dhcpv6.fqdn", Weak),
    kind("hostname (Kerberos)", "kerberos.hostname", Weak),
    kind("hostname (LLDP)", "lldp.system_name", Supports),
    kind("hostname (CDP)", "cdp.device_id", Supports),
    kind("hostname (PROFINET)", "profinet.station_name", Weak),
    kind("hostname (RDP client)", "rdp.client_name", Weak),
    kind("hostname (WSUS)", "wsus.hostname", Weak),
    kind("station (DICOM)", "dicom.station_name", Supports),
    kind("AE title", "dicom.ae_title", Weak),
    kind("AE title", "dicom.calling_ae", Weak),
    kind("AE title", "dicom.station_ae", Weak),
];

/// Maker, model and serial number together.
const NUMBER: (&str, Strength) = ("maker, model, serial number", Joins);
/// A card of which only others tell: a relay, a server.
const NAMED: &str = "named";
const ADDRESS: (&str, Strength) = ("IP address", Joins);

/// How strong the kind is that a fact gives.
pub(super) fn strength(key: &str) -> Strength {
    kinds().find(|it| it.key == key).map_or(Weak, |it| it.strength)
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(NAMES)
}

/// One identifier of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceIdentifier<'a> {
    /// What it is: `MAC (universal)`, `SDC endpoint`, `AE title`.
    pub kind: &'static str,
    /// As it was on the wire.
    pub value: Cow<'a, str>,
    /// What it does to who is who.
    pub strength: Strength,
    /// The fact that says it, or how the address is known.
    pub key: &'a str,
    /// The first frame, first and last time.
    pub said: Said,
}

/// Blocks of addresses that hypervisors give to their guests (the makers' documentation; the
/// IEEE registry): VMware, Hyper-V, VirtualBox, Xen, Parallels, QEMU.
const HYPERVISORS: [[u8; 3]; 9] = [
    [0x00, 0x05, 0x69],
    [0x00, 0x0c, 0x29],
    [0x00, 0x1c, 0x14],
    [0x00, 0x50, 0x56],
    [0x00, 0x15, 0x5d],
    [0x08, 0x00, 0x27],
    [0x00, 0x16, 0x3e],
    [0x00, 0x1c, 0x42],
    [0x52, 0x54, 0x00],
];

/// What kind of address a card has (IEEE 802 §8.2.2): one that nobody gave it may be another
/// tomorrow, so it stands for a device but does not prove one.
fn card(mac: Mac) -> (&'static str, Strength) {
    let [a, b, c, ..] = mac.0;
    if HYPERVISORS.contains(&[a, b, c]) {
        ("MAC (virtual)", Proves)
    } else if mac.is_local() {
        ("MAC (local, perhaps random)", Supports)
    } else {
        ("MAC (universal)", Proves)
    }
}

/// What a client identifier is (RFC 2132 §9.14, RFC 4361 §6.1).
fn client_id(id: &str) -> (&'static str, Strength) {
    if client::parts(&id.to_lowercase()).is_some() {
        ("DHCP client id (DUID)", Supports)
    } else if id.starts_with("01") && id.len() == 14 {
        ("DHCP client id (hardware)", Weak)
    } else {
        ("DHCP client id", Weak)
    }
}

/// How it is known that a card has an address.
const fn claim(lease: Lease) -> &'static str {
    match lease {
        Lease::Arp => "arp",
        Lease::Ndp => "ndp",
        Lease::Dhcp { .. } => "dhcp",
        Lease::Radius { .. } => "radius",
        Lease::Table => "snmp.table",
        Lease::Released | Lease::Declined | Lease::RadiusEnded { .. } => "",
    }
}

/// Identifiers as they are gathered: what several speakers say is one.
#[derive(Default)]
struct All<'a>(BTreeMap<(Strength, &'static str, Cow<'a, str>), (&'a str, Said)>);

impl<'a> All<'a> {
    fn add(
        &mut self,
        (kind, strength): (&'static str, Strength),
        value: Cow<'a, str>,
        key: &'a str,
        said: Said,
    ) {
        let known = self.0.entry((strength, kind, value)).or_insert((key, said));
        let is_first = (said.span.first, said.evidence) < (known.1.span.first, known.1.evidence);
        let shows = said.evidence.frame > 0;
        if shows && (is_first || known.1.evidence.frame == 0) {
            (known.0, known.1.evidence) = (key, said.evidence);
        }
        known.1.span.cover(said.span);
    }

    /// What a fact gives; one that is not `telling` joins nobody, whatever its kind, nor does
    /// a full name without a domain.
    fn of(&mut self, it: &Kind, value: &'a str, said: Said, telling: bool) {
        let (kind, strength) = match it.key {
            client::KEY => client_id(value),
            _ => (it.name, it.strength),
        };
        let bare = leased::FULL_NAMES.contains(&it.key) && leased::in_full(value).is_none();
        let strength = match strength {
            Joins if bare || !telling => Weak,
            strength => strength,
        };
        self.add((kind, strength), Cow::Borrowed(value), it.key, said);
    }

    /// All that a description of equipment tells of it.
    fn equipment(&mut self, told: Told<'a>, said: Said, is_wanted: impl Fn(&str) -> bool) {
        let number = told.message().and_then(equipment::number);
        let is_telling = |name: &str| equipment::is_telling(&Identity::Equipment(name.to_owned()));
        let telling = number.as_ref().is_some_and(|(_, name)| is_telling(name));
        for (key, value) in told.facts().into_iter().filter(|(key, _)| is_wanted(key)) {
            if let Some(it) = kinds().find(|it| it.key == key) {
                self.of(it, value, said, telling || !equipment::is_number(key));
            }
        }
        // Without a maker it is the number once more.
        if let Some((key, name)) = number.filter(|(_, name)| telling || !name.starts_with('|')) {
            let (kind, strength) = NUMBER;
            let strength = if telling { strength } else { Weak };
            self.add((kind, strength), Cow::Owned(name), key, said);
        }
    }

    fn listed(self) -> Vec<DeviceIdentifier<'a>> {
        let all = self.0.into_iter();
        all.map(|((strength, kind, value), (key, said))| DeviceIdentifier {
            kind,
            value,
            strength,
            key,
            said,
        })
        .collect()
    }
}

/// All identifiers of a device that speaks, strongest first. What is said of it and may be
/// another's is none of them.
pub(super) fn of_group<'a>(
    group: &Group<'a>,
    asset: &Asset<'a>,
    shared: Option<Shared>,
) -> Vec<DeviceIdentifier<'a>> {
    let mut all = All::default();
    for (id, host) in &group.hosts {
        let own = id.mac.filter(|mac| asset.macs.contains(mac));
        if let Some(mac) = own {
            let evidence = first_frame(host).unwrap_or(NO_FRAME);
            let said = Said { evidence, span: host.span };
            let key = if host.spoke { "ethernet.source" } else { NAMED };
            all.add(card(mac), Cow::Owned(mac.to_string()), key, said);
        }
        addresses(&mut all, asset, (id, host));
        for it in kinds() {
            let another = group.described.is_of_another(it.key, "")
                || shared.is_some_and(|shared| shared.weight(it.key) < 1.0);
            for fact in host.facts_of(it.key).iter().filter(|_| !another) {
                let telling = it.key != serial::SERIAL || serial::is_telling(group, &fact.value);
                all.of(it, &fact.value, fact.said, telling);
            }
        }
    }
    for (facts, said, _) in &group.described.own {
        all.equipment(Told::Message(facts), *said, |_| true);
    }
    all.listed()
}

/// Addresses that it has or had, each by who says so; those that it only uses by its packets.
fn addresses<'a>(all: &mut All<'a>, asset: &Asset<'a>, (id, host): (&HostId, &'a Host)) {
    let is_its =
        |ip: &IpAddr| asset.ips.contains(ip) || asset.former.iter().any(|(former, _)| former == ip);
    for (ip, lease, said) in host.addresses.iter().filter(|(ip, ..)| is_its(ip)) {
        if !lease.is_over() {
            all.add(ADDRESS, Cow::Owned(ip.to_string()), claim(*lease), *said);
        }
    }
    if let Some(ip) = id.ip.filter(|ip| host.spoke && is_its(ip)) {
        let said = Said { evidence: first_frame(host).unwrap_or(NO_FRAME), span: host.span };
        all.add(ADDRESS, Cow::Owned(ip.to_string()), "ip.source", said);
    }
}

/// The same of a device of which only others speak; their own titles are not its.
pub(super) fn of_described<'a>(
    told: impl Iterator<Item = (Told<'a>, Said)>,
) -> Vec<DeviceIdentifier<'a>> {
    let mut all = All::default();
    for (told, said) in told {
        all.equipment(told, said, |key| key != "dicom.calling_ae");
    }
    all.listed()
}

#[cfg(test)]
mod tests;
