//! What makes several cards one device, and what does not.

use super::{Asset, Pins};
use crate::census::Census;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Equipment, Key, Observation, Observed, Origin};
use crate::time::{SECOND, Timestamp};

pub(super) struct Hospital(pub(super) Census, pub(super) i64);

impl Hospital {
    pub(super) fn new() -> Self {
        Self(Census::new(std::sync::Arc::clone(Book::builtin())), 0)
    }

    pub(super) fn say(&mut self, card: u8, what: Observed<'static>) {
        let mac = Some(Mac([0, 1, 2, 0, 0, card]));
        let host = HostId { segment: Segment::default(), mac, ip: None };
        self.1 += SECOND;
        let frame = self.1.unsigned_abs() / 1_000_000_000;
        self.0.apply(0, Observation { at: Timestamp(self.1), frame, host, what });
    }

    pub(super) fn fact(&mut self, card: u8, key: &'static str, value: &'static str) {
        self.say(card, Observed::Present(Some(64)));
        self.say(card, Observed::Fact(Key::new(key), value.into()));
    }

    /// A server or relay tells it of a card that did not speak here itself.
    pub(super) fn lease(&mut self, card: u8, key: &'static str, value: &'static str) {
        self.say(card, Observed::Fact(Key::new(key), value.into()));
    }

    pub(super) fn behind(&mut self, router: u8, ip: &str, key: &'static str, value: &'static str) {
        let mac = Some(Mac([0, 1, 2, 0, 0, router]));
        let host = HostId { segment: Segment::default(), mac, ip: ip.parse().ok() };
        for what in [Observed::Present(Some(63)), Observed::Fact(Key::new(key), value.into())] {
            self.0.apply(0, Observation { at: Timestamp(self.1), frame: 9, host, what });
        }
    }

    pub(super) fn describes(&mut self, card: u8, facts: &[(&'static str, &'static str)]) {
        let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
        self.say(card, Observed::Present(Some(64)));
        self.say(card, Observed::Equipment(Equipment { origin: Origin::Own, facts }));
    }

    pub(super) fn assets(&self) -> Vec<Asset<'_>> {
        self.0.assets()
    }

    /// Last octets of the cards of each device.
    pub(super) fn cards(&self) -> Vec<Vec<u8>> {
        let cards = |asset: &Asset<'_>| asset.macs.iter().map(|mac| mac.0[5]).collect();
        self.assets().iter().map(cards).collect()
    }
}

const ENDPOINT: &str = "urn:uuid:7b1c8a80-2f1c-11e4-8c21-0800200c9a66";

#[test]
fn one_endpoint_with_two_cards_is_one_device_and_says_why() {
    let mut it = Hospital::new();
    it.fact(7, "wsd.endpoint", ENDPOINT);
    it.fact(3, "wsd.endpoint", ENDPOINT);
    it.fact(5, "wsd.endpoint", "urn:uuid:another");
    assert_eq!(it.cards(), [vec![5], vec![3, 7]]);
    let assets = it.assets();
    let asset = assets.iter().find(|asset| asset.macs.len() == 2).unwrap();
    assert_eq!(asset.identity.to_string(), "mac:00:01:02:00:00:07", "named after the first seen");
    let [why] = &asset.joined[..] else { panic!("{:?}", asset.joined) };
    assert_eq!((why.rule, why.key, why.value), ("identity.endpoint", "wsd.endpoint", ENDPOINT));
    assert_eq!(
        (why.identity.to_string().as_str(), why.said.evidence.frame),
        ("mac:00:01:02:00:00:03", 4)
    );
}

#[test]
fn what_many_have_is_a_default() {
    let mut it = Hospital::new();
    (1..20).for_each(|card| it.fact(card, "wsd.endpoint", ENDPOINT));
    assert_eq!(it.cards().len(), 19);
}

#[test]
fn a_value_that_nobody_made_joins_nobody() {
    for endpoint in [
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
        "urn:uuid:12345678-1234-1234-1234-123456789abc",
        "urn:uuid:1",
    ] {
        let mut it = Hospital::new();
        it.fact(1, "wsd.endpoint", endpoint);
        it.fact(2, "wsd.endpoint", endpoint);
        assert_eq!(it.cards().len(), 2, "{endpoint}");
    }
}

#[test]
fn who_is_called_otherwise_is_another() {
    let mut it = Hospital::new();
    for (card, name) in [(1, "monitor-7"), (2, "attacker")] {
        it.fact(card, "wsd.endpoint", ENDPOINT);
        it.fact(card, "dhcp.hostname", name);
    }
    assert_eq!(it.cards().len(), 2);
}

