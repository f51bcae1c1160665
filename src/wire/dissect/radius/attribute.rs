//! The attributes that are looked at (RFC 2865 §5); all others are passed over.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::{Error, Reader};
use super::{ETHERNET, WIRELESS, text};
use crate::net::Mac;

/// More than a message of 4096 bytes can sensibly have.
const MAX_ATTRIBUTES: usize = 512;
/// Tunnel-Type VLAN (RFC 3580 §3.31).
const TUNNEL_VLAN: u8 = 13;

/// The first value of each attribute, as it is on the wire.
#[derive(Clone, Copy, Default)]
pub(super) struct Attributes<'a> {
    pub(super) user_name: Option<&'a [u8]>,
    pub(super) nas_ip: Option<IpAddr>,
    pub(super) nas_id: Option<&'a [u8]>,
    pub(super) port_type: Option<u32>,
    port: Option<u32>,
    port_id: Option<&'a [u8]>,
    framed_ip: Option<Ipv4Addr>,
    framed_ip6: Option<Ipv6Addr>,
    called: Option<&'a [u8]>,
    calling: Option<&'a [u8]>,
    tunnel_type: Option<u8>,
    group: Option<&'a [u8]>,
    pub(super) status: Option<u32>,
    /// Acct-Session-Id (RFC 2866 §5.5).
    pub(super) session: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// All of a message.
    ///
    /// # Errors
    /// An attribute is shorter than its head or longer than the message.
    pub(super) fn read(attributes: &'a [u8]) -> Result<Self, Error> {
        let mut it = Self::default();
        let mut r = Reader::new(attributes);
        for _ in 0..MAX_ATTRIBUTES {
            if r.is_empty() {
                return Ok(it);
            }
            let kind = r.u8("attribute type")?;
            let length = r.u8("attribute length")?;
            let length = length.checked_sub(2).ok_or(Error::invalid("attribute length"))?;
            let value = r.take(usize::from(length), "attribute value")?;
            it.keep(kind, value);
        }
        Err(Error::too_large("attributes"))
    }

    fn keep(&mut self, kind: u8, value: &'a [u8]) {
        let number = || value.as_array().map(|&four: &[u8; 4]| u32::from_be_bytes(four));
        let v4 = || value.as_array().map(|&four: &[u8; 4]| Ipv4Addr::from(four));
        let v6 = || value.as_array().map(|&all: &[u8; 16]| Ipv6Addr::from(all));
        match kind {
            1 => self.user_name = self.user_name.or(Some(value)),
            4 => self.nas_ip = self.nas_ip.or_else(|| v4().map(IpAddr::V4)),
            5 => self.port = self.port.or_else(number),
            8 => self.framed_ip = self.framed_ip.or_else(v4),
            30 => self.called = self.called.or(Some(value)),
            31 => self.calling = self.calling.or(Some(value)),
            32 => self.nas_id = self.nas_id.or(Some(value)),
            61 => self.port_type = self.port_type.or_else(number),
            40 => self.status = self.status.or_else(number),
            44 if self.session.is_empty() => self.session = value,
            // RFC 2868 §3.1: a tag, then three bytes.
            64 => self.tunnel_type = self.tunnel_type.or_else(|| value.get(3).copied()),
            81 => self.group = self.group.or(Some(value)),
            87 => self.port_id = self.port_id.or(Some(value)),
            95 => self.nas_ip = self.nas_ip.or_else(|| v6().map(IpAddr::V6)),
            // RFC 6911 §3.1.
            168 => self.framed_ip6 = self.framed_ip6.or_else(v6),
            _ => {}
        }
    }

    pub(super) const fn names_access_device(&self) -> bool {
        self.nas_ip.is_some() || self.nas_id.is_some()
    }

    /// The station's card: Calling-Station-Id (RFC 3580 §3.21), or the user name where a
    /// station is let in by its address alone.
    pub(super) fn station(&self) -> Option<Mac> {
        let lan = matches!(self.port_type, Some(ETHERNET | WIRELESS));
        let own = |text: &'a [u8]| {
            // Twelve digits without a separator are a telephone number as well.
            let telephone = text.iter().all(u8::is_ascii_digit);
            mac(text).filter(|_| lan || !telephone)
        };
        self.calling.or(self.user_name).and_then(own)
    }

    /// The switch, access point or controller, by the name that it gives itself.
    pub(super) fn switch(&self) -> Option<Cow<'a, str>> {
        let name = self.nas_id.map(text).filter(|name| !name.trim().is_empty());
        name.or_else(|| self.nas_ip.map(|ip| ip.to_string().into()))
    }

    /// Where the station hangs: by radio the access point (RFC 3580 §3.20), by wire the
    /// port's name, failing that its number.
    pub(super) fn port(&self) -> Option<Cow<'a, str>> {
        let radio = self.called.filter(|_| self.port_type == Some(WIRELESS));
        let point = radio.and_then(|called| mac(called.get(..17)?)).map(|it| format!("AP {it}"));
        let name = || self.port_id.map(interface).filter(|name| !name.is_empty());
        let number = || self.port.map(|number| Cow::Owned(format!("port {number}")));
        point.map(Cow::Owned).or_else(name).or_else(number)
    }

    /// The computer of `host/NAME.domain`, as Windows logs on by itself: a name in a domain,
    /// and nothing else. Before a server has accepted it, it is what a stranger writes.
    pub(super) fn computer(&self) -> Option<&'a str> {
        let host = std::str::from_utf8(self.user_name?).ok()?.strip_prefix("host/")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
        (host.contains('.') && host.split('.').all(is_label)).then_some(host)
    }

    /// Tunnel-Private-Group-ID (RFC 3580 §3.31): a VLAN's number in digits behind an
    /// optional tag. Names of VLANs are the switch's own and stay.
    pub(super) fn vlan(&self) -> Option<u16> {
        if self.tunnel_type.is_some_and(|kind| kind != TUNNEL_VLAN) {
            return None;
        }
        let digits = match self.group? {
            [0..=0x1f, rest @ ..] => rest,
            all => all,
        };
        let number: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (1..=4094).contains(&number).then_some(number)
    }

    /// Addresses of the station (RFC 2865 §5.8: the two highest ask for one).
    pub(super) fn framed(&self) -> impl Iterator<Item = IpAddr> {
        let own = |ip: &Ipv4Addr| !ip.is_unspecified() && u32::from(*ip) < 0xffff_fffe;
        let v4 = self.framed_ip.filter(own).map(IpAddr::V4);
        v4.into_iter().chain(self.framed_ip6.map(IpAddr::V6))
    }
}

