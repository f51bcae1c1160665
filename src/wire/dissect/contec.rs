//! Contec CMS8000 patient monitors and what is sold as them (Epsimed MN-120): their
//! firmware has fixed addresses at a university built in, to which it mounts a file
//! system and sends patient data (CISA ICSMA-25-030-01; CVE-2025-0626, CVE-2025-0683).
//! Whoever asks for those addresses is one.

use std::net::{IpAddr, Ipv4Addr};

use super::{Body, Error, Protocol, Reader, Sink, Who};
use crate::net::Mac;
use crate::observe::Key;
use crate::wire::packet::{Layer3, Layer4, Packet, TcpFlags};

/// The address that is called, with its port where that is known.
const CALLS_HOME: Key = Key::new("contec.callhome");

/// The monitor as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "contec",
    standard: "CISA ICSMA-25-030-01",
    keys: &[CALLS_HOME],
    ports: &[],
    body: Body::Packet { wants, read },
};

/// The file server and the central station.
const HOMES: [Ipv4Addr; 2] = [Ipv4Addr::new(202, 114, 4, 119), Ipv4Addr::new(202, 114, 4, 120)];

fn wants(packet: &Packet<'_>) -> bool {
    match (packet.l3, packet.l4) {
        (Layer3::Ip { dst: IpAddr::V4(dst), .. }, Layer4::Tcp { flags, .. }) => {
            HOMES.contains(&dst) && flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK)
        }
        (Layer3::Arp, _) => {
            packet.payload.get(24..28).is_some_and(|to| HOMES.iter().any(|ip| ip.octets() == to))
        }
        _ => false,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if let (Layer3::Ip { dst, .. }, Layer4::Tcp { dst: port, .. }) = (packet.l3, packet.l4) {
        out.fact(Who::Sender, &CALLS_HOME, &format!("{dst}:{port}"));
        return Ok(());
    }
    // RFC 826: a request of a host on this link.
    let mut r = Reader::new(packet.payload);
    if r.array::<8>("ARP header")? != [0, 1, 8, 0, 6, 4, 0, 1] {
        return Ok(());
    }
    let mac = Mac(r.array("sender hardware address")?);
    let ip = Ipv4Addr::from(r.array::<4>("sender protocol address")?);
    r.skip(6, "target hardware address")?;
    let home = Ipv4Addr::from(r.array::<4>("target protocol address")?);
    if packet.src_mac == Some(mac) && mac.is_unicast() && !ip.is_unspecified() {
        let who = Who::Named { mac: Some(mac), ip: Some(IpAddr::V4(ip)) };
        out.fact(who, &CALLS_HOME, &home.to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn syn(dst: [u8; 4], flags: u8) -> Packet<'static> {
        let mut packet = udp(0, 0, &[]);
        if let Layer3::Ip { dst: to, .. } = &mut packet.l3 {
            *to = IpAddr::from(dst);
        }
        packet.l4 = Layer4::Tcp {
            src: 1025,
            dst: 515,
            seq: 0,
            ack: 0,
            flags: TcpFlags(flags),
            window: 0,
            options: &[],
        };
        packet
    }

    #[test]
    fn who_calls_home() {
        assert_eq!(
            facts(&packet("contec", &syn([202, 114, 4, 120], TcpFlags::SYN)).unwrap()),
            ["C contec.callhome=202.114.4.120:515"]
        );
        assert!(!wants(&syn([202, 114, 4, 121], TcpFlags::SYN)));
        assert!(!wants(&syn([202, 114, 4, 119], TcpFlags::SYN | TcpFlags::ACK)));
    }

    #[test]
    fn who_asks_for_home_on_the_link() {
        let mut ask = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 202, 114, 4, 50];
        ask.extend([0, 0, 0, 0, 0, 0, 202, 114, 4, 119]);
        let mut arp = udp(0, 0, &ask);
        (arp.l3, arp.l4) = (Layer3::Arp, Layer4::None);
        assert_eq!(
            facts(&packet("contec", &arp).unwrap()),
            ["<02:00:00:00:00:01|202.114.4.50> contec.callhome=202.114.4.119"]
        );
        torture::packet("contec", &arp, &[]);
        // Somebody else's frame, or an answer, is no call.
        arp.src_mac = None;
        assert!(packet("contec", &arp).unwrap().is_empty());
        ask[7] = 2;
        let mut arp = udp(0, 0, &ask);
        (arp.l3, arp.l4) = (Layer3::Arp, Layer4::None);
        assert!(packet("contec", &arp).unwrap().is_empty());
    }
}
