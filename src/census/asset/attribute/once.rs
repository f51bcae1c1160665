//! What was said on one occasion, in one protocol: a single frame can be anybody's.
//!
//! A host's name that nothing else supports is not beyond doubt, whatever its signature says,
//! and gives way to one that was said in several protocols or time and again. So does a
//! system, and a version of one: that a stranger's frame names the family of the device's own
//! system does not make it true.

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, HEARSAY, SHOWN, system};
use crate::census::host::Span;
use crate::time::SECOND;

/// Attributes that others act upon: who it is, and what it runs.
const NAME: &str = "hostname";
const SYSTEM: &str = "os_name";
const VERSIONS: [&str; 3] = ["os_build", "os_edition", "os_version"];

/// What is said once is as sure as this, at most.
const AT_MOST: f32 = 0.89;
/// How much surer what stands is than what is said once beside it.
const BELOW: f32 = 0.06;
/// What is said within this time may be of one conversation.
const OCCASION: i64 = 10 * SECOND;

/// Protocols that one conversation may hold, by what their facts are called: logons, with
/// whom they are made to; a web server's, with what its messages carry; SOAP over a datagram;
/// a device that announces itself, with its description.
const CONVERSATIONS: [&[&str]; 4] = [
    &["kerberos", "ldap", "mssql", "ntlm", "rdp", "smb"],
    &["dpws", "fhir", "hl7", "http", "ipp", "kerberos", "ntlm", "onvif", "upnp", "wsman", "wsus"],
    &["dpws", "onvif", "wsd"],
    &["ssdp", "upnp"],
];
/// What opens or hides a conversation that another protocol holds.
const AROUND: [&str; 2] = ["tcp", "tls"];
/// Protocols that no TCP connection holds: there [`AROUND`] is of another conversation.
const WITHOUT_TCP: [&str; 19] = [
    "bacnet", "browser", "capwap", "cdp", "dhcp", "dhcpv6", "dns", "ike", "lldp", "llmnr", "mdns",
    "nbns", "ntp", "profinet", "quic", "radius", "snmp", "ssdp", "wsd",
];

/// Bounds what was said once of an attribute.
pub(super) fn bound(name: &str, all: &mut [Candidate<'_>]) {
    if name != NAME && name != SYSTEM && !VERSIONS.contains(&name) {
        return;
    }
    let single: Vec<bool> = all.iter().map(is_single).collect();
    let stands = |it: &Candidate<'_>, other: &Candidate<'_>| {
        let same = match name {
            // Of the way in which connections are opened more is to be said: [`system`].
            SYSTEM => system::protocols(other) == 0 || !system::contradict(&it.value, &other.value),
            _ => it.value.eq_ignore_ascii_case(&other.value),
        };
        other.confidence >= SHOWN && !same && !is_hearsay(other)
    };
    let bound_of = |it: &Candidate<'_>| {
        let others = || all.iter().zip(&single).filter(|(_, single)| !**single);
        let best =
            others().filter(|(other, _)| stands(it, other)).map(|(other, _)| other.confidence);
        let bound = best.fold(f32::INFINITY, |least, sure| least.min(sure - BELOW));
        // What is heard of the device all the while says less, and not the same.
        let is_alone = name == NAME || (name == SYSTEM && others().next().is_some());
        if is_alone { bound.min(AT_MOST) } else { bound }
    };
    let bounds: Vec<f32> = all.iter().map(bound_of).collect();
    for ((candidate, single), bound) in all.iter_mut().zip(single).zip(bounds) {
        if single {
            candidate.confidence = candidate.confidence.min(bound);
        }
    }
}

/// Bounds versions that were said once, of a device of which the system is heard all the while.
pub(super) fn bound_versions(all: &mut BTreeMap<&'static str, Vec<Candidate<'_>>>) {
    if all.get(SYSTEM).is_none_or(|systems| systems.iter().all(is_single)) {
        return;
    }
    for name in VERSIONS {
        for version in all.get_mut(name).into_iter().flatten().filter(|it| is_single(it)) {
            version.confidence = version.confidence.min(AT_MOST);
        }
    }
}

/// Whether nothing but one occasion in one protocol speaks for it.
fn is_single(one: &Candidate<'_>) -> bool {
    let reasons = || one.reasons.iter().filter(|it| !HEARSAY.contains(&it.key));
    let protocols = reasons().map(|it| it.key.split('.').next().unwrap_or_default());
    let span = reasons().map(|it| it.said.span).reduce(|mut all: Span, span| {
        all.cover(span);
        all
    });
    is_one_conversation(protocols.collect())
        && span.is_some_and(|it| it.last.since(it.first) <= OCCASION)
}

/// Whether one conversation can have said it in all of these protocols.
fn is_one_conversation(mut protocols: BTreeSet<&str>) -> bool {
    if protocols.iter().any(|it| !AROUND.contains(it) && !WITHOUT_TCP.contains(it)) {
        protocols.retain(|it| !AROUND.contains(it));
    }
    let fits = |all: &&[&str]| protocols.iter().all(|it| all.contains(it));
    protocols.len() == 1
        || (!protocols.is_empty() && [&AROUND[..]].iter().chain(&CONVERSATIONS).any(fits))
}