#[test]
fn a_card_that_others_claim_to_have_is_its_own() {
    let mut it = Hospital::new();
    it.fact(4, "dhcp.hostname", "monitor-4");
    it.say(8, Observed::Present(Some(64)));
    it.say(8, Observed::Fact(Key::new("nbns.mac"), "00:09:fb:00:00:04".into()));
    let philips = Some(Mac([0, 9, 0xfb, 0, 0, 4]));
    let host = HostId { segment: Segment::default(), mac: philips, ip: None };
    let what = Observed::Present(Some(64));
    it.0.apply(0, Observation { at: Timestamp(9), frame: 9, host, what });
    assert_eq!(it.cards().len(), 3, "of another maker, on its own link");
    let mut it = Hospital::new();
    it.fact(4, "dhcp.hostname", "vpn");
    it.behind(9, "10.2.0.7", "nbns.mac", "00:01:02:00:00:04");
    it.behind(9, "10.2.0.8", "nbns.mac", "00:01:02:00:00:04");
    assert_eq!(it.assets().len(), 4, "an adapter that both have");
}

#[test]
fn a_computer_of_a_domain_is_one_by_its_name_and_a_workgroup_has_many() {
    for (membership, many) in [("domain", 1), ("standalone", 2)] {
        let mut it = Hospital::new();
        for card in [1, 2, 1] {
            it.fact(card, "ntlm.membership", membership);
            it.fact(card, "ntlm.fqdn", "ct-console.hospital.example");
        }
        assert_eq!(it.cards().len(), many, "{membership}");
    }
}

#[test]
fn who_comes_when_the_other_of_that_name_is_gone_has_replaced_it() {
    let mut it = Hospital::new();
    for card in [1, 1, 2, 2] {
        it.fact(card, "ntlm.membership", "domain");
        it.fact(card, "ntlm.fqdn", "ct-console.hospital.example");
    }
    assert_eq!(it.cards().len(), 2);
}

#[test]
fn a_computer_with_one_name_in_its_lease_and_where_it_logs_on_is_one() {
    let two = |fqdn: &'static str| {
        let mut it = Hospital::new();
        for card in [1, 2, 1] {
            it.fact(card, "dhcp.fqdn", fqdn);
            it.fact(card, "ntlm.workstation", "NB-0042");
        }
        it.cards().len()
    };
    assert_eq!(two("nb-0042.hospital.example"), 1);
    assert_eq!((two("nb-0042"), two("other.hospital.example")), (2, 2));
}

#[test]
fn who_stands_for_several_is_none_of_them() {
    let mut it = Hospital::new();
    for card in [1, 2, 3] {
        it.fact(card, "ntlm.membership", "domain");
    }
    it.fact(1, "ntlm.fqdn", "a.hospital.example");
    it.fact(2, "ntlm.fqdn", "b.hospital.example");
    it.fact(3, "ntlm.fqdn", "a.hospital.example");
    it.fact(3, "ntlm.fqdn", "b.hospital.example");
    assert_eq!(it.cards().len(), 3, "a balancer in front of two");
}

#[test]
fn a_router_is_one_by_its_identifier_where_its_cards_are_of_one_maker() {
    let mut it = Hospital::new();
    for card in [1, 2] {
        it.fact(card, "ospf.router_id", "10.255.0.1");
    }
    it.fact(3, "ospf.router_id", "10.255.0.3");
    let host = HostId { mac: Some(Mac([0, 9, 9, 0, 0, 4])), ..HostId::default() };
    let what = Observed::Fact(Key::new("ospf.router_id"), "10.255.0.1".into());
    it.0.apply(0, Observation { at: Timestamp(9), frame: 9, host, what });
    assert_eq!(it.cards(), [vec![1, 2], vec![3], vec![4]], "set twice by hand");
}

#[test]
fn a_router_identifier_alone_joins_no_cards_of_different_blocks() {
    let cards = |names: [&'static str; 2]| {
        let mut it = Hospital::new();
        for (block, name) in [1, 2].into_iter().zip(names) {
            let host = HostId { mac: Some(Mac([0, 1, 2, 0, block, 1])), ..HostId::default() };
            let mut say =
                |what| it.0.apply(0, Observation { at: Timestamp(9), frame: 9, host, what });
            say(Observed::Present(Some(64)));
            say(Observed::Fact(Key::new("ospf.router_id"), "10.255.0.1".into()));
            say(Observed::Fact(Key::new("ospf.area"), "0.0.0.0".into()));
            say(Observed::Fact(Key::new("lldp.system_name"), name.into()));
        }
        it.cards().len()
    };
    assert_eq!((cards(["core-1", "core-2"]), cards(["core-1", "CORE-1"])), (2, 1));
}

