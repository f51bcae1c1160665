//! What documents say is fixed, and what entries of the list may lack.

use super::*;

/// A document about Pump 7: `<= 4.5` is affected by both CVEs; then branches, and what is
/// said of them.
fn pump(branches: &str, first: &str, second: &str) -> String {
    format!(
        r#"{{"document": {{"tracking": {{"id": "X-1", "initial_release_date": "2024-01-01T00:00:00Z",
        "current_release_date": "2024-01-01T00:00:00Z", "version": "1"}}}},
        "product_tree": {{"branches": [{{"category": "vendor", "name": "Philips", "branches": [
        {{"category": "product_name", "name": "Pump 7", "branches": [
        {{"category": "product_version_range", "name": "<= 4.5", "product": {{"product_id": "P1"}}}}{branches}]}}]}}]}},
        "vulnerabilities": [
        {{"cve": "CVE-2024-0001", "product_status": {{"known_affected": ["P1"]{first}}}}},
        {{"cve": "CVE-2024-0002", "product_status": {{"known_affected": ["P1"]{second}}}}}]}}"#
    )
}

#[test]
fn what_is_said_to_be_fixed_is_fixed_and_nothing_else() {
    let version = |name: &str| {
        format!(
            r#", {{"category": "product_version", "name": "{name}", "product": {{"product_id": "P2"}}}}"#
        )
    };
    let narrow = r#", {"category": "product_version", "name": "V4.1", "branches": [
        {"category": "patch_level", "name": "3", "product": {"product_id": "P2"}}]}"#;
    let (fixed, first_fixed, free) =
        (r#", "fixed": ["P2"]"#, r#", "first_fixed": ["P2"]"#, r#", "known_not_affected": ["P2"]"#);
    let (asked, better) = (r#", "under_investigation": ["P2"]"#, r#", "recommended": ["P2"]"#);
    let both = r#", "fixed": ["P1"]"#;
    let v41 = version("V4.1");
    for (branches, first, second, read, verdict, cves) in [
        (v41.as_str(), fixed, fixed, "V4.1", Verdict::Fixed, 2),
        (&v41, first_fixed, free, "4.1", Verdict::Fixed, 2),
        // Of one weakness alone.
        (&v41, fixed, "", "V4.1", Verdict::Affected, 1),
        // Another version, one that may be another, and one that is above all.
        (&v41, fixed, fixed, "V4.0", Verdict::Affected, 2),
        (&v41, fixed, fixed, "V4.1.7", Verdict::Affected, 2),
        (&v41, fixed, fixed, "V4.6", Verdict::Fixed, 2),
        // A patch that nobody sees; words that say nothing of the kind; both at once.
        (narrow, fixed, fixed, "V4.1", Verdict::Affected, 2),
        (&v41, asked, better, "V4.1", Verdict::Affected, 2),
        ("", both, both, "V4.1", Verdict::Affected, 2),
        // A range, one that cannot be read, and the very text.
        (&version("4.1 - 4.3"), fixed, fixed, "4.2", Verdict::Fixed, 2),
        (&version("4.1 or so"), fixed, fixed, "4.1", Verdict::Affected, 2),
        (&version("syngo 4.1"), fixed, fixed, "syngo 4.1", Verdict::Fixed, 2),
        (&version("vers:all/*"), fixed, fixed, "4.1", Verdict::Affected, 2),
    ] {
        let text = pump(branches, first, second);
        let mut set = Set::default();
        assert!(take("a.json", text.as_bytes(), &mut set).is_ok(), "{text}");
        let text = set.to_text();
        assert_eq!(Set::parse(&text), Ok(written(set)), "{text}");
        let all = Advisories::from_texts(Some(&text), None).expect("sound");
        let with = |confidence| {
            let mut pump = device(&[("manufacturer", "Philips"), ("model", "Pump 7")]);
            pump.add("software_version", read, confidence);
            let found = all.of(&pump);
            (found[0].verdict, found[0].cves.len(), found[0].because.contains("said to be fixed"))
        };
        let said = first != asked && first != both && (verdict == Verdict::Fixed || cves == 1);
        assert_eq!(with(0.9), (verdict, cves, said && read != "V4.6"), "{read}: {text}");
        assert_eq!(with(0.4).0, Verdict::Possible, "{read}: a guess clears nobody");
    }
}

#[test]
fn entries_without_what_is_for_people_count_and_others_are_named() {
    let entry = |fields: &str| {
        format!(
            r#"{{"catalogVersion": "1", "vulnerabilities": [{fields},
        {{"cveID": "CVE-2017-0144", "vendorProject": "M", "product": "P", "dateAdded": "2022-02-10"}}]}}"#
        )
    };
    let (cve, day) = (r#""cveID": "CVE-2026-0003""#, r#""dateAdded": "2026-01-02""#);
    for (fields, why) in [
        (format!(r#"{{{cve}, {day}, "knownRansomwareCampaignUse": null}}"#), ""),
        (format!(r#"{{{cve}, {day}, "vendorProject": null, "product": null}}"#), ""),
        (format!(r#"{{{cve}, "dateAdded": null}}"#), "entry 1 CVE-2026-0003: no day"),
        (format!(r#"{{"cveID": null, {day}}}"#), "entry 1: no CVE"),
        (format!(r#"{{"cveID": "nonsense", {day}}}"#), "entry 1 NONSENSE: no CVE"),
        (format!(r#"{{"cveID": "CVE-26-1", {day}}}"#), "entry 1 CVE-26-1: no CVE"),
        (format!(r#"{{{cve}, {day}, "product": 5}}"#), "entry 1: a field is no text"),
    ] {
        let mut set = Set::default();
        let taken = take("kev.json", entry(&fields).as_bytes(), &mut set);
        let Ok(Taken::List { left_out, named, .. }) = taken else { panic!("{fields}: {taken:?}") };
        assert_eq!((left_out, named.join("|").as_str()), (usize::from(!why.is_empty()), why));
        assert_eq!(set.exploited.len(), 2 - left_out, "{fields}");
    }
    // Of many the first are named, and all are counted.
    let many = vec!["null"; 500].join(",");
    let mut set = Set::default();
    let taken = take("kev.json", entry(&many).as_bytes(), &mut set);
    let Ok(Taken::List { left_out, named, .. }) = taken else { panic!("{taken:?}") };
    assert_eq!((left_out, named.len()), (500, 20));
}
