//! The list of devices.

use std::net::Ipv4Addr;

use auscult::net::Mac;

use super::cast::{
    CORE, Cast, Device, EDGE, IMAGING, INTENSIVE, Kind, LABORATORY, Modality, OFFICES, Power,
    ROOMS, Reports, Results, SERVERS, THEATRES, TRANSIT, Values, WARDS,
};
use super::clock::of_day;
use super::say::dicom::{Dated, Machine};

/// Address blocks (IEEE): Dell, HP, VMware, GE, Siemens, Philips monitors, Sysmex, Brother,
/// Cisco, Apple.
const DELL: [u8; 3] = [0x00, 0x08, 0x74];
const HP: [u8; 3] = [0x3c, 0xd9, 0x2b];
const VMWARE: [u8; 3] = [0x00, 0x0c, 0x29];
const GE: [u8; 3] = [0xa0, 0xf2, 0x17];
const PHILIPS: [u8; 3] = [0x00, 0x09, 0xfb];
const BROTHER: [u8; 3] = [0x00, 0x1b, 0xa9];
const CISCO: [u8; 3] = [0x00, 0x1b, 0x54];

/// Canon, Siemens, GE and Philips as images spell them.
const CANON: &str = "CANON_MEC";
const SIEMENS: &str = "SIEMENS";
const GEMS: &str = "GE MEDICAL SYSTEMS";
const PMS: &str = "Philips Medical Systems";

/// Adds devices one after the other.
struct Hire {
    devices: Vec<Device>,
    places: std::collections::BTreeMap<u16, u8>,
    /// Only what a short test needs.
    small: bool,
}

impl Hire {
    fn add(&mut self, name: &str, kind: Kind, block: [u8; 3], vlan: u16, power: Power) -> usize {
        let n = self.devices.len();
        let place = self.places.entry(vlan).or_insert(10);
        *place += 1;
        let ip = Ipv4Addr::new(10, 10, vlan as u8, *place);
        let [a, b, c] = block;
        let [_, d, e, f] = ((n as u32 + 1).wrapping_mul(0x9e_3779) & 0xff_ffff).to_be_bytes();
        let windows = matches!(
            kind,
            Kind::Workstation { .. }
                | Kind::Viewer
                | Kind::Domain
                | Kind::Files
                | Kind::Information
        );
        self.devices.push(Device {
            name: name.to_owned(),
            leased: matches!(kind, Kind::Workstation { .. } | Kind::Viewer | Kind::Printer),
            kind,
            mac: Mac([a, b, c, d, e, f]),
            vlan,
            power,
            addresses: vec![(0, ip)],
            windows,
        });
        n
    }

    /// So many in all, fewer in a small hospital.
    fn some(&self, all: usize, few: usize) -> usize {
        if self.small { few } else { all }
    }

    fn modality(&mut self, name: &str, vlan: u16, power: Power, it: Modality) {
        self.add(name, Kind::Modality(Box::new(it)), GE, vlan, power);
    }
}

fn machine(name: &str, modality: &'static str, maker: &'static str, serial: u32) -> Machine {
    let (model, software, implementation) = match (maker, modality) {
        (CANON, _) => ("Aquilion ONE", "V8.9", ("1.2.392.200036.9116.1.1", "TM_CT_CMW_V8")),
        (SIEMENS, "MR") => ("MAGNETOM Skyra", "syngo MR E11", ("1.3.12.2.1107.5.2", "SIEMENS_MR")),
        (SIEMENS, _) => ("Artis zee", "VD11", ("1.3.12.2.1107.5.4", "SIEMENS_AX")),
        (GEMS, "US") => ("LOGIQ E9", "R6.2", ("1.2.840.113619.6.280", "LOGIQE9")),
        (GEMS, _) => ("Optima XR656", "dm_1.2", ("1.2.840.113619.6.95", "GE_DX")),
        (_, _) => ("EPIQ 7", "4.0.3", ("1.3.46.670589.14", "PMS_US")),
    };
    Machine {
        modality,
        maker,
        model,
        serial: format!("{serial}"),
        software,
        station: name.to_uppercase(),
        ae: name.to_uppercase(),
        implementation,
    }
}

fn modality(machine: Machine, reports: Reports, dated: Dated, pace: (u64, u64, u64)) -> Modality {
    Modality {
        machine,
        reports,
        dated,
        skew: 0,
        pace,
        emergencies: false,
        through_gateway: false,
        twice: false,
    }
}

