//! The sensor on a live mirror port, in network namespaces of its own. Where the rights
//! for that are missing, each test says so and proves nothing.

mod lab;
mod mirror;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(feature = "libpcap")]
use auscult::wire::capture::live::{Loss, Method, Options, open};
use lab::frames_of;
use mirror::{Mirror, PORT, TAP};

const AUSCULT: &str = env!("CARGO_BIN_EXE_auscult");

/// The mirror port, or the reason why there is none here, said.
fn mirror(queues: u16) -> Option<Mirror> {
    // Straight to standard error, which the test harness lets through.
    let skip = |why: String| {
        let _ = writeln!(std::io::stderr(), "skipped, no mirror port can be made here: {why}");
    };
    Mirror::lay(queues).map_err(skip).ok()
}

/// A sensor that listens.
struct Sensor {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    db: PathBuf,
}

impl Sensor {
    fn start(mirror: &Mirror, db: &Path, arguments: &[&str]) -> Self {
        let mut command = mirror.near(AUSCULT);
        command.arg("--db").arg(db).args(["listen", "-i", PORT]).args(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let mut sensor = Self { child, said, db: db.to_owned() };
        let first = sensor.line();
        assert!(first.contains("rights given up: "), "{first}");
        let second = sensor.line();
        assert!(second.contains("workers"), "{second}");
        sensor
    }

    /// Waits for a line: what goes away may be down for a moment before.
    fn hears(&mut self, what: &str) {
        let lines: Vec<_> = (0..3).map(|_| self.line()).take_while(|l| !l.contains(what)).collect();
        assert!(lines.len() < 3, "{what}: {lines:?}");
    }

    /// What it says next.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("text");
        line
    }

    fn signal(&self, signal: i32) {
        let number = i32::try_from(self.child.id()).expect("a process id");
        mirror::must("kill", &[&format!("-{signal}"), &number.to_string()]).expect("kill");
    }

    /// Ends it; what it said since, and how long it took.
    fn stop(mut self, signal: i32) -> (String, Duration) {
        self.signal(signal);
        let begun = Instant::now();
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("ended");
        assert!(status.success() || signal == 9, "{status}: {rest}");
        (rest, begun.elapsed())
    }

