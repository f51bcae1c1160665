//! The next-generation capture format (draft-ietf-opsawg-pcapng): blocks in
//! sections, each with its own byte order and interfaces.

use super::error::Reason;
use super::{Batch, Frame, LinkType, Order, Step, index, longest_frame};
use crate::time::{SECOND, Timestamp};

/// Block types (§11.1).
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Longest block that is held: the longest packet and as much of options. A longer
/// one of a type that is not read is passed over.
const LONGEST_BLOCK: u32 = 2 * 1024 * 1024;

/// Interfaces of one section; the obsolete packet block cannot number more.
const MOST_INTERFACES: usize = 65_536;

/// Type, total length and the first word of a body: all that a block must have (§3.1).
const LEAST: usize = 12;

/// The walk over the blocks of one file.
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    frames: u64,
    /// Frames of interfaces whose link type is not read.
    pub(super) skipped: u64,
    /// The link type of the first of them.
    pub(super) skipped_link: Option<u16>,
    /// Time of the last frame that had one.
    last: Timestamp,
    /// Total length of a block that was passed over up to its trailing length.
    passed: Option<u32>,
}

/// What an interface description block says (§4.2).
struct Interface {
    link: Result<LinkType, u16>,
    snaplen: u32,
    clock: Clock,
}

/// How the time stamps of an interface count.
struct Clock {
    unit: Unit,
    /// Nanoseconds to add (`if_tsoffset`).
    offset: i64,
}

/// The resolution of a time stamp (`if_tsresol`).
enum Unit {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many to a nanosecond; 0 for more than can be counted.
    PerNano(u64),
    /// A power of two to a second.
    Shift(u32),
}

impl Clock {
    fn at(&self, stamp: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(n) => stamp.saturating_mul(n),
            Unit::PerNano(n) => stamp.checked_div(n).unwrap_or(0),
            Unit::Shift(n) => {
                let nanos = u128::from(stamp).saturating_mul(1_000_000_000);
                u64::try_from(nanos.checked_shr(n).unwrap_or(0)).unwrap_or(u64::MAX)
            }
        };
        Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX).saturating_add(self.offset))
    }
}

impl Unit {
    /// §4.2: the top bit says whether the rest is a power of two or of ten.
    fn from_resolution(byte: u8) -> Self {
        let power = u32::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            return Self::Shift(power);
        }
        match 9_u32.checked_sub(power) {
            Some(up) => Self::Nanos(10_u64.saturating_pow(up)),
            None => Self::PerNano(10_u64.checked_pow(power.saturating_sub(9)).unwrap_or(0)),
        }
    }
}

fn corrupt(field: &'static str, value: impl Into<u64>, allowed: &'static str) -> Reason {
    Reason::Corrupt { field, value: value.into(), allowed }
}

/// The byte order that a section header block begins with.
fn section_order(magic: [u8; 4]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(magic) == 0x1a2b_3c4d)
}

impl Pcapng {
    /// Whether a file that begins so is one.
    pub(super) fn begins(head: &[u8]) -> bool {
        head.first_chunk::<4>() == Some(&SECTION.to_be_bytes())
    }

