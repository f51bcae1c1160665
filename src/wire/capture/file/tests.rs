use std::fs::write;
use std::io::{Error, Write as _, repeat};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::testing::{Seen, read, run};
use super::super::{BATCH, Order};
use super::*;

/// A small capture, and the offsets at which it may end.
fn pcap(frames: u32) -> (Vec<u8>, Vec<usize>) {
    let order = Order::Little;
    let mut file = order.pcap(0xa1b2_c3d4, 1);
    let mut ends = vec![file.len()];
    for n in 0..frames {
        let data = vec![n.to_le_bytes()[0]; usize::try_from(n % 97).unwrap()];
        file.extend(order.record(n, n, n, &data));
        ends.push(file.len());
    }
    (file, ends)
}

fn pcapng(frames: u32) -> (Vec<u8>, Vec<usize>) {
    let order = Order::Big;
    let mut file = Vec::new();
    let mut ends = Vec::new();
    for block in [order.section(), order.interface(1, 0, &[]), order.block(77, b"unknown")] {
        file.extend(block);
        ends.push(file.len());
    }
    for n in 0..frames {
        file.extend(order.enhanced(0, n.into(), n, &n.to_be_bytes()));
        ends.push(file.len());
    }
    (file, ends)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Every way in gives these frames.
fn on_disk(bytes: &[u8]) -> (Vec<Seen>, Result<Totals, Broken>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), bytes).unwrap();
    let opened = File::open(file.path()).unwrap();
    assert_eq!(opened.size(), Some(offset(bytes.len())));
    run(opened)
}

