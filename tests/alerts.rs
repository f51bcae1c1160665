//! What is told reaches everyone: the real program over an inventory that grows, with
//! receivers and the deliverer itself killed at any moment.

mod lab;
mod receivers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use receivers::{Receiver, Speaks};

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
        command.args(args).arg("--db").arg(self.at("a.db")).current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("runs")
    }

    /// Standard output of what must succeed.
    fn out(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text")
    }

    fn read(&self, capture: &str) {
        let path = lab::capture(capture).display().to_string();
        assert!(self.run(&["read", "-q", &path]).status.success());
    }

    /// An inventory with some alerts: what a second capture has that the first had not.
    fn with_alerts() -> Self {
        let site = Self::new();
        site.read("windows.pcap");
        site.read("dicom.pcap");
        site
    }

    fn ids(&self) -> Vec<i64> {
        ids(self.out(&["alerts", "--format", "json"]).lines())
    }
}

fn ids<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<i64> {
    let id = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        object["id"].as_i64().expect("a number")
    };
    lines.map(id).collect()
}

/// Ids of syslog messages.
fn syslog_ids(took: &[String]) -> Vec<i64> {
    let id = |line: &String| {
        assert!(line.starts_with('<') && line.contains(">1 2") && !line.contains('\n'), "{line}");
        let rest = line.split_once("[auscult@32473 id=\"").expect("an element").1;
        rest.split_once('"').expect("an id").0.parse().expect("a number")
    };
    took.iter().map(id).collect()
}

/// Ids of what a web server got.
fn web_ids(took: &[String]) -> Vec<i64> {
    let ids = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let alerts = body["alerts"].as_array().expect("alerts").clone();
        alerts.into_iter().map(|it| it["id"].as_i64().expect("a number")).collect::<Vec<_>>()
    };
    took.iter().flat_map(ids).collect()
}

/// A process that does not outlive the test.
struct Running(Child);

impl Running {
    fn kill(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} in 90 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_changed_is_listed() {
    let site = Site::new();
    site.read("windows.pcap");
    assert_eq!(site.out(&["alerts"]), "", "the first capture is no news");
    site.read("dicom.pcap");
    let text = site.out(&["alerts"]);
    assert!(text.contains("new_service") && text.contains("new_peer"), "{text}");
    assert!(text.contains("new_device") && text.contains("notice"), "{text}");
    let ids = site.ids();
    assert!(ids.len() > 3, "{text}");
    assert_eq!(ids, (1..=ids.last().copied().unwrap_or(0)).collect::<Vec<_>>());
    let csv = site.out(&["alerts", "--format", "csv"]);
    assert!(csv.starts_with("id,at,kind,severity,asset_id,label,"), "{csv}");
    assert_eq!(csv.lines().count(), ids.len() + 1);
    // Filters; one device is found by its address as well.
    let line = site.out(&["alerts", "--format", "json"]);
    let first: serde_json::Value =
        serde_json::from_str(line.lines().next().expect("a line")).expect("JSON");
    let asset = first["asset_id"].as_str().expect("text");
    let of = site.out(&["alerts", "--asset", asset, "--format", "json"]);
    assert!(!of.is_empty() && of.lines().all(|it| it.contains(asset)), "{of}");
    assert_eq!(site.out(&["alerts", "--severity", "critical", "--kind", "new_device"]), "");
    assert_eq!(site.out(&["alerts", "--since", "1h"]), "", "the capture is old");
    assert_eq!(site.out(&["alerts", "--since", "2000-01-01T00:00:00Z"]), text);
    assert_eq!(site.run(&["alerts", "--kind", "x"]).status.code(), Some(2));
    // Read again, it is no news.
    site.read("dicom.pcap");
    assert_eq!(site.ids(), ids);
}

#[test]
fn without_an_inventory_it_says_so() {
    let site = Site::new();
    let out = site.run(&["alerts"]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&out.stderr).lines().count(), 1);
    for bad in [&["--deliver"][..], &["--to", "jsonl:/x"], &["--to", "x", "--state", "s"]] {
        let out = site.run(&[&["alerts"], bad].concat());
        assert_eq!(out.status.code(), Some(2), "{bad:?}");
    }
    let out = site.run(&["alerts", "--deliver", "--state", "s"]);
    assert_eq!(out.status.code(), Some(1), "no receiver");
}