    /// At the start of a file.
    pub(super) const fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            frames: 0,
            skipped: 0,
            skipped_link: None,
            last: Timestamp(0),
            passed: None,
        }
    }

    /// Bytes before the walk that belong to the block that it is in.
    pub(super) fn behind(&self) -> u64 {
        self.passed.map_or(0, |total| u64::from(total.saturating_sub(4)))
    }

    /// Lends as many frames as the window and the batch hold; the first number is
    /// the bytes that were used.
    pub(super) fn walk<'a>(&mut self, window: &'a [u8], batch: &mut Batch<'a>) -> (usize, Step) {
        let mut rest = window;
        let step = loop {
            match self.block(rest) {
                Ok((frame, after)) => {
                    rest = after;
                    if let Some(frame) = frame
                        && !batch.push(frame)
                    {
                        break Step::Full;
                    }
                }
                Err(step) => break step,
            }
        };
        (window.len().saturating_sub(rest.len()), step)
    }

    /// One block (§3.1): its frame, if it has one for us, and what follows it.
    fn block<'a>(&mut self, rest: &'a [u8]) -> Result<(Option<Frame<'a>>, &'a [u8]), Step> {
        if let Some(total) = self.passed {
            let need = Step::Need { bytes: 4, item: "end of a block" };
            let (trailer, after) = rest.split_first_chunk().ok_or(need)?;
            self.check_trailer(*trailer, total)?;
            self.passed = None;
            return Ok((None, after));
        }
        let head = rest.first_chunk::<LEAST>();
        let ([kind, total, first], _) =
            head.ok_or(Step::Need { bytes: LEAST, item: "block header" })?.as_chunks::<4>()
        else {
            return Err(Step::Need { bytes: LEAST, item: "block header" });
        };
        let kind = self.order.u32(*kind);
        if kind == SECTION {
            self.order = section_order(*first).ok_or_else(|| {
                let magic = u32::from_be_bytes(*first);
                Step::Bad(corrupt("byte-order magic", magic, "not 1a2b3c4d in either order"))
            })?;
        }
        let total = self.order.u32(*total);
        if total < 12 || total & 3 != 0 {
            let allowed = "not a multiple of 4 from 12 on";
            return Err(Step::Bad(corrupt("block total length", total, allowed)));
        }
        if total > LONGEST_BLOCK {
            if [SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET].contains(&kind) {
                let allowed = "more than a block of this type can be";
                return Err(Step::Bad(corrupt("block total length", total, allowed)));
            }
            self.passed = Some(total);
            return Err(Step::Skip(total.saturating_sub(4).into()));
        }
        let bytes = index(total);
        let need = Step::Need { bytes, item: "block" };
        let (block, after) = rest.split_at_checked(bytes).ok_or(need)?;
        let (body, trailer) = block.split_last_chunk().unwrap_or((&[], &[0; 4]));
        self.check_trailer(*trailer, total)?;
        let body = body.get(8..).unwrap_or_default();
        let frame = match kind {
            SECTION => self.section(body).map(|()| None),
            INTERFACE => self.interface(body).map(|()| None),
            ENHANCED_PACKET => self.enhanced(body),
            SIMPLE_PACKET => self.simple(body),
            OLD_PACKET => self.old(body),
            _ => Ok(None),
        };
        frame.map(|frame| (frame, after)).map_err(Step::Bad)
    }

    /// §3.1: the total length stands at both ends of a block.
    fn check_trailer(&self, trailer: [u8; 4], total: u32) -> Result<(), Step> {
        let trailer = self.order.u32(trailer);
        if trailer == total {
            return Ok(());
        }
        let allowed = "not the total length at the start of its block";
        Err(Step::Bad(corrupt("trailing block length", trailer, allowed)))
    }

    /// Section header block (§4.1): interfaces are counted afresh.
    fn section(&mut self, body: &[u8]) -> Result<(), Reason> {
        let Some(([_, _, _, _, a, b, c, d], _)) = body.split_first_chunk() else {
            return Err(short_body(body));
        };
        let (major, minor) = (self.order.u16([*a, *b]), self.order.u16([*c, *d]));
        if major != 1 {
            return Err(Reason::Version { format: "pcapng", major, minor });
        }
        self.interfaces.clear();
        Ok(())
    }

    /// Interface description block (§4.2).
    fn interface(&mut self, body: &[u8]) -> Result<(), Reason> {
        let Some(([a, b, _, _, snaplen @ ..], options)) = body.split_first_chunk::<8>() else {
            return Err(short_body(body));
        };
        if self.interfaces.len() >= MOST_INTERFACES {
            return Err(corrupt("interface id", 65_536_u32, "more than a section can have"));
        }
        let number = self.order.u16([*a, *b]);
        let snaplen = self.order.u32(*snaplen);
        let link = LinkType::from_number(number).ok_or(number);
        self.interfaces.push(Interface { link, snaplen, clock: self.clock(options)? });
        Ok(())
    }

    /// The options of an interface that tell how its time stamps count (§3.5, §4.2).
    fn clock(&self, mut options: &[u8]) -> Result<Clock, Reason> {
        // Microseconds unless said otherwise.
        let mut clock = Clock { unit: Unit::Nanos(1_000), offset: 0 };
        while let Some(([a, b, c, d], rest)) = options.split_first_chunk() {
            let (code, len) = (self.order.u16([*a, *b]), self.order.u16([*c, *d]));
            if code == 0 {
                break;
            }
            let wrong = || corrupt("option length", len, "not that of its option");
            let (value, _) = rest.split_at_checked(len.into()).ok_or_else(wrong)?;
            match (code, value) {
                (9, [resolution]) => clock.unit = Unit::from_resolution(*resolution),
                (14, value) => {
                    let seconds = value.first_chunk().ok_or_else(wrong)?;
                    let seconds = i64::from_ne_bytes(self.order.u64(*seconds).to_ne_bytes());
                    clock.offset = seconds.saturating_mul(SECOND);
                }
                (9, _) => return Err(wrong()),
                _ => {}
            }
            // Values are padded to four bytes.
            let padded = usize::from(len).next_multiple_of(4);
            options = rest.get(padded..).unwrap_or_default();
        }
        Ok(clock)
    }

    /// Enhanced packet block (§4.3).
    fn enhanced<'a>(&mut self, body: &'a [u8]) -> Result<Option<Frame<'a>>, Reason> {
        let (head, data) = body.split_first_chunk::<20>().ok_or_else(|| short_body(body))?;
        let ([id, high, low, kept, wire], _) = head.as_chunks::<4>() else {
            return Err(short_body(body));
        };
        let stamp = self.stamp(*high, *low);
        let (kept, wire) = (self.order.u32(*kept), self.order.u32(*wire));
        self.frame(self.order.u32(*id), Some(stamp), kept, wire, data)
    }

    /// Packet block (appendix A), which the enhanced one replaced: it has 16 bits of
    /// drop count where the upper half of the interface is now.
    fn old<'a>(&mut self, body: &'a [u8]) -> Result<Option<Frame<'a>>, Reason> {
        let (head, data) = body.split_first_chunk::<20>().ok_or_else(|| short_body(body))?;
        let ([[a, b, _, _], high, low, kept, wire], _) = head.as_chunks::<4>() else {
            return Err(short_body(body));
        };
        let stamp = self.stamp(*high, *low);
        let (kept, wire) = (self.order.u32(*kept), self.order.u32(*wire));
        self.frame(self.order.u16([*a, *b]).into(), Some(stamp), kept, wire, data)
    }

    /// Simple packet block (§4.4): of interface 0, without a time; it gets that of
    /// the frame before it.
    fn simple<'a>(&mut self, body: &'a [u8]) -> Result<Option<Frame<'a>>, Reason> {
        let (wire, data) = body.split_first_chunk().ok_or_else(|| short_body(body))?;
        let wire = self.order.u32(*wire);
        let snaplen = self.interfaces.first().map_or(0, |interface| interface.snaplen);
        let kept = if snaplen == 0 { wire } else { wire.min(snaplen) };
        self.frame(0, None, kept, wire, data)
    }

    fn stamp(&self, high: [u8; 4], low: [u8; 4]) -> u64 {
        u64::from(self.order.u32(high)) << 32 | u64::from(self.order.u32(low))
    }

    fn frame<'a>(
        &mut self,
        id: u32,
        stamp: Option<u64>,
        kept: u32,
        wire: u32,
        data: &'a [u8],
    ) -> Result<Option<Frame<'a>>, Reason> {
        let Some(interface) = self.interfaces.get(index(id)) else {
            return Err(corrupt("interface id", id, "which no block before it describes"));
        };
        let bytes = data
            .get(..index(kept))
            .ok_or_else(|| corrupt("captured packet length", kept, "more than its block holds"))?;
        if kept > longest_frame(interface.snaplen) {
            let allowed = "more than a packet can be";
            return Err(corrupt("captured packet length", kept, allowed));
        }
        self.frames = self.frames.saturating_add(1);
        if let Some(stamp) = stamp {
            self.last = interface.clock.at(stamp);
        }
        match interface.link {
            Ok(link) => {
                let (wire_len, number) = (wire.max(kept), self.frames);
                Ok(Some(Frame { at: self.last, link, wire_len, number, bytes }))
            }
            Err(number) => {
                self.skipped = self.skipped.saturating_add(1);
                self.skipped_link.get_or_insert(number);
                Ok(None)
            }
        }
    }
}

fn short_body(body: &[u8]) -> Reason {
    corrupt("block total length", super::offset(body.len()), "less than its type needs")
}

#[cfg(test)]
mod tests;
