//! Documents of our own, hostile ones, and devices both ways.

mod halves;

use super::*;

/// A document as CISA lays them out.
const DOCUMENT: &str = r#"{
  "document": {"category": "csaf_security_advisory", "title": "not kept",
    "tracking": {"id": "ICSMA-99-001-01", "initial_release_date": "2019-01-02T07:00:00.000000Z",
      "current_release_date": "2020-03-04T07:00:00Z", "version": "2"}},
  "product_tree": {"branches": [{"category": "vendor", "name": "Phillips", "branches": [
    {"category": "product_name", "name": "Phillips Pump 7", "branches": [
      {"category": "product_version_range", "name": "<= 2.5", "product": {"name": "n", "product_id": "P1"}},
      {"category": "product_version", "name": "3.1 | 3.2", "product": {"name": "n", "product_id": "P2"}}]},
    {"category": "product_name", "name": "Pump 8", "branches": [
      {"category": "product_version_range", "name": "vers:all/*", "product": {"name": "n", "product_id": "P3"}}]},
    {"category": "product_name", "name": "Pump 9", "branches": [
      {"category": "product_version_range", "name": "< 9", "product": {"name": "n", "product_id": "P4"}},
      {"category": "product_version_range", "name": ">= 9", "product": {"name": "n", "product_id": "P5"}}]}]}]},
  "vulnerabilities": [
    {"cve": "CVE-2019-0001", "notes": [{"text": "not kept"}],
     "product_status": {"known_affected": ["P1", "P2"], "fixed": ["P5"]},
     "scores": [{"products": ["P1"], "cvss_v3": {"baseScore": 7.5}}, {"cvss_v3": {"baseScore": 9.8}}]},
    {"cve": "CVE-2019-0002", "product_status": {"known_affected": ["P1", "P3"]},
     "scores": [{"cvss_v2": {"baseScore": 5}}]}]
}"#;

const LIST: &str = r#"{"catalogVersion": "2025.01.02", "dateReleased": "2025-01-02T03:04:05.6Z", "count": 2,
  "vulnerabilities": [
    {"cveID": "CVE-2019-0002", "vendorProject": "Phillips", "product": "Pump", "dateAdded": "2021-01-01",
     "shortDescription": "not kept", "knownRansomwareCampaignUse": "Known"},
    {"cveID": "CVE-2017-0144", "vendorProject": "Microsoft", "product": "SMBv1",
     "dateAdded": "2022-02-10", "knownRansomwareCampaignUse": "Unknown"}]}"#;

fn imported() -> Set {
    let mut set = Set::default();
    assert!(matches!(
        take("a.json", DOCUMENT.as_bytes(), &mut set),
        Ok(Taken::Advisory { left_out: 0, again: false })
    ));
    assert!(matches!(
        take("kev.json", LIST.as_bytes(), &mut set),
        Ok(Taken::List { left_out: 0, .. })
    ));
    set
}

fn device(values: &[(&str, &str)]) -> Device {
    let mut device = Device::default();
    for (name, value) in values {
        match *name {
            "serves" => device.serves(value),
            name => device.add(name, value, 0.9),
        }
    }
    device
}

/// Advisory, verdict and whether it is exploited.
fn of(all: &Advisories, values: &[(&str, &str)]) -> Vec<(String, Verdict, bool)> {
    let found = all.of(&device(values)).into_iter();
    found.map(|it| (it.advisory, it.verdict, it.exploited)).collect()
}

#[test]
fn a_document_and_the_list_become_a_set_and_nothing_else_of_them() {
    let set = imported();
    assert_eq!(
        (set.csaf(), set.kev.as_str(), set.date()),
        ("2020-03-04", "2025-01-02", "2020-03-04")
    );
    let advisory = &set.advisories["ICSMA-99-001-01"];
    let named: Vec<_> =
        advisory.products.iter().map(|it| (&*it.name, &*it.versions, &it.cves[..])).collect();
    assert_eq!(
        named,
        [
            ("Phillips Pump 7", "3.1 | 3.2", &[0][..]),
            ("Phillips Pump 7", "<= 2.5", &[0, 1]),
            ("Pump 8", "vers:all/*", &[1]),
            // Of P4 nothing is said: in which versions is not certain. P5 is fixed.
            ("Pump 9", "", &[0, 1]),
        ]
    );
    assert_eq!(advisory.cves[0].score, Some(9.8));
    assert_eq!(advisory.cves[1].score, Some(5.0));
    assert!(
        set.exploited["CVE-2019-0002"].ransomware && !set.exploited["CVE-2017-0144"].ransomware
    );
    let text = set.to_text();
    assert!(
        !text.contains("not kept") && text.contains("P\tPhillips\tPump 8\tvers:all/*\t2\n"),
        "{text}"
    );
    assert_eq!(Set::parse(&text), Ok(written(set)));
}

