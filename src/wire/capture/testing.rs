//! Captures built in memory, and what comes out of them.

use std::ops::ControlFlow;

use super::{Broken, File, Frame, LinkType, Order, Totals, parse_bytes};

/// A frame that outlives its capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) nanos: i64,
    pub(super) link: LinkType,
    pub(super) wire_len: u32,
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

impl From<&Frame<'_>> for Seen {
    fn from(frame: &Frame<'_>) -> Self {
        let Frame { at, link, wire_len, number, bytes } = *frame;
        Self { nanos: at.0, link, wire_len, number, bytes: bytes.to_vec() }
    }
}

/// All frames of a capture in memory, and how it ended.
pub(super) fn read(bytes: &[u8]) -> (Vec<Seen>, Result<Totals, Broken>) {
    let mut seen = Vec::new();
    let end = parse_bytes(bytes, &mut |frames, _| {
        assert!((1..=super::BATCH).contains(&frames.len()));
        seen.extend(frames.iter().map(Seen::from));
        ControlFlow::Continue(())
    });
    (seen, end)
}

/// All frames of an opened capture, and how it ended.
pub(super) fn run(file: File) -> (Vec<Seen>, Result<Totals, Broken>) {
    let mut seen = Vec::new();
    let end = file.run(&mut |frames, _| {
        seen.extend(frames.iter().map(Seen::from));
        ControlFlow::Continue(())
    });
    (seen, end)
}

impl Order {
    pub(super) fn put16(self, n: u16) -> [u8; 2] {
        if self == Self::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn put32(self, n: u32) -> [u8; 4] {
        if self == Self::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn put64(self, n: u64) -> [u8; 8] {
        if self == Self::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    /// A pcap file header.
    pub(super) fn pcap(self, magic: u32, link: u32) -> Vec<u8> {
        let mut file = self.put32(magic).to_vec();
        file.extend([self.put16(2), self.put16(4)].concat());
        file.extend([0; 8]);
        file.extend([self.put32(65_535), self.put32(link)].concat());
        file
    }

    /// A pcap record.
    pub(super) fn record(self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        let kept = u32::try_from(data.len()).unwrap();
        let head = [seconds, fraction, kept, wire].map(|n| self.put32(n)).concat();
        [&head, data].concat()
    }

    /// A pcapng block; the body is padded.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let total = self.put32(u32::try_from(body.len() + 12).unwrap());
        [&self.put32(kind)[..], &total, &body, &total].concat()
    }

    /// A section header block.
    pub(super) fn section(self) -> Vec<u8> {
        let mut body = self.put32(0x1a2b_3c4d).to_vec();
        body.extend([self.put16(1), self.put16(0)].concat());
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// An option.
    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).unwrap();
        [&self.put16(code)[..], &self.put16(len), &padded(value)].concat()
    }

    /// An interface description block.
    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let head = [&self.put16(link)[..], &[0, 0], &self.put32(snaplen)].concat();
        self.block(1, &[head, options.concat()].concat())
    }

    /// An enhanced packet block with a comment.
    pub(super) fn enhanced(self, interface: u32, stamp: u64, wire: u32, data: &[u8]) -> Vec<u8> {
        let (high, low) = (u32::try_from(stamp >> 32).unwrap(), stamp & 0xffff_ffff);
        let kept = u32::try_from(data.len()).unwrap();
        let low = u32::try_from(low).unwrap();
        let head = [interface, high, low, kept, wire].map(|n| self.put32(n)).concat();
        self.block(6, &[head, padded(data), self.option(1, b"a comment"), vec![0; 4]].concat())
    }
}

pub(super) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
