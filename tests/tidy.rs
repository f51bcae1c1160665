//! The house rules that a compiler does not know: which module may name which, and
//! how long a file may be. Each is seen to fail when it is broken (`mod broken`).

use std::fs;
use std::path::{Path, PathBuf};

/// Longest Rust file.
const MAX_LINES: usize = 500;
/// Longest dissector.
const MAX_DISSECTOR_LINES: usize = 300;

/// Top-level modules, and what each may name beside itself.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("net", &[]),
    ("observe", &["time", "net"]),
    ("wire", &["time", "net", "observe"]),
    ("census", &["time", "net", "observe"]),
    ("store", &["time", "net", "observe", "census"]),
    ("view", &["time", "store"]),
    ("sensor", &["time", "net", "observe", "wire", "census", "store", "view"]),
    ("cli", &["time", "net", "observe", "wire", "census", "store", "view", "sensor"]),
];

/// Inside the wings: what each part may name of its own wing.
const INSIDE: &[(&str, &[&str])] = &[
    ("wire::capture", &[]),
    ("wire::packet", &["capture"]),
    ("wire::dissect", &["packet"]),
    ("wire::flow", &["capture", "packet", "dissect"]),
    ("census::signature", &[]),
    ("census::host", &[]),
    ("census::asset", &["signature", "host"]),
    ("census::advisory", &["signature", "host", "asset"]),
    ("census::activity", &["signature", "host", "asset"]),
    ("census::risk", &["signature", "host", "asset", "activity", "advisory"]),
];

/// Where `unsafe` may be: prefetch hints (which `mod.rs` lets in), and the system calls
/// and shared memory of live capture.
const UNSAFE: &[&str] = &[
    "src/wire/capture/mod.rs",
    "src/wire/capture/ahead.rs",
    "src/wire/capture/live/",
    "src/wire/capture/privilege/",
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources(dir: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    if root.join(dir).is_dir() {
        rust_files(&root.join(dir), &mut files);
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            (name, fs::read_to_string(&path).expect("readable"))
        })
        .collect()
}

/// `src/wire/flow/tcp.rs` → `["wire", "flow", "tcp"]`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|part| *part != "mod").map(str::to_owned).collect()
}

/// Every `crate::a::b` in the code, comments left out.
fn crate_paths(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for line in text.lines().map(|l| l.split("//").next().unwrap_or_default()) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = rest[..end.unwrap_or(rest.len())].split("::");
            let path: Vec<_> = path.filter(|p| !p.is_empty()).map(str::to_owned).collect();
            if !path.is_empty() {
                paths.push(path);
            }
        }
    }
    paths
}

/// What is wrong with the names that one file uses.
fn wrong_names(file: &str, text: &str) -> Vec<String> {
    let own = module_of(file);
    let first = own.first().map(String::as_str);
    let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| Some(*name) == first) else {
        return Vec::new();
    };
    let part = own.get(1).map(|part| format!("{}::{part}", own[0]));
    let inside = INSIDE.iter().find(|(name, _)| part.as_deref() == Some(*name));
    let mut wrong = Vec::new();
    for path in crate_paths(text) {
        let named = path[0].as_str();
        if named != own[0] && !allowed.contains(&named) {
            wrong.push(format!("{file} names crate::{named}"));
        }
        if let (true, Some((_, may)), Some(inner)) = (named == own[0], inside, path.get(1)) {
            let is_part = INSIDE.iter().any(|(name, _)| *name == format!("{named}::{inner}"));
            if is_part && Some(inner) != own.get(1) && !may.contains(&inner.as_str()) {
                wrong.push(format!("{file} names crate::{named}::{inner}"));
            }
        }
    }
    wrong
}

#[test]
fn modules_name_only_what_stands_to_their_left() {
    let wrong: Vec<_> = sources("src").iter().flat_map(|(f, t)| wrong_names(f, t)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for (file, text) in
        ["src", "tests", "benches", "fuzz", "examples"].into_iter().flat_map(sources)
    {
        // Tests beside the code do not make a dissector harder to read.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text).lines().count();
        let all = text.lines().count();
        let dissector = file.starts_with("src/wire/dissect/") && !file.contains("test");
        if all > MAX_LINES || (dissector && code > MAX_DISSECTOR_LINES) {
            long.push(format!("{file}: {all} lines, {code} without tests"));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn unsafe_stands_in_the_capture_alone() {
    for (file, text) in sources("src") {
        let code = text.lines().map(|l| l.split("//").next().unwrap_or_default());
        let is_unsafe = |l: &&str| {
            ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| l.contains(word))
                || l.contains("allow(unsafe_code")
        };
        let used = code.filter(is_unsafe).count();
        assert!(
            used == 0 || UNSAFE.iter().any(|place| file.starts_with(place)),
            "{file} is unsafe"
        );
    }
}

#[test]
fn no_module_is_called_after_nothing() {
    for (file, _) in sources("src") {
        for name in ["utils", "util", "helpers", "types", "manager", "common", "misc"] {
            assert!(!module_of(&file).iter().any(|part| part == name), "{file}");
        }
    }
}

/// The rules bite.
mod broken {
    use super::wrong_names;

    #[test]
    fn wings_do_not_know_each_other() {
        assert!(!wrong_names("src/wire/flow/tcp.rs", "use crate::census::Census;").is_empty());
        assert!(!wrong_names("src/census/mod.rs", "use crate::wire::packet::Packet;").is_empty());
        assert!(!wrong_names("src/view/dossier.rs", "use crate::census::Census;").is_empty());
        assert!(!wrong_names("src/observe/mod.rs", "fn f(_: crate::store::Writer) {}").is_empty());
    }

    #[test]
    fn parts_of_a_wing_keep_their_order() {
        assert!(
            !wrong_names("src/wire/dissect/dns.rs", "use crate::wire::flow::Engine;").is_empty()
        );
        assert!(wrong_names("src/wire/flow/tcp.rs", "use crate::wire::packet::Packet;").is_empty());
        assert!(wrong_names("src/wire/flow/tcp.rs", "// crate::census is another wing").is_empty());
    }
}