#[test]
fn each_receiver_gets_the_rest_the_next_time() {
    let site = Site::with_alerts();
    let ids = site.ids();
    let (file, other) = (site.at("alerts.jsonl"), site.at("severe.jsonl"));
    let config = format!(
        "[[alerts.to]]\nname = 'all'\nkind = 'jsonl'\nfile = '{}'\n\
         [[alerts.to]]\nname = 'severe'\nkind = 'jsonl'\nfile = '{}'\nseverity = 'critical'\n",
        file.display(),
        other.display()
    );
    std::fs::write(site.at("a.toml"), config).expect("written");
    let deliver = ["alerts", "--deliver", "--state", "s", "--config", "a.toml"];
    let got = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    site.out(&deliver);
    assert_eq!(self::ids(got(&file).lines()), ids);
    assert!(got(&other).len() < got(&file).len());
    site.out(&deliver);
    assert_eq!(self::ids(got(&file).lines()), ids, "none twice");
    site.read("bedside.pcap");
    let all = site.ids();
    assert!(all.len() > ids.len());
    site.out(&deliver);
    assert_eq!(self::ids(got(&file).lines()), all);
    // Another inventory in the same place begins anew.
    std::fs::remove_file(site.at("a.db")).expect("there");
    site.read("dicom.pcap");
    site.read("hl7.pcap");
    let out = site.run(&deliver);
    assert!(String::from_utf8_lossy(&out.stderr).contains("another inventory"));
    assert_eq!(self::ids(got(&file).lines()), [all, site.ids()].concat());
}

#[test]
fn a_cursor_that_cannot_be_written_costs_no_alert() {
    let site = Site::with_alerts();
    let state = site.at("s");
    std::fs::create_dir(&state).expect("made");
    let file = site.at("alerts.jsonl");
    let to = format!("jsonl:{}", file.display());
    let deliver = ["alerts", "--to", &to, "--state", "s"];
    site.out(&deliver);
    let once = site.ids();
    let of_cursor = |end: &str| {
        let mut all = std::fs::read_dir(&state).expect("there").flatten().map(|it| it.path());
        all.find(|path| path.to_string_lossy().ends_with(end))
    };
    let cursor = of_cursor(".cursor").expect("a cursor");
    // From now on the disk is full, as the kernel says of this device.
    std::os::unix::fs::symlink("/dev/full", cursor.with_extension("part")).expect("made");
    site.read("bedside.pcap");
    for _ in 0..2 {
        let out = site.run(&deliver);
        assert_eq!(out.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&out.stderr).contains("cursor"), "{out:?}");
    }
    let all = site.ids();
    let new = all[once.len()..].to_vec();
    let got = ids(std::fs::read_to_string(&file).expect("there").lines());
    assert_eq!(got, [once, new.clone(), new].concat());
    std::fs::write(&cursor, "{").expect("written");
    std::fs::remove_file(cursor.with_extension("part")).expect("there");
    site.out(&deliver);
    let again = ids(std::fs::read_to_string(&file).expect("there").lines());
    assert_eq!(again[got.len()..], all, "a broken cursor is told everything again");
}

#[test]
fn a_receiver_that_was_away_too_long_is_told_so() {
    let site = Site::with_alerts();
    let to = format!("jsonl:{}", site.at("alerts.jsonl").display());
    site.out(&["alerts", "--to", &to, "--state", "s"]);
    let had = site.ids().len();
    std::fs::write(site.at("a.toml"), "[alerts]\nkeep = 2\n").expect("written");
    let capture = lab::capture("hospital.pcapng").display().to_string();
    site.out(&["read", "-q", &capture, "--config", "a.toml"]);
    let kept = site.ids();
    assert_eq!(kept.len(), 2);
    site.out(&["alerts", "--to", &to, "--state", "s"]);
    let text = std::fs::read_to_string(site.at("alerts.jsonl")).expect("there");
    let lost: Vec<&str> = text.lines().filter(|line| line.contains("alerts_lost")).collect();
    assert_eq!(lost.len(), 1);
    let missing = kept[0] - 1 - i64::try_from(had).expect("few");
    assert!(lost[0].contains(&format!("\"after\":\"{missing}\"")), "{}", lost[0]);
    assert_eq!(text.lines().count(), had + 3);
}

#[test]
fn nobody_there_is_a_failure() {
    let site = Site::with_alerts();
    let mut down = Receiver::new(Speaks::Http);
    down.kill();
    for to in [
        format!("webhook:http://127.0.0.1:{}/", down.port),
        format!("syslog:tcp://127.0.0.1:{}", down.port),
        format!("cef:udp://127.0.0.1:{}", down.port),
    ] {
        let out = site.run(&["alerts", "--to", &to, "--state", "s"]);
        assert_eq!(out.status.code(), Some(1), "{to}");
    }
    // And of whom it is not known how to read it.
    let out = site.run(&["alerts", "--to", "webhook:https://127.0.0.1:1/", "--state", "s"]);
    assert_eq!(out.status.code(), Some(1));
}

