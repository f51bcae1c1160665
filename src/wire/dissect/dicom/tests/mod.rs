//! What is said of hand-built conversations.

mod fixture;
mod privacy;
mod robust;
mod work;

use fixture::*;

use crate::wire::dissect::testing;

/// An image as a scanner sends it, without its pixels.
fn image(vr: Vr) -> Vec<u8> {
    let e = |tag, kind, value: &[u8]| element(vr, tag, kind, value);
    [
        e(0x0008_0005, "CS", b"ISO_IR 100"),
        e(0x0008_0016, "UI", MR.as_bytes()),
        e(0x0008_0060, "CS", b"MR"),
        e(0x0008_0070, "LO", b"SIEMENS"),
        e(0x0008_0080, "LO", b"Spital M\xfcnsingen"),
        e(0x0008_1010, "SH", b"AWP166038"),
        e(0x0008_1040, "LO", b"Radiologie"),
        sequence(vr, 0x0008_1110, &[e(0x0008_1150, "UI", b"1.2")], true),
        e(0x0008_1090, "LO", b"Prisma"),
        e(0x0009_1001, "UN", &[0x41; 300]),
        e(0x0010_0010, "PN", b"CANARY^NAME"),
        e(0x0018_1000, "LO", b"166038"),
        sequence(vr, 0x0018_100a, &[e(0x0018_1009, "UT", b"(01)04056869003085")], false),
        e(0x0018_1016, "LO", b"Vidar"),
        e(0x0018_1020, "LO", b"syngo MR D13D\\N4_VD13D"),
        e(0x0018_700a, "SH", b"DET-7"),
        e(0x0020_000d, "UI", b"1.2.3.4.5.6.7"),
        e(0x0028_0010, "US", &[0, 2]),
    ]
    .concat()
}

const IMAGE: &str = "modality=MR; manufacturer=SIEMENS; institution=Spital Münsingen; \
    station_name=AWP166038; department=Radiologie; model=Prisma; serial=166038; \
    udi=(01)04056869003085; sc_manufacturer=Vidar; software=syngo MR D13D \\ N4_VD13D; \
    detector_id=DET-7";
const INSTANCE: &str = "1.3.12.2.1107.5.2.43.166038.2019.7.30.1";

/// Association, one C-STORE with pixels in fragments of `size`, release.
fn store(syntax: &str, data_set: &[u8], size: usize) -> Vec<(u8, Vec<u8>)> {
    let scu = user("1.3.12.2.1107.5.2", "MR_VE11C", &[]);
    let scp = user("1.2.40.0.13.1.3", "dcm4che-5.23.1", &[]);
    let command = affected(1, MR, INSTANCE);
    let response = command_response();
    vec![
        (b'C', request("MRC166038", "ARCHIVE", &[MR, WORKLIST], scu)),
        (b'S', accept(&[(0, syntax), (3, "")], scp)),
        (b'C', [data(1, true, &command, size), data(1, false, data_set, size)].concat()),
        (b'S', data(1, true, &response, size)),
        (b'C', pdu(5, &[0; 4])),
        (b'S', pdu(6, &[0; 4])),
    ]
}

fn command_response() -> Vec<u8> {
    command(&[(0x0100, &0x8001_u16.to_le_bytes()), (0x0800, &[1, 1]), (0x0900, &[0, 0])])
}

fn lent(segments: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
    segments.iter().map(|(who, bytes)| (*who, bytes.as_slice())).collect()
}

fn pixels(vr: Vr) -> Vec<u8> {
    [image(vr), element(vr, 0x7fe0_0010, "OW", &[0x55; 5000])].concat()
}