/// As it is written: what only tells documents from one another is not.
fn written(mut set: Set) -> Set {
    for it in set.advisories.values_mut() {
        (it.moment, it.revision) = (None, Vec::new());
    }
    set
}

#[test]
fn the_list_is_read_from_csv_too() {
    let csv = "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,\
               requiredAction,dueDate,knownRansomwareCampaignUse,notes,cwes\n\
               CVE-2019-0708,Microsoft,\"Remote, Desktop\",n,2021-11-03,d,r,2022-05-03,Known,,\n";
    let mut set = Set::default();
    assert!(matches!(
        take("kev.csv", csv.as_bytes(), &mut set),
        Ok(Taken::List { left_out: 0, .. })
    ));
    assert_eq!(
        (set.kev.as_str(), &*set.exploited["CVE-2019-0708"].product),
        ("2021-11-03", "Remote, Desktop")
    );
    assert!(matches!(take("other.csv", b"a,b\n1,2\n", &mut set), Ok(Taken::Nothing)));
    // An older list does not take the place of a later one.
    assert!(take("kev.json", LIST.as_bytes(), &mut set).is_ok());
    assert!(take("kev.csv", csv.as_bytes(), &mut set).is_ok());
    assert_eq!(set.kev, "2025-01-02");
    let twice = csv.replace(
        "r,2022-05-03,Known,,\n",
        "r,2022-05-03,Known,,\nCVE-2019-0708,M,P,n,2021-11-04,d,r,2022-05-03,Unknown,,\n",
    );
    let mut set = Set::default();
    assert!(matches!(
        take("kev.csv", twice.as_bytes(), &mut set),
        Ok(Taken::List { again: false, .. })
    ));
    let known = &set.exploited["CVE-2019-0708"];
    assert!(known.ransomware && known.added == "2021-11-03");
    assert!(matches!(
        take("kev.csv", csv.as_bytes(), &mut set),
        Ok(Taken::List { again: true, .. })
    ));
}

#[test]
fn products_outside_of_branches_are_known_by_their_cpe() {
    let document = |helper: &str| {
        format!(
            r#"{{"document": {{"tracking": {{"id": "X-1", "initial_release_date": "2024-01-01T00:00:00Z",
            "current_release_date": "2024-01-01T00:00:00Z", "version": "1", "status": "final"}}}},
            "product_tree": {{"full_product_names": [{{"name": "Acme Pump 3", "product_id": "P1"{helper}}}]}},
            "vulnerabilities": [{{"cve": "CVE-2024-0001", "product_status": {{"known_affected": ["P1"]}}}}]}}"#
        )
    };
    let mut set = Set::default();
    let helper =
        r#", "product_identification_helper": {"cpe": "cpe:2.3:h:acme:pump:3:*:*:*:*:*:*:*"}"#;
    assert!(take("x.json", document(helper).as_bytes(), &mut set).is_ok());
    let product = &set.advisories["X-1"].products[0];
    assert_eq!((&*product.maker, &*product.name, &*product.versions), ("acme", "pump", "3"));
    let why = take("x.json", document("").as_bytes(), &mut set).map(drop).unwrap_err();
    assert!(why.contains("without their makers"), "{why}");
}

#[test]
fn cut_anywhere_it_is_refused_and_the_set_stays() {
    for text in [DOCUMENT, LIST] {
        for end in 0..text.len() {
            let mut set = Set::default();
            if let Some(cut) = text.as_bytes().get(..end) {
                assert!(take("a.json", cut, &mut set).is_err(), "{end}");
            }
            assert_eq!(set, Set::default());
        }
    }
    // A set that is cut is refused or shorter.
    let text = imported().to_text();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let _ = Set::parse(&text[..end]);
    }
}

