//! No patient anywhere: the lab's captures carry planted names, ids, dates, texts,
//! users and passwords; none of them may reach the inventory, a view or a log.

mod lab;
mod mirror;
mod strangers;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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

/// A process that does not outlive the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The live sensor with everything switched on that says something; where no mirror
/// port can be made, the test says so.
#[test]
fn no_live_output_holds_one() {
    let mirror = match mirror::Mirror::lay(1) {
        Ok(mirror) => mirror,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "skipped, no mirror port can be made: {why}");
            return;
        }
    };
    let canaries = canaries();
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("auscult.db");
    let mut sensor = mirror.near(env!("CARGO_BIN_EXE_auscult"));
    sensor.arg("--db").arg(&db).args(["-v", "--log", "json", "listen", "-i", mirror::PORT]);
    sensor.args(["--metrics", "19598"]).stderr(std::process::Stdio::piped());
    mirror.ip(&["link", "set", "lo", "up"]);
    // Its output is nobody else's, whatever becomes of the test.
    let sensor = sensor.stdout(std::process::Stdio::null()).spawn().expect("started");
    let mut sensor = Running(sensor);
    let mut said = BufReader::new(sensor.0.stderr.take().expect("piped"));
    let mut first = String::new();
    while !first.contains("workers") {
        assert!(said.read_line(&mut first).expect("text") > 0, "{first}");
    }
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for capture in ["hospital.pcapng", "hl7.pcap", "dicom.pcap", "windows.pcap", "bedside.pcap"] {
        let bytes = std::fs::read(lab::capture(capture)).expect("there");
        auscult::wire::capture::parse_bytes(&bytes, &mut |some, _| {
            frames.extend(some.iter().map(|frame| frame.bytes.to_vec()));
            std::ops::ControlFlow::Continue(())
        })
        .expect("whole");
    }
    mirror.send(frames.iter().map(Vec::as_slice), 100);
    // Until the first publication there is nothing to tell.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let metrics = mirror.inside(|| {
        let mut stream = std::net::TcpStream::connect("127.0.0.1:19598").expect("metrics");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").expect("asked");
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        text
    });
    assert!(holds(&metrics, b"auscult_"), "{}", String::from_utf8_lossy(&metrics));
    assert_clean("metrics", &metrics, &canaries);
    let written = |kind: &str| std::fs::read(dir.path().join(format!("auscult.db{kind}")));
    std::thread::sleep(std::time::Duration::from_secs(3));
    // The journal is in one of them while it runs.
    for kind in ["", "-wal"] {
        assert_clean(kind, &written(kind).unwrap_or_default(), &canaries);
    }
    mirror::must("kill", &[&sensor.0.id().to_string()]).expect("kill");
    let mut rest = first.into_bytes();
    said.read_to_end(&mut rest).expect("text");
    assert!(sensor.0.wait().expect("ended").success(), "{}", String::from_utf8_lossy(&rest));
    assert_clean("standard error", &rest, &canaries);
    assert_clean("inventory", &written("").expect("there"), &canaries);
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
    for view in [&["risk"][..], &["risk", "--terms", "csv"], &["risk", "--forecast"]] {
        assert!(!run(view).is_empty());
    }
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