#[test]
fn cards_with_several_names_in_common_are_joined_once() {
    let mut it = Hospital::new();
    for card in [1, 2] {
        it.fact(card, "dhcpv6.duid", "000100012a3b4c5d000102000001");
        it.fact(card, "dhcp.hostname", "nb-7");
        it.fact(card, "mdns.hostname", "nb-7-2");
    }
    assert_eq!(it.assets()[0].joined.len(), 1);
}

#[test]
fn one_duid_is_one_computer_unless_a_disk_was_copied() {
    let cards = |names: [&'static str; 2]| {
        let mut it = Hospital::new();
        for (card, name) in [1, 2].into_iter().zip(names) {
            it.fact(card, "dhcpv6.duid", "000100012a3b4c5d000102000001");
            it.fact(card, "dhcp.hostname", name);
        }
        it.cards().len()
    };
    assert_eq!((cards(["nb-7", "NB-7"]), cards(["nb-7", "nb-8"])), (1, 2));
}

#[test]
fn an_interface_to_building_wiring_is_known_by_its_serial_number_and_card() {
    let mut it = Hospital::new();
    it.fact(4, "knx.serial_number", "00a601020304");
    it.behind(9, "10.2.0.7", "knx.serial_number", "00a601020304");
    it.behind(9, "10.2.0.8", "knx.mac", "00:01:02:00:00:04");
    let names: Vec<_> = it.assets().iter().map(|asset| asset.identity.to_string()).collect();
    assert_eq!(names, ["mac:00:01:02:00:00:04", "mac:00:01:02:00:00:09"]);
}

#[test]
fn what_contradicts_stays_apart() {
    let mut it = Hospital::new();
    for (card, name) in [(1, "a.hospital.example"), (2, "b.hospital.example")] {
        it.fact(card, "wsd.endpoint", ENDPOINT);
        it.fact(card, "ntlm.membership", "domain");
        it.fact(card, "ntlm.fqdn", name);
    }
    assert_eq!(it.cards().len(), 2);
}

#[test]
fn one_serial_number_is_one_device_unless_nobody_set_it() {
    let facts =
        |serial| [("dicom.manufacturer", "Acme"), ("dicom.model", "X"), ("dicom.serial", serial)];
    for (serial, many) in [("MR41587", 1), ("12345", 2), ("0000", 2), ("1111", 2), ("77", 2)] {
        let mut it = Hospital::new();
        it.describes(1, &facts(serial));
        it.describes(2, &facts(serial));
        assert_eq!(it.cards().len(), many, "{serial}");
    }
}

#[test]
fn a_card_that_is_told_behind_a_router_is_that_card() {
    let mut it = Hospital::new();
    it.fact(4, "dhcp.hostname", "ws-4");
    it.behind(9, "10.2.0.7", "nbns.mac", "00:01:02:00:00:04");
    it.behind(9, "10.2.0.8", "nbns.mac", "00:00:00:00:00:00");
    let names: Vec<_> = it.assets().iter().map(|asset| asset.identity.to_string()).collect();
    assert_eq!(names, ["mac:00:01:02:00:00:04", "mac:00:01:02:00:00:09", "ip:10.2.0.8"]);
    assert_eq!(it.assets()[0].ips.len(), 1);
}

#[test]
fn what_a_gateway_says_of_a_card_is_of_the_device_with_that_card() {
    let mut it = Hospital::new();
    it.fact(4, "dhcp.hostname", "pump-4");
    let facts = [("hl7.equipment_mac", "00:01:02:00:00:04"), ("hl7.equipment_serial", "PU-100234")];
    let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
    it.say(8, Observed::Present(Some(64)));
    it.say(8, Observed::Equipment(Equipment { origin: Origin::Forwarded, facts }));
    let assets = it.assets();
    let serial = |card: u8| {
        let asset = assets.iter().find(|asset| asset.macs.iter().any(|mac| mac.0[5] == card));
        asset.unwrap().attributes.get("serial_number").map(|all| all[0].value.to_string())
    };
    assert_eq!((serial(4).as_deref(), serial(8)), (Some("PU-100234"), None));
}

