//! The sensor as a service that runs for years: killed, short of disk, flooded, watched.
//! Where the rights for a mirror port are missing, each test says so and proves nothing.

mod mirror;

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auscult::census::signature::Book;
use auscult::store::{Health, Inventory, Writer};
use etherparse::PacketBuilder;
use mirror::{Mirror, PORT, must};

const AUSCULT: &str = env!("CARGO_BIN_EXE_auscult");

fn mirror() -> Option<Mirror> {
    let skip = |why: String| {
        let _ = writeln!(io::stderr(), "skipped, no mirror port can be made here: {why}");
    };
    Mirror::lay(1).map_err(skip).ok()
}

/// A sensor that listens; it goes with its test.
struct Sensor {
    child: Child,
    said: BufReader<ChildStderr>,
    db: PathBuf,
}

impl Sensor {
    fn start(mirror: &Mirror, db: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = mirror.near(AUSCULT);
        command.arg("--db").arg(db).args(["listen", "-i", PORT, "--capture", "af-packet"]);
        command.args(arguments).envs(environment.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let mut sensor = Self { child, said, db: db.to_owned() };
        for wanted in ["rights given up: ", "workers"] {
            let line = sensor.line();
            assert!(line.contains(wanted), "{line}");
        }
        sensor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("text");
        line
    }

    fn signal(&self, signal: &str) {
        must("kill", &[signal, &self.child.id().to_string()]).expect("kill");
    }

    /// Ends it; what it said since.
    fn stop(mut self, signal: &str) -> String {
        self.signal(signal);
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("ended");
        assert!(status.success() || signal == "-9", "{status}: {rest}");
        rest
    }

    fn has_written(&self, frames: u64) {
        // A small ring on a busy machine loses some, and says so.
        let came = || counter(&self.db, "frames") + counter(&self.db, "lost.ring");
        wait_for("frames are written", || came() >= frames);
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn counter(db: &Path, name: &str) -> u64 {
    let Ok(inventory) = Inventory::open(db) else { return 0 };
    let captures = inventory.captures().expect("readable");
    captures.iter().filter(|c| c.name == PORT).filter_map(|c| c.counters.get(name)).sum()
}

/// All that the health rows of the port hold.
fn health(db: &Path) -> Health {
    let inventory = Inventory::open(db).expect("an inventory");
    let mut all = Health::default();
    for stretch in inventory.health(i64::MIN, i64::MAX).expect("readable") {
        assert_eq!(stretch.port, PORT);
        all.add(&stretch.health);
    }
    all
}

/// A datagram of a host of its own.
fn frame(host: u16, length: usize) -> Vec<u8> {
    let [high, low] = host.to_be_bytes();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 1, high, low], [2, 0, 0, 2, 0, 1])
        .ipv4([10, 1, high, low], [10, 2, 0, 1], 64)
        .udp(40_000, 40_001);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0x55; length.max(8)]).expect("fits");
    frame
}

fn send(mirror: &Mirror, hosts: std::ops::Range<u16>) -> u64 {
    let frames: Vec<_> = hosts.map(|host| frame(host, 60)).collect();
    mirror.send(frames.iter().map(Vec::as_slice), 20)
}

/// Hosts that a new process knows.
fn remembered(db: &Path) -> BTreeSet<u16> {
    let mut writer = Writer::open(db).expect("it opens");
    let census = writer.restore(Arc::clone(Book::builtin())).expect("it is read");
    let hosts = census.hosts().filter_map(|(host, _)| match host.ip? {
        IpAddr::V4(ip) => match ip.octets() {
            [10, 1, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        },
        IpAddr::V6(_) => None,
    });
    hosts.collect()
}

#[test]
fn a_kill_loses_five_seconds_at_most() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let sensor = Sensor::start(&mirror, &db, &[], &[]);
    let (begun, mut sent) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(9) {
        let host = u16::try_from(sent.len()).expect("few");
        send(&mirror, host..host + 1);
        sent.push(Instant::now());
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Instant::now();
    sensor.stop("-9");
    let known = remembered(&db);
    let (mut due, mut lost) = (0, 0);
    for (host, at) in (0..).zip(&sent) {
        if killed.duration_since(*at) > Duration::from_secs(5) {
            due += 1;
            assert!(known.contains(&host), "host {host} of {} is missing", sent.len());
        }
        lost += usize::from(!known.contains(&host));
    }
    assert!(due > 50 && lost < sent.len(), "{due} {lost}");
    let kept = health(&db);
    assert!(kept.get("frames") >= due && kept.observed >= 3, "{kept:?}");
}

/// A small disk of its own.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().display().to_string();
        let skip = |why| drop(writeln!(io::stderr(), "skipped, no disk can be made here: {why}"));
        must("mount", &["-t", "tmpfs", "-o", "size=16M", "tmpfs", &path]).map_err(skip).ok()?;
        Some(Self(dir))
    }

    /// Leaves no room; what takes it.
    fn fill(&self) -> PathBuf {
        let filler = self.0.path().join("filler");
        let mut file = std::fs::File::create(&filler).expect("made");
        while file.write(&[1; 4096]).is_ok_and(|n| n > 0) {}
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = must("umount", &["-l", &self.0.path().display().to_string()]);
    }
}

