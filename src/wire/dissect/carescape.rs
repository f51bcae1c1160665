//! GE CARESCAPE and Unity monitoring networks (UDP). Every node tells all others what it is
//! (RWHAT, port 7000), monitors broadcast their alarms (7001) and send the values that a
//! central station asks for; the master of the network sets everybody's clock (2000, at
//! least once a day). As the Vocera CARESCAPE adapter guide ("Understanding GE Carescape
//! Networks") and J. Scholtyssek ("How to decode a network protocol", a Dash 4000) write it
//! down; the latter's recording is what the lengths of discovery, alarms and values are of.
//!
//! Each names the sender's IPv4 address and, most of them, its unit and bed or the present
//! time: all of it must be right, so nothing else is taken for it. Patients' names, values
//! and the texts of alarms lie beside and are not read.

use std::net::{IpAddr, Ipv4Addr};

use super::label::padded;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::{Key, Study, When, Work};
use crate::time::SECOND;
use crate::wire::packet::{Layer3, Packet};

/// `unit|bed`.
const LOCATION: Key = Key::new("carescape.location");
/// What it sends: `time`, `discovery`, `alarm` or `values`.
const SPEAKS: Key = Key::new("carescape.speaks");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "carescape",
    standard: "Vocera, Understanding GE Carescape Networks; Scholtyssek, GE Dash 4000",
    keys: &[LOCATION, SPEAKS],
    ports: &[7000, 7001],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// The time alone, in which nothing of a patient stands.
pub(super) static TIME: Protocol = Protocol {
    name: "carescape-time",
    standard: "Vocera, Understanding GE Carescape Networks",
    keys: &[LOCATION, SPEAKS],
    ports: &[2000],
    body: Body::Datagram { probe: probe_time, answers: |_| None, read },
};

/// From 1900 to 1970, in seconds (RFC 868).
const EPOCH: i64 = 2_208_988_800;
/// How wrong a monitor's clock may be; seconds. Zones are within it.
const WRONG: i64 = 366 * 86_400;
/// `unit|bed` with their NULs.
const PLACE: usize = 13;
/// The command of what monitors send by themselves or are asked for, and what it is.
const ALARM: [u8; 4] = [0, 0xc9, 0, 4];
const VALUES: [u8; 4] = [0, 0xc9, 0, 0x14];
/// Bytes of one sensor in a message of values, and where the first begins.
const SENSOR: usize = 70;
const SENSORS: usize = 125;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message<'a> {
    /// As in [`SPEAKS`].
    speaks: &'static str,
    /// `unit|bed`, where it tells one.
    place: Option<&'a str>,
    /// Whether a sensor has a value: a patient is attached.
    measures: bool,
}

/// What the payload of a packet is read by.
struct Payload<'a> {
    bytes: &'a [u8],
    from: Ipv4Addr,
    /// When it was sent; seconds since 1970.
    now: i64,
}

