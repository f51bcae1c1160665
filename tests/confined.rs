//! What a sensor that has given up its rights cannot do any more, asked of the kernel;
//! and what it still can. Where rights are missing that must be there to be given up,
//! a test says so and proves less.
#![allow(unsafe_code, reason = "forbidden system calls are tried")]
#![allow(clippy::print_stderr, reason = "a confined process says how it went")]

mod mirror;

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use auscult::wire::capture::live::{self, index_of};
use auscult::wire::capture::privilege::{APART, Confine, confine, confine_worker, offered};
use mirror::{Mirror, PORT};

const AUSCULT: &str = env!("CARGO_BIN_EXE_auscult");
/// Where a process of this test finds that it is to confine itself.
const HERE: &str = "AUSCULT_CONFINED_HERE";
/// The number of the user nobody, on every Linux.
const NOBODY: u32 = 65534;

fn skipped(why: &str) {
    // Straight to standard error, which the test harness lets through.
    let _ = writeln!(io::stderr(), "skipped in part: {why}");
}

fn is_root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// A directory that the user nobody may write.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    if is_root() {
        chown(dir.path(), Some(NOBODY), None).expect("given away");
    }
    dir
}

/// What a system call ended with.
fn ended(result: impl Into<i64>) -> Result<i64, i32> {
    match result.into() {
        result if result < 0 => Err(io::Error::last_os_error().raw_os_error().expect("a code")),
        result => Ok(result),
    }
}

/// These must be refused in this way.
fn refused(code: i32, tries: &[(&str, Result<i64, i32>)]) {
    let other: Vec<_> = tries.iter().filter(|(_, ended)| *ended != Err(code)).collect();
    assert!(other.is_empty(), "not refused as they should: {other:?}");
}

#[test]
fn a_confined_process_can_do_nothing_else() {
    let dir = directory();
    let child = ["--exact", "in_a_process_of_its_own", "--nocapture", "--test-threads", "1"];
    let own = std::env::current_exe().expect("a path");
    let out = Command::new(own).args(child).env(HERE, dir.path()).output().expect("run");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stdout));
    assert!(said.contains("confined: "), "{said}");
    eprint!("{said}");
}

/// Does nothing but in the process of the test above.
#[test]
fn in_a_process_of_its_own() {
    let Some(state) = std::env::var_os(HERE) else { return };
    let state = Path::new(&state);
    let options = live::Options { queues: 2, ring: 2 << 20, ..<_>::default() };
    let opened = live::open("lo", &options).map_err(|error| skipped(&error.to_string())).ok();
    let fds = fs::read_dir("/proc/self/fd").expect("readable").flatten();
    let fds = fds.filter_map(|fd| fd.file_name().to_str()?.parse::<RawFd>().ok());
    let high: Vec<_> = fds.filter(|&fd| fd >= APART).collect();
    assert!(opened.is_none() || high.len() == 2 + 2 * 16, "{high:?}");
    let user = is_root().then_some("nobody");
    let wanted = Confine { user, state, writable: &[], readable: &[] };
    let confined = confine(&wanted).expect("confined");
    eprintln!("confined: {confined}");
    assert!(confined.landlock.is_some() || offered().landlock.is_none());

    what_is_left(state);
    if confined.landlock.is_some() {
        files_outside(state);
    } else {
        skipped("no Landlock in this kernel");
    }
    if !confined.seccomp {
        return skipped("no seccomp in this kernel");
    }
    calls_without_use();
    for &fd in &high {
        nothing_is_sent(fd);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| a_worker_has_less(state)).join().expect("as it should");
    });
    drop(opened);
    what_is_left(state);
}