#[test]
fn a_full_disk_stops_nothing_and_all_is_written_when_there_is_room() {
    let Some(mirror) = mirror() else { return };
    let Some(disk) = Disk::mount() else { return };
    let db = disk.0.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[], &[]);
    let mut sent = send(&mirror, 0..100);
    sensor.has_written(sent);
    let filler = disk.fill();
    sent += send(&mirror, 100..2_000);
    let line = sensor.line();
    assert!(line.contains("disk full"), "{line}");
    sent += send(&mirror, 2_000..3_000);
    std::fs::remove_file(&filler).expect("removed");
    let line = sensor.line();
    assert!(line.contains("the inventory is written again"), "{line}");
    sensor.has_written(sent);
    let said = sensor.stop("-15");
    assert_eq!((counter(&db, "frames"), counter(&db, "journal.lost")), (sent, 0), "{said}");
    assert_eq!(health(&db).get("frames"), sent, "no second is missing");
    // What begins on a full disk captures all the same.
    let filler = disk.fill();
    let mut sensor = Sensor::start(&mirror, &db, &[], &[]);
    sent += send(&mirror, 3_000..3_100);
    let line = sensor.line();
    assert!(line.contains("disk full") && line.contains("by itself"), "{line}");
    std::fs::remove_file(&filler).expect("removed");
    sensor.has_written(sent);
    sensor.stop("-15");
    assert_eq!(remembered(&db).range(..3_100).count(), 3_100);
}

/// What SQLite needs beside the log to let readers in was lost with the power, and there is
/// no room for it.
#[test]
fn a_sensor_that_was_killed_begins_again_on_a_full_disk() {
    let Some(mirror) = mirror() else { return };
    let Some(disk) = Disk::mount() else { return };
    let db = disk.0.path().join("live.db");
    let sensor = Sensor::start(&mirror, &db, &[], &[]);
    let mut sent = send(&mirror, 0..100);
    sensor.has_written(sent);
    sensor.stop("-9");
    assert!(db.with_extension("db-wal").exists(), "the log is not folded in");
    std::fs::remove_file(db.with_extension("db-shm")).expect("removed");
    let filler = disk.fill();
    let mut sensor = Sensor::start(&mirror, &db, &[], &[]);
    sent += send(&mirror, 100..2_000);
    let line = sensor.line();
    assert!(line.contains("disk full"), "{line}");
    sent += send(&mirror, 2_000..2_100);
    std::fs::remove_file(&filler).expect("removed");
    assert!(sensor.line().contains("the inventory is written again"));
    // Which is told by a reader beside it.
    sensor.has_written(sent);
    sensor.stop("-15");
    assert_eq!(remembered(&db).range(..2_100).count(), 2_100);
}

#[test]
fn an_inventory_that_is_removed_is_told_and_ends_the_sensor() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[], &[]);
    sensor.has_written(send(&mirror, 0..50));
    std::fs::remove_file(&db).expect("removed");
    send(&mirror, 50..100);
    let mut said = String::new();
    sensor.said.read_to_string(&mut said).expect("text");
    let status = sensor.child.wait().expect("ended");
    assert!(status.code() == Some(1) && said.contains("its file was removed"), "{status} {said}");
}

/// What the sensor answers; empty when it hangs up.
fn ask(mirror: &Mirror, address: &str, request: &[u8]) -> String {
    let ask = || {
        let mut client = TcpStream::connect(address).expect("it listens");
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        let _ = client.write_all(request);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        String::from_utf8(answer).expect("text")
    };
    mirror.inside(ask)
}

