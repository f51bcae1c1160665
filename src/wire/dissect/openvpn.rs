//! OpenVPN's control channel: the reset by which a client opens a tunnel and the
//! server's answer, in the clear or with a signature before it.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `client` or `server`: which end of a tunnel it is.
const ROLE: Key = Key::new("openvpn.role");

/// OpenVPN in datagrams.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "openvpn",
    standard: "OpenVPN",
    keys: &[ROLE],
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

/// OpenVPN over TCP: each packet behind its length.
pub(super) static TCP: Protocol = Protocol {
    name: "openvpn-tcp",
    standard: "OpenVPN",
    keys: &[ROLE],
    ports: &[PORT],
    body: Body::Stream { probe: probe_stream, start: || Box::<OpenVpn>::default() },
};

const PORT: u16 = 1194;
/// Operation in the high five bits, key 0 in the low three.
const CLIENT_RESET: [u8; 2] = [7 << 3, 10 << 3];
const SERVER_RESET: u8 = 8 << 3;
/// Sizes of a signature in front: none, MD5, SHA-1, SHA-256, SHA-512; with any goes a
/// packet id and a time of four bytes each.
const SIGNATURES: [usize; 5] = [0, 16, 20, 32, 64];

/// Whose reset a packet is. Operation, session, signature; a client's acknowledges
/// nothing and has the number 0: five zero bytes at its end. A server's acknowledges one
/// packet and repeats the client's session.
fn role(packet: &[u8]) -> Option<&'static str> {
    let (operation, rest) = packet.split_first()?;
    let session = rest.first_chunk::<8>().filter(|id| **id != [0; 8])?;
    let client = CLIENT_RESET.contains(operation);
    if !client && *operation != SERVER_RESET {
        return None;
    }
    let plain = if client { 14 } else { 26 };
    let signature = packet.len().checked_sub(plain)?;
    let signed = signature.checked_sub(8).is_some_and(|n| n > 0 && SIGNATURES.contains(&n));
    if signature != 0 && !signed {
        return None;
    }
    let tail = rest.get(session.len().checked_add(signature)?..)?;
    match tail {
        [0, 0, 0, 0, 0] if client => Some("client"),
        [1, 0, 0, 0, 0, _, _, _, _, _, _, _, _, 0, 0, 0, 0] if !client => Some("server"),
        _ => None,
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if role(packet.payload).is_some() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    role(packet.payload).map(|role| role == "server")
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if let Some(role) = role(packet.payload) {
        out.fact(Who::Sender, &ROLE, role);
    }
    Ok(())
}

/// Length and the packet behind it, when it is all there.
fn framed(bytes: &[u8]) -> Option<(usize, Option<&[u8]>)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    Some((length.saturating_add(2), rest.get(..length)))
}

fn probe_stream(opening: &Opening<'_>) -> Verdict {
    match framed(opening.bytes) {
        None if opening.bytes.iter().all(|b| *b == 0) => Verdict::More,
        Some((whole, _)) if !(16..=128).contains(&whole) => Verdict::No,
        Some((_, None)) => Verdict::More,
        Some((_, Some(packet))) if role(packet).is_some() => Verdict::Yes,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct OpenVpn {
    said: u8,
}

impl Dissector for OpenVpn {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let Some((whole, packet)) = framed(bytes) else { return Ok(Progress::Need(2)) };
        let Some(packet) = packet else { return Ok(Progress::Need(whole)) };
        if let Some(role) = role(packet) {
            out.fact(Who::Sender, &ROLE, role);
        }
        self.said = self.said.saturating_add(1);
        Ok(if self.said < 2 { Progress::Consumed(whole) } else { Progress::Done })
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, stream, udp};
    use super::super::torture;
    use super::*;

    fn reset(operation: u8, signature: usize) -> Vec<u8> {
        let mut it = vec![operation << 3];
        it.extend([0x5a; 8]);
        it.extend(vec![0xc3; if signature == 0 { 0 } else { signature + 8 }]);
        match operation {
            8 => it.extend([&[1, 0, 0, 0, 0][..], &[0xa5; 8], &[0; 4]].concat()),
            _ => it.extend([0; 5]),
        }
        it
    }

    #[test]
    fn both_ends() {
        for signature in SIGNATURES {
            let said = |m: &[u8]| facts(&packet("openvpn", &udp(40000, 443, m)).unwrap());
            assert_eq!(said(&reset(7, signature)), ["C openvpn.role=client"]);
            assert_eq!(said(&reset(8, signature)), ["C openvpn.role=server"]);
        }
        torture::packet("openvpn", &udp(40000, 443, &reset(7, 20)), &[]);
        let framed = |m: Vec<u8>| [&u16::try_from(m.len()).unwrap().to_be_bytes()[..], &m].concat();
        let segments: &[(u8, &[u8])] =
            &[(b'C', &framed(reset(7, 0))), (b'S', &framed(reset(8, 0)))];
        assert_eq!(
            facts(&stream("openvpn-tcp", segments)),
            ["C openvpn.role=client", "S openvpn.role=server"]
        );
        torture::stream("openvpn-tcp", segments, &[]);
    }

    #[test]
    fn others_are_not_recognised() {
        let mut numbered = reset(7, 0);
        numbered[13] = 1;
        for payload in [reset(5, 0), reset(7, 0)[..13].to_vec(), numbered, vec![0x38; 42], vec![]] {
            assert_eq!(probe(&udp(1194, 1194, &payload)), Verdict::No);
        }
    }
}
