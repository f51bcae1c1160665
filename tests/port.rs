//! The mirror port itself: nothing leaves it, what it drops is counted, and a card that is
//! changed while the sensor runs is noticed. Where the rights for a mirror port are missing,
//! each test says so and proves nothing.

mod mirror;

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use auscult::store::Inventory;
use auscult::wire::capture::parse_bytes;
use etherparse::PacketBuilder;
use mirror::{Mirror, PORT, TAP, must};

const AUSCULT: &str = env!("CARGO_BIN_EXE_auscult");

fn mirror(queues: u16) -> Option<Mirror> {
    let skip = |why: String| {
        let _ = writeln!(io::stderr(), "skipped, no mirror port can be made here: {why}");
    };
    Mirror::lay(queues).map_err(skip).ok()
}

/// A sensor that listens; it goes with its test.
struct Sensor {
    child: Child,
    said: BufReader<ChildStderr>,
    /// The lines of its start, one for each port the last ones.
    first: String,
    db: PathBuf,
}

impl Sensor {
    fn start(mirror: &Mirror, db: &Path, arguments: &[&str]) -> Self {
        let mut command = mirror.near(AUSCULT);
        command.arg("--db").arg(db).args(["listen", "-i", PORT]).args(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let mut sensor = Self { child, said, first: String::new(), db: db.to_owned() };
        while !sensor.first.contains("workers") {
            let line = sensor.line();
            assert!(!line.is_empty(), "{}", sensor.first);
            sensor.first.push_str(&line);
        }
        // Until it reads.
        std::thread::sleep(Duration::from_millis(600));
        sensor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("text");
        line
    }

    fn stop(mut self) -> String {
        must("kill", &["-15", &self.child.id().to_string()]).expect("kill");
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("ended");
        assert!(status.success(), "{status}: {rest}");
        rest
    }

    fn has_written(&self, frames: u64) {
        let begun = Instant::now();
        let came = || {
            ["frames", "lost.host", "lost.interface"]
                .map(|n| counter(&self.db, PORT, n))
                .iter()
                .sum::<u64>()
        };
        while came() < frames {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {frames}", came());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn counter(db: &Path, port: &str, name: &str) -> u64 {
    let Ok(inventory) = Inventory::open(db) else { return 0 };
    let captures = inventory.captures().expect("readable");
    captures.iter().filter(|c| c.name == port).filter_map(|c| c.counters.get(name)).sum()
}

fn hospital() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab/hospital.pcapng");
    let mut all = Vec::new();
    parse_bytes(&std::fs::read(path).expect("there"), &mut |frames, _| {
        all.extend(frames.iter().map(|frame| frame.bytes.to_vec()));
        ControlFlow::Continue(())
    })
    .expect("whole");
    all
}

/// A datagram of a conversation of its own.
fn datagram(number: u16, length: usize) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 1, high, low], [2, 0, 0, 2, 0, 1])
        .ipv4([10, 1, high, low], [10, 2, 0, 1], 64)
        .udp(number, 40_001);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0x55; length]).expect("fits");
    frame
}

/// A question for the address of the sensor's other interface, to everybody.
fn question() -> Vec<u8> {
    let ends = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 9], &[8, 6]];
    let who = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2, 0, 0, 0, 0, 9], &[10, 77, 0, 9]];
    let whom = [&[0; 6][..], &[10, 77, 0, 1], &[0; 18]];
    [ends, who, whom].concat().concat()
}

/// Frames that leave the port while it is asked for an address and its link comes up.
fn leaving(mirror: &Mirror) -> u64 {
    let before = mirror.sent_back();
    let questions = vec![question(); 20];
    mirror.send(questions.iter().map(Vec::as_slice), 20);
    mirror.ip(&["link", "set", PORT, "down"]);
    mirror.ip(&["link", "set", PORT, "up"]);
    // As long as IPv6 takes to look for its address and for routers.
    std::thread::sleep(Duration::from_millis(2500));
    mirror.sent_back() - before
}

/// A host as the kernel makes one: with IPv6, and with an address elsewhere.
fn talkative() -> Option<Mirror> {
    let mirror = mirror(1)?;
    mirror.tap().expect("a second cable");
    mirror.ip(&["addr", "add", "10.77.0.1/24", "dev", TAP]);
    let on = format!("net.ipv6.conf.{PORT}.disable_ipv6=0");
    must("ip", &["netns", "exec", &mirror.near, "sysctl", "-q", "-w", &on]).expect("sysctl");
    Some(mirror)
}

