//! S7 communication over ISO transport (RFC 1006, ITU-T X.224): what a Siemens
//! controller answers when its system status lists 0x11 and 0x1C are read.
//!
//! Siemens has not published the protocol; layouts of the lists are in "System Software
//! for S7-300/400, System and Standard Functions", chapter 33. Other data are not read.

use super::winstr::unmarked;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// Order number of the module: `6ES7 315-2EH14-0AB0`.
const ORDER_NUMBER: Key = Key::new("s7comm.order_number");
/// Version of the firmware: `3.2.6`.
const FIRMWARE: Key = Key::new("s7comm.firmware");
/// Name of the automation system, as configured.
const SYSTEM_NAME: Key = Key::new("s7comm.system_name");
/// Name of the module, as configured.
const MODULE_NAME: Key = Key::new("s7comm.module_name");
const MODULE_TYPE: Key = Key::new("s7comm.module_type");
const SERIAL: Key = Key::new("s7comm.serial_number");

/// S7 communication as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "s7comm",
    standard: "RFC 1006, S7-300/400 System Functions",
    keys: &[ORDER_NUMBER, FIRMWARE, SYSTEM_NAME, MODULE_NAME, MODULE_TYPE, SERIAL],
    ports: &[102],
    body: Body::Stream { probe, start: || Box::new(S7) },
};

/// X.224 TPDU codes (§13.3, §13.4, §13.7).
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
/// A data TPDU of class 0 that ends its message.
const DATA: [u8; 3] = [2, 0xf0, 0x80];
/// Parameters of a connect TPDU: TPDU size, calling and called selector.
const PARAMETERS: std::ops::RangeInclusive<u8> = 0xc0..=0xc2;
/// First byte of an S7 message.
const S7_MESSAGE: u8 = 0x32;
/// Kind of message for system functions.
const USER_DATA: u8 = 7;
/// Answer of the group of CPU functions, and reading a list in it.
const CPU_ANSWER: u8 = 0x84;
const READ_LIST: u8 = 1;
/// TPKT header (RFC 1006 §6).
const TPKT: usize = 4;
/// A TPDU of the largest size that is negotiated here, and its headers.
const MAX_TPKT: usize = 8192 + 7;
/// Records of one list that are looked at.
const MAX_RECORDS: u16 = 64;

/// Length of the TPKT at the beginning.
fn tpkt(bytes: &[u8]) -> Option<usize> {
    let [3, 0, high, low] = *bytes.first_chunk()? else { return None };
    let len = usize::from(u16::from_be_bytes([high, low]));
    (7..=MAX_TPKT).contains(&len).then_some(len)
}

/// The selectors of a connection say too little: Windows desktops and substations begin
/// alike. So the first message behind it decides.
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let n = bytes.len().min(2);
    if bytes.get(..n) != [3, 0].get(..n) {
        return Verdict::No;
    }
    if bytes.len() < TPKT {
        return Verdict::More;
    }
    let Some(len) = tpkt(bytes) else { return Verdict::No };
    let Some(&code) = bytes.get(5) else { return Verdict::More };
    let behind = match code {
        REQUEST | CONFIRM => match bytes.get(11) {
            Some(parameter) if PARAMETERS.contains(parameter) => bytes.get(len..),
            Some(_) => return Verdict::No,
            None => None,
        },
        _ => Some(bytes),
    };
    // TPKT header, data TPDU, protocol.
    match behind {
        None => Verdict::More,
        Some(data) => {
            let known = |at: usize, wanted: u8| data.get(at).is_none_or(|&b| b == wanted);
            let [li, code, end] = DATA;
            let fits = known(0, 3) && known(1, 0) && known(4, li) && known(5, code);
            match (fits && known(6, end) && known(7, S7_MESSAGE), data.len() > 7) {
                (false, _) => Verdict::No,
                (true, false) => Verdict::More,
                (true, true) => Verdict::Yes,
            }
        }
    }
}

struct S7;

