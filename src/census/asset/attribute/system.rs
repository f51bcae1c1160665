//! Which operating system a device has where what is said contradicts itself.
//!
//! Who sends one frame in another's name can say any system in it, with a program's name or
//! a logon. How a device itself opens its connections is heard all the time: what names
//! another family than that counts less, unless several protocols agree; and so does what
//! was heard only while something else was heard before and after it, or only while
//! connections were opened otherwise than the device opens them. A losing word stays a
//! candidate.

use super::{Candidate, LINUX, SHOWN, refines};
use crate::census::host::Span;
use crate::time::SECOND;

/// How the device opens connections.
const STACK: &str = "tcp.syn";
/// How much surer what stands is than what contradicts it: a family told by the stack alone
/// is shown, and what is bounded by it is not.
const BELOW: f32 = 0.06;
/// What is said in a connection comes so long after its opening, at most.
const SOON: i64 = 10 * SECOND;
/// Who opens connections otherwise for longer is a system of the device itself, or one behind
/// it.
const WHILE: i64 = 600 * SECOND;
/// So many protocols are not one stranger's frame.
const AGREED: usize = 3;

/// Bounds what contradicts the device's own stack, or was heard in between.
pub(super) fn bound(all: &mut [Candidate<'_>]) {
    if all.len() < 2 {
        return;
    }
    let bounds: Vec<f32> = all.iter().map(|it| bound_of(it, all)).collect();
    for (candidate, bound) in all.iter_mut().zip(bounds) {
        candidate.confidence = candidate.confidence.min(bound);
    }
}

/// What one candidate may reach at most beside the others.
fn bound_of(one: &Candidate<'_>, all: &[Candidate<'_>]) -> f32 {
    let mut bound = f32::INFINITY;
    let own = own_stack(all).filter(|_| protocols(one) < AGREED);
    if let (Some((own, _)), Some(of)) = (own, family(&one.value)) {
        let stranger = |it: &&Candidate<'_>| stacks(it).any(|(its, _)| speaks_with(one, its));
        let mut others = all.iter().filter(|it| differ(family(&it.value), family(own)));
        let is_other = family(own) != Some(of);
        if is_other || stacks(one).next().is_none() && others.any(|it| stranger(&it)) {
            let told = all.iter().filter(|it| it.value == own).map(|it| it.confidence);
            bound = told.fold(0.0, f32::max) - BELOW;
        }
    }
    for other in all.iter().filter(|it| it.confidence >= SHOWN && protocols(it) > 0) {
        if contradict(&one.value, &other.value) && encloses(span(other), span(one)) {
            bound = bound.min(other.confidence - BELOW);
        }
    }
    bound
}

/// When connections were opened as this system opens them, as far as it is sure.
fn stacks<'c>(one: &'c Candidate<'_>) -> impl Iterator<Item = (Span, &'c str)> {
    let own = one.reasons.iter().filter(|it| it.key == STACK && it.confidence >= SHOWN);
    own.map(|reason| (reason.said.span, &*one.value))
}

/// The system whose way to open connections was heard for longest, and when.
fn own_stack<'c>(all: &'c [Candidate<'_>]) -> Option<(&'c str, Span)> {
    let longest = all.iter().flat_map(stacks).min_by_key(|(span, value)| {
        (std::cmp::Reverse(span.last.since(span.first)), span.first, *value)
    });
    longest.map(|(span, value)| (value, span))
}

/// Whether all of it was said while connections were opened so, and directly after.
fn speaks_with(one: &Candidate<'_>, stack: Span) -> bool {
    let is_short = stack.last.since(stack.first) <= WHILE;
    let within = |it: Span| it.first >= stack.first && it.last.since(stack.last) <= SOON;
    is_short && span(one).is_some_and(within)
}

/// Protocols in which this was said, but for the opening of connections.
pub(super) fn protocols(one: &Candidate<'_>) -> usize {
    let protocol = |key: &'_ str| key.split('.').next().unwrap_or_default().to_owned();
    let keys = one.reasons.iter().filter(|it| it.key != STACK).map(|it| protocol(it.key));
    keys.collect::<std::collections::BTreeSet<_>>().len()
}

/// All of the time in which it was said.
fn span(one: &Candidate<'_>) -> Option<Span> {
    one.reasons.iter().map(|it| it.said.span).reduce(|mut all, span| {
        all.cover(span);
        all
    })
}

/// Whether the first was heard before and after the other.
fn encloses(one: Option<Span>, other: Option<Span>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.first < other.first && one.last > other.last)
}

pub(super) fn contradict(one: &str, other: &str) -> bool {
    family(one).is_some()
        && family(other).is_some()
        && !one.eq_ignore_ascii_case(other)
        && !refines(one, other)
        && !refines(other, one)
        && !one.split(" / ").any(|it| other.split(" / ").any(|that| bare(it) == bare(that)))
}

fn bare(name: &str) -> &str {
    name.strip_prefix("Windows ").unwrap_or(name)
}

