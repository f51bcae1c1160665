//! Who is in a VLAN, and what that says of it.

use super::*;

#[test]
fn no_stranger_takes_the_finding_from_the_others() {
    let degree = |medical: u8, strangers: u8, vlan: u16| {
        let mut hospital = Hospital { vlan, ..Hospital::new() };
        hospital.say(1, Observed::Present(Some(64)));
        hospital.medical(100..100 + medical);
        for card in 2..=strangers {
            hospital.say(card, Observed::Present(Some(64)));
        }
        hospital.finding("unknown-in-medical-vlan").map(|it| it.degree)
    };
    // The first is a stranger itself.
    assert_eq!(degree(3, 3, 20), Some(1.0));
    for strangers in 4..40 {
        let [before, after] = [strangers, strangers + 1].map(|n| degree(3, n, 20));
        let (before, after) = (before.expect("still"), after.expect("still"));
        assert!(before - after <= 0.25 && after >= 0.1, "{strangers}: {before} {after}");
    }
    // Where there are no tags it takes more than three.
    assert_eq!((degree(19, 1, 0), degree(20, 1, 0)), (None, Some(1.0)));
    // Those of which it is known that they are something else have a vote.
    let mut hospital = Hospital::new();
    hospital.medical(2..5);
    for card in 5..9 {
        assert!(hospital.finding("unknown-in-medical-vlan").is_some(), "{card}");
        hospital.say(card, Observed::Present(Some(64)));
        let key = Key::new("dhcp.vendor_class");
        hospital.say(card, Observed::Fact(key, "Hewlett-Packard JetDirect".into()));
    }
    assert!(hospital.finding("unknown-in-medical-vlan").is_none());
}
