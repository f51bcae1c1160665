//! One host of the truth against one asset of the register, field by field.

use auscult::net::HostId;
use auscult::store::{Known, Value};

use super::text::{bare, version, within, words};
use super::truth::Host;
use super::{Finding, Read, Verdict, device, maker, os};

/// The fields, in the order of the table.
pub(super) const FIELDS: &[&str] = &[
    "found",
    "device_class",
    "modality",
    "manufacturer",
    "model",
    "serial_number",
    "software_version",
    "software",
    "os_family",
    "os_name",
    "os_version",
    "os_build",
    "hostname",
    "fqdn",
    "domain",
    "ae_titles",
    "department",
    "mac_vendor",
    "services",
    "remote_access",
    "must_not",
];

/// Compares one host.
pub(super) struct Judge<'a> {
    /// The capture.
    pub(super) read: &'a Read,
    /// What is true.
    pub(super) host: &'a Host,
    /// What is claimed.
    pub(super) asset: Option<&'a Known<'a>>,
    /// Capture and host, for messages.
    pub(super) label: String,
    /// Where to write.
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Judge<'_> {
    /// All fields.
    pub(super) fn all(&mut self) {
        let found = if self.asset.is_some() { Verdict::Right } else { Verdict::Missing };
        self.note("found", found, self.host.label(), "", String::new());
        self.device();
        let host = self.host;
        self.single("manufacturer", host.fact("vendor"), |truth, claim| {
            right(bare(truth).split('/').any(|one| maker::same(one, claim)))
        });
        self.single("model", host.fact("model"), |truth, claim| {
            let truth = truth.strip_suffix(" family").unwrap_or(truth);
            right(within(truth, claim) || within(claim, truth))
        });
        self.single("serial_number", host.fact("serial"), |t, c| right(words(t) == words(c)));
        self.single("software_version", host.fact("sw_version"), |truth, claim| {
            match (version(truth), version(claim)) {
                (truth, claim) if truth == claim => Verdict::Right,
                (truth, claim) if truth.starts_with(&claim) => Verdict::Vague,
                _ => Verdict::Wrong,
            }
        });
        self.system();
        self.single("hostname", host.fact("hostname"), |truth, claim| {
            let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
            right(label(truth) == label(claim))
        });
        self.qualified();
        self.single("department", host.fact("department"), |t, c| right(words(t) == words(c)));
        self.several();
        self.mac_vendor();
    }

    fn device(&mut self) {
        let host = self.host;
        let (kind, classes) = match host.fact("device_type") {
            Some(kind) => (Some(kind), device::classes(kind)),
            None => (host.fact("role"), host.fact("role").and_then(device::of_role)),
        };
        self.single("device_class", classes.and(kind), |_, claim| {
            right(classes.is_some_and(|all| all.contains(&claim)))
        });
        let modality = host.fact("modality");
        self.single("modality", modality, |truth, claim| right(truth == claim));
    }

    fn system(&mut self) {
        let host = self.host;
        let said = host.fact("os_family").or_else(|| host.fact("os"));
        let family = said.and_then(os::family);
        let claim = self.first("os_name");
        let evidence = self.evidence("os_name");
        match (family, claim.as_deref().and_then(os::family)) {
            (Some(truth), Some(claimed)) => {
                let verdict = right(truth == claimed);
                self.note("os_family", verdict, truth, claim.as_deref().unwrap_or(""), evidence);
            }
            (Some(truth), None) => self.missing("os_family", "os_name", truth),
            (None, Some(claimed)) => {
                self.note("os_family", Verdict::Unjudged, "", claimed, evidence);
            }
            (None, None) => {}
        }
        let text = host.fact("os").unwrap_or_default();
        let truth = os::systems(text);
        self.single("os_name", (!truth.is_empty()).then_some(text), |_, claim| {
            let claims = os::systems(claim);
            let hit = claims.iter().filter(|c| truth.iter().any(|t| t.product == c.product));
            match hit.count() {
                0 if claims.is_empty() && os::family(claim) == family => Verdict::Vague,
                0 => Verdict::Wrong,
                n if n == claims.len() => Verdict::Right,
                _ => Verdict::Vague,
            }
        });
        let versions: Vec<&str> =
            truth.iter().map(|s| s.version.as_str()).filter(|v| !v.is_empty()).collect();
        self.single("os_version", (!versions.is_empty()).then_some(text), |_, claim| {
            if versions.iter().any(|v| os::same_version(v, claim)) {
                Verdict::Right
            } else if versions.iter().any(|v| v.starts_with(&format!("{claim}."))) {
                Verdict::Vague
            } else {
                Verdict::Wrong
            }
        });
        self.single("os_build", host.fact("os_build"), |truth, claim| {
            right(claim == truth || claim.ends_with(&format!(".{truth}")))
        });
    }

    fn qualified(&mut self) {
        let host = self.host;
        if let Some(truth) = host.fact("fqdn") {
            let name = self.first("hostname").unwrap_or_default();
            let claim = match self.first("domain") {
                Some(domain) if !name.contains('.') => format!("{name}.{domain}"),
                _ => name,
            };
            if claim.contains('.') && !claim.starts_with('.') {
                let verdict = right(truth.split(" / ").any(|t| claim.eq_ignore_ascii_case(t)));
                let evidence = self.evidence("domain");
                self.note("fqdn", verdict, truth, &claim, evidence);
            } else {
                self.missing("fqdn", "domain", truth);
            }
        }
        let domain = host.fact("domain").or_else(|| host.fact("workgroup")).or_else(|| {
            host.fact("fqdn")
                .and_then(|names| names.split(" / ").next())
                .and_then(|name| name.split_once('.'))
                .map(|(_, domain)| domain)
        });
        self.single("domain", domain, |truth, claim| {
            let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
            right(
                truth.eq_ignore_ascii_case(claim)
                    || (!truth.contains('.') || !claim.contains('.'))
                        && (label(truth) == label(claim)
                            || claim.split('.').any(|l| l.eq_ignore_ascii_case(truth))),
            )
        });
    }

    /// Fields of which a host has several.
    fn several(&mut self) {
        let host = self.host;
        let titles: Vec<&str> =
            ["ae_title", "scu_ae", "scp_ae"].iter().filter_map(|name| host.fact(name)).collect();
        self.each("ae_titles", &titles, true, |t, c| right(t == c));
        let remote: Vec<&str> = host.fact("remote_access").into_iter().collect();
        self.each("remote_access", &remote, true, |truth, claim| right(within(truth, claim)));
        let software: Vec<&str> = ["software", "scu_software", "scp_software", "browser"]
            .iter()
            .filter_map(|name| host.fact(name))
            .flat_map(|list| list.split(", "))
            .map(bare)
            .collect();
        self.each("software", &software, false, product);
        let services: Vec<&str> = host
            .fact("service")
            .into_iter()
            .flat_map(|list| list.split(", "))
            .filter(|one| one.contains(':') || one.chars().all(|c| c.is_ascii_lowercase()))
            .collect();
        self.each("services", &services, false, |truth, claim| {
            let (name, port) = truth.split_once(':').unwrap_or((truth, ""));
            let is_port = port.is_empty() || claim.ends_with(&format!("/{port}"));
            let known: &[&str] = match name {
                "https" => &["tls", "https"],
                "netbios" => &["nbns", "netbios", "browser", "nbss"],
                name => &[name],
            };
            let named = known.iter().any(|n| within(n, claim.split(' ').next().unwrap_or("")));
            match (named && !claim.ends_with("client"), is_port) {
                (true, true) => Verdict::Right,
                _ => Verdict::Unjudged,
            }
        });
    }

    fn mac_vendor(&mut self) {
        let host = self.host;
        let truth = host.fact("oui_registry").or_else(|| host.fact("vendor_oui"));
        if truth.is_some() {
            self.single("mac_vendor", truth, |t, c| right(maker::same(t, c)));
        } else if host.has_none("oui_registry") {
            // Nobody's block: then no maker may be named.
            if let Some(claim) = self.first("mac_vendor") {
                self.note("mac_vendor", Verdict::Wrong, "(none)", &claim, String::new());
            }
        }
    }

    /// The first shown value.
    pub(super) fn first(&self, name: &str) -> Option<String> {
        self.asset.and_then(|a| a.first(name)).map(str::to_owned)
    }

    /// One value of each.
    fn single(
        &mut self,
        field: &'static str,
        truth: Option<&str>,
        judge: impl Fn(&str, &str) -> Verdict,
    ) {
        let claim = self.first(field);
        match (truth, claim) {
            (Some(truth), Some(claim)) => {
                let why = self.evidence(field);
                self.note(field, judge(truth, &claim), truth, &claim, why);
            }
            (Some(truth), None) => self.missing(field, field, truth),
            (None, Some(claim)) => {
                let why = self.evidence(field);
                self.note(field, Verdict::Unjudged, "", &claim, why);
            }
            (None, None) => {}
        }
    }

    /// Several values; `closed` when the truth names them all, so that others are wrong.
    fn each(
        &mut self,
        field: &'static str,
        truths: &[&str],
        closed: bool,
        judge: impl Fn(&str, &str) -> Verdict,
    ) {
        let shown: Vec<&Value> = self.asset.into_iter().flat_map(|a| a.shown(field)).collect();
        let mut used = vec![false; shown.len()];
        for truth in truths {
            let best = shown
                .iter()
                .enumerate()
                .map(|(at, value)| (judge(truth, &value.value), at))
                .filter(|(verdict, _)| *verdict != Verdict::Unjudged)
                .min();
            match best {
                Some((verdict, at)) if !closed || verdict == Verdict::Right => {
                    used[at] = true;
                    let why = because(shown[at]);
                    self.note(field, verdict, truth, &shown[at].value, why);
                }
                _ => self.missing(field, field, truth),
            }
        }
        for (value, _) in shown.iter().zip(used).filter(|(_, used)| !used) {
            let wrong = closed && !truths.is_empty();
            let verdict = if wrong { Verdict::Wrong } else { Verdict::Unjudged };
            self.note(field, verdict, &truths.join(", "), &value.value, because(value));
        }
    }

    /// The strongest reason for the first shown value.
    fn evidence(&self, name: &str) -> String {
        self.asset.and_then(|a| a.shown(name).next()).map(because).unwrap_or_default()
    }

    fn missing(&mut self, field: &'static str, attribute: &str, truth: &str) {
        let why = self.why_missing(attribute, truth);
        self.note(field, Verdict::Missing, truth, "", why);
    }

    /// A candidate that was not sure enough, a fact that nobody understood, or nothing.
    fn why_missing(&self, attribute: &str, truth: &str) -> String {
        let Some(asset) = self.asset else { return "host not found".to_owned() };
        let hidden = asset.all(attribute).iter().find(|v| !v.shown);
        if let Some(value) = hidden {
            return format!("only {} at {:.2}: {}", value.value, value.confidence, because(value));
        }
        let shown = |name: &str, value: Option<String>| {
            value.is_some_and(|value| asset.shown(name).any(|s| s.value == value))
        };
        let own = |id: &HostId| {
            shown("ip_addresses", id.ip.map(|ip| ip.to_string()))
                || id.ip.is_none() && shown("mac_addresses", id.mac.map(|mac| mac.to_string()))
        };
        let said = |(_, _, value): &&(HostId, String, String)| within(bare(truth), value);
        let mut facts = self.read.facts.iter().filter(said);
        match (facts.clone().find(|(id, ..)| own(id)), facts.next()) {
            (Some((_, key, value)), _) => format!("no signature took {key}={value}"),
            (None, Some((_, key, value))) => format!("only others say it: {key}={value}"),
            (None, None) => "no fact says it".to_owned(),
        }
    }

    pub(super) fn note(
        &mut self,
        field: &'static str,
        verdict: Verdict,
        truth: &str,
        claim: &str,
        why: String,
    ) {
        let claimed = |value: &&Value| value.value == claim;
        let confidence = self.asset.and_then(|a| a.shown(attribute(field)).find(claimed));
        self.findings.push(Finding {
            field,
            confidence: confidence.map(|value| value.confidence),
            verdict,
            host: self.label.clone(),
            truth: truth.to_owned(),
            claim: claim.to_owned(),
            why,
        });
    }
}

