//! Bridges between a serial line and Ethernet, behind which old medical devices hang:
//! what they answer to the discovery of their makers.
//!
//! * Digi ADDP (UDP 2362): `DIGI`, a command, type-length-value fields.
//! * Lantronix (UDP 30718; UDS-10 User Guide §8): firmware information, block F7. The
//!   setup record, block F9, holds a password and is never read.
//! * Moxa NPort (UDP 4800): an answer with address, and one with the name of the server.

use std::net::IpAddr;

use super::label::padded;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::{Layer3, Packet};

/// `Digi`, `Lantronix` or `Moxa`: whose discovery it answers.
const MAKER: Key = Key::new("serialbridge.maker");
/// Product name (Digi).
const MODEL: Key = Key::new("serialbridge.model");
/// Firmware version (Digi), or software type (Lantronix, two characters).
const FIRMWARE: Key = Key::new("serialbridge.firmware");
/// Name that it was given (Digi, Moxa).
const NAME: Key = Key::new("serialbridge.name");
/// Its own address, as it says.
const MAC: Key = Key::new("serialbridge.mac");

/// The protocols of the makers.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "serialbridge",
    standard: "Digi ADDP; Lantronix UDS-10 User Guide; Moxa NPort",
    keys: &[MAKER, MODEL, FIRMWARE, NAME, MAC],
    ports: &[30718, 4800, 2362],
    body: Body::Datagram { probe, answers, read },
};

/// Blocks of Lantronix and of makers that sell its modules (IEEE registry).
const LANTRONIX: &[[u8; 3]] = &[[0x00, 0x80, 0xa3], [0x00, 0x20, 0x4a]];
/// Block of Moxa (IEEE registry).
const MOXA: [u8; 3] = [0x00, 0x90, 0xe8];
/// Length of a block F7: four of command, 20 of firmware, six of address.
const FIRMWARE_BLOCK: usize = 30;
/// Fields of an ADDP message.
const MAX_FIELDS: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Digi,
    Lantronix,
    Moxa,
}

fn maker(packet: &Packet<'_>) -> Option<Maker> {
    let (from, _) = packet.ports()?;
    let bytes = packet.payload;
    match (from, bytes) {
        // Command 2 is a discovery response.
        (2362, [b'D', b'I', b'G', b'I', 0, 2, high, low, fields @ ..]) => {
            let whole = usize::from(u16::from_be_bytes([*high, *low])) == fields.len();
            whole.then_some(Maker::Digi)
        }
        (30718, [0, 0, 0, 0xf7, ..]) if bytes.len() == FIRMWARE_BLOCK => {
            let mac = bytes.get(24..27)?;
            LANTRONIX.iter().any(|known| known == mac).then_some(Maker::Lantronix)
        }
        // Commands 1 and 0x10 with the bit of an answer, a length, an identity.
        (4800, [0x81 | 0x90, 0, high, low, ..]) => {
            let whole = usize::from(u16::from_be_bytes([*high, *low])) == bytes.len();
            (whole && moxa_address(bytes).is_some()).then_some(Maker::Moxa)
        }
        _ => None,
    }
}

/// Where the hardware address stands in the identity of 16 bytes: behind the model, which
/// has four or six bytes.
fn moxa_address(bytes: &[u8]) -> Option<usize> {
    [12, 14].into_iter().find(|&at| bytes.get(at..).is_some_and(|it| it.starts_with(&MOXA)))
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if maker(packet).is_some() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    maker(packet).map(|_| true)
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let maker = maker(packet).ok_or(Error::invalid("discovery answer"))?;
    let name = match maker {
        Maker::Digi => "Digi",
        Maker::Lantronix => "Lantronix",
        Maker::Moxa => "Moxa",
    };
    out.fact(Who::Sender, &MAKER, name);
    let all = Reader::new(packet.payload);
    match maker {
        Maker::Digi => addp(all.at(8, "fields")?, out),
        Maker::Lantronix => {
            text(&FIRMWARE, all.at(8, "software type")?.take(2, "software type")?, out);
            address(all.at(24, "hardware address")?, out)
        }
        Maker::Moxa => {
            let at = moxa_address(packet.payload).ok_or(Error::invalid("hardware address"))?;
            address(all.at(at, "hardware address")?, out)?;
            // The first answer has the address here, the other one the name.
            let rest = all.at(20, "server name")?.rest();
            let is_address = match packet.l3 {
                Layer3::Ip { src: IpAddr::V4(src), .. } => rest.starts_with(&src.octets()),
                _ => false,
            };
            if packet.payload.first() == Some(&0x90) && !is_address {
                text(&NAME, rest, out);
            }
            Ok(())
        }
    }
}

