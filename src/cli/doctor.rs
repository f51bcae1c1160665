//! `auscult doctor [-i IFACE]`: can this machine capture, and does the mirror show what
//! it should. One line a check, with its remedy.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::listen::Capture;
use super::{Failure, Settings, closed, printable};
use crate::census::signature::EDITION;
use crate::sensor::survey::{Check, Grade, Surroundings, Survey, card, machine};
use crate::store::Inventory;
use crate::wire::capture::live::statistics::{self, Dropped};
use crate::wire::capture::live::{Fault, Loss, Method, OpenError, Options, open};
use crate::wire::capture::privilege::out_was_closed;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Mirror interfaces to listen on, one after the other
    #[arg(short, long = "interface", value_name = "IFACE", num_args = 1..)]
    interfaces: Vec<String>,
    /// Seconds to listen on each
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// VLANs that should be on the mirror, like 10,20,100-119
    #[arg(long, value_name = "LIST", value_parser = vlans)]
    vlans: Option<Vlans>,
    /// How to capture
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Capture::Auto)]
    capture: Capture,
}

/// VLAN identifiers in rising order.
#[derive(Clone, Debug, Default)]
struct Vlans(Vec<u16>);

/// Reads `10,20,100-119`.
fn vlans(text: &str) -> Result<Vlans, String> {
    let mut all: Vec<u16> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse().ok().filter(|n: &u16| (1..=4094).contains(n));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => all.extend(first..=last),
            _ => return Err(format!("`{part}` is no VLAN from 1 to 4094, nor a range of them")),
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(Vlans(all))
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    if out_was_closed() {
        return Err(closed());
    }
    let mut worst = Grade::Good;
    let mut say = |checks: Vec<Check>, interface: &str| -> Result<(), Failure> {
        let mut to = io::stdout().lock();
        for Check { name, grade, found, remedy } in checks {
            let word = match grade {
                Grade::Good => "ok  ",
                Grade::Note => "note",
                Grade::Bad => "BAD ",
            };
            let remedy = if remedy.is_empty() { String::new() } else { format!("; {remedy}") };
            let remedy = remedy.replace("IFACE", interface);
            writeln!(to, "{word}  {name:<12} {}{}", printable(&found), printable(&remedy))?;
            worst = worst.max(grade);
        }
        Ok(to.flush()?)
    };
    let mut checks = machine::checks(settings.db.parent().unwrap_or(Path::new("")), age(EDITION));
    checks.push(advisories(settings));
    checks.extend(site(settings));
    checks.extend(inventory(&settings.db));
    say(checks, "")?;
    for interface in &args.interfaces {
        writeln!(io::stdout(), "{}", printable(interface))?;
        say(mirror(interface, args), interface)?;
    }
    if worst == Grade::Bad { Err(Failure::Silent) } else { Ok(()) }
}

/// Days after which newer advisories are asked for.
const OLD_ADVISORIES: i64 = 180;

/// Whether the advisories can be read, and how old they are.
fn advisories(settings: &Settings) -> Check {
    let remedy = "import newer ones: auscult advisories import";
    let set = match settings.advisories() {
        Ok(all) => all,
        Err(error) => return Check::new("advisories", Grade::Bad, error.to_string(), remedy),
    };
    let set = set.set();
    let days = age(set.date());
    let (csaf, kev) = (set.csaf(), &set.kev);
    let ahead = [csaf, kev].into_iter().any(|day| age(day) < -1);
    let grade = if days > OLD_ADVISORIES || ahead { Grade::Note } else { Grade::Good };
    let old = if ahead { "a day to come".to_owned() } else { format!("{days} days old") };
    let found = format!("to {csaf}, exploited weaknesses to {kev}, {old}");
    Check::new("advisories", grade, found, remedy)
}

/// What the site has written that a sensor would leave out, or refuse.
fn site(settings: &Settings) -> Option<Check> {
    let done = settings
        .book()
        .map(drop)
        .and_then(|()| settings.risks().map(drop))
        .and_then(|()| settings.pins().map(drop))
        .and_then(|()| settings.alerts.policy(true, settings.loss_alarm).map(drop));
    let remedy = "a sensor goes on without it: mend it, then reload auscult (SIGHUP)";
    Some(Check::new("site's files", Grade::Bad, done.err()?.to_string(), remedy))
}

