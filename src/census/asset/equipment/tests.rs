use super::*;
use crate::census::host::Evidence;
use crate::census::room::Room;
use crate::census::signature::Source;
use crate::net::Transport;
use crate::observe::Key;
use crate::time::Timestamp;

const NAME: AssetId = AssetId(7);
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
    let it = sort(&[(&id, host)], NAME, Book::builtin(), || false);
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
    assert_eq!(told("CR", "CR", false), (0, 1), "too short to tell");
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
        speaks_for(&sort(&hosts, NAME, Book::builtin(), || false), &hosts).map(|(what, _)| what)
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

/// Headers of one speaker: how many others it describes, and whether it is a gateway.
fn headers(all: &[&str]) -> (Vec<String>, bool) {
    let (id, mut host) = (HostId::default(), Host::new(AT));
    for (frame, header) in (1..).zip(all) {
        let said = Said::new(AT, Evidence { capture: 0, frame });
        host.learn(Key::new("astm.sender"), (*header).into(), said, &mut Room::default());
    }
    let hosts = [(&id, &host)];
    let it = sort(&hosts, NAME, Book::builtin(), || false);
    let gateway = speaks_for(&it, &hosts) == it.analysers.as_deref().map(|said| ("astm", *said));
    assert!(gateway && it.own.is_empty());
    assert_eq!(it.is_of_another("astm.sender", ""), it.analysers.is_some());
    (it.others.keys().map(ToString::to_string).collect(), it.analysers.is_some())
}

#[test]
fn headers_of_several_analysers_are_none_of_the_senders() {
    let (c111, xn) = ("LAB^Roche^c111^4.2.2.1730^1^13147", "XN-350^00-14^13877^^^^AB123456");
    let both = ["equipment:roche|cobas c 111|13147", "equipment:sysmex|xn-350|13877"];
    assert_eq!(headers(&[c111, xn]), (both.map(str::to_owned).to_vec(), true));
    // Two of one product differ by their serial numbers; one that has none is named by
    // through whom it is known.
    assert_eq!(headers(&[xn, "XN-350^00-14^99999^^^^AB777777"]).0.len(), 2);
    let (names, gateway) = headers(&[c111, "c311^1"]);
    assert!(
        gateway && names.contains(&format!("equipment:roche|cobas c 311|{NAME}|")),
        "{names:?}"
    );
    assert!(!is_telling(&Identity::Equipment(format!("roche|cobas c 311|{NAME}|"))));
    // A header that nobody knows is another's as well, if it has nothing in common.
    assert_eq!(headers(&[c111, "JCA-BM6070^1.2^SN0123"]).0.len(), 1);
}

#[test]
fn one_analyser_under_several_headers_is_one() {
    let none = (Vec::new(), false);
    for same in [
        &["XN-350^00-14^13877^^^^AB123456"] as &[&str],
        // Renewed, and of fewer words.
        &["XN-350^00-14^13877", "XN-350^00-16^13877", "XN-350"],
        // What hosts call themselves, or another spelling.
        &["c311^1", "LIS", "host^1"],
        &["XN-350^00-14^13877", "Sysmex XN350 13877"],
        // Nothing is known of either.
        &["BX-1^1.0", "OTHER^2"],
    ] {
        assert_eq!(headers(same), none, "{same:?}");
    }
}

