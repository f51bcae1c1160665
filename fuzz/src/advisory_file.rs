//! Any bytes as files of a directory that is imported: documents of CSAF, a list of
//! exploited weaknesses as JSON or CSV. Each is taken or refused in one line; what was taken
//! is the same again once it is written and read.
//!
//! Input: files, a zero byte between two.

use auscult::census::advisory::{Advisories, Device, Set, Versions, take};

/// Files to begin with: one of each kind.
pub const EXAMPLES: [&str; 3] = [
    r#"{"document": {"tracking": {"id": "ICSMA-99-001-01", "version": "2",
"initial_release_date": "2019-01-02T07:00:00Z", "current_release_date": "2020-03-04T07:00:00Z"}},
"product_tree": {"branches": [{"category": "vendor", "name": "Maker", "branches": [
{"category": "product_name", "name": "Pump 7", "branches": [
{"category": "product_version_range", "name": "<= 2.5", "product": {"product_id": "P1"}},
{"category": "product_version_range", "name": "vers:all/*", "product": {"product_id": "P2"}}]}]}],
"product_groups": [{"group_id": "G1", "product_ids": ["P1", "P2"]}],
"relationships": [{"product_reference": "P1", "relates_to_product_reference": "P2",
"full_product_name": {"product_id": "P3"}}]},
"vulnerabilities": [{"cve": "CVE-2019-0001", "product_status": {"known_affected": ["G1", "P3"],
"fixed": ["P2"]}, "scores": [{"products": ["P1"], "cvss_v3": {"baseScore": 7.5}}]}]}"#,
    r#"{"catalogVersion": "2025.01.02", "dateReleased": "2025-01-02T03:04:05Z", "count": 1,
"vulnerabilities": [{"cveID": "CVE-2019-0001", "vendorProject": "Maker", "product": "Pump",
"dateAdded": "2021-01-01", "knownRansomwareCampaignUse": "Known"}]}"#,
    "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,\
dueDate,knownRansomwareCampaignUse,notes\nCVE-2019-0001,Maker,Pump,,2021-01-01,,,,Unknown,\n",
];

/// Imports `input`, and asks what came of it.
pub fn run(input: &[u8]) {
    for name in ["a.json", "a.csv"] {
        let mut set = Set::default();
        for file in input.split(|&b| b == 0).take(8) {
            if let Err(why) = take(name, file, &mut set) {
                assert!(!why.is_empty() && !why.contains('\n'), "refused with {why:?}");
            }
        }
        let text = set.to_text();
        let again = match Set::parse(&text) {
            Ok(again) => again,
            Err((line, why)) => panic!("line {line}: {why} in {text}"),
        };
        assert_eq!(again.to_text(), text, "it is another when it is read again");
        if !again.advisories.is_empty() {
            ask(&again);
        }
    }
    // And as a set that somebody has written himself.
    if let Ok(set) = Set::parse(&String::from_utf8_lossy(input)) {
        ask(&set);
    }
}

fn ask(set: &Set) {
    let all = match Advisories::from_texts(Some(&set.to_text()), None) {
        Ok(all) => all,
        Err(faults) => panic!("{faults}"),
    };
    for product in set.advisories.values().flat_map(|it| &it.products).take(16) {
        if let Some(versions) = Versions::parse(&product.versions) {
            let _ = versions.to_string();
        }
        let mut device = Device::default();
        device.add("manufacturer", &product.maker, 0.9);
        device.add("model", &product.name, 0.9);
        device.add("software_version", "2.5", 0.9);
        for it in all.of(&device) {
            assert!((0.0..=1.0).contains(&it.confidence), "sure by {}", it.confidence);
        }
    }
}
