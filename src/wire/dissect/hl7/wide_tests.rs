//! Messages in UTF-16.

use super::super::testing::{facts, stream};
use super::super::torture;
use super::super::{Opening, Verdict};
use super::probe;

const MESSAGE: &str = "MSH|^~\\&|検査不器システム|病棟7|EHR|HOSP|20240102||ORU^R01|1|P|2.5|||||JPN|UNICODE UTF-16\r\
SFT|テルモ|4.2|モニタ\r\
PID|||CANARY1||CANARY^不||19280118\r\
OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|不||||||X|||||||不 77^^0009FBFFFF059322^EUI-64\r";

fn big(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn little(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn block(inside: &[u8]) -> Vec<u8> {
    [b"\x0b", inside, b"\x1c\r"].concat()
}

fn every_form(text: &str) -> [Vec<u8>; 4] {
    let (big, little) = (big(text), little(text));
    [
        block(&big),
        block(&little),
        block(&[b"\xfe\xff", &big[..]].concat()),
        block(&[b"\xff\xfe", &little[..]].concat()),
    ]
}

#[test]
fn equipment_is_read_in_either_order_with_and_without_a_mark() {
    let utf8 = facts(&stream("hl7", &[(b'C', &block(MESSAGE.as_bytes()))]));
    assert!(utf8.iter().any(|line| line.contains("hl7.equipment_mac=00:09:fb:05:93:22")));
    assert!(utf8.iter().any(|line| line.contains("hl7.software_vendor=テルモ")));
    for form in every_form(MESSAGE) {
        assert_eq!(facts(&stream("hl7", &[(b'C', &form)])), utf8, "{:?}", &form[..6]);
        // The next message of the conversation may be wide or not.
        let two = [&form[..], &form, &block(MESSAGE.replace('1', "2").as_bytes())].concat();
        let said = facts(&stream("hl7", &[(b'C', &two)]));
        assert_eq!(said[..utf8.len()], utf8[..]);
        assert_eq!(said.iter().filter(|line| line.contains("ORU^R02")).count(), 1, "{said:?}");
    }
    // Without the last carriage return.
    for form in every_form(MESSAGE.trim_end()) {
        assert_eq!(facts(&stream("hl7", &[(b'C', &form)])), utf8);
        let next = [&form[..], &block(b"MSH|^~\\&|N\r")].concat();
        let said = facts(&stream("hl7", &[(b'C', &next)]));
        assert_eq!(said.last().unwrap(), "C hl7.sending_application=N");
    }
}

#[test]
fn cuts_and_changes_let_nothing_of_a_patient_out() {
    for form in every_form(MESSAGE) {
        torture::stream("hl7", &[(b'C', &form)], &["CANARY", "19280118"]);
        let whole = facts(&stream("hl7", &[(b'C', &form)]));
        for cut in [16, 17, 18, 100, 101, form.len() - 3, form.len() - 2, form.len() - 1] {
            let (a, b) = form.split_at(cut);
            assert_eq!(facts(&stream("hl7", &[(b'C', a), (b'C', b)])), whole, "{cut}");
        }
    }
}

#[test]
fn a_wide_message_that_runs_on_is_passed_over() {
    let run_on = MESSAGE.replacen('\r', "", 2);
    for form in every_form(&run_on) {
        let said = facts(&stream("hl7", &[(b'C', &form), (b'C', &block(b"MSH|^~\\&|N\r"))]));
        assert_eq!(said, ["C hl7.sending_application=N"]);
    }
}

#[test]
fn a_wide_document_of_any_length_is_passed_over() {
    let long = "不".repeat(3 * super::MAX_SEGMENT);
    let text = format!("{MESSAGE}OBX|2|ED|X||{long}||||||F\rEQU|AFTER\r");
    for form in every_form(&text) {
        for cut in [17, 1001, 20_001, 40_000] {
            let (a, b) = form.split_at(cut);
            let said = facts(&stream("hl7", &[(b'C', a), (b'C', b)]));
            assert!(said.iter().any(|line| line.ends_with("hl7.equipment_id=AFTER")), "{cut}");
        }
    }
}

#[test]
fn recognition() {
    let verdict = |bytes: &[u8], from_start| {
        probe(&Opening { bytes, src_port: 50000, dst_port: 50001, from_start })
    };
    for form in every_form(MESSAGE) {
        assert_eq!(verdict(&form, true), Verdict::Yes);
        assert_eq!(verdict(&form[..4], true), Verdict::More);
        let late = [b"\0|\0F\0\r\x1c\r", &form[..]].concat();
        assert_eq!(verdict(&late, false), Verdict::Yes);
    }
    assert_eq!(verdict(b"\xff\xfeM\0Z\0", true), Verdict::No);
    assert_eq!(verdict(b"\xff\xfe", true), Verdict::More);
    assert_eq!(verdict(b"\0\0\0\x10\xfeSMB", true), Verdict::No);
}
