use super::super::join_tests::Hospital;
use super::*;
use crate::net::Segment;
use crate::observe::{Key, Observation, Observed};
use crate::time::{SECOND, Timestamp};

/// Kind, value, strength, key, first frame, seconds from the first to the last time.
fn told(it: &Hospital, mac: Option<Mac>) -> Vec<String> {
    let assets = it.assets();
    let asset = assets.iter().find(|asset| asset.macs.first().copied() == mac).unwrap();
    let one = |it: &DeviceIdentifier<'_>| {
        let Said { evidence, span } = it.said;
        let (first, last) = (span.first.0 / SECOND, span.last.0 / SECOND);
        let DeviceIdentifier { kind, value, strength, key, .. } = it;
        format!("{strength} {kind}={value} {key}#{} {first}-{last}", evidence.frame)
    };
    asset.identifiers.iter().map(one).collect()
}

const CARD: Mac = Mac([0, 1, 2, 0, 0, 4]);

#[test]
fn identifiers_have_kind_strength_interval_and_packet() {
    let mut it = Hospital::new();
    it.fact(4, "dhcp.hostname", "us-3");
    it.fact(4, "wsd.endpoint", "urn:uuid:7b1c8a80-2f1c-11e4-8c21-0800200c9a66");
    it.fact(4, client::KEY, "ff0000000100020000ab11c0ffee5511aa22bb");
    it.fact(4, client::KEY, "01001122334455");
    it.fact(4, "tls.cert_key", "aa");
    it.fact(4, "dicom.ae_title", "US3");
    it.say(4, Observed::Address([10, 0, 0, 4].into(), Lease::Arp));
    it.fact(4, "dhcp.hostname", "us-3");
    it.describes(
        4,
        &[
            ("dicom.manufacturer", "Acme"),
            ("dicom.model", "X"),
            ("dicom.serial", "US41587"),
            ("dicom.device_uid", "1.2.3"),
            ("dicom.station_name", "US-3"),
        ],
    );
    assert_eq!(
        told(&it, Some(CARD)),
        [
            "proves MAC (universal)=00:01:02:00:00:04 ethernet.source#2 1-17",
            "joins IP address=10.0.0.4 arp#13 13-13",
            "joins SDC endpoint=urn:uuid:7b1c8a80-2f1c-11e4-8c21-0800200c9a66 wsd.endpoint#4 4-4",
            "joins maker, model, serial number=acme|x|us41587 dicom.serial#17 17-17",
            "joins serial number=US41587 dicom.serial#17 17-17",
            "supports DHCP client id (DUID)=ff0000000100020000ab11c0ffee5511aa22bb \
         dhcp.client_id#6 6-6",
            "supports Device UID=1.2.3 dicom.device_uid#17 17-17",
            "supports certificate key=aa tls.cert_key#10 10-10",
            "supports hostname (DHCP)=us-3 dhcp.hostname#2 2-15",
            "supports station (DICOM)=US-3 dicom.station_name#17 17-17",
            "weak AE title=US3 dicom.ae_title#12 12-12",
            "weak DHCP client id (hardware)=01001122334455 dhcp.client_id#8 8-8",
        ]
    );
}

#[test]
fn an_address_of_a_card_says_who_gave_it() {
    let kinds = [
        ("00:80:77:31:01:07", "MAC (universal)", Proves),
        ("00:50:56:a1:10:13", "MAC (virtual)", Proves),
        ("52:54:00:a1:10:13", "MAC (virtual)", Proves),
        ("da:a1:19:0a:00:30", "MAC (local, perhaps random)", Supports),
    ];
    for (mac, name, strength) in kinds {
        assert_eq!(card(mac.parse().unwrap()), (name, strength), "{mac}");
    }
}

#[test]
fn a_routers_card_is_no_identifier_of_who_is_behind_it() {
    let mut it = Hospital::new();
    for n in 0..3 {
        it.1 += SECOND;
        it.behind(9, &format!("10.2.0.{}", 7 + n), "nbns.hostname", "ws-7");
    }
    let assets = it.assets();
    let behind: Vec<_> = assets.iter().filter(|asset| asset.macs.is_empty()).collect();
    assert_eq!(behind.len(), 3);
    for asset in behind {
        let kinds: Vec<_> = asset.identifiers.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, ["IP address", "hostname (NBNS)"]);
    }
}

#[test]
fn what_others_behind_a_card_say_is_none_of_its_identifiers() {
    let mut it = Hospital::new();
    let mut say = |second: i64, value: &'static str| {
        let host = HostId { segment: Segment::default(), mac: Some(CARD), ip: None };
        let what = Observed::Fact(Key::new("ntlm.workstation"), value.into());
        let at = Timestamp(second * SECOND);
        it.0.apply(0, Observation { at, frame: 1, host, what });
    };
    for second in [0, 700] {
        for name in ["PC-1", "PC-2", "PC-3"] {
            say(second, name);
        }
    }
    assert!(told(&it, Some(CARD)).iter().all(|it| !it.contains("PC-")));
}

