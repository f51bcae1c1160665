//! Addresses and places: [`Mac`], [`Segment`], [`HostId`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An EUI-48 hardware address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Group bit: multicast or broadcast, so nobody's own address.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Locally administered: randomised, virtual, or set by hand; names no maker.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }

    /// All zero, as an unset field is.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }

    /// Can be one device's own address.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && !self.is_zero()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not six hexadecimal octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a MAC address")]
pub struct BadMac;

impl FromStr for Mac {
    type Err = BadMac;

    fn from_str(text: &str) -> Result<Self, BadMac> {
        let mut octets = [0_u8; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().ok_or(BadMac)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| BadMac)?;
        }
        parts.next().is_none().then_some(Self(octets)).ok_or(BadMac)
    }
}

/// A layer-2 broadcast domain as one sensor sees it: where an address has a meaning.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Segment {
    /// Which sensor saw it; 0 for a file.
    pub sensor: u16,
    /// Outer VLAN id (IEEE 802.1Q), 0 when untagged.
    pub vlan: u16,
    /// Inner VLAN id of a QinQ stack (IEEE 802.1ad), 0 when there is none.
    pub inner_vlan: u16,
    /// VXLAN or GENEVE network identifier of an overlay, 0 when there is none.
    pub vni: u32,
}

impl fmt::Display for Segment {
    /// `120`, `120.7` for QinQ, `vni 5001`, and nothing when untagged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.vlan != 0 {
            write!(f, "{}", self.vlan)?;
        }
        if self.inner_vlan != 0 {
            write!(f, ".{}", self.inner_vlan)?;
        }
        if self.vni != 0 {
            write!(f, "{}vni {}", if self.vlan == 0 { "" } else { " " }, self.vni)?;
        }
        Ok(())
    }
}

/// One speaker as the wire shows it: a segment and the addresses it used there.
///
/// Not yet a device: behind a router the MAC is the router's. The census decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostId {
    /// The segment in which it was seen.
    pub segment: Segment,
    /// Source MAC of its frames; none for raw IP captures.
    pub mac: Option<Mac>,
    /// Its IP address; none for pure layer-2 speakers.
    pub ip: Option<IpAddr>,
}

/// Three words instead of some twenty pieces: a host is looked up for all that is said.
impl Hash for HostId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Segment { sensor, vlan, inner_vlan, vni } = self.segment;
        let place = u128::from(sensor) << 64
            | u128::from(vlan) << 48
            | u128::from(inner_vlan) << 32
            | u128::from(vni);
        let [a, b, c, d, e, f] = self.mac.unwrap_or_default().0;
        let mac = u64::from_be_bytes([u8::from(self.mac.is_some()), 0, a, b, c, d, e, f]);
        let (family, ip) = match self.ip {
            None => (0, 0),
            Some(IpAddr::V4(ip)) => (4, u128::from(ip.to_bits())),
            Some(IpAddr::V6(ip)) => (6, ip.to_bits()),
        };
        state.write_u128(place);
        state.write_u64(mac ^ family << 48);
        state.write_u128(ip);
    }
}

/// Routed on the Internet (RFC 1918, 4193, 6598 and the like are not).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b & 0xfe) == 18)
                || a == 0
                || a >= 224)
        }
        IpAddr::V6(v6) => matches!(v6.segments()[0], 0x2000..=0x3fff),
    }
}

/// Transport protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_round_trip() {
        let mac: Mac = "00:09:FB:05:93:22".parse().unwrap();
        assert_eq!(mac.to_string(), "00:09:fb:05:93:22");
        assert!("00:09:fb".parse::<Mac>().is_err());
        assert!("00:09:fb:05:93:22:11".parse::<Mac>().is_err());
    }

    #[test]
    fn segment_text() {
        let qinq = Segment { vlan: 120, inner_vlan: 7, ..Segment::default() };
        assert_eq!(qinq.to_string(), "120.7");
        assert_eq!(Segment::default().to_string(), "");
    }
}
