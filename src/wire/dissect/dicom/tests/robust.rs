//! Any split says the same; any cut and any flipped bit is survived within bounds.

use super::fixture::*;
use super::{image, lent, store};

/// One conversation with everything in it, as a list of segments.
fn conversation() -> Vec<(u8, Vec<u8>)> {
    let vr = Vr::Explicit;
    let data_set = [image(vr), element(vr, 0x7fe0_0010, "OW", &[0x55; 100])].concat();
    store(EXPLICIT, &data_set, 150)
}

#[test]
fn any_two_parts() {
    let whole = conversation();
    let want = said(&lent(&whole));
    for (i, (who, bytes)) in whole.iter().enumerate() {
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            let mut parts = lent(&whole);
            parts.splice(i..=i, [(*who, head), (*who, tail)]);
            assert_eq!(said(&parts), want, "segment {i} at {at}");
        }
    }
}

#[test]
fn byte_by_byte() {
    for size in [1, 7, 150, 10_000] {
        let vr = Vr::Implicit;
        let whole = store(IMPLICIT, &image(vr), size);
        let bytes: Vec<_> =
            whole.iter().flat_map(|(who, b)| b.chunks(1).map(|c| (*who, c))).collect();
        assert_eq!(said(&bytes), said(&lent(&whole)), "fragments of {size}");
    }
}

#[test]
fn any_cut() {
    let whole = conversation();
    let want = said(&lent(&whole));
    for (i, (who, bytes)) in whole.iter().enumerate() {
        for at in 0..bytes.len() {
            let mut parts = lent(&whole[..i]);
            parts.push((*who, &bytes[..at]));
            let (said, error) = run(&parts);
            assert_eq!(error, None);
            assert!(want.starts_with(&said), "segment {i} cut at {at}");
        }
    }
}

#[test]
fn any_flipped_byte() {
    let whole = conversation();
    for (i, (who, bytes)) in whole.iter().enumerate() {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let mut parts = lent(&whole);
                parts[i] = (*who, &bad);
                let (said, _) = run(&parts);
                assert!(said.len() < 50, "segment {i} byte {at}");
                let secret = |line: &String| line.contains("CANARY") || line.contains("1.2.3.4");
                assert!(!said.iter().any(secret), "{said:#?}");
            }
        }
    }
}

#[test]
fn any_loss() {
    let whole = conversation();
    let bytes = &whole[2].1;
    for at in 0..bytes.len() {
        let lower = whole[2].0.to_ascii_lowercase();
        let mut parts = lent(&whole);
        parts.splice(2..=2, [(b'C', &bytes[..at / 2]), (lower, &bytes[at..])]);
        let (_, error) = run(&parts);
        assert_eq!(error, None, "lost {} to {at}", at / 2);
    }
}

#[test]
fn depth_and_endless_repetition_are_bounded() {
    let vr = Vr::Implicit;
    let open = [head(vr, 0x0008_1110, "", u32::MAX), head(vr, 0xfffe_e000, "", u32::MAX)].concat();
    let maker = element(vr, 0x0008_0070, "LO", b"ACME");
    let deep = [open.repeat(10_000), maker].concat();
    let repeated: Vec<u8> = (0..10_000)
        .flat_map(|n| element(vr, 0x0008_0070, "LO", format!("{n}").as_bytes()))
        .collect();
    let message = |set: &[u8]| {
        [data(1, true, &affected(1, MR, "1.2"), 4096), data(1, false, set, 4096)].concat()
    };
    assert_eq!(said(&[(b'C', &message(&deep))]).len(), 2);
    let said = said(&[(b'C', &message(&repeated))]);
    assert!(said[2].len() < 2000, "{}", said[2].len());
}

#[test]
fn impossible_lengths_are_refused() {
    let command = data(1, true, &affected(1, MR, "1.2"), 4096);
    for bad in [
        pdu(4, &[0, 0, 0, 1, 1, 3]),
        pdu(4, &[0, 0, 1, 0, 1, 3, 0]),
        pdu(4, &[0, 0, 0]),
        pdu(5, &[0; 8]),
        pdu(0, &[]),
        pdu(8, &[]),
        pdu(1, &[0; 67]),
        vec![1, 0, 0xff, 0xff, 0xff, 0xff],
    ] {
        let (_, error) = run(&[(b'C', &[command.clone(), bad.clone(), vec![0; 20]].concat())]);
        assert!(error.is_some(), "{bad:?}");
    }
}
