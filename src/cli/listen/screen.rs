//! Says what changes; a line that lives, on a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use indicatif::{ProgressBar, ProgressStyle};
use tracing::{info, warn};

use super::sums;
use crate::sensor::{Lately, Look, PortLook, Turn};
use crate::store::Health;
use crate::time::{SECOND, Timestamp};
use crate::wire::capture::live::host::{Voice, voice};

/// See the module.
pub(super) struct Screen {
    pub(super) bar: ProgressBar,
    /// Share of frames lost in a minute from which on it is said.
    pub(super) alarm: f64,
    /// Ports that lose too much.
    losing: BTreeSet<String>,
    faults: BTreeMap<String, Trouble>,
    ahead: BTreeMap<String, i64>,
    /// Ports some of whose frames nobody could read.
    turned: BTreeSet<String>,
    unwritten: Option<String>,
}

/// A port from which no frames come.
struct Trouble {
    now: State,
    /// Frames until then.
    frames: u64,
}

/// How such a port is by now.
enum State {
    /// Why none come, as it was said.
    Bad(String),
    /// Nothing is in their way any more, and what was.
    Back(&'static str),
}

/// What there is to say of a port.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Fault(String),
    /// What was in the way is gone.
    Back(&'static str),
    /// They come again; at once, without a moment in which it was merely back.
    Frames {
        at_once: bool,
    },
}

impl Screen {
    pub(super) fn new(shown: bool, alarm: f64) -> Self {
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{elapsed_precise}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            alarm,
            losing: BTreeSet::new(),
            faults: BTreeMap::new(),
            ahead: BTreeMap::new(),
            turned: BTreeSet::new(),
            unwritten: None,
        }
    }

    pub(super) fn show(&mut self, look: &Look) {
        for port in &look.ports {
            let name = &port.interface;
            match self.news(port) {
                Some(News::Fault(why)) => self.bad(name, &why),
                Some(News::Back(what)) => {
                    self.good(name, &format!("{what}{NOT_YET}{}", anew(port)));
                }
                Some(News::Frames { at_once }) => {
                    let anew = if at_once { anew(port) } else { String::new() };
                    self.good(name, &format!("frames come again{anew}"));
                }
                None => {}
            }
            if port.turned == Some(Turn::Queues) && self.turned.insert(name.clone()) {
                self.bad(name, &more_queues(&port.method));
            }
            self.loss(name, port.lately);
            let before = self.ahead.insert(name.clone(), port.ahead).unwrap_or(0);
            if before != port.ahead {
                match port.ahead {
                    0 => self.good(name, &"packets are stamped by the system's clock again"),
                    ahead => self.bad(name, &packet_time(ahead)),
                }
            }
        }
        if let Some(step) = look.clock_step {
            let step = seconds(step);
            self.bar.suspend(|| warn!("the system's clock was set by {step:+.1} s"));
        }
        if self.unwritten != look.unwritten {
            self.bar.suspend(|| match &look.unwritten {
                Some(why) => warn!("{why}"),
                None => info!("the inventory is written again"),
            });
            self.unwritten.clone_from(&look.unwritten);
        }
        self.bar.set_message(self.status(look));
    }

    /// Whether frames stopped coming, or come again.
    fn news(&mut self, port: &PortLook) -> Option<News> {
        let frames = port.counters.get("frames").copied().unwrap_or(0);
        let name = &port.interface;
        let before = self.faults.get_mut(name);
        if let Some(why) = &port.fault {
            if before.is_some_and(|it| matches!(&it.now, State::Bad(said) if said == why)) {
                return None;
            }
            let trouble = Trouble { now: State::Bad(why.clone()), frames };
            self.faults.insert(name.clone(), trouble);
            return Some(News::Fault(why.clone()));
        }
        let before = before?;
        if frames > before.frames {
            let at_once = matches!(before.now, State::Bad(_));
            self.faults.remove(name);
            return Some(News::Frames { at_once });
        }
        let State::Bad(why) = &before.now else { return None };
        let what = back(why);
        before.now = State::Back(what);
        Some(News::Back(what))
    }

    /// Says when a port begins to lose too much in a minute of the clock, and when that is
    /// over: below half of it, so that it is not said again and again.
    fn loss(&mut self, port: &str, Lately { at, health }: Lately) {
        if health.is_loss(self.alarm) {
            if self.losing.insert(port.to_owned()) {
                let minute = Timestamp::new(at, 0).rfc3339();
                self.bad(port, &format!("{} lost in the minute from {minute}", health.loss()));
            }
        } else if health.share() <= self.alarm / 2.0 && self.losing.remove(port) {
            self.good(port, &"hardly any frames are lost any more");
        }
    }