/// The attribute that a field is judged by.
fn attribute(field: &str) -> &str {
    if field == "os_family" { "os_name" } else { field }
}

/// The fact, frame and signature behind a value.
pub(super) fn because(value: &Value) -> String {
    value.reasons.first().map_or_else(String::new, |why| {
        format!(
            "{}={} [{}] {:.2} frame {}",
            why.key, why.value, why.signature, value.confidence, why.frame
        )
    })
}

const fn right(yes: bool) -> Verdict {
    if yes { Verdict::Right } else { Verdict::Wrong }
}

/// Two software products with their versions: "DCMTK 3.6.7" and "OFFIS DCMTK 3.6.7".
fn product(truth: &str, claim: &str) -> Verdict {
    let split = |text: &str| {
        let text = text.replace(['/', '_'], " ");
        let (name, rest): (Vec<_>, Vec<_>) = text
            .split_whitespace()
            .map(str::to_owned)
            .partition(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
        (name.join(" "), rest.first().cloned().unwrap_or_default())
    };
    let generic = |name: &str| name.replace("server", "").replace("client", "");
    let ((name, wanted), (other, got)) = (split(truth), split(claim));
    let (name, other) = (generic(&name), generic(&other));
    if !within(&name, &other) && !within(&other, &name) {
        return Verdict::Unjudged;
    }
    let (wanted, got) = (wanted.to_lowercase(), got.to_lowercase());
    match (wanted.is_empty(), got.is_empty()) {
        (true, _) => Verdict::Right,
        (false, true) => Verdict::Vague,
        (false, false) => {
            if got.starts_with(&wanted) || wanted.starts_with(&got) {
                Verdict::Right
            } else {
                Verdict::Wrong
            }
        }
    }
}
