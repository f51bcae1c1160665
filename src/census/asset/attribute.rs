//! From what was said to what is believed: candidates with evidence, and which of
//! them is shown.

mod once;
mod superseded;
mod system;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::understood::Understood;
use crate::census::host::Said;
use crate::census::signature::Book;

/// From this confidence on a value is shown; below it stays a candidate.
pub const SHOWN: f32 = 0.4;

/// What agreeing evidence may reach at most: nothing on a wire is beyond doubt.
const CEILING: f32 = 0.99;

/// Why a value is believed: one fact, and the signature that understood it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason<'a> {
    /// Id of the signature.
    pub signature: &'a str,
    /// The fact's key.
    pub key: &'a str,
    /// The fact's value.
    pub value: &'a str,
    /// The signature's confidence, lowered where the fact is about another only by inference.
    pub confidence: f32,
    /// First frame, first and last time.
    pub said: Said,
}

/// One value that an attribute may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// The value.
    pub value: Cow<'a, str>,
    /// From all reasons together, 0 to 1.
    pub confidence: f32,
    /// Everything that speaks for it, strongest first.
    pub reasons: Vec<Reason<'a>>,
    /// The operating system that the same evidence named: versions belong to it.
    context: Option<Cow<'a, str>>,
}

impl<'a> Candidate<'a> {
    /// What one fact says by itself.
    pub(super) fn of(value: &'a str, reason: Reason<'a>) -> Self {
        let confidence = reason.confidence;
        Self { value: Cow::Borrowed(value), confidence, reasons: vec![reason], context: None }
    }
}

/// All attributes of an asset under evaluation.
#[derive(Default)]
pub(super) struct Candidates<'a> {
    by_name: BTreeMap<&'static str, Vec<Candidate<'a>>>,
}

/// Attributes of which a device may have several at once.
const MULTIPLE: &[&str] =
    &["ae_titles", "certificate_end", "exposure", "remote_access", "software", "vpn", PORT, SWITCH];

/// Where a device is plugged in: a pair of each, in the same order.
pub(super) const SWITCH: &str = "switch";
pub(super) const PORT: &str = "switch_port";

impl<'a> Candidates<'a> {
    /// Everything that signatures say of one fact. `weight` lowers confidence for
    /// facts that are the asset's own only by inference.
    pub(super) fn add(
        &mut self,
        found: &Understood<'a>,
        (key, value): (&'a str, &'a str),
        said: Said,
        weight: f32,
    ) {
        for (name, set, sure) in &found.said {
            let reason =
                Reason { signature: found.signature, key, value, confidence: sure * weight, said };
            let context = found.context.clone().filter(|_| name.starts_with("os_"));
            let all = self.by_name.entry(name).or_default();
            if let Some(it) = all.iter_mut().find(|c| {
                c.value.eq_ignore_ascii_case(set) && c.context.is_some() == context.is_some()
            }) {
                it.reasons.push(reason);
            } else {
                all.push(Candidate {
                    value: set.clone(),
                    confidence: 0.0,
                    reasons: vec![reason],
                    context,
                });
            }
        }
    }

    /// Weighs everything; gives every attribute with its candidates, the shown first.
    pub(super) fn weigh(mut self, book: &'a Book) -> BTreeMap<&'static str, Vec<Candidate<'a>>> {
        for all in self.by_name.values_mut() {
            for candidate in all.iter_mut() {
                candidate.reasons.sort_by(|a, b| {
                    b.confidence
                        .total_cmp(&a.confidence)
                        .then_with(|| a.said.evidence.cmp(&b.said.evidence))
                        .then_with(|| a.key.cmp(b.key))
                        .then_with(|| a.value.cmp(b.value))
                });
                candidate.confidence = together(&candidate.reasons);
            }
        }
        once::bound_versions(&mut self.by_name);
        for (name, all) in &mut self.by_name {
            once::bound(name, all);
            if *name == "os_name" {
                system::bound(all);
            }
            superseded::bound(name, all);
            all.sort_by(|a, b| {
                b.confidence.total_cmp(&a.confidence).then_with(|| a.value.cmp(&b.value))
            });
        }
        self.categorise(book);
        let os = self.by_name.get_mut("os_name").map(|all| {
            refine(all);
            all.first().map(|c| c.value.clone()).unwrap_or_default()
        });
        let role = self.by_name.get("os_role").and_then(|all| all.first());
        let role = role.filter(|c| c.confidence >= SHOWN).map(|c| c.value.clone());
        let os = os.map(|name| settle(&name, role.as_deref()));
        if let (Some(os), Some(first)) =
            (&os, self.by_name.get_mut("os_name").and_then(|all| all.first_mut()))
        {
            first.value = Cow::Owned(os.clone());
        }
        for name in ["os_version", "os_build", "os_edition"] {
            if let Some(all) = self.by_name.get_mut(name) {
                // A version of another system is a losing candidate, however sure.
                all.sort_by_key(|c| !belongs(c.context.as_deref(), os.as_deref()));
            }
        }
        self.by_name
    }
}