/// Whoever hands on what several devices made is none of them: they are seen through it.
#[track_caller]
fn hands_on(
    origin: Origin,
    serial: &'static str,
    others: &[(&'static str, &'static str)],
    class: &str,
) {
    let mut it = Hospital::new();
    for n in ["MR41587", "MR41588", "MR41599"] {
        let facts = [&[(serial, n)], others].concat();
        let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
        it.say(8, Observed::Present(Some(64)));
        it.say(8, Observed::Equipment(Equipment { origin, facts }));
    }
    let assets = it.assets();
    let through = assets.iter().find(|asset| asset.macs.len() == 1).unwrap();
    let value = |asset: &Asset<'_>, name| asset.shown(name).first().map(|it| it.value.to_string());
    assert_eq!(value(through, "device_class").as_deref(), Some(class));
    assert_eq!((value(through, "serial_number"), value(through, "manufacturer")), (None, None));
    let made: Vec<_> = assets.iter().filter(|asset| asset.macs.is_empty()).collect();
    assert_eq!(made.len(), 3);
    assert!(made.iter().all(|asset| asset.seen_through == [through.id]));
    let serials: Vec<_> = made.iter().filter_map(|asset| value(asset, "serial_number")).collect();
    assert_eq!(serials, ["MR41587", "MR41588", "MR41599"]);
}

#[test]
fn a_dicom_router_is_none_of_the_devices_whose_images_it_sends() {
    let others = [("dicom.manufacturer", "SIEMENS"), ("dicom.model", "Skyra")];
    hands_on(Origin::Creator, "dicom.serial", &others, "dicom-router");
    hands_on(Origin::Forwarded, "dicom.serial", &others, "dicom-router");
}

#[test]
fn an_interface_engine_is_none_of_the_devices_whose_results_it_sends() {
    hands_on(Origin::Forwarded, "hl7.equipment_serial", &[], "interface-engine");
    hands_on(Origin::Creator, "hl7.equipment_serial", &[], "interface-engine");
}

#[test]
fn the_site_has_the_last_word() {
    let mut it = Hospital::new();
    it.fact(1, "wsd.endpoint", ENDPOINT);
    it.fact(2, "wsd.endpoint", ENDPOINT);
    it.fact(3, "dhcp.hostname", "bed-3");
    let pin = |text: &str| Pins::parse(text).unwrap();
    it.0.pin(pin("[[apart]]\ndevices = ['00:01:02:00:00:01', '00:01:02:00:00:02']"));
    assert_eq!(it.cards().len(), 3);
    it.0.pin(pin(
        "[[same]]\ndevices = ['00:01:02:00:00:01', '00:01:02:00:00:03']\nreason = 'a dock'",
    ));
    assert_eq!(it.cards(), [vec![1, 2, 3]]);
    let assets = it.assets();
    assert!(assets[0].joined.iter().any(|why| (why.rule, why.value) == ("pinned", "a dock")));
    it.0.pin(Pins::default());
    assert_eq!(it.cards().len(), 2, "nothing was overwritten");
}

/// A hello of POCT1-A: maker by name and by code, model, serial number.
fn hello(
    it: &mut Hospital,
    card: u8,
    maker: &'static str,
    code: &'static str,
    serial: &'static str,
) {
    it.fact(card, "poct1a.role", "device");
    let facts = [("vendor_id", code), ("manufacturer", maker), ("model", "StatStrip")];
    for (key, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let key = match key {
            "vendor_id" => "poct1a.vendor_id",
            "manufacturer" => "poct1a.manufacturer",
            _ => "poct1a.model",
        };
        it.fact(card, key, value);
    }
    it.fact(card, "poct1a.serial", serial);
}

