//! One card, several computers: a translator, a proxy, a terminal server. What those say
//! who stand behind it is not said of it.
//!
//! Clients name themselves where they log on ([MS-NLMP] §2.2.1.3, [MS-RDPBCGR] §2.2.1.3.2,
//! [MS-TDS] §2.2.6.4); one computer has one name at a time. A browser tells the system it
//! runs on and may be made to lie; the handshake of its connection tells it as well
//! (RFC 9293 §3.2), and both are seldom made to lie alike.

use std::collections::{BTreeMap, BTreeSet};

use super::understood::Reader;
use crate::census::host::{Host, Said};
use crate::net::HostId;
use crate::observe::Role;
use crate::time::SECOND;

/// Facts by which clients name themselves.
const NAMES: &[&str] =
    &["mssql.hostname", "ntlm.workstation", "rdp.client_name", "smb.calling_name"];
/// Facts that tell the system of a client: its programs, its TCP.
const AGENT: &str = "http.user_agent";
const HANDSHAKE: &str = "tcp.syn";
/// Further facts that are a client's own.
const OTHERS: &[&str] = &["ntlm.version", "rdp.client_build", "rdp.version"];

/// Who is renamed has two names for a while; three at a time are three computers.
const MANY_NAMES: usize = 3;
const MANY_SYSTEMS: usize = 2;
/// Who works there does so for longer: what somebody writes in another's name once says
/// nothing of a card.
const LONG: i64 = 600 * SECOND;

/// Programs of so many families are not one that calls itself what it is not.
const MANY_PROGRAMS: usize = 3;

/// What is left of a word that may be of anybody behind it: a candidate, never shown, even
/// where all of [`AGENT`], [`HANDSHAKE`] and [`OTHERS`] agree.
const BLURRED: f32 = 0.09;

/// How a card is known to stand for several, and a frame that says so.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    /// `sessions`, `names` or `systems`.
    pub(super) by: &'static str,
    pub(super) said: Said,
}

impl Shared {
    /// Whether several computers speak as this one.
    pub(super) fn find<'a>(
        hosts: &[(&'a HostId, &'a Host)],
        reader: &mut Reader<'a>,
    ) -> Option<Self> {
        if let Some(said) = names(hosts) {
            let rdp = |host: &Host| {
                let mut services = host.services().iter();
                services.any(|((.., name, role), _)| &**name == "rdp" && *role == Role::Server)
            };
            let sessions = hosts.iter().any(|(_, host)| rdp(host));
            return Some(Self { by: if sessions { "sessions" } else { "names" }, said });
        }
        let agents = systems(hosts, AGENT, reader, family);
        if agents.len() < MANY_SYSTEMS {
            return None;
        }
        let handshakes = systems(hosts, HANDSHAKE, reader, family);
        // Nor is one telephone of two makers' systems. Who opens all connections alike may be
        // one that calls itself by many names.
        let telephones = systems(hosts, AGENT, reader, telephone).len();
        let many = agents.len() >= MANY_PROGRAMS || telephones >= MANY_SYSTEMS;
        if many && handshakes.len() != 1 {
            let last = agents.into_values().max_by_key(|said| said.evidence)?;
            return Some(Self { by: "systems", said: last });
        }
        let both: Vec<Said> =
            agents.iter().filter(|(of, _)| handshakes.contains_key(*of)).map(|(_, s)| *s).collect();
        let last = both.iter().max_by_key(|said| said.evidence)?;
        (both.len() >= MANY_SYSTEMS).then_some(Self { by: "systems", said: *last })
    }

    /// What is left of a fact that is its own or another's.
    pub(super) fn weight(&self, key: &str) -> f32 {
        let name = NAMES.contains(&key);
        // All sessions are on one system.
        let system = [AGENT, HANDSHAKE].contains(&key) || OTHERS.contains(&key);
        if name || (system && self.by != "sessions") { BLURRED } else { 1.0 }
    }
}