#[test]
fn store_in_every_transfer_syntax() {
    let deflated = {
        use std::io::Write;
        let mut z = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        z.write_all(&pixels(Vr::Explicit)).unwrap();
        z.finish().unwrap()
    };
    for (syntax, data_set) in [
        (IMPLICIT, pixels(Vr::Implicit)),
        (EXPLICIT, pixels(Vr::Explicit)),
        (EXPLICIT_BIG, pixels(Vr::Big)),
        (DEFLATED, deflated),
    ] {
        let segments = store(syntax, &data_set, 1000);
        let want = [
            "C dicom.ae_title=MRC166038",
            "C dicom.implementation_uid=1.3.12.2.1107.5.2",
            "C dicom.implementation_version=MR_VE11C",
            "C dicom.max_pdu=16384",
            &format!("C dicom.scu={WORKLIST}"),
            &format!("C dicom.scu={MR}"),
            "C dicom.proposed_storage_classes=1",
            "S dicom.ae_title=ARCHIVE",
            "S dicom.implementation_uid=1.2.40.0.13.1.3",
            "S dicom.implementation_version=dcm4che-5.23.1",
            "S dicom.max_pdu=16384",
            &format!("S dicom.scp={MR}"),
            "S dicom.accepted_storage_classes=1",
            "C dicom.verb=C-STORE-RQ",
            &format!("C dicom.stored_sop_class={MR}"),
            &format!(
                "C Creator sop_class={MR}; calling_ae=MRC166038; {IMAGE}; uid_serial=166038; \
                 uid_root=1.3.12.2.1107.5"
            ),
        ];
        assert_eq!(said(&lent(&segments)), want, "{syntax}");
        // The bench of all protocols says the same of it.
        let common = testing::facts(&testing::stream("dicom", &lent(&segments)));
        assert_eq!(common.len(), want.len());
    }
}

/// Association from C with these classes, all accepted in `syntax`.
fn associated(classes: &[&str], syntax: &str) -> Vec<(u8, Vec<u8>)> {
    let answers: Vec<_> = classes.iter().map(|_| (0, syntax)).collect();
    vec![
        (b'C', request("CALLING", "CALLED", classes, user("1.2.3", "V", &[]))),
        (b'S', accept(&answers, user("1.2.4", "W", &[]))),
    ]
}

/// What is said after the association.
fn after(classes: &[&str], syntax: &str, messages: Vec<(u8, Vec<u8>)>) -> Vec<String> {
    let opening = associated(classes, syntax);
    let before = said(&lent(&opening)).len();
    said(&lent(&[opening, messages].concat())).split_off(before)
}

#[test]
fn worklist_query_names_the_asker() {
    let step = |vr| {
        [
            element(vr, 0x0008_0060, "CS", b"CT"),
            element(vr, 0x0040_0001, "AE", b"CT_ROOM_1"),
            element(vr, 0x0040_0002, "DA", b"20240131"),
            element(vr, 0x0040_0006, "PN", b"CANARY^DOCTOR"),
            element(vr, 0x0040_0010, "SH", b"CT*"),
        ]
        .concat()
    };
    for (vr, syntax) in [(Vr::Implicit, IMPLICIT), (Vr::Explicit, EXPLICIT)] {
        for undefined in [false, true] {
            let keys = [
                element(vr, 0x0008_0005, "CS", b""),
                element(vr, 0x0008_0050, "SH", b"CANARY"),
                element(vr, 0x0010_0010, "PN", b"CANARY*"),
                sequence(vr, 0x0040_0100, &[step(vr)], undefined),
                element(vr, 0x0040_1001, "SH", b"CANARY"),
            ]
            .concat();
            let query =
                [data(1, true, &affected(0x20, WORKLIST, ""), 4096), data(1, false, &keys, 4096)]
                    .concat();
            assert_eq!(
                after(&[WORKLIST], syntax, vec![(b'C', query)]),
                [
                    "C dicom.verb=C-FIND-RQ worklist",
                    &format!(
                        "C Own sop_class={WORKLIST}; calling_ae=CALLING; modality=CT; \
                         station_ae=CT_ROOM_1"
                    ),
                ]
            );
        }
    }
}