#[test]
fn a_port_that_is_down_is_brought_up_and_read_as_it_should_be() {
    let Some(mirror) = talkative() else { return };
    for (method, way) in [("auto", "af-xdp"), ("pcap", "pcap"), ("af-packet", "af-packet")] {
        mirror.ip(&["link", "set", PORT, "mtu", "1500", "down"]);
        let dir = tempfile::tempdir().expect("a directory");
        let before = mirror.sent_back();
        let sensor = Sensor::start(&mirror, &dir.path().join("live.db"), &["--capture", method]);
        let first = &sensor.first;
        assert!(first.contains("brought up") && first.contains(&format!("{way} (")), "{first}");
        assert_eq!(mirror.sent_back(), before, "{method}: it came up in silence");
        sensor.stop();
    }
    mirror.ip(&["link", "set", PORT, "down"]);
    let dir = tempfile::tempdir().expect("a directory");
    let sensor = Sensor::start(&mirror, &dir.path().join("live.db"), &["--keep-card"]);
    assert!(!sensor.first.contains("brought up"), "{}", sensor.first);
    sensor.stop();
    let state = must("ip", &["-n", &mirror.near, "link", "show", "dev", PORT]).expect("shown");
    assert!(state.contains("state DOWN"), "as asked: {state}");
}

#[test]
fn nothing_leaves_a_mirror_port() {
    for method in ["af-packet", "af-xdp", "auto"] {
        let Some(mirror) = talkative() else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let sensor = Sensor::start(&mirror, &dir.path().join("live.db"), &["--capture", method]);
        assert!(sensor.first.contains("silenced: ARP and IPv6"), "{}", sensor.first);
        assert_eq!(leaving(&mirror), 0, "{method}");
        sensor.stop();
        assert_eq!(leaving(&mirror), 0, "it stays so");
    }
}

#[test]
fn who_keeps_the_card_as_it_is_hears_what_the_host_may_send() {
    let Some(mirror) = talkative() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &["--capture", "af-packet", "--keep-card"]);
    let line = sensor.line();
    assert!(line.contains(&format!("`ip link set dev {PORT} arp off`")), "{line}");
    assert!(line.contains(&format!("`sysctl -w net/ipv6/conf/{PORT}/disable_ipv6=1`")), "{line}");
    assert!(leaving(&mirror) > 20, "the test would see it");
    sensor.stop();
    mirror.ip(&["link", "set", "dev", PORT, "arp", "off"]);
    let quiet = format!("net/ipv6/conf/{PORT}/disable_ipv6=1");
    must("ip", &["netns", "exec", &mirror.near, "sysctl", "-q", "-w", &quiet]).expect("as told");
    assert_eq!(leaving(&mirror), 0, "what was told is what it takes");
}

#[test]
fn an_interface_with_an_address_is_left_as_it_is() {
    let Some(mirror) = talkative() else { return };
    mirror.ip(&["addr", "add", "10.78.0.1/24", "dev", PORT]);
    let dir = tempfile::tempdir().expect("a directory");
    let mut sensor = Sensor::start(&mirror, &dir.path().join("live.db"), &[]);
    assert!(sensor.first.contains("af-packet (not af-xdp, which would take it away from the host"));
    let line = sensor.line();
    assert!(line.contains(&format!("`ip addr flush dev {PORT}`")), "{line}");
    let flags = must("ip", &["-n", &mirror.near, "link", "show", "dev", PORT]).expect("shown");
    assert!(!flags.contains("NOARP"), "{flags}");
    sensor.stop();
}