    /// How it goes, in one line: what is wrong first.
    pub(super) fn status(&self, look: &Look) -> String {
        let mut wrong: Vec<_> =
            look.unwritten.iter().map(|why| format!("NOT WRITTEN: {why}")).collect();
        for port in &look.ports {
            let lately = &port.lately.health;
            let what = match &port.fault {
                Some(why) => why.clone(),
                None if !port.reads => "its workers read nothing".to_owned(),
                None if lately.is_loss(self.alarm) => format!("{} lost lately", lately.loss()),
                None if let Some(what) = self.is_back(&port.interface) => {
                    format!("{what}{NOT_YET}")
                }
                None if port.turned == Some(Turn::Queues)
                    || port.turned == Some(Turn::Anew { other_way: true }) =>
                {
                    format!("read by {}, restart auscult to read it as before", port.method)
                }
                None => continue,
            };
            wrong.push(format!("{}: {what}", port.interface));
        }
        let all = sums(look);
        let get = |name: &str| all.iter().find(|(n, _)| n == name).map_or(0, |(_, n)| *n);
        let lost = Health::of_counters(all.iter().map(|(n, of)| (n.as_str(), *of))).lost();
        wrong.push(format!(
            "{} packets, {lost} lost, {} conversations, {} hosts",
            get("frames"),
            get("flows"),
            look.hosts
        ));
        wrong.join("; ")
    }

    /// What is gone that was in the way of a port from which no frame came since.
    fn is_back(&self, port: &str) -> Option<&'static str> {
        match self.faults.get(port)?.now {
            State::Back(what) => Some(what),
            State::Bad(_) => None,
        }
    }

    fn bad(&self, port: &str, what: &dyn Display) {
        self.bar.suspend(|| warn!(port, "{port}: {what}"));
    }

    fn good(&self, port: &str, what: &dyn Display) {
        self.bar.suspend(|| info!(port, "{port}: {what}"));
    }
}

/// Said of what is as it should be again.
const NOT_YET: &str = ", no frame came yet";

/// What is gone where this was in the way.
fn back(why: &str) -> &'static str {
    match why {
        _ if why.starts_with("no carrier") => "the link is back",
        _ if why.starts_with("the interface is down") => "the interface is up again",
        _ => "the interface is back",
    }
}

fn more_queues(method: &str) -> String {
    format!(
        "frames came by receive queues that were not there at the start and passed by (lost.host); \
         read by {method} now, restart auscult to read them as before"
    )
}

/// What there is to say of an interface that was removed and is there again.
fn anew(port: &PortLook) -> String {
    let (name, method) = (&port.interface, &port.method);
    let mut said = match port.turned {
        Some(Turn::Anew { other_way: true }) => {
            format!("; read by {method} now, restart auscult to read it as before")
        }
        _ => String::new(),
    };
    // Nobody here may look at IPv6's switch any more: a new interface has what the system
    // gives to all.
    let speaks = port.turned.is_some() && voice(name).is_ok_and(|voice| voice.arp);
    if let Some(remedy) = speaks.then(|| Voice { arp: true, ipv6: true }.remedy(name)).flatten() {
        said.push_str(&format!("; the host may send on it: {remedy} stop that"));
    }
    said
}

fn packet_time(ahead: i64) -> String {
    let (by, how) =
        (seconds(ahead.saturating_abs()), if ahead > 0 { "ahead of" } else { "behind" });
    format!("packets are stamped {by:.1} s {how} the system's clock; set the card's clock")
}