/// Receivers are killed and come back, the deliverer is killed and started again, while
/// the inventory grows: everybody gets everything, in order.
#[test]
fn nothing_is_lost_whoever_is_killed() {
    let site = Site::new();
    let (mut syslog, mut web) = (Receiver::new(Speaks::Syslog), Receiver::new(Speaks::Http));
    let config = format!(
        "[alerts]\nretry_seconds = 1\n\
         [[alerts.to]]\nname = 'siem'\nkind = 'syslog'\naddress = 'tcp://127.0.0.1:{}'\n\
         [[alerts.to]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:{}/x'\n",
        syslog.port, web.port
    );
    std::fs::write(site.at("a.toml"), config).expect("written");
    site.read("hl7.pcap");
    let start = || {
        let args = ["alerts", "--follow", "--deliver", "--state", "s", "--config", "a.toml"];
        let mut command = site.command(&args);
        Running(command.stderr(Stdio::null()).stdin(Stdio::null()).spawn().expect("started"))
    };
    let mut deliverer = start();
    let captures = [
        "dicom.pcap",
        "windows.pcap",
        "bedside.pcap",
        "names.pcap",
        "web.pcap",
        "directory.pcap",
        "things.pcap",
        "voice.pcap",
        "hospital.pcapng",
        "plugs.pcap",
        "vpn.pcap",
        "bedside2.pcap",
    ];
    for (round, capture) in captures.into_iter().enumerate() {
        site.read(capture);
        match round % 4 {
            0 => syslog.kill(),
            1 => web.kill(),
            2 => {
                deliverer.kill();
                deliverer = start();
            }
            _ => {
                deliverer.kill();
                std::thread::sleep(Duration::from_millis(300));
                deliverer = start();
                syslog.kill();
                web.kill();
            }
        }
        std::thread::sleep(Duration::from_millis(u64::try_from(round).expect("few") * 137 % 900));
        syslog.start();
        web.start();
    }
    let all: BTreeSet<i64> = site.ids().into_iter().collect();
    assert!(all.len() > 50, "only {} alerts", all.len());
    patiently("everything is there", || {
        let got = |ids: Vec<i64>| ids.into_iter().collect::<BTreeSet<_>>();
        got(syslog_ids(&syslog.took())) == all && got(web_ids(&web.took())) == all
    });
    // In order: each for the first time after all before it.
    for ids in [syslog_ids(&syslog.took()), web_ids(&web.took())] {
        let mut seen = 0;
        for id in ids {
            assert!(id <= seen + 1, "{id} before {}", seen + 1);
            seen = seen.max(id);
        }
    }
}

/// A receiver that is written into the configuration gets everything after SIGHUP; what is
/// wrong with the file ends nothing.
#[test]
fn receivers_are_read_anew() {
    let site = Site::with_alerts();
    let at = |name: &str| site.at(name).display().to_string();
    let receiver = |name: &str| {
        format!("[[alerts.to]]\nname = '{name}'\nkind = 'jsonl'\nfile = '{}'\n", at(name))
    };
    let write = |text: &str| std::fs::write(site.at("a.toml"), text).expect("written");
    write(&receiver("one"));
    let args = ["alerts", "--follow", "--deliver", "--state", "s", "--config", "a.toml"];
    let mut command = site.command(&args);
    let deliverer =
        Running(command.stderr(Stdio::null()).stdin(Stdio::null()).spawn().expect("started"));
    let got = |name: &str| ids(std::fs::read_to_string(site.at(name)).unwrap_or_default().lines());
    let all = site.ids();
    patiently("the first has all", || got("one") == all);
    let hang_up = || {
        let id = deliverer.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("runs").success());
    };
    write("[[alerts.to]]\nkind = 'pigeon'\n");
    hang_up();
    std::thread::sleep(Duration::from_millis(500));
    write(&[receiver("one"), receiver("two")].concat());
    hang_up();
    patiently("the second has all", || got("two") == all);
    site.read("bedside.pcap");
    let more = site.ids();
    assert!(more.len() > all.len());
    patiently("both go on", || got("one") == more && got("two") == more);
    deliverer.kill();
}