/// Frames are counted where they came, whoever reads them: a port that is dead looks dead,
/// and its worker, who reads what the other hands over, has no clock of its own.
#[test]
fn frames_are_counted_on_the_port_that_brought_them() {
    for method in ["af-packet", "af-xdp"] {
        let Some(mirror) = mirror(1) else { return };
        mirror.tap().expect("a second cable");
        let dir = tempfile::tempdir().expect("a directory");
        let db = dir.path().join("live.db");
        let sensor = Sensor::start(&mirror, &db, &[TAP, "--capture", method]);
        let frames = hospital();
        let bytes: usize = frames.iter().map(Vec::len).sum();
        let sent = mirror.send(frames.iter().map(Vec::as_slice), 50);
        sensor.has_written(sent);
        std::thread::sleep(Duration::from_millis(600));
        let said = sensor.stop();
        assert_eq!(
            (counter(&db, PORT, "frames"), counter(&db, TAP, "frames")),
            (sent, 0),
            "{said}"
        );
        assert_eq!(counter(&db, PORT, "bytes"), bytes as u64);
        assert!(counter(&db, PORT, "workers.handed") > 0, "they did share");
        assert_eq!(counter(&db, PORT, "clock.steps") + counter(&db, TAP, "clock.steps"), 0);
        assert!(!said.contains("stamped"), "{said}");
    }
}

/// As many queues as somebody wants now.
fn queues(namespace: &str, arguments: &[&str]) -> bool {
    let set = [&["netns", "exec", namespace, "ethtool", "-L", PORT][..], arguments].concat();
    must("ip", &set).map_err(|why| drop(writeln!(io::stderr(), "skipped: {why}"))).is_ok()
}

#[test]
fn queues_that_come_later_are_noticed() {
    let Some(mirror) = mirror(4) else { return };
    mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
    if !(queues(&mirror.near, &["rx", "1", "tx", "4"]) && queues(&mirror.far, &["tx", "1"])) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &["--capture", "af-xdp"]);
    assert!(sensor.first.contains("1 queue"), "{}", sensor.first);
    assert!(queues(&mirror.near, &["rx", "4"]) && queues(&mirror.far, &["tx", "4"]));
    let send = |from: u16| {
        let frames: Vec<_> = (from..from + 500).map(|n| datagram(n, 60)).collect();
        mirror.send(frames.iter().map(Vec::as_slice), 20)
    };
    let before = send(1_000);
    // What was lost until then may be said before.
    let said = (0..3).map(|_| sensor.line()).find(|line| line.contains("read by af-packet now"));
    assert!(said.is_some(), "nothing is said of it");
    sensor.has_written(before);
    let (read, passed) = (counter(&db, PORT, "frames"), counter(&db, PORT, "lost.host"));
    assert!(passed > 0 && read + passed == before, "{read} {passed}");
    std::thread::sleep(Duration::from_millis(500));
    let after = send(2_000);
    sensor.has_written(before + after);
    let said = sensor.stop();
    assert_eq!(counter(&db, PORT, "frames"), read + after, "all is read now: {said}");
    assert!(said.contains("lost.host"), "{said}");
}

