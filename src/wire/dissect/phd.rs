//! Personal health devices over TCP: ISO/IEEE 11073-20601, the association and the
//! answer in which a device describes itself. Of its measurements only that they come is
//! told.

use super::label::padded;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::net::Mac;
use crate::observe::{Key, Study, When, Work};

/// EUI-64 of the system, 16 hexadecimal digits.
const SYSTEM_ID: Key = Key::new("phd.system_id");
/// The EUI-48 inside, where it holds one.
const MAC: Key = Key::new("phd.mac");
/// `agent` (the device) or `manager`.
const ROLE: Key = Key::new("phd.role");
/// Configuration of an agent, hexadecimal: its specialisation where it is a standard one.
const CONFIGURATION: Key = Key::new("phd.configuration");
/// Maker, of the system model.
const MANUFACTURER: Key = Key::new("phd.manufacturer");
/// Model number, of the system model.
const MODEL: Key = Key::new("phd.model");
/// Serial number, of the production specification.
const SERIAL: Key = Key::new("phd.serial");
/// Hardware revision.
const HARDWARE: Key = Key::new("phd.hardware_version");
/// Software revision.
const SOFTWARE: Key = Key::new("phd.software_version");
/// Firmware revision.
const FIRMWARE: Key = Key::new("phd.firmware_version");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "phd",
    standard: "ISO/IEEE 11073-20601",
    keys: &[
        SYSTEM_ID,
        MAC,
        ROLE,
        CONFIGURATION,
        MANUFACTURER,
        MODEL,
        SERIAL,
        HARDWARE,
        SOFTWARE,
        FIRMWARE,
    ],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Phd>::default() },
};

/// Choices of an APDU (annex A.8).
const AARQ: u16 = 0xe200;
const AARE: u16 = 0xe300;
const ABRT: u16 = 0xe600;
const PRST: u16 = 0xe700;
/// Data protocol of this standard.
const PROTOCOL_20601: u16 = 0x5079;
/// rors-cmip-get: the answer to a question for attributes.
const ANSWER_TO_GET: u16 = 0x0203;
/// roiv-cmip-event-report and the same that is to be confirmed.
const EVENT_REPORT: u16 = 0x0100;
const CONFIRMED_EVENT_REPORT: u16 = 0x0101;
/// MDC_NOTI_SCAN_REPORT_FIXED to MDC_NOTI_SCAN_REPORT_MP_VAR (annex A.11.6): measurements.
const SCAN_REPORTS: std::ops::RangeInclusive<u16> = 0x0d1d..=0x0d20;
/// Attributes or specifications of one answer.
const MAX_ENTRIES: u16 = 64;
/// Longest answer that is read.
const MAX_READ: usize = 8 * 1024;

/// An association request: version 1, one data protocol, this one.
fn probe(opening: &Opening<'_>) -> Verdict {
    let fixed = |at: usize, known: &[u8]| {
        let there = opening.bytes.get(at..).unwrap_or_default();
        let n = there.len().min(known.len());
        there.get(..n) == known.get(..n)
    };
    let fits = fixed(0, &[0xe2, 0])
        && fixed(4, &[0x80, 0, 0, 0, 0])
        && fixed(12, &PROTOCOL_20601.to_be_bytes());
    match (fits, opening.bytes.len()) {
        (true, 14..) => Verdict::Yes,
        (true, _) => Verdict::More,
        (false, _) => Verdict::No,
    }
}

/// Nothing is remembered: each APDU stands for itself.
#[derive(Default)]
struct Phd;

