//! What a survey comes to: one line a check, with the remedy.

use std::fmt::Write as _;

use super::Survey;
use crate::wire::capture::live::Loss;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Worth knowing; it works all the same.
    Note,
    /// The register will be wrong or incomplete.
    Bad,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How good it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do, empty when there is nothing.
    pub remedy: &'static str,
}

impl Check {
    /// A line.
    #[must_use]
    pub fn new(
        name: &'static str,
        grade: Grade,
        found: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        let remedy = if grade == Grade::Good { "" } else { remedy };
        Self { name, grade, found: found.into(), remedy }
    }
}

/// What is known beside the frames.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// VLANs that should be on the mirror.
    pub expected: Vec<u16>,
    /// What the kernel lost meanwhile,
    pub loss: Loss,
    /// and the interface before it.
    pub dropped: u64,
    /// The longest packet that the interface takes, in bytes.
    pub mtu: Option<u32>,
    /// Speed of the link in Mb/s, where the card says so.
    pub link: Option<u64>,
    /// Seconds for which was listened.
    pub seconds: f64,
}

/// Loss worth an alarm: one frame in a thousand.
const ALARM: f64 = 0.001;
/// Conversations below which a share says nothing.
const ENOUGH: usize = 10;
/// Both sides spoke, one with tags and the other without (`Survey::side`).
const HALF_TAGGED: [u8; 2] = [0b10_01_11, 0b01_10_11];
/// VLANs named in one line.
const NAMED: usize = 12;

#[allow(clippy::cast_precision_loss, reason = "shares for people")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn list(vlans: impl ExactSizeIterator<Item = u16>) -> String {
    let many = vlans.len();
    let mut text = String::new();
    for (n, vlan) in vlans.take(NAMED).enumerate() {
        let _ = write!(text, "{}{vlan}", if n > 0 { ", " } else { "" });
    }
    if many > NAMED {
        text.push_str(", …");
    }
    text
}

impl Survey {
    /// Judges what was seen.
    #[must_use]
    pub fn checks(&self, around: &Surroundings) -> Vec<Check> {
        let counters = self.worker.counters();
        let get = |name: &str| counters.get(name).copied().unwrap_or(0);
        let frames = get("frames");
        if frames == 0 {
            return vec![Check::new(
                "frames",
                Grade::Bad,
                format!(
                    "none in {:.0} s, {} dropped by the interface",
                    around.seconds, around.dropped
                ),
                "see that the mirror session is on, its destination is this port, and the link is up",
            )];
        }
        let mut checks = vec![self.rate(frames, around), self.tags(frames)];
        checks.extend(self.expected(around));
        checks.extend(self.routed_only());
        checks.extend(self.directions());
        checks.push(copies(frames, get("duplicates.same"), get("duplicates.routed")));
        checks.push(self.lengths(get("cut"), get("tunnelled"), frames));
        checks.extend(around.mtu.filter(|mtu| *mtu < JUMBO).map(|mtu| short(mtu, around.dropped)));
        checks.push(loss(frames, around, get("acks"), get("acks.unseen")));
        checks
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self, frames: u64, around: &Surroundings) -> Check {
        let seconds = around.seconds.max(0.001);
        let mbit = self.bytes as f64 * 8.0 / 1e6 / seconds;
        let mut found = format!("{:.0} frames/s, {mbit:.1} Mb/s", frames as f64 / seconds);
        let full = around.link.map(|link| mbit / link.max(1) as f64);
        if let (Some(link), Some(full)) = (around.link, full) {
            let _ = write!(found, ", {:.1} % of the link's {link} Mb/s", full * 100.0);
        }
        let grade = if full.is_some_and(|full| full > 0.8) { Grade::Bad } else { Grade::Good };
        let remedy = "the mirror port is nearly full and the switch drops silently: mirror fewer ports, one direction of each, or to a faster port";
        Check::new("frames", grade, found, remedy)
    }

