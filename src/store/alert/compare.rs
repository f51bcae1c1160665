//! What is otherwise with one device than before, as far as somebody wants to be told.

use super::news::{Device, News, evidence, short, shown};
use super::{Kind, Level, Policy, Severity};
use crate::census::asset::{Asset, AssetId};
use crate::census::host::{Evidence, Said, Service};
use crate::observe::Role;
use crate::store::ledger::{MAX_LISTED, service};
use crate::store::record::{Attribute, ValueOf};
use crate::time::Timestamp;

/// From this port on systems give ports to who asks for any (RFC 6335, section 6).
const DYNAMIC: u16 = 49_152;
/// From here on Linux does; what has a name there is taken for meant all the same.
const EPHEMERAL: u16 = 32_768;

/// One thing to be told, unless a device that this one took in had the value already.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) attribute: &'static str,
    pub(super) value: String,
    pub(super) news: News,
}

/// What is otherwise with one device.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) id: AssetId,
    pub(super) of: Device,
    pub(super) at: Timestamp,
    pub(super) leased: bool,
    pub(super) candidates: Vec<Candidate>,
    /// Addresses of it, those it has no more, and those it has now.
    pub(super) addresses: Vec<String>,
    pub(super) lost: Vec<String>,
    pub(super) gained: Vec<String>,
    /// Those it talks with for the first time, and where that was seen.
    pub(super) peers: Vec<(AssetId, Option<String>)>,
    /// Its new peers' predecessors would be among these.
    pub(super) peers_before: Vec<String>,
}

impl Difference {
    /// Whether there is anything in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.candidates.is_empty()
            && self.lost.is_empty()
            && self.gained.is_empty()
            && self.peers.is_empty()
    }
}

/// Compares what was known of an asset with what is.
pub(super) fn compare(
    asset: &Asset<'_>,
    before: &[Attribute<'_>],
    after: &[Attribute<'_>],
    captures: &[String],
    policy: &Policy,
) -> Difference {
    let of = Device::new(asset.id.to_string(), asset.external, after);
    let at = asset.span.last;
    let is_known = at.since(asset.span.first) >= policy.learning;
    let comparison = Comparison { of: &of, at, before, after, captures };
    let mut candidates = Vec::new();
    let mut peers = Vec::new();
    if !asset.external {
        comparison.system(&mut candidates);
        comparison.conflicts(&mut candidates);
        comparison.risk(policy.risk, &mut candidates);
        comparison.remote(&mut candidates);
        if is_known {
            comparison.services(asset, &mut candidates);
        }
        if is_known && of.is_medical() {
            let (old, end) = listed(before, "peers");
            let is_new = |peer: &&AssetId| {
                let name = peer.to_string();
                !old.contains(&name.as_str()) && end.is_none_or(|end| *name < *end)
            };
            let seen = |peer: &AssetId| {
                let met = asset.met.iter().filter(|it| it.peer == *peer);
                let first = met.min_by_key(|it| it.evidence)?;
                let [own, others] = first.between.map(|it| it.map(|it| it.to_string()));
                let frame = frame(first.evidence, captures).unwrap_or_default();
                Some(format!("packets between {} and {}{frame}", own?, others?))
            };
            let new = asset.peers.iter().filter(is_new);
            peers = new.map(|peer| (*peer, seen(peer))).collect();
        }
    }
    let addresses = |known| -> Vec<String> {
        shown(known, "ip_addresses").map(|it| it.value.to_string()).collect()
    };
    let (old, new) = (addresses(before), addresses(after));
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|it| !others.contains(it)).cloned().collect()
    };
    let is_whole = old.len() < MAX_LISTED && new.len() < MAX_LISTED;
    let (lost, gained) = match is_whole {
        true => (without(&old, &new), without(&new, &old)),
        false => Default::default(),
    };
    let peers_before = match peers.is_empty() {
        true => Vec::new(),
        false => shown(before, "peers").map(|it| it.value.to_string()).collect(),
    };
    Difference {
        id: asset.id,
        of,
        at,
        leased: asset.leased,
        candidates,
        addresses: old,
        lost,
        gained,
        peers,
        peers_before,
    }
}

/// What is known of a device that was not known before, beyond that it is there.
pub(super) fn at_first_sight(
    of: &Device,
    at: Timestamp,
    known: &[Attribute<'_>],
    captures: &[String],
    policy: &Policy,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let comparison = Comparison { of, at, before: &[], after: known, captures };
    comparison.risk(policy.risk, &mut candidates);
    comparison.remote(&mut candidates);
    candidates
}

/// The values of a list, and from which one on they may have been cut away.
fn listed<'k>(known: &'k [Attribute<'_>], name: &str) -> (Vec<&'k str>, Option<&'k str>) {
    let all: Vec<&str> = shown(known, name).map(|it| &*it.value).collect();
    let end = all.last().copied().filter(|_| all.len() >= MAX_LISTED);
    (all, end)
}

struct Comparison<'c> {
    of: &'c Device,
    at: Timestamp,
    before: &'c [Attribute<'c>],
    after: &'c [Attribute<'c>],
    captures: &'c [String],
}

