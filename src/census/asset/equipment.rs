//! Equipment that a message describes: is it the speaker itself, or another?
//!
//! An image names the device that made it, and an archive sends images of many. The
//! speaker is taken for the device only when it describes just one, speaks as the
//! device's part in the workflow demands, and forwards nothing (DICOM PS3.3 C.7.5.1;
//! PS3.4 annexes F and K for the parts). Everything else is a device of its own,
//! seen through the speaker.

mod analyser;
mod maker;
mod relay;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::identity::Identity;
use super::{AssetId, Through};
use crate::census::host::{EquipmentFacts, Fact, Host, Said};
use crate::census::signature::Book;
use crate::net::{HostId, Mac};
use crate::observe::{Origin, Piece, Role};

/// Modality worklist (PS3.4 annex K): only acquisition devices ask for work.
const WORKLIST: &str = "1.2.840.10008.5.1.4.31";
/// Performed procedure step (PS3.4 annex F): only who performs it reports it.
const PERFORMED_STEP: &str = "1.2.840.10008.3.1.2.3.3";
/// From so many different storage classes on, a sender is a router or an archive.
const MANY_CLASSES: usize = 40;

/// Letters and digits of a name that can be told from another by them. `CT` and `XA` are
/// what such devices are called everywhere.
const SHORTEST_NAME: usize = 3;
/// With fewer than this it is a little less sure.
const TELLING_NAME: usize = 4;

/// From here on a device is the one that it describes, whoever else may send the same.
pub(super) const SURE: f32 = 0.9;
/// Its program is of the maker, or its short name is the station's: so it seems.
const LIKELY: f32 = 0.8;

/// How a device was described.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told<'a> {
    /// By facts of one message.
    Message(&'a EquipmentFacts),
    /// By a fact that names it whole.
    Header(&'a Fact),
}

impl<'a> Told<'a> {
    /// Keys and values.
    pub(super) fn facts(self) -> Vec<(&'a str, &'a str)> {
        match self {
            Self::Message(facts) => facts.iter().map(|(k, v)| (k.as_str(), &**v)).collect(),
            Self::Header(fact) => vec![(fact.key.as_str(), &*fact.value)],
        }
    }

    /// The address of its card.
    pub(super) fn card(self) -> Option<Mac> {
        match self {
            Self::Message(facts) => card(facts),
            Self::Header(_) => None,
        }
    }

    /// The message, where it is one.
    pub(super) const fn message(self) -> Option<&'a EquipmentFacts> {
        match self {
            Self::Message(facts) => Some(facts),
            Self::Header(_) => None,
        }
    }

    fn is_dicom(self) -> bool {
        self.message().is_some_and(is_dicom)
    }

    /// Which of these speakers says so, for the work that it tells of the device. Images that
    /// an archive hands on are nobody's use.
    pub(super) fn through(
        self,
        said: Said,
        hosts: &[(&'a HostId, &'a Host)],
    ) -> Option<Through<'a>> {
        let says = |host: &Host| match self {
            Self::Message(facts) => host.equipment.iter().any(|(_, it, _)| std::ptr::eq(it, facts)),
            Self::Header(fact) => {
                host.facts_of(fact.key.as_str()).iter().any(|it| std::ptr::eq(it, fact))
            }
        };
        let (id, host) = hosts.iter().find(|(_, host)| !self.is_dicom() && says(host))?;
        Some(Through { id, host, piece: Piece::of(self.facts()), span: said.span })
    }
}

/// What speakers of one asset describe, sorted by whose it is.
#[derive(Default)]
pub(super) struct Described<'a> {
    /// The asset itself, with the confidence of that inference.
    pub(super) own: Vec<(&'a EquipmentFacts, Said, f32)>,
    /// Other devices, by identity.
    pub(super) others: BTreeMap<Identity, Vec<(Told<'a>, Said)>>,
    /// It sends the headers of several analysers, and is none of them: what showed it.
    pub(super) analysers: Option<Box<Said>>,
    /// It passes on the steps or worklists of others.
    passes_on: bool,
}

impl Described<'_> {
    /// Whether what seems to be said of the speaker is said of one of the others.
    pub(super) fn is_of_another(&self, key: &str, value: &str) -> bool {
        (self.analysers.is_some() && key == analyser::HEADER)
            || (self.passes_on && does_work(key, value))
    }
}