/// What a sensor does all day.
fn what_is_left(state: &Path) {
    let path = state.join("an.db");
    let db = rusqlite::Connection::open(&path).expect("a database");
    // Larger than any cache, so that temporary files and the log grow on the disk.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA temp_store = FILE; PRAGMA temp.cache_size = 1;
         CREATE TEMP TABLE large AS
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
             SELECT x, hex(randomblob(200)) AS y FROM n;
         CREATE TABLE kept AS SELECT * FROM large ORDER BY y;
         CREATE INDEX of_kept ON kept (y);
         PRAGMA wal_checkpoint(TRUNCATE);
         PRAGMA journal_mode = DELETE;
         DROP TABLE kept; VACUUM;",
    )
    .expect("written");
    drop(db);
    assert_eq!(is_root(), path.metadata().expect("there").uid() == 0, "made by who it is now");
    fs::rename(&path, state.join("another")).expect("renamed");
    fs::remove_file(state.join("another")).expect("removed");
    assert!(index_of("lo").is_some() && index_of("nowhere").is_none());
    let at = jiff::Timestamp::UNIX_EPOCH
        .to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").expect("the time zones of the system"));
    assert_eq!(at.hour(), 1);
    assert!(fs::read_dir("/sys/class/net").expect("readable").count() > 0);
    let said = std::thread::spawn(|| std::panic::catch_unwind(|| panic!("a test's"))).join();
    assert!(said.expect("ended").is_err(), "panics are caught");
}

fn files_outside(state: &Path) {
    let code = |result: io::Result<fs::File>| match result {
        Ok(_) => Ok(0),
        Err(error) => Err(error.raw_os_error().expect("a code")),
    };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    refused(
        libc::EACCES,
        &[
            ("shadow", code(fs::File::open("/etc/shadow"))),
            ("passwd", code(fs::File::open("/etc/passwd"))),
            ("a file of others", code(fs::File::open(manifest))),
            ("by the parent", code(fs::File::open(state.join("../../etc/passwd")))),
            ("by a link", { code(fs::File::open("/proc/self/root/etc/passwd")) }),
            ("temporary", code(fs::File::create("/tmp/auscult-confined"))),
            ("a terminal", code(fs::File::open("/dev/ptmx"))),
        ],
    );
}

fn calls_without_use() {
    let program = c"/bin/true".as_ptr();
    // SAFETY: none of these is carried out; what they would read is live or null.
    unsafe {
        let number = |call, a: i64| ended(libc::syscall(call, a, 0, 0, 0, 0, 0));
        let socket = |family, kind| ended(libc::socket(family, kind, 0));
        let exec = libc::PROT_READ | libc::PROT_EXEC;
        let memory = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let mapped = libc::mmap(null_mut(), 4096, exec, memory, -1, 0);
        let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0);
        if child == 0 {
            libc::_exit(0);
        }
        refused(
            libc::EPERM,
            &[
                ("fork", ended(child)),
                ("execve", ended(libc::execv(program, [program, null()].as_ptr()))),
                ("IPv4", socket(libc::AF_INET, libc::SOCK_STREAM)),
                ("IPv6", socket(libc::AF_INET6, libc::SOCK_DGRAM)),
                ("packets", socket(libc::AF_PACKET, libc::SOCK_RAW)),
                ("netlink", socket(libc::AF_NETLINK, libc::SOCK_RAW)),
                ("local streams", socket(libc::AF_UNIX, libc::SOCK_STREAM)),
                (
                    "programs in memory",
                    if mapped == libc::MAP_FAILED { Err(libc::EPERM) } else { Ok(0) },
                ),
                ("kill", ended(libc::kill(libc::getppid(), 0))),
                ("ptrace", number(libc::SYS_ptrace, 0)),
                ("bpf", number(libc::SYS_bpf, 0)),
                ("io_uring", number(libc::SYS_io_uring_setup, 1)),
                ("setuid", number(libc::SYS_setuid, 0)),
                ("unshare", number(libc::SYS_unshare, i64::from(libc::CLONE_NEWUSER))),
                ("mount", number(libc::SYS_mount, 0)),
                ("connect", number(libc::SYS_connect, 3)),
                ("pidfd_getfd", number(libc::SYS_pidfd_getfd, 3)),
                ("keyctl", number(libc::SYS_keyctl, 0)),
                ("userfaultfd", number(libc::SYS_userfaultfd, 0)),
            ],
        );
        assert!(socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC).is_ok());
    }
}

