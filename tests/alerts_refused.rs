//! Delivery of alerts goes on, whatever one of them says and however often the receivers
//! are read anew.

mod lab;
mod receivers;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use receivers::{Receiver, Speaks};

/// An inventory with alerts.
fn alerts(dir: &Path) -> Vec<i64> {
    for capture in ["windows.pcap", "dicom.pcap"] {
        let path = lab::capture(capture).display().to_string();
        assert!(auscult(dir, &["read", "-q", &path]).status().expect("runs").success());
    }
    let out = auscult(dir, &["alerts", "--format", "json"]).output().expect("runs");
    let text = String::from_utf8(out.stdout).expect("text");
    let id = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        object["id"].as_i64().expect("a number")
    };
    text.lines().map(id).collect()
}

fn auscult(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.args(args).args(["--db", "a.db"]).current_dir(dir);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn deliver(dir: &Path, receiver: &str) -> Running {
    std::fs::write(dir.join("a.toml"), format!("[alerts]\nretry_seconds = 1\n{receiver}"))
        .expect("written");
    let args = ["alerts", "--follow", "--deliver", "--state", "s", "--config", "a.toml"];
    Running(auscult(dir, &args).spawn().expect("started"))
}

fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} in 90 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What somebody calls a device keeps no other alert from the receiver.
#[test]
fn an_alert_that_is_refused_is_passed_over_and_that_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = alerts(dir.path());
    assert!(all.len() > 6, "{all:?}");
    let out = auscult(dir.path(), &["alerts", "--format", "json"]).output().expect("runs");
    let text = String::from_utf8(out.stdout).expect("text");
    let third: serde_json::Value =
        serde_json::from_str(text.lines().nth(2).expect("a third")).expect("JSON");
    // As a filter of requests may stumble over.
    let word = third["summary"].as_str().expect("text").to_owned().leak();
    assert_eq!(text.matches(&*word).count(), 1, "{text}");
    let picky = Receiver::new(Speaks::Picky(word));
    let receiver = format!(
        "[[alerts.to]]\nname = 'w'\nkind = 'webhook'\nurl = 'http://127.0.0.1:{}/'\n",
        picky.port
    );
    let running = deliver(dir.path(), &receiver);
    let told = || -> Vec<serde_json::Value> {
        let bodies = picky.took();
        let parsed = bodies.iter().map(|it| serde_json::from_str(it).expect("JSON"));
        parsed.flat_map(|it: serde_json::Value| it["alerts"].as_array().unwrap().clone()).collect()
    };
    let last = all.last().copied();
    patiently("the last", || told().iter().any(|it| it["id"].as_i64() == last));
    let lost: Vec<_> = told().into_iter().filter(|it| it["kind"] == "alerts_lost").collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0]["summary"].as_str().unwrap().contains("alert 3 was refused"), "{lost:?}");
    let others = told().into_iter().filter(|it| it["kind"] != "alerts_lost");
    let mut ids: Vec<_> = others.filter_map(|it| it["id"].as_i64()).collect();
    ids.dedup();
    let wanted: Vec<_> = all.into_iter().filter(|id| *id != 3).collect();
    assert_eq!(ids, wanted, "each, in order");
    drop(running);
}

/// A receiver that stays as it is goes on as if nothing was.
#[test]
fn reading_the_receivers_anew_time_and_again_sends_nothing_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = alerts(dir.path());
    let receiver = Receiver::new(Speaks::Syslog);
    let text = format!(
        "[[alerts.to]]\nname = 's'\nkind = 'syslog'\naddress = 'tcp://127.0.0.1:{}'\n",
        receiver.port
    );
    let running = deliver(dir.path(), &text);
    patiently("all", || receiver.took().len() >= all.len());
    let id = running.0.id().to_string();
    // Longer than it takes until what a stream has read is certain.
    patiently("the cursor", || {
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("runs").success());
        std::thread::sleep(Duration::from_secs(2));
        std::fs::read_dir(dir.path().join("s")).expect("a directory").count() > 1
    });
    assert_eq!(receiver.took().len(), all.len());
}