/// Families that open connections in ways of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Windows,
    Linux,
    Apple,
    Bsd,
}

fn differ(one: Option<Family>, other: Option<Family>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

/// Of all alternatives, when it is one.
fn family(name: &str) -> Option<Family> {
    let of = |one: &str| match one {
        _ if one.starts_with("Windows") || one.starts_with("Server ") => Some(Family::Windows),
        "Linux" | "ChromeOS" | "Chrome OS" => Some(Family::Linux),
        _ if LINUX.contains(&one) => Some(Family::Linux),
        "macOS" | "iOS" | "iPadOS" | "tvOS" => Some(Family::Apple),
        "FreeBSD" | "NetBSD" | "OpenBSD" => Some(Family::Bsd),
        _ => None,
    };
    let mut all = name.split(" / ").map(of);
    let first = all.next()??;
    all.all(|it| it == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::census::Census;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::time::{SECOND, Timestamp};

    const WINDOWS: (&str, &str) = ("tcp.syn", "128:8192:mss,nop,ws8,nop,nop,sok:1460:df");
    const LINUX: (&str, &str) = ("tcp.syn", "64:29200:mss,sok,ts,nop,ws7:1460:df");
    const SEVEN: (&str, &str) = ("ntlm.version", "6.1.7601");
    const TEN: (&str, &str) = ("ntlm.version", "10.0.19041");
    const FIREFOX: (&str, &str) =
        ("http.user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.0");

    /// What is shown as the system, how sure, and what else may be.
    fn system(says: &[((&'static str, &str), i64)]) -> (String, f32, Vec<(String, f32)>) {
        let mut census = Census::new(Arc::clone(Book::builtin()));
        let mac = Some(Mac([0, 0x18, 0x65, 0x2e, 0x91, 0x21]));
        let host = HostId { segment: Segment::default(), mac, ip: "10.20.10.21".parse().ok() };
        for ((key, value), second) in says {
            let what = Observed::Fact(Key::new(key), (*value).to_owned().into());
            let at = Timestamp(second * SECOND);
            census.apply(0, Observation { at, frame: 1, host, what });
        }
        let assets = census.assets();
        let asset = &assets[0];
        let first = asset.shown("os_name").first().map(|it| (it.value.to_string(), it.confidence));
        let (name, sure) = first.unwrap_or_default();
        let all = asset.attributes.get("os_name").into_iter().flatten();
        let rest = all.skip(1).map(|it| (it.value.to_string(), it.confidence)).collect();
        (name, sure, rest)
    }

    #[test]
    fn a_strangers_program_makes_no_other_system() {
        let (name, sure, rest) = system(&[(WINDOWS, 0), (WINDOWS, 7200), (FIREFOX, 9000)]);
        assert_eq!((name.as_str(), sure), ("Windows", 0.45));
        assert_eq!(rest.len(), 1);
        assert!(rest[0].0 == "Linux" && rest[0].1 < 0.4, "it stays a candidate: {rest:?}");
        // Nor with a stranger's connection.
        let forged = [(WINDOWS, 0), (LINUX, 3600), (FIREFOX, 3600), (WINDOWS, 7200)];
        assert_eq!(system(&forged).0, "Windows");
        assert_eq!(system(&[(LINUX, 0), (FIREFOX, 9000)]).0, "Linux", "its own");
    }

    #[test]
    fn a_logon_in_a_strangers_connection_makes_no_other_version() {
        let says = |of| [(WINDOWS, 0), (of, 3600), (TEN, 3601), (WINDOWS, 7200)];
        assert_eq!(system(&says(LINUX)).0, "Windows");
        assert_eq!(system(&says(WINDOWS)).0, "Windows 10");
        let mut long = says(LINUX).to_vec();
        long.extend([(LINUX, 1800), (LINUX, 5400)]);
        assert_eq!(system(&long).0, "Windows 10", "two systems behind one card");
    }

    #[test]
    fn what_is_heard_in_between_does_not_take_the_place() {
        let (name, sure, rest) = system(&[(SEVEN, 0), (TEN, 3600), (SEVEN, 7200)]);
        assert_eq!((name.as_str(), sure), ("Windows 7 / Server 2008 R2", 0.85));
        assert!(rest.iter().any(|(name, sure)| name == "Windows 10" && *sure < 0.85), "{rest:?}");
        // A new system is no stranger's.
        let new = [(SEVEN, 0), (SEVEN, 7200), (TEN, 9000), (TEN, 9060)];
        assert_eq!(system(&new).0, "Windows 10");
    }

    #[test]
    fn several_protocols_are_no_single_frame() {
        let name = ("ftp.banner", "ProFTPD 1.3.5 Server (Debian)");
        let banner = ("ssh.banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u1");
        let server = ("http.server", "Apache/2.4.57 (Debian)");
        let all = [(WINDOWS, 0), (name, 10), (banner, 20), (server, 30), (WINDOWS, 40)];
        assert_eq!(system(&all[..3]).0, "Windows");
        assert_eq!(system(&all[..4]).0, "Debian");
    }
}