#[test]
fn metrics_are_told_and_garbage_is_refused() {
    let Some(mirror) = mirror() else { return };
    mirror.ip(&["link", "set", "lo", "up"]);
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &["--metrics", "127.0.0.1:19598"], &[]);
    let line = sensor.line();
    let address = line.trim().strip_suffix("/metrics").and_then(|l| l.rsplit('/').next());
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    let sent = send(&mirror, 0..100);
    sensor.has_written(sent);
    let metrics = b"GET /metrics HTTP/1.1\r\nHost: sensor\r\n\r\n";
    let page = ask(&mirror, &address, metrics);
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("version=0.0.4"), "{page}");
    for wanted in [
        format!("auscult_frames_total{{port=\"{PORT}\"}} {sent}\n"),
        format!("auscult_frames_lost_total{{port=\"{PORT}\",reason=\"ring\"}} 0\n"),
        format!("auscult_port_up{{port=\"{PORT}\"}} 1\n"),
        "# TYPE auscult_frames_total counter\n".to_owned(),
        "auscult_hosts ".to_owned(),
        "auscult_signatures_info{edition=\"".to_owned(),
    ] {
        assert!(page.contains(&wanted), "{wanted}{page}");
    }
    assert!(!page.contains("10.1.0."), "nothing from the wire");
    for (request, status) in [
        (&b"\0\xff\xfe\r\n\r\n"[..], "400"),
        (b"GET /metrics\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"),
    ] {
        let answer = ask(&mirror, &address, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let long = ask(&mirror, &address, &[b'x'; 1 << 20]);
    assert!(long.is_empty() || long.contains(" 431 "), "{long}");
    // Clients that say nothing hold up neither the next one nor a frame.
    let silent =
        mirror.inside(|| [(); 3].map(|()| TcpStream::connect(&address).expect("it listens")));
    assert!(ask(&mirror, &address, metrics).contains(" 200 "));
    drop(silent);
    sensor.stop("-15");
}

#[test]
fn the_service_manager_hears_of_life_and_end() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("bound");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let environment =
        [("NOTIFY_SOCKET", path.to_str().expect("text")), ("WATCHDOG_USEC", "2000000")];
    // The inventory is elsewhere: nothing near the socket can be opened any more.
    let state = tempfile::tempdir().expect("a directory");
    let db = state.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[], &environment);
    let hear = |wanted: &str| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let mut room = [0; 1024];
            let n = manager.recv(&mut room).expect("a word");
            let said = String::from_utf8_lossy(&room[..n]).into_owned();
            if said.contains(wanted) {
                return said;
            }
        }
        panic!("no {wanted}");
    };
    hear("READY=1");
    hear("STATUS=");
    hear("WATCHDOG=1");
    (0..3).for_each(|_| drop(hear("WATCHDOG=1")));
    sensor.signal("-1");
    assert!(sensor.line().contains("read anew"));
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    hear("READY=1");
    sensor.signal("-15");
    hear("STOPPING=1");
    sensor.stop("-15");
}

/// SIGHUP reads what is told (`[alerts]`) and acceptances anew; what is wrong stays outside.
#[test]
fn a_reload_reads_what_is_told() {
    let Some(mirror) = mirror() else { return };
    let (dir, site) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let db = dir.path().join("live.db");
    let sensor = Sensor::start(&mirror, &db, &[], &[]);
    sensor.has_written(send(&mirror, 0..50));
    sensor.stop("-15");
    let (config, accepted) = (site.path().join("a.toml"), site.path().join("accepted.toml"));
    // As editors do it: another file takes its place.
    let write = |first: &str, alerts: &str| {
        let text = format!("{first}\n[alerts]\nlearning_days = 0\n{alerts}\n");
        std::fs::write(config.with_extension("new"), text).expect("written");
        std::fs::rename(config.with_extension("new"), &config).expect("in its place");
    };
    write("", "off = ['new_device']");
    let given = config.display().to_string();
    let mut sensor = Sensor::start(&mirror, &db, &["--config", &given], &[]);
    sensor.has_written(50 + send(&mirror, 100..150));
    write("", "off = ['new_devices']");
    sensor.signal("-1");
    let line = sensor.line();
    assert!(line.contains("stay as they are") && line.contains("new_devices"), "{line}");
    // One that nobody named at the start.
    write(&format!("accepted = '{}'", accepted.display()), "");
    let nobody = "[[accepted]]\nrule = 'spreading'\nasset = 'A0123456789'\nby = 'b'\n\
                  until = '2099-01-01'\nreason = 'r'\n";
    std::fs::write(&accepted, nobody).expect("written");
    sensor.signal("-1");
    let lines = [sensor.line(), sensor.line()].concat();
    assert!(lines.contains("[alerts] are read anew"), "{lines}");
    assert!(lines.contains("the asset `A0123456789`, which is not known"), "{lines}");
    let given =
        format!("time_zone = 'Asia/Tokyo'\n{}", std::fs::read_to_string(&config).expect("it"));
    std::fs::write(&config, given).expect("written");
    sensor.signal("-1");
    let lines = [sensor.line(), sensor.line()].concat();
    assert!(lines.contains("time_zone: changed since the start; restart"), "{lines}");
    // What was published before was not told; what comes from now on is.
    send(&mirror, 200..250);
    sensor.stop("-15");
    let alerts = Inventory::open(&db).expect("there").alerts(0, 1000).expect("readable");
    let kinds: Vec<_> = alerts.iter().map(|it| it.kind.name()).collect();
    assert!(kinds.contains(&"new_device"), "{kinds:?}");
}

