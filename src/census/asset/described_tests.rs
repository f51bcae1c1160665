//! Devices that are described, and those who describe them, from what was observed.

use super::*;
use crate::census::signature::Book;
use crate::observe::{Equipment, Key, Observation, Observed, Origin, Study, Use, When, Work};
use crate::time::Timestamp;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

struct Ward(Census, u64);

impl Ward {
    fn new() -> Self {
        Self(Census::new(std::sync::Arc::clone(Book::builtin())), 0)
    }

    fn host(n: u8) -> HostId {
        let mac = Mac([0xd8, 0x9e, 0xf3, 0, 0, n]);
        HostId { segment: Segment::default(), mac: Some(mac), ip: Some([10, 0, 0, n].into()) }
    }

    fn say(&mut self, n: u8, what: Observed<'static>) {
        self.1 += 1;
        let host = Self::host(n);
        let (at, frame) = (Timestamp(0), self.1);
        self.0.apply(0, Observation { at, frame, host, what });
    }

    fn fact(&mut self, n: u8, key: &'static str, value: &'static str) {
        self.say(n, Observed::Fact(Key::new(key), value.into()));
    }

    fn speaks(&mut self, n: u8, port: u16, name: &'static str, role: Role) {
        self.say(n, Observed::Present(Some(64)));
        self.say(n, Observed::Service(Transport::Tcp, port, name.into(), role));
    }

    fn meet(&mut self, one: u8, other: u8) {
        self.say(one, Observed::Peer(Self::host(other)));
        self.say(other, Observed::Peer(Self::host(one)));
    }

    /// Stores an image in an archive.
    fn stores(&mut self, n: u8, archive: u8, serial: &str, program: &'static str) {
        self.speaks(n, 0, "dicom", Role::Client);
        self.meet(n, archive);
        self.fact(n, "dicom.stored_sop_class", CT);
        self.fact(n, "dicom.implementation_uid", program);
        let facts = [
            ("dicom.calling_ae", "ROUTER"),
            ("dicom.manufacturer", "Philips"),
            ("dicom.model", "Incisive CT"),
            ("dicom.modality", "CT"),
            ("dicom.sop_class", CT),
            ("dicom.serial", serial),
        ];
        let facts = facts.map(|(key, value)| (Key::new(key), value.to_owned().into()));
        let facts = facts.to_vec().into();
        self.say(n, Observed::Equipment(Equipment { origin: Origin::Creator, facts }));
    }