/// A process that is killed each time as soon as something was taken, as in a loop of
/// restarts, comes to an end of it: how far it came is written down after each batch.
#[test]
fn a_deliverer_that_is_killed_after_each_batch_does_not_begin_for_ever() {
    for (speaks, most) in [(Speaks::Syslog, 3), (Speaks::Http, 1)] {
        let dir = tempfile::tempdir().expect("a directory");
        let all = alerts(dir.path());
        let receiver = Receiver::new(speaks);
        let port = receiver.port;
        let to = match speaks {
            Speaks::Http => format!("kind = 'webhook'\nurl = 'http://127.0.0.1:{port}/'\n"),
            _ => format!("kind = 'syslog'\naddress = 'tcp://127.0.0.1:{port}'\n"),
        };
        let cursor = || std::fs::read(dir.path().join("s/x.cursor")).unwrap_or_default();
        let mut runs = 0;
        loop {
            let (before, took) = (cursor(), receiver.took().len());
            let running = deliver(dir.path(), &format!("[[alerts.to]]\nname = 'x'\n{to}"));
            let begun = Instant::now();
            while cursor() == before && begun.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Killed at once.
            drop(running);
            runs += 1;
            assert!(runs < 9, "it begins again and again: {:?}", receiver.took());
            if receiver.took().len() == took {
                break;
            }
        }
        let text = receiver.took().join("\n");
        for id in all {
            let mark = match speaks {
                Speaks::Http => format!("\"id\":{id},"),
                _ => format!("[auscult@32473 id=\"{id}\""),
            };
            let times = text.matches(&mark).count();
            assert!((1..=most).contains(&times), "{id}: {times} times by {speaks:?}");
        }
    }
}

/// What a filter leaves out is not lost for a receiver unsaid: who is asked for otherwise
/// than before begins elsewhere.
#[test]
fn a_receiver_is_asked_for_as_before_or_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = alerts(dir.path()).len();
    let run = |state: &str, filter: &[&str]| {
        let file = format!("jsonl:{}", dir.path().join(state).with_extension("jsonl").display());
        let args = [&["alerts", "--to", &file, "--state", "s"], filter].concat();
        let args: Vec<&str> = args.iter().map(|it| if *it == "s" { state } else { it }).collect();
        let out = auscult(dir.path(), &args).stderr(Stdio::piped()).output().expect("runs");
        let lines = std::fs::read_to_string(dir.path().join(state).with_extension("jsonl"));
        let lines = lines.map_or(0, |it| it.lines().count());
        (out.status.code(), lines, String::from_utf8(out.stderr).expect("text"))
    };
    let (notice, device, both) = (
        &["--severity", "warning"][..],
        &["--kind", "new_device"][..],
        &["--kind", "new_device,new_peer"][..],
    );
    let turned = &["--kind", "new_peer,new_device,new_peer"][..];
    let (since, later) = (&["--since", "2000-01-01"][..], &["--since", "1h"][..]);
    for (at, (first, second, code)) in [
        (notice, &[][..], 2),
        (&[][..], notice, 2),
        (device, both, 2),
        (device, &["--asset", "A0123456789"][..], 2),
        (notice, notice, 0),
        (both, turned, 0),
        // A beginning is no filter: who has a cursor goes on from there.
        (&[][..], later, 0),
        (since, &[][..], 0),
    ]
    .into_iter()
    .enumerate()
    {
        let state = format!("state{at}");
        let (done, before, errors) = run(&state, first);
        assert_eq!(done, Some(0), "{first:?}: {errors}");
        let (done, after, errors) = run(&state, second);
        assert_eq!((done, after), (Some(code), before), "{first:?} {second:?}: {errors}");
        assert_eq!(errors.contains("another directory with --state"), code == 2, "{errors}");
        assert_eq!(before == all, first.is_empty() || first == since, "{first:?}: {before}");
    }
    // Who is new begins where it is asked to; who was given some gets all that followed.
    let (done, none, errors) = run("late", later);
    assert_eq!((done, none), (Some(0), 0), "{errors}");
    let cursor = dir.path().join("late");
    let cursor = std::fs::read_dir(cursor).expect("a state").flatten();
    let cursor =
        cursor.map(|it| it.path()).find(|it| it.extension().is_some_and(|e| e == "cursor"));
    let cursor = cursor.expect("a cursor");
    std::fs::write(&cursor, r#"{"id":3,"print":"","missed":0}"#).expect("written");
    assert_eq!(run("late", later).1, all - 3, "after the third, however old");
    // How it is written is the receiver's.
    let (done, _, errors) = run("written", &["--format", "csv"]);
    assert!(done == Some(2) && errors.contains("--format"), "{errors}");
}
