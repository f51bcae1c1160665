//! Any bytes as a capture file. Whatever they are, the reader ends, counts what it
//! delivered, numbers frames upwards, and names a place inside the file when it stops.

use std::ops::ControlFlow;

use auscult::wire::capture::{BATCH, parse_bytes};

/// Reads `input` as a capture.
pub fn run(input: &[u8]) {
    let (mut frames, mut last, mut lent) = (0_u64, 0, 0);
    let end = parse_bytes(input, &mut |batch, read| {
        assert!((1..=BATCH).contains(&batch.len()), "a batch of {}", batch.len());
        assert!(read <= input.len() as u64, "read more than there is");
        for frame in batch {
            assert!(frame.number > last, "frame numbers go up");
            assert!(frame.wire_len as usize >= frame.bytes.len(), "kept more than was sent");
            last = frame.number;
            lent += frame.bytes.len() as u64;
        }
        frames += batch.len() as u64;
        ControlFlow::Continue(())
    });
    let totals = match &end {
        Ok(totals) => totals,
        Err(broken) => {
            assert!(!broken.to_string().contains('\n'), "one line");
            let packed = broken.codec.is_some();
            assert!(packed || broken.byte <= input.len() as u64, "stopped outside the file");
            &broken.totals
        }
    };
    assert_eq!(totals.frames, frames);
    assert!(lent <= totals.bytes, "lent more than was read");
    assert!(last <= frames + totals.skipped, "a number without a frame");
}