    /// Waits until the inventory holds so many frames of the port.
    fn has_written(&self, frames: u64) {
        let begun = Instant::now();
        while counter(&self.db, "frames") < frames {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{} frames",
                counter(&self.db, "frames")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// One counter of the live port, as the inventory has it.
fn counter(db: &Path, name: &str) -> u64 {
    counter_of(db, PORT, name)
}

fn counter_of(db: &Path, port: &str, name: &str) -> u64 {
    let Ok(inventory) = auscult::store::Inventory::open(db) else { return 0 };
    let captures = inventory.captures().expect("readable");
    captures.iter().filter(|c| c.name == port).filter_map(|c| c.counters.get(name)).sum()
}

/// The register without what depends on when and where it was seen.
fn register(db: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let out = Command::new(AUSCULT)
        .args(["register", "--format", "csv", "--db"])
        .arg(db)
        .output()
        .expect("run");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    lab::rows(&out.stdout)
}

/// The same frames at the same times, from a file.
fn from_file(
    dir: &Path,
    mirror: &Mirror,
    frames: &[Vec<u8>],
) -> BTreeMap<String, BTreeMap<String, String>> {
    let (db, path) = (dir.join("file.db"), mirror.recorded(dir, frames));
    let read = Command::new(AUSCULT).arg("--db").arg(&db).args(["-q", "read"]).arg(path).status();
    assert!(read.expect("run").success());
    register(&db)
}

/// Plays the hospital to a sensor, so many frames between two rests, and compares with
/// the same frames from a file.
fn same_as_the_file(method: &[&str], queues: u16, between: usize) {
    let Some(mirror) = mirror(queues) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let frames = frames_of("hospital.pcapng");
    let sensor = Sensor::start(&mirror, &db, method);
    let sent = mirror.send(frames.iter().map(Vec::as_slice), between);
    sensor.has_written(sent);
    let (said, _) = sensor.stop(15);
    assert_eq!(counter(&db, "frames"), sent, "{said}");
    assert_eq!(counter(&db, "lost.ring"), 0);
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
    // A second is what some rules ask for: not on its border.
    if mirror.took() > Duration::from_millis(700) && (2..1000).contains(&between) {
        return same_as_the_file(method, queues, between * 2);
    }
    let (live, file) = (register(&db), from_file(dir.path(), &mirror, &frames));
    assert!(file.len() > 20);
    for (id, asset) in &file {
        assert_eq!(live.get(id), Some(asset));
    }
    assert_eq!(live.len(), file.len());
}

#[test]
fn af_packet_says_what_the_file_says() {
    same_as_the_file(&["--capture", "af-packet"], 1, 100);
}

#[test]
fn af_packet_shared_by_two_workers_says_what_the_file_says() {
    same_as_the_file(&["--capture", "af-packet", "--queues", "2", "--cpus", "0"], 1, 100);
}

#[test]
fn two_taps_are_one_sensor() {
    let Some(mirror) = mirror(1) else { return };
    mirror.tap().expect("a second cable");
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let frames = frames_of("hospital.pcapng");
    let sensor = Sensor::start(&mirror, &db, &[TAP, "--capture", "af-packet"]);
    let direction = |frame: &Vec<u8>| {
        let lent = auscult::wire::capture::Frame {
            at: auscult::time::Timestamp(0),
            link: auscult::wire::capture::LinkType::Ethernet,
            wire_len: 0,
            number: 0,
            bytes: frame,
        };
        let ends = auscult::wire::packet::slice(&lent, 0).packet.addresses();
        if ends.is_some_and(|(src, dst)| src < dst) { TAP } else { PORT }
    };
    let sent = mirror.send_on(frames.iter().map(|f| (direction(f), f.as_slice())), 2);
    std::thread::sleep(Duration::from_millis(500));
    let (said, _) = sensor.stop(15);
    let read = |port| counter_of(&db, port, "frames");
    assert_eq!(read(PORT) + read(TAP), sent, "{said}");
    assert!(counter_of(&db, PORT, "workers.handed") > 0);
    assert_eq!(counter_of(&db, PORT, "lost.workers") + counter_of(&db, TAP, "lost.workers"), 0);
    let (live, file) = (register(&db), from_file(dir.path(), &mirror, &frames));
    for (id, asset) in &file {
        assert_eq!(live.get(id), Some(asset));
    }
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
}

#[test]
fn a_port_that_goes_leaves_the_other_one_reading() {
    let Some(mirror) = mirror(1) else { return };
    mirror.tap().expect("a second cable");
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[TAP, "--capture", "af-packet"]);
    mirror.ip(&["link", "delete", TAP]);
    sensor.hears("the interface is gone");
    let sent = play(&mirror, "hl7.pcap");
    std::thread::sleep(Duration::from_millis(500));
    let (said, _) = sensor.stop(15);
    assert!(!said.contains("is back") && !said.contains("come again"), "{said}");
    // Frames of pairs that belong to the other port's worker are read there.
    assert_eq!(counter_of(&db, PORT, "frames") + counter_of(&db, TAP, "frames"), sent);
}

/// Frames of one capture, sent again and again.
fn play(mirror: &Mirror, capture: &str) -> u64 {
    mirror.send(frames_of(capture).iter().map(Vec::as_slice), 50)
}

#[test]
fn af_xdp_says_what_the_file_says() {
    // It stamps frames by its turn: one each, or who was heard first would not be known.
    same_as_the_file(&["--capture", "af-xdp"], 1, 1);
}

/// AF_XDP stamps frames by the worker's turn, so between two queues an answer may be read
/// before its question, and a fact less be learnt: what both have is every frame and
/// every device.
#[test]
fn af_xdp_with_two_queues_reads_every_frame_of_every_device() {
    let Some(mirror) = mirror(2) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let sensor = Sensor::start(&mirror, &db, &["--capture", "af-xdp"]);
    let frames = frames_of("hospital.pcapng");
    let sent = mirror.send(frames.iter().map(Vec::as_slice), 2);
    sensor.has_written(sent);
    let (said, _) = sensor.stop(15);
    assert_eq!(counter(&db, "frames"), sent, "{said}");
    assert_eq!(counter(&db, "lost.fill") + counter(&db, "lost.workers"), 0);
    let (live, file) = (register(&db), from_file(dir.path(), &mirror, &frames));
    assert!(live.keys().eq(file.keys()), "{:?}", live.keys());
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
}

#[test]
#[cfg(feature = "libpcap")]
fn pcap_says_what_the_file_says() {
    same_as_the_file(&["--capture", "pcap"], 1, 100);
}

/// Whether a frame with at most one VLAN tag is ARP.
#[cfg(feature = "libpcap")]
fn is_arp(frame: &&Vec<u8>) -> bool {
    let at = if frame[12..14] == [0x81, 0] { 16 } else { 12 };
    frame[at..at + 2] == [8, 6]
}

#[test]
#[cfg(feature = "libpcap")]
fn a_filter_keeps_only_what_it_should() {
    let frames = frames_of("hospital.pcapng");
    let tagged = |f: &Vec<u8>| f[12..14] == [0x81, 0] && (f[14] & 15, f[15]) == (0, 10);
    let arp = frames.iter().filter(is_arp).count() as u64;
    let vlan = frames.iter().filter(|f| tagged(f)).count() as u64;
    assert!(arp > 10 && vlan > arp && frames.len() as u64 > vlan);
    let count = |method, filter, kept: u64| {
        let Some(mirror) = mirror(1) else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let db = dir.path().join("live.db");
        let sensor = Sensor::start(&mirror, &db, &["--capture", method, "--filter", filter]);
        play(&mirror, "hospital.pcapng");
        let (said, _) = sensor.stop(15);
        assert_eq!(counter(&db, "frames"), kept, "{method}, {filter}: {said}");
        assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
    };
    for method in ["pcap", "af-packet"] {
        count(method, "arp or (vlan and arp)", arp);
        count(method, "vlan 10", vlan);
    }
}

#[test]
#[cfg(feature = "libpcap")]
fn a_filter_holds_when_an_interface_comes_back() {
    let frames = frames_of("hospital.pcapng");
    let arp = frames.iter().filter(is_arp).count() as u64;
    for method in ["pcap", "auto"] {
        let Some(mirror) = mirror(1) else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let db = dir.path().join("live.db");
        let filter = ["--capture", method, "--filter", "arp or (vlan and arp)"];
        let mut sensor = Sensor::start(&mirror, &db, &filter);
        play(&mirror, "hospital.pcapng");
        sensor.has_written(arp);
        mirror.ip(&["link", "set", PORT, "down"]);
        assert!(sensor.line().contains("the interface is down"));
        mirror.ip(&["link", "set", PORT, "up"]);
        assert!(sensor.line().contains("the interface is up again, no frame came yet"));
        play(&mirror, "hospital.pcapng");
        assert!(sensor.line().contains("frames come again"));
        sensor.has_written(2 * arp);
        mirror.ip(&["link", "delete", PORT]);
        sensor.hears("the interface is gone");
        mirror.plug(1).expect("plugged in again");
        assert!(sensor.line().contains("the interface is back"));
        play(&mirror, "hospital.pcapng");
        assert!(sensor.line().contains("frames come again"));
        sensor.has_written(3 * arp);
        sensor.stop(15);
        assert_eq!(counter(&db, "frames"), 3 * arp, "{method}");
    }
}

/// Also those whose VLAN tag the kernel takes out, of any kind, and the longest.
#[test]
#[cfg(feature = "libpcap")]
fn pcap_brings_every_byte_and_never_waits_longer() {
    let Some(mirror) = mirror(1) else { return };
    let options = Options { method: Some(Method::Pcap), ring: 2 << 20, ..Options::default() };
    let mut opened = mirror.inside(|| open(PORT, &options)).expect("it opens");
    let source = &mut opened.sources[0];
    let begun = Instant::now();
    let none = source.receive(Duration::from_millis(300), &mut |_| ()).expect("it is there");
    let took = begun.elapsed();
    assert_eq!(none, 0, "the link is idle");
    assert!((Duration::from_millis(250)..Duration::from_secs(3)).contains(&took), "{took:?}");

    let mut frames = frames_of("hospital.pcapng");
    frames.truncate(1000);
    let body = [7; 50];
    for tags in [&[0x88_u8, 0xa8, 0x20, 7][..], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9]] {
        frames.push([&[2; 12][..], tags, &[0x88, 0xb5], &body].concat());
    }
    frames.push([&[2; 12][..], &[0x88, 0xb5], &[7; 8900]].concat());
    let sent = mirror.send(frames.iter().map(Vec::as_slice), 20);
    let (mut came, now) = (Vec::new(), jiff::Timestamp::now().as_nanosecond());
    let mut before = 0;
    while came.len() < frames.len() && begun.elapsed() < Duration::from_secs(20) {
        let received = source.receive(Duration::from_millis(100), &mut |batch| {
            assert!((1..=64).contains(&batch.len()));
            for frame in batch {
                assert_eq!(frame.number, came.len() as u64 + 1);
                assert_eq!(frame.wire_len as usize, frame.bytes.len());
                assert!(frame.at.0 >= before && now - i128::from(frame.at.0) < 20_000_000_000);
                before = frame.at.0;
                came.push(frame.bytes.to_vec());
            }
        });
        received.expect("it is there");
    }
    assert_eq!((came.len() as u64, source.loss()), (sent, Loss::default()));
    for (number, (came, sent)) in came.iter().zip(&frames).enumerate() {
        assert_eq!(came, sent, "frame {number}");
    }
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
}

#[test]
fn an_interface_may_go_down_and_come_up() {
    let with_libpcap = |it: &&str| cfg!(feature = "libpcap") || *it != "pcap";
    for method in ["af-packet", "af-xdp", "pcap"].into_iter().filter(with_libpcap) {
        let Some(mirror) = mirror(1) else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let arguments = ["--capture", method];
        let mut sensor = Sensor::start(&mirror, &dir.path().join("live.db"), &arguments);
        let before = play(&mirror, "hl7.pcap");
        sensor.has_written(before);
        for _ in 0..2 {
            mirror.ip(&["link", "set", PORT, "down"]);
            assert!(sensor.line().contains("the interface is down"), "{method}");
            mirror.ip(&["link", "set", PORT, "up"]);
            let up = sensor.line();
            assert!(up.contains("the interface is up again, no frame came yet"), "{method}: {up}");
        }
        let after = play(&mirror, "dicom.pcap");
        assert!(sensor.line().contains("frames come again"), "{method}");
        sensor.has_written(before + after);
        sensor.stop(15);
    }
}

#[test]
fn an_interface_may_be_removed_and_come_back() {
    let Some(mirror) = mirror(1) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[]);
    let before = play(&mirror, "hl7.pcap");
    sensor.has_written(before);
    mirror.ip(&["link", "delete", PORT]);
    sensor.hears("the interface is gone");
    mirror.plug(1).expect("plugged in again");
    assert!(sensor.line().contains("the interface is back, no frame came yet"));
    let after = play(&mirror, "dicom.pcap");
    assert!(sensor.line().contains("frames come again"));
    sensor.has_written(before + after);
    sensor.stop(15);
    assert_eq!(counter(&db, "frames"), before + after, "what was counted before is not lost");
}

