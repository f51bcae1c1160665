//! Modbus over TCP (Modbus Messaging on TCP/IP v1.0b §3.1; Modbus Application Protocol
//! v1.1b3 §6.21): a controller or meter answers Read Device Identification.
//!
//! Values of registers are not read. Units other than 0, 1 and 255 stand behind a
//! gateway, so that their identification is not the sender's.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

const VENDOR: Key = Key::new("modbus.vendor_name");
const PRODUCT_CODE: Key = Key::new("modbus.product_code");
const REVISION: Key = Key::new("modbus.revision");
const PRODUCT_NAME: Key = Key::new("modbus.product_name");
const MODEL_NAME: Key = Key::new("modbus.model_name");
/// `server` answers; `gateway` answers for several units.
const ROLE: Key = Key::new("modbus.role");

/// Modbus as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    standard: "Modbus Application Protocol v1.1b3",
    keys: &[VENDOR, PRODUCT_CODE, REVISION, PRODUCT_NAME, MODEL_NAME, ROLE],
    ports: &[PORT],
    body: Body::Stream { probe, start: || Box::<Modbus>::default() },
};

/// The header alone is too little to tell it from others, so its port is asked for too.
const PORT: u16 = 502;
/// Transaction, protocol, length (Messaging §3.1.3).
const HEADER: usize = 6;
/// Unit and PDU: at most 253 bytes of PDU.
const LENGTHS: std::ops::RangeInclusive<u16> = 2..=254;
/// Encapsulated Interface Transport with Read Device Identification.
const IDENTIFICATION: (u8, u8) = (0x2b, 0x0e);
/// Set in the function code of an exception.
const EXCEPTION: u8 = 0x80;

/// Length, unit and function of a header that may be Modbus.
fn header(bytes: &[u8]) -> Option<(u16, u8, u8)> {
    let [_, _, 0, 0, high, low, unit, function] = *bytes.first_chunk::<8>()? else { return None };
    let len = u16::from_be_bytes([high, low]);
    // Public function codes (Application Protocol §5.1), and Unity's 90.
    let known = matches!(function & !EXCEPTION, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 90);
    (LENGTHS.contains(&len) && known).then_some((len, unit, function))
}

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    if opening.src_port != PORT && opening.dst_port != PORT {
        return Verdict::No;
    }
    if bytes.len() < 8 {
        let protocol = bytes.get(2..4.min(bytes.len())).unwrap_or_default();
        return if protocol.iter().all(|&b| b == 0) { Verdict::More } else { Verdict::No };
    }
    let Some((len, _, function)) = header(bytes) else { return Verdict::No };
    let asks = opening.dst_port == PORT;
    let exact = match function {
        1..=6 | 8 if asks => len == 6,
        43 => bytes.get(8).is_none_or(|&kind| matches!(kind, 0x0d | 0x0e)),
        _ if function & EXCEPTION != 0 => !asks && len == 3,
        _ => true,
    };
    let whole = HEADER.saturating_add(usize::from(len));
    match bytes.get(whole..) {
        _ if !exact => Verdict::No,
        None => Verdict::More,
        Some([]) => Verdict::Yes,
        Some(next) if next.len() < 8 || header(next).is_some() => Verdict::Yes,
        Some(_) => Verdict::No,
    }
}

#[derive(Default)]
struct Modbus {
    /// A unit that answered, and whether another did too.
    unit: Option<u8>,
    said: bool,
    gateway: bool,
}