fn is_hearsay(one: &Candidate<'_>) -> bool {
    one.reasons.iter().all(|it| HEARSAY.contains(&it.key))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::census::Census;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::time::{SECOND, Timestamp};

    /// What is shown of an attribute, and how sure.
    fn told(name: &str, says: &[(&'static str, &'static str, i64)]) -> (String, f32) {
        let mut census = Census::new(Arc::clone(Book::builtin()));
        let mac = Some(Mac([0, 0x18, 0x65, 0x2e, 0x91, 0x21]));
        let host = HostId { segment: Segment::default(), mac, ip: "10.20.10.21".parse().ok() };
        for (key, value, second) in says {
            let what = Observed::Fact(Key::new(key), (*value).into());
            let at = Timestamp(second * SECOND);
            census.apply(0, Observation { at, frame: 1, host, what });
        }
        let assets = census.assets();
        let first = assets[0].shown(name).first().map(|it| (it.value.to_string(), it.confidence));
        first.unwrap_or_default()
    }

    const FORGED: (&str, &str, i64) = ("ntlm.workstation", "EVIL", 3600);

    #[test]
    fn a_name_of_one_logon_is_not_beyond_doubt() {
        let (name, sure) = told("hostname", &[FORGED]);
        assert!(name == "EVIL" && sure < 0.9, "{sure}");
        let both = [FORGED, ("ntlm.computer", "EVIL", 3601)];
        assert!(told("hostname", &both).1 < 0.9, "one conversation");
        let again = [FORGED, ("ntlm.workstation", "EVIL", 3700)];
        assert!(told("hostname", &again).1 >= 0.9);
        let hearsay = [FORGED, ("dns.name", "evil.hospital.example", 3601)];
        assert!(told("hostname", &hearsay).1 < 0.9, "others say it");
        let agreed = [FORGED, ("dhcp.hostname", "evil", 3601)];
        assert!(told("hostname", &agreed).1 >= 0.9, "two protocols");
    }

    #[test]
    fn protocols_that_carry_one_another_are_one_conversation() {
        let one = |all: &[&'static str]| super::is_one_conversation(all.iter().copied().collect());
        for all in [
            &["http"] as &[&str],
            &["http", "wsus"],
            &["http", "wsman"],
            &["wsman", "wsus"],
            &["http", "ntlm"],
            &["http", "upnp"],
            &["ntlm", "smb"],
            &["ldap", "ntlm"],
            &["kerberos", "ldap", "ntlm", "smb", "tcp"],
            &["dicom", "tls"],
            &["dicom", "tcp", "tls"],
            &["tcp", "tls"],
            &["http", "tcp"],
            &["onvif", "wsd"],
            &["dpws", "wsd"],
            &["ssdp", "upnp"],
            &["mssql", "ntlm"],
            &["ntlm", "rdp"],
            &["dpws", "http"],
            &["fhir", "http"],
            &["hl7", "http"],
            &["http", "ipp"],
            &["http", "kerberos"],
            &["http", "onvif"],
        ] {
            assert!(one(all), "{all:?}");
        }
        for without in [
            "bacnet", "browser", "capwap", "cdp", "dhcp", "dhcpv6", "dns", "ike", "lldp", "llmnr",
            "mdns", "nbns", "ntp", "profinet", "quic", "radius", "snmp", "ssdp", "wsd",
        ] {
            assert!(!one(&[without, "tcp"]), "{without}");
        }
        for all in [
            &[] as &[&str],
            &["dhcp", "http"],
            &["dhcp", "tcp"],
            &["quic", "tcp"],
            &["http", "smb"],
            &["ldap", "wsus"],
            &["ftp", "imap"],
            &["mdns", "nbns"],
            &["dicom", "smb"],
            &["ssdp", "tcp"],
        ] {
            assert!(!one(all), "{all:?}");
        }
        // Both stand in one request of WSUS.
        let request = [("wsus.hostname", "EVIL", 3600), ("ntlm.workstation", "EVIL", 3600)];
        assert!(told("hostname", &request).1 < 0.9);
        let elsewhere = [("smb.hostname", "EVIL", 3600), ("wsus.hostname", "EVIL", 3600)];
        assert!(told("hostname", &elsewhere).1 >= 0.9);
    }

    #[test]
    fn it_gives_way_to_a_name_that_more_speaks_for() {
        let lease = |second| ("dhcp.hostname", "MR-1", second);
        assert_eq!(told("hostname", &[lease(0), lease(7200), FORGED]).0, "MR-1");
        let agreed = [lease(0), ("mdns.hostname", "mr-1.local", 1), FORGED];
        assert_eq!(told("hostname", &agreed).0.to_lowercase(), "mr-1");
        assert_eq!(told("hostname", &[lease(0), FORGED]).0, "EVIL", "one word and another");
        let named = [("dns.name", "other.hospital.example", 0), FORGED];
        assert_eq!(told("hostname", &named).0, "EVIL", "others say it");
    }

    #[test]
    fn a_system_of_the_same_family_is_no_surer() {
        const SYN: (&str, &str) = ("tcp.syn", "128:8192:mss,nop,ws8,nop,nop,sok:1460:df");
        let syn = |second| (SYN.0, SYN.1, second);
        let logon = |version, second| ("ntlm.version", version, second);
        let (name, sure) = told("os_name", &[syn(0), syn(7200), logon("10.0.19041", 3600)]);
        assert!(name == "Windows 10" && sure < 0.9, "{name} {sure}");
        let (build, sure) = told("os_build", &[syn(0), syn(7200), logon("10.0.19041", 3600)]);
        assert!(build == "10.0.19041" && sure < 0.9, "{build} {sure}");
        let seven = [logon("6.1.7601", 0), logon("6.1.7601", 7200)];
        let forged = [seven[0], seven[1], logon("10.0.19041", 9000)];
        assert_eq!(told("os_name", &forged).0, "Windows 7 / Server 2008 R2");
        let new = [seven[0], seven[1], logon("10.0.19041", 9000), logon("10.0.19041", 9900)];
        assert_eq!(told("os_name", &new).0, "Windows 10", "it goes on");
        let builds = [logon("10.0.19045", 0), logon("10.0.19045", 7200), logon("10.0.19041", 9000)];
        assert_eq!(told("os_build", &builds).0, "10.0.19045");
    }
}
