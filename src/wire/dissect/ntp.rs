//! Network Time Protocol (RFC 5905): who gives the time. Nothing else is of use here.

use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `yes`: gives the time to whoever asks.
const SERVER: Key = Key::new("ntp.server");

/// NTP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ntp",
    standard: "RFC 5905",
    keys: &[SERVER],
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

const PORT: u16 = 123;
/// Head (RFC 5905 §7.3), and with a digest of MD5 or SHA-1 behind it.
const LENGTHS: [usize; 3] = [48, 68, 72];
/// Modes: a client's question, a server's answer.
const CLIENT: u8 = 3;
const SERVES: u8 = 4;
/// A clock that is not set (RFC 5905 §7.3), and the worst that is.
const UNSYNCHRONIZED: u8 = 3;
const WORST: u8 = 15;

/// Leap indicator, mode and stratum, of versions 3 and 4 at the port.
fn head(packet: &Packet<'_>) -> Option<(u8, u8, u8)> {
    let (src, dst) = packet.ports()?;
    if (src != PORT && dst != PORT) || !LENGTHS.contains(&packet.payload.len()) {
        return None;
    }
    let [first, stratum, ..] = *packet.payload else { return None };
    let (mode, version) = (first & 7, first >> 3 & 7);
    // Who asks does so at the port, who answers from it.
    let fits = match mode {
        CLIENT => dst == PORT,
        SERVES => src == PORT,
        _ => false,
    };
    (fits && matches!(version, 3 | 4) && stratum <= 16).then_some((first >> 6, mode, stratum))
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if head(packet).is_some() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    head(packet).map(|(_, mode, _)| mode == SERVES)
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if let Some((leap, SERVES, 1..=WORST)) = head(packet)
        && leap != UNSYNCHRONIZED
    {
        out.fact(Who::Sender, &SERVER, "yes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn message(first: u8, stratum: u8) -> Vec<u8> {
        let mut message = vec![0; 48];
        message[..2].copy_from_slice(&[first, stratum]);
        message[12..16].copy_from_slice(b"GPS\0");
        message
    }

    #[test]
    fn who_gives_the_time() {
        let answer = message(0x24, 1);
        let it = udp(123, 50000, &answer);
        assert_eq!(facts(&packet("ntp", &it).unwrap()), ["C ntp.server=yes"]);
        assert_eq!(answers(&it), Some(true));
        torture::packet("ntp", &it, &["GPS"]);
        let question = message(0x23, 0);
        assert!(packet("ntp", &udp(50000, 123, &question)).unwrap().is_empty());
        // Not set yet, and told to go away.
        assert!(packet("ntp", &udp(123, 123, &message(0xe4, 3))).unwrap().is_empty());
        assert!(packet("ntp", &udp(123, 123, &message(0x24, 0))).unwrap().is_empty());
    }

    #[test]
    fn probe_is_strict() {
        assert_eq!(probe(&udp(123, 50000, &message(0x23, 0))), Verdict::No);
        assert_eq!(probe(&udp(1123, 50000, &message(0x24, 1))), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x24, 1)[..47])), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x24, 17))), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x0c, 1))), Verdict::No);
    }
}
