//! GE CARESCAPE and Unity monitoring networks: the time synchronisation that every node
//! broadcasts at least once a day (UDP 2000), as the Vocera CARESCAPE adapter guide
//! ("Understanding GE Carescape Networks") writes it down.
//!
//! 64 bytes: at 6 the sender's IPv4 address, at 24 its unit and bed, at 60 the seconds
//! since 1900. All three must be right, so nothing else is taken for it.

use std::net::{IpAddr, Ipv4Addr};

use super::label::padded;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::time::SECOND;
use crate::wire::packet::{Layer3, Packet};

/// `unit|bed`.
const LOCATION: Key = Key::new("carescape.location");
/// What it sends: `time`.
const SPEAKS: Key = Key::new("carescape.speaks");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "carescape",
    standard: "Vocera, Understanding GE Carescape Networks",
    keys: &[LOCATION, SPEAKS],
    ports: &[2000],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// Bytes of the message.
const LENGTH: usize = 64;
/// From 1900 to 1970, in seconds (RFC 868).
const EPOCH: i64 = 2_208_988_800;
/// How wrong a monitor's clock may be; seconds. Zones are within it.
const WRONG: i64 = 366 * 86_400;
/// `unit|bed` with their NULs.
const PLACE: usize = 13;

/// The place, when the message is one.
fn place<'a>(packet: &Packet<'a>) -> Option<&'a str> {
    let Layer3::Ip { src: IpAddr::V4(src), .. } = packet.l3 else { return None };
    if packet.payload.len() != LENGTH || packet.ports().is_none_or(|(_, to)| to != 2000) {
        return None;
    }
    let at = |offset| Reader::new(packet.payload).at(offset, "time message");
    let address: [u8; 4] = at(6).ok()?.array("sender").ok()?;
    let said = i64::from(at(60).ok()?.u32_be("time").ok()?);
    let known = packet.at.0.checked_div(SECOND)?.saturating_add(EPOCH);
    let right = said.abs_diff(known) <= WRONG.unsigned_abs();
    let place = padded(at(24).ok()?.take(PLACE, "place").ok()?)?;
    let is_place = place.is_ascii() && place.contains('|');
    (Ipv4Addr::from(address) == src && right && is_place).then_some(place)
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if place(packet).is_some() { Verdict::Yes } else { Verdict::No }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let place = place(packet).ok_or(Error::invalid("time message"))?;
    out.fact(Who::Sender, &SPEAKS, "time");
    if place.len() > 1 {
        out.fact(Who::Sender, &LOCATION, place);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn message() -> Vec<u8> {
        let mut all = vec![0; LENGTH];
        all[6..10].copy_from_slice(&[10, 0, 0, 1]);
        all[24..33].copy_from_slice(b"ICU|BED-4");
        all[40..46].copy_from_slice(b"CANARY");
        let seconds = u32::try_from(1_700_000_000 + EPOCH).unwrap();
        all[60..].copy_from_slice(&seconds.to_be_bytes());
        all
    }

    #[test]
    fn a_monitor_tells_the_time_and_its_place() {
        let bytes = message();
        let from = udp(2000, 2000, &bytes);
        assert_eq!(
            facts(&packet("carescape", &from).unwrap()),
            ["C carescape.speaks=time", "C carescape.location=ICU|BED-4"]
        );
        torture::packet("carescape", &from, &["CANARY"]);
    }

    #[test]
    fn all_three_must_be_right() {
        for (at, value) in [(9, 2), (27, b' '), (60, 0)] {
            let mut bytes = message();
            bytes[at] = value;
            assert_eq!(probe(&udp(2000, 2000, &bytes)), Verdict::No, "{at}");
        }
        let bytes = message();
        assert_eq!(probe(&udp(2000, 2001, &bytes)), Verdict::No);
        assert_eq!(probe(&udp(2000, 2000, &bytes[1..])), Verdict::No);
    }
}