#[test]
fn plain_packed_and_in_memory_are_the_same() {
    for bytes in [pcap(1000).0, pcapng(1000).0] {
        let (seen, end) = read(&bytes);
        let totals = end.unwrap();
        assert_eq!((seen.len(), totals.frames), (1000, 1000));
        assert_eq!(totals.bytes, offset(bytes.len()));
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        let skippable = [&[0x55, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &zst(&bytes)].concat();
        for packed in [
            bytes.clone(),
            gzip(&bytes),
            zst(&bytes),
            [gzip(half), gzip(rest)].concat(),
            [zst(half), zst(rest)].concat(),
            skippable,
        ] {
            for (same, end) in [
                on_disk(&packed),
                read(&packed),
                run(File::from_bytes("memory", packed.clone()).unwrap()),
            ] {
                assert_eq!(end.unwrap(), totals);
                assert!(same == seen);
            }
        }
    }
}

#[test]
fn windows_join_without_a_seam() {
    // Longer than a buffer of a stream, many times.
    let order = Order::Big;
    let mut bytes = order.pcap(0xa1b2_c3d4, 1);
    let lengths = (0..400_u32).map(|n| (n * 7919) % 65_000);
    for (n, len) in lengths.clone().enumerate() {
        let fill = n.to_le_bytes()[0];
        bytes.extend(order.record(0, 0, len, &vec![fill; usize::try_from(len).unwrap()]));
    }
    for (seen, end) in [on_disk(&bytes), read(&zst(&bytes))] {
        assert_eq!(end.unwrap().frames, 400);
        for (n, (frame, len)) in seen.iter().zip(lengths.clone()).enumerate() {
            assert_eq!((frame.wire_len, frame.bytes.len()), (len, usize::try_from(len).unwrap()));
            assert!(frame.bytes.iter().all(|b| *b == n.to_le_bytes()[0]));
        }
    }
}

/// Cut anywhere, a capture gives all frames before the cut and says where it is.
fn cut_everywhere((bytes, ends): (Vec<u8>, Vec<usize>), blocks_before_frames: usize) {
    let (all, _) = read(&bytes);
    for cut in 0..bytes.len() {
        let (seen, end) = read(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(seen, all[..whole.saturating_sub(blocks_before_frames)], "cut at {cut}");
        if ends.contains(&cut) {
            assert_eq!(end.unwrap().bytes, offset(cut));
            continue;
        }
        let broken = end.unwrap_err();
        let start = ends.iter().copied().filter(|end| *end < cut).max().unwrap_or(0);
        assert_eq!(broken.byte, offset(start), "cut at {cut}: {broken}");
        match broken.reason {
            Reason::Empty => assert_eq!(cut, 0),
            Reason::NotCapture(..) => assert!(cut < 4),
            Reason::Cut { have, need, .. } => assert_eq!((have, have < need), (cut - start, true)),
            other => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn cut_at_every_byte() {
    cut_everywhere(pcap(9), 1);
    cut_everywhere(pcapng(9), 3);
}

#[test]
fn every_byte_changed_is_survived() {
    for (bytes, _) in [pcap(5), pcapng(5)] {
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let (seen, end) = read(&bytes);
                let totals = end.unwrap_or_else(|broken| {
                    assert!(broken.byte < offset(bytes.len()));
                    broken.totals
                });
                assert_eq!(totals.frames, offset(seen.len()));
                assert!(seen.len() <= 7, "a changed byte made frames");
            }
        }
    }
}

#[test]
fn cut_packed_captures_give_what_they_hold() {
    let (bytes, _) = pcap(5000);
    let (all, _) = read(&bytes);
    for packed in [gzip(&bytes), zst(&bytes)] {
        for cut in (1..packed.len()).step_by(packed.len() / 50) {
            let (seen, end) = read(&packed[..cut]);
            let broken = end.unwrap_err();
            assert!(seen == all[..seen.len()]);
            assert_eq!(broken.totals.frames, offset(seen.len()));
            // The name of the file stands in front; too little to tell the codec by is no capture.
            if cut >= 4 {
                assert!(matches!(broken.reason, Reason::Packed { .. }), "{cut}: {broken}");
                assert!(broken.to_string().contains("of the uncompressed capture"));
            }
        }
        let mut changed = packed.clone();
        let middle = packed.len() / 2;
        changed[middle] ^= 0x55;
        assert!(read(&changed).1.is_err());
    }
    let trailing = [gzip(&bytes), b"garbage behind".to_vec()].concat();
    let (seen, end) = read(&trailing);
    assert_eq!(seen.len(), 5000);
    assert!(matches!(end.unwrap_err().reason, Reason::Packed { codec: Codec::Gzip, .. }));
}

#[test]
fn a_decompression_bomb_is_held_in_one_buffer() {
    // 1 GiB of zero behind the header: endless empty records, in a stream that holds
    // no more than its buffer; and a block that says it is 4 GiB long.
    let order = Order::Little;
    let zeros = || Read::take(repeat(0), 1 << 30);
    let head = order.pcap(0xa1b2_c3d4, 1);
    let mut source = Stream::new(Cursor::new(head).chain(zeros()), None);
    let mut at = 0;
    for _ in 0..5000 {
        at += offset(source.window(at, 24).len());
    }
    assert!(at > 1 << 30);
    assert_eq!(source.held_at_most(), 256 * 1024);
    let mut block = order.section();
    block.extend([0x0bad, 0xffff_fffc, 0].map(|n| order.put32(n)).concat());
    let (_, end) = read(&zstd::encode_all(Cursor::new(block).chain(zeros()), 1).unwrap());
    assert_eq!(end.unwrap_err().byte, 28);
}

#[test]
fn a_zstd_window_beyond_the_cap_is_refused() {
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packed.window_log(28).unwrap();
    packed.write_all(&pcap(3).0).unwrap();
    let packed = packed.finish().unwrap();
    let message = File::from_bytes("long.zst", packed).err().unwrap().to_string();
    assert!(message.starts_with("long.zst: the zstd data cannot be unpacked"), "{message}");
    assert!(message.contains("memory"), "{message}");
}

#[test]
fn a_run_can_be_stopped() {
    let (bytes, _) = pcap(1000);
    let mut batches = 0;
    let totals = File::from_bytes("x", bytes).unwrap().run(&mut |frames, read| {
        batches += 1;
        assert_eq!(frames.len(), BATCH);
        assert!(read > 24);
        if batches == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(totals.unwrap().frames, offset(3 * BATCH));
}

#[test]
fn a_stream_in_small_pieces() {
    struct Drip(Cursor<Vec<u8>>, usize);
    impl Read for Drip {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Read::take(&mut self.0, 1).read(into)
        }
    }
    for bytes in [pcap(70).0, gzip(&pcapng(70).0), zst(&pcap(70).0)] {
        let opened = Opened::stream(Drip(Cursor::new(bytes.clone()), 0), None);
        let reading = Reading::begin("pipe".into(), opened).map_err(|e| e.to_string()).unwrap();
        let (seen, end) = run(File(reading));
        assert_eq!(end.unwrap().frames, 70);
        assert!(seen == read(&bytes).0);
    }
}

#[test]
fn a_failing_disk_is_told_after_what_was_read() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(Error::other("I/O error"))
        }
    }
    let (bytes, _) = pcap(10);
    let len = offset(bytes.len());
    let opened = Opened::stream(Cursor::new(bytes).chain(Failing), None);
    let (seen, end) = run(File(Reading::begin("disk".into(), opened).ok().unwrap()));
    let broken = end.unwrap_err();
    assert_eq!((seen.len(), broken.byte), (10, len));
    assert!(matches!(broken.reason, Reason::Io(_)));
}

#[test]
fn a_file_shortened_while_read_is_told() {
    let (bytes, _) = pcap(400_000);
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), &bytes).unwrap();
    assert!(bytes.len() > 16 << 20, "longer than what is left of it");
    let mut first = true;
    let end = File::open(file.path()).unwrap().run(&mut |_, _| {
        if std::mem::take(&mut first) {
            file.as_file().set_len(9 << 20).unwrap();
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(end.unwrap_err().reason, Reason::Shortened));
}

#[test]
fn what_is_no_capture_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let message = |path: &Path| File::open(path).err().unwrap().to_string();
    assert!(message(dir.path()).contains("is a directory; name the capture files in it"));
    let path = dir.path().join("x\u{1b}[31m.pcap");
    assert!(message(&path).ends_with("x?[31m.pcap: no such file; check the path"));
    let path = dir.path().join("x.pcap");
    for (bytes, expected) in [
        (&b""[..], "is empty; capture again"),
        (b"Dear all,\nplease find", "is text, not a capture; name a pcap or pcapng file"),
        (b"PK\x03\x04xxxx", "is a ZIP archive, not a capture; unpack it first"),
        (b"\x7fELF", "is in an unknown format, not a capture; name a pcap or pcapng file"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "the file header is cut, 6 of 24 bytes are there"),
        (&gzip(&gzip(b"x")), "is packed twice, not a capture; unpack it first"),
        (&gzip(b"")[..7], "the gzip data cannot be unpacked"),
        (&gzip(b""), "is empty"),
    ] {
        write(&path, bytes).unwrap();
        let message = message(&path);
        assert!(message.contains(expected), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
}
