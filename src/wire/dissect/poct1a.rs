//! Point-of-care devices: POCT1-A (CLSI POCT01-A2), XML documents one after another on a
//! TCP connection.
//!
//! Read tag by tag. Told are the children of DEV in a HEL.R01 and the condition of a
//! DST.R01, of an observation its time; of all other messages (patients, operators) only
//! that they are sent, and by which side.

use super::burst::Burst;
use super::clock::Clock;
use super::label::label;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who, xml,
};
use crate::observe::{Key, Study, Use, When, Work};

/// DEV.device_id: an EUI-64 by the standard, `vendor^model^serial` in practice.
const DEVICE_ID: Key = Key::new("poct1a.device_id");
/// DEV.vendor_id: a short code.
const VENDOR_ID: Key = Key::new("poct1a.vendor_id");
/// DEV.model_id.
const MODEL: Key = Key::new("poct1a.model");
/// DEV.serial_id.
const SERIAL: Key = Key::new("poct1a.serial");
/// DEV.manufacturer_name.
const MANUFACTURER: Key = Key::new("poct1a.manufacturer");
/// DEV.hw_version.
const HARDWARE: Key = Key::new("poct1a.hardware_version");
/// DEV.sw_version.
const SOFTWARE: Key = Key::new("poct1a.software_version");
/// DEV.device_name.
const NAME: Key = Key::new("poct1a.device_name");
/// DST.condition_cd: `R` ready, `B` busy, `L` locked.
const CONDITION: Key = Key::new("poct1a.condition");
/// `device` (HEL, DST) or `manager` (REQ, DTV, and lists).
const ROLE: Key = Key::new("poct1a.role");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "poct1a",
    standard: "CLSI POCT01-A2",
    keys: &[
        DEVICE_ID,
        VENDOR_ID,
        MODEL,
        SERIAL,
        MANUFACTURER,
        HARDWARE,
        SOFTWARE,
        NAME,
        CONDITION,
        ROLE,
    ],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Poct>::default() },
};

/// Messages with which a conversation begins, as joined from its start or later.
const ROOTS: &[&str] =
    &["HEL.R01", "ACK.R01", "DST.R01", "REQ.R01", "EOT.R01", "OBS.R01", "OBS.R02", "DTV.R01"];
/// Longest tag that is read.
const MAX_TAG: usize = 1024;
/// Bytes before the first message: declaration, comment, blanks.
const MAX_PROLOG: usize = 256;

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let seen = bytes.get(..bytes.len().min(MAX_PROLOG)).unwrap_or_default();
    let blank = |b: &&u8| b.is_ascii_whitespace() || matches!(**b, 0xef | 0xbb | 0xbf);
    let seen = seen.get(seen.iter().take_while(blank).count()..).unwrap_or_default();
    let declaration = b"<?xml";
    let n = seen.len().min(declaration.len());
    let rest = match seen.get(..n) == declaration.get(..n) {
        true if n < declaration.len() && bytes.len() < MAX_PROLOG => return Verdict::More,
        true => match seen.iter().position(|&b| b == b'>') {
            Some(end) => seen.get(end.saturating_add(1)..).unwrap_or_default(),
            None if bytes.len() < MAX_PROLOG => return Verdict::More,
            None => return Verdict::No,
        },
        false => seen,
    };
    let rest = rest.trim_ascii_start();
    let begins = |root: &&str| {
        let mut tag = b"<".iter().chain(root.as_bytes());
        rest.iter().all(|b| tag.next().is_none_or(|known| known == b))
    };
    match ROOTS.iter().any(begins) {
        true if rest.len() > 8 => Verdict::Yes,
        true if bytes.len() < MAX_PROLOG => Verdict::More,
        _ => Verdict::No,
    }
}

/// One conversation.
#[derive(Default)]
struct Poct {
    client: Half,
    server: Half,
}

/// One direction.
#[derive(Default)]
struct Half {
    message: Message,
    /// Passing over the rest of a tag that is too long.
    passing: bool,
    results: Burst,
}

/// The message being read, as far as it matters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Message {
    #[default]
    Other,
    Hello,
    /// Inside DEV of a hello.
    Device,
    Status,
    /// Observations, of a patient or of a control, and outside of any.
    Observations,
    /// One measurement of them, with its time, or without one that can be read.
    Service(Option<When>),
}

impl Dissector for Poct {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        let mut rest = bytes;
        loop {
            // To the next tag, then to its end.
            let text = match half.passing {
                true => 0,
                false => rest.iter().position(|&b| b == b'<').unwrap_or(rest.len()),
            };
            rest = rest.get(text..).unwrap_or_default();
            let Some(end) = rest.iter().position(|&b| b == b'>') else {
                if half.passing || rest.len() > MAX_TAG {
                    half.passing = !rest.is_empty() || half.passing;
                    rest = &[];
                }
                return Ok(match bytes.len().saturating_sub(rest.len()) {
                    0 => Progress::Need(bytes.len().saturating_add(1)),
                    n => Progress::Consumed(n),
                });
            };
            let tag = rest.get(1..end).unwrap_or_default();
            if !std::mem::take(&mut half.passing) && tag.len() < MAX_TAG {
                half.tag(&String::from_utf8_lossy(tag), out);
            }
            rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let (half, _) = from.of(&mut self.client, &mut self.server);
        (half.message, half.passing) = (Message::Other, true);
        Recovery::Resync
    }
}