/// Of a receiver that resets two of five connections after some lines: it is caught up
/// with, and gets everything.
#[test]
fn a_receiver_that_tears_connections_gets_everything() {
    let site = Site::new();
    for capture in [
        "hl7.pcap",
        "hospital.pcapng",
        "dicom.pcap",
        "windows.pcap",
        "bedside.pcap",
        "names.pcap",
        "directory.pcap",
        "things.pcap",
        "plugs.pcap",
        "web.pcap",
        "voice.pcap",
        "vpn.pcap",
        "bedside2.pcap",
    ] {
        site.read(capture);
    }
    let all: BTreeSet<i64> = site.ids().into_iter().collect();
    // More than two connections in a row can take.
    assert!(all.len() > 100, "only {} alerts", all.len());
    let torn = Receiver::new(Speaks::Torn);
    let config = format!(
        "[alerts]\nretry_seconds = 1\n\
         [[alerts.to]]\nname = 'siem'\nkind = 'syslog'\naddress = 'tcp://127.0.0.1:{}'\n",
        torn.port
    );
    std::fs::write(site.at("a.toml"), config).expect("written");
    let args = ["alerts", "--follow", "--deliver", "--state", "s", "--config", "a.toml"];
    let mut command = site.command(&args);
    let deliverer =
        Running(command.stderr(Stdio::null()).stdin(Stdio::null()).spawn().expect("started"));
    let last = format!("\"id\":{},", all.len());
    patiently("the cursor stands after the last", || {
        std::fs::read_to_string(site.at("s/siem.cursor")).is_ok_and(|it| it.contains(&last))
    });
    deliverer.kill();
    let got = syslog_ids(&torn.took());
    assert_eq!(got.iter().copied().collect::<BTreeSet<_>>(), all);
    assert!(got.len() > all.len(), "some came again: nothing was torn otherwise");
}

/// Every second connection is reset: what gets on is not made to wait.
#[test]
fn a_receiver_that_resets_every_second_connection_is_caught_up_with_soon() {
    let site = Site::with_alerts();
    let connection = rusqlite::Connection::open(site.at("a.db")).expect("opened");
    let columns = "kind, severity, asset, label, address, mac, subject, before, after, summary, \
                   evidence, resolves, key, repeats, last_at";
    let more = format!(
        "INSERT INTO alert (id, at, {columns}) SELECT id + (SELECT max(id) FROM alert), at, \
         {columns} FROM alert WHERE id + (SELECT max(id) FROM alert) <= 1001"
    );
    while connection.execute(&more, []).expect("written") > 0 {}
    drop(connection);
    let halting = Receiver::new(Speaks::Halting);
    let config = format!(
        "[[alerts.to]]\nname = 'siem'\nkind = 'syslog'\naddress = 'tcp://127.0.0.1:{}'\n",
        halting.port
    );
    std::fs::write(site.at("a.toml"), config).expect("written");
    let args = ["alerts", "--follow", "--deliver", "--state", "s", "--config", "a.toml"];
    let begun = Instant::now();
    let mut command = site.command(&args);
    let deliverer =
        Running(command.stderr(Stdio::null()).stdin(Stdio::null()).spawn().expect("started"));
    patiently("all are taken", || {
        syslog_ids(&halting.took()).into_iter().collect::<BTreeSet<_>>().len() == 1001
    });
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    deliverer.kill();
}

#[test]
fn no_output_holds_a_patient() {
    let canaries = std::fs::read_to_string(lab::capture("canaries.txt")).expect("canaries.txt");
    let canaries: Vec<&str> = canaries
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let site = Site::new();
    site.read("plugs.pcap");
    for capture in lab::captures() {
        let path = capture.display().to_string();
        site.run(&["read", "-q", &path]);
    }
    let web = Receiver::new(Speaks::Http);
    let syslog = Receiver::new(Speaks::Syslog);
    let hook = format!("webhook:http://127.0.0.1:{}/", web.port);
    let siem = format!("syslog:tcp://127.0.0.1:{}", syslog.port);
    site.out(&["alerts", "--to", &hook, "--to", &siem, "--state", "s"]);
    let formats = ["text", "json", "csv"].map(|it| site.out(&["alerts", "--format", it]));
    let all = [formats.concat(), web.took().concat(), syslog.took().concat()];
    assert!(all.iter().all(|text| text.len() > 10_000), "too little to be searched");
    for text in all {
        let text = text.to_lowercase();
        for canary in &canaries {
            assert!(!text.contains(&canary.to_lowercase()), "{canary}");
        }
    }
}