#[test]
fn it_ends_within_five_seconds_with_everything_written() {
    for signal in [15, 2] {
        let Some(mirror) = mirror(1) else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let db = dir.path().join("live.db");
        let sensor = Sensor::start(&mirror, &db, &[]);
        let sent = play(&mirror, "hospital.pcapng");
        let (said, took) = sensor.stop(signal);
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!(counter(&db, "frames"), sent, "{said}");
        let frames = frames_of("hospital.pcapng");
        assert_eq!(register(&db).len(), from_file(dir.path(), &mirror, &frames).len());
    }
}

#[test]
fn a_reload_loses_no_frame() {
    let Some(mirror) = mirror(1) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let mut sensor = Sensor::start(&mirror, &db, &[]);
    let mut sent = play(&mirror, "hl7.pcap");
    sensor.signal(1);
    sent += play(&mirror, "dicom.pcap");
    assert!(sensor.line().contains("signatures, identities, risks and [alerts] are read anew"));
    sent += play(&mirror, "names.pcap");
    sensor.stop(15);
    assert_eq!(counter(&db, "frames"), sent);
}

#[test]
fn the_doctor_judges_a_mirror() {
    let Some(mirror) = mirror(1) else { return };
    let frames = frames_of("hospital.pcapng");
    let mut doctor = mirror.near(AUSCULT);
    doctor.args(["doctor", "-i", PORT, "--seconds", "5", "--vlans", "10,20,4000"]);
    let doctor = doctor.stdout(Stdio::piped()).spawn().expect("started");
    std::thread::sleep(Duration::from_millis(1500));
    mirror.send(frames.iter().map(Vec::as_slice), 100);
    let out = doctor.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "a VLAN is missing: {said}");
    let line = |name: &str| {
        said.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {said}"))
    };
    assert!(line("VLANs        ").contains("2 of 3 expected are there; missing: 4000"));
    assert!(line("VLAN tags").starts_with("ok") && line("directions").starts_with("ok"));
    assert!(line("loss").contains("0 frames lost here"));
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
}

