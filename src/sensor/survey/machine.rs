//! Whether this machine can be a sensor: `auscult doctor`.

use std::fs::read_to_string;
use std::path::Path;

use super::{Check, Grade};
use crate::wire::capture::live::clock;
use crate::wire::capture::privilege::offered;

/// Capabilities that live capture needs until the interfaces are open, by their number
/// in capability.h.
const NEEDED: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_BPF", 39)];
/// CAP_SYS_ADMIN stands in for CAP_BPF where the kernel is older than 5.8.
const SYS_ADMIN: u32 = 21;
/// CAP_IPC_LOCK: memory is locked without a limit.
const IPC_LOCK: u32 = 14;
/// Bytes that AF_XDP locks for a queue, when nothing else is said.
const RING: u64 = 64 << 20;
/// First kernel whose AF_XDP is complete enough.
const AF_XDP_SINCE: (u32, u32) = (5, 9);
/// Free space below which a sensor should not start: some weeks of a large hospital.
const ENOUGH_DISK: u64 = 2 << 30;
/// Days after which signatures know too little of what is new.
const OLD: i64 = 180;

/// Checks of the machine; the inventory is to be in `state`, `age` is the signatures'
/// age in days.
#[must_use]
pub fn checks(state: &Path, age: i64) -> Vec<Check> {
    let held = status("CapEff");
    let mut checks = vec![rights(&held), kernel(), confinement(), clock(age), disk(state)];
    checks.push(signatures(age));
    checks.extend(locked(&held, &read_to_string("/proc/self/limits").unwrap_or_default()));
    checks
}

/// One line of /proc/self/status.
fn status(name: &str) -> String {
    let text = read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

fn rights(effective: &str) -> Check {
    let held = u64::from_str_radix(effective, 16).unwrap_or(0);
    let has = |number: u32| held >> number & 1 == 1;
    let missing: Vec<_> = NEEDED
        .iter()
        .filter(|(name, number)| !(has(*number) || *name == "CAP_BPF" && has(SYS_ADMIN)))
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        let who = rustix::process::geteuid();
        let found = match who.is_root() {
            // The service may have less: not all that is told here is of it.
            true => "root can open interfaces; the service has the rights of its unit, which \
                     these checks are not of"
                .to_owned(),
            false => format!("user {} can open interfaces", who.as_raw()),
        };
        return Check::new("rights", Grade::Good, found, "");
    }
    let found = format!("missing: {}", missing.join(", "));
    let remedy = "run as root, or `setcap cap_net_raw,cap_net_admin,cap_bpf=ep $(command -v auscult)`; the service has them";
    Check::new("rights", Grade::Bad, found, remedy)
}

fn kernel() -> Check {
    let release = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|n| n.trim().parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = format!("Linux {}", release.trim());
    let grade = if version >= AF_XDP_SINCE { Grade::Good } else { Grade::Note };
    Check::new("kernel", grade, found, "AF_XDP needs 5.9 or later; af-packet works all the same")
}

fn confinement() -> Check {
    let offered = offered();
    let found = format!(
        "landlock {}, seccomp {}",
        offered.landlock.map_or_else(|| "none".to_owned(), |abi| format!("ABI {abi}")),
        if offered.seccomp { "yes" } else { "no" }
    );
    let whole = offered.landlock.is_some() && offered.seccomp;
    let grade = if whole { Grade::Good } else { Grade::Note };
    let remedy = "the sensor runs less confined than it could; boot with lsm=landlock,… and a kernel with seccomp";
    Check::new("confinement", grade, found, remedy)
}

/// Whether as much memory may be locked as AF_XDP needs for one queue.
fn locked(held: &str, limits: &str) -> Option<Check> {
    let held = u64::from_str_radix(held, 16).unwrap_or(0);
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    if held >> IPC_LOCK & 1 == 1 || most >= RING {
        return None;
    }
    let found = format!("{} MiB may be locked", most >> 20);
    let remedy = "af-xdp needs 64 MiB a queue, af-packet none: `ulimit -l unlimited`, or a smaller --ring; the service has it";
    Some(Check::new("memory", Grade::Note, found, remedy))
}