    fn tags(&self, frames: u64) -> Check {
        let vlans: Vec<u16> = self.vlans.keys().copied().filter(|vlan| *vlan != 0).collect();
        let found = format!(
            "{:.1} % of frames are tagged, {} VLANs: {}",
            share(self.tagged, frames) * 100.0,
            vlans.len(),
            list(vlans.iter().copied())
        );
        if vlans.is_empty() {
            let remedy = "VLANs cannot be told apart: let the mirror keep its tags (on many switches `encapsulation dot1q` or `replicate`, or a trunk as destination)";
            return Check::new("VLAN tags", Grade::Bad, "no frame is tagged", remedy);
        }
        let half = self.sides.values().filter(|sides| HALF_TAGGED.contains(sides)).count();
        if self.sides.len() >= ENOUGH && half * 20 > self.sides.len() {
            let found = format!(
                "{half} of {} TCP conversations have tags in one direction alone",
                self.sides.len()
            );
            let remedy = "what a device says and what it hears are of two VLANs then: mirror both directions where frames have their tags, or both where they have none";
            return Check::new("VLAN tags", Grade::Bad, found, remedy);
        }
        Check::new("VLAN tags", Grade::Good, found, "")
    }

    /// VLANs that should be there.
    fn expected(&self, around: &Surroundings) -> Option<Check> {
        let missing: Vec<u16> =
            around.expected.iter().copied().filter(|vlan| !self.vlans.contains_key(vlan)).collect();
        if around.expected.is_empty() {
            return None;
        }
        let seen = around.expected.len() - missing.len();
        let found = format!("{seen} of {} expected are there", around.expected.len());
        Some(if missing.is_empty() {
            Check::new("VLANs", Grade::Good, found, "")
        } else {
            let found = format!("{found}; missing: {}", list(missing.into_iter()));
            let remedy = "add them to the mirror's source, or listen longer where little is said";
            Check::new("VLANs", Grade::Bad, found, remedy)
        })
    }

    /// VLANs of which only what a router passes on is mirrored.
    fn routed_only(&self) -> Option<Check> {
        let vlans: Vec<u16> = self
            .vlans
            .iter()
            .filter(|(_, v)| v.only_through().is_some())
            .map(|(v, _)| *v)
            .collect();
        let one = vlans.first().and_then(|vlan| self.vlans.get(vlan)?.only_through());
        let found = format!("only to and from a router ({}) in: {}", one?, list(vlans.into_iter()));
        let remedy = "what devices of these VLANs say to each other is not on the mirror: mirror the VLANs themselves, or nearer to the devices";
        Some(Check::new("routed only", Grade::Note, found, remedy))
    }

    fn directions(&self) -> Option<Check> {
        let both = self.sides.values().filter(|sides| **sides & 3 == 3).count();
        let all = self.sides.len();
        if all < ENOUGH {
            let found = format!("{all} TCP conversations, too few to tell");
            let remedy = "listen for longer (--seconds), or when more is going on";
            return Some(Check::new("directions", Grade::Note, found, remedy));
        }
        let [both, all] = [both, all].map(|n| u64::try_from(n).unwrap_or(0));
        let share = share(both, all);
        let found = format!("{:.1} % of {all} TCP conversations show both sides", share * 100.0);
        let grade = match share {
            s if s < 0.8 => Grade::Bad,
            s if s < 0.95 => Grade::Note,
            _ => Grade::Good,
        };
        let remedy = "mirror both directions (receive and transmit); with two links from the switch, listen on both";
        Some(Check::new("directions", grade, found, remedy))
    }

    fn lengths(&self, cut: u64, tunnelled: u64, frames: u64) -> Check {
        let mut found = format!("longest frame {} bytes", self.longest);
        if tunnelled > 0 {
            let _ = write!(found, ", {:.1} % tunnelled", share(tunnelled, frames) * 100.0);
        }
        if cut > 0 {
            let _ = write!(found, ", {cut} cut short");
            let remedy = "raise the MTU of the mirror interface, and of the path of a tunnelled mirror; see that the switch does not truncate";
            return Check::new("length", Grade::Bad, found, remedy);
        }
        if self.longest > LONGEST_ON_WIRE {
            let remedy = "longer than any wire carries: the card puts segments together, which hides what was sent; `ethtool -K IFACE gro off lro off` stops that";
            return Check::new("length", Grade::Note, found, remedy);
        }
        Check::new("length", Grade::Good, found, "")
    }
}

