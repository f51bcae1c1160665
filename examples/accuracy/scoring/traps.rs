//! What a careless reader would conclude, checked where a machine can check it.

use auscult::store::Known;

use super::compare::{Judge, because};
use super::text::{within, words};
use super::truth::Truth;
use super::{Verdict, device, maker, os};

/// A claim below this is no conclusion, where a trap speaks of high confidence.
const HIGH: f64 = 0.7;

/// Checks every trap of the host; those that no rule understands are left out.
pub(super) fn check(truth: &Truth, judge: &mut Judge<'_>) {
    let Some(asset) = judge.asset else { return };
    for trap in &judge.host.must_not_conclude {
        let (text, least) = match trap.split_once(" at high confidence") {
            Some((text, _)) => (text, HIGH),
            None => (trap.as_str(), 0.0),
        };
        match fell(truth, asset, text, least) {
            Some(Some((claim, why))) => judge.note("must_not", Verdict::Wrong, trap, &claim, why),
            Some(None) => judge.note("must_not", Verdict::Right, trap, "", String::new()),
            None => judge.note("must_not", Verdict::Unjudged, trap, "", "not checked".to_owned()),
        }
    }
}

/// What was claimed against the trap, and why.
type Claim = Option<(String, String)>;

/// Whether a value of an attribute passes a test, and which.
type Ask<'a> = dyn Fn(&str, &dyn Fn(&str) -> bool) -> Claim + 'a;

/// None when no rule understands the trap.
fn fell(truth: &Truth, asset: &Known, trap: &str, least: f64) -> Option<Claim> {
    let claim = |name: &str, test: &dyn Fn(&str) -> bool| {
        asset
            .shown(name)
            .find(|v| v.confidence >= least && test(&v.value))
            .map(|v| (format!("{name} {}", v.value), because(v)))
    };
    let lower = trap.to_lowercase();
    if let Some(mac) = lower.strip_prefix("mac ") {
        let mac = mac.split(' ').next().unwrap_or_default();
        return Some(claim("mac_addresses", &|v| v == mac));
    }
    if lower == "model" || lower == "modality" {
        return Some(claim(&lower, &|_| true));
    }
    if lower == "medical vendor" {
        return Some(claim("manufacturer", &|_| true));
    }
    if lower.starts_with("vendor from oui") {
        let of_mac =
            asset.shown("manufacturer").find(|v| v.reasons.iter().all(|r| r.key == "mac.oui"));
        return Some(of_mac.map(|v| (format!("manufacturer {}", v.value), because(v))));
    }
    if let Some((vendor, _)) = trap.split_once(" as ").filter(|(_, of)| of.contains("vendor")) {
        return Some(claim("manufacturer", &|v| maker::same(v, vendor)));
    }
    if let Some(vendor) = trap.strip_prefix("vendor ") {
        return Some(
            claim("manufacturer", &|v| maker::same(v, vendor))
                .or_else(|| claim("mac_vendor", &|v| maker::same(v, vendor))),
        );
    }
    if let Some((product, _)) = trap.split_once(" as ").filter(|(_, of)| of.contains("software")) {
        return Some(claim("software", &|v| within(product, v)));
    }
    if lower.contains("scanner") || lower.contains("received images") {
        return Some(of_another(truth, asset));
    }
    if let Some(classes) = device::named(trap) {
        return Some(claim("device_class", &|v| classes.contains(&v)));
    }
    if lower.starts_with("that ") || lower.contains(" facts of ") || lower.contains(" from ") {
        return None;
    }
    Some(words_claimed(asset, trap, least, &claim))
}

/// A maker or model that is true of an imaging device of the same capture.
fn of_another(truth: &Truth, asset: &Known) -> Claim {
    let scanners = || truth.hosts.iter().filter(|h| h.fact("modality").is_some());
    let fields = [("manufacturer", "vendor"), ("model", "model"), ("serial_number", "serial")];
    fields.iter().find_map(|(field, fact)| {
        let value = asset.shown(field).next()?;
        let theirs =
            scanners().filter_map(|h| h.fact(fact)).any(|f| words(f) == words(&value.value));
        theirs.then(|| (format!("{field} {}", value.value), because(value)))
    })
}

/// The words of the trap in a name that is shown. Of alternatives, all must be the trap.
fn words_claimed(asset: &Known, trap: &str, least: f64, claim: &Ask<'_>) -> Claim {
    let trapped = os::systems(trap);
    let system = asset.shown("os_name").find(|v| {
        let names: Vec<&str> = v.value.split(" / ").collect();
        v.confidence >= least
            && if trapped.is_empty() {
                names.iter().all(|name| within(trap, name))
            } else {
                let claimed = os::systems(&v.value);
                !claimed.is_empty()
                    && claimed.iter().all(|c| trapped.iter().any(|t| t.product == c.product))
            }
    });
    if let Some(value) = system {
        return Some((format!("os_name {}", value.value), because(value)));
    }
    let bare = trap.trim_end_matches(" server");
    claim("manufacturer", &|v| maker::same(v, trap))
        .or_else(|| claim("hostname", &|v| within(trap, v)))
        .or_else(|| claim("software", &|v| within(bare, v)))
        .or_else(|| {
            let maker = asset.first("manufacturer").unwrap_or_default();
            claim("model", &|v| within(trap, &format!("{maker} {v}")))
        })
}