/// Several names, two of them at the same time; where the last of them is first said.
fn names(hosts: &[(&HostId, &Host)]) -> Option<Said> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for key in NAMES {
        for fact in hosts.iter().flat_map(|(_, host)| host.facts_of(key)) {
            let name = fact.value.split('.').next().unwrap_or_default().to_lowercase();
            let said = all.entry(name).or_insert(fact.said);
            said.span.cover(fact.said.span);
            said.evidence = said.evidence.min(fact.said.evidence);
        }
    }
    all.retain(|_, said| is_long(said));
    let mut spans: Vec<_> = all.values().map(|said| said.span).collect();
    spans.sort_unstable();
    let at_once = spans.windows(2).any(|two| matches!(two, [a, b] if a.common(*b).is_some()));
    let last = all.into_values().max_by_key(|said| said.evidence);
    last.filter(|_| spans.len() >= MANY_NAMES && at_once)
}

/// Families of systems that facts of a key name.
fn systems<'a>(
    hosts: &[(&'a HostId, &'a Host)],
    key: &str,
    reader: &mut Reader<'a>,
    family: impl Fn(&str) -> Option<&'static str>,
) -> BTreeMap<&'static str, Said> {
    let mut found = BTreeMap::new();
    for fact in hosts.iter().flat_map(|(_, host)| host.facts_of(key)) {
        let understood = reader.alone(fact.key.as_str(), &fact.value);
        let families: BTreeSet<_> = understood
            .iter()
            .filter_map(|it| it.context.as_deref())
            .flat_map(|names| names.split(" / "))
            .filter_map(&family)
            .collect();
        // One that may be either is none.
        if let (Some(family), 1) = (families.first(), families.len()) {
            let said = found.entry(*family).or_insert(fact.said);
            said.span.cover(fact.said.span);
        }
    }
    found.retain(|_, said| is_long(said));
    found
}

const fn is_long(said: &Said) -> bool {
    said.span.last.since(said.span.first) >= LONG
}

/// Of which kind a telephone or tablet is.
fn telephone(name: &str) -> Option<&'static str> {
    match name.split(' ').next()? {
        "iOS" | "iPadOS" => Some("iOS"),
        "Android" => Some("Android"),
        _ => None,
    }
}

