//! The end within five seconds, whatever the sensor is at. Where the rights for a mirror port
//! are missing, the test says so and proves nothing.

mod mirror;

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auscult::census::signature::Book;
use auscult::store::Writer;
use etherparse::PacketBuilder;
use mirror::{Mirror, PORT, must};

/// What is promised from SIGTERM to the end.
const PROMISED: Duration = Duration::from_secs(5);

fn sensor(mirror: &Mirror, db: &Path) -> Child {
    let mut command = mirror.near(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(db).args(["listen", "-i", PORT, "--capture", "af-packet"]);
    command.stderr(Stdio::null()).spawn().expect("started")
}

fn ends_in_time(mut sensor: Child, when: &str) {
    let begun = Instant::now();
    must("kill", &["-15", &sensor.id().to_string()]).expect("kill");
    let status = sensor.wait().expect("ended");
    assert!(status.success() && begun.elapsed() < PROMISED, "{when}: {:?}", begun.elapsed());
}

/// A datagram of a card that nobody has.
fn spoofed(number: u32) -> Vec<u8> {
    let [a, b, c, d] = number.to_be_bytes();
    let build = PacketBuilder::ethernet2([2, a, b, c, d, 7], [2, 0, 0, 2, 0, 1])
        .ipv4([10, 0x40 | b, c, d], [10, 2, 0, 1], 64)
        .udp(40_000, 40_001);
    let mut frame = Vec::new();
    build.write(&mut frame, &[0x55; 18]).expect("fits");
    frame
}

/// However much there is in it: while it is written, while devices are derived, and while it
/// is read again.
#[test]
fn a_large_inventory_does_not_hold_up_the_end() {
    let mirror = match Mirror::lay(1) {
        Ok(mirror) => mirror,
        Err(why) => {
            let _ = writeln!(io::stderr(), "skipped, no mirror port can be made here: {why}");
            return;
        }
    };
    let frames: Vec<_> = (0..150_000).map(spoofed).collect();
    let dir = tempfile::tempdir().expect("a directory");
    let db = dir.path().join("live.db");
    for seconds in [0, 1, 3, 6] {
        let sensor = sensor(&mirror, &db);
        std::thread::sleep(Duration::from_secs(1));
        if seconds > 0 {
            mirror.send(frames.iter().map(Vec::as_slice), 300);
        }
        std::thread::sleep(Duration::from_secs(seconds));
        ends_in_time(sensor, &format!("{seconds} s after the flood"));
    }
    let again = sensor(&mirror, &db);
    std::thread::sleep(Duration::from_millis(1500));
    ends_in_time(again, "while it begins");
    let mut writer = Writer::open(&db).expect("it opens");
    let census = writer.restore(Arc::clone(Book::builtin())).expect("it is read");
    assert!(census.len() > 50_000, "the journal kept them: {}", census.len());
}

/// What a full disk has lost is said with its time.
#[test]
fn an_end_on_a_full_disk_says_what_is_lost() {
    let Ok(mirror) = Mirror::lay(1) else {
        return drop(writeln!(io::stderr(), "skipped, no mirror port can be made here"));
    };
    let disk = tempfile::tempdir().expect("a directory");
    let path = disk.path().to_str().expect("text");
    if let Err(why) = must("mount", &["-t", "tmpfs", "-o", "size=16M", "tmpfs", path]) {
        return drop(writeln!(io::stderr(), "skipped, no disk can be made here: {why}"));
    }
    let db = disk.path().join("live.db");
    let mut command = mirror.near(env!("CARGO_BIN_EXE_auscult"));
    command.arg("--db").arg(&db).args(["listen", "-i", PORT, "--capture", "af-packet"]);
    let mut sensor = command.stderr(Stdio::piped()).spawn().expect("started");
    std::thread::sleep(Duration::from_secs(4));
    let mut filler = std::fs::File::create(disk.path().join("filler")).expect("made");
    while filler.write(&[1; 4096]).is_ok_and(|n| n > 0) {}
    let frames: Vec<_> = (0..2_000).map(spoofed).collect();
    mirror.send(frames.iter().map(Vec::as_slice), 50);
    std::thread::sleep(Duration::from_secs(3));
    must("kill", &["-15", &sensor.id().to_string()]).expect("kill");
    let mut said = String::new();
    sensor.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    let status = sensor.wait().expect("ended");
    let _ = must("umount", &["-l", path]);
    let last = said.lines().last().expect("something");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(last.contains("disk full at the end: what was observed since 2"), "{said}");
    assert!(last.contains("is not written and lost") && !last.contains("by itself"), "{said}");
}