/// What a socket of AF_XDP misses its driver drops: once is enough.
#[test]
fn what_nobody_reads_is_counted_once() {
    let Some(mirror) = mirror(1) else { return };
    mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let sensor =
        Sensor::start(&mirror, &db, &["--capture", "af-xdp", "--ring", "2", "--log", "journald"]);
    let mut sent = 0;
    for round in 0..4 {
        must("kill", &["-STOP", &sensor.child.id().to_string()]).expect("kill");
        let frames: Vec<_> = (0..5_000).map(|n| datagram(round * 5_000 + n, 60)).collect();
        sent += mirror.send(frames.iter().map(Vec::as_slice), 50);
        must("kill", &["-CONT", &sensor.child.id().to_string()]).expect("kill");
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let said = sensor.stop();
    let of = |name| counter(&db, PORT, name);
    let missed = of("lost.ring") + of("lost.fill") + of("lost.invalid");
    assert!(missed > 5_000, "{said}");
    assert_eq!((of("frames") + missed, of("lost.interface")), (sent, 0), "{said}");
    // And the summary says it as what it is.
    let summary = |line: &&str| line.contains("were lost before they were read");
    assert!(said.lines().find(summary).expect("said").starts_with("<4>"), "{said}");
    assert!(said.contains("\n<6>"), "{said}");
}

#[test]
fn a_cable_that_is_pulled_is_said() {
    for method in ["af-packet", "af-xdp"] {
        let Some(mirror) = mirror(1) else { return };
        mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
        let dir = tempfile::tempdir().expect("a directory");
        let sensor = Sensor::start(&mirror, &dir.path().join("l.db"), &["--capture", method]);
        let far = |state| must("ip", &["-n", &mirror.far, "link", "set", PORT, state]);
        far("down").expect("pulled");
        // A link that is coming up has none for some seconds, which is nothing to say.
        std::thread::sleep(Duration::from_secs(5));
        far("up").expect("plugged");
        std::thread::sleep(Duration::from_secs(1));
        mirror.send([datagram(1, 60)].iter().map(Vec::as_slice), 1);
        std::thread::sleep(Duration::from_secs(1));
        let said = sensor.stop();
        let lines: Vec<_> = said.lines().take(3).collect();
        assert!(lines[0].contains(&format!("{PORT}: no carrier: the cable is out")), "{said}");
        assert!(lines[1].contains("the link is back, no frame came yet"), "{said}");
        assert!(lines[2].contains("frames come again"), "{said}");
    }
}

/// A new interface of the name is down, and nobody here has the right to bring it up.
#[test]
fn an_interface_that_comes_back_down_is_told_with_the_command() {
    let Some(mirror) = mirror(1) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let mut sensor = Sensor::start(&mirror, &dir.path().join("l.db"), &["--capture", "af-packet"]);
    mirror.ip(&["link", "del", PORT]);
    assert!(sensor.line().contains("the interface is gone"));
    mirror.plug(1).expect("there again");
    mirror.ip(&["link", "set", PORT, "down"]);
    let up = format!("the interface is down: `ip link set dev {PORT} up` brings it up");
    let mut line = sensor.line();
    while line.contains("is back") {
        line = sensor.line();
    }
    assert!(line.contains(&up), "{line}");
    mirror.ip(&["link", "set", "dev", PORT, "up"]);
    let line = sensor.line();
    assert!(line.contains("the interface is up again, no frame came yet"), "{line}");
    mirror.send([datagram(1, 60)].iter().map(Vec::as_slice), 1);
    let line = sensor.line();
    assert!(line.contains("frames come again"), "{line}");
    sensor.stop();
}

#[test]
fn what_the_interface_drops_is_counted_as_lost() {
    for method in ["af-packet", "af-xdp"] {
        let Some(mirror) = mirror(1) else { return };
        // Longer frames than its MTU a virtual cable does not take.
        mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
        let dir = tempfile::tempdir().expect("a directory");
        let db = dir.path().join("live.db");
        let sensor = Sensor::start(&mirror, &db, &["--capture", method]);
        let long = |n: u16| if n.is_multiple_of(2) { 8_000 } else { 100 };
        let frames: Vec<_> = (0..400).map(|n| datagram(n, long(n))).collect();
        mirror.offer(frames.iter().map(Vec::as_slice));
        sensor.has_written(400);
        std::thread::sleep(Duration::from_millis(1200));
        let said = sensor.stop();
        let of = |name| counter(&db, PORT, name);
        assert_eq!((of("frames"), of("lost.interface")), (200, 200), "{method}: {said}");
        assert!(said.contains("lost.interface 200"), "{said}");
        let inventory = Inventory::open(&db).expect("there");
        let health = inventory.health_of_late(3_600).expect("readable");
        let health = health.into_iter().find(|(port, _)| port == PORT).expect("of this port").1;
        assert_eq!((health.came(), health.lost()), (400, 200));
    }
}

/// An address that is not there yet or is taken, and a file that is bad, are said; and read on.
#[test]
fn what_can_be_mended_later_stops_no_capture() {
    let Some(mirror) = mirror(1) else { return };
    mirror.ip(&["link", "set", "lo", "up"]);
    let (dir, site) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let (overlay, config) = (site.path().join("signatures.d"), site.path().join("a.toml"));
    std::fs::create_dir(&overlay).expect("made");
    std::fs::write(overlay.join("x.toml"), "[").expect("written");
    std::fs::write(&config, format!("signatures = '{}'", overlay.display())).expect("written");
    let config = config.to_str().expect("text");
    let ahead = "192.0.2.77:19599";
    let arguments = ["--capture", "af-packet", "--metrics", ahead, "--config", config];
    let db = dir.path().join("live.db");
    let sensor = Sensor::start(&mirror, &db, &arguments);
    let first = &sensor.first;
    assert!(first.contains("x.toml") && first.contains("goes on WITHOUT IT"), "{first}");
    assert!(first.contains(&format!("no interface has {ahead} yet")), "{first}");
    mirror.ip(&["addr", "add", "192.0.2.77/32", "dev", "lo"]);
    let answer = || {
        let mut client = std::net::TcpStream::connect(ahead).expect("it listens");
        client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("asked");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("answered");
        answer
    };
    assert!(mirror.inside(answer).contains("auscult_frames_total"));
    // Another one that wants the same.
    let other = dir.path().join("other.db");
    let second = Sensor::start(&mirror, &other, &["--capture", "af-packet", "--metrics", ahead]);
    assert!(second.first.contains(&format!("cannot listen on {ahead} (")), "{}", second.first);
    let frames: Vec<_> = (0..10).map(|n| datagram(n, 60)).collect();
    let sent = mirror.send(frames.iter().map(Vec::as_slice), 10);
    for sensor in [sensor, second] {
        sensor.has_written(sent);
        sensor.stop();
    }
}

#[test]
#[cfg(feature = "libpcap")]
fn frames_that_are_not_ethernet_are_left_to_libpcap() {
    let Some(mirror) = mirror(1) else { return };
    let tun = ["netns", "exec", &mirror.near, "ip", "tuntap", "add", "dev", "raw0", "mode", "tun"];
    if let Err(why) = must("ip", &tun) {
        let _ = writeln!(io::stderr(), "skipped: {why}");
        return;
    }
    mirror.ip(&["link", "set", "raw0", "up"]);
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    for method in ["af-packet", "af-xdp"] {
        let mut command = mirror.near(AUSCULT);
        command.arg("--db").arg(&db).args(["listen", "-i", "raw0", "--capture", method]);
        let out = command.output().expect("run");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("not Ethernet") && said.contains("--capture pcap"), "{said}");
        assert_eq!((out.status.code(), db.exists()), (Some(1), false));
    }
    let sensor = Sensor::start(&mirror, &db, &["raw0"]);
    let pcap = |line: &&str| line.contains("raw0: pcap (its frames are not Ethernet's");
    let lines = sensor.first.clone() + &sensor.stop();
    assert_eq!(lines.lines().filter(pcap).count(), 1, "{lines}");
}