impl Half {
    fn tag(&mut self, tag: &str, out: &mut dyn Sink) {
        if let Some(name) = tag.strip_prefix('/') {
            self.message = match (name.trim_end(), self.message) {
                ("DEV", Message::Device) => Message::Hello,
                ("SVC", Message::Service(_)) => Message::Observations,
                (name, _) if is_root(name) => {
                    self.results.end(out);
                    Message::Other
                }
                (_, message) => message,
            };
            return;
        }
        let (name, attributes, empty) = xml::open(tag);
        if is_root(name) {
            self.message = match name {
                "HEL.R01" => Message::Hello,
                "DST.R01" => Message::Status,
                "OBS.R01" | "OBS.R02" => Message::Observations,
                _ => Message::Other,
            };
            let role = match name.get(..3) {
                Some("HEL" | "DST") => "device",
                Some("REQ" | "DTV" | "OPL" | "PTL") => "manager",
                _ => return,
            };
            return out.fact(Who::Sender, &ROLE, role);
        }
        let key = match (self.message, name) {
            (Message::Observations, "SVC") if !empty => {
                self.message = Message::Service(Some(When::Now));
                return;
            }
            (Message::Service(_), "SVC.observation_dttm") => {
                let time = xml::attribute(attributes, "V").unwrap_or_default();
                self.message = Message::Service(Clock::iso(&time).map(Clock::when));
                return;
            }
            (Message::Service(Some(when)), "OBS") if !empty => {
                let (work, study, step) = (Work::Result, Study::UNTOLD, Study::UNTOLD);
                return self.results.add(Use { work, study, step, when }, out);
            }
            (Message::Hello, "DEV") if !empty => {
                self.message = Message::Device;
                return;
            }
            (Message::Device, name) => match name {
                "DEV.device_id" => DEVICE_ID,
                "DEV.vendor_id" => VENDOR_ID,
                "DEV.model_id" => MODEL,
                "DEV.serial_id" => SERIAL,
                "DEV.manufacturer_name" => MANUFACTURER,
                "DEV.hw_version" => HARDWARE,
                "DEV.sw_version" => SOFTWARE,
                "DEV.device_name" => NAME,
                _ => return,
            },
            (Message::Status, "DST.condition_cd") => CONDITION,
            _ => return,
        };
        let value = xml::attribute(attributes, "V").unwrap_or_default();
        let is_code = |text: &&str| key != CONDITION || text.len() <= 2;
        if let Some(value) = label(&value).filter(is_code) {
            out.fact(Who::Sender, &key, value);
        }
    }
}

/// `OBS.R01`: three letters and a revision.
fn is_root(name: &str) -> bool {
    let mut bytes = name.bytes();
    let mut next = || bytes.next().unwrap_or_default();
    let letters = [next(), next(), next()].iter().all(u8::is_ascii_uppercase);
    letters && [next(), next()] == *b".R" && name.len() == 7
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream, works};
    use super::super::torture;
    use super::*;

    const HELLO: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<HEL.R01><HDR>\