impl<'a> Candidates<'a> {
    /// The category follows from the class, for the reasons of the class, wherever a
    /// class is shown.
    fn categorise(&mut self, book: &'a Book) {
        if let Some(all) = self.by_name.get_mut("device_class") {
            specify(all, book);
        }
        let class = self.by_name.get("device_class").and_then(|all| all.first());
        let Some(class) = class.filter(|class| class.confidence >= SHOWN) else { return };
        let Some(known) = book.class(&class.value) else { return };
        let category = Candidate { value: Cow::Borrowed(&known.category), ..class.clone() };
        let all = self.by_name.entry("device_category").or_default();
        all.retain(|candidate| candidate.value != category.value);
        all.insert(0, category);
    }
}

/// The candidates of an attribute that are shown.
#[must_use]
pub fn shown<'c, 'a>(
    name: &str,
    all: &'c [Candidate<'a>],
    os: Option<&str>,
) -> Vec<&'c Candidate<'a>> {
    let many = MULTIPLE.contains(&name);
    let fits = |c: &&Candidate<'_>| {
        c.confidence >= SHOWN
            && (!matches!(name, "os_version" | "os_build" | "os_edition")
                || belongs(c.context.as_deref(), os))
    };
    all.iter().filter(fits).take(if many { usize::MAX } else { 1 }).collect()
}

/// Names that others give, or that may be a service's: they count where the device
/// itself says nothing.
const HEARSAY: &[&str] = &["dns.name", "tls.cert_cn"];

/// Independent reasons strengthen each other; the same key heard twice does not.
fn together(reasons: &[Reason<'_>]) -> f32 {
    if let [only] = reasons {
        return (1.0 - (1.0 - only.confidence)).min(CEILING).max(only.confidence);
    }
    let mut by_key: BTreeMap<&str, f32> = BTreeMap::new();
    let hearsay = |reason: &&Reason<'_>| HEARSAY.contains(&reason.key);
    let own = reasons.iter().any(|reason| !hearsay(&reason));
    for reason in reasons.iter().filter(|reason| !own || !hearsay(reason)) {
        let best = by_key.entry(reason.key).or_default();
        *best = best.max(reason.confidence);
    }
    let strongest = by_key.values().copied().fold(0.0, f32::max);
    let doubt = by_key.values().fold(1.0, |doubt, c| doubt * (1.0 - c));
    (1.0 - doubt).min(CEILING).max(strongest)
}

/// Puts a class before the more general one of which it is one: what serves Kerberos is a
/// domain controller, though more says that it is a server.
fn specify(all: &mut [Candidate<'_>], book: &Book) {
    let Some(general) = all.first().map(|it| it.value.clone()) else { return };
    let is_one = |it: &Candidate<'_>| {
        let of = book.class(&it.value).and_then(|class| class.of.as_deref());
        it.confidence >= SHOWN && of == Some(&*general)
    };
    if let Some(at) = all.iter().position(is_one)
        && let Some(first) = all.get_mut(..=at)
    {
        first.rotate_right(1);
    }
}

/// Puts a more exact name before the vaguer one that it refines: "Windows 7" before
/// "Windows 7 / Server 2008 R2" before "Windows".
fn refine(all: &mut [Candidate<'_>]) {
    for _ in 0..3 {
        let Some(top) = all.first() else { return };
        let better = all
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, c)| c.confidence >= SHOWN && refines(&c.value, &top.value))
            .max_by(|(i, a), (j, b)| a.confidence.total_cmp(&b.confidence).then(j.cmp(i)))
            .map(|(i, _)| i);
        match better {
            Some(at) => all[..=at].rotate_right(1),
            None => return,
        }
    }
}

/// Whether every alternative of `exact` is one of `vague`, or of a family that it names.
fn refines(exact: &str, vague: &str) -> bool {
    let bare = |name: &str| name.strip_prefix("Windows ").unwrap_or(name).to_owned();
    let within = |one: &str| {
        vague.split(" / ").any(|other| {
            let member = one.strip_prefix(other).is_some_and(|rest| rest.starts_with(' '));
            let of_family = !other.contains(' ') && member;
            let linux = other == "Linux" && LINUX.contains(&one);
            // Joined alternatives leave the family out after the first.
            let windows = other == "Windows" && one.starts_with("Server ");
            bare(one) == bare(other) || of_family || linux || windows
        })
    };
    exact != vague && exact.split(" / ").all(within)
}