#[test]
fn what_stands_in_the_way_is_said_in_one_line() {
    let Some(mirror) = mirror(1) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    let end = |db: &Path, arguments: &[&str], code: i32| {
        let out = mirror.near(AUSCULT).arg("--db").arg(db).args(arguments).output().expect("run");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((out.status.code(), said.lines().count()), (Some(code), 1), "{said}");
        said
    };
    let run = |arguments: &[&str]| {
        let said = end(&db, arguments, 1);
        assert!(!db.exists(), "no empty inventory is left behind");
        said
    };
    assert!(run(&["listen", "-i", "nowhere"]).contains("no such interface"));
    assert!(end(&db, &["listen", "-i", PORT, PORT], 2).contains("named twice"));
    let none = ["listen", "-i", PORT, "--metrics", "0"];
    assert!(end(&db, &none, 2).contains("0 is no port"));
    assert!(!db.exists());
    let device = end(Path::new("/dev/null"), &["listen", "-i", PORT], 1);
    assert!(device.contains("no file but"), "{device}");
    let with_libpcap = |_: &&str| cfg!(feature = "libpcap");
    for method in ["auto", "af-packet", "pcap"].into_iter().filter(with_libpcap) {
        let filter = |text| run(&["listen", "-i", PORT, "--capture", method, "--filter", text]);
        assert!(filter("tcp prot 104").contains("syntax error"), "{method}");
        let long = vec!["host 10.0.0.1"; 200].join(" or ");
        assert!(filter(&long).contains("2048 characters"), "{method}");
        let begun = Instant::now();
        assert!(filter("host\nno-such-host.example").contains("unknown host"), "{method}");
        assert!(begun.elapsed() < Duration::from_secs(3), "nobody is asked for a name");
        assert!(run(&["listen", "-i", "nowhere", "--capture", method]).contains("no such"));
    }
    let xdp = ["listen", "-i", PORT, "--capture", "af-xdp", "--filter", "tcp"];
    assert!(run(&xdp).contains("af-xdp knows no filters"));
    for method in [&["auto"][..], &["pcap"][..usize::from(cfg!(feature = "libpcap"))]].concat() {
        let poor = ["--reuid", "65534", "--clear-groups", AUSCULT, "listen", "-i", PORT];
        let out = mirror.near("setpriv").args(poor).args(["--capture", method]).output();
        let out = out.expect("run");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(said.contains("CAP_NET_RAW") && said.lines().count() == 1, "{said}");
    }
}