<HDR.control_id V=\"CANARY\"/><HDR.version_id V=\"POCT1\"/></HDR><DEV>\
<DEV.device_id V=\"ACME^Meter 3^S77\">CANARY^CANARY</DEV.device_id><DEV.vendor_id V=\"ACME\" />\
<DEV.model_id V=\"Meter 3\"></DEV.model_id><DEV.serial_id V='S77'/>\
<DEV.manufacturer_name V=\"Acme &amp; Sons\"/><DEV.hw_version V=\"K1\"/>\
<DEV.sw_version V=\"3.10.8.0\">3.10.8.0_it-IT</DEV.sw_version><DEV.device_name V=\"\"/>\
<DEV.other V=\"CANARY\"/></DEV><OPR><OPR.operator_id V=\"CANARY\"/></OPR></HEL.R01>";
    const REST: &str = "<DST.R01><DST><DST.new_observations_qty V=\"1\"/>\
<DST.condition_cd V=\"B\"/></DST></DST.R01>\
<OBS.R01><SVC><PT><PT.patient_id V=\"CANARY\"/><DEV><DEV.serial_id V=\"CANARY\"/></DEV>\
<DST.condition_cd V=\"CANARY\"/></PT></SVC></OBS.R01>";
    const MANAGER: &str = "<?xml version=\"1.0\"?><ACK.R01><ACK><ACK.type_cd V=\"AA\"/></ACK>\
</ACK.R01><REQ.R01><REQ><REQ.request_cd V=\"ROBS\"/></REQ></REQ.R01>\
<PTL.R01><PT.patient_id V=\"CANARY\"/></PTL.R01>";
    const TOLD: &[&str] = &[
        "C poct1a.role=device",
        "C poct1a.device_id=ACME^Meter 3^S77",
        "C poct1a.vendor_id=ACME",
        "C poct1a.model=Meter 3",
        "C poct1a.serial=S77",
        "C poct1a.manufacturer=Acme & Sons",
        "C poct1a.hardware_version=K1",
        "C poct1a.software_version=3.10.8.0",
    ];

    #[test]
    fn a_device_says_hello() {
        let all = [HELLO, REST].concat();
        let said = stream("poct1a", &[(b'C', all.as_bytes()), (b'S', MANAGER.as_bytes())]);
        let status = ["C poct1a.role=device", "C poct1a.condition=B"];
        let manager = ["S poct1a.role=manager"; 2];
        assert_eq!(facts(&said), [TOLD, &status, &manager].concat());
    }

    #[test]
    fn observations_are_work_at_their_time() {
        let service = |time: &str| {
            format!(
                "<SVC><SVC.role_cd V=\"OBS\"/>{time}<PT><PT.patient_id V=\"CANARY\"/><OBS>\
<OBS.value V=\"CANARY\"/></OBS></PT></SVC>"
            )
        };
        let at = |time: &str| service(&format!("<SVC.observation_dttm V=\"{time}\"/>"));
        let whens = |services: &[String]| {
            let text = format!("<OBS.R01><HDR/>{}</OBS.R01>", services.concat());
            let said = stream("poct1a", &[(b'C', text.as_bytes())]);
            assert!(facts(&said).is_empty());
            let works = works(&said);
            assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Result)));
            works.into_iter().map(|it| it.1.when).collect::<Vec<_>>()
        };
        let (first, last) = ("2023-11-14T10:00:00+01:00", "2023-11-14T10:30:00+01:00");
        let of = |from: i64, to: i64| When::Told {
            from: 1_699_920_000 + from,
            to: 1_699_920_000 + to,
            offset: Some(60),
        };
        assert_eq!(
            whens(&[at(last), at(first), at(last)]),
            [of(37_800, 37_800), of(36_000, 36_000), of(37_800, 37_800)]
        );
        assert_eq!(whens(&[service("")]), [When::Now]);
        assert_eq!(whens(&[at("yesterday")]), []);
    }

    #[test]
    fn endures() {
        let all = [HELLO, REST].concat();
        let segments = [(b'C', all.as_bytes()), (b'S', MANAGER.as_bytes())];
        torture::stream("poct1a", &segments[..1], &[]);
        torture::stream("poct1a", &segments[1..], &["CANARY"]);
        let long = format!("<HEL.R01><x y='{}'><DEV><DEV.serial_id V='1'/>", "z".repeat(3000));
        assert_eq!(
            facts(&stream("poct1a", &[(b'C', long.as_bytes())])),
            ["C poct1a.role=device", "C poct1a.serial=1"]
        );
    }

    /// Damage to a name may turn another element into one that is told; so only what
    /// stands as it should is looked at for canaries.
    #[test]
    fn nothing_of_patients_or_operators() {
        let all = [HELLO, REST].concat();
        for end in 0..=all.len() {
            let said = stream_of(&all.as_bytes()[..end]);
            assert!(!said.iter().any(|it| it.contains("CANARY")), "{said:?}");
        }
        let late = stream("poct1a", &[(b'C', b"<HEL.R01>"), (b'c', &all.as_bytes()[80..])]);
        assert!(!facts(&late).iter().any(|it| it.contains("CANARY") || it.contains("serial")));
    }

    fn stream_of(bytes: &[u8]) -> Vec<String> {
        torture::facts_of(|out| Poct::default().dissect(Side::Client, bytes, out).map(drop))
            .unwrap()
    }

    #[test]
    fn recognition() {
        let ask = |text: &str| {
            probe(&Opening { bytes: text.as_bytes(), src_port: 1, dst_port: 2, from_start: true })
        };
        assert_eq!(ask(HELLO), Verdict::Yes);
        assert_eq!(ask("\u{feff}<HEL.R01 x=''>"), Verdict::Yes);
        assert_eq!(ask("<?xml version"), Verdict::More);
        assert_eq!(ask("<HEL."), Verdict::More);
        assert_eq!(ask("<?xml version='1.0'?><stream:stream>"), Verdict::No);
        assert_eq!(ask("<html>"), Verdict::No);
        assert_eq!(ask("GET /"), Verdict::No);
        assert_eq!(ask(&format!("<?xml {}", " ".repeat(400))), Verdict::No);
        assert_eq!(ask(&" ".repeat(400)), Verdict::No);
    }
}