/// A frame on a socket of capture, by every way to write to a descriptor.
fn nothing_is_sent(fd: RawFd) {
    let frame = [0xff_u8; 60];
    let file = fs::File::open("/proc/self/status").expect("one's own");
    let (bytes, none) = (frame.as_ptr().cast(), null_mut::<libc::c_void>());
    let vector = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: 60 };
    let ring = libc::PACKET_TX_RING;
    // SAFETY: buffers and lengths are those of `frame`, or null; nothing is kept.
    unsafe {
        let six =
            |call, a: i64, b: i64| ended(libc::syscall(call, a, b, none, 60_i64, 0_i64, 0_i64));
        let (own, other) = (i64::from(fd), i64::from(file.as_raw_fd()));
        refused(
            libc::EPERM,
            &[
                ("write", ended(libc::write(fd, bytes, 60) as i64)),
                ("writev", ended(libc::writev(fd, &raw const vector, 1) as i64)),
                ("pwrite", ended(libc::pwrite(fd, bytes, 60, 0) as i64)),
                ("pwritev", ended(libc::pwritev(fd, &raw const vector, 1, 0) as i64)),
                ("send", ended(libc::send(fd, bytes, 60, 0) as i64)),
                ("sendmsg", six(libc::SYS_sendmsg, own, 0)),
                ("sendmmsg", six(libc::SYS_sendmmsg, own, 0)),
                ("sendfile", six(libc::SYS_sendfile, own, other)),
                ("splice", six(libc::SYS_splice, other, 0)),
                ("dup", ended(libc::dup(fd))),
                ("dup3", ended(libc::dup3(fd, 100, 0))),
                ("F_DUPFD", ended(libc::fcntl(fd, libc::F_DUPFD, 3))),
                ("F_DUPFD_CLOEXEC", ended(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))),
                (
                    "a ring to send",
                    ended(libc::setsockopt(fd, libc::SOL_PACKET, ring, bytes.cast(), 28)),
                ),
            ],
        );
    }
}

/// Runs on a thread of its own, which it ruins.
fn a_worker_has_less(state: &Path) {
    let path = state.join("open before");
    let before = fs::File::create(&path).expect("the process may");
    confine_worker().expect("a filter");
    let code = |error: io::Error| error.raw_os_error().expect("a code");
    let byte = b"x".as_ptr().cast();
    // SAFETY: one live byte.
    let wrote = ended(unsafe { libc::write(before.as_raw_fd(), byte, 1) } as i64);
    refused(
        libc::EPERM,
        &[
            ("open", fs::File::open("/proc/self/status").map(|_| 0).map_err(code)),
            ("create", fs::File::create(state.join("more")).map(|_| 0).map_err(code)),
            ("remove", fs::remove_file(&path).map(|()| 0).map_err(code)),
            ("write", wrote),
            // SAFETY: one live byte.
            ("standard output", ended(unsafe { libc::write(1, byte, 0) } as i64)),
            ("a thread", std::thread::Builder::new().spawn(|| ()).map(|_| 0).map_err(code)),
        ],
    );
    eprintln!("a worker still says what is wrong");
    assert!(index_of("lo").is_some());
    assert!(vec![1_u8; 64 << 20].iter().all(|&byte| byte == 1), "memory");
    std::thread::sleep(Duration::from_millis(1));
}

/// A sensor on a mirror port.
struct Sensor {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Sensor {
    /// And what it said of its rights.
    fn start(mirror: &Mirror, db: &Path, arguments: &[&str]) -> (Self, String) {
        Self::begin(mirror.near(AUSCULT), db, arguments)
    }