#[test]
fn wrong_and_huge_documents_are_refused() {
    let tree = |branches: &str, cve: &str| {
        format!(
            r#"{{"document": {{"tracking": {{"id": "X-1", "initial_release_date": "2019-01-02",
            "current_release_date": "2019-01-02"}}}}, "product_tree": {{"branches": [{branches}]}},
            "vulnerabilities": [{cve}]}}"#
        )
    };
    let deep = |levels: usize| {
        let open = r#"{"category": "vendor", "name": "n", "branches": ["#.repeat(levels);
        format!("{open}{}", "]}".repeat(levels))
    };
    let ids = |count: usize| vec!["\"P\""; count].join(",");
    let affected = |ids: &str| {
        format!(r#"{{"cve": "CVE-1-1", "product_status": {{"known_affected": [{ids}]}}}}"#)
    };
    let broken = [
        tree(&deep(20), ""),
        tree(&deep(100_000), ""),
        "[".repeat(200_000),
        tree("", &affected(&ids(20_001))),
        tree("", &affected("7")),
        tree("", &affected(&ids(3))),
        tree("{}", ""),
        tree("", "").replace("X-1", "\u{1b}[31m"),
        tree("", "").replace("2019-01-02", "2019-13-02"),
        DOCUMENT.replace("\"Phillips\"", "7"),
    ];
    for text in broken {
        let shown: String = text.chars().take(80).collect();
        assert!(take("a.json", text.as_bytes(), &mut Set::default()).is_err(), "{shown}");
    }
    let huge = " ".repeat(csaf::MAX_BYTES) + DOCUMENT;
    assert!(take("a.json", huge.as_bytes(), &mut Set::default()).is_err());
    assert!(
        take("a.json", b"{\"a\": 1}", &mut Set::default())
            .is_ok_and(|it| matches!(it, Taken::Nothing))
    );
    // What would be a line or a field of the set, or colour a terminal, is none.
    let hostile = DOCUMENT.replace("Pump 8", "Pump\\t8\\nK\\u001b[31m\\u202e");
    let mut set = Set::default();
    assert!(take("a.json", hostile.as_bytes(), &mut set).is_ok());
    let text = set.to_text();
    assert!(text.contains("\tPump 8 K[31m\t") && Set::parse(&text) == Ok(written(set)), "{text}");
}

#[test]
fn sets_that_are_none_are_refused_with_their_line() {
    let title = "# auscult advisories 1\n";
    for (text, line) in [
        ("", 1),
        ("A\n", 1),
        ("# auscult advisories 2\n", 1),
        ("# auscult advisories 1\nP\ta\tb\tc\t*\n", 2),
        ("# auscult advisories 1\nA\tX-1\t2019-01-02\tsoon\t\n", 2),
        ("# auscult advisories 1\nA\tX 1\t2019-01-02\t2019-01-02\t\n", 2),
        ("# auscult advisories 1\nA\tX-1\t2019-01-02\t2019-01-02\tCVE-1:11\n", 2),
        ("# auscult advisories 1\nA\tX-1\t2019-01-02\t2019-01-02\tCVE-1\nP\ta\tb\tc\t2\n", 3),
        ("# auscult advisories 1\nK\tCVE-1\n", 2),
        ("# auscult advisories 1\nrubbish\n", 2),
    ] {
        assert_eq!(Set::parse(text).map_err(|it| it.0), Err(line), "{text}");
    }
    assert_eq!(Set::parse(title), Ok(Set::default()));
}

#[test]
fn a_product_that_is_called_as_it_is_needs_no_alias() {
    let all = Advisories::from_texts(Some(&imported().to_text()), None).expect("sound");
    let id = || "ICSMA-99-001-01".to_owned();
    let pump = |model, version| {
        of(&all, &[("manufacturer", "Philips"), ("model", model), ("software_version", version)])
    };
    // CVE-2019-0002 is exploited, and applies to the first range alone.
    assert_eq!(pump("Pump 7", "2.4"), [(id(), Verdict::Affected, true)]);
    assert_eq!(pump("PUMP-7", "3.1"), [(id(), Verdict::Affected, false)]);
    assert_eq!(pump("Pump 7", "3.3"), [(id(), Verdict::Fixed, true)]);
    // Above the first range, below the second, which has the other weakness alone.
    assert_eq!(pump("Pump 7", "2.9"), [(id(), Verdict::Possible, false)]);
    assert_eq!(pump("Pump 7", "build of today"), [(id(), Verdict::Possible, true)]);
    assert_eq!(pump("Pump 8", "1.0"), [(id(), Verdict::Possible, true)]);
    assert_eq!(pump("Pump 9", "8"), [(id(), Verdict::Possible, true)]);
    assert_eq!(pump("Pump 10", "1.0"), []);
    let other = [("manufacturer", "Sysmex"), ("model", "Pump 7"), ("software_version", "2.4")];
    assert_eq!(of(&all, &other), [], "another maker's");
    assert_eq!(of(&all, &[("model", "Pump 7")]), [], "nobody knows whose");
    let found = all.of(&device(&[
        ("manufacturer", "Philips"),
        ("model", "Pump 7"),
        ("software_version", "2.4"),
    ]));
    let because = &found[0].because;
    assert!(
        because.contains("model=Pump 7") && because.contains("2.4") && because.contains("<= 2.5"),
        "{because}"
    );
    assert_eq!((found[0].score, found[0].confidence), (Some(9.8), 0.9));
    assert_eq!(found[0].cves, ["CVE-2019-0001", "CVE-2019-0002"]);
}