fn clock(age: i64) -> Check {
    // A day for those whose today is yesterday.
    if age < -1 {
        let found = format!("it is {} days before these signatures were made", age.unsigned_abs());
        return Check::new("clock", Grade::Bad, found, "set the clock");
    }
    match clock::is_synchronised() {
        Ok(true) => Check::new("clock", Grade::Good, "synchronised", ""),
        Ok(false) => Check::new(
            "clock",
            Grade::Note,
            "nothing keeps it in step",
            "times of use will drift: run chrony or systemd-timesyncd against the hospital's NTP",
        ),
        Err(error) => {
            Check::new("clock", Grade::Note, format!("the kernel does not say ({error})"), "")
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "GiB for people")]
fn disk(state: &Path) -> Check {
    let state = if state.as_os_str().is_empty() { Path::new(".") } else { state };
    match rustix::fs::statvfs(state) {
        Ok(disk) if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) => {
            let found = format!("{} is mounted read-only", state.display());
            Check::new(
                "disk",
                Grade::Bad,
                found,
                "remount it writable, or name another inventory with --db",
            )
        }
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found =
                format!("{:.1} GiB free in {}", free as f64 / f64::from(1 << 30), state.display());
            let grade = if free < ENOUGH_DISK { Grade::Bad } else { Grade::Good };
            Check::new("disk", grade, found, "free some space, or name another inventory with --db")
        }
        Err(error) => {
            let found = format!("{}: {error}", state.display());
            Check::new("disk", Grade::Bad, found, "make the directory, or name another with --db")
        }
    }
}

fn signatures(age: i64) -> Check {
    let grade = if age > OLD { Grade::Note } else { Grade::Good };
    let found = format!("{age} days old");
    Check::new("signatures", grade, found, "what came to market since is not known: update auscult")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_are_named() {
        let none = rights("0000000000000000");
        assert_eq!(none.found, "missing: CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF");
        assert_eq!(rights("000001ffffffffff").grade, Grade::Good);
        assert!(rights("000001ffffffffff").found.contains("can open interfaces"), "says who");
        // Without CAP_BPF, but with CAP_SYS_ADMIN.
        assert_eq!(rights("0000000000203000").grade, Grade::Good);
        assert_eq!(rights("0000000000002000").found, "missing: CAP_NET_ADMIN, CAP_BPF");
    }

    #[test]
    fn a_clock_before_the_signatures_and_a_low_limit_are_told() {
        assert_eq!(clock(-16_782).grade, Grade::Bad);
        assert_ne!(clock(-1).grade, Grade::Bad);
        let limits = |soft: &str| format!("Max locked memory         {soft}   {soft}   bytes\n");
        assert!(locked("0", &limits("8388608")).unwrap().found.contains("8 MiB"));
        assert_eq!(locked("0", &limits("unlimited")), None);
        assert_eq!(locked("0", &limits("67108864")), None);
        assert_eq!(locked("4000", &limits("8388608")), None, "by CAP_IPC_LOCK");
        assert_eq!(disk(Path::new("/proc/sys")).grade, Grade::Bad);
    }

    #[test]
    fn each_check_is_there_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let names = checks(dir.path(), 3).into_iter().map(|c| c.name);
        let names: Vec<_> = names.filter(|name| *name != "memory").collect();
        assert_eq!(names, ["rights", "kernel", "confinement", "clock", "disk", "signatures"]);
        let nowhere = disk(&dir.path().join("nowhere"));
        assert_eq!((nowhere.grade, nowhere.remedy.is_empty()), (Grade::Bad, false));
        assert_eq!((signatures(OLD + 1).grade, signatures(1).grade), (Grade::Note, Grade::Good));
    }
}
