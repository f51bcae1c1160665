//! Nothing of a patient leaves: every place of one holds a canary, and none is said.

use super::fixture::*;
use super::lent;

const CANARY: &str = "CANARY";

/// Values that must not come out, in every group and nesting that patients are in.
fn patient(vr: Vr) -> Vec<u8> {
    let e = |tag, kind, value: &str| element(vr, tag, kind, value.as_bytes());
    let nested = |undefined| {
        let inner = sequence(vr, 0x0008_1140, &[e(0x0008_1155, "UI", "1.99.1")], undefined);
        let item = [e(0x0008_0070, "LO", CANARY), e(0x0010_0010, "PN", CANARY), inner].concat();
        sequence(vr, 0x0008_1110, &[item.clone(), item], undefined)
    };
    [
        e(0x0008_0005, "CS", "ISO_IR 192"),
        e(0x0008_0018, "UI", "1.99.2"),
        e(0x0008_0020, "DA", "19990101"),
        e(0x0008_0050, "SH", CANARY),
        e(0x0008_0070, "LO", "ACME"),
        e(0x0008_0090, "PN", CANARY),
        e(0x0008_1030, "LO", CANARY),
        e(0x0008_103e, "LO", CANARY),
        e(0x0008_1070, "PN", CANARY),
        nested(false),
        nested(true),
        e(0x0009_0010, "LO", CANARY),
        e(0x0009_1001, "UN", &CANARY.repeat(100)),
        e(0x0010_0010, "PN", CANARY),
        e(0x0010_0020, "LO", CANARY),
        e(0x0010_0030, "DA", "19550505"),
        sequence(vr, 0x0010_1002, &[e(0x0010_0020, "LO", CANARY)], true),
        e(0x0010_4000, "LT", &CANARY.repeat(1000)),
        e(0x0018_1000, "LO", "77"),
        e(0x0018_1030, "LO", CANARY),
        e(0x0018_4000, "LT", CANARY),
        e(0x0020_000d, "UI", "1.99.3"),
        e(0x0020_4000, "LT", CANARY),
        e(0x0032_1032, "PN", CANARY),
        e(0x0038_0300, "LO", CANARY),
        sequence(
            vr,
            0x0040_0100,
            &[[
                e(0x0008_0060, "CS", "CT"),
                e(0x0010_0010, "PN", CANARY),
                e(0x0040_0006, "PN", CANARY),
                e(0x0040_0007, "LO", CANARY),
            ]
            .concat()],
            false,
        ),
        e(0x0040_0253, "SH", CANARY),
        e(0x0040_1001, "SH", CANARY),
        e(0x4008_0102, "PN", CANARY),
    ]
    .concat()
}

#[test]
fn no_patient_in_any_message() {
    // Type 2: user name and passcode.
    let identity = [&[2, 0, 0, 6], CANARY.as_bytes(), &[0, 6], CANARY.as_bytes()].concat();
    let identity = item(0x58, &identity);
    let fields = [0x01, 0x10, 0x20, 0x21, 0x30, 0x100, 0x110, 0x120, 0x130, 0x140, 0x150];
    for (vr, syntax) in
        [(Vr::Implicit, IMPLICIT), (Vr::Explicit, EXPLICIT), (Vr::Big, EXPLICIT_BIG)]
    {
        for class in [MR, WORKLIST, MPPS, PRINTER, "1.2.840.10008.5.1.4.1.2.1.1"] {
            for field in fields.iter().flat_map(|f| [*f, f | 0x8000]) {
                let user = user("1.2.3", "V", std::slice::from_ref(&identity));
                let command = affected(field, class, "1.99.4.1");
                let message =
                    [data(1, true, &command, 4096), data(1, false, &patient(vr), 700)].concat();
                let segments = [
                    (b'C', request("CALLING", "CALLED", &[class], user.clone())),
                    (b'S', accept(&[(0, syntax)], user)),
                    (b'C', message.clone()),
                    (b'S', message),
                ];
                let said = said(&lent(&segments));
                assert!(said.contains(&"C dicom.user_identity=2".to_owned()));
                for secret in [CANARY, "1.99", "19990101", "19550505"] {
                    assert!(!said.iter().any(|l| l.contains(secret)), "{field:#x} {said:#?}");
                }
            }
        }
    }
}

#[test]
fn no_patient_when_a_length_lies() {
    for vr in [Vr::Implicit, Vr::Explicit, Vr::Big] {
        let department = element(vr, 0x0008_1040, "LO", b"CT");
        let name = element(vr, 0x0010_0010, "PN", CANARY.as_bytes());
        let set = [department.clone(), name].concat();
        let at = department.len() - 2 - if vr == Vr::Implicit { 4 } else { 2 };
        for length in 0..=set.len() {
            let mut set = set.clone();
            let low = at + usize::from(vr == Vr::Big);
            set[low] = u8::try_from(length).unwrap();
            let message =
                [data(1, true, &affected(1, MR, "1.2"), 4096), data(1, false, &set, 4096)].concat();
            let (said, _) = run(&[(b'C', &message)]);
            assert!(!said.iter().any(|l| l.contains("ANARY")), "{length} {said:#?}");
        }
    }
}
