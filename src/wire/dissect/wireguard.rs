//! WireGuard (the protocol's own paper, §5.4) and what Tailscale sends beside it on the
//! same port: a tunnel that nobody looks into.

use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `handshake` or `data`: what shows the tunnel.
const TUNNEL: Key = Key::new("wireguard.tunnel");
/// `yes`: discovery messages of Tailscale.
const TAILSCALE: Key = Key::new("wireguard.tailscale");

/// WireGuard as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "wireguard",
    standard: "WireGuard",
    keys: &[TUNNEL, TAILSCALE],
    ports: &[51820, 41641],
    body: Body::Datagram { probe, answers, read },
};

/// "TS" and a speech balloon, behind it a key and a nonce (Tailscale's package `disco`).
const DISCO: &[u8] = b"TS\xf0\x9f\x92\xac";
const SHORTEST_DISCO: usize = 6 + 32 + 24 + 16;
/// Packets of one key are rekeyed long before so many (§6.4).
const MOST_PACKETS: u64 = 1 << 40;

/// The kinds of message by type and size; three reserved bytes are zero.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Initiation,
    Response,
    Data,
    Disco,
}

fn kind(payload: &[u8]) -> Option<Kind> {
    if payload.starts_with(DISCO) && payload.len() >= SHORTEST_DISCO {
        return Some(Kind::Disco);
    }
    let (&[kind, 0, 0, 0], rest) = payload.split_first_chunk()? else { return None };
    let mut r = Reader::new(rest);
    let index = r.u32_le("index").ok()?;
    match (kind, payload.len()) {
        (1, 148) if index != 0 => Some(Kind::Initiation),
        (2, 92) if index != 0 => Some(Kind::Response),
        // Padded to 16 bytes behind receiver and counter (§5.4.6).
        (4, 32..) if payload.len().is_multiple_of(16) => {
            let counter = u64::from_le_bytes(r.array("counter").ok()?);
            (index != 0 && counter < MOST_PACKETS).then_some(Kind::Data)
        }
        _ => None,
    }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if kind(packet.payload).is_some() { Verdict::Yes } else { Verdict::No }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    match kind(packet.payload)? {
        Kind::Initiation => Some(false),
        Kind::Response => Some(true),
        _ => None,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    match kind(packet.payload) {
        Some(Kind::Initiation | Kind::Response) => out.fact(Who::Sender, &TUNNEL, "handshake"),
        Some(Kind::Data) => out.fact(Who::Sender, &TUNNEL, "data"),
        Some(Kind::Disco) => out.fact(Who::Sender, &TAILSCALE, "yes"),
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn message(kind: u8, size: usize) -> Vec<u8> {
        let mut m = vec![0xa5; size];
        m[..4].copy_from_slice(&[kind, 0, 0, 0]);
        if kind == 4 {
            m[8..16].copy_from_slice(&7_u64.to_le_bytes());
        }
        m
    }

    #[test]
    fn tunnels_are_seen() {
        let said = |m: &[u8]| facts(&packet("wireguard", &udp(40000, 40001, m)).unwrap());
        assert_eq!(said(&message(1, 148)), ["C wireguard.tunnel=handshake"]);
        assert_eq!(said(&message(2, 92)), ["C wireguard.tunnel=handshake"]);
        assert_eq!(said(&message(4, 96)), ["C wireguard.tunnel=data"]);
        assert_eq!(said(&[DISCO, &[1; 80]].concat()), ["C wireguard.tailscale=yes"]);
        assert_eq!(answers(&udp(1, 2, &message(2, 92))), Some(true));
        torture::packet("wireguard", &udp(40000, 40001, &message(1, 148)), &[]);
    }

    #[test]
    fn others_are_not_recognised() {
        let mut far = message(4, 96);
        far[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        let odd = [message(1, 147), message(4, 97), message(3, 148), far, DISCO.to_vec(), vec![]];
        for payload in odd {
            assert_eq!(probe(&udp(51820, 51820, &payload)), Verdict::No);
        }
    }
}