#[test]
fn a_query_for_everything_names_nobody() {
    let vr = Vr::Implicit;
    let keys = sequence(vr, 0x0040_0100, &[element(vr, 0x0040_0001, "AE", b"")], true);
    let query = [
        data(1, true, &affected(0x20, WORKLIST, ""), 4096),
        data(1, false, &keys, 4096),
        // The next message on the connection is still read.
        data(1, true, &affected(0x30, "1.2.840.10008.1.1", ""), 4096),
    ];
    assert_eq!(
        after(&[WORKLIST], IMPLICIT, vec![(b'C', query.concat())]),
        ["C dicom.verb=C-FIND-RQ worklist", "C dicom.verb=C-ECHO-RQ"]
    );
}

#[test]
fn performed_step_and_its_update() {
    let e = |tag, kind, value: &[u8]| element(Vr::Explicit, tag, kind, value);
    let step = [
        e(0x0008_0060, "CS", b"CT"),
        e(0x0010_0020, "LO", b"CANARY"),
        e(0x0040_0241, "AE", b"CT_ROOM_1"),
        e(0x0040_0242, "SH", b"CT Room 1"),
        e(0x0040_0253, "SH", b"CANARY"),
    ];
    let update = command(&[
        (0x0003, MPPS.as_bytes()),
        (0x0100, &[0x20, 1]),
        (0x0800, &[0, 0]),
        (0x1001, b"1.2.9"),
    ]);
    let messages = [
        data(1, true, &affected(0x140, MPPS, "1.2.840.113619.2.283.4120.1"), 4096),
        data(1, false, &step.concat(), 4096),
        data(1, true, &update, 4096),
        data(1, false, &e(0x0040_0252, "CS", b"COMPLETED"), 4096),
    ];
    assert_eq!(
        after(&[MPPS], EXPLICIT, vec![(b'C', messages.concat())]),
        [
            "C dicom.verb=N-CREATE-RQ mpps",
            &format!(
                "C Own sop_class={MPPS}; calling_ae=CALLING; modality=CT; station_ae=CT_ROOM_1; \
                 station_name=CT Room 1; uid_root=1.2.840.113619"
            ),
            "C dicom.verb=N-SET-RQ mpps",
        ]
    );
}

#[test]
fn printer_describes_itself() {
    let e = |tag, kind, value: &[u8]| element(Vr::Implicit, tag, kind, value);
    let print = "1.2.840.10008.5.1.1.9";
    let get = command(&[
        (0x0003, PRINTER.as_bytes()),
        (0x0100, &[0x10, 1]),
        (0x0800, &[1, 1]),
        (0x1001, b"1.2.840.10008.5.1.1.17"),
    ]);
    // The answer leaves its class out, as it may.
    let got = command(&[(0x0100, &[0x10, 0x81]), (0x0800, &[0, 0]), (0x0900, &[0, 0])]);
    let printer = [
        e(0x0008_0070, "LO", b"FUJI"),
        e(0x0008_1090, "LO", b"DRYPIX 7000"),
        e(0x0018_1000, "LO", b"56120"),
        e(0x0018_1020, "LO", b"V5.0"),
        e(0x2110_0010, "CS", b"NORMAL"),
        e(0x2110_0030, "LO", b"FILM1"),
    ];
    let messages = vec![
        (b'C', data(1, true, &get, 4096)),
        (b'S', [data(1, true, &got, 4096), data(1, false, &printer.concat(), 40)].concat()),
    ];
    assert_eq!(
        after(&[print], IMPLICIT, messages),
        [
            "C dicom.verb=N-GET-RQ printer",
            "S Own manufacturer=FUJI; model=DRYPIX 7000; serial=56120; software=V5.0; \
             printer_name=FILM1",
        ]
    );
}