fn get<'a>(facts: &'a EquipmentFacts, key: &str) -> Option<&'a str> {
    facts.iter().find(|(k, _)| k.as_str() == key).map(|(_, v)| &**v)
}

/// What makes two descriptions the same device.
pub(super) fn signature_of(facts: &EquipmentFacts) -> Option<String> {
    number(facts).map(|(_, name)| name)
}

/// How facts end that give the number of a device.
const NUMBERS: [&str; 2] = ["serial", "_eui64"];

/// Whether a fact gives the number of a device, which tells it apart together with its maker
/// or model.
pub(super) fn is_number(key: &str) -> bool {
    NUMBERS.iter().any(|end| key.ends_with(end))
}

/// Maker, model and serial number in lower case, with the key of the number. A serial number
/// must look like one: zeros and addresses are not.
pub(super) fn number(facts: &EquipmentFacts) -> Option<(&str, String)> {
    let all = |end: &'static str| {
        let of = facts.iter().filter(move |(key, _)| key.as_str().ends_with(end));
        of.map(|(key, value)| (key.as_str(), &**value))
    };
    let first = |ends: &[&'static str]| ends.iter().find_map(|end| all(end).next());
    let is_one = |(_, it): &(&str, &str)| {
        it.chars().any(|c| c.is_ascii_alphanumeric() && c != '0')
            && it.parse::<std::net::IpAddr>().is_err()
    };
    let serial = NUMBERS.into_iter().find_map(|end| all(end).find(is_one));
    let of_system = || registered(facts).map(|id| (EQUIPMENT_ID, id)).filter(is_one);
    let (key, serial) = serial.or_else(of_system)?;
    let value = |found: Option<(&str, &str)>| found.map_or("", |(_, value)| value).to_owned();
    let maker = value(first(&["manufacturer", "namespace", "vendor_id"]));
    let model = value(first(&[".model", "_model"]));
    Some((key, format!("{maker}|{model}|{serial}").to_lowercase()))
}

/// OBX-18, EQU-1 or PRT-10.
const EQUIPMENT_ID: &str = "hl7.equipment_id";

/// The number of a medical device system under whoever assigned it (EI-1 and EI-2 of
/// OBX-18, IHE PCD TF-2 appendix B.8). Other messages have product names there.
fn registered(facts: &EquipmentFacts) -> Option<&str> {
    let is_system = get(facts, "hl7.equipment_type").is_some_and(|it| it.ends_with("_MDS"));
    let assigned = get(facts, "hl7.equipment_namespace").is_some();
    let id = get(facts, EQUIPMENT_ID).filter(|_| is_system && assigned)?;
    let digits = id.bytes().filter(u8::is_ascii_digit).count();
    (digits >= FEWEST_DIGITS).then_some(id)
}

/// Digits of a number that tells devices apart: rooms and beds have fewer.
const FEWEST_DIGITS: usize = 5;

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