impl Dissector for S7 {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < TPKT {
            return Ok(Progress::Need(TPKT));
        }
        let len = tpkt(bytes).ok_or(Error::invalid("TPKT header"))?;
        let Some(packet) = bytes.get(..len) else { return Ok(Progress::Need(len)) };
        if from == Side::Server {
            let mut r = Reader::new(packet);
            r.skip(TPKT, "TPKT header")?;
            if r.rest().starts_with(&DATA) {
                r.skip(DATA.len(), "data TPDU")?;
                message(r, out)?;
            }
        }
        Ok(Progress::Consumed(len))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// An S7 message: header, parameters, data.
fn message(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if r.is_empty() || r.u8("protocol")? != S7_MESSAGE || r.u8("message kind")? != USER_DATA {
        return Ok(());
    }
    r.skip(4, "reserved, reference")?;
    let (parameters, data) = (r.u16_be("parameter length")?, r.u16_be("data length")?);
    let parameters = r.take(usize::from(parameters), "parameters")?;
    let mut data = Reader::new(r.take(usize::from(data), "data")?);
    // Head of three bytes, length, method, type and group, function, sequence; then of
    // an answer: unit, whether more follows, error.
    let [_, _, _, _, _, CPU_ANSWER, READ_LIST, _, _, _, 0, 0, ..] = *parameters else {
        return Ok(());
    };
    // Success; other parts of a list in several have no head of their own.
    if data.is_empty() || data.u8("return code")? != 0xff {
        return Ok(());
    }
    data.skip(3, "transport size, length")?;
    let (list, _) = (data.u16_be("list")?, data.u16_be("index")?);
    let (size, count) = (data.u16_be("record length")?, data.u16_be("record count")?);
    for _ in 0..count.min(MAX_RECORDS) {
        // The rest is in the next part.
        let Ok(record) = data.take(usize::from(size), "record") else { break };
        match list & 0x00ff {
            0x11 => module(Reader::new(record), out)?,
            0x1c => component(Reader::new(record), out)?,
            _ => break,
        }
    }
    Ok(())
}

/// Module identification (§33.4): index, order number, type, two words of version.
fn module(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let index = r.u16_be("index")?;
    let order = r.take(20, "order number")?;
    if index == 1 {
        // Imitations end their record early.
        out.fact(Who::Sender, &ORDER_NUMBER, &unmarked(order));
    } else if index == 7 {
        r.skip(2, "module type")?;
        if let [b'V', major, minor, patch] = r.array::<4>("version")? {
            out.fact(Who::Sender, &FIRMWARE, &format!("{major}.{minor}.{patch}"));
        }
    }
    Ok(())
}

/// Component identification (§33.12): index and 32 bytes of text.
fn component(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let key = match r.u16_be("index")? {
        1 => SYSTEM_NAME,
        2 => MODULE_NAME,
        5 => SERIAL,
        7 => MODULE_TYPE,
        _ => return Ok(()),
    };
    out.fact(Who::Sender, &key, &unmarked(r.rest()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    fn tpkt(tpdu: &[u8]) -> Vec<u8> {
        [&[3, 0][..], &(tpdu.len() as u16 + 4).to_be_bytes(), tpdu].concat()
    }

    fn connect(code: u8) -> Vec<u8> {
        tpkt(&[17, code, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2])
    }

    fn s7(kind: u8, parameters: &[u8], data: &[u8]) -> Vec<u8> {
        let head = [0x32, kind, 0, 0, 0, 1, 0, parameters.len() as u8, 0, data.len() as u8];
        tpkt(&[&DATA[..], &head, parameters, data].concat())
    }

    fn list(list: [u8; 2], size: usize, records: &[Vec<u8>]) -> Vec<u8> {
        let mut data = vec![0xff, 9, 0, 0, list[0], list[1], 0, 0, 0, size as u8];
        data.extend([0, records.len() as u8]);
        for record in records {
            let mut record = record.clone();
            record.resize(size, 0);
            data.extend(record);
        }
        s7(7, &[0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0], &data)
    }

    fn talk() -> Vec<(u8, Vec<u8>)> {
        let order = |index: u8, version: [u8; 4]| {
            [&[0, index][..], b"6ES7 315-2EH14-0AB0 ", &[0, 0xc0], &version].concat()
        };
        let text = |index: u8, text: &[u8]| [&[0, index][..], text].concat();
        vec![
            (b'C', connect(0xe0)),
            (b'S', connect(0xd0)),
            (b'C', s7(1, &[0xf0, 0, 0, 1, 0, 1, 1, 0xe0], b"")),
            (b'S', s7(4, b"", b"CANARY")),
            (b'S', list([0, 0x11], 28, &[order(1, [0, 0, 0, 1]), order(7, [b'V', 3, 2, 6])])),
            (
                b'S',
                list(
                    [0, 0x1c],
                    34,
                    &[
                        text(1, b"AHU"),
                        text(2, b"CPU"),
                        text(3, b"CANARY"),
                        text(5, b"S C-X4U421302009"),
                    ],
                ),
            ),
        ]
    }

    fn lend(talk: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
        talk.iter().map(|(who, bytes)| (*who, &bytes[..])).collect()
    }

    fn joined() -> Vec<(u8, Vec<u8>)> {
        // The probe sees one side: its connect TPDU and the message behind it.
        let mut talk = talk();
        let first = [talk[0].1.clone(), talk[2].1.clone()].concat();
        talk[0].1 = first;
        talk.remove(2);
        talk
    }

    #[test]
    fn controller_names_itself() {
        let expected = [
            "S s7comm.order_number=6ES7 315-2EH14-0AB0",
            "S s7comm.firmware=3.2.6",
            "S s7comm.system_name=AHU",
            "S s7comm.module_name=CPU",
            "S s7comm.serial_number=S C-X4U421302009",
        ];
        assert_eq!(facts(&stream("s7comm", &lend(&joined()))), expected);
    }

    #[test]
    fn probe_is_strict() {
        let open = |bytes: &[u8]| {
            probe(&Opening { bytes, src_port: 50000, dst_port: 102, from_start: true })
        };
        assert_eq!(open(&connect(0xe0)), Verdict::More);
        assert_eq!(open(&joined()[0].1), Verdict::Yes);
        let rdp = [&[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0][..], b"\x01\0\x08\0\x0b\0\0\0"].concat();
        assert_eq!(open(&rdp), Verdict::No);
        let mms = [connect(0xe0), tpkt(&[2, 0xf0, 0x80, 0x0d, 0xaa])].concat();
        assert_eq!(open(&mms), Verdict::No);
    }

    #[test]
    fn survives_anything() {
        torture::stream("s7comm", &lend(&joined()), &[]);
    }
}
