//! What is said of hand-built conversations.

mod fixture;

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