#[test]
fn what_archives_send_is_not_their_own() {
    let moved = command(&[
        (0x0002, MR.as_bytes()),
        (0x0100, &[1, 0]),
        (0x0800, &[0, 0]),
        (0x1000, b"1.2.3"),
        (0x1030, b"WORKSTATION"),
        (0x1031, &[7, 0]),
    ]);
    let image = image(Vr::Implicit);
    let store =
        |command: &[u8]| [data(1, true, command, 4096), data(1, false, &image, 4096)].concat();
    let verb = |who| format!("{who} dicom.verb=C-STORE-RQ");
    let class = |who| format!("{who} dicom.stored_sop_class={MR}");
    assert_eq!(
        after(&[MR], IMPLICIT, vec![(b'C', store(&moved))]),
        [
            verb('C'),
            class('C'),
            "C dicom.archive_sends=C-STORE with move originator".to_owned(),
            format!("C Forwarded sop_class={MR}; calling_ae=CALLING; {IMAGE}"),
        ]
    );
    assert_eq!(
        after(&[MR], IMPLICIT, vec![(b'S', store(&affected(1, MR, "1.2.3")))]),
        [
            verb('S'),
            class('S'),
            "S dicom.archive_sends=C-STORE in answer to C-GET".to_owned(),
            format!("S Forwarded sop_class={MR}; {IMAGE}"),
        ]
    );
}

#[test]
fn verbs_without_data() {
    let find = "1.2.840.10008.5.1.4.1.2.2.1";
    let commit = "1.2.840.10008.1.20.1";
    let order = command(&[
        (0x0002, b"1.2.840.10008.5.1.4.1.2.2.2"),
        (0x0100, &[0x21, 0]),
        (0x0600, b"WORKSTATION"),
        (0x0800, &[1, 0]),
    ]);
    let action = command(&[(0x0003, commit.as_bytes()), (0x0100, &[0x30, 1]), (0x0800, &[0, 0])]);
    let keys = element(Vr::Implicit, 0x0010_0010, "PN", b"CANARY");
    let client = [
        data(1, true, &affected(0x20, find, ""), 4096),
        data(1, false, &keys, 4096),
        data(1, true, &order, 10),
        data(1, true, &action, 4096),
        data(1, false, &keys, 4096),
    ];
    let server = [
        data(1, true, &affected(0x8020, find, ""), 4096),
        data(1, false, &keys, 4096),
        data(1, true, &affected(0x0100, commit, "1.2.840.10008.1.20.1.1"), 4096),
        data(1, true, &affected(0x8001, MR, ""), 4096),
    ];
    assert_eq!(
        after(&[find], IMPLICIT, vec![(b'C', client.concat()), (b'S', server.concat())]),
        [
            "C dicom.verb=C-FIND-RQ study-root",
            "C dicom.verb=C-MOVE-RQ study-root",
            "C dicom.move_destination=WORKSTATION",
            "C dicom.verb=N-ACTION-RQ storage-commitment",
            "S dicom.verb=C-FIND-RSP study-root",
            "S dicom.verb=N-EVENT-REPORT-RQ storage-commitment",
        ]
    );
}

#[test]
fn roles_are_as_selected() {
    let (get, commit) = ("1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.1.20.1");
    // A C-GET requestor takes instances; an archive reports commitments.
    let roles = [role(MR, 0, 1), role(commit, 0, 1)];
    let segments = [
        (b'C', request("GETTER", "ARCHIVE", &[get, MR, commit], user("1.2.3", "V", &roles))),
        (b'S', accept(&[(0, IMPLICIT), (0, EXPLICIT), (0, IMPLICIT)], user("1.2.4", "W", &roles))),
    ];
    let roles: Vec<_> =
        said(&lent(&segments)).into_iter().filter(|l| l.contains("dicom.sc")).collect();
    assert_eq!(
        roles,
        [
            format!("C dicom.scu={get}"),
            format!("C dicom.scp={commit}"),
            format!("S dicom.scu={commit}"),
            format!("S dicom.scp={get}"),
        ]
    );
}

