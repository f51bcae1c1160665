//! Equipment that a message describes: is it the speaker itself, or another?
//!
//! An image names the device that made it, and an archive sends images of many. The
//! speaker is taken for the device only when it describes just one, speaks as the
//! device's part in the workflow demands, and forwards nothing (DICOM PS3.3 C.7.5.1;
//! PS3.4 annexes F and K for the parts). Everything else is a device of its own,
//! seen through the speaker.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::Identity;
use crate::census::host::{EquipmentFacts, Fact, Host, Said};
use crate::net::{HostId, Mac};
use crate::observe::{Origin, Role};

/// Modality worklist (PS3.4 annex K): only acquisition devices ask for work.
const WORKLIST: &str = "1.2.840.10008.5.1.4.31";
/// Performed procedure step (PS3.4 annex F): only who performs it reports it.
const PERFORMED_STEP: &str = "1.2.840.10008.3.1.2.3.3";
/// From so many different storage classes on, a sender is a router or an archive.
const MANY_CLASSES: usize = 40;

/// Letters and digits of a name that can be told from another by them.
const SHORTEST_NAME: usize = 4;

/// What speakers of one asset describe, sorted by whose it is.
#[derive(Default)]
pub(super) struct Described<'a> {
    /// The asset itself, with the confidence of that inference.
    pub(super) own: Vec<(&'a EquipmentFacts, Said, f32)>,
    /// Other devices, by identity.
    pub(super) others: BTreeMap<Identity, Vec<(&'a EquipmentFacts, Said)>>,
}

fn get<'a>(facts: &'a EquipmentFacts, key: &str) -> Option<&'a str> {
    facts.iter().find(|(k, _)| k.as_str() == key).map(|(_, v)| &**v)
}

/// What makes two descriptions the same device. A serial number must look like one:
/// zeros and addresses are not.
pub(super) fn signature_of(facts: &EquipmentFacts) -> Option<String> {
    let first = |ends: &[&str]| {
        let of = |end: &&str| facts.iter().find(|(key, _)| key.as_str().ends_with(end));
        ends.iter().find_map(of).map(|(_, value)| &**value)
    };
    let serial = first(&["serial", "uid_serial", "_eui64"])
        .filter(|s| s.chars().any(|c| c.is_ascii_alphanumeric() && c != '0'))
        .filter(|s| s.parse::<std::net::IpAddr>().is_err())?;
    let maker = first(&["manufacturer", "namespace", "vendor_id"]).unwrap_or_default();
    let model = first(&[".model", "_model"]).unwrap_or_default();
    Some(format!("{maker}|{model}|{serial}").to_lowercase())
}

/// The address of the described device's card.
pub(super) fn card(facts: &EquipmentFacts) -> Option<Mac> {
    let (_, value) = facts.iter().find(|(key, _)| key.as_str().ends_with("_mac"))?;
    value.parse().ok().filter(|mac: &Mac| mac.is_unicast())
}

/// A coarser name for descriptions that carry no serial number.
fn kind_of(facts: &EquipmentFacts) -> String {
    let parts = ["dicom.manufacturer", "dicom.model", "dicom.station_name", "hl7.equipment_id"];
    parts.map(|key| get(facts, key).unwrap_or_default()).join("|").to_lowercase()
}

/// Takes HL7 messages in and gives HL7 messages out: what those say of their maker
/// need not be said of the speaker.
pub(super) fn relays_hl7(hosts: &[(&HostId, &Host)]) -> bool {
    let part = |wanted: Role| {
        let mut services = hosts.iter().flat_map(|(_, host)| host.services());
        services.any(|((_, _, name, role), _)| &**name == "hl7" && *role == wanted)
    };
    part(Role::Server) && part(Role::Client)
}

