//! The opening segments of TCP (RFC 9293 §3.4), by whose form the systems of
//! different makers are told apart.
//!
//! The value is `ttl:window:options:mss:df`, for example
//! `128:8192:mss,nop,ws8,nop,nop,sok:1460:df`:
//!
//! * the initial TTL or hop limit: the one seen, rounded up to 32, 64, 128 or 255;
//! * the window as sent, unscaled;
//! * the options in order: `mss`, `nop`, `wsN` with its shift, `sok`, `ts`, `tfo`,
//!   `?K` for another kind K; `eol` ends them;
//! * the value of the MSS option, 0 without one;
//! * `df` with the don't-fragment bit or in IPv6, else `-`.

use std::fmt::{self, Write as _};

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::observe::Key;
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

const SYN: Key = Key::new("tcp.syn");
const SYN_ACK: Key = Key::new("tcp.synack");

/// TCP's opening as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "syn",
    standard: "RFC 9293",
    keys: &[SYN, SYN_ACK],
    ports: &[],
    body: Body::Packet { wants, read },
};

fn wants(packet: &Packet<'_>) -> bool {
    match packet.l4 {
        Layer4::Tcp { flags, .. } => {
            flags.has(TcpFlags::SYN) && flags.0 & (TcpFlags::FIN | TcpFlags::RST) == 0
        }
        _ => false,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let Layer4::Tcp { flags, window, options, .. } = packet.l4 else { return Ok(()) };
    let Layer3::Ip { ttl, dont_fragment, .. } = packet.l3 else { return Ok(()) };
    let mut line = Line::default();
    line.put(format_args!("{}:{window}:", initial(ttl)))?;
    let mss = layout(options, &mut line)?;
    line.put(format_args!(":{mss}:{}", if dont_fragment { "df" } else { "-" }))?;
    let key = if flags.has(TcpFlags::ACK) { &SYN_ACK } else { &SYN };
    out.fact(Who::Sender, key, line.text());
    Ok(())
}

/// No network has so many hops that the next power is in doubt, but 128 and 255.
const fn initial(ttl: u8) -> u8 {
    match ttl {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    }
}

/// Writes the option layout and gives the MSS (RFC 9293 §3.2; RFC 7323, 2018, 7413).
fn layout(options: &[u8], line: &mut Line) -> Result<u16, Error> {
    let mut r = Reader::new(options);
    let (mut mss, mut comma) = (0, "");
    while !r.is_empty() {
        let kind = r.u8("option kind")?;
        let value = match kind {
            0 | 1 => &[][..],
            _ => {
                let rest = r.u8("option length")?.checked_sub(2);
                r.take(usize::from(rest.ok_or(Error::invalid("option length"))?), "option")?
            }
        };
        line.put(format_args!("{comma}"))?;
        comma = ",";
        match (kind, value) {
            (0, _) => {
                line.put(format_args!("eol"))?;
                break;
            }
            (1, _) => line.put(format_args!("nop"))?,
            (2, &[high, low]) => {
                mss = u16::from_be_bytes([high, low]);
                line.put(format_args!("mss"))?;
            }
            (3, &[shift]) => line.put(format_args!("ws{shift}"))?,
            (4, []) => line.put(format_args!("sok"))?,
            (8, [_, _, _, _, _, _, _, _]) => line.put(format_args!("ts"))?,
            (34, _) => line.put(format_args!("tfo"))?,
            (2 | 3 | 4 | 8, _) => return Err(Error::invalid("option length")),
            (other, _) => line.put(format_args!("?{other}"))?,
        }
    }
    Ok(mss)
}

/// The value on the stack: connections open too often for heap. Forty bytes of
/// options give at most forty words of five letters.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; 256], len: 0 }
    }
}

impl Line {
    fn put(&mut self, what: fmt::Arguments<'_>) -> Result<(), Error> {
        self.write_fmt(what).map_err(|_| Error::too_large("options"))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn segment(flags: u8, ttl: u8, options: &[u8]) -> Packet<'_> {
        let mut p = udp(0, 0, b"");
        let Layer3::Ip { ttl: t, .. } = &mut p.l3 else { panic!() };
        *t = ttl;
        p.l4 = Layer4::Tcp {
            src: 50000,
            dst: 104,
            seq: 1,
            ack: 0,
            flags: TcpFlags(flags),
            window: 8192,
            options,
        };
        p
    }

    const WINDOWS: &[u8] = b"\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02";
    const LINUX: &[u8] = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\0\0\0\0\0\x01\x03\x03\x07";

    #[test]
    fn both_openings() {
        let said = |p: &Packet<'_>| facts(&packet("syn", p).unwrap());
        let windows = "C tcp.syn=128:8192:mss,nop,ws8,nop,nop,sok:1460:df";
        assert_eq!(said(&segment(2, 126, WINDOWS)), [windows]);
        let linux = "C tcp.synack=64:8192:mss,sok,ts,nop,ws7:1460:df";
        assert_eq!(said(&segment(0x12, 61, LINUX)), [linux]);
        let bare = "C tcp.syn=255:8192:?19,eol:0:df";
        assert_eq!(said(&segment(2, 255, b"\x13\x03\x00\x00\x00")), [bare]);
        assert!(!wants(&segment(0x10, 64, b"")) && !wants(&segment(0x06, 64, b"")));
    }

    #[test]
    fn survives_anything() {
        for options in [WINDOWS, LINUX, &[1; 40], &[200, 2].repeat(20)] {
            torture::shake(options, &[], |options, out| read(&segment(2, 64, options), out));
        }
    }
}