/// Fields of a discovery response: a type, a length of one byte, the value.
fn addp(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    for _ in 0..MAX_FIELDS {
        if r.is_empty() {
            break;
        }
        let kind = r.u8("field type")?;
        let length = r.u8("field length")?;
        let value = r.take(usize::from(length), "field value")?;
        match kind {
            0x01 => address(Reader::new(value), out)?,
            0x04 => text(&NAME, value, out),
            0x08 => text(&FIRMWARE, value, out),
            0x0d => text(&MODEL, value, out),
            _ => {}
        }
    }
    Ok(())
}

fn address(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mac = Mac(r.array("hardware address")?);
    if mac.is_unicast() {
        out.fact(Who::Sender, &MAC, &mac.to_string());
    }
    Ok(())
}

fn text(key: &Key, value: &[u8], out: &mut dyn Sink) {
    if let Some(text) = padded(value).filter(|text| text.is_ascii()) {
        out.fact(Who::Sender, key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn said(src: u16, bytes: &[u8]) -> Vec<String> {
        let from = udp(src, 50000, bytes);
        torture::packet("serialbridge", &from, &["CANARY"]);
        assert_eq!(answers(&from), Some(true));
        facts(&packet("serialbridge", &from).unwrap())
    }

    #[test]
    fn digi() {
        let fields: &[(u8, &[u8])] = &[
            (1, &[0, 0x40, 0x9d, 1, 2, 3]),
            (2, &[10, 0, 0, 1]),
            (4, b"pump-7"),
            (5, b"x.example"),
            (8, b"Version 82000856_F6 07/21/2006\0"),
            (0x0d, b"Digi Connect ME"),
        ];
        let fields: Vec<u8> = fields
            .iter()
            .flat_map(|(kind, value)| {
                [&[*kind, u8::try_from(value.len()).unwrap()], *value].concat()
            })
            .collect();
        let length = u16::try_from(fields.len()).unwrap().to_be_bytes();
        let bytes = [b"DIGI\0\x02", &length[..], &fields].concat();
        assert_eq!(
            said(2362, &bytes),
            [
                "C serialbridge.maker=Digi",
                "C serialbridge.mac=00:40:9d:01:02:03",
                "C serialbridge.name=pump-7",
                "C serialbridge.firmware=Version 82000856_F6 07/21/2006",
                "C serialbridge.model=Digi Connect ME"
            ]
        );
    }

    #[test]
    fn lantronix_and_moxa() {
        let mut bytes = vec![0; FIRMWARE_BLOCK];
        (bytes[3], bytes[24], bytes[25], bytes[26]) = (0xf7, 0, 0x80, 0xa3);
        bytes[8..10].copy_from_slice(b"X5");
        assert_eq!(
            said(30718, &bytes),
            [
                "C serialbridge.maker=Lantronix",
                "C serialbridge.firmware=X5",
                "C serialbridge.mac=00:80:a3:00:00:00"
            ]
        );
        let id = [0, 0, 0, 0, 0x10, 0x51, 0, 0x80, 0, 0x90, 0xe8, 1, 2, 3, 0, 0];
        let first = [&[0x81, 0, 0, 24], &id[..], &[10, 0, 0, 1]].concat();
        let told = ["C serialbridge.maker=Moxa", "C serialbridge.mac=00:90:e8:01:02:03"];
        assert_eq!(said(4800, &first), told);
        let name = [&[0x90, 0, 0, 34], &id[..], b"NP5110_2439\0\0\x01"].concat();
        assert_eq!(said(4800, &name), [&told[..], &["C serialbridge.name=NP5110_2439"]].concat());
    }

    #[test]
    fn others_are_not_recognised() {
        let mut setup = [0; 124];
        setup[3] = 0xf9;
        for (port, bytes) in [
            (30718, &setup[..]),
            (30718, &[0, 0, 0, 0xf6]),
            (4800, &[1, 0, 0, 8, 0, 0, 0, 0]),
            (2362, b"DIGI\0\x01\0\x06\xff\xff\xff\xff\xff\xff"),
            (2363, b"DIGI\0\x02\0\0"),
        ] {
            assert_eq!(probe(&udp(port, 50000, bytes)), Verdict::No);
        }
    }
}
