//! No patient anywhere: the lab's captures carry planted names, ids, dates, texts,
//! users and passwords; none of them may reach the inventory, a view or a log.

mod lab;

use std::path::Path;
use std::process::Command;

fn canaries() -> Vec<String> {
    let text = std::fs::read_to_string(lab::capture("canaries.txt")).expect("canaries.txt");
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    assert!(lines.len() >= 20, "canaries are missing");
    lines
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

fn assert_clean(what: &str, bytes: &[u8], canaries: &[String]) {
    for canary in canaries {
        let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(!holds(bytes, canary.as_bytes()), "{what} holds {canary}");
        assert!(!holds(bytes, &wide), "{what} holds {canary} in UTF-16");
    }
}

#[test]
fn the_captures_do_carry_them() {
    let raw: Vec<u8> = lab::captures()
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect();
    let canaries = canaries();
    let ascii: Vec<_> = canaries.iter().filter(|c| c.is_ascii()).collect();
    let planted = ascii.iter().filter(|c| holds(&raw, c.as_bytes())).count();
    assert!(planted * 10 >= ascii.len() * 6, "only {planted} of {} are on the wire", ascii.len());
}

#[test]
fn no_output_holds_one() {
    let canaries = canaries();
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("auscult.db");
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_auscult"))
            .args(args)
            .arg("--db")
            .arg(&db)
            .current_dir(dir.path())
            .output()
            .expect("runs");
        let all = [out.stdout, out.stderr].concat();
        assert_clean(&args.join(" "), &all, &canaries);
        all
    };
    let captures: Vec<String> =
        lab::captures().iter().map(|path| path.display().to_string()).collect();
    let mut args = vec!["read", "-v"];
    args.extend(captures.iter().map(String::as_str));
    run(&args);
    assert!(!run(&["register"]).is_empty());
    run(&["register", "--format", "json", "--external"]);
    let inventory = auscult::store::Inventory::open(&db).unwrap();
    for asset in inventory.assets().unwrap() {
        run(&["show", &asset.id]);
    }
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert_clean(&name, &std::fs::read(entry.path()).unwrap(), &canaries);
    }
}

/// The search itself finds what is there, in both encodings.
#[test]
fn the_search_bites() {
    let canaries = vec!["Zyxwv^Quirin".to_owned()];
    for text in ["name=zyxwv^quirin;", "Z\0y\0x\0w\0v\0^\0Q\0u\0i\0r\0i\0n\0"] {
        let found = std::panic::catch_unwind(|| assert_clean("it", text.as_bytes(), &canaries));
        assert!(found.is_err(), "{text:?} was not found");
    }
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab/canaries.txt").exists());
}
