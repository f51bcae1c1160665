//! What an address is by its number alone.

use std::net::{IpAddr, Ipv6Addr};

use crate::net::Mac;

/// Can be one host's own on a network: not the loopback, a group, everybody or nobody
/// (RFC 6890). Link-local addresses can.
pub(super) fn is_somebodys(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, ..] = v4.octets();
            !(a == 0 || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6 == Ipv6Addr::LOCALHOST || v6.is_multicast()),
    }
}

/// An address stands for itself, an IPv6 one for its /64: a host has several there.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

/// Addresses that are mostly of one segment: a /24, an IPv6 /64.
pub(super) fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & !0xff).into()),
        v6 => network(v6),
    }
}

pub(super) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// VRRP (RFC 9568 §7.3), HSRP v1/v2 and GLBP virtual addresses.
pub(super) const fn is_virtual_router(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
            | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x05, 0x73, 0xa0, 0x00..=0x0f, _]
            | [0x00, 0x07, 0xb4, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_addresses_are_nobodys() {
        let own = |ip: &str| is_somebodys(ip.parse().unwrap());
        for ip in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.251",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!own(ip), "{ip}");
        }
        for ip in ["10.0.0.1", "169.254.3.4", "fe80::1", "2001:db8::1", "93.184.216.34"] {
            assert!(own(ip), "{ip}");
        }
    }

    #[test]
    fn addresses_that_routers_share() {
        let shared = |mac: &str| is_virtual_router(mac.parse().unwrap());
        for mac in
            ["00:00:5e:00:01:07", "00:00:5e:00:02:07", "00:00:0c:07:ac:01", "00:00:0c:9f:f1:02"]
        {
            assert!(shared(mac), "{mac}");
        }
        assert!(!shared("00:00:5e:00:03:07") && !shared("00:00:0c:07:ad:01"));
    }
}