    /// By a command that ends in the name of the program.
    fn begin(mut command: Command, db: &Path, arguments: &[&str]) -> (Self, String) {
        let listen = ["listen", "-i", PORT, "--capture", "af-packet", "--ring", "2"];
        command.arg("--db").arg(db).args(listen).args(arguments).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let mut sensor = Self { child, said };
        let rights = sensor.line();
        assert!(rights.contains("rights given up: "), "{rights}");
        assert!(sensor.line().contains("workers"));
        (sensor, rights)
    }

    /// Waits for a line: what goes away may be down for a moment before.
    fn hears(&mut self, what: &str) {
        let lines: Vec<_> = (0..3).map(|_| self.line()).take_while(|l| !l.contains(what)).collect();
        assert!(lines.len() < 3, "{what}: {lines:?}");
    }

    /// What it says next.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).map(|_| line).expect("text")
    }

    fn stop(mut self) {
        mirror::must("kill", &["-15", &self.child.id().to_string()]).expect("kill");
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        assert!(self.child.wait().expect("ended").success(), "{rest}");
    }

    /// One file of the process in /proc, with the name of each line.
    fn proc(&self, file: &str) -> Vec<(String, String)> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect(file);
        let pair = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        text.lines().map(pair).collect()
    }

    fn tasks(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("tasks");
        tasks.flatten().map(|t| format!("task/{}/status", t.file_name().display())).collect()
    }
}

impl Drop for Sensor {
    /// A test that fails leaves no sensor behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mirror() -> Option<Mirror> {
    Mirror::lay(1).map_err(|why| skipped(&format!("no mirror port can be made here: {why}"))).ok()
}

fn counted(db: &Path, name: &str) -> u64 {
    let Ok(inventory) = auscult::store::Inventory::open(db) else { return 0 };
    let captures = inventory.captures().expect("readable");
    let counters = captures.iter().flat_map(|it| &it.counters);
    counters.filter(|(it, _)| it.starts_with(name)).map(|(_, count)| count).sum()
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_thread_of_a_sensor_has_no_rights() {
    let Some(mirror) = mirror() else { return };
    let dir = directory();
    let db = dir.path().join("live.db");
    let (sensor, rights) = Sensor::start(&mirror, &db, &["--queues", "2", "--user", "nobody"]);
    assert!(rights.contains("user nobody, no capabilities"), "{rights}");
    let filtered = if offered().seccomp { "2" } else { "0" };
    wait_for("a filter for each worker", || {
        let filters = |task: &String| {
            sensor.proc(task).iter().any(|(n, v)| n == "Seccomp_filters" && v == "3")
        };
        !offered().seccomp || sensor.tasks().iter().filter(|task| filters(task)).count() == 2
    });
    let tasks = sensor.tasks();
    assert!(tasks.len() >= 3, "{tasks:?}");
    let ids = [NOBODY; 4].map(|id| id.to_string()).join(" ");
    for task in &tasks {
        let status = sensor.proc(task);
        for (name, wanted) in [
            ("CapInh", NONE),
            ("CapPrm", NONE),
            ("CapEff", NONE),
            ("CapBnd", NONE),
            ("CapAmb", NONE),
            ("NoNewPrivs", "1"),
            ("Seccomp", filtered),
            ("Uid", &ids),
            ("Gid", &ids),
            ("Groups", ""),
        ] {
            assert_eq!(value(&status, name), Some(wanted), "{name} of {task}");
        }
    }
    let limits = sensor.proc("limits");
    let no_core = |line: &str| line.starts_with("Max core file size") && line.contains(" 0 ");
    assert!(limits.iter().any(|(line, _)| no_core(line)), "{limits:?}");
    sockets_of_capture_lie_apart(&sensor);

    let sent = mirror.send((0..100).map(|_| &[0x02_u8; 60][..]), 10);
    // What a busy machine loses is told.
    let told = || counted(&db, "frames") + counted(&db, "lost.");
    wait_for("frames are written", || counted(&db, "frames") > 0 && told() == sent);
    assert_eq!(db.metadata().expect("there").uid(), NOBODY);
    assert_eq!(mirror.sent_back(), 0, "nothing is ever sent");
    sensor.stop();
}

/// An empty set of capabilities.
const NONE: &str = "0000000000000000";

fn value<'a>(lines: &'a [(String, String)], name: &str) -> Option<&'a str> {
    lines.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// As a service manager starts it: never root, with the capabilities that it needs.
