//! Landlock: which files there are left. As much of it as the kernel knows.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Confine;

/// The newest version whose rights were looked at here.
const KNOWN: ABI = ABI::V6;

/// What is read on every system: time zones, interfaces, the process itself, chance.
const SYSTEM: [&str; 7] = [
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/sys/class/net",
    "/sys/devices",
    "/proc/self",
    "/dev/urandom",
];

/// Leaves the process (this thread, and those it starts) what is wanted and no other
/// file, no TCP, no signal or abstract socket of other processes. False: the kernel
/// has no Landlock.
pub(super) fn restrict(wanted: &Confine<'_>) -> Result<bool, RulesetError> {
    // The rights that no version lacks for what is done in the directories.
    let made_here = AccessFs::RemoveDir | AccessFs::RemoveFile | AccessFs::MakeDir;
    let write = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | made_here;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let zones = std::env::var_os("TZDIR").map(PathBuf::from);
    // For the names of functions in the report of a panic.
    let own = std::env::current_exe().ok();
    let system = SYSTEM.iter().map(Path::new).chain(zones.as_deref()).chain(own.as_deref());
    let readable = wanted.readable.iter().copied().chain(system);
    let writable = wanted.writable.iter().copied().chain([wanted.state]);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(scopes())?
        .create()?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(path_beneath_rules(writable, read | write))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Other processes, but a service manager that wants to hear by an abstract socket.
fn scopes() -> BitFlags<Scope> {
    let abstract_manager =
        std::env::var_os("NOTIFY_SOCKET").is_some_and(|s| s.as_encoded_bytes().starts_with(b"@"));
    if abstract_manager { Scope::Signal.into() } else { Scope::from_all(KNOWN) }
}