/// Whose system it is: phones and computers of one maker are made alike.
fn family(name: &str) -> Option<&'static str> {
    match name.split(' ').next()? {
        "Windows" => Some("Windows"),
        "Linux" | "Android" | "Ubuntu" | "Debian" | "Fedora" => Some("Linux"),
        "iOS" | "iPadOS" | "macOS" => Some("Apple"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::census::Census;
    use crate::census::asset::Asset;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment, Transport};
    use crate::observe::{Equipment, Key, Observation, Observed, Origin, Role};
    use crate::time::{SECOND, Timestamp};

    const WINDOWS: &str =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:62.0) Gecko/20100101 Firefox/62.0";
    const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.0";
    const WINDOWS_SYN: &str = "128:64240:mss,nop,ws8,nop,nop,sok:1460:df";
    const LINUX_SYN: &str = "64:29200:mss,sok,ts,nop,ws7:1460:df";

    fn census(facts: &[(&'static str, &'static str)], served: Option<&'static str>) -> Census {
        let mut census = Census::new(std::sync::Arc::clone(Book::builtin()));
        let mac = Some(Mac([0, 1, 2, 0, 0, 7]));
        let host = HostId { segment: Segment::default(), mac, ip: "10.0.0.7".parse().ok() };
        let mut frame = 0_u64;
        let mut say = |what| {
            frame += 1;
            let at = Timestamp(frame.cast_signed() * 300 * SECOND);
            census.apply(0, Observation { at, frame, host, what });
        };
        say(Observed::Present(Some(64)));
        // Twice: each is there while the others are.
        for (key, value) in facts.iter().chain(facts) {
            say(Observed::Fact(Key::new(key), (*value).into()));
        }
        if let Some(name) = served {
            say(Observed::Service(Transport::Tcp, 3389, name.into(), Role::Server));
        }
        census
    }

    fn shown(asset: &Asset<'_>, name: &str) -> Vec<String> {
        asset.shown(name).iter().map(|it| it.value.to_string()).collect()
    }

    #[test]
    fn many_names_at_once_are_many_computers_and_none_is_its_own() {
        let names = ["WS-1", "WS-2", "WS-3"].map(|name| ("ntlm.workstation", name));
        let all = [&names[..], &[("ntlm.version", "10.0.19045")]].concat();
        let census = census(&all, None);
        let assets = census.assets();
        assert_eq!(shown(&assets[0], "device_class"), ["network-appliance"]);
        assert!(shown(&assets[0], "hostname").is_empty());
        assert!(shown(&assets[0], "os_build").is_empty(), "of which of them?");
        assert_eq!(assets[0].attributes["hostname"].len(), 3, "they stay candidates");
    }

    #[test]
    fn what_is_said_in_anothers_name_takes_nothing_from_it() {
        let names = ["WS-1", "WS-2", "WS-3"].map(|name| ("ntlm.workstation", name));
        let all = [&names[..], &[("ntlm.version", "10.0.19045")]].concat();
        let mut census = census(&all, None);
        let classes = |census: &Census| shown(&census.assets()[0], "device_class");
        assert_eq!(classes(&census), ["network-appliance"]);
        let (host, at) = (*census.hosts().next().unwrap().0, Timestamp(90 * 300 * SECOND));
        let facts = [("dicom.manufacturer", "Acme"), ("dicom.model", "X"), ("dicom.serial", "MR1")];
        let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
        let what = Observed::Equipment(Equipment { origin: Origin::Own, facts });
        census.apply(0, Observation { at, frame: 90, host, what });
        assert_ne!(classes(&census), ["network-appliance"], "it describes itself");
        assert_eq!(shown(&census.assets()[0], "os_build"), ["10.0.19045"]);
    }

    #[test]
    fn a_terminal_server_keeps_its_system() {
        let names = ["TC-1", "TC-2", "TC-3"].map(|name| ("ntlm.workstation", name));
        let all = [&names[..], &[("ntlm.version", "10.0.20348")]].concat();
        let census = census(&all, Some("rdp"));
        let assets = census.assets();
        assert_eq!(shown(&assets[0], "device_class"), ["server"]);
        assert!(shown(&assets[0], "hostname").is_empty());
        assert_eq!(shown(&assets[0], "os_build"), ["10.0.20348"]);
    }

    #[test]
    fn a_computer_with_two_names_is_one() {
        let names = ["WS-1", "WS-2"].map(|name| ("ntlm.workstation", name));
        let census = census(&names, None);
        assert_eq!(shown(&census.assets()[0], "hostname").len(), 1);
        assert!(shown(&census.assets()[0], "device_class").is_empty());
    }

    #[test]
    fn two_systems_in_programs_and_handshakes_are_two_computers() {
        let agents = [("http.user_agent", WINDOWS), ("http.user_agent", LINUX)];
        let both = [("tcp.syn", WINDOWS_SYN), ("tcp.syn", LINUX_SYN)];
        let mixed = census(&[agents, both].concat(), None);
        assert_eq!(shown(&mixed.assets()[0], "device_class"), ["network-appliance"]);
        assert!(shown(&mixed.assets()[0], "os_name").is_empty());
        let assets = mixed.assets();
        let names = &assets[0].attributes["os_name"];
        assert!(names.iter().all(|it| it.confidence < 0.4) && names.len() > 1, "{names:?}");
        // A program that calls itself what it is not.
        let alone = census(&[&agents[..], &both[..1]].concat(), None);
        assert!(shown(&alone.assets()[0], "device_class").is_empty());
        assert!(!shown(&alone.assets()[0], "os_name").is_empty());
    }

    #[test]
    fn programs_of_many_systems_are_many_computers() {
        const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
        const ANDROID: &str = "Mozilla/5.0 (Linux; Android 13; SC-51C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
        let agents = |all: &[&'static str]| -> Vec<(&'static str, &'static str)> {
            all.iter().map(|it| ("http.user_agent", *it)).collect()
        };
        let parts = ["manufacturer", "os_name", "os_version", "model"];
        for all in [&[WINDOWS, PHONE, ANDROID][..], &[PHONE, ANDROID]] {
            let mixed = census(&agents(all), None);
            let asset = &mixed.assets()[0];
            assert_eq!(shown(asset, "device_class"), ["network-appliance"]);
            assert!(parts.iter().all(|part| shown(asset, part).is_empty()), "whose are they?");
        }
        // One that opens all its connections alike, and one whose browser asks for another's.
        let alone = [agents(&[WINDOWS, PHONE, LINUX]), vec![("tcp.syn", LINUX_SYN)]].concat();
        assert!(shown(&census(&alone, None).assets()[0], "device_class") != ["network-appliance"]);
        let phone = census(&agents(&[PHONE, WINDOWS]), None);
        assert_eq!(shown(&phone.assets()[0], "device_class"), ["phone"]);
    }
}