#[test]
fn what_the_kernel_drops_is_counted_and_said() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &["--ring", "2"], &[]);
    let before = send(&mirror, 0..100);
    sensor.has_written(before);
    // Nobody reads for a while, and the ring is small.
    sensor.signal("-STOP");
    let frames: Vec<_> = (0..10_000).map(|host| frame(host, 1_000)).collect();
    let flood = mirror.send(frames.iter().map(Vec::as_slice), 50);
    sensor.signal("-CONT");
    let line = sensor.line();
    // When the minute is over: the same that the alert says, once the next one has begun.
    assert!(line.contains(" lost in the minute from "), "{line}");
    std::thread::sleep(Duration::from_secs(3));
    let said = sensor.stop("-15");
    let (read, lost) = (counter(&db, "frames"), counter(&db, "lost.ring"));
    assert!(lost > 1_000, "{lost}");
    assert_eq!(read + lost, before + flood, "{said}");
    assert!(said.contains(&format!("{lost} of {} frames (", read + lost)), "{said}");
    let of_minute = line.rsplit(": ").next().and_then(|it| it.split(" lost in ").next());
    let alerts = Inventory::open(&db).expect("there").alerts(0, 1000).expect("readable");
    let loss = alerts.iter().find(|it| it.kind.name() == "capture_loss").expect("told");
    assert!(loss.evidence.starts_with(of_minute.expect("frames")), "{line}{}", loss.evidence);
    let kept = health(&db);
    assert_eq!((kept.get("frames"), kept.lost(), kept.came()), (read, lost, read + lost));
    let late = Inventory::open(&db).expect("there").health_of_late(3_600).expect("readable");
    assert_eq!(late.into_iter().collect::<Vec<_>>(), [(PORT.to_owned(), kept)]);
    let mut show = std::process::Command::new(AUSCULT);
    let out = show.arg("--db").arg(&db).args(["show", "10.1.0.1"]).output().expect("run");
    assert!(String::from_utf8_lossy(&out.stderr).contains(" were lost on the last day"), "{out:?}");
}

#[test]
fn a_restart_goes_on_counting() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let ids = || -> BTreeSet<String> {
        let assets = Inventory::open(&db).expect("an inventory").assets().expect("readable");
        assets.into_iter().map(|asset| asset.id.into_owned()).collect()
    };
    let sensor = Sensor::start(&mirror, &db, &[], &[]);
    let mut sent = send(&mirror, 0..100);
    sensor.stop("-15");
    let (first, before) = (ids(), counter(&db, "bytes"));
    assert_eq!((counter(&db, "frames"), first.len() >= 100), (sent, true));
    let sensor = Sensor::start(&mirror, &db, &[], &[]);
    sent += send(&mirror, 50..150);
    let said = sensor.stop("-15");
    assert!(said.starts_with("100 packets"), "the summary is of this run: {said}");
    assert_eq!(counter(&db, "frames"), sent, "the inventory holds all of them");
    assert_eq!(counter(&db, "bytes"), before * 2);
    assert_eq!(health(&db).get("frames"), sent);
    assert!(ids().is_superset(&first) && ids().len() == first.len() + 50);
}

#[test]
fn each_format_of_the_log_has_its_lines() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let run = |log: &str| {
        let mut command = mirror.near(AUSCULT);
        let db = dir.path().join(format!("{log}.db"));
        command.arg("--db").arg(db).args(["--log", log, "listen", "-i", PORT]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        let mut all = String::new();
        (0..2).for_each(|_| drop(said.read_line(&mut all)));
        must("kill", &["-15", &child.id().to_string()]).expect("kill");
        said.read_to_string(&mut all).expect("text");
        assert!(child.wait().expect("ended").success(), "{all}");
        all
    };
    for line in run("json").lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert!(line["message"].is_string() && line["level"] == "info", "{line}");
    }
    assert!(run("journald").lines().all(|line| line.starts_with("<6>")));
    assert!(run("text").starts_with("auscult: rights given up: "));
}