impl Comparison<'_> {
    /// More for a medical device.
    const fn grave(&self, medical: Severity, other: Severity, is_medical: bool) -> Severity {
        if is_medical { medical } else { other }
    }

    fn news(&self, kind: Kind, severity: Severity) -> News {
        News { of: self.of.clone(), ..News::new(kind, severity, self.at) }
    }

    /// Shown values that were not shown before.
    fn added<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s ValueOf<'s>> {
        let (old, end) = listed(self.before, name);
        let is_new = move |it: &&ValueOf<'s>| {
            !old.contains(&&*it.value) && end.is_none_or(|e| *it.value < *e)
        };
        shown(self.after, name).filter(is_new)
    }

    fn system(&self, to: &mut Vec<Candidate>) {
        let first = |known, name| shown(known, name).next();
        let text = |known| {
            let parts = ["os_name", "os_version", "os_build"];
            let parts =
                parts.map(|name| first(known, name).map_or("", |it: &ValueOf<'_>| &it.value));
            short(&parts.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let changed = |name| {
            let (old, new) = (first(self.before, name)?, first(self.after, name)?);
            (!is_same_system(&old.value, &new.value)).then_some(new)
        };
        let name = changed("os_name");
        let Some(new) = name.or_else(|| changed("os_version")).or_else(|| changed("os_build"))
        else {
            return;
        };
        let is_medical = self.of.is_medical();
        let severity = match name {
            Some(_) => self.grave(Severity::Warning, Severity::Notice, is_medical),
            None => self.grave(Severity::Notice, Severity::Info, is_medical),
        };
        let (before, after) = (text(self.before), text(self.after));
        let summary = format!("{}: {before} is now {after}", self.of.name());
        let evidence = evidence(new, self.captures);
        let news = self.news(Kind::OsChanged, severity);
        let news = News { subject: after.clone(), before, after, summary, evidence, ..news };
        to.push(Candidate { attribute: "os_name", value: new.value.to_string(), news });
    }

    fn conflicts(&self, to: &mut Vec<Candidate>) {
        for value in self.added("address_conflicts") {
            let severity = self.grave(Severity::Critical, Severity::Warning, self.of.is_medical());
            let (address, other) = value.value.split_once(" with ").unwrap_or((&value.value, ""));
            let news = self.news(Kind::AddressConflict, severity);
            to.push(Candidate {
                attribute: "address_conflicts",
                value: value.value.to_string(),
                news: News {
                    subject: address.to_owned(),
                    after: other.to_owned(),
                    summary: format!("{} and {other} both use {address}", self.of.name()),
                    evidence: format!("claims of {address} to and fro, without a lease"),
                    ..news
                },
            });
        }
    }

    fn risk(&self, from: Level, to: &mut Vec<Candidate>) {
        let level = |known| {
            let value = shown(known, "risk_level").next();
            value.and_then(|it| it.value.parse().ok()).unwrap_or(Level::None)
        };
        let (old, new): (Level, Level) = (level(self.before), level(self.after));
        if new <= old || new < from {
            return;
        }
        let first = |known, name| {
            shown(known, name)
                .next()
                .map(|it: &ValueOf<'_>| it.value.to_string())
                .unwrap_or_default()
        };
        let severity = match new {
            Level::Critical => Severity::Critical,
            Level::High => Severity::Warning,
            _ => Severity::Notice,
        };
        let reasons: Vec<&str> = shown(self.after, "risk_reasons").map(|it| &*it.value).collect();
        let (before, after) = (first(self.before, "risk_level"), first(self.after, "risk_level"));
        let score = first(self.after, "risk_score");
        let was = if before.is_empty() { "not assessed" } else { &before };
        let summary = format!("{}: risk is {after} ({score}), was {was}", self.of.name());
        let news = self.news(Kind::RiskRaised, severity);
        let evidence = short(&reasons.join("; "));
        let news = News { subject: after.clone(), before, after, summary, evidence, ..news };
        to.push(Candidate { attribute: "risk_level", value: String::new(), news });
    }

    fn remote(&self, to: &mut Vec<Candidate>) {
        for attribute in ["remote_access", "vpn"] {
            for value in self.added(attribute) {
                let what = short(&value.value);
                let kind = if attribute == "vpn" { "VPN" } else { "remote access" };
                let news = self.news(Kind::RemoteAccess, Severity::Warning);
                to.push(Candidate {
                    attribute,
                    value: value.value.to_string(),
                    news: News {
                        subject: format!("{attribute} {what}"),
                        summary: format!("{}: {kind} by {what}", self.of.name()),
                        after: what,
                        evidence: evidence(value, self.captures),
                        ..news
                    },
                });
            }
        }
    }

    fn services(&self, asset: &Asset<'_>, to: &mut Vec<Candidate>) {
        for value in self.added("services").filter(|it| is_meant(&it.value)) {
            let severity = self.grave(Severity::Warning, Severity::Notice, self.of.is_medical());
            let service = short(&value.value);
            let news = self.news(Kind::NewService, severity);
            to.push(Candidate {
                attribute: "services",
                value: value.value.to_string(),
                news: News {
                    subject: service.clone(),
                    summary: format!("{} now serves {service}", self.of.name()),
                    evidence: format!(
                        "its answers as a server{}, until {}",
                        answered(asset, &value.value, self.captures).unwrap_or_default(),
                        self.at.rfc3339()
                    ),
                    after: service,
                    ..news
                },
            });
        }
    }
}

/// The frame that showed a service first, after a blank.
fn answered(asset: &Asset<'_>, wanted: &str, captures: &[String]) -> Option<String> {
    let all = asset.speakers.iter().flat_map(|(_, host)| host.services());
    let is_it = |(of, _): &&(Service, Said)| {
        let (transport, port, name, role) = of;
        *role == Role::Server
            && service(*transport, *port, name, *role).is_some_and(|text| text == wanted)
    };
    let first = all.filter(is_it).map(|(_, said)| said).min_by_key(|said| said.span.first)?;
    frame(first.evidence, captures)
}

/// A frame, as it stands behind a sentence; none when no single one says it.
fn frame(evidence: Evidence, captures: &[String]) -> Option<String> {
    let capture = captures.get(usize::try_from(evidence.capture).ok()?)?;
    (evidence.frame > 0).then(|| format!(" {capture}#{}", evidence.frame))
}

/// Whether a service, `name tcp/port` or `tcp/port`, is one that somebody has set up.
fn is_meant(service: &str) -> bool {
    let (name, place) = service.rsplit_once(' ').unwrap_or(("", service));
    let port = place.split_once('/').and_then(|(_, port)| port.parse::<u16>().ok());
    match (name, port) {
        // The part of a client.
        (_, None) => false,
        ("dicom" | "hl7", _) => true,
        ("", Some(port)) => port < EPHEMERAL,
        (_, Some(port)) => port < DYNAMIC,
    }
}

/// Systems that are no Linux, by how their names begin.
const NO_LINUX: [&str; 12] = [
    "Windows", "macOS", "iOS", "iPadOS", "tvOS", "FreeBSD", "NetBSD", "OpenBSD", "Solaris",
    "VxWorks", "Cisco", "Junos",
];

/// Whether one says the same as the other, but more or less of it.
fn is_same_system(a: &str, b: &str) -> bool {
    let longer = |long: &str, short: &str| {
        let is_number = short.starts_with(|c: char| c.is_ascii_digit());
        let rest = long.strip_prefix(short);
        rest.is_some_and(|it| it.starts_with(' ') || (is_number && it.starts_with('.')))
    };
    let is_linux = |it: &str| !NO_LINUX.iter().any(|other| it.starts_with(other));
    // "Windows 10 / Server 2016" is what "Windows Server 2016" may have been.
    let names =
        |it| str::split(it, " / ").map(|name| name.strip_prefix("Windows ").unwrap_or(name));
    a == b
        || longer(a, b)
        || longer(b, a)
        || (a == "Linux" && is_linux(b))
        || (b == "Linux" && is_linux(a))
        || names(a).any(|one| names(b).any(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_known_is_not_changed() {
        for (a, b) in [
            ("Windows", "Windows 10"),
            ("Windows 7 / Server 2008 R2", "Windows Server 2008 R2"),
            ("Windows 10 / Server 2016", "Windows 10 / Windows 11"),
            ("Linux", "Debian"),
            ("Linux", "RouterOS"),
            ("Debian / Ubuntu", "Ubuntu"),
            ("10.0", "10.0.19045"),
        ] {
            assert!(is_same_system(a, b) && is_same_system(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("Windows 7", "Windows 10"),
            ("Windows 8", "Windows 8.1"),
            ("Debian", "Ubuntu"),
            ("Linux", "Windows 10"),
            ("Linux", "FreeBSD"),
            ("22H2", "23H2"),
            ("19045", "190451"),
        ] {
            assert!(!is_same_system(a, b) && !is_same_system(b, a), "{a} {b}");
        }
    }

    #[test]
    fn ports_for_anybody_are_no_service() {
        for service in ["dicom tcp/104", "dicom tcp/50000", "tcp/4242", "rdp tcp/40000"] {
            assert!(is_meant(service), "{service}");
        }
        for service in ["dicom client", "tcp/32768", "dcerpc tcp/49664", "udp/x", ""] {
            assert!(!is_meant(service), "{service}");
        }
    }
}