impl Dissector for Phd {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let (Ok(choice), Ok(length)) = (r.u16_be("choice"), r.u16_be("length")) else {
            return Ok(Progress::Need(4));
        };
        if !(AARQ..=PRST).contains(&choice) || choice & 0xff != 0 {
            return Err(Error::invalid("choice"));
        }
        let whole = usize::from(length).saturating_add(4);
        let read = matches!(choice, AARQ | AARE | PRST) && whole <= MAX_READ;
        if !read {
            return Ok(match choice {
                ABRT => Progress::Done,
                _ => Progress::Skip(u64::from(length).saturating_add(4)),
            });
        }
        let Ok(body) = r.take(usize::from(length), "APDU") else {
            return Ok(Progress::Need(whole));
        };
        // What cannot be read says nothing; the next APDU stands for itself.
        let _ = match choice {
            PRST => presentation(Reader::new(body), out),
            choice => association(choice, Reader::new(body), out),
        };
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// AARQ: version, protocols, information. AARE: result, protocol, information (§8.7.3).
fn association(choice: u16, mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    match choice {
        AARQ => r.skip(8, "assoc-version, data-proto-list")?,
        _ => r.skip(2, "result")?,
    }
    if r.u16_be("data-proto-id")? != PROTOCOL_20601 {
        return Ok(());
    }
    r.skip(2, "data-proto-info length")?;
    r.skip(14, "versions and functional units")?;
    let role = match r.u32_be("system-type")? {
        0x8000_0000 => "manager",
        0x0080_0000 => "agent",
        _ => return Ok(()),
    };
    out.fact(Who::Sender, &ROLE, role);
    system_id(&mut r, out)?;
    let configuration = r.u16_be("dev-config-id")?;
    if role == "agent" {
        out.fact(Who::Sender, &CONFIGURATION, &format!("{configuration:04x}"));
    }
    Ok(())
}

/// Only the attributes of the medical device system itself, object 0 (§8.8).
fn presentation(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(4, "octet string, invoke-id")?;
    match r.u16_be("message choice")? {
        ANSWER_TO_GET => {}
        EVENT_REPORT | CONFIRMED_EVENT_REPORT => {
            r.skip(8, "length, obj-handle, event-time")?;
            if SCAN_REPORTS.contains(&r.u16_be("event-type")?) {
                out.work(Who::Sender, Work::Vitals, Study::UNTOLD, When::Now);
            }
            return Ok(());
        }
        _ => return Ok(()),
    }
    r.skip(2, "length")?;
    if r.u16_be("obj-handle")? != 0 {
        return Ok(());
    }
    let count = r.u16_be("attribute-list count")?;
    r.skip(2, "attribute-list length")?;
    for _ in 0..count.min(MAX_ENTRIES) {
        let id = r.u16_be("attribute-id")?;
        let length = r.u16_be("attribute length")?;
        let value = Reader::new(r.take(usize::from(length), "attribute-value")?);
        attribute(id, value, out)?;
    }
    Ok(())
}

fn attribute(id: u16, mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    match id {
        // MDC_ATTR_ID_MODEL.
        0x0928 => {
            for key in [MANUFACTURER, MODEL] {
                let length = r.u16_be("SystemModel")?;
                text(&key, r.take(usize::from(length), "SystemModel")?, out);
            }
        }
        // MDC_ATTR_ID_PROD_SPECN.
        0x092d => {
            let count = r.u16_be("ProductionSpec count")?;
            r.skip(2, "ProductionSpec length")?;
            for _ in 0..count.min(MAX_ENTRIES) {
                let kind = r.u16_be("spec-type")?;
                r.skip(2, "component-id")?;
                let length = r.u16_be("prod-spec length")?;
                let value = r.take(usize::from(length), "prod-spec")?;
                match kind {
                    1 => text(&SERIAL, value, out),
                    3 => text(&HARDWARE, value, out),
                    4 => text(&SOFTWARE, value, out),
                    5 => text(&FIRMWARE, value, out),
                    _ => {}
                }
            }
        }
        // MDC_ATTR_SYS_ID.
        0x0984 => system_id(&mut r, out)?,
        _ => {}
    }
    Ok(())
}

fn system_id(r: &mut Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if r.u16_be("system-id length")? != 8 {
        return Err(Error::invalid("system-id length"));
    }
    let id = r.array::<8>("system-id")?;
    out.fact(Who::Sender, &SYSTEM_ID, &format!("{:016X}", u64::from_be_bytes(id)));
    if let [a, b, c, 0xff, 0xfe | 0xff, d, e, f] = id {
        out.fact(Who::Sender, &MAC, &Mac([a, b, c, d, e, f]).to_string());
    }
    Ok(())
}

fn text(key: &Key, value: &[u8], out: &mut dyn Sink) {
    if let Some(text) = padded(value) {
        out.fact(Who::Sender, key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream, works};
    use super::super::torture;
    use super::*;

    const ID: [u8; 8] = [0, 9, 0xfb, 0xff, 0xfe, 1, 2, 3];

    fn apdu(choice: u16, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap();
        [&choice.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
    }

    fn information(system_type: [u8; 4], configuration: [u8; 2]) -> Vec<u8> {
        let versions = [0x80, 0, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
        let rest = [1, 0, 1, 1, 0, 0];
        let body = [&versions[..], &system_type, &[0, 8], &ID, &configuration, &rest].concat();
        let length = u16::try_from(body.len()).unwrap();
        [&PROTOCOL_20601.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()
    }

    fn description(handle: u8) -> Vec<u8> {
        let string = |text: &[u8]| [&[0, u8::try_from(text.len()).unwrap()], text].concat();
        let spec = |kind: u8, text: &[u8]| [&[0, kind, 0, 1][..], &string(text)].concat();
        let specs = [spec(1, b"SN-9"), spec(2, b"CANARY"), spec(5, b"1.08")].concat();
        let specs = [&[0, 3][..], &string(&specs)].concat();
        let model = [string(b"Acme A/S\0"), string(b"Meter\0")].concat();
        let list: Vec<u8> = [(0x2d, specs), (0x28, model), (0x90, b"CANARY".to_vec())]
            .iter()
            .flat_map(|(id, value)| [&[9, *id][..], &string(value)].concat())
            .collect();
        let list = [&[0, handle, 0, 3][..], &string(&list)].concat();
        let message = [&[0, 7, 2, 3][..], &string(&list)].concat();
        apdu(PRST, &string(&message))
    }

    fn conversation() -> (Vec<u8>, Vec<u8>) {
        let asks = [&[0x80, 0, 0, 0, 0, 1, 0, 0x2a][..], &information([0, 0x80, 0, 0], [2, 0xbc])];
        let answer = [&[0, 0][..], &information([0x80, 0, 0, 0], [0, 0])];
        let measured = apdu(PRST, b"\0\x06\0\x01\x01\x01CANARY");
        let client = [apdu(AARQ, &asks.concat()), measured, description(0), description(1)];
        (client.concat(), apdu(AARE, &answer.concat()))
    }

    #[test]
    fn an_agent_describes_itself() {
        let (client, server) = conversation();
        let said = stream("phd", &[(b'C', &client), (b'S', &server)]);
        assert_eq!(
            facts(&said),
            [
                "C phd.role=agent",
                "C phd.system_id=0009FBFFFE010203",
                "C phd.mac=00:09:fb:01:02:03",
                "C phd.configuration=02bc",
                "C phd.serial=SN-9",
                "C phd.firmware_version=1.08",
                "C phd.manufacturer=Acme A/S",
                "C phd.model=Meter",
                "S phd.role=manager",
                "S phd.system_id=0009FBFFFE010203",
                "S phd.mac=00:09:fb:01:02:03"
            ]
        );
    }

    #[test]
    fn measurements_are_work() {
        let report = |choice: u8, event: u8| {
            let head = [0, 9, 0, 1, 1, choice, 0, 12, 0, 0, 0, 0, 0, 7, 0x0d, event];
            apdu(PRST, &[&head[..], b"\0\x06CANARY"].concat())
        };
        let (client, _) = conversation();
        let count = |report: &[u8]| {
            let said = stream("phd", &[(b'C', &[&client[..], report].concat())]);
            let works = works(&said);
            assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Vitals)));
            works.len()
        };
        assert_eq!(count(&report(0, 0x1d)), 1);
        assert_eq!(count(&report(1, 0x20)), 1);
        assert_eq!(count(&report(1, 0x1c)), 0, "a configuration");
        assert_eq!(count(&report(2, 0x1d)), 0);
    }

    #[test]
    fn endures() {
        let (client, server) = conversation();
        torture::stream("phd", &[(b'C', &client), (b'S', &server)], &[]);
    }

    /// Damage may turn an attribute into another; what is whole tells nothing else.
    #[test]
    fn measurements_are_passed_over() {
        let (client, _) = conversation();
        for end in 0..client.len() {
            let said = torture::facts_of(|out| {
                let mut rest = &client[..end];
                while let Ok(Progress::Consumed(n)) = Phd.dissect(Side::Client, rest, out) {
                    rest = &rest[n..];
                }
                Ok(())
            });
            assert!(!said.unwrap().iter().any(|it| it.contains("CANARY")));
        }
    }

    #[test]
    fn recognition() {
        let ask = |bytes| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        let (client, _) = conversation();
        assert_eq!(ask(&client), Verdict::Yes);
        assert_eq!(ask(&client[..13]), Verdict::More);
        assert_eq!(ask(&client[1..]), Verdict::No);
        assert_eq!(ask(b"\xe2\0\0\x32\0\0\0\0"), Verdict::No);
    }
}