/// A storage of images as a console does it: what of it is the speaker's own, with how
/// sure that is, and how many others there are.
fn console(
    ae: &str,
    image: &[(&'static str, &str)],
    said: &[(&'static str, &str)],
) -> (f32, usize) {
    console_that(Book::builtin(), ae, image, said, None)
}

/// The same, by these signatures; of one that speaks a protocol on a port.
fn console_that(
    book: &Book,
    ae: &str,
    image: &[(&'static str, &str)],
    said: &[(&'static str, &str)],
    speaks: Option<(&'static str, Role)>,
) -> (f32, usize) {
    let (id, mut host) = (HostId::default(), Host::new(AT));
    let mut facts = vec![(Key::new("dicom.calling_ae"), ae)];
    facts.extend(image.iter().map(|(key, value)| (Key::new(key), *value)));
    host.describes(Origin::Creator, &facts, SAID, &mut Room::default());
    for (key, value) in said {
        host.learn(Key::new(key), (*value).into(), SAID, &mut Room::default());
    }
    if let Some((protocol, role)) = speaks {
        host.speaks((Transport::Tcp, 2575, protocol, role), SAID, &mut Room::default());
    }
    let it = sort(&[(&id, &host)], NAME, book, || false);
    (it.own.first().map_or(0.0, |(.., weight)| *weight), it.others.len())
}

const INCISIVE: &[(&str, &str)] = &[
    ("dicom.manufacturer", "Philips"),
    ("dicom.model", "Incisive CT"),
    ("dicom.modality", "CT"),
    ("dicom.serial", "300123"),
    ("dicom.station_name", "HOST123"),
];
const OF_PHILIPS: (&str, &str) = ("dicom.implementation_uid", "1.3.46.670589.33.1");

#[test]
fn a_program_of_the_maker_sends_its_own_images() {
    let told = |said: &[_]| console("CTZ", INCISIVE, said);
    assert_eq!(told(&[OF_PHILIPS]), (LIKELY, 0));
    assert_eq!(told(&[]), (0.0, 1));
    let toolkit = ("dicom.implementation_uid", "1.2.276.0.7230010.3.0.3.6.7");
    let others = ("dicom.implementation_uid", "1.2.840.113619.6.55");
    assert_eq!((told(&[toolkit]), told(&[others])), ((0.0, 1), (0.0, 1)));
    assert_eq!(told(&[OF_PHILIPS, others]), (0.0, 1), "two programs");
    // Toshiba Medical Systems is Canon Medical Systems.
    let aquilion = [("dicom.manufacturer", "TOSHIBA_MEC"), ("dicom.serial", "1CA0003")];
    let of_canon = ("dicom.implementation_uid", "1.2.392.200036.9116.2.6.1");
    assert_eq!(console("CTW", &aquilion, &[of_canon]), (LIKELY, 0));
    for (maker, key, program) in [
        ("ACUSON", "dicom.implementation_uid", "1.3.12.2.1107.5.2"),
        ("FUJIFILM", "dicom.implementation_version", "ALOKA20010925"),
        ("FUJIFILM", "dicom.implementation_uid", "1.2.392.200036.9123.1"),
    ] {
        let image = [("dicom.manufacturer", maker), ("dicom.serial", "300123")];
        assert_eq!(console("CTW", &image, &[(key, program)]), (LIKELY, 0), "{program}");
    }
}

#[test]
fn a_makers_program_that_makes_no_images_is_no_scanners() {
    let told = |class: &str| {
        let text = format!(
            "[[signature]]\nid = 'site.program'\nkey = 'dicom.implementation_version'\n\
             equals = 'PROGRAM'\nconfidence = 0.9\nsource = 'site'\n\
             set = {{ manufacturer = 'Philips', device_class = '{class}' }}\n\
             examples = [ {{ value = 'PROGRAM' }} ]\n"
        );
        let book = Book::from_sources(&[Source { name: "site.toml", text: &text }]).unwrap();
        let said = [OF_PHILIPS, ("dicom.implementation_version", "PROGRAM")];
        console_that(&book, "CTZ", INCISIVE, &said, None)
    };
    for class in [
        "cad-server",
        "cardiology-information",
        "dicom-router",
        "film-digitizer",
        "imaging-workstation",
        "media-burner",
        "pacs",
        "ris",
        "treatment-planning",
        "viewer",
        "vna",
        "worklist-server",
    ] {
        assert_eq!(told(class), (0.0, 1), "{class}");
    }
    assert_eq!(told("ct"), (LIKELY, 0));
}

#[test]
fn who_takes_orders_is_an_archive_and_who_sends_them_or_shows_a_page_is_none() {
    let told = |protocol, role| {
        let speaks = Some((protocol, role));
        console_that(Book::builtin(), "CTZ", INCISIVE, &[OF_PHILIPS], speaks)
    };
    assert_eq!(told("hl7", Role::Server), (0.0, 1));
    assert_eq!(told("hl7", Role::Client), (LIKELY, 0));
    assert_eq!(told("http", Role::Server), (LIKELY, 0));
}

#[test]
fn an_archive_of_the_maker_is_not_the_scanner() {
    for part in [
        ("dicom.accepted_storage_classes", "3"),
        ("dicom.archive_sends", "C-STORE with move originator"),
        ("dicom.scp", "1.2.840.10008.5.1.4.1.2.2.1"),
        ("dicom.scu", "1.2.840.10008.5.1.4.1.2.2.2"),
        ("dicom.scp", WORKLIST),
        ("dicom.verb", "C-MOVE-RQ study-root"),
        ("dicom.verb", "C-GET-RQ study-root"),
        ("dicom.implementation_uid", "1.3.46.670589.5.2.23"),
        ("dicom.scp", "1.2.840.10008.1.20.1"),
        ("http.serves", "dicomweb"),
        ("dicom.sends", "older images"),
    ] {
        assert_eq!(console("CTZ", INCISIVE, &[OF_PHILIPS, part]), (0.0, 1), "{part:?}");
    }
}

#[test]
fn what_scanners_do_as_well_is_no_archives_part() {
    let told =
        |parts: &[(&'static str, &str)]| console("CTZ", INCISIVE, &[&[OF_PHILIPS], parts].concat());
    for parts in [
        // Called back for the commitment that it asked for.
        &[("dicom.scp", "1.2.840.10008.1.20.1"), ("dicom.verb", "N-ACTION-RQ storage-commitment")]
            as &[_],
        // A study of last week is sent once more.
        &[("dicom.sends", "older images"), ("dicom.sends", "fresh images")],
        &[("dicom.sends", "fresh images")],
        &[("dicom.scp", "1.2.840.10008.1.1")],
        &[("http.serves", "fhir")],
    ] {
        assert_eq!(told(parts), (LIKELY, 0), "{parts:?}");
    }
}

#[test]
fn a_short_title_that_is_the_stations_name_is_likely() {
    let told = |name: &'static str, ae: &str, said: &[_]| {
        let image = [("dicom.manufacturer", "Philips"), ("dicom.serial", "300123")];
        console(ae, &[&image[..], &[("dicom.station_name", name)]].concat(), said)
    };
    assert_eq!(told("CTW", "CTW", &[]), (LIKELY, 0));
    assert_eq!(told("CTW", "CTW", &[OF_PHILIPS]), (SURE, 0));
    assert_eq!(told("CTROOM03", "CTROOM03", &[]), (SURE, 0));
    assert_eq!(told("CT", "CT", &[]), (0.0, 1));
}

#[test]
fn what_several_may_be_is_none_of_them() {
    let own = |weight| {
        let (id, mut host) = (HostId::default(), Host::new(AT));
        image(&mut host, Origin::Creator, "35131", "X");
        let host: &'static Host = Box::leak(Box::new(host));
        let hosts = [(&*Box::leak(Box::new(id)), host)];
        let mut it = sort(&hosts, NAME, Book::builtin(), || false);
        it.own = vec![(&host.equipment[0].1, SAID, weight)];
        it.others.clear();
        it
    };
    let (mut likely_one, sure) = (own(LIKELY), own(SURE));
    assert_eq!((names(&sure).len(), likely(&sure).len()), (1, 0));
    let name = likely(&likely_one).into_iter().next().unwrap();
    assert!(names(&likely_one).is_empty() && names(&sure).contains(&name));
    give_up(&mut likely_one, &name);
    assert!(likely_one.own.is_empty() && likely_one.others.contains_key(&name));
}

#[test]
fn a_device_without_serial_number_is_described_as_one_of_the_speaker() {
    let told = |modality: &'static str, model: &'static str, serial: &'static str| {
        let image = [
            ("dicom.manufacturer", "SHIMADZU"),
            ("dicom.model", model),
            ("dicom.modality", modality),
            ("dicom.station_name", "XA1"),
            ("dicom.serial", serial),
        ];
        console("ROUTER", &image, &[])
    };
    assert_eq!((told("XA", "Trinias", ""), told("XA", "Trinias", "000000")), ((0.0, 1), (0.0, 1)));
    assert_eq!(told("SR", "Trinias", ""), (0.0, 0), "a document");
    assert_eq!(told("XA", "unknown", ""), (0.0, 0));
}

#[test]
fn a_medical_device_system_is_told_by_its_assigned_number() {
    let pump = |id: &str, kind: &str| {
        let facts = [
            ("hl7.equipment_type", kind),
            ("hl7.equipment_id", id),
            ("hl7.equipment_namespace", "BD"),
            ("hl7.equipment_model", "Alaris 8015"),
        ];
        signature_of(&facts.map(|(key, value)| (Key::new(key), value.into())).to_vec())
    };
    let mds = "69985^MDC_DEV_PUMP_INFUS_MDS";
    assert_eq!(pump("14500001", mds).as_deref(), Some("bd|alaris 8015|14500001"));
    assert_eq!(pump("ICU^BED07", mds), None);
    assert_eq!(pump("14500001", "69986^MDC_DEV_PUMP_INFUS_VMD"), None);
}

#[test]
fn two_medical_device_systems_have_a_gateway() {
    let (id, mut host) = (HostId::default(), Host::new(AT));
    host.learn(Key::new("hl7.profile"), "IHE_PCD_001^IHE PCD".into(), SAID, &mut Room::default());
    let mut told = |serial: &str, kind: &str| {
        let facts = [
            ("hl7.equipment_type", kind),
            ("hl7.equipment_id", serial),
            ("hl7.equipment_namespace", "BD"),
        ];
        let facts = facts.map(|(key, value)| (Key::new(key), value));
        host.describes(Origin::Creator, &facts, SAID, &mut Room::default());
        let hosts = [(&id, &host)];
        speaks_for(&sort(&hosts, NAME, Book::builtin(), || false), &hosts).map(|(what, _)| what)
    };
    let pump = "69985^MDC_DEV_PUMP_INFUS_MDS";
    assert_eq!([told("14500001", pump), told("14500002", pump)], [None, Some("pumps")]);
    assert_eq!(told("70010001", "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"), Some("pcd"));
}