/// Whether what is where the inventory is to be is one.
fn inventory(db: &Path) -> Option<Check> {
    if !db.exists() {
        return None;
    }
    let why = Inventory::open(db).err()?.to_string();
    Some(Check::new("inventory", Grade::Bad, why, "a sensor cannot go on with it"))
}

/// Days since something was edited.
#[allow(clippy::disallowed_methods, reason = "how old something is depends on today")]
fn age(edited: &str) -> i64 {
    let edited: Option<jiff::civil::Date> = edited.parse().ok();
    let today = jiff::Zoned::now().date();
    edited.and_then(|edited| today.since(edited).ok()).map_or(0, |age| age.get_days().into())
}

/// Listens for a while and judges.
fn mirror(interface: &str, args: &Args) -> Vec<Check> {
    // Looking must change nothing: the card's offloads stay as they are.
    let method = args.capture.method();
    let generic = args.capture == Capture::AfXdpGeneric;
    let options = Options { method, generic, adjust: false, ..Options::default() };
    let mut checks = Vec::new();
    let refused = |error: &OpenError| {
        let grade = if error.is_of_offload() { Grade::Note } else { Grade::Bad };
        let remedy = "`auscult listen` does that by itself, unless with --keep-card";
        let remedy = if grade == Grade::Note { remedy } else { "" };
        Check::new("capture", grade, error.what(), remedy)
    };
    // What cannot be had in one way can be looked at in another.
    let opened = open(interface, &options).or_else(|error| {
        checks.push(refused(&error));
        match method {
            Some(Method::AfXdp | Method::Pcap) => {
                open(interface, &Options { method: Some(Method::AfPacket), ..options })
            }
            _ => Err(error),
        }
    });
    let Ok(opened) = opened else { return checks };
    let note = if opened.note.is_empty() { String::new() } else { format!(" ({})", opened.note) };
    checks.push(Check::new("capture", Grade::Good, format!("{}{note}", opened.method), ""));
    let (mut sources, mut survey) = (opened.sources, Survey::default());
    let mut dropped = Dropped::since_now(interface);
    let begun = Instant::now();
    let length = Duration::from_secs(args.seconds.into());
    let pause = Duration::from_millis(if sources.len() > 1 { 2 } else { 100 });
    while begun.elapsed() < length {
        for source in &mut sources {
            match source.receive(pause, &mut |frames| survey.see(frames)) {
                Ok(_) => {}
                Err(Fault::Down) => {
                    let remedy = "bring it up to look at it: `ip link set dev IFACE up`; `auscult listen` does that by itself, unless with --keep-card";
                    checks.push(Check::new("link", Grade::Bad, "the interface is down", remedy));
                    return checks;
                }
                Err(fault) => {
                    checks.push(Check::new("link", Grade::Bad, fault.to_string(), ""));
                    return checks;
                }
            }
        }
    }
    // First the driver, whose drops the sockets' are among.
    dropped.look(statistics::dropped(interface));
    let loss = sources.iter_mut().map(|s| s.loss()).fold(Loss::default(), Loss::and);
    // What AF_XDP's sockets did not take is among the driver's drops.
    let of_sockets = match opened.method {
        Method::AfXdp => loss.ring_full + loss.fill_empty + loss.invalid,
        _ => 0,
    };
    let around = Surroundings {
        expected: args.vlans.clone().unwrap_or_default().0,
        dropped: dropped.frames.saturating_sub(of_sockets),
        mtu: mtu(interface),
        loss,
        link: link(interface),
        seconds: begun.elapsed().as_secs_f64(),
    };
    checks.extend(card::checks(interface));
    checks.extend(survey.checks(&around));
    checks
}

/// The longest packet that the interface takes, in bytes without the Ethernet header.
fn mtu(interface: &str) -> Option<u32> {
    let path = Path::new("/sys/class/net").join(interface).join("mtu");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Speed of the link in Mb/s, where the card says so.
fn link(interface: &str) -> Option<u64> {
    let path = Path::new("/sys/class/net").join(interface).join("speed");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_vlans_are_read() {
        assert_eq!(vlans("20, 10,100-102,10").unwrap().0, [10, 20, 100, 101, 102]);
        for wrong in ["", "0", "4095", "20-10", "a", "1,,2", "1-2-3"] {
            assert!(vlans(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_signatures_have_a_day() {
        assert!(EDITION.parse::<jiff::civil::Date>().is_ok(), "{EDITION}");
    }
}