/// A device without a serial number is known by its maker, its model and the name of its
/// station, and as that only through this speaker: another may have the same. What makes
/// no images is no device.
fn nameless(facts: &EquipmentFacts, speaker: AssetId, book: &Book) -> Option<Identity> {
    let means = |key: &str| {
        let value = get(facts, key)?;
        let found = book.matches(key, value, &[]);
        found.is_none_or(|it| !it.signature.not).then_some(value)
    };
    let modality = get(facts, "dicom.modality")?;
    let modality = book.matches("dicom.modality", modality, &[]);
    modality.filter(|it| it.get("device_class").is_some())?;
    let (maker, model) = (means("dicom.manufacturer")?, means("dicom.model")?);
    let station = ["dicom.station_name", "dicom.station_ae"].into_iter().find_map(means);
    let name = format!("{maker}|{model}|{}", station.unwrap_or_default()).to_lowercase();
    // It ends without a serial number.
    Some(Identity::Equipment(format!("{name}|{speaker}|")))
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

/// Sorts what the speakers of the asset of this name describe; `medical_mac` says whether
/// the card is of a maker of medical devices.
pub(super) fn sort<'a>(
    hosts: &[(&'a HostId, &'a Host)],
    speaker: AssetId,
    book: &Book,
    medical_mac: impl Fn() -> bool,
) -> Described<'a> {
    let mut described = Described::default();
    let analyser::Several { known, said } = analyser::several(hosts, book);
    described.passes_on = relay::passes_on(hosts);
    described.analysers = said.map(Box::new);
    for (fact, [maker, model, serial]) in known.into_iter().filter(|_| said.is_some()) {
        let name = match serial.as_str() {
            "" => format!("{maker}|{model}|{speaker}|"),
            serial => format!("{maker}|{model}|{serial}"),
        };
        let other = described.others.entry(Identity::Equipment(name)).or_default();
        other.push((Told::Header(fact), fact.said));
    }
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
            Origin::Own if !relay::is_of_station(facts) => Some(1.0),
            Origin::Own => {
                let own = !described.passes_on && relay::is_station(facts, hosts);
                own.then_some(1.0)
            }
            Origin::Forwarded => None,
            Origin::Creator if is_dicom(facts) => {
                let alone = devices.len() == 1 && !forwards && classes.len() < MANY_CLASSES;
                alone
                    .then(|| match acquires {
                        true => Some(1.0),
                        false => from_station(facts, maker::is_own(hosts, facts, book)),
                    })
                    .flatten()
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
        if let Some(weight) = sure {
            described.own.push((facts, *said, weight));
            continue;
        }
        let name = signature_of(facts).map(Identity::Equipment);
        // Where nothing tells one such device from the next, it is said of nobody.
        let scoped = || nameless(facts, speaker, book).filter(|_| *origin == Origin::Creator);
        if let Some(name) = name.or_else(scoped) {
            described.others.entry(name).or_default().push((Told::Message(facts), *said));
        }
    }
    described
}

/// How sure it is that the only device whose images a speaker sends is the speaker: it calls
/// itself as the station, or its program is of the maker.
fn from_station(facts: &EquipmentFacts, own_program: bool) -> Option<f32> {
    let ae = get(facts, "dicom.calling_ae").unwrap_or_default();
    let station = get(facts, "dicom.station_name").unwrap_or_default();
    let letters = match get(facts, "dicom.station_ae") == Some(ae) {
        true => TELLING_NAME,
        false => same_name(station, ae).unwrap_or_default(),
    };
    match (letters, own_program) {
        (TELLING_NAME.., _) | (SHORTEST_NAME.., true) => Some(SURE),
        (SHORTEST_NAME.., false) | (_, true) => Some(LIKELY),
        _ => None,
    }
}

/// Whether a speaker asks for worklists or reports steps, as acquisition devices do.
fn asks_for_work(hosts: &[(&HostId, &Host)]) -> bool {
    let asks = |host: &Host| {
        let all = ["dicom.scu", "dicom.verb"].map(|key| host.facts_of(key));
        all.iter().copied().flatten().any(is_work)
    };
    hosts.iter().any(|(_, host)| asks(host)) && !relay::passes_on(hosts)
}

/// Whether a speaker asks for worklists or reports steps by this.
pub(super) fn is_work(fact: &Fact) -> bool {
    does_work(fact.key.as_str(), &fact.value)
}

fn does_work(key: &str, value: &str) -> bool {
    match key {
        "dicom.scu" => [WORKLIST, PERFORMED_STEP].contains(&value),
        // Who answers is none of them.
        "dicom.verb" => {
            ["C-FIND-RQ worklist", "N-CREATE-RQ mpps", "N-SET-RQ mpps"].contains(&value)
        }
        _ => false,
    }
}