impl<'a> Payload<'a> {
    fn at(&self, offset: usize) -> Result<Reader<'a>, Error> {
        Reader::new(self.bytes).at(offset, "message")
    }

    /// The sender names itself here.
    fn is_from(&self, offset: usize) -> Result<bool, Error> {
        Ok(Ipv4Addr::from(self.at(offset)?.array("sender")?) == self.from)
    }

    /// The present time stands here, in seconds since `epoch` before 1970.
    fn is_now(&self, offset: usize, epoch: i64) -> Result<bool, Error> {
        let said = i64::from(self.at(offset)?.u32_be("time")?);
        Ok(said.abs_diff(self.now.saturating_add(epoch)) <= WRONG.unsigned_abs())
    }

    /// `unit|bed`.
    fn place(&self, offset: usize) -> Result<Option<&'a str>, Error> {
        let place = padded(self.at(offset)?.take(PLACE, "place")?);
        Ok(place.filter(|it| it.is_ascii() && it.contains('|')))
    }

    /// What is left behind a length that says so.
    fn ends(&self, offset: usize) -> Result<bool, Error> {
        let mut r = self.at(offset)?;
        Ok(usize::from(r.u16_be("length")?) == r.remaining())
    }

    fn time(&self) -> Result<Option<Message<'a>>, Error> {
        let place = self.place(24)?;
        let right = place.is_some() && self.is_from(6)? && self.is_now(60, EPOCH)?;
        Ok(right.then_some(Message { speaks: "time", place, measures: false }))
    }

    fn discovery(&self) -> Result<Option<Message<'a>>, Error> {
        let place = self.place(12)?;
        // Behind the patient's name: services and their ports, then nothing.
        let mut r = self.at(42)?;
        let services = usize::from(r.u16_be("services")?);
        r.skip(services.saturating_mul(4), "services")?;
        let rest_is_empty = r.rest().iter().all(|it| *it == 0);
        let right = place.is_some() && self.is_from(4)? && self.is_now(8, 0)? && rest_is_empty;
        Ok(right.then_some(Message { speaks: "discovery", place, measures: false }))
    }

    fn alarm(&self) -> Result<Option<Message<'a>>, Error> {
        let place = self.place(24)?;
        let right = place.is_some() && self.is_from(6)? && self.at(12)?.rest().starts_with(&ALARM);
        Ok(right.then_some(Message { speaks: "alarm", place, measures: false }))
    }

    /// Two heads, one in the other, then sensors of one length: code, quality, three values.
    fn values(&self) -> Result<Option<Message<'a>>, Error> {
        for (sender, command, length) in [(6, 12, 58), (66, 72, 118)] {
            let is_head = self.is_from(sender)?
                && self.at(command)?.rest().starts_with(&VALUES)
                && self.ends(length)?;
            if !is_head {
                return Ok(None);
            }
        }
        let count = usize::from(self.at(SENSORS - 1)?.u8("sensors")?);
        let sensors = self.at(SENSORS)?.rest();
        if sensors.len() < count.saturating_mul(SENSOR) {
            return Ok(None);
        }
        let has_value = |it: &[u8]| {
            let values = it.get(5..11).unwrap_or_default();
            values.chunks_exact(2).any(|it| it.first().is_some_and(|it| *it < 0x80))
        };
        let measures = sensors.chunks_exact(SENSOR).take(count).any(has_value);
        Ok(Some(Message { speaks: "values", place: None, measures }))
    }
}

fn message<'a>(packet: &Packet<'a>) -> Option<Message<'a>> {
    let Layer3::Ip { src: IpAddr::V4(from), .. } = packet.l3 else { return None };
    let now = packet.at.0.checked_div(SECOND)?;
    let it = Payload { bytes: packet.payload, from, now };
    let known = match (packet.ports()?.1, packet.payload.len()) {
        (2000, 64) => it.time(),
        (7000, 88) => it.discovery(),
        (7001, 84) => it.alarm(),
        _ => it.values(),
    };
    known.ok()?
}

fn probe(packet: &Packet<'_>) -> Verdict {
    verdict(packet, |speaks| speaks != "time")
}

fn probe_time(packet: &Packet<'_>) -> Verdict {
    verdict(packet, |speaks| speaks == "time")
}