    /// What is shown of each, in the order of the names: how it is known and an attribute.
    fn told(&self, attribute: &str) -> Vec<String> {
        let all = self.0.assets().into_iter().map(|asset| {
            let value = asset.shown(attribute).first().map(|it| it.value.to_string());
            let through = asset.seen_through.len();
            let known = asset.ips.first().map(ToString::to_string).unwrap_or_default();
            format!("{known}/{through} {}", value.unwrap_or_default())
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }
}

const PHILIPS: &str = "1.3.46.670589.33.1";
const TOOLKIT: &str = "1.2.276.0.7230010.3.0.3.6.7";

#[test]
fn two_that_may_be_the_scanner_are_both_passed_over() {
    let mut ward = Ward::new();
    ward.stores(1, 9, "300123", PHILIPS);
    assert_eq!(ward.told("model"), ["10.0.0.1/0 Incisive CT"]);
    ward.stores(2, 9, "300123", PHILIPS);
    assert_eq!(ward.told("model"), ["/2 Incisive CT", "10.0.0.1/0 ", "10.0.0.2/0 "]);
    // Which of them is it shows.
    ward.fact(2, "dicom.verb", "N-CREATE-RQ mpps");
    assert_eq!(ward.told("model"), ["10.0.0.1/0 ", "10.0.0.2/0 Incisive CT"]);
}

#[test]
fn an_archive_of_the_maker_that_sends_one_scanners_past_is_not_the_scanner() {
    let image = |made: i64| {
        let when = When::Told { from: made, to: made, offset: None };
        Observed::Use(Use { work: Work::Image, study: Study::UNTOLD, step: Study::UNTOLD, when })
    };
    let mut ward = Ward::new();
    ward.stores(1, 9, "300123", PHILIPS);
    ward.say(1, image(-9 * 86_400));
    assert_eq!(ward.told("model"), ["/1 Incisive CT", "10.0.0.1/0 "]);
    ward.say(1, image(-60));
    assert_eq!(ward.told("model"), ["10.0.0.1/0 Incisive CT"], "it makes them itself");
    // Orders come to archives.
    ward.speaks(1, 2575, "hl7", Role::Server);
    assert_eq!(ward.told("model"), ["/1 Incisive CT", "10.0.0.1/0 "]);
}

#[test]
fn what_is_likely_is_not_said_twice() {
    let mut ward = Ward::new();
    ward.stores(1, 9, "300123", PHILIPS);
    // The class of the image and its modality say it both.
    let sure = |ward: &Ward| {
        let asset = ward.0.assets().into_iter().find(|it| !it.macs.is_empty()).unwrap();
        asset.shown("device_class")[0].confidence
    };
    let likely = sure(&ward);
    assert!((0.7..0.9).contains(&likely), "{likely}");
    ward.fact(1, "dicom.verb", "N-CREATE-RQ mpps");
    assert!(sure(&ward) > 0.9);
}

#[test]
fn equipment_with_an_eui_of_any_maker_is_a_device() {
    let mut ward = Ward::new();
    ward.speaks(1, 0, "hl7", Role::Client);
    let facts = [("hl7.equipment_id", "MX800"), ("hl7.equipment_eui64", "001EC0FFFE112244")];
    let facts = facts.map(|(key, value)| (Key::new(key), value.into())).to_vec().into();
    ward.say(1, Observed::Equipment(Equipment { origin: Origin::Creator, facts }));
    assert_eq!(ward.told("device_class"), ["/1 medical-device", "10.0.0.1/0 "]);
}

#[test]
fn who_takes_the_images_of_many_is_an_archive() {
    let mut ward = Ward::new();
    ward.speaks(9, 104, "dicom", Role::Server);
    ward.fact(9, "dicom.accepted_storage_classes", "1");
    for n in 1..=5 {
        assert_eq!(ward.told("device_class").last().unwrap(), "10.0.0.9/0 ", "{n}");
        ward.stores(n, 9, &format!("30012{n}"), PHILIPS);
    }
    assert_eq!(ward.told("device_class").last().unwrap(), "10.0.0.9/0 pacs");
    // One that has only talked with them, or sends them on, is none.
    ward.speaks(8, 104, "dicom", Role::Server);
    (1..=5).for_each(|n| ward.meet(8, n));
    assert_eq!(ward.told("device_class")[5], "10.0.0.8/0 ");
    (1..=3).for_each(|n| ward.stores(9, 8, &format!("30012{n}"), TOOLKIT));
    assert_eq!(ward.told("device_class").last().unwrap(), "10.0.0.9/0 dicom-router");
}

#[test]
fn a_serial_server_with_two_analysers_is_none() {
    let mut ward = Ward::new();
    let moxa = HostId { mac: Some(Mac([0, 0x90, 0xe8, 3, 0, 7])), ..Ward::host(7) };
    let mut say = |host: HostId, key, value: &'static str| {
        let what = Observed::Fact(Key::new(key), value.into());
        let at = Timestamp(0);
        ward.0.apply(0, Observation { at, frame: 1, host, what: Observed::Present(Some(64)) });
        ward.0.apply(0, Observation { at, frame: 1, host, what });
    };
    for host in [Ward::host(5), moxa] {
        say(host, "astm.role", "results");
        say(host, "astm.sender", "LAB^Roche^c111^4.2.2.1730^1^13147");
        say(host, "astm.sender", "XN-350^00-14^13877^^^^AB123456");
    }
    let classes = ["/2 laboratory-analyzer"; 2];
    let gateways = ["10.0.0.5/0 interface-engine", "10.0.0.7/0 serial-server"];
    assert_eq!(ward.told("device_class"), [classes, gateways].concat());
    let models = ["/2 XN-350", "/2 cobas c 111", "10.0.0.5/0 ", "10.0.0.7/0 "];
    assert_eq!(ward.told("model"), models);
}

#[test]
fn an_engine_is_not_the_analyser_whose_messages_it_hands_on() {
    let mut ward = Ward::new();
    ward.speaks(3, 2575, "hl7", Role::Server);
    ward.speaks(3, 0, "hl7", Role::Client);
    ward.speaks(1, 0, "hl7", Role::Client);
    ward.meet(1, 3);
    for n in [1, 3] {
        ward.fact(n, "hl7.sending_application", "XN-1000");
    }
    assert_eq!(
        ward.told("device_class"),
        ["10.0.0.1/0 laboratory-analyzer", "10.0.0.3/0 interface-engine"]
    );
}

/// Reports a step of a station, which it began, under its own title.
fn reports(ward: &mut Ward, n: u8, (step, title): (u64, &'static str), station: &'static str) {
    ward.speaks(n, 0, "dicom", Role::Client);
    ward.fact(n, "dicom.scu", STEP);
    ward.fact(n, "dicom.verb", "N-CREATE-RQ mpps");
    let facts = [
        ("dicom.sop_class", STEP),
        ("dicom.calling_ae", title),
        ("dicom.modality", "CT"),
        ("dicom.station_ae", station),
        ("dicom.station_name", station),
    ];
    let facts = facts.map(|(key, value)| (Key::new(key), value.into())).to_vec().into();
    ward.say(n, Observed::Equipment(Equipment { origin: Origin::Own, facts }));
    let (work, step, when) = (Work::StepBegun, Study(step), When::Now);
    ward.1 += 1;
    let it = Use { work, study: Study(70), step, when };
    let at = Timestamp::new(i64::try_from(ward.1).unwrap(), 0);
    let what = Observed::Use(it);
    ward.0.apply(0, Observation { at, frame: ward.1, host: Ward::host(n), what });
}

const STEP: &str = "1.2.840.10008.3.1.2.3.3";
const WORKLIST: &str = "1.2.840.10008.5.1.4.31";

#[test]
fn who_passes_steps_on_is_none_of_those_that_perform_them() {
    // What it does besides, and what is said of it then.
    let of = |more: &[(&'static str, &'static str)], passes: bool| {
        let mut ward = Ward::new();
        reports(&mut ward, 1, (5, "CTC1"), "CTC1");
        reports(&mut ward, 2, (if passes { 5 } else { 6 }, "CTC2"), "CTC2");
        more.iter().for_each(|(key, value)| ward.fact(2, key, value));
        let assets = ward.0.assets();
        let it = assets.iter().find(|it| it.ips == [IpAddr::from([10, 0, 0, 2])]).unwrap();
        let shown = |name| it.shown(name).first().map(|it| it.value.to_string());
        let first = assets.iter().find(|it| it.ips == [IpAddr::from([10, 0, 0, 1])]).unwrap();
        assert!(first.acquires && first.shown("device_class")[0].value == "ct");
        (shown("device_class").unwrap_or_default(), shown("station_name").is_some(), it.acquires)
    };
    assert_eq!(of(&[], false), ("ct".into(), true, true));
    let asks = [("dicom.scu", WORKLIST), ("dicom.verb", "C-FIND-RQ worklist")];
    assert_eq!(of(&asks, false), ("ct".into(), true, true));
    assert_eq!(of(&[], true), (String::new(), false, false), "another began that step");
    assert_eq!(of(&[("dicom.scp", STEP)], false), (String::new(), false, false), "it takes steps");
    let answers = [("dicom.scp", WORKLIST), ("dicom.verb", "C-FIND-RSP worklist"), asks[0]];
    assert_eq!(of(&answers, false), ("worklist-server".into(), false, false));
}

#[test]
fn a_step_under_another_title_is_nobodys_until_its_device_shows_itself() {
    let of = |title, more: &[(&'static str, &'static str)]| {
        let mut ward = Ward::new();
        reports(&mut ward, 1, (5, title), "CT-C 1000");
        more.iter().for_each(|(key, value)| ward.fact(1, key, value));
        let assets = ward.0.assets();
        (assets[0].shown("station_name").len(), assets[0].acquires)
    };
    assert_eq!(of("RISFWD", &[]), (0, false));
    assert_eq!(of("CTC1000", &[]), (1, true));
    assert_eq!(of("CT_MPPS", &[("dicom.verb", "C-FIND-RQ worklist")]), (1, true));
}