#[test]
fn many_storage_classes_are_counted() {
    let classes: Vec<_> = (1..=40).map(|n| format!("1.2.840.10008.5.1.4.1.1.{n}")).collect();
    let classes: Vec<_> = classes.iter().map(String::as_str).chain([WORKLIST, MR]).collect();
    let said = said(&[(b'C', &request("ROUTER", "X", &classes, user("1.2.3", "V", &[])))]);
    let scu: Vec<_> = said.iter().filter(|l| l.contains("dicom.scu")).collect();
    assert_eq!(scu, [&format!("C dicom.scu={WORKLIST}")]);
    assert_eq!(said.last().unwrap(), "C dicom.proposed_storage_classes=40");
}

#[test]
fn rejection() {
    let segments = [
        (b'C', request("STRANGER", "ARCHIVE", &[MR], user("1.2.3", "V", &[]))),
        (b'S', pdu(3, &[0, 1, 1, 3])),
    ];
    assert_eq!(said(&lent(&segments)).last().unwrap(), "S dicom.reject=1/3");
}

#[test]
fn one_direction_is_enough() {
    let segments = store(EXPLICIT, &image(Vr::Explicit), 4096);
    let all = said(&lent(&segments));
    for side in [b'C', b'S'] {
        let own: Vec<_> = lent(&segments).into_iter().filter(|(who, _)| *who == side).collect();
        let said = said(&own);
        let want: Vec<_> = all.iter().filter(|l| l.as_bytes()[0] == side).cloned().collect();
        if side == b'C' {
            // The transfer syntax is guessed.
            assert_eq!(said, want);
        } else {
            // The echo stands in for the title; classes are known from requests alone.
            assert_eq!(said[0], "S dicom.ae_title=ECHOED");
            assert_eq!(said[1..], want[1..4]);
        }
    }
}

#[test]
fn joined_in_the_middle_and_after_loss() {
    let image = image(Vr::Explicit);
    let message =
        [data(5, true, &affected(1, MR, INSTANCE), 4096), data(5, false, &image, 4096)].concat();
    let want = [
        "C dicom.verb=C-STORE-RQ".to_owned(),
        format!("C dicom.stored_sop_class={MR}"),
        format!("C Creator sop_class={MR}; {IMAGE}; uid_serial=166038; uid_root=1.3.12.2.1107.5"),
    ];
    // The fourth: an image of which no time is told.
    assert_eq!(testing::stream("dicom", &[(b'C', &message)]).len(), 4);
    assert_eq!(said(&[(b'C', &message)]), want);
    // Half an image, a loss, the end of something, then a whole message.
    let half = &message[..message.len() / 2];
    let noise = [&[4; 100][..], &[0; 500], &message].concat();
    assert_eq!(said(&[(b'C', half), (b'c', &noise)])[2..], want);
}

#[test]
fn pixels_are_passed_over() {
    use crate::wire::dissect::{Dissector, Progress, Side, Sink, Who};
    struct Nothing;
    impl Sink for Nothing {
        fn observe(&mut self, _: Who, _: crate::observe::Observed<'_>) {}
    }
    let message = [
        data(1, true, &affected(1, MR, INSTANCE), 4096),
        data(1, false, &pixels(Vr::Explicit), 1 << 20),
    ]
    .concat();
    let mut dissector = super::Dicom::default();
    // One packet tells that all behind it, there or not, is not looked at.
    let packet = &message[..1460];
    let read = dissector.dissect(Side::Client, packet, &mut Nothing);
    assert_eq!(read, Ok(Progress::Skip(message.len() as u64)));
    // A fragment of which nothing is of interest is passed over from its first bytes.
    let more = data(1, false, &[0; 9000], 9000);
    let read = dissector.dissect(Side::Client, &more[..13], &mut Nothing);
    assert_eq!(read, Ok(Progress::Skip(more.len() as u64)));
}