#[test]
fn a_version_that_is_only_likely_decides_nothing() {
    let all = Advisories::from_texts(Some(&imported().to_text()), None).expect("sound");
    let mut pump = device(&[("manufacturer", "Philips"), ("model", "Pump 7")]);
    pump.add("software_version", "2.4", 0.45);
    assert_eq!(all.of(&pump)[0].verdict, Verdict::Possible);
}

#[test]
fn components_are_one_match_each_and_patches_are_not_seen() {
    let all = Advisories::builtin();
    let windows = [("os_name", "Windows 7"), ("exposure", "smb1-server"), ("serves", "rdp")];
    let id = str::to_owned;
    assert_eq!(
        of(all, &windows),
        [(id("BlueKeep"), Verdict::Possible, true), (id("MS17-010"), Verdict::Possible, true)]
    );
    assert_eq!(
        of(all, &[("os_name", "Windows 7"), ("serves", "smb")]),
        [],
        "an old system alone is none"
    );
    assert_eq!(of(all, &[("os_name", "Debian"), ("exposure", "smb1-server")]), []);
    let dcmtk = |version: &str| of(all, &[("software", version)]);
    assert_eq!(dcmtk("DCMTK 3.6.2"), [(id("ICSMA-22-174-01"), Verdict::Affected, false)]);
    assert_eq!(dcmtk("DCMTK 3.6.7"), [(id("ICSMA-22-174-01"), Verdict::Fixed, false)]);
    assert_eq!(dcmtk("DCMTK"), [(id("ICSMA-22-174-01"), Verdict::Possible, false)]);
    assert_eq!(dcmtk("pynetdicom 2.0.2"), []);
    let mirth = |version: &str| of(all, &[("software", version)]);
    assert_eq!(mirth("Mirth Connect 4.3.0"), [(id("Mirth-Connect"), Verdict::Affected, true)]);
    assert_eq!(mirth("Mirth Connect 4.5.2"), [(id("Mirth-Connect"), Verdict::Fixed, true)]);
    // Distributions mend Samba and keep its number.
    assert_eq!(
        of(all, &[("software", "Samba 4.3.11")]),
        [(id("SambaCry"), Verdict::Possible, true)]
    );
    assert_eq!(of(all, &[("software", "Samba 4.17.12")]), [(id("SambaCry"), Verdict::Fixed, true)]);
}

#[test]
fn what_comes_along_is_sound() {
    let all = Advisories::builtin();
    assert_eq!(check(all), []);
    assert!(all.set().advisories.len() > 100 && all.set().exploited.len() > 1000);
    assert_eq!(Set::parse(&all.set().to_text()).as_ref(), Ok(all.set()));
}

#[test]
fn aliases_of_the_site_are_laid_over_and_checked() {
    let block = |more: &str| {
        format!(
            "[[product]]\nid = \"own\"\nmaker = \"Philips\"\nproducts = [\"Pump 8\"]\n\
             device = {{ model = \"P8\" }}\nexamples = [{{ device = {{ model = \"P8\" }} }}]\n{more}"
        )
    };
    let set = imported().to_text();
    let with = |aliases: &str| Advisories::from_texts(Some(&set), Some(aliases));
    let all = with(&block("")).expect("sound");
    assert_eq!(of(&all, &[("manufacturer", "Philips"), ("model", "P8")]).len(), 1);
    for broken in [
        block("sure = 2.0"),
        block("unknown = 1"),
        block("cves = [\"CVE-1\"]"),
        block("version = { model = \"P8\" }"),
        block("").replace("Philips", "Nobody"),
        block("").replace("\"P8\" }\nexa", "\"(\" }\nexa"),
        "[[weakness]]\nid = \"w\"\ndevice = {}\nexamples = []".to_owned(),
    ] {
        assert!(with(&broken).is_err(), "{broken}");
    }
    let untrue = block("").replace(
        "examples = [{ device = { model = \"P8\"",
        "examples = [{ device = { model = \"P9\"",
    );
    let faults = check(&with(&untrue).expect("sound"));
    assert!(faults.iter().any(|it| it.id == "own"), "{faults:?}");
}

