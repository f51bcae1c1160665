//! What a site writes: mistakes in it, its days.

use super::*;
use crate::time::calendar::Zone;

/// A name that only looks like one of this maker: a class, and no sure one.
const GUESS: (&str, &str) = ("astm.sender", "XN-1000");

#[test]
fn mistakes_are_told_with_their_line_and_key() {
    let risk = |text: &str| RiskBook::from_texts(&[("risk.toml", text)]).unwrap_err().to_string();
    for (text, told) in [
        // (first line empty)
        (
            "\n[rule.tunnel]\nseverity = 3",
            "risk.toml:3: rule.tunnel.severity: `3`: one of the words",
        ),
        (
            "\n[rule.tunnel]\nseverity = 'huge'",
            "risk.toml:3: rule.tunnel.severity: `\"huge\"`: unknown variant",
        ),
        ("[rule.nonsense]\nseverity = 'low'", "risk.toml:1: rule.nonsense: no such rule"),
        (
            "[rule.tunnel]\nseverity = 'low'\n\n[rule.spreadin]\n",
            "risk.toml:4: rule.spreadin: no such rule",
        ),
        ("\n[rule.tunnel]\ntouches = []", "risk.toml:2: tunnel: touches nothing"),
        ("[rule.tunnel]\ntouches = ['all']", "risk.toml:2: rule.tunnel.touches: unknown variant"),
        ("\n\n[limits]\nhub-peers = 0", "risk.toml:3: limits: devices are at least 1"),
        ("[limits]\nmedical-vlan = 0", "devices are at least 1"),
        ("[limits]\nsettled-days = -1", "devices are at least 1"),
        ("[limits]\nhub-peers = 'x'", "risk.toml:2: limits.hub-peers: `\"x\"`: invalid type"),
        ("[limits]\nhubs = 5", "risk.toml:2: limits.hubs: `5`: unknown field"),
        ("\n[limit]\nx = 1", "risk.toml:2: limit: unknown field"),
        ("class = []\n", "risk.toml:1: class: an empty list"),
        (
            "[[class]]\nnames = ['mri']\nsafety = 'low'\neffectiveness = 'low'\ndata = 'low'\nsource = 'x'\n\
             [[class]]\nnames = ['ct']\nsafety = 'low'\n",
            "risk.toml:7: class: missing field",
        ),
        ("[sign-off]\nby = 'x'\non = 'soon'", "risk.toml:1: sign-off: `soon` is no day"),
        ("[likelihood]\nhigh = 2.0", "risk.toml:1: likelihood: not in order"),
    ] {
        let fault = risk(text);
        assert!(fault.contains(told), "{told}: {fault}");
    }
    let support =
        |text: &str| RiskBook::from_texts(&[("support.toml", text)]).unwrap_err().to_string();
    let fault = support("\n[[os]]\nid = 'x'\nname = 3\n");
    assert!(fault.contains("support.toml:4") && fault.contains("expected a string"), "{fault}");
    // What is whole is taken.
    let new = "[rule.own]\nseverity = 'low'\ntouches = ['data']\nexposures = ['x']\n\
               text = 't'\nremedy = 'r'\nsource = 's'\n[limits]\nhub-peers = 1\n";
    assert!(RiskBook::from_texts(&[("risk.toml", new)]).is_ok());
    // What means nothing is told by the check, which `read` and `risk` print too.
    let group = |kind: &str, name: &str| {
        let text = format!(
            "[[{kind}]]\nnames = ['{name}']\nsafety = 'low'\neffectiveness = 'low'\n\
             data = 'low'\nsource = 'x'"
        );
        let book = RiskBook::from_texts(&[("risk.toml", &text)]).expect("understood");
        check(&book, Book::builtin()).iter().map(ToString::to_string).collect::<String>()
    };
    for (kind, name, told) in [
        ("class", "MRI", "MRI: no such class: it changes nothing"),
        ("class", "mri", ""),
        ("category", "medicine", "medicine: no such category: it changes nothing"),
        ("category", "medical", ""),
    ] {
        let said = group(kind, name);
        assert!(said.contains(told) && said.is_empty() == told.is_empty(), "{name}: {said}");
    }
}

#[test]
fn the_last_day_of_an_acceptance_is_the_sites() {
    let book = RiskBook::builtin();
    let of = |zone: &str, hour: i64, until: &str| {
        let text = format!(
            "[[accepted]]\nrule = 'os-unsupported'\nclass = 'mri'\nby = 'board'\n\
             until = '{until}'\nreason = 'r'"
        );
        let mut hospital = Hospital::new();
        hospital.census.keep_time(Zone::named(zone).unwrap());
        hospital.now = START + hour * 3600;
        hospital.fact(MRI);
        hospital.fact(("ntlm.version", "6.1.7601"));
        let accepted = Accepted::parse(&text, book).expect("understood");
        hospital.census.judge_by(book.clone().accepting(accepted));
        let it = hospital.finding("os-unsupported").expect("listed");
        (it.accepted.is_some(), it.lapsed.is_some())
    };
    let (holds, lapsed) = ((true, false), (false, true));
    for (zone, hour, until, is) in [
        ("UTC", 0, "2026-11-22", holds),
        ("UTC", 0, "2026-11-21", lapsed),
        // Five hours behind: it is still the evening before.
        ("America/Havana", 4, "2026-11-21", holds),
        ("America/Havana", 5, "2026-11-21", lapsed),
        // Nine hours ahead: it is the next morning.
        ("Asia/Tokyo", 14, "2026-11-22", holds),
        ("Asia/Tokyo", 15, "2026-11-22", lapsed),
    ] {
        assert_eq!(of(zone, hour, until), is, "{zone} {hour} {until}");
    }
}

#[test]
fn a_guess_of_what_it_is_makes_it_no_only_one() {
    let steps = |key: &'static str, value: &'static str| {
        let mut hospital = Hospital::new();
        hospital.fact((key, value));
        let it = hospital.assessment();
        let is_missing = it.missing.iter().any(|name| name == "device_class");
        (is_missing, it.impact.iter().any(|it| it.what == "unique"))
    };
    assert_eq!(steps(MRI.0, MRI.1), (false, true));
    // What it shows by a guess, as the register does.
    let (is_missing, is_unique) = steps(GUESS.0, GUESS.1);
    assert!(is_missing && !is_unique, "{is_missing} {is_unique}");
}
