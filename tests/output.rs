//! Where output cannot go is told with the place and what to do; a reader that goes away is
//! no failure.

mod lab;

use std::path::Path;
use std::process::{Command, Output};

/// What a shell makes of a line, with the program as `$0`.
fn shell(dir: &Path, line: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_auscult")]).current_dir(dir);
    command.output().expect("runs")
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn output_that_cannot_go_anywhere_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let capture = lab::capture("hospital.pcapng").display().to_string();
    let read = shell(dir.path(), &format!("\"$0\" read -q '{capture}'"));
    assert!(read.status.success(), "{}", said(&read));
    let commands = ["register", "register --format json", "activity", "activity --format csv"];
    for command in commands.into_iter().chain(["risk", "risk --terms csv"]) {
        // A device that is full, by its name: the path and a remedy.
        let out = shell(dir.path(), &format!("\"$0\" {command} -o /dev/full"));
        let line = said(&out);
        assert_eq!(out.status.code(), Some(1), "{command}: {line}");
        assert!(line.starts_with("auscult: /dev/full: cannot write"), "{command}: {line}");
        assert!(line.contains("check the path") && line.lines().count() == 1, "{line}");
    }
    let more = [
        "doctor",
        "alerts -q",
        "signatures list",
        "man",
        "completions bash",
        "--version",
        "--help",
    ];
    for command in commands.into_iter().chain(more) {
        let out = shell(dir.path(), &format!("\"$0\" {command} > /dev/full"));
        let line = said(&out);
        // An empty list is written nowhere.
        if command != "alerts -q" {
            assert_eq!(out.status.code(), Some(1), "{command}: {line}");
            let same = "auscult: standard output: cannot write (";
            assert!(line.starts_with(same) && line.contains("check where"), "{command}: {line}");
        }
        let out = shell(dir.path(), &format!("\"$0\" {command} >&-"));
        let line = said(&out);
        assert_eq!(out.status.code(), Some(1), "{command}: {line}");
        assert!(line.contains("standard output") && line.contains("closed"), "{command}: {line}");
        let out = shell(dir.path(), &format!("\"$0\" {command} > /dev/null"));
        assert!(out.status.success() && out.stderr.is_empty(), "{command}: {}", said(&out));
        let out = shell(dir.path(), &format!("\"$0\" {command} <> /dev/null >&0"));
        assert!(out.status.success(), "{command}: {}", said(&out));
        // Whoever reads may go before the end.
        let out = shell(dir.path(), &format!("{{ \"$0\" {command}; echo $? >code; }} | head -n 1"));
        assert!(out.stderr.is_empty(), "{command}: {}", said(&out));
        let code = std::fs::read_to_string(dir.path().join("code")).expect("ended");
        assert_eq!(code.trim(), "0", "{command}");
    }
    // What is written to a file needs no standard output.
    let out = shell(dir.path(), "\"$0\" register -o r.csv >&-");
    assert!(out.status.success(), "{}", said(&out));
    assert!(std::fs::read(dir.path().join("r.csv")).expect("written").len() > 1000);
}

/// A unit that is written wrong is told with its level, as every other line.
#[test]
fn arguments_that_are_not_understood_have_their_level_in_the_journal() {
    let dir = tempfile::tempdir().expect("a directory");
    let line = "JOURNAL_STREAM=$(stat -L -c %d:%i said) \"$0\" listen 2> said";
    for (line, is_journal) in [(line, true), ("\"$0\" listen 2> said", false)] {
        std::fs::write(dir.path().join("said"), "").expect("made");
        let out = shell(dir.path(), line);
        let said = std::fs::read_to_string(dir.path().join("said")).expect("said");
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains("--interface") && said.lines().count() > 1, "{said}");
        assert!(said.lines().all(|line| line.starts_with("<3>") == is_journal), "{said}");
    }
}