/// Sorts what the speakers of one asset describe; `medical_mac` says whether the card
/// is of a maker of medical devices.
pub(super) fn sort<'a>(
    hosts: &[(&'a HostId, &'a Host)],
    medical_mac: impl Fn() -> bool,
) -> Described<'a> {
    let mut described = Described::default();
    if hosts.iter().all(|(_, host)| host.equipment.is_empty()) {
        return described;
    }
    let all = || hosts.iter().flat_map(|(_, host)| host.equipment.iter());
    let classes: BTreeSet<&str> = hosts
        .iter()
        .flat_map(|(_, h)| h.values("dicom.stored_sop_class").chain(h.values("dicom.scu")))
        .filter(|uid| uid.starts_with("1.2.840.10008.5.1.4.1.1."))
        .collect();
    let acquires = asks_for_work(hosts);
    let forwards = all().any(|(origin, ..)| *origin == Origin::Forwarded);
    let images = || all().filter(|(o, f, _)| *o == Origin::Creator && is_dicom(f));
    let devices: BTreeSet<String> =
        images().map(|(_, f, _)| signature_of(f).unwrap_or_else(|| kind_of(f))).collect();
    let macs: BTreeSet<Mac> = hosts.iter().filter_map(|(id, _)| id.mac).collect();
    let results: BTreeSet<String> = all()
        .filter(|(o, f, _)| *o == Origin::Creator && !is_dicom(f))
        .map(|(_, f, _)| signature_of(f).unwrap_or_else(|| kind_of(f)))
        .collect();

    for (origin, facts, said) in all() {
        let sure = match origin {
            Origin::Own => Some(1.0),
            Origin::Forwarded => None,
            Origin::Creator if is_dicom(facts) => {
                let station = get(facts, "dicom.station_ae");
                let calling = get(facts, "dicom.calling_ae");
                let same_ae = calling.is_some_and(|ae| {
                    station == Some(ae)
                        || get(facts, "dicom.station_name").is_some_and(|name| same_name(name, ae))
                });
                let alone = devices.len() == 1 && !forwards && classes.len() < MANY_CLASSES;
                match (alone, acquires, same_ae) {
                    (true, true, _) => Some(1.0),
                    (true, false, true) => Some(0.9),
                    _ => None,
                }
            }
            Origin::Creator => {
                match card(facts) {
                    Some(mac) if macs.contains(&mac) => Some(1.0),
                    Some(_) => None,
                    // One device only, and the network card is of a maker of such devices.
                    None => (results.len() == 1 && medical_mac()).then_some(0.9),
                }
            }
        };
        match (sure, signature_of(facts)) {
            (Some(weight), _) => described.own.push((facts, *said, weight)),
            (None, Some(name)) => {
                let other = described.others.entry(Identity::Equipment(name)).or_default();
                other.push((facts, *said));
            }
            // Nothing tells one such device from the next: said of nobody.
            (None, None) => {}
        }
    }
    described
}

/// Whether a speaker asks for worklists or reports steps, as acquisition devices do.
fn asks_for_work(hosts: &[(&HostId, &Host)]) -> bool {
    hosts.iter().any(|(_, host)| {
        let all = ["dicom.scu", "dicom.verb"].map(|key| host.facts_of(key));
        all.iter().copied().flatten().any(is_work)
    })
}

/// Whether a speaker asks for worklists or reports steps by this.
pub(super) fn is_work(fact: &Fact) -> bool {
    match fact.key.as_str() {
        "dicom.scu" => [WORKLIST, PERFORMED_STEP].contains(&&*fact.value),
        "dicom.verb" => fact.value.contains("worklist") || fact.value.contains("mpps"),
        _ => false,
    }
}

/// Whether the images that a device sends are its own: it describes itself by them, or it
/// does the part of an acquisition device and has described no other.
pub(super) fn acquires(described: &Described<'_>, hosts: &[(&HostId, &Host)]) -> bool {
    let others = described.others.values().flatten().any(|(facts, _)| is_dicom(facts));
    described.own.iter().any(|(facts, ..)| is_dicom(facts)) || (!others && asks_for_work(hosts))
}

/// Whether a station's name (0008,1010) is its title as well: `FCR-CAPS2` calls itself
/// `FCRCAPS2`. A few letters alone may be the same by chance.
fn same_name(station: &str, ae: &str) -> bool {
    let bare = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let station = bare(station);
    station.len() >= SHORTEST_NAME && station == bare(ae)
}

/// Whether a name of equipment tells it from all others: its serial number has digits
/// and is none of those that are written where none was set.
pub(super) fn is_telling(name: &Identity) -> bool {
    let Identity::Equipment(name) = name else { return false };
    let serial = name.rsplit('|').next().unwrap_or_default();
    let digits: Vec<u8> = serial.bytes().filter(u8::is_ascii_digit).collect();
    let counts = |step: u8| digits.windows(2).all(|w| w[0].wrapping_add(step) == w[1]);
    serial.len() >= 4
        && digits.len() >= 3
        && !counts(0)
        && !counts(1)
        && name.len() > serial.len() + 2
}

fn is_dicom(facts: &EquipmentFacts) -> bool {
    facts.iter().any(|(key, _)| key.as_str().starts_with("dicom."))
}

/// Who describes so many other devices passes on what they say.
const MANY: usize = 3;

/// In what a speaker speaks for many devices: `pcd` for bedside devices (IHE PCD), `hl7`,
/// `dicom`; with the first that says so.
pub(super) fn speaks_for(
    described: &Described<'_>,
    hosts: &[(&HostId, &Host)],
) -> Option<(&'static str, Said)> {
    let told = |dicom: bool| {
        let all = described.others.values().filter_map(|facts| facts.first());
        let mut of = all.filter(move |(facts, _)| is_dicom(facts) == dicom).map(|(_, said)| *said);
        let first = of.by_ref().next()?;
        let (count, first) = of.fold((1, first), |(n, first), said| {
            (n + 1, if said.evidence < first.evidence { said } else { first })
        });
        (count >= MANY).then_some(first)
    };
    let pcd = || {
        let mut profiles = hosts.iter().flat_map(|(_, host)| host.values("hl7.profile"));
        profiles.any(|profile| profile.to_ascii_uppercase().contains("PCD"))
    };
    told(false)
        .map(|said| (if pcd() { "pcd" } else { "hl7" }, said))
        .or_else(|| told(true).map(|said| ("dicom", said)))
}

