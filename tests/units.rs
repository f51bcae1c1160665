//! The services as they are packaged, under a real systemd: a machine of its own in
//! namespaces, of which it is the first process. Where the rights for that or systemd are
//! missing, the test says so and proves nothing.

mod mirror;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etherparse::PacketBuilder;
use mirror::{Mirror, must};

/// A control group of one's own: systemd moves what it finds in that where it begins.
struct Group(PathBuf);

impl Group {
    fn make() -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
        let unified = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
        let root = unified.and_then(|line| line.split(' ').nth(1)).ok_or("no cgroup2")?;
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).ok_or("no cgroup2")?;
        let path = Path::new(root).join(own).join(format!("auscult-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fn remove(path: &Path) {
            let below = fs::read_dir(path).into_iter().flatten().flatten();
            below.filter(|it| it.path().is_dir()).for_each(|it| remove(&it.path()));
            let _ = fs::remove_dir(path);
        }
        // The kernel takes a moment to bury the processes.
        let begun = Instant::now();
        while self.0.exists() && begun.elapsed() < Duration::from_secs(5) {
            remove(&self.0);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A machine whose first process is systemd.
struct Machine {
    outer: Child,
    pid: String,
    mirror: Mirror,
    _scratch: tempfile::TempDir,
    _group: Group,
}

impl Machine {
    fn boot() -> Result<Self, String> {
        for needed in ["/lib/systemd/systemd", "/sys/fs/cgroup"] {
            fs::metadata(needed).map_err(|error| format!("{needed}: {error}"))?;
        }
        must("unshare", &["-fpmCui", "true"])?;
        let mirror = Mirror::lay(1)?;
        let group = Group::make()?;
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The group is entered before its namespace is made, and before `ip` lays another
        // /sys over its path.
        let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.0.display());
        let outer = Command::new("bash")
            .args(["-c", &enter, "-", "ip", "netns", "exec", &mirror.near])
            .args(["unshare", "-fpmCui", "--kill-child"])
            .arg(here.join("tests/units/boot.sh"))
            .args([scratch.path(), Path::new(env!("CARGO_BIN_EXE_auscult"))])
            .arg(here)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let pid = String::new();
        let mut machine = Self { outer, pid, mirror, _scratch: scratch, _group: group };
        machine.find()?;
        Ok(machine)
    }

    /// Waits for systemd: the child of `unshare`, when it has become that.
    fn find(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        let children = format!("/proc/{0}/task/{0}/children", self.outer.id());
        while begun.elapsed() < Duration::from_secs(30) {
            if let Ok(Some(_)) = self.outer.try_wait() {
                let mut why = String::new();
                if let Some(said) = self.outer.stderr.as_mut() {
                    let _ = io::Read::read_to_string(said, &mut why);
                }
                return Err(why);
            }
            let child = fs::read_to_string(&children).unwrap_or_default();
            let name = fs::read_to_string(format!("/proc/{}/comm", child.trim()));
            if name.is_ok_and(|name| name.trim() == "systemd") {
                child.trim().clone_into(&mut self.pid);
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("systemd does not begin".to_owned())
    }

    /// Runs a command on the machine; what it said.
    fn run(&self, command: &str) -> Result<String, String> {
        must("nsenter", &["-t", &self.pid, "-a", "bash", "-c", command])
    }

    fn has(&self, what: &str, command: &str) {
        let begun = Instant::now();
        while self.run(command).is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                let log = self.run("journalctl --no-pager -n 60").unwrap_or_default();
                panic!("{what}: `{command}` is not so within a minute\n{log}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn property(&self, unit: &str, name: &str) -> String {
        let said = self.run(&format!("systemctl show -p {name} --value {unit}"));
        said.expect("a unit").trim().to_owned()
    }

    /// Somebody new asks for an address.
    fn speaks(&self, host: u8) {
        let card = [0x00, 0x09, 0xfb, 0, 0, host];
        let arp = |target: [u8; 4]| {
            let sender = [10, 0, 0, host];
            let packet = etherparse::ArpPacket::new(
                etherparse::ArpHardwareId::ETHERNET,
                etherparse::EtherType::IPV4,
                etherparse::ArpOperation::REQUEST,
                &card,
                &sender,
                &[0; 6],
                &target,
            );
            let mut frame = Vec::new();
            let builder = PacketBuilder::ethernet2(card, [0xff; 6]);
            builder.arp(packet.expect("sizes fit")).write(&mut frame).expect("room");
            frame
        };
        let frames: Vec<_> = (1..20).map(|n| arp([10, 0, 0, n])).collect();
        self.mirror.send(frames.iter().map(Vec::as_slice), 10);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

#[test]
fn the_services_run_as_they_are_packaged() {
    let machine = match Machine::boot() {
        Ok(machine) => machine,
        Err(why) => {
            let _ = writeln!(io::stderr(), "skipped, systemd cannot be run here: {why}");
            return;
        }
    };
    machine.has("the sensor is ready", "systemctl is-active auscult");
    machine.has("delivery is ready", "systemctl is-active auscult-alerts");

    // Nobody, with no right left.
    let sensor = machine.property("auscult", "MainPID");
    let status = machine.run(&format!("cat /proc/{sensor}/status")).expect("a process");
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().expect("a value").to_owned()
    };
    assert_eq!(of("Uid:"), machine.run("id -u auscult").expect("a user").trim());
    assert_eq!((of("CapEff:"), of("NoNewPrivs:")), ("0".repeat(16), "1".to_owned()));

    // What is told reaches the receiver: after a first device, the news of a second.
    let db = "auscult --db /var/lib/auscult/auscult.db";
    machine.speaks(1);
    machine.has("the inventory", &format!("{db} register --format csv | grep -q 10.0.0.1,"));
    machine.run("systemctl restart auscult").expect("restarted");
    machine.speaks(2);
    let told = "grep -q '\"new_device\".*10.0.0.2\"' /var/lib/auscult-alerts/alerts.jsonl";
    machine.has("the alert", told);

    // A sensor that is killed, and one that hangs, begin anew.
    for signal in ["KILL", "STOP"] {
        let before = machine.property("auscult", "MainPID");
        machine.run(&format!("kill -{signal} {before}")).expect("signal");
        machine.has(
            "another sensor",
            &format!(
                "p=$(systemctl show -p MainPID --value auscult); \
                 [ $p != 0 ] && [ $p != {before} ] && systemctl is-active auscult"
            ),
        );
    }
    assert_eq!(machine.property("auscult", "NRestarts"), "2");

    // Without what says which interfaces it fails once and loudly, and is not tried on and on.
    let default = "/etc/default/auscult";
    machine.run(&format!("mv {default} {default}.away; systemctl stop auscult")).expect("away");
    let refused = machine.run("systemctl start auscult").expect_err("it fails");
    assert!(refused.contains("Assertion failed"), "{refused}");
    assert_eq!(machine.property("auscult", "ActiveState"), "inactive");
    machine.run(&format!("mv {default}.away {default}; systemctl start auscult")).expect("back");

    // A reload is heard, and all end in good order.
    for unit in ["auscult", "auscult-alerts"] {
        let before = machine.property(unit, "MainPID");
        machine.run(&format!("systemctl reload {unit}")).expect("reloaded");
        assert_eq!(machine.property(unit, "MainPID"), before);
        machine.run(&format!("systemctl stop {unit}")).expect("stopped");
        assert_eq!(machine.property(unit, "Result"), "success", "{unit}");
    }
    assert_eq!(machine.mirror.sent_back(), 0);
}
