//! The classic capture format (draft-ietf-opsawg-pcap): one header, then records.

use super::error::Reason;
use super::{Batch, Frame, LinkType, Order, Step, index, longest_frame};
use crate::time::{SECOND, Timestamp};

/// Bytes of the file header (§4).
pub(super) const HEADER: usize = 24;

/// The walk over the records of one file.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the second time field.
    unit: i64,
    link: LinkType,
    longest: u32,
    /// Bytes of a record header.
    record: usize,
    frames: u64,
}

/// Byte order, nanoseconds of a time unit and bytes of a record header that a magic means.
fn magic(bytes: [u8; 4]) -> Option<(Order, i64, usize)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(bytes) {
        0xa1b2_c3d4 => Some((order, 1_000, 16)),
        0xa1b2_3c4d => Some((order, 1, 16)),
        // Kuznetsov's patch of libpcap: eight more bytes a record, interface and protocol.
        0xa1b2_cd34 => Some((order, 1_000, 24)),
        _ => None,
    })
}

impl Pcap {
    /// Whether a file that begins so is one.
    pub(super) fn begins(head: &[u8]) -> bool {
        head.first_chunk().copied().and_then(magic).is_some()
    }

    /// Reads the file header (§4), the first [`HEADER`] bytes.
    pub(super) fn new(head: &[u8]) -> Result<Self, Reason> {
        let cut = || Reason::Cut { item: "file header", have: head.len(), need: HEADER };
        let head = head.first_chunk::<HEADER>().ok_or_else(cut)?;
        let ([id, version, _, _, snaplen, link], _) = head.as_chunks::<4>() else {
            return Err(cut());
        };
        let (order, unit, record) = magic(*id).ok_or_else(cut)?;
        let [major_0, major_1, minor_0, minor_1] = *version;
        let (major, minor) = (order.u16([major_0, major_1]), order.u16([minor_0, minor_1]));
        if major != 2 {
            return Err(Reason::Version { format: "pcap", major, minor });
        }
        // The upper half tells of a frame check sequence; the type is the lower (§4).
        let number = u16::try_from(order.u32(*link) & 0xffff).unwrap_or(u16::MAX);
        let link = LinkType::from_number(number).ok_or(Reason::Link(number))?;
        let longest = longest_frame(order.u32(*snaplen));
        Ok(Self { order, unit, link, longest, record, frames: 0 })
    }

    /// Packet records (§5): lends as many frames as the window and the batch hold;
    /// the first number is the bytes that were used.
    pub(super) fn walk<'a>(&mut self, window: &'a [u8], batch: &mut Batch<'a>) -> (usize, Step) {
        let mut rest = window;
        let step = loop {
            let need = Step::Need { bytes: self.record, item: "packet header" };
            let Some((head, body)) = rest.split_at_checked(self.record) else { break need };
            let ([seconds, fraction, kept, wire, ..], _) = head.as_chunks::<4>() else {
                break need;
            };
            let kept = self.order.u32(*kept);
            if kept > self.longest {
                let allowed = "more than a packet can be";
                break Step::Bad(Reason::Corrupt {
                    field: "captured length",
                    value: kept.into(),
                    allowed,
                });
            }
            let kept = index(kept);
            let Some((bytes, after)) = body.split_at_checked(kept) else {
                break Step::Need { bytes: kept.saturating_add(self.record), item: "packet" };
            };
            self.frames = self.frames.saturating_add(1);
            let nanos = i64::from(self.order.u32(*fraction)).saturating_mul(self.unit);
            let seconds = i64::from(self.order.u32(*seconds)).saturating_mul(SECOND);
            let frame = Frame {
                at: Timestamp(seconds.saturating_add(nanos)),
                link: self.link,
                wire_len: self.order.u32(*wire).max(u32::try_from(kept).unwrap_or(u32::MAX)),
                number: self.frames,
                bytes,
            };
            rest = after;
            if !batch.push(frame) {
                break Step::Full;
            }
        };
        (window.len().saturating_sub(rest.len()), step)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read;
    use super::*;

    #[test]
    fn every_magic_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            for (magic, extra, nanos) in [
                (0xa1b2_c3d4, 0, 7_000_000_005_000),
                (0xa1b2_3c4d, 0, 7_000_000_000_005),
                (0xa1b2_cd34, 8, 7_000_000_005_000),
            ] {
                let mut file = order.pcap(magic, 1);
                for data in [&b"one"[..], b"", b"three"] {
                    let record = order.record(7_000, 5, 60, data);
                    file.extend(&record[..16]);
                    file.extend(vec![0xee; extra]);
                    file.extend(&record[16..]);
                }
                let (seen, end) = read(&file);
                assert_eq!(end.unwrap().frames, 3, "{magic:x}");
                assert_eq!(seen[2].bytes, b"three");
                assert_eq!((seen[2].number, seen[2].wire_len), (3, 60));
                assert_eq!(seen[2].nanos, nanos);
            }
        }
    }

    #[test]
    fn link_types() {
        for (number, link) in [
            (0, LinkType::Null),
            (1, LinkType::Ethernet),
            (12, LinkType::RawIp),
            (14, LinkType::RawIp),
            (101, LinkType::RawIp),
            (108, LinkType::Null),
            (113, LinkType::Cooked),
            (228, LinkType::RawIp),
            (229, LinkType::RawIp),
            (276, LinkType::Cooked2),
            // With a frame check sequence of four bytes.
            (0x2400_0001, LinkType::Ethernet),
        ] {
            let order = Order::Little;
            let file = [order.pcap(0xa1b2_c3d4, number), order.record(1, 1, 1, b"x")].concat();
            assert_eq!(read(&file).0[0].link, link);
        }
        let wifi = Order::Big.pcap(0xa1b2_c3d4, 127);
        let message = read(&wifi).1.unwrap_err().to_string();
        assert!(message.contains("link type 127 (Wi-Fi)"), "{message}");
    }

    #[test]
    fn a_length_that_cannot_be_is_corrupt_where_it_stands() {
        let order = Order::Little;
        let mut file = order.pcap(0xa1b2_c3d4, 1);
        file.extend(order.record(1, 1, 4, b"good"));
        file.extend([1, 1, 0x4_0001, 60].map(|n| order.put32(n)).concat());
        file.extend(vec![0; 0x5_0000]);
        let (seen, end) = read(&file);
        let broken = end.unwrap_err();
        assert_eq!((seen.len(), broken.byte, broken.totals.frames), (1, 44, 1));
        assert!(matches!(broken.reason, Reason::Corrupt { field: "captured length", .. }));
    }

    #[test]
    fn a_header_may_allow_longer_packets() {
        let order = Order::Little;
        let mut file = order.pcap(0xa1b2_c3d4, 1);
        let long = order.record(1, 1, 0, &vec![7; 300_000]);
        for (snaplen, frames) in [(65_535, 0), (524_288, 1), (u32::MAX, 0)] {
            file.truncate(24);
            file[16..20].copy_from_slice(&order.put32(snaplen));
            file.extend(&long);
            assert_eq!(read(&file).0.len(), frames, "{snaplen}");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut file = Order::Big.pcap(0xa1b2_c3d4, 1);
        file[5] = 3;
        assert!(matches!(read(&file).1.unwrap_err().reason, Reason::Version { major: 3, .. }));
    }
}