#[allow(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_loss_begins_and_ends_once() {
        let mut screen = Screen::new(false, 0.001);
        let mut loses = |lost| {
            let health = Health::of_counters([("frames", 100_000 - lost), ("lost.ring", lost)]);
            screen.loss("eth1", Lately { at: 60, health });
            screen.losing.contains("eth1")
        };
        assert!(!loses(0) && !loses(99), "less than a thousandth");
        assert!(loses(100) && loses(99) && loses(51), "until it is half of that");
        assert!(!loses(50) && !loses(99));
        screen.loss("eth2", Lately::default());
        assert!(screen.losing.is_empty());
    }

    #[test]
    fn frames_come_again_when_one_came() {
        let mut screen = Screen::new(false, 0.001);
        let mut look = |fault: Option<&str>, frames: u64| {
            let counters = [("frames".to_owned(), frames)].into();
            let (interface, fault) = ("eth1".to_owned(), fault.map(str::to_owned));
            screen.news(&PortLook { interface, fault, counters, ..PortLook::default() })
        };
        let gone = || Some(News::Fault("gone".into()));
        assert_eq!(look(None, 5), None);
        assert_eq!(look(Some("gone"), 7), gone());
        assert_eq!(look(Some("gone"), 7), None, "once");
        let back = |what| Some(News::Back(what));
        assert_eq!(look(None, 7), back("the interface is back"));
        assert_eq!(look(None, 7), None, "once");
        assert_eq!(look(Some("gone"), 7), gone(), "again");
        assert_eq!(look(None, 7), back("the interface is back"));
        assert_eq!(look(None, 8), Some(News::Frames { at_once: false }));
        assert_eq!(look(None, 9), None);
        assert_eq!(look(Some("gone"), 9), gone());
        assert_eq!(look(None, 10), Some(News::Frames { at_once: true }), "back and frames in one");
        for (why, what) in [
            ("no carrier: the cable is out", "the link is back"),
            ("the interface is down: `ip link set dev eth1 up`", "the interface is up again"),
        ] {
            assert_eq!(look(Some(why), 10), Some(News::Fault(why.into())));
            assert_eq!(look(None, 10), back(what));
        }
    }

    #[test]
    fn a_port_that_is_up_again_is_not_down_and_not_heard_yet() {
        let mut screen = Screen::new(false, 0.001);
        let mut status = |fault: Option<&str>, frames: u64| {
            let (interface, fault) = ("eth1".to_owned(), fault.map(str::to_owned));
            let counters = [("frames".to_owned(), frames)].into();
            let port = PortLook { interface, fault, counters, reads: true, ..PortLook::default() };
            let look = Look { ports: vec![port], ..Look::default() };
            screen.show(&look);
            screen.status(&look)
        };
        let down = Some("the interface is down");
        assert!(status(None, 5).starts_with("5 packets"));
        assert!(status(down, 5).starts_with("eth1: the interface is down; 5 packets"));
        let up = "eth1: the interface is up again, no frame came yet; 5 packets";
        for _ in 0..2 {
            assert!(status(None, 5).starts_with(up));
        }
        assert!(status(down, 5).starts_with("eth1: the interface is down; "), "again");
        assert!(status(None, 5).starts_with(up));
        assert!(status(None, 6).starts_with("6 packets"));
    }

    #[test]
    fn the_status_begins_with_what_is_wrong() {
        let screen = Screen::new(false, 0.001);
        let good = || {
            let counters = [("frames".to_owned(), 7)].into();
            let (interface, method) = ("eth1".to_owned(), "af-packet".to_owned());
            PortLook { interface, counters, method, reads: true, ..PortLook::default() }
        };
        let status = |unwritten: Option<&str>, port: PortLook| {
            let unwritten = unwritten.map(str::to_owned);
            screen.status(&Look { ports: vec![port], unwritten, hosts: 3, ..Look::default() })
        };
        let end = "7 packets, 0 lost, 0 conversations, 3 hosts";
        assert_eq!(status(None, good()), end);
        let fault = |what: &str| PortLook { fault: Some(what.to_owned()), ..good() };
        let health = Health::of_counters([("frames", 99), ("lost.ring", 1)]);
        let turned = |turned| PortLook { turned: Some(turned), ..good() };
        let anew = |other_way| turned(Turn::Anew { other_way });
        for (unwritten, port, begin) in [
            (Some("disk full"), good(), "NOT WRITTEN: disk full; "),
            (Some("x"), fault("gone"), "NOT WRITTEN: x; eth1: gone; "),
            (None, fault("gone"), "eth1: gone; "),
            (None, PortLook { reads: false, ..good() }, "eth1: its workers read nothing; "),
            (
                None,
                PortLook { lately: Lately { at: 0, health }, ..good() },
                "eth1: 1 of 100 frames",
            ),
            (None, turned(Turn::Queues), "eth1: read by af-packet, restart"),
            (None, anew(true), "eth1: read by af-packet, restart"),
            (None, anew(false), end),
        ] {
            let said = status(unwritten, port);
            assert!(said.starts_with(begin) && said.ends_with(end), "{said}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_by_how_much() {
        assert!(packet_time(37 * SECOND).contains("37.0 s ahead of"));
        assert!(packet_time(-3_600 * SECOND).contains("3600.0 s behind"));
    }
}