#[test]
fn a_meter_with_two_cards_is_one_by_maker_and_serial_number() {
    let mut it = Hospital::new();
    hello(&mut it, 1, "Nova Biomedical", "NOVABIO", "0600122871");
    hello(&mut it, 2, "NOVA BIOMEDICAL", "NOVABIO", "0600122871");
    hello(&mut it, 3, "", "NOVABIO", "0600122999");
    hello(&mut it, 4, "", "PIX", "0600122871");
    let cards = it.cards();
    assert!(cards.contains(&vec![1, 2]), "{cards:?}");
    assert_eq!(cards.len(), 3, "{cards:?}");
    let assets = it.assets();
    let one = assets.iter().find(|asset| asset.macs.len() == 2).unwrap();
    let why = &one.joined[0];
    assert_eq!((why.rule, why.key, why.value), ("identity.serial", "poct1a.serial", "0600122871"));
    let shown = |of: u8, name: &str| {
        let asset = assets.iter().find(|asset| asset.macs.iter().any(|mac| mac.0[5] == of));
        asset.unwrap().shown(name).first().map(|it| it.value.to_string())
    };
    assert_eq!(shown(1, "serial_number").as_deref(), Some("0600122871"));
    // The code of a maker gives its name where the device says no other.
    assert_eq!(shown(3, "manufacturer").as_deref(), Some("Nova Biomedical"));
    assert_eq!(shown(4, "manufacturer").as_deref(), Some("PixCell Medical"));
}

#[test]
fn one_other_number_in_its_name_undoes_nothing() {
    let cards = |lies: &[&'static str], often: bool| {
        let mut it = Hospital::new();
        for _ in 0..2 {
            hello(&mut it, 1, "Nova Biomedical", "NOVABIO", "0600122871");
            hello(&mut it, 2, "Nova Biomedical", "NOVABIO", "0600122871");
            lies.iter().filter(|_| often).for_each(|lie| it.fact(1, "poct1a.serial", lie));
            it.1 += 700 * SECOND;
        }
        lies.iter().for_each(|lie| it.fact(1, "poct1a.serial", lie));
        it.fact(3, "wsd.endpoint", ENDPOINT);
        it.fact(4, "wsd.endpoint", ENDPOINT);
        it.cards().len()
    };
    assert_eq!(cards(&[], false), 2);
    assert_eq!(cards(&["0600122872"], false), 2, "one word");
    assert_eq!(cards(&["0600122872"], true), 3, "two that are said time and again");
    assert_eq!(cards(&["0600122872", "0600122873"], false), 3, "a dock");
    let mut it = Hospital::new();
    for second in [0, 700] {
        it.1 = second * SECOND;
        (3..5).for_each(|card| it.fact(card, "wsd.endpoint", ENDPOINT));
    }
    it.fact(3, "wsd.endpoint", "urn:uuid:9b1c8a80-2f1c-11e4-8c21-0800200c9a66");
    assert_eq!(it.cards(), [vec![3, 4]]);
}

#[test]
fn a_dock_of_several_meters_and_a_number_of_none_join_nobody() {
    let mut it = Hospital::new();
    hello(&mut it, 1, "Nova Biomedical", "NOVABIO", "0600122871");
    hello(&mut it, 2, "Nova Biomedical", "NOVABIO", "0600122871");
    it.fact(1, "poct1a.serial", "0600122872");
    for card in 3..6 {
        hello(&mut it, card, "Nova Biomedical", "NOVABIO", "00000000");
    }
    hello(&mut it, 6, "", "", "0600122873");
    hello(&mut it, 7, "", "", "0600122873");
    assert_eq!(it.cards(), (1..8).map(|card| vec![card]).collect::<Vec<_>>());
}

#[test]
fn one_knx_serial_number_is_one_device_unless_each_names_its_own_card() {
    let cards = |macs: &[(u8, &'static str)]| {
        let mut it = Hospital::new();
        for card in [1, 2] {
            it.fact(card, "knx.serial_number", "00a601020304");
        }
        for (card, mac) in macs {
            it.fact(*card, "knx.mac", mac);
        }
        it.cards().len()
    };
    assert_eq!(cards(&[]), 1);
    assert_eq!(cards(&[(1, "00:01:02:00:00:01")]), 1);
    assert_eq!(cards(&[(1, "00:01:02:00:00:01"), (2, "00:01:02:00:00:02")]), 2);
}

#[test]
fn a_router_identifier_of_nobody_or_of_another_area_joins_nobody() {
    let cards = |id: &'static str, areas: [&'static str; 2]| {
        let mut it = Hospital::new();
        for (card, area) in [1, 2].into_iter().zip(areas) {
            it.fact(card, "ospf.router_id", id);
            it.fact(card, "ospf.area", area);
        }
        it.cards().len()
    };
    assert_eq!(cards("10.255.0.1", ["0.0.0.0", "0.0.0.0"]), 1);
    assert_eq!(cards("10.255.0.1", ["0.0.0.0", "0.0.0.9"]), 2);
    assert_eq!(cards("0.0.0.0", ["0.0.0.0", "0.0.0.0"]), 2);
}