/// A card's address in any of the usual spellings: `00-1B-2C-01-02-03`,
/// `00:1b:2c:01:02:03`, `001b.2c01.0203`, `001b2c010203`.
pub(super) fn mac(text: &[u8]) -> Option<Mac> {
    let mut octets = [0_u8; 6];
    let mut digits = text.iter().filter(|b| !matches!(b, b'-' | b':' | b'.' | b' '));
    let mut digit = || char::from(*digits.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    for octet in &mut octets {
        *octet = digit()? << 4 | digit()?;
    }
    let whole = digits.next().is_none() && text.len() <= 17;
    Some(Mac(octets)).filter(|it| whole && it.is_unicast())
}

/// The name of a port (RFC 2869 §5.17) without what a site has written behind it: one word,
/// and numbers.
fn interface(name: &[u8]) -> Cow<'_, str> {
    let is_number = |word: &[u8]| {
        let signs = |b: &u8| b.is_ascii_digit() || b"/.:".contains(b);
        (1..=12).contains(&word.len()) && word.iter().all(signs)
    };
    let name = name.trim_ascii();
    let mut words = name.split_inclusive(|&b| b == b' ');
    let first = words.next().map_or(0, <[u8]>::len);
    let numbers = words.take_while(|word| is_number(word.trim_ascii_end())).map(<[u8]>::len);
    let end = first.saturating_add(numbers.sum());
    text(name.get(..end).unwrap_or(name).trim_ascii_end())
}