/// The hospital, whole or small, over so many days.
pub(crate) fn cast(small: bool, days: u64) -> Cast {
    let mut it = Hire { devices: Vec::new(), places: std::collections::BTreeMap::new(), small };
    for (name, mac, vlan) in [("core", CORE, SERVERS), ("edge", EDGE, TRANSIT)] {
        let n = it.add(name, Kind::Network, CISCO, vlan, Power::Always);
        it.devices[n].mac = mac;
        it.devices[n].addresses = vec![(0, Ipv4Addr::new(10, 10, vlan as u8, 1))];
    }
    for n in 0..it.some(4, 1) {
        it.add(&format!("sw-{n}"), Kind::Network, CISCO, SERVERS, Power::Always);
    }
    for (name, kind) in [
        ("pacs1", Kind::Archive),
        ("vna1", Kind::SecondArchive),
        ("ris1", Kind::Information),
        ("router1", Kind::DicomGateway),
        ("engine1", Kind::Engine),
        ("lis1", Kind::LabSystem),
        ("piic1", Kind::Collector),
        ("dc1", Kind::Domain),
        ("files1", Kind::Files),
        ("nms1", Kind::Management),
    ] {
        it.add(name, kind, VMWARE, SERVERS, Power::Always);
    }
    imaging(&mut it);
    laboratory(&mut it);
    bedside(&mut it);
    desks(&mut it);
    it.add("proxy1", Kind::SleepProxy, DELL, ROOMS, Power::Always);
    for n in 0..it.some(3, 1) {
        it.add(&format!("thing{n}"), Kind::Silent, HP, WARDS, Power::Always);
    }
    moves(&mut it.devices, days);
    Cast { devices: it.devices }
}

fn imaging(it: &mut Hire) {
    let emergency = |it: Modality| Modality { emergencies: true, ..it };
    let of = |name: &str, kind, maker, serial| machine(name, kind, maker, serial);
    let (steps, images) = (Reports::Steps, Reports::Images);
    it.modality(
        "ct-one",
        IMAGING,
        Power::Always,
        emergency(modality(
            of("ct-one", "CT", CANON, 104_211),
            steps,
            Dated::Acquisition,
            (6, 20, 9),
        )),
    );
    it.modality(
        "mr-two",
        IMAGING,
        Power::Standby,
        modality(
            of("mr-two", "MR", SIEMENS, 41_587),
            Reports::Parts,
            Dated::Acquisition,
            (15, 45, 12),
        ),
    );
    let late = modality(of("us-late", "US", GEMS, 305_771), images, Dated::Content, (8, 25, 14));
    let late = Modality { skew: 420, twice: true, ..late };
    it.modality("us-late", ROOMS, Power::Standby, late);
    let nightly = modality(
        of("cr-night", "CR", GEMS, 882_014),
        Reports::Nightly,
        Dated::Acquisition,
        (2, 5, 25),
    );
    it.modality("cr-night", ROOMS, Power::Standby, nightly);
    let steps_by_day = modality(of("dx-two", "DX", GEMS, 770_331), steps, Dated::Whole, (3, 8, 20));
    it.modality("dx-two", ROOMS, Power::Day, steps_by_day);
    let theatre =
        modality(of("xa-or", "XA", SIEMENS, 56_102), steps, Dated::Acquisition, (25, 90, 40));
    it.modality("xa-or", THEATRES, Power::Standby, theatre);
    let gateway = |name: &str, serial| Modality {
        through_gateway: true,
        ..modality(of(name, "US", PMS, serial), images, Dated::Acquisition, (8, 30, 15))
    };
    it.modality("us-ward-a", WARDS, Power::Day, gateway("us-ward-a", 220_871));
    let none = modality(of("mg-one", "MG", PMS, 1), Reports::Nothing, Dated::Whole, (8, 15, 10));
    it.modality("mg-one", ROOMS, Power::Standby, none);
    if it.small {
        return;
    }
    it.modality(
        "ct-two",
        IMAGING,
        Power::Standby,
        modality(of("ct-two", "CT", CANON, 104_377), steps, Dated::Whole, (6, 20, 12)),
    );
    it.devices.last_mut().expect("just added").leased = true;
    it.modality(
        "mr-one",
        IMAGING,
        Power::Always,
        modality(of("mr-one", "MR", SIEMENS, 41_603), steps, Dated::Acquisition, (20, 50, 10)),
    );
    it.modality(
        "xa-one",
        IMAGING,
        Power::Day,
        emergency(modality(
            of("xa-one", "XA", SIEMENS, 56_090),
            steps,
            Dated::Content,
            (25, 90, 30),
        )),
    );
    it.modality("us-ward-b", WARDS, Power::Day, gateway("us-ward-b", 220_902));
    it.modality(
        "dx-one",
        ROOMS,
        Power::Always,
        emergency(modality(
            of("dx-one", "DX", GEMS, 770_302),
            images,
            Dated::Acquisition,
            (2, 6, 12),
        )),
    );
}

