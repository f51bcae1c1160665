//! The service manager is told how it goes (sd_notify(3)): ready when every worker reads,
//! a sign of life as long as they all do, and the end.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use crate::sensor::Look;
use crate::wire::capture::privilege::monotonic;

/// The line for `systemctl status` is renewed this often.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// The way to the service manager, where there is one.
pub(super) struct Manager {
    way: Option<(UnixDatagram, SocketAddr)>,
    /// A sign of life is due this often.
    every: Option<Duration>,
    alive: Option<Instant>,
    ready: bool,
    told: Option<Instant>,
    ends: bool,
}

impl Manager {
    /// As the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`). To be
    /// called before rights are given up.
    pub(super) fn find() -> io::Result<Self> {
        let way = match std::env::var_os("NOTIFY_SOCKET") {
            None => None,
            Some(name) => {
                let address = match name.as_bytes() {
                    [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
                    _ => SocketAddr::from_pathname(&name)?,
                };
                let socket = UnixDatagram::unbound()?;
                // A manager that is busy must not keep the census waiting.
                socket.set_nonblocking(true)?;
                Some((socket, address))
            }
        };
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let every = number("WATCHDOG_USEC").filter(|_| ours).map(Duration::from_micros);
        Ok(Self {
            way,
            every: every.map(|every| every / 2),
            alive: None,
            ready: false,
            told: None,
            ends: false,
        })
    }

    /// Another look at how it goes. Called by the thread of the census: while that
    /// hangs, nobody says that it is alive.
    pub(super) fn look(&mut self, look: &Look, status: impl FnOnce() -> String) {
        if self.way.is_none() {
            return;
        }
        let reads = !look.ports.is_empty() && look.ports.iter().all(|port| port.reads);
        if reads && !self.ready {
            self.ready = self.tell("READY=1");
        }
        let due = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
        if let Some(every) = self.every
            && reads
            && due(self.alive, every)
            && self.tell("WATCHDOG=1")
        {
            self.alive = Some(Instant::now());
        }
        if due(self.told, STATUS_EVERY) {
            self.told = Some(Instant::now());
            self.tell(&format!("STATUS={}", super::super::printable(&status())));
        }
    }

    /// The configuration is read again, until [`Self::reloaded`].
    pub(super) fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic().as_micros()));
    }

    /// It was.
    pub(super) fn reloaded(&self) {
        self.tell("READY=1");
    }

    /// The end begins.
    pub(super) fn stopping(&mut self) {
        if !std::mem::replace(&mut self.ends, true) {
            self.tell("STOPPING=1");
        }
    }

    /// False when it could not be told now.
    fn tell(&self, what: &str) -> bool {
        let tell = |(socket, address): &(UnixDatagram, SocketAddr)| {
            socket.send_to_addr(what.as_bytes(), address).is_ok()
        };
        self.way.as_ref().is_some_and(tell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::PortLook;

    #[test]
    fn a_worker_that_hangs_is_no_sign_of_life() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let ear = UnixDatagram::bind(&path).unwrap();
        ear.set_nonblocking(true).unwrap();
        let heard = || {
            let (mut all, mut room) = (Vec::new(), [0; 256]);
            while let Ok(n) = ear.recv(&mut room) {
                all.push(String::from_utf8_lossy(&room[..n]).into_owned());
            }
            all
        };
        let socket = UnixDatagram::unbound().unwrap();
        let mut manager = Manager {
            way: Some((socket, SocketAddr::from_pathname(&path).unwrap())),
            every: Some(Duration::ZERO),
            alive: None,
            ready: false,
            told: None,
            ends: false,
        };
        let mut look = Look::default();
        manager.look(&look, || "no port".into());
        assert_eq!(heard(), ["STATUS=no port"], "nothing reads yet");
        look.ports = vec![
            PortLook { reads: true, ..PortLook::default() },
            PortLook { reads: false, ..PortLook::default() },
        ];
        manager.look(&look, String::new);
        assert!(heard().is_empty(), "one of two");
        look.ports[1].reads = true;
        manager.look(&look, String::new);
        assert_eq!(heard(), ["READY=1", "WATCHDOG=1"]);
        manager.look(&look, String::new);
        assert_eq!(heard(), ["WATCHDOG=1"]);
        look.ports[0].reads = false;
        manager.look(&look, String::new);
        assert!(heard().is_empty(), "one hangs");
        manager.stopping();
        manager.stopping();
        assert_eq!(heard(), ["STOPPING=1"], "once");
        manager.reloading();
        let heard = heard();
        let time = heard[0].strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let time: u128 = time.parse().unwrap();
        assert!((1..=monotonic().as_micros()).contains(&time));
    }
}