#[test]
fn what_is_wrong_in_one_entry_costs_no_other() {
    let mut set = Set::default();
    let marked = [b"\xef\xbb\xbf", DOCUMENT.replace("7.5", "\"7.5\"").as_bytes()].concat();
    let marked = String::from_utf8(marked).expect("text").replace("9.8", "\" 9.9 \"");
    let taken = take("a.json", marked.as_bytes(), &mut set);
    assert!(matches!(taken, Ok(Taken::Advisory { left_out: 0, again: false })), "{taken:?}");
    assert_eq!(set.advisories["ICSMA-99-001-01"].cves[0].score, Some(9.9));
    // Scores that are none are counted; the rest of the document stands.
    for none in ["\"high\"", "-5", "{}", "\"NaN\""] {
        let mut set = Set::default();
        let taken = take("a.json", DOCUMENT.replace("9.8", none).as_bytes(), &mut set);
        assert!(matches!(taken, Ok(Taken::Advisory { left_out: 1, .. })), "{none}: {taken:?}");
        assert_eq!(set.advisories["ICSMA-99-001-01"].cves[0].score, Some(7.5), "{none}");
    }
    // Of two revisions the newer one stays, in whichever order they come.
    let newer = DOCUMENT.replace("2020-03-04", "2021-03-04").replace("9.8", "8.8");
    for pair in [[DOCUMENT, &newer], [&newer, DOCUMENT]] {
        let mut set = Set::default();
        let [_, second] = pair.map(|it| take("a.json", it.as_bytes(), &mut set));
        assert!(matches!(second, Ok(Taken::Advisory { again: true, .. })), "{second:?}");
        assert_eq!((set.advisories.len(), set.csaf()), (1, "2021-03-04"));
    }
    // A list with entries that have no product, no CVE, or are none.
    let list = LIST.replace(r#""product": "SMBv1","#, "").replace(
        r#""vulnerabilities": ["#,
        r#""vulnerabilities": [null, {"cveID": 5}, {"cveID": "CVE-2020-0001"}, "#,
    );
    let mut set = Set::default();
    let taken = take("kev.json", list.as_bytes(), &mut set);
    assert!(matches!(taken, Ok(Taken::List { left_out: 3, .. })), "{taken:?}");
    assert_eq!(set.exploited.len(), 2);
    let csv = "cveID,vendorProject,product,dateAdded\nCVE-2020-0001,a,b,2021-01-01\nx\n,,,\n";
    let mut set = Set::default();
    let taken = take("kev.csv", csv.as_bytes(), &mut set);
    assert!(matches!(taken, Ok(Taken::List { left_out: 2, .. })), "{taken:?}");
}

