//! Risk that crosses a level, and who was somebody before.

use std::borrow::Cow;

use super::super::compare::compare;
use super::*;
use crate::store::record::{Attribute, ValueOf};

fn known(values: &[(&'static str, &'static str)]) -> Vec<Attribute<'static>> {
    let attribute = |(name, value): &(&'static str, &'static str)| {
        let (value, reasons) = (Cow::Borrowed(*value), Vec::new());
        let value = ValueOf { value, confidence: 1.0, shown: true, reasons };
        Attribute { name: Cow::Borrowed(*name), values: vec![value] }
    };
    values.iter().map(attribute).collect()
}

#[test]
fn only_upward_and_only_from_the_level_that_is_asked_for() {
    let mut site = Site::new(policy());
    site.present([1], 10);
    let assets = site.census.assets();
    for (before, after, from, told) in [
        ("", "high", Level::High, Some(Severity::Warning)),
        ("low", "critical", Level::High, Some(Severity::Critical)),
        ("high", "critical", Level::High, Some(Severity::Critical)),
        ("low", "medium", Level::High, None),
        ("low", "medium", Level::Medium, Some(Severity::Notice)),
        ("high", "high", Level::Low, None),
        ("critical", "high", Level::Low, None),
        ("high", "", Level::None, None),
    ] {
        let level = |level| match level {
            "" => known(&[]),
            level => {
                known(&[("risk_level", level), ("risk_score", "71"), ("risk_reasons", "SMB 1")])
            }
        };
        let policy = Policy { risk: from, ..policy() };
        let found = compare(&assets[0], &level(before), &level(after), &[], &policy);
        let severity = found.candidates.first().map(|it| it.news.severity);
        assert_eq!(severity, told, "{before} {after}");
        if let Some(it) = found.candidates.first() {
            assert_eq!((it.news.kind, &*it.news.evidence), (Kind::RiskRaised, "SMB 1"));
            assert_eq!((&*it.news.before, &*it.news.after), (before, after));
        }
    }
}

#[test]
fn a_device_whose_risk_is_high_is_told() {
    let mut site = Site::new(Policy { risk: Level::Medium, ..policy() });
    site.present([1, MONITOR], 10);
    site.publish();
    for n in [1, MONITOR] {
        site.say(n, 20, fact("smb.native_os", "Windows 5.1"));
        site.say(n, 20, fact("tls.requests_host", "relay-1.net.anydesk.com"));
        site.say(n, 20, serves(104, "dicom"));
        site.say(n, 20, serves(3389, "rdp"));
        site.say(n, 20, serves(23, "telnet"));
        site.say(n, 20, serves(445, "smb"));
    }
    site.publish();
    let raised: Vec<_> =
        site.alerts().into_iter().filter(|it| it.kind == Kind::RiskRaised).collect();
    assert!(raised.iter().any(|it| it.address == "10.0.0.200"), "{:#?}", site.alerts());
    assert!(raised.iter().all(|it| !it.evidence.is_empty()), "{raised:#?}");
}

#[test]
fn a_peer_that_is_only_recognised_otherwise_is_no_new_one() {
    let mut site = Site::new(policy());
    site.present([1, MONITOR], 10);
    let routed = HostId { ip: Some(ip(7)), ..host(1) };
    site.say_as(routed, 10, Observed::Present(Some(63)));
    site.say(MONITOR, 10, Observed::Peer(routed));
    site.publish();
    // Its own card: another asset, the same machine.
    site.present([7], 20);
    site.present([7], 25);
    site.say(MONITOR, 20, Observed::Peer(host(7)));
    site.publish();
    assert_eq!(site.kinds(), [], "{:#?}", site.alerts());
    site.present([8], 30);
    site.say(MONITOR, 30, Observed::Peer(host(8)));
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice, Kind::NewPeer]);
}