#[test]
fn the_doctor_calls_nothing_good_that_is_not() {
    let Some(mirror) = mirror(1) else { return };
    mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    std::fs::write(&db, "no database").expect("written");
    let (overlay, config) = (dir.path().join("signatures.d"), dir.path().join("a.toml"));
    std::fs::create_dir(&overlay).expect("made");
    std::fs::write(overlay.join("x.toml"), "[").expect("written");
    std::fs::write(&config, format!("signatures = '{}'", overlay.display())).expect("written");
    let mut doctor = mirror.near(AUSCULT);
    doctor.arg("--config").arg(&config).arg("--db").arg(&db);
    doctor.args(["doctor", "-i", "nowhere", PORT, "--seconds", "4", "--capture", "af-packet"]);
    let mut doctor = doctor.stdout(Stdio::piped()).spawn().expect("started");
    let frames: Vec<_> = (0..100).map(|n| datagram(n, 50 + usize::from(n % 2) * 8_000)).collect();
    // When it begins to watch it does not say, and a busy machine takes its time.
    while doctor.try_wait().expect("a child").is_none() {
        mirror.offer(frames.iter().map(Vec::as_slice));
        std::thread::sleep(Duration::from_millis(200));
    }
    let out = doctor.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = |name: &str| said.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("inventory ").starts_with("BAD "), "{said}");
    assert!(line("site's files").contains("x.toml"), "{said}");
    assert!(line("no such interface").starts_with("BAD "), "{said}");
    assert!(line("directions").contains("too few to tell"), "{said}");
    let mtu = format!("`ip link set dev {PORT} mtu 9216`");
    assert!(line("MTU 1500").starts_with("BAD ") && line("MTU 1500").contains(&mtu), "{said}");
    assert!(line("frames lost here").starts_with("BAD "), "{said}");
    assert!(line("silence").contains(&format!("`ip link set dev {PORT} arp off`")), "{said}");
    assert!(!said.contains("IFACE") && out.status.code() == Some(1), "{said}");
}

#[test]
fn the_service_may_ask_for_addresses() {
    let unit = include_str!("../packaging/auscult.service");
    let line = unit.lines().find(|line| line.starts_with("RestrictAddressFamilies=")).expect("one");
    assert!(line.split([' ', '=']).any(|family| family == "AF_NETLINK"), "{line}");
}