#[test]
fn a_service_gives_up_what_it_was_given() {
    let Some(mirror) = mirror() else { return };
    let dir = directory();
    let db = dir.path().join("live.db");
    let mut command = mirror.near("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
    for set in ["--inh-caps", "--ambient-caps"] {
        command.args([set, "-all,+net_raw,+net_admin"]);
    }
    // Where this was built, nobody may not be allowed to look.
    let own = dir.path().join("auscult");
    fs::copy(AUSCULT, &own).expect("copied");
    command.arg(own);
    let (mut sensor, rights) = Sensor::begin(command, &db, &["--user", "nobody"]);
    assert!(rights.contains("user nobody, no capabilities"), "{rights}");
    let status = sensor.proc("status");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(value(&status, set), Some(NONE), "{set}");
    }
    mirror.ip(&["link", "delete", PORT]);
    sensor.hears("the interface is gone");
    mirror.plug(1).expect("plugged in again");
    assert!(sensor.line().contains("the interface is back"));
    sensor.stop();
}

/// Every packet socket of the process has a descriptor that nothing is written to.
fn sockets_of_capture_lie_apart(sensor: &Sensor) {
    let packet = sensor.proc("net/packet");
    let inodes = packet.iter().skip(1).filter_map(|(line, _)| line.split_whitespace().last());
    let inodes: Vec<_> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
    let mut apart = 0;
    for fd in fs::read_dir(format!("/proc/{}/fd", sensor.child.id())).expect("fds").flatten() {
        let number: RawFd = fd.file_name().to_str().and_then(|n| n.parse().ok()).expect("a number");
        let to = fs::read_link(fd.path()).expect("a link").display().to_string();
        assert_eq!(number >= APART, inodes.contains(&to), "{number} is {to}");
        apart += usize::from(number >= APART);
    }
    assert_eq!(apart, 2 + 2 * 16);
}

#[test]
fn who_stays_root_is_told_so() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let (sensor, rights) = Sensor::start(&mirror, &dir.path().join("live.db"), &[]);
    assert!(rights.contains("user root, no capabilities") && rights.contains("--user"), "{rights}");
    sensor.stop();
}

#[test]
fn what_stands_in_the_way_is_said_in_one_line() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let run = |db: &Path, user: &str| {
        let mut command = mirror.near(AUSCULT);
        command.arg("--db").arg(db).args(["listen", "-i", PORT, "--user", user]);
        let out = command.output().expect("run");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((out.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(!db.exists(), "no empty inventory is left behind");
        said
    };
    let db = dir.path().join("live.db");
    assert!(run(&db, "no-such-user").contains("there is no user no-such-user"));
    assert!(run(&db, "nobody").contains("user nobody cannot write there; `chown nobody`"));
    assert!(run(&dir.path().join("no/where.db"), "nobody").contains("no such directory"));
}

#[test]
fn an_interface_that_is_removed_too_often_wants_a_restart() {
    let Some(mirror) = mirror() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    // So many workers have sockets in reserve for two times.
    let db = dir.path().join("live.db");
    let (mut sensor, _) = Sensor::start(&mirror, &db, &["--queues", "64"]);
    for time in 1..=3 {
        mirror.ip(&["link", "delete", PORT]);
        sensor.hears("the interface is gone");
        mirror.plug(1).expect("plugged in again");
        let wanted = if time < 3 { "the interface is back" } else { "restart auscult" };
        let line = sensor.line();
        assert!(line.contains(wanted), "{time}: {line}");
    }
    let mut rest = String::new();
    sensor.said.read_to_string(&mut rest).expect("text");
    assert_eq!(sensor.child.wait().expect("ended").code(), Some(1), "{rest}");
    assert!(counted(&db, "frames") == 0 && db.exists(), "what was seen is written");
}