impl Dissector for Modbus {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < 8 {
            return Ok(Progress::Need(8));
        }
        let (len, unit, function) = header(bytes).ok_or(Error::invalid("MBAP header"))?;
        let whole = HEADER.saturating_add(usize::from(len));
        let Some(adu) = bytes.get(..whole) else { return Ok(Progress::Need(whole)) };
        if from == Side::Server {
            self.answered(unit, out);
            if function == IDENTIFICATION.0 && matches!(unit, 0 | 1 | 255) {
                let mut r = Reader::new(adu);
                r.skip(8, "MBAP header, function")?;
                identification(r, out)?;
            }
        }
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Modbus {
    fn answered(&mut self, unit: u8, out: &mut dyn Sink) {
        if !std::mem::replace(&mut self.said, true) {
            out.fact(Who::Sender, &ROLE, "server");
        }
        // 0 and 255 are the device itself where there is no gateway (Messaging §4.4.2.2).
        if matches!(unit, 0 | 255) {
            return;
        }
        let first = *self.unit.get_or_insert(unit);
        if first != unit && !std::mem::replace(&mut self.gateway, true) {
            out.fact(Who::Sender, &ROLE, "gateway");
        }
    }
}

/// Read Device Identification response (§6.21): objects of number, length, text.
fn identification(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if r.u8("MEI type")? != IDENTIFICATION.1 {
        return Ok(());
    }
    r.skip(4, "code, conformity, more, next object")?;
    for _ in 0..r.u8("number of objects")? {
        let id = r.u8("object id")?;
        let len = usize::from(r.u8("object length")?);
        let text = r.take(len, "object")?;
        let key = match id {
            0 => VENDOR,
            1 => PRODUCT_CODE,
            2 => REVISION,
            4 => PRODUCT_NAME,
            5 => MODEL_NAME,
            _ => continue,
        };
        out.fact(Who::Sender, &key, &String::from_utf8_lossy(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, facts};
    use super::super::torture;
    use super::*;
    use crate::observe::Observed;

    /// The bench's ports are not Modbus's, so the dissector is fed here.
    fn stream(segments: &[(Side, Vec<u8>)]) -> Said {
        struct Out(Said, &'static str);
        impl Sink for Out {
            fn observe(&mut self, _: Who, what: Observed<'_>) {
                self.0.push((self.1.to_owned(), what.into_owned()));
            }
        }
        let (mut it, mut out) = (Modbus::default(), Out(Vec::new(), "C"));
        for (side, bytes) in segments {
            out.1 = if *side == Side::Client { "C" } else { "S" };
            let done = it.dissect(*side, bytes, &mut out).unwrap();
            assert_eq!(done, Progress::Consumed(bytes.len()));
        }
        out.0
    }

    fn adu(unit: u8, pdu: &[u8]) -> Vec<u8> {
        [&[0, 1, 0, 0, 0, pdu.len() as u8 + 1, unit][..], pdu].concat()
    }

    fn identity(unit: u8) -> Vec<u8> {
        let mut pdu = vec![0x2b, 0x0e, 1, 0x81, 0, 0, 4];
        for (id, text) in [(0, "Acme"), (1, "PLC-7"), (2, "V1.2"), (0x80, "CANARY")] {
            pdu.extend([id, text.len() as u8]);
            pdu.extend(text.bytes());
        }
        adu(unit, &pdu)
    }

    fn talk(unit: u8) -> [(Side, Vec<u8>); 3] {
        [
            (Side::Client, adu(unit, &[0x2b, 0x0e, 1, 0])),
            (Side::Server, identity(unit)),
            (Side::Server, adu(unit, &[3, 2, 0x43, 0x41])),
        ]
    }

    #[test]
    fn identifies_itself() {
        let expected = [
            "S modbus.role=server",
            "S modbus.vendor_name=Acme",
            "S modbus.product_code=PLC-7",
            "S modbus.revision=V1.2",
        ];
        assert_eq!(facts(&stream(&talk(255))), expected);
        let behind = [(Side::Server, identity(9)), (Side::Server, identity(10))];
        assert_eq!(facts(&stream(&behind)), ["S modbus.role=server", "S modbus.role=gateway"]);
    }

    #[test]
    fn probe_is_strict() {
        let ask = |dst_port, bytes: &[u8]| {
            probe(&Opening { bytes, src_port: 50000, dst_port, from_start: true })
        };
        let read = adu(1, &[3, 0, 0, 0, 2]);
        assert_eq!(ask(502, &read), Verdict::Yes);
        assert_eq!(ask(502, &read[..9]), Verdict::More);
        assert_eq!(ask(502, &read[..3]), Verdict::More);
        assert_eq!(ask(503, &read), Verdict::No);
        assert_eq!(ask(502, &adu(1, &[3, 0, 0, 0])), Verdict::No);
        assert_eq!(ask(502, &adu(1, &[99, 0, 0, 0, 2])), Verdict::No);
        assert_eq!(ask(502, b"GET / HTTP/1.1"), Verdict::No);
    }

    #[test]
    fn survives_anything() {
        let talk = talk(1);
        let letter = |side: &Side| if *side == Side::Client { b'C' } else { b'S' };
        let lent: Vec<_> = talk.iter().map(|(side, b)| (letter(side), &b[..])).collect();
        torture::stream("modbus", &lent, &[]);
    }
}