/// What an identifier does to who is who, by its key and value.
fn strengths(it: &Hospital) -> Vec<(String, String, Strength)> {
    let assets = it.assets();
    let all = assets.iter().flat_map(|asset| &asset.identifiers);
    all.map(|it| (it.key.to_owned(), it.value.to_string(), it.strength)).collect()
}

#[test]
fn a_number_joins_only_with_a_maker_or_model_and_enough_digits() {
    let (maker, model) = (("dicom.manufacturer", "Acme"), ("dicom.model", "X"));
    let serial = |it| ("dicom.serial", it);
    let told = |facts: &[(&'static str, &'static str)]| {
        let mut it = Hospital::new();
        it.describes(4, facts);
        let all = strengths(&it).into_iter();
        all.filter(|it| it.0.starts_with("dicom.")).map(|it| (it.1, it.2)).collect::<Vec<_>>()
    };
    let named = |it: &str, strength| (it.to_owned(), strength);
    assert_eq!(
        told(&[maker, model, serial("41587")]),
        [named("acme|x|41587", Joins), named("41587", Joins)]
    );
    assert_eq!(told(&[model, serial("41587")]), [named("|x|41587", Joins), named("41587", Joins)]);
    assert_eq!(told(&[serial("41587")]), [named("41587", Weak)]);
    assert_eq!(told(&[model, serial("77")]), [named("77", Weak)]);
    assert_eq!(told(&[maker, serial("77")]), [named("acme||77", Weak), named("77", Weak)]);
    assert_eq!(told(&[maker, model, serial("0000")]), [named("0000", Weak)]);
    let uid = ("dicom.uid_serial", "166038");
    assert_eq!(told(&[maker, model, uid]), [named("acme|x|166038", Joins), named("166038", Weak)]);
    assert_eq!(told(&[uid]), [named("166038", Weak)]);
    let assets = |serial: &'static str| {
        let mut it = Hospital::new();
        for card in [4, 5] {
            it.describes(card, &[("dicom.serial", serial)]);
        }
        it.cards().len()
    };
    assert_eq!(assets("41587"), 2, "as it is shown");
    let mut it = Hospital::new();
    it.describes(4, &[("hl7.equipment_eui64", "0003B1FFFE000001")]);
    assert!(strengths(&it).iter().any(|it| it.0 == "hl7.equipment_eui64" && it.2 == Weak));
}

#[test]
fn a_full_name_without_a_domain_joins_nobody_and_is_shown_so() {
    for (name, many, strength) in [
        ("ct-console.hospital.example", 1, Joins),
        ("ct-console.hospital.example.", 1, Joins),
        ("ct-console", 2, Weak),
        ("ct-console.", 2, Weak),
    ] {
        let cards = |says: &[(&'static str, &'static str)]| {
            let mut it = Hospital::new();
            for card in [1, 2, 1] {
                says.iter().for_each(|(key, value)| it.fact(card, key, value));
            }
            let key = says[1].0;
            let shown = strengths(&it).into_iter().filter(|it| it.0 == key);
            assert!(shown.map(|it| it.2).all(|it| it == strength), "{key} {name}");
            it.cards().len()
        };
        assert_eq!(cards(&[("ntlm.membership", "domain"), ("ntlm.fqdn", name)]), many, "{name}");
        let leased = [("ntlm.workstation", "CT-CONSOLE"), ("dhcp.fqdn", name)];
        assert_eq!(cards(&leased), many, "{name}");
    }
}

#[test]
fn a_meters_number_is_shown_as_joining_where_it_joins() {
    let maker = ("poct1a.manufacturer", "Nova");
    let shown = |says: &[(&'static str, &'static str)]| {
        let mut it = Hospital::new();
        says.iter().for_each(|(key, value)| it.fact(4, key, value));
        let all = strengths(&it).into_iter().filter(|it| it.0 == serial::SERIAL);
        all.map(|it| it.2).collect::<Vec<_>>()
    };
    let number = |it| (serial::SERIAL, it);
    assert_eq!(shown(&[maker, number("0600122871")]), [Joins]);
    assert_eq!(shown(&[number("0600122871")]), [Weak], "no maker");
    assert_eq!(shown(&[maker, number("00000000")]), [Weak], "nobody set it");
    assert_eq!(shown(&[maker, number("0600122871"), number("0600122872")]), [Weak, Weak], "a dock");
    let mut it = Hospital::new();
    for second in [0, 700] {
        it.1 = second * SECOND;
        it.fact(4, maker.0, maker.1);
        it.fact(4, serial::SERIAL, "UU0600122871");
    }
    it.fact(4, serial::SERIAL, "0600122872");
    let mut all = strengths(&it);
    all.retain(|it| it.0 == serial::SERIAL);
    let of = |value: &str| all.iter().find(|it| it.1 == value).map(|it| it.2);
    assert_eq!((of("UU0600122871"), of("0600122872")), (Some(Joins), Some(Weak)), "said once");
}

#[test]
fn each_fact_is_of_one_kind() {
    let mut keys: Vec<&str> = kinds().map(|it| it.key).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
    assert_eq!(strength("dicom.ae_title"), Weak, "a title joins nobody");
    assert_eq!(strength("http.server"), Weak);
    assert!(NAMES.iter().all(|it| it.strength == Supports));
}
