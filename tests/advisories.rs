//! Advisories from a folder to a device's risk: imported, compared, shown.

mod lab;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const DOCUMENT: &str = r#"{"document": {"tracking": {"id": "SITE-1",
  "initial_release_date": "2026-01-02T00:00:00Z", "current_release_date": "2026-02-03T00:00:00Z"}},
 "product_tree": {"branches": [{"category": "vendor", "name": "Phillips", "branches": [
   {"category": "product_name", "name": "Philips EPIQ 7G", "branches": [
     {"category": "product_version_range", "name": "<= 7.0.5.2000",
      "product": {"name": "n", "product_id": "P1"}}]}]}]},
 "vulnerabilities": [{"cve": "CVE-2026-0001", "product_status": {"known_affected": ["P1"]},
   "scores": [{"cvss_v3": {"baseScore": 9.1}}]}]}"#;

const LIST: &str = r#"{"catalogVersion": "1", "dateReleased": "2026-03-04T00:00:00Z", "vulnerabilities": [
  {"cveID": "CVE-2026-0001", "vendorProject": "Philips", "product": "EPIQ", "dateAdded": "2026-02-10"}]}"#;

/// The version that DICOM says behind the model's name.
const ALIAS: &str = r#"
[[product]]
id = "site.epiq"
maker = "Philips"
products = ["Philips EPIQ 7G"]
device = { model = 'EPIQ 7G' }
version = { software_version = 'EPIQ 7G_([\d.]+)' }
examples = [ { device = { model = "EPIQ 7G", software_version = "EPIQ 7G_7.0" }, version = "7.0" } ]
"#;

fn run(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auscult")).args(args).current_dir(dir).output().expect("runs")
}

fn said(dir: &Path, args: &[&str]) -> String {
    let out = run(dir, args);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{args:?}: {errors}");
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn a_folder_becomes_a_set_whatever_else_lies_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    fs::create_dir_all(at.join("in/2026/white")).unwrap();
    fs::write(at.join("in/2026/white/site-1.json"), DOCUMENT).unwrap();
    fs::write(at.join("in/2026/white/site-1.json.sha512"), "00").unwrap();
    fs::write(at.join("in/2026/cut.json"), &DOCUMENT[..200]).unwrap();
    fs::write(at.join("in/2026/deep.json"), "[".repeat(100_000)).unwrap();
    fs::write(at.join("in/binary.json"), [0xff, 0xfe, 0, 1]).unwrap();
    fs::write(at.join("in/other.json"), "{}").unwrap();
    fs::write(at.join("in/kev.json"), LIST).unwrap();
    std::os::unix::fs::symlink(at.join("in"), at.join("in/2026/round")).unwrap();
    let out = run(at, &["advisories", "import", "in", "-o", "set.tsv"]);
    let errors = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && out.stdout.is_empty(), "{errors}");
    for name in ["cut.json", "deep.json", "binary.json"] {
        assert!(errors.contains(name), "{name}: {errors}");
    }
    assert!(errors.contains("1 advisories to 2026-02-03, 1 exploited"), "{errors}");
    assert!(errors.contains("1 files that are called neither .json nor .csv"), "{errors}");
    let set = fs::read_to_string(at.join("set.tsv")).unwrap();
    assert!(set.contains("A\tSITE-1\t2026-01-02\t2026-02-03\tCVE-2026-0001:9.1\n"), "{set}");
    assert_eq!(said(at, &["advisories", "import", "in"]), set, "again the same bytes");

    fs::create_dir(at.join("empty")).unwrap();
    for folder in ["empty", "missing"] {
        let out = run(at, &["advisories", "import", folder, "-o", "none.tsv"]);
        let errors = String::from_utf8(out.stderr).unwrap();
        assert_eq!((out.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
        assert!(errors.contains(folder) && !at.join("none.tsv").exists());
    }
}

#[test]
fn a_folder_with_one_half_leaves_the_other_as_it_is_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (folder, file, text) in [
        ("both", "1.json", DOCUMENT),
        ("both", "kev.json", LIST),
        ("documents", "1.json", &DOCUMENT.replace("SITE-1", "SITE-2")),
        ("list", "kev.json", &LIST.replace("CVE-2026-0001", "CVE-2026-0002")),
    ] {
        fs::create_dir_all(at.join(folder)).unwrap();
        fs::write(at.join(folder).join(file), text).unwrap();
    }
    fs::create_dir(at.join("own")).unwrap();
    fs::write(at.join("site.toml"), "signatures = 'own'\n").unwrap();
    let site = ["--config", "site.toml", "advisories", "import"];
    let import = |args: &[&str]| {
        let out = run(at, args);
        let errors = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success(), "{errors}");
        (String::from_utf8(out.stdout).unwrap(), errors)
    };
    // What comes along is in force: the list is renewed, 144 advisories stay.
    let (set, errors) = import(&["advisories", "import", "list"]);
    let count = |set: &str, kind: &str| set.lines().filter(|it| it.starts_with(kind)).count();
    assert_eq!((count(&set, "A\t"), count(&set, "K\t")), (144, 1));
    assert!(errors.contains("no CSAF documents") && errors.contains("stay"), "{errors}");
    assert!(!errors.contains("  "), "words are one blank apart: {errors}");
    assert!(errors.contains("1 exploited weaknesses, where the set in force has 1404"), "{errors}");
    assert!(!errors.contains("1 advisories, where"), "{errors}");
    let (set, errors) = import(&["advisories", "import", "documents"]);
    assert_eq!((count(&set, "A\t"), count(&set, "K\t")), (1, 1404));
    assert!(errors.contains("no KEV list") && errors.contains("has 144"), "{errors}");
    // The site's is in force, and as many are no loss.
    import(&["advisories", "import", "both", "-o", "own/advisories.tsv"]);
    let (set, errors) = import(&[&site[..], &["list"]].concat());
    assert!(set.contains("A\tSITE-1") && set.contains("K\tCVE-2026-0002"), "{set}");
    assert!(!set.contains("CVE-2017-0144") && !errors.contains("where the set"), "{errors}");
    let (set, errors) = import(&[&site[..], &["both"]].concat());
    assert!(set.contains("K\tCVE-2026-0001") && !errors.contains("stay"), "{set}{errors}");
    // What is in force cannot be read: half a set would be the whole one.
    fs::write(at.join("own/advisories.tsv"), "rubbish\n").unwrap();
    import(&[&site[..], &["both"]].concat());
    let out = run(at, &[&site[..], &["list", "-o", "none.tsv"]].concat());
    let errors = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && errors.contains("put both into the folder"), "{errors}");
    assert!(!at.join("none.tsv").exists());
}