/// What some interfaces of a hospital's servers send; less is dropped by many cards.
const JUMBO: u32 = 9_000;

/// A port that may not take the longest frames of the others.
fn short(mtu: u32, dropped: u64) -> Check {
    let found = format!("MTU {mtu} on a mirror port");
    let grade = if dropped > 0 { Grade::Bad } else { Grade::Note };
    let remedy = "longer frames of other ports are dropped unseen: `ip link set dev IFACE mtu 9216`, unless no port of the switch carries any";
    Check::new("MTU", grade, found, remedy)
}

/// A jumbo frame with its tags.
const LONGEST_ON_WIRE: u32 = 9_216 + 26;

fn copies(frames: u64, same: u64, routed: u64) -> Check {
    let (twice, routed) = (share(same, frames), share(routed, frames));
    let found =
        format!("{:.1} % twice, {:.1} % on both legs of a router", twice * 100.0, routed * 100.0);
    let grade = if twice > 0.01 { Grade::Note } else { Grade::Good };
    let remedy = "counted once; mirroring one direction of each port would halve the load";
    Check::new("copies", grade, found, remedy)
}

fn loss(frames: u64, around: &Surroundings, acks: u64, unseen: u64) -> Check {
    let Surroundings { loss, dropped, .. } = *around;
    let lost = loss.ring_full.saturating_add(loss.fill_empty).saturating_add(loss.invalid);
    let lost = lost.saturating_add(loss.passed).saturating_add(dropped);
    let here = share(lost, lost.saturating_add(frames));
    let before = share(unseen, acks);
    let found = format!(
        "{lost} frames lost here ({:.3} %); {unseen} of {acks} TCP acknowledgements are of bytes that never came ({:.3} %)",
        here * 100.0,
        before * 100.0
    );
    if share(dropped, lost.saturating_add(frames)) > ALARM {
        let remedy = "the interface itself dropped them (`ip -s -s link show dev IFACE`): raise its MTU, or its buffers (`ethtool -G IFACE rx`)";
        return Check::new("loss", Grade::Bad, found, remedy);
    }
    if here > ALARM {
        let remedy = "give the workers more memory (--ring), more queues, or faster cores";
        return Check::new("loss", Grade::Bad, found, remedy);
    }
    let grade = if before > 0.01 { Grade::Bad } else { Grade::Good };
    let remedy =
        "lost before the sensor: an overfull mirror port, or a mirror that leaves out a path";
    Check::new("loss", grade, found, remedy)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::path::Path;

    use super::*;
    use crate::wire::capture::parse_bytes;

    fn survey(capture: &str) -> Survey {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab").join(capture);
        let mut survey = Survey::default();
        parse_bytes(&std::fs::read(path).unwrap(), &mut |frames, _| {
            survey.see(frames);
            ControlFlow::Continue(())
        })
        .unwrap();
        survey
    }

    fn check(survey: &Survey, name: &str, around: &Surroundings) -> Option<Check> {
        survey.checks(around).into_iter().find(|check| check.name == name)
    }

    #[test]
    fn a_good_mirror_is_good() {
        let survey = survey("hospital.pcapng");
        let around = Surroundings { seconds: 10.0, expected: vec![10, 20], ..<_>::default() };
        let checks = survey.checks(&around);
        let bad: Vec<_> = checks.iter().filter(|c| c.grade == Grade::Bad).collect();
        assert!(bad.is_empty(), "{bad:#?}");
        assert!(checks.iter().any(|c| c.name == "directions" && c.found.contains("both sides")));
    }

    #[test]
    fn each_fault_has_its_line_and_remedy() {
        let around = Surroundings { seconds: 1.0, ..<_>::default() };
        let of = |capture: &str, name: &str| check(&survey(capture), name, &around).unwrap();
        let twice = of("double.pcap", "copies");
        assert_eq!(twice.grade, Grade::Note, "{twice:?}");
        let untagged = of("rawip.pcap", "VLAN tags");
        assert_eq!(untagged.grade, Grade::Bad, "{untagged:?}");
        assert!(of("tunnels.pcap", "length").found.contains("tunnelled"));
        let holes = of("loss.pcap", "loss");
        assert!(holes.found.contains("never came"), "{holes:?}");
        for check in [twice, untagged] {
            assert!(!check.remedy.is_empty());
        }
    }

    #[test]
    fn what_should_be_there_is_missed() {
        let around = Surroundings { seconds: 1.0, expected: vec![20, 4000], ..<_>::default() };
        let check = check(&survey("hospital.pcapng"), "VLANs", &around).unwrap();
        assert_eq!(check.grade, Grade::Bad);
        assert!(check.found.ends_with("missing: 4000"), "{}", check.found);
    }

    #[test]
    fn a_full_link_and_a_slow_sensor_are_said() {
        let survey = survey("hospital.pcapng");
        let loss = Loss { ring_full: 1000, ..<_>::default() };
        let around = Surroundings { seconds: 0.1, link: Some(10), loss, ..<_>::default() };
        assert_eq!(check(&survey, "frames", &around).unwrap().grade, Grade::Bad);
        assert_eq!(check(&survey, "loss", &around).unwrap().grade, Grade::Bad);
    }

    #[test]
    fn what_the_interface_drops_and_a_short_mtu_are_told() {
        let survey = survey("hospital.pcapng");
        let mut around = Surroundings { seconds: 9.0, mtu: Some(1_500), ..<_>::default() };
        assert_eq!(check(&survey, "MTU", &around).unwrap().grade, Grade::Note);
        assert_eq!(check(&survey, "loss", &around).unwrap().grade, Grade::Good);
        around.dropped = 200;
        assert_eq!(check(&survey, "MTU", &around).unwrap().grade, Grade::Bad);
        let loss = check(&survey, "loss", &around).unwrap();
        assert!(loss.grade == Grade::Bad && loss.remedy.contains("MTU"), "{loss:?}");
        around.mtu = Some(9_216);
        assert_eq!(check(&survey, "MTU", &around), None);
    }

    #[test]
    fn a_mirror_that_shows_too_little_is_not_called_good() {
        let mut few = survey("rawip.pcap");
        few.sides = few.sides.into_iter().take(ENOUGH - 1).collect();
        let check = check(&few, "directions", &Surroundings::default()).unwrap();
        assert!(check.grade == Grade::Note && check.found.contains("too few"), "{check:?}");
    }

    #[test]
    fn an_idle_mirror_is_one_line() {
        let checks = Survey::default().checks(&Surroundings::default());
        assert_eq!((checks.len(), checks[0].grade), (1, Grade::Bad));
    }

    #[test]
    fn one_sided_and_routed_only_mirrors_are_found() {
        let whole = survey("hospital.pcapng");
        assert!(check(&whole, "directions", &Surroundings::default()).is_some());
        let mut half = Survey::default();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab/hospital.pcapng");
        parse_bytes(&std::fs::read(path).unwrap(), &mut |frames, _| {
            // As if only what is sent to even ports were mirrored.
            let kept: Vec<_> = frames
                .iter()
                .filter(|frame| {
                    let ports = crate::wire::packet::slice(frame, 0).packet.ports();
                    ports.is_none_or(|(from, to)| from < to)
                })
                .copied()
                .collect();
            half.see(&kept);
            ControlFlow::Continue(())
        })
        .unwrap();
        let check = check(&half, "directions", &Surroundings::default()).unwrap();
        assert_eq!(check.grade, Grade::Bad, "{check:?}");
    }
}