#[test]
fn of_two_of_a_day_the_later_revision_stays_whatever_its_name() {
    let of = |version: &str, name: &str| {
        let text = DOCUMENT.replace(r#""version": "2""#, &format!(r#""version": "{version}""#));
        text.replace("Pump 8", name)
    };
    for (first, second, stays) in [
        ("10", "9", "first"),
        ("9", "10", "second"),
        ("1.2.10", "1.2.9", "first"),
        ("1.10.0", "1.9.9", "first"),
        ("2", "1.9.9", "first"),
        ("1", "1.0.1", "second"),
        ("3", "3", "second"),
        ("", "1", "second"),
        ("1", "final", "first"),
        ("0", "final", "first"),
        // A pre-release comes before its release, and after the one before.
        ("2.0.0", "2.0.0-draft", "first"),
        ("2.0.0-draft", "2.0.0", "second"),
        ("2.0.0", "2.0.0-1.rc", "first"),
        ("2.0.0-2.rc", "2.0.0-1.rc", "first"),
        ("2.0.0-1.rc", "1.9.9", "first"),
        ("2", "2.0.0-1", "first"),
        ("1.0.0+9", "1.0.0+10", "second"),
        ("18446744073709551617", "18446744073709551616", "first"),
        (r#"2", "status": "final"#, r#"2", "status": "draft"#, "first"),
        (r#"2", "status": "interim"#, r#"2", "status": "DRAFT"#, "first"),
    ] {
        let mut set = Set::default();
        for (version, name) in [(first, "first"), (second, "second")] {
            assert!(take("a.json", of(version, name).as_bytes(), &mut set).is_ok());
        }
        let names: Vec<_> =
            set.advisories.values().flat_map(|it| &it.products).map(|it| &*it.name).collect();
        assert!(names.contains(&stays), "{first} {second}: {names:?}");
    }
}

#[test]
fn of_two_the_one_of_the_later_moment_stays_however_it_is_written() {
    let of = |date: &str, name: &str| {
        DOCUMENT.replace("2020-03-04T07:00:00Z", date).replace("Pump 8", name)
    };
    for (first, second, stays) in [
        // The evening of the fourth in New York is the fifth in Tokyo, and earlier there.
        ("2020-03-04T23:30:00-05:00", "2020-03-05T08:00:00+09:00", "first"),
        ("2020-03-05T08:00:00+09:00", "2020-03-04T23:30:00-05:00", "second"),
        ("2020-03-04T07:00:00Z", "2020-03-04T08:30:00+02:00", "first"),
        ("2020-03-04T07:00:00.5Z", "2020-03-04T07:00:00Z", "first"),
        ("2020-03-04T07:00:00.25Z", "2020-03-04T07:00:00.3Z", "second"),
        ("2020-03-04T07:00:00.0000000000001Z", "2020-03-04T07:00:00.0Z", "second"),
        ("2020-03-04T07:00:01", "2020-03-04T07:00:00Z", "first"),
        ("2020-03-05", "2020-03-04T23:59:59Z", "first"),
        ("2020-03-04 at noon", "2020-03-03T23:59:59Z", "first"),
    ] {
        let mut set = Set::default();
        for (date, name) in [(first, "first"), (second, "second")] {
            assert!(take("a.json", of(date, name).as_bytes(), &mut set).is_ok(), "{date}");
        }
        let names: Vec<_> =
            set.advisories.values().flat_map(|it| &it.products).map(|it| &*it.name).collect();
        assert!(names.contains(&stays), "{first} {second}: {names:?}");
    }
    let mut set = Set::default();
    let bad = of("2020-02-30T07:00:00Z", "x");
    assert!(take("a.json", bad.as_bytes(), &mut set).is_err(), "no such day");
}

#[test]
fn a_day_to_come_is_not_believed() {
    let of = |day: &str, name: &str| {
        DOCUMENT.replace("2020-03-04T07:00:00Z", day).replace("Pump 8", name)
    };
    let empty = || Set { until: Some("2025-08-26".to_owned()), ..Set::default() };
    let mut set = empty();
    for (day, name) in [("9999-12-31T23:59:59Z", "to come"), ("2025-08-26T00:00:00Z", "now")] {
        assert!(take("a.json", of(day, name).as_bytes(), &mut set).is_ok(), "{day}");
    }
    let names = |set: &Set| -> Vec<String> {
        set.advisories.values().flat_map(|it| &it.products).map(|it| it.name.clone()).collect()
    };
    assert_eq!(set.csaf(), "2025-08-26");
    assert!(names(&set).contains(&"now".to_owned()), "{:?}", names(&set));
    // Alone it counts, from when it was released on.
    let mut set = empty();
    assert!(take("a.json", of("2025-08-27", "x").as_bytes(), &mut set).is_ok());
    assert_eq!(set.csaf(), set.advisories.values().next().unwrap().released);
    // Lists: neither their own day, nor entries.
    for day in ["2025-08-27", "2025-08-26"] {
        let mut set = empty();
        let list = LIST.replace("2025-01-02T", &format!("{day}T")).replace("2021-01-01", day);
        let taken = take("kev.json", list.as_bytes(), &mut set);
        let (left_out, kev) =
            if day == "2025-08-27" { (1, "2022-02-10") } else { (0, "2025-08-26") };
        assert!(
            matches!(taken, Ok(Taken::List { left_out: it, .. }) if it == left_out),
            "{taken:?}"
        );
        assert_eq!(set.kev, kev);
    }
}