#[test]
fn what_advisories_say_of_the_lab_hospital() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let capture = lab::capture("hospital.pcapng").display().to_string();
    said(at, &["read", "-q", &capture]);
    let epiq = said(at, &["advisories", "match", "EPIQ7-ECHO2"]);
    assert!(epiq.contains("possible ICSMA-20-177-01") && !epiq.contains("affected"), "{epiq}");
    let risk = said(at, &["risk", "EPIQ7-ECHO2"]);
    assert!(risk.contains("advisory-possible") && risk.contains("ICSMA-20-177-01"), "{risk}");
    // A library with its version: 3.6.7 is the first that is mended.
    let all = said(at, &["advisories", "match", "--all", "--format", "csv"]);
    let fixed =
        |line: &&str| line.contains("ICSMA-22-174-01,fixed") && line.contains("DCMTK 3.6.7");
    assert!(all.lines().filter(fixed).count() >= 2, "{all}");
    // CR-IR 357 is named, this is a 363; Windows XP alone is no advisory.
    let cr = said(at, &["advisories", "match", "FCR-CAPS2"]);
    assert!(!cr.contains("ICSMA-19-113-01"), "{cr}");
    let unknown = run(at, &["advisories", "match", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));

    // The site's own set and alias, and what they change.
    fs::create_dir_all(at.join("own")).unwrap();
    fs::create_dir(at.join("in")).unwrap();
    fs::write(at.join("in/1.json"), DOCUMENT).unwrap();
    fs::write(at.join("in/kev.json"), LIST).unwrap();
    said(at, &["advisories", "import", "in", "-o", "own/advisories.tsv"]);
    fs::write(at.join("own/aliases.toml"), ALIAS).unwrap();
    fs::write(at.join("site.toml"), "signatures = 'own'\n").unwrap();
    let site = |args: &[&str]| said(at, &[&["--config", "site.toml"], args].concat());
    let epiq = site(&["advisories", "match", "EPIQ7-ECHO2"]);
    assert!(epiq.contains("affected SITE-1") && epiq.contains("KEV"), "{epiq}");
    assert!(epiq.contains("7.0.5.1122") && epiq.contains("<= 7.0.5.2000"), "{epiq}");
    let list = site(&["advisories", "list"]);
    assert!(list.contains("days before the last packet"), "{list}");
    assert!(site(&["advisories", "explain", "cve-2026-0001"]).contains("SITE-1"));
    assert!(site(&["advisories", "explain", "ms17-010"]).contains("CVE-2017-0144"));
    site(&["advisories", "check"]);
    site(&["signatures", "check"]);
    fs::remove_file(at.join("auscult.db")).unwrap();
    site(&["read", "-q", &capture]);
    let risk = site(&["risk", "EPIQ7-ECHO2"]);
    assert!(risk.contains("advisory-exploited") && risk.contains("SITE-1"), "{risk}");

    fs::write(at.join("own/advisories.tsv"), "rubbish\n").unwrap();
    let out = run(at, &["--config", "site.toml", "advisories", "list"]);
    let errors = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && errors.contains("advisories.tsv:1"), "{errors}");
}