/// Whether the images that a device sends are its own: it describes itself by them, or it
/// does the part of an acquisition device and has described no other.
pub(super) fn acquires(described: &Described<'_>, hosts: &[(&HostId, &Host)]) -> bool {
    let others = described.others.values().flatten().any(|(told, _)| told.is_dicom());
    described.own.iter().any(|(facts, ..)| is_dicom(facts))
        || (!others && asks_for_work(hosts) && !relay::reports_another(hosts))
}

/// How many letters and digits the name of a station (0008,1010) has that is its title as
/// well: `FCR-CAPS2` calls itself `FCRCAPS2`.
fn same_name(station: &str, ae: &str) -> Option<usize> {
    let bare = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let station = bare(station);
    (station == bare(ae)).then_some(station.len())
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
/// The same where a message names each a medical device system of its own, and none is the
/// speaker: no such device has two.
const MANY_SYSTEMS: usize = 2;

/// In what a speaker speaks for many devices: `pcd` for bedside devices (IHE PCD), `pumps`
/// where all of them are, `hl7`, `astm`, `dicom`; with the first that says so.
pub(super) fn speaks_for(
    described: &Described<'_>,
    hosts: &[(&HostId, &Host)],
) -> Option<(&'static str, Said)> {
    let told = |dicom: bool, least: usize| {
        let all = described.others.values().filter_map(|facts| facts.first());
        let mut of = all.filter(move |(told, _)| told.is_dicom() == dicom).map(|(_, said)| *said);
        let first = of.by_ref().next()?;
        let (count, first) = of.fold((1, first), |(n, first), said| {
            (n + 1, if said.evidence < first.evidence { said } else { first })
        });
        (count >= least).then_some(first)
    };
    let pcd = || {
        let mut profiles = hosts.iter().flat_map(|(_, host)| host.values("hl7.profile"));
        profiles.any(|profile| profile.to_ascii_uppercase().contains("PCD"))
    };
    let kinds = || {
        let facts = described.others.values().flatten().filter_map(|(told, _)| told.message());
        facts.filter(|facts| !is_dicom(facts)).map(|facts| get(facts, "hl7.equipment_type"))
    };
    let systems =
        described.own.is_empty() && kinds().all(|kind| kind.is_some_and(|it| it.ends_with("_MDS")));
    let pumps = || kinds().all(|kind| kind.is_some_and(|it| it.contains("_PUMP_INFUS_")));
    let least = if systems { MANY_SYSTEMS } else { MANY };
    described
        .analysers
        .as_deref()
        .map(|said| ("astm", *said))
        .or_else(|| {
            let said = told(false, least)?;
            Some((
                if !pcd() {
                    "hl7"
                } else if pumps() {
                    "pumps"
                } else {
                    "pcd"
                },
                said,
            ))
        })
        .or_else(|| told(true, MANY).map(|said| ("dicom", said)))
}

/// Under which names others would speak of this asset: those of which it is sure.
pub(super) fn names(described: &Described<'_>) -> BTreeSet<Identity> {
    named(described, |weight| weight >= SURE)
}

/// Those that it seems to have. Of several that seem to be one device none is.
pub(super) fn likely(described: &Described<'_>) -> BTreeSet<Identity> {
    let sure = names(described);
    let mut likely = named(described, |weight| weight < SURE);
    likely.retain(|name| !sure.contains(name));
    likely
}

fn named(described: &Described<'_>, wanted: impl Fn(f32) -> bool) -> BTreeSet<Identity> {
    let own = described.own.iter().filter(|(.., weight)| wanted(*weight));
    own.filter_map(|(facts, ..)| signature_of(facts)).map(Identity::Equipment).collect()
}

/// What seemed to be the speaker's own is another's.
pub(super) fn give_up(described: &mut Described<'_>, name: &Identity) {
    let is_it = |facts: &EquipmentFacts| {
        signature_of(facts).is_some_and(|it| Identity::Equipment(it) == *name)
    };
    let mut given = Vec::new();
    described.own.retain(|(facts, said, weight)| {
        let gives = *weight < SURE && is_it(facts);
        if gives {
            given.push((Told::Message(facts), *said));
        }
        !gives
    });
    if !given.is_empty() {
        described.others.entry(name.clone()).or_default().extend(given);
    }
}