/// Under which name others would speak of this asset.
pub(super) fn names(described: &Described<'_>) -> BTreeSet<Identity> {
    described
        .own
        .iter()
        .filter_map(|(facts, ..)| signature_of(facts))
        .map(Identity::Equipment)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::Evidence;
    use crate::census::room::Room;
    use crate::observe::Key;
    use crate::time::Timestamp;

    const AT: Timestamp = Timestamp(0);
    const SAID: Said = Said::new(AT, Evidence { capture: 0, frame: 1 });

    fn image(host: &mut Host, origin: Origin, serial: &str, station: &str) {
        let facts = [
            (Key::new("dicom.manufacturer"), "SIEMENS"),
            (Key::new("dicom.model"), "Skyra"),
            (Key::new("dicom.serial"), serial),
            (Key::new("dicom.station_ae"), station),
            (Key::new("dicom.calling_ae"), "MR1"),
        ];
        host.describes(origin, &facts, SAID, &mut Room::default());
    }

    fn sorted(host: &Host) -> (usize, usize) {
        let id = HostId::default();
        let it = sort(&[(&id, host)], || false);
        (it.own.len(), it.others.len())
    }

    #[test]
    fn a_modality_that_asks_for_work_is_the_maker_of_its_images() {
        let mut host = Host::new(AT);
        image(&mut host, Origin::Creator, "35131", "OTHER");
        assert_eq!(sorted(&host), (0, 1), "a sender of images alone could be a router");
        host.learn(Key::new("dicom.scu"), WORKLIST.into(), SAID, &mut Room::default());
        assert_eq!(sorted(&host), (1, 0));
        image(&mut host, Origin::Creator, "99999", "OTHER");
        assert_eq!(sorted(&host), (0, 2), "two devices come through it");
    }

    #[test]
    fn an_archive_that_answers_a_move_makes_nothing() {
        let mut host = Host::new(AT);
        host.learn(Key::new("dicom.scu"), WORKLIST.into(), SAID, &mut Room::default());
        image(&mut host, Origin::Forwarded, "35131", "MR1");
        assert_eq!(sorted(&host), (0, 1));
    }

    #[test]
    fn the_station_that_calls_itself_so_is_the_device() {
        let mut host = Host::new(AT);
        image(&mut host, Origin::Creator, "35131", "MR1");
        assert_eq!(sorted(&host), (1, 0));
    }

    #[test]
    fn a_title_that_is_the_name_of_the_station_is_its_own() {
        let told = |name: &str, ae: &str, more: bool| {
            let mut host = Host::new(AT);
            let mut say = |serial: &str| {
                let facts = [
                    (Key::new("dicom.serial"), serial),
                    (Key::new("dicom.station_name"), name),
                    (Key::new("dicom.calling_ae"), ae),
                ];
                host.describes(Origin::Creator, &facts, SAID, &mut Room::default());
            };
            say("96470218");
            if more {
                say("96470219");
            }
            sorted(&host)
        };
        assert_eq!(told("FCR-CAPS2", "FCRCAPS2", false), (1, 0));
        assert_eq!(told("FCR-CAPS2", "FCRCAPS2", true), (0, 2), "two devices come through it");
        assert_eq!(told("FCR-CAPS2", "ROUTER", false), (0, 1));
        assert_eq!(told("CR1", "CR1", false), (0, 1), "too short to tell");
        assert_eq!(told("--", "..", false), (0, 1));
    }

    #[test]
    fn who_describes_three_and_more_speaks_for_them() {
        let mut host = Host::new(AT);
        let id = HostId::default();
        let mut told = |serial: &str| {
            let facts = [(Key::new("hl7.equipment_serial"), serial)];
            host.describes(Origin::Forwarded, &facts, SAID, &mut Room::default());
            let hosts = [(&id, &host)];
            speaks_for(&sort(&hosts, || false), &hosts).map(|(what, _)| what)
        };
        assert_eq!(
            [told("4711"), told("4712"), told("4712"), told("4713")],
            [None, None, None, Some("hl7")]
        );
    }

    #[test]
    fn zeros_and_addresses_are_no_serial_numbers() {
        let facts = |s: &str| vec![(Key::new("dicom.serial"), s.into())];
        assert_eq!(signature_of(&facts("00000")), None);
        assert_eq!(signature_of(&facts("172.16.193.2")), None);
        assert!(signature_of(&facts("35131")).is_some());
    }
}