fn laboratory(it: &mut Hire) {
    for (n, (model, how)) in [
        ("c111", Results::Astm),
        ("XN-1000", Results::Oru),
        ("XN-1500", Results::AstmEach),
        ("c501", Results::Astm),
        ("BC-6800", Results::Oul),
        ("XN-2000", Results::Oru),
        ("e411", Results::AstmEach),
    ]
    .into_iter()
    .enumerate()
    .take(it.some(7, 3))
    {
        let kind = Kind::Analyzer(how, model, format!("1{n}734"));
        let power = if n % 3 == 2 { Power::Day } else { Power::Always };
        it.add(&format!("lab{n}"), kind, HP, LABORATORY, power);
    }
}

fn bedside(it: &mut Hire) {
    let kinds = [
        (Values::Intellivue, false, 6, 1),
        (Values::Hl7, false, 3, 1),
        (Values::Gateway, false, 3, 1),
        (Values::Hl7, true, 2, 1),
        (Values::Gateway, true, 4, 0),
    ];
    for (values, pump, all, few) in kinds {
        for n in 0..it.some(all, few) {
            let name = match (values, pump) {
                (Values::Intellivue, _) => format!("mon-d{n}"),
                (Values::Hl7, false) => format!("mon-h{n}"),
                (Values::Gateway, false) => format!("mon-g{n}"),
                (Values::Hl7, true) => format!("pump-h{n}"),
                (_, true) => format!("pump-g{n}"),
            };
            // Two of the monitors stand in the theatres.
            let vlan = if values == Values::Intellivue && n > 3 { THEATRES } else { INTENSIVE };
            it.add(&name, Kind::Bedside(values, pump), PHILIPS, vlan, Power::Always);
        }
    }
}

fn desks(it: &mut Hire) {
    it.add("view-a", Kind::Viewer, DELL, ROOMS, Power::Day);
    for (vlan, all, few, name) in [(WARDS, 24, 3, "ws"), (OFFICES, 10, 2, "off")] {
        for n in 0..it.some(all, few) {
            // Every sixth stands at a nurses' station and is never switched off.
            let always = n % 6 == 0 && vlan == WARDS;
            let power = if always { Power::Always } else { Power::Day };
            let kind = Kind::Workstation { always };
            it.add(&format!("{name}{n:02}"), kind, [DELL, HP][n % 2], vlan, power);
        }
    }
    for n in 0..it.some(4, 1) {
        it.add(&format!("prt{n}"), Kind::Printer, BROTHER, WARDS, Power::Always);
    }
}

/// Two workstations change addresses at noon of the first day and back a week later; a
/// tomograph gets another one after it was started again.
fn moves(devices: &mut [Device], days: u64) {
    let at = |name: &str, devices: &[Device]| devices.iter().position(|it| it.name == name);
    if let (Some(a), Some(b)) = (at("ws01", devices), at("ws02", devices)) {
        let (one, other) = (devices[a].addresses[0].1, devices[b].addresses[0].1);
        for n in 0..days.div_ceil(7) {
            let when = of_day(7 * n, 12, 20);
            let swapped = n % 2 == 0;
            devices[a].addresses.push((when, if swapped { other } else { one }));
            devices[b].addresses.push((when, if swapped { one } else { other }));
        }
    }
    if let Some(ct) = at("ct-two", devices) {
        let [a, b, c, d] = devices[ct].addresses[0].1.octets();
        for n in 0..days.div_ceil(14) {
            let ip = Ipv4Addr::new(a, b, c, d + 100 - n as u8);
            devices[ct].addresses.push((of_day(14 * n, 12, 34), ip));
        }
    }
}