/// Distributions whose evidence makes "Linux" more exact.
const LINUX: &[&str] = &[
    "AlmaLinux",
    "Alpine Linux",
    "Amazon Linux",
    "Android",
    "Arch Linux",
    "CentOS",
    "Debian",
    "Fedora",
    "OpenWrt",
    "Oracle Linux",
    "Raspbian",
    "Red Hat Enterprise Linux",
    "Rocky Linux",
    "SUSE Linux",
    "Ubuntu",
];

/// Picks among joined alternatives by what else says client or server.
fn settle(name: &str, role: Option<&str>) -> String {
    let Some(server) = role.map(|r| r == "server") else { return name.to_owned() };
    let fitting: Vec<_> =
        name.split(" / ").filter(|one| one.contains("Server") == server).collect();
    let Some(first) = fitting.first() else { return name.to_owned() };
    // "Windows 7 / Server 2008 R2": the second alternative leaves the family out.
    let family = name.split(' ').next().unwrap_or_default();
    let mut settled = fitting.join(" / ");
    if !first.starts_with(family) {
        settled = format!("{family} {settled}");
    }
    settled
}

/// Whether a version that was said of `context` is one of the system `os`.
fn belongs(context: Option<&str>, os: Option<&str>) -> bool {
    match (context, os) {
        (Some(context), Some(os)) => {
            context == os
                || context.split(" / ").any(|one| os.ends_with(one))
                || os.split(" / ").any(|one| context.ends_with(one))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::Evidence;
    use crate::time::Timestamp;

    #[test]
    fn exact_names_refine_vague_ones() {
        assert!(refines("Windows 7", "Windows 7 / Server 2008 R2"));
        assert!(refines("Windows 10", "Windows"));
        assert!(refines("Windows 7 / Server 2008 R2", "Windows"));
        assert!(!refines("Windows", "Windows 10"));
        assert!(!refines("macOS / iOS", "macOS"));
        assert!(refines("Debian", "Linux") && refines("Debian / Ubuntu", "Linux"));
        assert!(refines("Debian", "Debian / Ubuntu") && !refines("Debian / Ubuntu", "Debian"));
        let four = "Windows Vista / Windows 7 / Server 2008 / Server 2008 R2";
        assert!(refines("Windows 7 / Server 2008 R2", four) && !refines(four, "Windows 7"));
        assert!(!refines("Linux", "Windows"));
    }

    #[test]
    fn roles_settle_alternatives() {
        assert_eq!(settle("Windows 7 / Server 2008 R2", Some("server")), "Windows Server 2008 R2");
        assert_eq!(settle("Windows 7 / Server 2008 R2", Some("client")), "Windows 7");
        assert_eq!(settle("Windows 10", Some("server")), "Windows 10");
    }

    #[test]
    fn a_specific_class_stands_before_the_general_one() {
        let of = |classes: &[(&'static str, f32)]| {
            let mut all = Candidates::default();
            for (class, confidence) in classes {
                let (signature, key, value) = ("s", class, "v");
                let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
                let reason = Reason { signature, key, value, confidence: *confidence, said };
                let candidates = all.by_name.entry("device_class").or_default();
                candidates.push(Candidate::of(class, reason));
            }
            let all = all.weigh(Book::builtin());
            let first = |name| all.get(name).map(|all: &Vec<Candidate<'_>>| all[0].value.clone());
            (first("device_class").unwrap(), first("device_category").unwrap())
        };
        let both = [("server", 0.9), ("domain-controller", 0.5)];
        assert_eq!(of(&both), ("domain-controller".into(), "it".into()));
        let gas = [("laboratory-analyzer", 0.5), ("blood-gas", 0.4)];
        assert_eq!(of(&gas), ("blood-gas".into(), "medical".into()));
        assert_eq!(of(&[("server", 0.9), ("domain-controller", 0.3)]).0, "server", "a guess");
        assert_eq!(of(&[("server", 0.9), ("printer", 0.5)]).0, "server", "something else");
    }

    #[test]
    fn versions_stay_with_their_system() {
        assert!(belongs(Some("Windows 7 / Server 2008 R2"), Some("Windows 7")));
        assert!(belongs(Some("Windows 7 / Server 2008 R2"), Some("Windows Server 2008 R2")));
        assert!(!belongs(Some("Debian"), Some("Windows 7")));
    }
}