fn verdict(packet: &Packet<'_>, fits: impl Fn(&str) -> bool) -> Verdict {
    if message(packet).is_some_and(|it| fits(it.speaks)) { Verdict::Yes } else { Verdict::No }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let message = message(packet).ok_or(Error::invalid("message"))?;
    out.fact(Who::Sender, &SPEAKS, message.speaks);
    if let Some(place) = message.place.filter(|it| it.len() > 1) {
        out.fact(Who::Sender, &LOCATION, place);
    }
    if message.measures {
        out.work(Who::Sender, Work::Vitals, Study::UNTOLD, When::Now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp, works};
    use super::super::torture;
    use super::*;

    const NOW: i64 = 1_700_000_000;
    const SENDER: [u8; 4] = [10, 0, 0, 1];

    fn with(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut all = vec![0; length];
        for (at, part) in parts {
            all[*at..*at + part.len()].copy_from_slice(part);
        }
        all
    }

    fn seconds(since: i64) -> [u8; 4] {
        u32::try_from(NOW + since).unwrap().to_be_bytes()
    }

    fn time() -> Vec<u8> {
        let now = seconds(EPOCH);
        with(64, &[(6, &SENDER), (24, b"ICU|BED-4"), (40, b"CANARY"), (60, &now)])
    }

    fn discovery() -> Vec<u8> {
        let services = [0, 2, 0, 3, 7, 0xd0, 0, 0x13, 0x0b, 0xb8];
        let head = [1, 4, 0, 0, 10, 0, 0, 1];
        let place = b"HOME|B-01";
        with(88, &[(0, &head), (8, &seconds(0)), (12, place), (28, b"CANARY,J"), (42, &services)])
    }

    fn alarm() -> Vec<u8> {
        let all = [255; 4];
        let text = b"CANARY ASYSTOLE";
        with(84, &[(0, &all), (6, &SENDER), (12, &ALARM), (24, b"HOME|B-01"), (66, text)])
    }

    /// Values of two sensors, which have these.
    fn values(first: u16, second: u16) -> Vec<u8> {
        let length = SENSORS + 2 * SENSOR + 1;
        let rest = |from: usize| u16::try_from(length - from).unwrap().to_be_bytes();
        let (outer, inner) = (rest(60), rest(120));
        let no = 0x8000_u16.to_be_bytes();
        let mut all = with(
            length,
            &[
                (6, &SENDER),
                (12, &VALUES),
                (58, &outer),
                (66, &SENDER),
                (72, &VALUES),
                (118, &inner),
                (124, &[2]),
            ],
        );
        for (n, (code, value)) in [(0x3a, first), (0x2d, second)].into_iter().enumerate() {
            let at = SENSORS + n * SENSOR;
            all[at..at + 5].copy_from_slice(&[0, 1, code, 0xc0, 0x1f]);
            all[at + 5..at + 11].copy_from_slice(&[value.to_be_bytes(), no, no].concat());
        }
        all
    }

    #[test]
    fn each_message_tells_what_it_is_and_where() {
        let place = "C carescape.location=HOME|B-01";
        let cases: [(u16, Vec<u8>, &[&str]); 4] = [
            (2000, time(), &["C carescape.speaks=time", "C carescape.location=ICU|BED-4"]),
            (7000, discovery(), &["C carescape.speaks=discovery", place]),
            (7001, alarm(), &["C carescape.speaks=alarm", place]),
            (3073, values(0x8000, 97), &["C carescape.speaks=values"]),
        ];
        for (port, bytes, told) in cases {
            let from = udp(3011, port, &bytes);
            let name = if port == 2000 { "carescape-time" } else { "carescape" };
            assert_eq!(facts(&packet(name, &from).unwrap()), told, "{port}");
            torture::packet(name, &from, &["CANARY"]);
        }
    }

    #[test]
    fn the_time_is_of_no_patient() {
        let (time, alarm) = (time(), alarm());
        assert_eq!(probe(&udp(3011, 2000, &time)), Verdict::No);
        assert_eq!(probe_time(&udp(3011, 7001, &alarm)), Verdict::No);
    }

    #[test]
    fn a_patient_is_attached_where_a_sensor_has_a_value() {
        for (bytes, measures) in [
            (values(0x8000, 97), true),
            (values(60, 0x8001), true),
            (values(0x8000, 0x8001), false),
        ] {
            let said = packet("carescape", &udp(3011, 3073, &bytes)).unwrap();
            assert_eq!(works(&said).len(), usize::from(measures));
            assert!(works(&said).iter().all(|it| it.1.work == Work::Vitals && it.0 == "C"));
        }
    }

    #[test]
    fn all_must_be_right() {
        let cases: [(u16, Vec<u8>, &[usize]); 4] = [
            (2000, time(), &[9, 27, 60]),
            (7000, discovery(), &[4, 8, 16, 43, 87]),
            (7001, alarm(), &[6, 13, 15, 28]),
            (3073, values(1, 1), &[6, 13, 59, 66, 73, 119, 124]),
        ];
        for (port, bytes, places) in cases {
            let probe = if port == 2000 { probe_time } else { probe };
            assert_eq!(probe(&udp(3011, port, &bytes)), Verdict::Yes, "{port}");
            for at in places {
                let mut wrong = bytes.clone();
                wrong[*at] ^= 0x74;
                assert_eq!(probe(&udp(3011, port, &wrong)), Verdict::No, "{port} {at}");
            }
            assert_eq!(probe(&udp(3011, port, &bytes[1..])), Verdict::No, "{port}");
            let elsewhere = udp(3011, 2001, &bytes);
            assert_eq!(probe(&elsewhere) == Verdict::Yes, port == 3073, "{port}");
        }
    }
}
